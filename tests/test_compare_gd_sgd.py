"""The main experiment: a verdict that data can turn, a small real run, a command line that bad input cannot break."""

import contextlib
import io
import json
import math
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from strategies import SMALLER, python, status_of
from teachers_map import assert_the_map_is_true, watched

from experiments import compare_gd_sgd
from experiments.lab import training_report
from experiments.lab.sweep import Settings
from experiments.lab.trials import Trials
from minigrad import MLP, LogisticRegression, load_digits

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ("training", "paths", "slope", "cost")
KINDS = {"path", "surface", "identity", "epoch", "sum", "target", "timing", "tuning", "training"}
SETTINGS = Settings(
    dataset="digits", model="logistic", hidden=(8,), activation="tanh", batch_sizes=(1, 16, 120), learning_rate=0.1,
    epochs=6, seeds=4, target=None, repeats=2, backend="numpy", dtype="float64",
)  # fmt: skip


def strict_json(path):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def of_kind(result, kind):
    return [row for row in result["rows"] if row["kind"] == kind]


# ---- the verdict, on rows made up ------------------------------------------------------------------------------------


def made_up(slopes, ratios=None, errors=(1e-16, 3e-16)):
    """A result in which an epoch leaves a step as eta^slope, at the smallest rate `ratio` times as far as predicted."""
    rows = [{"kind": "identity", "relative_error": error} for error in errors]
    eta = np.geomspace(1e-3, 1e-1, 7)
    for seed, (slope, ratio) in enumerate(zip(slopes, ratios or [1.0] * len(slopes))):
        distance = ratio * 4 * eta[0] ** 2 * (eta / eta[0]) ** slope
        rows += [
            {"kind": "epoch", "seed": seed, "eta": e, "distance": d, "predicted": 4 * e**2}
            for e, d in zip(eta, distance)
        ]
        rows.append({"kind": "sum", "seed": seed, "eta": 0.1, "sgd_over_mean": 100.0 + seed, "sgd_over_sum": 0.8})
    return {"rows": rows}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (made_up([2.0, 2.01, 1.99]), "holds"),
        (made_up([1.96, 1.97, 1.965], [0.8, 0.9, 1.0]), "holds"),
        (made_up([1.0, 1.01, 0.99]), "does not hold"),
        (made_up([2.1, 2.11, 2.105]), "does not hold"),
        (made_up([2.0, 2.01, 1.99], errors=(1e-16, 1e-6)), "does not hold"),
        (made_up([2.0, 2.01, 1.99], errors=(1e-6, 1e-16)), "does not hold"),
        (made_up([], errors=(1e-6,)), "does not hold"),
        (made_up([2.0, 2.01, 1.99], [5.0, 5.1, 4.9]), "does not hold"),
        (made_up([2.0, 2.01, 1.99], [0.2, 0.21, 0.19]), "does not hold"),
        (made_up([1.5, 2.5, 2.2]), "undecided"),
        (made_up([2.0, 2.01, 1.99], [0.1, 1.0, 4.0]), "undecided"),
        (made_up([2.0]), "undecided"),  # one seed has no spread
        (made_up([1.0]), "undecided"),
        (made_up([2.0, 2.01, 1.99], errors=()), "undecided"),
        (made_up([]), "undecided"),
        ({"rows": []}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(result, expected):
    claim = compare_gd_sgd.verdict(result)["C1"]
    assert claim["verdict"] == expected
    assert claim["statement"]
    assert set(claim["evidence"]) >= {"identity_relative_error", "slope", "distance_over_half_eta2_HG"}


@pytest.mark.parametrize("errors", [(1e-16, math.nan), (math.nan, 1e-16), (math.nan,), (1e-16, math.inf)])
def test_a_check_without_an_answer_is_no_evidence_for_the_claim(errors):
    assert compare_gd_sgd.verdict(made_up([2.0, 2.01, 1.99], errors=errors))["C1"]["verdict"] != "holds"


@pytest.mark.parametrize("errors", [(1e-6, math.nan), (math.nan, 1e-6)])
def test_a_check_without_an_answer_hides_no_evidence_against_it(errors):
    assert compare_gd_sgd.verdict(made_up([2.0, 2.01, 1.99], errors=errors))["C1"]["verdict"] == "does not hold"


def test_the_reason_is_made_of_the_evidence():
    claim = compare_gd_sgd.verdict(made_up([1.9, 2.0, 2.4], [1.2, 1.3, 1.7], errors=(2e-14, 7e-14)))["C1"]
    evidence = claim["evidence"]
    assert evidence["identity_relative_error"] == {"max": 7e-14, "checks": 2, "bound": 1e-12}
    slope, ratio = evidence["slope"], evidence["distance_over_half_eta2_HG"]
    assert slope["estimate"] == pytest.approx(2.1)
    assert slope["seeds"] == 3
    assert ratio["estimate"] == pytest.approx(1.4)
    # Student's t, 2 degrees of freedom, 0.975: 4.3027
    assert slope["high"] - slope["estimate"] == pytest.approx(4.3027 * np.std([1.9, 2.0, 2.4], ddof=1) / 3**0.5, 1e-4)
    assert ratio["estimate"] - ratio["low"] == pytest.approx(4.3027 * np.std([1.2, 1.3, 1.7], ddof=1) / 3**0.5, 1e-4)
    for number in ("7.0e-14", "2.100", f"{slope['low']:.3f}", f"{slope['high']:.3f}", "1.40", f"{ratio['low']:.2f}"):
        assert number in claim["because"]
    sums = evidence["sgd_epoch_over_gd_step_at_eta"]["0.1"]
    assert sums["sgd_over_mean"]["estimate"] == pytest.approx(101)
    assert sums["sgd_over_sum"]["estimate"] == pytest.approx(0.8)


# ---- the measurements, against loops written out, and fed what is wrong ----------------------------------------------


def test_epoch_against_step_is_what_a_loop_gives(binary):
    X, y, m = binary.X_train, binary.y_train, 120
    model = LogisticRegression(64)
    model.theta[:] = np.random.default_rng(1).normal(0, 0.1, 65)
    start = model.theta.copy()
    rows = compare_gd_sgd.epoch_against_step_rows(model, X, y, seed=7)
    assert np.array_equal(model.theta, start)

    bias = np.c_[X, np.ones(m)]
    h = 1 / (1 + np.exp(-bias @ start))
    G = bias.T @ (h - y) / m
    HG = bias.T @ (h * (1 - h) * (bias @ G)) / m

    def epoch(rate):
        theta = start.copy()
        for i in np.random.default_rng(7).permutation(m):
            theta -= rate * (1 / (1 + np.exp(-bias[i] @ theta)) - y[i]) * bias[i]
        return theta

    epochs = [row for row in rows if row["kind"] == "epoch"]
    assert [row["eta"] for row in epochs] == sorted(row["eta"] for row in epochs)
    assert epochs[-1]["eta"] / epochs[0]["eta"] == pytest.approx(100)
    for row in epochs:
        eta = row["eta"]
        assert row["predicted"] == pytest.approx(eta**2 / 2 * np.linalg.norm(HG), rel=1e-6)
        assert row["distance"] == pytest.approx(np.linalg.norm(epoch(eta / m) - (start - eta * G)), rel=1e-6)
    sums = [row for row in rows if row["kind"] == "sum"]
    assert sums
    for row in sums:
        moved = np.linalg.norm(epoch(row["eta"]) - start) / (row["eta"] * np.linalg.norm(G))
        assert row["sgd_over_mean"] == pytest.approx(moved, rel=1e-9)
        assert row["sgd_over_sum"] == pytest.approx(moved / m, rel=1e-9)


@pytest.mark.parametrize("wrong", [1.0, 1 + 1e-9, 120.0])
def test_the_identity_sees_a_gradient_that_is_no_mean(binary, wrong):
    """1.0 is right; 120 is the sum that the article takes."""

    class Wrong(LogisticRegression):
        def gradient(self, X, y, out=None):
            return wrong * super().gradient(X, y, out)

    row = compare_gd_sgd.identity_row(Wrong(64), binary.X_train, binary.y_train, 0, "start")
    assert (row["relative_error"] > compare_gd_sgd.IDENTITY_BOUND) == (wrong != 1.0)
    rows = [*made_up([2.0, 2.01, 1.99], errors=())["rows"], row]
    assert compare_gd_sgd.verdict({"rows": rows})["C1"]["verdict"] == ("holds" if wrong == 1.0 else "does not hold")


@pytest.mark.parametrize("kind", ["logistic", "mlp"])
def test_the_identity_of_samples_without_a_gradient_is_no_crash(kind):
    """Where every sample is fitted to the last digit, all gradients are zero, and so is their difference."""
    X, y = np.array([[1.0], [2.0]]), np.array([1, 1])
    model = LogisticRegression(1) if kind == "logistic" else MLP((1, 1))
    model.theta[:] = 1000.0
    row = compare_gd_sgd.identity_row(model, X, y, 0, "after an epoch")
    assert not row["relative_error"] > compare_gd_sgd.IDENTITY_BOUND


def test_an_epoch_that_forgets_the_mean_is_caught(binary, monkeypatch):
    right = compare_gd_sgd.per_sample.fast_epoch

    def twice_as_far(model, X, y, order, rate):
        right(model, X, y, order, 2 * rate)

    monkeypatch.setattr(compare_gd_sgd.per_sample, "fast_epoch", twice_as_far)
    rows = [row for seed in range(3) for row in compare_gd_sgd.check_rows(binary, SETTINGS, seed)]
    claim = compare_gd_sgd.verdict({"rows": rows})["C1"]
    assert claim["verdict"] == "does not hold"
    assert claim["evidence"]["slope"]["estimate"] == pytest.approx(1.0, abs=0.1)


# ---- a small real run ------------------------------------------------------------------------------------------------


IN_THE_MAP = {"logistic": "compare_gd_sgd", "mlp": "compare_gd_sgd --model mlp"}


@pytest.fixture(scope="module")
def results_of(digits, binary):
    """One run a model, made when it is first asked for."""
    cache = {}

    def get(model):
        if model not in cache:
            data = binary if model == "logistic" else digits
            with watched(IN_THE_MAP[model]):
                cache[model] = compare_gd_sgd.run(Trials(data), replace(SETTINGS, model=model))
        return cache[model]

    return get


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_a_run_holds_every_kind_of_row(results_of, model):
    result = results_of(model)
    assert set(result) == {"experiment", "claims", "rows", "settings", "environment"}
    assert result["experiment"] == "compare_gd_sgd"
    assert {row["kind"] for row in result["rows"]} == KINDS
    assert len(of_kind(result, "training")) == 2 * 4 * 3  # arms, seeds, batch sizes
    assert len(of_kind(result, "tuning")) == 3
    assert len(of_kind(result, "identity")) == 4 * 2 * 3  # seeds, places, batch sizes
    assert len(of_kind(result, "epoch")) == 4 * 7
    assert len(of_kind(result, "path")) == 3
    settings = result["settings"]
    assert (settings["rows"], settings["features"], settings["test_rows"]) == (120, 64, 60)
    assert (settings["model"], settings["seeds"], settings["batch_sizes"]) == (model, 4, (1, 16, 120))
    assert 0 < settings["target"] < math.log(10)
    assert result["environment"]["versions"]["numpy"] == np.__version__


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_on_real_data_the_claim_holds(results_of, model):
    claim = results_of(model)["claims"]["C1"]
    assert claim["verdict"] == "holds", claim["because"]
    assert set(claim) == {"statement", "verdict", "because", "evidence"}
    assert all(row["relative_error"] < 1e-12 for row in of_kind(results_of(model), "identity"))


def test_the_three_methods_do_what_they_are_named_for(results_of):
    result = results_of("logistic")
    updates = {row["batch_size"]: len(row["theta"]) - 1 for row in of_kind(result, "path")}
    assert updates == {120: 3, 32: 12, 1: 360}
    for row in of_kind(result, "training"):
        size, curve = row["batch_size"], row["curve"]
        assert row["updates_an_epoch"] == {1: 120, 16: 7, 120: 1}[size]
        assert curve["updates"][-1] == 6 * row["updates_an_epoch"]
        assert curve["samples"][-1] == curve["updates"][-1] * size
    surface = of_kind(result, "surface")[0]
    assert np.asarray(surface["loss"]).shape == (50, 50)
    # the surface is the mean log loss: gradient descent's own path goes down on it
    path = np.array(next(row["theta"] for row in of_kind(result, "path") if row["batch_size"] == 120))
    nearest = [
        np.asarray(surface["loss"])[np.abs(surface["b"] - b).argmin(), np.abs(surface["w"] - w).argmin()]
        for w, b in path
    ]
    assert nearest == sorted(nearest, reverse=True)


def without_the_clock(value):
    """Rows without what a clock measured."""
    if isinstance(value, dict):
        clock = ("seconds", "seconds_to_target", "microseconds")
        return {key: without_the_clock(entry) for key, entry in value.items() if key not in clock}
    if isinstance(value, (list, np.ndarray)):
        return [without_the_clock(entry) for entry in value]
    return value


def test_the_same_seeds_give_the_same_rows(results_of, binary):
    again = compare_gd_sgd.run(Trials(binary), SETTINGS)
    assert without_the_clock(again["rows"]) == without_the_clock(results_of("logistic")["rows"])
    assert without_the_clock(again["claims"]) == without_the_clock(results_of("logistic")["claims"])


def test_a_result_is_strict_json(results_of, tmp_path):
    path = compare_gd_sgd.results.write_json(tmp_path / "result.json", results_of("mlp"))
    read = strict_json(path)
    assert read["claims"]["C1"]["verdict"] == "holds"
    assert len(read["rows"]) == len(results_of("mlp")["rows"])


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_tables_tell_every_batch_size_of_both_arms(results_of, model):
    result = results_of(model)
    text = compare_gd_sgd.tables(result)
    arms = text.split("To a training loss of ")[1:]
    assert len(arms) == 2
    assert "the same learning rate for all, 0.1" in arms[0]
    assert "best learning rate" in arms[1]
    for arm in arms:
        lines = arm.splitlines()
        assert [sum(line.startswith(name) for line in lines) for name in ("1 (SGD)", "16 ", "all 120 (GD)")] == [1] * 3
    gd = next(line for line in arms[0].splitlines() if line.startswith("all"))
    assert "–" in gd  # at 0.1 gradient descent does not get there in 6 epochs
    assert "µs" in text
    assert "textbook" in text
    for eta in ("0.0001", "0.001", "0.01", "0.1"):
        assert any(line.startswith(eta) for line in text.splitlines())


# ---- a rate at which training diverges -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def diverging(digits, tmp_path_factory):
    """The MLP at η = 1e6, and its figures; relu, since it explodes where tanh saturates."""
    settings = replace(SETTINGS, model="mlp", activation="relu", learning_rate=1e6, seeds=2)
    result = compare_gd_sgd.run(Trials(digits), settings)
    folder = tmp_path_factory.mktemp("diverging")
    return result, folder, compare_gd_sgd.plot(result, folder)


def test_divergence_is_marked_and_the_rest_goes_on(diverging):
    result, folder, _ = diverging
    same, tuned = (
        [row for row in of_kind(result, "training") if row["arm"] == arm]
        for arm in (compare_gd_sgd.SAME, compare_gd_sgd.TUNED)
    )
    assert len(same) == len(tuned) == 6
    assert all(row["diverged"] for row in same)
    assert not any(row["diverged"] for row in tuned)
    assert all(math.isinf(row["epoch_to_target"]) for row in same)
    table = training_report.training_table(result, compare_gd_sgd.SAME, "")
    assert table.count("diverged in 2 of 2") == 3
    assert "nan" not in compare_gd_sgd.tables(result)
    path = compare_gd_sgd.results.write_json(folder / "result.json", result)
    assert strict_json(path)["rows"]


@pytest.mark.parametrize("rate", [100.0, 1e6, 1e300])
@pytest.mark.parametrize(("model", "activation"), [("logistic", "tanh"), ("mlp", "tanh"), ("mlp", "relu")])
def test_no_rate_stops_the_run(digits, binary, model, activation, rate):
    """A rate far too large saturates or overflows: no crash, no warning, and a second arm that trains."""
    settings = replace(SETTINGS, model=model, activation=activation, learning_rate=rate, seeds=2, epochs=2, repeats=1)
    result = compare_gd_sgd.run(Trials(binary if model == "logistic" else digits), settings)
    tuned = [row for row in of_kind(result, "training") if row["arm"] == compare_gd_sgd.TUNED]
    assert tuned
    assert not any(row["diverged"] for row in tuned)
    assert compare_gd_sgd.tables(result)


# ---- figures ---------------------------------------------------------------------------------------------------------


def assert_drawn(folder):
    """Every figure is there twice; the PNG is no blank sheet, the SVG is XML with text."""
    for name in FIGURES:
        image = matplotlib.image.imread(folder / f"{name}.png")
        height, width, _ = image.shape
        assert height >= 400 * SMALLER
        assert width >= 700 * SMALLER
        packed = (np.round(image[..., :3] * 255).astype(int) @ [65536, 256, 1]).ravel()
        colours, counts = np.unique(packed, return_counts=True)
        assert len(colours) > 50, name
        assert counts.max() < 0.985 * counts.sum(), name
        svg = (folder / f"{name}.svg").read_bytes()
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        paths = root.iter("{http://www.w3.org/2000/svg}path")
        assert sum(1 for _ in paths) > 20
        assert b"<!--" in svg  # matplotlib leaves each text beside the outlines of its letters


def test_figures_with_runs_that_diverged(diverging):
    _, folder, paths = diverging
    assert [path.name for path in paths] == [f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")]
    assert_drawn(folder)
    svg = (folder / "training.svg").read_text(encoding="utf-8")
    assert "all 120 (GD)" in svg
    assert "nats" in svg


# ---- as a real process -----------------------------------------------------------------------------------------------


def test_a_whole_process(tmp_path):
    before = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")}
    done = python("-m", "experiments.compare_gd_sgd", "--quick", "--seeds", "2", "--epochs", "3", "--batch-sizes",
                  "64 all", "--out", str(tmp_path))  # fmt: skip
    assert done.stderr == ""  # no progress bar in a pipe
    assert done.returncode == 0
    folder = tmp_path / "compare_gd_sgd"
    files = [folder / "result.json", *(folder / f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg"))]
    lines = done.stdout.splitlines()
    assert lines[-len(files) :] == [f"wrote {path}" for path in files]
    assert lines[-len(files) - 2].startswith("C1 holds: ")
    assert sorted(folder.iterdir()) == sorted(files)
    assert list(tmp_path.iterdir()) == [folder]
    assert {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")} <= before | {"results"}
    result = strict_json(folder / "result.json")
    assert result["settings"]["batch_sizes"] == [64, 1437]
    assert result["claims"]["C1"]["because"] in done.stdout
    assert_drawn(folder)


# ---- own data, tiny data, interruption -------------------------------------------------------------------------------


@pytest.fixture
def without_figures(monkeypatch):
    monkeypatch.setattr(compare_gd_sgd, "plot", lambda *_: [])


def saved_csv(path, X, labels):
    lines = [",".join([*(f"{value:.4g}" for value in row), label]) for row, label in zip(X, labels)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run_main(tmp_path, *argv):
    """main() with few epochs; the exit status, and what result.json holds."""
    status = status_of(
        compare_gd_sgd, ["--out", tmp_path / "out", "--quick", "--epochs", "3", "--seeds", "2", "--workers", "1", *argv]
    )
    path = tmp_path / "out" / "compare_gd_sgd" / "result.json"
    return status, strict_json(path) if path.exists() else None


@pytest.mark.usefixtures("without_figures")
def test_a_table_of_two_classes_is_taken_as_it_is(tmp_path, binary, capsys):
    labels = ["да" if label else "no, thanks".replace(",", "") for label in binary.y_train]
    path = saved_csv(tmp_path / "мои данные.csv", binary.X_train[:, :10], labels)
    status, result = run_main(tmp_path, "--data", path, "--batch-sizes", "1 7 all")
    assert status == 0
    settings = result["settings"]
    assert (settings["dataset"], settings["rows"], settings["features"]) == ("мои данные", 96, 10)
    assert settings["batch_sizes"] == [1, 7, 96]
    out, err = capsys.readouterr()
    assert "мои данные" in out
    assert err == ""


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize(
    ("flags", "name", "layer"), [(["--model", "mlp"], "three", 3), (["--task", "2-vs-rest"], "three 2-vs-rest", 1)]
)
def test_an_npz_file_of_three_classes(tmp_path, flags, name, layer, monkeypatch):
    full = load_digits()
    keep = full.y_train < 3
    np.savez(tmp_path / "three.npz", X=full.X_train[keep][:200, 18:22].astype(np.float32), y=full.y_train[keep][:200])
    parameters = []
    right = compare_gd_sgd.check_rows

    def remember(data, settings, seed):
        parameters.append(compare_gd_sgd.make_model(data, settings, seed).layer_sizes[-1])
        return right(data, settings, seed)

    monkeypatch.setattr(compare_gd_sgd, "check_rows", remember)
    status, result = run_main(tmp_path, "--data", tmp_path / "three.npz", "--batch-sizes", "4 all", "--quiet", *flags)
    assert status == 0
    assert result["settings"]["dataset"] == name
    assert set(parameters) == {layer}


def odd_tables():
    rng = np.random.default_rng(0)
    noise, halves = rng.normal(size=(150, 3)), np.arange(150) % 2
    return {
        "five rows": (noise[:5], halves[:5]),
        "thirty rows": (noise[:30], halves[:30]),
        "one feature": (noise[:, :1] + halves[:, None], halves),
        "a constant feature": (np.c_[noise, np.ones(150)], halves),
        "constant features": (np.ones((150, 3)), halves),
        "separable": (noise + 20 * halves[:, None], halves),
        "two samples, repeated": (np.repeat(noise[:2], 75, axis=0), np.repeat([0, 1], 75)),
        "a rare class": (noise, (np.arange(150) == 7).astype(int)),
    }


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize("model", ["logistic", "mlp"])
@pytest.mark.parametrize("name", odd_tables())
def test_odd_data_are_trained_on_or_refused_in_one_line(tmp_path, capsys, name, model):
    X, y = odd_tables()[name]
    path = saved_csv(tmp_path / "odd.csv", X, [f"class {label}" for label in y])
    status, result = run_main(tmp_path, "--data", path, "--model", model, "--hidden", "4")
    err = capsys.readouterr().err
    assert (status, err.count("\n")) in ((0, 0), (2, 1)), err
    assert (result is not None) == (status == 0)


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize("reason", ["the pipe is closed", "the disk is full", "the encoding has no η"])
def test_what_was_measured_is_on_disk_though_it_cannot_be_told(tmp_path, monkeypatch, reason):
    class Pipe(io.BytesIO):
        def write(self, content):
            if reason == "the encoding has no η":
                return super().write(content)
            raise BrokenPipeError(32, reason) if "pipe" in reason else OSError(28, reason)

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(Pipe(), encoding="ascii", write_through=True))
    with contextlib.suppress(OSError, UnicodeError):
        status_of(compare_gd_sgd, ["--out", tmp_path, "--quick", "--epochs", "2", "--seeds", "2", "--workers", "1"])
    assert strict_json(tmp_path / "compare_gd_sgd" / "result.json")["claims"]["C1"]["verdict"] == "holds"


@pytest.mark.usefixtures("without_figures")
def test_a_terminal_without_greek_gets_the_table_all_the_same(tmp_path, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", write_through=True))
    assert (
        status_of(compare_gd_sgd, ["--out", tmp_path, "--quick", "--epochs", "2", "--seeds", "2", "--workers", "1"])
        == 0
    )
    assert b"C1 holds" in raw.getvalue()


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize(
    ("reason", "status"),
    [(KeyboardInterrupt(), 130), (MemoryError("batch_size 64 does not fit into memory: 99 bytes"), 1)],
    ids=["Ctrl-C", "out of memory"],
)
def test_stopped_in_the_middle(tmp_path, capsys, monkeypatch, reason, status):
    folder = tmp_path / "out" / "compare_gd_sgd"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("old", encoding="utf-8")
    right, calls = compare_gd_sgd.training_rows, []

    def training_rows(*arguments, **keywords):
        calls.append(keywords)
        if len(calls) == 4:
            raise reason
        return right(*arguments, **keywords)

    monkeypatch.setattr(compare_gd_sgd, "training_rows", training_rows)
    argv = ["--out", tmp_path / "out", "--quick", "--epochs", "2", "--target", "0.4", "--batch-sizes", "64 all"]
    argv += ["--workers", "1"]
    assert status_of(compare_gd_sgd, argv) == status
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert str(reason) in err
    [journal] = folder.glob("unfinished-*.jsonl")
    assert str(journal) in err
    kept = [row["kind"] for line in journal.read_text(encoding="utf-8").splitlines() for row in json.loads(line)[1]]
    assert kept.count("training") == 3
    assert set(kept) == KINDS
    assert (folder / "result.json").read_text(encoding="utf-8") == "old"
    assert sorted(folder.iterdir()) == sorted([folder / "result.json", journal])

    def training_rows(*arguments, **keywords):
        calls.append(keywords)
        return right(*arguments, **keywords)

    calls.clear()
    monkeypatch.setattr(compare_gd_sgd, "training_rows", training_rows)
    assert status_of(compare_gd_sgd, argv) == 0
    result = strict_json(folder / "result.json")
    assert len(calls) == 9  # of 2 arms, 3 seeds, 2 batch sizes: those that were missing
    assert len(of_kind(result, "training")) == 12
    assert result["environment"]["trials_resumed"] > 3
    assert sorted(folder.iterdir()) == [folder / "result.json"]


# ---- on a device -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_on_a_device(device, model, tiny, tmp_path, monkeypatch):
    """Where numbers come out of float64 training alone they are those of NumPy, in the file, too."""
    monkeypatch.setattr(compare_gd_sgd, "PATH_ROWS", 8)
    data = tiny(2 if model == "logistic" else 3)
    settings = replace(
        SETTINGS, model=model, hidden=(3,), batch_sizes=(1, 8, 24), epochs=2, seeds=2, repeats=1, backend=device,
        target=0.9 if model == "mlp" else 0.6,
    )  # fmt: skip
    there = compare_gd_sgd.run(Trials(data), settings)
    assert there["settings"]["backend"] == device.name
    assert {row["backend"] for row in there["rows"] if row["kind"] == "timing"} >= {"numpy", device.name}
    compare_gd_sgd.results.write_json(tmp_path / "result.json", there)
    assert compare_gd_sgd.tables(there)
    here = compare_gd_sgd.run(Trials(data), replace(settings, backend="numpy"))
    for kind, name, tolerance in (
        ("training", "final_loss", 1e-9),
        ("epoch", "distance", 1e-6),
        ("epoch", "predicted", 1e-6),
        ("sum", "sgd_over_mean", 1e-9),
    ):
        columns = [[row[name] for row in of_kind(result, kind)] for result in (there, here)]
        assert columns[0] == pytest.approx(columns[1], tolerance)
    assert max(row["relative_error"] for row in of_kind(there, "identity")) <= 1e-12
    assert there["claims"]["C1"]["verdict"] == here["claims"]["C1"]["verdict"]


@pytest.mark.parametrize("model", IN_THE_MAP)
def test_the_experiment_runs_what_the_readme_says(results_of, model):
    assert_the_map_is_true(IN_THE_MAP[model], compare_gd_sgd.tables, results_of(model))
