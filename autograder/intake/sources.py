"""Notebooks in whatever people hand over: files, folders, archives, exports of learning platforms.

Nothing is unpacked to disk. Archives are untrusted: links, paths that lead out of them, encrypted
members and anything too large are named and left alone.
"""

import io
import os
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder import CourseError
from autograder.intake.repair import MOST_BYTES

MOST_MEMBERS = 50_000
MOST_TOTAL = 4_000_000_000  # bytes read of one archive, its inner archives included
MOST_RATIO = 500  # a notebook shrinks to a tenth, a bomb to a thousandth
DEEPEST = 3  # archives in archives: a class in a term in a backup
IGNORED = ("__MACOSX", ".ipynb_checkpoints", ".git", "__pycache__")


@dataclass
class Arrival:
    """One notebook as it arrived, or why it could not be read.

    where: the path in what was handed over, for people; when: seconds, as the archive or the file
    system has it; problem: in words, and then there is no content.
    """

    where: PurePosixPath
    content: bytes = b""
    when: float = 0.0
    problem: str = ""


def arrivals(path: Path) -> Iterator[Arrival]:
    """Every notebook in a file or a folder, archives included.

    Raises CourseError when there is nothing at that path.
    """
    if not path.exists():
        raise CourseError(f"There is nothing at {path}.")
    if path.is_file():
        yield from _file(path, PurePosixPath(path.name))
        return
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if name not in IGNORED)
        for name in sorted(files):
            file = Path(folder) / name
            yield from _file(file, PurePosixPath(path.name) / file.relative_to(path).as_posix())


def _file(path: Path, where: PurePosixPath) -> Iterator[Arrival]:
    kind = path.suffix.lower()
    if kind not in (".ipynb", ".zip") or path.name.startswith("._"):
        return
    if path.is_symlink():
        yield Arrival(where, problem="is a link, which is not followed")
        return
    try:
        if kind == ".zip":
            with path.open("rb") as file:
                yield from _archive(file, where, _Budget(), depth=1)
        elif path.stat().st_size > MOST_BYTES:
            yield Arrival(where, problem=f"is larger than {MOST_BYTES // 1_000_000} MB")
        else:
            yield Arrival(where, path.read_bytes(), path.stat().st_mtime)
    except OSError as error:
        yield Arrival(where, problem=f"cannot be read ({error.strerror})")


@dataclass
class _Budget:
    """What may still be read of an archive."""

    left: int = MOST_TOTAL
    members: int = MOST_MEMBERS


def _archive(file, where: PurePosixPath, budget: _Budget, depth: int) -> Iterator[Arrival]:
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                budget.members -= 1
                if budget.members < 0:
                    yield Arrival(where, problem=f"has over {MOST_MEMBERS} files")
                    return
                yield from _member(archive, member, where, budget, depth)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError) as error:
        yield Arrival(where, problem=f"is not an archive that can be read ({error})")


def _member(archive, member, where, budget, depth) -> Iterator[Arrival]:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    inside = where / name.name if name.is_absolute() or ".." in name.parts else where / name
    kind = name.suffix.lower()
    ignored = any(part in IGNORED for part in name.parts) or name.name.startswith("._")
    if member.is_dir() or ignored or kind not in (".ipynb", ".zip"):
        return
    most = MOST_BYTES if kind == ".ipynb" else MOST_TOTAL
    if name.is_absolute() or ".." in name.parts:
        problem = "has a path that leads out of the archive"
    elif stat.S_ISLNK(member.external_attr >> 16):
        problem = "is a link, which is not followed"
    elif member.flag_bits & 1:
        problem = "is encrypted"
    elif member.file_size > min(most, budget.left):
        problem = "is too large"
    elif member.file_size > MOST_RATIO * max(member.compress_size, 1_000):
        problem = "is compressed so much that it looks like a bomb"
    elif kind == ".zip" and depth == DEEPEST:
        problem = f"is the {DEEPEST + 1}th archive inside another, too deep to be looked into"
    else:
        problem = ""
    if problem:
        yield Arrival(inside, problem=problem)
        return
    try:
        with archive.open(member) as opened:  # sizes may be lies: never read more than was promised
            content = opened.read(member.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        yield Arrival(inside, problem=f"is damaged ({error})")
        return
    budget.left -= len(content)
    if kind == ".zip":
        yield from _archive(io.BytesIO(content), inside, budget, depth + 1)
    else:
        yield Arrival(inside, content, _when(member))


def _when(member: zipfile.ZipInfo) -> float:
    try:
        return time.mktime((*member.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0
