# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Residual blocks: how networks became deep
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# LeNet-5 has five layers with weights, AlexNet eight, VGG-19 nineteen, GoogLeNet 22. Then, in 2015,
# networks of up to 152 layers won. What changed is one plus sign: every few layers, the input is
# added to the output.
#
# In this notebook you find out what goes wrong without it, build the blocks and the networks, and
# follow the gradient on its way back, by hand.
#
# **You can then**
#
# - tell overfitting from degradation by looking at two curves;
# - write both residual blocks and all five ResNets, down to the last parameter, so that trained
#   weights would fit;
# - derive the backward pass of `relu(F(x) + x)`, and say what the shortcut does to gradients;
# - choose the scale of the first weights, and see what happens with another one;
# - run the experiment that started it, plain against residual, and say what it does not show.

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
from torch.nn import functional as F

from helpers import counting, plots
from helpers.checks import residual_blocks as check
from helpers.data import digits
from helpers.models import resnet as models
from helpers.runtime import pick_device, seed_everything
from helpers.training import Batches, evaluate, progress, train_one_epoch

torch.set_num_threads(1)  # a network this small gains nothing from more of them
seed_everything(0)
print("Ready.")

# %% [markdown]
# ## How this notebook works
#
# | part | what you write | points | minutes |
# |---|---|---|---|
# | 1. More layers, worse | which curve is which? | 1 | 10 |
# | 2. Add the input | `pad_shortcut`, `BasicBlock` | 2 + 6 | 40 |
# | 3. The gradient's way back | `residual_backward` | 4 | 30 |
# | 4. The bottleneck | `Bottleneck` | 4 | 15 |
# | 5. Five networks from one table | `resnet` | 5 | 30 |
# | 6. What does it cost? | ten numbers | 2 | 15 |
# | 7. How large should the first weights be? | `he_std` | 1 | 10 |
# | 8. More layers, better? | `cifar_resnet`; a short answer in words | 3 + 2 | 25 |
# | 9. Slide check | nothing | – | 5 |
# | 10. Going further | a longer run, other shortcuts, if you like | – | as you like |
#
# The core, parts 1 to 9, takes about **three hours** and carries all **30 points**. You can stop
# after any part. As before: **predict** before you run, write **your code** where it says so, run
# the **check** as often as you like, and open the **hints** one at a time. When you hand in, the
# same cells are graded on further inputs.

# %% [markdown]
# ## 1. More layers, worse
#
# If 20 layers are good, 44 should be better. At the very least they should not be worse: let the
# first 20 do what the 20 did, and let the others do nothing. "Nothing" is a function that a layer
# can represent. So the *training* error of the deeper network should be no higher.
#
# It is. That is what He and his colleagues found in 2015, on CIFAR-10 with 20 and with 56 layers, and
# they called it **degradation**.
#
# > **Easy to get wrong.**
# >
# > - *Degradation is not overfitting.* A network that overfits does well on the images it was
# >   trained on and badly on others. Here the deeper network does worse on the training images
# >   themselves.
# > - *A high error alone says nothing.* Perhaps no network could do better on these data, or the
# >   learning rate was wrong. It takes a comparison: the same recipe, the same images, fewer layers.
#
# The curves below come from real runs on small digits. In each panel, a network of 44 layers was
# trained: the solid line is its error on its training images, the dashed line that on 360 other
# digits. The dotted line is the *training* error of a network of 20 layers, of the same kind and
# trained in the same way.

# %% tags=["showcase"]
measured = [  # error in percent: 44 layers training, 44 layers test, 20 layers training
    [[90, 90, 81, 85, 85, 84, 84, 83], [90, 90, 81, 83, 83, 82, 82, 82],
     [90, 90, 87, 83, 81, 83, 81, 82]],
    [[90, 79, 66, 15, 0, 0, 0, 0], [90, 77, 74, 46, 34, 33, 34, 35], [23, 0, 0, 0, 0, 0, 0, 0]],
    [[87, 27, 1, 1, 1, 0, 0, 0], [87, 36, 11, 14, 10, 11, 9, 8], [11, 1, 0, 0, 0, 0, 0, 0]],
    [[90, 90, 86, 79, 77, 76, 72, 72], [90, 90, 84, 81, 80, 78, 74, 70],
     [90, 75, 6, 14, 21, 10, 11, 1]],
]  # fmt: skip
curve_names = ("44 layers, training", "44 layers, test", "20 layers, training")
fig, axes = plots.panels(1, 4, width=2.9, height=2.9, sharey=True)
for number, (ax, errors) in enumerate(zip(axes, measured, strict=True), start=1):
    lines = list(zip(curve_names, errors, strict=True))
    plots.curves(ax, lines, f"panel {number}", "eighths of the run", "error in percent", start=1)
    for line, style in zip(ax.lines, ("-", "--", ":"), strict=True):
        line.set_linestyle(style)
    ax.get_legend().set_visible(number == 1)
    ax.set_xticks(range(1, 9))
plots.show(fig)

# %% [markdown]
# *Figure 1. Four runs. The k-th mark is the error after k eighths of the run. Between the panels,
# network, data or recipe differ.*
#
# **Your turn** · difficulty ●○○ · 5 minutes · 1 point
#
# Which panel shows which? Replace each `...` by 1, 2, 3 or 4, and delete the two lines below the
# dict. The check says only whether all answers are there.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "curve_puzzle-answer", "locked": false, "schema_version": 3, "solution": true}
curve_puzzle = {
    "overfitting": ...,
    "degradation": ...,
    "high_learning_rate": ...,  # the steps are too long for either depth
    "healthy": ...,
}
### BEGIN SOLUTION
curve_puzzle = {"overfitting": 2, "degradation": 4, "high_learning_rate": 1, "healthy": 3}
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "curve_puzzle", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.curve_puzzle(curve_puzzle)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>What differed between the panels (open it when you have answered)</summary>
#
# All runs share He's initialisation (part 7), batches of 128, SGD with momentum 0.9 and, but for one
# panel, the learning rate 0.05. *Healthy*: residual networks, 1,024 images. *Overfitting*: the same
# with 128 images. *High learning rate*: the same as healthy, with 1.5. *Degradation*: as healthy, but
# with plain networks; part 8 runs it again. If you have the whole course on your machine,
# `.venv/bin/python benchmarks/learning_curves.py`, in its folder, trains all eight networks anew and
# prints these numbers, which differ a little from machine to machine.
# </details>

# %% [markdown]
# ## 2. Add the input
#
# So the deeper network fails to find what we know to be there: layers that do nothing. The idea of
# ResNet is to make "nothing" the easy thing to learn. Let $H(x)$ be what two layers ought to
# compute. Do not ask them for $H(x)$, but for the difference to their input, the **residual**
# $F(x) = H(x) - x$, and add $x$ again:
#
# $$ y = \mathrm{ReLU}(F(x) + x) $$
#
# To do nothing, $F$ now has to be 0. Without batch norm small weights are enough for that. With it
# they are not, for it makes up for their scale: it is the γ of the last batch norm that has to be
# small.

# %% tags=["showcase"]
pair = [("3×3 conv, 64", "conv", "64×56×56"), ("batch norm", "norm", ""), ("ReLU", "", ""),
        ("3×3 conv, 64", "conv", "64×56×56"), ("batch norm", "norm", "64×56×56")]  # fmt: skip
fig, axes = plots.panels(1, 2, width=4.4, height=5.2)
plots.residual_block(axes[0], pair, "plain", None, "64×56×56")
plots.residual_block(axes[1], pair, "residual", "shortcut\n(identity)", "64×56×56")
plots.show(fig)

