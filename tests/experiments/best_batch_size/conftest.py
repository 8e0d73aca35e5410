import pytest
from rooms import run
from teachers_map import watched

from experiments.best_batch_size.measure import Settings
from experiments.best_batch_size.question import EXPERIMENT


@pytest.fixture(scope="session")
def settings():
    return Settings(
        dataset="digits", hidden=(6,), batch_sizes=(1, 4, 16, 60, 120), epochs=8, seeds=3, rounds=2, check_seeds=3
    )


@pytest.fixture(scope="session")
def result(digits, settings):
    """A small real run, with its check."""
    from dataclasses import replace

    with watched("best_batch_size"):
        return run(EXPERIMENT, digits, replace(settings, check=True))
