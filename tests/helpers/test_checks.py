"""The visible checks: right answers pass, each mistake is named, and the words help."""

import numpy as np
import pytest
import torch

from helpers.checks import CheckFailed
from helpers.checks import convolution as check
from helpers.convolution import conv2d, conv2d_backward

EXERCISES = {exercise.name: exercise for exercise in check.EXERCISES}
MISTAKES = [(e, m) for e in check.EXERCISES for m in e.mistakes]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_reference_passes(name, capsys):
    check.check(EXERCISES[name], EXERCISES[name].reference)
    assert capsys.readouterr().out.startswith(f"✓ {name}")


@pytest.mark.parametrize(("exercise", "wrong"), MISTAKES, ids=lambda v: v.name)
def test_each_mistake_is_rejected_and_named(exercise, wrong):
    with pytest.raises(CheckFailed) as failed:
        check.check(exercise, wrong.of(exercise.reference))
    assert f"looks as if {wrong.says}" in str(failed.value)
    assert wrong.hint in str(failed.value)


def failure(function, run=check.conv2d_forward, **options):
    with pytest.raises(CheckFailed) as failed:
        run(function, **options)
    return str(failed.value)


def test_not_attempted_is_not_wrong():
    def stub(x, weight, bias=None, stride=1, padding=0):
        raise NotImplementedError

    assert "not attempted yet" in failure(stub)
    assert "is a `return` missing" in failure(lambda *arguments: None)


def test_a_mistake_that_would_have_failed_elsewhere_is_not_suspected():
    def one_direction_wrong(size, *rest):  # right for ints, one too small for pairs
        right = check.reference.conv_output_size(size, *rest)
        return right if isinstance(right, int) else (right[0] - 1, right[1] - 1)

    assert "looks as if" not in failure(one_direction_wrong, check.conv_output_size)


def test_wrong_shapes_are_told_from_wrong_values():
    assert "shape (1, 1, 9) should be (1, 1, 3, 3)" in failure(lambda *a: conv2d(*a).flatten(2))
    said = failure(lambda *a: conv2d(*a) + 1)
    assert "9 of 9 values differ; at [0, 0, 0, 0] it is" in said


def test_errors_are_reported_with_their_message():
    assert "it raised NameError: name 'stryde' is not defined" in failure(lambda *a: stryde)  # noqa: F821


def test_an_error_of_all_parts_and_cases_is_said_once():
    said = failure(lambda *a: stryde, check.conv2d_backward)  # noqa: F821
    assert said.count("NameError") == 1
    assert f"and {len(EXERCISES['conv2d_backward'].cases) - 1} more cases: it raised" in said
    assert "grad_x" not in said


def test_something_else_than_a_function_is_refused():
    assert "expected your function" in failure(torch.ones(1))


def test_numpy_answers_pass_with_a_note(capsys):
    check.conv2d_forward(lambda *a: conv2d(*a).numpy())
    assert "numpy array" in capsys.readouterr().out


def test_a_wrong_dtype_fails_the_dtype_case_only():
    said = failure(lambda *a: conv2d(*a).double())
    assert "1 of 9 cases differ" in said
    assert "float32 went in and float64 came out" in said


def test_nan_is_not_close_to_anything():
    assert "NaN" in failure(lambda *a: conv2d(*a) * np.nan)


def test_parts_of_the_backward_pass_are_checked_alone(capsys):
    check.conv2d_backward(lambda *a: (None, None, conv2d_backward(*a)[2]), part="grad_bias")
    assert "(grad_bias)" in capsys.readouterr().out
    assert "not attempted" in failure(
        lambda *a: (None, None, None), check.conv2d_backward, part="grad_x"
    )
    with pytest.raises(ValueError, match="grad_y"):
        check.conv2d_backward(conv2d_backward, part="grad_y")


def test_one_mistake_in_one_part_does_not_hide_the_other():
    def two_mistakes(*arguments):
        grad_x, grad_weight, grad_bias = conv2d_backward(*arguments)
        images = len(arguments[1])
        return grad_x, grad_weight.flip(-2, -1), grad_bias / images

    said = failure(two_mistakes, check.conv2d_backward)
    assert "In grad_bias, it looks as if grad_bias is averaged over the batch" in said


def test_layer_numbers_says_only_whether_all_are_there(capsys):
    right = dict.fromkeys(
        ("params", "macs", "kib", "params_per_filter", "pointwise_params", "pointwise_macs",
         "valid_5x5_layers"), 1,
    ) | {"output_shape": (1, 2, 3)}  # fmt: skip
    check.layer_numbers(right)
    assert "decided when it is graded" in capsys.readouterr().out
    for key, value, said in [
        ("macs", ..., "macs is not answered yet"),
        ("macs", "many", "macs should be a number"),
        ("output_shape", 3, r"output_shape should be a tuple"),
    ]:
        with pytest.raises(CheckFailed, match=said):
            check.layer_numbers(right | {key: value})


def test_a_failed_check_shows_no_traceback():
    assert CheckFailed("✗ no")._render_traceback_() == ["✗ no"]
