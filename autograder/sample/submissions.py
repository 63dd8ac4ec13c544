"""Submissions made of the released notebook and somebody's answers."""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder import ROOT, CourseError
from autograder.exercises import load
from helpers.checks.exercise import Mistake, source_of

ANSWER = "-answer"
MARKS = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*(\n|$)", re.MULTILINE)


def path_of(assignment: str, folder: Path = ROOT / "notebooks") -> Path:
    """The one notebook of an assignment below `folder` (`solutions/` or `notebooks/`).

    Raises CourseError if there is none, or more than one.
    """
    paths = sorted((folder / assignment).glob("*.ipynb"))
    if len(paths) != 1:
        raise CourseError(f"There should be one notebook in {folder / assignment}.")
    return paths[0]


def notebook_of(folder: Path, assignment: str) -> NotebookNode:
    """The one notebook of an assignment below `folder` (`solutions/` or `notebooks/`)."""
    return nbformat.read(path_of(assignment, folder), as_version=4)


def solved_answers(assignment: str) -> dict[str, str]:
    """The right answers: source of every answer cell of the solved notebook, by grade_id."""
    return {
        cell.metadata.nbgrader.grade_id: MARKS.sub("", cell.source)
        for cell in notebook_of(ROOT / "solutions", assignment).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def solved_cell(assignment: str, text: str) -> NotebookNode:
    """The one code cell of the solved notebook in which a text occurs, outputs included.

    Raises ValueError if there is none, or more than one.
    """
    cells = notebook_of(ROOT / "solutions", assignment).cells
    [found] = [cell for cell in cells if cell.cell_type == "code" and text in cell.source]
    return found


def submission(assignment: str, answers: dict[str, str]) -> NotebookNode:
    """The released notebook with `answers`, by grade_id, in its answer cells.

    Raises KeyError when there is no answer cell of such a name.
    """
    nb = notebook_of(ROOT / "notebooks", assignment)
    cells = {c.metadata.nbgrader.grade_id: c for c in nb.cells if "nbgrader" in c.metadata}
    for grade_id, source in answers.items():
        cells[grade_id].source = source
    return nb


def with_mistake(answer: str, name: str, wrong: Mistake) -> str:
    """A right answer defining the function `name`, turned into one that makes a mistake."""
    kept = f"right_{name}"  # renamed throughout, so that one calling itself stays right
    right = re.sub(rf"\b{name}\b", kept, answer.rstrip())
    return f"{right}\n\n\n{source_of(wrong, name, kept)}"


def mistakes_of(notebook: str) -> dict[str, list[Mistake]]:
    """The catalogued mistakes in functions of a notebook, by exercise."""
    return {
        name: list(graded.exercise.mistakes)
        for name, graded in load(notebook).items()
        if graded.kind == "function"
    }
