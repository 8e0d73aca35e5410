"""The whole framework on NumPy, on the strict stand-in for a device and, where one answers, on a GPU."""

import copy
import math
import pickle
import time

import device
import numpy as np
import pytest
from device import DeviceArray, counting, device_backend
from strategies import SHAPES, assert_close, each_shape, make_problem, refused

from minigrad import (
    LBFGS,
    MLP,
    SGD,
    Adagrad,
    Adam,
    ConjugateGradient,
    DivergenceWarning,
    LogisticRegression,
    check_gradient,
    get_backend,
    gradient_noise,
    log_loss,
    log_loss_from_logits,
    train,
)
from minigrad.per_sample import fast_epoch, textbook_epoch
from minigrad.per_sample.blocked import DEVICE_BLOCK as BLOCK

OPTIMIZERS = {
    "sgd": lambda: SGD(0.3),
    "momentum": lambda: SGD(0.1, momentum=0.9),
    "adagrad": lambda: Adagrad(0.05),
    "adam": lambda: Adam(0.01),
}
SECOND_ORDER = {
    "conjugate gradient": ConjugateGradient,
    "l-bfgs": lambda: LBFGS(3),
    "l-bfgs, same batch": lambda: LBFGS(3, learning_rate=0.3),
    "l-bfgs, next batch": lambda: LBFGS(3, learning_rate=0.3, curvature_from="next batch"),
}
ALL_OPTIMIZERS = OPTIMIZERS | SECOND_ORDER
TOLERANCE = {"float64": 1e-12, "float32": 2e-5}


def on(backend, model):
    """The same model, at the same parameters, over there."""
    there = type(model)(**model.constructor_arguments() | {"backend": backend})
    there.theta = backend.asarray(model.theta)
    return there


def both(backend, m=9, **shape):
    """A problem on NumPy, and its model and data on the backend."""
    problem = make_problem(**shape, m=m)
    return problem, on(backend, problem.model), backend.asarray(problem.X), backend.asarray(problem.y)


def same(backend, array, expected, tolerance=1e-12):
    """`array` lives on the backend and holds what NumPy says, in the same dtype."""
    assert backend.owns(array)
    assert array.dtype == expected.dtype
    assert_close(backend.to_numpy(array), expected, tolerance, scale=max(1.0, abs(expected).max()))


# ---- models, losses, noise ---------------------------------------------------------------------------------------


@each_shape
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("m", [1, 9])
def test_a_model_computes_what_it_does_on_numpy(backend, shape, dtype, m):
    problem, model, X, y = both(backend, m, **shape, dtype=dtype)
    here, tolerance = problem.model, TOLERANCE[dtype]
    same(backend, model.forward(X), here.forward(problem.X), tolerance)
    same(backend, model.predict(X), here.predict(problem.X))
    same(backend, model.gradient(X, y), here.gradient(problem.X, problem.y), tolerance)
    same(backend, model.sample_gradients(X, y), here.sample_gradients(problem.X, problem.y), tolerance)
    assert model.loss(X, y) == pytest.approx(here.loss(problem.X, problem.y), tolerance)
    assert model.accuracy(X, y) == here.accuracy(problem.X, problem.y)
    assert isinstance(model.loss(X, y), float)
    out = backend.xp.empty_like(model.theta)
    loss, gradient = model.loss_and_gradient(X, y, out=out)
    assert gradient is out
    assert loss == pytest.approx(here.loss(problem.X, problem.y), tolerance)
    table = backend.xp.zeros((len(out), 2), model.dtype)  # an out with gaps
    same(backend, model.gradient(X, y, out=table[:, 0]), here.gradient(problem.X, problem.y), tolerance)


@each_shape
def test_a_model_in_chunks(backend, shape, monkeypatch):
    problem, model, X, y = both(backend, **shape)
    monkeypatch.setattr(type(backend), "chunk_bytes", 100)
    same(backend, model.forward(X), problem.model.forward(problem.X))
    same(backend, model.predict(X), problem.model.predict(problem.X))
    same(backend, model.gradient(X, y), problem.model.gradient(problem.X, problem.y))
    assert model.loss(X, y) == pytest.approx(problem.model.loss(problem.X, problem.y), 1e-12)
    assert gradient_noise(model, X, y).trace == pytest.approx(
        gradient_noise(problem.model, problem.X, problem.y).trace, 1e-10
    )


