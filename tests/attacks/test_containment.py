"""Submissions that try to get out of the sandbox, to fill it, or to outlive it.

Each comes with a conv2d_forward that returns zeros and scores nothing alone. What it tries has to
fail, the exercises around it have to score as ever where its kernel lives to answer them, and the
honest submission that is graded after it has to get everything.
"""

import os
import resource
import socket
import sys
import time
from pathlib import Path

import pytest

from autograder import ROOT

pytestmark = pytest.mark.sandbox

# In front of every attack: some would do real harm if they ran anywhere else.
ONLY_INSIDE = """
import os
if not os.path.isdir("/sockets") or sum(name.isdigit() for name in os.listdir("/proc")) > 20:
    print("GOT", "out")
    os._exit(1)
"""
# Every attack prints what it achieved on lines that begin with GOT, and TRIED when it is through.
FILES_READ = """
for path in {paths}:
    for attempt in (lambda: open(path, "rb").read(), lambda: __import__("os").listdir(path)):
        try:
            print("GOT", path, str(attempt())[:60])
        except OSError:
            pass
print("TRIED")
"""
COURSE_SEARCHED = """
import importlib.metadata, os, sys
for name in ("autograder", "autograder.exercises", "autograder.exercises.convolution"):
    try:
        print("GOT", __import__(name))
    except ImportError:
        pass
sizes = {{"gradebook.db", "course.key", "course.toml", "convolution.py"}}
for folder, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(folder, f) not in {public!r}]
    for name in files:
        if name in sizes and "/helpers/" not in os.path.join(folder, name):
            print("GOT", folder, name)
for process in os.listdir("/proc"):
    for link in ("root", "cwd"):
        try:
            inside = os.listdir(f"/proc/{{process}}/{{link}}")
        except OSError:
            continue
        print(*["GOT" for name in inside if name in ("solutions", "home", "boot")])
print("TRIED")
"""
WRITTEN_OUTSIDE = """
import os, sys
import helpers, torch
for place in ({folder!r}, "/", "/usr/lib", "/etc", os.path.dirname(torch.__file__),
              os.path.dirname(helpers.__file__), "/sockets", "/original", "/proc/sys/kernel"):
    mine = os.path.join(place, "convnets-was-here")
    for attempt, undo in (
        (lambda: open(mine, "w").write("x"), os.unlink),
        (lambda: os.mkdir(mine), os.rmdir),
        (lambda: os.symlink("/", mine), os.unlink),
        (lambda: os.chmod(place, os.stat(place).st_mode & 0o7777), None),
        (lambda: os.utime(place), None),
    ):
        try:
            attempt()
            print("GOT", place)
            undo and undo(mine)
        except OSError:
            pass
print("TRIED")
"""
NETWORK = """
import socket, urllib.request
for family, address in (
    (socket.AF_INET, ("127.0.0.1", {port})), (socket.AF_INET, ("0.0.0.0", {port})),
    (socket.AF_INET6, ("::1", {port})), (socket.AF_INET6, ("::ffff:127.0.0.1", {port})),
    (socket.AF_UNIX, {name!r}),
):
    try:
        socket.socket(family).connect(address)
        print("GOT", address)
    except OSError:
        pass
try:
    print("GOT", urllib.request.urlopen("http://127.0.0.1:{port}", timeout=2))
except OSError:
    pass
try:
    print("GOT", socket.getaddrinfo("example.org", 80))
except OSError:
    pass
print("TRIED")
"""
FORK_BOMB = """
import os, sys
born = 0
for _ in range(5000):
    try:
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "86398.1"])
        born += 1
    except OSError:
        break
print("TRIED") if born < 1000 else print("GOT", born)
"""
PRIVATE_MEMORY = """
held = []
try:
    while len(held) < 64:
        held.append(bytearray(b"x") * (1 << 30))
    print("GOT", len(held))
except MemoryError:
    held.clear()
    print("TRIED")
"""
SHARED_MEMORY = """
import mmap
held = []
for _ in range(16):
    held.append(mmap.mmap(-1, 1 << 30))
    for at in range(0, 1 << 30, 4096):
        held[-1][at] = 1
print("GOT", len(held))
"""
DISKS_FILLED = """
import os
for place in ("/dev/shm", "/tmp", "/submission", "/sockets", "/dev", "/"):
    written = number = 0
    try:
        while written < 2000:
            with open(f"{place}/full-{number}", "wb") as file:
                for _ in range(64):
                    file.write(bytes(1 << 20))
                    written += 1
            number += 1
        print("GOT", place, written)
    except OSError:
        pass
    try:
        for number in range(100_000):
            open(f"{place}/empty-{number}", "w").close()
        print("GOT", place, number)
    except OSError:
        pass
    for name in os.listdir(place):
        if name.startswith(("full", "empty")):
            os.unlink(f"{place}/{name}")
print("TRIED")
"""
DAEMON = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        os.execvp("sleep", ["sleep", "86398.2"])
    os._exit(0)
