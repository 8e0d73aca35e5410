"""First-order optimizers: what to do with a gradient. Each is a few lines of arithmetic on one flat vector.

    theta   (p,)   parameters, changed in place
    g       (p,)   the gradient of the mean loss over the batch
    η              learning rate

Whether an optimizer does gradient descent, mini-batch or stochastic gradient descent depends on the batch alone.
"""

from __future__ import annotations

from typing import Any

from . import checks
from .backend import Array, axpy, namespace
from .model import Model


class Optimizer:
    """One iteration on the batch that it is given; see `SGD`, `Adagrad`, `Adam`."""

    _gradient: Array = None

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
        if self._gradient is None or self._gradient.shape != model.theta.shape or self._gradient.dtype != model.dtype:
            self._gradient = model.xp.empty_like(model.theta)
        model.mean_gradient(X, y, out=self._gradient)
        self.update(model.theta, self._gradient)
        return len(X)

    def update(self, theta: Array, gradient: Array) -> None:
        """Change theta (p,) in place, given the gradient (p,), which is left as it is."""
        raise NotImplementedError(f"{type(self).__name__} must say how it updates")

    def _state(self, name: str, theta: Array) -> Array:
        """The vector (p,) of that name that is kept from update to update; zero at the first."""
        kept = self.__dict__.get(name)
        if kept is None:
            kept = self.__dict__[name] = namespace(theta).zeros_like(theta)
        elif kept.shape != theta.shape or kept.dtype != theta.dtype:
            raise ValueError(
                f"theta is {theta.shape} {theta.dtype}, but this optimizer has been used on {kept.shape} {kept.dtype}; "
                "expected one optimizer a model"
            )
        return kept


class SGD(Optimizer):
    """theta ← theta − η g; with momentum μ: v ← μ v + g, theta ← theta − η v.

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

    def update(self, theta: Array, gradient: Array) -> None:
        if self.momentum:
            v = self._state("velocity", theta)
            v *= self.momentum
            v += gradient
            gradient = v
        axpy(-self.learning_rate, gradient, theta)


class Adagrad(Optimizer):
    """s ← s + g², theta ← theta − η g / (√s + ε): J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011), figure 1.

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
        xp = namespace(theta)
        s, change = self._state("squares", theta), self._state("scratch", theta)
        xp.multiply(gradient, gradient, out=change)
        s += change
        xp.sqrt(s, out=change)
        change += self.epsilon
        xp.divide(gradient, change, out=change)
        axpy(-self.learning_rate, change, theta)


class Adam(Optimizer):
    """m ← β₁ m + (1−β₁) g, v ← β₂ v + (1−β₂) g², theta ← theta − η m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).

    D. Kingma, J. Ba, arXiv:1412.6980, algorithm 1; ε = 1e-8 as there.

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
        xp = namespace(theta)
        m, v, change = self._state("m", theta), self._state("v", theta), self._state("scratch", theta)
        self.t += 1
        m *= self.beta1
        axpy(1 - self.beta1, gradient, m)
        xp.multiply(gradient, gradient, out=change)
        v *= self.beta2
        axpy(1 - self.beta2, change, v)
        xp.multiply(v, 1 / (1 - self.beta2**self.t), out=change)  # v̂
        xp.sqrt(change, out=change)
        change += self.epsilon
        xp.divide(m, change, out=change)
        axpy(-self.learning_rate / (1 - self.beta1**self.t), change, theta)  # η m̂ / (√v̂ + ε)