# %% [markdown]
# *Figure 2. Two layers of a plain network, and the same two layers as a residual block: the input
# goes around them, along a **shortcut**, and is added before the last ReLU. The two have the same
# parameters and the same multiplications.*
#
# **Predict.** We build 50 blocks, set *all* their parameters to zero, and send the numbers −1, 0 and
# 2 through. What comes out of 50 residual blocks? And of 50 plain ones?

# %%
out_of_residual, out_of_plain = None, None  # your predictions, such as [-1, 0, 2]

# %%
x = torch.tensor([-1.0, 0.0, 2.0]).reshape(1, 1, 1, 3)
print("your predictions:", out_of_residual, out_of_plain)
for name, shortcut in {"residual": "projection", "plain": None}.items():
    blocks = nn.Sequential(*(models.BasicBlock(1, 1, shortcut=shortcut) for _ in range(50))).eval()
    with torch.no_grad():
        for parameter in blocks.parameters():
            parameter.zero_()
        print(f"50 {name} blocks:", blocks(x).flatten().tolist())

# %% [markdown]
# A residual block whose last batch norm has γ = 0 and β = 0 gives ReLU(x). Behind a ReLU nothing is
# negative any more, so from there on the block is the **identity**. Many implementations start
# training with γ = 0 in the last batch norm of every block: at first, the network is as shallow as
# it can be.
#
# ### A shortcut without parameters
#
# Adding needs equal shapes. But a few times in a network the size is halved and the number of maps
# doubled. Then $x$ does not fit, and the paper tries two ways out:
#
# - **Option A, padding.** Take every second row and column of $x$, and append maps full of zeros. It
#   has no parameters.
# - **Option B, projection.** A 1 × 1 convolution with stride 2, with batch norm as everywhere.
#
# **Worked example.** One map of 4 × 4 becomes two maps of 2 × 2:

# %% tags=["showcase"]
x = torch.arange(16.0).reshape(4, 4)
kept = [["#CCE3F0" if r % 2 == c % 2 == 0 else "#FFFFFF" for c in range(4)] for r in range(4)]
fig, axes = plots.panels(1, 3, width=2.4, height=2.5)
plots.number_grid(axes[0], x, "x, one map", kept)
plots.number_grid(axes[1], x[::2, ::2], "out, map 0", "#CCE3F0")
plots.number_grid(axes[2], torch.zeros(2, 2), "out, map 1")
plots.show(fig)

# %% [markdown]
# *Figure 3. Option A with stride 2. Three of four pixels are left out, and nothing is averaged.*
#
# **Predict.** What is the shape of the result for `x` of shape (8, 16, 7, 7), 32 channels and
# stride 2?

# %%
padded_shape = None  # your prediction

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *The zeros come behind the maps of x*, not in front, and not half and half. (All three are in
# >   use. What matters is that the layers agree, and that weights loaded from elsewhere meet the maps
# >   that they were trained for.)
# > - *Pick, do not pool.* Every `stride`-th row and column, beginning with the first.
# > - *`channels` is the number of maps that come out*, not of those that are new.
# > - *`F.pad` counts from the last axis.* Its first two numbers are for the columns, the next two for
# >   the rows, and only then come the channels.
#
# **Your turn** · difficulty ●○○ · 10 minutes · 2 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "pad_shortcut-answer", "locked": false, "schema_version": 3, "solution": true}
def pad_shortcut(x, channels, stride=1):
    """Option A: every `stride`-th row and column of x, and zero maps behind its own maps.

    x: (N, C, H, W) with C <= channels.
    Returns (N, channels, ceil(H / stride), ceil(W / stride)), with the dtype of x.
    """
    ### BEGIN SOLUTION
    x = x[:, :, ::stride, ::stride]
    return F.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `x[:, :, ::2, ::2]` takes every second row and column, beginning with the first.
# </details>
#
# <details><summary>Hint 2: without F.pad</summary>
#
# `x.new_zeros(n, c, h, w)` makes zeros with the dtype and on the device of `x`;
# `torch.cat([a, b], dim=1)` puts maps behind maps.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "pad_shortcut", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.pad_shortcut(pad_shortcut)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %%
found = tuple(pad_shortcut(torch.zeros(8, 16, 7, 7), 32, stride=2).shape)
print("your prediction:", padded_shape, "  found:", found)

# %% [markdown]
# ### Two convolutions and a shortcut
#
# Now the block of Figure 2. It is what ResNet-18 and ResNet-34 are made of:
#
# - **Main branch.** 3 × 3 convolution with the stride, `channels` filters, padding 1; batch norm;
#   ReLU; 3 × 3 convolution with stride 1, `channels` filters, padding 1; batch norm.
# - **Shortcut.** x itself where the shapes agree. Otherwise, with `shortcut="projection"`, a 1 × 1
#   convolution with the stride, and batch norm; with `shortcut="padding"`, your `pad_shortcut`.

# %% tags=["showcase"]
first = [("3×3 conv /2, 128", "conv", "128×28×28"), ("batch norm", "norm", ""), ("ReLU", "", ""),
         ("3×3 conv, 128", "conv", "128×28×28"), ("batch norm", "norm", "128×28×28")]  # fmt: skip
fig, axes = plots.panels(1, 2, width=4.4, height=4.8)
projected, padded = "1×1 conv /2, 128\nbatch norm", "every 2nd pixel,\n64 zero maps"
plots.residual_block(axes[0], first, "by projection (option B)", projected, "64×56×56")
plots.residual_block(axes[1], first, "by padding (option A)", padded, "64×56×56")
plots.show(fig)

# %% [markdown]
# *Figure 4. The block from 64 to 128 channels; /2 marks a stride of 2.*
#
# The two branches are added; a ReLU follows. With `shortcut=None` nothing is added at all:
# that is the plain block, which you need for comparison.
#
# **Predict.** Batch norm has two parameters for each map. How many parameters has a basic block from
# 64 to 64 channels? (Its convolutions have 64 · 64 · 3 · 3 weights each.)

# %%
parameters_of_block = None  # your prediction

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *The last ReLU comes after the addition.* Before it, it would let through only what is positive:
# >   $F$ could then add to $x$, but never take anything away.
# > - *No bias before batch norm*: it subtracts the mean, and with it the bias.
# > - *Batch norm after every convolution*, that of the projection included; but no ReLU there.
# > - *The stride is on the first convolution*, and on the projection. Nowhere else.
# > - *A projection only where shapes differ*, and they can differ in two ways: by a stride other than
# >   1, or by the number of channels.
# > - *The shortcut starts at x*, before the first convolution. Do not overwrite `x` on the way.
#
# **Your turn** · difficulty ●●○ · 25 minutes · 6 points
#
# Names and order of the layers are yours to choose, here and below.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "BasicBlock-answer", "locked": false, "schema_version": 3, "solution": true}
class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: `relu(bn(conv(relu(bn(conv(x))))) + shortcut(x))`.

    BasicBlock(in_channels, channels, stride=1, shortcut="projection"); shortcut: how x is brought
    to another shape, "projection" or "padding"; None for a plain block, without a shortcut.
    x: (N, in_channels, H, W). Returns (N, channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels, channels, stride=1, shortcut="projection"):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut, self.channels, self.stride = shortcut, channels, stride
        if shortcut == "projection" and (stride != 1 or in_channels != channels):
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )
        else:
            self.downsample = nn.Identity()
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.shortcut == "projection":
            out = out + self.downsample(x)
        elif self.shortcut == "padding":
            out = out + pad_shortcut(x, self.channels, self.stride)
        return torch.relu(out)
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: a way to begin</summary>
#
# Write the plain block first: in `__init__` two convolutions and two batch norms, in `forward` five
# steps in a row. Run the check; the last case should agree. Then add the shortcut.
# </details>
#
# <details><summary>Hint 2: the shortcut</summary>
#
# In `__init__` make `self.projection = nn.Sequential(convolution, batch norm)` if it is needed, and
# `nn.Identity()` otherwise. `pad_shortcut` gives x back where there is nothing to do, so padding
# needs no such test.
# </details>
#
# <details><summary>Hint 3: "The size of tensor a must match the size of tensor b"</summary>
#
# The two branches differ in shape. Print both. Is the projection made when only the number of
# channels changes, and when only the size does? Does the 3 × 3 convolution have padding 1?
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "BasicBlock", "locked": true, "points": 6, "schema_version": 3, "solution": false}
check.BasicBlock(BasicBlock)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %%
found = sum(p.numel() for p in BasicBlock(64, 64).parameters())
print(f"your prediction: {parameters_of_block}   found: {found:,} = 2 · (36,864 + 128)")

