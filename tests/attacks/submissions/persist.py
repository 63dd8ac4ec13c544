"""To outlive its own grading, and to meet the next submission."""

from ...processes import daemon
from . import Attack

STOPPED_CHILDREN = """
import time
libc.prctl(36, 1, 0, 0, 0)  # whose children's children come to it
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        libc.prctl(1, 0, 0, 0, 0)  # not to end with its parent
        if os.fork() == 0:
            os.setpgid(0, 0)
            os.execvp("sh", ["sh", "-c", "kill -STOP $$; sleep $1", "sh", HOST["marker"]])
        os._exit(0)
"""
AT_THE_END = """
import asyncio, atexit, threading, weakref
from multiprocessing.util import Finalize

def last(*ignored):
    for place in ("/tmp", "/dev/shm", HOST["folder"]):
        try:
            open(f"{place}/{HOST['marker']}", "w")
        except OSError:
            pass
    if os.fork() == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", HOST["marker"]])

class Kept:
    def __del__(self):
        last()

kept = Kept()
atexit.register(last)
weakref.finalize(kept, last)
Finalize(None, last, exitpriority=1)
threading.Timer(30, last).start()
asyncio.get_event_loop().call_later(30, last)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGINT):
    signal.signal(number, last)
signal.setitimer(signal.ITIMER_REAL, 30, 1)
"""
SERVICES = """
for path in ("/run/dbus/system_bus_socket", "/run/systemd/private", "/run/systemd/notify",
             "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/user/0/bus",
             "/tmp/.X11-unix/X0", "/dev/log", "/run/systemd/journal/socket"):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        attempt(path, socket.socket(socket.AF_UNIX, kind).connect, path)
for path in ("/var/spool/cron", "/var/spool/cron/crontabs", "/etc/cron.d", "/etc/systemd/system",
             "/etc/profile.d", "/var/tmp", "/etc/rc.local"):
    attempt(path, os.open, path, os.O_WRONLY | os.O_TMPFILE)
"""
LEFT_BEHIND = """
for place in ("/tmp", "/dev/shm", "/submission", "/var/tmp", "/sockets", "/original", "/"):
    mine = f"{place}/{HOST['marker']}"
    for make in (lambda: open(mine, "w"), lambda: os.mkfifo(mine + "-p"),
                 lambda: os.symlink(HOST["folder"], mine + "-l"), lambda: os.mkdir(mine + "-d"),
                 lambda: os.symlink(HOST["gradebook"], f"{place}/convolution.ipynb"),
                 lambda: socket.socket(socket.AF_UNIX).bind(mine + "-s")):
        try:
            make()
        except OSError:
            pass
"""
SPOIL = "print('GOT planted')\ndef __getattr__(name):\n    return lambda *a, **k: True\n"
PLANTED = {
    **{
        f"{name}.py": SPOIL
        for name in (
            "torch", "numpy", "ipykernel_launcher", "ipykernel", "IPython", "sitecustomize",
            "usercustomize", "psutil", "course_probe", "zmq", "json", "startup",
        )
    },
    "helpers/__init__.py": SPOIL,
    "helpers/checks/__init__.py": SPOIL,
    "evil.pth": "import os; print('GOT pth')",
    ".ipython/profile_default/startup/0.py": "print('GOT startup')",
    ".ipython/profile_default/ipython_config.py": "print('GOT configuration')",
    "jupyter_config.py": "print('GOT configuration')",
    "pyvenv.cfg": "home = /submission",
    ".env": "PYTHONSAFEPATH=",
}  # fmt: skip
PLANTED_TRIED = """
import subprocess
print(subprocess.run([sys.executable, "-c", "import helpers, torch"], capture_output=True).stdout)
"""
HOME_PREPARED = """
LIBRARY = "~/.local/lib/python{}.{}/site-packages".format(*sys.version_info)
places = {
    "~/.ipython/profile_default/startup/0.py": "print('GOT startup')",
    "~/.config/matplotlib/matplotlibrc": "backend: nonsense",
    "~/.jupyter/jupyter_config.py": "print('GOT configuration')",
    "~/.local/share/jupyter/kernels/contained/kernel.json": "{}",
    LIBRARY + "/usercustomize.py": "print('GOT usercustomize')",
    LIBRARY + "/evil.pth": "import os; print('GOT pth')",
    "~/.profile": "echo GOT", "~/.bashrc": "echo GOT", "~/.pdbrc": "print('GOT')",
}
for path, text in places.items():
    path = os.path.expanduser(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(text)
"""
ENVIRONMENT = """
os.environ |= {
    "LD_PRELOAD": "/tmp/evil.so", "LD_LIBRARY_PATH": "/tmp", "PYTHONPATH": "/tmp",
    "PYTHONSTARTUP": "/tmp/evil.py", "PYTHONHOME": "/tmp", "BASH_ENV": "/tmp/evil.sh",
    "IPYTHONDIR": "/tmp/evil", "NBGRADER_EXECUTION": "no", "TORCH_HOME": "/tmp",
}
libc.setenv(b"GLIBC_TUNABLES", b"x", 1)
attempt("/etc/ld.so.preload", open, "/etc/ld.so.preload", "w")
attempt("/etc/environment", open, "/etc/environment", "w")
"""
STATE_LEFT = """
import numpy, random, sys, threading, torch
torch.set_default_dtype(torch.float16)
torch.manual_seed(0), numpy.random.seed(0), random.seed(0)
torch.set_grad_enabled(False)
torch.set_num_threads(4)
mine = torch.library.Library("aten", "IMPL")
mine.impl("add.Tensor", lambda *a, **k: a[0], "CPU")
sys.setrecursionlimit(200), sys.settrace(lambda *a: None), threading.settrace(lambda *a: None)
sys.addaudithook(lambda *a: None)
sys.meta_path.insert(0, type("Finder", (), {"find_spec": staticmethod(lambda *a: None)}))
sys.path.insert(0, "/submission")
torch.set_default_dtype(torch.float32)
"""
KEPT_BY_THE_SYSTEM = """
numbers = {"x86_64": {"segment": 29, "queue": 68, "semaphores": 64, "key": 248},
           "aarch64": {"segment": 194, "queue": 186, "semaphores": 190, "key": 217}}
for name, arguments in {"segment": (0, 4096, 0o1600), "queue": (0, 0o1600),
                        "semaphores": (0, 1, 0o1600), "key": (b"user", b"x", b"x", 1, -4)}.items():
    attempt(name, call, numbers[os.uname().machine][name], *arguments)
"""
MOTHER = """
for descriptor in range(3, 1024):
    kind, size = ctypes.c_int(), ctypes.c_int(4)
    libc.getsockopt(descriptor, socket.SOL_SOCKET, socket.SO_TYPE, ctypes.byref(kind),
                    ctypes.byref(size))
    if kind.value == socket.SOCK_SEQPACKET:
        print("GOT", descriptor)
attempt("a zygote", lambda: os.kill(os.getppid(), 0) if os.getppid() else os.open("/nowhere", 0))
"""
SECOND_KERNEL = """
import subprocess
second = subprocess.Popen(
    [sys.executable, "-m", "ipykernel_launcher", "-f", "/sockets/kernel.json"],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
print(second.wait(timeout=30) == 0 and "GOT")
"""

ATTACKS = [
    Attack("a daemon", "forks twice, leaves its session and heeds no signal",
           daemon('HOST["marker"]')),
    Attack("stopped", "leaves processes that stand still and belong to nobody", STOPPED_CHILDREN),
    Attack("at the end", "asks by every means to be called once more when it ends", AT_THE_END),
    Attack("services", "asks the machine's services to start something", SERVICES),
    Attack("left behind", "leaves files, links, pipes and sockets everywhere", LEFT_BEHIND),
    Attack("planted modules", "hands in modules and settings that others might load", PLANTED_TRIED,
           files=PLANTED),
    Attack("a prepared home", "writes what Python and shells load from home", HOME_PREPARED),
    Attack("an environment", "sets variables that change what is loaded", ENVIRONMENT),
    Attack("torch's state", "changes torch, random numbers and Python's own hooks", STATE_LEFT),
    Attack("kept by the system", "makes objects that outlive processes", KEPT_BY_THE_SYSTEM),
    Attack("the mother", "looks for a way to the process that forks all kernels", MOTHER),
    Attack("a second kernel", "starts another kernel on the same sockets", SECOND_KERNEL),
]  # fmt: skip
