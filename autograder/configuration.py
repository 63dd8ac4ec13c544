"""nbgrader's configuration as an object, for the course's own commands."""

from pathlib import Path

from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from autograder import ROOT


def course_config(place: Path | None = None, sandbox: bool | None = None) -> Config:
    """The configuration in `nbgrader_config.py`.

    place: another folder for submissions, gradebook, feedback and key than `autograder/`, for
    classes that are only samples; sandbox: whether to contain notebooks, if not as the environment
    says.
    """
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    if place is not None:
        place = Path(place).resolve()
        for kind in ("submitted", "autograded", "feedback"):
            config.CourseDirectory[f"{kind}_directory"] = str(place / kind)
        config.CourseDirectory.db_url = f"sqlite:///{place / 'gradebook.db'}"
        config.Arm.key_file = str(place / "course.key")
    if sandbox is not None:
        config.ContainedProvisioner.sandbox = sandbox
    return config


def nbgrader_api(config: Config) -> NbGraderAPI:
    """nbgrader's own interface to the course that `config` describes."""
    return NbGraderAPI(CourseDirectory(config=config), config=config)
