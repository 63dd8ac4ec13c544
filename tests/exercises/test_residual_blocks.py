"""08_residual_blocks' judging: other ways to write blocks and networks, and slips told apart."""

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from autograder.exercises.residual_blocks import (
    EXERCISES,
    RIGHT_BASIC_BLOCK,
    RIGHT_BOTTLENECK,
    RIGHT_PAD_SHORTCUT,
    EarlyBottleneck,
    shortcuts_first,
)
from autograder.mistakes import sit
from helpers.checks import CheckFailed
from helpers.checks import residual_blocks as check
from helpers.models import resnet


def verdict_on(name, answer):
    return sit(EXERCISES[name].exercise, answer)


def defined(source, name):
    names = {}
    exec(source, names)
    return names[name]


class ShortcutFirst(nn.Module):
    """A basic block with its layers made backwards, nn.ReLU, and the shortcut computed first."""

    def __init__(self, in_channels, channels, stride=1, shortcut="projection"):
        super().__init__()
        self.stride, self.new, self.plain = stride, channels - in_channels, shortcut is None
        self.padded = shortcut == "padding"
        self.project = nn.Sequential()
        if shortcut == "projection" and (stride > 1 or in_channels != channels):
            self.project.append(nn.Conv2d(in_channels, channels, 1, stride, bias=False))
            self.project.append(nn.BatchNorm2d(channels))
        self.second = nn.BatchNorm2d(channels)
        self.b = nn.Conv2d(channels, channels, 3, padding="same", bias=False)
        self.first = nn.BatchNorm2d(channels)
        self.a = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        if self.padded:
            thinned = functional.max_pool2d(x, 1, self.stride)
            zeros = thinned.new_zeros(len(x), self.new, *thinned.shape[2:])
            way = torch.cat([thinned, zeros], dim=1)
        else:
            way = self.project(x)
        out = self.second(self.b(self.relu(self.first(self.a(x)))))
        return self.relu(out if self.plain else out + way)


class InTorchvisionsWords(torchvision.models.resnet.Bottleneck):
    """torchvision's block behind the constructor of the exercise."""

    def __init__(self, in_channels, channels, stride=1):
        downsample = None
        if stride != 1 or in_channels != 4 * channels:
            downsample = nn.Sequential(
                nn.Conv2d(in_channels, 4 * channels, 1, stride, bias=False),
                nn.BatchNorm2d(4 * channels),
            )
        super().__init__(in_channels, channels, stride, downsample)


class GivenUp(nn.Module):
    """A ResNet whose last layer is a 1x1 convolution, and whose mean is taken by hand."""

    def __init__(self, depth, num_classes=1000, in_channels=3, width=1.0):
        super().__init__()
        self.net = resnet.resnet(depth, num_classes, in_channels, width)
        self.scores = nn.Conv2d(self.net.fc.in_features, num_classes, 1)
        self.net.fc, self.net.avgpool, self.net.flatten = (
            nn.Identity(),
            nn.Identity(),
            nn.Identity(),
        )

    def forward(self, x):
        return self.scores(self.net(x).mean((2, 3), keepdim=True)).flatten(1)


