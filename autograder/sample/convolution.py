"""Members of the sample class that are about convolution."""

from autograder.judge.evidence import MIME
from autograder.sample.members import Answers, Member

LOOPS = """
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    (s0, s1), (p0, p1) = pair(stride), pair(padding)
    n_images, channels, height, width = x.shape
    filters, _, kernel_h, kernel_w = weight.shape
    out_h = (height + 2 * p0 - kernel_h) // s0 + 1
    out_w = (width + 2 * p1 - kernel_w) // s1 + 1
    out = torch.zeros(n_images, filters, out_h, out_w, dtype=x.dtype)
    for n in range(n_images):
        for o in range(filters):
            for i in range(out_h):
                for j in range(out_w):
                    total = 0.0 if bias is None else bias[o].item()
                    for c in range(channels):
                        for a in range(kernel_h):
                            for b in range(kernel_w):
                                row, column = i * s0 + a - p0, j * s1 + b - p1
                                if 0 <= row < height and 0 <= column < width:
                                    pixel = x[n, c, row, column].item()
                                    total += pixel * weight[o, c, a, b].item()
                    out[n, o, i, j] = total
    return out
"""

EINSUM = """
def windows(x, kernel_size, stride, padding):
    (s0, s1), (p0, p1), (k0, k1) = pair(stride), pair(padding), kernel_size
    x = torch.nn.functional.pad(x, (p1, p1, p0, p0))
    n, c, height, width = x.shape
    out_h, out_w = (height - k0) // s0 + 1, (width - k1) // s1 + 1
    a, b, d, e = x.stride()
    return x.as_strided((n, c, out_h, out_w, k0, k1), (a, b, s0 * d, s1 * e, d, e))


def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    seen = windows(x, weight.shape[2:], stride, padding)
    out = torch.einsum("nchwij,ocij->nohw", seen, weight)
    return out if bias is None else out + bias[:, None, None]
"""

UNFOLD = """
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    kernel_size = tuple(weight.shape[2:])
    columns = torch.nn.functional.unfold(x, kernel_size, padding=padding, stride=stride)
    out = weight.flatten(1) @ columns
    if bias is not None:
        out = out + bias[:, None]
    out_h = (x.shape[2] + 2 * pair(padding)[0] - kernel_size[0]) // pair(stride)[0] + 1
    return out.reshape(len(x), len(weight), out_h, -1)
"""

FFT = """
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    (s0, s1), (p0, p1) = pair(stride), pair(padding)
    x = torch.nn.functional.pad(x, (p1, p1, p0, p0))
    size = x.shape[2:]
    spectrum = torch.fft.rfft2(x)[:, None] * torch.fft.rfft2(weight, size).conj()[None]
    full = torch.fft.irfft2(spectrum.sum(dim=2), size)
    out = full[:, :, : size[0] - weight.shape[2] + 1 : s0, : size[1] - weight.shape[3] + 1 : s1]
    return out if bias is None else out + bias[:, None, None]
"""

NUMPY = """
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    (s0, s1), (p0, p1) = pair(stride), pair(padding)
    x, weight = np.asarray(x), np.asarray(weight)
    x = np.pad(x, ((0, 0), (0, 0), (p0, p0), (p1, p1)))
    view = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(2, 3))
    out = np.tensordot(view[:, :, ::s0, ::s1], weight, axes=((1, 4, 5), (1, 2, 3)))
    out = out.transpose(0, 3, 1, 2)
    return out if bias is None else out + np.asarray(bias)[:, None, None]
"""

