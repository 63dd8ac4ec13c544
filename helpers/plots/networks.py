"""Pictures of whole networks."""

import math
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

from helpers.counting import LayerCount
from helpers.plots.figures import (
    BLUE,
    DARK,
    LINE,
    PALE,
    PALETTE,
    RED,
    TINTS,
    WHITE,
    open_frame,
    say,
)


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
    say(ax, "Layers from left to right, with the shapes of their outputs", "; ".join(told))
    return ax


Place = tuple[float, float]
KINDS = {"conv": TINTS[0], "pool": TINTS[1], "norm": TINTS[2], "linear": TINTS[3], "": WHITE}


def diagram(
    ax: Axes,
    boxes: Mapping[str, tuple[Place, str] | tuple[Place, str, str]],
    arrows: Iterable[tuple[str, str] | tuple[str, str, str]],
    title: str = "",
    size: Place = (1.7, 0.62),
    bent: bool = False,
) -> Axes:
    """Layers as boxes and what flows between them as arrows.

    boxes: by name, the place of the middle, (x, y) with y downwards, the text, and what kind of
    layer it is for the colour: "conv", "pool", "norm", "linear" or "" (white); a box with the text
    "+" is drawn as a circle. arrows: (from, to) or (from, to, shape), names of boxes; the shape
    stands beside the arrow. size: (width, height) of a box. bent: arrows between boxes that stand
    neither above nor beside each other turn at a right angle, over the box further to the right.
    """
    width, height = size
    places = {name: box[0] for name, box in boxes.items()}
    texts = {name: box[1] for name, box in boxes.items()}
    for place, text, *kind in boxes.values():
        x, y = place
        style = {"facecolor": KINDS[kind[0] if kind else ""], "edgecolor": DARK, "linewidth": 0.9}
        if text == "+":
            ax.add_patch(Circle(place, height / 2.4, zorder=2, **style))
        else:
            corner = (x - width / 2, y - height / 2)
            ax.add_patch(FancyBboxPatch(
                corner, width, height, boxstyle="round,pad=0,rounding_size=0.08", zorder=2, **style,
            ))  # fmt: skip
        ax.text(x, y, text, ha="center", va="center", fontsize=9, color=DARK, zorder=3)
    told = []
    for begin, end, *shape in arrows:
        corner = _corner(places[begin], places[end]) if bent else None
        start = _edge(places[begin], corner or places[end], size, texts[begin] == "+")
        stop = _edge(places[end], corner or places[begin], size, texts[end] == "+")
        style = {"arrowstyle": "-|>", "color": DARK, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
        if corner:
            ax.plot(*zip(start, corner, strict=True), color=DARK, lw=1.0, zorder=1)
            start = corner
            if stop[1] == corner[1]:  # the label belongs to the part that goes up or down
                ax.annotate("", stop, corner, arrowprops=style, zorder=1)
                start, stop = _edge(places[begin], corner, size, False), corner
                style = style | {"arrowstyle": "-"}
        ax.annotate("", stop, start, arrowprops=style, zorder=1)
        if shape and shape[0]:
            side = -1 if stop[0] < start[0] else 1  # away from an arrow that leans the other way
            middle = ((start[0] + stop[0]) / 2 + side * 0.07, (start[1] + stop[1]) / 2)
            ha = "left" if side > 0 else "right"
            ax.text(*middle, shape[0], ha=ha, va="center", fontsize=8, color="#595959")
        with_shape = f" ({shape[0]})" if shape and shape[0] else ""
        told.append(f"{_flat(texts[begin])} to {_flat(texts[end])}{with_shape}")
    xs, ys = zip(*places.values(), strict=True)
    ax.set(
        xlim=(min(xs) - width * 0.65, max(xs) + width * 0.65),
        ylim=(max(ys) + height, min(ys) - height),
        aspect="equal",
    )
    ax.set_title(title, fontsize=11)
    ax.axis("off")
    say(ax, title, "boxes joined by arrows: " + "; ".join(told))
    return ax


def residual_block(
    ax: Axes,
    layers: Sequence[tuple[str, str, str]],
    title: str = "",
    shortcut: str | None = "x as it is",
    shape: str = "",
) -> Axes:
    """A block of layers from top to bottom, and the shortcut around them to the addition.

    layers: text, kind as for :func:`diagram`, and shape of the output; shape: of the block's input;
    shortcut: what is on it, in words, or None for a plain block.
    """
    boxes, arrows, before, before_shape = {"x": ((0, 0), "x")}, [], "x", shape
    for row, (text, kind, out_shape) in enumerate(layers, start=1):
        name = f"layer {row}"
        boxes[name] = ((0, row), text, kind)
        arrows.append((before, name, before_shape))
        before, before_shape = name, out_shape
    row = len(layers) + 1
    if shortcut is not None:
        boxes |= {"sum": ((0, row), "+"), "shortcut": ((3.0, row / 2), shortcut)}
        arrows += [(before, "sum", before_shape), ("x", "shortcut"), ("shortcut", "sum")]
        before, before_shape, row = "sum", "", row + 0.8
    boxes["relu"] = ((0, row), "ReLU")
    arrows.append((before, "relu", before_shape))
    return diagram(ax, boxes, arrows, title, size=(2.4, 0.62), bent=True)


def _flat(text: str) -> str:
    return text.replace("\n", " ")


def _corner(one: Place, other: Place) -> Place | None:
    """Where a bent arrow turns; None for one that is straight anyway."""
    (left, y), (right, other_y) = sorted((one, other))
    return (right, y) if left != right and y != other_y else None


def _edge(inside: Place, outside: Place, size: Place, circle: bool) -> Place:
    """Where the line from the middle of one box to another leaves the first."""
    (x, y), (dx, dy) = inside, (outside[0] - inside[0], outside[1] - inside[1])
    if circle:
        reach = size[1] / 2.4 / math.hypot(dx, dy)
    else:
        reach = min(abs(half / d) for half, d in ((size[0] / 2, dx), (size[1] / 2, dy)) if d)
    return x + reach * dx, y + reach * dy


def cost_bars(
    axes: Sequence[Axes], layers: Sequence[LayerCount], names: Sequence[str] | None = None
) -> None:
    """Where a network keeps its memory, its parameters and its work: three bar charts.

    axes: three; layers: rows of :func:`helpers.counting.count`; names: for them, if not their own.
    Bars are blue for convolutions, red for linear layers, grey for all others.
    """
    names = list(names or (layer.name for layer in layers))
    color_of = {"Conv2d": BLUE, "Linear": RED}
    colors = [color_of.get(layer.type, LINE) for layer in layers]
    quantities = (
        ("memory", "KiB", [layer.kib for layer in layers]),
        ("parameters", "thousands", [layer.params / 1e3 for layer in layers]),
        ("multiply-accumulates", "millions", [layer.macs / 1e6 for layer in layers]),
    )
    for ax, (title, unit, values) in zip(axes, quantities, strict=True):
        places = range(len(values))
        ax.bar(places, values, color=colors, edgecolor=DARK, linewidth=0.5)
        ax.set_xticks(places, names, rotation=90, fontsize=8)
        ax.set_title(f"{title}, in all {sum(values):,.0f}", fontsize=11)
        ax.set_ylabel(unit)
        open_frame(ax)
        largest = sorted(zip(values, names, strict=True), reverse=True)[:3]
        shares = [f"{name} {value / sum(values):.0%}" for value, name in largest if sum(values)]
        say(ax, f"bars, {title} by layer", f"largest are {', '.join(shares)}")
