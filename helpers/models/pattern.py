"""Networks written as a pattern: `[(CONV-RELU)*2-POOL]*3-(FC-RELU)*2-FC`.

The lectures sum up networks from LeNet to VGG as `[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K,SOFTMAX`.
With numbers in place of the letters, and with the last layer of scores that this form forgets, it
is a description a program can read:

    spec  = item { "-" item }
    item  = ( word | "(" spec ")" | "[" spec "]" ) [ "*" number ]
    word  = CONV | RELU | POOL | FC | SOFTMAX

Source: CS231n 2016, lecture 7.
"""

import re
from collections.abc import Sequence

from torch import nn

WORDS = ("CONV", "RELU", "POOL", "FC", "SOFTMAX")
CLOSING = {"(": ")", "[": "]"}

PATTERNS = {
    "LeNet-5": "[CONV-RELU-POOL]*2-(FC-RELU)*2-FC",
    "AlexNet": "[CONV-RELU-POOL]*2-[(CONV-RELU)*3-POOL]-(FC-RELU)*2-FC",
    "VGG-16": "[(CONV-RELU)*2-POOL]*2-[(CONV-RELU)*3-POOL]*3-(FC-RELU)*2-FC",
    "VGG-19": "[(CONV-RELU)*2-POOL]*2-[(CONV-RELU)*4-POOL]*3-(FC-RELU)*2-FC",
}


def parse_pattern(spec: str) -> list[str]:
    """The layers of a pattern, one word each, from the input on.

    Raises ValueError, in a sentence, for what is no pattern: an unknown word, a bracket without its
    partner, nothing between two dashes, a letter for a number, a CONV or POOL after an FC.
    """
    tokens = re.findall(r"[A-Za-z]+|\d+|\S", spec)
    words = _sequence(tokens)
    if tokens:
        raise ValueError(f"{tokens[0]!r} is not expected where it stands; a dash joins two layers")
    if not words:
        raise ValueError("the pattern holds no layer")
    behind = words[words.index("FC") :] if "FC" in words else []
    for word in behind:
        if word in ("CONV", "POOL"):
            raise ValueError(f"{word} cannot follow FC: there are no maps any more")
    return words


def _sequence(tokens: list[str]) -> list[str]:
    """The words of items joined by dashes, taken from the front of `tokens`."""
    words = _item(tokens)
    while tokens[:1] == ["-"]:
        tokens.pop(0)
        words += _item(tokens)
    return words


def _item(tokens: list[str]) -> list[str]:
    """The words of one item, a layer or a bracket, repeated as often as it says."""
    token = tokens.pop(0) if tokens else "the end"
    if token in CLOSING:
        words = _sequence(tokens)
        if not tokens or tokens.pop(0) != CLOSING[token]:
            raise ValueError(f"the bracket {token} has no partner")
    elif token in WORDS:
        words = [token]
    else:
        raise ValueError(f"{token} stands where one of {', '.join(WORDS)} or a bracket should")
    if tokens[:1] != ["*"]:
        return words
    tokens.pop(0)
    times = tokens.pop(0) if tokens else "the end"
    if not times.isdigit():
        raise ValueError(f"a number should follow *, not {times}")
    return words * int(times)


def build_from_pattern(
    spec: str, widths: Sequence[int], in_channels: int = 3, size: int = 32
) -> nn.Sequential:
    """The network of a pattern. CONV is 3x3 with padding 1, POOL is 2x2 max pooling.

    widths: how many maps or units each CONV and each FC gives, in their order; size: height and
    width of the input, which the first FC has to know. x: (N, in_channels, size, size).
    Raises ValueError for a pattern that is none, and if there are too few or too many widths.
    """
    words = parse_pattern(spec)
    wanted = sum(word in ("CONV", "FC") for word in words)
    if wanted != len(widths):
        raise ValueError(f"the pattern has {wanted} layers with weights, not {len(widths)}")
    left, layers, channels, flat = list(widths), [], in_channels, False
    for word in words:
        if word == "CONV":
            layers.append(nn.Conv2d(channels, left[0], kernel_size=3, padding=1))
        elif word == "FC":
            if not flat:
                layers.append(nn.Flatten())
                channels, flat = channels * size * size, True
            layers.append(nn.Linear(channels, left[0]))
        elif word == "POOL":
            layers.append(nn.MaxPool2d(2))
            size //= 2
        else:
            layers.append(nn.ReLU() if word == "RELU" else nn.Softmax(dim=1))
        if word in ("CONV", "FC"):
            channels = left.pop(0)
    return nn.Sequential(*layers)
