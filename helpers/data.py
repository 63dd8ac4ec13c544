"""Data: what ships inside scikit-learn, for work without a network, and MNIST and its sister.

Downloads show their progress and are kept in the course's `data` folder, or where the environment
variable COURSE_DATA points; each file is checked against the checksum that torchvision lists.
"""

import gzip
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_image
from torch import Tensor
from torch.nn import functional

from helpers.training import progress

PHOTOGRAPHS = ("china", "flower")

PICTURES = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...#... ..###.. .#####. .....#. ######. ...###. ####### .#####. ..####.
.#...#. ..##... .#...#. #.....# ....##. #...... ..#.... ......# #.....# .#....#
#.....# .#.#... #.....# ......# ...#.#. #...... .#..... .....#. #.....# #.....#
#.....# ...#... ......# ......# ..#..#. #...... #...... .....#. .#...#. #.....#
#.....# ...#... .....#. ..####. .#...#. #####.. #.###.. ....#.. ..###.. .#....#
#.....# ...#... ....#.. ......# #....#. .....#. ##...#. ....#.. .#...#. ..#####
#.....# ...#... ...#... ......# ####### ......# #.....# ...#... #.....# ......#
#.....# ...#... ..#.... ......# .....#. ......# #.....# ...#... #.....# ......#
.#...#. ...#... .#..... #.....# .....#. #....#. .#...#. ..#.... #.....# .....#.
..###.. .#####. ####### .#####. .....#. .####.. ..###.. ..#.... .#####. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def photograph(name: str = "china", size: int | None = None) -> Tensor:
    """A colour photograph, (1, 3, H, W), float32 in [0, 1].

    size: the height in pixels, the width follows; None keeps the 427x640 original. Raises
    ValueError for a name that is neither "china" nor "flower", or a size below 1.
    Source: scikit-learn's sample images, both CC BY 2.0; credits in its `datasets/images/README`.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"there is no photograph {name!r}, only {' and '.join(PHOTOGRAPHS)}")
    pixels = torch.from_numpy(np.array(load_sample_image(f"{name}.jpg")))
    image = pixels.permute(2, 0, 1)[None].float() / 255
    if size is None:
        return image
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    width = max(1, round(size * image.shape[3] / image.shape[2]))
    return functional.interpolate(image, (size, width), mode="area")


def digits(size: int = 8, margin: int = 0) -> tuple[Tensor, Tensor]:
    """The 1,797 handwritten digits of scikit-learn.

    size: height and width in pixels, of which `margin` stay empty on every side; the digits are
    enlarged to fill the rest. Returns images (1797, 1, size, size), float32 in [0, 1], and labels
    (1797,), int64 in 0..9. Raises ValueError when the margin leaves no pixel.
    Source: UCI, Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998).
    """
    bundle = load_digits()
    images = torch.from_numpy(bundle.images).float()[:, None] / 16
    inner = size - 2 * margin
    if inner < 1 or margin < 0:
        raise ValueError(f"a margin of {margin} leaves no pixel of {size}")
    if inner != images.shape[-1]:
        images = functional.interpolate(images, (inner, inner), mode="bilinear")
    return functional.pad(images, [margin] * 4), torch.from_numpy(bundle.target).long()


def digit_codes() -> Tensor:
    """A picture of each digit on 12 rows of 7 pixels, as a code: (10, 84), ink +1 and paper -1.

    LeNet-5's last hidden layer learned to draw such pictures (LeCun et al. 1998, figure 3); these
    are drawn afresh.
    """
    rows = [line.split() for line in PICTURES.strip().splitlines()]
    codes = ["".join(row[digit] for row in rows) for digit in range(10)]
    return torch.tensor([[1.0 if pixel == "#" else -1.0 for pixel in code] for code in codes])


def moved(
    images: Tensor, rng: np.random.Generator, pixels: float = 3, degrees: float = 15
) -> Tensor:
    """Each image shifted by up to `pixels` in both directions and turned by up to `degrees`.

    images: (N, C, H, W), square. Returns the same shape; what comes into sight is 0.
    """
    n, size = len(images), images.shape[-1]
    angle = torch.from_numpy(np.radians(rng.uniform(-degrees, degrees, n)))
    shift = torch.from_numpy(rng.uniform(-pixels, pixels, (2, n)) * 2 / size)
    rows = [
        torch.stack([angle.cos(), -angle.sin(), shift[0]], dim=1),
        torch.stack([angle.sin(), angle.cos(), shift[1]], dim=1),
    ]
    where = torch.stack(rows, dim=1).to(images)
    grid = functional.affine_grid(where, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


class DataMissing(FileNotFoundError):
    """A data set is not here; in a notebook it shows its message and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def data_folder() -> Path:
    """Where downloaded data sets lie: COURSE_DATA, or `data` in this folder or one above it."""
    if "COURSE_DATA" in os.environ:
        return Path(os.environ["COURSE_DATA"])
    here = Path.cwd()
    found = (folder / "data" for folder in (here, *here.parents))
    return next((folder for folder in found if (folder / "README.md").exists()), here / "data")


