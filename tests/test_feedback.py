"""A student's page: what it says, that it needs nothing else, and that everybody can read it."""

import base64
import re
from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autograder import addresses, feedback, grading, pages
from autograder.classroom import Classroom
from autograder.configuration import nbgrader_api
from autograder.exercises import load
from autograder.judge import verdict
from autograder.pages import outline
from autograder.pages.feedback import Page, parts
from autograder.release import assignments
from autograder.sample.members import members
from autograder.sample.submissions import path_of, solved_answers, submission

ASSIGNMENT, NAME = "01_convolution", "convolution"
ODD = "o'<b>neil&"
COMMENT = "Well seen. <b>The border</b> is what many forget."


@pytest.fixture(scope="module")
def room(tmp_path_factory, worker_here):
    """A class of three, graded, with something said by a person: odd, renamed and broken."""
    room = Classroom(tmp_path_factory.mktemp("class"))
    right, kinds = solved_answers(ASSIGNMENT), {m.name: m for m in members(ASSIGNMENT)}
    own = {k: v for k, v in kinds["mistakes-04"].answers.items() if not k.startswith("im2col")}
    own["conv2d_grad_bias-answer"] += "\nprint('\\x1b[31mred\\x1b[0m <i>', 7 * 191)\n1 / 0"
    own["written_shift"] = "It moves along. <script>alert(1)</script>"
    del own["written_flops"]
    for student, name, answers in ((ODD, NAME, own), ("renamed", f"Copy of {NAME}", right)):
        folder = room.folder("submitted", student, ASSIGNMENT)
        folder.mkdir(parents=True)
        nbformat.write(submission(ASSIGNMENT, answers), folder / f"{name}.ipynb")
    kinds["not-json"].hand_in(room.folder("submitted", "broken", ASSIGNMENT), ASSIGNMENT)
    grading.grade(room)
    with room.gradebook() as gradebook:
        where = (NAME, ASSIGNMENT, ODD)
        grade = gradebook.find_grade("written_shift", *where)
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.find_comment("conv2d_forward-answer", *where).manual_comment = COMMENT
        gradebook.db.commit()
    feedback.write(room)
    return room


def html_of(room, student):
    path = room.folder("feedback", student, ASSIGNMENT) / f"{NAME}.html"
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(room):
    return BeautifulSoup(html_of(room, ODD), "html.parser")


def part(page, name):
    """The section about an exercise, as text with single spaces."""
    [found] = [s for s in page.find_all("section") if s.h2.code.text == name]
    return re.sub(r"\s+", " ", found.text)


@pytest.mark.slow
@pytest.mark.parametrize("student", [ODD, "renamed", "broken"])
def test_every_page_is_valid_complete_and_open_to_everybody(room, flaws, student):
    assert flaws(html_of(room, student)) == []


@pytest.mark.slow
def test_the_page_begins_with_the_points_and_a_way_to_each_exercise(page, room):
    [row] = [row for row in room.standings(ASSIGNMENT) if row.student == ODD]
    assert f"{row.score:g} of {row.max_score:g} points" in page.find(class_="total").text
    graded = [v["exercise"] for v in room.verdicts(ODD, ASSIGNMENT)]
    linked = [a.text for a in page.nav.find_all("a")]
    assert [name for name in linked if not name.startswith("written")] == graded
    for link in page.nav.find_all("a"):
        assert page.find(id=link["href"][1:]).code.text == link.text


@pytest.mark.slow
def test_the_mistake_is_named_with_a_hint_and_where_it_is_explained(page):
    said = part(page, "conv2d_forward")
    assert "It looks as if the bias is never added." in said
    assert "Hint: Each output channel has one bias" in said
    assert "Where it is explained: “The forward pass”, in the notebook" in said
    assert "2 of 15 cases right" in said


@pytest.mark.slow
def test_what_people_said_and_gave_is_there(page):
    assert f"From your grader{COMMENT}" in part(page, "conv2d_forward").replace("grader ", "grader")
    assert "1.5 of 2 points" in part(page, "written_shift")


