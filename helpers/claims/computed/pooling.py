"""Pooling: one example, and what it costs."""

import torch

from helpers import pooling
from helpers.claims.networks import VGG16, counted, pools


def example() -> list[int]:
    x = torch.tensor([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])
    return pooling.max_pool2d(x[None, None], 2).int().flatten().tolist()


COMPUTE = {
    "pool-example": example,
    "pool-channels": lambda: pooling.max_pool2d(torch.zeros(1, 64, 56, 56), 3, 2).shape[1],
    "pool-no-params": lambda: sum(
        layer.params for name in ("AlexNet-64", VGG16) for layer in pools(counted(name))
    ),
}
