"""A student's way through a released notebook: fail the checks, read what they say, fix, pass."""

import importlib

import pytest
from nbclient import NotebookClient

from autograder.release import assignments
from autograder.sample.submissions import path_of, solved_answers, submission, with_mistake
from helpers.checks.modules import describe_module

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("assignment", assignments())]


def checks(assignment, answers):
    """Run the release with `answers`; what each check printed, or the error it raised."""
    nb = submission(assignment, answers)
    options = {"allow_errors": True, "skip_cells_with_tag": "showcase", "timeout": 120}
    NotebookClient(nb, **options).execute()
    said = {}
    for cell in nb.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade") and not about.get("solution"):
            said[about["grade_id"]] = "".join(
                "\n".join(o.traceback) if o.output_type == "error" else o.get("text", "")
                for o in cell.outputs
            )
    return said


def test_an_untouched_notebook_is_told_what_is_missing(assignment):
    for name, words in checks(assignment, {}).items():
        assert "not attempted yet" in words or "not answered yet" in words, name
        assert "Traceback" not in words


def test_mistakes_are_named_and_right_answers_pass(assignment):
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
    said = checks(assignment, answers | wrong)
    named = [name for name, mistake in mistaken.items() if mistake.says in said.get(name, "")]
    # An exercise that calls an earlier, wrong answer may fail in another way.
    assert len(named) >= len(wrong) - 3
    assert not any("Traceback" in words for words in said.values())

    assert all(words.startswith("✓") for words in checks(assignment, answers).values())
