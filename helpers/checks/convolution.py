"""Visible checks of the first notebook, and the mistakes they know by name.

Each mistake is the right function with an argument or a result changed, so that the list gives
no solution away.
"""

import dataclasses
from functools import partial

import torch

from helpers import convolution as reference
from helpers import counting
from helpers.checks import check, check_numbers
from helpers.checks.exercise import Case, Exercise, mistake
from helpers.convolution import pair


def normal(rng, *shape):
    """Standard normal values as a float64 tensor."""
    return torch.from_numpy(rng.standard_normal(shape))


def constant(*arguments):
    """Inputs of a case that has nothing random about it."""
    return lambda rng: arguments


def forward_inputs(x, weight, bias=True, stride=1, padding=0, *groups):
    """Inputs (x, weight, bias, stride, padding[, groups]) from the shapes of x and weight."""

    def make(rng):
        b = normal(rng, weight[0]) if bias else None
        return (normal(rng, *x), normal(rng, *weight), b, stride, padding, *groups)

    return make


def backward_inputs(x, weight, stride=1, padding=0):
    """Inputs (grad_out, x, weight, stride, padding) from the shapes of x and weight."""

    def make(rng):
        size = reference.conv_output_size(x[2:], weight[2:], stride, padding)
        grad_out = normal(rng, x[0], weight[0], *size)
        return grad_out, normal(rng, *x), normal(rng, *weight), stride, padding

    return make


# One output value ---------------------------------------------------------------------------


def _one_output(window, kernel, bias):
    return (window * kernel).sum() + bias


ONE_OUTPUT = Exercise(
    "one_output",
    _one_output,
    cases=[
        Case("one channel, 3x3", lambda rng: (normal(rng, 1, 3, 3), normal(rng, 1, 3, 3), 0.5)),
        Case("three channels, 5x5", lambda rng: (normal(rng, 3, 5, 5), normal(rng, 3, 5, 5), -1.0)),
        Case("not square, 2x3", lambda rng: (normal(rng, 4, 2, 3), normal(rng, 4, 2, 3), 0.0)),
    ],
    section="One output value",
)

# Output size --------------------------------------------------------------------------------


@mistake("the padding is counted on one side only", "Zeros are added at both ends of a row.")
def padding_counted_once(right, size, kernel_size, stride=1, padding=0, dilation=1):
    one_side = (
        tuple(n + p for n, p in zip(pair(size, "n"), pair(padding, "p", 0), strict=True))
        if isinstance(size, tuple) or isinstance(padding, tuple)
        else size + padding
    )
    return right(one_side, kernel_size, stride, 0, dilation)


@mistake("the `+ 1` is missing", "Count positions, not steps: a window that cannot move has one.")
def one_missing(right, *arguments):
    size = right(*arguments)
    return tuple(n - 1 for n in size) if isinstance(size, tuple) else size - 1


