"""Exercises as data: cases, a reference, known mistakes; and the one comparison that judges them.

The visible checks in the notebooks and the hidden tests use the same code; they differ in their
cases and in who runs the learner's function.
"""

import ast
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch

from helpers.checks.modules import alternatives, describe_module
from helpers.checks.records import Array, Other, decode, encode

RELATIVE_TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2, "bfloat16": 5e-2}


@dataclass(frozen=True)
class Case:
    """One call of the learner's function.

    words: what is tried, as the learner will read it; inputs: makes the positional arguments from
    a random generator; dtype: of the tensors among them; keeps_dtype: the result must have it too;
    raises: the exception the call should raise; rtol: overrides the tolerance of the dtype.
    """

    words: str
    inputs: Callable[[np.random.Generator], tuple]
    dtype: str = "float64"
    keeps_dtype: bool = False
    raises: type[Exception] | None = None
    rtol: float | None = None


@dataclass(frozen=True)
class Mistake:
    """A wrong implementation that people really write, as a change to the right one.

    wrong(right, *arguments) computes what the mistake gives. says completes "it looks as if ...";
    hint says where to look without giving the answer.
    """

    name: str
    says: str
    hint: str
    wrong: Callable

    def of(self, right: Callable) -> Callable:
        """The function somebody making this mistake has written."""
        return lambda *arguments: self.wrong(right, *arguments)


def mistake(says: str, hint: str) -> Callable[[Callable], Mistake]:
    """Decorator: turn `wrong(right, *arguments)` into a :class:`Mistake` named after it."""

    def named(wrong: Callable) -> Mistake:
        return Mistake(wrong.__name__.replace("_", " "), says, hint, wrong)

    return named


@dataclass(frozen=True)
class Exercise:
    """What is asked for: `name(*arguments)` must give what reference(*arguments) gives.

    parts: names of the results when there are several, judged separately;
    section: the heading in the notebook that explains it;
    alternatives(*arguments): other results that are just as right, tried when the first is not met.
    """

    name: str
    reference: Callable
    cases: Sequence[Case]
    mistakes: Sequence[Mistake] = ()
    parts: tuple[str, ...] = ()
    section: str = ""
    alternatives: Callable | None = None


def module_exercise(name: str, build: Callable, cases: Sequence[Case], **more) -> Exercise:
    """An exercise whose answer is an `nn.Module` like build(**options).

    Each case's inputs are (options, shape of the input, seed); what is compared are the number of
    parameters, the shapes its layers give, and its output with weights set by structure.
    """
    return Exercise(
        name,
        partial(describe_module, build),
        [replace(case, rtol=case.rtol or 1e-6) for case in cases],
        parts=("params", "stages", "output"),
        alternatives=lambda *arguments: alternatives(build, arguments),
        **more,
    )


@dataclass(frozen=True)
class Problem:
    """What is wrong with one result: kind is "shape", "values", "type", "dtype", "error", ...

    words may be shown to anybody; detail quotes a value and the right one, for visible checks only.
    """

    kind: str
    words: str
    detail: str = ""


@dataclass
class CaseResult:
    """How one case went: problems by part (part "" when the exercise has only one result)."""

    words: str
    problems: dict[str, Problem | None]
    notes: list[str] = field(default_factory=list)

    @property
    def fraction(self) -> float:
        """Share of the parts that are right, 0 to 1."""
        return sum(p is None for p in self.problems.values()) / len(self.problems)


@dataclass
class Finding:
    """Mistakes that may explain the failures; certain when one explains all of them."""

    part: str
    mistakes: list[Mistake]
    certain: bool


@dataclass
class Verdict:
    """Everything a comparison found out about one exercise."""

    exercise: Exercise
    results: list[CaseResult]
    findings: list[Finding]

    @property
    def fraction(self) -> float:
        """Share of the exercise that is right, every case counting the same."""
        return sum(r.fraction for r in self.results) / len(self.results)

    @property
    def attempted(self) -> bool:
        return not all(
            p is not None and p.kind == "not attempted"
            for result in self.results
            for p in result.problems.values()
        )


