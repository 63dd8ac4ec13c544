"""Claims as tables, for notebooks."""

from collections.abc import Iterable

from helpers.claims.recompute import Checked, check
from helpers.claims.table import VERDICTS, select

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


def show(*patterns: str, verdicts: Iterable[str] = VERDICTS) -> None:
    """Display claims as a table, computed afresh.

    patterns: ids, topics, or ids with `*` in them; verdicts: only claims with one of these.
    Raises KeyError for a pattern that finds nothing.
    """
    from helpers.plots import table

    table(HEADER, rows(*patterns, verdicts=verdicts))
