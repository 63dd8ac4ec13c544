"""Repairing notebooks: whatever happens to a right submission on its way, its answers survive."""

import ast
import copy
import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import ROOT
from autograder.intake.repair import Unreadable, defined, repair
from autograder.release import assignments
from autograder.sample.submissions import notebook_of, solved_answers, submission

RELEASED = {name: notebook_of(ROOT / "notebooks", name) for name in assignments()}
RIGHT = {name: submission(name, solved_answers(name)) for name in assignments()}
NAME = "04_lenet"
STUBS = {c.source for c in RELEASED[NAME].cells if c.metadata.get("nbgrader", {}).get("solution")}


def grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def data(assignment=NAME):
    return json.loads(nbformat.writes(RIGHT[assignment]))


def find(nb, name):
    [cell] = [cell for cell in nb["cells"] if grade_id(cell) == name]
    return cell


def repaired(nb, assignment=NAME):
    return repair(json.dumps(nb).encode(), RELEASED[assignment])


def squeezed(text):
    return "".join(text.split())


def assert_answers_survive(result, assignment):
    """Every cell of the release stands in its order, with the right answer in or just before it."""
    release, right = RELEASED[assignment], RIGHT[assignment]
    ids = [cell.id for cell in release.cells]
    assert [cell.id for cell in result.notebook.cells if cell.id in set(ids)] == ids
    nbformat.validate(result.notebook)
    by_id = {cell.id: cell for cell in result.notebook.cells}
    assert len(by_id) == len(result.notebook.cells)
    before, sources = "", {}
    for cell in result.notebook.cells:
        before += cell.source
        if cell.id in set(ids):
            sources[cell.id], before = before, ""
    sources["end"] = before
    following = dict(zip(ids, [*ids[1:], "end"], strict=True))
    for want in right.cells:
        got = by_id[want.id]
        if not grade_id(want):
            continue
        assert got.metadata == want.metadata
        assert got.cell_type == want.cell_type
        if want.metadata.nbgrader.locked:
            assert got.source == want.source
        else:
            around = sources[want.id] + sources[following[want.id]]
            assert squeezed(want.source) in squeezed(around), grade_id(want)


# The edits that people and Colab make -------------------------------------------------------


def index(nb, at, wanted):
    places = [k for k, cell in enumerate(nb["cells"]) if wanted(cell)]
    return places[at % len(places)] if places else None


def is_code(cell):
    return cell["cell_type"] == "code"


def is_locked(cell):
    return cell["metadata"].get("nbgrader", {}).get("locked", False)


def is_answer(cell):
    return cell["metadata"].get("nbgrader", {}).get("solution", False)


def duplicate(nb, at, to):
    k = index(nb, at, lambda cell: not cell.get("half"))
    nb["cells"].insert(k + 1, copy.deepcopy(nb["cells"][k]))


def duplicate_stub(nb, at, to):
    """The untouched stub comes again, behind the answer."""
    stubs = [
        cell for cell in RELEASED[NAME].cells if cell.metadata.get("nbgrader", {}).get("solution")
    ]
    stub = json.loads(json.dumps(stubs[at % len(stubs)]))
    place = [k for k, cell in enumerate(nb["cells"]) if grade_id(cell) == grade_id(stub)]
    nb["cells"].insert((place or [0])[-1] + 1 + to % 3, stub)


def delete(nb, at, to):
    kept = ("half", "answer")
    wanted = lambda cell: not is_answer(cell) and not any(map(cell.get, kept))  # noqa: E731
    if (k := index(nb, at, wanted)) is not None:
        del nb["cells"][k]


def move(nb, at, to):
    """A cell goes elsewhere, unless only its place tells what it is."""
    wanted = lambda cell: not cell.get("half") and not cell.get("stays")  # noqa: E731
    if (k := index(nb, at, wanted)) is not None:
        cell = nb["cells"].pop(k)
        nb["cells"].insert(to % (len(nb["cells"]) + 1), cell)


def strip(nb, at, to):
    """A cell loses its metadata; a written answer is then known by its place alone."""
    cell = nb["cells"][at % len(nb["cells"])]
    if is_answer(cell) and cell.get("kind", cell["cell_type"]) == "markdown":
        return
    cell["answer"] = cell.get("answer") or is_answer(cell)
    cell["metadata"] = {}


