"""The judge as nbgrader preprocessors: Arm, Execute, Judge. Configuration alone plugs them in.

Arm puts a question into every graded cell; Execute runs the notebook; Judge reads the answers in
this process, which student code never enters, and writes points and a report in their place.
"""

import base64
import functools
import json
import marshal
import os
import secrets
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import torch
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute as StockExecute
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.preprocessors import SaveAutoGrades as StockSaveAutoGrades
from nbgrader.preprocessors.execute import UnresponsiveKernelError
from nbgrader.utils import is_grade, is_solution
from traitlets import Integer, Unicode

from autograder import containment, exercises
from autograder.judge import probe, verdict
from autograder.judge.graded import Graded
from autograder.judge.keys import course_key, seed_for, submission_key
from autograder.kernels.provisioner import Vanished
from helpers.checks import modules, records
from helpers.checks.exercise import arguments_for, standalone

BYTES_PER_OUTPUT = 1000  # about what an empty one takes in memory
BYTES_PER_PART = 100  # and a list or number in its data
OUTPUTS = ("stream", "display_data", "execute_result", "error")
HEARD = (*OUTPUTS, "clear_output", "execute_input", "status")  # of what a kernel publishes
ON_WORKERS = [f"{__name__}.{step}" for step in ("Arm", "Execute", "Judge")]
AROUND = "convnets-guard"  # metadata of the cells that are there only while a notebook runs


def is_autograded(cell: NotebookNode) -> bool:
    """Whether a cell's points come from running it (and not from a person reading it)."""
    return cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)


def verdicts_in(cells: Iterable[NotebookNode]) -> list[dict]:
    """What Judge wrote into graded cells, in order.

    No other cell is read: the outputs of graded ones come from the judge, all others' from the
    student.
    """
    outputs = (output for cell in filter(is_autograded, cells) for output in cell.outputs)
    found = (output.get("data", {}).get(verdict.MIME) for output in outputs)
    return [data for data in found if data]


def written(nb: NotebookNode) -> list[str]:
    """Sources of all cells in which a student can have written something, in order."""
    return [cell.source for cell in nb.cells if not is_autograded(cell)]


class LeaveOutLinks(NbGraderPreprocessor):
    """Take back what nbgrader copied because a submission links to it: somebody else's file."""

    def preprocess(self, nb, resources):
        about, coursedir = resources["nbgrader"], CourseDirectory(config=self.config)
        where = about["student"], about["assignment"]
        submitted = Path(coursedir.format_path(coursedir.submitted_directory, *where))
        copied = Path(coursedir.format_path(coursedir.autograded_directory, *where))
        if submitted.is_symlink() or (submitted / f"{about['notebook']}.ipynb").is_symlink():
            raise ValueError("the notebook is a link to another file")
        for link in submitted.rglob("*"):
            if link.is_symlink():
                self.log.warning("Left out, a link to another file: %s", link)
                (copied / link.relative_to(submitted)).unlink(missing_ok=True)
        return nb, resources


class Arm(NbGraderPreprocessor):
    """Before Execute: turn every graded cell into questions with fresh inputs."""

    key_file = Unicode("autograder/course.key", help="File with the course's secret key").tag(
        config=True
    )

    def preprocess(self, nb, resources):
        about = resources["nbgrader"]
        key = resources.get("convnets_key") or submission_key(
            course_key(self.key_file), about["student"], about["assignment"]
        )
        known = exercises.load(about["notebook"])
        armed = resources["convnets_armed"] = {}
        cells, sources = [], written(nb)
        for cell in nb.cells:
            cell.metadata.pop(AROUND, None)  # only ours are taken out again
            if not is_autograded(cell):
                cells.append(cell)
                continue
            name = cell.metadata.nbgrader.grade_id
            graded, source = known.get(name), cell.source
            seed = seed_for(key, name, sources)
            armed[name] = Armed(graded, source, seed, asked_before=set(armed))
            if graded is None:
                cell.source = ""
                cells.append(cell)
                continue
            cell.source = armed[name].question()
            before = new_code_cell(guard_source(graded), metadata={AROUND: True})
            # In a cell of its own: as long as the question's runs, hooks of the student's could
            # still answer it.
            after = new_code_cell(f"{PROBE}.release()", metadata={AROUND: True})
            cells += [before, cell, after]
        nb.cells = cells
        return nb, resources


