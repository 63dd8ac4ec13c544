"""Kernels for these tests: of whoever runs them and, when that is root, of an ordinary user."""

import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograder import ROOT
from autograder.kernels import provisioner

DRIVER = Path(__file__).with_name("driver.py")
NOBODY_SPECIAL = 54321  # a user id that exists nowhere


def load_driver():
    spec = importlib.util.spec_from_file_location("kernels_driver", DRIVER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Kernel = load_driver().Kernel


@pytest.fixture(scope="session", autouse=True)
def _zygotes_end():
    """Not until the last test: they are shared."""
    yield
    for found in provisioner._zygotes.values():
        if isinstance(found, provisioner.OwnZygote):
            found.process.kill()


@pytest.fixture
def start(tmp_path):
    """start(folder=None, **options): a kernel, ended with the test."""
    kernels = []

    def start(folder=None, given=None, **options):
        kernels.append(Kernel(folder, given, **options))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.end()


def reachable(*paths):
    """Arguments for bubblewrap that let everybody reach paths behind closed folders (root's)."""
    arguments, opened = [], []
    for path in map(Path, paths):
        closed = [p for p in path.parents if not p.stat().st_mode & stat.S_IXOTH]
        if not closed:
            continue
        top = closed[-1]
        if top not in opened:
            arguments += ["--perms", "755", "--tmpfs", str(top)]
            opened.append(top)
        for above in reversed([p for p in path.parents if top in p.parents]):
            arguments += ["--dir", str(above)]
        arguments += ["--ro-bind", str(path), str(path)]
    return arguments


class Elsewhere:
    """The driver in a process of an ordinary user."""

    def __init__(self, folder, **options):
        self.home = tempfile.mkdtemp(prefix="ordinary-")
        os.chown(self.home, NOBODY_SPECIAL, NOBODY_SPECIAL)
        root = [ROOT, sys.prefix, sys.base_prefix]
        command = ["bwrap", "--dev-bind", "/", "/", *reachable(*dict.fromkeys(map(str, root)))]
        command += ["--cap-add", "ALL", "--", "setpriv", "--clear-groups", "--inh-caps=-all"]
        command += [f"--reuid={NOBODY_SPECIAL}", f"--regid={NOBODY_SPECIAL}"]
        command += [sys.executable, str(DRIVER), json.dumps({"folder": str(folder)} | options)]
        environment = {"HOME": self.home, "PATH": os.environ["PATH"], "TMPDIR": self.home}
        self.process = subprocess.Popen(
            command, env=environment, cwd="/", text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.trouble = self.read().get("trouble")
        self.ready = not self.trouble and self.read().get("ready")

    def read(self):
        return json.loads(self.process.stdout.readline() or '{"trouble": "it did not start"}')

    def run(self, code):
        print(json.dumps({"code": code}), file=self.process.stdin, flush=True)
        return self.read()

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        shutil.rmtree(self.home)


@pytest.fixture(scope="session")
def submission():
    """A folder as it is handed in, and what lies in it. Everybody may read it."""
    folder = Path(tempfile.mkdtemp(prefix="handed-in-"))
    (folder / "data").mkdir()
    (folder / "notes.txt").write_text("notes", encoding="utf-8")
    (folder / "data" / "table.csv").write_text("1,2", encoding="utf-8")
    (folder / "convolution.ipynb").write_text("{}", encoding="utf-8")
    (folder / "shadow").symlink_to("/etc/shadow")
    os.mkfifo(folder / "pipe")
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session", params=["as we are", "as an ordinary user"])
def inside(request, submission):
    """A contained kernel that tests look around in."""
    environment = os.environ | {"SECRET": "xyzzy", "SHOWN": "yes"}
    options = {"environment": ["SHOWN"]}
    if request.param == "as we are":
        kernel = Kernel(str(submission), environment, **options)
    else:
        if os.geteuid() != 0:
            pytest.skip("only root can become somebody else; this was an ordinary user already")
        kernel = Elsewhere(submission)
        if kernel.trouble:
            kernel.end()
            pytest.skip(f"an ordinary user has no sandbox here: {kernel.trouble}")
        assert kernel.ready
    yield kernel
    kernel.end()
