"""Throughput: verdicts that rows can turn, measuring functions against loops and clocks made up, a small real run."""

import json
import math
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
import scipy.stats
import threadpoolctl
from strategies import SMALLER, status_of
from teachers_map import assert_the_map_is_true, watched

from experiments import throughput
from experiments.lab import plots, results, sweep
from experiments.lab.trials import Trials
from minigrad import SGD, LogisticRegression

SETTINGS = throughput.Settings(
    dataset="digits", hidden=(8,), batch_sizes=(16, 120), epochs=6, seeds=2, repeats=2, widths=(0, 4),
    timed_sizes=(1, 16, 300), blocks=2, rounds=2,
)  # fmt: skip
FIGURES = ("race", "cost", "overhead")


def strict_json(path):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.fixture(autouse=True)
def small_product(monkeypatch):
    monkeypatch.setattr(throughput, "SIDE", 8)
    monkeypatch.setattr(throughput, "SAMPLES", 16)


# ---- C4a, on rows made up --------------------------------------------------------------------------------------------


def raced(times, model="logistic", scatter=(0.95, 1.0, 1.05, 1.02), reached=()):
    """Runs of a model, a seed a factor of `scatter`: {(path, batch size): seconds}; `reached` False where so said."""
    return [
        {"kind": "race", "model": model, "path": path, "batch_size": size, "learning_rate": 0.1, "seed": seed,
         "repeat": repeat, "reached": dict(reached).get((path, size), True), "updates": 100.0,
         "seconds": seconds * (factor if size > 1 else 1 / factor) * (1 + repeat)}
        for (path, size), seconds in times.items()
        for seed, factor in enumerate(scatter)
        for repeat in range(2)
    ]  # fmt: skip


def both(times, **keywords):
    return [row for model in throughput.MODELS for row in raced(times, model, **keywords)]


SLOW = {("batched", 1): 9.0, ("fast", 1): 3.0, ("batched", 16): 1.0, ("batched", 120): 2.0}
FAST = {("batched", 1): 0.3, ("fast", 1): 0.1, ("batched", 16): 1.0, ("batched", 120): 2.0}


def verdict_on_one_core(rows):
    return throughput.verdict({"rows": rows})["C4a"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (both(FAST), "holds"),
        (both(SLOW), "does not hold"),
        (both(SLOW | {("fast", 1): 0.1}), "conditional"),
        (raced(FAST) + raced(SLOW, "mlp"), "conditional"),
        (both(FAST | {("batched", 120): 0.01}), "does not hold"),  # one larger size that is faster is enough
        (both(FAST | {("batched", 16): 0.3}), "undecided"),  # level with the batched kernel, so far as one can see
        (both(FAST | {("batched", 16): 0.09}, scatter=(0.9, 1.2, 0.8, 1.1)), "undecided"),
        (both(FAST, scatter=(0.1, 1.0, 10.0)), "undecided"),
        (both(SLOW, scatter=(0.1, 1.0, 10.0)), "undecided"),
        (both(FAST, scatter=(1.0,)), "undecided"),
        (both(SLOW, scatter=(1.0,)), "undecided"),
        (raced(FAST), "undecided"),  # nothing of the MLP
        (both({("batched", 1): 1.0, ("fast", 1): 1.0}), "undecided"),
        (both({("batched", 16): 1.0, ("batched", 120): 1.0}), "undecided"),
        (both(SLOW, reached={("batched", 1): False, ("fast", 1): False}), "does not hold"),  # it would take even longer
        (both(FAST, reached={("batched", 16): False, ("batched", 120): False}), "holds"),
        (both(FAST, reached=dict.fromkeys(FAST, False)), "undecided"),
        ([], "undecided"),
    ],
)  # fmt: skip
def test_the_rows_turn_the_verdict_on_one_core(rows, expected):
    claim = verdict_on_one_core(rows)
    assert claim["verdict"] == expected, claim["because"]
    again = verdict_on_one_core(json.loads(json.dumps(rows)))
    assert again == claim


