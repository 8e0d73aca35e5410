"""From an .npz file to a table: X and y, or Keras' four arrays."""

from pathlib import Path

import numpy as np

from ..engine.archive import read_archive
from .reading import Table, row_numbers

KERAS = ("x_train", "y_train", "x_test", "y_test")


def of_arrays(path: Path) -> Table:
    """A table of an .npz file: X and y, or Keras' four arrays, whose own split is kept; images are flattened."""
    import pandas as pd

    arrays, found = read_archive(path, ("X", "y", *KERAS))
    if all(name in arrays for name in KERAS):
        X, X_test, y, y_test = arrays["x_train"], arrays["x_test"], _flat(arrays["y_train"]), _flat(arrays["y_test"])
        _check_arrays(X, y, "x_train", "y_train")
        _check_arrays(X_test, y_test, "x_test", "y_test")
        if X.shape[1:] != X_test.shape[1:]:
            raise ValueError(f"x_test has shape {X_test.shape}; expected rows of shape {X.shape[1:]}, as x_train has")
        first_test_row = len(X)
        X, y = np.concatenate([X, X_test]), np.concatenate([y, y_test])
    elif "X" in arrays and "y" in arrays:
        X, y, first_test_row = arrays["X"], _flat(arrays["y"]), None
        _check_arrays(X, y, "X", "y")
    else:
        names = ", ".join(map(repr, found)) or "none"
        raise ValueError(f"the arrays in it are {names}; expected X (m, n) and y (m,), or {', '.join(KERAS)}")
    shape = X.shape[1:]
    frame = pd.DataFrame(X.reshape(len(X), -1))
    notes = (f"{' × '.join(map(str, shape))} pixels flattened",) if len(shape) > 1 else ()
    columns = tuple(str(j) for j in range(frame.shape[1]))
    y = y.astype(np.int64) if y.dtype.kind == "b" else y
    return Table(frame, columns, False, row_numbers, notes, y, first_test_row, are_pictures=len(shape) > 1)


def _flat(labels: np.ndarray) -> np.ndarray:
    """(m, 1), as some data sets have their labels, as (m,); anything else as it is."""
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


def _check_arrays(X: np.ndarray, y: np.ndarray, X_name: str, y_name: str) -> None:
    if X.ndim < 2 or len(X) < 1 or X.size == 0 or X.dtype.kind not in "biuf":
        raise ValueError(f"{X_name} has shape {X.shape} and dtype {X.dtype}; expected real numbers (m, n) or images")
    if y.shape != (len(X),) or y.dtype.kind not in "biufU":
        raise ValueError(
            f"{y_name} has shape {y.shape} and dtype {y.dtype}; expected numbers or text ({len(X)},)"
            " (one-hot rows: y.argmax(axis=1))"
        )
