"""Ours against other libraries: `python -m pytest benchmarks`; see README.md beside this file."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from minigrad import MLP, SGD, LogisticRegression, batches, gradient_noise, load_digits, train
from minigrad.model import Model
from minigrad.per_sample import fast_epoch, textbook_epoch

from . import peers

ETA = 1e-3
SIZES = (784, 100, 10)
DTYPES = ("float64", "float32")


def data(n: int, n_features: int, n_classes: int, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Standard normal samples with labels drawn at random: a cost does not depend on what they mean."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, n_features)).astype(dtype), rng.integers(0, n_classes, n)


def digits_data() -> tuple[np.ndarray, np.ndarray]:
    """The embedded digits, odd or even."""
    digits = load_digits().binary("odd-even")
    return digits.X_train, digits.y_train


def layers_of(model: Model) -> list[tuple[np.ndarray, np.ndarray]]:
    """A copy of each layer's W and b."""
    return [(W.copy(), b.copy()) for W, b in model.layers]


def assert_same(model: Model, others: dict[str, peers.Peer], tolerance: float) -> None:
    """Ours and every peer's parameters agree."""
    ours = [v for layer in model.layers for v in layer]
    for name, (_, parameters) in others.items():
        for mine, theirs in zip(ours, parameters(), strict=True):
            np.testing.assert_allclose(mine.ravel(), theirs.ravel(), atol=tolerance, err_msg=name)


def calls(others: dict[str, peers.Peer]) -> dict[str, Any]:
    """The run function of each peer."""
    return {name: run for name, (run, _) in others.items()}


def repeated(run: Any, times: int) -> Any:
    """A function that runs `run` so many times, to give the clock something to measure."""

    def several() -> None:
        for _ in range(times):
            run()

    return several


@pytest.mark.parametrize(("name", "epochs"), [("20,000 × 784", 1), ("digits, 1,437 × 64", 30)])
def test_per_sample_logistic(race: Any, name: str, epochs: int) -> None:
    X, y = digits_data() if "digits" in name else data(20_000, 784, 2)
    model = LogisticRegression(X.shape[1])
    rows, order = model.batch(X, y), np.arange(len(X))

    def ours() -> None:
        model.theta[:] = 0
        fast_epoch(model, rows, None, order, ETA)

    others = {
        "scikit-learn": peers.sklearn_logistic_epoch(X, y.astype(float), ETA),
        "JAX": peers.jax_logistic_epoch(X, y, ETA),
    }
    for run in (ours, *calls(others).values()):
        run()
    assert_same(model, others, 1e-12)

    work = f"SGD one sample at a time, logistic, {name}: an epoch"
    race(work, repeated(ours, epochs), {name: repeated(run, epochs) for name, run in calls(others).items()}, epochs)


@pytest.mark.parametrize("dtype", DTYPES)
def test_per_sample_mlp(race: Any, dtype: str) -> None:
    n = 5000
    X, y = data(n, 784, 10, dtype)
    model = MLP(SIZES, dtype=dtype)
    start, layers, order = model.theta.copy(), layers_of(model), np.arange(n)
    rows = model.batch(X, y)

    def epoch(updates: Any) -> Any:
        def run() -> None:
            model.theta[:] = start
            updates(model, rows, None, order, ETA)

        return run

    others = {
        "JAX": peers.jax_mlp_epoch(layers, X, y, ETA),
        "PyTorch": peers.torch_mlp_steps(layers, X, y, ETA, steps=n, batch_size=1),
    }
    for run in (epoch(fast_epoch), *calls(others).values()):
        run()
    assert_same(model, others, 1e-10 if dtype == "float64" else 1e-4)
    work = f"SGD one sample at a time, MLP 784-100-10, {n:,} rows, {dtype}: an epoch"
    race(work, epoch(fast_epoch), calls(others) | {"our textbook loop": epoch(textbook_epoch)})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096])
