"""From solved notebooks to the release: nbgrader preprocessors and `course release`."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder import ROOT, CourseError, addresses
from autograder.configuration import course_config, nbgrader_api

NOTEBOOK_KEYS = {"kernelspec", "language_info"}
WIDGET = "application/vnd.jupyter.widget-view+json"
CELL_KEYS = {"nbgrader", "tags", "deletable", "editable"}


class FillAddresses(NbGraderPreprocessor):
    """Fill the course's addresses into set-up cells and badges."""

    def preprocess_cell(self, cell, resources, cell_index):
        about = resources["nbgrader"]
        cell.source = addresses.fill(cell.source, about["assignment"], about["notebook"])
        return cell, resources


class KeepEssentials(NbGraderPreprocessor):
    """Drop metadata that editors and executions leave behind, so that releases are reproducible."""

    def preprocess(self, nb, resources):
        nb.metadata = {k: v for k, v in nb.metadata.items() if k in NOTEBOOK_KEYS}
        # The version of Python that ran the solution is no part of the release.
        nb.metadata["language_info"] = {"name": "python"}
        for cell in nb.cells:
            cell.metadata = {k: v for k, v in cell.metadata.items() if k in CELL_KEYS}
        return nb, resources


def assignments() -> list[str]:
    """The assignments there are, by name: the folders of `solutions/` with a notebook."""
    return sorted({path.parent.name for path in (ROOT / "solutions").glob("*/*.ipynb")})


def chosen(names: Sequence[str]) -> list[str]:
    """`names`, or all assignments when there are none. Raises CourseError for an unknown name."""
    known = assignments()
    for name in names:
        if name not in known:
            raise CourseError(f"There is no assignment {name!r}; there are: {', '.join(known)}.")
    return list(names) or known


def execute(assignment: str) -> None:
    """Run an assignment's solved notebook and store its outputs; the script's text counts.

    Raises CourseError if a cell fails.
    """
    for script in (ROOT / "solutions" / assignment).glob("*.py"):
        path = script.with_suffix(".ipynb")
        update = ["--quiet", "--to", "ipynb", "--update", script.name]
        subprocess.run([sys.executable, "-m", "jupytext", *update], cwd=script.parent, check=True)
        nb = nbformat.read(path, as_version=4)
        options = {"timeout": 180, "coalesce_streams": True}
        options |= {"record_timing": False, "store_widget_state": False}
        try:
            NotebookClient(nb, resources={"metadata": {"path": script.parent}}, **options).execute()
        except CellExecutionError as error:
            raise CourseError(f"{script} does not run:\n{error}") from None
        nb.metadata.pop("widgets", None)
        for output in (output for cell in nb.cells for output in cell.get("outputs", [])):
            # It leads to a kernel that is gone; the text beside it says what there was.
            output.get("data", {}).pop(WIDGET, None)
        nbformat.write(nb, path)


def require_paired(assignment: str) -> None:
    """Raise CourseError if a solved notebook and its script do not hold the same cells."""
    for path in (ROOT / "solutions" / assignment).glob("*.ipynb"):
        script = path.with_suffix(".py")
        if not script.exists():
            raise CourseError(f"{path} has no paired script {script.name}; see CONTRIBUTING.md.")
        pair = nbformat.read(path, as_version=4), jupytext.read(script)
        notebook, text = ([(c.cell_type, c.source.strip()) for c in nb.cells] for nb in pair)
        if notebook != text:
            raise CourseError(
                f"{path} and {script.name} differ. Run `course release --execute {assignment}`."
            )


def generate(assignment: str, folder: Path) -> None:
    """Write what nbgrader would release of an assignment to `folder`, without a gradebook."""
    config = course_config()
    config.CourseDirectory.release_directory = str(folder)
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    _generate(config, assignment)


def release(assignment: str) -> None:
    """Write `notebooks/<assignment>/` and record its cells in the gradebook."""
    require_paired(assignment)
    _generate(course_config(), assignment)


def register(config, assignment: str) -> None:
    """Record an assignment's cells in the gradebook that `config` names, releasing nothing."""
    with tempfile.TemporaryDirectory() as folder:
        config = config.copy()
        config.CourseDirectory.release_directory = folder
        _generate(config, assignment)


def _generate(config, assignment: str) -> None:
    done = nbgrader_api(config).generate_assignment(assignment, force=True, create=True)
    if not done["success"]:
        log = (done.get("error") or "") + (done.get("log") or "")
        raise CourseError(f"nbgrader could not release {assignment}:\n{log.strip()}")


def drift(assignment: str) -> list[str]:
    """Files of `notebooks/<assignment>/` that are not what the solution would give now."""
    require_paired(assignment)
    with tempfile.TemporaryDirectory() as folder:
        generate(assignment, Path(folder))
        fresh, kept = Path(folder) / assignment, ROOT / "notebooks" / assignment
        names = {p.name for d in (fresh, kept) if d.exists() for p in d.iterdir()}
        return [name for name in sorted(names) if _bytes(fresh / name) != _bytes(kept / name)]


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
