"""`course doctor`: what of this machine works for the course, and what to do about the rest."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from rich.markup import escape
from rich.table import Table

from autograder import ROOT, containment
from autograder.addresses import BadCourseFile, load
from autograder.kernels import cgroup, sandbox

__all__ = ["Finding", "examine", "table"]

State = Literal["ok", "note", "problem"]
SET_UP = "Run make setup."


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    state: "problem" when grading is impossible, "note" when something less is; detail: what was
    found; advice: what to do, empty when nothing needs doing.
    """

    part: str
    state: State
    detail: str
    advice: str = ""

    @property
    def fatal(self) -> bool:
        """Whether grading is impossible."""
        return self.state == "problem"


def examine(root: Path = ROOT) -> list[Finding]:
    """Look at everything the course at `root` needs. A check that itself fails is a problem."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings.extend(check(root))
        except Exception as error:
            part = check.__name__.removeprefix("_").replace("_", " ")
            findings.append(Finding(part, "problem", _sentence(error), "Please report this."))
    return findings


def table(findings: list[Finding]) -> Table:
    """The findings, for the terminal."""
    marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "problem": "[red]problem[/]"}
    grid = Table(title="course doctor", title_justify="left")
    for heading in ("Part", "State", "Found", "What to do"):
        grid.add_column(heading, overflow="fold")
    for finding in findings:
        grid.add_row(
            finding.part, marks[finding.state], escape(finding.detail), escape(finding.advice)
        )
    return grid


def _python(root: Path) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", "ok", f"{version}, {sys.prefix}")


def _torch(root: Path) -> Iterator[Finding]:
    """Imports both in earnest: a mismatched pair installs but does not run."""
    try:
        torch = importlib.import_module("torch")
        float(torch.ones(2).sum())
    except Exception as error:
        yield Finding("torch", "problem", _sentence(error), SET_UP)
        return
    yield Finding("torch", "ok", torch.__version__)

    try:
        torchvision = importlib.import_module("torchvision")
    except Exception as error:
        yield Finding("torchvision", "problem", _sentence(error), SET_UP)
        return
    needed = _torch_needed_by_torchvision()
    if needed and needed != torch.__version__.split("+")[0]:
        detail = (
            f"{torchvision.__version__} is made for torch {needed}, here is {torch.__version__}"
        )
        yield Finding("torchvision", "problem", detail, SET_UP)
    else:
        yield Finding("torchvision", "ok", torchvision.__version__)


def _gpu(root: Path) -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding("GPU", "ok", torch.cuda.get_device_name())
    elif torch.backends.mps.is_available():
        yield Finding("GPU", "ok", "Apple silicon (mps)")
    elif shutil.which("nvidia-smi"):
        yield Finding(
            "GPU",
            "note",
            "an NVIDIA driver is here, but torch cannot use it",
            "Nothing needs it. Otherwise compare nvidia-smi's CUDA version with torch's "
            f"({torch.version.cuda or 'a CPU build'}).",
        )
    else:
        yield Finding("GPU", "ok", "none; nothing needs one")


def _jupyter(root: Path) -> Iterator[Finding]:
    pinned = _pinned(root)
    yield _package("nbgrader", "nbgrader", "problem", pinned)
    yield _package("nbclient", "nbclient", "problem", pinned)
    yield _package("jupytext", "jupytext", "note", pinned, "Without it nothing can be released. ")
    yield _package(
        "jupyterlab", "JupyterLab", "note", pinned, "Without it there is no formgrader. "
    )


def _git(root: Path) -> Iterator[Finding]:
    if not shutil.which("git"):
        yield Finding("git", "note", "missing", "Needed to publish; install it (apt install git).")
        return
    yield Finding("git", "ok", _output("git", "--version").removeprefix("git version "))


def _sandbox(root: Path) -> Iterator[Finding]:
    """Builds one, since having the program says nothing about being allowed to use it."""
    part = "sandbox"
    if trouble := sandbox.trouble():
        if containment.asked_to_give_up():
            detail = f"given up by {containment.SWITCH}: {containment.WARNING}"
            yield Finding(part, "note", detail, trouble)
        else:
            linux = sys.platform.startswith("linux")
            without = "nothing is graded without --no-sandbox" if linux else containment.WARNING
            yield Finding(part, "note", f"none: {without}", trouble)
        return
    version = _output("bwrap", "--version")
    kinds = {limit for limits in cgroup.parents().values() for limit in limits}
    if {"memory", "pids"} <= kinds:
        yield Finding(part, "ok", f"{version}, with limits for all of a notebook's processes")
    else:
        detail = f"{version}; memory is limited for each process, not for all of a notebook's"
        yield Finding(part, "ok", detail)
    if containment.asked_to_give_up():
        detail = f"{containment.SWITCH} is set: {containment.WARNING}"
        yield Finding(part, "note", detail, "Unset it.")


def _course_file(root: Path) -> Iterator[Finding]:
    try:
        addresses = load(root / "course.toml")
    except BadCourseFile as error:
        yield Finding("course.toml", "problem", str(error), "Correct that line.")
        return
    if addresses.is_placeholder:
        yield Finding(
            "course.toml",
            "note",
            f"still names {addresses.url}",
            "Name your student repository before you release.",
        )
    else:
        yield Finding("course.toml", "ok", addresses.url)


def _gradebook(root: Path) -> Iterator[Finding]:
    folder = root / "autograder"
    database = folder / "gradebook.db"
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield Finding("gradebook", "problem", _sentence(error), f"Make {folder} writable.")
        return
    if not database.exists():
        yield Finding("gradebook", "ok", "none yet; grading creates it")
    elif os.access(database, os.R_OK | os.W_OK):
        yield Finding("gradebook", "ok", str(database.relative_to(root)))
    else:
        yield Finding("gradebook", "problem", "cannot be written", f"Make {database} writable.")


def _course_key(root: Path) -> Iterator[Finding]:
    """The key hidden inputs are drawn from: created by grading, which then needs the same one."""
    key, part = root / "autograder" / "course.key", "course key"
    if not key.exists():
        if (root / "autograder" / "gradebook.db").exists():
            yield Finding(
                part,
                "note",
                "missing, though there is a gradebook",
                f"Restore {key} from your backup; with a new one, regrading draws other inputs.",
            )
        else:
            yield Finding(part, "ok", "none yet; grading creates it")
        return
    from autograder.judge.keys import course_key

    try:
        course_key(key)
    except (OSError, ValueError) as error:
        yield Finding(part, "problem", _sentence(error), f"Restore {key} from your backup.")
        return
    if os.name == "posix" and key.stat().st_mode & 0o077:
        yield Finding(part, "note", "others can read it", f"chmod 600 {key}")
    else:
        yield Finding(part, "ok", "present; keep a backup outside git")


CHECKS: tuple[Callable[[Path], Iterator[Finding]], ...] = (
    _python,
    _torch,
    _gpu,
    _jupyter,
    _git,
    _sandbox,
    _course_file,
    _gradebook,
    _course_key,
)


def _package(
    name: str, part: str, missing: State, pinned: dict[str, set[str]], advice: str = ""
) -> Finding:
    """Import a package and compare its version with the lock's."""
    try:
        importlib.import_module(name)
        version = metadata.version(name)
    except Exception as error:
        return Finding(part, missing, _sentence(error), advice + SET_UP)
    expected = pinned.get(name, {version})
    if version not in expected:
        detail = f"{version}; the lock says {' or '.join(sorted(expected))}"
        return Finding(part, "note", detail, SET_UP)
    return Finding(part, "ok", version)


def _pinned(root: Path) -> dict[str, set[str]]:
    """Versions in requirements.lock by package; more than one where they differ by Python."""
    versions: dict[str, set[str]] = {}
    lock = root / "requirements.lock"
    if lock.exists():
        for name, version in re.findall(
            r"^([a-z0-9-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE
        ):
            versions.setdefault(name, set()).add(version)
    return versions


def _torch_needed_by_torchvision() -> str | None:
    """The torch version the installed torchvision was compiled for, if it says."""
    for requirement in metadata.requires("torchvision") or []:
        if match := re.match(r"torch\s*\(?==\s*([\d.]+)", requirement):
            return match[1]
    return None


def _output(*command: str) -> str:
    """What a program prints."""
    return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()


def _sentence(error: BaseException) -> str:
    """The first line of an error, with its type."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
