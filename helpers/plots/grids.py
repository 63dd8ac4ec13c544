"""Matrices as grids of cells: numbers, counts, connections."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from helpers.plots.figures import BLUE, DARK, LINE, PALETTE, RED, TINTS, WHITE, say


def number_grid(
    ax: Axes,
    values: Tensor,
    title: str = "",
    fills: Sequence[Sequence[str]] | str = WHITE,
    ticks: bool = True,
) -> Axes:
    """A matrix with its numbers in the cells; NaN leaves a cell empty.

    values: (rows, columns); fills: one colour for all cells, or one per cell.
    """
    values = torch.as_tensor(values, dtype=torch.float64) + 0.0  # no minus in front of a zero
    rows, columns = values.shape
    for r in range(rows):
        for c in range(columns):
            fill = fills if isinstance(fills, str) else fills[r][c]
            ax.add_patch(Rectangle((c, r), 1, 1, facecolor=fill, edgecolor=LINE, linewidth=0.8))
            if not values[r, c].isnan():
                number = f"{values[r, c].item():g}".replace("-", "−")
                ax.text(c + 0.5, r + 0.5, number, ha="center", va="center", color=ink(fill))
    lines = [" ".join("empty" if v.isnan() else f"{v.item():g}" for v in row) for row in values]
    say(ax, f"{title}, by rows" if title else "by rows", "; ".join(lines))
    return frame(ax, rows, columns, title, ticks)


def heat_grid(ax: Axes, values: Tensor, title: str = "") -> Axes:
    """A matrix of counts: darker cells hold more, and each cell says how many."""
    largest = max(float(values.max()), 1.0)
    shades = plt.get_cmap("Blues")
    fills = [[hexed(shades(0.9 * float(v) / largest)) for v in row] for row in values]
    return number_grid(ax, values, title, fills)


def outline(
    ax: Axes, row: float, column: float, rows: int, columns: int, color: str = RED, **kwargs
) -> Axes:
    """A thick frame around rows x columns cells of a grid, from (row, column) on."""
    style = {"linewidth": 3, "fill": False, "edgecolor": color, "zorder": 5} | kwargs
    ax.add_patch(Rectangle((column, row), columns, rows, **style))
    return ax


def frame(ax: Axes, rows: int, columns: int, title: str, ticks: bool = True) -> Axes:
    ax.set(xlim=(-0.08, columns + 0.08), ylim=(rows + 0.08, -0.08), aspect="equal")
    ax.set_title(title, fontsize=11)
    ax.set_anchor("N")
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0, labelsize=8, labelcolor="#595959")
    ax.set_xticks(np.arange(columns) + 0.5 if ticks else [], np.arange(columns) if ticks else [])
    ax.set_yticks(np.arange(rows) + 0.5 if ticks else [], np.arange(rows) if ticks else [])
    return ax


def hexed(rgba: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * v):02X}" for v in rgba[:3])


def ink(fill: str) -> str:
    """Black or white, whichever reads better on `fill`."""
    red, green, blue = (int(fill[i : i + 2], 16) for i in (1, 3, 5))
    return DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


def connections(ax: Axes, in_channels: int, out_channels: int, groups: int) -> Axes:
    """Which input channel reaches which output channel, for a number of groups."""
    fills = [
        [
            PALETTE[o * groups // out_channels % 4]
            if o * groups // out_channels == c * groups // in_channels
            else WHITE
            for c in range(in_channels)
        ]
        for o in range(out_channels)
    ]
    blank = torch.full((out_channels, in_channels), float("nan"))
    number_grid(ax, blank, f"groups = {groups}", fills)
    ax.set(xlabel="input channel", ylabel="output channel")
    ins, outs = in_channels // groups, out_channels // groups
    blocks = [
        f"inputs {g * ins} to {(g + 1) * ins - 1} reach outputs {g * outs} to {(g + 1) * outs - 1}"
        for g in range(groups)
    ]
    say(ax, f"groups = {groups}", "; ".join(blocks))
    return ax


def tiles(ax: Axes, values: Tensor, tile: int, title: str = "") -> Axes:
    """A matrix with its numbers, in tiles of `tile` x `tile` cells that differ in colour."""
    rows, columns = values.shape
    fills = [
        [TINTS[2 * (r // tile % 2) + c // tile % 2] for c in range(columns)] for r in range(rows)
    ]
    return number_grid(ax, values, title, fills)


def incidence(ax: Axes, table: Sequence[Sequence[int]], columns: int, title: str = "") -> Axes:
    """A table of connections: row `c` and column `k` are marked if ``table[k]`` lists `c`.

    columns: how many different entries there are, drawn as rows.
    """
    fills = [[BLUE if c in entry else WHITE for entry in table] for c in range(columns)]
    number_grid(ax, torch.full((columns, len(table)), float("nan")), title, fills)
    listed = [f"{k} reads {', '.join(map(str, sorted(entry)))}" for k, entry in enumerate(table)]
    say(ax, title, "; ".join(listed))
    return ax


def confusion(ax: Axes, counts: Tensor, title: str = "") -> Axes:
    """How often each class (row) was taken for each class (column); zeros are left empty.

    The colours show the mistakes; the diagonal, which is right, is green.
    """
    wrong = counts.double().clone().fill_diagonal_(0)
    largest, shades = max(float(wrong.max()), 1.0), plt.get_cmap("Oranges")
    fills = [
        [hexed(shades(0.8 * float(v) / largest)) if v else WHITE for v in row] for row in wrong
    ]
    for k in range(len(counts)):
        fills[k][k] = "#CCECE3"
    values = counts.double().masked_fill(counts == 0, float("nan"))
    number_grid(ax, values, title, fills)
    ax.set(xlabel="taken for", ylabel="is")
    pairs = sorted(((int(v), i, j) for i, row in enumerate(wrong) for j, v in enumerate(row)))[::-1]
    told = [f"{i} taken for {j} {n} times" for n, i, j in pairs[:3] if n]
    right = int(counts.diagonal().sum())
    say(ax, title, "; ".join([f"{right} of {int(counts.sum())} are right", *told]))
    return ax