def mnist(
    train: bool = True, name: str = "MNIST", size: int = 28, download: bool = False
) -> tuple[Tensor, Tensor]:
    """MNIST, or another data set of its format.

    name: "MNIST" or "FashionMNIST"; size: pad with zeros up to size x size; download: fetch what is
    missing into :func:`data_folder`. Returns images (60000 or 10000, 1, size, size), float32 in
    [0, 1], and labels, int64. Raises DataMissing, with what to do about it, when files are missing
    or cannot be fetched, ValueError for another name or a size below 28.
    """
    from torchvision import datasets

    if name not in ("MNIST", "FashionMNIST"):
        raise ValueError(f"there is no data set {name!r} here, only MNIST and FashionMNIST")
    if size < 28:
        raise ValueError(f"size must be at least 28, got {size}")
    source = getattr(datasets, name)
    folder, part = data_folder() / name / "raw", "train" if train else "t10k"
    files = []
    for file, md5 in source.resources:
        if file.startswith(part):
            path = folder / file
            if not path.exists() and download:
                fetch([mirror + file for mirror in source.mirrors], path, md5)
            if not path.exists():
                raise DataMissing(
                    f"{name} is not here. With download=True it is fetched (10 to 30 MB, once). "
                    "On a machine without network, copy its four .gz files to "
                    f"{_shown(folder)}."
                )
            files.append(_read_idx(path))
    images, labels = files
    before = (size - 28) // 2
    after = size - 28 - before
    padded = functional.pad(images[:, None], [before, after, before, after])
    return padded.float() / 255, labels.long()


def fetch(urls: list[str], path: Path, md5: str) -> None:
    """Download a file from the first of `urls` that gives it with the right checksum.

    A download that breaks off is taken up where it stopped. Raises DataMissing if no url works.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, failures = path.with_name(path.name + ".part"), []
    for url in urls:
        try:
            _resume(url, partial)
            if hashlib.md5(partial.read_bytes(), usedforsecurity=False).hexdigest() == md5:
                partial.replace(path)
                return
            failures.append(f"{url}: what came has another checksum")
            partial.unlink()
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{url}: {error}")
    tried = "\n".join(f"  {failure}" for failure in failures)
    raise DataMissing(
        f"{path.name} could not be fetched. Is there a network? Tried:\n{tried}\n"
        f"You can also put the file there yourself: {_shown(path)}"
    )


def _resume(url: str, partial: Path) -> None:
    """Append to `partial` what it lacks of the file at `url`. Raises OSError if it breaks off."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # nothing is lacking
            return
        raise
    if answer.status != 206:  # the server begins at the beginning
        have = 0
    left = int(answer.headers.get("Content-Length", 0))
    size = {
        "total": have + left if left else None,
        "initial": have,
        "unit": "B",
        "unit_scale": True,
    }
    bar = progress(label=partial.stem, **size)
    with answer, partial.open("ab" if have else "wb") as file, bar:
        while block := answer.read(1 << 16):
            left -= file.write(block)
            bar.update(len(block))
    if left > 0:
        raise OSError(f"the connection broke off with {left:,} bytes to go; try again")


def _shown(path: Path) -> str:
    """A path as seen from here; whole where there is no way, as to another drive of Windows."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


def _read_idx(path: Path) -> Tensor:
    """A gzipped file in the format of MNIST: two zeros, type, number of axes, sizes, bytes."""
    with gzip.open(path) as file:
        content = file.read()
    sizes = np.frombuffer(content, ">i4", count=content[3], offset=4)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes))
    return torch.from_numpy(values.reshape(sizes).copy())
