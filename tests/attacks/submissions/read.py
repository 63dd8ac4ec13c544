"""To read what is not theirs."""

from . import Attack

BY_NAME = """
for path in (
    HOST["gradebook"], HOST["key"], HOST["other"], HOST["course"] + "/solutions",
    HOST["course"] + "/autograder", HOST["course"] + "/course.toml", "/etc/shadow", "/etc/passwd",
    "/root/.ssh", "../bob/01_convolution/convolution.ipynb", "convolution.ipynb",
):
    attempt(path, lambda: open(path, "rb").read(60))
    attempt(path, os.listdir, path)
"""
SEARCHED = """
import importlib
for name in ("autograder", "autograder.exercises", "autograder.exercises.convolution"):
    try:
        print("GOT", importlib.import_module(name))
    except ImportError:
        pass
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in HOST["public"]]
    for name in files:
        wanted = ("gradebook.db", "course.key", "course.toml", "convolution.py")
        if name in wanted and "/helpers" not in folder:
            print("GOT", folder, name)
"""
THROUGH_HANDLES = """
for process in ("self", *filter(str.isdigit, os.listdir("/proc"))):
    try:
        held = [f"fd/{name}" for name in os.listdir(f"/proc/{process}/fd")]
    except OSError:
        held = []
    for way in ("root", "cwd", *held):
        for up in ("", "/..", "/../..", "/../../.."):
            try:
                seen = os.listdir(f"/proc/{process}/{way}{up}")
            except OSError:
                continue
            print(*("GOT" for name in seen if name in ("solutions", "gradebook.db", "boot")))
handle = ctypes.create_string_buffer(b"\\x08\\0\\0\\0\\x01\\0\\0\\0\\x02" + bytes(7), 128)
name_to_handle_at, open_by_handle_at = {"x86_64": (303, 304), "aarch64": (264, 265)}[
    os.uname().machine]
attempt("the root by its number", call, open_by_handle_at, -100, handle, os.O_RDONLY)
"""
THROUGH_LINKS_OF_ITS_OWN = """
os.chdir("/submission")
for number, target in enumerate((HOST["gradebook"], HOST["folder"], "/proc/1/root", "/proc/1/cwd")):
    os.symlink(target, f"way-{number}")
    attempt(target, lambda: open(f"way-{number}", "rb").read(60))
    attempt(target, lambda: open(f"way-{number}/{HOST['key']}", "rb").read(60))
attempt("a hard link", os.link, HOST["gradebook"], "hard")
attempt("somebody's descriptor", os.link, "/proc/1/fd/0", "hard")
"""
LINKS_HANDED_IN = """
for path in ("key", "all/course.key", "root" + HOST["key"], "up/course.key", "up/../course.key"):
    attempt(path, lambda: open(path).read())
"""
ENVIRONMENTS = """
texts = [repr(sorted(os.environ.items()))]
for process in ("self", *filter(str.isdigit, os.listdir("/proc"))):
    for name in ("environ", "cmdline"):
        try:
            texts.append(open(f"/proc/{process}/{name}", errors="replace").read())
        except OSError:
            pass
print(*texts)
print(*("GOT" for text in texts if HOST["variable"] in text))
"""
MEMORY_SEARCHED = """
import gc, re
wanted = re.compile(b"xyzzy-" + b"[0-9a-f]{16}")
looked = 0
with open("/proc/self/mem", "rb", 0) as memory:
    for line in open("/proc/self/maps").readlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if " rw" not in line:
            continue
        try:
            memory.seek(start)
            found = wanted.search(memory.read(end - start))
        except OSError:
            continue
        looked += end - start
        print(*("GOT" for _ in [found] if found))
for found in gc.get_objects():
    home = str(getattr(found, "__module__", ""))
    if home.startswith(("autograder.exercises", "autograder.judge")):
        print("GOT", found)
assert looked > 1 << 20
"""
FRAMES_WALKED = """
import sys
seen = []

def conv2d_forward(x, *rest):
    frame = sys._getframe()
    while frame and len(seen) < 200:
        seen.append({name: repr(value)[:5000] for name, value in list(frame.f_locals.items())})
        frame = frame.f_back
    return x.new_zeros(len(x), 1)
"""
CELLS_WATCHED = """
seen = []
get_ipython().events.register("pre_run_cell", lambda info: seen.append(info.raw_cell))
"""
CELLS_SHOWN = """
assert any("answer(" in cell for cell in seen)
assert any("guard(" in cell for cell in seen)
print(seen)
"""
OTHERS_MEMORY = """
grader = HOST["grader"]
for name in ("mem", "environ", "maps", "root", "fd", "stack", "auxv"):
    attempt(name, os.listdir if name in ("root", "fd") else open, f"/proc/{grader}/{name}")
ptrace, process_vm_readv, pidfd_getfd = {"x86_64": (101, 310, 438), "aarch64": (117, 270, 438)}[
    os.uname().machine]
for process in (grader, 1, os.getppid()):
    attempt("PTRACE_SEIZE", call, ptrace, 0x4206, process, 0, 0)
    attempt("process_vm_readv", call, process_vm_readv, process, 0, 0, 0, 0, 0)
    attempt("pidfd_getfd", lambda: call(pidfd_getfd, os.pidfd_open(process), 0, 0))
"""
SHARED_MEMORY_OPENED = """
attempt("shared memory", lambda: open("/dev/shm/" + HOST["shared"]).read())
segments = {"x86_64": 29, "aarch64": 194}[os.uname().machine]
attempt("a System V segment", call, segments, 0x636F6E76, 0, 0)
print(*("GOT" for line in open("/proc/sysvipc/shm").readlines()[1:]))
"""
NETWORK = """
import urllib.request
port = HOST["port"]
for family, address in (
    (socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("0.0.0.0", port)),
    (socket.AF_INET6, ("::1", port)), (socket.AF_INET6, ("::ffff:127.0.0.1", port)),
    (socket.AF_UNIX, HOST["name"]),
):
    attempt(address, socket.socket(family).connect, address)
attempt("http", lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=2))
attempt("names", socket.getaddrinfo, "example.org", 80)
by_datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
attempt("datagrams", by_datagram.sendto, b"", ("192.0.2.1", 53))
"""
MACHINE_LISTENED_TO = """
syslog, keyctl = {"x86_64": (103, 250), "aarch64": (116, 219)}[os.uname().machine]
text = ctypes.create_string_buffer(1 << 12)
attempt("the kernel's log", call, syslog, 3, text, len(text))
attempt("the session's keyring", call, keyctl, 0, -3, 0)
for path in ("/dev/kmsg", "/dev/mem", "/dev/console", "/proc/kcore", "/dev/vda", "/dev/sda"):
    attempt(path, os.open, path, os.O_RDONLY)
attempt("packets", socket.socket, socket.AF_PACKET, socket.SOCK_RAW)
"""

