"""An instructor's hour: a copy of the course, opened with `course lab`, and its formgrader."""

import re
import shutil
import sys

import nbformat
import pytest
from playwright.sync_api import expect

from autograder import ROOT
from autograder.classroom import Classroom
from autograder.sample.submissions import mistakes_of, solved_answers, submission, with_mistake

ASSIGNMENT, NAME = "01_convolution", "convolution.ipynb"
COURSE = ["import sys; from autograder.cli import main; sys.exit(main())"]
CLASS = ["*.db*", "*.key", "submitted", "autograded", "feedback", "exchange", "logs", "reports"]
POINTS = {"written_shift": "1.5", "written_flops": "1"}
pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


def mistaken():
    """A submission that is right but for the first catalogued mistake of the forward pass."""
    answers, name = solved_answers(ASSIGNMENT), "conv2d_forward"
    wrong = with_mistake(answers[f"{name}-answer"], name, mistakes_of("convolution")[name][0])
    written = dict.fromkeys(POINTS, "It moves along by whole strides, and not at the border.")
    return submission(ASSIGNMENT, answers | {f"{name}-answer": wrong} | written)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course with its first assignment, which one student has handed in."""
    course = tmp_path_factory.mktemp("copy") / "course"
    without = shutil.ignore_patterns(*CLASS, "demo", "workspaces", "__pycache__")
    for name in ("autograder", "helpers", f"solutions/{ASSIGNMENT}"):
        shutil.copytree(ROOT / name, course / name, ignore=without)
    for name in ("course.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, course)
    (course / "data").mkdir()
    folder = Classroom(course / "autograder").folder("submitted", "ann", ASSIGNMENT)
    folder.mkdir(parents=True)
    nbformat.write(mistaken(), folder / NAME)
    return course


@pytest.fixture(scope="module")
def lab(course, tmp_path_factory, serve):
    """`course lab` in the copy."""
    command = [sys.executable, "-c", *COURSE, "lab"]
    home = tmp_path_factory.mktemp("home")
    with serve(command, course, home, PYTHONPATH=str(course)) as address:
        yield address


def test_an_instructors_hour(lab, course, page, take):
    room = Classroom(course / "autograder")
    page.goto(lab)
    formgrader = page.frame_locator(".jp-MainAreaWidget iframe")
    done = formgrader.locator("#success-modal")

    # What an instructor sees first: formgrader. Generate the students' version.
    row = formgrader.locator("tr", has_text=ASSIGNMENT)
    expect(row.locator(".num-submissions")).to_have_text("1")
    take("lab", page)
    row.locator(".glyphicon-education").click()
    expect(done).to_contain_text("Successfully created the student version")
    done.get_by_role("button", name="OK").click()
    released = course / "notebooks" / ASSIGNMENT / NAME
    assert released.read_bytes() == (ROOT / "notebooks" / ASSIGNMENT / NAME).read_bytes()

    # Grade what was handed in.
    row.locator(".num-submissions a").click()
    row = formgrader.locator("tr", has_text="ann")
    row.locator(".glyphicon-flash").click()
    expect(done).to_contain_text("Successfully autograded")
    done.get_by_role("button", name="OK").click()
    expect(row.locator(".status")).to_have_text("needs manual grading")
    expect(done).not_to_be_attached()
    take("graded", page)
    [before] = room.standings(ASSIGNMENT)
    assert before.by_hand == 3
    assert 20 < before.score < 27
    verdicts = {verdict["exercise"]: verdict for verdict in room.verdicts("ann", ASSIGNMENT)}
    assert all(verdict["contained"] for verdict in verdicts.values())
    assert [name for name, verdict in verdicts.items() if verdict["fraction"] < 1]

    # Read the written answers and give points.
    formgrader.get_by_role("link", name="Manual Grading").click()
    formgrader.get_by_role("link", name=ASSIGNMENT).click()
    formgrader.get_by_role("link", name="convolution").click()
    formgrader.get_by_role("link", name="Submission #1").click()
    for question, points in POINTS.items():
        score = formgrader.locator(f"input#{question}")
        expect(score).to_have_class(re.compile("needs_manual_grade"))  # only now it is listened to
        with page.expect_response(lambda answer: "/api/grade/" in answer.url) as saved:
            score.fill(points)
            score.press("Tab")
        assert saved.value.ok
    take("written", page)
    [after] = room.standings(ASSIGNMENT)
    assert after.by_hand == 0
    assert after.score == before.score + 2.5

    # Feedback for everybody; what a student sees.
    formgrader.get_by_role("link", name="Manual Grading").click()
    formgrader.get_by_role("link", name="Manage Assignments").click()
    row = formgrader.locator("tr", has_text=ASSIGNMENT)
    row.locator(".glyphicon-comment").click()
    expect(done).to_contain_text("Successfully generated feedback")
    sheet = room.folder("feedback", "ann", ASSIGNMENT) / "convolution.html"
    page.set_viewport_size({"width": 800, "height": 1500})
    page.goto(sheet.as_uri())
    expect(page.get_by_text("It looks as if the kernel is flipped").first).to_be_in_viewport()
    take("feedback", page)


def test_validate_says_that_only_visible_checks_ran(lab, course, page, opened, take):
    page.goto(lab)
    page.get_by_role("tab", name="File Browser").click()
    page.locator(".jp-DirListing-item", has_text=ASSIGNMENT).dblclick()
    page.locator(".jp-DirListing-item", has_text=NAME).dblclick()
    dialog = opened(course / "solutions" / ASSIGNMENT / NAME).validate()
    expect(dialog).to_contain_text("Success! Your notebook passes all the tests.")
    added = dialog.locator(".validation-success").evaluate(
        "said => getComputedStyle(said, '::after').content"
    )
    assert "Only the visible checks ran. Hidden tests decide the marks" in added
    take("validate", page)
