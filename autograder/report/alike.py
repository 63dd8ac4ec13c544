"""Answers that are the same up to names, comments, annotations and layout.

Each answer is reduced to a fingerprint of what is left without these, and looked up: the time grows
with the number of answers, not with that of pairs.
"""

import ast
import hashlib
from functools import lru_cache

LONGEST = 100_000  # characters; nobody writes as much
SHORT = 80  # nodes of the syntax tree, about five lines; shorter answers come out alike by chance

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
NAMED = {ast.Name: "id", ast.Attribute: "attr", ast.arg: "arg", ast.alias: "asname",
         ast.ExceptHandler: "name", **dict.fromkeys(DEFINITIONS, "name")}  # fmt: skip
ANNOTATIONS = {"annotation", "returns"}


@lru_cache(1000)  # many hand in the same, to the letter: what they were given
def fingerprint(source: str) -> str:
    """What identifies an answer whatever its names, comments, docstrings and layout.

    Names that the code gives to things do not count; those it finds, such as `torch` or an earlier
    exercise, do. Empty if the answer is short, defines nothing (right numbers are the same for
    everybody), or is not Python.
    """
    if len(source) > LONGEST:
        return ""
    try:
        tree = ast.parse(source)
        nodes = list(ast.walk(tree))
        if len(nodes) < SHORT or not any(isinstance(node, DEFINITIONS) for node in nodes):
            return ""
        _reduce(nodes)
        return hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _reduce(nodes: list[ast.AST]) -> None:
    """Number the names that the code gives, as they occur, and drop what only explains."""
    named = [(node, key) for node in nodes if (key := NAMED.get(type(node)))]
    finds = [isinstance(getattr(node, "ctx", None), ast.Load) for node, _ in named]
    names = [getattr(node, key) for node, key in named]
    given = {name for name, found in zip(names, finds, strict=True) if name and not found}
    numbers: dict[str, str] = {}
    for (node, key), name in zip(named, names, strict=True):
        if name in given:
            setattr(node, key, numbers.setdefault(name, f"_{len(numbers)}"))
    for node in nodes:
        for annotation in ANNOTATIONS.intersection(node._fields):
            setattr(node, annotation, None)
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [statement for statement in body if not _only_explains(statement)]


def _only_explains(statement: ast.stmt) -> bool:
    """Whether a statement is a text that stands by itself, such as a docstring."""
    value = getattr(statement, "value", None)
    return (
        isinstance(statement, ast.Expr)
        and isinstance(value, ast.Constant)
        and isinstance(value.value, str)
    )
