"""A student's way through a released notebook: fail the checks, read what they say, fix, pass."""

import importlib

import pytest
from nbclient import NotebookClient

from autograder.release import assignments
from autograder.sample.submissions import path_of, solved_answers, submission, with_mistake
from helpers.checks.modules import describe_module

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=assignments())
def assignment(request):
    """One notebook after the other."""
    return request.param


@pytest.fixture(scope="module")
def checks(assignment):
    """checks(answers): run the release with them; what each check printed, or its error.

    All in one kernel, as a student runs a notebook again whenever something has been mended.
    """
    options = {"allow_errors": True, "skip_cells_with_tag": "showcase", "timeout": 120}
    client = NotebookClient(submission(assignment, {}), **options)

    def run(answers):
        client.nb = submission(assignment, answers)
        client.execute(cleanup_kc=False)
        said = {}
        for cell in client.nb.cells:
            about = cell.metadata.get("nbgrader", {})
            if about.get("grade") and not about.get("solution"):
                said[about["grade_id"]] = "".join(
                    "\n".join(o.traceback) if o.output_type == "error" else o.get("text", "")
                    for o in cell.outputs
                )
        return said

    with client.setup_kernel():
        yield run


def test_an_untouched_notebook_is_told_what_is_missing(checks):
    for name, words in checks({}).items():
        assert "not attempted yet" in words or "not answered yet" in words, name
        assert "Traceback" not in words


def test_mistakes_are_named_and_right_answers_pass(assignment, checks):
    visible = importlib.import_module(f"helpers.checks.{path_of(assignment).stem}").EXERCISES
    answers = solved_answers(assignment)
    # Mistakes in networks are made in the reference, not in the answer's own class.
    functions = [e for e in visible if e.mistakes and e.ask is not describe_module]
    mistaken = {e.name: e.mistakes[0] for e in functions}
    wrong = {
        f"{name}-answer": with_mistake(answers[f"{name}-answer"], name, mistake)
        for name, mistake in mistaken.items()
        if f"{name}-answer" in answers
    }
    said = checks(answers | wrong)
    named = [name for name, mistake in mistaken.items() if mistake.says in said.get(name, "")]
    # An exercise that calls an earlier, wrong answer may fail in another way.
    assert len(named) >= len(wrong) - 3
    assert not any("Traceback" in words for words in said.values())

    assert all(words.startswith("✓") for words in checks(answers).values())
