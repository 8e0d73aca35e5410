"""Equal compute: a verdict that every question can turn, trials against loops written out, a small real run."""

import json
import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from types import SimpleNamespace

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
from strategies import status_of
from teachers_map import assert_the_map_is_true, watched

from experiments import equal_compute
from experiments.equal_compute import LOOSE, TIGHT, Settings
from experiments.lab import compute_report, plots, results, sweep, tuning
from experiments.lab.compute_report import PLACES
from experiments.lab.statistics import at_target
from experiments.lab.trials import Trials
from minigrad import SGD, Dataset, LogisticRegression, train

N = 1000
SIZES = (1, 10, 100, N)
FIGURES = ("compute", "directions")
SETTINGS = Settings(dataset="digits", hidden=(4,), batch_sizes=(1, 30, 120), epochs=400, seeds=6, halvings=1)
SMALL = replace(SETTINGS, epochs=160, halvings=0, not_to_tight=(1, 30))
GOAL = {"kind": "target", "arm": "logistic", "aim": LOOSE, "epochs": 20, "evaluations": 8, "loss": 0.4}


def strict_json(path):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


# ---- the verdict, on rows made up ------------------------------------------------------------------------------------


def made_up(samples=None, updates=None, seconds=None, cosine=None, seeds=6, spread=0.02, S=30.0):
    """Rows in which all the data take so many times what batch size 10 takes, the best of the smaller ones.

    Each argument is a number for all places, or a dict by place; None: as the claim has it.
    """

    def of(argument, place, usual):
        value = argument.get(place) if isinstance(argument, dict) else argument
        return usual if value is None else value

    rows = []
    for (arm, aim), place in PLACES.items():
        times = {
            "samples": of(samples, place, 3.0),
            "updates": of(updates, place, 0.5),
            "seconds": of(seconds, place, 2.0),
        }
        rows.append(GOAL | {"arm": arm, "aim": aim})
        for seed in (sweep.TUNING_SEEDS[0], *range(seeds)):
            noise = 1 + spread * (seed % 7 - 3)
            for size in SIZES:
                row = {
                    "kind": "reaching",
                    "arm": arm,
                    "aim": aim,
                    "batch_size": size,
                    "learning_rate": 0.1,
                    "seed": seed,
                }
                for count, base in (("samples", 900.0), ("updates", S), ("seconds", 0.01)):
                    rival = base * noise / times[count]
                    row[count] = {N: base, 10: rival}.get(size, 4 * max(base, rival))
                rows.append(row)
        for seed in range(seeds):
            row = {
                "kind": "direction",
                "arm": arm,
                "aim": aim,
                "batch_size": N,
                "share": 1.0,
                "seed": seed,
                "updates": 3,
            }
            value = of(cosine, place, 0.99) + spread * 0.01 * seed
            names = ("cos_batch", "cos_fresh", "predicted", "noise_scale")
            rows.append(
                row | {"update": [1, 2, 3], "cos_next": [-1.0, value, 1.0]} | {name: [1.0] * 3 for name in names}
            )
    return {"rows": rows, "settings": {"rows": N, "batch_sizes": list(SIZES)}}


def verdict(result):
    return equal_compute.verdict(result)["C3"]