def _cast(arguments: tuple, change: Callable) -> tuple:
    """`arguments` with `change` applied to the floating tensors among them."""
    return tuple(
        change(a) if isinstance(a, torch.Tensor) and a.is_floating_point() else a for a in arguments
    )


def arguments_for(case: Case, seed: int | Sequence[int]) -> tuple:
    """The case's arguments for a seed; the same seed gives the same arguments everywhere."""
    dtype = getattr(torch, case.dtype)
    return _cast(case.inputs(np.random.default_rng(seed)), lambda a: a.to(dtype))


def outcome_of(function: Callable, arguments: tuple) -> dict:
    """What a trusted function gives, in the form a recorded outcome has after decoding."""
    try:
        value = function(*arguments)
    except Exception as error:
        return {"error": [base.__name__ for base in type(error).__mro__]}
    return {"value": decode(encode(value))}


def _describe(value) -> str:
    if isinstance(value, Array):
        return f"{'a tensor' if value.kind == 'tensor' else 'an array'} of shape {value.shape}"
    if isinstance(value, Other):
        return f"an object of type {value.type}"
    if isinstance(value, list):
        return f"a tuple of {len(value)}"
    return {type(None): "None", bool: "a bool", int: "an int", float: "a float", str: "text"}.get(
        type(value), "a dict"
    )


def compare(got, want, scale, case: Case, notes: list[str]) -> Problem | None:
    """The first problem with `got`, or None if it is right; remarks go to `notes`.

    got, want, scale are decoded values; an element passes if it differs from `want` by at most
    rtol times `scale`, the same operation done on absolute values.
    """
    if got is None and want is not None:
        return Problem("not attempted", "nothing was returned (None)")
    if isinstance(want, Array):
        return _compare_arrays(got, want, scale, case, notes)
    if isinstance(want, dict | list):
        return _compare_collections(got, want, scale, case, notes)
    if isinstance(got, Array) and got.values is not None and got.values.size == 1:
        notes.append(f"it returned {_describe(got)}; a plain number was expected")
        got = got.values.item()
    if isinstance(want, bool) or want is None:
        if type(got) is not type(want):
            return Problem("type", f"it returned {_describe(got)} instead of {_describe(want)}")
        return None if got == want else Problem("values", "the answer is the other one")
    if isinstance(want, int) and isinstance(got, float):
        exact = " A size or a count is a whole number; use `//`." if got == want else ""
        return Problem("type", f"it returned a float instead of an int.{exact}")
    if isinstance(got, bool) or not isinstance(got, int | float):
        return Problem("type", f"it returned {_describe(got)} instead of {_describe(want)}")
    allowed = 0 if isinstance(want, int) else (case.rtol or 1e-9) * abs(scale)
    if not abs(got - want) <= allowed:
        words = f"the number is too {'large' if got > want else 'small'}"
        return Problem("values", words, f"it is {got:,} instead of {want:,}")
    return None


def _compare_collections(got, want, scale, case, notes) -> Problem | None:
    if isinstance(got, Array) and isinstance(want, list) and got.values is not None:
        got = got.values.tolist()  # torch.Size and arrays of sizes are sequences too
    if type(got) is not type(want):
        return Problem("type", f"it returned {_describe(got)} instead of {_describe(want)}")
    if isinstance(want, list):
        if len(got) != len(want):
            return Problem("type", f"it returned {len(got)} values instead of {len(want)}")
        keys = range(len(want))
    else:
        keys = list(want)
        missing = [key for key in keys if key not in got]
        if missing:
            return Problem("type", f"{missing[0]} is missing")
    for key in keys:
        problem = compare(got[key], want[key], scale[key], case, notes)
        if problem is not None:
            where = f"value {key + 1}" if isinstance(want, list) else f"`{key}`"
            return Problem(problem.kind, f"{where}: {problem.words}", problem.detail)
    return None


