"""The curves of the puzzle in 08_residual_blocks: four ways a deep network's training can go.

    .venv/bin/python benchmarks/learning_curves.py

Prints, for each panel, the error in percent at eight points of the run: of a network of 44 layers
on its training images and on 360 others, and of one of 20 layers on its training images. The
numbers in the notebook are this output; they differ a little from machine to machine.
"""

from torch import nn, optim

from helpers.data import digits
from helpers.models.resnet import cifar_resnet
from helpers.runtime import seed_everything
from helpers.training import Batches, evaluate, train_one_epoch

PANELS = {  # residual or plain, training images, learning rate, epochs
    "steps that are too long": (True, 1024, 1.5, 16),
    "overfitting": (True, 128, 0.05, 64),
    "healthy": (True, 1024, 0.05, 16),
    "degradation": (False, 1024, 0.05, 16),
}


def errors(depth, residual, count, lr, epochs):
    """Error in percent, on the training images and on others, after each eighth of the epochs."""
    seed_everything(0)
    images, labels = digits()
    model = cifar_resnet(depth, residual, in_channels=1, width=0.5)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss()
    loader = Batches(images[:count], labels[:count], batch_size=128)
    seen = []
    for epoch in range(1, epochs + 1):
        train_one_epoch(model, loader, optimizer, loss_fn)
        if epoch % (epochs // 8) == 0:
            data = (images[:count], labels[:count]), (images[1437:], labels[1437:])
            right = [evaluate(model, Batches(*part, 512), loss_fn)[1] for part in data]
            seen.append([round(100 * (1 - share)) for share in right])
    return [list(column) for column in zip(*seen, strict=True)]


def main():
    for name, recipe in PANELS.items():
        training, others = errors(44, *recipe)
        shallow, _ = errors(20, *recipe)
        print(f"{name}\n  {training}\n  {others}\n  {shallow}")


if __name__ == "__main__":
    main()
