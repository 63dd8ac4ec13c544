"""The reference pools against torch, against numerical gradients, and against bad arguments."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from helpers.convolution import pair
from helpers.pooling import (
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    lenet_subsample,
    lenet_subsample_backward,
    max_pool2d,
    max_pool2d_backward,
    pool_output_size,
)

small = st.integers(1, 3)
either = st.one_of(small, st.tuples(small, small))


@st.composite
def pools(draw):
    """Arguments of a pooling: x, kernel_size, stride, padding, in float64."""
    kernel, stride = draw(either), draw(st.one_of(st.none(), either))
    padding = draw(st.one_of(st.integers(0, 1), st.tuples(st.integers(0, 1), st.integers(0, 1))))
    size = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    kernels, borders = pair(kernel, "kernel_size"), pair(padding, "padding", 0)
    sides = zip(size, borders, kernels, strict=True)
    assume(all(n + 2 * p >= k >= 2 * p for n, p, k in sides))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1 << 30)))
    shape = (draw(small), draw(small), *size)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return x, kernel, stride, padding


@given(pools(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_max_pooling_is_torchs_forward_and_backward(arguments, ceil_mode):
    x, kernel, stride, padding = arguments
    copy = x.clone().requires_grad_()
    expected = functional.max_pool2d(copy, kernel, stride, padding, ceil_mode=ceil_mode)
    assert torch.equal(max_pool2d(*arguments, ceil_mode), expected)
    grad_out = torch.randn_like(expected)
    [grad_x] = torch.autograd.grad(expected, copy, grad_out)
    torch.testing.assert_close(max_pool2d_backward(grad_out, *arguments, ceil_mode), grad_x)


@given(pools(), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_average_pooling_is_torchs_forward_and_backward(arguments, count, ceil_mode):
    x, kernel, stride, padding = arguments
    copy = x.clone().requires_grad_()
    expected = functional.avg_pool2d(copy, kernel, stride, padding, ceil_mode, count)
    torch.testing.assert_close(avg_pool2d(*arguments, count, ceil_mode), expected)
    grad_out = torch.randn_like(expected)
    [grad_x] = torch.autograd.grad(expected, copy, grad_out)
    torch.testing.assert_close(avg_pool2d_backward(grad_out, *arguments, count, ceil_mode), grad_x)


@given(
    st.integers(1, 64), st.integers(1, 7), st.integers(1, 4), st.integers(0, 3), st.booleans()
)  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_output_size_is_that_of_torch(size, kernel, stride, padding, ceil_mode):
    assume(2 * padding <= kernel <= size + 2 * padding)
    x = torch.empty(1, 1, size, size, device="meta")
    out = functional.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil_mode)
    assert pool_output_size(size, kernel, stride, padding, ceil_mode) == out.shape[2]


def test_sizes_of_the_lectures():
    assert [pool_output_size(n, 3, 2) for n in (55, 27, 13)] == [27, 13, 6]
    assert [pool_output_size(56, 3, 2, ceil_mode=mode) for mode in (False, True)] == [27, 28]
    assert pool_output_size(28, 2) == 14
    assert pool_output_size((28, 10), 2) == (14, 5)


def test_the_first_maximum_gets_the_gradient_whatever_the_device(device):
    x = torch.ones(1, 1, 3, 3, dtype=torch.float64, device=device)
    grad_out = torch.tensor([[[[1.0, 2], [3, 4]]]], dtype=torch.float64, device=device)
    expected = torch.tensor([[1.0, 2, 0], [3, 4, 0], [0, 0, 0]], dtype=torch.float64)
    assert torch.equal(max_pool2d_backward(grad_out, x, 2, 1)[0, 0].cpu(), expected)


def test_padding_never_wins_and_never_gets_a_gradient():
    x = -1 - torch.rand(1, 2, 4, 5, dtype=torch.float64)
    out = max_pool2d(x, 3, 2, 1)
    assert bool((out < 0).all())
    grad_x = max_pool2d_backward(torch.ones_like(out), x, 3, 2, 1)
    assert grad_x.sum().item() == out.numel()


@pytest.mark.parametrize(
    ("forward", "backward"), [(max_pool2d, max_pool2d_backward), (avg_pool2d, avg_pool2d_backward)]
)
def test_backward_agrees_with_numerical_gradients(forward, backward):
    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x, (3, 2), (2, 1), (1, 0))

        @staticmethod
        def backward(ctx, grad_out):
            return backward(grad_out, *ctx.saved_tensors, (3, 2), (2, 1), (1, 0))

    values = torch.randperm(60, generator=torch.Generator().manual_seed(0)).double()
    x = (values / 7).reshape(1, 2, 6, 5).requires_grad_()
    assert torch.autograd.gradcheck(Layer.apply, x)


def test_subsampling_agrees_with_numerical_gradients():
    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight, bias):
            ctx.save_for_backward(x, weight)
            return lenet_subsample(x, weight, bias)

        @staticmethod
        def backward(ctx, grad_out):
            return lenet_subsample_backward(grad_out, *ctx.saved_tensors)

    shapes = (2, 3, 5, 4), (3,), (3,)
    inputs = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(Layer.apply, inputs)


def test_subsampling_adds_the_four_values_up():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    out = lenet_subsample(x, torch.tensor([2.0]), torch.tensor([1.0]))
    assert out.tolist() == [[[[21.0, 37.0], [85.0, 101.0]]]]


def test_global_average_pooling_is_adaptive_pooling_to_one():
    x = torch.randn(2, 5, 7, 3, dtype=torch.float64)
    expected = functional.adaptive_avg_pool2d(x, 1)[..., 0, 0]
    torch.testing.assert_close(global_avg_pool2d(x), expected)


def test_results_stay_on_the_device_of_the_input(device):
    x = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    weight, bias = torch.randn(3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)

    def everything(x, weight, bias):
        largest, mean = max_pool2d(x, 3, 2, 1), avg_pool2d(x, 3, 2, 1)
        sub = lenet_subsample(x, weight, bias)
        return (
            largest, max_pool2d_backward(largest, x, 3, 2, 1),
            mean, avg_pool2d_backward(mean, x, 3, 2, 1),
            global_avg_pool2d(x), sub, *lenet_subsample_backward(sub, x, weight),
        )  # fmt: skip

    there = everything(*(t.to(device) for t in (x, weight, bias)))
    assert {t.device.type for t in there} == {device}
    for got, want in zip(there, everything(x, weight, bias), strict=True):
        torch.testing.assert_close(got.cpu(), want)


IMAGE, ONE_EACH = torch.zeros(1, 4, 5, 5), torch.zeros(4)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: max_pool2d(IMAGE[0], 2), ValueError, "x must have four axes"),
        (lambda: avg_pool2d(IMAGE.numpy(), 2), TypeError, "x must be a torch tensor"),
        (lambda: max_pool2d(IMAGE, 6), ValueError, "does not fit"),
        (lambda: max_pool2d(IMAGE, 6, ceil_mode=True), ValueError, "does not fit"),
        (lambda: max_pool2d(IMAGE, 3, padding=2), ValueError, "more than half"),
        (lambda: max_pool2d(IMAGE, 2, 0), ValueError, "stride must be at least 1"),
        (lambda: avg_pool2d(IMAGE, 2.0), TypeError, "kernel_size must be"),
        (lambda: max_pool2d_backward(IMAGE, IMAGE, 2), ValueError, "grad_out has shape"),
        (lambda: avg_pool2d_backward(IMAGE, IMAGE, 2), ValueError, "grad_out has shape"),
        (lambda: global_avg_pool2d(IMAGE[0]), ValueError, "x must have four axes"),
        (lambda: lenet_subsample(IMAGE, ONE_EACH[:1], ONE_EACH), ValueError, "one number per map"),
        (lambda: lenet_subsample_backward(IMAGE, IMAGE, ONE_EACH), ValueError, "grad_out has"),
    ],
)
def test_bad_arguments_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