# %% [markdown]
# ## 3. The gradient's way back
#
# What does the plus sign do when the network learns? Take the smallest block there is: one number
# in, one out, and F(x) = 0.1 · x. A plain layer y = F(x) has the derivative 0.1. With the shortcut,
# y = F(x) + x, it is **1 + 0.1**. The 1 is there whatever F does.
#
# **Predict.** 20 such layers in a row. By the chain rule their derivatives are multiplied. What is
# the derivative of the last output with respect to the first input, plain and residual?

# %%
plain_derivative, residual_derivative = None, None  # your predictions

# %%
print("your predictions:", plain_derivative, residual_derivative)
print(f"plain: 0.1^20 = {0.1**20:.0e}   residual: 1.1^20 = {1.1**20:.2f}")

# %% [markdown]
# ### By hand
#
# Now a whole block, with two numbers in and two hidden ones. So that one can see every step, the
# convolutions are replaced by matrices, and batch norm is left out:
#
# $$ y = \mathrm{ReLU}\big(\mathrm{ReLU}(x W_1)\, W_2 + x\big) $$
#
# **Worked example.** Let $x = (1, -1)$, $W_1 = \begin{pmatrix}2 & 1\\ 1 & 3\end{pmatrix}$ and
# $W_2 = \begin{pmatrix}1 & -2\\ 5 & 1\end{pmatrix}$. Forwards:
#
# | step | value |
# |---|---|
# | $x W_1$ | (1·2 − 1·1, 1·1 − 1·3) = (1, −2) |
# | ReLU | (1, 0) |
# | times $W_2$: this is F(x) | (1·1 + 0·5, 1·(−2) + 0·1) = (1, −2) |
# | plus x | (1 + 1, −2 − 1) = (2, −3) |
# | ReLU: this is y | (2, 0) |
#
# Now backwards. From above comes the gradient with respect to y, $g = (3, 4)$.
#
# | step | value |
# |---|---|
# | through the last ReLU: only where the *sum* was positive | (3, 0) |
# | along the shortcut, unchanged | **(3, 0)** |
# | along the branch, times $W_2^\top$ | (3·1 + 0·(−2), 3·5 + 0·1) = (3, 15) |
# | through the inner ReLU: only where $x W_1$ was positive | (3, 0) |
# | times $W_1^\top$ | (3·2 + 0·1, 3·1 + 0·3) = **(6, 3)** |
# | gradient with respect to x: the sum of both ways | (3, 0) + (6, 3) = **(9, 3)** |
#
# The gradient of each matrix is, as for every linear layer, its input (as a column) times the
# gradient of its output (as a row): for $W_2$ it is (1, 0) times (3, 0), for $W_1$ it is (1, −1)
# times (3, 0).

# %% tags=["showcase"]
W1, W2 = torch.tensor([[2.0, 1], [1, 3]]), torch.tensor([[1.0, -2], [5, 1]])
places = {"x": (0, 0), "W1": (0, 1), "ReLU": (0, 2), "W2": (0, 3), "+": (0, 4), "last": (0, 5),
          "y": (0, 6), "way": (2.6, 2)}  # fmt: skip
words = {"W1": "times W₁", "W2": "times W₂", "last": "ReLU", "way": "shortcut"}
boxes = {name: (place, words.get(name, name)) for name, place in places.items()}
forwards = {("x", "W1"): "(1, −1)", ("W1", "ReLU"): "(1, −2)", ("ReLU", "W2"): "(1, 0)",
            ("W2", "+"): "(1, −2)", ("x", "way"): "(1, −1)", ("way", "+"): "(1, −1)",
            ("+", "last"): "(2, −3)", ("last", "y"): "(2, 0)"}  # fmt: skip
backwards = {("y", "last"): "(3, 4)", ("last", "+"): "(3, 0)", ("+", "way"): "(3, 0)",
             ("way", "x"): "(3, 0)", ("+", "W2"): "(3, 0)", ("W2", "ReLU"): "(3, 15)",
             ("ReLU", "W1"): "(3, 0)", ("W1", "x"): "(6, 3)"}  # fmt: skip
fig, axes = plots.panels(1, 2, width=4.4, height=5.2)
for ax, title, arrows in zip(axes, ("values", "gradients"), (forwards, backwards), strict=True):
    named = [(*ends, text) for ends, text in arrows.items()]
    plots.diagram(ax, boxes, named, title, bent=True)
plots.show(fig)

# %% [markdown]
# *Figure 5. Left: what flows down. Right: the gradients, which flow up. At x two of them meet, and
# are added: (6, 3) + (3, 0) = (9, 3).*
#
# With many images, x is a matrix with one row per image, and the same lines do for all of them.
#
# > **Easy to get wrong.**
# >
# > - *Two ways, one sum.* x is used twice, so its gradient has two parts. Do not multiply them, and
# >   do not forget either.
# > - *The last ReLU comes first* on the way back, and it is in both ways: what goes along the
# >   shortcut is the masked gradient, (3, 0), not (3, 4).
# > - *Its mask looks at the sum* F(x) + x; not at x, and not at F(x).
# > - *The inner ReLU has a mask, too.* `grad_w2` uses what came out of that ReLU, not what went in.
# > - *The weights see the branch only*: the shortcut has no weights.
#
# **Your turn** · difficulty ●●○ · 20 minutes · 4 points
#
# Without autograd: it is withheld while this is graded.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "residual_backward-answer", "locked": false, "schema_version": 3, "solution": true}
def residual_backward(grad_out, x, w1, w2):
    """Gradients of `y = relu(relu(x @ w1) @ w2 + x)` with respect to x, w1 and w2.

    grad_out: (N, D), the gradient with respect to y, already summed over everything behind it;
    x: (N, D); w1: (D, H); w2: (H, D). Compute the forward values that you need again.
    Returns (grad_x, grad_w1, grad_w2), in the shapes of x, w1 and w2.
    """
    ### BEGIN SOLUTION
    hidden = torch.relu(x @ w1)
    grad_sum = grad_out * (hidden @ w2 + x > 0)
    grad_hidden = (grad_sum @ w2.T) * (hidden > 0)
    return grad_sum + grad_hidden @ w1.T, x.T @ grad_hidden, hidden.T @ grad_sum
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: masks</summary>
#
# `gradient * (value > 0)` lets the gradient pass where the value was positive.
# </details>
#
# <details><summary>Hint 2: the order of the lines</summary>
#
# Forwards: `hidden`, then the sum. Backwards: the gradient of the sum, from it `grad_w2` and the
# gradient of `hidden`, from that `grad_w1`, and last `grad_x` with its two parts.
# </details>
#
# <details><summary>Hint 3: shapes decide</summary>
#
# `grad_w2` has the shape of `w2`, (H, D), and is made of `hidden`, (N, H), and a gradient of shape
# (N, D): there is only one way to multiply them.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "residual_backward", "locked": true, "points": 4, "schema_version": 3, "solution": false}
check.residual_backward(residual_backward)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %%
example = residual_backward(torch.tensor([[3.0, 4]]), torch.tensor([[1.0, -1]]), W1, W2)
for name, gradient in zip(("grad_x", "grad_w1", "grad_w2"), example, strict=True):
    print(f"{name:8}", (gradient + 0.0).tolist())

