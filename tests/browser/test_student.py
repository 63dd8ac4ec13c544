"""A student's hour: the published repository in JupyterLab, from the first run to Validate."""

import re
import sys

import pytest
from playwright.sync_api import expect

from autograder.publish import publish

pytestmark = pytest.mark.slow

ONE_OUTPUT = """
def one_output(window, kernel, bias):
    return (window * kernel).sum() + bias
"""
SIZE = """
def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    arguments = size, kernel_size, stride, padding, dilation
    if any(isinstance(argument, tuple) for argument in arguments):
        rows, columns = zip(*map(pair, arguments))
        return conv_output_size(*rows), conv_output_size(*columns)
    travel = size + 2 * padding - dilation * (kernel_size - 1) - 1
    if travel < 0:
        raise ValueError("the kernel does not fit")
    return travel // stride + 1
"""
SIZE_OF_STEPS = SIZE.replace(" // stride + 1", " // stride")


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    """The student repository."""
    folder = tmp_path_factory.mktemp("published") / "students"
    publish(folder)
    return folder


@pytest.fixture(scope="module")
def lab(students, tmp_path_factory, serve):
    """JupyterLab, started as the student repository's README says."""
    command = [sys.executable, "-m", "jupyter", "lab", "notebooks"]
    home = tmp_path_factory.mktemp("home")
    with serve(command, students, home, PYTHONPATH=str(students)) as address:
        yield address


def test_a_students_hour(lab, students, page, opened, take):
    page.goto(lab)
    page.locator(".jp-DirListing-item", has_text="01_convolution").dblclick()
    page.locator(".jp-DirListing-item", has_text="convolution.ipynb").dblclick()
    notebook = opened(students / "notebooks/01_convolution/convolution.ipynb")

    # Everything at once: it stops, kindly, at the first exercise.
    notebook.run_all()
    said = notebook.output("check.one_output(")
    expect(said).to_contain_text("✗ one_output: not attempted yet. Write your code above")
    notebook.wait_until_idle()
    expect(notebook.output("check.conv_output_size(")).not_to_be_attached()

    # One answer, and it comes as far as the next exercise.
    notebook.write("def one_output(", ONE_OUTPUT.strip())
    notebook.run_all()
    said = notebook.output("check.conv_output_size(")
    expect(said).to_contain_text("✗ conv_output_size: not attempted yet")
    expect(notebook.output("check.one_output(")).to_contain_text("✓ one_output")
    notebook.wait_until_idle()

    # On the way there are sliders: the picture follows them, and so do its words.
    sliders = notebook.cell("plots.sliders(draw, kernel_size")
    picture = sliders.locator("img")
    expect(picture).to_have_attribute("alt", re.compile("stride 3, padding 0: 2x2 windows"))
    before = picture.get_attribute("src")
    sliders.locator(".noUi-handle").nth(2).press("ArrowRight")
    expect(picture).to_have_attribute("alt", re.compile("stride 3, padding 1: 3x3 windows"))
    assert picture.get_attribute("src") != before
    take("sliders", page)

    # A wrong answer, and what is said about it.
    notebook.write("def conv_output_size(", SIZE_OF_STEPS.strip())
    notebook.run("check.conv_output_size(")
    expect(said).to_contain_text("✗ conv_output_size: 8 of 9 cases differ.")
    expect(said).to_contain_text("7 pixels, kernel 3: the number is too small")
    expect(said).to_contain_text("It looks as if the `+ 1` is missing.")
    take("notebook", page.locator(".jp-NotebookPanel"))

    # The right one.
    notebook.write("def conv_output_size(", SIZE.strip())
    notebook.run("check.conv_output_size(")
    expect(said).to_contain_text("✓ conv_output_size")

    # nbgrader's button, which students have where nbgrader is installed, runs all of it anew.
    dialog = notebook.validate()
    expect(dialog).to_contain_text("✗ fits_exactly: not attempted yet")
    expect(dialog).not_to_contain_text("✗ conv_output_size")
    take("validate-unfinished", page)
