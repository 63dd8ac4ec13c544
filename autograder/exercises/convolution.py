"""Hidden cases and further mistakes of `01_convolution`.

The exercises themselves, and the mistakes the visible checks already know, are in
`helpers.checks.convolution`; here they get other cases, fresh inputs and company.
All cases of an exercise together stay below 20,000 MACs: seven nested loops are fast enough.
"""

from dataclasses import replace

import torch

from autograder.judge.graded import AUTOGRAD, CONVOLUTION, UNFOLD, Graded, Withhold
from helpers.checks import convolution as visible
from helpers.checks.convolution import (
    backward_inputs,
    changed,
    constant,
    forward_inputs,
    image_inputs,
)
from helpers.checks.exercise import Case, Exercise, mistake
from helpers.convolution import conv_output_size, pair
from helpers.counting import conv_cost


def _both(value):
    return value if isinstance(value, tuple) else (value, value)


def sized(size, kernel_size, stride=1, padding=0, dilation=1):
    """Inputs of an output size whose `size` varies by whole strides: what fits still does."""

    def make(rng):
        steps = int(rng.integers(12))
        rows, columns = (n + steps * s for n, s in zip(_both(size), _both(stride), strict=True))
        varied = rows if isinstance(size, int) and rows == columns else (rows, columns)
        return varied, kernel_size, stride, padding, dilation

    return make


def too_large(size, padding=0):
    """Inputs of an output size with a kernel that exceeds the padded input in one direction."""

    def make(rng):
        kernel = min(_both(size)) + 2 * padding + int(rng.integers(1, 6))
        return size, kernel if isinstance(size, int) else (kernel, 3), 1, padding

    return make


def layer(in_channels, out_channels, kernel_size, size, stride, padding, groups, bias):
    """Inputs of a cost whose channels vary by multiples of `groups`, its size by whole strides."""

    def make(rng):
        more = [groups * int(n) for n in rng.integers(1, 9, 2)]
        varied, *_ = sized(size, kernel_size, stride, padding)(rng)
        channels = (in_channels + more[0], out_channels + more[1])
        return (*channels, kernel_size, varied, stride, padding, groups, bias)

    return make


def stack(*strides, kernels=(2, 8)):
    """Inputs of a receptive field: layers of these strides with kernels drawn from a range."""

    def make(rng):
        drawn = rng.integers(*kernels, len(strides))
        return ([(int(k), s) for k, s in zip(drawn, strides, strict=True)],)

    return make


# Output size --------------------------------------------------------------------------------


@mistake(
    "no error is raised for a kernel that does not fit",
    "Compare the kernel with the padded input, and `raise ValueError(...)`.",
)
def kernel_too_large_accepted(right, size, kernel_size, stride=1, padding=0, dilation=1):
    try:
        return right(size, kernel_size, stride, padding, dilation)
    except ValueError:
        sizes, kernels = pair(size, "size"), pair(kernel_size, "kernel_size")
        return (sizes[0] - kernels[0]) // pair(stride, "stride")[0] + 1


@mistake("only the rows are answered for a pair", "A pair in, a pair out: (rows, columns).")
def rows_only(right, *arguments):
    size = right(*arguments)
    return size[0] if isinstance(size, tuple) else size


OUTPUT_SIZE = replace(
    visible.CONV_OUTPUT_SIZE,
    cases=[
        Case("stride 1, no padding", sized(28, 5)),
        Case("a stride that divides", sized(227, 11, 4)),
        Case("a stride that does not divide", sized(56, 3, 2)),
        Case("padding", sized(31, 7, 1, 3)),
        Case("padding and a stride that does not divide", sized(224, 7, 2, 3)),
        Case("dilation", sized(30, 3, 1, 0, 4)),
        Case("dilation, stride and padding", sized(33, 5, 3, 2, 2)),
        Case("pairs", sized((12, 17), (5, 3), (2, 3), (0, 2))),
        Case("a pair of sizes, the rest ints", sized((12, 17), 4, 3, 1)),
        Case("a kernel as large as the padded input", constant(5, 9, 1, 2)),
        Case("a kernel larger than the input", too_large(6), raises=ValueError),
        Case("a kernel too large in one direction", too_large((4, 9)), raises=ValueError),
    ],
    mistakes=[*visible.CONV_OUTPUT_SIZE.mistakes, kernel_too_large_accepted, rows_only],
)


