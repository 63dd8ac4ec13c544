"""What a contained kernel cannot do, one thing at a time; and what it still can.

Every program runs inside and prints what it achieved; none would do harm outside.
"""

import json
import os
import socket
import sys
import textwrap
from pathlib import Path

import pytest

from autograder import ROOT
from autograder.kernels import seccomp

pytestmark = pytest.mark.sandbox


def tell(kernel, program):
    """What a program inside prints, as data."""
    said = kernel.run(textwrap.dedent(program))
    assert said["error"] == ""
    return json.loads(said["text"])


def succeeded(kernel, attempts):
    """Which of {name: statement} raise nothing inside."""
    program = """
        import json, os, signal, socket, sys
        worked = []
        for name, statement in json.loads(%r).items():
            try:
                exec(statement, {"os": os, "socket": socket, "signal": signal})
                worked.append(name)
            except OSError:
                pass
        print(json.dumps(worked))
    """
    return tell(kernel, program % json.dumps(attempts))


# Files ----------------------------------------------------------------------------------------


def test_nothing_of_the_course_is_in_sight(inside):
    paths = [str(ROOT / name) for name in ("solutions", "autograder", "tests", "course.toml")]
    paths += ["/etc/passwd", "/etc/shadow", "/home", "/var", "/sys", "/run", "/boot"]
    shown = (ROOT, Path(sys.prefix), Path(sys.base_prefix))
    ways = {above for path in shown for above in path.parents}
    paths = [path for path in paths if Path(path) not in ways]  # what Python and the course lie in
    program = f"import os, json; print(json.dumps([p for p in {paths} if os.path.lexists(p)]))"
    assert tell(inside, program) == []


def test_the_system_cannot_be_written_to(inside):
    places = [
        "/",
        "/usr",
        "/etc",
        "/dev",
        "/proc/sys/kernel/hostname",
        os.path.dirname(os.__file__),
    ]
    places += [os.path.dirname(pytest.__file__), "/sockets", "/original", "/lib"]
    if not ROOT.is_relative_to("/tmp"):  # what leads there is then the kernel's own memory
        places.append(str(ROOT))
    attempts = {}
    for place in places:  # each would leave no trace if it worked
        attempts[place] = f"os.open({place!r}, os.O_WRONLY | os.O_TMPFILE)"
        attempts[f"{place} itself"] = f"open({place!r}, 'r+')"
        attempts[f"{place}, mode"] = f"os.chmod({place!r}, os.stat({place!r}).st_mode & 0o7777)"
    assert succeeded(inside, attempts) == []


def test_a_submission_is_copied_without_notebooks_and_special_files(inside, submission):
    program = """
        import json, os
        found = sorted(os.path.join(f, n)[2:] for f, _, ns in os.walk(".") for n in ns)
        open("notes.txt", "w").write("changed"), open("new", "w").write("new")
        print(json.dumps([os.getcwd(), found, os.listdir("/original")]))
    """
    where, found, original = tell(inside, program)
    assert where == "/submission"
    assert {*found} - {"new"} == {"data/table.csv", "notes.txt", "shadow"}
    assert original == []
    assert (submission / "notes.txt").read_text(encoding="utf-8") == "notes"
    assert not (submission / "new").exists()


def test_a_link_in_a_submission_leads_nowhere(inside):
    assert succeeded(inside, {"read": "open('/submission/shadow').read()"}) == []


def test_memory_in_the_file_system_is_bounded_in_size_and_number(inside):
    program = """
        import json, os
        sizes = {}
        for place in ("/tmp", "/dev/shm", "/submission"):
            found = os.statvfs(place)
            sizes[place] = [found.f_blocks * found.f_frsize >> 20, found.f_files]
        print(json.dumps(sizes))
    """
    for megabytes, files in tell(inside, program).values():
        assert megabytes == 256
        assert files <= 64 * 256


# Network and processes ------------------------------------------------------------------------


