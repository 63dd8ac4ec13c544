"""Visible checks of the seventh notebook, and the mistakes they know by name.

A mistake in a module is the right one built with another option, or with one layer exchanged; a
mistake in a count is the right count with an argument or the result changed.
"""

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from helpers.checks import check, check_numbers, check_value
from helpers.checks.exercise import (
    Case,
    Exercise,
    Problem,
    described,
    mistake,
    module_exercise,
)
from helpers.checks.lenet import module_inputs
from helpers.models import googlenet
from helpers.models.googlenet import Conv

BRANCHES = ("branch1", "branch2", "branch3", "branch4")


def large_inputs(options, shape):
    """Inputs of a case about a module that is described and not run."""
    return lambda rng: (options, shape, None)


def training_inputs(options, shape):
    """Inputs of a case about what a module gives in training mode."""
    return lambda rng: (options, shape, int(rng.integers(1 << 30)), True)


def count_inputs(*arguments):
    """Inputs of a case whose channels are up to 7 more than written: no number is known before."""

    def make(rng):
        first, size, *filters = arguments
        return (first + int(rng.integers(8)), size, *(f + int(rng.integers(8)) for f in filters))

    return make


def constant(*arguments):
    """Inputs that are always the same."""
    return lambda rng: arguments


# What a module costs ------------------------------------------------------------------------


@mistake("FLOPs are counted", "A multiplication with its addition is one MAC, not two.")
def flops_counted(right, *arguments):
    return 2 * right(*arguments)


@mistake("the biases are counted", "A bias is added, nothing is multiplied: it is no MAC.")
def biases_counted(right, in_channels, size, *filters):
    none = [0] * (len(filters) - 1)
    return right(in_channels, size, *filters) + right(1, size, sum(filters), *none)


@mistake(
    "the kernels' sides are not squared",
    "A 3x3 filter multiplies nine values of each channel, a 5x5 filter 25.",
)
def naive_sides_not_squared(right, in_channels, size, n1x1, n3x3, n5x5):
    return right(in_channels, size, n1x1 + 3 * n3x3 + 5 * n5x5, 0, 0)


@mistake(
    "the weights are counted, not how often each is used",
    "Every weight multiplies once at each of the H · W places.",
)
def weights_counted(right, in_channels, size, *filters):
    return right(in_channels, 1, *filters)


@mistake("height and width are taken to be equal", "A pair is (H, W): there are H · W places.")
def square_assumed(right, in_channels, size, *filters):
    return right(in_channels, size[0] if isinstance(size, tuple) else size, *filters)


NAIVE_MACS = Exercise(
    "naive_inception_macs",
    googlenet.naive_inception_macs,
    cases=[
        Case("the module of the lecture", constant(256, 28, 128, 192, 96)),
        Case("fewer channels", count_inputs(16, 8, 4, 6, 2)),
        Case("maps that are not square", count_inputs(30, (7, 10), 12, 20, 6)),
    ],
    mistakes=[
        flops_counted, biases_counted, naive_sides_not_squared, weights_counted,
        square_assumed,
    ],
    section="What it costs",
)  # fmt: skip


@mistake("the reducers' own MACs are left out", "A reducer is a 1x1 convolution and costs, too.")
def reducers_left_out(right, in_channels, size, n1x1, n3x3_reduce, n3x3, n5x5_reduce, *last):
    reducers = right(in_channels, size, n3x3_reduce + n5x5_reduce, 0, 0, 0, 0, 0)
    everything = right(in_channels, size, n1x1, n3x3_reduce, n3x3, n5x5_reduce, *last)
    return everything - reducers


@mistake(
    "the projection behind the pooling is left out", "It is a 1x1 convolution like the others."
)
def projection_left_out(right, in_channels, size, *filters):
    return right(in_channels, size, *filters[:-1], 0)


@mistake(
    "the 5x5 filters read all channels",
    "Behind the reducer there are only `n5x5_reduce` channels left to read.",
)
def large_filters_read_everything(right, in_channels, size, *filters):
    *_, n5x5, pool_proj = filters
    more = right(in_channels, size, 25 * n5x5, 0, 0, 0, 0, 0)
    none = right(in_channels, size, *filters[:4], 0, pool_proj)
    return none + more


