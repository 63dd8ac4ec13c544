"""The `course` command: one function per subcommand, each thin.

To add a subcommand, write a function here, decorated with `@app.command()`, that takes the options
and imports the module doing the work *inside* its body: `course --help` then stays quick, and a
broken part leaves the others usable. Raise `CourseError` for what the person at the keyboard can
mend; its text is printed without a traceback.
"""

import os
import subprocess
import sys
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
def doctor() -> None:
    """Say what of this machine works for the course, and what to do about the rest."""
    from autograder.doctor import examine, table

    findings = examine()
    Console().print(table(findings))
    raise typer.Exit(1 if any(finding.fatal for finding in findings) else 0)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab at the notebooks, with formgrader set up for this course.

    Further options go to `jupyter lab`, for example: course lab --no-browser --port 8889
    """
    # nbgrader takes its configuration from the folder the server is started in, and needs the
    # course root inside the server's.
    command = [sys.executable, "-m", "jupyter", "lab"]
    command += [f"--ServerApp.root_dir={ROOT}", "--LabApp.default_url=/lab/tree/notebooks"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    try:
        done = subprocess.run([*command, *context.args], cwd=ROOT, env={**os.environ, "PATH": path})
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    raise typer.Exit(done.returncode)


def main() -> None:
    """Run the `course` command; its errors are one sentence, its exit status 1."""
    try:
        app()
    except CourseError as error:
        Console(stderr=True).print(
            Text.assemble(("Error: ", "bold red"), str(error)), soft_wrap=True
        )
        sys.exit(1)
