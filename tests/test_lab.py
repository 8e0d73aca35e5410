"""What the experiments share: statistics against SciPy and by hand, tuning, files whole or not at all, tables."""

import argparse
import itertools
import json
import math
import os
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from types import SimpleNamespace

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import SMALLER, plain_gradient, refused

from experiments.lab import (
    commandline,
    critical_batch,
    curvature,
    plots,
    results,
    sweep,
    table,
    timing,
    training_report,
    tuning,
)
from experiments.lab.directions import Witness, cosine
from experiments.lab.statistics import (
    Interval,
    at_target,
    mean_interval,
    median,
    median_interval,
    paired_difference,
    proportion,
    ratio_interval,
)
from minigrad import MLP, SGD, BackendUnavailable, Dataset, LogisticRegression, get_backend, load_digits, train

numbers = st.floats(-1e6, 1e6)


# ---- statistics ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "counts", "target", "expected"),
    [
        ([4.0, 2.0, 1.0], [0, 10, 20], 3.0, 5.0),
        ([4.0, 2.0, 1.0], [0, 10, 20], 1.5, 15.0),
        ([4.0, 2.0, 1.0], [0, 10, 20], 2.0, 10.0),
        ([4.0, 2.0, 1.0], [0, 10, 20], 1.0, 20.0),
        ([4.0, 2.0, 1.0], [0, 10, 20], 0.5, math.inf),
        ([4.0, 2.0, 1.0], [0, 10, 20], 4.0, 0.0),
        ([4.0, 2.0, 1.0], [7, 10, 20], 5.0, 7.0),
        ([4.0, 1.0, 3.0, 1.0], [0, 1, 2, 3], 2.0, 2 / 3),  # the first time counts, though it rises again
        ([4.0, 5.0, 1.0], [0, 1, 3], 2.0, 2.5),  # it rises before it falls
        ([3.0], [0], 2.0, math.inf),
        ([3.0], [0], 3.0, 0.0),
        ([4.0, math.nan], [0, 1], 3.0, math.inf),
        ([4.0, math.inf], [0, 1], 3.0, math.inf),
        (np.array([4.0, 2.0]), np.array([0, 10]), 3.0, 5.0),
    ],
)
def test_at_target(loss, counts, target, expected):
    assert at_target(loss, counts, target) == pytest.approx(expected, rel=1e-15)


@given(st.lists(st.tuples(st.floats(0.1, 10), st.integers(1, 100)), min_size=1, max_size=20), st.floats(0.1, 10))
def test_at_target_is_where_the_broken_line_first_meets_the_target(steps, target):
    loss, counts = [step[0] for step in steps], np.cumsum([step[1] for step in steps])
    found = at_target(loss, counts, target)
    if min(loss) > target:
        assert found == math.inf
        return
    assert counts[0] <= found <= counts[-1]
    before = counts < found * (1 - 1e-12)
    assert all(value > target for value in np.array(loss)[before])
    if loss[0] > target:
        assert np.interp(found, counts, loss) == pytest.approx(target, rel=1e-6)


@given(st.lists(numbers, min_size=2, max_size=30), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_mean_interval_is_students(values, level):
    interval = mean_interval(values, level)
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert interval.level == level
    assert interval.estimate == pytest.approx(np.mean(values), abs=slack)
    assert interval.low <= interval.estimate <= interval.high
    spread = scipy.stats.sem(values)
    if spread > 0:
        low, high = scipy.stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=spread)
        assert (interval.low, interval.high) == (pytest.approx(low, abs=slack), pytest.approx(high, abs=slack))
    wider = mean_interval(values, 0.999)
    assert wider.low <= interval.low
    assert interval.high <= wider.high


def test_mean_interval_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.normal(3.0, 2.0, (1000, 5))
    hits = sum(interval.low <= 3.0 <= interval.high for interval in map(mean_interval, samples))
    assert abs(hits - 950) < 5 * math.sqrt(1000 * 0.95 * 0.05)


@given(numbers)
def test_mean_interval_of_one_value_is_endless(value):
    assert mean_interval([value]) == Interval(value, -math.inf, math.inf, 0.95)


@pytest.mark.parametrize(
    ("low", "high", "within", "outside"),
    [(1.2, 1.8, True, False), (1.0, 2.0, True, False), (0.9, 1.5, False, False), (1.5, 2.1, False, False),
     (0.0, 3.0, False, False), (0.0, 0.9, False, True), (2.1, 3.0, False, True), (0.0, 1.0, False, False),
     (2.0, 3.0, False, False), (-math.inf, math.inf, False, False), (math.nan, math.nan, False, False)],
)  # fmt: skip
def test_interval_within_and_outside(low, high, within, outside):
    interval = Interval((low + high) / 2, low, high)
    assert (interval.within(1.0, 2.0), interval.outside(1.0, 2.0)) == (within, outside)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0], 3.0), ([5.0, 1.0, 3.0], 3.0), ([1.0, math.inf, 2.0], 2.0), ([1.0, math.inf, math.inf], math.inf),
     ([1.0, math.inf], math.inf), ([1.0, 2.0, math.inf, math.inf], math.inf), ([1.0, 2.0, 3.0, math.inf], 3.0)],
)  # fmt: skip
def test_median(values, expected):
    given_order = list(values)
    assert median(values) == expected
    assert values == given_order


@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=20), st.sampled_from([0.9, 0.95]))
def test_a_ratio_and_its_inverse_have_inverse_intervals(ratios, level):
    interval = ratio_interval(ratios, level)
    inverse = ratio_interval([1 / ratio for ratio in ratios], level)
    assert interval.level == level
    assert interval.estimate == pytest.approx(scipy.stats.gmean(ratios), rel=1e-9)
    assert interval.low <= interval.estimate * (1 + 1e-12)
    logs = mean_interval(np.log(ratios).tolist(), level)
    if math.isfinite(interval.high) and interval.low > 0:
        assert math.log(interval.high) == pytest.approx(logs.high, abs=1e-9)
        assert interval.low == pytest.approx(1 / inverse.high, rel=1e-6)


def test_the_interval_of_one_ratio_is_endless():
    assert ratio_interval([2.0]) == Interval(pytest.approx(2.0), 0.0, math.inf)


@given(st.lists(numbers | st.just(math.inf), min_size=1, max_size=40), st.sampled_from([0.9, 0.95, 0.99]))
def test_median_interval_is_that_of_the_order_statistics(values, level):
    """SciPy's quantile test gives the same two values, and NaN for an end that so few cannot give."""
    interval = median_interval(values, level)
    assert interval.estimate == np.median(values)
    expected = scipy.stats.quantile_test(values, p=0.5).confidence_interval(level)
    for end, endless in (("low", -math.inf), ("high", math.inf)):
        value = getattr(expected, end)
        assert getattr(interval, end) == (endless if math.isnan(value) else value)


