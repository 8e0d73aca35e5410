"""What both models share: theta and its views, the workspace, prediction and evaluation in chunks.

    theta   (p,)      all parameters, in one flat vector; p is their number
    X       (m, n)    m samples, one a row
    y       (m,)      labels
    z       (m,) or (m, K)    logits, and h their probabilities
    a       (m, n_in)   input activations of a layer
    δ       (m, n_out)  ∂J_i/∂z of that layer, one row a sample, not divided by m
    J_i, J            the loss of sample i, and the mean of all
    g_i, G  (p,)      their gradients: G = (1/m) Σ_i g_i

Loss and gradient are means over the rows, everywhere, so gradient descent, mini-batch and SGD are one formula,
theta -= learning_rate * gradient, and only the batch differs.

Public methods check what they are given; those under "behind the door" trust data that `prepare` has let in.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from . import checks
from .backend import Array, Backend, get_backend
from .functions import sigmoid, softmax
from .losses import one_sample_loss_from_logits


class Workspace:
    """Buffers that only grow: a smaller batch uses a slice, and a step allocates nothing of the size of X or theta."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.buffers: dict[str, Array] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of `shape` with undefined content, valid until the next call with this name."""
        buffer = self.buffers.get(name)
        if buffer is None or len(buffer) < shape[0] or buffer.shape[1:] != shape[1:] or buffer.dtype != dtype:
            buffer = self.buffers[name] = self.backend.xp.empty(shape, dtype)
        return buffer[: shape[0]]


