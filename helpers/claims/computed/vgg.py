"""VGG: configurations, small filters, the table of VGG-16, and one missing layer."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from helpers import counting
from helpers.claims import history
from helpers.claims.computed.alexnet import SIZE, SMALL
from helpers.claims.networks import (
    VGG16,
    VGG19,
    convs,
    counted,
    counted_vgg,
    elements,
    hwc,
    labelled,
    linears,
    memory,
    percent,
    pools,
    short,
    split,
    weights,
)
from helpers.claims.notation import number
from helpers.claims.recompute import Result, Value
from helpers.claims.table import find
from helpers.models.vgg import CONFIGURATIONS

D, E = CONFIGURATIONS["D"], CONFIGURATIONS["E"]
LABELS = (
    "conv1_1 conv1_2 pool1 conv2_1 conv2_2 pool2 conv3_1 conv3_2 conv3_3 pool3 "
    "conv4_1 conv4_2 conv4_3 pool4 conv5_1 conv5_2 conv5_3 pool5 flatten fc6 fc7 fc8"
)
MISSING = "leaving conv3_3 out"
MISSING_19 = "leaving conv3_3 and conv3_4 out"
FC = ("fc6", "fc7", "fc8")


def layer(label: str):
    """A layer of VGG-16 by its usual name."""
    return labelled(VGG16, LABELS)[label]


def small():
    """AlexNet-64 as in the table of costs."""
    return counted(SMALL, SIZE)


def of_configuration(name: str):
    """The cost of one of the configurations of the paper."""
    return counted_vgg(CONFIGURATIONS[name])


# --- configurations ------------------------------------------------------------------------------


def depth(name: str) -> Result:
    """Layers with weights of a configuration."""
    net = of_configuration(name)
    shown = f"{len(convs(net))} + {len(linears(net))}"
    return Result(len(convs(net)) + len(linears(net)), shown=shown)


def added_by_c() -> Result:
    """Filters of the 1x1 convolutions in C, and what they cost."""
    filters = [entry[0] for entry in CONFIGURATIONS["C"] if isinstance(entry, tuple)]
    added = of_configuration("C").params - of_configuration("B").params
    return Result(filters, shown=f"{added:,} parameters more")


def classifier() -> Result:
    """Outputs of the fully connected layers, and what they hold of VGG-16."""
    layers = linears(counted(VGG16))
    held, whole = sum(each.params for each in layers), counted(VGG16).params
    shown = f"{held:,} parameters, {percent(held, whole)} of VGG-16"
    return Result([elements(each) for each in layers], shown=shown)


def stage_counts(configuration: Sequence) -> list[int]:
    """Convolutions in each stage of the network, by the sides of their outputs."""
    sides = [conv.out_shape[1] for conv in convs(counted_vgg(tuple(configuration)))]
    return [sides.count(side) for side in dict.fromkeys(sides)]


def stage(index: int, first: Sequence = D, second: Sequence = E) -> str:
    """Convolutions of a stage and the pooling; in brackets what the second network adds."""
    fewer, more = stage_counts(first)[index - 1], stage_counts(second)[index - 1]
    return "-".join(["conv"] * fewer + ["[conv]"] * (more - fewer) + ["pool"])


def stage_3() -> Result:
    """Stage 3, and as the decks list it."""
    slip = {MISSING_19: stage(3, short(D), short(E))}
    return Result(stage(3), slips=slip)


def stages_of_four(configuration: Sequence) -> list[int]:
    """Stages with four convolutions, counted from 1."""
    return [k for k, count in enumerate(stage_counts(configuration), start=1) if count == 4]


def doubles() -> Result:
    """Whether every stage has twice the filters of the one before it."""
    filters = [stage[-1] for stage in split(D)]
    twice = [b == 2 * a for a, b in pairwise(filters)]
    shown = ", ".join(map(str, filters))
    return Result(all(twice), {"for the first three poolings": all(twice[:3])}, shown=shown)


def layer_list(configuration: Sequence) -> list:
    """Filters x convolutions of each stage, and the fully connected layers."""
    listed = [(stage[-1], len(stage)) for stage in split(configuration)]
    return [*listed, f"FCx{len(linears(counted_vgg(tuple(configuration))))}"]


def listed(configuration: Sequence, slip: str) -> Result:
    """Stages of a configuration, and as the decks list them; slip: what they leave out."""
    net, cut = (counted_vgg(tuple(each)) for each in (configuration, short(configuration)))
    layers = [len(convs(each)) + len(linears(each)) for each in (net, cut)]
    return Result(
        layer_list(configuration),
        slips={slip: layer_list(short(configuration))},
        shown=f"{layers[0]} layers with weights; as printed {layers[1]}",
    )


# --- small filters -------------------------------------------------------------------------------


def stack_weights(count: int, kernel_size: int, *channels: int) -> int:
    """Weights of some convolutions in a row; channels: of the input, then of all the outputs."""
    first, later = channels[0], channels[-1]
    return sum(
        counting.conv_cost(first if k == 0 else later, later, kernel_size, 56, 1,
                           kernel_size // 2, bias=False).params
        for k in range(count)
    )  # fmt: skip


def seen(*kernels: int) -> int:
    """The receptive field of convolutions in a row, with stride 1."""
    return counting.receptive_field([(kernel, 1) for kernel in kernels])


def factor(cost: Callable[[int], float], unit: Callable[[int], float]) -> float:
    """What a cost is a constant multiple of a unit by, whatever the number of channels.

    Raises ValueError if it is not.
    """
    factors = {cost(channels) / unit(channels) for channels in (8, 64, 512)}
    if len(factors) != 1:
        raise ValueError(f"not proportional: {sorted(factors)}")
    return factors.pop()


def squared(channels: int) -> int:
    """The square of a number of channels."""
    return channels**2


def weights_compared(first: tuple[int, int], second: tuple[int, int]) -> Result:
    """Weights over C squared of two stacks; each (convolutions, kernel_size)."""
    a, b = (factor(lambda c, s=s: stack_weights(*s, c, c), squared) for s in (first, second))
    return Result([a, b], shown=f"{b / a - 1:+.1%} from the first to the second")


def operations_compared() -> list[float]:
    """MACs over C squared and pixels: one 5x5 convolution, two 3x3 ones."""

    def macs(count: int, kernel_size: int, channels: int) -> int:
        padding = kernel_size // 2
        cost = counting.conv_cost(channels, channels, kernel_size, 56, 1, padding, bias=False)
        return count * cost.macs

    pixels = 56**2
    return [factor(lambda c, s=s: macs(*s, c), lambda c: c**2 * pixels) for s in ((1, 5), (2, 3))]


def on_rgb(count: int, alone: int) -> Result:
    """Weights of a stack of 3x3 convolutions on an image, as against one large kernel."""
    value = stack_weights(count, 3, 3, 64)
    large = stack_weights(1, alone, 3, 64)
    slip = {"taking 3 input channels for every layer": count * stack_weights(1, 3, 3, 64)}
    return Result(value, slips=slip, shown=f"one {alone}x{alone}: {large:,}")


def square_kernels() -> Result:
    """Whether a kernel of 64 filters has N x N x C x C weights, on an image and on 64 channels."""

    def holds(channels: int) -> bool:
        return stack_weights(1, 3, channels, 64) == 3 * 3 * 64 * 64

    return Result(holds(3), {"between layers of equal width": holds(64)})


def kernels_that_see(size: int) -> int:
    """How many 3x3 convolutions see what one kernel of that size sees."""
    count = 1
    while seen(*[3] * count) < seen(size):
        count += 1
    return count


def equal_cost(channels: int, zoom: int) -> list[float]:
    """Memory, parameters, MACs of channels x C on zoom x H pixels over HWC, C^2, HWC^2."""
    height, width = 14, 28

    def cost(c: int):
        size = zoom * height, zoom * width
        return counting.conv_cost(channels * c, channels * c, 3, size, 1, 1, bias=False)

    pixels = height * width
    return [
        factor(lambda c: cost(c).kib * 1024 / 4, lambda c: pixels * c),
        factor(lambda c: cost(c).params, squared),
        factor(lambda c: cost(c).macs, lambda c: pixels * c**2),
    ]


def equal_compute() -> Result:
    """Whether all convolutions cost the same; those that keep their channels, before 14 pixels."""
    layers = convs(counted(VGG16))
    before = [3, *(conv.out_shape[0] for conv in layers)]
    keeping = {
        conv.macs
        for channels, conv in zip(before, layers, strict=False)
        if channels == conv.out_shape[0] and conv.out_shape[1] > 14
    }
    sides = dict.fromkeys(conv.out_shape[1] for conv in layers)
    sums = [sum(conv.macs for conv in layers if conv.out_shape[1] == side) for side in sides]
    return Result(
        len({conv.macs for conv in layers}) == 1,
        {"for layers that keep their channels, down to 28 pixels": len(keeping) == 1},
        shown="per stage " + ", ".join(f"{total / 1e6:,.0f}M" for total in sums),
    )


# --- the table of VGG-16 -------------------------------------------------------------------------


def cell(label: str) -> list[Value]:
    """A row of the listing; fully connected layers have one row and one column there."""
    found = layer(label)
    shape = hwc(found) if len(found.out_shape) == 3 else (1, 1, *found.out_shape)
    return [shape, elements(found)]


def image() -> list[Value]:
    """Shape of the input image, and the numbers in it."""
    channels, rows, columns = counting.conv_cost(3, 3, 1, 224).out_shape
    return [(rows, columns, channels), rows * columns * channels]


def parameters(label: str) -> Result:
    """Without biases, as two of the decks say beside their table."""
    found = layer(label)
    shown = f"{found.params:,} with biases" if found.params else ""
    return Result(weights(found) if found.params else 0, shown=shown)


def total_memory(mib: bool = False) -> Result:
    """Numbers in the input and all outputs, and their bytes; flatten is no layer of the listing."""
    layers = [each for each in counted(VGG16).layers if each.type != "Flatten"]
    total = image()[1] + sum(map(elements, layers))
    printed = float(number(find("vgg16-total-mem-96").stated.split()[0]).value)
    slips = {"taking the printed 24M for the sum": [..., 4 * printed]}
    return Result([total, 4 * total], slips=slips, shown=f"{4 * total / 1024**2:.1f} MiB")


def total_parameters() -> Result:
    """All parameters of VGG-16."""
    net = counted(VGG16)
    biases = sum(each.params - weights(each) for each in (*convs(net), *linears(net)))
    return Result(net.params, shown=f"{net.params - biases:,} without biases")


def largest_first() -> Result:
    """Whether no output is larger than those of the first two convolutions."""
    layers = [each for each in counted(VGG16).layers if each.type != "Flatten"]
    early = {label: elements(layer(label)) for label in ("conv1_1", "conv1_2")}
    holds = min(early.values()) >= max(map(elements, layers))
    total = image()[1] + sum(map(elements, layers))
    return Result(holds, shown=f"{percent(sum(early.values()), total)} of all numbers")


def most_in_fc6() -> Result:
    """Whether FC6 holds most parameters."""
    part, whole = layer("fc6").params, counted(VGG16).params
    return Result(part > whole / 2, shown=percent(part, whole))


def conv_memory() -> Result:
    """Outputs of convolutions only, as for AlexNet's 1.9 MB beside it."""
    net = counted(VGG16)
    return Result(
        memory(*convs(net)),
        {"for the outputs of all layers": memory(*net.layers)},
        {MISSING: memory(*convs(counted_vgg(short(D))))},
    )


