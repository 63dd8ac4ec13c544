"""Hidden cases and further mistakes of `02_pooling`.

The exercises themselves, and the mistakes the visible checks already know, are in
`helpers.checks.pooling`. Ties are judged in the cases that say so and nowhere else: elsewhere the
values are drawn from a continuous distribution.
"""

from dataclasses import replace

import torch

from autograder.exercises.convolution import always_float32
from autograder.judge.graded import AUTOGRAD, POOLING, Graded, Withhold
from helpers.checks import pooling as visible
from helpers.checks.convolution import constant, normal
from helpers.checks.exercise import Case, mistake
from helpers.checks.pooling import (
    pool_gradient_inputs,
    pool_inputs,
    subsample_gradient_inputs,
    subsample_inputs,
)

# Output size --------------------------------------------------------------------------------


@mistake(
    "no error is raised for a window that does not fit",
    "Compare the window with the padded input, and `raise ValueError(...)`.",
)
def large_window_accepted(right, size, kernel_size, stride=None, padding=0, ceil_mode=False):
    try:
        return right(size, kernel_size, stride, padding, ceil_mode)
    except ValueError:
        return 0


@mistake(
    "the result is a float", "A size is a whole number: use `//`, and `-(-a // b)` to round up."
)
def float_size(right, *arguments):
    size = right(*arguments)
    return tuple(float(n) for n in size) if isinstance(size, tuple) else float(size)


@mistake("only the rows are answered for a pair", "A pair in, a pair out: (rows, columns).")
def size_of_rows_only(right, *arguments):
    size = right(*arguments)
    return size[0] if isinstance(size, tuple) else size


OUTPUT_SIZE = replace(
    visible.POOL_OUTPUT_SIZE,
    cases=[
        Case("windows side by side, stride not given", constant(28, 2)),
        Case("windows side by side that do not divide", constant(31, 4)),
        Case("overlapping windows", constant(27, 3, 2)),
        Case("stride 1", constant(14, 3, 1, 1)),
        Case("a stride that does not divide", constant(224, 3, 2)),
        Case("`ceil_mode`, a stride that does not divide", constant(224, 3, 2, 0, True)),
        Case("`ceil_mode`, a stride that divides", constant(13, 3, 2, 0, True)),
        Case("padding", constant(57, 3, 2, 1)),
        Case("`ceil_mode` with padding", constant(58, 3, 2, 1, True)),
        Case("`ceil_mode`, a window that would start behind the last pixel",
             constant(5, 2, 2, 1, True)),
        Case("`ceil_mode`, a stride larger than the window", constant(8, 2, 4, 0, True)),
        Case("`ceil_mode`, a stride larger than the window, nothing left to see",
             constant(7, 1, 4, 0, True)),
        Case("pairs", constant((12, 17), (3, 5), (2, 3), (1, 2))),
        Case("a pair of sizes, the rest ints", constant((28, 10), 2)),
        Case("pairs with `ceil_mode`", constant((10, 9), (3, 2), (2, 2), (0, 1), True)),
        Case("a window larger than the input", constant(6, 7), raises=ValueError),
        Case("a window too large in one direction", constant((9, 4), (3, 5)), raises=ValueError),
    ],
    mistakes=[
        *visible.POOL_OUTPUT_SIZE.mistakes, large_window_accepted, float_size, size_of_rows_only,
    ],
)  # fmt: skip

# Both forward passes ------------------------------------------------------------------------


@mistake(
    "the window is taken as square",
    "`kernel_size` may be a pair: the window's height and width can differ.",
)
def window_taken_as_square(right, x, kernel_size, stride=None, *rest):
    stride = kernel_size if stride is None else stride
    side = kernel_size[0] if isinstance(kernel_size, tuple) else kernel_size
    return right(x, side, stride, *rest)


@mistake(
    "the strides of rows and columns are exchanged", "A pair is (rows, columns), as everywhere."
)
def pool_strides_exchanged(right, x, kernel_size, stride=None, *rest):
    return right(x, kernel_size, stride[::-1] if isinstance(stride, tuple) else stride, *rest)


