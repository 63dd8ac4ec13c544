"""The book: complete, its links lead somewhere, and it fetches and betrays nothing."""

import re
import shutil
import subprocess
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder import ROOT, CourseError
from autograder.addresses import Addresses, load
from autograder.book import build as book
from autograder.book.docstrings import to_rest
from autograder.book.reading import for_readers
from autograder.release import assignments
from autograder.sample.submissions import notebook_of, path_of

INSTRUCTORS = re.compile(
    r"autograder|(BEGIN|END) (SOLUTION|HIDDEN TESTS)|NBGRADER|course\.key|gradebook|\{\{"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The book, made once: its pages by name, parsed."""
    front = book.build(tmp_path_factory.mktemp("book") / "pages")
    paths = front.parent.rglob("*.html")
    found = {
        path.relative_to(front.parent).as_posix(): path
        for path in paths
        if "_static" not in path.parts
    }
    return Pages(front.parent, found)


class Pages(dict):
    """Parsed pages by name; folder: where they are."""

    def __init__(self, folder, paths):
        self.folder = folder
        super().__init__(
            (name, BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser"))
            for name, path in paths.items()
        )


def page_of(assignment):
    return path_of(assignment, ROOT / "solutions").relative_to(ROOT).with_suffix(".html").as_posix()


# --- the whole book ------------------------------------------------------------------------------


def test_the_book_has_these_pages_and_no_others(pages):
    documents = {f"docs/{name}.html" for name in ("errata", "for_readers", "for_students")}
    reference = {f"reference/{name}.html" for name in ("index", *book.modules())}
    sphinx = {"index.html", "search.html", "genindex.html", "py-modindex.html"}
    notebooks = {page_of(assignment) for assignment in assignments()}
    assert set(pages) == documents | reference | sphinx | notebooks


def test_every_internal_link_leads_somewhere(pages):
    anchors = {
        name: {tag["id"] for tag in page.find_all(id=True)} | {""} for name, page in pages.items()
    }
    broken, followed = [], 0
    for name, page in pages.items():
        for tag in page.find_all(["a", "link", "script", "img"]):
            address = urlsplit(tag.get("href") or tag.get("src") or "")
            if address.scheme or address.netloc or not (address.path or address.fragment):
                continue
            target = (pages.folder / name).parent / unquote(address.path) if address.path else None
            target = target.resolve() if target else pages.folder / name
            key = target.relative_to(pages.folder).as_posix()
            followed += 1
            found = unquote(address.fragment) in anchors[key] if key in anchors else True
            if not (target.is_file() and found):
                broken.append(f"{name}: {tag}")
    assert not broken
    assert followed > 1000


def test_no_page_fetches_anything(pages):
    fetched = [
        f"{name}: {tag}"
        for name, page in pages.items()
        for tag in page.find_all(["script", "link", "img", "iframe", "source", "object"])
        for key in ("src", "href", "data", "srcset")
        if re.match(r"(https?:)?//", tag.get(key, ""))
    ]
    assert not fetched
    for sheet in pages.folder.rglob("*.css"):
        assert not re.search(r"""(url\(|@import)\s*["']?(https?:)?//""", sheet.read_text())


def test_every_picture_says_what_the_notebook_says_of_it(pages):
    for name, page in pages.items():
        assert all(image.get("alt", "").strip() for image in page.find_all("img")), name
    for assignment in assignments():
        outputs = [o for cell in notebook_of(ROOT / "solutions", assignment).cells
                   for o in cell.get("outputs", [])]  # fmt: skip
        told = [o.metadata["image/png"]["alt"] for o in outputs if "image/png" in o.get("data", {})]
        images = pages[page_of(assignment)].select("div.cell_output img")
        assert [image["alt"] for image in images] == told


def test_answers_are_folded_and_checks_have_spoken(pages):
    for assignment in assignments():
        cells = notebook_of(ROOT / "solutions", assignment).cells
        graders = [cell.metadata.get("nbgrader", {}) for cell in cells]
        answers = [about for about in graders if about.get("solution")]
        page = pages[page_of(assignment)]
        folds = [fold.summary.get_text() for fold in page.find_all("details")]
        shown = [words for words in folds if "Show the solution" in words or "rubric" in words]
        assert len(shown) == len(answers)
        checks = [about for about in graders if about.get("grade") and not about["solution"]]
        said = page.select("div.cell.tag_remove-input div.cell_output")
        assert sum(text.get_text().strip().startswith("✓") for text in said) == len(checks)


def test_nothing_of_the_instructors_is_in_it(pages):
    for name in ("searchindex.js", *pages):
        found = INSTRUCTORS.search((pages.folder / name).read_text(encoding="utf-8"))
        assert not found, f"{name}: {found[0]}"


def test_search_knows_every_page(pages):
    index = (pages.folder / "searchindex.js").read_text(encoding="utf-8")
    for assignment in assignments():
        assert f'"{page_of(assignment).removesuffix(".html")}"' in index
    assert '"helpers.convolution"' in index


def test_the_reference_documents_what_notebooks_import(pages):
    for name in book.modules():
        assert pages[f"reference/{name}.html"].select("dt.sig"), name
    assert not any("Alias for field" in page.get_text() for page in pages.values())
    for name in ("helpers.convolution.conv2d", "helpers.plots.show", "helpers.claims.show"):
        page = pages[f"reference/{name.rpartition('.')[0]}.html"]
        assert page.find(id=name).find_next_sibling("dd").get_text().strip()


def test_formulas_and_search_work_without_a_network(pages):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        page, asked = browser.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((pages.folder / page_of("08_residual_blocks")).as_uri())
        page.wait_for_selector("span.math .MathJax")
        page.goto((pages.folder / "search.html").as_uri() + "?q=bottleneck")
        page.wait_for_selector("ul.search li a")
        browser.close()
    assert all(url.startswith(("file:", "data:", "about:")) for url in asked)


# --- a notebook, for readers ---------------------------------------------------------------------


def addresses(owner="a-school"):
    return Addresses("Nets", "nets", f"https://github.com/{owner}/nets", "main", "nets-helpers")


def read(*cells, owner="a-school"):
    nb = new_notebook(cells=list(cells), metadata={"widgets": {}})
    return for_readers(nb, "09_topic", "topic", addresses(owner)).cells


def picture(alt):
    data = {"image/png": "aWNvbg==", "text/plain": alt}
    return new_output("display_data", data, metadata={"image/png": {"alt": alt}})


def graded(source, **about):
    return new_code_cell(source, metadata={"nbgrader": about})


ANSWER = graded(
    "def twice(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", solution=True
)


def test_hints_come_before_the_answer():
    hint = new_markdown_cell("<details><summary>Hint</summary>\n\nAdd it to itself.\n</details>")
    check = graded("check.twice(twice)\n### BEGIN HIDDEN TESTS", grade=True, solution=False)
    question, told, answer, checked = read(ANSWER.copy(), hint, check)
    assert question.source == "def twice(x):\n    ..."
    assert "Hint" in told.source
    assert answer.source == "def twice(x):\n    return 2 * x\n"
    assert answer.metadata.tags == ["hide-input"]
    assert checked.metadata.tags == ["remove-input"]


def test_an_answer_at_the_end_is_not_lost():
    assert len(read(ANSWER.copy())) == 2


def test_a_written_answer_is_folded():
    [cell] = read(new_markdown_cell("### BEGIN SOLUTION\nIt is even.\n### END SOLUTION"))
    assert cell.source == (
        "<details><summary>Answer and rubric</summary>\n\nIt is even.\n\n</details>\n"
    )


def test_every_picture_has_its_own_text():
    slider = new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}})
    bar = new_output("display_data", {"text/plain": "epoch: 100%"})
    words = new_output("display_data", {"text/html": "<details>Figure in words</details>"})
    printed = new_output("stream", text="done")
    shown = [picture("a cat"), words, slider, bar, picture("a dog"), printed]
    first, second = read(new_code_cell("draw()", outputs=shown))
    assert (first.source, first.outputs) == ("draw()", [picture("a cat")])
    assert second.outputs == [picture("a dog"), printed]
    alts = [cell.metadata.mystnb["image"]["alt"] for cell in (first, second)]
    assert alts == ["a cat", "a dog"]
    assert second.metadata.tags == ["remove-input"]


