"""07_inception_bottlenecks' judging: other right ways count fully, wrong ones are told apart."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from autograder.exercises.inception_bottlenecks import (
    EXERCISES,
    RIGHT_AUX_HEAD,
    RIGHT_GAP_HEAD,
    RIGHT_INCEPTION,
)
from autograder.mistakes import sit
from helpers.checks import CheckFailed
from helpers.checks import inception_bottlenecks as check
from helpers.checks.exercise import judge
from helpers.checks.records import decode, encode
from helpers.models import googlenet


def verdict_on(name, answer):
    return sit(EXERCISES[name].exercise, answer)


def named(verdict):
    return [m.name for found in verdict.findings if found.certain for m in found.mistakes]


def written(source, name):
    defined = {}
    exec(source, defined)
    return defined[name]


# Right in another way -----------------------------------------------------------------------


class NaiveBackwards(nn.Module):
    """Layers made and run from the last to the first, and put into a tensor made beforehand."""

    def __init__(self, in_channels, n1x1, n3x3, n5x5):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(in_channels, n, f, padding="same")
            for f, n in ((5, n5x5), (3, n3x3), (1, n1x1))
        )

    def forward(self, x):
        n, channels, height, width = x.shape
        sizes = [conv.out_channels for conv in self.convs]
        out = x.new_empty(n, sum(sizes) + channels, height, width)
        out[:, sum(sizes) :] = functional.max_pool2d(x, 3, 1, 1)
        end = sum(sizes)
        for conv in self.convs:
            out[:, end - conv.out_channels : end] = conv(x).clamp(min=0)
            end -= conv.out_channels
        return out


class BottleneckBackwards(nn.Module):
    """An inception module whose branches run from the last to the first."""

    def __init__(self, in_channels, n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj):
        super().__init__()
        self.d = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(in_channels, pool_proj, 1))
        self.c = nn.Sequential(
            nn.Conv2d(in_channels, n5x5_reduce, 1), nn.ReLU(), nn.Conv2d(n5x5_reduce, n5x5, 5, 1, 2)
        )
        self.b = nn.Sequential(
            nn.Conv2d(in_channels, n3x3_reduce, 1), nn.ReLU(), nn.Conv2d(n3x3_reduce, n3x3, 3, 1, 1)
        )
        self.a = nn.Conv2d(in_channels, n1x1, 1)

    def forward(self, x):
        branches = [branch(x).relu() for branch in (self.d, self.c, self.b, self.a)]
        return torch.cat(branches[::-1], dim=1)


class ConvolutionalHead(nn.Module):
    """Means by two reductions, scores by a 1x1 convolution."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.scores = nn.Conv2d(in_channels, num_classes, 1)

    def forward(self, x):
        return self.scores(x.mean(3, keepdim=True).mean(2, keepdim=True)).flatten(1)


class ConvolutionalAuxiliary(nn.Module):
    """The first linear layer as a 4x4 convolution, dropout as a function."""

    def __init__(self, in_channels, num_classes, width=1.0):
        super().__init__()
        self.last = nn.Linear(int(1024 * width), num_classes)
        self.hidden = nn.Conv2d(int(128 * width), int(1024 * width), 4)
        self.first = nn.Conv2d(in_channels, int(128 * width), 1)

    def forward(self, x):
        x = functional.avg_pool2d(x, 5, 3)
        x = self.hidden(self.first(x).relu()).flatten(1).relu()
        return self.last(functional.dropout(x, 0.7, self.training))