@mistake(
    "the 3x3 filters read all channels",
    "Behind the reducer there are only `n3x3_reduce` channels left to read.",
)
def middle_filters_read_everything(right, in_channels, size, *filters):
    n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj = filters
    more = right(in_channels, size, 9 * n3x3, 0, 0, 0, 0, 0)
    return right(in_channels, size, n1x1, n3x3_reduce, 0, n5x5_reduce, n5x5, pool_proj) + more


@mistake(
    "the 3x3 and the 5x5 filters read all channels",
    "Each reads what its own reducer gives: `n3x3_reduce` and `n5x5_reduce` channels.",
)
def both_read_everything(right, in_channels, size, *filters):
    n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj = filters
    more = right(in_channels, size, 9 * n3x3 + 25 * n5x5, 0, 0, 0, 0, 0)
    return right(in_channels, size, n1x1, n3x3_reduce, 0, n5x5_reduce, 0, pool_proj) + more


@mistake("the 3x3 line is counted twice", "Six convolutions, each once.")
def middle_line_twice(right, in_channels, size, *filters):
    _, n3x3_reduce, n3x3, *_ = filters
    return right(in_channels, size, *filters) + right(n3x3_reduce, size, 9 * n3x3, 0, 0, 0, 0, 0)


BOTTLENECK_MACS = Exercise(
    "bottleneck_inception_macs",
    googlenet.bottleneck_inception_macs,
    cases=[
        Case("the module of the lecture", constant(256, 28, 128, 64, 192, 64, 96, 64)),
        Case("fewer channels", count_inputs(16, 8, 4, 3, 6, 2, 5, 7)),
        Case("maps that are not square", count_inputs(30, (7, 10), 12, 9, 20, 3, 6, 5)),
    ],
    mistakes=[
        flops_counted, reducers_left_out, projection_left_out, middle_filters_read_everything,
        large_filters_read_everything, both_read_everything, middle_line_twice,
    ],
    section="What it saves",
)  # fmt: skip

# The modules --------------------------------------------------------------------------------


def pool_of(net):
    """The pooling layer of an inception module."""
    return net.branch4 if isinstance(net.branch4, nn.MaxPool2d) else net.branch4[0]


def convolution_of(branch):
    """The last convolution of a branch."""
    return [layer for layer in branch.modules() if isinstance(layer, nn.Conv2d)][-1]


def rearranged(net, arrange):
    """An inception module whose output is arrange(list of what its branches give)."""

    def again(layer, inputs, output):
        return arrange([getattr(layer, name)(inputs[0]) for name in BRANCHES])

    net.register_forward_hook(again)
    return net


def with_identity(net, *paths):
    """`net` with the layers at these dotted paths taken out."""
    for path in paths:
        parent, _, name = path.rpartition(".")
        setattr(net.get_submodule(parent), name, nn.Identity())
    return net


@mistake(
    "the pooling has no padding",
    "A 3x3 window at stride 1 keeps the size only with `padding=1`.",
)
def pooling_without_padding(right, **options):
    net = right(**options)
    pool_of(net).padding = 0
    return net


@mistake(
    "the stride of the pooling is not 1 but 2",
    "Pooling usually halves; here it needs `stride=1`.",
)
def pooling_with_stride_2(right, **options):
    net = right(**options)
    pool_of(net).stride = 2
    return net


@mistake(
    "the stride of the pooling is not 1 but 3",
    "The stride is the kernel size unless you say otherwise: `stride=1`.",
)
def pooling_with_stride_3(right, **options):
    net = right(**options)
    pool_of(net).stride = 3
    return net


@mistake(
    "the stride of the pooling is not 1 but 3, and it has no padding",
    "The stride is the kernel size unless you say otherwise: `stride=1`, and `padding=1`.",
)
def pooling_by_default(right, **options):
    net = right(**options)
    pool_of(net).stride, pool_of(net).padding = 3, 0
    return net


