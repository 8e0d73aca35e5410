"""What is wrong with a result, in a sentence: the student's numbers beside ours and beside typical wrong ones."""

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .stopped import Stopped, call

TOLERANCE = 1e-8


def wrong(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    expected: Mapping[str, Any],
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    tolerance: float = TOLERANCE,
) -> str:
    """What is wrong with `function(**arguments)`; "" where it returns what is expected, but for rounding.

    Parameters
    ----------
    function : the student's
    arguments : {name: value}, passed by position; they must stay as they are
    expected : {name: value} of each result; several are a tuple
    mistakes : {sentence: {name: value}}: what typical mistakes give, for some of the results
    tolerance : of a number, relative to the largest expected one
    """
    given = {name: copy.deepcopy(value) for name, value in arguments.items()}
    try:
        returned = call(function, *given.values())
        results = named(function.__name__, returned, list(expected))
    except Stopped as stopped:
        return str(stopped)
    for name, value in arguments.items():
        if isinstance(value, np.ndarray) and not np.array_equal(given[name], value, equal_nan=True):
            return f"{function.__name__} changes its argument {name}: work on a new array, not with {name} -= … or out="
    if all(is_close(results[name], value, tolerance) for name, value in expected.items()):
        return ""
    if sentence := cut_off(returned if len(expected) > 1 else [returned], expected):
        return sentence
    for order in itertools.permutations(expected) if len(expected) > 1 else ():
        if all(is_close(results[name], expected[other], tolerance) for name, other in zip(expected, order)):
            return f"{function.__name__} returns {', '.join(order)}, in this order; expected {', '.join(expected)}"
    for sentence, values in (mistakes or {}).items():
        if all(is_close(results[name], value, tolerance) for name, value in values.items()):
            return sentence
    rows = next((len(value) for value in arguments.values() if isinstance(value, np.ndarray) and value.ndim), 1)
    for sentence, values in (mistakes or {}).items() if len(expected) == 1 else ():
        if twice := twice_wrong(sentence, results, values, expected, rows):
            return twice
    return next(filter(None, (difference(name, results[name], expected[name], rows, tolerance) for name in expected)))


def twice_wrong(
    sentence: str, results: Mapping[str, Any], values: Mapping[str, Any], expected: Mapping[str, Any], rows: int
) -> str:
    """Two sentences where a result is what a typical mistake gives, times a factor of another one; else ""."""
    for name, value in values.items():
        alone = factor_known(results[name], np.asarray(expected[name], float), rows)  # one mistake explains it
        if not alone and (factor := factor_known(results[name], np.asarray(value, float), rows)):
            return f"{sentence}; and {name} {factor}"
    return ""


def cut_off(returned: Sequence[Any], expected: Mapping[str, Any]) -> str:
    """What is wrong where fractions were written into an array of whole numbers; "" where none were."""
    for result, (name, value) in zip(returned, expected.items()):
        dtype = getattr(result, "dtype", None)
        if dtype is not None and dtype.kind in "biu" and np.any(np.mod(np.nan_to_num(value), 1)):
            return f"{name} holds whole numbers ({dtype}), which cut off what follows the point: make it by np.zeros(m)"
    return ""


def named(function: str, result: Any, names: Sequence[str]) -> dict[str, Any]:
    """{name: array} of what a function returned; `Stopped` where it is something else."""
    if result is None:
        raise Stopped(f"{function} returns nothing: its last line must be return {', '.join(names)}")
    if len(names) > 1 and not (isinstance(result, (tuple, list)) and len(result) == len(names)):
        how_many = len(result) if isinstance(result, (tuple, list)) else 1
        raise Stopped(f"{function} returns {how_many} value{'s'[: how_many > 1]}; expected {', '.join(names)}")
    values = list(result) if len(names) > 1 else [result]
    arrays = {}
    for name, value in zip(names, values):
        try:
            arrays[name] = np.asarray(value, float)
        except (TypeError, ValueError, OverflowError):
            raise Stopped(f"{function} returns a {type(value).__name__} for {name}; expected numbers") from None
    return arrays


def is_close(result: np.ndarray, expected: Any, tolerance: float = TOLERANCE) -> bool:
    """Of one shape, and equal but for rounding; infinities must be the same."""
    expected = np.asarray(expected, float)
    if result.shape != expected.shape:
        return False
    finite = np.abs(expected[np.isfinite(expected)])
    scale = finite.max() if finite.size else 0.0
    return bool(np.allclose(result, expected, rtol=tolerance, atol=tolerance * scale, equal_nan=True))


