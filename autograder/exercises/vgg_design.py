"""Hidden cases and further mistakes of `06_vgg_design`.

The exercises themselves, and the mistakes the visible checks already know, are in
`helpers.checks.vgg_design`. Networks are judged by what they compute at a small width and by their
counts at full size; designs by their properties, whatever they look like.
"""

import re
from dataclasses import replace

import torch
from torch import nn

from autograder.judge.graded import Graded, Withhold
from helpers.checks import vgg_design as visible
from helpers.checks.exercise import Case, Exercise, mistake
from helpers.checks.vgg_design import (
    convolutions,
    counts,
    dense_inputs,
    field_inputs,
    full_size,
    kernel_inputs,
    narrow,
    pattern_inputs,
    specs,
)
from helpers.counting import conv_cost
from helpers.counting import count as counted
from helpers.models import vgg

# What one output sees ------------------------------------------------------------------------


@mistake(
    "pixels are set to zero instead of raised",
    "Add 1000. A value that max pooling did not choose can become zero unnoticed.",
)
def pixels_set_to_zero(right, module, x, row, column):
    module.register_forward_pre_hook(
        lambda layer, inputs: torch.where(inputs[0] == x, inputs[0], 0.0)
    )
    return right(module, x, row, column)


@mistake("the pixels that do NOT matter are marked", "True means: the output changes.")
def complement_returned(right, module, x, row, column):
    return ~right(module, x, row, column)


