"""The data that come with the package, and how its packed files are read."""

from pathlib import Path

import numpy as np

from ..engine.archive import most_bytes, refuse_special, too_large
from .dataset import Dataset
from .scaling import split


def load_digits() -> Dataset:
    """Real handwriting, 1,797 digits of 8×8 grey levels (Alpaydin & Kaynak 1998): 1,437 to train, 360 to test.

    It comes with the package (`data/README.md` has source and licence); 64 features, 10 classes.
    """
    import gzip
    from importlib.resources import files

    with files(__package__).joinpath("digits.csv.gz").open("rb") as packed, gzip.open(packed) as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
    return split(table[:, :-1], table[:, -1], "digits", tuple(str(k) for k in range(10)))


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if it is gzip'd; ValueError if the packing is damaged."""
    import gzip
    import zlib

    refuse_special(path)
    most = most_bytes()
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"  # by content: some browsers unpack a .gz file and leave its name
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise ValueError(f"{str(path)!r}: {too_large(len(content))}")
        return content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{str(path)!r} is damaged ({error}); expected a whole gzip file") from None
