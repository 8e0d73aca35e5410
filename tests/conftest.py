import os

import pytest
from hypothesis import settings

from minigrad import Backend, BackendUnavailable, get_backend

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
