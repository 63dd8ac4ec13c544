"""The instructor's side of the course: releasing, grading, reporting. Never shipped to students."""

from pathlib import Path

__all__ = ["ROOT", "CourseError"]

ROOT = Path(__file__).resolve().parent.parent
"""The root of the course repository."""


class CourseError(Exception):
    """Something the person at the keyboard can mend; its text says what is wrong and what to do.

    The `course` command prints the text without a traceback and exits with status 1.
    """
