"""Hidden cases and further mistakes of `03_batchnorm`.

The exercises themselves, how they are asked, and the mistakes the visible checks already know are
in `helpers.checks.batchnorm`; here they get other cases, fresh inputs and company.
"""

from dataclasses import replace

import torch

from autograder.judge.graded import AUTOGRAD, NORMALIZATION, Graded, Withhold
from helpers.checks import batchnorm as visible
from helpers.checks.batchnorm import (
    affine_inputs,
    backward_inputs,
    forward_inputs,
    fuse_inputs,
    group_inputs,
    maps_inputs,
    normalize_inputs,
    paths,
    predict_inputs,
    shape_like,
)
from helpers.checks.convolution import constant
from helpers.checks.exercise import Case, Exercise, mistake

# Normalize ----------------------------------------------------------------------------------


@mistake("eps is left out", "It keeps a constant feature from a division by zero.")
def eps_left_out(right, x, axes, eps):
    return right(x, axes, 0.0)


@mistake("eps is always 1e-5", "Use the eps that is handed over.")
def eps_fixed(right, x, axes, eps):
    return right(x, axes, 1e-5)


@mistake("the mean is not subtracted", "Centre first: the result has mean 0 over the axes.")
def not_centred(right, x, axes, eps):
    spread = ((x - x.mean(axes, keepdim=True)) ** 2).mean(axes, keepdim=True)
    return right(x, axes, eps) + x.mean(axes, keepdim=True) / (spread + eps).sqrt()


@mistake(
    "the result is always float32", "Make no tensors of your own; those from x have its dtype."
)
def normalized_always_float32(right, *arguments):
    return right(*arguments).float()


NORMALIZE = replace(
    visible.NORMALIZE,
    cases=[
        Case("the columns of a matrix", normalize_inputs((5, 3), 0)),
        Case("the rows of a matrix", normalize_inputs((3, 6), 1)),
        Case("three axes of four", normalize_inputs((2, 3, 4, 2), (0, 2, 3))),
        Case("the last two axes", normalize_inputs((2, 3, 4, 5), (2, 3))),
        Case("axes counted from the end", normalize_inputs((3, 2, 5), (-2, -1))),
        Case("one axis as a tuple", normalize_inputs((4, 5), (1,))),
        Case("a middle axis", normalize_inputs((2, 5, 3), 1, 0.01)),
        Case("a large eps", normalize_inputs((4, 3), 0, 0.5)),
        Case("float32 stays float32", normalize_inputs((6, 2), 0), "float32", keeps_dtype=True),
        Case("float64 stays float64", normalize_inputs((4, 4), 1), keeps_dtype=True),
    ],
    mistakes=[
        *visible.NORMALIZE.mistakes, eps_left_out, eps_fixed, not_centred,
        normalized_always_float32,
    ],
)  # fmt: skip

RIGHT_NORMALIZE = """
def normalize(x, axes, eps=1e-5):
    mean = x.mean(axes, keepdim=True)
    variance = ((x - mean) ** 2).mean(axes, keepdim=True)
    return (x - mean) / (variance + eps) ** 0.5
"""

# Forward ------------------------------------------------------------------------------------


def spread_of(x, gamma, beta, mean, var, training, eps):
    """beta, and the variance that normalises without its eps, shaped to go with x."""
    axes = [axis for axis in range(x.ndim) if axis != 1]
    batch = x.var(axes, unbiased=False) if training else var
    return shape_like(beta, x), shape_like(batch, x)