print("TRIED")
"""
EVERYBODY_KILLED = """
import os, signal
for process in (-1, 1, 2, os.getppid()):
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try:
            if process:
                os.kill(process, number)
        except OSError:
            pass
print("TRIED")
"""
FIRST_PROCESS_REWRITTEN = """
import ctypes, os
for process in os.listdir("/proc"):
    if process.isdigit() and int(process) != os.getpid():
        try:
            os.pwrite(os.open(f"/proc/{process}/mem", os.O_WRONLY), b"\\xcc" * 64, 0x400000)
        except OSError:
            pass
libc = ctypes.CDLL(None, use_errno=True)
for name, number, *arguments in (
    ("io_uring", 425, 8, ctypes.create_string_buffer(120)), ("user namespace", 272, 0x10000000),
    ("mount namespace", 272, 0x20000), ("bpf", 321, 0, 0, 0), ("keyring", 250, 0, -3, 1),
    ("ptrace", 101, 16, 1, 0, 0), ("userfaultfd", 323, 0),
):
    if libc.syscall(number, *arguments) >= 0:
        print("GOT", name)
print("TRIED")
"""
SOCKETS_TAKEN = """
import json, os
told = json.load(open("/sockets/kernel.json"))
for name in os.listdir("/sockets"):
    for attempt in (
        os.unlink, lambda path: os.rename(path, path + "-"), lambda path: open(path, "w"),
    ):
        try:
            attempt("/sockets/" + name)
            print("GOT", name)
        except OSError:
            pass
print("TRIED")
"""
SLEEPERS = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
print("TRIED")
"""

ATTACKS = {
    "the system written to": {"before": WRITTEN_OUTSIDE},
    "a fork bomb": {"before": FORK_BOMB, "marker": "86398.1"},
    "file systems filled": {"before": DISKS_FILLED},
    "a daemon": {"before": DAEMON, "marker": "86398.2"},
    "the sockets replaced": {"before": SOCKETS_TAKEN},
    "the first process rewritten": {"before": FIRST_PROCESS_REWRITTEN},
    # These may cost the kernel its life, and then every answer after it.
    "everybody killed": {"before": EVERYBODY_KILLED, "lives": False},
    "memory of its own": {"before": PRIVATE_MEMORY, "lives": False},
    "memory that is shared": {"before": SHARED_MEMORY, "lives": False},
}


@pytest.fixture(scope="module")
def honest(grader, small):
    """honest(): the honest submission beside it is graded as it should be."""

    def check():
        graded = grader(small.attacked(forward=small.forward), student="bob")
        assert {graded.fraction(name) for name in graded.data} == {1}
        assert not any(graded.flags(name) for name in graded.data)

    return check


def running(marker):
    """Processes of this machine with a word in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found += [process] * (marker.encode() in (process / "cmdline").read_bytes())
        except OSError:
            continue
    return found


def gains_nothing(graded, lives=True):
    """Whether an attack was made, achieved nothing and disturbed nothing."""
    printed = graded.printed()
    assert "GOT" not in printed
    assert graded.fraction("conv2d_forward") == graded.points["conv2d_forward"] == 0
    if lives:
        assert "TRIED" in printed
        assert graded.fraction("conv_output_size") == graded.fraction("same_padding") == 1


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_the_sandbox_gains_nothing(grader, small, honest, tmp_path, name):
    attack = ATTACKS[name]
    before = attack["before"].replace("{folder!r}", repr(str(tmp_path)))
    graded = grader(small.attacked(ONLY_INSIDE + before), folder=tmp_path, memory_mb=1024)
    gains_nothing(graded, attack.get("lives", True))
    assert not list(tmp_path.iterdir())
    if marker := attack.get("marker"):
        assert not running(marker)
    honest()


def test_other_peoples_files_cannot_be_read(grader, small, honest, tmp_path):
    """Solutions, marks, the key, somebody else's submission, and whatever else there is."""
    names = ("gradebook.db", "course.key", "submitted/bob/01_convolution/convolution.ipynb")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("xyzzy", encoding="utf-8")
    folder = tmp_path / "autograded" / "ann"
    folder.mkdir(parents=True)
    (folder / "convolution.ipynb").write_text("xyzzy", encoding="utf-8")
    paths = [str(tmp_path / name) for name in names] + [f"{ROOT}/solutions", f"{ROOT}/autograder"]
    paths += ["/etc/shadow", "/etc/passwd", "/home", "/root/.ssh", f"{folder}/convolution.ipynb"]
    paths += ["../bob/01_convolution/convolution.ipynb", "convolution.ipynb"]
    graded = grader(small.attacked(ONLY_INSIDE + FILES_READ.format(paths=paths)), folder=folder)
    gains_nothing(graded)
    assert "xyzzy" not in graded.printed()
    honest()


