"""Visible checks of the eighth notebook, and the mistakes they know by name.

A mistake in a block is the right one built with another option, or with a layer exchanged; a
mistake in a function is the right function with an argument or the result changed.
"""

from functools import partial

import torch
from torch import nn

from helpers import residual
from helpers.checks import check, check_numbers
from helpers.checks.exercise import Case, Exercise, mistake, module_exercise
from helpers.checks.lenet import module_inputs
from helpers.models import resnet as reference

# Which curve is which? ----------------------------------------------------------------------

CURVES = ("overfitting", "degradation", "high_learning_rate", "healthy")


def curve_puzzle(answers: dict) -> None:
    """Visible check of the puzzle: is there a panel's number for each? Not whether it is right."""
    check_numbers("curve_puzzle", CURVES, answers)


# A shortcut without parameters --------------------------------------------------------------


def maps(*shape):
    """Inputs (x, channels, stride) with x of shape (N, C, H, W), for the last two numbers given."""
    *size, channels, stride = shape
    return lambda rng: (torch.from_numpy(rng.standard_normal(size)), channels, stride)


@mistake("the zeros stand in front of the maps", "The new maps come last: pad behind the channels.")
def zeros_in_front(right, x, channels, stride):
    return right(x, channels, stride).roll(channels - x.shape[1], dims=1)


@mistake("the stride is ignored", "Keep every `stride`-th row and column only.")
def stride_ignored(right, x, channels, stride):
    return right(x, channels, 1)


@mistake(
    "neighbouring pixels are averaged",
    "Nothing is computed: pick every `stride`-th pixel, and leave the others out.",
)
def pixels_averaged(right, x, channels, stride):
    return right(torch.nn.functional.avg_pool2d(x, stride), channels, 1)


@mistake("only the rows are thinned out", "Every `stride`-th row *and* column.")
def only_rows_thinned(right, x, channels, stride):
    return right(x, channels, 1)[:, :, ::stride]


@mistake(
    "`channels` maps are added",
    "`channels` is how many maps come out, so `channels - x.shape[1]` are new.",
)
def channels_added(right, x, channels, stride):
    return right(x, channels + x.shape[1], stride)


PAD_SHORTCUT = Exercise(
    "pad_shortcut",
    residual.pad_shortcut,
    cases=[
        Case("two maps become four, stride 2", maps(1, 2, 4, 4, 4, 2)),
        Case("nothing to do", maps(2, 3, 3, 5, 3, 1)),
        Case("an odd size, stride 2", maps(2, 1, 5, 3, 4, 2)),
    ],
    mistakes=[zeros_in_front, stride_ignored, pixels_averaged, only_rows_thinned, channels_added],
    section="A shortcut without parameters",
)

# Two convolutions and a shortcut ------------------------------------------------------------


def after(net, place, change):
    """`net` with change(output) applied to what its layer `place` gives."""
    getattr(net, place).register_forward_hook(lambda layer, inputs, output: change(output))
    return net


def unshared_relu(net, places, last):
    """`net` with ReLUs behind the batch norms `places`, and at its end only if `last`."""
    for place in places:
        after(net, place, torch.relu)
    net.relu = nn.Identity()
    if last:
        net.register_forward_hook(lambda layer, inputs, output: torch.relu(output))
    return net


def with_bias(net, *places):
    """`net` with biases in its convolutions `places`."""
    for place in places:
        conv = getattr(net, place)
        options = {"stride": conv.stride, "padding": conv.padding}
        new = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, **options)
        setattr(net, place, new)
    return net


def with_strides(net, **strides):
    """`net` with the strides of some convolutions, by name, changed."""
    for place, stride in strides.items():
        getattr(net, place).stride = (stride, stride)
    return net


@mistake("the shortcut is not added", "Keep `x`, and add it to what the convolutions gave.")
def shortcut_forgotten(right, **options):
    return right(**options | {"shortcut": None})