@mistake("the output in the middle is looked at", "Use `row` and `column`.")
def middle_looked_at(right, module, x, row, column):
    rows, columns = module.eval()(x).shape[-2:]
    return right(module, x, rows // 2, columns // 2)


FIELD = replace(
    visible.FIELD,
    cases=[
        Case("one layer, not square, stride 2",
             field_inputs((1, 1, 5, 7), [("conv", 1, (2, 3), 2, 1)], 1, 2)),
        Case("three layers of three pixels in a row",
             field_inputs((1, 1, 1, 10), [("conv", 1, (1, 3), 1, 1)] * 3, 0, 0)),
        Case("max pooling before a layer",
             field_inputs((1, 1, 4, 8), [("pool", 2, 2), ("conv", 1, (1, 2), 1, 1)], 0, 2)),
        Case("max pooling of negative values",
             field_inputs((1, 1, 2, 6), [("pool", 2, 2)], 0, 1, shift=-9)),
        Case("an input channel that is not read", field_inputs((1, 2, 2, 6), [("blind",)], 0, 2)),
        Case("a map that sees less than the others",
             field_inputs((1, 1, 3, 6), [("narrow",)], 1, 3)),
        Case("pixels that are skipped (dilation)",
             field_inputs((1, 1, 5, 8), [("conv", 1, (2, 3), 1, 3)], 1, 0)),
        Case("batch norm",
             field_inputs((1, 2, 3, 6), [("conv", 2, 2, 1, 1), ("norm",)], 0, 3)),
    ],
    mistakes=[
        *visible.FIELD.mistakes, pixels_set_to_zero, complement_returned, middle_looked_at,
    ],
)  # fmt: skip

# Small filters -------------------------------------------------------------------------------


@mistake("there is one layer too many in the stack", "(field - 1) / 2 layers see `field` pixels.")
def one_layer_too_many(right, in_channels, channels, field):
    one, stack = right(in_channels, channels, field)
    return one, stack + 9 * channels * channels


@mistake("even fields are rounded down", "No stack of 3x3 layers sees them: raise ValueError.")
def even_fields_accepted(right, in_channels, channels, field):
    return right(in_channels, channels, field if field % 2 else field - 1)


@mistake("the large filter reads `channels` maps", "It is the first layer: it reads `in_channels`.")
def large_filter_reads_channels(right, in_channels, channels, field):
    return field * field * channels * channels, right(in_channels, channels, field)[1]


@mistake("the large filter is a row of pixels, not a square", "field * field weights a channel.")
def filter_not_squared(right, in_channels, channels, field):
    one, stack = right(in_channels, channels, field)
    return one // field, stack


@mistake("only the last layer of the stack is counted", "Add all layers up.")
def last_layer_only(right, in_channels, channels, field):
    one, stack = right(in_channels, channels, field)
    return one, min(stack, 9 * channels * (channels if field > 3 else in_channels))


FILTER_WEIGHTS = replace(
    visible.FILTER_WEIGHTS,
    cases=[
        Case("as many maps as channels, a field of 7", counts(32, 32, 7)),
        Case("a field of 5 on a colour image", counts(3, 64, 5)),
        Case("a field of 7 on a colour image", counts(3, 64, 7)),
        Case("fewer maps than channels, a field of 9", counts(12, 5, 9)),
        Case("a field of 3", counts(5, 7, 3)),
        Case("a field of 6", counts(4, 8, 6), raises=ValueError),
    ],
    mistakes=[
        *visible.FILTER_WEIGHTS.mistakes,
        one_layer_too_many,
        even_fields_accepted,
        large_filter_reads_channels,
        filter_not_squared,
        last_layer_only,
    ],
)


@mistake("the whole kernel is upside down", "Nothing is flipped: a plain sum of shifted copies.")
def result_flipped(right, first, second):
    return right(first, second).flip(-2, -1)


@mistake(
    "only channel 0 in between is used",
    "Add the products up over all channels in between.",
)
def first_channel_only(right, first, second):
    return right(first[:1], second[:, :1])


@mistake("a row and a column too many are left", "(h1 + h2 - 1), not (h1 + h2).")
def one_too_large(right, first, second):
    return torch.nn.functional.pad(right(first, second), (0, 1, 0, 1))


@mistake("rows and columns of the second kernel are exchanged", "Place (i, j) is row i, column j.")
def second_transposed(right, first, second):
    return right(first, second.transpose(-2, -1))


COMPOSE = replace(
    visible.COMPOSE,
    cases=[
        Case("two kernels on one channel", kernel_inputs((1, 1, 3, 3), (1, 1, 3, 3))),
        Case("several channels everywhere", kernel_inputs((3, 2, 3, 3), (4, 3, 3, 3))),
        Case("not square", kernel_inputs((2, 1, 1, 4), (3, 2, 2, 3))),
        Case("1x1 after 3x3", kernel_inputs((4, 2, 3, 3), (3, 4, 1, 1))),
        Case("float64 stays float64", kernel_inputs((2, 2, 2, 2), (2, 2, 3, 3)), keeps_dtype=True),
        Case("float32", kernel_inputs((2, 3, 3, 3), (2, 2, 2, 2)), "float32"),
    ],
    mistakes=[
        *visible.COMPOSE.mistakes,
        result_flipped,
        first_channel_only,
        one_too_large,
        second_transposed,
    ],
)

# VGG -----------------------------------------------------------------------------------------


def adapted(net):
    """Let the linear layers take maps of any size, as torchvision's VGG does."""
    net.flatten = nn.Sequential(nn.AdaptiveAvgPool2d(7), nn.Flatten())
    return net


@mistake("the channels are doubled after the fourth pooling, too", "The fifth stage keeps 512.")
def doubled_at_stage_5(right, configuration, **options):
    stage, entries = 1, []
    for entry in configuration:
        stage += entry == "M"
        entries.append(2 * entry if stage == 5 and isinstance(entry, int) else entry)
    return right(configuration=entries, **options)


@mistake("all stages have the channels of the first", "Take them from the configuration.")
def channels_never_doubled(right, configuration, **options):
    entries = [64 if isinstance(entry, int) else entry for entry in configuration]
    return right(configuration=entries, **options)


@mistake(
    "the ReLU between the fully connected layers is missing",
    "FC-4096, ReLU, FC-4096, ReLU, and the layer of scores.",
)
def classifier_not_activated(right, **options):
    net = right(**options)
    visible.activations_removed(net.classifier)
    return net


@mistake("the convolutions have no padding", "They keep the size: `padding=kernel_size // 2`.")
def no_padding(right, configuration, **options):
    net = adapted(right(configuration=configuration, **options))
    for layer in net.features:
        if isinstance(layer, nn.Conv2d):
            layer.padding = (0, 0)
    return net


@mistake("the last pooling is missing", 'Each of the five "M" is a pooling.')
def last_pooling_missing(right, configuration, **options):
    return adapted(right(configuration=configuration[:-1], **options))


@mistake("the windows of the poolings overlap", "2x2 windows, stride 2; AlexNet's are 3x3.")
def pools_overlap(right, **options):
    net = right(**options)
    for index, layer in enumerate(net.features):
        if isinstance(layer, nn.MaxPool2d):
            net.features[index] = nn.MaxPool2d(3, stride=2, padding=1)
    return net


@mistake(
    "the LRN follows the pooling",
    "In a configuration, what stands first comes first: LRN, then M.",
)
def lrn_after_pooling(right, configuration, **options):
    entries = list(configuration)
    for index, entry in enumerate(configuration):
        if entry == "LRN":
            entries[index : index + 2] = entries[index + 1], entry
    return right(configuration=entries, **options)


@mistake("the LRN stands before the ReLU", "Convolution, ReLU, then LRN.")
def lrn_before_relu(right, configuration, **options):
    net = right(configuration=configuration, **options)
    layers = list(net.features)
    if "LRN" in configuration:
        layers[1], layers[2] = layers[2], layers[1]
    net.features = nn.Sequential(*layers)
    return net


@mistake(
    "the LRN's alpha is five times too small",
    "torch divides alpha by the size: the paper's 1e-4 is `alpha=5e-4` there.",
)
def alpha_divided(right, **options):
    net = right(**options)
    for index, layer in enumerate(net.features):
        if type(layer).__name__ == "LocalResponseNorm":
            net.features[index] = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)
    return net


