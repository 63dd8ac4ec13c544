"""Figures that no code can recompute: what papers and results pages report, once and in one place.

Errors are in percent. `None` stands for an empty cell. What was not looked up for this course says
so in its source: "general knowledge".
"""

from dataclasses import dataclass

SIMONYAN = "Simonyan and Zisserman 2015"


@dataclass(frozen=True)
class Entry:
    """The classification result that a year of ILSVRC is known for.

    top5: error on the test set; networks: how many were averaged, None if unknown or none;
    layers: with weights; 0 without a deep network, None where the number is not known here.
    """

    year: int
    name: str
    top5: float
    layers: int | None
    networks: int | None
    source: str


ILSVRC = (
    Entry(2010, "NEC-UIUC", 28.2, 0, None, "general knowledge"),
    Entry(2011, "XRCE", 25.8, 0, None, "general knowledge"),
    Entry(2012, "AlexNet", 16.4, 8, 5, f"{SIMONYAN}, table 7"),
    Entry(2013, "Clarifai", 11.7, None, None, f"{SIMONYAN}, table 7"),
    Entry(2014, "GoogLeNet", 6.67, 22, 7, "Szegedy et al. 2015, table 2"),
    Entry(2015, "ResNet", 3.57, 152, 6, "He et al. 2015, table 5"),
    Entry(2016, "Trimps-Soushen", 2.99, None, None, "general knowledge"),
    Entry(2017, "SENet", 2.251, 154, None, "Hu et al. 2018, abstract; layers: general knowledge"),
)

# Team: (classification, localisation), as the results page of 2012 gives them; without the data of
# 2011. With it, the first had 15.315.
ILSVRC_2012 = {
    "U. Toronto": (16.422, 34.1905),
    "U. Tokyo": (26.172, 53.6474),
    "U. Oxford": (26.979, 50.0342),
    "INRIA and XRCE": (27.058, None),
    "U. Amsterdam": (29.576, None),
}
ILSVRC_2012_EXTRA_DATA = 15.315

# The annotator who was studied best, general knowledge: Russakovsky et al. 2015.
PEOPLE = 5.1

TRAINING_IMAGES = 1_281_167
CORES = {"GTX 580": 512}


@dataclass(frozen=True)
class Row:
    """A row of one of VGG's tables of results.

    name: a configuration, or a team in table 7; train, test: scales in pixels, a pair for a range,
    several for multi-scale testing; method: how it was evaluated; networks: how many, by
    configuration where that is known; None for "several".
    top1, top5: errors on the validation set; top5_test: on the test set.
    """

    name: str
    top1: float | None
    top5: float | None
    top5_test: float | None = None
    train: tuple[int, ...] = ()
    test: tuple[int, ...] = ()
    method: str = ""
    networks: dict[str, int] | int | None = 1


JITTER = (256, 512)


