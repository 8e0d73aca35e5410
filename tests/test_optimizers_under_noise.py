"""C7: a verdict that every part can turn, budgets and errors against loops written out, and a small real run."""

import json
import math
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
import scipy.optimize
from teachers_map import assert_the_map_is_true, watched

from experiments import optimizers_under_noise as c7
from experiments.lab import noise_costs, results, sweep
from experiments.lab.noise_costs import ARMS, CG, FIRST_ORDER, LOGISTIC, NETWORK, ONE_BATCH, SEARCH, TWO_BATCHES
from experiments.lab.trials import Trials
from minigrad import LBFGS, MLP, SGD, Adam, ConjugateGradient, Dataset, LogisticRegression, batches

SETTINGS = c7.Settings(dataset="digits", hidden=(6,), batch_sizes=(8, 40, 120), epochs=2, seeds=2, draws=4)
SIZES, N = (16, 128, 1000), 1000
SECOND_ORDER = tuple(arm for arm in ARMS if arm not in FIRST_ORDER)
FIRST = {16: 0.001, 128: 0.002, N: 0.01}  # as the claim has it
SECOND = {16: 0.5, 128: 0.1, N: 0.0001}


# ---- verdict ---------------------------------------------------------------------------------------------------------


def training_row(kind, problem, arm, size, seed, excess, **change):
    return {
        "kind": kind, "problem": problem, "arm": arm, "batch_size": size, "seed": seed, "learning_rate": 0.1,
        "excess": excess, "guessing": 2.3, "diverged": False,
    } | change  # fmt: skip


def error_row(problem, seed, one, two, B=16):
    """A row whose errors go as ‖s‖^one and ‖s‖^two."""
    steps = np.array(c7.STEPS)
    theory = math.sqrt(2 * 4.0 / B) / 3.0
    return {
        "kind": "error", "problem": problem, "place": "middle", "direction": "along −G", "seed": seed, "batch_size": B,
        "g": 2.0, "steps": c7.STEPS, "one": (0.5 * (10 * steps) ** one).tolist(), "trace": 4.0,
        "two": (theory * (10 * steps) ** two).tolist(), "length": [3.0] * len(steps),
    }  # fmt: skip


def made_up(seeds=4, wobble=0.01, one=-1.0, two=-1.0, arms=None, slope_wobble=0.001, without=()):
    """A result in which everything is as the article has it, but for what `arms` says: {arm: {batch size: J − J*}}."""
    losses = {arm: FIRST if arm in FIRST_ORDER else SECOND for arm in ARMS} | (arms or {})
    rng = np.random.default_rng(0)
    rows = []
    for problem in (NETWORK, LOGISTIC):
        for arm, by_size in losses.items():
            for size, loss in by_size.items():
                rows += [training_row("tuning", problem, arm, size, seed, loss) for seed in (1000, 1001)]
                rows += [
                    training_row("training", problem, arm, size, k, loss * math.exp(wobble * rng.standard_normal()))
                    for k in range(seeds)
                ]
        for seed in range(seeds):
            change = slope_wobble * rng.standard_normal()
            rows.append(error_row(problem, seed, one + change, two + change))
    rows = [row for row in rows if row["kind"] not in without]
    return {"rows": rows, "settings": {"rows": N, "epochs": 20}}


def all_arms(arms, losses):
    return dict.fromkeys(arms, losses)


AGAINST = all_arms(FIRST_ORDER, {16: 0.1, 128: 0.2, N: 0.001}) | all_arms(SECOND_ORDER, {16: 1e-3, 128: 1e-3, N: 0.1})