def test_median_interval_covers_the_true_median_at_least_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for n in (6, 9, 20):
        samples = np.exp(3 * rng.standard_normal((2000, n)))  # skew: the mean of the logs would say nothing of it
        hits = sum(interval.low <= 1.0 <= interval.high for interval in map(median_interval, samples))
        assert hits >= 2000 * 0.95 - 4 * math.sqrt(2000 * 0.95 * 0.05)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], (math.nan, -math.inf, math.inf)), ([3.0], (3.0, -math.inf, math.inf)),
     ([1.0] * 5, (1.0, -math.inf, math.inf)), ([4.0, 1.0, 2.0, 6.0, 5.0, 3.0], (3.5, 1.0, 6.0)),
     ([1.0] * 4 + [math.inf] * 2, (1.0, 1.0, math.inf)),
     ([math.inf] * 6, (math.inf,) * 3), ([1.0] * 6 + [math.nan], (math.nan, -math.inf, math.inf))],
)  # fmt: skip
def test_median_interval_of_few_of_infinite_and_of_no_numbers(values, expected):
    interval = median_interval(values)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx(expected, nan_ok=True)


# ---- tuning ----------------------------------------------------------------------------------------------------------

GRID = [0.01, 0.0316, 0.1, 0.316, 1.0, 3.16]


class Recorded:
    """A cost that remembers what it was asked."""

    def __init__(self, cost):
        self.cost, self.rates, self.limits, self.costs = cost, [], [], []

    def __call__(self, rate, limit):
        self.rates.append(rate)
        self.limits.append(limit)
        self.costs.append(self.cost(rate))
        return self.costs[-1]


def valley(best):
    return lambda rate: 10 + abs(math.log10(rate / best))


def test_the_best_rate_of_the_grid_is_found_with_no_trial_to_spare():
    cost = Recorded(valley(0.1))
    best, costs = tuning.best_rate(cost)
    assert best == 0.1
    assert list(costs) == GRID == cost.rates
    assert costs == dict(zip(cost.rates, cost.costs))


@given(st.integers(min(tuning.HALF_DECADES) - tuning.LIMIT + 1, max(tuning.HALF_DECADES) + tuning.LIMIT - 1))
def test_the_grid_grows_until_the_best_lies_inside(k):
    cost = Recorded(valley(tuning.rate(k)))
    best, costs = tuning.best_rate(cost)
    assert best == tuning.rate(k)
    assert list(costs) == sorted(costs)
    assert min(costs) < best < max(costs)
    assert sorted(cost.rates) == list(costs)
    assert len(set(cost.rates)) == len(cost.rates)


@pytest.mark.parametrize("falls", [lambda rate: rate, lambda rate: 1 / rate], ids=["towards 0", "towards infinity"])
def test_the_grid_grows_no_farther_than_the_limit(falls):
    best, costs = tuning.best_rate(Recorded(falls))
    assert len(costs) == len(GRID) + tuning.LIMIT
    assert best in (min(costs), max(costs))
    assert costs[best] == min(costs.values())


def test_where_no_rate_arrives_there_is_none_and_both_sides_were_tried():
    cost = Recorded(lambda _: math.inf)
    best, costs = tuning.best_rate(cost)
    assert best is None
    assert all(map(math.isinf, costs.values()))
    assert len(costs) == len(GRID) + 2 * tuning.LIMIT
    assert min(costs) < min(GRID)
    assert max(GRID) < max(costs)


@pytest.mark.parametrize("only", [0.001, 31.6])
def test_a_lone_rate_that_arrives_outside_the_grid_is_found(only):
    best, _ = tuning.best_rate(lambda rate, _: 5.0 if rate == only else math.inf)
    assert best == only


@given(st.lists(st.one_of(st.floats(1, 100), st.just(math.inf)), min_size=30, max_size=30))
def test_a_trial_is_told_the_least_cost_so_far(values):
    cost = Recorded(lambda rate: values[round(2 * math.log10(rate)) + 15])
    best, costs = tuning.best_rate(cost)
    for index, limit in enumerate(cost.limits):
        assert limit == min(cost.costs[:index], default=math.inf)
    least = min(costs.values())
    assert (best is None) == math.isinf(least)
    assert best is None or costs[best] == least


@given(st.integers(-10, 10), st.integers(-3, 3))
def test_a_search_may_begin_elsewhere_and_walks_to_the_best(k, away):
    cost = Recorded(valley(tuning.rate(k)))
    best, costs = tuning.best_rate(cost, grid=[k + away])
    assert best == tuning.rate(k)
    assert min(costs) < best < max(costs)
    assert len(costs) <= abs(away) + 3


@pytest.mark.parametrize("halvings", [0, 1, 2, 3])
@pytest.mark.parametrize("k", [-1.6, 0.0, 0.3, 1.125])
def test_the_grid_is_refined_about_the_best(k, halvings):
    cost = Recorded(lambda rate: 10 + abs(2 * math.log10(rate) - k))
    best, costs = tuning.best_rate(cost, halvings=halvings)
    assert abs(2 * math.log10(best) - k) <= 0.5 ** (halvings + 1) + 0.01
    assert costs[best] == min(costs.values())
    assert len(cost.rates) == len(costs) <= len(GRID) + 1 + 2 * halvings


def test_a_refined_grid_tries_no_rate_twice_and_nothing_where_nothing_arrives():
    cost = Recorded(valley(1.0))
    tuning.best_rate(cost, grid=[-1, -0.5, 0, 0.5, 1], halvings=2)
    assert len(cost.rates) == len(set(cost.rates)) == 7
    best, costs = tuning.best_rate(Recorded(lambda _: math.inf), halvings=2)
    assert best is None
    assert len(costs) == len(GRID) + 2 * tuning.LIMIT


# ---- results ---------------------------------------------------------------------------------------------------------


def strict_json(path):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_json_holds_numpy_and_has_null_for_what_json_lacks(tmp_path):
    value = {
        "nan": math.nan, "infinity": [math.inf, -math.inf, np.float64(np.inf), np.float32(np.nan)],
        "numpy": [np.float32(0.5), np.int64(7), np.bool_(True), np.array([[1.0, np.nan]]), np.arange(2), np.str_("s")],
        "plain": [1, True, None, "η", 0.1, (1, 2)], 3: {0.0316: np.float64(1 / 3)}, "zero": np.array(2.5).item(),
    }  # fmt: skip
    path = results.write_json(tmp_path / "result.json", value)
    assert path == tmp_path / "result.json"
    assert strict_json(path) == {
        "nan": None, "infinity": [None] * 4, "numpy": [0.5, 7, True, [[1.0, None]], [0, 1], "s"],
        "plain": [1, True, None, "η", 0.1, [1, 2]], "3": {"0.0316": 1 / 3}, "zero": 2.5,
    }  # fmt: skip
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


