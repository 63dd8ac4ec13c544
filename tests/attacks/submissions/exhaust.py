"""To use up what others need: processors, memory of every kind, disks, the grader's ear."""

from . import Attack

FORK_BOMB = """
born = 0
for _ in range(1000):
    try:
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", HOST["marker"]])
        born += 1
    except OSError:
        break
print("GOT" if born == 1000 else born)
"""
THREADS = """
import threading
enough, started = threading.Event(), []
try:
    while len(started) < 1000:
        started.append(threading.Thread(target=enough.wait))
        started[-1].start()
    print("GOT", len(started))
except RuntimeError:
    pass
enough.set()
for thread in started[:-1]:
    thread.join()
"""
# A little longer than they are needed, should they get away.
PROCESSORS = """
for _ in range(8):
    if os.fork() == 0:
        signal.alarm(20)
        os.execvp("sh", ["sh", "-c", "while :; do :; done", "sh", HOST["marker"]])
"""
# Never written to, so never really taken.
MEMORY = """
import numpy
held = []
try:
    while len(held) < 16:
        held.append(numpy.empty(1 << 30, numpy.uint8))
    print("GOT", len(held))
except MemoryError:
    held.clear()
"""
SHARED_MEMORY = """
import mmap
held = []
for _ in range(32):
    held.append(mmap.mmap(-1, 64 << 20))
    held[-1].write(b"x" * len(held[-1]))
print("GOT", len(held))
"""
NAMELESS_FILES = """
held = []
for number in range(32):
    if (file := attempt("a file in memory", os.memfd_create, "held")) is None:
        break
    held.append(file)
    attempt("memory", lambda: [os.write(file, bytes(1 << 20)) for _ in range(64)] and None)
secret = ctypes.CDLL(None).syscall(447, 0)
print(*("GOT" for _ in [secret] if secret >= 0))
"""
FILE_SYSTEMS = """
for place in ("/dev/shm", "/tmp", "/submission", "/sockets", "/dev", "/", HOST["folder"]):
    written = number = 0
    try:
        while written < 200:
            with open(f"{place}/full-{number}", "wb") as file:
                for _ in range(16):
                    file.write(bytes(1 << 20))
                    written += 1
            number += 1
        print("GOT", place, written)
    except OSError:
        pass
    try:
        for number in range(10_000):
            open(f"{place}/empty-{number}", "w").close()
        print("GOT", place, number)
    except OSError:
        pass
    try:
        with open(f"{place}/sparse", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 1 << 28)
            print("GOT", place)
    except OSError:
        pass
    for name in os.listdir(place) if os.path.isdir(place) else ():
        if name.startswith(("full-", "empty-", "sparse")):
            os.unlink(f"{place}/{name}")
"""
HANDLES = """
held = []
try:
    while len(held) < 5000:
        pair = socket.socketpair()
        held += pair
        pair[0].setblocking(False)
        try:
            while True:
                pair[0].send(bytes(1 << 16))
        except BlockingIOError:
            pass
    print("GOT", len(held))
except OSError:
    pass
for one in held:
    one.close()
"""
OUTPUT = """
sys.stdout.write("x" * 150_000_000)
sys.stdout.flush()
for _ in range(300):
    print("y" * 100_000, flush=True)
"""
OUTPUT_OF_AN_ANSWER = """
def conv2d_forward(x, *rest):
    for _ in range(3):
        print("x" * 1_000_000)
    return x.new_zeros(1)
"""
# Frames that are signed as ipykernel would, but that it would not send.
RAW = """
kernel = get_ipython().kernel
thread = kernel.iopub_socket.io_thread

def publish(content, *buffers, kind="stream"):
    parent = kernel.get_parent()
    parts = [kernel.session.pack(part) for part in (
        kernel.session.msg_header(kind), parent["header"], {})] + [content]
    thread.socket.send_multipart(
        [b"stream", b"<IDS|MSG>", kernel.session.sign(parts), *parts, *buffers])
"""
LARGE_MESSAGES = (
    RAW
    + """
publish(b'{"name": "stdout", "text": "' + b"x" * 150_000_000 + b'"}')
"""
)
MANY_PARTS = (
    RAW
    + """
import time
publish(b"{}", *[bytes(30 << 20)] * 20)
time.sleep(30)  # its end comes before
"""
)
DEEP_JSON = (
    RAW
    + """
for content in (
    b"[" * 500_000, b'{"a":' * 500_000, b'{"n":' + b"9" * 1_000_000 + b"}", b"\\xff\\xfe",
    b'{"text":"\\\\ud800","name":"stdout"}', b'{"text":NaN}', b"", b"null",
):
    publish(content)
"""
)
WIDE_JSON = (
    RAW
    + """
wide = b"[" + b"[]," * 300_000 + b"0]"
for name in (b'"text/plain"', b'"application/json"', b'"application/vnd.convnets.evidence+json"'):
    publish(b'{"metadata":{},"data":{' + name + b":" + wide + b"}}", kind="display_data")
publish(b'{"name":"stdout","text":' + wide + b"}")
publish(b'{"ename":"","evalue":"","traceback":' + wide + b"}", kind="error")
"""
)
MANY_MESSAGES = (
    RAW
    + """
for number in range(3000):
    publish(b'{"name":"stdout","text":"x"}')
    publish(b'{}', kind="x" * 20_000)
"""
)
LARGE_EVIDENCE = """
import torch

sent = []

def conv2d_forward(x, *rest):
    if sent:
        return x.new_zeros(1)
    sent.append(True)
    for number in range(4):
        get_ipython().display_pub.publish({"application/vnd.convnets.evidence+json": {
            "nonce": "x" * 10_000_000, "run": "own", "case": number, "withheld": True,
            "outcome": {"value": {"kind": "text", "value": "y" * 10_000_000}}}}, {})
    return [torch.zeros(300, 300)] * 512
"""
DEADLINE = """
import time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
while True:
    time.sleep(1)
"""
STOPPED = """
import os, signal

def conv2d_forward(*arguments):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    os.kill(os.getpid(), signal.SIGSTOP)
"""
CRASHES = """
import os, sys
for _ in range(20):
    if os.fork() == 0:
        os.abort()
    os.wait()

def conv2d_forward(*arguments):
    sys.setrecursionlimit(1 << 30)
    return repr(Endless())

class Endless:
    def __repr__(self):
        return repr(self)
"""

