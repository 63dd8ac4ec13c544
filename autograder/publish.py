"""Writes the student repository: complete in itself, and nothing of the instructor's in it.

The tree is assembled and inspected in a temporary folder beside the destination and moved into
place only when nothing was found, so a refused publication leaves no trace.
"""

import json
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder import ROOT, CourseError
from autograder.addresses import Addresses, load, substitute

__all__ = ["Leak", "PublishError", "Published", "leaks", "publish"]

TEMPLATES = Path(__file__).parent / "student"

# What publication writes, and therefore replaces, in the destination.
MANAGED = (
    "notebooks",
    "helpers",
    "data/README.md",
    ".devcontainer",
    "environment.yml",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "LICENSE-text",
    ".gitignore",
)

# Left behind by editors and by running the code; never copied, so no reason to refuse.
LITTER = shutil.ignore_patterns(".ipynb_checkpoints", ".DS_Store")
CACHES = shutil.ignore_patterns(".ipynb_checkpoints", ".DS_Store", "__pycache__")

# Data that the helpers read, by package; everything else in them is Python source.
PACKAGE_DATA = {"helpers.claims": "table.csv"}

COMPILED = {".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib"}
INSTRUCTORS = re.compile(
    r"gradebook|\.db(-\w+)?$|\.sqlite\d?$|\.key$|\.pem$|_key$|^\.env$|^nbgrader_config",
    re.IGNORECASE,
)
MARKERS = re.compile(r"\b(?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)\b", re.IGNORECASE)
AUTOGRADER = re.compile(r"\bautograder\b", re.IGNORECASE)


class PublishError(CourseError):
    """The student repository cannot be written there, or must not be."""


@dataclass(frozen=True)
class Leak:
    """A file that must not reach students.

    path: relative to the student repository; why: a clause about it.
    """

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True)
class Published:
    """What was written. notebooks: how many; warnings: what to look at before pushing."""

    directory: Path
    notebooks: int
    warnings: tuple[str, ...]


def publish(
    directory: Path,
    *,
    force: bool = False,
    root: Path = ROOT,
    addresses: Addresses | None = None,
) -> Published:
    """Write the student repository of the course at `root` to `directory`.

    force: renew a folder that was published before; only what publication manages is replaced, and
    `.git` and everything else stays. addresses: those of the course's `course.toml` by default.
    Raises PublishError, with every leak by name, before anything is written.
    """
    addresses = addresses or load(root / "course.toml")
    destination = directory.expanduser().resolve()
    _check_destination(destination, force, root.resolve(), addresses)

    try:
        notebooks = _write(destination, root, addresses)
    except OSError as error:
        raise PublishError(f"Not published: {error}.") from error

    warnings = []
    if addresses.is_placeholder:
        warnings.append(
            f"links still point to {addresses.url}; set student_repository.url in course.toml."
        )
    if not notebooks:
        warnings.append("no notebook has been released yet; see course release.")
    return Published(destination, notebooks, tuple(warnings))


def _write(destination: Path, root: Path, addresses: Addresses) -> int:
    """Assemble, inspect, move into place. Returns the number of notebooks; raises PublishError."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".publish-", dir=destination.parent) as scratch:
        tree = Path(scratch) / "new"
        _assemble(tree, root, addresses)
        if found := list(leaks(tree)):
            listed = "\n".join(f"  {leak}" for leak in found)
            raise PublishError(f"Not published, these would reach students:\n{listed}")
        notebooks = len(list(tree.glob("notebooks/*/*.ipynb")))
        _move_into_place(tree, destination, Path(scratch) / "old")
    return notebooks


def leaks(tree: Path) -> Iterator[Leak]:
    """Everything under `tree`, a student repository, that is the instructor's. In order of path."""
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_symlink():
            yield Leak(name, "is a symbolic link; what it points to stays here or is not theirs")
        elif path.is_dir():
            if path.name == "__pycache__":
                yield Leak(name, "holds compiled code, which can be read back")
        elif "__pycache__" not in path.relative_to(tree).parts:
            yield from (Leak(name, why) for why in _why_not(path, path.relative_to(tree)))


