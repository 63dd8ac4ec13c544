"""The front desk: files what arrives where nbgrader looks for it, and keeps what came beside it.

In a submission's folder lie the notebook to be graded, every file as it came (`NAME.ipynb.1`, `.2`,
the highest is the latest), and `intake.txt`, which says what was done.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from autograder.classroom import Classroom
from autograder.intake import naming
from autograder.intake.repair import Repaired, Unreadable, repair
from autograder.intake.sources import Arrival, arrivals

SIDECAR = "intake.txt"
NOT_FOUND = "no answer was found"


@dataclass
class Taken:
    """What became of one arrival: where it is filed, and what was done to it; or the problem."""

    where: str
    student: str = ""
    assignment: str = ""
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problem: str = ""


def take(
    room: Classroom,
    paths: Iterable[Path],
    student: str | None = None,
    assignment: str | None = None,
) -> list[Taken]:
    """File every notebook in `paths`; whatever is wrong with one stops no other.

    student, assignment: of all of them, instead of what their names and contents say. Of several
    notebooks of one person for one assignment the latest is graded. Raises CourseError for a path
    where there is nothing.
    """
    done, latest = [], {}
    for path in paths:
        for arrival in arrivals(Path(path)):
            taken, repaired = _look_at(arrival, student, assignment)
            done.append(taken)
            if repaired is None:
                continue
            key = taken.student, taken.assignment
            other = latest.get(key)
            if other and (other[1].when, str(other[1].where)) > (arrival.when, str(arrival.where)):
                taken.problem = f"a later one is graded: {other[0].where}"
                continue
            if other:
                other[0].problem = f"a later one is graded: {taken.where}"
            latest[key] = taken, arrival, repaired
    for taken, arrival, repaired in latest.values():
        _file(room, taken, arrival.content, repaired)
    return done


def _look_at(
    arrival: Arrival, student: str | None, assignment: str | None
) -> tuple[Taken, Repaired | None]:
    taken = Taken(str(arrival.where), problem=arrival.problem)
    if taken.problem:
        return taken, None
    try:
        if assignment:
            found, repaired = assignment, repair(arrival.content, naming.released(assignment))
        else:
            found, repaired = naming.assignment_of(arrival.where, arrival.content)
    except Unreadable as error:
        taken.problem = str(error)
        return taken, None
    taken.assignment = found
    taken.student = naming.clean(student) if student else naming.student_of(arrival.where)
    taken.notes, taken.missing = repaired.notes, repaired.missing
    if not taken.student:
        taken.problem = "does not say whose it is; take it again with --student"
        return taken, None
    return taken, repaired


def _file(room: Classroom, taken: Taken, content: bytes, repaired: Repaired) -> None:
    folder = room.folder("submitted", taken.student, taken.assignment)
    [name] = room.notebooks(taken.assignment)
    if content == _latest(folder, name):
        return  # taken before
    _write(folder, name, content, repaired, taken.notes)


def _write(folder: Path, name: str, content: bytes, repaired: Repaired, notes: list[str]) -> None:
    """Put a notebook in its place: as it came if nothing was wrong with it, else repaired."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.{len(_kept(folder, name)) + 1}").write_bytes(content)
    ready = nbformat.writes(repaired.notebook).encode() + b"\n" if repaired.notes else content
    new = folder / f"{name}.new"
    new.write_bytes(ready)
    new.replace(folder / name)
    lines = [*notes, *(f"{answer}: {NOT_FOUND}" for answer in repaired.missing)]
    (folder / SIDECAR).write_text(
        "\n".join([f"Digest of the notebook: {hashlib.sha256(ready).hexdigest()}", *lines, ""]),
        encoding="utf-8",
    )


def _kept(folder: Path, name: str) -> list[Path]:
    """The files as they came, in the order they came."""
    found = (path for path in folder.glob(f"{name}.*") if path.suffix[1:].isdigit())
    return sorted(found, key=lambda path: int(path.suffix[1:]))


def _latest(folder: Path, name: str) -> bytes | None:
    kept = _kept(folder, name)
    return kept[-1].read_bytes() if kept and (folder / name).exists() else None


def mend(room: Classroom, student: str, assignment: str) -> list[str]:
    """Repair a submission where it lies, if it needs it; what was done to it, now or before.

    A file that cannot be read is left for grading to explain.
    """
    folder = room.folder("submitted", student, assignment)
    names = room.notebooks(assignment)
    if len(names) != 1:
        return []
    [name] = names
    try:
        where = _the_notebook(folder, name, assignment)
        if where is None:
            return []
        content = where.read_bytes()
        said = _said(folder, content)
        if said is not None and where.name == name:
            return said
        repaired = repair(content, naming.released(assignment))
        if not repaired.found:
            return []
        renamed = [f"the file was called {where.name}"] if where != folder / name else []
        if not (renamed or repaired.notes):
            (folder / SIDECAR).unlink(missing_ok=True)
            return []
        notes = renamed + repaired.notes
        _write(folder, name, content, repaired, notes)
        if renamed:
            where.unlink()  # it is kept, under a number
    except (Unreadable, OSError):
        return []
    return repairs(folder, name)


def _the_notebook(folder: Path, name: str, assignment: str) -> Path | None:
    """The file to be graded: the one of the right name, or the one with most of the cells.

    A link is none: it leads to somebody else's file.
    """
    if (folder / name).is_symlink():
        return None
    if (folder / name).is_file():
        return folder / name
    found = {}
    for path in sorted(folder.rglob("*.ipynb")):
        if path.is_file() and not path.is_symlink() and ".ipynb_checkpoints" not in path.parts:
            try:
                found[path] = repair(path.read_bytes(), naming.released(assignment)).found
            except (Unreadable, OSError):
                continue
    best = max(found, key=found.get, default=None)
    return best if best is not None and found[best] else None


def repairs(folder: Path, name: str) -> list[str]:
    """What was done to the notebook that now lies in a submission's folder; nothing if none is."""
    try:
        return _said(folder, (folder / name).read_bytes()) or []
    except OSError:
        return []


def _said(folder: Path, content: bytes) -> list[str] | None:
    """What `intake.txt` says about a notebook; None if it is about another one, or not there."""
    try:
        first, *notes = (folder / SIDECAR).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return notes if first.endswith(hashlib.sha256(content).hexdigest()) else None
