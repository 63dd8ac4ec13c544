"""Marks into a file that Canvas or Moodle exported: which column, which row, and who has none."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from autograder import CourseError
from autograder.export.grades import Grades, Person, number
from autograder.export.sheet import CANVAS, POINTS_POSSIBLE, Sheet
from autograder.intake.naming import clean

__all__ = ["fill"]

IDENTIFIERS = (*CANVAS[1:4], "Integration ID", "Username", "ID number", "Email address")
NAMES = (("Student",), ("Full name",), ("First name", "Last name"), ("First name", "Surname"))
AROUND = re.compile(r"^Assignment: | \((Real|\d+)\)$")  # an assignment's name


def fill(sheet: Sheet, grades: Grades, column: str = "") -> list[str]:
    """Write the marks into the columns of the assignments, and say what is to be said.

    column: what the file calls the one assignment. Where there is no mark, or it is not certain
    whose row it is, the file keeps what it holds. Raises CourseError when an assignment has no
    column, or one that counts other points.
    """
    columns = {name: _column(sheet, name, column, len(grades.maxima)) for name in grades.maxima}
    rows, doubtful, by_name = match(sheet, grades.people)
    said = []
    for name, at in columns.items():
        _check_points(sheet, at, name, grades.maxima[name])
        replaced = []
        for person, row in rows.items():
            new, old = grades.marks[name][person.id].cell, sheet.rows[row][at].strip()
            if new and not _equal(old, new):
                sheet.rows[row][at] = new
                if old not in ("", "-"):
                    replaced.append(f"{person.id} (had {old}, has {new})")
        if replaced:
            said.append(f"{name}: marks that differ from those in the file: {', '.join(replaced)}")
    if by_name:
        said.append(f"Found by their names only: {', '.join(by_name)}")
    if doubtful:
        said.append(f"Not filled in, more than one row or person fits: {', '.join(doubtful)}")
    found = {*doubtful, *(person.id for person in rows)}
    if lost := [person.id for person in grades.people if person.id not in found]:
        said.append(f"Not in the file: {', '.join(lost)}")
    if others := [_called(sheet, row) for row in sheet.people() if row not in rows.values()]:
        said.append(f"In the file, and left as they are: {', '.join(others)}")
    return said


# Columns -------------------------------------------------------------------------------------


def _column(sheet: Sheet, assignment: str, given: str, among: int) -> int:
    """The column of an assignment: the one given, that of its name, or a worksheet's only one."""
    if given and among > 1:
        raise CourseError("--column is for one assignment: say which.")
    wanted = given or assignment
    names = [{name, AROUND.sub("", name)} for name in sheet.header]
    found = [at for at, called in enumerate(names) if wanted in called]
    if not found and not given and among == 1 and "Identifier" in sheet.header:
        found = [at for at, name in enumerate(sheet.header) if name == "Grade"]
    if len(found) != 1:
        raise CourseError(
            f"The file has {'several columns' if found else 'no column'} {wanted!r}; it has: "
            f"{', '.join(sheet.header)}. Say which: course export {assignment} --column NAME"
        )
    return found[0]


def _check_points(sheet: Sheet, at: int, assignment: str, points: float) -> None:
    """Raise CourseError where the file says that the column counts other points than the course."""
    said = {row[at] for row in sheet.rows if POINTS_POSSIBLE in row[0]}
    if sheet.header[at] == "Grade":
        said |= {sheet.cell(row, "Maximum grade") for row in sheet.people()}
    for cell in said - {""}:
        if not _equal(cell, number(points)):
            raise CourseError(
                f"{sheet.header[at]!r} counts {cell} points and {assignment} {number(points)}. "
                f"Change that in {sheet.kind.title()}, and export from there again."
            )


def _equal(cell: str, points: str) -> bool:
    """Whether a cell holds these points, with a point or a comma."""
    try:
        return number(float(cell.replace(",", "."))) == points
    except ValueError:
        return False


# Rows ----------------------------------------------------------------------------------------


@dataclass
class Known:
    """What is known about somebody. identifiers: what nobody else should have; names: as said."""

    identifiers: list[str]
    names: list[str]


def match(sheet: Sheet, people: Sequence[Person]) -> tuple[dict[Person, int], list[str], list[str]]:
    """Each person's row; ids of those for whom it is not certain; ids of those found by name.

    What identifies a person comes first, then what stands before the @ of an address, then names.
    """
    persons = {
        p: Known([p.id, p.email, p.lms_id], [p.id, f"{p.first_name} {p.last_name}"]) for p in people
    }
    lines = {row: _line(sheet, row) for row in sheet.people()}
    rows: dict[Person, int] = {}
    doubtful: list[str] = []
    by_name: list[str] = []
    for keys in (_identifiers, _logins, _names):
        having = defaultdict(set)
        for row, known in lines.items():
            for key in keys(known):
                having[key].add(row)
        fitting = {p: set().union(*(having[key] for key in keys(persons[p]))) for p in persons}
        wanted = Counter(row for found in fitting.values() for row in found)
        for person, found in fitting.items():
            if len(found) == 1 and wanted[min(found)] == 1:
                rows[person] = min(found)
                if keys is _names:
                    by_name.append(person.id)
            elif found:
                doubtful.append(person.id)
        persons = {p: known for p, known in persons.items() if not fitting[p]}
        lines = {row: known for row, known in lines.items() if not wanted[row]}
    return rows, sorted(doubtful), by_name


def _line(sheet: Sheet, row: int) -> Known:
    names = (" ".join(sheet.cell(row, part) for part in parts).strip() for parts in NAMES)
    identifiers = (sheet.cell(row, name) for name in IDENTIFIERS)
    return Known([*filter(None, identifiers)], [*filter(None, names)])


def _called(sheet: Sheet, row: int) -> str:
    """What the file calls the person of a row."""
    line = _line(sheet, row)
    return next(iter(line.names + line.identifiers), f"row {row + 2}")


def _identifiers(known: Known) -> set[str]:
    """Identifiers, spelt as intake spells students."""
    return {clean(value).casefold() for value in known.identifiers} - {""}


def _logins(known: Known) -> set[str]:
    """Identifiers, and of an address only what stands before the @."""
    return {value.partition("@")[0] for value in _identifiers(known)} - {""}


def _names(known: Known) -> set[str]:
    """Names as one word, beginning with any of their parts: `Doe, Jane` is `doejane`, `janedoe`."""
    found = set()
    for name in known.names:
        bare = unicodedata.normalize("NFKD", name).casefold()
        parts = re.findall(r"[^\W_]+", "".join(c for c in bare if not unicodedata.combining(c)))
        found |= {"".join(parts[i:] + parts[:i]) for i in range(len(parts))}
    return found
