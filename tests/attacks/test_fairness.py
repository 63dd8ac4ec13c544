"""Right answers count in whatever style they are written; honest errors are told in words."""

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder.exercises import load


def both(value):
    return value if isinstance(value, tuple) else (value, value)


def padded(x, padding):
    (ph, pw), (h, w) = both(padding), x.shape[2:]
    out = x.new_zeros(*x.shape[:2], h + 2 * ph, w + 2 * pw)
    out[:, :, ph : ph + h, pw : pw + w] = x
    return out


def out_size(x, weight, stride, padding):
    steps, border = both(stride), both(padding)
    return [(x.shape[2 + d] + 2 * border[d] - weight.shape[2 + d]) // steps[d] + 1 for d in (0, 1)]


def windows(x, weight, stride, padding):
    """(N, C, H_out, W_out, kH, kW), without a copy."""
    x, (sh, sw) = padded(x, padding), both(stride)
    return x.unfold(2, weight.shape[2], sh).unfold(3, weight.shape[3], sw)


def plus(out, bias):
    return out if bias is None else out + bias[:, None, None]


# Forward --------------------------------------------------------------------------------------


def seven_loops(x, weight, bias=None, stride=1, padding=0):
    (sh, sw), (ph, pw) = both(stride), both(padding)
    rows, columns = out_size(x, weight, stride, padding)
    out = torch.zeros(len(x), len(weight), rows, columns, dtype=x.dtype)
    for n in range(len(x)):
        for o in range(len(weight)):
            for i in range(rows):
                for j in range(columns):
                    total = 0.0 if bias is None else bias[o]
                    for c in range(x.shape[1]):
                        for a in range(weight.shape[2]):
                            for b in range(weight.shape[3]):
                                r, s = i * sh + a - ph, j * sw + b - pw
                                if 0 <= r < x.shape[2] and 0 <= s < x.shape[3]:
                                    total = total + x[n, c, r, s] * weight[o, c, a, b]
                    out[n, o, i, j] = total
    return out


def einsum(x, weight, bias=None, stride=1, padding=0):
    looks = windows(x, weight, stride, padding)
    return plus(torch.einsum("ncijab,ocab->noij", looks, weight), bias)


def tensordot(x, weight, bias=None, stride=1, padding=0):
    looks = windows(x, weight, stride, padding)
    out = torch.tensordot(looks, weight, ([1, 4, 5], [1, 2, 3]))
    return plus(out.permute(0, 3, 1, 2), bias)  # not contiguous


def unfold(x, weight, bias=None, stride=1, padding=0):
    columns = F.unfold(x, weight.shape[2:], padding=padding, stride=stride)
    out = (weight.flatten(1) @ columns).unflatten(2, out_size(x, weight, stride, padding))
    return plus(out, bias)


def as_strided(x, weight, bias=None, stride=1, padding=0):
    x = padded(x, padding)
    rows, columns = out_size(x, weight, stride, 0)
    n, c, h, w = x.stride()
    sh, sw = both(stride)
    shape = (len(x), rows, columns, *weight.shape[1:])
    looks = x.as_strided(shape, (n, h * sh, w * sw, c, h, w))
    return plus((looks.flatten(3) @ weight.flatten(1).T).movedim(-1, 1), bias)


def shifted_images(x, weight, bias=None, stride=1, padding=0):
    x, (sh, sw) = padded(x, padding), both(stride)
    rows, columns = out_size(x, weight, stride, 0)
    out = x.new_zeros(len(x), len(weight), rows, columns)
    for a in range(weight.shape[2]):
        for b in range(weight.shape[3]):
            part = x[:, :, a : a + sh * rows : sh, b : b + sw * columns : sw][:, :, :rows, :columns]
            out += torch.einsum("nchw,oc->nohw", part, weight[:, :, a, b])
    if bias is not None:
        out += bias.view(1, -1, 1, 1)
    return out


def fourier(x, weight, bias=None, stride=1, padding=0):
    x, (sh, sw) = padded(x, padding), both(stride)
    size = x.shape[2:]
    spectrum = torch.fft.rfft2(x)[:, None] * torch.fft.rfft2(weight, s=size).conj()[None]
    dense = torch.fft.irfft2(spectrum.sum(2), s=size)
    rows, columns = size[0] - weight.shape[2] + 1, size[1] - weight.shape[3] + 1
    return plus(dense[:, :, :rows:sh, :columns:sw], bias)


def list_of_lists(x, weight, bias=None, stride=1, padding=0):
    looks = windows(x, weight, stride, padding)
    out = torch.stack(
        [torch.stack([(look * f[:, None, None]).sum((0, 3, 4)) for f in weight]) for look in looks]
    )
    return plus(out, bias)


def pure_numpy(x, weight, bias=None, stride=1, padding=0):
    (sh, sw), (ph, pw) = both(stride), both(padding)
    x, weight = np.pad(x.numpy(), ((0, 0), (0, 0), (ph, ph), (pw, pw))), weight.numpy()
    looks = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], (2, 3))[:, :, ::sh, ::sw]
    out = np.einsum("ncijab,ocab->noij", looks, weight)
    return out if bias is None else out + bias.numpy()[:, None, None]


