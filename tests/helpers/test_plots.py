"""The pictures: what they say in words is what they draw, and showing them loses nothing."""

import base64
import io
import sys

import matplotlib
import pytest
import torch

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image

from helpers import convolution as reference
from helpers import counting, plots


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: a list of (data, metadata)."""
    displayed = []

    def record(data, metadata=None, raw=False):
        assert raw
        displayed.append((data, metadata))

    monkeypatch.setattr(plots.figures, "display", record)
    return displayed


@pytest.fixture
def ax():
    fig, axes = plots.panels()
    yield axes[0]
    plt.close(fig)


def test_show_displays_a_png_with_its_text_three_times_and_closes_the_figure(shown):
    fig, axes = plots.panels()
    plots.number_grid(axes[0], torch.tensor([[1.0, -2.0]]), "a & b")
    plots.show(fig, alt="Two numbers.")
    (picture, metadata), (folded, _) = shown
    words = "Two numbers. a & b, by rows: 1 -2."
    assert picture["text/plain"] == metadata["image/png"]["alt"] == words
    assert "Two numbers. a &amp; b, by rows: 1 -2." in folded["text/html"]
    assert Image.open(io.BytesIO(base64.b64decode(picture["image/png"]))).format == "PNG"
    assert not plt.fignum_exists(fig.number)


def test_show_refuses_a_figure_without_words(ax):
    with pytest.raises(ValueError, match="what the figure shows"):
        plots.show(ax.figure)


def test_the_same_figure_gives_the_same_bytes(shown):
    for _ in range(2):
        fig, axes = plots.panels()
        plots.heat_grid(axes[0], torch.arange(6.0).reshape(2, 3), "counts")
        plots.show(fig)
    assert shown[0][0]["image/png"] == shown[2][0]["image/png"]


def test_number_grid_leaves_nan_empty_and_shows_no_minus_zero(ax):
    plots.number_grid(ax, torch.tensor([[-0.0, float("nan")], [2.5, -3.0]]))
    assert [text.get_text() for text in ax.texts] == ["0", "2.5", "−3"]
    assert ax.in_words == "by rows: 0 empty; 2.5 -3."


@pytest.mark.parametrize("step", range(4))
def test_sliding_step_agrees_with_the_reference(step):
    image, kernel = torch.arange(20.0).reshape(4, 5), torch.tensor([[1.0, 0], [2, -1]])
    out = reference.conv2d(image[None, None], kernel[None, None], stride=2).flatten()
    fig, axes = plots.panels(1, 2)
    ax_in, _ = plots.sliding_step(*axes, image, kernel, step, stride=2)
    assert ax_in.in_words.endswith(f"is {out[step]:g}.")
    plt.close(fig)


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride", "padding"),
    [((7, 7), 3, 1, 0), ((7, 7), 3, 2, 0), ((7, 7), 3, 3, 0), ((7, 7), 3, 1, 1), ((6, 9), 2, 2, 1)],
)
def test_window_grid_counts_windows_as_the_formula_does(ax, size, kernel_size, stride, padding):
    plots.window_grid(ax, size, kernel_size, stride, padding)
    rows, columns = reference.conv_output_size(size, kernel_size, stride, padding)
    assert f"{rows}x{columns} windows" in ax.get_title()
    fits = reference.fits_exactly(size, kernel_size, stride, padding)
    assert ("every pixel is covered" in ax.in_words) == fits
    assert any(patch.get_hatch() for patch in ax.patches) == (not fits)


@pytest.mark.parametrize(
    "layers", [[(3, 1)], [(3, 1)] * 3, [(3, 2), (3, 1), (3, 1)], [(5, 2), (3, 3)]]
)
def test_receptive_tree_sees_the_receptive_field(ax, layers):
    plots.receptive_tree(ax, layers)
    assert f"sees {counting.receptive_field(layers)} input" in ax.get_title()


def test_connections_halve_with_two_groups(ax):
    plots.connections(ax, 4, 8, groups=2)
    joined = [patch for patch in ax.patches if patch.get_facecolor()[:3] != (1.0, 1.0, 1.0)]
    assert len(joined) == 4 * 8 // 2


@pytest.mark.parametrize("fill", [*plots.PALETTE, plots.PALE, plots.WHITE])
def test_numbers_can_be_read_on_every_colour_of_the_palette(fill):
    """Contrast of at least 3:1, what WCAG 2 asks of large text."""

    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), parts, strict=True))

    low, high = sorted([luminance(fill), luminance(plots.grids.ink(fill))])
    assert (high + 0.05) / (low + 0.05) >= 3


def test_every_function_that_draws_says_so_in_words():
    x, kernel = torch.arange(9.0).reshape(3, 3), torch.ones(2, 2)
    fig, axes = plots.panels(3, 4)
    plots.volumes(axes[0])
    plots.activation_map(axes[1], x - 4, "map")
    plots.picture(axes[2], torch.rand(3, 4, 5), "photograph")
    plots.stamp(axes[3], kernel, 2.0, 1, 1, (3, 3))
    plots.window_columns(axes[4:6], x, reference.im2col(x[None, None], 2)[0], 2)
    plots.bars(axes[6], [1, 2000], ["a", "b"], "bars", "KiB")
    plots.curves(axes[7], [("one", [3.0, 1.0, 2.0])], "curve", "step", "loss")
    plots.heat_grid(axes[8], x, "heat")
    plots.connections(axes[9], 2, 2, 1)
    drawn = [ax for ax in axes[:10] if ax is not axes[2]]
    assert all(ax.in_words.endswith(".") for ax in drawn)
    assert axes[7].in_words == (
        "curve, loss over step: one starts at 3, ends at 2 and lies between 1 and 3."
    )
    plt.close(fig)


def test_table_reads_as_markdown_and_as_plain_text(shown):
    plots.table(["a", "b"], [[1, "x"], [2, "y"]])
    [(data, _)] = shown
    assert data["text/markdown"] == "| a | b |\n| --- | --- |\n| 1 | x |\n| 2 | y |"
    assert data["text/plain"] == "a | b\n1 | x\n2 | y"


@pytest.fixture
def box(monkeypatch):
    """A list that receives the box of sliders and picture, when one is made."""
    ipywidgets = pytest.importorskip("ipywidgets")
    boxes = []

    class Box(ipywidgets.VBox):
        def __init__(self, children):
            super().__init__(children)
            boxes.append(self)

    monkeypatch.setattr(ipywidgets, "VBox", Box)
    return boxes


def draw(row, column=3):
    fig, axes = plots.panels()
    plots.number_grid(axes[0], torch.tensor([[float(row), float(column)]]), "here")
    return fig


def test_sliders_redraw_figure_and_text_when_one_moves(shown, box):
    plots.sliders(draw, row=range(3), column=range(1, 6, 2))
    [(data, _)] = shown
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"].startswith("(Sliders, when the notebook runs: row, column.")
    *knobs, picture = box[0].children
    assert [(knob.min, knob.max, knob.step) for knob in knobs] == [(0, 2, 1), (1, 5, 2)]
    assert 'alt="here, by rows: 0 3."' in picture.value
    knobs[0].value = 2
    assert 'alt="here, by rows: 2 3."' in picture.value
    knobs[1].value = 5
    assert 'alt="here, by rows: 2 5."' in picture.value


def test_sliders_show_with_the_older_ipywidgets_of_colab(shown, box, monkeypatch):
    ipywidgets = pytest.importorskip("ipywidgets")
    monkeypatch.delattr(ipywidgets.Widget, "_repr_mimebundle_")  # 7.7.1 has none
    plots.sliders(draw, row=range(3))
    [(data, _)] = shown
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == box[0].model_id


def test_without_ipywidgets_sliders_say_so(shown, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    plots.sliders(draw, row=range(3))
    assert "The sliders need ipywidgets" in capsys.readouterr().out
    assert not shown


def test_tiles_differ_from_their_neighbours_in_colour(ax):
    plots.tiles(ax, torch.arange(16.0).reshape(4, 4), 2, "a map")
    colours = [matplotlib.colors.to_hex(patch.get_facecolor()) for patch in ax.patches]
    assert len(set(colours)) == 4
    assert colours[0] == colours[1] == colours[4] == colours[5] != colours[2]
    assert ax.in_words.startswith("a map, by rows: 0 1 2 3;")


def test_a_window_that_sticks_out_is_hatched_and_said_to(ax):
    plots.windows_on_a_line(ax, 8, kernel_size=3, stride=2, count=4)
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(hatched) == 1
    assert "the last one sticks out" in ax.in_words


def test_what_a_window_sends_back_stands_in_its_place(ax):
    plots.sent_back(ax, torch.tensor([[0.0, 2], [0, 0]]), 1, 0, (3, 3), "sent")
    assert ax.in_words == "sent, by rows: empty empty empty; empty 2 empty; empty empty empty."


def test_dots_say_every_value(ax):
    plots.dots(ax, {"seed 0": [0.5, 1.0], "seed 1": [0.25, 2.0]}, ["one", "two"], "change")
    assert ax.in_words == "change, for seed 0, seed 1: one 0.50, 0.25; two 1.00, 2.00."


def test_stages_name_the_shapes_they_draw():
    fig, (ax,) = plots.panels()
    plots.stages(ax, [("image", (1, 8, 8)), ("C1", (4, 6, 6)), ("F", (10,))])
    assert "image 1×8×8; C1 4×6×6; F 10" in plots.in_words(fig)
    assert len(ax.patches) == 1 + 4 + 1
    plt.close(fig)


def test_incidence_marks_what_the_table_lists():
    fig, (ax,) = plots.panels()
    plots.incidence(ax, [[0, 2], [1]], 3, "reads")
    marked = [patch.get_facecolor()[:3] != (1, 1, 1) for patch in ax.patches]
    assert marked == [True, False, False, True, True, False]
    assert "0 reads 0, 2; 1 reads 1" in plots.in_words(fig)
    plt.close(fig)


def test_a_confusion_matrix_says_what_is_right_and_the_most_frequent_mistake():
    fig, (ax,) = plots.panels()
    plots.confusion(ax, torch.tensor([[5, 0, 0], [1, 4, 2], [0, 0, 6]]), "three classes")
    said = plots.in_words(fig)
    assert "15 of 18 are right" in said
    assert "1 taken for 2 2 times" in said
    assert [text.get_text() for text in ax.texts] == ["5", "1", "4", "2", "6"]
    plt.close(fig)


def test_a_diagram_joins_its_boxes_with_shapes_on_the_arrows(ax):
    boxes = {
        "x": ((0, 0), "x"),
        "conv": ((0, 1), "3×3 conv\n64", "conv"),
        "sum": ((0, 2), "+"),
    }
    arrows = [("x", "conv", "64×56×56"), ("conv", "sum"), ("x", "sum")]
    plots.diagram(ax, boxes, arrows, "a block")
    assert len(ax.patches) == 3
    assert {text.get_text() for text in ax.texts} >= {"x", "3×3 conv\n64", "+", "64×56×56"}
    assert "x to 3×3 conv 64 (64×56×56); 3×3 conv 64 to +; x to +" in ax.in_words


def test_cost_bars_say_where_most_of_it_is():
    fig, axes = plots.panels(1, 3)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 50))
    found = counting.count(net, (1, 8, 8))
    plots.cost_bars(axes, found.layers, ["conv", "flat", "fc"])
    assert [len(ax.patches) for ax in axes] == [3, 3, 3]
    assert "largest are fc 99%" in axes[1].in_words
    assert [p.get_height() for p in axes[2].patches] == [0.000648, 0, 0.0036]
    plt.close(fig)


def test_scattered_points_are_named(ax):
    plots.scatter(ax, {"a": (1.0, 2.0), "b": (10.0, 3.0)}, "two", "x", "y", log=True, left=["b"])
    assert [text.get_text() for text in ax.texts] == ["a", "b"]
    assert [text.get_ha() for text in ax.texts] == ["left", "right"]
    assert ax.in_words == "two, y over x: a at 1 and 2; b at 10 and 3."


def test_runs_of_a_group_share_a_colour_and_one_entry_of_the_legend(ax):
    groups = {"deep": [[3.0, 1.0], [4.0, 2.0]], "shallow": [[2.0, 0.5]]}
    plots.runs(ax, groups, "two depths", "epoch", "loss", log=True)
    assert [line.get_color() for line in ax.lines] == [*[plots.PALETTE[0]] * 2, plots.PALETTE[1]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["deep", "shallow"]
    assert "deep, 2 runs, starts at 3 to 4, ends at 1 to 2" in ax.in_words
    assert "shallow, 1 runs, starts at 2, ends at 0.5" in ax.in_words


def test_a_block_with_a_shortcut_adds_and_a_plain_one_does_not(ax):
    layers = [("conv 1", "conv", "4×8×8"), ("conv 2", "conv", "4×8×8")]
    plots.residual_block(ax, layers, "residual", "x as it is", "2×8×8")
    assert "x to conv 1 (2×8×8); conv 1 to conv 2 (4×8×8); conv 2 to + (4×8×8)" in ax.in_words
    assert "x to x as it is; x as it is to +" in ax.in_words
    assert ax.in_words.endswith("+ to ReLU.")
    ax.clear()
    plots.residual_block(ax, layers, "plain", None)
    assert "+" not in ax.in_words
    assert "conv 2 to ReLU" in ax.in_words


def test_bent_arrows_turn_at_right_angles_and_keep_their_labels(ax):
    boxes = {"x": ((0, 0), "x"), "way": ((2, 1), "shortcut"), "sum": ((0, 2), "+")}
    plots.diagram(ax, boxes, [("x", "way", "down"), ("way", "sum", "to it")], bent=True)
    corners = [line.get_xydata()[-1].tolist() for line in ax.lines]
    assert corners == [[2, 0], [2, 2]]
    assert [text.get_text() for text in ax.texts if text.get_text() in ("down", "to it")] == [
        "down", "to it",
    ]  # fmt: skip
    assert "x to shortcut (down); shortcut to + (to it)" in ax.in_words
