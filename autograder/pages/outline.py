"""What a released notebook is called, and where its sections are."""

import re
from dataclasses import dataclass, field

import nbformat

from autograder import ROOT, addresses

HEADING = re.compile(r"^#+ +(?:\d+\. +)?(.+)$", re.MULTILINE)


@dataclass
class Outline:
    """A notebook's title, and addresses that open it at its sections, by their names."""

    title: str
    sections: dict[str, str] = field(default_factory=dict)


def outline(assignment: str, notebook: str) -> Outline:
    """The outline of `notebooks/<assignment>/<notebook>.ipynb`.

    Without such a file the title is the notebook's name. There are no addresses while `course.toml`
    does not say where the student repository is.
    """
    try:
        released = nbformat.read(
            ROOT / "notebooks" / assignment / f"{notebook}.ipynb", as_version=4
        )
    except FileNotFoundError:
        return Outline(notebook)
    texts = [cell for cell in released.cells if cell.cell_type == "markdown"]
    headings = [(name.strip(), cell.id) for cell in texts for name in HEADING.findall(cell.source)]
    title = headings[0][0] if headings else notebook
    known = addresses.load()
    if known.is_placeholder:
        return Outline(title)
    colab = known.colab(assignment, notebook)
    return Outline(title, {name: f"{colab}#scrollTo={place}" for name, place in headings})
