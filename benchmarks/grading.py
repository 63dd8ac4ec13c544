"""What grading a class costs, from stock nbgrader to `course grade`, side by side in one run.

    python -m benchmarks.grading [--quick]

One class of right submissions of 01_convolution, graded by the same judge each time. "Stock as
shipped" is `nbgrader autograde` with nbgrader's own settings: a cold kernel without a sandbox for
every submission, shut down gracefully. CPU seconds are what the whole machine computed meanwhile,
so that no process is forgotten; let nothing else run. The floor is the same cells, questions
included, executed again and again in one process that has imported everything. Memory is what one
more kernel, with its sandbox, shares with nobody.

The table is written to benchmarks/results/grading.md.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from jupyter_client import KernelManager
from nbformat.v4 import new_markdown_cell

from autograder import ROOT, containment, grading
from autograder.classroom import Classroom
from autograder.configuration import course_config
from autograder.grading import steps, worker
from autograder.judge.preprocessors import Arm
from autograder.kernels import KERNEL, canary
from autograder.sample.submissions import path_of, solved_answers, submission

ASSIGNMENT, NAME = "01_convolution", "convolution.ipynb"
RESULTS = Path(__file__).with_name("results") / "grading.md"
AT_ONCE = ["--Execute.kernel_name=python3", "--Exporter.optimistic_validation=False"]
STOCK = [*AT_ONCE, "--Execute.shutdown_kernel=graceful"]
OPEN = {containment.SWITCH: "1"}
GRADE = """
import sys
from pathlib import Path
from autograder import grading
from autograder.classroom import Classroom

if __name__ == "__main__":
    grading.grade(Classroom(Path(sys.argv[1])), force=True, jobs=int(sys.argv[2]))
"""
FLOOR = """
import io, json, sys, time
from contextlib import redirect_stderr, redirect_stdout
import matplotlib
import torch
from IPython.core.interactiveshell import InteractiveShell

torch.set_num_threads(1)
shell = InteractiveShell.instance()
matplotlib.use("module://matplotlib_inline.backend_inline")
sources = json.load(open(sys.argv[1]))
for number in range(int(sys.argv[2]) + 1):
    if number == 1:
        used, began = time.process_time(), time.perf_counter()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for source in sources:
            assert shell.run_cell(source).success, source
print(time.process_time() - used, time.perf_counter() - began)
"""


@dataclass
class Cost:
    """Seconds for something, of computing and of waiting."""

    cpu: float
    wall: float

    def __truediv__(self, number: float) -> "Cost":
        return Cost(self.cpu / number, self.wall / number)


def busy() -> float:
    """CPU seconds that this machine has computed since it was started."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system


def measured(action: Callable[[], object]) -> Cost:
    """What an action costs."""
    used, began = busy(), time.perf_counter()
    action()
    return Cost(busy() - used, time.perf_counter() - began)


def hand_in(room: Classroom, assignment: str, students: Sequence[str]) -> None:
    """Right submissions, each with something of its own."""
    grading.register(room, assignment)
    for student in students:
        nb = submission(assignment, solved_answers(assignment))
        nb.cells.append(new_markdown_cell(f"Handed in by {student}."))
        folder = room.folder("submitted", student, assignment)
        folder.mkdir(parents=True)
        nbformat.write(nb, folder / path_of(assignment).name)


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a command that grades the class."""
    subprocess.run(
        command, cwd=ROOT, env=os.environ | (environment or {}), check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def stock(room: Classroom, further: list[str], environment: dict[str, str] | None = None) -> None:
    """Grade with `nbgrader autograde`."""
    folders = [
        f"--CourseDirectory.{kind}_directory={room.place / kind}"
        for kind in ("submitted", "autograded", "feedback")
    ]
    run(
        [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT, "--force", *folders,
         f"--CourseDirectory.db_url=sqlite:///{room.gradebook_file}",
         f"--Arm.key_file={room.place / 'course.key'}", *further],
        environment,
    )  # fmt: skip


def course(room: Classroom, jobs: int) -> None:
    """Grade with `course grade`."""
    script = room.place / "grade.py"
    script.write_text(GRADE, encoding="utf-8")
    run([sys.executable, str(script), str(room.place), str(jobs)])


def marks(room: Classroom) -> dict[str, float | None]:
    """Everybody's score."""
    return {row.student: row.score for row in room.standings(ASSIGNMENT)}


