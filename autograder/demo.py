"""The main job from end to end, on a sample class in a folder of its own."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from autograder import ROOT, CourseError, feedback, grading, release, report
from autograder.classroom import Classroom, Standing
from autograder.kernels import sandbox
from autograder.sample.members import Member, members

PLACE = ROOT / "autograder" / "demo"
MARK = "this folder is a sample class; course demo deletes it"
FEW = 4  # how many hand in the assignments behind the first


@dataclass
class Shown:
    """What the demo made of one assignment: who handed in, the standings, where to look."""

    assignment: str
    members: list[Member]
    standings: list[Standing]
    report: Path
    written: feedback.Written


def build(place: Path, most: int | None = None) -> tuple[Classroom, dict[str, list[Member]]]:
    """Make a fresh sample class in `place`, in place of an earlier one.

    Everybody hands in the first assignment, a few the others. They are harmless: where no sandbox
    can be had, they are graded without. Returns who handed in, by assignment. Raises CourseError if
    the folder is not a sample class.
    """
    mark = place / MARK
    if place.exists() and any(place.iterdir()) and not mark.exists():
        raise CourseError(f"{place} is not a sample class; move it away, then try again.")
    shutil.rmtree(place, ignore_errors=True)
    room = Classroom(place, sandbox=False if sandbox.trouble() else None)
    few = min(most or FEW, FEW)
    first, *others = release.assignments()
    found = {first: members(first, most)} | {name: members(name, few) for name in others}
    place.mkdir(parents=True)
    mark.touch()
    for assignment, handing_in in found.items():
        for member in handing_in:
            member.hand_in(room.folder("submitted", member.name, assignment), assignment)
    return room, found


def demo(most: int | None = None, place: Path = PLACE) -> tuple[Classroom, list[Shown]]:
    """Build the sample class, grade it, write feedback and the reports.

    most: so many students at most; place: the folder, deleted first if it holds a sample class.
    """
    room, found = build(place, most)
    grading.grade(room)
    written, paths = feedback.write(room), report.write(room)
    return room, [
        Shown(name, found[name], room.standings(name), path, written[name])
        for name, path in zip(sorted(found), paths, strict=True)
    ]
