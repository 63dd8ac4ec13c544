"""Pictures of pooling: windows on a row of pixels, and what they send back."""

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from helpers.plots.figures import BLUE, DARK, LINE, ORANGE, PALE, SKY, TINTS, WHITE, say
from helpers.plots.grids import number_grid, outline


def windows_on_a_line(
    ax: Axes,
    size: int,
    kernel_size: int,
    stride: int,
    count: int,
    padding: int = 0,
    title: str = "",
) -> Axes:
    """A row of pixels, and below it `count` windows as bars; one that sticks out is hatched.

    padding: pixels drawn white with dotted lines at both ends of the row.
    """
    ends = [k * stride - padding + kernel_size for k in range(count)]
    for p in range(-padding, size + padding):
        inside = 0 <= p < size
        style = {"facecolor": PALE if inside else WHITE, "linestyle": "-" if inside else ":"}
        ax.add_patch(Rectangle((p, 0), 1, 1, edgecolor=LINE, **style))
        if inside:
            ax.text(p + 0.5, 0.5, p, ha="center", va="center", fontsize=8, color=DARK)
    for k, end in enumerate(ends):
        out = end > size + padding
        style = {"facecolor": ORANGE if out else SKY, "hatch": "///" if out else None}
        place = (end - kernel_size + 0.08, 1.3 + 0.75 * k)
        ax.add_patch(Rectangle(place, kernel_size - 0.16, 0.5, edgecolor=DARK, **style))
    right = max(size + padding, *ends)
    ax.set(xlim=(-padding - 0.2, right + 0.2), ylim=(1.5 + 0.75 * count, -0.2), aspect="equal")
    ax.set_title(title, fontsize=11)
    ax.axis("off")
    out = sum(end > size + padding for end in ends)
    row = f"a row of {size} pixels and {count} windows of {kernel_size}, {stride} apart"
    say(ax, title, f"{row}; {'the last one sticks out' if out else 'none sticks out'}")
    return ax


def sent_back(
    ax: Axes, values: Tensor, row: int, column: int, size: tuple[int, int], title: str = ""
) -> Axes:
    """What one window sends back, put down at (row, column) on an otherwise empty grid of `size`.

    values: (kH, kW); its zeros are left empty.
    """
    grid = torch.full(size, float("nan"))
    fills = [[WHITE] * size[1] for _ in range(size[0])]
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            fills[row + i][column + j] = PALE
            if values[i, j] != 0:
                grid[row + i, column + j] = values[i, j]
                fills[row + i][column + j] = TINTS[0]
    number_grid(ax, grid, title, fills)
    return outline(ax, row, column, *values.shape, BLUE)
