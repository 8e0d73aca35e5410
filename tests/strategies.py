"""What the property tests draw from, and the mathematics once more, written plainly and without minigrad.

The plain functions take complex parameters too: Im J(θ + i ε e_k) / ε is ∂J/∂θ_k to all digits, since nothing is
subtracted (W. Squire, G. Trapp, Using complex variables to estimate derivatives of real functions, 1998).
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from minigrad import MLP, LogisticRegression
from minigrad.engine.backend import NumpyBackend
from minigrad.functions import ACTIVATIONS
from minigrad.model import Model

# ---- the mathematics, plainly ------------------------------------------------------------------------------------


def hidden_and_logits(theta, layer_sizes, activation, X):
    """The pre-activations of each hidden layer, and the logits (m, n_L)."""
    a, start, hidden = X, 0, []
    for l, (n_in, n_out) in enumerate(zip(layer_sizes, layer_sizes[1:]), start=1):
        W = theta[start : start + n_in * n_out].reshape(n_in, n_out)
        b = theta[start + n_in * n_out : start + (n_in + 1) * n_out]
        start += (n_in + 1) * n_out
        z = a @ W + b
        if l < len(layer_sizes) - 1:
            hidden.append(z)
            a = plain_activation(activation, z)
    assert start == len(theta)
    return hidden, z


def plain_activation(name, z):
    if name == "gelu":
        return z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
    return np.tanh(z) if name == "tanh" else np.where(z.real > 0, z, 0)


def plain_loss(theta, layer_sizes, activation, X, y):
    """J(θ), the mean log loss."""
    _, z = hidden_and_logits(theta, layer_sizes, activation, X)
    if z.shape[1] == 1:
        return np.log1p(np.exp(np.where(y == 1, -1.0, 1.0) * z[:, 0])).mean()
    z = z - z.real.max(axis=1, keepdims=True)
    return (np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean()


def plain_gradient(theta, layer_sizes, activation, X, y, epsilon=1e-30):
    """∂J/∂θ (p,), entry by entry, by complex steps."""
    gradient = np.empty(len(theta))
    for k in range(len(theta)):
        moved = theta.astype(complex)
        moved[k] += 1j * epsilon
        gradient[k] = plain_loss(moved, layer_sizes, activation, X, y).imag / epsilon
    return gradient


# ---- problems ----------------------------------------------------------------------------------------------------


@dataclass
class Problem:
    """A model at random parameters, and a batch for it."""

    model: Model
    X: np.ndarray
    y: np.ndarray
    rng: np.random.Generator

    @property
    def shape(self) -> tuple[tuple[int, ...], str]:
        """What the plain functions need to know of the model."""
        return self.model.layer_sizes, getattr(self.model, "activation", "none")

    @property
    def theta(self) -> np.ndarray:
        """A copy of the parameters, in float64."""
        return self.model.theta.astype(np.float64)

    @property
    def scale(self) -> float:
        """What the rounding of a gradient is measured by: the largest sample gradient, and 1, since δ = h − y."""
        return float(abs(self.model.sample_gradients(self.X, self.y)).max()) + 1


def make_problem(kind="mlp", n=4, hidden=(3,), outputs=1, m=7, activation="tanh", dtype="float64", seed=0) -> Problem:
    rng = np.random.default_rng(seed)
    if kind == "logistic":
        model: Model = LogisticRegression(n, dtype=dtype)
    else:
        model = MLP((n, *hidden, outputs), activation=activation, dtype=dtype)
    model.theta[:] = rng.standard_normal(model.n_parameters)
    X = rng.standard_normal((m, n)).astype(dtype)
    return Problem(model, X, rng.integers(0, model.n_classes, m), rng)


@st.composite
def problems(draw, dtypes=("float64",), kinds=("logistic", "mlp"), max_rows=12, min_rows=1) -> Problem:
    """Random shapes: 0 … 3 hidden layers, one output or K, batches from one row up."""
    kind = draw(st.sampled_from(kinds))
    return make_problem(
        kind,
        n=draw(st.integers(1, 6)),
        hidden=tuple(draw(st.lists(st.integers(1, 5), max_size=3))) if kind == "mlp" else (),
        outputs=draw(st.integers(1, 4)) if kind == "mlp" else 1,
        m=draw(st.integers(min_rows, max_rows)),
        activation=draw(st.sampled_from(tuple(ACTIVATIONS))) if kind == "mlp" else "relu",
        dtype=draw(st.sampled_from(dtypes)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


SHAPES = {  # one of each kind, for tests that need no more
    "logistic": {"kind": "logistic"},
    "binary": {"hidden": (3,), "outputs": 1},
    "K-class": {"hidden": (5, 3), "outputs": 3, "activation": "relu"},
    "softmax": {"hidden": (), "outputs": 4},
}


def each_shape(function: Any) -> Any:
    return pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())(function)


SMALLER = 0.18  # of a figure's pixels, to write it in less time

# ---- assertions --------------------------------------------------------------------------------------------------


def assert_close(actual: Any, expected: Any, tolerance: float = 1e-12, scale: float | None = None) -> None:
    """Every entry within `tolerance` of the largest expected one, or of `scale`."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    scale = abs(expected).max() if scale is None else scale
    error = abs(actual - expected).max()
    assert error <= tolerance * scale, f"off by {error:.2e}, {error / scale:.2e} of {scale:.2e}"


@contextmanager
def refused(*fragments: str, kind: Any = (ValueError, TypeError)) -> Iterator[None]:
    """The block must raise: one line, which holds each of the fragments."""
    with pytest.raises(kind) as caught:
        yield
    message = str(caught.value)
    assert message
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


@contextmanager
def small_chunks(chunk_bytes: int = 1) -> Iterator[None]:
    """Evaluation in chunks of a row or a few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NumpyBackend, "chunk_bytes", chunk_bytes)
        yield


def status_of(one, argv):
    """The exit status of an experiment, whether main returns it or argparse raises it."""
    from experiments.lab import experiment  # not above: tests of minigrad alone start in half the time without it

    try:
        return experiment.main(one, [str(argument) for argument in argv])
    except SystemExit as error:
        return error.code


def python(*arguments):
    """A Python process in the checkout, that fails at the first warning."""
    environment = {**os.environ, "PYTHONUTF8": "1"}
    root = Path(__file__).resolve().parents[1]
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
