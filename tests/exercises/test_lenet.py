"""04_lenet's judging: networks written in other ways, and weights that are tried out."""

import numpy as np
import pytest
import torch
from torch import nn

from autograder import ROOT
from autograder.exercises.lenet import EXERCISES, Masked, OneParameter, trained
from autograder.mistakes import sit
from autograder.sample.submissions import notebook_of
from helpers.checks import CheckFailed
from helpers.checks import lenet as check
from helpers.checks.exercise import arguments_for, judge
from helpers.checks.modules import Unusable, load_by_size
from helpers.checks.records import decode, encode
from helpers.data import digits
from helpers.models import lenet
from helpers.training import Batches, train_one_epoch


def verdict_on(name, answer):
    return sit(EXERCISES[name].exercise, answer)


class InAnotherOrder(nn.Module):
    """LeNet-5 with its layers made backwards and C5 as a linear layer."""

    def __init__(self, num_classes=10, in_channels=1):
        super().__init__()
        self.last = nn.Linear(84, num_classes)
        self.b = nn.Linear(120, 84)
        self.a = nn.Linear(400, 120)
        self.second, self.first = nn.Conv2d(6, 16, 5), nn.Conv2d(in_channels, 6, 5)

    def forward(self, x):
        for conv in (self.first, self.second):
            x = torch.tanh(conv(x)).unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2))
        return self.last(torch.tanh(self.b(torch.tanh(self.a(x.flatten(1))))))


