"""A submitted notebook, put back on the skeleton of the released one.

Whatever happened to a notebook on its way (cells copied, deleted, moved, turned into text, stripped
of their metadata), the released notebook says what belongs where. Its cells are gone through in
order, and each takes what the student made of it; what the student added stays behind the cell it
stood behind. So an answer that can be found is graded, and locked cells are those of the release.
"""

import ast
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

COLAB = re.compile(
    r"^([ \t]*)((?:from google\.colab\b.*import .*|import google\.colab\b.*"
    r"|(?:\w+ *= *)?drive\.(?:mount|flush_and_unmount)\(.*\))[ \t;]*)$",
    re.MULTILINE,
)
DEFINES = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=(?!=)", re.MULTILINE)
MOST_BYTES = 25_000_000
MOST_CELLS = 5_000


class Unreadable(Exception):
    """A file that is no notebook; the text says why, in words for the instructor."""


@dataclass
class Repaired:
    """A mended notebook, and what was done to it, in words; `missing`: answers that are not there.

    found: how many of the release's graded and answer cells the submission had.
    """

    notebook: NotebookNode
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    found: int = 0


@dataclass
class Sent:
    """A cell as it arrived: plain values, whatever the file held."""

    kind: str
    source: str
    ids: tuple[str, ...]
    grade_id: str
    taken: bool = False


def read(content: bytes) -> list[Sent]:
    """The cells of a notebook file of any version, however damaged around them.

    Raises Unreadable for what is no notebook.
    """
    if len(content) > MOST_BYTES:
        raise Unreadable(f"is larger than {MOST_BYTES // 1_000_000} MB")
    if not content.strip():
        raise Unreadable("is empty")
    try:
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
        data = json.loads(content.decode(encoding).lstrip("\ufeff"))
    except (ValueError, RecursionError):
        raise Unreadable(
            "is not a notebook (not valid JSON); perhaps it was not saved completely"
        ) from None
    if not isinstance(data, dict) or "nbformat" not in data:
        raise Unreadable("is not a notebook, although it is valid JSON")
    cells = data.get("cells")
    if cells is None and isinstance(data.get("worksheets"), list):  # format 3
        cells = [c for sheet in data["worksheets"] for c in _dict(sheet).get("cells", [])]
    if not isinstance(cells, list) or len(cells) > MOST_CELLS:
        raise Unreadable("is a damaged notebook: its structure is not what Jupyter writes")
    return [_sent(cell) for cell in cells if isinstance(cell, dict)]


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    lines = value if isinstance(value, list) else [value]
    text = "".join(line for line in lines if isinstance(line, str))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _sent(cell: dict) -> Sent:
    metadata = _dict(cell.get("metadata"))
    ids = (cell.get("id"), metadata.get("id"))
    grade_id = _dict(metadata.get("nbgrader")).get("grade_id")
    source = _text(cell.get("source", cell.get("input", "")))
    kind = cell.get("cell_type") if cell.get("cell_type") in ("code", "markdown") else "raw"
    return Sent(
        str(kind),
        source,
        tuple(i for i in ids if isinstance(i, str)),
        grade_id if isinstance(grade_id, str) else "",
    )


def about(cell: NotebookNode) -> dict:
    """What nbgrader knows about a cell of the release; empty for a plain one."""
    return cell.metadata.get("nbgrader", {})


def grade_id(cell: NotebookNode) -> str:
    """The name nbgrader has for a cell of the release, or nothing."""
    return about(cell).get("grade_id", "")


