"""Grading a class: one bad submission stops nobody, and nothing a person recorded is lost."""

import json
import os
import re
import shutil

import nbformat
import pytest
from nbformat import v4
from nbgrader.converters import Autograde

from autograder import CourseError, feedback, grading
from autograder.classroom import FAILED, GRADED, MISSING, Classroom, Record
from autograder.judge import verdict
from autograder.sample.submissions import solved_answers, submission

ASSIGNMENT, NAME = "01_convolution", "convolution.ipynb"
BROKEN = {  # student: what the record has to say
    "cut-off": "not valid JSON",
    "no-bytes": "is empty",
    "no-cells": "has no cells",
    "other-json": "not a notebook",
    "folder": "cannot be read",
    "nothing": "no notebook called convolution.ipynb",
    "star[1]": "rename star[1]",
}
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker_here")]


def hand_in(room, student, content, name=NAME):
    """Put a submission in its place; content: a notebook or the file's text."""
    folder = room.folder("submitted", student, ASSIGNMENT)
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else nbformat.writes(content)
    (folder / name).write_text(text, encoding="utf-8")


def right():
    return submission(ASSIGNMENT, solved_answers(ASSIGNMENT))


def twice():
    """A notebook in which an answer cell was duplicated, as Colab does it."""
    nb = right()
    [cell] = [
        c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "im2col-answer"
    ]
    nb.cells.append(nbformat.from_dict(cell | {"id": "copied"}))
    return nb


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """The folder of a class without students; making a gradebook takes seconds, so it is copied."""
    place = tmp_path_factory.mktemp("empty")
    grading.register(Classroom(place), ASSIGNMENT)
    return place


@pytest.fixture(scope="module")
def room(empty, tmp_path_factory, worker_here):
    """A class with one good submission among broken ones, graded once."""
    room = Classroom(shutil.copytree(empty, tmp_path_factory.mktemp("class") / "room"))
    hand_in(room, "cut-off", nbformat.writes(right())[:5000])
    hand_in(room, "no-bytes", "")
    hand_in(room, "no-cells", v4.new_notebook())
    hand_in(room, "other-json", "[1, 2]")
    hand_in(room, "twice", twice())
    hand_in(room, "renamed", right(), "Copy of " + NAME)
    hand_in(room, "star[1]", right())
    (room.folder("submitted", "folder", ASSIGNMENT) / NAME).mkdir(parents=True)
    room.folder("submitted", "nothing", ASSIGNMENT).mkdir(parents=True)
    noisy = right()
    noisy.cells.append(v4.new_code_cell("import os; os.system('echo LOUD; echo LOUD >&2')"))
    hand_in(room, "zoe", noisy)
    grading.grade(room)
    return room


@pytest.fixture
def fresh(empty, tmp_path):
    """A class of its own; what is graded in it needs no kernel."""
    return Classroom(shutil.copytree(empty, tmp_path / "fresh"))


def standing(room, student):
    [row] = [row for row in room.standings(ASSIGNMENT) if row.student == student]
    return row


@pytest.mark.parametrize("student", BROKEN)
def test_a_broken_submission_is_told_in_words(room, student):
    record = room.records(ASSIGNMENT)[student]
    assert record.status == FAILED
    assert BROKEN[student] in record.sentence
    assert standing(room, student).score is None


@pytest.mark.parametrize("student", ["renamed", "twice"])
def test_what_happens_on_the_way_is_repaired_and_costs_nothing(room, student):
    record = room.records(ASSIGNMENT)[student]
    assert record.repairs
    assert record.status == GRADED
    assert standing(room, student).score == 27


def test_the_good_submission_is_graded_although_all_before_it_failed(room):
    row = standing(room, "zoe")
    assert row.status == GRADED
    assert row.score == 27
    assert row.max_score == 30


def test_written_answers_are_shown_as_waiting_and_not_as_lost(room):
    assert standing(room, "zoe").by_hand == 3


def test_unchanged_submissions_are_not_graded_again(room, monkeypatch):
    monkeypatch.setattr(grading.steps, "prepare", lambda *where: pytest.fail("graded again"))
    assert grading.grade(room, student="zoe") == {ASSIGNMENT: []}


def test_failed_submissions_are_tried_again(room):
    [record] = grading.grade(room, student="no-bytes")[ASSIGNMENT]
    assert record.status == FAILED


def test_the_assignment_is_registered_once_and_again_when_its_solution_changes(fresh, monkeypatch):
    calls = []
    monkeypatch.setattr(grading.release, "register", lambda config, name: calls.append(name))
    grading.register(fresh, ASSIGNMENT)
    assert calls == []
    fresh.log(ASSIGNMENT, "registered", solution="another")
    grading.register(fresh, ASSIGNMENT)
    grading.register(fresh, ASSIGNMENT)
    assert calls == [ASSIGNMENT]


def test_feedback_holds_reports_and_nothing_hidden(room):
    feedback.write(room)
    page = room.folder("feedback", "zoe", ASSIGNMENT) / "convolution.html"
    html = page.read_text(encoding="utf-8")
    assert "15 of 15 cases right" in html
    for secret in ("HIDDEN", "course_probe", "nonce", "NBGRADER_EXECUTION", "autograder/judge"):
        assert secret not in html, secret
    assert not re.search(r"(?:src|href)=\"https?://", html)


def test_who_could_not_be_graded_is_told_why(room):
    written = feedback.write(room)[ASSIGNMENT]
    assert (written.feedback, written.notices) == (3, len(BROKEN))
    page = room.folder("feedback", "cut-off", ASSIGNMENT) / "convolution.html"
    assert "not valid JSON" in page.read_text(encoding="utf-8")


