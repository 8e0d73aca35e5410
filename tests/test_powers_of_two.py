"""Powers of two: effects put into made-up times are found, none is called none, and noise leaves it open."""

import json
import math
from dataclasses import replace

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.stats
import threadpoolctl
from strategies import SMALLER, status_of

from experiments import powers_of_two
from experiments.lab import plots, results
from experiments.lab.trials import Trials

SETTINGS = powers_of_two.Settings(
    dataset="digits", networks=((4,),), device_networks=((3,),), dtypes=("float32",), rounds=1, seeds=2
)
B = np.array(powers_of_two.SIZES)
POWERS, TENS = np.isin(B, [16, 32, 64, 128]), np.isin(B, range(10, 101, 10))
OF_8, OF_16 = B % 8 == 0, B % 16 == 0


def strict_json(path):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def swept(effect=1.0, noise=0.003, repetitions=10, arm="arm", on_gpu=True, a=40.0, b=1.0, seed=0):
    """Repetitions of t = (a + b B) · effect, with noise in every reading."""
    rng = np.random.default_rng(seed)
    t = (a + b * B) * effect * np.exp(rng.normal(0, noise, (repetitions, len(B))))
    return [
        {"kind": "sweep", "on_gpu": on_gpu, "repetition": k, "arm": arm, "batch_sizes": B.tolist(),
         "least": row.tolist(), "median": (1.1 * row).tolist()}
        for k, row in enumerate(t)
    ]  # fmt: skip


def faster(chosen, by):
    """Every size but those chosen takes longer."""
    return np.where(chosen, 1.0, 1.0 + by)


STEP = np.where(B > 30, 1.1, 1.0)


# ---- the verdict, on rows made up ------------------------------------------------------------------------------------


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
    claims = powers_of_two.verdict({"rows": rows})
    assert claims["C6"]["verdict"] == expected, claims["C6"]["because"]
    assert claims["C6-CPU"]["verdict"] == "not measured"
    assert powers_of_two.verdict({"rows": json.loads(json.dumps(rows))}) == claims


def test_a_cpu_finds_for_itself_and_not_for_the_claim():
    rows = swept(faster(POWERS, 0.05), on_gpu=False)
    claims = powers_of_two.verdict({"rows": rows})
    assert (claims["C6"]["verdict"], claims["C6-CPU"]["verdict"]) == ("not measured", "holds")
    claims = powers_of_two.verdict({"rows": rows + swept(arm="a device")})
    assert (claims["C6"]["verdict"], claims["C6-CPU"]["verdict"]) == ("does not hold", "holds")
    assert set(claims["C6"]["evidence"]) == {"a device"}


@pytest.mark.parametrize(
    ("rows", "equivalent"),
    [(swept(), True), (swept(faster(POWERS, 0.01)), True), (swept(faster(~POWERS, 0.05)), False),
     (swept(noise=0.1), False), (swept(repetitions=1), False)],
)  # fmt: skip
def test_sizes_are_equivalent_only_where_the_whole_interval_is_small(rows, equivalent):
    claim = powers_of_two.verdict({"rows": rows})["C6"]
    assert claim["evidence"]["arm"]["equivalent"] is equivalent
    assert ("equivalent" in claim["because"]) is equivalent


def test_two_yardsticks_that_differ_decide_nothing(monkeypatch):
    monkeypatch.setattr(powers_of_two, "beside", lambda B, log_t: np.linspace(0.099, 0.101, len(log_t)))
    assert powers_of_two.verdict({"rows": swept(faster(POWERS, 0.05))})["C6"]["verdict"] == "undecided"
    monkeypatch.setattr(powers_of_two, "beside", lambda B, log_t: np.linspace(-0.101, -0.099, len(log_t)))
    assert powers_of_two.verdict({"rows": swept(faster(POWERS, 0.05))})["C6"]["verdict"] == "holds"
    claim = powers_of_two.verdict({"rows": swept()})["C6"]
    assert claim["verdict"] == "undecided"
    assert claim["evidence"]["arm"]["equivalent"] is False


def test_the_interval_errs_as_seldom_as_it_says():
    """Without an effect, 90 % intervals miss 1 in about one of ten experiments; this is what two 5 % tests are."""
    misses = 0
    for seed in range(200):
        found = powers_of_two.find(swept(noise=0.02, repetitions=6, seed=seed))["powers over tens, by the curve"]
        misses += not found.low <= 1 <= found.high
    assert misses <= scipy.stats.binom.ppf(0.9999, 200, 0.1)
    assert misses >= scipy.stats.binom.ppf(0.0001, 200, 0.1)


