"""AlexNet taken apart: layers removed, and its two groups written as one."""

import pytest
import torch
from torch import nn

from helpers.counting import count
from helpers.models import alexnet


def flat(net):
    return nn.Sequential(*net.features, net.flatten, *net.classifier)


@pytest.mark.parametrize(
    ("build", "left"),
    [
        (alexnet.AlexNet64, (61_100_840, 44_319_528, 11_686_696, 59_404_456, 9_990_312)),
        (alexnet.AlexNet96, (60_965_224, 44_183_912, 11_551_080, 59_268_712, 9_854_568)),
    ],
)
def test_parameters_left_after_zeiler_and_ferguss_removals(build, left):
    removals = ((), (7,), (6, 7), (3, 4), (3, 4, 6, 7))
    with torch.device("meta"):
        net = flat(build())
        for numbers, params in zip(removals, left, strict=True):
            smaller = alexnet.remove_layers(net, numbers)
            assert sum(p.numel() for p in smaller.parameters()) == params
            assert smaller(torch.empty(2, 3, 227, 227)).shape == (2, 1000)


def test_what_stays_is_shared_and_the_model_unchanged():
    net = flat(alexnet.AlexNet96(width=1 / 16))
    before = list(net)
    smaller = alexnet.remove_layers(net, {3, 4})
    assert list(net) == before
    assert smaller[0] is net[0]
    conv5 = smaller[8]
    assert (conv5.in_channels, conv5.groups, conv5.padding) == (16, 2, (1, 1))


def test_layers_that_do_not_exist_cannot_be_removed():
    with pytest.raises(ValueError, match="layers 1 to 8"):
        alexnet.remove_layers(flat(alexnet.AlexNet64(width=1 / 16)), {9})


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_one_group_with_zeros_does_what_several_do(groups, bias):
    conv = nn.Conv2d(6, 12, (3, 2), 2, 1, groups=groups, bias=bias, dtype=torch.float64)
    x = torch.randn(2, 6, 7, 8, dtype=torch.float64)
    dense = alexnet.as_one_group(conv)
    assert dense.groups == 1
    torch.testing.assert_close(dense(x), conv(x))
    assert (dense.weight != 0).sum() == conv.weight.numel()


def test_two_groups_save_what_the_lectures_say():
    with torch.device("meta"):
        one, two = (count(alexnet.AlexNet96(groups=g), (3, 227, 227)) for g in (1, 2))
    assert one.params - two.params == 1_413_120
    assert one.macs - two.macs == 410_849_280
