"""A strict stand-in for a GPU: what CuPy does differently from NumPy, on a machine without a device.

    xp        the namespace, in the place of the module `cupy`: its functions, with CuPy's signatures and no others
    array     a `DeviceArray`: holds a NumPy array, is none, and is never converted to one unless asked (`xp.asnumpy`)
    launch    a function or an operator that works on an array; a view is none
    wait      whatever the host must have the device's answer for: float(), bool(), .get(), a synchronised stream
    upload    host data moved to the device

`xp.counts` counts the three. Where CuPy would go wrong silently (an index that comes twice in an assignment), or
takes more than is good for speed (a NumPy function on its array), this raises. `test_device.py` shows that each trap
is caught, and compares the signatures with the installed CuPy's.
"""

from __future__ import annotations

import copy
import functools
import inspect
import operator
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.engine.backend import Backend


@dataclass
class Counts:
    launches: int = 0
    waits: int = 0
    uploads: int = 0

    def reset(self) -> None:
        self.launches = self.waits = self.uploads = 0


@contextmanager
def counting() -> Iterator[Counts]:
    """What the block costs; the numbers are there when it ends."""
    before, spent = copy.copy(xp.counts), Counts()
    yield spent
    for name, value in vars(before).items():
        setattr(spent, name, getattr(xp.counts, name) - value)


# ---- what there is: CuPy's signatures ----------------------------------------------------------------------------

UFUNCS = {
    "x, /, out=None": "abs absolute exp expm1 log log1p sqrt square negative sign tanh floor ceil isfinite isnan isinf "
    "logical_not reciprocal",
    "x1, x2, /, out=None": "add subtract multiply divide true_divide floor_divide remainder power minimum maximum "
    "greater greater_equal less less_equal equal not_equal logical_and logical_or logical_xor logaddexp copysign",
}
FUNCTIONS = {
    "a, axis=None, dtype=None, out=None, keepdims=False": "sum mean prod",
    "a, axis=None, out=None, keepdims=False": "max min any all amax amin",
    "a, axis=None, *, out=None, keepdims=False": "argmax argmin",
    "a, axis=None, dtype=None, out=None, ddof=0, keepdims=False": "std var",
    "a, axis=None, dtype=None, out=None": "cumsum cumprod",
    "a, axis=None": "count_nonzero",
    "a, axis=-1": "sort argsort",
    "a, b, out=None": "dot outer",
    "a, b": "vdot inner",
    "a, b, axes=2": "tensordot",
    "x1, x2, /, *, out=None": "matmul",
    "*operands": "einsum",
    "a, indices, axis=None, out=None": "take",
    "condition, x=None, y=None": "where",
    "a": "nonzero copy",
    "a, a_min, a_max, out=None": "clip",
    "m, k=0": "tril triu",
    "tup, axis=0, out=None": "concatenate stack",
    "shape, dtype=float": "zeros ones empty",
    "shape, fill_value, dtype=None": "full",
    "prototype, dtype=None": "empty_like",
    "a, dtype=None": "zeros_like ones_like",
    "N, M=None, k=0, dtype=float": "eye",
    "start, stop=None, step=1, dtype=None": "arange",
    "start, stop, num=50": "linspace",
    "a, axis1, axis2": "swapaxes",
    "a, axes=None": "transpose",
    "a, axis": "expand_dims",
    "array, shape": "broadcast_to",
    "a, dtype=None, order=None": "asarray",
    "obj, dtype=None, copy=True": "array",
    "a, stream=None, order='C', out=None": "asnumpy",
}
LINALG = {"x, ord=None, axis=None, keepdims=False": "norm", "a, b": "solve"}
METHODS = {
    "axis=None, dtype=None, out=None, keepdims=False": "sum mean prod",
    "axis=None, out=None, keepdims=False": "max min any all",
    "axis=None, *, out=None, keepdims=False": "argmax argmin",
    "axis=None, dtype=None, out=None, ddof=0, keepdims=False": "std var",
    "axis=None, dtype=None, out=None": "cumsum",
    "indices, axis=None, out=None": "take",
    "b, out=None": "dot",
    "": "nonzero",
}

ARRAYS = {"x", "x1", "x2", "y", "a", "b", "m", "array", "indices", "condition", "prototype", "a_min", "a_max", "out"}
VIEWS = {"empty", "empty_like", "swapaxes", "transpose", "expand_dims", "broadcast_to"}  # nothing to compute
SCALARS_TOO = {"where", "clip", *" ".join(UFUNCS.values()).split()}


def names_of(table: dict[str, str]) -> dict[str, inspect.Signature]:
    """{name: signature} of a table such as FUNCTIONS."""
    return {name: signature(text) for text, names in table.items() for name in names.split()}


