"""C8: verdicts that rows can turn, the map and its rules, and a small real run."""

import json
import math
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from teachers_map import assert_the_map_is_true, watched

from experiments import batch_size_sweep as c8
from experiments.lab import results, sweep, sweep_report, tuning
from experiments.lab.trials import Trials
from minigrad import MLP, SGD

SIZES = [1, 8, 64, 512]
SETTINGS = c8.Settings(
    dataset="digits", hidden=(6,), batch_sizes=(1, 8, 40, 120), epochs=4, seeds=2, repeats=2, map_epochs=6,
    accuracy_sizes=2, accuracy_seeds=2, accuracy_epochs=4,
)  # fmt: skip


def rows_of_training(arm, size, **columns):
    """One training row a seed."""
    length = len(next(iter(columns.values())))
    return [
        {"kind": "training", "arm": arm, "batch_size": size, "seed": seed, "learning_rate": 1.0}
        | {name: values[seed] for name, values in columns.items()}
        for seed in range(length)
    ]


def made_up(**change):
    """A result in which everything is as the article has it; `change` replaces one of its numbers by size."""
    base = {
        "same_accuracy": {1: 0.5, 8: 0.97, 64: 0.97, 512: 0.9},
        "same_updates": dict.fromkeys(SIZES, math.inf),
        "tuned_updates": dict.fromkeys(SIZES, math.inf),
        "epochs": {1: 2.0, 8: 4.0, 64: 8.0, 512: 16.0},
        "seconds": {1: 8.0, 8: 1.0, 64: 2.0, 512: 9.0},
        "cost": {1: 100.0, 8: 20.0, 64: 5.0, 512: 1.0},
        "fast": 200.0,
        "accuracy": {1: 0.99, 8: 0.95, 64: 0.93, 512: 0.9},
        "polished": {1: 0.99, 8: 0.95, 64: 0.93, 512: 0.9},
        "linear": 0.9,
        "wobble": 0.01,
        "seeds": 6,
    } | change
    noise = 1 + base["wobble"] * np.random.default_rng(0).standard_normal((len(SIZES), base["seeds"]))
    seeds, rows = range(base["seeds"]), []
    for factor, size in zip(noise, SIZES):
        rows += rows_of_training(
            c8.SAME, size, test_accuracy=base["same_accuracy"][size] * factor,
            updates_to_target=[base["same_updates"][size]] * len(factor),
        )  # fmt: skip
        rows += rows_of_training(
            c8.TUNED, size, updates_to_target=[base["tuned_updates"][size]] * len(factor),
            epoch_to_target=base["epochs"][size] * factor, seconds_to_target=base["seconds"][size] * factor,
        )  # fmt: skip
        timing = {"kind": "timing", "backend": "numpy", "batch_size": size}
        rows += [
            timing | {"path": "batched", "repeat": k, "microseconds": base["cost"][size] * factor[k]} for k in seeds
        ]
        if size == 1:
            rows += [timing | {"path": "fast", "repeat": k, "microseconds": base["fast"] * factor[k]} for k in seeds]
        rows += [
            {"kind": "accuracy", "arm": "network", "batch_size": size, "seed": k, "learning_rate": 1.0,
             "test_accuracy": base["accuracy"][size] + 0.1 * (factor[k] - 1),
             "polished_test_accuracy": base["polished"][size] + 0.1 * (factor[k] - 1)}
            for k in seeds
        ]  # fmt: skip
        per_sample = base["fast"] if size == 1 else base["cost"][size]
        rows.append({"kind": "cell", "batch_size": size, "learning_rate": 1.0, "seed": 1000, "diverged": False,
                     "loss": 0.1, "test_accuracy": 0.9, "updates_to_target": 10.0,
                     "samples_to_target": base["seconds"][size] / per_sample})  # fmt: skip
    rows += [{"kind": "accuracy", "arm": "linear", "batch_size": 8, "seed": k, "learning_rate": 1.0,
              "test_accuracy": base["linear"], "polished_test_accuracy": base["linear"]} for k in seeds]  # fmt: skip
    settings = {"backend": "numpy", "epochs": 200, "learning_rate": 1.0, "reference": 64, "batch_sizes": SIZES}
    return {"rows": rows, "settings": settings}


FAR = dict.fromkeys(SIZES, 500.0)
SAME_ACCURACY = dict.fromkeys(SIZES, 0.95)


