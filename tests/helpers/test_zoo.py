"""Every network of the lectures: published counts, and torchvision's weights and outputs."""

import pytest
import torch
import torchvision
from torch import nn

from helpers.models import alexnet, alphago, densenet, googlenet, resnet, vgg
from helpers.models.zoo import ZOO


def build(name):
    with torch.device("meta"):
        return ZOO[name].build().eval()


@pytest.mark.parametrize("name", ZOO)
def test_the_number_of_parameters_is_the_published_one(name):
    assert sum(p.numel() for p in build(name).parameters()) == ZOO[name].params


@pytest.mark.parametrize("name", ZOO)
def test_it_reads_what_it_says_and_gives_scores(name):
    scores = build(name)(torch.empty(2, *ZOO[name].input_shape, device="meta"))
    assert scores.shape in {(2, 10), (2, 361), (2, 1000)}


def vgg_of(name):
    return lambda: vgg.make_vgg(vgg.CONFIGURATIONS[name])


PAIRS = {
    "alexnet": (alexnet.AlexNet64, dict),
    "vgg11": (vgg_of("A"), dict),
    "vgg13": (vgg_of("B"), dict),
    "vgg16": (vgg_of("D"), dict),
    "vgg19": (vgg_of("E"), dict),
    "googlenet": (googlenet.torchvision_googlenet, googlenet.from_torchvision),
    "resnet18": (lambda: resnet.resnet(18), dict),
    "resnet34": (lambda: resnet.resnet(34), dict),
    "resnet50": (lambda: resnet.resnet(50), dict),
    "resnet101": (lambda: resnet.resnet(101), dict),
    "resnet152": (lambda: resnet.resnet(152), dict),
    "resnext50_32x4d": (resnet.resnext50_32x4d, dict),
    "densenet121": (densenet.densenet121, dict),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_torchvisions_weights_load_and_give_the_same_scores(name):
    torch.manual_seed(1)
    ours, rename = PAIRS[name]
    options = {"init_weights": False} if name == "googlenet" else {}
    theirs = torchvision.models.get_model(name, weights=None, **options).eval()
    if name == "googlenet":
        theirs.aux1 = theirs.aux2 = None
    net = ours().eval()
    net.load_state_dict(rename(theirs.state_dict()))
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        expected = theirs(x)
        torch.testing.assert_close(net(x), expected, rtol=1e-5, atol=1e-5 * expected.abs().max())


def modules_with_width():
    yield lambda width: alexnet.AlexNet64(7, 2, width), (2, 224, 224)
    yield lambda width: alexnet.AlexNet96(7, 2, width), (2, 227, 227)
    yield lambda width: alexnet.ZFNet(7, 2, width), (2, 224, 224)
    yield lambda width: vgg.make_vgg(vgg.CONFIGURATIONS["C"], 7, 2, width), (2, 224, 224)
    yield lambda width: googlenet.GoogLeNet(7, 2, width, aux=True), (2, 224, 224)
    yield lambda width: resnet.resnet(18, 7, 2, width), (2, 64, 64)
    yield lambda width: resnet.resnet(50, 7, 2, width), (2, 64, 64)


@pytest.mark.parametrize(("build", "shape"), list(modules_with_width()))
def test_narrow_nets_have_the_same_layers(build, shape):
    narrow = build(1 / 16).eval()
    assert narrow(torch.randn(1, *shape)).shape == (1, 7)
    with torch.device("meta"):
        full = build(1.0)
    pairs = zip(narrow.parameters(), full.parameters(), strict=True)
    for few, many in pairs:
        assert few.shape[2:] == many.shape[2:]
        assert len(few) in (len(many), len(many) // 16)


def test_the_auxiliary_heads_answer_in_training_only():
    net = googlenet.GoogLeNet(7, width=1 / 8, aux=True)
    x = torch.randn(2, 3, 224, 224)
    assert [scores.shape for scores in net(x)] == [(2, 7)] * 3
    assert net.eval()(x).shape == (2, 7)
    heads = [sum(p.numel() for p in head.parameters()) for head in build(
        "GoogLeNet, two heads more").aux.values()]  # fmt: skip
    assert heads == [3_188_840, 3_190_888]


def test_naive_modules_stack_all_channels():
    module = googlenet.NaiveInception(256, 128, 192, 96)
    assert module(torch.randn(1, 256, 28, 28)).shape == (1, 672, 28, 28)
    module = googlenet.Inception(256, 128, 64, 192, 64, 96, 64)
    assert module(torch.randn(1, 256, 28, 28)).shape == (1, 480, 28, 28)
    assert sum(p.numel() for p in module.parameters()) == 346_720


@pytest.mark.parametrize("shortcut", ["projection", "padding"])
@pytest.mark.parametrize("block", [resnet.BasicBlock, resnet.Bottleneck])
def test_a_silent_block_passes_its_input_on(block, shortcut):
    module = block(8 if block is resnet.BasicBlock else 32, 8, shortcut=shortcut).double().eval()
    last = module.bn2 if block is resnet.BasicBlock else module.bn3
    nn.init.zeros_(last.weight)
    x = torch.randn(2, 8 if block is resnet.BasicBlock else 32, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(module(x), x.relu())


def test_padding_shortcuts_have_no_parameters_and_keep_every_other_pixel():
    shortcut = resnet.PaddingShortcut(2, 5, stride=2)
    x = torch.arange(2 * 3 * 4.0).reshape(1, 2, 3, 4)
    out = shortcut(x)
    assert not list(shortcut.parameters())
    assert torch.equal(out[:, :2], x[:, :, ::2, ::2])
    assert out.shape == (1, 5, 2, 2)
    assert (out[:, 2:] == 0).all()


def test_what_cannot_be_built_is_refused_in_words():
    with pytest.raises(ValueError, match="no ResNet-20; there are 18"):
        resnet.resnet(20)
    with pytest.raises(ValueError, match="6n"):
        resnet.cifar_resnet(19)
    with pytest.raises(ValueError, match="'P'"):
        vgg.make_vgg((64, "P"))
    with pytest.raises(ValueError, match="projection"):
        resnet.BasicBlock(4, 4, shortcut="none")


def test_gates_are_between_nothing_and_everything():
    gate = resnet.SqueezeExcite(32).double()
    x = torch.rand(2, 32, 3, 3, dtype=torch.float64) + 0.1
    factors = gate(x) / x
    assert ((factors > 0) & (factors < 1)).all()
    torch.testing.assert_close(factors.amax(dim=(2, 3)), factors.amin(dim=(2, 3)))


def test_every_layer_of_a_dense_block_keeps_the_input():
    block = densenet.DenseBlock(3, 4, growth=2).eval()
    x = torch.randn(1, 4, 6, 6)
    out = block(x)
    assert out.shape == (1, 10, 6, 6)
    assert torch.equal(out[:, :4], x)


def test_one_point_of_the_board_sees_13_points_in_each_direction():
    net = alphago.PolicyNet(in_channels=2, channels=3).double()
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.1)
    x = torch.ones(1, 2, 19, 19, dtype=torch.float64, requires_grad=True)
    [grad] = torch.autograd.grad(net(x)[0, 0], x)
    seen = grad[0, 0].abs() > 0
    assert seen[:14, :14].all()
    assert not seen[14:].any()
