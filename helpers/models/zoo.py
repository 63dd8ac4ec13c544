"""Every network that the lectures name, with its source and its exact number of parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from helpers.models import alexnet, alphago, densenet, googlenet, lenet, resnet, vgg


@dataclass(frozen=True)
class Entry:
    """One network: how to build it, what it reads, (C, H, W), its parameters, where it is from."""

    build: Callable[[], nn.Module]
    input_shape: tuple[int, int, int]
    params: int
    source: str


SMALL, COLOUR, PAPER = (1, 32, 32), (3, 224, 224), (3, 227, 227)
TORCHVISION = "torchvision"
LECUN = "LeCun et al. 1998, II.B"
KRIZHEVSKY = "Krizhevsky et al. 2012, 3.5"
ZEILER = "Zeiler and Fergus 2013, table 3"
SIMONYAN = "Simonyan and Zisserman 2015, table 1"
SZEGEDY = "Szegedy et al. 2015, table 1"
HE = "He et al. 2016, table 1"
HE_CIFAR = "He et al. 2016, 4.2"


def _vgg(name: str) -> Callable[[], nn.Module]:
    return partial(vgg.make_vgg, vgg.CONFIGURATIONS[name])


def _cifar(depth: int, **options: object) -> Callable[[], nn.Module]:
    return partial(resnet.cifar_resnet, depth, **options)


ZOO: dict[str, Entry] = {
    "LeNet-5 (1998)": Entry(lenet.LeNet5_1998, SMALL, 60_000, LECUN),
    "LeNet-5 (today)": Entry(lenet.LeNet5, SMALL, 61_706, LECUN),
    "AlexNet-96": Entry(alexnet.AlexNet96, PAPER, 60_965_224, KRIZHEVSKY),
    "AlexNet-96, one tower": Entry(partial(alexnet.AlexNet96, groups=1), PAPER, 62_378_344, KRIZHEVSKY),
    "AlexNet-64": Entry(alexnet.AlexNet64, COLOUR, 61_100_840, "Krizhevsky 2014"),
    "ZFNet": Entry(alexnet.ZFNet, COLOUR, 62_357_608, ZEILER),
    "ZFNet, wide": Entry(partial(alexnet.ZFNet, channels=(512, 1024, 512)), COLOUR, 107_627_624, ZEILER),
    "VGG A": Entry(_vgg("A"), COLOUR, 132_863_336, SIMONYAN),
    "VGG A-LRN": Entry(_vgg("A-LRN"), COLOUR, 132_863_336, SIMONYAN),
    "VGG B": Entry(_vgg("B"), COLOUR, 133_047_848, SIMONYAN),
    "VGG C": Entry(_vgg("C"), COLOUR, 133_638_952, SIMONYAN),
    "VGG D (VGG-16)": Entry(_vgg("D"), COLOUR, 138_357_544, SIMONYAN),
    "VGG E (VGG-19)": Entry(_vgg("E"), COLOUR, 143_667_240, SIMONYAN),
    "GoogLeNet": Entry(googlenet.GoogLeNet, COLOUR, 6_998_552, SZEGEDY),
    "GoogLeNet, two heads more": Entry(partial(googlenet.GoogLeNet, aux=True), COLOUR, 13_378_280, SZEGEDY),
    "GoogLeNet, torchvision's": Entry(googlenet.torchvision_googlenet, COLOUR, 6_624_904, TORCHVISION),
    "ResNet-18": Entry(partial(resnet.resnet, 18), COLOUR, 11_689_512, HE),
    "ResNet-34": Entry(partial(resnet.resnet, 34), COLOUR, 21_797_672, HE),
    "ResNet-50": Entry(partial(resnet.resnet, 50), COLOUR, 25_557_032, HE),
    "ResNet-101": Entry(partial(resnet.resnet, 101), COLOUR, 44_549_160, HE),
    "ResNet-152": Entry(partial(resnet.resnet, 152), COLOUR, 60_192_808, HE),
    "ResNet-20": Entry(_cifar(20), (3, 32, 32), 269_722, HE_CIFAR),
    "ResNet-20, projections": Entry(_cifar(20, shortcut="projection"), (3, 32, 32), 272_474, HE_CIFAR),
    "plain-20": Entry(_cifar(20, residual=False), (3, 32, 32), 269_722, HE_CIFAR),
    "ResNet-56": Entry(_cifar(56), (3, 32, 32), 853_018, HE_CIFAR),
    "plain-56": Entry(_cifar(56, residual=False), (3, 32, 32), 853_018, HE_CIFAR),
    "ResNet-110": Entry(_cifar(110), (3, 32, 32), 1_727_962, HE_CIFAR),
    "SE-ResNet-50": Entry(resnet.se_resnet50, COLOUR, 28_088_024, "Hu et al. 2018, table 1"),
    "ResNeXt-50 32x4d": Entry(resnet.resnext50_32x4d, COLOUR, 25_028_904, "Xie et al. 2017, table 1"),
    "DenseNet-121": Entry(densenet.densenet121, COLOUR, 7_978_856, "Huang et al. 2017, table 1"),
    "AlphaGo's policy network": Entry(alphago.PolicyNet, (48, 19, 19), 3_882_433, "Silver et al. 2016"),
}  # fmt: skip
