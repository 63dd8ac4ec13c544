"""Records carry values faithfully, refuse everything else, and never execute anything."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.checks.records import (
    Array,
    Other,
    decode,
    decode_outcome,
    encode,
    record_call,
    to_live,
)

numbers = st.one_of(st.booleans(), st.none(), st.integers(-(2**70), 2**70), st.text(max_size=20))


def through_json(value):
    return decode(json.loads(json.dumps(encode(value))))


@given(st.recursive(numbers, lambda inner: st.lists(inner, max_size=4), max_leaves=8))
def test_plain_values_survive(value):
    def depth(v):
        return 1 + max(map(depth, v), default=0) if isinstance(v, list) else 0

    if depth(value) <= 4:
        assert through_json(value) == value


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64, torch.bool])
def test_tensors_survive_bit_by_bit(dtype):
    value = torch.randn(2, 3).to(dtype)
    got = through_json(value)
    assert (got.kind, got.shape, got.dtype) == ("tensor", (2, 3), str(dtype)[6:])
    assert np.array_equal(got.values, value.numpy())


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 1e-300, 0.1])
def test_floats_survive(value):
    assert through_json(value) == value


def test_awkward_tensors_are_recorded():
    grad = torch.ones(2, 3, requires_grad=True)
    assert np.array_equal(through_json((grad * 2).t()).values, np.full((3, 2), 2.0))
    assert through_json(torch.ones(2, dtype=torch.float16)).dtype == "float16"
    assert through_json(torch.ones(2, dtype=torch.complex64)).values is None
    assert through_json(torch.zeros(2_000_000)).values is None
    assert through_json(np.array([object()])).values is None


def test_what_cannot_be_compared_keeps_its_type_only():
    assert through_json(x for x in ()) == Other("generator")
    assert isinstance(through_json([[[[[1]]]]]), list)


@pytest.mark.parametrize(
    "record",
    [
        None, 3, [], {}, {"kind": "exec"}, {"kind": "int", "value": 3},
        {"kind": "literal", "value": 3},
        {"kind": "int", "value": "__import__('os')"},
        {"kind": "int", "value": "9" * 400},
        {"kind": "sequence", "items": [0] * 100},
        {"kind": "tensor", "dtype": "float32", "shape": [2], "data": "AAAA"},
        {"kind": "tensor", "dtype": "float32", "shape": [-1], "data": ""},
        {"kind": "tensor", "dtype": "float32", "shape": [10**9], "data": "AAAA"},
        {"kind": "tensor", "dtype": "float32", "shape": [1], "data": "!!!!!!=="},
        {"kind": "tensor", "dtype": "float32", "shape": "12"},
    ],
)  # fmt: skip
def test_other_records_are_refused(record):
    with pytest.raises(ValueError, match=r".*"):
        decode(record)


def test_calls_are_recorded_with_their_errors_and_side_effects():
    def fill(x):
        x.zero_()
        raise KeyError("k")

    outcome = decode_outcome(record_call(fill, (torch.ones(2),)))
    assert outcome["error"][0] == "KeyError"
    assert outcome["changed"]
    assert not decode_outcome(record_call(lambda x: x + 1, (torch.ones(2),)))["changed"]


def test_a_value_whose_str_raises_does_no_harm():
    class Nasty(Exception):
        def __str__(self):
            raise RuntimeError

    def fail():
        raise Nasty

    assert decode_outcome(record_call(fail, ()))["message"] == ""


def test_arrays_know_their_kind():
    assert through_json(np.ones((1, 2), np.float32)).kind == "array"
    assert isinstance(through_json(torch.tensor(3.0)), Array)


def test_sequences_inside_a_mapping_become_tuples_too():
    recorded = decode(encode({"configuration": [64, (256, 1), "M"]}))
    assert to_live(recorded) == {"configuration": (64, (256, 1), "M")}