def test_the_ratio_is_that_of_pairs_of_a_seed_and_wide_enough_for_all_sizes():
    scatter = (0.9, 1.0, 1.3, 1.1, 0.8)
    answer, ratios = throughput.compare(raced(SLOW, scatter=scatter), "logistic", "fast")
    assert answer is False
    assert list(ratios) == [16, 120]
    logs = np.log([3.0 / factor / factor for factor in scatter])  # the median of two repeats is twice either time
    low, high = scipy.stats.t.interval(1 - 0.05 / 2, len(logs) - 1, logs.mean(), scipy.stats.sem(logs))
    assert ratios[16].estimate == pytest.approx(math.exp(logs.mean()))
    assert (ratios[16].low, ratios[16].high) == (pytest.approx(math.exp(low)), pytest.approx(math.exp(high)))
    assert ratios[120].estimate == pytest.approx(ratios[16].estimate / 2)


def test_the_reason_tells_how_much_longer_than_which_batch():
    claim = verdict_on_one_core(both(SLOW, scatter=(1.0, 1.000001, 0.999999)))
    assert (
        "9 (97.5 % interval 9 to 9) times as long as batch 16 (logistic regression, batched kernel)" in claim["because"]
    )
    assert "3 (97.5 % interval 3 to 3) times as long as batch 16 (MLP, fast per-sample path)" in claim["because"]
    assert claim["evidence"]["mlp, fast"]["time over that of batch 120"]["estimate"] == pytest.approx(1.5, rel=1e-3)


# ---- C4b, on rows made up --------------------------------------------------------------------------------------------

B = [2**k for k in range(14)]


def timed(a, b, network="32 hidden units", place="cupy", on_gpu=True, scatter=(0.9, 1.0, 1.1, 1.05), bend=0.0):
    """Blocks of readings of t = a + b B (1 + bend B); the overhead differs from block to block."""
    return [
        {"kind": "cost", "on_gpu": on_gpu, "threads": 1, "block": block, "place": place, "network": network,
         "batch_sizes": B, "microseconds": [[factor * a + b * n * (1 + bend * n)] * 3 for n in B],
         "fast_path": [7.0, 9.0], "flops_alone": [0.25, 0.25]}
        for block, factor in enumerate(scatter)
    ]  # fmt: skip


ON_CPU = timed(20, 0.5, place="numpy, 1 thread", on_gpu=False)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (timed(100, 1), "holds"),
        (timed(100, 0.01), "holds"),
        (timed(100, 0), "holds"),  # no work to be seen at all
        (timed(100, 50), "does not hold"),
        (timed(0, 50), "does not hold"),
        (timed(100, 1) + timed(100, 50, "512 hidden units"), "conditional"),
        (timed(100, 10), "undecided"),
        (timed(100, 1, scatter=(0.01, 1.0, 10.0)), "undecided"),
        (timed(100, 1, scatter=(1.0,)), "undecided"),
        (ON_CPU, "not measured"),
        (ON_CPU + timed(100, 50), "does not hold"),  # the CPU has no say
        ([], "not measured"),
    ],
)
def test_the_rows_turn_the_verdict_on_a_gpu(rows, expected):
    claim = throughput.verdict({"rows": rows})["C4b"]
    assert claim["verdict"] == expected, claim["because"]
    assert throughput.verdict({"rows": json.loads(json.dumps(rows))})["C4b"] == claim


