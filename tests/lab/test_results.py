"""Results: strict JSON, files whole or not at all, rows as tables."""

import json
import math
import os

import numpy as np
import pytest
from device import device_backend
from hypothesis import given
from hypothesis import strategies as st

from experiments.lab import results
from minigrad import get_backend
from minigrad.engine.backend import NumpyBackend


def strict_json(path):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_json_holds_numpy_and_has_null_for_what_json_lacks(tmp_path):
    value = {
        "nan": math.nan,
        "infinity": [math.inf, -math.inf, np.float64(np.inf), np.float32(np.nan)],
        "numpy": [np.float32(0.5), np.int64(7), np.bool_(True), np.array([[1.0, np.nan]]), np.arange(2), np.str_("s")],
        "plain": [1, True, None, "η", 0.1, (1, 2)],
        3: {0.0316: np.float64(1 / 3)},
        "zero": np.array(2.5).item(),
    }
    path = results.write_json(tmp_path / "result.json", value)
    assert path == tmp_path / "result.json"
    assert strict_json(path) == {
        "nan": None,
        "infinity": [None] * 4,
        "numpy": [0.5, 7, True, [[1.0, None]], [0, 1], "s"],
        "plain": [1, True, None, "η", 0.1, [1, 2]],
        "3": {"0.0316": 1 / 3},
        "zero": 2.5,
    }
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)
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


def test_the_environment_says_what_was_measured_on():
    found = results.environment(get_backend("numpy"))
    assert {"date", "python", "platform", "processor", "cores", "versions", "blas", "device"} <= set(found)
    assert found["versions"]["numpy"] == np.__version__
    assert {"numpy", "scipy", "matplotlib"} <= set(found["versions"])
    assert found["cores"] == os.cpu_count()
    assert found["blas"]
    assert all("threads" in pool for pool in found["blas"])
    assert found["device"] == "cpu"
    assert (found["gpu"] == "") == (get_backend("auto").name == "numpy")
    assert found["date"].endswith("+00:00")
    json.dumps(found, allow_nan=False)


def test_the_environment_names_a_gpu_that_answers(monkeypatch):
    monkeypatch.setattr(results, "get_backend", {"auto": device_backend()}.get)
    found = results.environment(NumpyBackend())
    assert (found["device"], found["gpu"]) == ("cpu", "a stand-in for a device")


def test_a_frame_has_the_rows_of_a_kind_and_never_is_infinite():
    rows = [
        {"kind": "run", "seed": 0, "updates_to_target": 3.0, "loss": None},
        {"kind": "run", "seed": 1, "updates_to_target": None, "loss": 0.5},
        {"kind": "timing", "microseconds": 1.0},
    ]
    runs = results.frame({"rows": rows}, "run", never=["updates_to_target"])
    assert runs.updates_to_target.tolist() == [3.0, math.inf]
    assert runs.loss.isna().tolist() == [True, False]
    assert results.frame({"rows": rows}, "run", seed=1).seed.tolist() == [1]
    nothing = results.frame({"rows": rows}, "nonsense", never=["updates_to_target"])
    assert nothing.empty
    assert nothing.updates_to_target.tolist() == []
