import os
import signal

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: tests run in parallel, one to a core

from collections.abc import Callable

import numpy as np
import pytest
from device import device_backend
from hypothesis import settings
from strategies import SMALLER

from experiments.compare_gd_sgd import measure as compare_gd_sgd
from experiments.lab import plots, progress
from minigrad import Backend, BackendUnavailable, Dataset, get_backend, load_digits

settings.register_profile("local", deadline=None, database=None, max_examples=60)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a job in the background: what the tests start hears Ctrl-C
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # OpenBLAS sets the "invalid" flag now and then though operands and result are finite (numpy/numpy#24067): seen here
    # about once in 15 runs, on 2 × 5 float32. A real NaN fails the comparison that every such test ends in.
    for product in ("matmul", "dot"):
        config.addinivalue_line("filterwarnings", f"ignore:invalid value encountered in {product}:RuntimeWarning")


@pytest.fixture(scope="session", autouse=True)
def small_pictures() -> None:
    """Figures of few pixels and points: drawn in full, and made in less time."""
    plots.STYLE["savefig.dpi"] *= SMALLER
    compare_gd_sgd.POINTS = 25


@pytest.fixture(scope="session", autouse=True)
def no_lines() -> None:
    """Standard error stays empty where nothing is wrong, on a slow machine too."""
    progress.LINE = 3600.0


@pytest.fixture(scope="session")
def gpu() -> Backend:
    """CuPy on a GPU; skips, with what is missing, where there is none."""
    try:
        return get_backend("cupy")
    except BackendUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """120 of the digits to train on and 60 to test: enough for an experiment's plumbing."""
    full = load_digits()
    return Dataset(full.X_train[:120], full.y_train[:120], full.X_test[:60], full.y_test[:60], "digits", full.classes)


@pytest.fixture(scope="session")
def binary(digits: Dataset) -> Dataset:
    """The same, odd or even."""
    return digits.binary("odd-even")


@pytest.fixture(params=["numpy", "stand-in", pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> Backend:
    """NumPy, the strict stand-in for a device and, where one answers, a GPU."""
    if request.param == "stand-in":
        return device_backend()
    try:
        return get_backend(request.param)
    except BackendUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(params=["stand-in", pytest.param("cupy", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Backend:
    """The backends other than NumPy, for what is compared with a run on NumPy."""
    return request.getfixturevalue("gpu") if request.param == "cupy" else device_backend()


@pytest.fixture(scope="session")
def tiny() -> Callable[[int], Dataset]:
    """Makes a data set of n_classes: 24 rows to train on and 6 to test, of 3 features."""

    def make(n_classes: int) -> Dataset:
        rng = np.random.default_rng(5)
        X = rng.standard_normal((30, 3))
        y = (X @ rng.standard_normal((3, n_classes)) + rng.standard_normal((30, n_classes))).argmax(axis=1)
        return Dataset(X[:24], y[:24], X[24:], y[24:], "tiny")

    return make
