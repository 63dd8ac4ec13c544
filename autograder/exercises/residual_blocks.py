"""Hidden cases and further mistakes of `08_residual_blocks`.

The exercises themselves, and the mistakes the visible checks already know, are in
`helpers.checks.residual_blocks`. Networks are judged with few channels by what they compute, and at
full size by what they have. A shortcut may be computed before or after what it goes around.
"""

from dataclasses import replace
from functools import cache

import torch
from torch import nn

from autograder.judge.graded import AUTOGRAD, Graded, Withhold
from helpers.checks import residual_blocks as visible
from helpers.checks.exercise import Case, Exercise, described, mistake
from helpers.checks.lenet import module_inputs
from helpers.checks.residual_blocks import (
    after,
    block_inputs,
    large,
    maps,
    small,
    stages_of,
    strided,
    unshared_relu,
    weights,
    with_bias,
    with_strides,
)
from helpers.counting import count
from helpers.models import resnet as reference

# Which curve is which? ----------------------------------------------------------------------


def _curves():
    return {"overfitting": 2, "degradation": 4, "high_learning_rate": 1, "healthy": 3}


def _exchanged(first, second):
    answers = _curves()
    return answers | {first: answers[second], second: answers[first]}


@mistake(
    "overfitting and degradation are exchanged",
    "Look at the *training* error: a network that overfits has a small one.",
)
def overfitting_and_degradation_exchanged(right):
    return _exchanged("overfitting", "degradation")


@mistake(
    "degradation and a learning rate that is too high are exchanged",
    "With a step that is too long the shallow network fails as well, so its dotted line is high.",
)
def degradation_and_rate_exchanged(right):
    return _exchanged("degradation", "high_learning_rate")


@mistake(
    "overfitting and the healthy run are exchanged",
    "Overfitting shows in the gap between training and test error, not in either alone.",
)
def overfitting_and_healthy_exchanged(right):
    return _exchanged("overfitting", "healthy")


CURVE_PUZZLE = Exercise(
    "curve_puzzle",
    _curves,
    cases=[Case("four pairs of curves", lambda rng: ())],
    mistakes=[
        overfitting_and_degradation_exchanged, degradation_and_rate_exchanged,
        overfitting_and_healthy_exchanged,
    ],
    parts=visible.CURVES,
    section="More layers, worse",
)  # fmt: skip

# A shortcut without parameters --------------------------------------------------------------


