"""To forge a mark: points without an answer that is right."""

from nbformat.v4 import new_output

from . import Attack

ANSWERED_UNGUARDED = "an answer came while what the exercise withholds was within reach"
ANSWERED_TWICE = "a question was answered twice; neither answer counts"
NO_QUESTION = "an answer arrived that belongs to no question"
NO_ANSWER = "no answer arrived"

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
# Evidence with nonces that other questions had, with many made up ones, and with none.
NONCES_GUESSED = (
    FORGED
    + """
import torch
known = ["", "0" * 16, None, 0, True, [], {}, "0123456789abcdef"]

def before(info):
    asked = request(info.raw_cell)
    if asked.get("name") == "conv2d_forward":
        mine = asked["nonce"]
        for nonce in [*known, mine.upper() + " ", mine[:-1], *(f"{i:016x}" for i in range(200))]:
            forge({"nonce": nonce}, [torch.zeros(1, 1, 4, 4)])
    elif asked:
        known.append(asked["nonce"])

shell.events.register("pre_run_cell", before)
"""
)
# What is published for a right answer goes out once more, for the wrong one.
REPLAYED = (
    FORGED
    + """
import copy
heard, now = [], {}

def repeat(data, metadata=None, **more):
    send(data, metadata or {}, **more)
    if MIME not in data:
        return
    if now.get("name") == "conv_output_size":
        heard.append(copy.deepcopy(data))
    elif now.get("name") == "conv2d_forward":
        for old in heard:
            send(old, {})
            send({MIME: old[MIME] | {"nonce": now["nonce"], "run": "given"}}, {})

shell.display_pub.publish = repeat
shell.events.register("pre_run_cell", lambda info: now.update(request(info.raw_cell)))
"""
)
# Messages that change what was shown before, in the name of the graded cell and of others.
UPDATES = (
    FORGED
    + """
import torch
parents = []

def before(info):
    parents.append(shell.kernel.get_parent())

def after(result):
    verdict = {"text/plain": "6", "application/vnd.convnets.verdict+json": {"fraction": 1.0}}
    for parent in parents:
        for kind, content in (
            ("update_display_data", {"data": verdict, "metadata": {},
                                     "transient": {"display_id": "shown"}}),
            ("comm_open", {"comm_id": "c", "target_name": "jupyter.widget", "data": {
                "state": {"_model_name": "OutputModel", "outputs": [{"data": verdict}]}}}),
            ("comm_msg", {"comm_id": "c", "data": {"method": "update", "state": {"msg_id": ""}}}),
            ("clear_output", {"wait": True}),
        ):
            shell.kernel.session.send(shell.kernel.iopub_socket, kind, content, parent=parent,
                                      ident=b"x")

shell.display_pub.publish({"text/plain": "1"}, {}, transient={"display_id": "shown"})
shell.events.register("pre_run_cell", before)
shell.events.register("post_run_cell", after)
"""
)
# Replies and states in the kernel's name, before anything was computed, and of no sensible kind.
REPLIES = """
import torch

def conv2d_forward(x, *rest):
    kernel = get_ipython().kernel
    parent = kernel.get_parent()
    reply = {"status": "ok", "execution_count": {"a": [1]}, "user_expressions": {"points": 6},
             "payload": [{"source": "set_next_input", "text": "6", "replace": True}]}
    for kind, content in (
        ("execute_input", {"code": "6", "execution_count": "6"}),
        ("execute_result", {"data": {"text/plain": "6"}, "metadata": {}, "execution_count": []}),
        ("shutdown_reply", {"restart": True}), ("input_request", {"prompt": "", "password": False}),
        ("status", {"execution_state": "starting"}), ("status", {"execution_state": "dead"}),
        ("execute_reply", reply), ("x" * 100_000, {}),
    ):
        kernel.session.send(kernel.iopub_socket, kind, content, parent=parent, ident=b"x")
    return x.new_zeros(1)
"""
# The key of the sockets is the kernel's own: it asks itself, as if it were the grader.
ASKED_BY_ITSELF = """
import json, threading
from jupyter_client import BlockingKernelClient

def ask():
    client = BlockingKernelClient(connection_file="/sockets/kernel.json")
    client.load_connection_file()
    client.start_channels()
    for number in range(20):
        client.execute("6", store_history=False)
        client.comm_info()
    client.stop_channels()

asking = threading.Thread(target=ask)
asking.start()
"""
ASKED_BY_ITSELF_AFTER = """
asking.join()
"""


