"""Are the reference layers as fast as torch itself? Ratios, measured side by side in one run.

    .venv/bin/python benchmarks/reference_layers.py

For layers of AlexNet and VGG-16, on the CPU and on a GPU if there is one: time of the reference
over time of `torch.nn.functional` (forward) and over time of autograd's backward (backward alone).
Each ratio is the median over interleaved pairs. Target: at most 1.05.
"""

import argparse
import statistics
import time

import torch
from torch.nn import functional

from helpers.convolution import conv2d, conv2d_backward

LAYERS = {  # name -> (in_channels, out_channels, kernel_size, size, stride, padding, groups)
    "AlexNet conv1": (3, 96, 11, 227, 4, 0, 1),
    "AlexNet conv2": (96, 256, 5, 27, 1, 2, 2),
    "AlexNet conv3": (256, 384, 3, 13, 1, 1, 1),
    "VGG-16 conv1_2": (64, 64, 3, 224, 1, 1, 1),
    "VGG-16 conv3_2": (256, 256, 3, 56, 1, 1, 1),
    "VGG-16 conv5_3": (512, 512, 3, 14, 1, 1, 1),
}


def seconds(run, device):
    """Wall time of one call, the device's work included."""
    started = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def ratio(ours, theirs, device, pairs):
    """Median of time(ours)/time(theirs) over interleaved pairs, and of time(theirs) in ms."""
    for run in (ours, theirs, ours, theirs):
        seconds(run, device)
    taken = []
    for i in range(pairs):
        order = (ours, theirs) if i % 2 else (theirs, ours)
        times = {run: seconds(run, device) for run in order}
        taken.append((times[ours] / times[theirs], times[theirs]))
    return (statistics.median(column) for column in zip(*taken, strict=True))


def measure(name, device, images, pairs):
    """Print the ratios of one layer."""
    c_in, c_out, kernel, size, stride, padding, groups = LAYERS[name]
    x = torch.randn(images, c_in, size, size, device=device)
    weight = torch.randn(c_out, c_in // groups, kernel, kernel, device=device)
    bias = torch.randn(c_out, device=device)
    leaves = [t.clone().requires_grad_() for t in (x, weight, bias)]
    out = functional.conv2d(*leaves, stride, padding, groups=groups)
    grad_out = torch.randn_like(out)
    forward, forward_s = ratio(
        lambda: conv2d(x, weight, bias, stride, padding, groups),
        lambda: functional.conv2d(x, weight, bias, stride, padding, groups=groups),
        device, pairs,
    )  # fmt: skip
    backward, backward_s = ratio(
        lambda: conv2d_backward(grad_out, x, weight, stride, padding, groups),
        lambda: torch.autograd.grad(out, leaves, grad_out, retain_graph=True),
        device, pairs,
    )  # fmt: skip
    print(
        f"{device:5} {name:15} {forward:7.3f} {1000 * forward_s:9.2f} ms"
        f" {backward:9.3f} {1000 * backward_s:9.2f} ms"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15, help="measurements per ratio")
    parser.add_argument("--images", type=int, default=4, help="batch size on the CPU; 32 on a GPU")
    options = parser.parse_args()
    print("device layer           forward     torch's       backward     torch's")
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        for name in LAYERS:
            measure(name, device, options.images if device == "cpu" else 32, options.pairs)


if __name__ == "__main__":
    main()
