"""What the experiments of 05_alexnet_counting claim, as bounds."""

from functools import partial

import pytest

from autograder import ROOT
from autograder.sample.submissions import notebook_of
from helpers.models import alexnet

from . import stored

ASSIGNMENT = "05_alexnet_counting"

table_that = partial(stored.table_that, ASSIGNMENT)


def cells():
    return [c for c in notebook_of(ROOT / "solutions", ASSIGNMENT).cells if c.cell_type == "code"]


def test_no_removal_costs_tens_of_points_on_digits():
    rows = table_that("layers removed")
    found = {name: [float(v.rstrip("%")) for v in seeds] for name, _, *seeds in rows}
    assert len(found) == 5
    assert all(len(seeds) == 3 and min(seeds) > 50 for seeds in found.values())
    means = {name: sum(seeds) / 3 for name, seeds in found.items()}
    assert max(means["none"] - mean for mean in means.values()) < 15
    assert all(max(seeds) > min(found["none"]) for seeds in found.values())  # the rows overlap


@pytest.mark.slow
def test_the_smallest_network_learns_as_the_largest_does():
    names = {}
    for text in ("# Set-up.", "def accuracy_without("):
        [cell] = [c for c in cells() if text in c.source]
        exec(cell.source, names)
    smallest = alexnet.remove_layers(names["SMALL"], {3, 4, 6, 7})
    # A seed that the notebook does not show.
    shares = [names["accuracy_without"](net, seed=3) for net in (names["SMALL"], smallest)]
    assert min(shares) > 0.5
    assert shares[0] - shares[1] < 0.2


def test_for_one_image_fc6_did_fewer_macs_in_the_same_time():
    rate = {(name, images): float(rate) for name, images, _, rate in table_that("layer | images")}
    assert rate["fc6", "1"] < rate["conv3", "1"] / 2
    assert rate["fc6", "1"] < rate["fc6", "16"]


def test_the_slide_check_finds_the_four_cells():
    rows = table_that("cell | the slides say")
    assert [row[0].split(",")[0] for row in rows] == ["conv4", "fc6", "fc7", "fc8"]
    assert "149,520,384" in rows[0][2]
    assert "37,752,832" in rows[1][2]


def test_the_steps_of_the_contest_are_as_the_text_says():
    [words] = [
        output.text
        for cell in cells()
        for output in cell.outputs
        if "the error fell by a factor of" in output.get("text", "")
    ]
    steps = eval(words.rsplit("factor of", 1)[1])
    assert sorted(steps, key=steps.get)[-2:] == [2014, 2015]
    points = eval(words.split("percentage points:")[1].splitlines()[0])
    assert max(points, key=points.get) == 2012
    assert points[2012] == 9.4
    assert "the second 26.2 %" in words
