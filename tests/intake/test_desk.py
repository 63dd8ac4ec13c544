"""Intake: whose notebook it is, archives that are not to be trusted, and where things are filed."""

import io
import stat
import zipfile
from pathlib import PurePosixPath

import nbformat
import pytest
from typer.testing import CliRunner

from autograder import CourseError, cli
from autograder.classroom import Classroom
from autograder.intake import desk, naming, sources
from autograder.sample.submissions import solved_answers, submission

LENET, POOLING = "04_lenet", "02_pooling"


def notebook(assignment=LENET, answers=None):
    answers = solved_answers(assignment) if answers is None else answers
    return nbformat.writes(submission(assignment, answers)).encode()


def zipped(members):
    """An archive of {name: content}; a content may be a ZipInfo's external attributes as well."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def room(tmp_path):
    return Classroom(tmp_path / "class")


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def filed(room):
    return room.submissions()


@pytest.mark.parametrize(
    ("where", "student"),
    [
        ("export/doejane_4711_0815_lenet.ipynb", "doejane"),
        ("export/doejane_LATE_4711_0815_lenet-2.ipynb", "doejane"),
        ("class.zip/Jane Doe_4711_assignsubmission_file_/lenet.ipynb", "Jane-Doe"),
        ("class.zip/Jane Doe_4711_assignsubmission_file_lenet.ipynb", "Jane-Doe"),
        ("submitted/jane/04_lenet/lenet.ipynb", "jane"),
        ("inbox/jane/Copy of lenet (1).ipynb", "jane"),
        ("inbox/lenet_jane.ipynb", "jane"),
        ("jane_lenet.ipynb", "jane"),
        ("inbox/Zoë Müller/lenet.ipynb", "Zoë-Müller"),
        ("inbox/lenet.ipynb", ""),
        ("class.zip/lenet.ipynb", ""),
    ],
)
def test_whose_it_is(where, student):
    assert naming.student_of(PurePosixPath(where)) == student


@pytest.mark.parametrize(
    "name",
    [
        "lenet.ipynb", "Copy of lenet.ipynb", "Copy_of_lenet.ipynb", "lenet (1).ipynb",
        "Kopie von lenet.ipynb", "Copy of Copy of lenet (2).ipynb", "LeNet-1.ipynb",
        "lenet-Copy1.ipynb",
    ],
)  # fmt: skip
def test_names_of_copies(name):
    assert naming.plain(name) == "lenet"


def test_the_content_says_which_assignment_it_is_whatever_it_is_called():
    found, repaired = naming.assignment_of(PurePosixPath("x/lenet.ipynb"), notebook(POOLING))
    assert found == POOLING
    assert repaired.notes == []


def test_a_class_in_every_form_is_filed_and_one_bad_file_stops_nobody(room, inbox):
    (inbox / "anna").mkdir()
    (inbox / "anna" / "lenet.ipynb").write_bytes(notebook())
    (inbox / "anna" / "notes.txt").write_text("nothing")
    (inbox / "bert_lenet.ipynb").write_bytes(notebook()[:4000])
    inner = zipped({"lenet.ipynb": notebook(answers={})})
    moodle = {
        "Cara C_1_assignsubmission_file_/pooling.ipynb": notebook(POOLING),
        "Dora D_2_assignsubmission_file_/all.zip": inner,
    }
    (inbox / "moodle.zip").write_bytes(zipped(moodle))
    (inbox / "eve_77_88_Copy of lenet-1.ipynb").write_bytes(notebook())
    done = {taken.where.removeprefix("inbox/"): taken for taken in desk.take(room, [inbox])}
    assert filed(room) == [
        ("Cara-C", POOLING), ("Dora-D", LENET), ("anna", LENET), ("eve", LENET),
    ]  # fmt: skip
    assert "not valid JSON" in done["bert_lenet.ipynb"].problem
    kept = room.folder("submitted", "anna", LENET)
    assert sorted(path.name for path in kept.iterdir()) == [
        "intake.txt", "lenet.ipynb", "lenet.ipynb.1",
    ]  # fmt: skip
    assert (kept / "lenet.ipynb").read_bytes() == notebook()


def test_the_latest_of_several_is_graded_and_all_are_kept(room, inbox):
    old, new = notebook(answers={}), notebook()
    (inbox / "jane_lenet.ipynb").write_bytes(old)
    desk.take(room, [inbox])
    (inbox / "jane_lenet.ipynb").write_bytes(new)
    desk.take(room, [inbox])
    desk.take(room, [inbox])
    folder = room.folder("submitted", "jane", LENET)
    assert (folder / "lenet.ipynb").read_bytes() == new
    assert [(folder / f"lenet.ipynb.{k}").read_bytes() for k in (1, 2)] == [old, new]
    assert not (folder / "lenet.ipynb.3").exists()


def test_two_at_once_of_one_student_are_told_apart_by_their_age(room, inbox):
    members = zipfile.ZipFile(inbox / "both.zip", "w")
    for day, name, content in ((1, "lenet.ipynb", b""), (2, "lenet (1).ipynb", notebook())):
        info = zipfile.ZipInfo(f"jane/{name}", (2026, 1, day, 0, 0, 0))
        members.writestr(info, content or notebook(answers={}))
    members.close()
    first, second = desk.take(room, [inbox / "both.zip"])
    assert "a later one is graded" in first.problem
    assert not second.problem
    assert (room.folder("submitted", "jane", LENET) / "lenet.ipynb").read_bytes() == notebook()


def hostile():
    link = zipfile.ZipInfo("jane/link.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    deep = zipped({"jane/lenet.ipynb": notebook()})
    for _ in range(3):
        deep = zipped({"in.zip": deep})
    return {
        "out of the archive": zipped({"../../jane/lenet.ipynb": notebook()}),
        "out by backslashes": zipped({"..\\..\\lenet.ipynb": notebook()}),
        "absolute": zipped({"/etc/lenet.ipynb": notebook()}),
        "link": zipped({link: "/etc/passwd"}),
        "bomb": zipped({"jane/lenet.ipynb": b" " * 24_000_000}),
        "large": zipped({"jane/lenet.ipynb": b"x" * 30_000_000}),
        "too deep": deep,
        "no archive": b"PK\x03\x04 not really",
        "cut off": zipped({"jane/lenet.ipynb": notebook()})[:-200],
    }


@pytest.mark.parametrize("name", hostile())
def test_archives_are_not_trusted(name, room, inbox, tmp_path):
    (inbox / "class.zip").write_bytes(hostile()[name])
    (inbox / "zoe_lenet.ipynb").write_bytes(notebook())
    before = {path for path in tmp_path.rglob("*") if "class" not in path.parts}
    [bad] = [taken for taken in desk.take(room, [inbox]) if "zoe" not in taken.where]
    assert bad.problem
    assert filed(room) == [("zoe", LENET)]
    assert {path for path in tmp_path.rglob("*") if "class" not in path.parts} == before


def test_a_size_that_is_a_lie_is_found_out(inbox):
    content = bytearray(zipped({"jane/lenet.ipynb": notebook()}))
    place = content.rindex(b"PK\x01\x02") + 24  # the uncompressed size in the directory
    content[place : place + 4] = (100).to_bytes(4, "little")
    (inbox / "a.zip").write_bytes(content)
    [arrival] = sources.arrivals(inbox / "a.zip")
    assert arrival.problem
    assert not arrival.content


def test_links_in_folders_are_not_followed(room, inbox, tmp_path):
    (tmp_path / "secret.ipynb").write_bytes(notebook())
    (inbox / "jane_lenet.ipynb").symlink_to(tmp_path / "secret.ipynb")
    [taken] = desk.take(room, [inbox])
    assert "link" in taken.problem
    assert filed(room) == []


def test_nothing_there_is_an_error(room, tmp_path):
    with pytest.raises(CourseError, match="nothing at"):
        desk.take(room, [tmp_path / "nowhere"])


def test_the_command_says_what_it_did(room, inbox, monkeypatch):
    monkeypatch.setattr("autograder.classroom.Classroom", lambda: room)
    (inbox / "lenet.ipynb").write_bytes(notebook())
    said = CliRunner().invoke(cli.app, ["intake", str(inbox)])
    assert said.exit_code == 1
    assert "0 filed, 1 left alone" in said.stdout
    said = CliRunner().invoke(cli.app, ["intake", str(inbox), "--student", "jane"])
    assert said.exit_code == 0
    assert "1 filed, 0 left alone" in said.stdout
    assert filed(room) == [("jane", LENET)]


# In place -----------------------------------------------------------------------------------


def put(room, name, content):
    folder = room.folder("submitted", "jane", LENET)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder


def test_a_submission_as_it_should_be_is_left_alone(room):
    folder = put(room, "lenet.ipynb", notebook())
    assert desk.mend(room, "jane", LENET) == []
    assert [path.name for path in folder.iterdir()] == ["lenet.ipynb"]


def test_a_renamed_and_damaged_one_is_repaired_once(room):
    damaged = notebook().replace(b'"check.evaluate(evaluate)"', b'"pass"')
    folder = put(room, "Copy of lenet.ipynb", damaged)
    first = desk.mend(room, "jane", LENET)
    assert first == [
        "the file was called Copy of lenet.ipynb",
        "evaluate: the locked cell was changed and is put back",
    ]
    names = ["intake.txt", "lenet.ipynb", "lenet.ipynb.1"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "lenet.ipynb.1").read_bytes() == damaged
    assert desk.mend(room, "jane", LENET) == first
    assert sorted(path.name for path in folder.iterdir()) == names


def test_a_new_version_is_looked_at_again(room):
    put(room, "lenet.ipynb", notebook().replace(b'"check.evaluate(evaluate)"', b'"pass"'))
    assert desk.mend(room, "jane", LENET)
    put(room, "lenet.ipynb", notebook())
    assert desk.mend(room, "jane", LENET) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", nbformat.writes(nbformat.v4.new_notebook()).encode()]
)
def test_what_cannot_be_read_is_left_for_grading_to_explain(room, content):
    folder = put(room, "lenet.ipynb", content)
    assert desk.mend(room, "jane", LENET) == []
    assert (folder / "lenet.ipynb").read_bytes() == content
