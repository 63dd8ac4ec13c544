"""Visible checks of the second notebook, and the mistakes they know by name.

Each mistake is the right function with an argument or a result changed, so that the list gives
no solution away. Gradients of max pooling are compared on multiples of 1/32: their sums are exact
in whatever order they are added.
"""

from functools import partial

import torch
from torch.nn import functional

from helpers import pooling as reference
from helpers.checks import check
from helpers.checks.convolution import constant, normal
from helpers.checks.exercise import Case, Exercise, mistake
from helpers.convolution import pair


def pool_inputs(x, kernel_size, *rest, shift=0.0):
    """Inputs (x, kernel_size, *rest) from the shape of x; its values lie around `shift`."""
    return lambda rng: (normal(rng, *x) + shift, kernel_size, *rest)


def fractions(rng, *shape):
    """Random odd multiples of 1/32 between -4 and 4; none is 0."""
    return torch.from_numpy((2 * rng.integers(-64, 64, shape) + 1) / 32)


def pool_gradient_inputs(x, kernel_size, *rest, shift=0.0, values=None):
    """Inputs (grad_out, x, kernel_size, *rest) from the shape of x.

    values: integers are drawn below it instead of normal values, so that there are ties.
    """

    def make(rng):
        stride = rest[0] if rest else None
        padding = rest[1] if len(rest) > 1 else 0
        size = reference.pool_output_size(x[2:], kernel_size, stride, padding)
        image = normal(rng, *x) + shift
        if values is not None:
            image = torch.from_numpy(rng.integers(0, values, x)).double()
        return fractions(rng, *x[:2], *size), image, kernel_size, *rest

    return make


# Output size --------------------------------------------------------------------------------


@mistake(
    "a stride that is not given is taken as 1",
    "For pooling, `stride=None` means the size of the window.",
)
def stride_one_by_default(right, size, kernel_size, stride=None, *rest):
    return right(size, kernel_size, 1 if stride is None else stride, *rest)


@mistake("`ceil_mode` is ignored: it always rounds down", "With `ceil_mode=True` round up.")
def always_rounded_down(right, size, kernel_size, stride=None, padding=0, ceil_mode=False):
    return right(size, kernel_size, stride, padding, False)


@mistake("it always rounds up", "Round up only with `ceil_mode=True`.")
def always_rounded_up(right, size, kernel_size, stride=None, padding=0, ceil_mode=False):
    return right(size, kernel_size, stride, padding, True)


@mistake("the `+ 1` is missing", "Count positions, not steps: a window that cannot move has one.")
def one_position_missing(right, *arguments):
    size = right(*arguments)
    return tuple(n - 1 for n in size) if isinstance(size, tuple) else size - 1


@mistake("the padding is counted on one side only", "Padding is added at both ends of a row.")
def padding_on_one_side(right, size, kernel_size, stride=None, padding=0, ceil_mode=False):
    if isinstance(size, tuple) or isinstance(padding, tuple):
        sides = zip(pair(size, "size"), pair(padding, "padding", 0), strict=True)
        return right(tuple(n + p for n, p in sides), kernel_size, stride, 0, ceil_mode)
    return right(size + padding, kernel_size, stride, 0, ceil_mode)


@mistake(
    "with `ceil_mode`, a last window is taken that lies in the padding only",
    "A window that would start behind the last pixel is left out.",
)
def window_without_pixels(right, size, kernel_size, stride=None, padding=0, ceil_mode=False):
    floor = right(size, kernel_size, stride, padding, False)
    if not ceil_mode:
        return floor
    arguments = (size, kernel_size, kernel_size if stride is None else stride, floor)
    border = pair(padding, "padding", 0)
    ways = zip(*(pair(a, "argument") for a in arguments), border, strict=True)
    up = tuple(out + (n + 2 * p - k > (out - 1) * s) for n, k, s, out, p in ways)
    return up[0] if isinstance(floor, int) else up


