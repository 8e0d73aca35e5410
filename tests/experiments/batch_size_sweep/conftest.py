import pytest
from rooms import run
from teachers_map import watched

from experiments.batch_size_sweep.measure import Settings
from experiments.batch_size_sweep.question import EXPERIMENT


@pytest.fixture(scope="session")
def settings():
    return Settings(
        dataset="digits",
        hidden=(6,),
        batch_sizes=(1, 8, 40, 120),
        epochs=4,
        seeds=2,
        repeats=2,
        map_epochs=6,
        accuracy_sizes=2,
        accuracy_seeds=2,
        accuracy_epochs=4,
    )


@pytest.fixture(scope="session")
def result(digits, settings):
    """A small real run."""
    with watched("batch_size_sweep"):
        return run(EXPERIMENT, digits, settings)
