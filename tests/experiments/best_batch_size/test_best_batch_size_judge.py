"""C9 on rows made up from the law itself, and on rows that must turn its verdict."""

import copy
import math

import numpy as np
import pandas as pd
import pytest
from rooms import assert_judged_alike_from_disk, judged, verdicts

from experiments.best_batch_size.judge import said, time_lost
from experiments.best_batch_size.question import EXPERIMENT
from experiments.best_batch_size.theory import Law
from experiments.lab.statistics import Interval

N, B_C, A, B, S_MIN, TARGET = 4096, 200.0, 90.0, 1.0, 20.0, 0.1
SIZES = [2**k for k in range(12)] + [N]


def result_of(change=lambda size, seconds: 1.0, trusted=1.0, seeds=5, spread=0.02):
    """A result that obeys the law, but for the measured updates of the sweep, which `change` multiplies."""
    law, rng = Law(A, B, B_C, N), np.random.default_rng(0)

    def updates(size):
        return S_MIN * (1 + B_C * law.w(size)) * math.exp(spread * rng.standard_normal())

    rows = [{"kind": "search", "used": 1000, "cost_seconds": 0.1}]
    for why in ("answer", "check"):
        step = {"kind": "step", "why": why}
        rows += [step | {"batch_size": size, "microseconds": [A + B * size] * 3} for size in SIZES]
    for seed in range(seeds):
        k = updates(32)
        row = {"kind": "probe", "batch_size": 32, "learning_rate": 0.3, "seed": seed, "used": 32 * k}
        row |= {"updates": [0, k / 4, k], "loss": [2.0, 0.2, TARGET], "cost_seconds": 0.1}
        rows.append(row | {"noise_updates": [0, k / 2], "noise_scale": [B_C, B_C]})
        race = {"kind": "race", "target": TARGET, "seed": seed, "learning_rate": 1.0, "used": 10, "cost_seconds": 0.1}
        for size in SIZES:
            found = updates(size) * change(size, None)
            rows.append(race | {"why": "sweep", "batch_size": size, "updates": found, "samples": size * found})
        best = 128
        found = updates(best) * trusted
        rows.append(race | {"why": "trusted", "batch_size": best, "updates": found, "samples": best * found})
    settings = {"rows": N, "probe": 32, "targets": [["tight", TARGET]], "batch_sizes": SIZES, "seeds": seeds}
    return {"rows": rows, "settings": settings}


def claim(result):
    return judged(EXPERIMENT, result)["C9"]


def test_where_the_law_is_obeyed_the_claim_holds():
    found = claim(result_of())
    evidence = found["evidence"]
    assert found["verdict"] == "holds"
    assert evidence["best_batch_size"] == 128
    assert evidence["critical_batch_size"]["estimate"] == pytest.approx(B_C)
    assert evidence["by_the_formula"] == pytest.approx(Law(A, B, B_C, N).best)
    assert evidence["a_over_b"] == pytest.approx(90)
    assert set(evidence["time_lost"]) == {"estimate", "low", "high"}
    assert evidence["targets"]["tight"]["broken"] == []


def test_where_the_recommended_run_is_slow_it_does_not_hold():
    found = claim(result_of(trusted=1.6))
    assert found["verdict"] == "does not hold"
    assert found["evidence"]["targets"]["tight"]["broken"] == ["the rate"]
    assert found["because"].endswith("what broke: the rate")


def test_where_large_batches_take_far_fewer_updates_than_the_law_says():
    found = claim(result_of(change=lambda size, _: 0.1 if size >= 1024 else 1.0))
    assert found["verdict"] == "does not hold"
    assert found["evidence"]["targets"]["tight"]["measured_best"] >= 1024
    assert "S(B)" in found["evidence"]["targets"]["tight"]["broken"]


def test_another_noise_than_that_of_the_sweep_is_named():
    result = result_of()
    for row in result["rows"]:
        if row["kind"] == "probe":
            row["noise_scale"] = [10 * B_C, 10 * B_C]
    assert "the noise" in claim(result)["evidence"]["targets"]["tight"]["broken"]


def test_a_loss_between_the_two_bounds_refutes_by_the_median():
    found = claim(result_of(trusted=1.18))
    assert found["verdict"] == "does not hold"
    answers = {each["question"].split(",")[0]: each["answer"] for each in found["evidence"]["questions"]}
    assert answers["time lost by trusting batch 128"] == "yes"
    assert answers["time lost"] == "no"