POOL_OUTPUT_SIZE = Exercise(
    "pool_output_size",
    reference.pool_output_size,
    cases=[
        Case("4 pixels, window 2, stride not given", constant(4, 2)),
        Case("55 pixels, window 3, stride 2", constant(55, 3, 2)),
        Case("56 pixels, window 3, stride 2, which does not divide", constant(56, 3, 2)),
        Case("the same with `ceil_mode`", constant(56, 3, 2, 0, True)),
        Case("`ceil_mode` where the stride divides", constant(55, 3, 2, 0, True)),
        Case("112 pixels, window 3, stride 2, padding 1", constant(112, 3, 2, 1)),
        Case("`ceil_mode`, a window that would start behind the last pixel",
             constant(3, 2, 2, 1, True)),
        Case("pairs", constant((9, 7), (3, 2), (2, 1), (1, 0))),
        Case("a window larger than the input", constant(3, 5), raises=ValueError),
    ],
    mistakes=[
        always_rounded_down, stride_one_by_default, always_rounded_up, one_position_missing,
        padding_on_one_side, window_without_pixels,
    ],
    section="How many windows?",
)  # fmt: skip

# What both forward passes get wrong ---------------------------------------------------------


@mistake(
    "a stride that is not given is taken as 1",
    "`stride=None` means the size of the window: the windows lie side by side.",
)
def default_stride_of_one(right, x, kernel_size, stride=None, *rest):
    return right(x, kernel_size, 1 if stride is None else stride, *rest)


@mistake(
    "the window always moves on by its own size",
    "Windows may overlap: window (i, j) starts at (i * stride, j * stride).",
)
def moved_by_its_own_size(right, x, kernel_size, stride=None, *rest):
    return right(x, kernel_size, None, *rest)


@mistake("rows and columns of the window are exchanged", "A pair is (rows, columns), everywhere.")
def window_transposed(right, x, kernel_size, stride=None, *rest):
    stride = kernel_size if stride is None else stride
    turned = kernel_size[::-1] if isinstance(kernel_size, tuple) else kernel_size
    return right(x, turned, stride, *rest)


@mistake("the padding is ignored", "Surround the image before the first window is cut out.")
def pooled_without_padding(right, x, kernel_size, stride=None, padding=0, *rest):
    return right(x, kernel_size, stride, 0, *rest)


@mistake(
    "the channels are pooled together",
    "Every map is pooled on its own: as many channels come out as go in.",
)
def channels_pooled_together(right, x, *rest):
    out = right(x, *rest)
    together = right(x.mean(1, keepdim=True), *rest)
    return together if x.shape[1] > 1 else out


# Max pooling, forward -----------------------------------------------------------------------


@mistake(
    "the image is padded with zeros",
    "A zero beats every negative value. Which number can never be the largest?",
)
def padded_with_zeros(right, x, kernel_size, stride=None, padding=0):
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    around = functional.pad(x, (columns, columns, rows, rows))
    return right(around, kernel_size, kernel_size if stride is None else stride, 0)


@mistake(
    "the search for the largest value starts at 0",
    "If all values of a window are negative, the largest of them is negative too.",
)
def largest_at_least_zero(right, *arguments):
    return right(*arguments).clamp(min=0)


@mistake("the channels are pooled together", "Every map is pooled on its own: as many channels come"
         " out as go in.")  # fmt: skip
def largest_over_all_channels(right, x, *rest):
    return right(x.amax(1, keepdim=True), *rest)