@mistake("the kernel's size is left out", "How far can the window travel? Not the whole width.")
def fit_without_kernel(right, size, kernel_size, stride=1, padding=0, dilation=1):
    steps = zip(pair(size, "n"), pair(stride, "s"), pair(padding, "p", 0), strict=True)
    right(size, kernel_size, stride, padding, dilation)
    return all((n + 2 * p) % s == 0 for n, s, p in steps)


@mistake("only the rows are looked at", "Both directions have to fit.")
def fit_of_rows_only(right, size, kernel_size, stride=1, padding=0, dilation=1):
    arguments = zip((size, kernel_size, stride, padding, dilation), (1, 1, 1, 0, 1), strict=True)
    return right(*(pair(value, "value", least)[0] for value, least in arguments))


FITS = replace(
    visible.FITS_EXACTLY,
    cases=[
        Case("stride 1 always fits", sized(17, 4)),
        Case("a stride that divides", sized(227, 11, 4)),
        Case("a stride that does not divide", sized(224, 11, 4)),
        Case("padding decides that it fits", sized(10, 3, 3, 1)),
        Case("padding decides that it does not", sized(12, 3, 3, 2)),
        Case("the padded input divides, the way of the window does not", sized(9, 2, 3)),
        Case("kernel 5, stride 2 on an even size", sized(32, 5, 2, 2)),
        Case("rows fit, columns do not", sized((11, 12), 3, 2)),
        Case("columns fit, rows do not", sized((12, 11), 3, 2)),
        Case("pairs that fit", sized((9, 14), (3, 2), (2, 4), (0, 1))),
        Case("a kernel larger than the padded input", too_large((4, 9), 1), raises=ValueError),
    ],
    mistakes=[*visible.FITS_EXACTLY.mistakes, fit_without_kernel, fit_of_rows_only],
)

# Forward ------------------------------------------------------------------------------------


@mistake("the border is repeated instead of zeros", "Zero padding surrounds the image with zeros.")
def border_repeated(right, x, weight, bias=None, stride=1, padding=0):
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    around = torch.nn.functional.pad(x, (columns, columns, rows, rows), mode="replicate")
    return right(around, weight, bias, stride, 0)


@mistake(
    "the kernel is taken as square", "Height and width of the kernel are weight.shape[2] and [3]."
)
def kernel_taken_as_square(right, x, weight, *rest):
    side = weight.shape[2]
    if side > weight.shape[3]:
        raise RuntimeError("The size of tensor a must match the size of tensor b")
    return right(x, weight[..., :side], *rest)


@mistake("every image gets the first image's output", "The first axis counts the images.")
def first_image_only(right, x, *rest):
    return right(x[:1], *rest).expand(len(x), -1, -1, -1)


@mistake(
    "the output size is rounded up when the stride does not divide",
    "A window that would stick out beyond the padded input is not taken.",
)
def one_window_too_many(right, x, weight, bias=None, stride=1, padding=0):
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    border = padding if isinstance(padding, tuple) else (padding, padding)
    ways = [x.shape[2 + d] + 2 * border[d] - weight.shape[2 + d] for d in (0, 1)]
    more = [-way % step for way, step in zip(ways, steps, strict=True)]
    sides = (border[1], border[1] + more[1], border[0], border[0] + more[0])
    return right(torch.nn.functional.pad(x, sides), weight, bias, stride, 0)


@mistake(
    "the padding is added at the bottom and on the right only",
    "Half of it belongs above and to the left.",
)
def padded_on_one_side(right, x, weight, bias=None, stride=1, padding=0):
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    shifted = torch.nn.functional.pad(x, (0, 2 * columns, 0, 2 * rows))
    return right(shifted, weight, bias, stride, 0)


@mistake(
    "the result is always float32", "`torch.zeros` makes float32; give it the dtype of the input."
)
def always_float32(right, *arguments):
    return right(*arguments).float()


