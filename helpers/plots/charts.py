"""Charts of numbers: bars, curves, dots."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from helpers.plots.figures import DARK, PALETTE, WHITE, open_frame, say


def bars(ax: Axes, values: Sequence[float], labels: Sequence[str], title: str, unit: str) -> Axes:
    """A bar per value, its number written above it."""
    drawn = ax.bar(labels, values, color=PALETTE[: len(labels)], edgecolor=DARK, linewidth=0.6)
    ax.bar_label(drawn, [f"{v:,.0f}" for v in values], fontsize=9, padding=2)
    named = [
        f"{name.replace(chr(10), ' ')} {v:,.0f}" for name, v in zip(labels, values, strict=True)
    ]
    say(ax, f"bars, {title}, {unit}", "; ".join(named))
    ax.set_title(title, fontsize=11)
    ax.set_ylabel(unit)
    ax.margins(y=0.14)
    open_frame(ax)
    return ax


def _number(value: float) -> str:
    """A number as one reads it out: two digits, or the whole number where that has more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def curves(
    ax: Axes,
    lines: Sequence[tuple[str, Sequence[float]]],
    title: str,
    xlabel: str,
    ylabel: str,
    start: int = 0,
) -> Axes:
    """Lines over start, start + 1, ...; each has a colour, a marker and a name in the legend."""
    for k, (name, values) in enumerate(lines):
        places = range(start, start + len(values))
        style = {"color": PALETTE[k % 7], "marker": "os^Dvx+"[k % 7], "ms": 4, "lw": 1.2}
        ax.plot(places, values, label=name, mfc="w", **style)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_title(title, fontsize=11)
    told = [
        f"{name} starts at {_number(values[0])}, ends at {_number(values[-1])} and lies between"
        f" {_number(min(values))} and {_number(max(values))}"
        for name, values in lines
    ]
    say(ax, f"{title}, {ylabel} over {xlabel}", "; ".join(told))
    ax.legend(facecolor=WHITE, framealpha=1, edgecolor="none", fontsize=9)
    ax.grid(color="#E5E5E5")
    open_frame(ax)
    return ax


def runs(
    ax: Axes,
    groups: Mapping[str, Sequence[Sequence[float]]],
    title: str,
    xlabel: str,
    ylabel: str,
    log: bool = False,
) -> Axes:
    """The same measured several times: a line per run over 1, 2, 3, ..., a colour per group.

    groups: name in the legend to its runs. log: a logarithmic y axis.
    """
    told = []
    for k, (name, lines) in enumerate(groups.items()):
        style = {"color": PALETTE[k % 6], "marker": "os^Dvx"[k % 6], "ms": 4, "lw": 1.2, "mfc": "w"}
        for number, values in enumerate(lines):
            label = None if number else name
            ax.plot(range(1, len(values) + 1), values, label=label, **style)
        first, last = ([values[place] for values in lines] for place in (0, -1))
        spans = (
            _number(min(v)) + f" to {_number(max(v))}" * (max(v) > min(v)) for v in (first, last)
        )
        told.append("{}, {} runs, starts at {}, ends at {}".format(name, len(lines), *spans))
    ax.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_title(title, fontsize=11)
    say(ax, f"{title}, {ylabel} over {xlabel}", "; ".join(told))
    ax.legend(facecolor=WHITE, framealpha=1, edgecolor="none", fontsize=9)
    ax.grid(color="#E5E5E5")
    open_frame(ax)
    return ax


def dots(ax: Axes, lines: dict[str, Sequence[float]], labels: Sequence[str], title: str) -> Axes:
    """A row per label with one dot per line: values side by side for several runs.

    lines: name of the run to its values, one per label.
    """
    places = np.arange(len(labels))
    for k, (name, values) in enumerate(lines.items()):
        ax.plot(values, places, "os^Dvx+"[k % 7], color=PALETTE[k % 7], label=name, ms=6, mfc="w")
    ax.set_yticks(places, labels)
    ax.set(xlim=(0, None), ylim=(len(labels) - 0.5, -0.5))
    ax.set_title(title, fontsize=11)
    ax.grid(color="#E5E5E5")
    ax.legend(facecolor=WHITE, framealpha=1, edgecolor="none", fontsize=9)
    runs = list(zip(*lines.values(), strict=True))
    told = [
        f"{label} {', '.join(f'{value:.2f}' for value in values)}"
        for label, values in zip(labels, runs, strict=True)
    ]
    say(ax, f"{title}, for {', '.join(lines)}", "; ".join(told))
    open_frame(ax)
    return ax


def scatter(
    ax: Axes,
    points: Mapping[str, tuple[float, float]],
    title: str,
    xlabel: str,
    ylabel: str,
    log: bool = False,
    left: Collection[str] = (),
) -> Axes:
    """One labelled dot per name, at (x, y). log: a logarithmic x axis.

    left: names that stand on the left of their dots, where there is no room on the right.
    """
    for k, (name, (x, y)) in enumerate(points.items()):
        ax.plot(x, y, "os^Dv<>"[k % 7], color=PALETTE[k % 6], ms=7, mec=DARK, mew=0.6)
        side, ha = (-6, "right") if name in left else (6, "left")
        place = {"xytext": (side, 4), "textcoords": "offset points", "ha": ha}
        ax.annotate(name, (x, y), fontsize=8, **place)
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if log else "linear")
    ax.margins(x=0.18, y=0.12)
    ax.set_title(title, fontsize=11)
    ax.grid(color="#E5E5E5")
    open_frame(ax)
    told = [f"{name} at {x:.3g} and {y:.3g}" for name, (x, y) in points.items()]
    say(ax, f"{title}, {ylabel} over {xlabel}", "; ".join(told))
    return ax
