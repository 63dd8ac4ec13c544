"""Whose notebook it is, and of which assignment: from its content, its name and its folders."""

import itertools
import re
from functools import cache
from pathlib import PurePosixPath

from nbformat import NotebookNode

from autograder import ROOT, release
from autograder.intake.repair import Repaired, Unreadable, repair
from autograder.sample.submissions import notebook_of, path_of

# Canvas: doejane_LATE_4711_0815_convolution-1.ipynb, the numbers of user and submission.
CANVAS = re.compile(r"^(?P<student>[^_]+)_(?:LATE_)?\d+_\d+_(?P<name>.+)$", re.IGNORECASE)
# Moodle: a folder "Jane Doe_4711_assignsubmission_file_" per person, or that as a prefix.
MOODLE = re.compile(
    r"^(?P<student>.+?)_\d+_assignsubmission_(?:file|onlinetext)_?(?P<name>.*)$", re.IGNORECASE
)
COPIES = re.compile(
    r"^(?:copy[ _]of[ _]|kopie[ _]von[ _]|copia[ _]de[ _]|copie[ _]de[ _])+"
    r"|(?:[ _-]*(?:\(\d+\)|copy\d*)|[-_]\d+)+$",
    re.IGNORECASE,
)
STRANGE = re.compile(r"[^\w.@-]+")


def plain(name: str) -> str:
    """A file name without what Colab, browsers and platforms put around it, in lower case."""
    stem, before = PurePosixPath(name).stem if name.lower().endswith(".ipynb") else name, None
    while stem != before:
        before, stem = stem, COPIES.sub("", stem).strip()
    return stem.lower()


@cache
def _releases() -> dict[str, NotebookNode]:
    return {name: notebook_of(ROOT / "notebooks", name) for name in release.assignments()}


def released(assignment: str) -> NotebookNode:
    """The released notebook of an assignment."""
    return _releases()[assignment]


def assignment_of(where: PurePosixPath, content: bytes) -> tuple[str, Repaired]:
    """The assignment whose cells a notebook has most of, and the notebook repaired for it.

    Where it has none, its name and its folders decide. Raises Unreadable for what is no notebook,
    or belongs to no assignment.
    """
    repaired = {name: repair(content, nb) for name, nb in _releases().items()}
    best = max(repaired, key=lambda name: repaired[name].found)
    if not repaired[best].found:
        words = {plain(part) for part in where.parts}
        named = [name for name in repaired if {name, path_of(name).stem.lower()} & words]
        if len(named) != 1:
            raise Unreadable("has none of the cells of any assignment: is it from this course?")
        [best] = named
    return best, repaired[best]


def student_of(where: PurePosixPath) -> str:
    """Who handed a notebook in, as far as its name and its folders say; or nothing.

    In this order: what Canvas and Moodle write; the folder above that of an assignment, as nbgrader
    has it; what stands beside the notebook's own name; the innermost folder.
    """
    *folders, file = where.parts
    for part in [file, *reversed(folders)]:
        for pattern in (MOODLE, CANVAS):
            if found := pattern.match(part):
                return clean(found["student"])
    names = {name: path_of(name).stem.lower() for name in release.assignments()}
    for outer, inner in itertools.pairwise(folders):
        if inner in names:
            return clean(outer)
    stem = plain(file)
    for name, notebook in names.items():
        for known in (name, notebook):
            if stem != known and (stem.startswith(f"{known}_") or stem.endswith(f"_{known}")):
                return clean(stem.removeprefix(f"{known}_").removesuffix(f"_{known}"))
    containers = [f for f in folders[1:] if f not in names and not f.lower().endswith(".zip")]
    return clean(containers[-1]) if containers else ""


def clean(student: str) -> str:
    """A student's name as nbgrader and file systems can take it."""
    return STRANGE.sub("-", student).strip("-.")
