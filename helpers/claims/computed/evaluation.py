"""Evaluation and history: crops counted, and printed results looked up in the papers' tables."""

from functools import partial

import torch

from helpers import convolution
from helpers.claims import history
from helpers.claims.recompute import Result

ZEILER = "Zeiler and Fergus"


def ten_crops() -> int:
    """How many different images the corners, the centre and their reflections are."""
    image, size, stride = torch.arange(64.0).reshape(1, 1, 8, 8), 6, 2
    corners = convolution.im2col(image, size, stride)[0].T.reshape(-1, size, size)
    centre = image[0, :, 1 : 1 + size, 1 : 1 + size]
    crops = torch.cat([corners, centre])
    return len(torch.unique(torch.cat([crops, crops.flip(-1)]), dim=0))


def submission() -> Result:
    """The networks of the submission, and whether table 7 repeats its errors."""
    sent = history.vgg_table(6)[0]
    total = sum(sent.networks.values())
    errors = (sent.top1, sent.top5, sent.top5_test)
    repeated = [
        row.networks
        for row in history.vgg_table(7)
        if (row.top1, row.top5, row.top5_test) == errors
    ]
    percents = ", ".join(f"{error} %" for error in errors)
    shown = f"{percents}, the errors of {repeated[0]} networks in table 7"
    return Result(total, shown=shown)


def many_cores() -> Result:
    """Whether two of the cards have more than a thousand cores."""
    cores = 2 * history.cores("GTX 580")
    return Result(cores > 1000, shown=f"{cores:,}")


def in_table(number: int, test: bool, **wanted: object) -> list[float | None]:
    """The errors of the one row of VGG's table that has these properties."""
    (row,) = (
        row
        for row in history.vgg_table(number)
        if all(getattr(row, name) == value for name, value in wanted.items())
    )
    return [row.top1, row.top5, row.top5_test][: 3 if test else 2]


def added_by_removing(*layers: int) -> float:
    """Points of top-5 error that removing layers costs, in the published table."""
    errors = history.ablations()
    return round(errors[layers][1] - errors[()][1], 1)


def winner(year: int) -> history.Entry:
    """What a year of ILSVRC is known for."""
    return next(entry for entry in history.ilsvrc() if entry.year == year)


def on_validation_set(team: str, networks: int | None = 1) -> float | None:
    """Top-5 error on the validation set, in VGG's table 7."""
    return in_table(7, False, name=team, networks=networks)[1]


def on_test_set(team: str, networks: int | None = 1) -> float | None:
    """Top-5 error on the test set, in VGG's table 7."""
    return in_table(7, True, name=team, networks=networks)[2]


def zfnet(*before: float) -> Result:
    """The error of six ZFNets, and what the slides take for it."""
    value = on_test_set(ZEILER, 6)
    shown = f"Clarifai {on_test_set('Clarifai', None)} %"
    return Result([*before, value] if before else value, shown=shown)


def two_networks_against_one() -> Result:
    """Whether two VGGs have a lower error than one."""
    one, two = on_test_set("VGG", 1), on_test_set("VGG", 2)
    return Result(two < one, shown=f"{one} % for one network, {two} % for two")


def of_2012(team: str) -> list[float] | float:
    """Classification and, where it is known, localisation."""
    classification, localisation = history.ilsvrc_2012()[team]
    return classification if localisation is None else [classification, localisation]


COMPUTE = {
    "aug-tencrop": ten_crops,
    "vgg-t6-submission": submission,
    "alexnet-1000-cores": many_cores,
    # Historical: looked up.
    "ablate-baseline": lambda: on_validation_set("Krizhevsky"),
    "ablate-reimpl": lambda: history.ablations()[()][1],
    "ablate-7-perf": partial(added_by_removing, 7),
    "ablate-67-perf": partial(added_by_removing, 6, 7),
    "ablate-34-perf": partial(added_by_removing, 3, 4),
    "ablate-3467-perf": partial(added_by_removing, 3, 4, 6, 7),
    "ilsvrc12-toronto": partial(of_2012, "U. Toronto"),
    "ilsvrc12-tokyo": partial(of_2012, "U. Tokyo"),
    "ilsvrc12-oxford": partial(of_2012, "U. Oxford"),
    "ilsvrc12-xrce": partial(of_2012, "INRIA and XRCE"),
    "ilsvrc12-amsterdam": partial(of_2012, "U. Amsterdam"),
    "ilsvrc12-15.3": lambda: Result(
        of_2012("U. Toronto")[0],
        shown=f"{history.ILSVRC_2012_EXTRA_DATA} % with the data of 2011",
    ),
    "ilsvrc12-26.2": lambda: of_2012("U. Tokyo")[0],
    "ilsvrc-1.2M": lambda: history.TRAINING_IMAGES,
    "googlenet-6.7": lambda: winner(2014).top5,
    "googlenet-6.67": lambda: [winner(2014).top5, winner(2012).top5],
    "googlenet-winner-2014": lambda: winner(2014).name,
    "resnet-3.57": lambda: winner(2015).top5,
    "resnet-3.6": lambda: winner(2015).top5,
    "vgg-7.3": lambda: on_test_set("VGG", 7),
    "vgg-prev-11.2": lambda: on_test_set("Clarifai", None),
    "vgg-ensembles": two_networks_against_one,
    "zf-error-11.7": lambda: zfnet(on_test_set("Krizhevsky", 5)),
    "zf-error-14.8": lambda: zfnet(on_test_set("Krizhevsky", 5)),
    "zf-ilsvrc13-11.7": zfnet,
    "alexnet-ensemble": lambda: [
        on_validation_set("Krizhevsky", 1),
        on_validation_set("Krizhevsky", 5),
    ],
}

_SCALES = {"256": (256,), "384": (384,), "256_512": history.JITTER}
for _number in (3, 4):
    for _row in history.VGG_TABLES[_number]:
        _scale = next(name for name, scales in _SCALES.items() if scales == _row.train)
        COMPUTE[f"vgg-t{_number}-{_row.name}-{_scale}"] = partial(
            in_table, _number, False, name=_row.name, train=_row.train
        )
for _row in history.VGG_TABLES[5]:
    COMPUTE[f"vgg-t5-{_row.name}-{_row.method.replace(' ', '-')}"] = partial(
        in_table, 5, False, name=_row.name, method=_row.method
    )
COMPUTE |= {
    f"vgg-t6-{name}": partial(in_table, 6, True, name="later", method=method)
    for name, method in {
        "dense": history.DENSE, "multicrop": history.CROPS, "both": history.BOTH,
    }.items()
} | {
    f"vgg-t7-{name}": partial(in_table, 7, True, name=team, networks=networks)
    for name, (team, networks) in {
        "vgg2": ("VGG", 2), "vgg1": ("VGG", 1), "vgg7": ("VGG", 7),
        "gln1": ("GoogLeNet", 1), "gln7": ("GoogLeNet", 7),
        "msra11": ("MSRA", 11), "msra1": ("MSRA", 1),
        "clar": ("Clarifai", None), "clar1": ("Clarifai", 1),
        "zf6": (ZEILER, 6), "zf1": (ZEILER, 1),
        "of7": ("OverFeat", 7), "of1": ("OverFeat", 1),
        "kr5": ("Krizhevsky", 5), "kr1": ("Krizhevsky", 1),
    }.items()
}  # fmt: skip
