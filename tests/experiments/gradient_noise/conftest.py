import pytest
from rooms import run
from teachers_map import watched

from experiments.gradient_noise.measure import Settings
from experiments.gradient_noise.question import EXPERIMENT


@pytest.fixture(scope="session")
def settings():
    return Settings(dataset="digits", hidden=(8,), batch_sizes=(1, 4, 16, 64, 120), epochs=4, seeds=3, draws=20)


@pytest.fixture(scope="session")
def result(digits, settings):
    """A small real run."""
    with watched("gradient_noise"):
        return run(EXPERIMENT, digits, settings)
