"""count(): exact numbers of whole networks, against five other ways to count them."""

import warnings

import fvcore.nn
import pytest
import torch
import torchinfo
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from helpers.counting import Count, LayerCount, count
from helpers.models import alexnet, densenet, googlenet, lenet, resnet, vgg
from helpers.models.zoo import ZOO

COUNTED = {}


def counted(name):
    if name not in COUNTED:
        with torch.device("meta"):
            COUNTED[name] = count(ZOO[name].build(), ZOO[name].input_shape)
    return COUNTED[name]


@pytest.mark.parametrize("name", ZOO)
def test_macs_are_half_of_torchs_flops(name):
    with torch.device("meta"):
        net = ZOO[name].build().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.empty(1, *ZOO[name].input_shape, device="meta"))
    assert 2 * counted(name).macs == counter.get_total_flops()


@pytest.mark.parametrize("name", [n for n in ZOO if "two heads" not in n])
def test_the_rows_hold_all_parameters(name):
    assert sum(layer.params for layer in counted(name).layers) == counted(name).params
    assert counted(name).params == ZOO[name].params


def test_parameters_that_do_not_run_are_counted_all_the_same():
    found = counted("GoogLeNet, two heads more")
    assert found.params - sum(layer.params for layer in found.layers) == 3_188_840 + 3_190_888


