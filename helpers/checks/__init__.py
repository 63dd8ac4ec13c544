"""Visible checks: they tell at once, and in words, what is wrong with an answer.

One module per notebook holds one check per exercise, called with the learner's function:
``check.conv2d_forward(conv2d_forward)``. A check prints one line when all is well and raises
:class:`CheckFailed` otherwise.
"""

from collections.abc import Callable, Iterable, Sequence

from helpers.checks.exercise import (
    CaseResult,
    Exercise,
    Finding,
    Verdict,
    arguments_for,
    judge,
)
from helpers.checks.records import decode, decode_outcome, encode, record_call

MOST_LINES = 4


class CheckFailed(AssertionError):
    """A visible check found something; in a notebook it shows its message and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def check(exercise: Exercise, function: Callable, part: str | None = None) -> None:
    """Run the visible cases of an exercise on `function`; `part` looks at one result only.

    Prints a line if all agree. Raises CheckFailed with an explanation otherwise.
    """
    if not callable(function):
        kind = type(function).__name__
        raise CheckFailed(f"✗ {exercise.name}: expected your function, got a value of type {kind}.")
    if part is not None and part not in exercise.parts:
        raise ValueError(f"{exercise.name} has the parts {exercise.parts}, not {part!r}")
    arguments = visible_arguments(exercise)
    asked = exercise.asked(function, getattr(function, "__globals__", {}))
    outcomes = [decode_outcome(record_call(asked, args)) for args in arguments]
    verdict = judge(exercise, arguments, outcomes, only=part)
    name = f"{exercise.name} ({part})" if part else exercise.name
    if verdict.fraction < 1:
        raise CheckFailed(explain(name, verdict))
    notes = sorted({note for result in verdict.results for note in result.notes})
    print(f"✓ {name}: all {len(verdict.results)} cases agree.")
    for note in notes:
        print(f"  Note: {note}.")


def check_value(exercise: Exercise, value: object) -> None:
    """Try an answer that is a value, not a function, out in the visible cases of an exercise.

    Prints a line for each if all is well. Raises CheckFailed with an explanation otherwise.
    """
    outcomes = [{"value": decode(encode(value))} for _ in exercise.cases]
    verdict = judge(exercise, visible_arguments(exercise), outcomes)
    if verdict.fraction < 1:
        raise CheckFailed(explain(exercise.name, verdict))
    for result in verdict.results:
        print(f"✓ {exercise.name}: {'; '.join([result.words, *result.notes])}.")


def check_numbers(
    name: str, keys: Iterable[str], answers: dict, shapes: Sequence[str] = ()
) -> None:
    """Visible check of a dict of numbers: are they all there, and numbers? Not whether right.

    keys: of the dict; shapes: those among them that are tuples (C, H, W).
    """
    if not isinstance(answers, dict):
        raise CheckFailed(f"✗ {name}: it should be a dict; change only the values in it.")
    for key in keys:
        value = answers.get(key)
        if value is None or value is Ellipsis:
            raise CheckFailed(f"✗ {name}: {key} is not answered yet.")
        numbers = value if key in shapes and isinstance(value, tuple) else (value,)
        if key in shapes and len(numbers) != 3:
            raise CheckFailed(f"✗ {name}: {key} should be a tuple (C, H, W).")
        if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
            raise CheckFailed(f"✗ {name}: {key} should be a number, not {value!r}.")
    print(f"✓ {name}: all answered. Whether they are right is decided when it is graded.")


def visible_arguments(exercise: Exercise) -> list[tuple]:
    """The arguments of the visible cases, always the same."""
    return [arguments_for(case, [1989, i]) for i, case in enumerate(exercise.cases)]


def explain(name: str, verdict: Verdict) -> str:
    """What a failed visible check says: the first failing cases, and the likely mistake."""
    if not verdict.attempted:
        return f"✗ {name}: not attempted yet. Write your code above, run that cell, then this one."
    cases = {}  # what is wrong, and in which cases
    for result in verdict.results:
        for words in _troubles(result):
            cases.setdefault(words, []).append(result.words)
    lines = [f"  · {_first(among)}: {words}" for words, among in cases.items()]
    wrong = sum(result.fraction < 1 for result in verdict.results)
    more = [f"  · and {len(lines) - MOST_LINES} more."] if len(lines) > MOST_LINES else []
    heading = f"✗ {name}: {wrong} of {len(verdict.results)} cases differ."
    return "\n".join([heading, *lines[:MOST_LINES], *more, *map(describe, verdict.findings)])


def _troubles(result: CaseResult) -> list[str]:
    """What is wrong with one result, part by part; an error, which all of them share, once."""
    found = {part: problem for part, problem in result.problems.items() if problem is not None}
    if len({*found.values()}) == 1:
        [one] = {*found.values()}
        if len(result.problems) == 1 or one.kind in ("error", "nothing"):
            found = {"": one}
    told = []
    for part, problem in found.items():
        label = f"{part}: " if part else ""
        detail = f"; {problem.detail}" if problem.detail else ""
        told.append(f"{label}{problem.words.rstrip('.')}{detail}.")
    return told


def _first(cases: Sequence[str]) -> str:
    """The first of some cases, and how many more there are."""
    more = len(cases) - 1
    return cases[0] + (f", and {more} more case{'s' * (more > 1)}" if more else "")


def describe(finding: Finding) -> str:
    """A finding in words: the mistake and its hint, or the candidates."""
    hint = hint_of(finding)
    return f"  {looks_like(finding)}" + (f"\n  Hint: {hint}" if hint else "")


def looks_like(finding: Finding) -> str:
    """The mistake, or the candidates, as a sentence."""
    where = f"In {finding.part}, it" if finding.part else "It"
    if finding.certain:
        [found] = finding.mistakes
        return f"{where} looks as if {found.says}."
    candidates = "; or ".join(found.says for found in finding.mistakes[:3])
    return f"{where} might be that {candidates}."


def hint_of(finding: Finding) -> str:
    """Where to look; nothing while several mistakes are possible."""
    return finding.mistakes[0].hint if finding.certain else ""
