import pytest
from rooms import run
from teachers_map import watched

from experiments.throughput import measure
from experiments.throughput.question import EXPERIMENT


@pytest.fixture(autouse=True)
def small_product(monkeypatch):
    monkeypatch.setattr(measure, "SIDE", 8)
    monkeypatch.setattr(measure, "SAMPLES", 16)


@pytest.fixture(scope="session")
def settings():
    return measure.Settings(
        dataset="digits",
        hidden=(8,),
        batch_sizes=(16, 120),
        epochs=6,
        seeds=2,
        repeats=2,
        widths=(0, 4),
        timed_sizes=(1, 16, 300),
        blocks=2,
        rounds=2,
    )


@pytest.fixture(scope="session")
def result(digits, settings):
    """A small real run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "SIDE", 8)
        patch.setattr(measure, "SAMPLES", 16)
        with watched("throughput"):
            return run(EXPERIMENT, digits, settings)