# Max pooling, forward -----------------------------------------------------------------------


@mistake(
    "a last window that sticks out is taken",
    "The forward pass rounds down: such a window is left out.",
)
def partial_windows_taken(right, x, kernel_size, stride=None, padding=0):
    stride = kernel_size if stride is None else stride
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    border = padding if isinstance(padding, tuple) else (padding, padding)
    sides = zip(x.shape[2:], kernel, steps, border, strict=True)
    rows, columns = (max(0, -(n + 2 * p - k) % s - p) for n, k, s, p in sides)
    more = torch.nn.functional.pad(x, (0, columns, 0, rows), value=-1e300)
    return right(more, kernel_size, stride, padding)


@mistake(
    "the paddings of rows and columns are exchanged",
    "`F.pad` starts with the last axis: its first two numbers are left and right.",
)
def max_paddings_exchanged(right, x, kernel_size, stride=None, padding=0):
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    around = torch.nn.functional.pad(x, (rows, rows, columns, columns), value=-1e300)
    return right(around, kernel_size, kernel_size if stride is None else stride, 0)


MAX_FORWARD = replace(
    visible.MAX_FORWARD,
    cases=[
        Case("windows side by side", pool_inputs((1, 1, 6, 4), 2), rtol=0),
        Case("several images and channels", pool_inputs((3, 2, 4, 6), 2, 2), rtol=0),
        Case("windows side by side, something left over", pool_inputs((1, 2, 8, 7), 3), rtol=0),
        Case("overlapping windows, 3x3 at stride 2", pool_inputs((2, 2, 9, 7), 3, 2), rtol=0),
        Case("overlapping windows, a stride that does not divide",
             pool_inputs((1, 2, 8, 10), 3, 2), rtol=0),
        Case("stride 1", pool_inputs((1, 2, 5, 6), 2, 1), rtol=0),
        Case("a stride larger than the window", pool_inputs((1, 2, 8, 7), 2, 3), rtol=0),
        Case("a window wider than high", pool_inputs((2, 2, 4, 8), (2, 4)), rtol=0),
        Case("a window higher than wide, overlapping",
             pool_inputs((1, 2, 8, 6), (4, 2), (2, 1)), rtol=0),
        Case("stride (1, 3)", pool_inputs((1, 2, 6, 9), 3, (1, 3)), rtol=0),
        Case("only negative values", pool_inputs((1, 2, 5, 6), 2, 1, shift=-9.0), rtol=0),
        Case("padding 1", pool_inputs((1, 2, 6, 5), 3, 2, 1), rtol=0),
        Case("padding 1 around negative values",
             pool_inputs((2, 1, 5, 6), 2, 2, 1, shift=-9.0), rtol=0),
        Case("padding (0, 1), a window wider than high",
             pool_inputs((1, 2, 4, 5), (2, 3), 1, (0, 1)), rtol=0),
        Case("float32 stays float32",
             pool_inputs((1, 2, 5, 5), 3, 2, 1), "float32", keeps_dtype=True, rtol=0),
        Case("float64 stays float64", pool_inputs((1, 2, 4, 4), 2), keeps_dtype=True, rtol=0),
    ],
    mistakes=[
        *visible.MAX_FORWARD.mistakes, window_taken_as_square, pool_strides_exchanged,
        partial_windows_taken, max_paddings_exchanged, always_float32,
    ],
)  # fmt: skip

# Max pooling, backward ----------------------------------------------------------------------


