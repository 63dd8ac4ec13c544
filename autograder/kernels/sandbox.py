"""The walls around a kernel: namespaces built by bubblewrap, joined by processes that are warm.

Bubblewrap starts an idle shell; whoever calls :func:`build` then lives in that shell's namespaces,
and forks the kernel there. For an ordinary user the walls stand in a user namespace; root needs
none, and the kernel becomes an unprivileged user of its own.
"""

import fcntl
import functools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path, PurePath

from autograder.kernels import libc, seccomp

__all__ = ["WORK", "Sandbox", "build", "trouble"]

SOCKETS = "/sockets"
WORK = "/submission"
_ORIGINAL = "/original"
_IN_ETC = ("ld.so.cache", "fonts", "alternatives")  # what the loader and plots need of /etc
_NS_GET_USERNS = 0xB701


def trouble() -> str:
    """Why no sandbox can be built here and what to do about it; nothing if one can."""
    if not sys.platform.startswith("linux"):
        return "Contained kernels need Linux: grade there, or in a container or virtual machine."
    if not seccomp.supported():
        return f"There is no seccomp filter for {os.uname().machine} yet: grade on another machine."
    return _trouble_with(shutil.which("bwrap"), os.geteuid())


@functools.cache
def _trouble_with(bwrap: str | None, uid: int) -> str:
    if bwrap is None:
        installs = {"apt-get": "apt install", "dnf": "dnf install", "pacman": "pacman -S"}
        install = next((how for tool, how in installs.items() if shutil.which(tool)), "install")
        return f"Bubblewrap is missing: {'' if uid == 0 else 'sudo '}{install} bubblewrap."
    with tempfile.TemporaryDirectory() as folder:
        arguments = _arguments(spare_uid(), [], folder, folder)
        trial = subprocess.run(
            [bwrap, *arguments, "/bin/true"],
            env={}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    if trial.returncode == 0:
        return ""
    said = (trial.stderr.strip().splitlines() or ["it says nothing"])[-1]
    return f"Bubblewrap cannot build a sandbox ({said}). {_advice(uid)}"


def _advice(uid: int) -> str:
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if uid != 0 and restricted.exists() and restricted.read_text().strip() == "1":
        return "Ubuntu wants an AppArmor profile for it: docs/security.md has the commands."
    if uid == 0:
        return "A container needs the capability SYS_ADMIN and no seccomp profile of its own."
    return "User namespaces are switched off here: docs/security.md says how to allow them."


def spare_uid() -> int | None:
    """A user id for one kernel alone; None unless this is root with ids to spare.

    A root process has none to spare in a user namespace that maps few of them.
    """
    if os.geteuid() != 0:
        return None
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    ranges = [list(map(int, line.split())) for line in lines]
    first, _, count = max(ranges, key=lambda found: found[2])
    if first + count > 0x7080_0000:
        # Above what useradd, subuid and systemd hand out; process ids have 22 bits.
        return 0x7000_0000 + os.getpid()
    return first + count // 2 + os.getpid() % (count // 4) if count >= 1 << 15 else None


def _arguments(uid: int | None, readable: list[str], submission: str, sockets: str) -> list[str]:
    """What to tell bubblewrap."""
    arguments = ["--unshare-user"] if uid is None else []
    arguments += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    arguments += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    arguments += ["--hostname", "sandbox", "--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(name):
            arguments += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            arguments += ["--ro-bind", name, name]
    arguments += ["--dir", "/etc"]
    for name in _IN_ETC:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/dev/shm", "/tmp", WORK):
        arguments += ["--tmpfs", path]
    for path in readable:
        # Bubblewrap would make what is above it readable by its owner only.
        for above in reversed(PurePath(path).parents):
            arguments += ["--dir", str(above)]
        arguments += ["--ro-bind", path, path]
    arguments += ["--ro-bind", submission, _ORIGINAL, "--bind", sockets, SOCKETS]
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


class Sandbox:
    """Namespaces that exist as long as their first process does."""

    def __init__(self, bubblewrap: subprocess.Popen, init: int, inner: int | None):
        self._bubblewrap, self._init, self._inner = bubblewrap, init, inner

    def enter(self, uid: int | None) -> None:
        """Of the process that is to be the kernel: give up every privilege, for good."""
        if self._inner is not None:
            libc.join_namespace(self._inner, "user")
        libc.bound_capabilities()
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        libc.drop_capabilities()
        libc.own_proc()
        libc.filter_system_calls(seccomp.program())

    def end(self) -> None:
        """Kill everything inside. The namespaces' first process takes all others with it."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._init, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until nothing of it is left."""
        self._bubblewrap.stdin.close()
        self._bubblewrap.wait()


def build(
    bwrap: str,
    uid: int | None,
    readable: list[str],
    submission: str | None,
    sockets: str,
    tmp_mb: int,
    shm_mb: int,
) -> Sandbox:
    """Build a sandbox and move into it: this process then sees what the kernel will see.

    readable: folders shown read-only under their own path; submission: a folder whose files, but
    no notebooks, are copied to WORK; sockets: a folder that both sides can use, until
    :func:`libc.make_read_only`; tmp_mb, shm_mb: sizes of /tmp and WORK, and of /dev/shm.
    """
    arguments = _arguments(uid, readable, submission or sockets, sockets)
    bubblewrap, told = _start(bwrap, arguments)
    if not bubblewrap.stdout.read(1):
        raise RuntimeError(f"bubblewrap failed: {bubblewrap.stderr.read().decode().strip()}")
    with open(told) as info:
        pid = json.load(info)["child-pid"]
    init = os.pidfd_open(pid)
    inner = _join(pid, with_user=uid is None)
    libc.limit_tmpfs("/tmp", tmp_mb)
    libc.limit_tmpfs("/dev/shm", shm_mb)
    libc.limit_tmpfs(WORK, tmp_mb)
    if submission:
        _copy(_ORIGINAL, WORK, uid)
    libc.unmount(_ORIGINAL)
    return Sandbox(bubblewrap, init, inner)


def _start(bwrap: str, arguments: list[str]) -> tuple[subprocess.Popen, int]:
    """Start bubblewrap around an idle shell; what it is told stays out of its command line.

    Its own two processes run under the same filter, since a kernel may write to their memory.
    """
    given = _as_file("\0".join(arguments).encode())
    filtered = _as_file(seccomp.program())
    told, tells = os.pipe()
    command = [bwrap, "--args", str(given), "--seccomp", str(filtered), "--info-fd", str(tells)]
    process = subprocess.Popen(
        [*command, "/bin/sh", "-c", "echo; read wait"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={}, pass_fds=[given, filtered, tells],
    )  # fmt: skip
    for descriptor in (given, filtered, tells):
        os.close(descriptor)
    return process, told


def _as_file(content: bytes) -> int:
    descriptor = os.memfd_create("given")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _join(pid: int, with_user: bool) -> int | None:
    """Join the namespaces of a process. Returns the user namespace that remains to be entered.

    Bubblewrap nests two: mounting is the business of the outer one.
    """
    found = {
        kind: os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        for kind in ("user", "mnt", "pid", "net", "ipc", "uts")
    }
    user, inner = found.pop("user"), None
    if with_user:
        owner = fcntl.ioctl(found["mnt"], _NS_GET_USERNS)
        libc.join_namespace(owner, "user")
        if os.fstat(owner).st_ino != os.fstat(user).st_ino:
            inner = os.dup(user)
        os.close(owner)
    for kind, descriptor in found.items():
        libc.join_namespace(descriptor, kind)
        os.close(descriptor)
    os.close(user)
    return inner


def _copy(source: str, target: str, uid: int | None) -> None:
    """Copy a submission's files, and links as links. Notebooks, devices and pipes stay behind."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        modes = {name: os.lstat(os.path.join(folder, name)).st_mode for name in names}
        plain = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)
        kept = {name for name, mode in modes.items() if any(test(mode) for test in plain)}
        return {name for name in names if name not in kept or name.endswith(".ipynb")}

    shutil.copytree(source, target, symlinks=True, ignore=left_out, dirs_exist_ok=True)
    if uid is not None:
        for folder, _, files in os.walk(target):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                os.chown(path, uid, uid, follow_symlinks=False)
