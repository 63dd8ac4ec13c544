"""A small notebook, graded in this process by the three preprocessors; no database, one kernel."""

import json
import os
import secrets
import select
import socket
import sqlite3
import sys
import textwrap
from copy import deepcopy
from dataclasses import dataclass, field
from multiprocessing import shared_memory
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

from autograder import ROOT
from autograder.configuration import course_config
from autograder.exercises import load
from autograder.judge import probe, verdict
from autograder.judge.preprocessors import Arm, Armed, Execute, Judge
from autograder.judge.verdict import MIME
from autograder.kernels import sandbox

NOTEBOOK = "convolution"
ASSIGNMENT = "01_convolution"

# The right answers of an ordinary student, and one that scores nothing at all.
OUTPUT_SIZE = """
def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    given = (size, kernel_size, stride, padding, dilation)
    pairs = [v if isinstance(v, tuple) else (v, v) for v in given]
    out = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(*pairs))
    if min(out) < 1:
        raise ValueError("the kernel does not fit")
    return out if any(isinstance(v, tuple) for v in given) else out[0]
"""
SAME_PADDING = """
def same_padding(kernel_size):
    sides = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,)
    if any(k % 2 == 0 for k in sides):
        raise ValueError("even")
    halves = tuple((k - 1) // 2 for k in sides)
    return halves if isinstance(kernel_size, tuple) else halves[0]
"""
FORWARD = """
import torch

def both(value):
    return value if isinstance(value, tuple) else (value, value)

def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    (sh, sw), (ph, pw) = both(stride), both(padding)
    n, c, h, w = x.shape
    o, _, kh, kw = weight.shape
    padded = x.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    padded[:, :, ph:ph + h, pw:pw + w] = x
    rows, columns = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    out = x.new_zeros(n, o, rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * sh:i * sh + kh, j * sw:j * sw + kw]
            out[:, :, i, j] = torch.einsum("nchw,ochw->no", window, weight)
    return out if bias is None else out + bias[:, None, None]
"""
ZEROS = """
import torch

def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    return x.new_zeros(len(x), len(weight), *x.shape[2:])
"""
POINTS = {"conv_output_size": 2, "same_padding": 0.5, "conv2d_forward": 6, "conv2d_backward": 8}


def answer_cell(name, source):
    """A cell the student filled in."""
    about = {"grade": False, "grade_id": f"{name}-answer", "locked": False, "solution": True}
    return new_code_cell(textwrap.dedent(source), metadata={"nbgrader": about | COMMON})


def graded_cell(name):
    """A cell that is graded by running it."""
    about = {"grade": True, "grade_id": name, "locked": True, "solution": False}
    about["points"] = POINTS.get(name, 3)
    return new_code_cell(f"check.{name}({name})", metadata={"nbgrader": about | COMMON})


COMMON = {"schema_version": 3, "cell_type": "code"}


def notebook(*steps):
    """A submission: a pair (name, source) is an answer and its graded cell, text any other cell."""
    cells = [new_code_cell("from helpers.checks import convolution as check")]
    for step in steps:
        if isinstance(step, str):
            cells.append(new_code_cell(textwrap.dedent(step)))
        else:
            name, source = step
            cells += [answer_cell(name, source), graded_cell(name)]
    return new_notebook(cells=cells)


def attacked(before="", forward=ZEROS, between="", after="", cells=()):
    """A submission whose conv2d_forward is to be judged, with honest exercises around it.

    before: a cell at the beginning; between: one between answer and graded cell; after: one at the
    end; cells: other steps, in front of conv2d_forward.
    """
    nb = notebook(before, ("conv_output_size", OUTPUT_SIZE), *cells, ("same_padding", SAME_PADDING))
    place = len(nb.cells) - 2
    nb.cells[place:place] = [
        answer_cell("conv2d_forward", forward),
        new_code_cell(textwrap.dedent(between)),
        graded_cell("conv2d_forward"),
    ]
    nb.cells.append(new_code_cell(textwrap.dedent(after)))
    return nb


@dataclass
class Graded:
    """What grading a submission gave."""

    notebook: object
    data: dict = field(default_factory=dict)
    text: dict = field(default_factory=dict)
    html: dict = field(default_factory=dict)
    points: dict = field(default_factory=dict)

    def fraction(self, name):
        return self.data[name]["fraction"]

    def flags(self, name):
        return self.data[name]["flags"]

    def right(self, name):
        """Whether each case is right."""
        return [case["right"] for case in self.data[name]["cases"]]

    def found(self, name):
        """What was found in each case."""
        return [case["found"] for case in self.data[name]["cases"]]

    def printed(self):
        """Everything the student's own cells printed."""
        return "\n".join(
            output.get("text", "") + str(output.get("traceback", ""))
            for cell in self.notebook.cells
            if cell.cell_type == "code"
            for output in cell.outputs
        )


@pytest.fixture(scope="session")
def grader(tmp_path_factory):
    """grader(notebook, ...): the submission as it is after grading.

    student, folder and notebook (its name) are what nbgrader says about it; steps: what is done;
    limits: of the sandbox, by name.
    """
    place = tmp_path_factory.mktemp("class")
    config = course_config(place)

    def grade(
        nb, student="ann", folder=None, notebook=NOTEBOOK, steps=(Arm, Execute, Judge), **limits
    ):
        limited = deepcopy(config)
        limited.ContainedProvisioner.update(limits)
        folder = Path(folder or tmp_path_factory.mktemp("submission"))
        about = {"student": student, "assignment": ASSIGNMENT, "notebook": notebook}
        resources = {"nbgrader": about, "metadata": {"path": str(folder)}}
        for step in steps:
            nb, resources = step(config=limited).preprocess(nb, resources)
        graded = Graded(nb)
        for cell in nb.cells:
            about = cell.metadata.get("nbgrader", {})
            if cell.cell_type == "code" and about.get("grade") and not about.get("solution"):
                name = about["grade_id"]
                report, points = cell.outputs
                graded.data[name] = report.data[MIME]
                graded.text[name] = report.data["text/plain"]
                graded.html[name] = report.data["text/html"]
                graded.points[name] = float(points.data["text/plain"])
        return graded

    return grade


