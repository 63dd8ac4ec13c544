"""What the experiments of 08_residual_blocks claim, as bounds."""

import pytest

from autograder import ROOT
from autograder.sample.submissions import notebook_of

from .stored import table_that

ASSIGNMENT = "08_residual_blocks"
OTHER_SEED = 3  # than those of the notebook
DEFINED_BY = (
    "# Set-up.", "def pad_shortcut(", "class BasicBlock(", "def cifar_resnet(", "def he_std(",
    "def gradient_norms(", "def mean_squares(", "def he_init_(",
)  # fmt: skip


@pytest.fixture(scope="module")
def names():
    """What the cells define that the experiments need."""
    code = [c for c in notebook_of(ROOT / "solutions", ASSIGNMENT).cells if c.cell_type == "code"]
    defined = {}
    for text in DEFINED_BY:
        [cell] = [cell for cell in code if text in cell.source]
        exec(cell.source, defined)
    return defined


@pytest.mark.slow
def test_of_two_plain_networks_the_deeper_one_has_the_higher_training_loss(names):
    shallow, _ = names["train"](20, False, OTHER_SEED)
    deep, accuracy = names["train"](44, False, OTHER_SEED)
    assert shallow[-1] < 0.5 < 1 < deep[-1]
    assert deep[-1] < deep[0] - 0.15  # still falling
    assert accuracy < 0.7


@pytest.mark.slow
@pytest.mark.parametrize("depth", [20, 44])
def test_residual_networks_of_both_depths_fit_their_training_images(names, depth):
    losses, accuracy = names["train"](depth, True, OTHER_SEED)
    assert losses[-1] < 0.1
    assert accuracy > 0.75


def test_so_it_was_where_it_was_run():
    losses, accuracies = {}, {}
    for network, _, loss, accuracy in table_that(ASSIGNMENT, "network | seed | training loss"):
        losses.setdefault(network, []).append(float(loss))
        accuracies.setdefault(network, []).append(float(accuracy.rstrip("%")))
    assert all(len(seeds) == 3 for seeds in losses.values())
    assert max(losses["plain-20"]) < 0.5 < 1 < min(losses["plain-44"])
    assert max(accuracies["plain-44"]) < 70
    assert max(losses["residual-20"] + losses["residual-44"]) < 0.1
    assert min(accuracies["residual-20"] + accuracies["residual-44"]) > 75


def test_without_batch_norm_the_plain_gradient_vanishes_and_the_residual_one_does_not(names):
    for seed in range(3):
        plain = names["gradient_norms"](False, False, seed)
        residual = names["gradient_norms"](True, False, seed)
        assert len(plain) == len(residual) == 21
        assert plain[0] < 1e-15 * plain[-1]
        assert 0.1 < residual[0] / residual[-1] < 10


def test_with_hes_weights_and_no_batch_norm_the_plain_gradient_loses_three_to_four_powers_of_ten(
    names, monkeypatch
):
    build = names["models"].cifar_resnet

    def started(*arguments, **options):
        return names["he_init_"](build(*arguments, **options))

    monkeypatch.setattr(names["models"], "cifar_resnet", started)
    for seed in range(3):
        plain = names["gradient_norms"](False, False, seed)
        residual = names["gradient_norms"](True, False, seed)
        assert 10**3 < plain[-1] / plain[0] < 10**4
        assert 30 < residual[0] / residual[-1] < 300


def test_with_batch_norm_the_plain_gradient_grows_a_hundredfold(names):
    for seed in range(3):
        plain = names["gradient_norms"](False, True, seed)
        residual = names["gradient_norms"](True, True, seed)
        assert plain[0] > 100 * plain[-1]
        assert 1 < residual[0] / residual[-1] < 30


@pytest.mark.parametrize(
    ("factor", "per_layer"), [(1, 1), (0.5**0.5, 1 / 2), (0.5**0.5 / 2, 1 / 8), (2, 4)]
)
def test_over_30_layers_only_hes_scale_keeps_the_signal(names, factor, per_layer):
    for seed in range(3):
        last = names["mean_squares"](factor, seed)[-1]
        assert 1 / 6 < last / per_layer**30 < 6


def test_both_residual_networks_have_as_many_parameters_as_their_plain_twins(names):
    for depth, params in ((20, 269_722), (56, 853_018)):
        for residual in (True, False):
            net = names["cifar_resnet"](depth, residual)
            assert sum(p.numel() for p in net.parameters()) == params
