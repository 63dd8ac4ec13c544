"""Batch normalization, forward and backward, and its relatives, on the device of the input.

These are the references the notebooks compare with. The arithmetic is torch's own (cuDNN on CUDA
where torch would choose it), and the backward pass calls the backward operator itself.

Everywhere in the course, a batch is normalised with its biased variance (sum divided by the
number of values m), `running_var` stores the unbiased one (divided by m - 1), and
`new = (1 - momentum) * old + momentum * batch`, as in torch. A lecture that writes
`0.99 * old + 0.01 * batch` means torch's momentum of 0.01.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Cache(NamedTuple):
    """What a backward pass needs from its forward pass; opaque to everybody else."""

    x: Tensor
    gamma: Tensor
    statistics: tuple[Tensor, Tensor]
    saved: tuple[Tensor, Tensor, Tensor, int]
    training: bool
    eps: float


def _require_axes(name: str, value: Tensor, axes: int) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch tensor, got {type(value).__name__}")
    if value.ndim != axes:
        raise ValueError(f"{name} must have {axes} axes, got shape {tuple(value.shape)}")


def _require_channels(channels: int, **vectors: Tensor) -> None:
    for name, vector in vectors.items():
        _require_axes(name, vector, 1)
        if len(vector) != channels:
            raise ValueError(f"{name} must have shape ({channels},), got {tuple(vector.shape)}")


def _forward(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    _require_channels(
        x.shape[1], gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var
    )
    if training and x.numel() == x.shape[1]:
        raise ValueError("one value per channel has no variance: training needs at least two")
    out, *saved = torch.ops.aten._batch_norm_impl_index(
        x, gamma, beta, running_mean, running_var, training, momentum, eps, True
    )
    statistics = running_mean.clone(), running_var.clone()
    return out, Cache(x, gamma, statistics, tuple(saved), training, eps)


def _backward(grad_out, cache):
    if grad_out.shape != cache.x.shape:
        raise ValueError(
            f"grad_out has shape {tuple(grad_out.shape)}, the forward output has "
            f"{tuple(cache.x.shape)}"
        )
    mean, inverse_std, reserve, implementation = cache.saved
    return torch.ops.aten._batch_norm_impl_index_backward(
        implementation, cache.x, grad_out.contiguous(), cache.gamma, *cache.statistics,
        mean, inverse_std, cache.training, cache.eps, [True, True, True], reserve,
    )  # fmt: skip


def batchnorm_forward(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Tensor, Cache]:
    """Batch normalization of feature vectors.

    x: (N, D); gamma, beta, running_mean, running_var: (D,). In training, each feature is normalised
    with its mean and biased variance over the batch, and the running statistics are updated IN
    PLACE; in evaluation the running statistics normalise, and stay as they are.
    Returns (out, cache): out (N, D), and what :func:`batchnorm_backward` needs. Raises ValueError
    when shapes do not match, or when a training batch has one row only; TypeError for what is no
    tensor. Source: Ioffe and Szegedy 2015, algorithms 1 and 2; momentum as in torch.
    """
    _require_axes("x", x, 2)
    return _forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)


def batchnorm_backward(grad_out: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`batchnorm_forward` with respect to x, gamma and beta.

    grad_out: (N, D). Returns (grad_x, grad_gamma, grad_beta) of shapes (N, D), (D,) and (D,).
    Raises ValueError if grad_out does not have the forward output's shape.
    """
    return _backward(grad_out, cache)


def batchnorm2d_forward(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Tensor, Cache]:
    """Batch normalization of maps: one mean and variance per channel, over batch, rows and columns.

    x: (N, C, H, W); gamma, beta, running_mean, running_var: (C,); otherwise as
    :func:`batchnorm_forward`. Source: Ioffe and Szegedy 2015, section 3.2.
    """
    _require_axes("x", x, 4)
    return _forward(x, gamma, beta, running_mean, running_var, training, momentum, eps)