@mistake(
    "the 5x5 convolution has padding 1", "5x5 needs `padding=2` to keep the size, 3x3 needs 1."
)
def large_kernel_with_padding_1(right, **options):
    net = right(**options)
    convolution_of(net.branch3).padding = (1, 1)
    return net


@mistake(
    "the branches are stacked along another axis than the channels",
    "`torch.cat([...], dim=1)`: axis 0 counts the images, axis 1 the channels.",
)
def stacked_along_the_height(right, **options):
    return rearranged(right(**options), lambda branches: torch.cat(branches, dim=2))


@mistake("the branches are stacked in another order", "1x1 first, then 3x3, 5x5, and the pooling.")
def branches_in_another_order(right, **options):
    return rearranged(right(**options), lambda branches: torch.cat(branches[::-1], dim=1))


@mistake("the convolutions have no ReLU", "A ReLU follows each convolution.")
def convolutions_without_relu(right, **options):
    net = right(**options)
    for name, layer in list(net.named_modules()):
        if isinstance(layer, nn.ReLU):
            with_identity(net, name)
    return net


NAIVE = module_exercise(
    "NaiveInception",
    googlenet.NaiveInception,
    cases=[
        Case(
            "two images of three channels",
            module_inputs({"in_channels": 3, "n1x1": 2, "n3x3": 4, "n5x5": 1}, (2, 3, 6, 8)),
        ),
        Case(
            "five channels of 7x7",
            module_inputs({"in_channels": 5, "n1x1": 3, "n3x3": 2, "n5x5": 4}, (1, 5, 7, 7)),
        ),
        Case(
            "the module of the lecture",
            large_inputs({"in_channels": 256, "n1x1": 128, "n3x3": 192, "n5x5": 96},
                         (1, 256, 28, 28)),
        ),
    ],
    mistakes=[
        pooling_without_padding, pooling_with_stride_2, pooling_with_stride_3, pooling_by_default,
        large_kernel_with_padding_1,
        stacked_along_the_height, branches_in_another_order, convolutions_without_relu,
    ],
    section="Four branches",
)  # fmt: skip


@mistake(
    "the reducers are left out",
    "A 1x1 convolution comes before the 3x3 and before the 5x5 convolution.",
)
def reducers_missing(right, **options):
    net = right(**options)
    net.branch2 = Conv(options["in_channels"], options["n3x3"], 3)
    net.branch3 = Conv(options["in_channels"], options["n5x5"], 5)
    return net


@mistake(
    "the 1x1 convolution comes before the pooling",
    "The pooling reads the input; the projection comes after it.",
)
def projected_before_the_pooling(right, **options):
    net = right(**options)
    net.branch4 = nn.Sequential(net.branch4[1], net.branch4[0])
    return net


@mistake(
    "the pooled maps are not projected",
    "Without a 1x1 convolution behind it, pooling keeps all its channels.",
)
def pooling_not_projected(right, **options):
    net = right(**options)
    net.branch4 = net.branch4[0]
    return net


@mistake("the reducers have no ReLU", "A ReLU follows each convolution, the 1x1 ones included.")
def reducers_without_relu(right, **options):
    return with_identity(right(**options), "branch2.0.1", "branch3.0.1")


def inception_options(in_channels, *numbers):
    """The options of an inception module, in the order of the table."""
    names = ("n1x1", "n3x3_reduce", "n3x3", "n5x5_reduce", "n5x5", "pool_proj")
    return {"in_channels": in_channels, **dict(zip(names, numbers, strict=True))}


LECTURE = inception_options(256, 128, 64, 192, 64, 96, 64)

INCEPTION = module_exercise(
    "Inception",
    googlenet.Inception,
    cases=[
        Case(
            "two images of four channels",
            module_inputs(inception_options(4, 2, 3, 5, 1, 4, 6), (2, 4, 6, 8)),
        ),
        Case(
            "reducers of the same width",
            module_inputs(inception_options(6, 4, 2, 3, 2, 5, 3), (1, 6, 7, 7)),
        ),
        Case("the module of the lecture", large_inputs(LECTURE, (1, 256, 28, 28))),
    ],
    mistakes=[
        pooling_without_padding, pooling_with_stride_2, pooling_with_stride_3, pooling_by_default,
        reducers_missing,
        projected_before_the_pooling, pooling_not_projected, reducers_without_relu,
    ],
    section="The inception module",
)  # fmt: skip