@mistake(
    "the size is rounded up when the stride does not divide",
    "A window that would stick out beyond the padded input is not taken.",
)
def rounded_up(right, size, kernel_size, stride=1, padding=0, dilation=1):
    at_one = right(size, kernel_size, 1, padding, dilation)
    if isinstance(at_one, int) and isinstance(stride, int):
        return -(-(at_one - 1) // stride) + 1
    rows, columns = pair(at_one, "n"), pair(stride, "s")
    return tuple(-(-(n - 1) // s) + 1 for n, s in zip(rows, columns, strict=True))


@mistake("the result is a float", "Use `//` instead of `/`: a size is a whole number.")
def float_returned(right, *arguments):
    size = right(*arguments)
    return tuple(float(n) for n in size) if isinstance(size, tuple) else float(size)


@mistake(
    "the dilation multiplies the whole kernel",
    "Between F pixels there are F - 1 gaps: the kernel reaches over `D * (F - 1) + 1` pixels.",
)
def dilation_times_kernel(right, size, kernel_size, stride=1, padding=0, dilation=1):
    both = zip(pair(kernel_size, "kernel_size"), pair(dilation, "dilation"), strict=True)
    reach = tuple(k * d for k, d in both)
    ints = isinstance(kernel_size, int) and isinstance(dilation, int)
    return right(size, reach[0] if ints else reach, stride, padding)


@mistake(
    "the dilation is ignored",
    "A dilated kernel has gaps: how far apart are its first and its last pixel?",
)
def dilation_ignored(right, size, kernel_size, stride=1, padding=0, dilation=1):
    return right(size, kernel_size, stride, padding, 1)


CONV_OUTPUT_SIZE = Exercise(
    "conv_output_size",
    reference.conv_output_size,
    cases=[
        Case("7 pixels, kernel 3", constant(7, 3)),
        Case("7 pixels, kernel 3, stride 2", constant(7, 3, 2)),
        Case("7 pixels, kernel 3, stride 3, which does not divide", constant(7, 3, 3)),
        Case("32 pixels, kernel 5, padding 2", constant(32, 5, 1, 2)),
        Case("11 pixels, kernel 3, dilation 2", constant(11, 3, 1, 0, 2)),
        Case("a pair of sizes with a pair of strides", constant((9, 7), (3, 2), (2, 1), (1, 0))),
        Case("an int size with a kernel (3, 5)", constant(7, (3, 5))),
        Case("a kernel that fits only with the padding", constant(3, 5, 1, 1)),
        Case("a kernel larger than the padded input", constant(3, 5), raises=ValueError),
    ],
    mistakes=[
        padding_counted_once,
        one_missing,
        rounded_up,
        float_returned,
        dilation_ignored,
        dilation_times_kernel,
    ],
    section="Output size",
)


@mistake("the padding is left out", "The window also travels over the padding, on both sides.")
def fit_without_padding(right, size, kernel_size, stride=1, padding=0, dilation=1):
    return right(size, kernel_size, stride, 0, dilation)


@mistake("yes and no are exchanged", "`True` means that nothing is left over.")
def fit_negated(right, *arguments):
    return not right(*arguments)


@mistake("one direction is taken as enough", "Rows and columns both have to fit.")
def one_direction_is_enough(right, size, kernel_size, stride=1, padding=0, dilation=1):
    right(size, kernel_size, stride, padding, dilation)
    arguments = zip((size, kernel_size, stride, padding, dilation), (1, 1, 1, 0, 1), strict=True)
    rows, columns = zip(*(pair(value, "value", least) for value, least in arguments), strict=True)
    return right(*rows) or right(*columns)


FITS_EXACTLY = Exercise(
    "fits_exactly",
    reference.fits_exactly,
    cases=[
        Case("7 pixels, kernel 3, stride 2", constant(7, 3, 2)),
        Case("7 pixels, kernel 3, stride 3", constant(7, 3, 3)),
        Case("a padding that makes it fit", constant(7, 3, 3, 1)),
        Case("a padding that stops it fitting", constant((8, 9), 2, 2, (1, 1))),
        Case("rows fit, columns do not", constant((7, 8), 3, 2)),
        Case("a kernel larger than the padded input", constant(3, 5), raises=ValueError),
    ],
    mistakes=[one_direction_is_enough, fit_without_padding, fit_negated],
    section="Output size",
)

# Forward ------------------------------------------------------------------------------------


@mistake(
    "the kernel is flipped",
    "Deep learning's convolution lays the kernel on as it is (cross-correlation).",
)
def kernel_flipped(right, x, weight, *rest):
    return right(x, weight.flip(-2, -1), *rest)


@mistake("the padding is ignored", "Surround the image with zeros before the window starts.")
def padding_ignored(right, x, weight, bias=None, stride=1, padding=0):
    return right(x, weight, bias, stride, 0)


@mistake("the stride is ignored", "The window starts at `row * stride`, not at `row`.")
def stride_ignored(right, x, weight, bias=None, stride=1, padding=0):
    return right(x, weight, bias, 1, padding)


@mistake("the bias is never added", "Each output channel has one bias, added to all its values.")
def bias_forgotten(right, x, weight, bias=None, *rest):
    return right(x, weight, None, *rest)


@mistake(
    "the bias is added once per input channel",
    "Sum over the channels first, then add the bias once.",
)
def bias_repeated(right, x, weight, bias=None, *rest):
    return right(x, weight, None if bias is None else bias * x.shape[1], *rest)


@mistake(
    "only one input channel counts",
    "A filter extends over the full depth: add up over all input channels.",
)
def one_channel_only(right, x, weight, *rest):
    return right(x[:, -1:], weight[:, -1:], *rest)


@mistake(
    "the strides of rows and columns are exchanged", "A pair is (rows, columns), as everywhere."
)
def strides_exchanged(right, x, weight, bias=None, stride=1, padding=0):
    stride = stride[::-1] if isinstance(stride, tuple) else stride
    return right(x, weight, bias, stride, padding)


@mistake(
    "the paddings of rows and columns are exchanged",
    "`F.pad` starts with the last axis: its first two numbers are left and right.",
)
def paddings_exchanged(right, x, weight, bias=None, stride=1, padding=0):
    padding = padding[::-1] if isinstance(padding, tuple) else padding
    return right(x, weight, bias, stride, padding)


@mistake("rows and columns of the kernel are exchanged", "weight[..., i, j]: i counts rows.")
def kernel_transposed(right, x, weight, *rest):
    return right(x, weight.transpose(-2, -1), *rest)


@mistake(
    "the window moves one pixel at a time although the output has the right size",
    "Output (i, j) looks at the window that starts at (i * stride, j * stride).",
)
def window_moves_one_pixel(right, x, weight, bias=None, stride=1, padding=0):
    _, _, rows, columns = right(x, weight, bias, stride, padding).shape
    return right(x, weight, bias, 1, padding)[:, :, :rows, :columns]


CONV2D_FORWARD = Exercise(
    "conv2d_forward",
    reference.conv2d,
    cases=[
        Case("one 3x3 filter on 5x5", forward_inputs((1, 1, 5, 5), (1, 1, 3, 3), False)),
        Case("two images, three channels, bias", forward_inputs((2, 3, 5, 4), (2, 3, 2, 2))),
        Case("padding 1", forward_inputs((1, 2, 4, 5), (3, 2, 3, 3), True, 1, 1)),
        Case("stride 2", forward_inputs((1, 2, 7, 7), (2, 2, 3, 3), True, 2)),
        Case("stride 3, which does not divide",
             forward_inputs((1, 1, 7, 8), (1, 1, 3, 3), True, 3)),
        Case("a 2x3 kernel", forward_inputs((1, 2, 5, 6), (2, 2, 2, 3))),
        Case("stride (2, 1)", forward_inputs((1, 1, 6, 6), (2, 1, 3, 3), True, (2, 1))),
        Case("padding (2, 0)", forward_inputs((1, 1, 5, 5), (2, 1, 3, 3), True, 1, (2, 0))),
        Case("float32", forward_inputs((1, 1, 4, 4), (1, 1, 2, 2)), "float32", keeps_dtype=True),
    ],
    mistakes=[
        kernel_flipped, padding_ignored, stride_ignored, bias_forgotten, bias_repeated,
        one_channel_only, strides_exchanged, paddings_exchanged, kernel_transposed,
        window_moves_one_pixel,
    ],
    section="The forward pass",
)  # fmt: skip

# Backward -----------------------------------------------------------------------------------


@mistake("overlapping windows overwrite each other's gradient", "A pixel under several windows gets"
         " the sum of what they send back: `+=`, not `=`.")  # fmt: skip
def overlaps_overwritten(right, grad_out, x, weight, stride=1, padding=0):
    grad_x, grad_weight, grad_bias = right(grad_out, x, weight, stride, padding)
    grad_x = torch.zeros_like(grad_x)
    for i in range(grad_out.shape[2]):
        for j in range(grad_out.shape[3]):
            here = torch.zeros_like(grad_out)
            here[:, :, i, j] = 1
            sent = right(here * grad_out, x, weight, stride, padding)[0]
            window = right(here, x, torch.ones_like(weight), stride, padding)[0] != 0
            grad_x = torch.where(window, sent, grad_x)
    return grad_x, grad_weight, grad_bias


@mistake(
    "the padding is still around grad_x",
    "grad_x has the shape of x: cut off what belongs to the padding.",
)
def padding_kept(right, grad_out, x, weight, stride=1, padding=0):
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    padded = torch.nn.functional.pad(x, (columns, columns, rows, rows))
    return right(grad_out, padded, weight, stride, 0)[0], *right(
        grad_out, x, weight, stride, padding
    )[1:]


@mistake(
    "`[padding:-padding]` cuts everything away when the padding is 0",
    "`[0:-0]` is `[0:0]`, which is empty. Cut up to `padding + H` instead.",
)
def empty_without_padding(right, grad_out, x, weight, stride=1, padding=0):
    grad_x, *rest = right(grad_out, x, weight, stride, padding)
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    grad_x = grad_x if rows else grad_x[:, :, :0]
    return (grad_x if columns else grad_x[..., :0], *rest)


@mistake("grad_bias is averaged over the batch", "Every output the bias reached adds its gradient.")
def bias_gradient_averaged(right, grad_out, x, *rest):
    grad_x, grad_weight, grad_bias = right(grad_out, x, *rest)
    return grad_x, grad_weight, grad_bias / len(x)


@mistake(
    "grad_weight is averaged over the batch", "Every image used the weights: add their gradients."
)
def weight_gradient_averaged(right, grad_out, x, *rest):
    grad_x, grad_weight, grad_bias = right(grad_out, x, *rest)
    return grad_x, grad_weight / len(x), grad_bias


@mistake(
    "grad_x uses the flipped kernel",
    "Send each gradient back through the weight it came through, at the same place.",
)
def input_gradient_flipped(right, grad_out, x, weight, *rest):
    _, grad_weight, grad_bias = right(grad_out, x, weight, *rest)
    return right(grad_out, x, weight.flip(-2, -1), *rest)[0], grad_weight, grad_bias


@mistake("grad_weight counts the last image of the batch only", "Add up over the batch with `+=`.")
def last_image_only(right, grad_out, x, *rest):
    grad_x, _, grad_bias = right(grad_out, x, *rest)
    return grad_x, right(grad_out[-1:], x[-1:], *rest)[1], grad_bias


@mistake(
    "grad_bias is summed over the batch only",
    "One bias serves every position of its map: sum over rows and columns too.",
)
def bias_gradient_unsummed(right, grad_out, *rest):
    grad_x, grad_weight, _ = right(grad_out, *rest)
    return grad_x, grad_weight, grad_out.sum(0)


@mistake(
    "the stride is forgotten on the way back",
    "Output (i, j) came from the window at (i * stride, j * stride); its gradient goes back there.",
)
def backward_without_stride(right, grad_out, x, weight, stride=1, padding=0):
    dense = reference.conv_output_size(tuple(x.shape[2:]), tuple(weight.shape[2:]), 1, padding)
    spread = grad_out.new_zeros(*grad_out.shape[:2], *dense)
    spread[:, :, : grad_out.shape[2], : grad_out.shape[3]] = grad_out
    return right(spread, x, weight, 1, padding)


@mistake("the gradients come back in another order", "Return grad_x, grad_weight, grad_bias.")
def gradients_reordered(right, *arguments):
    grad_x, grad_weight, grad_bias = right(*arguments)
    return grad_weight, grad_x, grad_bias


@mistake("grad_weight keeps only the last window's share", "Add up over all windows with `+=`.")
def weight_gradient_overwritten(right, grad_out, x, *rest):
    grad_x, _, grad_bias = right(grad_out, x, *rest)
    last = torch.zeros_like(grad_out)
    last[-1, :, -1, -1] = grad_out[-1, :, -1, -1]
    return grad_x, right(last, x, *rest)[1], grad_bias


@mistake(
    "grad_bias is a mean over images and positions",
    "Every output the bias reached adds its gradient: a sum.",
)
def bias_gradient_mean(right, grad_out, *rest):
    grad_x, grad_weight, _ = right(grad_out, *rest)
    return grad_x, grad_weight, grad_out.mean(dim=(0, 2, 3))


CONV2D_BACKWARD = Exercise(
    "conv2d_backward",
    reference.conv2d_backward,
    cases=[
        Case("one 2x2 filter on 3x3", backward_inputs((1, 1, 3, 3), (1, 1, 2, 2))),
        Case("two images, several channels", backward_inputs((2, 3, 4, 5), (2, 3, 3, 2))),
        Case("padding 1", backward_inputs((2, 1, 4, 4), (2, 1, 3, 3), 1, 1)),
        Case("stride 2", backward_inputs((1, 2, 5, 5), (1, 2, 3, 3), 2)),
        Case("stride 3, which does not divide", backward_inputs((1, 1, 7, 8), (1, 1, 3, 3), 3)),
        Case("padding (1, 0)", backward_inputs((1, 1, 4, 5), (2, 1, 3, 3), (1, 2), (1, 0))),
        Case("float32", backward_inputs((1, 1, 4, 4), (1, 1, 2, 2)), "float32", keeps_dtype=True),
    ],
    mistakes=[
        overlaps_overwritten, padding_kept, empty_without_padding, bias_gradient_averaged,
        weight_gradient_averaged, input_gradient_flipped, last_image_only, bias_gradient_unsummed,
        backward_without_stride, gradients_reordered, weight_gradient_overwritten,
        bias_gradient_mean,
    ],
    parts=("grad_x", "grad_weight", "grad_bias"),
    section="The backward pass",
)  # fmt: skip

# im2col -------------------------------------------------------------------------------------


def image_inputs(x, kernel_size, stride=1, padding=0):
    """Inputs (x, kernel_size, stride, padding) from the shape of x."""
    return lambda rng: (normal(rng, *x), kernel_size, stride, padding)


@mistake(
    "each window lies in a row instead of a column", "The shape is (N, C*kH*kW, L), windows last."
)
def windows_in_rows(right, *arguments):
    return right(*arguments).transpose(1, 2)


@mistake(
    "the channel varies fastest within a column",
    "The order is that of `window.reshape(-1)` for a window (C, kH, kW).",
)
def channels_last(right, x, kernel_size, *rest):
    columns = right(x, kernel_size, *rest)
    n, _, length = columns.shape
    by_channel = columns.reshape(n, x.shape[1], -1, length)
    return by_channel.transpose(1, 2).reshape(n, -1, length)


@mistake("the windows are ordered column by column", "Go along a row first, then to the next row.")
def windows_column_by_column(right, x, kernel_size, stride=1, padding=0):
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    border = padding if isinstance(padding, tuple) else (padding, padding)
    columns = right(x, kernel_size, stride, padding)
    rows = (x.shape[2] + 2 * border[0] - kernel[0]) // steps[0] + 1
    grid = columns.reshape(*columns.shape[:2], rows, -1)
    return grid.transpose(2, 3).reshape(columns.shape)


@mistake("the padding is ignored", "Surround the image with zeros first.")
def columns_without_padding(right, x, kernel_size, stride=1, padding=0):
    return right(x, kernel_size, stride, 0)


@mistake("the stride is ignored", "The window starts at `row * stride`, not at `row`.")
def columns_without_stride(right, x, kernel_size, stride=1, padding=0):
    return right(x, kernel_size, 1, padding)


IM2COL = Exercise(
    "im2col",
    reference.im2col,
    cases=[
        Case("one channel, 2x2 windows", image_inputs((1, 1, 3, 3), 2)),
        Case("two images, three channels", image_inputs((2, 3, 4, 5), 2)),
        Case("a 2x3 window", image_inputs((1, 2, 4, 5), (2, 3))),
        Case("stride 2, padding 1", image_inputs((1, 2, 5, 4), 3, 2, 1)),
        Case("stride (1, 2), padding (0, 1)", image_inputs((1, 1, 4, 4), 2, (1, 2), (0, 1))),
    ],
    mistakes=[
        windows_in_rows, channels_last, windows_column_by_column, columns_without_padding,
        columns_without_stride,
    ],
    section="im2col",
)  # fmt: skip

CONV2D_IM2COL = Exercise(
    "conv2d_im2col",
    reference.conv2d,
    cases=CONV2D_FORWARD.cases,
    mistakes=[kernel_flipped, bias_forgotten, padding_ignored, stride_ignored],
    section="im2col",
)

# Special kinds ------------------------------------------------------------------------------


def _pointwise(x, weight, bias=None):
    return reference.conv2d(x, weight, bias)


POINTWISE_CONV2D = Exercise(
    "pointwise_conv2d",
    _pointwise,
    cases=[
        Case(
            "three channels to two", lambda rng: forward_inputs((1, 3, 4, 5), (2, 3, 1, 1))(rng)[:3]
        ),
        Case("no bias", lambda rng: forward_inputs((2, 4, 3, 3), (4, 4, 1, 1), False)(rng)[:3]),
    ],
    mistakes=[bias_forgotten],
    section="1x1 convolution",
)


@mistake(
    "every group reads the first group's input", "Group g reads the g-th block of input channels."
)
def same_input_for_all(right, x, weight, bias, stride, padding, groups):
    first = x[:, : x.shape[1] // groups]
    return right(first.repeat(1, groups, 1, 1), weight, bias, stride, padding, groups)


@mistake(
    "the groups are interleaved",
    "Channels are split into consecutive blocks, not dealt out in turn.",
)
def groups_interleaved(right, x, weight, bias, stride, padding, groups):
    n, channels, height, width = x.shape
    dealt = x.reshape(n, channels // groups, groups, height, width).transpose(1, 2)
    return right(dealt.reshape(x.shape), weight, bias, stride, padding, groups)


GROUPED_CONV2D = Exercise(
    "grouped_conv2d",
    reference.conv2d,
    cases=[
        Case("two groups", forward_inputs((1, 4, 4, 4), (4, 2, 3, 3), True, 1, 1, 2)),
        Case("one group", forward_inputs((1, 2, 4, 4), (3, 2, 2, 2), True, 1, 0, 1)),
        Case("depthwise", forward_inputs((2, 3, 5, 5), (3, 1, 3, 3), False, 2, 1, 3)),
        Case(
            "three groups for four channels",
            forward_inputs((1, 4, 3, 3), (3, 1, 2, 2), False, 1, 0, 3),
            raises=ValueError,
        ),
    ],
    mistakes=[same_input_for_all, groups_interleaved],
    section="Grouped convolution",
)

SAME_PADDING = Exercise(
    "same_padding",
    reference.same_padding,
    cases=[
        Case("a 3x3 kernel", constant(3)),
        Case("a 7x7 kernel", constant(7)),
        Case("a 1x5 kernel", constant((1, 5))),
        Case("an even kernel", constant(4), raises=ValueError),
    ],
    section="Padding that keeps the size",
)

# Cost ---------------------------------------------------------------------------------------


@mistake("the biases are not counted", "With a bias, each filter has one parameter more.")
def biases_uncounted(right, *arguments):
    return changed(right(*arguments), params=right(*arguments[:7], False).params)


@mistake("FLOPs are counted, not MACs", "One multiplication with its addition is one MAC.")
def flops_counted(right, *arguments):
    cost = right(*arguments)
    return changed(cost, macs=2 * cost.macs)


@mistake("a KiB is taken as 1000 bytes", "1 KiB is 1024 bytes.")
def decimal_kilobytes(right, *arguments):
    cost = right(*arguments)
    return changed(cost, kib=cost.kib * 1.024)


def changed(cost, **values):
    """A cost with some of its numbers replaced."""
    return dataclasses.replace(cost, **values)


@mistake("memory is given in bytes", "1 KiB is 1024 bytes.")
def memory_in_bytes(right, *arguments):
    cost = right(*arguments)
    return changed(cost, kib=cost.kib * 1024)


@mistake("the groups are ignored", "A filter sees `in_channels / groups` channels.")
def cost_without_groups(right, *arguments):
    cost = right(*arguments)
    plain = right(*arguments[:6], 1, *arguments[7:])
    return changed(cost, params=plain.params, macs=plain.macs)


@mistake("each MAC count includes the bias", "Adding a bias multiplies nothing: it is no MAC.")
def macs_with_bias(right, *arguments):
    cost = right(*arguments)
    channels, rows, columns = cost.out_shape
    return changed(cost, macs=cost.macs + channels * rows * columns)


@mistake("the channels come last in out_shape", "The course writes shapes as (C, H, W).")
def cost_channels_last(right, *arguments):
    cost = right(*arguments)
    return changed(cost, out_shape=(*cost.out_shape[1:], cost.out_shape[0]))


CONV_COST = Exercise(
    "conv_cost",
    counting.conv_cost,
    cases=[
        Case("six 5x5 filters on 28x28x3, padding 2", constant(3, 6, 5, 28, 1, 2, 1, True)),
        Case("no bias", constant(16, 8, 3, 10, 1, 1, 1, False)),
        Case("stride 2 on a 9x7 image", constant(4, 6, (3, 2), (9, 7), 2, 0, 1, True)),
        Case("two groups", constant(8, 12, 3, 6, 1, 1, 2, True)),
    ],
    mistakes=[
        biases_uncounted,
        flops_counted,
        decimal_kilobytes,
        memory_in_bytes,
        cost_without_groups,
        macs_with_bias,
        cost_channels_last,
    ],
    parts=("out_shape", "params", "macs", "kib"),
    section="What a layer costs",
)


@mistake(
    "the strides are ignored",
    "After a stride of 2, one step of the next layer is two input pixels.",
)
def field_without_strides(right, layers):
    return right([(kernel_size, 1) for kernel_size, _ in layers])


RECEPTIVE_FIELD = Exercise(
    "receptive_field",
    counting.receptive_field,
    cases=[
        Case("one 5x5 layer", constant([(5, 1)])),
        Case("three 3x3 layers", constant([(3, 1)] * 3)),
        Case("a stride in the first layer", constant([(3, 2), (3, 1)])),
        Case("two layers behind a stride", constant([(3, 2), (3, 1), (3, 1)])),
    ],
    mistakes=[field_without_strides],
    section="Receptive field",
)


NUMBERS = (
    "output_shape", "params", "macs", "kib", "params_per_filter", "pointwise_params",
    "pointwise_macs", "valid_5x5_layers",
)  # fmt: skip

EXERCISES = [
    ONE_OUTPUT, CONV_OUTPUT_SIZE, FITS_EXACTLY, CONV2D_FORWARD, CONV2D_BACKWARD, IM2COL,
    CONV2D_IM2COL, POINTWISE_CONV2D, GROUPED_CONV2D, SAME_PADDING, CONV_COST, RECEPTIVE_FIELD,
]  # fmt: skip

one_output = partial(check, ONE_OUTPUT)
conv_output_size = partial(check, CONV_OUTPUT_SIZE)
fits_exactly = partial(check, FITS_EXACTLY)
conv2d_forward = partial(check, CONV2D_FORWARD)
conv2d_backward = partial(check, CONV2D_BACKWARD)
im2col = partial(check, IM2COL)
conv2d_im2col = partial(check, CONV2D_IM2COL)
pointwise_conv2d = partial(check, POINTWISE_CONV2D)
grouped_conv2d = partial(check, GROUPED_CONV2D)
same_padding = partial(check, SAME_PADDING)
conv_cost = partial(check, CONV_COST)
receptive_field = partial(check, RECEPTIVE_FIELD)
layer_numbers = partial(check_numbers, "layer_numbers", NUMBERS, shapes=["output_shape"])