def test_a_clock_that_contradicts_itself_leaves_it_open():
    result = result_of(trusted=1.6)
    for row in result["rows"]:
        if row["kind"] == "step" and row["why"] == "check" and row["batch_size"] == 128:
            row["microseconds"] = [1.5 * t for t in row["microseconds"]]
    found = claim(result)
    assert found["verdict"] == "undecided"
    assert "quieter machine: an update on 128 rows took 1.5 times" in found["evidence"]["questions"][0]["text"]


def test_two_seeds_leave_it_open():
    assert claim(result_of(seeds=2))["verdict"] == "undecided"


def test_a_recommended_run_that_never_arrives_refutes():
    result = result_of()
    for row in result["rows"]:
        if row.get("why") == "trusted":
            row["updates"] = None
    assert claim(result)["verdict"] == "does not hold"


def test_without_a_check_there_is_an_answer_and_no_verdict():
    result = result_of()
    result["rows"] = [row for row in result["rows"] if row.get("why") not in ("sweep", "trusted", "check")]
    found = claim(result)
    assert found["verdict"] == "not measured"
    assert found["evidence"]["best_batch_size"] == 128
    assert "time_lost" not in found["evidence"]
    assert "0.3" in found["because"] or "learning rate" in found["because"]


def test_a_cheap_probe_gives_the_plain_sentence():
    result = result_of()
    for row in result["rows"]:
        if "cost_seconds" in row:
            row["cost_seconds"] = 0.0
        if row["kind"] == "step":  # what is timed costs nothing, too, where one reading is enough
            row["microseconds"] = row["microseconds"][:1]
        if row["kind"] == "probe":  # and a run takes ten times as long
            row["updates"] = [10 * k for k in row["updates"]]
            row["noise_updates"] = [10 * k for k in row["noise_updates"]]
    result["rows"] = [row for row in result["rows"] if row.get("why") not in ("sweep", "trusted", "check")]
    found = claim(result)
    text = found["because"]
    assert text.startswith("train with batches of 73 to 260 at learning rate")
    assert "times faster than full batch" in text
    assert len(text) <= 160


def test_time_lost_by_hand():
    sweep = pd.DataFrame({8: [2.0, 2.0, 2.0], 64: [1.0, 1.0, 1.0]})
    lost = time_lost(sweep, pd.Series([1.5, 1.5, 1.5]))
    assert (lost.estimate, lost.low, lost.high) == (0.5, 0.5, 0.5)
    assert math.isinf(time_lost(sweep, pd.Series([math.inf] * 3)).estimate)


def test_a_real_run_is_judged_alike_from_disk(result, tmp_path):
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)
    assert verdicts(EXPERIMENT, copy.deepcopy(result))["C9"] == result["claims"]["C9"]["verdict"]


def test_the_longest_sentence_is_no_longer_than_it_may_be():
    evidence = {"targets": {aim: {"broken": ["S(B)", "t(B)", "the noise", "the rate"]} for aim in ("loose", "tight")}}
    found = dict.fromkeys(("loose", "tight"))
    lost = dict.fromkeys(found, Interval(99.99, 10.0, math.inf))
    assert len(said(evidence, found, lost)) <= 160


def test_an_unsteady_clock_at_one_target_leaves_the_other_decided():
    result = result_of()
    loose = [row | {"target": 2 * TARGET} for row in result["rows"] if row.get("target") == TARGET]
    result["rows"] += loose
    for row in result["rows"]:
        if row["kind"] == "probe":
            row["loss"] = [4.0, 2 * TARGET, TARGET]
        if row.get("target") == 2 * TARGET and row["why"] == "sweep" and row["batch_size"] == 1024:
            row["updates"] *= 0.01  # the best of the loose target, where the clock contradicts itself
        if row["kind"] == "step" and row["why"] == "check" and row["batch_size"] == 1024:
            row["microseconds"] = [2 * t for t in row["microseconds"]]
    result["settings"]["targets"] = [["loose", 2 * TARGET], ["tight", TARGET]]
    asked = claim(result)["evidence"]["questions"]
    assert ["quieter machine" in each["text"] for each in asked] == [True, False, True]
