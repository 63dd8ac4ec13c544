"""Pages for people, made from the templates beside this module. Each is a file that needs no other.

`base.html` has the look and the landmarks that all pages share. Whatever is written into a page is
text: markup in it is shown, not obeyed.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined  # comes with nbconvert
from markupsafe import Markup, escape
from nbconvert.filters import strip_ansi

OVERWRITTEN = re.compile(r"[^\n]*\r")
UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def render(template: str, **values) -> str:
    """The page or part of a page that a template (`feedback.html`) makes of `values`.

    Raises jinja2.UndefinedError if the template asks for something that is not there.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=lambda value: type(value)(printable(value)) if isinstance(value, str) else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "marked": marked,
        "number": lambda value: f"{round(value, 2):g}",
        "alike": alike,
        "percent": lambda share: f"{round(100 * share)} %",
        "printable": printable,
    }
    return environment


def alike(items: Iterable[Mapping], key: str) -> list[tuple[str, list[Mapping]]]:
    """Items with the same value of `key`, together, in the order in which they come first."""
    groups: dict[str, list[Mapping]] = {}
    for item in items:
        groups.setdefault(item[key], []).append(item)
    return list(groups.items())


def marked(text: str) -> Markup:
    """Text with what stands between backticks set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def printable(text: str) -> str:
    """What a terminal would show of a text, without colours and other control characters."""
    return UNPRINTABLE.sub("\ufffd", OVERWRITTEN.sub("", strip_ansi(text).replace("\r\n", "\n")))
