"""Exercises as data: cases, a reference, known mistakes; and the one comparison that judges them.

The visible checks in the notebooks and the hidden tests use the same code; they differ in their
cases and in who runs the learner's function.
"""

import ast
import dis
import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial

import numpy as np
import torch

from helpers.checks.modules import alternatives, describe_module
from helpers.checks.records import LONGEST_TEXT, Array, Other, decode, encode

RELATIVE_TOLERANCE = {"float64": 1e-9, "float32": 1e-4}


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

    @cache  # noqa: B019  (mistakes live as long as the process)
    def of(self, right: Callable) -> Callable:
        """The function somebody making this mistake has written."""
        return lambda *arguments, **options: self.wrong(right, *arguments, **options)


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
    alternatives(*arguments): other results that are just as right, tried when the first is not met;
    ask(function, *others, *arguments): calls the function when a case's arguments alone do not do,
    because it changes them in place, say, or needs what another function returned; gives what is
    compared. It runs beside the learner's code, so it may use modules and no other names;
    uses: the other functions that it calls, right ones by name, in its order;
    normwise: an error is measured by the largest value of the result it stands in, not element by
    element by the same operation on absolute values; for results that are differences;
    measure(value, *arguments): for answers that are not compared but tried out: gives a problem or
    None for each of the parts, and remarks.
    """

    name: str
    reference: Callable
    cases: Sequence[Case]
    mistakes: Sequence[Mistake] = ()
    parts: tuple[str, ...] = ()
    section: str = ""
    alternatives: Callable | None = None
    ask: Callable | None = None
    uses: Mapping[str, Callable] = field(default_factory=dict)
    normwise: bool = False
    measure: Callable | None = None

    def asked(self, function: Callable, names: Mapping[str, Callable] | None = None) -> Callable:
        """What a case's arguments are given to; others it uses are `names`, or else right ones."""
        if self.ask is None:
            return function
        others = [(names or {}).get(name, right) for name, right in self.uses.items()]
        return partial(self.ask, function, *others)


def module_exercise(
    name: str, build: Callable, cases: Sequence[Case], also: Sequence[Callable] = (), **more
) -> Exercise:
    """An exercise whose answer is an `nn.Module` like build(**options).

    Each case's inputs are (options, shape of the input, seed); what is compared are the number of
    parameters, the shapes its layers give, and its output with weights set by structure; where the
    seed is None, for a network too large to run, only the output's shape. also:
    other right ways to build it, which hold their parameters in other layers. A mistake is
    wrong(build, **options) and gives a module.
    """

    def others(*arguments):
        yield from alternatives(build, arguments)
        for other in also:
            yield described(other, *arguments)

    return Exercise(
        name,
        build,
        [replace(case, rtol=case.rtol or 1e-6) for case in cases],
        parts=("params", "stages", "output"),
        ask=describe_module,
        alternatives=others,
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
        bases = [base.__name__ for base in type(error).__mro__]
        return {"error": bases, "message": str(error)[:LONGEST_TEXT]}
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
    if isinstance(want, str):
        if not isinstance(got, str):
            return Problem("type", f"it returned {_describe(got)} instead of text")
        words = "the text is another one"
        return None if got == want else Problem("values", words, f"{got!r} instead of {want!r}")
    if isinstance(want, int) and isinstance(got, float):
        exact = ": a size or a count is a whole number, use `//`" if got == want else ""
        return Problem("type", f"it returned a float instead of an int{exact}")
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
        f"{f'at {list(first)} ' if first else ''}it is {values[first]:.6g} instead of "
        f"{want.values[first]:.6g}",
    )


def _matches(got: dict, want: dict, scale: dict, case: Case) -> bool:
    """Whether an outcome is what a mistake would have given on this case."""
    if "error" in want or "error" in got:
        return "error" in want and "error" in got and want["error"][0] == got["error"][0]
    if not got or "error" in scale:
        return False
    if isinstance(want["value"], Array):
        if _undefined(want["value"]).any():  # as NaN agrees with nothing, the places decide
            return np.array_equal(_undefined(got["value"]), _undefined(want["value"]))
        case = replace(case, dtype=want["value"].dtype)
    return compare(got["value"], want["value"], scale["value"], case, []) is None


