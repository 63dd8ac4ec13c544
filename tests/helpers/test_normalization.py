"""Normalization against torch, against numerical gradients, and its visible checks."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import normalization as reference
from helpers.checks import CheckFailed
from helpers.checks import batchnorm as check

EXERCISES = {exercise.name: exercise for exercise in check.EXERCISES}
MISTAKES = [(e, m) for e in check.EXERCISES for m in e.mistakes]


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def layer_of(x, momentum=0.1, eps=1e-5):
    """torch's layer for x with numbers of its own, and copies of them for the reference."""
    kind = nn.BatchNorm2d if x.ndim == 4 else nn.BatchNorm1d
    layer = kind(x.shape[1], eps, momentum, dtype=x.dtype)
    with torch.no_grad():
        for numbers in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
            numbers.copy_(torch.rand(x.shape[1]) + 0.5)
    own = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
    return layer, [numbers.detach().clone() for numbers in own]


def passes_for(x):
    if x.ndim == 4:
        return reference.batchnorm2d_forward, reference.batchnorm2d_backward
    return reference.batchnorm_forward, reference.batchnorm_backward


@st.composite
def batches(draw):
    """x of shape (N, D) or (N, C, H, W) with at least two values a channel."""
    torch.manual_seed(draw(st.integers(0, 1 << 30)))
    shape = [draw(st.integers(2, 6)), draw(st.integers(1, 4))]
    if draw(st.booleans()):
        shape += [draw(st.integers(1, 4)), draw(st.integers(1, 4))]
    return 3 * normal(*shape) + 2


@given(batches(), st.booleans(), st.sampled_from([0.01, 0.1, 1.0]), st.sampled_from([1e-5, 0.1]))
@settings(max_examples=60, deadline=None)
def test_both_passes_and_the_running_statistics_are_those_of_torchs_layer(
    x, training, momentum, eps
):
    layer, numbers = layer_of(x, momentum, eps)
    layer.train(training)
    forward, backward = passes_for(x)
    theirs = layer(x.requires_grad_())
    out, cache = forward(x.detach(), *numbers, training, momentum, eps)
    torch.testing.assert_close(out, theirs)
    torch.testing.assert_close(numbers[2], layer.running_mean)
    torch.testing.assert_close(numbers[3], layer.running_var)
    grad_out = torch.randn_like(theirs)
    expected = torch.autograd.grad(theirs, [x, layer.weight, layer.bias], grad_out)
    torch.testing.assert_close(backward(grad_out, cache), expected)


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 2, 3)])
@pytest.mark.parametrize("training", [True, False])
def test_backward_agrees_with_numerical_gradients(shape, training):
    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, gamma, beta):
            statistics = torch.zeros_like(gamma), torch.ones_like(gamma)
            out, ctx.cache = passes_for(x)[0](x, gamma, beta, *statistics, training)
            return out

        @staticmethod
        def backward(ctx, grad_out):
            return passes_for(grad_out)[1](grad_out, ctx.cache)

    torch.manual_seed(0)
    inputs = [normal(*s).requires_grad_() for s in (shape, shape[1:2], shape[1:2])]
    assert torch.autograd.gradcheck(Layer.apply, inputs)


def test_shifting_and_stretching_the_batch_get_no_gradient():
    x, gamma = normal(6, 3), normal(3)
    _, cache = reference.batchnorm_forward(
        x, gamma, normal(3), torch.zeros_like(gamma), torch.ones_like(gamma), True, 0.1, 0.0
    )
    grad_x, _, _ = reference.batchnorm_backward(normal(6, 3), cache)
    zero = torch.zeros_like(gamma)
    torch.testing.assert_close(grad_x.sum(0), zero)
    torch.testing.assert_close((grad_x * reference.normalize(x, 0, 0.0)).sum(0), zero)


@given(batches())
@settings(max_examples=30, deadline=None)
def test_batch_norm_is_normalize_with_scale_and_shift(x):
    _, numbers = layer_of(x)
    out, _ = passes_for(x)[0](x, *numbers, True)
    axes = [axis for axis in range(x.ndim) if axis != 1]
    gamma, beta = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in numbers[:2])
    torch.testing.assert_close(out, reference.normalize(x, axes) * gamma + beta)


