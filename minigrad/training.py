"""The training loop: epochs → batches → updates → History.

The clock runs only while the model is trained: shuffling and gathering a batch count, evaluation does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import checks
from .backend import Array, Backend
from .data import batches
from .model import Model
from .optimizers import SGD, Optimizer
from .per_sample import fast_updates, textbook_updates


@dataclass(frozen=True)
class History:
    """What training did: arrays of one length, one entry per evaluation, the first before any update.

    Attributes
    ----------
    epoch : (k,) float
        Epochs gone through, fractions included; without its remainder an epoch is as long as its full batches.
    updates : (k,) int
        Steps of the optimizer.
    samples : (k,) int
        Sample gradients used.
    seconds : (k,) float
        Time spent training, evaluation apart, cumulative.
    loss, accuracy : (k,) float
        Over the whole training set, at the parameters of that moment.
    test_loss, test_accuracy : (k,) float
        The same over the test set; NaN without one.
    diverged : bool
        Training stopped because the loss was not finite, or above a thousand times that of guessing, log K.
    reached_target : bool
        Training stopped because the loss was at or below the target.
    """

    epoch: np.ndarray
    updates: np.ndarray
    samples: np.ndarray
    seconds: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray
    test_loss: np.ndarray
    test_accuracy: np.ndarray
    diverged: bool
    reached_target: bool


def train(
    model: Model,
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer,
    batch_size: int,
    epochs: int,
    rng: np.random.Generator | None = None,
    evaluate_every: int | None = None,
    drop_last: bool = False,
    target_loss: float | None = None,
    test: tuple[Any, Any] | None = None,
    callback: Callable[[Model, dict[str, float]], Any] | None = None,
    path: str = "auto",
) -> History:
    """Train `model` in place.

    Parameters
    ----------
    model : LogisticRegression or MLP
    X, y : (m, n), (m,)
        The training set. Host data is moved to the model's device, and cast to its dtype, once.
    optimizer : Optimizer
        SGD, Adagrad, Adam, ConjugateGradient, LBFGS; its own state goes on where it stopped.
    batch_size : int
        1 … m. m is gradient descent, 1 is SGD in the strict sense. The step is always the *mean* gradient's.
    epochs : int
        How often the whole training set passes through, at least 1.
    rng : numpy.random.Generator, optional
        Draws a new permutation of the rows each epoch; without it batches come in the order of the rows.
    evaluate_every : int, optional
        In samples: evaluate after each update that reaches or passes a multiple of this many. Without it, at the end of
        each epoch; 0: only at the end of training.
    drop_last : bool
        Leave out a last batch that is not full.
    target_loss : float, optional
        Stop at the first evaluation with a training loss at or below this.
    test : (X_test, y_test), optional
        Evaluated beside the training set.
    callback : callable, optional
        callback(model, row) after each evaluation, outside the clock; row is a dict of that evaluation's numbers.
    path : {"auto", "batched", "textbook", "fast"}
        "batched" is the batched kernel. "textbook" and "fast" are the loops of `per_sample`, for batch size 1 and SGD
        without momentum; "auto" takes "fast" there and "batched" elsewhere.

    Returns
    -------
    History

    Raises
    ------
    TypeError
        Data on another device than the model, or an argument of the wrong kind.
    ValueError
        Data or an argument outside what is stated here.
    MemoryError
        A step on a batch of this size needs more than the device has; theta is as the step before left it.
    """
    if not isinstance(model, Model):
        raise TypeError(f"model is {model!r}; expected a LogisticRegression or an MLP")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is {optimizer!r}; expected one such as SGD(0.1)")
    X, y = model.prepare(_moved(X, model.backend), _moved(y, model.backend))
    if test is not None:
        test = model.prepare(*(_moved(part, model.backend) for part in test))
    m = len(X)
    batch_size = checks.whole_number("batch_size", batch_size, 1, m)
    epochs = checks.whole_number("epochs", epochs)
    rng = checks.generator("rng", rng)
    if evaluate_every is not None:
        evaluate_every = checks.whole_number("evaluate_every", evaluate_every, 0)
    if target_loss is not None:
        target_loss = checks.positive_number("target_loss", target_loss)
    path = _choose_path(path, optimizer, batch_size)

    clock = _Clock(model.backend)
    rows: list[dict[str, Any]] = []
    diverged = reached_target = False
    pauses = _train_and_pause(model, X, y, optimizer, batch_size, epochs, rng, evaluate_every, drop_last, path)
    # A run that diverges overflows on its way: that is a result, marked in the history, and no reason for warnings.
    with np.errstate(over="ignore", invalid="ignore"):
        while not (diverged or reached_target):
            with clock:
                counts = next(pauses, None)
            if counts is None:
                break
            row = dict(zip(("epoch", "updates", "samples"), counts))
            measured = model.evaluate(X, y, test) if test else [*model.evaluate(X, y), math.nan, math.nan]
            row["seconds"] = clock.read() if rows else 0.0  # nothing was trained before the first
            row |= dict(zip(("loss", "accuracy", "test_loss", "test_accuracy"), measured))
            rows.append(row)
            if callback is not None:
                callback(model, row)
            diverged = not row["loss"] <= 1000 * math.log(model.n_classes)
            reached_target = target_loss is not None and row["loss"] <= target_loss
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return History(**columns, diverged=diverged, reached_target=reached_target)


def _train_and_pause(
    model: Model,
    X: Array,
    y: Array,
    optimizer: Optimizer,
    batch_size: int,
    epochs: int,
    rng: np.random.Generator | None,
    evaluate_every: int | None,
    drop_last: bool,
    path: str,
) -> Iterator[tuple[float, int, int]]:
    """Train, and pause wherever an evaluation is due: yields (epoch, updates, sample gradients) so far."""
    m = len(X)
    rows_an_epoch = m - m % batch_size if drop_last else m
    seen = updates = samples = paused_at = 0  # `seen`: rows gone through
    yield 0.0, 0, 0
    for _ in range(epochs):
        # The mean over all rows does not depend on their order, so gradient descent needs none.
        order = None if rng is None or batch_size == m else rng.permutation(m)
        if isinstance(optimizer, SGD) and path in ("textbook", "fast"):
            advances = _per_sample_epoch(model, X, y, order, optimizer.learning_rate, seen, evaluate_every, path)
        else:
            advances = _batched_epoch(model, X, y, order, optimizer, batch_size, drop_last)
        for n_rows, n_updates, n_samples in advances:
            due = evaluate_every and (seen + n_rows) // evaluate_every > seen // evaluate_every
            seen, updates, samples = seen + n_rows, updates + n_updates, samples + n_samples
            if due:
                paused_at = updates
                yield seen / rows_an_epoch, updates, samples
        if evaluate_every is None:
            paused_at = updates
            yield seen / rows_an_epoch, updates, samples
    if paused_at < updates:
        yield seen / rows_an_epoch, updates, samples


def _batched_epoch(
    model: Model, X: Array, y: Array, order: np.ndarray | None, optimizer: Optimizer, batch_size: int, drop_last: bool
) -> Iterator[tuple[int, int, int]]:
    """One epoch on the batched kernel; after each update yields what it took: (rows, 1, sample gradients)."""
    backend, take = model.backend, model.workspace.take
    index = None if order is None else backend.asarray(order)  # one transfer an epoch
    for rows in batches(len(X), batch_size, drop_last=drop_last):
        X_batch, y_batch = X[rows], y[rows]
        if index is not None:
            X_batch = backend.take_rows(X, index[rows], out=take("X of the batch", X_batch.shape, X.dtype))
            y_batch = backend.take_rows(y, index[rows], out=take("y of the batch", y_batch.shape, y.dtype))
        try:
            used = optimizer.iterate(model, X_batch, y_batch)
        except MemoryError as error:  # its text tells the bytes that were asked for
            raise MemoryError(f"batch_size {batch_size} does not fit into memory: {error}") from None
        yield len(X_batch), 1, used


def _per_sample_epoch(
    model: Model,
    X: Array,
    y: Array,
    order: np.ndarray | None,
    learning_rate: float,
    seen: int,
    evaluate_every: int | None,
    path: str,
) -> Iterator[tuple[int, int, int]]:
    """One epoch, one update a sample; yields (rows, updates, sample gradients) wherever an evaluation is due."""
    updates = fast_updates if path == "fast" else textbook_updates
    order = np.arange(len(X)) if order is None else order
    start = 0
    while start < len(order):
        stop = start + evaluate_every - (seen + start) % evaluate_every if evaluate_every else len(order)
        part = order[start:stop]
        updates(model, X, y, part, learning_rate)
        yield len(part), len(part), len(part)
        start = stop


def _choose_path(path: str, optimizer: Optimizer, batch_size: int) -> str:
    """ "auto" resolved; ValueError where a per-sample path is asked for something else than plain SGD."""
    checks.one_of("path", path, ("auto", "batched", "textbook", "fast"))
    plain_sgd = batch_size == 1 and type(optimizer) is SGD and optimizer.momentum == 0
    if path in ("textbook", "fast") and not plain_sgd:
        raise ValueError(f"path is {path!r}; expected 'batched' unless batch_size is 1 and the optimizer plain SGD")
    if path == "auto":
        return "fast" if plain_sgd else "batched"
    return path


def _moved(values: Any, backend: Backend) -> Any:
    """Host arrays on the model's device; an array of another device is left for `prepare` to refuse."""
    return backend.asarray(values) if isinstance(values, np.ndarray) else values


class _Clock:
    """Adds up the seconds spent inside `with`, by the device's clock, which nobody waits for: evaluation does."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.seconds = 0.0

    def __enter__(self) -> None:
        self.started = self.backend.moment()

    def __exit__(self, *error: object) -> None:
        self.stopped = self.backend.moment()

    def read(self) -> float:
        """The sum, with the last `with`: to be called once for each, after the device has been waited for."""
        self.seconds += self.backend.seconds_between(self.started, self.stopped)
        return self.seconds
