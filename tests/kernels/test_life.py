"""How kernels start and how they end: warm or cold, in time or not, and what is left of them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.kernels import cgroup, provisioner, sandbox
from autograder.kernels.provisioner import ContainedProvisioner, NoSandbox

from ..processes import appears, daemon, gone
from .conftest import DRIVER

pytestmark = pytest.mark.sandbox


def wait_for(kernel, wanted):
    """Read what a kernel publishes until a message is wanted."""
    while not wanted(kernel.client.get_iopub_msg(timeout=30)):
        pass


# Starting -------------------------------------------------------------------------------------


def test_a_warm_kernel_has_already_imported_what_was_asked_for(start):
    program = "import sys; print('numpy' in sys.modules, 'torch' in sys.modules)"
    assert start().run(program)["text"] == "True False\n"


def test_a_cold_kernel_has_imported_nothing_and_is_contained_too(start):
    program = """
import os, sys
print('numpy' in sys.modules, os.getcwd(), os.path.exists('/etc/passwd'))
"""
    assert start(warm=False).run(program)["text"] == "False /submission False\n"


@pytest.mark.parametrize("warm", [True, False])
def test_figures_are_shown_as_pictures(start, warm):
    kernel = start(warm=warm, preload=["matplotlib.pyplot"])
    kernel.client.execute("import matplotlib.pyplot as plt; _ = plt.plot([1, 2])")
    shown = []
    wait_for(kernel, lambda m: m["msg_type"] == "display_data" and shown.append(m) is None)
    assert "image/png" in shown[0]["content"]["data"]


def test_kernels_fork_from_one_process(start):
    start(), start()
    preload = (*provisioner.IPYKERNEL, "numpy")
    assert [found for _, found in provisioner._zygotes].count(preload) == 1
    assert provisioner.zygote(preload).alive()


def test_a_zygote_can_be_shared_and_its_end_is_no_kernels(start):
    options = {"preload": ["numpy", "wave"]}
    asked = "import sys; print('wave' in sys.modules)"
    with provisioner.shared_zygote(options["preload"]) as address:
        options["zygote"] = address
        assert [start(**options).run(asked)["text"] for _ in range(2)] == ["True\n"] * 2
        preload = (*provisioner.IPYKERNEL, "numpy", "wave")
        shared = provisioner.zygote(preload, address)
        assert not isinstance(shared, provisioner.OwnZygote)
    assert not shared.alive()
    assert start(**options).run(asked)["text"] == "True\n"
    assert isinstance(provisioner.zygote(preload, address), provisioner.OwnZygote)


def test_forks_do_not_share_random_numbers(start):
    program = "import numpy, random; print(numpy.random.rand(), random.random())"
    assert start().run(program) != start().run(program)


def test_a_zygote_with_threads_refuses_to_fork():
    program = """
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
from autograder.kernels import zygote
zygote.main(%d)
"""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.send(b'{"preload": [], "environment": {}}')
        command = [sys.executable, "-c", program % theirs.fileno()]
        subprocess.run(command, pass_fds=[theirs.fileno()], check=True, timeout=60)
        assert b"threads" in ours.recv(1000)


def test_kernels_start_cold_and_contained_when_the_zygote_refuses(start, monkeypatch, caplog):
    whole = provisioner.zygote

    def refuses(preload, shared=""):
        if preload:
            raise RuntimeError("The zygote refuses: threads.")
        return whole(preload)

    monkeypatch.setattr(provisioner, "zygote", refuses)
    kernel = start()
    assert kernel.run("import os; print(os.getcwd())")["text"] == "/submission\n"
    assert kernel.run("import sys; print('numpy' in sys.modules)")["text"] == "False\n"


@pytest.mark.parametrize("warm", [True, False])
def test_nothing_beside_the_notebook_is_imported(start, tmp_path, warm):
    names = ("numpy", "ipykernel_launcher", "sitecustomize", "usercustomize", "zmq", "json")
    for name in names:
        (tmp_path / f"{name}.py").write_text("print('planted')\nraise SystemExit", encoding="utf-8")
    tmp_path.chmod(0o755)
    program = f"import {', '.join(names[:2])}, zmq, json; print(numpy.__file__)"
    said = start(str(tmp_path), warm=warm).run(program)
    assert said["error"] == ""
    assert "site-packages" in said["text"]
    assert "planted" not in said["text"]


def test_files_larger_than_the_sandbox_are_told_in_words(start, tmp_path, monkeypatch):
    (tmp_path / "big").write_bytes(bytes(3 << 20))
    monkeypatch.setattr(provisioner.tempfile, "tempdir", str(tmp_path.parent))
    with pytest.raises(RuntimeError, match="No space left"):
        start(str(tmp_path), tmp_mb=1)
    assert not list(tmp_path.parent.glob("kernel-*"))


def test_no_sandbox_no_kernel(start, monkeypatch):
    monkeypatch.setattr(provisioner.sandbox, "trouble", lambda: "It is missing: install it.")
    with pytest.raises(NoSandbox, match="install it"):
        start()


def test_bubblewrap_missing_says_what_to_install(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert "bubblewrap" in sandbox.trouble()


def test_the_folder_of_a_submission_must_not_be_one_that_all_can_read(start, tmp_path):
    with pytest.raises(NoSandbox, match="must not lie in it"):
        start(str(tmp_path), readable=[str(tmp_path.parent)])


def test_a_readable_folder_can_be_read_and_not_written(start, tmp_path):
    (tmp_path / "shown").write_text("yes", encoding="utf-8")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    kernel = start(readable=[str(tmp_path)])
    assert kernel.run(f"print(open('{tmp_path}/shown').read())")["text"] == "yes\n"
    assert "OSError" in kernel.run(f"open('{tmp_path}/made', 'w')")["error"]


def test_given_up_containment_is_an_ordinary_kernel_and_the_log_says_so(start, caplog):
    kernel = start(sandbox=False)
    assert kernel.run(f"import os; print(os.getuid() == {os.getuid()})")["text"] == "True\n"
    assert not kernel.provisioner.contained


def test_other_systems_have_ordinary_kernels(monkeypatch):
    monkeypatch.setattr(provisioner.sys, "platform", "darwin")
    assert not ContainedProvisioner().contained


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's kernels are all that user's")
def test_every_kernel_of_root_is_a_user_of_its_own(start):
    users = {start().run("import os; print(os.getuid())")["text"] for _ in range(2)}
    assert len(users) == 2
    assert "0\n" not in users


# Limits ---------------------------------------------------------------------------------------


def test_a_fork_bomb_is_bounded_and_nothing_of_it_survives(start):
    kernel = start()
    program = """
