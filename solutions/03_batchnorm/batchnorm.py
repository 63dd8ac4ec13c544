# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Batch normalization: every layer a fresh start
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({{colab}})
#
# A layer learns from numbers that the layer before it makes, and that layer is learning too. If its
# outputs drift to 500, or shrink to 0.001, the next layer has to learn with inputs that suit no
# learning rate. Batch normalization puts a small step in between: it shifts and scales each feature
# so that, over the batch, it has mean 0 and variance 1. Then it lets the network undo that.
#
# It is a few lines of code. It is also the first layer you meet that does one thing in training and
# another one in evaluation, and that is where most of its bugs come from.
#
# **You can then**
#
# - normalise over any axes, and say which axes make it batch, layer, instance or group norm;
# - write batch norm for training and evaluation, with running statistics by PyTorch's convention;
# - derive its backward pass, step by step and as one expression;
# - fold it into the convolution before it, and say what that saves;
# - recognise a model that was left in training mode by what it does.

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

from helpers import normalization as reference
from helpers import plots
from helpers.checks import batchnorm as check
from helpers.data import digits
from helpers.runtime import pick_device, seconds, seed_everything

seed_everything(0)
print("Ready.")

# %% [markdown]
# ## How this notebook works
#
# | part | what you write | points | minutes |
# |---|---|---|---|
# | 1. Centre and scale | `normalize` | 1 | 10 |
# | 2. The forward pass | `batchnorm_forward` | 6 | 30 |
# | 3. The backward pass | `batchnorm_backward`, in two steps | 7 | 40 |
# | 4. One expression | `batchnorm_backward_simplified` | 3 | 20 |
# | 5. Maps | `batchnorm2d_forward`, `batchnorm2d_backward` | 3 | 20 |
# | 6. One function, four norms | `layer_norm`, `instance_norm2d`, `group_norm` | 3 | 15 |
# | 7. Fusing | `fuse_conv_bn` | 2 | 10 |
# | 8. Two bug reports | `predict`, `channel_statistics`, a short answer in words | 4 | 20 |
# | 9. Numbers and an experiment | `bn_numbers` | 1 | 10 |
# | 10. Slide check | nothing: you look at what came out | – | 5 |
#
# That is about **three hours** and **30 points**. You can stop after any part. As before:
# commit to each **Predict** before you run the next cell; your code goes where it says
# `YOUR CODE HERE`; the cell below checks it and is graded, on further inputs, when you hand in.
#
# Feature vectors come as `(N, D)`: N rows, one per example, and D features. Maps come as
# `(N, C, H, W)`. PyTorch's own normalization layers are switched off while your functions are graded.

# %% [markdown]
# ## 1. Centre and scale
#
# Take four examples with three features each. The features could hardly differ more: one is large,
# one is tiny, one is always the same.
#
# To **normalise** a feature is to subtract its mean and to divide by its standard deviation:
#
# $$\mu = \frac{1}{m}\sum_i x_i, \qquad \sigma^2 = \frac{1}{m}\sum_i (x_i - \mu)^2, \qquad
# \hat{x}_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \varepsilon}}$$
#
# The sums run over the `m` values that share a mean; here, down one column. The small number
# ε (`eps`, mostly 0.00001) stands under the root.
#
# **Predict.** The second column of Figure 1 is a hundredth of the first one. How will their normalised
# columns differ? And what becomes of the third, in which all values are equal?

# %%
second_column, third_column = None, None  # your predictions, in words

# %% tags=["showcase"]
x = torch.tensor([[1.0, 0.01, 5], [7, 0.07, 5], [9, 0.09, 5], [15, 0.15, 5]], dtype=torch.float64)

print("your predictions:", second_column, third_column)
fig, axes = plots.panels(1, 3, width=2.7, height=3.1)
plots.number_grid(axes[0], x, "x")
plots.number_grid(axes[1], x - x.mean(dim=0), "x − mean of its column")
plots.number_grid(axes[2], reference.normalize(x, 0).round(decimals=3), "x_hat")
plots.show(fig)

# %% [markdown]
# *Figure 1. Four examples (rows), three features (columns). Normalising forgets the unit of a feature
# and where its zero lies.*
#
# The first column has the mean 8, so the second picture starts with 1 − 8 = −7. Its variance is
# (49 + 1 + 1 + 49)/4 = 25, so −7 becomes −7/5 = **−1.4**. The second column comes out nearly the same:
# 1.397 instead of 1.4, because its variance, 0.0025, is small enough for ε to be felt. The third one
# has nothing to scale; without ε it would be 0/0.
#
# > **Easy to get wrong.**
# >
# > - *Which variance?* `torch.var` divides by m − 1 unless told otherwise: that is the **unbiased**
# >   estimate. Normalising uses the **biased** one, divided by m.
# > - *Where does ε go?* Under the root: √(σ² + ε), not √σ² + ε.
# > - *Divide by the root*, not by the variance. (A slide labels the variance "std".)
#
# **Your turn** · difficulty ●○○ · 10 minutes · 1 point
#
# Write it once, for any axes. Everything in this notebook is a use of this function.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "normalize-answer", "locked": false, "schema_version": 3, "solution": true}
def normalize(x, axes, eps=1e-5):
    """(x - mean) / sqrt(variance + eps), with mean and biased variance taken over `axes`.

    x: a tensor of any shape; axes: an int or a tuple of ints, such as 0 or (0, 2, 3).
    Returns a tensor with the shape and the dtype of x.
    """
    ### BEGIN SOLUTION
    mean = x.mean(dim=axes, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=axes, keepdim=True)
    return (x - mean) / (variance + eps).sqrt()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# `x.mean(dim=axes, keepdim=True)` keeps the averaged axes with size one, so that the result can be
# subtracted from `x`, whichever axes they are. A variance is a mean, too: of what?
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "normalize", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.normalize(normalize)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ## 2. The forward pass
#
# Batch norm normalises each feature over the batch, and then gives the network two numbers per
# feature to undo it: a scale **γ** (`gamma`) and a shift **β** (`beta`), both learned:
#
# $$\text{out} = \gamma \cdot \hat{x} + \beta$$
#
# **Worked example.** The first column of Figure 1 is 1, 7, 9, 15, and normalised −1.4, −0.2, 0.2, 1.4.
# With γ = 10 and β = 3 it becomes −11, 1, 5, 17.
#
# **Predict.** What must γ and β be so that the layer returns exactly what it was given? Take the
# column 1, 7, 9, 15 with mean 8 and variance 25.

# %%
gamma_to_undo, beta_to_undo = None, None  # your predictions

# %%
column = x[:, :1]
print("your predictions:", gamma_to_undo, beta_to_undo)
for name, gamma in (("5 = sqrt(25)", 5.0), ("sqrt(25 + eps)", (25 + 1e-5) ** 0.5)):
    error = (gamma * normalize(column, 0) + 8 - column).abs().max().item()
    print(f"gamma = {name}, beta = 8: off by at most {error:.6f}")