@mistake(
    "a ReLU comes before the addition instead of after it",
    "The last batch norm's output is added as it is, negative values too; then comes the ReLU.",
)
def relu_before_the_addition(right, **options):
    return unshared_relu(right(**options), ("bn1", "bn2"), last=False)


@mistake("the ReLU after the addition is missing", "`relu(F(x) + x)`: the sum is rectified.")
def relu_after_the_addition_missing(right, **options):
    return unshared_relu(right(**options), ("bn1",), last=False)


@mistake("the convolutions have biases", "`bias=False`: the batch norm behind takes them out.")
def biases_kept(right, **options):
    return with_bias(right(**options), "conv1", "conv2")


@mistake(
    "the second convolution has the stride",
    "The first convolution halves the size; the second keeps it.",
)
def stride_on_the_second(right, stride=1, **options):
    return with_strides(right(stride=stride, **options), conv1=1, conv2=stride)


@mistake("the projection has no batch norm", "Batch norm follows every convolution, the 1x1 too.")
def projection_without_norm(right, **options):
    net = right(**options)
    if isinstance(net.downsample, nn.Sequential):
        net.downsample = net.downsample[0]
    return net


@mistake(
    "there is a projection even where x has the right shape already",
    "Without a stride and with equal numbers of channels, the shortcut is x itself.",
)
def projection_everywhere(right, **options):
    net = right(**options)
    if net.residual and net.downsample is None:
        net.downsample = nn.Sequential(
            *reference.conv_norm(net.conv1.in_channels, net.out_channels, 1)
        )
    return net


@mistake(
    "x is projected only where the stride is not 1",
    "The number of channels may change without a stride, too.",
)
def projected_for_strides_only(right, stride=1, **options):
    net = right(stride=stride, **options)
    if stride == 1:
        net.downsample = None
    return net


@mistake(
    "x is projected only where the number of channels changes",
    "With a stride, the size changes, even if the number of channels does not.",
)
def projected_for_channels_only(right, in_channels, channels, **options):
    net = right(in_channels=in_channels, channels=channels, **options)
    if in_channels == channels:
        net.downsample = None
    return net


BASIC_BLOCK = module_exercise(
    "BasicBlock",
    reference.BasicBlock,
    cases=[
        Case("three channels stay three",
             module_inputs({"in_channels": 3, "channels": 3}, (2, 3, 5, 4))),
        Case("three become four, stride 1, by projection",
             module_inputs({"in_channels": 3, "channels": 4}, (1, 3, 6, 6))),
        Case("three stay three, stride 2, by projection",
             module_inputs({"in_channels": 3, "channels": 3, "stride": 2}, (2, 3, 6, 5))),
        Case("two become four, stride 2, by padding",
             module_inputs({"in_channels": 2, "channels": 4, "stride": 2, "shortcut": "padding"},
                           (2, 2, 5, 6))),
        Case("without a shortcut",
             module_inputs({"in_channels": 2, "channels": 3, "stride": 2, "shortcut": None},
                           (1, 2, 6, 4))),
    ],
    mistakes=[
        shortcut_forgotten, relu_before_the_addition, relu_after_the_addition_missing, biases_kept,
        stride_on_the_second, projection_without_norm, projection_everywhere,
        projected_for_strides_only, projected_for_channels_only,
    ],
    section="Two convolutions and a shortcut",
)  # fmt: skip

# The gradient's way -------------------------------------------------------------------------


def block_inputs(images, features, hidden):
    """Inputs (grad_out, x, w1, w2) of a residual block of two linear layers."""
    shapes = (images, features), (images, features), (features, hidden), (hidden, features)
    return lambda rng: tuple(torch.from_numpy(rng.standard_normal(shape)) for shape in shapes)


