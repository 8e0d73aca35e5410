"""MNIST, and any four files of its form: IDX images and labels, from a folder or from the network.

An IDX file (LeCun, http://yann.lecun.com/exdb/mnist/) is two zero bytes, a byte for the type of the numbers
(8: unsigned byte), a byte for the number of dimensions, each dimension as 4 bytes (big-endian), then the numbers.
"""

import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .dataset import Dataset
from .digits import read_bytes
from .scaling import standardised

# name -> SHA-256 of the uncompressed content
FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT = 20.0  # seconds without an answer until the next mirror is tried
WAY_OUT = "put the four files into a folder and name it with --data-dir or MINIGRAD_DATA"


def load_mnist(folder: str | os.PathLike[str] | None = None) -> Dataset:
    """The 70,000 handwritten digits of 28×28 grey levels (LeCun et al. 1998): 60,000 to train, 10,000 to test.

    Images are flattened and standardised by the training part. The name of the data set is "mnist" where all four files
    are the canonical ones, else "idx-" and 12 digits of a SHA-256 of their content.

    Parameters
    ----------
    folder : path, optional
        Where the four files lie, gzip'd or not; without it, the folder that $MINIGRAD_DATA names; without that,
        the user's cache folder, into which they are downloaded once. Other data in files of the same form
        (Fashion-MNIST, other sizes or classes) are welcome.

    Raises
    ------
    FileNotFoundError
        A named folder that lacks one of the files; nothing is downloaded then.
    ConnectionError
        No mirror gave what is missing.
    ValueError
        A file that is malformed, or does not fit the others.
    """
    named = folder if folder is not None else os.environ.get("MINIGRAD_DATA") or None
    if named is None:
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "minigrad", "mnist")
        download(place)
    else:
        place = Path(named)
    paths = []
    for name in FILES:
        if (path := find(place, name)) is None:
            raise FileNotFoundError(f"{str(place)!r} has no file {name!r} or '{name}.gz'; expected MNIST's four files")
        paths.append(path)
    contents = [read_bytes(path) for path in paths]
    images, labels, test_images, test_labels = map(parse_idx, paths, contents, (3, 1, 3, 1))

    for path, pictures, tags in ((paths[1], images, labels), (paths[3], test_images, test_labels)):
        if len(tags) != len(pictures):
            raise ValueError(f"{str(path)!r} holds {len(tags)} labels; expected {len(pictures)}, one an image")
    if (side := test_images.shape[1:]) != images.shape[1:]:
        raise ValueError(f"{str(paths[2])!r} holds images of shape {side}; expected {images.shape[1:]}, as in training")
    values, y_train = np.unique(labels, return_inverse=True)  # labels 0 … K−1 stay what they are
    if len(values) < 2:
        raise ValueError(f"{str(paths[1])!r} holds the label {values[0]} only; expected at least two classes")
    unseen = np.setdiff1d(test_labels, values)
    if unseen.size:
        raise ValueError(f"{str(paths[3])!r} holds the label {unseen[0]}; expected labels seen in training")

    canonical = [hashlib.sha256(content).hexdigest() for content in contents] == list(FILES.values())
    name = "mnist" if canonical else f"idx-{hashlib.sha256(b''.join(contents)).hexdigest()[:12]}"
    X_train, X_test, mean, scale = standardised(*(each.reshape(len(each), -1) for each in (images, test_images)))
    y_test = np.searchsorted(values, test_labels)
    return Dataset(X_train, y_train, X_test, y_test, name, tuple(map(str, values)), mean, scale)


def find(folder: Path, name: str) -> Path | None:
    """The file of that name: as it is, gzip'd, or with a dot, as older archives spell it; None without one."""
    spellings = [f"{stem}{end}" for stem in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
    return next((path for path in map(folder.joinpath, spellings) if path.is_file()), None)


def parse_idx(path: Path, content: bytes, dimensions: int) -> np.ndarray:
    """The numbers in an IDX file's content, uint8: (m, height, width) for 3 dimensions, (m,) for 1.

    ValueError, with the path, for another magic number, type, number of dimensions or length, or no samples.
    """
    if content[:4] != bytes((0, 0, 8, dimensions)):
        raise ValueError(
            f"{str(path)!r} begins with 0x{content[:4].hex()}; expected 0x000008{dimensions:02x}, "
            f"an IDX file of unsigned bytes in {dimensions} dimension{'s' if dimensions > 1 else ''}"
        )
    start = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4))
    length = start + math.prod(shape)
    if len(content) != length:
        raise ValueError(f"{str(path)!r} holds {len(content)} bytes; expected {length} for numbers of shape {shape}")
    if length == start:
        raise ValueError(f"{str(path)!r} holds numbers of shape {shape}; expected at least one")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def download(folder: Path, mirrors: Sequence[str] = MIRRORS, files: Mapping[str, str] = FILES) -> None:
    """Fetch those of `files` that `folder` lacks, gzip'd, each from the first of `mirrors` that gives it.

    OSError if the folder cannot be made; ConnectionError, which says why and what to do instead, if all mirrors fail.
    """
    from http.client import HTTPException  # here, so that `import minigrad` does not load the network

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot make the cache folder {str(folder)!r} ({error.strerror}); {WAY_OUT}") from None
    for name, sha256 in files.items():
        if find(folder, name) is not None:
            continue
        failures = []
        for mirror in mirrors:
            try:
                fetch(f"{mirror.rstrip('/')}/{name}.gz", folder / f"{name}.gz", sha256)
                break
            except (OSError, HTTPException, ValueError, EOFError, zlib.error) as error:
                failures.append(f"{mirror} ({' '.join(str(error).split()) or type(error).__name__})")
        else:
            raise ConnectionError(f"no mirror gave {name!r}: {', '.join(failures)}; {WAY_OUT}")


def fetch(url: str, target: Path, sha256: str) -> None:
    """Download a gzip file to `target`, where it appears only once it is whole.

    ValueError if its content, unpacked, has another SHA-256; OSError, HTTPException, EOFError or zlib.error if the
    connection failed, or what came is no whole gzip file.
    """
    import shutil
    from tempfile import TemporaryDirectory
    from urllib.request import urlopen

    from tqdm import tqdm

    # Beside the target: a move within one file system is all or nothing.
    with TemporaryDirectory(dir=target.parent, prefix=".") as beside, urlopen(url, timeout=TIMEOUT) as response:
        part = Path(beside, target.name)
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        # disable=None: a bar on a terminal, none in a pipe
        bar = tqdm.wrapattr(response, "read", total=total, desc=target.name, leave=False, disable=None)
        with open(part, "wb") as file, bar as source:
            shutil.copyfileobj(source, file)
        received = part.stat().st_size
        if total is not None and received != total:
            raise EOFError(f"the connection ended after {received} of {total} bytes")
        found = hashlib.sha256(gzip.decompress(part.read_bytes())).hexdigest()
        if found != sha256:
            raise ValueError(f"the content's SHA-256 is {found}; expected {sha256}")
        part.replace(target)
