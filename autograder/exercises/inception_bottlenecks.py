"""Hidden cases and further mistakes of `07_inception_bottlenecks`.

The exercises themselves, and the mistakes the visible checks already know, are in
`helpers.checks.inception_bottlenecks`. Modules are judged by what they compute with weights set by
structure; the whole network at a sixteenth of its width, and by its sizes at full width.
"""

from dataclasses import replace

import torch
from torch import nn

from autograder.judge.graded import Graded, Withhold
from helpers.checks import inception_bottlenecks as visible
from helpers.checks.exercise import Case, Exercise, mistake
from helpers.checks.inception_bottlenecks import (
    constant,
    convolution_inputs,
    convolution_of,
    count_inputs,
    exchanged,
    inception_options,
    large_inputs,
    loss_inputs,
    narrow,
    pool_of,
    rearranged,
    stack_inputs,
    with_identity,
)
from helpers.checks.lenet import module_inputs
from helpers.counting import conv_cost
from helpers.models import googlenet
from helpers.models.googlenet import Conv

# What a module costs ------------------------------------------------------------------------


@mistake("the 1x1 branch is left out", "Three convolutions: 1x1, 3x3 and 5x5.")
def naive_pointwise_left_out(right, in_channels, size, n1x1, n3x3, n5x5):
    return right(in_channels, size, 0, n3x3, n5x5)


@mistake("the pooling's comparisons are counted", "Pooling compares; it multiplies nothing.")
def naive_comparisons_counted(right, in_channels, size, *filters):
    return right(in_channels, size, *filters) + right(in_channels, size, 9, 0, 0)


@mistake(
    "the input's channels are left out",
    "Every filter reaches through all `in_channels` channels of the input.",
)
def naive_one_channel_read(right, in_channels, size, *filters):
    return right(1, size, *filters)


@mistake("the 5x5 kernel is counted as 3x3", "A 5x5 filter has 25 values a channel.")
def naive_large_as_small(right, in_channels, size, n1x1, n3x3, n5x5):
    return right(in_channels, size, n1x1, n3x3 + n5x5, 0)


NAIVE_MACS = replace(
    visible.NAIVE_MACS,
    cases=[
        Case("the module of the lecture", constant(256, 28, 128, 192, 96)),
        Case("GoogLeNet's 5b without reducers", constant(832, 7, 384, 384, 128)),
        Case("some square maps", count_inputs(40, 14, 30, 20, 10)),
        Case("maps that are not square", count_inputs(10, (9, 13), 3, 5, 4)),
        Case("a single pixel", count_inputs(25, (1, 6), 8, 7, 9)),
    ],
    mistakes=[
        *visible.NAIVE_MACS.mistakes, naive_pointwise_left_out, naive_comparisons_counted,
        naive_one_channel_read, naive_large_as_small,
    ],
)  # fmt: skip


@mistake("the two reducers are exchanged", "The 3x3 filters read `n3x3_reduce` channels.")
def reducers_exchanged_in_the_count(right, in_channels, size, *filters):
    n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj = filters
    return right(in_channels, size, n1x1, n5x5_reduce, n3x3, n3x3_reduce, n5x5, pool_proj)


@mistake(
    "the 1x1 branch reads reduced maps", "Its filters read all `in_channels` channels of the input."
)
def pointwise_reads_reduced(right, in_channels, size, n1x1, n3x3_reduce, *others):
    everything = right(in_channels, size, n1x1, n3x3_reduce, *others)
    branch = right(in_channels, size, n1x1, 0, 0, 0, 0, 0)
    return everything - branch + right(n3x3_reduce, size, n1x1, 0, 0, 0, 0, 0)


BOTTLENECK_MACS = replace(
    visible.BOTTLENECK_MACS,
    cases=[
        Case("the module of the lecture", constant(256, 28, 128, 64, 192, 64, 96, 64)),
        Case("GoogLeNet's 5b", constant(832, 7, *googlenet.MODULES["5b"])),
        Case("some square maps", count_inputs(40, 14, 30, 11, 20, 4, 10, 19)),
        Case("maps that are not square", count_inputs(10, (9, 13), 3, 13, 5, 22, 4, 6)),
        Case("a single row", count_inputs(25, (1, 6), 8, 2, 7, 12, 9, 4)),
    ],
    mistakes=[
        *visible.BOTTLENECK_MACS.mistakes, visible.biases_counted, visible.weights_counted,
        visible.square_assumed,
        reducers_exchanged_in_the_count, pointwise_reads_reduced,
    ],
)  # fmt: skip