@mistake(
    "the shortcut's gradient is not added", "x goes two ways, so its gradient is a sum of two."
)
def shortcut_gradient_forgotten(right, grad_out, x, w1, w2):
    grad_x, *others = right(grad_out, x, w1, w2)
    active = torch.relu(x @ w1) @ w2 + x > 0
    return grad_x - grad_out * active, *others


@mistake("the branch's gradient is not added", "x goes two ways, so its gradient is a sum of two.")
def branch_gradient_forgotten(right, grad_out, x, w1, w2):
    _, *others = right(grad_out, x, w1, w2)
    return grad_out * (torch.relu(x @ w1) @ w2 + x > 0), *others


@mistake(
    "the last ReLU is forgotten",
    "Where the sum was negative, y is 0 whatever happens, and no gradient passes.",
)
def last_relu_forgotten(right, grad_out, x, w1, w2):
    hidden = torch.relu(x @ w1)
    grad_hidden = grad_out @ w2.T * (hidden > 0)
    return grad_out + grad_hidden @ w1.T, x.T @ grad_hidden, hidden.T @ grad_out


@mistake(
    "the ReLU within the branch is forgotten",
    "Where `x @ w1` was negative, no gradient passes on to `w1` and `x`.",
)
def inner_relu_forgotten(right, grad_out, x, w1, w2):
    _, _, grad_w2 = right(grad_out, x, w1, w2)
    grad_sum = grad_out * (torch.relu(x @ w1) @ w2 + x > 0)
    grad_hidden = grad_sum @ w2.T
    return grad_sum + grad_hidden @ w1.T, x.T @ grad_hidden, grad_w2


@mistake(
    "the last ReLU looks at the sign of x",
    "It lets pass where the *sum* of branch and shortcut is positive.",
)
def sign_of_x_used(right, grad_out, x, w1, w2):
    hidden = torch.relu(x @ w1)
    grad_sum = grad_out * (x > 0)
    grad_hidden = grad_sum @ w2.T * (hidden > 0)
    return grad_sum + grad_hidden @ w1.T, x.T @ grad_hidden, hidden.T @ grad_sum


@mistake(
    "the last ReLU looks at the branch alone",
    "It lets pass where the *sum* of branch and shortcut is positive.",
)
def sign_of_the_branch_used(right, grad_out, x, w1, w2):
    hidden = torch.relu(x @ w1)
    grad_sum = grad_out * (hidden @ w2 > 0)
    grad_hidden = grad_sum @ w2.T * (hidden > 0)
    return grad_sum + grad_hidden @ w1.T, x.T @ grad_hidden, hidden.T @ grad_sum


@mistake(
    "the shortcut's gradient is added before the last ReLU's is taken into account",
    "The shortcut, too, passes through the last ReLU: what goes along it is the masked gradient.",
)
def shortcut_not_masked(right, grad_out, x, w1, w2):
    grad_x, *others = right(grad_out, x, w1, w2)
    return grad_x + grad_out * (torch.relu(x @ w1) @ w2 + x <= 0), *others


@mistake(
    "the two ways are multiplied",
    "x goes two ways, so its gradient is the *sum* of what comes back on both.",
)
def ways_multiplied(right, grad_out, x, w1, w2):
    grad_x, *others = right(grad_out, x, w1, w2)
    shortcut = grad_out * (torch.relu(x @ w1) @ w2 + x > 0)
    return shortcut * (grad_x - shortcut), *others


@mistake(
    "`grad_w2` uses what `x @ w1` was before its ReLU",
    "`w2` was multiplied by the rectified values.",
)
def values_before_relu_used(right, grad_out, x, w1, w2):
    grad_x, grad_w1, _ = right(grad_out, x, w1, w2)
    return grad_x, grad_w1, (x @ w1).T @ (grad_out * (torch.relu(x @ w1) @ w2 + x > 0))


