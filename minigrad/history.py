"""What training did, evaluation by evaluation, and the Recorder that writes it down."""

import html
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .engine.batch import Batch
from .model import Model


class DivergenceWarning(RuntimeWarning):
    """Training stopped because the loss was not finite, or far above that of guessing."""


@dataclass(frozen=True, repr=False)
class History:
    """What training did: arrays of one length, one entry per evaluation, the first before any update.

    Attributes
    ----------
    epoch : (k,) float
        Epochs gone through, fractions included; with drop_last an epoch counts its full batches only.
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

    def __repr__(self) -> str:
        end = f"{self.updates[-1]:,} updates in {self.epoch[-1]:.4g} epochs and {self.seconds[-1]:.3g} s"
        tested = "" if math.isnan(self.test_accuracy[-1]) else f", test accuracy {self.test_accuracy[-1]:.1%}"
        state = "DIVERGED, " if self.diverged else "reached its target, " if self.reached_target else ""
        return f"<History: {state}{end}: loss {self.loss[0]:.3g} -> {self.loss[-1]:.3g}{tested}>"

    def _repr_html_(self) -> str:
        """A table for notebooks, of at most a dozen of the evaluations."""
        shown = np.unique(np.linspace(0, len(self.loss) - 1, 12).astype(int))
        names = ["epoch", "updates", "seconds", "loss", "accuracy"]
        names += [] if np.isnan(self.test_loss[-1]) else ["test_loss", "test_accuracy"]
        head = "".join(f"<th scope='col'>{name.replace('_', ' ')}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{getattr(self, name)[row]:.4g}</td>" for name in names) + "</tr>" for row in shown
        )
        return f"<p>{html.escape(repr(self)[1:-1])}</p><table><tr>{head}</tr>{body}</table>"


@dataclass
class Recorder:
    """Counts updates, keeps the training clock, and evaluates when it is due, with the clock stopped.

    What it is given is as for `train`.
    """

    model: Model
    batches: list[Batch]  # to evaluate: the training set, and the test set where there is one
    rows_an_epoch: int
    moments: Iterator[int]  # to evaluate at, in rows gone through, ascending; and at the end
    target_loss: float | None
    callback: Callable[[Model, dict[str, float]], Any] | None
    bar: Any  # of tqdm: told of every row gone through, and of every evaluation

    seen = updates = samples = 0  # rows gone through, steps, sample gradients
    seconds = 0.0
    finished = diverged = reached_target = False

    def __post_init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.started: Any = None  # the moment at which training went on
        self.due = next(self.moments, math.inf)  # rows
        self.evaluate()

    def rows_until_due(self) -> int | None:
        """How many rows may pass before the next evaluation; None: as many as there are."""
        return None if self.due == math.inf else int(self.due) - self.seen

    def count(self, rows: int, updates: int, samples: int) -> None:
        """After a step: count it, and evaluate where that is due."""
        self.seen, self.updates, self.samples = self.seen + rows, self.updates + updates, self.samples + samples
        self.bar.update(rows)
        if self.seen >= self.due:
            self.due = next((moment for moment in self.moments if moment > self.seen), math.inf)
            self.evaluate()

    def evaluate(self) -> None:
        """Stop the clock, add a row, and start it again."""
        backend, stopped = self.model.backend, self.model.backend.moment()
        measured = self.model.evaluate(*self.batches)  # waits for the device: now its clock may be read
        if self.updates:
            self.seconds += backend.seconds_between(self.started, stopped)
        row = {"epoch": self.seen / self.rows_an_epoch, "updates": self.updates, "samples": self.samples}
        row["seconds"] = self.seconds
        row |= dict(zip(("loss", "accuracy", "test_loss", "test_accuracy"), [*measured, math.nan, math.nan]))
        self.rows.append(row)
        if self.callback is not None:
            self.callback(self.model, row)
        self.bar.set_postfix(loss=f"{row['loss']:.4g}", accuracy=f"{row['accuracy']:.1%}")
        self.diverged = not row["loss"] <= 1000 * math.log(self.model.n_classes)  # `not` catches NaN, too
        self.reached_target = self.target_loss is not None and row["loss"] <= self.target_loss
        self.finished = self.diverged or self.reached_target
        self.started = backend.moment()

    def history(self) -> History:
        """The rows as arrays, with one at the end; a warning if training diverged."""
        if self.rows[-1]["updates"] < self.updates:
            self.evaluate()
        if self.diverged:
            last = self.rows[-1]
            warnings.warn(
                f"training diverged: loss {last['loss']:.3g} after {last['updates']:,} updates; expected "
                + ("a smaller learning_rate" if last["updates"] else "finite parameters, and features near 1 in size"),
                DivergenceWarning,
                stacklevel=3,
            )
        columns = {name: np.array([row[name] for row in self.rows]) for name in self.rows[0]}
        return History(**columns, diverged=self.diverged, reached_target=self.reached_target)
