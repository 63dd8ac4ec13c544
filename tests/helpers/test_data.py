"""The data that ships with scikit-learn, in torch's layout."""

import pytest
import torch
from sklearn.datasets import load_sample_image

from helpers.data import digits, photograph


@pytest.mark.parametrize("name", ["china", "flower"])
def test_photograph_is_a_batch_of_one_colour_image(name):
    image = photograph(name)
    assert image.shape == (1, 3, 427, 640)
    assert image.dtype == torch.float32
    assert 0 <= image.min() < 0.1 < 0.9 < image.max() <= 1


def test_size_is_the_height_and_keeps_the_proportions():
    assert photograph(size=96).shape == (1, 3, 96, 144)
    assert photograph(size=1).shape == (1, 3, 1, 1)


def test_resizing_averages():
    assert torch.allclose(photograph(size=61).mean(), photograph().mean(), atol=1e-3)


def test_channels_come_first_and_stay_in_order():
    pixels = load_sample_image("flower.jpg")
    for channel, row, column in ((0, 5, 7), (1, 400, 3), (2, 200, 630)):
        value = photograph("flower")[0, channel, row, column].item()
        assert value == pytest.approx(pixels[row, column, channel] / 255)


@pytest.mark.parametrize(("name", "size"), [("lena", None), ("china", 0)])
def test_impossible_requests_are_refused(name, size):
    with pytest.raises(ValueError, match=r"photograph|size"):
        photograph(name, size)


def test_digits_are_images_with_labels():
    images, labels = digits()
    assert images.shape == (1797, 1, 8, 8)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert (images.min(), images.max()) == (0, 1)
    assert labels.unique().tolist() == list(range(10))
