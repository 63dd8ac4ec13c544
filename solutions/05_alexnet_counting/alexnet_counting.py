# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # AlexNet: count what a network costs
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# In 2012 a network won a contest by such a margin that the whole field changed its methods within
# two years. It had 60 million parameters, and it was cut in two because it did not fit on the
# graphics card of its day. Where do 60 million parameters sit? What fills the memory? What takes the
# time? They are three different places, and in this notebook you will find them by counting.
#
# You need no graphics card and no data for this: a network can be counted before it exists.
#
# **You can then**
#
# - write down the row of a layer, its output, memory, parameters and arithmetic, from its numbers;
# - write the tool that does it for a whole network, whatever it is made of;
# - find the wrong cells in a table that was printed for years;
# - build both networks that are called AlexNet, and say what the two graphics cards saved;
# - take layers out of a network, and judge what such an experiment shows.

# %%
# Set-up. Run this cell first; on Colab it also fetches the course's helpers.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("helpers") is None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "{{repository}}"], check=True)

import copy

import torch
from torch import nn

from helpers import counting, plots
from helpers.checks import alexnet_counting as check
from helpers.convolution import conv_output_size, fits_exactly
from helpers.counting import LayerCount
from helpers.data import digits, moved
from helpers.runtime import seed_everything
from helpers.training import Batches, evaluate, progress, train_one_epoch

torch.set_num_threads(1)  # networks as small as those trained here gain nothing from more of them
seed_everything(0)
print("Ready.")

# %% [markdown]
# ## How this notebook works
#
# | part | what you write | points | minutes |
# |---|---|---|---|
# | 1. One row at a time | `conv_count`, `pool_count`, `linear_count` | 4 | 25 |
# | 2. The whole table | `count_layers` | 7 | 30 |
# | 3. AlexNet-64 | `AlexNet64` | 3 | 15 |
# | 4. Spot the wrong cells | `table_numbers`, and a short answer in words | 5 | 30 |
# | 5. 224 or 227 pixels? | nothing: you look at what came out | – | 5 |
# | 6. The network of 2012 | `local_response_norm`, `AlexNet96` | 6 | 25 |
# | 7. Two GPUs | `as_one_group` | 1 | 10 |
# | 8. Which layers matter? | `remove_layers`, and a short answer in words | 4 | 30 |
# | 9. Eight years of ILSVRC | nothing | – | 5 |
# | 10. Slide check | nothing | – | 5 (skim) |
# | 11. Going further | `ZFNet`, what one output sees, and what MACs do not tell | 0 | as you like |
#
# The core, parts 1 to 10, takes about **three hours** and carries all **30 points**. You can stop
# after any part. Parts 3, 4 and 6 use your `count_layers` from part 2, and part 4 also your
# `AlexNet64` from part 3; otherwise a part that you left out does not stop you later.
#
# As before: **predict** before you run, write **your code** where it says so, run the **check** as
# often as you like, and open the **hints** one at a time. When you hand in, the same cells are
# graded on further inputs.
#
# **One name, two networks.** *AlexNet-96* is the network of the paper of 2012: 96 filters in its
# first layer, two groups for two GPUs. *AlexNet-64* is a later one by the same author, which
# torchvision and the table of the lectures use. Here they are always called by these names.

# %% [markdown]
# ## 1. One row at a time
#
# A table of a network has a row for each layer. In the first notebook you worked out the numbers of
# a convolution; now the row gets two more kinds of layers and one more column:
#
# | | output | parameters | MACs | other operations |
# |---|---|---|---|---|
# | **convolution** | `C_out × H_out × W_out` | `C_out · (C_in/g · kH · kW + 1)` | `C_in/g · kH · kW` per output value | 0 |
# | **pooling** | `C_in × H_out × W_out` | 0 | 0 | `kH · kW` per output value |
# | **fully connected** | `out` | `out · (in + 1)` | `in` per output value | 0 |
#
# `g` is the number of groups; the `+ 1` is the bias, where there is one. The **memory** of each row
# is that of its output for one image, 4 bytes a value, in KiB of 1024 bytes. A maximum over nine
# values takes nine comparisons (eight would do, but the lectures count nine), an average as many
# additions. Neither multiplies anything, so they have a column of their own, `other_ops`.

# %% tags=["showcase"]
shapes = [("image", (3, 227, 227)), ("conv1", (64, 56, 56)), ("pool1", (64, 27, 27)),
          ("conv2", (192, 27, 27)), ("pool2", (192, 13, 13)), ("conv3", (384, 13, 13)),
          ("conv4", (256, 13, 13)), ("conv5", (256, 13, 13)), ("pool5", (256, 6, 6)),
          ("fc6", (4096,)), ("fc7", (4096,)), ("fc8", (1000,))]  # fmt: skip
fig, (ax,) = plots.panels(width=13, height=3.2)
plots.stages(ax, shapes)
plots.show(fig)

# %% [markdown]
# *Figure 1. AlexNet-64, and what becomes of an image of 227 × 227 pixels. Squares are drawn to
# scale; of the maps, at most 16 are drawn.*
#
# **Worked example.** conv1 of AlexNet-64 is the one that you know: 64 filters of 11 × 11, stride 4,
# padding 2, on 3 × 227 × 227. Then come a pool and, at the end, a fully connected layer:
#
# | number | pool1: 3 × 3, stride 2, on 64 × 56 × 56 | fc8: 4096 → 1000 |
# |---|---|---|
# | output | ⌊(56 − 3)/2⌋ + 1 = 27, so 64 × 27 × 27 | 1000 |
# | memory | 64 · 27 · 27 · 4 / 1024 = 182.25 KiB | 1000 · 4 / 1024 = 3.9 KiB |
# | parameters | 0 | 4096 · 1000 + 1000 = 4,097,000 |
# | MACs | 0 | 4096 · 1000 = 4,096,000 |
# | other operations | 64 · 27 · 27 · 9 = 419,904 | 0 |
#
# **Predict.** Before you count anything: which layer of AlexNet-64 needs the most memory, which has
# the most parameters, and which takes the most MACs?

# %%
most_memory, most_parameters, most_macs = None, None, None  # such as "conv1"

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *Bias.* One per filter or unit: a parameter, but not a MAC.
# > - *MAC or FLOP?* One MAC is two floating-point operations. Count MACs.
# > - *Memory* is that of the output values, not of the weights; in KiB of 1024 bytes.
# > - *Groups.* A filter reads only `in_channels / groups` channels.
# > - *Pooling* has no parameters and no MACs. It rounds down, and `stride=None` means a stride as
# >   large as the window.
# > - *Rectangles.* Kernels, windows and images need not be square.
#
# **Your turn** · difficulty ●●○ · 18 minutes · 1, 2 and 1 points
#
# Each function returns `LayerCount(name, type, out_shape, kib, params, macs, other_ops)`; the last
# one is 0 unless you give it. `conv_output_size` from the first notebook is there for you.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv_count-answer", "locked": false, "schema_version": 3, "solution": true}
def conv_count(
    name, in_shape, out_channels, kernel_size, stride=1, padding=0, groups=1, bias=True
):
    """The row of a convolution; its type is "Conv2d".

    in_shape: (C, H, W); kernel_size, stride, padding: an int, or a pair (rows, columns);
    groups: divides both numbers of channels; bias: True or False.
    Returns a LayerCount with out_shape=(C_out, H_out, W_out).
    """
    ### BEGIN SOLUTION
    in_channels, height, width = in_shape
    kernel_h, kernel_w = both(kernel_size)
    rows, columns = conv_output_size((height, width), both(kernel_size), stride, padding)
    weights = in_channels // groups * kernel_h * kernel_w  # of one filter
    values = out_channels * rows * columns
    params = out_channels * (weights + (1 if bias else 0))
    shape = (out_channels, rows, columns)
    return LayerCount(name, "Conv2d", shape, values * 4 / 1024, params, values * weights)


def both(size):
    return size if isinstance(size, tuple) else (size, size)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: an int or a pair</summary>
#
# Write yourself a small function that gives `(3, 3)` for `3`, and `(3, 2)` for `(3, 2)`.
# `conv_output_size((H, W), …)` gives a pair `(rows, columns)`, whatever the kernel is given as.
# </details>
#
# <details><summary>Hint 2: in which order?</summary>
#
# First the output shape. Then how many weights one filter has. All else follows from these two:
# parameters are weights per filter times filters, MACs are weights per filter times output values.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "conv_count", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.conv_count(conv_count)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "pool_count-answer", "locked": false, "schema_version": 3, "solution": true}
def pool_count(name, in_shape, kernel_size, stride=None, padding=0):
    """The row of a pooling layer; its type is "MaxPool2d".

    in_shape: (C, H, W); kernel_size, stride, padding: an int, or a pair (rows, columns); stride
    None means kernel_size. Returns a LayerCount with out_shape=(C, H_out, W_out), 0 parameters,
    0 MACs, and kH * kW other operations for every output value.
    """
    ### BEGIN SOLUTION
    channels, height, width = in_shape
    window_h, window_w = both(kernel_size)
    stride = kernel_size if stride is None else stride
    rows, columns = conv_output_size((height, width), (window_h, window_w), stride, padding)
    values = channels * rows * columns
    shape = (channels, rows, columns)
    return LayerCount(
        name, "MaxPool2d", shape, values * 4 / 1024, 0, 0, values * window_h * window_w
    )
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "pool_count", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.pool_count(pool_count)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "linear_count-answer", "locked": false, "schema_version": 3, "solution": true}
def linear_count(name, in_features, out_features, bias=True):
    """The row of a fully connected layer; its type is "Linear".

    Returns a LayerCount with out_shape=(out_features,).
    """
    ### BEGIN SOLUTION
    weights = in_features * out_features
    params = weights + (out_features if bias else 0)
    return LayerCount(name, "Linear", (out_features,), out_features * 4 / 1024, params, weights)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "linear_count", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.linear_count(linear_count)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# Rows can be chained: what one layer gives, the next one gets. The first four rows of AlexNet-64:


