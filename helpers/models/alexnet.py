"""AlexNet in its two common forms, and ZFNet, which enlarges the early maps of the first.

| network | first layer | filters | parameters |
|---|---|---|---|
| AlexNet-96, two groups | 11x11, stride 4, 227 pixels | 96 256 384 384 256 | 60,965,224 |
| AlexNet-96, one tower | 11x11, stride 4, 227 pixels | 96 256 384 384 256 | 62,378,344 |
| AlexNet-64 | 11x11, stride 4, padding 2 | 64 192 384 256 256 | 61,100,840 |
| ZFNet | 7x7, stride 2, padding 1 | 96 256 384 384 256 | 62,357,608 |
| ZFNet, wide | 7x7, stride 2, padding 1 | 96 256 512 1024 512 | 107,627,624 |

All end in maps of 6x6 and three fully connected layers. `width` multiplies all numbers of channels.

Sources: Krizhevsky, Sutskever and Hinton 2012, sections 3.3 to 3.5 (AlexNet-96); Krizhevsky 2014,
*One weird trick* (AlexNet-64, torchvision's); Zeiler and Fergus 2013, figure 3 and table 3 (ZFNet).
"""

from collections.abc import Collection

import torch
from torch import Tensor, nn

from helpers.normalization import local_response_norm


class LocalResponseNorm(nn.Module):
    """Competition between neighbouring maps, with the constants of Krizhevsky et al. 2012.

    x: (N, C, H, W). Returns the same shape; see :func:`helpers.normalization.local_response_norm`.
    """

    def forward(self, x: Tensor) -> Tensor:
        return local_response_norm(x)


class ConvNet(nn.Module):
    """Convolutions, then fully connected layers: `features`, `flatten`, `classifier`.

    x: (N, C, H, W). Returns scores (N, num_classes).
    """

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.flatten = nn.Flatten()
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.flatten(self.features(x)))


def classifier(in_features: int, hidden: int, num_classes: int) -> nn.Sequential:
    """Three fully connected layers with dropout in front of the first two.

    x: (N, in_features). Returns scores (N, num_classes).
    """
    return nn.Sequential(
        nn.Dropout(), nn.Linear(in_features, hidden), nn.ReLU(),
        nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, num_classes),
    )  # fmt: skip


