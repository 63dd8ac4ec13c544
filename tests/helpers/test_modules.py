"""Modules are judged by what they compute, not by the names or the order of their layers."""

import pytest
import torch
from torch import nn

from helpers.checks.exercise import Case, arguments_for, judge, module_exercise
from helpers.checks.modules import describe_module
from helpers.checks.records import decode_outcome, record_call


class Reference(nn.Module):
    def __init__(self, num_classes=3):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.left = nn.Conv2d(2, 2, 3, padding=1)
        self.right = nn.Conv2d(2, 2, 3, padding=1)
        self.head = nn.Linear(4 * 16, num_classes)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv1(x)))
        x = torch.cat([self.left(x), self.right(x)], 1)
        return self.head(x.flatten(1))


EXERCISE = module_exercise(
    "Net",
    Reference,
    cases=[
        Case("three classes", lambda rng: ({}, (2, 1, 6, 6), int(rng.integers(1 << 30)))),
        Case("five", lambda rng: ({"num_classes": 5}, (1, 1, 6, 6), int(rng.integers(1 << 30)))),
    ],
)


def verdict_on(build):
    arguments = [arguments_for(case, [3, i]) for i, case in enumerate(EXERCISE.cases)]
    answers = [
        decode_outcome(record_call(lambda *a: describe_module(build, *a), args))
        for args in arguments
    ]
    return judge(EXERCISE, arguments, answers)


def words(verdict):
    return " ".join(p.words for r in verdict.results for p in r.problems.values() if p)


class OtherNamesAndOrder(nn.Module):
    """The same network: layers made in another order, a convolution instead of the linear layer."""

    def __init__(self, num_classes=3):
        super().__init__()
        self.z = nn.Conv2d(4, num_classes, 4)
        self.branches = nn.ModuleList(nn.Conv2d(2, 2, 3, padding=1) for _ in range(2))
        self.stem = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())

    def forward(self, x):
        x = self.stem(x)
        return self.z(torch.cat([branch(x) for branch in self.branches], 1)).flatten(1)


class BranchesTheOtherWay(Reference):
    def forward(self, x):
        x = torch.relu(self.norm(self.conv1(x)))
        right = self.right(x)
        return self.head(torch.cat([self.left(x), right], 1).flatten(1))


class ReluForgotten(Reference):
    def forward(self, x):
        x = self.norm(self.conv1(x))
        return self.head(torch.cat([self.left(x), self.right(x)], 1).flatten(1))


class LayersInAList(nn.Module):
    def __init__(self, num_classes=3):
        super().__init__()
        self.layers = [nn.Conv2d(1, 1, 3).double(), nn.Linear(16, num_classes).double()]

    def forward(self, x):
        return self.layers[1](self.layers[0](x).flatten(1))


class IgnoresInput(Reference):
    def forward(self, x):
        return super().forward(torch.ones_like(x))


class OneDevice(Reference):
    def forward(self, x):
        return super().forward(x + torch.zeros(x.shape, device="cpu", dtype=x.dtype))


@pytest.mark.parametrize("build", [Reference, OtherNamesAndOrder, BranchesTheOtherWay])
def test_whatever_computes_the_same_is_right(build):
    assert verdict_on(build).fraction == 1


def test_a_missing_nonlinearity_changes_the_output_only():
    for result in verdict_on(ReluForgotten).results:
        assert result.problems["output"].kind == "values"
        assert result.problems["params"] is None


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (LayersInAList, "nn.ModuleList"),
        (IgnoresInput, "does not depend on its input"),
        (OneDevice, "one device only"),
    ],
)
def test_an_unusable_module_is_told_why(build, told):
    verdict = verdict_on(build)
    assert verdict.fraction == 0
    assert told in words(verdict)


def test_a_wrong_parameter_count_is_said():
    class Biasless(Reference):
        def __init__(self, num_classes=3):
            super().__init__(num_classes)
            self.conv1 = nn.Conv2d(1, 2, 3, bias=False)

    assert "too small" in words(verdict_on(Biasless))


def test_something_that_is_no_module_is_told_so():
    assert "nn.Module" in words(verdict_on(lambda num_classes=3: 7))


def test_large_modules_are_described_without_computing():
    described = describe_module(lambda: nn.Linear(50_000, 20_000), {}, (1, 50_000), None)
    assert described == {
        "params": 1_000_020_000,
        "stages": [[1, 20_000]],
        "output": [1, 20_000],
    }