def lose_id(nb, at, to):
    nb["cells"][at % len(nb["cells"])].pop("id", None)


def colab_ids(nb, at, to):
    for cell in nb["cells"]:
        if "id" in cell:
            cell["metadata"] = {**cell["metadata"], "id": cell.pop("id"), "outputId": "1-2-3"}
    nb["nbformat_minor"] = 0


def gut(nb, at, to):
    if (k := index(nb, at, is_locked)) is not None:
        nb["cells"][k]["source"] = ["", "pass", "assert True"][to % 3]


def retype(nb, at, to):
    if (k := index(nb, at, lambda cell: is_answer(cell) or is_locked(cell))) is not None:
        cell = nb["cells"][k]
        cell["kind"] = cell.get("kind", cell["cell_type"])
        cell["cell_type"] = ["code", "markdown", "raw"][to % 3]
        for key in ("outputs", "execution_count"):
            cell.pop(key, None)


def split(nb, at, to):
    """An answer of several statements is split between them; both halves keep the metadata."""
    wanted = lambda cell: is_answer(cell) and is_code(cell) and not cell.get("half")  # noqa: E731
    if (k := index(nb, at, wanted)) is None:
        return
    source = "".join(nb["cells"][k]["source"])
    body = ast.parse(source).body
    if len(body) < 2 or source in STUBS:
        return
    line = body[1 + to % (len(body) - 1)].lineno - 1
    lines = source.splitlines(keepends=True)
    first, second = nb["cells"][k], copy.deepcopy(nb["cells"][k])
    first["source"], second["source"] = "".join(lines[:line]), "".join(lines[line:])
    first["half"] = second["half"] = True
    nb["cells"].insert(k + 1, second)


def scribble(nb, at, to):
    added = [
        ("code", "from google.colab import drive\ndrive.mount('/content/drive')\nmine = 1"),
        ("code", "print(1 +"),
        ("markdown", "<a href='x'>Open in Colab</a>"),
        ("code", "!pip install something"),
    ][at % 4]
    cell = {"cell_type": added[0], "metadata": {"colab_type": "text"}, "source": added[1]}
    if "Open in Colab" in added[1]:
        cell["metadata"] = {"id": "view-in-github", "colab_type": "text"}
    nb["cells"].insert(to % (len(nb["cells"]) + 1), cell)


def decorate(nb, at, to):
    nb["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"a": {}}}
    nb["metadata"]["colab"] = {"provenance": []}


EDITS = [
    duplicate, duplicate_stub, delete, move, strip, lose_id, colab_ids, gut, retype, split,
    scribble, decorate,
]  # fmt: skip


EDIT = st.tuples(st.sampled_from(EDITS), st.integers(0, 99), st.integers(0, 99))


@given(st.lists(EDIT, max_size=12))
@settings(max_examples=100, deadline=None)
def test_any_edits_that_leave_the_answers_readable_cost_nothing(edits):
    nb = data()
    for edit, at, to in edits:
        edit(nb, at, to)
    for cell in nb["cells"]:
        for key in ("half", "answer", "kind", "stays"):
            cell.pop(key, None)
    result = repaired(nb)
    assert_answers_survive(result, NAME)
    again = repair(nbformat.writes(result.notebook).encode(), RELEASED[NAME])
    assert again.notes == []
    assert again.notebook.cells == result.notebook.cells


# One by one ---------------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", assignments())
def test_a_notebook_as_it_should_be_is_left_alone(assignment):
    result = repaired(data(assignment), assignment)
    assert (result.notes, result.missing) == ([], [])
    assert [c.source for c in result.notebook.cells] == [c.source for c in RIGHT[assignment].cells]


@pytest.mark.parametrize("assignment", assignments())
def test_without_any_metadata_and_upside_down_all_answers_are_found(assignment):
    nb = data(assignment)
    nb["cells"] = [
        {"cell_type": c["cell_type"], "metadata": {}, "source": c["source"]} for c in nb["cells"]
    ][::-1]
    result = repaired(nb, assignment)
    assert result.missing == []
    assert_answers_survive(result, assignment)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\\n", "\\r\\n"),
    ],
    ids=["a byte order mark", "windows lines in the file", "windows lines in the cells"],
)
def test_encodings_of_other_systems_are_read(damage):
    content = damage(nbformat.writes(RIGHT[NAME]))
    for encoded in (content.encode(), content.encode("utf-16")):
        assert_answers_survive(repair(encoded, RELEASED[NAME]), NAME)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"{", "not valid JSON"),
        (b"[1]", "not a notebook"),
        (b'{"nbformat": 4, "cells": 7}', "damaged"),
        (b"[" * 100_000, "not valid JSON"),
        (b" " * 25_000_001, "larger than"),
    ],
)
def test_what_is_no_notebook_is_said_in_words(content, says):
    with pytest.raises(Unreadable, match=says):
        repair(content, RELEASED[NAME])


