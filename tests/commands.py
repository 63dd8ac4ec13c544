"""Commands that one process runs, each in a fork of its own: most take seconds only to start."""

import json
import os
import subprocess
import sys
from pathlib import Path

from autograder import ROOT

FORKING = """
import json
import os
import sys

import autograder.judge.preprocessors
from autograder.cli import app
from jupytext.cli import jupytext
from nbgrader.apps import NbGraderApp

programs = {"course": app, "jupytext": jupytext, "nbgrader": NbGraderApp.launch_instance}
for line in sys.stdin:
    (program, *arguments), output = json.loads(line)
    if not (child := os.fork()):
        for stream, path in enumerate([os.devnull, output, output]):
            os.dup2(os.open(path, os.O_RDWR | os.O_APPEND), stream)
        sys.argv[:] = [program, *arguments]
        sys.exit(programs[program](arguments))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Commands:
    """Runs `course`, `jupytext` and stock `nbgrader` as from the command line.

    place: a folder for what they print; course: the root of the course, where they run.
    """

    def __init__(self, place: Path, course: Path = ROOT):
        self.output = place / "printed.txt"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("NBGRADER")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKING], cwd=course,
            env=environment | {"PYTHONPATH": str(course)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __call__(self, *command: str, check: bool = True) -> str:
        """What `command` prints, on both streams; check: it has to succeed."""
        self.output.write_text("")
        print(json.dumps([command, str(self.output)]), file=self.process.stdin, flush=True)
        status = int(self.process.stdout.readline())
        printed = self.output.read_text(encoding="utf-8")
        assert not check or status == 0, printed[-6000:]
        return printed

    def close(self) -> None:
        self.process.communicate()


def options(place: Path, *folders: str) -> list[str]:
    """What tells nbgrader that a class lies in `place`: these folders, the gradebook, the key."""
    return [
        *(f"--CourseDirectory.{name}_directory={place / name}" for name in folders),
        f"--CourseDirectory.db_url=sqlite:///{place / 'gradebook.db'}",
        f"--Arm.key_file={place / 'course.key'}",
    ]
