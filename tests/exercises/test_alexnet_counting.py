"""05_alexnet_counting's judging: other right ways get full marks, wrong ones are told apart."""

import copy
import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from autograder.exercises.alexnet_counting import EXERCISES, RIGHT_NORM, RIGHT_ROWS
from autograder.mistakes import sit
from helpers.checks import CheckFailed
from helpers.checks import alexnet_counting as check
from helpers.checks.exercise import judge
from helpers.checks.records import decode, encode
from helpers.counting import LayerCount


def defined(source):
    """The one function that a source defines."""
    names = {}
    exec(source, names)
    return next(v for k, v in names.items() if callable(v) and k != "__builtins__")


conv_count, pool_count, linear_count = map(defined, RIGHT_ROWS.values())
local_response_norm = defined(RIGHT_NORM)
SILENT = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Dropout)


def verdict_on(name, answer, seed=5):
    return sit(EXERCISES[name].exercise, answer, seed)


# Counting -----------------------------------------------------------------------------------


def by_formulas(model, input_shape):
    """Runs the model where it is, puts it back, and uses the functions of part 1."""
    rows, seen, hooks = [], [], []

    def note(name, layer, inputs, output):
        before = tuple(inputs[0].shape[1:])
        if isinstance(layer, nn.Conv2d):
            row = conv_count(
                name, before, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
                layer.groups, layer.bias is not None,
            )  # fmt: skip
        elif isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
            row = pool_count(name, before, layer.kernel_size, layer.stride, layer.padding)
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            window = before[1] // output.shape[2], before[2] // output.shape[3]
            row = pool_count(name, before, window)
        elif isinstance(layer, nn.Linear):
            row = linear_count(name, layer.in_features, layer.out_features, layer.bias is not None)
        else:
            shape = tuple(output.shape[1:])
            params = sum(p.numel() for p in layer.parameters())
            row = LayerCount(name, "", shape, math.prod(shape) / 256, params, 0)
        fields = vars(row) | {"type": type(layer).__name__}
        rows.append(LayerCount(**fields | ({"params": 0} if id(layer) in seen else {})))
        seen.append(id(layer))

    for name, layer in model.named_modules():
        if not list(layer.children()) and not isinstance(layer, SILENT):
            hooks.append(layer.register_forward_hook(partial(note, name)))
    model.eval()
    with torch.no_grad():
        model(torch.rand(1, *input_shape))
    model.train()
    for hook in hooks:
        hook.remove()
    return tuple(rows)


def as_dicts(model, input_shape):
    """A generator of dicts, from a copy, with classes for types and torch's own sizes."""
    model = copy.deepcopy(model).eval()
    rows, seen = [], set()

    def note(name, layer, inputs, output):
        macs = other = 0
        if hasattr(layer, "weight") and not isinstance(layer, nn.BatchNorm2d):
            macs = output.numel() * layer.weight.numel() // layer.weight.shape[0]
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            other = inputs[0].numel()
        elif hasattr(layer, "kernel_size"):
            kernel = layer.kernel_size
            kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
            other = output.numel() * kernel[0] * kernel[1]
        fresh = [p for p in layer.parameters() if p not in seen]
        seen.update(fresh)
        rows.append({
            "name": name, "type": type(layer), "out_shape": output[0].shape,
            "kib": output.numel() * output.element_size() / 1024,
            "params": sum(p.numel() for p in fresh), "macs": macs, "other_ops": other,
        })  # fmt: skip

    for name, layer in model.named_modules():
        if not len(list(layer.children())) and not isinstance(layer, SILENT):
            layer.register_forward_hook(lambda *call, name=name: note(name, *call))
    model(torch.zeros(1, *input_shape))
    return (row for row in rows)


@pytest.mark.parametrize("count_layers", [by_formulas, as_dicts])
@pytest.mark.parametrize("seed", [1, 2])
def test_other_ways_to_count_are_right(count_layers, seed):
    assert verdict_on("count_layers", count_layers, seed).fraction == 1


