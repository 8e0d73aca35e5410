"""What a caller may pass: one line of error for each thing that they may not.

Every message names the value and what was expected. Public functions check at the door; the loops behind it
trust what has come through.
"""

import math
import numbers
from typing import Any

import numpy as np

from .backend import Array, Backend, namespace


def brief(text: str, most: int = 700) -> str:
    """Text in one line; of a long one the beginning, and the end, where a message says what was expected."""
    return _cut(" ".join(text.split()), most)


def shown(value: Any) -> str:
    """`value` as it stands in a message."""
    try:
        return _cut(repr(value), 80)
    except ValueError:  # a whole number of more digits than Python writes
        return "a whole number of thousands of digits"


def positive_number(name: str, value: Any) -> float:
    """`value` as a float; ValueError unless it is a finite number above 0."""
    try:
        if _is_number(value) and 0 < float(value) < math.inf:
            return float(value)
    except OverflowError:  # a whole number, or a fraction, beyond float64
        pass
    raise ValueError(f"{name} is {shown(value)}; expected a positive number")


def fraction(name: str, value: Any) -> float:
    """`value` as a float; ValueError unless it lies in [0, 1)."""
    if _is_number(value) and 0 <= value < 1:
        return float(value)
    raise ValueError(f"{name} is {shown(value)}; expected a number from 0 up to, not including, 1")


def whole_number(name: str, value: Any, minimum: int = 1, maximum: int | None = None) -> int:
    """`value` as an int; ValueError unless it is a whole number in [minimum, maximum]."""
    if _is_whole(value) and value >= minimum and (maximum is None or value <= maximum):
        return int(value)
    upto = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    raise ValueError(f"{name} is {shown(value)}; expected a whole number {upto}")


def one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """`value`; ValueError unless it is one of `choices`."""
    if value in choices:
        return value
    raise ValueError(f"{name} is {shown(value)}; expected one of {', '.join(map(repr, choices))}")


def float_dtype(dtype: Any) -> np.dtype:
    """`dtype` as a NumPy dtype; ValueError unless it is float32 or float64."""
    try:
        name = np.dtype(dtype).name if dtype is not None else None  # NumPy takes None for float64
    except TypeError:
        name = None
    if name in ("float32", "float64"):
        return np.dtype(name)
    raise ValueError(f"dtype is {shown(dtype)}; expected 'float32' or 'float64'")


def seed(name: str, value: Any) -> np.random.Generator:
    """A Generator: `value` itself, or one seeded with the whole number `value`; seeded with 0 where it is None."""
    if isinstance(value, np.random.Generator):
        return value
    if value is None or (_is_whole(value) and value >= 0):
        return np.random.default_rng(int(value or 0))
    raise TypeError(f"{name} is {shown(value)}; expected a seed such as 0, or numpy.random.default_rng(0)")


def generator(name: str, value: Any) -> np.random.Generator | None:
    """`value`; TypeError unless it is None or a numpy.random.Generator."""
    if value is None or isinstance(value, np.random.Generator):
        return value
    raise TypeError(f"{name} is {shown(value)}; expected a numpy.random.Generator, such as numpy.random.default_rng(0)")


def features(X: Any, n_features: int, backend: Backend, dtype: Any, name: str = "X") -> Array:
    """`X` as an array (m, n_features) of `dtype` on `backend`, m at least 1, every entry finite.

    TypeError if it lives on another device, ValueError if it is anything else.
    """
    X = _real_numbers(name, X, backend)
    if X.ndim != 2 or X.shape[1] != n_features:
        cure = ""
        if X.ndim == 1 and len(X) == n_features:
            cure = f": one row is {name}[None, :]"
        elif X.ndim > 2 and math.prod(X.shape[1:]) == n_features:
            cure = f": flatten images by {name}.reshape(len({name}), -1)"
        raise ValueError(f"{name} has shape {X.shape}; expected two dimensions (rows, {n_features}){cure}")
    if X.shape[0] == 0:
        raise ValueError(f"{name} has shape {X.shape}; expected at least one row")
    with np.errstate(over="ignore", invalid="ignore"):
        X = backend.asarray(X, dtype)
        # The sum is finite only if every entry is: no array of booleans as large as X, and one wait on a GPU.
        if not math.isfinite(float(X.sum())):
            on_host = backend.to_numpy(X)
            for row, column in np.argwhere(~np.isfinite(on_host))[:1].tolist():
                wrong = on_host[row, column]
                raise ValueError(f"{name} holds {wrong} at row {row}, column {column}; expected finite numbers")
    return X


def labels(y: Any, n_rows: int, n_classes: int, backend: Backend, name: str = "y") -> Array:
    """`y` as an array (n_rows,) of whole numbers 0 … n_classes − 1 on `backend`, in the dtype it came in.

    TypeError if it lives on another device, ValueError if it is anything else.
    """
    y = _real_numbers(name, y, backend, ": numbers for text are numpy.unique(y, return_inverse=True)[1]")
    if y.ndim != 1 or y.shape[0] != n_rows:
        cure = ""
        if y.ndim == 2 and y.shape == (n_rows, 1):
            cure = f": {name}.ravel()"
        elif y.ndim == 2 and y.shape[0] == n_rows:
            cure = f": one-hot rows become labels by {name}.argmax(axis=1)"
        raise ValueError(f"{name} has shape {y.shape}; expected one label per row of X, ({n_rows},){cure}")
    xp = backend.xp
    good = (y >= 0) & (y < n_classes) & (y == xp.floor(y) if y.dtype.kind == "f" else True)
    if not bool(good.all()):
        on_host = backend.to_numpy(y)
        wrong = on_host[~backend.to_numpy(good)][0].item()
        cure = ""
        if wrong == n_classes and on_host.min() == 1:
            cure = f": labels that begin with 1 are {name} - 1"
        elif n_classes == 2 and set(np.unique(on_host).tolist()) == {-1, 1}:
            cure = f": labels −1 and 1 are ({name} + 1) // 2"
        elif n_classes > 2 and n_classes <= wrong < math.inf:
            cure = ": the last of layer_sizes is the number of classes"
        elif n_classes == 2 and 1 < wrong < math.inf and (on_host == np.floor(on_host)).all() and on_host.min() >= 0:
            cure = f": for more classes take MLP((n, {int(on_host.max()) + 1})), or Dataset.binary for two"
        raise ValueError(f"{name} holds the label {wrong!r}; expected whole numbers from 0 to {n_classes - 1}{cure}")
    return y


def _cut(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[: most // 2]} … {line[3 - most // 2 :]}"


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _real_numbers(name: str, values: Any, backend: Backend, cure: str = "") -> Array:
    if values is None or hasattr(values, "X_train"):
        what, cure = ("None", "an array") if values is None else (type(values).__name__, "its X_train, y_train")
        raise ValueError(f"{name} is {what} (dtype object); expected {cure}")
    xp = namespace(values, default=backend.xp)  # a list or a number belongs to none, and may go anywhere
    if xp is not backend.xp:
        raise TypeError(f"{name} is an array of {xp.__name__}; expected one of {backend!r}: use its asarray({name})")
    try:
        values = backend.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} is no rectangular array of numbers: {error}") from None
    if values.dtype.kind not in "biuf":
        cure = cure if values.dtype.kind in "UOS" else ""
        raise ValueError(f"{name} has dtype {values.dtype}; expected real numbers{cure}")
    return values
