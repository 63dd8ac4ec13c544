"""Every route to a mark goes through the sandbox; without one, nobody can overlook it."""

import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from autograder import ROOT, CourseError, containment, feedback, grading, report
from autograder.classroom import FAILED, GRADED, Classroom
from autograder.configuration import nbgrader_api
from autograder.grading import cluster
from autograder.kernels import canary
from autograder.sample.submissions import solved_answers, submission

ASSIGNMENT, NAME = "01_convolution", "convolution.ipynb"
WITHHELD = [str(ROOT / name) for name in ("solutions", "course.toml", "README.md")]
if not any(Path(needed).is_relative_to("/home") for needed in (ROOT, sys.base_prefix)):
    WITHHELD.append("/home")  # else it is there, as the way to what notebooks need
LOOKS = f"""
import os
seen = [path for path in {WITHHELD} if os.path.exists(path)]
print("in", os.getcwd(), "sees", seen)
for name in os.listdir("."):
    if os.path.isfile(name):
        print("GOT", name, open(name, "rb").read(20))
"""
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker_here")]


def honest():
    """A right submission that asks for another kernel and shows where it runs."""
    nb = submission(ASSIGNMENT, solved_answers(ASSIGNMENT))
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "x", "language": "python"}
    nb.cells.insert(0, new_code_cell(LOOKS))
    return nb


def hand_in(room, student, nb):
    folder = room.folder("submitted", student, ASSIGNMENT)
    folder.mkdir(parents=True)
    nbformat.write(nb, folder / NAME)
    return folder


def printed(room, student):
    path = room.folder("autograded", student, ASSIGNMENT) / NAME
    return nbformat.read(path, 4).cells[0].outputs[0].text


@pytest.fixture(scope="module")
def room(tmp_path_factory, worker_here):
    """A class of an honest student and two who hand in links, graded once."""
    room = Classroom(tmp_path_factory.mktemp("class") / "room")
    grading.register(room, ASSIGNMENT)
    (room.place / "course.key").write_text("ab" * 32 + "\n", encoding="ascii")
    hand_in(room, "ann", honest())
    folder = hand_in(room, "eve", honest())
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "marks").symlink_to(room.place / "gradebook.db")
    (folder / "deep").mkdir()
    (folder / "deep" / "key").symlink_to(room.place / "course.key")
    folder = hand_in(room, "lin", honest())
    (folder / NAME).unlink()
    (folder / NAME).symlink_to(ROOT / "solutions" / ASSIGNMENT / NAME)
    grading.grade(room)
    return room


@pytest.mark.sandbox
def test_course_grade_contains_whatever_the_metadata_say(room):
    assert room.records(ASSIGNMENT)["ann"].status == GRADED
    assert printed(room, "ann") == "in /submission sees []\n"
    assert all(verdict["contained"] for verdict in room.verdicts("ann", ASSIGNMENT))


@pytest.mark.sandbox
def test_formgraders_button_contains_too(room):
    done = nbgrader_api(room.config).autograde(ASSIGNMENT, "ann", force=True)
    assert done["success"], done
    assert printed(room, "ann") == "in /submission sees []\n"
    assert all(verdict["contained"] for verdict in room.verdicts("ann", ASSIGNMENT))


def test_what_a_submission_links_to_is_not_copied_for_it(room):
    """nbgrader follows links when it copies a submission's files, with the grader's rights."""
    assert room.records(ASSIGNMENT)["eve"].status == GRADED
    assert "notes.txt" in printed(room, "eve")
    assert "marks" not in printed(room, "eve")
    copied = room.folder("autograded", "eve", ASSIGNMENT)
    assert {p.name for p in copied.rglob("*") if p.is_file()} == {NAME, "notes.txt"}


def test_a_link_is_not_a_notebook(room):
    record = room.records(ASSIGNMENT)["lin"]
    assert record.status == FAILED
    assert "is a link to another file" in record.sentence


@pytest.mark.sandbox
def test_the_report_says_that_there_was_a_sandbox(room):
    [path] = report.write(room)
    page = path.read_text(encoding="utf-8")
    assert "Every submission ran in a sandbox.</p>" in page
    assert "No sandbox" not in page


def test_without_a_sandbox_nobody_can_overlook_it(room, capfd):
    """On the screen, in the log, in the report and in the gradebook's comments."""
    open_room = Classroom(room.place, sandbox=False)
    grading.grade(open_room, student="ann", force=True)
    said = capfd.readouterr()
    assert "NO SANDBOX" in said.out + said.err
    assert "NO SANDBOX" in (room.logs / "grading.log").read_text(encoding="utf-8")
    assert not any(verdict["contained"] for verdict in room.verdicts("ann", ASSIGNMENT))
    assert not printed(room, "ann").startswith("in /submission ")
    [path] = report.write(room)
    page = " ".join(path.read_text(encoding="utf-8").split())
    assert "The notebooks of ann" in page
    with room.gradebook() as gradebook:
        notebook = gradebook.find_submission_notebook("convolution", ASSIGNMENT, "ann")
        comments = [comment.auto_comment for comment in notebook.comments]
    assert sum(containment.UNCONTAINED in (comment or "") for comment in comments) == 1
    feedback.write(room)


def test_where_there_is_no_sandbox_grading_stops_and_says_what_to_do(room, monkeypatch):
    closed = Classroom(room.place, sandbox=True)
    monkeypatch.delenv(cluster.SCHEDULER)
    monkeypatch.setattr(containment.sandbox, "trouble", lambda: "Install bubblewrap.")
    before = room.records(ASSIGNMENT)
    with pytest.raises(CourseError, match=r"Install bubblewrap\. .*--no-sandbox"):
        grading.grade(closed, student="ann", force=True)
    assert room.records(ASSIGNMENT) == before


@pytest.mark.sandbox
def test_where_the_canary_sings_grading_stops(room, monkeypatch):
    closed = Classroom(room.place, sandbox=True)
    monkeypatch.setattr(canary, "_proved", {})
    monkeypatch.setattr(canary, "findings", lambda config, secrets: ["reach the network"])
    with pytest.raises(CourseError, match="reach the network"):
        grading.grade(closed, student="ann", force=True)


def test_the_environment_can_give_the_sandbox_up_for_the_stock_commands(monkeypatch, tmp_path):
    for value, given_up in (("1", True), ("", False), ("0", False)):
        monkeypatch.setenv(containment.SWITCH, value)
        assert containment.given_up(Classroom(tmp_path).config) == given_up