class Armed:
    """One graded cell while it is being graded."""

    def __init__(self, graded: Graded | None, source: str, seed: list[int], asked_before: set[str]):
        self.graded, self.source, self.nonce = graded, source, secrets.token_hex(8)
        self.asked_before = asked_before
        cases = graded.exercise.cases if graded else ()
        self.arguments = [arguments_for(case, [*seed, i]) for i, case in enumerate(cases)]

    def question(self) -> str:
        """Source of the cell that asks for the answers."""
        # A right stand-in for an earlier answer comes only after that answer was asked for.
        needs = {k: source for k, source in self.graded.needs.items() if k in self.asked_before}
        exercise, ask = self.graded.exercise, None
        if exercise.ask and self.graded.kind != "module":  # the probe can ask a module
            source, name = standalone(exercise.ask), exercise.ask.__name__
            ask = {"name": name, "source": source, "uses": list(exercise.uses)}
        request = {
            "name": exercise.name,
            "kind": self.graded.kind,
            "ask": ask,
            "nonce": self.nonce,
            "needs": needs,
            "cases": [[records.encode(a) for a in arguments] for arguments in self.arguments],
        }
        asked = json.dumps(json.dumps(request))
        shell = "__import__('IPython').get_ipython()"
        return f"{PROBE}.answer({shell}, __import__('json').loads({asked}))"


PROBE = "__import__('course_probe')"


def guard_source(graded: Graded) -> str:
    """Source of the cell that brings the probe and withholds, before the questions are known.

    It uses and leaves no names: after `from torch import *`, for one, `compile` is not Python's.
    """
    held = graded.withhold
    withheld = (probe.overloads(held.operators), held.functions, held.modules, held.autograd)
    code = f"__import__('zlib').decompress(__import__('base64').b64decode({packed_probe()!r}))"
    return (
        "__import__('sys').modules['course_probe'] = "
        "__import__('types').ModuleType('course_probe')\n"
        f"__import__('builtins').exec(__import__('marshal').loads({code}), {PROBE}.__dict__)\n"
        f"{PROBE}.guard(*{withheld!r})"
    )


def is_sound(kind: str, content: dict) -> bool:
    """Whether a message has the form that its kind has.

    nbformat would find out, too, but takes minutes and gigabytes to say what is wrong with a list
    of a million items.
    """
    count = content.get("execution_count")
    if count is not None and not (type(count) is int and 0 <= count < 1 << 31):
        return False
    texts: list = []
    if kind == "stream":
        texts = [content["name"], content["text"]]
    elif kind == "error":
        texts = [content["ename"], content["evalue"], *content["traceback"]]
    elif kind in OUTPUTS:
        texts = [value for name, value in content["data"].items() if not name.endswith("json")]
    return all(isinstance(text, str) for text in texts)


@functools.cache
def packed_probe() -> str:
    """The probe, compiled once for all cells: kernels run the same Python as this process."""
    parts = [Path(module.__file__).read_text() for module in (records, modules, probe)]
    source = "__package__ = ''\n" + "\n".join(parts)
    compiled = marshal.dumps(compile(source, "<probe>", "exec"))
    return base64.b64encode(zlib.compress(compiled)).decode()


class SandboxLost(RuntimeError):
    """Something killed the sandbox; what ran in it says nothing about the submission."""

    def __init__(self):
        super().__init__("the sandbox was killed from outside, which nothing inside it can do")


def weight(content: dict) -> int:
    """About how many bytes an output takes in memory: small parts take more than their text."""
    data = content.get("data", {})
    data = {name: value for name, value in data.items() if not isinstance(value, str)}
    parts = json.dumps([data, content.get("metadata")], default=str).count(",")
    size = len(json.dumps(content, default=str))
    return size + BYTES_PER_OUTPUT + BYTES_PER_PART * parts


