"""To change what is not theirs."""

from . import Attack

# A file without a name leaves no trace; modes and times are set to what they are.
WRITABLE = """
def write_to(place):
    attempt(place, os.open, place, os.O_WRONLY | os.O_TMPFILE)
    attempt(place, lambda: os.chmod(place, os.stat(place).st_mode & 0o7777))
    attempt(place, lambda: os.utime(place, ns=(os.stat(place).st_atime_ns,) * 2))
    if os.path.isfile(place):
        attempt(place, os.open, place, os.O_RDWR)
"""
SYSTEM = """
for place in ("/", "/usr", "/usr/lib", "/usr/bin/env", "/etc", "/etc/ld.so.cache", "/dev", "/lib",
              "/sockets", "/original"):
    write_to(place)
"""
PACKAGES = """
import helpers, IPython, ipykernel, json, numpy, torch
for module in (helpers, IPython, ipykernel, json, numpy, torch):
    write_to(module.__file__)
    write_to(os.path.dirname(module.__file__))
    write_to(os.path.dirname(os.path.dirname(module.__file__)))
    cached = getattr(module, "__cached__", None)
    if cached and os.path.exists(cached):
        write_to(cached)
data = os.path.join(os.path.dirname(os.path.dirname(helpers.__file__)), "data")
write_to(data)
for name in os.listdir(data):
    write_to(os.path.join(data, name))
"""
MARKS = """
import sqlite3
attempt("the file", lambda: open(HOST["gradebook"], "r+b").write(b"x"))
attempt("the key", lambda: open(HOST["key"], "r+").write("0"))
attempt("its folder", lambda: open(HOST["folder"] + "/new", "w"))
attempt("another's notebook", lambda: open(HOST["other"], "a").write("x"))
attempt("renamed", os.rename, HOST["other"], HOST["other"] + "-")
attempt("removed", os.unlink, HOST["other"])
try:
    with sqlite3.connect(HOST["gradebook"]) as marks:
        print("GOT", marks.execute("UPDATE grade SET score = 100").rowcount)
except sqlite3.OperationalError:
    pass
"""
THROUGH_LINKS = """
for name in ("marks", "all/gradebook.db", "up/gradebook.db", "all/new"):
    attempt(name, lambda: open(name, "r+b").write(b"x"))
    attempt(name, os.truncate, name, 0)
attempt("made", lambda: open("all/new", "w"))
os.unlink("marks")
os.symlink("notes.txt", "marks")
open("marks", "w").write("x")
os.rename("notes.txt", "renamed.txt")
"""
HELPERS_PATCHED = """
import builtins, sys, types
import torch, helpers.checks.convolution, helpers.checks.records, helpers.convolution

def anything(*arguments, **options):
    return True

for module in (helpers.checks.convolution, helpers.convolution, helpers.checks.records):
    for name, value in list(vars(module).items()):
        if isinstance(value, types.FunctionType):
            setattr(module, name, anything)
for name, value in list(vars(torch.testing).items()):
    if isinstance(value, types.FunctionType):
        setattr(torch.testing, name, anything)
torch.allclose = torch.equal = torch.isclose = anything
sys.modules["helpers.checks"].__path__[:] = ["/submission"]
"""
OTHERS_SIGNALLED = """
import resource
visible = {int(name) for name in os.listdir("/proc") if name.isdigit()}
for process in visible - {os.getpid()}:
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(process, number)
        except OSError:
            pass
attempt("the grader", os.kill, HOST["grader"], 0)
attempt("its priority", os.setpriority, os.PRIO_PROCESS, HOST["grader"], 19)
attempt("its limits", resource.prlimit, HOST["grader"], resource.RLIMIT_CORE)
attempt("its processors", os.sched_setaffinity, HOST["grader"], {0})
try:
    os.kill(-1, signal.SIGKILL)
except OSError:
    pass
"""
OTHERS_REWRITTEN = """
attempt("the grader's memory", os.open, f"/proc/{HOST['grader']}/mem", os.O_WRONLY)
for process in {*filter(str.isdigit, os.listdir("/proc"))} - {str(os.getpid())}:
    try:
        os.pwrite(os.open(f"/proc/{process}/mem", os.O_WRONLY), b"\\xcc" * 64, 0x400000)
    except OSError:
        pass
numbers = {"x86_64": (101, 311), "aarch64": (117, 271)}[os.uname().machine]
attempt("PTRACE_ATTACH", call, numbers[0], 16, 1, 0, 0)
attempt("process_vm_writev", call, numbers[1], 1, 0, 0, 0, 0, 0)
"""
# Mappings that are shared, not copied, would lead to the process that all kernels are forked from.
INHERITED_MAPPINGS = """
shared = [line for line in open("/proc/self/maps") if line.split()[1][1:] in ("w-s", "wxs")]
print(*("GOT " + line for line in shared))
for name in os.listdir("/proc/self/fd"):
    try:
        leads_to = os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        continue
    own = ("/dev/null", f"/proc/{os.getpid()}/fd", "/tmp/.ipython")
    if leads_to.startswith("/") and not leads_to.startswith(own):
        print("GOT", leads_to)
"""
NAMESPACES = """
unshare, mount, chroot, clone = {
    "x86_64": (272, 165, 161, 56), "aarch64": (97, 40, 51, 220)}[os.uname().machine]
for flag in (0x10000000, 0x20000, 0x40000000, 0x2000000):
    attempt(f"unshare {flag:#x}", call, unshare, flag)
attempt("mount", call, mount, b"none", b"/tmp", b"tmpfs", 0, 0)
attempt("chroot", call, chroot, b"/tmp")
attempt("io_uring", call, 425, 8, ctypes.create_string_buffer(120))
attempt("move_mount", call, 429, -1, b"", -100, b"/tmp", 4)
attempt("open_tree", call, 428, -100, b"/", 1)
child = libc.syscall(clone, 0x10000000 | 17, 0, 0, 0, 0)
if child == 0:
    libc._exit(0)
print(*("GOT" for _ in [child] if child > 0))
"""
PRIVILEGES = """
import shutil, subprocess
attempt("user 0", os.setuid, 0)
attempt("group 0", os.setgid, 0)
attempt("groups", os.setgroups, [0])
copy = shutil.copy("/usr/bin/env", "/tmp/mine")
os.chmod(copy, 0o6755)
print(*("GOT" for line in open("/proc/self/status")
        if line.startswith("Cap") and int(line.split()[1], 16)))
for command in (["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["/tmp/mine", "id", "-u"],
                ["setpriv", "--reuid=0", "id", "-u"], ["unshare", "-r", "id", "-u"]):
    try:
        said = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError:
        continue
    if said.stdout.strip() == "0":
        print("GOT", command)
"""
SETTINGS = """
import time
for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
             "/proc/sys/vm/drop_caches", "/sys/fs/cgroup"):
    attempt(path, os.open, path, os.O_WRONLY)
attempt("the name", socket.sethostname, "taken")
attempt("the clock", time.clock_settime, time.CLOCK_REALTIME, time.time())
for name, kind in (("disk", 0o060600), ("memory", 0o020600)):
    attempt(name, os.mknod, f"/tmp/{name}", kind, os.makedev(1, 1))
"""
SOCKETS = """
for name in os.listdir("/sockets"):
    path = "/sockets/" + name
    attempt(name, os.unlink, path)
    attempt(name, os.rename, path, path + "-")
    attempt(name, lambda: open(path, "w"))
attempt("a new one", lambda: socket.socket(socket.AF_UNIX).bind("/sockets/mine"))
"""

