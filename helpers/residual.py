"""Residual connections in formulas: shortcuts, one block forwards and backwards, He's scale."""

import math

import torch
from torch import Tensor

from helpers.models.resnet import PaddingShortcut


def pad_shortcut(x: Tensor, channels: int, stride: int = 1) -> Tensor:
    """Option A: every `stride`-th row and column of x, and zero maps behind its own maps.

    x: (N, C, H, W) with C <= channels. Returns (N, channels, ceil(H/stride), ceil(W/stride)).
    Raises ValueError when x has more than `channels` maps. Source: He and others 2016, section 3.3.
    """
    if x.shape[1] > channels:
        raise ValueError(f"{x.shape[1]} maps cannot be padded to {channels}")
    return PaddingShortcut(x.shape[1], channels, stride)(x)


def residual_forward(x: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    """A residual block of two linear layers without biases: `y = relu(relu(x @ w1) @ w2 + x)`.

    x: (N, D); w1: (D, H); w2: (H, D). Returns (N, D). Source: He and others 2016, equation 1.
    """
    return torch.relu(torch.relu(x @ w1) @ w2 + x)


def residual_backward(
    grad_out: Tensor, x: Tensor, w1: Tensor, w2: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`residual_forward`: the shortcut adds an identity term to that of x.

    grad_out: (N, D); x, w1, w2: as in the forward pass, which is computed again.
    Returns (grad_x, grad_w1, grad_w2), in the shapes of x, w1 and w2.
    """
    hidden = torch.relu(x @ w1)
    grad_sum = grad_out * (hidden @ w2 + x > 0)
    grad_hidden = (grad_sum @ w2.T) * (hidden > 0)
    return grad_sum + grad_hidden @ w1.T, x.T @ grad_hidden, hidden.T @ grad_sum


def he_std(weight: Tensor) -> float:
    """Standard deviation of He's initialisation: `sqrt(2 / fan_in)`.

    weight: of a convolution, (out_channels, in_channels/groups, kH, kW), or of a linear layer,
    (out_features, in_features). fan_in: how many inputs each output adds up.
    Source: He and others 2015, *Delving deep into rectifiers*, equation 10.
    """
    return math.sqrt(2 / weight[0].numel())
