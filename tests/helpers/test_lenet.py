"""Both LeNets: published counts, shapes, what each part computes, and C5 as a linear layer."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from helpers.models.lenet import (
    C3_TABLE,
    CodeDistance,
    LeNet5,
    LeNet5_1998,
    Subsampling,
    TableConv2d,
    connections,
    conv_as_linear,
    squash,
)

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
        ],
    ),
]


def params(module):
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def test_the_published_counts():
    assert params(LeNet5()) == 61_706
    assert params(LeNet5_1998()) == 60_000
    parts = {name: params(part) for name, part in LeNet5_1998().named_children()}
    assert parts == {
        "c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164, "output": 0,
    }  # fmt: skip


def test_the_published_connections():
    counts = connections(LeNet5_1998(), torch.zeros(1, 1, 32, 32))
    whole = {"c3": sum(n for name, n in counts.items() if name.startswith("c3"))}
    whole |= {name: n for name, n in counts.items() if not name.startswith("c3")}
    assert whole == {
        "c1": 122_304, "s2": 5_880, "c3": 151_600, "s4": 2_000, "c5": 48_120, "f6": 10_164,
        "output": 840,
    }  # fmt: skip
    assert sum(counts.values()) == 340_908


def test_the_table_has_the_papers_structure():
    assert [len(maps) for maps in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    assert sum(map(len, C3_TABLE)) == 60
    read_by = [sum(channel in maps for maps in C3_TABLE) for channel in range(6)]
    assert read_by == [10] * 6
    assert len({tuple(sorted(maps)) for maps in C3_TABLE}) == 16


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU])
@pytest.mark.parametrize("pool", [nn.AvgPool2d, nn.MaxPool2d])
def test_activation_and_pooling_leave_the_count_alone(activation, pool):
    assert params(LeNet5(activation=activation, pool=pool)) == 61_706


def test_scores_are_no_probabilities():
    scores = LeNet5(num_classes=7, in_channels=3)(torch.randn(4, 3, 32, 32))
    assert scores.shape == (4, 7)
    assert (scores < 0).any()


def test_lenet5_is_the_composition_on_paper():
    net, x = LeNet5().double(), normal(2, 1, 32, 32)
    c1, c3, c5 = (net.features[k] for k in (0, 3, 6))
    s2 = functional.avg_pool2d(torch.tanh(c1(x)), 2)
    s4 = functional.avg_pool2d(torch.tanh(c3(s2)), 2)
    f6 = torch.tanh(net.classifier[1](torch.tanh(c5(s4)).flatten(1)))
    torch.testing.assert_close(net(x), net.classifier[3](f6))


def test_subsampling_adds_up_four_values():
    layer = Subsampling(2).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, -1]))
        layer.bias.copy_(torch.tensor([0.5, 0]))
    out = layer(torch.ones(1, 2, 4, 4, dtype=torch.float64))
    assert out[0, 0].unique().tolist() == [8.5]
    assert out[0, 1].unique().tolist() == [-4]


def test_a_map_reads_what_the_table_lists_and_nothing_else():
    table = [[0, 2], [1], [0, 1, 2]]
    layer = TableConv2d(table, 3).double()
    x = normal(1, 3, 6, 5).requires_grad_()
    for k, maps in enumerate(table):
        [grad] = torch.autograd.grad(layer(x)[:, k].sum(), x)
        assert grad.abs().amax(dim=(0, 2, 3)).nonzero().flatten().tolist() == maps


def test_a_full_table_is_a_plain_convolution():
    layer = TableConv2d([range(4)] * 3, (2)).double()
    weight = torch.cat([conv.weight for conv in layer.maps])
    bias = torch.cat([conv.bias for conv in layer.maps])
    x = normal(2, 4, 5, 6)
    torch.testing.assert_close(layer(x), functional.conv2d(x, weight, bias))


def test_the_closest_code_scores_highest():
    codes = torch.tensor([[1.0, 1, -1], [-1, 1, 1]])
    scores = CodeDistance(codes)(torch.tensor([[1.0, 1, 0], [-1, 1, 1]]))
    assert scores.tolist() == [[-1, -5], [-8, 0]]


def test_the_codes_move_with_the_network_and_are_not_trained():
    net = LeNet5_1998()
    assert "output.codes" in net.state_dict()
    assert all(name != "output.codes" for name, _ in net.named_parameters())


def test_squashing_keeps_plus_and_minus_one():
    torch.testing.assert_close(
        squash(torch.tensor([1.0, -1])), torch.tensor([1.0, -1]), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("bias", [True, False])
def test_c5_is_a_linear_layer(bias):
    conv = nn.Conv2d(16, 120, 5, bias=bias).double()
    x = normal(3, 16, 5, 5)
    torch.testing.assert_close(conv_as_linear(conv)(x.flatten(1)), conv(x).flatten(1))


@pytest.mark.parametrize("build", [lambda: TableConv2d([[0], [0, 1]], 2), lambda: Subsampling(2)])
def test_gradients_agree_with_numerical_ones(build):
    layer = build().double()
    assert torch.autograd.gradcheck(layer, normal(2, 2, 4, 4).requires_grad_())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("build", [LeNet5, LeNet5_1998])
def test_networks_run_where_they_are_put(build, device):
    net = build().double()
    x = normal(2, 1, 32, 32)
    here = net(x)
    there = net.to(device)(x.to(device))
    assert there.device.type == device
    torch.testing.assert_close(there.cpu(), here)