def pixel_by_pixel(x, channels, stride=1):
    n, c, height, width = x.shape
    out = np.zeros((n, channels, -(-height // stride), -(-width // stride)))
    for row in range(out.shape[2]):
        for column in range(out.shape[3]):
            out[:, :c, row, column] = x[:, :, row * stride, column * stride].numpy()
    return torch.from_numpy(out).to(x.dtype)


def image_by_image(grad_out, x, w1, w2):
    """Gradients summed over the images one by one, as column vectors."""
    grad_x, grad_w1, grad_w2 = torch.zeros_like(x), torch.zeros_like(w1), torch.zeros_like(w2)
    for k in range(len(x)):
        before = w1.T @ x[k]
        hidden = before.clamp(min=0)
        gradient = grad_out[k].clone()
        gradient[w2.T @ hidden + x[k] <= 0] = 0
        inside = w2 @ gradient
        inside[before <= 0] = 0
        grad_x[k] = gradient + w1 @ inside
        grad_w1 += torch.outer(x[k], inside)
        grad_w2 += torch.outer(hidden, gradient)
    return [grad_x, grad_w1, grad_w2]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("pad_shortcut", pixel_by_pixel),
        ("pad_shortcut", defined(RIGHT_PAD_SHORTCUT, "pad_shortcut")),
        ("BasicBlock", ShortcutFirst),
        ("BasicBlock", defined(RIGHT_BASIC_BLOCK, "BasicBlock")),
        ("Bottleneck", EarlyBottleneck),
        ("Bottleneck", InTorchvisionsWords),
        ("Bottleneck", defined(RIGHT_BOTTLENECK, "Bottleneck")),
        ("residual_backward", image_by_image),
        ("resnet", shortcuts_first(resnet.resnet)),
        ("resnet", GivenUp),
        ("cifar_resnet", shortcuts_first(resnet.cifar_resnet)),
        ("he_std", lambda weight: torch.tensor(2.0 / weight[0].numel()).double().sqrt()),
        ("he_std", lambda weight: np.sqrt(2 / np.prod(weight.shape[1:]))),
    ],
)  # fmt: skip
def test_other_ways_to_write_it_are_right(name, answer):
    assert verdict_on(name, answer).fraction == 1


def test_a_network_of_any_names_has_torchvisions_counts():
    for depth in resnet.DEPTHS:
        with torch.device("meta"):
            theirs = getattr(torchvision.models, f"resnet{depth}")()
            ours = resnet.resnet(depth)
        assert [p.shape for p in theirs.parameters()] == [p.shape for p in ours.parameters()]


def test_most_exercises_have_eight_named_mistakes():
    for name in set(EXERCISES) - {"curve_puzzle"}:
        assert len(EXERCISES[name].exercise.mistakes) >= 8, name


def test_a_block_that_overwrites_its_input_is_rejected():
    class Overwriting(resnet.BasicBlock):
        def forward(self, x):
            x = self.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(x))
            return self.relu(out + x if self.residual else out)

        def __init__(self, in_channels, channels, stride=1, shortcut="projection"):
            super().__init__(in_channels, channels, stride, shortcut)
            self.downsample = None

    verdict = verdict_on("BasicBlock", Overwriting)
    assert verdict.fraction < 1
    assert [m.name for m in verdict.findings[0].mistakes] == ["shortcut from the middle"]


def test_the_visible_check_names_a_relu_in_the_wrong_place():
    class Early(resnet.BasicBlock):
        def forward(self, x):
            out = functional.relu(self.bn1(self.conv1(x)))
            out = functional.relu(self.bn2(self.conv2(out)))
            return out + (self.downsample or nn.Identity())(x) if self.residual else out

    with pytest.raises(CheckFailed, match="before the addition instead of after it"):
        check.BasicBlock(Early)


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (lambda in_channels, channels, stride: stride != 1, "the stride is not 1"),
        (
            lambda in_channels, channels, stride: in_channels != channels,
            "the number of channels changes",
        ),
    ],
)
def test_the_visible_check_names_a_projection_that_is_missing(needed, words):
    class Fewer(resnet.BasicBlock):
        def __init__(self, in_channels, channels, stride=1, shortcut="projection"):
            super().__init__(in_channels, channels, stride, shortcut)
            if shortcut == "projection" and not needed(in_channels, channels, stride):
                self.downsample = None

    with pytest.raises(CheckFailed, match=f"projected only where .*{words}"):
        check.BasicBlock(Fewer)


def test_the_visible_check_names_a_mask_taken_from_x():
    def masked_by_x(grad_out, x, w1, w2):
        hidden = torch.relu(x @ w1)
        gradient = torch.where(x > 0, grad_out, 0)
        inside = torch.where(hidden > 0, gradient @ w2.T, 0)
        return gradient + inside @ w1.T, x.T @ inside, hidden.T @ gradient

    with pytest.raises(CheckFailed, match="the last ReLU looks at the sign of x"):
        check.residual_backward(masked_by_x)


def test_the_visible_check_names_outputs_taken_for_inputs():
    with pytest.raises(CheckFailed, match="the outputs are counted, not the inputs"):
        check.he_std(lambda weight: (2 / weight[:, 0].numel()) ** 0.5)


def test_the_gradient_without_the_identity_term_is_named():
    def plain(grad_out, x, w1, w2):
        hidden = torch.relu(x @ w1)
        gradient = grad_out * (hidden @ w2 + x > 0)
        inside = gradient @ w2.T * (hidden > 0)
        return inside @ w1.T, x.T @ inside, hidden.T @ gradient

    with pytest.raises(CheckFailed, match="the shortcut's gradient is not added"):
        check.residual_backward(plain)
