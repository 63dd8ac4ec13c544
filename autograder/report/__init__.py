"""The instructor's report on an assignment: one HTML file that needs nothing else."""

import datetime
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

from jinja2 import Environment, FileSystemLoader, StrictUndefined  # comes with nbconvert
from markupsafe import Markup, escape
from nbgrader.api import MissingEntry

from autograder import CourseError, addresses, grading
from autograder.classroom import FAILED, LOOK, MISSING, WAITING, Classroom, Standing
from autograder.exercises import load

MOST_ROWS = 12


@dataclass
class Item:
    """One graded cell over the class.

    points: it is worth; shares: of the points that those graded got, 0 to 1; attempted: how many
    wrote something; open: how many wait for a person; by_hand: whether a person gives the points.
    """

    name: str
    points: float
    by_hand: bool
    shares: list[float] = field(default_factory=list)
    attempted: int = 0
    open: int = 0

    @property
    def mean(self) -> float | None:
        """The mean share, 0 to 1; None if nobody has any points yet."""
        return mean(self.shares) if self.shares else None

    @property
    def right(self) -> int:
        """How many have all points."""
        return sum(share == 1 for share in self.shares)


@dataclass
class Tally:
    """Something that happened to several students: a case that failed, a mistake.

    certain: those for whom it explains everything; students: all of them.
    """

    exercise: str
    words: str
    students: list[str] = field(default_factory=list)
    certain: list[str] = field(default_factory=list)
    among: int = 0


@dataclass
class Flag:
    """Something unusual in a student's answers, and what is known about it.

    exercises: where, each with the share scored there, 0 to 1; evidence: what the answers said;
    sources: the cells the student wrote for these exercises.
    """

    student: str
    flag: str
    exercises: dict[str, float] = field(default_factory=dict)
    evidence: Counter[str] = field(default_factory=Counter)
    sources: list[str] = field(default_factory=list)


@dataclass
class Trouble:
    """A submission that could not be graded, or not all of it."""

    student: str
    failed: bool
    reasons: list[str]
    detail: str = ""
    kept: str = ""


@dataclass
class Findings:
    """Everything the page shows."""

    title: str
    assignment: str
    when: str
    standings: list[Standing]
    items: list[Item]
    cases: list[Tally]
    mistakes: list[Tally]
    troubles: list[Trouble]
    flags: list[Flag]
    repairs: dict[str, list[str]]
    shares: dict[str, dict[str, float]]
    feedback: dict[str, str]
    uncontained: list[str] = field(default_factory=list)

    def having(self, *statuses: str) -> list[Standing]:
        """Rows with one of the statuses."""
        return [row for row in self.standings if row.status in statuses]

    @property
    def graded(self) -> list[Standing]:
        """Rows whose latest submission was graded and so counts in the statistics."""
        return [s for s in self.standings if s.status not in (FAILED, MISSING, WAITING)]

    @property
    def scores(self) -> list[float]:
        """Points of everybody graded."""
        return [row.score for row in self.graded if row.score is not None]

    @property
    def times(self) -> list[tuple[float, str]]:
        """Seconds that grading took, and whose, longest first."""
        rows = [row for row in self.standings if row.record and row.record.seconds]
        return sorted(((row.record.seconds, row.student) for row in rows), reverse=True)

    @property
    def bins(self) -> list[tuple[str, int]]:
        """The distribution of the scores: a label and a number of students for each tenth."""
        top = max([row.max_score for row in self.standings] + [1.0])
        counts = Counter(min(int(10 * score / top), 9) for score in self.scores)
        edges = [f"{top * i / 10:g}" for i in range(11)]
        return [(f"{edges[i]}–{edges[i + 1]}", counts[i]) for i in range(10)]


def write(room: Classroom, named: Sequence[str] = ()) -> list[Path]:
    """Write the reports of the assignments named, by default all with submissions.

    Returns their paths. Raises CourseError if nothing is graded yet.
    """
    paths = []
    for assignment in room.assignments(list(named)):
        path = room.report(assignment)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(collect(room, assignment)), encoding="utf-8")
        paths.append(path)
    return paths


def render(findings: Findings) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["marked"] = _marked
    environment.filters["percent"] = lambda share: f"{round(100 * share)} %"
    environment.globals.update(median=median, mean=mean, failed=FAILED, look=LOOK, most=MOST_ROWS)
    return environment.get_template("page.html").render(it=findings)