def signature(text: str) -> inspect.Signature:
    """'a, /, axis=None, *, out=None' as a Signature; every default means "not given"."""
    kind, parameters = inspect.Parameter.POSITIONAL_OR_KEYWORD, []
    for part in text.split(", ") if text else []:
        name, _, default = part.partition("=")
        if name == "/":
            parameters = [each.replace(kind=inspect.Parameter.POSITIONAL_ONLY) for each in parameters]
        elif name == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
        elif name.startswith("*"):
            parameters.append(inspect.Parameter(name[1:], inspect.Parameter.VAR_POSITIONAL))
            kind = inspect.Parameter.KEYWORD_ONLY
        else:
            parameters.append(inspect.Parameter(name, kind, default=default or inspect.Parameter.empty))
    return inspect.Signature(parameters)


# ---- the array ---------------------------------------------------------------------------------------------------


def _host(value: Any, scalar: bool = True) -> Any:
    """What NumPy is to compute with; TypeError for an array of the host, or a list."""
    if isinstance(value, DeviceArray):
        return value._data
    if scalar and isinstance(value, (bool, int, float, complex, np.generic)):
        return value  # NumPy's own rules of promotion, NEP 50: numpy.float64 widens float32, float does not
    raise TypeError(f"Unsupported type {type(value)}")


def _launch(function: Callable, *arguments: Any, **keywords: Any) -> Any:
    xp.counts.launches += 1
    with np.errstate(all="ignore"):  # a GPU raises no floating-point warnings
        return _wrap(function(*arguments, **keywords))


