"""Hidden cases and further mistakes of `04_lenet`.

The exercises themselves, and the mistakes the visible checks already know, are in
`helpers.checks.lenet`. Networks are judged by what they compute with weights set by structure, and
the trained one by how well the judge's own LeNet-5 does with its weights.
"""

from dataclasses import replace
from functools import cache

import torch
from torch import nn

from autograder.judge.graded import Graded, Withhold
from helpers import training
from helpers.checks import lenet as visible
from helpers.checks.exercise import Case, Exercise, mistake, module_exercise
from helpers.checks.lenet import convolution_inputs, module_inputs, training_inputs, without
from helpers.data import digits, moved
from helpers.models import lenet

# The network of today -----------------------------------------------------------------------


@mistake("the activation after C5 is missing", "A tanh follows C1, C3, C5 and F6.")
def c5_not_activated(right, **options):
    return without(right(**options), ("features", 7))


@mistake("the scores are squashed", "No activation follows the output layer.")
def scores_squashed(right, **options):
    net = right(**options)
    net.classifier.append(nn.Tanh())
    return net


@mistake("F6 is left out", "Between C5 and the output there is a layer of 84.")
def f6_left_out(right, **options):
    net = right(**options)
    net.classifier = nn.Sequential(nn.Flatten(), nn.Linear(120, net.classifier[-1].out_features))
    return net


@mistake("there are always ten classes", "The last layer has `num_classes` outputs.")
def always_ten_classes(right, num_classes=10, **options):
    return right(**options)


@mistake("sigmoid is used instead of tanh", "`nn.Tanh` or `torch.tanh`, as in the docstring.")
def sigmoid_used(right, **options):
    return right(**options, activation=nn.Sigmoid)


LENET5 = replace(
    visible.LENET5,
    cases=[
        Case("one grey image", module_inputs({}, (1, 1, 32, 32))),
        Case("several images", module_inputs({}, (3, 1, 32, 32))),
        Case("two channels", module_inputs({"in_channels": 2}, (2, 2, 32, 32))),
        Case("other numbers of channels and classes",
             module_inputs({"num_classes": 7, "in_channels": 3}, (1, 3, 32, 32))),
    ],
    mistakes=[
        *visible.LENET5.mistakes, c5_not_activated,
        scores_squashed, f6_left_out, always_ten_classes, sigmoid_used,
    ],
)  # fmt: skip

# Training -----------------------------------------------------------------------------------


@mistake("only the first batch is used", "`return` stands after the loop, not in it.")
def first_batch_only(right, model, loader, optimizer, loss_fn):
    return right(model, [next(iter(loader))], optimizer, loss_fn)


@mistake("the losses are summed, not averaged", "Divide by the number of samples at the end.")
def losses_summed(right, model, loader, optimizer, loss_fn):
    return right(model, loader, optimizer, loss_fn) * sum(len(y) for _, y in loader)


@mistake(
    "a softmax is applied before the loss",
    "`loss_fn(model(x), y)`: cross-entropy contains the softmax.",
)
def softmax_before_the_loss(right, model, loader, optimizer, loss_fn):
    return right(model, loader, optimizer, lambda scores, y: loss_fn(scores.softmax(1), y))


@mistake("every batch is used twice", "An epoch is one pass over the data.")
def every_batch_twice(right, model, loader, optimizer, loss_fn):
    twice = [batch for batch in loader for _ in range(2)]
    return right(model, twice, optimizer, loss_fn)


TRAIN_ONE_EPOCH = replace(
    visible.TRAIN_ONE_EPOCH,
    cases=[
        Case("one batch", training_inputs(5, 3, 3, 5), rtol=1e-6),
        Case("four batches", training_inputs(12, 2, 3, 3), rtol=1e-6),
        Case("a last batch that is smaller", training_inputs(11, 3, 3, 4), rtol=1e-6),
        Case("a last batch of two, and momentum", training_inputs(8, 2, 3, 3, 0.9), rtol=1e-6),
        Case("float32", training_inputs(10, 4, 3, 5), "float32", rtol=1e-3),
    ],
    mistakes=[
        *visible.TRAIN_ONE_EPOCH.mistakes, first_batch_only, losses_summed,
        softmax_before_the_loss, every_batch_twice,
    ],
)  # fmt: skip


