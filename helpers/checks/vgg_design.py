"""Visible checks of the sixth notebook, and the mistakes they know by name."""

import itertools
import re
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from helpers import stacks
from helpers.checks import check, check_numbers, check_value
from helpers.checks.exercise import Case, Exercise, Problem, mistake, module_exercise
from helpers.checks.lenet import module_inputs
from helpers.counting import conv_cost, receptive_field
from helpers.models import pattern, vgg

# What one output sees ------------------------------------------------------------------------


def field_inputs(shape, layers, row, column, shift=0.0):
    """Inputs (x, layers, row, column, seed) of a case for :func:`ask_field`."""
    return lambda rng: (
        torch.from_numpy(rng.standard_normal(shape)) + shift,
        layers,
        row,
        column,
        int(rng.integers(1 << 30)),
    )


def ask_field(receptive_field_by_perturbation, x, layers, row, column, seed):
    """Build a stack with positive weights and have its receptive field found.

    layers: ("conv", out_channels, kernel_size, stride, dilation), ("pool", kernel_size, stride),
    ("norm",), ("blind",) and ("narrow",). A blind layer does not read its first channel; a narrow
    one sees less in its first map than in the others.
    """
    generator = torch.Generator().manual_seed(seed)
    parts, channels = [], x.shape[1]
    for kind, *numbers in layers:
        if kind == "pool":
            parts.append(torch.nn.MaxPool2d(*numbers))
            continue
        if kind == "norm":
            parts.append(torch.nn.BatchNorm2d(channels))
            continue
        if kind == "conv":
            out_channels, kernel_size, stride, dilation = numbers
        else:
            out_channels, kernel_size, stride, dilation = 2, (1, 3), 1, 1
        conv = torch.nn.Conv2d(
            channels, out_channels, kernel_size, stride, dilation=dilation, bias=False
        )
        weights = torch.rand(conv.weight.shape, generator=generator, dtype=torch.float64) + 0.2
        if kind == "blind":
            weights[:, 0] = 0
        if kind == "narrow":
            weights[0, :, :, ::2] = 0
        with torch.no_grad():
            conv.weight.copy_(weights)
        parts.append(conv)
        channels = out_channels
    module = torch.nn.Sequential(*parts).to(x.dtype).train()
    seen = receptive_field_by_perturbation(module, x, row, column)
    if seen is None:
        return None
    return torch.as_tensor(seen).to(x.dtype)


@mistake(
    "a pixel that was changed is not put back",
    "Change a fresh copy, `x.clone()`, for each pixel.",
)
def pixels_not_put_back(right, module, x, row, column):
    seen = right(module, x, row, column)
    return seen.flatten().int().cummax(0).values.bool().reshape(seen.shape)


@mistake(
    "the whole output is compared, not one place of it",
    "Compare `module(...)[..., row, column]` before and after.",
)
def whole_output_compared(right, module, x, row, column):
    rows, columns = module.eval()(x).shape[-2:]
    places = [(r, c) for r in range(rows) for c in range(columns)]
    return torch.stack([right(module, x, r, c) for r, c in places]).any(dim=0)


@mistake("row and column are exchanged", "Rows come first: `[..., row, column]`.")
def row_and_column_exchanged(right, module, x, row, column):
    return right(module, x, column, row)


@mistake(
    "the change is so small, like a derivative, that max pooling hides it",
    "Add 1000: a small change of a value that is not the largest of its window is invisible.",
)
def change_too_small(right, module, x, row, column):
    return right(module, x, row, column, 1e-9)


@mistake(
    "only the first channel of a pixel is changed",
    "Change all channels of the pixel: `changed[..., i, j] += 1000`.",
)
def first_channel_changed(right, module, x, row, column):
    first = torch.zeros_like(x)
    first[:, 0] = 1
    module.register_forward_pre_hook(lambda layer, inputs: x + (inputs[0] - x) * first)
    return right(module, x, row, column)


