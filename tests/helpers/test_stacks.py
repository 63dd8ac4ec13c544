"""Stacks of convolutions: what they see, what they cost, which kernel does the same."""

import pytest
import torch
from torch import nn

from helpers import counting, stacks

DOUBLE = torch.float64


def positive(*layers):
    """A module whose weights are all positive, so that nothing cancels."""
    module = nn.Sequential(*layers).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.abs_().add_(0.1)
    return module


@pytest.mark.parametrize(
    "layers",
    [
        [(3, 1)],
        [(3, 1), (3, 1), (3, 1)],
        [(3, 2), (3, 1)],
        [(2, 2), (5, 1)],
        [(1, 1), (4, 3), (2, 1)],
    ],
)
def test_perturbation_finds_what_the_formula_says(layers):
    field = counting.receptive_field(layers)
    module = positive(*(nn.Conv2d(1, 1, size, stride) for size, stride in layers))
    x = torch.randn(1, 1, field, field, dtype=DOUBLE)
    seen = stacks.receptive_field_by_perturbation(module, x, 0, 0)
    assert seen.all()
    larger = torch.randn(1, 1, field + 3, field + 2, dtype=DOUBLE)
    seen = stacks.receptive_field_by_perturbation(module, larger, 0, 0)
    assert stacks.extent(seen) == (field, field)


def test_dilation_leaves_holes():
    module = positive(nn.Conv2d(1, 1, 2, dilation=2))
    seen = stacks.receptive_field_by_perturbation(module, torch.randn(1, 1, 3, 3).double(), 0, 0)
    assert seen.tolist() == [[True, False, True], [False, False, False], [True, False, True]]
    assert stacks.extent(seen) == (3, 3)
    assert stacks.extent(torch.zeros(2, 2, dtype=torch.bool)) == (0, 0)


def test_the_input_and_the_weights_stay_and_no_mode_matters():
    module = positive(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2)).train()
    x = torch.randn(1, 2, 5, 5, dtype=DOUBLE)
    before = x.clone()
    assert stacks.receptive_field_by_perturbation(module, x, 1, 2).sum() == 9
    assert torch.equal(x, before)


def test_the_lectures_numbers():
    assert stacks.filter_weights(1, 1, 5) == (25, 18)
    assert stacks.filter_weights(1, 1, 7) == (49, 27)
    assert stacks.filter_weights(3, 64, 5) == (4_800, 38_592)
    assert stacks.filter_weights(3, 64, 7) == (9_408, 75_456)


@pytest.mark.parametrize("field", [-1, 0, 1, 2, 4])
def test_no_stack_sees_an_even_number_of_pixels(field):
    with pytest.raises(ValueError, match="never"):
        stacks.filter_weights(3, 3, field)


@pytest.mark.parametrize(("field", "ratio"), [(5, 16 / 9), (7, 20 / 9)])
def test_the_break_even(field, ratio):
    assert stacks.break_even(field) == pytest.approx(ratio)
    one, stack = stacks.filter_weights(900, round(900 * ratio), field)
    assert one == stack
    one, stack = stacks.filter_weights(900, round(900 * ratio) - 1, field)
    assert one > stack


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((1, 1, 3, 3), (1, 1, 3, 3)),
        ((3, 2, 3, 3), (4, 3, 3, 3)),
        ((2, 3, 1, 4), (2, 2, 3, 1)),
        ((5, 1, 2, 2), (2, 5, 1, 1)),
    ],
)
def test_one_kernel_does_what_two_do(first, second):
    a, b = (torch.randn(shape, dtype=DOUBLE) for shape in (first, second))
    x = torch.randn(2, first[1], 8, 9, dtype=DOUBLE)
    conv = nn.functional.conv2d
    composed = stacks.compose_kernels(a, b)
    assert torch.allclose(conv(x, composed), conv(conv(x, a), b), atol=1e-12)


def test_three_small_kernels_have_fewer_free_numbers_than_a_large_one():
    kernels = [torch.randn(9, dtype=DOUBLE) for _ in range(3)]

    def composed(*flat):
        a, b, c = (kernel.reshape(1, 1, 3, 3) for kernel in flat)
        return stacks.compose_kernels(stacks.compose_kernels(a, b), c).flatten()

    jacobian = torch.cat(torch.autograd.functional.jacobian(composed, tuple(kernels)), dim=1)
    assert torch.linalg.matrix_rank(jacobian) == 25 < 49