def test_a_model_takes_a_list_and_any_kind_of_label(backend):
    problem, model, X, y = both(backend, hidden=(3,), outputs=3)
    expected = problem.model.gradient(problem.X, problem.y)
    same(backend, model.gradient(problem.X.tolist(), problem.y.tolist()), expected)
    for dtype in ("int32", "uint8", "float32", "float64"):
        same(backend, model.gradient(X, y.astype(dtype)), expected)


@each_shape
def test_bad_data_is_refused_in_one_line(backend, shape):
    _, model, X, y = both(backend, **shape)
    asarray, n = backend.asarray, model.n_features
    with refused("nan", "row 1, column 0", kind=ValueError):
        model.gradient(asarray([[0.0] * n, [math.nan] * n]), asarray([0, 1]))
    with refused("-1", kind=ValueError):
        model.gradient(X, y - y - 1)
    with refused("0.5", kind=ValueError):
        model.loss(X, y * 0 + 0.5)
    with refused("shape", kind=ValueError):
        model.forward(X[:, :-1])
    with refused("real", kind=ValueError):
        model.forward(X * 1j)
    with refused("number", kind=ValueError):
        model.forward([["a"] * n])


@each_shape
def test_losses(backend, shape):
    problem, _, _, y = both(backend, **shape)
    h = problem.model.forward(problem.X)
    z = np.log(h) - (np.log(1 - h) if h.ndim == 1 else 0)
    for loss, outputs in ((log_loss, h), (log_loss_from_logits, z)):
        value = loss(backend.asarray(outputs), y)
        assert isinstance(value, float)
        assert value == pytest.approx(loss(outputs, problem.y), 1e-12)
    certain = backend.asarray(np.array([0.0, 1.0]))
    assert log_loss(certain, backend.asarray([0, 1])) == 0
    assert log_loss(certain, backend.asarray([1, 1])) == math.inf  # without a warning
    with refused("[0, 1]", kind=ValueError):
        log_loss(certain * 2, backend.asarray([0, 1]))


@each_shape
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_noise(backend, shape, dtype):
    problem, model, X, y = both(backend, **shape, dtype=dtype)
    noise, expected = gradient_noise(model, X, y), gradient_noise(problem.model, problem.X, problem.y)
    same(backend, noise.mean, expected.mean, TOLERANCE[dtype])
    assert noise.trace == pytest.approx(expected.trace, 100 * TOLERANCE[dtype])
    assert noise.noise_scale == pytest.approx(expected.noise_scale, 100 * TOLERANCE[dtype])
    assert noise.std(4) == pytest.approx(expected.std(4), 100 * TOLERANCE[dtype])


@pytest.mark.parametrize("shape", [SHAPES["logistic"], SHAPES["binary"], SHAPES["softmax"]])
def test_check_gradient(backend, shape):
    _, model, X, y = both(backend, **shape)
    before = backend.to_numpy(model.theta).copy()
    assert check_gradient(model, X, y) < 1e-6
    assert np.array_equal(backend.to_numpy(model.theta), before)


# ---- optimizers, per-sample paths, training ----------------------------------------------------------------------


@each_shape
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("optimizer", ALL_OPTIMIZERS)
def test_optimizers(backend, shape, optimizer, dtype):
    problem, model, X, y = both(backend, **shape, dtype=dtype)
    here, there = ALL_OPTIMIZERS[optimizer](), ALL_OPTIMIZERS[optimizer]()
    for _ in range(4):
        assert here.step(problem.model, problem.X, problem.y) == there.step(model, X, y)
    same(backend, model.theta, problem.model.theta, 10 * TOLERANCE[dtype])


