"""The table of claims: what five lecture decks say about convolutional networks.

One row of `table.csv` is one claim:

| column | what it holds |
|---|---|
| `id` | its name; families share a pattern, such as `vgg16-conv1_1-mem` |
| `decks` | the decks that make it, by their short names |
| `topic` | what it is about |
| `kind` | `computable`, `historical` or `design` |
| `claim` | what is said, in the course's words |
| `stated` | what the slide prints, in the notation of :mod:`helpers.claims.notation` |
| `verdict` | one of `VERDICTS` |
| `right` | for what is not computed: what is right, where that differs from what is stated |
| `note` | why, and what to know besides |
| `source` | where a historical claim was looked up; `general knowledge` means nowhere |
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "table.csv"

DECKS = {
    "static": "dnns-in-static-images",
    "deeprob": "deeprob-cnn-architectures",
    "ilsvrc": "ilsvrc-alexnet-vgg",
    "vggnet": "vgg-net",
    "cs231n": "cs231n-2016-lecture-7",
}
KINDS = ("computable", "historical", "design")
VERDICTS = ("agrees", "rounds", "wrong", "conflicting", "not checkable")


@dataclass(frozen=True)
class Claim:
    """A claim of the lectures; the fields are the columns of the table.

    decks: short names, keys of `DECKS`.
    """

    id: str
    decks: tuple[str, ...]
    topic: str
    kind: str
    claim: str
    stated: str
    verdict: str
    right: str
    note: str
    source: str


COLUMNS = tuple(field.name for field in fields(Claim))


@cache
def table() -> dict[str, Claim]:
    """All claims by their ids, in the order of the table.

    Raises ValueError, with the line, for a row that is not one.
    """
    claims: dict[str, Claim] = {}
    with FILE.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines, strict=True)
        for row in reader:
            where = f"{FILE.name}, line {reader.line_num}"
            if tuple(row) != COLUMNS or None in row.values():
                raise ValueError(f"{where}: the columns must be {', '.join(COLUMNS)}")
            claim = Claim(**{**row, "decks": tuple(row["decks"].split())})
            if claim.id in claims:
                raise ValueError(f"{where}: {claim.id} is there twice")
            known = {"kind": KINDS, "verdict": VERDICTS}
            for column, allowed in known.items():
                if (value := getattr(claim, column)) not in allowed:
                    raise ValueError(f"{where}: {column} is {value!r}, not one of {allowed}")
            if unknown := set(claim.decks) - DECKS.keys():
                raise ValueError(f"{where}: no deck is called {unknown.pop()!r}")
            claims[claim.id] = claim
    return claims


def topics() -> list[str]:
    """The topics, in the order of the table."""
    return list(dict.fromkeys(claim.topic for claim in table().values()))


def find(name: str) -> Claim:
    """The claim with this id. Raises KeyError, with the way to look for it, if there is none."""
    try:
        return table()[name]
    except KeyError:
        raise KeyError(f"no claim is called {name!r}; look for it with claims.select") from None


def select(*patterns: str, verdicts: Iterable[str] = VERDICTS) -> list[Claim]:
    """The claims whose id or topic is one of the patterns, in the order of the patterns.

    patterns: ids, topics, or ids with `*` in them, such as `vgg16-*-mem`; none means all.
    verdicts: only claims with one of these. Raises KeyError for a pattern that finds nothing.
    """
    chosen: dict[str, Claim] = {}
    for pattern in patterns or ("*",):
        found = {
            name: claim
            for name, claim in table().items()
            if claim.topic == pattern or fnmatchcase(name, pattern)
        }
        if not found:
            raise KeyError(f"no claim and no topic is called {pattern!r}")
        chosen |= found
    wanted = (verdicts,) if isinstance(verdicts, str) else tuple(verdicts)
    return [claim for claim in chosen.values() if claim.verdict in wanted]
