# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Inception: several kernels at once, and how to afford them
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# VGG-16 used one kernel size for everything, and paid with 138 million parameters. The winner of the
# same year's ImageNet challenge, GoogLeNet, has twenty times fewer. Its modules look at each place
# with *three* kernel sizes at once, which should make them dearer. The trick that makes them cheap
# is the smallest convolution there is: 1 × 1.
#
# **You can then**
#
# - build an inception module, and explain why each branch keeps the size;
# - count what it costs, to the last multiplication, and check the slides' numbers with it;
# - use 1 × 1 convolutions as bottlenecks, and choose their widths under a budget;
# - replace millions of weights by an average, and say what is lost;
# - put a loss in the middle of a network, and measure what it does to the gradient.

# %%
# Set-up. Run this cell first; on Colab it also fetches the course's helpers.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("helpers") is None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "{{repository}}"], check=True)

import torch
from torch import nn

from helpers import counting, plots
from helpers.checks import inception_bottlenecks as check
from helpers.data import digits
from helpers.runtime import seed_everything

torch.set_num_threads(1)  # networks this narrow gain nothing from more of them
seed_everything(0)
print("Ready.")

# %% [markdown]
# ## How this notebook works
#
# | part | what you write | points | minutes |
# |---|---|---|---|
# | 1. Four branches | `NaiveInception`, `naive_inception_macs` | 6 | 30 |
# | 2. First 1 × 1 | `bottleneck_inception_macs`, `Inception` | 7 | 30 |
# | 3. Stacked | `stacked_channels` | 1 | 10 |
# | 4. Choose the widths yourself | `reducer_widths`: any good choice is right | 2 | 10 |
# | 5. The stem | `stem_numbers`, a short answer in words | 3 | 20 |
# | 6. Average, then classify | `GlobalAvgPoolHead` | 2 | 10 |
# | 7. Auxiliary heads | `AuxiliaryHead`, `googlenet_loss` | 4 | 20 |
# | 8. GoogLeNet | `GoogLeNet`, from your own parts | 3 | 30 |
# | 9. Do the heads help the early layers? | a short answer in words | 2 | 15 |
# | 10. Slide check | nothing | – | 5 |
# | 11. Going further | if you like | – | as you like |
#
# This core takes about **three hours** and carries all **30 points**. You can stop after any part.
# As before: **predict** before you run, write **your code** where it says so, run the **check** as
# often as you like, and open the **hints** one at a time. When you hand in, the same cells are
# graded on further inputs.

# %% [markdown]
# ## 1. Four branches
#
# Is the thing you are looking for small or large on the image? Before you have found it, you do not
# know. So which kernel size is right for a layer? The answer of the *inception module* is: all of
# them. Its input goes into four **branches** side by side: a 1 × 1, a 3 × 3 and a 5 × 5
# convolution, and a max pooling. What they give is **stacked** along the channels, and the next
# layer may take what it likes.
#
# The lecture's example reads 256 maps of 28 × 28. Its convolutions have 128, 192 and 96 filters.

# %% tags=["showcase"]
naive = [
    [("1×1 conv", "conv", 128)], [("3×3 conv", "conv", 192)], [("5×5 conv", "conv", 96)],
    [("3×3 max pool", "pool", 256)],
]  # fmt: skip
fig, (ax,) = plots.panels(width=8, height=3.4)
plots.branches(ax, 256, naive, "a naive inception module, all maps 28 × 28")
plots.show(fig)

# %% [markdown]
# *Figure 1. Four branches read the same 256 maps. The numbers beside the arrows are channels.*
#
# Stacking has one condition: the maps of all branches must have the **same height and width**. A
# 3 × 3 convolution keeps the size if it has padding 1, a 5 × 5 convolution needs padding 2. And the
# pooling? Usually it *halves*. Here it must not: 3 × 3, **stride 1, padding 1**.
#
# **Predict.** What is the shape `(C, H, W)` of the module's output? And what would the pooling
# branch give if you wrote `nn.MaxPool2d(3)`?

# %%
output_shape, default_pooling_shape = None, None  # your predictions

