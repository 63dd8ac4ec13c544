"""The `course` command: quick, and plain when something is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import ROOT, CourseError, cli, doctor, lab


def course(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from autograder.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_help_lists_the_commands_without_importing_torch():
    code = (
        "import sys\nfrom autograder.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'nbgrader', 'helpers'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("publish", "doctor", "lab"):
        assert command in done.stdout


def test_error_is_a_sentence_and_status_1():
    done = course("publish", str(ROOT))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "holds the course" in done.stderr
    assert "Traceback" not in done.stderr


def test_brackets_in_an_error_are_printed(monkeypatch, capsys):
    def fail():
        raise CourseError("cell [3] is wrong")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit):
        cli.main()
    assert "cell [3] is wrong" in capsys.readouterr().err


@pytest.mark.parametrize(("state", "status"), [("ok", 0), ("note", 0), ("problem", 1)])
def test_doctor_fails_only_for_what_makes_grading_impossible(monkeypatch, state, status):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Finding("torch", state, "found")])
    with pytest.raises(SystemExit) as stop:
        cli.app(["doctor"])
    assert stop.value.code == status


def test_lab_starts_where_nbgrader_finds_its_configuration(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(lab.os, "execve", lambda *call: calls.append((os.getcwd(), *call)))
    monkeypatch.setattr(lab, "WORKSPACES", tmp_path / "workspaces")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.app(["lab", "--no-browser", "--port", "8889"])
    ((folder, _, command, environment),) = calls
    assert folder == str(ROOT)
    assert command[1:4] == ["-m", "jupyter", "lab"]
    assert command[-3:] == ["--no-browser", "--port", "8889"]
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))


def test_a_rearranged_workspace_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(lab, "WORKSPACES", tmp_path)
    lab.keep_workspace()
    [workspace] = tmp_path.iterdir()
    assert "formgrader" in workspace.read_text(encoding="utf-8")
    rearranged = '{"data": {"mine": 1}, "metadata": {"id": "course"}}'
    workspace.write_text(rearranged, encoding="utf-8")
    lab.keep_workspace()
    assert workspace.read_text(encoding="utf-8") == rearranged