# %%
def show_table(rows):
    """Display rows of the type LayerCount as a table."""
    header = ["layer", "type", "output", "KiB", "parameters", "MACs", "other operations"]
    plots.table(header, [
        [r.name, r.type, "×".join(map(str, r.out_shape)), f"{r.kib:,.2f}",
         *(f"{n:,}" for n in (r.params, r.macs, r.other_ops))] for r in rows
    ])  # fmt: skip


conv1 = conv_count("conv1", (3, 227, 227), 64, 11, stride=4, padding=2)
pool1 = pool_count("pool1", conv1.out_shape, 3, stride=2)
conv2 = conv_count("conv2", pool1.out_shape, 192, 5, padding=2)
pool2 = pool_count("pool2", conv2.out_shape, 3, stride=2)
show_table([conv1, pool1, conv2, pool2])

# %% [markdown]
# *Table 1. The first four rows, from the numbers of the layers alone.*
#
# ## 2. The whole table
#
# Writing these lines for a network of 152 layers is no pleasure, and each of the numbers in them is
# a chance for a slip. But the network itself knows all of them. So let us walk through it while it
# runs, and note a row whenever a layer has done its work.
#
# **Hooks**, which you met in the fourth notebook, do just that: a forward hook is called with
# `(layer, inputs, output)` after its layer has run.
#
# And nothing need be computed. PyTorch has a device called **meta**, on which tensors have a shape
# and no values.
#
# **Predict.** The layer below has a million inputs and a million outputs, and thus 10¹² weights of
# 4 bytes. What happens when the cell runs: does it fail, does it take minutes, or neither?

# %%
what_happens = None  # your prediction

# %%
huge = nn.Linear(1_000_000, 1_000_000, device="meta")
huge.register_forward_hook(
    lambda layer, inputs, output: print("from", tuple(inputs[0].shape), "to", tuple(output.shape))
)
out = huge(torch.empty(1, 1_000_000, device="meta"))
print(f"weights: {huge.weight.numel():,}, which would be {huge.weight.numel() * 4 / 2**40:.1f} TiB")
print("your prediction:", what_happens)

# %% [markdown]
# Neither: a network on meta gives the shapes of all its outputs, at once, and without memory.

# %% tags=["showcase"]
chain = ["image\n3×9×11", "Conv2d\n4×4×5", "ReLU\n4×4×5", "MaxPool2d\n4×2×2", "Flatten\n16", "Linear\n5"]
kinds = ["", "conv", "", "pool", "", "linear"]
boxes = {text: ((2.3 * k, 0), text, kinds[k]) for k, text in enumerate(chain)}
arrows = [(chain[k], chain[k + 1]) for k in range(5)]
for k in (1, 3, 4, 5):
    boxes[f"row {k}"] = ((2.3 * k, 1.6), f"a row:\n{chain[k].splitlines()[0]}")
    arrows.append((chain[k], f"row {k}", "hook"))
fig, (ax,) = plots.panels(width=9.5, height=2.6)
plots.diagram(ax, boxes, arrows, "a network runs, and hooks take notes", size=(1.6, 0.8))
plots.show(fig)

# %% [markdown]
# *Figure 2. The output shapes stand below the names. Each hook is called when its layer has run.*
#
# Which modules get a row? Layers, that is modules without further modules inside; an
# `nn.Sequential` only passes on. Activations and dropout can work in place, in the memory that is
# there already, so they get none. Everything else does:

# %%
NO_ROW = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Dropout, nn.Identity)

# %% [markdown]
# What a layer has tells what it costs. In a convolution, `layer.weight` has the shape
# `(C_out, C_in/g, kH, kW)`, so one filter is `layer.weight[0]`, and its number of values is what one
# output value costs in MACs. No formula is needed, and groups and rectangles come out right by
# themselves. In a linear layer, `layer.weight[0]` is one unit's row: the same again.
#
# **Worked example.** `nn.Conv2d(4, 6, (3, 2), groups=2)` on 4 × 5 × 7:
# `weight[0]` has 2 · 3 · 2 = 12 values; the output is 6 × 3 × 6 = 108 values; 108 · 12 = 1,296 MACs.
#
# > **Easy to get wrong.**
# >
# > - *The batch axis* is no part of `out_shape`, and one image is what the memory is counted for.
# > - *A layer that runs twice* has two rows, and twice its MACs, but its parameters exist once.
# > - *The order.* Rows stand in the order in which layers run, not in which they were made.
# > - *Leave the model alone*: no hooks left in it, no weights moved to another device, not put into
# >   evaluation mode, no statistics of batch norm changed. The simplest way is to work on a copy.
# > - *Everything from part 1*: biases are parameters and no MACs, pooling has no MACs.
#
# **Your turn** · difficulty ●●● · 25 minutes · 7 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "count_layers-answer", "locked": false, "schema_version": 3, "solution": true}
def count_layers(model, input_shape):
    """The rows of a network: what each of its layers costs for one image.

    model: an nn.Module, which stays as it is; input_shape: (C, H, W), without the batch axis.
    Returns a list of LayerCount, one for each time a layer runs, in that order. Layers are modules
    without modules inside; those of the types in NO_ROW are left out. By row:

    name: the layer's name in `model.named_modules()`; type: its class's name, such as "Conv2d";
    out_shape: without the batch axis; kib: float32; params: of the layer with its biases, and 0
    when it runs again; macs: of nn.Conv2d and nn.Linear, 0 for all others; other_ops: kH * kW per
    output value for nn.MaxPool2d and nn.AvgPool2d; for nn.AdaptiveAvgPool2d its windows are
    H_in/H_out high and W_in/W_out wide (test cases divide exactly); 0 for all others.
    """
    ### BEGIN SOLUTION
    model = copy.deepcopy(model).to("meta").eval()  # nothing is computed; the model stays as it is
    rows, seen = [], set()

    def note(name, layer, inputs, output):
        values = output[0].numel()
        params = 0 if layer in seen else sum(p.numel() for p in layer.parameters())
        seen.add(layer)
        macs = other_ops = 0
        if isinstance(layer, nn.Conv2d | nn.Linear):
            macs = values * layer.weight[0].numel()
        elif isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
            window_h, window_w = both(layer.kernel_size)
            other_ops = values * window_h * window_w
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            other_ops = inputs[0].numel()  # every input value is in one window
        kind, shape = type(layer).__name__, tuple(output.shape[1:])
        rows.append(LayerCount(name, kind, shape, values * 4 / 1024, params, macs, other_ops))

    for name, layer in model.named_modules():
        if not list(layer.children()) and not isinstance(layer, NO_ROW):
            layer.register_forward_hook(lambda *call, name=name: note(name, *call))
    model(torch.empty(1, *input_shape, device="meta"))
    return rows
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: the plan</summary>
#
# Work on `copy.deepcopy(model).to("meta").eval()`: then there is nothing to put back. Go through
# `named_modules()`, register a hook on every layer that gets a row, run the copy once on
# `torch.empty(1, *input_shape, device="meta")`, and return what the hooks have collected.
# </details>
#
# <details><summary>Hint 2: how does a hook know the name of its layer?</summary>
#
# Write a function `note(name, layer, inputs, output)` and register
# `lambda *call, name=name: note(name, *call)`. The `name=name` keeps the name of this round of the
# loop; without it, all hooks would use the last one.
# </details>
#
# <details><summary>Hint 3: seen before?</summary>
#
# `seen = set()`; in the hook, look whether the layer is in it before you add it. Modules can be
# members of a set.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "count_layers", "locked": true, "points": 7, "schema_version": 3, "solution": false}
check.count_layers(count_layers)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# It counts anything that is made of layers. LeNet-5, from the fourth notebook:

# %%
lenet5 = nn.Sequential(
    nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
    nn.AvgPool2d(2), nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(),
    nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
)  # fmt: skip
show_table(count_layers(lenet5, (1, 32, 32)))

# %% [markdown]
# *Table 2. LeNet-5 as built today. Its parameters add up to 61,706.*
#
# ## 3. AlexNet-64
#
# The layers, as the lecture's table lists them:
#
# | layer | filters or units | kernel | stride | padding |
# |---|---|---|---|---|
# | conv1 | 64 | 11 | 4 | 2 |
# | pool1 | max | 3 | 2 | 0 |
# | conv2 | 192 | 5 | 1 | 2 |
# | pool2 | max | 3 | 2 | 0 |
# | conv3 | 384 | 3 | 1 | 1 |
# | conv4 | 256 | 3 | 1 | 1 |
# | conv5 | 256 | 3 | 1 | 1 |
# | pool5 | max | 3 | 2 | 0 |
# | flatten, fc6, fc7 | 4096 each | | | |
# | fc8 | `num_classes` | | | |
#
# A ReLU follows every layer that has weights, except the last. Dropout stands in front of fc6 and
# fc7: it sets each value to zero with a chance of one half, and doubles the others, in training
# only. In evaluation mode it does nothing, so the check cannot see it.
#
# For experiments one wants the same network smaller. So it takes a `width`, which multiplies every
# number of channels and units but the input's and the classes': `int(width * 64)` filters, and so on.
#
# **Predict.** With `width=1/2`, what becomes of the number of parameters, roughly: a half, a third, or
# a quarter?