# %% [markdown]
# ### In a deep network
#
# Does that carry over to real blocks? We take 42 layers in 21 blocks, as PyTorch initialises them,
# send 128 digits through, and look at the gradient of the loss with respect to the output of each
# block (in notebook 07 it was that of the weights). Nothing is trained.
#
# **Hypothesis.** Without shortcuts the gradient dies on its way back to the first block, and with
# them it does not.
#
# We change two things, one at a time: with and without shortcuts, with and without batch norm.
#
# **Predict.** By which power of ten do the gradients at the first and at the last block differ, in
# each of the four networks? In which direction?

# %%
plain_without, residual_without, plain_with, residual_with = None, None, None, None


# %%
def gradient_norms(residual, norm, seed):
    """Norm of the loss's gradient with respect to the output of each of 21 blocks."""
    seed_everything(seed)
    net = models.cifar_resnet(44, residual, in_channels=1, width=0.5)
    kept = []

    def keep(layer, inputs, out):
        out.retain_grad()
        kept.append(out)

    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d) and not norm:
            layer.forward = lambda x: x
        if isinstance(layer, models.BasicBlock):
            layer.register_forward_hook(keep)
    images, labels = digits()
    F.cross_entropy(net(images[:128]), labels[:128]).backward()
    return [out.grad.norm().item() for out in kept]


# %% tags=["showcase", "nbval-ignore-output"]
print("your predictions:", plain_without, residual_without, plain_with, residual_with)
fig, axes = plots.panels(1, 2, width=4.6, height=3.2)
for ax, norm in zip(axes, (False, True), strict=True):
    groups = {
        "plain": [gradient_norms(False, norm, seed) for seed in range(3)],
        "residual": [gradient_norms(True, norm, seed) for seed in range(3)],
    }
    title = "with batch norm" if norm else "without batch norm"
    plots.runs(ax, groups, title, "block, from the input on", "norm of the gradient", log=True)
plots.show(fig)

# %% [markdown]
# *Figure 6. How much of the gradient arrives at each block, before any training. Three seeds each.*
#
# Read it from right to left, as the gradient travels. Without batch norm the hypothesis holds: the
# plain network's gradient loses many powers of ten, so that a first step of SGD would hardly change
# its first blocks; the residual network's does not.
#
# With batch norm, it **fails**. The plain network's gradient does not die at all. It *grows*, by
# more than a hundredfold. With shortcuts it grows as well, but far less. The paper, too, found that
# in its plain networks with batch norm gradients do not vanish, and argued that vanishing gradients
# are unlikely to be the reason for degradation.
#
# Limits: this is the very first step, of one kind of network, on small images, with the weights that
# PyTorch starts with, which are small. With He's (part 7) and without batch norm, the plain gradient
# loses three to four powers of ten instead of about twenty, and the residual one *grows* about a
# hundredfold: part of what the left panel shows is the start, not the missing shortcut. And it says
# nothing about what happens later in training.

# %% [markdown]
# ## 4. The bottleneck
#
# The deeper ResNets, from 50 layers on, use another block. It borrows from GoogLeNet: a 1 × 1
# convolution makes the maps few, a 3 × 3 convolution works on the few, and another 1 × 1 convolution
# makes them many again, four times as many as in the middle.

# %% tags=["showcase"]
basic = [("3×3 conv, 64", "conv", "64×56×56"), ("3×3 conv, 64", "conv", "64×56×56")]
narrow = [("1×1 conv, 64", "conv", "64×56×56"), ("3×3 conv, 64", "conv", "64×56×56"),
          ("1×1 conv, 256", "conv", "256×56×56")]  # fmt: skip
fig, axes = plots.panels(1, 3, width=3.9, height=4.5)
identity = "shortcut\n(identity)"
plots.residual_block(axes[0], basic, "basic, 64 channels", identity, "64×56×56")
plots.residual_block(axes[1], narrow, "bottleneck, 256 channels", identity, "256×56×56")
weights = [2 * 9 * 64**2 / 1e3, 2 * 9 * 256**2 / 1e3, (256 * 64 + 9 * 64**2 + 64 * 256) / 1e3]
names = ["two 3×3,\n64", "two 3×3,\n256", "bottleneck,\n256"]
plots.bars(axes[2], weights, names, "weights of a block", "thousands")
plots.show(fig)

# %% [markdown]
# *Figure 7. Left: the two blocks; batch norm and ReLU behind the convolutions are not drawn. Right:
# their weights. For 256 channels, the bottleneck has 17 times fewer than two 3 × 3 convolutions.*
#
# **Worked example.** `Bottleneck(256, 64)`: 256 · 64 + 64 · 64 · 9 + 64 · 256 = 69,632 weights. Two
# 3 × 3 convolutions on 256 channels would have 2 · 256 · 256 · 9 = 1,179,648. On maps of 56 × 56 that
# is 218 million MACs against 3.7 billion; a basic block on 64 channels needs 231 million. So the
# bottleneck handles four times the channels for the price of the basic block.
#
# **Predict.** In `Bottleneck(64, 64)`, the first block of ResNet-50, there is no stride. Does its
# shortcut need a projection?

