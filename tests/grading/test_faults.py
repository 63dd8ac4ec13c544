"""What breaks while a class is graded costs no recorded mark, and the message says what to do."""

import errno
import fcntl
import json
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import nbformat
import psutil
import pytest
from nbformat import v4

from autograder import ROOT, CourseError, grading
from autograder.classroom import FAILED, GRADED, Classroom
from autograder.grading import cluster, gradebook
from autograder.judge.preprocessors import Arm, SandboxLost
from autograder.kernels import provisioner
from autograder.sample.submissions import solved_answers, submission

ASSIGNMENT, NAME = "01_convolution", "convolution.ipynb"
ANSWERS = ("conv_output_size-answer", "fits_exactly-answer")
POINTS = 3  # for these two
pytestmark = pytest.mark.slow

GRADE = """
    import sys
    from pathlib import Path
    from autograder import CourseError, grading
    from autograder.classroom import Classroom

    if __name__ == "__main__":
        try:
            grading.grade(Classroom(Path(sys.argv[1])), jobs=1)
        except CourseError as error:
            sys.exit(str(error))
"""

FILL = """
import contextlib
from autograder.classroom import Classroom

def then_fill(room, assignment, record, keep=Classroom.keep_record):
    keep(room, assignment, record)
    with contextlib.suppress(OSError), open(room.place / "filler", "ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass

Classroom.keep_record = then_fill
"""


def quick():
    """A submission with two right answers and nothing else to run, so that it is done soon."""
    right = solved_answers(ASSIGNMENT)
    nb = submission(ASSIGNMENT, {name: right[name] for name in ANSWERS})
    nb.cells = [cell for cell in nb.cells if "nbgrader" in cell.metadata]
    return nb


def hand_in(room, *students):
    for student in students:
        folder = room.folder("submitted", student, ASSIGNMENT)
        folder.mkdir(parents=True)
        nbformat.write(quick(), folder / NAME)


def graded(room):
    """Who has been graded successfully."""
    return {r.student for r in room.records(ASSIGNMENT).values() if r.status == GRADED}


def scores(room):
    return {row.student: row.score for row in room.standings(ASSIGNMENT)}


def alone():
    """The environment, without the worker of these tests."""
    return {name: value for name, value in os.environ.items() if name != cluster.SCHEDULER}