# %% [markdown]
# So the layer can learn to do nothing: exactly so for a mean and variance that stay the same, as
# they will in evaluation; in training only about so, since they differ from batch to batch.
#
# ### What if there is no batch?
#
# In training, mean and variance come from the batch. In evaluation they must not: the answer for one
# image would depend on which other images happen to be asked about at the same time. So training
# keeps **running statistics**, and evaluation uses them:
#
# $$\text{running} \leftarrow (1 - \alpha) \cdot \text{running} + \alpha \cdot \text{batch}$$
#
# In PyTorch, and in this course, `momentum` is the weight α of the **new** value, 0.1 by default.
# The lecture writes 0.99 · old + 0.01 · new: that is PyTorch's momentum **0.01**.
#
# **Predict.** A running mean starts at 0, and the true mean is 1 in every batch. What does it show
# after 100 updates with the lecture's 0.99/0.01? After how many updates with 0.9/0.1 is it as far?

# %%
after_100_updates, as_many_updates = None, None  # your predictions

# %% tags=["showcase"]
lines = []
for momentum in (0.1, 0.01):
    values, running = [], 0.0
    for _ in range(101):
        values.append(running)
        running = (1 - momentum) * running + momentum * 1.0
    lines.append((f"momentum {momentum}", values))

fig, (ax,) = plots.panels(width=5.2, height=2.9)
plots.curves(ax, lines, "A running mean on its way from 0 to 1", "updates", "running mean")
plots.show(fig)
fast, slow = (values for _, values in lines)
print("your predictions:", after_100_updates, as_many_updates)
print(
    f"momentum 0.01 after 100 updates: {slow[100]:.3f}; momentum 0.1 gets there after",
    next(i for i, value in enumerate(fast) if value >= slow[100]),
)

# %% [markdown]
# *Figure 2. The running mean forgets its start slowly: after 100 updates of 0.01, 0.99¹⁰⁰ = 37 % of
# the start are still in it.*
#
# > **Easy to get wrong.**
# >
# > - *Whose weight is the momentum?* That of the new value. (Other courses and libraries turn it round.)
# > - *Two variances.* The batch is normalised with the **biased** variance. `running_var` collects the
# >   **unbiased** one, divided by m − 1, because it estimates the variance of all data.
# > - *In place.* `running_mean = …` inside a function gives a local name to a new tensor; the caller's
# >   tensor stays as it was. Write `running_mean[:] = …`, or `running_mean.mul_(…).add_(…)`.
# > - *Evaluation changes nothing* but its output. In a sample of 50 public solutions of this exercise,
# >   5 got evaluation wrong.
#
# **Your turn** · difficulty ●●○ · 25 minutes · 6 points
#
# `cache` is for your backward pass. For what follows, the tuple `(x_hat, gamma, std)` is all it needs,
# where `std` is √(variance + ε). You may keep something else in it; with this layout, a right forward
# pass can stand in for yours while the backward pass is graded.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "batchnorm_forward-answer", "locked": false, "schema_version": 3, "solution": true}
def batchnorm_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """Batch normalization of feature vectors.

    x: (N, D); gamma, beta, running_mean, running_var: (D,); training: True or False.
    In training: normalise with mean and biased variance of the batch; update running_mean and
    running_var (with the unbiased variance) IN PLACE. In evaluation: normalise with the running
    statistics and leave them alone.
    Returns (out, cache): out of shape (N, D), and what your backward pass needs.
    """
    ### BEGIN SOLUTION
    if training:
        mean = x.mean(dim=0)
        variance = ((x - mean) ** 2).mean(dim=0)
        n = len(x)
        running_mean[:] = (1 - momentum) * running_mean + momentum * mean
        running_var[:] = (1 - momentum) * running_var + momentum * variance * n / (n - 1)
    else:
        mean, variance = running_mean, running_var
    std = (variance + eps).sqrt()
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1: where do I start?</summary>
#
# With training, and without the running statistics. The check names its cases "training" and
# "evaluation" and tells you which parts differ: `out`, `running_mean` or `running_var`.
# </details>
#
# <details><summary>Hint 2: what do the two modes share?</summary>
#
# Only the origin of mean and variance differs. Choose them first; the rest can be the same lines.
# </details>
#
# <details><summary>Hint 3: how do I get the unbiased variance?</summary>
#
# Both are the same sum, divided by n or by n − 1. What do you multiply one with to get the other?
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "batchnorm_forward", "locked": true, "points": 6, "schema_version": 3, "solution": false}
check.batchnorm_forward(batchnorm_forward)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### What the layer cannot see
#
# Three questions about what comes *before* batch norm in training mode. `z` is the output of a linear
# layer.
#
# **Predict.** By how much does the output of batch norm change if you add 100 to `z`? If you multiply
# `z` by 100? If `z` is a batch of one row?

# %%
plus_100, times_100, one_row = None, None, None  # your predictions


# %%
def train_mode(z):
    d = z.shape[1]
    return batchnorm_forward(
        z,
        torch.full((d,), 2.0),
        torch.full((d,), 3.0),
        torch.zeros(d),
        torch.ones(d),
        training=True,
    )[0]


seed_everything(0)
z = torch.randn(8, 4)
print("your predictions:", plus_100, times_100, one_row)
print(f"z + 100 changes it by at most {(train_mode(z + 100) - train_mode(z)).abs().max():.4f}")
print(f"z * 100 changes it by at most {(train_mode(z * 100) - train_mode(z)).abs().max():.4f}")
print("beta is 3; one row gives", reference.normalize(z[:1], 0)[0].mul(2).add(3).tolist())

# %% [markdown]
# Adding a constant changes nothing: **a bias in front of batch norm is redundant**, and one leaves it
# out. Scaling changes nothing either, but for ε: weights may grow, and the layer does not notice.
# And a single row *is* its own mean, so all that is left of it is β. PyTorch refuses to train on such
# a batch.

# %% [markdown]
# ## 3. The backward pass
#
# Given `grad_out`, what are `grad_gamma`, `grad_beta` and `grad_x`? The rule is the same as for
# convolution: *find every output that the number took part in, and add up what they send back.*
#
# For `grad_x` there is a surprise. Without batch norm, row 2 of the output depends on row 2 of the
# input. With it, **every row of the input takes part in every row of the output**, because all rows
# share the mean and the variance.
#
# ### By hand, on four numbers
#
# One feature, four rows: x = 1, 7, 9, 15 again, with γ = 10 and ε left out. The mean is 8, the
# standard deviation 5.
#
# **Predict.** `grad_out` is 1, 0, −1, 2. The second row has `grad_out` 0. Is its `grad_x` 0 as well?
# And what is the sum of `grad_x` over the four rows? (Think of "adding 100".)

# %%
second_is_zero, sum_of_grad_x = None, None  # your predictions

