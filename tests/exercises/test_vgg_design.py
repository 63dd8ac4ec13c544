"""06_vgg_design's judging: answers written in other ways, designs of many kinds, hostile values."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from autograder import ROOT
from autograder.exercises.vgg_design import EXERCISES, RIGHT_PARSE_PATTERN
from autograder.judge import probe
from autograder.judge.preprocessors import Armed
from autograder.judge.verdict import decide
from autograder.mistakes import sit
from autograder.sample.submissions import notebook_of
from helpers.checks import CheckFailed
from helpers.checks import vgg_design as check
from helpers.checks.exercise import arguments_for, judge, standalone
from helpers.checks.modules import describe_module
from helpers.checks.records import decode, encode
from helpers.models import vgg


def verdict_on(name, answer):
    return sit(EXERCISES[name].exercise, answer)


# The networks, written in other ways --------------------------------------------------------


class Functional(nn.Module):
    """Layers made backwards and called as functions; the first linear layer as a convolution."""

    def __init__(self, configuration, num_classes=1000, in_channels=3, width=1.0):
        super().__init__()
        self.entries = configuration
        convs, channels = [], in_channels
        for entry in configuration:
            if isinstance(entry, str):
                continue
            filters, size = entry if isinstance(entry, tuple) else (entry, 3)
            filters = int(filters * width)
            convs.append(nn.Conv2d(channels, filters, size, padding="same"))
            channels = filters
        hidden = int(4096 * width)
        self.score = nn.Linear(hidden, num_classes)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc6 = nn.Conv2d(channels, hidden, 7)
        self.convs = nn.ModuleList(convs)

    def forward(self, x):
        convs = iter(self.convs)
        for entry in self.entries:
            if entry == "M":
                x = nn.functional.max_pool2d(x, (2, 2))
            elif entry == "LRN":
                x = nn.functional.local_response_norm(x, 5, 5e-4, 0.75, 2.0)
            else:
                x = next(convs)(x).relu()
        for layer in (self.fc6, self.fc7):
            x = nn.functional.dropout(layer(x).relu().flatten(1), training=self.training)
        return self.score(x)


def with_adaptive_pooling(**options):
    net = vgg.make_vgg(**options)
    pool = nn.AdaptiveAvgPool2d((7, 7))
    return nn.Sequential(net.features, pool, nn.Flatten(), net.classifier)


@pytest.mark.parametrize("build", [Functional, with_adaptive_pooling])
def test_other_ways_to_build_vgg_are_right(build):
    assert verdict_on("make_vgg", build).fraction == 1


def test_the_notebooks_table_is_the_papers():
    [cell] = [
        c for c in notebook_of(ROOT / "solutions", "06_vgg_design").cells
        if c.source.startswith("CONFIGURATIONS = {")
    ]  # fmt: skip
    names = {}
    exec(cell.source, names)
    assert {k: tuple(v) for k, v in names["CONFIGURATIONS"].items()} == vgg.CONFIGURATIONS


# Functions, written in other ways -----------------------------------------------------------


def field_in_one_batch(module, x, row, column):
    module.eval()
    height, width = x.shape[-2:]
    batch = x.repeat(height * width, 1, 1, 1)
    for k in range(height * width):
        batch[k, :, k // width, k % width] += 1000
    differs = (module(batch) - module(x))[:, :, row, column].abs() > 1e-6
    return differs.any(1).reshape(height, width).numpy()


def field_as_lists(module, x, row, column):
    module.eval()
    found = []
    for i in range(x.size(2)):
        found.append([])
        for j in range(x.size(3)):
            other = x.detach().clone()
            other[0, :, i, j] += 1000
            same = torch.equal(module(other)[0, :, row, column], module(x)[0, :, row, column])
            found[-1].append(0 if same else 1)
    return found


def composed_by_loops(first, second):
    (mid, ins, h1, w1), (outs, _, h2, w2) = first.shape, second.shape
    out = np.zeros((outs, ins, h1 + h2 - 1, w1 + w2 - 1))
    for o, i, c in np.ndindex(outs, ins, mid):
        for a, b in np.ndindex(h2, w2):
            for p, q in np.ndindex(h1, w1):
                out[o, i, a + p, b + q] += float(second[o, c, a, b]) * float(first[c, i, p, q])
    return out


def composed_by_impulses(first, second):
    """The kernel read off from what two convolutions make of impulses."""
    (_, ins, h1, w1), (_, _, h2, w2) = first.shape, second.shape
    h, w = h1 + h2 - 1, w1 + w2 - 1
    x = first.new_zeros(ins, ins, 2 * h - 1, 2 * w - 1)
    for i in range(ins):
        x[i, i, h - 1, w - 1] = 1
    out = nn.functional.conv2d(nn.functional.conv2d(x, first), second)
    return out.flip(-2, -1).transpose(0, 1)


def weights_layer_by_layer(in_channels, channels, field):
    if field % 2 != 1 or field < 3:
        raise ValueError("odd fields only")
    total, reads, sees = 0, in_channels, 1
    while sees < field:
        total, reads, sees = total + 3 * 3 * reads * channels, channels, sees + 2
    return [field**2 * in_channels * channels, total]


class Dense(nn.Module):
    """Keeps the linear layers' own parameters and applies them as convolutions."""

    def __init__(self, net):
        super().__init__()
        self.features, self.classifier = net.features, net.classifier
        self.channels = [m for m in net.features if isinstance(m, nn.Conv2d)][-1].out_channels

    def forward(self, x):
        x, channels = self.features(x), self.channels
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):
                weight = layer.weight.view(layer.out_features, channels, -1)
                side = int(weight.shape[-1] ** 0.5)
                weight, channels = weight.unflatten(-1, (side, side)), layer.out_features
                x = nn.functional.conv2d(x, weight, layer.bias)
            else:
                x = layer(x)
        return x


