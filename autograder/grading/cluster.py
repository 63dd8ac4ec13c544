"""Many workers: a local cluster, or any scheduler of dask.distributed; and what gets lost on them.

Nothing here knows what a job is: it has a name, and `work(job)` is done somewhere. Jobs travel as
bytes: a worker that cannot read one, because it has no course or another one, survives and says so.
"""

import os
import pickle
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import dask
from distributed import CancelledError, Client, Future, LocalCluster, wait
from distributed.client import ClosedClientError
from distributed.scheduler import KilledWorker
from distributed.security import Security
from distributed.utils import get_mp_context

from autograder import CourseError

__all__ = [
    "MOST_LOSSES",
    "SCHEDULER",
    "Again",
    "Lost",
    "address",
    "done_by",
    "opened",
    "wait_for_worker",
]

SCHEDULER = "COURSE_SCHEDULER"
"""Environment variable with the address of a scheduler, for those who always use the same."""

MOST_LOSSES = 2  # so often a job is lost before it is set aside
PATIENCE = 10  # seconds until a scheduler has to answer
DESERTED = 300  # seconds without any worker until that is an error
LOCAL = {
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.scheduler.allowed-failures": 0,  # whom to blame is decided here
    "distributed.worker.memory.terminate": 0.95,
    "distributed.comm.timeouts.connect": "60s",
}


class Again(RuntimeError):
    """Raised by work that failed for no reason of its own: it counts as a loss."""


class Lost(RuntimeError):
    """A job that was lost more than once."""


def address(given: str | None) -> str | None:
    """The scheduler that was asked for: the option, else the environment; None for a local one."""
    return given or os.environ.get(SCHEDULER) or None


@contextmanager
def opened(scheduler: str | None, workers: int, preload: Sequence[str] = ()) -> Iterator[Client]:
    """A client: of the scheduler at an address, or of a cluster on this machine.

    workers: of the local cluster, one thread each; nobody else on this machine can talk to it;
    preload: modules they need, imported once, by the process that they fork from.
    Raises CourseError if no scheduler answers.
    """
    if scheduler:
        try:
            client = Client(scheduler, timeout=PATIENCE)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise CourseError(f"No scheduler answers at {scheduler} ({said}).") from error
        with client:
            yield client
        return
    # The temporary folder stays until the workers have left it.
    with tempfile.TemporaryDirectory(prefix="workers-") as folder, dask.config.set(LOCAL):
        # The process that workers fork from starts with the first of them.
        get_mp_context().set_forkserver_preload(["distributed", *preload])
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                # Its HTTP server starts all the same: on a port that nobody else wants.
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                local_directory=folder,
                security=Security.temporary(),
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client


@contextmanager
def _asking() -> Iterator[None]:
    """Ask the scheduler something. Raises CourseError if it does not answer."""
    try:
        yield
    except (OSError, ClosedClientError) as error:
        raise CourseError("The scheduler is gone.") from error


def wait_for_worker(client: Client) -> None:
    """Wait, if need be for ever, until there is one. Raises CourseError without a scheduler."""
    with _asking():
        client.wait_for_workers(1)


def done_by(
    client: Client,
    work: Callable[[Any], Any],
    jobs: Iterable[Any],
    overdue: float,
    on_loss: Callable[[Any, str, bool], None],
) -> Iterator[tuple[Any, Any]]:
    """Have `work` done to every job; gives (job, result) in the order in which they come.

    jobs: taken one by one, as workers become free; overdue: seconds without any result after which
    a worker is given up; on_loss(job, why, again): is told of every loss. When a worker is lost,
    what it had is done again at the end, by workers that have nothing else; a job that is lost
    twice has a :class:`Lost` for a result, as one that fails has its exception. Raises
    CourseError when the scheduler is gone, or all workers, or when they cannot import `work`.
    """
    jobs, losses, call = iter(jobs), Counter(), _call(work)
    out: dict[Future, Any] = {}
    suspects: deque[Any] = deque()

    def send(job: Any) -> None:
        with _asking():
            out[client.submit(call, pickle.dumps(job), pure=False)] = job

    try:
        while True:
            with _asking():
                threads = max(1, sum(client.nthreads().values()))
            while len(out) < 2 * threads and (job := next(jobs, None)) is not None:
                send(job)
            # A free worker takes a single job, so a second loss is this job's own doing.
            while len(out) < threads and suspects:
                send(suspects.popleft())
            if not out:
                return
            for future, why in _ended(client, out, overdue):
                job = out.pop(future)
                if not why:
                    error = future.exception()
                    if isinstance(error, ImportError):
                        raise CourseError(f"Workers need the course, and one has not: {error}.")
                    yield job, future.result() if error is None else error
                    continue
                losses[job.name] += 1
                again = losses[job.name] < MOST_LOSSES
                on_loss(job, why, again)
                if again:
                    suspects.append(job)
                else:
                    yield job, Lost(f"it was lost {MOST_LOSSES} times: {why}")
    finally:
        if out:
            with suppress(Exception):
                client.cancel(list(out))


def _call(work: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """A function that travels by value and finds `work` where it arrives."""
    module, name = work.__module__, work.__qualname__

    def call(packed: bytes) -> Any:
        import importlib
        import pickle

        return getattr(importlib.import_module(module), name)(pickle.loads(packed))

    return call


def _ended(client: Client, out: dict[Future, Any], overdue: float) -> Iterator[tuple[Future, str]]:
    """Wait for the next ones to end, one way or another. Gives each, and how it was lost."""
    began = inhabited = time.monotonic()
    while True:
        with suppress(TimeoutError, CancelledError):
            wait(list(out), timeout=min(5.0, overdue), return_when="FIRST_COMPLETED")
        if client.status != "running":
            raise CourseError("The scheduler is gone.")
        with _asking():
            deserted = not client.nthreads()
        if not deserted:
            inhabited = time.monotonic()
        elif time.monotonic() - inhabited > DESERTED:
            raise CourseError(f"There has been no worker for {DESERTED} seconds.")
        ended = [future for future in out if future.done()]
        late = [*out] if not ended and time.monotonic() - began > overdue else []
        for future in ended:
            yield future, _loss(future)
        for future in late:
            _give_up(client, future)
            yield future, f"a worker did not answer for {overdue:g} seconds"
        if ended or late:
            return


def _loss(future: Future) -> str:
    """How a job's worker was lost; nothing if it was not."""
    if future.status in ("lost", "cancelled"):
        raise CourseError("The scheduler has forgotten what it was given.")
    if future.status != "error":
        return ""
    error = future.exception()
    if isinstance(error, KilledWorker):
        return "a worker died"
    return str(error) if isinstance(error, Again) else ""


def _give_up(client: Client, future: Future) -> None:
    """Restart the worker that has it; where nobody can restart it, leave it alone."""
    for worker, keys in client.processing().items():
        if future.key in keys:
            with suppress(Exception):
                client.restart_workers([worker], timeout=30)
    with suppress(Exception):
        client.cancel([future], force=True)
