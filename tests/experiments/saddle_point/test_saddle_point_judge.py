"""C5a: a verdict that each of its parts can turn."""

import itertools

import pytest
from rooms import assert_judged_alike_from_disk, judged, verdicts

from experiments.lab.verdicts import ANSWERS
from experiments.saddle_point.judge import leaving, updates_over_prediction
from experiments.saddle_point.measure import PUSHES
from experiments.saddle_point.question import EXPERIMENT
from experiments.saddle_point.theory import (
    BATCH,
    EPOCH,
    PUSH,
    RADIUS,
    RANDOM,
    ROUNDING,
    SPLITS,
    STEPS,
    updates_to_leave,
)


def made_up(slope=1.0, large=0.05, small=-0.05, seeds=4, size=1, **leave):
    """Rows of seeds. `leave` tells which share of an arm's runs leaves; `slope`, updates over those predicted."""
    share = {"rounding": 0.5, "slow_rounding": 0.0, "push": 1.0, "batch": 1.0, "even": 0.0, "random": 1.0} | leave
    rows = []
    for seed, split, step in itertools.product(range(seeds), SPLITS, STEPS[:2]):
        rows.append({"kind": "saddle", "seed": seed, "split": split, "gradient_norm": 1e-16, "loss": 0.3})
        growth = 1 + 0.05 * step
        runs = [(PUSH, push, share["push"]) for push in PUSHES]
        runs += [(RANDOM, 1e-7, share["random"])] * 4
        runs += [(ROUNDING, 1e-16, share["rounding" if step == 1 else "slow_rounding"])] * 4
        runs += [(arm, 1e-3, share["batch" if split == "uneven" else "even"]) for arm in (BATCH, EPOCH) * 4]
        for number, (arm, push, part) in enumerate(runs):
            left = number % 4 < 4 * part
            updates = round(slope * updates_to_leave(push, growth)) if left else None
            row = {"kind": "leaving", "seed": seed, "split": split, "step": step, "arm": arm, "push": push}
            row |= {"growth": growth, "updates": updates, "rests": not left, "apart": 0.0, "batch_size": size}
            rows.append(row)
    for seed, step in itertools.product(range(seeds), STEPS):
        above = {STEPS[0]: large, STEPS[-1]: small}.get(step, 0.0) + 0.001 * seed
        rows += [
            {"kind": "settling", "seed": seed, "step": step, "batch_size": size, "N": 300, "above_saddle": above},
            {"kind": "settling", "seed": seed, "step": step, "batch_size": 300, "N": 300, "above_saddle": -1.0},
        ]
    return {"rows": rows}


