"""The hidden tests: strong enough for every known mistake, small enough for scalar loops."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from autograder import ROOT
from autograder.exercises import load
from autograder.mistakes import examine, notebooks, tally
from autograder.sample.submissions import notebook_of
from helpers.checks.exercise import arguments_for, judge, outcome_of, trusted

ALL = {
    f"{notebook}.{name}": graded
    for notebook in notebooks()
    for name, graded in load(notebook).items()
}
MISTAKES = [(graded, wrong) for graded in ALL.values() for wrong in graded.exercise.mistakes]
SEEDS = (1, 2, 3)


def arguments(graded, seed):
    cases = graded.exercise.cases
    return [arguments_for(case, [seed, i]) for i, case in enumerate(cases)]


@pytest.mark.parametrize("name", ALL)
def test_the_reference_is_right_whatever_the_seed(name):
    graded = ALL[name]
    for seed in SEEDS:
        asked = arguments(graded, seed)
        right = trusted(graded.exercise, graded.exercise.reference)
        answered = [outcome_of(right, args) for args in asked]
        assert judge(graded.exercise, asked, answered).fraction == 1


@pytest.mark.parametrize(
    ("graded", "wrong"), MISTAKES, ids=lambda v: getattr(v, "name", None) or v.exercise.name
)
def test_each_mistake_is_rejected_and_called_by_its_name(graded, wrong):
    for seed in SEEDS[:1] if graded.kind == "module" else SEEDS:  # a network takes seconds
        assert examine(graded, wrong, seed) == (True, True)


def test_the_passes_people_get_wrong_have_many_mistakes():
    counts = {found.exercise: found.catalogued for found in tally("convolution")}
    assert counts["conv2d_forward"] >= 8
    assert counts["conv2d_backward"] >= 8


@pytest.mark.parametrize("name", ALL)
def test_no_two_mistakes_share_words(name):
    mistakes = ALL[name].exercise.mistakes
    assert len({m.name for m in mistakes}) == len({m.says for m in mistakes}) == len(mistakes)


@pytest.mark.parametrize("name", ALL)
def test_all_cases_together_are_small(name):
    graded, macs = ALL[name], 0
    if graded.kind == "module" or graded.exercise.measure:
        return  # torch computes these, never a scalar loop
    for args in arguments(graded, 1):
        with FlopCounterMode(display=False) as counter:
            outcome = outcome_of(graded.exercise.asked(graded.exercise.reference), args)
        value = outcome.get("value")
        copied = value.values.size if hasattr(value, "values") and hasattr(value, "kind") else 0
        macs += max(counter.get_total_flops() // 2, copied)
    assert macs <= 20_000


@pytest.mark.parametrize("name", ALL)
def test_fresh_inputs_for_another_seed(name):
    def tensors(seed):
        return [a for args in arguments(ALL[name], seed) for a in args if torch.is_tensor(a)]

    first, again, other = tensors(1), tensors(1), tensors(2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "solutions").glob("*/*.ipynb")), ids=lambda p: p.stem
)
def test_every_graded_cell_has_an_exercise_and_the_other_way_round(path):
    cells = notebook_of(ROOT / "solutions", path.parent.name).cells
    about = [cell.metadata.get("nbgrader", {}) for cell in cells]
    autograded = {a["grade_id"] for a in about if a.get("grade") and not a.get("solution")}
    assert autograded == set(load(path.stem))
