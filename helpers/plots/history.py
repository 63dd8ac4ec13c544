"""Pictures of printed results; the figures themselves are in `helpers.claims.history`."""

from collections.abc import Collection, Sequence
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from helpers.plots.figures import BLUE, DARK, ORANGE, PALETTE, WHITE, open_frame, say


class Result(Protocol):
    """The result of one year: top5 in percent; layers 0 for no network, None where unknown."""

    year: int
    name: str
    top5: float
    layers: int | None


class Tested(Protocol):
    """A tested configuration: the scales of training, and the top-5 error in percent."""

    name: str
    train: tuple[int, ...]
    top5: float


def errors_by_year(
    ax: Axes,
    results: Sequence[Result],
    people: float | None = None,
    unchecked: Collection[int] = (),
) -> Axes:
    """A bar per year with its error and what won by which depth.

    results: such as `claims.history.ilsvrc()`; people: the error of people, as a line; unchecked:
    years whose number was not checked against a paper, hatched.
    """
    title = "ILSVRC, classification"
    years = [result.year for result in results]
    colors = [ORANGE if result.layers == 0 else BLUE for result in results]
    drawn = ax.bar(years, [r.top5 for r in results], color=colors, edgecolor=DARK, linewidth=0.6)
    for bar, year in zip(drawn, years, strict=True):
        bar.set_hatch("///" if year in unchecked else "")
    percents = [f"{result.top5:.1f} %" for result in results]
    box = {"facecolor": WHITE, "edgecolor": "none", "pad": 0.8}
    ax.bar_label(drawn, percents, fontsize=9, padding=3, bbox=box)
    depths = [f"\n{result.layers} layers" if result.layers else "" for result in results]
    labels = [f"{r.year}\n{r.name}{depth}" for r, depth in zip(results, depths, strict=True)]
    ax.set_xticks(years, labels, fontsize=9)
    told = [
        f"{label} {percent}".replace("\n", " ") + " (not checked)" * (year in unchecked)
        for year, label, percent in zip(years, labels, percents, strict=True)
    ]
    kinds = {"hand-made features": ORANGE, "convolutional networks": BLUE}
    handles = [Patch(fc=color, ec=DARK, label=label) for label, color in kinds.items()]
    if unchecked:
        handles.append(Patch(fc=WHITE, ec=DARK, hatch="///", label="not checked against a paper"))
    if people is not None:
        label = f"one trained person, {people} %"
        handles.append(ax.axhline(people, color=DARK, ls="--", lw=1, label=label, zorder=0))
        told.append(label)
    ax.legend(handles=handles, facecolor=WHITE, framealpha=1, edgecolor="none", fontsize=9)
    say(ax, f"bars, {title}, top-5 error", "; ".join(told))
    return _finished(ax, title)


def errors_by_configuration(ax: Axes, rows: Sequence[Tested], title: str) -> Axes:
    """Top-5 error of each configuration, a line per scale of training.

    rows: such as `claims.history.vgg_table(3)`.
    """
    names = list(dict.fromkeys(row.name for row in rows))
    told = []
    for k, scales in enumerate(dict.fromkeys(row.train for row in rows)):
        chosen = [row for row in rows if row.train == scales]
        label = f"trained at {' to '.join(map(str, scales))} pixels"
        places, errors = [names.index(row.name) for row in chosen], [row.top5 for row in chosen]
        ax.plot(places, errors, "os^D"[k % 4] + "-", color=PALETTE[k], label=label, lw=1.2, mfc="w")
        values = ", ".join(f"{row.name} {row.top5}" for row in chosen)
        told.append(f"{label}: {values}")
    ax.set_xticks(range(len(names)), names)
    ax.set_xlabel("configuration")
    ax.grid(color="#E5E5E5")
    ax.legend(facecolor=WHITE, framealpha=1, edgecolor="none", fontsize=9)
    say(ax, f"{title}, top-5 error in percent", "; ".join(told))
    return _finished(ax, title)


def _finished(ax: Axes, title: str) -> Axes:
    ax.set_title(title, fontsize=11)
    ax.set_ylabel("top-5 error in percent")
    open_frame(ax)
    return ax
