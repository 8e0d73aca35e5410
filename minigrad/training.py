"""The training loop: epochs → batches → updates → History.

The clock runs only while the model is trained: shuffling and gathering a batch count, evaluation does not.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .data import Dataset, batches
from .engine import checks
from .engine.batch import Batch, quiet
from .history import History, Recorder
from .model import Model
from .optimizers import SGD, Optimizer
from .per_sample import fast_epoch, textbook_epoch


def train(
    model: Model,
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer,
    batch_size: int,
    epochs: int,
    rng: np.random.Generator | int | None = None,
    shuffle: bool = True,
    evaluate_every: int | None = None,
    drop_last: bool = False,
    target_loss: float | None = None,
    test: tuple[Any, Any] | None = None,
    callback: Callable[[Model, dict[str, float]], Any] | None = None,
    path: str = "auto",
    verbose: bool = False,
    evaluate_at: Sequence[int] | None = None,
) -> History:
    """Train `model` in place; returns what happened, evaluation by evaluation.

    Parameters
    ----------
    model : LogisticRegression or MLP
    X, y : (m, n), (m,)
        The training set. Host data is moved to the model's device, and cast to its dtype, once.
    optimizer : Optimizer
        SGD, Adagrad, Adam, ConjugateGradient, LBFGS; what it remembers is kept from call to call.
    batch_size : int
        1 … m. m is gradient descent, 1 is SGD in the strict sense. The step is always the *mean* gradient's.
    epochs : int
        How often the whole training set passes through, at least 1.
    rng : numpy.random.Generator or int, optional
        Draws a new permutation of the rows each epoch; an int seeds one, and without it 0 does.
    shuffle : bool
        False: batches come in the order of the rows, every epoch.
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
    verbose : bool
        Show a bar of the updates, with the last loss and accuracy.
    evaluate_at : sequence of int, optional
        In the place of `evaluate_every`, in samples, ascending: evaluate after each update that reaches or passes one
        of these, and at the end of training.

    Warns
    -----
    DivergenceWarning
        The loss was not finite, or above a thousand times that of guessing; training stopped there.

    Raises
    ------
    TypeError, ValueError
        Data on another device than the model; data or an argument that are not as stated here.
    MemoryError
        A step on a batch of this size needs more than the device has; theta is as the step before left it.
    """
    data, *test_data = _checked_data(model, X, y, optimizer, test)
    batch_size = checks.whole_number("batch_size", batch_size, 1, data.m)
    epochs = checks.whole_number("epochs", epochs)
    generator: np.random.Generator | None = checks.seed("rng", rng)
    if not shuffle or batch_size == data.m:  # the mean over all rows does not depend on their order
        generator = None
    rows = data.m - data.m % batch_size if drop_last else data.m
    due = _moments(evaluate_every, evaluate_at, rows)
    target = None if target_loss is None else checks.positive_number("target_loss", target_loss)
    per_sample_epoch = _per_sample_epoch(path, optimizer, batch_size)

    # A run that diverges overflows on its way: that is a result, marked in the history.
    with quiet(), _bar(verbose, epochs * rows) as bar:
        done = Recorder(model, [data, *test_data], rows, due, target, callback, bar)
        for _ in range(epochs):
            if done.finished:
                break
            if per_sample_epoch is not None:
                _one_by_one(per_sample_epoch, model, data, generator, optimizer, done)
                continue
            for index in batches(data.m, batch_size, generator, drop_last, backend=model.backend):
                batch = data[index]
                used = _step(optimizer, model, batch)
                done.count(rows=batch.m, updates=1, samples=used)
                if done.finished:
                    break
        return done.history()


def _moments(every: int | None, at: Sequence[int] | None, rows_an_epoch: int) -> Iterator[int]:
    """The rows after which an evaluation is due, ascending."""
    if at is None:
        every = rows_an_epoch if every is None else checks.whole_number("evaluate_every", every, 0)
        return itertools.count(every, every) if every else iter(())
    if every is not None:
        raise ValueError(f"evaluate_every is {every!r} beside evaluate_at; expected one of the two")
    at = [checks.whole_number("an entry of evaluate_at", moment) for moment in at]
    if at != sorted(at):
        raise ValueError(f"evaluate_at is {at!r}; expected ascending numbers of samples")
    return iter(at)


def _step(optimizer: Optimizer, model: Model, batch: Batch) -> int:
    """`optimizer.step`; where memory runs out, the error names the batch size."""
    try:
        return optimizer.step(model, batch)
    except MemoryError as error:  # its text tells the bytes that were asked for
        raise MemoryError(f"batch_size {batch.m} does not fit into memory: {error}") from None


def _one_by_one(
    epoch: Callable[..., None],
    model: Model,
    data: Batch,
    rng: np.random.Generator | None,
    optimizer: Any,
    done: Recorder,
) -> None:
    """One epoch on a path of `per_sample`, an update a sample, in stretches that end where an evaluation is due."""
    [order] = [np.arange(data.m)] if rng is None else batches(data.m, data.m, rng)
    while len(order) and not done.finished:
        stretch, order = np.split(order, [done.rows_until_due() or len(order)])
        epoch(model, data, None, stretch, optimizer.learning_rate)
        done.count(rows=len(stretch), updates=len(stretch), samples=len(stretch))


def _per_sample_epoch(path: str, optimizer: Optimizer, batch_size: int) -> Callable[..., None] | None:
    """The path of `per_sample` that `path` means here; None for the batched kernel.

    ValueError where a per-sample path is asked for something else than plain SGD.
    """
    checks.one_of("path", path, ("auto", "batched", "textbook", "fast"))
    plain_sgd = batch_size == 1 and type(optimizer) is SGD and optimizer.momentum == 0
    if path in ("textbook", "fast") and not plain_sgd:
        raise ValueError(f"path is {path!r}; expected 'batched' unless batch_size is 1 and the optimizer plain SGD")
    if path == "batched" or not plain_sgd:
        return None
    return textbook_epoch if path == "textbook" else fast_epoch


def _checked_data(model: Model, X: Any, y: Any, optimizer: Optimizer, test: Any) -> list[Batch]:
    """The training set and, where there is one, the test set on the model's device; an error says what is wrong."""
    if not isinstance(model, Model):
        raise TypeError(f"model is {model!r}; expected a LogisticRegression or an MLP")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is {optimizer!r}; expected one such as SGD(0.1)")
    data = [model.batch(_moved(X, model), _moved(y, model))]
    if test is not None:
        pair = isinstance(test, (tuple, list))
        if not pair or len(test) != 2:
            cure = ": (data.X_test, data.y_test)" if isinstance(test, Dataset) else ""
            size = f" of {len(test)}" if pair else ""
            raise TypeError(f"test is a {type(test).__name__}{size}; expected a pair (X_test, y_test){cure}")
        X_test, y_test = (_moved(part, model) for part in test)
        data.append(model.batch(X_test, y_test, names=("X of test", "y of test")))
    return data


def _moved(values: Any, model: Model) -> Any:
    """Host arrays on the model's device; an array of another device is left for `Model.batch` to refuse."""
    return model.backend.asarray(values) if isinstance(values, np.ndarray) else values


def _bar(verbose: bool, rows: int) -> Any:
    """A bar over so many rows on standard error; one that shows nothing unless `verbose`."""
    if verbose:  # imported here, so that `import minigrad` stays quick
        from tqdm.auto import tqdm
    else:
        from tqdm import tqdm  # `tqdm.auto` may warn in a notebook
    return tqdm(total=rows, unit=" rows", desc="train", disable=not verbose)