ANSWERS = {"samples": 0.5, "updates": 2.0, "seconds": 0.5, "cosine": 0.5}  # each against the claim


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "holds"),
        (ANSWERS, "does not hold"),
        *(({name: value}, "conditional") for name, value in ANSWERS.items()),
        *(({name: {"MLP tight": value}}, "conditional") for name, value in ANSWERS.items()),
        *((ANSWERS | {name: None}, "conditional") for name in ANSWERS),
        ({"samples": 1.001}, "undecided"),
        ({"updates": 0.999}, "undecided"),
        ({"seconds": {"logistic loose": 1.0}}, "undecided"),
        ({"cosine": 0.8999}, "undecided"),
        ({"seeds": 5}, "undecided"),  # no 95 % interval from fewer than six
        ({"seeds": 1}, "undecided"),
        ({"S": 19.0}, "undecided"),  # too few updates of gradient descent to tell anything
        (ANSWERS | {"S": 19.0}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(arguments, expected):
    claim = verdict(made_up(**arguments))
    assert claim["verdict"] == expected, claim["because"]
    assert len(claim["evidence"]["tests"]) == 16


@pytest.mark.parametrize("question", ["samples", "updates", "seconds", "direction"])
@pytest.mark.parametrize("place", PLACES.values())
def test_each_question_is_answered_in_its_place(question, place):
    name = "cosine" if question == "direction" else question
    tests = verdict(made_up(**{name: {place: ANSWERS[name]}}))["evidence"]["tests"]
    assert [test for test, answer in tests.items() if answer is not True] == [f"{question}, {place}"]
    assert tests[f"{question}, {place}"] is False


def test_the_numbers_are_those_of_the_rows():
    claim = verdict(made_up(samples={"MLP loose": 5.0}, spread=0.0))
    found = claim["evidence"]["MLP loose"]
    assert found["samples, all over the best smaller batch"] == pytest.approx(
        {"batch_size": 10, "estimate": 5.0, "low": 5.0, "high": 5.0, "level": 0.95}
    )
    assert found["updates, all over the best smaller batch"]["estimate"] == pytest.approx(0.5)
    assert found["cos(G_t, G_t+1) of all, best rate"]["estimate"] == 0.99
    assert found["cos(G_t, G_t+1) of all, a tenth of it"]["low"] == -math.inf
    assert found["samples over the least"] == pytest.approx({"1": 20.0, "10": 1.0, "100": 20.0, str(N): 5.0})
    assert found["samples, all over one row"]["measured"]["estimate"] == pytest.approx(0.25)
    assert "MLP loose (5 times)" in claim["because"]


def test_the_rival_is_chosen_on_the_tuning_seed_and_judged_on_the_others():
    result = made_up(spread=0.0)
    for row in result["rows"]:
        if row["kind"] == "reaching" and row["batch_size"] == 100:
            row["samples"] = 100.0 if row["seed"] == sweep.TUNING_SEEDS[0] else 450.0
    rival, interval = compute_report.compared(result, "mlp", LOOSE, "samples")
    assert (rival, interval.estimate) == (100, 2.0)  # 900 over 450, though batch size 10 takes 300


@pytest.mark.parametrize(("lost", "expected"), [(2, True), (6, None)])
def test_runs_that_never_arrive_count_as_infinite(lost, expected, tmp_path):
    """All the data need infinitely more where they never arrive; where neither does, nothing can be said."""
    result = made_up()
    for row in result["rows"]:
        if row["kind"] == "reaching" and row["seed"] < lost and row["batch_size"] in ((N,) if lost < 6 else (10, N)):
            row |= {"samples": math.inf, "updates": math.inf, "seconds": math.inf}
    read = strict_json(results.write_json(tmp_path / "result.json", result))  # infinity is null there
    for rows in (result, read):
        claim = verdict(rows)
        assert claim["evidence"]["tests"]["samples, MLP loose"] is expected
        assert claim["evidence"]["tests"]["seconds, MLP loose"] is expected


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_a_cosine_of_nothing_is_left_out(nothing):
    result = made_up()
    for row in result["rows"]:
        if row["kind"] == "direction":
            row["cos_next"] = [nothing, *row["cos_next"][1:], nothing]
    assert verdict(result)["verdict"] == "holds"
    for row in result["rows"]:
        if row["kind"] == "direction":
            row["cos_next"] = [nothing]
    claim = verdict(result)
    assert claim["verdict"] == "undecided"
    assert "0.9, not measured" in claim["because"]


@pytest.mark.parametrize("missing", ["target", "reaching", "direction"])
def test_rows_that_are_missing_are_no_evidence(missing):
    result = made_up()
    result["rows"] = [row for row in result["rows"] if row["kind"] != missing]
    assert verdict(result)["verdict"] == ("holds" if missing == "target" else "undecided")
    assert verdict({"rows": [], "settings": {}})["verdict"] == "undecided"


def test_the_fit_tells_where_all_the_data_win():
    """S = S_min (1 + B_c w(B)) with B_c above N: the fit finds it, and E(N)/E(1) is below 1."""
    result = made_up(spread=0.0)
    for row in result["rows"]:
        if row["kind"] == "reaching":
            w = (1 / row["batch_size"] - 1 / N) * N / (N - 1)
            row["updates"] = 50 * (1 + (4 * N - 1) * w)
            row["samples"] = row["batch_size"] * row["updates"]
    found = verdict(result)["evidence"]["logistic tight"]
    assert found["fits"]["drawn without replacement"]["B_c"]["estimate"] == pytest.approx(4 * N - 1, rel=1e-5)
    assert found["fits"]["drawn without replacement"]["S_min"]["estimate"] == pytest.approx(50, rel=1e-5)
    assert found["samples, all over one row"]["N/(1 + B_c)"] == pytest.approx(0.25, rel=1e-5)
    assert found["samples, all over one row"]["measured"]["estimate"] == pytest.approx(0.25)
    assert found["fits"]["independent draws"]["misfit"] > 0.05


# ---- the trials ------------------------------------------------------------------------------------------------------


def test_the_goals_are_what_gradient_descent_reaches(digits, binary):
    [loose, tight] = equal_compute.target_trial(digits, SETTINGS, "logistic")
    settings = replace(SETTINGS, model="logistic", epochs=20)
    assert loose == GOAL | {"loss": sweep.choose_target(binary, settings)}
    assert tight == GOAL | {"aim": TIGHT, "epochs": 400, "evaluations": 1, "loss": tight["loss"]}
    rate, costs = sweep.tune(binary, settings, 120, loose["loss"], halvings=1)
    model = LogisticRegression(64)  # gradient descent from zero: the same on every seed
    updates = math.ceil(20 * costs[rate] / 120)
    assert updates > 100
    train(model, binary.X_train, binary.y_train, optimizer=SGD(rate), batch_size=120, epochs=updates)
    expected = max(1e-3 * math.log(2), model.loss(binary.X_train, binary.y_train))
    assert expected <= tight["loss"] <= 1.0002 * expected
    [only] = equal_compute.target_trial(digits, replace(SETTINGS, aims=(LOOSE,)), "logistic")
    assert only == loose


def test_a_tight_target_is_one_that_training_can_aim_at(digits, monkeypatch):
    """Zeros and ones can be told apart without error; and a rate that was stable for long may not be for longer."""
    [_, tight] = equal_compute.target_trial(digits.binary("0-vs-1"), SETTINGS, "logistic")
    assert tight["loss"] == pytest.approx(1e-3 * math.log(2), rel=1e-3)
    for loss in (math.inf, math.nan, 2.0):
        run = SimpleNamespace(loss=[0.7, loss], diverged=not math.isfinite(loss))
        monkeypatch.setattr(equal_compute, "train_once", lambda *_, run=run, **__: run)
        assert [goal["aim"] for goal in equal_compute.target_trial(digits, SETTINGS, "logistic")] == [LOOSE]


def test_the_search_for_the_tight_rate_begins_at_the_loose_one(digits, monkeypatch):
    grids = []

    def tune(data, settings, batch_size, target, *, grid, halvings):
        grids.append((settings.model, settings.epochs, settings.evaluations, batch_size, target, list(grid), halvings))
        return 1.78, {1.0: math.inf, 1.78: 60.0, 3.16: 90.0}

    monkeypatch.setattr(sweep, "tune", tune)
    tight = GOAL | {"aim": TIGHT, "epochs": 400, "evaluations": 1, "loss": 0.3}
    rows = equal_compute.tuning_trial(digits, SETTINGS, [GOAL, tight], 30)
    assert grids[0] == ("logistic", 20, 8, 30, 0.4, list(tuning.HALF_DECADES), 1)
    assert grids[1] == ("logistic", 400, 1, 30, 0.3, [1.0, 0.5, 0.0, -0.5, -1.0, -1.5], 1)
    assert [(row["aim"], row["learning_rate"], row["on_edge"]) for row in rows] == [
        (LOOSE, 1.78, False),
        (TIGHT, 1.78, False),
    ]
    assert rows[0]["samples_to_target"] == [math.inf, 60.0, 90.0]


@pytest.mark.parametrize(("arm", "evaluations"), [("logistic", 8), ("logistic", 1), ("mlp", 8)])
def test_a_run_to_a_target_is_the_training_loop(digits, binary, arm, evaluations):
    goal = GOAL | {"arm": arm, "evaluations": evaluations, "loss": 0.4 if arm == "logistic" else 1.5}
    [row] = equal_compute.reaching_trial(digits, SETTINGS, goal, 30, 0.3, 2)
    model = sweep.make_model(binary if arm == "logistic" else digits, replace(SETTINGS, model=arm), 2)
    data, every = binary if arm == "logistic" else digits, 30 if evaluations > 1 else None
    history = train(
        model, data.X_train, data.y_train, optimizer=SGD(0.3), batch_size=30, epochs=20,
        rng=np.random.default_rng(2), evaluate_every=every, drop_last=True,
    )  # fmt: skip
    assert row["updates"] == at_target(history.loss, history.updates, goal["loss"])
    assert row["samples"] == pytest.approx(30 * row["updates"])
    assert 0 < row["updates"] < 80
    assert row["seconds"] > 0
    assert (row["arm"], row["batch_size"], row["learning_rate"], row["seed"]) == (arm, 30, 0.3, 2)


@pytest.mark.parametrize(("share", "updates"), [(1.0, 11), (0.1, 2)])
def test_directions_are_those_of_a_loop(digits, binary, share, updates):
    [row] = equal_compute.direction_trial(digits, SETTINGS, GOAL, 50, 0.8, share, updates, 3)
    X, y = np.c_[binary.X_train, np.ones(120)], binary.y_train
    theta, rng = np.zeros(65), np.random.default_rng(3)

    def gradients(rows):
        return (1 / (1 + np.exp(-X[rows] @ theta)) - y[rows])[:, None] * X[rows]

    def cos(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    draws = np.random.default_rng(3)
    moments = {int(k) for k in np.linspace(1, round(updates / share), equal_compute.MOMENTS)}
    expected = {"cos_batch": [], "cos_fresh": [], "cos_next": [], "predicted": [], "noise_scale": []}
    while len(expected["cos_next"]) < round(updates / share):
        order = rng.permutation(120)
        for rows in (order[:50], order[50:100]):
            g_i, g = gradients(slice(None)), gradients(rows).mean(axis=0)
            G = g_i.mean(axis=0)
            at_this_moment = len(expected["cos_next"]) + 1 in moments
            fresh = draws.choice(120, 50, replace=False) if at_this_moment else rows
            expected["cos_fresh"].append(cos(gradients(fresh).mean(axis=0), G))
            scale = ((g_i - G) ** 2).sum(axis=1).mean() / (G @ G)
            theta = theta - share * 0.8 * g
            expected["cos_batch"].append(cos(g, G))
            expected["cos_next"].append(cos(G, gradients(slice(None)).mean(axis=0)))
            expected["noise_scale"].append(scale)
            expected["predicted"].append(1 / math.sqrt(1 + scale / 50 * 70 / 119))
    assert row["update"] == sorted(moments)
    assert (row["updates"], row["update"][0], row["update"][-1]) == (round(updates / share), 1, round(updates / share))
    for name, values in expected.items():
        assert row[name] == pytest.approx(np.array(values)[np.array(row["update"]) - 1], rel=1e-9), name


def test_data_without_an_odd_class_still_make_two(digits):
    """Class 1 of three has no rows to train on, so that odd or even is no task: the first class against the rest."""
    X, y = digits.X_train[:40], np.arange(40) % 2 * 2
    data, settings = equal_compute.of_goal(Dataset(X, y, X[:5], np.array([0, 1, 2, 2, 0]), "gap"), SETTINGS, GOAL)
    assert (data.n_classes, settings.model) == (2, "logistic")
    assert np.array_equal(data.y_train, y > 0)
    assert data.y_test.tolist() == [0, 1, 1, 1, 0]
    same, _ = equal_compute.of_goal(digits, SETTINGS, GOAL | {"arm": "mlp"})
    assert same is digits


# ---- a small real run ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(digits):
    with watched("equal_compute"):
        return equal_compute.run(Trials(digits), SMALL)


def test_a_run_holds_every_kind_of_row(result):
    def count(kind):
        return sum(row["kind"] == kind for row in result["rows"])

    assert count("target") == 4
    assert count("tuning") == 2 * 3 + 2 * 2  # arms, sizes: batch size 1 goes for the loose target alone
    arrived = sum(row["learning_rate"] is not None for row in result["rows"] if row["kind"] == "tuning")
    assert arrived >= 8
    assert count("reaching") == arrived * (6 + 1)
    shares = {
        (row["arm"], row["aim"], row["batch_size"], row["share"])
        for row in result["rows"]
        if row["kind"] == "direction"
    }
    assert {("logistic", LOOSE, 120, 0.1), ("mlp", LOOSE, 30, 1.0), ("mlp", TIGHT, 120, 1.0)} <= shares
    assert not any(aim == TIGHT and size != 120 for _, aim, size, _ in shares)
    assert count("direction") == 6 * len(shares)
    assert result["claims"]["C3"]["verdict"] in results.VERDICTS
    for arm in ("logistic", "mlp"):  # whatever else: an update on all the data gets farther than one on a row
        updates = compute_report.needed(result, arm, LOOSE, "updates")
        assert max(updates[120]) < min(updates[1])


def test_sizes_that_take_minutes_are_left_out_of_the_tight_target(digits, monkeypatch):
    searches = []

    class Recorded(Trials):
        def run(self, trial, settings, arguments, timed=False):
            if trial is equal_compute.target_trial:
                return [GOAL | {"arm": "mlp"}, GOAL | {"arm": "mlp", "aim": TIGHT}]
            searches.append((trial.__name__, timed, arguments))
            return []

    monkeypatch.setattr(equal_compute, "verdict", lambda _: {})
    equal_compute.run(Recorded(digits), replace(SETTINGS, batch_sizes=(1, 8, 30, 120), not_to_tight=(2, 30)))
    aims = {
        search["batch_size"]: [goal["aim"] for goal in search["goals"]] for search in searches[0][2] if search["goals"]
    }
    assert aims == {1: [LOOSE, TIGHT], 8: [LOOSE], 30: [LOOSE, TIGHT], 120: [LOOSE, TIGHT]}
    assert [(name, timed) for name, timed, _ in searches] == [
        ("tuning_trial", False), ("reaching_trial", True), ("direction_trial", False)
    ]  # fmt: skip


def test_the_same_seeds_give_the_same_rows(digits, result):
    settings = replace(SETTINGS, batch_sizes=(30, 120), seeds=1, aims=(LOOSE,))
    [first, second] = [equal_compute.run(Trials(digits), settings)["rows"] for _ in range(2)]
    for row in (*first, *second):
        row.pop("seconds", None)
    assert first == second


def test_a_result_is_strict_json_and_is_judged_the_same_when_read_back(result, tmp_path):
    read = strict_json(results.write_json(tmp_path / "result.json", result))
    assert verdict(read)["verdict"] == result["claims"]["C3"]["verdict"]
    assert verdict(read)["evidence"]["tests"] == result["claims"]["C3"]["evidence"]["tests"]
    assert verdict(read)["because"] == result["claims"]["C3"]["because"]


def test_tables_tell_every_size_at_every_target(result):
    text = equal_compute.tables(result)
    assert "nan" not in text
    for place in PLACES.values():
        [_, part] = text.split(f"{place} target: ")
        lines = part.split("\n\n")[1].splitlines()
        assert [line.split()[0] for line in lines[2:]] == ["1", "30", "all"][place.endswith(TIGHT) :]
    [sgd] = [line.split() for line in text.splitlines() if line.startswith("1 (SGD)") and "(" in line[8:]][:1]
    assert sgd[3] == sgd[5]  # at batch size 1 there are as many updates as sample gradients, and so are their medians
    assert text.count(": yes") + text.count(": no") + text.count(": open") == 16
    assert "B_c" in text
    assert "tr Σ/‖G‖²" in text


def assert_drawn(folder):
    for name in FIGURES:
        image = matplotlib.image.imread(folder / f"{name}.png")
        packed = (np.round(image[..., :3] * 255).astype(int) @ [65536, 256, 1]).ravel()
        colours, counts = np.unique(packed, return_counts=True)
        assert len(colours) > 50, name
        assert counts.max() < 0.985 * counts.sum(), name
        assert ElementTree.fromstring((folder / f"{name}.svg").read_bytes()).tag.endswith("svg")


def test_figures_of_values_that_differ_by_rounding(result, tmp_path):
    rows = [
        row | {"samples": 46.29, "updates": 1.9288183022297507 - 1e-15 * (row["seed"] % 2)}
        for row in result["rows"]
        if row["kind"] == "reaching" and row["batch_size"] == 120
    ]
    goals = [row for row in result["rows"] if row["kind"] == "target"]
    plots.save(compute_report.draw_compute(result | {"rows": goals + rows}), tmp_path, "compute")


def test_figures_are_drawn(result, tmp_path):
    paths = equal_compute.plot(result, tmp_path)
    assert [path.name for path in paths] == [f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")]
    assert_drawn(tmp_path)
    svg = (tmp_path / "compute.svg").read_text(encoding="utf-8")
    assert "loose target" in svg
    assert "tight target" in svg
    assert "all 120 (GD)" in (tmp_path / "directions.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("rows", ["none", "no run arrives", "one size, one seed"])
def test_tables_and_figures_of_little(result, rows):
    kept = []
    for row in result["rows"]:
        if row["kind"] == "target" or (
            rows == "one size, one seed" and row["batch_size"] == 30 and row.get("seed", 0) < 1
        ):
            kept.append(row)
        elif rows == "no run arrives" and row["kind"] == "tuning":
            kept.append(row | {"learning_rate": None})
        elif rows == "no run arrives" and row["kind"] == "reaching":
            kept.append(row | {"samples": math.inf, "updates": math.inf, "seconds": math.inf})
    little = result | {"rows": kept if rows != "none" else []}
    little["claims"] = equal_compute.verdict(little)
    assert little["claims"]["C3"]["verdict"] == "undecided"
    assert "nan" not in equal_compute.tables(little)
    for figure in (compute_report.draw_compute(little), compute_report.draw_directions(little, 0.9)):
        figure.canvas.draw()  # what a renderer refuses, it refuses here
        plt.close(figure)


@pytest.mark.parametrize(
    "argv", [["--batch-sizes", "1", "--seeds", "1"], ["--batch-sizes", "all", "--dtype", "float32"]]
)
def test_odd_arguments(tmp_path, argv, capsys, monkeypatch):
    monkeypatch.setattr(equal_compute, "plot", lambda *_: [])
    argv = ["--out", tmp_path, "--quick", "--epochs", "1", "--workers", "1", "--task", "3-vs-8", *argv]
    assert status_of(equal_compute, argv) == 0
    assert capsys.readouterr().err == ""
    read = strict_json(tmp_path / "equal_compute" / "result.json")
    assert read["claims"]["C3"]["verdict"] == "undecided"
    assert read["settings"]["classes"] == 2


# ---- on a device -----------------------------------------------------------------------------------------------------


def test_on_a_device(device, tiny, tmp_path):
    """What it measures there is what NumPy measures."""
    settings = replace(SMALL, hidden=(3,), batch_sizes=(1, 8, 24), epochs=40, seeds=1, not_to_tight=(1, 24))
    there, here = (equal_compute.run(Trials(tiny(3)), replace(settings, backend=each)) for each in (device, "numpy"))
    assert there["settings"]["backend"] == device.name
    assert len(there["rows"]) == len(here["rows"])
    for row, expected in zip(there["rows"], here["rows"]):
        for name in ("loss", "samples", "cos_next", "cos_batch", "cos_fresh", "predicted"):
            if name in expected:
                assert row[name] == pytest.approx(expected[name], rel=1e-6, abs=1e-6), name
    assert equal_compute.tables(there)
    results.write_json(tmp_path / "result.json", there)


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("equal_compute", equal_compute.tables, result)