class AlexNet64(ConvNet):
    """AlexNet with 64 filters in its first layer: no groups, no normalisation.

    x: (N, in_channels, 224, 224) or 227x227: 64x55x55 or 64x56x56 after the first layer, 256x6x6
    after the last pooling either way. Returns scores (N, num_classes). 61,100,840 parameters;
    torchvision's `alexnet` has the same names for them.
    """

    def __init__(self, num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> None:
        c1, c2, c3, c4, c5, hidden = (int(width * c) for c in (64, 192, 384, 256, 256, 4096))
        features = nn.Sequential(
            nn.Conv2d(in_channels, c1, kernel_size=11, stride=4, padding=2), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(c1, c2, kernel_size=5, padding=2), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(c2, c3, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(c3, c4, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(c4, c5, kernel_size=3, padding=1), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )  # fmt: skip
        super().__init__(features, classifier(c5 * 6 * 6, hidden, num_classes))


class AlexNet96(ConvNet):
    """AlexNet as published in 2012, the two GPUs' halves as two groups of channels.

    x: (N, in_channels, 227, 227), no padding in the first layer. groups: 2 for the published net,
    60,965,224 parameters, in which conv2, conv4 and conv5 read only the maps of their own GPU; 1
    for a single tower, 62,378,344. Each of the first two layers is normalised before it is pooled.
    Returns scores (N, num_classes).
    """

    def __init__(
        self, num_classes: int = 1000, in_channels: int = 3, width: float = 1.0, groups: int = 2
    ) -> None:
        c1, c2, c3, c4, c5, hidden = (int(width * c) for c in (96, 256, 384, 384, 256, 4096))
        features = nn.Sequential(
            nn.Conv2d(in_channels, c1, kernel_size=11, stride=4), nn.ReLU(),
            LocalResponseNorm(), nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(c1, c2, kernel_size=5, padding=2, groups=groups), nn.ReLU(),
            LocalResponseNorm(), nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(c2, c3, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(c3, c4, kernel_size=3, padding=1, groups=groups), nn.ReLU(),
            nn.Conv2d(c4, c5, kernel_size=3, padding=1, groups=groups), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )  # fmt: skip
        super().__init__(features, classifier(c5 * 6 * 6, hidden, num_classes))


class ZFNet(ConvNet):
    """Zeiler and Fergus's net: AlexNet with smaller filters and strides at the beginning.

    x: (N, in_channels, 224, 224); maps of 110, 55, 26, 13 and 6 pixels. channels: filters of conv3
    to conv5; (512, 1024, 512) gives the wide variant. Returns scores (N, num_classes).
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        channels: tuple[int, int, int] = (384, 384, 256),
    ) -> None:
        c1, c2, c3, c4, c5, hidden = (int(width * c) for c in (96, 256, *channels, 4096))
        features = nn.Sequential(
            nn.Conv2d(in_channels, c1, kernel_size=7, stride=2, padding=1), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1), LocalResponseNorm(),
            nn.Conv2d(c1, c2, kernel_size=5, stride=2), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1), LocalResponseNorm(),
            nn.Conv2d(c2, c3, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(c3, c4, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(c4, c5, kernel_size=3, padding=1), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )  # fmt: skip
        super().__init__(features, classifier(c5 * 6 * 6, hidden, num_classes))


def as_one_group(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution without groups that does what a grouped one does.

    Its weights are block-diagonal: group g of the filters keeps its weights for group g of the
    input channels and has zeros for all others. conv: with `groups` g, weights
    (C_out, C_in/g, kH, kW). Returns a new nn.Conv2d with weights (C_out, C_in, kH, kW).
    """
    dense = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding,
        conv.dilation, bias=conv.bias is not None,
        device=conv.weight.device, dtype=conv.weight.dtype,
    )  # fmt: skip
    reads = conv.in_channels // conv.groups
    with torch.no_grad():
        dense.weight.zero_()
        for group, filters in enumerate(conv.weight.chunk(conv.groups)):
            rows = slice(group * len(filters), (group + 1) * len(filters))
            dense.weight[rows, group * reads : (group + 1) * reads] = filters
        if conv.bias is not None:
            dense.bias.copy_(conv.bias)
    return dense


IN_BETWEEN = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Dropout, LocalResponseNorm)


def remove_layers(model: nn.Sequential, numbers: Collection[int]) -> nn.Sequential:
    """A model without some of its layers, as in Zeiler and Fergus's table 3.

    model: a flat `nn.Sequential`; numbers: which of its convolutions and linear layers to remove,
    counted from 1 in their order. Activations, dropout and normalisation that directly follow a
    removed layer go with it; pooling and flatten stay. The next layer is made anew where its number
    of inputs changes; all others are those of `model`, which stays as it is. What is removed must
    keep height and width, as conv3 to fc7 of AlexNet do.
    Raises ValueError for a number that no layer has.
    """
    weighted = [m for m in model if isinstance(m, nn.Conv2d | nn.Linear)]
    if not set(numbers) <= set(range(1, len(weighted) + 1)):
        raise ValueError(f"there are layers 1 to {len(weighted)}, not {sorted(numbers)}")
    removed = [weighted[n - 1] for n in numbers]
    kept, going, before, now = [], False, None, None  # values a layer hands on, before and now
    for layer in model:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            inputs, outputs = _ends(layer)
            # A linear layer behind a flatten has as many inputs as maps times their size.
            arriving = inputs if before is None else inputs * now // before
            going = any(layer is other for other in removed)
            if not going:
                kept.append(layer if arriving == inputs else _with_inputs(layer, arriving))
            before, now = outputs, arriving if going else outputs
        elif not (going and isinstance(layer, IN_BETWEEN)):
            kept.append(layer)
            going = False
    return nn.Sequential(*kept)


def _ends(layer: nn.Conv2d | nn.Linear) -> tuple[int, int]:
    """How many inputs and outputs a layer has, channels or features."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    return layer.in_channels, layer.out_channels


def _with_inputs(layer: nn.Conv2d | nn.Linear, inputs: int) -> nn.Conv2d | nn.Linear:
    """A new layer like `layer` for another number of inputs."""
    like = {"bias": layer.bias is not None, "device": layer.weight.device,
            "dtype": layer.weight.dtype}  # fmt: skip
    if isinstance(layer, nn.Linear):
        return nn.Linear(inputs, layer.out_features, **like)
    return nn.Conv2d(
        inputs, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
        layer.dilation, layer.groups, **like,
    )  # fmt: skip