@mistake(
    "the smallest box around the pixels is returned",
    "Return the pixels themselves: with holes, if there are holes.",
)
def box_returned(right, module, x, row, column):
    seen = right(module, x, row, column)
    rows, columns = seen.any(dim=1).nonzero().flatten(), seen.any(dim=0).nonzero().flatten()
    box = torch.zeros_like(seen)
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box


@mistake("only the first output channel is compared", "Compare all channels: `[..., row, column]`.")
def first_output_channel_compared(right, module, x, row, column):
    module.register_forward_hook(lambda layer, inputs, output: output[:, :1])
    return right(module, x, row, column)


@mistake(
    "the module stays in training mode",
    "`module.eval()`: in training mode, batch norm lets every pixel influence every output.",
)
def training_mode_kept(right, module, x, row, column):
    module.eval = lambda: module
    return right(module, x, row, column)


FIELD = Exercise(
    "receptive_field_by_perturbation",
    stacks.receptive_field_by_perturbation,
    cases=[
        Case("one 3x3 layer", field_inputs((1, 1, 5, 6), [("conv", 1, 3, 1, 1)], 1, 2)),
        Case("two layers of three pixels in a row",
             field_inputs((1, 2, 1, 8), [("conv", 2, (1, 3), 1, 1)] * 2, 0, 1)),
        Case("max pooling after a layer",
             field_inputs((1, 1, 4, 6), [("conv", 1, (1, 3), 1, 1), ("pool", 2, 2)], 1, 0)),
        Case("two input channels, the first of which is not read",
             field_inputs((1, 2, 3, 5), [("blind",)], 2, 1)),
        Case("pixels that are skipped (dilation)",
             field_inputs((1, 1, 6, 6), [("conv", 1, 3, 1, 2)], 0, 1)),
        Case("two output channels, the first of which sees less",
             field_inputs((1, 1, 3, 7), [("narrow",)], 2, 1)),
        Case("batch norm after a layer",
             field_inputs((1, 2, 4, 5), [("conv", 2, 2, 1, 1), ("norm",)], 1, 2)),
    ],
    mistakes=[
        pixels_not_put_back, whole_output_compared, row_and_column_exchanged, change_too_small,
        first_channel_changed, box_returned, first_output_channel_compared, training_mode_kept,
    ],
    section="What one output sees",
    ask=ask_field,
)  # fmt: skip

# Small filters -------------------------------------------------------------------------------


def counts(*numbers):
    return lambda rng: numbers


@mistake(
    "every layer of the stack reads the input's channels",
    "The second layer reads what the first one wrote: `channels` maps, not `in_channels`.",
)
def all_layers_read_the_input(right, in_channels, channels, field):
    one, _ = right(in_channels, channels, field)
    return one, (field - 1) // 2 * 9 * in_channels * channels


@mistake("the biases are counted", "Weights only, as the lectures compare them here.")
def biases_counted(right, in_channels, channels, field):
    one, stack = right(in_channels, channels, field)
    return one + channels, stack + (field - 1) // 2 * channels


@mistake(
    "the first layer reads `channels` maps already",
    "Only the later ones do: the first layer reads `in_channels`.",
)
def first_layer_reads_channels(right, in_channels, channels, field):
    return right(in_channels, channels, field)[0], right(channels, channels, field)[1]