FORWARD = replace(
    visible.CONV2D_FORWARD,
    cases=[
        Case("one 3x3 filter on a square image", forward_inputs((1, 1, 6, 6), (1, 1, 3, 3), False)),
        Case("several images and channels", forward_inputs((3, 2, 5, 6), (4, 2, 3, 3))),
        Case("one channel in, several out", forward_inputs((1, 1, 5, 4), (5, 1, 2, 2))),
        Case("a kernel wider than high", forward_inputs((2, 2, 5, 6), (2, 2, 2, 4))),
        Case("a kernel higher than wide", forward_inputs((1, 2, 6, 5), (2, 2, 4, 2))),
        Case("1x1 kernel", forward_inputs((2, 3, 3, 4), (2, 3, 1, 1))),
        Case("a kernel as large as the image", forward_inputs((2, 2, 4, 3), (3, 2, 4, 3))),
        Case("padding 2", forward_inputs((1, 2, 4, 5), (2, 2, 3, 3), True, 1, 2)),
        Case("padding (0, 2)", forward_inputs((1, 2, 5, 4), (2, 2, 3, 2), True, 1, (0, 2))),
        Case("stride 2", forward_inputs((2, 2, 7, 9), (2, 2, 3, 3), True, 2)),
        Case("stride (3, 1)", forward_inputs((1, 2, 7, 6), (2, 2, 3, 3), True, (3, 1))),
        Case("a stride that does not divide", forward_inputs((1, 2, 8, 9), (2, 2, 3, 2), True, 3)),
        Case("stride 2, padding 1, rectangular kernel, no bias",
             forward_inputs((2, 2, 6, 7), (3, 2, 2, 3), False, 2, 1)),
        Case("float32 stays float32",
             forward_inputs((1, 2, 5, 5), (2, 2, 3, 3), True, 1, 1), "float32", keeps_dtype=True),
        Case("float64 stays float64",
             forward_inputs((1, 2, 4, 5), (2, 2, 3, 3), True, 1, 1), keeps_dtype=True),
    ],
    mistakes=[
        *visible.CONV2D_FORWARD.mistakes, border_repeated, kernel_taken_as_square,
        first_image_only, one_window_too_many, padded_on_one_side,
        always_float32,
    ],
)  # fmt: skip

# Backward -----------------------------------------------------------------------------------


@mistake(
    "grad_weight comes out flipped", "Weight (i, j) met the pixel at offset (i, j) in each window."
)
def weight_gradient_flipped(right, *arguments):
    grad_x, grad_weight, grad_bias = right(*arguments)
    return grad_x, grad_weight.flip(-2, -1), grad_bias


@mistake(
    "grad_weight is computed from the image without its padding in place",
    "The windows of the forward pass lay on the padded image; so do those of the backward pass.",
)
def backward_without_padding(right, grad_out, x, weight, stride=1, padding=0):
    grad_x, _, grad_bias = right(grad_out, x, weight, stride, padding)
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    shifted = torch.nn.functional.pad(x, (0, 2 * columns, 0, 2 * rows))
    return grad_x, right(grad_out, shifted, weight, stride, 0)[1], grad_bias


@mistake(
    "grad_x lacks the rows and columns that no window reaches",
    "They got no gradient, but they are there: grad_x has the shape of x, with zeros.",
)
def unreached_pixels_missing(right, grad_out, x, weight, stride=1, padding=0):
    grad_x, *rest = right(grad_out, x, weight, stride, padding)
    border, steps = pair(padding, "padding", 0), pair(stride, "stride")
    reached = [
        min(
            (grad_out.shape[2 + d] - 1) * steps[d] + weight.shape[2 + d] - border[d], x.shape[2 + d]
        )
        for d in (0, 1)
    ]
    return (grad_x[:, :, : reached[0], : reached[1]], *rest)


@mistake("grad_bias keeps axes of size one", "It has the shape of the bias: (out_channels,).")
def bias_gradient_with_axes(right, *arguments):
    grad_x, grad_weight, grad_bias = right(*arguments)
    return grad_x, grad_weight, grad_bias[None, :, None, None]


@mistake(
    "the gradients are always float32",
    "`torch.zeros` makes float32; `torch.zeros_like(x)` does not.",
)
def gradients_always_float32(right, *arguments):
    return tuple(gradient.float() for gradient in right(*arguments))