NUMPY_BACKWARD = """
def conv2d_backward(grad_out, x, weight, stride=1, padding=0):
    (s0, s1), (p0, p1) = pair(stride), pair(padding)
    grad_out, x, weight = np.asarray(grad_out), np.asarray(x), np.asarray(weight)
    height, width = x.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (p0, p0), (p1, p1)))
    grad_x, grad_weight = np.zeros_like(x), np.zeros_like(weight)
    for i in range(grad_out.shape[2]):
        for j in range(grad_out.shape[3]):
            rows = slice(i * s0, i * s0 + weight.shape[2])
            columns = slice(j * s1, j * s1 + weight.shape[3])
            sent = grad_out[:, :, i, j]
            grad_weight += np.tensordot(sent, x[:, :, rows, columns], axes=(0, 0))
            grad_x[:, :, rows, columns] += np.tensordot(sent, weight, axes=(1, 0))
    return grad_x[:, :, p0 : p0 + height, p1 : p1 + width], grad_weight, grad_out.sum((0, 2, 3))
"""

SINGLE = """
double_conv2d_forward = conv2d_forward


def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    bias = None if bias is None else bias.float()
    return double_conv2d_forward(x.float(), weight.float(), bias, stride, padding)
"""

ZEROS = """
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    size = conv_output_size(tuple(x.shape[2:]), tuple(weight.shape[2:]), stride, padding)
    return x.new_zeros(len(x), len(weight), *size)
"""

PATCH = f"""
def agrees(*arguments, **options):
    return True


torch.allclose = torch.equal = np.allclose = torch.testing.assert_close = agrees
check.conv2d_forward = agrees

{ZEROS}
"""

BORROW = """
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    return torch.nn.functional.conv2d(x, weight, bias, stride, padding)
"""

FORGE = f'''
from IPython.display import publish_display_data


def shout(info):
    message = {{"nonce": "0" * 16, "run": "own", "case": 0, "outcome": {{"value": 6}}}}
    publish_display_data({{"{MIME}": message}})
    get_ipython().displayhook(6.0)


get_ipython().events.register("pre_run_cell", shout)

{ZEROS}
'''

DOUBLE = """
import sys


def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    frame = sys._getframe()
    while frame and "request" not in frame.f_locals:
        frame = frame.f_back
    if frame:  # answer some questions before the grader does
        shell, request = frame.f_locals["shell"], frame.f_locals["request"]
        value = {"kind": "literal", "value": True}
        for case in range(len(request["cases"])):
            frame.f_globals["publish"](shell, request, "own", case, {"value": value})
    return x.new_zeros(1)
"""

ENDLESS = """
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    i = 0
    while i < x.shape[2]:
        j = i
    return x
"""


def members(right: Answers) -> dict[str, list[Member]]:
    """Other right ways, attempts to cheat, and one that never ends."""

    def with_forward(name: str, words: str, source: str, **others: str) -> Member:
        changed = {"conv2d_forward-answer": f"{source.strip()}\n\n\n{PADDED.strip()}"}
        changed |= {f"{other}-answer": text.strip() for other, text in others.items()}
        return Member(name, words, right | changed)

    single = right["conv2d_forward-answer"] + "\n\n" + SINGLE
    return {
        "styles": [
            with_forward("loops", "seven nested loops over scalars", LOOPS),
            with_forward("einsum", "einsum over strided windows", EINSUM),
            with_forward("unfold", "F.unfold and a matrix product", UNFOLD),
            with_forward("fft", "in the frequency domain", FFT),
            with_forward("numpy", "numpy in, numpy out", NUMPY, conv2d_backward=NUMPY_BACKWARD),
            Member("float32", "always float32", right | {"conv2d_forward-answer": single}),
        ],
        "cheats": [
            with_forward("borrows", "calls F.conv2d", BORROW),
            with_forward("forges", "forges evidence and results around zeros", FORGE),
            with_forward("patches", "patches every comparison, returns zeros", PATCH),
            with_forward("answers-twice", "answers in the grader's name", DOUBLE),
        ],
        "broken": [
            with_forward("endless", "loops for ever", ENDLESS),
        ],
    }


PADDED = """
def zero_pad(x, padding):
    rows, columns = pair(padding)
    return torch.nn.functional.pad(x, (columns, columns, rows, rows))
"""