def test_a_picture_without_words_is_named():
    silent = new_output("display_data", {"image/png": "aWNvbg=="})
    with pytest.raises(CourseError, match=r"09_topic/topic.ipynb: a picture[^$]*draw\(\)"):
        read(new_code_cell("draw()", outputs=[silent]))


def test_a_badge_becomes_a_link_only_if_it_leads_somewhere():
    text = "# Topic\n\n[![Open in Colab](badge.svg)]({{colab}})\n\nWelcome."
    [cell] = read(new_markdown_cell(text))
    link = addresses().colab("09_topic", "topic")
    assert cell.source == f"# Topic\n\n[Work on this notebook in Colab]({link})\n\nWelcome."
    [cell] = read(new_markdown_cell(text), owner="your-organisation")
    assert cell.source == "# Topic\n\nWelcome."


def test_the_set_up_is_folded():
    [cell] = read(new_code_cell('# Set-up. Run this first.\npip("{{repository}}")'))
    assert cell.metadata.tags == ["hide-cell"]
    assert addresses().requirement in cell.source


# --- docstrings ----------------------------------------------------------------------------------


def test_parameters_are_set_as_code_where_they_are_explained():
    def pool(x, s, size, d, stride=None, change=None):
        """Pool."""

    lines = [
        "Pool x.",
        "",
        "x: (N, C); size, stride and d: an int. change(images,",
        "rng): called. Returns a tensor. Raises",
        "ValueError.",
    ]
    to_rest(None, "function", "pool", pool, None, lines)
    assert lines == [
        "Pool x.",
        "",
        "``x``: (N, C); ``size``, ``stride`` and ``d``: an int. ``change(images,",
        "rng)``: called.",
        "",
        "Returns a tensor.",
        "",
        "Raises",
        "ValueError.",
    ]