BACKWARD = replace(
    visible.CONV2D_BACKWARD,
    cases=[
        Case("one filter, one channel", backward_inputs((1, 1, 4, 4), (1, 1, 2, 2))),
        Case("several images and channels", backward_inputs((3, 2, 5, 4), (3, 2, 3, 2))),
        Case("a kernel wider than high", backward_inputs((2, 2, 4, 6), (2, 2, 2, 3))),
        Case("1x1 kernel", backward_inputs((2, 3, 3, 4), (2, 3, 1, 1))),
        Case("windows that do not overlap", backward_inputs((2, 1, 4, 6), (2, 1, 2, 2), 2)),
        Case("stride 2, overlapping windows", backward_inputs((2, 1, 7, 5), (2, 1, 3, 3), 2)),
        Case("a stride that does not divide", backward_inputs((1, 2, 8, 6), (2, 2, 3, 3), 3)),
        Case("stride (1, 2)", backward_inputs((1, 2, 4, 7), (2, 2, 2, 3), (1, 2))),
        Case("padding 1", backward_inputs((2, 2, 4, 5), (2, 2, 3, 3), 1, 1)),
        Case("padding (0, 2)", backward_inputs((2, 1, 5, 4), (2, 1, 3, 3), 1, (0, 2))),
        Case("stride 2, padding 1, rectangular kernel",
             backward_inputs((2, 2, 6, 5), (2, 2, 2, 3), 2, 1)),
        Case("float32 stays float32",
             backward_inputs((1, 2, 4, 4), (2, 2, 3, 3), 1, 1), "float32", keeps_dtype=True),
        Case("float64 stays float64",
             backward_inputs((1, 2, 4, 4), (2, 2, 2, 2)), keeps_dtype=True),
    ],
    mistakes=[
        *visible.CONV2D_BACKWARD.mistakes, weight_gradient_flipped,
        backward_without_padding, unreached_pixels_missing,
        bias_gradient_with_axes, gradients_always_float32,
    ],
)  # fmt: skip

# im2col -------------------------------------------------------------------------------------


@mistake(
    "the images of the batch share one matrix", "The shape is (N, C*kH*kW, L): one matrix an image."
)
def batch_in_one_matrix(right, *arguments):
    return torch.cat(list(right(*arguments)), dim=1)


COLUMNS = replace(
    visible.IM2COL,
    cases=[
        Case("one channel, 3x3 windows", image_inputs((1, 1, 5, 4), 3)),
        Case("several images and channels", image_inputs((3, 2, 4, 5), 2)),
        Case("windows wider than high", image_inputs((1, 3, 4, 6), (2, 4))),
        Case("1x1 windows", image_inputs((2, 3, 3, 4), 1)),
        Case("padding 2", image_inputs((1, 2, 4, 3), 3, 1, 2)),
        Case("padding (1, 0)", image_inputs((2, 1, 3, 5), 3, 1, (1, 0))),
        Case("stride (2, 1)", image_inputs((1, 2, 7, 5), 3, (2, 1))),
        Case("a stride that does not divide", image_inputs((2, 2, 6, 8), 3, 2, 0)),
        Case("float32", image_inputs((1, 2, 4, 4), 2), "float32", keeps_dtype=True),
        Case("float64 stays float64", image_inputs((2, 1, 4, 5), 2), keeps_dtype=True),
    ],
    mistakes=[*visible.IM2COL.mistakes, batch_in_one_matrix, always_float32],
)

RIGHT_IM2COL = """
def im2col(x, kernel_size, stride=1, padding=0):
    from torch.nn.functional import unfold

    return unfold(x, kernel_size, padding=padding, stride=stride)
"""


@mistake(
    "rows and columns of the output are exchanged",
    "The L windows run row by row: reshape to (N, out_channels, H_out, W_out).",
)
def output_reshaped_the_other_way(right, *arguments):
    out = right(*arguments)
    return out.reshape(*out.shape[:2], out.shape[3], out.shape[2])


IM2COL_FORWARD = replace(
    visible.CONV2D_IM2COL,
    cases=FORWARD.cases,
    mistakes=[
        *visible.CONV2D_IM2COL.mistakes, visible.strides_exchanged, visible.bias_repeated,
        output_reshaped_the_other_way, always_float32,
    ],
)  # fmt: skip