class InOneList(nn.Module):
    """GoogLeNet as a list of layers, heads asked at the end; a list instead of a tuple returned."""

    def __init__(self, num_classes=1000, in_channels=3, width=1.0, aux=False):
        super().__init__()
        inception = written(RIGHT_INCEPTION, "Inception")
        auxiliary = written(RIGHT_AUX_HEAD, "AuxiliaryHead")
        self.scores = written(RIGHT_GAP_HEAD, "GlobalAvgPoolHead")(int(1024 * width), num_classes)
        self.heads = nn.ModuleList(
            auxiliary(int(c * width), num_classes, width) for c in ((512, 528) if aux else ())
        )
        a, b = int(64 * width), int(192 * width)
        self.first = nn.Conv2d(in_channels, a, 7, 2, 3)
        self.second, self.third = nn.Conv2d(a, a, 1), nn.Conv2d(a, b, 3, padding=1)
        channels, self.blocks = b, nn.ModuleList()
        for numbers in googlenet.MODULES.values():
            numbers = [int(width * n) for n in numbers]
            self.blocks.append(inception(channels, *numbers))
            channels = numbers[0] + numbers[2] + numbers[4] + numbers[5]

    def forward(self, x):
        def half(maps):
            return functional.max_pool2d(maps, 3, 2, 1)

        x = half(self.first(x).relu())
        x = half(self.third(self.second(x).relu()).relu())
        seen = []
        for number, block in enumerate(self.blocks):
            x = block(half(x) if number in (2, 7) else x)
            seen.append(x)
        x = functional.dropout(x, 0.4, self.training)
        if self.training and len(self.heads):
            return [self.scores(x), self.heads[0](seen[2]), self.heads[1](seen[5])]
        return self.scores(x)


def with_pooling(linear, size):
    pointwise = nn.Conv2d(linear.in_features, linear.out_features, 1, dtype=linear.weight.dtype)
    pointwise.weight.copy_(linear.weight[..., None, None])
    pointwise.bias.copy_(linear.bias)
    return nn.Sequential(nn.AvgPool2d(size, stride=1), pointwise)


def macs_by_loops(in_channels, size, n1x1, n3x3, n5x5):
    height, width = (size, size) if isinstance(size, int) else size
    macs = np.int64(0)
    for kernel, filters in ((1, n1x1), (3, n3x3), (5, n5x5)):
        for _ in range(filters):
            macs += height * width * kernel * kernel * in_channels
    return macs


def loss_by_hand(outputs, labels, aux_weight=0.3):
    def loss(scores):
        return -scores.log_softmax(1)[range(len(labels)), labels].mean()

    if torch.is_tensor(outputs):
        return loss(outputs).item()
    return (loss(outputs[0]) + aux_weight * (loss(outputs[1]) + loss(outputs[2]))).item()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("NaiveInception", NaiveBackwards),
        ("Inception", BottleneckBackwards),
        ("Inception", written(RIGHT_INCEPTION, "Inception")),
        ("GlobalAvgPoolHead", ConvolutionalHead),
        ("GlobalAvgPoolHead", written(RIGHT_GAP_HEAD, "GlobalAvgPoolHead")),
        ("AuxiliaryHead", ConvolutionalAuxiliary),
        ("AuxiliaryHead", written(RIGHT_AUX_HEAD, "AuxiliaryHead")),
        ("GoogLeNet", InOneList),
        ("GoogLeNet", check.reduce_first),
        ("GoogLeNet", check.later_head_first),
        ("naive_inception_macs", macs_by_loops),
        ("googlenet_loss", loss_by_hand),
        ("head_as_convolutions", with_pooling),
        ("stacked_channels", lambda *a: tuple(googlenet.stacked_channels(*a))),
    ],
)
def test_other_ways_to_write_it_are_right(name, answer):
    assert verdict_on(name, answer).fraction == 1


# Wrong, by hand -----------------------------------------------------------------------------


class Naive(nn.Module):
    def __init__(self, in_channels, n1x1, n3x3, n5x5, pool, padding=2):
        super().__init__()
        self.a, self.pool = nn.Conv2d(in_channels, n1x1, 1), pool
        self.b = nn.Conv2d(in_channels, n3x3, 3, padding=1)
        self.c = nn.Conv2d(in_channels, n5x5, 5, padding=padding)

    def forward(self, x):
        convolved = [torch.relu(layer(x)) for layer in (self.a, self.b, self.c)]
        return torch.cat([*convolved, self.pool(x)], dim=1)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"pool": nn.MaxPool2d(3, stride=1)}, "pooling without padding"),
        ({"pool": nn.MaxPool2d(3, stride=2, padding=1)}, "pooling with stride 2"),
        ({"pool": nn.MaxPool2d(3, padding=1)}, "pooling with stride 3"),
        ({"pool": nn.MaxPool2d(3)}, "pooling by default"),
        ({"pool": nn.MaxPool2d(3, 1, 1), "padding": 1}, "large kernel with padding 1"),
        ({"pool": nn.AvgPool2d(3, 1, 1)}, "pooling averages"),
    ],
)
def test_branches_that_do_not_fit_together_are_told_apart_by_what_torch_says(options, name):
    verdict = verdict_on("NaiveInception", lambda **given: Naive(**given, **options))
    assert verdict.fraction < 1
    assert named(verdict) == [name]