class Execute(StockExecute):
    """nbgrader's Execute, except that a dying kernel or a flood of output costs no submission."""

    max_output = Integer(
        20_000_000,
        help="Bytes of output kept of each graded cell, and of all others; what follows is dropped",
    ).tag(config=True)

    def preprocess(self, nb, resources, km=None):
        self._received, self._unfinished, self._manager = Counter(), 0, None
        try:
            resources["convnets_contained"] = containment.ensure(self.config)
            if not resources["convnets_contained"]:
                self.log.warning(containment.UNCONTAINED)
            nb, resources = super().preprocess(nb, resources, km)
        except Exception as error:
            if isinstance(error, Vanished) or isinstance(error.__cause__, Vanished):
                raise SandboxLost from error  # before there was a kernel, or before the canary's
            if self._about("vanished", False):
                raise SandboxLost from error
            raise
        if self._about("vanished", False):
            raise SandboxLost
        resources["convnets_cpu"] = self._about("cpu", 0.0)
        resources["convnets_memory"] = self._about("memory", 0.0)
        return nb, resources

    def create_kernel_manager(self):
        self._manager = super().create_kernel_manager()
        return self._manager

    def _about(self, what, otherwise):
        """What the provisioner of the kernel that ran says about it."""
        provisioner = getattr(self._manager, "provisioner", None)
        return getattr(provisioner, what, otherwise)

    def setup_kernel(self, **options):
        # A torch.py beside the notebook is not torch: nothing is imported from the kernel's folder.
        return super().setup_kernel(env=os.environ | {"PYTHONSAFEPATH": "1"}, **options)

    def preprocess_cell(self, cell, resources, index):
        if "convnets_stopped" in resources:
            return cell, resources
        try:
            done = super().preprocess_cell(cell, resources, index)
            self._unfinished = 0
            return done
        except (DeadKernelError, UnresponsiveKernelError) as error:
            self.log.warning("The kernel stopped before the end of the notebook: %s", error)
            reason = self._about("reason", "") or (
                "its kernel was killed, ran out of memory, or could not be interrupted"
            )
            resources["convnets_stopped"] = f"the notebook stopped before its end: {reason}"
        except Exception as error:  # the kernel can send anything; it costs this cell and no more
            said = str(error)[:300]
            self.log.warning("Cell %d: what the kernel sent makes no sense: %s", index, said)
            # A cell ran and its output did not come to an end: once may be chance.
            self._unfinished += isinstance(error, CellTimeoutError)
            if self._unfinished > 1:
                resources["convnets_stopped"] = (
                    "the notebook stopped before its end: it sent more output than can be read"
                )
        return cell, resources

    def process_message(self, msg, cell, cell_index):
        # Outputs belong to the cell that is running: nothing changes an earlier one afterwards.
        if msg["msg_type"] not in HEARD or not is_sound(msg["msg_type"], msg["content"]):
            return None
        msg["content"].pop("transient", None)
        if msg["msg_type"] in OUTPUTS:
            account = cell_index if is_autograded(cell) else "others"
            self._received[account] += weight(msg["content"])
            if self._received[account] > self.max_output:
                return None
            if account == cell_index and msg["msg_type"] == "display_data":
                # An answer: the judge looks at it closely, and nobody keeps it.
                data = msg["content"]["data"]
                answer = {"output_type": "display_data", "metadata": {}, "data": data}
                cell.outputs.append(NotebookNode(answer))
                return None
        return super().process_message(msg, cell, cell_index)


class Judge(NbGraderPreprocessor):
    """After Execute: read the answers, decide, and write points and a report into each cell."""

    def preprocess(self, nb, resources):
        torch.set_num_threads(1)  # the cases are tiny; more threads only wait for each other
        armed, stopped = resources.get("convnets_armed", {}), resources.get("convnets_stopped", "")
        contained = resources.get("convnets_contained", False)
        nb.cells = [cell for cell in nb.cells if AROUND not in cell.metadata]
        decided: dict[str, verdict.Decision] = {}
        for cell in filter(is_autograded, nb.cells):
            name = cell.metadata.nbgrader.grade_id
            decided[name] = verdict.decide(name, armed.get(name), cell.outputs, stopped, decided)
            decided[name].contained = contained
            if name in armed:
                cell.source = armed[name].source
            points = round(float(cell.metadata.nbgrader.points) * decided[name].fraction, 2)
            cell.outputs = [
                new_output("display_data", verdict.render(decided[name])),
                new_output(
                    "execute_result",
                    {"text/plain": f"{points:g}"},
                    execution_count=cell.execution_count,
                ),
            ]
            for flag in decided[name].flags:
                self.log.warning("%s: %s", name, flag)
        return nb, resources


class SaveAutoGrades(StockSaveAutoGrades):
    """nbgrader's; if there was no sandbox, the comment on the first answer says so."""

    def _add_comment(self, cell, resources):
        super()._add_comment(cell, resources)
        if resources.pop("convnets_contained", True):
            return
        where = (self.notebook_id, self.assignment_id, self.student_id)
        comment = self.gradebook.find_comment(cell.metadata["nbgrader"]["grade_id"], *where)
        said = [comment.auto_comment] if comment.auto_comment else []
        comment.auto_comment = " ".join([*said, containment.UNCONTAINED])
        self.gradebook.db.commit()
