"""Settings and fixtures for all tests."""

import os
import re
from itertools import pairwise

import psutil
import pytest
from bs4 import BeautifulSoup

from autograder import containment
from autograder.kernels import sandbox

from .commands import Commands

# The workers keep all cores busy: more threads, here and in kernels, would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where no sandbox can be had, everything else is still tested; what is hostile is skipped. Where
# there is one, the environment cannot switch it off: some submissions here would do real harm.
os.environ.pop(containment.SWITCH, None)
if NO_SANDBOX := sandbox.trouble():
    os.environ[containment.SWITCH] = "1"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Three workers for two cores, since many tests wait: for a server, or for a time limit."""
    return max(1, 3 * psutil.cpu_count() // 2)


def pytest_report_header():
    """Say at once what is going to be skipped."""
    return f"sandbox: {NO_SANDBOX or 'yes'}"


def pytest_collection_modifyitems(items):
    """Skip what needs a sandbox where there is none."""
    for item in items:
        if NO_SANDBOX and item.get_closest_marker("sandbox"):
            item.add_marker(pytest.mark.skip(reason=NO_SANDBOX))


@pytest.fixture(scope="session")
def commands(tmp_path_factory):
    """The commands of this course, quick to start."""
    commands = Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.close()


@pytest.fixture(scope="session")
def local_worker():
    """The address of a scheduler with one worker; both are threads of this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def worker_here(local_worker):
    """Have `course grade` use that worker: it starts at once, and tests can reach into it."""
    from autograder.grading import cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cluster.SCHEDULER, local_worker)
        yield


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """Where to compute: the CPU, and a GPU where there is one."""
    import torch

    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU here")
    return request.param


@pytest.fixture(scope="session")
def flaws():
    """flaws(html): what keeps a page from being valid, complete in itself, or open to everybody."""
    return _flaws


def _flaws(html: str) -> list[str]:
    page = BeautifulSoup(html, "html.parser")
    found = [f"not HTML: {error}" for error in _errors(html)]
    for tag in page.find_all(["script", "link", "iframe", "object", "embed", "base"]):
        found.append(f"comes from elsewhere, or runs: {tag.name}")
    for tag in page.find_all(src=True):
        if not tag["src"].startswith("data:image/"):
            found.append(f"comes from elsewhere: {tag['src']}")
    if re.search(r"url\(|@import", page.style.text):
        found.append("the style asks for something from elsewhere")
    if page.html.get("lang") != "en" or not page.title.text.strip():
        found.append("no language or no title")
    if [tag.name for tag in page.find_all(["header", "main"])] != ["header", "main"]:
        found.append("no landmarks")
    levels = [int(tag.name[1]) for tag in page.find_all(re.compile("^h[1-6]$"))]
    jumps = [b for a, b in pairwise(levels) if b > a + 1]
    if levels[:1] != [1] or levels.count(1) != 1 or jumps:
        found.append(f"headings out of order: {levels}")
    for tag in page.find_all(["meter", "nav"]) + page.find_all(role=["img", "region"]):
        if not (tag.get("aria-label") or tag.get("aria-labelledby")):
            found.append(f"not labelled: {tag.name}")
    found += [f"nothing says what it shows: {tag}" for tag in page.find_all("img", alt=None)]
    found += [f"no text beside it: {tag}" for tag in page.find_all("meter") if not tag.text.strip()]
    found += [f"of no row or column: {th}" for th in page.find_all("th", scope=None)]
    ids = [tag["id"] for tag in page.find_all(id=True)]
    meant = [a["href"][1:] for a in page.find_all("a", href=re.compile("^#"))]
    meant += [tag["aria-labelledby"] for tag in page.find_all(attrs={"aria-labelledby": True})]
    found += [f"leads nowhere: #{name}" for name in meant if ids.count(name) != 1]
    first = page.body.find("a")
    if first is None or first.get("href") != f"#{page.main.get('id')}":
        found.append("nothing to skip to the content with")
    return found


def _errors(html: str) -> list[str]:
    # A parser that follows the standard; nbconvert's bleach brings it along.
    parser = pytest.importorskip("bleach._vendor.html5lib").HTMLParser()
    parser.parse(html)
    return [f"{code} at {place}" for place, code, _ in parser.errors]
