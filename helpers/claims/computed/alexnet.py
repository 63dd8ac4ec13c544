"""AlexNet-96 and AlexNet-64: every cell of the lectures' listings and tables."""

from collections.abc import Callable, Collection
from functools import partial
from math import prod

import torch
from torch import nn

from helpers import convolution, counting, normalization, pooling
from helpers.claims.networks import (
    TOWER,
    built,
    convs,
    counted,
    elements,
    hwc,
    labelled,
    linears,
    memory,
    operations,
    percent,
    weights,
)
from helpers.claims.notation import number
from helpers.claims.recompute import Result, swaps
from helpers.claims.table import find

PAPER, SMALL = "AlexNet-96", "AlexNet-64"
# The decks' table of costs has torchvision's network on an input of 227 pixels.
SIZE = 227
LABELS_96 = "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool3 flatten fc6 fc7 fc8"
LABELS_64 = "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool5 flatten fc6 fc7 fc8"
CAPTION = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
WITHOUT_BIASES = "without biases"


def layer_96(label: str, name: str = TOWER):
    """A layer of AlexNet-96 by the name in the listing."""
    return labelled(name, LABELS_96)[label]


def layer_64(label: str):
    """A layer of AlexNet-64 by the name in the table of costs."""
    return labelled(SMALL, LABELS_64, SIZE)[label]


def total_64():
    """All layers of AlexNet-64, as in the table of costs."""
    return counted(SMALL, SIZE)


# --- AlexNet-96 ----------------------------------------------------------------------------------


def listed(label: str) -> Result:
    """A row of the listing: (H, W, C), or the number of units of a fully connected layer."""
    layer = layer_96(label)
    shape = hwc(layer) if len(layer.out_shape) == 3 else elements(layer)
    grouped = layer_96(label, PAPER).params
    shown = f"{layer.params:,} parameters" if layer.params else ""
    if grouped != layer.params:
        shown += f", {grouped:,} with two groups"
    return Result(shape, shown=shown)


def listed_norm(after: str) -> tuple[int, ...]:
    """Normalising keeps the shape of what it follows in the listing."""
    maps = torch.zeros(1, *layer_96(after).out_shape)
    channels, rows, columns = normalization.local_response_norm(maps).shape[1:]
    return rows, columns, channels


