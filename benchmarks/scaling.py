"""Where scheduling itself becomes the limit: a class of 100,000 with stand-ins for submissions.

    python -m benchmarks.scaling [--quick]

The scheduler, the client and the bookkeeping are the real ones of `course grade`; a stand-in is as
large as a notebook and takes a second, in which its worker only sleeps. So a machine of two cores
can pretend to have hundreds of workers. The first table shows how many keep up; then the class of
100,000 (2,000 with --quick) goes through with as many as did best.

The tables are written to benchmarks/results/scaling.md.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dask
import psutil
from distributed import Client, LocalCluster

from autograder.grading import cluster

RESULTS = Path(__file__).with_name("results") / "scaling.md"
SECONDS = 1.0
NOTEBOOK = 110_000  # bytes, sanitised; judged ones are half as large again
WORKERS = (10, 50, 100, 200, 400)
PROCESSES = 2


@dataclass(frozen=True)
class StandIn:
    """A submission that is only as large as one."""

    name: str
    content: bytes = bytes(NOTEBOOK)


def sleep(stand_in: StandIn) -> bytes:
    """Take as long as a submission and give back as much."""
    time.sleep(SECONDS)
    return bytes(3 * NOTEBOOK // 2)


def stand_ins(count: int) -> Iterator[StandIn]:
    """So many of them, one by one."""
    return (StandIn(f"s{number}") for number in range(count))


def rate(workers: int, count: int) -> tuple[float, float]:
    """Submissions per second, and CPU seconds per submission of scheduler and grader together."""
    with (
        dask.config.set(cluster.LOCAL),
        LocalCluster(
            n_workers=PROCESSES, threads_per_worker=workers // PROCESSES, dashboard_address=None
        ) as many,
        Client(many) as client,
    ):
        done, used, began = 0, time.process_time(), time.perf_counter()
        for _ in cluster.done_by(client, sleep, stand_ins(count), 600.0, lambda *loss: None):
            done += 1
        passed = time.perf_counter() - began
        assert done == count
        return done / passed, (time.process_time() - used) / done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 submissions instead of 100,000")
    quick = parser.parse_args().quick
    lines = [
        "# Scheduling a class of stand-ins",
        "",
        f"`python -m benchmarks.scaling{' --quick' if quick else ''}`, "
        f"{time.strftime('%Y-%m-%d')}, {psutil.cpu_count()} cores. A stand-in takes {SECONDS:g} s.",
        "",
        "| workers | submissions a second | of what they could do | CPU s of the grader each |",
        "| ---: | ---: | ---: | ---: |",
    ]
    best, most = 0, 0.0
    for workers in WORKERS[:3] if quick else WORKERS:
        found, each = rate(workers, workers * (5 if quick else 20))
        share = found * SECONDS / workers
        lines.append(f"| {workers} | {found:.0f} | {100 * share:.0f} % | {1000 * each:.1f} ms |")
        print(lines[-1], flush=True)
        if found > most:
            best, most = workers, found
    count = 2_000 if quick else 100_000
    began = time.perf_counter()
    found, each = rate(best, count)
    lines += [
        "",
        f"A class of {count:,} with {best} workers: {found:.0f} a second, "
        f"{(time.perf_counter() - began) / 60:.1f} minutes, {1000 * each:.1f} CPU ms each.",
    ]
    if not quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
