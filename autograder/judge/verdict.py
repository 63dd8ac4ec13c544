"""From answers to a decision about one graded cell, and the decision in words.

Nothing written here may hold a hidden input, an expected value or anything of the judge's source:
students read it.
"""

from dataclasses import dataclass, field
from html import escape

from autograder.judge import evidence
from helpers.checks import describe
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
            decision.remarks.append(
                f"Your {names} is not right yet and is counted there; here a right one stood in"
            )
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
    """A decision as a MIME bundle: text, HTML for feedback, and data for the report."""
    return {
        "text/plain": _text(decision),
        "text/html": _html(decision),
        MIME: _data(decision),
    }


def _heading(decision: Decision) -> str:
    if decision.message:
        return decision.message
    verdict = decision.verdict
    right = sum(result.fraction == 1 for result in verdict.results)
    if not verdict.attempted:
        return f"{decision.name}: not attempted."
    return f"{decision.name}: {right} of {len(verdict.results)} cases right."


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
    lines = [_heading(decision)]
    for right, words, found in _cases(decision):
        lines.append(f"  {'✓' if right else '✗'} {words}" + (f" — {found}" if found else ""))
    lines += [describe(finding) for finding in _findings(decision)]
    return "\n".join([*lines, *(f"  {remark}." for remark in decision.remarks)])


def _html(decision: Decision) -> str:
    rows = "".join(
        f"<li>{'✓' if right else '✗'} {escape(words)}"
        + (f" — <em>{escape(found)}</em>" if found else "")
        + "</li>"
        for right, words, found in _cases(decision)
    )
    says = [describe(finding).strip() for finding in _findings(decision)] + [
        f"{remark}." for remark in decision.remarks
    ]
    section = decision.verdict.exercise.section if decision.verdict and says else ""
    if section:
        says.append(f"To read again: “{section}”.")
    paragraphs = "".join(
        f"<p>{escape(line).replace(chr(10), '<br>').replace('  ', ' ')}</p>" for line in says
    )
    percent = round(100 * decision.fraction)
    return (
        '<section style="border-left: .25em solid currentColor; padding-left: .75em">'
        f"<p><strong>{escape(_heading(decision))}</strong></p>"
        f'<meter min="0" max="100" value="{percent}" style="width: 12em">{percent} %</meter>'
        f'<ul style="list-style: none; padding-left: 0">{rows}</ul>{paragraphs}</section>'
    )


def _data(decision: Decision) -> dict:
    """The decision as data, read by the instructor's report."""
    return {
        "exercise": decision.name,
        "fraction": decision.fraction,
        "contained": decision.contained,
        "attempted": bool(decision.verdict and decision.verdict.attempted),
        "message": decision.message,
        "cases": [
            {"words": words, "right": right, "found": found}
            for right, words, found in _cases(decision)
        ],
        "mistakes": [
            {"name": m.name, "certain": finding.certain}
            for finding in _findings(decision)
            for m in finding.mistakes
        ],
        "flags": decision.flags,
    }