FOR = {"rounding": 0.0, "push": 0.0, "even": 1.0}
AGAINST = {"rounding": 1.0, "slow_rounding": 1.0, "batch": 0.0, "large": -0.04}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (made_up(), "conditional"),
        (made_up(**FOR), "holds"),
        (made_up(**FOR, size=256), "holds"),
        (made_up(**AGAINST), "does not hold"),
        (made_up(**AGAINST, seeds=1), "undecided"),  # four runs that all leave are not enough
        (made_up(**FOR | {"even": 0.0}), "conditional"),
        (made_up(**FOR | {"rounding": 1.0}), "conditional"),
        (made_up(**FOR | {"slow_rounding": 1.0}), "conditional"),
        (made_up(**FOR | {"push": 1.0}), "conditional"),
        (made_up(**FOR | {"batch": 0.0}), "conditional"),
        (made_up(**FOR, small=0.04), "conditional"),
        (made_up(**FOR, large=-0.04), "conditional"),
        (made_up(**FOR, large=-0.001), "undecided"),
        (made_up(**FOR | {"rounding": 0.5}), "undecided"),
        (made_up(**FOR | {"batch": 0.5}), "undecided"),
        (made_up(slope=1.2), "undecided"),  # what leaves like that is no saddle
        (made_up(slope=0.8), "undecided"),
        (made_up(slope=1.03), "conditional"),
        ({"rows": []}, "undecided"),
        ({"rows": [{"kind": "no saddle", "seed": 0}]}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(result, expected):
    assert verdicts(EXPERIMENT, result) == {"C5a": expected}


@pytest.mark.parametrize(
    ("saddles", "seeds", "takes"), [(2, 2, "at least 3 seeds (--seeds 3)"), (2, 5, "at least 3 seeds with a saddle")]
)
def test_runs_from_two_saddles_decide_nothing_however_many_they_are(saddles, seeds, takes):
    claim = judged(EXPERIMENT, made_up(seeds=saddles) | {"settings": {"seeds": seeds}})["C5a"]
    assert claim["verdict"] == "undecided"
    assert takes in claim["because"]
    assert {each["answer"] for each in claim["evidence"]["questions"]} == {"open"}


def asked(result):
    return judged(EXPERIMENT, result)["C5a"]["evidence"]["questions"]


@pytest.mark.parametrize(
    ("change", "part", "outcome"),
    [
        ({}, "part 1, all data on the saddle, at a large rate, η₁: runs that leave", None),
        ({"rounding": 0.0}, "part 1, all data on the saddle, at a large rate, η₁: runs that leave", True),
        ({"rounding": 1.0}, "part 1, all data on the saddle, at a large rate, η₁: runs that leave", False),
        ({}, "part 1, all data on the saddle, at a rate of η₁/4: runs that leave", True),
        ({"slow_rounding": 1.0}, "part 1, all data on the saddle, at a rate of η₁/4: runs that leave", False),
        ({}, "part 2, all data beside the saddle: runs that leave", False),
        ({"push": 0.0}, "part 2, all data beside the saddle: runs that leave", True),
        ({}, "part 3, batches, the two copies differ: runs that leave", True),
        ({"batch": 0.0}, "part 3, batches, the two copies differ: runs that leave", False),
        ({}, "part 4, batches, the two copies are the same: runs that leave", False),
        ({"even": 1.0}, "part 4, batches, the two copies are the same: runs that leave", True),
        ({"random": 0.0}, "part 4, batches, the two copies are the same: runs that leave", None),  # the control failed
        ({}, "part 5, loss where batches settle, less the saddle's", True),
        ({"large": -0.01}, "part 5, loss where batches settle, less the saddle's", False),
        ({"small": 0.01}, "part 5, loss where batches settle, less the saddle's", False),
        ({"small": -0.001}, "part 5, loss where batches settle, less the saddle's", None),
        ({"seeds": 1}, "part 5, loss where batches settle, less the saddle's", None),
    ],
)
def test_each_part_can_come_out_either_way(change, part, outcome):
    answers = {each["question"]: each["answer"] for each in asked(made_up(**change))}
    assert answers[part] == ANSWERS[outcome]


def test_the_reason_is_made_of_the_evidence():
    claim = judged(EXPERIMENT, made_up(slope=1.04, rounding=0.25, large=0.123))["C5a"]
    evidence = claim["evidence"]
    assert evidence["slope over prediction"]["estimate"] == pytest.approx(1.04, abs=0.001)
    assert evidence["all data leave, at η₁"]["estimate"] == 0.25
    assert evidence["settles above the saddle, at η₁"]["estimate"] == pytest.approx(0.1245)
    assert evidence["updates of batches at η₁/4 over η₁"]["estimate"] == pytest.approx(4, rel=0.05)
    assert evidence["smallest batch"] == 1
    assert evidence["of runs that stay on an uneven saddle rest"] == {"rest": 28, "stay": 28}
    texts = " ".join(question["text"] for question in evidence["questions"])
    for fragment in ("25 % (", "+0.124 (", "1.040 ("):
        assert fragment in texts
    assert "batch 1 ends above its loss at a large rate, below at a small one" in claim["because"]


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (made_up(even=1.0, rounding=1.0, slope=0.8), "0.8"),  # the longest
        (made_up(push=0.0), "pushed 0 %"),  # who never leaves has no slope
        (
            {"rows": [row for row in made_up()["rows"] if row.get("arm") not in (BATCH, EPOCH)]},
            "pushed 100 %; batch 1 ends",
        ),
    ],
)
def test_the_reason_says_what_was_measured_and_no_more(result, told):
    because = judged(EXPERIMENT, result)["C5a"]["because"]
    assert told in because
    assert "nan" not in because
    assert "–" not in because
    assert len(because) <= 160


def test_what_starts_near_the_end_says_nothing_of_the_prediction():
    result = made_up()
    ratio = updates_over_prediction(leaving(result), BATCH)
    late = {"seed": 0, "split": "uneven", "arm": BATCH, "push": RADIUS / 3, "growth": 1.05, "updates": 5000}
    result["rows"] += [{"kind": "leaving", **late}]
    assert updates_over_prediction(leaving(result), BATCH) == ratio
    result["rows"] += [{"kind": "leaving", **late, "push": RADIUS / 30}]
    assert updates_over_prediction(leaving(result), BATCH).estimate > ratio.estimate


def test_losses_that_are_no_numbers_do_not_count():
    result = made_up()
    for row in result["rows"]:
        if row["kind"] == "settling" and row["seed"] == 0:
            row["above_saddle"] = None  # what JSON makes of a run that diverged
    large = judged(EXPERIMENT, result)["C5a"]["evidence"]["settles above the saddle, at η₁"]
    assert large["estimate"] == pytest.approx(0.052)


def test_a_small_real_run(result, tmp_path):
    claim = result["claims"]["C5a"]
    assert claim["verdict"] == "conditional", claim["because"]
    answers = {each["question"]: each["answer"] for each in claim["evidence"]["questions"]}
    assert answers["part 2, all data beside the saddle: runs that leave"] == "no"
    assert answers["part 3, batches, the two copies differ: runs that leave"] == "yes"
    assert answers["part 4, batches, the two copies are the same: runs that leave"] == "no"
    assert claim["evidence"]["slope over prediction"]["estimate"] == pytest.approx(1, abs=0.02)
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)