# ---- what a sweep says, against loops written out --------------------------------------------------------------------


def log_times(rows):
    return np.log([row["least"] for row in rows])


def test_residuals_are_those_of_a_cubic_without_the_powers():
    log_t = log_times(swept(faster(POWERS, 0.05), noise=0.05))
    r = powers_of_two.residuals(B, log_t)
    for mine, row in zip(r, log_t):
        curve = np.polyfit(np.log(B[~POWERS]), row[~POWERS], 3)
        assert mine == pytest.approx(row - np.polyval(curve, np.log(B)), abs=1e-9)
    difference = r[:, POWERS].mean(axis=1) - r[:, TENS].mean(axis=1)
    assert powers_of_two.by_the_curve(B, log_t) == pytest.approx(difference)


@pytest.mark.parametrize("a_over_b", [0, 0.1, 1, 10, 100, 1000, 1e6])
def test_a_line_leaves_no_more_than_a_thousandth(a_over_b):
    """What the docstring says of the two yardsticks."""
    log_t = np.log([a_over_b + B])
    assert abs(powers_of_two.by_the_curve(B, log_t)) < 1e-3
    assert powers_of_two.beside(B, log_t) == pytest.approx(0, abs=1e-12)


def test_a_power_is_compared_with_the_line_between_the_tens_beside_it():
    log_t = log_times(swept(noise=0.05))
    for found, row in zip(powers_of_two.beside(B, log_t), log_t):
        t = dict(zip(B.tolist(), np.exp(row)))
        lines = {
            16: 0.4 * t[10] + 0.6 * t[20], 32: 0.8 * t[30] + 0.2 * t[40], 64: 0.6 * t[60] + 0.4 * t[70],
            128: 0.2 * t[120] + 0.8 * t[130],
        }  # fmt: skip
        assert found == pytest.approx(np.mean([math.log(t[n] / line) for n, line in lines.items()]))


def test_a_power_is_compared_with_its_neighbours():
    log_t = log_times(swept(noise=0.05))
    for found, row in zip(powers_of_two.against_neighbours(B, log_t), log_t):
        t = dict(zip(B.tolist(), row))
        assert found == pytest.approx(np.mean([t[n] - (t[n - 1] + t[n + 1]) / 2 for n in (16, 32, 64, 128)]))


@pytest.mark.parametrize(
    ("chosen", "name"), [(OF_8, "multiples of 8"), (OF_16, "multiples of 16"), (POWERS, "powers of two")]
)
def test_the_share_is_that_of_the_class_that_is_faster(chosen, name):
    found = powers_of_two.find(swept(faster(chosen, 0.05), noise=0.002))
    shares = found["shares"]
    assert max(shares, key=shares.get) == name
    assert shares[name] > 0.6
    assert 0.9 < sum(shares.values()) < 1.001  # the rest is the curve, which the effect bends a little
    ratios = [found[f"{each} over {rest}"] for each, rest in powers_of_two.CLASSES.items()]
    effect, *within = ratios[list(powers_of_two.CLASSES).index(name) :]
    assert 1 / 1.06 < effect.estimate < 1 / 1.04
    for ratio in within:  # a class that is part of the faster one is no faster than the rest of it
        assert abs(ratio.estimate - 1) < 0.01


def test_noise_has_no_shares():
    assert set(powers_of_two.find(swept(noise=0.01, b=0))["shares"].values()) == {None}
    assert set(powers_of_two.find(swept(repetitions=1))["shares"].values()) == {None}


def test_the_sizes_are_those_of_the_question():
    sizes = set(powers_of_two.SIZES)
    assert {n + step for n in (16, 32, 64, 128) for step in (-1, 0, 1)} <= sizes
    assert set(range(10, 101, 10)) | {96, 120, 160} <= sizes
    counts = np.bincount(powers_of_two.class_of(B))
    assert counts[3] == 4
    assert counts.min() >= 4
    assert dict(zip(B.tolist(), powers_of_two.class_of(B).tolist()))[64] == 3
    assert [powers_of_two.class_of(np.array([n]))[0] for n in (96, 120, 100)] == [2, 1, 0]