# %%
of_the_parameters = None  # your prediction, such as 1/2

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *The input of fc6* is what pool5 gives, flattened: 256 · 6 · 6, not the 13 × 13 of conv5.
# > - *The windows overlap*: 3 × 3 with stride 2.
# > - *No softmax at the end*, and no ReLU.
# > - *Two networks, one name*: 64 filters here, 96 in part 6.
#
# **Your turn** · difficulty ●●○ · 12 minutes · 3 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "AlexNet64-answer", "locked": false, "schema_version": 3, "solution": true}
class AlexNet64(nn.Module):
    """AlexNet-64: five convolutions, three fully connected layers, ReLUs between them.

    AlexNet64(num_classes=1000, in_channels=3, width=1.0) reads x: (N, in_channels, 227, 227), or
    224 x 224, and returns scores (N, num_classes). 61,100,840 parameters with the default values.
    """

    def __init__(self, num_classes=1000, in_channels=3, width=1.0):
        super().__init__()
        ### BEGIN SOLUTION
        c1, c2, c3, c4, c5, hidden = (int(width * c) for c in (64, 192, 384, 256, 256, 4096))
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, c1, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(c1, c2, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c3, c4, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c4, c5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(c5 * 6 * 6, hidden), nn.ReLU(),
            nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, num_classes),
        )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.classifier(self.flatten(self.features(x)))
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint: six numbers and two parts</summary>
#
# Work out the six scaled numbers first, `c1, c2, c3, c4, c5, hidden`. Two `nn.Sequential`s, one for the
# convolutions and one for the rest, keep `forward` to one line. With `nn.Flatten()` as a module,
# the flattening gets a row in your table.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "AlexNet64", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.AlexNet64(AlexNet64)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# Now the table that the lectures print, by your own hands. The network is built on the meta device:
# 61 million parameters, in no time and without memory.

# %% tags=["showcase"]
with torch.device("meta"):
    table64 = count_layers(AlexNet64(), (3, 227, 227))
    half = sum(p.numel() for p in AlexNet64(width=1 / 2).parameters())
show_table(table64)
whole = sum(row.params for row in table64)
print(f"your prediction: {of_the_parameters}   found: {half / whole:.3f} of {whole:,}")

# %% [markdown]
# *Table 3. AlexNet-64. (The names depend on how you built it.) A network half as wide has about a
# quarter of the parameters: both the inputs and the outputs of a layer are halved.*
#
# The lecture draws three bar charts of it. Look at your predictions of part 1:

# %% tags=["showcase"]
from helpers.models import alexnet

names = [name for name, _ in shapes[1:9]] + ["flatten"] + [name for name, _ in shapes[9:]]
with torch.device("meta"):
    reference = counting.count(alexnet.AlexNet64(), (3, 227, 227))
fig, axes = plots.panels(1, 3, width=4, height=3.4)
plots.cost_bars(axes, reference.layers, names)
plots.show(fig)
print("your predictions:", most_memory, most_parameters, most_macs)

# %% [markdown]
# *Figure 3. Where AlexNet-64 keeps its memory, its parameters and its work. Convolutions are blue,
# fully connected layers red, everything else is grey.*
#
# Three charts, three different places. The maps are large at the beginning, so that is where the
# **memory** goes. A fully connected layer has a weight for each pair of an input and an output, so
# the **parameters** sit at the end. A convolution uses each of its weights at every place, so that
# few parameters make much **work**.
# %% [markdown]
# ## 4. Spot the wrong cells
#
# This is the table as it has been shown for years, in KB, thousands and millions, rounded. The
# lecture calls the last column "flop", but it counts MACs.

# %%
PRINTED = [  # layer, memory in KB, parameters in thousands, MACs in millions
    ("conv1", 784, 23, 73), ("pool1", 182, 0, 0), ("conv2", 547, 307, 224), ("pool2", 127, 0, 0),
    ("conv3", 254, 664, 112), ("conv4", 169, 885, 145), ("conv5", 169, 590, 100),
    ("pool5", 36, 0, 0), ("flatten", 36, 0, 0), ("fc6", 16, 37_726, 38), ("fc7", 16, 16_777, 17),
    ("fc8", 4, 4_096, 4),
]  # fmt: skip
plots.table(["layer", "KB", "parameters, thousands", "MACs, millions"], PRINTED)

# %% [markdown]
# *Table 4. The lecture's table of AlexNet-64, on an input of 227 × 227.*
#
# The same slides add:
#
# - fc6 has 9216 · 4096 + 4096 = **37,725,832** parameters;
# - in all 1.9 MB of memory, 61 M parameters, 0.7 G operations;
# - most of the memory is used by the early layers, nearly all parameters are in the fully connected
#   layers, and most of the operations occur in the convolutions.
#
# **Predict.** How many of the 36 numbers in the table are wrong, rounding aside? (One is a slip of the
# pen; others follow from a slip or a different rule.)

# %%
wrong_cells = None  # your prediction

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *Which rows are summed?* A total is worth as much as the list of what it includes.
# > - *MiB*: 1 MiB is 1024 KiB, not a million bytes.
# > - *Percent*, not fractions, where percent is asked for.
#
# **Your turn** · difficulty ●●○ · 20 minutes · 4 points
#
# Fill in the numbers, by hand or from your own functions and tables; all for AlexNet-64 on
# 227 × 227. Parameters include biases. The check says only whether all answers are there. (Part 10
# shows these numbers; fill in yours first.) Replace each `...`, and delete the two lines below the
# dict.
#
# - In the column of the MACs, one convolution is wrong. Which one (1 to 5), and what is the exact
#   number?
# - What is 9216 · 4096 + 4096 really?
# - The network's total parameters, and its total MACs.
# - The memory of all twelve rows of Table 4 together, and of the five convolutions alone, in MiB.
# - In percent: what conv1, pool1 and conv2 have of the memory of all twelve rows; what the fully
#   connected layers have of the parameters; what the convolutions have of the MACs.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "table_numbers-answer", "locked": false, "schema_version": 3, "solution": true}
table_numbers = {
    "wrong_macs_conv": ...,  # 1 to 5
    "wrong_macs_value": ...,  # what it should be, exactly
    "fc6_params": ...,
    "total_params": ...,
    "total_macs": ...,
    "column_mib": ...,  # two decimals are enough
    "conv_mib": ...,
    "memory_share": ...,  # in percent, one decimal is enough
    "params_share": ...,
    "macs_share": ...,
}
### BEGIN SOLUTION
rows = [
    conv_count("conv1", (3, 227, 227), 64, 11, 4, 2), pool_count("pool1", (64, 56, 56), 3, 2),
    conv_count("conv2", (64, 27, 27), 192, 5, 1, 2), pool_count("pool2", (192, 27, 27), 3, 2),
    conv_count("conv3", (192, 13, 13), 384, 3, 1, 1),
    conv_count("conv4", (384, 13, 13), 256, 3, 1, 1),
    conv_count("conv5", (256, 13, 13), 256, 3, 1, 1), pool_count("pool5", (256, 13, 13), 3, 2),
    LayerCount("flatten", "Flatten", (9216,), 36.0, 0, 0),
    linear_count("fc6", 9216, 4096), linear_count("fc7", 4096, 4096),
    linear_count("fc8", 4096, 1000),
]  # fmt: skip
kib, params, macs = (
    {row.name: getattr(row, column) for row in rows} for column in ("kib", "params", "macs")
)
memory, work = sum(kib.values()), sum(macs.values())
convs, units = [f"conv{k}" for k in range(1, 6)], ["fc6", "fc7", "fc8"]
table_numbers = {
    "wrong_macs_conv": 4,
    "wrong_macs_value": macs["conv4"],
    "fc6_params": params["fc6"],
    "total_params": sum(params.values()),
    "total_macs": work,
    "column_mib": memory / 1024,
    "conv_mib": sum(kib[name] for name in convs) / 1024,
    "memory_share": 100 * (kib["conv1"] + kib["pool1"] + kib["conv2"]) / memory,
    "params_share": 100 * sum(params[name] for name in units) / sum(params.values()),
    "macs_share": 100 * sum(macs[name] for name in convs) / work,
}
### END SOLUTION

# %% [markdown]
# <details><summary>Hint: twelve rows from Table 3</summary>
#
# `table64` is a list of rows; `sum(row.kib for row in table64)` adds a column up. Check that it has
# exactly the twelve rows of the lecture: if you flattened with a function, the row `flatten`, 36
# KiB, is missing.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "table_numbers", "locked": true, "points": 4, "schema_version": 3, "solution": false}
check.table_numbers(table_numbers)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# Part 10 compares every cell. Two digits changed places in a product, and from there went into the
# table, where they stayed for years: a wrong number looks no different from a right one. The habit
# that finds such slips costs little. Let a program count, and compare.

