"""The student repository: complete, installable, and without anything of the instructor's."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from autograder import ROOT
from autograder.addresses import load
from autograder.publish import MANAGED, PublishError, publish

NOTEBOOK = "notebooks/01_convolution/convolution.ipynb"


def cell(source: str, grade: bool = False, **more) -> dict:
    """A code cell, cleared as a release clears it."""
    nbgrader = {"grade_id": "conv2d_forward", "grade": grade, "schema_version": 3}
    empty = {"execution_count": None, "outputs": [], "metadata": {"nbgrader": nbgrader}}
    return {"cell_type": "code", "source": source} | empty | more


def write_notebook(path: Path, *cells: dict, **metadata) -> None:
    """A notebook with a title and the given cells."""
    title = {"cell_type": "markdown", "metadata": {}, "source": ["# Convolution | by hand\n"]}
    notebook = {"cells": [title, *cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


@pytest.fixture
def course(tmp_path):
    """A small course that is fit to be published."""
    root = tmp_path / "course"
    (root / "data").mkdir(parents=True)
    for name in ("pyproject.toml", "course.toml", "LICENSE", "LICENSE-text", "data/README.md"):
        shutil.copy(ROOT / name, root / name)
    (root / "helpers").mkdir()
    (root / "helpers" / "__init__.py").write_text('"""Helpers."""\n', encoding="utf-8")
    write_notebook(root / NOTEBOOK, cell("def conv2d_forward(x):\n    raise NotImplementedError\n"))
    return root


@pytest.fixture
def students(tmp_path):
    """Where the student repository goes."""
    return tmp_path / "out" / "students"


def files(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# --- what is written -----------------------------------------------------------------------------


def test_repository_is_complete_and_nothing_more(course, students):
    publish(students, root=course)
    assert files(students) == {
        NOTEBOOK,
        "helpers/__init__.py",
        "data/README.md",
        ".devcontainer/devcontainer.json",
        "environment.yml",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "LICENSE-text",
        ".gitignore",
    }
    assert all((students / name).exists() for name in MANAGED)
    assert os.listdir(students.parent) == ["students"], "the scratch folder is gone"


def test_lists_are_those_of_the_course(course, students):
    publish(students, root=course)
    own, theirs = (
        tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for folder in (course, students)
    )
    assert theirs["name"] == load(course / "course.toml").distribution
    for key in ("version", "requires-python", "dependencies", "license"):
        assert theirs[key] == own[key]
    assert theirs["optional-dependencies"] == {"lab": own["optional-dependencies"]["lab"]}


def test_conda_environment_installs_the_published_project(course, students):
    publish(students, root=course)
    environment = yaml.safe_load((students / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == load(course / "course.toml").course_id
    assert environment["dependencies"][-1] == {"pip": ["--editable .[lab]"]}


def test_container_installs_the_published_project_and_names_no_registry(course, students):
    publish(students, root=course)
    path = students / ".devcontainer" / "devcontainer.json"
    container = json.loads(path.read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "pip install --editable '.[lab]'"
    assert re.fullmatch(r"python:3\.\d+", container["image"])


def test_every_route_of_the_readme_installs_what_the_lists_name(course, students):
    publish(students, root=course)
    readme = (students / "README.md").read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"^```\n(.*?)^```", readme, re.MULTILINE | re.DOTALL))
    project = tomllib.loads((students / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(re.findall(r"--extra (\w+)|\[(\w+)\]", commands)) == {("lab", ""), ("", "lab")}
    assert "lab" in project["project"]["optional-dependencies"]
    addresses = load(course / "course.toml")
    assert f"git clone --branch {addresses.branch} {addresses.url}\ncd {addresses.folder}" in readme
    assert f"conda activate {addresses.course_id}\n" in commands
    assert "activate" not in commands.replace("conda activate", ""), "PowerShell may forbid scripts"


def test_readme_has_a_badge_for_every_notebook(course, students):
    write_notebook(course / "notebooks" / "02_pooling" / "pooling.ipynb")
    publish(students, root=course)
    readme = (students / "README.md").read_text(encoding="utf-8")
    addresses = load(course / "course.toml")
    assert f"]({addresses.colab('01_convolution', 'convolution')}) |" in readme
    assert f"]({addresses.colab('02_pooling', 'pooling')}) |" in readme
    assert rf"[Convolution \| by hand]({NOTEBOOK})" in readme
    assert addresses.url in readme
    assert "{{" not in readme


def test_litter_of_editors_and_of_running_is_left_behind(course, students):
    for name in ("helpers/__pycache__/x.pyc", "notebooks/.ipynb_checkpoints/a.ipynb"):
        (course / name).parent.mkdir()
        (course / name).write_bytes(b"\0")
    (course / "notebooks" / ".DS_Store").write_bytes(b"\0")
    publish(students, root=course)
    assert not any(re.search("pycache|checkpoints|DS_Store", name) for name in files(students))


def test_placeholder_address_is_pointed_out(course, students):
    (warning,) = publish(students, root=course).warnings
    assert "course.toml" in warning
    own = (course / "course.toml").read_text(encoding="utf-8")
    own = own.replace("your-organisation", "a-school")
    (course / "course.toml").write_text(own, encoding="utf-8")
    assert publish(students, root=course, force=True).warnings == ()


# --- what is refused -----------------------------------------------------------------------------


def plant(name: str, content: bytes = b"x\n"):
    """Put a file into the course."""

    def planted(course: Path) -> str:
        path = course / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return name

    return planted


def plant_link(course: Path) -> str:
    (course / "solved.md").write_text("The answers.\n", encoding="utf-8")
    (course / "notebooks" / "notes.md").symlink_to(course / "solved.md")
    return "notebooks/notes.md"


def plant_folder_link(course: Path) -> str:
    (course / "solutions").mkdir()
    (course / "notebooks" / "02_pooling").symlink_to(course / "solutions")
    return "notebooks/02_pooling"


def plant_notebook(*cells: dict, **metadata):
    """Replace the notebook of the course."""

    def planted(course: Path) -> str:
        write_notebook(course / NOTEBOOK, *cells, **metadata)
        return NOTEBOOK

    return planted


OUTPUT = [{"output_type": "stream", "name": "stdout", "text": ["45\n"]}]
PICTURE = {"answer.png": {"image/png": "iVBORw0KGgo="}}
WRITTEN = {"cell_type": "markdown", "source": "Why?", "metadata": {}, "attachments": PICTURE}

LEAKS = {
    "solution": (plant_notebook(cell("### BEGIN SOLUTION\nx\n")), "'BEGIN SOLUTION'"),
    "half a solution": (plant_notebook(cell("x\n### END SOLUTION\n")), "'END SOLUTION'"),
    "hidden tests": (plant_notebook(cell("### BEGIN HIDDEN TESTS\nx\n")), "'BEGIN HIDDEN TESTS'"),
    "solution in helpers": (plant("helpers/a.py", b"# begin solution\n"), "'begin solution'"),
    "output": (plant_notebook(cell("1", outputs=OUTPUT)), "holds outputs"),
    "graded output": (
        plant_notebook(cell("1", grade=True, outputs=OUTPUT)),
        "graded cell 2 (conv2d_forward) still holds outputs",
    ),
    "execution count": (plant_notebook(cell("1", execution_count=3)), "execution count"),
    "widget state": (plant_notebook(cell("1"), widgets={"state": {}}), "metadata.widgets"),
    "jupytext header": (plant_notebook(cell("1"), jupytext={}), "metadata.jupytext"),
    "picture of the answer": (plant_notebook(WRITTEN), "picture"),
    "not a notebook": (plant(NOTEBOOK, b"{}"), "not a version 4 notebook"),
    "autograder imported by helpers": (
        plant("helpers/a.py", b"from autograder.judge import judge\n"),
        "autograder",
    ),
    "autograder in a notebook": (plant_notebook(cell("import autograder")), "autograder"),
    "cache": (plant("notebooks/01_convolution/__pycache__/a.txt"), "compiled"),
    "pyc": (plant("helpers/a.pyc"), "compiled"),
    "so": (plant("helpers/a.so"), "compiled"),
    "pyd": (plant("notebooks/a.pyd"), "compiled"),
    "binary with zeros": (plant("notebooks/a.md", b"a\0b"), "binary"),
    "binary, not text": (plant("helpers/a.py", b"\xff\xfe\xfd"), "binary"),
    "source beside a notebook": (plant("notebooks/01_convolution/convolution.py"), "sources"),
    "source without a suffix": (plant("notebooks/01_convolution/answers"), "neither a notebook"),
    "link to a file": (plant_link, "symbolic link"),
    "link to a folder": (plant_folder_link, "symbolic link"),
    "gradebook": (plant("notebooks/gradebook.db"), "gradebook"),
    "gradebook's journal": (plant("helpers/marks.db-wal"), "gradebook"),
    "gradebook as text": (plant("notebooks/gradebook.csv"), "gradebook"),
    "key": (plant("helpers/course.key"), "key"),
    "key without a suffix": (plant("notebooks/course_key"), "key"),
    "grading configuration": (plant("notebooks/nbgrader_config.py"), "configuration"),
    "data in helpers": (plant("helpers/table.csv"), "not Python source"),
}


def planted_name(name: str) -> str:
    """The file or folder the refusal should name for a planted file."""
    return name.split("/__pycache__")[0] + "/__pycache__" if "__pycache__" in name else name


@pytest.mark.parametrize(("planted", "why"), LEAKS.values(), ids=LEAKS)
def test_leak_is_refused_by_name_and_leaves_no_trace(course, students, planted, why):
    name = planted(course)
    with pytest.raises(PublishError) as refusal:
        publish(students, root=course)
    lines = str(refusal.value).splitlines()[1:]
    assert any(f"  {planted_name(name)}: " in line and why in line for line in lines), lines
    assert not students.exists()
    assert list(students.parent.iterdir()) == []


def test_data_that_helpers_read_is_published_with_them(course, students):
    plant("helpers/claims/table.csv")(course)
    publish(students, root=course)
    assert "helpers/claims/table.csv" in files(students)


def test_every_leak_is_listed_at_once(course, students):
    for name in ("helpers/a.so", "helpers/b.key", "notebooks/c.py"):
        plant(name)(course)
    with pytest.raises(PublishError) as refusal:
        publish(students, root=course)
    assert len(str(refusal.value).splitlines()) == 4


def test_refused_renewal_changes_nothing(course, students):
    publish(students, root=course)
    before = {name: (students / name).read_bytes() for name in files(students)}
    plant("helpers/a.so")(course)
    with pytest.raises(PublishError):
        publish(students, root=course, force=True)
    assert before == {name: (students / name).read_bytes() for name in files(students)}


# --- where it is written -------------------------------------------------------------------------


def test_folder_that_is_not_empty_is_refused(course, students):
    students.mkdir(parents=True)
    (students / "thesis.tex").touch()
    with pytest.raises(PublishError, match="not empty"):
        publish(students, root=course)
    assert files(students) == {"thesis.tex"}


def test_fresh_clone_counts_as_empty(course, students):
    (students / ".git").mkdir(parents=True)
    (students / ".git" / "HEAD").touch()
    publish(students, root=course)
    assert {".git/HEAD", NOTEBOOK} <= files(students)


def test_force_replaces_what_it_manages_and_nothing_else(course, students):
    publish(students, root=course)
    (students / ".git").mkdir()
    kept = {".git/HEAD", "data/MNIST.gz", "syllabus.md"}
    for name in {*kept, "helpers/dropped.py", "notebooks/09_gone/gone.ipynb"}:
        (students / name).parent.mkdir(exist_ok=True)
        (students / name).write_text("old\n", encoding="utf-8")
    (students / "README.md").write_text("old\n", encoding="utf-8")
    before = files(students)

    publish(students, root=course, force=True)
    assert files(students) == before - {"helpers/dropped.py", "notebooks/09_gone/gone.ipynb"}
    assert all((students / name).read_text(encoding="utf-8") == "old\n" for name in kept)
    assert (students / "README.md").read_text(encoding="utf-8") != "old\n"


def test_force_spares_another_project(course, students):
    students.mkdir(parents=True)
    (students / "pyproject.toml").write_text('[project]\nname = "other"\n', encoding="utf-8")
    with pytest.raises(PublishError, match="another project"):
        publish(students, root=course, force=True)
    assert files(students) == {"pyproject.toml"}


@pytest.mark.parametrize("where", [".", "..", "build/students", "notebooks"])
def test_course_itself_is_never_overwritten(course, where):
    before = files(course)
    with pytest.raises(PublishError, match="holds the course or lies inside it"):
        publish(course / where, root=course, force=True)
    assert files(course) == before


def test_file_in_the_way_is_refused(course, students):
    students.parent.mkdir()
    students.touch()
    with pytest.raises(PublishError, match="is a file"):
        publish(students, root=course)


# --- the course as it stands ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The student repository of this very course."""
    folder = tmp_path_factory.mktemp("published") / "students"
    publish(folder)
    return folder


IMPORT_ALL = """
import importlib, pathlib, pkgutil, sys
site = sys.argv[1]
sys.path.insert(0, site)
sys.modules["autograder"] = None  # students do not have it
import helpers
names = [module.name for module in pkgutil.walk_packages(helpers.__path__, "helpers.")]
for name in names:
    module = importlib.import_module(name)
    assert pathlib.Path(module.__file__).is_relative_to(site), module.__file__
print(len(names))
"""


def test_published_repository_installs_and_imports(published, tmp_path):
    """Builds the wheel pip would build, unpacks it, and imports every module of the helpers."""
    source = shutil.copytree(published, tmp_path / "source")
    build = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
    run = {"check": True, "capture_output": True, "text": True}
    subprocess.run([sys.executable, "-c", build], cwd=source, **run)
    (wheel,) = (source / "dist").glob("convnets_helpers-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    assert {path.name for path in site.iterdir() if path.suffix != ".dist-info"} == {"helpers"}
    assert files(site / "helpers") == files(published / "helpers")

    done = subprocess.run([sys.executable, "-c", IMPORT_ALL, str(site)], cwd=tmp_path, **run)
    assert (
        int(done.stdout)
        == len([name for name in files(site / "helpers") if name.endswith(".py")]) - 1
    )
