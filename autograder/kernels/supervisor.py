"""One process for every kernel: it builds the sandbox, forks the kernel into it, and ends both.

It sits between the two sides: its parent is the zygote, its child the kernel. The grader talks to
it through a socket: it says `{"pid": ...}` once the kernel's sockets are bound or `{"error": ...}`,
takes the numbers of signals, and says `{"ended": ...}` when nothing is left. When the grader goes
away, the kernel goes too.
"""

import json
import os
import resource
import select
import signal
import socket
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from autograder.kernels import cgroup, launch, libc, sandbox

__all__ = ["Request", "supervise"]

LOOK_EVERY = 0.1
"""Seconds between two looks at the grader's memory."""


@dataclass
class Request:
    """What the grader asks for.

    bwrap: bubblewrap's path; python: the interpreter for a cold kernel, empty for a warm one;
    sockets: a folder of this kernel alone, with its connection file; submission: the folder to copy
    from, or None; readable: folders it may read; deadline: seconds from now; limits: per process,
    by name; environment: all of it; arguments: ipykernel's; reader_mb: what reading from it may
    cost the grader in memory.
    """

    bwrap: str
    sockets: str
    submission: str | None
    arguments: list[str]
    environment: dict[str, str]
    readable: list[str]
    python: str = ""
    deadline: float = 600
    memory_mb: int = 4096
    processes: int = 128
    tmp_mb: int = 256
    shm_mb: int = 256
    message_mb: int = 32
    reader_mb: int = 512
    limits: dict[str, int] = field(default_factory=dict)

    def pack(self) -> bytes:
        """The request as bytes."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, packed: bytes) -> "Request":
        """A request from bytes."""
        return cls(**json.loads(packed))


def supervise(request: Request, control: socket.socket, parent: int, size: int) -> None:
    """Run one kernel from beginning to end.

    parent: the process to end with; size: the grader's /proc/PID/statm, opened.
    """
    libc.die_with_parent(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    until = time.monotonic() + request.deadline
    group = cgroup.Group(request.memory_mb, request.processes)
    box = None
    try:
        uid = sandbox.spare_uid()
        if uid is not None:
            for name in (".", *os.listdir(request.sockets)):
                os.chown(os.path.join(request.sockets, name), uid, uid)
        box = sandbox.build(
            request.bwrap, uid, request.readable, request.submission, request.sockets,
            request.tmp_mb, request.shm_mb,
        )  # fmt: skip
        libc.die_with_parent(parent)  # again: joining a user namespace has undone it
        pid, connection = _fork_kernel(request, group, box, uid)
    except BaseException:
        if box:
            box.end()
            box.wait()
        group.remove()
        _say(control, error=traceback.format_exc())
        return
    group.close()
    reason = ""
    try:
        most = _resident(size) + (request.reader_mb << 20)
        reason = _watch(control, connection, pid, until, request.deadline, size, most)
    finally:
        box.end()
        _, status = os.waitpid(pid, 0)
        box.wait()
        if group.remove():
            reason = f"it used more than {request.memory_mb} MB of memory"
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(each.ru_utime + each.ru_stime for each in used)
    memory = used[1].ru_maxrss / 1024
    exit_status = os.waitstatus_to_exitcode(status)
    _say(control, ended={"exit": exit_status, "reason": reason, "cpu": seconds, "memory": memory})


def _say(control: socket.socket, **message: object) -> None:
    with suppress(OSError):  # the grader may have gone
        control.send(json.dumps(message).encode())


def _fork_kernel(
    request: Request, group: cgroup.Group, box: sandbox.Sandbox, uid: int | None
) -> tuple[int, socket.socket]:
    here, there = socket.socketpair()
    pid = os.fork()
    if pid:
        there.close()
        return pid, here
    try:
        here.close()
        group.enter()
        launch.limit(request.limits)
        box.enter(uid)
        launch.become_kernel(
            request.arguments, request.environment, sandbox.WORK, there.fileno(),
            request.message_mb << 20, request.python,
        )  # fmt: skip
        os._exit(0)
    except BaseException:
        try:
            there.send(traceback.format_exc().encode())
        finally:
            os._exit(71)


def _resident(size: int) -> int:
    """Bytes of memory that a process has; size: its /proc/PID/statm, opened."""
    try:
        return int(os.pread(size, 100, 0).split()[1]) * resource.getpagesize()
    except OSError:  # it has gone
        return 0


def _watch(
    control: socket.socket,
    connection: socket.socket,
    pid: int,
    until: float,
    seconds: float,
    size: int,
    most: int,
) -> str:
    """Serve the grader until the kernel is to end. Returns why, if it was not the grader's wish.

    ZeroMQ takes a message of many parts in whole, however large they are together: the grader's
    size is the one place where that shows.
    """
    kernel = os.pidfd_open(pid)
    watched = [control, connection, kernel]
    while True:
        left = max(0.0, until - time.monotonic())
        ready, _, _ = select.select(watched, [], [], min(left, LOOK_EVERY))
        if _resident(size) > most:
            return "what it sent filled the grader's memory"
        if left == 0.0 and not ready:
            return f"it ran longer than the {seconds:g} seconds that a notebook has"
        if connection in ready:
            watched.remove(connection)
            _open_or_explain(control, connection)
        elif control in ready:
            number = int(control.recv(16) or signal.SIGKILL)
            if number == signal.SIGKILL:
                return ""
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
        elif kernel in ready:
            return ""


def _open_or_explain(control: socket.socket, connection: socket.socket) -> None:
    """Let a kernel run whose sockets are bound, and whose error message this is not.

    From here on nobody inside can replace the sockets, or fill the disk they lie on.
    """
    said = connection.recv(1 << 16).decode(errors="replace")
    if said == "bound":
        libc.make_read_only(sandbox.SOCKETS)
        _say(control, pid=os.getpid())
        connection.send(b"1")
    else:
        _say(control, error=said or "the kernel ended while it started")
    connection.close()