@given(st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
                    max_leaves=8))  # fmt: skip
def test_json_of_anything_is_strict_and_says_the_same(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "anything.json"

    def expected(value):
        if isinstance(value, list):
            return [expected(entry) for entry in value]
        if isinstance(value, dict):
            return {key: expected(entry) for key, entry in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    results.write_json(path, {"value": value})
    assert strict_json(path) == {"value": expected(value)}


@pytest.mark.parametrize("failing", ["json", "disk", "replace", "interrupt"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "result.json"
    path.write_text("old", encoding="utf-8")
    value, kind = {"a": 1}, OSError

    def write_half_and_fail(self, text, **keywords):
        with self.open("w", **keywords) as file:
            file.write(text[: len(text) // 2])
        raise kind("no space left on device")

    if failing == "json":
        value, kind = {"a": 1, "b": object()}, TypeError
    elif failing == "replace":
        monkeypatch.setattr(type(path), "replace", lambda *_: (_ for _ in ()).throw(OSError("busy")))
    else:
        kind = KeyboardInterrupt if failing == "interrupt" else OSError
        monkeypatch.setattr(type(path), "write_text", write_half_and_fail)
    with pytest.raises(kind):
        results.write_json(path, value)
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("verdict", results.VERDICTS)
def test_a_claim_has_the_keys_of_the_design(verdict):
    entry = results.claim("s", verdict, "b", {"x": 1})
    assert entry == {"statement": "s", "verdict": verdict, "because": "b", "evidence": {"x": 1}}


@pytest.mark.parametrize("verdict", ["", "Holds", "true", "refuted"])
def test_an_unknown_verdict_is_refused(verdict):
    with refused(repr(verdict), "does not hold", "undecided"):
        results.claim("s", verdict, "b", {})


def test_the_environment_says_what_was_measured_on():
    found = results.environment(get_backend("numpy"))
    assert {"date", "python", "platform", "processor", "cores", "versions", "blas", "device"} <= set(found)
    assert found["versions"]["numpy"] == np.__version__
    assert {"numpy", "scipy", "matplotlib"} <= set(found["versions"])
    assert found["cores"] == os.cpu_count()
    assert found["blas"]
    assert all("threads" in pool for pool in found["blas"])
    assert found["device"] == "cpu"
    assert found["date"].endswith("+00:00")
    json.dumps(found, allow_nan=False)


# ---- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (0.0123456, "0.0123"), (1, "1"), (12.345, "12.3"), (123.4, "123"), (1234.5, "1,234"), (9999, "9,999"),
     (10_000, "10k"), (86_220, "86.2k"), (1_437_000, "1.44M"), (12e6, "12M"), (-2.5, "-2.5"), (math.inf, "–"),
     (999_600, "1M")],
)  # fmt: skip
def test_number(value, expected):
    assert table.number(value) == expected


@given(st.floats(1e-4, 9.9e8))
@example(999_500.0)
@example(99.96)
@example(9999.99)
def test_number_has_three_digits_and_no_power_of_ten(value):
    text = table.number(value)
    scale = {"k": 1e3, "M": 1e6}.get(text[-1], 1.0)
    assert float(text.rstrip("kM").replace(",", "")) * scale == pytest.approx(value, rel=5.1e-3)
    assert "e" not in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [([2.0], "2"), ([2.0, 2.0004, 2.0], "2"), ([3.0, 1.0, 2.0], "2 (1…3)"), ([1.0, 2.0, math.inf], "2 (1…–)"),
     ([1.0, math.inf], "– (1…–)"), ([math.inf, math.inf], "–")],
)  # fmt: skip
def test_median_and_range(values, expected):
    assert table.median_and_range(values) == expected


words = st.text(st.characters(codec="utf-8", exclude_characters=" ", categories=["L", "N"]), max_size=8)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(words, min_size=n, max_size=n), min_size=1, max_size=5)))
def test_render_aligns(lines):
    header, *rows = lines
    rendered = table.render(header, rows).split("\n")
    assert len(rendered) == len(rows) + 2
    assert len({len(line) for line in rendered}) == 1
    assert set(rendered[1]) <= {"─", " "}
    widths = [max(map(len, column)) for column in zip(*lines)]
    for cells, text in zip(lines, [rendered[0], *rendered[2:]]):
        start = 0
        for column, (cell, width) in enumerate(zip(cells, widths)):
            part = text[start : start + width]
            assert part.strip() == cell.strip()
            assert (part.startswith(cell) if column == 0 else part.endswith(cell)) or not cell
            start += width + 2


# ---- plots -----------------------------------------------------------------------------------------------------------


def test_batch_sizes_have_names_markers_and_colours():
    sizes = [1, 8, 64, 512, 1437]
    assert [plots.batch_label(size, 1437) for size in sizes] == ["1 (SGD)", "8", "64", "512", "all 1,437 (GD)"]
    assert plots.batch_label(2048, 60_000) == "2,048"
    colours = [plots.batch_colour(size, 1437) for size in sizes]
    light = [0.3 * r + 0.6 * g + 0.1 * b for r, g, b, _ in colours]
    assert light == sorted(light)
    assert np.diff(light).min() > 0.02
    assert plots.batch_colour(64, 60_000) == plots.batch_colour(64, 60_000)
    assert plots.batch_colour(1, 1) == plots.batch_colour(1, 100)
    assert len({plots.batch_marker(size, sizes) for size in sizes}) == len(sizes)
    assert plots.batch_marker(8, sizes) == plots.batch_marker(8, sizes[::-1])
    many = [2**k for k in range(12)]
    assert all(plots.batch_marker(size, many) in plots.MARKERS for size in many)


@pytest.mark.parametrize(("value", "expected"), [(0.02, "0.02"), (1024, "1,024"), (0.1 + 0.2, "0.3"), (1e5, "100,000")])
def test_plain_number(value, expected):
    assert plots.plain_number(value) == plots.plain_number(value, 3) == expected


def test_error_bars_reach_as_far_as_the_interval_does():
    reach = plots.reach([Interval(2.0, 1.5, 4.0), Interval(3.0, -math.inf, math.inf)])
    assert reach.tolist() == [[0.5, 0.0], [2.0, 0.0]]


def simple_figure():
    fig, [[axis]] = plots.figure(1, 1, 3, 2)
    axis.plot([1, 2, 3], [1, 4, 9])
    axis.set_title("η·m", loc="left")
    return fig


