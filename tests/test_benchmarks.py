"""The GPU benchmark, run on the CPU: without a GPU only its plumbing can be tested."""

import json
import math

import pytest

from benchmarks import gpu
from minigrad import BackendUnavailable, get_backend


def test_the_line_of_overhead_and_work_is_found():
    rows = [{"what": "made up", "batch_size": B, "microseconds": [0, 50 + 0.25 * B, 0]} for B in (1, 8, 64, 512, 4096)]
    rows += [{"what": "one point", "batch_size": 1, "microseconds": [0, 1, 0]}]
    fits = gpu.fits(rows)
    assert list(fits) == ["made up"]
    assert fits["made up"] == pytest.approx({"a": 50, "b": 0.25, "a_over_b": 200}, rel=1e-6)


def test_it_measures_every_size_and_path(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gpu, "torch_rows", lambda *_: [])  # their own tests are the races
    monkeypatch.setattr(gpu, "jax_rows", lambda *_: [])
    assert gpu.main(["--backend", "numpy", "--largest", "10", "--repeats", "2", "--out", str(tmp_path)]) == 0
    assert "a/b" in capsys.readouterr().out
    report = json.loads((tmp_path / "gpu.json").read_text())
    batched = [row["batch_size"] for row in report["rows"] if row["what"] == "mlp, batched, numpy"]
    assert batched == [1, 2, 4, 8, 10]
    paths = {row["what"] for row in report["rows"]}
    assert {
        f"{kind}, per sample, {path}, numpy" for kind in ("mlp", "logistic") for path in ("textbook", "fast")
    } < paths
    assert all(0 < q < math.inf for row in report["rows"] for q in row["microseconds"])
    assert (tmp_path / "gpu.png").stat().st_size > 10_000


def test_without_a_gpu_it_says_so_in_one_line(tmp_path, capsys):
    try:
        get_backend("cupy")
    except BackendUnavailable:
        assert gpu.main(["--out", str(tmp_path / "out")]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "cupy" in err
        assert not (tmp_path / "out").exists()
    else:
        pytest.skip("there is a GPU here")
