"""The documents name commands and options that exist."""

import re

import pytest
import typer

from autograder import ROOT
from autograder.cli import app

COMMANDS = typer.main.get_command(app).commands
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# In a block of commands, or as code in a sentence; with what follows on the line.
CALL = re.compile(r"(?:^|`|/)course ([a-z]+)((?: [^\s`#]+)*)", re.MULTILINE)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_options_exist(path):
    for command, rest in CALL.findall(path.read_text(encoding="utf-8")):
        assert command in COMMANDS, command
        known = {option for param in COMMANDS[command].params for option in param.opts}
        passed_on = command == "lab"
        unknown = set(re.findall(r" (--[a-z-]+)", rest)) - known
        assert passed_on or not unknown, f"course {command} has no {', '.join(unknown)}"


def test_every_command_is_explained_to_instructors():
    said = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert COMMANDS.keys() - {command for command, _ in CALL.findall(said)} == set()
