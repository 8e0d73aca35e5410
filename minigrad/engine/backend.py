"""The array library: NumPy on the CPU, CuPy on the GPU, and the few primitives in which they differ.

    xp        the array library of a backend: the module `numpy` or the module `cupy`
    backend   `xp` and the primitives below

The mathematics is written once, for `xp`. What differs between the libraries (moving data, gathering rows,
BLAS, how much to work on at once, waiting for the device) is a method or an attribute here, so no formula
ever asks which library it runs on; where a faster path needs BLAS it asks for that: `backend.blas is None`.
"""

import functools
import sys
import time
from typing import Any

import numpy as np
import scipy.linalg.blas

from .threads import Threads

Array = Any  # numpy.ndarray or cupy.ndarray: the two share no base class
ONE_THREAD = 10_000  # entries up to which OpenBLAS adds vectors in one thread


class BackendUnavailable(RuntimeError):
    """A backend was asked for whose package, driver or device is missing; the message says which."""


class Backend:
    """An array library on a device of its own, such as CuPy; `NumpyBackend` narrows it to the host.

    `name` is what `get_backend` knows it by: a copied or unpickled model finds its backend again by this name.
    """

    blas: Any = None  # scipy.linalg.blas where arrays live in host memory
    threads = Threads()  # those of the host's BLAS
    chunk_bytes = 256 * 2**20  # large, since on a GPU every chunk costs launches

    def __init__(self, name: str, xp: Any) -> None:
        self.name = name
        self.xp = xp

    def __repr__(self) -> str:
        return f"<backend {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return get_backend, (self.name,)

    def owns(self, array: Any) -> bool:
        """Whether `array` is an array of this library."""
        return isinstance(array, self.xp.ndarray)

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """`values` (an array, a list, a number) on this device, copied only where that is needed."""
        return self.xp.asarray(values, dtype=dtype)

    def to_numpy(self, array: Any) -> np.ndarray:
        """`array` as a NumPy array on the host; on a GPU this waits for the device."""
        return self.xp.asnumpy(array)

    def synchronize(self) -> None:
        """Wait until the device has finished what it was given; read no clock before."""
        self.xp.cuda.get_current_stream().synchronize()

    def moment(self) -> Any:
        """The point that the work given to the device has reached, for `seconds_between`; waits for nothing."""
        event = self.xp.cuda.Event()
        event.record()
        return event

    def seconds_between(self, start: Any, stop: Any) -> float:
        """Seconds from one `moment` to a later one; to be asked after the device has been waited for."""
        return self.xp.cuda.get_elapsed_time(start, stop) / 1000

    def take_rows(self, X: Array, index: Array, out: Array) -> Array:
        """Gather `X[index]` into `out`, a buffer of that shape and dtype; `index` must be in range."""
        return self.xp.take(X, index, axis=0, out=out)

    def axpy(self, a: float, x: Array, y: Array) -> None:
        """y ← y + a x, in place; ValueError unless both have one shape."""
        if x.shape != y.shape:
            raise ValueError(f"the gradient has shape {x.shape}; expected that of theta, {y.shape}")
        y += a * x

    def add_product(self, a: float, A: Array, B: Array, out: Array) -> None:
        """Add a Aᵀ B to `out`, (m, k) and (m, n) to (k, n)."""
        out += a * (A.T @ B)

    def rows_per_chunk(self, bytes_per_row: int) -> int:
        """How many rows to work on at once, so that a chunk stays near `chunk_bytes`."""
        return max(1, self.chunk_bytes // max(1, bytes_per_row))


class NumpyBackend(Backend):
    """NumPy on the CPU, with SciPy's BLAS."""

    blas = scipy.linalg.blas
    chunk_bytes = 4 * 2**20  # stays in the L3 cache, and is enough work for several threads

    def __init__(self) -> None:
        super().__init__("numpy", np)

    def asarray(self, values: Any, dtype: Any = None) -> np.ndarray:
        """`values` as a NumPy array; TypeError for an array of another device."""
        if not isinstance(values, np.ndarray) and namespace(values, default=np) is not np:
            raise TypeError(f"got {type(values).__name__} of another device; expected host data: use its to_numpy()")
        return np.asarray(values, dtype=dtype)

    def to_numpy(self, array: Any) -> np.ndarray:
        """`array` itself."""
        return self.asarray(array)

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def moment(self) -> float:
        """Seconds on the wall clock."""
        return time.perf_counter()

    def seconds_between(self, start: float, stop: float) -> float:
        """Seconds from one `moment` to a later one."""
        return stop - start

    def axpy(self, a: float, x: np.ndarray, y: np.ndarray) -> None:
        """y ← y + a x, in place, by BLAS: in one pass over y."""
        plain = x.flags.c_contiguous and y.flags.c_contiguous and x.dtype == y.dtype and x.shape == y.shape
        if not plain or y.dtype.char not in "fd":
            super().axpy(a, x, y)
            return
        axpy, p = (self.blas.saxpy if y.dtype.char == "f" else self.blas.daxpy), len(y)
        # In pieces that BLAS leaves to one thread: a second set of threads, SciPy's, would fight NumPy's for the cores.
        first = p % ONE_THREAD
        axpy(x, y, first, a)
        for start in range(first, p, ONE_THREAD):
            axpy(x, y, ONE_THREAD, a, start, 1, start, 1)  # n, a, and from where x and y are read

    def add_product(self, a: float, A: np.ndarray, B: np.ndarray, out: np.ndarray) -> None:
        """Add a Aᵀ B to `out`, without an array of its size; rows are contiguous."""
        # BLAS stores matrices by columns: to it, B stored by rows is Bᵀ, and `out` is outᵀ = a Bᵀ A
        gemm = self.blas.sgemm if out.dtype.char == "f" else self.blas.dgemm
        gemm(a, B.T, A.T, trans_b=1, beta=1, c=out.T, overwrite_c=1)

    def take_rows(self, X: np.ndarray, index: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Gather `X[index]` into `out`; an index out of range is clipped."""
        # mode="clip" writes straight into `out`; the default mode gathers into a copy first
        return X.take(index, axis=0, out=out, mode="clip")


def namespace(array: Any, default: Any = None) -> Any:
    """The array library that `array` belongs to; `default` (or a TypeError) where it belongs to none."""
    if isinstance(array, (np.ndarray, np.generic)):
        return np
    if hasattr(array, "__array_namespace__"):
        return array.__array_namespace__()
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(array, cupy.ndarray):
        return cupy
    if default is not None:
        return default
    raise TypeError(f"got {type(array).__name__}; expected an array of NumPy or CuPy")


def backend_of(array: Any) -> Backend:
    """The backend of the library that `array` belongs to; host data (a list, a number) belongs to NumPy."""
    xp = namespace(array, default=np)
    return _numpy() if xp is np else Backend(xp.__name__, xp)


def get_backend(name: str | Backend = "numpy") -> Backend:
    """The backend "numpy" or "cupy"; "auto" is CuPy where a GPU answers, else NumPy. A `Backend` is returned as it is.

    Raises
    ------
    BackendUnavailable
        "cupy" without its package, a driver or a device; the message says what is missing and how to get it.
    ValueError
        Any other name.
    """
    if isinstance(name, Backend):
        return name
    if name == "numpy":
        return _numpy()
    if name == "cupy":
        return _cupy()
    if name == "auto":
        try:
            return _cupy()
        except BackendUnavailable:
            return _numpy()
    raise ValueError(f"backend {name!r} is unknown; expected 'numpy', 'cupy' or 'auto'")


@functools.cache
def _numpy() -> Backend:
    return NumpyBackend()


@functools.cache
def _cupy() -> Backend:
    try:
        import cupy  # here, so that `import minigrad` needs no GPU library
    except ImportError as error:
        raise BackendUnavailable(
            f"backend 'cupy' needs the package cupy ({_one_line(error)}): "
            'python -m pip install -e ".[cuda12]" (or cuda13; the first line of nvidia-smi shows which)'
        ) from None
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        if "InsufficientDriver" in str(error):
            missing = "found no NVIDIA driver, or one older than the package: install a driver that nvidia-smi can see"
        else:
            missing = "found no GPU: run where nvidia-smi lists one, and look at CUDA_VISIBLE_DEVICES"
        raise BackendUnavailable(f"backend 'cupy' {missing} ({_one_line(error)})") from None
    if devices == 0:
        raise BackendUnavailable("backend 'cupy' found no GPU: run where nvidia-smi lists one")
    return Backend("cupy", cupy)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
