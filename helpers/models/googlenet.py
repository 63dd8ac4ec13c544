"""GoogLeNet: inception modules, a head that averages, and two auxiliary heads.

The network of 2014 has no batch norm and real 5x5 convolutions: 6,998,552 parameters, 13,378,280
with both auxiliary heads. torchvision's has batch norm, 3x3 convolutions in their place and other
poolings: 6,624,904 parameters. Both leave out the response normalisations of figure 3.

Source: Szegedy and others 2015, figure 3 and table 1.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.convolution import Size, pair

# Table 1 of the paper. Behind "M" the maps are halved by a 3x3 max pooling of stride 2; the numbers
# are those of :class:`Inception`: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection.
MODULES: dict[str, tuple[int, int, int, int, int, int]] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
AUXILIARY = {"4a": 512, "4d": 528}  # the modules that an auxiliary head follows: channels there

Layer = Callable[..., nn.Module]


class Conv(nn.Sequential):
    """A convolution and a ReLU; a kernel of odd size is padded so that stride 1 keeps the size.

    norm: without bias and with batch norm in between, as in torchvision's GoogLeNet.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        norm: bool = False,
    ) -> None:
        padding = kernel_size // 2
        conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=not norm)
        between = [nn.BatchNorm2d(out_channels, eps=1e-3)] if norm else []
        super().__init__(conv, *between, nn.ReLU())


class NaiveInception(nn.Module):
    """Three convolutions and a pooling side by side, their maps stacked.

    n1x1, n3x3, n5x5: filters of each convolution; pooling, 3x3 with stride 1, keeps all channels.
    x: (N, in_channels, H, W). Returns (N, n1x1 + n3x3 + n5x5 + in_channels, H, W).
    Source: Szegedy and others 2015, figure 2a.
    """

    def __init__(self, in_channels: int, n1x1: int, n3x3: int, n5x5: int) -> None:
        super().__init__()
        self.branch1 = Conv(in_channels, n1x1, 1)
        self.branch2 = Conv(in_channels, n3x3, 3)
        self.branch3 = Conv(in_channels, n5x5, 5)
        self.branch4 = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class Inception(nn.Module):
    """An inception module with 1x1 convolutions that reduce before and project after.

    n3x3_reduce, n5x5_reduce: channels that the large kernels read; pool_proj: channels left of the
    pooled maps. conv, large: how to make a layer, and the size of the largest kernel.
    x: (N, in_channels, H, W). Returns (N, n1x1 + n3x3 + n5x5 + pool_proj, H, W).
    Source: Szegedy and others 2015, figure 2b.
    """

    def __init__(
        self,
        in_channels: int,
        n1x1: int,
        n3x3_reduce: int,
        n3x3: int,
        n5x5_reduce: int,
        n5x5: int,
        pool_proj: int,
        conv: Layer = Conv,
        large: int = 5,
    ) -> None:
        super().__init__()
        self.branch1 = conv(in_channels, n1x1, 1)
        self.branch2 = nn.Sequential(conv(in_channels, n3x3_reduce, 1), conv(n3x3_reduce, n3x3, 3))
        self.branch3 = nn.Sequential(
            conv(in_channels, n5x5_reduce, 1), conv(n5x5_reduce, n5x5, large)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1), conv(in_channels, pool_proj, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class GlobalAvgPoolHead(nn.Module):
    """Scores from the mean of each map, instead of from all of its pixels.

    x: (N, in_channels, H, W) of any size. Returns scores (N, num_classes).
    Source: Szegedy and others 2015, section 5, after Lin, Chen and Yan 2014.
    """

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.4) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(in_channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.dropout(self.flatten(self.pool(x))))