@mistake(
    "a stack of n layers is taken to see 3n pixels",
    "The windows overlap: each layer adds two pixels, not three.",
)
def layers_see_three_more(right, in_channels, channels, field):
    one, _ = right(in_channels, channels, field)
    layers = -(-field // 3)
    return one, 9 * in_channels * channels + (layers - 1) * 9 * channels * channels


@mistake("the two results are exchanged", "Return the single layer first.")
def results_exchanged(right, in_channels, channels, field):
    return right(in_channels, channels, field)[::-1]


FILTER_WEIGHTS = Exercise(
    "filter_weights",
    stacks.filter_weights,
    cases=[
        Case("16 maps from 16, a field of 5", counts(16, 16, 5)),
        Case("8 maps from 3, a field of 7", counts(3, 8, 7)),
        Case("a field of 3: no stack at all", counts(4, 6, 3)),
        Case("a field of 4", counts(4, 4, 4), raises=ValueError),
    ],
    mistakes=[
        all_layers_read_the_input, biases_counted, first_layer_reads_channels,
        layers_see_three_more, results_exchanged,
    ],
    parts=("one", "stack"),
    section="One large filter, or several small ones",
)  # fmt: skip


def kernel_inputs(first, second):
    """Inputs (first, second), two kernels of these shapes."""
    return lambda rng: tuple(torch.from_numpy(rng.standard_normal(s)) for s in (first, second))


@mistake(
    "the second kernel is read upside down",
    "Its weight at (i, j) puts the copy at (i, j): nothing is flipped.",
)
def second_flipped(right, first, second):
    return right(first, second.flip(-2, -1))


@mistake(
    "copies that overlap replace each other",
    "Add each copy to what is there: `+=`.",
)
def copies_replace_each_other(right, first, second):
    out = torch.zeros_like(right(first, second))
    for i in range(second.shape[2]):
        for j in range(second.shape[3]):
            one = torch.zeros_like(second)
            one[:, :, i, j] = second[:, :, i, j]
            rows, columns = slice(i, i + first.shape[2]), slice(j, j + first.shape[3])
            out[:, :, rows, columns] = right(first, one)[:, :, rows, columns]
    return out


@mistake(
    "the result is cut to the size of the first kernel",
    "Two 3x3 kernels see 5x5 pixels: (h1 + h2 - 1) rows.",
)
def result_cut(right, first, second):
    (h1, w1), (h2, w2) = first.shape[2:], second.shape[2:]
    top, left = (h2 - 1) // 2, (w2 - 1) // 2
    return right(first, second)[:, :, top : top + h1, left : left + w1]


@mistake(
    "input and output channels are exchanged",
    "The shape is (C2, C0, ...): outputs of the second, inputs of the first.",
)
def channels_exchanged(right, first, second):
    return right(first, second).transpose(0, 1)


@mistake(
    "the channels in between are summed before they are multiplied",
    "For each channel in between one product; then add the products up.",
)
def channels_summed_first(right, first, second):
    return right(first.sum(0, keepdim=True), second.sum(1, keepdim=True))


@mistake(
    "the first kernel is read upside down",
    "Each copy is `first` as it is, scaled: nothing is flipped.",
)
def first_flipped(right, first, second):
    return right(first.flip(-2, -1), second)


@mistake(
    "row and column of the place are exchanged",
    "Copy (i, j) starts at row i and column j: `[:, :, i : i + h1, j : j + w1]`.",
)
def places_exchanged(right, first, second):
    (h1, w1), (h2, w2) = first.shape[2:], second.shape[2:]
    out = torch.zeros_like(right(first, second))
    for i in range(h2):
        for j in range(w2):
            copy = right(first, second[:, :, i : i + 1, j : j + 1])
            out[:, :, j : j + h1, i : i + w1] += copy
    return out


COMPOSE = Exercise(
    "compose_kernels",
    stacks.compose_kernels,
    cases=[
        Case("two 3x3 kernels, one channel", kernel_inputs((1, 1, 3, 3), (1, 1, 3, 3))),
        Case("three channels in between", kernel_inputs((3, 1, 3, 3), (1, 3, 3, 3))),
        Case("from two channels to four", kernel_inputs((3, 2, 3, 3), (4, 3, 3, 3))),
        Case("2x3 after 3x1", kernel_inputs((2, 2, 3, 1), (2, 2, 2, 3))),
    ],
    mistakes=[
        first_flipped, second_flipped, places_exchanged, copies_replace_each_other, result_cut,
        channels_exchanged, channels_summed_first,
    ],
    section="What the activations are for",
)  # fmt: skip

# VGG -----------------------------------------------------------------------------------------

NARROW = 1 / 32  # of the paper's width: it runs in a moment


def narrow(name, shape=(1, 3, 224, 224), **options):
    """Inputs of a case in which a narrow network is run."""
    return module_inputs(
        {"configuration": vgg.CONFIGURATIONS[name], "width": NARROW, **options}, shape
    )


def full_size(name):
    """Inputs of a case in which the network of the paper is counted, and nothing computed."""
    options = {"configuration": vgg.CONFIGURATIONS[name]}
    return lambda rng: (options, (1, 3, 224, 224), None)


def activations_removed(part):
    for index, layer in enumerate(part):
        if isinstance(layer, nn.ReLU):
            part[index] = nn.Identity()


@mistake("the ReLU after the convolutions is missing", "A ReLU follows each convolution.")
def convolutions_not_activated(right, **options):
    net = right(**options)
    activations_removed(net.features)
    return net


@mistake(
    "the 1x1 convolutions are built as 3x3",
    "An entry `(channels, 1)` is a 1x1 convolution, without padding.",
)
def pointwise_as_3x3(right, configuration, **options):
    entries = [entry[0] if isinstance(entry, tuple) else entry for entry in configuration]
    return right(configuration=entries, **options)


@mistake("the LRN is left out", 'An entry "LRN" is a layer, too.')
def lrn_left_out(right, configuration, **options):
    return right(configuration=[entry for entry in configuration if entry != "LRN"], **options)


@mistake(
    "`width` does not reach the fully connected layers",
    "It multiplies the 4096 units as well: `int(width * 4096)`.",
)
def width_ignored_at_the_end(right, width=1.0, **options):
    net = right(width=width, **options)
    old = [layer for layer in net.classifier if isinstance(layer, nn.Linear)]
    net.classifier[0] = nn.Linear(old[0].in_features, 4096)
    net.classifier[3] = nn.Linear(4096, 4096)
    net.classifier[6] = nn.Linear(4096, old[2].out_features)
    return net


@mistake("the convolutions have no biases", "`nn.Conv2d` has a bias unless told otherwise.")
def convolutions_without_bias(right, **options):
    net = right(**options)
    for layer in net.features:
        if isinstance(layer, nn.Conv2d):
            layer.register_parameter("bias", None)
    return net


@mistake("average pooling is used", 'An entry "M" is max pooling.')
def averages_pooled(right, **options):
    net = right(**options)
    for index, layer in enumerate(net.features):
        if isinstance(layer, nn.MaxPool2d):
            net.features[index] = nn.AvgPool2d(2)
    return net


@mistake(
    "a softmax stands at the end",
    "Return the scores as they are: the loss contains the softmax.",
)
def softmax_at_the_end(right, **options):
    net = right(**options)
    net.classifier.append(nn.Softmax(dim=1))
    return net


MAKE_VGG = replace(
    module_exercise(
        "make_vgg",
        vgg.make_vgg,
        cases=[
            Case("A, narrow", narrow("A", num_classes=7)),
            Case("A-LRN, narrow, two grey images",
                 narrow("A-LRN", (2, 1, 224, 224), num_classes=5, in_channels=1)),
            Case("C, narrow", narrow("C", num_classes=4)),
            Case("D as published: 138,357,544 parameters", full_size("D")),
        ],
        mistakes=[
            convolutions_not_activated, pointwise_as_3x3, lrn_left_out, width_ignored_at_the_end,
            convolutions_without_bias, averages_pooled, softmax_at_the_end,
        ],
        section="VGG is a table",
    ),
    alternatives=None,  # no layers stand side by side, so that none can take another's weights
)  # fmt: skip

# Where the cost sits -------------------------------------------------------------------------

NUMBERS = (
    "first_conv_elements", "all_elements", "first_two_convs_share", "fc6_weights", "all_weights",
    "fc6_share", "conv2_2_macs", "conv5_2_macs", "stage2_macs", "all_macs",
)  # fmt: skip
vgg_numbers = partial(check_numbers, "vgg_numbers", NUMBERS)

SLIDE = {
    "all convolutions and FC": ("G MACs", 13.62),
    "outputs of all convolutions": ("MiB", 48.62),
    "outputs of the convolutions down to 28x28": ("MiB", 42.875),
    "parameters down to 28x28": ("", 1_145_408),
    "MACs down to 28x28": ("M MACs", 7485),
}


def layers_of(configuration, size, channels=3):
    """The layers of a configuration on square images, each with its kernel size and its cost.

    configuration: a number for a 3x3 convolution with so many filters, (number, kernel size) for
    another one, "M" for 2x2 max pooling; stride 1, size kept. Raises ValueError, in a sentence, for
    anything else. Returns [(kernel size, cost)], the kernel size "M" for a pooling.
    """
    layers = []
    for entry in configuration:
        if entry == "M":
            size //= 2
            if size < 1:
                raise ValueError("there are so many poolings that nothing is left of the image")
            layers.append(("M", pooled(channels, size)))
            continue
        filters, kernel_size = (entry, 3) if isinstance(entry, int) else _pair(entry)
        whole = all(isinstance(n, int) and n > 0 for n in (filters, kernel_size))
        if not whole or kernel_size % 2 == 0 or filters > 1 << 16 or kernel_size > 99:
            raise ValueError(f"there is no convolution like {entry!r}")
        cost = conv_cost(channels, filters, kernel_size, size, padding=kernel_size // 2)
        layers.append((kernel_size, cost))
        channels = filters
    return layers


def pooled(channels, size):
    """Cost of a pooling that gives maps of this size: no parameters, no MACs."""
    weightless = conv_cost(1, channels, 1, size, bias=False)
    return replace(weightless, params=0, macs=0)


def _pair(entry):
    if not isinstance(entry, tuple | list) or len(entry) != 2:
        raise ValueError(f"{entry!r} is no entry: write 64, (64, 1) or 'M'")
    return entry


def slide_numbers(configuration, size=224, hidden=(4096, 4096, 1000)):
    """The five numbers of the slides, by their names in SLIDE, of a VGG with this configuration."""
    layers = layers_of(configuration, size)
    convs = [(k, cost) for k, cost in layers if k != "M"]
    early = [cost for k, cost in convs if cost.out_shape[1] > size // 8]
    channels, side, _ = layers[-1][1].out_shape
    units = [channels * side * side, *hidden]
    fc = sum(a * b for a, b in itertools.pairwise(units))
    found = (
        (sum(cost.macs for _, cost in convs) + fc) / 1e9,
        sum(cost.kib for _, cost in convs) / 1024,
        sum(cost.kib for cost in early) / 1024,
        sum(cost.params for cost in early),
        sum(cost.macs for cost in early) / 1e6,
    )
    return dict(zip(SLIDE, found, strict=True))


def measure_slide(configuration, name):
    """Whether a configuration has one of the slides' numbers; in words if it has not."""
    unit, printed = SLIDE[name]
    try:
        entries = [entry for entry in _entries(configuration) if entry != "LRN"]
        found = slide_numbers(entries)[name]
    except ValueError as error:
        return {"": Problem("unusable", str(error))}, []
    has = f"this network has {_rounded(found)} {unit}".rstrip()
    close = abs(found - printed) <= (0.005 if printed < 100 else 0.5)
    return {"": None if close else Problem("values", has)}, [has] if close else []


def _rounded(number):
    return f"{number:,.2f}" if number < 100 else f"{number:,.0f}"


def _entries(configuration):
    """The entries of what was sent in. Raises ValueError if it is no list of some."""
    if not isinstance(configuration, list | tuple) or not configuration:
        raise ValueError("it should be a list like those in CONFIGURATIONS")
    return list(configuration)


SLIDE_CONFIGURATION = Exercise(
    "slide_configuration",
    None,
    cases=[
        Case(f"{name}: {f'{printed:,} {unit}'.rstrip()}", counts(name))
        for name, (unit, printed) in SLIDE.items()
    ],
    parts=("",),
    section="Repair the slide",
    measure=measure_slide,
)

# Dense evaluation ----------------------------------------------------------------------------


def dense_inputs(channels, side, hidden, num_classes, more=(1, 2)):
    """Inputs (x, larger, sizes, seed): images as large as the network expects, and larger ones."""

    def make(rng):
        size = 2 * side
        shapes = (2, 1, size, size), (1, 1, size + 2 * more[0], size + 2 * more[1])
        x, larger = (torch.from_numpy(rng.standard_normal(shape)) for shape in shapes)
        return x, larger, (channels, side, hidden, num_classes), int(rng.integers(1 << 30))

    return make


def ask_dense(fc_to_conv, x, larger, sizes, seed):
    """Have a small network of VGG's kind turned into convolutions; what the result gives.

    sizes: maps before the linear layers, their height and width, hidden units, classes.
    """
    channels, side, hidden, num_classes = sizes

    class SmallVGG(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.features = torch.nn.Sequential(
                torch.nn.Conv2d(x.shape[1], channels, 1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)
            )
            self.classifier = torch.nn.Sequential(
                torch.nn.Linear(channels * side * side, hidden), torch.nn.ReLU(),
                torch.nn.Dropout(), torch.nn.Linear(hidden, hidden), torch.nn.ReLU(),
                torch.nn.Dropout(), torch.nn.Linear(hidden, num_classes),
            )  # fmt: skip

        def forward(self, images):
            return self.classifier(self.features(images).flatten(1))

    vgg, generator = SmallVGG().to(x.dtype).eval(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in vgg.parameters():
            values = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(values)
    before = vgg(x)
    dense = fc_to_conv(vgg)
    if dense is None:
        return None
    dense.eval()
    with torch.no_grad():
        return {
            "same size": dense(x).flatten(1),
            "larger": dense(larger),
            "params": sum(p.numel() for p in dense.parameters()),
            "vgg as before": torch.equal(vgg(x), before),
        }


def convolutions(module):
    """The convolutions of a module, in order."""
    return [layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d)]


@mistake(
    "the rows of the first linear layer are read channels last",
    "`flatten` reads channel by channel: give the weight the shape `(out, C, size, size)`, with"
    " the size computed from `in_features`.",
)
def channels_last(right, vgg):
    dense = right(vgg)
    first = convolutions(dense)[-3]
    out, channels, height, width = first.weight.shape
    with torch.no_grad():
        rows = first.weight.reshape(out, height, width, channels)
        first.weight.copy_(rows.permute(0, 3, 1, 2).clone())
    return dense


@mistake("the biases are those of a new layer", "Copy the biases as well as the weights.")
def biases_not_copied(right, vgg):
    dense = right(vgg)
    with torch.no_grad():
        for layer in convolutions(dense)[-3:]:
            layer.bias.zero_()
    return dense


@mistake(
    "the activations between the linear layers are gone",
    "Replace the linear layers, and keep what stands between them.",
)
def activations_gone(right, vgg):
    dense = right(vgg)
    layers = [layer for layer in dense.modules() if isinstance(layer, torch.nn.ReLU)]
    for layer in layers[-2:]:
        layer.forward = lambda x: x
    return dense


@mistake(
    "the scores are averaged over the map already",
    "Return the map; whoever uses the network averages, if at all.",
)
def scores_averaged(right, vgg):
    return torch.nn.Sequential(right(vgg), torch.nn.AdaptiveAvgPool2d(1))


@mistake(
    "the maps are pooled to the expected size first",
    "Leave that out: the first convolution slides over maps of any size.",
)
def maps_pooled_first(right, vgg):
    dense = right(vgg)
    first = convolutions(dense)[-3]
    pool = torch.nn.AdaptiveAvgPool2d(first.kernel_size)
    first.register_forward_pre_hook(lambda layer, inputs: pool(inputs[0]))
    return dense


@mistake(
    "the first convolution is padded",
    "No padding: on maps of the expected size it has one place.",
)
def first_convolution_padded(right, vgg):
    dense = right(vgg)
    first = convolutions(dense)[-3]
    first.padding = tuple(size // 2 for size in first.kernel_size)
    return dense


FC_TO_CONV = Exercise(
    "fc_to_conv",
    vgg.fc_to_conv,
    cases=[
        Case("maps of 3x3 before the linear layers", dense_inputs(2, 3, 4, 3)),
        Case("maps of 2x2", dense_inputs(3, 2, 5, 4, (2, 1))),
        Case("maps of a single pixel", dense_inputs(4, 1, 3, 2)),
    ],
    mistakes=[
        channels_last, biases_not_copied, activations_gone, scores_averaged, maps_pooled_first,
        first_convolution_padded,
    ],
    parts=("same size", "larger", "params", "vgg as before"),
    section="From one answer to a map of answers",
    ask=ask_dense,
    normwise=True,
)  # fmt: skip

# A design under a budget ---------------------------------------------------------------------

IMAGE = (3, 64, 64)
LEAST_FIELD, LEAST_CONVS, MAP = 64, 8, (128, 8, 8)
MOST_PARAMS, MOST_MACS, MOST_KIB = 100_000, 15_000_000, 512
RULES = {
    "output": "the last map is 128x8x8",
    "field": f"one output sees at least {LEAST_FIELD} pixels",
    "depth": f"at least {LEAST_CONVS} convolutions",
    "params": f"at most {MOST_PARAMS:,} parameters",
    "MACs": f"at most {MOST_MACS:,} MACs",
    "memory": f"at most {MOST_KIB} KiB for the maps",
}


def design_numbers(configuration):
    """What a design has, by rule: shape of the output, field, convolutions, params, MACs, KiB."""
    layers = layers_of(_entries(configuration), IMAGE[1], IMAGE[0])
    return {
        "output": layers[-1][1].out_shape,
        "field": receptive_field([(2, 2) if k == "M" else (k, 1) for k, _ in layers]),
        "depth": sum(k != "M" for k, _ in layers),
        "params": sum(cost.params for _, cost in layers),
        "MACs": sum(cost.macs for _, cost in layers),
        "memory": sum(cost.kib for _, cost in layers),
    }


def measure_design(configuration, rule):
    """Whether a design keeps one rule, in words. A budget counts once the last map is right."""
    try:
        has = design_numbers(configuration)
    except ValueError as error:
        return {"": Problem("unusable", str(error))}, []
    kept = {
        "output": has["output"] == MAP,
        "field": has["field"] >= LEAST_FIELD,
        "depth": has["depth"] >= LEAST_CONVS,
        "params": has["params"] <= MOST_PARAMS,
        "MACs": has["MACs"] <= MOST_MACS,
        "memory": has["memory"] <= MOST_KIB,
    }
    shown = f"here {_sizes(has[rule]) if rule == 'output' else f'{has[rule]:,.0f}'}"
    if not kept[rule]:
        return {"": Problem("values", shown)}, []
    if rule in ("params", "MACs", "memory") and not kept["output"]:
        return {"": Problem("values", "it counts once the last map has its shape")}, []
    return {"": None}, [shown]


def _sizes(shape):
    return "x".join(map(str, shape))


MY_DESIGN = Exercise(
    "my_design",
    None,
    cases=[Case(words, counts(rule)) for rule, words in RULES.items()],
    parts=("",),
    section="Your own design",
    measure=measure_design,
)

# The pattern ---------------------------------------------------------------------------------


def specs(text):
    return lambda rng: (text,)


@mistake("nothing is repeated", "`*2` means: what stands before it, twice.")
def nothing_repeated(right, spec):
    return right(re.sub(r"\*\d+", "", spec))


@mistake("everything is repeated once too often", "`X*2` is `X-X`: twice in all.")
def once_too_often(right, spec):
    return right(re.sub(r"\d+", lambda number: str(int(number[0]) + 1), spec))


@mistake("square brackets are not repeated", "Both kinds of bracket mean the same.")
def square_brackets_not_repeated(right, spec):
    return right(re.sub(r"\]\*\d+", "]", spec))


@mistake("round brackets are not repeated", "Expand what stands innermost first.")
def round_brackets_not_repeated(right, spec):
    return right(re.sub(r"\)\*\d+", ")", spec))


@mistake(
    "what cannot be read gives an empty list",
    "Raise ValueError with a sentence that says what is wrong.",
)
def empty_for_bad_specs(right, spec):
    try:
        return right(spec)
    except ValueError:
        return []


PARSE_PATTERN = Exercise(
    "parse_pattern",
    pattern.parse_pattern,
    cases=[
        Case("CONV-RELU-POOL-FC", specs("CONV-RELU-POOL-FC")),
        Case("LeNet-5", specs(pattern.PATTERNS["LeNet-5"])),
        Case("VGG-16", specs(pattern.PATTERNS["VGG-16"])),
        Case("a bracket that is not closed", specs("[(CONV-RELU*2-POOL]"), raises=ValueError),
        Case("a word that is no layer", specs("CONV-TANH-FC"), raises=ValueError),
    ],
    mistakes=[
        nothing_repeated, once_too_often, square_brackets_not_repeated,
        round_brackets_not_repeated, empty_for_bad_specs,
    ],
    section="The pattern of all these networks",
)  # fmt: skip


def pattern_inputs(spec, widths, in_channels, size, images=1):
    """Inputs of a case about the network of a pattern."""
    options = {"spec": spec, "widths": widths, "in_channels": in_channels, "size": size}
    return module_inputs(options, (images, in_channels, size, size))


@mistake("a ReLU follows every layer", "Only where the pattern says RELU.")
def relu_everywhere(right, spec, **options):
    return right(spec=re.sub(r"(CONV|FC)(-RELU)?", r"\1-RELU", spec), **options)


@mistake("the ReLUs are missing", "RELU is a layer, too: `nn.ReLU()`.")
def relus_missing(right, **options):
    net = right(**options)
    activations_removed(net)
    return net


@mistake("average pooling is used", "POOL is max pooling.")
def pattern_averages_pooled(right, **options):
    layers = [nn.AvgPool2d(2) if isinstance(m, nn.MaxPool2d) else m for m in right(**options)]
    return nn.Sequential(*layers)


@mistake("the layers have no biases", "Layers have a bias unless told otherwise.")
def layers_without_bias(right, **options):
    net = right(**options)
    for layer in net:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_parameter("bias", None)
    return net


BUILD_FROM_PATTERN = replace(
    module_exercise(
        "build_from_pattern",
        pattern.build_from_pattern,
        cases=[
            Case("one stage and two linear layers",
                 pattern_inputs("[CONV-RELU-POOL]*1-FC-RELU-FC", [4, 5, 3], 2, 6)),
            Case("two stages, two images",
                 pattern_inputs("[(CONV-RELU)*2-POOL]*2-(FC-RELU)*1-FC", [2, 3, 4, 5, 6, 3],
                                1, 9, 2)),
            Case("too few widths", pattern_inputs("CONV-RELU-FC", [4], 1, 4), raises=ValueError),
        ],
        mistakes=[relu_everywhere, relus_missing, pattern_averages_pooled, layers_without_bias],
        section="The pattern of all these networks",
    ),
    alternatives=None,
)  # fmt: skip

EXERCISES = [
    FIELD, FILTER_WEIGHTS, COMPOSE, MAKE_VGG, FC_TO_CONV, PARSE_PATTERN, BUILD_FROM_PATTERN,
]  # fmt: skip

receptive_field_by_perturbation = partial(check, FIELD)
filter_weights = partial(check, FILTER_WEIGHTS)
compose_kernels = partial(check, COMPOSE)
make_vgg = partial(check, MAKE_VGG)
slide_configuration = partial(check_value, SLIDE_CONFIGURATION)
fc_to_conv = partial(check, FC_TO_CONV)
my_design = partial(check_value, MY_DESIGN)
parse_pattern = partial(check, PARSE_PATTERN)
build_from_pattern = partial(check, BUILD_FROM_PATTERN)
