"""A process that has imported the heavy libraries once and forks, for every kernel, a supervisor.

    python -P -m autograder.kernels.zygote DESCRIPTOR [LISTENER]

The descriptor is one end of a SEQPACKET socket pair. First comes `{"preload": [modules],
"environment": {...}}`; the answer is "ready" or why not. Then every message is a request with one
descriptor, the socket on which that kernel's supervisor talks. If there is a listener, other
graders connect to it, are told "ready", and send theirs. The zygote ends with the grader that
started it.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import traceback
from contextlib import suppress

from autograder.kernels import supervisor


def main(descriptor: int, listener: int | None = None) -> None:
    """Serve the grader at the other end of a socket, and those who connect."""
    first = socket.socket(fileno=descriptor)
    message = json.loads(first.recv(1 << 16) or b"null")
    if message is None:
        return
    os.environ.update(message["environment"])
    for name in message["preload"]:
        with suppress(ImportError):
            importlib.import_module(name)
    if len(os.listdir("/proc/self/task")) != 1:
        # A fork has one thread and the locks of all.
        first.send(b"something that it imported has started threads")
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors are nobody's to wait for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # what is never collected stays shared
    first.send(b"ready")
    door = [] if listener is None else [socket.socket(fileno=listener)]
    graders = {first: _size_of(first)}  # with the files that say how large they are
    while True:
        ready, _, _ = select.select([*door, *graders], [], [])
        for found in ready:
            if found in door:
                grader, _ = found.accept()
                with suppress(OSError):  # it may have gone in the meantime
                    graders[grader] = _size_of(grader)
                    grader.send(b"ready")
            elif not _serve(found, [*door, *graders], graders[found]):
                if found is first:
                    return
                os.close(graders.pop(found))
                found.close()


def _size_of(grader: socket.socket) -> int:
    """The file with the size of the process at the other end."""
    credentials = grader.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return os.open(f"/proc/{struct.unpack('3i', credentials)[0]}/statm", os.O_RDONLY)


def _serve(grader: socket.socket, sockets: list[socket.socket], size: int) -> bool:
    """Fork a supervisor for the next request of a grader. Returns False if it has gone."""
    try:
        packed, descriptors, _, _ = socket.recv_fds(grader, 1 << 20, 1)
    except OSError:
        packed = b""
    if not packed:
        return False
    own = os.getpid()
    with suppress(OSError):  # whoever asked sees that nobody answers
        if os.fork() == 0:
            _supervise(sockets, packed, descriptors[0], own, size)
    for descriptor in descriptors:
        os.close(descriptor)
    return True


def _supervise(
    sockets: list[socket.socket], packed: bytes, descriptor: int, parent: int, size: int
) -> None:
    try:
        for each in sockets:
            each.close()
        request = supervisor.Request.unpack(packed)
        supervisor.supervise(request, socket.socket(fileno=descriptor), parent, size)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
