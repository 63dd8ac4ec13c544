"""Counts of inception modules, the loss with heads, and the pictures of branches."""

import matplotlib
import pytest
import torch
from torch import nn

from helpers import counting, plots
from helpers.checks import inception_bottlenecks as check
from helpers.checks.exercise import judge, outcome_of
from helpers.checks.modules import describe_module
from helpers.models import googlenet

matplotlib.use("Agg")

import matplotlib.pyplot as plt


@pytest.fixture
def ax():
    fig, axes = plots.panels()
    yield axes[0]
    plt.close(fig)


def test_macs_of_the_lectures_modules():
    assert googlenet.naive_inception_macs(256, 28, 128, 192, 96) == 854_196_224
    lecture = (256, 28, 128, 64, 192, 64, 96, 64)
    assert googlenet.bottleneck_inception_macs(*lecture) == 271_351_808


@pytest.mark.parametrize("size", [(7, 9), (4, 4), 6])
def test_macs_are_what_counting_the_module_gives(size):
    shape = size if isinstance(size, tuple) else (size, size)
    naive = counting.count(googlenet.NaiveInception(5, 3, 4, 2), (5, *shape))
    assert naive.macs == googlenet.naive_inception_macs(5, size, 3, 4, 2)
    module = counting.count(googlenet.Inception(5, 3, 4, 2, 6, 7, 1), (5, *shape))
    assert module.macs == googlenet.bottleneck_inception_macs(5, size, 3, 4, 2, 6, 7, 1)


def test_stacked_channels_are_those_of_stacked_modules():
    net, channels = nn.Sequential(), googlenet.stacked_channels(4, 3, 2, 3, 1)
    for in_channels in channels[:-1]:
        net.append(googlenet.NaiveInception(in_channels, 2, 3, 1))
    x, found = torch.zeros(1, 4, 5, 5), [4]
    for module in net:
        x = module(x)
        found.append(x.shape[1])
    assert found == channels == [4, 10, 16, 22]
    assert googlenet.stacked_channels(4, 2, 2, 3, 1, pool_proj=5) == [4, 11, 11]


def test_the_loss_weighs_each_head_and_takes_plain_scores():
    scores, labels = torch.randn(3, 4, 5), torch.tensor([1, 0, 4, 2])
    each = [nn.functional.cross_entropy(s, labels) for s in scores]
    expected = each[0] + 0.3 * each[1] + 0.3 * each[2]
    assert torch.isclose(googlenet.googlenet_loss(tuple(scores), labels), expected)
    assert torch.isclose(googlenet.googlenet_loss(scores[0], labels), each[0])


def test_the_head_is_two_convolutions_that_slide():
    head = googlenet.GlobalAvgPoolHead(6, 4).eval()
    both = googlenet.head_as_convolutions(head.fc, 3)
    maps = torch.randn(2, 6, 4, 5)
    out = both(maps)
    assert out.shape == (2, 4, 2, 3)
    for i, j in ((0, 0), (1, 2)):
        expected = head(maps[:, :, i : i + 3, j : j + 3])
        assert torch.allclose(out[:, :, i, j], expected, atol=1e-6)


def test_a_module_is_described_in_training_mode_without_dropout():
    class TwoModes(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.dropout = nn.Linear(3, 2), nn.Dropout(0.9)

        def forward(self, x):
            out = self.linear(self.dropout(x))
            return (out, 2 * out) if self.training else out

    evaluated = describe_module(TwoModes, {}, (4, 3), 1)["output"]
    trained = describe_module(TwoModes, {}, (4, 3), 1, True)["output"]
    assert torch.equal(trained[0], evaluated)
    assert torch.equal(trained[1], 2 * evaluated)
    assert describe_module(TwoModes, {}, (4, 3), None)["output"] == [4, 2]
    dropped = nn.functional.dropout(torch.ones(1000), 0.9)
    assert (dropped == 0).any()  # given back afterwards


def test_mistakes_that_raise_the_same_error_are_told_apart_by_its_words():
    arguments = [({"in_channels": 2, "n1x1": 1, "n3x3": 1, "n5x5": 1}, (1, 2, 6, 6), 3)]
    exercise = check.NAIVE
    exercise = type(exercise)(**{**vars(exercise), "cases": exercise.cases[:1]})
    for wrong in (check.pooling_without_padding, check.pooling_with_stride_2):
        made = outcome_of(exercise.asked(wrong.of(exercise.reference)), arguments[0])
        assert made["error"][0] == "RuntimeError"
        [finding] = judge(exercise, arguments, [made]).findings
        assert finding.mistakes == [wrong]
        unworded = {"error": made["error"], "message": "something else", "line": None}
        [finding] = judge(exercise, arguments, [unworded]).findings
        assert not finding.certain


def test_branches_tell_what_flows_where(ax):
    plots.branches(ax, 8, [[("1×1", "conv", 2)], [("pool", "pool", 8), ("1×1", "conv", 3)]], "two")
    assert "input 8 maps to 1×1 (8); 1×1 to stacked (2)" in ax.in_words
    assert "pool to 1×1 (8); 1×1 to stacked (3)" in ax.in_words


def test_stacked_bars_add_their_parts_up_and_share_colours(ax):
    plots.stacked_bars(ax, {"a": {"x": 1, "y": 2}, "b": {"y": 4}}, "cost", "MACs")
    assert ax.in_words == "bars, cost, MACs: a 3, of that x 1, y 2; b 4, of that y 4."
    assert (
        ax.patches[1].get_facecolor()
        == ax.patches[2].get_facecolor()
        != ax.patches[0].get_facecolor()
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["x", "y"]


def test_counts_and_layers_are_told_value_by_value(ax):
    plots.counts(ax, [("a", [256, 1088.2])], "growth", "modules", "channels")
    assert ax.in_words == "growth, channels over modules: a 256, 1088."
    ax.clear()
    groups = {"x": [[1, 2], [3, 4]], "y": [[5, 6], [7, 8]]}
    plots.by_layer(ax, groups, ["p", "q"], "by layer", "norm", told=["q"])
    assert "x, 2 runs: 2.0e+00, 4.0e+00 at q. y, 2 runs: 6.0e+00, 8.0e+00 at q" in ax.in_words
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--", "-", "--"]
