"""Visible checks of the fifth notebook, and the mistakes they know by name.

Models to be counted or rebuilt are given as texts, one per layer, and made beside the learner's
function; a mistake is the right answer with an argument, a row or a layer changed.
"""

import copy
import math
from functools import partial

import torch
from torch import nn

from helpers import counting, normalization
from helpers.checks import check, check_numbers
from helpers.checks.convolution import (
    biases_uncounted,
    changed,
    constant,
    cost_channels_last,
    cost_without_groups,
    decimal_kilobytes,
    flops_counted,
    macs_with_bias,
    memory_in_bytes,
)
from helpers.checks.exercise import Case, Exercise, mistake, module_exercise
from helpers.checks.lenet import module_inputs
from helpers.checks.modules import describe_module
from helpers.models import alexnet

# One row at a time --------------------------------------------------------------------------

COLUMNS = ("out_shape", "kib", "params", "macs", "other_ops")


@mistake(
    "the weights are counted as memory",
    "The column is about activations: count the output values, and nothing else.",
)
def weights_as_memory(right, *arguments):
    row = right(*arguments)
    return changed(row, kib=row.kib + row.params * 4 / 1024)


CONV_COUNT = Exercise(
    "conv_count",
    counting.conv_count,
    cases=[
        Case("conv1 of AlexNet-64", constant("conv1", (3, 227, 227), 64, 11, 4, 2, 1, True)),
        Case("no bias", constant("conv", (16, 10, 10), 8, 3, 1, 1, 1, False)),
        Case("3x2 filters on a 9x7 image", constant("c", (4, 9, 7), 6, (3, 2), 2, 0, 1, True)),
        Case("two groups", constant("conv2", (96, 27, 27), 256, 5, 1, 2, 2, True)),
    ],
    mistakes=[
        biases_uncounted, flops_counted, decimal_kilobytes, memory_in_bytes, cost_without_groups,
        macs_with_bias, cost_channels_last, weights_as_memory,
    ],
    parts=COLUMNS,
    section="One row at a time",
)  # fmt: skip


@mistake(
    "the pool's comparisons stand in the column of the MACs",
    "Pooling multiplies nothing: 0 MACs. Its comparisons go to `other_ops`.",
)
def comparisons_as_macs(right, *arguments):
    row = right(*arguments)
    return changed(row, macs=row.other_ops, other_ops=0)


@mistake("the pool is given parameters", "Nothing is learned in a pooling layer: 0 parameters.")
def pool_with_parameters(right, *arguments):
    row = right(*arguments)
    per_value = row.other_ops // math.prod(row.out_shape)
    return changed(row, params=row.out_shape[0] * per_value)


@mistake(
    "the output size is rounded up", "PyTorch rounds down: windows that stick out are left out."
)
def pool_rounded_up(right, name, in_shape, kernel_size, stride=None, padding=0):
    steps = kernel_size if stride is None else stride
    down, across = steps if isinstance(steps, tuple) else (steps, steps)
    channels, rows, columns = in_shape
    larger = (channels, rows + down - 1, columns + across - 1)
    return right(name, larger, kernel_size, stride, padding)


@mistake(
    "a stride that is not given is taken as 1",
    "For pooling, `stride=None` means the size of the window.",
)
def pool_stride_one(right, name, in_shape, kernel_size, stride=None, padding=0):
    return right(name, in_shape, kernel_size, 1 if stride is None else stride, padding)


@mistake(
    "one operation is counted per output value",
    "Every output value looks at a whole window: kH * kW values.",
)
def one_operation_per_value(right, *arguments):
    row = right(*arguments)
    return changed(row, other_ops=math.prod(row.out_shape))


@mistake(
    "one comparison is left out per window",
    "It is true that the largest of 9 is found with 8 comparisons; the lectures count all 9.",
)
def one_comparison_fewer(right, *arguments):
    row = right(*arguments)
    return changed(row, other_ops=row.other_ops - math.prod(row.out_shape))


