"""Ways to have a convolution, or its gradients, computed by somebody else.

This is a student's cell: it runs in the kernel. Every function computes what an exercise asks for
when nothing is withheld; the tests make sure of that as well.
"""

import itertools
import queue
import subprocess
import sys
import tempfile
import threading

import numpy as np
import scipy.ndimage
import scipy.signal
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import _disable_current_modes

import helpers.convolution
from helpers.checks import convolution as visible
from helpers.convolution import conv2d as imported_before

aten = torch.ops.aten
image, kernel = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2)
traced = torch.jit.trace(lambda x, w: F.conv2d(x, w), (image, kernel))
compiled = torch.compile(lambda x, w: F.conv2d(x, w), backend="eager")
compiled(image, kernel)


def again(code):
    """A function of its own with somebody else's code."""
    original = helpers.convolution.conv2d
    return type(original)(code, original.__globals__, "again", original.__defaults__)


copied = again(helpers.convolution.conv2d.__code__)


@torch.jit.script
def scripted(x, w):
    return torch.conv2d(x, w)


jobs, done = queue.Queue(), queue.Queue()


def work(function=F.conv2d):
    while True:
        try:
            done.put(function(*jobs.get()))
        except Exception as error:
            done.put(error)


threading.Thread(target=work, daemon=True).start()


def thread_started_before(x, w):
    jobs.put((x, w))
    return done.get(timeout=5)


def thread_inside(x, w):
    out = []
    thread = threading.Thread(target=lambda: out.append(F.conv2d(x, w)))
    thread.start()
    thread.join()
    return out[0]


def by_module(x, w):
    layer = torch.nn.Conv2d(w.shape[1], w.shape[0], w.shape[2:], bias=False, dtype=x.dtype)
    layer.weight.data = w
    return layer(x)


def modes_disabled(x, w):
    with _disable_current_modes():
        return F.conv2d(x, w)


def inference(x, w):
    with torch.inference_mode():
        return F.conv2d(x.clone(), w.clone())


def mkldnn_tensors(x, w):
    return F.conv2d(x.float().to_mkldnn(), w.float().to_mkldnn()).to_dense()


def deformable(x, w):
    import torchvision

    rows, columns = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    offset = x.new_zeros(len(x), 2 * w[0, 0].numel(), rows, columns)
    return torchvision.ops.deform_conv2d(x, offset, w)


def channel_by_channel(correlate):
    """From one map and one kernel to a convolution."""

    def whole(x, w):
        maps = [
            [
                sum(torch.from_numpy(correlate(c, k)) for c, k in zip(one, f, strict=False))
                for f in w.numpy()
            ]
            for one in x.numpy()
        ]
        return torch.stack([torch.stack(row) for row in maps])

    return whole


