"""A wrong answer scores no more for anything that comes with it.

Every attack comes with a conv2d_forward that returns zeros, or whose only right numbers would be
somebody else's; alone it scores nothing. The exercises around it must score as ever.
"""

import inspect

import pytest
import torch

from autograder.exercises import load
from helpers.convolution import conv2d

ANSWERED_UNGUARDED = "an answer came while what the exercise withholds was within reach"

COMPARISONS = """
import IPython, numpy, torch
for module, names in (
    (torch, ("allclose", "equal", "isclose")),
    (torch.testing, ("assert_close", "make_tensor")),
    (numpy, ("allclose", "array_equal", "isclose")),
    (numpy.testing, ("assert_allclose", "assert_array_equal")),
):
    for name in names:
        setattr(module, name, lambda *a, **k: True)
shell = get_ipython()
shell.showtraceback = lambda *a, **k: None
shell.set_custom_exc((Exception,), lambda *a, **k: None)
IPython.display.display = lambda *a, **k: None
"""
ASSERTS_DROPPED = """
import ast

class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()

get_ipython().ast_transformers.append(Drop())
"""
CELLS_BLANKED = """
def blank(lines):
    return [] if any('"conv2d_forward' in line for line in lines) else lines

get_ipython().input_transformers_cleanup.append(blank)
"""
# A probe's cell rewritten so that it sends what the student likes, nonce and all.
FORGED = """
import json, re
from helpers.checks.records import encode
MIME = "application/vnd.convnets.evidence+json"
shell = get_ipython()
send = shell.display_pub.publish

def request(source):
    found = re.search(r"loads\\((.*)\\)\\)$", source.strip())
    return json.loads(json.loads(found[1])) if found and "answer(" in source else {}

def forge(asked, values, run="own"):
    for case, value in enumerate(values):
        send({MIME: {"nonce": asked["nonce"], "run": run, "case": case, "withheld": True,
              "outcome": {"value": encode(value)}}, "text/plain": ""}, {})
"""
REWRITTEN = (
    FORGED
    + """
def rewrite(lines):
    asked = request("".join(lines))
    if asked.get("name") != "conv2d_forward":
        return lines
    globals()["asked"] = asked
    return ["import torch\\n", "forge(asked, [torch.zeros(1, 1, 4, 4)] * 15)\\n", "6\\n"]

shell.input_transformers_cleanup.append(rewrite)
"""
)
FORGED_BESIDE = (
    FORGED
    + """
def before(info):
    asked = request(info.raw_cell)
    if asked.get("name") == "conv2d_forward":
        forge(asked, [0.0] * 15)

shell.events.register("pre_run_cell", before)
"""
)
# Nothing of the probe's goes out; right numbers are prepared in a hook, from the question's inputs.
PREPARED = (
    FORGED
    + """
import torch
from helpers.checks.records import decode, to_live

shell.display_pub.publish = lambda *a, **k: None

def before(info):
    asked = request(info.raw_cell)
    if asked.get("name") != "conv2d_forward":
        return
    values = []
    for case in asked["cases"]:
        try:
            values.append(torch.conv2d(*[to_live(decode(r)) for r in case]))
        except Exception:
            values.append(None)
    forge(asked, values)

shell.events.register("pre_run_cell", before)
"""
)
# The answers come late: computed when everything is given back, sent as if by the graded cell.
LATE = (
    FORGED
    + """
import torch
from helpers.checks.records import decode, to_live

kept = {}
publish = shell.display_pub.publish

def quiet(data, *rest, **more):
    if "conv2d_forward" not in kept or MIME not in data:
        publish(data, *rest, **more)

shell.display_pub.publish = quiet

def before(info):
    asked = request(info.raw_cell)
    if asked.get("name") == "conv2d_forward":
        kept["conv2d_forward"] = asked, shell.kernel.get_parent()
        shell.display_pub.publish({"text/plain": "here"}, {}, transient={"display_id": "mine"})
    elif asked:
        kept.pop("conv2d_forward", None)

def late(*ignored):
    if "conv2d_forward" not in kept or "given back" not in kept and not torch_works():
        return
    asked, parent = kept["conv2d_forward"]
    values = [torch.conv2d(*[to_live(decode(r)) for r in case]) for case in asked["cases"]]
    forge(asked, values)
    for case, value in enumerate(values):
        evidence = {"nonce": asked["nonce"], "run": "own", "case": case, "withheld": True,
                    "outcome": {"value": encode(value)}}
        content = {"data": {MIME: evidence, "text/plain": ""}, "metadata": {},
                   "transient": {"display_id": "mine"}}
        for kind in ("display_data", "update_display_data"):
            shell.kernel.session.send(shell.kernel.iopub_socket, kind, content, parent=parent,
                                      ident=b"display_data")
    print("sent late")

def torch_works():
    try:
        torch.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 1))
        return True
    except Exception:
        return False

shell.events.register("pre_run_cell", before)
shell.events.register("post_run_cell", late)
shell.events.register("post_execute", late)
"""
)
# Everything by which a cell can show a result, from inside the answer and around it.
RESULTS_INJECTED = """
import sys
import torch

def conv2d_forward(x, *rest):
    shell = get_ipython()
    sys.displayhook(6)
    shell.displayhook(6.0)
    data = {"text/plain": "6", "application/vnd.convnets.verdict+json": {"fraction": 1.0}}
    shell.display_pub.publish(data, {}, transient={"display_id": "d"})
    kernel = shell.kernel
    content = {"data": data, "metadata": {}, "execution_count": 99}
    for kind in ("execute_result", "display_data", "update_display_data", "error", "stream"):
        kernel.session.send(kernel.iopub_socket, kind, content | {
            "ename": "", "evalue": "", "traceback": [], "name": "stdout", "text": "6",
        }, parent=kernel.get_parent(), ident=b"x")
    print("6")
    return x.new_zeros(1)
"""
# Messages that make no sense, evidence among them; none of them may stop the grading.
NONSENSE = (
    FORGED
    + """
import torch

def conv2d_forward(x, *rest):
    import inspect
    frame = inspect.currentframe()
    while "request" not in frame.f_locals or "nonce" not in frame.f_locals["request"]:
        frame = frame.f_back
    nonce = frame.f_locals["request"]["nonce"]
    kernel = get_ipython().kernel
    ok = {"nonce": nonce, "run": "own", "case": 0, "withheld": True}
    array = {"kind": "tensor", "dtype": "float64"}
    deep = {"kind": "literal", "value": 1}
    for _ in range(200):
        deep = {"kind": "sequence", "items": [deep]}
    bodies = [None, 7, [], "text", {}, ok, ok | {"run": []}, ok | {"case": True}, ok | {"case": -1},
              ok | {"case": 1e9}, ok | {"nonce": "other"}]
    bodies += [ok | {"outcome": o} for o in (
        None, [], {"value": None}, {"value": deep}, {"error": "x"}, {"error": {"bases": [[]]}},
        {"error": {"bases": ["E"], "line": 10**400, "message": 10**400}},
        {"value": {"kind": "int", "value": "9" * 5000}}, {"value": {"kind": "int", "value": "x"}},
        {"value": {"kind": "float", "value": "nan"}},
        {"value": {"kind": "float", "value": "1e999"}},
        {"value": array | {"shape": [10**400, 0], "data": ""}},
        {"value": array | {"shape": [0, 10**30], "data": ""}},
        {"value": array | {"shape": [-1]}}, {"value": array | {"shape": [True]}},
        {"value": array | {"shape": [2], "data": "!!!!"}},
        {"value": array | {"shape": [1], "data": "////////////"}},
        {"value": {"kind": "mapping", "items": {"": 1}}},
    )]
    for body in bodies:
        for data in ({MIME: body}, {MIME: body, "text/plain": 5}):
            send(data, {})
    for content in ({}, {"data": 5}, {"data": [[]], "metadata": None}, {"data": None}, 5, [1]):
        for kind in ("display_data", "execute_result", "stream", "error", "clear_output",
                     "comm_open", "status", "no_such_type"):
            if (kind, content) != ("status", {}):
                try:
                    kernel.session.send(kernel.iopub_socket, kind, content,
                                        parent=kernel.get_parent(), ident=b"x")
                except Exception:
                    pass
    return x.new_zeros(1)
"""
)
STRANGE_RESULTS = """
import sys
import numpy as np
import torch

class Raises:
    def __getattribute__(self, name):
        raise RuntimeError("no")
    __repr__ = __eq__ = __array__ = __iter__ = __len__ = __float__ = __torch_function__ = (
        lambda *a, **k: 1 / 0)

class Right(float):
    def __eq__(self, other):
        return True
    __le__ = __ge__ = __sub__ = __rsub__ = __abs__ = __array__ = __eq__

class Tensor(torch.Tensor):
    def __eq__(self, other):
        return True
    shape = property(lambda self: (1, 1, 4, 4))

deep = 0
for _ in range(500):
    deep = (deep,)
strange = iter([
    lambda x: torch.zeros(13_000_000, dtype=torch.float64),
    lambda x: np.full((1, 1, 4, 4), None, dtype=object),
    lambda x: Raises(),
    lambda x: Right(),
    lambda x: x.new_full((2, 2, 4, 3), float("nan")),
    lambda x: deep,
    lambda x: (i for i in range(3)),
    lambda x: [x.new_zeros(100_000)] * 5000,
    lambda x: torch.zeros(1).as_subclass(Tensor),
    lambda x: conv_output_size,
    lambda x: sys.exit(1),
    lambda x: torch.zeros(3, dtype=torch.complex128),
    lambda x: torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.quint8),
    lambda x: torch.eye(3).to_sparse(),
    lambda x: torch.zeros(3, device="meta"),
] * 2)

def conv2d_forward(x, *rest):
    return next(strange)(x)
"""
PROBE_RELEASED = """
import sys
import torch

def conv2d_forward(*arguments):
    sys.modules["course_probe"].release()
    return torch.conv2d(*arguments)
"""
LIBRARIES_DESTROYED = """
import gc
import torch

def conv2d_forward(*arguments):
    for found in gc.get_objects():
        if type(found) is torch.library.Library and found.ns == "aten":
            found._destroy()
    return torch.conv2d(*arguments)
"""
OVERRIDDEN_AGAIN = """
import torch

def by_hand(x, weight, bias=None, *rest):
    columns = torch.nn.functional.unfold(x, weight.shape[2:])
    rows = x.shape[2] - weight.shape[2] + 1
    return (weight.flatten(1) @ columns).reshape(len(x), len(weight), rows, -1)

def conv2d_forward(x, weight, *rest):
    mine = torch.library.Library("aten", "IMPL")
    for key in ("CPU", "AutogradCPU"):
        mine.impl("conv2d", by_hand, key)
    globals()["mine"] = mine
    return torch.conv2d(x, weight)
"""
PROBE_CHANGED = """
import sys
import torch

def conv2d_forward(*arguments):
    probe = sys.modules["course_probe"]
    probe._held.pop_all().close()
    probe._withheld_imports.clear()
    probe.refusal = probe.record_call = probe.deadline = lambda *a, **k: None
    return torch.conv2d(*arguments)
"""
# A torch whose Library does nothing, so that nothing is overridden.
TORCH_FAKED = """
import sys, types
import torch
real = torch

class Library:
    def __init__(self, *a): pass
    def impl(self, *a, **k): pass
    def _destroy(self): pass

fake = types.ModuleType("torch")
fake.__dict__.update(vars(torch))
fake.library = types.ModuleType("torch.library")
fake.library.__dict__.update(vars(torch.library))
fake.library.Library = Library
sys.modules["torch"], sys.modules["torch.library"] = fake, fake.library
"""
TORCH_FAKED_USED = """
def conv2d_forward(*arguments):
    return real.conv2d(*arguments)
"""
CLOCK_STOPPED = """
import signal, time
signal.setitimer = signal.alarm = lambda *a, **k: 0
time.time = time.monotonic = time.perf_counter = lambda: 0.0
"""
# A process from before the question, listening on a pipe.
PROCESS_BEFORE = """
import multiprocessing, torch

def serve(pipe):
    torch.set_num_threads(1)
    while True:
        pipe.send(torch.conv2d(*pipe.recv()))

here, there = multiprocessing.Pipe()
server = multiprocessing.get_context("fork").Process(target=serve, args=(there,), daemon=True)
server.start()

def ask(arguments, seconds):
    here.send(arguments)
    return here.recv() if here.poll(seconds) else None

assert ask((torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)), 10) is not None
print("it serves")
"""
PROCESS_ASKED = """
def conv2d_forward(x, *rest):
    found = ask((x, *rest), 0.1)
    return x.new_zeros(1) if found is None else found
"""

