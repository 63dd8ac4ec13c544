"""Who is in the sample class: what every assignment can have, and styles of its own."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import nbformat

from autograder import CourseError
from autograder.exercises import load
from autograder.judge.graded import Graded
from autograder.sample import submissions
from autograder.sample.submissions import ANSWER, solved_answers, with_mistake

Answers = dict[str, str]


@dataclass
class Member:
    """One student of the sample class.

    words: what is special about the submission; answers: by grade_id; file: the notebook's name;
    damage: changes the text of the finished notebook file.
    """

    name: str
    words: str
    answers: Answers = field(default_factory=dict)
    file: str = ""
    damage: Callable[[str], str] | None = None

    def hand_in(self, folder: Path, assignment: str) -> None:
        """Write the submission into `folder`."""
        folder.mkdir(parents=True)
        text = nbformat.writes(submissions.submission(assignment, self.answers))
        text = self.damage(text) if self.damage else text
        notebook = submissions.path_of(assignment).name
        (folder / (self.file or notebook)).write_text(text + "\n", encoding="utf-8")


def members(assignment: str, most: int | None = None) -> list[Member]:
    """The sample class of an assignment; the first `most` have something of every kind.

    Raises CourseError for an assignment nothing is known about.
    """
    notebook = submissions.path_of(assignment).stem
    if not load(notebook):
        raise CourseError(f"There are no exercises known for {assignment}, so no sample class.")
    right = solved_answers(assignment)
    own = _own(notebook, right)
    kinds = [
        [Member("perfect", "everything right", right), Member("blank", "nothing written", {})],
        _with_mistakes(notebook, right),
        own.get("styles", []),
        own.get("cheats", []),
        [*_broken(right, submissions.path_of(assignment).name), *own.get("broken", [])],
    ]
    mixed = [member for row in zip_longest(*kinds) for member in row if member is not None]
    return mixed[:most]


def _own(notebook: str, right: Answers) -> dict[str, list[Member]]:
    """Members that only this notebook has, from a module of this package named like it."""
    name = f"{__package__}.{notebook}"
    try:
        return importlib.import_module(name).members(right)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return {}


def _with_mistakes(notebook: str, right: Answers) -> list[Member]:
    """Student k makes the k-th catalogued mistake of every exercise that has as many.

    Mistakes in networks, and in weights that are tried out, are left out: they are no wrappers.
    """
    known = {
        name: graded
        for name, graded in load(notebook).items()
        if graded.kind != "module" and not graded.exercise.measure
    }
    found = []
    for k in range(max(len(graded.exercise.mistakes) for graded in known.values())):
        changed = dict(_mistaken(name, graded, k, right) for name, graded in known.items())
        made = sum(k < len(graded.exercise.mistakes) for graded in known.values())
        words = f"mistake no. {k + 1} in {made} exercise{'s' if made > 1 else ''}"
        found.append(Member(f"mistakes-{k + 1:02}", words, right | changed))
    return found


def _mistaken(name: str, graded: Graded, k: int, right: Answers) -> tuple[str, str]:
    """The answer cell's name and an answer with the k-th mistake, or a right one without it."""
    cell, exercise = name + ANSWER, graded.exercise
    wrong = exercise.mistakes[k] if k < len(exercise.mistakes) else None
    if graded.kind == "value":  # written out, so that it does not depend on other answers
        return cell, f"{name} = {(wrong.of(exercise.reference) if wrong else exercise.reference)()}"
    return cell, with_mistake(right[cell], name, wrong) if wrong else right[cell]


def _broken(right: Answers, notebook: str) -> list[Member]:
    """Submissions that cannot be graded, or only in part, whatever the assignment."""
    first = next(name for name, source in right.items() if name.endswith(ANSWER))
    missing = "import a_package_nobody_has\n\n\n" + right[first]
    killed = "import os\n\nos._exit(0)"
    last = [name for name in right if name.endswith(ANSWER)][-1]
    return [
        Member(
            "not-json", "the file breaks off", right, damage=lambda text: text[: len(text) // 2]
        ),
        Member("wrong-name", "the notebook is renamed", right, file=f"Copy of {notebook}"),
        Member("import-error", "imports what is not there", right | {first: missing}),
        Member("exits", "stops its own kernel near the end", right | {last: killed}),
    ]
