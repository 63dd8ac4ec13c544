"""Where a notebook runs, and how to make and time a run."""

import random
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import torch


def seed_everything(seed: int = 0) -> None:
    """Start the random generators of Python, numpy and torch from the same seed."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (libraries that use numpy's global generator)
    torch.manual_seed(seed)


def pick_device() -> torch.device:
    """The accelerator torch can use here, CUDA first, then Apple's MPS; else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def on_colab() -> bool:
    """Whether this runs on Google Colab."""
    try:
        return find_spec("google.colab") is not None
    except ModuleNotFoundError:
        return False


def seconds(function: Callable[[], object], repeats: int = 5) -> float:
    """How long a call takes: the fastest of `repeats` calls, after one that warms up.

    The fastest, because whatever else the computer does can only add time. Work that an
    accelerator has only queued is waited for.
    """
    _wait(function())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        _wait(function())
        times.append(time.perf_counter() - start)
    return min(times)


def _wait(result: object) -> None:
    device = result.device.type if isinstance(result, torch.Tensor) else "cpu"
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