def _why_not(path: Path, relative: Path) -> Iterator[str]:
    """Reasons to withhold one file."""
    if path.suffix.lower() in COMPILED:
        yield "is compiled code, which can be read back"
        return
    if INSTRUCTORS.search(path.name):
        yield "looks like a gradebook, a key or grading configuration"
        return
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        yield "is binary, so it cannot be inspected"
        return

    if marker := MARKERS.search(text):
        yield f"says {marker[0]!r}"
    if AUTOGRADER.search(text):
        yield "mentions the autograder package, which students do not have"
    if relative.parts[0] == "notebooks":
        if path.suffix == ".ipynb":
            yield from _why_not_notebook(text)
        elif path.suffix != ".md":
            yield "is neither a notebook nor a Markdown file (sources beside a notebook are solved)"
    elif relative.parts[0] == "helpers" and path.suffix != ".py" and path.name != "py.typed":
        package = ".".join(relative.parts[:-1])
        if PACKAGE_DATA.get(package) != path.name:
            yield "is not Python source"


def _why_not_notebook(text: str) -> Iterator[str]:
    """Reasons to withhold a released notebook, given as JSON."""
    try:
        notebook = json.loads(text)
        cells = notebook["cells"]
        metadata = notebook["metadata"]
    except (ValueError, KeyError, TypeError):
        yield "is not a version 4 notebook"
        return
    for key in sorted({"widgets", "jupytext"} & metadata.keys()):
        yield f"carries metadata.{key} of the solved notebook"
    for number, cell in enumerate(cells, start=1):
        nbgrader = cell.get("metadata", {}).get("nbgrader", {})
        grade_id = nbgrader.get("grade_id")
        which = f"cell {number}" + (f" ({grade_id})" if grade_id else "")
        if cell.get("outputs"):
            yield f"{'graded ' if nbgrader.get('grade') else ''}{which} still holds outputs"
        if cell.get("execution_count") is not None:
            yield f"{which} still holds an execution count"
        source = "".join(cell.get("source", ""))
        if any(name not in source for name in cell.get("attachments", {})):
            yield f"{which} still holds a picture that its text no longer shows"


def _check_destination(destination: Path, force: bool, root: Path, addresses: Addresses) -> None:
    """Raise PublishError unless the student repository may be written to `destination`."""
    if destination == root or root in destination.parents or destination in root.parents:
        raise PublishError(
            f"{destination} holds the course or lies inside it; choose a folder beside it."
        )
    if not destination.exists():
        return
    if not destination.is_dir():
        raise PublishError(f"{destination} is a file; choose a folder.")
    if {entry.name for entry in destination.iterdir()} <= {".git"}:
        return
    if not force:
        raise PublishError(
            f"{destination} is not empty. To renew what was published there, say --force; "
            "whatever else is in it, .git included, stays."
        )
    project = destination / "pyproject.toml"
    if project.exists() and _distribution(project) != addresses.distribution:
        raise PublishError(
            f"{destination} holds another project: its pyproject.toml is not that of "
            f"{addresses.distribution}. Nothing was replaced."
        )


def _distribution(pyproject: Path) -> str | None:
    """The name of the project a `pyproject.toml` describes."""
    try:
        return tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["name"]
    except (ValueError, KeyError, TypeError):
        return None


