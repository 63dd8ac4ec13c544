"""A solved notebook as a reader should see it: without what only graders and kernels need."""

import re

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder import CourseError
from autograder.addresses import Addresses, fill

__all__ = ["for_readers"]

ANSWER = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION[ \t]*\n(.*?)^[ \t]*### END SOLUTION[ \t]*$\n?",
    re.DOTALL | re.MULTILINE,
)
BADGE = re.compile(r"\[!\[[^\]]*\]\([^)]*\)\]\(\{\{colab\}\}\)\n*")
HINT = "<details>"
SET_UP = "# Set-up."


def for_readers(
    nb: NotebookNode, assignment: str, notebook: str, addresses: Addresses
) -> NotebookNode:
    """Rewrite a solved notebook for the book, in place; returns it.

    What is asked for stands open, then the hints, then the answer, folded. Of a graded cell only
    what its check said remains. The set-up is folded, too. Sliders, progress bars, and the texts of
    pictures, which the book gives to the pictures themselves, are left out.
    Raises CourseError for a picture without such a text.
    """
    where = f"{assignment}/{notebook}.ipynb"
    nb.metadata.pop("widgets", None)
    cells, answer = [], []
    for cell in nb.cells:
        if not cell.source.startswith(HINT):
            cells += answer
            answer = []
        if cell.cell_type == "markdown":
            cells.append(_text(cell, addresses))
        elif cell.metadata.get("nbgrader", {}).get("solution"):
            cells.append(new_code_cell(ANSWER.sub(r"\1...\n", cell.source).rstrip()))
            answer = _code(cell, where)
        else:
            cells += _code(cell, where)
    nb.cells = cells + answer
    for cell in nb.cells:
        cell.source = fill(cell.source, assignment, notebook, addresses)
    return nb


def _text(cell: NotebookNode, addresses: Addresses) -> NotebookNode:
    """A cell of text: its badge becomes a link, if that leads anywhere, and an answer is folded."""
    link = "" if addresses.is_placeholder else "[Work on this notebook in Colab]({{colab}})\n\n"
    folded = r"<details><summary>Answer and rubric</summary>\n\n\2\n</details>\n"
    cell.source = ANSWER.sub(folded, BADGE.sub(link, cell.source))
    return cell


def _code(cell: NotebookNode, where: str) -> list[NotebookNode]:
    """A cell of code, and one more for every further picture it shows."""
    about = cell.metadata.get("nbgrader", {})
    cell.metadata = NotebookNode()
    if about.get("solution"):
        cell.source = ANSWER.sub(r"\2", cell.source)
        _fold(cell, "hide-input", "the solution")
    elif about.get("grade"):
        cell.metadata.tags = ["remove-input"]
    elif cell.source.startswith(SET_UP):
        _fold(cell, "hide-cell", "the set-up")
    cells, outputs = [cell], [output for output in cell.outputs if _is_shown(output)]
    cell.outputs = []
    for output in outputs:
        if _is_picture(output):
            if any(map(_is_picture, cells[-1].outputs)):
                cells.append(new_code_cell(metadata={"tags": ["remove-input"]}))
            # myst-nb looks for a picture's text in its cell.
            text = output.metadata.get("image/png", {}).get("alt")
            if not text:
                raise CourseError(
                    f"solutions/{where}: a picture says nothing to those who do not see it, in the "
                    f"cell\n{cell.source}\nShow it with `plots.show`, and run the notebook again."
                )
            cells[-1].metadata.setdefault("mystnb", {})["image"] = {"alt": text}
        cells[-1].outputs.append(output)
    return cells


def _fold(cell: NotebookNode, tag: str, what: str) -> None:
    """Have the book fold a cell, or its input; what: the words on the fold."""
    prompts = {"code_prompt_show": f"Show {what}", "code_prompt_hide": f"Hide {what}"}
    cell.metadata.update(tags=[tag], mystnb=prompts)


def _is_picture(output: NotebookNode) -> bool:
    return "image/png" in output.get("data", {})


def _is_shown(output: NotebookNode) -> bool:
    """Whether a page shows an output: no slider, no progress bar, no picture told in words."""
    if output.output_type != "display_data":
        return True
    return bool({"image/png", "text/markdown"} & output.data.keys())
