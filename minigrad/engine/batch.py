"""A batch: some rows of data that a model has checked, gathered a chunk at a time.

    X      (M, n)   all rows, on the model's device and in its dtype
    y      (M,)     their labels
    rows            which of them: a slice, or an array of indices (m,)
    form            what the model that checked them takes: another kind of model refuses them
    m               how many

What a model has let in once it need not check again: its public methods take a `Batch` in the place of X and y.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .backend import Array, namespace
from .workspace import Workspace


class Batch:
    """Rows of checked data; made by `Model.batch`, and cut by `batch[rows]`.

    A gradient or a step of a `Batch` does not silence overflow: the loop that it comes from does that once. To ask at
    each update would cost a small one 3 % of its time.
    """

    __slots__ = ("X", "form", "m", "rows", "y")

    def __init__(self, X: Array, y: Array, form: Any, rows: slice | Array | None = None) -> None:
        if rows is None:
            rows = slice(0, len(X))
        self.X, self.y, self.form = X, y, form
        self.rows: Any = rows
        self.m = rows.stop - rows.start if isinstance(rows, slice) else len(rows)

    def __len__(self) -> int:
        return self.m

    def __repr__(self) -> str:
        return f"<Batch of {self.m:,} rows of {self.X.shape[1]:,} features>"

    def __getitem__(self, rows: slice | Array) -> Batch:
        """Some of its rows: a slice, or an array of indices."""
        is_slice = isinstance(rows, slice)
        if self.m < len(self.X) or type(self.rows) is not slice or (is_slice and rows.step not in (None, 1)):
            rows = namespace(self.X).arange(len(self.X))[self.rows][rows]
        elif is_slice:
            start, stop, _ = rows.indices(self.m)
            rows = slice(start, stop if stop > start else start)
        else:
            rows = namespace(self.X).asarray(rows)
        return Batch(self.X, self.y, self.form, rows)

    def chunks(self, length: int, workspace: Workspace) -> Iterator[tuple[Array, Array]]:
        """(X, y) of at most `length` rows at a time: views where rows are a slice, else gathered into buffers.

        A chunk that was just gathered is still in the cache when the forward pass reads it, and when the backward
        pass reads it again: so its rows come from memory once.
        """
        X, y, rows, take_rows = self.X, self.y, self.rows, workspace.backend.take_rows
        if self.m > length:
            length = -(-self.m // -(-self.m // length))  # all of one size: a short last one costs more than its share
        for start in range(0, self.m, length):
            if isinstance(rows, slice):
                cut = slice(rows.start + start, min(rows.start + start + length, rows.stop))
                yield X[cut], y[cut]
            else:
                index = rows[start : start + length]
                X_chunk = workspace.take("X of a chunk", (len(index), *X.shape[1:]), X.dtype)
                y_chunk = workspace.take("y of a chunk", (len(index),), y.dtype)
                yield take_rows(X, index, out=X_chunk), take_rows(y, index, out=y_chunk)

    def gathered(self) -> tuple[Array, Array]:
        """(X, y) of all its rows at once; a copy unless they are a slice."""
        return self.X[self.rows], self.y[self.rows]


def quiet() -> np.errstate:
    """`with quiet():` what is too large becomes inf, without a warning; see `Batch` for where it is not asked for."""
    return np.errstate(over="ignore", invalid="ignore")
