"""Markers planted in every hidden part turn up neither in the release nor in feedback."""

import base64

import nbformat
import pytest
from traitlets.config import Config

from autograder.configuration import course_config, nbgrader_api
from autograder.exercises import load
from autograder.judge.preprocessors import Arm
from helpers.checks.exercise import outcome_of

pytestmark = pytest.mark.slow
ASSIGNMENT = "01_convolution"
MARKER = "xyzzy_{}_marker"
PARTS = ("solution", "hidden", "scheme", "written", "output", "metadata", "attachment")


def planted(part):
    return MARKER.format(part)


@pytest.fixture(scope="module")
def course(tmp_path_factory, small):
    """A small course, released, handed in by one student, graded and answered by stock nbgrader."""
    place = tmp_path_factory.mktemp("course")
    config = course_config(place)
    for step in ("source", "release"):
        config.CourseDirectory[f"{step}_directory"] = str(place / step)
    nbgrader = nbgrader_api(config)
    source = place / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    nb = small.attacked(forward=small.forward)
    for cell in nb.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution"):
            body = f"### BEGIN SOLUTION\n# {planted('solution')}\n{cell.source}\n### END SOLUTION"
            cell.source = body
        if about.get("grade"):
            cell.source += f"\n### BEGIN HIDDEN TESTS\n# {planted('hidden')}\n### END HIDDEN TESTS"
        cell.outputs = [nbformat.v4.new_output("stream", text=planted("output"))]
        cell.metadata["widgets"] = planted("metadata")
    answer = f"Why?\n\n### BEGIN SOLUTION\n{planted('written')}\n### END SOLUTION"
    scheme = f"Draw.\n\n=== BEGIN MARK SCHEME ===\n{planted('scheme')}\n=== END MARK SCHEME ==="
    for name, text, task in (("why", answer, False), ("draw", scheme, True)):
        cell = nbformat.v4.new_markdown_cell(text)
        cell.metadata["nbgrader"] = {
            "grade": not task, "solution": not task, "task": task, "locked": task, "points": 3,
            "grade_id": name, "schema_version": 3, "cell_type": "markdown",
        }  # fmt: skip
        nb.cells.append(cell)
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nb.metadata["jupytext"] = {"note": planted("metadata")}
    nbformat.write(nb, source / "convolution.ipynb")
    for name in ("convolution.py", "notes.pyc", "jupytext.toml"):
        (source / name).write_text(planted("attachment"), encoding="utf-8")
    succeeded(nbgrader.generate_assignment(ASSIGNMENT))

    handed_in = place / "submitted" / "ann" / ASSIGNMENT
    handed_in.mkdir(parents=True)
    nb = nbformat.read(place / "release" / ASSIGNMENT / "convolution.ipynb", as_version=4)
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "conv2d_forward-answer":
            cell.source = small.zeros
    nbformat.write(nb, handed_in / "convolution.ipynb")
    succeeded(nbgrader.autograde(ASSIGNMENT, "ann"))
    succeeded(nbgrader.generate_feedback(ASSIGNMENT, "ann"))
    return place


def succeeded(done):
    assert done["success"], done


def everything(folder):
    """Names and contents of all files below a folder, as one text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return "\n".join(f"{path}\n{path.read_text(encoding='utf-8')}" for path in files)


@pytest.mark.parametrize("part", PARTS)
def test_no_hidden_part_is_released(course, part):
    assert planted(part) not in everything(course / "release")


@pytest.mark.parametrize("part", PARTS)
def test_no_hidden_part_is_in_feedback(course, part):
    assert planted(part) not in everything(course / "feedback")


def test_the_release_says_nothing_about_hidden_cases(course):
    released = everything(course / "release")
    for name, graded in load("convolution").items():
        assert not graded.exercise.mistakes or graded.exercise.mistakes[0].hint not in released
        if name == "conv2d_forward":
            assert not any(f"{case.words}" in released for case in graded.exercise.cases)
    assert "autograder" not in released


def test_feedback_shows_no_input_no_expected_value_and_no_source(course):
    page = everything(course / "feedback")
    assert "0 of 15 cases right" in page
    for word in ("course_probe", "nonce", "evidence", "/autograder/judge/", "helpers/checks/",
                 "preprocessors", "RIGHT_"):  # fmt: skip
        assert word not in page, word
    for value in hidden_values(course):
        assert value not in page


def hidden_values(course):
    """Inputs and expected values of conv2d_forward in the forms in which they could be printed."""
    nb = nbformat.read(course / "submitted" / "ann" / ASSIGNMENT / "convolution.ipynb", 4)
    about = {"student": "ann", "assignment": ASSIGNMENT, "notebook": "convolution"}
    assert (course / "course.key").is_file()
    arm = Arm(config=Config({"Arm": {"key_file": str(course / "course.key")}}))
    _, resources = arm.preprocess(nb, {"nbgrader": about})
    armed = resources["convnets_armed"]["conv2d_forward"]
    for arguments in armed.arguments:
        expected = outcome_of(armed.graded.exercise.reference, arguments)["value"].values
        for values in (arguments[0].numpy(), expected):
            yield base64.b64encode(values.tobytes()).decode()[:24]
            yield from (f"{value:.4f}" for value in values.reshape(-1)[:20])


def test_what_is_graded_keeps_the_cells_as_they_were_handed_in(course):
    path = course / "autograded" / "ann" / ASSIGNMENT / "convolution.ipynb"
    for cell in nbformat.read(path, 4).cells:
        assert "course_probe" not in cell.source
        assert "convnets-guard" not in cell.metadata
