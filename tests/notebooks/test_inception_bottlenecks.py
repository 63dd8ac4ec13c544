"""What the experiments of 07_inception_bottlenecks claim, as bounds."""

from functools import partial

import pytest

from autograder import ROOT
from autograder.sample.submissions import notebook_of

from . import stored

ASSIGNMENT = "07_inception_bottlenecks"

table_that = partial(stored.table_that, ASSIGNMENT)


def cells():
    return [c for c in notebook_of(ROOT / "solutions", ASSIGNMENT).cells if c.cell_type == "code"]


@pytest.fixture(scope="module")
def gradients():
    """`gradient_norms` of the solved notebook, and the start that it compares with torch's."""
    defined = {}
    wanted = ("# Set-up.", "class Inception(", "class GlobalAvgPoolHead(", "class AuxiliaryHead(",
              "def googlenet_loss(", "MODULES = {", "class GoogLeNet(", "def gradient_norms(")  # fmt: skip
    for text in wanted:
        [cell] = [c for c in cells() if text in c.source]
        exec(cell.source, defined)
    return defined["gradient_norms"], defined["he"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_heads_multiply_the_stems_gradient_with_torchs_weights_only(gradients, seed):
    norms, he = gradients
    small = [norms(weight, seed) for weight in (0.3, 0.0)]
    assert small[0][0] / small[1][0] > 50
    assert small[1][-1] / small[1][0] > 1e3
    large = [norms(weight, seed, he) for weight in (0.3, 0.0)]
    assert large[0][0] / large[1][0] < 10
    assert large[1][-1] < large[1][0]


@pytest.mark.slow
def test_heads_change_nothing_behind_them(gradients):
    norms, _ = gradients
    with_heads, without = norms(0.3, 0), norms(0.0, 0)
    assert len(with_heads) == 11
    assert with_heads[-3:] == pytest.approx(without[-3:], rel=1e-4)


def test_the_stored_table_shows_what_the_text_says():
    rows = table_that("start | seed | conv7, without")
    for start, _, first, last, conv7, _, last_factor in rows:
        assert (float(conv7) > 10) == (start == "torch's own weights")
        assert last_factor == "1.00"
        assert (float(first) < float(last) / 1000) == (start == "torch's own weights")
    assert len(rows) == 6


def test_the_slide_check_reports_the_published_numbers():
    wrong = {row[0]: row for row in table_that("claim | the slides say | found here | why")}
    assert wrong["the module with bottlenecks"][2] == "271,351,808"
    assert "358.1M" in wrong["the module with bottlenecks"][3]
    assert wrong["GoogLeNet's parameters"][2] == "6,998,552"
    assert wrong["fewer than AlexNet"][2] == "8.7x"
    stem = table_that("layer | output | KiB: slide / here")
    assert stem[-1][2:] == ["7.5 MB / 7.46 MiB", "124 / 124.4", "**418** / 480.8"]
    repaired = table_that("VGG-16 down to 28x28")
    assert [row[3] for row in repaired] == ["42.9 MiB", "1,145,408", "7,485M"]
    assert repaired[2][2] == "9,335M (19.5x)"
