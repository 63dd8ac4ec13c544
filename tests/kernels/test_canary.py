"""The canary comes back with nothing, or grading stops."""

import os

import pytest
from traitlets.config import Config

from autograder import ROOT
from autograder.kernels import canary

SECRETS = [ROOT / "solutions", ROOT / "course.toml"]
LIGHT = Config({"ContainedProvisioner": {"preload": ["numpy"]}})
GIVEN_UP = Config({"ContainedProvisioner": {"sandbox": False}})


@pytest.fixture(autouse=True)
def _nothing_is_proved(monkeypatch):
    monkeypatch.setattr(canary, "_proved", {})


@pytest.mark.sandbox
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's kernels can read what they can")
def test_what_kernels_need_and_cannot_read_stops_everything(tmp_path):
    (tmp_path / "closed.py").touch(mode=0o600)
    config = Config({"ContainedProvisioner": {"preload": ["numpy"], "readable": [str(tmp_path)]}})
    with pytest.raises(canary.NotContained, match="chmod"):
        canary.findings(config, SECRETS)


@pytest.mark.sandbox
def test_a_contained_kernel_can_do_nothing(monkeypatch):
    assert canary.findings(LIGHT, SECRETS) == []


def test_an_ordinary_kernel_sings():
    found = canary.findings(GIVEN_UP, SECRETS)
    assert {f"see {path}" for path in SECRETS} <= {*found}
    for could in (
        "reach the network",
        "import autograder",
        "see the grader's process",
        "gain privileges",
        "make any system call",
    ):
        assert could in found


def test_a_wall_with_a_hole_stops_everything(monkeypatch):
    monkeypatch.setattr(canary, "findings", lambda config, secrets: ["reach the network"])
    for _ in range(2):  # and the failure is not taken for a proof
        with pytest.raises(canary.NotContained, match="reach the network"):
            canary.prove(LIGHT, SECRETS)


def test_a_proof_holds_for_a_while_and_for_what_was_proved(monkeypatch):
    sent = []
    monkeypatch.setattr(canary, "findings", lambda config, secrets: sent.append(1) or [])
    canary.prove(LIGHT, SECRETS)
    canary.prove(LIGHT, SECRETS)
    assert len(sent) == 1
    canary.prove(GIVEN_UP, SECRETS)
    canary.prove(LIGHT, SECRETS[:1])
    assert len(sent) == 3
    monkeypatch.setattr(canary, "FRESH", 0)
    canary.prove(LIGHT, SECRETS)
    assert len(sent) == 4