class AlwaysDropout(nn.Module):
    """Dropout as `nn.functional.dropout(x)` does it: also when nothing is trained."""

    def forward(self, x):
        return nn.functional.dropout(x)


@mistake(
    "dropout is active when nothing is trained",
    "`nn.functional.dropout(x)` always drops; `nn.Dropout()` knows the mode of the module.",
)
def dropout_active(right, **options):
    net = right(**options)
    for index, layer in enumerate(net.classifier):
        if isinstance(layer, nn.Dropout):
            net.classifier[index] = AlwaysDropout()
    return net


@mistake("there are always 1000 classes", "The last layer has `num_classes` outputs.")
def always_1000_classes(right, num_classes=1000, **options):
    return right(**options)


@mistake("one of the two hidden fully connected layers is left out", "4096, 4096, then the scores.")
def fc7_left_out(right, **options):
    net = right(**options)
    net.classifier = nn.Sequential(*list(net.classifier)[:3], net.classifier[6])
    return net


@mistake("batch norm follows the convolutions", "VGG is older than batch norm.")
def batch_norm_added(right, **options):
    net = right(**options)
    layers = []
    for layer in net.features:
        layers.append(layer)
        if isinstance(layer, nn.Conv2d):
            layers.append(nn.BatchNorm2d(layer.out_channels))
    net.features = nn.Sequential(*layers)
    return net


@mistake("the scores pass through a ReLU", "No activation follows the layer of scores.")
def scores_activated(right, **options):
    net = right(**options)
    net.classifier.append(nn.ReLU())
    return net


MAKE_VGG = replace(
    visible.MAKE_VGG,
    cases=[
        Case("A-LRN, narrow, a grey image", narrow(
            "A-LRN", (1, 1, 224, 224), num_classes=6, in_channels=1)),
        Case("C, narrow, two images", narrow("C", (2, 3, 224, 224), num_classes=3)),
        Case("B at full size", full_size("B")),
        Case("D at full size", full_size("D")),
        Case("E at full size", full_size("E")),
    ],
    mistakes=[
        *visible.MAKE_VGG.mistakes, doubled_at_stage_5, channels_never_doubled,
        classifier_not_activated, no_padding, last_pooling_missing, pools_overlap,
        lrn_after_pooling, lrn_before_relu, alpha_divided, dropout_active, always_1000_classes,
        fc7_left_out, batch_norm_added, scores_activated,
    ],
)  # fmt: skip

# Numbers -------------------------------------------------------------------------------------

with torch.device("meta"):
    _COUNT = counted(vgg.make_vgg(vgg.CONFIGURATIONS["D"]), (3, 224, 224))


def _numbers():
    rows = _COUNT.select("Conv2d", "MaxPool2d", "Linear").layers
    convs = [row for row in rows if row.type == "Conv2d"]
    linear = [row for row in rows if row.type == "Linear"]
    elements = 3 * 224 * 224 + sum(round(row.kib * 256) for row in rows)
    weights = [row.params - row.out_shape[0] for row in (*convs, *linear)]
    return {
        "first_conv_elements": round(convs[0].kib * 256),
        "all_elements": elements,
        "first_two_convs_share": sum(row.kib for row in convs[:2]) * 256 / elements,
        "fc6_weights": weights[13],
        "all_weights": sum(weights),
        "fc6_share": weights[13] / sum(weights),
        "conv2_2_macs": convs[3].macs,
        "conv5_2_macs": convs[11].macs,
        "stage2_macs": convs[2].macs + convs[3].macs,
        "all_macs": _COUNT.macs,
    }