RESIDUAL_BACKWARD = Exercise(
    "residual_backward",
    residual.residual_backward,
    cases=[
        Case("one image", block_inputs(1, 4, 5)),
        Case("three images", block_inputs(3, 3, 4)),
        Case("one hidden unit", block_inputs(4, 2, 1)),
    ],
    mistakes=[
        shortcut_gradient_forgotten, branch_gradient_forgotten, last_relu_forgotten,
        inner_relu_forgotten, sign_of_x_used, sign_of_the_branch_used, shortcut_not_masked,
        ways_multiplied, values_before_relu_used,
    ],
    parts=("grad_x", "grad_w1", "grad_w2"),
    section="The gradient's way back",
)  # fmt: skip

# The bottleneck -----------------------------------------------------------------------------


@mistake(
    "the last convolution has `channels` filters",
    "The second 1x1 convolution goes up to four times `channels`, and so does the shortcut.",
)
def expansion_forgotten(right, in_channels, channels, stride=1, **options):
    net = right(in_channels=in_channels, channels=channels, stride=stride, **options)
    net.conv3, net.bn3 = reference.conv_norm(channels, channels, 1)
    kind = options.get("shortcut", "projection")
    net.downsample = reference.shortcut_for(kind, in_channels, channels, stride)
    return net


@mistake(
    "the stride is on the first 1x1 convolution",
    "Here, as in torchvision, the 3x3 convolution has it: otherwise three pixels of four are never"
    " looked at.",
)
def stride_on_the_first_1x1(right, stride=1, **options):
    return with_strides(right(stride=stride, **options), conv1=stride, conv2=1)


@mistake(
    "a ReLU comes before the addition instead of after it",
    "The last batch norm's output is added as it is, negative values too; then comes the ReLU.",
)
def bottleneck_relu_before_the_addition(right, **options):
    return unshared_relu(right(**options), ("bn1", "bn2", "bn3"), last=False)


@mistake("the ReLU after the addition is missing", "`relu(F(x) + x)`: the sum is rectified.")
def bottleneck_relu_after_the_addition_missing(right, **options):
    return unshared_relu(right(**options), ("bn1", "bn2"), last=False)


@mistake("the convolutions have biases", "`bias=False`: the batch norm behind takes them out.")
def bottleneck_biases_kept(right, **options):
    return with_bias(right(**options), "conv1", "conv2", "conv3")


@mistake("the shortcut is not added", "Keep `x`, and add it to what the convolutions gave.")
def bottleneck_shortcut_forgotten(right, **options):
    return right(**options, shortcut=None)


@mistake(
    "x is projected only where the stride is not 1",
    "The number of channels may change without a stride: 64 become 256 in the first block.",
)
def bottleneck_projected_for_strides_only(right, stride=1, **options):
    net = right(stride=stride, **options)
    if stride == 1:
        net.downsample = None
    return net


@mistake(
    "x is projected only where the number of channels changes",
    "With a stride, the size changes, even if the number of channels does not.",
)
def bottleneck_projected_for_channels_only(right, in_channels, channels, **options):
    net = right(in_channels=in_channels, channels=channels, **options)
    if in_channels == 4 * channels:
        net.downsample = None
    return net


BOTTLENECK = module_exercise(
    "Bottleneck",
    reference.Bottleneck,
    cases=[
        Case("eight channels stay eight, two inside",
             module_inputs({"in_channels": 8, "channels": 2}, (2, 8, 4, 5))),
        Case("three become eight", module_inputs({"in_channels": 3, "channels": 2}, (1, 3, 4, 4))),
        Case("eight stay eight, stride 2",
             module_inputs({"in_channels": 8, "channels": 2, "stride": 2}, (1, 8, 5, 4))),
        Case("eight become twelve, stride 2",
             module_inputs({"in_channels": 8, "channels": 3, "stride": 2}, (1, 8, 6, 5))),
    ],
    mistakes=[
        expansion_forgotten, stride_on_the_first_1x1, bottleneck_relu_before_the_addition,
        bottleneck_relu_after_the_addition_missing, bottleneck_biases_kept,
        bottleneck_shortcut_forgotten, bottleneck_projected_for_strides_only,
        bottleneck_projected_for_channels_only,
    ],
    section="The bottleneck",
)  # fmt: skip

