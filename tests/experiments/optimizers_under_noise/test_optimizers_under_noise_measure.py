"""C7: optimizers that are what they are called, and budgets against loops written out."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize
from rooms import run

from experiments.lab.settings import tuning_seeds
from experiments.lab.sweep import make_model
from experiments.optimizers_under_noise import measure as c7
from experiments.optimizers_under_noise.measure import (
    CG,
    FIRST_ORDER,
    LOGISTIC,
    NETWORK,
    ONE_BATCH,
    OPTIMIZERS,
    SEARCH,
    TWO_BATCHES,
    chosen_rates,
)
from experiments.optimizers_under_noise.question import EXPERIMENT
from minigrad import LBFGS, MLP, SGD, Adam, ConjugateGradient, Dataset, LogisticRegression, batches


def loop(model, data, optimizer, batch_size, budget, seed):
    """[(sample gradients used, loss)] after every step until the budget is used."""
    rng = None if batch_size == len(data.X_train) else np.random.default_rng(seed)  # all rows need no order
    course = [(0, model.loss(data.X_train, data.y_train))]
    while course[-1][0] < budget:
        for index in batches(len(data.X_train), batch_size, rng, drop_last=True):
            used = optimizer.step(model, data.X_train[index], data.y_train[index])
            course.append((course[-1][0] + used, model.loss(data.X_train, data.y_train)))
    return course


@pytest.mark.parametrize("make", [lambda: SGD(0.1), ConjugateGradient, lambda: LBFGS(learning_rate=0.1)])
@pytest.mark.parametrize("batch_size", [50, 120])
def test_training_on_a_budget_is_the_loop_written_out(digits, make, batch_size):
    models = [MLP((64, 4, 10), activation="tanh", rng=np.random.default_rng(1)) for _ in range(2)]
    expected = dict(loop(models[0], digits, make(), batch_size, 600, 3))
    course = c7.train_on_budget(models[1], digits, make(), batch_size, 600, 3)
    assert course.updates == len(expected) - 1
    assert course.losses == pytest.approx([expected[samples] for samples in course.samples])
    assert course.samples[-1] == max(expected) >= 600
    assert np.array_equal(models[0].theta, models[1].theta)
    assert not course.diverged


def test_a_budget_ends_where_it_diverges_and_where_no_step_helps(binary):
    course = c7.train_on_budget(LogisticRegression(64), binary, SGD(1e6), 8, 10_000, 0)
    assert course.diverged
    assert course.samples[-1] < 10_000
    at_optimum = Dataset(np.zeros((4, 2)), np.array([0, 1, 0, 1]), np.zeros((2, 2)), np.array([0, 1]), "zero")
    course = c7.train_on_budget(LogisticRegression(2), at_optimum, ConjugateGradient(), 4, 10_000, 0)
    assert not course.diverged
    assert course.samples[-1] < 100
    assert course.losses[-1] == pytest.approx(math.log(2))


def test_the_excess_is_that_at_the_budget(digits, settings):
    """On all samples an epoch is one step: the 2nd of SGD; and between CG's evaluations the log is interpolated."""
    [row] = c7.training_rows(digits, settings, NETWORK, "SGD", 120, 0.5, 7, 0.25)
    model = make_model(digits, settings, 7)
    for _ in range(2):
        model.theta -= 0.5 * model.gradient(digits.X_train, digits.y_train)
    assert row["excess"] == pytest.approx(model.loss(digits.X_train, digits.y_train) - 0.25)
    assert row["guessing"] == pytest.approx(math.log(10) - 0.25)
    settings = replace(settings, epochs=7)
    [row] = c7.training_rows(digits, settings, NETWORK, CG, 120, None, 7, 0.0)
    model = make_model(digits, settings, 7)
    (x0, J0), (x1, J1) = loop(model, digits, ConjugateGradient(), 120, 840, 7)[-2:]
    assert x0 < 840 < x1  # or the test would not see it
    share = (840 - x0) / (x1 - x0)
    assert row["excess"] == pytest.approx(J0 ** (1 - share) * J1**share)
    assert (row["curve"][0], row["curve"][-1], len(row["curve"])) == (
        pytest.approx(math.log(10), rel=0.2),
        row["excess"],
        c7.POINTS,
    )


