"""The same class graded four ways has the same marks, cell by cell.

Stock `nbgrader autograde`; `course grade` on this machine; again; and `course grade` with workers
that were started by themselves, one of which is cut off on the way, into a PostgreSQL database.
"""

import datetime
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import sqlalchemy
from nbgrader.coursedir import CourseDirectory

from autograder import ROOT, grading
from autograder.classroom import FAILED, Classroom
from autograder.grading import cluster
from autograder.sample.members import members

from ..commands import options

ASSIGNMENT = "01_convolution"
CLASS = ("perfect", "mistakes-02", "borrows", "exits", "not-json")
DUE = datetime.datetime(2026, 1, 31, 12)
LATE = "2026-02-01 12:00:00.000000 UTC"
pytestmark = pytest.mark.slow


def hand_in(place):
    room = Classroom(place)
    for member in members(ASSIGNMENT):
        if member.name in CLASS:
            folder = room.folder("submitted", member.name, ASSIGNMENT)
            member.hand_in(folder, ASSIGNMENT)
    late = room.folder("submitted", "perfect", ASSIGNMENT) / "timestamp.txt"
    late.write_text(LATE, encoding="utf-8")
    (place / "course.key").write_text("cd" * 32 + "\n", encoding="ascii")
    return room


def register(room):
    grading.register(room, ASSIGNMENT)
    with room.gradebook() as book:
        book.update_or_create_assignment(ASSIGNMENT, duedate=DUE)


def marks(room):
    """Everything the gradebook says about everybody's cells."""
    found = {}
    with room.gradebook() as book:
        for student in book.students:
            submission = book.find_submission(ASSIGNMENT, student.id)
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    found[student.id, grade.name] = (
                        grade.auto_score, grade.manual_score, grade.extra_credit,
                        grade.needs_manual_grade, grade.max_score, grade.failed_tests,
                    )  # fmt: skip
                for comment in notebook.comments:
                    found[student.id, "about " + comment.name] = comment.auto_comment
            late = submission.late_submission_penalty, submission.total_seconds_late
            total = round(submission.score, 6)  # the database adds up in any order
            found[student.id, "all"] = total, submission.max_score, *late
    return found


def verdicts(room):
    return {name: room.verdicts(name, ASSIGNMENT) for name in CLASS}


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """The class as nbgrader alone grades it."""
    room = hand_in(tmp_path_factory.mktemp("stock"))
    register(room)
    where = options(room.place, "submitted", "autograded", "feedback")
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT, *where],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    return room


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The class as `course grade` grades it, two at a time."""
    room = hand_in(tmp_path_factory.mktemp("local"))
    register(room)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(cluster.SCHEDULER, raising=False)
        grading.grade(room, jobs=2)
    return room


def differing(one, other):
    return {
        key: (one.get(key), other.get(key)) for key in one | other if one.get(key) != other.get(key)
    }


def test_stock_and_course_grade_give_the_same_marks(stock, local):
    found = marks(stock)
    assert found["perfect", "all"] == (27, 30, 0, 86400)
    assert len(found) > 100
    assert differing(found, marks(local)) == {}
    assert verdicts(stock) == verdicts(local)


def test_grading_again_gives_the_same_marks(local, worker_here):
    before, said = marks(local), verdicts(local)
    grading.grade(local, force=True)
    assert differing(before, marks(local)) == {}
    assert verdicts(local) == said


# A cluster and a database of their own ------------------------------------------------------


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def postgres_programs():
    """The newest folder of PostgreSQL's programs, as Debian and others install them."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    return found[-1] if found else None


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """The URL of an empty database; its server refuses to run as root."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    # A socket's path has at most 107 characters.
    place = Path("/tmp") / f"postgres-{os.getpid()}"
    place.mkdir(mode=0o700)
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        shutil.chown(place, user)
    options = {"user": user, "cwd": place, "stdout": subprocess.DEVNULL}
    subprocess.run(
        [programs / "initdb", "-D", place / "data", "-A", "trust", "-U", "course", "-N"],
        check=True, **options,
    )  # fmt: skip
    port = free_port()
    server = subprocess.Popen(
        [programs / "postgres", "-D", place / "data", "-k", place, "-p", str(port),
         "-h", "127.0.0.1"],
        stderr=subprocess.DEVNULL, **options,
    )  # fmt: skip
    try:
        url = f"postgresql+psycopg2://course:secret@127.0.0.1:{port}/postgres"
        engine = sqlalchemy.create_engine(url)
        for _ in range(300):
            try:
                engine.connect().close()
                break
            except sqlalchemy.exc.OperationalError:
                time.sleep(0.1)
        yield url
        engine.dispose()
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(30)
        shutil.rmtree(place)


@contextmanager
def programs(environment, *commands):
    options = {"cwd": ROOT, "env": os.environ | environment}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen(command, **options, **quiet) for command in commands]
    try:
        yield started
    finally:
        for program in started:
            for process in psutil.Process(program.pid).children(recursive=True):
                process.kill()
            program.kill()
            program.wait()


def test_workers_elsewhere_and_a_database_give_the_same_marks(postgres, local, tmp_path, capfd):
    """One worker is killed as soon as a submission is done; nothing starts it again."""
    room = hand_in(tmp_path)
    room.config.CourseDirectory.db_url = postgres
    room.coursedir = CourseDirectory(config=room.config)
    register(room)
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = [sys.executable, "-m", "distributed.cli.dask_"]
    environment = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    schedule = [*dask[:2], dask[2] + "scheduler", "--port", address.rpartition(":")[2],
                "--host", "127.0.0.1", "--no-dashboard"]  # fmt: skip
    work = [*dask[:2], dask[2] + "worker", address, "--nthreads", "1", "--no-dashboard",
            "--no-nanny", "--local-directory", str(tmp_path)]  # fmt: skip
    with programs(environment, schedule, work, work) as (_, doomed, _):
        keep, killed = room.keep_record, []

        def kill_first(assignment, record):
            keep(assignment, record)
            if not killed and record.status != FAILED:
                killed.append(record.student)
                doomed.kill()

        room.keep_record = kill_first
        records = grading.grade(room, scheduler=address)[ASSIGNMENT]
    assert len(records) == len(CLASS)
    assert killed
    assert differing(marks(local), marks(room)) == {}
    assert verdicts(room) == verdicts(local)
    assert [event for event in room.events(ASSIGNMENT) if event["event"] == "lost"]
    assert "secret" not in capfd.readouterr().out + room.gradebook_words


def test_two_graders_of_one_database_send_each_other_away(postgres, tmp_path):
    rooms = [Classroom(tmp_path / name) for name in ("one", "two")]
    for room in rooms:
        room.config.CourseDirectory.db_url = postgres
        room.coursedir = CourseDirectory(config=room.config)
    with (
        grading.gradebook.alone(rooms[0]),
        pytest.raises(grading.CourseError, match="graded into already"),
        grading.gradebook.alone(rooms[1]),
    ):
        pass


def test_a_database_that_is_gone_is_said_without_its_password(tmp_path):
    room = Classroom(tmp_path)
    url = f"postgresql+psycopg2://course:secret@127.0.0.1:{free_port()}/postgres"
    room.config.CourseDirectory.db_url = url
    room.coursedir = CourseDirectory(config=room.config)
    room.folder("submitted", "ann", ASSIGNMENT).mkdir(parents=True)
    with pytest.raises(grading.CourseError, match="does not answer") as caught:
        grading.grade(room)
    assert "secret" not in str(caught.value)