ATTACKS = [
    Attack("processes", "forks until it cannot", FORK_BOMB),
    Attack("threads", "starts threads until it cannot", THREADS),
    Attack("processors", "keeps every processor busy from processes beside it", PROCESSORS),
    Attack("memory", "takes 16 GB of memory of its own", MEMORY, limits={"memory_mb": 1024}),
    Attack(
        "shared mappings", "takes 2 GB of memory that is shared and so counted for nobody",
        SHARED_MEMORY, limits={"memory_mb": 512}, lives=False, grouped=True,
    ),
    Attack("files without a name", "takes memory as files that are in no folder", NAMELESS_FILES),
    Attack(
        "file systems", "fills every place with data and with files", FILE_SYSTEMS,
        limits={"tmp_mb": 32, "shm_mb": 32},
    ),
    Attack("sockets held", "opens sockets until it cannot, and fills them", HANDLES),
    Attack("output", "prints 150 MB at once, and then 30 MB in pieces", OUTPUT,
           says="yyyy", heard=False),
    Attack("an answer's output", "prints 3 MB for every case", forward=OUTPUT_OF_AN_ANSWER),
    Attack("large messages", "sends a message of 150 MB", LARGE_MESSAGES, others=False,
           heard=False),
    Attack("many parts", "sends a message of many parts that are large together", MANY_PARTS,
           limits={"reader_mb": 100}, reports="filled the grader's memory", others=False,
           lives=False),
    Attack("deep JSON", "sends JSON that is deep, long, wrong or no text", DEEP_JSON, others=False,
           heard=False),
    Attack("wide JSON", "sends JSON that takes more memory than it has bytes", WIDE_JSON,
           heard=False),
    Attack("many messages", "sends thousands of messages, most of no known kind", MANY_MESSAGES),
    Attack("large evidence", "answers with hundreds of megabytes", forward=LARGE_EVIDENCE),
    Attack(
        "time", "does not end, and heeds no signal", DEADLINE, limits={"deadline": 4},
        reports="longer than the 4 seconds", others=False, lives=False,
    ),
    Attack(
        "silence", "stops itself in the middle of an answer", forward=STOPPED,
        limits={"deadline": 4}, reports="longer than the 4 seconds", others=False,
    ),
    Attack("crashes", "crashes again and again, itself at last", forward=CRASHES, others=False),
]  # fmt: skip
