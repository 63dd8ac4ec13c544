"""The instructor's report: complete, self-contained, and fair."""

import re

import pytest
from bs4 import BeautifulSoup

from autograder import CourseError, grading, report
from autograder.classroom import Classroom
from autograder.sample.members import members

ASSIGNMENT = "01_convolution"
ODD = "o'<b>neil&"
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


def test_the_page_needs_nothing_from_elsewhere(page):
    assert not page.find_all(["script", "link", "iframe", "img"])
    assert "url(" not in page.style.text
    assert not [a["href"] for a in page.find_all("a") if a["href"].startswith("http")]


def test_the_page_follows_the_readers_colours_and_fits_a_phone(page):
    assert "prefers-color-scheme: dark" in page.style.text
    assert page.find("meta", attrs={"name": "viewport"})


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


def test_nothing_graded_yet_says_what_to_do(tmp_path):
    room = Classroom(tmp_path)
    room.folder("submitted", "ann", ASSIGNMENT).mkdir(parents=True)
    with pytest.raises(CourseError, match="course grade"):
        report.write(room)
