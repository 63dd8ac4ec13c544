"""The page on adding a notebook is true: its files make a notebook that grades as it says."""

import re
import shutil
from contextlib import closing

import jupytext
import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder import ROOT
from autograder.judge.verdict import MIME

from .commands import Commands

PAGE = (ROOT / "docs" / "adding_a_notebook.md").read_text(encoding="utf-8")
FILES = dict(
    re.findall(r"^`([\w/]+\.py)`:\n\n```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
)
[COMMANDS] = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ASSIGNMENT, NAME = "09_dropout", "dropout.ipynb"

RIGHT = """
def dropout(x, keep, p):
    if p < 0 or p >= 1:
        raise ValueError(p)
    return x.where(keep == 1, 0) * (1 / (1 - p))
"""
NOT_SCALED = RIGHT.replace("* (1 / (1 - p))", "")
BORROWED = "from helpers.dropout import dropout"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course whose only notebook is that of the page."""
    root = tmp_path_factory.mktemp("copy") / "course"
    own = ("submitted", "autograded", "feedback", "exchange", "logs", "reports", "demo")
    litter = shutil.ignore_patterns("__pycache__", "*.db*", "*.key", *own)
    for name in ("autograder", "helpers"):
        shutil.copytree(ROOT / name, root / name, ignore=litter)
    for name in ("course.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, root)
    (root / "data").mkdir()
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def hand_in(course, student, answer):
    """Put a notebook with an answer where submissions lie; grading restores its other cells."""
    nb = jupytext.reads(FILES[f"solutions/{ASSIGNMENT}/dropout.py"], fmt="py:percent")
    [cell] = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("solution")]
    cell.source = answer
    folder = course / "autograder" / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(nb, folder / NAME)


@pytest.fixture(scope="module")
def printed(course, tmp_path_factory):
    """What the page's commands, and grading after them, print in the copy."""
    for student, answer in {"right": RIGHT, "wrong": NOT_SCALED, "borrows": BORROWED}.items():
        hand_in(course, student, answer)
    lines = [*COMMANDS.splitlines(), f"nbgrader autograde {ASSIGNMENT}"]
    with closing(Commands(tmp_path_factory.mktemp("commands"), course)) as commands:
        return "".join(commands(*line.split()) for line in lines)


def test_the_page_has_the_four_files():
    assert list(FILES) == [
        "helpers/dropout.py",
        "helpers/checks/dropout.py",
        "autograder/exercises/dropout.py",
        "solutions/09_dropout/dropout.py",
    ]


@pytest.mark.slow
def test_the_release_has_a_gap_where_the_answer_was(course, printed):
    nb = nbformat.read(course / "notebooks" / ASSIGNMENT / NAME, as_version=4)
    text = "\n".join(cell.source for cell in nb.cells)
    assert "YOUR CODE HERE" in text
    assert "keep / (1 - p)" not in text


@pytest.mark.slow
def test_every_mistake_is_rejected_and_called_by_its_name(printed):
    assert "Released notebooks/09_dropout" in printed
    assert "mistakes: 2 catalogued, 2 rejected, 2 diagnosed" in printed


@pytest.mark.slow
def test_right_answers_score_and_others_do_not(course, printed):
    with Gradebook(f"sqlite:///{course / 'autograder' / 'gradebook.db'}") as gradebook:
        submissions = gradebook.assignment_submissions(ASSIGNMENT)
        scores = {each.student.id: each.score for each in submissions}
    assert scores["right"] == 2
    assert scores["wrong"] == pytest.approx(2 / 5)  # of five cases, that p is too large
    assert scores["borrows"] == 0


@pytest.mark.slow
def test_the_mistake_is_named_to_the_student(course, printed):
    nb = nbformat.read(course / "autograder" / "autograded" / "wrong" / ASSIGNMENT / NAME, 4)
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    [verdict] = [o.data[MIME] for o in outputs if MIME in o.get("data", {})]
    assert [found["name"] for found in verdict["mistakes"]] == ["not scaled"]
