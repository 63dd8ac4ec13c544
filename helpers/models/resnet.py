"""Residual networks: for ImageNet, for CIFAR, with squeeze and excitation, with groups.

| network | blocks | parameters |
|---|---|---|
| ResNet-18 | basic, 2 2 2 2 | 11,689,512 |
| ResNet-34 | basic, 3 4 6 3 | 21,797,672 |
| ResNet-50 | bottleneck, 3 4 6 3 | 25,557,032 |
| ResNet-101 | bottleneck, 3 4 23 3 | 44,549,160 |
| ResNet-152 | bottleneck, 3 8 36 3 | 60,192,808 |
| SE-ResNet-50 | bottleneck with a gate, 3 4 6 3 | 28,088,024 |
| ResNeXt-50 32x4d | bottleneck in 32 groups, 3 4 6 3 | 25,028,904 |

The stride of a bottleneck is on its 3x3 convolution, as torchvision has it; in the paper it is on
the first 1x1. Parameters have torchvision's names, so its weights load.

Sources: He, Zhang, Ren and Sun 2016, table 1 and section 4.2; Hu, Shen and Sun 2018 (SE);
Xie and others 2017 (ResNeXt).
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv_norm(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """A convolution that keeps the size at stride 1, without bias, and the batch norm behind it."""
    padding = kernel_size // 2
    conv = nn.Conv2d(
        in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False
    )
    return conv, nn.BatchNorm2d(out_channels)


class PaddingShortcut(nn.Module):
    """Option A: every `stride`-th pixel, and zeros for the channels that are new. No parameters.

    x: (N, in_channels, H, W). Returns (N, out_channels, ceil(H / stride), ceil(W / stride)), the
    zeros behind the input's channels. Source: He and others 2016, section 3.3.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels, self.stride = out_channels - in_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, 0, self.new_channels))