def memory_ratio() -> Result:
    """Memory of VGG-16 over that of AlexNet-64, by the outputs of convolutions."""
    alexnet = memory(*convs(small()))
    everything = memory(*counted(VGG16).layers) / memory(*small().layers)
    return Result(
        memory(*convs(counted(VGG16))) / alexnet,
        shown=f"{everything:.1f}x by the outputs of all layers",
        slips={MISSING: memory(*convs(counted_vgg(short(D)))) / alexnet},
    )


def macs() -> Result:
    """MACs of VGG-16."""
    return Result(counted(VGG16).macs, slips={MISSING: counted_vgg(short(D)).macs})


def macs_ratio() -> Result:
    """MACs of VGG-16 over those of AlexNet-64."""
    cut, alexnet = (round(net.macs / 1e9, 1) for net in (counted_vgg(short(D)), small()))
    slip = {f"{MISSING} and dividing the rounded {cut} by {alexnet}": cut / alexnet}
    return Result(counted(VGG16).macs / small().macs, slips=slip)


def parameter_ratio() -> list[float]:
    """Parameters of VGG-16 and AlexNet-64, and their ratio."""
    large, alexnet = counted(VGG16).params, small().params
    return [large, alexnet, large / alexnet]


def nineteen_against_sixteen() -> Result:
    """Whether the best single-scale error of E is less, by under a point, and its memory larger."""
    errors = {
        name: min(row.top5 for row in history.vgg_table(3) if row.name == name) for name in "DE"
    }
    gain = errors["D"] - errors["E"]
    more = counted(VGG19).kib / counted(VGG16).kib - 1
    return Result(
        0 < gain < 1 and more > 0, shown=f"{gain:.1f} points of top-5 error, {more:.0%} more memory"
    )