def grade_elsewhere(tmp_path, room, *before):
    """Start `course grade` in a process of its own, behind the command `before`."""
    script = tmp_path / "grade.py"
    script.write_text(textwrap.dedent(GRADE), encoding="utf-8")
    return subprocess.Popen(
        [*before, sys.executable, str(script), str(room.place)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=alone(), start_new_session=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    place = tmp_path_factory.mktemp("empty")
    room = Classroom(place)
    gradebook.ready(room)
    grading.register(room, ASSIGNMENT)
    return place


@pytest.fixture
def room(empty, tmp_path):
    return Classroom(shutil.copytree(empty, tmp_path / "room"))


def until(condition, seconds=400):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)
    return found


def test_killing_the_grader_loses_nothing_and_leaves_nobody(room, tmp_path, worker_here):
    hand_in(room, "ann", "bob", "cat")
    grader = grade_elsewhere(tmp_path, room)
    until(lambda: graded(room) or grader.poll() is not None)
    family = psutil.Process(grader.pid).children(recursive=True)
    grader.kill()
    grader.wait()
    psutil.wait_procs(family, timeout=30)
    alive = [process for process in family if process.is_running()]
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    recorded = graded(room)
    assert recorded
    before = scores(room)
    assert all(before[student] == POINTS for student in recorded)

    left = {"ann", "bob", "cat"} - {*recorded}
    assert {record.student for record in grading.grade(room)[ASSIGNMENT]} == left
    assert scores(room) == dict.fromkeys(("ann", "bob", "cat"), POINTS)


def test_what_a_killed_grader_left_half_done_is_done_again(room, worker_here, monkeypatch):
    hand_in(room, "ann")
    grading.grade(room)

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(grading.steps, "enter_marks", killed)
        with pytest.raises(KeyboardInterrupt):
            grading.grade(room, force=True)
    assert room.folder("autograded", "ann", ASSIGNMENT).is_dir()
    [row] = room.standings(ASSIGNMENT)
    assert row.status == "not graded yet"
    [record] = grading.grade(room)[ASSIGNMENT]
    assert record.status == GRADED
    assert scores(room) == {"ann": POINTS}


@pytest.mark.sandbox
def test_a_killed_sandbox_is_no_fault_of_the_submission(room, worker_here, monkeypatch, capfd):
    """The zygote is killed while a notebook runs, as the system does when memory is short."""
    hand_in(room, "ann", "bob")
    preload = tuple(provisioner.IPYKERNEL + room.config.ContainedProvisioner.preload)
    killed = []

    class Doomed(provisioner.Contained):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            if not killed:
                zygote = provisioner.zygote(preload)
                killed.append(zygote.process.pid)
                zygote.process.kill()
                zygote.process.wait()

    with monkeypatch.context() as patch:
        patch.setattr(grading.containment, "ensure", lambda config: True)
        patch.setattr(provisioner, "Contained", Doomed)
        records = grading.grade(room)[ASSIGNMENT]
    assert {record.student: record.status for record in records} == dict.fromkeys(
        ("ann", "bob"), GRADED
    )
    assert sum(record.lost for record in records) == 1
    assert scores(room) == {"ann": POINTS, "bob": POINTS}
    assert "tried again" in capfd.readouterr().out
    assert [e["again"] for e in room.events(ASSIGNMENT) if e["event"] == "lost"] == [True]


@pytest.mark.sandbox
def test_notebooks_see_what_they_import_cold_and_warm(room, worker_here):
    """Nothing of the workers' own configuration is lost under what the grader sends."""
    looks = "import helpers, os; print(os.listdir(os.path.dirname(helpers.__file__) + '/../data'))"
    for student, warm in (("ann", True), ("bob", False)):
        hand_in(room, student)
        path = room.folder("submitted", student, ASSIGNMENT) / NAME
        nb = nbformat.read(path, as_version=4)
        nb.cells.insert(0, v4.new_code_cell(looks))
        nbformat.write(nb, path)
        room.config.ContainedProvisioner.warm = warm
        [record] = grading.grade(room)[ASSIGNMENT]
        assert record.status == GRADED, record.sentence
        graded = nbformat.read(room.folder("autograded", student, ASSIGNMENT) / NAME, as_version=4)
        assert "README.md" in graded.cells[0].outputs[0].text
    assert scores(room) == {"ann": POINTS, "bob": POINTS}


def test_a_worker_without_disk_is_no_fault_of_the_submission(room, worker_here, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    hand_in(room, "ann")
    monkeypatch.setattr(Arm, "preprocess", full)
    with pytest.raises(CourseError, match=r"disk is full \(a worker's disk\).* 0 of 1 are graded"):
        grading.grade(room)
    assert room.records(ASSIGNMENT)["ann"].status == "not graded yet"


def test_odd_names_cost_nobody_else_anything(room, worker_here, capfd):
    hand_in(room, "ann", "ann ", ".old", "pipe")
    folder = room.folder("submitted", "ann", ASSIGNMENT)
    (folder / os.fsdecode(b"\xdcbung.txt")).write_text("mine", encoding="utf-8")
    (folder / "module.py").mkdir()
    os.mkfifo(room.folder("submitted", "pipe", ASSIGNMENT) / "pipe")
    strange = room.folder("submitted", os.fsdecode(b"J\xf6rg"), ASSIGNMENT)
    strange.mkdir(parents=True)
    logging.disable()  # pytest-xdist cannot send such names
    try:
        records = {record.student: record for record in grading.grade(room)[ASSIGNMENT]}
    finally:
        logging.disable(logging.NOTSET)
    assert {*records} == {"ann", "ann ", "pipe"}
    assert records["ann "].status == records["pipe"].status == FAILED
    assert "blanks" in records["ann "].detail
    assert scores(room)["ann"] == POINTS
    assert "Left alone, not named like an assignment" in capfd.readouterr().out


def test_what_was_not_judged_is_not_entered(room):
    """An unexecuted cell would get its points from nbgrader."""
    hand_in(room, "ann")
    grading.steps.prepare(room, "ann", ASSIGNMENT)
    for judged in ({}, {"other.ipynb": "{}"}):
        with pytest.raises(grading.steps.Unfit):
            grading.steps.enter_marks(room, "ann", ASSIGNMENT, judged, True)
    assert scores(room) == {"ann": None}


def test_a_grader_that_wants_walls_takes_no_worker_without(room, worker_here, monkeypatch):
    hand_in(room, "ann")
    room.config.ContainedProvisioner.sandbox = True
    monkeypatch.setattr(grading.worker.containment, "given_up", lambda config: True)
    with pytest.raises(CourseError, match="cannot contain notebooks"):
        grading.grade(room)


def test_submissions_are_no_part_of_the_course(tmp_path, monkeypatch):
    for name in ("autograder", "helpers"):
        (tmp_path / name).mkdir()
    (tmp_path / "autograder" / "judge").mkdir()
    (tmp_path / "autograder" / "judge" / "__init__.py").touch()
    monkeypatch.setattr(grading.worker, "ROOT", tmp_path)
    course = grading.worker.course.__wrapped__
    before = course()
    theirs = tmp_path / "autograder" / "submitted" / "ann" / ASSIGNMENT
    (theirs / "folder.py").mkdir(parents=True)
    (theirs / "mine.py").write_text("1", encoding="utf-8")
    (theirs / "link.py").symlink_to("nowhere")
    assert course() == before
    (tmp_path / "autograder" / "judge" / "new.py").write_text("1", encoding="utf-8")
    assert course() != before


def test_what_is_lost_again_and_again_is_set_aside(room, worker_here, monkeypatch):
    def lost(*arguments):
        raise SandboxLost

    hand_in(room, "ann")
    monkeypatch.setattr(Arm, "preprocess", lost)
    [record] = grading.grade(room)[ASSIGNMENT]
    assert (record.status, record.lost) == (FAILED, 2)
    assert "again and again" in record.sentence
    assert scores(room) == {"ann": None}


@pytest.mark.sandbox
def test_a_full_disk_stops_the_run_and_says_so(room, tmp_path):
    """A disk of its own, which somebody else fills as soon as the first submission is graded."""
    hand_in(room, "ann", "bob", "cat")
    used = sum(path.stat().st_size for path in room.place.rglob("*") if path.is_file())
    full = tmp_path / "full"
    full.mkdir()
    script = tmp_path / "grade.py"
    script.write_text(FILL + textwrap.dedent(GRADE), encoding="utf-8")
    command = (
        f"cp -r {room.place}/. {full}; {sys.executable} {script} {full}; rm {full}/filler; "
        f"{sys.executable} -c \"import sqlite3; d = sqlite3.connect('{full}/gradebook.db'); "
        f"print(d.execute('PRAGMA quick_check').fetchone(), "
        f"d.execute('SELECT sum(auto_score) FROM grade').fetchone())\""
    )
    done = subprocess.run(
        ["bwrap", "--dev-bind", "/", "/", "--size", str(used + 8_000_000), "--tmpfs", str(full),
         "--setenv", "COURSE_NO_SANDBOX", "1", "sh", "-c", command],
        cwd=ROOT, capture_output=True, text=True, timeout=500, check=False, env=alone(),
    )  # fmt: skip
    assert "The disk is full" in done.stderr, done.stderr + done.stdout
    assert "run it again for the rest" in done.stderr
    assert done.stdout.splitlines()[-1] == f"('ok',) ({POINTS}.0,)"
    assert "Traceback" not in done.stderr


@pytest.mark.sandbox
def test_a_gradebook_that_cannot_be_written_to_is_said_before_anything_runs(room, tmp_path):
    hand_in(room, "ann")
    book = str(room.gradebook_file)
    grader = grade_elsewhere(
        tmp_path, room, "bwrap", "--dev-bind", "/", "/", "--ro-bind", book, book
    )
    said = grader.communicate(timeout=500)[0]
    assert grader.returncode == 1
    assert "cannot be written to" in said
    assert room.records(ASSIGNMENT) == {}


@pytest.mark.parametrize("damage", ["header", "middle"])
def test_a_damaged_gradebook_is_said_and_left_alone(room, worker_here, damage):
    hand_in(room, "ann")
    grading.grade(room)
    gradebook.ready(room)  # as another run would, which keeps a copy
    with sqlite3.connect(room.gradebook_file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(room.gradebook_file.read_bytes())
    if damage == "header":
        content[:64] = b"x" * 64
    else:
        content[4096 : len(content)] = os.urandom(len(content) - 4096)
    room.gradebook_file.write_bytes(content)
    with pytest.raises(CourseError, match=r"damaged.*Copies .* are in backups/"):
        grading.grade(room, force=True)
    assert room.gradebook_file.read_bytes() == content

    latest = max((room.place / "backups").glob("gradebook-*.db"))
    for part in room.place.glob("gradebook.db*"):
        part.unlink()
    shutil.copy(latest, room.gradebook_file)
    assert scores(room) == {"ann": POINTS}
    grading.grade(room, force=True)
    assert scores(room) == {"ann": POINTS}


def test_few_copies_are_kept(room, monkeypatch):
    folder = room.place / "backups"
    folder.mkdir(exist_ok=True)
    for day in range(10, 20):
        (folder / f"gradebook-2020-01-{day}-000000.db").touch()
    gradebook.ready(room)
    kept = sorted(path.name for path in folder.iterdir())
    assert len(kept) == gradebook.COPIES
    assert "gradebook-2020-01-19-000000.db" in kept


def test_a_second_grader_is_sent_away(room, worker_here):
    hand_in(room, "ann")
    with (
        gradebook.alone(room),
        pytest.raises(CourseError, match=rf"graded already \(process {os.getpid()} on .*Ctrl-C"),
    ):
        grading.grade(room)
    grading.grade(room)
    assert scores(room) == {"ann": POINTS}


def test_a_dead_graders_lock_is_none(room, tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", "import fcntl, sys, time; f = open(sys.argv[1], 'a'); "
         "fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)",
         str(room.place / "grading.lock")],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    holder.stdout.readline()
    with pytest.raises(CourseError, match="graded already"), gradebook.alone(room):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with gradebook.alone(room), open(room.place / "grading.lock") as file:
        assert json.dumps(file.read()).count(str(os.getpid())) == 1
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_gradebook_that_somebody_else_holds_is_said(room, worker_here, monkeypatch):
    hand_in(room, "ann")
    monkeypatch.setattr(gradebook, "PATIENCE", 0.2)
    with sqlite3.connect(room.gradebook_file) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CourseError, match=r"does not answer .*locked"):
            grading.grade(room)
        other.rollback()
    grading.grade(room)
    assert scores(room) == {"ann": POINTS}


def test_the_gradebook_is_read_while_marks_are_entered(room):
    with sqlite3.connect(room.gradebook_file) as writer:
        assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        writer.execute("BEGIN IMMEDIATE")
        with room.gradebook() as book:
            assert book.find_assignment(ASSIGNMENT).name == ASSIGNMENT
        writer.rollback()