@mistake("only the last batch counts", "Add up over the batches.")
def last_batch_only(right, model, loader, loss_fn):
    return [right(model, [batch], loss_fn) for batch in loader][-1]


@mistake("loss and accuracy are exchanged", "Return the loss first.")
def loss_and_accuracy_exchanged(right, model, loader, loss_fn):
    return tuple(reversed(right(model, loader, loss_fn)))


@mistake("the losses are summed, not averaged", "Divide by the number of samples.")
def evaluated_losses_summed(right, model, loader, loss_fn):
    loss, accuracy = right(model, loader, loss_fn)
    return loss * sum(len(y) for _, y in loader), accuracy


EVALUATE = replace(
    visible.EVALUATE,
    cases=[
        Case("one batch", training_inputs(6, 3, 3, 6), rtol=1e-6),
        Case("four batches", training_inputs(12, 2, 3, 3), rtol=1e-6),
        Case("a last batch that is smaller", training_inputs(14, 3, 3, 4), rtol=1e-6),
        Case("float32", training_inputs(9, 4, 3, 5), "float32", rtol=1e-3),
    ],
    mistakes=[
        *visible.EVALUATE.mistakes, last_batch_only, loss_and_accuracy_exchanged,
        evaluated_losses_summed,
    ],
)  # fmt: skip

# The trained network ------------------------------------------------------------------------


