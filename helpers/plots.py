"""Pictures: every function draws on the axes it is given and returns them.

``fig, axes = panels(1, 3)`` makes the axes, and ``show(fig)`` displays the figure. Every function
also says in words, computed from what it draws, what there is to see; ``show`` makes that the
figure's alternative text. Colours are Okabe and Ito's, which colour-blind readers can tell apart;
grids count rows downwards and columns to the right, from 0, as tensors do.
"""

import base64
import html
import io
from collections.abc import Callable, Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW = PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442",
)  # fmt: skip
PALE, DARK, WHITE, LINE = "#EDEDED", "#333333", "#FFFFFF", "#9A9A9A"
DOTS_PER_INCH = 100

# Showing --------------------------------------------------------------------------------------


def panels(
    rows: int = 1, columns: int = 1, width: float = 2.6, height: float = 2.6, **kwargs
) -> tuple[Figure, np.ndarray]:
    """A figure with rows x columns axes of width x height inches each; the axes as a flat array.

    Further arguments, such as ``width_ratios``, go to ``matplotlib.pyplot.subplots``.
    """
    size = (width * columns, height * rows)
    fig, axes = plt.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained", facecolor=WHITE, **kwargs
    )
    return fig, axes.ravel()


def in_words(fig: Figure, alt: str = "") -> str:
    """What the figure shows: `alt`, then what each of its axes has to say."""
    said = [getattr(ax, "in_words", "") for ax in fig.axes]
    return " ".join(text for text in (alt, *said) if text)


def show(fig: Figure, alt: str = "") -> None:
    """Display a figure as PNG together with its text, and close it.

    alt: a sentence to put before what the axes say for themselves. The text is the picture's
    alternative text (in its metadata, for whatever reads it), its plain text form, and folded away
    below it for front ends that show no alternative texts. Raises ValueError without any text.
    """
    words = in_words(fig, alt)
    if not words.strip():
        raise ValueError("say in `alt` what the figure shows")
    picture = {"image/png": _png(fig), "text/plain": words}
    display(picture, metadata={"image/png": {"alt": words}}, raw=True)
    folded = f"<details><summary>Figure in words</summary>{html.escape(words)}</details>"
    display({"text/html": folded, "text/plain": "(the figure in words: see above)"}, raw=True)


def slider(draw: Callable[[int], Figure], count: int, label: str) -> None:
    """A slider from 0 to count - 1 that shows the figure ``draw(position)``.

    Needs ipywidgets; without them it says so and shows nothing.
    """
    try:
        import ipywidgets
    except ImportError:
        print("The slider needs ipywidgets; the figure above shows the same.")
        return
    picture = ipywidgets.HTML()
    knob = ipywidgets.IntSlider(value=0, min=0, max=count - 1, description=label)

    def redraw(_=None):
        fig = draw(knob.value)
        words = html.escape(in_words(fig))
        source = f"data:image/png;base64,{_png(fig)}"
        picture.value = f'<img src="{source}" alt="{words}" style="max-width: 100%">'

    redraw()
    knob.observe(redraw, "value")
    bundle = ipywidgets.VBox([knob, picture])._repr_mimebundle_()
    words = f"(A slider, {label!r}, when the notebook runs. The figure above shows the same.)"
    display({**bundle, "text/plain": words}, raw=True)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Display a table; the plain text form has one line per row."""
    body = [[str(value) for value in row] for row in rows]
    lines = [header, ["---"] * len(header), *body]
    markdown = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    plain = "\n".join(" | ".join(line) for line in [header, *body])
    display({"text/markdown": markdown, "text/plain": plain}, raw=True)


def _png(fig: Figure) -> str:
    """The figure as base64-encoded PNG; closes it."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    plt.close(fig)
    return base64.b64encode(buffer.getvalue()).decode()


# Grids of numbers -----------------------------------------------------------------------------


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
                ax.text(c + 0.5, r + 0.5, number, ha="center", va="center", color=_ink(fill))
    lines = [" ".join("empty" if v.isnan() else f"{v.item():g}" for v in row) for row in values]
    _say(ax, f"{title}, by rows" if title else "by rows", "; ".join(lines))
    return _frame(ax, rows, columns, title, ticks)


