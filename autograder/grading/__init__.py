"""Grading a class: many submissions at once, one writer, and nobody stops the others.

This process sanitises submissions and enters marks (`steps`, `gradebook`); workers arm, run and
judge them (`worker`), on this machine or on many (`cluster`).
"""

import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil
from nbgrader.api import MissingEntry
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.exc import DBAPIError
from traitlets.log import get_logger

from autograder import ROOT, CourseError, containment, release
from autograder.classroom import FAILED, GRADED, LOOK, WAITING, Classroom, Record
from autograder.grading import cluster, gradebook, screen, steps
from autograder.grading.reasons import explain, kept, remarks
from autograder.grading.screen import gradebook_table
from autograder.grading.worker import Examined, Job, examine
from autograder.intake import desk
from autograder.kernels.provisioner import ContainedProvisioner, shared_zygote

__all__ = ["grade", "gradebook_table", "register", "remarks"]

MARGIN = 300
"""Seconds a worker has for everything beside running a notebook."""


def grade(
    room: Classroom,
    named: Sequence[str] = (),
    student: str | None = None,
    force: bool = False,
    jobs: int | None = None,
    scheduler: str | None = None,
) -> dict[str, list[Record]]:
    """Grade what was submitted and is new or has changed, and say what went wrong.

    named: assignments, all with submissions by default; student: only this one; force: grade again
    what is graded already; jobs: so many at once on this machine, by default one per core;
    scheduler: the address of a dask.distributed scheduler whose workers do it instead. Returns the
    records of what was graded now, by assignment. Interrupted, it can be run again and goes on.

    Raises CourseError if there is no sandbox and nobody has said that none is needed, and where the
    gradebook, the disk or the scheduler fails; what is recorded by then stays recorded.
    """
    try:
        return _grade_class(room, named, student, force, jobs, cluster.address(scheduler))
    except (OSError, sqlite3.Error, DBAPIError) as error:
        said = gradebook.fault(error, room.gradebook_words)
        raise CourseError(said or f"{type(error).__name__}: {error}") from error


def _grade_class(
    room: Classroom,
    named: Sequence[str],
    student: str | None,
    force: bool,
    jobs: int | None,
    address: str | None,
) -> dict[str, list[Record]]:
    assignments = room.assignments(list(named))
    walls = _walls(room, address)
    with gradebook.alone(room), room.logged("grading.log") as console:
        if not walls:
            console.print(f"[bold red]NO SANDBOX[/]: {containment.WARNING}", soft_wrap=True)
        elif not address:
            containment.look(room.config)
        for folder in room.strangers():
            name = os.fsencode(folder).decode(errors="replace")
            console.print(f"Left alone, not named like an assignment: {name}", soft_wrap=True)
        gradebook.ready(room)
        todo = [
            (name, assignment)
            for assignment in assignments
            for name in _to_grade(room, assignment, student, force, console, bool(named))
        ]
        if student and not any(student in room.students(name) for name in assignments):
            raise CourseError(f"There is no submission of {student}.")
        with screen.progress(console) as progress:
            records = {name: [] for name in assignments}
            run = _Run(room, console, progress, len(todo), walls, records)
            try:
                _grade(run, todo, jobs, address)
            except CourseError as error:
                raise CourseError(f"{error} {run.so_far}") from error
            except KeyboardInterrupt:
                console.print(f"Interrupted. {run.so_far}")
                raise
        return run.records


def _to_grade(
    room: Classroom,
    assignment: str,
    student: str | None,
    force: bool,
    console: Console,
    is_named: bool,
) -> list[str]:
    """Whose submissions of an assignment are to be graded."""
    register(room, assignment)
    students = [name for name in room.students(assignment) if student in (None, name)]
    if is_named and not students:
        whose = f"of {student} " if student else ""
        raise CourseError(f"There is no submission {whose}for {assignment}.")
    todo = students if force else not_up_to_date(room, students, assignment)
    if len(todo) < len(students):
        same = len(students) - len(todo)
        console.print(f"{assignment}: {same} graded before and unchanged (--force grades again).")
    return todo


def not_up_to_date(room: Classroom, students: Sequence[str], assignment: str) -> list[str]:
    """All but those of whom exactly these files were graded, and whose marks are there."""
    records, left = room.records(assignment), []
    with room.gradebook() as book:
        for student in students:
            record = records.get(student)
            if (
                record is None
                or record.status in (FAILED, WAITING)
                or record.digest != room.digest(student, assignment)
                or not room.folder("autograded", student, assignment).is_dir()
            ):
                left.append(student)
                continue
            try:
                book.find_submission(assignment, student)
            except MissingEntry:
                left.append(student)
    return left


def register(room: Classroom, assignment: str) -> None:
    """Tell the gradebook which cells are graded, unless it knows; again if the solution changed.

    Raises CourseError when the gradebook cannot take it.
    """
    source = ROOT / "solutions" / assignment
    contents = [(source / name).read_bytes() for name in room.notebooks(assignment)]
    solution = hashlib.sha256(b"".join(contents)).hexdigest()
    with room.gradebook() as book, suppress(MissingEntry):
        book.find_assignment(assignment)
        if room.solution(assignment) == solution:
            return
    try:
        release.register(room.config, assignment)
    except CourseError as error:
        room.logs.mkdir(parents=True, exist_ok=True)
        (room.logs / "registering.log").write_text(str(error), encoding="utf-8")
        raise CourseError(
            f"{assignment} cannot be entered into the gradebook; {room.logs / 'registering.log'} "
            "has what nbgrader says. If graded cells were added, removed or renamed after the "
            "first submission was graded, nbgrader wants another assignment name."
        ) from error
    room.log(assignment, "registered", solution=solution)