MAX_FORWARD_CASES = [
    Case("the 4x4 example of the lecture", lambda rng: (
        torch.tensor([[[[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]]]), 2), rtol=0),
    Case("two images, three channels", pool_inputs((2, 3, 4, 6), 2, 2), rtol=0),
    Case("overlapping windows, 3x3 at stride 2", pool_inputs((1, 2, 7, 7), 3, 2), rtol=0),
    Case("a stride that does not divide", pool_inputs((1, 1, 6, 8), 3, 2), rtol=0),
    Case("only negative values", pool_inputs((1, 2, 4, 4), 2, shift=-9.0), rtol=0),
    Case("padding 1", pool_inputs((1, 2, 5, 4), 3, 2, 1), rtol=0),
    Case("padding 1 around negative values", pool_inputs((1, 1, 4, 4), 2, 2, 1, shift=-9.0),
         rtol=0),
    Case("a 2x3 window", pool_inputs((1, 2, 4, 6), (2, 3)), rtol=0),
    Case("a 3x2 window, stride (1, 2), padding (1, 0)",
         pool_inputs((1, 1, 5, 6), (3, 2), (1, 2), (1, 0)), rtol=0),
    Case("float32", pool_inputs((1, 1, 4, 4), 2), "float32", keeps_dtype=True, rtol=0),
]  # fmt: skip

MAX_FORWARD = Exercise(
    "max_pool2d_forward",
    reference.max_pool2d,
    cases=MAX_FORWARD_CASES,
    mistakes=[
        padded_with_zeros, largest_at_least_zero, default_stride_of_one, moved_by_its_own_size,
        window_transposed, pooled_without_padding, largest_over_all_channels,
    ],
    section="Max pooling, forward",
)  # fmt: skip

# Max pooling, backward ----------------------------------------------------------------------


def _first_maximum(window):
    top = window.max()
    row, column = (window == top).nonzero()[0].tolist()
    return row, column


@mistake("the last of several equal maxima is found", "Replace the best value only by a larger one:"
         " `>`, not `>=`.")  # fmt: skip
def last_of_equals(right, window):
    row, column = right(window.flip(0, 1))
    return window.shape[0] - 1 - row, window.shape[1] - 1 - column


@mistake("one number is returned", "`argmax()` counts in the flattened window: turn it into a row"
         " and a column with `divmod`.")  # fmt: skip
def place_in_the_flat_window(right, window):
    row, column = right(window)
    return row * window.shape[1] + column


@mistake("the flat index is divided by the number of rows", "A row has as many places as there are"
         " columns: divide by `window.shape[1]`.")  # fmt: skip
def divided_by_the_rows(right, window):
    row, column = right(window)
    return divmod(row * window.shape[1] + column, window.shape[0])


@mistake("row and column are exchanged", "The row comes first.")
def row_and_column_exchanged(right, window):
    return right(window)[::-1]


FIRST_MAXIMUM = Exercise(
    "first_maximum",
    _first_maximum,
    cases=[
        Case("2x2", constant(torch.tensor([[1.0, 3], [2, 0]]))),
        Case("2x4, the maximum in the lower row", constant(torch.tensor([[1.0, 3, 2, 0],
                                                                         [2, 5, 4, 1]]))),
        Case("3x2", constant(torch.tensor([[-4.0, -6], [-5, -8], [-2, -7]]))),
        Case("two equal maxima in a row", constant(torch.tensor([[1.0, 7, 7], [2, 3, 4]]))),
        Case("equal maxima in two rows", constant(torch.tensor([[1.0, 2, 7], [7, 3, 4]]))),
    ],
    mistakes=[
        last_of_equals, place_in_the_flat_window, divided_by_the_rows, row_and_column_exchanged,
    ],
    section="Max pooling, backward",
)  # fmt: skip


def _one_map(grad_out, x, kernel_size, stride):
    maps = grad_out[None, None], x[None, None]
    return reference.max_pool2d_backward(*maps, kernel_size, stride)[0, 0]


@mistake(
    "a pixel that wins several windows keeps only the last window's gradient",
    "The same pixel can be the maximum of several windows: add with `+=`.",
)
def winner_overwritten(right, grad_out, x, *rest):
    grad_x = right(torch.zeros_like(grad_out), x, *rest)
    for i in range(grad_out.shape[-2]):
        for j in range(grad_out.shape[-1]):
            here = torch.zeros_like(grad_out)
            here[..., i, j] = 1
            grad_x = torch.where(
                right(here, x, *rest) != 0, right(here * grad_out, x, *rest), grad_x
            )
    return grad_x


@mistake(
    "a window wipes out what an overlapping one has sent",
    "Writing a whole window with `=`, zeros included, erases what is there: add with `+=`. And of"
    " several equal maxima only the first one gets something.",
)
def window_overwritten(right, grad_out, x, kernel_size, stride=None, padding=0):
    rest = (kernel_size, stride, padding) if x.ndim == 4 else (kernel_size, stride)
    kernel = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    stride = kernel_size if stride is None else stride
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    border = padding if isinstance(padding, tuple) else (padding, padding)
    grad_x = torch.zeros_like(x)
    for i in range(grad_out.shape[-2]):
        for j in range(grad_out.shape[-1]):
            here = torch.zeros_like(grad_out)
            here[..., i, j] = grad_out[..., i, j]
            starts = [n * s - p for n, s, p in zip((i, j), steps, border, strict=True)]
            reach = zip(starts, kernel, x.shape[-2:], strict=True)
            rows, columns = (range(max(start, 0), min(start + k, n)) for start, k, n in reach)
            for row in rows:
                for column in columns:  # every maximum gets it, as with a mask
                    preferred = x.clone()
                    preferred[..., row, column] += 1e-9
                    sent = right(here, preferred, *rest)
                    grad_x[..., row, column] = sent[..., row, column]
    return grad_x


@mistake(
    "every pixel that equals the maximum gets the whole gradient",
    "Of several equal maxima only the first one, row by row, gets the gradient.",
)
def every_maximum_gets_it(right, grad_out, x, *rest):
    grad_x = torch.zeros_like(x)
    for row in range(x.shape[-2]):
        for column in range(x.shape[-1]):
            preferred = x.clone()
            preferred[..., row, column] += 1e-9
            grad_x[..., row, column] = right(grad_out, preferred, *rest)[..., row, column]
    return grad_x


@mistake(
    "the last of several equal maxima gets the gradient",
    "Of several equal maxima the first one, row by row, gets the gradient: `>`, not `>=`.",
)
def last_maximum_gets_it(right, grad_out, x, *rest):
    later = 1e-9 * torch.arange(x[0, 0].numel() if x.ndim == 4 else x.numel(), dtype=x.dtype)
    return right(grad_out, x + later.reshape(x.shape[-2:]), *rest)


@mistake(
    "the maxima are looked for in an image that is padded with zeros",
    "The forward pass padded with minus infinity, so the padding never won a window.",
)
def lost_to_zero_padding(right, grad_out, x, kernel_size, stride=None, padding=0):
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    around = functional.pad(x, (columns, columns, rows, rows))
    stride = kernel_size if stride is None else stride
    grad_x = right(grad_out, around, kernel_size, stride, 0)
    return grad_x[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]]