def heat_grid(ax: Axes, values: Tensor, title: str = "") -> Axes:
    """A matrix of counts: darker cells hold more, and each cell says how many."""
    largest = max(float(values.max()), 1.0)
    shades = plt.get_cmap("Blues")
    fills = [[_hex(shades(0.9 * float(v) / largest)) for v in row] for row in values]
    return number_grid(ax, values, title, fills)


def outline(
    ax: Axes, row: float, column: float, rows: int, columns: int, color: str = RED, **kwargs
) -> Axes:
    """A thick frame around rows x columns cells of a grid, from (row, column) on."""
    style = {"linewidth": 3, "fill": False, "edgecolor": color, "zorder": 5} | kwargs
    ax.add_patch(Rectangle((column, row), columns, rows, **style))
    return ax


def _say(ax: Axes, title: str, words: str) -> None:
    """Note in words what an axes shows, for :func:`in_words`."""
    name = title.replace("\n", " ")
    ax.in_words = f"{name}: {words}." if name else f"{words}."


def _frame(ax: Axes, rows: int, columns: int, title: str, ticks: bool = True) -> Axes:
    ax.set(xlim=(-0.08, columns + 0.08), ylim=(rows + 0.08, -0.08), aspect="equal")
    ax.set_title(title, fontsize=11)
    ax.set_anchor("N")
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0, labelsize=8, labelcolor="#595959")
    ax.set_xticks(np.arange(columns) + 0.5 if ticks else [], np.arange(columns) if ticks else [])
    ax.set_yticks(np.arange(rows) + 0.5 if ticks else [], np.arange(rows) if ticks else [])
    return ax


def _hex(rgba: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * v):02X}" for v in rgba[:3])


def _ink(fill: str) -> str:
    """Black or white, whichever reads better on `fill`."""
    red, green, blue = (int(fill[i : i + 2], 16) for i in (1, 3, 5))
    return DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


