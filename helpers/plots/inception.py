"""Pictures of modules with branches, and of what each branch costs."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from helpers.plots.charts import curves, runs
from helpers.plots.figures import DARK, PALETTE, WHITE, open_frame, say
from helpers.plots.networks import diagram

Layer = tuple[str, str, int]
STYLES = ("-", "--", ":", "-.")  # of lines, one for each run


def branches(
    ax: Axes, in_channels: int, branches: Sequence[Sequence[Layer]], title: str = ""
) -> Axes:
    """A module whose branches read the same input, and whose outputs are stacked.

    branches: from left to right, each a sequence of layers (text, kind, out_channels) from the
    input on; kind: as for :func:`diagram`. Numbers beside the arrows are channels; their sum, which
    is what comes out, is left to the reader.
    """
    rows = max(map(len, branches))
    columns = [2.3 * (k - (len(branches) - 1) / 2) for k in range(len(branches))]
    boxes = {"input": ((0.0, 0.0), f"input\n{in_channels} maps")}
    arrows = []
    for k, branch in enumerate(branches):
        before, channels = "input", in_channels
        aside = 0.8 * (rows - len(branch)) * (1 if columns[k] > 0 else -1)  # past longer ones
        for row, (text, kind, out) in enumerate(branch, start=1):
            name = f"{k}.{row}"
            y = 1.5 * row + 0.75 * (rows - len(branch))
            boxes[name] = ((columns[k] + aside, y), text, kind)
            arrows.append((before, name, str(channels)))
            before, channels = name, out
        arrows.append((before, "stacked", str(channels)))
    boxes["stacked"] = ((0.0, 1.5 * (rows + 1)), "stacked")
    diagram(ax, boxes, arrows, title)
    labels = [text for text in ax.texts if text.get_text()][len(boxes) :]
    for label, (begin, end, _) in zip(labels, arrows, strict=True):
        start, stop = boxes[begin][0][0], boxes[end][0][0]
        if start != stop:  # numbers of arrows that lean stand outside of all arrows
            side = -1 if start + stop < 0 else 1
            x, y = (start + stop) / 2 + 0.1 * side, label.get_position()[1]
            label.set(position=(x, y), ha="left" if side > 0 else "right",
                      va="top" if end == "stacked" else "bottom")  # fmt: skip
    return ax


def stacked_bars(ax: Axes, bars: Mapping[str, Mapping[str, float]], title: str, unit: str) -> Axes:
    """A horizontal bar per name, made of parts; the sum stands at its end.

    bars: name to its parts, each a name to a value; equal names of parts have equal colours.
    """
    parts = list(dict.fromkeys(part for values in bars.values() for part in values))
    told = []
    for row, (name, values) in enumerate(bars.items()):
        left = 0.0
        for part, value in values.items():
            color = PALETTE[parts.index(part) % len(PALETTE)]
            label = part if part not in ax.get_legend_handles_labels()[1] else None
            ax.barh(row, value, left=left, color=color, edgecolor=DARK, lw=0.6, label=label)
            left += value
        ax.text(left, row, f" {left:,.0f}", va="center", fontsize=9)
        shares = ", ".join(f"{part} {value:,.0f}" for part, value in values.items())
        told.append(f"{name} {left:,.0f}, of that {shares}")
    ax.set_yticks(range(len(bars)), list(bars))
    ax.set(xlabel=unit, ylim=(len(bars) - 0.5, -0.5))
    ax.margins(x=0.16)
    ax.set_title(title, fontsize=11)
    ax.legend(facecolor=WHITE, edgecolor="none", fontsize=8, loc="center left",
              bbox_to_anchor=(1.0, 0.5))  # fmt: skip
    open_frame(ax)
    say(ax, f"bars, {title}, {unit}", "; ".join(told))
    return ax


def counts(
    ax: Axes, lines: Sequence[tuple[str, Sequence[float]]], title: str, xlabel: str, ylabel: str
) -> Axes:
    """Lines of whole numbers over 0, 1, 2, ...; in words all of them are told."""
    curves(ax, lines, title, xlabel, ylabel)
    told = (f"{name} {', '.join(f'{v:.0f}' for v in values)}" for name, values in lines)
    say(ax, f"{title}, {ylabel} over {xlabel}", "; ".join(told))
    return ax


def by_layer(
    ax: Axes,
    groups: Mapping[str, Sequence[Sequence[float]]],
    layers: Sequence[str],
    title: str,
    ylabel: str,
    told: Sequence[str],
) -> Axes:
    """Runs over the layers of a network, on a logarithmic scale; a style of line per run.

    groups: name to its runs, each with a value per layer; told: layers whose values stand in words.
    """
    runs(ax, groups, title, "layer", ylabel, log=True)
    styles = [style for lines in groups.values() for style, _ in zip(STYLES, lines, strict=False)]
    for line, style in zip(ax.lines, styles, strict=True):
        line.set_linestyle(style)
    ax.set_xticks(range(1, len(layers) + 1), layers, rotation=60)
    words = []
    for name, lines in groups.items():
        at = []
        for layer in told:
            values = (f"{values[layers.index(layer)]:.1e}" for values in lines)
            at.append(f"{', '.join(values)} at {layer}")
        words.append(f"{name}, {len(lines)} runs: {'; '.join(at)}")
    say(ax, f"{title}, {ylabel} by layer", ". ".join(words))
    return ax