# %% [markdown]
# ### In your own words (1 point)
#
# A friend wants AlexNet-64 in a phone app. The download is too large, so she halves the number of
# filters in conv1 and conv2. In two or three sentences: what will that do to the size of the
# download, to the memory while it runs and to the time, and what would you change instead?

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_phone", "locked": false, "points": 1, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (1 point).** The download consists of the weights, and 96 % of them are in the fully
# connected layers, so it hardly shrinks. Conv1 and conv2 hold most of the memory of the maps and a
# good part of the MACs, so these two do go down. For a smaller download, make fc6 and fc7 narrower,
# give them fewer inputs (pool more before flattening), or leave one out.
#
# **Rubric.** ½ point: the download hardly changes, because the parameters are in the fully connected
# layers. ½ point: a change that does reach those parameters. What happens to memory and time is
# worth mentioning, but costs nothing if it is missing.
#
# **Half marks (½ point).** "It does not help much, because convolutions share their weights." It
# says why, but not where the parameters are, and proposes nothing.
# ### END SOLUTION

# %% [markdown]
# ## 5. 224 or 227 pixels?
#
# The paper says that its images are 224 × 224. With 11 × 11 filters, stride 4 and no padding this
# gives an output of (224 − 11)/4 + 1 = 54.25, which is no number of pixels.
#
# **Predict.** Which of these fit exactly: 224 pixels without padding, 224 with padding 2, 227 without
# padding, 227 with padding 2?

# %%
fit_exactly = None  # your prediction, such as ["224, padding 2"]

# %% tags=["showcase"]
print("your prediction:", fit_exactly)
readings = [
    ("the paper, as printed", 224, 0, 0),
    ("torchvision's AlexNet-64", 224, 2, 2),
    ("most slides, and AlexNet-96 here", 227, 0, 0),
    ("the lecture's table of AlexNet-64", 227, 2, 2),
    ("224 with one zero before and two after", 224, 1, 2),
]
rows = []
for who, size, before, after in readings:
    padded = size + before + after
    rows.append([who, size, f"{before} + {after}", f"{(padded - 11) / 4 + 1:g}",
                 fits_exactly(padded, 11, 4), conv_output_size(padded, 11, 4)])  # fmt: skip
plots.table(["reading", "pixels", "padding", "(N − 11)/4 + 1", "exact?", "output"], rows)

# %% [markdown]
# *Table 5. Five readings of one layer. PyTorch rounds down and says nothing.*

# %% tags=["showcase"]
with torch.device("meta"):
    for size in (224, 227):
        counted = counting.count(alexnet.AlexNet64(), (3, size, size))
        print(f"AlexNet-64 on {size} pixels: {counted.params:,} parameters, {counted.macs:,} MACs, "
              f"{counted.kib / 1024:.2f} MiB")  # fmt: skip

# %% [markdown]
# The last line of the table explains the riddle best: 227 = 224 + 3. Images of 224 pixels with three
# more rows and columns of zeros, unevenly divided, are what 227 without padding computes. All
# readings with 55 or 56 end in the same 6 × 6 after pool5, because pooling rounds down: pool1 makes
# 27 of either. So the parameters agree, and only memory and MACs differ a little. (The 54 that the
# paper's own words give would end in 5 × 5.)

# %% [markdown]
# ## 6. The network of 2012
#
# AlexNet-96 has more filters at the beginning, two groups for two GPUs, and a layer that has gone out
# of use since. We begin with that one.
#
# ### Competition between maps
#
# **Local response normalization** (LRN) was inspired by nerve cells that silence their neighbours. At
# every pixel, a value is divided by a number that grows with the squares of its neighbours, those
# at the same pixel in the maps just before and just after its own:
#
# $$b_c = \frac{a_c}{\left(k + \alpha \sum_{j} a_j^2\right)^{\beta}}, \qquad
# j \text{ from } \max(0, c - \lfloor n/2 \rfloor) \text{ to } \min(C - 1, c + \lfloor n/2 \rfloor)$$
#
# The paper chose n = 5, k = 2, α = 10⁻⁴ and β = 0.75. `torch.nn.LocalResponseNorm` looks the same,
# but **divides α by n**. Whoever copies the paper's numbers gets another network.
#
# **Worked example.** At one pixel, three maps hold 1, 2 and 3. Let n = 3, k = 1, α = 1, β = 1. The sums
# of squares are 1 + 4 = 5, 1 + 4 + 9 = 14 and 4 + 9 = 13, so the results are 1/6, 2/15 and 3/14.
#
# **Predict.** With the same numbers, `torch.nn.functional.local_response_norm` gives values that are
# larger, smaller or the same?

# %%
larger_or_smaller = None  # your prediction

# %%
values = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
by_torch = nn.functional.local_response_norm(values, size=3, alpha=1.0, beta=1.0, k=1.0)
by_hand = torch.tensor([1 / 6, 2 / 15, 3 / 14])
print("your prediction:", larger_or_smaller)
print("by hand: ", [round(v, 3) for v in by_hand.tolist()])
print("by torch:", [round(v, 3) for v in by_torch.flatten().tolist()])

# %% tags=["showcase"]
from helpers.normalization import local_response_norm as paper_norm

seed_everything(1)
responses = torch.rand(1, 16, 1, 1) + 0.3
responses[0, 8] = 4.0
after = paper_norm(responses, size=5, alpha=0.5, beta=0.75, k=1.0)
fig, (ax,) = plots.panels(width=6.5, height=2.8)
lines = [("before", responses.flatten().tolist()), ("after", after.flatten().tolist())]
plots.curves(ax, lines, "16 maps at one pixel", "map", "value")
plots.show(fig, alt="The value of map 8 falls from 4 to 0.7, those of its four neighbours below 0.2.")

# %% [markdown]
# *Figure 4. Map 8 responds strongly. Its two neighbours on either side are pushed down harder than
# the rest. (α is 0.5 here; with the paper's 10⁻⁴ one would see nothing in a picture.)*
#
# > **Easy to get wrong.**
# >
# > - *Along the channels*, not over neighbouring pixels.
# > - *At the ends* there are fewer neighbours: add up those that are there, and do not wrap around.
# > - *α is not divided by n* here.
# > - *k* is added before the power is taken, and squares are summed, not values.
#
# **Your turn** · difficulty ●●○ · 12 minutes · 3 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "local_response_norm-answer", "locked": false, "schema_version": 3, "solution": true}
def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """Each value divided by (k + alpha * sum of squares over `size` neighbouring channels) ** beta.

    x: (N, C, H, W); size: odd, so that a channel is in the middle. At the first and the last
    channels there are fewer neighbours. Returns a tensor of the shape of x.
    """
    ### BEGIN SOLUTION
    reach, channels = size // 2, x.shape[1]
    squares = x**2
    sums = [
        squares[:, max(0, c - reach) : c + reach + 1].sum(dim=1) for c in range(channels)
    ]
    return x / (k + alpha * torch.stack(sums, dim=1)) ** beta
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# For each channel `c`, a slice of `x**2` along axis 1: from `max(0, c - size // 2)` to
# `c + size // 2 + 1`. A slice may end behind the last channel, but must not begin before 0: negative
# numbers count from the end. `torch.stack(list, dim=1)` puts the sums together.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "local_response_norm", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.local_response_norm(local_response_norm)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# Two years later the VGG paper tried a network with LRN and without, and found it no better with: it
# cost memory and time. Batch norm, of the third notebook, took its place.
#
# ### AlexNet-96
#
# | layer | filters or units | kernel | stride | padding | groups |
# |---|---|---|---|---|---|
# | conv1, ReLU, LRN | 96 | 11 | 4 | 0 | 1 |
# | pool1 | max | 3 | 2 | 0 | |
# | conv2, ReLU, LRN | 256 | 5 | 1 | 2 | `groups` |
# | pool2 | max | 3 | 2 | 0 | |
# | conv3, ReLU | 384 | 3 | 1 | 1 | 1 |
# | conv4, ReLU | 384 | 3 | 1 | 1 | `groups` |
# | conv5, ReLU | 256 | 3 | 1 | 1 | `groups` |
# | pool5 | max | 3 | 2 | 0 | |
# | flatten, fc6, fc7 | 4096 each, with ReLU | | | | |
# | fc8 | `num_classes` | | | | |
#
# The order is the paper's: convolution, ReLU, LRN, pool. (Some slides, and a well-known
# implementation of the time, pool first. The shapes and parameters stay the same, the values do not.)
# With `groups=1` we speak of *one tower*.
#
# **Predict.** Which layers have fewer parameters with `groups=2` than with `groups=1`, and how many
# times fewer, roughly?