# Stacked ------------------------------------------------------------------------------------


def stack_inputs(in_channels, modules, *filters, pool_proj=None):
    """Inputs of a case about equal modules in a row."""

    def make(rng):
        more = [int(n) for n in rng.integers(1, 9, size=4)]
        widths = [n + m for n, m in zip(filters, more, strict=False)]
        projected = None if pool_proj is None else pool_proj + more[3]
        return (in_channels + int(rng.integers(9)), modules, *widths, projected)

    return make


@mistake("the input's channels are not in the list", "The list begins with `in_channels`.")
def input_left_out(right, *arguments):
    return right(*arguments)[1:]


@mistake(
    "every module is thought to get the first one's input",
    "What one module gives is what the next one reads, and what its pooling keeps.",
)
def first_input_throughout(right, in_channels, modules, *filters):
    first = right(in_channels, 1, *filters)[-1]
    return [in_channels] + [first] * modules


@mistake("the pooling branch is forgotten", "Four branches are stacked, not three.")
def pooling_forgotten(right, in_channels, modules, n1x1, n3x3, n5x5, pool_proj):
    return right(in_channels, modules, n1x1, n3x3, n5x5, 0)


@mistake(
    "the projection is ignored",
    "With `pool_proj`, the pooling branch gives that many channels and not all.",
)
def projection_ignored(right, in_channels, modules, n1x1, n3x3, n5x5, pool_proj):
    return right(in_channels, modules, n1x1, n3x3, n5x5)


STACKED = Exercise(
    "stacked_channels",
    googlenet.stacked_channels,
    cases=[
        Case("one naive module", stack_inputs(256, 1, 128, 192, 96)),
        Case("three naive modules", stack_inputs(8, 3, 4, 6, 2)),
        Case("three modules with a projection", stack_inputs(8, 3, 4, 6, 2, pool_proj=3)),
    ],
    mistakes=[input_left_out, first_input_throughout, pooling_forgotten, projection_ignored],
    section="Stacked",
)

# Reducers under a budget --------------------------------------------------------------------

REDUCERS = ("n3x3_reduce", "n5x5_reduce", "pool_proj")
BUDGET, LEAST_USE = 200_000_000, 0.95
NARROWEST, WIDEST, LEAST_OUT = 24, 128, 440
RULES = ("whole numbers", "budget", "budget used", "width of the reducers", "channels out")


def measure_reducers(answer):
    """Which of the rules three widths keep: problems by rule, and notes.

    Any three widths that keep them all are right.
    """
    named = isinstance(answer, dict)
    widths = [answer.get(name) for name in REDUCERS] if named else []
    if not named or all(width is None for width in widths):
        kind = "not attempted" if named else "type"
        words = "nothing is filled in yet" if named else "it should be a dict with three widths"
        return dict.fromkeys(RULES, Problem(kind, words)), []
    for name, width in zip(REDUCERS, widths, strict=True):
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            problem = Problem("type", f"`{name}` should be a whole number of at least 1")
            return dict.fromkeys(RULES, problem), []
    return _rules_kept(*widths)


def _rules_kept(n3x3_reduce, n5x5_reduce, pool_proj):
    macs = googlenet.bottleneck_inception_macs(
        256, 28, 128, n3x3_reduce, 192, n5x5_reduce, 96, pool_proj
    )
    channels = 128 + 192 + 96 + pool_proj
    problems = dict.fromkeys(RULES)
    if macs > BUDGET:
        problems["budget"] = Problem("values", f"{macs:,} MACs are more than {BUDGET:,}")
    if macs < LEAST_USE * BUDGET:
        words = f"{macs:,} MACs leave more than 5 % of the budget unused: give it to a branch"
        problems["budget used"] = Problem("values", words)
    for name, width in (("n3x3_reduce", n3x3_reduce), ("n5x5_reduce", n5x5_reduce)):
        if not NARROWEST <= width <= WIDEST:
            words = f"`{name}` is {width}, but should lie between {NARROWEST} and {WIDEST}"
            problems["width of the reducers"] = Problem("values", words)
    if not LEAST_OUT <= channels <= 480:
        words = f"{channels} channels come out; there should be {LEAST_OUT} to 480"
        problems["channels out"] = Problem("values", words)
    return problems, [f"{macs:,} MACs, {channels} channels out"]


