"""A process that has imported the heavy libraries once and forks, for every kernel, a supervisor.

    python -P -m autograder.kernels.zygote DESCRIPTOR

The descriptor is one end of a SEQPACKET socket pair. First comes `{"preload": [modules],
"environment": {...}}`; the answer is "ready" or why not. Then every message is a request with one
descriptor, the socket on which that kernel's supervisor talks. The zygote ends with its grader.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress

from autograder.kernels import supervisor


def main(descriptor: int) -> None:
    """Serve the grader at the other end of a socket."""
    grader = socket.socket(fileno=descriptor)
    message = json.loads(grader.recv(1 << 16) or b"null")
    if message is None:
        return
    os.environ.update(message["environment"])
    for name in message["preload"]:
        with suppress(ImportError):
            importlib.import_module(name)
    if len(os.listdir("/proc/self/task")) != 1:
        # A fork has one thread and the locks of all.
        grader.send(b"something that it imported has started threads")
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors are nobody's to wait for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    size = os.open(f"/proc/{os.getppid()}/statm", os.O_RDONLY)
    gc.collect()
    gc.freeze()  # what is never collected stays shared
    grader.send(b"ready")
    while True:
        packed, descriptors, _, _ = socket.recv_fds(grader, 1 << 20, 1)
        if not packed:
            return
        own = os.getpid()
        if os.fork() == 0:
            _supervise(grader, packed, descriptors[0], own, size)
        os.close(descriptors[0])


def _supervise(
    grader: socket.socket, packed: bytes, descriptor: int, parent: int, size: int
) -> None:
    try:
        grader.close()
        request = supervisor.Request.unpack(packed)
        supervisor.supervise(request, socket.socket(fileno=descriptor), parent, size)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
