"""Convolution: sizes, parameters, what a neuron sees."""

from fractions import Fraction
from math import prod

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers import convolution, counting
from helpers.claims.recompute import Result


def output(*arguments: int, **options: int) -> tuple[int, int, int]:
    """(H, W, C) of a convolution; arguments as for conv_cost."""
    channels, rows, columns = counting.conv_cost(*arguments, **options).out_shape
    return rows, columns, channels


def square(*arguments: int, **options: int) -> tuple[int, int]:
    """(H, W) of a convolution on a square; arguments as for conv_output_size."""
    side = convolution.conv_output_size(*arguments, **options)
    return side, side


def keeps_size(kernel_size: int, stride: int, padding: int) -> bool:
    """Whether every size from the kernel's up to AlexNet's input is kept."""
    return all(
        convolution.conv_output_size(n, kernel_size, stride, padding) == n
        for n in range(kernel_size, 228)
    )


def some_padding_fits(sizes: range, kernel_size: int, stride: int) -> bool:
    """Whether each of the sizes has a padding, of up to the kernel's size, that fits exactly."""
    paddings = range(kernel_size)
    return all(
        any(convolution.fits_exactly(n, kernel_size, stride, p) for p in paddings) for n in sizes
    )


def shrinking() -> Result:
    """Sizes under 5x5 convolutions, until none fits; the slide prints three."""
    sizes = [32]
    while sizes[-1] >= 5:
        sizes.append(convolution.conv_output_size(sizes[-1], 5))
    return Result(sizes[:3], shown=" → ".join(map(str, sizes)))


def neurons(out_channels: int) -> str:
    """How many outputs and parameters some 5x5 filters have on 32x32x3, in words."""
    cost = counting.conv_cost(3, out_channels, 5, 32)
    return f"{prod(cost.out_shape):,} neurons, {cost.params:,} parameters"


def convolves() -> Result:
    """Whether the layer does to two signals what convolving them does."""
    signal, kernel = torch.tensor([1.0, 2, 4, 8, 16]), torch.tensor([1.0, 0, -2])
    layer = convolution.conv2d(signal[None, None, None], kernel[None, None, None])[0, 0, 0]

    def same(kernel: torch.Tensor) -> bool:
        return np.array_equal(np.convolve(signal, kernel, mode="valid"), layer.numpy())

    return Result(same(kernel), {"if the kernel is flipped before": same(kernel.flip(0))})


def operations_per_product() -> Result:
    """What PyTorch counts as operations, over the product of the formula."""
    layer = nn.Conv2d(3, 64, 11, stride=4, padding=2, bias=False, device="meta")
    with FlopCounterMode(display=False) as counter:
        layer(torch.empty(1, 3, 227, 227, device="meta"))
    macs = counting.conv_cost(3, 64, 11, 227, 4, 2, bias=False).macs
    readings = {"for MACs": macs // prod((64, 56, 56, 3, 11, 11))}
    return Result(counter.get_total_flops() / macs, readings)


COMPUTE = {
    "conv-crosscorrelation": convolves,
    "conv-flop-formula": operations_per_product,
    "conv-5x5x3-dot": lambda: counting.conv_cost(3, 1, 5, 5, bias=False).macs,
    "conv-32-5-28": lambda: output(3, 1, 5, 32),
    "conv-6filters": lambda: output(3, 6, 5, 32),
    "conv-second-24": lambda: output(6, 10, 5, output(3, 6, 5, 32)[0]),
    "conv-shrink-32-28-24": shrinking,
    "conv-7-3-s1": lambda: square(7, 3),
    "conv-7-3-s2": lambda: square(7, 3, 2),
    "conv-7-3-s3": lambda: Result(
        [
            # N - F is how far the window can travel, which stride 1 counts.
            1 + Fraction(convolution.conv_output_size(7, 3) - 1, 3),
            convolution.fits_exactly(7, 3, 3),
        ],
        shown=f"torch: {convolution.conv_output_size(7, 3, 3)}",
    ),
    "conv-7-3-pad1": lambda: square(7, 3, padding=1),
    "conv-samepad-F3": lambda: convolution.same_padding(3),
    "conv-samepad-F5": lambda: convolution.same_padding(5),
    "conv-samepad-F7": lambda: convolution.same_padding(7),
    "conv-ex-out": lambda: output(3, 10, 5, 32, padding=2),
    "conv-ex-params-filter": lambda: counting.conv_cost(3, 1, 5, 32, padding=2).params,
    "conv-ex-params": lambda: counting.conv_cost(3, 10, 5, 32, padding=2).params,
    "conv-common-F3": lambda: keeps_size(3, 1, 1),
    "conv-common-F5S1": lambda: keeps_size(5, 1, 2),
    "conv-common-F5S2": lambda: Result(
        some_padding_fits(range(5, 65), 5, 2),
        readings={"for odd sizes": some_padding_fits(range(5, 65, 2), 5, 2)},
    ),
    "conv-common-F1": lambda: keeps_size(1, 1, 0),
    "conv-1x1-56": lambda: output(64, 32, 1, 56),
    "conv-1x1-dot": lambda: counting.conv_cost(64, 1, 1, 1, bias=False).macs,
    "conv-neuron-rf": lambda: (counting.receptive_field([(5, 1)]),) * 2,
    "conv-neuron-sheet": lambda: Result(output(3, 1, 5, 32)[:2], shown=neurons(1)),
    "conv-5filters-grid": lambda: Result(
        [output(3, 5, 5, 32), output(3, 5, 5, 32)[2]], shown=neurons(5)
    ),
}
