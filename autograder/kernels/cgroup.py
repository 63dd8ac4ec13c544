"""A memory and process limit around everything a kernel starts, where a cgroup can be had.

Root can make one almost anywhere, an ordinary user where systemd has delegated (in a desktop's
terminal, or after `systemd-run --user --scope bash`). Where none can be had, limits hold for each
process alone.
"""

import os
import time
from pathlib import Path

_V1 = {"memory": "memory.limit_in_bytes", "pids": "pids.max"}
_V2 = {"memory": "memory.max", "pids": "pids.max"}
_FURTHER_V2 = {"memory.swap.max": "0", "memory.oom.group": "1"}
_COUNTS = ("memory.events", "memory.oom_control")  # where version 2 and 1 count kills


def parents(process: Path = Path("/proc/self")) -> dict[Path, dict[str, str]]:
    """The directories in which this process can make groups that limit something.

    Gives, for each, which file sets which limit: {directory: {"memory": file, "pids": file}}.
    """
    found: dict[Path, dict[str, str]] = {}
    mounts = list(_mounts(process))
    for line in (process / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for kind, where, root, options in mounts:
            mine = where / os.path.relpath(path, root)
            if ".." in mine.parts:  # this mount shows another part of the hierarchy
                continue
            if controllers == "" and kind == "cgroup2":
                if directory := _handing_down(mine, where):
                    found[directory] = dict(_V2)
            elif kind == "cgroup" and controllers and {*controllers.split(",")} <= options:
                limits = {name: _V1[name] for name in controllers.split(",") if name in _V1}
                if limits and os.access(mine, os.W_OK):
                    found[mine] = limits
    return found


def _mounts(process: Path) -> list[tuple[str, Path, str, set[str]]]:
    """Mounted cgroup hierarchies: version, place, which part of the hierarchy, options."""
    mounts = []
    for line in (process / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            mounts.append((kind, Path(fields[4]), fields[3], set(options.split(","))))
    return mounts


def _handing_down(mine: Path, top: Path) -> Path | None:
    """The nearest group, from this process's own upwards, that passes both controllers on.

    Where processes are, version 2 passes nothing on: it is mostly the one above.
    """
    while mine == top or top in mine.parents:
        try:
            given = (mine / "cgroup.subtree_control").read_text().split()
        except OSError:
            return None
        if {"memory", "pids"} <= {*given} and os.access(mine, os.W_OK):
            return mine
        mine = mine.parent
    return None


class Group:
    """One kernel's group in every hierarchy that gives it one.

    memory_mb, processes: the limits. Everything is held by descriptor: when the group is removed,
    /sys is out of sight.
    """

    def __init__(self, memory_mb: int, processes: int):
        values = {"memory": str(memory_mb << 20), "pids": str(processes)}
        self._name = f"kernel-{os.getpid()}"
        self._directories: list[int] = []
        self._entrances: list[int] = []
        self.limits: set[str] = set()
        for parent, files in parents().items():
            directory = parent / self._name
            try:
                directory.mkdir()
            except OSError:
                continue
            self._directories.append(os.open(parent, os.O_PATH | os.O_DIRECTORY))
            try:
                for name, file in files.items():
                    (directory / file).write_text(values[name])
                for file, value in _FURTHER_V2.items():
                    if (directory / file).exists():
                        (directory / file).write_text(value)
                self._entrances.append(os.open(directory / "cgroup.procs", os.O_WRONLY))
                self.limits |= {*files}
            except OSError:
                continue

    def enter(self) -> None:
        """Put the calling process, a fork of the one that made the group, into it."""
        for entrance in self._entrances:
            os.write(entrance, b"0")

    def close(self) -> None:
        """Let nobody else in."""
        for entrance in self._entrances:
            os.close(entrance)
        self._entrances = []

    def remove(self) -> bool:
        """Remove the empty group. Returns whether something in it was killed for its memory."""
        killed = any(self._kills(directory) for directory in self._directories)
        for directory in self._directories:
            for _ in range(100):  # its last process may not be gone quite yet
                try:
                    os.rmdir(self._name, dir_fd=directory)
                    break
                except OSError:
                    time.sleep(0.01)
            os.close(directory)
        return killed

    def _kills(self, directory: int) -> int:
        for name in _COUNTS:
            try:
                file = os.open(f"{self._name}/{name}", os.O_RDONLY, dir_fd=directory)
            except OSError:
                continue
            with open(file, encoding="ascii") as lines:
                counts = dict(line.split() for line in lines if len(line.split()) == 2)
            return int(counts.get("oom_kill", 0))
        return 0
