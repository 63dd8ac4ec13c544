"""What the course's notebooks import: reference layers, counting, checks, pictures and data.

Nothing here knows about grading, and nothing is imported until a notebook asks for it by name,
e.g. ``from helpers.convolution import conv2d``.
"""