def test_nothing_of_the_grading_can_be_found(grader, small, honest):
    public = ["/proc", "/usr", sys.prefix, sys.base_prefix]
    gains_nothing(grader(small.attacked(ONLY_INSIDE + COURSE_SEARCHED.format(public=public))))
    honest()


def test_nobody_can_be_reached(grader, small, honest):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        name = f"\0convnets-{os.getpid()}"
        named.bind(name)
        named.listen()
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=5).close()  # it can be, from here
        gains_nothing(grader(small.attacked(ONLY_INSIDE + NETWORK.format(port=port, name=name))))
    honest()


def test_planted_modules_are_not_imported(grader, small, honest, tmp_path):
    spoil = "print('GOT planted')\ndef __getattr__(name):\n    return lambda *a, **k: True\n"
    planted = ("torch", "numpy", "ipykernel_launcher", "ipykernel", "IPython", "sitecustomize",
               "usercustomize", "psutil", "course_probe", "helpers", "zmq")  # fmt: skip
    for name in planted:
        (tmp_path / f"{name}.py").write_text(spoil, encoding="utf-8")
    (tmp_path / "evil.pth").write_text("import os; print('GOT pth')", encoding="utf-8")
    (tmp_path / ".ipython" / "profile_default" / "startup").mkdir(parents=True)
    startup = tmp_path / ".ipython" / "profile_default" / "startup" / "0.py"
    startup.write_text("print('GOT startup')", encoding="utf-8")
    before = """
        import subprocess, sys
        print(subprocess.run([sys.executable, "-c", "import torch"], capture_output=True, text=True)
              .stdout)
        print("TRIED")
    """
    gains_nothing(grader(small.attacked(before), folder=tmp_path))
    honest()


def test_links_lead_nowhere(grader, small, honest, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("xyzzy", encoding="utf-8")
    folder = tmp_path / "handed-in"
    folder.mkdir()
    for name, target in {"key": secret / "key", "all": secret, "root": "/", "up": ".."}.items():
        (folder / name).symlink_to(target)
    before = f"""
        import os
        for path in ("key", "all/key", "root{secret}/key", "up/secret/key"):
            try:
                print("GOT", open(path).read())
            except OSError:
                pass
        print("TRIED")
    """
    gains_nothing(grader(small.attacked(before), folder=folder))
    honest()


def test_a_flood_of_output_costs_nothing_else(grader, small, honest):
    """One output of 150 MB, and many that are small."""
    flood = """
        import sys
        sys.stdout.write("x" * 150_000_000)
        sys.stdout.flush()
        for _ in range(300):
            print("y" * 100_000, flush=True)
        print("TRIED")
    """
    honest()
    before = most_memory()
    graded = grader(small.attacked(flood))
    assert graded.fraction("conv_output_size") == graded.fraction("same_padding") == 1
    assert graded.fraction("conv2d_forward") == 0
    assert len(graded.printed()) < 30_000_000
    assert most_memory() - before < 300_000
    honest()


def test_a_flood_past_all_limits_stays_out_of_the_graders_memory(grader, small, honest):
    """Messages of 150 MB, sent without ipykernel's help; it costs the sender alone."""
    flood = """
        kernel = get_ipython().kernel
        socket = kernel.iopub_socket.io_thread.socket
        for _ in range(2):
            kernel.session.send(socket, "stream", {"name": "stdout", "text": "x" * 150_000_000},
                                parent=kernel.get_parent(), ident=b"stream")
    """
    honest()
    before = most_memory()
    graded = grader(small.attacked(flood))
    assert graded.fraction("conv2d_forward") == 0
    assert most_memory() - before < 150_000
    honest()


def most_memory():
    """The most memory this process ever had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_notebook_has_a_deadline(grader, small, honest):
    """Every cell may be within its own limit and the notebook never come to an end."""
    before = SLEEPERS + "\nwhile True:\n    time.sleep(1)"
    start = time.monotonic()
    graded = grader(small.attacked(before), deadline=4)
    assert time.monotonic() - start < 60
    assert "longer than the 4 seconds" in graded.text["conv2d_forward"]
    assert {graded.fraction(name) for name in graded.data} == {0}
    honest()


def test_metadata_choose_no_other_kernel(grader, small):
    nb = small.attacked("import os; print(os.getcwd())", small.forward)
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "x", "language": "python"}
    assert "/submission" in grader(nb).printed()
