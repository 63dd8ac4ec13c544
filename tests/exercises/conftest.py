"""What the tests of exercises share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Small networks on a busy machine: more threads would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
