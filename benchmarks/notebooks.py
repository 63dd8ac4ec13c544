"""What it costs to grade each notebook: right submissions through `course grade`.

    python -m benchmarks.notebooks

Four submissions of every notebook, graded in one run. CPU seconds are those of the worker and the
kernel as the log has them, MB those of the largest process; of the four the median, so that what a
worker does only once does not count.

The table is written to benchmarks/results/notebooks.md.
"""

import platform
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from autograder import grading
from autograder.classroom import GRADED, Classroom
from autograder.release import assignments
from benchmarks.grading import hand_in

RESULTS = Path(__file__).with_name("results") / "notebooks.md"
STUDENTS = ("ann", "bob", "cid", "dee")


def graded(room: Classroom) -> dict[str, tuple[float, float]]:
    """Hand in and grade right submissions: median CPU seconds and MB of each assignment."""
    for assignment in assignments():
        hand_in(room, assignment, STUDENTS)
    grading.grade(room)
    found = {}
    for assignment in assignments():
        records = room.records(assignment).values()
        assert [record.status for record in records] == [GRADED] * len(STUDENTS)
        found[assignment] = (
            statistics.median(record.cpu for record in records),
            statistics.median(record.memory for record in records),
        )
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        found = graded(Classroom(Path(place, "class"), sandbox=True))
    lines = [
        f"# Grading one submission of each notebook, median of {len(STUDENTS)}",
        "",
        f"`python -m benchmarks.notebooks`, {time.strftime('%Y-%m-%d')}, "
        f"{psutil.cpu_count()} cores ({platform.machine()}, Python {platform.python_version()}).",
        "",
        "| | CPU s | MB |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {cpu:.1f} | {memory:.0f} |" for name, (cpu, memory) in found.items()),
        "",
        f"All together: {sum(cpu for cpu, _ in found.values()):.1f} CPU s.",
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
