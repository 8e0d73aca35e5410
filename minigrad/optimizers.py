"""First-order optimizers: what to do with a gradient. Each is a few lines of arithmetic on one flat vector.

    theta   (p,)   parameters, changed in place
    G       (p,)   the gradient of the mean loss over the batch
    η              learning rate

Whether an optimizer does gradient descent, mini-batch or stochastic gradient descent depends on the batch alone.

To write your own, derive from `Optimizer` and give it an `update` that changes theta in place:

    class SignDescent(Optimizer):
        def update(self, theta, gradient):
            theta -= 0.01 * numpy.sign(gradient)    # not theta = theta - …: that makes a new array and trains nothing
"""

import inspect
import math
import warnings
from typing import Any

from .engine import checks
from .engine.backend import Array, backend_of, namespace
from .engine.batch import quiet
from .model import Model


class Optimizer:
    """What to do with a gradient; see `SGD`, `Adagrad`, `Adam`, which refuse a value outside its range by a ValueError.

    Use one optimizer for one model: what it remembers from update to update belongs to that model, and another gets a
    ValueError. Plain SGD remembers nothing, and serves any.
    """

    _watched = False
    _theta: Array = None  # of the model that it serves
    _memory: tuple[Array, ...] = ()

    def step(self, model: Model, X: Any, y: Any = None) -> int:
        """One iteration on a batch: X (m, n) and y (m,), or a `Batch` that has been checked.

        Changes `model.theta`; returns how many sample gradients it took. Raises as `model.gradient` does.
        """
        batch, theta = model.batch(X, y), model.theta
        if batch is not X:
            with quiet():  # the same once more, with checked rows
                return Optimizer.step(self, model, batch)
        gradient = model.gradient(batch, out=model.workspace.take("gradient", theta.shape, theta.dtype))
        if self._watched:
            self._watch_update(theta, gradient)
        else:
            self.update(theta, gradient)
        return batch.m

    def update(self, theta: Array, gradient: Array) -> None:
        """Change theta (p,) in place, given the gradient (p,), which is left as it is.

        The gradient is a buffer that the next step fills anew: keep a copy of what you want to remember.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how it updates")

    def scale(self) -> Array | None:
        """(p,): what the next update multiplies each entry of a gradient by, but for η; None where that is 1 for all.

        In this metric the noise of its gradients is measured: `gradient_noise(…, scale=optimizer.scale())`.
        """
        return None

    def remembered(self, theta: Array, count: int, gradient: Array | None = None) -> tuple[Array, ...]:
        """The vectors (p,), `count` of them, that are kept from update to update: zero at first.

        ValueError if theta is another model's than before, or the gradient has another shape.
        """
        if gradient is not None and gradient.shape != theta.shape:
            raise ValueError(f"gradient has shape {gradient.shape}; expected that of theta, {theta.shape}")
        if theta is not self._theta:
            if self._theta is not None or any(_form(vector) != _form(theta) for vector in self._memory):
                raise ValueError(
                    f"theta ({_form(theta)}) is another than this {type(self).__name__} has served; "
                    "expected one optimizer per model: make a new one"
                )
            self._theta = theta
            self._memory = self._memory or tuple(namespace(theta).zeros_like(theta) for _ in range(count))
        return self._memory

    def __init_subclass__(cls) -> None:
        """Somebody's own optimizer is watched once: does its update change theta?"""
        super().__init_subclass__()
        cls._watched = not cls.__module__.startswith("minigrad.")

    def _watch_update(self, theta: Array, gradient: Array) -> None:
        """The first update; a warning if it changed nothing."""
        before, self._watched = theta.copy(), False
        self.update(theta, gradient)
        if bool((theta == before).all()) and bool((gradient != 0).any()):
            warnings.warn(
                f"{type(self).__name__}.update left theta as it was; expected a change in place, such as theta -= …: "
                "theta = theta - … makes a new array, and trains nothing",
                stacklevel=4,
            )

    def __getstate__(self) -> dict[str, Any]:
        """A copy keeps the memory, and belongs to the next model that it is used on."""
        return {name: value for name, value in vars(self).items() if name != "_theta"}

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name, None)!r}' for name in names)})"


