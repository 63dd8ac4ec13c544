"""pyproject.toml, requirements.lock and environment.yml say the same.

When one of these fails after an edit of pyproject.toml, `make lock` is usually what was forgotten.
"""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def declared() -> list[Requirement]:
    """Everything pyproject.toml asks for, its own extras left out."""
    lists = [PROJECT["dependencies"], *EXTRAS.values()]
    requirements = [Requirement(item) for items in lists for item in items]
    return [item for item in requirements if item.name != PROJECT["name"]]


def entries() -> list[str]:
    """The lock, one text per pinned package."""
    return re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE).strip())


def pins() -> dict[str, set[str]]:
    """Versions by package name; more than one where they differ by Python or system."""
    versions: dict[str, set[str]] = {}
    for entry in entries():
        name, version = re.match(r"([a-z0-9-]+)(?:\[[^]]*])?==(\S+)", entry).groups()
        versions.setdefault(name, set()).add(version)
    return versions


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_lock_satisfies_what_pyproject_declares(requirement):
    versions = pins().get(canonicalize_name(requirement.name))
    assert versions, "not in requirements.lock; run make lock"
    assert all(version in requirement.specifier for version in versions), versions


def test_lock_was_made_from_exactly_these_declarations():
    direct = {
        re.match(r"[a-z0-9-]+", entry)[0]
        for entry in entries()
        if re.search(r"(?:via|#)\s+convnets-course \(pyproject\.toml\)", entry)
    }
    assert direct == {canonicalize_name(item.name) for item in declared()}, "run make lock"


def test_every_locked_package_has_hashes():
    assert [entry for entry in entries() if "--hash=sha256:" not in entry] == []


def test_lock_names_no_index():
    assert not re.search(r"://|--(extra-)?index|--find-links", LOCK)


def test_lock_is_small_enough_to_review():
    assert len(LOCK) < 300_000


def test_torch_and_torchvision_are_exact_in_the_lock_only():
    exact = {item.name for item in map(Requirement, EXTRAS["pinned"])}
    assert exact == {"torch", "torchvision"}
    assert all(str(Requirement(item).specifier).startswith("==") for item in EXTRAS["pinned"])


def test_helpers_declare_lower_bounds_only():
    """Anything tighter would replace Colab's own packages, its torch above all."""
    for item in map(Requirement, PROJECT["dependencies"]):
        assert {part.operator for part in item.specifier} == {">="}, item


# Versions Colab had in late 2025: what the helpers need must already be there.
COLAB = {
    "ipywidgets": "7.7.1",
    "matplotlib": "3.10.0",
    "numpy": "2.0.2",
    "scikit-learn": "1.6.1",
    "torch": "2.9.0",
    "torchvision": "0.24.0",
    "tqdm": "4.67.1",
}


@pytest.mark.parametrize("requirement", list(map(Requirement, PROJECT["dependencies"])), ids=str)
def test_colab_satisfies_what_the_helpers_need(requirement):
    assert COLAB[requirement.name] in requirement.specifier


def environment(path: str) -> tuple[SpecifierSet, list[str]]:
    """The Python and the pip lines of a conda environment file."""
    dependencies = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))["dependencies"]
    (python,) = [item for item in dependencies if str(item).startswith("python")]
    (pip,) = [item["pip"] for item in dependencies if isinstance(item, dict)]
    assert "pip" in dependencies
    assert len(dependencies) == 3, "conda brings Python and pip, nothing else"
    return SpecifierSet(python.removeprefix("python")), pip


def test_conda_users_get_the_lock():
    assert environment("environment.yml")[1] == ["--requirement requirements.lock"]


def test_python_versions_agree_everywhere():
    script = (ROOT / "scripts" / "common.sh").read_text(encoding="utf-8")
    low, high = re.search(r"\((3, \d+)\) <= sys.version_info < \((3, \d+)\)", script).groups()
    low, high = low.replace(", ", "."), high.replace(", ", ".")
    assert PROJECT["requires-python"] == f">={low}"
    assert environment("environment.yml")[0] == SpecifierSet(f">={low},<{high}")
    assert f"--python-version {low} " in (ROOT / "scripts" / "lock.sh").read_text(encoding="utf-8")
    template = (ROOT / "autograder" / "student" / "environment.yml").read_text(encoding="utf-8")
    assert f"python{{{{python}}}},<{high}\n" in template
    readme = (ROOT / "autograder" / "student" / "README.md").read_text(encoding="utf-8")
    newest = f"3.{int(high.partition('.')[2]) - 1}"
    assert f"Python {{{{oldest}}}} to {newest}." in readme