# Whole networks -----------------------------------------------------------------------------


def large(depth, shape=(1, 3, 224, 224), **options):
    """Inputs of a case about a network of full size, which is only looked at, not run."""
    return lambda rng: ({"depth": depth, **options}, shape, None)


def small(depth, shape=(1, 3, 64, 64), width=1 / 16, **options):
    """Inputs of a case about a network of few channels, which is run."""
    return module_inputs({"depth": depth, "width": width, "num_classes": 5, **options}, shape)


def stages_of(net):
    """The stages of a network, one after the other."""
    return [layer for name, layer in net.named_children() if name.startswith("layer")]


def strided(net, number, stride):
    """`net` with another stride in the first block of its stage `number`, shortcut included."""
    block = stages_of(net)[number][0]
    conv = block.conv2 if hasattr(block, "conv3") else block.conv1
    conv.stride = (stride, stride)
    if block.downsample is None:
        block.downsample = nn.AvgPool2d(1, stride)  # picks every stride-th pixel
    elif isinstance(block.downsample, nn.Sequential):
        block.downsample[0].stride = (stride, stride)
    else:
        block.downsample.stride = stride
    return net


@mistake(
    "the first stage is strided, too",
    "The first convolution and the pooling have been there already: strides begin with stage 2.",
)
def first_stage_strided(right, **options):
    return strided(right(**options), 0, 2)


@mistake("no stage is strided", "Stages 2, 3 and 4 halve height and width in their first block.")
def no_stage_strided(right, **options):
    net = right(**options)
    for number in range(1, len(stages_of(net))):
        strided(net, number, 1)
    return net


@mistake("the max pooling is missing", "Behind the first convolution: 3x3, stride 2, padding 1.")
def max_pooling_missing(right, **options):
    net = right(**options)
    net.maxpool = nn.Identity()
    return net


@mistake("the first convolution has a bias", "`bias=False`: batch norm follows this one, too.")
def first_convolution_with_bias(right, **options):
    return with_bias(right(**options), "conv1")


@mistake("`width` does not change the channels", "`int(width * 64)`, and so on, in every stage.")
def width_ignored(right, width=1.0, **options):
    return right(**options)


@mistake(
    "all depths are made of basic blocks",
    "From 50 on, the blocks are bottlenecks, with four times the channels between them.",
)
def basic_blocks_only(right, depth, width=1.0, num_classes=1000, in_channels=3):
    counts = reference.DEPTHS[depth][1]
    return reference.ResNet(reference.BasicBlock, counts, num_classes, in_channels, width)


RESNET = module_exercise(
    "resnet",
    reference.resnet,
    cases=[
        Case("ResNet-18 with few channels", small(18)),
        Case("ResNet-50 with few channels", small(50)),
        Case("ResNet-34, full size", large(34)),
    ],
    mistakes=[
        first_stage_strided, no_stage_strided, max_pooling_missing, first_convolution_with_bias,
        width_ignored, basic_blocks_only,
    ],
    section="Five networks from one table",
)  # fmt: skip


@mistake("`residual=False` is ignored", "The plain twin has blocks with `shortcut=None`.")
def always_residual(right, residual=True, **options):
    return right(**options)


@mistake("`shortcut` is ignored: the shortcuts are padded", "Hand it on to every block.")
def always_padded(right, shortcut="padding", **options):
    return right(**options)


@mistake(
    "there are as many blocks as the depth has sixths",
    "Each block has two layers, and there are three stages: 6n. The other two are the first"
    " convolution and the last layer, so n = (depth - 2) / 6.",
)
def two_layers_miscounted(right, depth, **options):
    return right(depth=depth + 6, **options)


