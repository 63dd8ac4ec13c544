"""What computes each claim, topic by topic.

Every module has a dictionary `COMPUTE` from the ids of claims to functions without arguments. They
return a value (see :mod:`helpers.claims.notation`), a list of values, one for each term of the
statement, or a :class:`~helpers.claims.recompute.Result` with other readings and slips. Numbers
come from `helpers`; what is written here are the settings that a slide names.
"""

from helpers.claims.computed import (
    alexnet,
    batchnorm,
    convolution,
    evaluation,
    googlenet,
    lenet,
    pooling,
    resnet,
    training,
    vgg,
)

ALL = (
    convolution, pooling, batchnorm, lenet, alexnet, vgg, googlenet, resnet, training, evaluation,
)  # fmt: skip