# Convolution ----------------------------------------------------------------------------------


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
    fills = [[_hex(shades(0.35 * (1 - float(v) / largest))) for v in line] for line in image]
    title = f"window at row {row * stride}, column {column * stride}"
    number_grid(ax_in, image, title, fills)
    outline(ax_in, row * stride, column * stride, kernel_h, kernel_w)
    number_grid(ax_out, out, "output so far")
    outline(ax_out, row, column, 1, 1)
    _say(ax_in, title, f"the output value at row {row}, column {column} is {out[row, column]:g}")
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
    _say(ax, title, f"{image}, {covered}")
    _frame(ax, rows, columns, title)
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
    _say(
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
    _say(ax, title, f"an activation map with values from {low:.1f} to {high:.1f}")
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
    _say(axes[1], "a matrix, column by column", "; ".join(listed))
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
    _say(ax, "A tree of dots from the top down", "; ".join(reversed(counts)))
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    return ax


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
    _say(ax, f"groups = {groups}", "; ".join(blocks))
    return ax


# Charts ---------------------------------------------------------------------------------------


def bars(ax: Axes, values: Sequence[float], labels: Sequence[str], title: str, unit: str) -> Axes:
    """A bar per value, its number written above it."""
    drawn = ax.bar(labels, values, color=PALETTE[: len(labels)], edgecolor=DARK, linewidth=0.6)
    ax.bar_label(drawn, [f"{v:,.0f}" for v in values], fontsize=9, padding=2)
    named = [
        f"{name.replace(chr(10), ' ')} {v:,.0f}" for name, v in zip(labels, values, strict=True)
    ]
    _say(ax, f"bars, {title}, {unit}", "; ".join(named))
    ax.set_title(title, fontsize=11)
    ax.set_ylabel(unit)
    ax.margins(y=0.14)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def curves(
    ax: Axes, lines: Sequence[tuple[str, Sequence[float]]], title: str, xlabel: str, ylabel: str
) -> Axes:
    """Lines over 0, 1, 2, ...; each has a colour, a marker and a name in the legend."""
    for k, (name, values) in enumerate(lines):
        ax.plot(
            values, label=name, color=PALETTE[k % 7], marker="os^Dvx+"[k % 7], ms=4, lw=1.2, mfc="w"
        )
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_title(title, fontsize=11)
    told = [
        f"{name} starts at {values[0]:.2g}, ends at {values[-1]:.2g} and lies between"
        f" {min(values):.2g} and {max(values):.2g}"
        for name, values in lines
    ]
    _say(ax, f"{title}, {ylabel} over {xlabel}", "; ".join(told))
    ax.legend(facecolor=WHITE, framealpha=1, edgecolor="none", fontsize=9)
    ax.grid(color="#E5E5E5")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


# Pooling --------------------------------------------------------------------------------------

TINTS = ("#CCE3F0", "#FAECCC", "#CCECE3", "#F7DFCC")


def tiles(ax: Axes, values: Tensor, tile: int, title: str = "") -> Axes:
    """A matrix with its numbers, in tiles of `tile` x `tile` cells that differ in colour."""
    rows, columns = values.shape
    fills = [
        [TINTS[2 * (r // tile % 2) + c // tile % 2] for c in range(columns)] for r in range(rows)
    ]
    return number_grid(ax, values, title, fills)


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
    _say(ax, title, f"{row}; {'the last one sticks out' if out else 'none sticks out'}")
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
    _say(ax, f"{title}, for {', '.join(lines)}", "; ".join(told))
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


# Whole networks -------------------------------------------------------------------------------


def stages(ax: Axes, layers: Sequence[tuple[str, tuple[int, ...]]]) -> Axes:
    """A network from left to right: maps as stacks of squares, vectors as bars.

    layers: (name, shape), the shape (C, H, W) or (C,); squares are drawn to scale, and so is the
    length of the bars.
    """
    largest = max((shape[1] for _, shape in layers if len(shape) == 3), default=1)
    longest = max((shape[0] for _, shape in layers if len(shape) == 1), default=1)
    x, told = 0.0, []
    for k, (name, shape) in enumerate(layers):
        color = PALETTE[k % 7] if k else PALE
        if len(shape) == 3:
            side, copies = 3 * shape[1] / largest, min(shape[0], 16)
            shift = 0.11
            for copy in reversed(range(copies)):
                corner = (x + shift * copy, -side / 2 - shift * copy)
                ax.add_patch(Rectangle(corner, side, side, fc=color, ec=DARK, lw=0.6))
            width = side + shift * (copies - 1)
        else:
            height, width = 4.2 * shape[0] / longest, 0.28
            ax.add_patch(Rectangle((x, -height / 2), width, height, fc=color, ec=DARK, lw=0.6))
        text = "×".join(map(str, shape))
        ax.text(x + width / 2, 2.6, f"{name}\n{text}", ha="center", va="top", fontsize=9)
        told.append(f"{name} {text}")
        x += max(width, 0.9) + 0.55
    ax.set(xlim=(-0.4, x), ylim=(3.7, -3.4), aspect="equal")
    ax.axis("off")
    _say(ax, "Layers from left to right, with the shapes of their outputs", "; ".join(told))
    return ax


def incidence(ax: Axes, table: Sequence[Sequence[int]], columns: int, title: str = "") -> Axes:
    """A table of connections: row `c` and column `k` are marked if ``table[k]`` lists `c`.

    columns: how many different entries there are, drawn as rows.
    """
    fills = [[BLUE if c in entry else WHITE for entry in table] for c in range(columns)]
    number_grid(ax, torch.full((columns, len(table)), float("nan")), title, fills)
    listed = [f"{k} reads {', '.join(map(str, sorted(entry)))}" for k, entry in enumerate(table)]
    _say(ax, title, "; ".join(listed))
    return ax


def confusion(ax: Axes, counts: Tensor, title: str = "") -> Axes:
    """How often each class (row) was taken for each class (column); zeros are left empty.

    The colours show the mistakes; the diagonal, which is right, is green.
    """
    wrong = counts.double().clone().fill_diagonal_(0)
    largest, shades = max(float(wrong.max()), 1.0), plt.get_cmap("Oranges")
    fills = [[_hex(shades(0.8 * float(v) / largest)) if v else WHITE for v in row] for row in wrong]
    for k in range(len(counts)):
        fills[k][k] = "#CCECE3"
    values = counts.double().masked_fill(counts == 0, float("nan"))
    number_grid(ax, values, title, fills)
    ax.set(xlabel="taken for", ylabel="is")
    pairs = sorted(((int(v), i, j) for i, row in enumerate(wrong) for j, v in enumerate(row)))[::-1]
    told = [f"{i} taken for {j} {n} times" for n, i, j in pairs[:3] if n]
    right = int(counts.diagonal().sum())
    _say(ax, title, "; ".join([f"{right} of {int(counts.sum())} are right", *told]))
    return ax