def _form(array: Array) -> str:
    """Library, shape and dtype."""
    return f"{namespace(array).__name__} {array.shape} {array.dtype}"


class SGD(Optimizer):
    """theta ← theta − η G; with momentum μ: v ← μ v + G, theta ← theta − η v.

    The learning rate η is above 0. μ lies in [0, 1): B. Polyak, Some methods of speeding up the convergence of
    iteration methods (1964).
    """

    def __init__(self, learning_rate: float = 0.1, momentum: float = 0.0) -> None:
        self.learning_rate = checks.positive_number("learning_rate", learning_rate)
        self.momentum = checks.fraction("momentum", momentum)

    # exercise: sgd
    def update(self, theta: Array, gradient: Array) -> None:
        """theta ← theta − η G, or − η v with momentum."""
        if self.momentum:
            (v,) = self.remembered(theta, 1, gradient)
            v *= self.momentum
            v += gradient
            gradient = v
        backend_of(theta).axpy(-self.learning_rate, gradient, theta)  # theta ← theta − η G


class Adagrad(Optimizer):
    """s ← s + G², theta ← theta − η G / (√s + ε): J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011), figure 1.

    The learning rate η is above 0; ε = 1e-10 only guards a division by zero. Where G² is too large for a number (∣G∣
    above 1e154, in float32 1e19) s is infinite, and that entry of theta stays.
    """

    epsilon = 1e-10

    def __init__(self, learning_rate: float = 0.01) -> None:
        self.learning_rate = checks.positive_number("learning_rate", learning_rate)

    def scale(self) -> Array | None:
        """1 / (√s + ε) by the gradients so far; None before the first."""
        return 1 / (self._memory[0] ** 0.5 + self.epsilon) if self._memory else None

    def update(self, theta: Array, gradient: Array) -> None:
        """theta ← theta − η G / (√s + ε)."""
        xp, (s, change) = namespace(theta), self.remembered(theta, 2, gradient)
        xp.multiply(gradient, gradient, out=change)
        s += change
        xp.sqrt(s, out=change)
        change += self.epsilon
        xp.divide(gradient, change, out=change)
        change *= self.learning_rate
        theta -= change


class Adam(Optimizer):
    """m ← β₁ m + (1−β₁) G, v ← β₂ v + (1−β₂) G², theta ← theta − η m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).

    D. Kingma, J. Ba, arXiv:1412.6980, algorithm 1; ε = 1e-8 as there. m and v are the paper's moments, (p,). The
    learning rate η is above 0, β₁ and β₂ lie in [0, 1). Where G² is too large for a number that entry of theta stays.
    """

    epsilon = 1e-8

    def __init__(self, learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.learning_rate = checks.positive_number("learning_rate", learning_rate)
        self.beta1 = checks.fraction("beta1", beta1)
        self.beta2 = checks.fraction("beta2", beta2)
        self._t = 0

    def scale(self) -> Array | None:
        """1 / (√v̂ + ε) by the gradients so far; None before the first."""
        if not self._t:
            return None
        return 1 / ((self._memory[1] / _part_of_sum(self.beta2, self._t)) ** 0.5 + self.epsilon)

    def update(self, theta: Array, gradient: Array) -> None:
        """theta ← theta − η m̂ / (√v̂ + ε)."""
        xp, (m, v, change) = namespace(theta), self.remembered(theta, 3, gradient)
        self._t += 1
        part_1, part_2 = _part_of_sum(self.beta1, self._t), _part_of_sum(self.beta2, self._t)
        xp.multiply(gradient, 1 - self.beta1, out=change)
        m *= self.beta1
        m += change
        xp.multiply(gradient, gradient, out=change)
        change *= 1 - self.beta2
        v *= self.beta2
        v += change
        xp.multiply(v, 1 / part_2, out=change)  # v̂
        xp.sqrt(change, out=change)
        change += self.epsilon
        xp.divide(m, change, out=change)
        change *= self.learning_rate / part_1  # η m̂ / (√v̂ + ε)
        theta -= change


def _part_of_sum(beta: float, t: int) -> float:
    """1 − βᵗ: the weights of t gradients, (1−β) βᵏ, added up; taken so that a β close to 1 costs no digits."""
    return -math.expm1(t * math.log(beta)) if beta else 1.0
