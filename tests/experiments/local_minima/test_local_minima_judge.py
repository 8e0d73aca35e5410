"""C5b: rows can turn its verdict, and the words are made of the evidence."""

import math

import pytest
import scipy.stats
from local_minima_rows import CAUGHT, FREE, end
from rooms import assert_judged_alike_from_disk, judged, verdicts

from experiments.lab.statistics import Interval
from experiments.local_minima import judge as c5b
from experiments.local_minima.judge import fewer_or_more
from experiments.local_minima.measure import ALONE, BEST, PROBLEMS, SAME, WIDE
from experiments.local_minima.question import EXPERIMENT


def made_up(full=0, small=0, starts=60, sizes=(1, 16), arm=BEST, **change):
    """On each problem the first `full` starts are trapped with full batch, the last `small` with each smaller size.

    `change`: other counts, by the name of a problem ("XOR") or of a batch size ("batch_1").
    """
    rows = []
    for problem in PROBLEMS:
        for start in range(starts):
            rows += [end(problem, ALONE, None, start, FREE), end(problem, WIDE, None, start, 0.001)]
            n_full = change.get(problem, full)
            rows.append(end(problem, arm, 200, start, CAUGHT if start < n_full else FREE))
            for size in sizes:
                n_small = change.get(f"batch_{size}", small)
                rows.append(end(problem, arm, size, start, CAUGHT if start >= starts - n_small else FREE))
    return {"rows": rows, "settings": {"dataset": "digits"}}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (made_up(full=30), "holds"),
        (made_up(full=8), "holds"),  # p = 2/2⁸, just below 0.05/6
        (made_up(full=7), "undecided"),
        (made_up(), "does not hold"),
        (made_up(small=30), "does not hold"),
        (made_up(full=30, small=30), "undecided"),  # all starts end differently: the difference is anyone's guess
        (made_up(full=60, small=60), "does not hold"),  # all are trapped with all sizes
        (made_up(full=30, XOR=0), "conditional"),
        (made_up(full=30, batch_16=60), "conditional"),
        (made_up(full=30, **{"two spirals": 7}), "undecided"),
        (made_up(XOR=30), "conditional"),
        (made_up(starts=12), "undecided"),  # none is trapped, but 12 starts cannot exclude 20 of 100
        (made_up(full=30, sizes=()), "undecided"),
        (made_up(full=30, arm=SAME), "undecided"),  # the best rates decide
        ({"rows": []}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(result, expected):
    assert verdicts(EXPERIMENT, result) == {"C5b": expected}


@pytest.mark.parametrize(
    ("starts", "change", "verdict", "takes"),
    [
        (2, {"small": 2}, "undecided", "at least 8 seeds (--seeds 8) to hold"),
        (5, {"full": 5}, "undecided", "at least 8 seeds (--seeds 8) to hold"),
        (5, {"small": 5}, "does not hold", ""),  # to refute it takes fewer
        (8, {"full": 8}, "holds", ""),
    ],
)
def test_too_few_starts_decide_nothing(starts, change, verdict, takes):
    result = made_up(starts=starts, **change)
    claim = judged(EXPERIMENT, result | {"settings": result["settings"] | {"seeds": starts}})["C5b"]
    assert claim["verdict"] == verdict
    assert takes in claim["because"]


def test_the_questions_are_made_of_the_rows():
    evidence = judged(EXPERIMENT, made_up(full=30, small=12))["C5b"]["evidence"]
    found = evidence["full_batch_against"]["XOR, batch 1"]
    assert (found["both"], found["full_only"], found["small_only"], found["neither"]) == (0, 30, 12, 18)
    assert found["p"] == pytest.approx(2 * scipy.stats.binom.cdf(12, 42, 0.5))
    question = evidence["questions"][0]
    assert question["question"] == f"{c5b.TRAPPED}, XOR, batch 1"
    assert question["estimate"] == pytest.approx(0.3)
    assert question["answer"] == "yes"
    assert question["asked"] == "McNemar's p < 0.0083; no if all of the interval is below 20 %"
    assert "XOR, batch 1: +30.0 % (" in question["text"]
    assert len(evidence["questions"]) == 6  # which share the 5 % of chance
    least = evidence["starts_to_be_for"]
    assert 2 * 0.5**least <= 0.05 / 6 < 2 * 0.5 ** (least - 1)
    bound = pytest.approx(0.05 + 0.1 * (math.log(2) - 0.05))
    assert evidence["trapped_above"]["XOR"] == {"best": 0.05, "bound": bound}
    assert evidence["base_rate"]["two spirals"]["estimate"] == 0
    assert evidence["base_rate_wide"]["two spirals"]["estimate"] == 0
    assert evidence["sharpness"]["digits, best rate, batch 16"] == {"lambda": 3.0, "two_over_eta": 4.0}


def test_the_reason_is_made_of_the_evidence():
    because = judged(EXPERIMENT, made_up(full=30, small=12, XOR=0))["C5b"]["because"]
    assert because == (
        "in % of the starts, full batch traps 20 fewer to 30 more than a smaller batch; "
        "descent alone traps 0, with 4 times the units 0"
    )
    assert judged(EXPERIMENT, made_up(sizes=()))["C5b"]["because"] == "no smaller batch was compared"


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ([-0.45, 0.0, -0.025], "0 to 45 fewer"),
        ([0.0, 0.0], "0 more"),
        ([0.1, 0.3], "10 to 30 more"),
        ([-0.2, -0.2], "20 fewer"),
        ([-0.2, 0.3], "20 fewer to 30 more"),
        ([math.nan], "an unknown number more"),
    ],
)
def test_a_difference_is_told_without_a_sign(differences, words):
    assert fewer_or_more(Interval(each, each, each) for each in differences) == words


def test_a_small_real_run(result, tmp_path):
    assert result["claims"]["C5b"]["verdict"] == "undecided"  # two starts
    names = [each["question"] for each in result["claims"]["C5b"]["evidence"]["questions"]]
    assert names == [f"{c5b.TRAPPED}, {each}, batch 8" for each in ("XOR", "two spirals", "digits")]
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)
