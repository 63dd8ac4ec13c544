"""Workers come and go; every job ends, and none is blamed for another's doing."""

import importlib
import os
from pathlib import Path

import pytest
from distributed import LocalCluster

from autograder import CourseError
from autograder.grading import cluster

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crew():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))  # workers get this path, too
        yield importlib.import_module("crew")


@pytest.fixture(scope="module")
def client(crew):
    with cluster.opened(None, 2) as client:
        yield client


@pytest.fixture
def run(client, crew):
    """run(tasks): the results by name, and the losses."""

    def run(tasks, overdue=120.0):
        losses = []

        def lost(task, why, again):
            losses.append((task.name, again))

        found = cluster.done_by(client, crew.do, tasks, overdue, lost)
        return {task.name: result for task, result in found}, losses

    return run


@pytest.fixture
def plain(crew):
    """plain(count): so many tasks that just end."""
    return lambda count: [crew.Task(f"plain {number}") for number in range(count)]


def test_everything_is_done_by_both(run, plain, crew):
    results, losses = run(plain(20))
    assert {*results} == {task.name for task in plain(20)}
    assert len({process for _, process in results.values()}) == 2
    assert losses == []


def test_workers_are_other_processes(run, plain, crew):
    results, _ = run(plain(1))
    assert os.getpid() not in {process for _, process in results.values()}


def test_what_fails_is_its_own_failure(run, plain, crew):
    results, losses = run([*plain(3), crew.Task("bad", "raise"), *plain(3)])
    assert isinstance(results.pop("bad"), ValueError)
    assert len(results) == 3
    assert losses == []


def test_a_killed_worker_costs_nobody_anything(run, plain, crew, tmp_path):
    once = crew.Task("once", "die once", str(tmp_path / "mark"))
    results, losses = run([*plain(6), once, *plain(6)])
    assert results["once"][0] == "once"
    assert not [result for result in results.values() if isinstance(result, Exception)]
    assert ("once", True) in losses
    assert all(again for _, again in losses)


def test_what_kills_its_worker_twice_is_set_aside(run, plain, crew):
    results, losses = run([*plain(6), crew.Task("killer", "die"), *plain(6)])
    assert isinstance(results.pop("killer"), cluster.Lost)
    assert len(results) == 6
    assert not [result for result in results.values() if isinstance(result, Exception)]
    assert [again for name, again in losses if name == "killer"] == [True, False]
    assert all(again for name, again in losses if name != "killer")


def test_a_worker_that_does_not_answer_is_given_up(run, plain, crew, tmp_path):
    frozen = crew.Task("frozen", "freeze", str(tmp_path / "mark"))
    results, losses = run([frozen, *plain(4)], overdue=4)
    assert results["frozen"][0] == "frozen"
    assert ("frozen", True) in losses
    assert len(results) == 5


def test_jobs_are_taken_as_workers_become_free(client, plain, crew):
    taken = []

    def tasks():
        for task in plain(40):
            taken.append(task)
            yield task

    found = cluster.done_by(client, crew.do, tasks(), 120.0, lambda *loss: None)
    next(found)
    assert len(taken) <= 6
    assert len(list(found)) == 39


def test_a_scheduler_that_goes_away_is_said_at_once(crew):
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as gone:

        def tasks():
            yield crew.Task("first")
            gone.close()
            yield crew.Task("second")

        with (
            pytest.raises(CourseError, match="scheduler"),
            cluster.opened(gone.scheduler_address, 1) as client,
        ):
            list(cluster.done_by(client, crew.do, tasks(), 120.0, lambda *loss: None))


def test_workers_without_the_course_survive_and_are_told(client, run, plain):
    def unknown(task):
        """Nothing that a worker could import."""

    unknown.__module__ = "a_course_nobody_has"
    with pytest.raises(CourseError, match="a_course_nobody_has"):
        list(cluster.done_by(client, unknown, plain(1), 120.0, lambda *loss: None))
    assert len(run(plain(2))[0]) == 2


def test_no_workers_at_all_are_not_waited_for_forever(client, crew, plain, monkeypatch):
    monkeypatch.setattr(cluster, "DESERTED", 1)
    with (
        LocalCluster(n_workers=0, dashboard_address=None) as empty,
        cluster.opened(empty.scheduler_address, 1) as client,
        pytest.raises(CourseError, match="no worker for 1 seconds"),
    ):
        list(cluster.done_by(client, crew.do, plain(1), 120.0, lambda *loss: None))


def test_no_scheduler_is_said_in_words(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with (
        pytest.raises(CourseError, match=r"No scheduler answers at tcp://127.0.0.1:9"),
        cluster.opened("tcp://127.0.0.1:9", 1),
    ):
        pass


def test_the_environment_names_a_scheduler(monkeypatch):
    monkeypatch.delenv(cluster.SCHEDULER, raising=False)
    assert cluster.address(None) is None
    monkeypatch.setenv(cluster.SCHEDULER, "tcp://here:1")
    assert cluster.address(None) == "tcp://here:1"
    assert cluster.address("tcp://there:1") == "tcp://there:1"