# %%
x = torch.randn(1, 256, 28, 28)
print("your predictions:", output_shape, default_pooling_shape)
print("stacked:", (128 + 192 + 96 + 256, 28, 28))
print("nn.MaxPool2d(3):", tuple(nn.MaxPool2d(3)(x).shape[1:]))

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *The pooling branch.* Without `stride=1` it shrinks the maps (the stride is the kernel size
# >   unless you say otherwise), without `padding=1` it cuts off their border.
# > - *5 × 5 with padding 1.* What is right for 3 × 3 is too little here.
# > - *Stack along the channels*, `torch.cat(list_of_maps, dim=1)`: axis 0 counts the images. And
# >   stack, do not add.
# > - *The order*: 1 × 1, 3 × 3, 5 × 5, pooling. Any order would do, but the weights of the next
# >   layer depend on it, so everybody has to use the same one.
# > - *A ReLU after each convolution.* The pooled maps get none here: pooling is no convolution.
#
# **Your turn** · difficulty ●●○ · 15 minutes · 3 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "NaiveInception-answer", "locked": false, "schema_version": 3, "solution": true}
class NaiveInception(nn.Module):
    """1x1, 3x3 and 5x5 convolutions and a 3x3 max pooling side by side, stacked in this order.

    NaiveInception(in_channels, n1x1, n3x3, n5x5): the last three are numbers of filters. Each
    convolution has a bias, keeps the size, and is followed by a ReLU. x: (N, in_channels, H, W).
    Returns (N, n1x1 + n3x3 + n5x5 + in_channels, H, W).
    """

    def __init__(self, in_channels, n1x1, n3x3, n5x5):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(in_channels, n1x1, kernel_size=1)
        self.conv3 = nn.Conv2d(in_channels, n3x3, kernel_size=3, padding=1)
        self.conv5 = nn.Conv2d(in_channels, n5x5, kernel_size=5, padding=2)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        convolved = [torch.relu(conv(x)) for conv in (self.conv1, self.conv3, self.conv5)]
        return torch.cat([*convolved, self.pool(x)], dim=1)
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: the layers</summary>
#
# `nn.Conv2d(in_channels, n3x3, kernel_size=3, padding=1)` and its two relatives, and
# `nn.MaxPool2d(kernel_size=3, stride=1, padding=1)`. All four read `in_channels` channels.
# </details>
#
# <details><summary>Hint 2: "Sizes of tensors must match except in dimension 1"</summary>
#
# One branch does not keep the size. The message says which one (it counts from 0) and which size it
# has: print the four shapes and compare.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "NaiveInception", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.NaiveInception(NaiveInception)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### What it costs
#
# "What is the problem with this?", asks the lecture. Count.
#
# A convolution that keeps the size multiplies at each of the H · W places, for each of its filters,
# `in_channels · F · F` values. (1 MAC = one multiplication and one addition. The lectures say
# "ops" and mean MACs; as FLOPs, it would be twice as many.) Pooling compares; it has no MACs.
#
# **Worked example.** The 1 × 1 branch of the lecture: 28 · 28 places, 128 filters, 256 values each,
# 28 · 28 · 128 · 256 = **25,690,112 MACs**.
#
# **Predict.** Which branch costs most: 1 × 1, 3 × 3 or 5 × 5? And the whole module: how many million
# MACs, roughly?

# %%
dearest_branch, million_macs = None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.** F · F values a channel, not F. Places are H · W, and maps need not be
# > square. Biases are added, not multiplied: no MAC. Weights are not MACs; each weight is used once
# > at every place.
#
# **Your turn** · difficulty ●○○ · 10 minutes · 3 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "naive_inception_macs-answer", "locked": false, "schema_version": 3, "solution": true}
def naive_inception_macs(in_channels, size, n1x1, n3x3, n5x5):
    """MACs of a naive inception module, for one image.

    in_channels: channels of its input; size: of the maps, an int for square ones or a pair (H, W);
    n1x1, n3x3, n5x5: filters of the three convolutions, which keep the size.
    Returns an int.
    """
    ### BEGIN SOLUTION
    height, width = size if isinstance(size, tuple) else (size, size)
    values_read = in_channels * (1 * n1x1 + 3 * 3 * n3x3 + 5 * 5 * n5x5)
    return height * width * values_read
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# Three products of the same form, added up. `isinstance(size, tuple)` tells a pair from an int.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "naive_inception_macs", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.naive_inception_macs(naive_inception_macs)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
branches = {f"{f}×{f}": 28 * 28 * 256 * f * f * n / 1e6 for f, n in ((1, 128), (3, 192), (5, 96))}
fig, (ax,) = plots.panels(width=8, height=1.7)
plots.stacked_bars(ax, {"naive": branches}, "what the naive module costs", "million MACs")
plots.show(fig)
print("your predictions:", dearest_branch, million_macs)
print(f"in all {naive_inception_macs(256, 28, 128, 192, 96):,} MACs")

# %% [markdown]
# *Figure 2. 854 million MACs. The 5 × 5 branch has half as many filters as the 3 × 3 branch and
# costs more.*
#
# For comparison: the *whole* of AlexNet-96 costs 724 million. This is one module, and there will be
# nine.

# %% [markdown]
# ## 2. First 1 × 1
#
# What is expensive about the large kernels is that they read all 256 channels. So let them read
# fewer: a **1 × 1 convolution** in front turns 256 channels into 64. It looks at one pixel at a
# time, and mixes its channels. This is the **bottleneck**, and the 1 × 1 convolution is called a
# **reducer**.
#
# The pooling branch has another problem: it gives back all 256 channels, whatever they are worth.
# It gets a 1 × 1 convolution, too, but *behind* the pooling: the **projection**.

# %% tags=["showcase"]
conv, pool = "conv", "pool"
bottleneck = [
    [("1×1 conv", conv, 128)],
    [("1×1 conv", conv, 64), ("3×3 conv", conv, 192)],
    [("1×1 conv", conv, 64), ("5×5 conv", conv, 96)],
    [("3×3 max pool", pool, 256), ("1×1 conv", conv, 64)],
]
fig, (ax,) = plots.panels(width=8, height=4.4)
plots.branches(ax, 256, bottleneck, "the inception module, all maps 28 × 28")
plots.show(fig)

# %% [markdown]
# *Figure 3. The same filters as in Figure 1, and three 1 × 1 convolutions more, of 64 filters
# each.*
#
# ### What it saves
#
# **Worked example.** The 3 × 3 branch. Before: 28 · 28 · 192 · 9 · 256 = 346,816,512 MACs. Now the
# reducer, 28 · 28 · 64 · 256 = 12,845,056, and 192 filters on 64 channels,
# 28 · 28 · 192 · 9 · 64 = 86,704,128. Together 99,549,184: **less than a third**, although there
# are more layers than before.
#
# **Predict.** The whole module has six convolutions. How many million MACs? (854 before.)

# %%
million_macs_now = None  # your prediction

# %% [markdown]
# > **Easy to get wrong.** The reducers cost something, too, and so does the projection. The 3 × 3
# > filters read what *their* reducer gives, and the 5 × 5 filters what theirs gives. The 1 × 1
# > branch has no reducer. Each line counts once: another edition of the lecture's slide has the
# > 3 × 3 line in the sum twice.
#
# **Your turn** · difficulty ●●○ · 10 minutes · 3 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "bottleneck_inception_macs-answer", "locked": false, "schema_version": 3, "solution": true}
def bottleneck_inception_macs(
    in_channels, size, n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj
):
    """MACs of an inception module with reducers and a projection, for one image.

    size: an int for square maps, or a pair (H, W). n3x3_reduce and n5x5_reduce: filters of the 1x1
    convolutions in front of the 3x3 and the 5x5 one; pool_proj: filters of the 1x1 convolution
    behind the pooling. Returns an int.
    """
    ### BEGIN SOLUTION
    height, width = size if isinstance(size, tuple) else (size, size)
    pointwise = in_channels * (n1x1 + n3x3_reduce + n5x5_reduce + pool_proj)
    return height * width * (pointwise + 9 * n3x3_reduce * n3x3 + 25 * n5x5_reduce * n5x5)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# Four 1 × 1 convolutions read `in_channels` channels: the first branch, both reducers, and the
# projection (pooling changes neither size nor channels). Then there are two more convolutions.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "bottleneck_inception_macs", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.bottleneck_inception_macs(bottleneck_inception_macs)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
places = 28 * 28 / 1e6
with_bottleneck = {
    "1×1": places * 256 * 128, "3×3": places * 64 * 9 * 192, "5×5": places * 64 * 25 * 96,
    "reducers": places * 256 * 128, "projection": places * 256 * 64,
}  # fmt: skip
fig, (ax,) = plots.panels(width=8, height=2.3)
both = {"naive": branches, "with bottlenecks": with_bottleneck}
plots.stacked_bars(ax, both, "what a module costs", "million MACs")
plots.show(fig)
macs = [naive_inception_macs(256, 28, 128, 192, 96),
        bottleneck_inception_macs(256, 28, 128, 64, 192, 64, 96, 64)]  # fmt: skip
print("your prediction:", million_macs_now)
print(f"{macs[0]:,} and {macs[1]:,} MACs: {macs[0] / macs[1]:.2f} times fewer")

# %% [markdown]
# *Figure 4. 271 million instead of 854 million MACs. The reducers cost 26 million and save much
# more.*
#
# If you have the lecture at hand: it prints **353 million**. That is not a rounding, and your
# function does not lie. Part 10 says what can be said about it: another edition prints 358, and that
# slip can be found.
#
# ### Before the pooling, or behind it?
#
# For the large kernels, the 1 × 1 convolution comes first. For the pooling it comes last. Could it
# come first there, too?
#
# **Predict.** We exchange the two, pooling and 1 × 1 convolution, with the same weights. Is the
# result the same: with max pooling? With average pooling? And which order has more MACs?

# %%
same_with_max, same_with_average, more_macs = None, None, None  # your predictions

# %%
seed_everything(0)
maps, project = torch.randn(1, 256, 28, 28), nn.Conv2d(256, 64, kernel_size=1)
options = {"kernel_size": 3, "stride": 1, "padding": 1}
average = nn.AvgPool2d(**options, count_include_pad=False)
print("your predictions:", same_with_max, same_with_average, more_macs)
for name, pool in {"max": nn.MaxPool2d(**options), "average": average}.items():
    difference = (project(pool(maps)) - pool(project(maps))).abs().max().item()
    print(f"{name:8} largest difference {difference:.5f}")
print(f"MACs either way: {28 * 28 * 256 * 64:,}")

# %% [markdown]
# Averaging and a 1 × 1 convolution are both linear, one across places and the other across
# channels, and so they can be exchanged: without a ReLU between them, and if the zeros outside the
# map are not counted (`count_include_pad=False`), which would shrink the biases at the border. A
# maximum is not linear: the largest of sums is not the sum of the largest. So with max pooling the
# order matters for *what* is computed; it does not matter for the MACs, as the pooling keeps the
# size. GoogLeNet pools first, and so will you.

# %% [markdown]
# ### The inception module
#
# **Predict.** How many channels does the module of Figure 3 give? Which of its six convolutions
# changes this number if you make it wider?

# %%
channels_out, which_ones_matter = None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *The reducers have a ReLU, too.* Two convolutions with nothing in between are one linear map.
# > - *The large kernels read the reducer's channels*, not the module's.
# > - *The projection comes behind the pooling*, not in front of it.
# > - *The order* of the arguments is that of the paper's table: `n3x3_reduce` belongs to `n3x3`.
#
# **Your turn** · difficulty ●●○ · 15 minutes · 4 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "Inception-answer", "locked": false, "schema_version": 3, "solution": true}
class Inception(nn.Module):
    """The inception module with bottlenecks: four branches, stacked in the order of Figure 3.

    Inception(in_channels, n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj): 1x1; 1x1 then
    3x3; 1x1 then 5x5; 3x3 max pooling then 1x1. A ReLU follows each of the six convolutions.
    x: (N, in_channels, H, W). Returns (N, n1x1 + n3x3 + n5x5 + pool_proj, H, W).
    """

    def __init__(self, in_channels, n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(in_channels, n1x1, kernel_size=1)
        self.reduce3 = nn.Conv2d(in_channels, n3x3_reduce, kernel_size=1)
        self.conv3 = nn.Conv2d(n3x3_reduce, n3x3, kernel_size=3, padding=1)
        self.reduce5 = nn.Conv2d(in_channels, n5x5_reduce, kernel_size=1)
        self.conv5 = nn.Conv2d(n5x5_reduce, n5x5, kernel_size=5, padding=2)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.project = nn.Conv2d(in_channels, pool_proj, kernel_size=1)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        first = self.conv1(x)
        second = self.conv3(torch.relu(self.reduce3(x)))
        third = self.conv5(torch.relu(self.reduce5(x)))
        fourth = self.project(self.pool(x))
        return torch.relu(torch.cat([first, second, third, fourth], dim=1))
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: how many layers?</summary>
#
# Six convolutions and a pooling in `__init__`. In `forward`, one line per branch, then the
# stacking.
# </details>
#
# <details><summary>Hint 2: one ReLU for four</summary>
#
# The last layers of all four branches have a ReLU, so you may apply it once, to the stacked maps.
# The reducers need theirs all the same.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "Inception", "locked": true, "points": 4, "schema_version": 3, "solution": false}
check.Inception(Inception)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %%
module = Inception(256, 128, 64, 192, 64, 96, 64)
out = module(torch.zeros(1, 256, 28, 28))
print("your predictions:", channels_out, which_ones_matter)
params = sum(p.numel() for p in module.parameters())
print("it gives", tuple(out.shape), "and has", f"{params:,}", "parameters")

# %% [markdown]
# The wide ones at the end of their branches matter, 128 + 192 + 96 + 64 = 480. The reducers' widths
# do not show from outside: that is what makes them the place to save.

# %% [markdown]
# ## 3. Stacked
#
# "Pooling preserves depth, so the depth can only grow", says the lecture. (*Depth* here means
# channels.) How fast? Take the naive module and put the next one on top of it, with the same
# numbers of filters. Its input is then what the first one gives.
#
# **Worked example.** 256 channels go in, 128 + 192 + 96 + 256 = 672 come out. The next module's
# pooling keeps all 672.
#
# **Predict.** Channels after four naive modules? After four modules with a projection of 64? And by
# which factor is the fourth naive module dearer than the first?

# %%
naive_after_four, projected_after_four, dearer = None, None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.** Every module reads what the *one before it* gave, not the first input.
# > The pooling branch counts, as all its input or as `pool_proj`. The list begins with
# > `in_channels`.
#
# **Your turn** · difficulty ●○○ · 7 minutes · 1 point


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "stacked_channels-answer", "locked": false, "schema_version": 3, "solution": true}
def stacked_channels(in_channels, modules, n1x1, n3x3, n5x5, pool_proj=None):
    """Channels before the first and behind each of several equal inception modules in a row.

    modules: how many; pool_proj: None for naive modules, which keep all channels when pooling.
    Returns a list of modules + 1 ints; the first one is in_channels.
    """
    ### BEGIN SOLUTION
    channels = [in_channels]
    for _ in range(modules):
        pooled = channels[-1] if pool_proj is None else pool_proj
        channels.append(n1x1 + n3x3 + n5x5 + pooled)
    return channels
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# Begin with `channels = [in_channels]` and append in a loop: `channels[-1]` is what the next module
# reads.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "stacked_channels", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.stacked_channels(stacked_channels)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
grown, kept = (stacked_channels(256, 5, 128, 192, 96, proj) for proj in (None, 64))
naive_macs = [naive_inception_macs(c, 28, 128, 192, 96) / 1e6 for c in grown]
kept_macs = [bottleneck_inception_macs(c, 28, 128, 64, 192, 64, 96, 64) / 1e6 for c in kept]
fig, axes = plots.panels(1, 2, width=4.2, height=2.8)
lines = [("naive", grown), ("with a projection", kept)]
plots.counts(axes[0], lines, "channels", "modules passed", "channels")
lines = [("naive", naive_macs), ("with bottlenecks", kept_macs)]
plots.counts(axes[1], lines, "the next module costs", "modules passed", "million MACs")
plots.show(fig)
print("your predictions:", naive_after_four, projected_after_four, dearer)
print("naive:", grown, " projected:", kept, f" dearer: {naive_macs[3] / naive_macs[0]:.1f} times")

# %% [markdown]
# *Figure 5. Left: channels after 0 to 5 modules. Right: the cost of the module that comes next. All
# maps are 28 × 28.*
#
# A naive module adds 416 channels each time, and the next one has to read them all. With the
# projection, the number is what the author chooses.

# %% [markdown]
# ## 4. Choose the widths yourself
#
# 64 was the lecture's choice. Now it is yours. Same input, 256 maps of 28 × 28, and the same 128,
# 192 and 96 filters; only the three added 1 × 1 convolutions are free. Your module has to keep five
# rules:
#
# 1. *Whole numbers* of at least 1.
# 2. *Budget*: at most **200,000,000 MACs**.
# 3. *Budget used*: at least 95 % of it. What is left over could have been channels.
# 4. *Width of the reducers*: both between 24 and 128. A bottleneck may be narrow, but something has
#    to get through; and one almost as wide as what it reads is none.
# 5. *Channels out*: 440 to 480.
#
# Many answers are right. Each rule counts the same.
#
# **Predict.** You give one channel more to one of the three. Where does it cost most?

# %%
dearest_channel = None  # "n3x3_reduce", "n5x5_reduce" or "pool_proj"

# %%
start = bottleneck_inception_macs(256, 28, 128, 64, 192, 64, 96, 64)
for name, numbers in {
    "n3x3_reduce": (65, 192, 64, 96, 64), "n5x5_reduce": (64, 192, 65, 96, 64),
    "pool_proj": (64, 192, 64, 96, 65),
}.items():  # fmt: skip
    more = bottleneck_inception_macs(256, 28, 128, *numbers) - start
    print(f"one channel more in {name:12} costs {more:9,} MACs")
print("your prediction:", dearest_channel)

# %% [markdown]
# **Your turn** · difficulty ●●○ · 10 minutes · 2 points
#
# Replace each `...`, and delete the line below the dict.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "reducer_widths-answer", "locked": false, "schema_version": 3, "solution": true}
reducer_widths = {"n3x3_reduce": ..., "n5x5_reduce": ..., "pool_proj": ...}
### BEGIN SOLUTION
reducer_widths = {"n3x3_reduce": 64, "n5x5_reduce": 32, "pool_proj": 32}
### END SOLUTION

# %% [markdown]
# <details><summary>Hint</summary>
#
# Start from 64, 64 and 32. Your function says how much that is above the budget, the cell above how
# much each channel gives back.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "reducer_widths", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.reducer_widths(reducer_widths)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# There is no rule for the best choice. GoogLeNet's authors gave the 5 × 5 branch the narrowest
# reducers, 16 to 48 channels, as you will see in part 8: they are the dearest per channel.

# %% [markdown]
# ## 5. The stem
#
# Before the first module, an image of 224 × 224 has to become maps of 28 × 28. VGG-16 takes seven 3
# × 3 convolutions for it, and spends 60 % of its MACs there. GoogLeNet hurries: three convolutions,
# of which the first one and two poolings halve the maps.
#
# | layer | kernel | stride | padding | output |
# |---|---|---|---|---|
# | conv7 | 7 × 7, 64 filters | 2 | 3 | 64 × 112 × 112 |
# | pool1, max | 3 × 3 | 2 | 1 | 64 × 56 × 56 |
# | conv1 | 1 × 1, 64 filters | 1 | 0 | 64 × 56 × 56 |
# | conv3 | 3 × 3, 192 filters | 1 | 1 | 192 × 56 × 56 |
# | pool2, max | 3 × 3 | 2 | 1 | 192 × 28 × 28 |

# %% tags=["showcase"]
stem = [("image", (3, 224, 224)), ("conv7", (64, 112, 112)), ("pool1", (64, 56, 56)),
        ("conv1", (64, 56, 56)), ("conv3", (192, 56, 56)), ("pool2", (192, 28, 28))]  # fmt: skip
fig, (ax,) = plots.panels(width=11, height=3.2)
plots.stages(ax, stem)
plots.show(fig)

# %% [markdown]
# *Figure 6. The stem of GoogLeNet. No more than 16 maps of each stack are drawn.*
#
# **Worked example.** pool1: it writes 64 · 56 · 56 = 200,704 values, 784 KiB as float32. It has no
# parameters and no MACs. Each value is the largest of 9, so it takes 9 · 200,704 = 1,806,336
# *other operations*.
#
# **Predict.** Which of the five layers has the most parameters, which the most memory, which the
# most MACs?

# %%
most_params, most_memory, most_macs = None, None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.** Parameters with bias; one bias a filter. Pooling has 0 MACs, and its
# > operations are counted apart. 1 KiB is 1024 bytes. Memory is that of *all five* outputs here,
# > those of the poolings too.
#
# **Your turn** · difficulty ●●○ · 12 minutes · 2 points
#
# Fill in the numbers; `counting.conv_cost(in_channels, out_channels, kernel_size, size, stride,
# padding)` gives `.params`, `.macs` and `.kib` of one convolution; `size` is that of its *input*. For
# comparison, do the same with **VGG-16 down to 28 × 28**: 3 × 3 convolutions with padding 1, two of
# 64 filters at 224 × 224, two of 128 at 112 × 112, three of 256 at 56 × 56; a 2 × 2 max pooling of
# stride 2 after each group.
#
# `stem_kib` is the memory of all five outputs; `vgg_conv_kib` that of VGG's seven convolutions,
# `vgg_all_kib` that of its three poolings in addition. Replace each `...`, and delete the two lines
# below the dict.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "stem_numbers-answer", "locked": false, "schema_version": 3, "solution": true}
stem_numbers = {
    "conv7_params": ...,
    "conv7_macs": ...,
    "pool2_other_ops": ...,
    "conv1_macs": ...,
    "conv3_params": ...,
    "conv3_macs": ...,
    "stem_kib": ...,
    "stem_params": ...,
    "stem_macs": ...,
    "stem_other_ops": ...,
    "vgg_params": ...,
    "vgg_macs": ...,
    "vgg_conv_kib": ...,
    "vgg_all_kib": ...,
}
### BEGIN SOLUTION
cost = counting.conv_cost
conv7, conv1, conv3 = cost(3, 64, 7, 224, 2, 3), cost(64, 64, 1, 56), cost(64, 192, 3, 56, 1, 1)
stem_layers, pooled = [conv7, conv1, conv3], 64 * 56**2 + 192 * 28**2
channels = [(3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112),
            (128, 256, 56), (256, 256, 56), (256, 256, 56)]  # fmt: skip
vgg = [cost(i, o, 3, size, padding=1) for i, o, size in channels]
vgg_kib, vgg_pooled = sum(layer.kib for layer in vgg), 64 * 112**2 + 128 * 56**2 + 256 * 28**2
stem_numbers = {
    "conv7_params": conv7.params,
    "conv7_macs": conv7.macs,
    "pool2_other_ops": 9 * 192 * 28**2,
    "conv1_macs": conv1.macs,
    "conv3_params": conv3.params,
    "conv3_macs": conv3.macs,
    "stem_kib": sum(layer.kib for layer in stem_layers) + pooled * 4 / 1024,
    "stem_params": sum(layer.params for layer in stem_layers),
    "stem_macs": sum(layer.macs for layer in stem_layers),
    "stem_other_ops": 9 * pooled,
    "vgg_params": sum(layer.params for layer in vgg),
    "vgg_macs": sum(layer.macs for layer in vgg),
    "vgg_conv_kib": vgg_kib,
    "vgg_all_kib": vgg_kib + vgg_pooled * 4 / 1024,
}
### END SOLUTION

# %% [markdown]
# <details><summary>Hint: a list of layers</summary>
#
# Make a list of the seven costs, then `sum(layer.macs for layer in vgg)`. A pooling's memory in KiB
# is the number of its values times 4 / 1024.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "stem_numbers", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.stem_numbers(stem_numbers)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
fig, axes = plots.panels(1, 3, width=3.0, height=2.7)
quantities = [("memory", "KiB", "stem_kib", "vgg_all_kib", 1),
              ("parameters", "thousands", "stem_params", "vgg_params", 1e3),
              ("arithmetic", "million MACs", "stem_macs", "vgg_macs", 1e6)]  # fmt: skip
for ax, (title, unit, stem_key, vgg_key, scale) in zip(axes, quantities, strict=True):
    sums = [stem_numbers[key] / scale for key in (stem_key, vgg_key)]
    plots.bars(ax, sums, ["stem", "VGG-16"], title, unit)
plots.show(fig)
print("your predictions:", most_params, most_memory, most_macs)
for name, of in (("conv3_params", "stem_params"), ("conv3_macs", "stem_macs")):
    print(f"{name} are {stem_numbers[name] / stem_numbers[of]:.0%} of {of}")

# %% [markdown]
# *Figure 7. From 224 × 224 to 28 × 28, poolings included, as you counted it. If you counted right,
# conv3 has 89 % of the stem's parameters and 73 % of its MACs. conv7 has with 41 % the largest share
# of the memory.*
#
# ### In your own words (1 point)
#
# For VGG-16 down to 28 × 28 the lecture prints 1.1 million parameters, 7,485 million MACs, and 42.9
# MB of memory, which it compares with 7.5 MB for the stem. In two or three sentences: which *one*
# slip explains the first two numbers, and how can you tell? And what else is uneven about the
# comparison of memory? (Answer before you read part 10: it gives away this and your numbers.)

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_slip", "locked": false, "points": 1, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (1 point).** The third convolution of 256 filters, conv3_3, is missing: it has
# 590,080 parameters and 1,849,688,064 MACs, and 1,735,488 − 590,080 = 1,145,408, 9,335M − 1,850M =
# 7,485M are just what is printed. The memory lacks its output, too (45.9 − 3.1 = 42.9 MiB);
# besides, VGG's poolings are left out while the stem's are counted: with them VGG has 51.3 MiB.
#
# **Rubric.** ½ point: conv3_3 is missing, with a number that shows it. ½ point: the poolings'
# outputs are counted on one side only.
#
# **Half marks (½ point).** "They forgot a layer, conv3_3, that is why it is too little: 7,485 +
# 1,850 = 9,335." True and shown, but nothing about the memory.
# ### END SOLUTION

# %% [markdown]
# ## 6. Average, then classify
#
# The last module gives 1024 maps of 7 × 7. VGG would flatten them and connect all 50,176 values
# with 4096 units. GoogLeNet averages each map first, to a single number: **global average
# pooling**, GAP. Then one linear layer makes 1000 scores out of 1024 means.
#
# **Predict.** How many parameters has a fully connected layer from 1024 × 7 × 7 to 4096? And the
# linear layer from 1024 to 1000?

# %%
fully_connected_params, after_average_params = None, None  # your predictions

# %%
params = [1024 * 7 * 7 * 4096 + 4096, 1024 * 1000 + 1000]
print("your predictions:", fully_connected_params, after_average_params)
print(f"fully connected: {params[0]:,}   after averaging: {params[1]:,}")
print(f"the averages read {1024 * 7 * 7:,} values and have no parameters at all")

# %% [markdown]
# What is lost is *where* in the map something was. What is won, besides 204 million parameters:
# images may have any size, as every map becomes one number.
#
# > **Easy to get wrong.**
# >
# > - *Average over height and width*, axes 2 and 3. Images and channels stay.
# > - *The mean, not the sum* and not the maximum.
# > - *Any size*: `nn.AvgPool2d(7)` works for 7 × 7 only.
# > - *No softmax at the end*, and no ReLU: scores.
#
# **Your turn** · difficulty ●○○ · 7 minutes · 2 points
#
# The paper puts a dropout of 0.4 before the linear layer. You may; it acts in training only.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "GlobalAvgPoolHead-answer", "locked": false, "schema_version": 3, "solution": true}
class GlobalAvgPoolHead(nn.Module):
    """Scores from the mean of each map, through one linear layer.

    GlobalAvgPoolHead(in_channels, num_classes) reads x: (N, in_channels, H, W), of any size.
    Returns scores (N, num_classes).
    """

    def __init__(self, in_channels, num_classes):
        super().__init__()
        ### BEGIN SOLUTION
        self.dropout = nn.Dropout(0.4)
        self.linear = nn.Linear(in_channels, num_classes)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        means = x.mean(dim=(2, 3))
        return self.linear(self.dropout(means))
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# `x.mean(dim=(2, 3))` has the shape `(N, in_channels)`, just right for
# `nn.Linear(in_channels, num_classes)`.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "GlobalAvgPoolHead", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.GlobalAvgPoolHead(GlobalAvgPoolHead)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# In LeNet-5 you have seen a convolution that is a fully connected layer. Here is the same thought
# again. On 7 × 7 maps, averaging is a **7 × 7 convolution** whose weights are all 1/49 and which
# treats each channel on its own, and the linear layer is a **1 × 1 convolution** on the one pixel
# that is left.
#
# **Predict.** On maps of 9 × 9, as they come from a larger image: what is the output shape of these
# two convolutions, and what that of your head?

# %%
convolutions_on_9x9, head_on_9x9 = None, None  # your predictions

# %%
seed_everything(0)
head = GlobalAvgPoolHead(16, 5).eval()
linear = next(layer for layer in head.modules() if isinstance(layer, nn.Linear))
averaging = nn.Conv2d(16, 16, kernel_size=7, groups=16, bias=False)
pointwise = nn.Conv2d(16, 5, kernel_size=1)
with torch.no_grad():
    averaging.weight.fill_(1 / 49)
    pointwise.weight.copy_(linear.weight[:, :, None, None])
    pointwise.bias.copy_(linear.bias)
    small, large = torch.randn(1, 16, 7, 7), torch.randn(1, 16, 9, 9)
    same = torch.allclose(pointwise(averaging(small))[..., 0, 0], head(small), atol=1e-5)
    print("the same on 7 x 7:", same)
    print("your predictions:", convolutions_on_9x9, head_on_9x9)
    print("on 9 x 9:", tuple(pointwise(averaging(large)).shape), "and", tuple(head(large).shape))

# %% [markdown]
# The convolutions slide, and give scores at 3 × 3 places; the head averages everything and gives
# one answer.

# %% [markdown]
# ## 7. Auxiliary heads
#
# GoogLeNet has 22 layers with weights in a row. In 2014 hardly anybody had trained that many, and
# the authors feared that the gradient from the end would not reach the beginning. So they put two
# small classifiers into the middle, behind the modules 4a and 4d. Their losses are added to the
# main one, with a weight of **0.3**. After training they are thrown away.
#
# An auxiliary head reads maps of 14 × 14: average pooling of 5 × 5 at stride 3; a 1 × 1 convolution
# with 128 filters, ReLU; flatten; a linear layer to 1024 units, ReLU; (dropout 0.7;) a linear layer
# to the scores.

# %% tags=["showcase"]
chain = {
    "in": ((0, 0), "maps\n512×14×14"),
    "pool": ((2.5, 0), "5×5 avg pool\nstride 3\n512×4×4", "pool"),
    "conv": ((5.0, 0), "1×1 conv\nReLU\n128×4×4", "conv"),
    "fc1": ((7.5, 0), "linear\nReLU\n1024", "linear"), "fc2": ((10.0, 0), "linear\n1000", "linear"),
}  # fmt: skip
flows = [("in", "pool"), ("pool", "conv"), ("conv", "fc1"), ("fc1", "fc2")]
fig, (ax,) = plots.panels(width=9, height=1.7)
plots.diagram(ax, chain, flows, "an auxiliary head behind 4a", size=(1.8, 1.0))
plots.show(fig)

# %% [markdown]
# *Figure 8. From maps of 14 × 14 to scores; below in each box the shape that comes out of it.*
#
# **Worked example.** 14 pixels, window 5, stride 3: (14 − 5)/3 + 1 = 4. So 128 · 4 · 4 = 2048
# values go into the first linear layer: 2048 · 1024 + 1024 = 2,098,176 parameters.
#
# **Predict.** How many parameters has the whole head behind 4a (512 maps)? And how many more has
# the one behind 4d (528 maps)?

# %%
head_params, more_behind_4d = None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *Average* pooling, and with `stride=3`: the default stride is the kernel size.
# > - *4 × 4 places stay.* This head does not average everything; that is where its parameters come
# >   from.
# > - *Two ReLUs*, after the convolution and after the first linear layer; none after the last.
# > - *num_classes* holds for this head, too.
# > - *width* multiplies the 128 and the 1024: `int(width * 128)`.
#
# **Your turn** · difficulty ●●○ · 10 minutes · 2 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "AuxiliaryHead-answer", "locked": false, "schema_version": 3, "solution": true}
class AuxiliaryHead(nn.Module):
    """A small classifier on top of a middle layer, for training only.

    AuxiliaryHead(in_channels, num_classes, width=1.0) reads x: (N, in_channels, 14, 14): average
    pooling 5x5, stride 3; 1x1 convolution to 128 channels, ReLU; linear to 1024, ReLU; linear.
    width multiplies the 128 and the 1024. Returns scores (N, num_classes).
    """

    def __init__(self, in_channels, num_classes, width=1.0):
        super().__init__()
        ### BEGIN SOLUTION
        maps, hidden = int(width * 128), int(width * 1024)
        self.pool = nn.AvgPool2d(kernel_size=5, stride=3)
        self.conv = nn.Conv2d(in_channels, maps, kernel_size=1)
        self.fc1 = nn.Linear(maps * 4 * 4, hidden)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(hidden, num_classes)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        x = torch.relu(self.conv(self.pool(x))).flatten(1)
        x = torch.relu(self.fc1(x))
        return self.fc2(self.dropout(x))
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint: "mat1 and mat2 shapes cannot be multiplied"</summary>
#
# Print `x.shape` behind the pooling: it should end in 4 × 4. After `x.flatten(1)` there are
# `int(width * 128) * 4 * 4` values for each image.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "AuxiliaryHead", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.AuxiliaryHead(AuxiliaryHead)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %%
behind = {"4a": AuxiliaryHead(512, 1000), "4d": AuxiliaryHead(528, 1000)}
counts = [sum(p.numel() for p in head.parameters()) for head in behind.values()]
print("your predictions:", head_params, more_behind_4d)
print(f"behind 4a: {counts[0]:,}   behind 4d: {counts[1]:,}, {counts[1] - counts[0]:,} more")
print(f"512 · 128 + 128 = {512 * 128 + 128:,}, and then 2,098,176 and {1024 * 1000 + 1000:,}")

# %% [markdown]
# The 2,048 more are 16 · 128: sixteen channels more to read for each of 128 filters. Two heads have
# 6,379,728 parameters together, almost as many as all the rest of the network.
#
# ### The loss
#
# In training mode the network will return three scores, otherwise one:
#
# > loss = cross-entropy(scores) + 0.3 · cross-entropy(aux_4a) + 0.3 · cross-entropy(aux_4d)
#
# **Predict.** Before training, each of the three heads guesses among ten classes, so that each
# cross-entropy is ln 10 = 2.30. What is the loss in training mode? And in evaluation mode?

# %%
loss_in_training, loss_in_evaluation = None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.** The main loss counts fully. *Each* auxiliary loss counts 0.3; they are
# > not averaged. In evaluation there is one tensor and not a tuple: test with `isinstance(outputs,
# > torch.Tensor)`. Cross-entropy contains the softmax.
#
# **Your turn** · difficulty ●○○ · 8 minutes · 2 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "googlenet_loss-answer", "locked": false, "schema_version": 3, "solution": true}
def googlenet_loss(outputs, labels, aux_weight=0.3):
    """Cross-entropy of the scores, plus aux_weight times that of each auxiliary head.

    outputs: scores (N, num_classes), as in evaluation mode; or, as in training mode, a tuple
    (scores, aux_4a, aux_4d) of such tensors. labels: (N,). Returns a scalar tensor.
    """
    ### BEGIN SOLUTION
    cross_entropy = nn.functional.cross_entropy
    if isinstance(outputs, torch.Tensor):
        return cross_entropy(outputs, labels)
    scores, *auxiliary = outputs
    extra = sum(cross_entropy(aux, labels) for aux in auxiliary)
    return cross_entropy(scores, labels) + aux_weight * extra
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# `scores, *auxiliary = outputs` takes a tuple apart: the first into `scores`, all others into the
# list `auxiliary`. `nn.functional.cross_entropy(scores, labels)` is the mean over the batch.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "googlenet_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.googlenet_loss(googlenet_loss)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %%
guesses, labels = torch.zeros(4, 10), torch.tensor([3, 1, 4, 1])
print("your predictions:", loss_in_training, loss_in_evaluation)
print(f"training:   {googlenet_loss((guesses, guesses, guesses), labels).item():.2f}")
print(f"evaluation: {googlenet_loss(guesses, labels).item():.2f}")

# %% [markdown]
# The two losses are not comparable: a curve of the training loss above that of the evaluation loss
# means nothing here. Compare the main loss with the main loss.

# %% [markdown]
# ## 8. GoogLeNet
#
# You have all parts. The network is the stem, nine modules, and the head. The table of the paper
# has one line a module. Before 4a and before 5a a 3 × 3 max pooling of stride 2 and padding 1
# halves the maps: 28, 14, 7.

# %%
MODULES = {  # 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
for name, (n1x1, _, n3x3, _, n5x5, pool_proj) in MODULES.items():
    print(name, "gives", n1x1 + n3x3 + n5x5 + pool_proj, "channels")

# %% [markdown]
# **Predict.** Eleven parts: the stem, nine modules, and the head. Which of them has the most
# parameters, and which the most MACs?

# %%
part_with_most_params, part_with_most_macs = None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *Each module reads what the one before it gives*: keep a running number of channels.
# > - *The poolings* before 4a and 5a are forgotten, or round up (`ceil_mode`) instead of padding.
# > - *A ReLU after each convolution of the stem*, too.
# > - *The heads* read what **4a** and **4d** give, answer only `if self.training`, and know
# >   `num_classes`.
# > - *width* multiplies every number of channels (not the image's, and not the classes), also in the
# >   stem: `int(width * 64)`.
#
# **Your turn** · difficulty ●●● · 25 minutes · 3 points
#
# Use your own `Inception`, `GlobalAvgPoolHead` and `AuxiliaryHead`. (The paper normalises twice in
# the stem, as AlexNet does; as in the lecture's table, you leave that out.)


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "GoogLeNet-answer", "locked": false, "schema_version": 3, "solution": true}
class GoogLeNet(nn.Module):
    """GoogLeNet: the stem of part 5, the modules of MODULES, and an averaging head.

    GoogLeNet(num_classes=1000, in_channels=3, width=1.0, aux=False) reads
    x: (N, in_channels, 224, 224) and returns scores (N, num_classes). With aux=True, and in
    training mode only, it returns (scores, aux_4a, aux_4d): what auxiliary heads say behind 4a and
    4d. width multiplies every number of channels, `int(width * c)`. 6,998,552 parameters,
    13,378,280 with both heads.
    """

    def __init__(self, num_classes=1000, in_channels=3, width=1.0, aux=False):
        super().__init__()
        ### BEGIN SOLUTION
        c1, c2, c3 = int(width * 64), int(width * 64), int(width * 192)
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, c1, 7, stride=2, padding=3), nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.Conv2d(c1, c2, 1), nn.ReLU(),
            nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )  # fmt: skip
        self.halve = nn.MaxPool2d(3, stride=2, padding=1)
        self.inception, self.aux, channels = nn.ModuleDict(), nn.ModuleDict(), c3
        for name, numbers in MODULES.items():
            widths = [int(width * n) for n in numbers]
            self.inception[name] = Inception(channels, *widths)
            channels = widths[0] + widths[2] + widths[4] + widths[5]
            if aux and name in ("4a", "4d"):
                self.aux[name] = AuxiliaryHead(channels, num_classes, width)
        self.head = GlobalAvgPoolHead(channels, num_classes)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        x, auxiliary = self.stem(x), []
        for name, module in self.inception.items():
            x = module(self.halve(x) if name in ("4a", "5a") else x)
            if name in self.aux and self.training:
                auxiliary.append(self.aux[name](x))
        scores = self.head(x)
        return (scores, *auxiliary) if auxiliary else scores
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: nine modules</summary>
#
# A loop over `MODULES.items()`, with a variable `channels` that starts at the stem's output. Keep
# the modules in an `nn.ModuleDict()`: `self.inception[name] = Inception(channels, *widths)`.
# </details>
#
# <details><summary>Hint 2: the heads</summary>
#
# An `nn.ModuleDict()` that stays empty without `aux`. In `forward`, `if name in self.aux and
# self.training:`. An empty list of answers means: return the scores alone.
# </details>
#
# <details><summary>Hint 3: the parameters are right, the values are not</summary>
#
# Parameters do not see poolings, padding or ReLUs. Go through the table of part 5 line by line.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "GoogLeNet", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.GoogLeNet(GoogLeNet)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
from helpers.models import googlenet as reference