# %%
layers_with_fewer, times_fewer = None, None  # such as ["conv1"], 3

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *conv3 is not split*: it reads the maps of both GPUs. Neither is conv1, which reads the image.
# > - *PyTorch's LRN* needs five times the paper's α. Or use your own function.
# > - *96 filters in all*, 48 on each GPU.
#
# **Your turn** · difficulty ●●○ · 10 minutes · 3 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "AlexNet96-answer", "locked": false, "schema_version": 3, "solution": true}
class AlexNet96(nn.Module):
    """AlexNet as published in 2012, the maps of its two GPUs as two groups.

    AlexNet96(num_classes=1000, in_channels=3, width=1.0, groups=2) reads
    x: (N, in_channels, 227, 227) and returns scores (N, num_classes). 60,965,224 parameters with
    the default values, 62,378,344 with groups=1. width: as in AlexNet64.
    """

    def __init__(self, num_classes=1000, in_channels=3, width=1.0, groups=2):
        super().__init__()
        ### BEGIN SOLUTION
        c1, c2, c3, c4, c5, hidden = (int(width * c) for c in (96, 256, 384, 384, 256, 4096))
        self.conv1 = nn.Conv2d(in_channels, c1, 11, stride=4)
        self.conv2 = nn.Conv2d(c1, c2, 5, padding=2, groups=groups)
        self.conv3 = nn.Conv2d(c2, c3, 3, padding=1)
        self.conv4 = nn.Conv2d(c3, c4, 3, padding=1, groups=groups)
        self.conv5 = nn.Conv2d(c4, c5, 3, padding=1, groups=groups)
        self.pool = nn.MaxPool2d(3, stride=2)
        self.dropout = nn.Dropout()
        self.fc6 = nn.Linear(c5 * 6 * 6, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc8 = nn.Linear(hidden, num_classes)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        x = self.pool(local_response_norm(torch.relu(self.conv1(x))))
        x = self.pool(local_response_norm(torch.relu(self.conv2(x))))
        x = torch.relu(self.conv4(torch.relu(self.conv3(x))))
        x = self.pool(torch.relu(self.conv5(x))).flatten(1)
        x = torch.relu(self.fc6(self.dropout(x)))
        return self.fc8(torch.relu(self.fc7(self.dropout(x))))
        ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "AlexNet96", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.AlexNet96(AlexNet96)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
with torch.device("meta"):
    towers = {
        groups: [row for row in count_layers(AlexNet96(groups=groups), (3, 227, 227))
                 if row.type in ("Conv2d", "Linear")]
        for groups in (1, 2)
    }  # fmt: skip
print("your predictions:", layers_with_fewer, times_fewer)
names96 = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
rows = [
    [name, f"{one.params:,}", f"{two.params:,}", f"{one.macs:,}", f"{two.macs:,}"]
    for name, one, two in zip(names96, towers[1], towers[2], strict=True)
]
sums = [sum(getattr(r, c) for r in towers[g]) for c in ("params", "macs") for g in (1, 2)]
header = ["layer", "parameters, one tower", "two groups", "MACs, one tower", "two groups"]
plots.table(header, [*rows, ["in all", *(f"{n:,}" for n in sums)]])
print(f"saved: {sums[0] - sums[1]:,} parameters and {sums[2] - sums[3]:,} MACs")

# %% [markdown]
# *Table 6. AlexNet-96 as one tower and as two groups. The published "60 million parameters" are those
# of two groups.*
#
# The three split layers have half of their weights. Of the parameters that is little, 2 %, for they
# sit elsewhere; of the MACs it is 36 %.

# %% [markdown]
# ## 7. Two GPUs
#
# Why two groups? The graphics cards of the time had 3 GB each. So each one got half of the maps of
# every layer, and to save traffic, they talked to each other only in some of them.

# %% tags=["showcase"]
boxes = {"image": ((1.6, 0), "image")}
arrows = []
layers = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
maps = [48, 128, 192, 192, 128, 2048, 2048, 500]
for k, (name, number) in enumerate(zip(layers, maps, strict=True)):
    kind, what = ("conv", "maps") if name.startswith("conv") else ("linear", "units")
    for gpu, x in ((0, 0.0), (1, 3.2)):
        text = f"{name}, GPU {gpu + 1}\n{number} {what}"
        boxes[f"{name} {gpu}"] = ((x, 1.15 * (k + 1)), text, kind)
for gpu in (0, 1):
    arrows.append(("image", f"conv1 {gpu}"))
    for k, name in enumerate(layers[1:]):
        before = layers[k]
        arrows.append((f"{before} {gpu}", f"{name} {gpu}"))
        if name in ("conv3", "fc6", "fc7", "fc8"):
            arrows.append((f"{before} {1 - gpu}", f"{name} {gpu}"))
fig, (ax,) = plots.panels(width=5, height=9)
plots.diagram(ax, boxes, arrows, "AlexNet-96 on two GPUs", size=(1.7, 0.7))
plots.show(fig, alt="Two columns, GPU 1 and GPU 2, from conv1 to fc8. Each layer reads the one above it"
           " in its own column; conv3, fc6, fc7 and fc8 also read the other column.")  # fmt: skip

# %% [markdown]
# *Figure 5. AlexNet-96 on two GPUs, without the pools. Arrows that cross are traffic between the two:
# before conv3, fc6, fc7 and fc8.*
#
# Why conv3, of all the convolutions? Before it, the maps have been pooled twice. Half of 256 maps of
# 13 × 13 are 21,632 values to send for each image, in each direction. If conv2 read across, each GPU
# would have to send 48 maps of 27 × 27 = 34,992 values. Reading across before conv4 or conv5 would
# send 192 · 13 · 13 = 32,448. (Our reckoning; it need not be the authors' reason.)
#
# A split layer is no new kind of layer. It is an ordinary one in which many weights are **zero**:
# those from a map on one GPU to a map on the other.
#
# **Worked example.** A 1 × 1 convolution with two groups takes 4 channels to 4. Group 1 has the
# weights (1, 2; 3, 4), group 2 has (5, 6; 7, 8). As one group its weights are a 4 × 4 matrix:
#
# $$\begin{pmatrix}1&2&0&0\\3&4&0&0\\0&0&5&6\\0&0&7&8\end{pmatrix}$$
#
# Such a matrix is called **block-diagonal**.
#
# **Predict.** conv2 has two groups, 96 channels in and 256 out, 5 × 5. How many of the weights of the
# ordinary layer are zero: how many in all, and what share?

# %%
zeros, share = None, None  # your predictions

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *Zeros* between the groups, not copies of the block.
# > - *Blocks*, not channels dealt out in turn: group 1 reads the first half of the channels.
# > - *Any number of groups*, and no bias where there was none.
# > - *Stride and padding* come along.
#
# **Your turn** · difficulty ●●○ · 8 minutes · 1 point


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "as_one_group-answer", "locked": false, "schema_version": 3, "solution": true}
def as_one_group(conv):
    """The nn.Conv2d without groups that does what a grouped one does.

    conv: an nn.Conv2d with weights (C_out, C_in/groups, kH, kW), with or without a bias.
    Returns a new nn.Conv2d with groups=1, weights (C_out, C_in, kH, kW), and conv's stride,
    padding and dtype.
    """
    ### BEGIN SOLUTION
    dense = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding,
        bias=conv.bias is not None, dtype=conv.weight.dtype,
    )
    reads = conv.in_channels // conv.groups
    writes = conv.out_channels // conv.groups
    with torch.no_grad():
        dense.weight.zero_()
        for g in range(conv.groups):
            rows = slice(g * writes, (g + 1) * writes)
            dense.weight[rows, g * reads : (g + 1) * reads] = conv.weight[rows]
        if conv.bias is not None:
            dense.bias.copy_(conv.bias)
    return dense
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# Make the new layer, set all its weights to zero under `torch.no_grad()`, then copy one block for each
# group: rows `g * C_out/groups` to `(g + 1) * C_out/groups`, columns `g * C_in/groups` to
# `(g + 1) * C_in/groups`.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "as_one_group", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.as_one_group(as_one_group)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# One layer, three ways to compute it: with groups, as two half layers side by side, and as one layer
# with zeros.

# %% tags=["showcase"]
seed_everything(0)
conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2, dtype=torch.float64)
x = torch.randn(1, 96, 27, 27, dtype=torch.float64)
weights, biases = conv2.weight.chunk(2), conv2.bias.chunk(2)
with torch.no_grad():
    grouped, dense = conv2(x), as_one_group(conv2)
    halves = [nn.functional.conv2d(part, w, b, padding=2)
              for part, w, b in zip(x.chunk(2, dim=1), weights, biases, strict=True)]  # fmt: skip
    differences = [(grouped - torch.cat(halves, dim=1)).abs().max().item(),
                   (grouped - dense(x)).abs().max().item()]  # fmt: skip
print("the same as two half layers:    ", differences[0] < 1e-12)
print("the same as one layer with zeros:", differences[1] < 1e-12)
empty = (dense.weight == 0).sum().item()
print(f"your predictions: {zeros}, {share}   zeros: {empty:,} of {dense.weight.numel():,}")

small = as_one_group(nn.Conv2d(8, 12, 1, groups=2))
fig, (ax,) = plots.panels(width=3.4, height=3.6)
plots.activation_map(ax, small.weight[:, :, 0, 0].detach(), "8 channels to 12, two groups")
plots.show(fig, alt="Twelve rows, eight columns; two blocks on the diagonal, zeros elsewhere.")

# %% [markdown]
# *Figure 6. The weights of a small layer with two groups, written as one: each row is a filter, each
# column an input channel. White is zero.*

# %% [markdown]
# ## 8. Which layers matter?
#
# Zeiler and Fergus asked in 2013 which layers AlexNet-96 needs. They took some out, trained the rest
# anew, and looked at what became of the error. Let us first see what becomes of the parameters.
#
# Taking out a layer is more than deleting a line: the **next** layer gets another number of
# inputs. Take out conv3 and conv4 of AlexNet-64, and conv5 reads the 192 maps of pool2 instead of the
# 256 of conv4.

