"""What the judge asks: per notebook a module named like it, with hidden cases and mistakes."""

import importlib

from autograder.judge.graded import Graded


def load(notebook: str) -> dict[str, Graded]:
    """The graded cells of a notebook by grade_id; none for a notebook that has no module here."""
    name = f"{__name__}.{notebook}"
    try:
        return importlib.import_module(name).EXERCISES
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return {}