def _marked(text: str) -> Markup:
    """Text for the page, with what stands between backticks set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def collect(room: Classroom, assignment: str) -> Findings:
    """Read everything from the gradebook, the graded notebooks and the records of grading."""
    standings = room.standings(assignment)
    findings = Findings(
        title=addresses.load().title,
        assignment=assignment,
        when=datetime.datetime.now().astimezone().strftime("%d %B %Y, %H:%M"),
        standings=standings,
        items=_items(room, assignment),
        cases=[],
        mistakes=[],
        troubles=[],
        flags=[],
        repairs={row.student: row.record.repairs for row in standings if row.record},
        shares={},
        feedback=_feedback(room, assignment, standings),
    )
    if not findings.graded and not findings.having(FAILED):
        raise CourseError(f"Nothing of {assignment} is graded yet: course grade {assignment}")
    items = {item.name: item for item in findings.items}
    cases: dict[tuple[str, str], Tally] = {}
    mistakes: dict[tuple[str, str], Tally] = {}
    says = _says(room, assignment)
    for row in findings.having(FAILED):
        record = row.record
        found = Trouble(row.student, True, record.reasons, record.detail, record.kept)
        findings.troubles.append(found)
    for row in findings.graded:
        verdicts = room.verdicts(row.student, assignment)
        if not all(verdict.get("contained") for verdict in verdicts):
            findings.uncontained.append(row.student)
        findings.shares[row.student] = {v["exercise"]: v["fraction"] for v in verdicts}
        for verdict in verdicts:
            name = verdict["exercise"]
            if name in items:
                items[name].attempted += verdict["attempted"]
            if not verdict["attempted"]:
                continue
            for case in verdict["cases"]:
                tally = cases.setdefault((name, case["words"]), Tally(name, case["words"]))
                tally.among += 1
                if not case["right"]:
                    tally.students.append(row.student)
            for made in verdict["mistakes"]:
                key = (name, made["name"])
                tally = mistakes.setdefault(key, Tally(name, says.get(key, made["name"])))
                for students in (tally.students, *[tally.certain][: made["certain"]]):
                    if row.student not in students:
                        students.append(row.student)
        if unanswered := grading.remarks(verdicts, flags=False):
            findings.troubles.append(Trouble(row.student, False, unanswered))
        for flag in _flags(row.student, verdicts):
            flag.sources = [room.answer(row.student, assignment, name) for name in flag.exercises]
            findings.flags.append(flag)
    _add_scores(room, assignment, findings)
    often = [tally for tally in cases.values() if tally.students]
    findings.cases = sorted(often, key=lambda t: -len(t.students) / t.among)
    findings.mistakes = sorted(mistakes.values(), key=lambda t: (-len(t.certain), -len(t.students)))
    return findings


def _items(room: Classroom, assignment: str) -> list[Item]:
    """The graded cells, in the order of the notebook."""
    with room.gradebook() as gradebook:
        try:
            notebooks = gradebook.find_assignment(assignment).notebooks
        except MissingEntry:
            raise CourseError(
                f"Nothing of {assignment} is graded yet: course grade {assignment}"
            ) from None
        items = []
        for notebook in notebooks:
            order = {cell.name: i for i, cell in enumerate(notebook.source_cells)}
            cells = sorted(notebook.grade_cells, key=lambda cell: order.get(cell.name, 0))
            answers = {cell.name for cell in notebook.solution_cells}
            items += [Item(cell.name, cell.max_score, cell.name in answers) for cell in cells]
        return items


def _add_scores(room: Classroom, assignment: str, findings: Findings) -> None:
    """Shares of the points: the gradebook's, or the judge's where an exercise carries none."""
    items = {item.name: item for item in findings.items}
    with room.gradebook() as gradebook:
        for row in findings.graded:
            submission = gradebook.find_submission(assignment, row.student)
            for grade in (g for notebook in submission.notebooks for g in notebook.grades):
                item, shares = items[grade.name], findings.shares[row.student]
                if item.by_hand and grade.needs_manual_grade:
                    item.open += 1
                    item.attempted += 1
                    continue
                if item.by_hand:
                    item.attempted += grade.manual_score is not None or bool(grade.auto_score)
                if item.points:
                    shares[item.name] = grade.score / item.points
                if item.name in shares:
                    item.shares.append(shares[item.name])


def _says(room: Classroom, assignment: str) -> dict[tuple[str, str], str]:
    """What catalogued mistakes are in words, by exercise and name."""
    return {
        (name, wrong.name): wrong.says
        for notebook in room.notebooks(assignment)
        for name, graded in load(Path(notebook).stem).items()
        for wrong in graded.exercise.mistakes
    }


def _flags(student: str, verdicts: list[dict]) -> list[Flag]:
    """What is unusual about a student's answers. That one is missing is told elsewhere."""
    found: dict[str, Flag] = {}
    for verdict in verdicts:
        flags = verdict["flags"][:-1] if verdict.get("message") else verdict["flags"]
        for words in flags:
            flag = found.setdefault(words, Flag(student, words))
            flag.exercises[verdict["exercise"]] = verdict["fraction"]
            if "operator" in words:
                said = (case["found"] for case in verdict["cases"])
                flag.evidence.update(words for words in said if "Withheld" in words)
    return list(found.values())


def _feedback(room: Classroom, assignment: str, standings: list[Standing]) -> dict[str, str]:
    """Links from the report to the feedback pages there are, by student."""
    links = {}
    for row in standings:
        for name in room.notebooks(assignment):
            page = room.folder("feedback", row.student, assignment) / Path(name).stem
            page = page.with_suffix(".html")
            if page.exists():
                links[row.student] = os.path.relpath(page, room.report(assignment).parent)
    return links
