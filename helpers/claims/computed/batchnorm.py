"""Batch norm and its relatives: which formula, which axes, and how exactly."""

from itertools import combinations

import torch
from torch import Tensor

from helpers import convolution, normalization
from helpers.claims.recompute import Result

EPS = 1e-5


def vectors(rows: int = 6, features: int = 4, shift: float = 3.0) -> Tensor:
    """A batch of vectors, (N, D), off centre and of unequal spread."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(rows, features, generator=random, dtype=torch.float64)
    return x * torch.arange(1, features + 1) + shift


def maps() -> Tensor:
    """A batch of maps, (N, C, H, W), of four different sizes."""
    return vectors(2 * 5, 3 * 4).reshape(2, 5, 3, 4) + torch.arange(5.0)[:, None, None]


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = EPS, momentum: float = 1.0):
    """The output of batch norm in training, and the running statistics after this batch."""
    forward = normalization.batchnorm2d_forward if x.ndim == 4 else normalization.batchnorm_forward
    mean, var = torch.zeros_like(beta), torch.ones_like(gamma)
    out, _ = forward(x, gamma, beta, mean, var, True, momentum, eps)
    return out, mean, var


def plain(x: Tensor, channels: int = 1) -> tuple[Tensor, Tensor]:
    """A gamma and a beta that leave the normalised values as they are."""
    return torch.ones(x.shape[channels]).to(x), torch.zeros(x.shape[channels]).to(x)


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors differ by rounding only."""
    return torch.allclose(a, b, rtol=0, atol=1e-9)


def which(formulas: dict[str, Tensor], out: Tensor) -> str:
    """The formula that gives this output."""
    return next(formula for formula, value in formulas.items() if same(value, out))


def statistics_shape(x: Tensor, out: Tensor, names: str) -> str:
    """The shape of mean and variance, by the axes over which normalising x gives out.

    names: of the axes, such as "NC"; axes that were averaged over have size 1.
    """
    axes = range(x.ndim)
    chosen = next(
        over
        for count in axes
        for over in combinations(axes, count + 1)
        if same(normalization.normalize(x, over), out)
    )
    return "x".join("1" if axis in chosen else names[axis] for axis in axes)


def parameters_shape(x: Tensor, gamma: Tensor, names: str) -> str:
    """The shape of gamma among the axes of x, all of different sizes."""
    sizes = zip(names, x.shape, strict=True)
    return "x".join(name if size == len(gamma) else "1" for name, size in sizes)


def mean_is_the_mean() -> bool:
    """Whether the mean that batch norm takes is the sum over the batch by N."""
    x = vectors()
    return same(batch_norm(x, *plain(x))[1], x.sum(0) / len(x))


def spread_is_biased() -> Result:
    """Whether batch norm divides by the root of the sum of squares by N."""
    x = vectors()
    out, mean, stored = batch_norm(x, *plain(x), eps=0)
    squares = ((x - mean) ** 2).sum(0)
    kept = "N - 1" if same(stored, squares / (len(x) - 1)) else "N"
    biased = same(out, (x - mean) / (squares / len(x)).sqrt())
    return Result(biased, shown=f"running_var divides by {kept}")


def normalised_value() -> Result:
    """The formula that batch norm follows, of the two on the slides."""
    x = vectors()
    var, mean = torch.var_mean(x, 0, correction=0)
    spread = (var + EPS).sqrt()
    formulas = {
        "(x-mean)/sqrt(var+eps)": (x - mean) / spread,
        "(x+mean)/sqrt(var+eps)": (x + mean) / spread,
    }
    wrong = formulas["(x+mean)/sqrt(var+eps)"].mean()
    formula = which(formulas, batch_norm(x, *plain(x))[0])
    return Result(formula, shown=f"with a plus the mean would be {wrong:.2f}")


def affine() -> bool:
    """Whether gamma scales and beta shifts the normalised values."""
    x = vectors()
    gamma, beta = torch.tensor([0.5, 1, 2, 3]).to(x), torch.tensor([1.0, -1, 0, 2]).to(x)
    return same(batch_norm(x, gamma, beta)[0], gamma * batch_norm(x, *plain(x))[0] + beta)


def identity_error() -> Result:
    """How far batch norm is from giving back its input, at the most."""
    x = vectors()
    var, mean = torch.var_mean(x, 0, correction=0)
    errors = [
        float((batch_norm(x, gamma, mean)[0] - x).abs().max())
        for gamma in (var.sqrt(), (var + EPS).sqrt())
    ]
    return Result(
        errors[0], shown=f"{'none' if errors[1] < 1e-12 else errors[1]} with eps in gamma"
    )


