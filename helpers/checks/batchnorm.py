"""Visible checks of the notebook on batch normalization, and the mistakes they know by name.

Each mistake is the right function with an argument or a result changed, so that the list gives
no solution away. A forward pass changes the running statistics in place and returns a cache that
only its own backward pass understands; the functions `ask_...` make something comparable of both.
"""

from functools import partial

import torch

from helpers import normalization as reference
from helpers.checks import check, check_numbers
from helpers.checks.convolution import normal
from helpers.checks.exercise import Case, Exercise, mistake

# Asking -------------------------------------------------------------------------------------


def ask_forward(forward, x, gamma, beta, running_mean, running_var, *rest):
    """What a forward pass returned, and what it made of the running statistics."""
    mean, var = running_mean.clone(), running_var.clone()
    answer = forward(x, gamma, beta, mean, var, *rest)
    if answer is None:
        return None
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise TypeError("it should return two things: out and cache")
    return {"out": answer[0], "running_mean": mean, "running_var": var}


def ask_backward(backward, forward, grad_out, x, gamma, beta, eps):
    """The gradients, from the cache of a forward pass in training."""
    statistics = torch.zeros_like(gamma), torch.ones_like(gamma)
    try:
        _, cache = forward(x, gamma, beta, *statistics, True, 0.1, eps)
    except (NotImplementedError, TypeError):
        try:
            backward(grad_out, None)
        except NotImplementedError:  # then this one is not attempted either
            raise
        except Exception:
            pass
        raise RuntimeError("the forward pass gave no cache: finish it first") from None
    return backward(grad_out, cache)