def defined(source: str) -> set[str]:
    """Names that a piece of code gives a meaning to at its top level."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {a or b for a, b in DEFINES.findall(source)}
    names = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {t.id for target in node.targets for t in ast.walk(target) if _name(t)}
        elif isinstance(node, ast.AnnAssign) and _name(node.target):
            names.add(node.target.id)
    return names


def _name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def repair(content: bytes, release: NotebookNode) -> Repaired:
    """Put a submitted file on the skeleton of the released notebook.

    Raises Unreadable for what is no notebook.
    """
    sent = read(content)
    repaired = Repaired(_empty(release))
    homes = _match(sent, release)
    repaired.found = sum(
        bool(grade_id(cell)) and bool(homes[k]) for k, cell in enumerate(release.cells)
    )
    order = [k for _, k in sorted((sent.index(c), k) for k in homes for c in homes[k][:1])]
    if order != sorted(order):
        repaired.notes.append("cells were put back in order")
    cells = repaired.notebook.cells
    extras = _extras(sent, homes)
    cells += map(_extra, extras.pop(-1, []))
    for k, original in enumerate(release.cells):
        cells += _cell(original, homes[k], repaired)
        cells += map(_extra, extras.pop(k, []))
    if any(cell.kind == "code" and COLAB.search(cell.source) for cell in sent):
        repaired.notes.append("lines that only Colab understands were taken out of the way")
    known = [cell.grade_id for cell in sent if cell.grade_id]
    if not repaired.notes and known != [grade_id(c) for c in release.cells if grade_id(c)]:
        repaired.notes.append("what nbgrader knows about the cells was restored")
    if not _well_formed(content):
        repaired.notes.append("the file was brought to the current notebook format")
    released = {cell.id for cell in release.cells}
    for number, cell in enumerate(c for c in cells if c.id not in released):
        cell.id = f"added-{number}"  # the same whenever the same file is repaired
    return repaired


def _well_formed(content: bytes) -> bool:
    """Whether a file is a notebook as Jupyter writes it today, which all tools can read."""
    try:
        data = json.loads(content)
        ids = [cell["id"] for cell in data["cells"]]
        if len(set(ids)) < len(ids) or "widgets" in data["metadata"] or b"\r" in content:
            return False
        nbformat.validate(nbformat.from_dict(data))
    except (
        ValueError, KeyError, TypeError, AttributeError, RecursionError, nbformat.ValidationError,
    ):  # fmt: skip
        return False
    return (data["nbformat"], data["nbformat_minor"]) == (4, 5)


def _empty(release: NotebookNode) -> NotebookNode:
    nb = nbformat.from_dict(
        {key: release[key] for key in ("nbformat", "nbformat_minor", "metadata")}
    )
    nb.cells = []
    return nb


# Which cell is which ------------------------------------------------------------------------


def _match(sent: list[Sent], release: NotebookNode) -> dict[int, list[Sent]]:
    """For each cell of the release, by number, the cells sent that are versions of it, in order.

    By nbgrader's name for it, then by id, then by exact text, then, for answers, by what they
    define or, for written ones, by their neighbours.
    """
    homes: dict[int, list[Sent]] = {k: [] for k in range(len(release.cells))}
    cells = list(enumerate(release.cells))

    def take(k: int, cell: Sent) -> None:
        cell.taken = True
        homes[k].append(cell)

    def by(key: Callable[[Sent], Iterable[str]], names: dict[str, int]) -> None:
        for cell in sent:
            where = next((names[name] for name in key(cell) if name in names), None)
            if not cell.taken and where is not None:
                take(where, cell)

    by(lambda cell: [cell.grade_id], {grade_id(c): k for k, c in cells if grade_id(c)})
    by(lambda cell: cell.ids, {c.id: k for k, c in cells})
    by(lambda cell: [_bare(cell.source)], {_bare(c.source): k for k, c in reversed(cells)})
    for k, original in cells:
        if not is_answer(original) or original.cell_type != "code":
            continue
        wanted = defined(original.source)
        if not wanted or any(wanted <= defined(cell.source) for cell in homes[k]):
            continue  # what else defines it is the student's own, behind the graded cell perhaps
        for cell in sent:
            if not cell.taken and wanted <= defined(cell.source):
                take(k, cell)
    _match_written(sent, release, homes, take)
    return {k: sorted(found, key=sent.index) for k, found in homes.items()}


def _match_written(sent, release, homes, take) -> None:
    """Written answers without a name: the text that stands behind the question.

    The question is the cell before it; where the cells were moved, a text in front of it will do.
    """
    for k, original in enumerate(release.cells):
        if homes[k] or k == 0 or not is_answer(original) or original.cell_type != "markdown":
            continue
        places = [sent.index(cell) for cell in homes[k - 1]]
        beside = [place + step for step in (1, -1) for place in places]
        for cell in (sent[place] for place in beside if 0 <= place < len(sent)):
            if not cell.taken and cell.source.strip() and not homes[k]:
                take(k, cell)


def is_answer(cell: NotebookNode) -> bool:
    """Whether a cell of the release is for an answer."""
    return bool(about(cell).get("solution"))


def is_locked(cell: NotebookNode) -> bool:
    """Whether a cell of the release is not for students to change."""
    return bool(about(cell).get("locked"))


def _bare(source: str) -> str:
    """A text without what editors change: ends of lines, and empty lines around it."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


