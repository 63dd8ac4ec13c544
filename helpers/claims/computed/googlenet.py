"""GoogLeNet: the module that the slides work out, the stem, the head, the whole."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import prod

import torch
from torch import nn

from helpers import counting
from helpers.claims.computed.vgg import MISSING
from helpers.claims.networks import (
    TOWER,
    VGG16,
    built,
    convs,
    counted,
    counted_vgg,
    elements,
    hwc,
    inception_28,
    linears,
    memory,
    operations,
    percent,
    pools,
    short,
)
from helpers.claims.notation import number
from helpers.claims.recompute import Result, swaps
from helpers.claims.table import find
from helpers.models import googlenet
from helpers.models.vgg import CONFIGURATIONS

NET = "GoogLeNet"
STEM = ("conv7", "maxpool1", "conv1x1", "conv3x3", "maxpool2")
SIDE = 28  # the maps behind the stem, and those of the worked module


# --- one module on 28x28x256 ---------------------------------------------------------------------


def module(naive: bool) -> tuple[nn.Module, counting.Count]:
    """The module that the slides work out, and its cost."""
    if naive:
        return inception_28(googlenet.NaiveInception, 256, 128, 192, 96)
    return inception_28(googlenet.Inception, 256, 128, 64, 192, 64, 96, 64)


def conv(naive: bool, kernel_size: int, filters: int):
    """The module's convolutions with that kernel and so many filters: (module, layer) of each."""
    made, count = module(naive)
    found = [(made.get_submodule(layer.name), layer) for layer in convs(count)]
    return [
        (each, layer)
        for each, layer in found
        if each.kernel_size[0] == kernel_size and each.out_channels == filters
    ]


def factors(naive: bool, kernel_size: int, filters: int) -> tuple[int, ...]:
    """The product that a slide writes for MACs: rows, columns, filters, kernel, input channels.

    Raises ValueError if it is not what counting gives.
    """
    each, layer = conv(naive, kernel_size, filters)[0]
    found = (*hwc(layer), *each.kernel_size, each.in_channels)
    if prod(found) != layer.macs:
        raise ValueError(f"{found} is not what was counted, {layer.macs}")
    return found


def product(naive: bool, kernel_size: int, filters: int) -> Result:
    """The factors, and what they come to."""
    found = factors(naive, kernel_size, filters)
    return Result(found, shown=f"{prod(found):,} MACs")


def misread_264() -> Result:
    """The factors of the 5x5 convolution, and with the misprint."""
    right = product(False, 5, 96)
    slip = (*right.value[:-1], int(f"2{right.value[-1]}"))
    return replace(right, slips={"a stray 2 before the 64": slip})


def output(naive: bool) -> tuple[int, ...]:
    """(H, W, C) of what the module puts out when it runs."""
    with torch.no_grad():
        channels, *sides = module(naive)[0](torch.empty(1, 256, SIDE, SIDE, device="meta"))[0].shape
    return (*sides, channels)


def bottleneck_macs() -> Result:
    """The six products added up, and three ways to go wrong."""
    _, count = module(False)
    (_, large), (_, middle) = conv(False, 5, 96)[0], conv(False, 3, 192)[0]
    reduction = conv(False, 1, 64)[0][1].macs
    misread = prod(misread_264().slips["a stray 2 before the 64"]) - large.macs
    return Result(
        count.macs,
        slips={
            "taking 264 at its word": count.macs + misread,
            "counting the 3x3 product twice": count.macs + middle.macs,
            "counting the 5x5 product twice and no product of 64 filters": (
                count.macs + large.macs - 3 * reduction
            ),
        },
    )


def bottleneck_ratio() -> Result:
    """Operations of the two modules, and how many times fewer."""
    naive, bottleneck = module(True)[1].macs, module(False)[1].macs
    printed = float(number(find("inception-bneck-total").stated).value)
    slip = {"dividing by the printed 353M": [printed, naive, naive / printed]}
    return Result([bottleneck, naive, naive / bottleneck], slips=slip)


def bottleneck_pays() -> Result:
    """Whether each reduced branch costs less, the reduction included."""
    reduction = conv(False, 1, 64)[0][1].macs
    saved = [
        conv(True, size, filters)[0][1].macs - conv(False, size, filters)[0][1].macs - reduction
        for size, filters in ((3, 192), (5, 96))
    ]
    shown = " and ".join(f"{macs / 1e6:.0f}M" for macs in saved)
    return Result(min(saved) > 0, shown=f"saves {shown} MACs behind the 3x3 and 5x5 reductions")


