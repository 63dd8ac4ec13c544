"""The main job from end to end, on a sample class in a folder of its own."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from autograder import ROOT, CourseError, feedback, grading, report
from autograder.classroom import Classroom, Standing
from autograder.sample.members import Member, members

PLACE = ROOT / "autograder" / "demo"
ASSIGNMENT = "01_convolution"
MARK = "this folder is a sample class; course demo deletes it"


@dataclass
class Shown:
    """What the demo made: the class, its standings, where to look, and the seconds it took."""

    members: list[Member]
    standings: list[Standing]
    report: Path
    feedback: Path
    logs: Path
    written: feedback.Written
    seconds: float


def build(place: Path, assignment: str, most: int | None = None) -> tuple[Classroom, list[Member]]:
    """Make a fresh sample class in `place`, in place of an earlier one.

    Raises CourseError if the folder is not a sample class.
    """
    mark = place / MARK
    if place.exists() and any(place.iterdir()) and not mark.exists():
        raise CourseError(f"{place} is not a sample class; move it away, then try again.")
    shutil.rmtree(place, ignore_errors=True)
    room, found = Classroom(place), members(assignment, most)
    place.mkdir(parents=True)
    mark.touch()
    for member in found:
        member.hand_in(room.folder("submitted", member.name, assignment), assignment)
    return room, found


def demo(most: int | None = None, place: Path = PLACE) -> Shown:
    """Build the sample class, grade it, write feedback and the report.

    most: so many students at most; place: the folder, deleted first if it holds a sample class.
    """
    start = time.monotonic()
    room, found = build(place, ASSIGNMENT, most)
    grading.grade(room, [ASSIGNMENT])
    written = feedback.write(room, [ASSIGNMENT])[ASSIGNMENT]
    [path] = report.write(room, [ASSIGNMENT])
    return Shown(
        members=found,
        standings=room.standings(ASSIGNMENT),
        report=path,
        feedback=room.place / "feedback",
        logs=room.logs,
        written=written,
        seconds=time.monotonic() - start,
    )