def _undefined(value) -> np.ndarray:
    """Where a recorded array holds no finite number."""
    known = isinstance(value, Array) and value.values is not None
    return ~np.isfinite(value.values) if known else np.zeros(0, bool)


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
    if exercise.measure:
        asked = zip(exercise.cases, arguments, outcomes, strict=True)
        return Verdict(exercise, [_measured(exercise, *answer) for answer in asked], [])
    parts = (only,) if only else exercise.parts or ("",)
    results, expected = [], []
    for case, args, outcome in zip(exercise.cases, arguments, outcomes, strict=True):
        exact = _cast(args, torch.Tensor.double)
        magnitudes = _cast(exact, torch.Tensor.abs)  # what rounding errors are measured by
        right = outcome_of(trusted(exercise, exercise.reference), exact)
        want = _split(right, exercise.parts)
        scale = _scale(exercise, magnitudes, right)
        got = _split(outcome, exercise.parts)
        expected.append((args, got))
        result = CaseResult(case.words, {})
        for part in parts:
            result.problems[part] = _problem(case, got[part], want[part], scale[part], result.notes)
        if exercise.alternatives and case.raises is None and "value" in outcome:
            _accept_alternative(exercise, case, exact, got, scale, result)
        if outcome.get("changed"):
            result.notes.append("it changed its input in place")
        results.append(result)
    return Verdict(exercise, results, _diagnose(exercise, parts, expected, results))


def trusted(exercise: Exercise, function: Callable) -> Callable:
    """What a case's arguments are given to for one of our own functions."""
    if exercise.ask is describe_module:
        return partial(described, function)
    return exercise.asked(function)


def described(build: Callable, options: dict, shape: tuple, seed: int | None, *training) -> dict:
    """What `describe_module` says of a module of our own: no device is tried, and it is kept.

    A network too large to run has the same sizes for every learner, and of a wrong answer one asks
    several times what each known mistake would have given.
    """
    return _described(build, repr(options), shape, seed, *training)


@lru_cache(maxsize=1024)
def _described(build: Callable, options: str, *others) -> dict:
    return describe_module(build, ast.literal_eval(options), *others, any_device=False)


def _measured(exercise: Exercise, case: Case, arguments: tuple, outcome: dict) -> CaseResult:
    """How an answer that is tried out did."""
    if outcome.get("value") is not None:
        return CaseResult(case.words, *exercise.measure(outcome["value"], *arguments))
    if "value" in outcome:
        problem = Problem("not attempted", "there is nothing to try out yet")
    else:
        problem = _problem(case, outcome, {}, {}, [])
    return CaseResult(case.words, dict.fromkeys(exercise.parts, problem))


def _scale(exercise: Exercise, magnitudes: tuple, right: dict) -> dict:
    """By part, what rounding errors in the right outcome are measured by."""
    if exercise.normwise:
        return _largest_by_part(exercise, right)
    if not any(isinstance(a, torch.Tensor) for a in magnitudes):  # the same arguments again
        return _split(right, exercise.parts)
    return _split(outcome_of(exercise.asked(exercise.reference), magnitudes), exercise.parts)


def _largest_by_part(exercise: Exercise, outcome: dict) -> dict:
    """By part, the largest magnitudes in the outcome of a trusted function."""
    largest = {key: _largest(v) if key == "value" else v for key, v in outcome.items()}
    return _split(largest, exercise.parts)


def _largest(value):
    """A decoded value with every number of an array replaced by the array's largest magnitude."""
    if isinstance(value, list):
        return [_largest(v) for v in value]
    if isinstance(value, dict):
        return {key: _largest(v) for key, v in value.items()}
    if isinstance(value, Array) and value.values is not None and value.values.size:
        return replace(value, values=np.full(value.shape, np.abs(value.values).max()))
    return value


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
        if error[0] == "NotImplementedError" and got.get("inside"):
            return Problem("error", f"`{got['inside']}`, which it calls, is not written yet")
        if error[0] == "NotImplementedError":
            return Problem("not attempted", "not attempted yet")
        if error[0] == "Unusable":
            return Problem("unusable", got.get("message", ""))
        line = f" (line {got['line']} of your cell)" if isinstance(got.get("line"), int) else ""
        return Problem("error", f"it raised {error[0]}: {got.get('message', '')}{line}")
    if got.get("nothing"):
        return Problem("nothing", "it returned None: is a `return` missing")
    return compare(got["value"], want["value"], scale["value"], case, notes)


