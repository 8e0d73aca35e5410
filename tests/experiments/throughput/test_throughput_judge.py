"""C4: verdicts that rows can turn, on one core and on a GPU."""

import json
import math

import numpy as np
import pytest
import scipy.stats
from rooms import assert_judged_alike_from_disk, judged

from experiments.throughput.judge import compare, lines
from experiments.throughput.measure import MODELS
from experiments.throughput.question import EXPERIMENT

# ---- C4a, on rows made up --------------------------------------------------------------------------------------------


def raced(times, model="logistic", scatter=(0.95, 1.0, 1.05, 1.02), reached=()):
    """Runs of a model, a seed a factor of `scatter`: {(path, batch size): seconds}; `reached` False where so said."""
    rows = []
    for (path, size), seconds in times.items():
        row = {"kind": "race", "model": model, "path": path, "batch_size": size, "learning_rate": 0.1, "updates": 100.0}
        row["reached"] = dict(reached).get((path, size), True)
        for seed, factor in enumerate(scatter):
            took = seconds * (factor if size > 1 else 1 / factor)
            rows += [row | {"seed": seed, "repeat": repeat, "seconds": took * (1 + repeat)} for repeat in range(2)]
    return rows


def both(times, **keywords):
    return [row for model in MODELS for row in raced(times, model, **keywords)]


SLOW = {("batched", 1): 9.0, ("fast", 1): 3.0, ("batched", 16): 1.0, ("batched", 120): 2.0}
FAST = {("batched", 1): 0.3, ("fast", 1): 0.1, ("batched", 16): 1.0, ("batched", 120): 2.0}


def verdict_on_one_core(rows):
    return judged(EXPERIMENT, {"rows": rows})["C4a"]


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
)
def test_the_rows_turn_the_verdict_on_one_core(rows, expected):
    claim = verdict_on_one_core(rows)
    assert claim["verdict"] == expected, claim["because"]
    again = verdict_on_one_core(json.loads(json.dumps(rows)))
    assert repr(again) == repr(claim)  # NaN is not equal to itself


def test_the_ratio_is_that_of_pairs_of_a_seed_and_wide_enough_for_all_sizes():
    scatter = (0.9, 1.0, 1.3, 1.1, 0.8)
    answer, ratios = compare({"rows": raced(SLOW, scatter=scatter)}, "logistic", "fast")
    assert answer is False
    assert list(ratios) == [16, 120]
    logs = np.log([3.0 / factor / factor for factor in scatter])  # the repeats fall out of the ratio
    low, high = scipy.stats.t.interval(1 - 0.05 / 2, len(logs) - 1, logs.mean(), scipy.stats.sem(logs))
    assert ratios[16].estimate == pytest.approx(math.exp(logs.mean()))
    assert (ratios[16].low, ratios[16].high) == (pytest.approx(math.exp(low)), pytest.approx(math.exp(high)))
    assert ratios[120].estimate == pytest.approx(ratios[16].estimate / 2)


def test_the_reason_tells_how_much_longer_than_which_batch():
    claim = verdict_on_one_core(both(SLOW, scatter=(1.0, 1.000001, 0.999999)))
    assert "takes 3 to 9 times as long" in claim["because"]
    texts = [question["text"] for question in claim["evidence"]["questions"]]
    assert len(texts) == 4
    assert "no: logistic regression, batched kernel: time over that of batch 16: 9 (97.5 %: 9 to 9)" in texts[0]
    assert "no: MLP, fast per-sample path: time over that of batch 16: 3 (97.5 %: 3 to 3)" in texts[3]
    assert claim["evidence"]["mlp, fast"]["time over that of batch 120"]["estimate"] == pytest.approx(1.5, rel=1e-3)


# ---- C4b, on rows made up --------------------------------------------------------------------------------------------

B = [2**k for k in range(14)]


def timed(a, b, network="32 hidden units", place="cupy", on_gpu=True, scatter=(0.9, 1.0, 1.1, 1.05), bend=0.0):
    """Blocks of readings of t = a + b B (1 + bend B); the overhead differs from block to block."""
    row = {"kind": "cost", "on_gpu": on_gpu, "threads": 1, "place": place, "network": network, "batch_sizes": B}
    row |= {"fast_path": [7.0, 9.0], "flops_alone": [0.25, 0.25]}
    return [
        row | {"block": block, "microseconds": [[factor * a + b * n * (1 + bend * n)] * 3 for n in B]}
        for block, factor in enumerate(scatter)
    ]


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
    claim = judged(EXPERIMENT, {"rows": rows})["C4b"]
    assert claim["verdict"] == expected, claim["because"]
    assert judged(EXPERIMENT, {"rows": json.loads(json.dumps(rows))})["C4b"] == claim


def test_the_cpu_is_told_beside_the_claim():
    claim = judged(EXPERIMENT, {"rows": ON_CPU})["C4b"]
    assert "no GPU was timed" in claim["because"]
    assert "on the CPU overhead equals work at batches of 40.4 (32 hidden units)" in claim["because"]
    found = claim["evidence"]["CPU"]["numpy, 1 thread, 32 hidden units"]
    assert claim["evidence"]["GPU"] == {}
    assert found["b_microseconds"]["estimate"] == pytest.approx(0.5)
    assert found["a_microseconds"]["estimate"] == pytest.approx(20 * np.mean([0.9, 1.0, 1.1, 1.05]))
    logs = np.log([40 * factor for factor in (0.9, 1.0, 1.1, 1.05)])
    half = scipy.stats.t.ppf(0.975, 3) * scipy.stats.sem(logs)
    assert found["a_over_b"]["high"] == pytest.approx(math.exp(logs.mean() + half), rel=1e-6)
    assert (found["fast_path_microseconds"], found["flops_alone_microseconds"]) == (8.0, 0.25)


def lines_of(rows):
    return lines({"rows": rows})


def test_a_line_says_where_and_how_far_it_misses():
    [line] = lines_of(timed(100, 1, scatter=(1.0,)))
    assert line["evidence"]["line_misses_at_most_by"]["relative"] == pytest.approx(0, abs=1e-9)
    assert line["evidence"]["twice_one_sample_at"] == pytest.approx(102)  # 100 + B = 2 · 101
    [bent] = lines_of(timed(100, 1, scatter=(1.0,), bend=1e-3))
    miss = bent["evidence"]["line_misses_at_most_by"]
    assert miss["batch_size"] == 8192
    t = 100 + 8192 * (1 + 8.192)
    assert miss["relative"] == pytest.approx((bent["a"] + bent["b"] * 8192) / t - 1)
    assert miss["relative"] < -0.3


def test_two_seeds_decide_nothing():
    rows = both(SLOW, scatter=(1.0, 1.0))
    claim = judged(EXPERIMENT, {"rows": rows, "settings": {"seeds": 2}})["C4a"]
    assert claim["verdict"] == "undecided"
    assert "at least 3 seeds (--seeds 3)" in claim["because"]


def test_a_run_is_judged_the_same_when_read_back(result, tmp_path):
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)
