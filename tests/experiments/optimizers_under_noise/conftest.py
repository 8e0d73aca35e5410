import pytest
from rooms import run
from teachers_map import watched

from experiments.optimizers_under_noise.measure import Settings
from experiments.optimizers_under_noise.question import EXPERIMENT


@pytest.fixture(scope="session")
def settings():
    return Settings(dataset="digits", hidden=(6,), batch_sizes=(8, 40, 120), epochs=2, seeds=3, draws=4)


@pytest.fixture(scope="session")
def result(digits, settings):
    """A small real run."""
    with watched("optimizers_under_noise"):
        return run(EXPERIMENT, digits, settings)
