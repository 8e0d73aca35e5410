"""C2: a verdict that rows can turn, draws that are what they are called, and a small real run."""

import json
import math
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from teachers_map import assert_the_map_is_true, watched

from experiments import gradient_noise as c2
from experiments.lab import results, sweep
from experiments.lab.trials import Trials
from minigrad import MLP

SETTINGS = c2.Settings(dataset="digits", hidden=(8,), batch_sizes=(1, 4, 16, 64, 120), epochs=4, seeds=3, draws=20)
SIZES = [1, 4, 16, 64, 256, 1000]


def made_up(slope=-0.5, level=1.0, control=-0.2, wobble=0.002, seeds=4, **change):
    """Rows of seeds whose spread falls as n^slope from level · √tr Σ; `change` turns one way or place."""
    rows = []
    for seed in range(seeds):
        for place in c2.PLACES:
            for sampling in (c2.INDEPENDENT, c2.WITHOUT_REPLACEMENT, c2.BY_CLASS):
                exponent = change.get(sampling.split()[0], change.get(place, slope))
                exponent = control if sampling == c2.BY_CLASS else exponent
                for n in SIZES:
                    row = {"kind": "spread", "seed": seed, "place": place, "sampling": sampling, "batch_size": n,
                           "N": 1000, "trace": 4.0}  # fmt: skip
                    factor = level * n ** (exponent + 0.5 + wobble * (seed - 1.5))
                    rows.append(row | {"spread": c2.predicted(row) * factor})
        rows += [
            {"kind": "run", "seed": seed, "updates": k, "loss": 1.0, "trace": 2.0, "square_norm": 0.1, "noise_scale": s}
            for k, s in ((0, 10.0), (8, 40.0))
        ]
    return {"rows": rows}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (made_up(), "holds"),
        (made_up(slope=-0.51), "holds"),
        (made_up(slope=-0.4), "does not hold"),
        (made_up(slope=-0.6, level=1.2), "does not hold"),
        (made_up(level=1.2), "conditional"),
        (made_up(without=-0.4), "conditional"),
        (made_up(independent=-0.6), "conditional"),
        (made_up(end=-0.4), "conditional"),
        (made_up(control=-0.5), "undecided"),  # the control did not fail
        (made_up(wobble=0.05), "undecided"),
        (made_up(seeds=1), "undecided"),
        ({"rows": []}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(result, expected):
    claim = c2.verdict(result)["C2"]
    assert claim["verdict"] == expected, claim["because"]


def test_the_reason_is_made_of_the_evidence():
    claim = c2.verdict(made_up(end=-0.43))["C2"]
    assert claim["evidence"]["independent, end"]["slope"]["estimate"] == pytest.approx(-0.43)
    assert "-0.430 (end)" in claim["because"]
    assert "slope, independent, end" in claim["because"]
    assert claim["evidence"]["ordered by class"]["start"]["estimate"] == pytest.approx(-0.2)
    assert claim["evidence"]["noise_scale_end_over_start"]["estimate"] == pytest.approx(4)


def test_the_prediction_is_the_exact_spread_of_a_small_population():
    """All 20 batches of 3 out of 6, and all 216 ordered draws with replacement, written out."""
    from itertools import combinations, product

    values = np.array([1.0, -2.0, 4.0, 0.5, 3.0, -1.0])
    row = {"batch_size": 3, "N": 6, "trace": values.var()}
    for sampling, batches in (
        (c2.INDEPENDENT, product(values, repeat=3)),
        (c2.WITHOUT_REPLACEMENT, combinations(values, 3)),
    ):
        exact = math.sqrt(np.mean([(np.mean(batch) - values.mean()) ** 2 for batch in batches]))
        assert c2.predicted(row | {"sampling": sampling}) == pytest.approx(exact)


def test_draws_are_what_they_are_called():
    y, rng = np.repeat([2, 0, 1], 5), np.random.default_rng(0)
    many = [c2.draw(rng, y, 10, c2.INDEPENDENT) for _ in range(50)]
    assert any(len(set(index)) < 10 for index in many)
    assert set(np.concatenate(many)) == set(range(15))
    assert all(len(set(c2.draw(rng, y, 10, c2.WITHOUT_REPLACEMENT))) == 10 for _ in range(50))
    assert sorted(c2.draw(rng, y, 15, c2.WITHOUT_REPLACEMENT)) == list(range(15))
    runs = [y[c2.draw(rng, y, 5, c2.BY_CLASS)] for _ in range(50)]
    assert all(len(set(labels)) <= 2 for labels in runs)
    assert set(np.concatenate(runs)) == {0, 1, 2}


def test_a_distance_is_that_of_the_mean_of_sample_gradients(digits):
    model = MLP((64, 5, 10), rng=np.random.default_rng(1))
    index = np.array([3, 3, 70])
    G = model.gradient(digits.X_train, digits.y_train)
    g = model.sample_gradients(digits.X_train, digits.y_train)[index].mean(axis=0)
    measured = c2.distance_squared(model, digits.X_train, digits.y_train, index, G)
    assert measured == pytest.approx(np.sum((g - G) ** 2))


@pytest.fixture(scope="module")
def result(digits):
    with watched("gradient_noise"):
        return c2.run(Trials(digits), SETTINGS)


def test_a_small_real_run(result, tmp_path):
    rows = [row for row in result["rows"] if row["kind"] == "spread"]
    assert len(rows) == 3 * 3 * 3 * 5  # seeds, places, ways of drawing, sizes
    everything = [row["spread"] for row in rows if row["batch_size"] == 120 and row["sampling"] != c2.INDEPENDENT]
    assert max(everything) < 1e-12  # all samples without replacement are all samples
    runs = [row for row in result["rows"] if row["kind"] == "run" and row["seed"] == 0]
    assert [row["updates"] for row in runs] == [0, 1, 2, 4, 8, 12]
    evidence = result["claims"]["C2"]["evidence"]
    assert evidence["independent, start"]["slope"]["estimate"] == pytest.approx(-0.5, abs=0.05)
    assert evidence["ordered by class"]["start"]["low"] > -0.48
    path = results.write_json(tmp_path / "result.json", result)
    again = json.loads(path.read_text(encoding="utf-8"))
    assert c2.verdict(again)["C2"]["verdict"] == result["claims"]["C2"]["verdict"]


def test_the_places_are_those_of_one_training_run(digits):
    """tr Σ after half of the epochs is that of a model trained so far."""
    [row, *_] = c2.spread_rows(digits, replace(SETTINGS, batch_sizes=(1,), draws=1), 2, "middle")
    model = sweep.make_model(digits, SETTINGS, 2)
    c2.train_on(model, digits, SETTINGS, 2, 2)
    assert row["trace"] == c2.gradient_noise(model, digits.X_train, digits.y_train).trace


def test_tables_and_figures(result, tmp_path):
    text = c2.tables(result)
    assert all(name in text for name in ("independent, start", "without replacement, end", "noise scale"))
    for path in c2.plot(result, tmp_path):
        assert path.stat().st_size > 10_000
        if path.suffix == ".png":
            assert matplotlib.image.imread(path).std() > 0.05  # no blank sheet


@pytest.mark.parametrize("change", [{"batch_sizes": (120,)}, {"batch_sizes": (1,)}, {"seeds": 1, "model": "logistic"}])
def test_settings_that_leave_little_to_show(digits, binary, tmp_path, change):
    settings = replace(SETTINGS, draws=2, epochs=1, **change)
    result = c2.run(Trials(binary if settings.model == "logistic" else digits), settings)
    assert result["claims"]["C2"]["verdict"] == "undecided"
    assert c2.tables(result)
    assert c2.plot(result, tmp_path)


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_on_a_device(device, model, tiny):
    settings = replace(
        SETTINGS, model=model, hidden=(3,), batch_sizes=(1, 8, 24), epochs=2, seeds=2, draws=3, backend=device
    )
    data = tiny(2 if model == "logistic" else 3)
    there, here = (c2.run(Trials(data), replace(settings, backend=each)) for each in (device, "numpy"))
    for kind, name in (("spread", "spread"), ("run", "noise_scale")):
        columns = [[row[name] for row in result["rows"] if row["kind"] == kind] for result in (there, here)]
        assert columns[0] == pytest.approx(columns[1], 1e-6, abs=1e-12)
    assert there["claims"]["C2"]["verdict"] == here["claims"]["C2"]["verdict"]


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("gradient_noise", c2.tables, result)
