"""The grader's side: a kernel provisioner for `jupyter_client` that starts contained kernels."""

import asyncio
import atexit
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Bool, Integer, List, Unicode

from autograder.kernels import sandbox

__all__ = ["ContainedProvisioner", "NoSandbox", "Vanished", "shared_zygote"]

log = logging.getLogger(__name__)

MAPPED_MB = 6144  # address space that torch and its like map without using memory
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_MAX_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
PLOTS = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
IPYKERNEL = [
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", "IPython.core.completerlib",
    "IPython.core.debugger", "IPython.core.oinspect", "IPython.extensions.storemagic",
    "tornado.platform.asyncio", "psutil", "pydoc",
    "faulthandler", "sqlite3", "encodings.idna", "encodings.ascii",
]  # fmt: skip
LIBRARIES = [
    "numpy", "matplotlib.pyplot", "torch", "torch._dynamo", "torch.utils.data", "torchvision",
]  # fmt: skip


class NoSandbox(RuntimeError):
    """No sandbox can be built here; the text says why and what to do about it."""


class Vanished(RuntimeError):
    """What stands around a kernel was killed, which nothing inside it can do."""


class Zygote:
    """A zygote to fork kernels from; see :mod:`autograder.kernels.zygote`."""

    def __init__(self, connection: socket.socket):
        self._socket, self._lock = connection, threading.Lock()
        atexit.register(connection.close)

    def close(self) -> None:
        """Let go of it, for good."""
        atexit.unregister(self._socket.close)
        self._socket.close()

    def alive(self) -> bool:
        """Whether it still runs."""
        try:
            return self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def start(self, request: bytes) -> socket.socket:
        """Have a kernel started. Gives the socket on which its supervisor talks.

        Raises Vanished if the zygote has gone.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with self._lock, theirs:
                socket.send_fds(self._socket, [request], [theirs.fileno()])
        except OSError as error:
            raise Vanished("The zygote has gone.") from error
        return ours


class OwnZygote(Zygote):
    """A zygote that this process has started, and that ends with it.

    listener: a socket on which it is to serve others, too.
    """

    def __init__(self, preload: tuple[str, ...], listener: socket.socket | None = None):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        passed = [each.fileno() for each in (theirs, listener) if each]
        # Kernels can see the environment it is started with, so it is given one without secrets,
        # and the rest by message.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "autograder.kernels.zygote", *map(str, passed)],
            stdin=subprocess.DEVNULL, stdout=2, pass_fds=passed, cwd="/",
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"} | ONE_THREAD | QUIET,
            start_new_session=True,
        )  # fmt: skip
        theirs.close()
        known = {name: os.environ[name] for name in ("MPLCONFIGDIR",) if name in os.environ}
        environment = {"HOME": os.path.expanduser("~")} | known | PLOTS
        with suppress(OSError):  # it may end before it has read anything
            ours.send(json.dumps({"preload": preload, "environment": environment}).encode())
        super().__init__(ours)

    def wait(self) -> None:
        """Wait until it has imported everything. Raises RuntimeError if it will not fork."""
        answer = ""
        with suppress(OSError):
            answer = self._socket.recv(1 << 12).decode()
        if answer != "ready":
            raise RuntimeError(f"The zygote refuses: {answer or 'it did not start'}.")


_zygotes: dict[tuple[int, tuple[str, ...]], Zygote | RuntimeError] = {}
_zygotes_lock = threading.Lock()


def zygote(preload: tuple[str, ...], shared: str = "") -> Zygote:
    """The zygote with these modules: the one at the address `shared` if it runs, or our own.

    Raises RuntimeError if there can be none.
    """
    with _zygotes_lock:
        found = _zygotes.get((os.getpid(), preload))
        if isinstance(found, Zygote) and not found.alive():
            found = found.close()
        if found is None:
            try:
                found = _connected(shared) or OwnZygote(preload)
                if isinstance(found, OwnZygote):
                    found.wait()
            except RuntimeError as error:
                found = error
            _zygotes[os.getpid(), preload] = found
    if isinstance(found, RuntimeError):
        raise found
    return found


def _connected(address: str) -> Zygote | None:
    if not address:
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    answer = b""
    with suppress(OSError):
        connection.connect(address)
        answer = connection.recv(1 << 12)
    if answer != b"ready":
        connection.close()
        return None
    return Zygote(connection)


def _short() -> str:
    """A folder for temporary files with a short name: sockets' paths have 107 characters."""
    where = tempfile.gettempdir()
    return where if len(where) <= 60 else "/tmp"