@cache
def trained(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights of a LeNet-5 trained for 25 epochs on moved digits; some seconds."""
    torch.manual_seed(seed)
    images, labels = (t[: visible.TRAINING_DIGITS] for t in digits(32, margin=4))
    model = lenet.LeNet5()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    batches = training.Batches(images, labels, 64, change=moved, seed=seed)
    for _ in range(25):
        training.train_one_epoch(model, batches, optimizer, nn.CrossEntropyLoss())
    return model.state_dict()


TRAINED_WEIGHTS = replace(visible.TRAINED_WEIGHTS, reference=lambda seed: trained())

# Fully connected or not ---------------------------------------------------------------------


@mistake("each filter is read upside down", "Copy the weights as they are.")
def filters_flipped(right, conv):
    linear = right(conv)
    with torch.no_grad():
        linear.weight.copy_(conv.weight.flip(-2, -1).flatten(1))
    return linear


@mistake("each filter is read column by column", "`flatten` reads row by row, as for the input.")
def filters_by_column(right, conv):
    linear = right(conv)
    with torch.no_grad():
        linear.weight.copy_(conv.weight.transpose(-2, -1).flatten(1))
    return linear


CONV_AS_LINEAR = replace(
    visible.CONV_AS_LINEAR,
    cases=[
        Case("several filters and channels", convolution_inputs((6, 3, 3, 3))),
        Case("filters that are not square", convolution_inputs((2, 4, 2, 3))),
        Case("float64 stays float64", convolution_inputs((3, 2, 2, 2)), keeps_dtype=True),
    ],
    mistakes=[*visible.CONV_AS_LINEAR.mistakes, filters_flipped, filters_by_column],
)

# The network of 1998 ------------------------------------------------------------------------


@mistake("the maps have no biases", "Two numbers per map: a weight and a bias.")
def subsampling_without_bias(right, channels):
    weights = nn.Conv2d(channels, channels, kernel_size=1, groups=channels, bias=False)
    return nn.Sequential(nn.AvgPool2d(2, divisor_override=1), weights)


@mistake("the largest of the four inputs is taken", "The paper adds the four inputs up.")
def maximum_taken(right, channels):
    weights = nn.Conv2d(channels, channels, kernel_size=1, groups=channels)
    return nn.Sequential(nn.MaxPool2d(2), weights)


SUBSAMPLING = replace(
    visible.SUBSAMPLING,
    cases=[
        Case("two maps", module_inputs({"channels": 2}, (1, 2, 6, 6))),
        Case("several images", module_inputs({"channels": 3}, (3, 3, 4, 4))),
        Case("maps that are not square", module_inputs({"channels": 5}, (2, 5, 8, 6))),
    ],
    mistakes=[*visible.SUBSAMPLING.mistakes, subsampling_without_bias, maximum_taken],
)


class OneParameter(nn.Module):
    """Right too: the kernels of all connections as one parameter."""

    def __init__(self, table, kernel_size):
        super().__init__()
        self.table = table
        count = sum(len(maps) for maps in table)
        self.weight = nn.Parameter(torch.zeros(count, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(len(table)))

    def forward(self, x):
        kernels = self.weight.split([len(maps) for maps in self.table])
        maps = [
            nn.functional.conv2d(x[:, read], kernel[None])
            for read, kernel in zip(self.table, kernels, strict=True)
        ]
        return torch.cat(maps, dim=1) + self.bias[:, None, None]


class Masked(nn.Module):
    """Right in what it computes, but with parameters for the connections that do not exist."""

    def __init__(self, table, kernel_size):
        super().__init__()
        channels = 1 + max(max(maps) for maps in table)
        self.weight = nn.Parameter(torch.zeros(len(table), channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(len(table)))
        mask = torch.zeros(self.weight.shape[:2], dtype=torch.bool)
        for k, maps in enumerate(table):
            mask[k, maps] = True
        self.register_buffer("mask", mask[:, :, None, None])

    def forward(self, x):
        return nn.functional.conv2d(x, self.weight * self.mask, self.bias)


@mistake(
    "connections that do not exist are masked, but have parameters all the same",
    "1,516 parameters, not 2,416: make only the kernels that the table names.",
)
def absent_connections_masked(right, **options):
    return Masked(**options)


TABLES = [
    [[0, 1], [1], [2, 0], [0, 1, 2]],
    [[2], [0, 3], [1, 2, 3]],
    [[1, 0], [0, 1], [1]],
]

TABLE_CONV2D = replace(
    module_exercise(
        "TableConv2d",
        lenet.TableConv2d,
        cases=[
            Case("four maps on three",
                 module_inputs({"table": TABLES[0], "kernel_size": 3}, (2, 3, 6, 6))),
            Case("three maps on four",
                 module_inputs({"table": TABLES[1], "kernel_size": 2}, (1, 4, 6, 6))),
            Case("maps listed in another order, not square",
                 module_inputs({"table": TABLES[2], "kernel_size": 3}, (2, 2, 7, 6))),
        ],
        also=[OneParameter],
    ),
    mistakes=[*visible.TABLE_CONV2D.mistakes, absent_connections_masked],
    section=visible.TABLE_CONV2D.section,
)  # fmt: skip


@mistake("the codes are trained", "Register them with `register_buffer`, not as a parameter.")
def codes_trained(right, **options):
    net = right(**options)
    codes = net.output.codes
    del net.output.codes
    net.output.codes = nn.Parameter(codes)
    return net


@mistake("the output is not squared", "The squared distance: square, then sum over the 84.")
def distances_not_squared(right, **options):
    net = right(**options)
    net.register_forward_hook(lambda layer, inputs, output: -(-output).sqrt())
    return net


LENET5_1998 = replace(
    visible.LENET5_1998,
    cases=[
        Case("one image", module_inputs({}, (1, 1, 32, 32))),
        Case("several images", module_inputs({}, (3, 1, 32, 32))),
    ],
    mistakes=[*visible.LENET5_1998.mistakes, codes_trained, distances_not_squared],
)

# Numbers ------------------------------------------------------------------------------------


_NET = lenet.LeNet5_1998()
_CONNECTIONS = lenet.connections(_NET, torch.zeros(1, 1, 32, 32))


def _numbers():
    net, counts = _NET, _CONNECTIONS
    params = {
        name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()
    }
    return {
        "c1_params": params["c1"],
        "s2_params": params["s2"],
        "c3_params": params["c3"],
        "c3_params_dense": 16 * (6 * 25 + 1),
        "f6_params": params["f6"],
        "total_1998": sum(params.values()),
        "total_today": sum(p.numel() for p in lenet.LeNet5().parameters()),
        "c1_connections": counts["c1"],
        "output_connections": counts["output"],
        "total_connections": sum(counts.values()),
    }


@mistake("the biases are left out", "Every map and every unit has one bias.")
def without_biases(right):
    return right() | {
        "c1_params": 150, "c3_params": 1500, "c3_params_dense": 2400, "f6_params": 10080,
    }  # fmt: skip


@mistake("the biases are not counted as connections", "The paper counts a bias as a connection.")
def connections_without_biases(right):
    return right() | {"c1_connections": 150 * 28 * 28}


@mistake("the codes are counted as parameters", "They are fixed; only what is trained counts.")
def codes_counted(right):
    return right() | {"total_1998": right()["total_1998"] + 840}


@mistake("the output's connections are left out", "Each of ten codes is compared with 84 values.")
def output_left_out(right):
    return right() | {
        "output_connections": 0, "total_connections": right()["total_connections"] - 840,
    }  # fmt: skip


@mistake("subsampling is counted without parameters", "In 1998 each of its maps had two.")
def subsampling_without_parameters(right):
    return right() | {"s2_params": 0, "total_1998": right()["total_1998"] - 44}


@mistake("C3 is taken as dense in both networks", "In 1998 only 60 of its 96 connections existed.")
def c3_taken_as_dense(right):
    numbers = right()
    more = numbers["c3_params_dense"] - numbers["c3_params"]
    return numbers | {
        "c3_params": numbers["c3_params_dense"], "total_1998": numbers["total_1998"] + more,
        "total_connections": numbers["total_connections"] + more * 100,
    }  # fmt: skip


NUMBERS = Exercise(
    "lenet_numbers",
    _numbers,
    cases=[Case("the numbers of both networks", lambda rng: ())],
    mistakes=[
        without_biases, connections_without_biases, codes_counted, output_left_out,
        subsampling_without_parameters, c3_taken_as_dense,
    ],
    parts=visible.NUMBERS,
    section="What it has, counted",
)  # fmt: skip

_NETWORKS = Withhold(
    functions=tuple(
        f"helpers.models.lenet.{name}.__init__"
        for name in ("LeNet5", "Subsampling", "TableConv2d", "LeNet5_1998")
    ),
    modules=("helpers.models", "torchvision.models"),
)
_TRAINING = Withhold(
    functions=("helpers.training.train_one_epoch", "helpers.training.evaluate"),
    modules=("helpers.training",),
)

RIGHT_SUBSAMPLING = """
class Subsampling(__import__("torch").nn.Module):
    def __init__(self, channels):
        import torch

        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(channels))
        self.bias = torch.nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        import torch

        sums = 4 * torch.nn.functional.avg_pool2d(x, 2)
        return sums * self.weight[:, None, None] + self.bias[:, None, None]
