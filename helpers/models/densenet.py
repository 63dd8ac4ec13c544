"""DenseNet-121: every layer of a block reads the maps of all layers before it.

7,978,856 parameters. Parameters have torchvision's names, so the weights of its `densenet121` load.

Source: Huang, Liu, van der Maaten and Weinberger 2017, section 3 and table 1.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class DenseLayer(nn.Module):
    """Batch norm, ReLU, 1x1 convolution to 4 * growth channels, and the same with 3x3 to growth.

    x: (N, in_channels, H, W). Returns x with `growth` new maps behind it.
    """

    def __init__(self, in_channels: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.relu1 = nn.BatchNorm2d(in_channels), nn.ReLU()
        self.conv1 = nn.Conv2d(in_channels, 4 * growth, kernel_size=1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(4 * growth), nn.ReLU()
        self.conv2 = nn.Conv2d(4 * growth, growth, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        new = self.conv1(self.relu1(self.norm1(x)))
        new = self.conv2(self.relu2(self.norm2(new)))
        return torch.cat([x, new], dim=1)


class DenseBlock(nn.Sequential):
    """`count` dense layers: the input's maps, and `growth` more from each layer.

    x: (N, in_channels, H, W). Returns (N, in_channels + count * growth, H, W).
    """

    def __init__(self, count: int, in_channels: int, growth: int) -> None:
        layers = {
            f"denselayer{k + 1}": DenseLayer(in_channels + k * growth, growth) for k in range(count)
        }
        super().__init__(OrderedDict(layers))


class Transition(nn.Sequential):
    """Batch norm, ReLU, a 1x1 convolution, and the average of 2x2 windows.

    x: (N, in_channels, H, W). Returns (N, out_channels, H // 2, W // 2).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        layers = {
            "norm": nn.BatchNorm2d(in_channels),
            "relu": nn.ReLU(),
            "conv": nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
            "pool": nn.AvgPool2d(kernel_size=2, stride=2),
        }
        super().__init__(OrderedDict(layers))


class DenseNet(nn.Module):
    """A stem, dense blocks with transitions that halve maps and channels, the mean, one layer.

    counts: layers of each block. x: (N, in_channels, 224, 224). Returns scores (N, num_classes).
    """

    def __init__(
        self,
        counts: Sequence[int],
        growth: int = 32,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        channels = 2 * growth
        layers = OrderedDict(
            conv0=nn.Conv2d(in_channels, channels, kernel_size=7, stride=2, padding=3, bias=False),
            norm0=nn.BatchNorm2d(channels),
            relu0=nn.ReLU(),
            pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        for number, count in enumerate(counts, start=1):
            layers[f"denseblock{number}"] = DenseBlock(count, channels, growth)
            channels += count * growth
            if number < len(counts):
                layers[f"transition{number}"] = Transition(channels, channels // 2)
                channels //= 2
        layers |= {"norm5": nn.BatchNorm2d(channels), "relu5": nn.ReLU()}
        self.features = nn.Sequential(layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.flatten(self.avgpool(self.features(x))))


def densenet121(num_classes: int = 1000, in_channels: int = 3) -> DenseNet:
    """DenseNet-121, growth 32: blocks of 6, 12, 24 and 16 layers."""
    return DenseNet((6, 12, 24, 16), 32, num_classes, in_channels)
