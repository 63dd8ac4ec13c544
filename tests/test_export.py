"""Marks for Canvas, Moodle and spreadsheets: nobody is dropped, and no gap becomes a 0."""

import csv
import io

import pytest

from autograder import CourseError, export, release
from autograder.classroom import FAILED, GRADED, LOOK, MISSING, Classroom, Record
from autograder.export.filling import AROUND, fill, match
from autograder.export.grades import Grades, Mark, Person, number
from autograder.export.sheet import Sheet, defused, read

ASSIGNMENT = "01_convolution"


# A class ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A gradebook with a mark of every kind, made without running anything.

    ann is done; bob's written answer is unread; cem's file is broken, although an earlier one had
    points; dora handed in nothing; eve was late, and needs a look; finn handed in anew; gus is not
    graded yet.
    """
    room = Classroom(tmp_path_factory.mktemp("class"))
    points = {"ann": 25.25, "bob": 20, "cem": 11, "eve": 27, "finn": 27}
    with room.gradebook() as gradebook:
        gradebook.add_assignment(ASSIGNMENT)
        gradebook.add_notebook("convolution", ASSIGNMENT)
        for cell, maximum in (("im2col", 27), ("written", 3)):
            where = (cell, "convolution", ASSIGNMENT)
            gradebook.add_grade_cell(*where, max_score=maximum, cell_type="code")
        gradebook.add_student("ann", first_name="Änn", last_name="=Doe", email="ann@school.edu")
        gradebook.add_student("dora")
        for student, score in points.items():
            gradebook.update_or_create_student(student)
            submission = gradebook.add_submission(ASSIGNMENT, student)
            [notebook] = submission.notebooks
            grades = {grade.name: grade for grade in notebook.grades}
            grades["im2col"].auto_score, grades["written"].auto_score = score, 0
            grades["im2col"].needs_manual_grade = False
            grades["written"].needs_manual_grade = student == "bob"
            notebook.late_submission_penalty = 2.5 if student == "eve" else None
        gradebook.db.commit()
    statuses = {"ann": GRADED, "bob": GRADED, "cem": FAILED, "eve": LOOK, "finn": GRADED}
    for student, status in statuses.items():
        for step in ("submitted", "autograded"):
            room.folder(step, student, ASSIGNMENT).mkdir(parents=True)
        (room.folder("submitted", student, ASSIGNMENT) / "convolution.ipynb").write_text(student)
        digest = room.digest(student, ASSIGNMENT)
        room.keep_record(ASSIGNMENT, Record(student, status, digest=digest))
    (room.folder("submitted", "finn", ASSIGNMENT) / "convolution.ipynb").write_text("anew")
    room.folder("submitted", "gus", ASSIGNMENT).mkdir(parents=True)
    return room


def rows(path):
    """The rows of a file, as dictionaries; Excel's mark at its beginning is taken off."""
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_table_tells_everything_about_every_mark(room):
    exported = export.export(room, [ASSIGNMENT])
    assert exported.path == room.place / "exports" / "grades.csv"
    table = {row["student"]: row for row in rows(exported.path)}
    assert {student: row["score"] for student, row in table.items()} == {
        "ann": "25.25", "bob": "20", "cem": "", "dora": "", "eve": "24.5", "finn": "27",
        "gus": "",
    }  # fmt: skip
    assert {row["maximum"] for row in table.values()} == {"30"}
    assert table["bob"]["open by hand"] == "3"
    assert table["eve"]["late penalty"] == "2.5"
    assert [table[name]["status"] for name in ("cem", "dora", "eve")] == [FAILED, MISSING, LOOK]


def test_who_has_no_mark_or_an_unusual_one_is_said(room):
    said = export.export(room).said
    for words in (
        "written answers still to be read (course lab): bob",
        "handed in anew after grading (course grade): finn",
        "handed in and not graded yet (course grade): gus",
        "no mark, failed: cem",
        "no mark, missing: dora",
        "marked, but worth a look (course report): eve",
    ):
        assert f"{ASSIGNMENT}: {words}" in said


@pytest.mark.parametrize("kind", ["canvas", "moodle"])
def test_marks_that_are_not_final_are_exported_only_when_asked(room, kind, tmp_path):
    to = tmp_path / "marks.csv"
    with pytest.raises(CourseError, match=r"(?s)bob.*finn.*gus.*--anyway"):
        export.export(room, kind=kind, to=to)
    assert not to.exists()
    assert export.export(room, kind=kind, to=to, anyway=True).path == to


def test_canvas_gets_its_columns_and_the_maximum(room, tmp_path):
    exported = export.export(room, kind="canvas", to=tmp_path / "marks.csv", anyway=True)
    assert exported.path.read_bytes().startswith(b"Student,ID,SIS User ID,SIS Login ID,Section,01")
    possible, ann, *_ = rows(exported.path)
    assert possible["Student"] == "    Points Possible"
    assert possible[ASSIGNMENT] == "30"
    assert ann["SIS Login ID"] == "ann"
    assert ann[ASSIGNMENT] == "25.25"


