import pytest
from rooms import run
from teachers_map import watched

from experiments.data_parallel import measure, ranks
from experiments.data_parallel.question import EXPERIMENT


@pytest.fixture(scope="session")
def alone():
    """One rank, this process, whatever MPI is installed."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (measure, ranks):
            patch.setattr(module, "world", ranks.Ranks)
        yield


@pytest.fixture(scope="session")
def settings():
    return measure.Settings(
        dataset="digits", hidden=(6,), batch_sizes=(8, 16, 32, 64, 96, 120), epochs=12, seeds=3, rounds=2
    )


@pytest.fixture(scope="session")
def result(alone, digits, settings):
    """A small real run on one rank."""
    with watched("data_parallel"):
        return run(EXPERIMENT, digits, settings)
