"""Runs in the student's kernel: asks the questions and records the answers, and nothing else.

It knows no expected values. The judge sends it as source, behind that of `records`; both make one
module. Whatever runs beside it may tamper with it: the only thing gained is a wrong answer.
"""

import functools
import importlib
import signal
import sys
import types
from contextlib import ExitStack, contextmanager, suppress

import psutil
import torch

if __package__:  # imported for tests; in a kernel `records` stands above in the same module
    from helpers.checks.modules import describe_module
    from helpers.checks.records import decode, record_call, to_live

MIME = "application/vnd.convnets.evidence+json"
SECONDS_PER_CASE = 5
MOST_TIMEOUTS = 2
DEVICES = ("CPU", "CUDA", "MPS", "MkldnnCPU")
KEYS = (*DEVICES, "AutogradCPU", "AutogradCUDA", "AutogradMPS")
DIFFERENTIATION = (
    "torch.autograd.backward",
    "torch.autograd.grad",
    "torch.autograd.graph._engine_run_backward",
    "torch.autograd.forward_ad.make_dual",
    "torch.Tensor.backward",
)
PROCESSES = ("subprocess.Popen", "os.system", "os.fork", "os.exec", "os.posix_spawn", "os.spawn")


class Withheld(RuntimeError):
    """Raised by what an exercise withholds while it is graded."""


_held = ExitStack()
_in_force = []  # tests that all hold while everything that was asked for is withheld
_withheld_imports = []  # the packages, while imports and new processes are withheld
_hooked = False


def refusal(name):
    """A function that raises, naming what was called."""

    def withheld(*arguments, **options):
        raise Withheld(f"{name} is withheld while this exercise is graded: compute it yourself")

    return withheld


@functools.cache
def overloads(names):
    """Those of the operators, with all their overloads, that this build of torch has."""
    known = torch._C._dispatch_get_all_op_names()
    return sorted(name for name in known if name in names or name.partition(".")[0] in names)


def overridden(names):
    """Whether the functions torch would run for operators come from this file, on every device."""
    here = f"registered at {overridden.__code__.co_filename}:"
    dumps = [torch._C._dispatch_dump(name) for name in names]
    return all(f"\n{key}: {here}" in dump for dump in dumps for key in KEYS)


@contextmanager
def operators_withheld(names):
    """Override torch operators for the whole process: threads, wrappers and modes included."""
    libraries = []
    try:
        for qualified in names:
            namespace, name = qualified.split("::")
            library = torch.library.Library(namespace, "IMPL")
            libraries.append(library)
            for key in KEYS:
                library.impl(name, refusal(f"torch's {name}"), key)
        yield
    finally:
        for library in libraries:
            library._destroy()


@contextmanager
def functions_withheld(functions):
    """Make Python functions raise, also where another name was bound to them before."""
    changed = []
    try:
        for function in functions:
            changed.append((function, function.__code__))
            function.__code__ = _raising_code(function)
        yield
    finally:
        for function, code in reversed(changed):
            function.__code__ = code


def _raising_code(function):
    def template(*arguments, **options):
        from course_probe import Withheld

        raise Withheld("NAME is withheld while this exercise is graded: compute it yourself")

    name = f"{function.__module__}.{function.__name__}"
    constants = tuple(
        c.replace("NAME", name) if isinstance(c, str) else c for c in template.__code__.co_consts
    )
    freevars = function.__code__.co_freevars  # a code object must match its function's closure
    return template.__code__.replace(co_consts=constants, co_freevars=freevars)


def find(dotted):
    """The object behind a dotted name, or None."""
    parts = dotted.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except Exception:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        return found
    return None


def within(name, packages):
    """Whether a module's name is one of `packages` or below one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def functions_of(packages):
    """All functions of those modules in the packages that are imported already."""
    modules = [module for name, module in list(sys.modules.items()) if within(name, packages)]
    members = {id(m): m for module in modules for m in vars(module).values()}.values()
    functions = [m for m in members if isinstance(m, types.FunctionType)]
    return [f for f in functions if within(str(f.__module__), packages)]


@contextmanager
def imports_withheld(modules):
    """Refuse imports of `modules`, and new processes, until the end of the block."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_audit)  # cannot be removed; it does nothing outside such a block
        _hooked = True
    _withheld_imports.append(modules)
    try:
        yield
    finally:
        _withheld_imports.clear()


def _audit(event, arguments):
    if not _withheld_imports:
        return
    if event == "import" and within(arguments[0], _withheld_imports[0]):
        refusal(arguments[0])()
    if event in PROCESSES:
        refusal("starting a process")()


