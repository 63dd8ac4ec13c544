"""What the course asks of the sandbox: what must be out of a notebook's reach, and when to stop."""

import os
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder import ROOT, CourseError
from autograder.kernels import canary, sandbox
from autograder.kernels.provisioner import ContainedProvisioner

__all__ = [
    "SWITCH",
    "UNCONTAINED",
    "WARNING",
    "asked_to_give_up",
    "ensure",
    "given_up",
    "look",
    "secrets",
]

SWITCH = "COURSE_NO_SANDBOX"
"""Environment variable that gives the sandbox up, for the stock commands and formgrader too."""

UNCONTAINED = "Graded without a sandbox: the notebook ran with the rights of whoever graded it."

WARNING = "submissions run with your own rights: they can read and change what you can."


def given_up(config: Config) -> bool:
    """Whether notebooks run with the rights of whoever grades them."""
    return not ContainedProvisioner(config=config).contained


def secrets(config: Config) -> list[Path]:
    """What no submission may see: the course, its solutions, all submissions and marks, the key."""
    coursedir = CourseDirectory(config=config)
    kinds = ("submitted", "autograded", "feedback")
    folders = [Path(getattr(coursedir, f"{kind}_directory")) for kind in kinds]
    marks = [Path(coursedir.db_url.removeprefix("sqlite:///"))]
    key = Path(config.Arm.get("key_file", ROOT / "autograder" / "course.key"))
    course = [ROOT / name for name in ("solutions", "autograder", "tests", "course.toml", ".git")]
    every = [path if path.is_absolute() else ROOT / path for path in [*folders, *marks, key]]
    return [path for path in course + every if path.exists()]


def look(config: Config) -> None:
    """Raise CourseError where there should be a sandbox and none can be built."""
    if not given_up(config) and (trouble := sandbox.trouble()):
        raise CourseError(
            f"Nothing is graded without a sandbox. {trouble} To go without one, knowing that "
            f"submissions then have your rights: --no-sandbox, or {SWITCH}=1 in the environment."
        )


def ensure(config: Config) -> bool:
    """See to it that submissions are contained, by a kernel that tries to get out.

    Returns False if the sandbox was given up, or is none on this system. Raises CourseError where
    there should be one and there is none.
    """
    if given_up(config):
        return False
    look(config)
    try:
        canary.prove(config, secrets(config))
    except canary.NotContained as error:
        raise CourseError(str(error)) from error
    except Exception as error:
        raise CourseError(
            f"Nothing is graded: the kernel sent to prove the sandbox did not come back. {error}"
        ) from error
    return True


def asked_to_give_up() -> bool:
    """Whether the environment says so."""
    return os.environ.get(SWITCH, "") not in ("", "0")
