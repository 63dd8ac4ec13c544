"""What the experiments of 03_batchnorm claim, as bounds."""

import re
from functools import partial

import pytest

from autograder import ROOT
from autograder.sample.submissions import solved_cell

from .stored import table_that

ASSIGNMENT = "03_batchnorm"
OTHER_SEED = 3  # than those of the notebook


cell_that = partial(solved_cell, ASSIGNMENT)


@pytest.fixture(scope="module")
def names():
    """What the cells define that the experiments need."""
    defined = {}
    for text in ("# Set-up.", "def predict(", "def small_model(", "def lenet_shape("):
        exec(cell_that(text).source, defined)
    return defined


@pytest.mark.slow
def test_at_a_high_learning_rate_only_the_network_with_batch_norm_learns(names):
    assert names["train_digits"](False, 0.3, OTHER_SEED)[-1] < 0.2
    assert names["train_digits"](True, 0.3, OTHER_SEED)[-1] > 0.95


def test_so_it_was_where_it_was_run():
    rows = table_that(ASSIGNMENT, "learning rate | batch norm | seed")
    found = {(row[0], row[1]): [float(cell.rstrip("%")) for cell in row[2:]] for row in rows}
    assert all(len(seeds) == 3 for seeds in found.values())
    assert max(found["0.3", "without"]) < 20
    assert min(found["0.3", "with"]) > 95
    assert min(found["0.03", "without"] + found["0.03", "with"]) > 90


@pytest.mark.slow
@pytest.mark.parametrize("with_norm", [False, True])
def test_at_a_low_learning_rate_both_learn(names, with_norm):
    assert names["train_digits"](with_norm, 0.03, OTHER_SEED)[-1] > 0.9


def test_in_training_mode_the_accuracy_depends_on_the_batch_size(names):
    model = names["small_model"](0)
    accuracy, reported = names["accuracy"], names["predict_reported"]
    assert accuracy(reported, model, 128) - accuracy(reported, model, 2) > 0.15
    model = names["small_model"](0)
    found = {accuracy(names["predict"], model, size) for size in (1, 2, 128)}
    assert max(found) - min(found) < 0.01
    assert min(found) > 0.9


def test_fusing_saved_time_where_it_was_measured():
    cell = cell_that("def timed(")
    [table] = [
        o["data"]["text/plain"] for o in cell.outputs if "text/markdown" in o.get("data", {})
    ]
    cheap, _ = (float(row.rsplit("|", 1)[1]) for row in table.splitlines()[1:])
    assert cheap > 1
    assert all(float(d) < 1e-5 for d in re.findall(r"\d+e-\d+", table))