POOL_COUNT = Exercise(
    "pool_count",
    counting.pool_count,
    cases=[
        Case("pool1 of AlexNet-64", constant("pool1", (64, 56, 56), 3, 2, 0)),
        Case("no stride given", constant("pool", (8, 9, 7), 2, None, 0)),
        Case("a 3x2 window", constant("pool", (5, 13, 9), (3, 2), 2, 0)),
        Case("padding", constant("pool", (4, 8, 6), 3, 2, 1)),
    ],
    mistakes=[
        comparisons_as_macs, pool_with_parameters, pool_rounded_up, pool_stride_one,
        one_operation_per_value, one_comparison_fewer, decimal_kilobytes, memory_in_bytes,
    ],
    parts=COLUMNS,
    section="One row at a time",
)  # fmt: skip


@mistake("the biases are not counted", "With a bias, each output has one parameter more.")
def unit_biases_uncounted(right, name, in_features, out_features, bias=True):
    row = right(name, in_features, out_features, bias)
    return changed(row, params=in_features * out_features)


@mistake("there is a bias per input, not per output", "Each output value has one bias.")
def bias_per_input(right, name, in_features, out_features, bias=True):
    row = right(name, in_features, out_features, bias)
    return changed(row, params=(out_features + bool(bias)) * in_features)


@mistake("inputs and outputs are exchanged", "The output of the layer has `out_features` values.")
def features_exchanged(right, name, in_features, out_features, bias=True):
    return right(name, out_features, in_features, bias)


@mistake("each MAC count includes the bias", "Adding a bias multiplies nothing: it is no MAC.")
def unit_macs_with_bias(right, name, in_features, out_features, bias=True):
    row = right(name, in_features, out_features, bias)
    return changed(row, macs=row.params)


LINEAR_COUNT = Exercise(
    "linear_count",
    counting.linear_count,
    cases=[
        Case("fc8 of AlexNet-64", constant("fc8", 4096, 1000, True)),
        Case("no bias", constant("fc", 12, 5, False)),
        Case("more outputs than inputs", constant("fc", 9, 40, True)),
    ],
    mistakes=[
        unit_biases_uncounted, bias_per_input, features_exchanged, unit_macs_with_bias,
        flops_counted, decimal_kilobytes, memory_in_bytes, weights_as_memory,
    ],
    parts=COLUMNS,
    section="One row at a time",
)  # fmt: skip

# The whole table ----------------------------------------------------------------------------


def ask_count(count_layers, layers, input_shape):
    """Have a model counted: the columns of its table, and whether it was left as it was."""

    class Backwards(torch.nn.Sequential):
        """Layers that run in the opposite order of the one in which they were made."""

        def forward(self, x):
            for layer in reversed(self):
                x = layer(x)
            return x

    model = eval(f"Sequential({', '.join(layers)})", {**vars(torch.nn), "Backwards": Backwards})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rows = count_layers(model, tuple(input_shape))
    if rows is None:
        return None
    after = model.state_dict()
    pairs = [(value, after[name]) for name, value in before.items()]
    if any(now.device != value.device for value, now in pairs):
        found = "it is on another device"
    elif not all(torch.equal(value, now) for value, now in pairs):
        found = "its statistics or weights have changed"
    elif any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules()):
        found = "it still has hooks"
    elif not all(layer.training for layer in model.modules()):
        found = "it is in evaluation mode"
    else:
        found = "it is as it was"
    columns = {"name": [], "type": [], "out_shape": [], "kib": [], "params": [], "macs": []}
    columns["other_ops"] = []
    for row in rows:
        for field, values in columns.items():
            value = row[field] if isinstance(row, dict) else getattr(row, field)
            values.append(value.__name__ if isinstance(value, type) else value)
    return columns | {"model": found}


def count_layers_reference(model, input_shape):
    """The rows of :func:`helpers.counting.count`."""
    return counting.count(model, input_shape).layers


def layers_by_name(model):
    """The modules of a model by name."""
    return dict(model.named_modules())


def without_parameters_named(model, name):
    """A copy of a model whose layers lack the parameters of a name."""
    model = copy.deepcopy(model)
    for layer in model.modules():
        if getattr(layer, name, None) is not None:
            setattr(layer, name, None)
    return model


@mistake("the biases are not counted", "All that the layer learns is in `layer.parameters()`.")
def count_without_biases(right, model, input_shape):
    bare = right(without_parameters_named(model, "bias"), input_shape)
    rows = right(model, input_shape)
    return [changed(row, params=b.params) for row, b in zip(rows, bare, strict=True)]


@mistake("FLOPs are counted, not MACs", "One multiplication with its addition is one MAC.")
def rows_in_flops(right, model, input_shape):
    return [changed(row, macs=2 * row.macs) for row in right(model, input_shape)]


