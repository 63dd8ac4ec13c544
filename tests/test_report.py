"""The instructor's report: complete, self-contained, and fair."""

import ast
import re

import pytest
from bs4 import BeautifulSoup

from autograder import ROOT, CourseError, grading, report
from autograder.classroom import Classroom
from autograder.report import findings as findings_about
from autograder.report.alike import fingerprint
from autograder.report.findings import Findings, Item
from autograder.sample.members import members
from autograder.sample.submissions import notebook_of, solved_answers

ASSIGNMENT = "01_convolution"
ODD = "o'<b>neil&"
OWN = """
def conv2d_forward(x, weight):
    out = torch.zeros(len(x), len(weight), x.shape[2], x.shape[3])
    for n, image in enumerate(x):
        for o, kernel in enumerate(weight):
            total = 0.0  # sum over the channels
            for plane, window in zip(image, kernel):
                total = total + torch.roll(plane, 1) * window.sum()
            out[n, o] = total
    return out
"""
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker_here")]


@pytest.fixture(scope="module")
def room(tmp_path_factory, worker_here):
    """A graded class of four, one of whom handed in nothing."""
    room = Classroom(tmp_path_factory.mktemp("class"))
    chosen = {member.name: member for member in members(ASSIGNMENT)}
    for name in ("forges", "mistakes-04", "not-json", "wrong-name"):
        student = ODD if name == "mistakes-04" else name
        chosen[name].hand_in(room.folder("submitted", student, ASSIGNMENT), ASSIGNMENT)
    grading.grade(room)
    with room.gradebook() as gradebook:
        gradebook.add_student("absent")
    return room


@pytest.fixture(scope="module")
def page(room):
    [path] = report.write(room)
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def findings(room):
    return report.collect(room, ASSIGNMENT)


@pytest.fixture
def several():
    """several(shares, ...): findings about students with these shares of three exercises."""

    def make(*shares):
        found = Findings("", "", "", [], [], [], [], [], [], [], {}, {}, {})
        found.items = [Item(name, 2.0, False) for name in "abc"]
        found.shares = {str(k): dict(zip("abc", row, strict=True)) for k, row in enumerate(shares)}
        return found

    return make


def test_the_page_is_valid_complete_and_open_to_everybody(room, page, flaws):
    assert flaws(room.report(ASSIGNMENT).read_text(encoding="utf-8")) == []


def test_the_page_leads_nowhere_outside(page):
    assert not [a["href"] for a in page.find_all("a") if a["href"].startswith("http")]


def test_the_distribution_is_told_in_words_too(page):
    assert re.search(r"Number of students by points: .*: 1", page.find(role="img")["aria-label"])


def test_names_are_text_and_never_markup(page):
    assert ODD in page.text
    assert not page.find("b", string=re.compile("neil"))


def test_who_could_not_be_graded_and_who_is_missing_is_named(findings, page):
    assert [row.student for row in findings.troubles if row.failed] == ["not-json"]
    assert "Missing: absent." in page.text


def test_only_graded_submissions_are_in_the_statistics(findings):
    assert len(findings.scores) == 3
    assert all(len(item.shares) <= 3 for item in findings.items)


def test_a_forged_answer_is_observed_and_nobody_is_accused(findings, page):
    flags = {(flag.student, flag.flag) for flag in findings.flags}
    assert ("forges", "an answer arrived that belongs to no question") in flags
    assert not re.search(r"cheat|fraud|plagiar|dishonest", page.text, re.IGNORECASE)


def test_mistakes_are_counted_by_what_they_are(findings):
    made = {(tally.exercise, tally.words): tally for tally in findings.mistakes}
    tally = made["conv2d_forward", "the bias is never added"]
    assert tally.certain == [ODD]


def test_what_was_repaired_is_said(page, findings):
    said = "the file was called Copy of convolution.ipynb"
    assert {k: v for k, v in findings.repairs.items() if v} == {"wrong-name": [said]}
    assert said in page.text


def test_cases_and_exercises_count_those_who_failed(findings):
    failed = {(t.exercise, t.words): t for t in findings.cases}
    assert failed["conv2d_forward", "padding 2"].students == sorted([ODD, "forges"])
    [forward] = [item for item in findings.items if item.name == "conv2d_forward"]
    assert 0 < forward.mean < 1