@mistake(
    "the padding is still around grad_x",
    "grad_x has the shape of x: cut off what belongs to the padding.",
)
def pool_padding_kept(right, grad_out, x, kernel_size, stride=None, padding=0, *rest):
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    grad_x = right(grad_out, x, kernel_size, stride, padding, *rest)
    return functional.pad(grad_x, (columns, columns, rows, rows))


@mistake(
    "`[padding:-padding]` cuts everything away when the padding is 0",
    "`[0:-0]` is `[0:0]`, which is empty. Cut up to `padding + H` instead.",
)
def pool_empty_without_padding(right, grad_out, x, kernel_size, stride=None, padding=0, *rest):
    grad_x = right(grad_out, x, kernel_size, stride, padding, *rest)
    rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
    grad_x = grad_x if rows else grad_x[:, :, :0]
    return grad_x if columns else grad_x[..., :0]


def one_map_inputs(x, kernel_size, stride, values=None):
    """Inputs (grad_out, x, kernel_size, stride) of one map, from the shape of x."""

    def make(rng):
        arguments = pool_gradient_inputs((1, 1, *x), kernel_size, stride, values=values)(rng)
        return arguments[0][0, 0], arguments[1][0, 0], kernel_size, stride

    return make


ONE_MAP = Exercise(
    "max_pool_one_map",
    _one_map,
    cases=[
        Case("the example worked by hand", constant(
            torch.tensor([[1.0, 2], [-1, 3]]), torch.tensor([[1.0, 5, 2], [0, 3, 4], [6, 1, 2]]),
            (2, 2), (1, 1))),
        Case("windows side by side", one_map_inputs((4, 6), (2, 2), (2, 2))),
        Case("overlapping windows, 3x3 at stride 2", one_map_inputs((7, 5), (3, 3), (2, 2))),
        Case("a 2x3 window at stride (1, 2)", one_map_inputs((4, 7), (2, 3), (1, 2))),
        Case("ties", one_map_inputs((5, 5), (2, 2), (1, 1), values=2)),
    ],
    mistakes=[winner_overwritten, window_overwritten, every_maximum_gets_it, last_maximum_gets_it],
    section="Max pooling, backward",
)  # fmt: skip