@mistake(
    "eps is added to the standard deviation", "eps belongs under the root, beside the variance."
)
def eps_added_to_std(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    middle, spread = spread_of(x, gamma, beta, mean, var, training, eps)
    out, cache = right(x, gamma, beta, mean, var, training, momentum, eps)
    factor = (spread + eps).sqrt() / (spread.sqrt() + eps)
    return middle + (out - middle) * factor, cache


@mistake(
    "it divides by the variance", "Divide by the root of it; a slide labels the variance “std”."
)
def divided_by_variance(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    middle, spread = spread_of(x, gamma, beta, mean, var, training, eps)
    out, cache = right(x, gamma, beta, mean, var, training, momentum, eps)
    return middle + (out - middle) / (spread + eps).sqrt(), cache


@mistake("eps is always 1e-5", "Use the eps that is handed over.")
def default_eps_only(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    return right(x, gamma, beta, mean, var, training, momentum, 1e-5)


@mistake("the momentum is always 0.1", "Use the momentum that is handed over.")
def default_momentum_only(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    return right(x, gamma, beta, mean, var, training, 0.1, eps)


@mistake(
    "one mean and one variance are taken for all features",
    "`x.mean()` without an axis is one number. Each feature has its own.",
)
def one_mean_for_all(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    if not training:
        return right(x, gamma, beta, mean, var, training, momentum, eps)
    one, m, v = gamma.new_ones(1), gamma.new_zeros(1), gamma.new_zeros(1)
    column = x.reshape(-1, *[1] * (x.ndim - 1))
    z, cache = right(column, one, 0 * one, m, v, True, 1.0, eps)
    mean.mul_(1 - momentum).add_(momentum * m)
    var.mul_(1 - momentum).add_(momentum * v)
    return z.reshape(x.shape) * shape_like(gamma, x) + shape_like(beta, x), cache


@mistake(
    "training normalises with the running statistics",
    "They are collected in training, and used in evaluation; training uses the batch's own.",
)
def running_statistics_in_training(right, x, gamma, beta, mean, var, training, *rest):
    _, cache = right(x, gamma, beta, mean, var, training, *rest)
    return right(x, gamma, beta, mean.clone(), var.clone(), False, *rest)[0], cache


@mistake(
    "running_var collects the standard deviation",
    "It collects variances; the root is taken when they are used.",
)
def running_std(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    before = var.clone()
    answer = right(x, gamma, beta, mean, var, training, momentum, eps)
    if training:
        batch = (var - (1 - momentum) * before) / momentum
        var.copy_((1 - momentum) * before + momentum * batch.clamp_min(0).sqrt())
    return answer


@mistake("the mean is added instead of subtracted", "One slide prints a plus; it is a minus.")
def mean_added_in_forward(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    _, spread = spread_of(x, gamma, beta, mean, var, training, eps)
    axes = [axis for axis in range(x.ndim) if axis != 1]
    centre = shape_like(x.mean(axes) if training else mean.clone(), x)
    out, cache = right(x, gamma, beta, mean, var, training, momentum, eps)
    return out + 2 * shape_like(gamma, x) * centre / (spread + eps).sqrt(), cache


@mistake("gamma and beta are left out in evaluation", "They are learned, and belong to both modes.")
def affine_forgotten_in_evaluation(right, x, gamma, beta, mean, var, training, *rest):
    if training:
        return right(x, gamma, beta, mean, var, training, *rest)
    return right(x, torch.ones_like(gamma), torch.zeros_like(beta), mean, var, training, *rest)


@mistake(
    "the output is always float32", "Make no tensors of your own; those from x have its dtype."
)
def output_always_float32(right, *arguments):
    out, cache = right(*arguments)
    return out.float(), cache


FORWARD = replace(
    visible.BATCHNORM_FORWARD,
    cases=[
        Case("training: a small batch", forward_inputs((4, 3), True)),
        Case("training: one feature", forward_inputs((6, 1), True)),
        Case("training: two rows", forward_inputs((2, 5), True)),
        Case("training: a constant feature", forward_inputs((4, 3), True, same=True)),
        Case("training: a large eps", forward_inputs((5, 3), True, 0.1, 0.2)),
        Case("training: momentum 0.01", forward_inputs((7, 2), True, 0.01)),
        Case("training: momentum 0.9", forward_inputs((4, 4), True, 0.9)),
        Case("evaluation: a small batch", forward_inputs((4, 3), False)),
        Case("evaluation: one row", forward_inputs((1, 4), False)),
        Case("evaluation: a large eps", forward_inputs((3, 2), False, 0.1, 0.2)),
        Case("evaluation: a constant feature", forward_inputs((4, 3), False, 0.3, same=True)),
        Case("float32 stays float32",
             forward_inputs((6, 3), True, 0.3), "float32", keeps_dtype=True),
        Case("float64 stays float64", forward_inputs((5, 2), True, 0.3), keeps_dtype=True),
    ],
    mistakes=[
        *visible.BATCHNORM_FORWARD.mistakes, eps_added_to_std, divided_by_variance,
        default_eps_only, default_momentum_only, one_mean_for_all, running_statistics_in_training,
        running_std, mean_added_in_forward, affine_forgotten_in_evaluation, output_always_float32,
    ],
)  # fmt: skip

RIGHT_FORWARD = """
def batchnorm_forward(
    x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    mean, var = running_mean.clone(), running_var.clone()
    if training:
        mean, n = x.mean(0), len(x)
        var = ((x - mean) ** 2).mean(0)
        running_mean.mul_(1 - momentum).add_(momentum * mean)
        running_var.mul_(1 - momentum).add_(momentum * var * n / (n - 1))
    std = (var + eps) ** 0.5
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std)
"""

# Backward -----------------------------------------------------------------------------------


@mistake(
    "the variance is differentiated as if it were divided by N − 1",
    "The batch is normalised with the biased variance; its derivative has N too.",
)
def variance_path_unbiased(right, grad_out, cache):
    whole, *_, without = paths(right, grad_out, cache)
    m = grad_out.numel() // grad_out.shape[1]
    return without + (whole - without) * m / (m - 1), *right(grad_out, cache)[1:]


@mistake(
    "the factor 2 of the square is lost in the path through the variance",
    "The derivative of (x − mean)² is 2 (x − mean).",
)
def square_not_differentiated(right, grad_out, cache):
    whole, *_, without = paths(right, grad_out, cache)
    return (whole + without) / 2, *right(grad_out, cache)[1:]


@mistake(
    "the factor ½ of the root is lost in the path through the variance",
    "The derivative of v to the power −½ is −½ times v to the power −3/2.",
)
def root_not_differentiated(right, grad_out, cache):
    whole, *_, without = paths(right, grad_out, cache)
    return 2 * whole - without, *right(grad_out, cache)[1:]


@mistake(
    "grad_gamma and grad_beta are not summed over the batch",
    "One gamma and one beta served all rows: their gradients have the shape (D,).",
)
def parameter_gradients_unsummed(right, grad_out, cache):
    grad_x, _, _ = right(grad_out, cache)
    single = torch.zeros_like(grad_out)
    rows = []
    for n in range(len(grad_out)):
        single.zero_()
        single[n] = grad_out[n]
        rows.append(right(single, cache)[1])
    return grad_x, torch.stack(rows), grad_out


@mistake("grad_gamma and grad_beta keep an axis of size one", "They have the shape of gamma: (D,).")
def parameter_gradients_with_axis(right, grad_out, cache):
    grad_x, grad_gamma, grad_beta = right(grad_out, cache)
    return grad_x, grad_gamma[None], grad_beta[None]


@mistake(
    "grad_gamma and grad_beta are multiplied by gamma",
    "They are read off the last step, out = gamma · x_hat + beta; gamma comes in only before it.",
)
def parameter_gradients_times_gamma(right, grad_out, cache):
    grad_x, grad_gamma, grad_beta = right(grad_out, cache)
    return grad_x, grad_gamma * cache[1], grad_beta * cache[1]


@mistake("the gradients come back in another order", "Return grad_x, grad_gamma, grad_beta.")
def gradients_reordered(right, *arguments):
    grad_x, grad_gamma, grad_beta = right(*arguments)
    return grad_gamma, grad_beta, grad_x


@mistake(
    "the gradients are always float32",
    "`torch.zeros` makes float32; `torch.zeros_like(grad_out)` does not.",
)
def gradients_always_float32(right, *arguments):
    return tuple(gradient.float() for gradient in right(*arguments))


BACKWARD = replace(
    visible.BATCHNORM_BACKWARD,
    cases=[
        Case("one feature", backward_inputs((5, 1))),
        Case("several features", backward_inputs((4, 3))),
        Case("more features than rows", backward_inputs((3, 6))),
        Case("more rows than features", backward_inputs((9, 2))),
        Case("as many rows as features", backward_inputs((4, 4))),
        Case("a large eps", backward_inputs((5, 3), 0.2)),
        Case("float32 stays float32", backward_inputs((6, 3)), "float32", keeps_dtype=True),
        Case("float64 stays float64", backward_inputs((5, 2)), keeps_dtype=True),
    ],
    mistakes=[
        *visible.BATCHNORM_BACKWARD.mistakes, variance_path_unbiased, square_not_differentiated,
        root_not_differentiated, parameter_gradients_unsummed, parameter_gradients_with_axis,
        parameter_gradients_times_gamma, gradients_reordered, gradients_always_float32,
    ],
)  # fmt: skip

SIMPLIFIED = replace(
    visible.BATCHNORM_BACKWARD_SIMPLIFIED,
    cases=BACKWARD.cases,
    mistakes=[
        *visible.BATCHNORM_BACKWARD_SIMPLIFIED.mistakes, variance_path_unbiased,
        parameter_gradients_unsummed, gradients_always_float32,
    ],
)  # fmt: skip

RIGHT_BACKWARD = """
def batchnorm_backward(grad_out, cache):
    x_hat, gamma, std = cache
    mean, mean_hat = grad_out.mean(0), (grad_out * x_hat).mean(0)
    grad_x = gamma / std * (grad_out - mean - x_hat * mean_hat)
    return grad_x, (grad_out * x_hat).sum(0), grad_out.sum(0)
"""
RIGHT_SIMPLIFIED = RIGHT_BACKWARD.replace("backward(", "backward_simplified(")

# Maps ---------------------------------------------------------------------------------------


@mistake(
    "running_var is corrected with the number of images",
    "A channel has N·H·W values; the correction is (N·H·W) / (N·H·W − 1).",
)
def corrected_with_images(right, x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    before, m, n = var.clone(), x.numel() // x.shape[1], len(x)
    answer = right(x, gamma, beta, mean, var, training, momentum, eps)
    if training and n > 1:
        batch = var - (1 - momentum) * before
        var.copy_((1 - momentum) * before + batch * (m - 1) / m * n / (n - 1))
    return answer


FORWARD2D = replace(
    visible.BATCHNORM2D_FORWARD,
    cases=[
        Case("training: several images and channels", forward_inputs((3, 4, 3, 2), True)),
        Case("training: square maps", forward_inputs((2, 2, 4, 4), True)),
        Case("training: maps wider than high", forward_inputs((2, 3, 2, 5), True, 0.01)),
        Case("training: one image", forward_inputs((1, 3, 4, 3), True)),
        Case("training: maps of one pixel", forward_inputs((5, 2, 1, 1), True)),
        Case("training: a large eps", forward_inputs((2, 2, 3, 4), True, 0.3, 0.2)),
        Case("evaluation: several images", forward_inputs((3, 2, 4, 2), False)),
        Case("evaluation: one image, large eps", forward_inputs((1, 3, 2, 2), False, 0.1, 0.2)),
        Case("float32 stays float32",
             forward_inputs((2, 3, 3, 2), True), "float32", keeps_dtype=True),
        Case("float64 stays float64", forward_inputs((2, 2, 2, 3), True), keeps_dtype=True),
    ],
    mistakes=[
        *visible.BATCHNORM2D_FORWARD.mistakes, visible.flag_ignored, visible.momentum_reversed,
        visible.normalised_with_unbiased_variance, visible.statistics_not_in_place,
        corrected_with_images, one_mean_for_all, output_always_float32,
    ],
)  # fmt: skip


@mistake(
    "the sums are divided by the number of images only",
    "Each channel's mean is over N·H·W values, and so is its derivative.",
)
def divided_by_images_only(right, grad_out, cache):
    whole, direct, *_ = paths(right, grad_out, cache)
    pixels = grad_out.shape[2] * grad_out.shape[3]
    return direct + pixels * (whole - direct), *right(grad_out, cache)[1:]


@mistake(
    "grad_beta is summed over the images only",
    "One beta served every row and column of its map: sum over them too.",
)
def grad_beta_per_pixel(right, grad_out, cache):
    grad_x, grad_gamma, _ = right(grad_out, cache)
    return grad_x, grad_gamma, grad_out.sum(0)


BACKWARD2D = replace(
    visible.BATCHNORM2D_BACKWARD,
    cases=[
        Case("several images and channels", backward_inputs((3, 4, 3, 2))),
        Case("square maps", backward_inputs((2, 2, 4, 4))),
        Case("maps wider than high", backward_inputs((2, 3, 2, 5))),
        Case("one image", backward_inputs((1, 3, 4, 3))),
        Case("a large eps", backward_inputs((2, 2, 3, 4), 0.2)),
        Case("float32 stays float32", backward_inputs((2, 3, 3, 2)), "float32", keeps_dtype=True),
        Case("float64 stays float64", backward_inputs((2, 2, 2, 3)), keeps_dtype=True),
    ],
    mistakes=[
        *visible.BATCHNORM2D_BACKWARD.mistakes, visible.mean_path_missing,
        visible.variance_path_missing, visible.gamma_missing, divided_by_images_only,
        grad_beta_per_pixel, gradients_always_float32,
    ],
)  # fmt: skip

RIGHT_FORWARD2D = """
def batchnorm2d_forward(x, *rest):
    n, channels, height, width = x.shape
    out, cache = batchnorm_forward(x.movedim(1, -1).reshape(-1, channels), *rest)
    return out.reshape(n, height, width, channels).movedim(-1, 1), cache
"""

# Other axes ---------------------------------------------------------------------------------


@mistake(
    "the mean is added in the end, as one slide prints",
    "The slide's last term should be beta.",
)
def slide_formula(right, x, gamma, beta, eps):
    axes = tuple(range(-gamma.ndim, 0))
    return right(x, gamma, torch.zeros_like(beta), eps) + x.mean(axes, keepdim=True)


@mistake(
    "only the last axis is normalised although gamma has several",
    "The axes are the last `gamma.ndim` ones.",
)
def last_axis_only(right, x, gamma, beta, eps):
    one = torch.ones_like(x[(0,) * (x.ndim - 1)])
    return right(x, one, 0 * one, eps) * gamma + beta


LAYER = replace(
    visible.LAYER_NORM,
    cases=[
        Case("vectors", affine_inputs((3, 7), 7)),
        Case("sequences of vectors", affine_inputs((2, 4, 3), 3)),
        Case("sequences, over two axes", affine_inputs((3, 4, 2), 4, 2)),
        Case("images, over all their axes", affine_inputs((2, 2, 3, 4), 2, 3, 4)),
        Case("one vector, large eps", affine_inputs((1, 5), 5, eps=0.2)),
        Case("float64 stays float64", affine_inputs((4, 4), 4), keeps_dtype=True),
    ],
    mistakes=[*visible.LAYER_NORM.mistakes, slide_formula, last_axis_only],
)

INSTANCE = replace(
    visible.INSTANCE_NORM2D,
    cases=[
        Case("several images and channels", affine_inputs((3, 4, 3, 2), 4)),
        Case("square maps, as many channels", affine_inputs((2, 4, 4, 4), 4)),
        Case("one channel", affine_inputs((3, 1, 2, 4), 1)),
        Case("one image, large eps", affine_inputs((1, 3, 3, 3), 3, eps=0.2)),
        Case("float64 stays float64", affine_inputs((2, 2, 2, 3), 2), keeps_dtype=True),
    ],
)


@mistake(
    "the number of groups is ignored, as in layer norm",
    "Each group of channels has its own mean and variance.",
)
def groups_ignored(right, x, groups, *rest):
    return right(x, 1, *rest)


@mistake("gamma is left out", "After normalising, multiply by gamma, then add beta.")
def group_gamma_left_out(right, x, groups, gamma, *rest):
    return right(x, groups, torch.ones_like(gamma), *rest)


GROUP = replace(
    visible.GROUP_NORM,
    cases=[
        Case("two groups", group_inputs((2, 6, 2, 4), 2)),
        Case("four groups", group_inputs((3, 8, 3, 2), 4)),
        Case("one group", group_inputs((2, 5, 3, 3), 1)),
        Case("as many groups as channels", group_inputs((2, 3, 4, 2), 3)),
        Case("one image, large eps", group_inputs((1, 6, 2, 3), 3, 0.2)),
        Case("float64 stays float64", group_inputs((2, 8, 2, 3), 2), keeps_dtype=True),
    ],
    mistakes=[*visible.GROUP_NORM.mistakes, groups_ignored, group_gamma_left_out],
)

# Fusing -------------------------------------------------------------------------------------


@mistake("the weights are divided by the variance", "Divide by the root of var + eps.")
def fused_with_variance(right, weight, bias, gamma, beta, mean, var, eps):
    return right(weight, bias, gamma / (var + eps).sqrt(), beta, mean, var, eps)


@mistake(
    "the bias is not scaled", "Batch norm multiplies what it gets, bias included, by gamma / std."
)
def bias_not_scaled(right, weight, bias, gamma, beta, mean, var, eps):
    own = torch.zeros_like(beta) if bias is None else bias
    return right(weight, None, gamma, beta + own, mean, var, eps)


@mistake(
    "a missing bias is not provided for", "Without a bias the convolution adds 0: start from that."
)
def missing_bias_not_provided_for(right, weight, bias, *rest):
    if bias is None:
        raise TypeError("unsupported operand type(s) for -: 'NoneType' and 'Tensor'")
    return right(weight, bias, *rest)


FUSE = replace(
    visible.FUSE_CONV_BN,
    cases=[
        Case("filters with bias", fuse_inputs((4, 3, 3, 3))),
        Case("no bias", fuse_inputs((3, 2, 3, 3), False)),
        Case("1x1 filters", fuse_inputs((5, 4, 1, 1))),
        Case("as many channels in as out", fuse_inputs((3, 3, 3, 3))),
        Case("a kernel wider than high, large eps", fuse_inputs((2, 3, 2, 4), True, 0.2)),
        Case("depthwise, no bias", fuse_inputs((4, 1, 3, 3), False)),
        Case("float64 stays float64", fuse_inputs((2, 2, 3, 3)), keeps_dtype=True),
    ],
    mistakes=[
        *visible.FUSE_CONV_BN.mistakes, fused_with_variance, bias_not_scaled,
        missing_bias_not_provided_for,
    ],
)  # fmt: skip

# Bug reports --------------------------------------------------------------------------------

PREDICT = replace(
    visible.PREDICT,
    cases=[
        Case("a model in training mode", predict_inputs(6, 4, 3, True)),
        Case("a model in evaluation mode", predict_inputs(5, 3, 4, False)),
        Case("one image, model in training mode", predict_inputs(1, 3, 3, True)),
        Case("two images, model in training mode", predict_inputs(2, 5, 4, True)),
    ],
)


@mistake("each image gets a mean and a variance of its own", "Average over the batch axis too.")
def statistics_per_image(right, x):
    n, channels, height, width = x.shape
    mean, var = right(x.reshape(1, n * channels, height, width))
    return mean.reshape(n, channels), var.reshape(n, channels)


@mistake("the standard deviation comes instead of the variance", "Do not take the root.")
def std_instead_of_variance(right, x):
    mean, var = right(x)
    return mean, var.sqrt()


CHANNELS = replace(
    visible.CHANNEL_STATISTICS,
    cases=[
        Case("several images and channels", maps_inputs(3, 4, 2, 3)),
        Case("square maps", maps_inputs(2, 3, 4, 4)),
        Case("one image", maps_inputs(1, 3, 3, 2)),
        Case("as many images as channels", maps_inputs(3, 3, 2, 4)),
        Case("maps of one pixel", maps_inputs(5, 2, 1, 1)),
    ],
    mistakes=[
        *visible.CHANNEL_STATISTICS.mistakes, statistics_per_image, std_instead_of_variance,
    ],
)  # fmt: skip

# Numbers ------------------------------------------------------------------------------------


def _numbers():
    vgg16 = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    return {
        "learned": 2 * 64,
        "stored": 4 * 64,
        "vgg16_bn": 2 * sum(vgg16),
        "torch_momentum": 0.01,
        "share_after_100": 1 - 0.99**100,
    }


@mistake(
    "the running statistics are counted as learned", "Nothing learns them: they are collected."
)
def statistics_counted_as_learned(right):
    numbers = right()
    return numbers | {key: 2 * numbers[key] for key in ("learned", "vgg16_bn")}


@mistake("the lecture's 0.99 is taken for torch's momentum", "In torch, it weighs the new value.")
def lecture_momentum(right):
    return right() | {"torch_momentum": 0.99}


@mistake("the share that is missing is given", "0.99 to the power 100 of the start is left.")
def share_still_missing(right):
    return right() | {"share_after_100": 0.99**100}


NUMBERS = Exercise(
    "bn_numbers",
    _numbers,
    cases=[Case("the numbers of the lecture's examples", constant(), rtol=0.01)],
    mistakes=[statistics_counted_as_learned, lecture_momentum, share_still_missing],
    parts=tuple(_numbers()),
    section="Numbers and an experiment",
)


def _answer(*names: str) -> Withhold:
    """Withhold the helpers that are the answer."""
    return Withhold(functions=tuple(f"helpers.normalization.{name}" for name in names))


_ONE = {"normalize": RIGHT_NORMALIZE}
_FORWARD = _ONE | {"batchnorm_forward": RIGHT_FORWARD}
_BACKWARD = _FORWARD | {
    "batchnorm_backward": RIGHT_BACKWARD,
    "batchnorm_backward_simplified": RIGHT_SIMPLIFIED,
}

EXERCISES = {
    graded.exercise.name: graded
    for graded in (
        Graded(NORMALIZE, NORMALIZATION),
        Graded(FORWARD, NORMALIZATION, needs=_ONE),
        Graded(BACKWARD, NORMALIZATION | AUTOGRAD, needs=_FORWARD),
        Graded(
            SIMPLIFIED,
            NORMALIZATION | AUTOGRAD,
            needs=_FORWARD | {"batchnorm_backward": RIGHT_BACKWARD},
        ),
        Graded(FORWARD2D, NORMALIZATION, needs=_FORWARD),
        Graded(
            BACKWARD2D,
            NORMALIZATION | AUTOGRAD,
            needs=_BACKWARD | {"batchnorm2d_forward": RIGHT_FORWARD2D},
        ),
        Graded(LAYER, NORMALIZATION, needs=_ONE),
        Graded(INSTANCE, NORMALIZATION, needs=_ONE),
        Graded(GROUP, NORMALIZATION, needs=_ONE),
        Graded(
            FUSE,
            _answer("fuse_conv_bn")
            | Withhold(
                functions=(
                    "torch.nn.utils.fusion.fuse_conv_bn_weights",
                    "torch.nn.utils.fusion.fuse_conv_bn_eval",
                )
            ),
        ),
        Graded(PREDICT),
        Graded(CHANNELS, NORMALIZATION, needs=_ONE),
        Graded(NUMBERS, kind="value"),
    )
}