def test_a_figure_is_saved_twice_the_same_and_closed(tmp_path):
    before = plt.get_fignums()
    first = plots.save(simple_figure(), tmp_path, "line")
    contents = [path.read_bytes() for path in first]
    second = plots.save(simple_figure(), tmp_path, "line")
    assert first == second == [tmp_path / "line.png", tmp_path / "line.svg"]
    assert [path.read_bytes() for path in second] == contents
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["line.png", "line.svg"]
    assert plt.get_fignums() == before
    image = matplotlib.image.imread(tmp_path / "line.png")
    assert image.shape[0] >= 200 * SMALLER
    assert image.shape[1] >= 300 * SMALLER
    assert ElementTree.parse(tmp_path / "line.svg").getroot().tag.endswith("svg")


def test_a_figure_that_cannot_be_drawn_leaves_the_old_one_and_is_closed(tmp_path, monkeypatch):
    old = plots.save(simple_figure(), tmp_path, "line")
    contents = [path.read_bytes() for path in old]
    before, fig = plt.get_fignums(), simple_figure()

    def draw_half(path, **_):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(fig, "savefig", draw_half)
    with pytest.raises(OSError, match="no space"):
        plots.save(fig, tmp_path, "line")
    assert [path.read_bytes() for path in old] == contents
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["line.png", "line.svg"]
    assert plt.get_fignums() == before


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [((True, True), "holds"), ((True, False), "conditional"), ((False, False), "does not hold"), ((), "undecided"),
     ((True, None), "undecided"), ((False, None), "undecided"), ((None,), "undecided"),
     ((True, None, False), "conditional")],
)  # fmt: skip
def test_the_arms_decide(outcomes, expected):
    assert results.decide(dict(enumerate(outcomes))) == expected


def test_an_interval_is_inside_outside_or_open():
    interval = Interval(1.0, 0.8, 1.2)
    assert interval.inside(0.5, 1.2) is True
    assert interval.inside(1.3, 2) is False
    assert interval.inside(-1, 0.7) is False
    assert interval.inside(1.0, 2) is None
    assert Interval(math.nan, -math.inf, math.inf).inside(0, 1) is None


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_proportion_has_wilsons_interval(hits, n):
    """Wilson's bounds are where the score test just rejects: (p̂ − p)² = z² p (1 − p) / n."""
    hits = min(hits, n)
    share = proportion(hits, n)
    assert share.estimate == hits / n
    z = scipy.stats.norm.ppf(0.975)
    for p in (share.low, share.high):
        assert (hits / n - p) ** 2 == pytest.approx(z**2 * p * (1 - p) / n, abs=1e-9)
    assert 0 <= share.low <= share.estimate <= share.high <= 1


def test_a_proportion_of_nothing_may_be_anything():
    assert (proportion(0, 0).low, proportion(0, 0).high) == (0, 1)
    assert math.isnan(proportion(0, 0).estimate)
    assert (paired_difference(0, 0, 0, 0).low, paired_difference(0, 0, 0, 0).high) == (-1, 1)


counts = st.integers(0, 30)


@given(counts, counts, counts, counts)
def test_a_paired_difference_changes_its_sign_with_the_order(both, first, second, neither):
    there, back = paired_difference(both, first, second, neither), paired_difference(both, second, first, neither)
    if both + first + second + neither:
        assert there.estimate == pytest.approx(-back.estimate)
        assert -1 - 1e-9 <= there.low <= there.estimate <= there.high <= 1 + 1e-9
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))


def test_a_paired_difference_gains_by_the_pairing_and_is_wary_of_no_difference():
    assert paired_difference(20, 2, 1, 17).within(-0.12, 0.16)
    assert not paired_difference(12, 10, 9, 9).within(-0.12, 0.16)  # the same shares, by other starts
    assert paired_difference(0, 0, 0, 40).high == pytest.approx(proportion(0, 40).high)


@pytest.mark.parametrize("truth", [(0.3, 0.02, 0.02, 0.66), (0.1, 0.1, 0.3, 0.5), (0.25, 0.25, 0.25, 0.25)])
def test_a_paired_difference_covers_the_truth_as_often_as_it_says(truth):
    tables = np.random.default_rng(0).multinomial(60, truth, 500).tolist()
    intervals = [paired_difference(*table) for table in tables]
    hits = sum(interval.low <= truth[1] - truth[2] <= interval.high for interval in intervals)
    assert hits > 475 - 4 * math.sqrt(500 * 0.95 * 0.05)  # where few starts differ it errs on the safe side


# ---- sweep -----------------------------------------------------------------------------------------------------------

SETTINGS = sweep.Settings(
    dataset="d", model="logistic", hidden=(5,), activation="tanh", batch_sizes=(1, 16, 120), learning_rate=0.1,
    epochs=4, seeds=2, target=0.3, repeats=2, backend="numpy", dtype="float64",
)  # fmt: skip


def test_make_model(digits, binary):
    logistic = sweep.make_model(binary, SETTINGS, 3)
    assert isinstance(logistic, LogisticRegression)
    assert not logistic.theta.any()
    mlp = replace(SETTINGS, model="mlp", hidden=(7, 5), activation="relu", dtype="float32")
    many = sweep.make_model(digits, mlp, 3)
    assert isinstance(many, MLP)
    assert (many.layer_sizes, many.activation, many.dtype) == ((64, 7, 5, 10), "relu", np.float32)
    assert sweep.make_model(binary, mlp, 3).layer_sizes == (64, 7, 5, 1)
    assert sweep.make_model(digits, mlp, 3, dtype="float64").dtype == np.float64
    assert np.array_equal(many.theta, sweep.make_model(digits, mlp, 3).theta)
    assert not np.array_equal(many.theta, sweep.make_model(digits, mlp, 4).theta)
    assert sweep.make_model(digits, replace(mlp, hidden=()), 0).layer_sizes == (64, 10)


@pytest.mark.parametrize("batch_size", [1, 16, 50, 120])
def test_train_once(binary, batch_size):
    history = sweep.train_once(binary, SETTINGS, batch_size, 0.1, 0)
    whole = 120 // batch_size  # what does not fill a batch is left out
    assert history.updates[-1] == 4 * whole
    assert history.samples[-1] == 4 * whole * batch_size
    assert 4 <= len(history.loss) - 1 <= 4 * sweep.EVALUATIONS_AN_EPOCH
    again = sweep.train_once(binary, SETTINGS, batch_size, 0.1, 0)
    assert np.array_equal(history.loss, again.loss)
    other = sweep.train_once(binary, SETTINGS, batch_size, 0.1, 1)
    assert np.array_equal(history.loss, other.loss) == (batch_size == 120)  # gradient descent knows no order
    assert sweep.train_once(binary, SETTINGS, batch_size, 0.1, 0, epochs=1).updates[-1] == whole


