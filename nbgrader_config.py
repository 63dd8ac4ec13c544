"""nbgrader looks for its configuration here and nowhere else; the course's own is in autograder/."""

load_subconfig("autograder/nbgrader_config.py")  # noqa: F821 - given by traitlets