@pytest.mark.slow
def test_what_the_student_wrote_and_what_it_gave_is_there_as_text(page):
    said = part(page, "conv2d_backward")
    assert "def conv2d_grad_bias(" in said
    assert "red <i> 1337 ZeroDivisionError: division by zero" in said
    assert "<script>alert(1)</script>" in part(page, "written_shift")
    assert ODD in page.header.text


@pytest.mark.slow
def test_what_was_not_tried_is_told_kindly(page):
    assert "Not attempted yet." in part(page, "im2col")
    assert "Not attempted yet." in part(page, "written_flops")


@pytest.mark.slow
def test_written_answers_wait_for_a_person(room):
    page = BeautifulSoup(html_of(room, "renamed"), "html.parser")
    assert "27 of 30 points, and up to 3 more to come" in page.find(class_="total").text
    assert "A person reads this answer; its points are still to come." in part(
        page, "written_flops"
    )


@pytest.mark.slow
def test_repairs_are_told(room):
    page = BeautifulSoup(html_of(room, "renamed"), "html.parser")
    assert "the file was called Copy of convolution.ipynb" in page.footer.text


@pytest.mark.slow
def test_nobody_is_compared_or_shamed(room):
    for student in (ODD, "renamed", "broken"):
        text = BeautifulSoup(html_of(room, student), "html.parser").text
        words = r"\b(mean|median|rank|average|others in|class|fail(ed|ure)?|poor|bad|cheat)\b"
        assert not re.search(words, text.replace(solved_text(room, student), ""), re.IGNORECASE)


def solved_text(room, student):
    """What a student wrote is not ours to judge."""
    return "" if student == "broken" else room.answer(student, ASSIGNMENT, "conv2d_forward")


@pytest.mark.slow
def test_stock_nbgrader_and_formgraders_button_write_the_same_page(room):
    before = html_of(room, "renamed")
    done = nbgrader_api(room.config).generate_feedback(ASSIGNMENT, "renamed", force=True)
    assert done["success"], done
    assert html_of(room, "renamed") == before


@pytest.mark.slow
def test_who_could_not_be_graded_reads_why_and_what_to_do(room):
    text = BeautifulSoup(html_of(room, "broken"), "html.parser").text
    assert "not valid JSON" in text
    assert "hand it\nin again" in text


# Without a class ----------------------------------------------------------------------------


def decided(**changes):
    """A verdict's data, as the judge leaves it."""
    decision = verdict.Decision("im2col", message="There is no answer: the cell did not run.")
    return verdict._data(decision) | changes


def cell(grade_id, make=new_code_cell, outputs=(), **about):
    kind = "markdown" if make is new_markdown_cell else "code"
    known = {"grade_id": grade_id, "cell_type": kind, "schema_version": 3, "comment": "",
             "grade": False, "solution": False, "task": False, "locked": False,
             "score": 0.0, "points": 3.0, "waiting": False, "by_person": False}  # fmt: skip
    made = make("source", metadata={"nbgrader": known | about})
    if outputs:
        made.outputs = list(outputs)
    return made


def graded(data):
    output = new_output("display_data", {verdict.MIME: data})
    return cell("im2col", outputs=[output], grade=True, locked=True)


def shown(*cells, **changes):
    """The page for a notebook of some cells."""
    about = {"course": "Networks", "assignment": ASSIGNMENT, "student": "ann",
             "outline": outline.Outline("Convolution"), "score": 0.0, "max_score": 3.0,
             "late_penalty": 0.0, "repairs": [], "contained": True}  # fmt: skip
    made = Page(parts=parts(SimpleNamespace(cells=cells)), **about | changes)
    return pages.render("feedback.html", it=made)


def test_pictures_are_part_of_the_page_and_said_to_be_there(flaws):
    picture = new_output("display_data", {"image/png": base64.b64encode(b"png").decode() + "\n"})
    html = shown(cell("im2col-answer", outputs=[picture], solution=True), graded(decided()))
    assert 'src="data:image/png;base64,cG5n"' in html
    assert flaws(html) == []