@pytest.mark.parametrize(("batch_size", "updates"), [(1, [120, 240]), (50, [2, 4]), (120, [1, 2])])
def test_train_once_evaluates_once_an_epoch_at_its_end(binary, batch_size, updates):
    settings = replace(SETTINGS, epochs=2, evaluations=1)
    assert sweep.train_once(binary, settings, batch_size, 0.1, 0).updates.tolist() == [0, *updates]
    often = sweep.train_once(binary, replace(settings, evaluations=4), batch_size, 0.1, 0)
    assert len(often.updates) - 1 == {1: 8, 50: 4, 120: 2}[batch_size]


def test_choose_target_is_what_gradient_descent_reaches(binary):
    settings = replace(SETTINGS, epochs=9, target=None)
    target = sweep.choose_target(binary, settings)
    losses = [sweep.train_once(binary, settings, 120, tuning.rate(k), 0, epochs=6).loss[-1] for k in range(-10, 8)]
    assert min(losses) <= target <= min(losses) * 1.011
    assert float(f"{target:.3g}") == target


@pytest.mark.parametrize("model", ["logistic", "mlp"])
@pytest.mark.parametrize("name", ["two samples", "digits 0-vs-1"])
def test_the_target_of_separable_data_is_one_that_training_can_aim_at(name, model):
    """At a large rate gradient descent brings their loss to 1e-100 and to 0: no target for anybody."""
    X, y = np.array([[1.0], [-1.0]]), np.array([1, 0])
    data = Dataset(X, y, X, y, "two") if name == "two samples" else load_digits().binary("0-vs-1")
    settings = replace(SETTINGS, model=model, batch_sizes=(1, 2), epochs=24, target=None)
    assert 1e-6 < sweep.choose_target(data, settings) < math.log(2)


def test_choose_target_says_when_every_rate_diverges(binary, monkeypatch):
    never = SimpleNamespace(diverged=True, loss=np.array([math.inf]))
    monkeypatch.setattr(sweep, "train_once", lambda *_, **__: never)
    with pytest.raises((RuntimeError, ValueError), match="diverged at every rate"):
        sweep.choose_target(binary, SETTINGS)


def test_tune_takes_the_mean_over_the_tuning_seeds(binary):
    best, costs = sweep.tune(binary, SETTINGS, 16, 0.3)
    assert best in costs
    assert costs[best] == min(costs.values())
    histories = [sweep.train_once(binary, SETTINGS, 16, best, seed) for seed in sweep.TUNING_SEEDS]
    needed = [at_target(history.loss, history.samples, 0.3) for history in histories]
    assert costs[best] == pytest.approx(np.mean(needed))
    assert not set(sweep.TUNING_SEEDS) & set(range(100))


def test_tune_stops_a_trial_that_has_lost(binary, monkeypatch):
    """With 50 samples on the record, nobody trains for all of the epochs; with none, everybody does."""
    asked = []

    def recorded(data, settings, batch_size, rate, seed, **keywords):
        asked.append(keywords["epochs"])
        assert keywords["target_loss"] == 0.3
        return SimpleNamespace(loss=np.array([1.0, 0.2]), samples=np.array([0, 50]))

    monkeypatch.setattr(sweep, "train_once", recorded)
    settings = replace(SETTINGS, epochs=40)
    sweep.tune(binary, settings, 16, 0.3)
    assert asked[:2] == [40, 40]
    assert set(asked[2:]) <= {1, 2}
    monkeypatch.setattr(sweep.tuning, "best_rate", lambda cost: (None, {1.0: cost(1.0, 1e9)}))
    sweep.tune(binary, settings, 16, 0.3)
    assert asked[-1] == 40


def test_tune_drops_no_rate_whose_mean_is_the_least(binary, monkeypatch):
    """Seeds differ: one that takes longer than the best mean so far may be outweighed by the other."""
    needed = {0.01: (700, 700), 0.0316: (200, 1000)}

    def simulated(data, settings, batch_size, rate, seed, *, epochs, target_loss):
        samples = needed.get(rate, (9000, 9000))[sweep.TUNING_SEEDS.index(seed)]
        arrived = samples <= epochs * 120
        return SimpleNamespace(loss=np.array([1.0, target_loss if arrived else 0.9]), samples=np.array([0, samples]))

    monkeypatch.setattr(sweep, "train_once", simulated)
    best, costs = sweep.tune(binary, replace(SETTINGS, epochs=60), 16, 0.3)
    assert best == 0.0316
    assert costs[0.0316] == 600


def test_tune_where_nothing_arrives(binary):
    best, costs = sweep.tune(binary, replace(SETTINGS, epochs=1), 120, 1e-9)
    assert best is None
    assert all(map(math.isinf, costs.values()))
    [row] = sweep.tuning_rows(binary, replace(SETTINGS, epochs=1, target=1e-9), 120)
    assert row == {
        "kind": "tuning",
        "batch_size": 120,
        "learning_rate": None,
        "seeds": sweep.TUNING_SEEDS,
        "rates": list(costs),
        "samples_to_target": list(costs.values()),
        "on_edge": False,
    }


