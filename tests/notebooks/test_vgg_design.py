"""What the experiments of 06_vgg_design claim, as bounds."""

import statistics

import matplotlib
from functools import partial

import pytest

matplotlib.use("Agg")

from autograder import ROOT
from autograder.sample.submissions import solved_cell

ASSIGNMENT = "06_vgg_design"
MIDDLES = ("one 7x7", "three 3x3, linear", "three 3x3")


cell_that = partial(solved_cell, ASSIGNMENT)


@pytest.fixture(scope="module")
def names():
    """What the cells define that the experiments need."""
    defined = {}
    for text in (
        "# Set-up.", "def influence(", "def compose_kernels(", "def left_over(", "def digit_net(",
        "def fc_to_conv(",
    ):  # fmt: skip
        exec(cell_that(text).source, defined)
    return defined


def rows_of(contains):
    """The rows of the table that a cell has shown."""
    [table] = [
        o["data"]["text/plain"]
        for o in cell_that(contains).outputs
        if "text/markdown" in o.get("data", {})
    ]
    return [line.split(" | ") for line in table.splitlines()[1:]]


@pytest.mark.parametrize("seed", range(6))
def test_the_deeper_the_stack_the_more_the_middle_matters(names, seed):
    shares = [names["middle_share"](names["influence"](n, seed)) for n in (2, 4, 8, 16)]
    assert shares == sorted(shares)
    assert shares[0] < 0.75
    assert shares[-1] > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_only_composed_kernels_can_be_matched(names, seed):
    torch, compose = names["torch"], names["compose_kernels"]
    torch.manual_seed(seed)
    a, b, c = (torch.randn(1, 1, 3, 3).double() for _ in range(3))
    made, random = compose(compose(a, b), c), torch.randn(1, 1, 7, 7).double()
    assert min(names["left_over"](made, start) for start in range(3)) < 0.01
    assert min(names["left_over"](random, start) for start in range(3)) > 0.05


def test_what_the_search_left_over_where_it_was_run():
    for _, composed, random in rows_of("left_over(target, start) for start"):
        assert float(composed) < 0.01
        assert float(random) > 0.1


def test_no_middle_stands_out_where_it_was_run():
    rows = rows_of("trained_on_digits(middle, seed) for")
    assert [row[0] for row in rows] == list(MIDDLES)
    found = [[float(cell.rstrip("%")) for cell in row[2:]] for row in rows]
    assert min(map(min, found)) > 80
    assert max(map(min, found)) < min(map(max, found))  # the rows overlap
    weights = [int(row[1].replace(",", "")) for row in rows]
    assert weights[1] == weights[2] < 0.7 * weights[0]


@pytest.mark.slow
def test_stacks_with_a_third_fewer_parameters_do_about_as_well(names):
    means = [
        statistics.mean(names["trained_on_digits"](middle, seed) for seed in (3, 4))
        for middle in (MIDDLES[0], MIDDLES[2])
    ]
    assert min(means) > 0.8
    assert abs(means[0] - means[1]) < 0.08


@pytest.mark.slow
def test_a_map_of_answers_is_right_on_the_digits(names):
    defined = names | {"answers_along": None, "between_digits": None}
    exec(cell_that("def small_vgg(").source, defined)
    exec(cell_that("strip = torch.cat").source, defined)
    answers = defined["answers"][0]
    assert answers.shape == (13,)
    digits = [int(defined["labels"][1437 + k]) for k in (5, 0, 2, 1)]
    right = [int(answers[4 * k]) == digit for k, digit in enumerate(digits)]
    assert sum(right) >= 3


def test_one_forgotten_layer_explains_five_numbers():
    rows = rows_of("def five_numbers(")
    assert [row[2] for row in rows] == ["13.6206", "48.6172", "42.875", "1,145,408", "7,485.46"]
