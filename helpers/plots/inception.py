"""Pictures of modules with branches, and of what each branch costs."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from helpers.plots.figures import DARK, PALETTE, WHITE, say
from helpers.plots.networks import diagram

Layer = tuple[str, str, int]


def branches(
    ax: Axes, in_channels: int, branches: Sequence[Sequence[Layer]], title: str = ""
) -> Axes:
    """A module whose branches read the same input, and whose outputs are stacked.

    branches: from left to right, each a sequence of layers (text, kind, out_channels) from the
    input on; kind: as for :func:`diagram`. Numbers beside the arrows are channels.
    """
    rows = max(map(len, branches))
    columns = [2.3 * (k - (len(branches) - 1) / 2) for k in range(len(branches))]
    out_channels = sum(branch[-1][2] for branch in branches)
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
    boxes["stacked"] = ((0.0, 1.5 * (rows + 1)), f"stacked\n{out_channels} maps")
    diagram(ax, boxes, arrows, title)
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
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    say(ax, f"bars, {title}, {unit}", "; ".join(told))
    return ax
