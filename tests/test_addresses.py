"""course.toml and the placeholders that are filled from it."""

import re

import pytest

from autograder import CourseError, addresses

GOOD = """\
title = "A course"
course_id = "course"

[student_repository]
url = "https://github.com/a-school/convnets"
branch = "main"
distribution = "convnets-helpers"
"""


@pytest.fixture
def course(tmp_path):
    def read(text: str) -> addresses.Addresses:
        path = tmp_path / "course.toml"
        path.write_text(text, encoding="utf-8")
        return addresses.load(path)

    return read


def test_the_courses_own_file_is_good():
    assert addresses.load().distribution == "convnets-helpers"


def test_repository_is_a_pip_requirement(course):
    filled = addresses.fill("{{repository}}", "01_convolution", "convolution", course(GOOD))
    assert filled == "convnets-helpers @ git+https://github.com/a-school/convnets@main"


def test_colab_opens_the_notebook_on_the_branch(course):
    filled = addresses.fill("[![Colab]({{colab}})", "01_convolution", "convolution", course(GOOD))
    assert filled == (
        "[![Colab](https://colab.research.google.com/github/a-school/convnets/blob/main/"
        "notebooks/01_convolution/convolution.ipynb)"
    )


def test_trailing_git_is_dropped(course):
    assert course(GOOD.replace("school/convnets", "school/convnets.git")) == course(GOOD)


@pytest.mark.parametrize("text", ["f'{x}'", r"\frac{{A}}{{B}}", "{{ x }}", "{{x1}}", "no braces"])
def test_other_braces_are_left_alone(course, text):
    assert addresses.fill(text, "a", "b", course(GOOD)) == text


def test_unknown_placeholder_raises_with_the_notebook(course):
    with pytest.raises(CourseError, match=r"a/b\.ipynb: \{\{repo\}\} .*\{\{repository\}\}"):
        addresses.fill("{{repo}}", "a", "b", course(GOOD))


@pytest.mark.parametrize(
    ("good", "bad", "key"),
    [
        ('title = "A course"', "", "title"),
        ('title = "A course"', 'title = ""', "title"),
        ('course_id = "course"', "course_id = 3", "course_id"),
        ('course_id = "course"', 'course_id = "a b"', "course_id"),
        ("https://github.com/a-school/convnets", "https://example.org/x/y", "url"),
        ("https://github.com/a-school/convnets", "https://github.com/a-school", "url"),
        ("https://github.com/a-school/convnets", "http://github.com/a/b", "url"),
        ('branch = "main"', "", "branch"),
        ('branch = "main"', 'branch = "a b"', "branch"),
        ('"convnets-helpers"', '"convnets helpers"', "distribution"),
        ('branch = "main"', 'branch = "main"\nbrunch = "late"', "brunch"),
        ("[student_repository]", "[repository]", "repository"),
    ],
)
def test_bad_key_is_named(course, good, bad, key):
    assert good in GOOD
    with pytest.raises(ValueError, match=re.escape(key)):
        course(GOOD.replace(good, bad))


def test_broken_file_is_named(course):
    with pytest.raises(ValueError, match=r"course\.toml is not valid TOML"):
        course("title = ")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="is missing"):
        addresses.load(tmp_path / "course.toml")
