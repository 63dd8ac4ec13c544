"""A walk through a network on the meta device: which functions run, in which module, on what.

Every tensor on the way carries, as `seen`, the part of the input that its first value depends on.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Axis = tuple[int, int, int]  # first and last input pixel that output 0 sees; pixels to output 1
# Called for every layer with its name, type, output, parameters, MACs and other operations.
Note = Callable[[str, str, Tensor, int, int, int], None]


@dataclass
class Running:
    """A module while it runs, and what the functions called in it have cost so far."""

    name: str
    module: nn.Module
    macs: int = 0
    other_ops: int = 0


class Walk(TorchFunctionMode):
    """Sees every torch function that a model calls while it is in force, and which module calls it.

    x: the input, on the meta device; note: told of every layer when it has run. `running` holds the
    modules that run at the moment, outermost first.
    """

    def __init__(self, model: nn.Module, x: Tensor, note: Note) -> None:
        super().__init__()
        x.seen = ((0, 0, 1), (0, 0, 1))
        self.note = note
        self.running: list[Running] = []
        self.counted: set[nn.Module] = set()
        self.hooks = []
        for name, module in model.named_modules():
            self.hooks.append(module.register_forward_pre_hook(partial(self._enter, name)))
            self.hooks.append(module.register_forward_hook(self._leave))

    def remove(self) -> None:
        for hook in self.hooks:
            hook.remove()

    def _enter(self, name: str, module: nn.Module, inputs: tuple) -> None:
        self.running.append(Running(name, module))

    def _leave(self, module: nn.Module, inputs: tuple, output: object) -> None:
        ran = self.running.pop()
        if _is_layer(module) and isinstance(output, Tensor):
            new = module not in self.counted
            self.counted.add(module)
            params = sum(p.numel() for p in module.parameters()) if new else 0
            self.note(ran.name, type(module).__name__, output, params, ran.macs, ran.other_ops)

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        name = getattr(function, "__name__", "")
        tensors = _tensors((*arguments, *options.values()))
        inputs = [t for t in tensors if hasattr(t, "seen")]
        if not inputs:
            return function(*arguments, **options)
        if name in ELEMENTWISE and all(_fits(t, inputs[0]) for t in tensors):
            out = inputs[0] if name.endswith("_") else inputs[0].detach()
        else:
            out = function(*arguments, **options)
        window = WINDOWS[name](*arguments, **options) if name in WINDOWS else None
        for made in _tensors([out]):
            made.seen = _seen(inputs, made, window)
        if name in COSTS and self.running:
            macs, other_ops = COSTS[name](inputs[0], out, window, *arguments[1:])
            ran = self.running[-1]
            ran.macs += macs
            ran.other_ops += other_ops
            if not _is_layer(ran.module):
                self.note(f"{ran.name}.{name}".lstrip("."), name, out, 0, macs, other_ops)
        return out


def _is_layer(module: nn.Module) -> bool:
    """Whether a module gets a row: it has no children, and is no activation and no dropout."""
    in_place = type(module).__module__ in (
        "torch.nn.modules.activation", "torch.nn.modules.dropout", "torch.nn.modules.linear",
    ) and not list(module.parameters())  # fmt: skip
    return not in_place and not list(module.children())


def _tensors(values: Iterable[object]) -> list[Tensor]:
    """The tensors among `values`, and in lists among them."""
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += [v for v in value if isinstance(v, Tensor)]
    return found


def _fits(tensor: Tensor, maps: Tensor) -> bool:
    """Whether a tensor has the shape of the maps, or one number for each of them."""
    return tensor.shape == maps.shape or (tensor.ndim == 1 and len(tensor) == maps.shape[1])


def _seen(inputs: list[Tensor], out: Tensor, window: Sequence | None) -> tuple[Axis, Axis]:
    """What output 0 of a function sees of the network's input, by rows and by columns."""
    maps = inputs[0]
    axes = []
    for axis in (0, 1):
        first = min(t.seen[axis][0] for t in inputs)
        last = max(t.seen[axis][1] for t in inputs)
        step = max(t.seen[axis][2] for t in inputs)
        before = maps.shape[axis + 2] if maps.ndim == 4 else 1
        after = out.shape[axis + 2] if out.ndim == 4 else 1
        if window is not None:
            kernel, stride, padding, dilation = (_two(n)[axis] for n in window)
            first -= padding * step
            last += ((kernel - 1) * dilation - padding) * step
            step *= stride
        elif after == 1:
            last += (before - 1) * step  # flattened or averaged: everything is seen
        elif after < before:
            step *= round(before / after)  # every second pixel, say
        axes.append((first, last, step))
    return tuple(axes)


def _two(value: int | Sequence[int]) -> Sequence[int]:
    """A size as torch takes it, an int or a sequence, by rows and columns."""
    return (value, value) if isinstance(value, int) else value


def field_of(out: Tensor) -> int | tuple[int, int]:
    """How many pixels of the input one value of `out` sees; (rows, columns) where they differ."""
    rows, columns = (last - first + 1 for first, last, _ in out.seen)
    return rows if rows == columns else (rows, columns)


def _conv_window(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    kernel = tuple(weight.shape[2:])
    if isinstance(padding, str):
        reach = [(k - 1) * d // 2 for k, d in zip(kernel, _two(dilation), strict=True)]
        padding = tuple(reach) if padding == "same" else 0
    return kernel, stride, padding, dilation


def _max_window(x, kernel_size, stride=None, padding=0, dilation=1, *rest, **more):
    return kernel_size, stride or kernel_size, padding, dilation


def _avg_window(x, kernel_size, stride=None, padding=0, *rest, **more):
    return kernel_size, stride or kernel_size, padding, 1


def _adaptive_window(x, output_size, *rest, **more):
    sizes = [s or n for s, n in zip(_two(output_size), x.shape[2:], strict=True)]
    shares = tuple(-(-n // s) for n, s in zip(x.shape[2:], sizes, strict=True))
    return shares, shares, 0, 1


# What these give has the shape of their input, which takes the meta device long to find out.
ELEMENTWISE = {
    "add", "add_", "mul", "mul_", "relu", "relu_", "tanh", "sigmoid", "dropout", "batch_norm",
    "local_response_norm",
}  # fmt: skip

# By the name of a torch function: its kernel size, stride, padding and dilation.
WINDOWS = {
    "conv2d": _conv_window,
    "max_pool2d": _max_window,
    "avg_pool2d": _avg_window,
    "adaptive_avg_pool2d": _adaptive_window,
    "adaptive_max_pool2d": _adaptive_window,
}


def _products(x, out, window, weight, *rest):
    """Each output is a product of a row of weights with as many inputs."""
    return out.numel() * weight[0].numel(), 0


def _comparisons(x, out, window, *rest):
    return 0, out.numel() * math.prod(_two(window[0]))


COSTS = {
    "conv1d": _products,
    "conv2d": _products,
    "conv3d": _products,
    "linear": _products,
    "matmul": lambda x, out, window, other: (out.numel() * x.shape[-1], 0),
    "max_pool2d": _comparisons,
    "avg_pool2d": _comparisons,
    "adaptive_avg_pool2d": _comparisons,
    "adaptive_max_pool2d": _comparisons,
    "mean": lambda x, out, window, *rest: (0, x.numel()),
}
