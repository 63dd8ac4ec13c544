"""`course doctor` finds what is missing and says what to do about it."""

import importlib
import io
import shutil

import pytest
from rich.console import Console

from autograder import ROOT, doctor


@pytest.fixture
def without(monkeypatch):
    """Make one package impossible to import."""

    def remove(name: str) -> None:
        genuine = importlib.import_module

        def pretend(wanted: str, *rest):
            if wanted == name:
                raise ImportError(f"no {name} here")
            return genuine(wanted, *rest)

        monkeypatch.setattr(doctor.importlib, "import_module", pretend)

    return remove


def find(findings: list[doctor.Finding], part: str) -> doctor.Finding:
    (finding,) = [finding for finding in findings if finding.part == part]
    return finding


@pytest.mark.parametrize(("package", "part"), [("nbgrader", "nbgrader"), ("torch", "torch")])
def test_grading_is_impossible_without(package, part, without):
    without(package)
    finding = find(doctor.examine(), part)
    assert finding.fatal
    assert "make setup" in finding.advice


@pytest.mark.parametrize(
    ("package", "part"), [("jupytext", "jupytext"), ("jupyterlab", "JupyterLab")]
)
def test_grading_is_possible_without(package, part, without):
    without(package)
    finding = find(doctor.examine(), part)
    assert finding.state == "note"
    assert finding.advice


def test_torchvision_made_for_another_torch_is_a_problem(monkeypatch):
    monkeypatch.setattr(doctor, "_torch_needed_by_torchvision", lambda: "2.4.0")
    finding = find(doctor.examine(), "torchvision")
    assert finding.fatal
    assert "made for torch 2.4.0" in finding.detail


def test_version_that_is_not_the_locks_is_noted(monkeypatch):
    monkeypatch.setattr(doctor, "_pinned", lambda root: {"nbgrader": {"0.9.5"}})
    assert "the lock says 0.9.5" in find(doctor.examine(), "nbgrader").detail


def test_missing_git_is_noted(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    finding = find(doctor.examine(), "git")
    assert finding.state == "note"
    assert "install" in finding.advice


def test_no_sandbox_is_noted_with_the_way_out(monkeypatch):
    monkeypatch.setattr(doctor.sandbox, "trouble", lambda: "Bubblewrap is missing: apt install it.")
    monkeypatch.delenv(doctor.containment.SWITCH, raising=False)
    finding = find(doctor.examine(), "sandbox")
    assert finding.state == "note"
    assert "nothing is graded" in finding.detail
    assert "apt install" in finding.advice


def test_a_sandbox_given_up_is_noted(monkeypatch):
    monkeypatch.setattr(doctor.sandbox, "trouble", lambda: "Bubblewrap is missing: apt install it.")
    monkeypatch.setenv(doctor.containment.SWITCH, "1")
    assert "your own rights" in find(doctor.examine(), "sandbox").detail


def test_bad_course_file_is_a_problem_that_names_the_key(tmp_path):
    (tmp_path / "autograder").mkdir()
    text = (ROOT / "course.toml").read_text(encoding="utf-8").replace("branch =", "brunch =")
    (tmp_path / "course.toml").write_text(text, encoding="utf-8")
    finding = find(doctor.examine(tmp_path), "course.toml")
    assert finding.fatal
    assert "brunch" in finding.detail


def test_gradebook_without_a_folder_is_a_problem(tmp_path):
    shutil.copy(ROOT / "course.toml", tmp_path)
    assert find(doctor.examine(tmp_path), "gradebook").fatal


@pytest.mark.parametrize(
    ("content", "mode", "gradebook", "state"),
    [
        (None, None, False, "ok"),
        (None, None, True, "note"),
        ("ab" * 32, 0o600, True, "ok"),
        ("ab" * 32, 0o644, True, "note"),
        ("not a key", 0o600, True, "problem"),
    ],
)
def test_course_key(tmp_path, content, mode, gradebook, state):
    folder = tmp_path / "autograder"
    folder.mkdir()
    if gradebook:
        (folder / "gradebook.db").touch()
    if content is not None:
        (folder / "course.key").write_text(content, encoding="utf-8")
        (folder / "course.key").chmod(mode)
    (finding,) = doctor._course_key(tmp_path)
    assert finding.state == state
    assert (folder / "course.key").exists() == (content is not None), "only grading creates it"


def test_check_that_fails_itself_is_reported(monkeypatch):
    def _broken(root):
        raise RuntimeError("boom")
        yield

    monkeypatch.setattr(doctor, "CHECKS", (_broken,))
    (finding,) = doctor.examine()
    assert finding.fatal
    assert finding.detail == "RuntimeError: boom"


def test_table_shows_brackets_as_they_are():
    finding = doctor.Finding("torch", "problem", "no module [torch]", "Run make setup.")
    console = Console(file=io.StringIO(), width=120)
    console.print(doctor.table([finding]))
    assert "no module [torch]" in console.file.getvalue()
