"""The `course` command: quick, and plain when something is wrong."""

import subprocess
import sys

import pytest

from autograder import ROOT, CourseError, cli, doctor


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


def test_lab_starts_where_nbgrader_finds_its_configuration(monkeypatch):
    calls = []

    def run(command, **options):
        calls.append((command, options))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(cli.subprocess, "run", run)
    with pytest.raises(SystemExit) as stop:
        cli.app(["lab", "--no-browser", "--port", "8889"])
    assert stop.value.code == 0
    ((command, options),) = calls
    assert command[-3:] == ["--no-browser", "--port", "8889"]
    assert "--LabApp.default_url=/lab/tree/notebooks" in command
    assert options["cwd"] == ROOT
