"""Batches are one epoch; the digits are real; the test part has no say in how features are scaled."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import refused

import minigrad.data
from minigrad.data import Dataset, batches, load_digits, split, standardise


@st.composite
def n_and_batch_size(draw):
    n = draw(st.integers(1, 200))
    return n, draw(st.integers(1, n))


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def small(y_train, y_test=(0, 1, 2), classes=("ant", "bee", "cow"), name="farm"):
    X_train, X_test = (np.arange(2.0 * len(y)).reshape(-1, 2) for y in (y_train, y_test))
    return Dataset(X_train, np.array(y_train), X_test, np.array(y_test), name, classes)


# --- batches


@given(n_and_batch_size(), st.integers(0, 2**32), st.booleans())
def test_shuffled_batches_cut_a_permutation(sizes, seed, drop_last):
    n, batch_size = sizes
    epoch = list(batches(n, batch_size, np.random.default_rng(seed), drop_last))
    n_full, rest = divmod(n, batch_size)
    assert [len(batch) for batch in epoch] == [batch_size] * n_full + [rest] * (rest > 0 and not drop_last)
    rows = np.concatenate(epoch)
    assert len(set(rows.tolist())) == len(rows) and set(rows.tolist()) <= set(range(n))


@given(n_and_batch_size(), st.booleans())
def test_batches_in_order_are_slices(sizes, drop_last):
    n, batch_size = sizes
    epoch = list(batches(n, batch_size, drop_last=drop_last))
    assert all(isinstance(batch, slice) for batch in epoch)
    end = n // batch_size * batch_size if drop_last else n
    assert np.concatenate([np.arange(n)[batch] for batch in epoch]).tolist() == list(range(end))
    assert all(batch.stop <= n for batch in epoch)  # so that stop − start is the batch's length


def test_ragged_last_batch():
    assert list(batches(10, 4)) == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert list(batches(10, 4, drop_last=True)) == [slice(0, 4), slice(4, 8)]
    assert list(batches(8, 4, drop_last=True)) == [slice(0, 4), slice(4, 8)]


def test_seed_decides_the_batches():
    def epochs(seed):
        rng = np.random.default_rng(seed)
        return [np.concatenate(list(batches(50, 7, rng))).tolist() for _ in range(2)]

    first, second = epochs(3)
    assert epochs(3) == [first, second]
    assert first != second, "one generator shuffles anew each epoch"
    assert epochs(4)[0] != first
    assert first == np.random.default_rng(3).permutation(50).tolist()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1), ValueError, "n is 0;"),
        ((-3, 1), ValueError, "n is -3;"),
        ((10.0, 1), ValueError, "n is 10.0;"),
        ((True, 1), ValueError, "n is True;"),
        ((10, 0), ValueError, "batch_size is 0;"),
        ((10, -1), ValueError, "batch_size is -1;"),
        ((10, 2.5), ValueError, "batch_size is 2.5;"),
        ((10, "all"), ValueError, "batch_size is 'all';"),
        ((10, 11), ValueError, "batch_size is 11; expected a whole number from 1 to 10"),
        ((10, 2, 0), TypeError, "rng is 0;"),
        ((10, 2, np.random.RandomState(0)), TypeError, "expected a numpy.random.Generator"),
    ],
)
def test_bad_batches_are_refused_at_the_call(arguments, error, message):
    with pytest.raises(error) as caught:
        batches(*arguments)  # nothing is drawn from it
    assert message in str(caught.value) and "\n" not in str(caught.value)


# --- standardise and split


@given(st.integers(2, 30), st.integers(1, 5), st.integers(0, 2**32))
def test_standardise_against_a_loop(m, n, seed):
    rng = np.random.default_rng(seed)
    X_train, X_test = rng.normal(3, 5, (m, n)), rng.normal(3, 5, (4, n))
    A, B = standardise(X_train, X_test)
    for j in range(n):
        mean = sum(X_train[:, j]) / m
        deviation = (sum((x - mean) ** 2 for x in X_train[:, j]) / m) ** 0.5
        np.testing.assert_allclose(A[:, j], (X_train[:, j] - mean) / deviation, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(B[:, j], (X_test[:, j] - mean) / deviation, rtol=1e-9, atol=1e-9)


def test_test_rows_have_no_say():
    rng = np.random.default_rng(0)
    X_train, X_test = rng.normal(size=(20, 3)), rng.normal(size=(5, 3))
    before = X_train.copy()
    one, _ = standardise(X_train, X_test)
    other, _ = standardise(X_train, 1e6 * X_test + 7)
    assert np.array_equal(one, other)
    assert np.array_equal(X_train, before), "the argument is left as it was"


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 + 0.1, -7.3])
def test_constant_feature_is_only_centred(value):
    # The mean of 0.1, 0.1, 0.1 is not exactly 0.1: dividing by that rounding error would invent a feature.
    A, B = standardise(np.full((3, 1), value), np.array([[value], [value + 2.0]]))
    assert np.array_equal(A, np.zeros((3, 1)))
    np.testing.assert_allclose(B, [[0.0], [2.0]], rtol=1e-7)


def test_standardise_takes_bytes():
    A, B = standardise(np.array([[0], [255]], np.uint8), np.array([[51]], np.uint8))
    assert A.tolist() == [[-1.0], [1.0]]
    np.testing.assert_allclose(B, [[51 / 127.5 - 1]], rtol=1e-15)


@pytest.mark.parametrize("exponent", [-1000, -600, -400, 400, 600, 1000])
def test_features_of_any_size_are_standardised_alike(exponent):
    X = np.random.default_rng(0).normal(3, 2, (20, 2))
    expected, _ = standardise(X[:15], X[15:])
    scaled = X * [1, 2.0**exponent]
    found, test = standardise(scaled[:15], scaled[15:])
    assert np.array_equal(found, expected)  # to the last bit: a power of two rounds nothing
    data = split(scaled, np.arange(20) % 2)
    assert np.isfinite(test).all() and (data.scale > 0).all()


@pytest.mark.parametrize("train, test", [([0, 1e-30], [1e300]), ([0, 1e-300], [1e300])])
def test_overflow_is_refused(train, test):
    ordinary = [1.0, 2.0]
    with pytest.raises(ValueError, match=r"^feature 1 \(from 0\) overflows"):
        standardise(np.array([ordinary, train]).T, np.array([[0.0, test[0]]]))


@given(st.integers(2, 60), st.sampled_from([0.0, 0.2, 0.5, 0.99]))
def test_split_keeps_every_row_with_its_label(m, test_fraction):
    X = np.arange(m, dtype=float)[:, None]
    data = split(X, np.arange(m) % 2, "rows", ("even", "odd"), test_fraction)
    assert len(data.X_test) >= 1 and len(data.X_train) >= 1
    assert len(data.X_test) == max(1, min(m - 1, int(np.ceil(round(m * test_fraction, 9)))))
    if len(data.X_train) < 2:
        return  # one row: a constant, not scaled
    # undo the scaling with two known rows: standardised values are an increasing straight line of the row number
    values = np.concatenate([data.X_train, data.X_test])[:, 0]
    rows = np.argsort(np.argsort(values))
    assert sorted(rows) == list(range(m))
    assert np.array_equal(np.concatenate([data.y_train, data.y_test]), rows % 2)


def test_split_needs_two_rows():
    with pytest.raises(ValueError, match="number of rows is 1; expected a whole number of at least 2"):
        split(np.ones((1, 2)), np.zeros(1, np.int64), "one", ("a",))


# --- the digits


def test_digits(digits):
    assert (digits.X_train.shape, digits.X_test.shape) == ((1437, 64), (360, 64))
    assert digits.X_train.dtype == digits.X_test.dtype == np.float64
    assert digits.y_train.dtype == digits.y_test.dtype == np.int64
    assert digits.name == "digits" and digits.n_classes == 10 and digits.classes == tuple("0123456789")
    # counts of each digit as the source states them (UCI, optdigits.tes)
    counts = np.bincount(np.concatenate([digits.y_train, digits.y_test]))
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert set(digits.y_test.tolist()) == set(range(10))


def test_digits_are_standardised_by_the_training_part(digits):
    deviation = digits.X_train.std(axis=0)
    constant = digits.X_train.min(axis=0) == digits.X_train.max(axis=0)
    assert constant.any() and not constant.all()
    np.testing.assert_allclose(digits.X_train.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(deviation[~constant], 1, rtol=1e-13)
    assert np.all(digits.X_train[:, constant] == 0)
    assert np.abs(digits.X_test.mean(axis=0)).max() > 0.01


def test_digits_are_split_as_documented(digits):
    path = Path(minigrad.data.__file__).parent / "digits.csv.gz"
    rows = [line.split(",") for line in gzip.decompress(path.read_bytes()).decode().split()]
    order = np.random.default_rng(0).permutation(1797)
    assert digits.y_train.tolist() == [int(rows[i][-1]) for i in order[:1437]]
    assert digits.y_test.tolist() == [int(rows[i][-1]) for i in order[1437:]]
    pixel = np.array([float(rows[i][20]) for i in order])
    expected = (pixel - pixel[:1437].mean()) / pixel[:1437].std()
    np.testing.assert_allclose(digits.X_train[:, 20], expected[:1437], rtol=1e-12)
    np.testing.assert_allclose(digits.X_test[:, 20], expected[1437:], rtol=1e-12)


def test_digits_are_the_same_each_time(digits):
    again = load_digits()
    assert np.array_equal(again.X_train, digits.X_train) and np.array_equal(again.y_test, digits.y_test)


# --- binary tasks


@pytest.mark.parametrize(
    ("task", "ones"),
    [
        ("odd-even", {1, 3, 5, 7, 9}),
        ("3-vs-rest", {3}),
        ("three-vs-rest", {3}),
        ("five-or-more", {5, 6, 7, 8, 9}),
        ("9-or-more", {9}),
    ],
)
def test_tasks_on_all_digits(digits, task, ones):
    data = digits.binary(task)
    assert data.X_train is digits.X_train and data.X_test is digits.X_test
    assert data.y_train.tolist() == [int(k in ones) for k in digits.y_train]
    assert data.y_test.tolist() == [int(k in ones) for k in digits.y_test]
    assert data.y_train.dtype == np.int64
    assert data.name == f"digits {task}" and data.n_classes == 2


def test_task_of_two_digits_drops_the_others(digits):
    data = digits.binary("3-vs-eight")
    kept = [row for row, k in enumerate(digits.y_train) if k in (3, 8)]
    assert np.array_equal(data.X_train, digits.X_train[kept])
    assert data.y_train.tolist() == [int(digits.y_train[row] == 3) for row in kept]
    assert len(data.X_test) == len(data.y_test) == sum(k in (3, 8) for k in digits.y_test)
    assert data.classes == ("8", "3")


def test_classes_by_name_number_and_word():
    farm = small([0, 1, 2, 1])
    for task in ("bee-vs-rest", "1-vs-rest", "one-vs-rest"):
        assert farm.binary(task).y_train.tolist() == [0, 1, 0, 1]
    assert farm.binary("bee-or-more").y_train.tolist() == [0, 1, 1, 1]
    assert farm.binary("cow-vs-ant").y_train.tolist() == [0, 1]
    assert farm.binary("odd-even").y_train.tolist() == [0, 1, 0, 1]
    assert farm.binary().name == "farm odd-even"


def test_names_win_over_numbers():
    wine = small([0, 1, 2], classes=("3", "5", "8"))
    assert wine.binary("5-or-more").y_train.tolist() == [0, 1, 1]
    assert wine.binary("eight-vs-rest").y_train.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="names no class '1'"):  # not the class numbered 1, which is named "5"
        wine.binary("1-vs-rest")
    signs = small([0, 1], (0, 1), classes=("-1", "1"))
    assert signs.binary("-1-vs-1").y_train.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("even-odd", "task 'even-odd' is unknown; expected 'odd-even', 'K-vs-rest', 'A-vs-B' or 'K-or-more'"),
        ("", "task '' is unknown"),
        (5, "task 5 is unknown"),
        ("dog-vs-rest", "names no class 'dog'; expected one of 'ant', 'bee', 'cow'"),
        ("ant-vs-3", "names no class '3'"),
        ("ant-vs--1", "names no class '-1'"),
        ("-vs-", "names no class ''"),
        ("zero-or-more", "leaves fewer than two classes to train on"),
        ("ant-vs-0", "leaves fewer than two classes to train on"),
        ("cow-vs-rest", "leaves fewer than two classes to train on"),  # cow is in the test rows only
        ("ant-vs-bee", "leaves no test rows"),
    ],
)
def test_bad_tasks_are_refused(task, message):
    with pytest.raises(ValueError) as caught:
        small([0, 1, 0, 1], [2]).binary(task)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_classes_default_to_the_labels():
    y = np.array([0, 1])
    assert Dataset(np.zeros((2, 1)), y, np.zeros((2, 1)), y + 1, "plain").classes == ("0", "1", "2")


def test_import_is_light():
    code = "import minigrad.data, sys; print([m for m in {!r} if m in sys.modules])"
    heavy = ["urllib.request", "http.client", "tqdm", "matplotlib"]
    done = subprocess.run([sys.executable, "-c", code.format(heavy)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_dataset_tells_what_it_holds():
    data = load_digits()
    assert repr(data) == "<Dataset 'digits': 1,437 training and 360 test rows of 64 features, 10 classes>"
    page = data._repr_html_()
    assert page.count("<tr>") == 11
    assert "<th scope='row'>7</th>" in page
    odd = Dataset(
        np.zeros((30, 1)), np.arange(30), np.zeros((1, 1)), np.array([0]), "<b>", tuple("<i>" for _ in range(30))
    )
    assert "<b>" not in odd._repr_html_()
    assert "<i>" not in odd._repr_html_()
    assert "10 classes more" in odd._repr_html_()


def test_rows_can_be_had_as_they_were():
    data = load_digits()
    for part in (data, data.binary("3-vs-8")):
        grey = part.original(part.X_train)
        assert np.allclose(grey, np.rint(grey))
        assert grey.min() >= -1e-9
        assert grey.max() <= 16 + 1e-9
    X = np.arange(12.0).reshape(6, 2)
    whole = split(X, np.array([0, 1] * 3))
    assert whole.name == "data"
    assert whole.classes == ("0", "1")
    both = np.concatenate([whole.original(whole.X_train), whole.original(whole.X_test)])
    assert np.allclose(both[np.argsort(both[:, 0])], X)
    with refused("mean and scale", kind=ValueError):
        Dataset(X, X[:, 0].astype(int), X, X[:, 0].astype(int), "bare").original(X)


@pytest.mark.parametrize("count", [3, 4, 10, 57, 399, 400])
@pytest.mark.parametrize("counts", [(300, 95, 5), (398, 1, 1), (134, 133, 133)])
def test_a_sample_has_the_classes_shares(counts, count):
    """Each class has its share to a row, and one row at the least; the rows stay what and where they were."""
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(3), counts))
    X = np.stack([np.arange(400.0), y], axis=1)
    whole = Dataset(X, y, X[:7], y[:7], "d")
    part = whole.sample(count, 5)
    kept = part.X_train[:, 0].astype(int)
    assert (len(kept), part.drawn_from) == (count, 400)
    assert (np.diff(kept) > 0).all()
    assert np.array_equal(part.X_train, X[kept])
    assert np.array_equal(part.y_train, y[kept])
    assert part.X_test is whole.X_test
    assert part.y_test is whole.y_test
    here = np.bincount(part.y_train, minlength=3)
    shares = 1 + (count - 3) * (np.array(counts) - 1) / 397  # one row each, and of the others the share
    assert (abs(here - shares) < 1 + 1e-9).all()
    assert np.array_equal(kept, whole.sample(count, np.random.default_rng(5)).X_train[:, 0])
    assert count == 400 or not np.array_equal(kept, whole.sample(count, 6).X_train[:, 0]) or count > 390


def test_every_row_has_the_same_chance_to_be_in_a_sample():
    y = np.repeat([0, 1], [30, 10])
    data = Dataset(np.arange(40.0)[:, None], y, np.zeros((1, 1)), y[:1], "d")
    hits = np.zeros(40)
    for seed in range(2000):
        hits[data.sample(12, seed).X_train[:, 0].astype(int)] += 1
    assert hits.sum() == 24_000
    for of_class in (hits[:30], hits[30:]):
        deviation = np.sqrt(2000 * 0.3 * 0.7)
        assert (abs(of_class - of_class.mean()) < 5 * deviation).all()


@pytest.mark.parametrize("count", [0, 1, 5, 2.5, "3"])
def test_a_sample_of_more_rows_than_there_are_or_fewer_than_classes_is_refused(count):
    y = np.array([0, 1, 0, 1])
    with pytest.raises((ValueError, TypeError), match=f"count is {count!r}"):
        Dataset(np.zeros((4, 1)), y, np.zeros((1, 1)), y[:1], "d").sample(count)
