import pytest
from rooms import run

from experiments.lab import timing
from experiments.powers_of_two.measure import Settings
from experiments.powers_of_two.question import EXPERIMENT


@pytest.fixture(scope="session")
def settings():
    return Settings(dataset="digits", networks=((4,),), device_networks=((3,),), dtypes=("float32",), rounds=1, seeds=2)


@pytest.fixture(scope="session")
def result(digits, settings):
    """A small real run, on the CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "backends_here", lambda _: ["numpy"])
        return run(EXPERIMENT, digits, settings)
