"""What a layer costs: parameters, multiply-accumulates (MACs), memory; what one output sees."""

from collections.abc import Iterable
from dataclasses import dataclass

from helpers.convolution import Size, conv_output_size, pair


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer for one image.

    out_shape: (C, H, W); params: learnable numbers, bias included when there is one;
    macs: multiply-accumulates (one FLOP count is twice this); kib: memory of the output
    activations as float32, in KiB of 1024 bytes.
    """

    out_shape: tuple[int, int, int]
    params: int
    macs: int
    kib: float


def conv_cost(
    in_channels: int,
    out_channels: int,
    kernel_size: Size,
    size: Size,
    stride: Size = 1,
    padding: Size = 0,
    groups: int = 1,
    bias: bool = True,
) -> LayerCost:
    """Cost of a convolution layer on an image of `size` (an int for a square one, or (H, W)).

    Raises ValueError when `groups` does not divide the channels or the kernel does not fit.
    Source: CS231n 2016, lecture 7, with MACs counted once and named so.
    """
    if in_channels % groups or out_channels % groups:
        raise ValueError(
            f"groups={groups} must divide both {in_channels} input and {out_channels} "
            "output channels"
        )
    kernel = pair(kernel_size, "kernel_size")
    rows, columns = conv_output_size(pair(size, "size"), kernel, stride, padding)
    weights_per_filter = in_channels // groups * kernel[0] * kernel[1]
    outputs = out_channels * rows * columns
    return LayerCost(
        out_shape=(out_channels, rows, columns),
        params=out_channels * (weights_per_filter + bool(bias)),
        macs=outputs * weights_per_filter,
        kib=outputs * 4 / 1024,
    )


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """How many input pixels, along one direction, one output of a stack of layers depends on.

    layers: (kernel_size, stride) from the input on, convolutions and poolings alike. Each layer
    adds `(F - 1)` steps of the size its predecessors' strides have multiplied up to.
    Returns 1 for no layer at all. Raises ValueError for sizes or strides below 1.
    """
    field, step = 1, 1
    for kernel_size, stride in layers:
        kernel_size, _ = pair(kernel_size, "kernel_size")
        stride, _ = pair(stride, "stride")
        field += (kernel_size - 1) * step
        step *= stride
    return field
