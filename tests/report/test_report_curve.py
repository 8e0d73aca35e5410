"""The curve of the time to a target begins with what was measured, on axes that show it."""

import itertools

import numpy as np
import pytest

from experiments.report import curve, still


def timings(sizes, microseconds):
    rows = [
        {"kind": "timing", "path": "batched", "backend": "numpy", "batch_size": size, "repeat": 0, "microseconds": each}
        for size, each in zip(sizes, microseconds)
    ]
    return {"compare_gd_sgd": {"rows": rows}}


def test_seconds_of_an_update_are_those_that_were_timed():
    results = timings([1, 64, 1024], [10.0, 0.5, 0.1])  # µs a sample
    found = curve.seconds_an_update(results, [1, 64, 256, 1024, 4096])  # the last is larger than any timed
    assert found[0] == pytest.approx(10e-6)
    assert found[1] == pytest.approx(32e-6)
    assert found[2] == pytest.approx((32e-6 * 102.4e-6) ** 0.5, rel=0.01)  # half-way in logarithms
    assert found[3] == pytest.approx(102.4e-6, rel=0.01)
    assert found[4] is None
    assert curve.seconds_an_update({}, [1, 2]) == [None, None]
    assert curve.seconds_an_update(timings([64], [1.0]), [1, 64]) == [None, pytest.approx(64e-6)]


def test_the_curve_begins_where_it_was_measured():
    lines = {"numpy, 1 thread, 32 hidden units": {"a_over_b": {"estimate": 56.5}}}
    fits = {"drawn without replacement": {"B_c": {"estimate": 184.0}}}
    results = {
        "throughput": {"claims": {"C4b": {"evidence": {"CPU": lines}}}},
        "equal_compute": {"claims": {"C3": {"evidence": {"MLP loose": {"fits": fits}}}}},
    }
    found = curve.overhead_and_critical_batch(results)
    assert (found["ab"], found["bc"]) == (56.5, 184.0)
    assert ["measured" in each for each in found["from"]] == [True, True]
    probe = {"a_over_b": 78.0, "critical_batch_size": {"estimate": 285.0}}
    found = curve.overhead_and_critical_batch(results | {"x": {"claims": {"C9": {"evidence": probe}}}})
    assert (found["ab"], found["bc"]) == (78.0, 285.0)
    nothing = curve.overhead_and_critical_batch({})
    assert (nothing["ab"], nothing["bc"]) == (100.0, 100.0)
    assert ["as an example" in each for each in nothing["from"]] == [True, True]


@pytest.mark.parametrize(("measured", "placed"), [(1e9, 1e5), (0.2, 1.0), (106.84, 107.0)])
def test_what_was_measured_is_a_place_of_its_slider(measured, placed):
    probe = {"a_over_b": measured, "critical_batch_size": {"estimate": measured}}
    found = curve.overhead_and_critical_batch({"x": {"claims": {"C9": {"evidence": probe}}}})
    assert (found["ab"], found["bc"]) == (placed, placed)


def test_what_is_infinite_and_so_null_in_a_result_is_the_slider_s_end():
    probe = {"a_over_b": None, "critical_batch_size": {"estimate": None}}
    found = curve.overhead_and_critical_batch({"x": {"claims": {"C9": {"evidence": probe}}}})
    assert (found["ab"], found["bc"]) == (1e5, 1e5)
    assert found["from"] == ["a/b = ∞", "B_c = ∞, as best_batch_size estimated"]


def test_ticks_are_decades_and_the_fastest_size_is_always_in_view():
    axes = curve.axes([28e-6, None, 67e-6])
    for axis in axes.values():
        values = [axis["low"] * (axis["high"] / axis["low"]) ** share for share, _ in axis["ticks"]]
        assert np.log10(values) == pytest.approx(np.round(np.log10(values)))
        assert len(values) >= 3
        assert "," in axis["name"] or axis["name"] in ("updates", "time", "time over the least")
    assert [label for _, label in axes["seconds"]["ticks"]] == ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]
    for ab, bc in itertools.product(curve.ENDS, repeat=2):
        assert 0.02 < still.share(axes["B"], (ab * bc) ** 0.5) < 0.98
    assert still.share(axes["time"], 1) > 0.02


def test_an_axis_places_its_ticks_on_a_log_scale():
    axis = curve.log_axis("x", 1, 100, {1: "1", 10: "10", 100: "100", 1000: "1000"})
    assert axis["ticks"] == [(0.0, "1"), (0.5, "10"), (1.0, "100")]
    slow = curve.axes([1e-5, 1.0])["seconds"]  # labels side by side that would cover each other
    assert [label for _, label in slow["ticks"]] == ["10 µs", "", "1 ms", "", "100 ms", "", "10 s", "", "1,000 s"]