MAX_BACKWARD = Exercise(
    "max_pool2d_backward",
    reference.max_pool2d_backward,
    cases=[
        Case("2x2 windows side by side", pool_gradient_inputs((1, 1, 4, 4), 2)),
        Case("two images, three channels", pool_gradient_inputs((2, 3, 4, 6), 2, 2)),
        Case("overlapping windows, 3x3 at stride 2", pool_gradient_inputs((2, 1, 7, 7), 3, 2)),
        Case("overlapping windows, 3x3 at stride 1", pool_gradient_inputs((1, 2, 6, 5), 3, 1)),
        Case("a stride that does not divide", pool_gradient_inputs((1, 1, 6, 8), 3, 2)),
        Case("padding 1 around negative values",
             pool_gradient_inputs((1, 2, 4, 5), 3, 2, 1, shift=-9.0)),
        Case("a 2x3 window, padding (1, 0)", pool_gradient_inputs((1, 1, 5, 6), (2, 3), 1, (1, 0))),
        Case("ties: the first maximum gets the gradient",
             pool_gradient_inputs((1, 2, 5, 5), 2, 1, values=2)),
        Case("float32", pool_gradient_inputs((1, 1, 4, 4), 2), "float32", keeps_dtype=True),
    ],
    mistakes=[
        winner_overwritten, window_overwritten, every_maximum_gets_it, last_maximum_gets_it,
        lost_to_zero_padding, pool_padding_kept, pool_empty_without_padding,
    ],
    section="Max pooling, backward",
)  # fmt: skip

# Average pooling ----------------------------------------------------------------------------


@mistake(
    "the zeros of the padding never count",
    "With `count_include_pad=True` every window is divided by its full size.",
)
def padding_never_counted(right, x, kernel_size, stride=None, padding=0, count=True):
    return right(x, kernel_size, stride, padding, False)


@mistake(
    "the zeros of the padding always count",
    "With `count_include_pad=False` a window is divided by how many real pixels it has.",
)
def padding_always_counted(right, x, kernel_size, stride=None, padding=0, count=True):
    return right(x, kernel_size, stride, padding, True)


@mistake("the values are added up, but not divided", "A mean is a sum divided by a count.")
def summed_only(right, x, kernel_size, stride=None, padding=0, count=True):
    rows, columns = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    return right(x, kernel_size, stride, padding, True) * (rows * columns)


