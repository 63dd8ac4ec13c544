"""The course's addresses: read from `course.toml`, filled into set-up cells and badges.

A notebook's source says `{{repository}}` and `{{colab}}`; nothing but this module knows where the
student repository lies.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from autograder import ROOT, CourseError

__all__ = ["Addresses", "BadCourseFile", "fill", "load", "substitute"]

COURSE_FILE = ROOT / "course.toml"
PLACEHOLDER = re.compile(r"\{\{([a-z_]+)\}\}")
PLACEHOLDER_OWNER = "your-organisation"

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_KEYS = {  # dotted key -> (what its text must match, what to say when it does not)
    "title": (r"\S.*", "a line of text"),
    "course_id": (r"[A-Za-z0-9][A-Za-z0-9-]*", "letters, digits and hyphens"),
    "student_repository.url": (
        rf"https://github\.com/{_NAME}/{_NAME}",
        "https://github.com/OWNER/REPOSITORY (Colab opens notebooks from GitHub only)",
    ),
    "student_repository.branch": (r"[A-Za-z0-9][A-Za-z0-9._/-]*", "a branch name"),
    "student_repository.distribution": (_NAME, "letters, digits, hyphens, dots and underscores"),
}


class BadCourseFile(CourseError, ValueError):
    """`course.toml` cannot be used; the text names the key."""


@dataclass(frozen=True)
class Addresses:
    """What `course.toml` says.

    title: the course's name; course_id: nbgrader's; url: the student repository on GitHub, without
    a trailing `.git`; branch: the branch students see; distribution: the helpers' name for pip.
    """

    title: str
    course_id: str
    url: str
    branch: str
    distribution: str

    @property
    def slug(self) -> str:
        """`OWNER/REPOSITORY`."""
        return self.url.removeprefix("https://github.com/")

    @property
    def folder(self) -> str:
        """The folder `git clone` makes."""
        return self.slug.split("/")[1]

    @property
    def is_placeholder(self) -> bool:
        """Whether the owner is still the one the course is delivered with."""
        return self.slug.split("/")[0] == PLACEHOLDER_OWNER

    @property
    def requirement(self) -> str:
        """What pip installs the helpers from."""
        return f"{self.distribution} @ git+{self.url}@{self.branch}"

    def colab(self, assignment: str, notebook: str) -> str:
        """The address that opens `notebooks/<assignment>/<notebook>.ipynb` in Colab."""
        path = quote(f"{self.branch}/notebooks/{assignment}/{notebook}.ipynb")
        return f"https://colab.research.google.com/github/{self.slug}/blob/{path}"


def load(path: Path = COURSE_FILE) -> Addresses:
    """Read the course file. Raises BadCourseFile, a ValueError, naming the key at fault."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadCourseFile(f"{path} is missing; it holds the course's addresses.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadCourseFile(f"{path} is not valid TOML: {error}.") from None

    values = _flatten(table)
    for key in values.keys() - _KEYS.keys():
        raise BadCourseFile(
            f"{path}: {key!r} is not a key of this file; known: {', '.join(_KEYS)}."
        )
    for key, (pattern, meaning) in _KEYS.items():
        if key not in values:
            raise BadCourseFile(f"{path}: {key!r} is missing; it should be {meaning}.")
        value = values[key]
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise BadCourseFile(f"{path}: {key!r} is {value!r}; it should be {meaning}.")
    return Addresses(
        title=values["title"],
        course_id=values["course_id"],
        url=values["student_repository.url"].removesuffix(".git"),
        branch=values["student_repository.branch"],
        distribution=values["student_repository.distribution"],
    )


def fill(text: str, assignment: str, notebook: str, addresses: Addresses | None = None) -> str:
    """Fill the placeholders of one notebook cell.

    text: a cell's source; assignment, notebook: `01_convolution`, `convolution` (no `.ipynb`);
    addresses: those of `course.toml` by default. Raises CourseError for a placeholder that does
    not exist.
    """
    if not PLACEHOLDER.search(text):
        return text
    addresses = addresses or load()
    values = {
        "repository": addresses.requirement,
        "colab": addresses.colab(assignment, notebook),
    }
    return substitute(text, values, where=f"{assignment}/{notebook}.ipynb")


def substitute(text: str, values: Mapping[str, str], where: str) -> str:
    """Replace every `{{name}}` by `values[name]`.

    where: the file the text is from, for the message. Raises CourseError for an unknown name.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise CourseError(
                f"{where}: {match[0]} is not a placeholder; known: "
                + ", ".join(f"{{{{{known}}}}}" for known in values)
                + ". (If it is not meant as one, put a space inside the braces.)"
            )
        return values[name]

    return PLACEHOLDER.sub(value, text)


def _flatten(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """`{"a": {"b": 1}}` becomes `{"a.b": 1}`."""
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
