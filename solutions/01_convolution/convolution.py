# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Convolution: one small filter, used everywhere
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# Suppose a layer reads a colour image of 32 × 32 pixels and writes six maps of 28 × 28 numbers.
# If every output looked at every input, the layer would need more than fourteen million weights:
# 3 · 32 · 32 inputs times 6 · 28 · 28 outputs.
# A convolution layer needs a few hundred. It looks at one small window at a time, and it uses the
# same few weights at every place.
#
# In this notebook you build that layer yourself: forward, backward, and fast. At the end you know
# what it costs, what it can promise about a shifted image, and what it cannot.
#
# **You can then**
#
# - say how large the output of a convolution is, and whether its windows fit exactly;
# - write its forward pass, and derive and write its backward pass;
# - turn it into one matrix product, and say what that costs;
# - count its parameters, its multiply-accumulates and its memory;
# - tell which numbers of the lecture slides need a footnote.

# %%
# Set-up. Run this cell first; on Colab it also fetches the course's helpers.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("helpers") is None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "{{repository}}"], check=True)

import numpy as np
import torch

from helpers import convolution as reference
from helpers import counting, plots
from helpers.checks import convolution as check
from helpers.counting import LayerCost
from helpers.data import photograph
from helpers.runtime import pick_device, seconds, seed_everything

seed_everything(0)
print("Ready.")

# %% [markdown]
# ## How this notebook works
#
# | part | what you write | points | minutes |
# |---|---|---|---|
# | 1. One output value | `one_output` (a warm-up) | – | 15 |
# | 2. Output size | `conv_output_size`, `fits_exactly` | 3 | 25 |
# | 3. The forward pass | `conv2d_forward` | 6 | 30 |
# | 4. The backward pass | `conv2d_backward`, in three steps | 8 | 45 |
# | 5. im2col | `im2col`, `conv2d_im2col` | 5 | 25 |
# | 6. What a layer costs | `conv_cost`, `layer_numbers` | 5 | 20 |
# | 7. Does the output move along? | two short answers in words | 3 | 15 |
# | 8. Slide check | nothing: you look at what came out | – | 5 |
# | 9. Going further | four optional exercises | 0 | as you like |
#
# The core, parts 1 to 8, takes about **three hours** and carries all **30 points**. You can stop
# after any part, but do parts 2 to 6 in order: later cells use your functions. If a figure's cell
# ends in `NotImplementedError`, the part that it needs is not done yet.
#
# You need Python, tensors and slicing, and an idea of what a gradient is. What you build may not be
# borrowed: while an answer is graded, PyTorch's convolution is switched off, `unfold` where you
# write `im2col`, and autograd where you write a backward pass.
#
# - **Predict** asks you to commit to an answer *before* you run the next cell. Write it down even
#   if you are unsure: a wrong guess that you notice teaches more than a right answer that you read.
# - **Your code** goes where it says `YOUR CODE HERE`. Remove the line that raises the error.
# - The cell below it **checks** your code and says in words what is wrong. You may run it as often
#   as you like. When you hand in, the same cell is graded on further inputs.
# - **Hints** are folded away. Open them one at a time.
#
# Images are tensors of shape `(N, C, H, W)`: images in the batch, channels, rows, columns. Where
# something has two directions, a pair means *(rows, columns)*, and an `int` stands for both.

# %% [markdown]
# ## 1. One output value
#
# A grey image is a grid of numbers; bright pixels are large. A **filter**, or **kernel**, is a
# smaller grid of numbers. Lay it on a window of the image, multiply the numbers that meet, and add
# up the products. That sum is one output value. Then move the window and repeat.

# %% tags=["showcase"]
image = torch.tensor([[3.0, 3, 3, 0, 0]] * 3 + [[0, 0, 0, 3, 3]] * 2)
kernel = torch.tensor([[1.0, 0, -1]] * 3)

fig, axes = plots.panels(1, 2, width_ratios=[5, 3])
plots.number_grid(axes[0], image, "image, with the first window")
plots.outline(axes[0], 0, 0, 3, 3)
plots.number_grid(axes[1], kernel, "kernel")
plots.show(fig)

# %% [markdown]
# *Figure 1. The image has a bright and a dark half that change places further down. The kernel
# adds up the left column of the window and subtracts the right one.*
#
# **Predict.** The window starts at the upper left and moves right by one pixel at a time. Which
# three numbers form the top row of the output?

# %%
top_row = None  # your prediction, such as [1, 2, 3]

# %% tags=["showcase"]
fig, axes = plots.panels(2, 3, height_ratios=[5, 3], height=2.3)
for position, step in enumerate((0, 1, 8)):
    plots.sliding_step(axes[position], axes[3 + position], image, kernel, step)
plots.show(fig)
answer = reference.conv2d(image[None, None], kernel[None, None])[0, 0, 0].int().tolist()
print("your prediction:", top_row, "  the output's top row:", answer)

# %% [markdown]
# *Figure 2. The first, the second and the last of nine positions; the framed output value belongs
# to the framed window.*
#
# Where the window sees no change from left to right, the output is 0. Where bright meets dark, it
# is large; where dark meets bright, it is negative. The filter is a **detector**, and the output,
# called an **activation map**, shows where it found what it looks for.
#
# If your notebook is running, you can move the window yourself. (If not, you miss nothing.)


# %% tags=["showcase", "nbval-ignore-output"]
def draw(position):
    fig, axes = plots.panels(1, 3, width=2.2, height=2.4, width_ratios=[5, 3, 3])
    plots.sliding_step(axes[0], axes[2], image, kernel, position)
    plots.number_grid(axes[1], kernel, "kernel")
    return fig


plots.sliders(draw, position=range(9))

# %% [markdown]
# **Your turn** · difficulty ●○○ · 5 minutes · no points
#
# Colour images have three channels, later layers have hundreds. A window then has the shape
# `(C, kH, kW)`, and so has the filter: it extends over *all* channels, and there is still just
# **one** sum. At the end, the filter's bias is added.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "one_output-answer", "locked": false, "schema_version": 3, "solution": true}
def one_output(window, kernel, bias):
    """One output value of a convolution: products of the numbers that meet, summed, plus bias.

    window, kernel: (C, kH, kW), of the same shape; bias: a number, or a tensor without axes.
    Returns a tensor without axes.
    """
    ### BEGIN SOLUTION
    return (window * kernel).sum() + bias
    ### END SOLUTION


# %%
check.one_output(one_output)

# %% [markdown]
# **Predict.** The signal 0 0 1 0 0 has one direction only, and so has the filter 1 2 3. Slide the
# filter along, as you did above. Which three values come out, in which order?

# %%
three_values = None  # your prediction, such as [0, 1, 0]

# %%
signal, filter_1d = np.array([0, 0, 1, 0, 0]), np.array([1, 2, 3])

ours = [int((signal[i : i + 3] * filter_1d).sum()) for i in range(3)]
print("your prediction:            ", three_values)
print("window times filter, summed:", ours)
print("numpy.correlate:            ", np.correlate(signal, filter_1d, mode="valid").tolist())
print("numpy.convolve:             ", np.convolve(signal, filter_1d, mode="valid").tolist())

# %% [markdown]
# As the window moves right, the 1 meets the filter's *last* weight first: 3 2 1 comes out although
# nothing was flipped. `np.convolve` flips the filter before it slides, and so gives 1 2 3.
#
# > **Easy to get wrong: the flip.** In mathematics and signal processing, *convolution* flips the
# > filter before it slides (an image filter is turned by 180°). Deep learning does not flip it: what
# > it calls convolution is known elsewhere as **cross-correlation**.
#
# For a network it makes no difference: the weights are learned, and a flipped filter would be
# learned flipped. It matters as soon as you compare with another library. A function that flips,
# such as `scipy.signal.convolve2d`, agrees with yours only after you flip the kernel.

# %% [markdown]
# ## 2. Output size
#
# Three numbers decide how many positions a window of `F` pixels has along `N` pixels:
#
# - the **stride** `S`: by how many pixels the window moves at a time;
# - the **padding** `P`: how many zeros are put around the image, on *both* sides;
# - the kernel size `F` itself.
#
# **Predict.** An image of 7 × 7, a kernel of 3 × 3. How many windows are there in one row at
# stride 1, at stride 2, at stride 3, and at stride 1 with padding 1?

# %%
windows_per_row = None  # your prediction, four numbers such as [1, 2, 3, 4]

# %% tags=["showcase"]
fig, axes = plots.panels(1, 4, width=2.4, height=3.0)
for ax, (stride, padding) in zip(axes, [(1, 0), (2, 0), (3, 0), (1, 1)], strict=True):
    plots.window_grid(ax, (7, 7), kernel_size=3, stride=stride, padding=padding)
plots.show(fig)
answer = [reference.conv_output_size(7, 3, *way) for way in [(1, 0), (2, 0), (3, 0), (1, 1)]]
print("your prediction:", windows_per_row, "  in the figure:", answer)