# %% tags=["showcase"]
old = ["pool2\n192 maps", "conv3\n192 → 384", "conv4\n384 → 256", "conv5\n256 → 256", "pool5\n256 maps"]
new = ["pool2\n192 maps", "conv5, new\n192 → 256", "pool5\n256 maps"]
boxes = {f"old {k}": ((2.6 * k, 0), text, "conv" if "conv" in text else "pool")
         for k, text in enumerate(old)}  # fmt: skip
boxes |= {f"new {k}": ((2.6 * (0, 3, 4)[k], 1.5), text, "conv" if "conv" in text else "pool")
          for k, text in enumerate(new)}  # fmt: skip
arrows = [(f"old {k}", f"old {k + 1}") for k in range(4)]
arrows += [(f"new {k}", f"new {k + 1}") for k in range(2)]
fig, (ax,) = plots.panels(width=9, height=2.7)
plots.diagram(ax, boxes, arrows, "AlexNet-64 without conv3 and conv4", size=(1.8, 0.8))
plots.show(fig)

# %% [markdown]
# *Figure 7. Above, what there is; below, what is left. conv5 is made anew: it reads 192 maps now.*
#
# **Worked example.** Without fc7 of AlexNet-64, fc8 still gets 4096 values, so exactly fc7's
# 16,781,312 parameters go. Without fc6 *and* fc7, fc8 gets the 9216 values that pool5 gives, and
# **grows**, from 4096 · 1000 + 1000 to 9216 · 1000 + 1000.
#
# **Predict.** fc6 and fc7 together have 54,534,144 parameters. By how many does the network become
# smaller when both are taken out?

# %%
smaller_by = None  # your prediction

# %% [markdown]
# > **Easy to get wrong.**
# >
# > - *The activation behind a removed layer goes too*, as does dropout. Pooling and flatten stay:
# >   the sizes depend on them.
# > - *The next layer keeps everything but its inputs*: stride, padding, groups, and whether it has a
# >   bias.
# > - *The number of inputs of the next layer* is what arrives there now: channels in front of a
# >   convolution, all values behind a flatten.
# > - *Layers that still fit are kept*, with their weights. The model itself stays as it is.
#
# **Your turn** · difficulty ●●● · 20 minutes · 3 points
#
# So that it works for any network, the model is given as one flat `nn.Sequential`, and its layers
# with weights are numbered from 1: conv1 to conv5 are 1 to 5, and fc6 is 6.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "remove_layers-answer", "locked": false, "schema_version": 3, "solution": true}
def remove_layers(model, numbers):
    """A model without some of its layers.

    model: a flat nn.Sequential; numbers: a set of ints; its nn.Conv2d and nn.Linear are counted from
    1 in their order. Removed layers keep height and width, as conv3 to fc7 of AlexNet do; the last
    layer is never removed. Activations and dropout that directly follow a removed layer go with it;
    all else stays. A kept layer whose number of inputs changes is made anew, with its other
    settings; all others are the layers of `model`, which stays as it is. Returns a new nn.Sequential.
    """
    ### BEGIN SOLUTION
    kept, number, removing = [], 0, False
    gave = gives = None  # what the last layer with weights gave before, and what arrives now
    for layer in model:
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            if not (removing and isinstance(layer, NO_ROW)):
                kept.append(layer)
                removing = False
            continue
        number += 1
        removing = number in numbers
        conv = isinstance(layer, nn.Conv2d)
        inputs, outputs = layer.weight.shape[1], layer.weight.shape[0]
        inputs = layer.in_channels if conv else inputs
        arriving = inputs if gave is None else inputs * gives // gave  # flatten multiplies both
        if not removing:
            kept.append(layer if arriving == inputs else with_inputs(layer, arriving))
        gave, gives = outputs, arriving if removing else outputs
    return nn.Sequential(*kept)


def with_inputs(layer, inputs):
    bias = layer.bias is not None
    if isinstance(layer, nn.Linear):
        return nn.Linear(inputs, layer.out_features, bias)
    return nn.Conv2d(inputs, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
                     groups=layer.groups, bias=bias)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: two passes</summary>
#
# You can do it in two steps: first make the list of layers that stay, then walk along it and look
# whether each layer with weights gets as many inputs as it expects.
# </details>
#
# <details><summary>Hint 2: how many values arrive?</summary>
#
# In front of a convolution: the `out_channels` of the last convolution that stays, or, if there is
# none, what it always was. Behind a flatten: if a convolution with 256 maps led to 9216 inputs, then
# each map had 9216 / 256 = 36 values, so 384 maps lead to 384 · 36.
# </details>
#
# <details><summary>Hint 3: making a layer anew</summary>
#
# `nn.Conv2d(inputs, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
# groups=layer.groups, bias=layer.bias is not None)`, and `nn.Linear` likewise.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "remove_layers", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.remove_layers(remove_layers)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# Now the network of the paper, one removal after the other. The errors are those of Zeiler and
# Fergus's Table 3: the share of validation images whose class is not among the five best guesses.

# %% tags=["showcase"]
published = {(): 18.1, (7,): 18.4, (6, 7): 22.4, (3, 4): 22.1, (3, 4, 6, 7): 50.1}
with torch.device("meta"):
    net = alexnet.AlexNet96(groups=2)
    flat = nn.Sequential(*net.features, net.flatten, *net.classifier)
    left = {
        removed: sum(p.numel() for p in remove_layers(flat, set(removed)).parameters())
        for removed in published
    }
print(f"your prediction: {smaller_by}   found: {left[()] - left[6, 7]:,}")
rows = [
    [", ".join(map(str, removed)) or "none", f"{left[removed]:,}",
     f"{left[()] - left[removed]:,}", f"{1 - left[removed] / left[()]:.0%}", f"{error} %"]
    for removed, error in published.items()
]  # fmt: skip
header = ["removed", "parameters left", "fewer by", "share", "top-5 error (Zeiler and Fergus)"]
plots.table(header, rows)

# %% [markdown]
# *Table 7. AlexNet-96 with two groups, without some of its layers. (The errors belong to the authors'
# own version of the network; they were not measured here.)*
#
# Look at the lines in the middle. Without fc6 and fc7, four fifths of all parameters are gone; without
# conv3 and conv4, 3 % are. The error rises about the same. And without all four, it jumps.
#
# ### On small digits
#
# Does the same happen in a network that you can train yourself?
#
# **Hypothesis.** In a small network of the same build, trained on small digits, the accuracy falls
# when layers are taken out; most of all, and by tens of percentage points, when 3, 4, 6 and 7 are.
#
# **Experiment.** Five convolutions and three fully connected layers, on digits of 16 × 16 pixels
# that are moved. Only the layers that are taken out change; every network starts from fresh weights
# (with He's initialisation: random weights of variance 2/inputs, so that the signal does not fade
# with depth) and sees 8 epochs. Three seeds, so fifteen trainings: they take up to a minute.
#
# **Predict.** By how many percentage points will the accuracy fall without 3, 4, 6 and 7?

# %%
falls_by = None  # your prediction

# %%
SMALL = nn.Sequential(
    nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(),
    nn.Conv2d(24, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10),
)  # fmt: skip
images, labels = digits(size=16, margin=2)


def accuracy_without(network, seed):
    """Accuracy on the last 360 digits after 8 epochs on the others, from fresh weights."""
    seed_everything(seed)
    network = copy.deepcopy(network)
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.02, momentum=0.9)
    loader = Batches(images[:1437], labels[:1437], batch_size=64, change=moved, seed=seed)
    for _ in range(8):
        train_one_epoch(network, loader, optimizer, nn.CrossEntropyLoss())
    test = Batches(images[1437:], labels[1437:], 360, moved)
    return evaluate(network, test, nn.CrossEntropyLoss())[1]


# %% tags=["showcase", "nbval-ignore-output"]
print("your prediction:", falls_by)
rows = []
for removed in progress(list(published), "network"):
    network = remove_layers(SMALL, set(removed))
    found = [f"{accuracy_without(network, seed):.1%}" for seed in range(3)]
    params = sum(p.numel() for p in network.parameters())
    rows.append([", ".join(map(str, removed)) or "none", f"{params:,}", *found])
plots.table(["layers removed", "parameters left", "seed 0", "seed 1", "seed 2"], rows)

# %% [markdown]
# *Table 8. Accuracy on 360 moved digits that were not trained on.*
#
# The hypothesis fails. The accuracies of one row spread over about ten percentage points, and the
# rows overlap: with three seeds one cannot say that any layer is needed. Nothing falls by tens of
# points; the smallest network does as well as the largest. That does not refute Zeiler and Fergus.
# Ten digits in 1,437 small pictures are a task for which three or four layers suffice; a thousand
# classes in a million photographs are another.
#
# Limits: one small network, one data set, eight epochs, one learning rate for all; the shallow
# networks might want another one, and so might the deep ones.

# %% [markdown]
# ### In your own words (1 point)
#
# "The parameters of a layer tell how important it is." In two or three sentences: what do Table 7's
# lines for {6, 7} and {3, 4} say about this? Then name one conclusion that Tables 7 and 8 together do
# *not* support.

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_removed", "locked": false, "points": 1, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (1 point).** They contradict it: taking out 6 and 7 removes about four fifths of the
# parameters, taking out 3 and 4 about 3 %, and the error rises by about the same, 4.3 and 4.0 points.
# So a few parameters in the convolutions do as much as very many in the fully connected layers. The
# tables do not show that deeper is always better (Table 8 finds no difference on digits), nor that
# the large jump without all four is due to depth alone, as that network also has fewer parameters.
#
# **Rubric.** ½ point: similar rise of the error despite very different numbers of parameters. ½ point:
# a conclusion that really goes beyond the tables (other tasks, other depths, depth as the only
# cause, the difference between single seeds).
#
# **Half marks (½ point).** "Layers 6 and 7 have most parameters but the error rises only a bit, so
# they are not that important." The comparison with {3, 4} is implied; no limit is named.
# ### END SOLUTION

