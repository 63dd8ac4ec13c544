"""What a worker does with one submission: arm it, run it, judge it. It takes bytes and gives bytes.

A worker needs the course and a sandbox, and no disk, database or key that it shares with the
grader. What it is told is only about the submission in hand.
"""

import functools
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from traitlets.config import Config
from traitlets.log import get_logger

from autograder import ROOT, CourseError, containment
from autograder.configuration import course_config
from autograder.grading.cluster import Again
from autograder.grading.gradebook import fault
from autograder.judge.preprocessors import Arm, Execute, Judge, SandboxLost
from autograder.kernels.provisioner import NoSandbox

__all__ = ["Examined", "Job", "course", "examine"]


@dataclass(frozen=True)
class Job:
    """One submission on its way to a worker.

    notebooks: their texts by name, sanitised; beside: the other files handed in; key: for the
    questions to this submission; settings: what the grader's configuration says about execution;
    walls: whether it may run in a sandbox only; course: which course it is, see :func:`course`.
    """

    student: str
    assignment: str
    notebooks: dict[str, str]
    beside: dict[str, bytes]
    key: bytes
    settings: dict
    walls: bool
    course: str

    @property
    def name(self) -> str:
        """What it is called in words."""
        return f"{self.assignment} of {self.student}"


@dataclass
class Examined:
    """What came of it.

    notebooks: judged, by name; contained: whether all ran in a sandbox; seconds, cpu: time passed,
    and used by the worker, the kernel and all that the kernel started; memory: MB of the largest
    process; log: what is to be logged; error: what kept it from being judged, type and text;
    refused: why this worker cannot judge anything.
    """

    notebooks: dict[str, str] = field(default_factory=dict)
    contained: bool = True
    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    log: list[tuple[int, str]] = field(default_factory=list)
    error: tuple[str, str] | None = None
    refused: str = ""


@functools.cache
def course() -> str:
    """A fingerprint of the code that decides marks: grader and workers must have the same."""
    hashed = hashlib.sha256()
    for package in ("autograder", "helpers"):
        for path in _modules(ROOT / package):
            hashed.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return hashed.hexdigest()


def _modules(package: Path) -> Iterator[Path]:
    """The files of a package and of those below it; a folder of submissions is none."""
    yield from sorted(package.glob("*.py"))
    for folder in sorted(package.iterdir()):
        if (folder / "__init__.py").is_file():
            yield from _modules(folder)


def examine(job: Job) -> Examined:
    """Arm, run and judge a submission. Whatever is wrong with it is in the result.

    Raises Again if its sandbox was killed from outside.
    """
    done = Examined()
    if job.course != course():
        done.refused = "its course is another version than the grader's: update it, restart it"
        return done
    began, used = time.monotonic(), time.process_time()
    try:
        config = course_config()
        config.merge(Config(job.settings))
        if job.walls and containment.given_up(config):
            done.refused = "a worker cannot contain notebooks: it needs Linux, or --no-sandbox"
            return done
        with _logged(done.log), tempfile.TemporaryDirectory(prefix="submission-") as folder:
            for name, content in job.beside.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            for name, text in job.notebooks.items():
                _examine(job, name, text, folder, config, done)
    except SandboxLost as error:
        raise Again(str(error)) from error
    except (CourseError, NoSandbox) as error:
        done.refused = str(error)
    except Exception as error:
        done.refused = fault(error, "a worker's disk")
        done.error = type(error).__name__, str(error)
    done.seconds = time.monotonic() - began
    done.cpu += time.process_time() - used
    return done


def _examine(job: Job, name: str, text: str, folder: str, config: Config, done: Examined) -> None:
    """Arm, run and judge one notebook, as nbgrader would."""
    about = {"student": job.student, "assignment": job.assignment, "notebook": Path(name).stem}
    resources = {"nbgrader": about, "metadata": {"path": folder}, "convnets_key": job.key}
    nb = nbformat.reads(text, as_version=4)
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    try:
        for step in (Arm, Execute, Judge):
            nb, resources = step(config=config).preprocess(nb, resources)
    finally:
        os.environ.pop("NBGRADER_EXECUTION", None)
    done.notebooks[name] = nbformat.writes(nb)
    done.contained &= resources["convnets_contained"]
    done.cpu += resources["convnets_cpu"]
    done.memory = max(done.memory, resources["convnets_memory"])


class _Lines(logging.Handler):
    def __init__(self, lines: list[tuple[int, str]]):
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelno, record.getMessage()))


@contextmanager
def _logged(lines: list[tuple[int, str]]) -> Iterator[None]:
    """Collect warnings: they are for the grader's log."""
    handler = _Lines(lines)
    get_logger().addHandler(handler)
    try:
        yield
    finally:
        get_logger().removeHandler(handler)