AVG_FORWARD = Exercise(
    "avg_pool2d_forward",
    reference.avg_pool2d,
    cases=[
        Case("the 4x4 example of the lecture", lambda rng: (
            torch.tensor([[[[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]]]), 2)),
        Case("two images, three channels", pool_inputs((2, 3, 4, 6), 2, 2)),
        Case("overlapping windows, 3x3 at stride 2", pool_inputs((1, 2, 7, 7), 3, 2)),
        Case("a stride that does not divide", pool_inputs((1, 1, 6, 8), 3, 2)),
        Case("padding 1, its zeros count", pool_inputs((1, 2, 5, 4), 3, 2, 1)),
        Case("padding 1, its zeros do not count", pool_inputs((1, 2, 5, 4), 3, 2, 1, False)),
        Case("a 2x3 window", pool_inputs((1, 2, 4, 6), (2, 3))),
        Case("a 3x2 window, stride (1, 2), padding (1, 0)",
             pool_inputs((1, 1, 5, 6), (3, 2), (1, 2), (1, 0))),
        Case("float32", pool_inputs((1, 1, 4, 4), 2), "float32", keeps_dtype=True),
    ],
    mistakes=[
        padding_never_counted, padding_always_counted, summed_only, default_stride_of_one,
        moved_by_its_own_size, window_transposed, pooled_without_padding, channels_pooled_together,
    ],
    section="Average pooling",
)  # fmt: skip


@mistake(
    "a window wipes out what an overlapping one has sent",
    "A pixel under several windows gets the sum of their shares: `+=`, not `=`.",
)
def shares_overwritten(right, grad_out, x, *rest):
    grad_x = right(torch.zeros_like(grad_out), x, *rest)
    for i in range(grad_out.shape[2]):
        for j in range(grad_out.shape[3]):
            here = torch.zeros_like(grad_out)
            here[:, :, i, j] = 1
            grad_x = torch.where(
                right(here, x, *rest) != 0, right(here * grad_out, x, *rest), grad_x
            )
    return grad_x


@mistake(
    "every pixel gets the whole gradient of its window",
    "A pixel enters the mean with the factor 1/count, so its share is grad_out/count.",
)
def gradient_not_divided(right, grad_out, x, kernel_size, stride=None, padding=0, count=True):
    rows, columns = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    return right(grad_out, x, kernel_size, stride, padding, True) * (rows * columns)


@mistake(
    "the zeros of the padding never count in the shares",
    "With `count_include_pad=True` the forward pass divided by the full size of the window.",
)
def shares_without_padding(right, grad_out, x, kernel_size, stride=None, padding=0, count=True):
    return right(grad_out, x, kernel_size, stride, padding, False)


@mistake(
    "the zeros of the padding always count in the shares",
    "With `count_include_pad=False` the forward pass divided by the number of real pixels.",
)
def shares_with_padding(right, grad_out, x, kernel_size, stride=None, padding=0, count=True):
    return right(grad_out, x, kernel_size, stride, padding, True)


AVG_BACKWARD = Exercise(
    "avg_pool2d_backward",
    reference.avg_pool2d_backward,
    cases=[
        Case("the example worked by hand", constant(
            torch.tensor([[[[1.0, 2], [-1, 3]]]]), torch.zeros(1, 1, 3, 3), 2, 1)),
        Case("two images, three channels", pool_gradient_inputs((2, 3, 4, 6), 2)),
        Case("overlapping windows, 3x3 at stride 2", pool_gradient_inputs((2, 1, 7, 7), 3, 2)),
        Case("a stride that does not divide", pool_gradient_inputs((1, 1, 6, 8), 3, 2)),
        Case("padding 1, its zeros count", pool_gradient_inputs((1, 2, 5, 4), 3, 2, 1)),
        Case("padding 1, its zeros do not count",
             pool_gradient_inputs((1, 2, 5, 4), 3, 2, 1, False)),
        Case("a 2x3 window, padding (1, 0)", pool_gradient_inputs((1, 1, 5, 6), (2, 3), 1, (1, 0))),
        Case("float32", pool_gradient_inputs((1, 1, 4, 4), 2), "float32", keeps_dtype=True),
    ],
    mistakes=[
        shares_overwritten, gradient_not_divided, shares_without_padding, shares_with_padding,
        pool_padding_kept, pool_empty_without_padding,
    ],
    section="Average pooling",
)  # fmt: skip

# One number a map ---------------------------------------------------------------------------


@mistake("the mean is taken over the channels", "Every map keeps its own mean: average over rows"
         " and columns.")  # fmt: skip
def mean_over_channels(right, x):
    return x.mean(dim=1)


@mistake("the mean is taken over the batch as well", "Every image keeps its own numbers.")
def mean_over_the_batch(right, x):
    return right(x).mean(dim=0)


@mistake("the values are added up, but not divided", "A mean is a sum divided by a count.")
def total_of_each_map(right, x):
    return right(x) * (x.shape[2] * x.shape[3])


GLOBAL_AVG = Exercise(
    "global_avg_pool2d",
    reference.global_avg_pool2d,
    cases=[
        Case("two images, three maps of 4x4", lambda rng: (normal(rng, 2, 3, 4, 4),)),
        Case("maps of 2x5", lambda rng: (normal(rng, 1, 4, 2, 5),)),
    ],
    mistakes=[mean_over_channels, mean_over_the_batch, total_of_each_map],
    section="One number a map",
    alternatives=lambda x: [x.mean(dim=(2, 3), keepdim=True)],
)

# LeNet's subsampling ------------------------------------------------------------------------


def subsample_inputs(x):
    """Inputs (x, weight, bias) from the shape of x."""
    return lambda rng: (normal(rng, *x), normal(rng, x[1]), normal(rng, x[1]))


@mistake("the four values are averaged", "LeNet adds them up; the weight does the scaling.")
def subsample_averaged(right, x, weight, bias):
    return right(x, weight / 4, bias)


@mistake("the bias is never added", "Each map has one bias, added to all its values.")
def subsample_without_bias(right, x, weight, bias):
    return right(x, weight, torch.zeros_like(bias))


@mistake("the bias is multiplied by the weight", "First the weight times the sum, then the bias.")
def bias_inside(right, x, weight, bias):
    return right(x, weight, weight * bias)


@mistake("all maps use the first map's parameters", "Map c has its own weight[c] and bias[c].")
def parameters_of_the_first_map(right, x, weight, bias):
    return right(x, weight[:1].expand(len(weight)), bias[:1].expand(len(bias)))


LENET_SUBSAMPLE = Exercise(
    "lenet_subsample",
    reference.lenet_subsample,
    cases=[
        Case("one map of 4x4", subsample_inputs((1, 1, 4, 4))),
        Case("two images, three maps of 4x6", subsample_inputs((2, 3, 4, 6))),
        Case("as many maps as output columns", subsample_inputs((1, 3, 4, 6))),
        Case("an odd number of rows", subsample_inputs((1, 2, 5, 4))),
    ],
    mistakes=[
        subsample_averaged, subsample_without_bias, bias_inside, parameters_of_the_first_map,
    ],
    section="LeNet's subsampling",
)  # fmt: skip


def subsample_gradient_inputs(x):
    """Inputs (grad_out, x, weight) from the shape of x."""

    def make(rng):
        grad_out = normal(rng, *x[:2], x[2] // 2, x[3] // 2)
        return grad_out, normal(rng, *x), normal(rng, x[1])

    return make


@mistake("grad_x leaves the weight out", "The sum was multiplied by the weight on its way on.")
def weight_left_out(right, grad_out, x, weight):
    return right(grad_out, x, torch.ones_like(weight))[0], *right(grad_out, x, weight)[1:]


@mistake("grad_weight uses means instead of sums", "The weight was multiplied with a sum of four.")
def weight_gradient_of_means(right, *arguments):
    grad_x, grad_weight, grad_bias = right(*arguments)
    return grad_x, grad_weight / 4, grad_bias


@mistake(
    "the gradients of weight and bias are averaged over the batch",
    "Every image used the same two numbers: add up over the batch.",
)
def parameter_gradients_averaged(right, grad_out, *rest):
    grad_x, grad_weight, grad_bias = right(grad_out, *rest)
    return grad_x, grad_weight / len(grad_out), grad_bias / len(grad_out)


LENET_SUBSAMPLE_BACKWARD = Exercise(
    "lenet_subsample_backward",
    reference.lenet_subsample_backward,
    cases=[
        Case("one map of 4x4", subsample_gradient_inputs((1, 1, 4, 4))),
        Case("two images, three maps of 4x6", subsample_gradient_inputs((2, 3, 4, 6))),
        Case("an odd number of rows", subsample_gradient_inputs((1, 2, 5, 4))),
    ],
    mistakes=[weight_left_out, weight_gradient_of_means, parameter_gradients_averaged],
    parts=("grad_x", "grad_weight", "grad_bias"),
    section="LeNet's subsampling, backward",
)

MAX_BY_SHIFTS = Exercise(
    "max_pool2d_by_shifts",
    reference.max_pool2d,
    cases=MAX_FORWARD_CASES,
    mistakes=[padded_with_zeros, default_stride_of_one, window_transposed, pooled_without_padding],
    section="Max pooling without a loop over windows",
)

EXERCISES = [
    POOL_OUTPUT_SIZE, MAX_FORWARD, FIRST_MAXIMUM, ONE_MAP, MAX_BACKWARD, AVG_FORWARD, AVG_BACKWARD,
    GLOBAL_AVG, LENET_SUBSAMPLE, LENET_SUBSAMPLE_BACKWARD, MAX_BY_SHIFTS,
]  # fmt: skip

pool_output_size = partial(check, POOL_OUTPUT_SIZE)
max_pool2d_forward = partial(check, MAX_FORWARD)
first_maximum = partial(check, FIRST_MAXIMUM)
max_pool_one_map = partial(check, ONE_MAP)
max_pool2d_backward = partial(check, MAX_BACKWARD)
avg_pool2d_forward = partial(check, AVG_FORWARD)
avg_pool2d_backward = partial(check, AVG_BACKWARD)
global_avg_pool2d = partial(check, GLOBAL_AVG)
lenet_subsample = partial(check, LENET_SUBSAMPLE)
lenet_subsample_backward = partial(check, LENET_SUBSAMPLE_BACKWARD)
max_pool2d_by_shifts = partial(check, MAX_BY_SHIFTS)
