"""The helpers' docstrings, which are plain prose, as Sphinx reads them."""

import inspect
import re

TABLE = re.compile(r"(?:^\|.*\|$\n?){2,}", re.MULTILINE)
SENTENCE = re.compile(r"(?<=[.)])\s+(?=(?:Returns|Raises|Sources?:)[\s:])")


def to_rest(app, what, name, obj, options, lines: list[str]) -> None:
    """Sphinx's hook for docstrings: rewrites `lines` in place.

    Parameters are set as code where their meaning is given, what is returned and raised and where
    it comes from begin a paragraph, and Markdown's tables become Sphinx's.
    """
    text = TABLE.sub(_list_table, "\n".join(lines))
    text = SENTENCE.sub("\n\n", text)
    if names := _parameters(obj):
        one = rf"\b(?:{'|'.join(map(re.escape, names))})\b(?:\([^)]*\))?"
        several = rf"(?<![`.]){one}(?:(?:,| and)\s{one})*(?=:\s)"
        text = re.sub(several, lambda found: re.sub(one, r"``\g<0>``", found[0]), text)
    lines[:] = text.splitlines()


def leave_out(app, what, name, obj, skip, options) -> bool | None:
    """Sphinx's hook for members: True for those that Python itself documents, to no purpose."""
    return True if (inspect.getdoc(obj) or "").startswith("Alias for field number") else None


def _parameters(obj) -> list[str]:
    """The names of what a function takes, or of what a class is made from."""
    try:
        return list(inspect.signature(obj).parameters)
    except (TypeError, ValueError):  # neither
        return []


def _list_table(table: re.Match[str]) -> str:
    """A Markdown table as a list-table; its second line only separates the header."""
    rows = [line.strip("|").split("|") for line in table[0].splitlines()]
    items = [
        f"   {'*' if number == 0 else ' '} - {cell.strip()}"
        for row in (rows[0], *rows[2:])
        for number, cell in enumerate(row)
    ]
    return "\n".join([".. list-table::", "   :header-rows: 1", "", *items, ""])