@mistake(
    "equal maxima share the gradient",
    "Of several equal maxima the first one, row by row, gets the gradient.",
)
def shared_among_maxima(right, grad_out, x, kernel_size, stride=None, padding=0):
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    stride = kernel_size if stride is None else stride
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    around = torch.nn.functional.pad(x, (columns, columns, rows, rows), value=-torch.inf)
    grad = torch.zeros_like(around)
    for i in range(grad_out.shape[2]):
        for j in range(grad_out.shape[3]):
            top, left = i * steps[0], j * steps[1]
            here = (..., slice(top, top + kernel[0]), slice(left, left + kernel[1]))
            equal = (around[here] == around[here].amax((2, 3), keepdim=True)).to(x.dtype)
            share = equal / equal.sum((2, 3), keepdim=True)
            grad[here] += share * grad_out[:, :, i : i + 1, j : j + 1]
    return grad[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]]


@mistake(
    "a window, with one winner and zeros around it, replaces what an overlapping one has sent",
    "Add the window to what is there, `+=`, or change the winner's place alone.",
)
def window_of_one_winner_overwritten(right, grad_out, x, kernel_size, stride=None, padding=0):
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    stride = kernel_size if stride is None else stride
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    border = padding if isinstance(padding, tuple) else (padding, padding)
    grad_x = torch.zeros_like(x)
    for i in range(grad_out.shape[2]):
        for j in range(grad_out.shape[3]):
            here = torch.zeros_like(grad_out)
            here[:, :, i, j] = grad_out[:, :, i, j]
            sent = right(here, x, kernel_size, stride, padding)
            starts = [n * s - p for n, s, p in zip((i, j), steps, border, strict=True)]
            reach = zip(starts, kernel, strict=True)
            rows, columns = (slice(max(start, 0), start + k) for start, k in reach)
            grad_x[:, :, rows, columns] = sent[:, :, rows, columns]
    return grad_x


@mistake(
    "the way back takes the windows as lying side by side",
    "The windows of the backward pass are those of the forward pass: they start at i * stride.",
)
def windows_side_by_side(right, grad_out, x, kernel_size, stride=None, padding=0):
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    around = torch.nn.functional.pad(x, (columns, columns, rows, rows), value=-torch.inf)
    grad = torch.zeros_like(around)
    for n in range(len(x)):
        for c in range(x.shape[1]):
            for i in range(grad_out.shape[2]):
                for j in range(grad_out.shape[3]):
                    top, left = i * kernel[0], j * kernel[1]
                    window = around[n, c, top : top + kernel[0], left : left + kernel[1]]
                    row, column = divmod(int(window.argmax()), window.shape[1])
                    grad[n, c, top + row, left + column] += grad_out[n, c, i, j]
    return grad[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]]


@mistake(
    "the place in the flattened window is divided by its height",
    "A row of the window has as many places as the window has columns: divide by kW.",
)
def place_divided_by_height(right, grad_out, x, kernel_size, stride=None, padding=0):
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    stride = kernel_size if stride is None else stride
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    around = torch.nn.functional.pad(x, (columns, columns, rows, rows), value=-torch.inf)
    grad = torch.zeros_like(around)
    for n in range(len(x)):
        for c in range(x.shape[1]):
            for i in range(grad_out.shape[2]):
                for j in range(grad_out.shape[3]):
                    top, left = i * steps[0], j * steps[1]
                    window = around[n, c, top : top + kernel[0], left : left + kernel[1]]
                    row, column = divmod(int(window.argmax()), kernel[0])
                    grad[n, c, top + row, left + column] += grad_out[n, c, i, j]
    return grad[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]]


@mistake(
    "grad_x lacks the rows and columns that no window reaches",
    "They got no gradient, but they are there: grad_x has the shape of x, with zeros.",
)
def unreached_rows_missing(right, grad_out, x, kernel_size, stride=None, padding=0, *rest):
    grad_x = right(grad_out, x, kernel_size, stride, padding, *rest)
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    stride = kernel_size if stride is None else stride
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    border = padding if isinstance(padding, tuple) else (padding, padding)
    sides = zip(grad_out.shape[2:], steps, kernel, border, strict=True)
    rows, columns = ((n - 1) * s + k - p for n, s, k, p in sides)
    return grad_x[:, :, :rows, :columns]