def other_names(a, b, c=None, s=1, p=0):
    return einsum(a, b, c, s, p)


def requires_grad(*arguments):
    return einsum(*arguments).requires_grad_()


def as_parameter(*arguments):
    return torch.nn.Parameter(einsum(*arguments))


def strided_backwards(*arguments):
    return einsum(*arguments).flip(3).transpose(2, 3).contiguous().transpose(2, 3).flip(3)


def talkative(*arguments):
    print("working on it")
    warnings.warn("this takes a while", stacklevel=1)
    return einsum(*arguments)


def try_torch_first(*arguments):
    try:
        return F.conv2d(*arguments)
    except RuntimeError:
        return einsum(*arguments)


FORWARD = [
    seven_loops, einsum, tensordot, unfold, as_strided, shifted_images, fourier, list_of_lists,
    pure_numpy, other_names, requires_grad, as_parameter, strided_backwards, try_torch_first,
]  # fmt: skip


@pytest.mark.parametrize("style", FORWARD)
def test_every_style_of_the_forward_pass_gets_full_marks(asked, style):
    decision = asked("conv2d_forward", {"conv2d_forward": style})
    assert decision.fraction == 1
    assert decision.flags == []


@pytest.mark.parametrize("name", ["conv2d_im2col", "pointwise_conv2d", "grouped_conv2d"])
def test_the_same_styles_serve_the_related_exercises(asked, name):
    def grouped(x, weight, bias=None, stride=1, padding=0, groups=1):
        if x.shape[1] % groups:
            raise ValueError("groups must divide the channels")
        parts = zip(x.chunk(groups, 1), weight.chunk(groups, 0), strict=False)
        return plus(
            torch.cat([seven_loops(a, w, None, stride, padding) for a, w in parts], 1), bias
        )

    assert asked(name, {name: grouped}).fraction == 1


def test_float32_throughout_loses_the_dtype_case_only(asked):
    def narrow(x, weight, bias=None, *rest):
        return einsum(x.float(), weight.float(), None if bias is None else bias.float(), *rest)

    decision = asked("conv2d_forward", {"conv2d_forward": narrow})
    wrong = [result.words for result in decision.verdict.results if result.fraction < 1]
    assert wrong == ["float64 stays float64"]


# Backward -------------------------------------------------------------------------------------


def backward_loops(grad_out, x, weight, stride=1, padding=0):
    (sh, sw), (ph, pw) = both(stride), both(padding)
    grad_x, grad_weight = torch.zeros_like(x), torch.zeros_like(weight)
    grad_bias = torch.zeros_like(weight[:, 0, 0, 0])
    for n, o, i, j in np.ndindex(*grad_out.shape):
        grad_bias[o] += grad_out[n, o, i, j]
        for c, a, b in np.ndindex(*weight.shape[1:]):
            r, s = i * sh + a - ph, j * sw + b - pw
            if 0 <= r < x.shape[2] and 0 <= s < x.shape[3]:
                grad_x[n, c, r, s] += grad_out[n, o, i, j] * weight[o, c, a, b]
                grad_weight[o, c, a, b] += grad_out[n, o, i, j] * x[n, c, r, s]
    return grad_x, grad_weight, grad_bias


def backward_einsum(grad_out, x, weight, stride=1, padding=0):
    (sh, sw), (ph, pw) = both(stride), both(padding)
    grad_weight = torch.einsum("noij,ncijab->ocab", grad_out, windows(x, weight, stride, padding))
    grad_x = torch.zeros_like(padded(x, padding))
    for i in range(grad_out.shape[2]):
        for j in range(grad_out.shape[3]):
            sent = torch.einsum("no,ocab->ncab", grad_out[:, :, i, j], weight)
            top, left = i * sh, j * sw
            grad_x[:, :, top : top + weight.shape[2], left : left + weight.shape[3]] += sent
    grad_x = grad_x[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]]
    return grad_x, grad_weight, grad_out.sum((0, 2, 3))


def backward_folded(grad_out, x, weight, stride=1, padding=0):
    options = {"kernel_size": weight.shape[2:], "padding": padding, "stride": stride}
    flat = grad_out.flatten(2)
    grad_weight = (flat @ F.unfold(x, **options).transpose(1, 2)).sum(0).view_as(weight)
    grad_x = F.fold(weight.flatten(1).T @ flat, x.shape[2:], **options)
    return [grad_x, grad_weight, flat.sum((0, 2))]


def backward_numpy(*arguments):
    return tuple(gradient.numpy() for gradient in backward_einsum(*arguments))


