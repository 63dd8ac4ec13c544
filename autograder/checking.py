"""A student's own visible checks, run by nbgrader's Validator and told in words."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import CheckCellMetadata, ClearOutput
from nbgrader.validator import Validator

from autograder import CourseError, containment
from autograder.classroom import logged
from autograder.configuration import course_config
from autograder.judge.preprocessors import Execute


@dataclass
class Checked:
    """What the visible checks of a notebook said.

    passed: names of graded cells; failed: what they say, by name; written: written answers that
    are there; unanswered: those that are not; changed: cells that should not have been changed.
    """

    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


class _Validator(Validator):
    """nbgrader's, with an Execute that survives a dying kernel, and keeping the notebook it ran."""

    def _preprocess(self, nb: NotebookNode) -> NotebookNode:
        self.ran = super()._preprocess(nb)
        return self.ran


def check(path: Path, sandbox: bool | None = None) -> Checked:
    """Run a notebook's visible checks, as `nbgrader validate` does, contained.

    sandbox: whether to contain it, if not as the environment says. Raises CourseError if the file
    cannot be checked.
    """
    path = Path(path)
    try:
        before = nbformat.read(path, as_version=4)
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}).") from None
    except Exception:
        raise CourseError(f"{path} is not a notebook, or a damaged one.") from None
    if not any(utils.is_grade(cell) for cell in before.cells):
        raise CourseError(f"{path} has no graded cells: is it a notebook of this course?")
    config = course_config(sandbox=sandbox)
    config.ContainedProvisioner.warm = False  # for one notebook, preloading does not pay
    containment.ensure(config)
    validator = _Validator(config=config)
    validator.preprocessors = [CheckCellMetadata, ClearOutput, Execute]
    validator.ignore_checksums = False
    try:
        with tempfile.TemporaryDirectory() as folder, logged(Path(folder) / "log"):
            results = validator.validate(os.path.abspath(path))
    except Exception as error:
        raise CourseError(f"{path} cannot be checked: {type(error).__name__}: {error}") from error
    if "type_changed" in results:
        sources = ", ".join(repr(cell["source"][:40]) for cell in results["type_changed"])
        raise CourseError(
            f"{path}: the type of a cell was changed (code or text): {sources}. Change it back, or "
            "copy your answer into a fresh notebook."
        )
    return _told(validator)


def _told(validator: _Validator) -> Checked:
    nb, said = validator.ran, Checked()
    changed = {id(cell) for cell in validator._get_changed_cells(nb)}
    failed = {id(cell): validator._extract_error(cell) for cell in validator._get_failed_cells(nb)}
    for cell in filter(utils.is_grade, nb.cells):
        name = cell.metadata.nbgrader.grade_id
        if id(cell) in changed:
            said.changed.append(name)
        elif utils.is_solution(cell):
            unanswered = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
            (said.unanswered if unanswered else said.written).append(name)
        elif id(cell) in failed or not cell.get("execution_count"):
            said.failed[name] = _words(failed.get(id(cell), "the cell did not run"))
        else:
            said.passed.append(name)
    return said


def _words(error: str) -> str:
    """The message of a failed check; the last line of anything else."""
    text = strip_ansi(error).strip()
    if text.startswith("✗"):
        return text
    return text.splitlines()[-1] if text else "it failed without saying why"