class Model:
    """A stack of dense layers with its parameters in one vector; see `LogisticRegression` and `MLP`.

    A subclass supplies `forward_pass`, directly below it `backward_pass`, and `constructor_arguments`.

    Attributes
    ----------
    layer_sizes : tuple of int
        (n_0, …, n_L), the features first and the outputs last.
    layers : list of (W, b)
        Each layer's weights (n_in, n_out) and bias (n_out,), views of theta: changing one changes the other.
    n_features, n_outputs, n_classes : int
    dtype : numpy.dtype
    backend : Backend
    xp : module
        The array library of the backend.
    """

    def __init__(self, layer_sizes: tuple[int, ...], dtype: Any, backend: str | Backend) -> None:
        self.layer_sizes = layer_sizes
        self.dtype = checks.float_dtype(dtype)
        self.backend = get_backend(backend)
        self.xp = self.backend.xp
        self.n_features, self.n_outputs = layer_sizes[0], layer_sizes[-1]
        self.n_classes = max(2, self.n_outputs)
        p = sum((n_in + 1) * n_out for n_in, n_out in zip(layer_sizes, layer_sizes[1:]))
        self.workspace = Workspace(self.backend)
        self._theta = self.xp.zeros(p, self.dtype)
        self.layers = self.layer_views(self._theta)
        self._all_ones = self.xp.ones(0, self.dtype)
        self._viewed, self._views = self._theta, self.layers

    # ---- parameters ------------------------------------------------------------------------------------------

    @property
    def theta(self) -> Array:
        """All parameters, (p,): live, so `model.theta[:] = v` and `model.theta += d` both change the model."""
        return self._theta

    @theta.setter
    def theta(self, values: Array) -> None:
        if values is self._theta:  # `theta += d` comes here with theta itself, already changed
            return
        values = self.backend.asarray(values, self.dtype)
        if values.shape != self._theta.shape:
            raise ValueError(f"theta is to be of shape {values.shape}; expected {self._theta.shape}")
        self._theta[...] = values

    @property
    def n_parameters(self) -> int:
        """p, the length of theta."""
        return self._theta.shape[0]

    def layer_views(self, vector: Array) -> list[tuple[Array, Array]]:
        """(W, b) of each layer as views of `vector`: theta or a gradient, (p,), or a gradient a row, (m, p)."""
        views, start = [], 0
        for n_in, n_out in zip(self.layer_sizes, self.layer_sizes[1:]):
            middle, stop = start + n_in * n_out, start + (n_in + 1) * n_out
            W = vector[..., start:middle].reshape(*vector.shape[:-1], n_in, n_out)
            views.append((W, vector[..., middle:stop]))
            start = stop
        return views

    # ---- what a user calls -----------------------------------------------------------------------------------

    def forward(self, X: Any) -> Array:
        """h, the probabilities: of class 1, (m,), for one output; of each class, (m, K), for K.

        Raises
        ------
        TypeError
            X lives on another device than the model.
        ValueError
            X is no table (m, n_features) of finite numbers.
        """
        X = self.prepare_features(X)
        h = self.xp.empty(len(X) if self.n_outputs == 1 else (len(X), self.n_outputs), self.dtype)
        probabilities = sigmoid if self.n_outputs == 1 else softmax
        for rows in self.chunks(X):
            _, z = self.forward_pass(X[rows])
            probabilities(z, out=h[rows])
        return h

    def predict(self, X: Any) -> Array:
        """The most probable label of each row, (m,) integers. Raises as `forward` does."""
        X = self.prepare_features(X)
        predicted = self.xp.empty(len(X), dtype=int)
        for rows in self.chunks(X):
            _, z = self.forward_pass(X[rows])
            predicted[rows] = _most_probable(z)
        return predicted

    def loss(self, X: Any, y: Any) -> float:
        """J(θ), the mean log loss. Raises as `forward` does, and ValueError for a label that is no class."""
        return self.evaluate(*self.prepare(X, y))[0]

    def accuracy(self, X: Any, y: Any) -> float:
        """The share of rows predicted right, 0 … 1. Raises as `loss` does."""
        return self.evaluate(*self.prepare(X, y))[1]

    def gradient(self, X: Any, y: Any, out: Array | None = None) -> Array:
        """G = (1/m) Σ_i g_i, the gradient of the mean log loss, (p,).

        Parameters
        ----------
        X : (m, n_features)
        y : (m,)
        out : (p,), optional
            Filled and returned; a fresh array without it.

        Raises
        ------
        TypeError
            An array lives on another device than the model.
        ValueError
            X is no table (m, n_features) of finite numbers, y holds a label that is no class, or out does not fit.
        """
        return self.loss_and_gradient(X, y, out)[1]

    def loss_and_gradient(self, X: Any, y: Any, out: Array | None = None) -> tuple[float, Array]:
        """(J, G) from one forward and one backward pass; parameters and errors as for `gradient`."""
        X, y = self.prepare(X, y)
        if out is None:
            out = self.xp.empty_like(self._theta)
        elif not self.backend.owns(out) or out.shape != self._theta.shape or out.dtype != self.dtype:
            raise ValueError(
                f"out is {type(out).__name__} {getattr(out, 'shape', '')} {getattr(out, 'dtype', '')}; "
                f"expected an array {self._theta.shape} of {self.dtype} on {self.backend!r}"
            )
        gradient = out if out.flags.c_contiguous else self.xp.empty_like(self._theta)
        loss = float(self.mean_gradient(X, y, gradient, with_loss=True))
        if gradient is not out:
            out[...] = gradient
        return loss, out

    def sample_gradients(self, X: Any, y: Any) -> Array:
        """g_i, the gradient of each sample's own loss, (m, p), one row a sample: the outer products a_i δ_iᵀ.

        Raises as `gradient` does.
        """
        X, y = self.prepare(X, y)
        gradients = self.xp.empty((len(X), self.n_parameters), self.dtype)
        for (dW, db), (a, delta) in zip(self.layer_views(gradients), self.layer_terms(X, y)):
            dW[...] = a[:, :, None] * delta[:, None, :]  # (m, n_in, 1) * (m, 1, n_out) -> (m, n_in, n_out)
            db[...] = delta
        return gradients

    # ---- behind the door: prepared data only -----------------------------------------------------------------

    def prepare_features(self, X: Any) -> Array:
        """`X` (m, n), checked, on the model's device and in its dtype."""
        return checks.features(X, self.n_features, self.backend, self.dtype)

    def prepare(self, X: Any, y: Any) -> tuple[Array, Array]:
        """`X` as `prepare_features` has it, and `y` (m,), checked, in the form in which h − y needs it."""
        X = self.prepare_features(X)
        y = checks.labels(y, len(X), self.n_classes, self.backend)
        return X, y.astype(self.dtype if self.n_outputs == 1 else int, copy=False)

    def forward_pass(self, X: Array) -> tuple[list[Array], Array]:
        """The input activations of each layer, X first, and the logits z: all in the workspace."""
        raise NotImplementedError(f"{type(self).__name__} must say how it goes forward")

    def backward_pass(self, activations: list[Array], z: Array, y: Array, scale: float) -> list[tuple[Array, Array]]:
        """(a, scale · δ) of each layer: all in the workspace."""
        raise NotImplementedError(f"{type(self).__name__} must say how it goes backward")

    def layer_terms(self, X: Array, y: Array) -> list[tuple[Array, Array]]:
        """(a, δ) of each layer, (m, n_in) and (m, n_out), in buffers that the next call overwrites.

        They are all that anybody needs to know of a model: the mean gradient is aᵀδ / m and, for b, the mean of δ;
        a sample's gradient is the outer product of its two rows.
        """
        activations, z = self.forward_pass(X)
        return self.backward_pass(activations, z, y, scale=1.0)

    def mean_gradient(self, X: Array, y: Array, out: Array, scale: float = 1.0, with_loss: bool = False) -> Any:
        """Fill `out` (p,) with scale · G; return the loss, a number on the device, where it is asked for, else None."""
        m = len(X)
        activations, z = self.forward_pass(X)
        loss = one_sample_loss_from_logits(z, y).mean() if with_loss else None
        # δ / m, so that the sums below are means: a factor costs least here, at the smallest array
        terms = self.backward_pass(activations, z, y, scale / m)
        ones = self._ones(m)
        for (dW, db), (a, delta) in zip(self._gradient_views(out), terms):
            # `dot` and not `matmul`, which takes four times as long over a single row
            self.xp.dot(a.T, delta, out=dW)  # (n_in, m) @ (m, n_out) -> (n_in, n_out)
            self.xp.dot(ones, delta, out=db)  # (m,) @ (m, n_out) -> (n_out,), the sum over the rows
        return loss

    def evaluate(self, X: Array, y: Array, *others: tuple[Array, Array]) -> list[float]:
        """[loss, accuracy] over the rows, chunk by chunk, and the same of the other sets; waits for the device once."""
        sets = [(X, y), *others]
        totals = self.xp.zeros((len(sets), 2))  # float64, also for a float32 model: many small terms are added up
        for total, (X, y) in zip(totals, sets):
            for rows in self.chunks(X):
                _, z = self.forward_pass(X[rows])
                total[0] += one_sample_loss_from_logits(z, y[rows]).sum()
                total[1] += (_most_probable(z) == y[rows]).sum()
        rows_of_each = np.array([[len(X)] for X, _ in sets])
        return (self.backend.to_numpy(totals) / rows_of_each).ravel().tolist()

    def chunks(self, X: Array) -> Iterator[slice]:
        """Slices of the rows of X, each as long as the backend likes to work on at once."""
        length = self.backend.rows_per_chunk(sum(self.layer_sizes) * self.dtype.itemsize)
        for start in range(0, len(X), length):
            yield slice(start, start + length)

    def _ones(self, m: int) -> Array:
        """1, (m,): a product with it is a sum, at BLAS speed."""
        if len(self._all_ones) < m:
            self._all_ones = self.xp.ones(m, self.dtype)
        return self._all_ones[:m]

    def _gradient_views(self, out: Array) -> list[tuple[Array, Array]]:
        """`layer_views` of a gradient, kept for the next call, which most often brings the same buffer."""
        if out is not self._viewed:
            self._viewed, self._views = out, self.layer_views(out)
        return self._views

    # ---- copies, pickles, files ------------------------------------------------------------------------------

    def constructor_arguments(self) -> dict[str, Any]:
        """What makes a model of this shape again: plain values, by name."""
        raise NotImplementedError(f"{type(self).__name__} must name its constructor's arguments")

    def __getstate__(self) -> dict[str, Any]:
        arguments = self.constructor_arguments() | {"backend": self.backend}  # which knows how to be pickled
        return {"arguments": arguments, "theta": self.backend.to_numpy(self._theta)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["arguments"])  # type: ignore[misc]  # so that the views are views of the new theta
        self.theta = self.backend.asarray(state["theta"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to `path`, a NumPy .npz archive, whole or not at all."""
        path = Path(path)
        temporary = path.with_name(path.name + ".part")
        try:
            with open(temporary, "wb") as file:
                theta = self.backend.to_numpy(self._theta)
                np.savez(file, theta=theta, arguments=json.dumps(self.constructor_arguments()))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str], backend: str | Backend | None = None) -> Self:
        """The model that `save` wrote, on the backend it was on or on another.

        Raises
        ------
        ValueError
            The file holds no model of this class.
        OSError, BackendUnavailable
            The file cannot be read, or its backend is not there.
        """
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                arguments, theta = json.loads(str(archive["arguments"])), archive["theta"]
            if backend is not None:
                arguments["backend"] = backend
            model = cls(**arguments)
            model.theta = model.backend.asarray(theta)
        except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{os.fspath(path)!r} holds no saved {cls.__name__}: {error}") from None
        return model


def _most_probable(z: Array) -> Array:
    """The label with the largest probability: the sign of z, or the largest of each row."""
    return z.argmax(axis=1) if z.ndim == 2 else z >= 0
