"""From a graded notebook to a student's page, as nbgrader's GenerateFeedback wants it.

The page is made of what the judge and people said and of what the student wrote. Sources of graded
cells and the task's own text are not on it, so there is nothing hidden to be taken out.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from nbconvert.exporters import Exporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import GetGrades
from nbgrader.utils import compute_checksum, is_grade, is_solution, is_task

from autograder import addresses, pages
from autograder.intake import desk
from autograder.judge.preprocessors import verdicts_in
from autograder.pages.outline import Outline, outline

PICTURES = ("image/png", "image/jpeg")
NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


class Grades(GetGrades):
    """nbgrader's, except that it keeps what people said apart from what a program did.

    A cell's metadata gain `comment`, a person's or "", and `score`, `points`, `waiting` (for a
    person to give points) and `by_person` (a person has given them).
    """

    def _get_comment(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        comment = self.gradebook.find_comment(*self._where(cell))
        cell.metadata.nbgrader["comment"] = comment.manual_comment or ""

    def _get_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        grade = self.gradebook.find_grade(*self._where(cell))
        cell.metadata.nbgrader |= {
            "score": grade.score,
            "points": grade.max_score,
            "waiting": grade.needs_manual_grade,
            "by_person": grade.manual_score is not None,
        }

    def _where(self, cell: NotebookNode) -> tuple[str, str, str, str]:
        name = cell.metadata.nbgrader["grade_id"]
        return name, self.notebook_id, self.assignment_id, self.student_id


@dataclass
class Answer:
    """A cell for the student's answer: what it holds, and what it gave when it ran.

    text: code, or words; empty when nothing was written; printed: what it printed, or its error;
    drawn: pictures, as addresses that hold them.
    """

    name: str
    is_code: bool
    text: str
    printed: str = ""
    drawn: list[str] = field(default_factory=list)


@dataclass
class Part:
    """An exercise: its points, what the judge found, what people said, the answers it is about.

    waiting: whether a person still gives the points; by_person: whether one has given them;
    verdict: the judge's data, None for questions that people read.
    """

    name: str
    score: float
    points: float
    waiting: bool
    by_person: bool
    verdict: dict | None
    answers: list[Answer]
    comments: list[str]

    @property
    def attempted(self) -> bool:
        """Whether there is anything to judge."""
        if self.verdict:
            return self.verdict["attempted"] or bool(self.verdict["message"])
        return self.waiting or self.by_person or any(answer.text for answer in self.answers)

    @property
    def share(self) -> float:
        """Share of the points, or of what is right where there are none to be had; 0 to 1."""
        if self.points:
            return min(self.score / self.points, 1.0)
        return self.verdict["fraction"] if self.verdict else 0.0

    @property
    def said(self) -> str:
        """How it went, in a sentence."""
        if self.waiting:
            return "A person reads this answer; its points are still to come."
        if not self.attempted:
            return "Not attempted yet."
        if self.verdict:
            said = self.verdict["said"]
            return said[0].upper() + said[1:]
        return "A person has read this answer."


@dataclass
class Page:
    """Everything the template shows; score and max_score: of the whole notebook."""

    course: str
    assignment: str
    student: str
    outline: Outline
    parts: list[Part]
    score: float
    max_score: float
    late_penalty: float
    repairs: list[str]
    contained: bool

    @property
    def waiting(self) -> float:
        """Points that a person has still to give."""
        return sum(part.points for part in self.parts if part.waiting)


class FeedbackExporter(Exporter):
    """Writes the page instead of nbconvert's picture of the whole notebook."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def from_notebook_node(
        self, nb: NotebookNode, resources: ResourcesDict | None = None, **options
    ) -> tuple[str, ResourcesDict]:
        """The page, made after `Grades` has filled in scores and comments."""
        nb, resources = super().from_notebook_node(nb, resources, **options)
        about = resources["nbgrader"]
        student, assignment, notebook = (
            about[key] for key in ("student", "assignment", "notebook")
        )
        coursedir = CourseDirectory(config=self.config)
        submitted = coursedir.format_path(coursedir.submitted_directory, student, assignment)
        page = Page(
            course=addresses.load().title,
            assignment=assignment,
            student=student,
            outline=outline(assignment, notebook),
            parts=parts(nb),
            score=about["score"],
            max_score=about["max_score"],
            late_penalty=about["late_penalty"],
            repairs=desk.repairs(Path(submitted), f"{notebook}.ipynb"),
            contained=all(verdict["contained"] for verdict in verdicts_in(nb.cells)),
        )
        return pages.render("feedback.html", it=page), resources


def parts(nb: NotebookNode) -> list[Part]:
    """The exercises of a graded notebook, in order.

    An answer belongs to the next cell that is graded: an exercise may have several steps.
    """
    found, answers, comments = [], [], []
    for cell in nb.cells:
        if is_solution(cell):
            answers.append(_answer(cell))
        if is_solution(cell) or is_task(cell):
            comments.append(cell.metadata.nbgrader["comment"])
        if is_grade(cell) or is_task(cell):
            found.append(_part(cell, answers, [comment for comment in comments if comment]))
            answers, comments = [], []
    return found


def _part(cell: NotebookNode, answers: list[Answer], comments: list[str]) -> Part:
    about = cell.metadata.nbgrader
    return Part(
        name=about.grade_id,
        score=about.score,
        points=about.points,
        waiting=about.waiting,
        by_person=about.by_person,
        verdict=next(iter(verdicts_in([cell])), None),
        answers=answers,
        comments=comments,
    )


def _answer(cell: NotebookNode) -> Answer:
    about = cell.metadata.nbgrader
    unchanged = about.get("checksum") == compute_checksum(cell)
    name = about.grade_id.removesuffix("-answer")
    answer = Answer(name, cell.cell_type == "code", "" if unchanged else cell.source)
    if unchanged:
        return answer
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        pictures = [kind for kind in PICTURES if kind in data]
        answer.drawn += [_picture(kind, data[kind]) for kind in pictures[:1]]
        if output.output_type == "error":
            answer.printed += f"{output.ename}: {output.evalue}\n"
        elif not pictures:
            answer.printed += output.get("text", "") or data.get("text/plain", "") + "\n"
    return answer


def _picture(kind: str, encoded: str) -> str:
    """An address that holds the picture itself; whatever is sent as one, it leads nowhere else."""
    return f"data:{kind};base64,{NOT_BASE64.sub('', encoded)}"
