"""Hidden cases and further mistakes of `05_alexnet_counting`.

The exercises themselves, and the mistakes the visible checks already know, are in
`helpers.checks.alexnet_counting`. Tables are compared column by column; the networks that are
counted and rebuilt here are none that a notebook shows.
"""

import copy
import math
from dataclasses import replace

import torch
from torch import nn

from autograder.exercises.convolution import (
    absent_biases_counted,
    cost_without_padding,
    cost_without_stride,
    layer,
    memory_in_values,
)
from autograder.judge.graded import Graded, Withhold
from helpers import counting
from helpers.checks import alexnet_counting as visible
from helpers.checks.alexnet_counting import (
    FULL,
    SMALL,
    group_inputs,
    layers_by_name,
    norm_inputs,
    norms_of,
    removal_inputs,
    rewired,
    softmax_at_the_end,
    units_not_rectified,
    with_layer,
)
from helpers.checks.convolution import changed
from helpers.checks.exercise import Case, Exercise, mistake
from helpers.checks.lenet import module_inputs
from helpers.convolution import pair
from helpers.models import alexnet

# One row at a time --------------------------------------------------------------------------


def conv_inputs(*numbers):
    """Inputs of a convolution's row, varied as those of a cost are in the first notebook."""

    def make(rng):
        in_channels, out_channels, kernel_size, size, *rest = layer(*numbers)(rng)
        in_shape = (in_channels, *pair(size, "size"))
        return "conv", in_shape, out_channels, kernel_size, *rest

    return make


@mistake("MACs are counted for every input position", "Count the outputs, and what each one costs.")
def macs_per_position(right, name, in_shape, *rest):
    row = right(name, in_shape, *rest)
    per_place = row.macs // math.prod(row.out_shape[1:])
    return changed(row, macs=per_place * math.prod(in_shape[1:]))


@mistake("the memory of the input is counted", "Each row counts what its layer puts out.")
def memory_of_the_input(right, name, in_shape, *rest):
    return changed(right(name, in_shape, *rest), kib=math.prod(in_shape) * 4 / 1024)


@mistake("the kernel is taken to be square", "`kernel_size` may be a pair, (rows, columns).")
def square_kernel(right, name, in_shape, out_channels, kernel_size, *rest):
    row = right(name, in_shape, out_channels, kernel_size, *rest)
    square = right(name, in_shape, out_channels, pair(kernel_size, "kernel_size")[0], *rest)
    per_value = square.macs // math.prod(square.out_shape)
    biases = row.params - row.macs // math.prod(row.out_shape[1:])
    return changed(
        row,
        params=row.out_shape[0] * per_value + biases,
        macs=math.prod(row.out_shape) * per_value,
    )


@mistake("the output size is rounded up", "What does not fit is left out: round down.")
def conv_rounded_up(right, name, in_shape, out_channels, kernel_size, stride=1, *rest):
    channels, *size = in_shape
    larger = [n + s - 1 for n, s in zip(size, pair(stride, "stride"), strict=True)]
    return right(name, (channels, *larger), out_channels, kernel_size, stride, *rest)


@mistake(
    "a filter is taken to be as deep as the output has channels",
    "A filter reads the input: it has `in_channels / groups` channels.",
)
def depth_of_the_output(right, name, in_shape, out_channels, *rest):
    row, swapped = (
        right(name, (channels, *in_shape[1:]), out_channels, *rest)
        for channels in (in_shape[0], out_channels)
    )
    return changed(row, params=swapped.params, macs=swapped.macs)


CONV_COUNT = replace(
    visible.CONV_COUNT,
    cases=[
        Case("a square layer with padding", conv_inputs(3, 10, 5, 32, 1, 2, 1, True)),
        Case("a strided layer that does not divide", conv_inputs(3, 96, 11, 224, 4, 1, 1, True)),
        Case("no bias", conv_inputs(64, 32, 3, 14, 1, 1, 1, False)),
        Case("a rectangular image and kernel",
             conv_inputs(5, 7, (3, 1), (20, 33), (2, 1), (0, 0), 1, True)),
        Case("two groups", conv_inputs(96, 256, 5, 27, 1, 2, 2, True)),
        Case("depthwise, no bias", conv_inputs(32, 32, 3, 56, 2, 1, 32, False)),
    ],
    mistakes=[
        *visible.CONV_COUNT.mistakes, absent_biases_counted, cost_without_padding,
        cost_without_stride, memory_in_values, macs_per_position, memory_of_the_input,
        square_kernel, conv_rounded_up, depth_of_the_output,
    ],
)  # fmt: skip


