"""Data that ships inside scikit-learn, so that notebooks work without a network."""

import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_image
from torch import Tensor
from torch.nn import functional

PHOTOGRAPHS = ("china", "flower")


def photograph(name: str = "china", size: int | None = None) -> Tensor:
    """A colour photograph, (1, 3, H, W), float32 in [0, 1].

    size: the height in pixels, the width follows; None keeps the 427x640 original. Raises
    ValueError for a name that is neither "china" nor "flower", or a size below 1.
    Source: scikit-learn's sample images, both CC BY 2.0; credits in its `datasets/images/README`.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"there is no photograph {name!r}, only {' and '.join(PHOTOGRAPHS)}")
    pixels = torch.from_numpy(np.array(load_sample_image(f"{name}.jpg")))
    image = pixels.permute(2, 0, 1)[None].float() / 255
    if size is None:
        return image
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    width = max(1, round(size * image.shape[3] / image.shape[2]))
    return functional.interpolate(image, (size, width), mode="area")


def digits() -> tuple[Tensor, Tensor]:
    """The 1,797 handwritten digits of scikit-learn.

    Returns images (1797, 1, 8, 8), float32 in [0, 1], and labels (1797,), int64 in 0..9.
    Source: UCI, Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998).
    """
    bundle = load_digits()
    images = torch.from_numpy(bundle.images).float()[:, None] / 16
    return images, torch.from_numpy(bundle.target).long()
