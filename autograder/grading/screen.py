"""What the screen shows of grading."""

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder.classroom import FAILED, GRADED, LOOK, MISSING, WAITING, Record, Standing

__all__ = ["gradebook_table", "line", "progress"]


def progress(screen: Console) -> Progress:
    """A bar: how many are done, failed, and tried again because a worker was lost; time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed, {task.fields[retried]} retried,"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=screen,
    )


def line(record: Record) -> str:
    """What is special about a submission."""
    mark = "[red]✗[/red]" if record.status == FAILED else "[yellow]![/yellow]"
    return f"{mark} {escape(record.student)}: {escape(record.sentence)}"


def gradebook_table(
    title: str, standings: list[Standing], words: dict[str, str] | None = None
) -> Table:
    """The gradebook for the screen; words: something to say about each student."""
    table = Table(title=title, title_justify="left")
    table.add_column("Student", overflow="fold")
    if words:
        table.add_column("What is special", overflow="fold")
    for heading in ("Score", "of", "By hand"):
        table.add_column(heading, justify="right")
    table.add_column("Status")
    colours = {GRADED: "green", LOOK: "yellow", FAILED: "red", MISSING: "dim", WAITING: "dim"}
    for row in standings:
        score = "–" if row.score is None else f"{row.score:g}"
        earlier = row.status == FAILED and row.score is not None
        status = f"{row.status}, earlier score kept" if earlier else row.status
        by_hand = f"{row.by_hand:g} to give" if row.by_hand else ""
        colour = colours[row.status]
        special = [escape(words.get(row.student, ""))] if words else []
        cells = [score, f"{row.max_score:g}", by_hand, f"[{colour}]{status}"]
        table.add_row(escape(row.student), *special, *cells)
    if any(row.by_hand for row in standings):
        table.caption = (
            "“By hand”: points of written answers, not in the score until a person gives them "
            "(course lab, Formgrader)."
        )
        table.caption_justify = "left"
    return table
