"""Files that are no notebooks, or hardly, cost the class nothing: each is told what is wrong."""

import json

import nbformat
import pytest

from autograder.classroom import Classroom
from autograder.grading.reasons import explain
from autograder.intake import repair

ASSIGNMENT, NAME = "01_convolution", "convolution.ipynb"


def altered(nb, change):
    data = json.loads(nbformat.writes(nb))
    change(data)
    return json.dumps(data)


def deep(nb, levels):
    text = altered(nb, lambda data: data["metadata"].update(deep="here"))
    return text.replace('"here"', "[" * levels + "]" * levels)


FILES = {
    "endless brackets": lambda nb: "[" * 200_000,
    "endless names": lambda nb: '{"a":' * 200_000,
    "deep metadata": lambda nb: deep(nb, 3000),
    "a long number": lambda nb: nbformat.writes(nb).replace(
        '"nbformat": 4', '"nbformat": ' + "9" * 5000
    ),
    "cells that are none": lambda nb: altered(nb, lambda data: data.update(cells={"a": 1})),
    "text about a graded cell": lambda nb: altered(
        nb, lambda data: data["cells"][2]["metadata"].update(nbgrader="x")
    ),
    "a list for a name": lambda nb: altered(
        nb, lambda data: data["cells"][2]["metadata"].update(nbgrader={"grade_id": ["x"]})
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_gets_a_reason(small, tmp_path, name):
    room = Classroom(tmp_path / "room")
    folder = room.folder("submitted", "eve", ASSIGNMENT)
    folder.mkdir(parents=True)
    (folder / NAME).write_text(FILES[name](small.attacked()), encoding="utf-8")
    reasons, _ = explain(room, "eve", ASSIGNMENT, "Exception", "")
    assert len(reasons) == 1
    assert reasons[0].startswith(NAME)


def test_a_deep_file_is_not_taken_for_a_well_formed_one(small):
    nb = small.attacked()
    assert repair._well_formed(nbformat.writes(nb).encode())
    assert not repair._well_formed(deep(nb, 900).encode())