@pytest.mark.parametrize(("batch_size", "epochs"), [(1, 4), (1, 60), (16, 60), (120, 4)])
def test_training_row(binary, batch_size, epochs):
    settings = replace(SETTINGS, epochs=epochs)
    [row] = sweep.training_rows(binary, settings, "arm", batch_size, 0.1, 5)
    history = sweep.train_once(binary, settings, batch_size, 0.1, 5, test=(binary.X_test, binary.y_test))
    assert (row["kind"], row["arm"], row["batch_size"], row["seed"]) == ("training", "arm", batch_size, 5)
    assert (row["learning_rate"], row["updates_an_epoch"]) == (0.1, 120 // batch_size)
    assert (row["final_loss"], row["test_accuracy"]) == (history.loss[-1], history.test_accuracy[-1])
    for name in ("epoch", "updates", "samples"):
        assert row[f"{name}_to_target"] == at_target(history.loss, getattr(history, name), 0.3)
    curve = row["curve"]
    assert {len(values) for values in curve.values()} == {len(curve["loss"])}
    assert len(curve["loss"]) <= 120
    assert (curve["updates"][0], curve["updates"][-1]) == (0, history.updates[-1])
    assert set(curve["loss"]) <= set(history.loss)
    assert sorted(set(curve["updates"])) == curve["updates"]
    assert row["diverged"] is False


# ---- timing ----------------------------------------------------------------------------------------------------------


def test_timing_rows(binary):
    rows = timing.timing_rows(binary, SETTINGS)
    cases = [(1, "textbook"), (1, "fast"), (1, "batched"), (16, "batched"), (120, "batched")]
    assert [(row["batch_size"], row["path"]) for row in rows] == cases * 2  # interleaved, and without the warm-up
    assert [row["repeat"] for row in rows] == [1] * 5 + [2] * 5
    assert all(row["kind"] == "timing" and row["backend"] == "numpy" for row in rows)
    assert all(0 < row["microseconds"] < 1e5 for row in rows)


def test_backends_here():
    try:
        expected = sorted({"numpy", get_backend("cupy").name})
    except BackendUnavailable:
        expected = ["numpy"]
    assert sorted(timing.backends_here()) == expected


class MadeUpClock:
    """A backend whose clock runs only while a work is done, and that notes when it was waited for."""

    def __init__(self):
        self.now, self.events, self.waited = 0.0, [], 0

    def work(self, name, seconds):
        def do():
            self.events.append(name)
            self.now += seconds
            return name

        return do

    def synchronize(self):
        self.waited += 1

    def moment(self):
        self.events.append("clock")
        return self.now

    def seconds_between(self, start, stop):
        return stop - start


def test_readings_are_interleaved_warm_and_long_enough():
    clock = MadeUpClock()
    costs = {"short": 2e-5, "middling": 3e-4, "long": 0.5}
    works = {name: clock.work(name, seconds) for name, seconds in costs.items()}
    calibrated = {name: timing._calls_that_fill(work, clock) for name, work in works.items()}
    assert calibrated == {"short": 50, "middling": 3, "long": 1}
    clock.events.clear()
    clock.waited = 0
    readings = timing.interleaved(works, clock, 20, np.random.default_rng(0))
    assert list(readings) == list(costs)
    for name, values in readings.items():
        assert values == pytest.approx([1e6 * costs[name]] * 20)
    assert clock.waited == clock.events.count("clock")  # once before each look at the clock or after it
    # what came after the calibration: a reading after the other, warmed up unless a call is long
    text = " ".join(clock.events[-20 * (1 + 50 + 2 + 1 + 3 + 2 + 1 + 2) :])
    for name, calls in calibrated.items():
        timed = " ".join(["clock", *[name] * calls, "clock"])
        assert text.count(f"{name} {timed}" if calls > 1 else timed) == 20


def test_every_round_has_an_order_of_its_own():
    clock = MadeUpClock()
    works = {name: clock.work(name, 0.5) for name in "abcde"}
    timing.interleaved(works, clock, 20, np.random.default_rng(0))
    order = [name for name in clock.events if name != "clock"][-100:]
    rounds = ["".join(order[start : start + 5]) for start in range(0, 100, 5)]
    assert all(sorted(each) == list("abcde") for each in rounds)
    assert len(set(rounds)) > 10


def test_rows_repeat_where_there_are_fewer(binary):
    model = sweep.make_model(binary, SETTINGS, 0)
    X, y = timing.rows_for(model, binary, 250).gathered()
    assert X.shape == (250, 64)
    for start, stop in ((0, 120), (120, 240), (240, 250)):
        assert np.array_equal(X[start:stop], binary.X_train[: stop - start])
        assert np.array_equal(y[start:stop], binary.y_train[: stop - start])


def test_an_update_takes_as_many_rows_as_it_is_named_for(digits, monkeypatch):
    seen = []
    model = sweep.make_model(digits, replace(SETTINGS, model="mlp"), 0)
    monkeypatch.setattr(timing.SGD, "step", lambda self, model, batch: seen.append(tuple(map(len, batch.gathered()))))
    updates = timing.updates_of(model, timing.rows_for(model, digits, 200), [1, 7, 200])
    for update in updates.values():
        update()
    assert seen == [(size, size) for size in updates] == [(1, 1), (7, 7), (200, 200)]


@given(st.floats(0.01, 1000), st.floats(1e-4, 10), st.integers(0, 10**6))
def test_the_line_is_the_one_of_least_relative_errors(a, b, seed):
    """Against curve_fit from the right start; neither coefficient may be negative."""
    B = 2.0 ** np.arange(14)
    t = (a + b * B) * np.exp(np.random.default_rng(seed).normal(0, 0.05, 14))
    line = timing.overhead_and_work(B, t)
    other, _ = scipy.optimize.curve_fit(lambda B, a, b: a + b * B, B, t, (a, b), sigma=t, bounds=(0, np.inf))
    errors = [(((a + b * B) / t - 1) ** 2).sum() for a, b in (line, other)]
    assert errors[0] <= errors[1] * (1 + 1e-9)
    assert min(line) >= 0
    assert timing.overhead_and_work(B, a + b * B) == pytest.approx((a, b), rel=1e-6)


def test_a_line_without_overhead_or_without_work():
    B = np.array([1.0, 8.0, 64.0])
    assert timing.overhead_and_work(B, 3 * B) == pytest.approx((0, 3), abs=1e-12)
    assert timing.overhead_and_work(B, [5.0, 5.0, 5.0]) == pytest.approx((5, 0), abs=1e-12)
    assert timing.overhead_and_work(B, [5.0, 4.0, 3.0])[1] == 0


@pytest.mark.parametrize(
    ("t", "level", "expected"),
    [([2, 4, 8], 3.0, 2.5), ([2, 4, 8], 4.0, 4.0), ([2, 4, 8], 5.0, 5.0), ([2, 4, 8], 9.0, None), ([2, 4, 8], 1.0, 1.0),
     ([2, 8, 4], 6.0, 3.0), ([2, 4, 8], 2.0, 1.0)],
)  # fmt: skip
def test_crossing(t, level, expected):
    """Batches 1, 4, 8."""
    found = timing.crossing(np.array([1.0, 4.0, 8.0]), np.array(t, dtype=float), level)
    assert found == expected


@pytest.mark.parametrize("layer_sizes", [(64, 1), (64, 32, 10), (3, 5, 4, 2)])
def test_flops_are_those_of_the_products(layer_sizes):
    """A multiplication and an addition for each weight: forward, its gradient, and backward but into X."""
    flops = 0
    for layer, (n_in, n_out) in enumerate(zip(layer_sizes, layer_sizes[1:])):
        for _ in range(n_in):
            for _ in range(n_out):
                flops += 2 + 2 + (2 if layer else 0)
    assert timing.flops_a_sample(layer_sizes) == flops


def test_a_place_has_threads_on_the_cpu():
    assert timing.place(get_backend("numpy"), 1) == "numpy, 1 thread"
    assert timing.place(get_backend("numpy"), 2) == "numpy, 2 threads"
    assert timing.place(SimpleNamespace(blas=None, name="cupy"), 1) == "cupy"


# ---- training report -------------------------------------------------------------------------------------------------


def made_up_run(size, seed, reached, diverged=False):
    curve = {name: [0.0, 1.0, 2.0] for name in sweep.COUNTS} | {"loss": [0.7, 0.4, math.inf if diverged else 0.2]}
    return {
        "kind": "training", "arm": "A", "batch_size": size, "seed": seed, "learning_rate": 0.1, "updates_an_epoch": 3,
        "final_loss": curve["loss"][-1], "test_accuracy": 0.9, "diverged": diverged, "curve": curve,
    } | {f"{name}_to_target": reached for name in sweep.COUNTS}  # fmt: skip


def made_up_result(*runs):
    settings = {"batch_sizes": [1, 16, 120], "rows": 120, "epochs": 4, "target": 0.3}
    return {"rows": list(runs), "settings": settings}


def test_training_table_says_who_arrived_who_did_not_and_who_diverged():
    result = made_up_result(
        made_up_run(1, 0, math.inf, diverged=True), made_up_run(1, 1, 2.5), made_up_run(1, 2, 3.5),
        made_up_run(16, 0, math.inf), made_up_run(16, 1, math.inf), made_up_run(16, 2, 1.5),
    )  # fmt: skip
    lines = training_report.training_table(result, "A", "a rate").splitlines()
    sgd, mini, everything = (next(line for line in lines if line.startswith(name)) for name in ("1 (SGD)", "16", "all"))
    assert "0.3" in lines[0]
    assert "a rate" in lines[0]
    assert "never" in lines[1]
    assert "diverged in 1 of 3" in sgd
    assert "3.5 (2.5…–)" in sgd
    assert "– (1.5…–)" in mini
    assert "0.2" in mini
    assert "90" in mini
    assert "none arrives" in everything


def drawn(*runs):
    """The axes of the training figure of made-up runs, drawn: what a renderer refuses, it refuses here."""
    fig = training_report.draw_training(made_up_result(*runs), {"A": "arm A", "B": "arm B"})
    try:
        fig.canvas.draw()
        return fig.axes
    finally:
        plt.close(fig)


def test_the_training_figure_where_no_rate_arrives():
    assert len(drawn(*(made_up_run(size, seed, 2.5) for size in (1, 16, 120) for seed in (0, 1)))) == 6


def test_the_training_figure_where_the_first_update_overflows():
    run = made_up_run(1, 0, math.inf, diverged=True)
    run["curve"] = {name: [0.0, 1.0] for name in sweep.COUNTS} | {"loss": [0.7, math.inf]}
    assert drawn(run, made_up_run(16, 0, 2.5) | {"arm": "B"})
    assert drawn(run, run | {"arm": "B"})


def test_the_training_figure_shows_what_did_not_diverge():
    """One run that leaves for 1e200 must not press all others into a line."""
    run = made_up_run(1, 0, math.inf, diverged=True)
    run["curve"]["loss"] = [0.7, 1e100, 1e200]
    for axis in drawn(run, made_up_run(16, 0, 2.5), made_up_run(16, 0, 2.5) | {"arm": "B"}):
        low, high = axis.get_ylim()
        assert low > 1e-6
        assert high < 1e6


# ---- command line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [(commandline.count, "7", 7), (commandline.positive_number, "1e-3", 1e-3), (commandline.positive_number, "2", 2.0),
     (commandline.sizes, "64 32", [64, 32]), (commandline.sizes, "64,32", [64, 32]), (commandline.sizes, "none", []),
     (commandline.batch_sizes, "1 8 64 all", [1, 8, 64, "all"]), (commandline.batch_sizes, "all", ["all"]),
     (commandline.batch_sizes, " 1,8 ", [1, 8])],
)  # fmt: skip
def test_arguments(kind, text, expected):
    assert kind(text) == expected


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(commandline.count, text, text) for text in ("0", "-1", "1.5", "x", "", "nan", "1e3")]
    + [(commandline.positive_number, text, text) for text in ("0", "-1", "nan", "inf", "-inf", "x", "", "1e999")]
    + [(commandline.sizes, text, text) for text in ("", "0", "x", "1.5")]
    + [(commandline.sizes, "8 0", "0"), (commandline.sizes, "8 none", "none"), (commandline.sizes, " ", " ")]
    + [(commandline.batch_sizes, text, text) for text in ("", "0", "x", "-1", "1.5", "ALL", "1;8")]
    + [(commandline.batch_sizes, "1 8 x", "x"), (commandline.batch_sizes, ",", ",")],
)  # fmt: skip
def test_arguments_that_are_refused(kind, text, value):
    with refused(repr(value), "expected", kind=argparse.ArgumentTypeError):
        kind(text)