def test_moodle_gets_users_and_a_column_per_assignment(room, tmp_path):
    exported = export.export(room, kind="moodle", to=tmp_path / "marks.csv", anyway=True)
    assert exported.path.read_bytes().startswith(b"\xef\xbb\xbf")
    ann, *_ = rows(exported.path)
    assert ann == {"Username": "ann", "Email address": "ann@school.edu", ASSIGNMENT: "25.25"}


def test_names_that_are_formulas_are_defused(room):
    ann, *_ = rows(export.export(room).path)
    assert ann["name"] == "'=Doe, Änn"


def test_an_ungraded_assignment_is_refused_by_name_and_else_left_out(room):
    with pytest.raises(CourseError, match="course grade 02_pooling"):
        export.export(room, [ASSIGNMENT, "02_pooling"])
    room.folder("submitted", "ann", "02_pooling").mkdir(parents=True, exist_ok=True)
    assert "02_pooling: left out, nothing is graded yet" in export.export(room).said


def test_what_cannot_be_done_is_said(room, tmp_path):
    with pytest.raises(CourseError, match="csv, canvas, moodle"):
        export.export(room, kind="excel")
    with pytest.raises(CourseError, match="--into"):
        export.export(room, column="Homework 1")
    with pytest.raises(CourseError, match="cannot be written"):
        export.export(room, to=tmp_path)


# Files of Canvas and Moodle --------------------------------------------------------------------

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,01_convolution (815),Essay (816),Final Score
,,,,,Manual Posting,,
    Points Possible,,,,,30.00,10.00,(read only)
