"""Stacks of convolutions: what they see, what they cost, and which single kernel does the same."""

import torch
from torch import Tensor, nn


def receptive_field_by_perturbation(
    module: nn.Module, x: Tensor, row: int, column: int, change: float = 1000.0
) -> Tensor:
    """Which pixels of `x` the output at (row, column) depends on, found by trying each of them.

    module: put into evaluation mode here; x: (1, C, H, W), left as it is. A pixel counts if adding
    `change` to it, in all channels, alters any channel of the output at that place. What an
    activation or a pooling hides at these values does not count: it is a property of the values,
    not of the architecture. Returns a bool tensor (H, W).
    """
    module.eval()
    seen = torch.zeros(x.shape[-2:], dtype=torch.bool)
    with torch.no_grad():
        before = module(x)[..., row, column]
        for i in range(x.shape[-2]):
            for j in range(x.shape[-1]):
                changed = x.clone()
                changed[..., i, j] += change
                seen[i, j] = not torch.equal(module(changed)[..., row, column], before)
    return seen


def extent(seen: Tensor) -> tuple[int, int]:
    """Rows and columns of the smallest box around the true pixels of a mask (H, W)."""
    sizes = []
    for axis in (1, 0):
        places = seen.any(dim=axis).nonzero().flatten()
        sizes.append(int(places[-1] - places[0]) + 1 if len(places) else 0)
    return sizes[0], sizes[1]


def filter_weights(in_channels: int, channels: int, field: int) -> tuple[int, int]:
    """Weights, without biases, of one `field` x `field` layer and of 3x3 layers that see as much.

    Both turn in_channels into channels maps; all layers of the stack give `channels` maps. The
    stack has (field - 1)/2 layers, so it is smaller only if
    channels/in_channels < (field**2 - 9) / (9 * ((field - 1)/2 - 1)), 16/9 for 5 and 20/9 for 7.
    Returns (one, stack). Raises ValueError unless `field` is odd and at least 3.
    """
    if field < 3 or field % 2 == 0:
        raise ValueError(f"3x3 layers see 3, 5, 7, ... pixels, never {field}")
    layers = (field - 1) // 2
    stack = 9 * in_channels * channels + (layers - 1) * 9 * channels * channels
    return field * field * in_channels * channels, stack


def break_even(field: int) -> float:
    """The ratio channels/in_channels at which both sides of :func:`filter_weights` are equal."""
    layers = (field - 1) // 2
    return (field * field - 9) / (9 * (layers - 1))


def compose_kernels(first: Tensor, second: Tensor) -> Tensor:
    """The kernel of the one convolution that does what two do in a row, without an activation.

    first: (C1, C0, h1, w1); second: (C2, C1, h2, w2); stride 1, no bias, no padding.
    Returns (C2, C0, h1 + h2 - 1, w1 + w2 - 1): each weight of `second` puts down a copy of `first`
    at its place, and copies that overlap are added.
    """
    (_, in_channels, h1, w1), (out_channels, _, h2, w2) = first.shape, second.shape
    kernel = first.new_zeros(out_channels, in_channels, h1 + h2 - 1, w1 + w2 - 1)
    for i in range(h2):
        for j in range(w2):
            copies = torch.einsum("oc,cihw->oihw", second[:, :, i, j], first)
            kernel[:, :, i : i + h1, j : j + w1] += copies
    return kernel
