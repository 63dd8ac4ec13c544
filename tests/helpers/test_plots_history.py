"""Pictures of printed results draw all of them and say them in words."""

import pytest

from helpers import claims, plots


@pytest.fixture
def ax():
    _, (axes,) = plots.panels(1, 1, width=8)
    yield axes
    axes.figure.clear()


def test_errors_by_year_has_a_bar_and_a_word_for_each_year(ax):
    plots.errors_by_year(ax, claims.history.ilsvrc(), claims.history.PEOPLE)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [entry.top5 for entry in claims.history.ilsvrc()]
    assert "2012 AlexNet 8 layers 16.4 %" in ax.in_words
    assert "one trained person, 5.1 %" in ax.in_words
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "hand-made features",
        "convolutional networks",
        "one trained person, 5.1 %",
    ]


def test_errors_by_year_can_leave_people_out(ax):
    plots.errors_by_year(ax, claims.history.ilsvrc()[2:4])
    assert "person" not in ax.in_words
    assert len(ax.patches) == 2


def test_errors_by_year_marks_what_was_not_checked(ax):
    plots.errors_by_year(ax, claims.history.ilsvrc(), unchecked=[2010, 2016])
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [True] + 5 * [False] + [True, False]
    assert "2010 NEC-UIUC 28.2 % (not checked); 2011 XRCE 25.8 %;" in ax.in_words
    assert "not checked against a paper" in [t.get_text() for t in ax.get_legend().get_texts()]


@pytest.mark.parametrize("number", [3, 4])
def test_errors_by_configuration_draws_every_row(ax, number):
    rows = claims.history.vgg_table(number)
    plots.errors_by_configuration(ax, rows, "VGG")
    drawn = sorted(y for line in ax.lines for y in line.get_ydata())
    assert drawn == sorted(row.top5 for row in rows)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == list(
        dict.fromkeys(row.name for row in rows)
    )
    assert "trained at 256 to 512 pixels: C 8." in ax.in_words