def test_the_other_norms_are_torchs_and_uses_of_normalize():
    x, gamma, beta = normal(2, 6, 3, 4), normal(6), normal(6)
    by_channel = gamma[:, None, None], beta[:, None, None]

    def scaled(z):
        return z * by_channel[0] + by_channel[1]

    torch.testing.assert_close(
        reference.group_norm(x, 3, gamma, beta), nn.functional.group_norm(x, 3, gamma, beta)
    )
    groups = reference.normalize(x.reshape(2, 3, 2, 3, 4), (2, 3, 4)).reshape(x.shape)
    torch.testing.assert_close(reference.group_norm(x, 3, gamma, beta), scaled(groups))
    instance = nn.functional.instance_norm(x, weight=gamma, bias=beta)
    torch.testing.assert_close(reference.instance_norm2d(x, gamma, beta), instance)
    torch.testing.assert_close(instance, scaled(reference.normalize(x, (2, 3))))
    gamma, beta = normal(3, 4), normal(3, 4)
    layer = reference.normalize(x, (-2, -1)) * gamma + beta
    torch.testing.assert_close(reference.layer_norm(x, gamma, beta), layer)


@pytest.mark.parametrize("with_bias", [True, False])
def test_a_fused_convolution_does_what_both_layers_did(with_bias):
    conv = nn.Conv2d(2, 4, (3, 2), bias=with_bias, dtype=torch.float64)
    x = normal(2, 2, 6, 5)
    norm, (gamma, beta, mean, var) = layer_of(conv(x))
    bias = conv.bias if with_bias else None
    fused = reference.fuse_conv_bn(conv.weight, bias, gamma, beta, mean, var)
    torch.testing.assert_close(nn.functional.conv2d(x, *fused), norm.eval()(conv(x)))


def test_results_stay_on_the_device_of_the_input(device):
    x = normal(3, 4, 5, 6)
    _, numbers = layer_of(x)
    there = [t.to(device) for t in (x, *numbers)]
    out, cache = reference.batchnorm2d_forward(*there, True)
    grads = reference.batchnorm2d_backward(torch.ones_like(out), cache)
    assert {t.device.type for t in (out, *grads, there[3])} == {device}
    here, _ = reference.batchnorm2d_forward(x, *numbers, True)
    torch.testing.assert_close(out.cpu(), here)
    torch.testing.assert_close(there[4].cpu(), numbers[3])


ROWS, MAPS, D = torch.zeros(4, 3), torch.zeros(2, 3, 4, 4), torch.ones(3)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: reference.batchnorm_forward(MAPS, D, D, D, D, True), ValueError, "2 axes"),
        (lambda: reference.batchnorm2d_forward(ROWS, D, D, D, D, True), ValueError, "4 axes"),
        (lambda: reference.batchnorm_forward(ROWS, D[:2], D, D, D, True), ValueError, "gamma must"),
        (lambda: reference.batchnorm_forward(ROWS, D, 0, D, D, True), TypeError, "beta must be a"),
        (lambda: reference.batchnorm_forward(ROWS[:1], D, D, D, D, True), ValueError, "two"),
        (lambda: reference.group_norm(MAPS, 2, D, D), ValueError, "2 groups do not divide"),
        (lambda: reference.layer_norm(ROWS, D[:2], D[:2]), ValueError, "last axes"),
        (lambda: reference.fuse_conv_bn(MAPS, None, D, D, D, D), ValueError, "gamma must"),
    ],
)
def test_bad_arguments_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_a_gradient_of_another_shape_is_refused():
    numbers = D, D, D.clone(), D.clone()
    _, cache = reference.batchnorm_forward(torch.randn(4, 3), *numbers, True)
    with pytest.raises(ValueError, match="grad_out has shape"):
        reference.batchnorm_backward(ROWS[:2], cache)