@pytest.fixture(scope="session")
def small():
    """What the tests build submissions from."""
    return SimpleNamespace(
        attacked=attacked,
        notebook=notebook,
        forward=FORWARD,
        zeros=ZEROS,
        output_size=OUTPUT_SIZE,
        same_padding=SAME_PADDING,
        not_run=(Arm, Judge),
    )


@pytest.fixture
def asked(monkeypatch):
    """asked(name, functions): the judge's decision when the probe asks `functions` in this process.

    Everything between a student's function and its mark, except the kernel: what the exercise
    withholds is withheld, evidence travels as JSON.
    """
    monkeypatch.setitem(sys.modules, "course_probe", probe)

    def decide(name, functions, decided=None, seed=0):
        graded = load(NOTEBOOK)[name]
        armed = Armed(graded, "", [1, 2, seed], asked_before=set(decided or {}))
        request = json.loads(json.loads(armed.question().split("loads(", 1)[1][:-2]))
        sent = []
        publish = SimpleNamespace(publish=lambda data, metadata: sent.append(data))
        held = graded.withhold
        probe.guard(probe.overloads(held.operators), held.functions, held.modules, held.autograd)
        try:
            probe.answer(SimpleNamespace(user_ns=functions, display_pub=publish), request)
        finally:
            probe.release()
        outputs = [{"output_type": "display_data", "data": json.loads(json.dumps(d))} for d in sent]
        return verdict.decide(name, armed, outputs, "", decided or {})

    return decide


@pytest.fixture(scope="session")
def contained():
    """Whether notebooks run in a sandbox here."""
    return not sandbox.trouble()


class Host:
    """What an attacker is after, and whether somebody has been there.

    told: what attackers know of it; secrets: what they must never print.
    """

    VARIABLE = "CONVNETS_SECRET"

    def __init__(self, folder: Path):
        self.folder, self.secrets = folder, {f"xyzzy-{secrets.token_hex(8)}"}
        [secret] = self.secrets
        other = folder / "submitted" / "bob" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
        other.parent.mkdir(parents=True)
        for path in (folder / "course.key", other):
            path.write_text(secret, encoding="utf-8")
        with sqlite3.connect(folder / "gradebook.db") as marks:
            marks.execute("CREATE TABLE grade (student TEXT, score REAL)")
            marks.execute("INSERT INTO grade VALUES (?, 0)", [secret])
        name, address = f"\0convnets-{os.getpid()}", ("127.0.0.1", 0)
        self.listeners = [socket.create_server(address)]
        if sys.platform == "linux":  # where there are names without a file
            self.listeners.append(socket.socket(socket.AF_UNIX))
            self.listeners[-1].bind(name)
            self.listeners[-1].listen()
        self.shared = shared_memory.SharedMemory(f"convnets-{os.getpid()}", create=True, size=64)
        self.shared.buf[: len(secret)] = secret.encode()
        os.environ[self.VARIABLE] = secret
        for exercise in load(NOTEBOOK).values():
            for mistake in exercise.exercise.mistakes:
                self.secrets |= {mistake.says, mistake.hint}
        self.secrets |= {
            f'"{case.words}"' for case in load(NOTEBOOK)["conv2d_forward"].exercise.cases
        }
        self.secrets -= {""}
        self.told = {
            "folder": str(folder), "gradebook": str(folder / "gradebook.db"),
            "key": str(folder / "course.key"), "other": str(other), "course": str(ROOT),
            "public": ["/proc", "/usr", sys.prefix, sys.base_prefix], "grader": os.getpid(),
            "variable": self.VARIABLE, "shared": self.shared.name,
            "port": self.listeners[0].getsockname()[1], "name": name,
            "marker": f"86397.{os.getpid()}",
        }  # fmt: skip

    def hand_in(self, folder: Path, attack) -> None:
        """Put what is handed in beside a notebook into its folder."""
        for name, text in attack.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        for name, target in attack.links.items():
            (folder / name).symlink_to(target.format(**self.told))

    def state(self):
        """All that an attack could have changed."""
        mine = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        ours = [*ROOT.glob("autograder/**/*.py"), *ROOT.glob("helpers/**/*.py")]
        ours += [Path(sys.prefix), Path(torch.__file__), Path(torch.__file__).parent]
        times = {path: path.stat().st_mtime_ns for path in ours}
        left = [
            path
            for place in ("/tmp", "/dev/shm", "/var/tmp", os.getcwd())
            for path in Path(place).glob(f"*{self.told['marker']}*")
        ]
        called, _, _ = select.select(self.listeners, [], [], 0)
        return mine, times, left, called, dict(os.environ), torch.allclose

    def close(self) -> None:
        """Take it all back."""
        del os.environ[self.VARIABLE]
        for listener in self.listeners:
            listener.close()
        self.shared.close()
        self.shared.unlink()

    @staticmethod
    def memory_grown():
        """A function that says by how many KiB this process has grown at most since now (Linux)."""
        if sys.platform != "linux":
            return lambda: 0
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far

        def kib(field):
            status = Path("/proc/self/status").read_text()
            return int(status.split(f"{field}:")[1].split()[0])

        start = kib("VmRSS")
        return lambda: kib("VmHWM") - start


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A :class:`Host` for one module's attacks."""
    host = Host(tmp_path_factory.mktemp("host"))
    yield host
    host.close()
