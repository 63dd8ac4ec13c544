"""Warm, contained kernels: a `jupyter_client` provisioner that runs notebooks nobody vouches for.

It knows nothing of the course. A process that has imported the heavy libraries (`zygote`) forks one
supervisor for every kernel (`supervisor`), which has bubblewrap build namespaces, joins them
(`sandbox`, `seccomp`, `cgroup`) and forks the kernel itself into them (`launch`). The grader's side
is `provisioner`; `canary` proves that the walls stand.

Whatever executes notebooks finds the kernel by its name, :data:`KERNEL`, once :func:`announce` has
put the kernelspec on Jupyter's path.
"""

import os
from pathlib import Path

__all__ = ["KERNEL", "announce"]

KERNEL = "contained"
"""Name of the kernelspec, and of the provisioner it asks for."""


def announce() -> None:
    """Let Jupyter find the kernelspec, in this process and those it starts."""
    here = str(Path(__file__).with_name("jupyter"))
    path = [part for part in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if part]
    if here not in path:
        os.environ["JUPYTER_PATH"] = os.pathsep.join([*path, here])
