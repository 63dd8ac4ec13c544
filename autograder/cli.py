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