whole, parts = counting.count(reference.GoogLeNet(), (3, 224, 224)), {}
for layer in whole.layers:
    first, *rest = layer.name.split(".")
    parts.setdefault(rest[0] if first in ("inception", "pool") else first, []).append(layer)
rows = [
    counting.LayerCount(
        name, "Linear" if name == "head" else "Conv2d", layers[-1].out_shape,
        sum(r.kib for r in layers), sum(r.params for r in layers), sum(r.macs for r in layers),
    )
    for name, layers in parts.items()
]  # fmt: skip
fig, axes = plots.panels(1, 3, width=3.7, height=3.0)
plots.cost_bars(axes, rows)
plots.show(fig)
print("your predictions:", part_with_most_params, part_with_most_macs)
print(f"{whole.params:,} parameters, {whole.macs:,} MACs; 1 + 2 + 9 · 2 + 1 = 22 layers")

# %% [markdown]
# *Figure 9. Where GoogLeNet keeps its memory, its parameters and its work; each module with the
# pooling in front of it. The stem has 42 % of the memory and 30 % of the work, the last modules and
# the head have the parameters. No part dominates as fc6 does in AlexNet and VGG.*

# %% tags=["showcase"]
from helpers.models.alexnet import AlexNet96
from helpers.models.vgg import CONFIGURATIONS, make_vgg

