"""ResNet, DenseNet, AlphaGo's policy network."""

from itertools import pairwise

import torch
from torch import nn

from helpers import counting
from helpers.claims.networks import (
    VGG16,
    VGG19,
    built,
    convs,
    counted,
    elements,
    hwc,
    linears,
    weights,
)
from helpers.claims.recompute import Result
from helpers.models import densenet, resnet

GO = "AlphaGo's policy network"


def depth(name: str) -> int:
    """Layers with weights, projections of shortcuts not counted."""
    layers = (*convs(counted(name)), *linears(counted(name)))
    return sum("downsample" not in layer.name for layer in layers)


def stage_shapes(name: str) -> list[tuple[int, ...]]:
    """The output of each of the four stages."""
    layers = convs(counted(name))
    return [
        [layer for layer in layers if layer.name.startswith(f"layer{stage}.")][-1].out_shape
        for stage in (1, 2, 3, 4)
    ]


def doubles_and_halves() -> Result:
    """Whether each stage has twice the channels on half the pixels."""
    shapes = {name: stage_shapes(name) for name in ("ResNet-34", "ResNet-50")}
    holds = all(
        b[0] == 2 * a[0] and a[1] == 2 * b[1] and a[2] == 2 * b[2]
        for stages in shapes.values()
        for a, b in pairwise(stages)
    )
    shown = "; ".join(
        f"{name}: " + ", ".join("x".join(map(str, shape)) for shape in stages)
        for name, stages in shapes.items()
    )
    return Result(holds, shown=shown)


def has_bottlenecks() -> Result:
    """Whether the blocks from 50 layers on are 1x1, 3x3, 1x1 with fewer channels in the middle."""
    block = counting.count(resnet.Bottleneck(256, 64), (256, 56, 56))
    pair = counting.count(resnet.BasicBlock(256, 256), (256, 56, 56))
    first, middle, last = convs(block)
    holds = (
        all(made is resnet.Bottleneck for size, (made, _) in resnet.DEPTHS.items() if size >= 50)
        and middle.out_shape[0] == first.out_shape[0] < last.out_shape[0]
    )
    numbers = [sum(weights(layer) for layer in convs(count)) for count in (block, pair)]
    return Result(holds, shown=f"{numbers[0]:,} weights against {numbers[1]:,}")


def two_large_kernels() -> Result:
    """Whether the convolutions of a block are two of 3x3, at each depth."""

    def holds(size: int) -> bool:
        block = built(f"ResNet-{size}").layer1[-1]
        kernels = [part.kernel_size for part in block.children() if isinstance(part, nn.Conv2d)]
        return kernels == [(3, 3)] * 2

    shallow = {"for 18 and 34 layers": holds(18) and holds(34)}
    return Result(all(map(holds, resnet.DEPTHS)), shallow, shown="1x1, 3x3, 1x1 from 50 layers on")


def fewer_macs() -> Result:
    """Whether ResNet-152 has fewer operations than the VGGs."""
    macs = {name: counted(name).macs for name in ("ResNet-152", VGG16, VGG19)}
    shown = ", ".join(f"{name} {value / 1e9:.2f} G" for name, value in macs.items())
    return Result(min(macs, key=macs.get) == "ResNet-152", shown=f"MACs: {shown}")


def reads_all_before() -> Result:
    """Whether each layer of a dense block reads the input and the maps of all layers before it."""
    first, growth = 8, 4
    with torch.device("meta"):
        block = densenet.DenseBlock(5, first, growth)
    read = [layer.conv1.in_channels for layer in block]
    made = [first + growth * k for k in range(len(block))]
    connections = sum((channels - first) // growth + 1 for channels in read)
    return Result(read == made, shown=f"{connections} connections for {len(block)} layers")


def go_layers(start: int, stop: int | None = None):
    """Some of the convolutions of AlphaGo's policy network."""
    return convs(counted(GO))[start:stop]


def last_of_go() -> Result:
    """The last layer: its output, and its parameters with one bias and with one for every point."""
    layer = go_layers(-1)[0]
    points = elements(layer)
    biased = weights(layer) + points
    shown = f"{layer.params} parameters, {biased} with a bias for each of {points} points"
    return Result(hwc(layer), shown=shown)


def only(values: set[int]) -> int:
    """The one value of a set. Raises ValueError if there are several."""
    (value,) = values
    return value


COMPUTE = {
    "resnet-152": lambda: depth("ResNet-152"),
    "resnet-depths": lambda: [depth(f"ResNet-{size}") for size in resnet.DEPTHS if size > 18],
    "resnet-downsample": doubles_and_halves,
    "resnet-first-conv": lambda: [
        counted("ResNet-50").find(name).out_shape[1] for name in ("conv1", "maxpool")
    ],
    "resnet-no-fc": lambda: Result(
        len(linears(counted("ResNet-50"))),
        shown=", ".join(
            f"{linears(counted(name))[0].params:,} parameters in {name}"
            for name in ("ResNet-34", "ResNet-50")
        ),
    ),
    "resnet-56x56": lambda: counted("ResNet-152").find("maxpool").out_shape[1:],
    "resnet-bottleneck": has_bottlenecks,
    "resnet-8x-layers": lambda: depth("ResNet-152") / depth(VGG19),
    "resnet-two-3x3": two_large_kernels,
    "resnet-faster": fewer_macs,
    "densenet-connect": reads_all_before,
    "alphago-conv1": lambda: hwc(go_layers(0)[0]),
    "alphago-conv2-12": lambda: [
        hwc(go_layers(1, 12)[-1]),
        sum(layer.params == go_layers(1)[0].params for layer in go_layers(0)),
    ],
    "alphago-conv-last": last_of_go,
    "alphago-nopool": lambda: Result(
        only({side for layer in go_layers(0) for side in layer.out_shape[1:]}),
        shown=f"{len(go_layers(0))} layers, {counted(GO).params:,} parameters, "
        f"a field of {go_layers(-1)[0].receptive_field} pixels",
    ),
}