@mistake(
    "all channels send their gradients to one pixel of the window",
    "Every map has its own maxima: look for them map by map.",
)
def one_winner_for_all_channels(right, grad_out, x, *rest):
    together = x.amax(dim=1, keepdim=True).expand_as(x).contiguous()
    return right(grad_out, together, *rest)


GRADIENT_CASES = [  # what both backward passes have to do
    Case("windows side by side", pool_gradient_inputs((1, 1, 6, 4), 2)),
    Case("several images and channels", pool_gradient_inputs((3, 2, 4, 6), 2, 2)),
    Case("windows side by side, something left over", pool_gradient_inputs((1, 2, 8, 7), 3)),
    Case("overlapping windows, 3x3 at stride 2", pool_gradient_inputs((2, 2, 9, 7), 3, 2)),
    Case("overlapping windows, 3x3 at stride 1", pool_gradient_inputs((2, 1, 6, 7), 3, 1)),
    Case("overlapping windows, a stride that does not divide",
         pool_gradient_inputs((1, 2, 8, 10), 3, 2)),
    Case("overlapping windows, wider than high",
         pool_gradient_inputs((1, 2, 6, 8), (2, 4), (1, 2))),
]  # fmt: skip


MAX_BACKWARD = replace(
    visible.MAX_BACKWARD,
    cases=[
        *GRADIENT_CASES,
        Case("overlapping windows, higher than wide",
             pool_gradient_inputs((2, 1, 8, 6), (4, 2), (2, 1))),
        Case("a window wider than high", pool_gradient_inputs((2, 2, 4, 6), (2, 3))),
        Case("a stride larger than the window", pool_gradient_inputs((1, 2, 8, 7), 2, 3)),
        Case("padding 1", pool_gradient_inputs((1, 2, 6, 5), 3, 2, 1)),
        Case("padding 1 around negative values",
             pool_gradient_inputs((2, 1, 5, 6), 2, 2, 1, shift=-9.0)),
        Case("padding (1, 0), overlapping", pool_gradient_inputs((1, 2, 5, 6), (3, 2), 1, (1, 0))),
        Case("ties in windows side by side: the first maximum gets the gradient",
             pool_gradient_inputs((2, 2, 4, 6), 2, values=2)),
        Case("ties in overlapping windows: the first maximum gets the gradient",
             pool_gradient_inputs((1, 2, 7, 7), 3, 2, values=3)),
        Case("float32 stays float32",
             pool_gradient_inputs((1, 2, 5, 5), 3, 2, 1), "float32", keeps_dtype=True),
        Case("float64 stays float64", pool_gradient_inputs((1, 2, 4, 4), 2), keeps_dtype=True),
    ],
    mistakes=[
        *visible.MAX_BACKWARD.mistakes, window_of_one_winner_overwritten,
        shared_among_maxima, windows_side_by_side, place_divided_by_height,
        unreached_rows_missing, one_winner_for_all_channels, always_float32,
    ],
)  # fmt: skip

# Average pooling ----------------------------------------------------------------------------


@mistake(
    "the sum is divided by the square of the window's height",
    "A window of kH x kW has kH * kW pixels.",
)
def divided_by_the_square(right, x, kernel_size, stride=None, padding=0, count=True):
    rows, columns = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    return right(x, kernel_size, stride, padding, count) * (columns / rows)


@mistake(
    "the paddings of rows and columns are exchanged",
    "`F.pad` starts with the last axis: its first two numbers are left and right.",
)
def avg_paddings_exchanged(right, x, kernel_size, stride=None, padding=0, count=True):
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    if rows == columns:
        return right(x, kernel_size, stride, padding, count)
    around = torch.nn.functional.pad(x, (rows, rows, columns, columns))
    return right(around, kernel_size, kernel_size if stride is None else stride, 0)


