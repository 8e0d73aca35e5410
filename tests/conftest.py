import os

import pytest
from hypothesis import settings

from minigrad import Backend, BackendUnavailable, Dataset, get_backend, load_digits

settings.register_profile("local", deadline=None, database=None, max_examples=60)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_configure(config: pytest.Config) -> None:
    # OpenBLAS sets the "invalid" flag now and then though operands and result are finite (numpy/numpy#24067): seen here
    # about once in 15 runs, on 2 × 5 float32. A real NaN fails the comparison that every such test ends in.
    config.addinivalue_line("filterwarnings", "ignore:invalid value encountered in matmul:RuntimeWarning")


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