def _compare_arrays(got, want: Array, scale: Array, case: Case, notes: list[str]) -> Problem | None:
    if not isinstance(got, Array):
        if isinstance(got, int | float) and want.shape == ():
            got = Array("tensor", case.dtype, (), np.asarray(got, float))
        else:
            return Problem("type", f"it returned {_describe(got)} instead of a tensor")
    if got.kind == "array":
        note = "it returned a numpy array; the values count all the same"
        notes.extend([note] if note not in notes else [])
    if got.shape != want.shape:
        return Problem("shape", f"shape {got.shape} should be {want.shape}")
    if got.values is None:
        return Problem("dtype", f"values of dtype {got.dtype} cannot be compared")
    if got.dtype != case.dtype:
        note = f"{case.dtype} went in and {got.dtype} came out"
        if case.keeps_dtype:
            return Problem("dtype", note)
        notes.extend([note] if note not in notes else [])
    values = got.values.astype(np.float64)
    if not np.isfinite(values).all():
        return Problem("values", "there are NaN or infinite values")
    rtol = max(
        case.rtol if case.rtol is not None else RELATIVE_TOLERANCE[case.dtype],
        RELATIVE_TOLERANCE.get(got.dtype, 0) if got.dtype != case.dtype else 0,
    )
    wrong = ~(np.abs(values - want.values) <= rtol * np.abs(scale.values))
    if not wrong.any():
        return None
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return Problem(
        "values",
        f"{int(wrong.sum())} of {wrong.size} values differ",
        f"at {list(first)} it is {values[first]:.6g} instead of {want.values[first]:.6g}",
    )


def _matches(got: dict, want: dict, scale: dict, case: Case) -> bool:
    """Whether an outcome is what a mistake would have given on this case."""
    if "error" in want or "error" in got:
        return "error" in want and "error" in got and want["error"][0] == got["error"][0]
    if not got or "error" in scale:
        return False
    if isinstance(want["value"], Array):
        case = replace(case, dtype=want["value"].dtype)
    return compare(got["value"], want["value"], scale["value"], case, []) is None


def _split(outcome: dict, parts: tuple[str, ...]) -> dict[str, dict]:
    """An outcome by part; an error, or a result that cannot be taken apart, belongs to all."""
    if not parts:
        return {"": outcome}
    value = outcome.get("value")
    if isinstance(value, list) and len(value) == len(parts):
        return {part: {"value": v} for part, v in zip(parts, value, strict=True)}
    if isinstance(value, dict):
        return {part: {"value": value.get(part)} for part in parts}
    return dict.fromkeys(parts, outcome)


def judge(
    exercise: Exercise,
    arguments: Sequence[tuple],
    outcomes: Sequence[dict],
    only: str | None = None,
) -> Verdict:
    """Compare what the learner's function gave with what the reference gives, case by case.

    outcomes: per case {"value": decoded} or {"error": [type and base names], "message", "line"},
    with "changed", or an empty dict when there is no answer. only: judge this part alone.
    """
    parts = (only,) if only else exercise.parts or ("",)
    results, expected = [], []
    for case, args, outcome in zip(exercise.cases, arguments, outcomes, strict=True):
        exact = _cast(args, torch.Tensor.double)
        magnitudes = _cast(exact, torch.Tensor.abs)  # what rounding errors are measured by
        want = _split(outcome_of(exercise.reference, exact), exercise.parts)
        scale = _split(outcome_of(exercise.reference, magnitudes), exercise.parts)
        got = _split(outcome, exercise.parts)
        expected.append((args, magnitudes, got))
        result = CaseResult(case.words, {})
        for part in parts:
            result.problems[part] = _problem(case, got[part], want[part], scale[part], result.notes)
        if exercise.alternatives and case.raises is None and "value" in outcome:
            _accept_alternative(exercise, case, exact, got, scale, result)
        if outcome.get("changed"):
            result.notes.append("it changed its input in place")
        results.append(result)
    return Verdict(exercise, results, _diagnose(exercise, parts, expected, results))


