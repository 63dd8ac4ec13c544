"""From solved notebooks to the release: nbgrader preprocessors and `course release`."""

import re
from collections.abc import Sequence

from nbgrader.apps import NbGraderAPI
from nbgrader.apps.nbgraderapp import NbGraderApp
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder import ROOT, CourseError, addresses

NOTEBOOK_KEYS = {"kernelspec", "language_info"}
CELL_KEYS = {"nbgrader", "tags", "deletable", "editable"}


class FillAddresses(NbGraderPreprocessor):
    """Fill the course's addresses into set-up cells and badges."""

    def preprocess_cell(self, cell, resources, cell_index):
        about = resources["nbgrader"]
        cell.source = addresses.fill(cell.source, about["assignment"], about["notebook"])
        return cell, resources


class KeepEssentials(NbGraderPreprocessor):
    """Drop metadata that editors and executions leave behind, so that releases are reproducible."""

    def preprocess(self, nb, resources):
        nb.metadata = {k: v for k, v in nb.metadata.items() if k in NOTEBOOK_KEYS}
        # The version of Python that ran the solution is no part of the release.
        nb.metadata["language_info"] = {"name": "python"}
        for cell in nb.cells:
            cell.metadata = {k: v for k, v in cell.metadata.items() if k in CELL_KEYS}
            cell.pop("attachments", None) if not cell.get("attachments") else None
        return nb, resources