ATTACKS = [
    Attack("the system", "writes to the system's folders and files", WRITABLE + SYSTEM),
    Attack("packages", "writes to Python's packages, helpers and data", WRITABLE + PACKAGES),
    Attack("marks", "writes to the gradebook, the key and others' submissions", MARKS),
    Attack(
        "through links", "hands in links to the gradebook and writes through them", THROUGH_LINKS,
        files={"notes.txt": "as it was handed in"},
        links={"marks": "{gradebook}", "all": "{folder}", "up": ".."},
    ),
    Attack("helpers", "replaces functions that later checks use", HELPERS_PATCHED),
    Attack(
        "others stopped", "stops, kills and slows down the grader and all else", OTHERS_SIGNALLED,
        limits={"deadline": 30}, lives=False,
    ),
    Attack("others rewritten", "writes to the memory of other processes", OTHERS_REWRITTEN),
    Attack("inherited", "looks for memory and files that kernels share", INHERITED_MAPPINGS),
    Attack("namespaces", "makes namespaces and mounts of its own", NAMESPACES),
    Attack("privileges", "becomes root, by itself and by programs that may", PRIVILEGES),
    Attack("settings", "changes the machine's name, clock, settings, devices", SETTINGS),
    Attack("sockets", "puts other sockets where the grader's messages arrive", SOCKETS),
]  # fmt: skip
