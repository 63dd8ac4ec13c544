"""The `course` command: one function per subcommand, each thin.

To add a subcommand, write a function here, decorated with `@app.command()`, that takes the options
and imports the module doing the work *inside* its body: `course --help` then stays quick, and a
broken part leaves the others usable. Raise `CourseError` for what the person at the keyboard can
mend; its text is printed without a traceback.
"""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from autograder import ROOT, CourseError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Release, publish and grade the course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


NoSandbox = Annotated[
    bool, typer.Option("--no-sandbox", help="Run notebooks with your own rights. Be sure of them.")
]


@app.callback()
def _course() -> None:
    """Release, publish and grade the course."""


@app.command()
def release(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether notebooks/ is up to date.")
    ] = False,
    execute: Annotated[
        bool, typer.Option("--execute", help="Run the solved notebooks first.")
    ] = False,
) -> None:
    """Generate notebooks/ from solutions/, and tell the gradebook what is worth how much."""
    from autograder import release as releasing

    for name in releasing.chosen(names or []):
        if execute:
            releasing.execute(name)
        if not check:
            releasing.release(name)
            typer.echo(f"Released notebooks/{name}.")
        elif changed := releasing.drift(name):
            raise CourseError(
                f"notebooks/{name} is not what its solution gives now ({', '.join(changed)}). "
                f"Run `course release {name}` and commit the result."
            )
        else:
            typer.echo(f"notebooks/{name} is up to date.")


@app.command()
def mistakes() -> None:
    """Judge every catalogued mistake: is it rejected, and is it called by its name?"""
    from rich.table import Table

    from autograder.mistakes import notebooks, tally

    tallies = [found for notebook in notebooks() for found in tally(notebook)]
    table = Table("notebook", "exercise", "catalogued", "rejected", "diagnosed")
    for found in tallies:
        counts = (found.catalogued, found.rejected, found.diagnosed)
        table.add_row(found.notebook, found.exercise, *map(str, counts))
    Console().print(table)
    for found in tallies:
        for name in found.missed:
            typer.echo(f"not rejected: {found.exercise}: {name}")
        for name in found.undiagnosed:
            typer.echo(f"not diagnosed: {found.exercise}: {name}")
    catalogued, rejected, diagnosed = (
        sum(getattr(found, kind) for found in tallies)
        for kind in ("catalogued", "rejected", "diagnosed")
    )
    typer.echo(f"mistakes: {catalogued} catalogued, {rejected} rejected, {diagnosed} diagnosed")
    raise typer.Exit(0 if catalogued == rejected == diagnosed else 1)


@app.command()
def claims(
    errata: Annotated[
        bool, typer.Option("--errata", help="Write docs/errata.md from what is found.")
    ] = False,
) -> None:
    """Recompute what the lectures claim: does the code still agree with the table?"""
    from rich.table import Table

    from autograder.claims import VERDICTS, review, write

    reviewed = review()
    table = Table("topic", "claims", "recomputed", "agree", "round", "wrong", "conflict", "open")
    for tally in reviewed.tallies():
        counts = (tally.claims, tally.recomputed, *map(tally.verdicts.get, VERDICTS))
        table.add_row(tally.topic, *map(str, counts))
    Console().print(table)
    for problem in reviewed.problems:
        typer.echo(problem)
    if errata:
        typer.echo(f"Written: {write(reviewed)}")
    typer.echo(f"claims: {reviewed.recomputed} recomputed, {len(reviewed.problems)} disagree")
    raise typer.Exit(1 if reviewed.problems else 0)


@app.command()
def intake(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, folders, zips.")],
    student: Annotated[
        str | None, typer.Option(help="Whose they are, if names do not say.")
    ] = None,
    assignment: Annotated[
        str | None, typer.Option(help="What they are, if their content does not say.")
    ] = None,
) -> None:
    """File notebooks for grading, from folders, zips, Canvas or Moodle exports, and repair them.

    What is already in autograder/submitted is repaired by `course grade` itself.
    """
    from rich.markup import escape
    from rich.table import Table

    from autograder.classroom import Classroom
    from autograder.intake.desk import take
    from autograder.release import chosen

    chosen([assignment] if assignment else [])
    done = take(Classroom(), paths, student, assignment)
    table = Table("file", "student", "assignment", "what was done")
    for taken in done:
        said = taken.problem or "; ".join(taken.notes) or "as it came"
        row = (taken.where, taken.student, taken.assignment, said)
        table.add_row(*map(escape, row), style="red" if taken.problem else None)
    Console().print(table)
    left = sum(bool(taken.problem) for taken in done)
    typer.echo(f"{len(done) - left} filed, {left} left alone. Next: course grade.")
    raise typer.Exit(1 if left or not done else 0)


@app.command()
def grade(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all with submissions."),
    ] = None,
    student: Annotated[str | None, typer.Option(help="Grade only this one.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Grade again what is graded and has not changed.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="So many at once. Default: all cores.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Have the workers of this Dask scheduler do it, like tls://host:8786."),
    ] = None,
    no_sandbox: NoSandbox = False,
) -> None:
    """Grade submissions, many at once, each in a sandbox; nobody's notebook stops the others.

    Scores and comments given by hand are kept. Stopped with Ctrl-C, it goes on when run again.
    """
    from autograder.classroom import Classroom
    from autograder.grading import grade as run
    from autograder.grading import gradebook_table

    room = Classroom(sandbox=False if no_sandbox else None)
    for name in run(room, names or [], student, force, jobs, scheduler):
        Console().print(gradebook_table(name, room.standings(name)))
    typer.echo(f"Logs: {room.logs}. Next: course report, course lab, course feedback.")


