"""The real notebook through the stock `nbgrader` commands, from release to exported grades."""

import csv
import json
import os
import re
import subprocess
import sys

import nbformat
import pytest

from autograder import ROOT
from autograder.judge.verdict import MIME
from autograder.sample.submissions import mistakes_of, solved_answers, submission, with_mistake

ASSIGNMENT = "01_convolution"
pytestmark = pytest.mark.slow


def nbgrader(place, *command, check=True):
    """Run the stock command from the course root on a class that lies in `place`."""
    folders = [
        f"--CourseDirectory.{kind}_directory={place / kind}"
        for kind in ("release", "submitted", "autograded", "feedback")
    ]
    options = [
        *folders,
        f"--CourseDirectory.db_url=sqlite:///{place / 'gradebook.db'}",
        f"--Arm.key_file={place / 'course.key'}",
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NBGRADER")}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command, *options],
        cwd=ROOT, capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def first_mistakes(answers):
    """Answers that make the first catalogued mistake of every exercise."""
    return answers | {
        f"{name}-answer": with_mistake(answers[f"{name}-answer"], name, mistakes[0])
        for name, mistakes in mistakes_of("convolution").items()
        if mistakes
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A class of four, released, handed in, graded and answered by stock nbgrader."""
    place = tmp_path_factory.mktemp("class")
    nbgrader(place, "generate_assignment", ASSIGNMENT)
    answers = solved_answers(ASSIGNMENT)
    handed_in = {
        "perfect": submission(ASSIGNMENT, answers),
        "blank": submission(ASSIGNMENT, {}),
        "mistaken": submission(ASSIGNMENT, first_mistakes(answers)),
    }
    for student, nb in handed_in.items():
        folder = place / "submitted" / student / ASSIGNMENT
        folder.mkdir(parents=True)
        nbformat.write(nb, folder / "convolution.ipynb")
    broken = place / "submitted" / "unreadable" / ASSIGNMENT
    broken.mkdir(parents=True)
    (broken / "convolution.ipynb").write_text("no notebook")
    nbgrader(place, "autograde", ASSIGNMENT, check=False)
    nbgrader(place, "generate_feedback", ASSIGNMENT)
    nbgrader(place, "export", f"--to={place / 'grades.csv'}")
    return place


def verdicts(place, student):
    path = place / "autograded" / student / ASSIGNMENT / "convolution.ipynb"
    outputs = [o for c in nbformat.read(path, 4).cells for o in c.get("outputs", [])]
    found = [o.data[MIME] for o in outputs if MIME in o.get("data", {})]
    return {verdict["exercise"]: verdict for verdict in found}


def test_the_release_is_the_committed_one_byte_for_byte(place):
    fresh = place / "release" / ASSIGNMENT / "convolution.ipynb"
    assert fresh.read_bytes() == (ROOT / "notebooks" / ASSIGNMENT / fresh.name).read_bytes()


def test_marks_reach_the_exported_grades(place):
    with open(place / "grades.csv") as file:
        scores = {row["student_id"]: float(row["score"] or 0) for row in csv.DictReader(file)}
    written = 3  # points of the questions that a person grades
    assert scores["perfect"] == 30 - written
    assert scores["blank"] == 0
    assert 0 < scores["mistaken"] < 30 - written
    assert scores["unreadable"] == 0


def test_every_graded_cell_is_judged(place):
    assert len(verdicts(place, "perfect")) == 12
    assert all(v["fraction"] == 1 and not v["flags"] for v in verdicts(place, "perfect").values())
    assert not any(v["attempted"] for v in verdicts(place, "blank").values())


@pytest.mark.sandbox
def test_stock_nbgrader_contains_every_notebook(place):
    for student in ("perfect", "blank", "mistaken"):
        assert all(verdict["contained"] for verdict in verdicts(place, student).values())


def test_mistakes_are_named_through_the_whole_pipeline(place):
    found = verdicts(place, "mistaken")
    for name, mistakes in mistakes_of("convolution").items():
        if mistakes:
            named = [m["name"] for m in found[name]["mistakes"] if m["certain"]]
            assert named == [mistakes[0].name], name
            assert found[name]["fraction"] < 1


def test_feedback_names_the_mistake_and_leaks_nothing(place):
    pages = {
        student: (place / "feedback" / student / ASSIGNMENT / "convolution.html").read_text()
        for student in ("perfect", "blank", "mistaken")
    }
    assert "the kernel is flipped" in pages["mistaken"]
    assert "Not attempted yet" in pages["blank"]
    for page in pages.values():
        assert not re.search(r"BEGIN HIDDEN|course_probe|evidence|nonce|preprocessors\.py", page)
        assert not re.search(r"autograder|_SIZES|RIGHT_IM2COL", page)


def test_grading_again_gives_the_same_marks_and_evidence(place):
    before = {s: verdicts(place, s) for s in ("perfect", "mistaken")}
    nbgrader(place, "autograde", ASSIGNMENT, "--student=mistaken", "--force")
    assert json.dumps(verdicts(place, "mistaken")) == json.dumps(before["mistaken"])


def test_validate_says_that_only_visible_checks_ran(place):
    solved = ROOT / "solutions" / ASSIGNMENT / "convolution.ipynb"
    said = nbgrader(place, "validate", str(solved))
    assert "passes all the tests" in said
    assert "Only the visible checks run here" in said
    said = nbgrader(place, "validate", str(place / "release" / ASSIGNMENT / "convolution.ipynb"))
    said = re.sub(r"\s+", " ", said)
    assert "14 CELL(S) ARE NOT ANSWERED YET OR DO NOT PASS THEIR VISIBLE CHECK" in said
    assert "not attempted yet" in said
