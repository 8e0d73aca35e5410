"""First-order optimizers: what to do with a gradient. Each is a few lines of arithmetic on one flat vector.

    theta   (p,)   parameters, changed in place
    G       (p,)   the gradient of the mean loss over the batch
    η              learning rate

Whether an optimizer does gradient descent, mini-batch or stochastic gradient descent depends on the batch alone.
"""

from __future__ import annotations

from typing import Any

from . import checks
from .backend import Array, namespace
from .model import Model


class Optimizer:
    """One iteration on the batch that it is given; see `SGD`, `Adagrad`, `Adam`.

    What one remembers from update to update belongs to one model: keep an optimizer to a model, or get a ValueError.
    """

    _gradient: Array = None
    _change: Array = None

    def step(self, model: Model, X: Any, y: Any) -> int:
        """One iteration on the batch X (m, n), y (m,): change `model.theta`, return how many sample gradients it took.

        Raises
        ------
        TypeError, ValueError
            As `model.gradient` does.
        """
        return self.iterate(model, *model.prepare(X, y))

    def iterate(self, model: Model, X: Array, y: Array) -> int:
        """`step` without the checks, for data that `model.prepare` has let in."""
        self._gradient = _like(model.theta, self._gradient)
        model.mean_gradient(X, y, out=self._gradient)
        self.update(model.theta, self._gradient)
        return len(X)

    def update(self, theta: Array, gradient: Array) -> None:
        """Change theta (p,) in place, given the gradient (p,), which is left as it is."""
        raise NotImplementedError(f"{type(self).__name__} must say how it updates")

    def _scratch(self, theta: Array, gradient: Array) -> Array:
        """A vector (p,) to work in; ValueError for a gradient of another length than theta."""
        if gradient.shape != theta.shape:
            raise ValueError(f"gradient has shape {gradient.shape}; expected that of theta, {theta.shape}")
        self._change = _like(theta, self._change)
        return self._change

    def _state(self, name: str, theta: Array) -> Array:
        """The vector (p,) of that name that is kept from update to update; zero at the first."""
        kept = self.__dict__.get(name)
        if kept is None:
            kept = self.__dict__[name] = namespace(theta).zeros_like(theta)
        elif not _alike(kept, theta):
            here, there = (f"{namespace(each).__name__} {each.shape} {each.dtype}" for each in (theta, kept))
            raise ValueError(
                f"theta is {here}, but this optimizer has been used on {there}; expected one optimizer per model"
            )
        return kept


def _like(theta: Array, buffer: Array | None) -> Array:
    """`buffer` if it is an array like theta, else a new one."""
    if buffer is None or not _alike(theta, buffer):
        return namespace(theta).empty_like(theta)
    return buffer


def _alike(a: Array, b: Array) -> bool:
    """Whether two arrays have shape, dtype and library in common."""
    return type(a) is type(b) and a.shape == b.shape and a.dtype == b.dtype


class SGD(Optimizer):
    """theta ← theta − η G; with momentum μ: v ← μ v + G, theta ← theta − η v.

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    momentum : float
        μ in [0, 1): B. Polyak, Some methods of speeding up the convergence of iteration methods (1964).

    Raises
    ------
    ValueError
        A value outside its range.
    """

    def __init__(self, learning_rate: float = 0.1, momentum: float = 0.0) -> None:
        self.learning_rate = checks.positive_number("learning_rate", learning_rate)
        self.momentum = checks.fraction("momentum", momentum)

    def iterate(self, model: Model, X: Array, y: Array) -> int:
        if type(self) is not SGD or self.momentum:
            return super().iterate(model, X, y)
        change = self._change = _like(model.theta, self._change)
        model.mean_gradient(X, y, out=change, scale=self.learning_rate)  # η G at once: one pass over (p,) less
        theta = model.theta
        theta -= change
        return len(X)

    def update(self, theta: Array, gradient: Array) -> None:
        change = self._scratch(theta, gradient)
        if self.momentum:
            v = self._state("v", theta)
            v *= self.momentum
            v += gradient
            gradient = v
        namespace(theta).multiply(gradient, self.learning_rate, out=change)
        theta -= change


class Adagrad(Optimizer):
    """s ← s + G², theta ← theta − η G / (√s + ε): J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011), figure 1.

    Parameters
    ----------
    learning_rate : float
        η, above 0. ε = 1e-10 only guards a division by zero.

    Raises
    ------
    ValueError
        A value outside its range.
    """

    epsilon = 1e-10

    def __init__(self, learning_rate: float = 0.01) -> None:
        self.learning_rate = checks.positive_number("learning_rate", learning_rate)

    def update(self, theta: Array, gradient: Array) -> None:
        xp, change = namespace(theta), self._scratch(theta, gradient)
        s = self._state("s", theta)
        xp.multiply(gradient, gradient, out=change)
        s += change
        xp.sqrt(s, out=change)
        change += self.epsilon
        xp.divide(gradient, change, out=change)
        change *= self.learning_rate
        theta -= change


class Adam(Optimizer):
    """m ← β₁ m + (1−β₁) G, v ← β₂ v + (1−β₂) G², theta ← theta − η m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).

    D. Kingma, J. Ba, arXiv:1412.6980, algorithm 1; ε = 1e-8 as there. m and v are the paper's moments, (p,).

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    beta1, beta2 : float
        In [0, 1).

    Raises
    ------
    ValueError
        A value outside its range.
    """

    epsilon = 1e-8

    def __init__(self, learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.learning_rate = checks.positive_number("learning_rate", learning_rate)
        self.beta1 = checks.fraction("beta1", beta1)
        self.beta2 = checks.fraction("beta2", beta2)
        self.t = 0

    def update(self, theta: Array, gradient: Array) -> None:
        xp, change = namespace(theta), self._scratch(theta, gradient)
        m, v = self._state("m", theta), self._state("v", theta)
        self.t += 1
        xp.multiply(gradient, 1 - self.beta1, out=change)
        m *= self.beta1
        m += change
        xp.multiply(gradient, gradient, out=change)
        change *= 1 - self.beta2
        v *= self.beta2
        v += change
        xp.multiply(v, 1 / (1 - self.beta2**self.t), out=change)  # v̂
        xp.sqrt(change, out=change)
        change += self.epsilon
        xp.divide(m, change, out=change)
        change *= self.learning_rate / (1 - self.beta1**self.t)  # η m̂ / (√v̂ + ε)
        theta -= change
