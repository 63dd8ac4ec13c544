"""Batches, one epoch, evaluation; and what LeNet-5 reaches on real data where that is at hand."""

import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.data import DataMissing, digits, mnist
from helpers.models.lenet import LeNet5
from helpers.training import (
    Batches,
    confusion_matrix,
    evaluate,
    predictions,
    progress,
    train_one_epoch,
)


def data(n=10, features=3):
    x = torch.arange(n * features, dtype=torch.float64).reshape(n, features) / 7
    return x, torch.arange(n) % 3


def test_a_pass_gives_every_sample_once():
    x, y = data()
    batches = list(Batches(x, y, batch_size=4))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    assert len(Batches(x, y, batch_size=4)) == 3
    seen = torch.cat([images for images, _ in batches])
    assert sorted(seen[:, 0].tolist()) == x[:, 0].tolist()


def test_passes_differ_and_seeds_repeat():
    x, y = data(50)
    first, second = ([b[1].tolist() for b in loader] for loader in [Batches(x, y, seed=1)] * 2)
    again = [b[1].tolist() for b in Batches(x, y, seed=1)]
    assert first != second
    assert first == again


def test_images_stay_with_their_labels_and_are_changed_afresh():
    x, y = torch.arange(20.0)[:, None], torch.arange(20)
    loader = Batches(x, y, 5, change=lambda x, rng: x + rng.integers(1, 100) / 1000)
    passes = [torch.cat([x for x, _ in loader]), torch.cat([x for x, _ in loader])]
    for images, labels in loader:
        assert (images.floor()[:, 0].long() == labels).all()
    assert len({round(float(v % 1), 4) for v in torch.cat(passes)}) > 4


def test_a_budget_is_kept_over_all_passes():
    loader = Batches(*data(), batch_size=5, most=3)
    assert len(list(loader)) == 2
    with pytest.raises(RuntimeError, match="all 3 batches are used up"):
        list(loader)


def test_batches_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="10 images and 9 labels"):
        Batches(data()[0], data()[1][:9])
    with pytest.raises(ValueError, match="batch_size"):
        Batches(*data(), batch_size=0)


def test_one_epoch_is_what_one_writes_out_by_hand():
    x, y = data()
    model = nn.Linear(3, 3).double()
    weight, bias = (p.detach().clone() for p in model.parameters())
    loader = DataLoader(TensorDataset(x, y), batch_size=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    mean = train_one_epoch(model, loader, optimizer, nn.CrossEntropyLoss())
    total = 0.0
    for batch in torch.arange(10).split(4):
        scores = x[batch] @ weight.T + bias
        chances = scores.softmax(1)
        total -= chances[range(len(batch)), y[batch]].log().sum().item()
        grad = (chances - nn.functional.one_hot(y[batch], 3)) / len(batch)
        weight, bias = weight - 0.1 * grad.T @ x[batch], bias - 0.1 * grad.sum(0)
    torch.testing.assert_close(model.weight.detach(), weight)
    torch.testing.assert_close(model.bias.detach(), bias)
    assert mean == pytest.approx(total / 10)
    assert model.training


def test_evaluating_counts_samples_and_changes_nothing():
    x, y = data(7)
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3)).double()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    loss, accuracy = evaluate(model, Batches(x, y, 3), nn.CrossEntropyLoss())
    scores = model.eval()(x)
    assert loss == pytest.approx(nn.functional.cross_entropy(scores, y).item())
    assert accuracy == pytest.approx((scores.argmax(1) == y).double().mean().item())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.equal(predictions(model, x, batch_size=2), scores.argmax(1))


def test_rows_of_the_confusion_matrix_are_the_truth():
    matrix = confusion_matrix(torch.tensor([0, 0, 2]), torch.tensor([0, 1, 2]), num_classes=3)
    assert matrix.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_the_progress_bar_keeps_off_the_standard_error(capsys):
    assert list(progress(range(3), "epoch")) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert "3/3" in out
    assert err == ""
    assert sys.stdout is not None


def train_on(images, labels, epochs, gamma, seed=0, change=None):
    torch.manual_seed(seed)
    model = LeNet5()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma)
    loader = Batches(images, labels, 64, change, seed)
    for _ in range(epochs):
        train_one_epoch(model, loader, optimizer, nn.CrossEntropyLoss())
        schedule.step()
    return model


@pytest.fixture
def one_thread():
    """Small networks on a busy machine: more threads would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_lenet5_reads_the_digits_of_scikit_learn(one_thread):
    images, labels = digits(32, margin=4)
    model = train_on(images[:1437], labels[:1437], 15, 1.0)
    right = predictions(model, images[1437:]) == labels[1437:]
    assert right.float().mean() > 0.88


@pytest.mark.slow
def test_lenet5_reads_mnist_after_three_epochs(one_thread):
    try:
        train, (images, labels) = (mnist(part, size=32) for part in (True, False))
    except DataMissing as missing:
        pytest.skip(f"{missing} COURSE_DATA may name another folder.")
    model = train_on(*train, epochs=3, gamma=1 / 3)
    assert (predictions(model, images) == labels).float().mean() >= 0.985


def test_moving_uses_numpys_generator_only():
    rng = np.random.default_rng(3)
    state = torch.get_rng_state()
    list(Batches(*data(), seed=int(rng.integers(9))))
    assert torch.equal(state, torch.get_rng_state())