@pytest.mark.parametrize(
    ("change", "expected", "part"),
    [
        ({}, "holds", None),
        ({"one": 0.0}, "conditional", c7.GROWS),
        ({"two": 0.0, "one": 0.0}, "conditional", c7.GROWS),
        ({"arms": {"Adagrad": {16: 0.001, 128: 0.002, N: 1e-4}}}, "conditional", c7.LIVES),
        ({"arms": {CG: {16: 0.5, 128: 0.1, N: 0.2}}}, "conditional", c7.SUFFERS),
        ({"arms": {ONE_BATCH: {16: 0.5, 128: 0.001, N: 0.0001}}}, "conditional", c7.BEHIND_HERE),
        ({"arms": {ONE_BATCH: {16: 0.0005, 128: 0.1, N: 0.0001}}}, "conditional", c7.BEHIND_THERE),
        ({"arms": AGAINST, "one": 0.0, "two": 0.0}, "does not hold", c7.SUFFERS),
        ({"wobble": 3.0}, "undecided", None),
        ({"slope_wobble": 0.3}, "undecided", None),
        ({"seeds": 1}, "undecided", None),
        ({"without": ("error",)}, "undecided", None),
        ({"without": ("training",)}, "undecided", None),
        ({"without": ("tuning",)}, "undecided", None),
    ],
)  # fmt: skip
def test_the_rows_turn_the_verdict(change, expected, part):
    claim = c7.verdict(made_up(**change))["C7"]
    assert claim["verdict"] == expected, claim["because"]
    against = {name for name, tests in claim["evidence"]["tests"].items() if False in tests.values()}
    assert part in against if part else not against


def test_without_a_run_on_all_samples_nothing_is_decided():
    mini = {arm: {size: (FIRST if arm in FIRST_ORDER else SECOND)[size] for size in SIZES[:2]} for arm in ARMS}
    assert c7.verdict(made_up(arms=mini))["C7"]["verdict"] == "undecided"


def test_the_reason_is_made_of_the_evidence():
    claim = c7.verdict(made_up(one=0.0, wobble=0.0, slope_wobble=0.0, arms={CG: {16: 0.5, 128: 0.002, N: 0.0005}}))[
        "C7"
    ]
    costs = claim["evidence"]["noise_costs"][NETWORK]
    assert costs["SGD"]["over_all"]["estimate"] == pytest.approx(0.1)
    assert (costs[CG]["batch_size"], costs[CG]["leader_size"]) == (128, 16)
    assert costs[CG]["over_all"]["estimate"] == pytest.approx(4)
    assert costs[CG]["over_first_order"]["estimate"] == pytest.approx(1)
    assert costs[CG]["over_leader"]["estimate"] == pytest.approx(500)
    assert "is 0.1 to 0.1 (no worse: 6 of 6)" in claim["because"]
    assert f"(worse: 6 of 8; not: {CG} ({NETWORK}), {CG} ({LOGISTIC}))" in claim["because"]
    assert f"−1.00 on two batches ({NETWORK}), 0.00 on one batch ({NETWORK})" in claim["because"]


def test_what_is_compared_is_chosen_on_the_tuning_seeds_only():
    """A batch size, a rate or an arm that is better on the other seeds by chance is not taken for that."""
    result = made_up(wobble=0.0)
    lucky = [row for row in result["rows"] if row["kind"] == "training" and (row["arm"], row["batch_size"]) == (CG, 16)]
    for row in lucky:
        row["excess"] = 1e-6
    assert noise_costs.noise_costs(result)[NETWORK][CG].batch_size == 128
    worse = [training_row("tuning", NETWORK, CG, 128, s, 0.2, learning_rate=0.5) for s in (1000, 1001)]
    assert noise_costs.least_costs([*worse, *result["rows"]])[NETWORK, CG, 128] == (pytest.approx(0.1), 0.1)


def test_every_lbfgs_is_held_against_the_cheapest_on_all_samples():
    arms = {SEARCH: SECOND | {N: 0.004}, TWO_BATCHES: SECOND | {N: 0.001}, ONE_BATCH: SECOND | {N: 0.002}}
    costs = noise_costs.noise_costs(made_up(arms=arms | {CG: SECOND | {N: 0.05}}, wobble=0.0))[NETWORK]
    assert {costs[arm].all_by for arm in arms} == {TWO_BATCHES}
    assert costs[ONE_BATCH].over_all.estimate == pytest.approx(100)
    assert (costs[CG].all_by, costs[CG].over_all.estimate) == (CG, pytest.approx(2))


def test_a_run_that_diverged_counts_as_guessing_and_so_does_one_above_it():
    result = made_up(wobble=0.0)
    for row in result["rows"]:
        if row["kind"] == "training" and (row["arm"], row["batch_size"]) == (CG, 128):
            row |= {"excess": None, "diverged": True} if row["seed"] else {"excess": 50.0}
    assert noise_costs.ends(result, NETWORK, CG, 128) == [2.3] * 4
    assert noise_costs.noise_costs(result)[NETWORK][CG].over_all.estimate == pytest.approx(2.3 / SECOND[N])
    assert c7.verdict(result)["C7"]["verdict"] == "holds"