ATTACKS = [
    Attack("files by name", "opens solutions, gradebook, key, others' notebooks, its own", BY_NAME),
    Attack("a search", "walks the whole file system and imports the autograder", SEARCHED),
    Attack("handles", "climbs out through /proc and through open descriptors", THROUGH_HANDLES),
    Attack("links of its own", "makes symbolic and hard links out", THROUGH_LINKS_OF_ITS_OWN),
    Attack(
        "links handed in", "hands in links to the marks, the key, the root and what is above it",
        LINKS_HANDED_IN,
        links={"key": "{key}", "all": "{folder}", "root": "/", "up": ".."},
    ),
    Attack("environments", "looks for secrets in every environment and command", ENVIRONMENTS),
    Attack("its own memory", "searches what it was forked with for secrets", MEMORY_SEARCHED),
    Attack("others' memory", "traces, maps and reads other processes", OTHERS_MEMORY),
    Attack(
        "callers' variables", "walks up the stack from its answer to what called it",
        forward=FRAMES_WALKED, after="assert len(seen) > 10\nprint(seen)",
    ),
    Attack(
        "questions on their way in", "records every cell that runs, and looks for what is hidden",
        CELLS_WATCHED, after=CELLS_SHOWN,
    ),
    Attack("shared memory", "opens what others share, by its name and key", SHARED_MEMORY_OPENED),
    Attack("the network", "connects to this machine and to others", NETWORK),
    Attack("the machine", "reads its log, keyring, memory, disks and line", MACHINE_LISTENED_TO),
]  # fmt: skip