def test_only_the_column_that_is_wrong_costs():
    def bias_as_mac(model, input_shape):
        rows = by_formulas(model, input_shape)
        return [LayerCount(**vars(r) | {"kib": r.kib * 2}) for r in rows]

    verdict = verdict_on("count_layers", bias_as_mac)
    wrong = {part for r in verdict.results for part, problem in r.problems.items() if problem}
    assert wrong == {"kib"}
    assert verdict.fraction == pytest.approx(7 / 8)
    assert [m.name for m in verdict.findings[0].mistakes] == ["memory of two images"]


def test_text_is_compared_as_text():
    def renamed(model, input_shape):
        return [LayerCount(**vars(r) | {"type": "layer"}) for r in by_formulas(model, input_shape)]

    problems = verdict_on("count_layers", renamed).results[0].problems
    assert problems["type"].words == "value 1: the text is another one"
    assert problems["name"] is None


# Networks -----------------------------------------------------------------------------------


class LateNames(nn.Module):
    """AlexNet-64 made from the end to the beginning, its pools functions, with an adaptive pool."""

    def __init__(self, num_classes=1000, in_channels=3, width=1.0):
        super().__init__()
        sizes = [in_channels, *(int(width * c) for c in (64, 192, 384, 256, 256))]
        hidden = int(4096 * width)
        self.z = nn.Linear(hidden, num_classes)
        self.y = nn.Linear(hidden, hidden)
        self.x = nn.Conv2d(sizes[5], hidden, 6)  # fc6 as a convolution
        kernels = [(11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1)]
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, *k) for a, b, k in zip(sizes, sizes[1:], kernels, strict=False)
        )

    def forward(self, x):
        for k, conv in enumerate(self.convs):
            x = functional.relu(conv(x))
            if k in (0, 1, 4):
                x = functional.max_pool2d(x, 3, 2)
        x = functional.adaptive_avg_pool2d(x, 6)
        x = functional.relu(self.x(x)).flatten(1)
        return self.z(functional.relu(self.y(x)))


def test_alexnet64_in_another_order_with_fc6_as_a_convolution_is_right():
    assert verdict_on("AlexNet64", LateNames).fraction == 1


class WithTorchsNorm(nn.Module):
    """AlexNet-96 with torch's normalisation and the alpha it needs."""

    def __init__(self, num_classes=1000, in_channels=3, width=1.0, groups=2):
        super().__init__()
        a, b, c, d, e, f = (int(width * n) for n in (96, 256, 384, 384, 256, 4096))
        norm = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, a, 11, 4), nn.ReLU(), norm, nn.MaxPool2d(3, 2),
            nn.Conv2d(a, b, 5, padding="same", groups=groups), nn.ReLU(), norm, nn.MaxPool2d(3, 2),
            nn.Conv2d(b, c, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c, d, 3, padding=1, groups=groups), nn.ReLU(),
            nn.Conv2d(d, e, 3, padding=1, groups=groups), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Flatten(), nn.Dropout(0.5), nn.Linear(36 * e, f), nn.ReLU(),
            nn.Dropout(0.5), nn.Linear(f, f), nn.ReLU(), nn.Linear(f, num_classes),
        )  # fmt: skip

    def forward(self, x):
        return self.layers(x)


def test_alexnet96_with_torchs_norm_is_right_with_five_times_the_alpha():
    assert verdict_on("AlexNet96", WithTorchsNorm).fraction == 1


# Normalisation, groups, removal -------------------------------------------------------------


