"""A simulated Colab: a runtime of its own, Colab's packages, one notebook, and no way out.

A new runtime is a virtual environment that sees, through links, the packages that Colab brings and
notebooks need, and nothing else: neither the course nor what instructors have installed. Pip
counts them as outside the environment, so that even a bad set-up cell cannot harm the originals.
The notebooks are the released ones, to the letter: git is told to find the student repository's
address in a folder, pip to ask no index, and a cell that wants more than that fails.
"""

import importlib.metadata
import json
import os
import re
import subprocess
import sysconfig
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from packaging.requirements import Requirement

from autograder import addresses
from autograder.publish import publish

# What the notebooks use and Colab has; setuptools is what pip would fetch to build the helpers.
PREINSTALLED = (
    "ipykernel", "ipywidgets", "matplotlib", "numpy", "scikit-learn", "setuptools", "torch",
    "torchvision", "tqdm",
)  # fmt: skip
LIST = """
import importlib.metadata, json
print(json.dumps({d.name: d.version for d in importlib.metadata.distributions()}))
"""
GIT = {"GIT_AUTHOR_NAME": "t", "GIT_COMMITTER_NAME": "t"} | dict.fromkeys(
    ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "t@localhost"
)


def run(*command: object, **options) -> str:
    """What a command prints; a test fails with what it says when it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Runtime:
    """A new machine of Colab's. place: its folder; environment: its variables."""

    place: Path
    environment: dict[str, str]

    @property
    def python(self) -> Path:
        return self.place / "venv" / "bin" / "python"

    def packages(self) -> dict[str, str]:
        """What is installed: versions by name."""
        return json.loads(run(self.python, "-c", LIST, env=self.environment, cwd=self.place))

    def execute(self, nb: nbformat.NotebookNode, name: str) -> None:
        """Run a notebook as the only file in /content, in place. Raises at the first error."""
        content, specs = self.place / "content", self.place / "kernels"
        for folder in (content, specs / "colab"):
            folder.mkdir(parents=True)
        nbformat.write(nb, content / name)
        argv = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": "Colab", "language": "python"}
        (specs / "colab" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        found = KernelSpecManager(kernel_dirs=[str(specs)], ensure_native_kernel=False)
        manager = AsyncKernelManager(kernel_name="colab", kernel_spec_manager=found)
        client = NotebookClient(nb, km=manager, timeout=300)
        client.execute(cwd=str(content), env=self.environment)


@pytest.fixture(scope="session")
def repository(tmp_path_factory) -> Path:
    """The student repository as it would lie on GitHub, bare, with the branch that is named."""
    place = tmp_path_factory.mktemp("github")
    tree, bare, branch = place / "tree", place / "bare.git", addresses.load().branch
    publish(tree)
    environment = {key: value for key, value in os.environ.items() if key[:4] != "GIT_"} | GIT
    git = {"cwd": tree, "env": environment}
    run("git", "init", "--quiet", f"--initial-branch={branch}", **git)
    run("git", "add", "--all", **git)
    run("git", "commit", "--quiet", "--message=Published", **git)
    run("git", "clone", "--quiet", "--bare", tree, bare, **git)
    for allowed in ("allowFilter", "allowAnySHA1InWant"):  # as GitHub does, and pip asks for
        run("git", "-C", bare, "config", f"uploadpack.{allowed}", "true", **git)
    return bare


@pytest.fixture(scope="session")
def dist_packages(tmp_path_factory) -> Path:
    """The packages Colab brings along, by link to those of this environment; and pip."""
    place = tmp_path_factory.mktemp("colab")
    folder = place / "dist-packages"
    folder.mkdir()
    pip = place / "pip"
    try:
        venv.create(pip, symlinks=True, with_pip=True)
    except subprocess.CalledProcessError:
        pytest.skip("this Python cannot bring pip along (Debian: apt install python3-venv)")
    for found in site_packages(pip).glob("pip*"):
        (folder / found.name).symlink_to(found)
    for distribution in required(PREINSTALLED):
        for top in {file.parts[0] for file in distribution.files} - {".."}:
            if not (folder / top).exists():  # several distributions share `nvidia`
                (folder / top).symlink_to(distribution.locate_file(top))
    colab = folder / "google" / "colab"
    colab.mkdir(parents=True)
    (colab / "__init__.py").write_text('"""A stand-in."""\n', encoding="utf-8")
    return folder


def site_packages(environment: Path) -> Path:
    """Where a virtual environment has its packages."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))


def required(names: Iterable[str]) -> list[importlib.metadata.Distribution]:
    """The distributions named, and all that they need here."""
    found, todo = {}, [Requirement(name) for name in names]
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop().name).lower()
        if name not in found:
            found[name] = importlib.metadata.distribution(name)
            wanted = map(Requirement, found[name].requires or [])
            todo += [w for w in wanted if not w.marker or w.marker.evaluate({"extra": ""})]
    return list(found.values())


@pytest.fixture
def runtime(tmp_path, repository, dist_packages) -> Runtime:
    """A runtime on which nothing has run yet."""
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    (site_packages(tmp_path / "venv") / "colab.pth").write_text(
        f"{dist_packages}\n", encoding="utf-8"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "COLAB_RELEASE_TAG": "release-colab",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # means: no isolation; else pip would fetch setuptools
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": addresses.load().url,
    }
    return Runtime(tmp_path, environment)