@mistake(
    "every filter is taken to read all channels, also where there are groups",
    "`layer.weight` has the shape (out_channels, in_channels / groups, kH, kW).",
)
def groups_ignored(right, model, input_shape):
    layers = layers_by_name(model)
    return [
        changed(row, macs=row.macs * getattr(layers[row.name], "groups", 1))
        for row in right(model, input_shape)
    ]


@mistake("the batch axis is in `out_shape`", "`out.shape[1:]` leaves the batch axis away.")
def batch_axis_kept(right, model, input_shape):
    return [changed(row, out_shape=(1, *row.out_shape)) for row in right(model, input_shape)]


@mistake("a KiB is taken as 1000 bytes", "1 KiB is 1024 bytes.")
def rows_in_decimal_kilobytes(right, model, input_shape):
    return [changed(row, kib=row.kib * 1.024) for row in right(model, input_shape)]


@mistake("the weights are counted as memory", "Count the output values, and nothing else.")
def rows_with_weights_as_memory(right, model, input_shape):
    return [changed(r, kib=r.kib + r.params * 4 / 1024) for r in right(model, input_shape)]


@mistake(
    "the operations of pooling are counted as MACs",
    "Pooling multiplies nothing: 0 MACs. Its operations go to `other_ops`.",
)
def pooling_in_macs(right, model, input_shape):
    return [
        changed(row, macs=row.macs + row.other_ops, other_ops=0)
        for row in right(model, input_shape)
    ]


@mistake(
    "the parameters of a layer that runs twice are counted twice",
    "Both runs use the same numbers: remember which layers you have seen.",
)
def shared_parameters_twice(right, model, input_shape):
    rows = right(model, input_shape)
    first = {}
    for row in rows:
        first.setdefault(row.name, row.params)
    return [changed(row, params=first[row.name]) for row in rows]


@mistake("the MACs include the biases", "Adding a bias multiplies nothing: it is no MAC.")
def rows_with_biases_in_macs(right, model, input_shape):
    layers = layers_by_name(model)
    rows = []
    for row in right(model, input_shape):
        biased = getattr(layers[row.name], "bias", None) is not None and row.macs
        rows.append(changed(row, macs=row.macs + (math.prod(row.out_shape) if biased else 0)))
    return rows


@mistake(
    "activations get rows of their own",
    "They can work in place, in the memory of their input: leave them out, and dropout too.",
)
def activations_get_rows(right, model, input_shape):
    model, names = copy.deepcopy(model), []
    for name, layer in list(model.named_modules()):
        for child, inner in layer.named_children():
            if type(inner).__name__ in ("ReLU", "Tanh", "Sigmoid", "Dropout", "Identity"):
                names.append((f"{name}.{child}" if name else child, type(inner).__name__))
                setattr(layer, child, torch.nn.Flatten(-1))  # gives its input, and has a row
    types = dict(names)
    return [changed(r, type=types.get(r.name, r.type)) for r in right(model, input_shape)]


@mistake("the forward hooks stay in the model", "Remove them: `for hook in hooks: hook.remove()`.")
def hooks_left_behind(right, model, input_shape):
    rows = right(model, input_shape)
    for layer in model.modules():
        layer.register_forward_hook(lambda layer, inputs, output: None)
    return rows


@mistake(
    "the model itself is moved to the meta device, and its weights are gone",
    "Work on `copy.deepcopy(model)`.",
)
def model_moved(right, model, input_shape):
    rows = right(model, input_shape)
    model.to("meta")
    return rows


@mistake("the model itself is put into evaluation mode", "Work on `copy.deepcopy(model)`.")
def evaluation_mode_kept(right, model, input_shape):
    rows = right(model, input_shape)
    model.eval()
    return rows


@mistake(
    "the additions of `nn.AdaptiveAvgPool2d` are not counted",
    "It has no `kernel_size`: its windows follow from the sizes of its input and its output.",
)
def adaptive_pool_for_free(right, model, input_shape):
    rows = right(model, input_shape)
    return [changed(r, other_ops=0) if r.type == "AdaptiveAvgPool2d" else r for r in rows]