# %% [markdown]
# | row | x | x − μ | x_hat | out = 10·x_hat + 3 | `grad_out` | `grad_x_hat` = 10 · `grad_out` |
# |---|---|---|---|---|---|---|
# | 0 | 1 | −7 | −1.4 | −11 | 1 | 10 |
# | 1 | 7 | −1 | −0.2 | 1 | 0 | 0 |
# | 2 | 9 | 1 | 0.2 | 5 | −1 | −10 |
# | 3 | 15 | 7 | 1.4 | 17 | 2 | 20 |
#
# **β** is added in each row: `grad_beta` = 1 + 0 − 1 + 2 = **2**.
#
# **γ** is multiplied with x_hat in each row: `grad_gamma` = 1·(−1.4) + 0·(−0.2) − 1·0.2 + 2·1.4 = **1.2**.
#
# **x** acts on the loss along three paths, since x_hat = (x − μ) · (σ²)^(−½):
#
# 1. **Directly**, through its own row, with the factor 1/σ = 1/5:
#    `grad_x_hat`/5 = 2, 0, −2, 4.
# 2. **Through the variance.** What is the gradient of σ²? Row *i* holds (x − μ)·(σ²)^(−½), whose
#    derivative by σ² is −½ · (x − μ) · (σ²)^(−3/2) = −½ · (x − μ)/125. Add up over the rows:
#    `grad_var` = −½ · (10·(−7) + 0·(−1) − 10·1 + 20·7)/125 = −½ · 60/125 = **−0.24**.
#    And how does σ² depend on one x? As (x − μ)²/4 does: 2(x − μ)/4. So this path brings
#    −0.24 · 2/4 · (−7, −1, 1, 7) = 0.84, 0.12, −0.12, −0.84.
# 3. **Through the mean.** Each row holds −μ/σ: `grad_mean` = −(10 + 0 − 10 + 20)/5 = **−4**. Each x has
#    a share of 1/4 in the mean, so this path brings −4/4 = −1 to every row.
#
# (Does moving μ not change σ² too? Its derivative by μ is the mean of −2(x − μ), and that is 0.)
#
# Added up: **1.84, −0.88, −3.12, 2.16**.

# %% tags=["showcase"]
three_paths = {
    "direct": [2, 0, -2, 4],
    "through\nthe variance": [0.84, 0.12, -0.12, -0.84],
    "through\nthe mean": [-1.0] * 4,
    "their sum:\ngrad_x": [1.84, -0.88, -3.12, 2.16],
}
fig, axes = plots.panels(1, 4, width=1.9, height=3.0)
for ax, (title, values) in zip(axes, three_paths.items(), strict=True):
    fill = "#FAECCC" if "sum" in title else plots.WHITE
    plots.number_grid(ax, torch.tensor([values], dtype=torch.float64).T, title, fill)
plots.show(fig)
print("your predictions:", second_is_zero, sum_of_grad_x)
print("sum of grad_x:", round(sum(three_paths["their sum:\ngrad_x"]), 6))

# %% [markdown]
# *Figure 3. Three paths lead from x to the loss. The second row gets a gradient although its own
# `grad_out` is 0; all four add up to 0, because adding the same number to all rows changes nothing.*
#
# Is it true? Nudge the second row by 0.001, and see how the loss changes. As the loss, take the sum of
# `grad_out * out`.

# %%
tiny_grad = torch.tensor([[1.0], [0], [-1], [2]], dtype=torch.float64)


def loss(rows):
    return (tiny_grad * (10 * normalize(rows, 0, eps=0) + 3)).sum().item()


nudged = column.clone()
nudged[1] += 0.001
print(f"the loss changes by {(loss(nudged) - loss(column)) / 0.001:.2f} per unit")

# %% [markdown]
# ### Step 1: gamma and beta
#
# **Your turn** · difficulty ●○○ · 5 minutes


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "batchnorm_grad_parameters-answer", "locked": false, "schema_version": 3, "solution": true}
def batchnorm_grad_parameters(grad_out, cache):
    """Gradients with respect to gamma and beta.

    grad_out: (N, D); cache: from your `batchnorm_forward` in training.
    Returns (grad_gamma, grad_beta), both (D,).
    """
    ### BEGIN SOLUTION
    x_hat, _, _ = cache
    return (grad_out * x_hat).sum(dim=0), grad_out.sum(dim=0)
    ### END SOLUTION


# %%
def backward_so_far(grad_out, cache):
    return None, *batchnorm_grad_parameters(grad_out, cache)


check.batchnorm_backward(backward_so_far, part="grad_gamma")
check.batchnorm_backward(backward_so_far, part="grad_beta")

# %% [markdown]
# ### Step 2: the input, along its three paths
#
# > **Easy to get wrong.**
# >
# > - *Taking mean and variance as constants.* That is the direct path alone. The shapes are right, the
# >   network even learns a little, and only a gradient check shows it.
# > - *Losing a factor*: the ½ of the root, the 2 of the square, the 1/N of the mean, the minus of
# >   (…)^(−½), or γ.
# > - *N or N − 1?* The batch was normalised with the biased variance, so here it is N throughout.
#
# **Your turn** · difficulty ●●● · 30 minutes · 7 points for both steps
#
# Write the three paths one after the other, as in the example: `grad_x_hat`, then `grad_var`, then
# `grad_mean`, then `grad_x`. You need not optimise anything; that is part 4. Differentiation by
# PyTorch is switched off while this is graded.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "batchnorm_backward-answer", "locked": false, "schema_version": 3, "solution": true}
def batchnorm_backward(grad_out, cache):
    """All gradients of `batchnorm_forward` in training, step by step, without autograd.

    grad_out: (N, D); cache: from your `batchnorm_forward`.
    Returns (grad_x, grad_gamma, grad_beta), of shapes (N, D), (D,) and (D,).
    """
    ### BEGIN SOLUTION
    x_hat, gamma, std = cache
    n = len(grad_out)
    centred = x_hat * std  # x - mean
    grad_x_hat = grad_out * gamma
    grad_var = -0.5 * (grad_x_hat * centred).sum(dim=0) / std**3
    grad_mean = -(grad_x_hat / std).sum(dim=0)
    grad_x = grad_x_hat / std + grad_var * 2 * centred / n + grad_mean / n
    return grad_x, *batchnorm_grad_parameters(grad_out, cache)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# x − μ is not in the cache, but x_hat and std are. And (σ²)^(−3/2) is 1/std³.
# </details>
#
# <details><summary>Hint 2: the check names a missing path</summary>
#
# Compute the three contributions of the worked example as three tensors, print them for the column
# 1, 7, 9, 15, and compare with Figure 3.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "batchnorm_backward", "locked": true, "points": 7, "schema_version": 3, "solution": false}
check.batchnorm_backward(batchnorm_backward)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ## 4. One expression
#
# Your three paths can be put together on paper. Write *g* for `grad_out` and, in this part, σ for the
# cached `std` = √(variance + ε), so that nothing is neglected. Pull γ/σ out of each of
# them; use that (x − μ)/σ is x_hat.
#
# **Predict.** In what is left inside the bracket, two means over the batch are subtracted from *g*. One
# is the mean of *g* itself. What is the other the mean of, and by what is it multiplied, so that a
# *scaling* of the whole batch gets no gradient either?

# %%
the_other_mean, multiplied_by = None, None  # your predictions, in words

# %% tags=["showcase", "nbval-ignore-output"]
seed_everything(1)
rows = torch.randn(6, 1, dtype=torch.float64)
gradient = torch.randn(6, 1, dtype=torch.float64)
one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
for eps in (1e-5, 0):
    _, cache = reference.batchnorm_forward(
        rows, one, zero, zero.clone(), one.clone(), True, 0.1, eps
    )
    grad_x, _, _ = reference.batchnorm_backward(gradient, cache)
    along_x_hat = (grad_x * reference.normalize(rows, 0, eps)).sum().item()
    print(
        f"eps = {eps}: sum of grad_x is {abs(grad_x.sum().item()):.0e},"
        f" sum of grad_x * x_hat is {abs(along_x_hat):.0e}"
    )

