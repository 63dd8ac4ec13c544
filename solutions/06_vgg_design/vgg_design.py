# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # VGG: a network designed by rules
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# AlexNet was found by trial and error: 11 × 11 here, 5 × 5 there, stride 4 at first. Two years
# later came a network with hardly anything left to choose. All its filters are 3 × 3, all its
# poolings 2 × 2, and the number of maps doubles when their size halves. Its designers at Oxford
# could then ask a single question, *what does depth do?*, and answer it with a table.
#
# This notebook takes the rules apart. Some hold exactly, some hold only in the middle of the
# network, and five wrong numbers on the slides turn out to have a single cause.
#
# **You can then**
#
# - prove what one output of a network sees, without trusting any formula;
# - say when several small filters are cheaper than a large one, and when they are not;
# - build all six VGG networks from one table, and say where their memory, parameters and
#   arithmetic sit;
# - turn a network that reads 224 × 224 pixels into one that reads images of any larger size;
# - design a network of your own under a budget.

# %%
# Set-up. Run this cell first; on Colab it also fetches the course's helpers.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("helpers") is None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "{{repository}}"], check=True)

import copy
import re

import torch
from torch import nn

from helpers import counting, plots
from helpers.checks import vgg_design as check
from helpers.data import digits
from helpers.runtime import seed_everything
from helpers.stacks import extent
from helpers.training import Batches, evaluate, progress, train_one_epoch

torch.set_num_threads(1)  # networks this small gain nothing from more of them
seed_everything(0)
print("Ready.")

# %% [markdown]
# ## How this notebook works
#
# | part | what you write | points | minutes |
# |---|---|---|---|
# | 1. What one output sees | `receptive_field_by_perturbation` | 4 | 25 |
# | 2. One large filter, or several small ones | `filter_weights` | 2 | 15 |
# | 3. What the activations are for | `compose_kernels`; a short answer in words | 6 | 30 |
# | 4. VGG is a table | `make_vgg` | 6 | 30 |
# | 5. Where the cost sits | `vgg_numbers`; a short answer in words | 3 | 25 |
# | 6. Repair the slide | `slide_configuration` | 2 | 10 |
# | 7. From one answer to a map of answers | `fc_to_conv` | 4 | 20 |
# | 8. Your own design | `my_design` | 3 | 20 |
# | 9. Slide check | nothing: you look at what came out | – | 5 (skim) |
# | 10. Going further | `parse_pattern`, `build_from_pattern`, if you like; AlphaGo | – | 45 |
#
# The core, parts 1 to 9, takes about **three hours** and carries all **30 points**. You can stop
# after any part; no part needs what you wrote in an earlier one, except for the last picture, in
# part 10, which needs part 1. As before: **predict** before you run, write **your code** where it says so, run the
# **check** as often as you like, and open the **hints** one at a time.

# %% [markdown]
# ## 1. What one output sees
#
# One output of a 3 × 3 convolution is computed from 3 × 3 pixels, its **receptive field**. If a
# second 3 × 3 convolution follows, each of *its* outputs is computed from 3 × 3 outputs of the
# first, and so, indirectly, from more pixels:

# %% tags=["showcase"]
fig, axes = plots.panels(1, 2, width=5.4, height=3)
plots.receptive_tree(axes[0], [(3, 1), (3, 1)])
plots.receptive_tree(axes[1], [(3, 1), (2, 2), (3, 1)])
plots.show(fig)

# %% [markdown]
# *Figure 1. Along one direction: what an output at the top depends on. Left: two 3 × 3 layers.
# Right: a 2 × 2 pooling with stride 2 between them.*
#
# You know the rule from the first notebook. Each layer adds (F − 1) · (product of all strides
# before it) to the field, beginning with 1. Left: 1 + 2 + 2 = 5. Right: 1 + 2 + 1 + 2 · 2 = 8.
#
# A rule can be remembered wrongly, and code can do something else than you think. So let us
# find the field **by experiment**: change one pixel, run the network, and see whether the output
# changes. That works for every module, even one whose code you have never seen. It can miss a pixel
# whose change a ReLU or a maximum hides, but it never names one too many.
#
# **Worked example.** A row of five pixels (3, 1, 4, 1, 5) and a layer that adds up three
# neighbours: (8, 6, 10). We ask for the last output, 10. Raise the first pixel by 1000:
# (1008, 6, 10). No change in the last output, so pixel 0 is not in its field. Put it back. Raise pixel 2:
# (1008, 1006, 1010). It has changed, so pixel 2 is in.
#
# **Predict.** How many pixels, along one direction, does one output see after one, two and three
# 3 × 3 layers? And after three 3 × 3 layers with a 2 × 2 pooling (stride 2) behind the first?

# %%
after_one, after_two, after_three, with_pooling = None, None, None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *Put the pixel back.* `x[..., i, j] += 1000` changes `x` for good. Change a copy, `x.clone()`.
# > - *One output, all its channels.* Compare `[..., row, column]` before and after, not the whole
# >   output: some other output nearly always changes.
# > - *Change all channels of the pixel*, since the module may read only some of them.
# > - *A change that is too small is hidden* by max pooling, if the pixel is not the largest of its
# >   window. Setting it to zero can be hidden, too. Raise it by a lot.
# > - *Evaluation mode.* In training mode batch norm takes the mean over all pixels, so that
# >   everything depends on everything.
# > - *The field may have holes*, and it need not be a square. Return the pixels, not a box.
#
# **Your turn** · difficulty ●●○ · 15 minutes · 4 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "receptive_field_by_perturbation-answer", "locked": false, "schema_version": 3, "solution": true}
def receptive_field_by_perturbation(module, x, row, column):
    """Which pixels of `x` the output at (row, column) depends on, found by trying each of them.

    module: an nn.Module, put into evaluation mode here; x: (1, C, H, W), left as it is.
    A pixel (i, j) counts if adding 1000 to it, in all C channels at once, changes any channel of
    `module(x)[..., row, column]`.
    Returns a bool tensor (H, W), True where a pixel counts.
    """
    ### BEGIN SOLUTION
    module.eval()
    height, width = x.shape[-2:]
    seen = torch.zeros(height, width, dtype=torch.bool)
    with torch.no_grad():
        before = module(x)[..., row, column]
        for i in range(height):
            for j in range(width):
                changed = x.clone()
                changed[..., i, j] += 1000
                after = module(changed)[..., row, column]
                seen[i, j] = (after != before).any()
    return seen
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: the plan</summary>
#
# `module.eval()`; the output before; a loop over all rows and columns; in it a clone, the change,
# the output after, and one comparison. All under `with torch.no_grad():`.
# </details>
#
# <details><summary>Hint 2: comparing</summary>
#
# `before = module(x)[..., row, column]` has the shape `(1, C_out)`. `(after != before).any()` is
# True if one of its channels differs. `changed[..., i, j] += 1000` changes all channels.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "receptive_field_by_perturbation", "locked": true, "points": 4, "schema_version": 3, "solution": false}
check.receptive_field_by_perturbation(receptive_field_by_perturbation)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# Now put the predictions to the test. `stack` makes convolutions whose weights are all positive, so
# that no two effects of a pixel can cancel:


