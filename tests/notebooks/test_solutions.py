"""The solved notebooks: paired, executed, reproducible; and the releases made of them."""

import base64
import re
import subprocess
import sys

import nbformat
import pytest

from autograder import ROOT
from autograder.release import assignments, drift, require_paired
from autograder.sample.submissions import notebook_of

pytestmark = pytest.mark.parametrize("assignment", assignments())

POINTS = 30  # of every notebook
HIDDEN = """
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS
""".strip()


def solved(assignment):
    return notebook_of(ROOT / "solutions", assignment)


def about(cell):
    return cell.metadata.get("nbgrader", {})


def test_script_and_notebook_hold_the_same_cells(assignment):
    require_paired(assignment)


def test_the_release_is_what_the_solution_gives(assignment):
    assert drift(assignment) == []


def test_outputs_are_stored_and_clean(assignment):
    code = [cell for cell in solved(assignment).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code if cell.source.strip())
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert not [o for o in outputs if any("widget" in kind for kind in o.get("data", {}))]
    graded = [cell for cell in code if about(cell).get("grade")]
    assert graded
    assert all(o.text.startswith("✓") for cell in graded for o in cell.outputs)
    assert all(cell.outputs for cell in graded)
    shown = [cell for cell in code if "showcase" in cell.metadata.get("tags", [])]
    assert sum(bool(cell.outputs) for cell in shown) >= len(shown) - 3  # some only prepare


def test_every_picture_says_what_one_sees(assignment):
    outputs = [o for cell in solved(assignment).cells for o in cell.get("outputs", [])]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) >= 5
    for picture in pictures:
        assert len(base64.b64decode(picture.data["image/png"])) > 2_000
        assert len(picture.metadata["image/png"]["alt"]) > 40


def test_graded_cells_fail_closed(assignment):
    for cell in solved(assignment).cells:
        if about(cell).get("grade") and not about(cell).get("solution"):
            name = about(cell)["grade_id"]
            assert cell.source == f"check.{name}({name})\n{HIDDEN}"
            assert about(cell)["locked"]


def test_points_add_up(assignment):
    cells = solved(assignment).cells
    assert sum(about(cell).get("points", 0) for cell in cells) == POINTS


def test_the_release_holds_no_answers(assignment):
    nb = notebook_of(ROOT / "notebooks", assignment)
    assert nbformat.validate(nb) is None
    text = "\n".join(cell.source for cell in nb.cells)
    assert not re.search(r"BEGIN (SOLUTION|HIDDEN)|NBGRADER_EXECUTION|\{\{", text)
    stubs = [cell for cell in nb.cells if about(cell).get("solution")]
    assert all("YOUR CODE HERE" in c.source or "YOUR ANSWER HERE" in c.source for c in stubs)
    kept = {"nbgrader", "tags", "deletable", "editable"}
    assert all(set(cell.metadata) <= kept and not cell.get("outputs") for cell in nb.cells)


@pytest.mark.slow
def test_outputs_reproduce(assignment):
    [path] = (ROOT / "solutions" / assignment).glob("*.ipynb")
    options = [
        "--nbval",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-o",
        "addopts=",
        "--rootdir",
        str(path.parent),
    ]
    options += ["--nbval-sanitize-with", str(ROOT / "tests/notebooks/sanitize.cfg")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(path)],
        capture_output=True, text=True, cwd=path.parent, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