import os
children = 0
try:
    while children < 2000:
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "86399.1"])
        children += 1
except OSError as error:
    print(children, type(error).__name__)
"""
    said = kernel.run(program)["text"]
    assert "BlockingIOError" in said
    assert int(said.split()[0]) < 128 + provisioner._tasks()
    assert appears("86399.1")
    kernel.manager.shutdown_kernel(now=True)
    assert gone("86399.1")


def test_no_process_can_take_all_memory(start):
    said = start(memory_mb=512).run("bytearray(64 << 30)")
    assert "MemoryError" in said["error"]


def test_memory_is_bounded_for_everything_in_the_sandbox(start):
    if not any("memory" in limits for limits in cgroup.parents().values()):
        pytest.skip("no memory cgroup can be had here")
    program = """
import mmap
held = [mmap.mmap(-1, 64 << 20) for _ in range(32)]
for memory in held:
    memory.write(b"x" * len(memory))
"""
    kernel = start(memory_mb=512)
    assert kernel.run(program)["error"] == "dead"
    assert kernel.provisioner.reason == "it used more than 512 MB of memory"


@pytest.mark.parametrize("place", ["/dev/shm", "/tmp", "/submission"])
def test_files_in_memory_are_bounded(start, place):
    program = f"""
import os
written = 0
try:
    for number in range(40):
        with open("{place}/" + str(number), "wb") as file:
            file.write(bytes(1 << 20))
        written += 1
