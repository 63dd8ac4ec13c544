"""The convolution layer: output size, forward and backward, on the device of the input.

These are the references the notebooks compare with. The arithmetic is torch's own (cuDNN on
CUDA, oneDNN on CPU, MPS on Apple silicon), and the backward pass calls the backward operator
itself instead of running the forward pass a second time under autograd.

As everywhere in deep learning, "convolution" is cross-correlation: the kernel is not flipped.
"""

import torch
from torch import Tensor
from torch.nn import functional

Size = int | tuple[int, int]


def pair(value: Size, name: str, minimum: int = 1) -> tuple[int, int]:
    """`value` as `(rows, columns)`; an int stands for both.

    Raises TypeError unless it is an int or a pair of ints, ValueError below `minimum`.
    """
    both = tuple(value) if isinstance(value, tuple | list | torch.Size) else (value, value)
    if len(both) != 2 or any(isinstance(v, bool) or not isinstance(v, int) for v in both):
        raise TypeError(f"{name} must be an int or a pair of ints (rows, columns), got {value!r}")
    if min(both) < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value!r}")
    return both


def _uncovered(size: Size, kernel_size: Size, stride: Size, padding: Size, dilation: Size):
    """Per direction `(N + 2P - F, S)`: the way the window can travel, and its step."""
    sizes, strides = pair(size, "size"), pair(stride, "stride")
    kernels, dilations = pair(kernel_size, "kernel_size"), pair(dilation, "dilation")
    paddings = pair(padding, "padding", 0)
    travel = []
    for n, k, s, p, d in zip(sizes, kernels, strides, paddings, dilations, strict=True):
        reach = d * (k - 1) + 1
        if reach > n + 2 * p:
            raise ValueError(
                f"a kernel reaching over {reach} pixels does not fit into {n} + 2 x {p} padded ones"
            )
        travel.append((n + 2 * p - reach, s))
    return travel


def conv_output_size(
    size: Size, kernel_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> Size:
    """Output size of a convolution, `floor((N + 2P - F)/S) + 1` per direction.

    Returns an int if every argument is an int, else a pair (rows, columns). With dilation D the
    kernel reaches over `D(F - 1) + 1` pixels. Raises ValueError when that exceeds the padded input.
    Source: CS231n 2016, lecture 7; the floor is torch's convention.
    """
    travel = _uncovered(size, kernel_size, stride, padding, dilation)
    rows, columns = (way // step + 1 for way, step in travel)
    arguments = (size, kernel_size, stride, padding, dilation)
    return rows if all(isinstance(a, int) for a in arguments) else (rows, columns)


def fits_exactly(
    size: Size, kernel_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> bool:
    """Whether the last window ends exactly at the padded border, in both directions.

    Raises ValueError when the kernel exceeds the padded input.
    """
    travel = _uncovered(size, kernel_size, stride, padding, dilation)
    return all(way % step == 0 for way, step in travel)


def same_padding(kernel_size: Size) -> Size:
    """Padding that keeps the size at stride 1: `(F - 1)/2`; int for an int, pair for a pair.

    Raises ValueError for an even kernel, which no symmetric padding can serve.
    """
    sides = pair(kernel_size, "kernel_size")
    if any(side % 2 == 0 for side in sides):
        raise ValueError(f"no symmetric padding keeps the size under an even kernel {kernel_size}")
    halves = tuple((side - 1) // 2 for side in sides)
    return halves[0] if isinstance(kernel_size, int) else halves


def require_maps(name: str, value: Tensor) -> None:
    """Raise TypeError unless `value` is a tensor, ValueError unless it has four axes."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch tensor, got {type(value).__name__}")
    if value.ndim != 4:
        raise ValueError(f"{name} must have four axes, got shape {tuple(value.shape)}")


def _require_matching(x: Tensor, weight: Tensor, groups: int) -> None:
    require_maps("x", x)
    require_maps("weight", weight)
    if not isinstance(groups, int) or groups < 1 or x.shape[1] % groups or weight.shape[0] % groups:
        raise ValueError(
            f"groups={groups} must divide both {x.shape[1]} input and {weight.shape[0]} "
            "output channels"
        )
    if weight.shape[1] * groups != x.shape[1]:
        raise ValueError(
            f"x has {x.shape[1]} channels, but weight {tuple(weight.shape)} with groups={groups} "
            f"expects {weight.shape[1] * groups}"
        )


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    groups: int = 1,
) -> Tensor:
    """Convolution of a batch of images with a bank of filters.

    x: (N, C_in, H, W); weight: (C_out, C_in/groups, kH, kW); bias: (C_out,) or None; any floating
    dtype. Returns (N, C_out, H_out, W_out) on the device of `x`. Raises ValueError when channels,
    groups or sizes do not match, TypeError when something is not a tensor or not an int.
    Source: LeCun et al. 1998, section II; groups: Krizhevsky et al. 2012, section 3.2.
    """
    _require_matching(x, weight, groups)
    stride, padding = pair(stride, "stride"), pair(padding, "padding", 0)
    conv_output_size(tuple(x.shape[2:]), tuple(weight.shape[2:]), stride, padding)
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bias must have shape ({weight.shape[0]},), got {tuple(bias.shape)}")
    return functional.conv2d(x, weight, bias, stride, padding, groups=groups)


def conv2d_backward(
    grad_out: Tensor,
    x: Tensor,
    weight: Tensor,
    stride: Size = 1,
    padding: Size = 0,
    groups: int = 1,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`conv2d` with respect to its input, its weights and its bias.

    grad_out: (N, C_out, H_out, W_out), the gradient of the loss with respect to the output;
    x: (N, C_in, H, W) and weight: (C_out, C_in/groups, kH, kW), as in the forward pass.
    Returns (grad_x, grad_weight, grad_bias), shaped like x, weight and (C_out,).
    Raises ValueError if grad_out does not have the forward output's shape.
    """
    _require_matching(x, weight, groups)
    require_maps("grad_out", grad_out)
    stride, padding = pair(stride, "stride"), pair(padding, "padding", 0)
    out = conv_output_size(tuple(x.shape[2:]), tuple(weight.shape[2:]), stride, padding)
    expected = (x.shape[0], weight.shape[0], *out)
    if tuple(grad_out.shape) != expected:
        raise ValueError(
            f"grad_out has shape {tuple(grad_out.shape)}, the forward output has {expected}"
        )
    return torch.ops.aten.convolution_backward(
        grad_out, x, weight, [weight.shape[0]], stride, padding, [1, 1], False, [0, 0], groups,
        [True, True, True],
    )  # fmt: skip


def im2col(x: Tensor, kernel_size: Size, stride: Size = 1, padding: Size = 0) -> Tensor:
    """Every window of `x` as a column, so that convolution becomes one matrix product.

    x: (N, C, H, W). Returns (N, C*kH*kW, L), L = H_out * W_out in row-major order; within a column
    the channel varies slowest, then the kernel's row, then its column. Raises ValueError when the
    kernel exceeds the padded input. Source: Chellapilla, Puri and Simard 2006, section 3.
    """
    require_maps("x", x)
    kernel, steps = pair(kernel_size, "kernel_size"), pair(stride, "stride")
    border = pair(padding, "padding", 0)
    conv_output_size(tuple(x.shape[2:]), kernel, steps, border)
    return functional.unfold(x, kernel, padding=border, stride=steps)