# %% [markdown]
# Both sums vanish (but for rounding and ε). The backward pass takes two things out of the gradient:
# what would *shift* the whole batch, and what would *stretch* it, since the layer undoes both. What is
# left is a single line.
#
# **Worked example.** For the four rows of part 3, *g* is 1, 0, −1, 2 with the mean 0.5. Subtracted:
# 0.5, −0.5, −1.5, 1.5. The second correction subtracts −0.42, −0.06, 0.06, 0.42. That leaves
# 0.92, −0.44, −1.56, 1.08; times γ/σ = 2, it is 1.84, −0.88, −3.12, 2.16, as before.
#
# **Your turn** · difficulty ●●● · 15 minutes · 3 points
#
# Find the line with pencil and paper, then write it. (In a sample of 45 public solutions, 12 are wrong
# here: mostly a sum that should be a mean.)


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "batchnorm_backward_simplified-answer", "locked": false, "schema_version": 3, "solution": true}
def batchnorm_backward_simplified(grad_out, cache):
    """The same as `batchnorm_backward`, with grad_x as one expression.

    grad_out: (N, D); cache: from your `batchnorm_forward` in training.
    Returns (grad_x, grad_gamma, grad_beta), of shapes (N, D), (D,) and (D,).
    """
    ### BEGIN SOLUTION
    x_hat, gamma, std = cache
    n = len(grad_out)
    grad_gamma, grad_beta = batchnorm_grad_parameters(grad_out, cache)
    grad_x = gamma / std * (grad_out - grad_beta / n - x_hat * grad_gamma / n)
    return grad_x, grad_gamma, grad_beta
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# The path through the mean is −(γ/σ) · (mean of *g*). In the path through the variance, write
# (x − μ) as σ · x_hat, twice, and count the powers of σ.
# </details>
#
# <details><summary>Hint 2</summary>
#
# In the example, the second correction is proportional to x_hat = −1.4, −0.2, 0.2, 1.4, with the
# factor 0.3. You have met four times that number: it is 1.2.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "batchnorm_backward_simplified", "locked": true, "points": 3, "schema_version": 3, "solution": false}
check.batchnorm_backward_simplified(batchnorm_backward_simplified)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Maps
#
# Behind a convolution, the features are **channels**. A filter is the same at every place, so its map
# is normalised the same at every place: one mean and one variance per channel, over all images, rows
# *and* columns. For the statistics, each pixel of each image is a row.
#
# **Predict.** A batch of 8 images with 16 channels of 10 × 10. How many means are there? Over how many
# values is each of them? How many numbers does the layer learn?

# %%
means, values_per_mean, learned = None, None, None  # your predictions

# %%
layer = nn.BatchNorm2d(16)
maps = torch.randn(8, 16, 10, 10)
print("your predictions:", means, values_per_mean, learned)
print(
    "means:",
    len(layer.running_mean),
    "  values per mean:",
    maps.numel() // 16,
    "  learned:",
    sum(p.numel() for p in layer.parameters()),
)

# %% [markdown]
# So you need no new formula: turn the maps into rows, call what you have, and turn the rows back.
#
# > **Easy to get wrong: `reshape` does not move axes.** `x.reshape(-1, C)` on `(N, C, H, W)` has the
# > right shape and mixes the channels. Move the channel axis last *first*:
# > `x.movedim(1, -1)` is `(N, H, W, C)`. The way back is the same in reverse. Of 50 public solutions
# > of this exercise, 9 got the axes wrong.

# %% tags=["showcase"]
two_channels = torch.tensor([[[[1, 1], [1, 1]], [[2, 2], [2, 2]]]])  # (1, 2, 2, 2)
fig, axes = plots.panels(1, 2, width=2.6, height=2.8)
for ax, rows, title in (
    (axes[0], two_channels.reshape(-1, 2), "reshape only"),
    (axes[1], two_channels.movedim(1, -1).reshape(-1, 2), "movedim, then reshape"),
):
    fills = [["#CCE3F0" if v == 1 else "#FAECCC" for v in row] for row in rows.tolist()]
    plots.number_grid(ax, rows, title, fills)
    ax.set(xlabel="column", ylabel="pixel")
plots.show(fig)

# %% [markdown]
# *Figure 4. One image of 2 × 2 pixels; channel 0 holds ones, channel 1 holds twos. Each column should
# hold one channel.*
#
# **Your turn** · difficulty ●●○ · 15 minutes · 2 points and 1 point


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "batchnorm2d_forward-answer", "locked": false, "schema_version": 3, "solution": true}
def batchnorm2d_forward(
    x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    """Batch normalization of maps, one mean and variance per channel.

    x: (N, C, H, W); gamma, beta, running_mean, running_var: (C,); otherwise like
    `batchnorm_forward`, running statistics IN PLACE.
    Returns (out, cache): out of shape (N, C, H, W), and what your backward pass needs.
    """
    ### BEGIN SOLUTION
    n, channels, height, width = x.shape
    rows = x.movedim(1, -1).reshape(-1, channels)
    out, cache = batchnorm_forward(
        rows, gamma, beta, running_mean, running_var, training, momentum, eps
    )
    return out.reshape(n, height, width, channels).movedim(-1, 1), cache
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "batchnorm2d_forward", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.batchnorm2d_forward(batchnorm2d_forward)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "batchnorm2d_backward-answer", "locked": false, "schema_version": 3, "solution": true}
def batchnorm2d_backward(grad_out, cache):
    """Gradients of `batchnorm2d_forward` in training.

    grad_out: (N, C, H, W); cache: from your `batchnorm2d_forward`.
    Returns (grad_x, grad_gamma, grad_beta), of shapes (N, C, H, W), (C,) and (C,).
    """
    ### BEGIN SOLUTION
    n, channels, height, width = grad_out.shape
    rows = grad_out.movedim(1, -1).reshape(-1, channels)
    grad_rows, grad_gamma, grad_beta = batchnorm_backward_simplified(rows, cache)
    grad_x = grad_rows.reshape(n, height, width, channels).movedim(-1, 1)
    return grad_x, grad_gamma, grad_beta
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "batchnorm2d_backward", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.batchnorm2d_backward(batchnorm2d_backward)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ## 6. One function, four norms
#
# Batch norm has a weakness: it needs a batch. With one image, or a few, its statistics are noise; in
# a language model, sentences have different lengths. But nothing forces you to take the mean over the
# *batch*. Take it over other axes, and you have another norm.
#
# **Predict.** Of the norms in Figure 5, which ones give an image the same output whatever else is in
# the batch? Which of them need running statistics?

# %%
independent_of_the_batch, need_running_statistics = None, None  # your predictions, in words

# %% tags=["showcase"]
n, c = torch.arange(3)[:, None], torch.arange(4)[None]  # three images, four channels
sharing = {
    "batch norm": c + 0 * n,
    "layer norm": n + 0 * c,
    "instance norm": 4 * n + c,
    "group norm, 2 groups": 2 * n + c // 2,
}
tints = ("#CCE3F0", "#FAECCC", "#CCECE3", "#F7DFCC", "#F5E4ED", "#DDF0FB", "#FCFAD9")
fig, axes = plots.panels(1, 4, width=2.5, height=2.6)
for ax, (title, shared) in zip(axes, sharing.items(), strict=True):
    plots.number_grid(ax, shared, title, [[tints[v % 7] for v in row] for row in shared.tolist()])
    ax.set(xlabel="channel", ylabel="image")