def test_batch_sizes_are_resolved_ascending_and_once():
    assert commandline.resolve_batch_sizes(["all", 8, 1, 120, 8], 120) == [1, 8, 120]
    with refused("121", "120 training rows"):
        commandline.resolve_batch_sizes([1, 121], 120)


# ---- curvature -------------------------------------------------------------------------------------------------------


def bent(rng, backend="numpy", dtype="float64"):
    """A small tanh network, its data on its device, and the Hessian of its loss by complex steps."""
    X, y = rng.standard_normal((20, 3)), rng.integers(0, 3, 20)
    model = MLP((3, 4, 3), activation="tanh", dtype=dtype, backend=backend, rng=rng)
    theta = model.backend.to_numpy(model.theta).astype(float)

    def gradient(theta):
        return plain_gradient(theta, (3, 4, 3), "tanh", X, y)

    H = np.array([(gradient(theta + 1e-5 * e) - gradient(theta - 1e-5 * e)) / 2e-5 for e in np.eye(len(theta))])
    return model, model.backend.asarray(X, dtype), model.backend.asarray(y), H


def test_curvature_of_logistic_regression_is_the_formula(binary):
    model = LogisticRegression(64, rng=np.random.default_rng(0))
    X, y = binary.X_train, binary.y_train
    x, h = np.c_[X, np.ones(len(X))], model.forward(X)
    H = x.T @ (x * (h * (1 - h))[:, None]) / len(X)
    kept, v = model.theta.copy(), np.random.default_rng(1).standard_normal(65)
    assert curvature.hessian_vector_product(model, X, y, v) == pytest.approx(H @ v, abs=1e-8)
    assert curvature.hessian(model, X, y) == pytest.approx(H, abs=1e-8)
    assert curvature.largest_eigenvalue(model, X, y) == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=1e-6)
    assert (model.theta == kept).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-3)])