def _single(name: str, train: tuple[int, ...], top1: float, top5: float) -> Row:
    """Table 3: tested at the scale of training, or the middle of its range."""
    return Row(name, top1, top5, train=train, test=(sum(train) // len(train),))


def _multi(name: str, train: tuple[int, ...], top1: float, top5: float) -> Row:
    """Table 4: tested at three scales around that of training, or across its range."""
    low, high = train if len(train) == 2 else (train[0] - 32, train[0] + 32)
    return Row(name, top1, top5, train=train, test=(low, (low + high) // 2, high))


DENSE, CROPS, BOTH = "dense", "multi-crop", "multi-crop and dense"

VGG_TABLES: dict[int, tuple] = {
    2: (("A", 133), ("A-LRN", 133), ("B", 133), ("C", 134), ("D", 138), ("E", 144)),
    3: (
        _single("A", (256,), 29.6, 10.4), _single("A-LRN", (256,), 29.7, 10.5),
        _single("B", (256,), 28.7, 9.9),
        _single("C", (256,), 28.1, 9.4), _single("C", (384,), 28.1, 9.3),
        _single("C", JITTER, 27.3, 8.8),
        _single("D", (256,), 27.0, 8.8), _single("D", (384,), 26.8, 8.7),
        _single("D", JITTER, 25.6, 8.1),
        _single("E", (256,), 27.3, 9.0), _single("E", (384,), 26.9, 8.7),
        _single("E", JITTER, 25.5, 8.0),
    ),
    4: (
        _multi("B", (256,), 28.2, 9.6),
        _multi("C", (256,), 27.7, 9.2), _multi("C", (384,), 27.8, 9.2),
        _multi("C", JITTER, 26.3, 8.2),
        _multi("D", (256,), 26.6, 8.6), _multi("D", (384,), 26.5, 8.6),
        _multi("D", JITTER, 24.8, 7.5),
        _multi("E", (256,), 26.9, 8.7), _multi("E", (384,), 26.7, 8.6),
        _multi("E", JITTER, 24.8, 7.5),
    ),
    5: (
        Row("D", 24.8, 7.5, method=DENSE), Row("D", 24.6, 7.5, method=CROPS),
        Row("D", 24.4, 7.2, method=BOTH),
        Row("E", 24.8, 7.5, method=DENSE), Row("E", 24.6, 7.4, method=CROPS),
        Row("E", 24.4, 7.1, method=BOTH),
    ),
    6: (
        Row("submission", 24.7, 7.5, 7.3, method=DENSE, networks={"D": 3, "C": 2, "E": 2}),
        Row("later", 24.0, 7.1, 7.0, method=DENSE, networks={"D": 1, "E": 1}),
        Row("later", 23.9, 7.2, None, method=CROPS, networks={"D": 1, "E": 1}),
        Row("later", 23.7, 6.8, 6.8, method=BOTH, networks={"D": 1, "E": 1}),
    ),
    7: (
        Row("VGG", 23.7, 6.8, 6.8, method=BOTH, networks=2),
        Row("VGG", 24.4, 7.1, 7.0, method=BOTH, networks=1),
        Row("VGG", 24.7, 7.5, 7.3, method=DENSE, networks=7),
        # The paper prints one number across the columns of validation and test.
        Row("GoogLeNet", None, 7.9, 7.9, networks=1),
        Row("GoogLeNet", None, 6.7, 6.7, networks=7),
        Row("MSRA", None, None, 8.1, networks=11), Row("MSRA", 27.9, 9.1, 9.1, networks=1),
        Row("Clarifai", None, None, 11.7, networks=None),
        Row("Clarifai", None, None, 12.5, networks=1),
        Row("Zeiler and Fergus", 36.0, 14.7, 14.8, networks=6),
        Row("Zeiler and Fergus", 37.5, 16.0, 16.1, networks=1),
        Row("OverFeat", 34.0, 13.2, 13.6, networks=7), Row("OverFeat", 35.7, 14.2, networks=1),
        Row("Krizhevsky", 38.1, 16.4, 16.4, networks=5), Row("Krizhevsky", 40.7, 18.2, networks=1),
    ),
}  # fmt: skip

# Zeiler and Fergus 2013, table 3: layers removed from their copy of AlexNet, or what was changed:
# (top-1, top-5) on the validation set.
ABLATIONS: dict[tuple[int, ...] | str, tuple[float, float]] = {
    (): (40.5, 18.1),
    (3, 4): (45.4, 22.1),
    (7,): (40.0, 18.4),
    (6, 7): (44.8, 22.4),
    (3, 4, 6, 7): (71.3, 50.1),
    "ZFNet": (38.4, 16.5),
    "ZFNet, 512, 1024, 512 maps": (37.5, 16.0),
}


def ilsvrc() -> tuple[Entry, ...]:
    """The result that each year of ILSVRC is known for, 2010 to 2017: top-5 errors in percent.

    ``plots.errors_by_year(ax, claims.history.ilsvrc(), claims.history.PEOPLE)`` draws them.
    """
    return ILSVRC


def ilsvrc_2012() -> dict[str, tuple[float, float | None]]:
    """ILSVRC 2012 by teams: top-5 errors of (classification, localisation), in percent.

    Source: the results page of ILSVRC 2012; localisation: general knowledge.
    """
    return ILSVRC_2012


def vgg_table(number: int) -> tuple:
    """One of the tables 2 to 7 of the VGG paper, as printed there.

    Table 2: (configuration, millions of parameters); 3, one scale; 4, several scales; 5, ways to
    evaluate; 6, ensembles; 7, comparison with others: rows of :class:`Row`.
    ``plots.errors_by_configuration(ax, claims.history.vgg_table(3), "one scale")`` draws 3 or 4.
    Raises KeyError for another number. Source: Simonyan and Zisserman 2015.
    """
    if number not in VGG_TABLES:
        raise KeyError(f"there are tables {', '.join(map(str, VGG_TABLES))} here, not {number!r}")
    return VGG_TABLES[number]


def ablations() -> dict[tuple[int, ...] | str, tuple[float, float]]:
    """(top-1, top-5) errors in percent of AlexNet without some layers, and of ZFNet.

    Keys: the layers removed, () for none, or the name of a variant.
    Source: Zeiler and Fergus 2013, table 3.
    """
    return ABLATIONS


def cores(card: str) -> int:
    """Processing units of a graphics card. Source: general knowledge."""
    return CORES[card]
