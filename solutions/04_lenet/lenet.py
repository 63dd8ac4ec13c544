# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # LeNet-5: a whole network, and how it is trained
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# You have built the parts: convolution, pooling, normalisation. In this notebook the first two
# become a network (normalisation came later), and the network learns to read. It is the one with which convolutional networks came
# into use: LeNet-5, which read the amounts on bank cheques in the 1990s.
#
# Today it fits on half a page, and trains in seconds on the machine in front of you. All that
# newer networks do differently is easier to see once you have seen this one from end to end.
#
# **You can then**
#
# - write a network as an `nn.Module`, and account for every parameter it has;
# - write the training loop, and the loop that says how good the result is;
# - look inside: at filters, at activation maps, at mistakes;
# - explain why the last convolution of LeNet-5 *is* a fully connected layer;
# - rebuild the network of 1998 from its paper, down to its 60,000 parameters and 340,908
#   connections.

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
from helpers.checks import lenet as check
from helpers.data import DataMissing, digit_codes, digits, mnist, moved
from helpers.runtime import pick_device, seed_everything
from helpers.training import Batches, confusion_matrix, predictions, progress

torch.set_num_threads(1)  # a network this small gains nothing from more of them
seed_everything(0)
print("Ready.")

# %% [markdown]
# ## How this notebook works
#
# | part | what you write | points | minutes |
# |---|---|---|---|
# | 1. LeNet-5 on one page | `LeNet5` | 5 | 25 |
# | 2. One epoch | `train_one_epoch` | 6 | 30 |
# | 3. How good is it? | `evaluate` | 3 | 20 |
# | 4. Train it | `train_lenet`; its weights are graded | 3 | 25 |
# | 5. Does it mind if the digits move? | two short answers in words, one here, one in part 7 | 3 | 20 |
# | 6. Looking inside | nothing: you look at what came out | – | 10 |
# | 7. C5: convolution or fully connected? | `conv_as_linear` | 1 | 10 |
# | 8. The network of 1998 | `Subsampling`, `TableConv2d`, `LeNet5_1998`, `lenet_numbers` | 9 | 50 |
# | 9. Slide check | nothing | – | 5 |
# | 10. Going further | MNIST and Fashion-MNIST, if you like | – | as you like |
#
# The core, parts 1 to 9, takes about **three hours** and carries all **30 points**. You can stop
# after any part. As before: **predict** before you run, write **your code** where it says so, run
# the **check** as often as you like, and open the **hints** one at a time. When you hand in, the
# same cells are graded on further inputs.

# %% [markdown]
# ## 1. LeNet-5 on one page
#
# The network reads one grey image of 32 × 32 pixels and writes ten **scores**, one per digit. The
# largest score is its answer. In between, the paper names its layers: **C** for convolution, **S**
# for subsampling, as it calls pooling, **F** for fully connected.
#
# | layer | what it does |
# |---|---|
# | C1 | 6 filters of 5 × 5, stride 1, no padding |
# | S2 | the average of each 2 × 2 window, stride 2 |
# | C3 | 16 filters of 5 × 5 on all 6 maps |
# | S4 | the average of each 2 × 2 window, stride 2 |
# | C5 | 120 filters of 5 × 5 on all 16 maps |
# | F6 | 84 units, each connected to all 120 |
# | output | 10 units, each connected to all 84 |
#
# After C1, C3, C5 and F6 each value goes through a tanh. Without such a bend between them, two
# linear layers would be no more than one. All layers but S2 and S4 have weights and biases.
#
# This is LeNet-5 as it is built today. In four places it is simpler than the one of 1998; you
# will build that one, too, in part 8.
#
# **Predict.** What is the shape `(C, H, W)` of the output of C1, S2, C3, S4 and C5? And which layer
# has the most parameters?

# %%
shapes = None  # your prediction, such as [(6, 30, 30), ...]
largest_layer = None  # such as "C1"

# %% tags=["showcase"]
layers = [("image", (1, 32, 32)), ("C1", (6, 28, 28)), ("S2", (6, 14, 14)), ("C3", (16, 10, 10)),
          ("S4", (16, 5, 5)), ("C5", (120,)), ("F6", (84,)), ("output", (10,))]  # fmt: skip
fig, (ax,) = plots.panels(width=11, height=3.6)
plots.stages(ax, layers)
plots.show(fig)
print("your predictions:", shapes, largest_layer)

# %% [markdown]
# *Figure 1. What becomes of an image. Height and width go down, the number of maps goes up. C5's
# maps have a single pixel, 120 × 1 × 1, so they are drawn as a vector.*
#
# Where the parameters are follows from the sizes. A convolution has `C_out · (C_in · 5 · 5 + 1)`,
# a fully connected layer `out · (in + 1)`:

# %% tags=["showcase"]
params = {
    "C1": counting.conv_cost(1, 6, 5, 32).params,
    "C3": counting.conv_cost(6, 16, 5, 14).params,
    "C5": counting.conv_cost(16, 120, 5, 5).params,
    "F6": 84 * (120 + 1),
    "output": 10 * (84 + 1),
}
fig, (ax,) = plots.panels(width=6, height=2.8)
plots.bars(ax, list(params.values()), list(params), "parameters of LeNet-5", "parameters")
plots.show(fig)
print("in all:", f"{sum(params.values()):,}")

