"""The judge as nbgrader preprocessors: Arm, Execute, Judge. Configuration alone plugs them in.

Arm puts a question into every graded cell; Execute runs the notebook; Judge reads the answers in
this process, which student code never enters, and writes points and a report in their place.
"""

import json
import secrets
from pathlib import Path

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.preprocessors import Execute as StockExecute
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.preprocessors.execute import UnresponsiveKernelError
from nbgrader.utils import is_grade, is_solution
from traitlets import Integer, Unicode

from autograder import exercises
from autograder.judge import probe, verdict
from autograder.judge.graded import Graded
from autograder.judge.keys import course_key, seed_for
from helpers.checks import modules, records
from helpers.checks.exercise import arguments_for

AROUND = "convnets-guard"  # metadata of the cells that are there only while a notebook runs


def is_autograded(cell: NotebookNode) -> bool:
    """Whether a cell's points come from running it (and not from a person reading it)."""
    return cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)


def answers(nb: NotebookNode) -> list[str]:
    """Sources of the cells a student fills in, in order."""
    return [cell.source for cell in nb.cells if is_solution(cell)]


class Arm(NbGraderPreprocessor):
    """Before Execute: turn every graded cell into questions with fresh inputs."""

    key_file = Unicode("autograder/course.key", help="File with the course's secret key").tag(
        config=True
    )

    def preprocess(self, nb, resources):
        about = resources["nbgrader"]
        key = course_key(self.key_file)
        known = exercises.load(about["notebook"])
        armed = resources["convnets_armed"] = {}
        cells, written = [], answers(nb)
        for cell in nb.cells:
            if not is_autograded(cell):
                cells.append(cell)
                continue
            name = cell.metadata.nbgrader.grade_id
            graded, source = known.get(name), cell.source
            seed = seed_for(key, about["student"], about["assignment"], name, written)
            armed[name] = Armed(graded, source, seed)
            if graded is None:
                cell.source = ""
                cells.append(cell)
                continue
            cell.source = armed[name].question()
            before = new_code_cell(guard_source(graded), metadata={AROUND: True})
            after = new_code_cell(f"{PROBE}.release()", metadata={AROUND: True})
            cells += [before, cell, after]
        nb.cells = cells
        return nb, resources


class Armed:
    """One graded cell while it is being graded."""

    def __init__(self, graded: Graded | None, source: str, seed: list[int]):
        self.graded, self.source, self.nonce = graded, source, secrets.token_hex(8)
        cases = graded.exercise.cases if graded else ()
        self.arguments = [arguments_for(case, [*seed, i]) for i, case in enumerate(cases)]

    def question(self) -> str:
        """Source of the cell that asks for the answers."""
        request = {
            "name": self.graded.exercise.name,
            "kind": self.graded.kind,
            "nonce": self.nonce,
            "needs": self.graded.needs,
            "cases": [[records.encode(a) for a in arguments] for arguments in self.arguments],
        }
        asked = json.dumps(json.dumps(request))
        return f"{PROBE}.answer(get_ipython(), __import__('json').loads({asked}))"


PROBE = "__import__('course_probe')"


def guard_source(graded: Graded) -> str:
    """Source of the cell that brings the probe and withholds, before the questions are known."""
    parts = [Path(module.__file__).read_text() for module in (records, modules, probe)]
    source = "__package__ = ''\n" + "\n".join(parts)
    held = graded.withhold
    withheld = (held.operators, held.functions, held.modules, held.autograd)
    return (
        "import sys, types\n"
        "sys.modules['course_probe'] = types.ModuleType('course_probe')\n"
        f"exec(compile({source!r}, '<probe>', 'exec'), vars(sys.modules['course_probe']))\n"
        f"sys.modules['course_probe'].guard(*{withheld!r})"
    )


class Execute(StockExecute):
    """nbgrader's Execute, except that a dying kernel or a flood of output costs no submission."""

    max_output = Integer(
        20_000_000, help="Bytes of output kept per notebook; what comes after is dropped"
    ).tag(config=True)

    def preprocess(self, nb, resources, km=None):
        self._received = 0
        try:
            return super().preprocess(nb, resources, km)
        except (DeadKernelError, UnresponsiveKernelError) as error:
            self.log.warning("The kernel stopped before the end of the notebook: %s", error)
            resources["convnets_stopped"] = (
                "the notebook stopped before its end: its kernel was killed, ran out of memory, or "
                "could not be interrupted"
            )
            return nb, resources

    def process_message(self, msg, cell, cell_index):
        # Outputs belong to the cell that is running: nothing changes an earlier one afterwards.
        if msg["msg_type"] == "update_display_data" or msg["msg_type"].startswith("comm"):
            return None
        msg["content"].pop("transient", None)
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "error"):
            self._received += len(json.dumps(msg["content"], default=str))
            if self._received > self.max_output:
                return None
        return super().process_message(msg, cell, cell_index)


class Judge(NbGraderPreprocessor):
    """After Execute: read the answers, decide, and write points and a report into each cell."""

    def preprocess(self, nb, resources):
        armed, stopped = resources.get("convnets_armed", {}), resources.get("convnets_stopped", "")
        nb.cells = [cell for cell in nb.cells if AROUND not in cell.metadata]
        decided: dict[str, verdict.Decision] = {}
        for cell in filter(is_autograded, nb.cells):
            name = cell.metadata.nbgrader.grade_id
            decided[name] = verdict.decide(name, armed.get(name), cell.outputs, stopped, decided)
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
