"""Claims against what the course's own code computes; the verdict follows from the comparison."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from helpers.claims.notation import DIFFERENT, EQUAL, Term, compare, readable, spell
from helpers.claims.table import Claim, table

Value = Term | list[Term]


@dataclass(frozen=True)
class Result:
    """What was computed for one claim.

    value: under the course's conventions, or the slide's where it states its own; readings: what
    other conventions give, by name; slips: what a mistake gives, by what the mistake is (`...` for
    a term that it does not explain); shown: evidence in words, to go beside the value.
    """

    value: Value
    readings: dict[str, Value] = field(default_factory=dict)
    slips: dict[str, Value] = field(default_factory=dict)
    shown: str = ""

    def verdict(self, stated: str) -> str:
        """What follows for a statement: agrees, rounds, conflicting or wrong."""
        compared = compare(stated, self.value)
        if compared != DIFFERENT:
            return "agrees" if compared == EQUAL else "rounds"
        return "conflicting" if self.reading(stated) else "wrong"

    def reading(self, stated: str) -> str:
        """The first other convention under which a statement is right; empty if there is none."""
        return next((n for n, v in self.readings.items() if compare(stated, v) != DIFFERENT), "")

    def cause(self, stated: str) -> str:
        """The first mistake that gives what was stated; empty if none does."""
        return next((n for n, v in self.slips.items() if compare(stated, v) != DIFFERENT), "")


@dataclass(frozen=True)
class Checked:
    """A claim, what was computed or looked up for it, and what follows.

    result: None for a claim that is neither computed nor looked up.
    """

    claim: Claim
    result: Result | None

    @property
    def verdict(self) -> str:
        """The verdict that the code arrives at.

        A historical figure was looked up elsewhere than the slide's, so where they differ only the
        table can say which of the two is to be corrected.
        """
        if self.result is None:
            return self.claim.verdict
        derived = self.result.verdict(self.claim.stated)
        differs = {"wrong", "conflicting"}
        if self.claim.kind == "historical" and {derived, self.claim.verdict} <= differs:
            return self.claim.verdict
        return derived

    @property
    def agrees(self) -> bool:
        """Whether code and table come to the same verdict."""
        return self.verdict == self.claim.verdict

    @property
    def stated(self) -> str:
        """What the slide prints, as the reader sees it."""
        return readable(self.claim.stated)

    @property
    def right(self) -> str:
        """What is right: computed, or looked up, or what the table says."""
        if self.result is None:
            return self.claim.right or self.claim.stated
        value = spell(self.result.value, self.claim.stated)
        return f"{value} ({self.result.shown})" if self.result.shown else value

    @property
    def cause(self) -> str:
        """The slip that gives a wrong number, in words; empty where none is known."""
        if self.result is None or self.verdict != "wrong":
            return ""
        if not (cause := self.result.cause(self.claim.stated)):
            return ""
        part = "part of " if ... in _listed(self.result.slips[cause]) else ""
        return f"{cause[0].upper()}{cause[1:]} gives {part}what is printed"

    @property
    def why(self) -> str:
        """The note as sentences, then what else, or which slip, gives what is printed."""
        told = [self.claim.note, self.cause]
        if self.result and self.verdict == "conflicting" and self.claim.kind != "historical":
            told.append(f"What is printed is right {self.result.reading(self.claim.stated)}")
        return " ".join(f"{text}." for text in told if text)


def _listed(value: Value) -> list[Term]:
    return value if isinstance(value, list) else [value]


@cache
def recomputations() -> dict[str, Callable[[], Result | Value]]:
    """What computes each claim, by its id: the `COMPUTE` of all topics together.

    Raises ValueError when two topics compute the same claim.
    """
    from helpers.claims import computed

    gathered: dict[str, Callable[[], Result | Value]] = {}
    for topic in computed.ALL:
        if twice := gathered.keys() & topic.COMPUTE.keys():
            raise ValueError(f"computed twice: {', '.join(sorted(twice))}")
        gathered |= topic.COMPUTE
    return gathered


def check(claim: Claim) -> Checked:
    """Compute what a claim is about, or look it up, and compare."""
    compute = recomputations().get(claim.id)
    if compute is None:
        return Checked(claim, None)
    result = compute()
    return Checked(claim, result if isinstance(result, Result) else Result(result))


def problems(checked: Checked) -> Iterator[str]:
    """Where code and table disagree about a claim, or where one of them says nothing, in words."""
    claim = checked.claim
    if claim.kind == "computable" and claim.verdict != "not checkable":
        if checked.result is None:
            yield f"{claim.id}: nothing computes it"
        if claim.right:
            yield f"{claim.id}: what is right is computed and does not belong into the table"
    if checked.result is not None and claim.verdict == "not checkable":
        yield f"{claim.id}: it is computed, though the table calls it not checkable"
    elif not checked.agrees:
        yield (
            f"{claim.id}: the slide says {claim.stated}, computed is {checked.right}: "
            f"{checked.verdict}, but the table says {claim.verdict}"
        )


def strays() -> list[str]:
    """Ids that something computes and no row of the table has."""
    return sorted(recomputations().keys() - table().keys())


def swaps(value: int, step: int = 1) -> dict[str, int]:
    """What comes out when two neighbouring digits change places, by which ones; for slips.

    step: the size of the last digit that is printed; the value is rounded to it first.
    """
    digits = str((2 * value + step) // (2 * step))
    found = {}
    for k, (a, b) in enumerate(pairwise(digits)):
        swapped = digits[:k] + b + a + digits[k + 2 :]
        found[f"exchanging the digits {a} and {b} of {int(digits):,}"] = int(swapped) * step
    return found