def test_scores_and_comments_by_hand_survive_whatever_is_graded_next(room):
    def by_hand(gradebook):
        where = ("convolution", ASSIGNMENT, "zoe")
        return (
            gradebook.find_grade("written_shift", *where),
            gradebook.find_grade("im2col", *where),
            gradebook.find_comment("im2col-answer", *where),
        )

    def recorded():
        with room.gradebook() as gradebook:
            written, graded, comment = by_hand(gradebook)
            return written.manual_score, graded.manual_score, comment.manual_comment

    with room.gradebook() as gradebook:
        written, graded, comment = by_hand(gradebook)
        written.manual_score, graded.manual_score, comment.manual_comment = 1.5, 2.5, "Well read."
        written.needs_manual_grade = graded.needs_manual_grade = False
        gradebook.db.commit()
    assert standing(room, "zoe").score == 28
    assert standing(room, "zoe").by_hand == 1

    grading.grade(room, student="zoe", force=True)
    assert recorded() == (1.5, 2.5, "Well read.")
    assert standing(room, "zoe").score == 28

    hand_in(room, "zoe", "{ broken now")  # and noticed without --force, by its content
    [record] = grading.grade(room, student="zoe")[ASSIGNMENT]
    assert record.status == FAILED
    assert recorded() == (1.5, 2.5, "Well read.")
    assert standing(room, "zoe").score == 28
    assert "keeps what was recorded before: 28 points" in record.kept
    assert "2 score(s) by hand" in record.kept
    assert "1 comment(s)" in record.kept


def test_what_else_prints_stays_off_the_screen(fresh, capfd):
    with fresh.logged("screen.log") as screen:
        os.system("echo LOUD; echo LOUD >&2")
        screen.print("for people")
    shown = capfd.readouterr()
    assert shown.out.strip() == "for people"
    assert shown.err == ""
    assert (fresh.logs / "screen.log").read_text().count("LOUD") == 2


def test_a_kernel_that_cannot_start_is_one_submissions_failure(fresh):
    fresh.config.Execute.kernel_name = "no-such-kernel"
    hand_in(fresh, "ann", right())
    [record] = grading.grade(fresh)[ASSIGNMENT]
    assert record.status == FAILED
    assert "kernel could not be started" in record.sentence


@pytest.mark.parametrize("error", [RuntimeError("no luck"), SystemExit(1), MemoryError()])
def test_whatever_nbgrader_raises_is_recorded(fresh, monkeypatch, error):
    def fail(self, notebook_filename):
        raise error

    monkeypatch.setattr(Autograde, "init_single_notebook_resources", fail)
    for student in ("ann", "bob"):
        hand_in(fresh, student, right())
    records = grading.grade(fresh)[ASSIGNMENT]
    assert [(r.student, r.status) for r in records] == [("ann", FAILED), ("bob", FAILED)]
    assert type(error).__name__ in records[0].detail


def test_an_interrupted_run_goes_on_where_it_stopped(fresh, monkeypatch, capfd):
    hand_in(fresh, "ann", right())
    hand_in(fresh, "bob", right())
    hand_in(fresh, "cat", "no notebook")
    enter = grading.steps.enter_marks

    def interrupted(room, student, *judged):
        if student == "bob":
            raise KeyboardInterrupt
        enter(room, student, *judged)

    with monkeypatch.context() as patch:
        patch.setattr(grading.steps, "enter_marks", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grading.grade(fresh)
    assert "of 3 are graded and recorded" in capfd.readouterr().out
    before = fresh.records(ASSIGNMENT)
    assert (before["ann"].status, before["bob"].status) == (GRADED, "not graded yet")
    again = [record.student for record in grading.grade(fresh)[ASSIGNMENT]]
    assert {"bob"} <= {*again} <= {"bob", "cat"}
    assert standing(fresh, "bob").score == 27


def test_who_handed_in_nothing_is_in_the_table(fresh):
    with fresh.gradebook() as gradebook:
        gradebook.add_student("late")
    assert standing(fresh, "late").status == MISSING


def test_no_submissions_at_all_say_where_they_belong(fresh):
    with pytest.raises(CourseError, match="submitted/STUDENT/01_convolution"):
        grading.grade(fresh)


def test_an_unknown_assignment_names_the_known_ones(fresh):
    with pytest.raises(CourseError, match="01_convolution"):
        grading.grade(fresh, ["conv"])


def test_damaged_notes_of_earlier_runs_only_cost_time(fresh):
    fresh.keep_record(ASSIGNMENT, Record("ann", GRADED))
    journal = fresh.logs / f"{ASSIGNMENT}.jsonl"
    whole = journal.read_text(encoding="utf-8")
    other = [[1], {"event": "graded"}, {"event": "graded", "student": "eve", "status": 1, "new": 2}]
    lines = [*map(json.dumps, other), "nonsense", whole.strip()[:-20]]
    journal.write_text(whole + "\n".join(lines), encoding="utf-8")
    fresh.keep_record(ASSIGNMENT, Record("bob", FAILED))
    assert {*fresh.records(ASSIGNMENT)} == {"ann", "bob", "eve"}


def test_a_verdict_in_a_cell_of_the_students_is_not_read(fresh):
    forged = v4.new_output("display_data", {verdict.MIME: {"exercise": "x", "fraction": 1}})
    cell = v4.new_code_cell("1", outputs=[forged])
    answer = {"grade": False, "solution": True, "grade_id": "im2col-answer", "locked": False}
    cells = [cell, v4.new_code_cell("1", outputs=[forged], metadata={"nbgrader": answer})]
    folder = fresh.folder("autograded", "ann", ASSIGNMENT)
    folder.mkdir(parents=True)
    nbformat.write(v4.new_notebook(cells=cells), folder / NAME)
    assert fresh.verdicts("ann", ASSIGNMENT) == []
