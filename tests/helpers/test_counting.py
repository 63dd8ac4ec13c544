"""Costs against torch's own counting, and the numbers of the classic lectures."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.counting import (
    LayerCost,
    conv_cost,
    conv_count,
    count,
    linear_count,
    pool_count,
    receptive_field,
)


@given(
    st.integers(1, 4), st.integers(1, 4), st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(3, 9), st.integers(3, 9)), st.integers(1, 3), st.integers(0, 2),
    st.integers(1, 3), st.booleans(),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_costs_are_those_of_torch(c_in, c_out, kernel, size, stride, padding, groups, bias):
    c_in, c_out = c_in * groups, c_out * groups
    layer = nn.Conv2d(c_in, c_out, kernel, stride, padding, groups=groups, bias=bias, device="meta")
    with FlopCounterMode(display=False) as counter:
        out = layer(torch.empty(1, c_in, *size, device="meta"))
    cost = conv_cost(c_in, c_out, kernel, size, stride, padding, groups, bias)
    assert cost.out_shape == tuple(out.shape[1:])
    assert cost.params == sum(p.numel() for p in layer.parameters())
    assert 2 * cost.macs == counter.get_total_flops()
    assert cost.kib == out.numel() * 4 / 1024


@pytest.mark.parametrize(
    ("arguments", "cost"),
    [
        ((3, 10, 5, 32, 1, 2), LayerCost((10, 32, 32), 760, 768_000, 40.0)),
        ((64, 32, 1, 56), LayerCost((32, 56, 56), 2_080, 6_422_528, 392.0)),
        ((3, 64, 11, 227, 4, 2), LayerCost((64, 56, 56), 23_296, 72_855_552, 784.0)),
    ],
)
def test_lecture_examples(arguments, cost):
    assert conv_cost(*arguments) == cost


def test_groups_must_divide():
    with pytest.raises(ValueError, match="groups=2 must divide"):
        conv_cost(3, 4, 3, 8, groups=2)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), max_size=4))
@settings(max_examples=40, deadline=None)
def test_receptive_field_is_what_a_gradient_reaches(layers):
    field = receptive_field(layers)
    x = torch.ones(1, 1, field, dtype=torch.float64, requires_grad=True)
    out = x
    for kernel, stride in layers:
        out = nn.functional.conv1d(out, torch.ones(1, 1, kernel, dtype=x.dtype), stride=stride)
    assert out.numel() == 1  # the field just fits
    out.sum().backward()
    assert x.grad[0, 0, 0] > 0
    assert x.grad[0, 0, -1] > 0


def test_receptive_field_of_known_stacks():
    assert receptive_field([]) == 1
    assert receptive_field([(3, 1)] * 3) == 7
    with pytest.raises(ValueError, match="stride"):
        receptive_field([(3, 0)])


def test_a_layer_that_stands_twice_has_two_rows_and_keeps_its_weights():
    twice = nn.Conv2d(3, 3, 3, padding=1)
    tied, other = nn.Linear(48, 48), nn.Linear(48, 48)
    other.weight = tied.weight
    model = nn.Sequential(twice, nn.ReLU(), twice, nn.Flatten(), tied, other)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rows = count(model, (3, 4, 4)).layers
    assert [row.params for row in rows[:2]] == [84, 0]
    assert [row.macs for row in rows[:2]] == [1296, 1296]
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


@given(
    st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3)), st.integers(1, 2),
    st.booleans(), st.tuples(st.integers(6, 9), st.integers(6, 9)),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_rows_from_numbers_are_those_of_a_walk(groups, kernel, stride, bias, size):
    model = nn.Sequential(
        nn.Conv2d(6, 6, kernel, stride, 1, groups=groups, bias=bias), nn.MaxPool2d((3, 2), stride),
        nn.Flatten(),
    )  # fmt: skip
    model.append(nn.Linear(count(model, (6, *size)).layers[-1].out_shape[0], 5, bias))
    conv, pool, flat, unit = count(model, (6, *size)).layers
    by_hand = conv_count("0", (6, *size), 6, kernel, stride, 1, groups, bias)
    pooled = pool_count("1", by_hand.out_shape, (3, 2), stride)
    last = linear_count("3", flat.out_shape[0], 5, bias)
    for made, found in ((by_hand, conv), (pooled, pool), (last, unit)):
        assert vars(made) == {**vars(found), "receptive_field": None}