alexnet = counting.count(AlexNet96(), (3, 227, 227))
vgg16 = counting.count(make_vgg(CONFIGURATIONS["D"]), (3, 224, 224))
networks = {"AlexNet-96": alexnet, "VGG-16": vgg16, "GoogLeNet": whole}
fig, axes = plots.panels(1, 3, width=3.3, height=2.7)
names, found = list(networks), networks.values()
plots.bars(axes[0], [c.params / 1e6 for c in found], names, "parameters", "millions")
plots.bars(axes[1], [c.macs / 1e6 for c in found], names, "arithmetic", "million MACs")
plots.bars(axes[2], [c.kib / 1024 for c in found], names, "memory of the outputs", "MiB")
plots.show(fig)
print(f"{alexnet.params / whole.params:.1f} times fewer parameters than AlexNet-96,")
print(f"{whole.macs / alexnet.macs:.2f} times its MACs;")
print(f"{vgg16.params / whole.params:.1f} and {vgg16.macs / whole.macs:.1f} times less than VGG-16")

# %% [markdown]
# *Figure 10. Three networks. In 2014, GoogLeNet's top-5 error on ImageNet was 6.7 %,
# VGG's 7.3 %, AlexNet's in 2012 16.4 % (with several networks each).*

# %% [markdown]
# ## 9. Do the heads help the early layers?
#
# "It was too deep, the gradient did not propagate", says the lecture about why the heads were
# needed. That can be measured: how large is the gradient in the early layers, with the heads'
# losses and without them?
#
# **Hypothesis.** The auxiliary losses make the gradient in the stem at least ten times larger.
#
# **Experiment.** Your own GoogLeNet, an eighth of its width, before any training; 16 digits,
# enlarged to 224 × 224. One forward pass, and the norm of the loss's gradient with respect to the
# *weights* of eleven convolutions: the 7 × 7 and the 3 × 3 one of the stem, and the 3 × 3 one of each
# module. Only `aux_weight` changes, 0.3 or 0: the weights, the images and the dropout are the same.
# Three seeds.
#
# We do it twice: with the weights that torch starts with, and with *He's* initialisation, which
# chooses the weights so that a ReLU network neither shrinks nor blows up what passes through it.
# He's came out half a year after GoogLeNet; the next notebook looks into it.
#
# **Predict.** By which factor is the gradient in the first layer larger with the heads: with
# torch's weights, and with He's?