def _accept_alternative(exercise, case, arguments, got, scale, result) -> None:
    """Clear a result's problems if an alternative right answer has none of them."""
    if result.fraction == 1:
        return
    for other in exercise.alternatives(*arguments):
        want = _split({"value": decode(encode(other))}, exercise.parts)
        problems = {p: _problem(case, got[p], want[p], scale[p], []) for p in result.problems}
        if not any(problems.values()):
            result.problems = problems
            return


def _problem(case: Case, got: dict, want: dict, scale: dict, notes: list[str]) -> Problem | None:
    if not got:
        return Problem("missing", "no answer arrived")
    error = got.get("error")
    if case.raises is not None:
        if error is None:
            return Problem("error", f"it should raise {case.raises.__name__} but returned a result")
        if case.raises.__name__ in error:
            return None
    if error is not None:
        if error[0] == "NotImplementedError":
            return Problem("not attempted", "not attempted yet")
        if error[0] == "Unusable":
            return Problem("unusable", got.get("message", ""))
        line = f" (line {got['line']} of your cell)" if isinstance(got.get("line"), int) else ""
        return Problem("error", f"it raised {error[0]}: {got.get('message', '')}{line}")
    return compare(got["value"], want["value"], scale["value"], case, notes)


def _diagnose(exercise, parts, expected, results) -> list[Finding]:
    """Which known mistakes explain the failures: all of them, or those of one part."""
    failing = {
        (i, part)
        for i, result in enumerate(results)
        for part in parts
        if result.problems[part] is not None and result.problems[part].kind != "not attempted"
    }
    if not failing:
        return []
    explained, consistent = {}, {}
    for candidate in exercise.mistakes:
        agrees = set()
        make = candidate.of(exercise.reference)
        for i, (case, (args, sizes, got)) in enumerate(zip(exercise.cases, expected, strict=True)):
            wrong = _split(outcome_of(make, args), exercise.parts)
            scale = _split(outcome_of(make, sizes), exercise.parts)
            agrees |= {(i, p) for p in parts if _matches(got[p], wrong[p], scale[p], case)}
        explained[candidate.name] = agrees & failing
        consistent[candidate.name] = len(agrees) == len(results) * len(parts)
    by_name = {m.name: m for m in exercise.mistakes}

    def best(part: str, these: set) -> Finding | None:
        fitting = [name for name, found in explained.items() if these and these <= found]
        fitting = [name for name in fitting if consistent[name]] or fitting
        return Finding(part, [by_name[n] for n in fitting], len(fitting) == 1) if fitting else None

    whole = best("", failing)
    if whole:
        return [whole]
    findings = [best(part, {f for f in failing if f[1] == part}) for part in parts if part]
    findings = [finding for finding in findings if finding]
    if findings:
        return findings
    some = [by_name[name] for name, found in explained.items() if found]
    return [Finding("", some, False)] if some else []


def source_of(wrong: Mistake, name: str, right: str) -> str:
    """Source of a function `name` that makes this mistake around a right one called `right`.

    What it needs is imported inside, so that it disturbs no name around it. Raises ValueError for
    a mistake that uses names that are neither modules nor functions of one.
    """
    function = wrong.wrong
    source = inspect.getsource(function)
    [definition] = ast.parse(source[source.index("def ") :]).body
    definition.body = ast.parse("\n".join(_imports(function))).body + definition.body
    call = f"def {name}(*arguments):\n    return {function.__name__}({right}, *arguments)\n"
    return f"{ast.unparse(definition)}\n\n\n{call}"


def _imports(function: Callable) -> list[str]:
    """Import statements for the global names a function uses."""
    names, codes, lines = set(), [function.__code__], []
    for code in codes:
        names |= set(code.co_names)
        codes += [constant for constant in code.co_consts if inspect.iscode(constant)]
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        if inspect.ismodule(value):
            lines.append(
                f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}")
            )
        elif inspect.isfunction(value):
            lines.append(f"from {value.__module__} import {name}")
        else:
            raise ValueError(f"the mistake {function.__name__} uses {name}, which has no import")
    return lines
