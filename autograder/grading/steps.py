"""nbgrader's Autograde in two halves, with the workers' part in between.

The first half sanitises a submission and enters it into the gradebook, the second one enters its
marks. Both are nbgrader's own steps in nbgrader's own order: taken together with what
:func:`autograder.grading.worker.examine` does, they give the marks that `nbgrader autograde` gives.
"""

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.converters import Autograde
from nbgrader.converters.base import BaseConverter
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import rmtree

from autograder import CourseError
from autograder.classroom import Classroom
from autograder.grading import worker
from autograder.grading.gradebook import fault
from autograder.judge.keys import course_key, submission_key
from autograder.judge.preprocessors import ON_WORKERS
from autograder.kernels.provisioner import ContainedProvisioner

__all__ = ["Unfit", "enter_marks", "prepare", "take_back"]


class Unfit(Exception):
    """A submission that nbgrader cannot process. Its cause is what nbgrader ran into."""


class _Half(Autograde):
    """One half; it keeps what went wrong instead of only logging it."""

    cause: BaseException | None = None
    contained = True

    def __init__(self, room: Classroom, student: str, assignment: str):
        coursedir = CourseDirectory(
            config=room.config, assignment_id=assignment, student_id=glob.escape(student)
        )
        # What is graded already and unchanged was left out before; whatever else lies there is old.
        super().__init__(coursedir=coursedir, config=room.config, force=True)
        if coursedir.student_id != glob.escape(student):
            raise Unfit from ValueError("nbgrader takes blanks off the ends of this folder's name")
        self.room = room

    def run(self) -> None:
        """Do it. Raises Unfit, or CourseError where the submission is not to blame."""
        try:
            self.start()
        except (Exception, SystemExit) as error:
            cause = self.cause or error
            if said := _fault(self.room, cause):
                raise CourseError(said) from cause
            raise Unfit from cause

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.cause = error
            raise

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        with self._keeping():
            super().init_assignment(assignment_id, student_id)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        with self._keeping():
            self._init_preprocessors()
            BaseConverter.convert_single_notebook(self, notebook_filename)


class _Sanitise(_Half):
    """Up to the notebook that is to run."""

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """Not yet: it is written once more."""

    def run_post_convert_hook(self) -> None:
        """Not yet."""


class _EnterMarks(_Half):
    """From the judged notebook on."""

    _sanitizing = False

    def init_notebooks(self) -> None:
        super().init_notebooks()
        later = [step for step in self.autograde_preprocessors if step not in ON_WORKERS]
        self.autograde_preprocessors = later

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        return True

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Done by the first half."""

    def run_pre_convert_hook(self) -> None:
        """Done by the first half."""

    def init_single_notebook_resources(self, notebook_filename: str) -> dict:
        resources = super().init_single_notebook_resources(notebook_filename)
        return resources | {"convnets_contained": self.contained}


def _fault(room: Classroom, error: BaseException) -> str:
    """What to do about an error that is no submission's fault, in words; else nothing."""
    submitted = Path(room.coursedir.format_path(room.coursedir.submitted_directory, ".", "."))
    where = getattr(error, "filename", None)
    if isinstance(where, str) and Path(where).is_relative_to(submitted):
        return ""
    return fault(error, room.gradebook_words)


def prepare(room: Classroom, student: str, assignment: str, walls: bool = True) -> worker.Job:
    """Sanitise a submission where its graded notebook will be, and pack it for a worker.

    walls: whether it may run in a sandbox only. Raises Unfit, or CourseError where the gradebook
    or the disk is to blame.
    """
    _Sanitise(room, student, assignment).run()
    try:
        folder = room.folder("autograded", student, assignment)
        paths = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
        files = {name: path for name, path in paths.items() if path.is_file()}
        beside = {name: path for name, path in files.items() if path.suffix != ".ipynb"}
        _check_size(sum(path.stat().st_size for path in beside.values()), room)
        names = [name for name in room.notebooks(assignment) if name in files]
        key = course_key(room.config.Arm.key_file)
        return worker.Job(
            student,
            assignment,
            {name: files[name].read_text(encoding="utf-8") for name in names},
            {name: path.read_bytes() for name, path in beside.items()},
            submission_key(key, student, assignment),
            _settings(room),
            walls,
            worker.course(),
        )
    except (OSError, ValueError) as error:
        take_back(room, student, assignment)
        if said := _fault(room, error):
            raise CourseError(said) from error
        raise Unfit from error


def _check_size(size: int, room: Classroom) -> None:
    most = ContainedProvisioner(config=room.config).tmp_mb
    if size > most << 20:
        raise ValueError(f"its files take {size >> 20} MB, and a notebook has {most} MB for them")


def _settings(room: Classroom) -> dict:
    """How notebooks are executed, so that workers do it as they would be here.

    Where things lie is a machine's own business, and a function stays where it is.
    """
    sections = {name: dict(room.config[name]) for name in ("Execute", "ContainedProvisioner")}
    sections["ContainedProvisioner"].pop("readable", None)
    return {
        name: {key: value for key, value in section.items() if not callable(value)}
        for name, section in sections.items()
    }


def enter_marks(
    room: Classroom, student: str, assignment: str, notebooks: dict[str, str], contained: bool
) -> None:
    """Enter the marks of judged notebooks into the gradebook, and keep the notebooks.

    Raises Unfit, or CourseError where the gradebook or the disk is to blame.
    """
    folder = room.folder("autograded", student, assignment)
    half = _EnterMarks(room, student, assignment)
    half.contained = contained
    if not notebooks or {*notebooks} != {path.name for path in folder.glob("*.ipynb")}:
        # What was not judged must not be entered: nbgrader gives such cells their points.
        raise Unfit from ValueError("not all of its notebooks were judged")
    try:
        for name, text in notebooks.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CourseError(fault(error, room.gradebook_words) or str(error)) from error
    half.run()


def take_back(room: Classroom, student: str, assignment: str) -> None:
    """Remove what a submission that failed has left, as nbgrader does."""
    folder = room.folder("autograded", student, assignment)
    if os.path.exists(folder):
        rmtree(str(folder))