COUNT_LAYERS = Exercise(
    "count_layers",
    count_layers_reference,
    cases=[
        Case(
            "a small network",
            constant(
                ("Conv2d(3, 4, 3, stride=2)", "ReLU()", "MaxPool2d(2)", "Flatten()",
                 "Linear(16, 5)"), (3, 9, 11),
            ),
        ),
        Case(
            "layers inside layers, no bias",
            constant(
                ("Sequential(Conv2d(2, 4, (3, 2), bias=False), ReLU())", "AvgPool2d((2, 3))",
                 "Flatten()", "Dropout()", "Linear(24, 3, bias=False)"), (2, 8, 7),
            ),
        ),
        Case(
            "two groups",
            constant(("Conv2d(4, 6, 3, padding=1, groups=2)", "ReLU()", "MaxPool2d(3, 2)"),
                     (4, 5, 7)),
        ),
        Case(
            "a layer that runs twice",
            constant(("(c := Conv2d(3, 3, 3, padding=1))", "Tanh()", "c", "Flatten()",
                      "Linear(60, 2)"), (3, 4, 5)),
        ),
        Case(
            "average pooling to 2x1",
            constant(("Conv2d(2, 3, 3)", "Sigmoid()", "AdaptiveAvgPool2d((2, 1))", "Flatten()",
                      "Linear(6, 2)"), (2, 6, 5)),
        ),
    ],
    mistakes=[
        count_without_biases, rows_in_flops, groups_ignored, batch_axis_kept,
        rows_in_decimal_kilobytes, rows_with_weights_as_memory, pooling_in_macs,
        shared_parameters_twice, rows_with_biases_in_macs, activations_get_rows,
        hooks_left_behind, model_moved, evaluation_mode_kept, adaptive_pool_for_free,
    ],
    parts=("name", "type", *COLUMNS, "model"),
    section="The whole table",
    ask=ask_count,
)  # fmt: skip

# AlexNet-64 ---------------------------------------------------------------------------------


def with_layer(net, part, index, layer):
    """`net` with one of its layers exchanged."""
    getattr(net, part)[index] = layer
    return net


@mistake("the activation between the convolutions is missing", "A ReLU follows every convolution.")
def convolutions_not_rectified(right, **options):
    net = right(**options)
    for index, layer in enumerate(net.features):
        if isinstance(layer, nn.ReLU):
            net.features[index] = nn.Identity()
    return net


@mistake("the activation after fc6 and fc7 is missing", "A ReLU follows fc6 and fc7, too.")
def units_not_rectified(right, **options):
    net = with_layer(right(**options), "classifier", 2, nn.Identity())
    return with_layer(net, "classifier", 5, nn.Identity())


@mistake(
    "a softmax stands at the end",
    "Return the scores as they are: the loss, `nn.CrossEntropyLoss`, contains the softmax.",
)
def softmax_at_the_end(right, **options):
    net = right(**options)
    net.classifier.append(nn.Softmax(dim=1))
    return net


@mistake("the pooling windows are 2x2", "They are 3x3 with stride 2, and overlap.")
def windows_of_two(right, **options):
    net = right(**options)
    for index, layer in enumerate(net.features):
        if isinstance(layer, nn.MaxPool2d):
            net.features[index] = nn.MaxPool2d(2, 2, ceil_mode=False, padding=0)
    return net


@mistake("average pooling is used instead of max pooling", "AlexNet takes the maximum.")
def averages_taken(right, **options):
    net = right(**options)
    for index, layer in enumerate(net.features):
        if isinstance(layer, nn.MaxPool2d):
            net.features[index] = nn.AvgPool2d(3, 2)
    return net


@mistake("conv1 has no padding", "It has padding 2, as the table says.")
def conv1_not_padded(right, **options):
    net = right(**options)
    net.features[0].padding = (0, 0)
    return net


@mistake("the layers have no biases", "`nn.Conv2d` and `nn.Linear` have a bias unless told not to.")
def layers_without_biases(right, **options):
    net = right(**options)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_parameter("bias", None)
    return net


SMALL = {"width": 1 / 16}

ALEXNET64 = module_exercise(
    "AlexNet64",
    alexnet.AlexNet64,
    cases=[
        Case("a sixteenth of its width", module_inputs(SMALL, (1, 3, 227, 227))),
        Case("five classes, one channel, 224 pixels",
             module_inputs({**SMALL, "num_classes": 5, "in_channels": 1}, (1, 1, 224, 224))),
        Case("its full size", constant({}, (1, 3, 227, 227), None)),
    ],
    mistakes=[
        convolutions_not_rectified, units_not_rectified, softmax_at_the_end, windows_of_two,
        averages_taken, conv1_not_padded, layers_without_biases,
    ],
    section="AlexNet-64",
)  # fmt: skip