def test_curvature_of_a_network_on_any_backend(backend, dtype, tolerance):
    model, X, y, H = bent(np.random.default_rng(2), backend, dtype)
    kept = model.backend.to_numpy(model.theta).copy()
    v = np.random.default_rng(3).standard_normal(len(H))
    for length in (1.0, 1e-6, 1e6):  # of v, which must not matter
        product = curvature.hessian_vector_product(model, X, y, model.backend.asarray(length * v, dtype))
        assert model.backend.to_numpy(product) / length == pytest.approx(H @ v, abs=10 * tolerance)
    found = curvature.hessian(model, X, y)
    assert (found == found.T).all()
    assert found == pytest.approx(H, abs=tolerance)
    assert curvature.largest_eigenvalue(model, X, y) == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=10 * tolerance)
    assert (model.backend.to_numpy(model.theta) == kept).all()


def test_the_largest_eigenvalue_is_the_most_positive(monkeypatch):
    monkeypatch.setattr(curvature, "hessian_vector_product", lambda model, X, y, v: np.array([-5.0, 1.0, 2.0, 0.0]) * v)
    assert curvature.largest_eigenvalue(LogisticRegression(3), None, None) == pytest.approx(2.0)


def test_the_largest_eigenvalue_of_a_saturated_network_is_nothing(binary):
    model = MLP((64, 2, 1), activation="tanh", rng=np.random.default_rng(0))
    model.theta *= 1e6
    assert curvature.largest_eigenvalue(model, binary.X_train, binary.y_train) == 0


def test_the_curvature_along_nothing_is_nothing():
    model, X, y, H = bent(np.random.default_rng(2))
    assert not curvature.hessian_vector_product(model, X, y, np.zeros(len(H))).any()


def test_curvature_that_fails_leaves_theta_as_it_was():
    model, X, y, H = bent(np.random.default_rng(2))
    kept = model.theta.copy()
    with pytest.raises(ValueError, match="label"):
        curvature.hessian_vector_product(model, X, y + 7, np.ones(len(H)))
    assert (model.theta == kept).all()


# ---- the critical batch size -----------------------------------------------------------------------------------------


def test_what_a_batch_keeps_of_a_samples_variance():
    """w(B) times the variance of all values is that of the means of all subsets, by counting them."""
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    for B in range(1, 6):
        means = [np.mean(subset) for subset in itertools.combinations(values, B)]
        assert critical_batch.without_replacement(B, 5) * values.var() == pytest.approx(np.var(means), abs=1e-12)
    assert critical_batch.independent(4) == 0.25
    assert critical_batch.without_replacement(1, 1) == 0


@given(st.floats(1, 1e4), st.floats(1, 1e5), st.sampled_from([1000, 60_000]))
def test_the_fit_finds_the_numbers_that_made_its_points(S_min, B_c, n):
    sizes = [1, 4, 16, 64, 256, n]
    points = {w: S_min * (1 + B_c * w) for w in (critical_batch.without_replacement(B, n) for B in sizes)}
    fit = critical_batch.fit(points)
    assert fit.S_min.estimate == pytest.approx(S_min, rel=1e-4)
    assert fit.B_c.estimate == pytest.approx(B_c, rel=1e-4)
    assert fit.E_min.estimate == pytest.approx(S_min * B_c, rel=1e-4)
    assert fit.misfit < 1e-4
    assert fit.updates(0.5) == pytest.approx(S_min * (1 + B_c / 2), rel=1e-4)


def test_the_intervals_of_the_fit_cover_as_often_as_they_say():
    rng, hits = np.random.default_rng(1), dict.fromkeys(("S_min", "B_c", "E_min"), 0)
    true = {"S_min": 20.0, "B_c": 200.0, "E_min": 4000.0}
    for _ in range(300):
        fit = critical_batch.fit(
            {1 / B: 20 * (1 + 200 / B) * np.exp(0.1 * rng.standard_normal()) for B in 4.0 ** np.arange(7)}
        )
        for name in hits:
            interval = getattr(fit, name)
            hits[name] += interval.low <= true[name] <= interval.high
    assert all(abs(count - 285) < 5 * math.sqrt(300 * 0.95 * 0.05) for count in hits.values()), hits


def test_a_fit_needs_three_sizes_that_arrived_and_says_what_it_cannot_tell():
    assert critical_batch.fit({}) is None
    assert critical_batch.fit({1.0: 100.0, 0.1: 20.0, 0.01: math.inf, 0.5: math.nan}) is None
    straight = critical_batch.fit({1 / B: 1000.0 / B for B in (1, 4, 16, 64)})  # no size is large enough to see B_c
    assert straight.E_min.estimate == pytest.approx(1000, rel=1e-3)
    assert straight.B_c.estimate > 1e4
    noisy = critical_batch.fit({1.0: 990.0, 1 / 4: 255.0, 1 / 16: 61.0, 1 / 64: 15.9})
    assert noisy.B_c.low < 1e3
    assert noisy.B_c.high > 1e4


# ---- directions ------------------------------------------------------------------------------------------------------


def test_cosine():
    a, b = np.array([3.0, 0.0]), np.array([1.0, 1.0])
    assert cosine(a, b) == pytest.approx(math.sqrt(0.5))
    assert cosine(1e-150 * a, -1e-150 * b) == pytest.approx(-math.sqrt(0.5))
    assert math.isnan(cosine(a, 0 * b))


def test_a_witness_changes_nothing(digits):
    """The same end as plain SGD, though it looked at gradients of other rows in between."""
    ends, y = [], digits.y_train
    for witness in (False, True):
        model = MLP((64, 5, 10), activation="tanh")
        X = digits.X_train
        optimizer = Witness(0.3, model.batch(X, y), {1, 2, 7}, np.random.default_rng(0)) if witness else SGD(0.3)
        train(model, X, y, optimizer=optimizer, batch_size=30, epochs=2, rng=np.random.default_rng(4))
        ends.append(model.theta)
    assert optimizer.seen["update"] == [1, 2, 7]
    assert ends[0] == pytest.approx(ends[1], rel=1e-12)


def test_a_batch_drawn_afresh_points_as_predicted_and_one_of_an_epoch_does_not(binary):
    """Rows that come last in an epoch have not been fitted in it yet, so G is made of them, and they of G."""
    model = LogisticRegression(64)
    X, y = binary.X_train, binary.y_train
    witness = Witness(1.0, model.batch(X, y), set(range(1, 401)), np.random.default_rng(0))
    train(model, X, y, optimizer=witness, batch_size=30, epochs=100, rng=np.random.default_rng(1))
    predicted, fresh, batch = (np.mean(witness.seen[name]) for name in ("predicted", "cos_fresh", "cos_batch"))
    assert fresh == pytest.approx(predicted, abs=0.06)
    assert batch > fresh + 0.05
    assert all(0 < value < 1 for value in witness.seen["predicted"])
