"""C6: effects put into made-up times are found, none is called none, and noise leaves it open."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from powers_of_two_rows import B, swept
from rooms import assert_judged_alike_from_disk, judged

from experiments.lab import results
from experiments.powers_of_two import judge as c6
from experiments.powers_of_two.question import EXPERIMENT

POWERS, TENS = np.isin(B, [16, 32, 64, 128]), np.isin(B, range(10, 101, 10))
OF_8, OF_16 = B % 8 == 0, B % 16 == 0


def faster(chosen, by):
    """Every size but those chosen takes longer."""
    return np.where(chosen, 1.0, 1.0 + by)


STEP = np.where(B > 30, 1.1, 1.0)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (swept(faster(POWERS, 0.05)), "holds"),
        (swept(faster(POWERS, 0.05), a=0), "holds"),
        (swept(faster(POWERS, 0.05), b=0), "holds"),
        (swept(), "does not hold"),
        (swept(a=0), "does not hold"),
        (swept(b=0), "does not hold"),
        (swept(a=1000), "does not hold"),
        (swept(faster(POWERS, 0.01)), "does not hold"),  # less than the margin
        (swept(faster(~POWERS, 0.05)), "does not hold"),  # they are slower
        (swept(faster(POWERS, 0.02)), "undecided"),  # at the margin
        (swept(noise=0.1), "undecided"),
        (swept(faster(POWERS, 0.05), noise=0.2), "undecided"),
        (swept(faster(POWERS, 0.05), repetitions=1), "undecided"),
        (swept(repetitions=1), "undecided"),
        (swept(STEP), "does not hold"),  # a step in t(B) is no power of two
        (swept(faster(OF_8, 0.05)), "holds"),  # but not because they are powers: see the shares
        (swept(faster(POWERS, 0.05)) + swept(arm="another"), "conditional"),
        (swept(faster(POWERS, 0.05)) + swept(arm="another", noise=0.1), "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(rows, expected):
    claims = judged(EXPERIMENT, {"rows": rows})
    assert claims["C6"]["verdict"] == expected, claims["C6"]["because"]
    assert claims["C6-CPU"]["verdict"] == "not measured"
    assert judged(EXPERIMENT, {"rows": json.loads(json.dumps(rows))}) == claims


def test_two_repetitions_decide_nothing():
    claim = judged(EXPERIMENT, {"rows": swept(repetitions=2, noise=1e-6), "settings": {"seeds": 2}})["C6"]
    assert claim["verdict"] == "undecided"
    assert "at least 3 seeds (--seeds 3)" in claim["because"]


def test_a_cpu_finds_for_itself_and_not_for_the_claim():
    rows = swept(faster(POWERS, 0.05), on_gpu=False)
    claims = judged(EXPERIMENT, {"rows": rows})
    assert (claims["C6"]["verdict"], claims["C6-CPU"]["verdict"]) == ("not measured", "holds")
    claims = judged(EXPERIMENT, {"rows": rows + swept(arm="a device")})
    assert (claims["C6"]["verdict"], claims["C6-CPU"]["verdict"]) == ("does not hold", "holds")
    assert set(claims["C6"]["evidence"]) == {"questions", "a device"}


@pytest.mark.parametrize(
    ("rows", "equivalent"),
    [
        (swept(), True),
        (swept(faster(POWERS, 0.01)), True),
        (swept(faster(~POWERS, 0.05)), False),
        (swept(noise=0.1), False),
        (swept(repetitions=1), False),
    ],
)
def test_sizes_are_equivalent_only_where_the_whole_interval_is_small(rows, equivalent):
    claim = judged(EXPERIMENT, {"rows": rows})["C6"]
    assert claim["evidence"]["arm"]["equivalent"] is equivalent
    assert ("within ±2 %" in claim["evidence"]["questions"][0]["text"]) is equivalent


def test_two_yardsticks_that_differ_decide_nothing(monkeypatch):
    monkeypatch.setattr(c6, "beside", lambda B, log_t: np.linspace(0.099, 0.101, len(log_t)))
    assert judged(EXPERIMENT, {"rows": swept(faster(POWERS, 0.05))})["C6"]["verdict"] == "undecided"
    monkeypatch.setattr(c6, "beside", lambda B, log_t: np.linspace(-0.101, -0.099, len(log_t)))
    assert judged(EXPERIMENT, {"rows": swept(faster(POWERS, 0.05))})["C6"]["verdict"] == "holds"
    claim = judged(EXPERIMENT, {"rows": swept()})["C6"]
    assert claim["verdict"] == "undecided"
    assert claim["evidence"]["arm"]["equivalent"] is False


def test_the_interval_errs_as_seldom_as_it_says():
    """Without an effect, 90 % intervals miss 1 in about one of ten experiments; this is what two 5 % tests are."""
    misses = 0
    for seed in range(200):
        found = c6.find(frame_of(noise=0.02, repetitions=6, seed=seed))["powers over tens, by the curve"]
        misses += not found.low <= 1 <= found.high
    assert misses <= scipy.stats.binom.ppf(0.9999, 200, 0.1)
    assert misses >= scipy.stats.binom.ppf(0.0001, 200, 0.1)


# ---- what a sweep says, against loops written out --------------------------------------------------------------------


def frame_of(*arguments, **keywords):
    return pd.DataFrame(swept(*arguments, **keywords))


def log_times(rows):
    return np.log([row["least"] for row in rows])


def test_residuals_are_those_of_a_cubic_without_the_powers():
    log_t = log_times(swept(faster(POWERS, 0.05), noise=0.05))
    r = c6.residuals(B, log_t)
    for mine, row in zip(r, log_t):
        curve = np.polyfit(np.log(B[~POWERS]), row[~POWERS], 3)
        assert mine == pytest.approx(row - np.polyval(curve, np.log(B)), abs=1e-9)
    difference = r[:, POWERS].mean(axis=1) - r[:, TENS].mean(axis=1)
    assert c6.by_the_curve(B, log_t) == pytest.approx(difference)


@pytest.mark.parametrize("a_over_b", [0, 0.1, 1, 10, 100, 1000, 1e6])
def test_a_line_leaves_no_more_than_a_thousandth(a_over_b):
    """What the docstring says of the two yardsticks."""
    log_t = np.log([a_over_b + B])
    assert abs(c6.by_the_curve(B, log_t)) < 1e-3
    assert c6.beside(B, log_t) == pytest.approx(0, abs=1e-12)


def test_a_power_is_compared_with_the_line_between_the_tens_beside_it():
    log_t = log_times(swept(noise=0.05))
    for found, row in zip(c6.beside(B, log_t), log_t):
        t = dict(zip(B.tolist(), np.exp(row)))
        lines = {
            16: 0.4 * t[10] + 0.6 * t[20],
            32: 0.8 * t[30] + 0.2 * t[40],
            64: 0.6 * t[60] + 0.4 * t[70],
            128: 0.2 * t[120] + 0.8 * t[130],
        }
        assert found == pytest.approx(np.mean([math.log(t[n] / line) for n, line in lines.items()]))


def test_a_power_is_compared_with_its_neighbours():
    log_t = log_times(swept(noise=0.05))
    for found, row in zip(c6.against_neighbours(B, log_t), log_t):
        t = dict(zip(B.tolist(), row))
        assert found == pytest.approx(np.mean([t[n] - (t[n - 1] + t[n + 1]) / 2 for n in (16, 32, 64, 128)]))


@pytest.mark.parametrize(
    ("chosen", "name"), [(OF_8, "multiples of 8"), (OF_16, "multiples of 16"), (POWERS, "powers of two")]
)
def test_the_share_is_that_of_the_class_that_is_faster(chosen, name):
    found = c6.find(frame_of(faster(chosen, 0.05), noise=0.002))
    shares = found["shares"]
    assert max(shares, key=shares.get) == name
    assert shares[name] > 0.6
    assert 0.9 < sum(shares.values()) < 1.001  # the rest is the curve, which the effect bends a little
    ratios = [found[f"{each} over {rest}"] for each, rest in c6.CLASSES.items()]
    effect, *within = ratios[list(c6.CLASSES).index(name) :]
    assert 1 / 1.06 < effect.estimate < 1 / 1.04
    for ratio in within:  # a class that is part of the faster one is no faster than the rest of it
        assert abs(ratio.estimate - 1) < 0.01


def test_noise_has_no_shares():
    assert set(c6.find(frame_of(noise=0.01, b=0))["shares"].values()) == {None}
    assert set(c6.find(frame_of(repetitions=1))["shares"].values()) == {None}


def test_the_reason_covers_both_yardsticks(monkeypatch):
    monkeypatch.setattr(c6, "beside", lambda B, log_t: np.full(len(log_t), math.log(1.017)))
    claim = judged(EXPERIMENT, {"rows": swept(noise=0.0)})["C6"]
    assert "to +1.7 %" in claim["because"]  # the curve alone finds a tenth at most
    assert claim["evidence"]["arm"]["repetitions"] == 10


def test_a_run_is_judged_the_same_when_read_back(result, tmp_path):
    assert result["claims"]["C6"]["verdict"] == "not measured"
    again = json.loads(results.write_json(tmp_path / "read.json", result).read_text(encoding="utf-8"))
    assert judged(EXPERIMENT, again) == result["claims"]  # the evidence, too
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)