class AuxiliaryHead(nn.Module):
    """A small classifier on top of a middle layer, for training only.

    Averages 5x5 windows with stride 3, then 128 convolutions 1x1, `hidden` units, scores.
    x: (N, in_channels, 14, 14). Returns scores (N, num_classes). `width` multiplies the 128 and
    the hidden units. 3,188,840 parameters for 512 channels and 1,000 classes.
    Source: Szegedy and others 2015, section 5.
    """

    def __init__(
        self, in_channels: int, num_classes: int, width: float = 1.0, conv: Layer = Conv
    ) -> None:
        super().__init__()
        maps, hidden = int(width * 128), int(width * 1024)
        self.pool = nn.AvgPool2d(kernel_size=5, stride=3)
        self.conv = conv(in_channels, maps, 1)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(maps * 4 * 4, hidden)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.flatten(self.conv(self.pool(x)))
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """GoogLeNet: an aggressive stem, nine inception modules, an averaging head.

    x: (N, in_channels, 224, 224). Returns scores (N, num_classes); with aux, and in training mode
    only, (scores, scores behind 4a, scores behind 4d). width multiplies every number of channels.
    conv, large: as for :class:`Inception`. 6,998,552 parameters, 13,378,280 with aux.
    Source: Szegedy and others 2015, table 1.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
        aux: bool = False,
        conv: Layer = Conv,
        large: int = 5,
    ) -> None:
        super().__init__()

        def scaled(*channels: int) -> list[int]:
            return [int(width * c) for c in channels]

        c1, c2, c3 = scaled(64, 64, 192)
        halve = partial(nn.MaxPool2d, kernel_size=3, stride=2, padding=1)
        self.stem = nn.Sequential(
            conv(in_channels, c1, 7, stride=2), halve(), conv(c1, c2, 1), conv(c2, c3, 3), halve()
        )
        self.inception = nn.ModuleDict()
        self.pool, channels = nn.ModuleDict(), c3
        for name, numbers in MODULES.items():
            module = Inception(channels, *scaled(*numbers), conv=conv, large=large)
            if name in ("4a", "5a"):
                self.pool[name] = halve()
            self.inception[name] = module
            channels = sum(scaled(numbers[0], numbers[2], numbers[4], numbers[5]))
        self.head = GlobalAvgPoolHead(channels, num_classes)
        self.aux = nn.ModuleDict(
            {
                name: AuxiliaryHead(int(width * c), num_classes, width, conv)
                for name, c in AUXILIARY.items()
                if aux
            }
        )

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        x, auxiliary = self.stem(x), []
        for name, module in self.inception.items():
            x = module(self.pool[name](x) if name in self.pool else x)
            if name in self.aux and self.training:
                auxiliary.append(self.aux[name](x))
        scores = self.head(x)
        return (scores, *auxiliary) if auxiliary else scores


def torchvision_googlenet(num_classes: int = 1000, in_channels: int = 3) -> GoogLeNet:
    """torchvision's variant: batch norm, 3x3 instead of 5x5, poolings that round up; no heads.

    Its weights load through :func:`from_torchvision`. 6,624,904 parameters.
    """
    net = GoogLeNet(num_classes, in_channels, conv=partial(Conv, norm=True), large=3)
    net.stem[1] = net.stem[4] = net.pool["4a"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    net.pool["5a"] = nn.MaxPool2d(2, stride=2, ceil_mode=True)
    return net


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's `state_dict` of `googlenet` with the names used here, auxiliary heads dropped.

    Its `conv1`, `conv2`, `conv3` are layers 0, 2 and 3 of the stem, `inception3a` is
    `inception.3a`, a layer's `conv` and `bn` are its 0 and 1, `fc` is `head.fc`.
    """
    rules = (
        (r"^conv1\.", "stem.0."), (r"^conv2\.", "stem.2."), (r"^conv3\.", "stem.3."),
        (r"^inception(\w\w)", r"inception.\1"), (r"\.conv\.", ".0."), (r"\.bn\.", ".1."),
        (r"^fc\.", "head.fc."),
    )  # fmt: skip
    renamed = {}
    for name, value in state.items():
        if not name.startswith("aux"):
            for pattern, words in rules:
                name = re.sub(pattern, words, name)
            renamed[name] = value
    return renamed


def _pixels(size: Size) -> int:
    rows, columns = pair(size, "size")
    return rows * columns


def naive_inception_macs(in_channels: int, size: Size, n1x1: int, n3x3: int, n5x5: int) -> int:
    """MACs of the three convolutions of a :class:`NaiveInception` on maps of `size`.

    size: an int for square maps, or (H, W). Pooling multiplies nothing.
    854,196,224 for 256 channels of 28x28 and 128, 192, 96 filters.
    """
    return _pixels(size) * in_channels * (n1x1 + 9 * n3x3 + 25 * n5x5)


def bottleneck_inception_macs(
    in_channels: int,
    size: Size,
    n1x1: int,
    n3x3_reduce: int,
    n3x3: int,
    n5x5_reduce: int,
    n5x5: int,
    pool_proj: int,
) -> int:
    """MACs of the six convolutions of an :class:`Inception` on maps of `size`.

    size: an int for square maps, or (H, W). 271,351,808 for 256 channels of 28x28, the filters of
    the naive module, and 64 filters in each of the three additional 1x1 convolutions.
    """
    pointwise = in_channels * (n1x1 + n3x3_reduce + n5x5_reduce + pool_proj)
    return _pixels(size) * (pointwise + 9 * n3x3_reduce * n3x3 + 25 * n5x5_reduce * n5x5)


def stacked_channels(
    in_channels: int, modules: int, n1x1: int, n3x3: int, n5x5: int, pool_proj: int | None = None
) -> list[int]:
    """Channels before the first and behind each of `modules` equal inception modules in a row.

    pool_proj: None for naive modules, whose pooling keeps all channels. Returns modules + 1 ints.
    """
    channels = [in_channels]
    for _ in range(modules):
        pooled = channels[-1] if pool_proj is None else pool_proj
        channels.append(n1x1 + n3x3 + n5x5 + pooled)
    return channels


def head_as_convolutions(linear: nn.Linear, size: int) -> nn.Sequential:
    """What averaging maps of size x size and then `linear` do, as two convolutions.

    linear: with bias, from C means to scores. On larger maps they give scores at every place:
    (N, C, H, W) becomes (N, num_classes, H - size + 1, W - size + 1).
    """
    channels, classes = linear.in_features, linear.out_features
    averaging = nn.Conv2d(channels, channels, size, groups=channels, bias=False).to(linear.weight)
    pointwise = nn.Conv2d(channels, classes, kernel_size=1).to(linear.weight)
    with torch.no_grad():
        averaging.weight.fill_(1 / size**2)
        pointwise.weight.copy_(linear.weight[:, :, None, None])
        pointwise.bias.copy_(linear.bias)
    return nn.Sequential(averaging, pointwise)


def googlenet_loss(
    outputs: Tensor | Sequence[Tensor], labels: Tensor, aux_weight: float = 0.3
) -> Tensor:
    """Cross-entropy of the scores, plus that of each auxiliary head's scores times `aux_weight`.

    outputs: what a :class:`GoogLeNet` returns: scores (N, num_classes), or in training mode a
    tuple with the scores first. labels: (N,). Returns a scalar, means over the batch.
    Source: Szegedy and others 2015, section 5.
    """
    if isinstance(outputs, Tensor):
        return cross_entropy(outputs, labels)
    scores, *auxiliary = outputs
    return cross_entropy(scores, labels) + aux_weight * sum(
        cross_entropy(head, labels) for head in auxiliary
    )