REDUCER_WIDTHS = Exercise(
    "reducer_widths",
    None,
    cases=[Case("your module on 256 maps of 28x28", constant())],
    parts=RULES,
    section="Choose the widths yourself",
    measure=measure_reducers,
)

# The stem -----------------------------------------------------------------------------------

STEM_NUMBERS = (
    "conv7_params", "conv7_macs", "pool2_other_ops", "conv1_macs", "conv3_params", "conv3_macs",
    "stem_kib", "stem_params", "stem_macs", "stem_other_ops",
    "vgg_params", "vgg_macs", "vgg_conv_kib", "vgg_all_kib",
)  # fmt: skip

# Heads --------------------------------------------------------------------------------------


def exchanged(net, **layers):
    """`net` with some of its layers exchanged."""
    for name, layer in layers.items():
        setattr(net, name, layer)
    return net


class Sum(nn.Module):
    """The sum over the places of each map, (N, C, 1, 1)."""

    def forward(self, x):
        return x.sum(dim=(2, 3), keepdim=True)


class OverChannels(nn.Module):
    """The mean over the channels, at the first places, as many as there are channels."""

    def forward(self, x):
        means = x.mean(dim=1, keepdim=True).flatten(1)
        return means.repeat(1, x.shape[1])[:, : x.shape[1], None, None]


@mistake("the values of a map are added up, not averaged", "`mean`, over height and width.")
def places_summed(right, **options):
    return exchanged(right(**options), pool=Sum())


@mistake("the largest value of each map is taken", "The *average* over height and width.")
def largest_taken(right, **options):
    return exchanged(right(**options), pool=nn.AdaptiveMaxPool2d(1))


@mistake(
    "the mean is taken over the wrong axes",
    "Axes 2 and 3 are height and width; the channels, axis 1, stay.",
)
def averaged_over_channels(right, **options):
    return exchanged(right(**options), pool=OverChannels())


@mistake(
    "a softmax stands at the end",
    "Return the scores as they are: the loss, `nn.CrossEntropyLoss`, contains the softmax.",
)
def softmax_in_the_head(right, **options):
    return nn.Sequential(right(**options), nn.Softmax(dim=1))


@mistake("the linear layer has no bias", "`nn.Linear` has a bias unless told otherwise.")
def head_without_bias(right, **options):
    net = right(**options)
    net.fc.register_parameter("bias", None)
    return net


GAP_HEAD = module_exercise(
    "GlobalAvgPoolHead",
    googlenet.GlobalAvgPoolHead,
    cases=[
        Case("seven maps of 3x3",
             module_inputs({"in_channels": 7, "num_classes": 4}, (2, 7, 3, 3))),
        Case("another size", module_inputs({"in_channels": 5, "num_classes": 3}, (1, 5, 4, 6))),
        Case("1024 maps of 7x7",
             large_inputs({"in_channels": 1024, "num_classes": 1000}, (1, 1024, 7, 7))),
    ],
    mistakes=[
        places_summed, largest_taken, averaged_over_channels, softmax_in_the_head,
        head_without_bias,
    ],
    section="Average, then classify",
)  # fmt: skip


@mistake("the ReLU behind the convolution is missing", "ReLU after the convolution and after fc1.")
def convolution_not_rectified(right, **options):
    return with_identity(right(**options), "conv.1")


@mistake("the ReLU behind the first linear layer is missing", "Two linear layers in a row are one.")
def hidden_not_rectified(right, **options):
    return with_identity(right(**options), "relu")