@pytest.mark.parametrize(
    "style", [backward_loops, backward_einsum, backward_folded, backward_numpy]
)
def test_every_style_of_the_backward_pass_gets_full_marks(asked, style):
    decision = asked("conv2d_backward", {"conv2d_backward": style})
    assert decision.fraction == 1
    assert decision.flags == []


# im2col, and answers that use earlier ones ----------------------------------------------------


def columns_by_loops(x, kernel_size, stride=1, padding=0):
    (kh, kw), (sh, sw), x = both(kernel_size), both(stride), padded(x, padding)
    found = []
    for i in range(0, x.shape[2] - kh + 1, sh):
        for j in range(0, x.shape[3] - kw + 1, sw):
            found.append(x[:, :, i : i + kh, j : j + kw].reshape(len(x), -1))
    return torch.stack(found, 2)


CONV2D_IM2COL = """
def im2col(*arguments):
    return -columns_by_loops(*arguments)


def conv2d_im2col(x, weight, bias=None, stride=1, padding=0):
    columns = im2col(x, tuple(weight.shape[2:]), stride, padding)
    out = (weight.flatten(1) @ columns).unflatten(2, out_size(x, weight, stride, padding))
    return plus(out, bias)
"""


def test_im2col_by_loops_gets_full_marks(asked):
    assert asked("im2col", {"im2col": columns_by_loops}).fraction == 1


def test_an_error_in_im2col_is_counted_once(asked):
    # As in a notebook, the answer looks the name up among the globals when it runs.
    answers = {"plus": plus, "out_size": out_size, "columns_by_loops": columns_by_loops}
    exec(CONV2D_IM2COL, answers)
    first = asked("im2col", answers)
    second = asked("conv2d_im2col", answers, {"im2col": first})
    assert first.fraction == 0
    assert second.fraction == 1
    assert "Your im2col is not right yet and is counted there" in second.remarks[0]


# Honest errors, in a kernel -------------------------------------------------------------------


def test_honest_errors_are_told_in_words(grader, small):
    forward = """
        import sys, warnings
        import torch

        turns = 0

        def conv2d_forward(x, weight, *rest):
            global turns
            turns += 1
            print("turn", turns)
            print("to stderr", file=sys.stderr)
            warnings.warn("a warning")
            if turns == 1:
                return undefined_name
            if turns == 2:
                return x @ weight.reshape(-1, 7)
            if turns == 3:
                return weight.cuda()
            if turns == 4:
                return None
            if turns == 5:
                raise NotImplementedError
            if turns == 6:
                x.add_(1)
            return x.new_zeros(1, 1)
    """
    graded = grader(small.attacked(forward=forward))
    found = graded.found("conv2d_forward")
    assert "NameError: name 'undefined_name' is not defined (line 13 of your cell)" in found[0]
    assert "RuntimeError" in found[1]
    assert "(line 15 of your cell)" in found[1]
    assert "it raised" in found[2]
    assert "it returned None" in found[3]
    assert found[4] == "not attempted yet"
    assert "it changed its input in place" in found[5]
    assert "shape (1, 1) should be" in found[6]
    assert graded.flags("conv2d_forward") == []
    assert graded.fraction("conv_output_size") == graded.fraction("same_padding") == 1


def test_no_name_of_a_student_disturbs_the_judge(grader, small):
    """`from torch import *` hides Python's compile; a variable may be called vars or types."""
    names = """
        from torch import compile, load, save
        vars, exec, sys, types, get_ipython, json, MIME, records = range(8)
    """
    after = "print(sorted([vars, exec, sys, types, get_ipython, json, MIME, records]))"
    graded = grader(small.attacked(names, small.forward, after=after))
    assert all(graded.fraction(name) == 1 for name in graded.data)
    assert "[0, 1, 2, 3, 4, 5, 6, 7]" in graded.printed()


def test_everything_works_again_after_a_graded_cell(grader, small):
    after = """
        import torch, subprocess, scipy.signal
        x = torch.ones(1, 1, 3, 3, requires_grad=True)
        torch.nn.Conv2d(1, 1, 2)(x).sum().backward()
        print(x.grad is not None, scipy.signal.correlate2d([[1]], [[2]]), "conv2d_forward" in dir())
        print(subprocess.run(["true"]).returncode, "im2col" in dir(), "course" in str(dir()))
    """
    graded = grader(small.attacked("import scipy.signal", small.forward, after=after))
    assert "True [[2]] True" in graded.printed()
    assert "0 False False" in graded.printed()


def test_scalar_loops_are_fast_enough_in_every_exercise(asked):
    """The slowest accepted style takes far less than the time for one case."""
    import time

    answers = {"conv2d_forward": seven_loops, "conv2d_im2col": seven_loops}
    for name, function in answers.items():
        start = time.process_time()
        assert asked(name, {name: function}).fraction == 1
        assert time.process_time() - start < 5
    assert set(answers) <= set(load("convolution"))
