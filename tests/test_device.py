"""The stand-in for a device: each trap is caught, and what it offers is what the installed CuPy offers."""

import copy
import inspect
import math
import pickle
import warnings

import numpy as np
import pytest
from device import (
    FUNCTIONS,
    LINALG,
    METHODS,
    UFUNCS,
    DeviceArray,
    Event,
    counting,
    device_backend,
    names_of,
    signature,
    xp,
)

from minigrad.engine.backend import Backend, backend_of, namespace

HOST = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def a():
    return xp.asarray(HOST)


# ---- what raises -------------------------------------------------------------------------------------------------


def assigned(target, index, value):
    target[index] = value


def added(target, value):
    target += value


CONVERSIONS = {
    "asarray": lambda a: np.asarray(a),
    "array": lambda a: np.array(a),
    "list of arrays": lambda a: np.array([a, a]),
    "list of 0-d": lambda a: np.array([a[0, 0]]),
    "ufunc": lambda a: np.sqrt(a),
    "ufunc with a host array": lambda a: np.add(HOST, a),
    "ufunc into": lambda a: np.add(HOST, HOST, out=a),
    "sum": lambda a: np.sum(a),
    "norm": lambda a: np.linalg.norm(a),
    "dot": lambda a: np.dot(HOST, a),
    "concatenate": lambda a: np.concatenate([a, a]),
    "assign": lambda a: assigned(HOST.copy(), ..., a),
    "index": lambda a: HOST[a[0].astype(int)],
    "range": lambda a: range(a[0, 0].astype(int)),
    "slice": lambda a: HOST[: a[0, 1].astype(int)],
}
OPERANDS = {
    "a + array": lambda a: a + HOST,
    "array + a": lambda a: HOST + a,
    "a - list": lambda a: a - [1.0, 2.0, 3.0],
    "a += array": lambda a: added(a, HOST),
    "array += a": lambda a: added(HOST.copy(), a),
    "a @ array": lambda a: a @ HOST.T,
    "array @ a": lambda a: HOST.T @ a,
    "a == array": lambda a: a == HOST,
    "a < list": lambda a: a < [1.0, 2.0, 3.0],
    "0-d array": lambda a: a * np.array(2.0),
    "None": lambda a: a + None,
    "maximum": lambda a: xp.maximum(a, HOST),
    "matmul": lambda a: xp.matmul(HOST, a.T),
    "dot": lambda a: xp.dot(a, HOST.T),
    "take": lambda a: xp.take(HOST, xp.asarray([0]), axis=0),
    "take by a host index": lambda a: xp.take(a, np.array([0]), axis=0),
    "where": lambda a: xp.where(a > 0, a, HOST),
    "einsum": lambda a: xp.einsum("ij,ij->i", a, HOST),
    "concatenate": lambda a: xp.concatenate((a, HOST)),
    "sum": lambda a: xp.sum(HOST),
    "sum of a list": lambda a: xp.sum([1.0]),
    "out": lambda a: xp.exp(a, out=HOST.copy()),
    "norm": lambda a: xp.linalg.norm(HOST),
    "setitem list": lambda a: assigned(a, 0, [1.0, 2.0, 3.0]),
    "setitem tuple": lambda a: assigned(a, 0, (1.0, 2.0, 3.0)),
    "shape on the device": lambda a: xp.zeros(a[0, 0]),
    "axis on the device": lambda a: a.sum(axis=a[0, 0]),
}
SIGNATURES = {
    "where=": lambda a: xp.divide(a, a, where=a > 0),
    "reduction where=": lambda a: a.sum(where=a > 0),
    "initial=": lambda a: a.max(initial=0.0),
    "take mode=": lambda a: xp.take(a, xp.asarray([0]), axis=0, mode="clip"),
    "vdot out=": lambda a: xp.vdot(a, a, out=a),
    "where out=": lambda a: xp.where(a > 0, a, a, out=a),
    "positional out of matmul": lambda a: xp.matmul(a, a.T, a),
    "norm out=": lambda a: xp.linalg.norm(a, out=a),
    "ufunc by name": lambda a: xp.exp(x=a),
    "tril out=": lambda a: xp.tril(a, out=a),
    "argmax of two": lambda a: a.argmax(0, 1, 2, 3, 4),
}