@pytest.mark.parametrize("value", [None, 3, "x", [], {"cells": 1}, [None, "y", {"source": 5}]])
def test_no_shape_of_json_breaks_it(value):
    for nb in (
        {"nbformat": 4, "cells": value},
        {"nbformat": 4, "cells": [value], "metadata": value},
    ):
        try:
            result = repair(json.dumps(nb).encode(), RELEASED[NAME])
        except Unreadable:
            continue
        assert result.found == 0
        nbformat.validate(result.notebook)


def test_an_answer_that_is_not_there_is_said_and_never_made_up():
    nb = data()
    nb["cells"].remove(find(nb, "evaluate-answer"))
    nb["cells"].remove(find(nb, "written_moved"))
    result = repaired(nb)
    assert result.missing == ["evaluate-answer", "written_moved"]
    assert "YOUR CODE HERE" in find(result.notebook, "evaluate-answer").source


def test_of_two_answers_the_later_counts_and_the_earlier_still_runs_before_it():
    nb = data()
    later = copy.deepcopy(find(nb, "evaluate-answer"))
    later["source"] = "def evaluate(model, loader, loss_fn):\n    return helper()"
    nb["cells"].append(later)
    result = repaired(nb)
    cells = result.notebook.cells
    place = cells.index(find(result.notebook, "evaluate-answer"))
    assert cells[place].source == later["source"]
    assert cells[place - 1].source == find(RIGHT[NAME], "evaluate-answer").source
    assert "2 cells stand for the answer" in " ".join(result.notes)


def test_two_written_texts_are_put_together():
    nb = data()
    more = copy.deepcopy(find(nb, "written_moved"))
    more["source"] = "And another thing."
    nb["cells"].append(more)
    source = find(repaired(nb).notebook, "written_moved").source
    assert source.endswith("And another thing.")
    assert source.startswith("".join(find(data(), "written_moved")["source"])[:40])


def test_a_function_of_the_same_name_in_a_later_cell_is_no_answer():
    nb = data()
    nb["cells"].append({"cell_type": "code", "metadata": {}, "source": "def evaluate():\n    pass"})
    result = repaired(nb)
    assert (
        find(result.notebook, "evaluate-answer").source
        == find(RIGHT[NAME], "evaluate-answer").source
    )
    assert result.notebook.cells[-1].source == "def evaluate():\n    pass"


def test_lines_for_colab_do_nothing_and_their_neighbours_run():
    nb = data()
    mount = "    from google.colab import drive\n    drive.mount('/content')\n"
    source = f"try:\n{mount}finally:\n    here = 1"
    nb["cells"].insert(2, {"cell_type": "code", "metadata": {}, "source": source})
    [cell] = [c for c in repaired(nb).notebook.cells if "here = 1" in c.source]
    names = {}
    exec(cell.source, names)
    assert names["here"] == 1


def test_names_are_found_in_code_that_does_not_parse():
    assert defined("def f(x):\n    return (\nclass A:\n  pass\nB = 3\nb == 3\n!ls") == {
        "f",
        "A",
        "B",
    }
    assert defined("def f(x):\n    y = 1\n(a, b), c = x\nd: int = 3") == {"f", "a", "b", "c", "d"}