def by_padding(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    reach = size // 2
    padded = functional.pad(x.pow(2), (0, 0, 0, 0, reach, reach))
    return x * (k + alpha * padded.unfold(1, size, 1).sum(-1)).pow(-beta)


def by_band(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    places = torch.arange(x.shape[1])
    band = ((places[:, None] - places).abs() <= size // 2).to(x.dtype)
    return x / (k + alpha * torch.einsum("ij,njhw->nihw", band, x * x)) ** beta


@pytest.mark.parametrize("norm", [by_padding, by_band])
def test_other_ways_to_normalise_are_right(norm):
    assert verdict_on("local_response_norm", norm).fraction == 1


def by_running(conv):
    """The weights found by trying: each input channel and kernel position is one picture."""
    dense = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding,
        bias=conv.bias is not None, dtype=conv.weight.dtype,
    )  # fmt: skip
    shape = (conv.in_channels, *conv.kernel_size)
    pictures = torch.eye(math.prod(shape), dtype=conv.weight.dtype).reshape(-1, *shape)
    with torch.no_grad():
        found = functional.conv2d(pictures, conv.weight, groups=conv.groups)[:, :, 0, 0]
        dense.weight.copy_(found.T.reshape(conv.out_channels, *shape))
        if conv.bias is not None:
            dense.bias = nn.Parameter(conv.bias.clone())
    return dense


def test_other_ways_to_write_groups_as_one_are_right():
    assert verdict_on("as_one_group", by_running).fraction == 1


def two_passes(model, numbers):
    """Copies everything, removes, then repairs what does not fit; flatten by a fixed size."""
    layers, number, kept = copy.deepcopy(list(model)), 0, []
    size, channels, going = None, None, False
    for layer in layers:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            number += 1
            going = number in numbers
            if not going:
                kept.append([layer, number])
            continue
        if going and isinstance(layer, SILENT):
            continue
        going = False
        kept.append([layer, 0])
    weights = [m for m in layers if isinstance(m, nn.Linear | nn.Conv2d)]
    last = max((m for m in weights if isinstance(m, nn.Conv2d)), key=weights.index)
    first = next(m for m in weights if isinstance(m, nn.Linear))
    size, result, flat = first.in_features // last.out_channels, [], False
    for layer, _ in kept:
        if isinstance(layer, nn.Conv2d):
            if channels not in (None, layer.in_channels):
                options = {k: getattr(layer, k) for k in ("stride", "padding", "groups")}
                bias = layer.bias is not None
                layer = nn.Conv2d(
                    channels, layer.out_channels, layer.kernel_size, bias=bias, **options
                )
            channels = layer.out_channels
        elif isinstance(layer, nn.Linear):
            channels = channels if flat else channels * size
            flat = True
            if layer.in_features != channels:
                layer = nn.Linear(channels, layer.out_features, bias=layer.bias is not None)
            channels = layer.out_features
        result.append(layer)
    return nn.Sequential(*result)


@pytest.mark.parametrize("seed", [1, 2])
def test_other_ways_to_remove_layers_are_right(seed):
    assert verdict_on("remove_layers", two_passes, seed).fraction == 1


# Numbers ------------------------------------------------------------------------------------


def numbers_verdict(answers):
    exercise = EXERCISES["table_numbers"].exercise
    return judge(exercise, [()], [{"value": decode(encode(answers))}])


def test_numbers_may_be_rounded_as_the_slides_do():
    rounded = {
        "wrong_macs_conv": 4, "wrong_macs_value": 149_520_384, "fc6_params": 37_752_832,
        "total_params": 61_100_840, "total_macs": 716_767_232, "column_mib": 2.28,
        "conv_mib": 1.88, "memory_share": 64.7, "params_share": 96, "macs_share": 91.8,
    }  # fmt: skip
    assert numbers_verdict(rounded).fraction == 1
    assert numbers_verdict(rounded | {"fc6_params": 37_725_832}).fraction == pytest.approx(0.9)


def test_unanswered_numbers_are_named():
    with pytest.raises(CheckFailed, match="wrong_macs_value is not answered"):
        check.table_numbers(dict.fromkeys(check.NUMBERS, ...) | {"wrong_macs_conv": 4})


def test_most_exercises_have_eight_named_mistakes():
    assert all(len(graded.exercise.mistakes) >= 8 for graded in EXERCISES.values())