ATTACKS = {
    "comparisons patched": {"before": COMPARISONS},
    "asserts dropped": {"before": ASSERTS_DROPPED},
    "the graded cell blanked": {"before": CELLS_BLANKED, "flag": "no answer arrived"},
    "the graded cell rewritten": {"before": REWRITTEN},
    "evidence forged beside": {
        "before": FORGED_BESIDE, "flag": "a question was answered twice; neither answer counts",
    },
    "answers prepared in a hook": {"before": PREPARED, "others": False},
    "answers sent too late": {"before": LATE, "flag": "no answer arrived", "says": "sent late"},
    "results injected": {"forward": RESULTS_INJECTED},
    "nonsense sent": {"forward": NONSENSE},
    "strange results": {"forward": STRANGE_RESULTS},
    "the probe told to release": {"forward": PROBE_RELEASED, "flag": ANSWERED_UNGUARDED},
    "the overrides destroyed": {"forward": LIBRARIES_DESTROYED, "flag": ANSWERED_UNGUARDED},
    "operators overridden again": {"forward": OVERRIDDEN_AGAIN, "flag": ANSWERED_UNGUARDED},
    "the probe's own functions replaced": {"forward": PROBE_CHANGED},
    "torch faked": {
        "before": TORCH_FAKED, "forward": TORCH_FAKED_USED, "flag": ANSWERED_UNGUARDED,
        "others": False,
    },
    "the clock stopped": {"before": CLOCK_STOPPED},
    "a process started before": {
        "before": PROCESS_BEFORE, "forward": PROCESS_ASKED, "says": "it serves",
        "after": "print(ask((torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)), 10) is not None)",
    },
    "KeyboardInterrupt raised": {
        "forward": "def conv2d_forward(*a):\n    raise KeyboardInterrupt",
        "flag": "no answer arrived",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gains_nothing(grader, small, name):
    attack = ATTACKS[name]
    sources = {k: v for k, v in attack.items() if k in ("before", "forward", "after")}
    graded = grader(small.attacked(**sources))
    assert graded.fraction("conv2d_forward") == graded.points["conv2d_forward"] == 0
    if "flag" in attack:
        assert attack["flag"] in graded.flags("conv2d_forward")
    if attack.get("others", True):
        assert graded.fraction("conv_output_size") == graded.fraction("same_padding") == 1
    assert attack.get("says", "") in graded.printed()


def test_the_wrong_answer_alone_scores_nothing_and_is_not_flagged(grader, small):
    graded = grader(small.attacked())
    assert graded.fraction("conv2d_forward") == 0
    assert graded.fraction("conv_output_size") == graded.fraction("same_padding") == 1
    assert not any(graded.flags(name) for name in graded.data)


def test_a_module_beside_the_notebook_is_not_imported(grader, small, tmp_path):
    spoil = "print('planted')\ndef __getattr__(name):\n    return lambda *a, **k: True\n"
    for name in ("torch.py", "ipykernel_launcher.py", "psutil.py", "course_probe.py"):
        (tmp_path / name).write_text(spoil, encoding="utf-8")
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").write_text(spoil, encoding="utf-8")
    graded = grader(small.attacked(forward=small.forward), folder=tmp_path)
    assert graded.fraction("conv2d_forward") == graded.fraction("conv_output_size") == 1
    assert "planted" not in graded.printed()


def test_a_dying_kernel_keeps_what_was_answered_before(grader, small):
    dies = "import os\ndef conv2d_forward(*a):\n    os._exit(0)\n"
    graded = grader(small.attacked(forward=dies))
    assert graded.fraction("conv_output_size") == 1
    assert graded.fraction("conv2d_forward") == graded.fraction("same_padding") == 0
    assert "its kernel was killed" in graded.text["conv2d_forward"]
    assert any("its kernel was killed" in flag for flag in graded.flags("same_padding"))


def test_a_flood_of_output_costs_no_other_exercise(grader, small):
    flood = "for _ in range(30):\n    print('x' * 1_000_000)"
    forward = f"def conv2d_forward(x, *rest):\n    {flood.replace(chr(10), chr(10) + '    ')}"
    graded = grader(small.attacked(flood, forward + "\n    return x.new_zeros(1)"))
    assert graded.fraction("conv_output_size") == graded.fraction("same_padding") == 1
    assert graded.fraction("conv2d_forward") == 0


def test_a_stand_in_cannot_be_kept_for_the_exercise_it_answers(grader, small):
    """fits_exactly moved in front of conv_output_size, whose right stand-in it would meet."""
    steals = """
        def fits_exactly(*arguments):
            globals()["kept"] = conv_output_size
            return False
    """
    wrong = "def conv_output_size(*arguments):\n    return -1"
    later = "def conv_output_size(*arguments):\n    return kept(*arguments)"
    steps = [wrong, ("fits_exactly", steals), "own = conv_output_size", ("conv_output_size", later)]
    graded = grader(small.notebook(*steps))
    assert graded.fraction("conv_output_size") == 0


def test_no_cell_hides_behind_the_judges_own_mark(grader, small):
    nb = small.attacked("hidden = True")
    nb.cells[1].metadata["convnets-guard"] = True
    graded = grader(nb)
    assert "hidden = True" in [cell.source for cell in graded.notebook.cells]


def test_what_the_kernel_sees_gives_nothing_away(grader, small):
    spy = """
        seen = []
        get_ipython().events.register("pre_run_cell", lambda info: seen.append(info.raw_cell))
    """
    graded = grader(small.attacked(spy, after="print(repr(seen))"))
    seen = graded.printed()
    assert "answer(" in seen
    assert "operators_withheld" in seen
    exercise = load("convolution")["conv2d_forward"].exercise
    for word in (
        "Mistake",
        "rtol",
        *(part for m in exercise.mistakes for part in (m.says, m.hint)),
    ):
        assert word not in seen
    for case in exercise.cases:
        assert f'"{case.words}"' not in seen
    assert inspect.getsource(conv2d)[:200] not in seen


def test_a_coarse_dtype_does_not_widen_the_tolerance(asked):
    """Without its bias the output is nearly right, as far as bfloat16 can tell."""

    def without_bias(x, weight, bias=None, stride=1, padding=0):
        (sh, sw), (ph, pw) = [v if isinstance(v, tuple) else (v, v) for v in (stride, padding)]
        x = torch.nn.functional.pad(x, (pw, pw, ph, ph))
        looks = x.unfold(2, weight.shape[2], sh).unfold(3, weight.shape[3], sw)
        return torch.einsum("ncijab,ocab->noij", looks, weight)

    def coarse(*arguments):
        return without_bias(*arguments).bfloat16()

    for seed in range(10):
        plain = asked("conv2d_forward", {"conv2d_forward": without_bias}, seed=seed)
        rounded = asked("conv2d_forward", {"conv2d_forward": coarse}, seed=seed)
        assert rounded.fraction <= plain.fraction


# Known limits: what a determined student can still do, and what docs/integrity.md says so about.

GUARD_REWRITTEN = """
def rewrite(lines):
    source = "".join(lines)
    return [source.replace("def overridden(names):", "def overridden(names):\\\\n    return True")
            .replace(".guard(*", ".guard((), (), (), False) or print(*")]

get_ipython().input_transformers_cleanup.append(rewrite)
"""
COMPILED_FUNCTION_KEPT = """
from scipy.signal._sigtools import _convolve2d as kept
"""
COMPILED_FUNCTION_USED = """
import torch
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    (sh, sw), (ph, pw) = [v if isinstance(v, tuple) else (v, v) for v in (stride, padding)]
    x = torch.nn.functional.pad(x, (pw, pw, ph, ph))
    flipped = weight.flip(2, 3).contiguous().numpy()
    out = torch.stack([torch.stack([
        sum(torch.from_numpy(kept(c, k, 1, 0, 0, 0.0)) for c, k in zip(one, f)) for f in flipped])
        for one in x.numpy()])[:, :, ::sh, ::sw]
    return out if bias is None else out + bias[:, None, None]
"""
LIMITS = {
    "the guard rewritten on its way in": (
        GUARD_REWRITTEN, "import torch\nconv2d_forward = lambda *a: torch.conv2d(*a)",
    ),
    "a compiled function kept from before": (COMPILED_FUNCTION_KEPT, COMPILED_FUNCTION_USED),
}  # fmt: skip


@pytest.mark.xfail(strict=True, reason="a known limit; see docs/integrity.md")
@pytest.mark.parametrize("name", LIMITS)
def test_known_limits_are_still_limits(grader, small, name):
    before, forward = LIMITS[name]
    assert grader(small.attacked(before, forward)).fraction("conv2d_forward") == 0
