"""Pooling: one example, and what it costs."""

import torch

from helpers import pooling
from helpers.claims.networks import VGG16, counted, pools
from helpers.claims.recompute import Result


def example() -> Result:
    """The maxima of the lecture's 4x4 example, row by row."""
    x = torch.tensor([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])
    largest, mean = (
        pool(x[None, None], 2).flatten() for pool in (pooling.max_pool2d, pooling.avg_pool2d)
    )
    shown = ", ".join(f"{value:g}" for value in mean.tolist())
    return Result(largest.int().tolist(), shown=f"averages: {shown}")


COMPUTE = {
    "pool-example": example,
    "pool-channels": lambda: pooling.max_pool2d(torch.zeros(1, 64, 56, 56), 3, 2).shape[1],
    "pool-no-params": lambda: sum(
        layer.params for name in ("AlexNet-64", VGG16) for layer in pools(counted(name))
    ),
}