def ask_predict(predict, images, weight, gamma, beta, mean, var, training):
    """Scores of a small model with batch norm, and the state that the function left it in."""
    norm = torch.nn.BatchNorm1d(len(gamma)).to(images.dtype)
    linear = torch.nn.Linear(weight.shape[1], len(weight), bias=False).to(images.dtype)
    with torch.no_grad():
        values = (weight, gamma, beta, mean, var)
        kept = (linear.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
        for parameter, value in zip(kept, values, strict=True):
            parameter.copy_(value)
    model = torch.nn.Sequential(linear, norm, torch.nn.ReLU()).train(training)
    scores = predict(model, images)
    if scores is None:
        return None
    return {"scores": scores, "training": model.training, "running_mean": norm.running_mean}


# Inputs -------------------------------------------------------------------------------------


def per_channel(rng, channels):
    """gamma, beta, running_mean, running_var: gammas of both signs and variances above zero."""
    sign = torch.from_numpy(rng.choice([-1.0, 1.0], channels))
    gamma = sign * (0.5 + normal(rng, channels).abs())
    return gamma, normal(rng, channels), normal(rng, channels), 0.5 + normal(rng, channels).abs()


def off_centre(rng, *shape):
    """Values whose channels have means and spreads of their own."""
    apart = (1, shape[1], *[1] * (len(shape) - 2))
    return normal(rng, *shape) * (0.5 + normal(rng, *apart).abs()) + 3 * normal(rng, *apart)


def forward_inputs(shape, training, momentum=0.1, eps=1e-5, same=False):
    """Inputs of a forward pass; same: the first channel holds one value only."""

    def make(rng):
        x = off_centre(rng, *shape)
        if same:
            x[:, 0] = 0.75
        return x, *per_channel(rng, shape[1]), training, momentum, eps

    return make


def backward_inputs(shape, eps=1e-5):
    """Inputs (grad_out, x, gamma, beta, eps); the gradients do not sum to zero."""

    def make(rng):
        gamma, beta, *_ = per_channel(rng, shape[1])
        return normal(rng, *shape) + 0.5, off_centre(rng, *shape), gamma, beta, eps

    return make


# Normalize ----------------------------------------------------------------------------------


@mistake(
    "the variance is the unbiased one",
    "`torch.var` divides by m − 1 unless you say `unbiased=False`; here one divides by m.",
)
def unbiased_variance(right, x, axes, eps):
    values = x.numel() // x.sum(axes).numel()
    return right(x, axes, eps * (values - 1) / values) * ((values - 1) / values) ** 0.5


@mistake(
    "eps is added to the standard deviation", "eps belongs under the root, beside the variance."
)
def eps_outside_the_root(right, x, axes, eps):
    exact = right(x, axes, 0)
    spread = (x - x.mean(axes, keepdim=True)).pow(2).mean(axes, keepdim=True).sqrt()
    return exact * spread / (spread + eps)


@mistake("it divides by the variance", "Divide by its root: then the result has no unit.")
def divided_by_the_variance(right, x, axes, eps):
    z = right(x, axes, eps)
    centred = x - x.mean(axes, keepdim=True)
    return torch.where(centred == 0, z, z * z / torch.where(centred == 0, 1.0, centred))


@mistake(
    "mean and variance are taken over everything", "Hand `axes` on, with `dim=` and `keepdim=True`."
)
def all_axes_at_once(right, x, axes, eps):
    return right(x, tuple(range(x.ndim)), eps)


def normalize_inputs(shape, axes, eps=1e-5):
    """Inputs (x, axes, eps) from the shape of x."""
    return lambda rng: (off_centre(rng, *shape), axes, eps)


NORMALIZE = Exercise(
    "normalize",
    reference.normalize,
    cases=[
        Case("the columns of a matrix", normalize_inputs((4, 3), 0)),
        Case("the rows of a matrix", normalize_inputs((4, 3), 1)),
        Case("several axes", normalize_inputs((3, 2, 4, 3), (0, 2, 3))),
        Case("axes counted from the end", normalize_inputs((3, 2, 4), (-2, -1))),
        Case("a large eps", normalize_inputs((4, 3), 0, 0.5)),
        Case("float32", normalize_inputs((5, 2), 0), "float32", keeps_dtype=True),
    ],
    mistakes=[unbiased_variance, eps_outside_the_root, divided_by_the_variance, all_axes_at_once],
    section="Centre and scale",
    normwise=True,
)

# Forward ------------------------------------------------------------------------------------


def trained(right, x, gamma, beta, mean, var, momentum=0.1, eps=1e-5):
    """The forward pass in training; from one row, which has no variance, it makes what it can."""
    if x.numel() > x.shape[1]:
        return right(x, gamma, beta, mean, var, True, momentum, eps)
    mean.lerp_(x[0], momentum)
    var.fill_(torch.nan)
    return 0 * x + beta, None


@mistake(
    "the training flag is ignored",
    "In evaluation, the running statistics normalise, and nothing changes them.",
)
def flag_ignored(right, x, gamma, beta, mean, var, training, *rest):
    return trained(right, x, gamma, beta, mean, var, *rest)


@mistake(
    "evaluation normalises with the batch's own statistics",
    "At test time, an answer must not depend on what else is in the batch.",
)
def batch_statistics_in_evaluation(right, x, gamma, beta, mean, var, training, *rest):
    if training:
        return right(x, gamma, beta, mean, var, training, *rest)
    return trained(right, x, gamma, beta, mean.clone(), var.clone(), *rest)


@mistake("the running statistics also change in evaluation", "Update them in training mode only.")
def updated_in_evaluation(right, x, gamma, beta, mean, var, training, *rest):
    answer = right(x, gamma, beta, mean, var, training, *rest)
    if not training:
        trained(right, x, gamma, beta, mean, var, *rest)
    return answer


@mistake(
    "the variance that normalises is the unbiased one",
    "`torch.var` divides by m − 1 unless you say `unbiased=False`; a batch is normalised with m.",
)
def normalised_with_unbiased_variance(
    right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5
):
    m = x.numel() // x.shape[1]
    if not training:
        return right(x, gamma, beta, mean, var, training, momentum, eps)
    factor = ((m - 1) / m) ** 0.5  # the same as a smaller eps, and everything a little smaller
    out, cache = right(x, gamma, beta, mean, var, True, momentum, eps * (m - 1) / m)
    middle = beta.reshape(-1, *[1] * (x.ndim - 2))
    return middle + (out - middle) * factor, cache


@mistake(
    "running_var is updated with the biased variance",
    "It estimates the variance of all data, so it takes the unbiased one: divided by m − 1.",
)
def running_variance_biased(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    before, m = var.clone(), x.numel() // x.shape[1]
    answer = right(x, gamma, beta, mean, var, training, momentum, eps)
    if training:
        var.sub_((var - (1 - momentum) * before) / m)
    return answer


@mistake(
    "momentum is the weight of the old value",
    "Here it is the weight of the new one: (1 − momentum) · old + momentum · batch.",
)
def momentum_reversed(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    return right(x, gamma, beta, mean, var, training, 1 - momentum, eps)


@mistake(
    "the running statistics are not updated in place",
    "`running_mean = …` only gives a name to a new tensor. Change the old one: `running_mean[:] =`"
    " or `running_mean.mul_(…)`.",
)
def statistics_not_in_place(right, x, gamma, beta, mean, var, *rest):
    return right(x, gamma, beta, mean.clone(), var.clone(), *rest)


@mistake(
    "gamma and beta are left out", "After normalising, scale by gamma and add beta, in both modes."
)
def scale_and_shift_forgotten(right, x, gamma, beta, *rest):
    return right(x, torch.ones_like(gamma), torch.zeros_like(beta), *rest)


FORWARD_PARTS = ("out", "running_mean", "running_var")

BATCHNORM_FORWARD = Exercise(
    "batchnorm_forward",
    reference.batchnorm_forward,
    cases=[
        Case("training: four rows, three features", forward_inputs((4, 3), True)),
        Case("training: eps 0.1", forward_inputs((5, 2), True, 0.1, 0.1)),
        Case("training: momentum 0.01", forward_inputs((3, 4), True, 0.01)),
        Case("evaluation: four rows", forward_inputs((4, 3), False)),
        Case("evaluation: one row", forward_inputs((1, 3), False)),
        Case("float32", forward_inputs((6, 2), True), "float32", keeps_dtype=True),
    ],
    mistakes=[
        flag_ignored, batch_statistics_in_evaluation, updated_in_evaluation,
        normalised_with_unbiased_variance, running_variance_biased, momentum_reversed,
        statistics_not_in_place, scale_and_shift_forgotten,
    ],
    parts=FORWARD_PARTS,
    section="The forward pass",
    ask=ask_forward,
    normwise=True,
)  # fmt: skip

# Backward -----------------------------------------------------------------------------------


def paths(right, grad_out, cache):
    """grad_x; then with mean and variance taken as constants, without the mean, the variance.

    The factor of the direct path, gamma / std, comes from sending a gradient back many times: what
    survives has nothing left that the mean or the variance could take away.
    """
    axes = [axis for axis in range(grad_out.ndim) if axis != 1]
    survivor = grad_out
    for _ in range(60):
        survivor = right(survivor, cache)[0]
        survivor = survivor / (survivor**2).sum(axes, keepdim=True).sqrt()
    factor = (survivor * right(survivor, cache)[0]).sum(axes, keepdim=True)
    whole, direct = right(grad_out, cache)[0], factor * grad_out
    without_mean = whole + direct.mean(axes, keepdim=True)
    return whole, direct, without_mean, direct + whole - without_mean


@mistake(
    "mean and variance are taken as constants",
    "Each x also acts through the mean and the variance, on every row: three paths, added up.",
)
def statistics_taken_as_constants(right, grad_out, cache):
    return paths(right, grad_out, cache)[1], *right(grad_out, cache)[1:]


@mistake(
    "the path through the mean is missing", "Moving one x moves the mean, and with it every row."
)
def mean_path_missing(right, grad_out, cache):
    return paths(right, grad_out, cache)[2], *right(grad_out, cache)[1:]


@mistake(
    "the path through the variance is missing",
    "Moving one x changes the spread, by which every row is divided.",
)
def variance_path_missing(right, grad_out, cache):
    return paths(right, grad_out, cache)[3], *right(grad_out, cache)[1:]


@mistake(
    "gamma is missing in grad_x",
    "Between x_hat and out stands a factor gamma; on the way back it stands there too.",
)
def gamma_missing(right, grad_out, cache):
    grad_x, *rest = right(grad_out, cache)  # a cache of the course holds gamma in second place
    return grad_x / cache[1].reshape(-1, *[1] * (grad_out.ndim - 2)), *rest


@mistake(
    "grad_gamma and grad_beta are averaged over the batch",
    "Every row used gamma and beta: add up what the rows send back.",
)
def parameter_gradients_averaged(right, grad_out, cache):
    grad_x, grad_gamma, grad_beta = right(grad_out, cache)
    m = grad_out.numel() // grad_out.shape[1]
    return grad_x, grad_gamma / m, grad_beta / m


@mistake("grad_gamma and grad_beta are exchanged", "Return grad_x, grad_gamma, grad_beta.")
def parameter_gradients_exchanged(right, grad_out, cache):
    grad_x, grad_gamma, grad_beta = right(grad_out, cache)
    return grad_x, grad_beta, grad_gamma


@mistake(
    "the sums over the batch are not divided by the number of rows",
    "Mean and variance are means: each row has a share of 1/N in them.",
)
def sums_not_divided(right, grad_out, cache):
    whole, direct, *_ = paths(right, grad_out, cache)
    m = grad_out.numel() // grad_out.shape[1]
    return direct + m * (whole - direct), *right(grad_out, cache)[1:]


@mistake(
    "the path through the variance has the wrong sign",
    "A larger variance makes the outputs smaller: the exponent −½ brings a minus.",
)
def variance_path_negated(right, grad_out, cache):
    whole, *_, without_variance = paths(right, grad_out, cache)
    return 2 * without_variance - whole, *right(grad_out, cache)[1:]


BACKWARD_PARTS = ("grad_x", "grad_gamma", "grad_beta")

BATCHNORM_BACKWARD = Exercise(
    "batchnorm_backward",
    reference.batchnorm_backward,
    cases=[
        Case("four rows, one feature", backward_inputs((4, 1))),
        Case("five rows, three features", backward_inputs((5, 3))),
        Case("three rows, four features", backward_inputs((3, 4))),
        Case("eps 0.1", backward_inputs((4, 2), 0.1)),
        Case("float32", backward_inputs((6, 2)), "float32", keeps_dtype=True),
    ],
    mistakes=[
        statistics_taken_as_constants, mean_path_missing, variance_path_missing, gamma_missing,
        parameter_gradients_averaged, parameter_gradients_exchanged, sums_not_divided,
        variance_path_negated,
    ],
    parts=BACKWARD_PARTS,
    section="The backward pass",
    ask=ask_backward,
    uses={"batchnorm_forward": reference.batchnorm_forward},
    normwise=True,
)  # fmt: skip

BATCHNORM_BACKWARD_SIMPLIFIED = Exercise(
    "batchnorm_backward_simplified",
    reference.batchnorm_backward,
    cases=BATCHNORM_BACKWARD.cases,
    mistakes=BATCHNORM_BACKWARD.mistakes,
    parts=BACKWARD_PARTS,
    section="One expression",
    ask=ask_backward,
    uses=BATCHNORM_BACKWARD.uses,
    normwise=True,
)

# Maps ---------------------------------------------------------------------------------------


@mistake(
    "the maps are reshaped to rows without moving the channels last",
    "`reshape` keeps the numbers in their order, so channels get mixed. Move the axis first.",
)
def reshaped_without_moving(right, x, *rest):
    out, cache = right(x.reshape(-1, x.shape[1], 1, 1), *rest)
    return out.reshape(x.shape), cache


@mistake(
    "the channels are not moved back after normalising",
    "Reshape to (N, H, W, C) first, then move the last axis to the second place.",
)
def channels_not_moved_back(right, x, *rest):
    out, cache = right(x, *rest)
    return out.movedim(1, -1).reshape(x.shape), cache


@mistake("rows and columns come back exchanged", "The axes go back to (N, C, H, W), in this order.")
def maps_transposed(right, x, *rest):
    out, cache = right(x, *rest)
    return out.transpose(2, 3), cache


BATCHNORM2D_FORWARD = Exercise(
    "batchnorm2d_forward",
    reference.batchnorm2d_forward,
    cases=[
        Case("training: two images, three channels", forward_inputs((2, 3, 4, 4), True)),
        Case("training: maps of 2x5", forward_inputs((3, 2, 2, 5), True)),
        Case("training: one image", forward_inputs((1, 2, 3, 4), True, 0.01, 0.1)),
        Case("evaluation: two images", forward_inputs((2, 3, 3, 2), False)),
        Case("float32", forward_inputs((2, 2, 3, 3), True), "float32", keeps_dtype=True),
    ],
    mistakes=[
        reshaped_without_moving, channels_not_moved_back, maps_transposed,
        batch_statistics_in_evaluation, running_variance_biased,
    ],
    parts=FORWARD_PARTS,
    section="Maps",
    ask=ask_forward,
    normwise=True,
)  # fmt: skip


@mistake(
    "grad_out is reshaped to rows without moving the channels last",
    "It takes the same way as x did in the forward pass: move the axis, then reshape.",
)
def gradient_reshaped_without_moving(right, grad_out, cache):
    n, channels, height, width = grad_out.shape
    rows = grad_out.reshape(n, height, width, channels).movedim(-1, 1)
    grad_x, *rest = right(rows, cache)
    return grad_x.movedim(1, -1).reshape(grad_out.shape), *rest


@mistake(
    "the gradient's channels are not moved back",
    "grad_x has the axes of x: (N, C, H, W).",
)
def gradient_not_moved_back(right, grad_out, cache):
    grad_x, *rest = right(grad_out, cache)
    return grad_x.movedim(1, -1).reshape(grad_x.shape), *rest


@mistake("rows and columns of grad_x come back exchanged", "grad_x has the axes of x.")
def gradient_transposed(right, grad_out, cache):
    grad_x, *rest = right(grad_out, cache)
    return grad_x.transpose(2, 3), *rest


BATCHNORM2D_BACKWARD = Exercise(
    "batchnorm2d_backward",
    reference.batchnorm2d_backward,
    cases=[
        Case("two images, three channels", backward_inputs((2, 3, 4, 4))),
        Case("maps of 2x5", backward_inputs((3, 2, 2, 5))),
        Case("one image", backward_inputs((1, 2, 3, 4), 0.1)),
        Case("float32", backward_inputs((2, 2, 3, 3)), "float32", keeps_dtype=True),
    ],
    mistakes=[
        gradient_reshaped_without_moving, gradient_not_moved_back, gradient_transposed,
        statistics_taken_as_constants, parameter_gradients_averaged, parameter_gradients_exchanged,
    ],
    parts=BACKWARD_PARTS,
    section="Maps",
    ask=ask_backward,
    uses={"batchnorm2d_forward": reference.batchnorm2d_forward},
    normwise=True,
)  # fmt: skip

# Other axes ---------------------------------------------------------------------------------


def affine_inputs(x, *shape, eps=1e-5):
    """Inputs (x, gamma, beta, eps) from the shapes of x and of gamma."""
    return lambda rng: (off_centre(rng, *x), normal(rng, *shape) + 1.5, normal(rng, *shape), eps)


@mistake("gamma is left out", "After normalising, multiply by gamma, then add beta.")
def gamma_left_out(right, x, gamma, *rest):
    return right(x, torch.ones_like(gamma), *rest)


@mistake(
    "the mean over the batch is taken, as in batch norm",
    "Layer norm never looks at another example: the first axis stays out of it.",
)
def normalised_over_the_batch(right, x, gamma, beta, eps):
    columns = x.reshape(len(x), -1).T
    z = right(columns, torch.ones_like(columns[0]), torch.zeros_like(columns[0]), eps)
    return z.T.reshape(x.shape) * gamma + beta


LAYER_NORM = Exercise(
    "layer_norm",
    reference.layer_norm,
    cases=[
        Case("four vectors", affine_inputs((4, 5), 5)),
        Case("two sentences of three words", affine_inputs((2, 3, 4), 4)),
        Case("images, over all their axes", affine_inputs((2, 3, 2, 4), 3, 2, 4)),
        Case("one vector, eps 0.1", affine_inputs((1, 6), 6, eps=0.1)),
    ],
    mistakes=[gamma_left_out, normalised_over_the_batch],
    section="One function, four norms",
    normwise=True,
)


def shape_like(gamma, x):
    """gamma with axes of size one behind it, to go with the channels of x."""
    return gamma.reshape(-1, *[1] * (x.ndim - 2))


@mistake(
    "the channels of an image are normalised together",
    "Instance norm: each map of each image by itself, over rows and columns only.",
)
def channels_together(right, x, gamma, beta, eps):
    one = torch.ones_like(gamma[:1])
    tall = x.reshape(len(x), 1, -1, x.shape[3])
    z = right(tall, one, 0 * one, eps).reshape(x.shape)
    return z * shape_like(gamma, x) + shape_like(beta, x)


@mistake(
    "the images of the batch are normalised together, as in batch norm",
    "Instance norm: each map of each image by itself, over rows and columns only.",
)
def images_together(right, x, gamma, beta, eps):
    tall = x.transpose(0, 1).reshape(1, x.shape[1], -1, x.shape[3])
    out = right(tall, gamma, beta, eps)
    return out.reshape(x.shape[1], len(x), *x.shape[2:]).transpose(0, 1)


INSTANCE_NORM2D = Exercise(
    "instance_norm2d",
    reference.instance_norm2d,
    cases=[
        Case("two images, three channels", affine_inputs((2, 3, 4, 4), 3)),
        Case("maps of 2x5", affine_inputs((3, 2, 2, 5), 2)),
        Case("one image, eps 0.1", affine_inputs((1, 4, 3, 3), 4, eps=0.1)),
    ],
    mistakes=[gamma_left_out, channels_together, images_together],
    section="One function, four norms",
    normwise=True,
)


def group_inputs(x, groups, eps=1e-5):
    """Inputs (x, groups, gamma, beta, eps) from the shape of x."""

    def make(rng):
        values, *rest = affine_inputs(x, x[1], eps=eps)(rng)
        return values, groups, *rest

    return make


@mistake(
    "the channels are dealt out to the groups in turn",
    "A group is a block of neighbouring channels: reshape to (N, groups, C // groups, H, W).",
)
def groups_dealt_out(right, x, groups, gamma, beta, eps):
    order = torch.arange(x.shape[1]).reshape(-1, groups).T.flatten()
    back = order.argsort()
    return right(x[:, order], groups, gamma[order], beta[order], eps)[:, back]


@mistake(
    "`groups` is taken as the number of channels in a group",
    "There are `groups` groups, each of C // groups channels.",
)
def groups_taken_as_size(right, x, groups, *rest):
    return right(x, x.shape[1] // groups, *rest)


GROUP_NORM = Exercise(
    "group_norm",
    reference.group_norm,
    cases=[
        Case("six channels in two groups", group_inputs((2, 6, 3, 4), 2)),
        Case("six channels in three groups", group_inputs((2, 6, 2, 3), 3)),
        Case("one group", group_inputs((2, 3, 3, 3), 1)),
        Case("as many groups as channels", group_inputs((2, 4, 3, 2), 4, 0.1)),
    ],
    mistakes=[groups_dealt_out, groups_taken_as_size],
    section="One function, four norms",
    normwise=True,
)

# Fusing -------------------------------------------------------------------------------------


def fuse_inputs(weight, bias=True, eps=1e-5):
    """Inputs (weight, bias, gamma, beta, mean, var, eps) from the shape of the weights."""

    def make(rng):
        b = normal(rng, weight[0]) if bias else None
        return normal(rng, *weight), b, *per_channel(rng, weight[0]), eps

    return make


@mistake("the convolution's own bias is lost", "Batch norm normalises what the bias was added to.")
def own_bias_lost(right, weight, bias, *rest):
    return right(weight, None, *rest)


@mistake("eps is left out", "The same eps as in the layer: sqrt(var + eps).")
def fused_without_eps(right, weight, bias, gamma, beta, mean, var, eps):
    return right(weight, bias, gamma, beta, mean, var, 0.0)


@mistake("beta is missing in the new bias", "What batch norm adds last, the new bias must add too.")
def fused_without_beta(right, weight, bias, gamma, beta, *rest):
    return right(weight, bias, gamma, torch.zeros_like(beta), *rest)


@mistake("the running mean is added instead of subtracted", "Batch norm subtracts the mean.")
def mean_added(right, weight, bias, gamma, beta, mean, *rest):
    return right(weight, bias, gamma, beta, -mean, *rest)


FUSE_CONV_BN = Exercise(
    "fuse_conv_bn",
    reference.fuse_conv_bn,
    cases=[
        Case("three filters with bias", fuse_inputs((3, 2, 3, 3))),
        Case("no bias", fuse_inputs((4, 3, 1, 1), False)),
        Case("a 1x5 kernel, eps 0.1", fuse_inputs((2, 4, 1, 5), True, 0.1)),
    ],
    mistakes=[own_bias_lost, fused_without_eps, fused_without_beta, mean_added],
    parts=("weight", "bias"),
    section="Fusing",
    normwise=True,
)

# Bug reports --------------------------------------------------------------------------------


def predict_inputs(rows, features, classes, training):
    """Inputs of :func:`ask_predict`: images as vectors, the layer's numbers, the mode before."""

    def make(rng):
        images = normal(rng, rows, features) + 1
        return images, normal(rng, classes, features), *per_channel(rng, classes), training

    return make


def _predict(model, images):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        scores = model(images)
    model.train(was_training)
    return scores


@mistake(
    "the model is left in training mode",
    "Which statistics normalise the images now? `no_grad` does not change the mode.",
)
def left_in_training_mode(right, model, images):
    return model(images)


@mistake(
    "the model stays in evaluation mode afterwards",
    "Remember `model.training` first, and restore it with `model.train(...)`.",
)
def mode_not_restored(right, model, images):
    scores = right(model, images)
    model.eval()
    return scores


PREDICT = Exercise(
    "predict",
    _predict,
    cases=[
        Case("a model in training mode", predict_inputs(4, 3, 5, True)),
        Case("a model in evaluation mode", predict_inputs(4, 3, 2, False)),
        Case("one image, model in training mode", predict_inputs(1, 4, 3, True)),
    ],
    mistakes=[left_in_training_mode, mode_not_restored],
    parts=("scores", "training", "running_mean"),
    section="Two bug reports",
    ask=ask_predict,
    normwise=True,
)


def _channel_statistics(x):
    return x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)


@mistake(
    "channels are mixed by `reshape`", "Move the channel axis last before you reshape to rows."
)
def statistics_of_mixed_channels(right, x):
    return right(x.reshape(-1, x.shape[1], 1, 1))


@mistake(
    "mean and variance are taken over the batch axis only",
    "One number per channel: average over rows and columns too.",
)
def statistics_per_pixel(right, x):
    n, channels, height, width = x.shape
    mean, var = right(x.reshape(n, -1, 1, 1))
    return mean.reshape(channels, height, width), var.reshape(channels, height, width)


@mistake("the variance is the unbiased one", "Divide by the number of values, not one less.")
def channel_variance_unbiased(right, x):
    mean, var = right(x)
    m = x.numel() // x.shape[1]
    return mean, var * m / (m - 1)


def maps_inputs(*shape):
    """Inputs (x,) from its shape."""
    return lambda rng: (off_centre(rng, *shape),)


CHANNEL_STATISTICS = Exercise(
    "channel_statistics",
    _channel_statistics,
    cases=[
        Case("two images, three channels", maps_inputs(2, 3, 4, 5)),
        Case("one image", maps_inputs(1, 2, 3, 3)),
        Case("one channel", maps_inputs(3, 1, 2, 4)),
    ],
    mistakes=[statistics_of_mixed_channels, statistics_per_pixel, channel_variance_unbiased],
    parts=("mean", "var"),
    section="Two bug reports",
    normwise=True,
)


NUMBERS = ("learned", "stored", "vgg16_bn", "torch_momentum", "share_after_100")

EXERCISES = [
    NORMALIZE, BATCHNORM_FORWARD, BATCHNORM_BACKWARD, BATCHNORM_BACKWARD_SIMPLIFIED,
    BATCHNORM2D_FORWARD, BATCHNORM2D_BACKWARD, LAYER_NORM, INSTANCE_NORM2D, GROUP_NORM,
    FUSE_CONV_BN, PREDICT, CHANNEL_STATISTICS,
]  # fmt: skip

normalize = partial(check, NORMALIZE)
batchnorm_forward = partial(check, BATCHNORM_FORWARD)
batchnorm_backward = partial(check, BATCHNORM_BACKWARD)
batchnorm_backward_simplified = partial(check, BATCHNORM_BACKWARD_SIMPLIFIED)
batchnorm2d_forward = partial(check, BATCHNORM2D_FORWARD)
batchnorm2d_backward = partial(check, BATCHNORM2D_BACKWARD)
layer_norm = partial(check, LAYER_NORM)
instance_norm2d = partial(check, INSTANCE_NORM2D)
group_norm = partial(check, GROUP_NORM)
fuse_conv_bn = partial(check, FUSE_CONV_BN)
predict = partial(check, PREDICT)
channel_statistics = partial(check, CHANNEL_STATISTICS)
bn_numbers = partial(check_numbers, "bn_numbers", NUMBERS)
