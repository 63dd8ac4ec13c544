"""Pictures of convolution: windows on images, filters, maps, what one output sees."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from helpers.plots.figures import (
    BLUE,
    DARK,
    GREEN,
    LINE,
    ORANGE,
    PALE,
    PALETTE,
    PURPLE,
    RED,
    SKY,
    WHITE,
    say,
)
from helpers.plots.grids import frame, hexed, number_grid, outline


def sliding_step(
    ax_in: Axes, ax_out: Axes, image: Tensor, kernel: Tensor, step: int, stride: int = 1
) -> tuple[Axes, Axes]:
    """A filter's window on a one-channel image, and the output as far as it is known by then.

    image: (H, W); kernel: (kH, kW); step: number of the output value, row by row.
    """
    (height, width), (kernel_h, kernel_w) = image.shape, kernel.shape
    out_h, out_w = (height - kernel_h) // stride + 1, (width - kernel_w) // stride + 1
    row, column = divmod(step, out_w)
    out = torch.full((out_h, out_w), float("nan"))
    for done in range(step + 1):
        i, j = divmod(done, out_w)
        window = image[i * stride : i * stride + kernel_h, j * stride : j * stride + kernel_w]
        out[i, j] = (window * kernel).sum()
    shades = plt.get_cmap("Greys")
    largest = max(float(image.abs().max()), 1.0)
    fills = [[hexed(shades(0.35 * (1 - float(v) / largest))) for v in line] for line in image]
    title = f"window at row {row * stride}, column {column * stride}"
    number_grid(ax_in, image, title, fills)
    outline(ax_in, row * stride, column * stride, kernel_h, kernel_w)
    number_grid(ax_out, out, "output so far")
    outline(ax_out, row, column, 1, 1)
    say(ax_in, title, f"the output value at row {row}, column {column} is {out[row, column]:g}")
    return ax_in, ax_out


def window_grid(
    ax: Axes, size: tuple[int, int], kernel_size: int, stride: int = 1, padding: int = 0
) -> Axes:
    """Where the windows of a convolution start on an image, and which pixels no window covers.

    Dots mark the top left pixel of each window; the first and the last window are framed; padding
    is dashed; pixels that no window covers are hatched.
    """
    rows, columns = (n + 2 * padding for n in size)
    starts = [range(0, n - kernel_size + 1, stride) for n in (rows, columns)]
    last = [positions[-1] for positions in starts]
    for r in range(rows):
        for c in range(columns):
            inside = padding <= r < rows - padding and padding <= c < columns - padding
            covered = r < last[0] + kernel_size and c < last[1] + kernel_size
            style = {"facecolor": PALE if inside else WHITE, "edgecolor": LINE}
            style |= {"hatch": None if covered else "///", "linestyle": "-" if inside else ":"}
            ax.add_patch(Rectangle((c, r), 1, 1, **style))
    for r in starts[0]:
        ax.plot([c + 0.5 for c in starts[1]], [r + 0.5] * len(starts[1]), "o", color=BLUE, ms=6)
    outline(ax, 0, 0, kernel_size, kernel_size, BLUE)
    outline(ax, *last, kernel_size, kernel_size, ORANGE, linestyle="--")
    title = f"stride {stride}, padding {padding}:\n{len(starts[0])}x{len(starts[1])} windows"
    missed = [n - (end + kernel_size) for n, end in zip((rows, columns), last, strict=True)]
    covered = "every pixel is covered"
    if any(missed):
        covered = f"but not the last {missed[0]} row(s) and {missed[1]} column(s), hatched"
    image = f"a grid of {size[0]}x{size[1]} pixels under {kernel_size}x{kernel_size} windows"
    say(ax, title, f"{image}, {covered}")
    frame(ax, rows, columns, title)
    ax.set_xticklabels(np.arange(columns) - padding)
    ax.set_yticklabels(np.arange(rows) - padding)
    return ax


def volumes(ax: Axes) -> Axes:
    """A bank of six 5x5x3 filters turns a 3x32x32 image into six 28x28 maps, one per filter."""
    colors = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
    _stack(ax, 0.2, 1.7, 2.6, [PALE] * 3)
    _stack(ax, 0.9, 2.5, 0.55, [LINE] * 3)
    for k, color in enumerate(colors):
        y = 0.2 + 0.95 * k
        _stack(ax, 4.9, y, 0.5, [color] * 3, 0.13)
        _stack(ax, 7.0, y - 0.13, 0.7, [color])
        _arrow(ax, (3.6, 2.8), (4.75, y + 0.2))
        _arrow(ax, (5.85, y + 0.2), (6.85, y + 0.2))
    _arrow(ax, (7.9, 2.8), (8.7, 2.8))
    _stack(ax, 8.9, 2.2, 2.2, colors[::-1], 0.24)
    for x, text in (
        (1.8, "x: an image of 32x32,\n3 channels deep; in grey\none window, just as deep"),
        (5.3, "weight: 6 filters\nof 5x5, each\n3 channels deep"),
        (7.35, "6 maps\nof 28x28"),
        (10.4, "out: the maps,\nstacked"),
    ):
        ax.text(x, 6.0, text, ha="center", va="top", fontsize=10)
    ax.set(xlim=(0, 12.5), ylim=(7.1, -0.4), aspect="equal")
    ax.set_title("A filter reads all channels and makes one map")
    say(
        ax,
        "From left to right",
        "an image as a stack of three squares, with a small window that"
        " goes through all three; six filters in six colours, each a stack of three small squares;"
        " an arrow from each filter to one map of its colour; the six maps, stacked",
    )
    ax.axis("off")
    return ax


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": LINE, "linewidth": 0.8})


def _stack(ax: Axes, x: float, y: float, side: float, colors: Sequence[str], shift: float = 0.28):
    for k in reversed(range(len(colors))):
        ax.add_patch(Rectangle(
            (x + shift * k, y - shift * k), side, side, facecolor=colors[k], edgecolor=DARK, lw=0.8,
        ))  # fmt: skip


def activation_map(ax: Axes, values: Tensor, title: str = "") -> Axes:
    """One activation map, (H, W): orange is negative, white is zero, purple is positive."""
    largest = float(values.abs().max()) or 1.0
    ax.imshow(values.numpy(), cmap="PuOr", vmin=-largest, vmax=largest, interpolation="nearest")
    low, high = values.min().item(), values.max().item()
    say(ax, title, f"an activation map with values from {low:.1f} to {high:.1f}")
    return _photo_frame(ax, title)


def picture(ax: Axes, image: Tensor, title: str = "") -> Axes:
    """An image, (3, H, W) or (H, W) for a grey one, with values in [0, 1]."""
    pixels = image.movedim(0, -1) if image.ndim == 3 else image
    ax.imshow(pixels.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    return _photo_frame(ax, title)


def _photo_frame(ax: Axes, title: str) -> Axes:
    ax.set_title(title, fontsize=11)
    ax.set(xticks=[], yticks=[])
    return ax


def stamp(
    ax: Axes, kernel: Tensor, factor: float, row: int, column: int, size: tuple[int, int]
) -> Axes:
    """`factor` times the kernel, put down at (row, column) on an otherwise empty grid of `size`."""
    values = torch.full(size, float("nan"))
    fills = [[WHITE] * size[1] for _ in range(size[0])]
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            values[row + i, column + j] = factor * kernel[i, j]
            fills[row + i][column + j] = "#D6EAF8"
    title = f"window ({row}, {column}):\n{factor:g} × kernel".replace("-", "−")
    number_grid(ax, values, title, fills)
    return outline(ax, row, column, *kernel.shape, BLUE)


def window_columns(axes: Sequence[Axes], x: Tensor, columns: Tensor, kernel_size: int) -> None:
    """An image with its windows framed, and beside it the matrix with one column per window.

    axes: two; x: (H, W); columns: (kernel_size**2, L), L windows in row-major order.
    """
    colors = (BLUE, ORANGE, GREEN, RED)
    tints = ("#CCE3F0", "#FAECCC", "#CCECE3", "#F7DFCC")
    number_grid(axes[0], x, "image and windows")
    per_row = x.shape[1] - kernel_size + 1
    for k in range(columns.shape[1]):
        r, c = divmod(k, per_row)
        inset = 0.06 + 0.05 * k
        side = kernel_size - 2 * inset
        outline(axes[0], r + inset, c + inset, side, side, colors[k % 4], linewidth=2)
    fills = [[tints[k % 4] for k in range(columns.shape[1])] for _ in range(columns.shape[0])]
    number_grid(axes[1], columns, "one column per window", fills)
    listed = [" ".join(f"{v:g}" for v in column) for column in columns.T.tolist()]
    say(axes[1], "a matrix, column by column", "; ".join(listed))
    axes[1].set(xlabel="window", ylabel="place in the window")


def receptive_tree(ax: Axes, layers: Sequence[tuple[int, int]]) -> Axes:
    """What one output sees, layer by layer down to the input, along one direction.

    layers: (kernel_size, stride) from the input on. Each row of dots is the output of one layer;
    the coloured ones contribute to the coloured output at the top.
    """
    seen, spacing, offset = [[0]], [1.0], [0.0]
    for kernel_size, stride in layers:
        offset.append(offset[-1] + (kernel_size - 1) / 2 * spacing[-1])
        spacing.append(spacing[-1] * stride)
    for kernel_size, stride in reversed(layers):
        top = seen[0]
        seen.insert(0, sorted({i * stride + k for i in top for k in range(kernel_size)}))
    for level, units in enumerate(seen):
        places = [offset[level] + spacing[level] * i for i in units]
        if level:
            kernel_size, stride = layers[level - 1]
            for i, place in zip(units, places, strict=True):
                below = [i * stride, i * stride + kernel_size - 1]
                for b in below:
                    end = offset[level - 1] + spacing[level - 1] * b
                    ax.plot([place, end], [level, level - 1], color=LINE, lw=0.8, zorder=1)
        ax.scatter(places, [level] * len(places), s=70, color=PALETTE[level % 4], zorder=2)
    names = ["input", *(f"layer {k}: kernel {f}, stride {s}" for k, (f, s) in enumerate(layers, 1))]
    ax.set_yticks(range(len(names)), names)
    ax.set(ylim=(-0.4, len(layers) + 0.4), xlabel="input pixel")
    ax.set_xticks(seen[0])
    ax.set_title(f"One output sees {len(seen[0])} input pixels", fontsize=11)
    counts = [f"{name}, {len(units)} dots" for name, units in zip(names, seen, strict=True)]
    say(ax, "A tree of dots from the top down", "; ".join(reversed(counts)))
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    return ax