# %% [markdown]
# *Figure 2. Nearly four of five parameters are in C5, which looks at the smallest maps.*
#
# > **Easy to get wrong.**
# >
# > - *No softmax at the end.* The network returns scores. The loss, `nn.CrossEntropyLoss`, contains
# >   the softmax, and applying it twice makes learning slow.
# > - *Layers are made in* `__init__` and assigned to attributes of `self`. Only then does the module
# >   know their parameters. What is made in `forward` is new, and random, in every call.
# > - *Flatten all axes but the first*, `x.flatten(1)`: the first one counts the images.
# > - *No* `.cuda()` *inside.* Whoever uses the module decides where it runs.
#
# **Your turn** · difficulty ●●○ · 15 minutes · 5 points
#
# Write the network. Give your layers any names you like, in any order: the check sets their weights
# and looks at what comes out.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "LeNet5-answer", "locked": false, "schema_version": 3, "solution": true}
class LeNet5(nn.Module):
    """LeNet-5 as it is built today: tanh after C1, C3, C5 and F6, average pooling, linear output.

    LeNet5(num_classes=10, in_channels=1) reads x: (N, in_channels, 32, 32) and returns scores
    (N, num_classes). It has 61,706 parameters with the default values.
    """

    def __init__(self, num_classes=10, in_channels=1):
        super().__init__()
        ### BEGIN SOLUTION
        self.c1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self.pool = nn.AvgPool2d(2)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        s2 = self.pool(torch.tanh(self.c1(x)))
        s4 = self.pool(torch.tanh(self.c3(s2)))
        c5 = torch.tanh(self.c5(s4)).flatten(1)
        return self.output(torch.tanh(self.f6(c5)))
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: which layers does torch have?</summary>
#
# `nn.Conv2d(in_channels, out_channels, kernel_size)`, `nn.AvgPool2d(2)`, `nn.Linear(in, out)`, and
# the function `torch.tanh`. Pooling and tanh have no parameters, so you may make one of each and
# use it twice, or call functions.
# </details>
#
# <details><summary>Hint 2: "mat1 and mat2 shapes cannot be multiplied"</summary>
#
# After C5 the shape is `(N, 120, 1, 1)`; a linear layer wants `(N, 120)`. Print `x.shape` between
# the layers and compare with Figure 1.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "LeNet5", "locked": true, "points": 5, "schema_version": 3, "solution": false}
check.LeNet5(LeNet5)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# What the module knows about itself. The names are the ones that you chose:

# %%
network = LeNet5()
for name, parameter in network.named_parameters():
    print(f"{name:15} {tuple(parameter.shape)!s:18} {parameter.numel():6,}")
print(f"{'in all':34} {sum(p.numel() for p in network.parameters()):6,}")

# %% [markdown]
# ## 2. One epoch
#
# Training repeats four steps, thousands of times:
#
# 1. **Sample** a batch of images with their labels.
# 2. **Forward**: let the network compute its scores, and from them the loss.
# 3. **Backprop**: compute the gradient of the loss with respect to every parameter.
# 4. **Update** every parameter, a small step against its gradient.
#
# One pass over all training images is an **epoch**.
#
# You wrote backward passes by hand. From now on PyTorch does it: it records what the forward pass
# computes, `loss.backward()` walks back through the record and *adds* each gradient to the `.grad`
# of its parameter, and `optimizer.step()` changes the parameters. Try it on a network with one
# weight. For w = 3 and x = 2 the loss w·x is 6; its derivative with respect to w is x = 2.
#
# **Predict.** We call `backward` twice, for the same loss, and do nothing in between. What is
# `weight.grad` after the first call, and after the second?

# %%
after_first, after_second = None, None  # your predictions

# %%
weight = nn.Parameter(torch.tensor(3.0))
optimizer = torch.optim.SGD([weight], lr=0.1)
seen = []
for _ in range(2):
    loss = weight * 2
    loss.backward()
    seen.append(weight.grad.item())
print("your predictions:", after_first, after_second, "  found:", seen)
optimizer.step()
print("after one step:", round(weight.item(), 6))

# %% [markdown]
# Gradients *add up*. So each step has to begin with a clean slate, `optimizer.zero_grad()`. The
# optimiser here is plain SGD: `weight -= lr * weight.grad`, 3 − 0.1 · 4 = 2.6.
#
# > **Easy to get wrong.**
# >
# > - *Gradients are not cleared.* Then every step uses the sum of all gradients so far. Often the
# >   loss still falls for a while, so nobody notices.
# > - *Training mode.* Some layers behave differently in training, such as batch norm: `model.train()`
# >   at the beginning. LeNet-5 has none, but your function should work for every network.
# > - *The mean of the losses.* The loss of a batch is a mean over its images. The last batch may be
# >   smaller and must not count as much: weigh each loss with the size of its batch.
# > - *A number, not a tensor.* `loss` drags the whole record of its computation along;
# >   `loss.item()` is only the number.
#
# **Worked example.** Two batches, of 4 and of 2 images, with the losses 1.0 and 0.4. The mean over
# all six images is (4 · 1.0 + 2 · 0.4) / 6 = **0.8**, not (1.0 + 0.4)/2 = 0.7.
#
# **Your turn** · difficulty ●●○ · 20 minutes · 6 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "train_one_epoch-answer", "locked": false, "schema_version": 3, "solution": true}
def train_one_epoch(model, loader, optimizer, loss_fn):
    """Train for one pass over the data: sample, forward, backprop, update.

    model: an nn.Module, put into training mode here; loader: gives batches (x, y), which are moved
    to the device of the model's parameters; loss_fn(scores, y): the mean loss of a batch.
    Returns the mean of the losses over all samples, as a float.
    """
    ### BEGIN SOLUTION
    device = next(model.parameters()).device
    model.train()
    total, samples = 0.0, 0
    for x, y in loader:  # sample
        x, y = x.to(device), y.to(device)
        loss = loss_fn(model(x), y)  # forward
        optimizer.zero_grad()
        loss.backward()  # backprop
        optimizer.step()  # update
        total += loss.item() * len(y)
        samples += len(y)
    return total / samples
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `for x, y in loader:` is the first step. Inside stand six lines: move `x` and `y`, scores, loss,
# clear, backward, step. Then two lines that keep account of the losses and of the samples.
# </details>
#
# <details><summary>Hint 2: where does the model live?</summary>
#
# `next(model.parameters()).device`. `x.to(device)` returns a copy there; it does not move `x`.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "train_one_epoch", "locked": true, "points": 6, "schema_version": 3, "solution": false}
check.train_one_epoch(train_one_epoch)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### It learns a batch by heart
#
# A good first test of any training loop: can the network learn a handful of images by heart? If it
# cannot, something is broken, and no amount of data will help. In the cell below, `digits` gives
# handwritten digits, `Batches` is a loader for them, and `momentum` lets each step remember the
# steps before it; it is not the momentum of batch norm. Part 4 says more about them.
#
# **Predict.** Before training, the network knows nothing, and gives each of the ten digits about
# the same chance. The loss is −ln(chance of the right digit). How large is it?

