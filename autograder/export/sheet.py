"""CSV files as spreadsheets, Canvas and Moodle read and write them.

Cells that a spreadsheet would take for a formula are defused: names are what students chose.
"""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from autograder import CourseError

__all__ = ["CANVAS", "POINTS_POSSIBLE", "Sheet", "read"]

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("Identifier", "Username", "ID number", "Email address")
POINTS_POSSIBLE = "Points Possible"

BOM = "\ufeff"  # Excel takes a file for UTF-8 only if it begins with this
FORMULA = re.compile(r"[=+\-@\t\r].", re.DOTALL)
NUMBER = re.compile(r"[+-][\d.,]+ ?%?")


@dataclass
class Sheet:
    """A CSV file: a header, and rows as long as it; all cells are text.

    kind: "csv", "canvas" or "moodle"; bom: whether it says that it is UTF-8.
    """

    kind: str
    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    bom: bool = True

    def people(self) -> list[int]:
        """Numbers of the rows that are about a person; Canvas has others at the top."""
        if self.kind != "canvas":
            return list(range(len(self.rows)))
        firsts = [row[0].strip() for row in self.rows]
        return [i for i, first in enumerate(firsts) if first not in ("", POINTS_POSSIBLE)]

    def cell(self, row: int, name: str) -> str:
        """A cell by the name of its column, empty where there is no such column."""
        return self.rows[row][self.header.index(name)].strip() if name in self.header else ""

    def write(self, path: Path) -> None:
        """Write it, with formulas defused. Raises CourseError when the file cannot be written."""
        text = io.StringIO()
        lines = csv.writer(text, delimiter=self.delimiter)
        lines.writerows([defused(cell) for cell in row] for row in (self.header, *self.rows))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((BOM if self.bom else "") + text.getvalue(), "utf-8", newline="")
        except OSError as error:
            raise CourseError(f"{path} cannot be written: {error.strerror}.") from error


def defused(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers and a lone sign are none."""
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.fullmatch(cell) else cell


def read(path: Path) -> Sheet:
    """Read what Canvas's gradebook, Moodle's gradebook or a Moodle assignment exported.

    Raises CourseError if it is none of them.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise CourseError(
            f"{path} is not UTF-8. Take the file as it was exported, before Excel saved it again."
        ) from None
    body = text.removeprefix(BOM)
    delimiter = max(",;\t", key=body.partition("\n")[0].count)
    header, *rows = list(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)) or [[]]
    header = [name.strip() for name in header]
    if {"Student", "ID"} <= {*header}:
        kind = "canvas"
    elif {*MOODLE} & {*header}:
        kind = "moodle"
    else:
        raise CourseError(
            f"{path} is no export of Canvas or Moodle: its columns are {', '.join(header)}. "
            "Is the language English there? If not, change it and export again."
        )
    rows = [row[: len(header)] + [""] * (len(header) - len(row)) for row in rows if any(row)]
    return Sheet(kind, header, rows, delimiter, bom=body != text)
