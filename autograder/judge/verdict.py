"""From answers to a decision about one graded cell, and the decision in words.

Nothing written here may hold a hidden input, an expected value or anything of the judge's source:
students read it.
"""

from dataclasses import dataclass, field

from autograder import pages
from autograder.judge import evidence
from helpers.checks import describe, hint_of, looks_like
from helpers.checks.exercise import Finding, Verdict, judge

MIME = "application/vnd.convnets.verdict+json"


@dataclass
class Decision:
    """What the judge decided: fraction of the points, the cases, and remarks for the instructor.

    message: what to say instead of cases when there are none; remarks never lower a mark;
    contained: whether the notebook ran in a sandbox.
    """

    name: str
    fraction: float = 0.0
    verdict: Verdict | None = None
    message: str = ""
    remarks: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    contained: bool = False


def decide(name: str, armed, outputs: list, stopped: str, decided: dict[str, Decision]) -> Decision:
    """Decide about the graded cell `name` from its outputs; whatever is missing scores nothing.

    armed: what Arm kept about the cell, or None; stopped: why the notebook did not run to its end;
    decided: the decisions about earlier cells.
    """
    if armed is None or armed.graded is None:
        return Decision(
            name,
            message="This cell could not be judged and scores nothing until an instructor looks.",
            flags=["the judge knows no exercise for this cell"],
        )
    graded = armed.graded
    answers, flags = evidence.read(outputs, armed.nonce, len(armed.arguments))

    def judged(run: str) -> Verdict:
        outcomes = [answers.get((run, i), {}) for i in range(len(armed.arguments))]
        return judge(graded.exercise, armed.arguments, outcomes)

    decision = Decision(name, verdict=judged("own"), flags=flags)
    broken = [need for need in graded.needs if need in decided and decided[need].fraction < 1]
    if broken and decision.verdict.fraction < 1:
        given, own = judged("given"), decision.verdict
        if given.fraction >= own.fraction and given.results != own.results:
            decision.verdict = given
            names = " and ".join(broken)
            said = "is not right yet and is" if len(broken) == 1 else "are not right yet and are"
            decision.remarks.append(f"Your {names} {said} counted there; here a right one stood in")
    decision.fraction = decision.verdict.fraction
    if any(outcome.get("error", [""])[0] == "Withheld" for outcome in answers.values()):
        decision.flags.append("a withheld operator or function was called")
    if not answers and stopped:
        decision.message = f"There is no answer: {stopped}."
        decision.flags.append(stopped)
    elif not answers:
        decision.message = "There is no answer: the cell did not run."
        decision.flags.append("no answer arrived")
    return decision


def render(decision: Decision) -> dict:
    """A decision as a MIME bundle: text, HTML for formgrader, and data for feedback and report."""
    data = _data(decision)
    return {
        "text/plain": _text(decision),
        "text/html": pages.render("cell.html", it=data),
        MIME: data,
    }


def _said(decision: Decision) -> str:
    """The decision in one sentence."""
    if decision.message:
        return decision.message
    results = decision.verdict.results
    if not decision.verdict.attempted:
        return "not attempted yet."
    if len(results) == 1 and len(problems := results[0].problems) > 1:
        return f"{sum(p is None for p in problems.values())} of {len(problems)} results right."
    right = sum(result.fraction == 1 for result in results)
    partly = sum(0 < result.fraction < 1 for result in results)
    also = f", {partly} more in part" if partly else ""
    return f"{right} of {len(results)} cases right{also}."


def _cases(decision: Decision) -> list[tuple[bool, str, str]]:
    """Per case: whether it is right, what was tried, and what differed."""
    rows = []
    if decision.message or not decision.verdict.attempted:
        return rows
    for result in decision.verdict.results:
        found = [
            f"{part}: {problem.words}" if part else problem.words
            for part, problem in result.problems.items()
            if problem is not None
        ]
        rows.append((not found, result.words, "; ".join(found + result.notes)))
    return rows


def _findings(decision: Decision) -> list[Finding]:
    return decision.verdict.findings if decision.verdict and not decision.message else []


def _text(decision: Decision) -> str:
    lines = [f"{decision.name}: {_said(decision)}"]
    for right, words, found in _cases(decision):
        lines.append(f"  {'✓' if right else '✗'} {words}" + (f" — {found}" if found else ""))
    lines += [describe(finding) for finding in _findings(decision)]
    return "\n".join([*lines, *(f"  {remark}." for remark in decision.remarks)])


def _data(decision: Decision) -> dict:
    """The decision as data, for the pages of students and instructors."""
    return {
        "exercise": decision.name,
        "fraction": decision.fraction,
        "contained": decision.contained,
        "attempted": bool(decision.verdict and decision.verdict.attempted),
        "message": decision.message,
        "said": _said(decision),
        "cases": [
            {"words": words, "right": right, "found": found}
            for right, words, found in _cases(decision)
        ],
        "findings": [
            {"words": looks_like(finding), "hint": hint_of(finding)}
            for finding in _findings(decision)
        ],
        "remarks": decision.remarks,
        "section": decision.verdict.exercise.section if decision.verdict else "",
        "mistakes": [
            {"name": m.name, "certain": finding.certain}
            for finding in _findings(decision)
            for m in finding.mistakes
        ],
        "flags": decision.flags,
    }