def test_the_cpu_is_told_beside_the_claim():
    claim = throughput.verdict({"rows": ON_CPU})["C4b"]
    assert "no GPU was timed" in claim["because"]
    assert "on the CPU overhead equals work at a batch of 40.4" in claim["because"]
    found = claim["evidence"]["CPU"]["numpy, 1 thread, 32 hidden units"]
    assert claim["evidence"]["GPU"] == {}
    assert found["b_microseconds"]["estimate"] == pytest.approx(0.5)
    assert found["a_microseconds"]["estimate"] == pytest.approx(20 * np.mean([0.9, 1.0, 1.1, 1.05]))
    logs = np.log([40 * factor for factor in (0.9, 1.0, 1.1, 1.05)])
    half = scipy.stats.t.ppf(0.975, 3) * scipy.stats.sem(logs)
    assert found["a_over_b"]["high"] == pytest.approx(math.exp(logs.mean() + half), rel=1e-6)
    assert (found["fast_path_microseconds"], found["flops_alone_microseconds"]) == (8.0, 0.25)


def test_a_line_says_where_and_how_far_it_misses():
    [line] = throughput.lines(timed(100, 1, scatter=(1.0,)))
    assert line["evidence"]["line_misses_at_most_by"]["relative"] == pytest.approx(0, abs=1e-9)
    assert line["evidence"]["twice_one_sample_at"] == pytest.approx(102)  # 100 + B = 2 · 101
    [bent] = throughput.lines(timed(100, 1, scatter=(1.0,), bend=1e-3))
    miss = bent["evidence"]["line_misses_at_most_by"]
    assert miss["batch_size"] == 8192
    t = 100 + 8192 * (1 + 8.192)
    assert miss["relative"] == pytest.approx((bent["a"] + bent["b"] * 8192) / t - 1)
    assert miss["relative"] < -0.3


# ---- the measurements ------------------------------------------------------------------------------------------------


