"""The networks of the lectures, built on the meta device and counted once each."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import prod

import torch
from torch import nn

from helpers import counting
from helpers.counting import Count, LayerCount
from helpers.models import vgg
from helpers.models.zoo import ZOO

VGG16, VGG19 = "VGG D (VGG-16)", "VGG E (VGG-19)"
TOWER = "AlexNet-96, one tower"


@cache
def built(name: str) -> nn.Module:
    """A network of the zoo, without memory for its parameters."""
    with torch.device("meta"):
        return ZOO[name].build()


@cache
def counted(name: str, size: int | None = None) -> Count:
    """The cost of a network of the zoo; size: of its input, None for its own."""
    shape = ZOO[name].input_shape
    return counting.count(built(name), shape if size is None else (shape[0], size, size))


@cache
def counted_vgg(configuration: Sequence) -> Count:
    """The cost of a VGG-like network by its configuration."""
    with torch.device("meta"):
        model = vgg.make_vgg(configuration)
    return counting.count(model, (3, 224, 224))


@cache
def inception_28(kind: Callable[..., nn.Module], *channels: int) -> tuple[nn.Module, Count]:
    """An inception module and its cost on 28x28 pixels; channels: what it is made with."""
    with torch.device("meta"):
        module = kind(*channels)
    return module, counting.count(module, (channels[0], 28, 28))


def forget() -> None:
    """Count anew from here on."""
    for remembered in (built, counted, counted_vgg, inception_28):
        remembered.cache_clear()


def short(configuration: Sequence) -> tuple:
    """A VGG as the decks list it: two convolutions in the third stage, which has more."""
    stages = list(split(configuration))
    stages[2] = stages[2][:2]
    return tuple(entry for stage in stages for entry in (*stage, "M"))


def split(configuration: Sequence) -> Iterator[tuple]:
    """The convolutions of each stage of a VGG."""
    stage: list = []
    for entry in configuration:
        if entry == "M":
            yield tuple(stage)
            stage = []
        else:
            stage.append(entry)


def convs(count: Count) -> list[LayerCount]:
    """The convolutions among the layers, in order."""
    return [layer for layer in count.layers if layer.type == "Conv2d"]


def pools(count: Count) -> list[LayerCount]:
    """The poolings among the layers, in order."""
    return [layer for layer in count.layers if "Pool" in layer.type]


def linears(count: Count) -> list[LayerCount]:
    """The fully connected layers, in order."""
    return [layer for layer in count.layers if layer.type == "Linear"]


def labelled(name: str, labels: str, size: int | None = None) -> dict[str, LayerCount]:
    """The layers of a network by the names that the lectures give them, in order."""
    layers = [layer for layer in counted(name, size).layers if layer.type != "LocalResponseNorm"]
    return dict(zip(labels.split(), layers, strict=True))


def elements(layer: LayerCount) -> int:
    """How many numbers a layer puts out."""
    return prod(layer.out_shape)


def hwc(layer: LayerCount) -> tuple[int, ...]:
    """The shape of the output as most slides write it: rows, columns, channels."""
    return (*layer.out_shape[1:], layer.out_shape[0])


def operations(layer: LayerCount) -> int:
    """MACs, and the comparisons or additions of a pooling."""
    return layer.macs + layer.other_ops


def weights(layer: LayerCount) -> int:
    """Parameters without biases, of a convolution or fully connected layer."""
    pixels = prod(layer.out_shape[1:])
    return layer.macs // pixels


def memory(*layers: LayerCount) -> float:
    """Bytes of the outputs, as float32."""
    return sum(layer.kib for layer in layers) * 1024


def percent(part: float, whole: float) -> str:
    """A share in words."""
    return f"{100 * part / whole:.1f} %"
