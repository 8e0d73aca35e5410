"""C8: verdicts that rows can turn."""

import math

import numpy as np
import pytest
from rooms import assert_judged_alike_from_disk, judged

from experiments.batch_size_sweep.accuracies import differ
from experiments.batch_size_sweep.enough import rows_to_tell, seeds_to_differ
from experiments.batch_size_sweep.measure import SAME, TUNED
from experiments.batch_size_sweep.question import EXPERIMENT
from experiments.lab.sweep import TO_TARGET

SIZES = [1, 8, 64, 512]


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
        "test_rows": 3000,
    } | change
    noise = 1 + base["wobble"] * np.random.default_rng(0).standard_normal((len(SIZES), base["seeds"]))
    seeds, rows = range(base["seeds"]), []
    for factor, size in zip(noise, SIZES):
        never = {name: [base["same_updates"][size]] * len(factor) for name in TO_TARGET}
        rows += rows_of_training(SAME, size, test_accuracy=base["same_accuracy"][size] * factor, **never)
        tuned = {"epoch_to_target": base["epochs"][size] * factor, "samples_to_target": factor}
        tuned |= {"updates_to_target": [base["tuned_updates"][size]] * len(factor)}
        rows += rows_of_training(TUNED, size, **tuned, seconds_to_target=base["seconds"][size] * factor)
        timing = {"kind": "timing", "backend": "numpy", "batch_size": size}
        rows += [
            timing | {"path": "batched", "repeat": k, "microseconds": base["cost"][size] * factor[k]} for k in seeds
        ]
        if size == 1:
            rows += [timing | {"path": "fast", "repeat": k, "microseconds": base["fast"] * factor[k]} for k in seeds]
        row = {"kind": "accuracy", "arm": "network", "batch_size": size, "learning_rate": 1.0, "loss": 0.1}
        for k in seeds:
            bend = 0.1 * (factor[k] - 1)
            after = {"test_accuracy": base["accuracy"][size] + bend}
            rows.append(row | after | {"seed": k, "polished_test_accuracy": base["polished"][size] + bend})
        per_sample = base["fast"] if size == 1 else base["cost"][size]
        cell = {"kind": "cell", "batch_size": size, "learning_rate": 1.0, "seed": 1000, "diverged": False, "loss": 0.1}
        cell |= {"test_accuracy": 0.9, "updates_to_target": 10.0}
        rows.append(cell | {"samples_to_target": base["seconds"][size] / per_sample})
    row = {"kind": "accuracy", "arm": "linear", "batch_size": 8, "learning_rate": 1.0, "loss": 0.1}
    row |= {"test_accuracy": base["linear"], "polished_test_accuracy": base["linear"]}
    rows += [row | {"seed": k} for k in seeds]
    settings = {"backend": "numpy", "epochs": 200, "learning_rate": 1.0, "reference": 64, "batch_sizes": SIZES}
    settings |= {"seeds": base["seeds"], "test_rows": base["test_rows"]}
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
    found = judged(EXPERIMENT, made_up(**change))[claim]
    assert found["verdict"] == expected, found["because"]
    assert found["because"]


def test_the_reasons_are_made_of_the_evidence():
    claims = judged(EXPERIMENT, made_up(wobble=0))
    assert claims["C8a"]["statement"] == "Too small a batch does not converge in 200 epochs."
    assert "0 of 6 runs at the one rate" in claims["C8a"]["because"]
    assert "batch size 1 ends −40.0 points" in claims["C8"]["because"]
    assert claims["C8d"]["evidence"]["fastest"] == 8
    assert "on these 1 takes 8 times as long and 512 takes 9 times as long" in claims["C8d"]["because"]
    assert "yes: seconds to the target, batch 1 over 8: 8, asked" in claims["C8d"]["evidence"]["questions"][0]["text"]
    assert "9.0 points of test accuracy apart after training" in claims["C8e"]["because"]


