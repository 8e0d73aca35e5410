"""Gradients and updates at the edge: each against the same formula at 50 digits, 1e-300 to 1e+300; see `exact.py`."""

import math

import mpmath
import numpy as np
import pytest
from exact import Exact, both, close, sigmoid, sigmoid_slope
from mpmath import mpf

from minigrad import MLP, SGD, Adagrad, Adam, LogisticRegression, gradient_noise, log_loss_from_logits

# ---- gradients -------------------------------------------------------------------------------------------------------


def exact_gradient(model, X, y):
    """∂J/∂θ and J, entry by entry, with the absolute values of the terms."""
    slopes = {
        "tanh": (mpmath.tanh, lambda z: mpmath.sech(z) ** 2),
        "relu": (lambda z: max(z, mpf(0)), lambda z: mpf(z > 0)),
    }
    function, slope = slopes[getattr(model, "activation", "tanh")]
    layers = [
        ([[Exact(w) for w in row] for row in W.reshape(len(W), -1).tolist()], [Exact(w) for w in b.tolist()])
        for W, b in model.layers
    ]
    total, m = None, len(X)
    for x, label in zip(X.tolist(), y.tolist()):
        a, z = [[Exact(each) for each in x]], []
        for W, b in layers:
            z.append([sum((a_j * W[j][k] for j, a_j in enumerate(a[-1])), b[k]) for k in range(len(b))])
            a.append([each.of(function, slope) for each in z[-1]])
        delta = [output_delta(z[-1], label, m)]
        for l in range(len(layers) - 1, 0, -1):
            back = [sum((d * w for d, w in zip(delta[0], row)), Exact(0)) for row in layers[l][0]]
            bends = [Exact(slope(each.value), 1 + each.terms) for each in z[l - 1]]  # 1 − a², |f''| below 1
            delta.insert(0, [d * bend for d, bend in zip(back, bends)])
        own = []
        for a_l, delta_l in zip(a, delta):
            own += [a_j * d for a_j in a_l for d in delta_l] + delta_l
        total = own if total is None else [one + two for one, two in zip(total, own)]
    return total


def output_delta(z, label, m):
    """(h − y) / m of one output or K, for logits with their terms."""
    if len(z) == 1:
        h = [z[0].of(sigmoid, sigmoid_slope)]
    else:
        shares = [mpmath.exp(each.value) for each in z]
        spread = sum(each.terms for each in z)  # each logit moves each share, by less than the share itself
        h = [Exact(share / sum(shares), share / sum(shares) * (1 + spread)) for share in shares]
    y = [label] if len(z) == 1 else [int(k == label) for k in range(len(z))]
    return [Exact((each.value - y_k) / m, (each.terms + y_k) / m) for each, y_k in zip(h, y)]


MODELS = {
    "logistic": lambda dtype: LogisticRegression(3, dtype=dtype),
    "tanh": lambda dtype: MLP((3, 2, 1), activation="tanh", dtype=dtype),
    "relu": lambda dtype: MLP((3, 4, 3), activation="relu", dtype=dtype),
    "deep": lambda dtype: MLP((3, 2, 2, 2), activation="tanh", dtype=dtype),
}
SIZES = {"float64": [1e-300, 1e-100, 1e-8, 1.0, 1e8, 1e100, 1e300], "float32": [1e-37, 1e-8, 1.0, 1e8, 1e37]}


@both
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("inverse", [True, False], ids=["weights are their inverse", "weights near 1"])
def test_gradients_for_features_of_any_size(dtype, make, inverse):
    rng = np.random.default_rng(0)
    for size in SIZES[dtype] if inverse else SIZES[dtype][:4]:
        model = make(dtype)
        model.theta[:] = rng.standard_normal(model.n_parameters)
        if inverse:
            W, _ = model.layers[0]
            W /= np.array(size, dtype)
        X = (size * rng.uniform(0.1, 2, (4, 3)) * rng.choice([-1, 1], (4, 3))).astype(dtype)
        y = np.arange(4) % model.n_classes
        exact = exact_gradient(model, X, y)
        values, terms = [each.value for each in exact], [each.terms for each in exact]
        close(model.gradient(X, y), values, dtype, terms)
        close(model.sample_gradients(X, y).mean(axis=0), values, dtype, terms)
        close(gradient_noise(model, X, y).mean, values, dtype, terms)