COMPUTE: dict[str, Callable] = {
    "vgg-table1-conv1": added_by_c,
    "vgg-table1-fc": classifier,
    "vgg-rule-double": doubles,
    "vgg-kernel-params": square_kernels,
    "vgg-140M": lambda: Result(counted(VGG16).params, shown=f"VGG-19: {counted(VGG19).params:,}"),
    "vgg-depth": lambda: [
        len(convs(net)) + len(linears(net)) for net in (small(), counted(VGG16), counted(VGG19))
    ],
    "vgg-5-stages": lambda: len(pools(counted(VGG16))),
    "vgg-stage3": stage_3,
    "vgg19-stages-4-5": lambda: Result(
        stages_of_four(E), slips={MISSING_19: stages_of_four(short(E))}
    ),
    "vgg16-list-12conv": lambda: listed(D, MISSING),
    "vgg19-list-14conv": lambda: listed(E, MISSING_19),
    "vgg-rf-2x3": lambda: (seen(3, 3),) * 2,
    "vgg-rf-3x3": lambda: (seen(3, 3, 3),) * 2,
    "vgg-27-49": lambda: weights_compared((3, 3), (1, 7)),
    "vgg-25-18": lambda: weights_compared((1, 5), (2, 3)),
    "vgg-25-18-flops": operations_compared,
    "vgg-fig-2x3x3x64": lambda: on_rgb(2, 5),
    "vgg-fig-5x5": lambda: stack_weights(1, 5, 3, 64),
    "vgg-fig-3x3x3x64": lambda: on_rgb(3, 7),
    "vgg-fig-7x7": lambda: stack_weights(1, 7, 3, 64),
    "vgg-fig-81": lambda: 100 * (stack_weights(1, 7, 64, 64) / stack_weights(3, 3, 64, 64) - 1),
    "vgg-5x5-equals": lambda: kernels_that_see(5),
    "vgg-7x7-equals": lambda: kernels_that_see(7),
    "vgg-1x1": lambda: seen(3, 1) - seen(3),
    "vgg-nonlin": lambda: [kernels_that_see(7), kernels_that_see(3)],
    "vgg-equal-cost-hi": lambda: equal_cost(1, 2),
    "vgg-equal-cost-lo": lambda: equal_cost(2, 1),
    "vgg-equal-compute": equal_compute,
    "vgg16-input-mem": image,
    "vgg16-total-mem-96": total_memory,
    "vgg16-total-mem-93": total_memory,
    "vgg16-total-params": total_parameters,
    "vgg16-most-mem": largest_first,
    "vgg16-most-params": most_in_fc6,
    "vgg16-total-48.6": conv_memory,
    "vgg16-ratio-25x": memory_ratio,
    "vgg16-ratio-params": parameter_ratio,
    "vgg16-13.6gflop": macs,
    "vgg16-ratio-19.4": macs_ratio,
    "vgg-19-vs-16": nineteen_against_sixteen,
    "vggcmp-flatten": lambda: [elements(layer("flatten")), memory(layer("flatten"))],
}
for _name in CONFIGURATIONS:
    COMPUTE[f"vgg-config-{_name}-layers"] = partial(depth, _name)
    COMPUTE[f"vgg-table2-{_name}"] = lambda name=_name: of_configuration(name).params
for _index in (1, 2, 4, 5):
    COMPUTE[f"vgg-stage{_index}"] = partial(stage, _index)
for _label in LABELS.split():
    if _label != "flatten":
        COMPUTE[f"vgg16-{_label}-mem"] = partial(cell, _label)
        COMPUTE[f"vgg16-{_label}-params"] = partial(parameters, _label)
for _label in FC:
    COMPUTE |= {
        f"vggcmp-{_label}-mem": lambda label=_label: memory(layer(label)),
        f"vggcmp-{_label}-flop": lambda label=_label: layer(label).macs,
        f"vggcmp-{_label}-params": lambda label=_label: Result(
            layer(label).params, {"without biases": weights(layer(label))}
        ),
    }