def _wrap(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(map(_wrap, result))
    array = DeviceArray.__new__(DeviceArray)
    array._data = np.asarray(result)  # a scalar becomes a 0-d array
    return array


def _unary(name: str) -> Callable:
    function = getattr(operator, name)
    return lambda self: _launch(function, self._data)


def _operator(name: str) -> Callable:
    function = getattr(operator, name)

    def forward(self: DeviceArray, other: Any) -> DeviceArray:
        return _launch(function, self._data, _host(other))

    return forward


def _reflected(name: str) -> Callable:
    function = getattr(operator, name)

    def reflected(self: DeviceArray, other: Any) -> DeviceArray:
        return _launch(function, _host(other), self._data)

    return reflected


def _in_place(name: str) -> Callable:
    function = getattr(operator, name)

    def in_place(self: DeviceArray, other: Any) -> DeviceArray:
        _launch(function, self._data[...], _host(other))  # [...]: in place for a 0-d array, too
        return self

    return in_place


class DeviceArray:
    """An array that lives on the device. It is made by the functions of `xp` alone."""

    __slots__ = ("_data",)
    __array_ufunc__ = None  # NumPy's functions and operators refuse it
    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        raise TypeError("make one with xp.asarray, xp.zeros, …")

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_function__(self, function: Any, *_: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} was given an array of the device; call xp.{function.__name__}")

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return xp

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype})"

    # what the host knows without asking

    shape = property(lambda self: self._data.shape)
    ndim = property(lambda self: self._data.ndim)
    size = property(lambda self: self._data.size)
    dtype = property(lambda self: self._data.dtype)
    itemsize = property(lambda self: self._data.itemsize)
    nbytes = property(lambda self: self._data.nbytes)
    strides = property(lambda self: self._data.strides)
    flags = property(lambda self: self._data.flags)
    T = property(lambda self: _wrap(self._data.T))

    def __len__(self) -> int:
        return len(self._data)

    # what it must wait for

    def get(self, stream: Any = None, order: str = "C", out: np.ndarray | None = None) -> np.ndarray:
        xp._wait()
        if out is None:
            return self._data.copy()
        out[...] = self._data
        return out

    def item(self) -> Any:
        return self.get().item()

    def tolist(self) -> Any:
        return self.get().tolist()

    def __float__(self) -> float:
        return float(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __bool__(self) -> bool:
        return bool(self.get())

    def __reduce__(self) -> tuple[Any, ...]:
        return xp.asarray, (self.get(),)

    # views, and elements

    def __iter__(self) -> Iterator[DeviceArray]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> DeviceArray:
        index, advanced = self._index(index)
        if not advanced:
            whole = index if isinstance(index, tuple) else (index,)
            if not any(part is Ellipsis for part in whole):
                whole = (*whole, ...)  # so that an element, too, is a view, as in CuPy
            return _wrap(self._data[whole])
        if any(part.dtype == bool for part in advanced):
            xp._wait()  # how many there are, and so the shape, only the device knows
        return _launch(operator.getitem, self._data, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        index, advanced = self._index(index)
        integers = [part for part in advanced if part.dtype != bool]
        if integers and isinstance(value, DeviceArray) and value.ndim:
            places = np.stack([part.ravel() for part in np.broadcast_arrays(*integers)])
            if np.unique(places, axis=1).shape[1] < places.shape[1]:
                raise RuntimeError("an index comes twice in an assignment: on a GPU nobody knows which value stays")
        xp.counts.launches += 1
        self._data[index] = _host(value)

    def _index(self, index: Any) -> tuple[Any, list[np.ndarray]]:
        """`index` for NumPy, and the arrays in it; CuPy, too, takes arrays of the host here, and uploads them."""
        advanced = []

        def plain(part: Any) -> Any:
            if isinstance(part, (list, np.ndarray)):
                part = xp.asarray(part)
            if isinstance(part, DeviceArray):
                advanced.append(part._data)
                return part._data
            return part

        index = tuple(map(plain, index)) if isinstance(index, tuple) else plain(index)
        return index, advanced

    def reshape(self, *shape: Any, order: str = "C") -> DeviceArray:
        shape = shape[0] if len(shape) == 1 else shape
        result = self._data.reshape(shape, order=order)
        if not np.shares_memory(result, self._data):
            xp.counts.launches += 1
        return _wrap(result)

    def ravel(self, order: str = "C") -> DeviceArray:
        return self.reshape(-1, order=order)

    def transpose(self, *axes: int) -> DeviceArray:
        return _wrap(self._data.transpose(*axes))

    def squeeze(self, axis: Any = None) -> DeviceArray:
        return _wrap(self._data.squeeze(axis))

    # copies

    def copy(self, order: str = "C") -> DeviceArray:
        return _launch(np.copy, self._data, order)

    def __copy__(self) -> DeviceArray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> DeviceArray:
        return self.copy()

    def flatten(self, order: str = "C") -> DeviceArray:
        return _launch(self._data.flatten, order)

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = None, subok: Any = None, copy: bool = True
    ) -> DeviceArray:
        if not copy and self.dtype == np.dtype(dtype):
            return self
        return _launch(self._data.astype, dtype, order, casting or "unsafe")

    def fill(self, value: Any) -> None:
        self[...] = value

    # arithmetic

    __neg__, __pos__, __abs__, __invert__ = map(_unary, ("neg", "pos", "abs", "invert"))
    __lt__, __le__, __gt__, __ge__ = map(_operator, ("lt", "le", "gt", "ge"))
    __eq__, __ne__ = map(_operator, ("eq", "ne"))  # type: ignore[assignment]

    def __matmul__(self, other: Any) -> DeviceArray:
        return xp.matmul(self, other)

    def __rmatmul__(self, other: Any) -> DeviceArray:
        return xp.matmul(other, self)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor"):
    _function = {"and": "and_", "or": "or_"}.get(_name, _name)
    setattr(DeviceArray, f"__{_name}__", _operator(_function))
    setattr(DeviceArray, f"__r{_name}__", _reflected(_function))
    setattr(DeviceArray, f"__i{_name}__", _in_place("i" + _name if _name in ("and", "or") else "i" + _function))


# ---- the namespace -----------------------------------------------------------------------------------------------


class Namespace:
    """In the place of the module `cupy`."""

    __name__ = "stand-in"
    ndarray = DeviceArray
    pi, e, inf, nan, newaxis = np.pi, np.e, np.inf, np.nan, None
    bool_, int32, int64, intp, uint8 = np.bool_, np.int32, np.int64, np.intp, np.uint8
    float32, float64, dtype, finfo = np.float32, np.float64, np.dtype, np.finfo

    def __init__(self) -> None:
        self.counts = Counts()
        self.answers = 0  # how often the host has waited, ever: `counts` may be reset
        for name, parameters in (names_of(UFUNCS) | names_of(FUNCTIONS)).items():
            if not hasattr(self, name):  # those written out below
                setattr(self, name, _function_of(name, parameters, getattr(np, name)))
        norms = {n: _function_of(n, parameters, getattr(np.linalg, n)) for n, parameters in names_of(LINALG).items()}
        self.linalg = SimpleNamespace(**norms)
        self.cuda = SimpleNamespace(
            get_current_stream=lambda: SimpleNamespace(synchronize=self._wait),
            Event=Event,
            get_elapsed_time=elapsed_time,
            Device=lambda: SimpleNamespace(id=0),
            runtime=SimpleNamespace(
                getDeviceCount=lambda: 1, getDeviceProperties=lambda _: {"name": b"a stand-in for a device"}
            ),
        )

    def __repr__(self) -> str:
        return "<the namespace of the stand-in>"

    def __reduce__(self) -> str:
        return "xp"

    def _wait(self) -> None:
        self.counts.waits += 1
        self.answers += 1

    def asarray(self, a: Any, dtype: Any = None, order: str | None = None) -> DeviceArray:
        if isinstance(a, DeviceArray):
            return a if dtype is None else a.astype(dtype, copy=False)
        values = np.array(a, dtype=dtype, order=order)  # the device's memory is never the host's
        if values.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {values.dtype}")
        self.counts.uploads += 1
        return _wrap(values)

    def array(self, obj: Any, dtype: Any = None, copy: bool = True) -> DeviceArray:
        made = self.asarray(obj, dtype)
        return made.copy() if made is obj and copy else made

    def asnumpy(self, a: Any, stream: Any = None, order: str = "C", out: np.ndarray | None = None) -> np.ndarray:
        return a.get(stream, order, out) if isinstance(a, DeviceArray) else np.asarray(a, order=order)  # type: ignore[call-overload]

    def take(self, a: Any, indices: Any, axis: int | None = None, out: Any = None) -> DeviceArray:
        a, indices = _host(a, scalar=False), _host(indices)
        rows = _launch(np.take, a, indices, axis, mode="wrap")  # what CuPy does with an index out of range
        if out is None:
            return rows
        if out.dtype != a.dtype or out.shape != rows.shape:
            raise ValueError(f"out is {out.shape} {out.dtype}; expected {rows.shape} {a.dtype}")
        _host(out, scalar=False)[...] = rows._data
        return out

    def dot(self, a: Any, b: Any, out: Any = None) -> DeviceArray:
        if out is not None and not out.flags.c_contiguous:
            raise ValueError("Output array must be C-contiguous")
        target = None if out is None else _host(out, scalar=False)
        product = _launch(np.dot, _host(a, scalar=False), _host(b, scalar=False), target)
        return product if out is None else out


def _function_of(name: str, parameters: inspect.Signature, function: Callable) -> Callable:
    """`function` of NumPy for arrays of the device, with these parameters and no others."""

    @functools.wraps(function, assigned=("__doc__",), updated=())
    def call(*arguments: Any, **keywords: Any) -> Any:
        bound = parameters.bind(*arguments, **keywords)  # TypeError for what CuPy would not take
        out = bound.arguments.get("out")
        for key, value in bound.arguments.items():
            if key == "operands":
                value = tuple(each if isinstance(each, str) else _host(each, scalar=False) for each in value)
            elif key == "tup":
                value = [_host(each, scalar=False) for each in value]
            elif key in ARRAYS and not (value is None and key != "x1"):
                value = _host(value, scalar=name in SCALARS_TOO and key != "out")
            elif isinstance(value, (DeviceArray, np.ndarray)):
                raise TypeError(f"{key} is {value!r}; expected a plain value")
            bound.arguments[key] = value
        if name == "nonzero" or (name == "where" and len(bound.arguments) == 1):
            xp._wait()  # for the shape of the result
        target = bound.arguments.pop("out", None)
        keywords = {} if target is None else {"out": target}
        launches = xp.counts.launches
        result = _launch(function, *bound.args, **bound.kwargs, **keywords)
        if name in VIEWS:
            xp.counts.launches = launches
        return result if out is None else out

    call.__name__, call.__signature__ = name, parameters  # type: ignore[attr-defined]
    return call


def _method_of(name: str, parameters: inspect.Signature) -> Callable:
    def call(self: DeviceArray, *arguments: Any, **keywords: Any) -> Any:
        bound = parameters.bind(*arguments, **keywords)
        return getattr(xp, name)(self, *bound.args, **bound.kwargs)

    call.__name__ = name
    return call


class Event:
    """A moment on the device's timeline, known once the host has waited for something after it."""

    def __init__(self) -> None:
        self.recorded: float | None = None

    def record(self, stream: Any = None) -> None:
        self.recorded, self.answers = time.perf_counter(), xp.answers

    def synchronize(self) -> None:
        xp._wait()


def elapsed_time(start: Event, stop: Event) -> float:
    """Milliseconds from start to stop; an error where the device need not have come so far."""
    if start.recorded is None or stop.recorded is None:
        raise RuntimeError("cudaErrorInvalidResourceHandle: an event was not recorded")
    if xp.answers == stop.answers:
        raise RuntimeError("cudaErrorNotReady: device not ready")
    return 1000 * (stop.recorded - start.recorded)


for _name, _parameters in names_of(METHODS).items():
    setattr(DeviceArray, _name, _method_of(_name, _parameters))

xp = Namespace()


# ---- the backend -------------------------------------------------------------------------------------------------


class DeviceBackend(Backend):
    """The stand-in wherever a backend goes."""

    def __init__(self) -> None:
        super().__init__("stand-in", xp)

    def __reduce__(self) -> tuple[Any, ...]:
        return device_backend, ()


@functools.cache
def device_backend() -> Backend:
    return DeviceBackend()