@mistake("max pooling is used", "The head averages its 5x5 windows: `nn.AvgPool2d`.")
def auxiliary_maximum(right, **options):
    return exchanged(right(**options), pool=nn.MaxPool2d(5, stride=3))


@mistake(
    "the pooling has no stride of its own",
    "5x5 windows at stride 3: 14 becomes 4. Without `stride`, `nn.AvgPool2d` uses the kernel size.",
)
def auxiliary_stride_5(right, **options):
    return exchanged(right(**options), pool=nn.AvgPool2d(5))


@mistake(
    "there are always 1000 classes", "The last layer of this head has `num_classes` outputs, too."
)
def auxiliary_always_1000(right, num_classes, **options):
    return right(num_classes=1000, **options)


SMALL_HEAD = {"in_channels": 6, "num_classes": 5, "width": 1 / 32}

AUX_HEAD = module_exercise(
    "AuxiliaryHead",
    googlenet.AuxiliaryHead,
    cases=[
        Case("a narrow head on six maps", module_inputs(SMALL_HEAD, (2, 6, 14, 14))),
        Case("behind 4a, full width",
             large_inputs({"in_channels": 512, "num_classes": 1000}, (1, 512, 14, 14))),
    ],
    mistakes=[
        convolution_not_rectified, hidden_not_rectified, auxiliary_maximum, auxiliary_stride_5,
        auxiliary_always_1000,
    ],
    section="Auxiliary heads",
)  # fmt: skip

# The head as convolutions -------------------------------------------------------------------


def convolution_inputs(channels, classes, size, height, width):
    """Inputs (weight, bias, size, x): of the linear layer, and maps."""
    return lambda rng: (
        torch.from_numpy(rng.standard_normal((classes, channels))),
        torch.from_numpy(rng.standard_normal(classes)),
        size,
        torch.from_numpy(rng.standard_normal((2, channels, height, width))),
    )


def ask_convolutions(head_as_convolutions, weight, bias, size, x):
    """Have a linear layer with these weights turned into convolutions; what they give for x."""
    classes, channels = weight.shape
    linear = torch.nn.Linear(channels, classes, dtype=weight.dtype)
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
        made = head_as_convolutions(linear, size)
        return None if made is None else made(x)


@mistake("the windows are added up, not averaged", "Every weight is 1 / size².")
def windows_summed(right, linear, size):
    made = right(linear, size)
    made[0].weight *= size**2
    return made


@mistake("the biases are left out", "Copy the linear layer's biases as well as its weights.")
def linear_biases_left_out(right, linear, size):
    made = right(linear, size)
    made[1].bias.zero_()
    return made


@mistake("the averaging mixes the channels", "Each channel on its own: `groups=channels`.")
def averaging_mixes_channels(right, linear, size):
    made = right(linear, size)
    channels = linear.in_features
    mixing = nn.Conv2d(channels, channels, size, bias=False).to(linear.weight)
    mixing.weight.fill_(1 / size**2)
    return nn.Sequential(mixing, made[1])


@mistake("everything is averaged, whatever its size", "Windows of size x size, at every place.")
def everything_averaged(right, linear, size):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), right(linear, size)[1])


HEAD_AS_CONVOLUTIONS = Exercise(
    "head_as_convolutions",
    googlenet.head_as_convolutions,
    cases=[
        Case("maps as large as the window", convolution_inputs(3, 2, 3, 3, 3)),
        Case("larger maps", convolution_inputs(2, 4, 3, 5, 4)),
    ],
    mistakes=[
        windows_summed, linear_biases_left_out, averaging_mixes_channels, everything_averaged,
    ],
    section="The head as two convolutions",
    ask=ask_convolutions,
)  # fmt: skip

# The loss -----------------------------------------------------------------------------------


def loss_inputs(samples, classes, heads, aux_weight=0.3):
    """Inputs (outputs, labels, aux_weight); with 0 heads the outputs are scores alone."""

    def make(rng):
        scores = [torch.from_numpy(3 * rng.standard_normal((samples, classes)))
                  for _ in range(1 + heads)]  # fmt: skip
        labels = torch.from_numpy(rng.integers(classes, size=samples))
        return (tuple(scores) if heads else scores[0]), labels, aux_weight

    return make