def difference(name: str, result: np.ndarray, expected: Any, rows: int, tolerance: float = TOLERANCE) -> str:
    """How a result differs from what is expected, "" where it does not: shape, NaN, zero, sign, factor, or an entry."""
    expected = np.asarray(expected, float)
    if is_close(result, expected, tolerance):
        return ""
    if result.shape != expected.shape:
        return shape_difference(name, result, expected)
    if np.isnan(result).any():
        return f"{name} holds nan, which comes from ∞ − ∞, ∞ / ∞, 0 / 0, 0 · ∞ or the mean of no number"
    if np.isfinite(expected).all() and np.isinf(result).any():
        return f"{name} holds ∞: is something divided by 0, or is it the logarithm of 0?"
    if not result.any():
        return f"{name} is zero, as if it were missing"
    return factor_difference(name, result, expected, rows) or entry_difference(name, result, expected, tolerance)


def parallel(function: Callable[..., Any], arguments: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Whether each result is what is expected times a number above 0."""
    try:
        given = [copy.deepcopy(value) for value in arguments.values()]
        results = named(function.__name__, call(function, *given), list(expected))
    except Stopped:
        return False
    for name, value in expected.items():
        if results[name].shape != np.shape(value):
            return False
        factor = float((results[name] * value).sum() / (value * value).sum())
        if not (factor > 0 and is_close(results[name], factor * value)):
            return False
    return True


def alone(name: str, function: Callable[..., Any], arguments: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Whether the result `name` is right, whatever the others are."""
    try:
        given = [copy.deepcopy(value) for value in arguments.values()]
        return is_close(named(function.__name__, call(function, *given), list(expected))[name], expected[name])
    except Stopped:
        return False


def shape_difference(name: str, result: np.ndarray, expected: np.ndarray) -> str:
    """What another shape comes from."""
    said = f"{name} has the shape {result.shape}; expected {expected.shape}"
    if result.ndim == 2 and result.shape == expected.shape[::-1]:
        return f"{said}: it is transposed"
    if expected.ndim == 0:
        return f"{said}: one number is asked, so take the sum or the mean over the rows"
    if result.ndim == 0:
        return f"{said}: a sum or a mean over everything leaves one number; say over which axis"
    if result.ndim == 2 and expected.ndim == 1 and result.shape == expected.shape * 2:
        return f"{said}: a column against a row makes a table of all pairs"
    if expected.ndim == result.ndim - 1 and result.size == expected.size:
        return f"{said}: it has one axis too many"
    return said


def factor_difference(name: str, result: np.ndarray, expected: np.ndarray, rows: int) -> str:
    """The sentence for a result that is the expected one times some number, else ""."""
    factor = factor_of(result, expected)
    if np.isclose(factor, [0, 1]).any():
        return ""
    sign = "has the wrong sign and " if factor < 0 else ""
    return f"{name} {factor_known(result, expected, rows) or f'{sign}is {abs(factor):.4g} times what it should be'}"


def factor_of(result: np.ndarray, expected: np.ndarray) -> float:
    """The number that the result is of the expected one, the same in every entry; 0 where there is none."""
    if result.shape != expected.shape or not (np.isfinite(expected).all() and expected.any()):
        return 0.0
    factor = float((result * expected).sum() / (expected * expected).sum())
    return factor if is_close(result, factor * expected) else 0.0


def factor_known(result: np.ndarray, expected: np.ndarray, rows: int) -> str:
    """What makes that number: the sign, or the number of rows m; "" where it is 1, or another one."""
    factor = factor_of(result, expected)
    size, m, words = abs(factor), f"m = {rows}", ["has the wrong sign"] * (factor < 0)
    if rows > 1 and np.isclose(size, rows):
        words.append(f"is {m} times too large: a sum where the mean is asked? Divide by the number of rows m once")
    elif rows > 1 and np.isclose(size, 1 / rows):
        words.append(f"is {m} times too small: it is divided by the number of rows m once too often")
    elif rows > 1 and np.isclose(size, rows / (rows - 1)):
        words.append("is divided by m − 1; expected a mean over the m rows")
    elif not np.isclose(size, 1):
        return ""
    return " and ".join(words)


def entry_difference(name: str, result: np.ndarray, expected: np.ndarray, tolerance: float) -> str:
    """The first entry that differs."""
    if not expected.ndim:
        return f"{name} is {result:.6g}; expected {expected:.6g}"
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    off = ~np.isclose(result, expected, rtol=tolerance, atol=tolerance * scale)
    place = tuple(int(index) for index in np.argwhere(off)[0])
    where = ", ".join(map(str, place))
    how_many = f"{int(off.sum())} of {off.size} entries of {name} are wrong"
    return f"{how_many}: {name}[{where}] is {result[place]:.6g}, expected {expected[place]:.6g}"


def after(passed: str, sentence: str) -> str:
    """A sentence about a special case, with what went well before it."""
    return f"{passed}: {sentence}" if sentence else ""