PUBLISHED = {
    "AlexNet-64": torchvision.models.AlexNet_Weights,
    "VGG A": torchvision.models.VGG11_Weights,
    "VGG B": torchvision.models.VGG13_Weights,
    "VGG D (VGG-16)": torchvision.models.VGG16_Weights,
    "VGG E (VGG-19)": torchvision.models.VGG19_Weights,
    "GoogLeNet, torchvision's": torchvision.models.GoogLeNet_Weights,
    "ResNet-18": torchvision.models.ResNet18_Weights,
    "ResNet-34": torchvision.models.ResNet34_Weights,
    "ResNet-50": torchvision.models.ResNet50_Weights,
    "ResNet-101": torchvision.models.ResNet101_Weights,
    "ResNet-152": torchvision.models.ResNet152_Weights,
    "ResNeXt-50 32x4d": torchvision.models.ResNeXt50_32X4D_Weights,
    "DenseNet-121": torchvision.models.DenseNet121_Weights,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_torchvision_publishes_the_same_numbers(name):
    about = PUBLISHED[name].IMAGENET1K_V1.meta
    assert counted(name).params == about["num_params"]
    assert round(counted(name).macs / 1e9, 3) == about["_ops"]  # it says GFLOPS and means GMACs


# torchinfo and fvcore count further terms; without them, the numbers are the same.
OTHERS = ["AlexNet-64", "VGG A", "GoogLeNet", "ResNet-18", "ResNet-50", "DenseNet-121"]


@pytest.mark.parametrize("name", OTHERS)
def test_torchinfo_adds_biases_and_batch_norms(name):
    """It multiplies each parameter by the pixels it is used at, biases too, and counts norms.

    A batch norm is counted as its weights once; a linear layer's bias as one multiplication.
    """
    with torch.device("meta"):
        net = ZOO[name].build()
    summary = torchinfo.summary(
        net, (1, *ZOO[name].input_shape), device="meta", verbose=0, mode="eval"
    )
    biases = sum(
        layer.out_shape[-1] * layer.out_shape[-2] * layer.out_shape[0]
        for layer in counted(name).layers
        if layer.type == "Conv2d" and net.get_submodule(layer.name).bias is not None
    )
    biases += sum(layer.out_shape[0] for layer in counted(name).select("Linear").layers)
    norms = counted(name).select("BatchNorm2d").params
    assert summary.total_params == counted(name).params
    assert summary.total_mult_adds == counted(name).macs + biases + norms


@pytest.mark.parametrize("name", OTHERS)
def test_fvcore_adds_poolings_and_batch_norms(name):
    net = ZOO[name].build().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = fvcore.nn.FlopCountAnalysis(net, torch.zeros(1, *ZOO[name].input_shape))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = analysis.by_operator()
    assert by_operator["conv"] + by_operator["linear"] == counted(name).macs
    assert set(by_operator) <= {"conv", "linear", "batch_norm", "adaptive_avg_pool2d"}


def test_alexnet_cell_by_cell():
    with torch.device("meta"):
        found = count(alexnet.AlexNet64(), (3, 227, 227))
    cells = [
        (layer.out_shape, layer.kib, layer.params, layer.macs, layer.other_ops)
        for layer in found.layers
    ]
    assert cells == [
        ((64, 56, 56), 784, 23_296, 72_855_552, 0),
        ((64, 27, 27), 182.25, 0, 0, 419_904),
        ((192, 27, 27), 546.75, 307_392, 223_948_800, 0),
        ((192, 13, 13), 126.75, 0, 0, 292_032),
        ((384, 13, 13), 253.5, 663_936, 112_140_288, 0),
        ((256, 13, 13), 169, 884_992, 149_520_384, 0),
        ((256, 13, 13), 169, 590_080, 99_680_256, 0),
        ((256, 6, 6), 36, 0, 0, 82_944),
        ((9216,), 36, 0, 0, 0),
        ((4096,), 16, 37_752_832, 37_748_736, 0),
        ((4096,), 16, 16_781_312, 16_777_216, 0),
        ((1000,), 3.90625, 4_097_000, 4_096_000, 0),
    ]
    assert (found.params, found.macs) == (61_100_840, 716_767_232)
    assert found.kib == sum(cell[1] for cell in cells)


def fields(build, shape, *types):
    with torch.device("meta"):
        return [layer.receptive_field for layer in count(build(), shape).select(*types).layers]


def test_receptive_fields_of_the_lectures():
    assert fields(alexnet.AlexNet64, (3, 227, 227), "Conv2d", "MaxPool2d", "Linear") == [
        11, 19, 51, 67, 99, 131, 163, 195, 355, 355, 355,
    ]  # fmt: skip
    of_d = fields(lambda: vgg.make_vgg(vgg.CONFIGURATIONS["D"]), (3, 224, 224), "Conv2d", "Linear")
    assert of_d == [3, 5, 10, 14, 24, 32, 40, 60, 76, 92, 132, 164, 196, 404, 404, 404]
    assert fields(lenet.LeNet5, (1, 32, 32), "Conv2d", "AvgPool2d") == [5, 6, 14, 16, 32]
    assert fields(alexnet.ZFNet, (3, 224, 224), "Conv2d", "MaxPool2d") == [
        7, 11, 27, 43, 75, 107, 139, 171,
    ]  # fmt: skip
    board = ZOO["AlphaGo's policy network"]
    assert fields(board.build, board.input_shape, "Conv2d")[-1] == 27


def support(net, shape):
    """Rows and columns of the input that the middle output depends on, by gradients."""
    net = net.double()
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.01)
    x = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    out = net(x)
    middle = out[0, :, out.shape[2] // 2, out.shape[3] // 2].sum()
    [grad] = torch.autograd.grad(middle, x)
    seen = (grad[0].abs().sum(dim=0) > 0).nonzero()
    rows, columns = (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist()
    return rows if rows == columns else (rows, columns)


class Branches(nn.Module):
    """An addition, a concatenation and functions without modules, with rectangular windows."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(2, 2, (3, 5), stride=(1, 2), padding=(1, 2))
        self.narrow = nn.Conv2d(2, 2, 1, stride=(1, 2))
        self.weight = nn.Parameter(torch.ones(3, 4, 3, 3))

    def forward(self, x):
        x = self.wide(x) + self.narrow(x)
        x = torch.cat([x, functional.avg_pool2d(x, 3, stride=1, padding=1)], dim=1)
        return functional.conv2d(x, self.weight, dilation=2)


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (Branches, (2, 24, 24)),
        (lambda: resnet.BasicBlock(2, 4, stride=2), (2, 20, 20)),
        (lambda: resnet.BasicBlock(2, 4, stride=2, shortcut="padding"), (2, 20, 20)),
        (lambda: resnet.Bottleneck(8, 2), (8, 12, 12)),
        (lambda: googlenet.Inception(4, 1, 1, 1, 1, 1, 1), (4, 16, 16)),
        (lambda: densenet.DenseBlock(3, 2, growth=2), (2, 20, 20)),
        (lambda: nn.Sequential(resnet.SqueezeExcite(16)), (16, 9, 7)),
    ],
)
def test_branches_see_what_a_gradient_reaches(build, shape):
    field = count(nn.Sequential(build().eval(), nn.MaxPool2d(1)), shape).layers[-1].receptive_field
    rows, columns = (field, field) if isinstance(field, int) else field
    reached = support(build().eval(), shape)
    assert reached == (rows if rows == columns else (rows, columns))


def test_functions_outside_of_layers_get_rows_of_their_own():
    found = count(Branches(), (2, 24, 24))
    assert [(layer.name, layer.type) for layer in found.layers] == [
        ("wide", "Conv2d"), ("narrow", "Conv2d"),
        ("avg_pool2d", "avg_pool2d"), ("conv2d", "conv2d"),
    ]  # fmt: skip
    assert found.find("conv2d").macs == 3 * 20 * 8 * 4 * 9
    assert found.find("avg_pool2d").other_ops == 2 * 24 * 12 * 9
    assert found.params - sum(layer.params for layer in found.layers) == 3 * 4 * 9


def test_a_layer_used_twice_costs_twice_and_has_its_parameters_once():
    shared = nn.Conv2d(4, 4, 3, padding=1)
    found = count(nn.Sequential(shared, nn.ReLU(), shared), (4, 8, 8))
    first, second = found.layers
    assert first.macs == second.macs
    assert (first.params, second.params) == (148, 0)
    assert found.params == 148


def test_the_network_is_left_as_it_was():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    net[2].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = count(net, (1, 8, 8))
    assert [layer.type for layer in found.layers] == ["Conv2d", "BatchNorm2d"]
    assert [module.training for module in net.modules()] == [True, True, True, False]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net[0].weight.device.type == "cpu"
    assert not net[0]._forward_hooks
    assert not net[0]._forward_pre_hooks


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.integers(1, 2),
    st.integers(0, 1), st.integers(1, 2), st.booleans(),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_any_stack_agrees_with_torch(kernel, stride, groups, padding, dilation, bias):
    net = nn.Sequential(
        nn.Conv2d(2, 4, kernel, stride, padding, dilation, groups, bias),
        nn.MaxPool2d(2, stride=1, ceil_mode=True),
        nn.Flatten(),
        nn.LazyLinear(5),
    )
    net(torch.empty(1, 2, 14, 12))
    with FlopCounterMode(display=False) as counter:
        net(torch.empty(1, 2, 14, 12))
    found = count(net, (2, 14, 12))
    assert 2 * found.macs == counter.get_total_flops()
    shapes, x = [], torch.empty(1, 2, 14, 12)
    for layer in net:
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    assert [layer.out_shape for layer in found.layers] == shapes


def test_what_cannot_run_is_said_with_its_place():
    with pytest.raises(ValueError, match=r"\(3, 8, 8\) in its layer '0'"):
        count(nn.Sequential(nn.Conv2d(1, 2, 3)), (3, 8, 8))
    with pytest.raises(ValueError, match="in its layer '1'"):
        count(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(3)), (1, 8, 8))


def test_tables_and_frames(capsys):
    found = Count((LayerCount("a", "Linear", (3,), 0.5, 9, 6),), params=9)
    found.show()
    assert "a | Linear | 3 | 0.50 | 9 | 6 | 0" in capsys.readouterr().out
    assert found.frame().params.tolist() == [9]
    with pytest.raises(KeyError, match="'b'"):
        found.find("b")