@pytest.mark.parametrize(
    "trap",
    [*CONVERSIONS.values(), *OPERANDS.values(), *SIGNATURES.values()],
    ids=[*CONVERSIONS, *OPERANDS, *SIGNATURES],
)
def test_what_cupy_refuses_is_refused(a, trap):
    before = a.get()
    with warnings.catch_warnings(), pytest.raises(TypeError):
        warnings.simplefilter("error")
        trap(a)
    assert np.array_equal(a.get(), before)


def test_assigning_a_host_array_is_refused(a):
    with pytest.raises(ValueError, match="fill"):
        a[...] = HOST
    with pytest.raises(ValueError, match="fill"):
        a[0] = HOST[0]
    a[0, 0] = np.float64(7)  # a scalar is none
    assert a[0, 0].item() == 7


@pytest.mark.parametrize("name", ["errstate", "random", "vectorize", "frompyfunc", "nditer", "axpy"])
def test_what_is_not_listed_is_not_there(name):
    with pytest.raises(AttributeError):
        getattr(xp, name)


def test_an_index_that_comes_twice_in_an_assignment_is_refused(a):
    twice = xp.asarray([1, 1])
    with pytest.raises(RuntimeError, match="twice"):
        a[:, 0][twice] = a[:, 1]
    with pytest.raises(RuntimeError, match="twice"):
        a[twice, twice] += a[:, 1]
    a[twice] = 5.0  # the same value whoever is last
    a[twice, xp.asarray([0, 1])] = a[0, :2]


def test_shapes_and_dtypes_that_cupy_wants_in_out(a):
    index = xp.asarray([0, 1])
    with pytest.raises(ValueError, match="float32"):
        xp.take(a, index, axis=0, out=xp.empty((2, 3), "float32"))
    with pytest.raises(ValueError, match="expected"):
        xp.take(a, index, axis=0, out=xp.empty((3, 3)))
    with pytest.raises(ValueError, match="C-contiguous"):
        xp.dot(a, a.T, out=xp.empty((2, 4))[:, ::2])


@pytest.mark.parametrize("values", [["a"], [object()], [[1], [2, 3]]], ids=["text", "object", "ragged"])
def test_what_is_no_number_is_not_uploaded(values):
    with pytest.raises(ValueError):
        xp.asarray(values)


def test_a_device_array_is_made_by_the_namespace_alone(a):
    assert not isinstance(a, np.ndarray)
    with pytest.raises(TypeError):
        DeviceArray()
    with pytest.raises(TypeError):
        hash(a)
    with pytest.raises(TypeError):
        iter(a.sum())
    with pytest.raises(ValueError, match="ambiguous"):
        bool(a)
    values = HOST.copy()
    moved = xp.asarray(values)
    values[...] = -1  # memory is not shared
    assert (moved.get() == HOST).all()
    out = moved.get()
    out[...] = -1
    assert (moved.get() == HOST).all()


# ---- what is counted ---------------------------------------------------------------------------------------------

