"""Data as every experiment sees it: a training and a test part, and one epoch of batches.

    X   (m, n)   float64   one sample a row, one feature a column, standardised
    y   (m,)     int64     labels 0 … K−1

MNIST is read in `mnist.py` and a user's own table in `table.py`; both end in the `Dataset` below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import checks

TASKS = "'odd-even', 'K-vs-rest', 'A-vs-B' or 'K-or-more'"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and labels in two parts: one to learn from, one to be judged by.

    Attributes
    ----------
    X_train, X_test : ndarray, float64 (m, n)
        One sample a row.
    y_train, y_test : ndarray, int64 (m,)
        Labels 0 … K−1.
    name : str
    classes : tuple of str
        What the labels 0 … K−1 stand for; without it, the labels themselves as text.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    name: str
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.classes:
            largest = max(int(y.max(initial=0)) for y in (self.y_train, self.y_test))
            object.__setattr__(self, "classes", tuple(str(k) for k in range(largest + 1)))  # the dataclass is frozen

    @property
    def n_classes(self) -> int:
        """K, the number of classes."""
        return len(self.classes)

    def binary(self, task: str = "odd-even") -> Dataset:
        """The same samples with labels 0 and 1.

        Parameters
        ----------
        task : str
            "odd-even" (1 for an odd label), "K-vs-rest" (1 for class K), "A-vs-B" (1 for class A, 0 for B, all
            other rows dropped) or "K-or-more" (1 for a label of at least K). K, A and B are a class's name,
            its number, or an English word from zero to nine: "five-or-more".

        Returns
        -------
        Dataset
            Shares its X with this one, unless rows are dropped.

        Raises
        ------
        ValueError
            Unknown task or class; a task that leaves fewer than two classes to train on, or no test rows.
        """
        codes, classes = _task(task, self.classes)
        y_train, y_test = codes[self.y_train], codes[self.y_test]
        X_train, X_test = self.X_train, self.X_test
        if (codes < 0).any():
            X_train, X_test = X_train[y_train >= 0], X_test[y_test >= 0]
            y_train, y_test = y_train[y_train >= 0], y_test[y_test >= 0]
        if len(np.unique(y_train)) < 2:
            raise ValueError(f"task {task!r} leaves fewer than two classes to train on in {self.name!r}; expected both")
        if len(y_test) == 0:
            raise ValueError(f"task {task!r} leaves no test rows in {self.name!r}; expected at least one")
        return Dataset(X_train, y_train, X_test, y_test, f"{self.name} {task}", classes)


def batches(
    n: int, batch_size: int, rng: np.random.Generator | None = None, drop_last: bool = False
) -> Iterator[slice | np.ndarray]:
    """One epoch: every one of n rows once, `batch_size` at a time.

    Parameters
    ----------
    n, batch_size : int
        1 <= batch_size <= n.
    rng : numpy.random.Generator, optional
        Shuffles the rows, anew at each call. Without it they come in order.
    drop_last : bool
        Whether to leave out the shorter last batch that remains where batch_size does not divide n.

    Returns
    -------
    iterator of ndarray or slice
        With rng, index arrays that cut a permutation of 0 … n−1; without, slices. `X[batch]` is right for both,
        and a slice copies nothing.

    Raises
    ------
    ValueError, TypeError
        For a bad n or batch_size, or another kind of rng: at the call, before the first batch is asked for.
    """
    n = checks.whole_number("n", n)
    batch_size = checks.whole_number("batch_size", batch_size, maximum=n)
    checks.generator("rng", rng)
    end = n - n % batch_size if drop_last else n
    cuts = (slice(start, min(start + batch_size, n)) for start in range(0, end, batch_size))
    if rng is None:
        return cuts
    order = rng.permutation(n)  # drawn here, not in the loop: a call uses up the same randomness however it is read
    return (order[cut] for cut in cuts)


def standardise(X_train: np.ndarray, X_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both parts, less the mean and divided by the standard deviation (divisor m) of the training part.

    The test part has no say in either: it stands for data that nobody has seen yet. A feature that is constant
    in training is centred only.

    Parameters
    ----------
    X_train, X_test : ndarray (m, n), real numbers of any dtype
        Left as they are.

    Returns
    -------
    (ndarray, ndarray), float64 (m, n)

    Raises
    ------
    ValueError
        A feature whose deviation, or whose standardised value, float64 cannot hold.
    """
    constant = (X_train == X_train[0]).all(axis=0)  # by comparison: a rounded deviation is seldom exactly 0
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(constant, X_train[0], X_train.mean(axis=0, dtype=np.float64))
        X_train, X_test = X_train - mean, X_test - mean
        # einsum sums the squares without an array of squares: MNIST's would take 376 MB
        deviation = np.sqrt(np.einsum("ij,ij->j", X_train, X_train) / len(X_train))
        deviation[deviation == 0] = 1.0
        X_train /= deviation
        X_test /= deviation
    bad = ~(np.isfinite(deviation) & np.isfinite(X_test).all(axis=0))
    if bad.any():
        raise ValueError(f"feature {np.argmax(bad)} (from 0) overflows when standardised; expected smaller numbers")
    return X_train, X_test