# --- the whole network ---------------------------------------------------------------------------


def stem() -> dict:
    """The layers of the stem by the names in its table."""
    return dict(zip(STEM, counted(NET).layers, strict=False))


def longest_path() -> int:
    """Layers with weights on the longest way through the network."""
    net = built(NET)

    def count(part: nn.Module) -> int:
        return sum(isinstance(each, nn.Conv2d | nn.Linear) for each in part.modules())

    modules = sum(max(map(count, module.children())) for module in net.inception.values())
    return count(net.stem) + modules + count(net.head)


def parameters() -> Result:
    """Parameters of GoogLeNet, and of what might be meant instead."""
    net, last = counted(NET), linears(counted(NET))[-1]
    heads = sum(p.numel() for p in built("GoogLeNet, two heads more").parameters())
    other = counted("GoogLeNet, torchvision's").params
    return Result(
        net.params,
        {"without the last layer": net.params - last.params, "for torchvision's": other},
        shown=f"{heads:,} with both auxiliary heads, torchvision's {other:,}",
    )


def fewer_parameters() -> Result:
    """AlexNet's parameters over GoogLeNet's."""
    large, small = (
        float(number(find(name).stated).value) for name in ("alexnet96-60M", "googlenet-5M")
    )
    return Result(
        counted("AlexNet-96").params / counted(NET).params,
        {"for torchvision's": counted("AlexNet-64").params
         / counted("GoogLeNet, torchvision's").params},
        {"dividing 60M by the 5M of the same slides": large / small},
    )  # fmt: skip


def more_operations() -> Result:
    """GoogLeNet's operations over AlexNet's."""
    macs = counted(NET).macs
    shown = f"{macs / 1e9:.3f} G MACs; {macs / counted(TOWER).macs:.2f}x without groups"
    return Result(macs / counted("AlexNet-96").macs, shown=shown)


def fully_connected() -> Result:
    """Fully connected layers on the way to the scores."""
    layers = linears(counted(NET))
    slip = {"not counting the last layer": len(layers) - 1}
    return Result(len(layers), slips=slip, shown=f"{layers[-1].params:,} parameters")


def stem_total_operations() -> Result:
    """All operations of the stem, and what two exchanged digits make of them."""
    layers = stem().values()
    total = sum(map(operations, layers))
    macs = sum(layer.macs for layer in layers)
    return Result(total, slips=swaps(total, 10**6), shown=f"{macs:,} without the poolings")


# --- VGG-16 down to 28 pixels --------------------------------------------------------------------


def down_to_28(configuration: tuple = CONFIGURATIONS["D"]) -> list:
    """The layers of a VGG up to the pooling that leaves 28 pixels."""
    layers = counted_vgg(configuration).layers
    last = next(k for k, layer in enumerate(layers) if layer.out_shape[1] == SIDE)
    return list(layers[: last + 1])


def only_convs(layers: list) -> list:
    """The convolutions among some layers."""
    return [layer for layer in layers if layer.type == "Conv2d"]


def cut() -> list:
    """The convolutions down to 28 pixels of the VGG-16 that the decks list."""
    return only_convs(down_to_28(short(CONFIGURATIONS["D"])))


def memory_against_stem() -> Result:
    """Memory down to 28 pixels, and over that of the stem."""
    own, stem_bytes = down_to_28(), memory(*stem().values())

    def against(layers: list) -> list[float]:
        return [memory(*layers), memory(*layers) / stem_bytes]

    return Result(
        against(own),
        {"without poolings on one side": against(only_convs(own))},
        {"leaving conv3_3 and all poolings out": against(cut())},
    )


def parameters_against_stem() -> Result:
    """Parameters down to 28 pixels, and over those of the stem."""
    own, small = (
        sum(layer.params for layer in layers) for layers in (down_to_28(), stem().values())
    )
    short_of_one = sum(layer.params for layer in cut())
    rounded = round(short_of_one, -5) / round(small, -3)
    return Result(
        [own, own / small],
        slips={f"{MISSING} and dividing rounded numbers": [short_of_one, rounded]},
    )


