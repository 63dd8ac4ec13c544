"""Hostile submissions, in five groups by what they are after.

Every one is a wrong answer that scores nothing alone, and something that comes with it. The
attacker is told all that somebody who knows the course could know (`HOST` below), but no secret.

They must be harmless where a wall does not hold: they touch what the test put there for them, try
real places in ways that leave no trace, and take a bounded part of what they exhaust.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

# In front of every attack. Whatever must fail is attempted through `attempt`.
PREAMBLE = """
import ctypes, os, signal, socket, sys
HOST = {host!r}
libc = ctypes.CDLL(None, use_errno=True)

def attempt(what, function, *arguments):
    try:
        found = function(*arguments)
    except OSError:
        return None
    print("GOT", what, repr(found)[:60])
    return found

def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
"""
# Beside that, for what needs a sandbox: it ends at once where there is none.
ONLY_INSIDE = """
if not os.path.isdir("/sockets") or sum(name.isdigit() for name in os.listdir("/proc")) > 20:
    print("GOT", "out")
    os._exit(1)
"""


@dataclass(frozen=True)
class Attack:
    """A hostile submission.

    tries: what it attempts, in words; before, forward, after: sources of the cell at the beginning,
    of the wrong answer (one that returns zeros, unless it says otherwise) and of the cell at the
    end; files: what is handed in beside the notebook, as text by path; links: the same as symbolic
    links, where `{gradebook}` and the like stand for what HOST says; edit: what is done to the
    notebook itself; limits: of the sandbox.

    What it must come to: flag: a remark that the judge makes about the wrong answer; says: what it
    prints; reports: what the report gives as the reason; others: the exercises around it score as
    ever; lives: its kernel does, past the beginning; heard: so do its later outputs; grouped: only
    a control group can stop it.
    """

    name: str
    tries: str
    before: str = ""
    forward: str = ""
    after: str = ""
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    edit: Callable | None = None
    limits: dict[str, int] = field(default_factory=dict)
    flag: str = ""
    says: str = ""
    reports: str = ""
    others: bool = True
    lives: bool = True
    heard: bool = True
    grouped: bool = False