# %%
factor_torch, factor_he = None, None  # your predictions


# %%
def he(network):
    """Start all weights from He's normal distribution, all biases from zero."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)


def gradient_norms(aux_weight, seed, start=None):
    """Norms of the loss's gradient in the 7x7 and 3x3 convolutions, in the order they run."""
    seed_everything(seed)
    network, ran = GoogLeNet(num_classes=10, in_channels=1, width=1 / 8, aux=True).train(), []
    if start:
        start(network)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size[0] in (3, 7):
            layer.register_forward_hook(lambda layer, x, out: ran.append(layer))
    images, labels = (t[:16] for t in digits(size=28))
    images = nn.functional.interpolate(images, size=224)
    seed_everything(seed)  # the same units are dropped in every run
    googlenet_loss(network(images), labels, aux_weight).backward()
    return [layer.weight.grad.norm().item() for layer in ran]


# %% tags=["showcase", "nbval-ignore-output"]
starts = {"torch's own weights": None, "He's weights": he}
norms = {
    (start, weight): [gradient_norms(weight, seed, starts[start]) for seed in range(3)]
    for start in starts for weight in (0.3, 0.0)
}  # fmt: skip
layer_names = ["conv7", "conv3", *MODULES]
fig, axes = plots.panels(1, 2, width=4.8, height=3.4)
for ax, start in zip(axes, starts, strict=True):
    runs = {"with the heads": norms[start, 0.3], "without": norms[start, 0.0]}
    told = ("conv7", "4a", "4b", "5b")
    plots.by_layer(ax, runs, layer_names, start, "norm of the gradient", told)
