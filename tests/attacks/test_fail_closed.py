"""What is missing scores nothing and is flagged; a submission always meets the same questions."""

import os
import stat
import subprocess
import sys

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.config import Config

from autograder import exercises
from autograder.judge.keys import course_key, seed_for
from autograder.judge.preprocessors import Arm

HIDDEN = """
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: this cell scores nothing.")
### END HIDDEN TESTS"""


def test_an_unknown_exercise_scores_nothing_and_is_flagged(grader, small):
    nb = small.notebook(("no_such_exercise", "def no_such_exercise():\n    return 1"))
    graded = grader(nb, steps=small.not_run)
    assert graded.points["no_such_exercise"] == 0
    assert graded.flags("no_such_exercise") == ["the judge knows no exercise for this cell"]


def test_a_notebook_without_exercises_scores_nothing_and_is_flagged(grader, small):
    graded = grader(small.attacked(), notebook="no_such_notebook", steps=small.not_run)
    for name in graded.data:
        assert graded.points[name] == 0
        assert graded.flags(name) == ["the judge knows no exercise for this cell"]


def test_missing_evidence_scores_nothing_and_is_flagged(grader, small):
    graded = grader(small.attacked(forward=small.forward), steps=small.not_run)
    for name in graded.data:
        assert graded.points[name] == 0
        assert graded.flags(name) == ["no answer arrived"]


def test_a_judge_that_finds_nothing_armed_gives_nothing(grader, small):
    _, judge = small.not_run
    nb = small.attacked(forward=small.forward)
    for cell in nb.cells:
        cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "6"})]
    graded = grader(nb, steps=(judge,))
    assert set(graded.points.values()) == {0}
    assert all(graded.flags(name) for name in graded.data)


def test_an_error_inside_a_module_of_exercises_is_not_hidden(monkeypatch):
    def broken(name):
        raise ModuleNotFoundError("No module named 'something'", name="something")

    monkeypatch.setattr(exercises.importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError):
        exercises.load("convolution")


def test_without_the_judge_graded_cells_score_nothing(small, tmp_path):
    """Stock nbgrader, stock configuration: right answers, and yet no points."""
    solved = small.attacked(forward=small.forward)
    for cell in solved.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade"):
            cell.source += HIDDEN
    solved.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    for folder in ("source/hw", "submitted/ann/hw"):
        (tmp_path / folder).mkdir(parents=True)
        nbformat.write(solved, tmp_path / folder / "convolution.ipynb")
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path / "none")}
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    for command in (["generate_assignment", "hw"], ["autograde", "hw"]):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command], cwd=tmp_path, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as gradebook:
        grades = gradebook.find_submission("hw", "ann").notebooks[0].grades
        assert len(grades) == 3
        assert [grade.auto_score for grade in grades] == [0, 0, 0]


# The key and the questions that follow from it -----------------------------------------------


def questions(nb, key_file, student="ann"):
    """Inputs of conv2d_forward's cases for a submission."""
    about = {"student": student, "assignment": "01_convolution", "notebook": "convolution"}
    arm: NbGraderPreprocessor = Arm(config=Config({"Arm": {"key_file": str(key_file)}}))
    _, resources = arm.preprocess(nb, {"nbgrader": about})
    armed = resources["convnets_armed"]["conv2d_forward"]
    return [case[0].tolist() for case in armed.arguments]


def test_questions_are_the_same_every_time(small, tmp_path):
    key = tmp_path / "key"
    assert questions(small.attacked(), key) == questions(small.attacked(), key)


@pytest.mark.parametrize("change", ["student", "key", "answer", "another cell", "markdown"])
def test_questions_differ(small, tmp_path, change):
    before = questions(small.attacked(), tmp_path / "key")
    nb = small.attacked(
        before="table = {}" if change == "another cell" else "",
        forward="# again\n" + small.zeros if change == "answer" else small.zeros,
    )
    if change == "markdown":
        nb.cells.append(nbformat.v4.new_markdown_cell("a table"))
    key = tmp_path / ("another key" if change == "key" else "key")
    after = questions(nb, key, "bob" if change == "student" else "ann")
    assert all(a != b for a, b in zip(before, after, strict=True))


def test_grading_again_gives_the_same_mark_and_report(grader, small):
    wrong = small.forward.replace("padded[:, :, ph:ph", "padded[:, :, 0:0")
    first, second = (grader(small.attacked(forward=wrong)) for _ in range(2))
    assert 0 < first.fraction("conv2d_forward") < 1
    assert first.data == second.data
    assert first.html == second.html


def test_a_missing_key_is_made_for_its_owner_only(tmp_path):
    path = tmp_path / "made" / "course.key"
    key = course_key(path)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert course_key(path) == key


@pytest.mark.parametrize("text", ["", "no key\n", "abcd\n", "0" * 62 + "\n"])
def test_a_broken_key_is_refused(tmp_path, text):
    path = tmp_path / "course.key"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="restore it"):
        course_key(path)
    assert path.read_text(encoding="utf-8") == text


def test_seeds_keep_their_ingredients_apart():
    key = b"k" * 32
    assert seed_for(key, "ab", "c") != seed_for(key, "a", "bc")
    assert seed_for(key, "a", ["b", "c"]) != seed_for(key, "a", ["bc"])