def test_a_rate_with_a_run_that_diverged_is_not_chosen():
    rows = [training_row("tuning", NETWORK, "SGD", 16, 1000, 1e-9, learning_rate=9.0),
            training_row("tuning", NETWORK, "SGD", 16, 1001, None, learning_rate=9.0, diverged=True),
            training_row("tuning", NETWORK, "SGD", 16, 1000, 1e-2),
            training_row("tuning", NETWORK, "SGD", 16, 1001, 1e-4)]  # fmt: skip
    assert noise_costs.least_costs(rows) == {(NETWORK, "SGD", 16): (pytest.approx(1e-3), 0.1)}
    assert noise_costs.least_costs(rows[:2]) == {(NETWORK, "SGD", 16): (math.inf, 9.0)}


def test_fits_are_those_of_the_rows_and_of_the_theory():
    fits = noise_costs.error_fits(made_up(one=0.0, slope_wobble=0.0))[NETWORK]
    expected = {"two": -1, "one": 0, "one over g": 0.25, "two over theory": 1}
    assert {name: fits[name].estimate for name in expected} == pytest.approx(expected, abs=1e-9)
    assert fits["two over g"].estimate == pytest.approx(math.sqrt(8 / 16) / 3 / 2)
    bent = error_row(NETWORK, 0, 0.0, -1.0)
    bent["one"][-1] = bent["two"][-2] = 99.0  # longer steps, where the gradient is not straight
    assert noise_costs.row_fit(bent) == pytest.approx(noise_costs.row_fit(error_row(NETWORK, 0, 0.0, -1.0)))
    for broken in ({"g": None}, {"g": 0.0}, {"two": [None] * 6}, {"one": [0.0] * 6}, {"length": [math.nan] * 6}):
        assert noise_costs.row_fit(error_row(NETWORK, 0, 0.0, -1.0) | broken) == {}


# ---- measurement -----------------------------------------------------------------------------------------------------


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


def test_the_excess_is_that_at_the_budget(digits):
    """On all samples an epoch is one step: the 2nd of SGD; and between CG's evaluations the log is interpolated."""
    [row] = c7.training_rows(digits, SETTINGS, NETWORK, "SGD", 120, 0.5, 7, 0.25)
    model = sweep.make_model(digits, SETTINGS, 7)
    for _ in range(2):
        model.theta -= 0.5 * model.gradient(digits.X_train, digits.y_train)
    assert row["excess"] == pytest.approx(model.loss(digits.X_train, digits.y_train) - 0.25)
    assert row["guessing"] == pytest.approx(math.log(10) - 0.25)
    settings = replace(SETTINGS, epochs=7)
    [row] = c7.training_rows(digits, settings, NETWORK, CG, 120, None, 7, 0.0)
    model = sweep.make_model(digits, settings, 7)
    (x0, J0), (x1, J1) = loop(model, digits, ConjugateGradient(), 120, 840, 7)[-2:]
    assert x0 < 840 < x1  # or the test would not see it
    share = (840 - x0) / (x1 - x0)
    assert row["excess"] == pytest.approx(J0 ** (1 - share) * J1**share)
    assert (row["curve"][0], row["curve"][-1], len(row["curve"])) == (
        pytest.approx(math.log(10), rel=0.2), row["excess"], c7.POINTS,
    )  # fmt: skip


def test_rows_tell_what_lbfgs_skipped_and_how_long_its_steps_were(digits):
    [row] = c7.training_rows(digits, SETTINGS, NETWORK, TWO_BATCHES, 8, 0.1, 0, 0.0)
    model, optimizer = sweep.make_model(digits, SETTINGS, 0), LBFGS(learning_rate=0.1, curvature_from="next batch")
    loop(model, digits, optimizer, 8, 240, 0)
    assert (row["updates"], row["skipped"]) == (30, optimizer.skipped)
    assert row["skipped"] > 0
    assert row["steps"] == pytest.approx([np.linalg.norm(pair.s) for pair in optimizer.pairs])
    [row] = c7.training_rows(digits, SETTINGS, NETWORK, "SGD", 8, 1e6, 0, 0.0)
    assert (row["excess"], row["diverged"], row["skipped"], row["steps"]) == (math.inf, True, 0, [])