def _diagnose(exercise, parts, expected, results) -> list[Finding]:
    """Which known mistakes explain the failures: all of them, or those of one part.

    A mistake explains a failure if it gives the same result; one that would have failed where the
    answer is right is not it.
    """
    failing = {
        (i, part)
        for i, result in enumerate(results)
        for part in parts
        if result.problems[part] is not None and result.problems[part].kind != "not attempted"
    }
    everything = {(i, part) for i in range(len(results)) for part in parts}
    if not failing:
        return []
    agreed = _agreements(exercise, parts, expected, failing)
    by_name = {m.name: m for m in exercise.mistakes}

    def best(part: str, these: set) -> Finding | None:
        fitting = [by_name[name] for name, found in agreed.items() if these <= found]
        if len(fitting) > 1:
            fitting = [m for m in fitting if _raises_as(exercise, m, expected)] or fitting
        return Finding(part, fitting, len(fitting) == 1) if fitting else None

    whole = best("", everything)
    if whole:
        return [whole]
    wrong_parts = [part for part in parts if part and any(f[1] == part for f in failing)]
    findings = [best(part, {f for f in everything if f[1] == part}) for part in wrong_parts]
    findings = [finding for finding in findings if finding]
    if findings:
        return findings
    agreed = _agreements(exercise, parts, expected, failing, thorough=True)
    possible = [by_name[name] for name, found in agreed.items() if everything - failing <= found]
    return [Finding("", possible, False)] if possible else []


def _agreements(exercise, parts, expected, failing, thorough=False) -> dict[str, set]:
    """Per mistake that explains a failure, where it gives what was answered; see `_agreement`."""
    return {
        candidate.name: found
        for candidate in exercise.mistakes
        if (found := _agreement(exercise, candidate, parts, expected, failing, thorough))
    }


def _agreement(exercise, candidate, parts, expected, failing, thorough) -> set[tuple[int, str]]:
    """The (case, part) pairs in which a mistake gives what was answered; none if it explains none.

    The cases that fail in most parts are tried first: most mistakes need no other. Unless it is to
    be thorough, a mistake is given up as soon as there is no part left that it may explain in all
    cases.
    """
    make, found = trusted(exercise, candidate.of(exercise.reference)), set()
    left = {part for _, part in failing}
    failures = Counter(i for i, _ in failing)
    for i in sorted(range(len(expected)), key=lambda i: -failures[i]):
        if i not in failures and not found & failing:
            return set()
        case, (args, got) = exercise.cases[i], expected[i]
        made = outcome_of(make, args)
        wrong = _split(made, exercise.parts)
        scale = _largest_by_part(exercise, made)
        found |= {(i, p) for p in parts if _matches(got[p], wrong[p], scale[p], case)}
        left = {p for p in left if (i, p) in found}
        if not left and not thorough:
            return set()
    return found if found & failing else set()


def _raises_as(exercise, candidate, expected) -> bool:
    """Whether a mistake raises errors with just the words of those that were raised.

    The sizes that torch names when shapes do not fit tell mistakes apart that raise the same error.
    """
    make = trusted(exercise, candidate.of(exercise.reference))
    for args, got in expected:
        said = next(iter(got.values())).get("message")
        if said is not None and outcome_of(make, args).get("message") != said:
            return False
    return True


def source_of(wrong: Mistake, name: str, right: str) -> str:
    """Source of a function `name` that makes this mistake around a right one called `right`.

    What it needs is imported inside, so that it disturbs no name around it. Raises ValueError for
    a mistake that uses names that are neither modules nor functions of one.
    """
    call = (
        f"def {name}(*arguments, **options):\n"
        f"    return {wrong.wrong.__name__}({right}, *arguments, **options)\n"
    )
    return f"{standalone(wrong.wrong)}\n\n\n{call}"


def standalone(function: Callable) -> str:
    """Source of a function that imports inside what it uses. Raises ValueError if it cannot."""
    source = inspect.getsource(function)
    [definition] = ast.parse(source[source.index("def ") :]).body
    definition.body = ast.parse("\n".join(_imports(function))).body + definition.body
    return ast.unparse(definition)


def _imports(function: Callable) -> list[str]:
    """Import statements for the global names a function uses."""
    names, codes, lines = set(), [function.__code__], []
    for code in codes:
        names |= {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
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
