"""nbgrader's configuration: where things lie, and the judge's place among its steps.

Everything here is stock nbgrader configuration; `nbgrader ...` from the course root and the
`course` command both use it.
"""

import os
import pkgutil
import sys
import warnings
from pathlib import Path

from sqlalchemy.exc import SAWarning

from autograder import ROOT, addresses, containment, kernels
from autograder.judge.preprocessors import ON_WORKERS
from autograder.kernels.provisioner import LIBRARIES

c = get_config()  # noqa: F821 - given by traitlets

COURSE = addresses.load()
GRADING = ROOT / "autograder"
STEP = "nbgrader.preprocessors."

# For the kernels: what is asked of them is tiny, and threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# nbgrader 0.9.6 makes SQLAlchemy 2 warn about autoflush on every new submission; nothing is lost.
warnings.filterwarnings("ignore", category=SAWarning)

# nbgrader calls `alembic` by name when it makes a gradebook: find it without an activated .venv.
BESIDE_PYTHON = str(Path(sys.executable).parent)
if BESIDE_PYTHON not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([BESIDE_PYTHON, os.environ.get("PATH", "")])

c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.course_id = COURSE.course_id
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.CourseDirectory.submitted_directory = "autograder/submitted"
c.CourseDirectory.autograded_directory = "autograder/autograded"
c.CourseDirectory.feedback_directory = "autograder/feedback"
c.CourseDirectory.db_url = (
    os.environ.get("COURSE_GRADEBOOK") or f"sqlite:///{GRADING / 'gradebook.db'}"
)
# The jupytext scripts beside the notebooks hold the solutions: they must not be copied.
c.CourseDirectory.ignore.extend(["*.py", "*.toml", "*.pyc", "*.so"])
# Beside a submission: the files as they came, and what intake did. They stay there.
c.CourseDirectory.ignore.extend(["*.ipynb.[0-9]*", "intake.txt"])
c.Exchange.root = str(GRADING / "exchange")
(GRADING / "exchange").mkdir(exist_ok=True)  # nbgrader complains on every route when it is missing

# Release: addresses filled in, nothing kept that only an editor or an execution left behind.
c.GenerateAssignment.preprocessors = [
    "autograder.release.FillAddresses",
    "autograder.release.KeepEssentials",
    *(STEP + name for name in (
        "IncludeHeaderFooter", "LockCells", "ClearSolutions", "ClearOutput", "CheckCellMetadata",
        "ComputeChecksums", "SaveCells", "ClearHiddenTests", "ClearMarkScheme",
        "ComputeChecksums", "CheckCellMetadata",
    )),
]  # fmt: skip

# Autograde: the judge's question before, its decision after the notebook ran.
c.Autograde.sanitize_preprocessors = [
    "autograder.judge.preprocessors.LeaveOutLinks",
    *(STEP + name for name in (
        "ClearOutput", "DeduplicateIds", "OverwriteKernelspec", "OverwriteCells",
        "CheckCellMetadata",
    )),
]  # fmt: skip
c.Autograde.autograde_preprocessors = [
    *ON_WORKERS,
    STEP + "IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    STEP + "LimitOutput",
    "autograder.judge.preprocessors.SaveAutoGrades",
    STEP + "AssignLatePenalties",
    STEP + "CheckCellMetadata",
]
c.Arm.key_file = str(GRADING / "course.key")
c.OverwriteCells.add_missing_cells = True
c.Exporter.optimistic_validation = True  # once behind all steps, not behind each
c.Execute.skip_cells_with_tag = "showcase"
c.Execute.shutdown_kernel = "immediate"
c.Execute.timeout = 60

# Kernels: contained ones, whatever a notebook's metadata say. They see Python, what notebooks
# import, and a copy of their own submission; docs/security.md has the rest.
kernels.announce()
c.Execute.kernel_name = kernels.KERNEL
c.ContainedProvisioner.sandbox = not containment.asked_to_give_up()
c.ContainedProvisioner.readable = [str(ROOT / "helpers"), str(ROOT / "data")]
c.ContainedProvisioner.environment = ["NBGRADER_EXECUTION"]
c.ContainedProvisioner.preload = LIBRARIES + [
    "sklearn.datasets",
    "tqdm.auto",
    *(
        f"{package}.{found.name}"
        for package in ("helpers", "helpers.checks")
        for found in pkgutil.iter_modules([str(ROOT / package.replace(".", "/"))])
    ),
]

# Feedback: a page of our own, for `course feedback`, the stock command and formgrader alike. Hidden
# regions and marking schemes are not on it; they go first, in case another exporter is put here.
c.GenerateFeedback.exporter_class = "autograder.pages.feedback.FeedbackExporter"
c.GenerateFeedback.preprocessors = [
    "autograder.pages.feedback.Grades",
    STEP + "ClearHiddenTests",
    STEP + "ClearMarkScheme",
]

# Pages that show notebooks: nothing in them runs in the browser of whoever reads them.
c.HTMLExporter.preprocessors = ["autograder.harmless.HarmlessOutputs"]
c.HTMLExporter.filters = {"markdown2html": "autograder.harmless.markdown2html"}


def say_what_validate_ran(notebook):
    """nbgrader's "passes all the tests" means the visible ones; say so."""
    if os.environ.get("NBGRADER_EXECUTION") == "validate":
        print("Only the visible checks run here. Hidden tests decide the marks when it is graded.")


c.Execute.on_notebook_start = say_what_validate_ran
c.Validator.failed_warning = (
    "{num_failed} CELL(S) ARE NOT ANSWERED YET OR DO NOT PASS THEIR VISIBLE CHECK. "
)