def running_mean() -> Result:
    """Whether the slide's update is torch's with momentum 0.01, for three batches."""
    x = vectors()
    expected, mean = torch.zeros(4).to(x), torch.zeros(4).to(x)
    for batch in (x, 2 * x, x - 1):
        expected = 0.99 * expected + 0.01 * batch.mean(0)
        normalization.batchnorm_forward(
            batch, *plain(x), mean, torch.ones(4).to(x), True, momentum=0.01
        )
    start = torch.zeros(4).to(x)
    for _ in range(100):
        moving = start, torch.ones(4).to(x)
        normalization.batchnorm_forward(x, *plain(x), *moving, True, momentum=0.01)
    reached = float((start / x.mean(0)).mean())
    return Result(same(mean, expected), shown=f"{reached:.0%} of the mean after 100 batches")


def fusing_error() -> float:
    """How far one fused convolution is from a convolution and batch norm."""
    x = maps()
    weight = vectors(3, 5 * 9).reshape(3, 5, 3, 3) / 9
    gamma, beta, mean, var = vectors(4, 3).abs() + 1
    apart, _ = normalization.batchnorm2d_forward(
        convolution.conv2d(x, weight), gamma, beta, mean.clone(), var.clone(), False
    )
    fused = normalization.fuse_conv_bn(weight, None, gamma, beta, mean, var)
    return float((convolution.conv2d(x, *fused) - apart).abs().max())


def batch_norm_shapes(x: Tensor, names: str) -> str:
    """The shape that statistics and parameters share; both if they do not."""
    gamma, beta = plain(x)
    shapes = {
        statistics_shape(x, batch_norm(x, gamma, beta)[0], names),
        parameters_shape(x, gamma, names),
    }
    return " ".join(sorted(shapes))


def layer_norm_shapes() -> list[str]:
    """The shapes of statistics and parameters of layer norm."""
    x = vectors()
    gamma, beta = plain(x)
    out = normalization.layer_norm(x, gamma, beta)
    return [statistics_shape(x, out, "ND"), parameters_shape(x, gamma, "ND")]


def instance_norm_shapes() -> list[str]:
    """The shapes of statistics and parameters of instance norm."""
    x = maps()
    gamma, beta = plain(x)
    out = normalization.instance_norm2d(x, gamma, beta)
    return [statistics_shape(x, out, "NCHW"), parameters_shape(x, gamma, "NCHW")]


def centred() -> Result:
    """Mean and variance of normalised values, without eps."""
    x = vectors()
    out = normalization.normalize(x, 0, eps=0)
    var = normalization.normalize(x, 0).var(0, correction=0).min()
    return Result([float(out.mean()), float(out.var(correction=0))], shown=f"{var:.7f} with eps")


def differentiable() -> bool:
    """Whether numerical gradients agree with those of autograd."""
    x = vectors().requires_grad_()
    return torch.autograd.gradcheck(lambda x: normalization.normalize(x, 0), x)


def layer_norm_formula() -> str:
    """The formula that layer norm follows, of the one on the slide and the right one."""
    x = vectors()
    gamma, beta = torch.tensor([0.5, 1, 2, 3]).to(x), torch.tensor([1.0, -1, 0, 2]).to(x)
    mean = x.mean(1, keepdim=True)
    scaled = normalization.normalize(x, 1) * gamma
    formulas = {"(x-mean)/std*gamma+beta": scaled + beta, "(x-mean)/std*gamma+mean": scaled + mean}
    return which(formulas, normalization.layer_norm(x, gamma, beta))


COMPUTE = {
    "bn-mean": mean_is_the_mean,
    "bn-var": spread_is_biased,
    "bn-normalise": normalised_value,
    "bn-normalise-plus": normalised_value,
    "bn-affine": affine,
    "bn-identity": identity_error,
    "bn-running": running_mean,
    "bn-fuse": fusing_error,
    "bn-fc-shapes": lambda: batch_norm_shapes(vectors(), "ND"),
    "bn-conv-shapes": lambda: batch_norm_shapes(maps(), "NCHW"),
    "bn-conv-x-shape": lambda: statistics_shape(
        maps(), batch_norm(maps(), *plain(maps()))[0], "NCHW"
    ),
    "bn-center": centred,
    "bn-differentiable": differentiable,
    "ln-shapes": layer_norm_shapes,
    "ln-formula": layer_norm_formula,
    "in-shapes": instance_norm_shapes,
}
