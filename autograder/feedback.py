"""Feedback for a class: everybody's page, and a notice where a notebook could not be graded."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import rmtree
from rich.progress import track

from autograder import addresses, pages
from autograder.classroom import FAILED, Classroom, Record
from autograder.pages.outline import outline


@dataclass
class Written:
    """What `write` did: how many pages of each kind, and who has none, with the reason."""

    feedback: int = 0
    notices: int = 0
    without: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        said = [f"{self.feedback} with feedback"]
        if self.notices:
            said.append(f"{self.notices} that say why there is none")
        said += [f"none for {name} ({why})" for name, why in self.without.items()]
        return ", ".join(said)


def write(
    room: Classroom, named: Sequence[str] = (), student: str | None = None
) -> dict[str, Written]:
    """Write feedback for everybody graded so far; those that failed get the reason instead.

    named: assignments, all with submissions by default; student: only this one.
    Returns what was written, by assignment.
    """
    written = {}
    with room.logged("feedback.log") as screen:
        for assignment in room.assignments(list(named)):
            done = written[assignment] = Written()
            records = room.records(assignment)
            students = [name for name in room.students(assignment) if student in (None, name)]
            for name in track(students, f"{assignment} feedback", console=screen):
                _write_one(room, name, assignment, records.get(name), done)
    return written


def _write_one(
    room: Classroom, student: str, assignment: str, record: Record | None, done: Written
) -> None:
    place = room.folder("feedback", student, assignment)
    if record is not None and record.status == FAILED:
        if place.exists():
            rmtree(str(place))  # of an earlier submission
        _write_notice(room, place, assignment, record)
        done.notices += 1
        return
    if not room.folder("autograded", student, assignment).is_dir():
        done.without[student] = "not graded yet"
        return
    coursedir = CourseDirectory(
        config=room.config, assignment_id=assignment, student_id=glob.escape(student)
    )
    try:
        GenerateFeedback(coursedir=coursedir, config=room.config, force=True).start()
        done.feedback += 1
    except (Exception, SystemExit) as error:
        done.without[student] = f"{type(error).__name__}: {error}"


def _write_notice(room: Classroom, place: Path, assignment: str, record: Record) -> None:
    place.mkdir(parents=True)
    for name in room.notebooks(assignment):
        path = place / name
        page = pages.render(
            "notice.html",
            course=addresses.load().title,
            assignment=assignment,
            title=outline(assignment, path.stem).title,
            it=record,
        )
        path.with_suffix(".html").write_text(page, encoding="utf-8")