def pool_inputs(in_shape, kernel_size, stride=None, padding=0):
    """Inputs of a pooling's row; channels vary, and the size by whole strides."""

    def make(rng):
        channels, *size = in_shape
        steps = pair(kernel_size if stride is None else stride, "stride")
        more = [int(n) for n in rng.integers(9, size=3)]
        varied = [n + m * s for n, m, s in zip(size, more, steps, strict=False)]
        return "pool", (channels + more[2], *varied), kernel_size, stride, padding

    return make


@mistake("the padding is ignored", "It decides the output size, and all else follows from that.")
def pool_without_padding(right, name, in_shape, kernel_size, stride=None, padding=0):
    return right(name, in_shape, kernel_size, stride, 0)


@mistake(
    "an operation is counted per input value", "Windows may overlap: count them, times kH * kW."
)
def operation_per_input(right, name, in_shape, *rest):
    return changed(right(name, in_shape, *rest), other_ops=math.prod(in_shape))


@mistake("the window is taken to be square", "`kernel_size` may be a pair, (rows, columns).")
def square_window(right, name, in_shape, kernel_size, *rest):
    row = right(name, in_shape, kernel_size, *rest)
    return changed(
        row, other_ops=math.prod(row.out_shape) * pair(kernel_size, "kernel_size")[0] ** 2
    )


@mistake("the window is taken to reach across all channels", "Every map is pooled by itself.")
def pooled_across_channels(right, name, in_shape, *rest):
    row = right(name, in_shape, *rest)
    return changed(row, other_ops=row.other_ops * in_shape[0])


POOL_COUNT = replace(
    visible.POOL_COUNT,
    cases=[
        Case("overlapping windows", pool_inputs((16, 14, 14), 3, 2)),
        Case("windows that do not fit exactly", pool_inputs((3, 15, 12), 2, 2)),
        Case("no stride given", pool_inputs((5, 11, 13), 3)),
        Case("a rectangular window", pool_inputs((4, 10, 9), (2, 3), (2, 1))),
        Case("padding", pool_inputs((6, 12, 8), 3, 2, 1)),
    ],
    mistakes=[
        *visible.POOL_COUNT.mistakes, pool_without_padding, operation_per_input, square_window,
        pooled_across_channels, memory_of_the_input, memory_in_values,
    ],
)  # fmt: skip


def unit_inputs(bias):
    """Inputs of a linear layer's row."""
    return lambda rng: ("fc", int(rng.integers(50, 99)), int(rng.integers(9, 40)), bias)


@mistake("a bias is counted where there is none", "With `bias=False` there are only weights.")
def absent_unit_biases(right, name, in_features, out_features, bias=True):
    return right(name, in_features, out_features, True)


@mistake("the output is given as maps of one pixel", "A vector: `(out_features,)`, with the comma.")
def maps_of_one_pixel(right, *arguments):
    row = right(*arguments)
    return changed(row, out_shape=(*row.out_shape, 1, 1))


LINEAR_COUNT = replace(
    visible.LINEAR_COUNT,
    cases=[
        Case("with biases", unit_inputs(True)),
        Case("without biases", unit_inputs(False)),
        Case("more outputs than inputs", lambda rng: ("fc", 7, int(rng.integers(9, 40)), True)),
    ],
    mistakes=[
        *visible.LINEAR_COUNT.mistakes, absent_unit_biases, maps_of_one_pixel, memory_in_values,
    ],
)  # fmt: skip

# The whole table ----------------------------------------------------------------------------


def models(*layers, shape):
    """Inputs (layers, input_shape) of a count; {a}, {b}, {c} in the texts are small random sizes.

    {n} is the number of values that a linear layer gets: as many as arrive.
    """

    def make(rng):
        sizes = dict(zip("abc", (int(n) for n in rng.integers(2, 6, 3)), strict=True))
        height, width = (n + int(rng.integers(3)) for n in shape[1:])
        texts = [text.format(n="{n}", **sizes) for text in layers]
        while any("{n}" in text for text in texts):
            place = next(i for i, text in enumerate(texts) if "{n}" in text)
            front = eval(f"Sequential({', '.join(texts[:place])})", dict(vars(nn)))
            values = front.eval()(torch.zeros(1, shape[0], height, width)).numel()
            texts[place] = texts[place].format(n=values)
        return tuple(texts), (shape[0], height, width)

    return make