@pytest.mark.parametrize(
    ("claim", "change", "expected"),
    [
        ("C8", {}, "holds"),
        ("C8", {"linear": 0.3}, "does not hold"),  # never below
        ("C8", {"same_accuracy": dict.fromkeys(SIZES, 0.5)}, "undecided"),  # below, but whatever the batch size
        ("C8", {"seeds": 1}, "undecided"),
        ("C8a", {}, "holds"),
        ("C8a", {"tuned_updates": FAR}, "conditional"),
        ("C8a", {"tuned_updates": FAR, "same_updates": FAR}, "does not hold"),
        ("C8a", {"seeds": 2}, "undecided"),
        ("C8b", {}, "holds"),
        ("C8b", {"fast": 10.0}, "conditional"),
        ("C8b", {"cost": dict.fromkeys(SIZES, 1.0), "fast": 1.0, "wobble": 0.001}, "does not hold"),
        ("C8b", {"cost": dict.fromkeys(SIZES, 1.0), "fast": 1.0, "wobble": 0.3}, "undecided"),
        ("C8c", {}, "holds"),
        ("C8c", {"epochs": {1: 2.0, 8: 2.0, 64: 2.0, 512: 9.0}}, "conditional"),
        ("C8c", {"epochs": dict.fromkeys(SIZES, 2.0)}, "does not hold"),
        ("C8c", {"epochs": dict.fromkeys(SIZES, 2.0), "wobble": 0.3}, "undecided"),
        ("C8d", {}, "holds"),
        ("C8d", {"seconds": {1: 8.0, 8: 5.0, 64: 2.0, 512: 1.0}}, "does not hold"),
        ("C8d", {"seconds": {1: 0.99, 8: 1.0, 64: 1.0, 512: 9.0}}, "undecided"),  # an end, but not clearly
        ("C8d", {"seconds": {1: 1.01, 8: 1.0, 64: 2.0, 512: 1.01}, "wobble": 0.2}, "undecided"),
        ("C8e", {}, "holds"),
        ("C8e", {"polished": SAME_ACCURACY}, "conditional"),
        ("C8e", {"accuracy": SAME_ACCURACY, "polished": SAME_ACCURACY}, "does not hold"),
        ("C8e", {"accuracy": SAME_ACCURACY, "polished": SAME_ACCURACY, "wobble": 0.2}, "undecided"),
        ("C8e", {"seeds": 1}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdicts(claim, change, expected):
    found = c8.verdict(made_up(**change))[claim]
    assert found["verdict"] == expected, found["because"]
    assert found["because"]


def test_the_reasons_are_made_of_the_evidence():
    claims = c8.verdict(made_up(wobble=0))
    assert "0 of 6 runs at the same rate" in claims["C8a"]["because"]
    assert "-40.0 %" in claims["C8"]["because"]
    assert claims["C8d"]["evidence"]["fastest"] == 8
    assert "8.00 (8.00 to 8.00) for 1 over 8" in claims["C8d"]["because"]
    assert "1 is best, 9.0 points" in claims["C8e"]["because"]


def test_equal_accuracies_differ_as_often_as_chance_has_it():
    """Of 100 tables of pure noise the permutation test calls about 5 different; of tables that differ, all."""
    rng = np.random.default_rng(0)
    noise = [c8.differ(rng.standard_normal((3, 5)))[0] < 0.05 for _ in range(100)]
    assert sum(noise) <= 12
    assert c8.differ(rng.standard_normal((3, 5)) + np.array([[0.0], [0.0], [9.0]]))[0] < 0.05


# ---- the map ---------------------------------------------------------------------------------------------------------


def a_map(updates):
    """{(batch size, rate): updates} as a result."""
    return {
        "rows": [
            {"kind": "cell", "batch_size": size, "learning_rate": rate, "seed": 1000, "diverged": False, "loss": 0.1,
             "test_accuracy": 0.5, "updates_to_target": None if math.isinf(value) else value,
             "samples_to_target": None if math.isinf(value) else size * value}
            for (size, rate), value in updates.items()
        ],
        "settings": {"reference": 16},
    }  # fmt: skip


def test_the_ridge_and_the_rules():
    updates = {(size, rate): math.inf for size in (4, 16, 64) for rate in (0.1, 1.0, 10.0)}
    updates |= {(4, 0.1): 80.0, (4, 1.0): 40.0, (16, 1.0): 20.0, (64, 1.0): 18.0, (64, 10.0): 6.0}
    result = a_map(updates)
    assert sweep_report.ridge(result) == {4: 1.0, 16: 1.0, 64: 10.0}
    costs = sweep_report.rule_costs(result)
    assert costs["same"] == {4: [1.0], 16: [1.0], 64: [3.0]}
    # linear: η = 0.25 for 4, between 0.1 and 1 on log axes; η = 4 for 64
    share = (math.log(0.25) - math.log(0.1)) / math.log(10)
    assert costs["linear"][4] == [pytest.approx(80 ** (1 - share) * 40**share / 40)]
    share = math.log10(4)
    assert costs["linear"][64] == [pytest.approx(18 ** (1 - share) * 6**share / 6)]
    assert costs["square root"][16] == [1.0]


def test_a_rule_that_leads_to_a_rate_which_never_arrives_costs_without_end():
    updates = {(size, rate): math.inf for size in (4, 16, 64) for rate in (0.1, 1.0, 10.0)}
    updates |= {(4, 1.0): 40.0, (16, 1.0): 20.0, (64, 1.0): 18.0}
    costs = sweep_report.rule_costs(a_map(updates))
    assert costs["linear"][4] == costs["linear"][64] == [math.inf]
    assert sweep_report.rule_costs({"rows": [], "settings": {}}) == {rule: {} for rule in sweep_report.RULES}


def test_a_grid_grows_past_the_edge_on_which_the_best_lies():
    asked = []

    def measure(cells):
        asked.extend(cells)
        return [abs(math.log10(rate) - size) + 1 for size, rate in cells]

    costs = tuning.best_rates(measure, {1: range(0, 3), 2: range(0, 2), -1: range(0, 2)})
    assert {size: min(found, key=found.get) for size, found in costs.items()} == {1: 10.0, 2: 100.0, -1: 0.1}
    assert list(costs[2]) == sorted(costs[2])
    assert len(asked) == len(set(asked))
    never = tuning.best_rates(lambda cells: [math.inf] * len(cells), {1: range(0, 1)}, limit=2)
    assert list(never[1]) == [0.1, 0.316, 1.0, 3.16, 10.0]


# ---- measurements ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "expected"), [(1437, 718), (120, 17), (25, 12), (7, 3), (3, None), (4, 3)])
def test_ragged_size(n, expected):
    assert c8.ragged_size(n) in (expected, None if n == 4 else expected)
    if expected and n > 4:
        assert n % expected == 1


@pytest.mark.parametrize("treatment", [c8.DROPPED, c8.SCALED_STEP, c8.FULL_STEP])
def test_the_ragged_batch_is_treated_as_its_name_says(digits, treatment):
    """One epoch written out: 7 batches of 17, and one of a single sample."""
    settings = replace(SETTINGS, target=1e-9, epochs=1)
    model = sweep.make_model(digits, settings, 3)
    order = np.random.default_rng(3).permutation(120)
    for start in range(0, 120, 17):
        rows = order[start : start + 17]
        rate = {c8.DROPPED: 0.0, c8.SCALED_STEP: 0.5 / 17, c8.FULL_STEP: 0.5}[treatment] if len(rows) == 1 else 0.5
        model.theta -= rate * model.gradient(digits.X_train[rows], digits.y_train[rows])
    target = model.loss(digits.X_train, digits.y_train)
    [row] = c8.ragged_rows(digits, replace(settings, target=target * (1 + 1e-12)), treatment, 17, 0.5, 3)
    assert row["updates_to_target"] == pytest.approx(7 if treatment == c8.DROPPED else 8)
    [row] = c8.ragged_rows(digits, replace(settings, target=target * 0.999), treatment, 17, 0.5, 3)
    assert math.isinf(row["updates_to_target"])


def test_float32_is_polished_in_float64(digits):
    settings = replace(SETTINGS, dtype="float32")
    [row] = c8.accuracy_rows(digits, settings, "network", 16, 0.3, 0)
    assert row["polished_loss"] < row["loss"]
    assert 0 <= row["polished_test_accuracy"] <= 1


def test_validation_trains_on_the_rows_that_are_not_held_out(digits, monkeypatch):
    seen = {}
    right = sweep.train_once

    def watched(data, settings, batch_size, rate, seed, **keywords):
        seen.update(data=data, test=keywords["test"], batch_size=batch_size)
        return right(data, settings, batch_size, rate, seed, **keywords)

    monkeypatch.setattr(sweep, "train_once", watched)
    c8.validation_rows(digits, SETTINGS, 120, 0.1, 0)
    assert (len(seen["data"].X_train), len(seen["test"][0]), seen["batch_size"]) == (96, 24, 96)
    both = np.concatenate([seen["data"].X_train, seen["test"][0]])
    assert np.array_equal(np.sort(both.sum(axis=1)), np.sort(digits.X_train.sum(axis=1)))


@pytest.fixture(scope="module")
def result(digits):
    with watched("batch_size_sweep"):
        return c8.run(Trials(digits), SETTINGS)


def test_a_small_real_run(result, tmp_path):
    kinds = {row["kind"] for row in result["rows"]}
    assert kinds == {"target", "cell", "training", "validation", "accuracy", "ragged", "timing"}
    assert set(result["claims"]) == {"C8", "C8a", "C8b", "C8c", "C8d", "C8e"}
    assert result["settings"]["reference"] == 40
    rate = sweep_report.ridge(result)[40]
    assert result["settings"]["learning_rate"] == rate
    accuracies = sweep_report.of_kind(result, "accuracy")
    assert {row["arm"] for row in accuracies} == {"network", "linear"}
    assert {row["seed"] for row in accuracies} == {0, 1}
    assert all(row["polished_loss"] <= row["loss"] for row in accuracies)
    path = results.write_json(tmp_path / "result.json", result)
    again = json.loads(path.read_text(encoding="utf-8"))
    assert results._plain(c8.verdict(again)) == again["claims"]
    assert c8.tables(again) == c8.tables(result)


def test_a_cell_of_the_map_is_that_training_run(result, digits):
    cell = sweep_report.of_kind(result, "cell")[0]
    target = result["settings"]["target"]
    model = MLP((64, 6, 10), activation="tanh", rng=np.random.default_rng(cell["seed"]))
    history = c8.sweep.train(
        model, digits.X_train, digits.y_train, optimizer=SGD(cell["learning_rate"]), batch_size=cell["batch_size"],
        epochs=6, rng=np.random.default_rng(cell["seed"]), drop_last=True, evaluate_every=15, target_loss=target,
    )  # fmt: skip
    assert cell["test_accuracy"] == model.accuracy(digits.X_test, digits.y_test)
    assert math.isinf(cell["updates_to_target"]) == (not history.reached_target)


def test_tables_and_figures(result, tmp_path):
    text = c8.tables(result)
    assert all(
        name in text for name in ("1 (SGD)", "all 120 (GD)", "linear", "square root", "no hidden layer", "left out")
    )
    paths = c8.plot(result, tmp_path)
    assert len(paths) == 8
    assert all(matplotlib.image.imread(path).std() > 0.05 for path in paths if path.suffix == ".png")


@pytest.mark.parametrize("change", [{"batch_sizes": (120,)}, {"batch_sizes": (1, 4), "seeds": 1}, {"target": 1e-6}])
def test_settings_that_leave_little_to_show(digits, tmp_path, change):
    settings = replace(
        SETTINGS, **({"epochs": 1, "map_epochs": 1, "accuracy_epochs": 1, "learning_rate": 1e5} | change)
    )
    result = c8.run(Trials(digits), settings)
    assert c8.tables(result)
    assert c8.plot(result, tmp_path)
    assert "holds" not in {claim["verdict"] for name, claim in result["claims"].items() if name in ("C8c", "C8d")}


def test_on_a_device(device, tiny):
    settings = replace(
        SETTINGS, hidden=(3,), batch_sizes=(1, 8, 24), epochs=2, map_epochs=2, seeds=1, accuracy_seeds=1, repeats=1,
        accuracy_epochs=1, target=0.9,
    )  # fmt: skip
    there, here = (c8.run(Trials(tiny(3)), replace(settings, backend=each)) for each in (device, "numpy"))
    for kind, name in (("cell", "test_accuracy"), ("accuracy", "loss"), ("training", "final_loss")):
        columns = [[row[name] for row in sweep_report.of_kind(result, kind)] for result in (there, here)]
        assert columns[0] == pytest.approx(columns[1], 1e-9)
    assert c8.tables(there)


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("batch_size_sweep", c8.tables, result)