NUMBERS = (
    "wrong_macs_conv", "wrong_macs_value", "fc6_params", "total_params", "total_macs",
    "column_mib", "conv_mib", "memory_share", "params_share", "macs_share",
)  # fmt: skip

# The network of 2012 ------------------------------------------------------------------------


def responses(rng, *shape):
    """Values as they come out of a ReLU, without ties at zero."""
    return torch.from_numpy(rng.standard_normal(shape)).abs() + 0.1


def norm_inputs(shape, *constants):
    """Inputs (x, size, alpha, beta, k) from the shape of x."""
    return lambda rng: (responses(rng, *shape), *constants)


@mistake("alpha is divided by `size`", "PyTorch does that; the paper multiplies the sum by alpha.")
def alpha_divided(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    return right(x, size, alpha / size, beta, k)


@mistake(
    "the sum runs over neighbouring pixels", "It runs over channels, at one and the same pixel."
)
def over_pixels(right, x, *constants):
    return right(x.transpose(1, 3), *constants).transpose(1, 3)


@mistake("the values are added up, not their squares", "The sum is over squares.")
def values_not_squared(right, x, *constants):
    roots = x.abs().sqrt()
    return right(roots, *constants) / roots * x


@mistake("`k` is left out", "The denominator is (k + alpha * sum) ** beta.")
def k_left_out(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    return right(x, size, alpha, beta, 0.0)


@mistake("the value is multiplied by the power", "It is divided by it.")
def multiplied(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    return right(x, size, alpha, -beta, k)


@mistake("the window wraps around", "Before the first channel and after the last there is nothing.")
def wraps_around(right, x, size=5, *constants):
    reach = size // 2
    around = torch.cat([x[:, -reach:], x, x[:, :reach]], dim=1) if reach else x
    return right(around, size, *constants)[:, reach : reach + x.shape[1]]


LOCAL_RESPONSE_NORM = Exercise(
    "local_response_norm",
    normalization.local_response_norm,
    cases=[
        Case("four channels, window of 3", norm_inputs((1, 4, 2, 3), 3, 0.5, 0.75, 2.0)),
        Case("the paper's constants", norm_inputs((2, 7, 2, 2))),
        Case("other constants", norm_inputs((1, 6, 3, 2), 5, 0.2, 0.5, 1.0)),
    ],
    mistakes=[
        alpha_divided, over_pixels, values_not_squared, k_left_out, multiplied, wraps_around,
    ],
    section="Competition between maps",
)  # fmt: skip


def torch_norm():
    """PyTorch's layer with the paper's numbers put in as they stand."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)


def norms_of(net):
    """Places of the normalisation layers of an AlexNet-96."""
    return [i for i, m in enumerate(net.features) if isinstance(m, alexnet.LocalResponseNorm)]


@mistake("`groups` is ignored", "conv2, conv4 and conv5 take `groups=groups`.")
def single_tower(right, groups=2, **options):
    return right(groups=1, **options)


@mistake(
    "PyTorch's normalisation gets the paper's alpha",
    "`nn.LocalResponseNorm` divides alpha by the size of the window: give it five times as much.",
)
def torch_alpha(right, **options):
    net = right(**options)
    for index in norms_of(net):
        net.features[index] = torch_norm()
    return net


@mistake(
    "the normalisation follows the pooling",
    "In the paper the order is convolution, ReLU, normalisation, pooling.",
)
def normalised_after_pooling(right, **options):
    net = right(**options)
    for index in norms_of(net):
        norm, pool = net.features[index], net.features[index + 1]
        net.features[index], net.features[index + 1] = pool, norm
    return net


@mistake("there is no normalisation", "It follows the ReLU of conv1 and that of conv2.")
def not_normalised(right, **options):
    net = right(**options)
    for index in norms_of(net):
        net.features[index] = nn.Identity()
    return net


@mistake("all layers but conv1 are split", "conv3 reads the maps of both GPUs.")
def conv3_split(right, groups=2, **options):
    net = right(groups=groups, **options)
    [conv3] = [m for m in net.features if isinstance(m, nn.Conv2d) and m is net.features[8]]
    split = nn.Conv2d(conv3.in_channels, conv3.out_channels, 3, padding=1, groups=groups)
    return with_layer(net, "features", 8, split)


ALEXNET96 = module_exercise(
    "AlexNet96",
    alexnet.AlexNet96,
    cases=[
        Case("two groups, a sixteenth of its width",
             module_inputs({**SMALL, "groups": 2}, (1, 3, 227, 227))),
        Case("one tower", module_inputs({**SMALL, "groups": 1, "num_classes": 7},
                                        (1, 3, 227, 227))),
        Case("two groups, its full size", constant({"groups": 2}, (1, 3, 227, 227), None)),
    ],
    mistakes=[
        single_tower, torch_alpha, normalised_after_pooling, not_normalised, conv3_split,
        convolutions_not_rectified, units_not_rectified, layers_without_biases,
    ],
    section="AlexNet-96",
)  # fmt: skip

# Two GPUs -----------------------------------------------------------------------------------


def group_inputs(weight, groups, stride=1, padding=0, bias=True):
    """Inputs (weight, bias, groups, stride, padding) of a grouped convolution."""

    def make(rng):
        values = torch.from_numpy(rng.standard_normal(weight))
        biases = torch.from_numpy(rng.standard_normal(weight[0])) if bias else None
        return values, biases, groups, stride, padding

    return make


def ask_one_group(as_one_group, weight, bias, groups, stride, padding):
    """Have a grouped convolution rewritten: its weights, its bias and its settings."""
    conv = torch.nn.Conv2d(
        weight.shape[1] * groups, len(weight), tuple(weight.shape[2:]), stride=stride,
        padding=padding, groups=groups, bias=bias is not None, dtype=weight.dtype,
    )  # fmt: skip
    with torch.no_grad():
        conv.weight.copy_(weight)
        if bias is not None:
            conv.bias.copy_(bias)
    dense = as_one_group(conv)
    if dense is None:
        return None
    settings = [*dense.stride, *dense.padding, dense.groups]
    return {"weight": dense.weight, "bias": dense.bias, "settings": settings}


@mistake(
    "the weights between the groups are not zero",
    "What reads nothing has the weight 0: start with a tensor of zeros.",
)
def blocks_repeated(right, conv):
    dense = right(conv)
    with torch.no_grad():
        dense.weight.copy_(conv.weight.repeat(1, conv.groups, 1, 1))
    return dense


@mistake("the biases are those of a new layer", "Copy the biases as well as the weights.")
def group_biases_not_copied(right, conv):
    dense = right(conv)
    if dense.bias is not None:
        with torch.no_grad():
            dense.bias.zero_()
    return dense


@mistake(
    "the blocks stand on the other diagonal",
    "The first block of filters reads the first block of channels.",
)
def blocks_on_the_other_diagonal(right, conv):
    dense, size = right(conv), len(conv.weight) // conv.groups
    blocks = dense.weight.detach().split(size)
    with torch.no_grad():
        reach = conv.weight.shape[1]
        moved = [b.roll((conv.groups - 1 - 2 * g) * reach, 1) for g, b in enumerate(blocks)]
        dense.weight.copy_(torch.cat(moved))
    return dense


@mistake("stride and padding are those of a new layer", "Hand `conv.stride` and the rest over.")
def settings_not_copied(right, conv):
    dense = right(conv)
    dense.stride, dense.padding = (1, 1), (0, 0)
    return dense


AS_ONE_GROUP = Exercise(
    "as_one_group",
    alexnet.as_one_group,
    cases=[
        Case("two groups", group_inputs((4, 3, 3, 3), 2, padding=1)),
        Case("three groups, stride 2", group_inputs((6, 2, 2, 3), 3, stride=2)),
    ],
    mistakes=[
        blocks_repeated, group_biases_not_copied, blocks_on_the_other_diagonal,
        settings_not_copied,
    ],
    parts=("weight", "bias", "settings"),
    section="Two GPUs",
    ask=ask_one_group,
)  # fmt: skip

# Layers removed -----------------------------------------------------------------------------


def ask_removed(remove_layers, layers, numbers, shape, seed):
    """Have layers removed from a model: what the new one is and does, and what became of the old.

    Without a seed, for a model too large to run: only its number of parameters.
    """
    with torch.device("cpu" if seed is not None else "meta"):
        model = eval(f"Sequential({', '.join(layers)})", dict(vars(torch.nn)))
        before = str(model)
        net = remove_layers(model, set(numbers))
    if net is None:
        return None
    untouched, kept = str(model) == before, 0
    if seed is None:
        return {
            "params": sum(p.numel() for p in net.parameters()),
            "stages": [], "output": [], "kept": kept, "model_unchanged": untouched,
        }  # fmt: skip
    for new in net.parameters():
        same = [old for old in model.parameters() if old.shape == new.shape]
        kept += any(torch.equal(old, new) for old in same)
    described = describe_module(lambda: net, {}, shape, seed)
    return described | {"kept": kept, "model_unchanged": untouched}


def removal_inputs(layers, numbers, shape):
    """Inputs (layers, numbers, shape, seed) of a removal."""
    return lambda rng: (layers, numbers, shape, int(rng.integers(1 << 30)))


FULL = (
    "Conv2d(3, 64, 11, stride=4, padding=2)", "ReLU()", "MaxPool2d(3, 2)",
    "Conv2d(64, 192, 5, padding=2)", "ReLU()", "MaxPool2d(3, 2)",
    "Conv2d(192, 384, 3, padding=1)", "ReLU()", "Conv2d(384, 256, 3, padding=1)", "ReLU()",
    "Conv2d(256, 256, 3, padding=1)", "ReLU()", "MaxPool2d(3, 2)", "Flatten()",
    "Dropout()", "Linear(9216, 4096)", "ReLU()", "Dropout()", "Linear(4096, 4096)", "ReLU()",
    "Linear(4096, 1000)",
)  # fmt: skip
TINY = (
    "Conv2d(2, 3, 3)", "Tanh()", "MaxPool2d(2)", "Conv2d(3, 4, 3, padding=1)", "Tanh()",
    "Conv2d(4, 5, 3, padding=1, bias=False)", "Tanh()", "Flatten()", "Linear(45, 7)", "Tanh()",
    "Linear(7, 3)",
)  # fmt: skip
GROUPED = (
    "Conv2d(1, 4, 3)", "Tanh()", "Conv2d(4, 2, 3, padding=1)", "Tanh()",
    "Conv2d(2, 6, 3, padding=1, groups=2)", "Flatten()", "Linear(36, 2)",
)  # fmt: skip


@mistake(
    "the next layer still expects what the removed one gave",
    "Make it anew with as many inputs as there are now.",
)
def not_rewired(right, model, numbers):
    net = right(model, numbers)
    weighted = [m for m in model if isinstance(m, nn.Conv2d | nn.Linear)]
    kept = iter([m for n, m in enumerate(weighted, 1) if n not in numbers])
    return nn.Sequential(*(next(kept) if isinstance(m, nn.Conv2d | nn.Linear) else m for m in net))


@mistake(
    "the activation of a removed layer stays",
    "Remove what follows the layer as well, but neither pooling nor flatten.",
)
def activation_stays(right, model, numbers):
    hidden = [layer if list(layer.parameters()) else nn.Sequential(layer) for layer in model]
    return right(nn.Sequential(*hidden), numbers)


@mistake("the layers are numbered from 0", "The first convolution is layer 1.")
def numbered_from_zero(right, model, numbers):
    return right(model, {n + 1 for n in numbers})


@mistake(
    "all layers are new, also those that need no change",
    "Keep what still fits, with its weights; only the next layer needs to be made anew.",
)
def all_layers_new(right, model, numbers):
    net = copy.deepcopy(right(model, numbers))
    for layer in net:
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    return net


def rewired(net, model):
    """Places of the layers in `net` that are not those of `model`, and have weights."""
    return [
        place
        for place, new in enumerate(net)
        if isinstance(new, nn.Conv2d | nn.Linear) and not any(new is old for old in model)
    ]


@mistake("the next layer loses its padding or stride", "Only its number of inputs changes.")
def settings_lost(right, model, numbers):
    net = right(model, numbers)
    for place in rewired(net, model):
        if isinstance(net[place], nn.Conv2d):
            net[place] = copy.copy(net[place])
            net[place].stride, net[place].padding = (1, 1), (0, 0)
    return net


@mistake("the groups of the next layer get lost", "Only its number of inputs changes.")
def groups_lost(right, model, numbers):
    net = right(model, numbers)
    for place in rewired(net, model):
        if isinstance(net[place], nn.Conv2d):
            old = net[place]
            net[place] = nn.Conv2d(
                old.in_channels, old.out_channels, old.kernel_size, old.stride, old.padding,
                bias=old.bias is not None,
            )  # fmt: skip
    return net


@mistake("the model itself is changed", "Make a new `nn.Sequential`; the old one is still needed.")
def changed_in_place(right, model, numbers):
    net = right(model, numbers)
    while len(model):
        del model[0]
    for layer in net:
        model.append(layer)
    return model


REMOVE_LAYERS = Exercise(
    "remove_layers",
    alexnet.remove_layers,
    cases=[
        Case("the second convolution", removal_inputs(TINY, (2,), (1, 2, 8, 8)), rtol=1e-6),
        Case("a fully connected layer", removal_inputs(TINY, (4,), (2, 2, 8, 8)), rtol=1e-6),
        Case("two neighbours", removal_inputs(TINY, (2, 3), (1, 2, 8, 8)), rtol=1e-6),
        Case("a convolution before one with two groups",
             removal_inputs(GROUPED, (2,), (1, 1, 4, 5)), rtol=1e-6),
        Case("nothing at all", removal_inputs(TINY, (), (1, 2, 8, 8)), rtol=1e-6),
        Case("fc7 of AlexNet-64", constant(FULL, (7,), (1, 3, 227, 227), None)),
    ],
    mistakes=[
        not_rewired, activation_stays, numbered_from_zero, all_layers_new, settings_lost,
        groups_lost, changed_in_place,
    ],
    parts=("params", "stages", "output", "kept", "model_unchanged"),
    section="Which layers matter?",
    ask=ask_removed,
)  # fmt: skip

# ZFNet --------------------------------------------------------------------------------------


@mistake(
    "the filters of conv1 are 11x11", "ZFNet has 7x7 there, with stride 2, to keep more detail."
)
def filters_of_eleven(right, in_channels=3, **options):
    net = right(in_channels=in_channels, **options)
    first = nn.Conv2d(in_channels, net.features[0].out_channels, 11, stride=2, padding=3)
    return with_layer(net, "features", 0, first)


@mistake(
    "the first two pools round up instead of being padded",
    "The sizes agree, but the windows lie elsewhere: use `padding=1`, and round down.",
)
def pools_rounded_up(right, **options):
    net = right(**options)
    for index, layer in enumerate(net.features):
        if isinstance(layer, nn.MaxPool2d):
            net.features[index] = nn.MaxPool2d(3, 2, ceil_mode=True)
    return net


@mistake("`channels` is ignored", "conv3 to conv5 have the filters that `channels` lists.")
def channels_ignored(right, channels=(384, 384, 256), **options):
    return right(**options)


ZFNET = module_exercise(
    "ZFNet",
    alexnet.ZFNet,
    cases=[
        Case("a sixteenth of its width", module_inputs(SMALL, (1, 3, 224, 224))),
        Case("the wide variant, narrowed",
             module_inputs({**SMALL, "channels": (512, 1024, 512)}, (1, 3, 224, 224))),
        Case("its full size", constant({}, (1, 3, 224, 224), None)),
    ],
    mistakes=[
        filters_of_eleven, pools_rounded_up, channels_ignored, not_normalised, torch_alpha,
        convolutions_not_rectified, layers_without_biases,
    ],
    section="ZFNet",
)  # fmt: skip

EXERCISES = [
    CONV_COUNT, POOL_COUNT, LINEAR_COUNT, COUNT_LAYERS, ALEXNET64, LOCAL_RESPONSE_NORM, ALEXNET96,
    AS_ONE_GROUP, REMOVE_LAYERS, ZFNET,
]  # fmt: skip

conv_count = partial(check, CONV_COUNT)
pool_count = partial(check, POOL_COUNT)
linear_count = partial(check, LINEAR_COUNT)
count_layers = partial(check, COUNT_LAYERS)
AlexNet64 = partial(check, ALEXNET64)
table_numbers = partial(check_numbers, "table_numbers", NUMBERS)
local_response_norm = partial(check, LOCAL_RESPONSE_NORM)
AlexNet96 = partial(check, ALEXNET96)
as_one_group = partial(check, AS_ONE_GROUP)
remove_layers = partial(check, REMOVE_LAYERS)
ZFNet = partial(check, ZFNET)
