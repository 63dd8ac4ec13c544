"""The pooling layers: output size, forward and backward, on the device of the input.

These are the references the notebooks compare with. As for the convolution, the arithmetic is
torch's own, and each backward pass calls the backward operator itself. The rules are torch's: max
pooling pads with minus infinity, and of several equal maxima the first in row-major order wins.
"""

import torch
from torch import Tensor

from helpers.convolution import Size, conv_output_size, pair, require_maps


def pool_output_size(
    size: Size,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
) -> Size:
    """Output size of a pooling layer, `floor((N + 2P - F)/S) + 1` per direction.

    stride: None means kernel_size, so that the windows lie side by side; padding: at most half of
    kernel_size. With ceil_mode the quotient is rounded up: a last window may stick out, but only
    if it starts on a pixel or on the padding before the first one. Returns an int if every argument
    is an int, else a pair (rows, columns). Raises ValueError when the window exceeds the padded
    input, in both modes, or the padding exceeds half of the window.
    Source: torch's convention; Caffe, and GoogLeNet in torchvision, round up.
    """
    steps = kernel_size if stride is None else stride
    kernels, borders = pair(kernel_size, "kernel_size"), pair(padding, "padding", 0)
    if any(2 * p > k for p, k in zip(borders, kernels, strict=True)):
        raise ValueError(f"padding {padding} is more than half of the window {kernel_size}")
    counts = pair(conv_output_size(pair(size, "size"), kernel_size, steps, padding), "size")
    if ceil_mode:
        directions = zip(pair(size, "size"), kernels, pair(steps, "stride"), borders, strict=True)
        counts = tuple(
            count + (n + 2 * p - k - (count - 1) * s > 0 and count * s < n + p)
            for count, (n, k, s, p) in zip(counts, directions, strict=True)
        )
    arguments = (size, kernel_size, steps, padding)
    return counts[0] if all(isinstance(a, int) for a in arguments) else counts


def _geometry(x: Tensor, kernel_size: Size, stride: Size | None, padding: Size, ceil_mode: bool):
    """Validated (kernel, stride, padding) as pairs, and the output's (rows, columns)."""
    require_maps("x", x)
    kernel = pair(kernel_size, "kernel_size")
    steps = kernel if stride is None else pair(stride, "stride")
    border = pair(padding, "padding", 0)
    out = pool_output_size(tuple(x.shape[2:]), kernel, steps, border, ceil_mode)
    return (kernel, steps, border), out


def _require_gradient(grad_out: Tensor, x: Tensor, out: tuple[int, int]) -> None:
    require_maps("grad_out", grad_out)
    expected = (*x.shape[:2], *out)
    if tuple(grad_out.shape) != expected:
        raise ValueError(
            f"grad_out has shape {tuple(grad_out.shape)}, the forward output has {expected}"
        )


def max_pool2d(
    x: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
) -> Tensor:
    """The largest value of each window of each map; padding counts as minus infinity.

    x: (N, C, H, W), any floating dtype. Returns (N, C, H_out, W_out), sizes as
    :func:`pool_output_size` says, on the device of `x`. Raises ValueError or TypeError for
    arguments that do not fit. Source: CS231n 2016, lecture 7.
    """
    geometry, _ = _geometry(x, kernel_size, stride, padding, ceil_mode)
    return torch.ops.aten.max_pool2d_with_indices(x, *geometry, [1, 1], ceil_mode)[0]


def max_pool2d_backward(
    grad_out: Tensor,
    x: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
) -> Tensor:
    """Gradient of :func:`max_pool2d`: each window's gradient goes to its first maximum.

    Windows may overlap, so contributions are accumulated. Which pixels the maxima are is found
    anew from `x`. grad_out: (N, C, H_out, W_out); x: (N, C, H, W), the input of the forward pass.
    Returns (N, C, H, W). Raises ValueError if grad_out does not have the forward output's shape.
    """
    geometry, out = _geometry(x, kernel_size, stride, padding, ceil_mode)
    _require_gradient(grad_out, x, out)
    _, first = torch.ops.aten.max_pool2d_with_indices(x, *geometry, [1, 1], ceil_mode)
    return torch.ops.aten.max_pool2d_with_indices_backward(
        grad_out, x, *geometry, [1, 1], ceil_mode, first
    )


