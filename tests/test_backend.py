import copy
import pickle
import sys
import time
import tracemalloc
import types

import numpy as np
import pytest
from strategies import SHAPES, assert_close, each_shape, make_problem, refused

from minigrad import MLP, SGD, Backend, BackendUnavailable, LogisticRegression, get_backend, gradient_noise, train
from minigrad.engine.backend import _cupy, backend_of, namespace
from minigrad.per_sample import fast_epoch, textbook_epoch


class Foreign:
    """An array that lives elsewhere: it names its library, and will not be read as a NumPy array."""

    shape, dtype, ndim = (4, 3), np.dtype("float64"), 2

    def __array_namespace__(self, api_version=None):
        return types.SimpleNamespace(__name__="elsewhere", ndarray=Foreign)

    def __array__(self, *args, **kwargs):
        raise AssertionError("it must not be converted silently")


class PlainBackend(Backend):
    """NumPy as a device without BLAS: the primitives of `Backend`, so that no GPU is needed to run them."""

    def __init__(self):
        super().__init__("plain", np)
        self.waited = 0

    def to_numpy(self, array):
        return np.array(array)

    def synchronize(self):
        self.waited += 1

    def moment(self):
        return time.perf_counter()

    def seconds_between(self, start, stop):
        return stop - start

    def __deepcopy__(self, memo):
        return self


# ---- NumPy -------------------------------------------------------------------------------------------------------


def test_the_numpy_backend_is_numpy():
    backend = get_backend("numpy")
    assert (backend.name, backend.xp) == ("numpy", np)
    assert get_backend() is backend
    assert get_backend(backend) is backend
    assert copy.deepcopy(backend) is backend
    assert pickle.loads(pickle.dumps(backend)) is backend
    assert "numpy" in repr(backend)
    assert backend.blas is not None
    array = np.arange(3.0)
    assert backend.asarray(array) is array
    assert backend.to_numpy(array) is array
    assert backend.owns(array)
    assert not backend.owns([1.0])
    assert backend.asarray([1, 2], np.float32).dtype == np.float32
    assert backend.synchronize() is None


@pytest.mark.parametrize("backend", [get_backend("numpy"), PlainBackend()], ids=repr)
def test_take_rows_gathers_into_the_buffer(backend):
    X = np.arange(12.0).reshape(4, 3)
    out = np.full((5, 3), np.nan)
    assert backend.take_rows(X, np.array([3, 0, 0, 2, 1]), out=out) is out
    assert np.array_equal(out, X[[3, 0, 0, 2, 1]])