# The visible checks ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXERCISES)
def test_the_reference_passes(name, capsys):
    check.check(EXERCISES[name], EXERCISES[name].reference)
    out = capsys.readouterr().out
    assert out.startswith(f"✓ {name}")
    assert "in place" not in out


@pytest.mark.parametrize(("exercise", "wrong"), MISTAKES, ids=lambda v: v.name)
def test_each_mistake_is_rejected_and_named(exercise, wrong):
    with pytest.raises(CheckFailed) as failed:
        check.check(exercise, wrong.of(exercise.reference))
    assert f"looks as if {wrong.says}" in str(failed.value)


def textbook_forward(x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    """A forward pass with a cache of its own making."""
    out, _ = reference.batchnorm_forward(x, gamma, beta, mean, var, training, momentum, eps)
    return out, {"x": x, "gamma": gamma, "eps": eps}


def textbook_backward(grad_out, cache):
    x, gamma = cache["x"], cache["gamma"]
    std = (x.var(0, unbiased=False) + cache["eps"]).sqrt()
    x_hat = (x - x.mean(0)) / std
    along = x_hat * (grad_out * x_hat).mean(0)
    grad_x = gamma / std * (grad_out - grad_out.mean(0) - along)
    return grad_x, (grad_out * x_hat).sum(0), grad_out.sum(0)


def in_a_notebook(function, **names):
    """The function as if it were defined beside `names`."""
    return type(function)(function.__code__, {"torch": torch, **names})


def test_the_cache_is_the_learners_own(capsys):
    own = in_a_notebook(textbook_backward, batchnorm_forward=textbook_forward)
    check.batchnorm_backward(own)
    assert capsys.readouterr().out.startswith("✓")


def test_a_forward_pass_that_is_not_written_yet_is_not_the_backward_passs_fault():
    def stub(*arguments):
        raise NotImplementedError

    own = in_a_notebook(textbook_backward, batchnorm_forward=stub)
    with pytest.raises(CheckFailed, match="the forward pass gave no cache"):
        check.batchnorm_backward(own)


def test_a_forward_pass_without_cache_is_told_what_to_return():
    with pytest.raises(CheckFailed, match="two things: out and cache"):
        check.batchnorm_forward(lambda *a: reference.batchnorm_forward(*a)[0])
    with pytest.raises(CheckFailed, match="it returned None"):
        check.batchnorm_forward(lambda *a: None)


def test_changing_x_in_place_is_noted(capsys):
    def careless(x, *rest):
        answer = reference.batchnorm_forward(x.clone(), *rest)
        x += 1
        return answer

    check.batchnorm_forward(careless)
    assert "changed its input in place" in capsys.readouterr().out


def test_numbers_say_only_whether_all_are_there(capsys):
    right = dict.fromkeys(("learned", "stored", "vgg16_bn", "torch_momentum", "share_after_100"), 1)
    check.bn_numbers(right)
    assert "decided when it is graded" in capsys.readouterr().out
    refused = partial(pytest.raises, CheckFailed)
    with refused(match="stored is not answered yet"):
        check.bn_numbers(right | {"stored": ...})
    with refused(match="stored should be a number"):
        check.bn_numbers(right | {"stored": "many"})
    with refused(match="should be a dict"):
        check.bn_numbers(3)


def test_local_response_norm_is_the_papers():
    x = torch.randn(2, 7, 3, 4, dtype=torch.float64)
    by_hand = torch.empty_like(x)
    for c in range(7):
        neighbours = x[:, max(0, c - 2) : c + 3]
        by_hand[:, c] = x[:, c] / (2 + 1e-4 * (neighbours**2).sum(dim=1)) ** 0.75
    torch.testing.assert_close(reference.local_response_norm(x), by_hand)
    torchs = torch.nn.LocalResponseNorm(5, alpha=5e-4, k=2.0)
    torch.testing.assert_close(reference.local_response_norm(x), torchs(x))


def test_local_response_norm_wants_a_channel_in_the_middle():
    with pytest.raises(ValueError, match="odd"):
        reference.local_response_norm(torch.zeros(1, 4, 2, 2), size=4)
