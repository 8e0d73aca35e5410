"""Archives by hand: whatever a file holds, it is read whole or refused by a documented error, in bounded memory."""

import gzip
import io
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import refused

from minigrad import MLP, LogisticRegression, load_mnist, load_table
from minigrad.data import kinds
from minigrad.engine.archive import read_archive

ARRAYS = {
    "X": np.arange(12.0).reshape(4, 3),
    "y": np.array([0, 1, 0, 1]),
    "text": np.array(["ü", "ab"]),
    "F": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "scalar": np.array(3),
    "empty": np.empty((0, 5)),
}


@pytest.fixture
def path(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    return tmp_path / "a.npz"


def archive_of(path, header=b"", numbers=b"", magic=b"\x93NUMPY\x01\x00", name="X.npy"):
    """An archive with one array whose header says whatever it likes."""
    padded = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, magic + len(padded).to_bytes(2, "little") + padded + numbers)


def test_arrays_are_read_as_numpy_reads_them(path):
    found, names = read_archive(path, ARRAYS)
    assert names == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
    assert read_archive(path, ("X", "none"))[0].keys() == {"X"}


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",  # 8 TB
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1.5,), }",
        b"{'descr': '<f8', 'shape': (1,), }",
        b"{'descr': '<V8', 'fortran_order': False, 'shape': (1,), }",
        b"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }",
        b"((((((((((" * 100,
        b"__import__('os').system('true')",
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_a_header_that_lies_is_refused_before_anything_is_allocated(tmp_path, header):
    path = tmp_path / "a.npz"
    archive_of(path, header, b"\0" * 8)
    tracemalloc.start()
    try:
        with refused("cannot be read", "expected an .npz file", kind=ValueError):
            read_archive(path, ("X",))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_every_byte_of_a_small_archive_may_turn(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, X=ARRAYS["X"][:1])
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            found, _ = read_archive(path, ("X",))
        except ValueError as error:
            assert "expected an .npz file" in str(error)
        else:
            assert all(np.array_equal(found[name], ARRAYS["X"][:1]) for name in found)


@given(data=st.data())
def test_a_byte_that_turned_is_found_or_changes_nothing(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("turned") / "a.npz"
    np.savez_compressed(path, X=ARRAYS["X"], y=ARRAYS["y"])
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found, _ = read_archive(path, ("X", "y"))
    except ValueError as error:
        assert "expected an .npz file" in str(error)
    else:
        assert all(np.array_equal(found[name], ARRAYS[name]) for name in found)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "a.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"expected an \.npz file"):
        read_archive(path, ("X",))


def test_more_than_the_bound_is_refused_unread(tmp_path, path, monkeypatch):
    monkeypatch.setenv("MINIGRAD_MAX_BYTES", "100")
    with refused("unpacks to", "expected at most 100", "MINIGRAD_MAX_BYTES"):
        read_archive(path, ("X",))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1000))
    with refused("t.csv.gz", "unpacks to", "at most 100"):
        load_table(tmp_path / "t.csv.gz")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0" * 200)
    for name in ("train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / name).write_bytes(b"")
    with refused("train-images-idx3-ubyte", "unpacks to", "at most 100"):
        load_mnist(tmp_path)
    monkeypatch.setenv("MINIGRAD_MAX_BYTES", "much")
    with refused("MINIGRAD_MAX_BYTES is 'much'", "expected a whole number"):
        read_archive(path, ("X",))


def test_a_bomb_of_gzip_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGRAD_MAX_BYTES", str(10**7))
    with gzip.open(tmp_path / "bomb.csv.gz", "wb", compresslevel=1) as file:
        file.write(b"a,b\n")
        for _ in range(40):
            file.write(b"1,2\n" * 250_000)
    tracemalloc.start()
    try:
        with refused("bomb.csv.gz", "at most 10,000,000"):
            load_table(tmp_path / "bomb.csv.gz")
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


def test_a_line_without_an_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "LONGEST_LINE", 10**6)
    (tmp_path / "long.csv").write_bytes(b"a,b\n" + b"1," * (3 * 10**6))
    with refused("long.csv", "a line of over"):
        load_table(tmp_path / "long.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name")
def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", "/dev/zero", "/dev/urandom"):
        with refused("is no regular file", kind=OSError):
            load_table(path)
    os.mkfifo(tmp_path / "pipe.npz")
    with refused("is no regular file", kind=OSError):
        MLP.load(tmp_path / "pipe.npz")


# ---- saved models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "theta",
    [
        np.array([1, np.nan, 0, 0]),
        np.array([1, np.inf, 0, 0]),
        np.array(["a", "b", "c", "d"]),
        np.ones(4, complex),
        np.ones((2, 2)),
        np.ones(4, bool),
    ],
)
def test_a_theta_that_is_no_vector_of_finite_numbers_is_refused(tmp_path, theta):
    np.savez(tmp_path / "m.npz", theta=theta, arguments='{"n_features": 3, "dtype": "float64", "backend": "numpy"}')
    with refused("m.npz", "LogisticRegression", "expected finite numbers", kind=ValueError):
        LogisticRegression.load(tmp_path / "m.npz")


def test_a_theta_beyond_float32_is_refused(tmp_path):
    theta = np.array([1.0, 1e300, 0, 0])
    np.savez(tmp_path / "m.npz", theta=theta, arguments='{"n_features": 3, "dtype": "float32", "backend": "numpy"}')
    with refused("m.npz", "float32 cannot hold", kind=ValueError):
        LogisticRegression.load(tmp_path / "m.npz")


@pytest.mark.parametrize(
    "arguments",
    [
        '{"layer_sizes": [1000000, 1000000], "activation": "tanh"}',  # 8 TB of weights
        '{"layer_sizes": 3}',
        '{"layer_sizes": ["a", "b"]}',
        '{"layer_sizes": []}',
        '{"layer_sizes": [3, 1], "dtype": "float99"}',
        '{"layer_sizes": [3, 1], "backend": 7}',
        '{"layer_sizes": [3, 1], "unknown": 7}',
        "null",
        "{",
        "[" * 100_000,
    ],
)
def test_arguments_that_make_no_model_are_refused(tmp_path, arguments):
    np.savez(tmp_path / "m.npz", theta=np.zeros(4), arguments=arguments)
    with refused("m.npz", "holds no saved MLP", kind=ValueError):
        MLP.load(tmp_path / "m.npz")


@given(data=st.data())
def test_a_model_s_file_with_a_byte_turned_is_the_model_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("model") / "m.npz"
    model = MLP((3, 2, 1))
    model.save(path)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = MLP.load(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert np.array_equal(found.theta, model.theta)


def test_an_archive_in_memory_of_a_stranger_is_no_pickle(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, X=np.array([{"a": 1}], dtype=object))
    (tmp_path / "a.npz").write_bytes(buffer.getvalue())
    with refused("an array of object", kind=ValueError):
        read_archive(tmp_path / "a.npz", ("X",))
