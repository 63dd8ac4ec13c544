"""The real notebook through the stock `nbgrader` commands, from release to exported grades."""

import csv
import json
import re

import nbformat
import pytest

from autograder import ROOT
from autograder.configuration import course_config, nbgrader_api
from autograder.judge.verdict import MIME
from autograder.sample.submissions import mistakes_of, solved_answers, submission, with_mistake

from .commands import options

ASSIGNMENT = "01_convolution"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the class lies."""
    return tmp_path_factory.mktemp("class")


@pytest.fixture(scope="module")
def nbgrader(place, commands):
    """nbgrader(command, ...): run the stock command from the course root on that class."""
    where = options(place, "release", "submitted", "autograded", "feedback")
    return lambda *command, **how: commands("nbgrader", *command, *where, **how)


def first_mistakes(answers):
    """Answers that make the first catalogued mistake of every exercise."""
    return answers | {
        f"{name}-answer": with_mistake(answers[f"{name}-answer"], name, mistakes[0])
        for name, mistakes in mistakes_of("convolution").items()
        if mistakes
    }


@pytest.fixture(scope="module")
def graded(place, nbgrader):
    """A class of four, released, handed in, graded and answered by stock nbgrader."""
    nbgrader("generate_assignment", ASSIGNMENT)
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
    nbgrader("autograde", ASSIGNMENT, check=False)
    nbgrader("generate_feedback", ASSIGNMENT)
    nbgrader("export", f"--to={place / 'grades.csv'}")
    return place


def verdicts(place, student):
    path = place / "autograded" / student / ASSIGNMENT / "convolution.ipynb"
    outputs = [o for c in nbformat.read(path, 4).cells for o in c.get("outputs", [])]
    found = [o.data[MIME] for o in outputs if MIME in o.get("data", {})]
    return {verdict["exercise"]: verdict for verdict in found}


def test_the_release_is_the_committed_one_byte_for_byte(graded):
    fresh = graded / "release" / ASSIGNMENT / "convolution.ipynb"
    assert fresh.read_bytes() == (ROOT / "notebooks" / ASSIGNMENT / fresh.name).read_bytes()


def test_marks_reach_the_exported_grades(graded):
    with open(graded / "grades.csv") as file:
        scores = {row["student_id"]: float(row["score"] or 0) for row in csv.DictReader(file)}
    written = 3  # points of the questions that a person grades
    assert scores["perfect"] == 30 - written
    assert scores["blank"] == 0
    assert 0 < scores["mistaken"] < 30 - written
    assert scores["unreadable"] == 0


def test_every_graded_cell_is_judged(graded):
    assert len(verdicts(graded, "perfect")) == 12
    assert all(v["fraction"] == 1 and not v["flags"] for v in verdicts(graded, "perfect").values())
    assert not any(v["attempted"] for v in verdicts(graded, "blank").values())


@pytest.mark.sandbox
def test_stock_nbgrader_contains_every_notebook(graded):
    for student in ("perfect", "blank", "mistaken"):
        assert all(verdict["contained"] for verdict in verdicts(graded, student).values())


def test_mistakes_are_named_through_the_whole_pipeline(graded):
    found = verdicts(graded, "mistaken")
    for name, mistakes in mistakes_of("convolution").items():
        if mistakes:
            named = [m["name"] for m in found[name]["mistakes"] if m["certain"]]
            assert named == [mistakes[0].name], name
            assert found[name]["fraction"] < 1


def test_feedback_names_the_mistake_and_leaks_nothing(graded):
    pages = {
        student: (graded / "feedback" / student / ASSIGNMENT / "convolution.html").read_text()
        for student in ("perfect", "blank", "mistaken")
    }
    assert "the kernel is flipped" in pages["mistaken"]
    assert "Not attempted yet" in pages["blank"]
    for page in pages.values():
        assert not re.search(r"BEGIN HIDDEN|course_probe|evidence|nonce|preprocessors\.py", page)
        assert not re.search(r"autograder|_SIZES|RIGHT_IM2COL", page)


def test_grading_again_gives_the_same_marks_and_evidence(graded):
    """This time as formgrader does it."""
    before = {s: verdicts(graded, s) for s in ("perfect", "mistaken")}
    done = nbgrader_api(course_config(graded)).autograde(ASSIGNMENT, "mistaken", force=True)
    assert done["success"], done
    assert json.dumps(verdicts(graded, "mistaken")) == json.dumps(before["mistaken"])


def test_validate_says_that_only_visible_checks_ran(graded, nbgrader):
    solved = ROOT / "solutions" / ASSIGNMENT / "convolution.ipynb"
    released = graded / "release" / ASSIGNMENT / "convolution.ipynb"
    said = nbgrader("validate", str(solved), str(released))
    of_solved, of_released = said.split(f"Validating '{released}'")
    assert "passes all the tests" in of_solved
    assert "Only the visible checks run here" in of_solved
    of_released = re.sub(r"\s+", " ", of_released)
    assert "14 CELL(S) ARE NOT ANSWERED YET OR DO NOT PASS THEIR VISIBLE CHECK" in of_released
    assert "not attempted yet" in of_released
