"""Training a classifier: batches, one pass over them, and how well it does afterwards."""

import sys
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from IPython import get_ipython
from IPython.display import display
from torch import Tensor, nn
from torch.utils.data import TensorDataset
from tqdm import tqdm

Change = Callable[[Tensor, np.random.Generator], Tensor]


class Batches:
    """Shuffled batches (images, labels) of tensors in memory; a small DataLoader.

    Each pass shuffles anew, from `seed` on. change(images, rng): applied to every batch, e.g.
    `helpers.data.moved`. most: how many batches there are in all, over all passes; asking for more
    raises RuntimeError. The last batch of a pass may be smaller. len() is the batches of a pass.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch_size: int = 64,
        change: Change | None = None,
        seed: int = 0,
        most: int | None = None,
    ) -> None:
        if len(images) != len(labels):
            raise ValueError(f"there are {len(images)} images and {len(labels)} labels")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.dataset = TensorDataset(images, labels)
        self.batch_size, self.change, self.most, self.given = batch_size, change, most, 0
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = self.dataset.tensors
        order = torch.from_numpy(self.rng.permutation(len(labels)))
        for chosen in order.split(self.batch_size):
            if self.most is not None and self.given >= self.most:
                raise RuntimeError(f"all {self.most} batches are used up: train for fewer epochs")
            self.given += 1
            batch = images[chosen]
            yield (self.change(batch, self.rng) if self.change else batch), labels[chosen]


def train_one_epoch(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
) -> float:
    """One pass over the data: sample, forward, backprop, update. The model is set to training mode.

    loader: gives batches (x, y), which are moved to the model's device. loss_fn(scores, y): the
    mean over a batch. Returns the mean of the losses over all samples, as they were met.
    """
    device = next(model.parameters()).device
    model.train()
    total, samples = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        samples += len(y)
    return total / samples


@torch.no_grad()
def evaluate(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
) -> tuple[float, float]:
    """Loss and accuracy over a data set, in evaluation mode and without gradients.

    loader and loss_fn: as in :func:`train_one_epoch`. Returns (mean loss over all samples, share of
    samples whose largest score is that of their label, 0 to 1).
    """
    device = next(model.parameters()).device
    model.eval()
    total, right, samples = 0.0, 0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        scores = model(x)
        total += loss_fn(scores, y).item() * len(y)
        right += (scores.argmax(dim=1) == y).sum().item()
        samples += len(y)
    return total / samples, right / samples


@torch.no_grad()
def predictions(model: nn.Module, images: Tensor, batch_size: int = 512) -> Tensor:
    """The class with the largest score for each of `images`, (N,), on the CPU."""
    device = next(model.parameters()).device
    model.eval()
    return torch.cat([model(x.to(device)).argmax(dim=1).cpu() for x in images.split(batch_size)])


def confusion_matrix(labels: Tensor, predicted: Tensor, num_classes: int = 10) -> Tensor:
    """How often each class (row) was taken for each class (column): (num_classes, num_classes)."""
    pairs = labels * num_classes + predicted
    return pairs.bincount(minlength=num_classes**2).reshape(num_classes, num_classes)


class _Line:
    """A text file for tqdm that shows its last line: one output that changes, or the terminal."""

    def __init__(self) -> None:
        self.handle = None

    def write(self, text: str) -> None:
        line = text.strip("\r\n")
        if get_ipython() is None:
            sys.stdout.write(text)
        elif line.strip():
            shown = {"text/plain": line}
            if self.handle is None:
                self.handle = display(shown, raw=True, display_id=True)
            else:
                self.handle.update(shown, raw=True)

    def flush(self) -> None:
        sys.stdout.flush()


def progress(items: Iterable | None = None, label: str = "", **options) -> tqdm:
    """`items` with a progress bar, which goes where outputs go and never to the standard error.

    Without items, its `update(n)` moves it. options: tqdm's own, such as `total` and `unit`.
    """
    return tqdm(items, desc=label, file=_Line(), ncols=80, mininterval=0.5, **options)