WAITS = {
    "float": lambda a: float(a.sum()),
    "int": lambda a: int(a[0, 0]),
    "bool": lambda a: bool(a[0, 0]),
    "if": lambda a: 1 if a[0, 0] else 0,
    "item": lambda a: a.sum().item(),
    "tolist": lambda a: a.tolist(),
    "get": lambda a: a.get(),
    "asnumpy": lambda a: xp.asnumpy(a),
    "math": lambda a: math.sqrt(a[0, 1]),
    "max of two": lambda a: max(a[0, 0], a[0, 1]),
    "mask": lambda a: a[a > 2],
    "nonzero": lambda a: xp.nonzero(a),
    "where": lambda a: xp.where(a > 2),
    "stream": lambda a: xp.cuda.get_current_stream().synchronize(),
    "event": lambda a: Event().synchronize(),
    "backend": lambda a: device_backend().synchronize(),
    "to_numpy": lambda a: device_backend().to_numpy(a),
    "pickle": lambda a: pickle.dumps(a),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_waits_are_counted(a, wait):
    with counting() as spent:
        wait(a)
    assert spent.waits == 1


LAUNCHES = {  # what it costs
    "slice": (lambda a: a[:1, ::2], 0),
    "element": (lambda a: a[0, 0], 0),
    "ellipsis": (lambda a: a[..., None], 0),
    "T": (lambda a: a.T, 0),
    "reshape": (lambda a: a.reshape(3, 2), 0),
    "rows": (lambda a: list(a), 0),
    "ravel": (lambda a: a.ravel(), 0),
    "empty": (lambda a: xp.empty_like(a), 0),
    "asarray": (lambda a: xp.asarray(a, "float64"), 0),
    "astype, nothing to do": (lambda a: a.astype("float64", copy=False), 0),
    "shape": (lambda a: (a.shape, len(a), a.dtype, a.flags.c_contiguous), 0),
    "reshape that copies": (lambda a: a.T.reshape(-1), 1),
    "cast": (lambda a: xp.asarray(a, "float32"), 1),
    "astype": (lambda a: a.astype("float64"), 1),
    "copy": (lambda a: a.copy(), 1),
    "gather": (lambda a: a[xp.asarray([1, 0])], 1),
    "pick": (lambda a: a[xp.asarray([1, 0]), xp.asarray([1, 0])], 1),
    "zeros": (lambda a: xp.zeros(3), 1),
    "operator": (lambda a: a + 1, 1),
    "reflected": (lambda a: 1 - a, 1),
    "negative": (lambda a: -a, 1),
    "compare": (lambda a: a == 1, 1),
    "in place": (lambda a: added(a, 1), 1),
    "in place on an element": (lambda a: assigned(a, (0, 0), a[0, 0] + 1), 2),
    "assign": (lambda a: assigned(a, 0, 0.0), 1),
    "function": (lambda a: xp.exp(a, out=a), 1),
    "method": (lambda a: a.sum(axis=0), 1),
    "matmul": (lambda a: a @ a.T, 1),
    "dot": (lambda a: xp.dot(a, a.T), 1),
    "take": (lambda a: xp.take(a, xp.asarray([1]), axis=0), 1),
    "norm": (lambda a: xp.linalg.norm(a), 1),
    "einsum": (lambda a: xp.einsum("ij,ij->i", a, a), 1),
    "expression": (lambda a: ((a - a.mean()) ** 2).sum(), 4),
}


@pytest.mark.parametrize(("work", "launches"), LAUNCHES.values(), ids=LAUNCHES.keys())
def test_launches_are_counted(a, work, launches):
    with counting() as spent:
        work(a)
    assert (spent.launches, spent.waits) == (launches, 0)


@pytest.mark.parametrize(
    ("work", "uploads"),
    [
        (lambda a: xp.asarray(HOST), 1),
        (lambda a: xp.array([1, 2]), 1),
        (lambda a: xp.asarray(a), 0),
        (lambda a: a + 1, 0),
        (lambda a: xp.full(3, 1.0), 0),
        (lambda a: a[np.array([0, 1])], 1),  # CuPy takes it, and uploads
        (lambda a: a[[0, 1]], 1),
    ],
)
def test_uploads_are_counted(a, work, uploads):
    with counting() as spent:
        work(a)
    assert spent.uploads == uploads


def test_the_counts_can_be_reset(a):
    a + 1
    assert xp.counts.launches
    xp.counts.reset()
    assert vars(xp.counts) == {"launches": 0, "waits": 0, "uploads": 0}


def test_a_clock_read_before_the_device_is_done_raises(a):
    backend = device_backend()
    if not hasattr(backend, "moment"):
        start, stop = Event(), Event()
        start.record(), stop.record()
    else:
        start, stop = backend.moment(), backend.moment()
    with pytest.raises(RuntimeError, match="NotReady"):
        xp.cuda.get_elapsed_time(start, stop)
    float(a[0, 0])
    assert xp.cuda.get_elapsed_time(start, stop) >= 0
    with pytest.raises(RuntimeError, match="recorded"):
        xp.cuda.get_elapsed_time(Event(), stop)


# ---- what it computes --------------------------------------------------------------------------------------------


def test_it_computes_what_numpy_does(a):
    for result, expected in (
        (a.sum(), HOST.sum()),
        (a.sum(axis=0), HOST.sum(axis=0)),
        (xp.mean(a, axis=1, keepdims=True), HOST.mean(axis=1, keepdims=True)),
        (a.argmax(axis=1), HOST.argmax(axis=1)),
        (1 - a * 2 / (a + 1) ** 2, 1 - HOST * 2 / (HOST + 1) ** 2),
        (~((a >= 1) & (a < 3)) | (a == 0), ~((HOST >= 1) & (HOST < 3)) | (HOST == 0)),
        (a.T @ a, HOST.T @ HOST),
        (xp.where(a > 2, a, 0.0), np.where(HOST > 2, HOST, 0.0)),
        (xp.logaddexp(0, -a), np.logaddexp(0, -HOST)),
        (xp.clip(a, 1, 3), HOST.clip(1, 3)),
        (xp.concatenate((a, a), axis=1), np.concatenate((HOST, HOST), axis=1)),
        (xp.einsum("ij,kj->ik", a, a), HOST @ HOST.T),
        (a[1, xp.asarray([2, 0])], HOST[1, [2, 0]]),
        (xp.eye(3, dtype="float32"), np.eye(3, dtype="float32")),
        (xp.arange(1, 7, 2), np.arange(1, 7, 2)),
        (abs(-a), HOST),
        (xp.take(a, xp.asarray([3]), axis=0), HOST[[1]]),  # out of range: round again, as in CuPy
    ):
        assert isinstance(result, DeviceArray)
        assert result.dtype == expected.dtype
        assert np.array_equal(result.get(), expected)


def test_views_share_memory_and_results_go_where_they_are_told(a):
    a[0][1] = 9.0
    a.T[2] += a[:, 0]
    element = a[1, 1]
    element += 1
    assert a.tolist() == [[0, 9, 2], [3, 5, 8]]
    out = xp.empty(3)
    assert xp.sum(a, axis=0, out=out) is out
    assert xp.take(a, xp.asarray([1, 0]), axis=0, out=xp.empty((2, 3))).tolist() == [[3, 5, 8], [0, 9, 2]]
    total = xp.zeros(())
    total += a.sum()
    assert float(total) == a.sum().item() == 27
    copied = copy.deepcopy(a)
    copied.fill(0)
    assert a.any().item()


def test_dtypes_follow_nep_50():
    small = xp.ones(2, "float32")
    assert (small * 2.0).dtype == (small + 1).dtype == (1 / small).dtype == np.float32
    assert (small * np.float64(2)).dtype == np.float64  # a NumPy scalar is as strong as an array
    assert (small * xp.ones(()).sum()).dtype == np.float64
    small *= np.float64(2)  # in place nothing widens
    assert small.dtype == np.float32
    with pytest.raises(TypeError):
        added(xp.ones(2, int), 0.5)


def test_the_device_raises_no_floating_point_warnings(a):
    with np.errstate(all="raise"):
        assert xp.log(a)[0, 0].item() == -math.inf
        assert math.isnan((a / 0)[0, 0].item())
        assert xp.exp(a * 1e3)[1, 2].item() == math.inf


def test_the_backend_goes_wherever_one_goes(a):
    backend = device_backend()
    assert isinstance(backend, Backend)
    assert backend.blas is None
    assert device_backend() is backend
    for copied in (copy.copy(backend), copy.deepcopy(backend), pickle.loads(pickle.dumps(backend))):
        assert copied is backend
    assert namespace(a) is xp
    assert backend.owns(a)
    assert not backend.owns(HOST)
    assert backend_of(a).xp is xp
    assert pickle.loads(pickle.dumps(a)).tolist() == a.tolist()
    assert pickle.loads(pickle.dumps(xp)) is xp


# ---- the installed CuPy ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cupy():
    try:
        import cupy
    except ImportError as error:
        pytest.skip(f"nothing says what CuPy takes: {' '.join(str(error).split())}")
    return cupy


def parsed(text):
    r"""The parameters in a docstring's first line: 'exp(x, /, out=None, \\*, dtype=None)', 'array.get(self, order)'."""
    inside = text.strip().splitlines()[0].partition("(")[2].rpartition(")")[0].replace("\\*", "*")
    parts = [part.split()[-1] if " " in part else part for part in inside.split(", ") if part != "self"]
    return signature(", ".join(parts))


def taken_by(function):
    """The signature of a function of CuPy's; of a ufunc or a method, as its docstring states it."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return parsed(function.__doc__)


def missing_from(theirs, ours):
    """The parameters of `ours` that `theirs` would not take in the same way."""
    p = inspect.Parameter
    by_place = [
        each for each in theirs.parameters.values() if each.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    any_place = any(each.kind is p.VAR_POSITIONAL for each in theirs.parameters.values())
    missing = []
    for place, (name, parameter) in enumerate(ours.parameters.items()):
        by_name = name in theirs.parameters and theirs.parameters[name].kind is not p.POSITIONAL_ONLY
        if parameter.kind is p.KEYWORD_ONLY:
            good = by_name
        elif parameter.kind is p.POSITIONAL_ONLY or parameter.kind is p.VAR_POSITIONAL:
            good = any_place or place < len(by_place)
        else:
            good = place < len(by_place) and by_place[place].name == name and by_name
        if not good:
            missing.append(name)
    return missing


@pytest.mark.parametrize("name", names_of(FUNCTIONS) | names_of(UFUNCS))
def test_the_signatures_are_those_of_cupy(cupy, name):
    assert missing_from(taken_by(getattr(cupy, name)), (names_of(FUNCTIONS) | names_of(UFUNCS))[name]) == []


@pytest.mark.parametrize("name", names_of(LINALG))
def test_the_signatures_of_linalg_are_those_of_cupy(cupy, name):
    assert missing_from(taken_by(getattr(cupy.linalg, name)), names_of(LINALG)[name]) == []


WRITTEN_OUT = ("get", "item", "tolist", "reshape", "ravel", "transpose", "squeeze", "copy", "flatten", "astype", "fill")


@pytest.mark.parametrize("name", [*names_of(METHODS), *WRITTEN_OUT])
def test_the_methods_are_those_of_cupy(cupy, name):
    if name in WRITTEN_OUT:
        parameters = list(inspect.signature(getattr(DeviceArray, name)).parameters.values())[1:]
        ours = inspect.Signature(parameters)
    else:
        ours = names_of(METHODS)[name]
    assert missing_from(parsed(getattr(cupy.ndarray, name).__doc__), ours) == []


def test_nothing_is_offered_that_cupy_has_not(cupy):
    constants = {"pi", "e", "inf", "nan", "newaxis", "ndarray", "linalg", "cuda", "dtype", "finfo"}
    offered = {name for name in dir(xp) if not name.startswith("_")} - {"counts", "answers"}
    assert constants <= offered
    assert [name for name in sorted(offered) if not hasattr(cupy, name)] == []
    methods = {name for name in dir(DeviceArray) if name not in dir(object)}
    private = {"_data", "_index", "__slots__", "__array_namespace__", "__module__"}
    assert [name for name in sorted(methods - private) if not hasattr(cupy.ndarray, name)] == []
    for name in vars(xp.cuda):
        assert hasattr(cupy.cuda, name), name


@pytest.mark.parametrize(
    ("theirs", "ours", "missing"),
    [
        ("a, b, out=None", "a, b, out=None", []),
        ("a, b, out=None", "a, b", []),
        ("a, b", "a, b, out=None", ["out"]),
        ("a, out=None, axis=None", "a, axis=None, out=None", ["axis", "out"]),
        ("x, /, out=None", "x, /, out=None", []),
        ("x, /, out=None", "x", ["x"]),
        ("a, axis=None", "a, *, axis=None", []),
        ("a, *, axis=None", "a, axis=None", ["axis"]),
        ("a, indices, axis=None, out=None", "a, indices, axis=None, out=None, mode=None", ["mode"]),
    ],
)
def test_the_comparison_of_signatures_sees_a_difference(theirs, ours, missing):
    assert missing_from(signature(theirs), signature(ours)) == missing


def test_the_reader_of_docstrings_reads_them():
    assert list(parsed("exp(x, /, out=None, \\*, casting='same_kind', dtype=None)\n\nmore").parameters) == [
        "x",
        "out",
        "casting",
        "dtype",
    ]
    read = parsed("_ndarray_base.dot(self, _ndarray_base b, _ndarray_base out=None)")
    assert list(read.parameters) == ["b", "out"]
    assert list(parsed("_ndarray_base.item(self)").parameters) == []


def test_cupy_has_the_primitives_that_the_backend_asks_for(cupy):
    """Its import needs no GPU; what its arrays do, only the tests marked `gpu` show."""
    assert callable(cupy.asnumpy)
    assert callable(cupy.cuda.get_current_stream)
    assert callable(cupy.cuda.Event.record)
    assert callable(cupy.cuda.get_elapsed_time)
    assert callable(cupy.cuda.runtime.getDeviceCount)
    assert callable(cupy.cuda.runtime.getDeviceProperties)
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)
    assert cupy.ndarray.__hash__ is None
    assert not hasattr(cupy.ndarray, "__index__")


def test_the_dtypes_of_cupy_are_those_of_numpy(cupy):
    assert cupy.result_type(np.float32, 1.0) == np.result_type(np.float32, 1.0) == np.float32
    assert cupy.result_type(np.float32, np.float64(1)) == np.result_type(np.float32, np.float64(1)) == np.float64
    assert cupy.float32 is np.float32
    assert cupy.dtype is np.dtype