# %%
projection_needed = None  # your prediction, True or False

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *`channels` is the narrow middle.* What comes out has `4 * channels` maps.
# > - *The stride is on the 3 × 3 convolution.* The paper has it on the first 1 × 1; torchvision, and
# >   most code since, on the 3 × 3. A 1 × 1 convolution with stride 2 never looks at three of four
# >   pixels.
# > - *A ReLU after the first and after the second batch norm*, and one after the addition; none after
# >   the third batch norm.
# > - *The projection goes to `4 * channels`*, and is needed whenever x has another number of
# >   channels, also without a stride.
#
# **Your turn** · difficulty ●●○ · 12 minutes · 4 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "Bottleneck-answer", "locked": false, "schema_version": 3, "solution": true}
class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1 up to four times the channels, and a shortcut around them.

    Bottleneck(in_channels, channels, stride=1); the shortcut is x itself, or a projection where the
    shapes differ. x: (N, in_channels, H, W).
    Returns (N, 4 * channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        ### BEGIN SOLUTION
        out_channels = 4 * channels
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        out = torch.relu(self.bn1(self.conv1(x)))
        out = torch.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return torch.relu(out + self.downsample(x))
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# It is `BasicBlock` with one convolution more, and with `4 * channels` in three places: the last
# convolution, its batch norm, and the projection.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "Bottleneck", "locked": true, "points": 4, "schema_version": 3, "solution": false}
check.Bottleneck(Bottleneck)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %%
first, second = (sum(p.numel() for p in Bottleneck(c, 64).parameters()) for c in (64, 256))
print(f"your prediction: {projection_needed}   Bottleneck(64, 64): {first:,} parameters")
print(f"Bottleneck(256, 64): {second:,}; of the difference, 16,896 are the projection's")

# %% [markdown]
# ## 5. Five networks from one table
#
# All five ResNets for ImageNet look the same from afar:
#
# 1. 7 × 7 convolution, 64 filters, stride 2, padding 3, without bias; batch norm; ReLU;
# 2. 3 × 3 max pooling, stride 2, padding 1;
# 3. four **stages** of blocks, with `channels` 64, 128, 256 and 512;
# 4. the mean of each map;
# 5. one linear layer to the classes.
#
# The first block of stages 2, 3 and 4 has stride 2. All other blocks have stride 1. The shortcuts are
# projections where shapes differ. What the five differ in is one line of the table each:

# %%
COUNTS = {  # how many blocks each of the four stages has
    18: [2, 2, 2, 2],
    34: [3, 4, 6, 3],
    50: [3, 4, 6, 3],
    101: [3, 4, 23, 3],
    152: [3, 8, 36, 3],
}
# 18 and 34 are made of basic blocks, 50, 101 and 152 of bottlenecks.

# %% tags=["showcase"]
layers = [("image", (3, 224, 224)), ("conv", (64, 112, 112)), ("pool", (64, 56, 56)),
          ("stage 1", (256, 56, 56)), ("stage 2", (512, 28, 28)), ("stage 3", (1024, 14, 14)),
          ("stage 4", (2048, 7, 7)), ("mean", (2048,)), ("scores", (1000,))]  # fmt: skip
fig, (ax,) = plots.panels(width=11, height=3.6)
plots.stages(ax, layers)
plots.show(fig)

# %% [markdown]
# *Figure 8. What becomes of an image in ResNet-50. No more than 16 maps of each stack are drawn.*
#
# **Depth** counts the convolutions on the way, and the linear layer; projections do not count. With b
# convolutions in a block it is 1 + b · Σn + 1.
#
# **Worked example.** ResNet-18: 1 + 2 · (2 + 2 + 2 + 2) + 1 = 18.
#
# **Predict.** Which has more parameters, ResNet-34 or ResNet-50? By how much: 1.2, 2 or 3 times? They
# have the same line in the table.

# %%
resnet_34_or_50 = None  # your prediction, such as "34, 3 times"

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *Stage 1 has no stride*: the pooling has just halved the size. In ResNet-50 its first block
# >   needs a projection all the same.
# > - *Only the first block of a stage* has the stride and changes the number of channels. The next
# >   one reads what it gave: `channels`, or four times `channels`.
# > - *The table counts blocks, the first one included.*
# > - *The first convolution has no bias* either, and a batch norm and a ReLU behind it.
# > - *`width` multiplies every number of channels*: `int(width * 64)` and so on, the first
# >   convolution included (not the image's channels, and not the classes). With a small width the
# >   check can run your network on a slow machine.
# > - *No softmax at the end.* The network returns scores.
#
# **Your turn** · difficulty ●●● · 25 minutes · 5 points
#
# Use your two blocks. `resnet` may be a function that puts an `nn.Sequential` together, or a class.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "resnet-answer", "locked": false, "schema_version": 3, "solution": true}
def resnet(depth, num_classes=1000, in_channels=3, width=1.0):
    """ResNet-18, -34, -50, -101 or -152 for images, as in the list and the table above.

    width multiplies every number of channels, e.g. `int(width * 64)`.
    Returns an nn.Module that reads x: (N, in_channels, H, W), such as 224x224, and returns scores
    (N, num_classes).
    """
    ### BEGIN SOLUTION
    block, factor = (BasicBlock, 1) if depth < 50 else (Bottleneck, 4)
    before = int(width * 64)
    layers = [
        nn.Conv2d(in_channels, before, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(before),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]
    for stage, count in enumerate(COUNTS[depth]):
        channels = int(width * 64 * 2**stage)
        for number in range(count):
            layers.append(block(before, channels, 2 if stage > 0 and number == 0 else 1))
            before = factor * channels
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, num_classes)
    )
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: a list of layers</summary>
#
# Begin with `layers = [...]` for points 1 and 2, append blocks in two nested loops, over the stages
# and over the blocks of a stage, and end with `nn.Sequential(*layers)`. One variable keeps account of
# how many channels the last block gave.
# </details>
#
# <details><summary>Hint 2: the end</summary>
#
# `nn.AdaptiveAvgPool2d(1)` takes the mean of each map; `nn.Flatten()` makes (N, C) of (N, C, 1, 1).
# </details>
#
# <details><summary>Hint 3: "expected input to have 64 channels, but got 256"</summary>
#
# A bottleneck gives four times `channels`. The next block, and the linear layer, have to know.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "resnet", "locked": true, "points": 5, "schema_version": 3, "solution": false}
check.resnet(resnet)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# **Predict.** ResNet-152 has eight times the layers of VGG-19. Does it need more or fewer
# multiplications for an image? And the outputs of all its layers together: more or less memory? Part
# 6 has the answers.

# %%
more_or_fewer, more_or_less = None, None  # your predictions

# %% [markdown]
# The full networks, looked at without computing anything: on PyTorch's `meta` device tensors have
# shapes but no numbers. The column beside yours is what torchvision has.

# %% tags=["showcase"]
import torchvision

published, rows = {}, []
for depth, counts in COUNTS.items():
    with torch.device("meta"):
        yours, theirs = resnet(depth), getattr(torchvision.models, f"resnet{depth}")()
    published[depth] = sum(p.numel() for p in theirs.parameters())
    found = counting.count(yours, (3, 224, 224))
    layers = 2 + (2 if depth < 50 else 3) * sum(counts)
    rows.append([f"ResNet-{depth}", layers, f"{found.params:,}", f"{published[depth]:,}",
                 f"{found.macs / 1e9:.3f}"])  # fmt: skip
plots.table(["network", "1 + b · Σn + 1", "your parameters", "torchvision's", "GMACs"], rows)
print("your prediction:", resnet_34_or_50)

# %% [markdown]
# *Table 1. The five networks. ResNet-50 has only 1.17 times the parameters of ResNet-34.*
#
# Equal counts are a good sign, but no proof. Better: do the networks compute the same? The course's
# own ResNet names its layers as torchvision does, so that torchvision's weights fit. We fill
# torchvision's network with random numbers, batch norm's statistics included, load them into ours,
# and compare the outputs.

# %% tags=["showcase"]
seed_everything(0)
for depth in (18, 50):
    theirs = getattr(torchvision.models, f"resnet{depth}")().eval()
    with torch.no_grad():
        for name, tensor in theirs.state_dict().items():
            if "running" in name:
                tensor.uniform_(0.5, 1.5)
    ours = models.resnet(depth).eval()
    print(f"ResNet-{depth}:", ours.load_state_dict(theirs.state_dict()))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        print("  the same scores:", torch.equal(ours(x), theirs(x)))

