"""Shortcuts, the residual block's gradients and He's scale, against torch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.residual import he_std, pad_shortcut, residual_backward, residual_forward


@given(st.tuples(*[st.integers(1, n) for n in (3, 4, 7, 7)]), st.integers(0, 5), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_option_a_keeps_what_it_takes_and_adds_only_zeros(shape, more, stride):
    x = torch.randn(shape)
    out = pad_shortcut(x, shape[1] + more, stride)
    assert torch.equal(out[:, : shape[1]], x[:, :, ::stride, ::stride])
    assert out[:, shape[1] :].shape[1] == more
    assert not out[:, shape[1] :].any()


def test_maps_cannot_be_padded_to_fewer():
    with pytest.raises(ValueError, match="3 maps cannot be padded to 2"):
        pad_shortcut(torch.zeros(1, 3, 2, 2), 2)


@given(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)), st.integers(0, 1 << 30))
@settings(max_examples=50, deadline=None)
def test_the_gradients_of_a_block_are_those_of_autograd(sizes, seed):
    torch.manual_seed(seed)
    n, d, h = sizes
    tensors = [
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in ((n, d), (d, h), (h, d))
    ]
    grad_out = torch.randn(n, d, dtype=torch.float64)
    theirs = torch.autograd.grad(residual_forward(*tensors), tensors, grad_out)
    for mine, wanted in zip(residual_backward(grad_out, *tensors), theirs, strict=True):
        torch.testing.assert_close(mine, wanted)


def test_without_a_branch_the_gradient_of_x_is_the_masked_gradient():
    x, grad_out = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 4.0]])
    grad_x, _, _ = residual_backward(grad_out, x, torch.zeros(2, 3), torch.zeros(3, 2))
    assert grad_x.tolist() == [[3, 0]]


@pytest.mark.parametrize(
    ("layer", "std"), [(nn.Conv2d(64, 64, 3), 0.05893), (nn.Linear(8, 3), 0.5),
                       (nn.Conv2d(4, 8, 3, groups=2), (2 / 18) ** 0.5)],
)  # fmt: skip
def test_hes_scale_counts_the_inputs_of_one_output(layer, std):
    assert he_std(layer.weight) == pytest.approx(std, rel=1e-4)