plots.show(fig)
print("your predictions:", independent_of_the_batch, "/", need_running_statistics)

# %% [markdown]
# *Figure 5. Each cell is one map, all of its rows and columns. Cells with the same number share one
# mean and one variance.*
#
# Only batch norm's numbers run down a column, from image to image. The others look at one image at a
# time, so they do the same in training and evaluation and need no running statistics.
#
# | norm | x | mean over | γ and β |
# |---|---|---|---|
# | batch norm | `(N, D)` or `(N, C, H, W)` | N, or N, H, W | one per feature or channel |
# | layer norm | `(N, …)` | the last axes, those that γ has | one per place in these last axes |
# | instance norm | `(N, C, H, W)` | H, W | one per channel |
# | group norm | `(N, C, H, W)` | H, W and the channels of a group | one per channel |
#
# **Worked example.** `(2, 6, 4, 4)` in 3 groups: channels 0 and 1 are the first group, 2 and 3 the
# second, 4 and 5 the third. Reshaped to `(2, 3, 2, 4, 4)`, the last three axes are what shares a mean.
#
# **Your turn** · difficulty ●●○ · 12 minutes · 1 point each
#
# Each is a call of your `normalize` and a scale and shift. Mind that `gamma` of shape `(C,)` has to be
# laid along the channel axis: `gamma[:, None, None]` has the shape `(C, 1, 1)`.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "layer_norm-answer", "locked": false, "schema_version": 3, "solution": true}
def layer_norm(x, gamma, beta, eps=1e-5):
    """Layer normalization: mean and variance over the last axes only, those that gamma has.

    x: (N, ..., *shape); gamma, beta: of that shape, such as (D,) or (C, H, W).
    Returns a tensor of the shape of x.
    """
    ### BEGIN SOLUTION
    axes = tuple(range(-gamma.ndim, 0))
    return normalize(x, axes, eps) * gamma + beta
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "layer_norm", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.layer_norm(layer_norm)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "instance_norm2d-answer", "locked": false, "schema_version": 3, "solution": true}
def instance_norm2d(x, gamma, beta, eps=1e-5):
    """Instance normalization: each map of each image by itself.

    x: (N, C, H, W); gamma, beta: (C,). Returns a tensor of the shape of x.
    """
    ### BEGIN SOLUTION
    return normalize(x, (2, 3), eps) * gamma[:, None, None] + beta[:, None, None]
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "instance_norm2d", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.instance_norm2d(instance_norm2d)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "group_norm-answer", "locked": false, "schema_version": 3, "solution": true}
def group_norm(x, groups, gamma, beta, eps=1e-5):
    """Group normalization: each image by itself, in blocks of neighbouring channels.

    x: (N, C, H, W); groups: how many blocks, divides C; gamma, beta: (C,).
    Returns a tensor of the shape of x.
    """
    ### BEGIN SOLUTION
    n, channels, height, width = x.shape
    blocks = x.reshape(n, groups, channels // groups, height, width)
    x_hat = normalize(blocks, (2, 3, 4), eps).reshape(x.shape)
    return x_hat * gamma[:, None, None] + beta[:, None, None]
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "group_norm", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.group_norm(group_norm)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase"]
seed_everything(0)
maps = torch.randn(2, 6, 4, 4, dtype=torch.float64)
one, zero = torch.ones(6, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)
layer = normalize(maps, (1, 2, 3))
print(
    "one group = layer norm over C, H, W:   ", torch.allclose(group_norm(maps, 1, one, zero), layer)
)
print(
    "a group per channel = instance norm:   ",
    torch.allclose(group_norm(maps, 6, one, zero), instance_norm2d(maps, one, zero)),
)
print(
    "instance norm of maps of one pixel is 0:",
    bool((instance_norm2d(maps[:, :, :1, :1], one, zero) == 0).all()),
)

# %% [markdown]
# ## 7. Fusing
#
# In evaluation, mean and variance are fixed numbers. Then batch norm does nothing but multiply each
# channel by a number and add another one, and the convolution in front of it does just that anyway.
# So the two can become **one** convolution (here the star is the convolution, the dot a product):
#
# $$\gamma \cdot \frac{(w * x + b) - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta
# \;=\; (\ldots w) * x + (\ldots)$$
#
# (The lecture calls it a linear operator. To be exact: affine, since it also adds something.)
#
# **Worked example.** One 1 × 1 filter with w = 3, no bias. Batch norm has γ = 10, β = 3, μ = 8,
# √(σ² + ε) = 5. The scale is 10/5 = 2. So the new weight is 2 · 3 = 6, and the new bias is
# (0 − 8) · 2 + 3 = −13. Try x = 5: 3 · 5 = 15; (15 − 8) · 2 + 3 = **17**; and 6 · 5 − 13 = **17**.
#
# **Predict.** A convolution turns 3 channels into 64 and has no bias. How many more parameters does
# the fused convolution have than it? And if you fuse with the statistics of a *training* batch, does it still hold for
# the next batch?

# %%
more_parameters, holds_for_the_next = None, None  # your predictions

# %% [markdown]
# **Your turn** · difficulty ●●○ · 8 minutes · 2 points


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "fuse_conv_bn-answer", "locked": false, "schema_version": 3, "solution": true}
def fuse_conv_bn(weight, bias, gamma, beta, mean, var, eps=1e-5):
    """One convolution that does what a convolution and batch norm in evaluation mode do.

    weight: (C_out, C_in, kH, kW); bias: (C_out,) or None; gamma, beta, mean, var: (C_out,).
    Returns (weight, bias) of the new convolution, of shapes (C_out, C_in, kH, kW) and (C_out,).
    """
    ### BEGIN SOLUTION
    scale = gamma / (var + eps).sqrt()
    if bias is None:
        bias = torch.zeros_like(mean)
    return weight * scale[:, None, None, None], (bias - mean) * scale + beta
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# Every output channel has its own scale, and the output channel is the *first* axis of `weight`.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "fuse_conv_bn", "locked": true, "points": 2, "schema_version": 3, "solution": false}
check.fuse_conv_bn(fuse_conv_bn)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### What does it save?
#
# The same layer as two operations and as one, on a GPU if there is one. The first layer of a network
# on photographs, and a layer in its middle.


# %% tags=["showcase", "nbval-ignore-output"]
def timed(in_channels, out_channels, size, device):
    """Largest relative difference of the fused layer, and seconds apart and fused."""
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False).to(device)
    norm = nn.BatchNorm2d(out_channels).to(device).eval()
    nn.init.uniform_(norm.running_var, 0.5, 2)
    x = torch.randn(4, in_channels, size, size, device=device)
    fused = nn.Conv2d(in_channels, out_channels, 3, padding=1).to(device)
    with torch.no_grad():
        numbers = norm.weight, norm.bias, norm.running_mean, norm.running_var
        for parameter, value in zip(
            fused.parameters(), fuse_conv_bn(conv.weight, None, *numbers), strict=True
        ):
            parameter.copy_(value)
        apart, together = norm(conv(x)), fused(x)
        difference = ((apart - together).abs().max() / apart.abs().max()).item()
        return difference, seconds(lambda: norm(conv(x)), 20), seconds(lambda: fused(x), 20)


