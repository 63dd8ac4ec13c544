"""What a function took and gave, as plain data: JSON with raw arrays in base64.

Reading a record never executes anything. This file depends on nothing else in the course, so that
its source can be sent to wherever a function runs.
"""

import base64
import dataclasses
import math

import numpy as np
import torch

LARGEST_ARRAY = 1 << 20  # bytes; above it only shape and dtype are recorded
LONGEST_TEXT, MOST_ITEMS, DEEPEST = 300, 512, 4
DTYPES = {  # recorded dtype -> (numpy dtype of the bytes, torch dtype)
    "float64": ("<f8", torch.float64),
    "float32": ("<f4", torch.float32),
    "int64": ("<i8", torch.int64),
    "int32": ("<i4", torch.int32),
    "uint8": ("|u1", torch.uint8),
    "bool": ("|b1", torch.bool),
}
STAND_INS = {"float16": "float32", "bfloat16": "float32", "int16": "int32", "int8": "int32"}


@dataclasses.dataclass
class Array:
    """A recorded tensor or numpy array: kind "tensor" or "array", and the dtype it came with.

    values is None when the array was too large to record or of an unusual dtype.
    """

    kind: str
    dtype: str
    shape: tuple[int, ...]
    values: np.ndarray | None


@dataclasses.dataclass
class Other:
    """A value that cannot be compared, e.g. a generator: only its type's name is kept."""

    type: str


def encode(value, depth=0):
    """`value` as JSON-able data. Never raises for an unusual value; that becomes "other"."""
    if isinstance(value, torch.Tensor):
        return _encode_tensor(value)
    if isinstance(value, np.ndarray):
        return _encode_array(value, "array", str(value.dtype))
    if isinstance(value, np.generic):
        value = value.item()
    if value is Ellipsis:  # what a stub leaves where an answer belongs
        value = None
    if value is None or isinstance(value, bool):
        return {"kind": "literal", "value": value}
    if isinstance(value, int) and value.bit_length() <= 512:
        return {"kind": "int", "value": str(int(value))}
    if isinstance(value, float):
        return {"kind": "float", "value": repr(float(value))}
    if isinstance(value, str):
        return {"kind": "text", "value": value[:LONGEST_TEXT]}
    if depth < DEEPEST:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        if isinstance(value, tuple | list) and len(value) <= MOST_ITEMS:
            return {"kind": "sequence", "items": [encode(v, depth + 1) for v in value]}
        if isinstance(value, dict) and len(value) <= MOST_ITEMS:
            items = {str(k)[:LONGEST_TEXT]: encode(v, depth + 1) for k, v in value.items()}
            return {"kind": "mapping", "items": items}
    return {"kind": "other", "type": type(value).__name__[:LONGEST_TEXT]}


def _encode_tensor(value):
    name = str(value.dtype).removeprefix("torch.")
    if value.numel() * 8 > LARGEST_ARRAY or not (name in DTYPES or name in STAND_INS):
        return {"kind": "tensor", "dtype": name, "shape": list(value.shape)}
    value = value.detach().resolve_conj().resolve_neg().cpu()
    if name in STAND_INS:
        value = value.to(DTYPES[STAND_INS[name]][1])
    return _encode_array(value.contiguous().numpy(), "tensor", name)


def _encode_array(value, kind, dtype):
    record = {"kind": kind, "dtype": dtype, "shape": list(value.shape)}
    stored = STAND_INS.get(dtype, dtype)
    if value.nbytes <= LARGEST_ARRAY and stored in DTYPES:
        raw = np.ascontiguousarray(value, DTYPES[stored][0]).tobytes()
        record["data"] = base64.b64encode(raw).decode()
    return record


def decode(record, depth=0):
    """The value a record describes: numbers, text, lists, dicts, :class:`Array`, :class:`Other`.

    Raises ValueError when the record is not one that :func:`encode` makes.
    """
    if not isinstance(record, dict) or depth > DEEPEST:
        raise ValueError("not a record")
    kind, value = record.get("kind"), record.get("value")
    if kind == "literal" and (value is None or isinstance(value, bool)):
        return value
    if kind in ("int", "float", "text") and isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return {"int": int, "float": float, "text": str}[kind](value)
    items = record.get("items")
    if kind == "sequence" and isinstance(items, list) and len(items) <= MOST_ITEMS:
        return [decode(item, depth + 1) for item in items]
    if kind == "mapping" and isinstance(items, dict) and len(items) <= MOST_ITEMS:
        return {str(key): decode(item, depth + 1) for key, item in items.items()}
    if kind in ("tensor", "array"):
        return _decode_array(record)
    if kind == "other":
        return Other(str(record.get("type"))[:LONGEST_TEXT])
    raise ValueError(f"not a record: kind {str(kind)[:40]!r}")