def avg_pool2d(
    x: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    count_include_pad: bool = True,
    ceil_mode: bool = False,
) -> Tensor:
    """The mean of each window of each map; padding is made of zeros.

    count_include_pad: whether the zeros count in what the sum is divided by. x: (N, C, H, W), any
    floating dtype. Returns (N, C, H_out, W_out) on the device of `x`. Raises ValueError or
    TypeError for arguments that do not fit.
    """
    geometry, _ = _geometry(x, kernel_size, stride, padding, ceil_mode)
    return torch.ops.aten.avg_pool2d(x, *geometry, ceil_mode, count_include_pad)


def avg_pool2d_backward(
    grad_out: Tensor,
    x: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    count_include_pad: bool = True,
    ceil_mode: bool = False,
) -> Tensor:
    """Gradient of :func:`avg_pool2d`: each window shares its gradient equally among its pixels.

    grad_out: (N, C, H_out, W_out); x: (N, C, H, W), of which only shape, dtype and device matter.
    Returns (N, C, H, W). Raises ValueError if grad_out does not have the forward output's shape.
    """
    geometry, out = _geometry(x, kernel_size, stride, padding, ceil_mode)
    _require_gradient(grad_out, x, out)
    return torch.ops.aten.avg_pool2d_backward(
        grad_out, x, *geometry, ceil_mode, count_include_pad, None
    )


def global_avg_pool2d(x: Tensor) -> Tensor:
    """The mean of each map: (N, C, H, W) becomes (N, C).

    Source: Lin, Chen and Yan 2014, section 3.2.
    """
    require_maps("x", x)
    return x.mean(dim=(2, 3))


def lenet_subsample(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """LeNet's trainable pooling: the *sum* of each 2x2 window times a weight, plus a bias.

    x: (N, C, H, W); weight, bias: (C,), one of each per map. Returns (N, C, H // 2, W // 2). The
    squashing function that follows in LeNet-5 is not included. Raises ValueError for parameters of
    another shape. Source: LeCun et al. 1998, section II.B.
    """
    _require_per_map(x, weight, bias)
    sums = torch.ops.aten.avg_pool2d(x, [2, 2], [2, 2], [0, 0], False, True, 1)
    return sums * weight[:, None, None] + bias[:, None, None]


def lenet_subsample_backward(
    grad_out: Tensor, x: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`lenet_subsample` with respect to its input, its weights and its biases.

    grad_out: (N, C, H // 2, W // 2); x: (N, C, H, W); weight: (C,).
    Returns (grad_x, grad_weight, grad_bias), shaped like x, (C,) and (C,).
    """
    _require_per_map(x, weight)
    geometry, out = _geometry(x, 2, 2, 0, False)
    _require_gradient(grad_out, x, out)
    sums = torch.ops.aten.avg_pool2d(x, *geometry, False, True, 1)
    grad_x = torch.ops.aten.avg_pool2d_backward(
        grad_out * weight[:, None, None], x, *geometry, False, True, 1
    )
    return grad_x, (grad_out * sums).sum(dim=(0, 2, 3)), grad_out.sum(dim=(0, 2, 3))


def _require_per_map(x: Tensor, *parameters: Tensor) -> None:
    require_maps("x", x)
    for parameter in parameters:
        if tuple(parameter.shape) != (x.shape[1],):
            raise ValueError(
                f"weight and bias must have shape ({x.shape[1]},), one number per map, "
                f"got {tuple(parameter.shape)}"
            )