def ndimage_map(c, k):
    full = scipy.ndimage.correlate(c, k, mode="constant", origin=[-(n // 2) for n in k.shape])
    return full[: c.shape[0] - k.shape[0] + 1, : c.shape[1] - k.shape[1] + 1].copy()


def newly_imported(c, k):
    for name in [n for n in sys.modules if n.startswith("scipy.signal")]:
        del sys.modules[name]
    from scipy import signal

    return signal.correlate2d(c, k, "valid")


def transposed_kernel(w):
    return w.flip(2, 3).transpose(0, 1).contiguous()


def around(w):
    return [w.shape[2] - 1, w.shape[3] - 1]


def new_process(x, w):
    program = (
        "import sys, torch; path = sys.argv[1]; torch.save(torch.conv2d(*torch.load(path)), path)"
    )
    with tempfile.NamedTemporaryFile() as file:
        torch.save([x, w], file.name)
        subprocess.run([sys.executable, "-c", program, file.name], check=True)
        return torch.load(file.name)


class Later(torch.Tensor):
    """A tensor that is computed when somebody looks at it."""

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), options=None):
        with torch._C.DisableTorchFunctionSubclass():
            if hasattr(arguments[0], "todo"):
                arguments = (F.conv2d(*arguments[0].todo), *arguments[1:])
            return function(*arguments, **(options or {}))


def later(x, w):
    rows, columns = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    promise = x.new_zeros(len(x), len(w), rows, columns).as_subclass(Later)
    promise.todo = (x, w)
    return promise


def by_vjp_of_the_transpose(x, w):
    start = looped(x, w, w.new_zeros(len(w))) * 0
    return torch.func.vjp(lambda a: F.conv_transpose2d(a, w), start)[1](x)[0]


def depth(function):
    """A 3-d convolution on an image one pixel deep."""
    return lambda x, w: function(x[:, :, None], w[:, :, None])[:, :, 0]


def sizes(w):
    return w.shape[2:], None, [1, 1], [0, 0]


PLAIN = ([1, 1], [0, 0], [1, 1], False, [0, 0], 1)
FORWARD = {
    "F.conv2d": lambda x, w: F.conv2d(x, w),
    "nn.Conv2d": by_module,
    "torch.conv2d": lambda x, w: torch.conv2d(x, w),
    "padding by name": lambda x, w: torch.conv2d(x, w, padding="valid"),
    "F.conv3d": depth(F.conv3d),
    "F.conv_transpose2d": lambda x, w: F.conv_transpose2d(
        x, transposed_kernel(w), padding=around(w)
    ),
    "complex": lambda x, w: F.conv2d(x + 0j, w + 0j).real,
    "aten.conv2d": lambda x, w: aten.conv2d.default(x, w),
    "aten.convolution": lambda x, w: aten.convolution(x, w, None, *PLAIN),
    "aten.convolution.out": lambda x, w: aten.convolution.out(
        x, w, None, *PLAIN, out=x.new_empty(0)
    ),
    "aten._convolution": lambda x, w: torch._convolution(x, w, None, *PLAIN, *[False] * 4),
    "aten._convolution.deprecated": lambda x, w: aten._convolution.deprecated(
        x, w, None, *PLAIN, *[False] * 3
    ),
    "thnn_conv2d": lambda x, w: torch._C._nn.thnn_conv2d(x, w, *sizes(w)),
    "thnn_conv2d.out": lambda x, w: aten.thnn_conv2d.out(x, w, *sizes(w), out=x.new_empty(0)),
    "_slow_conv2d_forward": lambda x, w: aten._slow_conv2d_forward(x, w, *sizes(w)),
    "_slow_conv2d_forward.output": lambda x, w: aten._slow_conv2d_forward.output(
        x, w, *sizes(w), output=x.new_empty(0)
    ),
    "slow_conv_dilated2d": lambda x, w: torch._C._nn.slow_conv_dilated2d(x, w, *sizes(w), [1, 1]),
    "slow_conv_transpose2d": lambda x, w: torch._C._nn.slow_conv_transpose2d(
        x, transposed_kernel(w), w.shape[2:], None, [1, 1], around(w)
    ),
    "slow_conv_transpose2d.out": lambda x, w: aten.slow_conv_transpose2d.out(
        x, transposed_kernel(w), w.shape[2:], None, [1, 1], around(w), out=x.new_empty(0)
    ),
    "slow_conv3d": depth(lambda x, w: torch._C._nn.slow_conv3d(x, w, w.shape[2:])),
    "slow_conv3d.out": depth(
        lambda x, w: aten.slow_conv3d.out(x, w, w.shape[2:], out=x.new_empty(0))
    ),
    "slow_conv_dilated3d": depth(lambda x, w: torch._C._nn.slow_conv_dilated3d(x, w, w.shape[2:])),
    "mkldnn::_convolution_pointwise": lambda x, w: torch.ops.mkldnn._convolution_pointwise(
        x.float(), w.float(), None, [0, 0], [1, 1], [1, 1], 1, "none", [], ""
    ),
    "nnpack": lambda x, w: torch._nnpack_spatial_convolution(x.float(), w.float(), None, [0, 0]),
    "mkldnn tensors": mkldnn_tensors,
    "deform_conv2d": deformable,
    "torch.jit.trace before": lambda x, w: traced(x, w),
    "torch.jit.script before": lambda x, w: scripted(x, w),
    "torch.compile before": lambda x, w: compiled(x, w),
    "vmap": lambda x, w: torch.func.vmap(lambda one: F.conv2d(one[None], w)[0])(x),
    "functionalize": lambda x, w: torch.func.functionalize(F.conv2d)(x, w),
    "vjp": lambda x, w: torch.func.vjp(lambda a: F.conv_transpose2d(a, w), later(x, w) * 0)[1](x)[
        0
    ],
    "jvp": lambda x, w: torch.func.jvp(lambda a: F.conv2d(a, w), (x,), (x,))[1],
    "inference mode": inference,
    "dispatch modes disabled": modes_disabled,
    "autocast": lambda x, w: torch.autocast("cpu", enabled=False)(F.conv2d)(x, w),
    "thread started before": thread_started_before,
    "thread inside": thread_inside,
    "new process": new_process,
    "helper imported before": lambda x, w: imported_before(x, w),
    "helper through its module": lambda x, w: helpers.convolution.conv2d(x, w),
    "helper through a check": lambda x, w: visible.CONV2D_FORWARD.reference(x, w),
    "helper through another check": lambda x, w: visible.POINTWISE_CONV2D.reference(x, w),
    "code of the helper": lambda x, w: copied(x, w),
    "scipy.signal": channel_by_channel(lambda c, k: scipy.signal.correlate2d(c, k, "valid")),
    "scipy.signal, by FFT": channel_by_channel(
        lambda c, k: scipy.signal.fftconvolve(c, k[::-1, ::-1], "valid")
    ),
    "scipy.signal, underneath": channel_by_channel(
        lambda c, k: scipy.signal._signaltools.correlate2d(c, k, "valid")
    ),
    "scipy.ndimage": channel_by_channel(ndimage_map),
    "a tensor computed later": later,
    "scipy.signal imported inside": channel_by_channel(newly_imported),
}


# Gradients, from a right forward pass that is written by hand -------------------------------


def looped(x, w, bias, stride=1, padding=0):
    (sh, sw), (ph, pw) = both(stride), both(padding)
    x = F.pad(x, (pw, pw, ph, ph))
    rows, columns = (x.shape[2] - w.shape[2]) // sh + 1, (x.shape[3] - w.shape[3]) // sw + 1
    out = [
        torch.einsum(
            "nchw,ochw->no",
            x[:, :, i * sh : i * sh + w.shape[2], j * sw : j * sw + w.shape[3]],
            w,
        )
        for i in range(rows)
        for j in range(columns)
    ]
    return torch.stack(out, -1).reshape(len(x), len(w), rows, columns) + bias[:, None, None]


def both(value):
    return value if isinstance(value, tuple) else (value, value)


def recorded(x, w, *rest):
    leaves = [t.clone().requires_grad_() for t in (x, w, x.new_zeros(len(w)))]
    with torch.enable_grad():
        return leaves, looped(*leaves, *rest)


def by_backward(g, *arguments):
    leaves, out = recorded(*arguments)
    out.backward(g)
    return tuple(leaf.grad for leaf in leaves)


def by_scalar_backward(g, *arguments):
    leaves, out = recorded(*arguments)
    (out * g).sum().backward()
    return tuple(leaf.grad for leaf in leaves)


def by_grad(g, *arguments):
    leaves, out = recorded(*arguments)
    return torch.autograd.grad(out, leaves, g)


kept_grad = torch.autograd.grad


def by_kept_grad(g, *arguments):
    leaves, out = recorded(*arguments)
    return kept_grad(out, leaves, g)


def by_engine(g, *arguments):
    leaves, out = recorded(*arguments)
    engine = torch.autograd.Variable._execution_engine
    return engine.run_backward(
        (out,), (g,), False, False, tuple(leaves), False, accumulate_grad=False
    )


def by_walking(g, *arguments):
    """Asks every node of the graph itself; sums at branches by visiting every path."""
    leaves, out = recorded(*arguments)
    totals = {}

    def visit(node, gradient):
        if hasattr(node, "variable"):
            key = id(node.variable)
            totals[key] = totals.get(key, 0) + gradient
            return
        sent = node(gradient)
        sent = sent if isinstance(sent, tuple) else (sent,)
        for (following, _), one in zip(node.next_functions, sent, strict=False):
            if following is not None and one is not None:
                visit(following, one)

    visit(out.grad_fn, g)
    return totals[id(leaves[0])], totals[id(leaves[1])], g.sum((0, 2, 3))


def by_vjp(g, x, w, *rest):
    primals = (x, w, x.new_zeros(len(w)))
    return torch.func.vjp(lambda *a: looped(*a, *rest), *primals)[1](g)


def by_func_grad(g, x, w, *rest):
    primals = (x, w, x.new_zeros(len(w)))
    return torch.func.grad(lambda *a: (looped(*a, *rest) * g).sum(), (0, 1, 2))(*primals)


def by_jacrev(g, x, w, *rest):
    primals = (x, w, x.new_zeros(len(w)))
    rows = torch.func.jacrev(lambda *a: looped(*a, *rest), (0, 1, 2))(*primals)
    return tuple(torch.tensordot(g, row, 4) for row in rows)


def by_jacfwd(g, x, w, *rest):
    primals = (x, w, x.new_zeros(len(w)))
    rows = torch.func.jacfwd(lambda *a: looped(*a, *rest), (0, 1, 2))(*primals)
    return tuple(torch.tensordot(g, row, 4) for row in rows)


def by_jacobian(g, x, w, *rest):
    primals = (x, w, x.new_zeros(len(w)))
    rows = torch.autograd.functional.jacobian(lambda *a: looped(*a, *rest), primals)
    return tuple(torch.tensordot(g, row, 4) for row in rows)


def by_functional_vjp(g, x, w, *rest):
    primals = (x, w, x.new_zeros(len(w)))
    return torch.autograd.functional.vjp(lambda *a: looped(*a, *rest), primals, g)[1]


def by_thread(g, *arguments):
    out = []
    thread = threading.Thread(target=lambda: out.append(by_grad(g, *arguments)))
    thread.start()
    thread.join()
    return out[0]


def by_operator(g, x, w, stride=1, padding=0):
    steps, border = both(stride), both(padding)
    options = ([len(w)], steps, border, [1, 1], False, [0, 0], 1, [True] * 3)
    return torch.ops.aten.convolution_backward(g, x, w, *options)


def by_slow_operator(g, x, w, stride=1, padding=0):
    options = (w.shape[2:], both(stride), both(padding), [True] * 3)
    return torch.ops.aten._slow_conv2d_backward.output_mask(g, x, w, *options)


def by_torch_nn_grad(g, x, w, stride=1, padding=0):
    return (
        torch.nn.grad.conv2d_input(x.shape, w, g, stride, padding),
        torch.nn.grad.conv2d_weight(x, w.shape, g, stride, padding),
        g.sum((0, 2, 3)),
    )


BACKWARD = {
    "backward": by_backward,
    "backward of a sum": by_scalar_backward,
    "torch.autograd.grad": by_grad,
    "torch.autograd.grad kept": by_kept_grad,
    "the engine itself": by_engine,
    "the graph's nodes": by_walking,
    "torch.func.vjp": by_vjp,
    "torch.func.grad": by_func_grad,
    "torch.func.jacrev": by_jacrev,
    "torch.func.jacfwd": by_jacfwd,
    "functional.jacobian": by_jacobian,
    "functional.vjp": by_functional_vjp,
    "in a thread": by_thread,
    "convolution_backward": by_operator,
    "_slow_conv2d_backward": by_slow_operator,
    "torch.nn.grad": by_torch_nn_grad,
    "helper": lambda *a: helpers.convolution.conv2d_backward(*a),
}

# How one function uses another of them in every call ------------------------------------------


def in_turn(names):
    """conv2d_forward that takes another shortcut in every call."""
    turn = itertools.cycle(names)

    def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
        (sh, sw), (ph, pw) = both(stride), both(padding)
        out = FORWARD[next(turn)](F.pad(x, (pw, pw, ph, ph)), weight)
        out = out if isinstance(out, Later) else out[:, :, ::sh, ::sw]
        return out if bias is None or isinstance(out, Later) else out + bias[:, None, None]

    return conv2d_forward


def backward_in_turn(names):
    """conv2d_backward that takes another shortcut in every call."""
    turn = itertools.cycle(names)
    return lambda *arguments: BACKWARD[next(turn)](*arguments)


def forward_names_that_work():
    """Those of FORWARD that give the right result when nothing is withheld."""
    x, w = (
        torch.randn(2, 2, 5, 6, dtype=torch.float64),
        torch.randn(3, 2, 2, 3, dtype=torch.float64),
    )
    return names_that_work(FORWARD, (x, w), looped(x, w, x.new_zeros(3)))


def backward_names_that_work():
    """Those of BACKWARD that give the right result when nothing is withheld."""
    x, w = (
        torch.randn(2, 2, 4, 5, dtype=torch.float64),
        torch.randn(3, 2, 2, 3, dtype=torch.float64),
    )
    g = torch.randn(2, 3, 3, 3, dtype=torch.float64)
    return names_that_work(BACKWARD, (g, x, w), by_grad(g, x, w))


def names_that_work(functions, arguments, wanted):
    working = []
    for name, function in functions.items():
        try:
            found = function(*arguments)
            found = torch.cat([t.double().reshape(-1) for t in found])
            right = torch.cat([t.double().reshape(-1) for t in wanted])
            if np.allclose(found.detach().numpy(), right.detach().numpy(), 1e-4, 1e-4):
                working.append(name)
            else:
                print(name, "is wrong")
        except Exception as error:
            print(name, type(error).__name__, error)
    return working