# %% [markdown]
# ## 6. What does it cost?
#
# First the parameters, block by block; then memory and multiplications, for which you have made a
# prediction before Table 1.
#
# **Your turn** · difficulty ●●○ · 10 minutes · 2 points
#
# Work these out, by hand or by code. Parameters include those of batch norm (not its running
# statistics, which are not trained) and biases where there are any; "weights" are those of the
# convolutions alone. Replace each `...`, and delete the two lines below the dict. The check says only
# whether all answers are there.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "residual_numbers-answer", "locked": false, "schema_version": 3, "solution": true}
residual_numbers = {
    "basic_block_512": ...,  # parameters, from 512 to 512 channels
    "basic_block_256_to_512": ...,  # parameters, stride 2, with projection
    "projection_of_bottleneck": ...,  # parameters of the shortcut of Bottleneck(512, 256, 2)
    "two_3x3_of_1024_weights": ...,  # two 3x3 convolutions from 1024 to 1024
    "bottleneck_1024_weights": ...,  # Bottleneck(1024, 256)
    "bottleneck_1024": ...,  # its parameters
    "depth_3_8_36_3": ...,  # depth of a network with these stages, made of basic blocks
    "resnet_110_n": ...,  # its depth is 6n + 2, see part 8
    "fc_of_resnet_34": ...,  # parameters of the last layer, 10 classes
    "fc_of_resnet_50": ...,
}
### BEGIN SOLUTION
residual_numbers = {
    "basic_block_512": 2 * (512 * 512 * 9 + 2 * 512),
    "basic_block_256_to_512": 256 * 512 * 9 + 512 * 512 * 9 + 256 * 512 + 3 * 2 * 512,
    "projection_of_bottleneck": 512 * 1024 + 2 * 1024,
    "two_3x3_of_1024_weights": 2 * 1024 * 1024 * 9,
    "bottleneck_1024_weights": 1024 * 256 + 256 * 256 * 9 + 256 * 1024,
    "bottleneck_1024": 1024 * 256 + 256 * 256 * 9 + 256 * 1024 + 2 * (256 + 256 + 1024),
    "depth_3_8_36_3": 1 + 2 * (3 + 8 + 36 + 3) + 1,
    "resnet_110_n": (110 - 2) // 6,
    "fc_of_resnet_34": 10 * (512 + 1),
    "fc_of_resnet_50": 10 * (2048 + 1),
}
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "residual_numbers", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.residual_numbers(residual_numbers)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
zoo, kinds = torchvision.models, ("Conv2d", "Linear", "MaxPool2d", "AdaptiveAvgPool2d")
names = ["vgg16", "vgg19", "resnet18", "resnet34", "resnet50", "resnet152"]
with torch.device("meta"):
    counted = [counting.count(getattr(zoo, name)(), (3, 224, 224)) for name in names]
labels = ["V-16", "V-19", "R-18", "R-34", "R-50", "R-152"]
fig, axes = plots.panels(1, 3, width=3.9, height=2.8)
memory = [found.select(*kinds).kib / 1024 for found in counted]
plots.bars(axes[0], memory, labels, "memory of the layers' outputs", "MiB")
plots.bars(axes[1], [c.params / 1e6 for c in counted], labels, "parameters", "millions")
plots.bars(axes[2], [c.macs / 1e6 for c in counted], labels, "multiply-accumulates", "millions")
plots.show(fig)
print("your predictions:", more_or_fewer, more_or_less)

# %% [markdown]
# *Figure 9. Two VGGs (V) and four ResNets (R), for one image of 224 × 224. Memory: outputs of
# convolutions, poolings and linear layers, float32. ResNet-152 needs fewer MACs than either VGG:
# after two layers its maps are 56 × 56, and bottlenecks are cheap. It has fewer parameters, with one
# linear layer; but all its outputs together need more memory.*
#
# What does one get for it? The accuracies are those that torchvision publishes for its trained
# weights (the first set, trained with the recipe of that time), on the validation images of
# ImageNet.

# %% tags=["showcase"]
chosen = {"AlexNet-64": "alexnet", "VGG-11": "vgg11", "VGG-16": "vgg16"}
chosen |= {f"R-{depth}": f"resnet{depth}" for depth in COUNTS}
by_macs, by_params = {}, {}
for label, name in chosen.items():
    weights = zoo.get_model_weights(name).IMAGENET1K_V1
    top1 = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    with torch.device("meta"):
        found = counting.count(getattr(zoo, name)(), (3, 224, 224))
    by_macs[label], by_params[label] = (found.macs / 1e9, top1), (found.params / 1e6, top1)
fig, axes = plots.panels(1, 2, width=5.4, height=3.8)
plots.scatter(axes[0], by_macs, "accuracy and work", "GMACs", "top-1 in percent")
words = ("million parameters", "top-1 in percent")
plots.scatter(axes[1], by_params, "accuracy and size", *words, left=["R-101"])
for ax in axes:
    ax.set_xlim(left=0)
plots.show(fig)

# %% [markdown]
# *Figure 10. R stands for ResNet. Up and to the left is better. Work and size are two things:
# AlexNet-64 has five times the parameters of ResNet-18 and less than half of its MACs. More depth
# helps less and less.*
#
# Do not read too much into single dots. They were trained with different recipes; ResNet-50 gains
# nearly five points with torchvision's newer one, without any change to the network.
#
# ## 7. How large should the first weights be?
#
# A layer with n inputs adds up n products. If inputs and weights are independent and the weights
# have mean 0 and variance v, the variance of the sum is n · v times the mean square of the inputs.
# To keep it as it was, take v = 1/n: this is **Xavier** initialisation (with as many outputs as
# inputs). But ReLU sets half of the values to 0, and with them goes half of the mean square. Layer
# by layer, the signal's strength is halved. **He** initialisation makes up for it, with twice the
# variance:
#
# $$ \mathrm{std} = \sqrt{2 / \mathrm{fan\_in}} $$
#
# `fan_in` is the number of inputs that each output adds up.
#
# **Worked example.** A 3 × 3 convolution on 64 channels: fan_in = 64 · 3 · 3 = 576, so He's standard
# deviation is √(2/576) = **0.05893**, and Xavier's √(1/576) = 0.04167. The lectures call it
# "Xavier/2". Half of 0.04167 would be 0.02083, and that is *not* what is meant: it is fan_in that is
# halved.
#
# > **Easy to get wrong.**
# >
# > - *The kernel's size belongs to fan_in*: in_channels · kH · kW.
# > - *Inputs, not outputs.* The weights' shape is (out_channels, in_channels, kH, kW).
# > - *The standard deviation is a square root*; 2/fan_in is the variance.
#
# **Predict.** 30 layers with ReLU and Xavier's variance. What remains of the mean square at the end?

# %%
left_after_30 = None  # your prediction

# %% [markdown]
# **Your turn** · difficulty ●○○ · 5 minutes · 1 point


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "he_std-answer", "locked": false, "schema_version": 3, "solution": true}
def he_std(weight):
    """Standard deviation of He's initialisation, `sqrt(2 / fan_in)`, as a float.

    weight: of a convolution, (out_channels, in_channels/groups, kH, kW), or of a linear layer,
    (out_features, in_features); only its shape matters.
    """
    ### BEGIN SOLUTION
    return (2 / weight[0].numel()) ** 0.5
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# `weight[0]` holds the weights of one output. `.numel()` says how many there are.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "he_std", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.he_std(he_std)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS


# %%
def mean_squares(factor, seed, depth=30, width=256):
    """Mean square of the values after each of 30 linear layers with ReLU; std = factor * He's."""
    seed_everything(seed)
    x, found = torch.randn(128, width), []
    for _ in range(depth):
        weight = torch.empty(width, width)
        weight.normal_(std=factor * he_std(weight))
        x = torch.relu(x @ weight.T)
        found.append(x.square().mean().item())
    return found


# %% tags=["showcase", "nbval-ignore-output"]
factors = {"He": 1, "Xavier": 0.5**0.5, "half of Xavier's std": 0.5**0.5 / 2, "twice He's": 2}
groups = {name: [mean_squares(factor, seed) for seed in range(3)] for name, factor in factors.items()}
fig, (ax,) = plots.panels(width=7, height=3.4)
plots.runs(ax, groups, "30 layers with ReLU", "layer", "mean square of the values", log=True)
plots.show(fig)
print("your prediction:", left_after_30, f"  computed: 1/2^30 = {0.5**30:.1e}")