"Doe, Ann",11,s11,ann@school.edu,A,,7.00,70
"Çelik, Cem",12,s12,x12,A,5.00,,50
"Lee, Bo",13,s13,x13,A,20.00,,
"Lee, Bo",14,s14,x14,A,,,
"Ng, Di",15,s15,x15,A,EX,,
"Student, Test",16,,t,A,,,
"""

WORKSHEET = """\
\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum grade","Last modified (grade)"
"Participant 1","Ann Doe",ann@school.edu,Submitted,-,30.00,-
"Participant 2","Bo Lee",bo@school.edu,Submitted,,30.00,-
"""


def grades(**scores):
    """Marks of `scores`, by student, in the first assignment."""
    people = [Person(name.replace("_", "-")) for name in scores]
    marks = {p.id: Mark(s, 0, 0, GRADED) for p, s in zip(people, scores.values(), strict=True)}
    return Grades({ASSIGNMENT: 30.0}, people, {ASSIGNMENT: marks})


def sheet(tmp_path, text, name="lms.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8"))
    return read(path)


def column(filled, name):
    at = filled.header.index(name)
    return [row[at] for row in filled.rows]


def test_canvas_rows_are_found_by_login_number_or_name_and_nothing_else_changes(tmp_path):
    filled = sheet(tmp_path, CANVAS)
    before = [[c for i, c in enumerate(row) if i != 5] for row in filled.rows]
    # As intake names them: by login, by Canvas's file name, by a hyphened name, by number.
    said = fill(filled, grades(ann=27.0, celikcem=28.5, **{"15": 1.0}))
    assert column(filled, "01_convolution (815)") == [
        "Manual Posting", "30.00", "27", "28.5", "20.00", "", "1", "",
    ]  # fmt: skip
    assert [[c for i, c in enumerate(row) if i != 5] for row in filled.rows] == before
    assert "Found by their names only: celikcem" in said


def test_marks_that_stood_there_are_told_and_kept_where_there_is_no_new_one(tmp_path):
    filled = sheet(tmp_path, CANVAS)
    said = fill(filled, grades(x12=6.0, x13=None, x15=9.0))
    assert column(filled, "01_convolution (815)")[3:7] == ["6", "20.00", "", "9"]
    assert any("x12 (had 5.00, has 6), x15 (had EX, has 9)" in line for line in said)


def test_nobody_is_dropped_in_silence(tmp_path):
    said = fill(sheet(tmp_path, CANVAS), grades(ann=1.0, nobody=2.0))
    assert "Not in the file: nobody" in said
    [left] = [line for line in said if line.startswith("In the file, and left")]
    assert left.endswith("Çelik, Cem, Lee, Bo, Lee, Bo, Ng, Di, Student, Test")


@pytest.mark.parametrize(
    "scores",
    [{"Bo_Lee": 1.0}, {"s11": 1.0, "11": 2.0}, {"Cem_Celik": 1.0, "celikcem": 2.0}],
    ids=["two rows fit", "two people fit by identifier", "two people fit by name"],
)
def test_where_it_is_not_certain_nothing_is_filled_in(tmp_path, scores):
    filled = sheet(tmp_path, CANVAS)
    before = [list(row) for row in filled.rows]
    said = fill(filled, grades(**scores))
    assert filled.rows == before
    assert any(line.startswith("Not filled in, more than one") for line in said)


def test_a_whole_address_counts_more_than_what_stands_before_its_at(tmp_path):
    text = "Email address,01_convolution\nann@a.edu,\nann@b.edu,\n"
    people = [Person("ann@b.edu"), Person("u2", email="ann@a.edu"), Person("ann")]
    rows, doubtful, _ = match(sheet(tmp_path, text), people)
    assert {person.id: row for person, row in rows.items()} == {"ann@b.edu": 1, "u2": 0}
    assert doubtful == []


def test_a_worksheet_of_moodle_is_filled_in(tmp_path):
    filled = sheet(tmp_path, WORKSHEET)
    assert filled.kind == "moodle"
    fill(filled, grades(Ann_Doe=27.0, Bo_Lee=None))
    assert column(filled, "Grade") == ["27", ""]
    filled.write(tmp_path / "filled.csv")
    assert (tmp_path / "filled.csv").read_bytes().startswith(b"\xef\xbb\xbfIdentifier,Full name")


def test_a_gradebook_of_moodle_is_filled_in_whatever_separates_its_cells(tmp_path):
    text = "First name;Last name;ID number;Assignment: 01_convolution (Real)\nAnn;Doe;s1;-\n"
    filled = sheet(tmp_path, text)
    fill(filled, grades(doeann=12.25))
    filled.write(tmp_path / "filled.csv")
    assert (tmp_path / "filled.csv").read_text("utf-8").endswith("\nAnn;Doe;s1;12.25\n")


def test_another_maximum_is_refused(tmp_path):
    for text in (CANVAS, WORKSHEET):
        with pytest.raises(CourseError, match=r"counts 100.00 points and 01_convolution 30"):
            fill(sheet(tmp_path, text.replace("30.00", "100.00")), grades(ann=1.0))


def test_a_column_is_never_guessed(tmp_path):
    renamed = CANVAS.replace("01_convolution (815)", "Homework 1 (815)")
    with pytest.raises(CourseError, match=r"no column '01_convolution'.*Homework 1.*--column"):
        fill(sheet(tmp_path, renamed), grades(ann=1.0))
    filled = sheet(tmp_path, renamed)
    fill(filled, grades(ann=1.0), column="Homework 1")
    assert column(filled, "Homework 1 (815)")[2] == "1"
    two = grades(ann=1.0)
    two.maxima["02_pooling"] = 30.0
    with pytest.raises(CourseError, match="one assignment"):
        fill(filled, two, column="Homework 1")


def test_the_file_as_it_came_is_kept(room, tmp_path):
    path = tmp_path / "canvas.csv"
    path.write_text(CANVAS, encoding="utf-8")
    with pytest.raises(CourseError, match="--to"):
        export.export(room, [ASSIGNMENT], into=path, to=path, anyway=True)
    with pytest.raises(CourseError, match="comes from Canvas"):
        export.export(room, [ASSIGNMENT], "moodle", into=path, anyway=True)
    exported = export.export(room, [ASSIGNMENT], into=path, anyway=True)
    assert path.read_text(encoding="utf-8") == CANVAS
    assert exported.path == room.place / "exports" / "canvas.csv"
    assert "Not in the file: bob, cem, dora, eve, finn, gus" in exported.said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no export of Canvas or Moodle"),
        (b"Name,Mark\nann,1\n", "its columns are Name, Mark"),
        ("Student,ID\nZoë,1\n".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, content, words):
    (tmp_path / "file.csv").write_bytes(content)
    with pytest.raises(CourseError, match=words):
        read(tmp_path / "file.csv")
    with pytest.raises(CourseError, match="cannot be read"):
        read(tmp_path / "nothing.csv")


@pytest.mark.parametrize("cell", ["=1+1", "+49 30", "-x", "@SUM(1)", "\t=1", "-\n=1"])
def test_formulas_are_defused(cell):
    assert defused(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "-", "-1.5", "+3", "-4,25 %", "O'Neil", "a=b", "    Points"])
def test_what_is_no_formula_stays(cell):
    assert defused(cell) == cell


def test_what_is_written_is_read_back(tmp_path):
    cells = ['quote " and, comma', "line\nbreak", "Zoë", " space "]
    Sheet("canvas", ["Student", "ID", "a", "b"], [cells]).write(tmp_path / "a.csv")
    assert read(tmp_path / "a.csv").rows == [cells]


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (10, "10"), (2.5, "2.5"), (1 / 3, "0.33")])
def test_points_have_two_decimals_at_most(value, text):
    assert number(value) == text


def test_every_assignment_of_the_course_may_be_a_column():
    """Their names must survive what is taken off a column's name."""
    assert [AROUND.sub("", name) for name in release.assignments()] == release.assignments()