RIGHT_OUTPUT_SIZE = """
def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    both = [v if isinstance(v, tuple) else (v, v)
            for v in (size, kernel_size, stride, padding, dilation)]
    out = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(*both))
    if min(out) < 1:
        raise ValueError("the kernel does not fit")
    pairs = (size, kernel_size, stride, padding, dilation)
    return out if any(isinstance(v, tuple) for v in pairs) else out[0]
"""

RIGHT_FORWARD = """
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    from torch.nn.functional import unfold

    kernel = tuple(weight.shape[2:])
    out = weight.flatten(1) @ unfold(x, kernel, padding=padding, stride=stride)
    out = out if bias is None else out + bias[:, None]
    pairs = [v if isinstance(v, tuple) else (v, v) for v in (stride, padding)]
    size = [
        (n + 2 * p - k) // s + 1 for n, k, s, p in zip(x.shape[2:], kernel, *pairs, strict=True)
    ]
    return out.reshape(len(x), len(weight), *size)
"""

# 1x1, groups, same padding ------------------------------------------------------------------


def pointwise_inputs(x, out_channels, bias=True):
    """Inputs (x, weight, bias) of a 1x1 convolution."""
    return lambda rng: forward_inputs(x, (out_channels, x[1], 1, 1), bias)(rng)[:3]


@mistake(
    "rows and columns come out exchanged",
    "Move the channels last and back; leave the image upright.",
)
def image_transposed(right, *arguments):
    return right(*arguments).transpose(2, 3)


POINTWISE = replace(
    visible.POINTWISE_CONV2D,
    cases=[
        Case("fewer channels out than in", pointwise_inputs((2, 5, 3, 4), 2)),
        Case("more channels out than in", pointwise_inputs((1, 2, 4, 3), 6)),
        Case("as many out as in", pointwise_inputs((2, 3, 3, 3), 3)),
        Case("no bias", pointwise_inputs((2, 4, 2, 5), 3, False)),
        Case("one pixel", pointwise_inputs((3, 4, 1, 1), 2)),
        Case("float64 stays float64", pointwise_inputs((1, 3, 2, 4), 2), keeps_dtype=True),
    ],
    mistakes=[*visible.POINTWISE_CONV2D.mistakes, image_transposed, always_float32],
)


@mistake("the bias is never added", "Each output channel has its bias, whatever its group.")
def grouped_bias_forgotten(right, x, weight, bias, *rest):
    return right(x, weight, None, *rest)


GROUPED = replace(
    visible.GROUPED_CONV2D,
    cases=[
        Case("two groups", forward_inputs((2, 4, 4, 5), (6, 2, 3, 2), True, 1, 0, 2)),
        Case("three groups, no bias", forward_inputs((1, 6, 4, 4), (3, 2, 2, 2), False, 1, 0, 3)),
        Case("one group is a plain convolution",
             forward_inputs((1, 3, 4, 4), (2, 3, 3, 3), True, 1, 1, 1)),
        Case("depthwise", forward_inputs((2, 3, 5, 4), (3, 1, 3, 3), True, 1, 1, 3)),
        Case("depthwise, two filters a channel",
             forward_inputs((1, 2, 5, 5), (4, 1, 2, 2), True, 2, 0, 2)),
        Case("stride (2, 1), padding (0, 1)",
             forward_inputs((1, 4, 5, 4), (4, 2, 3, 3), True, (2, 1), (0, 1), 2)),
        Case("groups that do not divide",
             forward_inputs((1, 3, 3, 3), (4, 1, 2, 2), False, 1, 0, 2), raises=ValueError),
    ],
    mistakes=[*visible.GROUPED_CONV2D.mistakes, grouped_bias_forgotten],
)  # fmt: skip