def test_take_rows_of_numpy_gathers_without_a_copy():
    X, index = np.ones((1000, 200)), np.arange(999, -1, -1)
    out = np.empty_like(X)
    tracemalloc.start()
    try:
        get_backend("numpy").take_rows(X, index, out=out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < out.nbytes / 10


def test_a_chunk_has_at_least_one_row_and_about_chunk_bytes():
    backend = get_backend("numpy")
    assert backend.rows_per_chunk(10**12) == 1
    assert backend.rows_per_chunk(0) == backend.chunk_bytes
    assert backend.rows_per_chunk(800) * 800 <= backend.chunk_bytes < (backend.rows_per_chunk(800) + 1) * 800


def test_namespace_and_backend_of_name_the_library():
    assert namespace(np.ones(2)) is namespace(np.float32(1)) is np
    assert namespace([1], default=np) is np
    assert namespace(Foreign()).__name__ == "elsewhere"
    assert backend_of([1.0]) is backend_of(np.ones(1)) is get_backend("numpy")
    assert backend_of(Foreign()).name == "elsewhere"
    with refused("list", kind=TypeError):
        namespace([1])


@pytest.mark.parametrize("name", ["gpu", "", "Numpy", None, 1, np], ids=str)
def test_an_unknown_name_is_refused(name):
    with refused(repr(name), "'numpy'", "'cupy'", "'auto'", kind=ValueError):
        get_backend(name)
    with refused(repr(name), kind=ValueError):
        LogisticRegression(2, backend=name)


# ---- CuPy that is not there --------------------------------------------------------------------------------------


class CUDARuntimeError(RuntimeError):
    pass


def fake_cupy(answer):
    """A module that counts GPUs as `answer` says: a number, or an error."""

    def device_count():
        if isinstance(answer, Exception):
            raise answer
        return answer

    cupy = types.ModuleType("cupy")
    cupy.ndarray = Foreign
    cupy.cuda = types.SimpleNamespace(
        runtime=types.SimpleNamespace(getDeviceCount=device_count, CUDARuntimeError=CUDARuntimeError)
    )
    return cupy


@pytest.fixture
def cupy_is(monkeypatch):
    """Puts a module in the place of cupy."""

    def put(module):
        monkeypatch.setitem(sys.modules, "cupy", module)
        _cupy.cache_clear()

    yield put
    _cupy.cache_clear()


ABSENT = {
    "package": (None, "pip install", "cuda12"),
    "driver": (
        fake_cupy(CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")),
        "driver",
        "cudaErrorInsufficientDriver",
    ),
    "device": (
        fake_cupy(CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")),
        "GPU",
        "cudaErrorNoDevice",
    ),
    "any device": (fake_cupy(0), "found no GPU"),
}


@pytest.mark.parametrize(("module", "fragments"), [(m, f) for m, *f in ABSENT.values()], ids=ABSENT.keys())
def test_cupy_says_what_is_missing_and_auto_falls_back(cupy_is, module, fragments):
    cupy_is(module)
    for ask in (lambda: get_backend("cupy"), lambda: MLP((3, 2), backend="cupy")):
        with refused("'cupy'", *fragments, kind=BackendUnavailable):
            ask()
    assert get_backend("auto") is get_backend("numpy")
    assert LogisticRegression(2, backend="auto").backend.name == "numpy"


def test_a_cupy_that_is_broken_is_reported_in_one_line(cupy_is, monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text(
        'raise ImportError("\\n=====\\nFailed to import CuPy.\\n\\nlibnvrtc.so.12\\n=====")'
    )
    monkeypatch.syspath_prepend(tmp_path)
    cupy_is(None)
    monkeypatch.delitem(sys.modules, "cupy")
    with refused("'cupy'", "libnvrtc.so.12", kind=BackendUnavailable):
        get_backend("cupy")


def test_a_cupy_with_a_gpu_is_taken_by_name_and_by_auto(cupy_is):
    module = fake_cupy(1)
    cupy_is(module)
    backend = get_backend("cupy")
    assert (backend.name, backend.xp, backend.blas) == ("cupy", module, None)
    assert get_backend("auto") is backend
    assert pickle.loads(pickle.dumps(backend)) is backend


# ---- two devices never mix ---------------------------------------------------------------------------------------

X, y = np.ones((4, 3)), np.array([0, 1, 0, 1])
DOORS = {
    "forward": lambda model, X, y: model.forward(X),
    "predict": lambda model, X, y: model.predict(X),
    "loss": lambda model, X, y: model.loss(X, y),
    "accuracy": lambda model, X, y: model.accuracy(X, y),
    "gradient": lambda model, X, y: model.gradient(X, y),
    "sample_gradients": lambda model, X, y: model.sample_gradients(X, y),
    "gradient_noise": gradient_noise,
    "step": lambda model, X, y: SGD(0.1).step(model, X, y),
    "textbook_epoch": lambda model, X, y: textbook_epoch(model, X, y, [0], 0.1),
    "fast_epoch": lambda model, X, y: fast_epoch(model, X, y, [0], 0.1),
    "train": lambda model, X, y: train(model, X, y, optimizer=SGD(0.1), batch_size=1, epochs=1),
    "test set": lambda model, X, y: train(
        model, np.ones((4, 3)), [0, 1, 0, 1], optimizer=SGD(0.1), batch_size=1, epochs=1, test=(X, y)
    ),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
@pytest.mark.parametrize("model", [LogisticRegression(3), MLP((3, 2, 2))], ids=["logistic", "mlp"])
def test_an_array_of_another_device_is_refused_at_every_door(model, door):
    with refused("X", "elsewhere", kind=TypeError):
        door(model, Foreign(), y)
    if door not in (DOORS["forward"], DOORS["predict"]):
        with refused("y", "elsewhere", kind=TypeError):
            door(model, X, Foreign())


def test_theta_of_another_device_is_refused():
    model = LogisticRegression(2)
    with refused("Foreign", kind=TypeError):
        model.theta = Foreign()
    with refused("Foreign", kind=TypeError):
        get_backend("numpy").to_numpy(Foreign())


# ---- the mathematics does not ask which backend it runs on -------------------------------------------------------


@each_shape
@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_a_backend_without_blas_trains_identically(shape, batch_size):
    problem = make_problem(**shape, m=10)
    model, X, y = problem.model, problem.X, problem.y
    plain = PlainBackend()
    arguments = model.constructor_arguments() | {"backend": plain}
    other = type(model)(**arguments)
    other.theta = model.theta
    assert_close(other.gradient(X, y), model.gradient(X, y), 1e-13)
    plain.waited = 0
    histories = [
        train(each, X, y, optimizer=SGD(0.3), batch_size=batch_size, epochs=2, rng=np.random.default_rng(1))
        for each in (model, other)
    ]
    assert_close(other.theta, model.theta, 1e-12)
    assert_close(histories[1].loss, histories[0].loss, 1e-12)
    assert histories[1].seconds[-1] > 0  # that no clock is read before the device is done: test_device.py


# ---- the real thing ----------------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("batch_size", [1, 4, 10])
def test_gpu_agrees_with_cpu(gpu, shape, batch_size):
    problem = make_problem(**shape, m=10)
    model, X, y = problem.model, problem.X, problem.y
    other = type(model)(**model.constructor_arguments() | {"backend": gpu})
    other.theta = gpu.asarray(model.theta)
    device_X, device_y = gpu.asarray(X), gpu.asarray(y)
    assert_close(gpu.to_numpy(other.gradient(device_X, device_y)), model.gradient(X, y), 1e-12)
    assert_close(gpu.to_numpy(other.sample_gradients(device_X, device_y)), model.sample_gradients(X, y), 1e-12)
    assert gradient_noise(other, device_X, device_y).trace == pytest.approx(gradient_noise(model, X, y).trace, 1e-10)
    history, expected = (
        train(each, X, y, optimizer=SGD(0.3), batch_size=batch_size, epochs=2, rng=np.random.default_rng(1))
        for each in (other, model)
    )
    assert_close(gpu.to_numpy(other.theta), model.theta, 1e-11)
    assert_close(history.loss, expected.loss, 1e-11)
    copied = pickle.loads(pickle.dumps(other))
    assert np.array_equal(gpu.to_numpy(copied.theta), gpu.to_numpy(other.theta))


@pytest.mark.gpu
def test_gpu_and_host_arrays_do_not_mix(gpu):
    with refused("numpy", kind=TypeError):
        LogisticRegression(3, backend=gpu).gradient(X, y)
    with refused("cupy", kind=TypeError):
        LogisticRegression(3).gradient(gpu.asarray(X), y)