"""

RIGHT_TABLE_CONV2D = """
class TableConv2d(__import__("torch").nn.Module):
    def __init__(self, table, kernel_size):
        import torch

        super().__init__()
        self.table = [list(maps) for maps in table]
        self.maps = torch.nn.ModuleList(
            torch.nn.Conv2d(len(maps), 1, kernel_size) for maps in self.table
        )

    def forward(self, x):
        import torch

        read = zip(self.maps, self.table)
        return torch.cat([conv(x[:, maps]) for conv, maps in read], dim=1)
"""

EXERCISES = {
    graded.exercise.name: graded
    for graded in (
        Graded(LENET5, _NETWORKS, kind="module"),
        Graded(TRAIN_ONE_EPOCH, _TRAINING),
        Graded(EVALUATE, _TRAINING),
        Graded(TRAINED_WEIGHTS, kind="value"),
        Graded(CONV_AS_LINEAR, Withhold(functions=("helpers.models.lenet.conv_as_linear",))),
        Graded(SUBSAMPLING, _NETWORKS, kind="module"),
        Graded(TABLE_CONV2D, _NETWORKS, kind="module"),
        Graded(
            LENET5_1998,
            _NETWORKS,
            kind="module",
            needs={"Subsampling": RIGHT_SUBSAMPLING, "TableConv2d": RIGHT_TABLE_CONV2D},
        ),
        Graded(NUMBERS, kind="value"),
    )
}
