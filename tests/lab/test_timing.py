"""Timing: interleaved readings by a made-up clock, and places."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from lab_helpers import SETTINGS

from experiments.lab import sweep, timing
from minigrad import BackendUnavailable, get_backend


def test_timing_rows(binary):
    rows = timing.timing_rows(binary, SETTINGS, repeats=2)
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


def test_a_place_has_threads_on_the_cpu():
    assert timing.place(get_backend("numpy"), 1) == "numpy, 1 thread"
    assert timing.place(get_backend("numpy"), 2) == "numpy, 2 threads"
    assert timing.place(SimpleNamespace(blas=None, name="cupy"), 1) == "cupy"
