"""Mistakes as students write them, by hand, get the name that the catalogue has for them."""

import pytest
import torch

from autograder.exercises import load
from helpers.checks.exercise import arguments_for, judge
from helpers.checks.records import decode_outcome, record_call

GRADED = load("batchnorm")
FORWARD = """
def batchnorm_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    if {branch}:
        mean, n = x.mean(0), len(x)
        variance = {variance}
        running_mean[:] = (1 - momentum) * running_mean + momentum * mean
        running_var[:] = (1 - momentum) * running_var + momentum * {collected}
    else:
        mean, variance = {evaluation}
    std = {std}
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std)
"""
BACKWARD = """
def batchnorm_backward(grad_out, cache):
    (x_hat, gamma, std), n = cache, len(grad_out)
    grad_x_hat, centred = {factor} * grad_out, x_hat * std
    grad_var = {half} * (grad_x_hat * centred).sum(0) / std**3
    grad_mean = -(grad_x_hat / std).sum(0)
    grad_x = grad_x_hat / std + grad_var * {two} * centred / {n_var} + grad_mean / {n_mean}
    return grad_x, (grad_out * x_hat).sum(0), grad_out.sum(0)
"""


def written(source, **parts):
    """The function that a source text defines."""
    defined = {"torch": torch}
    exec(source.format(**parts), defined)
    return next(v for name, v in defined.items() if name.startswith("batchnorm"))


def forward(
    branch="training", variance="x.var(0, unbiased=False)", collected="variance * n / (n - 1)",
    evaluation="running_mean, running_var", std="(variance + eps).sqrt()",
):  # fmt: skip
    return written(
        FORWARD, branch=branch, variance=variance, collected=collected, evaluation=evaluation,
        std=std,
    )  # fmt: skip


def backward(factor="gamma", half="-0.5", two="2", n_var="n", n_mean="n"):
    return written(BACKWARD, factor=factor, half=half, two=two, n_var=n_var, n_mean=n_mean)


def diagnosis(name, function, **others):
    """Fraction of the points, and the names of the mistakes that are called certain."""
    exercise = GRADED[name].exercise
    arguments = [arguments_for(case, [7, i]) for i, case in enumerate(exercise.cases)]
    asked = exercise.asked(function, others)
    outcomes = [decode_outcome(record_call(asked, a)) for a in arguments]
    verdict = judge(exercise, arguments, outcomes)
    certain = [m.name for found in verdict.findings if found.certain for m in found.mistakes]
    return verdict.fraction, certain


def test_written_by_hand_and_right():
    assert diagnosis("batchnorm_forward", forward()) == (1, [])
    assert diagnosis("batchnorm_backward", backward(), batchnorm_forward=forward()) == (1, [])


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"branch": "True"}, "flag ignored"),
        ({"evaluation": "x.mean(0), x.var(0, unbiased=False)"}, "batch statistics in evaluation"),
        ({"variance": "x.var(0)", "collected": "variance"}, "normalised with unbiased variance"),
        ({"collected": "variance"}, "running variance biased"),
        ({"std": "variance.sqrt() + eps"}, "eps added to std"),
        ({"std": "variance + eps"}, "divided by variance"),
    ],
)
def test_forward_passes_are_diagnosed(wrong, name):
    fraction, certain = diagnosis("batchnorm_forward", forward(**wrong))
    assert fraction < 1
    assert certain == [name]


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"factor": "1"}, "gamma missing"),
        ({"half": "0.5"}, "variance path negated"),
        ({"half": "-1"}, "root not differentiated"),
        ({"half": "0"}, "variance path missing"),
        ({"two": "1"}, "square not differentiated"),
        ({"n_var": "(n - 1)"}, "variance path unbiased"),
        ({"n_var": "1", "n_mean": "1"}, "sums not divided"),
        ({"n_mean": "float('inf')"}, "mean path missing"),
    ],
)
def test_backward_passes_are_diagnosed(wrong, name):
    others = {"batchnorm_forward": forward()}
    fraction, certain = diagnosis("batchnorm_backward", backward(**wrong), **others)
    assert fraction < 1
    assert certain == [name]