plots.show(fig)

# %% [markdown]
# *Figure 11. The norm of the loss's gradient with respect to the weights of eleven convolutions, on a
# logarithmic scale. Three seeds: solid, dashed, dotted. The heads sit behind 4a and 4d.*

# %% tags=["showcase", "nbval-ignore-output"]
print("your predictions:", factor_torch, factor_he)
rows = []
for start in starts:
    for seed in range(3):
        heads, none = norms[start, 0.3][seed], norms[start, 0.0][seed]
        factors = [f"{heads[k] / none[k]:.2f}" for k in (0, 4, 10)]
        rows.append([start, seed, f"{none[0]:.1e}", f"{none[-1]:.1e}", *factors])
header = ["start", "seed", "conv7, without", "5b, without"]
plots.table([*header, "factor in conv7", "in 4a", "in 5b"], rows)

# %% [markdown]
# *Table 1. The norms without the heads in the first and the last of the eleven layers, and by which
# factor the heads change them.*
#
# With torch's weights the hypothesis holds: without the heads, the gradient is smaller in front than
# at the end by more than three orders of magnitude, and the heads make it larger there by a factor
# far above ten. With He's weights it fails. There the gradient is not smaller in front, and what the
# heads change, by a factor below ten, differs from seed to seed. *Why* is your question now.
#
# Limits: this is the very first step, and nothing was trained. A small gradient need not be a bad
# one: an optimiser can scale it. One narrow network, sixteen images, biases zero in one of the two
# starts. Whether training ends better with the heads is another question; the network's authors
# themselves later found their effect small, and with batch norm, which came a few months
# after GoogLeNet, they are no longer needed, says the lecture.
#
# ### In your own words (2 points)
#
# In three to five sentences: why does the auxiliary loss change the gradient in the stem so much in
# one case and so little in the other? Why does it not change that of 5b at all? Then name one
# conclusion that the experiment does *not* support (not one of the limits listed above).

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_heads", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (2 points).** On the way back, each layer multiplies the gradient by its weights.
# torch's initial weights are small, so the gradient shrinks with every layer, and after some twenty
# layers little of the main loss is left in the stem. The auxiliary losses enter at 4a and 4d, so
# their gradient passes only half of the layers and arrives larger by that much. He's weights keep
# the size of the gradient about constant, so the way does not matter and the heads only add a share
# of similar size. 5b comes after both heads: their losses do not depend on its weights, so its
# gradient is that of the main loss alone. The experiment does not show that 4a and 4d are the best
# places for heads, or 0.3 the best weight: no others were tried.
#
# **Rubric.** ½ point: the gradient is multiplied in each layer, and shrinks with small weights. ½
# point: the heads' gradient has a shorter way (or: with He's weights length does not matter). ½
# point: the heads' losses do not depend on layers behind them. ½ point: a conclusion that really goes
# beyond the experiment and is not among the limits above (other places, numbers or weights of heads,
# other starts, deeper or shallower networks, that He's start makes heads useless, ...).
#
# **Half marks (1 point).** "The gradient vanishes in deep networks, and the heads are closer to the
# stem, so it is larger there. He's initialisation prevents that." It names shrinking and the
# shorter way, but neither 5b nor a limit: ½ + ½ + 0 + 0.
# ### END SOLUTION