@mistake(
    "the shape is that of the input", "A hook gets `(layer, inputs, output)`: take the output."
)
def input_shape_noted(right, model, input_shape):
    rows = right(model, input_shape)
    shapes = [tuple(input_shape), *(row.out_shape for row in rows)]
    return [changed(r, out_shape=s) for r, s in zip(rows, shapes, strict=False)]


@mistake("a layer that runs twice has only one row", "One row for each time a layer runs.")
def one_row_a_layer(right, model, input_shape):
    return list({row.name: row for row in right(model, input_shape)}.values())


@mistake(
    "the model itself gets a row",
    "Modules with modules inside only pass on: skip those that have children.",
)
def containers_get_rows(right, model, input_shape):
    rows = right(model, input_shape)
    params = sum(parameter.numel() for parameter in model.parameters())
    kind = type(model).__name__
    return [*rows, changed(rows[-1], name="", type=kind, params=params, macs=0, other_ops=0)]


@mistake(
    "batch norm learns from the input that the model is run on",
    "Run the model in evaluation mode, or on the meta device.",
)
def statistics_changed(right, model, input_shape):
    rows = right(model, input_shape)
    for inner in model.modules():
        if isinstance(inner, torch.nn.modules.batchnorm._BatchNorm):
            inner.running_mean += 1
    return rows


@mistake("memory counts values, not bytes", "A float32 takes four bytes.")
def rows_in_values(right, model, input_shape):
    return [changed(row, kib=row.kib / 4) for row in right(model, input_shape)]


@mistake("the memory of a batch of two is counted", "One image: divide by the size of the batch.")
def memory_of_two_images(right, model, input_shape):
    return [changed(row, kib=2 * row.kib) for row in right(model, input_shape)]


@mistake("linear layers have no MACs", "Each of their weights is used once.")
def linear_without_macs(right, model, input_shape):
    rows = right(model, input_shape)
    return [changed(row, macs=0 if row.type == "Linear" else row.macs) for row in rows]


