"""`course export`: the gradebook as a table, or as a file that Canvas or Moodle imports.

A mark that is not there is an empty cell, never a 0, and whose it is, is said.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder import CourseError
from autograder.classroom import FAILED, LOOK, MISSING, WAITING, Classroom
from autograder.export.filling import fill
from autograder.export.grades import Grades, Mark, Person, number
from autograder.export.sheet import CANVAS, POINTS_POSSIBLE, Sheet, read

__all__ = ["FORMATS", "Exported", "collect", "export"]

FORMATS = ("csv", "canvas", "moodle")


@dataclass
class Exported:
    """Where it was written, and what is to be said about it, a sentence each."""

    path: Path
    said: list[str] = field(default_factory=list)


def export(
    room: Classroom,
    named: Sequence[str] = (),
    kind: str = "",
    to: Path | None = None,
    into: Path | None = None,
    column: str = "",
    anyway: bool = False,
) -> Exported:
    """Write the marks of the assignments named, by default of all that are graded.

    kind: one of FORMATS, "csv" by default; to: the file, by default in `exports/` of the class;
    into: a file that Canvas or Moodle exported, to be filled in; column: what it calls the one
    assignment; anyway: marks that are not final, too. Raises CourseError when there is nothing to
    write, or it should not be written.
    """
    if kind not in ("", *FORMATS):
        raise CourseError(f"There is no format {kind!r}; there are: {', '.join(FORMATS)}.")
    if column and not into:
        raise CourseError("--column names a column of the file given with --into.")
    grades = collect(room, named)
    said = not_final(grades)
    if said and not anyway and (into or kind in ("canvas", "moodle")):
        raise CourseError(
            "Not exported: these marks are not final, and the file has no room to say so.\n"
            + "\n".join(f"  {line}" for line in said)
            + "\nSee to them first, or say --anyway."
        )
    if into:
        sheet = read(into)
        if kind not in ("", sheet.kind):
            raise CourseError(f"{into} comes from {sheet.kind.title()}: leave --format out.")
        said += fill(sheet, grades, column)
        name = into.name
    else:
        sheet = table(grades, kind or "csv")
        name = "grades.csv" if sheet.kind == "csv" else f"grades-{kind}.csv"
    path = (to or room.place / "exports" / name).expanduser()
    if into and path.resolve() == into.resolve():
        raise CourseError(f"{into} is kept as it came: name another file with --to.")
    sheet.write(path)
    return Exported(path, said + worth_saying(grades))


def collect(room: Classroom, named: Sequence[str] = ()) -> Grades:
    """Read the gradebook. Raises CourseError if an assignment named, or every one, is ungraded."""
    standings = {name: room.standings(name) for name in room.assignments(list(named))}
    graded = {name: rows for name, rows in standings.items() if any(row.max_score for row in rows)}
    ungraded = [name for name in standings if name not in graded]
    if ungraded and (named or not graded):
        names = " ".join(ungraded)
        raise CourseError(f"Nothing of {names} is graded yet: course grade {names}")
    with room.gradebook() as gradebook:
        people = {found.id: _person(found) for found in gradebook.students}
        penalties = {
            (name, found.student_id): found.late_submission_penalty or 0.0
            for name in graded
            for found in gradebook.assignment_submissions(name)
        }
    marks = {name: defaultdict(lambda: Mark(None, 0.0, 0.0, MISSING)) for name in graded}
    for name, rows in graded.items():
        for row in rows:
            people.setdefault(row.student, Person(row.student))
            marks[name][row.student] = Mark(
                score=None if row.status == FAILED else row.score,
                open=row.by_hand,
                penalty=penalties.get((name, row.student), 0.0),
                status=row.status,
                changed=bool(row.record) and row.record.digest != room.digest(row.student, name),
            )
    maxima = {name: rows[0].max_score for name, rows in graded.items()}
    return Grades(maxima, sorted(people.values(), key=lambda p: p.id), marks, ungraded)


def _person(found) -> Person:
    """A student of nbgrader's gradebook."""
    texts = (found.first_name, found.last_name, found.email, found.lms_user_id)
    return Person(found.id, *(text or "" for text in texts))


def not_final(grades: Grades) -> list[str]:
    """Marks that will still change, a sentence each."""
    said = []
    for name in grades.maxima:
        if who := grades.whose(name, lambda mark: mark.open):
            said.append(f"{name}: written answers still to be read (course lab): {', '.join(who)}")
        if who := grades.whose(name, lambda mark: mark.changed):
            said.append(f"{name}: handed in anew after grading (course grade): {', '.join(who)}")
        if who := grades.whose(name, lambda mark: mark.status == WAITING):
            said.append(f"{name}: handed in and not graded yet (course grade): {', '.join(who)}")
    return said


def worth_saying(grades: Grades) -> list[str]:
    """Whose mark is missing or unusual, a sentence each."""
    said = [f"{name}: left out, nothing is graded yet" for name in grades.ungraded]
    for name in grades.maxima:
        if who := grades.whose(name, lambda mark: mark.status == LOOK):
            said.append(f"{name}: marked, but worth a look (course report): {', '.join(who)}")
        without = defaultdict(list)
        for who in grades.whose(name, lambda mark: mark.score is None and mark.status != WAITING):
            without[grades.marks[name][who].status].append(who)
        for status, who in sorted(without.items()):
            said.append(f"{name}: no mark, {status}: {', '.join(who)}")
    return said


def table(grades: Grades, kind: str) -> Sheet:
    """The marks on their own. kind: one of FORMATS."""
    maxima = {name: number(points) for name, points in grades.maxima.items()}
    if kind == "csv":
        rows = [
            [person.id, person.name, name, mark.cell, maximum]
            + [number(mark.open), number(mark.penalty), mark.status]
            for person in grades.people
            for name, maximum in maxima.items()
            for mark in [grades.marks[name][person.id]]
        ]
        header = ["student", "name", "assignment", "score", "maximum"]
        return Sheet(kind, [*header, "open by hand", "late penalty", "status"], rows)
    if kind == "canvas":
        header = list(CANVAS)
        rows = [[f"    {POINTS_POSSIBLE}", "", "", "", "", *maxima.values()]]
        who = [[person.name, person.lms_id, "", person.id, ""] for person in grades.people]
    else:
        header, rows = ["Username", "Email address"], []
        who = [[person.id, person.email] for person in grades.people]
    for person, known in zip(grades.people, who, strict=True):
        rows.append([*known, *(grades.marks[name][person.id].cell for name in maxima)])
    return Sheet(kind, [*header, *maxima], rows, bom=kind != "canvas")