def test_a_race_is_a_training_run_on_one_thread(binary, monkeypatch):
    threads, right = [], sweep.train_once

    def train_once(*arguments, **keywords):
        threads.extend(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        return right(*arguments, **keywords)

    monkeypatch.setattr(sweep, "train_once", train_once)
    settings = replace(SETTINGS, model="logistic", target=0.4, epochs=40)
    [row] = throughput.race_rows(binary, settings, "batched", 16, 0.3, seed=5, repeat=0)
    assert set(threads) == {1}
    # the same updates, written out
    X, y, rng = np.c_[binary.X_train, np.ones(120)], binary.y_train, np.random.default_rng(5)
    theta, losses = np.zeros(65), [math.log(2)]
    while losses[-1] > 0.4:
        order = rng.permutation(120)
        for start in range(0, 112, 16):
            batch = order[start : start + 16]
            theta -= 0.3 * X[batch].T @ (1 / (1 + np.exp(-X[batch] @ theta)) - y[batch]) / 16
            losses.append(np.logaddexp(0, (1 - 2 * y) * (X @ theta)).mean())
            if losses[-1] <= 0.4:
                break
    k = len(losses) - 1
    assert row["updates"] == pytest.approx(k - 1 + (losses[-2] - 0.4) / (losses[-2] - losses[-1]))
    assert row["reached"] is True
    assert 0 < row["seconds"] < 1


@pytest.mark.parametrize("path", ["batched", "fast"])
def test_a_run_that_never_arrives_tells_what_it_took(binary, path):
    settings = replace(SETTINGS, model="logistic", target=1e-9, epochs=3)
    [row] = throughput.race_rows(binary, settings, path, 1, 0.1, seed=0, repeat=1)
    assert row["reached"] is False
    assert row["updates"] == 360
    assert row["seconds"] > 0


def test_a_block_times_every_size_both_networks_and_paths(digits, monkeypatch):
    limits, works = [], {}

    def interleaved(asked, backend, rounds, rng):
        limits.append({pool["num_threads"] for pool in threadpoolctl.threadpool_info()})
        works.update(asked)
        return {key: [1.0, 3.0, 2.0] for key in asked}

    monkeypatch.setattr(throughput.timing, "interleaved", interleaved)
    [row] = throughput.cost_rows(digits, SETTINGS, width=4, threads=1, block=0)
    assert limits == [{1}]
    assert set(works) == {1, 16, 300, "fast path", "product"}
    assert [works[size]() for size in (1, 16, 300)] == [1, 16, 300]  # sample gradients of an update
    assert works["product"]().shape == (8, 8)
    assert (row["network"], row["place"], row["batch_sizes"]) == ("4 hidden units", "numpy, 1 thread", [1, 16, 300])
    assert row["on_gpu"] is False
    assert row["microseconds"] == [[1.0, 3.0, 2.0]] * 3
    assert row["fast_path"] == [1 / 16, 3 / 16, 2 / 16]
    flops = 2 * (2 * (64 * 4 + 4 * 10) + 4 * 10)  # z and ∂W of both layers, δ Wᵀ of the upper one
    assert row["flops_alone"][0] == pytest.approx(flops / (2 * 8**3))
    [row] = throughput.cost_rows(digits, SETTINGS, width=0, threads=1, block=0)
    assert row["network"] == "logistic regression"


def test_logistic_regression_takes_two_classes(digits, binary):
    assert np.array_equal(sweep.data_for("logistic", digits).y_train, digits.y_train % 2)
    assert sweep.data_for("mlp", digits) is digits
    assert sweep.data_for("logistic", binary) is binary


# ---- a small real run ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(digits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(throughput, "SIDE", 8)
        patch.setattr(throughput, "SAMPLES", 16)
        with watched("throughput"):
            return throughput.run(Trials(digits), SETTINGS)


def of_kind(result, kind):
    return [row for row in result["rows"] if row["kind"] == kind]


def test_a_run_holds_every_kind_of_row(result):
    assert {row["kind"] for row in result["rows"]} == {"target", "tuning", "race", "cost"}
    races = {(row["model"], row["path"], row["batch_size"]) for row in of_kind(result, "race")}
    contenders = [("batched", 1), ("fast", 1), ("batched", 16), ("batched", 120)]
    assert races == {(model, *each) for model in throughput.MODELS for each in contenders}
    assert len(of_kind(result, "race")) == 2 * 4 * 2 * 2  # models, contenders, seeds, repeats
    assert {row["model"] for row in of_kind(result, "tuning")} == set(throughput.MODELS)
    networks = {row["network"] for row in of_kind(result, "cost")}
    assert networks == {"logistic regression", "4 hidden units"}
    readings = np.array([row["microseconds"] for row in of_kind(result, "cost")])
    assert readings.shape[1:] == (3, 2)  # sizes, rounds
    assert (readings > 0).all()
    assert set(result["claims"]) == {"C4a", "C4b"}


def test_both_paths_of_one_sample_make_the_same_updates(result):
    for model in throughput.MODELS:
        times = throughput.finishes(result["rows"], model)
        for seed, run in times[1, "batched"].items():
            assert run["updates"] == pytest.approx(times[1, "fast"][seed]["updates"], rel=1e-6)


def test_a_result_is_strict_json_and_judged_the_same_when_read_back(result, tmp_path):
    read = strict_json(results.write_json(tmp_path / "result.json", result))
    again = throughput.verdict(read)
    for name, claim in again.items():
        assert claim["verdict"] == result["claims"][name]["verdict"]
        assert claim["because"] == result["claims"][name]["because"]
    assert throughput.tables(read) == throughput.tables(result)


def assert_drawn(folder):
    for name in FIGURES:
        image = matplotlib.image.imread(folder / f"{name}.png")
        assert image.shape[0] >= 400 * SMALLER
        assert image.shape[1] >= 700 * SMALLER
        packed = np.round(image[..., :3] * 255).astype(int) @ [65536, 256, 1]
        assert len(np.unique(packed)) > 50, name
        assert b"<!--" in (folder / f"{name}.svg").read_bytes()


def test_tables_and_figures(result, tmp_path):
    text = throughput.tables(result)
    assert text.count("fast per-sample path") == 2
    assert "numpy, 1 thread, 4 hidden units" in text
    assert "nan" not in text
    paths = throughput.plot(result, tmp_path)
    assert [path.name for path in paths] == [f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")]
    assert_drawn(tmp_path)


def test_where_nobody_arrives_the_tables_and_figures_say_so(result, tmp_path):
    rows = [row | {"reached": False} if row["kind"] == "race" else row for row in result["rows"]]
    never = result | {"rows": rows}
    assert verdict_on_one_core(rows)["verdict"] == "undecided"
    assert "–" in throughput.tables(never)
    without = result | {"rows": [row for row in rows if row["kind"] != "race"]}  # no rate arrived: nothing was run
    assert throughput.tables(without)
    for one in (never, without):
        fig = throughput.draw_race(one)
        assert all("nobody arrives" in [text.get_text() for text in axis.texts] for axis in fig.axes)
        plots.save(fig, tmp_path, "race")


# ---- the command line, a device --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv",
    [
        ("--batch-sizes", "1"),
        ("--batch-sizes", "all", "--hidden", "none"),
        ("--seeds", "1", "--epochs", "1", "--dtype", "float32"),
        ("--target", "1e-5"),
        ("--task", "0-vs-1", "--activation", "relu"),
    ],
)
def test_odd_arguments(argv, tmp_path, capsys, monkeypatch, digits):
    monkeypatch.setattr(throughput.sweep, "TUNING_SEEDS", (1000,))
    monkeypatch.setattr("minigrad.load_digits", lambda: digits)
    quick = throughput.EFFORTS["quick"] | {"timed_sizes": (1, 64), "blocks": 1, "rounds": 1, "epochs": 2}
    monkeypatch.setitem(throughput.EFFORTS, "quick", quick | {"batch_sizes": [1, "all"]})
    monkeypatch.setattr(throughput, "plot", lambda *_: [])
    assert status_of(throughput, ["--quick", "--workers", "1", "--out", tmp_path, *argv]) == 0
    out, err = capsys.readouterr()
    assert "C4a" in out
    assert err == ""
    strict_json(tmp_path / "throughput" / "result.json")


def test_on_a_device(device, tiny, tmp_path, monkeypatch):
    """The race is the CPU's; updates are timed on both."""
    raced_on, right = set(), sweep.train_once

    def train_once(data, settings, *arguments, **keywords):
        raced_on.add(settings.plain()["backend"])
        return right(data, settings, *arguments, **keywords)

    monkeypatch.setattr(sweep, "train_once", train_once)
    settings = replace(SETTINGS, hidden=(3,), batch_sizes=(8, 24), epochs=3, widths=(0, 3), timed_sizes=(1, 8, 30),
                       blocks=1, backend=device)  # fmt: skip
    result = throughput.run(Trials(tiny(3)), settings)
    assert raced_on == {"numpy"}
    places = {(row["place"], row["on_gpu"]) for row in of_kind(result, "cost")}
    assert ("numpy, 1 thread", False) in places
    assert (device.name, True) in places or device.blas is not None
    on_gpu = any(on_gpu for _, on_gpu in places)
    assert result["claims"]["C4b"]["verdict"] == ("undecided" if on_gpu else "not measured")  # one block is no interval
    assert result["settings"]["backend"] == device.name
    results.write_json(tmp_path / "result.json", result)
    assert throughput.tables(result)


def test_a_timed_update_leaves_the_model_as_it_is(binary):
    """However often it is done, so that the work stays the same."""
    model = LogisticRegression(64)
    rows = throughput.timing.rows_for(model, binary, 300)
    update = throughput.timing.updates_of(model, rows, [300])[300]
    for _ in range(100):
        update()
    reference = LogisticRegression(64)
    SGD(100 * throughput.timing.RATE).step(reference, rows)
    assert np.abs(model.theta).max() < 1e-6
    assert model.theta == pytest.approx(reference.theta, rel=1e-6)


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("throughput", throughput.tables, result)
