"""The parts that can be looked at without a sandbox."""

import ast
import struct
from pathlib import Path

import pytest

from autograder import kernels
from autograder.kernels import cgroup, seccomp, supervisor

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
MACHINES = {"x86_64": (0xC000003E, 56, 0), "aarch64": (0xC00000B7, 220, 63)}  # arch, clone, read


def test_the_package_imports_nothing_else_of_the_course():
    for path in Path(kernels.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.partition(".")[0]
                assert top != "helpers"
                assert top != "autograder" or name.startswith("autograder.kernels"), path


def decide(program, number, architecture, argument=0):
    """What a filter says about a system call: classic BPF, as the kernel would run it."""
    words = {0: number, 4: architecture, 16: argument}
    at, value = 0, 0
    while True:
        code, if_true, if_false, k = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            value = words[k]
        elif code == 0x06:
            return k
        else:
            holds = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
            at += if_true if holds else if_false


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_refuses_what_it_names_and_nothing_else(machine):
    architecture, clone, read = MACHINES[machine]
    program, refused = seccomp.program(machine), seccomp.refused(machine)
    for number in range(500):
        expected = EPERM if number in refused.values() else ENOSYS if number == 435 else ALLOW
        assert decide(program, number, architecture) == expected
    assert decide(program, read, architecture ^ 1) == KILL
    assert decide(program, 0x40000000 + read, architecture) == EPERM
    assert decide(program, clone, architecture, 0x01200011) == ALLOW  # what fork asks for
    for namespace in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert decide(program, clone, architecture, namespace | 17) == EPERM


def test_a_request_survives_packing():
    request = supervisor.Request("bwrap", "/s", None, ["-f"], {"A": "ü"}, ["/r"], limits={"AS": 1})
    assert supervisor.Request.unpack(request.pack()) == request


# Control groups, as they look on other machines -----------------------------------------------


def machine(folder, groups, mounts):
    """A false /proc/self; mounts: (version, place, root, options)."""
    process = folder / "self"
    process.mkdir()
    (process / "cgroup").write_text("\n".join(groups), encoding="utf-8")
    lines = [
        f"30 20 0:26 {root} {place} rw,nosuid - {kind} cgroup rw,{options}"
        for kind, place, root, options in mounts
    ]
    (process / "mountinfo").write_text("\n".join(lines), encoding="utf-8")
    return process


def group(path, subtree="", mode=0o755):
    path.mkdir(parents=True)
    (path / "cgroup.subtree_control").write_text(subtree, encoding="utf-8")
    return path


def test_version_2_takes_the_nearest_group_that_passes_limits_on(tmp_path):
    top = group(tmp_path / "cg", "cpu memory pids")
    group(top / "user.slice", "memory pids")
    slice_ = group(top / "user.slice" / "app.slice", "memory pids")
    group(slice_ / "terminal.scope")
    process = machine(
        tmp_path, ["0::/user.slice/app.slice/terminal.scope"], [("cgroup2", top, "/", "nsdelegate")]
    )
    found = cgroup.parents(process)
    assert found == {slice_: {"memory": "memory.max", "pids": "pids.max"}}


def test_version_2_without_delegation_gives_none(tmp_path):
    top = group(tmp_path / "cg", "")
    group(top / "mine", "cpu")
    process = machine(tmp_path, ["0::/mine"], [("cgroup2", top, "/", "rw")])
    assert cgroup.parents(process) == {}


def test_version_1_has_a_group_for_every_controller(tmp_path):
    for name in ("memory/box", "pids"):
        (tmp_path / "cg" / name).mkdir(parents=True)
    process = machine(
        tmp_path,
        ["5:pids:/", "4:memory:/outer/box", "1:name=systemd:/", "0::/"],
        [
            ("cgroup", tmp_path / "cg" / "memory", "/outer", "memory"),
            ("cgroup", tmp_path / "cg" / "pids", "/", "pids"),
        ],
    )
    assert cgroup.parents(process) == {
        tmp_path / "cg" / "pids": {"pids": "pids.max"},
        tmp_path / "cg" / "memory" / "box": {"memory": "memory.limit_in_bytes"},
    }


def test_a_mount_that_shows_another_part_of_the_hierarchy_is_no_use(tmp_path):
    (tmp_path / "cg").mkdir()
    process = machine(
        tmp_path, ["4:memory:/"], [("cgroup", tmp_path / "cg", "/docker/1", "memory")]
    )
    assert cgroup.parents(process) == {}