# %% [markdown]
# *Figure 3. A dot marks the upper left pixel of each window; the first window is framed in blue,
# the last one dashed in orange. Padding is drawn white with dotted lines. No window covers the
# hatched pixels.*
#
# Count it like this. The padded row has `N + 2P` pixels. After the first window there are
# `N + 2P − F` pixels left to travel. Each step takes `S` of them. The number of positions is the
# number of whole steps **plus one**, because the window stands somewhere before its first step:
#
# $$\text{output size} = \left\lfloor \frac{N + 2P - F}{S} \right\rfloor + 1$$
#
# At stride 3 the formula without rounding gives (7 − 3)/3 + 1 = 2.33. The lecture says: it doesn't
# fit. PyTorch rounds down and says nothing; the last row and column are simply never looked at.
# Both are right, so we keep two questions apart: *how large is the output* (rounded down), and
# *does it fit exactly*.
#
# If your notebook is running, set the three numbers yourself. At stride 3, which padding leaves no
# pixel hatched? And with a kernel of 4 at stride 2? (The answers stand below the picture.)


# %% tags=["showcase", "nbval-ignore-output"]
def draw(kernel_size=3, stride=3, padding=0):
    fig, (ax,) = plots.panels(width=3.8, height=4.2)
    plots.window_grid(ax, (7, 7), kernel_size, stride, padding)
    return fig


plots.sliders(draw, kernel_size=range(1, 8), stride=range(1, 5), padding=range(4))

# %% [markdown]
# At stride 3 a padding of 1 makes it fit: 9 − 3 = 6 pixels to travel, two whole steps. With a kernel
# of 4 at stride 2 no padding does: 7 + 2P − 4 is odd, whatever `P` is.
#
# **Worked example from the lecture.** The first layer of AlexNet-96 (the network of the 2012 paper,
# whose first layer has 96 filters), as the slides draw it: 227 pixels, kernel 11, stride 4, no
# padding. 227 − 11 = 216 pixels to travel, 216/4 = 54 steps, 55 positions. It fits exactly.
#
# **Dilation** spreads a kernel out: with dilation `D`, neighbouring weights lie `D` pixels apart,
# so that `F` of them reach over `D·(F − 1) + 1` pixels: 3 weights at dilation 2 reach over 5. Put
# that in place of `F`.

# %% [markdown]
# **Your turn** · difficulty ●○○ · 12 minutes · 3 points
#
# Write both functions. You will find `pair` useful here and in every later exercise.


