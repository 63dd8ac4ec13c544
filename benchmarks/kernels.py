"""What a submission costs to grade: warm and contained, against cold and without a sandbox.

    python benchmarks/kernels.py [SUBMISSIONS]

One class of copies of the right submission, graded by the same judge in this process; only the
kernels differ. CPU seconds are of everything: grader, kernels, sandboxes. What a zygote imports is
paid once for a class and stands apart. Memory is what a kernel and its sandbox share with nobody.
"""

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
from jupyter_client import KernelManager

from autograder import grading
from autograder.classroom import Classroom
from autograder.configuration import course_config
from autograder.kernels import KERNEL, canary, provisioner
from autograder.sample.submissions import solved_answers, submission

ASSIGNMENT = "01_convolution"
ended: list[provisioner.Contained] = []


class Counted(provisioner.Contained):
    """Remembers every kernel, for what it took."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        ended.append(self)


def cpu() -> float:
    """CPU seconds of this process, of what it waited for, and of all contained kernels."""
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used) + sum(kernel.cpu for kernel in ended)


def zygotes() -> float:
    """CPU seconds of the zygotes."""
    found = [z for z in provisioner._zygotes.values() if isinstance(z, provisioner.Zygote)]
    return sum(sum(psutil.Process(z.process.pid).cpu_times()[:2]) for z in found)


def grade(room: Classroom, student: str) -> tuple[float, float]:
    """CPU and wall seconds of one submission."""
    used, began = cpu(), time.perf_counter()
    record = grading.grade_one(room, student, ASSIGNMENT, force=True)
    assert record.status == grading.GRADED, record.sentence
    return cpu() - used, time.perf_counter() - began


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


def alone(sandbox: bool) -> tuple[float, float]:
    """CPU and wall seconds of a kernel that uses torch and nothing else."""
    used, began = cpu(), time.perf_counter()
    start(sandbox).shutdown_kernel(now=True)
    return cpu() - used, time.perf_counter() - began


def memory() -> float:
    """Bytes of the second of two kernels, with its sandbox, that it shares with nobody."""
    managers = [start(sandbox=True) for _ in range(2)]
    supervisor = psutil.Process(managers[1].provisioner.pid)
    family = [supervisor, *supervisor.children(recursive=True)]
    unshared = sum(process.memory_full_info().uss for process in family)
    for manager in managers:
        manager.shutdown_kernel(now=True)
    return unshared


def main(submissions: int) -> None:
    provisioner.Contained = Counted
    canary.FRESH = float("inf")
    with tempfile.TemporaryDirectory() as place:
        rooms = {
            "warm, contained": Classroom(Path(place, "room"), sandbox=True),
            "cold, no sandbox": Classroom(Path(place, "room"), sandbox=False),
        }
        first = rooms["warm, contained"]
        grading.register(first, ASSIGNMENT)
        students = [f"s{number}" for number in range(submissions)]
        for student in students:
            folder = first.folder("submitted", student, ASSIGNMENT)
            folder.mkdir(parents=True)
            nbformat.write(
                submission(ASSIGNMENT, solved_answers(ASSIGNMENT)), folder / "convolution.ipynb"
            )
        with first.logged("benchmark.log"):
            for room in rooms.values():  # imports, canary and zygote come before
                grade(room, students[0])
            taken = {name: [grade(room, s) for s in students] for name, room in rooms.items()}
            for name, room in rooms.items():
                sandbox = room.config.ContainedProvisioner.sandbox
                taken[f"  {name}: kernel alone"] = [alone(sandbox) for _ in students]
            unshared = memory()
    print(f"{submissions} submissions of {ASSIGNMENT}, medians")
    print(f"{'kernels':<32} {'CPU s':>7} {'wall s':>7}")
    for name, measured in taken.items():
        used, passed = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"{name:<32} {used:7.2f} {passed:7.2f}")
    print(
        f"zygote, once: {zygotes():.1f} CPU s; memory of one kernel more: {unshared / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