def test_a_table_becomes_a_list_table():
    lines = ["Nets.", "", "| net | layers |", "|---|---|", "| A | 8 |", "| B | |", "", "Sources."]
    to_rest(None, "module", "nets", book, None, lines)
    assert lines == [
        "Nets.",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - net",
        "     - layers",
        "   * - A",
        "     - 8",
        "   * - B",
        "     - ",
        "",
        "Sources.",
    ]


# --- what can go wrong ---------------------------------------------------------------------------


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(CourseError, match="choose another"):
        book.build(tmp_path)
    with pytest.raises(CourseError, match="is a file"):
        book.build(tmp_path / "index.html")
    assert (tmp_path / "index.html").read_text() == "mine"


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(book, "NEEDED", ("sphinx", "no_such_theme"))
    with pytest.raises(CourseError, match=r"no_such_theme.*make setup"):
        book.build(tmp_path)


@pytest.fixture
def sphinx(monkeypatch):
    """Sphinx, replaced: what it writes by name, its status, what it says."""
    result = {"pages": {}, "status": 0, "stderr": ""}

    def run(command, **options):
        *_, folder = command
        book.Path(folder).mkdir()
        for name in result["pages"]:
            (book.Path(folder) / name).write_text("new")
        return subprocess.CompletedProcess(command, result["status"], "", result["stderr"])

    monkeypatch.setattr(book.subprocess, "run", run)
    return result


BOOK = ("index.html", "searchindex.js", "objects.inv")


def test_an_earlier_book_is_replaced(sphinx, tmp_path):
    for name in (*BOOK, "old.html"):
        (tmp_path / name).write_text("old")
    sphinx["pages"] = BOOK
    assert book.build(tmp_path) == tmp_path / "index.html"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        BOOK, "new"
    )


def test_a_warning_is_an_error_and_leaves_the_earlier_book(sphinx, tmp_path):
    for name in BOOK:
        (tmp_path / name).write_text("old")
    sphinx.update(status=1, stderr="errata.md:3: WARNING: a link leads nowhere\n")
    with pytest.raises(CourseError, match="a link leads nowhere"):
        book.build(tmp_path)
    assert (tmp_path / "index.html").read_text() == "old"


def test_the_title_is_that_of_the_course(pages):
    assert load().title in pages["index.html"].title.get_text()