# %% [markdown]
# ## 10. Slide check
#
# The numbers about GoogLeNet that the lectures print, computed before your eyes. First the ones
# that you can trust as they stand.

# %% tags=["showcase"]
naive_parts = [28 * 28 * n * f * f * 256 for f, n in ((1, 128), (3, 192), (5, 96))]
naive_total = reference.naive_inception_macs(256, 28, 128, 192, 96)
lecture = (256, 28, 128, 64, 192, 64, 96, 64)
bottleneck_total = reference.bottleneck_inception_macs(*lecture)
module_out = reference.NaiveInception(256, 128, 192, 96)(torch.zeros(1, 256, 28, 28))
fc = whole.find("head.fc")
aux_net = counting.count(reference.GoogLeNet(aux=True), (3, 224, 224))
aux_params = [sum(p.numel() for p in reference.AuxiliaryHead(c, 1000).parameters())
              for c in reference.AUXILIARY.values()]  # fmt: skip

# %% tags=["showcase"]
agree = [
    ["naive module on 28x28x256, its branches", "128, 192, 96, 256 maps of 28x28",
     f"{tuple(module_out.shape[1:])} stacked"],
    ["its MACs: 1x1, 3x3, 5x5", "as products", ", ".join(f"{n:,}" for n in naive_parts)],
    ["in all", "854M", f"{naive_total:,}"],
    ["pooling preserves depth: it can only grow", "672 > 256",
     str(reference.stacked_channels(256, 3, 128, 192, 96))],
    ["each 1x1 convolution of 64 filters", "28x28x64x1x1x256", f"{28 * 28 * 64 * 256:,}"],
    ["3x3 behind its reducer", "28x28x192x3x3x64",
     f"{28 * 28 * 192 * 9 * 64:,}, a quarter of {naive_parts[1]:,}"],
    ["inception structure repeated", "many times", f"{len(reference.MODULES)} modules"],
    ["auxiliary classifiers at several points", "several",
     f"{len(aux_params)}, with {aux_params[0]:,} and {aux_params[1]:,} parameters"],
    ["averages and one linear layer give the scores", "1024x7x7, 1024, 1000",
     f"so it is; a layer of 4096 on 1024x7x7 would have {1024 * 49 * 4096 + 4096:,} parameters"],
    ["layers", "22", f"{1 + 2 + 2 * len(reference.MODULES) + 1}"],
    ["average pooling: output and memory", "1024 x 1, 4 KB",
     f"{whole.find('head.pool').kib:.0f} KiB"],
    ["last layer, flop (M)", "1", f"{fc.macs:,} MACs"],
    ["top-5 error", "6.7 %", "6.67 % in the paper; not computable here"],
]  # fmt: skip
plots.table(["claim", "the slides say", "found here"], agree)

# %% [markdown]
# *Table 2. These agree.*
#
# The stem's table, cell by cell: memory in KiB, parameters in thousands, millions of operations
# (MACs, and for the poolings nine comparisons for each value they write).

# %% tags=["showcase"]
printed = [
    ("conv7", 3136, 9, 118), ("pool1", 784, 0, 2), ("conv1", 784, 4, 13), ("conv3", 2352, 111, 347),
    ("pool2", 588, 0, 1),
]  # fmt: skip
to_28 = {"stem": whole.layers[:5], "VGG-16": vgg16.layers[:10]}
rows = []
for (name, *cells), layer in zip(printed, to_28["stem"], strict=True):
    found = layer.kib, layer.params / 1e3, (layer.macs + layer.other_ops) / 1e6
    cells = [f"{cell:,} / {value:,.1f}" for cell, value in zip(cells, found, strict=True)]
    rows.append([name, "×".join(map(str, layer.out_shape)), *cells])
sums = [sum(getattr(layer, key) for layer in to_28["stem"])
        for key in ("kib", "params", "macs", "other_ops")]  # fmt: skip
rows.append(["in all", "", f"7.5 MB / {sums[0] / 1024:.2f} MiB", f"124 / {sums[1] / 1e3:.1f}",
             f"**418** / {(sums[2] + sums[3]) / 1e6:.1f}"])  # fmt: skip
plots.table(["layer", "output", "KiB: slide / here", "params (k)", "operations (M)"], rows)
print(f"{sums[2]:,} MACs and {sums[3]:,} comparisons")

# %% [markdown]
# *Table 3. Every cell is right, up to rounding, but the last: the five rows add up to 481, not 418.
# Two digits have changed places, it seems.*
#
# These are right with a footnote:

