"""A user's table as .parquet: the frame that was written; refused before it is read where it is too large."""

import contextlib
import resource

import numpy as np
import pandas as pd
import pytest

from minigrad import load_table

pytest.importorskip("pyarrow", reason="reads .parquet only where pyarrow is installed: python -m pip install pyarrow")


def flowers(rows=60):
    rng = np.random.default_rng(0)
    kinds = rng.choice(["u", "v"], rows)
    return pd.DataFrame(
        {"a": rng.random(rows), "kind": kinds, "count": rng.integers(0, 9, rows), "label": kinds == "u"}
    )


def test_it_is_the_frame_that_was_written(tmp_path):
    flowers().to_parquet(tmp_path / "flowers.parquet")
    data, frame = load_table(tmp_path / "flowers.parquet"), load_table(flowers())
    assert data.name == "flowers"
    assert data.features == frame.features
    for name in ("X_train", "y_train", "X_test", "y_test"):
        assert np.array_equal(getattr(data, name), getattr(frame, name))


def test_a_table_that_unpacks_to_too_much_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "large.parquet"
    rows = 3_000_000  # of one number, written once: a file of a few hundred kilobytes
    pd.DataFrame({f"x{j}": np.zeros(rows) for j in range(20)}).to_parquet(path)
    assert path.stat().st_size < 500_000
    monkeypatch.setenv("MINIGRAD_MAX_BYTES", str(100_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"it unpacks to 480,000,000 bytes or more; expected at most 100,000,000"):
        load_table(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_it_is_read_where_the_bound_is_just_as_large(tmp_path, monkeypatch):
    path = tmp_path / "flowers.parquet"
    flowers().to_parquet(path)
    monkeypatch.setenv("MINIGRAD_MAX_BYTES", str(60 * 4 * 8 - 1))
    with pytest.raises(ValueError, match="unpacks to 1,920 bytes"):
        load_table(path)
    monkeypatch.setenv("MINIGRAD_MAX_BYTES", str(60 * 4 * 8))
    assert len(load_table(path).X_train) == 48


@pytest.mark.parametrize("damage", [slice(0, 200), slice(0, -6), slice(200, None)])
def test_a_damaged_one_is_refused_in_one_line(tmp_path, damage):
    path = tmp_path / "flowers.parquet"
    flowers().to_parquet(path)
    path.write_bytes(b"PAR1" + path.read_bytes()[4:][damage])
    with pytest.raises(ValueError, match=r"cannot be read \(.*\); expected a .parquet file") as caught:
        load_table(path)
    assert "\n" not in str(caught.value)


def test_no_byte_of_its_directory_that_turned_ends_python_or_in_a_traceback(tmp_path):
    path = tmp_path / "flowers.parquet"
    flowers().to_parquet(path)
    whole = path.read_bytes()
    begin = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for at in range(begin, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([(whole[at] + 1) % 256]) + whole[at + 1 :])
        with contextlib.suppress(ValueError):
            load_table(path)