seed_everything(0)
device, table = pick_device(), []
for name, shape in {"3 → 64, 112²": (3, 64, 112), "32 → 64, 28²": (32, 64, 28)}.items():
    difference, apart, fused = timed(*shape, device)
    table.append(
        [
            name,
            f"{difference:.0e}",
            f"{1000 * apart:.2f}",
            f"{1000 * fused:.2f}",
            f"{apart / fused:.2f}",
        ]
    )
print("your predictions:", more_parameters, holds_for_the_next)
plots.table(["layer", "difference", "apart, ms", "fused, ms", "times faster"], table)

# %% [markdown]
# *Table 1. Measured where this notebook ran last. The difference is rounding in float32.*
#
# Batch norm in evaluation needs little arithmetic, but it reads and writes every output once more.
# Fusing saves that trip: much where the convolution itself is cheap, little where it is dear. The fused
# convolution has 64 parameters more, the biases; in all it stores fewer numbers, since γ, β, μ and σ² are
# gone. It holds for every batch, but only with the fixed statistics of evaluation.

# %% [markdown]
# ## 8. Two bug reports
#
# Batch norm's bugs are quiet: no error, right shapes, plausible numbers. Here are two reports, each
# with the code in question. Find out what is wrong, and write it right.
#
# ### Report 1: "The accuracy depends on how many images we ask about at once"
#
# **Predict.** The code is below. What is wrong with it? What will be its accuracy with batches of 2?

# %%
what_is_wrong, accuracy_with_2 = None, None  # your predictions


# %%
def predict_reported(model, images):
    with torch.no_grad():
        return model(images)


def shuffled_digits():
    """The digits in an order that is random, but always the same, with mean 0 and variance 1."""
    images, labels = digits()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return (images[order] - images.mean()) / images.std(), labels[order]


def small_model(seed):
    """A model with batch norm, trained for a few epochs on the first 1,280 digits."""
    torch.set_num_threads(1)  # so small a model gains nothing from more
    seed_everything(seed)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 64, bias=False),
        nn.BatchNorm1d(64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    images, labels = shuffled_digits()
    for _ in range(5):
        for batch in torch.randperm(1280).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
    return model


def accuracy(predict, model, batch_size):
    images, labels = (part[1280:1792] for part in shuffled_digits())
    scores = torch.cat([predict(model, batch) for batch in images.split(batch_size)])
    return (scores.argmax(dim=1) == labels).double().mean().item()


# %% tags=["showcase", "nbval-ignore-output"]
print("your predictions:", what_is_wrong, "/", accuracy_with_2)
sizes = (2, 4, 16, 128)
rows = [
    [seed, *(f"{accuracy(predict_reported, model, size):.0%}" for size in sizes)]
    for seed, model in ((seed, small_model(seed)) for seed in range(3))
]
plots.table(["seed", *(f"batches of {size}" for size in sizes)], rows)

# %% [markdown]
# *Table 2. The reported function, three trained models, 512 further digits. With single images,
# PyTorch raises an error.*
#
# **Your turn** · difficulty ●○○ · 5 minutes · 1 point
#
# Write `predict` so that the answer for an image depends on that image only. It may be called in the
# middle of training, so it must leave the model as it found it: in the same mode, with the same
# statistics.


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "predict-answer", "locked": false, "schema_version": 3, "solution": true}
def predict(model, images):
    """Scores of a model in evaluation mode; the model is left in the mode it was in.

    model: an nn.Module; images: a batch. Returns the model's output.
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    with torch.no_grad():
        scores = model(images)
    model.train(was_training)
    return scores
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint</summary>
#
# `model.training` says in which mode a model is; `model.eval()` and `model.train(True or False)` change
# it. `torch.no_grad()` only switches off the recording for autograd.
# </details>

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "predict", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.predict(predict)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% tags=["showcase", "nbval-ignore-output"]
rows = [
    [seed, *(f"{accuracy(predict, model, size):.0%}" for size in (1, *sizes))]
    for seed, model in ((seed, small_model(seed)) for seed in range(3))
]
plots.table(["seed", *(f"batches of {size}" for size in (1, *sizes))], rows)

# %% [markdown]
# *Table 3. The same models with your `predict`: the batch no longer matters.*
#
# ### Report 2: "On grey pictures it works, on colour pictures the statistics are odd"
#
# A colleague wants to replace the running statistics of a trained network by exact ones, and computes
# them with the function below. (Its variance is the biased one; over very many values that makes no
# difference.) The picture in the cell is a test: red is 0 everywhere, green is 10, blue
# is 20.
#
# **Predict.** Mean and variance of the three channels should be 0, 10, 20 and 0, 0, 0. What does the
# function say, about?

# %%
reported_means = None  # your prediction, three numbers


# %%
def channel_statistics_reported(x):
    rows = x.reshape(-1, x.shape[1])
    return rows.mean(dim=0), rows.var(dim=0, unbiased=False)


flat = torch.tensor([0.0, 10, 20])[:, None, None].expand(1, 3, 4, 4)
print("your prediction:", reported_means)
for name, values in zip(("means", "variances"), channel_statistics_reported(flat), strict=True):
    print(f"{name}: {[round(v, 1) for v in values.tolist()]}")

# %% [markdown]
# **Your turn** · difficulty ●○○ · 5 minutes · 1 point


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "channel_statistics-answer", "locked": false, "schema_version": 3, "solution": true}
def channel_statistics(x):
    """Mean and biased variance of each channel, over images, rows and columns.

    x: (N, C, H, W). Returns (mean, var), both (C,).
    """
    ### BEGIN SOLUTION
    mean = x.mean(dim=(0, 2, 3))
    return mean, ((x - mean[:, None, None]) ** 2).mean(dim=(0, 2, 3))
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "channel_statistics", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.channel_statistics(channel_statistics)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### In your own words (2 points)
#
# An app classifies photographs one at a time, with a network whose batch norm layers all stand behind
# convolutions (so PyTorch raises no error). In the tests, with batches of 128, the network was right
# in 98 % of all cases; in the app its answers are worthless. Nobody has called `model.eval()`. In three
# to five sentences: what happens to a single photograph in the app, why did the tests not show it, and
# why is it not enough to send photographs in larger batches?

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "written_batch", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN SOLUTION
# **Model answer (2 points).** In training mode, batch norm normalises with the mean and variance of
# the batch it is given. Behind a convolution, a batch of one photograph is normalised with its own
# statistics, so whatever distinguishes it as a whole from other photographs is removed; behind a fully
# connected layer nothing but β would be left. In the tests, 128 mixed photographs have nearly the
# statistics of the training data, so the mistake was hardly visible. With larger batches the answers
# look better, but the answer for one photograph still depends on the others that happen to be in its
# batch, and the running statistics keep changing with every call. The remedy is `model.eval()`, which
# uses the fixed running statistics.
#
# **Rubric.** 1 point: training mode uses the batch's statistics, and what that does to a single
# photograph. ½ point: large mixed batches come close to the training statistics, so tests look fine.
# ½ point: even then the answer depends on the batch mates (or the statistics keep changing).
#
# **Half marks (1 point).** "The model is in training mode, so batch norm uses the statistics of the one
# photo instead of the running ones. One has to call eval()." Right, but it explains neither the tests
# nor why larger batches are no remedy.
# ### END SOLUTION

# %% [markdown]
# ## 9. Numbers and an experiment
#
# **Your turn** · difficulty ●○○ · 5 minutes · 1 point
#
# - `learned`: how many numbers does one batch norm layer over 64 channels learn?
# - `stored`: how many does it store in all, the learned ones and the running statistics together?
#   (PyTorch's counter of batches, `num_batches_tracked`, does not count.)
# - `vgg16_bn`: how many *learned* numbers does VGG-16 gain with a batch norm layer behind each of its
#   convolutions? They have 64, 64, 128, 128, 256, 256, 256 and six times 512 filters. The biases of the
#   convolutions stay.
# - `torch_momentum`: the `momentum` that gives the lecture's 0.99 · old + 0.01 · new in PyTorch.
# - `share_after_100`: a running mean starts at 0; which share of the true mean does it show after 100
#   such updates (between 0 and 1)?
#
# The check says only whether all answers are there. Replace each `...`, and delete the two lines below
# the dict.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "bn_numbers-answer", "locked": false, "schema_version": 3, "solution": true}
bn_numbers = {
    "learned": ...,
    "stored": ...,
    "vgg16_bn": ...,
    "torch_momentum": ...,
    "share_after_100": ...,
}
### BEGIN SOLUTION
filters = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
bn_numbers = {
    "learned": 2 * 64,
    "stored": 4 * 64,
    "vgg16_bn": 2 * sum(filters),
    "torch_momentum": 0.01,
    "share_after_100": 1 - 0.99**100,
}
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "bn_numbers", "locked": true, "points": 1, "schema_version": 3, "solution": false}
check.bn_numbers(bn_numbers)
### BEGIN HIDDEN TESTS
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    raise RuntimeError("Not judged: the judge is not configured, so this cell scores nothing.")
### END HIDDEN TESTS

# %% [markdown]
# ### What happens to a signal in a deep network?
#
# Thirty random linear layers with ReLU, 100 features each. Nothing is trained; we only look at how
# large the numbers are, layer by layer. The weights start a little too small, just right, or a little
# too large.
#
# **Predict.** By which factor has the signal changed after 30 layers if each weight is 30 % too large?

# %%
factor_after_30 = None  # your prediction


# %% tags=["showcase"]
def spread_by_depth(scale, with_norm, depth=30):
    """Root mean square of the features behind each layer."""
    seed_everything(0)
    x, sizes = torch.randn(256, 100, dtype=torch.float64), []
    for _ in range(depth):
        x = x @ torch.randn(100, 100, dtype=torch.float64) * scale * (2 / 100) ** 0.5
        x = (normalize(x, 0) if with_norm else x).relu()
        sizes.append(x.pow(2).mean().sqrt().item())
    return sizes


fig, axes = plots.panels(1, 2, width=4.2, height=3.0, sharey=True)
for ax, with_norm in zip(axes, (False, True), strict=True):
    lines = [(f"weights x {scale}", spread_by_depth(scale, with_norm)) for scale in (0.7, 1, 1.3)]
    title = "with batch norm" if with_norm else "without batch norm"
    plots.curves(ax, lines, title, "layer", "size of the features (RMS)")
    ax.set_yscale("log")
plots.show(fig)
print("your prediction:", factor_after_30, "  1.3 to the power 30 is", round(1.3**30))

# %% [markdown]
# *Figure 6. Left: an error of 30 % per layer becomes a factor of thousands in 30 layers. Right: the
# three lines lie on each other; what one layer does wrong is gone in the next.*
#
# ### Does it help in training?
#
# **Hypothesis.** With batch norm, a network can be trained at a learning rate at which it learns
# nothing without.
#
# **Experiment.** A network of LeNet's shape with ReLU on the 8 × 8 digits, enlarged to 32 × 32; 1,280
# digits to learn from, 517 to test on; 8 epochs of batches of 64. Only one thing changes: a
# batch norm layer in front of each ReLU, or none. Gradient descent with momentum 0.9, learning rate 0.3, three
# seeds.
#
# **Predict.** What will be the test accuracy without batch norm, and with it?

# %%
accuracy_without, accuracy_with = None, None  # your predictions


# %%
def lenet_shape(with_norm):
    """A network of LeNet's shape with ReLU, with or without batch norm in front of each ReLU."""
    layers = [nn.Upsample(scale_factor=4)]
    for in_channels, out_channels in ((1, 6), (6, 16)):
        layers += [nn.Conv2d(in_channels, out_channels, 5)]
        layers += [nn.BatchNorm2d(out_channels)] * with_norm + [nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Flatten()]
    for in_features, out_features in ((400, 120), (120, 84)):
        layers += [nn.Linear(in_features, out_features)]
        layers += [nn.BatchNorm1d(out_features)] * with_norm + [nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(84, 10))


