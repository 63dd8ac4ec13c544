"""Pictures of designs say what they draw."""

import matplotlib
import pytest
import torch

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from helpers import plots


@pytest.fixture
def ax():
    fig, axes = plots.panels()
    yield axes[0]
    plt.close(fig)


def test_a_field_is_framed_and_counted(ax):
    seen = torch.zeros(5, 6, dtype=torch.bool)
    seen[1:4, 2:6:3] = True
    words = plots.field_map(ax, seen, "a field").in_words
    assert words == "a field: of 5x6 pixels, 6 matter, in a box of 3x4."
    assert len(ax.patches) == 1


def test_weights_of_a_field_tell_where_they_are(ax):
    values = torch.ones(8, 8)
    assert "the middle quarter of it holds 25%" in plots.field_map(ax, values, box=False).in_words
    assert not ax.patches
    assert "no pixel matters" in plots.field_map(ax, torch.zeros(2, 2)).in_words


def test_configurations_are_told_by_stage(ax):
    plots.configurations(ax, {"a": [8, "M", (4, 1)], "b": [8, 8, "M", 3, "M"]})
    assert "a: 8 pool 4, 1x1; b: 8 8 pool 3 pool" in ax.in_words
    assert len(ax.patches) == 5
    assert len(ax.lines) == 3  # one for each pooling


def test_curves_are_marked_where_they_cross_one(ax):
    plots.ratio_curves(ax, [1, 2, 3], {"a": [0.5, 1, 1.5]}, {"a": 2.0}, "t", "x", "y")
    assert "a rises from 0.50 to 1.50 and is 1 at 2.00" in ax.in_words


def test_answers_stand_at_the_middle_of_their_windows(ax):
    plots.answer_map(ax, torch.tensor([[3, 4]]), torch.tensor([[1.0, 0.5]]), "answers", 32, 8)
    assert "3 (100%) 4 (50%)" in ax.in_words
    assert [patch.get_x() for patch in ax.patches] == [12, 20]
    assert ax.get_xlim() == (-0.5, 39.5)