@each_shape
@pytest.mark.parametrize("epoch", [textbook_epoch, fast_epoch])
def test_per_sample_epochs(backend, shape, epoch):
    problem, model, X, y = both(backend, **shape)
    order = np.random.default_rng(0).integers(0, len(X), 40)
    textbook_epoch(problem.model, problem.X, problem.y, order, 0.2)
    epoch(model, X, y, order, 0.2)
    same(backend, model.theta, problem.model.theta, 1e-12)


@each_shape
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize(("batch_size", "path"), [(1, "textbook"), (1, "fast"), (1, "auto"), (4, "auto"), (9, "auto")])
def test_training(backend, shape, dtype, shuffled, batch_size, path):
    problem, model, X, y = both(backend, **shape, dtype=dtype)

    def history(model, X, y):
        arguments = {"optimizer": SGD(0.1), "batch_size": batch_size, "epochs": 2, "shuffle": shuffled, "path": path}
        return train(model, X, y, **arguments, test=(X[:3], y[:3]), evaluate_every=5)

    here = history(problem.model, problem.X, problem.y)
    start = on(backend, make_problem(**shape, m=9, dtype=dtype).model)
    there = history(model, X, y)
    same(backend, model.theta, problem.model.theta, 10 * TOLERANCE[dtype])
    for name in ("epoch", "updates", "samples", "accuracy", "test_accuracy"):
        assert np.array_equal(getattr(there, name), getattr(here, name))
    for name in ("loss", "test_loss"):
        assert_close(getattr(there, name), getattr(here, name), 10 * TOLERANCE[dtype])
    assert there.seconds[0] == 0
    assert (np.diff(there.seconds) > 0).all()
    assert there.seconds[-1] < 60  # seconds, and not milliseconds
    history(start, problem.X, problem.y)  # data of the host is moved
    assert np.array_equal(backend.to_numpy(start.theta), backend.to_numpy(model.theta))


@pytest.mark.parametrize("optimizer", ALL_OPTIMIZERS)
def test_training_with_each_optimizer_to_a_target(backend, optimizer):
    problem, model, X, y = both(backend, m=30, **SHAPES["K-class"])
    arguments = {"batch_size": 8, "epochs": 40, "drop_last": True, "target_loss": 0.9}
    histories = [
        train(each, *data, optimizer=ALL_OPTIMIZERS[optimizer](), rng=np.random.default_rng(1), **arguments)
        for each, data in ((problem.model, (problem.X, problem.y)), (model, (X, y)))
    ]
    assert histories[1].reached_target == histories[0].reached_target
    assert np.array_equal(histories[1].updates, histories[0].updates)
    assert_close(histories[1].loss, histories[0].loss, 1e-9)


def test_training_that_diverges(backend):
    """To infinity and NaN, and with no other warning."""
    _, model, X, y = both(backend, **SHAPES["binary"])
    with pytest.warns(DivergenceWarning):
        history = train(model, X * 1e3, y, optimizer=SGD(1e306), batch_size=3, epochs=3)
    assert history.diverged


# ---- copies, files -----------------------------------------------------------------------------------------------


@each_shape
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_lives_on_the_same_device_and_on_its_own(backend, shape, copied):
    _, model, X, y = both(backend, **shape)
    model.gradient(X, y)
    other = copied(model)
    assert other.backend is model.backend
    same(backend, other.theta, backend.to_numpy(model.theta), 0)
    same(backend, other.gradient(X, y), backend.to_numpy(model.gradient(X, y)), 0)
    other.layers[0][0][...] = 0
    assert float(other.theta[0]) == 0 != float(model.theta[0])


@each_shape
def test_a_model_goes_to_a_file_and_to_another_backend(backend, shape, tmp_path):
    problem, model, _, _ = both(backend, **shape)
    model.save(tmp_path / "model.npz")
    for there in (backend, get_backend("numpy"), device_backend()):
        same(there, type(model).load(tmp_path / "model.npz", backend=there).theta, problem.model.theta, 0)


