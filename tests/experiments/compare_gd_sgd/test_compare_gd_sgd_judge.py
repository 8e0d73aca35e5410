"""C1: rows can turn its verdict, and the words are made of the evidence."""

import math

import numpy as np
import pytest
from rooms import assert_judged_alike_from_disk, judged, verdicts

from experiments.compare_gd_sgd import measure
from experiments.compare_gd_sgd.judge import IDENTITY_BOUND
from experiments.compare_gd_sgd.question import EXPERIMENT
from minigrad import LogisticRegression


def made_up(slopes, ratios=None, errors=(1e-16, 3e-16)):
    """A result in which an epoch leaves a step as eta^slope, at the smallest rate `ratio` times as far as predicted."""
    rows = [{"kind": "identity", "relative_error": error} for error in errors]
    eta = np.geomspace(1e-3, 1e-1, 7)
    for seed, (slope, ratio) in enumerate(zip(slopes, ratios or [1.0] * len(slopes))):
        distance = ratio * 4 * eta[0] ** 2 * (eta / eta[0]) ** slope
        rows += [
            {"kind": "epoch", "seed": seed, "learning_rate": e, "distance": d, "predicted": 4 * e**2}
            for e, d in zip(eta, distance)
        ]
        rows.append(
            {"kind": "sum", "seed": seed, "learning_rate": 0.1, "sgd_over_mean": 100.0 + seed, "sgd_over_sum": 0.8}
        )
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
    assert verdicts(EXPERIMENT, result) == {"C1": expected}


@pytest.mark.parametrize("errors", [(1e-16, math.nan), (math.nan, 1e-16), (math.nan,), (1e-16, math.inf)])
def test_a_check_without_an_answer_is_no_evidence_for_the_claim(errors):
    assert judged(EXPERIMENT, made_up([2.0, 2.01, 1.99], errors=errors))["C1"]["verdict"] != "holds"


@pytest.mark.parametrize("errors", [(1e-6, math.nan), (math.nan, 1e-6)])
def test_a_check_without_an_answer_hides_no_evidence_against_it(errors):
    assert judged(EXPERIMENT, made_up([2.0, 2.01, 1.99], errors=errors))["C1"]["verdict"] == "does not hold"


def test_two_seeds_leave_the_slope_open_and_refute_by_the_identity_all_the_same():
    two = made_up([2.0, 2.0]) | {"settings": {"seeds": 2}}
    claim = judged(EXPERIMENT, two)["C1"]
    assert claim["verdict"] == "undecided"
    assert [each["answer"] for each in claim["evidence"]["questions"]] == ["yes", "open", "open"]
    assert "at least 3 seeds (--seeds 3)" in claim["because"]
    wrong = made_up([2.0, 2.0], errors=(1e-3,)) | {"settings": {"seeds": 2}}
    assert judged(EXPERIMENT, wrong)["C1"]["verdict"] == "does not hold"


def test_the_reason_is_made_of_the_evidence():
    claim = judged(EXPERIMENT, made_up([1.9, 2.0, 2.4], [1.2, 1.3, 1.7], errors=(2e-14, 7e-14)))["C1"]
    error, slope, ratio = claim["evidence"]["questions"]
    assert (error["estimate"], error["low"], error["high"], error["answer"]) == (7e-14, 7e-14, 7e-14, "yes")
    assert slope["estimate"] == pytest.approx(2.1)
    assert ratio["estimate"] == pytest.approx(1.4)
    # Student's t, 2 degrees of freedom, 0.975: 4.3027
    assert slope["high"] - slope["estimate"] == pytest.approx(4.3027 * np.std([1.9, 2.0, 2.4], ddof=1) / 3**0.5, 1e-4)
    assert ratio["estimate"] - ratio["low"] == pytest.approx(4.3027 * np.std([1.2, 1.3, 1.7], ddof=1) / 3**0.5, 1e-4)
    assert "7e-14" in claim["because"]
    assert "2.100" in claim["because"]
    for number in (f"{slope['low']:.3f}", f"{slope['high']:.3f}"):
        assert number in slope["text"]
    assert f"1.40 ({ratio['low']:.2f}" in ratio["text"]
    sums = claim["evidence"]["sgd_epoch_over_gd_step_at_eta"]["0.1"]
    assert sums["sgd_over_mean"]["estimate"] == pytest.approx(101)
    assert sums["sgd_over_sum"]["estimate"] == pytest.approx(0.8)


@pytest.mark.parametrize("wrong", [1.0, 1 + 1e-9, 120.0])
def test_the_identity_sees_a_gradient_that_is_no_mean(binary, wrong):
    """1.0 is right; 120 is the sum that the article takes."""

    class Wrong(LogisticRegression):
        def gradient(self, X, y, out=None):
            return wrong * super().gradient(X, y, out)

    row = measure.identity_row(Wrong(64), binary.X_train, binary.y_train, 0, "start")
    assert (row["relative_error"] > IDENTITY_BOUND) == (wrong != 1.0)
    rows = [*made_up([2.0, 2.01, 1.99], errors=())["rows"], row]
    assert verdicts(EXPERIMENT, {"rows": rows})["C1"] == ("holds" if wrong == 1.0 else "does not hold")


def test_an_epoch_that_forgets_the_mean_is_caught(binary, settings, monkeypatch):
    right = measure.per_sample.fast_epoch

    def twice_as_far(model, X, y, order, rate):
        right(model, X, y, order, 2 * rate)

    monkeypatch.setattr(measure.per_sample, "fast_epoch", twice_as_far)
    rows = [row for seed in range(3) for row in measure.check_rows(binary, settings, seed)]
    claim = judged(EXPERIMENT, {"rows": rows})["C1"]
    assert claim["verdict"] == "does not hold"
    assert claim["evidence"]["questions"][1]["estimate"] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_on_real_data_the_claim_holds(results_of, model, tmp_path):
    claim = results_of(model)["claims"]["C1"]
    assert claim["verdict"] == "holds", claim["because"]
    assert set(claim) == {"statement", "verdict", "because", "evidence"}
    errors = [row["relative_error"] for row in results_of(model)["rows"] if row["kind"] == "identity"]
    assert max(errors) < 1e-12
    assert_judged_alike_from_disk(EXPERIMENT, results_of(model), tmp_path)
