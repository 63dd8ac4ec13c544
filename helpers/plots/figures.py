"""Figures: made, shown together with what they say in words, and the colours they use."""

import base64
import html
import inspect
import io
from collections.abc import Callable, Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW = PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442",
)  # fmt: skip
PALE, DARK, WHITE, LINE = "#EDEDED", "#333333", "#FFFFFF", "#9A9A9A"
TINTS = ("#CCE3F0", "#FAECCC", "#CCECE3", "#F7DFCC")
DOTS_PER_INCH = 100


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


def sliders(draw: Callable[..., Figure], **values: range) -> None:
    """A slider for each argument of ``draw``, and below them the figure that it returns.

    values: what the argument of that name runs over; it starts at its default in ``draw``, or at
    the first of the values. Needs ipywidgets; without them it says so and shows nothing.
    """
    try:
        import ipywidgets
    except ImportError:
        print("The sliders need ipywidgets; the figure above shows the same.")
        return
    picture, knobs = ipywidgets.HTML(), {}
    for name, run in values.items():
        default = inspect.signature(draw).parameters[name].default
        knobs[name] = ipywidgets.IntSlider(
            value=run[0] if default is inspect.Parameter.empty else default,
            min=run[0],
            max=run[-1],
            step=run.step,
            description=name.replace("_", " "),
        )

    def redraw(_=None):
        fig = draw(**{name: knob.value for name, knob in knobs.items()})
        words = html.escape(in_words(fig))
        source = f"data:image/png;base64,{_png(fig)}"
        picture.value = f'<img src="{source}" alt="{words}" style="max-width: 100%">'

    redraw()
    for knob in knobs.values():
        knob.observe(redraw, "value")
    box = ipywidgets.VBox([*knobs.values(), picture])
    # Spelt out, because ipywidgets 7, which Colab has, and 8 show themselves in different ways.
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    named = ", ".join(knob.description for knob in knobs.values())
    words = f"(Sliders, when the notebook runs: {named}. The figure above shows the same.)"
    data = {"application/vnd.jupyter.widget-view+json": view, "text/plain": words}
    display(data, raw=True)


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


def say(ax: Axes, title: str, words: str) -> None:
    """Note in words what an axes shows, for :func:`in_words`."""
    name = title.replace("\n", " ")
    ax.in_words = f"{name}: {words}." if name else f"{words}."


def open_frame(ax: Axes) -> None:
    """Leave out the upper and the right line around a chart."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
