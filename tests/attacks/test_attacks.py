"""Hostile submissions gain nothing, disturb nobody and leave nothing behind.

`submissions` holds them, in five groups; each is graded between two honest ones.
"""

import pytest
import torch

from autograder.kernels import cgroup

from ..processes import gone
from .submissions import ONLY_INSIDE, PREAMBLE, change, exhaust, forge, persist, read

GROUPS = {"read": read, "change": change, "forge": forge, "exhaust": exhaust, "persist": persist}
MOST_MEMORY = 300_000  # KiB by which an attack may make the grader grow


def every_attack():
    """All attacks as parameters. Forging a mark is hopeless without a sandbox, too."""
    for group, module in GROUPS.items():
        for attack in module.ATTACKS:
            marks = [] if group == "forge" else [pytest.mark.sandbox]
            yield pytest.param(attack, id=f"{group}: {attack.name}", marks=marks)


def test_there_are_many_and_each_is_another():
    every = [attack for module in GROUPS.values() for attack in module.ATTACKS]
    assert len(every) >= 30
    assert all(len(module.ATTACKS) >= 5 for module in GROUPS.values())
    programs = [(a.before, a.forward, a.after, a.edit, *a.links, *a.files) for a in every]
    for what in (programs, [a.name for a in every], [a.tries for a in every]):
        assert len({*map(str, what)}) == len(every)


LOOK = """
import os, sys, torch
import helpers.convolution
from helpers.checks import records
print([sorted(os.listdir(place)) for place in ("/tmp", "/dev/shm", "/submission", "/sockets")])
print(sorted(os.environ.items()), sys.path, len(sys.meta_path), sys.flags)
print(len([name for name in os.listdir("/proc") if name.isdigit()]), sys.getrecursionlimit())
print(torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads())
print(torch.ones(2) + 1)
print(helpers.convolution.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)))
print(records.encode(torch.ones(1)), torch.allclose(torch.ones(1), torch.zeros(1)))
"""