@mistake("even kernels are accepted", "Try F = 2: which P gives N + 2P - 2 + 1 = N?")
def even_kernels_accepted(right, kernel_size):
    return (
        tuple(k // 2 for k in kernel_size) if isinstance(kernel_size, tuple) else kernel_size // 2
    )


@mistake("the padding of both sides is added up", "P counts the zeros on one side.")
def both_sides_added_up(right, kernel_size):
    padding = right(kernel_size)
    return tuple(2 * p for p in padding) if isinstance(padding, tuple) else 2 * padding


SAME = replace(
    visible.SAME_PADDING,
    cases=[
        Case("a 1x1 kernel", constant(1)),
        Case("an odd kernel", lambda rng: (2 * int(rng.integers(2, 6)) + 1,)),
        Case("a large odd kernel", lambda rng: (2 * int(rng.integers(6, 40)) + 1,)),
        Case("a pair of odd sides", lambda rng: ((3, 2 * int(rng.integers(2, 40)) + 1),)),
        Case("an even kernel", lambda rng: (2 * int(rng.integers(1, 9)),), raises=ValueError),
        Case(
            "even in one direction",
            lambda rng: ((3, 2 * int(rng.integers(1, 9))),),
            raises=ValueError,
        ),
    ],
    mistakes=[even_kernels_accepted, both_sides_added_up],
)

# Cost ---------------------------------------------------------------------------------------


@mistake("a bias is counted where there is none", "With `bias=False` a filter has only weights.")
def absent_biases_counted(right, *arguments):
    return changed(right(*arguments), params=right(*arguments[:7], True).params)


@mistake("the padding is ignored", "It decides the output size, and all else follows from that.")
def cost_without_padding(right, *arguments):
    return right(*arguments[:5], 0, *arguments[6:])


@mistake("the stride is ignored", "It decides the output size, and all else follows from that.")
def cost_without_stride(right, *arguments):
    return right(*arguments[:4], 1, *arguments[5:])


@mistake(
    "MACs are counted for every input position", "Count the outputs, and what one output costs."
)
def macs_per_input_position(right, *arguments):
    cost = right(*arguments)
    rows, columns = pair(arguments[3], "size")
    per_position = cost.macs // (cost.out_shape[1] * cost.out_shape[2])
    return changed(cost, macs=per_position * rows * columns)


@mistake("memory counts values, not bytes", "A float32 takes four bytes.")
def memory_in_values(right, *arguments):
    cost = right(*arguments)
    return changed(cost, kib=cost.kib / 4)


COST = replace(
    visible.CONV_COST,
    cases=[
        Case("a square layer with padding", layer(3, 10, 5, 32, 1, 2, 1, True)),
        Case("a strided layer that does not divide", layer(3, 96, 11, 224, 4, 1, 1, True)),
        Case("no bias", layer(64, 32, 3, 14, 1, 1, 1, False)),
        Case("a rectangular image and kernel",
             layer(5, 7, (3, 1), (20, 33), (2, 1), (0, 0), 1, True)),
        Case("two groups", layer(96, 256, 5, 27, 1, 2, 2, True)),
        Case("depthwise, no bias", layer(32, 32, 3, 56, 2, 1, 32, False)),
        Case("1x1", layer(256, 64, 1, 28, 1, 0, 1, True)),
    ],
    mistakes=[
        *visible.CONV_COST.mistakes, absent_biases_counted, cost_without_padding,
        cost_without_stride, macs_per_input_position, memory_in_values,
    ],
)  # fmt: skip


@mistake("the kernel sizes are simply added", "Neighbouring windows overlap: a layer adds F - 1.")
def kernels_added(right, layers):
    return sum(kernel_size for kernel_size, _ in layers)


@mistake(
    "a layer's own stride already widens its window",
    "A stride spreads the windows of the layers behind it, not its own.",
)
def own_stride_first(right, layers):
    field, step = 1, 1
    for kernel_size, stride in layers:
        step *= stride
        field += (kernel_size - 1) * step
    return field


@mistake("the count starts at 0", "Without any layer, one output is one pixel.")
def field_from_zero(right, layers):
    return right(layers) - 1


FIELD = replace(
    visible.RECEPTIVE_FIELD,
    cases=[
        Case("no layer", constant([])),
        Case("one layer", stack(1)),
        Case("two layers of stride 1", stack(1, 1)),
        Case("a strided layer, then others", stack(2, 1, 1)),
        Case("strides throughout", stack(4, 2, 1, 2, kernels=(3, 12))),
        Case(
            "1x1 layers between",
            lambda rng: ([(1, 1), (int(rng.integers(2, 9)), 2), (1, 1), (2, 2)],),
        ),
    ],
    mistakes=[*visible.RECEPTIVE_FIELD.mistakes, kernels_added, own_stride_first, field_from_zero],
)

# Numbers ------------------------------------------------------------------------------------

_TEN = conv_cost(3, 10, 5, 32, padding=2)
_POINTWISE = conv_cost(64, 32, 1, 56)


def _numbers():
    size, layers = 32, 0
    while size >= 5:
        size, layers = conv_output_size(size, 5), layers + 1
    return {
        "output_shape": _TEN.out_shape,
        "params": _TEN.params,
        "macs": _TEN.macs,
        "kib": _TEN.kib,
        "params_per_filter": _TEN.params // 10,
        "pointwise_params": _POINTWISE.params,
        "pointwise_macs": _POINTWISE.macs,
        "valid_5x5_layers": layers,
    }


@mistake("the biases are left out", "One bias a filter, also for 1x1 filters.")
def number_without_biases(right):
    return right() | {"params": 750, "params_per_filter": 75, "pointwise_params": 2048}


@mistake("FLOPs are given instead of MACs", "A multiplication with its addition is one MAC.")
def numbers_in_flops(right):
    numbers = right()
    return numbers | {key: 2 * numbers[key] for key in ("macs", "pointwise_macs")}


@mistake("the output size forgets the padding", "Two zeros on each side make 36 of 32.")
def numbers_without_padding(right):
    cost = conv_cost(3, 10, 5, 32)
    return right() | {"output_shape": cost.out_shape, "macs": cost.macs, "kib": cost.kib}


@mistake("the channels come last in the shape", "The course writes shapes as (C, H, W).")
def shape_channels_last(right):
    return right() | {"output_shape": (*_TEN.out_shape[1:], _TEN.out_shape[0])}


@mistake("a KiB is taken as 1000 bytes", "1 KiB is 1024 bytes.")
def number_in_decimal_kilobytes(right):
    return right() | {"kib": _TEN.kib * 1.024}


@mistake("one layer too many is counted", "Does a 5x5 window fit on what the last one leaves?")
def one_layer_too_many(right):
    return right() | {"valid_5x5_layers": right()["valid_5x5_layers"] + 1}


NUMBERS = Exercise(
    "layer_numbers",
    _numbers,
    cases=[Case("the numbers of the lecture's examples", constant(), rtol=1e-4)],
    mistakes=[
        number_without_biases, numbers_in_flops, numbers_without_padding, shape_channels_last,
        number_in_decimal_kilobytes, one_layer_too_many,
    ],
    parts=tuple(_numbers()),
    section="What a layer costs",
)  # fmt: skip


def _answer(*names: str) -> Withhold:
    """Withhold the helpers that are the answer."""
    return Withhold(functions=names)


_SIZES = _answer("helpers.convolution.conv_output_size", "helpers.convolution.fits_exactly")
_NEEDS_SIZE = {"conv_output_size": RIGHT_OUTPUT_SIZE}

EXERCISES = {
    graded.exercise.name: graded
    for graded in (
        Graded(OUTPUT_SIZE, _SIZES | CONVOLUTION),
        Graded(FITS, _SIZES | CONVOLUTION, needs=_NEEDS_SIZE),
        Graded(FORWARD, CONVOLUTION, needs=_NEEDS_SIZE),
        Graded(BACKWARD, CONVOLUTION | AUTOGRAD, needs=_NEEDS_SIZE),
        Graded(COLUMNS, CONVOLUTION | UNFOLD, needs=_NEEDS_SIZE),
        Graded(IM2COL_FORWARD, CONVOLUTION, needs={**_NEEDS_SIZE, "im2col": RIGHT_IM2COL}),
        Graded(POINTWISE, CONVOLUTION),
        Graded(GROUPED, CONVOLUTION, needs={**_NEEDS_SIZE, "conv2d_forward": RIGHT_FORWARD}),
        Graded(SAME, _answer("helpers.convolution.same_padding")),
        Graded(COST, _answer("helpers.counting.conv_cost"), needs=_NEEDS_SIZE),
        Graded(FIELD, _answer("helpers.counting.receptive_field")),
        Graded(NUMBERS, kind="value"),
    )
}