# %%
def pair(value):
    """`value` as (rows, columns); an int stands for both."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


pair(3), pair((1, 2))


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv_output_size-answer", "locked": false, "schema_version": 3, "solution": true}
def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    """How many windows there are along each direction, rounded down.

    All arguments: an int, or a pair (rows, columns).
    Returns an int if all arguments are ints, otherwise a pair of ints.
    Raises ValueError if the kernel, dilated, is larger than the padded input in some direction.
    """
    ### BEGIN SOLUTION
    arguments = (size, kernel_size, stride, padding, dilation)
    if any(isinstance(argument, tuple) for argument in arguments):
        rows, columns = zip(*(pair(argument) for argument in arguments), strict=True)
        return conv_output_size(*rows), conv_output_size(*columns)
    reach = dilation * (kernel_size - 1) + 1
    travel = size + 2 * padding - reach
    if travel < 0:
        raise ValueError(f"a kernel over {reach} pixels does not fit on {size + 2 * padding}")
    return travel // stride + 1
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# First write the case of five ints. A pair is then the same thing done twice: once with all the
# row numbers, once with all the column numbers.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `//` divides and rounds down, and gives an `int`. When is the number that you divide negative?
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "conv_output_size", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.conv_output_size(conv_output_size)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# Now the second question: does the last window end where the padded image ends, or is something
# left over?


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "fits_exactly-answer", "locked": false, "schema_version": 3, "solution": true}
def fits_exactly(size, kernel_size, stride=1, padding=0, dilation=1):
    """Whether the last window ends exactly where the padded input ends, in both directions.

    All arguments: an int, or a pair (rows, columns).
    Returns True or False. Raises ValueError if the kernel is larger than the padded input.
    """
    ### BEGIN SOLUTION
    conv_output_size(size, kernel_size, stride, padding, dilation)  # raises if it is too large
    arguments = (size, kernel_size, stride, padding, dilation)
    for n, f, s, p, d in zip(*(pair(argument) for argument in arguments), strict=True):
        travel = n + 2 * p - (d * (f - 1) + 1)
        if travel % s != 0:
            return False
    return True
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "fits_exactly", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.fits_exactly(fits_exactly)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### "Whatever fits"
#
# The lecture lists common settings. For `F = 5, S = 2` the padding is given as "whatever fits".
#
# **Predict.** For an image of 32 pixels, which padding makes a kernel of 5 at stride 2 fit exactly?

# %%
padding_that_fits = None  # your prediction

# %% tags=["showcase"]
print("your prediction:", padding_that_fits)
header = ["image size", *(f"P = {padding}" for padding in range(5))]
rows = [
    [size, *("fits" if fits_exactly(size, 5, 2, padding) else "–" for padding in range(5))]
    for size in range(29, 35)
]
plots.table(header, rows)

# %% [markdown]
# *Table 1. Does a kernel of 5 at stride 2 fit exactly? Computed with your `fits_exactly`.*
#
# It was a trick question. For an even `N` the distance to travel, `N + 2P − 5`, is odd whatever
# `P` is: **no** padding fits. For an odd `N` **every** padding fits. Image sizes are mostly even,
# so in practice one either takes `P = 2` and lets the size be rounded down (32 becomes 16), or
# pads by 1 on one side and 2 on the other. Then 32 + 3 − 5 = 30 pixels are travelled in 15 steps,
# and it fits: again 16.

# %% [markdown]
# ## 3. The forward pass
#
# A layer has several filters. Each of them reads all input channels and writes one activation map;
# the maps, stacked, are the output. So the layer's weights have four axes.

# %% tags=["showcase"]
fig, (ax,) = plots.panels(width=9, height=5.6)
plots.volumes(ax)
plots.show(fig)

# %% [markdown]
# *Figure 4. Six filters make six maps. A filter is as deep as the image it reads.*
#
# **Predict.** A batch of 8 colour images of 32 × 32 goes through six 5 × 5 filters, stride 1, no
# padding. What is the shape of the weights? Of the output? How many input values enter one output
# value?

# %%
weight_shape, out_shape, inputs_per_output = None, None, None  # your predictions

# %%
layer = torch.nn.Conv2d(in_channels=3, out_channels=6, kernel_size=5)
out = layer(torch.zeros(8, 3, 32, 32))
print("your predictions:", weight_shape, out_shape, inputs_per_output)
print("weights:", tuple(layer.weight.shape), "  bias:", tuple(layer.bias.shape))
print("output: ", tuple(out.shape), "  inputs per output value:", layer.weight[0].numel())

# %% [markdown]
# **Worked example from the lecture.** One 5 × 5 × 3 filter on a 32 × 32 × 3 image: each output
# value is a dot product of 75 numbers plus a bias, and there are 28 × 28 of them. Six filters give
# 28 × 28 × 6. Ten filters on top of *that* are 5 × 5 × **6** each, and give 24 × 24 × 10.
#
# > **Easy to get wrong.**
# >
# > - *The bias has the shape* `(C_out,)`: one number per filter, not per position, not per channel
# >   of the input. It is added once, after the sum over channels. It may be `None`.
# > - *The window starts at* `row * stride`, not at `row`. With a pair, the first stride belongs to
# >   rows.
# > - *The last window may stop before the edge.* Trust `conv_output_size`.
# > - *Padding is made of zeros* in a larger tensor. It has the dtype and the device of `x`.

# %% [markdown]
# **Your turn** · difficulty ●●○ · 25 minutes · 6 points
#
# Write the whole forward pass with loops. Speed does not matter yet: an obvious solution is the
# best one. Begin with one image, one filter and no padding, and run the check after each extension:
# it tells you which cases differ. You may use `conv_output_size` and `one_output`; PyTorch's own
# convolution is switched off while your function is graded.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv2d_forward-answer", "locked": false, "schema_version": 3, "solution": true}
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    """Convolution of a batch of images with a bank of filters, without flipping the kernel.

    x: (N, C_in, H, W), any floating dtype; weight: (C_out, C_in, kH, kW); bias: (C_out,) or None;
    stride, padding: an int, or a pair (rows, columns).
    Returns (N, C_out, H_out, W_out) with the dtype of x, sizes as `conv_output_size` says.
    """
    ### BEGIN SOLUTION
    out_channels, _, *kernel_size = weight.shape
    stride_h, stride_w = pair(stride)
    out_h, out_w = conv_output_size(tuple(x.shape[2:]), tuple(kernel_size), stride, padding)
    padded = zero_pad(x, padding)
    out = x.new_zeros(len(x), out_channels, out_h, out_w)
    for n in range(len(x)):
        for o in range(out_channels):
            for i in range(out_h):
                for j in range(out_w):
                    rows = slice(i * stride_h, i * stride_h + kernel_size[0])
                    columns = slice(j * stride_w, j * stride_w + kernel_size[1])
                    b = 0 if bias is None else bias[o]
                    out[n, o, i, j] = one_output(padded[n, :, rows, columns], weight[o], b)
    return out


def zero_pad(x, padding):
    """x: (N, C, H, W), surrounded by zeros: `padding` on both sides, int or (rows, columns)."""
    pad_h, pad_w = pair(padding)
    n, channels, height, width = x.shape
    padded = x.new_zeros(n, channels, height + 2 * pad_h, width + 2 * pad_w)
    padded[:, :, pad_h : pad_h + height, pad_w : pad_w + width] = x
    return padded
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: which loops?</summary>
#
# One over the images, one over the filters, one over the rows of the *output*, one over its
# columns. Inside all four stands one call of `one_output`.
# </details>
#
# <details><summary>Hint 2: how do I pad?</summary>
#
# `x.new_zeros(...)` makes a tensor of zeros with the dtype and the device of `x`. Make one of the
# padded size and write `x` into its middle. Padding comes back twice, so a small function of its
# own is worth it.
# </details>
#
# <details><summary>Hint 3: only cases with a pair or a 2 × 3 kernel fail</summary>
#
# Rows and columns are mixed up somewhere. Try it with a 1 × 3 kernel and the stride (2, 1) and print every window that you cut out.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "conv2d_forward", "locked": true, "points": 6, "schema_version": 3, "solution": false}
check.conv2d_forward(conv2d_forward)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### Your layer looks at a photograph
#
# Four filters that somebody made up by hand: two that look for edges, one that blurs, one that
# reacts to spots. They become the weights of *one* layer, and your function does the rest.
#
# **Predict.** The photograph shows a dark pagoda in front of a bright sky. In the map of
# `left − right`: is the response positive, negative or zero in the sky? At the left side of the
# pagoda? At its right side?

# %%
sky, left_side, right_side = None, None, None  # "positive", "negative" or "zero"

# %% tags=["showcase"]
grey = photograph("china", size=96).mean(dim=1, keepdim=True)

filters = {
    "left − right": torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]),
    "top − bottom": torch.tensor([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]]),
    "spot": torch.tensor([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "blur": torch.full((3, 3), 1 / 9),
}
weight_of_four = torch.stack(list(filters.values()))[:, None]
maps = conv2d_forward(grey, weight_of_four, padding=1)[0]

# %% tags=["showcase"]
print("your predictions:", sky, left_side, right_side)
fig, axes = plots.panels(2, 3, width=3.3, height=2.4)
plots.picture(axes[0], grey[0, 0], "the photograph, 96 × 144")
for ax, name, values in zip(axes[1:4], filters, maps, strict=False):
    plots.activation_map(ax, values, name)
plots.picture(axes[4], maps[3], "blur")
axes[5].axis("off")
plots.show(
    fig,
    alt="A pagoda in front of a bright sky; then three maps that are empty but for its outlines and"
    " roofs, in purple and orange; then the photograph again, blurred.",
)

# %% [markdown]
# *Figure 5. One photograph, four activation maps. Purple is positive, orange negative, white zero;
# each coloured map has its own scale. Photograph: danielbuechele, CC BY 2.0, from scikit-learn.*
#
# In the uniform sky, left minus right is zero. On the left side of the pagoda bright lies left of
# dark: positive. On its right side it is the other way round: negative.
#
# Look at the very edge of the first map: a thin purple line on its right side, a thin orange one on
# its left. There is no edge in the photograph. The zeros of the **padding** lie next to a bright
# sky, and the filter cannot know that they mean nothing. You will meet this again in part 7.
#
# Hardly anybody writes such filters by hand any more; a network finds its own. For that it needs gradients.

# %% [markdown]
# ## 4. The backward pass
#
# Behind your layer, somewhere, a loss `L` is computed. In the backward pass, the layer is told
# `grad_out`: for every output value, how much `L` changes per unit of change of that value. The
# layer answers three questions of the same kind:
#
# - `grad_bias`: how much does `L` change with each bias?
# - `grad_weight`: with each weight?
# - `grad_x`: with each input value? (The layer before this one needs that as its `grad_out`.)
#
# One rule gives all three. *Find every output value that the number took part in. Each of them
# contributes its `grad_out` times the factor that the number was multiplied with. Add up.*
#
# ### By hand, on 3 × 3
#
# One image, one channel, one 2 × 2 kernel, bias 0, stride 1, no padding.

# %%
tiny_x = torch.tensor([[1.0, 2, 0], [0, 1, 3], [2, 1, 1]], dtype=torch.float64)
tiny_kernel = torch.tensor([[1.0, -1], [2, 1]], dtype=torch.float64)
tiny_grad = torch.tensor([[1.0, 2], [-1, 3]], dtype=torch.float64)
tiny_out = reference.conv2d(tiny_x[None, None], tiny_kernel[None, None])[0, 0]

fig, axes = plots.panels(1, 4, width=2.0, height=2.5, width_ratios=[3, 2, 2, 2])
grids = {"x": tiny_x, "kernel": tiny_kernel, "out": tiny_out, "grad_out": tiny_grad}
for ax, (title, values) in zip(axes, grids.items(), strict=True):
    plots.number_grid(ax, values, title)
plots.show(fig)

# %% [markdown]
# *Figure 6. The example of this part. For instance, the upper left output is
# 1·1 − 1·2 + 2·0 + 1·1 = 0.*
#
# **Predict.** Which pixel of `x` takes part in the largest number of output values, and in how
# many? Which pixels take part in only one?

# %%
busiest_pixel, its_windows = None, None  # your prediction, such as (0, 1), 2

# %% [markdown]
# Written out, with row and column as indices, the four output values are
#
# | output value | is | with numbers | its `grad_out` |
# |---|---|---|---|
# | out₀₀ | w₀₀·x₀₀ + w₀₁·x₀₁ + w₁₀·x₁₀ + w₁₁·x₁₁ + b | 1·1 − 1·2 + 2·0 + 1·1 = 0 | 1 |
# | out₀₁ | w₀₀·x₀₁ + w₀₁·x₀₂ + w₁₀·x₁₁ + w₁₁·x₁₂ + b | 1·2 − 1·0 + 2·1 + 1·3 = 7 | 2 |
# | out₁₀ | w₀₀·x₁₀ + w₀₁·x₁₁ + w₁₀·x₂₀ + w₁₁·x₂₁ + b | 1·0 − 1·1 + 2·2 + 1·1 = 4 | −1 |
# | out₁₁ | w₀₀·x₁₁ + w₀₁·x₁₂ + w₁₀·x₂₁ + w₁₁·x₂₂ + b | 1·1 − 1·3 + 2·1 + 1·1 = 1 | 3 |
#
# Everything else is read off this table.
#
# **The bias** stands in all four lines, with the factor 1:
# `grad_bias` = 1 + 2 − 1 + 3 = **5**.
#
# **The weights.** The column of w₀₀ shows what it is multiplied with: x₀₀, x₀₁, x₁₀, x₁₁, which
# are 1, 2, 0, 1. So its gradient is 1·1 + 2·2 − 1·0 + 3·1 = **8**. The others, likewise:
#
# | weight | is multiplied with | gradient |
# |---|---|---|
# | w₀₀ | 1, 2, 0, 1 | 1·1 + 2·2 − 1·0 + 3·1 = 8 |
# | w₀₁ | 2, 0, 1, 3 | 1·2 + 2·0 − 1·1 + 3·3 = 10 |
# | w₁₀ | 0, 1, 2, 1 | 1·0 + 2·1 − 1·2 + 3·1 = 3 |
# | w₁₁ | 1, 3, 1, 1 | 1·1 + 2·3 − 1·1 + 3·1 = 9 |
#
# **The input.** The corner x₀₀ occurs in one line only, with the factor w₀₀: its gradient is
# 1·1 = **1**. The centre x₁₁ occurs in *all four* lines, each time with another weight:
# 1·w₁₁ + 2·w₁₀ − 1·w₀₁ + 3·w₀₀ = 1·1 + 2·2 − 1·(−1) + 3·1 = **9**.
#
# It is easier to see the other way round: every output value sends `grad_out` × kernel back to its
# window. Where windows overlap, what arrives is added up.

# %% tags=["showcase"]
ones = torch.ones(1, 1, 2, 2)
windows, _, _ = reference.conv2d_backward(ones, torch.ones(1, 1, 3, 3), ones)
print("your prediction:", busiest_pixel, its_windows)
print("windows that each pixel takes part in:", windows[0, 0].int().tolist())

fig, axes = plots.panels(1, 5, width=2.0, height=2.6)
for step, ax in enumerate(axes[:4]):
    row, column = divmod(step, 2)
    plots.stamp(ax, tiny_kernel, tiny_grad[row, column].item(), row, column, (3, 3))
by_hand = torch.tensor([[1, 1, -2], [1, 9, -1], [-2, 5, 3]])
plots.number_grid(axes[4], by_hand, "their sum:\ngrad_x", "#FAECCC")
plots.show(fig)

# %% [markdown]
# *Figure 7. Four windows send their share back. At the centre all of them overlap:
# 1 + 4 + 1 + 3 = 9.*
#
# Is it true? A gradient claims what happens to the loss if you nudge one number. So nudge the
# centre by 0.1. As the loss, take the simplest one with this `grad_out`: the sum of
# `grad_out * out`.


# %%
def loss(x):
    return (tiny_grad * reference.conv2d(x[None, None], tiny_kernel[None, None])).sum()


nudged = tiny_x.clone()
nudged[1, 1] += 0.1
change = (loss(nudged) - loss(tiny_x)).item()
print(f"the loss changes by {change:.4f}, that is {change / 0.1:.4f} per unit")

# %% [markdown]
# ### Step 1: the bias
#
# **Your turn** · difficulty ●○○ · 5 minutes
#
# Now in general: a batch of images, several maps. Map `o` has one bias, which was added at every
# position of that map, in every image of the batch.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv2d_grad_bias-answer", "locked": false, "schema_version": 3, "solution": true}
def conv2d_grad_bias(grad_out):
    """Gradient with respect to the biases.

    grad_out: (N, C_out, H_out, W_out). Returns (C_out,).
    """
    ### BEGIN SOLUTION
    return grad_out.sum(dim=(0, 2, 3))
    ### END SOLUTION


# %%
def backward_so_far(grad_out, x, weight, stride=1, padding=0):
    return None, None, conv2d_grad_bias(grad_out)


check.conv2d_backward(backward_so_far, part="grad_bias")

# %% [markdown]
# > **Easy to get wrong: sum or mean?** The gradient is a *sum* over the batch. If the loss is a
# > mean over the batch, the division has already happened, in `grad_out`.

# %% [markdown]
# ### Step 2: the weights
#
# **Your turn** · difficulty ●●○ · 15 minutes
#
# The same four loops as in the forward pass. At each position you have one number, a value of
# `grad_out`, and one window of the padded input. Which entries of `grad_weight` do they change,
# and by how much? (In the example: position (0, 1) has the number 2 and the window 2, 0, 1, 3.)


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv2d_grad_weight-answer", "locked": false, "schema_version": 3, "solution": true}
def conv2d_grad_weight(grad_out, x, kernel_size, stride=1, padding=0):
    """Gradient with respect to the weights.

    grad_out: (N, C_out, H_out, W_out); x: (N, C_in, H, W), the input of the forward pass;
    kernel_size: (kH, kW); stride, padding: an int, or a pair (rows, columns).
    Returns (C_out, C_in, kH, kW).
    """
    ### BEGIN SOLUTION
    n_images, out_channels, out_h, out_w = grad_out.shape
    kernel_h, kernel_w = pair(kernel_size)
    stride_h, stride_w = pair(stride)
    padded = zero_pad(x, padding)
    grad_weight = x.new_zeros(out_channels, x.shape[1], kernel_h, kernel_w)
    for n in range(n_images):
        for o in range(out_channels):
            for i in range(out_h):
                for j in range(out_w):
                    rows = slice(i * stride_h, i * stride_h + kernel_h)
                    columns = slice(j * stride_w, j * stride_w + kernel_w)
                    grad_weight[o] += grad_out[n, o, i, j] * padded[n, :, rows, columns]
    return grad_weight
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# One output value is a sum over the whole window, all channels. The derivative of that sum with
# respect to *one* weight is the input value under it; with respect to *all* weights of the filter,
# it is the window itself, which has exactly the filter's shape. Start with zeros, and add.
# </details>

# %%
def backward_so_far(grad_out, x, weight, stride=1, padding=0):
    kernel_size = tuple(weight.shape[2:])
    grad_weight = conv2d_grad_weight(grad_out, x, kernel_size, stride, padding)
    return None, grad_weight, conv2d_grad_bias(grad_out)


check.conv2d_backward(backward_so_far, part="grad_weight")

# %% [markdown]
# ### Step 3: the input
#
# Padding was added around the image; the gradient that reaches the padding belongs to nobody and is
# cut off at the end.
#
# **Predict.** What does `numbers[1:-1]` give for the five numbers 0 to 4? And `numbers[0:-0]`?

# %%
with_padding_1, with_padding_0 = None, None  # your predictions, as lists

# %%
numbers = torch.arange(5)
print("your predictions:", with_padding_1, with_padding_0)
print("numbers[1:-1] =", numbers[1:-1].tolist(), "  numbers[0:-0] =", numbers[0:-0].tolist())

# %% [markdown]
# > **Easy to get wrong: `[padding:-padding]` is empty when the padding is 0**, because `-0` is `0`.
# > In a sample of 49 public solutions of such an exercise, which we ran for this course, 21 fail at
# > padding 0. Say where the image *ends* instead: it starts at `padding` and is `H` rows long.
#
# **Predict.** Some pixels take part in more windows than others, and `grad_x` adds up what all of
# them send. Of a 7 × 7 image under a 3 × 3 kernel at stride 3, without padding: which pixels get
# no gradient at all? And at stride 1: in how many windows is a corner, in how many the centre?

# %%
pixels_without_gradient = None  # in words, such as "the diagonal"
corner_windows, centre_windows = None, None

# %% tags=["showcase"]
print("your predictions:", pixels_without_gradient, corner_windows, centre_windows)
fig, axes = plots.panels(1, 3, height=2.8)
for ax, stride in zip(axes, (1, 2, 3), strict=True):
    ones = torch.ones(1, 1, 7, 7), torch.ones(1, 1, 3, 3)
    out_size = reference.conv_output_size((7, 7), 3, stride)
    windows, _, _ = reference.conv2d_backward(torch.ones(1, 1, *out_size), *ones, stride)
    plots.heat_grid(ax, windows[0, 0], f"stride {stride}")
plots.show(fig, alt="In how many windows each pixel takes part.")

# %% [markdown]
# *Figure 8. In how many windows each pixel of a 7 × 7 image takes part, with a 3 × 3 kernel and no
# padding.*
#
# That picture is itself a backward pass: with all weights and all of `grad_out` equal to 1, every
# window sends back ones, and `grad_x` counts windows. At stride 2, neighbouring windows share one
# row or one column, so a pixel lies in 1, 2 or 4 of them. At stride 3, the last row and the last
# column get nothing: the output does not depend on them.
#
# > **Easy to get wrong: `=` where `+=` is needed.** Windows overlap. If one window's share
# > *replaces* what others have sent, a test without overlap does not notice. The check below has overlaps.
#
# **Your turn** · difficulty ●●● · 15 minutes


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv2d_grad_x-answer", "locked": false, "schema_version": 3, "solution": true}
def conv2d_grad_x(grad_out, weight, size, stride=1, padding=0):
    """Gradient with respect to the input.

    grad_out: (N, C_out, H_out, W_out); weight: (C_out, C_in, kH, kW);
    size: (H, W) of the input, without padding; stride, padding: an int, or a pair (rows, columns).
    Returns (N, C_in, H, W).
    """
    ### BEGIN SOLUTION
    n_images, out_channels, out_h, out_w = grad_out.shape
    _, in_channels, kernel_h, kernel_w = weight.shape
    (height, width), (stride_h, stride_w), (pad_h, pad_w) = size, pair(stride), pair(padding)
    shape = (n_images, in_channels, height + 2 * pad_h, width + 2 * pad_w)
    grad_padded = grad_out.new_zeros(shape)
    for n in range(n_images):
        for o in range(out_channels):
            for i in range(out_h):
                for j in range(out_w):
                    rows = slice(i * stride_h, i * stride_h + kernel_h)
                    columns = slice(j * stride_w, j * stride_w + kernel_w)
                    grad_padded[n, :, rows, columns] += grad_out[n, o, i, j] * weight[o]
    return grad_padded[:, :, pad_h : pad_h + height, pad_w : pad_w + width]
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Compare with step 2. There, the number times the *window* was added to the *filter*. Here the
# number times the *filter* is added to the *window*: see Figure 7.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Collect the gradient in a tensor of the *padded* size, at the same places at which the forward
# pass cut out its windows. At the very end, cut the padding off.
# </details>

# %%
def backward_so_far(grad_out, x, weight, stride=1, padding=0):
    return conv2d_grad_x(grad_out, weight, tuple(x.shape[2:]), stride, padding), None, None


check.conv2d_backward(backward_so_far, part="grad_x")

# %% [markdown]
# ### Put together
#
# **Your turn** · difficulty ●○○ · 5 minutes · 8 points for the three steps together
#
# Each gradient counts by itself. If a step is missing, put `None` in its place and do not call the
# function that you have not written.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv2d_backward-answer", "locked": false, "schema_version": 3, "solution": true}
def conv2d_backward(grad_out, x, weight, stride=1, padding=0):
    """All gradients of `conv2d_forward(x, weight, bias, stride, padding)`, without autograd.

    grad_out: (N, C_out, H_out, W_out); x: (N, C_in, H, W); weight: (C_out, C_in, kH, kW);
    stride, padding: an int, or a pair (rows, columns).
    Returns (grad_x, grad_weight, grad_bias), with the shapes of x, of weight, and (C_out,).
    A part that is not done yet may be None.
    """
    ### BEGIN SOLUTION
    grad_x = conv2d_grad_x(grad_out, weight, tuple(x.shape[2:]), stride, padding)
    grad_weight = conv2d_grad_weight(grad_out, x, tuple(weight.shape[2:]), stride, padding)
    return grad_x, grad_weight, conv2d_grad_bias(grad_out)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "conv2d_backward", "locked": true, "points": 8, "schema_version": 3, "solution": false}
check.conv2d_backward(conv2d_backward)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### Your layer learns a filter
#
# You have a forward and a backward pass, so you can learn. Take an image of noise and the output
# that the `left − right` filter makes of it. Then hide the filter, start from random weights, and
# walk downhill: only `conv2d_forward` and `conv2d_backward` are used.
#
# **Hypothesis.** Gradient descent finds the hidden filter again, from a random start. Between the
# runs only the seed changes, and with it the noise and the start.


# %%
def learn(seed, hidden, steps=12, rate=0.3):
    """Learn a 3x3 filter from the output of a hidden one; returns it and the loss at each step."""
    seed_everything(seed)
    x = torch.randn(1, 1, 14, 14, dtype=torch.float64)
    weight = torch.randn(1, 1, 3, 3, dtype=torch.float64)
    target, losses = reference.conv2d(x, hidden), []
    for _ in range(steps):
        error = conv2d_forward(x, weight) - target
        losses.append((error**2).mean().item())
        grad_out = 2 * error / error.numel()  # the derivative of the mean of error**2
        _, grad_weight, _ = conv2d_backward(grad_out, x, weight)
        weight = weight - rate * grad_weight
    return weight, losses


# %% tags=["showcase"]
hidden = filters["left − right"][None, None].double()
runs = [learn(seed, hidden) for seed in range(3)]

fig, axes = plots.panels(1, 3, width=3.0, width_ratios=[1.7, 1, 1])
lines = [(f"seed {seed}", losses) for seed, (_, losses) in enumerate(runs)]
plots.curves(axes[0], lines, "the loss goes down", "step", "mean squared error")
axes[0].set_yscale("log")
plots.number_grid(axes[1], hidden[0, 0], "hidden filter")
plots.number_grid(axes[2], runs[0][0][0, 0].round(decimals=1), "learned, seed 0")
plots.show(fig)
for seed, (learned, _) in enumerate(runs):
    close = bool((learned - hidden).abs().max() < 0.1)
    print(f"seed {seed}: every weight within 0.1 of the hidden one: {close}")

# %% [markdown]
# *Figure 9. Twelve steps of gradient descent with your backward pass, from three random starts; the
# learned filter is rounded to one decimal.*
#
# It worked three times out of three, and this is what training a network is. But note what made it
# easy: one linear layer, a loss with a single valley, an answer that exists, and noise, in which
# all filters are equally easy to tell apart. It says nothing about how well deep networks train.
# Later notebooks do.

# %% [markdown]
# ## 5. im2col
#
# Your loops are right, and slow. Fast libraries use an old trick: write every window as a
# **column** of one large matrix (*image to columns*), write every filter as a **row**, and let one
# matrix product do all sums at once. Computers are very good at matrix products.

# %% tags=["showcase"]
columns = reference.im2col(tiny_x[None, None], 2)[0]
filter_row = tiny_kernel.reshape(1, -1)
fig, axes = plots.panels(1, 4, width=2.5, height=3.0, width_ratios=[3.5, 4, 4, 4])
plots.window_columns(axes[:2], tiny_x, columns, 2)
plots.number_grid(axes[2], filter_row, "the filter as a row")
plots.number_grid(axes[3], filter_row @ columns, "row × matrix = output")
plots.show(fig)

# %% [markdown]
# *Figure 10. The example of part 4 again. Read the product 0 7 4 1 in rows of two, and you have the
# output of Figure 6.*
#
# **Worked example.** The first window, at (0, 0), holds 1 2 in its upper and 0 1 in its lower row:
# the first column. The windows are taken row by row, so the second column is the window at (0, 1);
# counted from 0, column `k` is the window at row `k // W_out`, column `k % W_out`.
# With more channels, the second channel's numbers follow below those of the first, in the same
# column.
#
# **Predict.** A 3 × 32 × 32 image, 5 × 5 windows, stride 1, no padding. What is the shape of the
# matrix? About how many times more numbers does it hold than the image?

# %%
matrix_shape, times_more = None, None  # your predictions, such as (10, 100), 3

# %%
columns = reference.im2col(torch.zeros(1, 3, 32, 32), 5)
print("your predictions:", matrix_shape, times_more)
print(f"matrix: {tuple(columns.shape[1:])}, {columns.numel() / (3 * 32 * 32):.1f} times the image")

# %% [markdown]
# Speed is paid for with memory: every pixel is stored once for each window that it takes part in.
#
# **Your turn** · difficulty ●●○ · 12 minutes · 3 points
#
# > **Easy to get wrong.** Columns, not rows: windows come last, `(N, C*kH*kW, L)`. Within a column
# > the channel varies slowest: it is the order in which `window.reshape(-1)` reads a window of
# > shape `(C, kH, kW)`.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "im2col-answer", "locked": false, "schema_version": 3, "solution": true}
def im2col(x, kernel_size, stride=1, padding=0):
    """Every window of x as a column.

    x: (N, C, H, W); kernel_size, stride, padding: an int, or a pair (rows, columns).
    Returns (N, C*kH*kW, L) with L = H_out * W_out: the windows row by row; within a column, the
    channel varies slowest, then the row in the window, then the column in the window.
    """
    ### BEGIN SOLUTION
    kernel_h, kernel_w = pair(kernel_size)
    stride_h, stride_w = pair(stride)
    out_h, out_w = conv_output_size(tuple(x.shape[2:]), pair(kernel_size), stride, padding)
    padded = zero_pad(x, padding)
    columns = []
    for i in range(out_h):
        for j in range(out_w):
            top, left = i * stride_h, j * stride_w
            window = padded[:, :, top : top + kernel_h, left : left + kernel_w]
            columns.append(window.reshape(len(x), -1))
    return torch.stack(columns, dim=2)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two loops are enough: over the rows and the columns of the output. Cut out one window for *all*
# images at once.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Make each piece flat except for the first axis, collect the pieces in a list, and use
# `torch.stack` with a suitable `dim`.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "im2col", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.im2col(im2col)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# **Your turn** · difficulty ●●○ · 8 minutes · 2 points
#
# Now the convolution itself: `im2col`, one matrix product, the bias, and the right shape.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv2d_im2col-answer", "locked": false, "schema_version": 3, "solution": true}
def conv2d_im2col(x, weight, bias=None, stride=1, padding=0):
    """The same as `conv2d_forward`, by one matrix product.

    x: (N, C_in, H, W); weight: (C_out, C_in, kH, kW); bias: (C_out,) or None;
    stride, padding: an int, or a pair (rows, columns).
    Returns (N, C_out, H_out, W_out).
    """
    ### BEGIN SOLUTION
    kernel_size = tuple(weight.shape[2:])
    columns = im2col(x, kernel_size, stride, padding)
    out = weight.reshape(len(weight), -1) @ columns
    if bias is not None:
        out = out + bias[:, None]
    out_h, out_w = conv_output_size(tuple(x.shape[2:]), kernel_size, stride, padding)
    return out.reshape(len(x), len(weight), out_h, out_w)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `weight.reshape(len(weight), -1)` has one filter per row. `@` multiplies it with the matrix of
# every image at once and gives `(N, C_out, L)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# One bias belongs to one row of that product: `bias[:, None]` lies along the right axis.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "conv2d_im2col", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.conv2d_im2col(conv2d_im2col)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### How much faster?
#
# The same layer, computed in three ways: with your loops, with your `conv2d_im2col`, and with
# PyTorch's own convolution, on a GPU if there is one.
#
# **Predict.** By what factor is `im2col` faster than the loops: 5, 50, or 500?

# %%
speed_up = None  # your prediction

# %% tags=["showcase", "nbval-ignore-output"]
seed_everything(0)
images = torch.randn(2, 8, 16, 16)
bank, biases = torch.randn(16, 8, 3, 3), torch.randn(16)
device = pick_device()
there = [tensor.to(device) for tensor in (images, bank, biases)]

slow = seconds(lambda: conv2d_forward(images, bank, biases, padding=1), repeats=1)
product = seconds(lambda: conv2d_im2col(images, bank, biases, padding=1), repeats=20)
fast = seconds(lambda: reference.conv2d(*there, padding=1), repeats=100)
print("your prediction:", speed_up)
plots.table(
    ["way", "milliseconds", "times faster than the loops"],
    [
        ["four loops", f"{1000 * slow:.1f}", "1"],
        ["im2col and one product", f"{1000 * product:.2f}", f"{slow / product:,.0f}"],
        [f"PyTorch, on {device.type}", f"{1000 * fast:.3f}", f"{slow / fast:,.0f}"],
    ],
)

# %% [markdown]
# *Table 2. Measured where this notebook ran last; your numbers differ, their order hardly does.*
#
# All three do the same multiplications. The loops spend their time on everything around them:
# Python handles one window after the other. `im2col` leaves the arithmetic to one call. PyTorch
# goes further; it need not even build the matrix.

# %% [markdown]
# ## 6. What a layer costs
#
# Four numbers describe a layer on paper. For `C_out` filters of `C_in × kH × kW` and an output of
# `H_out × W_out`:
#
# - the **output** has `C_out × H_out × W_out` values;
# - the **parameters** are the weights, `C_out · C_in · kH · kW`, and one bias per filter;
# - a **MAC** (multiply-accumulate) is one multiplication with its addition: every output value
#   needs `C_in · kH · kW` of them, whether or not there is a bias;
# - the **memory** is that of the output values: 4 bytes each as float32, in KiB of 1024 bytes.
#
# With `groups = g`, the channels are split into `g` separate blocks, so that each filter reads
# `C_in / g` channels only. (More about that in part 9.)

# %% [markdown]
# **Predict.** A layer of 3 × 3 filters, stride 1, padding 1, is given an image twice as high and
# twice as wide as before. By what factor do its parameters grow, its MACs, its memory?

# %%
params_factor, macs_factor, memory_factor = None, None, None  # your predictions

# %%
small = counting.conv_cost(16, 16, 3, size=28, padding=1)
large = counting.conv_cost(16, 16, 3, size=56, padding=1)
print("your predictions:", params_factor, macs_factor, memory_factor)
print("parameters x", large.params / small.params)
print("MACs       x", large.macs / small.macs)
print("memory     x", large.kib / small.kib)

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *MAC or FLOP?* One MAC is **two** floating-point operations. Slides often print MACs and call
# >   them "flop". Here, MACs are called MACs, and FLOPs = 2 × MACs.
# > - *The bias is forgotten*, or counted once per position. It is one parameter per filter.
# > - *The parameters do not depend on the image size.* The MACs and the memory do.
#
# **Worked example from the lecture.** The first layer of AlexNet-64 (the variant in torchvision), as
# the slides have it: 64 filters of 11 × 11, stride 4, padding 2, on 3 × 227 × 227. (torchvision's
# usual 224 pixels give 55 instead of 56.)
#
# | number | how | result |
# |---|---|---|
# | output | ⌊(227 + 4 − 11)/4⌋ + 1 = 56 | 64 × 56 × 56 = 200,704 values |
# | parameters | 64 · (3 · 11 · 11) + 64 | 23,296 |
# | MACs | 200,704 · (3 · 11 · 11) | 72,855,552 |
# | memory | 200,704 · 4 / 1024 | 784 KiB |

# %% [markdown]
# Where does the cost sit in a real network? Three layers of VGG-16, an early, a middle and a late
# one:

# %% tags=["showcase"]
layers = {
    "early\n3→64\n224²": counting.conv_cost(3, 64, 3, 224, padding=1),
    "middle\n256→256\n56²": counting.conv_cost(256, 256, 3, 56, padding=1),
    "late\n512→512\n14²": counting.conv_cost(512, 512, 3, 14, padding=1),
}
fig, axes = plots.panels(1, 3, width=3.1, height=3.1)
costs = layers.values()
plots.bars(axes[0], [c.params / 1e3 for c in costs], list(layers), "parameters", "thousands")
plots.bars(axes[1], [c.macs / 1e6 for c in costs], list(layers), "arithmetic", "million MACs")
plots.bars(axes[2], [c.kib for c in costs], list(layers), "memory of the output", "KiB")
plots.show(fig)

# %% [markdown]
# *Figure 11. Channels in → out, and the size of the image, stand below each bar. Memory is needed
# early, parameters late, and of these three the layer in between does most of the arithmetic.*
#
# **Your turn** · difficulty ●●○ · 10 minutes · 3 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv_cost-answer", "locked": false, "schema_version": 3, "solution": true}
def conv_cost(
    in_channels, out_channels, kernel_size, size, stride=1, padding=0, groups=1, bias=True
):
    """What a convolution layer costs for one image.

    kernel_size, size (of the input), stride, padding: an int, or a pair (rows, columns);
    groups: divides both channel numbers; bias: True or False.
    Returns LayerCost(out_shape=(C, H, W), params=..., macs=..., kib=...): ints, but kib a float.
    """
    ### BEGIN SOLUTION
    kernel_h, kernel_w = pair(kernel_size)
    out_h, out_w = conv_output_size(pair(size), pair(kernel_size), stride, padding)
    weights_per_filter = in_channels // groups * kernel_h * kernel_w
    values = out_channels * out_h * out_w
    return LayerCost(
        out_shape=(out_channels, out_h, out_w),
        params=out_channels * (weights_per_filter + (1 if bias else 0)),
        macs=values * weights_per_filter,
        kib=values * 4 / 1024,
    )
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# `conv_output_size(pair(size), …)` gives a pair, whatever it is given.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "conv_cost", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.conv_cost(conv_cost)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### Numbers of the lecture
#
# **Your turn** · difficulty ●○○ · 8 minutes · 2 points
#
# Fill in the numbers, by hand or with your functions; all of them with bias.
#
# - The first five: a 3 × 32 × 32 image goes through **ten 5 × 5 filters, stride 1, padding 2**.
#   `params_per_filter` is what one of the ten filters contributes.
# - The next two: a 64 × 56 × 56 input goes through **32 filters of 1 × 1**.
# - The last: each 5 × 5 layer *without* padding shrinks the image: 32 → 28 → 24 → … How many such
#   layers can be stacked on a 32 × 32 image before the next one no longer fits?
#
# The check says only whether all answers are there; whether they are right is judged when you hand
# in. Replace each `...`, and delete the two lines below the dict.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "layer_numbers-answer", "locked": false, "schema_version": 3, "solution": true}
layer_numbers = {
    "output_shape": ...,  # (C, H, W)
    "params": ...,
    "macs": ...,
    "kib": ...,
    "params_per_filter": ...,
    "pointwise_params": ...,
    "pointwise_macs": ...,
    "valid_5x5_layers": ...,
}
### BEGIN SOLUTION
ten_filters = conv_cost(3, 10, 5, 32, padding=2)
pointwise = conv_cost(64, 32, 1, 56)
size, stacked = 32, 0
while size >= 5:
    size, stacked = conv_output_size(size, 5), stacked + 1
layer_numbers = {
    "output_shape": ten_filters.out_shape,
    "params": ten_filters.params,
    "macs": ten_filters.macs,
    "kib": ten_filters.kib,
    "params_per_filter": ten_filters.params // 10,
    "pointwise_params": pointwise.params,
    "pointwise_macs": pointwise.macs,
    "valid_5x5_layers": stacked,
}
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "layer_numbers", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.layer_numbers(layer_numbers)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ## 7. Does the output move along?
#
# The same filter is used everywhere. So if something moves in the image, its trace should move in
# the output. Let us test that instead of believing it.
#
# **Hypothesis.** Move the image by `d` pixels, and the output of a layer with stride 2 moves by
# `d / 2`, without changing otherwise.
#
# **Experiment.** Cut two pieces of 64 × 64 out of a photograph, the second one `d` columns further
# right, so that everything in it lies `d` columns further left. Send both through the same layer:
# 8 random 5 × 5 filters, stride 2, padding 2. Compare column `j` of the second output with column
# `j + displacement` of the first, and measure the largest difference in each column, relative to
# the largest output. Only `d` changes: 2 or 1. Half a column is no
# displacement, so for `d = 1` we try 0 columns and 1. Three seeds for the filters.
#
# **Predict.** Where will the two outputs differ for `d = 2`: nowhere, everywhere, or somewhere? And
# for `d = 1`?

# %%
differ_for_2, differ_for_1 = None, None  # "nowhere", "everywhere", or where


# %%
def column_differences(d, displacement, seed):
    """Largest difference in each output column between two views, relative; in float64."""
    seed_everything(seed)
    weight = torch.randn(8, 3, 5, 5, dtype=torch.float64)
    photo = photograph("flower", size=120).double()[:, :, 30:94]
    first = reference.conv2d(photo[..., 40:104], weight, stride=2, padding=2)
    second = reference.conv2d(photo[..., 40 + d : 104 + d], weight, stride=2, padding=2)
    overlap = first.shape[3] - displacement
    difference = (second[..., :overlap] - first[..., displacement:]).abs()
    return difference.amax(dim=(0, 1, 2)) / first.abs().max()


# %% tags=["showcase"]
print("your predictions:", differ_for_2, differ_for_1)
trials = {"moved by 2, displaced by 1": (2, 1), "moved by 1, displaced by 0": (1, 0),
          "moved by 1, displaced by 1": (1, 1)}  # fmt: skip
fig, axes = plots.panels(1, 3, width=3.4, height=2.8, sharey=True)
for ax, (title, trial) in zip(axes, trials.items(), strict=True):
    lines = [(f"seed {seed}", column_differences(*trial, seed).tolist()) for seed in range(3)]
    plots.curves(ax, lines, title, "output column", "relative difference")
plots.show(
    fig,
    alt="Left: zero everywhere but in the first and the last column. Middle and right: never zero.",
)

# %% tags=["showcase"]
results = []
for title, trial in trials.items():
    for seed in range(3):
        columns = column_differences(*trial, seed)
        inside, border = columns[1:-1], columns[[0, -1]]
        numbers = inside.min(), inside.max(), border.max()
        results.append([title, seed, *(f"{number:.3f}" for number in numbers)])
plots.table(["trial", "seed", "interior, least", "interior, most", "border, most"], results)

# %% [markdown]
# *Figure 12 and Table 3. Largest difference in each column between the two outputs, displaced; "border" are the first and the last column. 0 means that the output moved along exactly.*
#
# The hypothesis needs two footnotes. Moved by the stride, the output moves along **exactly**, but
# only in the interior. In the first and the last column the window reaches into the padding, and
# sees zeros where the other view sees photograph. Moved by one pixel, half a stride, the outputs
# agree in no column, whichever way they are displaced: the windows now start between the places
# where they started before. Moves by 4, 6, … are like the move by 2; a move by 3 is like that by 1.
# (The top and bottom rows touch the padding too, but in the same way in both views.)
#
# The property is called **translation equivariance**. What was shown: one layer, one photograph,
# sideways moves by whole pixels. What was not: anything about deep networks, or about what a
# network concludes from such outputs.

# %% [markdown]
# ### In your own words (2 points)
#
# In three to five sentences: for which moves of the image does the output of this layer move along,
# and at which places does it not? Explain both by how the window moves. Then name one conclusion
# that the experiment does *not* support.

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_shift", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (2 points).** At stride 2 the windows start at every second pixel. If the image
# moves by 2, or by any multiple of 2, every window finds what a neighbouring window saw before, so
# the output is the same, displaced by one column for each 2 pixels. If it moves by 1, the windows
# cut the image differently and all outputs are new numbers. In the first and the last column the
# window reaches into the padding: there, one view has zeros and the other real pixels. The
# experiment does not show that a network would recognise a moved object equally well: it looked at
# one layer, and not at any decision.
#
# **Rubric.** 1 point: moves by multiples of the stride, with the reason (windows start at multiples
# of the stride). ½ point: differences at the border, because of the padding. ½ point: a conclusion
# that really goes beyond the experiment (whole networks, classification, rotation, other layers).
# The words matter less than the reasons; "equivariance" need not be mentioned.
#
# **Half marks (1 point).** "When the image is moved by 2, the output moves by 1, but not when it is
# moved by 1. At the border it is wrong." This names both facts and explains neither, and draws no
# limit: ½ + ½ + 0.
# ### END SOLUTION

# %% [markdown]
# ### In your own words (1 point)
#
# A profiler says that a layer takes twice as many FLOPs as your `conv_cost` counts MACs. A colleague
# concludes that the library wastes half of its work. What do you answer, in one or two sentences?

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_flops", "locked": false, "points": 1, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (1 point).** Nothing is wasted: a MAC is one multiplication and one addition, so the
# same work is counted as two FLOPs. The two counts agree, they have different units.
#
# **Rubric.** 1 point: a MAC contains two operations, so the factor two is a matter of units.
#
# **Half marks (½ point).** "They use different conventions." True, but it does not say which.
# ### END SOLUTION

# %% [markdown]
# ## 8. Slide check
#
# Here are the numbers about convolution that the lectures print, computed before your eyes. First
# the ones that you can trust as they stand.

# %% tags=["showcase"]
size, cost = reference.conv_output_size, counting.conv_cost
six, ten = cost(3, 6, 5, 32), cost(6, 10, 5, 28)
padded = cost(3, 10, 5, 32, padding=2)
first = cost(3, 64, 11, 227, stride=4, padding=2)
shrinking = [32]
while shrinking[-1] >= 5:
    shrinking.append(size(shrinking[-1], 5))


def by_width(cost):
    channels, height, width = cost.out_shape
    return f"{height}x{width}x{channels}"


# %% tags=["showcase"]
agree = [
    ["six 5x5 filters on 32x32x3", "28x28x6", by_width(six)],
    ["then ten 5x5x6 filters", "24x24x10", by_width(ten)],
    ["dot product of one 5x5x3 filter", "75", cost(3, 1, 5, 5, bias=False).params],
    ["7x7, 3x3, stride 1 and stride 2", "5 and 3", f"{size(7, 3)} and {size(7, 3, 2)}"],
    ["7x7, 3x3, padding 1", "7", size(7, 3, padding=1)],
    ["padding that keeps the size, F = 3, 5, 7", "1, 2, 3",
     ", ".join(str(reference.same_padding(f)) for f in (3, 5, 7))],
    ["32x32x3, ten 5x5 filters, padding 2", "32x32x10", by_width(padded)],
    ["its parameters, per filter and in all", "76 and 760",
     f"{padded.params // 10} and {padded.params}"],
    ["32 filters of 1x1 on 56x56x64", "56x56x32", by_width(cost(64, 32, 1, 56))],
    ["F = 3, 5, 1 with padding 1, 2, 0 on 56 pixels", "56",
     ", ".join(str(size(56, f, padding=p)) for f, p in ((3, 1), (5, 2), (1, 0)))],
    ["neurons of five 5x5 filters on 32x32", "28x28x5", by_width(cost(3, 5, 5, 32))],
    ["5x5 layers shrink the image", "32 → 28 → 24 …", " → ".join(map(str, shrinking))],
    ["AlexNet-64's first layer, output", "64 x 56", " x ".join(map(str, first.out_shape[:2]))],
    ["its memory, parameters", "784 KB, 23,296", f"{first.kib:.0f} KiB, {first.params:,}"],
]  # fmt: skip
plots.table(["claim", "the slides say", "computed here"], agree)

# %% [markdown]
# *Table 4. These agree.*
#
# The others are not so much wrong as in need of a footnote:

# %% tags=["showcase"]
from torch.utils.flop_counter import FlopCounterMode

conv1_of_64 = torch.nn.Conv2d(3, 64, 11, stride=4, padding=2, device="meta")
with FlopCounterMode(display=False) as counter:
    conv1_of_64(torch.empty(1, 3, 227, 227, device="meta"))
print("PyTorch's own counter:", f"{counter.get_total_flops():,}", "FLOPs")

# %% tags=["showcase"]
paddings = [p for p in range(10) if reference.fits_exactly(32, 5, 2, p)]
grouped, whole = (cost(96, 256, 5, 27, padding=2, groups=g).params for g in (2, 1))
flipped = np.convolve(signal, filter_1d[::-1], mode="valid")
same = bool((np.correlate(signal, filter_1d, mode="valid") == flipped).all())
conv1 = [cost(3, 96, 11, 227, stride=4, bias=bias).params for bias in (False, True)]
footnotes = [
    ["7x7, 3x3, stride 3", "2.33, doesn't fit",
     f"fits exactly: {reference.fits_exactly(7, 3, 3)}; PyTorch rounds down to {size(7, 3, 3)}"],
    ["F = 5, S = 2", "padding: whatever fits",
     f"for 32 pixels, paddings 0 to 9 that fit: {len(paddings)}; P = 2 rounds to"
     f" {size(32, 5, 2, 2)}; 1 + 2 fits: {size(32 + 3, 5, 2)}"],
    ["multiply + add of AlexNet-64's first layer", "73M flop",
     f"{first.macs:,} MACs, that is {2 * first.macs:,} FLOPs"],
    ["convolution", "as of two signals",
     f"cross-correlation; the same once the kernel is flipped: {same}"],
    ["parameters of AlexNet-96's first layer", "35K", f"{conv1[0]:,}, and {conv1[1]:,} with bias"],
    ["filters extend the full depth", "always",
     f"not with groups: AlexNet-96's conv2 has {grouped:,} parameters with 2, {whole:,} with 1"],
]  # fmt: skip
plots.table(["claim", "the slides say", "computed here"], footnotes)

# %% [markdown]
# *Table 5. These are right once one says what is meant: rounded or not, MACs or FLOPs, with bias or
# without.*
#
# None of this is a reproach. A slide has no room for footnotes; you now have them.

# %% [markdown]
# All that the lectures claim about convolution stands in one table, `helpers.claims`. What of it can be
# computed is computed by the course's own code. Once more, all at once:

# %% tags=["showcase"]
from helpers import claims

print(claims.summary("conv"))

# %% [markdown]
# `claims.show("conv")` lists them, and with `verdicts=["wrong", "conflicting"]` those that do not
# hold.
#
# ## 9. Going further
#
# Four optional exercises, without points, in any order.
#
# ### Padding that keeps the size
#
# **Optional** · difficulty ●○○ · 5 minutes
#
# **Predict.** At stride 1, which padding keeps a size of 32 under a 7 × 7 kernel? Under a 4 × 4
# kernel?

# %%
for_7x7, for_4x4 = None, None  # your predictions

# %%
print("your predictions:", for_7x7, for_4x4)
for kernel_size in (7, 4):
    sizes = [reference.conv_output_size(32, kernel_size, padding=p) for p in range(5)]
    print(f"kernel {kernel_size}: output sizes with padding 0 to 4 are {sizes}")

# %% [markdown]
# Under an even kernel the size always jumps past 32: both sides get the same padding, so the size
# grows by two at a time.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "same_padding-answer", "locked": false, "schema_version": 3, "solution": true}
def same_padding(kernel_size):
    """The padding that keeps the size at stride 1.

    kernel_size: an int, or a pair (rows, columns). Returns an int for an int, a pair for a pair.
    Raises ValueError if the kernel is even in some direction.
    """
    ### BEGIN SOLUTION
    if isinstance(kernel_size, tuple):
        return tuple(same_padding(side) for side in kernel_size)
    if kernel_size % 2 == 0:
        raise ValueError(f"a kernel of {kernel_size} needs unequal padding on its two sides")
    return (kernel_size - 1) // 2
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "same_padding", "locked": true, "points": 0, "schema_version": 3, "solution": false}
check.same_padding(same_padding)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### 1x1 convolution
#
# **Optional** · difficulty ●○○ · 10 minutes
#
# A window of one pixel sounds pointless, until you remember the channels. A 1 × 1 filter on
# 64 channels is a dot product of 64 numbers at each pixel: a small linear layer, the same one
# everywhere. It mixes channels and leaves places alone. Write it **without** a loop over pixels.
#
# **Predict.** A layer turns 256 channels into 64. How many times more parameters does it have with
# 3 × 3 filters than with 1 × 1 filters, roughly?

# %%
times_more_parameters = None  # your prediction

# %%
by_size = {f: counting.conv_cost(256, 64, f, 56, padding=f // 2).params for f in (3, 1)}
print("your prediction:", times_more_parameters)
print(f"{by_size[3]:,} against {by_size[1]:,}: {by_size[3] / by_size[1]:.1f} times")


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "pointwise_conv2d-answer", "locked": false, "schema_version": 3, "solution": true}
def pointwise_conv2d(x, weight, bias=None):
    """Convolution with 1x1 filters: one linear map over the channels, at every pixel.

    x: (N, C_in, H, W); weight: (C_out, C_in, 1, 1); bias: (C_out,) or None.
    Returns (N, C_out, H, W).
    """
    ### BEGIN SOLUTION
    n, in_channels, height, width = x.shape
    pixels = x.reshape(n, in_channels, height * width)
    out = weight[:, :, 0, 0] @ pixels
    if bias is not None:
        out = out + bias[:, None]
    return out.reshape(n, -1, height, width)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "pointwise_conv2d", "locked": true, "points": 0, "schema_version": 3, "solution": false}
check.pointwise_conv2d(pointwise_conv2d)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### Grouped convolution
#
# **Optional** · difficulty ●●○ · 15 minutes
#
# AlexNet-96 was trained on two GPUs with too little memory each. So some of its layers were split:
# half of the filters read only the first half of the channels, the others only the second half.

# %% tags=["showcase"]
fig, axes = plots.panels(1, 3, width=2.0, height=3.0)
for ax, groups in zip(axes, (1, 2, 4), strict=True):
    plots.connections(ax, in_channels=4, out_channels=8, groups=groups)
plots.show(fig)

# %% [markdown]
# *Figure 13. Which input channel reaches which output channel. With as many groups as channels, the
# layer is called depthwise.*
#
# **Predict.** What happens to the number of weights when `groups` goes from 1 to 2, and to 4?

# %%
factor_for_2, factor_for_4 = None, None  # your predictions

# %%
print("your predictions:", factor_for_2, factor_for_4)
for groups in (1, 2, 4):
    print("groups =", groups, "weights:", counting.conv_cost(4, 8, 3, 6, groups=groups, bias=False).params)


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "grouped_conv2d-answer", "locked": false, "schema_version": 3, "solution": true}
def grouped_conv2d(x, weight, bias=None, stride=1, padding=0, groups=1):
    """Convolution in which each group of filters reads its own block of input channels.

    x: (N, C_in, H, W); weight: (C_out, C_in/groups, kH, kW); bias: (C_out,) or None;
    groups: divides C_in and C_out. Returns (N, C_out, H_out, W_out).
    Raises ValueError if groups does not divide both channel numbers.
    """
    ### BEGIN SOLUTION
    if x.shape[1] % groups or weight.shape[0] % groups:
        raise ValueError(f"{groups} groups do not divide {x.shape[1]} and {weight.shape[0]}")
    inputs = x.chunk(groups, dim=1)
    filters = weight.chunk(groups)
    biases = [None] * groups if bias is None else bias.chunk(groups)
    parts = zip(inputs, filters, biases, strict=True)
    return torch.cat([conv2d_forward(*part, stride, padding) for part in parts], dim=1)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "grouped_conv2d", "locked": true, "points": 0, "schema_version": 3, "solution": false}
check.grouped_conv2d(grouped_conv2d)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### Receptive field
#
# **Optional** · difficulty ●●○ · 15 minutes
#
# One value of the first layer sees a 3 × 3 window. One value of the second layer sees 3 × 3 values
# of the first, and so a larger part of the image: its **receptive field**.
#
# **Predict.** Three layers of 3 × 3, the first one with stride 2. How many pixels does one output
# see, along one direction?

# %%
pixels_seen = None  # your prediction

# %% tags=["showcase"]
fig, axes = plots.panels(1, 2, width=4.8, height=3.0)
plots.receptive_tree(axes[0], [(3, 1), (3, 1), (3, 1)])
plots.receptive_tree(axes[1], [(3, 2), (3, 1), (3, 1)])
plots.show(fig)
print("your prediction:", pixels_seen, "  the tree on the right ends in 11 pixels")

# %% [markdown]
# *Figure 14. Dots are values; lines lead to the first and the last value that they see. Left: three
# layers of stride 1. Right: the first layer has stride 2.*


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "receptive_field-answer", "locked": false, "schema_version": 3, "solution": true}
def receptive_field(layers):
    """How many input pixels, along one direction, one output of a stack of layers sees.

    layers: a list of (kernel_size, stride), from the input on. Returns an int; 1 for no layers.
    """
    ### BEGIN SOLUTION
    field, step = 1, 1  # step: how many input pixels lie between neighbouring values
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * step
        step *= stride
    return field
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# Keep two numbers while you walk through the layers: the field so far, and how many input pixels
# lie between two neighbouring values. By how much does a layer enlarge each of them?
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "receptive_field", "locked": true, "points": 0, "schema_version": 3, "solution": false}
check.receptive_field(receptive_field)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### References
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document
#   recognition*, Proceedings of the IEEE 86 (1998). Section II.A: local windows, shared weights.
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet classification with deep convolutional neural
#   networks*, NIPS 2012. Section 3.2: the two groups; 3.5: the layers.
# - K. Chellapilla, S. Puri, P. Simard, *High performance convolutional neural networks for document
#   processing*, IWFHR 2006. Section 3: windows as columns of a matrix.
# - V. Dumoulin, F. Visin, *A guide to convolution arithmetic for deep learning*, 2016,
#   arXiv:1603.07285. Chapter 2: every case of the output size, drawn.
# - M. Lin, Q. Chen, S. Yan, *Network in network*, ICLR 2014, arXiv:1312.4400. Section 3: the 1 × 1
#   convolution.
# - R. Zhang, *Making convolutional networks shift-invariant again*, ICML 2019, arXiv:1904.11486.
#   Section 3: what strides do to shifted images, and a remedy.
# - CS231n (Stanford, 2016), lecture 7, and DeepRob, *CNN architectures*: the lectures whose numbers
#   part 8 checks.