CIFAR_RESNET = module_exercise(
    "cifar_resnet",
    reference.cifar_resnet,
    cases=[
        Case("8 layers", module_inputs({"depth": 8, "width": 1 / 8}, (2, 3, 8, 8))),
        Case("8 layers, plain",
             module_inputs({"depth": 8, "width": 1 / 2, "residual": False}, (1, 3, 8, 8))),
        Case("8 layers, by projection, one grey channel",
             module_inputs({"depth": 8, "width": 1 / 8, "shortcut": "projection",
                            "in_channels": 1}, (1, 1, 12, 12))),
        Case("20 layers, full size", large(20, (1, 3, 32, 32))),
    ],
    mistakes=[always_residual, always_padded, two_layers_miscounted],
    section="More layers, better?",
)  # fmt: skip

# Numbers ------------------------------------------------------------------------------------

NUMBERS = (
    "basic_block_512", "basic_block_256_to_512", "projection_of_bottleneck",
    "two_3x3_of_1024_weights", "bottleneck_1024_weights", "bottleneck_1024", "depth_3_8_36_3",
    "resnet_110_n", "fc_of_resnet_34", "fc_of_resnet_50",
)  # fmt: skip


def residual_numbers(answers: dict) -> None:
    """Visible check of the numbers: are they all there? It does not say whether they are right."""
    check_numbers("residual_numbers", NUMBERS, answers)


# How large the first weights should be ------------------------------------------------------


def weights(*shape):
    """Inputs (weight,) of a case about a layer with weights of this shape."""
    return lambda rng: (torch.from_numpy(rng.standard_normal(shape)),)


@mistake("the variance is returned", "The standard deviation is its square root.")
def variance_returned(right, weight):
    return right(weight) ** 2


@mistake("it is Xavier's 1/fan_in", "ReLU throws half of the values away: double the variance.")
def xavier_used(right, weight):
    return right(weight) / 2**0.5


@mistake(
    "it is Xavier's standard deviation divided by two",
    "It is the *variance* that changes, and it doubles: 2/fan_in instead of 1/fan_in.",
)
def xavier_halved(right, weight):
    return right(weight) / 8**0.5


@mistake(
    "the size of the kernel is left out",
    "Each output of a convolution adds up in_channels * kH * kW products.",
)
def kernel_size_forgotten(right, weight):
    return right(weight[..., 0, 0] if weight.ndim == 4 else weight)


@mistake(
    "the outputs are counted, not the inputs",
    "fan_in: how many products each output adds up. `weight.shape[0]` counts the outputs.",
)
def outputs_counted(right, weight):
    return (2 * weight.shape[0] / weight.shape[1] / weight[0].numel()) ** 0.5 / (
        weight.shape[0] / weight.shape[1]
    )


HE_STD = Exercise(
    "he_std",
    residual.he_std,
    cases=[
        Case("64 filters of 3x3 on 64 channels", weights(64, 64, 3, 3), rtol=1e-6),
        Case("a linear layer from 8 to 3", weights(3, 8), rtol=1e-6),
        Case("5 filters of 1x1 on 2 channels", weights(5, 2, 1, 1), rtol=1e-6),
    ],
    mistakes=[
        variance_returned,
        xavier_used,
        xavier_halved,
        kernel_size_forgotten,
        outputs_counted,
    ],
    section="How large should the first weights be?",
)

EXERCISES = [
    PAD_SHORTCUT, BASIC_BLOCK, RESIDUAL_BACKWARD, BOTTLENECK, RESNET, CIFAR_RESNET, HE_STD,
]  # fmt: skip

pad_shortcut = partial(check, PAD_SHORTCUT)
BasicBlock = partial(check, BASIC_BLOCK)
residual_backward = partial(check, RESIDUAL_BACKWARD)
Bottleneck = partial(check, BOTTLENECK)
resnet = partial(check, RESNET)
cifar_resnet = partial(check, CIFAR_RESNET)
he_std = partial(check, HE_STD)
