"""Settings and fixtures for all tests."""

import os

import pytest

from autograder import containment
from autograder.kernels import sandbox

# Two workers on two cores: more threads, here and in the kernels, would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where no sandbox can be had, everything else is still tested; what is hostile is skipped. Where
# there is one, the environment cannot switch it off: some submissions here would do real harm.
os.environ.pop(containment.SWITCH, None)
if NO_SANDBOX := sandbox.trouble():
    os.environ[containment.SWITCH] = "1"


def pytest_report_header():
    """Say at once what is going to be skipped."""
    return f"sandbox: {NO_SANDBOX or 'yes'}"


def pytest_collection_modifyitems(items):
    """Skip what needs a sandbox where there is none."""
    for item in items:
        if NO_SANDBOX and item.get_closest_marker("sandbox"):
            item.add_marker(pytest.mark.skip(reason=NO_SANDBOX))


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