def operations_against_stem() -> Result:
    """Operations down to 28 pixels, and over those of the stem."""
    own, small = (sum(map(operations, layers)) for layers in (down_to_28(), stem().values()))
    macs = sum(layer.macs for layer in cut())
    return Result([own, own / small], slips={MISSING: [macs, ...]})


def early_half() -> Result:
    """Whether most operations of VGG-16 come before 28 pixels."""
    part, whole = sum(layer.macs for layer in down_to_28()), counted(VGG16).macs
    return Result(part > whole / 2, shown=percent(part, whole))


def head() -> Result:
    """Numbers that averaging and the last layer put out."""
    average, last = pools(counted(NET))[-1], linears(counted(NET))[-1]
    large = counting.conv_cost(1024, 4096, 7, 7).params
    return Result([elements(average), elements(last)], shown=f"FC6 here: {large:,} parameters")


COMPUTE: dict[str, Callable] = {
    "googlenet-5M": parameters,
    "googlenet-12x": fewer_parameters,
    "googlenet-2x-compute": more_operations,
    "googlenet-22-layers": longest_path,
    "googlenet-no-fc": fully_connected,
    "inception-naive-out-1x1": lambda: hwc(conv(True, 1, 128)[0][1]),
    "inception-naive-out-3x3": lambda: hwc(conv(True, 3, 192)[0][1]),
    "inception-naive-out-5x5": lambda: hwc(conv(True, 5, 96)[0][1]),
    "inception-naive-out-pool": lambda: hwc(pools(module(True)[1])[0]),
    "inception-naive-concat": lambda: output(True),
    "inception-naive-total": lambda: module(True)[1].macs,
    "inception-naive-ops-1x1": lambda: product(True, 1, 128),
    "inception-naive-ops-3x3": lambda: product(True, 3, 192),
    "inception-naive-ops-5x5": lambda: product(True, 5, 96),
    "inception-bneck-1x1-64": lambda: Result(
        [factors(False, 1, 64), len(conv(False, 1, 64))], shown=product(False, 1, 64).shown
    ),
    "inception-bneck-1x1-128": lambda: product(False, 1, 128),
    "inception-bneck-3x3": lambda: product(False, 3, 192),
    "inception-bneck-5x5-264": misread_264,
    "inception-bneck-total": bottleneck_macs,
    "inception-bneck-ratio": bottleneck_ratio,
    "inception-depth-grows": lambda: Result(
        output(True)[2], shown=f"{output(False)[2]} with a 1x1 convolution behind the pooling"
    ),
    "inception-bneck-purpose": bottleneck_pays,
    "inception-concat-bneck": lambda: Result(
        hwc(convs(module(False)[1])[-1])[2], shown="x".join(map(str, output(False)))
    ),
    "googlenet-stem-total-mem": lambda: memory(*stem().values()),
    "googlenet-stem-total-params": lambda: sum(layer.params for layer in stem().values()),
    "googlenet-stem-total-flop": stem_total_operations,
    "googlenet-vs-vgg-mem": memory_against_stem,
    "googlenet-vs-vgg-params": parameters_against_stem,
    "googlenet-vs-vgg-flop": operations_against_stem,
    "googlenet-stem-purpose": early_half,
    "googlenet-avgpool-out": lambda: pools(counted(NET))[-1].out_shape,
    "googlenet-avgpool-mem": lambda: memory(pools(counted(NET))[-1]),
    "googlenet-avgpool-params": lambda: pools(counted(NET))[-1].params,
    "googlenet-avgpool-flop": lambda: operations(pools(counted(NET))[-1]),
    "googlenet-fc-mem": lambda: memory(linears(counted(NET))[-1]),
    "googlenet-fc-params": lambda: linears(counted(NET))[-1].params,
    "googlenet-fc-flop": lambda: linears(counted(NET))[-1].macs,
    "googlenet-gap": head,
}
_CELLS = {
    "out": lambda label: stem()[label].out_shape,
    "mem": lambda label: memory(stem()[label]),
    "params": lambda label: stem()[label].params,
    "flop": lambda label: operations(stem()[label]),
}
for _label in STEM:
    for _column, _cell in _CELLS.items():
        COMPUTE[f"googlenet-stem-{_label}-{_column}"] = partial(_cell, _label)
