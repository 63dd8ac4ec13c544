"""The few system calls that Python does not offer (Linux)."""

import ctypes
import os
import signal
import struct

_libc = ctypes.CDLL(None, use_errno=True)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_MNT_DETACH = 2
_CAPABILITY_VERSION_3 = 0x20080522


def _done(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def join_namespace(descriptor: int, kind: str) -> None:
    """Make this process a member of a namespace (its children, for the pid namespace)."""
    _done(_libc.setns(descriptor, 0), f"joining the {kind} namespace")


def limit_tmpfs(target: str, megabytes: int) -> None:
    """Bound the size and the number of files of a mounted tmpfs, and let anybody write to it."""
    options = f"size={megabytes}m,nr_inodes={64 * megabytes}".encode()
    flags = ctypes.c_ulong(MS_REMOUNT | MS_NOSUID | MS_NODEV)
    _done(_libc.mount(None, target.encode(), None, flags, options), f"limiting {target}")
    os.chmod(target, 0o1777)


def make_read_only(target: str) -> None:
    """Make a mount read-only; what else restricts it stays, or the kernel would refuse."""
    kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    flags = ctypes.c_ulong(MS_REMOUNT | MS_BIND | MS_RDONLY | kept)
    _done(_libc.mount(None, target.encode(), None, flags, None), f"making {target} read-only")


def unmount(target: str) -> None:
    """Take a mount out of this process's namespace."""
    _done(_libc.umount2(target.encode(), _MNT_DETACH), f"unmounting {target}")


def die_with_parent(parent: int) -> None:
    """Have this process killed when its parent ends. A change of credentials undoes it."""
    _done(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        os._exit(1)


def bound_capabilities() -> None:
    """See to it that nothing that is executed brings a capability back."""
    for capability in range(64):  # the last ones do not exist; that is no matter
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    _done(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")


def drop_capabilities() -> None:
    """Give up every capability."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _done(_libc.capset(header, (ctypes.c_uint32 * 6)()), "dropping capabilities")


def own_proc() -> None:
    """Let this process read its own /proc again, after its credentials changed."""
    _done(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "PR_SET_DUMPABLE")


def filter_system_calls(program: bytes) -> None:
    """Install a seccomp filter, a classic BPF program, for this process and all it starts."""
    held = ctypes.create_string_buffer(program, len(program))
    descriptor = struct.pack("HP", len(program) // 8, ctypes.addressof(held))
    _done(_libc.prctl(_PR_SET_SECCOMP, 2, descriptor, 0, 0), "installing the seccomp filter")