@pytest.mark.parametrize("optimizer", ["momentum", "adam", *SECOND_ORDER])
def test_an_optimizer_can_be_copied_and_pickled(backend, optimizer):
    _, model, X, y = both(backend, **SHAPES["K-class"])
    first = ALL_OPTIMIZERS[optimizer]()
    first.step(model, X, y)
    thetas = []
    twins = [(copy.copy(model), how(first)) for how in (copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each)))]
    for there, each in ((model, first), *twins):
        each.step(there, X, y)
        thetas.append(backend.to_numpy(there.theta))
    assert np.array_equal(thetas[0], thetas[1])
    assert np.array_equal(thetas[0], thetas[2])


# ---- two devices -------------------------------------------------------------------------------------------------


def foreign(backend, values):
    """The same on another device."""
    return device_backend().asarray(values) if backend.name == "numpy" else backend.to_numpy(backend.asarray(values))


@each_shape
def test_arrays_of_two_devices_never_mix(backend, shape):
    problem, model, X, y = both(backend, **shape)
    X2, y2 = foreign(backend, problem.X), foreign(backend, problem.y)
    optimizer = SGD(0.1)
    calls = {
        "forward": lambda: model.forward(X2),
        "predict": lambda: model.predict(X2),
        "gradient X": lambda: model.gradient(X2, y),
        "gradient y": lambda: model.gradient(X, y2),
        "loss": lambda: model.loss(X, y2),
        "sample_gradients": lambda: model.sample_gradients(X2, y2),
        "noise": lambda: gradient_noise(model, X2, y),
        "step": lambda: optimizer.step(model, X2, y),
        "check": lambda: check_gradient(model, X2, y) if model.dtype == float else None,
        "textbook": lambda: textbook_epoch(model, X2, y, range(3), 0.1),
        "log_loss": lambda: log_loss(model.forward(X), y2),
        "logits": lambda: log_loss_from_logits(model.forward(X), y2),
    }
    before = backend.to_numpy(model.theta).copy()
    for call in calls.values():
        with refused(repr(backend), kind=TypeError):
            call()
    with refused("out", repr(backend), kind=ValueError):
        model.gradient(X, y, out=foreign(backend, problem.theta))
    assert np.array_equal(backend.to_numpy(model.theta), before)


def test_train_moves_host_data_and_refuses_another_devices(backend):
    problem, model, X, y = both(backend, **SHAPES["K-class"])
    if backend.name == "numpy":
        X2, y2 = foreign(backend, problem.X), foreign(backend, problem.y)
        for bad in ((X2, y), (X, y2)):
            with refused("numpy", kind=TypeError):
                train(model, *bad, optimizer=SGD(0.1), batch_size=3, epochs=1)
        with refused("numpy", kind=TypeError):
            train(model, X, y, optimizer=SGD(0.1), batch_size=3, epochs=1, test=(X2, y2))
    else:
        train(model, problem.X, problem.y, optimizer=SGD(0.1), batch_size=3, epochs=1, test=(problem.X, problem.y))


def test_an_order_of_another_device_is_refused(backend):
    there = device_backend() if backend.name == "numpy" else backend
    order = there.asarray([0, 1])
    _, model, X, y = both(backend, **SHAPES["logistic"])
    for epoch in (textbook_epoch, fast_epoch):
        with refused("order", kind=TypeError):
            epoch(model, X, y, order, 0.1)


@pytest.mark.parametrize("optimizer", ALL_OPTIMIZERS)
def test_an_optimizer_moved_between_devices(optimizer):
    """Plain SGD remembers nothing and works; the others say whose they are."""
    problem, model, X, y = both(device_backend(), **SHAPES["K-class"])
    used = ALL_OPTIMIZERS[optimizer]()
    used.step(problem.model, problem.X, problem.y)
    if optimizer == "sgd":
        used.step(model, X, y)
        used.step(problem.model, problem.X, problem.y)
    else:
        with refused("one optimizer per model", kind=ValueError):
            used.step(model, X, y)


# ---- budgets -----------------------------------------------------------------------------------------------------