@pytest.fixture(scope="module")
def honest(grader, small, contained):
    """honest(): a small honest submission gets all its points and sees what the first one saw."""
    looks = [LOOK] if contained else []

    def check():
        graded = grader(small.notebook(*looks, ("conv_output_size", small.output_size)), "bob")
        [cell] = [c for c in graded.notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
        assert graded.points == {"conv_output_size": cell.metadata.nbgrader.points}
        assert graded.flags("conv_output_size") == []
        return graded.printed()

    first = check()

    def check_again():
        assert check() == first

    return check_again


@pytest.mark.parametrize("attack", list(every_attack()))
def test_an_attack_gains_nothing(grader, small, honest, host, contained, tmp_path, attack):
    if attack.grouped and not any("memory" in limits for limits in cgroup.parents().values()):
        pytest.skip("no memory cgroup can be had here; docs/security.md says what that means")
    before = host.state()
    host.hand_in(tmp_path, attack)
    begin = PREAMBLE.format(host=host.told) + ONLY_INSIDE * contained + attack.before
    forward, through = attack.forward or small.zeros, ['print("TRIED" * TRIED)']
    nb = small.attacked(begin + "\nTRIED = 1", forward, after=attack.after, cells=through)
    if attack.edit:
        attack.edit(nb)
    grown = host.memory_grown()
    graded = grader(nb, folder=tmp_path, **attack.limits)

    assert graded.fraction("conv2d_forward") == graded.points["conv2d_forward"] == 0
    assert not attack.flag or attack.flag in graded.flags("conv2d_forward")
    assert attack.reports in graded.text["conv2d_forward"]
    if attack.lives and attack.others:
        assert graded.fraction("conv_output_size") == graded.fraction("same_padding") == 1

    printed = graded.printed()
    assert not [line for line in printed.splitlines() if line.startswith("GOT")]
    assert not [secret for secret in host.secrets if secret in printed]
    assert attack.says in printed
    if attack.lives and attack.heard:
        assert "TRIED" in printed

    assert grown() < MOST_MEMORY
    assert gone(host.told["marker"])
    assert host.state() == before
    honest()


def test_the_wrong_answer_alone_scores_nothing_and_is_not_flagged(grader, small):
    graded = grader(small.attacked())
    assert graded.fraction("conv2d_forward") == 0
    assert graded.fraction("conv_output_size") == graded.fraction("same_padding") == 1
    assert not any(graded.flags(name) for name in graded.data)


def test_a_dying_kernel_keeps_what_was_answered_before(grader, small):
    dies = "import os\ndef conv2d_forward(*a):\n    os._exit(0)\n"
    graded = grader(small.attacked(forward=dies))
    assert graded.fraction("conv_output_size") == 1
    assert graded.fraction("conv2d_forward") == graded.fraction("same_padding") == 0
    assert "its kernel was killed" in graded.text["conv2d_forward"]
    assert any("its kernel was killed" in flag for flag in graded.flags("same_padding"))


def test_a_stand_in_cannot_be_kept_for_the_exercise_it_answers(grader, small):
    """fits_exactly moved in front of conv_output_size, whose right stand-in it would meet."""
    steals = """
        def fits_exactly(*arguments):
            globals()["kept"] = conv_output_size
            return False
    """
    wrong = "def conv_output_size(*arguments):\n    return -1"
    later = "def conv_output_size(*arguments):\n    return kept(*arguments)"
    steps = [wrong, ("fits_exactly", steals), "own = conv_output_size", ("conv_output_size", later)]
    graded = grader(small.notebook(*steps))
    assert graded.fraction("conv_output_size") == 0


def test_a_coarse_dtype_does_not_widen_the_tolerance(asked):
    """Without its bias the output is nearly right, as far as bfloat16 can tell."""

    def without_bias(x, weight, bias=None, stride=1, padding=0):
        (sh, sw), (ph, pw) = [v if isinstance(v, tuple) else (v, v) for v in (stride, padding)]
        x = torch.nn.functional.pad(x, (pw, pw, ph, ph))
        looks = x.unfold(2, weight.shape[2], sh).unfold(3, weight.shape[3], sw)
        return torch.einsum("ncijab,ocab->noij", looks, weight)

    def coarse(*arguments):
        return without_bias(*arguments).bfloat16()

    for seed in range(10):
        plain = asked("conv2d_forward", {"conv2d_forward": without_bias}, seed=seed)
        rounded = asked("conv2d_forward", {"conv2d_forward": coarse}, seed=seed)
        assert rounded.fraction <= plain.fraction


# Known limits: what a determined student can still do, and what docs/integrity.md says so about.

GUARD_REWRITTEN = """
def rewrite(lines):
    source = "".join(lines)
    return [source.replace("def overridden(names):", "def overridden(names):\\\\n    return True")
            .replace(".guard(*", ".guard((), (), (), False) or print(*")]

get_ipython().input_transformers_cleanup.append(rewrite)
"""
COMPILED_FUNCTION_KEPT = """
from scipy.signal._sigtools import _convolve2d as kept
"""
COMPILED_FUNCTION_USED = """
import torch
def conv2d_forward(x, weight, bias=None, stride=1, padding=0):
    (sh, sw), (ph, pw) = [v if isinstance(v, tuple) else (v, v) for v in (stride, padding)]
    x = torch.nn.functional.pad(x, (pw, pw, ph, ph))
    flipped = weight.flip(2, 3).contiguous().numpy()
    out = torch.stack([torch.stack([
        sum(torch.from_numpy(kept(c, k, 1, 0, 0, 0.0)) for c, k in zip(one, f)) for f in flipped])
        for one in x.numpy()])[:, :, ::sh, ::sw]
    return out if bias is None else out + bias[:, None, None]
"""
LIMITS = {
    "the guard rewritten on its way in": (
        GUARD_REWRITTEN, "import torch\nconv2d_forward = lambda *a: torch.conv2d(*a)",
    ),
    "a compiled function kept from before": (COMPILED_FUNCTION_KEPT, COMPILED_FUNCTION_USED),
}  # fmt: skip


@pytest.mark.xfail(strict=True, reason="a known limit; see docs/integrity.md")
@pytest.mark.parametrize("name", LIMITS)
def test_known_limits_are_still_limits(grader, small, name):
    before, forward = LIMITS[name]
    assert grader(small.attacked(before, forward)).fraction("conv2d_forward") == 0
