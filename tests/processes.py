"""Processes that tests start inside a sandbox and look for outside."""

import time
from pathlib import Path


def running(marker: str) -> list[int]:
    """Ids of this machine's processes that have a word in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if marker.encode() in command:
            found.append(int(process.name))
    return found


def gone(marker: str, seconds: float = 10) -> bool:
    """Whether such processes are gone soon."""
    until = time.monotonic() + seconds
    while running(marker) and time.monotonic() < until:
        time.sleep(0.05)
    return not running(marker)


def appears(marker: str, seconds: float = 10) -> bool:
    """Whether there is such a process soon."""
    until = time.monotonic() + seconds
    while not running(marker) and time.monotonic() < until:
        time.sleep(0.05)
    return bool(running(marker))


def daemon(marker: str) -> str:
    """A program that starts a process which does all it can to survive.

    marker: an expression for how long that process sleeps, which is what it is found by.
    """
    return f"""
import os, signal
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        os.execvp("sleep", ["sleep", {marker}])
    os._exit(0)
print("started")
"""
