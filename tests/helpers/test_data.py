"""The data that ships with scikit-learn, in torch's layout; and MNIST, fetched with care."""

import gzip
import hashlib
import http.server
import re
import threading

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torchvision import datasets

from helpers.data import DataMissing, digit_codes, digits, mnist, moved, photograph


@pytest.mark.parametrize("name", ["china", "flower"])
def test_photograph_is_a_batch_of_one_colour_image(name):
    image = photograph(name)
    assert image.shape == (1, 3, 427, 640)
    assert image.dtype == torch.float32
    assert 0 <= image.min() < 0.1 < 0.9 < image.max() <= 1


def test_size_is_the_height_and_keeps_the_proportions():
    assert photograph(size=96).shape == (1, 3, 96, 144)
    assert photograph(size=1).shape == (1, 3, 1, 1)


def test_resizing_averages():
    assert torch.allclose(photograph(size=61).mean(), photograph().mean(), atol=1e-3)


def test_channels_come_first_and_stay_in_order():
    pixels = load_sample_image("flower.jpg")
    for channel, row, column in ((0, 5, 7), (1, 400, 3), (2, 200, 630)):
        value = photograph("flower")[0, channel, row, column].item()
        assert value == pytest.approx(pixels[row, column, channel] / 255)


@pytest.mark.parametrize(("name", "size"), [("lena", None), ("china", 0)])
def test_impossible_requests_are_refused(name, size):
    with pytest.raises(ValueError, match=r"photograph|size"):
        photograph(name, size)


def test_digits_are_images_with_labels():
    images, labels = digits()
    assert images.shape == (1797, 1, 8, 8)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert (images.min(), images.max()) == (0, 1)
    assert labels.unique().tolist() == list(range(10))


def test_digits_grow_inside_a_margin():
    images, _ = digits(32, margin=4)
    assert images.shape == (1797, 1, 32, 32)
    assert images[..., :4, :].max() == 0
    assert images[..., 4:-4, 4:-4].amax((1, 2, 3)).min() > 0.8
    with pytest.raises(ValueError, match="leaves no pixel"):
        digits(8, margin=4)


def test_moving_repeats_for_a_seed_and_can_do_nothing():
    images = digits(32, margin=4)[0][:5]
    first, again = (moved(images, np.random.default_rng(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], images[0])
    still = moved(images, np.random.default_rng(1), pixels=0, degrees=0)
    torch.testing.assert_close(still, images, atol=1e-5, rtol=0)


def test_each_code_is_closest_to_itself():
    codes = digit_codes()
    assert codes.shape == (10, 84)
    assert codes.abs().eq(1).all()
    distances = torch.cdist(codes, codes)
    assert (distances + 100 * torch.eye(10)).min() > 3


# A small MNIST on a server of one's own -------------------------------------------------------


def idx(values):
    """A tensor of bytes as a gzipped file in MNIST's format."""
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return gzip.compress(header + values.numpy().tobytes())


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server with files by name; "cut" makes it break off, "ranges" what it was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = server.files.get(self.path.rpartition("/")[2])
            if content is None or self.path.startswith("/down"):
                return self.send_error(404)
            start = self.headers.get("Range")
            server.ranges.append(start)
            rest = content[int(start[6:-1]) :] if start else content
            if not rest:
                return self.send_error(416)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: server.cut] if not start else rest)
            return None

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.ranges, server.cut = {}, [], None
    server.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def tiny_mnist(server, monkeypatch):
    """The server offers an MNIST of three images, through the second of two mirrors."""
    images = torch.arange(3 * 28 * 28, dtype=torch.int64).remainder(256).to(torch.uint8)
    server.files = {
        f"{part}-{kind}-ubyte.gz": idx(values)
        for part in ("train", "t10k")
        for kind, values in (
            ("images-idx3", images.reshape(3, 28, 28)),
            ("labels-idx1", torch.tensor([7, 0, 9], dtype=torch.uint8)),
        )
    }
    sums = [(name, hashlib.md5(data).hexdigest()) for name, data in server.files.items()]
    monkeypatch.setattr(datasets.MNIST, "resources", sums)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{server.url}down/", server.url])
    return images.reshape(3, 1, 28, 28)


def test_mnist_is_fetched_from_the_next_mirror_and_kept(server, tiny_mnist):
    images, labels = mnist(train=False, size=32, download=True)
    assert images.shape == (3, 1, 32, 32)
    assert labels.tolist() == [7, 0, 9]
    torch.testing.assert_close(images[..., 2:-2, 2:-2], tiny_mnist / 255)
    asked = len(server.ranges)
    mnist(train=False, download=True)
    assert len(server.ranges) == asked


def test_a_download_shows_how_far_it_is(server, tiny_mnist, capsys):
    mnist(train=False, download=True)
    shown = capsys.readouterr()
    assert re.search(r"t10k-images-idx3-ubyte\.gz: 100%", shown.out)
    assert shown.err == ""


def test_what_is_missing_is_said_plainly(server, tiny_mnist):
    with pytest.raises(DataMissing, match="MNIST is not here"):
        mnist()


def test_a_download_that_breaks_off_is_resumed(server, tiny_mnist):
    server.cut = 20
    with pytest.raises(DataMissing, match="broke off with"):
        mnist(train=False, download=True)
    server.cut = None
    mnist(train=False, download=True)
    assert "bytes=20-" in server.ranges


def test_a_wrong_checksum_is_refused(server, tiny_mnist, tmp_path):
    server.files = {name: idx(torch.zeros(1, dtype=torch.uint8)) for name in server.files}
    with pytest.raises(DataMissing, match="another checksum"):
        mnist(train=False, download=True)
    assert not list(tmp_path.rglob("*ubyte*"))


@pytest.mark.parametrize(("name", "size"), [("EMNIST", 28), ("MNIST", 20)])
def test_impossible_data_sets_are_refused(name, size):
    with pytest.raises(ValueError, match=r"EMNIST|size"):
        mnist(name=name, size=size)