@app.command()
def feedback(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all with submissions."),
    ] = None,
    student: Annotated[str | None, typer.Option(help="Only for this one.")] = None,
) -> None:
    """Write a page for every student: points, cases, and what the mistakes look like."""
    from autograder.classroom import Classroom
    from autograder.feedback import write

    room = Classroom()
    for name, written in write(room, names or [], student).items():
        typer.echo(f"{name}: {written}")
        if waiting := [row for row in room.standings(name) if row.by_hand]:
            typer.echo(
                f"{name}: written answers of {len(waiting)} student(s) are still to be read; until "
                "then their pages say that points are to come. Afterwards, write feedback again."
            )
    typer.echo(f"Look in {room.place / 'feedback'}, STUDENT/ASSIGNMENT/NOTEBOOK.html.")


@app.command()
def report(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all with submissions."),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write a page for the instructor: scores, exercises, mistakes, and what needs a look."""
    from autograder.classroom import Classroom
    from autograder.report import write

    for path in write(Classroom(), names or []):
        typer.echo(path)
        if open_it:
            typer.launch(path.as_uri())


@app.command()
def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ASSIGNMENT]...", help="Default: all that are graded."),
    ] = None,
    kind: Annotated[
        str, typer.Option("--format", metavar="csv|canvas|moodle", help="Default: csv.")
    ] = "",
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: in autograder/exports.")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Fill in a file that Canvas or Moodle exported."),
    ] = None,
    column: Annotated[
        str, typer.Option(metavar="NAME", help="What that file calls the assignment.")
    ] = "",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Export marks that are not final, too.")
    ] = False,
) -> None:
    """Write the marks for Canvas, Moodle or a spreadsheet, and say whose are missing."""
    from autograder.classroom import Classroom
    from autograder.export import export as run

    exported = run(Classroom(), names or [], kind, to, into, column, anyway)
    for line in exported.said:
        typer.echo(line)
    typer.echo(f"Written: {exported.path}")


@app.command()
def demo(
    students: Annotated[
        int | None, typer.Option(min=1, help="So many students at most. Default: all.")
    ] = None,
) -> None:
    """Grade a sample class from end to end, in a folder of its own."""
    from autograder.demo import PLACE
    from autograder.demo import demo as run
    from autograder.grading import gradebook_table

    typer.echo(f"A sample class in {PLACE}; your own gradebook is not touched.")
    started = time.monotonic()
    room, shown = run(students)
    for part in shown:
        words = {member.name: member.words for member in part.members}
        rows = [row for row in part.standings if row.student in words]
        Console().print(gradebook_table(part.assignment, rows, words))
    typer.echo(f"Graded in {time.monotonic() - started:.0f} s. Look at")
    for part in shown:
        typer.echo(f"  the report     {part.report} ({part.written})")
    typer.echo(f"  feedback pages {room.place / 'feedback'}/STUDENT/")
    typer.echo(f"  the logs       {room.logs}")


@app.command()
def check(
    path: Annotated[Path, typer.Argument(metavar="PATH.ipynb")], no_sandbox: NoSandbox = False
) -> None:
    """Run a notebook's visible checks, as a student would before handing in."""
    from autograder.checking import check as run

    checked = run(path, sandbox=False if no_sandbox else None)
    for name in checked.passed:
        typer.echo(f"✓ {name}")
    for name, said in checked.failed.items():
        typer.echo(said if said.startswith("✗") else f"✗ {name}: {said}")
    for name in checked.changed:
        typer.echo(f"! {name}: this cell was changed; it is put back when it is graded")
    for name in checked.written:
        typer.echo(f"· {name}: written, a person will read it")
    for name in checked.unanswered:
        typer.echo(f"· {name}: no answer yet")
    total = len(checked.passed) + len(checked.failed)
    typer.echo(f"{len(checked.passed)} of {total} checks pass.")
    typer.echo("Only the visible checks ran. Hidden tests decide the marks.")
    raise typer.Exit(1 if checked.failed or checked.changed else 0)


@app.command()
def publish(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The student repository.")],
    force: Annotated[
        bool, typer.Option("--force", help="Renew a folder that was published before.")
    ] = False,
) -> None:
    """Write the repository students get: notebooks, helpers, data, environment.

    Nothing is written if anything of the instructor's would leak.
    """
    from autograder.publish import publish as write

    published = write(directory, force=force)
    typer.echo(f"Published {published.notebooks} notebook(s) to {published.directory}.")
    for warning in published.warnings:
        typer.echo(f"Note: {warning}")
    typer.echo("Next, in that folder: git add --all, git commit, git push.")


@app.command()
def book(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", show_default="build/book", help="Where to.")
    ] = ROOT / "build" / "book",
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Make the book: solved notebooks, errata and reference as web pages, complete in themselves.

    It shows what the notebooks store; nothing is run. It takes about half a minute.
    """
    from autograder.book.build import build

    front = build(directory)
    typer.echo(front)
    if open_it:
        typer.launch(front.as_uri())


@app.command()
def doctor() -> None:
    """Say what of this machine works for the course, and what to do about the rest."""
    from autograder.doctor import examine, table

    findings = examine()
    Console().print(table(findings))
    raise typer.Exit(1 if any(finding.fatal for finding in findings) else 0)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab with formgrader, at the solved notebooks.

    Further options go to `jupyter lab`, for example: course lab --no-browser --port 8889
    """
    from autograder.lab import run

    run(context.args)


def main() -> None:
    """Run the `course` command; its errors are one sentence, its exit status 1."""
    try:
        app()
    except CourseError as error:
        Console(stderr=True).print(
            Text.assemble(("Error: ", "bold red"), str(error)), soft_wrap=True
        )
        sys.exit(1)