# %% [markdown]
# *Figure 11. Three seeds each. He's lines stay within a factor of about three of 1. On average, in
# every layer, Xavier's fall to a half, those with half of Xavier's standard deviation to an eighth,
# and those with twice He's grow fourfold.*
#
# Limits: at initialisation only, and without batch norm, which rescales everything anyway. With batch
# norm the scale of the first weights matters much less; the recipe of the paper has both.
#
# ## 8. More layers, better?
#
# Now the experiment that began it all. For small images, the paper has networks of another shape:
#
# 1. 3 × 3 convolution, 16 filters, stride 1, padding 1, without bias; batch norm; ReLU; no pooling;
# 2. three stages of n basic blocks each, with 16, 32 and 64 channels; stages 2 and 3 begin with
#    stride 2;
# 3. the mean of each map, and one linear layer.
#
# With two convolutions in a block that is 1 + 3 · 2n + 1 = **6n + 2** layers.
#
# **Worked example.** ResNet-20: n = 3. With padding shortcuts it has 269,722 parameters, exactly as
# many as its plain twin. That is what makes the comparison fair, and it is why the paper uses
# option A here.
#
# **Predict.** How many more parameters has ResNet-20 with projections? (Two blocks need one: from 16
# to 32 and from 32 to 64 channels. Count batch norm, too.)

# %%
more_with_projections = None  # your prediction

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *n = (depth − 2) / 6*, not depth / 6.
# > - *Not the ImageNet network*: no 7 × 7, no pooling, three stages, 16 channels.
# > - *Stage 1 has no stride.*
# > - *`residual=False`* means blocks with `shortcut=None`, whatever `shortcut` says.
#
# **Your turn** · difficulty ●●○ · 12 minutes · 3 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "cifar_resnet-answer", "locked": false, "schema_version": 3, "solution": true}
def cifar_resnet(
    depth, residual=True, shortcut="padding", num_classes=10, in_channels=3, width=1.0
):
    """A network of 6n + 2 layers for small images, or with residual=False its plain twin.

    depth: 8, 14, 20, ...; shortcut: "padding" or "projection", for all blocks; width multiplies
    every number of channels, e.g. `int(width * 16)`.
    Returns an nn.Module that reads x: (N, in_channels, H, W) and returns scores (N, num_classes).
    """
    ### BEGIN SOLUTION
    before = int(width * 16)
    layers = [nn.Conv2d(in_channels, before, 3, padding=1, bias=False), nn.BatchNorm2d(before)]
    layers.append(nn.ReLU())
    for stage in range(3):
        channels = int(width * 16 * 2**stage)
        for number in range((depth - 2) // 6):
            stride = 2 if stage > 0 and number == 0 else 1
            layers.append(BasicBlock(before, channels, stride, shortcut if residual else None))
            before = channels
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, num_classes)
    )
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# Copy your `resnet` and change the beginning, the number of stages, the channels, and the arguments
# of the block.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "cifar_resnet", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.cifar_resnet(cifar_resnet)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %%
padded, projected, plain = (
    sum(p.numel() for p in cifar_resnet(20, **options).parameters())
    for options in ({}, {"shortcut": "projection"}, {"residual": False})
)
print(f"padded {padded:,}, projected {projected:,}, plain {plain:,}")
print(f"your prediction: {more_with_projections}   found: {projected - padded:,}")

# %% [markdown]
# ### The experiment
#
# **Hypothesis.** Of two plain networks, the deeper one ends with a much *higher* training loss. With
# shortcuts, that difference all but disappears.
#
# **Experiment.** 20 and 44 layers, plain and residual. 1,024 of the small digits of 8 × 8 pixels for
# training, half the channels of the paper, He initialisation, batches of 128, SGD with momentum 0.9
# and learning rate 0.05, eight epochs: 64 steps. Plain and residual networks of the same depth have
# the same parameters, and with the same seed start from the same ones. Three seeds. All of it takes
# about a minute.
#
# **Predict.** The training loss at the end, roughly, for all four. (By guessing one gets 2.30.)

# %%
plain_20, plain_44, residual_20, residual_44 = None, None, None, None


