"""nbgrader looks for its configuration here and nowhere else; the course's is in autograder/."""

load_subconfig("autograder/nbgrader_config.py")  # noqa: F821 - given by traitlets