def ask_loss(googlenet_loss, outputs, labels, aux_weight):
    """The loss as a plain number; 0.3 is left to the default value."""
    if aux_weight == 0.3:
        return googlenet_loss(outputs, labels)
    return googlenet_loss(outputs, labels, aux_weight)


@mistake("the auxiliary losses count as much as the main one", "Multiply them by `aux_weight`.")
def auxiliary_weight_missing(right, outputs, labels, aux_weight=0.3):
    return right(outputs, labels, 1.0)


@mistake("the auxiliary losses are left out", "With heads, `outputs` is a tuple of three scores.")
def auxiliary_losses_left_out(right, outputs, labels, aux_weight=0.3):
    return right(outputs, labels, 0.0)


@mistake("only the first auxiliary head counts", "Both heads, each with the same weight.")
def first_head_only(right, outputs, labels, aux_weight=0.3):
    return right(outputs[:2] if isinstance(outputs, tuple) else outputs, labels, aux_weight)


@mistake(
    "a softmax is applied before the loss", "Cross-entropy takes scores and contains the softmax."
)
def softmax_before_the_loss(right, outputs, labels, aux_weight=0.3):
    if isinstance(outputs, tuple):
        return right(tuple(scores.softmax(1) for scores in outputs), labels, aux_weight)
    return right(outputs.softmax(1), labels, aux_weight)


@mistake("the weight is always 0.3", "Use the argument `aux_weight`.")
def weight_always_the_same(right, outputs, labels, aux_weight=0.3):
    return right(outputs, labels, 0.3)


@mistake("the two auxiliary losses are averaged", "Each is weighted with `aux_weight`, and added.")
def auxiliary_losses_averaged(right, outputs, labels, aux_weight=0.3):
    return right(outputs, labels, aux_weight / 2)


LOSS = Exercise(
    "googlenet_loss",
    googlenet.googlenet_loss,
    cases=[
        Case("evaluation: scores alone", loss_inputs(4, 3, heads=0)),
        Case("training: two heads", loss_inputs(5, 4, heads=2)),
        Case("another weight", loss_inputs(3, 6, heads=2, aux_weight=0.5)),
    ],
    mistakes=[
        auxiliary_weight_missing, auxiliary_losses_left_out, first_head_only,
        softmax_before_the_loss, weight_always_the_same, auxiliary_losses_averaged,
    ],
    section="The loss",
    ask=ask_loss,
)  # fmt: skip

# The whole network --------------------------------------------------------------------------

NARROW = 1 / 16


class ReduceFirst(googlenet.Inception):
    """Right too: an inception module that runs the 3x3 branch before the 1x1 branch."""

    def forward(self, x):
        second = self.branch2(x)
        branches = (self.branch1(x), second, self.branch3(x), self.branch4(x))
        return torch.cat(branches, dim=1)


def reduce_first(**options):
    """Right too: GoogLeNet with such modules."""
    net = googlenet.GoogLeNet(**options)
    for module in net.inception.values():
        module.__class__ = ReduceFirst
    return net


def later_head_first(**options):
    """Right too: GoogLeNet with the layers of the later auxiliary head made first."""
    net = googlenet.GoogLeNet(**options)
    net.aux = nn.ModuleDict(reversed(net.aux.items()))
    return net


def narrow(shape, training=False, **options):
    """Inputs of a case about a GoogLeNet of a sixteenth of the width."""
    options = {"num_classes": 7, "width": NARROW, **options}
    return (training_inputs if training else module_inputs)(options, shape)


@mistake("there are always 1000 classes", "The last layers have `num_classes` outputs.")
def network_always_1000(right, num_classes=1000, **options):
    return right(**options)


@mistake(
    "the auxiliary heads answer in evaluation mode, too",
    "Return the tuple only `if self.training`; otherwise the scores alone.",
)
def heads_active_in_evaluation(right, aux=False, **options):
    net = right(aux=aux, **options)
    if aux:
        net.__class__ = HeadsAlwaysActive
    return net