def _grade(run: "_Run", todo: list[tuple[str, str]], jobs: int | None, address: str | None) -> None:
    if not todo:
        return
    several = max(len(run.room.notebooks(name)) for name in run.records)
    workers = min(jobs or psutil.cpu_count(logical=True) or 1, len(todo))
    deadline = ContainedProvisioner(config=run.room.config).deadline
    with (
        _shared_zygote(run.room, address),
        cluster.opened(address, workers, [examine.__module__]) as client,
    ):
        if address and not client.nthreads():
            run.console.print(f"Waiting for a worker at {address} (Ctrl-C stops).")
            cluster.wait_for_worker(client)
        found = cluster.done_by(
            client, examine, run.jobs(todo), 2 * (several * deadline + MARGIN), run.lose
        )
        for job, result in found:
            run.finish(job, result)


def _walls(room: Classroom, address: str | None) -> bool:
    """Whether notebooks may run in a sandbox only: wherever there can be one, and it is wanted."""
    return room.config.ContainedProvisioner.sandbox and (
        address is not None or not containment.given_up(room.config)
    )


@contextmanager
def _shared_zygote(room: Classroom, address: str | None) -> Iterator[None]:
    """One zygote for all workers on this machine."""
    kernels, settings = ContainedProvisioner(config=room.config), room.config.ContainedProvisioner
    if address or not kernels.contained or not kernels.warm:
        yield
        return
    with shared_zygote(kernels.preload) as where:
        settings.zygote = where
        try:
            yield
        finally:
            del settings["zygote"]


@dataclass
class _Run:
    """One run over a class: what it has recorded so far, and where it says so."""

    room: Classroom
    console: Console
    progress: Progress
    total: int
    walls: bool
    records: dict[str, list[Record]]
    open: dict[str, Record] = field(default_factory=dict)
    failed: int = 0
    retried: int = 0

    def __post_init__(self) -> None:
        self.bar = self.progress.add_task("grading", total=self.total, failed=0, retried=0)

    @property
    def done(self) -> int:
        """How many are recorded."""
        return sum(map(len, self.records.values()))

    @property
    def so_far(self) -> str:
        """What to say when it stops before its end."""
        return f"{self.done} of {self.total} are graded and recorded; run it again for the rest."

    def jobs(self, todo: list[tuple[str, str]]) -> Iterator[Job]:
        """Prepare submissions one by one; those that cannot be are recorded at once."""
        for student, assignment in todo:
            repairs = desk.mend(self.room, student, assignment)
            digest = self.room.digest(student, assignment)
            record = Record(student, GRADED, digest=digest, repairs=repairs)
            began = time.monotonic()
            try:
                self.room.log(assignment, "begun", student=student)
                job = steps.prepare(self.room, student, assignment, self.walls)
            except steps.Unfit as error:
                self._fail(record, assignment, error.__cause__)
                continue
            record.seconds = time.monotonic() - began
            self.open[job.name] = record
            yield job

    def lose(self, job: Job, why: str, again: bool) -> None:
        """A worker was lost over a submission."""
        self.retried += again
        self.open[job.name].lost += 1
        self.room.log(job.assignment, "lost", student=job.student, why=why, again=again)
        self.console.print(
            f"[yellow]![/yellow] {job.name}: {why}; {'tried again' if again else 'given up'}."
        )
        self.progress.update(self.bar, retried=self.retried)

    def finish(self, job: Job, result: Examined | BaseException) -> None:
        """Enter what came of a submission into the gradebook, and record it."""
        record = self.open.pop(job.name)
        if isinstance(result, BaseException):
            self._fail(record, job.assignment, result)
            return
        if result.refused:
            raise CourseError(result.refused)
        for level, message in result.log:
            get_logger().log(level, "%s: %s", job.name, message)
        began = time.monotonic()
        record.cpu, record.memory = round(result.cpu, 2), round(result.memory, 1)
        record.seconds += result.seconds
        if result.error:
            self._fail(record, job.assignment, *result.error)
            return
        try:
            steps.enter_marks(
                self.room, job.student, job.assignment, result.notebooks, result.contained
            )
        except steps.Unfit as error:
            self._fail(record, job.assignment, error.__cause__)
            return
        unfound = [note for note in record.repairs if note.endswith(desk.NOT_FOUND)]
        record.reasons = unfound + remarks(self.room.verdicts(job.student, job.assignment))
        record.status = LOOK if record.reasons else GRADED
        record.seconds += time.monotonic() - began
        self._keep(record, job.assignment)

    def _fail(
        self, record: Record, assignment: str, error: BaseException | str, text: str = ""
    ) -> None:
        kind, text = (error, text) if isinstance(error, str) else (type(error).__name__, str(error))
        where = self.room, record.student, assignment
        steps.take_back(*where)
        record.status = FAILED
        record.reasons, record.detail = explain(*where, kind, text)
        record.kept = kept(*where)
        get_logger().log(logging.ERROR, "%s of %s: %s: %s", assignment, record.student, kind, text)
        self._keep(record, assignment)

    def _keep(self, record: Record, assignment: str) -> None:
        record.seconds = round(record.seconds, 2)
        self.room.keep_record(assignment, record)
        self.records[assignment].append(record)
        self.failed += record.status == FAILED
        if record.status != GRADED:
            self.console.print(screen.line(record), soft_wrap=True)
        self.progress.update(self.bar, advance=1, failed=self.failed)