@pytest.mark.parametrize(
    "text", ["\x00\x1b[0;31m\x08", "\ud800\uffff", "</pre></details><main>", "1 %\r50 %\r100 %"]
)
def test_whatever_is_printed_leaves_the_page_whole(flaws, text):
    outputs = [
        new_output("stream", text=text),
        new_output("error", ename=text, evalue=text, traceback=[]),
        new_output("execute_result", {"text/plain": text, "text/html": "<h1>big</h1>"}),
        new_output("display_data", {"image/png": f'"><h1>{text}'}),
    ]
    html = shown(cell("im2col-answer", outputs=outputs, solution=True), graded(decided()))
    assert html.encode()
    assert flaws(html) == []


def test_a_progress_bar_is_shown_as_it_ended():
    bar = new_output("stream", text="done \r\n1 %\r50 %\r100 %\n")
    html = shown(cell("im2col-answer", outputs=[bar], solution=True), graded(decided()))
    assert "<pre>done \n100 %</pre>" in html


def test_several_possible_mistakes_are_all_told():
    findings = [{"words": "It might be that a; or b.", "hint": ""}]
    html = shown(graded(decided(findings=findings, message="", said="0 of 2 cases right.")))
    assert "It might be that a; or b." in html
    assert "Hint" not in html


def test_lateness_no_sandbox_and_points_set_by_a_person_are_told():
    found = graded(decided())
    found.metadata.nbgrader.by_person = True
    text = " ".join(shown(found, late_penalty=1.5, contained=False).split())
    assert "1.5 points are taken off because the notebook came late" in text
    assert "without a sandbox. That makes no difference to your points" in text
    assert "A person has set the points." in text


def test_a_task_graded_as_a_whole_shows_points_and_comment_but_not_its_text():
    task = cell("draw", new_markdown_cell, task=True, score=2.0, comment="Neat.", by_person=True)
    html = shown(task)
    assert "Neat." in html
    assert "source" not in html


def test_the_section_that_explains_a_mistake_is_linked_in_the_students_notebook():
    sections = {"im2col": "https://example.org/#scrollTo=x"}
    html = shown(
        graded(decided(section="im2col")), outline=outline.Outline("Convolution", sections)
    )
    assert '<a href="https://example.org/#scrollTo=x">“im2col”, in the notebook</a>' in html


def test_there_are_links_only_where_the_student_repository_is_known(monkeypatch):
    known = addresses.Addresses("t", "c", "https://github.com/ann/convnets", "main", "helpers")
    assert outline.outline(ASSIGNMENT, NAME).sections == {} or not addresses.load().is_placeholder
    monkeypatch.setattr(addresses, "load", lambda: known)
    found = outline.outline(ASSIGNMENT, NAME)
    assert found.title == "Convolution: one small filter, used everywhere"
    ids = {cell.id for cell in nbformat.read(path_of(ASSIGNMENT), as_version=4).cells}
    for link in found.sections.values():
        address, place = link.split("#scrollTo=")
        assert address == known.colab(ASSIGNMENT, NAME)
        assert place in ids


@pytest.mark.parametrize("assignment", assignments())
def test_what_explains_an_exercise_is_a_section_of_its_notebook(monkeypatch, assignment):
    known = addresses.Addresses("t", "c", "https://github.com/ann/convnets", "main", "helpers")
    monkeypatch.setattr(addresses, "load", lambda: known)
    notebook = path_of(assignment).stem
    sections = outline.outline(assignment, notebook).sections
    named = {name: found.exercise.section for name, found in load(notebook).items()}
    assert {name: section for name, section in named.items() if section not in sections} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_text_stands_out_from_what_is_behind_it(scheme):
    """WCAG's ratio of 4.5 to 1."""
    style = BeautifulSoup(shown(), "html.parser").style.text
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): #(\w{6})", blocks[scheme == "dark"]))
    for text in ("text", "soft", "good", "look", "bad"):
        for behind in ("page", "box"):
            lighter, darker = sorted(map(luminance, (colours[text], colours[behind])))[::-1]
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, behind)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return sum(share * v for share, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
