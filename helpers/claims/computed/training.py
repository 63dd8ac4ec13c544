"""Training: initialisation, dropout's place, patches."""

from torch import nn

from helpers import convolution
from helpers.claims.networks import built, counted, linears, percent
from helpers.claims.recompute import Result


def he_over_xavier() -> Result:
    """The spread of He's initialisation over that of Xavier's, for a 3x3 layer of ResNet-34."""
    fan_in = built("ResNet-34").layer1[0].conv1.weight[0].numel()
    he, xavier = (nn.init.calculate_gain(kind) / fan_in**0.5 for kind in ("relu", "linear"))
    slips = {"halving the spread instead of fan_in": xavier / 2 / xavier}
    return Result(he / xavier, slips=slips, shown=f"{he:.4f} over {xavier:.4f} for {fan_in} inputs")


def most_in_classifier() -> Result:
    """Whether the fully connected layers of AlexNet hold most parameters."""
    net = counted("AlexNet-96")
    part = sum(layer.params for layer in linears(net))
    return Result(part > net.params / 2, shown=percent(part, net.params))


def patches() -> Result:
    """Whether 224x224 patches of 256x256 and their reflections are more than the image."""
    places = convolution.conv_output_size(256, 224)
    counts = [2 * ends**2 for ends in (places, places - 1)]
    shown = f"{places} x {places} x 2 = {counts[0]:,}; {counts[1]:,} in the paper, with one end"
    return Result(counts[0] > 1, shown=shown)


COMPUTE = {
    "resnet-init": he_over_xavier,
    "dropout-fc": most_in_classifier,
    "aug-patches": patches,
}