STEPS = {  # model, and how many launches a plain SGD step may take
    "logistic": (lambda there: LogisticRegression(6, backend=there), 15),
    "relu, softmax": (lambda there: MLP((6, 5, 4), backend=there), 24),
    "tanh, softmax": (lambda there: MLP((6, 5, 4), activation="tanh", backend=there), 24),
    "relu, sigmoid": (lambda there: MLP((6, 5, 1), backend=there), 24),
    "tanh, sigmoid": (lambda there: MLP((6, 5, 1), activation="tanh", backend=there), 24),
    "no hidden, softmax": (lambda there: MLP((6, 4), backend=there), 16),
    "two hidden, relu": (lambda there: MLP((6, 5, 5, 4), backend=there), 33),
}


def data_for(model, m=12):
    rng = np.random.default_rng(0)
    return rng.standard_normal((m, model.n_features)), rng.integers(0, model.n_classes, m)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_launches_of_a_step(name, optimizer):
    make, budget = STEPS[name]
    model, optimizer_ = make(device_backend()), OPTIMIZERS[optimizer]()
    budget += {"sgd": 0, "momentum": 3, "adagrad": 6, "adam": 12}[optimizer]
    batch = model.batch(*map(device_backend().asarray, data_for(model)))
    optimizer_.step(model, batch)  # makes the buffers
    with counting() as spent:
        optimizer_.step(model, batch)
    told = f"{name}, {optimizer}: {spent.launches} launches a step (at most {budget}), {spent.waits} waits"
    print(told)
    assert spent.launches <= budget, told
    assert (spent.waits, spent.uploads) == (0, 0), told


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("optimizer", SECOND_ORDER)
def test_waits_of_a_step_that_looks_at_its_loss(name, optimizer):
    """Two numbers an evaluation; three to compare theta, y, X; three to judge a direction or a pair of changes.

    Of three that are asked for together the device has worked out all when the first arrives.
    """
    model, optimizer_ = STEPS[name][0](device_backend()), SECOND_ORDER[optimizer]()
    batch = model.batch(*map(device_backend().asarray, data_for(model)))
    for _ in range(3):
        optimizer_.step(model, batch)
    with counting() as spent:
        evaluations = optimizer_.step(model, batch) / batch.m
    searches = "batch" not in optimizer
    budget = 2 * evaluations + 3 + 4 if searches else 3
    told = f"{name}, {optimizer}: {evaluations:g} evaluations, {spent.launches} launches, {spent.waits} waits"
    print(f"{told} (at most {budget:g})")
    assert spent.waits <= budget, told
    assert spent.uploads == 0, told


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("work", [*ALL_OPTIMIZERS, "textbook", "fast"])
def test_float32_stays_float32_on_the_device(name, work, monkeypatch):
    """A kernel in float64 takes twice the memory, and on most GPUs 32 times the time."""
    model = STEPS[name][0](device_backend())
    model = type(model)(**model.constructor_arguments() | {"dtype": "float32", "backend": device_backend()})
    batch = model.batch(*map(device_backend().asarray, data_for(model, 70)))
    dtypes = set()

    def watched(result, wrap=device._wrap):
        dtypes.add(np.asarray(result).dtype.name)
        return wrap(result)

    monkeypatch.setattr(device, "_wrap", watched)
    if work in ALL_OPTIMIZERS:
        optimizer = ALL_OPTIMIZERS[work]()
        for _ in range(3):  # until there is a memory to use
            optimizer.step(model, batch)
    else:
        {"textbook": textbook_epoch, "fast": fast_epoch}[work](model, batch, None, np.arange(70), 0.01)
    assert "float32" in dtypes
    assert dtypes <= {"float32", "int64", "bool"}


