"""VGG as convolutions only: the same on 224 pixels, a map of answers on more."""

import pytest
import torch

from helpers.models import vgg

NARROW = {"configuration": vgg.CONFIGURATIONS["D"], "num_classes": 5, "width": 1 / 32}


def test_on_224_pixels_both_give_the_same():
    torch.manual_seed(0)
    net = vgg.make_vgg(**NARROW).double().eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    dense = vgg.fc_to_conv(net).eval()
    x = torch.randn(2, 3, 224, 224, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(dense(x).flatten(1), net(x))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("size", "side"), [(224, 1), (256, 2), (288, 3), (352, 5), (384, 6), (416, 7), (512, 10)]
)
def test_the_papers_image_sizes(size, side):
    with torch.device("meta"):
        dense = vgg.fc_to_conv(vgg.make_vgg(**NARROW))
        assert dense(torch.empty(1, 3, size, size)).shape == (1, 5, side, side)


def test_no_parameter_is_won_or_lost():
    with torch.device("meta"):
        dense = vgg.fc_to_conv(vgg.make_vgg(vgg.CONFIGURATIONS["D"]))
    assert sum(p.numel() for p in dense.parameters()) == 138_357_544