@mistake("the biases are counted as weights", "The column leaves them out, as the lectures' does.")
def biases_as_weights(right):
    return right() | {"fc6_weights": 102_764_544, "all_weights": 138_357_544}


@mistake("additions and multiplications are counted apart", "A MAC is one of each.")
def flops_counted(right):
    keys = ("conv2_2_macs", "conv5_2_macs", "stage2_macs", "all_macs")
    return right() | {key: 2 * right()[key] for key in keys}


@mistake("the poolings are left out of the memory", "Their outputs are stored, too.")
def poolings_left_out(right):
    pools = 64 * 112**2 + 128 * 56**2 + 256 * 28**2 + 512 * (14**2 + 7**2)
    return _with_elements(right(), right()["all_elements"] - pools)


@mistake("the image is left out of the memory", "Count the input: 3 x 224 x 224.")
def image_left_out(right):
    return _with_elements(right(), right()["all_elements"] - 150_528)


@mistake("the fully connected layers are left out of the memory", "4096 + 4096 + 1000 more.")
def linear_left_out(right):
    return _with_elements(right(), right()["all_elements"] - 9_192)


@mistake("the outputs of the ReLUs are stored a second time", "They can work in place.")
def relus_stored(right):
    convs = sum(2 * 64 * 224**2 // 2**stage for stage in (0, 1))
    convs += 3 * (256 * 56**2 + 512 * 28**2 + 512 * 14**2)
    return _with_elements(right(), right()["all_elements"] + convs + 8192)


def _with_elements(numbers, elements):
    share = 2 * numbers["first_conv_elements"] / elements
    return numbers | {"all_elements": elements, "first_two_convs_share": share}


@mistake("the third stage has two convolutions", "Three: that is the slide this notebook repairs.")
def third_stage_too_short(right):
    numbers = right()
    elements = numbers["all_elements"] - 256 * 56**2
    weights = numbers["all_weights"] - 9 * 256**2
    return _with_elements(numbers, elements) | {
        "all_weights": weights, "fc6_share": numbers["fc6_weights"] / weights,
        "all_macs": numbers["all_macs"] - conv_cost(256, 256, 3, 56, padding=1).macs,
    }  # fmt: skip


@mistake("the fully connected layers' MACs are left out", "They multiply, too: a MAC per weight.")
def linear_macs_left_out(right):
    fc = 25_088 * 4096 + 4096 * 4096 + 4096 * 1000
    return right() | {"all_macs": right()["all_macs"] - fc}


@mistake("the shares are in percent", "A share, from 0 to 1.")
def shares_in_percent(right):
    keys = ("first_two_convs_share", "fc6_share")
    return right() | {key: 100 * right()[key] for key in keys}


@mistake("the first layer of a stage reads as many channels as it writes", "conv2_1 reads 64 maps.")
def first_layers_too_wide(right):
    layer = right()["conv2_2_macs"]
    return right() | {"stage2_macs": 2 * layer}


NUMBERS = Exercise(
    "vgg_numbers",
    _numbers,
    cases=[Case("the numbers of VGG-16", lambda rng: (), rtol=2e-3)],
    mistakes=[
        biases_as_weights, flops_counted, poolings_left_out, image_left_out, linear_left_out,
        relus_stored, third_stage_too_short, linear_macs_left_out, shares_in_percent,
        first_layers_too_wide,
    ],
    parts=visible.NUMBERS,
    section="Where the cost sits",
)  # fmt: skip

# Answers that are tried out ------------------------------------------------------------------

SLIDE_CONFIGURATION = replace(
    visible.SLIDE_CONFIGURATION,
    reference=lambda name: [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, 512, "M",
                            512, 512, 512, "M"],
)  # fmt: skip
MY_DESIGN = replace(
    visible.MY_DESIGN,
    reference=lambda rule: [8, "M", 16, 16, "M", 32, 32, "M", 64, (32, 1), 64, (32, 1), 128],
)

# Dense evaluation ----------------------------------------------------------------------------


@mistake("the kernels are transposed", "Rows stay rows: `weight.reshape(out, C, 7, 7)`.")
def kernels_transposed(right, vgg):
    dense = right(vgg)
    first = convolutions(dense)[-3]
    with torch.no_grad():
        first.weight.copy_(first.weight.transpose(-2, -1).clone())
    return dense


@mistake("the kernels are upside down", "Copy the weights as they are; torch does not flip.")
def kernels_flipped(right, vgg):
    dense = right(vgg)
    first = convolutions(dense)[-3]
    with torch.no_grad():
        first.weight.copy_(first.weight.flip(-2, -1))
    return dense


@mistake("a softmax is applied to the map", "Return the scores as they are.")
def softmax_on_the_map(right, vgg):
    return torch.nn.Sequential(right(vgg), torch.nn.Softmax(dim=1))


@mistake(
    "the linear layers of `vgg` are changed in place",
    "Make new layers and leave the network that came in as it is.",
)
def vgg_changed(right, vgg):
    dense = right(vgg)
    with torch.no_grad():
        vgg.classifier[0].weight.zero_()
    return dense


@mistake("the layer of scores is missing", "Convert all three linear layers.")
def score_layer_missing(right, vgg):
    dense = right(vgg)
    last = convolutions(dense)[-1]
    last.forward = lambda x: x
    for name in ("weight", "bias"):
        delattr(last, name)
    return dense


FC_TO_CONV = replace(
    visible.FC_TO_CONV,
    cases=[
        Case("maps of 3x3", dense_inputs(2, 3, 3, 4, (2, 1))),
        Case("maps of 4x4", dense_inputs(1, 4, 3, 2, (1, 0))),
        Case("maps of 2x2, many classes", dense_inputs(3, 2, 2, 7, (1, 3))),
        Case("maps of a single pixel", dense_inputs(5, 1, 4, 3, (2, 2))),
    ],
    mistakes=[
        *visible.FC_TO_CONV.mistakes,
        kernels_transposed,
        kernels_flipped,
        softmax_on_the_map,
        vgg_changed,
        score_layer_missing,
    ],
)

# The pattern ---------------------------------------------------------------------------------


@mistake("the poolings are left out", "POOL is a layer like the others.")
def poolings_dropped(right, spec):
    return [word for word in right(spec) if word != "POOL"]


@mistake("the last layer is left out", "The layer of scores belongs to the network.")
def last_layer_left_out(right, spec):
    return right(spec)[:-1]


@mistake("the layers come in reverse order", "From the input on.")
def layers_reversed(right, spec):
    return right(spec)[::-1]


@mistake("a CONV may follow an FC", "After FC there are no maps: raise ValueError.")
def conv_after_fc_accepted(right, spec):
    words = right(spec.replace("FC", "RELU"))
    if len(words) == len(re.findall("[A-Z]+", spec)):
        return re.findall("[A-Z]+", spec)
    return right(spec)


@mistake("`*0` counts as once", "`(FC-RELU)*0` is nothing at all.")
def zero_times_is_once(right, spec):
    return right(re.sub(r"\*0", "*1", spec))


PARSE_PATTERN = replace(
    visible.PARSE_PATTERN,
    cases=[
        Case("a plain list", specs("CONV-RELU-CONV-POOL-FC-SOFTMAX")),
        Case("a bracket in a bracket", specs("[(CONV-RELU)*3-POOL]*2-FC")),
        Case("three deep", specs("[[(CONV)*2-RELU]*2-POOL]*2-(FC-RELU)*2-FC")),
        Case("a repeated word, and blanks", specs("CONV*2 - RELU - POOL - (FC-RELU)*1 - FC")),
        Case("a repeat of zero", specs("[CONV-RELU-POOL]*2-(FC-RELU)*0-FC")),
        Case("a bracket without its partner", specs("[CONV-RELU)-POOL"), raises=ValueError),
        Case("a letter in place of a number", specs("(CONV-RELU)*N-FC"), raises=ValueError),
        Case("a pooling with a question mark", specs("CONV-POOL?-FC"), raises=ValueError),
        Case("nothing between two dashes", specs("CONV--RELU"), raises=ValueError),
        Case("a CONV after an FC", specs("CONV-FC-CONV"), raises=ValueError),
    ],
    mistakes=[
        *visible.PARSE_PATTERN.mistakes,
        poolings_dropped,
        last_layer_left_out,
        layers_reversed,
        conv_after_fc_accepted,
        zero_times_is_once,
    ],
)


@mistake("the windows of POOL overlap", "2x2, stride 2.")
def pattern_pools_overlap(right, **options):
    layers = [
        nn.MaxPool2d(3, 2, padding=1 - options["size"] % 2) if isinstance(m, nn.MaxPool2d) else m
        for m in right(**options)
    ]
    return nn.Sequential(*layers)


@mistake("the softmax is left out", "If the pattern says SOFTMAX, it is a layer.")
def softmax_left_out(right, spec, **options):
    return right(spec=spec.replace("-SOFTMAX", ""), **options)


@mistake("a softmax is always added", "Only if the pattern says SOFTMAX.")
def softmax_always(right, spec, **options):
    return right(spec=spec.removesuffix("-SOFTMAX") + "-SOFTMAX", **options)


@mistake("CONV is 5x5", "3x3 with padding 1.")
def kernels_of_5(right, **options):
    layers = [
        nn.Conv2d(m.in_channels, m.out_channels, 5, padding=2) if isinstance(m, nn.Conv2d) else m
        for m in right(**options)
    ]
    return nn.Sequential(*layers)


@mistake("the wrong number of widths is accepted", "Raise ValueError when they do not fit.")
def any_number_of_widths(right, widths, **options):
    try:
        return right(widths=widths, **options)
    except ValueError:
        return right(widths=[*widths, 1], **options)


BUILD_FROM_PATTERN = replace(
    visible.BUILD_FROM_PATTERN,
    cases=[
        Case("two stages", pattern_inputs(
            "[(CONV-RELU)*2-POOL]*2-(FC-RELU)*1-FC", [3, 4, 5, 6, 7, 4], 3, 8)),
        Case("no hidden FC, an odd size", pattern_inputs(
            "[CONV-RELU-POOL]*2-FC", [4, 3, 5], 1, 11)),
        Case("no pooling, and a softmax", pattern_inputs(
            "(CONV-RELU)*2-FC-RELU-FC-SOFTMAX", [2, 3, 6, 4], 2, 5, 2)),
        Case("a width too few", pattern_inputs("CONV-RELU-FC-RELU-FC", [4, 5], 1, 4),
             raises=ValueError),
    ],
    mistakes=[
        *visible.BUILD_FROM_PATTERN.mistakes, pattern_pools_overlap, softmax_left_out,
        softmax_always, kernels_of_5, any_number_of_widths,
    ],
)  # fmt: skip

# ---------------------------------------------------------------------------------------------

_STACKS = Withhold(modules=("helpers.stacks",))
_VGG = Withhold(
    functions=("helpers.models.vgg.make_vgg", "helpers.models.vgg.fc_to_conv"),
    modules=("helpers.models", "torchvision.models"),
)
_COUNTING = Withhold(functions=("helpers.counting.conv_cost",), modules=("helpers.counting",))

RIGHT_PARSE_PATTERN = """
def parse_pattern(spec):
    import re

    tokens = re.findall(r"[A-Za-z]+|[0-9]+|[^ ]", spec)

    def sequence():
        words = item()
        while tokens[:1] == ["-"]:
            tokens.pop(0)
            words = words + item()
        return words

    def item():
        token = tokens.pop(0) if tokens else ""
        words = [token]
        if token in ("(", "["):
            words = sequence()
            if not tokens or token + tokens.pop(0) not in ("()", "[]"):
                raise ValueError("a bracket has no partner")
        elif token not in ("CONV", "RELU", "POOL", "FC", "SOFTMAX"):
            raise ValueError("no layer")
        if tokens[:1] == ["*"]:
            words = words * int(tokens[1])
            del tokens[:2]
        return words

    words = sequence()
    if tokens or not words:
        raise ValueError("not a pattern")
    return words
"""

EXERCISES = {
    graded.exercise.name: graded
    for graded in (
        Graded(FIELD, _STACKS),
        Graded(FILTER_WEIGHTS, _STACKS | _COUNTING),
        Graded(COMPOSE, _STACKS),
        Graded(MAKE_VGG, _VGG, kind="module"),
        Graded(NUMBERS, kind="value"),
        Graded(SLIDE_CONFIGURATION, kind="value"),
        Graded(FC_TO_CONV, _VGG),
        Graded(MY_DESIGN, kind="value"),
        Graded(PARSE_PATTERN, _VGG),
        Graded(
            BUILD_FROM_PATTERN,
            _VGG,
            kind="module",
            needs={"parse_pattern": RIGHT_PARSE_PATTERN},
        ),
    )
}
