"""How well LeNet-5 reads MNIST, or Fashion-MNIST, after three epochs: `python benchmarks/mnist.py`.

Needs the data in `data/` or where COURSE_DATA points; `--download` fetches what is missing. Exits
with 1 if MNIST's test accuracy is below 98.5 %.
"""

import argparse
import sys
import time

import torch
from torch import nn

from helpers.data import DataMissing, mnist
from helpers.models.lenet import LeNet5
from helpers.runtime import pick_device, seed_everything
from helpers.training import Batches, evaluate, train_one_epoch

GOALS = {"MNIST": 0.985, "FashionMNIST": 0.84}


def measure(name: str, epochs: int, seed: int, download: bool) -> float:
    """Train as the notebook does; prints a line per epoch and returns the test accuracy."""
    train, test = (mnist(part, name, 32, download) for part in (True, False))
    seed_everything(seed)
    model = LeNet5().to(pick_device())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=1 / 3)
    batches, accuracy = Batches(*train, batch_size=64, seed=seed), 0.0
    for epoch in range(epochs):
        start = time.process_time()
        loss = train_one_epoch(model, batches, optimizer, nn.CrossEntropyLoss())
        seconds = time.process_time() - start
        schedule.step()
        _, accuracy = evaluate(model, Batches(*test, batch_size=1000), nn.CrossEntropyLoss())
        print(
            f"{name}, seed {seed}, epoch {epoch + 1}: loss {loss:.4f}, test accuracy "
            f"{accuracy:.2%}, {seconds:.1f} CPU s"
        )
    return accuracy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", choices=sorted(GOALS), default="MNIST")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--download", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)  # a network this small gains nothing from more
    try:
        reached = [
            measure(options.name, options.epochs, seed, options.download)
            for seed in range(options.seeds)
        ]
    except DataMissing as missing:
        print(missing)
        return 0
    print(f"worst of {len(reached)}: {min(reached):.2%}; the goal is {GOALS[options.name]:.1%}")
    return 0 if min(reached) >= GOALS[options.name] else 1


if __name__ == "__main__":
    sys.exit(main())