@mistake(
    "half of the zeros stand in front of the maps",
    "All new maps come last: behind the channels of x.",
)
def zeros_on_both_sides(right, x, channels, stride):
    return right(x, channels, stride).roll((channels - x.shape[1]) // 2, dims=1)


@mistake("the first row and column are left out", "Begin with row 0 and column 0.")
def counted_from_one(right, x, channels, stride):
    return right(x[:, :, stride // 2 :, stride // 2 :], channels, stride)


@mistake(
    "the largest of neighbouring pixels is taken",
    "Nothing is compared: pick every `stride`-th pixel, and leave the others out.",
)
def maximum_taken(right, x, channels, stride):
    return right(torch.nn.functional.max_pool2d(x, stride, ceil_mode=True), channels, 1)


@mistake("the maps are repeated", "The new maps hold zeros.")
def maps_repeated(right, x, channels, stride):
    repeated = torch.cat([x] * -(-channels // x.shape[1]), dim=1)
    return right(repeated[:, :channels], channels, stride)


@mistake(
    "the zeros are added to each side of the images",
    "It is the channels that are missing; `F.pad` counts its pairs from the last axis.",
)
def images_padded(right, x, channels, stride):
    thinned = right(x, x.shape[1], stride)
    return torch.nn.functional.pad(thinned, (0, 0, 0, channels - x.shape[1]))


@mistake("no maps are added", "`channels` maps come out.")
def channels_ignored(right, x, channels, stride):
    return right(x, x.shape[1], stride)


PAD_SHORTCUT = replace(
    visible.PAD_SHORTCUT,
    cases=[
        Case("two maps become five, stride 2", maps(1, 2, 6, 4, 5, 2)),
        Case("nothing to do", maps(3, 2, 3, 4, 2, 1)),
        Case("more maps, stride 1", maps(1, 1, 3, 5, 4, 1)),
        Case("odd sizes, stride 2, as many maps", maps(2, 3, 7, 5, 3, 2)),
        Case("stride 3", maps(1, 2, 7, 8, 4, 3)),
        Case("float32 stays float32", maps(2, 2, 4, 6, 4, 2), "float32", keeps_dtype=True),
    ],
    mistakes=[
        *visible.PAD_SHORTCUT.mistakes, zeros_on_both_sides, counted_from_one, maximum_taken,
        maps_repeated, images_padded, channels_ignored,
    ],
)  # fmt: skip

# Blocks -------------------------------------------------------------------------------------


class EarlyBasic(reference.BasicBlock):
    """Right too: the shortcut is computed before what it goes around."""

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(out + shortcut if self.residual else out)


class EarlyBottleneck(reference.Bottleneck):
    """Right too: the shortcut is computed before what it goes around."""

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(out)))))
        return self.relu(out + shortcut)


EARLY = {reference.BasicBlock: EarlyBasic, reference.Bottleneck: EarlyBottleneck}


def shortcuts_first(build):
    """`build` for networks in which every block computes its shortcut first."""

    def built(**options):
        net = build(**options)
        for layer in net.modules():
            layer.__class__ = EARLY.get(type(layer), type(layer))
        return net

    return built


def shortcut_in_either_order(exercise):
    """The exercise with shortcuts computed first accepted, and no other orders tried.

    The orders of layers of equal size are too many in a network; all its blocks look alike.
    """
    other = shortcuts_first(exercise.reference)

    def early(options, shape, seed):
        if seed is not None:
            yield described(other, options, shape, seed)

    return replace(exercise, alternatives=early)


def skipping_from(net, start):
    """`net` with a shortcut that starts from the output of its layer `start`, rectified."""
    kept = []
    net.residual = False
    last = "bn3" if hasattr(net, "bn3") else "bn2"
    getattr(net, start).register_forward_hook(
        lambda layer, inputs, output: kept.append(torch.relu(output))
    )
    return after(net, last, lambda output: output + kept.pop())


@mistake(
    "the shortcut starts behind the first convolution",
    "It goes around both convolutions: keep `x` as it comes in.",
)
def shortcut_from_the_middle(right, shortcut="projection", **options):
    net = right(**options, shortcut=None)
    return net if shortcut is None else skipping_from(net, "bn1")


@mistake("a ReLU stands before the addition as well", "Only the sum is rectified.")
def relu_before_and_after(right, **options):
    return after(right(**options), "bn2", torch.relu)


@mistake(
    "the ReLU between the convolutions is missing", "Convolution, batch norm, ReLU; then again."
)
def relu_between_missing(right, **options):
    return unshared_relu(right(**options), (), last=True)


@mistake("the projection has a bias", "`bias=False`, as for every convolution before batch norm.")
def projection_with_bias(right, **options):
    net = right(**options)
    if isinstance(net.downsample, nn.Sequential):
        conv = net.downsample[0]
        net.downsample[0] = nn.Conv2d(conv.in_channels, conv.out_channels, 1, conv.stride)
    return net


@mistake("a ReLU follows the projection", "The shortcut is added as it is; then comes the ReLU.")
def projection_rectified(right, **options):
    net = right(**options)
    if isinstance(net.downsample, nn.Sequential):
        net.downsample.append(nn.ReLU())
    return net


@mistake("there is no batch norm", "`nn.BatchNorm2d` follows each of the convolutions.")
def norm_missing(right, **options):
    net = right(**options)
    net.bn1, net.bn2 = nn.Identity(), nn.Identity()
    return net


@mistake("batch norm follows the first convolution only", "It follows each of the convolutions.")
def second_norm_missing(right, **options):
    net = right(**options)
    net.bn2 = nn.Identity()
    return net


@mistake("both convolutions have the stride", "The first one has it; the second keeps the size.")
def stride_on_both(right, stride=1, **options):
    net = with_strides(right(stride=stride, **options), conv2=stride)
    for layer in net.modules():  # the shortcut, to fit
        if isinstance(layer, reference.PaddingShortcut):
            layer.stride = stride**2
    if isinstance(net.downsample, nn.Sequential):
        net.downsample[0].stride = (stride**2, stride**2)
    return net


@mistake(
    "a padded shortcut has its zeros in front",
    "`pad_shortcut` appends them; call it.",
)
def padded_in_front(right, in_channels, channels, **options):
    net = right(in_channels=in_channels, channels=channels, **options)
    if isinstance(net.downsample, reference.PaddingShortcut):
        after(net, "downsample", lambda output: output.roll(channels - in_channels, dims=1))
    return net


@mistake(
    "`shortcut` is ignored: it is always a projection", "Three kinds: projection, padding, None."
)
def always_projected(right, shortcut="projection", **options):
    return right(**options)


BASIC_BLOCK = replace(
    shortcut_in_either_order(visible.BASIC_BLOCK),
    cases=[
        replace(case, rtol=1e-6) for case in (
            Case("four channels stay four",
                 module_inputs({"in_channels": 4, "channels": 4}, (2, 4, 5, 3))),
            Case("two become five, stride 1",
                 module_inputs({"in_channels": 2, "channels": 5}, (1, 2, 4, 5))),
            Case("three stay three, stride 2",
                 module_inputs({"in_channels": 3, "channels": 3, "stride": 2}, (3, 3, 6, 5))),
            Case("three become six, stride 2, odd sizes",
                 module_inputs({"in_channels": 3, "channels": 6, "stride": 2}, (1, 3, 7, 5))),
            Case("padding, stride 2",
                 module_inputs({"in_channels": 2, "channels": 5, "stride": 2,
                                "shortcut": "padding"}, (2, 2, 7, 6))),
            Case("padding where there is nothing to pad",
                 module_inputs({"in_channels": 3, "channels": 3, "shortcut": "padding"},
                               (1, 3, 4, 4))),
            Case("without a shortcut, the shape changes",
                 module_inputs({"in_channels": 2, "channels": 4, "stride": 2, "shortcut": None},
                               (2, 2, 6, 6))),
            Case("without a shortcut, the shape stays",
                 module_inputs({"in_channels": 3, "channels": 3, "shortcut": None}, (1, 3, 4, 5))),
        )
    ],
    mistakes=[
        *visible.BASIC_BLOCK.mistakes, shortcut_from_the_middle, relu_before_and_after,
        relu_between_missing, projection_with_bias, projection_rectified, norm_missing,
        second_norm_missing, stride_on_both, padded_in_front, always_projected,
    ],
)  # fmt: skip


@mistake(
    "`channels` counts the maps that come out",
    "`channels` is the narrow middle; four times as many come out.",
)
def channels_taken_for_the_output(right, in_channels, channels, **options):
    return right(in_channels=in_channels, channels=max(1, channels // 4), **options)


@mistake("the stride is on the last convolution", "The 3x3 convolution, in the middle, has it.")
def stride_on_the_last_1x1(right, stride=1, **options):
    return with_strides(right(stride=stride, **options), conv2=1, conv3=stride)


@mistake("the 3x3 convolution comes last", "1x1, 3x3, 1x1: down, look around, up.")
def spatial_convolution_last(right, in_channels, channels, stride=1, **options):
    net = right(in_channels=in_channels, channels=channels, stride=stride, **options)
    net.conv2, _ = reference.conv_norm(channels, channels, 1, stride)
    net.conv3, _ = reference.conv_norm(channels, net.out_channels, 3)
    return net


@mistake("the ReLUs between the convolutions are missing", "One follows each of the first two.")
def bottleneck_relus_between_missing(right, **options):
    return unshared_relu(right(**options), (), last=True)


@mistake("the projection has no batch norm", "Batch norm follows every convolution, the 1x1 too.")
def bottleneck_projection_without_norm(right, **options):
    net = right(**options)
    if net.downsample is not None:
        net.downsample = net.downsample[0]
    return net


@mistake("the last convolution has no batch norm", "Batch norm follows each of the three.")
def third_norm_missing(right, **options):
    net = right(**options)
    net.bn3 = nn.Identity()
    return net


@mistake(
    "a ReLU stands before the addition as well",
    "Only the sum is rectified.",
)
def bottleneck_relu_before_and_after(right, **options):
    return after(right(**options), "bn3", torch.relu)


BOTTLENECK = replace(
    shortcut_in_either_order(visible.BOTTLENECK),
    cases=[
        replace(case, rtol=1e-6) for case in (
            Case("twelve stay twelve, three inside",
                 module_inputs({"in_channels": 12, "channels": 3}, (2, 12, 4, 3))),
            Case("two become eight",
                 module_inputs({"in_channels": 2, "channels": 2}, (1, 2, 5, 4))),
            Case("eight become sixteen, stride 2",
                 module_inputs({"in_channels": 8, "channels": 4, "stride": 2}, (2, 8, 6, 6))),
            Case("sixteen stay sixteen, stride 2, odd sizes",
                 module_inputs({"in_channels": 16, "channels": 4, "stride": 2}, (1, 16, 7, 5))),
        )
    ],
    mistakes=[
        *visible.BOTTLENECK.mistakes, channels_taken_for_the_output, stride_on_the_last_1x1,
        spatial_convolution_last, bottleneck_relus_between_missing,
        bottleneck_projection_without_norm, third_norm_missing, bottleneck_relu_before_and_after,
    ],
)  # fmt: skip

# The gradient's way -------------------------------------------------------------------------


@mistake("the gradients of the weights are averaged over the images", "They add up.")
def weights_averaged(right, grad_out, x, w1, w2):
    grad_x, *others = right(grad_out, x, w1, w2)
    return grad_x, *(grad / len(x) for grad in others)


@mistake(
    "the weights get a gradient along the shortcut, too",
    "The shortcut has no weights: only what passes the branch changes `w1`.",
)
def shortcut_through_the_weights(right, grad_out, x, w1, w2):
    grad_x, _, grad_w2 = right(grad_out, x, w1, w2)
    return grad_x, x.T @ (grad_x @ w1), grad_w2


RESIDUAL_BACKWARD = replace(
    visible.RESIDUAL_BACKWARD,
    cases=[
        Case("one image", block_inputs(1, 5, 4)),
        Case("several images", block_inputs(4, 3, 5)),
        Case("many hidden units", block_inputs(2, 2, 9)),
        Case("one feature", block_inputs(6, 1, 3)),
        Case("as many hidden units as features", block_inputs(3, 4, 4)),
        Case("float32", block_inputs(3, 4, 3), "float32"),
    ],
    mistakes=[
        *visible.RESIDUAL_BACKWARD.mistakes, weights_averaged, shortcut_through_the_weights,
    ],
)  # fmt: skip

# Whole networks -----------------------------------------------------------------------------


@mistake("the channels do not double", "Each stage has twice the channels of the one before it.")
def channels_never_doubled(right, depth, num_classes=1000, in_channels=3, width=1.0):
    net = right(depth=depth, num_classes=num_classes, in_channels=in_channels, width=width)
    block = type(net.layer1[0])
    channels = int(64 * width)
    out = net.layer1[0].out_channels
    for number, layer in enumerate(stages_of(net)[1:], start=2):
        setattr(net, f"layer{number}", reference.stage(block, out, channels, len(layer), 2))
    net.fc = nn.Linear(out, num_classes)
    return net


@mistake("no batch norm follows the first convolution", "It follows every convolution.")
def first_norm_missing(right, **options):
    net = right(**options)
    net.bn1 = nn.Identity()
    return net


@mistake("no ReLU follows the first convolution", "Convolution, batch norm, ReLU, pooling.")
def first_relu_missing(right, **options):
    net = right(**options)
    net.relu = nn.Identity()
    return net


@mistake("the first convolution is 3x3", "7x7, stride 2, padding 3, for images of 224x224.")
def first_convolution_3x3(right, in_channels=3, **options):
    net = right(in_channels=in_channels, **options)
    net.conv1 = nn.Conv2d(in_channels, net.conv1.out_channels, 3, 2, 1, bias=False)
    return net


@mistake("a softmax stands at the end", "Return the scores: the loss contains the softmax.")
def softmax_at_the_end(right, **options):
    return nn.Sequential(right(**options), nn.Softmax(dim=1))


@mistake("there are always 1,000 classes", "The last layer has `num_classes` outputs.")
def always_1000_classes(right, num_classes=1000, **options):
    return right(**options)


@mistake(
    "every stage has a block too few",
    "The numbers of the table count the strided block: [2, 2, 2, 2] is two blocks in each stage.",
)
def blocks_too_few(right, depth, num_classes=1000, in_channels=3, width=1.0):
    block, counts = reference.DEPTHS[depth]
    return reference.ResNet(block, [n - 1 for n in counts], num_classes, in_channels, width)


@mistake(
    "the numbers of blocks of ResNet-101 and ResNet-152 are exchanged",
    "101: 3, 4, 23, 3. 152: 3, 8, 36, 3.",
)
def deepest_exchanged(right, depth, **options):
    return right(depth={101: 152, 152: 101}.get(depth, depth), **options)


@mistake(
    "the maximum of each map is taken at the end",
    "The mean of each map: `nn.AdaptiveAvgPool2d(1)`.",
)
def maximum_at_the_end(right, **options):
    net = right(**options)
    net.avgpool = nn.AdaptiveMaxPool2d(1)
    return net


@mistake("`in_channels` is ignored", "The first convolution reads `in_channels` channels.")
def always_three_channels(right, in_channels=3, **options):
    return right(**options)


RESNET = replace(
    shortcut_in_either_order(visible.RESNET),
    cases=[  # what is known already comes first: it tells most mistakes apart
        replace(case, rtol=1e-6) for case in (
            Case("ResNet-34, full size", large(34)),
            Case("ResNet-101, full size", large(101)),
            Case("ResNet-152, full size, ten classes", large(152, num_classes=10)),
            Case("ResNet-18 with few channels, grey, two images, not square",
                 small(18, (2, 1, 64, 48), in_channels=1)),
            Case("ResNet-50 with few channels", small(50)),
        )
    ],
    mistakes=[
        *visible.RESNET.mistakes, channels_never_doubled, first_norm_missing, first_relu_missing,
        first_convolution_3x3, softmax_at_the_end, always_1000_classes, blocks_too_few,
        deepest_exchanged, maximum_at_the_end, always_three_channels,
    ],
)  # fmt: skip


@mistake(
    "the first stage is strided, too", "On small images, stages 2 and 3 have strides; 1 has not."
)
def cifar_first_stage_strided(right, **options):
    return strided(right(**options), 0, 2)


@mistake("no stage is strided", "Stages 2 and 3 halve height and width in their first block.")
def cifar_no_stage_strided(right, **options):
    net = right(**options)
    for number in (1, 2):
        strided(net, number, 1)
    return net


@mistake(
    "a max pooling follows the first convolution",
    "The images are small: there is nothing to throw away yet.",
)
def cifar_max_pooling(right, **options):
    net = right(**options)
    net.relu = nn.Sequential(nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    return net


@mistake(
    "the first convolution is that of the ImageNet networks",
    "3x3 with stride 1 for small images, not 7x7 with stride 2.",
)
def imagenet_stem(right, in_channels=3, **options):
    net = right(in_channels=in_channels, **options)
    net.conv1 = nn.Conv2d(in_channels, net.conv1.out_channels, 7, 2, 3, bias=False)
    return net


@mistake("the three stages have 64, 128 and 256 channels", "16, 32 and 64.")
def imagenet_widths(right, width=1.0, **options):
    return right(width=4 * width, **options)


@mistake("the first convolution has a bias", "`bias=False`: batch norm follows this one, too.")
def cifar_first_convolution_with_bias(right, **options):
    return with_bias(right(**options), "conv1")


@mistake("there are always ten classes", "The last layer has `num_classes` outputs.")
def always_ten_classes(right, num_classes=10, **options):
    return right(**options)


CIFAR_RESNET = replace(
    shortcut_in_either_order(visible.CIFAR_RESNET),
    cases=[
        replace(case, rtol=1e-6) for case in (
            Case("14 layers", module_inputs({"depth": 14, "width": 1 / 8}, (2, 3, 12, 8))),
            Case("8 layers, plain, four classes",
                 module_inputs({"depth": 8, "width": 1 / 2, "residual": False, "num_classes": 4},
                               (1, 3, 8, 8))),
            Case("14 layers, by projection, one grey channel",
                 module_inputs({"depth": 14, "width": 1 / 4, "shortcut": "projection",
                                "in_channels": 1}, (1, 1, 9, 7))),
            Case("56 layers, full size", large(56, (1, 3, 32, 32))),
            Case("20 layers, full size, by projection",
                 large(20, (1, 3, 32, 32), shortcut="projection")),
            Case("110 layers, full size", large(110, (1, 3, 32, 32))),
        )
    ],
    mistakes=[
        *visible.CIFAR_RESNET.mistakes, cifar_first_stage_strided, cifar_no_stage_strided,
        cifar_max_pooling, imagenet_stem, imagenet_widths, cifar_first_convolution_with_bias,
        always_ten_classes,
    ],
)  # fmt: skip

# Numbers ------------------------------------------------------------------------------------


def params_of(module):
    return sum(p.numel() for p in module.parameters())


def weights_of(module):
    """Parameters of a module's convolutions alone."""
    return sum(p.numel() for p in module.parameters() if p.ndim == 4)


@cache
def _numbers():
    with torch.device("meta"):
        basic, growing = reference.BasicBlock(512, 512), reference.BasicBlock(256, 512, 2)
        bottleneck, wide = reference.Bottleneck(1024, 256), reference.BasicBlock(1024, 1024)
        projection = reference.Bottleneck(512, 256, 2).downsample
        deep = reference.ResNet(reference.BasicBlock, [3, 8, 36, 3])
        heads = [params_of(reference.resnet(depth, num_classes=10).fc) for depth in (34, 50)]
    layers = count(deep, (3, 224, 224)).select("Conv2d", "Linear").layers
    return {
        "basic_block_512": params_of(basic),
        "basic_block_256_to_512": params_of(growing),
        "projection_of_bottleneck": params_of(projection),
        "two_3x3_of_1024_weights": weights_of(wide),
        "bottleneck_1024_weights": weights_of(bottleneck),
        "bottleneck_1024": params_of(bottleneck),
        "depth_3_8_36_3": sum("downsample" not in layer.name for layer in layers),
        "resnet_110_n": (110 - 2) // 6,
        "fc_of_resnet_34": heads[0],
        "fc_of_resnet_50": heads[1],
    }


NORMALISED = {  # how many maps have a batch norm
    "basic_block_512": 2 * 512,
    "basic_block_256_to_512": 3 * 512,
    "projection_of_bottleneck": 1024,
    "bottleneck_1024": 2 * 256 + 1024,
}


def with_more_for_each_map(right, more):
    """The right numbers with `more` parameters added for each map behind a convolution."""
    answers = right()
    return answers | {name: answers[name] + more * number for name, number in NORMALISED.items()}


@mistake("batch norm is not counted", "Each batch norm has two parameters for each channel.")
def norm_not_counted(right):
    return with_more_for_each_map(right, -2)


@mistake("batch norm is counted with its running statistics", "They are not trained: 2 a channel.")
def statistics_counted(right):
    return with_more_for_each_map(right, 2)


@mistake("convolutions are counted with biases", "Batch norm follows, so they have none.")
def biases_counted(right):
    return with_more_for_each_map(right, 1)


@mistake(
    "the projection is left out",
    "256 channels become 512, at half the size: a 1x1 convolution and its batch norm are needed.",
)
def projection_not_counted(right):
    answers = right()
    left = answers["basic_block_256_to_512"] - 256 * 512 - 2 * 512
    return answers | {"basic_block_256_to_512": left}


@mistake(
    "the projection of a bottleneck goes to `channels`",
    "It has to give what the block gives: four times `channels`.",
)
def projection_not_expanded(right):
    return right() | {"projection_of_bottleneck": 512 * 256 + 2 * 256}


@mistake("basic blocks are counted with three layers", "They have two: b = 2.")
def basic_block_of_three_layers(right):
    return right() | {"depth_3_8_36_3": 1 + 3 * 50 + 1}


@mistake("projections count as layers", "Depth counts what lies on the main way.")
def projections_counted_as_layers(right):
    return right() | {"depth_3_8_36_3": 1 + 2 * 50 + 1 + 3}


@mistake("the first convolution and the last layer are not counted", "Depth = 1 + b · Σn + 1.")
def ends_not_counted(right):
    return right() | {"depth_3_8_36_3": 100}


@mistake("n is the depth divided by six", "Two of the layers are in no stage: n = (depth - 2)/6.")
def n_rounded(right):
    return right() | {"resnet_110_n": 110 // 6 + 1}


@mistake("the last layer of ResNet-50 reads 512 maps", "Bottlenecks give four times 512 maps.")
def head_not_expanded(right):
    return right() | {"fc_of_resnet_50": 10 * 513}


@mistake("the last layer has no biases", "10 biases, one for each class.")
def heads_without_bias(right):
    return right() | {"fc_of_resnet_34": 10 * 512, "fc_of_resnet_50": 10 * 2048}


@mistake("the last layer has 1,000 outputs", "Here it has 10 classes.")
def heads_of_1000_classes(right):
    return right() | {"fc_of_resnet_34": 1000 * 513, "fc_of_resnet_50": 1000 * 2049}


NUMBERS = Exercise(
    "residual_numbers",
    _numbers,
    cases=[Case("what blocks and networks have", lambda rng: ())],
    mistakes=[
        norm_not_counted, statistics_counted, biases_counted, projection_not_counted,
        projection_not_expanded, basic_block_of_three_layers, projections_counted_as_layers,
        ends_not_counted, n_rounded, head_not_expanded, heads_without_bias, heads_of_1000_classes,
    ],
    parts=visible.NUMBERS,
    section="What does it cost?",
)  # fmt: skip

# How large the first weights should be ------------------------------------------------------


@mistake("it is the mean of inputs and outputs", "That is Glorot's rule; here only fan_in counts.")
def inputs_and_outputs_averaged(right, weight):
    fan_in = weight[0].numel()
    fan_out = fan_in * weight.shape[0] / weight.shape[1]
    return (2 / (fan_in + fan_out)) ** 0.5


@mistake("all weights are counted", "fan_in is for *one* output: `weight[0]`.")
def all_weights_counted(right, weight):
    return (2 / weight.numel()) ** 0.5


@mistake("the square root is of fan_in alone", "sqrt(2 / fan_in), not 2 / sqrt(fan_in).")
def two_outside_the_root(right, weight):
    return right(weight) * 2**0.5


HE_STD = replace(
    visible.HE_STD,
    cases=[
        Case("8 filters of 3x3 on 4 channels", weights(8, 4, 3, 3), rtol=1e-6),
        Case("filters that are not square", weights(5, 3, 1, 7), rtol=1e-6),
        Case("a linear layer", weights(7, 10), rtol=1e-6),
        Case("a grouped convolution", weights(6, 2, 3, 3), rtol=1e-6),
        Case("a filter of 1x1", weights(4, 9, 1, 1), rtol=1e-6),
    ],
    mistakes=[
        *visible.HE_STD.mistakes, inputs_and_outputs_averaged, all_weights_counted,
        two_outside_the_root,
    ],
)  # fmt: skip

# What must not do the work ------------------------------------------------------------------

_NETWORKS = Withhold(
    functions=(
        *(
            f"helpers.models.resnet.{name}.__init__"
            for name in (
                "BasicBlock", "Bottleneck", "ResNet", "CifarResNet", "PaddingShortcut",
            )
        ),
        "helpers.residual.pad_shortcut",
    ),
    modules=("helpers.models", "torchvision.models"),
)  # fmt: skip
_GRADIENTS = AUTOGRAD | Withhold(functions=("helpers.residual.residual_backward",))
_SCALE = Withhold(
    functions=("helpers.residual.he_std", "torch.nn.init._calculate_fan_in_and_fan_out",
               "torch.nn.init._calculate_correct_fan", "torch.nn.init.kaiming_normal_",
               "torch.nn.init.kaiming_uniform_"),
)  # fmt: skip

RIGHT_PAD_SHORTCUT = """
def pad_shortcut(x, channels, stride=1):
    import torch

    x = x[:, :, ::stride, ::stride]
    return torch.nn.functional.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))
"""

RIGHT_BASIC_BLOCK = """
class BasicBlock(__import__("torch").nn.Module):
    def __init__(self, in_channels, channels, stride=1, shortcut="projection"):
        import torch

        super().__init__()
        nn = torch.nn
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU(), nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels),
        )
        self.kind, self.channels, self.stride = shortcut, channels, stride
        self.out_channels = channels
        self.projection = None
        if shortcut == "projection" and (stride != 1 or in_channels != channels):
            self.projection = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        import torch

        out = self.body(x)
        if self.kind == "padding":
            x = x[:, :, :: self.stride, :: self.stride]
            missing = self.channels - x.shape[1]
            out = out + torch.nn.functional.pad(x, (0, 0, 0, 0, 0, missing))
        elif self.kind is not None:
            out = out + (x if self.projection is None else self.projection(x))
        return torch.relu(out)
"""

RIGHT_BOTTLENECK = """
class Bottleneck(__import__("torch").nn.Module):
    def __init__(self, in_channels, channels, stride=1):
        import torch

        super().__init__()
        nn, out_channels = torch.nn, 4 * channels
        self.out_channels = out_channels
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU(), nn.Conv2d(channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.projection = None
        if stride != 1 or in_channels != out_channels:
            self.projection = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x):
        import torch

        return torch.relu(self.body(x) + (x if self.projection is None else self.projection(x)))
"""

EXERCISES = {
    graded.exercise.name: graded
    for graded in (
        Graded(CURVE_PUZZLE, kind="value"),
        Graded(PAD_SHORTCUT, _NETWORKS),
        Graded(BASIC_BLOCK, _NETWORKS, kind="module", needs={"pad_shortcut": RIGHT_PAD_SHORTCUT}),
        Graded(RESIDUAL_BACKWARD, _GRADIENTS),
        Graded(BOTTLENECK, _NETWORKS, kind="module"),
        Graded(
            RESNET,
            _NETWORKS,
            kind="module",
            needs={"BasicBlock": RIGHT_BASIC_BLOCK, "Bottleneck": RIGHT_BOTTLENECK},
        ),
        Graded(CIFAR_RESNET, _NETWORKS, kind="module", needs={"BasicBlock": RIGHT_BASIC_BLOCK}),
        Graded(NUMBERS, kind="value"),
        Graded(HE_STD, _SCALE),
    )
}
