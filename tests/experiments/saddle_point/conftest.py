import pytest
from rooms import run
from teachers_map import watched

from experiments.lab.trials import Trials
from experiments.saddle_point import measure
from experiments.saddle_point.question import EXPERIMENT
from experiments.saddle_point.theory import SPLITS
from minigrad import Dataset, load_digits

FEW_PUSHES = (1e-2, 1e-3, 1e-4)  # small ones take long


@pytest.fixture(scope="session")
def settings():
    return measure.Settings(dataset="digits", batch_sizes=(1, 16, 64, 300), seeds=3, repeats=3, settling=40)


@pytest.fixture(scope="session")
def data():
    """300 digits, odd or even: enough that one tanh unit has an optimum."""
    full = load_digits().binary("odd-even")
    return Dataset(full.X_train[:300], full.y_train[:300], full.X_test, full.y_test, "digits odd-even", full.classes)


@pytest.fixture(scope="session")
def pair(data, settings):
    """The uneven and the even saddle of one optimum, as JSON has them."""
    return dict(zip(SPLITS, Trials(data).run(measure.saddle_rows, settings, [{"seed": 0}])))


@pytest.fixture
def few_pushes(monkeypatch):
    monkeypatch.setattr(measure, "PUSHES", FEW_PUSHES)


@pytest.fixture(scope="session")
def result(data, settings):
    """A small real run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "PUSHES", FEW_PUSHES)
        with watched("saddle_point"):
            return run(EXPERIMENT, data, settings)