def test_rows_tell_what_lbfgs_skipped_and_how_long_its_steps_were(digits, settings):
    [row] = c7.training_rows(digits, settings, NETWORK, TWO_BATCHES, 8, 0.1, 0, 0.0)
    model, optimizer = make_model(digits, settings, 0), LBFGS(learning_rate=0.1, curvature_from="next batch")
    loop(model, digits, optimizer, 8, 240, 0)
    assert (row["updates"], row["skipped"]) == (30, optimizer.skipped)
    assert row["skipped"] > 0
    assert row["steps"] == pytest.approx([np.linalg.norm(pair.s) for pair in optimizer.pairs])
    [row] = c7.training_rows(digits, settings, NETWORK, "SGD", 8, 1e6, 0, 0.0)
    assert (row["excess"], row["diverged"], row["skipped"], row["steps"]) == (math.inf, True, 0, [])


def test_each_optimizer_is_what_it_is_called():
    made = {name: make(0.3) for name, make in OPTIMIZERS.items()}
    assert tuple(made) == (*FIRST_ORDER, CG, SEARCH, TWO_BATCHES, ONE_BATCH)
    assert isinstance(made[CG], ConjugateGradient)
    assert isinstance(made["Adam"], Adam)
    lbfgs = {name: (made[name].learning_rate, made[name].curvature_from) for name in (SEARCH, TWO_BATCHES, ONE_BATCH)}
    assert lbfgs == {
        SEARCH: (None, "same batch"),
        TWO_BATCHES: (0.3, "next batch"),
        ONE_BATCH: (0.3, "same batch"),
    }
    assert set(c7.GRIDS) == set(OPTIMIZERS) - {CG, SEARCH}


def test_the_least_loss_is_that_of_scipy_and_0_where_there_is_none(digits, settings):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((80, 3)), rng.integers(0, 2, 80)
    noisy = Dataset(X, y, X, y, "noisy")

    def J(theta):
        return np.logaddexp(0, (1 - 2 * y) * (X @ theta[:3] + theta[3])).mean()

    [row] = c7.minimum_rows(noisy, settings, LOGISTIC)
    assert row["loss"] == pytest.approx(scipy.optimize.minimize(J, np.zeros(4), tol=1e-12).fun, rel=1e-9)
    assert c7.minimum_rows(Dataset(X, (X[:, 0] > 0) * 1, X, y, "separable"), settings, LOGISTIC)[0]["loss"] == 0
    assert c7.minimum_rows(noisy, settings, NETWORK)[0]["loss"] == 0


def test_logistic_regression_gets_two_classes(digits, settings):
    data, logistic = c7.problem_of(LOGISTIC, digits, settings)
    assert np.array_equal(data.y_train, digits.y_train % 2)
    assert logistic.model == "logistic"
    assert c7.problem_of(LOGISTIC, data, settings)[0] is data
    X, y = np.ones((4, 1)), np.array([0, 2, 2, 0])
    data, _ = c7.problem_of(LOGISTIC, Dataset(X, y, X, y, "even", ("a", "b", "c")), settings)
    assert data.y_train.tolist() == [0, 1, 1, 0]
    assert c7.problem_of(NETWORK, digits, settings) == (digits, settings)


def test_a_small_real_run(result):
    kinds = {kind: [row for row in result["rows"] if row["kind"] == kind] for kind in ("training", "tuning", "error")}
    assert len(kinds["training"]) == 2 * len(OPTIMIZERS) * 3 * 3  # problems, optimizers, sizes, seeds
    assert len(kinds["error"]) == 2 * 3 * 3 * 2 * 2  # problems, places, seeds, sizes below all, directions
    assert {row["seed"] for row in kinds["tuning"]} == set(tuning_seeds(0))
    assert {row["learning_rate"] for row in kinds["training"] if row["arm"] in (CG, SEARCH)} == {None}
    best = chosen_rates(result).set_index(c7.RUN).learning_rate
    for row in kinds["training"]:
        rate = best[row["problem"], row["arm"], row["batch_size"]]
        assert row["learning_rate"] == (None if np.isnan(rate) else rate)


@pytest.mark.whole
def test_on_a_device(device, tiny, settings):
    settings = replace(settings, hidden=(3,), batch_sizes=(8, 24), epochs=1, seeds=1, draws=2)
    there, here = (run(EXPERIMENT, tiny(3), replace(settings, backend=each)) for each in (device, "numpy"))
    for kind, name in (("training", "excess"), ("error", "g")):
        columns = [[row[name] for row in result["rows"] if row["kind"] == kind] for result in (there, here)]
        assert columns[0] == pytest.approx(columns[1], 1e-6)
    rates = [[row["learning_rate"] for row in result["rows"] if row["kind"] == "tuning"] for result in (there, here)]
    assert rates[0] == rates[1]
    assert EXPERIMENT.tables(there)