# The modules --------------------------------------------------------------------------------


@mistake("the pooling averages", "Max pooling: `nn.MaxPool2d(3, stride=1, padding=1)`.")
def pooling_averages(right, **options):
    net, pool = right(**options), nn.AvgPool2d(3, stride=1, padding=1)
    if net.branch4 is pool_of(net):
        net.branch4 = pool
    else:
        net.branch4[0] = pool
    return net


@mistake("the 3x3 convolution has no padding", "3x3 needs `padding=1` to keep the size.")
def middle_kernel_without_padding(right, **options):
    net = right(**options)
    convolution_of(net.branch2).padding = (0, 0)
    return net


@mistake(
    "the branches are stacked along the images",
    "`torch.cat([...], dim=1)`: axis 0 counts the images, axis 1 the channels.",
)
def stacked_along_the_images(right, **options):
    return rearranged(right(**options), torch.cat)


@mistake("the branches are added, not stacked", "`torch.cat`: their channels stand side by side.")
def branches_added(right, **options):
    return rearranged(right(**options), sum)


@mistake("the pooling branch is left out", "Four branches: the pooled maps are stacked, too.")
def pooling_left_out(right, **options):
    return rearranged(right(**options), lambda branches: torch.cat(branches[:3], dim=1))


@mistake("the convolutions have no biases", "`nn.Conv2d` has a bias unless told otherwise.")
def convolutions_without_bias(right, **options):
    net = right(**options)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_parameter("bias", None)
    return net


@mistake("the pooled maps go through a ReLU", "A ReLU follows the convolutions only.")
def everything_rectified(right, **options):
    return nn.Sequential(right(**options), nn.ReLU())


NAIVE = replace(
    visible.NAIVE,
    cases=[
        Case("three images",
             module_inputs({"in_channels": 4, "n1x1": 3, "n3x3": 2, "n5x5": 5}, (3, 4, 6, 6))),
        Case("maps that are not square",
             module_inputs({"in_channels": 2, "n1x1": 1, "n3x3": 4, "n5x5": 3}, (1, 2, 9, 5))),
        Case("one filter each",
             module_inputs({"in_channels": 6, "n1x1": 1, "n3x3": 1, "n5x5": 1}, (2, 6, 5, 8))),
        Case("the module of the lecture, as it is",
             large_inputs({"in_channels": 256, "n1x1": 128, "n3x3": 192, "n5x5": 96},
                          (1, 256, 28, 28))),
    ],
    mistakes=[
        *visible.NAIVE.mistakes, pooling_averages, middle_kernel_without_padding, branches_added,
        stacked_along_the_images,
        pooling_left_out, convolutions_without_bias, everything_rectified,
    ],
)  # fmt: skip


@mistake(
    "the 5x5 branch has a 3x3 convolution",
    "That is a later variant of the network; here the largest kernel is 5x5.",
)
def small_kernel_in_the_large_branch(right, **options):
    return right(large=3, **options)


@mistake("the two reducers are exchanged", "`n3x3_reduce` channels go into the 3x3 convolution.")
def reducers_exchanged(right, **options):
    reduce = {"n3x3_reduce": options["n5x5_reduce"], "n5x5_reduce": options["n3x3_reduce"]}
    return right(**{**options, **reduce})


@mistake(
    "the pooling branch is stacked before the others",
    "1x1 first, then 3x3, 5x5, and the projected pooling.",
)
def pooling_stacked_first(right, **options):
    return rearranged(right(**options), lambda b: torch.cat([b[3], *b[:3]], dim=1))


@mistake(
    "the reducers are 3x3 convolutions",
    "A reducer mixes channels only: its kernel is a single 1x1.",
)
def reducers_3x3(right, **options):
    net = right(**options)
    net.branch2[0] = Conv(options["in_channels"], options["n3x3_reduce"], 3)
    net.branch3[0] = Conv(options["in_channels"], options["n5x5_reduce"], 3)
    return net


