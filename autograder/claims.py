"""The claims of the lectures, counted by topic, and the errata that follow from them.

To add a claim: a row in `helpers/claims/table.csv`, an entry in the `COMPUTE` of its topic under
`helpers/claims/computed`, and `course claims --errata`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from autograder import ROOT
from helpers import claims
from helpers.claims import VERDICTS, Checked

ERRATA = ROOT / "docs" / "errata.md"

TITLES = {
    "conv": "Convolution",
    "pooling": "Pooling",
    "batchnorm": "Batch normalization",
    "norm-zoo": "Other normalizations",
    "lenet": "LeNet-5",
    "alexnet96": "AlexNet-96",
    "alexnet64": "AlexNet-64",
    "zfnet": "ZFNet",
    "vgg": "VGG",
    "googlenet": "GoogLeNet",
    "resnet": "ResNet",
    "senet": "SENet",
    "densenet": "DenseNet",
    "alphago": "AlphaGo",
    "training": "Training",
    "evaluation": "Evaluation",
    "history": "History",
}
HEADER = (
    "| What | The slides say | Right | Why | Deck | Id |\n| --- | --- | --- | --- | --- | --- |"
)
INTRODUCTION = """\
# Errata

Five classic lecture decks carry this course. They make {claims} claims about convolutional
networks, and most of them hold. The course's own code recomputes {computed}; of the others, many
were compared with the papers they are about. {wrong} claims are wrong, and {conflicting} conflict
with another convention, another deck or a paper. Here they are, with what is right.

This page is made by `course claims --errata` from `helpers/claims/table.csv` and from what the code
computes; do not edit it. In a notebook, `helpers.claims.show("vgg")` shows all claims of a topic.

*Wrong* means that no convention the slide could mean gives what is printed. *Conflicting* means
that one does, but not the one stated beside it or used elsewhere. Operations are MACs, a
multiplication and an addition each, which the decks call flop; what they call KB and MB are KiB and
MiB. Where some slip "gives what is printed", the code makes that slip and gets that number. A
source in parentheses is where it was looked up; "general knowledge" was not.

One slip is worth knowing beforehand: the decks list VGG-16 with two convolutions in its third
stage, where it has three. The missing `conv3_3` runs through {chain} of the rows below.

| Deck | in the table |
| --- | --- |
{decks}
"""


@dataclass
class Tally:
    """The claims of a topic: how many there are, are recomputed, and have which verdict."""

    topic: str
    claims: int = 0
    recomputed: int = 0
    verdicts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))


@dataclass(frozen=True)
class Review:
    """All claims, checked; problems: where code and table disagree, in words."""

    checked: tuple[Checked, ...]
    problems: tuple[str, ...]

    @property
    def recomputed(self) -> int:
        """How many computable claims were recomputed."""
        return sum(map(is_recomputed, self.checked))

    def tallies(self) -> list[Tally]:
        """The verdicts by topic, in the order of the table; the last one is the sum."""
        tallies = {topic: Tally(topic) for topic in (*claims.topics(), "all")}
        for checked in self.checked:
            for tally in (tallies[checked.claim.topic], tallies["all"]):
                tally.claims += 1
                tally.recomputed += is_recomputed(checked)
                tally.verdicts[checked.verdict] += 1
        return list(tallies.values())


def is_recomputed(checked: Checked) -> bool:
    """Whether a claim was computed; what was looked up in a paper was not."""
    return checked.claim.kind == "computable" and checked.result is not None


def review() -> Review:
    """Check every claim of the table against what the code computes."""
    checked = tuple(map(claims.check, claims.table().values()))
    found = [problem for each in checked for problem in claims.problems(each)]
    found += [f"{name}: it is computed, but no row of the table has it" for name in claims.strays()]
    return Review(checked, tuple(found))


def errata(reviewed: Review) -> str:
    """The text of docs/errata.md: wrong and conflicting claims by topic, with what is right."""
    total = reviewed.tallies()[-1]
    chain = sum("conv3_3" in each.cause for each in reviewed.checked)
    introduction = INTRODUCTION.format(
        claims=total.claims,
        computed=total.recomputed,
        wrong=total.verdicts["wrong"],
        conflicting=total.verdicts["conflicting"],
        chain=chain,
        decks="\n".join(f"| {name} | {short} |" for short, name in claims.DECKS.items()),
    )
    parts = [introduction]
    for topic in claims.topics():
        of_topic = [each for each in reviewed.checked if each.claim.topic == topic]
        sections = [
            f"### {verdict.capitalize()}\n\n{HEADER}\n" + "".join(map(_row, chosen))
            for verdict in ("wrong", "conflicting")
            if (chosen := [each for each in of_topic if each.verdict == verdict])
        ]
        if sections:
            parts.append("\n".join([f"## {TITLES[topic]}\n", *sections]))
    return "\n".join(parts)


def _row(checked: Checked) -> str:
    claim = checked.claim
    why = " ".join([checked.why, f"({claim.source})" if claim.source else ""]).strip()
    decks = ", ".join(claim.decks)
    cells = (claim.claim, checked.stated, checked.right, why, decks, f"`{claim.id}`")
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def write(reviewed: Review, path: Path = ERRATA) -> Path:
    """Write the errata. Returns where they are."""
    path.write_text(errata(reviewed), encoding="utf-8")
    return path