# %%
first_loss = None  # your prediction

# %% tags=["showcase", "nbval-ignore-output"]
images, labels = digits(size=32, margin=4)
seed_everything(0)
network = LeNet5()
optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
few = Batches(images[:16], labels[:16], batch_size=16)
losses = [train_one_epoch(network, few, optimizer, nn.CrossEntropyLoss()) for _ in range(60)]

fig, (ax,) = plots.panels(width=5, height=2.8)
plots.curves(ax, [("16 digits", losses)], "learning by heart", "epoch", "loss")
plots.show(fig)
print(f"your prediction: {first_loss}   first loss: {losses[0]:.2f}   last: {losses[-1]:.3f}")

# %% [markdown]
# *Figure 3. Sixteen digits, sixty epochs of one batch each. The loss begins near −ln(1/10) = 2.30
# and falls to almost nothing.*
#
# ## 3. How good is it?
#
# The loss is what training makes small. What we want is something else: the share of right answers
# on images that the network has *not* seen, its **accuracy**.
#
# > **Easy to get wrong.**
# >
# > - *Evaluation mode*: `model.eval()`. Otherwise batch norm looks at the batch, so that an answer
# >   depends on the company an image is in, and even learns from the test images.
# > - *No gradients*: `with torch.no_grad():`. Nothing is recorded, which saves time and memory.
# > - *Count samples, not batches.* As above, the last batch may be smaller.
#
# **Predict.** Three images, three classes. The scores are (2, 1, 0), (0, 1, 2) and (1, 0, 3), the
# right classes are 0, 1, 2. What is the accuracy?

# %%
accuracy_of_three = None  # your prediction

# %%
scores = torch.tensor([[2.0, 1, 0], [0, 1, 2], [1, 0, 3]])
right = scores.argmax(dim=1) == torch.tensor([0, 1, 2])
print("your prediction:", accuracy_of_three, "  right:", right.tolist(), round(2 / 3, 3))

# %% [markdown]
# **Your turn** · difficulty ●●○ · 15 minutes · 3 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "evaluate-answer", "locked": false, "schema_version": 3, "solution": true}
def evaluate(model, loader, loss_fn):
    """Loss and accuracy over all samples, in evaluation mode and without recording gradients.

    model, loader, loss_fn: as in `train_one_epoch`; the batches are moved to the model's device.
    Returns (mean loss over all samples, share of right answers from 0 to 1), two floats.
    """
    ### BEGIN SOLUTION
    device = next(model.parameters()).device
    model.eval()
    total, right, samples = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            scores = model(x)
            total += loss_fn(scores, y).item() * len(y)
            right += (scores.argmax(dim=1) == y).sum().item()
            samples += len(y)
    return total / samples, right / samples
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# It is `train_one_epoch` without clearing, `backward` and `step`, and with one more count:
# `(scores.argmax(dim=1) == y).sum().item()`.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "evaluate", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.evaluate(evaluate)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Train it
#
# The data: 1,797 handwritten digits that come with scikit-learn. They are tiny, 8 × 8 pixels, and
# are enlarged to 24 × 24 on a black field of 32 × 32. The first 1,437 are for training. The last
# 360 are kept back for testing: **no training may look at them.**
#
# To make it harder, and more like life, digits will be **moved**: shifted by up to three pixels in
# each direction and turned by up to 15°.

# %%
images, labels = digits(size=32, margin=4)
train_images, train_labels = images[:1437], labels[:1437]
test_images, test_labels = images[1437:], labels[1437:]
print("for training:", tuple(train_images.shape), "  for testing:", tuple(test_images.shape))

# %% tags=["showcase"]
import numpy as np

again = moved(train_images[:8], np.random.default_rng(0))
fig, axes = plots.panels(2, 8, width=1.2, height=1.35)
for k in range(8):
    plots.picture(axes[k], train_images[k, 0], f"a {train_labels[k]}")
    plots.picture(axes[8 + k], again[k, 0], "moved")
plots.show(
    fig, alt="Above, the digits 0 to 7, blurred but upright; below, the same, moved a little."
)

# %% [markdown]
# *Figure 4. Eight training digits, as they are and moved.*
#
# `Batches(images, labels, batch_size=64, change=moved, seed=0, most=600)` is a small loader. In each
# pass it shuffles the images and hands them out in batches. With `change=moved` it moves every
# batch afresh, so that no image is ever seen twice in the same way. `most` is a **budget**: after
# 600 batches, over all passes, it refuses. 600 steps are enough, and they take seconds.
#
# **Predict.** 1,437 images in batches of 64: how many batches are there in an epoch? How many whole
# epochs can you afford with 600?

# %%
batches_per_epoch, epochs_affordable = None, None  # your predictions