AVG_FORWARD = replace(
    visible.AVG_FORWARD,
    cases=[
        Case("windows side by side", pool_inputs((1, 1, 6, 4), 2)),
        Case("several images and channels", pool_inputs((3, 2, 4, 6), 2, 2)),
        Case("windows side by side, something left over", pool_inputs((1, 2, 8, 7), 3)),
        Case("overlapping windows, 3x3 at stride 2", pool_inputs((2, 2, 9, 7), 3, 2)),
        Case("overlapping windows, a stride that does not divide",
             pool_inputs((1, 2, 8, 10), 3, 2)),
        Case("a stride larger than the window", pool_inputs((1, 2, 8, 7), 2, 3)),
        Case("a window wider than high", pool_inputs((2, 2, 4, 8), (2, 4))),
        Case("a window higher than wide, overlapping", pool_inputs((1, 2, 8, 6), (4, 2), (2, 1))),
        Case("stride (1, 3)", pool_inputs((1, 2, 6, 9), 3, (1, 3))),
        Case("padding 1, its zeros count", pool_inputs((1, 2, 6, 5), 3, 2, 1)),
        Case("padding 1, its zeros do not count", pool_inputs((1, 2, 6, 5), 3, 2, 1, False)),
        Case("padding (0, 1), a window wider than high",
             pool_inputs((1, 2, 4, 5), (2, 3), 1, (0, 1))),
        Case("padding (1, 0), its zeros do not count",
             pool_inputs((2, 1, 5, 4), 2, 1, (1, 0), False)),
        Case("float32 stays float32",
             pool_inputs((1, 2, 5, 5), 3, 2, 1), "float32", keeps_dtype=True),
        Case("float64 stays float64", pool_inputs((1, 2, 4, 4), 2), keeps_dtype=True),
    ],
    mistakes=[
        *visible.AVG_FORWARD.mistakes, window_taken_as_square, pool_strides_exchanged,
        divided_by_the_square, avg_paddings_exchanged, always_float32,
    ],
)  # fmt: skip


@mistake(
    "the shares are divided by the square of the window's height",
    "A window of kH x kW has kH * kW pixels.",
)
def shares_of_the_square(right, grad_out, x, kernel_size, stride=None, padding=0, count=True):
    rows, columns = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    return right(grad_out, x, kernel_size, stride, padding, count) * (columns / rows)


@mistake(
    "the way back takes the windows as lying side by side",
    "The windows of the backward pass are those of the forward pass: they start at i * stride.",
)
def shares_side_by_side(right, grad_out, x, kernel_size, stride=None, padding=0, count=True):
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    inside = torch.nn.functional.pad(torch.ones_like(x), (columns, columns, rows, rows))
    grad = torch.zeros_like(inside)
    for i in range(grad_out.shape[2]):
        for j in range(grad_out.shape[3]):
            top, left = i * kernel[0], j * kernel[1]
            here = (..., slice(top, top + kernel[0]), slice(left, left + kernel[1]))
            pixels = inside[here].sum((2, 3), keepdim=True).clamp(min=1)
            pixels = kernel[0] * kernel[1] if count else pixels
            grad[here] += grad_out[:, :, i : i + 1, j : j + 1] / pixels
    return grad[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]]


AVG_BACKWARD = replace(
    visible.AVG_BACKWARD,
    cases=[
        *GRADIENT_CASES,
        Case("a window higher than wide", pool_gradient_inputs((2, 2, 6, 4), (3, 2))),
        Case("a stride larger than the window", pool_gradient_inputs((1, 2, 8, 7), 2, 3)),
        Case("padding 1, its zeros count", pool_gradient_inputs((1, 2, 6, 5), 3, 2, 1)),
        Case("padding 1, its zeros do not count",
             pool_gradient_inputs((1, 2, 6, 5), 3, 2, 1, False)),
        Case("padding (0, 1), a window wider than high",
             pool_gradient_inputs((1, 2, 4, 5), (2, 3), 1, (0, 1))),
        Case("padding (1, 0), its zeros do not count",
             pool_gradient_inputs((2, 1, 5, 4), 2, 1, (1, 0), False)),
        Case("float32 stays float32",
             pool_gradient_inputs((1, 2, 5, 5), 3, 2, 1), "float32", keeps_dtype=True),
        Case("float64 stays float64", pool_gradient_inputs((1, 2, 4, 4), 2), keeps_dtype=True),
    ],
    mistakes=[
        *visible.AVG_BACKWARD.mistakes, shares_of_the_square, shares_side_by_side,
        unreached_rows_missing, always_float32,
    ],
)  # fmt: skip