def train_digits(with_norm, lr, seed, momentum=0.9, epochs=8):
    """Test accuracy after each epoch."""
    torch.set_num_threads(1)  # so small a network gains nothing from more
    images, labels = shuffled_digits()
    seed_everything(seed)
    net = lenet_shape(with_norm)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
    accuracies = []
    for _ in range(epochs):
        net.train()
        for batch in torch.randperm(1280).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
        right = predict(net, images[1280:]).argmax(dim=1) == labels[1280:]
        accuracies.append(right.double().mean().item())
    return accuracies


# %% tags=["showcase", "nbval-ignore-output"]
runs = {
    (with_norm, lr): [train_digits(with_norm, lr, seed) for seed in range(3)]
    for lr in (0.3, 0.03)
    for with_norm in (False, True)
}
fig, axes = plots.panels(1, 2, width=4.2, height=3.2, sharey=True)
for ax, lr in zip(axes, (0.3, 0.03), strict=True):
    lines = [
        (f"{'with' if with_norm else 'without'}, seed {seed}", values)
        for with_norm in (False, True)
        for seed, values in enumerate(runs[with_norm, lr])
    ]
    plots.curves(ax, lines, f"learning rate {lr}", "epoch", "test accuracy")
plots.show(fig)
print("your predictions:", accuracy_without, accuracy_with)
rows = [
    [lr, "with" if with_norm else "without", *(f"{run[-1]:.1%}" for run in results)]
    for (with_norm, lr), results in runs.items()
]
plots.table(["learning rate", "batch norm", "seed 0", "seed 1", "seed 2"], rows)

# %% [markdown]
# *Figure 7 and Table 4. Test accuracy after each epoch, and after the last one. Chance is 10 %.*
#
# At 0.3 the network without batch norm ends at chance in all three runs; with it, it learns in all
# three. The right picture shows the limit of the claim: at 0.03 the network **also learns without**
# batch norm. (At 0.3, too, if you set `momentum=0`: try it.) What batch norm bought here is not so much
# a better network as a wider range of settings that work. One data set, one network, three seeds: it
# says nothing about larger nets, and nothing about *why*. The reason is still being argued about.
#
# A footnote for your own experiments: with 1,347 digits and batches of 64, the last batch of each epoch
# would hold 3 digits. Its statistics are mostly noise, and the accuracy with batch norm jumps about.
# Here the numbers were chosen to divide.

# %% [markdown]
# ## 10. Slide check
#
# Here are the statements of the lecture about normalization, computed before your eyes. First those
# that you can trust as they stand.

