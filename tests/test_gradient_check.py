"""The checker is fed wrong gradients: it must refuse each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import each_shape, make_problem, refused

from minigrad import MLP, LogisticRegression, check_gradient
from minigrad.gradient_check import numerical_gradient, relative_error


class Wrong:
    """A model whose gradient is wrong in one entry."""

    change = None

    def gradient(self, X, y=None, out=None):
        out = super().gradient(X, y, out)
        entry, change = self.change
        out[entry] = change(out[entry])
        return out


class WrongLogisticRegression(Wrong, LogisticRegression):
    pass


class WrongMLP(Wrong, MLP):
    pass


CHANGES = {
    "absolute 1e-3": lambda g: g + 1e-3,
    "absolute -1e-3": lambda g: g - 1e-3,
    "relative 1e-3": lambda g: g * 1.001,
    "relative -1e-3": lambda g: g * 0.999,
    "sign": lambda g: -g,
    "zero": lambda g: 0.0,
    "nan": lambda g: np.nan,
    "inf": lambda g: np.inf,
}


def wrong_problem(shape, seed=0):
    problem = make_problem(**shape | {"activation": "tanh"}, m=9, seed=seed)
    kind = WrongLogisticRegression if type(problem.model) is LogisticRegression else WrongMLP
    right = problem.model
    problem.model = kind(**right.constructor_arguments())
    problem.model.theta = right.theta / 2
    right.theta /= 2
    return problem, right


@each_shape
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_one_wrong_entry_wherever_it_is_is_rejected_and_named(shape, change):
    problem, right = wrong_problem(shape)
    model, X, y = problem.model, problem.X, problem.y
    g, theta = right.gradient(X, y), problem.theta
    check_gradient(right, X, y)
    ordinary = abs(g) > 0.02 * abs(g).max()
    assert ordinary.sum() >= len(g) / 2
    for k in np.arange(len(g)) if "absolute" in change.__qualname__ else np.flatnonzero(ordinary):
        model.change = k, change
        with refused(f"entry {k} ", "finite differences", kind=ValueError):
            check_gradient(model, X, y)
        assert np.array_equal(model.theta, theta)


@each_shape
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_an_error_of_1e_3_in_any_entry_is_rejected(shape, seed, data):
    problem, right = wrong_problem(shape, seed)
    k = data.draw(st.integers(0, right.n_parameters - 1))
    problem.model.change = k, lambda g: g + data.draw(st.sampled_from([1e-3, -1e-3]))
    with pytest.raises(ValueError, match="finite differences"):
        check_gradient(problem.model, problem.X, problem.y)


@each_shape
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_right_gradient_passes_and_theta_is_as_before(shape, seed):
    problem = make_problem(**shape | {"activation": "tanh"}, seed=seed)
    problem.model.theta /= 2  # far from saturation, where differences of the loss drown in rounding
    before, live = problem.theta, problem.model.theta
    assert check_gradient(problem.model, problem.X, problem.y) <= 1e-5
    assert problem.model.theta is live
    assert np.array_equal(live, before)


def test_the_entry_that_is_named_is_the_one_that_decides():
    problem, right = wrong_problem({"kind": "logistic"})
    problem.X[:, 0] *= 0.01
    g = right.gradient(problem.X, problem.y)
    large = int(np.argmax(abs(g)))
    wrong = g * np.where(np.arange(len(g)) == large, 1.001, 1.0)
    wrong[0] *= 1.02  # relatively far more, absolutely less
    assert abs(wrong - g)[0] < abs(wrong - g)[large]
    problem.model.change = slice(None), lambda _: wrong
    with refused("entry 0 ", "2.0e-02", kind=ValueError):
        check_gradient(problem.model, problem.X, problem.y)


def test_theta_is_as_before_when_the_loss_fails(monkeypatch):
    problem = make_problem("logistic")
    before = problem.theta
    monkeypatch.setattr(problem.model, "loss", lambda X, y: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        check_gradient(problem.model, problem.X, problem.y)
    assert np.array_equal(problem.model.theta, before)


def test_the_tolerance_is_the_callers():
    problem = make_problem(hidden=(3,))
    error = check_gradient(problem.model, problem.X, problem.y)
    assert 0 < error < 1e-5
    with refused(kind=ValueError):
        check_gradient(problem.model, problem.X, problem.y, tolerance=error / 2)


@pytest.mark.parametrize("make", [lambda: MLP((3, 2), dtype="float32"), lambda: LogisticRegression(3, dtype="float32")])
def test_float32_is_refused(make):
    with refused("float32", "float64", kind=ValueError):
        check_gradient(make(), np.ones((2, 3)), [0, 1])


def test_numerical_gradient_of_a_function_known_by_heart():
    theta = np.array([1.0, -2.0, 0.5])
    gradient = numerical_gradient(lambda t: float(t[0] ** 2 + np.sin(t[1]) * t[2]), theta)
    np.testing.assert_allclose(gradient, [2, np.cos(-2) * 0.5, np.sin(-2)], rtol=1e-9)
    assert theta.tolist() == [1, -2, 0.5]
    assert numerical_gradient(lambda t: float(t @ t), [1, 2]).tolist() == pytest.approx([2, 4])


@pytest.mark.parametrize(
    ("gradient", "reference", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([0.0, 0.0], [0.0, 0.0], 0),
        ([], [], 0),
        ([1.0, 2.002], [1.0, 2.0], 0.002 / 2.002),
        ([1.0, 2.0], [1.0, -2.0], 2),
        ([0.0, 2.0], [1.0, 2.0], 1),
        ([1.0, 0.0], [0.0, 0.0], 1),
        ([1e-12, 1.0], [0.0, 1.0], 1e-9),
        ([np.nan, 1.0], [1.0, 1.0], np.inf),
        ([1.0, 1.0], [1.0, np.nan], np.inf),
        ([np.nan], [np.nan], np.inf),
        ([np.inf, 1.0], [1.0, 1.0], np.inf),
        ([np.inf], [np.inf], np.inf),
        ([1.0, 1.0], [-np.inf, 1.0], np.inf),
    ],
)
def test_relative_error(gradient, reference, expected):
    assert relative_error(gradient, reference) == pytest.approx(expected, rel=1e-9)


def test_one_wrong_entry_among_a_million_counts_in_full():
    reference = np.ones(1_000_000)
    gradient = reference.copy()
    gradient[123_456] += 1e-3
    assert relative_error(gradient, reference) == pytest.approx(1e-3, rel=0.01)


def test_relative_error_of_different_shapes_is_refused():
    with refused("(2,)", "(3,)", kind=ValueError):
        relative_error([1, 2], [1, 2, 3])