def test_each_arm_is_what_it_is_called():
    made = {arm: c7.MAKE[arm](0.3) for arm in ARMS}
    assert tuple(made) == ARMS
    assert isinstance(made[CG], ConjugateGradient)
    assert isinstance(made["Adam"], Adam)
    lbfgs = {arm: (made[arm].learning_rate, made[arm].curvature_from) for arm in (SEARCH, TWO_BATCHES, ONE_BATCH)}
    assert lbfgs == {
        SEARCH: (None, "same batch"), TWO_BATCHES: (0.3, "next batch"), ONE_BATCH: (0.3, "same batch"),
    }  # fmt: skip
    assert set(c7.GRIDS) == set(ARMS) - {CG, SEARCH}


def test_the_least_loss_is_that_of_scipy_and_0_where_there_is_none(digits):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((80, 3)), rng.integers(0, 2, 80)
    noisy = Dataset(X, y, X, y, "noisy")

    def J(theta):
        return np.logaddexp(0, (1 - 2 * y) * (X @ theta[:3] + theta[3])).mean()

    [row] = c7.minimum_rows(noisy, SETTINGS, LOGISTIC)
    assert row["loss"] == pytest.approx(scipy.optimize.minimize(J, np.zeros(4), tol=1e-12).fun, rel=1e-9)
    assert c7.minimum_rows(Dataset(X, (X[:, 0] > 0) * 1, X, y, "separable"), SETTINGS, LOGISTIC)[0]["loss"] == 0
    assert c7.minimum_rows(noisy, SETTINGS, NETWORK)[0]["loss"] == 0


def test_logistic_regression_gets_two_classes(digits):
    data, settings = c7.problem_of(LOGISTIC, digits, SETTINGS)
    assert np.array_equal(data.y_train, digits.y_train % 2)
    assert settings.model == "logistic"
    assert c7.problem_of(LOGISTIC, data, SETTINGS)[0] is data
    X, y = np.ones((4, 1)), np.array([0, 2, 2, 0])
    data, _ = c7.problem_of(LOGISTIC, Dataset(X, y, X, y, "even", ("a", "b", "c")), SETTINGS)
    assert data.y_train.tolist() == [0, 1, 1, 0]
    assert c7.problem_of(NETWORK, digits, SETTINGS) == (digits, SETTINGS)


def test_batches_are_drawn_epoch_by_epoch():
    drawn = c7.draw(np.random.default_rng(0), 20, 6, 7)
    assert [len(index) for index in drawn] == [6] * 7
    for epoch in (drawn[:3], drawn[3:6]):
        assert len(set(np.concatenate(epoch))) == 18
    assert set(np.concatenate(drawn[:3])) != set(np.concatenate(drawn[3:6]))


def test_errors_are_those_of_sample_gradients(digits):
    """A loop over batches that knows only the gradient of each sample, at θ and at θ + s."""
    X, y, rng = digits.X_train[:30], digits.y_train[:30], np.random.default_rng(0)
    model = MLP((64, 3, 10), activation="tanh", rng=rng)
    theta = model.theta.copy()
    s = 0.3 * rng.standard_normal(len(theta))
    here = model.sample_gradients(X, y)
    model.theta = theta + s
    there = model.sample_gradients(X, y)
    G, dG = here.mean(axis=0), there.mean(axis=0) - here.mean(axis=0)
    drawn = c7.draw(rng, 30, 7, 5)
    of_g, one, two = c7.errors_on(model, X, y, drawn, theta, G, [("any", theta + s, dG)])
    means = [(here[index].mean(axis=0), there[index].mean(axis=0)) for index in drawn]
    squares = np.array([
        [np.sum((g - G) ** 2), np.sum((g_there - g - dG) ** 2), np.sum((g_there - means[k - 1][0] - dG) ** 2)]
        for k, (g, g_there) in enumerate(means)
    ])  # fmt: skip
    expected = np.sqrt(squares.mean(axis=0)) / np.linalg.norm([G, dG, dG], axis=1)
    assert [of_g, *one, *two] == pytest.approx(expected)
    assert two[0] != pytest.approx(one[0])