def by_replacing_text(spec):
    text, words = spec.replace(" ", ""), r"(?:CONV|RELU|POOL|FC|SOFTMAX)(?:\*\d+)?"
    group = re.compile(rf"[(\[](_|{words}(?:-(?:{words}|_))*|_(?:-(?:{words}|_))*)[)\]](\*\d+)?")
    bracket = {"(": ")", "[": "]"}
    while match := group.search(text):
        if bracket[match[0][0]] != match[0][len(match[1]) + 1]:
            raise ValueError("brackets of two kinds")
        times = int((match[2] or "*1")[1:])
        text = text.replace(match[0], "-".join([match[1]] * times) or "_", 1)
    if not re.fullmatch(rf"(?:{words}|_)(?:-(?:{words}|_))*", text):
        raise ValueError(f"cannot read {text}")
    found = []
    for item in text.split("-"):
        word, _, times = item.partition("*")
        found += [] if word == "_" else [word] * int(times or 1)
    if not found or re.search("FC.*(CONV|POOL)", " ".join(found)):
        raise ValueError("not a network")
    return tuple(found)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("receptive_field_by_perturbation", field_in_one_batch),
        ("receptive_field_by_perturbation", field_as_lists),
        ("compose_kernels", composed_by_impulses),
        ("filter_weights", weights_layer_by_layer),
        ("fc_to_conv", Dense),
        ("parse_pattern", by_replacing_text),
    ],
)
def test_other_ways_to_write_it_are_right(name, answer):
    assert verdict_on(name, answer).fraction == 1


def test_loops_and_numpy_lose_only_the_cases_about_the_dtype():
    verdict = verdict_on("compose_kernels", composed_by_loops)
    assert all(r.fraction == 1 or "float32" in r.words for r in verdict.results)
    assert verdict.fraction >= 5 / 6


def test_the_stand_in_for_the_parser_is_right():
    names = {}
    exec(RIGHT_PARSE_PATTERN, names)
    for result in verdict_on("parse_pattern", names["parse_pattern"]).results:
        assert result.fraction == 1 or "CONV after" in result.words or "letter" in result.words


def test_the_notebooks_own_answers_are_right():
    cells = notebook_of(ROOT / "solutions", "06_vgg_design").cells
    names = {"torch": torch, "nn": nn, "copy": __import__("copy"), "re": re}
    for cell in cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and about.get("solution") and "numbers" not in cell.source:
            exec(cell.source, names)
    for name, graded in EXERCISES.items():
        if graded.kind != "value":
            assert verdict_on(name, names[name]).fraction == 1, name


# Mistakes -----------------------------------------------------------------------------------


def test_every_exercise_has_eight_mistakes_or_more():
    for name, graded in EXERCISES.items():
        assert graded.exercise.measure or len(graded.exercise.mistakes) >= 8, name


