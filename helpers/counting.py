"""What a layer costs: parameters, multiply-accumulates (MACs), memory; what one output sees."""

import math
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from helpers.convolution import Size, conv_output_size, pair
from helpers.pooling import pool_output_size
from helpers.walk import Walk, field_of


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


# Whole networks -------------------------------------------------------------------------------


@dataclass(frozen=True)
class LayerCount:
    """What one layer of a network costs for one image.

    out_shape: without the batch axis; kib: memory of the output as float32, in KiB; params: with
    biases, 0 when the layer runs a second time; macs: multiply-accumulates of convolutions and
    linear layers; other_ops: comparisons or additions of pooling, as many as values in its windows;
    receptive_field: input pixels that one output depends on, along one direction, or (rows,
    columns) where they differ; padding counts as if it were image.
    """

    name: str
    type: str
    out_shape: tuple[int, ...]
    kib: float
    params: int
    macs: int
    other_ops: int = 0
    receptive_field: int | tuple[int, int] | None = None


@dataclass(frozen=True)
class Count:
    """The layers of a network in the order they run, and `params`, all that it has."""

    layers: tuple[LayerCount, ...]
    params: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all layers for one image."""
        return sum(layer.macs for layer in self.layers)

    @property
    def other_ops(self) -> int:
        """Operations of all poolings for one image."""
        return sum(layer.other_ops for layer in self.layers)

    @property
    def kib(self) -> float:
        """Memory of all layers' outputs for one image, in KiB; the input is not among them."""
        return sum(layer.kib for layer in self.layers)

    def find(self, name: str) -> LayerCount:
        """The layer of that name. Raises KeyError when there is none."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(f"no layer is called {name!r}; see `names`")

    @property
    def names(self) -> list[str]:
        """Names of the layers, in the order they run."""
        return [layer.name for layer in self.layers]

    def select(self, *types: str) -> "Count":
        """Only the layers of these types, e.g. ``select("Conv2d", "Linear")``."""
        layers = tuple(layer for layer in self.layers if layer.type in types)
        return Count(layers, sum(layer.params for layer in layers))

    def rows(self) -> list[list[object]]:
        """Per layer: name, type, shape, KiB, parameters, MACs, other operations, field."""
        return [list(vars(layer).values()) for layer in self.layers]

    def show(self) -> None:
        """Display the layers, and their sums, as a table."""
        from helpers import plots

        def written(value: object) -> str:
            if isinstance(value, tuple):
                return "×".join(map(str, value))
            if value is None:
                return ""
            return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"

        rows = [[*row[:2], *map(written, row[2:])] for row in self.rows()]
        sums = map(written, (self.kib, self.params, self.macs, self.other_ops))
        header = ["layer", "type", "output", "KiB", "params", "MACs", "other ops", "sees"]
        plots.table(header, [*rows, ["in all", "", "", *sums, ""]])

    def frame(self):
        """The layers as a pandas data frame, one row each. Needs pandas, which Colab has."""
        import pandas

        return pandas.DataFrame(map(vars, self.layers))


def count(model: nn.Module, input_shape: Sequence[int]) -> Count:
    """What every layer of a network costs for one image, without computing anything.

    input_shape: (C, H, W). The network runs once, in evaluation mode, on the meta device, which
    knows shapes only; it is left as it was. Counted are modules without children, and convolutions,
    poolings and products that are called as functions. Activations and dropout are left out, since
    they can work in place. Batch norm and the like cost no MACs: at test time they can be part of
    the convolution before them. Residual additions and concatenations have no row.
    Raises ValueError for a network that cannot run without values, or not on this shape.
    """
    training = {module: module.training for module in model.modules()}
    x = torch.empty(1, *input_shape, device="meta")
    layers: list[LayerCount] = []

    def note(name, kind, out, params, macs, other_ops):
        shape = tuple(out.shape[1:])
        kib, field = math.prod(shape) * 4 / 1024, field_of(out)
        layers.append(LayerCount(name, kind, shape, kib, params, macs, other_ops, field))

    walk = Walk(model, x, note)
    try:
        model.eval()
        with torch.no_grad(), _shapes_only(model), walk:
            model(x)
    except (RuntimeError, NotImplementedError) as error:
        where = f" in its layer {walk.running[-1].name!r}" if walk.running else ""
        raise ValueError(
            f"the network cannot be counted on an input of {tuple(input_shape)}{where}: {error}"
        ) from error
    finally:
        walk.remove()
        for module, mode in training.items():
            module.training = mode
    return Count(tuple(layers), sum(p.numel() for p in model.parameters()))


@contextmanager
def _shapes_only(model: nn.Module):
    """The parameters and buffers of a model on the meta device, until the end of the block.

    Layers that stand at several places are exchanged once, so that they get their own back.
    """
    held = [
        (table, name, tensor)
        for module in model.modules()
        for table in (module._parameters, module._buffers)
        for name, tensor in table.items()
        if tensor is not None
    ]
    try:
        for table, name, tensor in held:
            table[name] = torch.empty_like(tensor, device="meta")
        yield
    finally:
        for table, name, tensor in held:
            table[name] = tensor


# One layer, from its numbers ------------------------------------------------------------------


def conv_count(
    name: str,
    in_shape: tuple[int, int, int],
    out_channels: int,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
    groups: int = 1,
    bias: bool = True,
) -> LayerCount:
    """The row of a convolution on maps of in_shape (C, H, W); see :func:`conv_cost`."""
    channels, *size = in_shape
    cost = conv_cost(
        channels, out_channels, kernel_size, tuple(size), stride, padding, groups, bias
    )
    return LayerCount(name, "Conv2d", cost.out_shape, cost.kib, cost.params, cost.macs)


def pool_count(
    name: str,
    in_shape: tuple[int, int, int],
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
) -> LayerCount:
    """The row of a max pooling on maps of in_shape (C, H, W); an average costs the same.

    stride: None means kernel_size. Raises ValueError when the window does not fit.
    """
    channels, *size = in_shape
    rows, columns = pool_output_size(tuple(size), kernel_size, stride, padding)
    values = channels * rows * columns
    windows = values * math.prod(pair(kernel_size, "kernel_size"))
    return LayerCount(
        name, "MaxPool2d", (channels, rows, columns), values * 4 / 1024, 0, 0, windows
    )


def linear_count(name: str, in_features: int, out_features: int, bias: bool = True) -> LayerCount:
    """The row of a fully connected layer."""
    weights = in_features * out_features
    params = weights + (out_features if bias else 0)
    return LayerCount(name, "Linear", (out_features,), out_features * 4 / 1024, params, weights)
