"""How long does it take to count ResNet-152? Ratios, measured side by side in one run.

    .venv/bin/python benchmarks/counting.py

Time of `helpers.counting.count` over that of torchinfo (on the meta device, which is its fastest
way) and of fvcore (on the CPU, as it cannot trace the meta device), each the median over
interleaved rounds after one that warms up. Target: below 1. All three count 11,513,626,624 MACs in
convolutions and linear layers; torchinfo adds biases and batch norms, fvcore batch norms and the
last pooling (see `tests/helpers/test_count.py`).
"""

import argparse
import statistics
import time

import fvcore.nn
import torch
import torchinfo

from helpers.counting import count
from helpers.models.resnet import resnet

SHAPE = (3, 224, 224)


def ours(net, shapes_only):
    return count(net, SHAPE).macs


def with_torchinfo(net, shapes_only):
    summary = torchinfo.summary(shapes_only, (1, *SHAPE), device="meta", mode="eval", verbose=0)
    return summary.total_mult_adds


def with_fvcore(net, shapes_only):
    analysis = fvcore.nn.FlopCountAnalysis(net, torch.zeros(1, *SHAPE))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return analysis.total()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds to measure")
    rounds = parser.parse_args().rounds
    net = resnet(152).eval()
    with torch.device("meta"):
        shapes_only = resnet(152).eval()
    ways = {"count": ours, "torchinfo": with_torchinfo, "fvcore": with_fvcore}
    taken = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            macs = way(net, shapes_only)
            seconds = time.perf_counter() - started
            if number:
                taken[name].append(seconds)
            else:
                print(f"{name:10} {macs:15,}  first call {seconds:6.3f} s")
    middle = {name: statistics.median(times) for name, times in taken.items()}
    for name, seconds in middle.items():
        ratio = middle["count"] / seconds
        print(f"{name:10} {seconds:6.3f} s   count takes {ratio:5.2f} of it")


if __name__ == "__main__":
    main()