@pytest.mark.parametrize("name", EXERCISES)
def test_mistakes_in_functions_can_be_sent(name):
    exercise = EXERCISES[name].exercise
    if exercise.ask is describe_module:
        return
    for wrong in exercise.mistakes:
        if name != "vgg_numbers":
            compile(standalone(wrong.wrong), "mistake", "exec")
    if exercise.ask:
        compile(standalone(exercise.ask), "ask", "exec")


def test_dropout_that_never_rests_is_told():
    class Restless(Functional):
        def forward(self, x):
            self.training = True
            return super().forward(x)

    verdict = verdict_on("make_vgg", Restless)
    assert [m.name for m in verdict.findings[0].mistakes] == ["dropout active"]


def pixels_that_change(output, x):
    seen = torch.zeros(x.shape[-2:], dtype=torch.bool)
    for i, j in np.ndindex(*seen.shape):
        other = x.clone()
        other[..., i, j] += 1000
        seen[i, j] = (output(other) != output(x)).any()
    return seen


def seen_in_training(module, x, row, column):
    return pixels_that_change(lambda x: module(x)[..., row, column], x)


def seen_by_the_first_channel(module, x, row, column):
    module.eval()
    return pixels_that_change(lambda x: module(x)[:, 0, row, column], x)


def composed_crosswise(first, second):
    (_, ins, h1, w1), (outs, _, h2, w2) = first.shape, second.shape
    out = first.new_zeros(outs, ins, h1 + h2 - 1, w1 + w2 - 1)
    for i, j in np.ndindex(h2, w2):
        part = torch.einsum("oc,cihw->oihw", second[:, :, i, j], first)
        out[:, :, j : j + h1, i : i + w1] += part
    return out


def composed_by_convolving(first, second):
    """With the wrong one of the two kernels turned around."""
    h2, w2 = second.shape[-2:]
    padding = (h2 - 1, w2 - 1)
    return nn.functional.conv2d(first.transpose(0, 1).flip(-2, -1), second.flip(-2, -1),
                                padding=padding).transpose(0, 1)  # fmt: skip


def padded(net):
    layers, channels = [net.features], net.features[0].out_channels
    for layer in net.classifier:
        if isinstance(layer, nn.Linear):
            size = round((layer.in_features / channels) ** 0.5)
            conv = nn.Conv2d(channels, layer.out_features, size, padding=size // 2)
            conv.weight.data = layer.weight.data.view(-1, channels, size, size)
            conv.bias, channels = layer.bias, layer.out_features
            layer = conv
        layers.append(layer)
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        (check.FIELD, seen_in_training, "training mode kept"),
        (check.FIELD, seen_by_the_first_channel, "first output channel compared"),
        (check.COMPOSE, composed_crosswise, "places exchanged"),
        (check.COMPOSE, composed_by_convolving, "first flipped"),
        (check.FC_TO_CONV, padded, "first convolution padded"),
    ],
)
def test_mistakes_that_the_notebook_warns_of_are_told_by_the_visible_check(exercise, answer, name):
    [finding] = sit(exercise, answer).findings
    assert [m.name for m in finding.mistakes] == [name]


# Designs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["my_design", "slide_configuration"])
def test_a_value_is_sent_for_each_of_its_rules(name):
    """What the probe sends from a student's kernel, through to the decision."""
    graded, sent = EXERCISES[name], []
    armed = Armed(graded, "", [1], asked_before=set())
    request = json.loads(json.loads(armed.question().split("loads(", 1)[1][:-2]))
    publisher = SimpleNamespace(publish=lambda data, metadata: sent.append(data))
    value = graded.exercise.reference(None)
    probe.guard((), (), (), False)
    try:
        probe.answer(SimpleNamespace(user_ns={name: value}, display_pub=publisher), request)
    finally:
        probe.release()
    outputs = [{"output_type": "display_data", "data": json.loads(json.dumps(d))} for d in sent]
    assert decide(name, armed, outputs, "", {}).fraction == 1


def value_verdict(name, value):
    exercise = EXERCISES[name].exercise
    arguments = [arguments_for(case, [1, i]) for i, case in enumerate(exercise.cases)]
    return judge(exercise, arguments, [{"value": decode(encode(value))}] * len(arguments))


def broken(name, value):
    return {r.words for r in value_verdict(name, value).results if r.fraction < 1}