class HeadsAlwaysActive(googlenet.GoogLeNet):
    """Wrong: a GoogLeNet whose heads answer in either mode."""

    def forward(self, x):
        before, self.training = self.training, True
        answer = super().forward(x)
        self.training = before
        return answer


@mistake(
    "the heads are fed by other modules than 4a and 4d",
    "One reads what 4a gives, the other what 4d gives.",
)
def heads_at_the_wrong_modules(right, aux=False, **options):
    net = right(aux=aux, **options)
    if aux:
        net.aux = nn.ModuleDict({"4b": net.aux["4a"], "4d": net.aux["4d"]})
    return net


@mistake(
    "the pooling between 3b and 4a is missing",
    "The maps are halved before 4a and before 5a: 28, 14, 7.",
)
def pooling_before_4a_missing(right, **options):
    net = right(**options)
    del net.pool["4a"]
    return net


@mistake(
    "the poolings round up instead of padding",
    "3x3, stride 2, `padding=1`: the sizes agree either way, the windows do not.",
)
def poolings_round_up(right, **options):
    net = right(**options)
    for layer in net.modules():
        if isinstance(layer, nn.MaxPool2d) and layer.stride == 2:
            layer.padding, layer.ceil_mode = 0, True
    return net


@mistake(
    "a ReLU is missing in the stem", "A ReLU follows each convolution, those of the stem included."
)
def stem_without_relu(right, **options):
    return with_identity(right(**options), "stem.0.1", "stem.2.1", "stem.3.1")


@mistake("`width` is ignored in the stem", "`int(width * 64)` filters there, and so on.")
def stem_always_wide(right, in_channels=3, width=1.0, **options):
    net = right(in_channels=in_channels, width=width, **options)
    net.stem = right(in_channels=in_channels).stem
    first = net.inception["3a"]
    numbers = [int(width * n) for n in googlenet.MODULES["3a"]]
    net.inception["3a"] = type(first)(192, *numbers)
    return net


def other_orders(*arguments):
    """What GoogLeNet gives when it makes or runs layers of equal size in another order."""
    for build in (reduce_first, later_head_first):
        yield described(build, *arguments)


GOOGLENET = replace(module_exercise(
    "GoogLeNet",
    googlenet.GoogLeNet,
    cases=[
        Case("narrow, 64 pixels", narrow((2, 3, 64, 64))),
        Case("narrow, grey images", narrow((1, 1, 96, 64), in_channels=1, num_classes=3)),
        Case("with heads, in evaluation", narrow((1, 3, 224, 224), aux=True)),
        Case("with heads, in training", narrow((1, 3, 224, 224), training=True, aux=True)),
        Case("full width", large_inputs({}, (1, 3, 224, 224))),
        Case("full width with heads", large_inputs({"aux": True}, (1, 3, 224, 224))),
    ],
    mistakes=[
        network_always_1000, heads_active_in_evaluation, heads_at_the_wrong_modules,
        pooling_before_4a_missing, poolings_round_up, stem_without_relu, stem_always_wide,
    ],
    section="GoogLeNet",
), alternatives=other_orders)  # fmt: skip

EXERCISES = [
    NAIVE_MACS, NAIVE, BOTTLENECK_MACS, INCEPTION, STACKED, GAP_HEAD, AUX_HEAD, LOSS, GOOGLENET,
    HEAD_AS_CONVOLUTIONS,
]  # fmt: skip

naive_inception_macs = partial(check, NAIVE_MACS)
NaiveInception = partial(check, NAIVE)
bottleneck_inception_macs = partial(check, BOTTLENECK_MACS)
Inception = partial(check, INCEPTION)
stacked_channels = partial(check, STACKED)
reducer_widths = partial(check_value, REDUCER_WIDTHS)
stem_numbers = partial(check_numbers, "stem_numbers", STEM_NUMBERS)
GlobalAvgPoolHead = partial(check, GAP_HEAD)
AuxiliaryHead = partial(check, AUX_HEAD)
googlenet_loss = partial(check, LOSS)
GoogLeNet = partial(check, GOOGLENET)
head_as_convolutions = partial(check, HEAD_AS_CONVOLUTIONS)
