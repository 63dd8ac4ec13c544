"""One class: where its submissions lie, what its gradebook says, what grading found out."""

import datetime
import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TextIO

import nbformat
from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    Gradebook,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.coursedir import CourseDirectory
from rich.console import Console
from sqlalchemy import make_url
from sqlalchemy.orm import selectinload
from traitlets.log import get_logger

from autograder import ROOT, CourseError, release
from autograder.configuration import course_config
from autograder.judge.preprocessors import verdicts_in

GRADED, LOOK, FAILED = "graded", "needs a look", "failed"
MISSING, WAITING = "missing", "not graded yet"


@dataclass
class Record:
    """What grading found out about one submission.

    status: GRADED, LOOK or FAILED; reasons: why, in plain words, for the instructor and the
    student; detail: what the software said, for the instructor; digest: of the submitted files;
    kept: what an earlier grading left in the gradebook although this one failed; repairs: what was
    done to the notebook before it was graded; seconds: it took; cpu: seconds of computing, all
    processes together; memory: MB of the largest of them, 0 if unknown; lost: workers that were
    lost over it.
    """

    student: str
    status: str
    reasons: list[str] = field(default_factory=list)
    detail: str = ""
    kept: str = ""
    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    lost: int = 0
    digest: str = ""
    repairs: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """Everything that is to be said about the submission, with a full stop."""
        said = [*self.reasons, self.detail, self.kept]
        return "; ".join(part for part in said if part) + "."


@dataclass
class Standing:
    """One row of the gradebook: points, and points still to be given by hand.

    score: None where there is nothing to grade, or grading never succeeded; max_score: of the
    assignment; by_hand: how many of these points wait for a person; status: that of the record,
    MISSING or WAITING.
    """

    student: str
    score: float | None
    max_score: float
    by_hand: float
    status: str
    record: Record | None = None


