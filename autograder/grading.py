"""Grading a class: nbgrader's Autograde, one student at a time, so that nobody stops the others."""

import glob
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import nbformat
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder import ROOT, CourseError, containment, release
from autograder.classroom import FAILED, GRADED, LOOK, MISSING, WAITING, Classroom, Record, Standing
from autograder.intake import desk


def grade(
    room: Classroom,
    named: Sequence[str] = (),
    student: str | None = None,
    force: bool = False,
) -> dict[str, list[Record]]:
    """Grade what was submitted and is new or has changed, and say what went wrong.

    named: assignments, all with submissions by default; student: only this one; force: grade again
    what is graded already. Returns the records of what was graded now, by assignment. Raises
    CourseError if there is no sandbox and nobody has said that none is needed.
    """
    assignments = room.assignments(list(named))
    with room.logged("grading.log") as screen:
        if not containment.ensure(room.config):
            screen.print(f"[bold red]NO SANDBOX[/]: {containment.WARNING}", soft_wrap=True)
        for folder in room.strangers():
            screen.print(f"Left alone, named like no assignment: {folder}", soft_wrap=True)
        return {name: _grade_assignment(room, name, student, force, screen) for name in assignments}


def _grade_assignment(
    room: Classroom, assignment: str, student: str | None, force: bool, screen: Console
) -> list[Record]:
    register(room, assignment)
    students = [name for name in room.students(assignment) if student in (None, name)]
    if not students:
        whose = f"of {student} " if student else ""
        raise CourseError(f"There is no submission {whose}for {assignment}.")
    todo = [name for name in students if force or not up_to_date(room, name, assignment)]
    if len(todo) < len(students):
        same = len(students) - len(todo)
        screen.print(f"{assignment}: {same} graded before and unchanged (--force grades again).")
    done: list[Record] = []
    with _progress(screen) as progress:
        bar = progress.add_task(assignment, total=len(todo), failed=0)
        for name in todo:
            record = grade_one(room, name, assignment, force)
            room.keep_record(assignment, record)
            done.append(record)
            if record.status != GRADED:
                screen.print(_line(record), soft_wrap=True)
            failed = sum(record.status == FAILED for record in done)
            progress.update(bar, advance=1, failed=failed)
    return done


def up_to_date(room: Classroom, student: str, assignment: str) -> bool:
    """Whether exactly these files were graded, successfully, and their marks are there."""
    record = room.records(assignment).get(student)
    if record is None or record.status == FAILED:
        return False
    if record.digest != room.digest(student, assignment):
        return False
    if not room.folder("autograded", student, assignment).is_dir():
        return False
    with room.gradebook() as gradebook, suppress(MissingEntry):
        gradebook.find_submission(assignment, student)
        return True
    return False


def register(room: Classroom, assignment: str) -> None:
    """Tell the gradebook which cells are graded, unless it knows; again if the solution changed.

    Raises CourseError when the gradebook cannot take it.
    """
    source = ROOT / "solutions" / assignment
    contents = [(source / name).read_bytes() for name in room.notebooks(assignment)]
    solution = hashlib.sha256(b"".join(contents)).hexdigest()
    notes = room.notes(assignment)
    with room.gradebook() as gradebook, suppress(MissingEntry):
        gradebook.find_assignment(assignment)
        if notes["solution"] == solution:
            return
    try:
        release.register(room.config, assignment)
    except CourseError as error:
        (room.logs / "registering.log").write_text(str(error), encoding="utf-8")
        raise CourseError(
            f"{assignment} cannot be entered into the gradebook; {room.logs / 'registering.log'} "
            "has what nbgrader says. If graded cells were added, removed or renamed after the "
            "first submission was graded, nbgrader wants another assignment name."
        ) from error
    room.keep(assignment, notes | {"solution": solution})


class _Autograde(Autograde):
    """nbgrader's, except that it keeps what went wrong instead of only logging it."""

    cause: BaseException | None = None

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:
            self.cause = error
            raise


def grade_one(room: Classroom, student: str, assignment: str, force: bool) -> Record:
    """Grade one submission. Whatever is wrong with it is in the record; nothing is raised."""
    before = room.records(assignment).get(student)
    repairs = desk.mend(room, student, assignment)
    record = Record(student, GRADED, digest=room.digest(student, assignment), repairs=repairs)
    changed = before is not None and before.digest != record.digest
    coursedir = CourseDirectory(
        config=room.config, assignment_id=assignment, student_id=glob.escape(student)
    )
    converter = _Autograde(coursedir=coursedir, config=room.config, force=force or changed)
    start = time.monotonic()
    try:
        converter.start()
    except (Exception, SystemExit) as error:
        record.status = FAILED
        record.reasons, record.detail = explain(room, student, assignment, converter.cause or error)
        record.kept = _kept(room, student, assignment)
    else:
        unfound = [note for note in repairs if note.endswith(desk.NOT_FOUND)]
        record.reasons = unfound + remarks(room.verdicts(student, assignment))
        record.status = LOOK if record.reasons else GRADED
    finally:  # nbgrader leaves this behind when a notebook fails
        os.environ.pop("NBGRADER_EXECUTION", None)
    record.seconds = round(time.monotonic() - start, 2)
    return record


def explain(
    room: Classroom, student: str, assignment: str, error: BaseException
) -> tuple[list[str], str]:
    """Why a submission could not be graded: reasons in plain words, and what the software said."""
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
    said = str(error).strip().splitlines() or [""]
    detail = f"{type(error).__name__}: {said[0][:200]}"
    if any(word in str(error) for word in ("Kernel died", "kernel_info", "No such kernel")):
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
    except ValueError:
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
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells]
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


def _kept(room: Classroom, student: str, assignment: str) -> str:
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


# What the screen shows ----------------------------------------------------------------------


class _Failed(TextColumn):
    def __init__(self) -> None:
        super().__init__("{task.fields[failed]} failed")


def _progress(screen: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Failed(),
        TimeRemainingColumn(compact=True),
        console=screen,
    )


def _line(record: Record) -> str:
    mark = "[red]✗[/red]" if record.status == FAILED else "[yellow]![/yellow]"
    return f"{mark} {escape(record.student)}: {escape(record.sentence)}"


def gradebook_table(
    title: str, standings: list[Standing], words: dict[str, str] | None = None
) -> Table:
    """The gradebook for the screen; words: something to say about each student."""
    table = Table(title=title, title_justify="left")
    table.add_column("Student", overflow="fold")
    if words:
        table.add_column("What is special", overflow="fold")
    for heading in ("Score", "of", "By hand"):
        table.add_column(heading, justify="right")
    table.add_column("Status")
    colours = {GRADED: "green", LOOK: "yellow", FAILED: "red", MISSING: "dim", WAITING: "dim"}
    for row in standings:
        score = "–" if row.score is None else f"{row.score:g}"
        earlier = row.status == FAILED and row.score is not None
        status = f"{row.status}, earlier score kept" if earlier else row.status
        by_hand = f"{row.by_hand:g} to give" if row.by_hand else ""
        colour = colours[row.status]
        special = [escape(words.get(row.student, ""))] if words else []
        cells = [score, f"{row.max_score:g}", by_hand, f"[{colour}]{status}"]
        table.add_row(escape(row.student), *special, *cells)
    if any(row.by_hand for row in standings):
        table.caption = (
            "“By hand”: points of written answers, not in the score until a person gives them "
            "(course lab, Formgrader)."
        )
        table.caption_justify = "left"
    return table