# One number a map, LeNet's subsampling ------------------------------------------------------


@mistake("the largest value of each map is taken", "Global *average* pooling takes the mean.")
def largest_of_each_map(right, x):
    return x.amax(dim=(2, 3))


GLOBAL_AVG = replace(
    visible.GLOBAL_AVG,
    cases=[
        Case("several images and maps", lambda rng: (normal(rng, 3, 4, 5, 5),)),
        Case("maps that are not square", lambda rng: (normal(rng, 2, 3, 3, 6),)),
        Case("one image", lambda rng: (normal(rng, 1, 8, 7, 7),)),
        Case("maps of one pixel", lambda rng: (normal(rng, 2, 5, 1, 1),)),
        Case("float32", lambda rng: (normal(rng, 2, 3, 4, 4),), "float32", keeps_dtype=True),
        Case("float64 stays float64", lambda rng: (normal(rng, 2, 3, 4, 4),), keeps_dtype=True),
    ],
    mistakes=[*visible.GLOBAL_AVG.mistakes, largest_of_each_map, always_float32],
)


@mistake(
    "weight and bias run along the columns instead of the maps",
    "A shape (C,) lines up with the last axis. Make it (C, 1, 1) to line up with the maps.",
)
def parameters_along_the_columns(right, x, weight, bias):
    sums = right(x, torch.ones_like(weight), torch.zeros_like(bias))
    return sums * weight + bias


@mistake("the result is squashed already", "The squashing function is the next layer: stop at the"
         " bias.")  # fmt: skip
def squashed_already(right, *arguments):
    return torch.tanh(right(*arguments))


@mistake("the windows overlap", "LeNet's 2x2 windows lie side by side: stride 2.")
def overlapping_sums(right, x, weight, bias):
    out = x.new_zeros(*x.shape[:2], x.shape[2] - 1, x.shape[3] - 1)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            window = x[:, :, i : i + 2, j : j + 2]
            out[:, :, i : i + 1, j : j + 1] = right(window, weight, bias)
    return out


SUBSAMPLE = replace(
    visible.LENET_SUBSAMPLE,
    cases=[
        Case("one map", subsample_inputs((1, 1, 6, 4))),
        Case("several images and maps", subsample_inputs((3, 4, 4, 6))),
        Case("as many maps as output columns", subsample_inputs((2, 3, 4, 6))),
        Case("odd numbers of rows and columns", subsample_inputs((1, 2, 5, 7))),
        Case("float32 stays float32", subsample_inputs((1, 2, 4, 4)), "float32", keeps_dtype=True),
        Case("float64 stays float64", subsample_inputs((1, 2, 4, 4)), keeps_dtype=True),
    ],
    mistakes=[
        *visible.LENET_SUBSAMPLE.mistakes, parameters_along_the_columns, squashed_already,
        overlapping_sums, always_float32,
    ],
)  # fmt: skip


@mistake(
    "the gradients of weight and bias are not added up over the batch",
    "Two numbers serve a map in every image: add up over the batch too.",
)
def last_image_of_the_batch(right, grad_out, x, weight):
    last = right(grad_out[-1:], x[-1:], weight)
    return right(grad_out, x, weight)[0], *last[1:]


SUBSAMPLE_BACKWARD = replace(
    visible.LENET_SUBSAMPLE_BACKWARD,
    cases=[
        Case("one map", subsample_gradient_inputs((1, 1, 6, 4))),
        Case("several images and maps", subsample_gradient_inputs((3, 4, 4, 6))),
        Case("odd numbers of rows and columns", subsample_gradient_inputs((2, 2, 5, 7))),
        Case("float64 stays float64", subsample_gradient_inputs((2, 3, 4, 6)), keeps_dtype=True),
    ],
    mistakes=[*visible.LENET_SUBSAMPLE_BACKWARD.mistakes, last_image_of_the_batch],
)