# %% tags=["showcase"]
seed_everything(0)
x = 2 * torch.randn(50, 5, dtype=torch.float64) + 1.5
maps = torch.randn(4, 8, 6, 6, dtype=torch.float64)
one, zero = torch.ones(5, dtype=torch.float64), torch.zeros(5, dtype=torch.float64)
torchs = nn.BatchNorm1d(5, momentum=0.01, dtype=torch.float64)
ours, mean, var = torchs(x), zero.clone(), one.clone()
out, cache = reference.batchnorm_forward(x, one, zero, mean, var, True, momentum=0.01)
mu, sigma2 = x.mean(dim=0), x.var(dim=0, unbiased=False)


def same(a, b):
    return "the same" if torch.allclose(a, b, atol=1e-12) else "different"


def shape(values):
    return "x".join(map(str, values.shape))


exact = torch.autograd.gradcheck(
    lambda v: reference.normalize(v, 0), x[:6].clone().requires_grad_()
)

# %% tags=["showcase"]
layer, instance = nn.LayerNorm(5, dtype=torch.float64), nn.InstanceNorm2d(8)
per_channel = maps.mean(dim=(0, 2, 3), keepdim=True)
agree = [
    ["mean and variance of a batch", "sums divided by N",
     f"PyTorch's layer: {same(ours, (x - mu) / (sigma2 + 1e-5).sqrt())}"],
    ["learned numbers for D = 5", "γ and β, D each", sum(p.numel() for p in torchs.parameters())],
    ["running mean from 0", "0.99 · old + 0.01 · new",
     f"PyTorch with momentum 0.01: {same(torchs.running_mean, 0.01 * mu)}"],
    ["normalising is differentiable", "backprop through it", f"numerical gradients agree: {exact}"],
    ["fully connected: μ, σ, γ, β", "1xD", shape(x.mean(dim=0, keepdim=True))],
    ["convolutional: μ, σ, γ, β", "1xCx1x1, C = 8", shape(per_channel)],
    ["layer norm: μ, σ", "Nx1", shape(x[:4].mean(dim=1, keepdim=True))],
    ["instance norm: μ, σ", "NxCx1x1", shape(maps.mean(dim=(2, 3), keepdim=True))],
    ["layer norm in training and evaluation", "the same",
     same(layer.train()(x), layer.eval()(x))],
    ["instance norm in training and evaluation", "the same",
     same(instance.train()(maps), instance.eval()(maps))],
]  # fmt: skip
plots.table(["claim", "the slides say", "computed here"], agree)

# %% [markdown]
# *Table 5. These agree. So does the place of the layer: behind the convolution or the fully connected
# layer, in front of the nonlinearity.*
#
# These are right once one says what is meant:

# %% tags=["showcase"]
scaled = sigma2.sqrt() * reference.normalize(x, 0) + mu
undone = (sigma2 + 1e-5).sqrt() * reference.normalize(x, 0) + mu
at_zero = reference.batchnorm_forward(0 * x[:1], one, one, mu.clone(), one.clone(), False)[0]
footnotes = [
    ["the formula with 1/N Σ (x − μ)²", "“std”",
     f"it is the variance: {sigma2[0]:.3f}; its root is {sigma2[0].sqrt():.3f}"],
    ["γ = σ, β = μ gives the identity", "in expectation",
     f"off by {(scaled - x).abs().max():.0e}; with γ = √(σ² + ε): {same(undone, x)}"],
    ["the output has variance 1", "zero mean, unit variance",
     f"{out.var(dim=0, unbiased=False).min():.6f}: σ²/(σ² + ε) is a little less"],
    ["0.99 and 0.01", "running averages",
     f"after 100 steps from 0, {1 - 0.99**100:.0%} of the mean; PyTorch's default is 0.9 and 0.1"],
    ["σ at test time", "running average of what was seen",
     f"PyTorch keeps the unbiased variance, {50 / 49:.3f} times the other for N = 50"],
    ["batch norm at test time", "a linear operator",
     f"affine: for x = 0 it gives {at_zero[0, 0]:.2f}, not 0"],
]  # fmt: skip
plots.table(["claim", "the slides say", "computed here"], footnotes)

# %% [markdown]
# *Table 6. Footnotes.*
#
# And three lines are misprinted. Each is right elsewhere in the same slides.

# %% tags=["showcase"]
plus = (x + mu) / (sigma2 + 1e-5).sqrt()
layer_hat = reference.normalize(x, 1)
row_mean = x.mean(dim=1, keepdim=True)
gamma, beta = one * 2, one * 3
right_layer = torch.nn.functional.layer_norm(x, (5,), gamma, beta)
misprints = [
    ["x_hat, on the slide about test time", "(x + μ)/√(σ² + ε)", "(x − μ)/√(σ² + ε)",
     f"mean of x_hat with +: {plus.mean():.2f}, with −: {abs(out.mean()):.2f}"],
    ["shape beside “Normalize” for maps", "μ, σ: 1xCxHxW", "x: NxCxHxW; μ, σ: 1xCx1x1",
     f"for {shape(maps)}: {shape(per_channel)}"],
    ["layer norm's output", "(x − μ)/σ · γ + μ", "(x − μ)/σ · γ + β",
     f"PyTorch's: with μ {same(right_layer, layer_hat * gamma + row_mean)},"
     f" with β {same(right_layer, layer_hat * gamma + beta)}"],
]  # fmt: skip
plots.table(["where", "printed", "meant", "computed here"], misprints)

# %% [markdown]
# *Table 7. Three slips of the pen. Whoever copies a formula should test it on one column of numbers.*
#
# All that the lectures claim about normalization stands in one table, `helpers.claims`. What of it can be
# computed is computed by the course's own code. Once more, all at once:

# %% tags=["showcase"]
from helpers import claims

print(claims.summary("batchnorm", "norm-zoo"))

# %% [markdown]
# `claims.show("batchnorm", "norm-zoo")` lists them, and with `verdicts=["wrong", "conflicting"]` those that do not
# hold.
#
# ### Going further
#
# - Send your `batchnorm2d_forward` and `batchnorm2d_backward` through the "learn a filter" experiment
#   of the first notebook: does the learning rate matter less?
# - Freeze the statistics of the small model of part 8 after two epochs and train on. What is fitted to
#   what?
# - Replace batch norm by group norm in `lenet_shape`, and train with batches of 2.
#
# ### References
#
# - S. Ioffe, C. Szegedy, *Batch normalization: accelerating deep network training by reducing internal
#   covariate shift*, ICML 2015, arXiv:1502.03167. Algorithms 1 and 2; section 3.2: maps.
# - S. Santurkar, D. Tsipras, A. Ilyas, A. Mądry, *How does batch normalization help optimization?*,
#   NeurIPS 2018, arXiv:1805.11604: doubts about the explanation in the first paper's title.
# - J. L. Ba, J. R. Kiros, G. E. Hinton, *Layer normalization*, 2016, arXiv:1607.06450.
# - D. Ulyanov, A. Vedaldi, V. Lempitsky, *Instance normalization: the missing ingredient for fast
#   stylization*, 2016, arXiv:1607.08022.
# - Y. Wu, K. He, *Group normalization*, ECCV 2018, arXiv:1803.08494. Figure 2: the norms side by side.
# - DeepRob, *CNN architectures*: the lecture whose formulas part 10 checks.
