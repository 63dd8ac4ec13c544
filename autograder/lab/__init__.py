"""JupyterLab for instructors: it opens with formgrader, and its Validate button says what it ran.

Nothing is installed, and nobody's own settings are touched: all of it is said on the command line.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from jupyterlab_server.workspaces_handler import WorkspacesManager

from autograder import ROOT

HERE = Path(__file__).parent
WORKSPACES = HERE / "workspaces"
NAME = "course"


def keep_workspace() -> None:
    """Have a workspace that shows formgrader; what somebody has made of it since stays."""
    manager = WorkspacesManager(str(WORKSPACES))
    if not manager.load(NAME)["data"]:
        manager.save(NAME, (HERE / "workspace.json").read_text(encoding="utf-8"))


def run(arguments: Sequence[str]) -> NoReturn:
    """Become JupyterLab; `arguments` go to `jupyter lab`."""
    keep_workspace()
    # nbgrader takes its configuration from the folder the server is started in, and needs the
    # course root inside the server's.
    os.chdir(ROOT)
    command = [sys.executable, "-m", "jupyter", "lab", f"--ServerApp.root_dir={ROOT}"]
    command += [
        f"--LabApp.workspaces_dir={WORKSPACES}",
        f"--LabApp.default_url=/lab/workspaces/{NAME}/tree/solutions",
        # In the place of the user's own style sheet, which JupyterLab ignores unless it is told.
        "--LabApp.custom_css=True",
        f"--ServerApp.tornado_settings={json.dumps({'static_custom_path': [str(HERE)]})}",
    ]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.execve(sys.executable, [*command, *arguments], {**os.environ, "PATH": path})