@mistake(
    "the projection behind the pooling has no ReLU",
    "A ReLU follows each convolution, this one too.",
)
def projection_without_relu(right, **options):
    return with_identity(right(**options), "branch4.1.1")


INCEPTION = replace(
    visible.INCEPTION,
    cases=[
        Case("three images",
             module_inputs(inception_options(5, 3, 4, 2, 6, 1, 7), (3, 5, 6, 6))),
        Case("maps that are not square",
             module_inputs(inception_options(7, 2, 1, 4, 3, 5, 6), (1, 7, 9, 5))),
        Case("widths that are equal",
             module_inputs(inception_options(4, 3, 3, 5, 2, 5, 3), (2, 4, 5, 7))),
        Case("3a of GoogLeNet, as it is",
             large_inputs(inception_options(192, *googlenet.MODULES["3a"]), (1, 192, 28, 28))),
    ],
    mistakes=[
        *visible.INCEPTION.mistakes, visible.large_kernel_with_padding_1,
        visible.stacked_along_the_height, visible.branches_in_another_order,
        visible.convolutions_without_relu, pooling_averages, middle_kernel_without_padding,
        stacked_along_the_images,
        small_kernel_in_the_large_branch, reducers_exchanged, convolutions_without_bias,
        pooling_stacked_first, reducers_3x3, projection_without_relu,
    ],
)  # fmt: skip

# Stacked ------------------------------------------------------------------------------------


@mistake("one module too few is counted", "`modules` modules: the list has one entry more.")
def one_module_too_few(right, in_channels, modules, *filters):
    return right(in_channels, modules - 1, *filters)


@mistake(
    "one module too many is counted", "The list begins with `in_channels` and has one entry more."
)
def one_module_too_many(right, in_channels, modules, *filters):
    return right(in_channels, modules + 1, *filters)


@mistake("the channels are thought to double", "Each module adds what its convolutions give.")
def channels_double(right, in_channels, modules, *filters):
    return [in_channels * 2**k for k in range(modules + 1)]


@mistake("the input is kept in addition to the projection", "`pool_proj` replaces it.")
def input_and_projection_kept(right, in_channels, modules, n1x1, n3x3, n5x5, pool_proj):
    return right(in_channels, modules, n1x1 + (pool_proj or 0), n3x3, n5x5)


@mistake("only the last number is returned", "The list holds the channels behind every module.")
def last_number_only(right, *arguments):
    return right(*arguments)[-1]


STACKED = replace(
    visible.STACKED,
    cases=[
        Case("the lecture's module, four times", constant(256, 4, 128, 192, 96)),
        Case("naive, some numbers", stack_inputs(7, 5, 3, 2, 6)),
        Case("with a projection", stack_inputs(9, 4, 5, 2, 3, pool_proj=6)),
        Case("no module", stack_inputs(9, 0, 5, 2, 3)),
    ],
    mistakes=[
        *visible.STACKED.mistakes, one_module_too_few, one_module_too_many, channels_double,
        input_and_projection_kept, last_number_only,
    ],
)  # fmt: skip

REDUCER_WIDTHS = replace(
    visible.REDUCER_WIDTHS,
    reference=lambda: {"n3x3_reduce": 64, "n5x5_reduce": 32, "pool_proj": 32},
)

# The stem -----------------------------------------------------------------------------------


def _stem():
    """The five layers of the stem, (kib, params, macs, other_ops) each."""
    conv7 = conv_cost(3, 64, 7, 224, stride=2, padding=3)
    conv1 = conv_cost(64, 64, 1, 56)
    conv3 = conv_cost(64, 192, 3, 56, padding=1)
    return conv7, conv1, conv3


def _vgg():
    """Convolutions of VGG-16 down to 28x28: the costs of seven layers."""
    channels = [(3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112),
                (128, 256, 56), (256, 256, 56), (256, 256, 56)]  # fmt: skip
    return [conv_cost(i, o, 3, size, padding=1) for i, o, size in channels]


