"""What a student wrote does not run in the browser of whoever reads it."""

from html.parser import HTMLParser

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from autograder.configuration import course_config

ACTIVE = ("script", "iframe", "object", "embed", "form", "base", "svg", "math", "link", "style")
MARKUP = (
    "<script>taken()</script>",
    "<img src=x onerror=taken()>",
    "<svg onload=taken()><script>taken()</script></svg>",
    "<iframe srcdoc='<script>taken()</script>'></iframe>",
    "<details open ontoggle=taken()><summary>x</summary></details>",
    "<a href='javascript:taken()'>x</a>",
    "[x](javascript:taken())",
    "<form action=javascript:taken()><button>x</button></form>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=taken()>'>",
    "<style>@import 'https://example.org/taken';</style>",
    "<base href='https://example.org/'><link rel=stylesheet href=taken>",
    "<div style='background: url(https://example.org/taken)'>x</div>",
)
KINDS = (
    "text/html", "text/markdown", "text/latex", "text/plain", "text/vnd.mermaid",
    "application/javascript", "image/svg+xml", "image/png",
    "application/vnd.jupyter.widget-view+json",
)  # fmt: skip


class Reader(HTMLParser):
    """What on a page a browser would act on."""

    def __init__(self, page):
        super().__init__()
        self.scripts, self.handlers = 0, []
        self.feed(page[page.index("<body") :])

    def handle_starttag(self, tag, attributes):
        self.scripts += tag in ACTIVE
        self.handlers += [
            (tag, name, value)
            for name, value in attributes
            if name.startswith("on")
            or (name in ("href", "src", "action") and (value or "").startswith("javascript:"))
        ]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """page(cells, ours=True): what formgrader shows; or would show, as nbgrader comes."""
    config = course_config(tmp_path_factory.mktemp("class"))
    exporters = {
        True: HTMLExporter(config=config, template_name="classic"),
        False: HTMLExporter(template_name="classic"),
    }
    return lambda cells, ours=True: exporters[ours].from_notebook_node(new_notebook(cells=cells))[0]


def handed_in(markup):
    """Cells with the same in every place where a notebook can have markup."""
    outputs = [new_output("display_data", {kind: markup}) for kind in KINDS]
    size = {"image/png": {"width": f"1 onerror=taken() {markup}"}}
    outputs += [
        new_output("display_data", {"image/png": "AAAA"}, metadata=size),
        new_output("stream", text=markup),
        new_output("error", ename=markup, evalue=markup, traceback=[markup]),
    ]
    code = new_code_cell(markup, outputs=outputs, metadata={"tags": [markup]})
    return [new_markdown_cell(markup), new_raw_cell(markup), code]


@pytest.mark.parametrize("markup", MARKUP)
def test_nothing_runs(page, markup):
    found, plain = Reader(page(handed_in(markup))), Reader(page([new_code_cell("1")]))
    assert (found.scripts, found.handlers) == (plain.scripts, plain.handlers)


def test_it_would_run_in_formgrader_as_it_comes(page):
    found = Reader(page([new_markdown_cell("\n\n".join(MARKUP[:2]))], ours=False))
    assert (found.scripts, len(found.handlers)) == (1, 1)


def test_what_is_harmless_stays(page):
    text = "# Why\n\nIt is *small*, $a<b$.\n\n> said\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n`x<y`"
    report = '<section style="border-left: 1px"><meter min="0" max="9" value="3"></meter></section>'
    outputs = [new_output("display_data", {"text/html": report, "image/png": "AAAA"})]
    shown = page([new_markdown_cell(text), new_code_cell("1", outputs=outputs)])
    for kept in ("<em>small</em>", "$a&lt;b$", "<blockquote>", "<td>1</td>", "<code>x&lt;y</code>"):
        assert kept in shown
    assert '<section style="border-left: 1px' in shown
    assert "<meter" in shown


def test_attached_pictures_are_shown(page):
    cell = new_markdown_cell("![x](attachment:a.png)", attachments={"a.png": {"image/png": "AAAA"}})
    assert 'src="data:image/png;base64,AAAA"' in page([cell])
