"""The judge: the student's kernel only answers questions; marks are made in this process."""
