"""LeNet-5: parameters and sizes."""

from itertools import pairwise

from helpers.claims.networks import built, convs, counted, pools
from helpers.claims.recompute import Result

OF_1998, TODAY = "LeNet-5 (1998)", "LeNet-5 (today)"


def parameters(name: str) -> int:
    """Parameters of a network."""
    return sum(p.numel() for p in built(name).parameters())


def sides(layers) -> list[int]:
    """Rows of the outputs of some layers."""
    return [layer.out_shape[1] for layer in layers]


def smaller_and_more_numerous() -> Result:
    """Whether from convolution to convolution maps shrink and multiply."""
    maps = [layer.out_shape for layer in convs(counted(TODAY))]
    holds = all(a[0] < b[0] and a[1] > b[1] and a[2] > b[2] for a, b in pairwise(maps))
    return Result(holds, shown=" → ".join("x".join(map(str, shape)) for shape in maps))


def sparse() -> Result:
    """Whether every map of C3 reads its own selection."""
    table = built(OF_1998).c3.table
    own = sum(p.numel() for p in built(OF_1998).c3.parameters())
    dense = convs(counted(TODAY))[1].params
    shown = (
        f"{sum(map(len, table))} of {len(table) * 6} connections, {own:,} parameters of {dense:,}"
    )
    return Result(len({tuple(maps) for maps in table}) == len(table), shown=shown)


def layers() -> Result:
    """Convolutions, poolings and fully connected layers in their order, C5 a convolution."""
    names = {"Conv2d": "conv", "AvgPool2d": "pool", "Linear": "fc"}
    found = [names[layer.type] for layer in counted(TODAY).layers if layer.type in names]
    return Result("-".join(found), {"but for the output layer": "-".join(found[:-1])})


COMPUTE = {
    "lenet-structure-cs231n": layers,
    "lenet-params": lambda: Result(
        parameters(OF_1998), shown=f"as built today {parameters(TODAY):,}"
    ),
    "lenet-trend": smaller_and_more_numerous,
    "lenet-conv-5x5": lambda: sides(convs(counted(TODAY))),
    "lenet-subsample": lambda: sides(pools(counted(TODAY))),
    "lenet-sparse-c3": sparse,
}