def test_batched_step(race: Any, batch_size: int, dtype: str) -> None:
    X, y = data(batch_size, 784, 10, dtype)
    model, optimizer = MLP(SIZES, dtype=dtype), SGD(ETA)
    start, layers = model.theta.copy(), layers_of(model)
    rows = model.batch(X, y)
    steps = max(3, 12_000 // (batch_size + 60))

    def ours() -> None:
        model.theta[:] = start
        for _ in range(steps):
            optimizer.step(model, rows)

    others = {
        "PyTorch": peers.torch_mlp_steps(layers, X, y, ETA, steps, batch_size),
        "JAX": peers.jax_mlp_steps(layers, X, y, ETA, steps),
    }
    for run in (ours, *calls(others).values()):
        run()
    assert_same(model, others, 1e-10 if dtype == "float64" else 1e-3)
    floor = {"GEMM floor": gemm_floor(model, X, steps)}
    work = f"batched step, MLP 784-100-10, batch {batch_size:,}, {dtype}"
    race(work, ours, calls(others) | floor, calls=steps)


def gemm_floor(model: Model, X: np.ndarray, steps: int) -> Any:
    """Only the matrix products of a step, into outputs made beforehand: no step by NumPy can be faster."""
    (W1, _), (W2, _) = layers_of(model)
    z1, z2 = np.empty((len(X), 100), X.dtype), np.empty((len(X), 10), X.dtype)
    d1, dW1, dW2 = np.empty_like(z1), np.empty_like(W1), np.empty_like(W2)

    def run() -> None:
        for _ in range(steps):
            np.matmul(X, W1, out=z1)
            np.matmul(z1, W2, out=z2)
            np.matmul(z1.T, z2, out=dW2)
            np.matmul(z2, W2.T, out=d1)
            np.matmul(X.T, d1, out=dW1)

    return run


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [128, 512, 2048, 4096])
def test_shuffled_epoch_through_train(race: Any, monkeypatch: Any, batch_size: int, dtype: str) -> None:
    """What training adds to the matrix products: shuffling, gathering, the loop. Batches at hand for the floor."""
    n = 16_384
    X, y = data(n, 784, 10, dtype)
    model, epochs = MLP(SIZES, dtype=dtype), 3
    steps = epochs * n // batch_size
    # train() keeps evaluation off its own clock, but this race has another
    monkeypatch.setattr(model, "evaluate", lambda *batches: [1.0, 0.0])

    def ours() -> None:
        rng = np.random.default_rng(0)
        train(model, X, y, optimizer=SGD(ETA), batch_size=batch_size, epochs=epochs, evaluate_every=0, rng=rng)

    floor = {"GEMM floor": gemm_floor(model, X[:batch_size], steps)}
    ours()
    race(f"step through train(), shuffled, batch {batch_size:,}, {dtype}", ours, floor, calls=steps)


def test_full_batch_logistic(race: Any) -> None:
    X, y = data(60_000, 784, 2)
    y = y.astype(float)
    model = LogisticRegression(784, rng=np.random.default_rng(1))
    gradient = np.empty_like(model.theta)
    rows = model.batch(X, y)
    others = {
        "scikit-learn": peers.sklearn_logistic_gradient(model.theta.copy(), X, y),
        "PyTorch": peers.torch_logistic_gradient(model.theta.copy(), X, y),
    }

    def ours() -> None:
        model.loss_and_gradient(rows, out=gradient)

    for run in (ours, *calls(others).values()):
        run()
    for name, (_, parameters) in others.items():
        np.testing.assert_allclose(gradient, parameters()[0], atol=1e-12, err_msg=name)
    race("loss and gradient, logistic, 60,000 × 784, float64", ours, calls(others))


def test_mlp_epoch_on_digits(race: Any) -> None:
    digits, batch_size, epochs = load_digits(), 32, 5
    X, y = digits.X_train, digits.y_train
    model, optimizer = MLP((64, 32, 10)), SGD(0.1)
    start, layers = model.theta.copy(), layers_of(model)
    everything = model.batch(X, y)

    def ours() -> None:
        model.theta[:] = start
        for rows in batches(len(X), batch_size):
            optimizer.step(model, everything[rows])

    others = {"scikit-learn": peers.sklearn_mlp_epoch(layers, X, y, 0.1, batch_size)}
    for run in (ours, *calls(others).values()):
        run()
    assert_same(model, others, 1e-10)
    work = "epoch, MLP 64-32-10 on digits, batch 32, float64"
    race(work, repeated(ours, epochs), {name: repeated(run, epochs) for name, run in calls(others).items()}, epochs)


def test_gradient_noise(race: Any) -> None:
    X, y = data(20_000, 784, 10)
    model = MLP(SIZES)
    rows, gradient = model.batch(X, y), np.empty_like(model.theta)
    peer = {"a full gradient of ours": lambda: model.gradient(rows, out=gradient)}
    race("gradient_noise, MLP 784-100-10, 20,000 rows", lambda: gradient_noise(model, X, y), peer)


def test_import(race: Any) -> None:
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def process(code: str) -> Any:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True, env=compiled)

    peer = {"import numpy, scipy.linalg.blas": process("import numpy, scipy.linalg.blas")}
    race("import minigrad", process("import minigrad"), peer)
