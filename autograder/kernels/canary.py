"""A kernel sent ahead of the submissions, which tries to reach what must be out of reach."""

import contextlib
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

from autograder.kernels import KERNEL, announce

__all__ = ["NotContained", "findings", "prove"]

FRESH = 60
"""Seconds for which a proof holds."""


class NotContained(RuntimeError):
    """A kernel reached what it should not, or not what it should; the text says what."""


# Runs in the kernel. Says what it could do and should not, and what it could not read.
_PROGRAM = """
import json, os, socket
from contextlib import suppress

def attempts(paths, port, package, process):
    for path in paths:
        if os.path.lexists(path):
            yield f"see {path}"
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=3).close()
        yield "reach the network"
    for path in ("/usr", "/etc", "/", os.path.dirname(os.__file__)):
        with suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_TMPFILE))
            yield f"write to {path}"
    with suppress(ImportError):
        __import__(package)
        yield f"import {package}"
    with suppress(OSError):
        os.kill(process, 0)
        yield "see the grader's process"
    if os.getuid() == 0:
        yield "be root"
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    if int(status["CapEff"], 16) or int(status["CapBnd"], 16):
        yield "have capabilities"
    if status["NoNewPrivs"].strip() != "1":
        yield "gain privileges"
    if status["Seccomp"].strip() != "2":
        yield "make any system call"

def unreadable(folders):
    for folder in folders:
        try:
            for name in sorted(os.listdir(folder))[:100]:
                path = os.path.join(folder, name)
                (os.listdir if os.path.isdir(path) else lambda p: open(p).close())(path)
        except OSError:
            yield folder

print(json.dumps([list(attempts(*%r)), list(unreadable(%r))]))
"""

_proved: dict[str, float] = {}
_lock = threading.Lock()


def findings(config: Config, secrets: Iterable[Path]) -> list[str]:
    """What a kernel that is configured like this can do and should not; nothing if all is well.

    secrets: files and folders that exist and must be out of its sight. Raises NotContained if it
    cannot read what it should, and whatever keeps the kernel from starting.
    """
    announce()
    paths = [os.path.realpath(path) for path in secrets if os.path.lexists(path)]
    with _listener() as port, tempfile.TemporaryDirectory() as folder:
        tries = (paths, port, __name__.partition(".")[0], os.getpid())
        needed = [p for p in config.ContainedProvisioner.get("readable", []) if os.path.isdir(p)]
        cell = new_code_cell(_PROGRAM % (tries, needed))
        client = NotebookClient(
            new_notebook(cells=[cell]), config=Config(config), kernel_name=KERNEL, timeout=120,
            kernel_manager_class=AsyncKernelManager, shutdown_kernel="immediate",
        )  # fmt: skip
        client.execute(cwd=folder)
    said = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    reached, unreadable = json.loads(said)
    if unreadable:
        raise NotContained(
            f"Notebooks need to read {', '.join(unreadable)} and cannot: under root, each is a "
            "user of its own. Let others read it: chmod -R o+rX, and o+x for the folders above."
        )
    return reached


def prove(config: Config, secrets: Iterable[Path]) -> None:
    """See to it that kernels are contained; a proof holds for a minute.

    Raises NotContained if they are not.
    """
    secrets = sorted(map(str, secrets))
    what = json.dumps([secrets, config.get("ContainedProvisioner", {})], default=str)
    with _lock:
        if time.monotonic() - _proved.get(what, -FRESH) < FRESH:
            return
        if found := findings(config, map(Path, secrets)):
            raise NotContained(
                f"The sandbox does not hold: a notebook could {'; '.join(found)}. "
                "Please report this; docs/security.md says how."
            )
        _proved[what] = time.monotonic()


@contextlib.contextmanager
def _listener() -> Iterator[int]:
    """A port of this machine on which somebody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=3).close()
        yield port