def test_an_error_is_told_once_for_each_case():
    with pytest.raises(CheckFailed) as failed:
        check.NaiveInception(lambda **given: Naive(**given, pool=nn.MaxPool2d(3)))
    assert str(failed.value).count("RuntimeError") == len(check.NAIVE.cases)
    assert "more." not in str(failed.value)


class HeadsAlways(googlenet.GoogLeNet):
    def forward(self, x):
        x, answers = self.stem(x), []
        for name, module in self.inception.items():
            x = module(self.pool[name](x) if name in self.pool else x)
            if name in self.aux:
                answers.append(self.aux[name](x))
        return (self.head(x), *answers) if answers else self.head(x)


def test_heads_that_answer_in_evaluation_are_named():
    verdict = verdict_on("GoogLeNet", HeadsAlways)
    assert 0 < verdict.fraction < 1
    assert "heads active in evaluation" in named(verdict)


def test_a_loss_without_the_weight_is_named():
    def unweighted(outputs, labels, aux_weight=0.3):
        return googlenet.googlenet_loss(outputs, labels, 1)

    assert named(verdict_on("googlenet_loss", unweighted)) == ["auxiliary weight missing"]


def test_every_exercise_has_eight_named_mistakes_or_is_tried_out():
    for name, graded in EXERCISES.items():
        assert graded.exercise.measure or len(graded.exercise.mistakes) >= 8, name


# The open exercise --------------------------------------------------------------------------


def tried(answer):
    exercise = EXERCISES["reducer_widths"].exercise
    return judge(exercise, [()], [{"value": decode(encode(answer))}])


def widths(n3x3_reduce, n5x5_reduce, pool_proj):
    return dict(zip(check.REDUCERS, (n3x3_reduce, n5x5_reduce, pool_proj), strict=True))


def broken(verdict):
    [result] = verdict.results
    return [rule for rule, problem in result.problems.items() if problem]


def test_any_choice_that_keeps_the_rules_is_right():
    steps = range(24, 129, 8)
    right = [
        choice
        for choice in itertools.product(steps, steps, range(24, 65, 8))
        if tried(widths(*choice)).fraction == 1
    ]
    assert len(right) >= 8
    assert (64, 32, 32) in right
    for choice in right:
        macs = googlenet.bottleneck_inception_macs(256, 28, 128, choice[0], 192, choice[1], 96,
                                                   choice[2])  # fmt: skip
        assert 0.95 * check.BUDGET <= macs <= check.BUDGET


@pytest.mark.parametrize(
    ("choice", "rules"),
    [
        ((64, 64, 64), ["budget"]),
        ((32, 32, 32), ["budget used"]),
        ((90, 10, 64), ["width of the reducers"]),
        ((64, 35, 8), ["channels out"]),
        ((64, 33, 10), ["channels out"]),
        ((130, 10, 0.5), list(check.RULES)),
        ((64, 32, -1), list(check.RULES)),
        ((64, 32, True), list(check.RULES)),
    ],
)
def test_each_broken_rule_is_named_and_costs_alone(choice, rules):
    verdict = tried(widths(*choice))
    assert broken(verdict) == rules
    assert verdict.fraction == pytest.approx(1 - len(rules) / len(check.RULES))


def test_what_is_not_filled_in_is_not_wrong():
    assert not tried(widths(..., ..., ...)).attempted
    assert "n5x5_reduce" in tried(widths(64, ..., 32)).results[0].problems["budget"].words
    with pytest.raises(CheckFailed, match="not attempted"):
        check.reducer_widths(widths(..., ..., ...))
    assert broken(tried([64, 32, 32])) == list(check.RULES)


def test_the_visible_check_says_what_the_choice_costs(capsys):
    check.reducer_widths(widths(64, 32, 32))
    assert "198,295,552 MACs, 448 channels out" in capsys.readouterr().out
    with pytest.raises(CheckFailed, match="more than 200,000,000"):
        check.reducer_widths(widths(64, 64, 64))