def test_no_network_not_even_this_machine(inside):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        name = f"\0kernels-{os.getpid()}"
        named.bind(name)
        named.listen()
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=5).close()  # it can be reached
        attempts = {
            "loopback": f"socket.create_connection(('127.0.0.1', {port}), timeout=5)",
            "elsewhere": "socket.create_connection(('192.0.2.1', 80), timeout=5)",
            "names": "socket.getaddrinfo('example.org', 80)",
            "abstract": f"socket.socket(socket.AF_UNIX).connect({name!r})",
            "datagrams": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', "
            "('192.0.2.1', 53))",
            "raw": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
            "packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        }
        assert succeeded(inside, attempts) == []
    assert tell(inside, "import json, socket; print(json.dumps(socket.if_nameindex()))") == [
        [1, "lo"]
    ]


def test_only_its_own_processes_are_in_sight(inside):
    program = """
        import json, os
        print(json.dumps([int(name) for name in os.listdir("/proc") if name.isdigit()]))
    """
    assert max(tell(inside, program)) < 1000
    assert succeeded(inside, {"ours": f"os.kill({os.getpid()}, 0)"}) == []


def test_there_are_no_privileges_to_gain(inside):
    program = """
        import json, os
        lines = [line.split(":", 1) for line in open("/proc/self/status")]
        status = {key: value.strip() for key, value in lines}
        first = dict(line.split(":", 1) for line in open("/proc/1/status"))["Seccomp"].strip()
        kept = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Uid")
        print(json.dumps({"init": first} | {name: status[name] for name in kept}))
    """
    status = tell(inside, program)
    assert {int(value, 16) for name, value in status.items() if name.startswith("Cap")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["init"] == "2", "a kernel may write to its first process's memory"
    assert "0" not in status["Uid"].split()
    assert str(os.geteuid()) not in status["Uid"].split() or os.geteuid() != 0


def test_system_calls_nobody_needs_are_refused(inside):
    program = """
        import ctypes, errno, json
        libc = ctypes.CDLL(None, use_errno=True)
        refused = []
        for name, number in %r.items():
            libc.syscall(number, -1, 0, 0, 0, 0, 0)
            if ctypes.get_errno() == errno.EPERM:
                refused.append(name)
        libc.syscall(435, 0, 0)
        print(json.dumps([refused, ctypes.get_errno() == errno.ENOSYS]))
    """
    refused, no_clone3 = tell(inside, program % seccomp.refused())
    assert {*refused} == {*seccomp.refused()}
    assert no_clone3


def test_no_namespace_can_be_made(inside):
    program = """
        import ctypes, json
        libc = ctypes.CDLL(None, use_errno=True)
        flags = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]
        clone = %d
        made = []
        for flag in flags:
            child = libc.syscall(clone, flag | 17, 0, 0, 0, 0)
            if child == 0:
                libc._exit(0)
            made += [flag] * (child > 0)
        print(json.dumps(made))
    """
    clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    assert tell(inside, program % clone) == []


def test_other_processes_memory_is_out_of_reach(inside):
    """The first process has the kernel's user when that is an ordinary one; it gains nothing."""
    program = """
        import json
        try:
            environment = open("/proc/1/environ").read()
        except OSError:
            environment = ""
        print(json.dumps([environment, open("/proc/1/cmdline").read()]))
    """
    environment, command = tell(inside, program)
    assert environment == ""
    assert str(ROOT) not in command


def test_the_sockets_cannot_be_replaced(inside):
    attempts = {
        "remove": "os.unlink('/sockets/socket-1')",
        "rename": "os.rename('/sockets/socket-1', '/sockets/other')",
        "fill": "open('/sockets/big', 'w')",
        "overwrite": "open('/sockets/kernel.json', 'w')",
    }
    assert succeeded(inside, attempts) == []
    assert tell(inside, "print(1)") == 1


def test_limits_are_set(inside):
    program = """
        import json, resource
        names = ("CORE", "NOFILE", "NPROC", "FSIZE", "AS")
        print(json.dumps([resource.getrlimit(getattr(resource, f"RLIMIT_{n}")) for n in names]))
    """
    for soft, hard in tell(inside, program):
        assert soft == hard
        assert 0 <= soft < 1 << 40


def test_the_environment_holds_nothing_of_ours(inside):
    program = """
        import json, os
        print(json.dumps([dict(os.environ), open("/proc/self/environ").read()]))
    """
    shown, at_start = tell(inside, program)
    assert "SECRET" not in shown
    for text in (json.dumps(shown), at_start):
        assert "xyzzy" not in text
        for known in (
            os.path.dirname(os.__file__),
            str(ROOT),
        ):  # Python and the course may lie there
            text = text.replace(known, "")
        assert os.path.expanduser("~") + "/" not in text


# What works -----------------------------------------------------------------------------------


WORKS = {
    "threads": "import threading; done = []; t = threading.Thread(target=done.append, args=(1,))\n"
    "t.start(); t.join(); print(*done)",
    "a subprocess": "import subprocess; print(subprocess.check_output(['echo', '1'], text=True))",
    "a shell": "import os; print(os.popen('echo 1').read())",
    "a pool": "import multiprocessing; pool = multiprocessing.get_context('fork').Pool(2)\n"
    "print(pool.map(abs, [-1])[0])",
    "a shared array": "import multiprocessing; print(multiprocessing.Array('i', [1])[0])",
    "temporary files": "import tempfile; print(tempfile.NamedTemporaryFile().write(b'x'))",
    "a user": "import getpass; print(len(getpass.getuser()[:1]))",
    "a home": "import os; print(int(os.access(os.path.expanduser('~'), os.W_OK)))",
    "a plot": "import matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as plt\n"
    "plt.plot([1]); plt.savefig('x.png'); print(1)",
    "randomness": "import os; print(len(os.urandom(1)))",
    "a socket pair": "import socket; a, b = socket.socketpair(); print(a.send(b'1'))",
}


@pytest.mark.parametrize("what", WORKS)
def test_what_notebooks_need_works(inside, what):
    said = inside.run(WORKS[what])
    assert said["error"] == ""
    assert said["text"].strip() == "1"