# %%
loader = Batches(train_images, train_labels, batch_size=64, change=moved, seed=0, most=600)
x, y = next(iter(loader))
print("your predictions:", batches_per_epoch, epochs_affordable)
print("batches per epoch:", len(loader), "  whole epochs:", 600 // len(loader))
print("one batch:", tuple(x.shape), tuple(y.shape))

# %% [markdown]
# **Your turn** · difficulty ●●○ · 20 minutes · 3 points
#
# Train a `LeNet5` so that it recognises moved digits. Choose the batch size, the number of epochs
# and the learning rate; with `torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)` you start
# well. (Momentum lets each step remember the steps before it.)
#
# What is graded is the result: the **weights** are sent in, put into a LeNet-5, and tried on the 360
# test digits, moved in a new way. Half of the digits right is worth a third of the points, three
# quarters two thirds, and 85 % all of them. The worst of twenty runs of our solution was three
# percentage points better than that.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "train_lenet-answer", "locked": false, "schema_version": 3, "solution": true}
def train_lenet(images, labels, most=600, change=moved, seed=0):
    """Train a new LeNet5 on the images with at most `most` batches.

    images: (N, 1, 32, 32); labels: (N,); most, change, seed: for `Batches`. Train for at
    most `most // len(loader)` epochs; part 5 passes a smaller `most`, so compute this here.
    Returns the trained model and the mean losses of its epochs, a list of floats.
    """
    seed_everything(seed)
    ### BEGIN SOLUTION
    model = LeNet5().to(pick_device())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loader = Batches(images, labels, batch_size=64, change=change, seed=seed, most=most)
    losses = []
    for _ in progress(range(most // len(loader)), "epoch"):
        losses.append(train_one_epoch(model, loader, optimizer, nn.CrossEntropyLoss()))
    return model, losses
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A model, an optimiser for *its* parameters, a loader, a loss function, an empty list; then a loop
# over the epochs with one line in it. `model.to(pick_device())` puts the model on the GPU if there
# is one, before the optimiser is made.
# </details>
#
# <details><summary>Hint 2: a progress bar</summary>
#
# `for epoch in progress(range(most // len(loader)), "epoch"):`. Part 5 will call your function with a
# smaller budget, so do not write a fixed number there.
# </details>
#
# <details><summary>Hint 3: it does not get better than 20 %</summary>
#
# Look at the losses. Do they fall at all? If they jump about, or are NaN, the learning rate is too
# large. If they fall slowly, it is too small, or the epochs are too few.
# </details>

# %% tags=["nbval-ignore-output"]
trained_weights = None  # until training has gone well
model, losses = train_lenet(train_images, train_labels)
trained_weights = model.state_dict()

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "trained_weights", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["nbval-ignore-output"]
check.trained_weights(trained_weights)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase", "nbval-ignore-output"]
test_loader = Batches(test_images, test_labels, batch_size=360, change=moved)
loss, accuracy = evaluate(model, test_loader, nn.CrossEntropyLoss())
print(f"moved test digits: loss {loss:.2f}, accuracy {accuracy:.1%}")

guessed = predictions(model, moved(test_images, np.random.default_rng(1)))
fig, axes = plots.panels(1, 2, width=5.2, height=4.6)
plots.curves(axes[0], [("training", losses)], "the loss goes down", "epoch", "mean loss")
plots.confusion(axes[1], confusion_matrix(test_labels, guessed), "360 moved test digits")
plots.show(fig)

# %% [markdown]
# *Figure 5. Left: the mean loss of each epoch. Right: the **confusion matrix**. Row: what the digit
# is; column: what the network takes it for. Right answers lie on the diagonal, in green; the more
# often a mistake is made, the darker its orange.*
#
# Which digits are taken for each other? Look at some of them before you think badly of the network:

# %% tags=["showcase", "nbval-ignore-output"]
tried = moved(test_images, np.random.default_rng(1))
missed = (guessed != test_labels).nonzero().flatten()[:8]
fig, axes = plots.panels(1, 8, width=1.3, height=1.6)
for ax, k in zip(axes, missed, strict=False):
    plots.picture(ax, tried[k, 0], f"a {test_labels[k]}, taken\nfor a {guessed[k]}")
for ax in axes[len(missed) :]:
    ax.axis("off")
plots.show(fig, alt="Test digits that the network takes for another digit; some are hard to read.")

# %% [markdown]
# *Figure 6. The first eight mistakes.*

# %% [markdown]
# ## 5. Does it mind if the digits move?
#
# The first notebook found that the output of a convolution moves along when its input moves. So
# perhaps moving the training digits was unnecessary?
#
# **Hypothesis.** A network that was trained on digits that stand still recognises moved ones just as
# well as still ones, because the outputs of its convolutions move along.
#
# **Experiment.** The same network, at most 276 batches each (12 epochs, if your batches have 64
# images). Only one thing changes: the training digits stand still, or are moved. Each network is tried on the test digits twice, standing still and moved.
# Three seeds for the start, the order and the moves.
#
# **Predict.** The four accuracies, roughly: trained on still digits, tried on still and on moved
# ones; trained on moved digits, tried on still and on moved ones.

# %%
still_still, still_moved, moved_still, moved_moved = None, None, None, None  # in percent

# %% tags=["showcase", "nbval-ignore-output"]
print("your predictions:", still_still, still_moved, moved_still, moved_moved)
tests = {"still": None, "moved": moved}
rows = []
for name, change in tests.items():
    for seed in range(3):
        steps = 12 * len(loader)
        trained, _ = train_lenet(train_images, train_labels, steps, change, seed)
        found = [
            evaluate(trained, Batches(test_images, test_labels, 360, test), nn.CrossEntropyLoss())
            for test in tests.values()
        ]
        rows.append([name, seed, *(f"{accuracy:.1%}" for _, accuracy in found)])
plots.table(["trained on digits that are", "seed", "tried on still ones", "on moved ones"], rows)

# %% [markdown]
# *Table 1. Accuracy on the 360 test digits.*
#
# The hypothesis fails, three times out of three. What stands still is recognised by both. What has
# moved is recognised much better by the network that has seen moved digits in training.
#
# Limits: one small network, one data set, moves of up to three pixels and 15° *together*. The
# experiment does not tell which of the two did more harm.
#
# ### In your own words (2 points)
#
# In three to five sentences: the convolutions do move along. Where in the network is this lost, and
# why? (Which layers use the same weights everywhere, and which do not?) Then name one conclusion
# that the experiment does *not* support.

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_moved", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (2 points).** C1 to S4 use the same weights at every place, so if the digit moves,
# their maps move too (exactly, only by multiples of the strides multiplied up to there, 4 pixels;
# otherwise roughly). But C5 covers the whole of its 5 × 5 input and has a weight of its own for
# every place, like the fully connected layers behind it. A map that has moved meets other weights,
# which were trained for something else at that place. Training on moved digits makes these weights
# see patterns at every place. Turning is no shift, so the convolutions do not move along with it
# anyway. The experiment does not show that networks cannot be built to tolerate shifts, or that
# shifts are worse than rotations, or anything about photographs.
#
# **Rubric.** 1 point: the layers from C5 on have separate weights for each place (convolution and
# pooling have not), so that a moved map meets other weights. ½ point: some further reason or
# precision (strides, borders, rotation, what training on moved digits changes). ½ point: a
# conclusion that really goes beyond the experiment.
#
# **Half marks (1 point).** "The network has only seen digits in the middle, so the fully connected
# layers do not know them elsewhere. It shows only digits, not photos." It names the place and a
# limit, but not the reason in the weights: ½ + 0 + ½.
# ### END SOLUTION

# %% [markdown]
# ## 6. Looking inside
#
# In the first notebook you looked at a photograph through filters that somebody had made up. Nobody
# made up these:
#
# **Predict.** What will C1's six filters look like: like noise, like digits, or like edges and blobs?

# %%
filters_look_like = None  # your prediction

# %% tags=["showcase", "nbval-ignore-output"]
model = model.cpu()
first = next(p for p in model.parameters() if p.shape == (6, 1, 5, 5)).detach()
digit = test_images[3:4]
maps = torch.tanh(torch.nn.functional.conv2d(digit, first))[0]
print("your prediction:", filters_look_like)
fig, axes = plots.panels(2, 7, width=1.5, height=1.7)
plots.picture(axes[0], digit[0, 0], "the digit")
axes[7].axis("off")
for k in range(6):
    plots.activation_map(axes[1 + k], first[k, 0], f"filter {k}")
    plots.activation_map(axes[8 + k], maps[k], f"its map {k}")
plots.show(fig)

# %% [markdown]
# *Figure 7. Above: C1's filters after training, purple positive, orange negative. Below: what each of
# them finds in the digit, after the tanh but without its bias. Each picture has its own scale.*
#
# Most look like soft edges and blobs: with 25 weights and blurred digits, there is not much else to
# be. Note how weak the evidence is: similar pictures come out of many networks, and a filter's
# picture does not say what the layers behind it do with it.
#
# Further in, the maps become smaller and harder to name. Hooks let us look: a **forward hook** is a
# function that a layer calls whenever it has computed something.

# %% tags=["showcase", "nbval-ignore-output"]
seen = []
convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
hooks = [c.register_forward_hook(lambda _, x, out: seen.append(out)) for c in convolutions]
with torch.no_grad():
    model(digit)
for hook in hooks:
    hook.remove()
c3_maps = torch.tanh(seen[1][0])

fig, axes = plots.panels(2, 8, width=1.25, height=1.45)
for k, ax in enumerate(axes):
    plots.activation_map(ax, c3_maps[k], f"C3, map {k}")
plots.show(fig)

# %% [markdown]
# *Figure 8. The sixteen maps of C3 for the same digit, 10 × 10 each. Each reads all six maps of S2.*

# %% [markdown]
# ## 7. C5: convolution or fully connected?
#
# The lectures disagree. One lists LeNet-5 as `CONV-POOL-CONV-POOL-CONV-FC`, another as
# `conv → pool → conv → pool → FC → FC → output`. The layer in question is C5: is it a convolution or
# a fully connected layer?
#
# C5 has 120 filters of 5 × 5 on 16 maps, and its input *is* 5 × 5. So each filter has exactly one
# place to stand. It multiplies all 16 · 5 · 5 = 400 inputs with a weight each, and adds up. That is
# what a unit of a fully connected layer does.
#
# **Worked example.** A filter (1, 2; 3, 4) on the 2 × 2 input (5, 6; 7, 8) gives
# 1·5 + 2·6 + 3·7 + 4·8 = 70. Flattened, it is the row (1, 2, 3, 4) times the column (5, 6, 7, 8): 70.
#
# **Your turn** · difficulty ●○○ · 8 minutes · 1 point


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "conv_as_linear-answer", "locked": false, "schema_version": 3, "solution": true}
def conv_as_linear(conv):
    """The nn.Linear that does on flattened input what `conv` does where it has only one place.

    conv: an nn.Conv2d with a bias, stride 1, without padding; its kernel is as large as the input.
    Returns an nn.Linear from C_in * kH * kW to C_out features, with conv's weights, and its dtype.
    """
    ### BEGIN SOLUTION
    linear = nn.Linear(conv.weight[0].numel(), conv.out_channels, dtype=conv.weight.dtype)
    with torch.no_grad():
        linear.weight.copy_(conv.weight.flatten(1))
        linear.bias.copy_(conv.bias)
    return linear
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# Make a new `nn.Linear` with `dtype=conv.weight.dtype`. Under `with torch.no_grad():` copy the
# weights, `linear.weight.copy_(...)`, and the biases. `flatten(1)` makes a row of each filter.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "conv_as_linear", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.conv_as_linear(conv_as_linear)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# **Predict.** We give C5 maps of 6 × 6 instead of 5 × 5, as they come from an image of 36 × 36. What
# is the shape of the output of the convolution? And of the linear layer?

# %%
conv_on_6x6, linear_on_6x6 = None, None  # your predictions

# %%
seed_everything(0)
c5 = nn.Conv2d(16, 120, kernel_size=5)
as_linear = conv_as_linear(c5)
s4 = torch.randn(2, 16, 5, 5)
same = torch.allclose(c5(s4).flatten(1), as_linear(s4.flatten(1)), atol=1e-5)
print("the same on 5 x 5:", same)
print("your predictions:", conv_on_6x6, linear_on_6x6)
larger = torch.randn(2, 16, 6, 6)
print("the convolution on 6 x 6:", tuple(c5(larger).shape))
try:
    as_linear(larger.flatten(1))
except RuntimeError as error:
    print("the linear layer on 6 x 6:", error)

# %% [markdown]
# So for 32 × 32 images it is one layer with two names, 48,120 parameters either way. They differ
# only when the image is larger. Then the convolution slides, and computes the fully connected layer
# at every place at once; the paper keeps the name C5 for this reason. You will use the same trick on
# VGG.
#
# ### In your own words (1 point)
#
# A friend says: "LeNet-5 takes images of 32 × 32 only." In one or two sentences: which layers would
# accept a 36 × 36 image as they are, and where does it stop, and why?

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_size", "locked": false, "points": 1, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (1 point).** C1 to S4, and C5 as a convolution, take images of any sufficient size,
# because their weights do not depend on it; C5 then gives maps of 2 × 2 instead of one pixel. F6 is a
# linear layer with a fixed number of inputs, 120, so there (or in C5, if it was written as a linear
# layer) it stops.
#
# **Rubric.** ½ point: convolutions and pooling take any size, as their weights do not depend on it.
# ½ point: the first linear layer stops it, as its number of inputs is fixed.
#
# **Half marks (½ point).** "The fully connected layers need a fixed size." It leaves out why the
# others do not.
# ### END SOLUTION

# %% [markdown]
# ## 8. The network of 1998
#
# "Only 60K parameters", says the lecture. Yours has 61,706. Both are right: the network of the paper
# differs in four places.
#
# 1. **Subsampling is trained.** S2 and S4 have a weight and a bias for each map.
# 2. **C3 is sparse.** Each of its maps reads only some of the maps of S2.
# 3. **The output compares** with ten fixed pictures, and has no parameters to train.
# 4. **The squashing** is 1.7159 · tanh(2a/3), and it follows every layer, S2 and S4 included, except
#    the output.
#
# The squashing function and the output layer are given. Read the second: `register_buffer` keeps a
# tensor that belongs to the module and moves to its device, but is no parameter.


# %%
def squash(a):
    """The paper's squashing function."""
    return 1.7159 * torch.tanh(2 / 3 * a)


class CodeDistance(nn.Module):
    """Scores (N, 10) of x: (N, 84): minus the squared distance of x to each of the ten codes."""

    def __init__(self, codes):
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, x):
        return -((x[:, None] - self.codes) ** 2).sum(dim=2)


CODES = digit_codes()  # (10, 84), each +1 or -1

# %% tags=["showcase"]
fig, axes = plots.panels(1, 10, width=0.95, height=1.7)
for k, ax in enumerate(axes):
    plots.picture(ax, (1 - CODES[k].reshape(12, 7)) / 2, str(k))
plots.show(fig, alt="Ten small pictures of the digits 0 to 9, black on white, 12 rows of 7 pixels.")

# %% [markdown]
# *Figure 9. The ten codes, as pictures of 12 × 7 pixels. F6 has 84 units so that it can draw one of
# them; the output says which one it resembles most. (Drawn afresh here, after the paper's idea.)*
#
# ### Trainable subsampling
#
# You know it from the second notebook: the four values of a window are **added up** (not averaged),
# multiplied by the map's weight, and the map's bias is added. Squashing comes later, outside.
#
# **Predict.** How many parameters has S2, for 6 maps? How many S4, for 16?

# %%
s2_parameters, s4_parameters = None, None  # your predictions

# %%
for name, maps in {"S2": 6, "S4": 16}.items():
    print(f"{name}: two parameters for each of {maps} maps, {2 * maps} in all")
print("your predictions:", s2_parameters, s4_parameters)

# %% [markdown]
# **Your turn** · difficulty ●●○ · 8 minutes · 2 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "Subsampling-answer", "locked": false, "schema_version": 3, "solution": true}
class Subsampling(nn.Module):
    """Sums of 2x2 windows, stride 2, times a trained weight plus a trained bias, one of each a map.

    Subsampling(channels) reads x: (N, channels, H, W), H and W even, and returns
    (N, channels, H/2, W/2). Both parameters have the shape (channels,); it does not squash.
    """

    def __init__(self, channels):
        super().__init__()
        ### BEGIN SOLUTION
        self.weight = nn.Parameter(torch.full((channels,), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        sums = 4 * nn.functional.avg_pool2d(x, 2)
        return sums * self.weight[:, None, None] + self.bias[:, None, None]
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# `self.weight = nn.Parameter(torch.full((channels,), 0.25))` makes a parameter out of a tensor; with
# 0.25, the layer starts as average pooling. The sum is four times the average.
# `self.weight[:, None, None]` has the shape `(channels, 1, 1)` and fits on the maps.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "Subsampling", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.Subsampling(Subsampling)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### A table of connections
#
# In 1998 memory and time were scarce, and there was a second reason: maps that are forced to read
# different inputs, the authors hoped, would learn to look for different things. So they made a
# table, and here it is: `C3_TABLE[k]` lists the maps of S2 that map `k` of C3 reads.

# %%
C3_TABLE = [
    [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],  # three neighbours
    [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],  # four
    [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],  # two and two
    [0, 1, 2, 3, 4, 5],  # all
]  # fmt: skip

# %% tags=["showcase"]
fig, (ax,) = plots.panels(width=7, height=3.2)
plots.incidence(ax, C3_TABLE, 6, "which maps of S2 each map of C3 reads")
ax.set(xlabel="map of C3", ylabel="map of S2")
plots.show(fig)
print(sum(len(maps) for maps in C3_TABLE), "of", 6 * 16, "connections exist")

# %% [markdown]
# *Figure 10. The table of the paper: six maps read three neighbours, six read four, three read two
# pairs, and one reads everything. (Map 5 and map 0 count as neighbours.)*
#
# **Worked example.** Map 0 reads three maps with a 5 × 5 kernel each, and has a bias:
# 3 · 25 + 1 = 76 parameters.
#
# **Predict.** How many parameters has C3 in all? (A dense C3 has 16 · (6 · 25 + 1) = 2,416.)

# %%
c3_parameters = None  # your prediction

# %%
sizes = [len(maps) for maps in C3_TABLE]
print("your prediction:", c3_parameters)
print("6 · 76 + 9 · 101 + 1 · 151 =", sum(25 * size + 1 for size in sizes))

# %% [markdown]
# **Your turn** · difficulty ●●● · 15 minutes · 3 points
#
# Write it as one small convolution per output map.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "TableConv2d-answer", "locked": false, "schema_version": 3, "solution": true}
class TableConv2d(nn.Module):
    """Convolution in which output map k reads only the input maps that table[k] lists.

    TableConv2d(table, kernel_size): one nn.Conv2d with one output map for each entry of the table,
    in its order; stride 1, no padding, each with a bias. x: (N, C_in, H, W).
    Returns (N, len(table), H_out, W_out).
    """

    def __init__(self, table, kernel_size):
        super().__init__()
        ### BEGIN SOLUTION
        self.table = table
        self.convs = nn.ModuleList(nn.Conv2d(len(maps), 1, kernel_size) for maps in table)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        out = [conv(x[:, maps]) for conv, maps in zip(self.convs, self.table, strict=True)]
        return torch.cat(out, dim=1)
        ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: a list of layers</summary>
#
# A module does not see the parameters of layers in a plain Python list. `nn.ModuleList([...])` is a
# list that it does see.
# </details>
#
# <details><summary>Hint 2: some maps of x</summary>
#
# `x[:, [0, 4, 5]]` picks maps 0, 4 and 5 of every image. `torch.cat(list_of_maps, dim=1)` puts the
# results next to each other.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "TableConv2d", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.TableConv2d(TableConv2d)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### Put together
#
# **Your turn** · difficulty ●●○ · 10 minutes · 2 points
#
# C1, S2, C3, S4, C5, F6, output; `squash` after each layer but the output.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "LeNet5_1998-answer", "locked": false, "schema_version": 3, "solution": true}
class LeNet5_1998(nn.Module):
    """LeNet-5 as published in 1998: 60,000 trainable parameters.

    LeNet5_1998() reads x: (N, 1, 32, 32) and returns the scores of `CodeDistance(CODES)`, (N, 10).
    Assign that layer to `self.output`: a cell below looks at what goes into it.
    """

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.s2 = Subsampling(6)
        self.c3 = TableConv2d(C3_TABLE, kernel_size=5)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = CodeDistance(CODES)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5):
            x = squash(layer(x))
        return self.output(squash(self.f6(x.flatten(1))))
        ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "LeNet5_1998", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.LeNet5_1998(LeNet5_1998)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### What it has, counted
#
# The paper also counts **connections**: how many inputs all values have together, a bias counting
# as one.
#
# **Worked example.** S2 writes 6 × 14 × 14 = 1,176 values. Each reads four inputs and a bias:
# 1,176 · 5 = 5,880 connections. They share 12 parameters. C1 is the more striking case, and yours.
#
# **Your turn** · difficulty ●●○ · 12 minutes · 2 points
#
# Fill in the numbers, by hand or by code. The output's ten values read the 84 values of F6 each, and
# have no bias. `c3_params_dense` is C3's number in the network of today. The check says only whether
# all answers are there. Replace each `...`, and delete the two lines below the dict.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "lenet_numbers-answer", "locked": false, "schema_version": 3, "solution": true}
lenet_numbers = {
    "c1_params": ...,
    "s2_params": ...,
    "c3_params": ...,
    "c3_params_dense": ...,
    "f6_params": ...,
    "total_1998": ...,
    "total_today": ...,
    "c1_connections": ...,
    "output_connections": ...,
    "total_connections": ...,  # of the network of 1998, all layers with the output
}
### BEGIN SOLUTION
kernels = sum(len(maps) for maps in C3_TABLE)
c3 = 25 * kernels + 16
s2_connections, s4_connections = 6 * 14 * 14 * 5, 16 * 5 * 5 * 5
c5, f6 = 120 * (16 * 25 + 1), 84 * (120 + 1)
lenet_numbers = {
    "c1_params": 6 * 26,
    "s2_params": 2 * 6,
    "c3_params": c3,
    "c3_params_dense": 16 * (6 * 25 + 1),
    "f6_params": f6,
    "total_1998": 6 * 26 + 2 * 6 + c3 + 2 * 16 + c5 + f6,
    "total_today": 6 * 26 + 16 * (6 * 25 + 1) + c5 + f6 + 10 * (84 + 1),
    "c1_connections": 6 * 28 * 28 * 26,
    "output_connections": 10 * 84,
    "total_connections": (
        6 * 28 * 28 * 26 + s2_connections + 10 * 10 * c3 + s4_connections + c5 + f6 + 10 * 84
    ),
}
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "lenet_numbers", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.lenet_numbers(lenet_numbers)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### Does it work?
#
# It is more than 25 years old, so let us see it read. The simplest loss of the paper is the squared
# distance between F6 and the code of the right digit (scaled down here, as the numbers are large).
# In other words, F6 is asked to *draw* the digit that the network sees.
#
# **Predict.** What will F6 draw when it sees a test digit: noise, the shape that was written, or the
# code?

# %%
f6_draws = None  # your prediction

# %% tags=["showcase", "nbval-ignore-output"]
seed_everything(0)
old = LeNet5_1998()
optimizer = torch.optim.SGD(old.parameters(), lr=0.05, momentum=0.9)
loader = Batches(train_images, train_labels, batch_size=64, change=moved)


def distance_loss(scores, y):
    return -0.05 * scores.gather(1, y[:, None]).mean()  # scores are minus the squared distances


for _ in progress(range(10), "epoch"):
    train_one_epoch(old, loader, optimizer, distance_loss)
_, accuracy = evaluate(old, test_loader, distance_loss)
print(f"moved test digits: {accuracy:.1%}")

# %% tags=["showcase", "nbval-ignore-output"]
drawn = []
hook = old.output.register_forward_hook(lambda _, x, out: drawn.append(x[0]))
with torch.no_grad():
    old(test_images[:10])
hook.remove()
print("your prediction:", f6_draws)
fig, axes = plots.panels(2, 10, width=0.95, height=1.5)
for k in range(10):
    plots.picture(axes[k], test_images[k, 0], f"a {test_labels[k]}")
    plots.picture(axes[10 + k], (1 - drawn[0][k].reshape(12, 7)) / 2)
plots.show(fig, alt="Above, ten test digits; below, what F6 draws for each: its code.")

# %% [markdown]
# *Figure 11. Above: test digits. Below: the 84 values of F6 for each of them, as a picture.*
#
# However a 3 was written, F6 draws *the* 3, and where it is in doubt, one can see between which digits.
# Few hidden layers can be looked at like this.
#
# Do not compare the accuracy with Table 1: the two networks differ in four places, in their loss and
# in the number of epochs, and this is one run. What one may say is that the network of 1998 still
# works.

# %% [markdown]
# ## 9. Slide check
#
# The numbers about LeNet that the lectures print, computed before your eyes. First the ones that you
# can trust as they stand.

# %% tags=["showcase"]
from helpers.convolution import conv_output_size as size
from helpers.models import lenet

today, of_1998 = lenet.LeNet5(), lenet.LeNet5_1998()
trainable = [sum(p.numel() for p in net.parameters()) for net in (of_1998, today)]
linked = lenet.connections(of_1998, torch.zeros(1, 1, 32, 32))
conv = counting.conv_cost
macs = [conv(1, 6, 5, 32).macs, conv(6, 16, 5, 14).macs, conv(16, 120, 5, 5).macs, 120 * 84, 840]
alexnet = [
    *(conv(*layer).params for layer in (
        (3, 96, 11, 227, 4), (96, 256, 5, 27, 1, 2, 2), (256, 384, 3, 13, 1, 1),
        (384, 384, 3, 13, 1, 1, 2), (384, 256, 3, 13, 1, 1, 2))),
    4096 * (9216 + 1), 4096 * (4096 + 1), 1000 * (4096 + 1),
]  # fmt: skip
fields = [(5, 1), (2, 2), (5, 1), (2, 2), (5, 1)]

# %% tags=["showcase"]
agree = [
    ["5x5 filters at stride 1: 32, 14, 5 become", "28, 10, 1",
     ", ".join(str(size(n, 5)) for n in (32, 14, 5))],
    ["2x2 subsampling at stride 2: 28, 10 become", "14, 5",
     ", ".join(str(size(n, 2, 2)) for n in (28, 10))],
    ["going deeper, height and width go", "down", "32 → 28 → 14 → 10 → 5 → 1"],
    ["going deeper, channels go", "up", "1 → 6 → 16 → 120"],
    ["one output of C5 sees", "the whole image",
     f"{[counting.receptive_field(fields[:k]) for k in range(1, 6)]} of 32 pixels, layer by layer"],
    ["C3's maps look at different channels", "a table",
     f"{sum(map(len, lenet.C3_TABLE))} of 96 connections, {25 * 60 + 16:,} parameters"],
    ["AlexNet has, compared to LeNet-5", "60 million to 60K",
     f"{sum(alexnet):,} to {trainable[0]:,}: {sum(alexnet) / trainable[0]:,.0f} times"],
]  # fmt: skip
plots.table(["claim", "the slides say", "computed here"], agree)

# %% [markdown]
# *Table 2. These agree.*

# %% tags=["showcase"]
footnotes = [
    ["parameters of LeNet-5", "only 60K",
     f"{trainable[0]:,} in 1998 (the output is fixed); {trainable[1]:,} as built today"],
    ["its connections (in the paper)", "340,908", f"{sum(linked.values()):,}, biases included"],
    ["multiplications of one image", "not said", f"{sum(macs):,} MACs, as built today"],
    ["the architecture", "CONV-POOL-CONV-POOL-CONV-FC, or with FC-FC-output",
     f"the same: C5 has {120 * 401:,} parameters as either"],
    ["the nonlinearity", "sigmoid and tanh",
     f"1.7159 tanh(2a/3), which maps 1 to {lenet.squash(torch.tensor(1.0)).item():.4f}"],
    ["the reference on the history slide", "LeNet-5, LeCun 1980",
     "a slip: LeNet-5 is of 1998, the first network of its kind of 1989"],
]  # fmt: skip
plots.table(["claim", "the slides say", "found here"], footnotes)

# %% [markdown]
# *Table 3. These want a footnote, and the last one a correction: the same slides cite the paper of
# 1998 elsewhere.*
#
# All that the lectures claim about LeNet-5 stands in one table, `helpers.claims`. What of it can be
# computed is computed by the course's own code. Once more, all at once:

# %% tags=["showcase"]
from helpers import claims

print(claims.summary("lenet"))

# %% [markdown]
# `claims.show("lenet")` lists them, and with `verdicts=["wrong", "conflicting"]` those that do not
# hold.
#
# ## 10. Going further
#
# ### MNIST, and its sister
#
# MNIST is the data set that LeNet-5 was published with: 60,000 digits for training, 10,000 for
# testing. Fashion-MNIST has the same format and shows clothes, which is harder. The cell below trains
# your network on one of them for three epochs, if it is in the `data` folder, in less than a minute
# without a GPU. Set `download = True` to fetch it once; if there is no network, it says so.
#
# The learning rate is divided by three after each epoch: large steps first, careful ones later.
#
# **Predict.** The accuracy on MNIST's test digits after three epochs. In 1998 it was 99.05 %, after
# 20 epochs.

# %%
on_mnist = None  # your prediction, in percent
name, download = "MNIST", False  # or "FashionMNIST"; True to download

# %% tags=["showcase", "nbval-ignore-output"]
try:
    real_train, real_test = (mnist(train, name, 32, download) for train in (True, False))
except DataMissing as missing:
    print(missing)
else:
    seed_everything(0)
    model = LeNet5().to(pick_device())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=1 / 3)
    loader, test = Batches(*real_train, batch_size=64), Batches(*real_test, batch_size=1000)
    for _ in progress(range(3), name):
        train_one_epoch(model, loader, optimizer, nn.CrossEntropyLoss())
        schedule.step()
    _, accuracy = evaluate(model, test, nn.CrossEntropyLoss())
    print(f"your prediction: {on_mnist}   {name} after three epochs: {accuracy:.2%}")

# %% [markdown]
# ### More to try
#
# - Replace tanh by ReLU and average by max pooling, without changing anything else. The number of
#   parameters stays the same. What happens to the accuracy, over three seeds?
# - Train on digits that are only shifted, or only turned, and repeat Table 1. Which one matters more?
# - Give `moved` larger moves: `lambda x, rng: moved(x, rng, pixels=6)`. Where does it break down?

# %% [markdown]
# ### References
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document
#   recognition*, Proceedings of the IEEE 86 (1998). Section II.B: LeNet-5, layer by layer; table I:
#   the connections of C3; section III: its results on MNIST.
# - Y. LeCun and others, *Backpropagation applied to handwritten zip code recognition*, Neural
#   Computation 1 (1989). The first network of this kind.
# - E. Alpaydin, C. Kaynak, *Optical recognition of handwritten digits*, UCI Machine Learning
#   Repository (1998). The digits used here, as scikit-learn has them.
# - H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST: a novel image dataset for benchmarking machine
#   learning algorithms*, 2017, arXiv:1708.07747.
# - CS231n (Stanford, 2016), lecture 7, and *DNNs in static images*: the lectures whose numbers part 9
#   checks.
