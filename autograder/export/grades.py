"""The marks of a class, as they are handed on."""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Grades", "Mark", "Person", "number"]


@dataclass(frozen=True)
class Person:
    """Somebody in the gradebook. The id, the name of a folder in `submitted`, is always there."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""

    @property
    def name(self) -> str:
        """`Last, First`, or the id."""
        return ", ".join(filter(None, (self.last_name, self.first_name))) or self.id


@dataclass(frozen=True)
class Mark:
    """Points for one assignment.

    score: after the late penalty, None where there is none; open: points that wait for a person;
    penalty: points taken off for lateness; status: as the gradebook's table has it; changed:
    whether other files lie there now than were graded.
    """

    score: float | None
    open: float
    penalty: float
    status: str
    changed: bool = False

    @property
    def cell(self) -> str:
        """The score as text, empty where there is none."""
        return "" if self.score is None else number(self.score)


@dataclass
class Grades:
    """A class. maxima: points by assignment; marks: by assignment and student's id.

    ungraded: assignments that are left out because nobody's is graded.
    """

    maxima: dict[str, float]
    people: list[Person]
    marks: dict[str, dict[str, Mark]]
    ungraded: list[str] = field(default_factory=list)

    def whose(self, assignment: str, condition: Callable[[Mark], object]) -> list[str]:
        """Ids of those whose mark meets a condition."""
        marks = self.marks[assignment]
        return [person.id for person in self.people if condition(marks[person.id])]


def number(value: float) -> str:
    """Points as text, with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
