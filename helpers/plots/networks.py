"""Pictures of whole networks."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from helpers.plots.figures import DARK, PALE, PALETTE, say


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
