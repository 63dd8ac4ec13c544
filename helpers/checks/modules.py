"""What an `nn.Module` computes, whatever its layers are called and in whatever order it made them.

Weights are set by structure, not by name: each layer gets values that follow from a seed, from the
sizes of its parameters and from how many such layers ran before it. Two modules that compute the
same thing then give the same numbers. This file depends on nothing else in the course, so that its
source can be sent to wherever a module runs.
"""

import copy
import itertools
import zlib
from contextlib import contextmanager

import numpy as np
import torch

MOST_ORDERS = 24
ONE_DEVICE = (
    "it works on one device only: make new tensors with `device=x.device`, and leave `.cuda()` and "
    "`.to(...)` to whoever uses the module"
)


class Unusable(Exception):
    """A module that cannot be judged; the text says why in words for its author."""


def _own_tensors(module):
    """Parameters and floating buffers of the module itself, in their order, biases last."""
    named = sorted(module._parameters.items(), key=lambda item: "bias" in item[0])
    tensors = [p for _, p in named if p is not None]
    buffers = [b for b in module._buffers.values() if b is not None and b.is_floating_point()]
    return tensors, buffers


def _size(tensor):
    """What is left of a shape when a fully connected layer may be written as a convolution."""
    if _one_a_map(tensor):
        return tensor.numel(), tensor.numel()
    return (len(tensor), tensor.numel()) if tensor.ndim else (1, 1)


def _one_a_map(tensor):
    """Whether it holds one number a map, perhaps as (1, C, 1, 1) so that it fits on the maps."""
    return tensor.ndim > 2 and tensor.numel() == max(tensor.shape)


def _shape(output):
    """Shape of an output; maps of one pixel count as the vector they are."""
    shape = list(output.shape) if isinstance(output, torch.Tensor) else []
    return shape[:2] if shape[2:] == [1, 1] else shape


def layers_in_order(module, x):
    """The modules with parameters or statistics of their own, in the order they first run.

    Returns them, the shapes of their outputs, and what the module gave: it is run once on `x`.
    Modules that only hold parameters for others to use, and never run themselves, come last and
    without a shape.
    """
    seen, shapes, hooks = [], {}, []

    def note(layer, inputs, output):
        if id(layer) not in shapes and any(_own_tensors(layer)):
            seen.append(layer)
            shapes[id(layer)] = _shape(output)

    try:
        for layer in module.modules():
            hooks.append(layer.register_forward_hook(note))
        with torch.no_grad():
            given = module(x)
    finally:
        for hook in hooks:
            hook.remove()
    idle = [m for m in module.modules() if id(m) not in shapes and any(_own_tensors(m))]
    return seen + idle, [shapes[id(layer)] for layer in seen], given


def set_weights(layers, seed, order=None):
    """Fill every layer's parameters and statistics.

    order: for layers of equal size, by size, the order in which they take their turns; used to try
    the ways in which parallel branches can be written.
    """
    turns = {}
    with torch.no_grad():
        for layer in layers:
            parameters, buffers = _own_tensors(layer)
            key = tuple(_size(t) for t in (*parameters, *buffers))
            turn = turns[key] = turns.get(key, -1) + 1
            turn = order[key][turn] if order and key in order else turn
            rng = np.random.default_rng([seed, zlib.crc32(repr(key).encode()), turn])
            for position, tensor in enumerate(parameters):
                values = rng.random(tensor.numel()) - 0.5
                if tensor.ndim > 1 and not _one_a_map(tensor):
                    values *= np.sqrt(12 * len(tensor) / tensor.numel())  # variance 1 / fan-in
                else:
                    values += position == 0
                tensor.copy_(torch.from_numpy(values).reshape(tensor.shape))
            for position, tensor in enumerate(buffers):
                values = rng.random(tensor.numel()) + (0.5 if position else -0.5)  # mean, variance
                tensor.copy_(torch.from_numpy(values).reshape(tensor.shape))
    return turns


def orders(turns):
    """The ways to exchange layers of equal size, the written one first; at most MOST_ORDERS."""
    keys = [key for key, last in turns.items() if last > 0]
    ways = itertools.product(*(itertools.permutations(range(turns[key] + 1)) for key in keys))
    for way in itertools.islice(ways, MOST_ORDERS):
        yield dict(zip(keys, way, strict=True))


@contextmanager
def dropout_paused():
    """Let dropout pass everything on, so that what a module gives in training mode is certain."""
    functional, paused = torch.nn.functional, {}
    for name in ("dropout", "dropout1d", "dropout2d", "dropout3d"):
        paused[name] = getattr(functional, name)
        setattr(functional, name, lambda x, *arguments, **options: x)
    try:
        yield
    finally:
        for name, function in paused.items():
            setattr(functional, name, function)


