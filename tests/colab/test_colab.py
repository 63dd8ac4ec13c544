"""Every released notebook, opened on a new runtime of a simulated Colab."""

import sys

import pytest

from autograder import addresses
from autograder.release import assignments
from autograder.sample.submissions import path_of, solved_answers, submission

SOLVED = "02_pooling"  # runs whole, the others up to their first exercise
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Colab is Linux"),
]


def about(cell):
    return cell.metadata.get("nbgrader", {})


def run(runtime, assignment, nb):
    """Run a notebook as it is found on Colab; what its code cells print.

    Its set-up cell has to bring the helpers, and to leave every other package as it is.
    """
    before, helpers = runtime.packages(), addresses.load().distribution
    assert helpers not in before
    runtime.execute(nb, path_of(assignment).name)
    after = runtime.packages()
    assert after.pop(helpers)
    assert after == before
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in code]
    assert said[0] == "Ready.\n"
    return dict(zip((about(cell).get("grade_id") for cell in code), said, strict=True))


@pytest.mark.parametrize("assignment", [name for name in assignments() if name != SOLVED])
def test_the_first_cells_run_and_change_nothing_but_the_helpers(runtime, assignment):
    nb = submission(assignment, {})
    first = next(i for i, cell in enumerate(nb.cells) if about(cell).get("solution"))
    nb.cells = nb.cells[:first]
    run(runtime, assignment, nb)


def test_a_solved_notebook_runs_through_and_passes_its_checks(runtime):
    nb = submission(SOLVED, solved_answers(SOLVED))
    checks = {c.metadata.nbgrader.grade_id for c in nb.cells if about(c).get("grade")}
    said = run(runtime, SOLVED, nb)
    passed = {name for name in checks & said.keys() if said[name].startswith("✓")}
    written = {name for name in checks if name.startswith("written")}
    assert passed == checks - written