def split(X: np.ndarray, y: np.ndarray, name: str, classes: tuple[str, ...], test_fraction: float = 0.2) -> Dataset:
    """Shuffle the rows, cut off a test part, standardise; always the same cut for the same number of rows.

    Parameters
    ----------
    X : ndarray (m, n)
        Real numbers, m >= 2.
    y : ndarray, int64 (m,)
        Labels 0 … K−1.
    name, classes
        As in `Dataset`.
    test_fraction : float
        The test part's share of the rows, rounded up to whole rows; each part has at least one.

    Raises
    ------
    ValueError
        Fewer than two rows, a share outside [0, 1), or what `standardise` refuses.
    """
    m = checks.whole_number("number of rows", len(X), minimum=2)
    n_train = min(max(1, int((1 - checks.fraction("test_fraction", test_fraction)) * m)), m - 1)
    order = np.random.default_rng(0).permutation(m)
    train, test = order[:n_train], order[n_train:]
    X_train, X_test = standardise(X[train], X[test])
    return Dataset(X_train, y[train], X_test, y[test], name, classes)


def load_digits() -> Dataset:
    """Real handwriting, 1,797 digits of 8×8 grey levels (Alpaydin & Kaynak 1998): 1,437 to train, 360 to test.

    It comes with the package (`datasets/README.md` has source and licence); 64 features, 10 classes.
    """
    import gzip
    from importlib.resources import files

    with files(__package__).joinpath("datasets/digits.csv.gz").open("rb") as packed, gzip.open(packed) as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
    return split(table[:, :-1], table[:, -1], "digits", tuple(str(k) for k in range(10)))


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if it is gzip'd; ValueError if the packing is damaged."""
    import gzip
    import zlib

    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":  # by content, since some browsers unpack a .gz file and leave its name
        return content
    try:
        return gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{str(path)!r} is damaged ({error}); expected a whole gzip file") from None


def _task(task: str, classes: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, str]]:
    """For each class the label it gets, −1 where its rows are dropped, (K,); and the names of the labels 0 and 1."""
    k = np.arange(len(classes))
    if task == "odd-even":
        return k % 2, ("even", "odd")
    one, versus, other = str(task).partition("-vs-")
    if versus:
        a = _class_number(one, task, classes)
        if other == "rest":
            return np.where(k == a, 1, 0), ("rest", classes[a])
        b = _class_number(other, task, classes)
        return np.where(k == a, 1, np.where(k == b, 0, -1)), (classes[b], classes[a])
    one, or_more, rest = str(task).partition("-or-more")
    if or_more and not rest:
        a = _class_number(one, task, classes)
        return np.where(k >= a, 1, 0), (f"below {classes[a]}", f"{classes[a]} or more")
    raise ValueError(f"task {task!r} is unknown; expected {TASKS}, where K, A, B are classes")


def _class_number(text: str, task: str, classes: tuple[str, ...]) -> int:
    if text in classes:
        return classes.index(text)
    digits = str(WORDS.index(text)) if text in WORDS else text
    if digits in classes:
        return classes.index(digits)
    # Where names are numbers themselves (1, 2, 5), "3" must not come to mean the class named 5.
    named_by_numbers = any(name.lstrip("-").replace(".", "", 1).isdecimal() for name in classes)
    if digits.isdecimal() and int(digits) < len(classes) and not named_by_numbers:
        return int(digits)
    shown = ", ".join(map(repr, classes[:10])) + (", …" if len(classes) > 10 else "")
    raise ValueError(f"task {task!r} names no class {text!r}; expected one of {shown} (a task is {TASKS})")