@pytest.mark.parametrize("name", STEPS)
def test_launches_and_waits_of_the_per_sample_paths(name):
    """A sample on the textbook path is a step; on the fast one the cost is a block's, whatever its length."""
    model = STEPS[name][0](device_backend())
    batch = model.batch(*map(device_backend().asarray, data_for(model, 256)))
    costs = {}
    for path, updates in (("textbook", textbook_epoch), ("fast", fast_epoch)):
        for blocks in (1, 4):
            with counting() as costs[path, blocks]:
                updates(model, batch, None, np.arange(blocks * BLOCK), 0.01)
    textbook, fast = costs["textbook", 4], costs["fast", 4]
    waits, uploads = (getattr(fast, what) - getattr(costs["fast", 1], what) for what in ("waits", "uploads"))
    a_call = (costs["fast", 1].waits - waits / 3, costs["fast", 1].uploads - uploads / 3)
    told = (
        f"{name}: {textbook.launches / (4 * BLOCK):.2f} launches a sample on the textbook path, "
        f"{fast.launches / (4 * BLOCK):.2f} on the fast one, with {waits / 3:g} waits and "
        f"{uploads / 3:g} uploads a block, and {a_call} waits and uploads a call"
    )
    print(told)
    assert (textbook.waits, textbook.uploads) == (0, 0), told
    assert textbook.launches <= 4 * BLOCK * (STEPS[name][1] + 1), told
    assert 5 * fast.launches <= textbook.launches, told
    assert waits <= 3, told
    assert uploads <= 3, told
    assert costs["fast", 1].waits <= 1 + len(model.layers), told  # the labels, and the small layers


@pytest.mark.parametrize("name", ["logistic", "relu, softmax"])
@pytest.mark.parametrize(
    ("batch_size", "path", "uploads_an_epoch"),
    [(4, "auto", 1), (12, "auto", 0), (1, "batched", 1), (1, "textbook", 0)],
)
@pytest.mark.parametrize("with_test", [False, True])
@pytest.mark.parametrize("evaluations", [1, 3])
def test_an_epoch_uploads_its_permutation_and_waits_where_it_evaluates(
    name, batch_size, path, uploads_an_epoch, with_test, evaluations
):
    model = STEPS[name][0](device_backend())
    X, y = map(device_backend().asarray, data_for(model))
    spent = {}
    for epochs in (1, 3):
        with counting() as spent[epochs]:
            history = train(
                model,
                X,
                y,
                optimizer=SGD(0.1),
                batch_size=batch_size,
                epochs=epochs,
                path=path,
                rng=np.random.default_rng(0),
                evaluate_every=max(batch_size, 12 // evaluations),
                test=(X[:5], y[:5]) if with_test else None,
            )
    an_epoch = [(getattr(spent[3], what) - getattr(spent[1], what)) / 2 for what in ("launches", "waits", "uploads")]
    evaluated = (len(history.loss) - 1) / 3
    told = f"{name}, batch {batch_size} of 12, {path}: an epoch takes {an_epoch} launches, waits, uploads; "
    print(told + f"{evaluated:g} evaluations, test set: {with_test}")
    assert an_epoch[1] == evaluated, told
    assert an_epoch[2] == uploads_an_epoch, told
    # before the first epoch: two waits to check each data set, and the evaluation at the start
    assert spent[1].waits == (4 if with_test else 2) + 1 + evaluated


def test_evaluation_waits_once():
    model = STEPS["relu, softmax"][0](device_backend())
    batch = model.batch(*map(device_backend().asarray, data_for(model)))
    with counting() as spent:
        model.evaluate(batch)
    print(f"evaluation of a chunk: {spent}")
    assert (spent.waits, spent.uploads) == (1, 0)


def test_a_check_of_the_data_waits_once_for_each_array():
    model = STEPS["relu, softmax"][0](device_backend())
    X, y = map(device_backend().asarray, data_for(model))
    with counting() as spent:
        model.batch(X, y)
    assert (spent.waits, spent.uploads) == (2, 0)
    assert isinstance(X, DeviceArray)


def test_the_clock_of_a_backend_counts_seconds(backend):
    start, wall = backend.moment(), time.perf_counter()
    time.sleep(0.05)
    stop, wall = backend.moment(), time.perf_counter() - wall
    backend.synchronize()
    assert 0.05 <= backend.seconds_between(start, stop) <= wall + 0.05
