"""Networks written as a pattern."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from helpers.models.pattern import PATTERNS, WORDS, build_from_pattern, parse_pattern


def test_lenet_layer_by_layer():
    assert parse_pattern(PATTERNS["LeNet-5"]) == [
        "CONV", "RELU", "POOL", "CONV", "RELU", "POOL", "FC", "RELU", "FC", "RELU", "FC",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "convs", "pools"),
    [("LeNet-5", 2, 2), ("AlexNet", 5, 3), ("VGG-16", 13, 5), ("VGG-19", 16, 5)],
)
def test_the_networks_of_the_lectures(name, convs, pools):
    words = parse_pattern(PATTERNS[name])
    assert [words.count(word) for word in ("CONV", "POOL", "FC")] == [convs, pools, 3]
    assert words.count("RELU") == convs + 2
    assert words[-1] == "FC"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("[(CONV-RELU)*N-POOL]*2", "a number should follow"),
        ("CONV-POOL?-FC", "not expected"),
        ("(CONV", "no partner"),
        ("[CONV)", "no partner"),
        ("CONV)", "not expected"),
        ("CONV--FC", "stands where"),
        ("CONV-", "stands where"),
        ("", "stands where"),
        ("TANH", "stands where"),
        ("conv", "stands where"),
        ("CONV*", "a number should follow"),
        ("CONV RELU", "not expected"),
        ("FC-CONV", "cannot follow FC"),
        ("(CONV-FC)*2", "cannot follow FC"),
        ("(FC)*0", "no layer"),
    ],
)
def test_what_is_no_pattern_is_told_why(spec, says):
    with pytest.raises(ValueError, match=says):
        parse_pattern(spec)


WORD = st.sampled_from(WORDS[:3])


@given(st.recursive(
    WORD,
    lambda spec: st.one_of(
        st.tuples(spec, st.integers(1, 3)).map(lambda s: f"({s[0]})*{s[1]}"),
        st.tuples(spec, spec).map(lambda s: f"[{s[0]}-{s[1]}]"),
    ),
))  # fmt: skip
def test_brackets_can_stand_inside_each_other(spec):
    def length(text):
        return eval(text.replace("[", "(").replace("]", ")").replace("-", "+"), NUMBERS)

    assert len(parse_pattern(spec)) == length(spec)


NUMBERS = dict.fromkeys(WORDS, 1)


def test_vgg_16_from_its_pattern_has_its_parameters():
    widths = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6 + [4096, 4096, 1000]
    with torch.device("meta"):
        net = build_from_pattern(PATTERNS["VGG-16"], widths, 3, 224)
    assert sum(p.numel() for p in net.parameters()) == 138_357_544


def test_the_layers_are_those_of_the_pattern():
    net = build_from_pattern("CONV-RELU-POOL-FC-SOFTMAX", [4, 3], in_channels=2, size=7)
    kinds = [nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.Flatten, nn.Linear, nn.Softmax]
    assert [type(layer) for layer in net] == kinds
    assert net(torch.zeros(5, 2, 7, 7)).shape == (5, 3)


@pytest.mark.parametrize("widths", [[], [4], [4, 3, 2]])
def test_widths_have_to_fit(widths):
    with pytest.raises(ValueError, match="2 layers with weights"):
        build_from_pattern("CONV-FC", widths)