BY_SHIFTS = replace(
    visible.MAX_BY_SHIFTS,
    cases=MAX_FORWARD.cases,
    mistakes=[*visible.MAX_BY_SHIFTS.mistakes, pool_strides_exchanged, always_float32],
)

# What an answer may call --------------------------------------------------------------------

RIGHT_OUTPUT_SIZE = """
def pool_output_size(size, kernel_size, stride=None, padding=0, ceil_mode=False):
    stride = kernel_size if stride is None else stride
    given = (size, kernel_size, stride, padding)
    out = []
    for n, k, s, p in zip(*(v if isinstance(v, tuple) else (v, v) for v in given)):
        if k > n + 2 * p:
            raise ValueError("the window does not fit")
        way = n + 2 * p - k
        count = way // s + 1
        out.append(count + (ceil_mode and way % s > 0 and count * s < n + p))
    return tuple(out) if any(isinstance(v, tuple) for v in given) else out[0]
"""

RIGHT_AVERAGE = """
def avg_pool2d_forward(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    import torch
    from torch.nn.functional import unfold

    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    stride = kernel if stride is None else stride
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    border = padding if isinstance(padding, tuple) else (padding, padding)
    size = [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(x.shape[2:], kernel, steps, border)]
    maps = x.reshape(-1, 1, *x.shape[2:])
    sums = unfold(maps, kernel, padding=border, stride=steps).sum(1)
    counts = unfold(torch.ones_like(maps), kernel, padding=border, stride=steps).sum(1)
    out = sums / (kernel[0] * kernel[1] if count_include_pad else counts)
    return out.reshape(*x.shape[:2], *size)
"""

RIGHT_AVERAGE_BACKWARD = """
def avg_pool2d_backward(grad_out, x, kernel_size, stride=None, padding=0, count_include_pad=True):
    import torch
    from torch.nn.functional import fold, unfold

    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    stride = kernel if stride is None else stride
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    border = padding if isinstance(padding, tuple) else (padding, padding)
    maps, places = x.reshape(-1, 1, *x.shape[2:]), kernel[0] * kernel[1]
    counts = unfold(torch.ones_like(maps), kernel, padding=border, stride=steps).sum(1)
    shares = grad_out.reshape(len(maps), -1) / (places if count_include_pad else counts)
    columns = shares[:, None].expand(-1, places, -1).contiguous()
    return fold(columns, x.shape[2:], kernel, padding=border, stride=steps).reshape(x.shape)
"""

_SIZE = {"pool_output_size": RIGHT_OUTPUT_SIZE}
_AVERAGE = {**_SIZE, "avg_pool2d_forward": RIGHT_AVERAGE}
_SIZES = Withhold(
    functions=("helpers.pooling.pool_output_size", "helpers.convolution.conv_output_size")
)

EXERCISES = {
    graded.exercise.name: graded
    for graded in (
        Graded(OUTPUT_SIZE, _SIZES | POOLING),
        Graded(MAX_FORWARD, POOLING, needs=_SIZE),
        Graded(MAX_BACKWARD, POOLING | AUTOGRAD, needs=_SIZE),
        Graded(AVG_FORWARD, POOLING, needs=_SIZE),
        Graded(AVG_BACKWARD, POOLING | AUTOGRAD, needs=_SIZE),
        Graded(GLOBAL_AVG, POOLING),
        Graded(SUBSAMPLE, POOLING, needs=_AVERAGE),
        Graded(
            SUBSAMPLE_BACKWARD,
            POOLING | AUTOGRAD,
            needs={**_AVERAGE, "avg_pool2d_backward": RIGHT_AVERAGE_BACKWARD},
        ),
        Graded(BY_SHIFTS, POOLING, needs=_SIZE),
    )
}
