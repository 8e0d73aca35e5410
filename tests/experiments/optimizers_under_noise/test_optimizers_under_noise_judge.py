"""C7: every part of the claim can turn the verdict, and what is compared is chosen on the tuning seeds."""

import math

import numpy as np
import pytest
from rooms import assert_judged_alike_from_disk, judged, verdicts

from experiments.optimizers_under_noise import judge as c7
from experiments.optimizers_under_noise.measure import (
    CG,
    FIRST_ORDER,
    LOGISTIC,
    NETWORK,
    ONE_BATCH,
    OPTIMIZERS,
    PROBLEMS,
    SEARCH,
    STEPS,
    TWO_BATCHES,
    chosen_rates,
)
from experiments.optimizers_under_noise.question import EXPERIMENT

SIZES, N = (16, 128, 1000), 1000
SECOND_ORDER = tuple(name for name in OPTIMIZERS if name not in FIRST_ORDER)
FIRST = {16: 0.001, 128: 0.002, N: 0.01}  # as the claim has it
SECOND = {16: 0.5, 128: 0.1, N: 0.0001}


def training_row(kind, problem, name, size, seed, excess, **change):
    row = {"kind": kind, "problem": problem, "arm": name, "batch_size": size, "seed": seed, "learning_rate": 0.1}
    return row | {"excess": excess, "guessing": 2.3, "diverged": False} | change


def error_row(problem, seed, one, two, B=16):
    """A row whose errors go as ‖s‖^one and ‖s‖^two."""
    steps = np.array(STEPS)
    theory = math.sqrt(2 * 4.0 / B) / 3.0
    row = {"kind": "error", "problem": problem, "place": "middle", "direction": "along −G", "seed": seed}
    row |= {"batch_size": B, "g": 2.0, "trace": 4.0, "steps": STEPS, "length": [3.0] * len(steps)}
    return row | {"one": (0.5 * (10 * steps) ** one).tolist(), "two": (theory * (10 * steps) ** two).tolist()}


def made_up(seeds=4, wobble=0.01, one=-1.0, two=-1.0, losses=None, slope_wobble=0.001, without=()):
    """A result in which all is as the claim has it, but for what `losses` says: {optimizer: {batch size: J − J*}}."""
    losses = {name: FIRST if name in FIRST_ORDER else SECOND for name in OPTIMIZERS} | (losses or {})
    rng = np.random.default_rng(0)
    rows = []
    for problem in PROBLEMS:
        for name, by_size in losses.items():
            for size, loss in by_size.items():
                rows += [training_row("tuning", problem, name, size, seed, loss) for seed in (1000, 1001)]
                rows += [
                    training_row("training", problem, name, size, k, loss * math.exp(wobble * rng.standard_normal()))
                    for k in range(seeds)
                ]
        for seed in range(seeds):
            change = slope_wobble * rng.standard_normal()
            rows.append(error_row(problem, seed, one + change, two + change))
    rows = [row for row in rows if row["kind"] not in without]
    return {"rows": rows, "settings": {"rows": N, "epochs": 20}}


AGAINST = {name: {16: 0.1, 128: 0.2, N: 0.001} for name in FIRST_ORDER}
AGAINST |= {name: {16: 1e-3, 128: 1e-3, N: 0.1} for name in SECOND_ORDER}


@pytest.mark.parametrize(
    ("change", "expected", "part"),
    [
        ({}, "holds", None),
        ({"one": 0.0}, "conditional", c7.ERROR_SLOPE),
        ({"two": 0.0, "one": 0.0}, "conditional", c7.ERROR_SLOPE),
        ({"losses": {"Adagrad": {16: 0.001, 128: 0.002, N: 1e-4}}}, "conditional", c7.OVER_ALL),
        ({"losses": {CG: {16: 0.5, 128: 0.1, N: 0.2}}}, "conditional", c7.OVER_ALL),
        ({"losses": {ONE_BATCH: {16: 0.5, 128: 0.001, N: 0.0001}}}, "conditional", c7.AT_OWN_BEST),
        ({"losses": {ONE_BATCH: {16: 0.0005, 128: 0.1, N: 0.0001}}}, "conditional", c7.AT_THEIR_BEST),
        ({"losses": AGAINST, "one": 0.0, "two": 0.0}, "does not hold", c7.OVER_ALL),
        ({"wobble": 3.0}, "undecided", None),
        ({"slope_wobble": 0.3}, "undecided", None),
        ({"seeds": 1}, "undecided", None),
        ({"without": ("error",)}, "undecided", None),
        ({"without": ("error",), "losses": {CG: {16: 0.5, 128: 0.1, N: 0.2}}}, "undecided", None),
        ({"without": ("training",)}, "undecided", None),
        ({"without": ("tuning",)}, "undecided", None),
        ({"without": ("tuning",), "one": 0.0}, "undecided", None),
        ({"without": ("training", "tuning", "error")}, "undecided", None),
    ],
)
def test_the_rows_turn_the_verdict(change, expected, part):
    claim = judged(EXPERIMENT, made_up(**change))["C7"]
    assert claim["verdict"] == expected, claim["because"]
    against = [each["question"] for each in claim["evidence"]["questions"] if each["answer"] == "no"]
    assert any(f": {part}, " in question for question in against) if part else not against


def test_without_a_run_on_all_samples_nothing_is_decided():
    losses = {
        name: {size: (FIRST if name in FIRST_ORDER else SECOND)[size] for size in SIZES[:2]} for name in OPTIMIZERS
    }
    assert verdicts(EXPERIMENT, made_up(losses=losses)) == {"C7": "undecided"}
    assert verdicts(EXPERIMENT, {"rows": []}) == {"C7": "undecided"}


