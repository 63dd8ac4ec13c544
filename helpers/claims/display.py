"""Claims as tables, for notebooks."""

from collections import Counter
from collections.abc import Iterable

from helpers.claims.recompute import Checked, check
from helpers.claims.table import VERDICTS, select

IN_WORDS = {
    "agrees": "agree", "rounds": "are rounded", "wrong": "wrong",
    "conflicting": "in conflict with other slides or papers", "not checkable": "not to be checked",
}  # fmt: skip
HEADER = ("claim", "the slides say", "computed here", "verdict")


def rows(*patterns: str, verdicts: Iterable[str] = VERDICTS) -> list[list[str]]:
    """Claims as rows [claim, what the slides say, what is computed here, verdict and why].

    patterns, verdicts: as for :func:`helpers.claims.select`.
    """
    return [row(check(claim)) for claim in select(*patterns, verdicts=verdicts)]


def row(checked: Checked) -> list[str]:
    """One claim as a row of such a table."""
    claim = checked.claim
    told = f"{checked.verdict}. {checked.why}" if checked.why else checked.verdict
    if checked.result is None:
        right = claim.right or "not computed"
    else:
        right = checked.right + (", looked up" if claim.kind == "historical" else "")
    return [claim.claim, checked.stated, right, told]


def summary(*patterns: str) -> str:
    """How many claims hold, are rounded, are wrong, ..., in one line, computed afresh.

    patterns: as for :func:`helpers.claims.select`.
    """
    found = [check(claim) for claim in select(*patterns)]
    computed = sum(one.claim.kind == "computable" and one.result is not None for one in found)
    counts = Counter(one.verdict for one in found)
    said = [f"{counts[verdict]} {words}" for verdict, words in IN_WORDS.items() if counts[verdict]]
    return f"{len(found)} claims, {computed} of them recomputed just now: {', '.join(said)}."


def show(*patterns: str, verdicts: Iterable[str] = VERDICTS) -> None:
    """Display claims as a table, computed afresh.

    patterns: ids, topics, or ids with `*` in them; verdicts: only claims with one of these.
    Raises KeyError for a pattern that finds nothing.
    """
    from helpers.plots import table

    table(HEADER, rows(*patterns, verdicts=verdicts))
