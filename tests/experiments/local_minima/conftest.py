import pytest
import threadpoolctl
from rooms import run
from teachers_map import watched

from experiments.local_minima import measure
from experiments.local_minima.question import EXPERIMENT


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in a trial: threads on matrices as small as these cost ten times what they save."""
    with threadpoolctl.threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def settings():
    return measure.Settings(dataset="digits", batch_sizes=(8, 120), updates=20, seeds=2)


@pytest.fixture(scope="session")
def plain(settings):
    """The settings of a result."""
    return settings.plain() | {"rows": 120, "features": 64, "classes": 2}


@pytest.fixture(scope="session")
def result(binary, settings):
    """A small real run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "TUNING_STARTS", 1)
        with watched("local_minima"):
            return run(EXPERIMENT, binary, settings)