def _numbers():
    (conv7, conv1, conv3), vgg = _stem(), _vgg()
    pools, vgg_pools = (64 * 56 * 56, 192 * 28 * 28), (64 * 112**2, 128 * 56**2, 256 * 28**2)
    vgg_conv_kib = sum(layer.kib for layer in vgg)
    return {
        "conv7_params": conv7.params,
        "conv7_macs": conv7.macs,
        "pool2_other_ops": 9 * pools[1],
        "conv1_macs": conv1.macs,
        "conv3_params": conv3.params,
        "conv3_macs": conv3.macs,
        "stem_kib": conv7.kib + conv1.kib + conv3.kib + sum(pools) / 256,
        "stem_params": conv7.params + conv1.params + conv3.params,
        "stem_macs": conv7.macs + conv1.macs + conv3.macs,
        "stem_other_ops": 9 * sum(pools),
        "vgg_params": sum(layer.params for layer in vgg),
        "vgg_macs": sum(layer.macs for layer in vgg),
        "vgg_conv_kib": vgg_conv_kib,
        "vgg_all_kib": vgg_conv_kib + sum(vgg_pools) / 256,
    }


@mistake("conv3_3 of VGG-16 is missing", "The third stage has three convolutions of 256 filters.")
def conv3_3_missing(right):
    numbers, last = right(), _vgg()[-1]
    return numbers | {
        "vgg_params": numbers["vgg_params"] - last.params,
        "vgg_macs": numbers["vgg_macs"] - last.macs,
        "vgg_conv_kib": numbers["vgg_conv_kib"] - last.kib,
        "vgg_all_kib": numbers["vgg_all_kib"] - last.kib,
    }


@mistake("the poolings' operations are added to the MACs", "Pooling compares; it has 0 MACs.")
def pools_among_the_macs(right):
    numbers = right()
    return numbers | {"stem_macs": numbers["stem_macs"] + numbers["stem_other_ops"]}


@mistake("the sum printed on the slide is copied", "Add up the five rows yourself.")
def printed_sum_copied(right):
    return right() | {"stem_macs": 418_000_000}


@mistake("FLOPs are given instead of MACs", "A multiplication with its addition is one MAC.")
def stem_in_flops(right):
    numbers = right()
    keys = ("conv7_macs", "conv1_macs", "conv3_macs", "stem_macs", "vgg_macs")
    return numbers | {key: 2 * numbers[key] for key in keys}


@mistake("the biases are left out", "All parameters with bias: one a filter.")
def stem_without_biases(right):
    numbers = right()
    biases = {"conv7_params": 64, "conv3_params": 192, "stem_params": 320, "vgg_params": 1152}
    return numbers | {key: numbers[key] - count for key, count in biases.items()}


@mistake("memory is in units of 1000 bytes", "1 KiB is 1024 bytes.")
def stem_in_decimal_kilobytes(right):
    numbers = right()
    keys = ("stem_kib", "vgg_conv_kib", "vgg_all_kib")
    return numbers | {key: numbers[key] * 1.024 for key in keys}


@mistake("the outputs of the stem's poolings are left out", "All five outputs are in memory.")
def stem_pools_without_memory(right):
    return right() | {"stem_kib": right()["stem_kib"] - (64 * 56**2 + 192 * 28**2) / 256}


