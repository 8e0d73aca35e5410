"""Curvature: Hessians and their largest eigenvalue, against the formula and complex steps."""

import numpy as np
import pytest
from strategies import plain_gradient

from experiments.lab import curvature
from minigrad import MLP, LogisticRegression


def bent(rng, backend="numpy", dtype="float64"):
    """A small tanh network, its data on its device, and the Hessian of its loss by complex steps."""
    X, y = rng.standard_normal((20, 3)), rng.integers(0, 3, 20)
    model = MLP((3, 4, 3), activation="tanh", dtype=dtype, backend=backend, rng=rng)
    theta = model.backend.to_numpy(model.theta).astype(float)

    def gradient(theta):
        return plain_gradient(theta, (3, 4, 3), "tanh", X, y)

    H = np.array([(gradient(theta + 1e-5 * e) - gradient(theta - 1e-5 * e)) / 2e-5 for e in np.eye(len(theta))])
    return model, model.backend.asarray(X, dtype), model.backend.asarray(y), H


def test_curvature_of_logistic_regression_is_the_formula(binary):
    model = LogisticRegression(64, rng=np.random.default_rng(0))
    X, y = binary.X_train, binary.y_train
    x, h = np.c_[X, np.ones(len(X))], model.forward(X)
    H = x.T @ (x * (h * (1 - h))[:, None]) / len(X)
    kept, v = model.theta.copy(), np.random.default_rng(1).standard_normal(65)
    assert curvature.hessian_vector_product(model, X, y, v) == pytest.approx(H @ v, abs=1e-8)
    assert curvature.hessian(model, X, y) == pytest.approx(H, abs=1e-8)
    assert curvature.largest_eigenvalue(model, X, y) == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=1e-6)
    assert (model.theta == kept).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-3)])
def test_curvature_of_a_network_on_any_backend(backend, dtype, tolerance):
    model, X, y, H = bent(np.random.default_rng(2), backend, dtype)
    kept = model.backend.to_numpy(model.theta).copy()
    v = np.random.default_rng(3).standard_normal(len(H))
    for length in (1.0, 1e-6, 1e6):  # of v, which must not matter
        product = curvature.hessian_vector_product(model, X, y, model.backend.asarray(length * v, dtype))
        assert model.backend.to_numpy(product) / length == pytest.approx(H @ v, abs=10 * tolerance)
    found = curvature.hessian(model, X, y)
    assert (found == found.T).all()
    assert found == pytest.approx(H, abs=tolerance)
    assert curvature.largest_eigenvalue(model, X, y) == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=10 * tolerance)
    assert (model.backend.to_numpy(model.theta) == kept).all()


def test_the_largest_eigenvalue_is_the_most_positive(monkeypatch):
    monkeypatch.setattr(curvature, "hessian_vector_product", lambda model, X, y, v: np.array([-5.0, 1.0, 2.0, 0.0]) * v)
    assert curvature.largest_eigenvalue(LogisticRegression(3), None, None) == pytest.approx(2.0)


def test_the_largest_eigenvalue_of_a_saturated_network_is_nothing(binary):
    model = MLP((64, 2, 1), activation="tanh", rng=np.random.default_rng(0))
    model.theta *= 1e6
    assert curvature.largest_eigenvalue(model, binary.X_train, binary.y_train) == 0


def test_the_curvature_along_nothing_is_nothing():
    model, X, y, H = bent(np.random.default_rng(2))
    assert not curvature.hessian_vector_product(model, X, y, np.zeros(len(H))).any()


def test_curvature_that_fails_leaves_theta_as_it_was():
    model, X, y, H = bent(np.random.default_rng(2))
    kept = model.theta.copy()
    with pytest.raises(ValueError, match="label"):
        curvature.hessian_vector_product(model, X, y + 7, np.ones(len(H)))
    assert (model.theta == kept).all()