def test_error_rows_are_taken_at_their_place_and_along_their_step(digits):
    rows = c7.error_rows(digits, replace(SETTINGS, batch_sizes=(8,)), NETWORK, "middle", 3, 40, 0.2)
    model = sweep.make_model(digits, SETTINGS, 3)
    for index in batches(120, 40, np.random.default_rng(3), drop_last=True):  # half of two epochs
        SGD(0.2).step(model, digits.X_train[index], digits.y_train[index])
    G = model.gradient(digits.X_train, digits.y_train)
    [row] = [row for row in rows if row["direction"] == "along −G"]
    model.theta -= row["steps"][4] * G / np.linalg.norm(G)
    assert row["length"][4] == pytest.approx(np.linalg.norm(model.gradient(digits.X_train, digits.y_train) - G))
    assert {row["direction"] for row in rows} == {"random", "along −G"}


# ---- the whole -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(digits):
    with watched("optimizers_under_noise"):
        return c7.run(Trials(digits), SETTINGS)


def test_a_small_real_run(result, tmp_path):
    kinds = {kind: [row for row in result["rows"] if row["kind"] == kind] for kind in ("training", "tuning", "error")}
    assert len(kinds["training"]) == 2 * len(ARMS) * 3 * 2  # problems, arms, sizes, seeds
    assert len(kinds["error"]) == 2 * 3 * 2 * 2 * 2  # problems, places, seeds, sizes below all, directions
    assert {row["seed"] for row in kinds["tuning"]} == set(sweep.TUNING_SEEDS)
    assert {row["learning_rate"] for row in kinds["training"] if row["arm"] in (CG, SEARCH)} == {None}
    best = noise_costs.least_costs(result["rows"])
    assert all(
        row["learning_rate"] == best[row["problem"], row["arm"], row["batch_size"]][1] for row in kinds["training"]
    )
    for fits in noise_costs.error_fits(result).values():
        assert fits["two"].estimate == pytest.approx(-1, abs=0.02)
        assert fits["one"].estimate == pytest.approx(0, abs=0.02)
        assert fits["two over theory"].estimate == pytest.approx(1, abs=0.3)
    path = results.write_json(tmp_path / "result.json", result)
    again = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert c7.verdict(again)["C7"]["verdict"] == result["claims"]["C7"]["verdict"] == "conditional"
    assert c7.tables(again) == c7.tables(result)


def test_tables_and_figures(result, tmp_path):
    text = c7.tables(result)
    assert all(arm in text for arm in ARMS)
    assert "240 sample gradients" in text
    paths = c7.plot(result, tmp_path)
    assert len(paths) == 6
    for path in paths:
        assert path.stat().st_size > 10_000
        if path.suffix == ".png":
            assert matplotlib.image.imread(path).std() > 0.05  # no blank sheet


@pytest.mark.parametrize(
    "change", [{"batch_sizes": (120,)}, {"batch_sizes": (1,)}, {"batch_sizes": (40, 120), "activation": "relu"}]
)
def test_settings_that_leave_little_to_show(digits, tmp_path, change):
    result = c7.run(Trials(digits), replace(SETTINGS, seeds=1, epochs=1, draws=1, **change))
    assert result["claims"]["C7"]["verdict"] == "undecided"
    assert c7.tables(result)
    if change["batch_sizes"] == (120,):
        assert c7.plot(result, tmp_path)


def test_on_a_device(device, tiny):
    settings = replace(SETTINGS, hidden=(3,), batch_sizes=(8, 24), epochs=1, seeds=1, draws=2)
    there, here = (c7.run(Trials(tiny(3)), replace(settings, backend=each)) for each in (device, "numpy"))
    for kind, name in (("training", "excess"), ("error", "g")):
        columns = [[row[name] for row in result["rows"] if row["kind"] == kind] for result in (there, here)]
        assert columns[0] == pytest.approx(columns[1], 1e-6)
    rates = [[row["learning_rate"] for row in result["rows"] if row["kind"] == "tuning"] for result in (there, here)]
    assert rates[0] == rates[1]
    assert c7.tables(there)


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("optimizers_under_noise", c7.tables, result)