def floor(room: Classroom, times: int) -> Cost:
    """The cells of one submission, in a process that has done it before."""
    nb = submission(ASSIGNMENT, solved_answers(ASSIGNMENT))
    about = {"student": "floor", "assignment": ASSIGNMENT, "notebook": Path(NAME).stem}
    nb, _ = Arm(config=room.config).preprocess(nb, {"nbgrader": about})
    sources = [
        cell.source
        for cell in nb.cells
        if cell.cell_type == "code" and "showcase" not in cell.metadata.get("tags", [])
    ]
    script = room.place / "floor.py"
    script.write_text(FLOOR, encoding="utf-8")
    given = room.place / "cells.json"
    given.write_text(json.dumps(sources), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(given), str(times)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    cpu, wall = map(float, done.stdout.splitlines()[-1].split())
    return Cost(cpu, wall) / times


def start(sandbox: bool) -> KernelManager:
    """A kernel that has used torch."""
    manager = KernelManager(kernel_name=KERNEL, config=course_config(sandbox=sandbox))
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.execute_interactive("import torch; _ = (torch.ones(4) * 2).sum()", timeout=60)
    client.stop_channels()
    return manager


def memory() -> float:
    """MB of the second of two kernels, with its sandbox, that it shares with nobody."""
    managers = [start(sandbox=True) for _ in range(2)]
    supervisor = psutil.Process(managers[1].provisioner.pid)
    family = [supervisor, *supervisor.children(recursive=True)]
    unshared = sum(process.memory_full_info().uss for process in family)
    for manager in managers:
        manager.shutdown_kernel(now=True)
    return unshared / 1e6


def own_part(room: Classroom, students: list[str]) -> tuple[float, float]:
    """CPU seconds of one submission in the grader's own process, and in a worker without kernel."""
    ours, theirs = [], []
    with room.logged("benchmark.log"):
        for student in students:
            used = time.process_time()
            job = steps.prepare(room, student, ASSIGNMENT)
            prepared = time.process_time()
            done = worker.examine(job)
            examined = time.process_time()
            steps.enter_marks(room, student, ASSIGNMENT, done.notebooks, done.contained)
            ours.append(prepared - used + time.process_time() - examined)
            theirs.append(examined - prepared)
    return statistics.median(ours[1:]), statistics.median(theirs[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a class of 4 instead of 32")
    size = 4 if parser.parse_args().quick else 32
    os.environ.pop(containment.SWITCH, None)
    with tempfile.TemporaryDirectory() as place:
        room = Classroom(Path(place, "class"), sandbox=True)
        students = [f"s{number:02}" for number in range(size)]
        grading.gradebook.ready(room)
        hand_in(room, ASSIGNMENT, students)
        used = busy()
        time.sleep(2)
        others = (busy() - used) / 2
        ways: dict[str, Callable[[], object]] = {
            "stock `nbgrader autograde`, as shipped": lambda: stock(room, STOCK, OPEN),
            "stock, kernels shut down at once": lambda: stock(room, AT_ONCE, OPEN),
            "`nbgrader autograde`, warm and contained": lambda: stock(room, []),
            "`course grade -j1`": lambda: course(room, 1),
            "`course grade -j2`": lambda: course(room, 2),
        }
        costs, found = {}, []
        for name, way in ways.items():
            shutil.rmtree(room.place / "autograded", ignore_errors=True)
            costs[name] = measured(way) / size
            found.append(marks(room))
            print(f"{name}: {costs[name].cpu:.2f} CPU s, {costs[name].wall:.2f} s", flush=True)
        assert all(each == found[0] for each in found), "the marks differ"
        least = floor(room, min(size, 8))
        canary.FRESH = float("inf")
        unshared = memory()
        ours, theirs = own_part(room, students[: min(size, 9)])
    first, *_, last = costs.values()
    lines = [
        f"# Grading a class of {size}",
        "",
        f"`python -m benchmarks.grading{' --quick' if size == 4 else ''}`, "
        f"{time.strftime('%Y-%m-%d')}, {psutil.cpu_count()} cores "
        f"({platform.machine()}, Python {platform.python_version()}); other programs used "
        f"{others:.2f} cores before. Seconds per submission of {ASSIGNMENT}; same marks each time.",
        "",
        "| | CPU s | beyond the floor | wall s |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {name} | {cost.cpu:.2f} | {cost.cpu - least.cpu:.2f} | {cost.wall:.2f} |"
            for name, cost in costs.items()
        ),
        f"| floor: the cells alone, in a warm process | {least.cpu:.2f} | | {least.wall:.2f} |",
        "",
        f"One more kernel takes {unshared:.0f} MB. Of `course grade`'s CPU seconds, the process "
        f"that writes the gradebook takes {ours:.2f}, a worker {theirs:.2f} beside the kernel.",
        "",
        f"Beyond the floor: cpu ratio {(first.cpu - least.cpu) / (last.cpu - least.cpu):.1f}.",
        f"cpu ratio: {first.cpu / last.cpu:.1f}, wall ratio: {first.wall / last.wall:.1f}",
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    if size > 4:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
