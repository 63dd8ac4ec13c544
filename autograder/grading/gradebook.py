"""The gradebook before and during a run: one writer, a copy of what was there, plain words."""

import datetime
import errno
import fcntl
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
)

from autograder import CourseError
from autograder.classroom import Classroom

__all__ = ["alone", "fault", "ready"]

COPIES = 5
"""So many copies of an SQLite gradebook are kept, one from before each run."""

PATIENCE = 60
"""Seconds to wait for another process to let go of an SQLite gradebook."""

_THEIRS = (IntegrityError, DataError, ProgrammingError)  # what a submission's content can cause
_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_OURS = _FULL | _REFUSED | {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


@contextmanager
def alone(room: Classroom) -> Iterator[None]:
    """See to it that no other `course grade` works on this gradebook. Raises CourseError."""
    with _lock(room.place / "grading.lock"), _lock_of_server(room):
        yield


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Held by this process as long as it lives, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise CourseError(fault(error, str(path.parent)) or f"{path}: {error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise CourseError(
                f"This class is being graded already ({file.read().strip()}). Wait until that has "
                "ended, or stop it with Ctrl-C: nothing is lost."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


@contextmanager
def _lock_of_server(room: Classroom) -> Iterator[None]:
    """The same for graders on several machines that share a PostgreSQL database."""
    if not room.coursedir.db_url.startswith("postgresql"):
        yield
        return
    engine = sqlalchemy.create_engine(room.coursedir.db_url)
    try:
        with engine.connect() as connection:
            key = sqlalchemy.text("SELECT pg_try_advisory_lock(hashtext('course grade'))")
            if not connection.scalar(key):
                raise CourseError("This gradebook is being graded into already, from elsewhere.")
            connection.commit()
            yield
    except DBAPIError as error:
        raise CourseError(fault(error, room.gradebook_words) or str(error)) from error
    finally:
        engine.dispose()


def ready(room: Classroom) -> None:
    """Make the gradebook if there is none; check it, and keep a copy of it as it is now.

    SQLite is set to write-ahead logging, so that formgrader can read while marks are entered.
    Raises CourseError when it is damaged or cannot be written to.
    """
    try:
        path = room.gradebook_file
        if path is not None and path.exists() and path.stat().st_size:
            with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
                [said] = database.execute("PRAGMA quick_check(1)").fetchone()
                if said != "ok":
                    raise sqlite3.DatabaseError(f"malformed: {said}")
                _keep_copy(database, room)
                [version] = database.execute("PRAGMA user_version").fetchone()
                database.execute(f"PRAGMA user_version = {version}")  # can it be written to?
        with room.gradebook():
            pass
        if path is not None:
            with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
                database.execute("PRAGMA journal_mode=WAL")
    except (sqlite3.Error, DBAPIError, OSError) as error:
        said = fault(error, room.gradebook_words)
        raise CourseError(said or f"{room.gradebook_words}: {error}") from error


def _keep_copy(database: sqlite3.Connection, room: Classroom) -> None:
    folder = room.place / "backups"
    folder.mkdir(exist_ok=True)
    now = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    new = folder / f"gradebook-{now}.new"
    try:
        with closing(sqlite3.connect(new)) as copy:
            database.backup(copy)
        new.replace(new.with_suffix(".db"))
    finally:
        new.unlink(missing_ok=True)
    for old in sorted(folder.glob("gradebook-*.db"))[:-COPIES]:
        old.unlink()


def fault(error: BaseException, gradebook: str) -> str:
    """What to do about an error that is no submission's fault; nothing for any other.

    gradebook: where it is, in words.
    """
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in chain:
        chain.append(found)
        found = found.__cause__ or found.__context__
    for link in chain:
        if isinstance(link, OSError) and link.errno in _OURS:
            where = link.filename or gradebook
            if link.errno in _FULL:
                return f"The disk is full ({where}). Make room, then run course grade again."
            return f"The system refuses ({link.strerror}: {where}). See to it, then run it again."
        if isinstance(link, DatabaseError | sqlite3.Error) and not isinstance(link, _THEIRS):
            return _fault_of_database(str(getattr(link, "orig", None) or link), gradebook)
    return ""


def _fault_of_database(said: str, gradebook: str) -> str:
    first = (said.strip().splitlines() or ["no reason given"])[0]
    if "disk is full" in said:
        return f"The disk is full ({gradebook}). Make room, then run course grade again."
    if "disk I/O error" in said:  # also where there is no room for a file beside it
        return (
            f"The disk is full, or fails ({gradebook}: {first}). Make room, or see to the disk; "
            "then run course grade again."
        )
    if "readonly" in said or "unable to open" in said:
        return (
            f"The gradebook cannot be written to ({gradebook}: {first}). Whose is it, and is the "
            "disk mounted read-only? Then run course grade again."
        )
    if "malformed" in said or "not a database" in said:
        return (
            f"The gradebook is damaged ({gradebook}: {first}). Nothing was changed. Copies from "
            "before earlier runs are in backups/ beside it: move it away, with the files of its "
            "name that end in -wal and -shm, put the latest copy in its place, and run course "
            "grade --force, which enters what is newer than the copy."
        )
    return (
        f"The gradebook does not answer ({gradebook}: {first}). See who uses it, or whether it "
        "runs; then run course grade again."
    )
