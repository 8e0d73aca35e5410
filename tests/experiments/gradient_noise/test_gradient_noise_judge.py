"""C2: rows can turn its verdict, and the words are made of the evidence."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from rooms import assert_judged_alike_from_disk, judged, verdicts

from experiments.gradient_noise.judge import predicted
from experiments.gradient_noise.measure import BY_CLASS, INDEPENDENT, PLACES, WITHOUT_REPLACEMENT
from experiments.gradient_noise.question import EXPERIMENT

SIZES = [1, 4, 16, 64, 256, 1000]


def made_up(slope=-0.5, level=1.0, control=-0.2, wobble=0.002, seeds=4, **change):
    """Rows of seeds whose spread falls as n^slope from level · √tr Σ; `change` turns one way or place."""
    rows = []
    for seed in range(seeds):
        for place in PLACES:
            for sampling in (INDEPENDENT, WITHOUT_REPLACEMENT, BY_CLASS):
                exponent = change.get(sampling.split()[0], change.get(place, slope))
                exponent = control if sampling == BY_CLASS else exponent
                for n in SIZES:
                    row = {"kind": "spread", "seed": seed, "place": place, "sampling": sampling, "batch_size": n}
                    factor = level * n ** (exponent + 0.5 + wobble * (seed - 1.5))
                    spread = predicted(4.0, n, 1000, sampling) * factor
                    rows.append(row | {"N": 1000, "trace": 4.0, "spread": spread})
        rows += [
            {"kind": "run", "seed": seed, "updates": k, "loss": 1.0, "trace": 2.0, "square_norm": 0.1, "noise_scale": s}
            for k, s in ((0, 10.0), (8, 40.0))
        ]
    return {"rows": rows}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (made_up(), "holds"),
        (made_up(slope=-0.51), "holds"),
        (made_up(slope=-0.4), "does not hold"),
        (made_up(slope=-0.6, level=1.2), "does not hold"),
        (made_up(level=1.2), "conditional"),
        (made_up(without=-0.4), "conditional"),
        (made_up(independent=-0.6), "conditional"),
        (made_up(end=-0.4), "conditional"),
        (made_up(control=-0.5), "undecided"),  # the control did not fail
        (made_up(wobble=0.05), "undecided"),
        (made_up(seeds=1), "undecided"),
        ({"rows": []}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(result, expected):
    assert verdicts(EXPERIMENT, result) == {"C2": expected}


def test_without_a_slope_the_sentence_says_so():
    assert judged(EXPERIMENT, {"rows": []})["C2"]["because"].endswith("so there is no slope")


def test_two_seeds_decide_nothing():
    claim = judged(EXPERIMENT, made_up(seeds=2, wobble=0) | {"settings": {"seeds": 2}})["C2"]
    assert claim["verdict"] == "undecided"
    assert "at least 3 seeds (--seeds 3)" in claim["because"]


def test_the_reason_is_made_of_the_evidence():
    claim = judged(EXPERIMENT, made_up(end=-0.43))["C2"]
    slope = next(each for each in claim["evidence"]["questions"] if each["question"] == "slope, independent, end")
    assert slope["estimate"] == pytest.approx(-0.43)
    assert slope["answer"] == "no"
    assert "−0.430 at start, middle and end" in claim["because"]
    assert claim["evidence"]["noise_scale_end_over_start"]["estimate"] == pytest.approx(4)


def test_the_prediction_is_the_exact_spread_of_a_small_population():
    """All 20 batches of 3 out of 6, and all 216 ordered draws with replacement, written out."""
    values = np.array([1.0, -2.0, 4.0, 0.5, 3.0, -1.0])
    for sampling, batches in (
        (INDEPENDENT, product(values, repeat=3)),
        (WITHOUT_REPLACEMENT, combinations(values, 3)),
    ):
        exact = math.sqrt(np.mean([(np.mean(batch) - values.mean()) ** 2 for batch in batches]))
        assert predicted(values.var(), 3, 6, sampling) == pytest.approx(exact)


def test_a_small_real_run(result, tmp_path):
    questions = {each["question"]: each for each in result["claims"]["C2"]["evidence"]["questions"]}
    assert questions["slope, independent, start"]["estimate"] == pytest.approx(-0.5, abs=0.05)
    assert questions["slope, ordered by class, start"]["low"] > -0.48
    assert questions["slope, ordered by class, start"]["control"]
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)