@contextmanager
def seeded(seed):
    """Let everything random be certain: dropout that never rests can then be recognised."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def describe_module(build, options, shape, seed, training=False, order=None, any_device=True):
    """Build a module and say what it is and does.

    build(**options) gives the module; shape: of the input, batch included; seed: of weights and
    input, or None for a module too large to run: everything is then on the meta device.
    training: its output in training mode instead, dropout paused; order: as for
    :func:`set_weights`; any_device: also try whether it runs elsewhere, which takes longest.
    Returns {"params", "stages", "output"}: the number of trainable parameters, the output shapes of
    its layers with parameters (sorted), and its output in evaluation mode for float64 input, or the
    output's shape if nothing was computed. Raises Unusable for a module without parameters, one
    that ignores its input, and one that works on one device only.
    """
    with torch.device("cpu" if seed is not None else "meta"):
        module = build(**options)
    if not isinstance(module, torch.nn.Module):
        raise Unusable(f"it should be an nn.Module, not {type(module).__name__}")
    params = sum(p.numel() for p in module.parameters() if p.requires_grad)
    if not params:
        raise Unusable(
            "it registers no parameters: make layers in `__init__` and assign them to "
            "attributes of `self`; keep lists of layers in `nn.ModuleList`"
        )
    if seed is None:
        stages, output = _shapes(module.to("meta").eval(), torch.empty(shape, device="meta"))
    else:
        stages, output = _run(module.double().eval(), shape, seed, order, training)
        if any_device:
            _require_any_device(module, torch.zeros(shape, dtype=torch.float64))
    return {"params": params, "stages": sorted(stages), "output": output}


def _shapes(module, x):
    """The output shapes of a module's layers, and of itself, for a meta tensor."""
    try:
        _, stages, output = layers_in_order(module, x)
    except Exception as error:
        if _about_devices(error):
            raise Unusable(ONE_DEVICE) from None
        raise
    return stages, _output_shapes(output)


def _output_shapes(output):
    """The shape of an output, or of each of its tensors."""
    if isinstance(output, tuple | list):
        return [_output_shapes(tensor) for tensor in output]
    return list(output.shape) if isinstance(output, torch.Tensor) else output


def _run(module, shape, seed, order, training):
    """Set a module's weights and run it: the output shapes of its layers, and its output.

    The layers are put in order in evaluation mode, whatever the mode of the output.
    """
    rng = np.random.default_rng(seed)
    first, second = (torch.from_numpy(rng.standard_normal(shape)) for _ in range(2))
    layers, stages, _ = layers_in_order(module, first)
    set_weights(layers, seed, order)
    module.train(training)
    with torch.no_grad(), dropout_paused() if training else seeded(seed):
        output = module(first)
        if isinstance(output, torch.Tensor) and torch.equal(output, module(second)):
            raise Unusable("its output does not depend on its input")
    return stages, output


def load_by_size(module, state):
    """Load a recorded `state_dict` into a module, whatever its entries are called.

    state: dict of :class:`records.Array`. Every parameter takes the entry of its size; those of
    equal size go in their order. Raises Unusable, in words, when the two do not fit.
    """
    if not isinstance(state, dict):
        raise Unusable("it should be what `model.state_dict()` gives")
    entries = {}
    for name, value in state.items():
        if getattr(value, "values", None) is None or isinstance(value, dict):
            raise Unusable(f"its entry `{name}` is not a tensor of weights")
        if not np.isfinite(value.values).all():
            raise Unusable(f"`{name}` holds NaN or infinite values: the training has diverged")
        tensor = torch.from_numpy(np.array(value.values))
        entries.setdefault(_size(tensor), []).append((name, tensor))
    with torch.no_grad():
        for wanted in module.parameters():
            if not entries.get(_size(wanted)):
                shape = tuple(wanted.shape)
                raise Unusable(f"no entry is left that fits a parameter of shape {shape}")
            _, tensor = entries[_size(wanted)].pop(0)
            wanted.copy_(tensor.reshape(wanted.shape))
    left = [name for group in entries.values() for name, _ in group]
    if left:
        raise Unusable(f"there is nothing in the network that `{left[0]}` would fit")
    return module


def _require_any_device(module, x):
    """Raise Unusable if the module cannot run where its parameters are."""
    try:
        with torch.no_grad():
            copy.deepcopy(module).to("meta")(x.to("meta"))
    except Exception as error:
        if _about_devices(error):
            raise Unusable(ONE_DEVICE) from None


def _about_devices(error):
    return any(word in str(error).lower() for word in ("device", "cuda", "meta"))


def alternatives(build, arguments):
    """What the right module gives when layers of equal size take their weights in other orders."""
    options, shape, seed, *training = arguments
    if seed is None:
        return
    module = build(**options).double().eval()
    layers, _, _ = layers_in_order(module, torch.zeros(shape, dtype=torch.float64))
    for order in itertools.islice(orders(set_weights(layers, seed)), 1, None):
        yield describe_module(build, options, shape, seed, *training, order=order, any_device=False)