# %% [markdown]
# ## 9. Eight years of ILSVRC
#
# The contest was the *ImageNet Large Scale Visual Recognition Challenge*: a thousand classes, 1.28
# million training images (in 2012), and the **top-5 error**, the share of test images whose class is
# not among five guesses.
#
# **Predict.** In which year did the error of the winner fall by the largest factor, compared with the
# year before?

# %%
year_of_largest_step = None  # your prediction

# %% tags=["showcase"]
from helpers.claims.history import ILSVRC, ILSVRC_2012, PEOPLE

fig, (ax,) = plots.panels(width=10, height=4.2)
unchecked = [winner.year for winner in ILSVRC if winner.source == "general knowledge"]
plots.errors_by_year(ax, ILSVRC, PEOPLE, unchecked)
plots.show(fig)
errors = {winner.year: winner.top5 for winner in ILSVRC}
steps = {year: errors[year - 1] / errors[year] for year in list(errors)[1:]}
points = {year: round(errors[year - 1] - errors[year], 1) for year in steps}
first, second, *_ = sorted(error for error, _ in ILSVRC_2012.values())
print("your prediction:", year_of_largest_step)
print(f"of the teams of 2012, the first had {first:.1f} %, the second {second:.1f} %")
print("the error fell by percentage points:", points)
print("the error fell by a factor of", {year: round(factor, 2) for year, factor in steps.items()})

# %% [markdown]
# *Figure 8. The winning entries, trained on the supplied data only. (With more data it was 15.3 % in
# 2012 and 11.2 % in 2013.) All from 2012 on are convolutional networks, mostly several of them
# averaged. The dashed line is one person, who had trained for it. Hatched bars were not checked
# against a paper.*
#
# By this measure the largest steps came in 2015 and 2014, not in 2012. In percentage points 2012 is
# the largest step, 9.4. And the runner-up of that year had 26.2 %: this is the margin of which this
# notebook's first sentence speaks. What 2012 changed is what people build: no winner before was a
# convolutional network, and every winner since has been.
#
# Sources: Simonyan and Zisserman 2015, table 7 (2012, 2013); the page of results of 2012 (the
# runner-up); Szegedy et al. 2015 (2014); He et al. 2016 (2015); Hu et al. 2018 (2017); Russakovsky et
# al. 2015 (the person). Not checked against a paper: 2010, 2011, 2016.

# %% [markdown]
# ## 10. Slide check
#
# The numbers about AlexNet and ZFNet that the lectures print, computed before your eyes. First the
# table of part 4, cell by cell.

# %% tags=["showcase"]
def rounded(row):
    return round(row.kib), round(row.params / 1e3), round(row.macs / 1e6)


disagree, agreeing = [], 0
for (name, *printed), row in zip(PRINTED, reference.layers, strict=True):
    for column, cell, value in zip(("KB", "thousand parameters", "million MACs"),
                                   printed, rounded(row), strict=True):  # fmt: skip
        if cell == value:
            agreeing += 1
        else:
            exact = row.params if column == "thousand parameters" else row.macs
            disagree.append([f"{name}, {column}", f"{cell:,}", f"{value:,} ({exact:,})"])
print("your prediction in part 4, wrong cells:", wrong_cells)
print(f"{agreeing} of {agreeing + len(disagree)} cells agree. The others:")
plots.table(["cell", "the slides say", "computed here"], disagree)

# %% [markdown]
# *Table 9. conv4 is a slip in a product. fc6 comes from another: 9216 · 4096 + 4096 is 37,752,832, not
# 37,725,832. fc7 and fc8 were counted without their biases, although the formula beside the table
# has them, and the convolutions are counted with theirs. (Another version of the slides has 37,749
# for fc6, which is right without biases.)*

# %% tags=["showcase"]
with torch.device("meta"):
    count96 = counting.count(alexnet.AlexNet96(groups=2), (3, 227, 227))
    tower96 = counting.count(alexnet.AlexNet96(groups=1), (3, 227, 227))
    zf, zf_wide = (counting.count(alexnet.ZFNet(channels=c), (3, 224, 224))
                   for c in ((384, 384, 256), (512, 1024, 512)))  # fmt: skip
