"""The lectures, recomputed: 516 claims of five decks, and what the course's own code says to them.

>>> from helpers import claims
>>> claims.show("lenet")                         # a table for a notebook
>>> claims.show("vgg16-*-params", "vgg-140M")    # by id, with * for families
>>> claims.show("googlenet", verdicts=["wrong", "conflicting"])
>>> claims.summary("googlenet")                  # how many hold, in one line
>>> claims.find("vgg16-13.6gflop")               # one row of the table
>>> claims.check(claims.find("vgg16-13.6gflop")) # and what is computed for it

Every computable claim is recomputed from `helpers` whenever it is shown: networks are counted,
layers run. Figures that only papers can give (errors by year, VGG's tables) are in
:mod:`helpers.claims.history`.
"""

from helpers.claims import history
from helpers.claims.display import rows, show, summary
from helpers.claims.recompute import Checked, Result, check, problems, strays
from helpers.claims.table import DECKS, KINDS, VERDICTS, Claim, find, select, table, topics

__all__ = [
    "DECKS",
    "KINDS",
    "VERDICTS",
    "Checked",
    "Claim",
    "Result",
    "check",
    "find",
    "history",
    "problems",
    "rows",
    "select",
    "show",
    "strays",
    "summary",
    "table",
    "topics",
]