class Depthwise(nn.Module):
    """Subsampling as a sum and a 1x1 convolution of every map on its own."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1, groups=channels)

    def forward(self, x):
        return self.conv(x.unfold(2, 2, 2).unfold(3, 2, 2).sum((-1, -2)))


class BroadcastParameters(nn.Module):
    """Subsampling with its bias made first, and both parameters shaped for the maps."""

    def __init__(self, channels):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x):
        return 4 * nn.functional.avg_pool2d(x, 2) * self.scale + self.bias


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("LeNet5", InAnotherOrder),
        ("Subsampling", Depthwise),
        ("Subsampling", BroadcastParameters),
        ("TableConv2d", OneParameter),
    ],
)
def test_other_ways_to_write_it_are_right(name, build):
    assert verdict_on(name, build).fraction == 1


def test_masked_connections_compute_the_right_thing_and_are_told_apart():
    verdict = verdict_on("TableConv2d", Masked)
    assert [m.name for m in verdict.findings[0].mistakes] == ["absent connections masked"]


class HardCoded(lenet.LeNet5):
    def forward(self, x):
        return super().forward(x + torch.zeros(x.shape, device="cpu", dtype=x.dtype))


class Forgetful(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.layers = [lenet.LeNet5(**options).double()]

    def forward(self, x):
        return self.layers[0](x)


class IgnoresInput(lenet.LeNet5):
    def forward(self, x):
        return super().forward(torch.ones_like(x))


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (HardCoded, "one device only"),
        (Forgetful, "registers no parameters"),
        (IgnoresInput, "does not depend on its input"),
        (lambda **options: "a network", "should be an nn.Module"),
    ],
)
def test_what_cannot_be_judged_is_told_why(build, told):
    verdict = verdict_on("LeNet5", build)
    assert verdict.fraction == 0
    assert told in verdict.results[0].problems["output"].words


def test_every_network_has_five_named_mistakes():
    for name in ("LeNet5", "LeNet5_1998", "train_one_epoch", "evaluate", "TableConv2d"):
        assert len(EXERCISES[name].exercise.mistakes) >= 5


# Weights ------------------------------------------------------------------------------------


def weights_verdict(state, seed=3):
    exercise = EXERCISES["trained_weights"].exercise
    arguments = [arguments_for(case, [seed, i]) for i, case in enumerate(exercise.cases)]
    return judge(exercise, arguments, [{"value": decode(encode(state))}])


def words(verdict):
    return " ".join(p.words for p in verdict.results[0].problems.values() if p)


def train(change=None, epochs=8, **options):
    torch.manual_seed(0)
    images, labels = (t[: check.TRAINING_DIGITS] for t in digits(32, margin=4))
    model = lenet.LeNet5(**options)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loader = Batches(images, labels, 64, change)
    for _ in range(epochs):
        train_one_epoch(model, loader, optimizer, nn.CrossEntropyLoss())
    return model.state_dict()


@pytest.mark.slow
def test_trained_weights_score_whatever_their_names_order_and_shapes():
    renamed = {f"layer{i}": value for i, value in enumerate(reversed(trained().values()))}
    as_linear = {
        name: value.flatten(1) if len(value) == 120 and value.ndim == 4 else value
        for name, value in trained().items()
    }
    for state in (trained(), renamed, as_linear):
        for seed in range(3):
            assert weights_verdict(state, seed).fraction == 1


@pytest.mark.slow
def test_training_on_digits_that_stand_still_is_worth_a_part_and_is_told():
    verdict = weights_verdict(train(epochs=15))
    assert verdict.fraction == pytest.approx(1 / 3)
    assert "train on moved ones too" in words(verdict)


@pytest.mark.slow
def test_weights_of_another_network_are_recognised():
    verdict = weights_verdict(train(epochs=15, activation=nn.ReLU, pool=nn.MaxPool2d))
    assert verdict.fraction < 1
    assert "they do better in a network with" in words(verdict)


def test_an_untrained_network_scores_nothing_and_is_told():
    torch.manual_seed(0)
    verdict = weights_verdict(lenet.LeNet5().state_dict())
    assert verdict.fraction == 0
    assert "hardly more than guessing" in words(verdict)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({}, "no entry is left"),
        (lenet.LeNet5(num_classes=9).state_dict(), r"fits a parameter of shape (10, 84)"),
        ({**lenet.LeNet5().state_dict(), "more": torch.zeros(3)}, "nothing in the network"),
        ({k: v * float("nan") for k, v in lenet.LeNet5().state_dict().items()}, "diverged"),
        ({"a": "text"}, "`a` is not a tensor"),
        ([1, 2], "state_dict()"),
        (3, "state_dict()"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_plainly(state, told):
    verdict = weights_verdict(state)
    assert verdict.fraction == 0
    assert told in words(verdict)


def test_no_weights_at_all_count_as_not_attempted():
    assert not weights_verdict(None).attempted
    with pytest.raises(CheckFailed, match="not attempted"):
        check.trained_weights(None)


def test_weights_are_loaded_by_size_in_order_among_equals():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    values = {f"p{i}": torch.full(p.shape, float(i)) for i, p in enumerate(net.parameters())}
    loaded = load_by_size(net, decode(encode(values)))
    assert [p.flatten()[0].item() for p in loaded.parameters()] == [0, 1, 2, 3]
    with pytest.raises(Unusable):
        load_by_size(net, decode(encode({**values, "p0": torch.zeros(3, 2)})))


@pytest.mark.slow
def test_the_goal_leaves_room_below_the_reference():
    shares = []
    model = load_by_size(lenet.LeNet5(), decode(encode(trained())))
    for seed in range(5):
        shares.append(check.share_right(model, seed))
    assert np.min(shares) > check.GOAL + 0.03


@pytest.mark.slow
def test_the_notebooks_experiment_shows_what_it_says():
    cells = notebook_of(ROOT / "solutions", "04_lenet").cells
    [table] = [
        o.data["text/plain"]
        for c in cells
        for o in c.get("outputs", [])
        if o.get("data", {}).get("text/plain", "").startswith("trained on digits that are")
    ]
    rows = [line.split(" | ") for line in table.splitlines()[1:]]
    still = [float(row[3].rstrip("%")) for row in rows if row[0] == "still"]
    moved = [float(row[3].rstrip("%")) for row in rows if row[0] == "moved"]
    assert max(still) < 75 < 82 < min(moved)
    assert all(float(row[2].rstrip("%")) > 85 for row in rows)