@pytest.mark.parametrize(
    "design",
    [
        [8, "M", 16, 16, "M", 32, 32, "M", 64, (32, 1), 64, (32, 1), 128],
        (8, "M", 16, 16, "M", 32, 32, 32, "M", 48, 48, 48, (128, 1)),
        [[8, 3], "M", [16, 3], [16, 3], "M", [24, 3], [24, 3], "M", [32, 5], [32, 5], [128, 1]],
        [(8, 5), "M", (12, 5), 12, "M", 24, (24, 1), "M", 32, 32, (64, 1), 128],
        [8, (8, 1), "M", 16, "M", 24, 24, "M", 40, 40, 40, (128, 1)],
    ],
)
def test_any_design_that_keeps_the_rules_is_right(design):
    assert value_verdict("my_design", design).fraction == 1


GOOD = [8, "M", 16, 16, "M", 32, 32, "M", 64, (32, 1), 64, (32, 1), 128]


@pytest.mark.parametrize(
    ("design", "rules"),
    [
        ([*GOOD[:-1], 64], {"output", "params", "MACs", "memory"}),
        (["M", *GOOD], {"output", "params", "MACs", "memory"}),
        ([(e if isinstance(e, str) else (e if isinstance(e, int) else e[0], 1)) for e in GOOD],
         {"field"}),
        ([8, "M", 16, "M", 32, "M", 48, (32, 5), (128, 1)], {"depth"}),
        ([8, "M", 16, 16, "M", 16, 16, "M", 64, 64, (64, 1), 128], {"params"}),
        ([(8, 7), *GOOD[1:]], {"MACs"}),
        ([12, *GOOD[1:]], {"memory"}),
        ([16, 16, "M", 32, 32, "M", 64, 64, "M", 128, 128], {"params", "MACs", "memory"}),
        ([128], {"output", "field", "depth", "params", "MACs", "memory"}),
        ([8, "M", 16, 16, "M", 32, 32, "M", (16, 1), (16, 1), (16, 1), (128, 1)], {"field"}),
    ],
)  # fmt: skip
def test_each_broken_rule_is_named(design, rules):
    assert broken("my_design", design) == {check.RULES[rule] for rule in rules}


@pytest.mark.parametrize(
    "value",
    [
        5, "M", [], ["m"], [0], [-3], [(8, 2)], [(8, 0)], [(8, 3, 1)], [8.5], [(8.0, 3)], ["M"] * 9,
        [10**9], [(8, 1001)], [None], [[["M"]]], {"a": 1}, [torch.zeros(2)], [{"a": 2}], [8] * 600,
    ],
)  # fmt: skip
def test_what_is_no_design_scores_nothing_and_is_told_why(value):
    for name in ("my_design", "slide_configuration"):
        verdict = value_verdict(name, value)
        assert verdict.fraction == 0
        assert all(result.problems[""].words for result in verdict.results)


def test_no_design_at_all_counts_as_not_attempted():
    for name in ("my_design", "slide_configuration"):
        assert not value_verdict(name, None).attempted
        with pytest.raises(CheckFailed, match="not attempted"):
            getattr(check, name)(None)


def test_the_slide_is_repaired_by_one_missing_layer_only():
    d = list(vgg.CONFIGURATIONS["D"])
    shorter = d[:6] + d[7:]
    assert value_verdict("slide_configuration", shorter).fraction == 1
    assert value_verdict("slide_configuration", tuple(shorter)).fraction == 1
    for k, entry in enumerate(d):
        if entry != 256:
            assert value_verdict("slide_configuration", d[:k] + d[k + 1 :]).fraction < 1
    assert value_verdict("slide_configuration", d).fraction == 0


def test_the_slides_numbers_are_those_of_the_whole_network():
    found = check.slide_numbers(vgg.CONFIGURATIONS["D"])
    assert [round(v, 4) for v in found.values()] == [15.4703, 51.6797, 45.9375, 1735488, 9335.1444]


# Numbers ------------------------------------------------------------------------------------


def test_shares_may_be_rounded_to_three_digits():
    numbers = EXERCISES["vgg_numbers"].exercise.reference()
    rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in numbers.items()}
    assert rounded["first_two_convs_share"] == 0.421
    assert rounded["fc6_share"] == 0.743
    assert value_verdict("vgg_numbers", rounded).fraction == 1
    check.vgg_numbers(rounded)


def test_the_numbers_of_the_lectures():
    numbers = EXERCISES["vgg_numbers"].exercise.reference()
    assert numbers["all_elements"] == 15_237_608
    assert numbers["all_weights"] == 138_344_128
    assert numbers["conv2_2_macs"] == 1_849_688_064
    assert numbers["conv5_2_macs"] == 462_422_016
    assert numbers["all_macs"] == 15_470_264_320