# ---- optimizers ------------------------------------------------------------------------------------------------------


def momentum(state, G, rate, mu):
    state["v"] = Exact(mu) * state.get("v", Exact(0)) + G
    return Exact(-rate) * state["v"]


def adagrad(state, G, rate):
    state["s"] = state.get("s", mpf(0)) + G.value**2
    return Exact(-rate * G.value / (mpmath.sqrt(state["s"]) + mpf(Adagrad.epsilon)))


def adam(state, G, rate, beta1, beta2):
    state["t"] = t = state.get("t", 0) + 1
    beta1, beta2 = mpf(beta1), mpf(beta2)
    state["m"] = Exact(beta1) * state.get("m", Exact(0)) + Exact(1 - beta1) * G
    state["v"] = beta2 * state.get("v", mpf(0)) + (1 - beta2) * G.value**2
    root = mpmath.sqrt(state["v"] / (1 - beta2**t)) + mpf(Adam.epsilon)
    return Exact(-rate / (1 - beta1**t) / root) * state["m"]


OPTIMIZERS = {
    "SGD": (lambda: SGD(0.3), lambda state, G: Exact(-0.3) * G),
    "momentum": (lambda: SGD(0.3, momentum=0.9), lambda state, G: momentum(state, G, 0.3, 0.9)),
    "Adagrad": (lambda: Adagrad(0.2), lambda state, G: adagrad(state, G, 0.2)),
    "Adam": (lambda: Adam(0.05), lambda state, G: adam(state, G, 0.05, 0.9, 0.999)),
    "long memory": (
        lambda: Adam(0.05, 1 - 1e-9, 1 - 1e-12),
        lambda state, G: adam(state, G, 0.05, 1 - 1e-9, 1 - 1e-12),
    ),
    "no memory": (lambda: Adam(0.05, 0, 0), lambda state, G: adam(state, G, 0.05, 0, 0)),
}


@both
@pytest.mark.parametrize(("make", "formula"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_updates_for_gradients_of_any_size(dtype, make, formula):
    root = math.sqrt(float(np.finfo(dtype).max)) / 4  # squares are numbers, and so are their sums
    sizes = np.array([1e-24, 1e-12, 1e-6, 1, 1e6, root] if dtype == "float32" else [1e-300, 1e-9, 1, 1e9, 1e100, root])
    rng = np.random.default_rng(1)
    optimizer, theta, states = make(), np.zeros(len(sizes), dtype), [{} for _ in sizes]
    for _ in range(4):
        G = (sizes * rng.uniform(-1, 1, len(sizes))).astype(dtype)
        before = [Exact(each) for each in theta.tolist()]
        optimizer.update(theta, G)
        exact = [one + formula(state, Exact(g)) for one, state, g in zip(before, states, G.tolist())]
        close(theta, [each.value for each in exact], dtype, [each.terms for each in exact])


@both
def test_where_a_square_is_no_number_an_entry_stays_and_a_mean_is_infinite_without_a_warning(dtype):
    size = 1e160 if dtype == "float64" else 1e30
    X, y = np.array([[size, -1.0], [size, 1.0]]), [0, 1]
    for optimizer in (Adagrad(0.1), Adam(0.1)):
        model = LogisticRegression(2, dtype=dtype)
        optimizer.step(model, X[:1], y[:1])
        assert model.theta[0] == 0  # η G / ∞
        assert model.theta[1] != 0
    noise = gradient_noise(LogisticRegression(2, dtype=dtype), X, [0, 0])
    assert noise.trace == noise.noise_scale == noise.std(3) == math.inf
    top = float(np.finfo(dtype).max)
    assert log_loss_from_logits(np.array([top, top], dtype), [0, 0]) == math.inf
    assert log_loss_from_logits(np.array([[top, -top]], dtype), [1]) == math.inf