conv64, fc64 = reference.select("Conv2d"), reference.select("Linear")
early = sum(row.kib for row in reference.layers[:3]) / reference.kib
conv96 = tower96.select("Conv2d").layers
shapes96 = ["×".join(map(str, row.out_shape)) for row in tower96.layers]
agree = [
    ["AlexNet-96: conv1, pool1", "55x55x96, 27x27x96", f"{shapes96[0]}, {shapes96[2]}"],
    ["its last pool", "6x6x256", shapes96[-5]],
    ["its layers with weights", "8: 5 and 3",
     f"{len(conv96)} and {len(tower96.select('Linear').layers)}"],
    ["neurons of conv2 to conv5", "186,624, 64,896, 64,896, 43,264",
     ", ".join(f"{torch.Size(row.out_shape).numel():,}" for row in conv96[1:])],
    ["half of the maps on each GPU", "half",
     ", ".join(str(row.out_shape[0] // 2) for row in conv96)],
    ["AlexNet-64: parameters in all", "61M", f"{reference.params:,}"],
    ["its first layer", "64 x 56, 784 KB, 23,296",
     f"{conv64.layers[0].kib:.0f} KiB, {conv64.layers[0].params:,} parameters"],
    ["pool1's operations", "419,904", f"{reference.layers[1].other_ops:,}"],
    ["fc6's operations", "37,748,736", f"{fc64.layers[0].macs:,} MACs"],
    ["memory is used early", "most", f"conv1, pool1 and conv2 have {early:.1%} of the column"],
    ["parameters are in the FC layers", "nearly all", f"{fc64.params / reference.params:.1%}"],
    ["operations are in the convolutions", "most", f"{conv64.macs / reference.macs:.1%}"],
    ["AlexNet-96 without 3, 4, 6, 7", "4 layers left", f"{8 - 4} with weights"],
    ["ZFNet's conv1", "7x7, stride 2", "×".join(map(str, zf.layers[0].out_shape))],
]  # fmt: skip
plots.table(["claim", "the slides say", "computed here"], agree)

# %% [markdown]
# *Table 10. These agree.*

# %% tags=["showcase"]
from helpers.claims.history import ABLATIONS

units = sum(torch.Size(row.out_shape).numel() for row in tower96.select("Conv2d", "Linear").layers)
removals = ((7,), (6, 7), (3, 4), (3, 4, 6, 7))
with torch.device("meta"):
    net = alexnet.AlexNet96(groups=2)
    flat = nn.Sequential(*net.features, net.flatten, *net.classifier)
    left = {
        removed: sum(p.numel() for p in alexnet.remove_layers(flat, removed).parameters())
        for removed in ((), *removals)
    }
rises = ", ".join(f"{ABLATIONS[removed][1] - ABLATIONS[()][1]:+.1f}" for removed in removals)

# %% tags=["showcase"]
footnotes = [
    ["AlexNet has 60 million parameters", f"{count96.params:,} with two groups;"
     f" {tower96.params:,} as one tower; AlexNet-64: {reference.params:,}"],
    ["650,000 units", f"AlexNet-96 has {units:,}"],
    ["conv1 has 35K parameters", f"{conv96[0].params - 96:,} weights, {conv96[0].params:,} with bias"],
    ["AlexNet-64: 1.9 MB of memory", f"{conv64.kib / 1024:.2f} MiB for the convolutions alone,"
     f" {reference.kib / 1024:.2f} MiB for the whole column"],
    ["0.7 GFLOP", f"{reference.macs:,} MACs, that is {2 * reference.macs:,} FLOPs"],
    ["input of 224 x 224", f"(224 - 11)/4 + 1 = {213 / 4 + 1}: see part 5"],
    ["150,528 input values", f"{224 * 224 * 3:,} at 224, but {227 * 227 * 3:,} at the slides' 227"],
    ["conv2 follows conv1 directly (a figure)", "pool1 stands between them, as the tables have it"],
    ["removing layer 7 drops 16 million", f"{left[()] - left[7,]:,}"],
    ["removing 6 and 7 drops about 50 million",
     f"{left[()] - left[6, 7]:,}: 54,534,144 go, fc8 grows"],
    ["performance drops by 1.1, 5.7, 3.0, 33.5 % (without 7; 6, 7; 3, 4; 3, 4, 6, 7)",
     f"top-5 in the paper: {rises}"],
    ["ensembles: 18.2 % to 15.4 %", "16.4 % with five networks on the same data;"
     " for 15.4 % two more had seen extra data"],
    ["ZFNet: 512, 1024, 512 filters", f"the wide variant, {zf_wide.params:,} parameters;"
     f" the base network has 384, 384, 256 and {zf.params:,}"],
    ["ZFNet: 15.4 % to 14.8 %", "14.8 % is right (six networks); AlexNet on the same data: 16.4 %"],
]  # fmt: skip
plots.table(["the slides say", "found here"], footnotes)

# %% [markdown]
# *Table 11. These want a footnote.*

# %% tags=["showcase"]
grouped = left[()] - left[3, 4]
wrong = [
    ["conv4 takes 145 million operations", f"{conv64.layers[3].macs:,}"],
    ["fc6 has 37,725,832 parameters", f"{fc64.layers[0].params:,}"],
    ["removing 3 and 4 drops about 1 million", f"{grouped:,}, as conv5 gets fewer inputs, too"],
    ["conv1 has 253,440 neurons",
     f"55 · 55 · 96 = {55 * 55 * 96:,}; a slip of the paper itself, 55 · 48 · 96"],
    ["order: conv1, pool1, norm1", "in the paper: convolution, ReLU, LRN, pool"],
    ["AlexNet was the first to use ReLU", "it made it popular; Fukushima 1969, Jarrett et al. 2009,"
     " Nair and Hinton 2010, Glorot et al. 2011 were earlier"],
    ["ZFNet: 16.4 % to 11.7 %", "11.7 % is Clarifai's, the winner of 2013; ZFNet has 14.8 %"],
]  # fmt: skip
plots.table(["the slides say", "found here"], wrong)

# %% [markdown]
# *Table 12. These are wrong. None of them changes what the lectures teach; all of them have been
# copied on.*

# %% [markdown]
# All that the lectures claim about AlexNet and ZFNet stands in one table, `helpers.claims`. What of it can be
# computed is computed by the course's own code. Once more, all at once:

# %% tags=["showcase"]
from helpers import claims

print(claims.summary("alexnet96", "alexnet64", "zfnet"))

# %% [markdown]
# `claims.show("alexnet96", "alexnet64", "zfnet")` lists them, and with `verdicts=["wrong", "conflicting"]` those that do not
# hold.
#
# ## 11. Going further
#
# ### ZFNet
#
# **Optional** · difficulty ●●○ · 15 minutes
#
# Zeiler and Fergus looked at what AlexNet-96's filters had learned, and found that some in conv1
# were dead and that stride 4 made the maps of conv2 jagged. So they kept more detail at the
# beginning:
#
# | layer | filters | kernel | stride | padding | output |
# |---|---|---|---|---|---|
# | conv1, ReLU | 96 | 7 | 2 | 1 | 110 |
# | pool1, LRN | max | 3 | 2 | 1 | 55 |
# | conv2, ReLU | 256 | 5 | 2 | 0 | 26 |
# | pool2, LRN | max | 3 | 2 | 1 | 13 |
# | conv3, conv4, conv5, ReLU each | `channels` | 3 | 1 | 1 | 13 |
# | pool5 | max | 3 | 2 | 0 | 6 |
#
# The rest is as in AlexNet-96. Here each pool comes *before* its LRN.
#
# **Predict.** Compared with AlexNet-96 as one tower: does it have more parameters? More MACs?

# %%
more_parameters, more_macs = None, None  # your predictions


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "ZFNet-answer", "locked": false, "schema_version": 3, "solution": true}
class ZFNet(nn.Module):
    """Zeiler and Fergus's network.

    ZFNet(num_classes=1000, in_channels=3, width=1.0, channels=(384, 384, 256)) reads
    x: (N, in_channels, 224, 224) and returns scores (N, num_classes). 62,357,608 parameters with
    the default values. width: multiplies every number of filters and units, `channels` included.
    """

    def __init__(
        self, num_classes=1000, in_channels=3, width=1.0, channels=(384, 384, 256)
    ):
        super().__init__()
        ### BEGIN SOLUTION
        c1, c2, c3, c4, c5, hidden = (int(width * c) for c in (96, 256, *channels, 4096))
        self.conv1 = nn.Conv2d(in_channels, c1, 7, stride=2, padding=1)
        self.conv2 = nn.Conv2d(c1, c2, 5, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.rest = nn.Sequential(
            nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU(), nn.Conv2d(c3, c4, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c4, c5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
            nn.Dropout(), nn.Linear(c5 * 6 * 6, hidden), nn.ReLU(),
            nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes),
        )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        x = local_response_norm(self.pool(torch.relu(self.conv1(x))))
        x = local_response_norm(self.pool(torch.relu(self.conv2(x))))
        return self.rest(x)
        ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "ZFNet", "locked": true, "points": 0, "schema_version": 3, "solution": false}
check.ZFNet(ZFNet)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
print("your predictions:", more_parameters, more_macs)
for name, found in {"AlexNet-96, one tower": tower96, "ZFNet": zf, "ZFNet, wide": zf_wide}.items():
    print(f"{name:22} {found.params:12,} parameters {found.macs:14,} MACs {found.kib / 1024:5.1f} MiB")

# %% [markdown]
# Neither changes much. conv1 has smaller filters at four times as many places, and conv2 has fewer
# places. What grows, by three quarters, is the memory of the maps: more detail has to be kept.
#
# ### How much does one output see?
#
# The first notebook, in its last and optional part, had a formula for the **receptive field**. Here
# it is for the three networks:

# %% tags=["showcase"]
networks = {"AlexNet-64 and AlexNet-96": reference, "ZFNet": zf}
fields = {
    name: [row.receptive_field for row in found.layers if row.type in ("Conv2d", "MaxPool2d")]
    for name, found in networks.items()
}
fig, (ax,) = plots.panels(width=7, height=3)
plots.curves(ax, list(fields.items()), "what one output sees", "layer", "pixels, one direction")
steps = ["conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5"]
ax.set_xticks(range(len(steps)), steps, fontsize=9)
plots.show(fig, alt="Both curves rise, AlexNet's to 195 pixels, ZFNet's below it to 171.")
same = [row.receptive_field for row in tower96.layers if row.type in ("Conv2d", "MaxPool2d")]
print(fields, "  AlexNet-96 has the same:", same == fields["AlexNet-64 and AlexNet-96"])

# %% [markdown]
# *Figure 9. The receptive field, layer by layer. Both AlexNets have the same kernels and strides, so
# they share a curve. pool5 sees 195 of 227 pixels, in ZFNet 171 of 224; only fc6 sees them all.*
#
# ### What MACs do not tell
#
# **Hypothesis.** The time that a layer takes is proportional to its MACs.
#
# **Experiment.** conv3 and fc6 of AlexNet-64, on one thread of a processor, for one image and for 16 at
# once. We measure how many million MACs are done per millisecond; the best of three runs. If the
# hypothesis is right, all four numbers are the same.
#
# **Predict.** Which of the four is much smaller than the others, if any?

# %%
slowest = None  # your prediction, such as "conv3, one image"

# %% tags=["showcase", "nbval-ignore-output"]
import time

print("your prediction:", slowest)
measured = {"conv3": (nn.Conv2d(192, 384, 3, padding=1), (192, 13, 13), 112_140_288),
            "fc6": (nn.Linear(9216, 4096), (9216,), 37_748_736)}  # fmt: skip
rows = []
for name, (layer, shape, macs) in measured.items():
    for batch in (1, 16):
        x, times = torch.randn(batch, *shape), []
        for _ in range(4):  # the first one only warms up
            start = time.perf_counter()
            with torch.no_grad():
                layer(x)
            times.append(1000 * (time.perf_counter() - start))
        best = min(times[1:])
        rows.append([name, batch, f"{best:.1f}", f"{batch * macs / 1e6 / best:.1f}"])
plots.table(["layer", "images", "milliseconds", "million MACs per millisecond"], rows)

# %% [markdown]
# *Table 13. Measured where this notebook ran last; your numbers differ.*
#
# For one image, fc6 does far fewer MACs in the same time. Each of its 37 million weights has to be
# fetched from memory, 151 MB, to be used **once**. A convolution uses each weight at every place, and
# with 16 images fc6 uses each weight 16 times. So MACs predict the time only where arithmetic, and
# not memory, is the bottleneck. (One machine, one thread, two layers.)
#
# ### More to try
#
# - Scale the input to 256 × 256. Which columns of the table change, and which one must not?
# - Count the memory for a batch of 128 images, with the gradient of every value as large as the value
#   itself. Does it fit into 3 GB?
# - In `accuracy_without`, leave out the initialisation. What happens to the deepest network?

# %% [markdown]
# ### References
#
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet classification with deep convolutional neural
#   networks*, NIPS 2012. Section 3.2: two GPUs; 3.3: LRN; 3.5: the layers; table 2: the ensembles.
# - A. Krizhevsky, *One weird trick for parallelizing convolutional neural networks*, 2014,
#   arXiv:1404.5997. The network with 64 filters.
# - M. Zeiler, R. Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014,
#   arXiv:1311.2901. Figure 3: ZFNet; table 3: layers removed.
# - O. Russakovsky and others, *ImageNet large scale visual recognition challenge*, International
#   Journal of Computer Vision 115 (2015), arXiv:1409.0575. The contest, its winners, and a person.
# - K. Simonyan, A. Zisserman, *Very deep convolutional networks for large-scale image recognition*,
#   ICLR 2015, arXiv:1409.1556. Section 4.1: no gain from LRN; table 7: results of the years before.
# - K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, CVPR 2016; J. Hu,
#   L. Shen, G. Sun, *Squeeze-and-excitation networks*, CVPR 2018. The winners of 2015 and 2017.
# - ILSVRC and AlexNet / VGG (Toronto), *DNNs in static images*, DeepRob, *CNN architectures*, and
#   CS231n (Stanford, 2016), lecture 7: the lectures whose numbers part 10 checks.
