"""Cut data into a training and a test part, and bring its features to one scale."""

import numpy as np

from ..engine import checks
from .dataset import Dataset

FAR = 1e100  # numbers above it, or all below its inverse, are brought near 1 before they are squared


def standardise(X_train: np.ndarray, X_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both parts, less the mean and divided by the standard deviation (divisor m) of the training part.

    The test part has no say in either: it stands for data that nobody has seen yet. A feature that is constant
    in training is centred only. X_train and X_test, (m, n) real numbers, stay as they are; the results are float64.
    ValueError for a feature whose deviation, or whose standardised value, float64 cannot hold.
    """
    return standardised(X_train, X_test)[:2]


def standardised(X_train: np.ndarray, X_test: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What `standardise` returns, the mean and the deviation, (n,) each."""
    X_train, X_test = X_train.astype(np.float64), X_test.astype(np.float64)
    return X_train, X_test, *standardise_in_place(X_train, X_test)


def standardise_in_place(X_train: np.ndarray, X_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standardise both parts, float64, where they are: a large table is in memory once. Returns mean and deviation."""
    largest = np.maximum(X_train.max(axis=0), -X_train.min(axis=0))
    exponent = np.where((largest > FAR) | (largest < 1 / FAR), np.frexp(largest)[1], 0)
    if exponent.any():  # of numbers whose squares float64 cannot hold: by a power of two, which rounds nothing
        for X in (X_train, X_test):
            with np.errstate(over="ignore"):
                np.ldexp(X, -exponent, out=X)
    mean, deviation = _standardise_in_place(X_train, X_test)
    with np.errstate(over="ignore"):
        return np.ldexp(mean, exponent), np.ldexp(deviation, exponent)


def _standardise_in_place(X_train: np.ndarray, X_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    constant = (X_train == X_train[0]).all(axis=0)  # by comparison: a rounded deviation is seldom exactly 0
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(constant, X_train[0], X_train.mean(axis=0))
        X_train -= mean
        X_test -= mean
        # einsum sums the squares without an array of squares: MNIST's would take 376 MB
        deviation = np.sqrt(np.einsum("ij,ij->j", X_train, X_train) / len(X_train))
        deviation[deviation == 0] = 1.0
        X_train /= deviation
        X_test /= deviation
    bad = ~(np.isfinite(deviation) & np.isfinite(X_test).all(axis=0))
    if bad.any():
        raise ValueError(f"feature {np.argmax(bad)} (from 0) overflows when standardised; expected smaller numbers")
    return mean, deviation


def split(
    X: np.ndarray, y: np.ndarray, name: str = "data", classes: tuple[str, ...] = (), test_fraction: float = 0.2
) -> Dataset:
    """Shuffle the rows, cut off a test part, standardise; always the same cut for the same number of rows.

    X (m, n) are real numbers, m >= 2, and y (m,) int64 labels 0 … K−1; `name` and `classes` are those of `Dataset`. The
    test part's share is rounded up to whole rows, and each part has at least one. ValueError for fewer than two rows, a
    share outside [0, 1), or what `standardise` refuses.
    """
    m = checks.whole_number("number of rows", len(X), minimum=2)
    n_train = min(max(1, int((1 - checks.fraction("test_fraction", test_fraction)) * m)), m - 1)
    order = np.random.default_rng(0).permutation(m)
    train, test = order[:n_train], order[n_train:]
    X_train, X_test, mean, scale = standardised(X[train], X[test])
    return Dataset(X_train, y[train], X_test, y[test], name, classes, mean, scale)


def stratified(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a training and a test part, 80 : 20, both with the classes' shares; always the same for the same y.

    The test part's share is rounded up to whole rows. What a class has in it is rounded so that the sum is right, and
    each class keeps a row in training. y (m,) int64, 0 … K−1, m >= 2.
    """
    m = checks.whole_number("number of rows", len(y), minimum=2)
    n_test = max(1, m - int(0.8 * m))
    counts = np.bincount(y)
    wanted = n_test * counts / m
    taken = np.minimum(np.floor(wanted).astype(int), np.maximum(counts - 1, 0))
    while taken.sum() < n_test and (taken < counts - 1).any():
        lost = np.where(taken < counts - 1, wanted - taken, -np.inf)
        taken[np.argmax(lost)] += 1  # to the class that lost most by rounding
    order = np.random.default_rng(0).permutation(m)
    in_test = np.zeros(m, bool)
    for k, count in enumerate(taken):
        in_test[order[y[order] == k][:count]] = True
    if not in_test.any():  # each class has one row
        in_test[order[0]] = True
    return order[~in_test[order]], order[in_test[order]]
