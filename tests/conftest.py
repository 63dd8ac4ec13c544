"""Settings for all tests."""

import os

# Two workers on two cores: more threads, here and in the kernels, would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
