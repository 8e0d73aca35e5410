"""C6: which sizes are timed and what is kept, and a small real run."""

from dataclasses import replace

import numpy as np
import pytest
import threadpoolctl
from powers_of_two_rows import B
from rooms import run
from strategies import status_of

from experiments.powers_of_two import measure as c6
from experiments.powers_of_two.judge import class_of
from experiments.powers_of_two.question import EXPERIMENT


def test_the_sizes_are_those_of_the_question():
    sizes = set(c6.SIZES)
    assert {n + step for n in (16, 32, 64, 128) for step in (-1, 0, 1)} <= sizes
    assert set(range(10, 101, 10)) | {96, 120, 160} <= sizes
    counts = np.bincount(class_of(B))
    assert counts[3] == 4
    assert counts.min() >= 4
    assert dict(zip(B.tolist(), class_of(B).tolist()))[64] == 3
    assert [class_of(np.array([n]))[0] for n in (96, 120, 100)] == [2, 1, 0]


def test_a_repetition_keeps_the_least_and_the_median(digits, settings, monkeypatch):
    asked, limits = {}, set()

    def interleaved(works, backend, rounds, rng):
        asked.update(works)
        limits.update(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        return {size: [3.0 * size, 1.0 * size, 2.0 * size] for size in works}

    monkeypatch.setattr(c6.timing, "interleaved", interleaved)
    [row] = c6.sweep_rows(digits, settings, hidden=[4, 3], dtype="float32", threads=1, repetition=0)
    assert list(asked) == c6.SIZES == row["batch_sizes"]
    assert [asked[size]() for size in (10, 160)] == [10, 160]
    assert limits == {1}
    assert row["least"] == [1.0 * size for size in B]
    assert row["median"] == [2.0 * size for size in B]
    assert row["arm"] == "4-3 hidden units, float32, numpy, 1 thread"
    assert row["on_gpu"] is False


def test_a_small_real_run(result):
    assert [row["repetition"] for row in result["rows"]] == [0, 1]
    assert {row["kind"] for row in result["rows"]} == {"sweep"}
    assert all(0 < least <= median for row in result["rows"] for least, median in zip(row["least"], row["median"]))


@pytest.mark.whole
@pytest.mark.parametrize("argv", [(), ("--seeds", "1"), ("--activation", "relu", "--quiet")])
def test_odd_arguments(argv, tmp_path, capsys, monkeypatch, digits):
    monkeypatch.setattr("minigrad.load_digits", lambda: digits)
    monkeypatch.setattr(c6.timing, "backends_here", lambda _: ["numpy"])
    quick = {"seeds": 2, "rounds": 1, "networks": ((2,),), "dtypes": ("float64",)}
    small = replace(EXPERIMENT, efforts={**EXPERIMENT.efforts, "quick": quick}, figures={})
    assert status_of(small, ["--quick", "--out", tmp_path, *argv]) == 0
    out, err = capsys.readouterr()
    assert "C6 not measured" in out
    assert err == ""
    assert (tmp_path / "powers_of_two" / "result.json").exists()


@pytest.mark.whole
def test_on_a_device(device, tiny, settings):
    """24 rows are repeated up to 160."""
    result = run(EXPERIMENT, tiny(3), replace(settings, backend=device))
    places = {row["arm"].split(", ", 2)[2]: row["on_gpu"] for row in result["rows"]}
    assert places["numpy, 1 thread"] is False
    if device.blas is None:
        assert places[device.name] is True
        assert result["claims"]["C6"]["verdict"] != "not measured"
    assert EXPERIMENT.tables(result)