@mistake(
    "the kernels are taken to be square",
    "`layer.kernel_size` is a pair; `layer.weight[0].numel()` needs no formula at all.",
)
def square_kernels(right, model, input_shape):
    layers, rows = layers_by_name(model), []
    for row in right(model, input_shape):
        kernel = getattr(layers[row.name], "kernel_size", 1)
        high, wide = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        rows.append(changed(row, macs=row.macs * high // wide))
    return rows


@mistake(
    "the rows stand in the order in which the layers were made",
    "Note a row when a layer runs, in a forward hook.",
)
def order_of_construction(right, model, input_shape):
    places = list(layers_by_name(model))
    return sorted(right(model, input_shape), key=lambda row: places.index(row.name))


@mistake("`input_shape` is ignored", "Run the model on one image of this shape.")
def squares_only(right, model, input_shape):
    return right(model, (*input_shape[:2], input_shape[1]))


COUNT_LAYERS = replace(
    visible.COUNT_LAYERS,
    cases=[
        Case("strides, padding, another shape", models(
            "Conv2d(2, {a}, 3, stride=2, padding=1)", "ReLU()", "MaxPool2d(2)", "Flatten()",
            "Linear({n}, {b})", shape=(2, 9, 12))),
        Case("nested, no bias", models(
            "Sequential(Conv2d(3, {b}, (2, 3), bias=False), Tanh(), Sequential(MaxPool2d(3, 1)))",
            "Flatten()", "Linear({n}, 3, bias=False)", shape=(3, 6, 8))),
        Case("groups and depthwise", models(
            "Conv2d(6, 2 * {a}, 3, groups=2)", "ReLU()",
            "Conv2d(2 * {a}, 2 * {a}, (3, 1), groups=2 * {a})", shape=(6, 6, 5))),
        Case("a layer that runs twice", models(
            "(c := Conv2d(3, 3, 3, padding=1))", "ReLU()", "MaxPool2d(2)", "c", "Flatten()",
            "Linear({n}, 4)", shape=(3, 5, 4))),
        Case("average pooling, and down to one pixel", models(
            "Conv2d(1, {c}, 2)", "AvgPool2d((1, 2))", "AdaptiveAvgPool2d(1)", "Flatten()",
            "Linear({c}, {a})", "Sigmoid()", "Linear({a}, 2)", shape=(1, 7, 7))),
        Case("batch norm and dropout", models(
            "Conv2d(2, {a}, 3, bias=False)", "BatchNorm2d({a})", "ReLU()", "Dropout()",
            "Conv2d({a}, {b}, 1)", shape=(2, 5, 7))),
        Case("layers that run in another order than they are made in", models(
            "Backwards(MaxPool2d(2), ReLU(), Conv2d(3, {a}, 3))", shape=(3, 7, 5))),
    ],
    mistakes=[
        *visible.COUNT_LAYERS.mistakes, input_shape_noted, one_row_a_layer, containers_get_rows,
        statistics_changed, rows_in_values, memory_of_two_images, linear_without_macs,
        square_kernels, order_of_construction,
    ],
)  # fmt: skip

# AlexNet-64 ---------------------------------------------------------------------------------


@mistake(
    "the filters are those of AlexNet-96", "64, 192, 384, 256, 256: the table has 64 in conv1."
)
def filters_of_alexnet96(right, width=1.0, in_channels=3, **options):
    net = alexnet.AlexNet96(width=width, in_channels=in_channels, groups=1, **options)
    for index in norms_of(net):
        net.features[index] = nn.Identity()
    net.features[0].padding = (2, 2)
    return net


@mistake("`width` does not reach the fully connected layers", "`int(width * 4096)` units, too.")
def units_not_narrowed(right, num_classes=1000, width=1.0, **options):
    net = right(num_classes=num_classes, width=width, **options)
    inputs = net.classifier[1].in_features
    net.classifier = alexnet.classifier(inputs, 4096 if width == 1 else 512, num_classes)
    return net


@mistake("there are always 1000 classes", "The last layer has `num_classes` outputs.")
def always_a_thousand(right, num_classes=1000, **options):
    return right(**options)


@mistake("fc7 is left out", "Between fc6 and the scores there is a second layer of 4096.")
def fc7_left_out(right, **options):
    net = right(**options)
    del net.classifier[3:6]
    return net


@mistake("conv4 is left out", "There are five convolutions.")
def conv4_left_out(right, **options):
    net = right(**options)
    net.features = alexnet.remove_layers(net.features, {4})
    return net


@mistake(
    "fc6 reads the maps of conv5, before they are pooled",
    "pool5 comes first: fc6 gets 256 * 6 * 6 values, not 256 * 13 * 13.",
)
def fc6_before_pool5(right, width=1.0, **options):
    net = right(width=width, **options)
    hidden, maps = net.classifier[1].out_features, net.features[10].out_channels
    net = with_layer(net, "features", 12, nn.Identity())
    return with_layer(net, "classifier", 1, nn.Linear(maps * 13 * 13, hidden))


@mistake("a ReLU follows the scores", "Nothing follows the last layer.")
def scores_rectified(right, **options):
    net = right(**options)
    net.classifier.append(nn.ReLU())
    return net


ALEXNET64 = replace(
    visible.ALEXNET64,
    cases=[
        Case("a 32nd of its width, 227 pixels", module_inputs({"width": 1 / 32}, (1, 3, 227, 227))),
        Case("twice as wide, other classes and channels, 224 pixels", module_inputs(
            {**SMALL, "num_classes": 7, "in_channels": 1}, (1, 1, 224, 224))),
        Case("its full size", lambda rng: ({}, (1, 3, 227, 227), None)),
    ],
    mistakes=[
        *visible.ALEXNET64.mistakes, filters_of_alexnet96, units_not_narrowed, always_a_thousand,
        fc7_left_out, conv4_left_out, fc6_before_pool5, scores_rectified,
    ],
)  # fmt: skip

# Numbers ------------------------------------------------------------------------------------


def _table():
    """The count of AlexNet-64 on the lecture's 227 pixels."""
    with torch.device("meta"):
        return counting.count(alexnet.AlexNet64(), (3, 227, 227))


TABLE = _table()


def true_numbers():
    """The right numbers."""
    convolutions, units = TABLE.select("Conv2d"), TABLE.select("Linear")
    early = sum(row.kib for row in TABLE.layers[:3])
    return {
        "wrong_macs_conv": 4,
        "wrong_macs_value": convolutions.layers[3].macs,
        "fc6_params": units.layers[0].params,
        "total_params": TABLE.params,
        "total_macs": TABLE.macs,
        "column_mib": TABLE.kib / 1024,
        "conv_mib": convolutions.kib / 1024,
        "memory_share": 100 * early / TABLE.kib,
        "params_share": 100 * units.params / TABLE.params,
        "macs_share": 100 * convolutions.macs / TABLE.macs,
    }


@mistake("the shares are fractions, not percentages", "In percent: 0.5 is 50.")
def shares_as_fractions(right):
    shares = ("memory_share", "params_share", "macs_share")
    return right() | {share: right()[share] / 100 for share in shares}


@mistake("fc6's biases are left out", "The formula beside the table counts them: in * out + out.")
def fc6_without_biases(right):
    return right() | {"fc6_params": 9216 * 4096}


@mistake("the slip of the slide is copied", "Multiply it out: 9216 * 4096 + 4096.")
def slip_copied(right):
    return right() | {"fc6_params": 37_725_832}


@mistake("the printed 145 million are taken as right", "Compare every cell with your own table.")
def printed_macs(right):
    return right() | {"wrong_macs_value": 145_000_000}


@mistake("the MACs of another layer are given", "The wrong cell stands in the row of conv4.")
def another_layer(right):
    macs = TABLE.select("Conv2d").layers[2].macs
    return right() | {"wrong_macs_conv": 3, "wrong_macs_value": macs}


@mistake("the total leaves the biases out", "All that is learned counts.")
def total_without_biases(right):
    biases = 64 + 192 + 384 + 256 + 256 + 4096 + 4096 + 1000
    return right() | {"total_params": right()["total_params"] - biases}


@mistake("the operations of pooling are among the MACs", "Pooling has no MACs.")
def pools_in_the_total(right):
    return right() | {"total_macs": right()["total_macs"] + TABLE.other_ops}


@mistake("FLOPs are given", "The table counts MACs, though it calls them flop.")
def numbers_in_flops(right):
    return right() | {name: 2 * right()[name] for name in ("wrong_macs_value", "total_macs")}


@mistake("a MiB is taken as a million bytes", "1 MiB is 1024 * 1024 bytes.")
def megabytes(right):
    factor = 1024 * 1024 / 1e6
    return right() | {name: right()[name] * factor for name in ("column_mib", "conv_mib")}


@mistake(
    "the memory of the convolutions includes that of fc6 to fc8", "Only the rows conv1 to conv5."
)
def conv_with_units(right):
    return right() | {"conv_mib": right()["conv_mib"] + (2 * 4096 + 1000) * 4 / 1024**2}


@mistake("pool1 is left out of the early layers", "conv1, pool1 and conv2 together.")
def pool1_left_out(right):
    share = 100 * (784 + 546.75) / (right()["column_mib"] * 1024)
    return right() | {"memory_share": share}


NUMBERS = Exercise(
    "table_numbers",
    true_numbers,
    cases=[Case("the numbers of the table", lambda rng: (), rtol=2e-3)],
    mistakes=[
        shares_as_fractions, fc6_without_biases, slip_copied, printed_macs, another_layer,
        total_without_biases, pools_in_the_total, numbers_in_flops, megabytes, conv_with_units,
        pool1_left_out,
    ],
    parts=visible.NUMBERS,
    section="Spot the wrong cells",
)  # fmt: skip

# The network of 2012 ------------------------------------------------------------------------


@mistake("the window reaches `size` channels to either side", "It has `size` channels in all.")
def window_too_wide(right, x, size=5, *constants):
    return right(x, 2 * size + 1, *constants)


@mistake(
    "at the ends the sum is scaled up for the channels that are missing",
    "The paper adds up what is there, and does not replace the rest.",
)
def ends_scaled_up(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    reach, channels, maps = size // 2, x.shape[1], []
    for c in range(channels):
        there = min(c + reach, channels - 1) - max(c - reach, 0) + 1
        maps.append(right(x, size, alpha * size / there, beta, k)[:, c])
    return torch.stack(maps, dim=1)


@mistake("only the channel itself is looked at", "The sum runs over `size` neighbouring channels.")
def own_channel_only(right, x, size=5, *constants):
    return right(x, 1, *constants)


@mistake("the sum runs over all channels", "Over `size` neighbours, c - size//2 to c + size//2.")
def over_all_channels(right, x, size=5, *constants):
    return right(x, 2 * x.shape[1] + 1, *constants)


@mistake("the paper's constants are used, whatever is given", "Use size, alpha, beta and k.")
def constants_ignored(right, x, *constants):
    return right(x)


@mistake("k is added after the power", "(k + alpha * sum) ** beta: first add, then raise.")
def k_after_the_power(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    power = x / right(x, size, alpha, beta, 0.0)
    return x / (k + power)


LOCAL_RESPONSE_NORM = replace(
    visible.LOCAL_RESPONSE_NORM,
    cases=[
        Case("a window of 3", norm_inputs((2, 5, 3, 2), 3, 0.4, 0.75, 2.0)),
        Case("the paper's constants", norm_inputs((1, 9, 2, 3))),
        Case("a window of 7, other constants", norm_inputs((1, 8, 2, 2), 7, 0.3, 0.6, 1.5)),
        Case("more window than channels", norm_inputs((2, 3, 2, 4), 5, 0.5, 1.0, 1.0)),
        Case("float32 stays float32", norm_inputs((2, 6, 3, 3), 5, 0.2, 0.75, 2.0), "float32",
             keeps_dtype=True),
    ],
    mistakes=[
        *visible.LOCAL_RESPONSE_NORM.mistakes, window_too_wide, ends_scaled_up, own_channel_only,
        over_all_channels, constants_ignored, k_after_the_power,
    ],
)  # fmt: skip


@mistake(
    "the normalisation comes before the ReLU",
    "In the paper the order is convolution, ReLU, normalisation, pooling.",
)
def normalised_before_relu(right, **options):
    net = right(**options)
    for index in norms_of(net):
        norm, relu = net.features[index], net.features[index - 1]
        net.features[index], net.features[index - 1] = relu, norm
    return net


@mistake("only conv1 is normalised", "It follows the ReLU of conv1 and that of conv2.")
def conv2_not_normalised(right, **options):
    net = right(**options)
    return with_layer(net, "features", norms_of(net)[1], nn.Identity())


@mistake("conv1 has a padding of 2", "At 227 pixels it needs none: (227 - 11)/4 + 1 = 55.")
def conv1_padded(right, **options):
    net = right(**options)
    net.features[0].padding = (2, 2)
    return net


@mistake("only one GPU's half is built", "48 maps on each GPU are 96 in all.")
def one_half_only(right, width=1.0, groups=2, num_classes=1000, in_channels=3):
    return right(num_classes, in_channels, width / 2, groups)


ALEXNET96 = replace(
    visible.ALEXNET96,
    cases=[
        Case("two groups", module_inputs({**SMALL, "groups": 2}, (1, 3, 227, 227))),
        Case("one tower, other classes and channels", module_inputs(
            {**SMALL, "groups": 1, "num_classes": 9, "in_channels": 1}, (1, 1, 227, 227))),
        Case("four groups, an eighth of its width",
             lambda rng: ({"width": 1 / 8, "groups": 4}, (1, 3, 227, 227), None)),
        Case("two groups, its full size", lambda rng: ({"groups": 2}, (1, 3, 227, 227), None)),
        Case("one tower, its full size", lambda rng: ({"groups": 1}, (1, 3, 227, 227), None)),
    ],
    mistakes=[
        *visible.ALEXNET96.mistakes, normalised_before_relu, conv2_not_normalised, conv1_padded,
        one_half_only, softmax_at_the_end, always_a_thousand,
    ],
)  # fmt: skip

# Two GPUs -----------------------------------------------------------------------------------


@mistake("there are always two groups", "`conv.groups` says how many.")
def always_two_groups(right, conv):
    dense = right(conv)
    with torch.no_grad():
        half, reach = len(conv.weight) // 2, conv.weight.shape[1]
        dense.weight.zero_()
        dense.weight[:half, :reach] = conv.weight[:half]
        dense.weight[half:, reach : 2 * reach] = conv.weight[half:]
    return dense


@mistake("the channels are dealt out in turn", "Group g reads a block of neighbouring channels.")
def channels_dealt_out(right, conv):
    dense, size = right(conv), len(conv.weight) // conv.groups
    with torch.no_grad():
        dense.weight.zero_()
        for g in range(conv.groups):
            rows = slice(g * size, (g + 1) * size)
            dense.weight[rows, g :: conv.groups] = conv.weight[rows]
    return dense


@mistake("a bias is made up where there is none", "`bias=conv.bias is not None`.")
def bias_made_up(right, conv):
    dense = right(conv)
    if dense.bias is None:
        dense.bias = torch.nn.Parameter(conv.weight.new_zeros(len(conv.weight)))
    return dense


@mistake("the groups stay", "The new layer has one group; its zeros do what the groups did.")
def groups_stay(right, conv):
    dense = right(conv)
    dense.groups = conv.groups
    return dense


AS_ONE_GROUP = replace(
    visible.AS_ONE_GROUP,
    cases=[
        Case("two groups, kernels that are not square", group_inputs((6, 2, 3, 2), 2)),
        Case("four groups, padding", group_inputs((8, 3, 3, 3), 4, padding=1)),
        Case("depthwise, stride 2", group_inputs((3, 1, 3, 3), 3, stride=2)),
        Case("no bias", group_inputs((4, 2, 2, 2), 2, bias=False)),
    ],
    mistakes=[
        *visible.AS_ONE_GROUP.mistakes, always_two_groups, channels_dealt_out, bias_made_up,
        groups_stay,
    ],
)  # fmt: skip

# Layers removed -----------------------------------------------------------------------------

NET = (
    "Conv2d(1, 2, 2)", "Tanh()", "Conv2d(2, 4, 3, padding=1, groups=2)", "Tanh()",
    "MaxPool2d((1, 2))", "Conv2d(4, 2, 3, padding=1, groups=2, bias=False)", "Tanh()",
    "Conv2d(2, 3, (1, 3), stride=(1, 2), padding=(0, 1))", "Sigmoid()", "Flatten()", "Dropout()",
    "Linear(9, 4)", "Tanh()", "Dropout()", "Linear(4, 5, bias=False)", "Tanh()", "Linear(5, 3)",
)  # fmt: skip


def removals(*numbers):
    """Inputs of a removal from that network, on an image of 4 x 5 pixels."""
    return removal_inputs(NET, numbers, (1, 1, 4, 5))


@mistake("the next layer gets a bias that it did not have", "`bias=layer.bias is not None`.")
def bias_appears(right, model, numbers):
    net = right(model, numbers)
    for place in rewired(net, model):
        if net[place].bias is None:
            net[place] = copy.deepcopy(net[place])
            net[place].bias = nn.Parameter(torch.zeros(len(net[place].weight)))
    return net


@mistake("pooling behind a removed layer goes with it", "Pooling stays: it sets the size.")
def pooling_removed(right, model, numbers):
    layers = list(model)
    weighted = [i for i, m in enumerate(layers) if isinstance(m, nn.Conv2d | nn.Linear)]
    pooled = {weighted[n - 1] + 2 for n in numbers}
    kept = [m for i, m in enumerate(layers) if i not in pooled or not isinstance(m, nn.MaxPool2d)]
    return right(nn.Sequential(*kept), numbers)


@mistake("only the first of several layers is removed", "Go through all of `numbers`.")
def only_the_first(right, model, numbers):
    return right(model, set(sorted(numbers)[:1]))


REMOVE_LAYERS = replace(
    visible.REMOVE_LAYERS,
    cases=[
        Case("a grouped convolution, and one behind it", removals(2), rtol=1e-6),
        Case("the last but one convolution", removals(3), rtol=1e-6),
        Case("a fully connected layer", removals(6), rtol=1e-6),
        Case("two fully connected layers", removals(5, 6), rtol=1e-6),
        Case("two convolutions and a fully connected layer", removals(2, 3, 5), rtol=1e-6),
        Case("layers 6 and 7 of AlexNet-64", lambda rng: (FULL, (6, 7), (1, 3, 227, 227), None)),
        Case("layers 3 and 4 of AlexNet-64", lambda rng: (FULL, (3, 4), (1, 3, 227, 227), None)),
    ],
    mistakes=[
        *visible.REMOVE_LAYERS.mistakes, bias_appears, pooling_removed, only_the_first,
    ],
)  # fmt: skip

# ZFNet --------------------------------------------------------------------------------------


@mistake("the pools follow the normalisation", "In ZFNet each is pooled first, then normalised.")
def pooled_after_norm(right, **options):
    net = right(**options)
    for index in norms_of(net):
        pool, norm = net.features[index - 1], net.features[index]
        net.features[index - 1], net.features[index] = norm, pool
    return net


ZFNET = replace(
    visible.ZFNET,
    cases=[
        Case("a sixteenth of its width", module_inputs(SMALL, (1, 3, 224, 224))),
        Case("other filters, classes and channels", module_inputs(
            {**SMALL, "channels": (320, 480, 160), "num_classes": 6, "in_channels": 1},
            (1, 1, 224, 224))),
        Case("its full size", lambda rng: ({}, (1, 3, 224, 224), None)),
        Case("the wide variant", lambda rng: (
            {"channels": (512, 1024, 512)}, (1, 3, 224, 224), None)),
    ],
    mistakes=[
        *visible.ZFNET.mistakes, pooled_after_norm, softmax_at_the_end, always_a_thousand,
        units_not_rectified,
    ],
)  # fmt: skip

# What the judge asks ------------------------------------------------------------------------

_ROWS = Withhold(
    functions=tuple(
        f"helpers.counting.{name}"
        for name in ("conv_cost", "conv_count", "pool_count", "linear_count", "count")
    )
    + ("helpers.walk.Walk.__init__",),
    modules=("torchinfo", "torchsummary", "fvcore", "thop", "ptflops"),
)
_NETWORKS = Withhold(
    functions=tuple(
        f"helpers.models.alexnet.{name}"
        for name in (
            "AlexNet64.__init__", "AlexNet96.__init__", "ZFNet.__init__", "as_one_group",
            "remove_layers",
        )
    ),
    modules=("helpers.models", "torchvision.models"),
)  # fmt: skip
_NORM = Withhold(
    functions=(
        "torch.nn.functional.local_response_norm", "helpers.normalization.local_response_norm",
    )
)  # fmt: skip

RIGHT_ROWS = {
    "conv_count": """
def conv_count(name, in_shape, out_channels, kernel_size, stride=1, padding=0, groups=1, bias=True):
    from helpers.counting import LayerCount

    def both(value):
        return tuple(value) if isinstance(value, (tuple, list)) else (value, value)

    sizes = zip(in_shape[1:], both(kernel_size), both(stride), both(padding))
    rows, columns = ((n + 2 * p - k) // s + 1 for n, k, s, p in sizes)
    high, wide = both(kernel_size)
    weights = in_shape[0] // groups * high * wide
    values = out_channels * rows * columns
    params = out_channels * (weights + (1 if bias else 0))
    shape = (out_channels, rows, columns)
    return LayerCount(name, "Conv2d", shape, values * 4 / 1024, params, values * weights)
""",
    "pool_count": """
def pool_count(name, in_shape, kernel_size, stride=None, padding=0):
    from helpers.counting import LayerCount

    def both(value):
        return tuple(value) if isinstance(value, (tuple, list)) else (value, value)

    steps = both(kernel_size if stride is None else stride)
    sizes = zip(in_shape[1:], both(kernel_size), steps, both(padding))
    rows, columns = ((n + 2 * p - k) // s + 1 for n, k, s, p in sizes)
    high, wide = both(kernel_size)
    values = in_shape[0] * rows * columns
    shape = (in_shape[0], rows, columns)
    return LayerCount(name, "MaxPool2d", shape, values * 4 / 1024, 0, 0, values * high * wide)
""",
    "linear_count": """
def linear_count(name, in_features, out_features, bias=True):
    from helpers.counting import LayerCount

    weights = in_features * out_features
    params = weights + (out_features if bias else 0)
    shape = (out_features,)
    return LayerCount(name, "Linear", shape, out_features * 4 / 1024, params, weights)
""",
}
RIGHT_NORM = """
def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    import torch

    reach, channels = size // 2, x.shape[1]
    squares = x**2
    sums = [squares[:, max(0, c - reach) : c + reach + 1].sum(1) for c in range(channels)]
    return x / (k + alpha * torch.stack(sums, dim=1)) ** beta
"""

EXERCISES = {
    graded.exercise.name: graded
    for graded in (
        Graded(CONV_COUNT, _ROWS),
        Graded(POOL_COUNT, _ROWS),
        Graded(LINEAR_COUNT, _ROWS),
        Graded(COUNT_LAYERS, _ROWS, needs=RIGHT_ROWS),
        Graded(ALEXNET64, _NETWORKS, kind="module"),
        Graded(NUMBERS, kind="value"),
        Graded(LOCAL_RESPONSE_NORM, _NORM),
        Graded(ALEXNET96, _NETWORKS, kind="module", needs={"local_response_norm": RIGHT_NORM}),
        Graded(AS_ONE_GROUP, _NETWORKS),
        Graded(REMOVE_LAYERS, _NETWORKS),
        Graded(ZFNET, _NETWORKS, kind="module", needs={"local_response_norm": RIGHT_NORM}),
    )
}
