from dataclasses import replace

import pytest
from rooms import run
from teachers_map import watched

from experiments.compare_gd_sgd.measure import Settings
from experiments.compare_gd_sgd.question import EXPERIMENT

IN_THE_MAP = {"logistic": "compare_gd_sgd", "mlp": "compare_gd_sgd --model mlp"}


@pytest.fixture(scope="session")
def settings():
    return Settings(
        dataset="digits", model="logistic", hidden=(8,), batch_sizes=(1, 16, 120), epochs=6, seeds=4, repeats=2
    )


@pytest.fixture(scope="session")
def results_of(digits, binary, settings):
    """One small real run a model, made when it is first asked for."""
    cache = {}

    def get(model):
        if model not in cache:
            with watched(IN_THE_MAP[model]):
                data = binary if model == "logistic" else digits
                cache[model] = run(EXPERIMENT, data, replace(settings, model=model))
        return cache[model]

    return get


@pytest.fixture(scope="session")
def diverging(digits, settings):
    """The MLP at η = 1e6; relu, since it explodes where tanh saturates."""
    return run(EXPERIMENT, digits, replace(settings, model="mlp", activation="relu", learning_rate=1e6, seeds=2))
