"""LeNet-5: as it is built today (61,706 parameters), and as it was in 1998 (60,000).

Both read images of 32x32 pixels and say how well they fit each class; the largest score wins.

| layer | output | 1998: parameters | connections | today: parameters |
|---|---|---|---|---|
| C1, convolution 5x5 | 6x28x28 | 156 | 122,304 | 156 |
| S2, subsampling 2x2 | 6x14x14 | 12 | 5,880 | 0 |
| C3, convolution 5x5 | 16x10x10 | 1,516 | 151,600 | 2,416 |
| S4, subsampling 2x2 | 16x5x5 | 32 | 2,000 | 0 |
| C5, convolution 5x5 | 120 | 48,120 | 48,120 | 48,120 |
| F6, fully connected | 84 | 10,164 | 10,164 | 10,164 |
| output | 10 | 0 (fixed) | 840 | 850 |
| all | | 60,000 | 340,908 | 61,706 |

Source: LeCun, Bottou, Bengio and Haffner 1998, section II.B.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from helpers.data import digit_codes
from helpers.pooling import lenet_subsample

Table = Sequence[Sequence[int]]

# Which maps of S2 each map of C3 reads (LeCun et al. 1998, table I): 6 read three neighbours,
# 6 read four neighbours, 3 read two pairs, one reads all; 60 connections of 96.
C3_TABLE: Table = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip


def squash(a: Tensor) -> Tensor:
    """The paper's squashing function, `1.7159 tanh(2a/3)`, which keeps +1 and -1 where they are.

    Source: LeCun et al. 1998, equation 6 and appendix A.
    """
    return 1.7159 * torch.tanh(2 / 3 * a)


class LeNet5(nn.Module):
    """LeNet-5 as it is built today: C3 reads all maps, pooling has no parameters, output is linear.

    x: (N, in_channels, 32, 32). Returns scores (N, num_classes), without softmax. activation and
    pool: makers of layers, e.g. `nn.ReLU`, `nn.MaxPool2d`; the count does not depend on them.
    61,706 parameters for one channel and ten classes.
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        activation: Callable[[], nn.Module] = nn.Tanh,
        pool: Callable[[int], nn.Module] = nn.AvgPool2d,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, kernel_size=5), activation(), pool(2),  # C1, S2
            nn.Conv2d(6, 16, kernel_size=5), activation(), pool(2),  # C3, S4
            nn.Conv2d(16, 120, kernel_size=5), activation(),  # C5
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(120, 84), activation(),  # F6
            nn.Linear(84, num_classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class Subsampling(nn.Module):
    """Trainable pooling: sums of 2x2 windows, times a weight, plus a bias, one of each per map.

    x: (N, channels, H, W). Returns (N, channels, H // 2, W // 2), not squashed yet.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return lenet_subsample(x, self.weight, self.bias)


class TableConv2d(nn.Module):
    """Convolution in which each output map reads only the input maps that a table lists for it.

    table: per output map the input maps that it reads. x: (N, C_in, H, W).
    Returns (N, len(table), H - kernel_size + 1, W - kernel_size + 1).
    """

    def __init__(self, table: Table, kernel_size: int) -> None:
        super().__init__()
        self.table = [list(maps) for maps in table]
        self.maps = nn.ModuleList(nn.Conv2d(len(maps), 1, kernel_size) for maps in self.table)

    def forward(self, x: Tensor) -> Tensor:
        read = zip(self.maps, self.table, strict=True)
        return torch.cat([conv(x[:, maps]) for conv, maps in read], dim=1)


class CodeDistance(nn.Module):
    """The output layer of 1998: how close a vector is to each of the fixed codes.

    codes: (num_classes, D), not trained. x: (N, D). Returns (N, num_classes), the negative squared
    distances, so that the largest is the closest.
    """

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes.clone())

    def forward(self, x: Tensor) -> Tensor:
        return -((x[:, None] - self.codes) ** 2).sum(dim=2)


class LeNet5_1998(nn.Module):
    """LeNet-5 as published: C3 reads by a table, subsampling is trained, the output compares codes.

    x: (N, 1, 32, 32). Returns (N, 10), negative squared distances. 60,000 trainable parameters and
    340,908 connections, the 840 to the fixed codes included.
    """

    def __init__(
        self, table: Table = C3_TABLE, squash: Callable[[Tensor], Tensor] = squash
    ) -> None:
        super().__init__()
        self.squash = squash
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.s2 = Subsampling(6)
        self.c3 = TableConv2d(table, kernel_size=5)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = CodeDistance(digit_codes())

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5):
            x = self.squash(layer(x))
        return self.output(self.squash(self.f6(x.flatten(1))))


def conv_as_linear(conv: nn.Conv2d) -> nn.Linear:
    """The fully connected layer that does what a convolution does on one window of input.

    conv: without padding, dilation or groups. The layer reads the window flattened, (N, C*kH*kW),
    and gives (N, C_out): LeNet-5's C5 is one because its windows are as large as its input.
    """
    linear = nn.Linear(conv.weight[0].numel(), conv.out_channels, bias=conv.bias is not None)
    linear = linear.to(conv.weight)
    with torch.no_grad():
        linear.weight.copy_(conv.weight.flatten(1))
        if conv.bias is not None:
            linear.bias.copy_(conv.bias)
    return linear


def connections(module: nn.Module, x: Tensor) -> dict[str, int]:
    """Connections of each layer, as the paper counts them: a bias is a connection too.

    Counts convolutions, linear layers, :class:`Subsampling` (four inputs and a bias each output)
    and :class:`CodeDistance`, by their names in `module`, for one image of the batch `x`.
    """
    counts = {}

    def count(name: str, inputs_per_output: Callable[[nn.Module], int]):
        def hook(layer, inputs, output):
            counts[name] = output[0].numel() * inputs_per_output(layer)

        return hook

    ways = {
        nn.Conv2d: lambda layer: layer.weight[0].numel() + (layer.bias is not None),
        nn.Linear: lambda layer: layer.in_features + (layer.bias is not None),
        Subsampling: lambda layer: 4 + 1,
        CodeDistance: lambda layer: layer.codes.shape[1],
    }
    hooks = [
        layer.register_forward_hook(count(name, ways[type(layer)]))
        for name, layer in module.named_modules()
        if type(layer) in ways
    ]
    try:
        with torch.no_grad():
            module(x)
    finally:
        for hook in hooks:
            hook.remove()
    return counts