except OSError as error:
    print(written, error.strerror)
"""
    said = start(tmp_mb=8, shm_mb=8).run(program)["text"]
    assert 0 < int(said.split()[0]) <= 8
    assert "No space" in said


def test_the_deadline_ends_even_what_cannot_be_interrupted(start):
    kernel = start(deadline=3)
    program = (
        daemon("'86399.2'")
        + """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    pass
"""
    )
    before = time.monotonic()
    assert kernel.run(program)["error"] == "dead"
    assert time.monotonic() - before < 30
    assert "longer than the 3 seconds" in kernel.provisioner.reason
    assert gone("86399.2")


def test_a_loop_is_interrupted_and_the_kernel_goes_on(start):
    kernel = start()
    kernel.client.execute("kept = 1\nprint('here', flush=True)\nwhile True: pass")
    wait_for(kernel, lambda message: message["content"].get("text") == "here\n")
    kernel.manager.interrupt_kernel()
    wait_for(kernel, lambda message: message["content"].get("execution_state") == "idle")
    assert kernel.run("print(kept)")["text"] == "1\n"


def test_messages_beyond_the_limit_are_never_read(start):
    kernel = start(message_mb=1)
    program = """
from IPython.display import publish_display_data
publish_display_data({"text/plain": "x" * (8 << 20)})
"""
    kernel.client.execute(program)
    largest = 0
    until = time.monotonic() + 3
    while time.monotonic() < until:
        try:
            message = kernel.client.get_iopub_msg(timeout=0.5)
        except Exception:
            continue
        largest = max(largest, len(json.dumps(message["content"])))
    assert largest < 1 << 20


# Ending ---------------------------------------------------------------------------------------


def test_nothing_survives_a_shutdown(start):
    kernel = start()
    assert kernel.run(daemon("'86399.3'"))["text"] == "started\n"
    assert appears("86399.3")
    sockets = kernel.provisioner._sockets
    kernel.manager.shutdown_kernel(now=True)
    assert gone("86399.3")
    assert not os.path.exists(sockets)


def test_nothing_survives_the_grader():
    command = [sys.executable, str(DRIVER), "{}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as grader:
        grader.stdout.readline()
        grader.stdout.readline()
        print(json.dumps({"code": daemon("'86399.4'")}), file=grader.stdin, flush=True)
        assert "started" in grader.stdout.readline()
        assert appears("86399.4")
        grader.send_signal(signal.SIGKILL)
    assert gone("86399.4")


def test_killing_everything_kills_nobody_else(start):
    other, kernel = start(), start()
    program = """
import os
assert len([name for name in os.listdir("/proc") if name.isdigit()]) < 10  # or it hits everybody
os.kill(-1, 9)
"""
    assert kernel.run(program)["error"] in ("", "dead")  # an ordinary user's sandbox ends by it
    assert other.run("print(1)")["text"] == "1\n"
    assert start().run("print(1)")["text"] == "1\n"


@pytest.mark.parametrize("death", ["os._exit(3)", "os.abort()", "os.kill(os.getpid(), 11)"])
def test_a_kernel_may_die_as_it_likes(start, death):
    kernel = start()
    assert kernel.run(f"import os; {death}")["error"] == "dead"
    assert kernel.provisioner.reason == ""


def test_a_kernel_can_be_started_again(start):
    kernel = start()
    kernel.run("kept = 1")
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)
    assert "NameError" in kernel.run("kept")["error"]


def test_groups_are_removed(start):
    kernel = start()
    kernel.manager.shutdown_kernel(now=True)
    name = f"kernel-{kernel.provisioner.pid}"
    assert not [parent for parent in cgroup.parents() if (parent / name).exists()]
