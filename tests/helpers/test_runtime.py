"""Seeding, devices and timing."""

import random
import time

import numpy as np
import torch

from helpers.runtime import on_colab, pick_device, seconds, seed_everything


def draws():
    return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002


def test_the_same_seed_gives_the_same_numbers_from_all_three_generators():
    seed_everything(7)
    first = draws()
    seed_everything(7)
    assert draws() == first
    seed_everything(8)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_the_device_picked_can_compute():
    device = pick_device()
    assert torch.ones(2, device=device).sum().item() == 2
    assert device.type == "cuda" or not torch.cuda.is_available()


def test_this_is_not_colab():
    assert on_colab() is False


def test_seconds_warms_up_and_keeps_the_fastest(monkeypatch):
    calls, clock = [], iter([0, 5, 10, 12, 20, 29])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert seconds(lambda: calls.append(1), repeats=3) == 2
    assert len(calls) == 4