@contextmanager
def shared_zygote(preload: list[str]) -> Iterator[str]:
    """A zygote for several processes of this user. Gives the address for `c...zygote`.

    It imports while whoever connects waits, and ends with the block, or with this process.
    """
    with (
        tempfile.TemporaryDirectory(prefix="zygote-", dir=_short()) as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener,
    ):
        address = f"{folder}/socket"
        listener.bind(address)
        listener.listen(128)
        started = OwnZygote(tuple(IPYKERNEL + preload), listener)
        listener.close()  # it has its own; when it is gone, nobody shall wait
        try:
            yield address
        finally:
            started.process.terminate()
            started.process.wait()


class Contained:
    """What LocalProvisioner needs of a process, for a kernel behind its supervisor's socket."""

    stdin = stdout = stderr = None

    def __init__(self, supervisor: socket.socket, seconds: float):
        self._supervisor, self.returncode, self.reason = supervisor, None, ""
        self.vanished = False  # whether it ended without its supervisor's word
        # Seconds that the kernel and all around it took, and MB of the largest process, at the end.
        self.cpu = self.memory = 0.0
        supervisor.settimeout(seconds)
        try:
            message = json.loads(supervisor.recv(1 << 17) or b"{}")
        except TimeoutError:
            message = {"error": f"it did not start within {seconds:g} seconds"}
        if "pid" not in message:
            supervisor.close()
            if not message:
                raise Vanished("The kernel did not start: its supervisor is gone")
            why = message.get("error") or message.get("ended", {}).get("reason")
            raise RuntimeError(f"The kernel did not start: {why}")
        self.pid = message["pid"]

    def _read(self, seconds: float) -> None:
        self._supervisor.settimeout(seconds)
        try:
            ended = json.loads(self._supervisor.recv(1 << 17) or b"{}").get("ended", {})
        except (BlockingIOError, TimeoutError):
            return
        except OSError:
            ended = {}
        self.vanished = not ended
        self.returncode, self.reason = ended.get("exit", -signal.SIGKILL), ended.get("reason", "")
        self.cpu, self.memory = ended.get("cpu", 0.0), ended.get("memory", 0.0)
        self._supervisor.close()
        if self.reason:
            log.warning("A kernel was ended: %s.", self.reason)

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        if self.returncode is None:
            self._read(0)
        return self.returncode

    def wait(self, timeout: float = 30) -> int | None:
        """Wait until it has ended and nothing of it is left."""
        if self.returncode is None:
            self._read(timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel; SIGKILL ends it and all it has started."""
        if self.poll() is None:
            with suppress(OSError):
                self._supervisor.send(str(int(number)).encode())

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    terminate = kill


def bounded(client: type, message_mb: int, messages: int = 8) -> type:
    """A client class whose sockets hold a few messages, none of them too large.

    What a kernel sends beyond that waits on its own side.
    """

    class Bounded(client):
        def _context_default(self) -> zmq.Context:
            context = super()._context_default()
            context.setsockopt(zmq.MAXMSGSIZE, message_mb << 20)
            context.setsockopt(zmq.RCVHWM, messages)
            return context

    return Bounded


class ContainedProvisioner(LocalProvisioner):
    """Starts kernels that can reach nothing but a copy of their own folder.

    Where that is not possible, :class:`NoSandbox` is raised; on systems other than Linux, and with
    `sandbox = False`, an ordinary kernel is started, and the log says so.
    """

    sandbox = Bool(True, help="Contain kernels. Without it they have your rights.").tag(config=True)
    warm = Bool(True, help="Fork kernels from a process that has imported things.").tag(config=True)
    zygote = Unicode("", help="Address of a zygote to share; empty: one's own.").tag(config=True)
    preload = List(Unicode(), [*LIBRARIES], help="What it imports, where there is it.").tag(
        config=True
    )
    readable = List(Unicode(), [], help="Folders kernels may read, beside Python's own.").tag(
        config=True
    )
    environment = List(Unicode(), [], help="Environment variables that kernels may see.").tag(
        config=True
    )
    deadline = Integer(600, help="Seconds from start to end.").tag(config=True)
    memory_mb = Integer(
        4096, help="Memory: of everything a kernel starts in a cgroup, of each process without."
    ).tag(config=True)
    processes = Integer(128, help="How many processes and threads it may have.").tag(config=True)
    threads = Integer(1, help="How many threads computations use.").tag(config=True)
    tmp_mb = Integer(256, help="Size of /tmp, and of the folder it works in.").tag(config=True)
    shm_mb = Integer(256, help="Size of /dev/shm.").tag(config=True)
    message_mb = Integer(32, help="Size of the largest message that is read from it.").tag(
        config=True
    )
    reader_mb = Integer(
        512, help="Memory that reading from it may cost this process, before it is ended."
    ).tag(config=True)

    process: Any = None
    _sockets: str | None = None
    _latest: Any = None  # the process, also when it has ended

    @property
    def contained(self) -> bool:
        """Whether kernels are contained, if they start at all."""
        return self.sandbox and sys.platform.startswith("linux")

    @property
    def reason(self) -> str:
        """Why the kernel was ended, if nobody asked for it."""
        return getattr(self._latest, "reason", "")

    @property
    def vanished(self) -> bool:
        """Whether what stands around the kernel was killed, which nothing inside it can do."""
        return getattr(self._latest, "vanished", False)

    @property
    def cpu(self) -> float:
        """CPU seconds that the kernel and all that it started took, once it has ended; else 0."""
        return getattr(self._latest, "cpu", 0.0)

    @property
    def memory(self) -> float:
        """MB of its largest process, what it shares with others included, once it has ended."""
        return getattr(self._latest, "memory", 0.0)

    async def pre_launch(self, **options: Any) -> dict[str, Any]:
        """Prepare a folder for the kernel's sockets."""
        if not self.contained:
            self.log.warning("NO SANDBOX: this notebook runs with your own rights.")
            return await super().pre_launch(**options)
        if trouble := sandbox.trouble():
            raise NoSandbox(trouble)
        if self._sockets is None:
            self._sockets = tempfile.mkdtemp(prefix="kernel-", dir=_short())
        manager = self.parent
        manager.transport, manager.ip = "ipc", f"{self._sockets}/socket"
        manager.connection_file = f"{self._sockets}/grader.json"
        manager.client_factory = bounded(manager.client_factory, self.message_mb)
        return await super().pre_launch(**options)

    async def launch_kernel(self, cmd: list[str], **options: Any) -> dict[str, Any]:
        """Start a kernel: warm if possible, and contained in any case."""
        if not self.contained:
            return await super().launch_kernel(cmd, **options)
        try:
            return await self._launch_contained(cmd, options)
        except BaseException:
            await self.cleanup()
            raise

    async def _launch_contained(self, cmd: list[str], options: dict[str, Any]) -> dict[str, Any]:
        self._write_connection_file()
        try:
            if not self.warm:
                raise RuntimeError("Not asked for.")
            preload = tuple(IPYKERNEL + self.preload)
            mother = await asyncio.to_thread(zygote, preload, self.zygote)
            python = ""
        except RuntimeError as error:
            if self.warm:
                self.log.warning("%s Kernels start cold.", error)
            mother, python = await asyncio.to_thread(zygote, ()), sys.executable
        request = self._request(cmd, options.get("cwd"), options.get("env") or os.environ, python)
        supervisor = mother.start(request.pack())
        self.process = await asyncio.to_thread(Contained, supervisor, self.deadline)
        self._latest = self.process
        self.pid, self.pgid, self.cwd = self.process.pid, None, options.get("cwd")
        return self.connection_info

    def _write_connection_file(self) -> None:
        """The connection file for inside, where the sockets' folder has another name."""
        theirs = Path(self._sockets, "kernel.json")
        told = json.loads(Path(self._sockets, "grader.json").read_text(encoding="utf-8"))
        theirs.unlink(missing_ok=True)
        theirs.touch(mode=0o600)
        theirs.write_text(json.dumps(told | {"ip": f"{sandbox.SOCKETS}/socket"}), encoding="utf-8")

    def _request(self, cmd: list[str], cwd: Any, given: Any, python: str) -> Any:
        from autograder.kernels.supervisor import Request  # it needs Linux

        submission = os.path.realpath(cwd) if cwd else None
        after = cmd.index("-f") + 2
        environment = {
            "HOME": "/tmp", "TMPDIR": "/tmp", "USER": "kernel", "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), "/usr/bin", "/bin"]),
            "IPYTHONDIR": "/tmp/.ipython", "MPLCONFIGDIR": "/tmp/.matplotlib",
            "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": str(self.threads),
        }  # fmt: skip
        environment |= {name: given[name] for name in self.environment if name in given}
        return Request(
            bwrap=shutil.which("bwrap"),
            python=python,
            sockets=self._sockets,
            submission=submission,
            arguments=["-f", f"{sandbox.SOCKETS}/kernel.json", "--log-level=50", *cmd[after:]],
            environment=environment | PLOTS | QUIET,
            readable=_readable(self.readable, submission),
            deadline=self.deadline,
            memory_mb=self.memory_mb,
            processes=self.processes,
            tmp_mb=self.tmp_mb,
            shm_mb=self.shm_mb,
            message_mb=self.message_mb,
            reader_mb=self.reader_mb,
            limits={
                "CORE": 0,
                "NOFILE": 1024,
                "FSIZE": max(self.tmp_mb, self.shm_mb) << 20,
                "AS": (self.memory_mb + MAPPED_MB) << 20,
                "NPROC": self.processes + _tasks(),
            },
        )

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and wait until nothing of it is left."""
        if self.process:
            self.process.kill()
            if isinstance(self.process, Contained):
                await asyncio.to_thread(self.process.wait)

    async def terminate(self, restart: bool = False) -> None:
        """End the kernel."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove what the kernel needed."""
        await super().cleanup(restart)
        if self._sockets and not restart:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None


def _tasks() -> int:
    """How many processes and threads count already against an ordinary user's limit.

    Root's kernels have a user each, with none.
    """
    if os.geteuid() == 0:
        return 0
    tasks = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == os.geteuid():
                tasks += len(os.listdir(process / "task"))
    return tasks


def _readable(further: list[str], submission: str | None) -> list[str]:
    """The folders that a kernel may read, outer ones first: those of Python, and `further`.

    Never those of sys.path: it may hold the folder with everything.
    """
    python = os.path.realpath(sys.executable)
    folders = {sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(python)), *further}
    for folder in map(os.path.realpath, ("/usr", *folders)):
        if submission and os.path.commonpath([folder, submission]) == folder:
            raise NoSandbox(f"All kernels may read {folder}, so submissions must not lie in it.")
    shown = {folder for folder in folders if os.path.isdir(folder)}
    return sorted(folder for folder in shown if os.path.commonpath([folder, "/usr"]) != "/usr")
