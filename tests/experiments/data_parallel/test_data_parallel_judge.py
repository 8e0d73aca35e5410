"""The verdicts on C10a and C10b, on rows made up: by a law, and by ones that break it."""

import pytest
from rooms import assert_judged_alike_from_disk, assert_shown, judged, verdicts

from experiments.data_parallel import judge, question
from experiments.lab.critical_batch import without_replacement

ONE = question.EXPERIMENT
N, LOCAL = 1000, 8
SIZES = (1, 8, 16, 32, 64, 128, 256, 512, 1000)


def made(B_c=100.0, ranks=2, gradient=1e-16, apart=1e-14, alike=True, seeds=4, law=None):
    """A result whose updates follow S_min (1 + B_c w(B)), but for a per cent that differs from seed to seed."""
    law = law or (lambda size: 20 * (1 + B_c * without_replacement(size, N)))
    rows = [
        {"kind": "agreement", "split": split, "seed": 0, "ranks": ranks, "gradient": gradient, "noise": gradient}
        for split in ("even", "uneven", "one empty")
    ]
    rows += [
        {"kind": "run", "optimizer": name, "seed": 0, "ranks": ranks, "apart": apart, "alike": alike}
        for name in ("sgd", "momentum", "adam")
    ]
    rows += [
        {
            "kind": "clock",
            "ranks": count,
            "batch_size": size,
            "microseconds": [30 + 0.5 * size / count + 10 * (count > 1)] * 3,
            "message": [10.0 * (count > 1)] * 3,
        }
        for count in range(1, ranks + 1)
        for size in SIZES
    ]
    rows += [
        {"kind": "training", "batch_size": size, "seed": seed, "updates_to_target": law(size) * (1 + 0.01 * seed)}
        for size in SIZES
        for seed in range(seeds)
    ]
    settings = {"rows": N, "local": LOCAL, "seeds": seeds, "dtype": "float64", "batch_sizes": SIZES, "target": 0.1}
    settings |= {"dataset": "made", "features": 3, "classes": 2, "model": "mlp", "hidden": (4,), "activation": "tanh"}
    result = {"experiment": "data_parallel", "rows": rows, "settings": settings | {"backend": "numpy"}}
    return result | {"claims": judged(ONE, result)}


def test_by_the_law_both_hold(tmp_path):
    result = made()
    assert verdicts(ONE, result) == {"C10a": "holds", "C10b": "holds"}
    evidence = result["claims"]["C10b"]["evidence"]
    assert evidence["B_c"]["estimate"] == pytest.approx(100, rel=0.05)
    assert evidence["step"] == pytest.approx({"a": 30, "b": 0.5, "s": 10})
    assert_judged_alike_from_disk(ONE, result, tmp_path)
    assert_shown(ONE, result)


@pytest.mark.parametrize("wrong", [{"gradient": 1e-9}, {"apart": 1e-6}, {"alike": False}])
def test_another_gradient_another_run_or_ranks_that_differ_refute_the_first(wrong):
    assert verdicts(ONE, made(**wrong)) == {"C10a": "does not hold", "C10b": "holds"}


def test_ranks_that_always_pay_refute_the_second():
    always = made(law=lambda size: 20_000 / size)
    assert verdicts(ONE, always) == {"C10a": "holds", "C10b": "does not hold"}


def test_one_rank_measures_the_second_alone_and_two_seeds_do_not_decide_it():
    assert verdicts(ONE, made(ranks=1)) == {"C10a": "not measured", "C10b": "holds"}
    assert verdicts(ONE, made(seeds=2))["C10b"] == "undecided"


@pytest.mark.parametrize("sizes", [(1, 2, 4, 8, N), (1, 2, 3, 4, 8), (8, 16, 32, N)])
def test_with_fewer_than_two_sizes_above_that_of_a_rank_or_five_in_all_nothing_is_asked(sizes):
    result = made()
    result["rows"] = [row for row in result["rows"] if row.get("batch_size", 8) in sizes]
    result["rows"] += [
        row | {"batch_size": size} for row in made()["rows"] if row["kind"] == "training" for size in sizes
    ]
    rows = {(row.get("batch_size"), row.get("seed"), row["kind"], row.get("ranks")): row for row in result["rows"]}
    result["rows"] = list(rows.values())
    claim = judged(ONE, result)["C10b"]
    assert claim["verdict"] == "undecided"
    assert "it takes 5, B_local and two larger ones" in claim["because"]


def test_the_sizes_that_are_asked_about_are_not_in_the_fit():
    at, beyond = judge.sizes_asked(made())
    assert (at, beyond) == (128, 512)
    spoilt = made(law=lambda size: 7 if size in (at, beyond) else 20 * (1 + 100 * without_replacement(size, N)))
    if judge.sizes_asked(spoilt) == (at, beyond):
        assert judge.updates_curve(spoilt).B_c.estimate == pytest.approx(100, rel=0.05)


def test_efficiency_at_the_critical_size_is_about_a_half_and_four_times_beyond_a_fifth():
    result = made()
    assert 0.4 < judge.efficiency(result, 128).estimate < 0.6
    assert 0.15 < judge.efficiency(result, 512).estimate < 0.3


def test_ranks_that_pay_are_where_the_fitted_update_is_shortest():
    result = made()
    fitted = judge.step(result)
    for size, ranks in judge.ranks_that_pay(result).items():
        here = judge.update_on(fitted, int(size), ranks)
        assert ranks == 1 or here <= min(judge.update_on(fitted, int(size), ranks * x) for x in (0.8, 1.25))