def test_written_answers_wait_for_a_person(findings):
    [item] = [item for item in findings.items if item.name == "written_shift"]
    assert item.by_hand
    assert item.open == 3


def test_bins_hold_everybody(findings):
    assert sum(count for _, count in findings.bins) == len(findings.scores)


def test_discrimination_is_how_an_exercise_goes_along_with_the_others(several):
    found = several(*[(k / 9, 1 - k / 9, 1.0) for k in range(10)])
    findings_about.discriminate(found)
    a, b, c = (item.discrimination for item in found.items)
    assert (a, b) == (pytest.approx(-1), pytest.approx(-1))
    assert c is None  # everybody has the same


def test_discrimination_over_a_few_students_is_none(several):
    found = several(*[(k / 8, k / 8, 1.0) for k in range(9)])
    findings_about.discriminate(found)
    assert [item.discrimination for item in found.items] == [None, None, None]


def test_answers_alike_are_grouped_by_who_shares_them():
    right = {
        name.removesuffix("-answer"): text for name, text in solved_answers(ASSIGNMENT).items()
    }
    own = {"conv2d_forward": OWN, "conv2d_grad_x": OWN.replace("out", "grad")}
    answers = {
        "ann": own,
        "bob": {
            name: text.replace("total", "s").replace("# sum over the channels", "")
            for name, text in own.items()
        },
        "cat": {"conv2d_forward": OWN.replace("0.0", "0.5")},
        "dan": {"conv2d_forward": right["conv2d_forward"], "layer_numbers": right["layer_numbers"]},
        "eve": {"layer_numbers": right["layer_numbers"]},
    }
    pair, one = findings_about.alike(ASSIGNMENT, answers)
    assert (pair.students, pair.solved) == (["ann", "bob"], False)
    assert pair.exercises == ["conv2d_forward", "conv2d_grad_x"]
    assert pair.sources["conv2d_forward"] == [
        ("ann", OWN),
        ("bob", answers["bob"]["conv2d_forward"]),
    ]
    assert (one.students, one.solved, one.exercises) == (["dan"], True, ["conv2d_forward"])


def test_what_was_released_is_nobodys_answer():
    released = {cell.metadata.nbgrader.grade_id.removesuffix("-answer"): cell.source
                for cell in notebook_of(ROOT / "notebooks", ASSIGNMENT).cells
                if cell.metadata.get("nbgrader", {}).get("solution")}  # fmt: skip
    assert findings_about.alike(ASSIGNMENT, {"ann": released, "bob": released}) == []


def test_nothing_graded_yet_says_what_to_do(tmp_path):
    room = Classroom(tmp_path)
    room.folder("submitted", "ann", ASSIGNMENT).mkdir(parents=True)
    with pytest.raises(CourseError, match="course grade"):
        report.write(room)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total", "s"),
        ("# sum over the channels", "#"),
        ("(x, weight):", "(inputs: Tensor, weight) -> Tensor:\n    'What it does.'"),
        ("    ", "  "),
    ],
)
def test_names_comments_and_layout_leave_no_trace(old, new):
    changed = OWN.replace(old, new)
    changed = changed if "inputs" not in new else re.sub(r"\bx\b", "inputs", changed)
    assert changed != OWN
    assert fingerprint(changed) == fingerprint(OWN) != ""


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.0", "1.0"), ("roll", "flip"), ("*", "+"), ("torch.", "numpy."), (" + ", "-")],
)
def test_what_the_code_does_leaves_a_trace(old, new):
    assert fingerprint(OWN.replace(old, new)) != fingerprint(OWN)


@pytest.mark.parametrize(
    "source",
    ["", "def f(x):\n    return x", "x = 1\n" * 100, "def f(:", "\0", "(" * 9000,
     "-" * 50_000 + "1", "a" + ".b" * 40_000, "def f(): pass\n" * 20_000, "\ud800" * 200],
)  # fmt: skip
def test_what_cannot_be_compared_has_no_fingerprint(source):
    assert fingerprint(source) == ""


def test_a_name_is_told_from_another_by_where_it_stands():
    swapped = OWN.replace("plane, window in", "window, plane in")
    assert ast.dump(ast.parse(swapped)) != ast.dump(ast.parse(OWN))
    assert fingerprint(swapped) != fingerprint(OWN)
