"""The reference layer against torch, against numerical gradients, and against bad arguments."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from helpers.convolution import (
    conv2d,
    conv2d_backward,
    conv_output_size,
    fits_exactly,
    im2col,
    pair,
    same_padding,
)

small = st.integers(1, 3)


@st.composite
def layers(draw):
    """Arguments of a convolution: x, weight, bias, stride, padding, groups, in float64."""
    groups = draw(st.integers(1, 2))
    n, c_in, c_out = draw(small), groups * draw(small), groups * draw(small)
    kernel = draw(st.tuples(small, small))
    stride = draw(st.one_of(small, st.tuples(small, small)))
    padding = draw(st.one_of(st.integers(0, 2), st.tuples(st.integers(0, 2), st.integers(0, 2))))
    size = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    borders = pair(padding, "padding", 0)
    assume(all(s + 2 * p >= k for s, p, k in zip(size, borders, kernel, strict=True)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1 << 30)))

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    bias = normal(c_out) if draw(st.booleans()) else None
    return (
        normal(n, c_in, *size), normal(c_out, c_in // groups, *kernel), bias, stride, padding,
        groups,
    )  # fmt: skip


@given(layers())
@settings(max_examples=60, deadline=None)
def test_forward_is_torchs_convolution(arguments):
    x, weight, bias, stride, padding, groups = arguments
    expected = functional.conv2d(x, weight, bias, stride, padding, groups=groups)
    torch.testing.assert_close(conv2d(*arguments), expected)


@given(layers())
@settings(max_examples=60, deadline=None)
def test_backward_is_what_autograd_finds(arguments):
    x, weight, _, stride, padding, groups = arguments
    bias = torch.zeros(len(weight), dtype=x.dtype)
    inputs = [t.clone().requires_grad_() for t in (x, weight, bias)]
    out = functional.conv2d(*inputs, stride, padding, groups=groups)
    grad_out = torch.randn_like(out)
    expected = torch.autograd.grad(out, inputs, grad_out)
    torch.testing.assert_close(
        conv2d_backward(grad_out, x, weight, stride, padding, groups), expected
    )


def test_backward_agrees_with_numerical_gradients():
    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight, bias):
            ctx.save_for_backward(x, weight)
            return conv2d(x, weight, bias, (2, 1), (1, 2))

        @staticmethod
        def backward(ctx, grad_out):
            return conv2d_backward(grad_out, *ctx.saved_tensors, (2, 1), (1, 2))

    shapes = (2, 2, 5, 4), (3, 2, 3, 2), (3,)
    inputs = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(Layer.apply, inputs)


def test_results_stay_on_the_device_of_the_input(device):
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    weight, bias = torch.randn(6, 2, 3, 2, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    there = [t.to(device) for t in (x, weight, bias)]
    out = conv2d(*there, 2, 1, groups=2)
    grads = conv2d_backward(torch.ones_like(out), *there[:2], 2, 1, groups=2)
    assert {t.device.type for t in (out, *grads)} == {device}
    here = conv2d(x, weight, bias, 2, 1, groups=2)
    torch.testing.assert_close(out.cpu(), here)
    for got, want in zip(
        grads, conv2d_backward(torch.ones_like(here), x, weight, 2, 1, groups=2), strict=True
    ):
        torch.testing.assert_close(got.cpu(), want)


@given(
    st.integers(3, 64), st.sampled_from([1, 2, 3, 5, 7, 11]), st.integers(1, 4), st.integers(0, 3),
    st.integers(1, 3),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_output_size_is_that_of_torch(size, kernel, stride, padding, dilation):
    reach = dilation * (kernel - 1) + 1
    if reach > size + 2 * padding:
        with pytest.raises(ValueError, match="does not fit"):
            conv_output_size(size, kernel, stride, padding, dilation)
        return
    x, weight = torch.empty(1, 1, size, size), torch.empty(1, 1, kernel, kernel)
    out = functional.conv2d(x.to("meta"), weight.to("meta"), None, stride, padding, dilation)
    assert conv_output_size(size, kernel, stride, padding, dilation) == out.shape[2]
    exact = (size + 2 * padding - reach) / stride == out.shape[2] - 1
    assert fits_exactly(size, kernel, stride, padding, dilation) == exact


def test_sizes_answer_a_pair_with_a_pair():
    assert conv_output_size(7, 3) == 5
    assert conv_output_size((7, 9), 3) == (5, 7)
    assert conv_output_size(7, 3, padding=(0, 1)) == (5, 7)
    assert not fits_exactly((7, 8), 3, 2)


def test_same_padding_keeps_the_size():
    for kernel in (1, 3, 5, 7):
        assert conv_output_size(20, kernel, padding=same_padding(kernel)) == 20
    assert same_padding((1, 5)) == (0, 2)
    with pytest.raises(ValueError, match="even"):
        same_padding((3, 4))


def test_im2col_makes_convolution_a_matrix_product():
    x, weight = torch.randn(2, 3, 6, 5), torch.randn(4, 3, 2, 3)
    product = weight.reshape(4, -1) @ im2col(x, (2, 3), (2, 1), (0, 1))
    expected = conv2d(x, weight, None, (2, 1), (0, 1))
    torch.testing.assert_close(product.reshape(expected.shape), expected)


IMAGE, FILTERS = torch.zeros(1, 4, 5, 5), torch.zeros(2, 4, 3, 3)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: conv2d(IMAGE[0], FILTERS), ValueError, "x must have four axes"),
        (lambda: conv2d(IMAGE.numpy(), FILTERS), TypeError, "x must be a torch tensor"),
        (lambda: conv2d(IMAGE, FILTERS[:, :3]), ValueError, "x has 4 channels"),
        (lambda: conv2d(IMAGE, FILTERS, groups=3), ValueError, "groups=3 must divide"),
        (lambda: conv2d(IMAGE, FILTERS, torch.zeros(3)), ValueError, "bias must have shape"),
        (lambda: conv2d(IMAGE, FILTERS, stride=0), ValueError, "stride must be at least 1"),
        (lambda: conv2d(IMAGE, FILTERS, stride=1.5), TypeError, "stride must be an int"),
        (lambda: conv2d(IMAGE, FILTERS, padding=(1, 2, 3)), TypeError, "padding must be"),
        (lambda: conv2d(IMAGE[..., :2], FILTERS), ValueError, "does not fit"),
        (lambda: conv2d_backward(IMAGE, IMAGE, FILTERS), ValueError, "grad_out has shape"),
        (lambda: im2col(IMAGE, 6), ValueError, "does not fit"),
    ],
)
def test_bad_arguments_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