def _decode_array(record):
    shape, dtype = record.get("shape"), str(record.get("dtype"))[:LONGEST_TEXT]
    if not isinstance(shape, list) or len(shape) > 16:
        raise ValueError("a recorded array without a shape")
    if not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise ValueError("a recorded array with an impossible shape")
    data, stored = record.get("data"), STAND_INS.get(dtype, dtype)
    if data is None or stored not in DTYPES:
        return Array(record["kind"], dtype, tuple(shape), None)
    layout = np.dtype(DTYPES[stored][0])
    size = math.prod(shape) * layout.itemsize
    if not isinstance(data, str) or size > LARGEST_ARRAY or len(data) != 4 * ((size + 2) // 3):
        raise ValueError("a recorded array whose data does not match its shape")
    values = np.frombuffer(base64.b64decode(data, validate=True), layout).reshape(shape)
    return Array(record["kind"], dtype, tuple(shape), values)


def to_live(value):
    """A decoded value with every :class:`Array` as a fresh torch tensor; lists become tuples."""
    if isinstance(value, Array):
        return torch.from_numpy(value.values.copy())
    if isinstance(value, dict):
        return {key: to_live(v) for key, v in value.items()}
    if isinstance(value, list):
        return tuple(to_live(v) for v in value)
    return value


def record_call(function, arguments):
    """Call `function` on copies of `arguments` and record what came of it.

    Returns {"value": record} or {"error": see :func:`describe_error`}; "changed" lists the
    positions of tensor arguments that the function modified in place.
    """
    live = [a.clone() if isinstance(a, torch.Tensor) else a for a in arguments]
    try:
        outcome = {"value": encode(function(*live))}
    except (Exception, SystemExit) as error:
        outcome = {"error": describe_error(error)}
    pairs = enumerate(zip(arguments, live, strict=True))
    outcome["changed"] = [i for i, (a, b) in pairs if isinstance(a, torch.Tensor) and _differ(a, b)]
    return outcome


def _differ(before, after):
    try:
        return not torch.equal(before, after)
    except RuntimeError:  # not even comparable any more
        return True


def describe_error(error):
    """What is known about a caught exception.

    Returns its type, base classes and message; the line in the learner's own cell; and "inside",
    the learner's function that raised it, if that is not the one that was called.
    """
    frames, traceback = [], error.__traceback__
    while traceback is not None:
        if "ipykernel" in traceback.tb_frame.f_code.co_filename:  # a notebook cell
            frames.append((traceback.tb_frame.f_code.co_name, traceback.tb_lineno))
        traceback = traceback.tb_next
    line = frames[-1][1] if frames else None
    inside = frames[-1][0] if frames and frames[-1][0] != frames[0][0] else None
    try:
        message = str(error)[:LONGEST_TEXT]
    except Exception:
        message = ""
    bases = [base.__name__[:60] for base in type(error).__mro__[:8]]
    return {"type": bases[0], "bases": bases, "message": message, "line": line, "inside": inside}


def decode_outcome(outcome):
    """A recorded outcome with its value decoded; see :func:`record_call`.

    Returns {"value", "nothing", "changed"}, nothing meaning None, or {"error": [type and base
    names], "message", "line", "inside", "changed"}.
    Raises ValueError when it is not such an outcome.
    """
    if not isinstance(outcome, dict):
        raise ValueError("not an outcome")
    changed = {"changed": bool(outcome.get("changed"))}
    if "value" in outcome:
        value = decode(outcome["value"])
        return {"value": value, "nothing": value is None, **changed}
    error = outcome.get("error")
    if (
        not isinstance(error, dict)
        or not isinstance(error.get("bases"), list)
        or not error["bases"]
    ):
        raise ValueError("an outcome with neither a value nor an error")
    line, inside = error.get("line"), error.get("inside")
    return {
        "error": [str(base)[:60] for base in error["bases"][:8]],
        "message": str(error.get("message"))[:LONGEST_TEXT],
        "line": line if isinstance(line, int) else None,
        "inside": str(inside)[:60] if inside else None,
        **changed,
    }