# %%
def he_init_(model):
    """Draw the weights of all convolutions and linear layers as He's initialisation says."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=he_std(layer.weight))
    return model


def train(depth, residual, seed, epochs=8):
    """Train a small network on digits: the mean loss of each epoch, and the test accuracy."""
    seed_everything(seed)
    images, labels = digits()
    model = he_init_(cifar_resnet(depth, residual, in_channels=1, width=0.5)).to(pick_device())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loader = Batches(images[:1024], labels[:1024], batch_size=128, seed=seed)
    loss_fn = nn.CrossEntropyLoss()
    losses = [train_one_epoch(model, loader, optimizer, loss_fn) for _ in range(epochs)]
    _, accuracy = evaluate(model, Batches(images[1437:], labels[1437:], 360), loss_fn)
    return losses, accuracy


# %% tags=["showcase", "nbval-ignore-output"]
kinds = [(depth, residual) for residual in (False, True) for depth in (20, 44)]
jobs = [(*kind, seed) for kind in kinds for seed in range(3)]
done = {job: train(*job) for job in progress(jobs, "networks")}
fig, axes = plots.panels(1, 2, width=4.6, height=3.3, sharey=True)
for ax, residual in zip(axes, (False, True), strict=True):
    groups = {
        f"{depth} layers": [done[depth, residual, seed][0] for seed in range(3)]
        for depth in (20, 44)
    }
    title = "residual" if residual else "plain"
    plots.runs(ax, groups, title, "epoch", "training loss", log=True)
plots.show(fig)

# %% [markdown]
# *Figure 12. Training loss on a logarithmic scale, three seeds each. Each point is the mean over an
# epoch, while the weights change.*

# %% tags=["showcase", "nbval-ignore-output"]
print("your predictions:", plain_20, plain_44, residual_20, residual_44)
rows = [
    [f"{'residual' if residual else 'plain'}-{depth}", seed, f"{losses[-1]:.3f}", f"{accuracy:.1%}"]
    for (depth, residual, seed), (losses, accuracy) in done.items()
]
plots.table(["network", "seed", "training loss at the end", "test accuracy"], rows)

# %% [markdown]
# *Table 2. The last epoch, and 360 digits that were not in the training.*
#
# Both halves of the hypothesis hold, for all three seeds. The deeper plain network is far behind on
# its own training images, so it is not overfitting. With shortcuts both depths come close to 0.
#
# Limits, and they matter:
#
# - *Within this budget.* The deep plain network's loss is still falling after the last step. Is it
#   stuck, or only slow? Part 10 lets it run longer.
# - The residual network of 44 layers is not *better* than that of 20; for some seeds it is still a
#   little behind. These digits are too easy for depth to pay; that it does was shown on larger
#   problems.
# - One learning rate for all four. It might suit one of them better than the others.
# - It shows *that* shortcuts help, not *why*.
#
# ### In your own words (2 points)
#
# A friend looks at the plain networks of Table 2 and says: "Of course, 44 layers have more
# parameters. They overfit, and anyway their gradients vanish." In three to five sentences: give two
# arguments against the first explanation, one of them about the number of parameters, and one
# against the second. Then name one thing that this experiment does *not* show (not one of the limits
# listed above).

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_degradation", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (2 points).** A network that overfits has a low training loss and a poor test
# accuracy; plain-44 has the higher *training* loss, so it fails to fit even what it sees. And the
# residual network of 44 layers has exactly as many parameters and does well, so their number is not
# the reason. Vanishing gradients: in Figure 6, with batch norm, the gradients of the plain network
# do not vanish; they grow on their way back. (Without batch norm they do vanish, but the networks
# of the experiment have it.) The experiment does not show whether the same happens without batch
# norm, with shortcuts by projection, or with more digits to learn from: none of these was varied.
#
# **Rubric.** ½ point: overfitting would show as a low training loss. ½ point: a second argument, such
# as the residual twin with as many parameters. ½ point: the gradients in Figure 6, or that batch norm
# keeps them from vanishing. ½ point: something that the experiment really does not show, other than
# the four limits.
#
# **Half marks (1 point).** "It is not overfitting, because the training loss is high as well. It was
# only tried with SGD." Right and to the point, but it says nothing about the gradients and gives one
# argument against overfitting: ½ + 0 + 0 + ½.
# ### END SOLUTION

# %% [markdown]
# ## 9. Slide check
#
# The numbers about ResNet that the lectures print, computed before your eyes. First the ones that you
# can trust as they stand.

# %% tags=["showcase"]
from helpers.convolution import conv_output_size as size

with torch.device("meta"):
    nets = {depth: counting.count(models.resnet(depth), (3, 224, 224)) for depth in COUNTS}
    vgg = {n: counting.count(getattr(zoo, f"vgg{n}")(), (3, 224, 224)) for n in (16, 19)}
layers = {d: sum("downsample" not in row.name for row in net.select("Conv2d", "Linear").layers)
          for d, net in nets.items()}  # fmt: skip
halved = [size(224, 7, 2, 3), size(size(224, 7, 2, 3), 3, 2, 1)]
block = models.Bottleneck(256, 64)
bottleneck = sum(p.numel() for p in block.parameters() if p.ndim == 4)
heads = [nets[depth].find("fc").params for depth in (34, 50)]
small = {d: sum(p.numel() for p in models.cifar_resnet(d).parameters()) for d in (20, 56, 110)}
xavier, he = (1 / 576) ** 0.5, (2 / 576) ** 0.5

# %% tags=["showcase"]
agree = [
    ["depths for ImageNet", "34, 50, 101, 152",
     f"{', '.join(map(str, layers.values()))} (18 is in the paper, too)"],
    ["an extremely deep network", "152 layers", layers[152]],
    ["compared with VGG", "8x more layers", f"152/19 = {152 / 19:.1f}"],
    ["the first two layers shrink 224 to", "56", " → ".join(map(str, (224, *halved)))],
    ["filters double, and the size is halved", "periodically",
     "64, 128, 256, 512 at 56, 28, 14, 7; times four with bottlenecks"],
    ["ResNet-50 and deeper use a bottleneck", "as in GoogLeNet",
     f"{bottleneck:,} weights instead of {2 * 9 * 256**2:,}: {2 * 9 * 256**2 / bottleneck:.0f}x"],
    ["no fully connected layers but the last", "FC 1000",
     f"{heads[0]:,} or {heads[1]:,} parameters; VGG-16: {vgg[16].select('Linear').params:,}"],
    ["deeper plain networks have a higher training error", "56 against 20 layers",
     "44 against 20 on digits: Table 2"],
    ["the recipe", "SGD, momentum 0.9, rate 0.1, batch 256, no dropout",
     "nothing to compute; so says the paper, section 3.4"],
]  # fmt: skip
plots.table(["claim", "the slides say", "computed here"], agree)

# %% [markdown]
# *Table 3. These agree.*

# %% tags=["showcase"]
footnotes = [
    ["every residual block has", "two 3x3 convolutions",
     "only in ResNet-18 and -34; from 50 on 1x1, 3x3, 1x1, as the same slides say later"],
    ["the block", "conv-relu-conv, then add x",
     "batch norm after each convolution, and a ReLU after the addition"],
    ["the shortcut leads", "to a much deeper layer", "around one block: two or three convolutions"],
    ["deep networks suffer from", "vanishing and exploding gradients",
     "vanishing: without batch norm, yes; with it they grow (both Figure 6, before training);"
     " degradation remains (Table 2)"],
    ["at runtime faster than a VGG", "152 layers",
     f"fewer MACs: {nets[152].macs / 1e9:.2f} billion against {vgg[16].macs / 1e9:.2f} and"
     f" {vgg[19].macs / 1e9:.2f}; time was not measured"],
    ["winner of 2015, top-5 error", "3.6% and 3.57%", "3.57%, an ensemble of six networks"],
    ["human error", "5-10%, and ResNet is better", "5.1% for the best-known annotator, also top-5"],
    ["the best architecture we currently have", "yes", "it was in 2015"],
    ["parameters (in the paper) of the small networks", "0.27M, 0.85M, 1.7M",
     ", ".join(f"{n:,}" for n in small.values())],
    ["the stride of a bottleneck", "not said", "3x3 in torchvision and here, first 1x1 in the paper"],
]  # fmt: skip
plots.table(["claim", "the slides say", "found here"], footnotes)

# %% [markdown]
# *Table 4. These want a footnote.*

# %% tags=["showcase"]
wrong = [
    ["initialisation", "Xavier/2",
     f"for 3x3x64: Xavier {xavier:.5f}, He {he:.5f} = √2 times that; half would be {xavier / 2:.5f}",
     "it is fan_in that is halved, so the variance doubles"],
    ["weight decay", "1e-5", "1e-4", "the paper, section 3.4"],
]  # fmt: skip
plots.table(["claim", "the slides say", "right is", "why"], wrong)

# %% [markdown]
# *Table 5. These are slips. Figure 11 shows what the first one would do if it were taken at its
# word.*
#
# All that the lectures claim about ResNet stands in one table, `helpers.claims`. What of it can be
# computed is computed by the course's own code. Once more, all at once:

# %% tags=["showcase"]
from helpers import claims

print(claims.summary("resnet"))

# %% [markdown]
# `claims.show("resnet")` lists them, and with `verdicts=["wrong", "conflicting"]` those that do not
# hold.
#
# ## 10. Going further
#
# ### A longer run
#
# Is the deep plain network stuck, or slow? Give it five times as long. It takes up to a
# minute, so it is switched off.
#
# **Predict.** Its training loss after 40 epochs.

# %%
after_40_epochs = None  # your prediction
run_it = False

# %% tags=["showcase", "nbval-ignore-output"]
if run_it:
    longer, accuracy = train(44, False, seed=0, epochs=40)
    fig, (ax,) = plots.panels(width=6, height=3)
    plots.runs(ax, {"plain, 44 layers": [longer]}, "40 epochs", "epoch", "training loss")
    plots.show(fig)
    print(f"your prediction: {after_40_epochs}   loss {longer[-1]:.3f}, test {accuracy:.1%}")
else:
    print("Set run_it = True above to train for 40 epochs.")

# %% [markdown]
# ### More to try
#
# - Repeat the experiment with half the learning rate, and with a tenth. Does plain-44 catch up?
# - Start every residual block as the identity: set γ of its last batch norm to 0 before training.
#   What changes for 44 layers, over three seeds? And for 110?
# - Move the ReLU before the addition. How does Figure 6 change?
# - Repeat Figure 6 with `he_init_` from part 8. Without batch norm, what remains of the difference?
# - Multiply the shortcut by 0.5 in every block. Repeat Figure 6, and explain what you see with the
#   derivative of part 3.
#
# ### References
#
# - K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, CVPR 2016,
#   arXiv:1512.03385. Figure 1: degradation; section 3.3: options A and B; table 1: the five networks;
#   section 4.2: the networks for CIFAR-10.
# - K. He, X. Zhang, S. Ren, J. Sun, *Delving deep into rectifiers*, ICCV 2015, arXiv:1502.01852. The
#   initialisation.
# - X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*,
#   AISTATS 2010. Xavier (Glorot's first name) initialisation.
# - E. Alpaydin, C. Kaynak, *Optical recognition of handwritten digits*, UCI Machine Learning
#   Repository (1998). The digits used here, as scikit-learn has them.
# - CS231n (Stanford, 2016), lecture 7, and *DNNs in static images*: the lectures whose numbers part 9
#   checks.
