"""What the report says, read from the gradebook, the graded notebooks and grading's records."""

import datetime
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import StatisticsError, correlation, mean

from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.utils import is_solution

from autograder import ROOT, CourseError, addresses, grading
from autograder.classroom import FAILED, MISSING, WAITING, Classroom, Record, Standing
from autograder.exercises import load
from autograder.judge.preprocessors import verdicts_in
from autograder.report.alike import fingerprint
from autograder.sample.submissions import ANSWER, notebook_of, solved_answers

ENOUGH = 10  # students; a correlation over fewer says nothing
SOLVED = "the solved notebook"


@dataclass
class Item:
    """One graded cell over the class.

    points: it is worth; shares: of the points that those graded got, 0 to 1; attempted: how many
    wrote something; open: how many wait for a person; by_hand: whether a person gives the points;
    discrimination: how its shares go along with the points for everything else, -1 to 1, or None.
    """

    name: str
    points: float
    by_hand: bool
    shares: list[float] = field(default_factory=list)
    attempted: int = 0
    open: int = 0
    discrimination: float | None = None

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
class Alike:
    """Students whose answers to some exercises are the same up to names, comments and layout.

    solved: whether those of the solved notebook are, too; sources: by exercise, two of them as they
    were written, each with whose it is.
    """

    students: list[str]
    solved: bool
    exercises: list[str] = field(default_factory=list)
    sources: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


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
    alike: list[Alike]
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
    def costs(self) -> list[Record]:
        """What was graded, beginning with what took longest."""
        records = (row.record for row in self.standings if row.record and row.record.seconds)
        return sorted(records, key=lambda record: -record.seconds)

    @property
    def bins(self) -> list[tuple[str, int]]:
        """The distribution of the scores: a label and a number of students for each tenth."""
        top = max([row.max_score for row in self.standings] + [1.0])
        counts = Counter(min(int(10 * score / top), 9) for score in self.scores)
        edges = [f"{top * i / 10:g}" for i in range(11)]
        return [(f"{edges[i]}–{edges[i + 1]}", counts[i]) for i in range(10)]


def collect(room: Classroom, assignment: str) -> Findings:
    """Read everything from the gradebook, the graded notebooks and the records of grading.

    Raises CourseError if nothing is graded yet.
    """
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
        alike=[],
        repairs={row.student: row.record.repairs for row in standings if row.record},
        shares={},
        feedback=_feedback(room, assignment, standings),
    )
    if not findings.graded and not findings.having(FAILED):
        raise CourseError(f"Nothing of {assignment} is graded yet: course grade {assignment}")
    for row in findings.having(FAILED):
        record = row.record
        found = Trouble(row.student, True, record.reasons, record.detail, record.kept)
        findings.troubles.append(found)
    verdicts, answers = {}, {}
    for row in findings.graded:
        cells = room.graded_cells(row.student, assignment)
        verdicts[row.student] = verdicts_in(cells)
        answers[row.student] = _answers(cells)
    for student, judged in verdicts.items():
        findings.shares[student] = {verdict["exercise"]: verdict["fraction"] for verdict in judged}
        if not all(verdict["contained"] for verdict in judged):
            findings.uncontained.append(student)
        if unanswered := grading.remarks(judged, flags=False):
            findings.troubles.append(Trouble(student, False, unanswered))
        for flag in _flags(student, judged):
            flag.sources = [answers[student].get(name, "") for name in flag.exercises]
            findings.flags.append(flag)
    _count(findings, verdicts, _says(room, assignment))
    _add_scores(room, assignment, findings)
    discriminate(findings)
    findings.alike = alike(assignment, answers)
    return findings


def _answers(cells: Iterable[NotebookNode]) -> dict[str, str]:
    """What stands in the cells for answers, by exercise or step."""
    written = (cell for cell in cells if is_solution(cell))
    return {cell.metadata.nbgrader.grade_id.removesuffix(ANSWER): cell.source for cell in written}


def _count(
    findings: Findings, verdicts: dict[str, list[dict]], says: dict[tuple[str, str], str]
) -> None:
    """Count over the class: attempts, cases that failed, mistakes; verdicts: by student."""
    attempted = Counter[str]()
    cases: dict[tuple[str, str], Tally] = {}
    mistakes: dict[tuple[str, str], Tally] = {}
    for student, judged in verdicts.items():
        for verdict in judged:
            name = verdict["exercise"]
            attempted[name] += verdict["attempted"]
            for case in verdict["cases"]:
                tally = cases.setdefault((name, case["words"]), Tally(name, case["words"]))
                tally.among += 1
                if not case["right"]:
                    tally.students.append(student)
            certain = {made["name"] for made in verdict["mistakes"] if made["certain"]}
            for made in {made["name"]: None for made in verdict["mistakes"]}:
                words = says.get((name, made), made)
                tally = mistakes.setdefault((name, made), Tally(name, words))
                tally.students.append(student)
                tally.certain += [student] if made in certain else []
    for item in findings.items:
        item.attempted = attempted[item.name]
    often = [tally for tally in cases.values() if tally.students]
    findings.cases = sorted(often, key=lambda t: -len(t.students) / t.among)
    findings.mistakes = sorted(mistakes.values(), key=lambda t: (-len(t.certain), -len(t.students)))


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
        known = room.submissions_known(gradebook, assignment)
        for row in findings.graded:
            submission = known[row.student]
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


def discriminate(findings: Findings) -> None:
    """Say of every exercise whether those who have its points have the others, too."""
    for item in findings.items:
        pairs = []
        for shares in findings.shares.values():
            if item.name in shares:
                others = (other for other in findings.items if other is not item)
                rest = sum(other.points * shares.get(other.name, 0.0) for other in others)
                pairs.append((shares[item.name], rest))
        if len(pairs) >= ENOUGH:
            with suppress(StatisticsError):  # everybody has the same
                item.discrimination = correlation(*zip(*pairs, strict=True))


def alike(assignment: str, answers: dict[str, dict[str, str]]) -> list[Alike]:
    """Groups of students with the same answers; those that share most come first.

    answers: of every student, by exercise.
    """
    marks = {student: _marks(written) for student, written in answers.items()}
    released = set(_marks(_answers(notebook_of(ROOT / "notebooks", assignment).cells)).items())
    solutions = {k.removesuffix(ANSWER): v for k, v in solved_answers(assignment).items()}
    solved = set(_marks(solutions).items())
    same = defaultdict(list)
    for student, found in marks.items():
        for mark in found.items() - released:
            same[mark].append(student)
    groups: dict[tuple, Alike] = {}
    for mark in sorted(same):
        students, exercise = same[mark], mark[0]
        if len(students) == 1 and mark not in solved:
            continue
        whole = (*students, mark in solved)
        group = groups.setdefault(whole, Alike(students, mark in solved))
        group.exercises.append(exercise)
        group.sources[exercise] = [(who, answers[who][exercise]) for who in students[:2]]
        if len(students) == 1:
            group.sources[exercise].append((SOLVED, solutions[exercise]))
    return sorted(groups.values(), key=lambda group: (-len(group.exercises), len(group.students)))


def _marks(answers: dict[str, str]) -> dict[str, str]:
    """Fingerprints of the answers that are worth comparing."""
    found = ((name, fingerprint(source)) for name, source in answers.items())
    return {name: mark for name, mark in found if mark}


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
