"""What stands beside a result, against counts written out."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.lab import facts, results
from experiments.lab.text import headline, left_out_text
from minigrad import Dataset, LogisticRegression, batches
from minigrad.engine.backend import NumpyBackend

HEADLINE = {"dataset": "d", "rows": 120, "features": 4, "classes": 2, "hidden": (3,), "activation": "tanh"}
HEADLINE |= {"backend": "numpy", "dtype": "float64", "seeds": 3}


def counted(*test_rows):
    return facts.base_rate({f"class {k}": {"train": 7, "test": rows} for k, rows in enumerate(test_rows)})


def guessing(label, X):
    """A model that always guesses."""
    return SimpleNamespace(backend=NumpyBackend(), predict=lambda X: np.full(len(X), label))


@pytest.mark.parametrize(
    ("test_rows", "largest", "share", "uneven"),
    [
        ((1, 99), "class 1", 0.99, True),  # a minority of 1 %
        ((50, 50), "class 0", 0.5, False),
        ((25, 75), "class 1", 0.75, False),  # 1.5 times a half
        ((24, 76), "class 1", 0.76, True),
        ((0, 4), "class 1", 1.0, True),
        ((29, 24, 14), "class 0", 29 / 67, False),  # three kinds of penguins
        ((11,) + (10,) * 9, "class 0", 11 / 101, False),
    ],
)
def test_the_base_rate_is_the_share_of_the_largest_class(test_rows, largest, share, uneven):
    base = counted(*test_rows)
    assert (base.largest, base.share, base.uneven) == (largest, pytest.approx(share), uneven)
    assert f"{100 * share:.1f} % of the {sum(test_rows)} test rows" in base.text
    assert ("balanced" in base.text) == uneven
    assert base.plain() == {"largest_class": largest, "share": base.share, "classes_are_uneven": uneven}


def test_the_base_rate_of_nothing_is_not_known():
    base = facts.base_rate_of({})
    assert math.isnan(base.share)
    assert (base.uneven, base.percent) == (False, "not known")


def test_a_long_name_of_a_class_is_cut():
    base = facts.base_rate({"x" * 200: {"train": 1, "test": 1}, "y": {"train": 1, "test": 1}})
    assert len(base.text) < 110


def test_the_result_holds_the_base_rate_of_the_test_rows():
    X = np.zeros((10, 1))
    data = Dataset(X, np.arange(10) % 2, X[:4], np.array([1, 1, 1, 0]), "d", ("no", "yes"))
    read = results.data_read(data)
    assert read["base_rate"] == {"largest_class": "yes", "share": 0.75, "classes_are_uneven": False}
    assert facts.base_rate_of({"data": read}).share == 0.75


def test_who_always_guesses_the_majority_is_accurate_and_balanced_at_a_half():
    y = np.array([0] * 99 + [1])
    X = np.zeros((100, 1))
    assert facts.balanced_accuracy(guessing(0, X), X, y) == 0.5
    assert facts.balanced_accuracy(guessing(1, X), X, y) == 0.5
    assert facts.balanced_accuracy(guessing(0, X), X[:99], y[:99]) == 1.0  # the only class there is


def test_a_run_that_diverged_has_a_balanced_accuracy(backend):
    model = LogisticRegression(2, backend=backend)
    model.theta = backend.asarray([1e308, 1e308, math.nan])
    assert 0 <= facts.balanced_accuracy(model, 1e3 * np.ones((4, 2)), np.array([0, 1, 1, 0])) <= 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_are_there(rows):
    predicted, y = map(np.array, zip(*rows))
    model = SimpleNamespace(backend=NumpyBackend(), predict=lambda X: predicted)
    recalls = []
    for label in set(y.tolist()):
        hits = [guess == label for guess, truth in rows if truth == label]
        recalls.append(sum(hits) / len(hits))
    assert facts.balanced_accuracy(model, np.zeros((len(y), 1)), y) == pytest.approx(sum(recalls) / len(recalls))


@given(st.integers(1, 200), st.integers(1, 250))
def test_what_is_left_out_is_what_an_epoch_does_not_hold(rows, size):
    """`batches` itself is the oracle."""
    inside = sum(map(len, batches(rows, min(size, rows), np.random.default_rng(0), drop_last=True)))
    assert facts.left_out(rows, size) == rows - inside


def test_the_headline_says_what_epochs_leave_out():
    assert "left out" not in headline(HEADLINE | {"left_out_an_epoch": {}})
    assert "left out" not in headline(HEADLINE)
    for left in ({7: 1, 64: 56}, {"7": 1, "64": 56}):  # as it is, and as JSON has it
        assert "other ones each time: 1 at batch size 7 and 56 at 64" in " ".join(
            headline(HEADLINE | {"left_out_an_epoch": left}).split()
        )
    many = {2**k: 2**k - 1 for k in range(1, 17)}
    assert max(map(len, left_out_text({"left_out_an_epoch": many}).splitlines())) <= 100