def test_a_repetition_keeps_the_least_and_the_median(digits, monkeypatch):
    asked, limits = {}, set()

    def interleaved(works, backend, rounds, rng):
        asked.update(works)
        limits.update(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        return {size: [3.0 * size, 1.0 * size, 2.0 * size] for size in works}

    monkeypatch.setattr(powers_of_two.timing, "interleaved", interleaved)
    [row] = powers_of_two.sweep_rows(digits, SETTINGS, hidden=[4, 3], dtype="float32", threads=1, repetition=0)
    assert list(asked) == powers_of_two.SIZES == row["batch_sizes"]
    assert [asked[size]() for size in (10, 160)] == [10, 160]
    assert limits == {1}
    assert row["least"] == [1.0 * size for size in B]
    assert row["median"] == [2.0 * size for size in B]
    assert row["arm"] == "4-3 hidden units, float32, numpy, 1 thread"
    assert row["on_gpu"] is False


# ---- a small real run ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(digits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(powers_of_two.timing, "backends_here", lambda _: ["numpy"])
        return powers_of_two.run(Trials(digits), SETTINGS)


def test_a_run_is_judged_the_same_when_read_back(result, tmp_path):
    assert [row["repetition"] for row in result["rows"]] == [0, 1]
    assert {row["kind"] for row in result["rows"]} == {"sweep"}
    assert all(0 < least <= median for row in result["rows"] for least, median in zip(row["least"], row["median"]))
    assert result["claims"]["C6"]["verdict"] == "not measured"
    read = strict_json(results.write_json(tmp_path / "result.json", result))
    assert powers_of_two.verdict(read) == result["claims"]
    assert powers_of_two.tables(read) == powers_of_two.tables(result)


def assert_drawn(folder):
    for name in ("sizes", "ratios"):
        image = matplotlib.image.imread(folder / f"{name}.png")
        assert image.shape[0] >= 300 * SMALLER
        assert image.shape[1] >= 700 * SMALLER
        packed = np.round(image[..., :3] * 255).astype(int) @ [65536, 256, 1]
        assert len(np.unique(packed)) > 50, name
        assert b"<!--" in (folder / f"{name}.svg").read_bytes()


def test_tables_and_figures(result, tmp_path):
    text = powers_of_two.tables(result)
    assert text.count("4 hidden units, float32, numpy, 1 thread") == 2
    assert "nan" not in text
    paths = powers_of_two.plot(result, tmp_path)
    assert [path.name for path in paths] == ["sizes.png", "sizes.svg", "ratios.png", "ratios.svg"]
    assert_drawn(tmp_path)


def test_one_repetition_is_drawn_without_intervals_and_three_arms_in_three_panels(result, tmp_path):
    one = result | {"rows": swept(repetitions=1, on_gpu=False)}
    assert "–" in powers_of_two.tables(one)
    for fig in (powers_of_two.draw_sizes(one), powers_of_two.draw_ratios(one)):
        plots.save(fig, tmp_path, "one")
    many = result | {"rows": [row for k in range(3) for row in swept(arm=f"arm {k}", repetitions=3)]}
    fig = powers_of_two.draw_sizes(many)
    assert [axis.get_title(loc="left") for axis in fig.axes if axis.get_visible()] == ["arm 0", "arm 1", "arm 2"]
    plt.close(fig)


# ---- the command line, a device --------------------------------------------------------------------------------------


@pytest.mark.parametrize("argv", [(), ("--seeds", "1"), ("--dtype", "float32", "--activation", "relu", "--quiet")])
def test_odd_arguments(argv, tmp_path, capsys, monkeypatch, digits):
    monkeypatch.setattr("minigrad.load_digits", lambda: digits)
    monkeypatch.setattr(powers_of_two.timing, "backends_here", lambda _: ["numpy"])
    quick = {"seeds": 2, "rounds": 1, "networks": ((2,),), "dtypes": ("float64",)}
    monkeypatch.setitem(powers_of_two.EFFORTS, "quick", quick)
    monkeypatch.setattr(powers_of_two, "plot", lambda *_: [])
    assert status_of(powers_of_two, ["--quick", "--out", tmp_path, *argv]) == 0
    out, err = capsys.readouterr()
    assert "C6 not measured" in out
    assert err == ""
    strict_json(tmp_path / "powers_of_two" / "result.json")


def test_on_a_device(device, tiny):
    """24 rows are repeated up to 160."""
    result = powers_of_two.run(Trials(tiny(3)), replace(SETTINGS, backend=device))
    places = {row["arm"].split(", ", 2)[2]: row["on_gpu"] for row in result["rows"]}
    assert places["numpy, 1 thread"] is False
    if device.blas is None:
        assert places[device.name] is True
        assert result["claims"]["C6"]["verdict"] != "not measured"
    assert powers_of_two.tables(result)