def _assemble(tree: Path, root: Path, addresses: Addresses) -> None:
    """Write the student repository of the course at `root` to the new folder `tree`."""
    released = root / "notebooks"
    if released.is_dir():
        shutil.copytree(released, tree / "notebooks", symlinks=True, ignore=LITTER)
    else:
        (tree / "notebooks").mkdir(parents=True)
    shutil.copytree(root / "helpers", tree / "helpers", symlinks=True, ignore=CACHES)
    (tree / "data").mkdir()
    shutil.copy(root / "data" / "README.md", tree / "data")
    for name in ("LICENSE", "LICENSE-text"):
        shutil.copy(root / name, tree)

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (tree / "pyproject.toml").write_text(_pyproject(project, addresses), encoding="utf-8")
    values = {
        "title": addresses.title,
        "course_id": addresses.course_id,
        "url": addresses.url,
        "branch": addresses.branch,
        "folder": addresses.folder,
        "python": project["requires-python"],
        "oldest": project["requires-python"].removeprefix(">="),
        "notebooks": _notebook_table(tree, addresses),
    }
    (tree / ".devcontainer").mkdir()
    for template, name in {
        "README.md": "README.md",
        "environment.yml": "environment.yml",
        "devcontainer.json": ".devcontainer/devcontainer.json",
        "gitignore": ".gitignore",
    }.items():
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        (tree / name).write_text(substitute(text, values, where=template), encoding="utf-8")


def _pyproject(project: dict, addresses: Addresses) -> str:
    """The student repository's `pyproject.toml`; its lists are those of the course's `project`."""

    def toml_list(items: list[str]) -> str:
        return "[\n" + "".join(f"    {json.dumps(item)},\n" for item in items) + "]"

    data = "".join(
        f"{json.dumps(name)} = [{json.dumps(file)}]\n" for name, file in PACKAGE_DATA.items()
    )
    description = f"What the notebooks of {addresses.title} import: layers, plots and checks."
    return f"""\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = {json.dumps(addresses.distribution)}
version = {json.dumps(project["version"])}
description = {json.dumps(description)}
readme = "README.md"
requires-python = {json.dumps(project["requires-python"])}
license = {json.dumps(project["license"])}
license-files = ["LICENSE", "LICENSE-text"]
# Lower bounds only: installing this on Colab leaves Colab's own packages alone.
dependencies = {toml_list(project["dependencies"])}

[project.optional-dependencies]
# To open the notebooks on your own machine.
lab = {toml_list(project["optional-dependencies"]["lab"])}

[tool.setuptools.packages.find]
include = ["helpers*"]

[tool.setuptools.package-data]
{data}"""


def _notebook_table(tree: Path, addresses: Addresses) -> str:
    """A Markdown table of the released notebooks with a Colab badge each."""
    badge = "https://colab.research.google.com/assets/colab-badge.svg"
    rows = ["| Notebook | On Colab |", "| --- | --- |"]
    for path in sorted(tree.glob("notebooks/*/*.ipynb")):
        assignment, notebook = path.parent.name, path.stem
        link = f"[{_title(path)}](notebooks/{assignment}/{path.name})"
        colab = addresses.colab(assignment, notebook)
        rows.append(f"| {link} | [![Open {notebook} in Colab]({badge})]({colab}) |")
    return "\n".join(rows)


def _title(notebook: Path) -> str:
    """The first heading of a notebook, or the name of its folder."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    except (OSError, ValueError, KeyError, TypeError):
        texts = []  # inspection will say what is wrong with it
    for text in texts:
        if heading := re.search(r"^#\s+(.+?)\s*$", text, re.MULTILINE):
            return heading[1].replace("|", r"\|")
    return notebook.parent.name


def _move_into_place(tree: Path, destination: Path, old: Path) -> None:
    """Replace in `destination` what publication manages, moving what was there to `old`."""
    if not destination.exists():
        tree.rename(destination)
        return
    for name in MANAGED:
        new, target, aside = tree / name, destination / name, old / name
        if target.exists() or target.is_symlink():
            aside.parent.mkdir(parents=True, exist_ok=True)
            target.rename(aside)
        target.parent.mkdir(parents=True, exist_ok=True)
        new.rename(target)
