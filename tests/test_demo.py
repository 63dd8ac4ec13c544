"""The sample class: what is in it, and the whole way from submissions to the report."""

from collections import Counter

import numpy as np
import pytest
import torch

from autograder import CourseError, checking, demo
from autograder.classroom import FAILED, GRADED, LOOK
from autograder.exercises import load
from autograder.release import assignments
from autograder.sample.convolution import members as special
from autograder.sample.members import members
from autograder.sample.submissions import path_of, solved_answers
from helpers.checks.exercise import arguments_for, judge
from helpers.checks.records import decode_outcome, record_call

ASSIGNMENT = "01_convolution"


def some(*names):
    return [member for member in members(ASSIGNMENT) if member.name in names]


@pytest.fixture(scope="module")
def made(tmp_path_factory, worker_here):
    """The demo with a class of three for one assignment."""
    with pytest.MonkeyPatch.context() as patch:
        chosen = some("loops", "borrows", "not-json")
        patch.setattr(demo, "members", lambda assignment, most: chosen)
        patch.setattr(demo.release, "assignments", lambda: [ASSIGNMENT])
        return demo.demo(3, tmp_path_factory.mktemp("demo") / "class")


@pytest.mark.slow
def test_everybody_gets_what_is_due(made):
    _, [shown] = made
    rows = {row.student: row for row in shown.standings}
    assert rows["loops"].score == 27
    assert rows["borrows"].score == 27 - 6
    statuses = {row.student: row.status for row in shown.standings}
    assert statuses == {"loops": GRADED, "borrows": LOOK, "not-json": FAILED}


@pytest.mark.slow
def test_report_and_feedback_are_where_it_says(made):
    room, [shown] = made
    assert "conv2d_forward" in shown.report.read_text(encoding="utf-8")
    for member in shown.members:
        page = room.folder("feedback", member.name, ASSIGNMENT) / "convolution.html"
        assert page.exists()
    assert (shown.written.feedback, shown.written.notices) == (2, 1)


@pytest.mark.slow
def test_a_second_run_begins_anew(made):
    before, [shown] = made
    room, found = demo.build(before.place, 2)
    assert room.students(ASSIGNMENT) == sorted(member.name for member in found[ASSIGNMENT])
    assert not shown.report.exists()


def test_every_assignment_is_handed_in_by_some(tmp_path):
    room, found = demo.build(tmp_path / "class", 2)
    assert list(found) == assignments()
    assert {name for _, name in room.submissions()} == set(assignments())


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "gradebook.db").write_text("precious")
    with pytest.raises(CourseError, match="not a sample class"):
        demo.build(tmp_path)
    assert (tmp_path / "gradebook.db").read_text() == "precious"


def test_the_class_makes_every_catalogued_mistake_once():
    made = [member for member in members(ASSIGNMENT) if member.name.startswith("mistakes")]
    for name, graded in load("convolution").items():
        right = solved_answers(ASSIGNMENT)[f"{name}-answer"]
        different = {member.answers[f"{name}-answer"] for member in made} - {right}
        if graded.kind == "function":
            assert len(different) == len(graded.exercise.mistakes), name


def test_a_small_class_has_one_of_every_kind():
    first = [member.name for member in members(ASSIGNMENT, 5)]
    assert first == ["perfect", "mistakes-01", "loops", "borrows", "not-json"]


def test_names_are_unique():
    names = Counter(member.name for member in members(ASSIGNMENT))
    assert set(names.values()) == {1}


def run(answers):
    """The functions of a submission, without a kernel."""
    names = {"torch": torch, "np": np}
    exec("def pair(v): return tuple(v) if isinstance(v, (tuple, list)) else (v, v)", names)
    for name in ("one_output", "conv_output_size", "conv2d_forward"):
        exec(answers[f"{name}-answer"], names)
    if "conv2d_grad_x-answer" in answers:
        for name in ("conv2d_grad_bias", "conv2d_grad_weight", "conv2d_grad_x"):
            exec(answers[f"{name}-answer"], names)
    exec(answers["conv2d_backward-answer"], names)
    return names


@pytest.mark.parametrize(
    "member", special(solved_answers(ASSIGNMENT))["styles"], ids=lambda member: member.name
)
def test_other_right_ways_are_right(member):
    names = run(member.answers)
    for name in ("conv2d_forward", "conv2d_backward"):
        exercise = load("convolution")[name].exercise
        arguments = [arguments_for(case, [7, i]) for i, case in enumerate(exercise.cases)]
        outcomes = [decode_outcome(record_call(names[name], args)) for args in arguments]
        wrong = [r.words for r in judge(exercise, arguments, outcomes).results if r.fraction < 1]
        expected = ["float64 stays float64"] if (member.name, name) == FLOAT32 else []
        assert wrong == expected


FLOAT32 = ("float32", "conv2d_forward")


@pytest.mark.slow
def test_course_check_tells_what_the_visible_checks_say(tmp_path):
    [member] = some("mistakes-01")
    member.hand_in(tmp_path / "mine", ASSIGNMENT)
    checked = checking.check(tmp_path / "mine" / path_of(ASSIGNMENT).name)
    assert "the kernel is flipped" in checked.failed["conv2d_forward"]
    assert "Traceback" not in "".join(checked.failed.values())
    assert set(checked.written) == {"written_shift", "written_flops"}
    assert not checked.changed


@pytest.mark.parametrize("text", ["", "{}", "no notebook"])
def test_course_check_refuses_what_is_no_notebook(tmp_path, text):
    (tmp_path / "mine.ipynb").write_text(text)
    with pytest.raises(CourseError, match=r"mine\.ipynb"):
        checking.check(tmp_path / "mine.ipynb")