def conv1_neurons() -> Result:
    """Outputs of CONV1, and where the number in the caption comes from."""
    channels, rows, columns = layer_96("conv1").out_shape
    # The half of the maps that one GPU has stands where the rows should.
    slip = {"putting 48, the maps of one GPU, for the 55 rows": channels // 2 * columns * channels}
    return Result(rows * columns * channels, slips=slip)


def units() -> Result:
    """Outputs of all layers with weights."""
    net = counted(PAPER)
    total = sum(elements(layer) for layer in (*convs(net), *linears(net)))
    caption = sum(number(find(f"alexnet96-neurons-{label}").stated).value for label in CAPTION)
    return Result(
        total,
        readings={"if it is cut off after two digits": total // 10**4 * 10**4},
        shown=f"the caption of another deck adds up to {int(caption):,}",
    )


def values(size: int) -> int:
    """Numbers in a colour image of that size."""
    return prod(counting.conv_cost(3, 3, 1, size).out_shape)


def padded_224() -> Result:
    """Whether some symmetric padding turns 224 pixels into an input that fits exactly."""

    def fits(size: int, padding: int) -> bool:
        return convolution.fits_exactly(size, 11, 4, padding)

    return Result(
        any(fits(224, padding) for padding in range(6)),
        readings={"with one pixel on one side and two on the other": fits(1 + 224 + 2, 0)},
    )


def parameters(name: str, without: Collection[int] = ()) -> int:
    """Parameters of a network without some of its layers, numbered from 1; the next one adapts."""
    layers = [layer for layer in built(name).modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    total, channels, pixels = 0, layers[0].in_channels, 1
    for place, layer in enumerate(layers, start=1):
        if isinstance(layer, nn.Linear) and isinstance(layers[place - 2], nn.Conv2d):
            # The classifier reads every pixel of the last maps.
            pixels = layer.in_features // layers[place - 2].out_channels
        if place in without:
            continue
        if isinstance(layer, nn.Conv2d):
            size, out = layer.kernel_size, layer.out_channels
            cost = counting.conv_cost(channels, out, size, size, groups=layer.groups)
        else:
            cost = counting.conv_cost(channels * pixels, layer.out_features, 1, 1)
            pixels = 1
        total, channels = total + cost.params, cost.out_shape[0]
    return total


def lost(*removed: int) -> Result:
    """Parameters lost with some layers; readings: the layers alone, and other AlexNets."""
    readings: dict[str, int] = {}
    for name in (PAPER, TOWER, SMALL):
        layers = [layer for layer in counted(name).layers if layer.params]
        readings[f"for {name}"] = counted(name).params - parameters(name, removed)
        readings[f"for {name}, the layers alone"] = sum(layers[n - 1].params for n in removed)
    value = readings.pop(f"for {PAPER}")
    least, most = min(readings.values()), max(readings.values())
    return Result(
        value, readings, shown=f"{least:,} to {most:,} by other counts" if least < most else ""
    )


def layers_with_weights(without: Collection[int] = ()) -> int:
    """Layers with weights, less those that are taken out."""
    return sum(bool(layer.params) for layer in counted(PAPER).layers) - len(without)


def exact_inputs() -> list[int]:
    """The sizes from which 11x11 with stride 4 makes 55 pixels and nothing is left over."""
    return [
        n
        for n in range(11, 400)
        if convolution.fits_exactly(n, 11, 4) and convolution.conv_output_size(n, 11, 4) == 55
    ]


COMPUTE: dict[str, Callable] = {
    "lenet-vs-alexnet": lambda: [
        counted(PAPER).params,
        sum(p.numel() for p in built("LeNet-5 (1998)").parameters()),
    ],
    "alexnet96-conv1-out": lambda: hwc(layer_96("conv1")),
    "alexnet96-input-224": padded_224,
    "alexnet96-conv1-params": lambda: Result(
        layer_96("conv1").params, shown=f"{weights(layer_96('conv1')):,} without biases"
    ),
    "alexnet96-pool1-out": lambda: hwc(layer_96("pool1")),
    "alexnet96-pool1-params": lambda: layer_96("pool1").params,
    "alexnet96-60M": lambda: Result(
        counted(PAPER).params, shown=f"{counted(TOWER).params:,} without groups"
    ),
    "alexnet96-650k-units": units,
    "alexnet96-input-dim": lambda: Result(values(224), shown=f"227 pixels: {values(227):,}"),
    "alexnet-8-layers": layers_with_weights,
    "alexnet-7-hidden": lambda: layers_with_weights() - 1,
    "alexnet-last2-global": lambda: len(linears(counted(PAPER))) - 1,
    "alexnet-5conv-3fc": lambda: [len(convs(counted(PAPER))), len(linears(counted(PAPER)))],
    "alexnet-half-neurons": lambda: [layer.out_shape[0] // 2 for layer in convs(counted(PAPER))],
    "ablate-7-params": lambda: lost(7),
    "ablate-67-params": lambda: lost(6, 7),
    "ablate-34-params": lambda: lost(3, 4),
    "ablate-3467-layers": lambda: layers_with_weights((3, 4, 6, 7)),
    "alexnet96-input-227": exact_inputs,
    "alexnet96-listing-norm1": lambda: listed_norm("pool1"),
    "alexnet96-listing-norm2": lambda: listed_norm("pool2"),
    "alexnet96-neurons-conv1": conv1_neurons,
}
for _label in LABELS_96.split():
    if _label != "flatten":
        COMPUTE[f"alexnet96-listing-{_label}"] = partial(listed, _label)
    if _label in CAPTION[1:]:
        COMPUTE[f"alexnet96-neurons-{_label}"] = lambda label=_label: elements(layer_96(label))


# --- AlexNet-64 ----------------------------------------------------------------------------------


def params_64(label: str) -> Result:
    """Parameters of a layer of AlexNet-64, and without biases."""
    layer = layer_64(label)
    return Result(layer.params, {WITHOUT_BIASES: weights(layer)} if layer.params else {})


def fc6_params() -> Result:
    """FC6, and what comes out when two digits change places."""
    layer = layer_64("fc6")
    return Result(layer.params, {WITHOUT_BIASES: weights(layer)}, swaps(layer.params))


def total_memory() -> Result:
    """All rows of the column of memory, and what other rows add up to."""
    net = total_64()
    return Result(
        memory(*net.layers),
        {
            "for convolutions and fully connected layers alone": memory(*convs(net), *linears(net)),
            "for convolutions alone": memory(*convs(net)),
        },
    )


def share(part: float, whole: float) -> Result:
    """Whether a part is more than half."""
    return Result(part > whole / 2, shown=percent(part, whole))


def early_memory() -> Result:
    """Whether conv1, pool1 and conv2 hold most of the memory."""
    early = (layer_64(label) for label in ("conv1", "pool1", "conv2"))
    return share(memory(*early), memory(*total_64().layers))


COMPUTE |= {
    "alexnet-variant-64-vs-96": lambda: Result(
        layer_96("conv1").out_shape[0], {"for AlexNet-64": layer_64("conv1").out_shape[0]}
    ),
    "alexnet64-fc6-params-0": lambda: params_64("fc6"),
    "alexnet64-fc6-params-2": fc6_params,
    "alexnet64-fc6-formula": fc6_params,
    "alexnet64-fc6-flops": lambda: layer_64("fc6").macs,
    "alexnet64-conv1-elements": lambda: elements(layer_64("conv1")),
    "alexnet64-conv1-kb": lambda: memory(layer_64("conv1")),
    "alexnet64-conv1-weights": lambda: layer_64("conv1").params,
    "alexnet64-conv1-macs": lambda: layer_64("conv1").macs,
    "alexnet64-conv1-size-steps": lambda: convolution.conv_output_size(SIZE, 11, 4, 2),
    "alexnet64-pool1-size-steps": lambda: [
        1 + (convolution.conv_output_size(56, 3) - 1) / 2,
        pooling.pool_output_size(56, 3, 2),
    ],
    "alexnet64-pool1-kb": lambda: memory(layer_64("pool1")),
    "alexnet64-pool1-ops": lambda: operations(layer_64("pool1")),
    "alexnet64-flatten": lambda: elements(layer_64("flatten")),
    "alexnet64-total-mem": total_memory,
    "alexnet64-total-params": lambda: total_64().params,
    "alexnet64-total-flop": lambda: Result(
        total_64().macs, shown=f"{2 * total_64().macs / 1e9:.2f} GFLOPs"
    ),
    "alexnet64-trend-mem": early_memory,
    "alexnet64-trend-params": lambda: share(
        sum(layer.params for layer in linears(total_64())), total_64().params
    ),
    "alexnet64-trend-flops": lambda: share(
        sum(layer.macs for layer in convs(total_64())), total_64().macs
    ),
}
for _label in LABELS_64.split():
    COMPUTE[f"alexnet64-{_label}-mem"] = lambda label=_label: memory(layer_64(label))
    COMPUTE[f"alexnet64-{_label}-flop"] = lambda label=_label: operations(layer_64(label))
    if _label != "fc6":
        COMPUTE[f"alexnet64-{_label}-params"] = partial(params_64, _label)
    if _label.startswith(("conv", "pool")):
        COMPUTE[f"alexnet64-{_label}-out"] = lambda label=_label: layer_64(label).out_shape
