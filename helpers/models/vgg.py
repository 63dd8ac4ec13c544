"""The VGG networks: table 1 of the paper as data, and one way to build them.

| configuration | layers with weights | parameters |
|---|---|---|
| A, A-LRN | 8 convolutions + 3 | 132,863,336 |
| B | 10 + 3 | 133,047,848 |
| C | 13 + 3, three of them 1x1 | 133,638,952 |
| D, known as VGG-16 | 13 + 3 | 138,357,544 |
| E, known as VGG-19 | 16 + 3 | 143,667,240 |

Source: Simonyan and Zisserman 2015, tables 1 and 2.
"""

import copy
import math
from collections.abc import Sequence

import torch
from torch import nn

from helpers.models.alexnet import ConvNet, LocalResponseNorm

# A number is a 3x3 convolution with that many filters, (number, 1) a 1x1 convolution; each with
# stride 1, padding that keeps the size, and a ReLU. "M" is 2x2 max pooling.
Configuration = Sequence[int | tuple[int, int] | str]
CONFIGURATIONS: dict[str, Configuration] = {
    "A": (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "A-LRN": (64, "LRN", "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "B": (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "C": (64, 64, "M", 128, 128, "M", 256, 256, (256, 1), "M", 512, 512, (512, 1), "M",
          512, 512, (512, 1), "M"),
    "D": (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    "E": (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M",
          512, 512, 512, 512, "M"),
}  # fmt: skip


def make_vgg(
    configuration: Configuration,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
) -> ConvNet:
    """The network of a configuration, e.g. ``make_vgg(CONFIGURATIONS["D"])``.

    width: multiplies every number of channels and of hidden units. The network reads
    (N, in_channels, 224, 224) and returns scores (N, num_classes); five poolings leave 7x7 pixels.
    Parameters have the names of torchvision's `vgg11`, `vgg13`, `vgg16` and `vgg19`.
    Raises ValueError for an entry that is neither a layer, "M" nor "LRN".
    Source: Simonyan and Zisserman 2015, section 2 and table 1.
    """
    layers, channels = [], in_channels
    for entry in configuration:
        if entry == "M":
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        elif entry == "LRN":
            layers.append(LocalResponseNorm())
        elif isinstance(entry, str):
            raise ValueError(f"a configuration holds numbers, 'M' and 'LRN', not {entry!r}")
        else:
            filters, kernel_size = (entry, 3) if isinstance(entry, int) else entry
            filters = int(width * filters)
            layers.append(nn.Conv2d(channels, filters, kernel_size, padding=kernel_size // 2))
            layers.append(nn.ReLU())
            channels = filters
    hidden = int(width * 4096)
    classifier = nn.Sequential(
        nn.Linear(channels * 7 * 7, hidden), nn.ReLU(), nn.Dropout(),
        nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(),
        nn.Linear(hidden, num_classes),
    )  # fmt: skip
    return ConvNet(nn.Sequential(*layers), classifier)


def fc_to_conv(vgg: nn.Module) -> nn.Sequential:
    """The same network as convolutions only, so that it reads larger images, too.

    vgg: has `features`, convolutions and poolings, and a `classifier` of linear layers, dropout and
    activations; it is left as it is. The first linear layer becomes a convolution as large as the
    maps it was made for, 7x7 for 224 pixels; the others become 1x1. The weights are copied.
    Returns a module for x: (N, C, H, W), H and W at least 224, which gives a map of scores
    (N, num_classes, H // 32 - 6, W // 32 - 6), one for each window of 224 pixels, 32 apart.
    Source: Simonyan and Zisserman 2015, section 3.2; Sermanet and others 2014.
    """
    features, layers = copy.deepcopy(vgg.features), []
    channels = [m for m in features.modules() if isinstance(m, nn.Conv2d)][-1].out_channels
    for layer in vgg.classifier:
        if isinstance(layer, nn.Linear):
            side = math.isqrt(layer.in_features // channels)
            conv = nn.Conv2d(channels, layer.out_features, side).to(layer.weight)
            with torch.no_grad():
                conv.weight.copy_(layer.weight.reshape(conv.weight.shape))
                conv.bias.copy_(layer.bias)
            layers.append(conv)
            channels = layer.out_features
        elif not isinstance(layer, nn.Flatten):
            layers.append(copy.deepcopy(layer))
    return nn.Sequential(features, *layers)
