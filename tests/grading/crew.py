"""Work for tests of the cluster. Workers import it by its path: tests are no package."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """Something to do. what: "pass", "raise", "die", "die once", "freeze"; mark: a file."""

    name: str
    what: str = "pass"
    mark: str = ""


def do(task: Task) -> tuple[str, int]:
    """Do it. Gives the name, and the process that did it."""
    time.sleep(0.05)
    if task.what == "raise":
        raise ValueError(task.name)
    first = not os.path.exists(task.mark)
    if task.mark:
        Path(task.mark).touch()
    if task.what == "die" or (task.what == "die once" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    if task.what == "freeze" and first:
        os.kill(os.getpid(), signal.SIGSTOP)
    return task.name, os.getpid()