class Classroom:
    """A class in its folder.

    place: the folder with submissions, gradebook and feedback; the course's own by default;
    sandbox: whether notebooks are contained, if not as the environment says.
    """

    def __init__(self, place: Path | None = None, sandbox: bool | None = None):
        self.place = Path(place or ROOT / "autograder").resolve()
        self.config = course_config(place, sandbox)
        self.coursedir = CourseDirectory(config=self.config)

    # Where things lie -----------------------------------------------------------------------

    def folder(self, step: str, student: str, assignment: str) -> Path:
        """The folder of a submission; step: "submitted", "autograded" or "feedback"."""
        directory = getattr(self.coursedir, f"{step}_directory")
        return Path(self.coursedir.format_path(directory, student, assignment))

    @property
    def logs(self) -> Path:
        """Where nbgrader's logs and the records of grading are."""
        return self.place / "logs"

    def report(self, assignment: str) -> Path:
        """The instructor's report."""
        return self.place / "reports" / f"{assignment}.html"

    def notebooks(self, assignment: str) -> list[str]:
        """File names of the assignment's notebooks."""
        return sorted(path.name for path in (ROOT / "solutions" / assignment).glob("*.ipynb"))

    # Who submitted what ---------------------------------------------------------------------

    def submissions(self) -> list[tuple[str, str]]:
        """(student, assignment) of everything that was submitted."""
        root = Path(self.coursedir.format_path(self.coursedir.submitted_directory, ".", "."))
        pairs = ((path.parent.name, path.name) for path in root.glob("*/*") if path.is_dir())
        return sorted(pair for pair in pairs if not any(name.startswith(".") for name in pair))

    def students(self, assignment: str) -> list[str]:
        """Who submitted the assignment."""
        return [who for who, name in self.submissions() if name == assignment and _text(who)]

    def assignments(self, named: list[str] | None = None) -> list[str]:
        """The assignments named, or all with submissions. Raises CourseError if there are none."""
        if named:
            return list(dict.fromkeys(release.chosen(named)))
        found = sorted({name for _, name in self.submissions()} & {*release.assignments()})
        if not found:
            example = self.folder("submitted", "STUDENT", "01_convolution") / "convolution.ipynb"
            raise CourseError(
                f"There are no submissions. Put them where this one would lie: {example}"
            )
        return found

    def strangers(self) -> list[Path]:
        """Submitted folders that are of no assignment, or have a name that is no text."""
        known = release.assignments()
        strange = (at for at in self.submissions() if at[1] not in known or not _text(at[0]))
        return [self.folder("submitted", *at) for at in strange]

    def digest(self, student: str, assignment: str) -> str:
        """A fingerprint of everything that was submitted; what cannot be read counts as such."""
        folder, hashed = self.folder("submitted", student, assignment), hashlib.sha256()
        for path in sorted(path for path in folder.rglob("*") if not path.is_dir()):
            content = "no file"
            with suppress(OSError):
                if path.is_file() and not path.is_symlink():
                    content = hashlib.sha256(path.read_bytes()).hexdigest()
            hashed.update(os.fsencode(path.relative_to(folder)) + f"\0{content}\0".encode())
        return hashed.hexdigest()

    # What grading found out -----------------------------------------------------------------

    def log(self, assignment: str, event: str, **about: object) -> None:
        """Add a line of JSON to what is known about an assignment; see :meth:`events`."""
        self.logs.mkdir(parents=True, exist_ok=True)
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        line = json.dumps({"when": now, "event": event, **about})
        with open(self._journal(assignment), "a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")  # what broke off before it stays a line of its own

    def events(self, assignment: str) -> Iterator[dict]:
        """Everything that happened to an assignment, oldest first.

        registered: the gradebook was told about it; begun: what was graded of a student is being
        replaced; graded; lost: a worker was, with a submission.

        Each has "when" and "event"; a graded submission has the fields of its :class:`Record`.
        What cannot be read is left out: it only saves work.
        """
        with suppress(OSError), open(self._journal(assignment), encoding="utf-8") as lines:
            for line in lines:
                with suppress(ValueError):
                    event = json.loads(line)
                    if isinstance(event, dict) and "event" in event:
                        yield event

    def _journal(self, assignment: str) -> Path:
        return self.logs / f"{assignment}.jsonl"

    def solution(self, assignment: str) -> str:
        """A fingerprint of the solution the gradebook was told about last, or nothing."""
        found = [event.get("solution", "") for event in self.events(assignment)]
        return next(filter(None, reversed(found)), "")

    def records(self, assignment: str) -> dict[str, Record]:
        """The latest record of every student."""
        names, found = {each.name for each in fields(Record)}, {}
        for event in self.events(assignment):
            if event["event"] == "begun" and "student" in event:
                found[event["student"]] = Record(event["student"], WAITING)
            elif event["event"] == "graded":
                with suppress(TypeError, KeyError):
                    record = Record(**{k: v for k, v in event.items() if k in names})
                    found[record.student] = record
        return found

    def keep_record(self, assignment: str, record: Record) -> None:
        """Add a student's latest record."""
        self.log(assignment, "graded", **asdict(record))

    def graded_cells(self, student: str, assignment: str) -> list[NotebookNode]:
        """The cells of the graded notebooks that nbgrader knows; none without such a notebook."""
        cells = []
        for name in self.notebooks(assignment):
            path = self.folder("autograded", student, assignment) / name
            with suppress(OSError, ValueError):
                # nbgrader wrote it; nbformat.read would spend most of the time on validating it.
                cells += nbformat.v4.reads(path.read_text(encoding="utf-8")).cells
        return [cell for cell in cells if "grade_id" in cell.metadata.get("nbgrader", {})]

    def verdicts(self, student: str, assignment: str) -> list[dict]:
        """What the judge wrote into the graded cells, in order; empty without a graded notebook."""
        return verdicts_in(self.graded_cells(student, assignment))

    def answer(self, student: str, assignment: str, exercise: str) -> str:
        """What a student wrote for an exercise, or nothing."""
        for cell in self.graded_cells(student, assignment):
            if cell.metadata.nbgrader.grade_id == f"{exercise}-answer":
                return cell.source
        return ""

    # The gradebook --------------------------------------------------------------------------

    @property
    def gradebook_file(self) -> Path | None:
        """Where an SQLite gradebook is; None for a database on a server."""
        kind, _, path = self.coursedir.db_url.partition(":///")
        return Path(path) if kind == "sqlite" else None

    @property
    def gradebook_words(self) -> str:
        """Where the gradebook is, for people; without a password."""
        url = make_url(self.coursedir.db_url)
        return str(self.gradebook_file or url.render_as_string(hide_password=True))

    @contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        """nbgrader's gradebook. Made when there is none."""
        coursedir = self.coursedir
        self.place.mkdir(parents=True, exist_ok=True)
        with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            yield gradebook

    def submissions_known(self, gradebook: Gradebook, assignment: str) -> dict:
        """What the open gradebook has of everybody: SubmittedAssignment with grades, by student.

        All is loaded at once: for thousands, a query for each takes minutes, and so do sums made by
        the gradebook, such as the `score` of a whole submission.
        """
        loaded = selectinload(SubmittedAssignment.notebooks).selectinload(SubmittedNotebook.grades)
        found = gradebook.db.query(SubmittedAssignment).join(SubmittedAssignment.assignment)
        found = found.filter(Assignment.name == assignment).options(loaded)
        return {submission.student_id: submission for submission in found}

    def standings(self, assignment: str) -> list[Standing]:
        """Everybody's standing, those who submitted nothing included."""
        records, submitted = self.records(assignment), set(self.students(assignment))
        with self.gradebook() as gradebook:
            try:
                max_score = gradebook.find_assignment(assignment).max_score
            except MissingEntry:
                max_score = 0.0
            rows = {student.id: None for student in gradebook.students} | dict.fromkeys(submitted)
            for student, found in self.submissions_known(gradebook, assignment).items():
                grades = [grade for notebook in found.notebooks for grade in notebook.grades]
                if any(g.auto_score is not None or g.manual_score is not None for g in grades):
                    open_points = sum(g.cell.max_score for g in grades if g.needs_manual_grade)
                    late = sum(
                        notebook.late_submission_penalty or 0 for notebook in found.notebooks
                    )
                    score = max(0.0, sum(grade.score for grade in grades) - late)
                    rows[student] = (score, open_points)
        standings = []
        for student, row in sorted(rows.items()):
            record = records.get(student) if student in submitted else None
            graded = self.folder("autograded", student, assignment).is_dir()
            status = record.status if record else GRADED if graded and row else WAITING
            if student not in submitted and not graded:
                status = MISSING
            score, by_hand = row or (None, 0.0)
            by_hand = by_hand if graded else 0.0
            standings.append(Standing(student, score, max_score, by_hand, status, record))
        return standings

    def logged(self, name: str) -> AbstractContextManager[Console]:
        """Send nbgrader's log, and whatever else prints, to a file below `logs`.

        Gives a console that still writes to the screen.
        """
        return logged(self.logs / name)