# %%
def stack(count, kernel_size=3, pooled=False):
    """`count` convolutions of one channel that keep the size, all weights equal; a pooling, maybe."""
    layers = [nn.Conv2d(1, 1, kernel_size, padding=kernel_size // 2) for _ in range(count)]
    for layer in layers:
        nn.init.constant_(layer.weight, 1 / kernel_size**2)
    if pooled:
        layers.insert(1, nn.MaxPool2d(2))
    return nn.Sequential(*layers).double()


# %% tags=["showcase"]
x = torch.rand(1, 1, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
towers = {"one 3x3 layer": stack(1), "two": stack(2), "three": stack(3),
          "three, one pooling": stack(3, pooled=True)}  # fmt: skip
print("your predictions:", after_one, after_two, after_three, with_pooling)
fig, axes = plots.panels(1, 4, width=2.5, height=2.8)
for ax, (name, tower) in zip(axes, towers.items(), strict=True):
    middle = tower(x).shape[-1] // 2
    seen = receptive_field_by_perturbation(tower, x, middle, middle)
    plots.field_map(ax, seen, f"{name}: {extent(seen)[0]} pixels")
plots.show(fig)

# %% [markdown]
# *Figure 2. The pixels that one output depends on, found by trying all 256 of them. Two 3 × 3 layers
# see what one 5 × 5 layer sees, three what one 7 × 7 layer sees. With a pooling in between, the
# layers behind it take steps of two pixels: 12.*
#
# ### Does every pixel count the same?
#
# Three layers see 7 × 7 pixels. But there is only one way from a corner of that square to the
# output, and there are many from its middle.
#
# **Hypothesis.** Every pixel of the receptive field has about the same influence. Then the middle
# half of the rows and columns, about a quarter of the area, has about a quarter of it.
#
# **Experiment.** Stacks of 3 × 3 layers with eight maps and random weights. One thing changes: their
# number, 2, 4, 8 or 16. As the influence of a pixel we take the square of the derivative of the
# output with respect to it. (Notebook 4: `backward` does that for us.) Three seeds.
#
# **Predict.** The share of the middle quarter, for 2 and for 16 layers, in percent. (The middle is cut
# as near as whole pixels allow: for 2 layers 3 × 3 of 5 × 5 pixels, which is 36 % of the area.)

# %%
middle_of_2, middle_of_16 = None, None  # your predictions


# %%
def influence(layers, seed):
    """Squared derivative of one output of a random stack with respect to each pixel it sees."""
    seed_everything(seed)
    tower = [nn.Conv2d(8 if k else 1, 8, 3, bias=False) for k in range(layers)]
    x = torch.randn(1, 1, 2 * layers + 1, 2 * layers + 1, requires_grad=True)
    found = torch.zeros(x.shape[-2:])
    for score in nn.Sequential(*tower)(x).flatten():  # one output place, eight maps
        [grad] = torch.autograd.grad(score, x, retain_graph=True)
        found += grad[0, 0] ** 2
    return found


def middle_share(found):
    """Share of the middle half of the rows and columns, as near as whole pixels allow."""
    cut = round(len(found) / 4)
    return (found[cut:-cut, cut:-cut].sum() / found.sum()).item()


# %% tags=["showcase"]
depths = (2, 4, 8, 16)
print("your predictions:", middle_of_2, middle_of_16)
rows = []
for n in depths:
    size = 2 * n + 1
    area = middle_share(torch.ones(size, size))
    shares = [middle_share(influence(n, seed)) for seed in range(3)]
    rows.append([n, f"{size} x {size}", *(f"{share:.0%}" for share in (area, *shares))])
plots.table(["layers", "field", "middle, of the area", "of the influence, seed 0", "seed 1", "seed 2"],
            rows)  # fmt: skip
fig, axes = plots.panels(1, 4, width=2.5, height=2.8)
for ax, n in zip(axes, depths, strict=True):
    plots.field_map(ax, influence(n, 0), f"{n} layers", box=False)
plots.show(fig)

# %% [markdown]
# *Table 1 and Figure 3. How much of the area the middle is, and how much of the influence it has; and
# the influence of each pixel, each picture scaled to its own field and its own largest value.*
#
# The hypothesis fails: with 16 layers, nearly all influence comes from the middle. The receptive
# field is the area an output *can* see. What it does see, its *effective* field, is smaller, and
# grows more slowly. Limits: random weights and no activations; training may widen it.

# %% [markdown]
# ## 2. One large filter, or several small ones
#
# Two 3 × 3 layers see as much as one 5 × 5, three as much as one 7 × 7. Which is cheaper? Let all
# layers have C maps, and leave out biases, as the lectures do here:
#
# | field | one layer | stack | saved |
# |---|---|---|---|
# | 5 × 5 | 25 C² | 2 · 9 C² = 18 C² | 28 % |
# | 7 × 7 | 49 C² | 3 · 9 C² = 27 C² | 45 % |
#
# The number of multiplications per pixel is the same as the number of weights, so the table holds
# for MACs as well. And the stack has two or three activations where the large filter has one.
#
# A slide then draws the comparison for a colour image: one 5 × 5 layer with 64 filters has
# 5 · 5 · 3 · 64 = 4,800 weights, and two 3 × 3 layers have 3 · 3 · 3 · 64 twice, 3,456.
#
# **Predict.** Is that right? How many weights do two 3 × 3 layers with 64 filters each have on three
# channels? So which is cheaper there?

# %%
weights_of_two, cheaper_on_rgb = None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *The second layer reads what the first has written*: C maps, not the channels of the image.
# > - *n layers see 2n + 1 pixels*, not 3n: neighbouring windows overlap.
# > - *An even field* cannot be had from 3 × 3 layers.
#
# **Worked example.** From 4 channels to 6 maps, a field of 7. One layer: 7 · 7 · 4 · 6 = 1,176. Three:
# 9 · 4 · 6 + 9 · 6 · 6 + 9 · 6 · 6 = 216 + 324 + 324 = 864.
#
# **Your turn** · difficulty ●○○ · 8 minutes · 2 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "filter_weights-answer", "locked": false, "schema_version": 3, "solution": true}
def filter_weights(in_channels, channels, field):
    """Weights, without biases, of one `field` x `field` layer and of 3x3 layers that see as much.

    Both read in_channels channels; every layer gives `channels` maps.
    Returns (one, stack), two ints: of the single layer, and of the whole stack.
    Raises ValueError unless `field` is odd and at least 3.
    """
    ### BEGIN SOLUTION
    if field < 3 or field % 2 == 0:
        raise ValueError(f"3x3 layers see 3, 5, 7, ... pixels, never {field}")
    layers = (field - 1) // 2
    first, later = 9 * in_channels * channels, 9 * channels * channels
    return field * field * in_channels * channels, first + (layers - 1) * later
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# The stack has `(field - 1) // 2` layers: one that reads `in_channels`, and all others read
# `channels`.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "filter_weights", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.filter_weights(filter_weights)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %%
print("your predictions:", weights_of_two, cheaper_on_rgb)
for field in (5, 7):
    one, stacked = filter_weights(3, 64, field)
    print(f"field {field} on RGB: one layer {one:,}, stack {stacked:,}, {stacked / one:.1f} times")

# %% [markdown]
# The slide's picture is wrong by a factor of eleven, and its conclusion turns around: on three
# channels, the stack costs **eight times as much**. VGG does it all the same: among its 138 million
# weights, these hardly show. (ResNet, later, begins with one 7 × 7.)
#
# Where is the break-even? For a field of 5, two layers are cheaper if
# 9 · C_in · C + 9 · C² < 25 · C_in · C, that is if C < **16/9** · C_in. For a field of 7, if
# 9 · C_in · C + 18 · C² < 49 · C_in · C, that is if C < **20/9** · C_in.

# %% tags=["showcase"]
ratios = [0.5 + 0.1 * k for k in range(36)]
curves = {
    f"field {field}": [(9 + 9 * (field - 3) // 2 * r) / field**2 for r in ratios] for field in (5, 7)
}
crossings = {"field 5": 16 / 9, "field 7": 20 / 9}
fig, (ax,) = plots.panels(width=6.5, height=3.6)
plots.ratio_curves(ax, ratios, curves, crossings, "a stack of 3x3 layers against one layer",
                   "maps written / channels read", "weights of the stack / of one")  # fmt: skip
plots.show(fig)

# %% [markdown]
# *Figure 4. Below 1 the stack is cheaper. When a stage doubles the maps (a ratio of 2), two layers
# no longer save anything, three just do. At the image, 64/3 = 21 lies far outside the picture.*

# %% [markdown]
# ## 3. What the activations are for
#
# Two convolutions in a row, *without* an activation between them, do what a single one can do:
# each weight of the second puts down a scaled copy of the first kernel, and the copies add up.
#
# **Worked example.** Along one direction: first (1, 2), then (3, 0, 1). The weight 3 at place 0 puts
# down (3, 6) at 0; the weight 1 at place 2 puts down (1, 2) at 2. Together (3, 6, 1, 2), four weights:
# 2 + 3 − 1.
#
# With more channels, each weight `second[o, c, i, j]` takes the kernel `first[c]`, with all its
# input channels, puts it down at (i, j), and adds it to output channel `o`.
#
# **Predict.** Three 3 × 3 kernels, all weights 1, one channel, no activation. How large is the kernel
# that does the same in one step? Which number stands in its corner, and which in its middle?

# %%
composed_size, in_the_corner, in_the_middle = None, None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *Copies overlap*: add them, `+=`.
# > - *Nothing is flipped.* Copy (i, j) starts at row i, column j of the result.
# > - *The channels in between are summed over*, product by product, not before multiplying.
# > - *The result is larger than both*: h1 + h2 − 1 rows, w1 + w2 − 1 columns. And its shape is
# >   (outputs of the second, inputs of the first, rows, columns).
#
# **Your turn** · difficulty ●●● · 15 minutes · 4 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "compose_kernels-answer", "locked": false, "schema_version": 3, "solution": true}
def compose_kernels(first, second):
    """The kernel of the one convolution that does what two do in a row, without an activation.

    first: (C1, C0, h1, w1); second: (C2, C1, h2, w2); stride 1, no bias, no padding.
    Returns (C2, C0, h1 + h2 - 1, w1 + w2 - 1).
    """
    ### BEGIN SOLUTION
    (_, in_channels, h1, w1), (out_channels, _, h2, w2) = first.shape, second.shape
    shape = (out_channels, in_channels, h1 + h2 - 1, w1 + w2 - 1)
    kernel = torch.zeros(shape, dtype=first.dtype)
    for i in range(h2):
        for j in range(w2):
            copies = torch.einsum("oc,cihw->oihw", second[:, :, i, j], first)
            kernel[:, :, i : i + h1, j : j + w1] += copies
    return kernel
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: the shape of the solution</summary>
#
# A tensor of zeros of the right shape and dtype; two loops over the places (i, j) of the second
# kernel; in the inner one, `kernel[:, :, i : i + h1, j : j + w1] += ...`.
# </details>
#
# <details><summary>Hint 2: the channels</summary>
#
# At one place (i, j), `second[:, :, i, j]` is a matrix of shape (C2, C1), and `first` has the shape
# (C1, C0, h1, w1). Multiply and sum over C1: `torch.einsum("oc,cihw->oihw", matrix, first)`, or two
# more loops over the output channel and the channel in between.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "compose_kernels", "locked": true, "points": 4, "schema_version": 3, "solution": false}
check.compose_kernels(compose_kernels)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
ones = torch.ones(1, 1, 3, 3)
twice = compose_kernels(ones, ones)
thrice = compose_kernels(twice, ones)
print("your predictions:", composed_size, in_the_corner, in_the_middle)
fig, axes = plots.panels(1, 3, width=3.2, height=3.2)
names = ("one layer", "two layers", "three layers")
for ax, kernel, name in zip(axes, (ones, twice, thrice), names, strict=True):
    plots.number_grid(ax, kernel[0, 0], name, ticks=False)
plots.show(fig)

# %% [markdown]
# *Figure 5. The single kernels that do the work of one, two and three 3 × 3 kernels of ones. Each
# number counts the ways from a pixel to the output. With random weights, as in Figure 3, the squared
# derivative is proportional to it only on average over many seeds.*
#
# ### But not the other way round
#
# Three 3 × 3 kernels always make one 7 × 7 kernel. Can every 7 × 7 kernel be made from three 3 × 3?
# Count: a 7 × 7 kernel has 49 free numbers. Three 3 × 3 kernels have 27, and two of them are idle: double
# one kernel and halve another, and nothing changes.
#
# **Experiment.** We let an optimiser look for three 3 × 3 kernels whose composition comes as close as
# possible to a given 7 × 7 kernel (it calls your function), and keep the best of three starts. Once the given kernel was
# itself made of three 3 × 3 kernels; once it is random. Three seeds each. What is left over is given
# as a share of the sum of squares.
#
# **Predict.** What is left over in the first case? And in the second, roughly?

# %%
left_of_composed, left_of_random = None, None  # your predictions, from 0 to 1


# %%
def left_over(target, start):
    """What three 3x3 kernels cannot match of a 7x7 kernel, as a share, after 60 steps."""
    generator = torch.Generator().manual_seed(start)
    kernels = [torch.randn(1, 1, 3, 3, generator=generator).double() / 2 for _ in range(3)]
    optimizer = torch.optim.LBFGS(kernels, max_iter=60, line_search_fn="strong_wolfe")
    for kernel in kernels:
        kernel.requires_grad_()

    def loss():
        optimizer.zero_grad()
        made = compose_kernels(compose_kernels(kernels[0], kernels[1]), kernels[2])
        share = ((made - target) ** 2).sum() / (target**2).sum()
        share.backward()
        return share

    optimizer.step(loss)
    return loss().item()


# %% tags=["showcase", "nbval-ignore-output"]
print("your predictions:", left_of_composed, left_of_random)
rows = []
for seed in range(3):
    generator = torch.Generator().manual_seed(seed)
    a, b, c = (torch.randn(1, 1, 3, 3, generator=generator).double() for _ in range(3))
    random = torch.randn(1, 1, 7, 7, generator=generator).double()
    best = [
        min(left_over(target, start) for start in range(3))
        for target in (compose_kernels(compose_kernels(a, b), c), random)
    ]
    rows.append([seed, f"{best[0]:.4f}", f"{best[1]:.2f}"])
plots.table(["seed", "made of three 3x3 kernels", "random 7x7 kernel"], rows)

# %% [markdown]
# *Table 2. What the best of three searches left over.*
#
# What was made of three can be made of three. Of a random kernel, a tenth or more is left. So
# without activations a stack can do *less* than the large filter that sees the same. (A search may
# miss the best solution, so the right column shows what was found; the count of 25 to 49 shows
# that something must be left.)
#
# *With* activations the stack is no convolution any more, and the two cannot be compared like that.
# Then which recognises more?
#
# **Hypothesis.** Three 3 × 3 layers with activations recognise digits better than one 7 × 7 layer
# that sees as much.
#
# **Experiment.** A small network for digits of 16 × 16 pixels: a 3 × 3 layer of eight maps, then
# the *middle*, then pooling and a linear layer. Only the middle changes: one 7 × 7 layer, three
# 3 × 3 layers with an activation behind the last, three with an activation behind each. Eight
# epochs, three seeds.
#
# **Predict.** Which middle will be best on the test digits, and by how many percentage points?

# %%
best_middle, by_points = None, None  # your predictions


# %%
def digit_net(middle, channels=8):
    """A network for 16x16 digits with one of three middles."""
    sizes = [7] if middle == "one 7x7" else [3, 3, 3]
    layers = [nn.Conv2d(1, channels, 3, padding=1), nn.ReLU()]
    for k, size in enumerate(sizes):
        layers.append(nn.Conv2d(channels, channels, size, padding=size // 2))
        if middle != "three 3x3, linear" or k == 2:
            layers.append(nn.ReLU())
    net = nn.Sequential(*layers, nn.MaxPool2d(4), nn.Flatten(), nn.Linear(16 * channels, 10))
    for layer in net:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
    return net


def trained_on_digits(middle, seed, epochs=8):
    """Accuracy on the 360 test digits after some epochs."""
    seed_everything(seed)
    net = digit_net(middle)
    images, labels = digits(size=16)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    loader = Batches(images[:1437], labels[:1437], batch_size=64, seed=seed)
    for _ in range(epochs):
        train_one_epoch(net, loader, optimizer, nn.CrossEntropyLoss())
    test = Batches(images[1437:], labels[1437:], batch_size=360)
    return evaluate(net, test, nn.CrossEntropyLoss())[1]


# %% tags=["showcase", "nbval-ignore-output"]
print("your predictions:", best_middle, by_points)
rows = []
for middle in ("one 7x7", "three 3x3, linear", "three 3x3"):
    size = sum(p.numel() for p in digit_net(middle).parameters())
    found = [trained_on_digits(middle, seed) for seed in progress(range(3), middle)]
    rows.append([middle, f"{size:,}", *(f"{accuracy:.1%}" for accuracy in found)])
plots.table(["middle", "parameters", "seed 0", "seed 1", "seed 2"], rows)

# %% [markdown]
# *Table 3. Accuracy on the 360 test digits.*
#
# The hypothesis finds no support: the three rows overlap. What the table does show is that the
# stacks do about as well *with a third fewer parameters*. It does not show that activations do not
# matter. Digits are easy, the networks are small, and another learning rate may change the order.
# The claim of the VGG paper, that 3 × 3 stacks beat larger filters, is about ImageNet: there, a
# shallow network with 5 × 5 filters was seven points worse (top-1) than its twin with pairs of 3 × 3.
#
# ### In your own words (2 points)
#
# "Three 3 × 3 layers are the same as one 7 × 7 layer, only cheaper", says a friend. In three to five
# sentences: what is the same? Name two things that differ. When is the stack not cheaper?

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_stacks", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (2 points).** The same is only what they see: an output of either depends on 7 × 7
# pixels. What they compute differs. With activations the stack has three nonlinear steps instead of
# one; without them it is a 7 × 7 convolution, but not any one: 27 C² weights cannot reach all kernels of
# 49 C², so most of them are out of its reach. With C maps everywhere it has
# 27 C² instead of 49 C² weights. But all layers after the first read the C maps written before: if C is more than
# 20/9 of the channels that come in, as at the image (3 to 64), the stack costs more. It also has to
# store three outputs instead of one.
#
# **Rubric.** ½ point: the receptive field is what is the same. ½ point each for two real
# differences (non-linear steps; fewer functions or free numbers; memory; depth to be trained).
# ½ point: it costs more where many maps are made of few channels, with the image as example or the ratio.
#
# **Half marks (1 point).** "Both see 7 × 7, but the stack has more ReLUs. It is always cheaper,
# 27 C² instead of 49 C²." The field and one difference; the condition is missing.
# ### END SOLUTION

# %% [markdown]
# ## 4. VGG is a table
#
# Here are the six networks of the paper, whole:

# %%
CONFIGURATIONS = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "A-LRN": [64, "LRN", "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "C": [64, 64, "M", 128, 128, "M", 256, 256, (256, 1), "M",
          512, 512, (512, 1), "M", 512, 512, (512, 1), "M"],
    "D": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M",
          512, 512, 512, "M", 512, 512, 512, "M"],
    "E": [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M",
          512, 512, 512, 512, "M", 512, 512, 512, 512, "M"],
}  # fmt: skip

# %% tags=["showcase"]
fig, (ax,) = plots.panels(width=7.5, height=6)
plots.configurations(ax, CONFIGURATIONS, "from the image (above) to the linear layers (below)")
plots.show(fig)

# %% [markdown]
# *Figure 6. The same, drawn. Each box is a convolution with its number of filters, each red line a
# pooling. White boxes are the exceptions. Colours tell the stages apart, and mean nothing else. D is known as VGG-16, E as VGG-19.*
#
# How to read an entry:
#
# | entry | layer |
# |---|---|
# | `64` | 3 × 3 convolution with 64 filters, stride 1, padding 1; then a ReLU |
# | `(256, 1)` | 1 × 1 convolution with 256 filters, no padding; then a ReLU |
# | `"M"` | 2 × 2 max pooling, stride 2 |
# | `"LRN"` | local response normalisation, AlexNet's: `nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)` |
#
# (The paper's α is 1e-4; torch divides it by the size, 5.) After the last pooling the same three
# layers follow in all of them: 4096 units, ReLU, dropout; 4096 units, ReLU, dropout; one score per
# class. (Dropout, AlexNet's: in training only, it sets each value to zero with a chance of one half.)
# Five poolings turn 224 pixels into 7, so the first linear layer reads C · 7 · 7 values.
#
# A network with 138 million parameters is no fun to try out. So yours takes a `width` that
# multiplies *every* number of filters and hidden units: with `width=1/32`, VGG-16 has 2, 2, 4, 4, ...
# filters and 128 units, and runs in a moment. The check runs narrow networks, and counts whole ones
# without computing anything.
#
# **Predict.** E has twice as many convolutions as A. How many times as many parameters has it? And
# how many does LRN add?

# %%
e_over_a, lrn_adds = None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *A ReLU follows every convolution*, and both hidden linear layers, but not the scores.
# > - *An entry* `(256, 1)` *is a 1 × 1 layer.* `padding=kernel_size // 2` fits both kinds.
# > - *Order is order*: in A-LRN the normalisation comes after the ReLU and before the pooling.
# > - *The fifth stage keeps 512.* Take numbers from the table; do not double by yourself.
# > - `width` *reaches the 4096 units, too*, but neither `in_channels` nor `num_classes`.
# > - *Dropout is a layer*, `nn.Dropout()`, which rests in evaluation mode. The function
# >   `nn.functional.dropout(x)` never does, unless told.
#
# **Your turn** · difficulty ●●○ · 20 minutes · 6 points
#
# Write a class or a function, as you like. Names and order of your layers do not matter.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "make_vgg-answer", "locked": false, "schema_version": 3, "solution": true}
def make_vgg(configuration, num_classes=1000, in_channels=3, width=1.0):
    """The network of a configuration, e.g. `make_vgg(CONFIGURATIONS["D"])`, as an nn.Module.

    configuration: a list or tuple of entries as in the table above; width: multiplies the number of
    filters and of hidden units, `int(width * 64)`, `int(width * 4096)`.
    The module reads x: (N, in_channels, 224, 224) and returns scores (N, num_classes).
    """
    ### BEGIN SOLUTION
    layers, channels = [], in_channels
    for entry in configuration:
        if entry == "M":
            layers.append(nn.MaxPool2d(2))
        elif entry == "LRN":
            layers.append(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
        else:
            filters, size = (entry, 3) if isinstance(entry, int) else entry
            filters = int(width * filters)
            layers += [nn.Conv2d(channels, filters, size, padding=size // 2), nn.ReLU()]
            channels = filters
    hidden = int(width * 4096)
    return nn.Sequential(
        *layers, nn.Flatten(),
        nn.Linear(channels * 7 * 7, hidden), nn.ReLU(), nn.Dropout(),
        nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(),
        nn.Linear(hidden, num_classes),
    )  # fmt: skip
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: a list that grows</summary>
#
# Go through the entries with a list `layers` and a variable `channels`, which begins as
# `in_channels` and becomes the number of filters after each convolution. At the end,
# `nn.Sequential(*layers, nn.Flatten(), ...)`.
# </details>
#
# <details><summary>Hint 2: kinds of entry</summary>
#
# First ask `entry == "M"`, then `entry == "LRN"`. What is left is a number or a pair:
# `filters, size = (entry, 3) if isinstance(entry, int) else entry`.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "make_vgg", "locked": true, "points": 6, "schema_version": 3, "solution": false}
check.make_vgg(make_vgg)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# Are all six the networks of the paper? On the `meta` device, tensors have shapes and no values, so
# building the real thing takes no memory:

# %% tags=["showcase"]
print("your predictions:", e_over_a, lrn_adds)
printed = {"A": 133, "A-LRN": 133, "B": 133, "C": 134, "D": 138, "E": 144}
rows, sizes = [], {}
for name, configuration in CONFIGURATIONS.items():
    with torch.device("meta"):
        net = make_vgg(configuration)
    sizes[name] = sum(p.numel() for p in net.parameters())
    convs = sum(entry not in ("M", "LRN") for entry in configuration)
    rows.append([name, f"{convs} + 3", f"{sizes[name]:,}", f"{printed[name]} million"])
plots.table(["network", "layers with weights", "parameters", "the paper's table 2"], rows)
print(f"E has {sizes['E'] / sizes['A']:.2f} times as many as A")

# %% [markdown]
# *Table 4. All six agree.* Depth is cheap in parameters, because most of them are elsewhere, as you
# will see in part 5. What did depth buy? The paper's table 3 has the answer:

# %% tags=["showcase"]
errors = {"C": (16, 9.4), "D": (16, 8.8), "E": (19, 9.0), "A": (11, 10.4), "A-LRN": (11, 10.5),
          "B": (13, 9.9)}  # fmt: skip
jittered = {"C": (16, 8.8), "D": (16, 8.1), "E": (19, 8.0)}
fig, axes = plots.panels(1, 2, width=4.4, height=3.8, sharey=True)
label = ("layers with weights", "top-5 error, %")
plots.scatter(axes[0], errors, "trained at one scale (S = 256)", *label)
plots.scatter(axes[1], jittered, "trained at scales 256 to 512", *label)
for ax in axes:
    ax.set(xticks=[11, 13, 16, 19], xlim=(10, 20.5))
axes[0].texts[3].set_position((6, -12))  # A, below its dot
plots.show(fig)

# %% [markdown]
# *Figure 7. Error of a single network on the validation images of ILSVRC-2012, tested at one scale
# (Simonyan and Zisserman, table 3). S is the length of the shorter side of the training images, from
# which 224 × 224 is cut. Tested at 256 on the left and at 384 on the right, so do not compare the
# panels.*
#
# Each point is one trained network; differences of 0.1 or 0.2 (A and A-LRN, D and E) say little.
#
# Three things can be read off. LRN does not help (A, A-LRN). Depth helps, up to about 16 layers. And C
# and D have the same depth, but D, with 3 × 3 in place of 1 × 1, is better: more non-linearity helps
# (C against B), seeing more helps further (D against C).

# %% [markdown]
# ## 5. Where the cost sits
#
# ### Equal work per layer?
#
# Before you look where the cost sits, guess. Why double the maps when the size halves? Compare a layer with C maps of 2H × 2W pixels and one with
# 2C maps of H × W, both 3 × 3 and as many maps out as in:
#
# | | memory | weights | MACs |
# |---|---|---|---|
# | C maps of 2H × 2W | 4 HWC | 9 C² | 36 HWC² |
# | 2C maps of H × W | 2 HWC | 36 C² | 36 HWC² |
#
# The same number of MACs. "Conv layers at each spatial resolution take the same amount of
# computation", concludes a slide.
#
# **Predict.** The five stages of VGG-16 work on 224, 112, 56, 28 and 14 pixels. Do all stages need the
# same number of MACs? If not, which needs the most, and which the least? (There may be a tie.)

# %%
most_work, least_work = None, None  # your predictions: stages

# %% [markdown]
# ### Layer by layer
#
# `counting.count` walks a network, as in the notebook on AlexNet, and lists what every layer costs
# for one image:

# %%
from helpers.models import vgg as reference

with torch.device("meta"):
    vgg16 = reference.make_vgg(CONFIGURATIONS["D"])
cost = counting.count(vgg16, (3, 224, 224))
convs = [row for row in cost.layers if row.type == "Conv2d"]
stages = [convs[:2], convs[2:4], convs[4:7], convs[7:10], convs[10:]]
print(f"{len(convs)} convolutions, {cost.params:,} parameters, {cost.macs:,} MACs")

# %% tags=["showcase"]
names = iter(
    [f"{kind}{stage}{number}" for stage, length in enumerate((2, 2, 3, 3, 3), 1)
     for kind, number in [*[("conv", f"_{k}") for k in range(1, length + 1)], ("pool", "")]]
    + ["flatten", "fc6", "fc7", "fc8"]
)  # fmt: skip
named = {layer: next(names) for layer in cost.names}
rows = [
    [named[row.name], "×".join(map(str, row.out_shape)), f"{row.kib:,.1f}", f"{row.params:,}",
     f"{row.macs:,}", row.receptive_field if row.type != "Flatten" else "–"]
    for row in cost.layers
]  # fmt: skip
plots.table(["layer", "output", "KiB", "parameters", "MACs", "sees"], rows)

# %% [markdown]
# *Table 5. VGG-16, layer by layer. The last column is the receptive field: the last output
# before the linear layers sees 212 of 224 pixels. (fc6 reaches over the border, hence 404.)*

# %% tags=["showcase"]
layers = [layer for layer in cost.layers if layer.type != "Flatten"]
fig, axes = plots.panels(3, 1, width=8, height=2.5)
plots.cost_bars(axes, layers, [named[layer.name] for layer in layers])
plots.show(fig)

# %% [markdown]
# *Figure 8. The same as bars: the memory is at the front, the parameters are at the end, the
# arithmetic is in between. (The sum of the memory leaves out the image and the flatten.)*
#
# Back to your prediction:

# %% tags=["showcase"]
print("your predictions:", most_work, least_work)
fig, axes = plots.panels(1, 2, width=4.8, height=3.2)
plots.bars(axes[0], [sum(r.macs for r in part) / 1e6 for part in stages],
           [f"stage {k}" for k in range(1, 6)], "work per stage", "million MACs")  # fmt: skip
plots.bars(axes[1], [part[-1].macs / 1e6 for part in stages],
           [f"conv{k}_{len(part)}" for k, part in enumerate(stages, 1)],
           "work of a stage's last layer", "million MACs")  # fmt: skip
plots.show(fig)

# %% [markdown]
# *Figure 9. Left: the stages differ, since they differ in their number of layers. Right: the last
# layer of each stage, which reads as many maps as it writes.*
#
# The rule is about single layers that read as many maps as they write, and for these it is exact in
# the first four stages. You are about to count why it breaks.
#
# > **Easy to get wrong.**
# >
# > - *The first layer of a stage* reads half as many maps as it writes (stage 1 reads 3).
# > - *What counts as memory?* Here: the image, and the outputs of all convolutions, poolings and
# >   linear layers. Not the ReLUs, which can work in place.
# > - *Weights or parameters?* Weights are without biases, as in the lectures' column.
# > - *MACs, not FLOPs*: a multiplication and an addition together are one.
#
# **Your turn** · difficulty ●●○ · 12 minutes · 2 points
#
# Fill in the numbers of VGG-16 for one image of 3 × 224 × 224, by hand or by code, from Table 5 or
# without it; `cost`, `convs` and `stages` hold its rows. Part 9 shows these numbers; fill in yours
# first. A share is between 0 and 1; three digits are enough. Replace each `...`, and delete the two
# lines below the dict.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "vgg_numbers-answer", "locked": false, "schema_version": 3, "solution": true}
vgg_numbers = {
    "first_conv_elements": ...,  # how many numbers conv1_1 gives
    "all_elements": ...,  # image and outputs of all convolutions, poolings and linear layers
    "first_two_convs_share": ...,  # of conv1_1 and conv1_2, in all elements
    "fc6_weights": ...,  # without biases
    "all_weights": ...,  # without biases
    "fc6_share": ...,  # of fc6, in all weights
    "conv2_2_macs": ...,
    "conv5_2_macs": ...,
    "stage2_macs": ...,  # conv2_1 and conv2_2
    "all_macs": ...,  # convolutions and linear layers
}
### BEGIN SOLUTION
rows = cost.select("Conv2d", "MaxPool2d", "Linear").layers
elements = [3 * 224 * 224] + [round(row.kib * 1024 / 4) for row in rows]
weights = [row.params - row.out_shape[0] for row in rows if row.params]
fc6 = 512 * 7 * 7 * 4096
vgg_numbers = {
    "first_conv_elements": 64 * 224 * 224,
    "all_elements": sum(elements),
    "first_two_convs_share": 2 * 64 * 224 * 224 / sum(elements),
    "fc6_weights": fc6,
    "all_weights": sum(weights),
    "fc6_share": fc6 / sum(weights),
    "conv2_2_macs": 112 * 112 * 128 * 9 * 128,
    "conv5_2_macs": 14 * 14 * 512 * 9 * 512,
    "stage2_macs": 112 * 112 * 128 * 9 * (64 + 128),
    "all_macs": cost.macs,
}
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "vgg_numbers", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.vgg_numbers(vgg_numbers)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### In your own words (1 point)
#
# In two or three sentences: which layers of VGG-16 take the same amount of computation, and for which
# two reasons do others take less?

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_equal", "locked": false, "points": 1, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (1 point).** All layers of stages 1 to 4 that read as many maps as they write, conv1_2
# to conv4_3, take 1.85 billion MACs each, since halving both sides divides the pixels by four and
# doubling the maps multiplies the weights by four. The first layer of a stage reads only half as
# many maps (three, in stage 1) and takes half (less). In stage 5 the size halves but the maps stay
# at 512, so its layers take a quarter.
#
# **Rubric.** ½ point: the same for layers with as many maps in as out, in stages 1 to 4. ½ point: both
# exceptions with their reason, the first layers of stages and stage 5; ¼ for one of them.
#
# **Half marks (½ point).** "The layers with equal maps in and out cost the same. Stage 5 is
# cheaper." The rule is there, the reasons are not.
# ### END SOLUTION

# %% [markdown]
# ## 6. Repair the slide
#
# Two of the lectures compare VGG-16 with AlexNet and GoogLeNet. Five of the numbers that they print
# do not agree with Table 5:
#
# | | printed | VGG-16 |
# |---|---|---|
# | MACs of the convolutions and linear layers | 13.62 billion | 15.47 billion |
# | memory of all convolutions' outputs | 48.62 MiB | 51.68 MiB |
# | memory of the convolutions' outputs down to 28 × 28 | 42.875 MiB | 45.9375 MiB |
# | parameters down to 28 × 28 | 1,145,408 | 1,735,488 |
# | MACs down to 28 × 28 | 7,485 million | 9,335 million |
#
# ("Down to 28 × 28": the layers before the maps have 28 × 28 pixels.) Five errors? Or one?
#
# **Predict.** Before you calculate anything: what kind of slip makes *all* of memory, parameters and
# MACs too small?

# %%
kind_of_slip = None  # your prediction

# %% [markdown]
# **Your turn** · difficulty ●●○ · 8 minutes · 2 points
#
# Find the configuration that has all five printed numbers. Write it as in CONFIGURATIONS; it gets
# the usual three linear layers. The check counts it and says how far off each number is. (Delete the
# two lines below `None`.)

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "slide_configuration-answer", "locked": false, "schema_version": 3, "solution": true}
slide_configuration = None  # a list, as in CONFIGURATIONS
### BEGIN SOLUTION
slide_configuration = [64, 64, "M", 128, 128, "M", 256, 256, "M",
                       512, 512, 512, "M", 512, 512, 512, "M"]  # fmt: skip
### END SOLUTION

# %% [markdown]
# <details><summary>Hint</summary>
#
# Subtract. The difference between both columns is 590,080 in the parameters and 3.0625 MiB, that
# is 3,136 KiB, in the memory. Which row of Table 5 has these two numbers?
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "slide_configuration", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.slide_configuration(slide_configuration)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
def five_numbers(configuration):
    """The five numbers of the slides, counted."""
    with torch.device("meta"):
        cost = counting.count(reference.make_vgg(configuration), (3, 224, 224))
    convs = [row for row in cost.layers if row.type == "Conv2d"]
    early = [row for row in convs if row.out_shape[1] > 28]
    return [cost.macs / 1e9, sum(r.kib for r in convs) / 1024, sum(r.kib for r in early) / 1024,
            sum(r.params for r in early), sum(r.macs for r in early) / 1e6]  # fmt: skip


right, found = five_numbers(CONFIGURATIONS["D"]), five_numbers(slide_configuration)
what = ["MACs, billion", "memory of all convolutions, MiB", "down to 28x28, MiB",
        "parameters down to 28x28", "MACs down to 28x28, million"]  # fmt: skip
rows = [[w, f"{a:,.6g}" if a < 1e5 else f"{a:,}", f"{b:,.6g}" if b < 1e5 else f"{b:,}"]
        for w, a, b in zip(what, right, found, strict=True)]  # fmt: skip
plots.table(["", "VGG-16", "your configuration"], rows)

# %% [markdown]
# *Table 6. One slip, five numbers. Layers with weights: 15, where VGG-**16** says how many there
# should be. That is the cheapest check of all.*
#
# The slides describe the stages as `conv-conv-pool` three times, then `conv-conv-conv-pool` twice:
# there is the slip, in words.

# %% [markdown]
# ## 7. From one answer to a map of answers
#
# VGG reads 224 × 224 pixels and gives one answer. For a larger photograph one could cut out windows of
# 224 × 224 and run the network on each, which computes everything many times over where the windows
# overlap. There is a better way, and you have met it with LeNet's C5: **a linear layer on maps of
# 7 × 7 is a 7 × 7 convolution that has only one place to stand.** Written as a convolution, it slides.
#
# - fc6 reads 512 · 7 · 7 = 25,088 values. As a convolution: 4096 filters of 7 × 7 on 512 maps.
# - fc7 reads 4096 values, which now are 4096 maps: a 1 × 1 convolution. fc8 as well.
#
# On 224 × 224 the result is the same. On anything larger it is a **map of scores**, one for each
# window of 224 pixels, in steps of 32 (five poolings). The paper calls this *dense evaluation*, and averages the map. (The scores are not quite
# those of a window that was cut out: at its edges the convolutions now see the neighbouring pixels,
# where they saw zeros.)
#
# **Worked example.** An image of 256 pixels: 256/32 = 8, so the maps before fc6 are 8 × 8. A 7 × 7
# convolution without padding makes 2 × 2 of them: four answers.
#
# **Predict.** The side of the score map for images of 288, 384 and 512 pixels. And how many parameters
# has VGG-16 as convolutions only?

# %%
map_288, map_384, map_512, dense_parameters = None, None, None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *The order of the weights.* `flatten` reads map by map, row by row. So a row of the linear
# >   layer's weight, (25088,), is a filter of shape (512, 7, 7), and nothing else.
# > - *No padding*: the 7 × 7 filter has to have a single place on 7 × 7 maps.
# > - *Everything in between stays*: the ReLUs, and dropout, which rests in evaluation mode.
# > - *Do not average, do not apply softmax.* Return the map of scores.
# > - *Leave the network that came in as it was.*
#
# **Your turn** · difficulty ●●● · 15 minutes · 4 points
#
# The network that comes in has two parts. `vgg.features` ends with a pooling; `vgg.classifier` is an
# `nn.Sequential` of three `nn.Linear`, with `nn.ReLU` and `nn.Dropout` in between. Between the two
# parts it flattens. The check uses networks that are smaller than VGG, with maps of 3 × 3, say, in
# front of the first linear layer: compute the size from the layer.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "fc_to_conv-answer", "locked": false, "schema_version": 3, "solution": true}
def fc_to_conv(vgg):
    """The network `vgg` as convolutions only, with copies of the same weights, as an nn.Module.

    vgg: has `features` and `classifier`, as described above. The maps that `features` gives for
    images of the expected size are square, and have as many channels as its last nn.Conv2d has
    filters. Returns a module that maps (N, C, H, W) to a map of scores, (N, num_classes, h, w).
    """
    ### BEGIN SOLUTION
    convs = [layer for layer in vgg.features if isinstance(layer, nn.Conv2d)]
    channels, layers = convs[-1].out_channels, []
    for layer in vgg.classifier:
        if isinstance(layer, nn.Linear):
            size = round((layer.in_features / channels) ** 0.5)
            conv = nn.Conv2d(channels, layer.out_features, size, dtype=layer.weight.dtype)
            with torch.no_grad():
                conv.weight.copy_(layer.weight.reshape(conv.weight.shape))
                conv.bias.copy_(layer.bias)
            channels, layer = layer.out_features, conv
        layers.append(layer)
    return nn.Sequential(copy.deepcopy(vgg.features), *layers)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: the loop</summary>
#
# Go through `vgg.classifier`. Keep what is not an `nn.Linear`. For a linear layer make an
# `nn.Conv2d(channels, layer.out_features, size)` and copy weight and bias into it, under
# `with torch.no_grad():`. Begin with `channels` of the last convolution of `vgg.features`; after each
# linear layer, `channels = layer.out_features`.
# </details>
#
# <details><summary>Hint 2: the size</summary>
#
# `in_features` is `channels * size * size`. For the second and third linear layer this gives 1.
# </details>
#
# <details><summary>Hint 3: the weights</summary>
#
# `conv.weight.copy_(layer.weight.reshape(conv.weight.shape))`. Give the convolution the dtype of the
# layer, `dtype=layer.weight.dtype`.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "fc_to_conv", "locked": true, "points": 4, "schema_version": 3, "solution": false}
check.fc_to_conv(fc_to_conv)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
with torch.device("meta"):
    dense16 = fc_to_conv(vgg16)
sides = {q: dense16(torch.empty(1, 3, q, q, device="meta")).shape[-1]
         for q in (224, 256, 288, 352, 384, 416, 512)}  # fmt: skip
print("your predictions:", map_288, map_384, map_512, dense_parameters)
print("parameters:", f"{sum(p.numel() for p in dense16.parameters()):,}")
plots.table(["image", *map(str, sides)], [["score map", *(f"{side} x {side}" for side in sides.values())]])

# %% [markdown]
# *Table 7. VGG-16 as convolutions only, on the image sizes of the paper.* The parameters are the same
# numbers, in another shape.
#
# What is it good for? Let us train a small network of VGG's kind on single digits of 32 × 32 pixels,
# and then show it something it has never seen: four digits next to each other.
#
# **Predict.** The strip has 32 × 128 pixels, and the network three poolings. How many answers does it
# give along the strip? What will it answer where its window lies between two digits?

# %%
answers_along, between_digits = None, None  # your predictions


# %% tags=["showcase", "nbval-ignore-output"]
def small_vgg():
    """Three stages of one layer each, and a classifier that reads maps of 4x4."""
    entries = [8, "M", 16, "M", 32, "M"]
    layers, channels = [], 1
    for entry in entries:
        pool = entry == "M"
        layers.append(nn.MaxPool2d(2) if pool else nn.Conv2d(channels, entry, 3, padding=1))
        layers += [] if pool else [nn.ReLU()]
        channels = channels if pool else entry
    net = nn.Module()
    net.features = nn.Sequential(*layers)
    net.classifier = nn.Sequential(
        nn.Linear(32 * 4 * 4, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 10)
    )
    return net


seed_everything(0)
images, labels = digits(size=32, margin=4)
small = small_vgg()
whole = nn.Sequential(small.features, nn.Flatten(), small.classifier)
optimizer = torch.optim.SGD(whole.parameters(), lr=0.05, momentum=0.9)
loader = Batches(images[:1437], labels[:1437], batch_size=64)
for _ in progress(range(10), "epoch"):
    train_one_epoch(whole, loader, optimizer, nn.CrossEntropyLoss())
test = Batches(images[1437:], labels[1437:], batch_size=360)
print(f"single test digits: {evaluate(whole, test, nn.CrossEntropyLoss())[1]:.1%}")

# %% tags=["showcase", "nbval-ignore-output"]
strip = torch.cat([images[1437 + k] for k in (5, 0, 2, 1)], dim=2)[None]
with torch.no_grad():
    scores = fc_to_conv(small).eval()(strip)[0]
sure, answers = scores.softmax(dim=0).max(dim=0)
print("your predictions:", answers_along, between_digits)
fig, axes = plots.panels(2, 1, width=9, height=1.9, height_ratios=(3.3, 1))
plots.picture(axes[0], strip[0, 0], "one image of 32 x 128")
plots.answer_map(axes[1], answers, sure, "the answer of each window of 32 x 32, 8 pixels apart")
plots.show(fig, alt="Above, handwritten digits: 7, 2, 4 and 3; below, a row of thirteen answers.")

# %% [markdown]
# *Figure 10. Above: the image, a 7, a 2, a 4 and a 3. Below: each answer stands under the middle of its
# window, darker where the network is surer. Answers 1, 5, 9 and 13 are those of the windows that hold
# exactly one digit.*
#
# One run of the network gives thirteen answers. The windows on a digit are mostly right. Those in
# between get an answer, too, and some are very sure of a digit that nobody wrote: the network has
# only ever been asked *which* digit, never *whether* there is one. One strip and one training; read
# no accuracy off it.
#
# ## 8. Your own design
#
# Now you are the designer. A doorbell with a camera needs a network that turns 3 × 64 × 64 pixels into
# 128 maps of 8 × 8, on which something else will then decide. The chip sets the rules:
#
# | rule | |
# |---|---|
# | the last map | 128 × 8 × 8 |
# | one output of it sees | at least 64 pixels, along one direction |
# | convolutions | at least 8, for the sake of their activations |
# | parameters, with biases | at most 100,000 |
# | MACs | at most 15,000,000 |
# | memory of the outputs of all convolutions and poolings (not the image, not the ReLUs) | at most 512 KiB |
#
# The language is the one of part 4, and every convolution may have a size of its own:
# `16` is 3 × 3 with 16 filters, `(16, 5)` is 5 × 5, `(16, 1)` is 1 × 1; all have stride 1 and keep the
# size. `"M"` is 2 × 2 max pooling. There is not one solution, there are thousands.
#
# **Predict.** A small VGG, `[16, 16, "M", 32, 32, "M", 64, 64, "M", 128, 128]`. Which of the six rules
# does it break?

# %%
broken_rules = None  # your prediction

# %% tags=["showcase"]
first_try = [16, 16, "M", 32, 32, "M", 64, 64, "M", 128, 128]
print("your prediction:", broken_rules)
rows = [[check.RULES[rule], f"{found:,.0f}" if rule != "output" else "×".join(map(str, found))]
        for rule, found in check.design_numbers(first_try).items()]  # fmt: skip
plots.table(["rule", "this design"], rows)

# %% [markdown]
# *Table 8. The small VGG against the rules.*
#
# > **What you can turn.**
# >
# > - Early layers cost memory and MACs; late layers cost parameters. So thin the two ends in
# >   different ways.
# > - Behind more poolings, a layer widens the field by more pixels. Three poolings are given by the
# >   last map; *where* they stand is not.
# > - A 1 × 1 layer has a ninth of the weights of a 3 × 3 layer, and an activation of its own. It does
# >   not widen the field. `128, (32, 1), 128` has far fewer weights than `128, 128, 128`.
# > - 128 maps are asked for at the end only.
#
# **Your turn** · difficulty ●●○ · 15 minutes · 3 points
#
# Each rule is worth half a point; the three budgets count as soon as the last map has its shape.
# (Delete the two lines below `None`.)

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "my_design-answer", "locked": false, "schema_version": 3, "solution": true}
my_design = None  # a list, such as [16, 16, "M", ...]
### BEGIN SOLUTION
my_design = [8, "M", 16, 16, "M", 32, 32, "M", 64, (32, 1), 64, (32, 1), 128]
### END SOLUTION

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# The whole budget of parameters is less than what the last layer of the small VGG has alone:
# 128 · 128 · 9 = 147,456. Let the last layer read 32 or 48 maps, or make it 1 × 1.
# </details>
#
# <details><summary>Hint 2</summary>
#
# One layer of 8 filters on 64 × 64 pixels needs 128 KiB, a quarter of the memory. One is enough
# there. On 8 × 8 pixels, layers cost nearly nothing but parameters: put the depth, and the field, there.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "my_design", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.my_design(my_design)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
fig, axes = plots.panels(1, 2, width=4, height=5)
plots.configurations(axes[0], {"small VGG": first_try, "yours": my_design}, "two designs")
has, had = check.design_numbers(my_design), check.design_numbers(first_try)
budgets = {"params": check.MOST_PARAMS, "MACs": check.MOST_MACS, "memory": check.MOST_KIB}
shares = {who: [100 * numbers[rule] / most for rule, most in budgets.items()]
          for who, numbers in (("small VGG", had), ("yours", has))}  # fmt: skip
plots.dots(axes[1], shares, list(budgets), "what they use, in percent of the budget")
axes[1].axvline(100, color="black", ls="--", lw=1, label="the budget")
axes[1].set_xlabel("percent of the budget")
axes[1].legend()
plots.show(fig)

# %% [markdown]
# *Figure 11. Left: both designs. Right: what they use of each budget; yours should
# lie left of the line.*
#
# Keeping the rules does not make a network good. That takes data, training and a test; none of
# these six numbers knows whether somebody stands at the door.

# %% [markdown]
# ## 9. Slide check
#
# The numbers about VGG that the lectures print, computed before your eyes. First the ones that you
# can trust as they stand.

# %% tags=["showcase"]
from helpers.models import alexnet, alphago
from helpers.stacks import filter_weights as weights_of

with torch.device("meta"):
    nets = {name: reference.make_vgg(c) for name, c in CONFIGURATIONS.items()}
    counted = {name: counting.count(net, (3, 224, 224)) for name, net in nets.items()}
    alex = counting.count(alexnet.AlexNet64(), (3, 227, 227))
    go = counting.count(alphago.PolicyNet(), (48, 19, 19))
    dense = reference.fc_to_conv(nets["D"])
    maps = [dense(torch.empty(1, 3, q, q)).shape[-1] for q in (224, 256, 384, 512)]
field = counting.receptive_field
large, deep = (counting.conv_cost(c, c, 3, n, padding=1).macs for c, n in ((8, 20), (16, 10)))
elements = [3 * 224 * 224, *(round(row.kib * 256) for row in cost.layers if row.type != "Flatten")]
weights = [row.params - row.out_shape[0] for row in cost.layers if row.params]
fc = cost.select("Linear")


def conv_mib(count):
    """MiB of the outputs of all convolutions."""
    return count.select("Conv2d").kib / 1024


# %% tags=["showcase"]
agree = [
    ["two and three 3x3 layers see", "5x5 and 7x7", f"{field([(3, 1)] * 2)}, {field([(3, 1)] * 3)}"],
    ["5x5 and two 3x3, C maps everywhere", "25 C², 18 C²", "{}, {}".format(*weights_of(1, 1, 5))],
    ["7x7 and three 3x3", "49 C², 27 C²: 81 % more", f"{49 / 27 - 1:.1%} more"],
    ["a 1x1 layer widens the field by", "nothing", field([(3, 1), (1, 1)]) - field([(3, 1)])],
    ["layers with weights, A to E", "11, 11, 13, 16, 16, 19",
     ", ".join(str(len(c.select("Conv2d", "Linear").layers)) for c in counted.values())],
    ["parameters, A to E, million", "133, 133, 133, 134, 138, 144",
     ", ".join(f"{c.params / 1e6:.1f}" for c in counted.values())],
    ["pooling: 224 becomes", "112, 56, 28, 14, 7",
     ", ".join(str(r.out_shape[1]) for r in cost.select("MaxPool2d").layers)],
    ["weights of conv1_1, conv1_2, conv5_3", "1,728; 36,864; 2,359,296",
     f"{weights[0]:,}; {weights[1]:,}; {weights[12]:,}"],
    ["weights of the linear layers", "102,760,448; 16,777,216; 4,096,000",
     "; ".join(f"{w:,}" for w in weights[13:])],
    ["elements of image, conv1_1, conv2_1", "150K, 3.2M, 1.6M",
     f"{elements[0]:,}; {elements[1]:,}; {elements[4]:,}"],
    ["most memory is in the early convolutions", "conv1_1, conv1_2",
     f"{sum(elements[1:3]) / sum(elements):.1%} in these two"],
    ["most parameters are in the linear layers", "fc6", f"{weights[13] / sum(weights):.1%} in fc6"],
    ["parameters against AlexNet-64", "138M / 61M, 2.3x", f"{cost.params / alex.params:.2f}"],
    ["score map for 224, 256, 384, 512 pixels", "1, 2, 6, 10",
     ", ".join(map(str, maps))],
    ["3x3, C maps of 2Hx2W against 2C maps of HxW", "the same, 36 HWC²",
     f"{large:,} and {deep:,} MACs (C = 8, H = W = 10)"],
    ["what fc6 reads", "25088, 98 KB",
     "{}, {:.0f} KiB".format(*cost.select("Flatten").layers[0].out_shape,
                             cost.select("Flatten").kib)],
    ["AlphaGo's first twelve layers give", "19x19x192",
     ", ".join(sorted({"x".join(map(str, r.out_shape[::-1])) for r in go.layers[:12]}))],
]  # fmt: skip
plots.table(["claim", "the slides say", "computed here"], agree)

# %% [markdown]
# *Table 9. These agree, some of them rounded.*

# %% tags=["showcase"]
last = [stage[-1].macs / 1e6 for stage in stages]
footnotes = [
    ["all filters are 3x3", "a rule of VGG",
     f"C has {sum(isinstance(e, tuple) for e in CONFIGURATIONS['C'])} layers of 1x1"],
    ["after a pooling, double the channels", "a rule of VGG",
     "64, 128, 256, 512, 512: not after the fourth"],
    ["convolutions at each resolution cost the same", "same",
     "C to C, million MACs: " + ", ".join(f"{m:,.0f}" for m in last) + "; per stage "
     + ", ".join(f"{sum(r.macs for r in s) / 1e6:,.0f}" for s in stages)],
    ["parameters of fc6, fc7, fc8, thousands", "102,760; 16,777; 4,096",
     "with biases, as the formula beside them has: "
     + "; ".join(f"{r.params / 1e3:,.0f}" for r in fc.layers)],
    ["a kernel has N x N x C x C weights", "and the figure uses 3 x 64",
     "right for C to C; at the image it is N x N x 3 x C"],
    ["'flop' of fc6", "103M", f"{fc.layers[0].macs:,} MACs, twice as many FLOPs"],
    ["VGG-19: slightly better, more memory", "than VGG-16",
     f"{counted['E'].params - cost.params:,} more parameters,"
     f" {counted['E'].macs / cost.macs - 1:.0%} more MACs, {conv_mib(counted['E']):.1f} instead of"
     f" {conv_mib(cost):.1f} MiB"],
]  # fmt: skip
plots.table(["claim", "the slides say", "found here"], footnotes)

# %% [markdown]
# *Table 10. These want a footnote.* And these are wrong, all but the first four from one slip:

# %% tags=["showcase"]
total, early = sum(elements), [row for row in convs if row.out_shape[1] > 28]
slips = [
    ["two 3x3 layers, 64 filters, RGB", "3x3x3x64 twice: 3,456", f"{weights_of(3, 64, 5)[1]:,}"],
    ["three 3x3 layers, 64 filters, RGB", "3 times 3x3x3x64: 5,184", f"{weights_of(3, 64, 7)[1]:,}"],
    ["memory of VGG-16 for one image", "24M x 4 bytes, 93 or 96 MB",
     f"{total:,} elements, {4 * total / 1e6:.1f} MB or {4 * total / 2**20:.1f} MiB"],
    ["VGG-19 has four convolutions in", "stages 4 and 5", "stages 3, 4 and 5"],
    ["stage 3", "conv-conv-pool", f"{len(stages[2])} convolutions in VGG-16, 4 in VGG-19"],
    ["MACs", "13.6 G", f"{cost.macs / 1e9:.2f} G"],
    ["... against AlexNet-64", "19.4x", f"{cost.macs / alex.macs:.1f}x"],
    ["memory of all convolutions", "48.6 MB", f"{conv_mib(cost):.2f} MiB"],
    ["... against AlexNet-64", "25x", f"{conv_mib(cost) / conv_mib(alex):.1f}x"],
    ["memory down to 28x28", "42.9 MB", f"{sum(r.kib for r in early) / 1024:.2f} MiB"],
    ["parameters down to 28x28", "1.1M", f"{sum(r.params for r in early):,}"],
    ["MACs down to 28x28", "7,485M", f"{sum(r.macs for r in early) / 1e6:,.0f}M"],
]  # fmt: skip
plots.table(["claim", "the slides say", "computed here"], slips)

# %% [markdown]
# *Table 11. The last eight follow from a single missing layer, conv3_3.*
#
# None of this is a reproach. Everybody who has drawn a VGG from memory has forgotten a layer.

# %% [markdown]
# All that the lectures claim about VGG and AlphaGo stands in one table, `helpers.claims`. What of it can be
# computed is computed by the course's own code. Once more, all at once:

# %% tags=["showcase"]
from helpers import claims

print(claims.summary("vgg", "alphago"))

# %% [markdown]
# `claims.show("vgg", "alphago")` lists them, and with `verdicts=["wrong", "conflicting"]` those that do not
# hold.
#
# ## 10. Going further
#
# ### The pattern of all these networks
#
# **Optional** · difficulty ●●● · 35 minutes together
#
# A lecture sums up LeNet, AlexNet and VGG in one line:
#
# `[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K,SOFTMAX`
#
# with N up to about 5, M large, and K from 0 to 2. Put numbers in place of the letters, say for
# each group of stages whether there is a pooling, and it becomes a description a program can read.
#
# **Predict.** VGG-16 has three linear layers. Which K does it have? Which of its layers has no place
# in the pattern?

# %%
k_of_vgg, no_place = None, None  # your predictions

# %%
PATTERNS = {
    "LeNet-5": "[CONV-RELU-POOL]*2-(FC-RELU)*2-FC",
    "AlexNet": "[CONV-RELU-POOL]*2-[(CONV-RELU)*3-POOL]*1-(FC-RELU)*2-FC",
    "VGG-16": "[(CONV-RELU)*2-POOL]*2-[(CONV-RELU)*3-POOL]*3-(FC-RELU)*2-FC",
    "VGG-19": "[(CONV-RELU)*2-POOL]*2-[(CONV-RELU)*4-POOL]*3-(FC-RELU)*2-FC",
}
print("your predictions:", k_of_vgg, no_place)
print("K = 2: VGG-16 has (FC-RELU)*2, and then one more FC, which gives the scores.")
print("This last FC has no ReLU, so it has no place in the pattern.")

# %% [markdown]
# The rules of the language:
#
# - layers are `CONV`, `RELU`, `POOL`, `FC`, `SOFTMAX`; a dash joins them; blanks mean nothing;
# - `( )` and `[ ]` both group, and may stand inside each other;
# - `*2` behind a layer or a group repeats it, `*0` leaves it out;
# - after an `FC` there are no maps, so no `CONV` and no `POOL` can follow;
# - everything else is an error: letters for numbers, `POOL?`, a bracket without its partner, an unknown
#   layer, nothing between two dashes, no layer at all.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "parse_pattern-answer", "locked": false, "schema_version": 3, "solution": true}
def parse_pattern(spec):
    """The layers of a pattern, from the input on: "(CONV-RELU)*2-FC" has five.

    spec: text in the language above. Returns a list of words, such as
    ["CONV", "RELU", "CONV", "RELU", "FC"].
    Raises ValueError, with a sentence, for what is no pattern.
    """
    ### BEGIN SOLUTION
    tokens = re.findall(r"[A-Za-z]+|\d+|\S", spec)

    def sequence():
        words = item()
        while tokens[:1] == ["-"]:
            tokens.pop(0)
            words += item()
        return words

    def item():
        token = tokens.pop(0) if tokens else "the end"
        if token in ("(", "["):
            words = sequence()
            if not tokens or token + tokens.pop(0) not in ("()", "[]"):
                raise ValueError(f"the bracket {token} has no partner")
        elif token in ("CONV", "RELU", "POOL", "FC", "SOFTMAX"):
            words = [token]
        else:
            raise ValueError(f"{token} is no layer")
        if tokens[:1] == ["*"]:
            tokens.pop(0)
            if not tokens or not tokens[0].isdigit():
                raise ValueError("a number should follow *")
            words = words * int(tokens.pop(0))
        return words

    words = sequence()
    if tokens or not words:
        raise ValueError(f"{tokens[0]} is not expected there" if tokens else "there is no layer")
    if "FC" in words and {"CONV", "POOL"} & set(words[words.index("FC") :]):
        raise ValueError("no CONV or POOL can follow an FC")
    return words
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: two ways</summary>
#
# Either a function that reads items from the front of a list of tokens and calls itself for what
# stands in brackets (`re.findall(r"[A-Za-z]+|\d+|\S", spec)` makes the tokens). Or a loop that looks for
# a bracket with no bracket inside, and replaces it by what it stands for, until none is left.
# </details>
#
# <details><summary>Hint 2: errors</summary>
#
# `raise ValueError("a bracket has no partner")`. Where your code is about to look something up that
# may not be there, ask first.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "parse_pattern", "locked": true, "points": 0, "schema_version": 3, "solution": false}
check.parse_pattern(parse_pattern)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# And a network from it. `CONV` is 3 × 3 with padding 1, `POOL` is 2 × 2 max pooling. The numbers of
# filters and units come in a list, one for each `CONV` and `FC`:


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "build_from_pattern-answer", "locked": false, "schema_version": 3, "solution": true}
def build_from_pattern(spec, widths, in_channels=3, size=32):
    """The network of a pattern, an nn.Module that reads x: (N, in_channels, size, size).

    widths: how many maps or units each CONV and each FC gives, in their order, the scores included.
    RELU, POOL and SOFTMAX are layers where the pattern has them, and nowhere else.
    Raises ValueError if the pattern is none, or if there are too few or too many widths.
    """
    ### BEGIN SOLUTION
    words, widths = parse_pattern(spec), list(widths)
    if sum(word in ("CONV", "FC") for word in words) != len(widths):
        raise ValueError("there should be one width for each CONV and FC")
    layers, channels, flat = [], in_channels, False
    for word in words:
        if word == "CONV":
            layers.append(nn.Conv2d(channels, widths[0], 3, padding=1))
            channels = widths.pop(0)
        elif word == "POOL":
            layers.append(nn.MaxPool2d(2))
            size = size // 2
        elif word == "FC":
            if not flat:
                layers.append(nn.Flatten())
                channels, flat = channels * size * size, True
            layers.append(nn.Linear(channels, widths[0]))
            channels = widths.pop(0)
        else:
            layers.append(nn.ReLU() if word == "RELU" else nn.Softmax(dim=1))
    return nn.Sequential(*layers)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "build_from_pattern", "locked": true, "points": 0, "schema_version": 3, "solution": false}
check.build_from_pattern(build_from_pattern)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
widths = [entry for entry in CONFIGURATIONS["D"] if entry != "M"] + [4096, 4096, 1000]
rows = []
for name, spec in PATTERNS.items():
    words = parse_pattern(spec)
    rows.append([name, *(words.count(kind) for kind in ("CONV", "POOL", "FC")), len(words)])
plots.table(["network", "CONV", "POOL", "FC", "layers in the list"], rows)
with torch.device("meta"):
    built = build_from_pattern(PATTERNS["VGG-16"], widths, 3, 224)
print("VGG-16 from its pattern:", f"{sum(p.numel() for p in built.parameters()):,} parameters")

# %% [markdown]
# *Table 12. Four networks from their patterns.* GoogLeNet and ResNet, in the next two notebooks,
# break it: their layers do not stand in a row.
#
# ### A design without pooling: AlphaGo
#
# The policy network of AlphaGo reads a Go position, 48 planes of 19 × 19, and gives a probability for
# each of the 361 points: a 5 × 5 layer, eleven 3 × 3 layers, 192 maps each, then a single 1 × 1 filter.
# There is no pooling. Why not? The answer has to say *where*, to the point.
#
# **Predict.** What is its receptive field? And how many of the 361 points can the output at a corner
# see?

# %%
field_of_go, seen_by_corner = None, None  # your predictions

# %% tags=["showcase"]
thin = alphago.PolicyNet(in_channels=1, channels=1).layers[:-1].double()  # without the flattening
for parameter in thin.parameters():
    nn.init.constant_(parameter, 0.1)
board = torch.rand(1, 1, 19, 19, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
corner = receptive_field_by_perturbation(thin, board, 0, 0)
middle = receptive_field_by_perturbation(thin, board, 9, 9)
last_layer = go.layers[-2]
print("your predictions:", field_of_go, seen_by_corner)
print(f"{go.params:,} parameters, {go.macs:,} MACs, field {last_layer.receptive_field}")
fig, axes = plots.panels(1, 2, width=3, height=3.2)
plots.field_map(axes[0], corner, f"the corner sees {int(corner.sum())} of 361 points")
plots.field_map(axes[1], middle, f"the middle sees {int(middle.sum())}")
plots.show(fig)

# %% [markdown]
# *Figure 12. Found by perturbation, on a network of the same design with a single map.*
#
# The field of 27 is larger than the board. And yet a corner does not see the opposite corner:
# it sees 13 points far in each direction, and a field that reaches over the border sees only padding
# there.
#
# ### More to try
#
# - A network of 3 × 3 layers only, stride 1, no pooling: how many layers until one output sees 224
#   pixels? Which poolings would you add, and how many layers does that save?
# - Repeat Figure 3 with a ReLU after each layer, or with a pooling in the middle.
# - Add a rule to part 8, an even smaller memory, say, and see which designs of your friends survive.
#
# ### References
#
# - K. Simonyan, A. Zisserman, *Very deep convolutional networks for large-scale image recognition*,
#   ICLR 2015, arXiv:1409.1556. Table 1: the configurations; table 2: their parameters; table 3: their
#   errors; section 3.2: dense evaluation; section 4.1: the comparison with 5 × 5 filters.
# - W. Luo, Y. Li, R. Urtasun, R. Zemel, *Understanding the effective receptive field in deep
#   convolutional neural networks*, NeurIPS 2016, arXiv:1701.04128.
# - P. Sermanet and others, *OverFeat: integrated recognition, localization and detection using
#   convolutional networks*, ICLR 2014, arXiv:1312.6229. Networks that slide.
# - D. Silver and others, *Mastering the game of Go with deep neural networks and tree search*, Nature
#   529 (2016). Methods: the policy network.
# - CS231n (Stanford, 2016), lecture 7; *DNNs in static images*; *CNN architectures* (DeepRob); *VGG Net*:
#   the lectures whose numbers part 9 checks.