def test_two_seeds_decide_nothing():
    result = made_up(seeds=2, wobble=0)
    claim = judged(EXPERIMENT, result | {"settings": result["settings"] | {"seeds": 2}})["C7"]
    assert claim["verdict"] == "undecided"
    assert "at least 3 seeds (--seeds 3)" in claim["because"]


def test_the_reason_is_made_of_the_evidence():
    losses = {CG: {16: 0.5, 128: 0.002, N: 0.0005}}
    claim = judged(EXPERIMENT, made_up(one=0.0, wobble=0.0, slope_wobble=0.0, losses=losses))["C7"]
    costs = claim["evidence"]["noise_costs"]
    assert costs[f"SGD, {NETWORK}"]["over_all"]["estimate"] == pytest.approx(0.1)
    cg = costs[f"{CG}, {NETWORK}"]
    assert (cg["batch_size"], cg["leader_size"]) == (128, 16)
    assert cg["over_all"]["estimate"] == pytest.approx(4)
    assert cg["over_first_order"]["estimate"] == pytest.approx(1)
    assert cg["over_leader"]["estimate"] == pytest.approx(500)
    assert "over that with all samples: 0.1 to 0.1 (SGD, Adagrad, Adam), 4 to 1,000 (CG" in claim["because"]
    questions = {each["question"]: each for each in claim["evidence"]["questions"]}
    answers = {name: each["answer"] for name, each in questions.items()}
    over_all, at_own_best = (
        [answers[name] for name in answers if part in name] for part in (c7.OVER_ALL, c7.AT_OWN_BEST)
    )
    assert over_all == ["yes"] * 14
    assert len(at_own_best) == 8
    assert {name for name, answer in answers.items() if c7.AT_OWN_BEST in name and answer == "no"} == {
        f"CG, line search: {c7.AT_OWN_BEST}, network",
        f"CG, line search: {c7.AT_OWN_BEST}, logistic",
    }
    assert questions[f"two batches: {c7.ERROR_SLOPE}, network"]["estimate"] == pytest.approx(-1)
    assert "0.00, asked −1.10 to −0.90" in questions[f"one batch: {c7.ERROR_SLOPE}, logistic"]["text"]


def test_what_is_compared_is_chosen_on_the_tuning_seeds_only():
    """A batch size, a rate or an optimizer that is better on the other seeds by chance is not taken for that."""
    result = made_up(wobble=0.0)
    lucky = [row for row in result["rows"] if row["kind"] == "training" and (row["arm"], row["batch_size"]) == (CG, 16)]
    for row in lucky:
        row["excess"] = 1e-6
    assert c7.noise_costs(result)[NETWORK, CG].batch_size == 128
    worse = [training_row("tuning", NETWORK, CG, 128, s, 0.2, learning_rate=0.5) for s in (1000, 1001)]
    rows = chosen_rates({"rows": [*worse, *result["rows"]]}).set_index(["problem", "arm", "batch_size"])
    assert rows.loc[(NETWORK, CG, 128)].tolist() == [0.1, pytest.approx(0.1)]


def test_every_lbfgs_is_held_against_the_cheapest_on_all_samples():
    losses = {SEARCH: SECOND | {N: 0.004}, TWO_BATCHES: SECOND | {N: 0.001}, ONE_BATCH: SECOND | {N: 0.002}}
    costs = c7.noise_costs(made_up(losses=losses | {CG: SECOND | {N: 0.05}}, wobble=0.0))
    assert {costs[NETWORK, name].all_by for name in losses} == {TWO_BATCHES}
    assert costs[NETWORK, ONE_BATCH].over_all.estimate == pytest.approx(100)
    assert (costs[NETWORK, CG].all_by, costs[NETWORK, CG].over_all.estimate) == (CG, pytest.approx(2))
    assert costs[LOGISTIC, CG] == costs[NETWORK, CG]


def test_a_run_that_diverged_counts_as_guessing_and_so_does_one_above_it():
    result = made_up(wobble=0.0)
    for row in result["rows"]:
        if row["kind"] == "training" and (row["arm"], row["batch_size"]) == (CG, 128):
            row |= {"excess": None, "diverged": True} if row["seed"] else {"excess": 50.0}
    assert c7.ends(result)[NETWORK, CG, 128] == [2.3] * 4
    assert c7.noise_costs(result)[NETWORK, CG].over_all.estimate == pytest.approx(2.3 / SECOND[N])
    assert verdicts(EXPERIMENT, result) == {"C7": "holds"}


def test_runs_are_paired_by_seed():
    result = made_up(wobble=0.5)
    costs = c7.noise_costs(result)
    by_seed = sorted(result["rows"], key=lambda row: -row["seed"])  # in the other order
    assert c7.noise_costs(result | {"rows": by_seed}) == costs


def test_a_rate_with_a_run_that_diverged_is_not_chosen():
    rows = [
        training_row("tuning", NETWORK, "SGD", 16, 1000, 1e-9, learning_rate=9.0),
        training_row("tuning", NETWORK, "SGD", 16, 1001, None, learning_rate=9.0, diverged=True),
        training_row("tuning", NETWORK, "SGD", 16, 1000, 1e-2),
        training_row("tuning", NETWORK, "SGD", 16, 1001, 1e-4),
    ]
    assert chosen_rates({"rows": rows}).values.tolist() == [[NETWORK, "SGD", 16, 0.1, pytest.approx(1e-3)]]
    assert chosen_rates({"rows": rows[:2]}).values.tolist() == [[NETWORK, "SGD", 16, 9.0, math.inf]]


def test_a_small_real_run(result, tmp_path):
    assert result["claims"]["C7"]["verdict"] == "conditional"
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)