def shortcut_for(
    kind: str | None, in_channels: int, out_channels: int, stride: int
) -> nn.Module | None:
    """What brings a block's input to the shape of its output; None where it has that shape.

    kind: "projection" (option B, a 1x1 convolution and batch norm), "padding" (option A), or None.
    Raises ValueError for another kind.
    """
    if kind not in ("projection", "padding", None):
        raise ValueError(f"shortcut is 'projection', 'padding' or None, not {kind!r}")
    if kind is None or (stride == 1 and in_channels == out_channels):
        return None
    if kind == "padding":
        return PaddingShortcut(in_channels, out_channels, stride)
    return nn.Sequential(*conv_norm(in_channels, out_channels, 1, stride))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut around them: `relu(bn(conv(relu(bn(conv(x))))) + x)`.

    x: (N, in_channels, H, W). Returns (N, channels, ceil(H / stride), ceil(W / stride)).
    shortcut: see :func:`shortcut_for`; None for a plain block, without one.
    Source: He and others 2016, figure 2 and equations 1 and 2.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        shortcut: str | None = "projection",
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_norm(in_channels, channels, 3, stride)
        self.conv2, self.bn2 = conv_norm(channels, channels, 3)
        self.out_channels = channels
        self.relu = nn.ReLU()
        self.residual = shortcut is not None
        self.downsample = shortcut_for(shortcut, in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.residual:
            out = out + (x if self.downsample is None else self.downsample(x))
        return self.relu(out)


class SqueezeExcite(nn.Module):
    """A gate per channel, from the means of all channels: squeeze, excite, rescale.

    x: (N, channels, H, W). Returns the same shape, each map times a number between 0 and 1.
    2 C^2 / reduction weights. Source: Hu, Shen and Sun 2018, section 3.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // reduction)
        self.fc2 = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = functional.relu(self.fc1(x.mean(dim=(2, 3))))
        return x * torch.sigmoid(self.fc2(squeezed))[:, :, None, None]


class Bottleneck(nn.Module):
    """1x1 down, 3x3, 1x1 up to four times the channels, and a shortcut around them.

    x: (N, in_channels, H, W). Returns (N, 4 * channels, ceil(H / stride), ceil(W / stride)).
    inner: the 3x3 convolution has so many times `channels`; groups: of that convolution (both for
    ResNeXt); gate: makes a module for the maps before the addition (SE).
    Source: He and others 2016, figure 5; Xie and others 2017, figure 3; Hu and others 2018, fig. 3.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        shortcut: str | None = "projection",
        inner: int = 1,
        groups: int = 1,
        gate: Callable[[int], nn.Module] = lambda channels: nn.Identity(),
    ) -> None:
        super().__init__()
        inner, out_channels = inner * channels, 4 * channels
        self.conv1, self.bn1 = conv_norm(in_channels, inner, 1)
        self.conv2, self.bn2 = conv_norm(inner, inner, 3, stride, groups)
        self.conv3, self.bn3 = conv_norm(inner, out_channels, 1)
        self.out_channels = out_channels
        self.gate = gate(out_channels)
        self.relu = nn.ReLU()
        self.residual = shortcut is not None
        self.downsample = shortcut_for(shortcut, in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.gate(self.bn3(self.conv3(out)))
        if self.residual:
            out = out + (x if self.downsample is None else self.downsample(x))
        return self.relu(out)


Block = Callable[..., BasicBlock | Bottleneck]

# Table 1 of the paper: the block, and how many of them each stage has.
DEPTHS: dict[int, tuple[Block, tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


def stage(block: Block, in_channels: int, channels: int, count: int, stride: int) -> nn.Sequential:
    """`count` blocks in a row; the first has the stride."""
    first = block(in_channels, channels, stride)
    return nn.Sequential(first, *(block(first.out_channels, channels) for _ in range(count - 1)))


class ResNet(nn.Module):
    """A 7x7 convolution and a pooling, four stages of blocks, the mean of each map, one layer.

    x: (N, in_channels, H, W), 224x224 on ImageNet. Returns scores (N, num_classes).
    Source: He and others 2016, table 1.
    """

    def __init__(
        self,
        block: Block,
        counts: Sequence[int],
        num_classes: int = 1000,
        in_channels: int = 3,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        channels = [int(width * c) for c in (64, 128, 256, 512)]
        self.conv1 = nn.Conv2d(
            in_channels, channels[0], kernel_size=7, stride=2, padding=3, bias=False
        )
        self.bn1 = nn.BatchNorm2d(channels[0])
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        before = channels[0]
        for number, (count, c) in enumerate(zip(counts, channels, strict=True), start=1):
            stride = 1 if number == 1 else 2
            layer = stage(block, before, c, count, stride)
            setattr(self, f"layer{number}", layer)
            before = layer[0].out_channels
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(before, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.flatten(self.avgpool(x)))


def resnet(depth: int, num_classes: int = 1000, in_channels: int = 3, width: float = 1.0) -> ResNet:
    """ResNet-18, -34, -50, -101 or -152. width multiplies every number of channels.

    Raises ValueError for another depth.
    """
    if depth not in DEPTHS:
        raise ValueError(f"there is no ResNet-{depth}; there are {', '.join(map(str, DEPTHS))}")
    block, counts = DEPTHS[depth]
    return ResNet(block, counts, num_classes, in_channels, width)


def se_resnet50(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-50 with a squeeze-and-excitation gate in every block: 28,088,024 parameters."""
    block = partial(Bottleneck, gate=SqueezeExcite)
    return ResNet(block, DEPTHS[50][1], num_classes, in_channels)


def resnext50_32x4d(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-50 with the 3x3 convolutions in 32 groups of 4 channels: 25,028,904 parameters."""
    block = partial(Bottleneck, inner=2, groups=32)
    return ResNet(block, DEPTHS[50][1], num_classes, in_channels)


class CifarResNet(nn.Module):
    """The 6n+2 networks: a 3x3 convolution, three stages of n basic blocks, mean, one layer.

    x: (N, in_channels, 32, 32), though any size works. Returns scores (N, num_classes).
    Source: He and others 2016, section 4.2.
    """

    def __init__(
        self,
        n: int,
        shortcut: str | None,
        num_classes: int = 10,
        in_channels: int = 3,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        block = partial(BasicBlock, shortcut=shortcut)
        channels = [int(width * c) for c in (16, 32, 64)]
        self.conv1, self.bn1 = conv_norm(in_channels, channels[0], 3)
        self.relu = nn.ReLU()
        self.layer1 = stage(block, channels[0], channels[0], n, stride=1)
        self.layer2 = stage(block, channels[0], channels[1], n, stride=2)
        self.layer3 = stage(block, channels[1], channels[2], n, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels[2], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.flatten(self.avgpool(x)))


def cifar_resnet(
    depth: int,
    residual: bool = True,
    shortcut: str = "padding",
    num_classes: int = 10,
    in_channels: int = 3,
    width: float = 1.0,
) -> CifarResNet:
    """A 6n+2 network of the given depth, or its plain twin without shortcuts.

    ResNet-20 has 269,722 parameters with padding shortcuts (as published) and 272,474 with
    projections. Raises ValueError for a depth that is not 8, 14, 20, ...
    """
    n, rest = divmod(depth - 2, 6)
    if rest or n < 1:
        raise ValueError(f"the depth is 6n + 2, such as 8, 14 or 20, not {depth}")
    return CifarResNet(n, shortcut if residual else None, num_classes, in_channels, width)
