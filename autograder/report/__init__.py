"""The instructor's report on an assignment: one HTML file that needs nothing else."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median

from autograder import pages
from autograder.classroom import FAILED, LOOK, Classroom
from autograder.report.findings import Findings, collect

__all__ = ["collect", "render", "write"]

MOST_ROWS = 12


def write(room: Classroom, named: Sequence[str] = ()) -> list[Path]:
    """Write the reports of the assignments named, by default all with submissions.

    Returns their paths. Raises CourseError if nothing is graded yet.
    """
    paths = []
    for assignment in room.assignments(list(named)):
        path = room.report(assignment)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(collect(room, assignment)), encoding="utf-8")
        paths.append(path)
    return paths


def render(findings: Findings) -> str:
    """The page."""
    helpers = {"median": median, "mean": mean, "failed": FAILED, "look": LOOK, "most": MOST_ROWS}
    return pages.render("report.html", it=findings, **helpers)