def _text(name: str) -> bool:
    """Whether a file's name is text, and not only bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def logged(path: Path) -> Iterator[Console]:
    """Send nbgrader's log, and whatever this process and its kernels print, to a file.

    Gives a console that still writes to the screen. What no longer fits on the disk is lost.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    log = open(path, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - closing it may fail
    with _screen() as screen:
        kept = [(number, os.dup(number)) for number in (1, 2)]
        handler = _handler(log)
        try:
            for number, _ in kept:
                os.dup2(log.fileno(), number)
            yield screen
        finally:
            get_logger().removeHandler(handler)
            for stream in (sys.stdout, sys.stderr, log):
                with suppress(OSError):
                    stream.flush()
            for number, copy in kept:
                os.dup2(copy, number)
                os.close(copy)
            with suppress(OSError):
                log.close()


@contextmanager
def _screen() -> Iterator[Console]:
    """A console that stays on the screen while file descriptor 1 leads elsewhere."""
    try:
        on_screen = sys.stdout.fileno() == 1
    except (OSError, ValueError):  # captured, as in tests
        on_screen = False
    if on_screen:
        with open(os.dup(1), "w", encoding=sys.stdout.encoding) as file:
            yield Console(file=file)
    else:
        yield Console()


def _handler(log: TextIO) -> logging.Handler:
    """Have nbgrader log to a file."""
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = get_logger()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return handler