def batchnorm2d_backward(grad_out: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`batchnorm2d_forward` with respect to x, gamma and beta.

    grad_out: (N, C, H, W). Returns (grad_x, grad_gamma, grad_beta), shaped like x, gamma and beta.
    Raises ValueError if grad_out does not have the forward output's shape.
    """
    return _backward(grad_out, cache)


def normalize(x: Tensor, axes: int | Sequence[int], eps: float = 1e-5) -> Tensor:
    """`(x - mean) / sqrt(var + eps)`, mean and biased variance taken over `axes`.

    x: of any shape; axes: an int or several, negative ones count from the end. Returns a tensor of
    the shape of x. Which axes they are makes it batch, layer or instance normalization.
    """
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    var, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(var + eps)


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """Layer normalization: each example by itself, over the last axes, those that gamma has.

    x: `(N, ..., *shape)`; gamma, beta: of that shape. Returns a tensor of the shape of x. Raises
    ValueError when the last axes of x are not those of gamma.
    Source: Ba, Kiros and Hinton 2016.
    """
    if gamma.shape != beta.shape or x.shape[x.ndim - gamma.ndim :] != gamma.shape:
        raise ValueError(
            f"the last axes of x {tuple(x.shape)} must be those of gamma {tuple(gamma.shape)} and "
            f"beta {tuple(beta.shape)}"
        )
    return functional.layer_norm(x, tuple(gamma.shape), gamma, beta, eps)


def group_norm(x: Tensor, groups: int, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """Group normalization: each example by itself, over blocks of consecutive channels.

    x: (N, C, H, W); gamma, beta: (C,); groups divides C. Returns a tensor of the shape of x.
    Raises ValueError when groups does not divide C or shapes do not match.
    Source: Wu and He 2018.
    """
    _require_axes("x", x, 4)
    _require_channels(x.shape[1], gamma=gamma, beta=beta)
    if groups < 1 or x.shape[1] % groups:
        raise ValueError(f"{groups} groups do not divide {x.shape[1]} channels")
    return functional.group_norm(x, groups, gamma, beta, eps)


def instance_norm2d(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """Instance normalization: each map of each example by itself.

    x: (N, C, H, W); gamma, beta: (C,). Returns a tensor of the shape of x.
    Source: Ulyanov, Vedaldi and Lempitsky 2016.
    """
    _require_axes("x", x, 4)
    return group_norm(x, x.shape[1], gamma, beta, eps)


def local_response_norm(
    x: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
) -> Tensor:
    """Local response normalization: each value over a power of its neighbours' squares.

    `b = a / (k + alpha * sum of a**2 over `size` neighbouring channels) ** beta`, at every pixel by
    itself; at the first and last channels there are fewer neighbours. PyTorch's own divides alpha
    by `size`, so its alpha is `size` times this one.
    x: (N, C, H, W). Returns a tensor of the shape of x. Raises ValueError for an even size.
    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3.
    """
    _require_axes("x", x, 4)
    if size % 2 == 0:
        raise ValueError(f"size must be odd, so that a channel is in the middle, not {size}")
    return functional.local_response_norm(x, size, alpha * size, beta, k)


def fuse_conv_bn(
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor,
    var: Tensor,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor]:
    """Weights and bias of one convolution that does what a convolution and batch norm do.

    weight: (C_out, C_in/groups, kH, kW); bias: (C_out,) or None; gamma, beta: (C_out,); mean, var:
    (C_out,), the running statistics, since batch norm is affine in evaluation only.
    Returns (weight, bias), shaped like weight and (C_out,). Raises ValueError when shapes do not
    match.
    """
    _require_axes("weight", weight, 4)
    _require_channels(len(weight), gamma=gamma, beta=beta, mean=mean, var=var)
    scale = gamma * torch.rsqrt(var + eps)
    shift = -mean if bias is None else bias - mean
    return weight * scale[:, None, None, None], shift * scale + beta
