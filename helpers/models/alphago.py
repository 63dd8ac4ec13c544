"""AlphaGo's policy network: thirteen convolutions without pooling, one probability per point.

Source: Silver and others 2016, Methods, *Neural network architecture*; CS231n 2016, lecture 7.
"""

from torch import Tensor, nn


class PolicyNet(nn.Module):
    """Where to play next: 3,882,433 parameters, and 19x19 maps throughout.

    x: (N, in_channels, 19, 19), planes that describe the position. Returns scores (N, 361), one per
    point, row by row; softmax makes them probabilities. The paper gives each point a bias of its
    own at the end, 3,882,793 parameters; here they share one, as the last layer is a convolution.
    """

    def __init__(self, in_channels: int = 48, channels: int = 192, hidden_layers: int = 11) -> None:
        super().__init__()
        layers = [nn.Conv2d(in_channels, channels, kernel_size=5, padding=2), nn.ReLU()]
        for _ in range(hidden_layers):
            layers += [nn.Conv2d(channels, channels, kernel_size=3, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, kernel_size=1), nn.Flatten())

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
