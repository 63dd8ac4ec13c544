"""`course book`: gathers what the book shows, and has Sphinx make its pages."""

import ast
import base64
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import nbformat

from autograder import ROOT, CourseError, addresses
from autograder.book.reading import for_readers
from autograder.release import assignments
from autograder.sample.submissions import solved_cell

__all__ = ["build", "modules"]

HERE = Path(__file__).parent
DOCUMENTS = ("for_readers.md", "for_students.md", "errata.md")
NOT_IN_THE_REFERENCE = {"helpers.checks", "helpers.models"}
NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme", "jupyter_server_mathjax")


def build(directory: Path) -> Path:
    """Make the book in `directory`, in place of an earlier one. Returns its front page.

    Raises CourseError if something is missing, if the folder holds anything else, or if Sphinx
    finds anything wrong, a link that leads nowhere, say.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise CourseError(f"The book needs {', '.join(missing)}: run `make setup`.")
    directory = directory.expanduser().resolve()
    _check_destination(directory)
    with tempfile.TemporaryDirectory() as scratch:
        source, pages = Path(scratch) / "source", Path(scratch) / "pages"
        _write_sources(source)
        command = [sys.executable, "-m", "sphinx", "-b", "html", "-c", str(HERE)]
        command += ["-q", "-W", "--keep-going", "-j", "auto", str(source), str(pages)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            raise CourseError(f"The book was not made. Sphinx says:\n{done.stderr.strip()}")
        if directory.exists():
            shutil.rmtree(directory)
        shutil.copytree(pages, directory, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo"))
    return directory / "index.html"


def _check_destination(directory: Path) -> None:
    """Raise CourseError unless the book may take the place of what is in `directory`."""
    if directory.is_file():
        raise CourseError(f"{directory} is a file; choose a folder.")
    if directory.is_dir() and any(directory.iterdir()):
        book = {"index.html", "searchindex.js", "objects.inv"}
        if not book <= {path.name for path in directory.iterdir()}:
            raise CourseError(f"{directory} holds something other than a book; choose another.")


def _write_sources(source: Path) -> None:
    """Write what Sphinx reads to the new folder `source`."""
    (source / "docs").mkdir(parents=True)
    shutil.copy(HERE / "index.md", source)
    _write_cover(source / "cover.png")
    for name in DOCUMENTS:
        shutil.copy(ROOT / "docs" / name, source / "docs")
    where = addresses.load()
    for assignment in assignments():
        folder = source / "solutions" / assignment
        folder.mkdir(parents=True)
        for path in (ROOT / "solutions" / assignment).glob("*.ipynb"):
            solved = nbformat.read(path, as_version=4)
            nbformat.write(for_readers(solved, assignment, path.stem, where), folder / path.name)
    _write_reference(source / "reference")


def _write_cover(path: Path) -> None:
    """Write the front page's picture: what four filters make of a photograph, from the notebook."""
    outputs = solved_cell("01_convolution", '"the photograph, 96 × 144"').outputs
    [picture] = [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    path.write_bytes(base64.b64decode(picture))


def _write_reference(folder: Path) -> None:
    """Write a page for every module, and an index that says what is in them."""
    folder.mkdir()
    index = (HERE / "reference.md").read_text(encoding="utf-8")
    for name, path in modules().items():
        page = f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n"
        if path.name == "__init__.py":
            page += "   :imported-members:\n"
        (folder / f"{name}.rst").write_text(page, encoding="utf-8")
        [summary, *_] = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).split("\n")
        index += f"- [{name}]({name}.rst): {summary}\n"
    (folder / "index.md").write_text(index, encoding="utf-8")


def modules() -> dict[str, Path]:
    """The modules that notebooks import, by name; not the checks, which are about mistakes."""
    folder = ROOT / "helpers"
    files = [*folder.glob("*.py"), *folder.glob("models/*.py")]
    packages = {path.parent: path for path in folder.glob("*/__init__.py")}
    found = {path.with_suffix(""): path for path in files if path.stem != "__init__"} | packages
    names = {".".join(place.relative_to(ROOT).parts): path for place, path in found.items()}
    return {name: names[name] for name in sorted(names.keys() - NOT_IN_THE_REFERENCE)}
