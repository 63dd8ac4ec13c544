"""When `make` sets up, and what it says when it cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not (shutil.which("make") and shutil.which("sh")), reason="needs make and sh"
)


@pytest.fixture
def course(tmp_path):
    """A set-up course in a folder whose name has a space in it."""
    folder = tmp_path / "my course"
    (folder / "scripts").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml", "scripts/setup.sh"):
        shutil.copyfile(ROOT / name, folder / name)
        os.utime(folder / name, (1, 1))
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    stamp = folder / ".venv" / ".ready"
    stamp.write_text(f"{folder.resolve()}\n")
    os.utime(stamp, (2, 2))  # newer than the lists, older than any change of them
    return folder


def sets_up(folder: Path) -> bool:
    """Whether `make setup` in `folder` would run the set-up."""
    environment = {key: value for key, value in os.environ.items() if "MAKE" not in key}
    done = subprocess.run(
        ["make", "--dry-run", "setup"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return "scripts/setup.sh" in done.stdout


def test_second_time_nothing_is_repeated(course):
    assert not sets_up(course)


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_changed_list_sets_up_again(course, name):
    (course / name).touch()
    assert sets_up(course)


def test_deleted_environment_sets_up_again(course):
    shutil.rmtree(course / ".venv")
    assert sets_up(course)


def test_moved_course_sets_up_again(course):
    assert sets_up(course.rename(course.with_name("elsewhere")))


def test_vanished_python_sets_up_again(course):
    python = course / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3")
    assert sets_up(course)


def test_interrupted_set_up_is_taken_up_again(course):
    (course / ".venv" / ".ready").unlink()
    assert sets_up(course)


def shell(tmp_path: Path, call: str, **programs: str) -> subprocess.CompletedProcess[str]:
    """Call a function of common.sh where `programs`, shell scripts, are all there is."""
    for name, body in programs.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    return subprocess.run(
        [shutil.which("sh"), "-c", f'. "{ROOT}/scripts/common.sh"; {call}'],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )


OLD = 'case $1 in --version) echo "Python 3.9.18" ;; *) exit 1 ;; esac'


def test_old_python_is_named_with_what_to_do(tmp_path):
    done = shell(tmp_path, "find_python", python3=OLD)
    assert done.returncode != 0
    assert "this machine has Python 3.9.18" in done.stderr
    assert "apt install python3" in done.stderr


def test_no_python_is_said_plainly(tmp_path):
    done = shell(tmp_path, "find_python")
    assert done.returncode != 0
    assert "no python3 at all" in done.stderr


def test_newer_python_beside_an_old_one_is_found(tmp_path):
    new = f'exec "{sys.executable}" "$@"'
    done = shell(tmp_path, "find_python", python3=OLD, **{"python3.12": new})
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).exists()


def test_python_without_venv_is_told_what_to_install(tmp_path):
    shutil.copy(shutil.which("rm"), tmp_path / "rm")
    done = shell(tmp_path, "find_uv python3", python3="exit 1")
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr
    assert not (tmp_path / ".tools").exists()


def test_uv_on_the_path_is_used(tmp_path):
    done = shell(tmp_path, "find_uv python3", uv="exit 0")
    assert done.stdout.strip() == str(tmp_path / "uv")
