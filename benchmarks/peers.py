"""The same work in scikit-learn, PyTorch and JAX, as a user of each would write it.

Each function returns a pair (run, parameters): `run()` does the work from the same start, `parameters()` then tells
where it arrived, as NumPy arrays [W1, b1, W2, b2, …]. Each raises pytest's skip where its library is not installed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

Peer = tuple[Callable[[], Any], Callable[[], list[np.ndarray]]]


def _jax() -> Any:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


# ---- one sample at a time ------------------------------------------------------------------------------------------


def sklearn_logistic_epoch(X: np.ndarray, y: np.ndarray, eta: float) -> Peer:
    """`SGDClassifier`: compiled code, the same updates in the order of the rows."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    model = linear_model.SGDClassifier(
        loss="log_loss", penalty=None, learning_rate="constant", eta0=eta, shuffle=False, max_iter=1, tol=None
    )
    return lambda: model.fit(X, y), lambda: [model.coef_[0], model.intercept_]


def jax_logistic_epoch(X: np.ndarray, y: np.ndarray, eta: float) -> Peer:
    """A jitted `lax.scan` over the rows."""
    jax = _jax()
    jnp = jax.numpy
    X, y = jnp.asarray(X), jnp.asarray(y, X.dtype)

    @jax.jit
    def epoch(w: Any, b: Any, X: Any, y: Any) -> Any:
        def update(parameters: Any, sample: Any) -> Any:
            w, b = parameters
            x, label = sample
            g = jax.nn.sigmoid(x @ w + b) - label
            return (w - eta * g * x, b - eta * g), None

        return jax.lax.scan(update, (w, b), (X, y))[0]

    last: list[Any] = []

    def run() -> None:
        last[:] = jax.block_until_ready(epoch(jnp.zeros(X.shape[1], X.dtype), jnp.zeros((), X.dtype), X, y))

    return run, lambda: [np.asarray(last[0]), np.asarray(last[1])[None]]


def jax_mlp_loss(jax: Any, layers: Any, X: Any, y: Any) -> Any:
    """Mean log loss of a relu network; X a row or rows."""
    a = X
    for W, b in layers[:-1]:
        a = jax.nn.relu(a @ W + b)
    z = a @ layers[-1][0] + layers[-1][1]
    return (jax.nn.logsumexp(z, axis=-1) - jax.numpy.take_along_axis(z, y[..., None], -1)[..., 0]).mean()


def jax_mlp_epoch(layers: list, X: np.ndarray, y: np.ndarray, eta: float) -> Peer:
    """A jitted `lax.scan` over the rows, gradients by `jax.grad`."""
    jax = _jax()
    start, X, y = jax.tree.map(lambda v: jax.numpy.array(v), layers), jax.numpy.asarray(X), jax.numpy.asarray(y)

    @jax.jit
    def epoch(parameters: Any, X: Any, y: Any) -> Any:
        def update(parameters: Any, sample: Any) -> Any:
            gradient = jax.grad(partial(jax_mlp_loss, jax))(parameters, *sample)
            return jax.tree.map(lambda v, g: v - eta * g, parameters, gradient), None

        return jax.lax.scan(update, parameters, (X, y))[0]

    last: list[Any] = []

    def run() -> None:
        last[:] = jax.block_until_ready(epoch(start, X, y))

    return run, lambda: [np.asarray(v) for layer in last for v in layer]


# ---- batches ---------------------------------------------------------------------------------------------------------


def jax_mlp_steps(layers: list, X: np.ndarray, y: np.ndarray, eta: float, steps: int) -> Peer:
    """A jitted step whose parameters are donated, called in a loop."""
    jax = _jax()
    X, y = jax.numpy.asarray(X), jax.numpy.asarray(y)

    @partial(jax.jit, donate_argnums=0)
    def step(parameters: Any, X: Any, y: Any) -> Any:
        gradient = jax.grad(partial(jax_mlp_loss, jax))(parameters, X, y)
        return jax.tree.map(lambda v, g: v - eta * g, parameters, gradient)

    last: list[Any] = []

    def run() -> None:
        parameters = jax.tree.map(lambda v: jax.numpy.array(v), layers)
        for _ in range(steps):
            parameters = step(parameters, X, y)
        last[:] = jax.block_until_ready(parameters)

    return run, lambda: [np.asarray(v) for layer in last for v in layer]


def torch_mlp_steps(layers: list, X: np.ndarray, y: np.ndarray, eta: float, steps: int, batch_size: int) -> Peer:
    """Eager PyTorch: `nn.Sequential`, `cross_entropy`, `optim.SGD`; batches of rows in order, again from the top."""
    torch = pytest.importorskip("torch")
    modules: list[Any] = []
    for n_in, n_out in ((W.shape[0], W.shape[1]) for W, _ in layers):
        modules += [torch.nn.Linear(n_in, n_out, dtype=getattr(torch, X.dtype.name)), torch.nn.ReLU()]
    network = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.SGD(network.parameters(), lr=eta)
    parts = list(zip(torch.from_numpy(X).split(batch_size), torch.from_numpy(y).split(batch_size)))

    def run() -> None:
        with torch.no_grad():
            for linear, (W, b) in zip(modules[::2], layers):
                linear.weight.copy_(torch.from_numpy(W.T.copy()))
                linear.bias.copy_(torch.from_numpy(b.copy()))
        for step in range(steps):
            X_batch, y_batch = parts[step % len(parts)]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(X_batch), y_batch).backward()
            optimizer.step()

    return run, lambda: [v.detach().numpy() for m in modules[::2] for v in (m.weight.T, m.bias)]


def sklearn_mlp_epoch(layers: list, X: np.ndarray, y: np.ndarray, eta: float, batch_size: int) -> Peer:
    """`MLPClassifier`, plain SGD, one epoch of `partial_fit` in the order of the rows."""
    neural_network = pytest.importorskip("sklearn.neural_network")
    model = neural_network.MLPClassifier(
        tuple(W.shape[1] for W, _ in layers[:-1]),
        activation="relu",
        solver="sgd",
        alpha=0.0,
        batch_size=batch_size,
        learning_rate_init=eta,
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,
    )
    model.partial_fit(X, y, classes=np.unique(y))

    def run() -> None:
        for k, (W, b) in enumerate(layers):
            model.coefs_[k][...] = W
            model.intercepts_[k][...] = b
        model.partial_fit(X, y)

    return run, lambda: [v for pair in zip(model.coefs_, model.intercepts_) for v in pair]


# ---- the full batch --------------------------------------------------------------------------------------------------


def sklearn_logistic_gradient(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> Peer:
    """`LinearModelLoss.loss_gradient`, what scikit-learn's LogisticRegression calls at each iteration."""
    linear_loss = pytest.importorskip("sklearn.linear_model._linear_loss")
    from sklearn._loss import HalfBinomialLoss

    loss = linear_loss.LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=True)
    last: list[Any] = []

    def run() -> None:
        last[:] = loss.loss_gradient(w, X, y, n_threads=2)

    return run, lambda: [last[1]]


def torch_logistic_gradient(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> Peer:
    """Eager PyTorch with autograd."""
    torch = pytest.importorskip("torch")
    theta = torch.from_numpy(w.copy()).requires_grad_()
    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def run() -> None:
        theta.grad = None
        z = torch.mv(X, theta[:-1]) + theta[-1]
        torch.nn.functional.binary_cross_entropy_with_logits(z, y).backward()

    return run, lambda: [theta.grad.numpy()]
