"""Pictures of designs: what an output sees, tables of networks, costs against a ratio."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from helpers.plots.figures import DARK, LINE, ORANGE, PALETTE, RED, TINTS, WHITE, open_frame, say
from helpers.plots.grids import hexed, ink


def field_map(ax: Axes, values: Tensor, title: str = "", box: bool = True) -> Axes:
    """How much each pixel matters for one output: darker is more; a frame around all that do.

    values: (H, W), bool or not negative; a mask is drawn in a single shade.
    """
    mask, values = values.dtype == torch.bool, values.double()
    largest = float(values.max()) or 1.0
    ax.imshow(values.numpy(), cmap="Blues", vmin=0, vmax=1.25 * largest, interpolation="nearest")
    rows, columns = (values.amax(dim=d).nonzero().flatten() for d in (1, 0))
    told = "no pixel matters"
    if len(rows):
        height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
        if box:
            corner = (int(columns[0]) - 0.5, int(rows[0]) - 0.5)
            style = {"fill": False, "edgecolor": ORANGE, "linewidth": 2.5}
            ax.add_patch(Rectangle(corner, width, height, **style))
        size, matter = f"{len(values)}x{values.shape[1]}", int((values > 0).sum())
        told = f"of {size} pixels, {matter} matter, in a box of {height}x{width}"
        if not mask:
            share = _share_in_the_middle(values, rows, columns)
            told += f"; the middle quarter of it holds {share:.0%} of the weight"
    say(ax, title, told)
    ax.set_title(title, fontsize=11)
    ax.set(xticks=[], yticks=[])
    return ax


def _share_in_the_middle(values: Tensor, rows: Tensor, columns: Tensor) -> float:
    """Share of the sum in the middle half of the rows and of the columns of a box."""
    inside = values[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    top, left = (round(n / 4) for n in inside.shape)
    middle = inside[top : inside.shape[0] - top, left : inside.shape[1] - left]
    return float(middle.sum() / inside.sum())


def ratio_curves(
    ax: Axes,
    ratios: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    crossings: Mapping[str, float],
    title: str,
    xlabel: str,
    ylabel: str,
) -> Axes:
    """Quotients over a ratio, with a line at 1; where each curve crosses it is marked.

    lines: name to values, one per ratio; crossings: name to the ratio at which it is 1.
    """
    ax.axhline(1, color=DARK, lw=0.8)
    for k, (name, values) in enumerate(lines.items()):
        color = PALETTE[k % 7]
        ax.plot(ratios, values, "-" if k % 2 == 0 else "--", color=color, lw=1.8, label=name)
        ax.plot(crossings[name], 1, "os"[k % 2], color=color, ms=8, mfc="w", mew=2)
        height = (0.34, 0.16)[k % 2]
        ax.plot([crossings[name]] * 2, [0, 1], ":", color=color, lw=1.2)
        ax.text(crossings[name], height, f" {crossings[name]:.2f}", fontsize=9, color=DARK)
    ax.set(xlabel=xlabel, ylabel=ylabel, xlim=(min(ratios), max(ratios)), ylim=(0, None))
    ax.set_title(title, fontsize=11)
    ax.legend(facecolor=WHITE, framealpha=1, edgecolor="none", fontsize=9, loc="upper left")
    told = [
        f"{name} rises from {values[0]:.2f} to {values[-1]:.2f} and is 1 at {crossings[name]:.2f}"
        for name, values in lines.items()
    ]
    say(ax, f"{title}, {ylabel} over {xlabel}", "; ".join(told))
    ax.grid(color="#E5E5E5")
    open_frame(ax)
    return ax


def configurations(ax: Axes, networks: Mapping[str, Sequence], title: str = "") -> Axes:
    """Networks side by side, from the top down: convolutions as boxes, poolings as lines.

    networks: name to a configuration as in `helpers.models.vgg`. Stages stand at the same height.
    """
    stages = {name: _by_stage(entries) for name, entries in networks.items()}
    most = [max(len(s[k]) for s in stages.values()) for k in range(max(map(len, stages.values())))]
    told = []
    for column, (name, parts) in enumerate(stages.items()):
        y = 0.0
        ax.text(column + 0.5, -0.35, name, ha="center", va="bottom", fontsize=11, weight="bold")
        for stage, entries in enumerate(parts):
            for k, entry in enumerate(entries):
                _box(ax, column, y + k, entry, TINTS[stage % 4])
            y += most[stage]
            if stage < list(networks[name]).count("M"):
                ax.plot([column + 0.06, column + 0.94], [y + 0.16] * 2, color=RED, lw=2.5)
            y += 0.4
        told.append(f"{name}: {' '.join(map(_word, networks[name]))}")
    ax.set(xlim=(-0.05, len(networks) + 0.05), ylim=(sum(most) + 0.4 * len(most) + 0.3, -1.0))
    ax.set_title(title, fontsize=11)
    ax.axis("off")
    say(ax, title, "; ".join(told))
    return ax


def _by_stage(entries: Sequence) -> list[list]:
    """The entries of a configuration between its poolings."""
    parts = [[]]
    for entry in entries:
        if entry == "M":
            parts.append([])
        else:
            parts[-1].append(entry)
    return [part for part in parts if part]


def _box(ax: Axes, x: float, y: float, entry, color: str) -> None:
    special = not isinstance(entry, int)
    style = {"facecolor": WHITE if special else color, "edgecolor": DARK if special else LINE}
    ax.add_patch(Rectangle((x + 0.06, y + 0.06), 0.88, 0.88, lw=1.2 if special else 0.8, **style))
    ax.text(x + 0.5, y + 0.52, _word(entry), ha="center", va="center", fontsize=9)


def _word(entry) -> str:
    if isinstance(entry, tuple | list):
        return f"{entry[0]}, {entry[1]}x{entry[1]}"
    return "pool" if entry == "M" else str(entry)


def answer_map(
    ax: Axes, answers: Tensor, sure: Tensor, title: str = "", window: int = 32, step: int = 8
) -> Axes:
    """The class that each window of an image is taken for, at its middle, the darker the surer.

    answers, sure: (H, W), for windows that are `step` pixels apart; drawn in pixels of the image.
    """
    rows, columns = answers.shape
    shades = plt.get_cmap("Blues")
    for i, j in np.ndindex(rows, columns):
        x, y = (window / 2 + step * k for k in (j, i))
        fill = hexed(shades(0.75 * float(sure[i, j])))
        box = Rectangle((x - step / 2, y - step / 2), step, step, facecolor=fill, edgecolor=LINE)
        ax.add_patch(box)
        text = str(int(answers[i, j]))
        ax.text(x, y, text, ha="center", va="center", fontsize=12, color=ink(fill))
    width, height = (window + step * (n - 1) for n in (columns, rows))
    top = 0 if rows > 1 else (window - step) / 2 - 1
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - top, top), aspect="equal")
    ax.axis("off")
    ax.set_title(title, fontsize=11)
    told = [
        " ".join(f"{int(a)} ({float(s):.0%})" for a, s in zip(*pair, strict=True))
        for pair in zip(answers, sure, strict=True)
    ]
    say(ax, f"{title}, by rows", "; ".join(told))
    return ax
