"""Which system calls a contained kernel may not make, as a seccomp filter.

What no notebook needs and what has let people out of sandboxes before: io_uring, keyrings, tracing
other processes, bpf, userfaultfd, perf, mounting, new namespaces, kernel modules, the kernel's log.
And memory that lies neither in a process nor in a file system and so escapes their limits: nameless
files, System V's segments, queues and semaphores. Everything else passes, so that data loaders,
process pools and subprocesses work.
"""

import errno
import os
import struct

# Audit architecture, clone, and the numbers of what is refused.
_BY_MACHINE = {
    "x86_64": (
        0xC000003E,
        56,
        {
            "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
            "init_module": 175, "finit_module": 313, "delete_module": 176,
            "kexec_load": 246, "kexec_file_load": 320, "bpf": 321, "perf_event_open": 298,
            "userfaultfd": 323, "keyctl": 250, "add_key": 248, "request_key": 249,
            "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161,
            "unshare": 272, "setns": 308, "open_by_handle_at": 304, "syslog": 103,
            "memfd_create": 319, "shmget": 29, "msgget": 68, "semget": 64,
        },
    ),
    "aarch64": (
        0xC00000B7,
        220,
        {
            "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
            "init_module": 105, "finit_module": 273, "delete_module": 106,
            "kexec_load": 104, "kexec_file_load": 294, "bpf": 280, "perf_event_open": 241,
            "userfaultfd": 282, "keyctl": 219, "add_key": 217, "request_key": 218,
            "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51,
            "unshare": 97, "setns": 268, "open_by_handle_at": 265, "syslog": 116,
            "memfd_create": 279, "shmget": 194, "msgget": 186, "semget": 190,
        },
    ),
}  # fmt: skip
# The newer ones have the same number everywhere.
_EVERYWHERE = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "pidfd_getfd": 438, "mount_setattr": 442, "memfd_secret": 447,
}  # fmt: skip
_CLONE3 = 435
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_X32 = 0x40000000  # numbers of x86_64's other ABI begin here

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in the call that is looked at
_KILL, _ALLOW, _FAIL = 0x80000000, 0x7FFF0000, 0x00050000


def supported(machine: str | None = None) -> bool:
    """Whether there is a filter for this machine."""
    return (machine or os.uname().machine) in _BY_MACHINE


def refused(machine: str | None = None) -> dict[str, int]:
    """Names and numbers of the system calls that fail with EPERM."""
    return _BY_MACHINE[machine or os.uname().machine][2] | _EVERYWHERE


def program(machine: str | None = None) -> bytes:
    """The filter. Foreign ABIs are killed; clone may make no namespaces; clone3, whose flags a
    filter cannot see, does not exist, so that the C library falls back to clone."""
    architecture, clone, _ = _BY_MACHINE[machine or os.uname().machine]

    def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, value)

    def fail(number: int) -> bytes:
        return step(_RETURN, _FAIL | number)

    steps = [
        step(_LOAD, _ARCHITECTURE),
        step(_EQUAL, architecture, if_true=1),
        step(_RETURN, _KILL),
        step(_LOAD, _NUMBER),
        step(_AT_LEAST, _X32, if_false=1),
        fail(errno.EPERM),
    ]
    for number in refused(machine).values():
        steps += [step(_EQUAL, number, if_false=1), fail(errno.EPERM)]
    steps += [
        step(_EQUAL, _CLONE3, if_false=1),
        fail(errno.ENOSYS),
        step(_EQUAL, clone, if_false=3),
        step(_LOAD, _FIRST_ARGUMENT),
        step(_ANY_BIT, _NEW_NAMESPACES, if_false=1),
        fail(errno.EPERM),
        step(_RETURN, _ALLOW),
    ]
    return b"".join(steps)