# What becomes of them -----------------------------------------------------------------------


def _cell(original: NotebookNode, versions: list[Sent], repaired: Repaired) -> list[NotebookNode]:
    """The cells that stand where the release has `original`: the student's, or its own."""
    name, notes = grade_id(original), repaired.notes
    ours = nbformat.from_dict(original)
    if is_locked(original):
        if not versions:
            notes.append(f"{name}: the cell was missing and is put back")
        elif len(versions) > 1 or _changed(original, versions[0]):
            notes.append(f"{name}: the locked cell was changed and is put back")
        return [ours]
    if not is_answer(original):
        return _plain(original, ours, versions, notes)
    written = [cell for cell in versions if _bare(cell.source) not in ("", _bare(original.source))]
    if not versions:
        notes.append(f"{name}: there is no answer cell; an empty one is put in")
        repaired.missing.append(name)
    if not written:
        return [ours]
    if any(cell.kind != original.cell_type for cell in written):
        notes.append(f"{name}: the answer was turned into another kind of cell, and back")
    if not any(cell.grade_id == name for cell in written):
        notes.append(f"{name}: the answer was recognised without its metadata")
    if original.cell_type == "markdown":
        texts = list(dict.fromkeys(cell.source for cell in written))
        if len(texts) > 1:
            notes.append(f"{name}: {len(texts)} texts stand for the answer; they are put together")
        ours.source = "\n\n".join(texts)
        return [ours]
    different = _different(written)
    if len(different) > 1:
        notes.append(f"{name}: {len(different)} cells stand for the answer; the last one counts")
    wanted = defined(original.source)
    whole = [k for k, cell in enumerate(different) if wanted <= defined(cell.source)]
    chosen = whole[-1] if whole else len(different) - 1
    ours.source = different[chosen].source
    before, after = different[:chosen], different[chosen + 1 :]
    return [*map(_extra, before), ours, *map(_extra, after)]


def _plain(original, ours, versions, notes) -> list[NotebookNode]:
    """A cell of the release that is neither locked nor for an answer."""
    kept = [c for c in versions if c.source.strip() and c.kind == original.cell_type]
    if original.cell_type == "code" and not kept:
        notes.append(f"a code cell was missing and is put back: {_begins(original.source)}")
    if not kept or original.cell_type != "code":
        return [ours]
    first, *more = _different(kept)
    ours.source = _without_colab(first.source)
    return [ours, *map(_extra, more)]


def _different(cells: list[Sent]) -> list[Sent]:
    """Without those that hold the same text as a later one."""
    texts = [_bare(cell.source) for cell in cells]
    return [cell for k, cell in enumerate(cells) if texts[k] not in texts[k + 1 :]]


def _changed(original: NotebookNode, cell: Sent) -> bool:
    return cell.kind != original.cell_type or _bare(cell.source) != _bare(original.source)


def _begins(source: str) -> str:
    line = next((line for line in source.splitlines() if line.strip()), "")
    return line if len(line) <= 60 else line[:57] + "..."


def _extras(sent: list[Sent], homes: dict[int, list[Sent]]) -> dict[int, list[Sent]]:
    """Cells that the release does not have, by the number of its cell that they stand behind."""
    home_of = {id(cell): k for k, cells in homes.items() for cell in cells}
    behind, found = -1, {}
    for cell in sent:
        if cell.taken:
            behind = home_of[id(cell)]
        elif cell.source.strip() and "view-in-github" not in cell.ids + (cell.source,):
            found.setdefault(behind, []).append(cell)
    return found


def _extra(cell: Sent) -> NotebookNode:
    """A cell that the release does not have; text that defines something was code once."""
    if cell.kind == "code" or (cell.kind == "raw" and defined(cell.source)):
        return new_code_cell(_without_colab(cell.source))
    return new_markdown_cell(cell.source)


def _without_colab(source: str) -> str:
    """Lines that only Colab understands do nothing, so that what stands beside them still runs."""
    return COLAB.sub(r"\1pass  # on Colab: \2", source)
