"""Proof that the hidden tests are strong enough: every catalogued mistake, judged."""

from collections.abc import Callable
from dataclasses import dataclass

from autograder import ROOT
from autograder.exercises import load
from autograder.judge.graded import Graded
from helpers.checks.exercise import (
    Exercise,
    Mistake,
    Verdict,
    arguments_for,
    judge,
    outcome_of,
    trusted,
)
from helpers.checks.records import decode, decode_outcome, encode, record_call, to_live

SEED = 1989


@dataclass(frozen=True)
class Tally:
    """How the mistakes of one exercise fared; missed and undiagnosed hold their names."""

    notebook: str
    exercise: str
    catalogued: int
    missed: tuple[str, ...]
    undiagnosed: tuple[str, ...]

    @property
    def rejected(self) -> int:
        return self.catalogued - len(self.missed)

    @property
    def diagnosed(self) -> int:
        return self.catalogued - len(self.undiagnosed)


def sit(exercise: Exercise, answer: Callable, seed: int = SEED) -> Verdict:
    """The verdict on an answer that sits an exercise in this process.

    As in a kernel, arguments arrive and results leave as records.
    """
    arguments = [arguments_for(case, [seed, i]) for i, case in enumerate(exercise.cases)]
    sent = [tuple(to_live(decode(encode(a))) for a in args) for args in arguments]
    asked = exercise.asked(answer)
    return judge(exercise, arguments, [decode_outcome(record_call(asked, args)) for args in sent])


def examine(graded: Graded, wrong: Mistake, seed: int = SEED) -> tuple[bool, bool]:
    """Whether the hidden tests reject a mistake, and whether they call it by its name alone."""
    exercise = graded.exercise
    arguments = [arguments_for(case, [seed, i]) for i, case in enumerate(exercise.cases)]
    made = trusted(exercise, wrong.of(exercise.reference))
    verdict = judge(exercise, arguments, [outcome_of(made, args) for args in arguments])
    named = [found.mistakes == [wrong] and found.certain for found in verdict.findings]
    return verdict.fraction < 1, bool(named) and all(named)


def tally(notebook: str) -> list[Tally]:
    """Judge every catalogued mistake of a notebook."""
    tallies = []
    for name, graded in load(notebook).items():
        results = {wrong.name: examine(graded, wrong) for wrong in graded.exercise.mistakes}
        missed = tuple(wrong for wrong, (rejected, _) in results.items() if not rejected)
        undiagnosed = tuple(wrong for wrong, (_, diagnosed) in results.items() if not diagnosed)
        tallies.append(Tally(notebook, name, len(results), missed, undiagnosed))
    return tallies


def notebooks() -> list[str]:
    """Notebooks that have exercises, in the order of the course."""
    paths = sorted((ROOT / "solutions").glob("*/*.ipynb"))
    return [path.stem for path in paths if load(path.stem)]
