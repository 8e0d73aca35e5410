import pytest
from rooms import run
from teachers_map import watched

from experiments.equal_compute.measure import Settings
from experiments.equal_compute.question import EXPERIMENT


@pytest.fixture(scope="session")
def settings():
    sizes = {"batch_sizes": (1, 30, 120), "not_to_tight": (1, 30)}
    return Settings(dataset="digits", hidden=(4,), epochs=160, seeds=6, halvings=0, **sizes)


@pytest.fixture(scope="session")
def result(digits, settings):
    """A small real run."""
    with watched("equal_compute"):
        return run(EXPERIMENT, digits, settings)