# %% tags=["showcase"]
footnotes = [
    ["compute compared to AlexNet", "2x more",
     f"{whole.macs / alexnet.macs:.2f} times AlexNet-96 with its two groups; as one tower,"
     f" {whole.macs / counting.count(AlexNet96(groups=1), (3, 227, 227)).macs:.2f}"],
    ["last layer", "1025k parameters",
     f"{fc.params:,} with biases, which the VGG rows beside it leave out"],
    ["average pooling, flop (M)", "0", f"{whole.find('head.pool').other_ops:,} additions"],
    ["the stem is aggressive, as VGG spends its compute at the start", "most",
     f"{sum(layer.macs for layer in to_28['VGG-16']) / vgg16.macs:.0%} of VGG-16's MACs"],
    ["a loss at the end only", "did not work well, too deep",
     "a concern of the paper, which saw an effect of about 0.5 %; the gradient, see part 9"],
    ["before batch norm", "so it needed auxiliary heads", "September 2014 and February 2015: before"],
    ["the paper", "2015", "published in 2015, on arXiv since September 2014"],
    ["GoogLeNet in torchvision", "not said",
     f"{sum(p.numel() for p in reference.torchvision_googlenet().parameters()):,} parameters:"
     " with batch norm, and 3x3 in place of 5x5"],
]  # fmt: skip
plots.table(["claim", "the slides say", "found here"], footnotes)

# %% [markdown]
# *Table 4. These want a footnote.*
#
# And these are wrong. Where a number can be explained, the slip is in the last column.

# %% tags=["showcase"]
line_3x3, line_5x5 = 28 * 28 * 192 * 9 * 64, 28 * 28 * 96 * 25
wrong = [
    ["5x5 behind its reducer", "28x28x96x5x5x264", f"28x28x96x5x5x64 = {line_5x5 * 64:,}",
     f"a misprint of 64; with 264 it would be {(bottleneck_total + line_5x5 * 200) / 1e6:.1f}M"],
    ["the module with bottlenecks", "353M", f"{bottleneck_total:,}",
     "no one line counted twice gives 353; another edition has 358M, with the 3x3 line twice,"
     f" {(bottleneck_total + line_3x3) / 1e6:.1f}M; 353 may be a misprint of that (or the 5x5"
     " line twice and no line of 64 filters, which makes 353.2M)"],
    ["naive module to this one", "854M to 353M", f"{naive_total / bottleneck_total:.2f} to 1",
     "follows from the wrong sum"],
    ["GoogLeNet's parameters", "only 5 million", f"{whole.params:,}",
     f"without its last layer {(whole.params - fc.params) / 1e6:.2f}M; with heads"
     f" {aux_net.params:,}"],
    ["fewer than AlexNet", "12x", f"{alexnet.params / whole.params:.1f}x",
     "12 = 60M / 5M; the paper says 12, counting does not"],
    ["no fully connected layers", "none", f"one is left, {fc.params:,}",
     f"{fc.params / whole.params:.1%} of the network; what is gone are the 4096-wide ones"],
    ["memory of the last layer (KB)", "0", f"{fc.kib:.2f} KiB",
     "4 in the rows of AlexNet and VGG beside it, for the same 1000 scores"],
]  # fmt: skip
plots.table(["claim", "the slides say", "found here", "why"], wrong)

# %% tags=["showcase"]
convs = [layer for layer in to_28["VGG-16"] if layer.type == "Conv2d"]
last = convs[-1]
stem_kib, stem_params, stem_macs = sums[:3]
conv_kib, params, macs = (sum(getattr(c, key) for c in convs) for key in ("kib", "params", "macs"))
all_kib = sum(layer.kib for layer in to_28["VGG-16"])
repaired = [
    ["memory", "42.9 MB (5.7x)",
     f"{conv_kib / 1024:.1f} MiB ({conv_kib / stem_kib:.1f}x), with its poolings"
     f" {all_kib / 1024:.1f} ({all_kib / stem_kib:.1f}x)", f"{(conv_kib - last.kib) / 1024:.1f} MiB"],
    ["parameters", "1.1M (8.9x)", f"{params:,} ({params / stem_params:.1f}x)",
     f"{params - last.params:,}"],
    ["MACs", "7485M (17.8x)", f"{macs / 1e6:,.0f}M ({macs / stem_macs:.1f}x)",
     f"{(macs - last.macs) / 1e6:,.0f}M"],
]  # fmt: skip
plots.table(["VGG-16 down to 28x28", "the slides say", "found here", "without conv3_3"], repaired)

# %% [markdown]
# *Tables 5 and 6. Wrong, and mended. The numbers beside VGG-16 all lack one of the three
# convolutions of its third stage; the factors are against the stem, MACs against MACs. The point that
# the slide makes becomes stronger by the repair: VGG takes not 17.8 but 19.5 times the MACs to get to
# 28 × 28.*
#
# None of this is a reproach: whoever adds up six lines under time pressure makes one slip. Whoever
# has a function for it finds the slip.

# %% [markdown]
# All that the lectures claim about GoogLeNet stands in one table, `helpers.claims`. What of it can be
# computed is computed by the course's own code. Once more, all at once:

# %% tags=["showcase"]
from helpers import claims

print(claims.summary("googlenet"))

# %% [markdown]
# `claims.show("googlenet")` lists them, and with `verdicts=["wrong", "conflicting"]` those that do not
# hold.
#
# ## 11. Going further
#
# No points here; in any order.
#
# ### The head as two convolutions
#
# **Optional** · difficulty ●●○ · 15 minutes
#
# In part 6 two convolutions did what the head does. Write the function that makes them. With it a
# network can look at a large photograph, and say for each place what it sees there.
#
# **Predict.** Trained on 224 × 224, the network gets an image of 448 × 448. At how many places will
# it give scores?

# %%
places_on_448 = None  # your prediction

# %%
print("your prediction:", places_on_448)
print(f"the maps are {448 // 32} x {448 // 32}, so there are {448 // 32 - 7 + 1} x 8 = 64 places")


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "head_as_convolutions-answer", "locked": false, "schema_version": 3, "solution": true}
def head_as_convolutions(linear, size):
    """Two convolutions that do what averaging and then `linear` do, at every place of a map.

    linear: an nn.Linear with bias, from C means to scores; size: height and width of the window that
    is averaged. Returns an nn.Module with linear's dtype that turns (N, C, H, W) into
    (N, num_classes, H - size + 1, W - size + 1).
    """
    ### BEGIN SOLUTION
    channels, classes, dtype = linear.in_features, linear.out_features, linear.weight.dtype
    averaging = nn.Conv2d(channels, channels, size, groups=channels, bias=False, dtype=dtype)
    pointwise = nn.Conv2d(channels, classes, kernel_size=1, dtype=dtype)
    with torch.no_grad():
        averaging.weight.fill_(1 / size**2)
        pointwise.weight.copy_(linear.weight[:, :, None, None])
        pointwise.bias.copy_(linear.bias)
    return nn.Sequential(averaging, pointwise)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# Part 6 has all of it, for 16 channels. New here: `dtype=linear.weight.dtype` for both
# convolutions.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "head_as_convolutions", "locked": true, "points": 0, "schema_version": 3, "solution": false}
check.head_as_convolutions(head_as_convolutions)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### More to try
#
# - **3 × 3 for 5 × 5.** torchvision's GoogLeNet has 3 × 3 convolutions in its 5 × 5 branches. How
#   many MACs does that save in each module? Which branch is then the dearest?
# - **A better choice?** Write a loop over all `reducer_widths` with multiples of 8, and list those
#   that keep the five rules. How many are there?
# - **Train with and without heads.** Give `gradient_norms` thirty steps of SGD instead of one
#   gradient. Does the loss fall, with torch's weights, with and without heads? With He's? On a GPU,
#   try the full width.
# - **Where else do bottlenecks help?** ResNet-50 has 1 × 1 convolutions on both sides of each 3 × 3
#   convolution. For 256 channels and 64 in between, count both versions: the next notebook builds
#   them.
#
# ### References
#
# - C. Szegedy and others, *Going deeper with convolutions*, CVPR 2015, arXiv:1409.4842. Figure 2:
#   the modules; table 1: the network; section 5: the auxiliary heads.
# - M. Lin, Q. Chen, S. Yan, *Network in network*, 2014, arXiv:1312.4400. 1 × 1 convolutions and
#   global average pooling.
# - C. Szegedy and others, *Rethinking the inception architecture for computer vision*, CVPR 2016,
#   arXiv:1512.00567. The same authors' second look at the heads and at 5 × 5.
# - K. He, X. Zhang, S. Ren, J. Sun, *Delving deep into rectifiers*, ICCV 2015, arXiv:1502.01852.
#   The initialisation of part 9.
# - *DNNs in static images*; DeepRob, *CNN architectures*; CS231n (Stanford, 2016), lecture 7: the
#   lectures whose numbers part 10 checks.