@pytest.mark.parametrize(
    ("claim", "change", "takes"),
    [
        ("C8", {"seeds": 2}, "it takes at least 3 seeds (--seeds 3)"),
        ("C8a", {"seeds": 3}, "it takes at least 4 seeds (--seeds 4)"),
        ("C8c", {"seeds": 2}, "it takes at least 3 seeds (--seeds 3)"),
        ("C8c", {"seeds": 2, "wobble": 0}, "it takes at least 3 seeds (--seeds 3)"),
        ("C8d", {"seeds": 2}, "it takes at least 3 seeds (--seeds 3)"),
        ("C8e", {"seeds": 2}, "it takes at least 3 seeds (--seeds 3)"),
        ("C8", {"test_rows": 2}, " test rows"),
        ("C8e", {"test_rows": 2}, " test rows"),
        (
            "C8e",
            {"test_rows": 2, "accuracy": dict.fromkeys(SIZES, 1.0), "polished": dict.fromkeys(SIZES, 1.0)},
            " test rows",
        ),
        (
            "C8e",
            {"test_rows": 2, "accuracy": dict.fromkeys(SIZES, 0.0), "polished": dict.fromkeys(SIZES, 0.0)},
            " test rows",
        ),
        ("C8e", {"test_rows": 67, "accuracy": SAME_ACCURACY, "polished": SAME_ACCURACY}, " test rows"),
    ],
)
def test_too_few_seeds_or_test_rows_decide_nothing_and_it_is_said_how_many_it_takes(claim, change, takes):
    found = judged(EXPERIMENT, made_up(**change))[claim]
    assert found["verdict"] == "undecided"
    assert found["because"].endswith(takes), found["because"]
    assert "nan" not in found["because"]


def test_enough_test_rows_are_those_that_the_sentence_names():
    """As many as it takes leave the verdict as it was, and one less does not."""
    accuracies = {"accuracy": SAME_ACCURACY, "polished": SAME_ACCURACY, "wobble": 0.0}
    rows = 2
    for _ in range(20):  # the more there are the less ã is moved towards ½
        said = judged(EXPERIMENT, made_up(test_rows=rows, **accuracies))["C8e"]["because"]
        if not said.endswith(" test rows"):
            break
        rows = int(said.split()[-3].replace(",", ""))
    assert judged(EXPERIMENT, made_up(test_rows=rows, **accuracies))["C8e"]["verdict"] == "does not hold"
    assert judged(EXPERIMENT, made_up(test_rows=300, **accuracies))["C8e"]["verdict"] == "undecided"
    assert 450 < 0.95 * 0.05 / 0.01**2 < rows


def test_an_accuracy_in_a_sentence_has_the_base_rate_beside_it():
    data = {"classes": {"common": {"train": 990, "test": 99}, "rare": {"train": 10, "test": 1}}}
    claims = judged(EXPERIMENT, made_up() | {"data": data})
    for name in ("C8", "C8e"):
        assert "(base rate 99.0 %)" in claims[name]["because"]
        assert claims[name]["evidence"]["base_rate"]["classes_are_uneven"] is True


@pytest.mark.parametrize("sizes", [2, 3, 4])
def test_so_many_seeds_can_tell_batch_sizes_apart_and_one_less_cannot(sizes):
    """Nothing is as different as sizes that come in the same order for every seed."""
    seeds = seeds_to_differ(sizes, 0.05)
    apart = np.arange(sizes)[:, None] + np.zeros((sizes, seeds))
    assert differ(apart)[0] < 0.05
    assert seeds == 3 or differ(apart[:, 1:])[0] >= 0.05


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 0.95, 1.0])
def test_with_the_rows_that_it_takes_chance_leaves_no_more_than_the_margin(accuracy):
    """Two models whose errors have a correlation of ½, simulated: the standard error of the difference."""
    rows, rng = rows_to_tell([accuracy], 10_000, 0.01), np.random.default_rng(0)
    wrong = rng.random((2, 2000, rows)) > accuracy
    wrong[1] = np.where(rng.random((2000, rows)) < 0.5, wrong[0], wrong[1])
    assert (wrong[0].mean(axis=1) - wrong[1].mean(axis=1)).std() < 1.05 * 0.01
    assert rows_to_tell([accuracy], 2, 0.01) > 1000  # two rows are no certainty, whatever they say


def test_equal_accuracies_differ_as_often_as_chance_has_it():
    """Of 100 tables of pure noise the permutation test calls about 5 different; of tables that differ, all."""
    rng = np.random.default_rng(0)
    noise = [differ(rng.standard_normal((3, 5)))[0] < 0.05 for _ in range(100)]
    assert sum(noise) <= 12
    assert differ(rng.standard_normal((3, 5)) + np.array([[0.0], [0.0], [9.0]]))[0] < 0.05


def test_a_run_is_judged_the_same_when_read_back(result, tmp_path):
    assert set(result["claims"]) == {"C8", "C8a", "C8b", "C8c", "C8d", "C8e"}
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)
