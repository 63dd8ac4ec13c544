"""Seeds nobody can prepare for, yet the same on every route and every time."""

import hashlib
import hmac
import json
import os
from pathlib import Path


def course_key(path: str | os.PathLike) -> bytes:
    """The course's secret key, created with mode 0600 when there is none yet.

    Keep it: with another key, grading the same submission again asks other questions. Raises
    ValueError if the file holds no key.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(os.urandom(32).hex() + "\n")
    except FileExistsError:
        pass
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if len(key) < 32:
        raise ValueError(f"{path} does not hold the course key (64 hexadecimal digits); restore it")
    return key


def submission_key(key: bytes, student: str, assignment: str) -> bytes:
    """A key for the questions to one submission, which says nothing about any other."""
    return hmac.new(key, json.dumps([student, assignment]).encode(), hashlib.sha256).digest()


def seed_for(key: bytes, *about: str | list[str]) -> list[int]:
    """A seed for numpy from a key and what it is about (exercise, answers, ...)."""
    digest = hmac.new(key, json.dumps(about).encode(), hashlib.sha256).digest()
    return [int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4)]
