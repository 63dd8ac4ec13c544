"""Why a submission could not be graded, or needs a look, in plain words."""

import glob
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

import nbformat
from nbgrader.api import MissingEntry

from autograder.classroom import Classroom

__all__ = ["explain", "kept", "remarks"]


def explain(
    room: Classroom, student: str, assignment: str, kind: str, text: str
) -> tuple[list[str], str]:
    """Why a submission could not be graded: reasons in plain words, and what the software said.

    kind, text: of the exception.
    """
    folder, expected = room.folder("submitted", student, assignment), room.notebooks(assignment)
    present = sorted(path.name for path in folder.rglob("*.ipynb"))
    reasons = []
    for name in expected:
        if folder.is_symlink() or (folder / name).is_symlink():
            reasons.append(f"{name} is a link to another file, not a notebook")
        elif name not in present:
            instead = f"; there is {', '.join(present)}" if present else ""
            reasons.append(f"it has no notebook called {name}{instead}")
        elif problem := _what_is_wrong_with(folder / name):
            reasons.append(f"{name} {problem}")
    if reasons:
        return reasons, ""
    if glob.escape(student) != student:
        return [f"nbgrader cannot read folders with *, ? or [ in their name: rename {student}"], ""
    said = text.strip().splitlines() or [""]
    detail = f"{kind}: {said[0][:200]}"
    if kind == "Lost":
        return ["grading it stopped the program that did it, again and again"], detail
    if any(word in text for word in ("Kernel died", "kernel_info", "No such kernel")):
        return ["the notebook's kernel could not be started"], detail
    return ["nbgrader could not process it"], f"{detail} (more in {room.logs / 'grading.log'})"


def _what_is_wrong_with(path: Path) -> str:
    """What keeps a file from being a notebook that can be graded, or nothing."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if not content.strip():
        return "is empty"
    try:
        notebook = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return "is not a notebook (not valid JSON); perhaps it was not saved completely"
    if not isinstance(notebook, dict) or "nbformat" not in notebook:
        return "is not a notebook, although it is valid JSON"
    try:
        cells = nbformat.read(path, as_version=4).cells
        nbformat.validate(nbformat.read(path, as_version=4))
    except Exception:
        return "is a damaged notebook: its structure is not what Jupyter writes"
    if not cells:
        return "has no cells"
    abouts = [cell.metadata.get("nbgrader", {}) for cell in cells]
    ids = [about.get("grade_id", "") if isinstance(about, dict) else None for about in abouts]
    if not all(isinstance(name, str) for name in ids):
        return "is a damaged notebook: what it says about graded cells makes no sense"
    if not any(ids):
        return "has none of the assignment's cells; perhaps it is another notebook"
    twice = [name for name, count in Counter(filter(None, ids)).items() if count > 1]
    return f"has cells twice: {', '.join(twice)}" if twice else ""


def remarks(verdicts: list[dict], flags: bool = True) -> list[str]:
    """What a person should look at in a graded submission, each with the cells concerned.

    flags: also what is unusual about answers that are there.
    """
    cells: dict[str, list[str]] = {}
    for verdict in verdicts:
        said = [verdict["message"].rstrip(".")] if verdict.get("message") else []
        for remark in said or verdict["flags"][: None if flags else 0]:
            cells.setdefault(remark, []).append(verdict["exercise"])
    return [f"{remark} ({', '.join(where)})" for remark, where in cells.items()]


def kept(room: Classroom, student: str, assignment: str) -> str:
    """What the gradebook still holds from an earlier grading, in words."""
    with room.gradebook() as gradebook, suppress(MissingEntry):
        found = gradebook.find_submission(assignment, student)
        grades = [grade for notebook in found.notebooks for grade in notebook.grades]
        comments = [c for notebook in found.notebooks for c in notebook.comments]
        scores = sum(grade.manual_score is not None for grade in grades)
        written = sum(bool(comment.manual_comment) for comment in comments)
        if scores or written or any(grade.auto_score is not None for grade in grades):
            return (
                f"the gradebook keeps what was recorded before: {found.score:g} points, of them "
                f"{scores} score(s) by hand, and {written} comment(s)"
            )
    return ""
