"""How the table writes what a slide prints, and how a computed value is compared with it.

A statement is one or more terms with spaces between them:

| term | means |
|---|---|
| `72,855,552`, `2.33`, `16.4%` | a number, printed to its last digit |
| `23k`, `61M`, `0.7G` | thousands, millions, thousand millions |
| `784KiB`, `1.9MiB` | bytes, in units of 1024 and 1024 squared; the decks write KB and MB |
| `19.4x` | so many times |
| `~140M` | a round number: zeros at its end are no digits, and cutting off does not do |
| `28x28x6` | a shape, or factors |
| `true`, `false` | the sentence holds, or does not |
| `-` | an empty cell |

Anything else is text and compared as it stands. A number that is cut off at its last digit instead
of rounded passes as rounded.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from math import floor

UNITS = {"": 1, "%": 1, "x": 1, "k": 10**3, "M": 10**6, "G": 10**9, "KiB": 1024, "MiB": 1024**2}
NUMBER = re.compile(r"(~?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(%|x|k|M|G|KiB|MiB)?")
SHAPE = re.compile(r"\d+(x\d+)+")
WORDS = {"true": True, "false": False, "-": None}
SPELLED = {True: "yes", False: "no", None: "–"}

# What a computed term may be: a number, a shape, a truth, a text, nothing; `...` where a slip
# explains only the other terms. Numbers count parameters, operations, bytes, or times.
Term = int | float | Fraction | tuple[int, ...] | bool | str | None
EQUAL, ROUNDED, DIFFERENT = range(3)


@dataclass(frozen=True)
class Number:
    """A printed number: its value, the size of its last digit, and its unit."""

    value: Fraction
    step: Fraction
    unit: str
    rounded_only: bool

    def compare(self, computed: int | float | Fraction) -> int:
        """EQUAL, ROUNDED or DIFFERENT; a float within 1e-9 of the printed value is equal."""
        exact = Fraction(computed)
        if abs(exact - self.value) <= max(1, abs(self.value)) / 10**9:
            return EQUAL
        digits = exact / self.step
        shown = {floor(digits + Fraction(1, 2))} | (set() if self.rounded_only else {floor(digits)})
        return ROUNDED if self.value / self.step in shown else DIFFERENT


def number(text: str) -> Number | None:
    """The number that a term prints, None if it prints something else."""
    if not (found := NUMBER.fullmatch(text)):
        return None
    about, whole, decimals, unit = found.groups(default="")
    whole = whole.replace(",", "")
    scale = Fraction(UNITS[unit])
    zeros = len(whole) - len(whole.rstrip("0")) if about and not decimals else 0
    step = scale * 10**zeros if not decimals else scale / 10 ** (len(decimals) - 1)
    return Number(Fraction(whole + decimals) * scale, step, unit, bool(about))


def compare(stated: str, computed: Term | list[Term]) -> int:
    """How a computed value, a list if there are several terms, compares with a statement.

    Returns EQUAL, ROUNDED (equal to the printed precision) or DIFFERENT, the worst of the terms.
    """
    terms = stated.split(" ")
    if not isinstance(computed, list):
        # A text may hold spaces of its own.
        terms, computed = [stated] if isinstance(computed, str) else terms, [computed]
    if len(terms) != len(computed):
        return DIFFERENT
    return max(_compare(term, value) for term, value in zip(terms, computed, strict=True))


def _compare(term: str, value: Term) -> int:
    if value is ...:
        return EQUAL
    if term in WORDS:
        return EQUAL if value is WORDS[term] else DIFFERENT
    if isinstance(value, tuple):
        same = SHAPE.fullmatch(term) and tuple(map(int, term.split("x"))) == value
        return EQUAL if same else DIFFERENT
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return EQUAL if value == term else DIFFERENT
    printed = number(term)
    return printed.compare(value) if printed else DIFFERENT


def readable(stated: str) -> str:
    """A statement as the reader sees it: `~650k` becomes 650k, `true` yes, and so on."""
    terms = stated.split(" ")
    if not all(number(t) or SHAPE.fullmatch(t) or t in WORDS for t in terms):
        return stated
    return _joined([_readable(term) for term in terms])


def _readable(term: str) -> str:
    if term in WORDS:
        return SPELLED[WORDS[term]]
    for unit in ("%", "KiB", "MiB"):
        term = term.replace(unit, f" {unit}")
    return term.lstrip("~")


def spell(computed: Term | list[Term], stated: str = "") -> str:
    """A computed value as the reader sees it, in the units of a statement about it."""
    if not isinstance(computed, list):
        return _spell(computed, number(stated))
    units = [number(term) for term in stated.split(" ")]
    units = units if len(units) == len(computed) else [None] * len(computed)
    return _joined([_spell(value, unit) for value, unit in zip(computed, units, strict=True)])


def _joined(terms: list[str]) -> str:
    return ("; " if any("," in term for term in terms) else ", ").join(terms)


def _spell(value: Term, like: Number | None) -> str:
    if value is None or isinstance(value, bool):
        return SPELLED[value]
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, str):
        return value
    unit = like.unit if like else ""
    if unit in ("KiB", "MiB"):
        return f"{float(value) / UNITS[unit]:,.5g} {unit}"
    if unit in ("%", "x"):
        text = _decimal(float(value))
        return text + "x" if unit == "x" else f"{text}{'' if '.' in text else '.0'} %"
    if Fraction(value).denominator == 1:
        return f"{int(value):,}"
    return _decimal(float(value))


def _decimal(value: float) -> str:
    """Four digits; what only rounding has left over is left out."""
    if abs(value - round(value)) < 1e-9:
        value = round(value)
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:,.4g}"
