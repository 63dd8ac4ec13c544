"""What an exercise withholds is withheld however it is called, and works again afterwards."""

import ast
from pathlib import Path

import pytest

CELL = Path(__file__).with_name("shortcuts.py").read_text(encoding="utf-8")
FORWARD_CASES, BACKWARD_CASES = 15, 13  # every case tries another shortcut


def names(table):
    """The shortcuts in one of the tables of shortcuts.py."""
    assigned = [node for node in ast.parse(CELL).body if isinstance(node, ast.Assign)]
    [found] = [node.value for node in assigned if ast.unparse(node.targets[0]) == table]
    return [key.value for key in found.keys]


def portions(table, size):
    """The shortcuts of a table, `size` at a time."""
    every = names(table)
    return [every[start : start + size] for start in range(0, len(every), size)]


@pytest.mark.parametrize("tried", portions("FORWARD", FORWARD_CASES), ids=lambda tried: tried[0])
def test_nobody_else_computes_a_convolution(grader, small, tried):
    forward = f"conv2d_forward = in_turn({tried!r})"
    after = "print('working:', forward_names_that_work())"
    graded = grader(small.attacked(CELL, forward, after=after))
    right = graded.right("conv2d_forward")
    got_through = [tried[i % len(tried)] for i, passed in enumerate(right) if passed]
    assert got_through == []
    assert "a withheld operator or function was called" in graded.flags("conv2d_forward")
    assert graded.fraction("conv_output_size") == graded.fraction("same_padding") == 1
    useless = set(tried) - set(working(graded))
    assert useless == set(), "these shortcuts would not work anyhow; mend them"


@pytest.mark.parametrize("tried", portions("BACKWARD", BACKWARD_CASES), ids=lambda tried: tried[0])
def test_nobody_else_differentiates(grader, small, tried):
    answer = ("conv2d_backward", f"conv2d_backward = backward_in_turn({tried!r})")
    after = "print('working:', backward_names_that_work())"
    graded = grader(small.attacked(CELL, small.forward, cells=[answer], after=after))
    right = graded.right("conv2d_backward")
    got_through = [tried[i % len(tried)] for i, passed in enumerate(right) if passed]
    assert got_through == []
    assert "an answer came" not in str(graded.flags("conv2d_backward"))
    assert graded.fraction("conv2d_forward") == 1
    useless = set(tried) - set(working(graded))
    assert useless == set(), "these shortcuts would not work anyhow; mend them"


def working(graded):
    """The shortcuts that gave right results outside the graded cells."""
    [line] = [line for line in graded.printed().splitlines() if line.startswith("working: ")]
    return ast.literal_eval(line.removeprefix("working: "))
