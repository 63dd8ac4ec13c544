"""What a student wrote, made fit for the browser of whoever grades it.

Formgrader shows notebooks on a page that may do whatever the grader may in JupyterLab, run code
included. So nothing in a notebook runs there: of its markup remains what is on these lists.
"""

from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

__all__ = ["HarmlessOutputs", "clean", "markdown2html"]

TAGS = [
    *bleach.ALLOWED_TAGS,
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "div", "section", "span", "pre"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "img", "figure"),
    *("figcaption", "details", "summary", "meter", "del", "ins", "sub", "sup", "kbd", "small"),
]
ATTRIBUTES = {
    **bleach.ALLOWED_ATTRIBUTES,
    "*": ["class", "id", "style", "title"],
    "a": ["href", "title"],
    "img": ["src", "alt", "width", "height"],
    "meter": ["min", "max", "value"],
    "details": ["open"],
    "th": ["align", "colspan", "rowspan"],
    "td": ["align", "colspan", "rowspan"],
}
STYLES = [
    *("border-left", "padding-left", "list-style", "width", "text-align", "vertical-align"),
    *("color", "background-color", "font-weight", "font-style"),
]
PROTOCOLS = [*bleach.ALLOWED_PROTOCOLS, "data"]  # attached pictures
SHOWN = {"text/html", "text/markdown", "text/latex", "text/plain", "image/png", "image/jpeg"}


def clean(markup: str) -> str:
    """Markup without anything that runs; what is not allowed is shown as text."""
    return bleach.clean(
        markup,
        TAGS,
        ATTRIBUTES,
        PROTOCOLS,
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
    )


@pass_context
def markdown2html(context: Any, source: str) -> str:
    """nbconvert's filter of this name, cleaned."""
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(escape=False, attachments=attachments)
    return clean(MarkdownWithMath(renderer=renderer).render(source))


class HarmlessOutputs(Preprocessor):
    """Cleans outputs before they are shown, and leaves out those that are programs."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict, index: int
    ) -> tuple[NotebookNode, dict]:
        if cell.cell_type != "code":
            return cell, resources
        for output in (output for output in cell.outputs if "data" in output):
            output.metadata = NotebookNode()  # it would stand in the page as it is
            output.data = NotebookNode((k, v) for k, v in output.data.items() if k in SHOWN)
            if "text/html" in output.data:
                output.data["text/html"] = clean("".join(output.data["text/html"]))
        cell.outputs = [output for output in cell.outputs if output.get("data") != {}]
        return cell, resources