@contextmanager
def processes_paused():
    """Let every process that the kernel has started stand still: none may answer for it."""
    paused = psutil.Process().children(recursive=True)
    try:
        for process in paused:
            with suppress(psutil.Error):
                process.suspend()
        yield
    finally:
        for process in paused:
            with suppress(psutil.Error):
                process.resume()


def guard(operators, functions, modules, autograd):
    """Withhold, before the questions are known, until :func:`release`.

    operators: all overloads by name, see :func:`overloads`; the rest as in `graded.Withhold`.
    """
    release()
    names = [*functions, *(DIFFERENTIATION if autograd else ())]
    found = [find(name) for name in names] + functions_of(modules)
    targets = [f for f in found if isinstance(f, types.FunctionType)]
    _held.enter_context(operators_withheld(operators))
    _held.enter_context(functions_withheld(targets))
    _held.enter_context(imports_withheld(modules))
    _held.enter_context(processes_paused())
    if autograd:  # nothing is recorded, so there is nothing to run backwards either
        _held.enter_context(torch._C._AutoDispatchBelowAutograd())

    codes = [function.__code__ for function in targets]
    excluded = torch._C._dispatch_tls_is_dispatch_key_excluded
    _in_force[:] = [
        lambda: overridden(operators),
        lambda: [function.__code__ for function in targets] == codes,
        lambda: _withheld_imports == [modules],
        lambda: not autograd or excluded("AutogradFunctionality"),
    ]


def in_force():
    """Whether everything :func:`guard` was asked to withhold is withheld now."""
    return bool(_in_force) and all(test() for test in _in_force)


def release():
    """Give back everything that was withheld."""
    _held.close()


@contextmanager
def deadline(seconds):
    """Raise TimeoutError in the main thread after `seconds`."""

    def expired(signum, frame):
        raise TimeoutError(f"it took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def timed_call(function, arguments):
    """The recorded outcome of one call under the deadline, TimeoutError included."""
    try:
        with deadline(SECONDS_PER_CASE):
            return record_call(function, arguments)
    except TimeoutError as error:  # it went off outside the function itself
        return {"error": {"bases": ["TimeoutError"], "message": str(error), "line": None}}


def answer(shell, request):
    """Ask everything in `request`, and publish the answers, one message each."""
    if request["kind"] == "value":
        tell(shell, request)
    else:
        question(shell, request)


def tell(shell, request):
    """Publish what a variable holds, for every case."""
    value = shell.user_ns.get(request["name"], missing(request["name"]))
    read = value if getattr(value, "stands_for_missing", False) else lambda: value
    outcome = record_call(read, ())
    for index in range(len(request["cases"])):
        publish(shell, request, "own", index, outcome)


def question(shell, request):
    """Ask a function or module; and again with right stand-ins for earlier answers it may need."""
    names = shell.user_ns
    ask(shell, request, "own")
    if request["needs"]:
        own = {name: names[name] for name in request["needs"] if name in names}
        for source in request["needs"].values():
            exec(source, names)
        try:
            ask(shell, request, "given")
        finally:
            for name in request["needs"]:
                names.pop(name, None)
            names.update(own)


def missing(name):
    """Stands for a function or value that was never defined."""

    def not_defined(*arguments):
        raise NameError(f"{name} is not defined")

    not_defined.stands_for_missing = True
    return not_defined


def ask(shell, request, run):
    """Call the function with every case's arguments; after two timeouts, no more."""
    function = shell.user_ns.get(request["name"], missing(request["name"]))
    if request["kind"] == "module":
        function = functools.partial(describe_module, function)
    if request["ask"]:
        others = [shell.user_ns.get(name, missing(name)) for name in request["ask"]["uses"]]
        adapter = {}
        exec(request["ask"]["source"], adapter)
        function = functools.partial(adapter[request["ask"]["name"]], function, *others)
    timeouts = 0
    for index, recorded in enumerate(request["cases"]):
        outcome = timed_call(function, tuple(to_live(decode(r)) for r in recorded))
        publish(shell, request, run, index, outcome)
        timeouts += "TimeoutError" in outcome.get("error", {}).get("bases", ())
        if timeouts == MOST_TIMEOUTS:
            return


def publish(shell, request, run, index, outcome):
    """Send one answer out as data."""
    evidence = {"nonce": request["nonce"], "run": run, "case": index, "outcome": outcome}
    evidence["withheld"] = in_force()
    shell.display_pub.publish({MIME: evidence, "text/plain": ""}, {})