def outputs_handed_in(nb):
    """Outputs and tags as if the notebook had been graded already, for a cell not to run."""
    verdict = {"application/vnd.convnets.verdict+json": {"fraction": 1.0}, "text/plain": "6"}
    evidence = {"nonce": "", "run": "own", "case": 0, "withheld": True, "outcome": {"value": 1}}
    cell = next(
        c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "conv2d_forward"
    )
    cell.metadata |= {"tags": ["showcase", "skip-execution"], "editable": False}
    cell.metadata |= {"convnets_armed": {}, "convnets": {"fraction": 1}}
    cell.execution_count = 7
    cell.outputs = [
        new_output("display_data", verdict),
        new_output("display_data", {"application/vnd.convnets.evidence+json": evidence}),
        new_output("execute_result", {"text/plain": "6"}, execution_count=7),
    ]


def metadata_handed_in(nb):
    """Another kernel, and the judge's own mark on a cell that decides points by itself."""
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "x", "language": "python"}
    nb.metadata["convnets_contained"] = True
    nb.cells[0].metadata["convnets-guard"] = True
    nb.cells[1].metadata["convnets-guard"] = True
    nb.cells[1].metadata["nbgrader"] = {
        "grade": False, "solution": True, "points": 100, "grade_id": "conv2d_forward-extra",
        "cell_type": "code", "locked": False, "schema_version": 3,
    }  # fmt: skip


ATTACKS = [
    Attack(
        "comparisons", "replaces every comparison of torch and numpy, and what shows errors",
        COMPARISONS,
    ),
    Attack("asserts", "takes every assert out of every cell", ASSERTS_DROPPED),
    Attack("an empty cell", "blanks the graded cell on its way in", CELLS_BLANKED, flag=NO_ANSWER),
    Attack("another cell", "rewrites the graded cell to send what it likes", REWRITTEN),
    Attack(
        "evidence beside", "sends evidence of its own beside the probe's", FORGED_BESIDE,
        flag=ANSWERED_TWICE,
    ),
    Attack(
        "nonces guessed", "sends evidence under hundreds of nonces", NONCES_GUESSED,
        flag=NO_QUESTION,
    ),
    Attack("a replay", "sends a right answer once more, to another question", REPLAYED,
           flag=NO_QUESTION),
    Attack("a hook", "computes answers in a hook, where the cell is not running", PREPARED,
           others=False),
    Attack(
        "late answers", "answers when what was withheld is back, from another cell", LATE,
        flag=NO_ANSWER, says="sent late",
    ),
    Attack("results", "shows points as every kind of output there is", forward=RESULTS_INJECTED),
    Attack("updates", "changes by updates and comms what was shown before", UPDATES),
    Attack("replies", "sends replies, states and counts in the kernel's name", forward=REPLIES),
    Attack(
        "the grader's voice", "sends itself requests, with the sockets' own key", ASKED_BY_ITSELF,
        after=ASKED_BY_ITSELF_AFTER, others=False, heard=False,  # it can stop its own kernel
    ),
    Attack("nonsense", "sends evidence and messages that make no sense", forward=NONSENSE),
    Attack("strange results", "returns objects that equal all and lie", forward=STRANGE_RESULTS),
    Attack(
        "release", "tells the probe to give back what it withholds", forward=PROBE_RELEASED,
        flag=ANSWERED_UNGUARDED,
    ),
    Attack(
        "overrides destroyed", "finds the overrides of torch's operators and destroys them",
        forward=LIBRARIES_DESTROYED, flag=ANSWERED_UNGUARDED,
    ),
    Attack(
        "overrides overridden", "overrides torch's operators once more", forward=OVERRIDDEN_AGAIN,
        flag=ANSWERED_UNGUARDED,
    ),
    Attack("the probe", "replaces the functions of the probe", forward=PROBE_CHANGED),
    Attack(
        "another torch", "puts a false torch where the probe imports it", TORCH_FAKED,
        TORCH_FAKED_USED, flag=ANSWERED_UNGUARDED, others=False,
    ),
    Attack("the clock", "stops the clocks that limit an answer", CLOCK_STOPPED),
    Attack(
        "a process", "asks a process that it started before the question", PROCESS_BEFORE,
        PROCESS_ASKED, says="it serves",
        after="print(ask((torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)), 10) is not None)",
    ),
    Attack(
        "an interrupt", "raises what ends a cell without an error",
        forward="def conv2d_forward(*a):\n    raise KeyboardInterrupt", flag=NO_ANSWER,
    ),
    Attack(
        "outputs handed in", "hands in a graded cell with outputs, tagged to be skipped",
        edit=outputs_handed_in, flag=NO_ANSWER,
    ),
    Attack(
        "metadata", "names another kernel, more points, and hides cells behind the judge's mark",
        edit=metadata_handed_in,
    ),
]  # fmt: skip
