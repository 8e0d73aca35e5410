"""What both models share: theta and its views, the public methods, and the loop over chunks of a batch.

    theta   (p,)      all parameters, in one flat vector; p is their number
    X       (m, n)    m samples, one a row
    y       (m,)      labels
    z       (m,) or (m, K)    logits, and h their probabilities
    a       (m, n_in)   input activations of a layer
    δ       (m, n_out)  ∂J/∂z of that layer, one row a sample
    J_i, J            the loss of sample i, and the mean of all
    g_i, G  (p,)      their gradients: G = (1/m) Σ_i g_i

Loss and gradient are means over the rows, everywhere, so gradient descent, mini-batch and SGD are one formula,
theta -= learning_rate * gradient, and only the batch differs.

A large batch is worked through in chunks that fit the cache. In every chunk δ is divided by the m of the whole batch,
so the chunks' gradients need only be added.
"""

from collections.abc import Iterable
from typing import Any

from .engine import checks
from .engine.backend import Array, Backend, get_backend
from .engine.batch import Batch, quiet
from .engine.files import Storable
from .engine.workspace import Workspace
from .losses import log_loss_of


class Model(Storable):
    """A stack of dense layers with its parameters in one vector; see `LogisticRegression` and `MLP`.

    A subclass supplies `forward_pass`, below it `backward_pass` and `gradient_pass`, and `constructor_arguments`.
    Every method that takes X and y takes a `Batch` in their place: data that `batch` has checked already.
    Several threads may use one model at the same time, as long as none of them changes theta: train in one.

    Attributes
    ----------
    layer_sizes : (n_0, …, n_L), the features first and the outputs last
    layers : list of (W, b)
        Each layer's weights (n_in, n_out) and bias (n_out,), views of theta: changing one changes the other.
    log_loss : what depends on the number of outputs, see `losses.py`
    n_features, n_outputs, n_classes, n_parameters : int
    dtype, backend, xp : the dtype, the backend and its array library
    """

    def __init__(self, layer_sizes: tuple[int, ...], dtype: Any, backend: str | Backend) -> None:
        self.layer_sizes = layer_sizes
        self.dtype = checks.float_dtype(dtype)
        self.backend = get_backend(backend)
        self.xp = self.backend.xp
        self.n_features, self.n_outputs = layer_sizes[0], layer_sizes[-1]
        self.log_loss = log_loss_of(self.n_outputs, self.backend, self.dtype)
        self.n_classes = self.log_loss.n_classes
        self.n_parameters = sum((n_in + 1) * n_out for n_in, n_out in zip(layer_sizes, layer_sizes[1:]))
        self._form = f"{self.n_features} features, {self.n_classes} classes, {self.dtype} on {self.backend!r}"
        self._row_bytes = sum(layer_sizes) * self.dtype.itemsize
        self.workspace = Workspace(self.backend)
        self._theta = self.xp.zeros(self.n_parameters, self.dtype)
        self._viewed: tuple[Array, list[tuple[Array, Array]]] = (None, [])  # the vector that was asked for last; views
        self.layers = self.layer_views(self._theta)

    def __repr__(self) -> str:
        sizes, activation = "-".join(map(str, self.layer_sizes)), getattr(self, "activation", "")
        words = [f"{type(self).__name__} {sizes} {activation}".rstrip(), f"{self.n_parameters:,} parameters"]
        return f"<{', '.join([*words, self.dtype.name, self.backend.name])}>"

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

    def layer_views(self, vector: Array) -> list[tuple[Array, Array]]:
        """(W, b) of each layer as views of `vector`: theta or a gradient, (p,)."""
        viewed, views = self._viewed  # kept, since most often the next call brings the same vector
        if vector is not viewed:
            views = [(W[:-1], W[-1]) for W in self.augmented(vector)]
            self._viewed = vector, views
        return views

    def augmented(self, vector: Array) -> list[Array]:
        """W̃ (n_in + 1, n_out) of each layer, the bias its last row: views of `vector`, (p,) or (m, p)."""
        views, start = [], 0
        for n_in, n_out in zip(self.layer_sizes, self.layer_sizes[1:]):
            stop = start + (n_in + 1) * n_out
            views.append(vector[..., start:stop].reshape(*vector.shape[:-1], n_in + 1, n_out))
            start = stop
        return views

    # ---- what a model says of itself -------------------------------------------------------------------------

    def forward_pass(self, X: Array) -> tuple[list[Array], list[Array]]:
        """What comes into each layer, X first, and the pre-activations of each layer, the logits last."""
        raise NotImplementedError(f"{type(self).__name__} must say how it goes forward")

    def backward_pass(self, a: list[Array], z: list[Array], y: Array, m: int) -> list[Array]:
        """δ = ∂J/∂z of each layer, for rows of a batch of m: (h − y) / m at the outputs."""
        raise NotImplementedError(f"{type(self).__name__} must say how it goes backward")

    def gradient_pass(self, a: list[Array], delta: list[Array], out: Array) -> None:
        """∂J/∂W = aᵀ δ and ∂J/∂b = the sum of δ's rows, of each layer, into `out` (p,)."""
        raise NotImplementedError(f"{type(self).__name__} must say what its gradient is")

    # ---- what a user calls -----------------------------------------------------------------------------------

    def forward(self, X: Any) -> Array:
        """h, the probabilities: of class 1, (m,), for one output; of each class, (m, K), for K.

        TypeError where X lives on another device than the model, ValueError where it is no table (m, n_features) of
        finite numbers.
        """
        return self._each_row(X, self.log_loss.probabilities)

    def predict(self, X: Any) -> Array:
        """The most probable label of each row, (m,) integers. Raises as `forward` does."""
        return self._each_row(X, self.log_loss.prediction).astype(int, copy=False)

    def loss(self, X: Any, y: Any = None) -> float:
        """J(θ), the mean log loss. Raises as `forward` does, and ValueError for a label that is no class."""
        return self.evaluate(self.batch(X, y))[0]

    def accuracy(self, X: Any, y: Any = None) -> float:
        """The share of rows predicted right, 0 … 1. Raises as `loss` does."""
        return self.evaluate(self.batch(X, y))[1]

    def gradient(self, X: Any, y: Any = None, out: Array | None = None) -> Array:
        """G = (1/m) Σ_i g_i, (p,), the gradient of the mean log loss over X (m, n_features) and y (m,).

        `out` is filled and returned; without it, a fresh array. Raises as `loss` does, and ValueError for an `out` of
        another shape, dtype or device.
        """
        batch, out = self.batch(X, y), self._checked(out)
        if batch is X:  # from a loop, which has silenced overflow
            return self._add_up(batch, out)
        with quiet():
            return self._add_up(batch, out)

    @quiet()
    def loss_and_gradient(self, X: Any, y: Any = None, out: Array | None = None) -> tuple[float, Array]:
        """(J, G): what `loss` and `gradient` return, from one forward pass; parameters and errors as for `gradient`."""
        batch = self.batch(X, y)
        if (type(self).gradient, type(self).loss) != (Model.gradient, Model.loss):  # a subclass has its own
            return self.loss(batch), self.gradient(batch, out=out)
        losses: list[Array] = []
        out = self._add_up(batch, self._checked(out), losses)
        return float(sum(losses)) / batch.m, out

    @quiet()
    def layer_terms(self, X: Any, y: Any = None) -> list[tuple[Array, Array]]:
        """(a, δ) of each layer, (m, n_in) and (m, n_out), δ not divided by m; the next call overwrites them.

        They are enough to build every gradient from: the mean gradient is aᵀδ / m and, for b, the mean of δ;
        a sample's gradient is the outer product of its two rows. Raises as `gradient` does.
        """
        X, y = self.batch(X, y).gathered()
        a, z = self.forward_pass(X)
        delta = self.backward_pass(a, z, y, m=1)
        return [(a_l, delta_l.reshape(len(X), -1)) for a_l, delta_l in zip(a, delta)]

    @quiet()
    def sample_gradients(self, X: Any, y: Any = None) -> Array:
        """g_i, the gradient of each sample's own loss, (m, p), a row a sample: a_i δ_iᵀ. Raises as `gradient` does."""
        batch = self.batch(X, y)
        gradients = self.xp.empty((batch.m, self.n_parameters), self.dtype)
        for dW, (a, delta) in zip(self.augmented(gradients), self.layer_terms(batch)):
            dW[:, :-1] = a[:, :, None] * delta[:, None, :]  # (m, n_in, 1) * (m, 1, n_out) -> (m, n_in, n_out)
            dW[:, -1] = delta
        return gradients

    # ---- batches and chunks ----------------------------------------------------------------------------------

    def batch(self, X: Any, y: Any = None, names: tuple[str, str] = ("X", "y")) -> Batch:
        """X (m, n) and y (m,), checked, on the model's device and in the form that it needs; a `Batch` as it is.

        One row will do, or rows of one class: how many classes there are is the model's to say. Raises as `loss` does;
        the message calls the arrays by `names`.
        """
        if isinstance(X, Batch):
            if X.form != self._form or y is not None:
                raise ValueError(
                    f"X is a Batch for a model of {X.form}, and y is {'' if y is None else 'not '}None; "
                    f"expected one for {self._form}, and no y beside it"
                )
            return X
        X = checks.features(X, self.n_features, self.backend, self.dtype, names[0])
        y = checks.labels(y, len(X), self.n_classes, self.backend, names[1])
        return Batch(X, y.astype(self.log_loss.label_dtype, copy=False), self._form)

    @quiet()
    def evaluate(self, *batches: Batch) -> list[float]:
        """[loss, accuracy] over the rows of each batch, one after the other; waits for the device once."""
        totals = self.xp.zeros((len(batches), 2))  # float64, also for a float32 model: many small terms are added up
        for total, batch in zip(totals, batches):
            for X, y in self.chunks(batch):
                _, z = self.forward_pass(X)
                total[0] += self.log_loss.value(z[-1], y).sum()
                total[1] += (self.log_loss.prediction(z[-1]) == y).sum()
        return (self.backend.to_numpy(totals) / [[batch.m] for batch in batches]).ravel().tolist()

    def chunks(self, batch: Batch) -> Iterable[tuple[Array, Array]]:
        """(X, y) of so many rows of the batch at a time as fit the cache with all that is computed from them."""
        return batch.chunks(self.backend.rows_per_chunk(self._row_bytes), self.workspace)

    def _add_up(self, batch: Batch, out: Array, losses: list[Array] | None = None) -> Array:
        """`out`, filled with G, chunk by chunk: forward, backward, gradient; `losses` gets each chunk's sum of J_i."""
        total = out if out.flags.c_contiguous else self.xp.empty_like(self._theta)  # BLAS writes nowhere else
        with self.backend.threads.for_work(batch.m * self._theta.nbytes):
            for number, (X, y) in enumerate(self.chunks(batch)):
                # The first part is written straight into the total, each later one into a buffer that is added to it.
                part = self.workspace.take("part", total.shape, total.dtype) if number else total
                a, z = self.forward_pass(X)
                delta = self.backward_pass(a, z, y, batch.m)
                self.gradient_pass(a, delta, part)
                if number:
                    total += part
                if losses is not None:
                    losses.append(self.log_loss.value(z[-1], y).sum())
        if total is not out:
            out[...] = total
        return out

    @quiet()
    def _each_row(self, X: Any, of_logits: Any) -> Array:
        """`of_logits` of the logits of every row, joined."""
        if not isinstance(X, Batch):
            X = checks.features(X, self.n_features, self.backend, self.dtype)
            X = Batch(X, X, self._form)  # without labels
        chunks = self.chunks(self.batch(X))
        return self.xp.concatenate([of_logits(self.forward_pass(chunk)[1][-1]) for chunk, _ in chunks])

    def _checked(self, out: Array | None) -> Array:
        """`out`, or a fresh array (p,) without it; ValueError where it does not fit."""
        if out is None:
            return self.xp.empty_like(self._theta)
        if not self.backend.owns(out) or out.shape != self._theta.shape or out.dtype != self.dtype:
            raise ValueError(
                f"out is {type(out).__name__} {getattr(out, 'shape', '')} {getattr(out, 'dtype', '')}; "
                f"expected an array {self._theta.shape} of {self.dtype} on {self.backend!r}"
            )
        return out