@mistake(
    "one operation is counted for each value that a pooling gives",
    "Each of them compares the nine values of its window: 9 operations.",
)
def one_operation_a_window(right):
    numbers = right()
    keys = ("pool2_other_ops", "stem_other_ops")
    return numbers | {key: numbers[key] // 9 for key in keys}


@mistake(
    "the stem's sums count their 1x1 convolution twice", "Five rows: conv7, pool, 1x1, 3x3, pool."
)
def pointwise_counted_twice(right):
    numbers, (_, conv1, _) = right(), _stem()
    return numbers | {
        "stem_params": numbers["stem_params"] + conv1.params,
        "stem_macs": numbers["stem_macs"] + conv1.macs,
    }


STEM_NUMBERS = Exercise(
    "stem_numbers",
    _numbers,
    cases=[Case("the stem, and VGG-16 down to 28x28", constant(), rtol=1e-4)],
    mistakes=[
        conv3_3_missing, pools_among_the_macs, printed_sum_copied, stem_in_flops,
        stem_without_biases, stem_in_decimal_kilobytes, stem_pools_without_memory,
        one_operation_a_window, pointwise_counted_twice,
    ],
    parts=visible.STEM_NUMBERS,
    section="The stem",
)  # fmt: skip

# Heads --------------------------------------------------------------------------------------


@mistake("there are always ten classes", "The linear layer has `num_classes` outputs.")
def head_with_ten_classes(right, num_classes, **options):
    return right(num_classes=10, **options)


@mistake(
    "the scores go through a ReLU", "Scores may be negative: nothing follows the linear layer."
)
def scores_rectified(right, **options):
    return nn.Sequential(right(**options), nn.ReLU())


@mistake("there is a hidden layer", "One linear layer, from the means to the scores.")
def head_with_hidden_layer(right, in_channels, num_classes):
    net = right(in_channels=in_channels, num_classes=num_classes)
    hidden = nn.Sequential(
        nn.Linear(in_channels, in_channels), nn.ReLU(), nn.Linear(in_channels, num_classes)
    )
    return exchanged(net, fc=hidden)


@mistake(
    "the pooling window is always 7x7",
    "`nn.AdaptiveAvgPool2d(1)` or `x.mean((2, 3))` average maps of any size.",
)
def window_always_7x7(right, **options):
    return exchanged(right(**options), pool=nn.AvgPool2d(7))


class AlwaysDropping(nn.Module):
    """Dropout in training and in evaluation alike."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        return nn.functional.dropout(x, self.p)


@mistake(
    "the dropout is active in evaluation, too",
    "`nn.Dropout` knows the mode; the function needs `training=self.training`.",
)
def dropout_in_evaluation(right, **options):
    return exchanged(right(**options), dropout=AlwaysDropping(0.4))


class RowsAndChannels(nn.Module):
    """The mean over channels and rows: (N, W)."""

    def forward(self, x):
        return x.mean(dim=(1, 2))


@mistake(
    "the mean is taken over channels and rows", "Axes 2 and 3 are height and width: `dim=(2, 3)`."
)
def channels_and_rows_averaged(right, **options):
    return exchanged(right(**options), pool=RowsAndChannels())


class CornerOnly(nn.Module):
    """The value at the first place of each map, (N, C, 1, 1)."""

    def forward(self, x):
        return x[:, :, :1, :1]


@mistake("one place of each map is read", "Average over all places.")
def one_place_read(right, **options):
    return exchanged(right(**options), pool=CornerOnly())


@mistake(
    "the rows are averaged, and then only the first column is read",
    "Both axes: `x.mean(dim=(2, 3))`.",
)
def rows_averaged_only(right, **options):
    pool = nn.Sequential(nn.AdaptiveAvgPool2d((1, None)), CornerOnly())
    return exchanged(right(**options), pool=pool)


GAP_HEAD = replace(
    visible.GAP_HEAD,
    cases=[
        Case("six maps of 4x4", module_inputs({"in_channels": 6, "num_classes": 5}, (2, 6, 4, 4))),
        Case("maps that are not square",
             module_inputs({"in_channels": 9, "num_classes": 3}, (3, 9, 3, 5))),
        Case("maps of 14x14",
             module_inputs({"in_channels": 4, "num_classes": 6}, (1, 4, 14, 14))),
        Case("the head of GoogLeNet",
             large_inputs({"in_channels": 1024, "num_classes": 1000}, (2, 1024, 7, 7))),
    ],
    mistakes=[
        *visible.GAP_HEAD.mistakes, head_with_ten_classes, scores_rectified,
        head_with_hidden_layer, window_always_7x7, one_place_read, rows_averaged_only,
        dropout_in_evaluation,
        channels_and_rows_averaged,
    ],
)  # fmt: skip


@mistake("the pooling has stride 2", "5x5 windows at stride 3: 14 becomes 4.")
def auxiliary_stride_2(right, **options):
    return exchanged(right(**options), pool=nn.AvgPool2d(5, stride=2))


@mistake(
    "the dropout is active in evaluation, too",
    "`nn.Dropout` knows the mode; the function needs `training=self.training`.",
)
def auxiliary_dropout_in_evaluation(right, **options):
    return exchanged(right(**options), dropout=AlwaysDropping(0.7))


@mistake("the hidden layer is left out", "128 · 4 · 4 values go into 1024 units, then come scores.")
def auxiliary_hidden_left_out(right, num_classes, **options):
    net = right(num_classes=num_classes, **options)
    scores = nn.Linear(net.fc1.in_features, num_classes)
    return exchanged(net, fc1=nn.Identity(), relu=nn.Identity(), fc2=scores)


@mistake(
    "the 1x1 convolution is left out", "It turns all channels into 128 before the linear layers."
)
def auxiliary_convolution_left_out(right, in_channels, **options):
    net = right(in_channels=in_channels, **options)
    hidden = nn.Linear(in_channels * 16, net.fc1.out_features)
    return exchanged(net, conv=nn.Identity(), fc1=hidden)


@mistake(
    "all places are averaged before the linear layers", "4x4 places are kept: 128 · 4 · 4 features."
)
def auxiliary_average_of_everything(right, **options):
    net = right(**options)
    hidden = nn.Linear(net.fc1.in_features // 16, net.fc1.out_features)
    return exchanged(net, pool=nn.AdaptiveAvgPool2d(1), fc1=hidden)


@mistake("the pooled 14x14 maps are padded", "5x5 windows at stride 3, no padding: 14 becomes 4.")
def auxiliary_padded(right, **options):
    return exchanged(right(**options), pool=nn.AvgPool2d(5, stride=3, padding=1))


@mistake(
    "a softmax stands at the end",
    "Return the scores as they are: the loss contains the softmax.",
)
def auxiliary_softmax(right, **options):
    return nn.Sequential(right(**options), nn.Softmax(dim=1))


@mistake("`width` is ignored", "`int(width * 128)` maps and `int(width * 1024)` units.")
def auxiliary_width_ignored(right, width=1.0, **options):
    return right(**options)


@mistake(
    "the convolution comes before the pooling",
    "Pool first: the 1x1 convolution then has 16 places to work at, not 196.",
)
def auxiliary_pooled_last(right, **options):
    net = right(**options)
    return exchanged(net, pool=net.conv, conv=net.pool)


@mistake("the convolution is 3x3", "A 1x1 convolution: it reduces the channels only.")
def auxiliary_convolution_3x3(right, in_channels, **options):
    net = right(in_channels=in_channels, **options)
    return exchanged(net, conv=Conv(in_channels, net.conv[0].out_channels, 3))


AUX_HEAD = replace(
    visible.AUX_HEAD,
    cases=[
        Case("a narrow head",
             module_inputs({"in_channels": 5, "num_classes": 4, "width": 1 / 32}, (2, 5, 14, 14))),
        Case("narrower still",
             module_inputs({"in_channels": 8, "num_classes": 6, "width": 1 / 64}, (3, 8, 14, 14))),
        Case("behind 4d, full width",
             large_inputs({"in_channels": 528, "num_classes": 1000}, (2, 528, 14, 14))),
    ],
    mistakes=[
        *visible.AUX_HEAD.mistakes, auxiliary_hidden_left_out, auxiliary_stride_2,
        auxiliary_dropout_in_evaluation, auxiliary_convolution_left_out,
        auxiliary_average_of_everything, auxiliary_padded, auxiliary_softmax,
        auxiliary_width_ignored, auxiliary_pooled_last, auxiliary_convolution_3x3,
    ],
)  # fmt: skip

# The head as convolutions -------------------------------------------------------------------


@mistake("the averaging goes on by whole windows", "At every place: stride 1.")
def windows_do_not_overlap(right, linear, size):
    made = right(linear, size)
    made[0].stride = (size, size)
    return made


@mistake("the averaging is padded", "No padding: only windows that lie on the map.")
def averaging_padded(right, linear, size):
    made = right(linear, size)
    made[0].padding = (size // 2, size // 2)
    return made


@mistake("the sums are divided by the side of the window", "A window has size² places.")
def divided_by_the_side(right, linear, size):
    made = right(linear, size)
    made[0].weight *= size
    return made


@mistake("a ReLU stands between the two", "The means go into the linear layer as they are.")
def relu_between(right, linear, size):
    made = right(linear, size)
    return nn.Sequential(made[0], nn.ReLU(), made[1])


HEAD_AS_CONVOLUTIONS = replace(
    visible.HEAD_AS_CONVOLUTIONS,
    cases=[
        Case("maps as large as the window", convolution_inputs(4, 3, 2, 2, 2)),
        Case("larger maps, not square", convolution_inputs(3, 2, 3, 4, 7)),
        Case("one channel, windows of 4x4", convolution_inputs(1, 5, 4, 6, 5)),
    ],
    mistakes=[
        *visible.HEAD_AS_CONVOLUTIONS.mistakes, windows_do_not_overlap, averaging_padded,
        divided_by_the_side, relu_between,
    ],
)  # fmt: skip

# The loss -----------------------------------------------------------------------------------


@mistake(
    "the main loss is weighted down, too",
    "The main loss counts fully; only the auxiliary ones are multiplied.",
)
def main_loss_weighted(right, outputs, labels, aux_weight=0.3):
    return aux_weight * right(outputs, labels, 1.0)


@mistake("the losses of the images are added up", "The mean over the batch, as usual.")
def images_summed(right, outputs, labels, aux_weight=0.3):
    return len(labels) * right(outputs, labels, aux_weight)


@mistake(
    "the weight goes to the main loss and not to the heads",
    "The main loss counts fully; the heads count `aux_weight` each.",
)
def weights_exchanged(right, outputs, labels, aux_weight=0.3):
    if not isinstance(outputs, tuple):
        return aux_weight * right(outputs, labels)
    main = right(outputs[0], labels)
    return aux_weight * main + right(outputs, labels, 1.0) - main


@mistake(
    "the last of the outputs is taken for the main one",
    "The scores come first, then the two heads.",
)
def last_output_is_main(right, outputs, labels, aux_weight=0.3):
    return right(outputs[::-1] if isinstance(outputs, tuple) else outputs, labels, aux_weight)


LOSS = replace(
    visible.LOSS,
    cases=[
        Case("evaluation: scores alone", loss_inputs(6, 5, heads=0)),
        Case("one class more than images, alone", loss_inputs(2, 3, heads=0, aux_weight=0.8)),
        Case("training: two heads", loss_inputs(4, 7, heads=2)),
        Case("another weight", loss_inputs(5, 3, heads=2, aux_weight=0.7)),
        Case("no weight at all", loss_inputs(5, 4, heads=2, aux_weight=0.0)),
    ],
    mistakes=[
        *visible.LOSS.mistakes, main_loss_weighted, images_summed, weights_exchanged,
        last_output_is_main,
    ],
)  # fmt: skip

# The whole network --------------------------------------------------------------------------


@mistake("the auxiliary heads are missing", "With `aux=True` there are two more heads.")
def heads_missing(right, aux=False, **options):
    return right(**options)


@mistake("the auxiliary heads always have 1000 classes", "They know `num_classes`, too.")
def auxiliary_heads_always_1000(right, **options):
    net = right(**options)
    for head in net.aux.values():
        head.fc2 = nn.Linear(head.fc2.in_features, 1000)
    return net


@mistake("the heads come before the scores", "(scores, aux_4a, aux_4d): the scores come first.")
def scores_last(right, **options):
    net = right(**options)
    net.register_forward_hook(turned)
    return net


def turned(net, inputs, output):
    """The outputs of training mode, the scores last."""
    return (*output[1:], output[0]) if isinstance(output, tuple) else output


@mistake("the first layer has stride 1", "The stem begins with a 7x7 convolution of stride 2.")
def first_stride_1(right, **options):
    net = right(**options)
    net.stem[0][0].stride = (1, 1)
    return net


@mistake("module 4e is left out", "Nine modules: 3a, 3b, 4a to 4e, 5a, 5b.")
def one_module_left_out(right, **options):
    net, width = right(**options), options.get("width", 1.0)
    del net.inception["4e"]
    numbers = [int(width * n) for n in googlenet.MODULES["5a"]]
    net.inception["5a"] = type(net.inception["5b"])(int(width * 528), *numbers)
    return net


@mistake("the images always have three channels", "The first layer reads `in_channels` channels.")
def always_in_colour(right, in_channels=3, **options):
    return right(**options)


@mistake("the 1x1 convolution of the stem is left out", "conv7, pool, 1x1, 3x3, pool.")
def pointwise_of_the_stem_left_out(right, **options):
    return with_identity(right(**options), "stem.2")


GOOGLENET = replace(
    visible.GOOGLENET,
    cases=[
        Case("narrow, in colour", narrow((2, 3, 64, 64), num_classes=5)),
        Case("with heads, in evaluation, two channels",
             narrow((1, 2, 224, 224), aux=True, num_classes=6, in_channels=2)),
        Case("with heads, in training",
             narrow((1, 3, 224, 224), training=True, aux=True, num_classes=3)),
        Case("full width with heads", large_inputs({"aux": True}, (1, 3, 224, 224))),
    ],
    mistakes=[
        *visible.GOOGLENET.mistakes, heads_missing, auxiliary_heads_always_1000, scores_last,
        first_stride_1,
        one_module_left_out, always_in_colour, pointwise_of_the_stem_left_out,
    ],
)  # fmt: skip

_ANSWERS = ("NaiveInception", "Inception", "GlobalAvgPoolHead", "AuxiliaryHead", "GoogLeNet")
_NETWORKS = Withhold(
    functions=tuple(f"helpers.models.googlenet.{name}.__init__" for name in _ANSWERS),
    modules=("helpers.models", "torchvision.models"),
)
_COUNTS = Withhold(
    functions=(
        "helpers.models.googlenet.naive_inception_macs",
        "helpers.models.googlenet.bottleneck_inception_macs",
        "helpers.models.googlenet.stacked_channels",
        "helpers.models.googlenet.googlenet_loss",
        "helpers.models.googlenet.head_as_convolutions",
        "helpers.counting.count",
    ),
    modules=("helpers.models", "torchvision.models"),
)

RIGHT_INCEPTION = """
class Inception(__import__("torch").nn.Module):
    def __init__(self, in_channels, n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj):
        from torch.nn import Conv2d

        super().__init__()
        self.c1 = Conv2d(in_channels, n1x1, 1)
        self.r3, self.c3 = Conv2d(in_channels, n3x3_reduce, 1), Conv2d(n3x3_reduce, n3x3, 3, 1, 1)
        self.r5, self.c5 = Conv2d(in_channels, n5x5_reduce, 1), Conv2d(n5x5_reduce, n5x5, 5, 1, 2)
        self.proj = Conv2d(in_channels, pool_proj, 1)

    def forward(self, x):
        import torch

        pooled = torch.nn.functional.max_pool2d(x, 3, 1, 1)
        branches = [self.c1(x), self.c3(self.r3(x).relu()), self.c5(self.r5(x).relu())]
        return torch.cat([*branches, self.proj(pooled)], dim=1).relu()
"""

RIGHT_GAP_HEAD = """
class GlobalAvgPoolHead(__import__("torch").nn.Module):
    def __init__(self, in_channels, num_classes):
        import torch

        super().__init__()
        self.fc = torch.nn.Linear(in_channels, num_classes)

    def forward(self, x):
        return self.fc(x.mean((2, 3)))
"""

RIGHT_AUX_HEAD = """
class AuxiliaryHead(__import__("torch").nn.Module):
    def __init__(self, in_channels, num_classes, width=1.0):
        from torch.nn import Conv2d, Linear

        super().__init__()
        maps, hidden = int(width * 128), int(width * 1024)
        self.conv = Conv2d(in_channels, maps, 1)
        self.fc1, self.fc2 = Linear(16 * maps, hidden), Linear(hidden, num_classes)

    def forward(self, x):
        import torch

        pooled = torch.nn.functional.avg_pool2d(x, 5, 3)
        return self.fc2(self.fc1(self.conv(pooled).relu().flatten(1)).relu())
"""

EXERCISES = {
    graded.exercise.name: graded
    for graded in (
        Graded(NAIVE_MACS, _COUNTS),
        Graded(NAIVE, _NETWORKS, kind="module"),
        Graded(BOTTLENECK_MACS, _COUNTS),
        Graded(INCEPTION, _NETWORKS, kind="module"),
        Graded(STACKED, _COUNTS),
        Graded(REDUCER_WIDTHS, kind="value"),
        Graded(STEM_NUMBERS, kind="value"),
        Graded(GAP_HEAD, _NETWORKS, kind="module"),
        Graded(AUX_HEAD, _NETWORKS, kind="module"),
        Graded(LOSS, _COUNTS),
        Graded(HEAD_AS_CONVOLUTIONS, _COUNTS),
        Graded(
            GOOGLENET,
            _NETWORKS,
            kind="module",
            needs={
                "Inception": RIGHT_INCEPTION,
                "GlobalAvgPoolHead": RIGHT_GAP_HEAD,
                "AuxiliaryHead": RIGHT_AUX_HEAD,
            },
        ),
    )
}
