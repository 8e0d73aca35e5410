import copy
import pickle
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    assert_close,
    each_shape,
    hidden_and_logits,
    make_problem,
    plain_loss,
    problems,
    refused,
    small_chunks,
)

from minigrad import MLP, SGD, Adam, BackendUnavailable, LogisticRegression, get_backend, gradient_noise, train
from minigrad.engine.backend import _cupy
from minigrad.model import Model

both = ("float64", "float32")

# ---- what a model computes ---------------------------------------------------------------------------------------


@given(problems(dtypes=both, max_rows=30), st.integers(1, 500))
def test_forward_predict_loss_and_accuracy_are_the_formulas_whatever_the_chunks(problem, chunk_bytes):
    model, X, y = problem.model, problem.X, problem.y
    wide = X.astype(float)
    _, z = hidden_and_logits(problem.theta, *problem.shape, wide)
    if model.n_outputs == 1:
        h, predicted, margin = scipy.special.expit(z[:, 0]), z[:, 0] >= 0, abs(z[:, 0])
    else:
        h, predicted, ordered = scipy.special.softmax(z, axis=1), z.argmax(axis=1), np.sort(z, axis=1)
        margin = ordered[:, -1] - ordered[:, -2]
    tolerance = 1e-13 if model.dtype == np.float64 else 1e-5
    sure = margin > 1e3 * tolerance
    with small_chunks(chunk_bytes):
        assert_close(model.forward(X), h, tolerance, 1)
        assert np.array_equal(model.predict(X)[sure], predicted[sure])
        assert model.accuracy(X, y) == pytest.approx(np.mean(model.predict(X) == y), abs=1e-15)
        expected = plain_loss(problem.theta, *problem.shape, wide, y)
        assert model.loss(X, y) == pytest.approx(expected, rel=tolerance, abs=tolerance)


@given(problems(dtypes=both))
def test_results_have_the_models_dtype_and_plain_types(problem):
    model, X, y = problem.model, problem.X.astype(np.float64), problem.y
    assert model.forward(X).dtype == model.gradient(X, y).dtype == model.sample_gradients(X, y).dtype == model.dtype
    assert model.forward(X).shape == ((len(X),) if model.n_outputs == 1 else (len(X), model.n_outputs))
    assert model.predict(X).dtype.kind == "i"
    assert type(model.loss(X, y)) is type(model.accuracy(X, y)) is float
    assert model.theta.dtype == model.dtype
    assert all(a.dtype == delta.dtype == model.dtype for a, delta in model.layer_terms(X, y))


@each_shape
def test_results_are_fresh_arrays(shape):
    problem = make_problem(**shape)
    model, X = problem.model, problem.X
    results = model.forward(X), model.predict(X)
    kept = copy.deepcopy(results)
    model.forward(X[::-1] * 3)
    model.predict(-X)
    assert all(np.array_equal(result, before) for result, before in zip(results, kept))


@each_shape
def test_a_larger_then_a_smaller_batch_leave_nothing_behind(shape):
    problem = make_problem(**shape, m=9)
    model, X, y = problem.model, problem.X, problem.y
    fresh = copy.deepcopy(model)
    expected = fresh.gradient(X[:2], y[:2])
    model.gradient(X, y)
    assert np.array_equal(model.gradient(X[:2], y[:2]), expected)


def test_evaluation_in_float32_adds_up_many_terms_without_drift():
    model = LogisticRegression(1, dtype="float32")
    X, y = np.zeros((200_000, 1), np.float32), np.zeros(200_000, int)
    model.b[:] = -0.3
    with small_chunks(4096):
        assert model.loss(X, y) == pytest.approx(np.log1p(np.exp(np.float32(-0.3))), rel=1e-6)


# ---- how it starts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "gain"), [("relu", 2), ("tanh", 1), ("gelu", 2)])
def test_an_mlp_starts_with_the_stated_variance_and_no_bias(activation, gain):
    model = MLP((400, 300, 2), activation=activation, rng=np.random.default_rng(3))
    (W1, b1), (W2, b2) = model.layers
    assert W1.var() == pytest.approx(gain / 400, rel=0.02)
    assert W2.var() == pytest.approx(gain / 300, rel=0.15)
    assert abs(W1.mean()) < 4 * (gain / 400 / W1.size) ** 0.5
    assert not b1.any()
    assert not b2.any()
    assert model.n_parameters == 400 * 300 + 300 + 300 * 2 + 2


def test_without_an_rng_an_mlp_is_seeded_with_0_and_logistic_regression_is_zero():
    assert np.array_equal(MLP((5, 4, 3)).theta, MLP((5, 4, 3), rng=np.random.default_rng(0)).theta)
    assert not np.array_equal(MLP((5, 4, 3)).theta, MLP((5, 4, 3), rng=np.random.default_rng(1)).theta)
    assert LogisticRegression(5).theta.tolist() == [0] * 6
    drawn = LogisticRegression(4000, rng=np.random.default_rng(2))
    assert drawn.w.var() == pytest.approx(1 / 4000, rel=0.1)
    assert drawn.b == 0


@pytest.mark.parametrize("make", [lambda **k: MLP((5, 4, 3), **k), lambda **k: LogisticRegression(5, **k)])
def test_both_dtypes_start_from_the_same_draws(make):
    wide, narrow = (make(dtype=dtype, rng=np.random.default_rng(1)) for dtype in both)
    assert narrow.theta.dtype == np.float32
    assert np.array_equal(wide.theta.astype(np.float32), narrow.theta)


# ---- theta is live -----------------------------------------------------------------------------------------------


def views(model):
    """Every named view of theta, in the order of theta."""
    if isinstance(model, LogisticRegression):
        assert all(np.shares_memory(view, model.theta) for pair in model.layers for view in pair)
        return [model.w, model.b]
    return [view for pair in model.layers for view in pair]


def assert_views_are_theta(model):
    assert np.array_equal(np.concatenate([view.ravel() for view in views(model)]), model.theta)
    for view in views(model):
        assert np.shares_memory(view, model.theta)


@each_shape
@pytest.mark.parametrize("dtype", both)
def test_theta_is_one_live_vector_however_it_is_set(shape, dtype):
    problem = make_problem(**shape, dtype=dtype)
    model, X, y = problem.model, problem.X, problem.y
    live, v = model.theta, problem.rng.standard_normal(problem.model.n_parameters)

    def expect(values):
        assert model.theta is live
        assert live.dtype == dtype
        assert np.array_equal(live, values.astype(dtype))
        assert_views_are_theta(model)
        expected = plain_loss(live.astype(float), *problem.shape, X.astype(float), y)
        assert model.loss(X, y) == pytest.approx(expected, rel=1e-12 if dtype == "float64" else 1e-4)

    model.theta[:] = v
    expect(v)
    model.theta = 2 * v
    expect(2 * v)
    model.theta = list(v)
    expect(v)
    model.theta = model.theta
    expect(v)
    model.theta += model.theta
    expect(2 * v)
    model.theta -= live / 2
    expect(v)
    views(model)[0][...] = 0.5
    v[: views(model)[0].size] = 0.5
    expect(v)


@pytest.mark.parametrize("length", [0, 1, 4, 6])
@pytest.mark.parametrize("model", [LogisticRegression(4), MLP((4, 1))], ids=["logistic", "mlp"])
def test_a_theta_of_another_length_is_refused_and_changes_nothing(model, length):
    kept = model.theta.copy()
    for wrong in (np.full(length, 7.0), np.full((length, 5), 7.0), np.full((5, length), 7.0)):
        with refused(kind=ValueError):
            model.theta = wrong
        assert np.array_equal(model.theta, kept)


def test_a_number_for_theta_is_refused():
    with refused(kind=ValueError):
        LogisticRegression(4).theta = 7.0


def test_theta_holds_the_layers_in_order_each_W_row_by_row():
    model = MLP((3, 2, 4))
    model.theta[:] = np.arange(model.n_parameters)
    (W1, b1), (W2, b2) = model.layers
    assert W1.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert b1.tolist() == [6, 7]
    assert W2.tolist() == [[8, 9, 10, 11], [12, 13, 14, 15]]
    assert b2.tolist() == [16, 17, 18, 19]


# ---- copies, pickles, files --------------------------------------------------------------------------------------


def saved_and_loaded(model, folder):
    model.save(folder / "model.npz")
    return type(model).load(folder / "model.npz")


DUPLICATES = {
    "copy": lambda model, folder: copy.copy(model),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    **{f"pickle {p}": lambda model, folder, p=p: pickle.loads(pickle.dumps(model, p)) for p in (2, 5)},
    "file": saved_and_loaded,
}


@each_shape
@pytest.mark.parametrize("dtype", both)
@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES.keys())
def test_a_duplicate_goes_on_identically_and_independently(shape, dtype, duplicate, tmp_path):
    problem = make_problem(**shape, dtype=dtype, m=12)
    model, X, y = problem.model, problem.X, problem.y

    def go_on(each):
        return train(each, X, y, optimizer=Adam(0.05), batch_size=5, epochs=2, rng=np.random.default_rng(4)).loss

    go_on(model)
    other = duplicate(model, tmp_path)
    assert type(other) is type(model)
    assert (other.layer_sizes, other.dtype, other.backend) == (model.layer_sizes, model.dtype, model.backend)
    assert getattr(other, "activation", None) == getattr(model, "activation", None)
    assert np.array_equal(other.theta, model.theta)
    assert other.theta.dtype == dtype
    assert not np.shares_memory(other.theta, model.theta)
    assert_views_are_theta(other)
    before = other.theta.copy()
    losses = go_on(model)
    assert np.array_equal(other.theta, before)
    assert np.array_equal(go_on(other), losses)
    assert np.array_equal(other.theta, model.theta)
    other.theta[:] = 0
    assert model.theta.any()


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = str(tmp_path / "any name")
    model = make_problem("logistic").model
    model.save(path)
    other = make_problem("logistic", seed=1).model
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            other.save(path)
    assert np.array_equal(LogisticRegression.load(path).theta, model.theta)
    assert [file.name for file in tmp_path.iterdir()] == ["any name"]
    other.save(path)
    assert np.array_equal(LogisticRegression.load(path).theta, other.theta)


def test_a_missing_file_and_a_missing_backend_say_so(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError):
        MLP.load(tmp_path / "none.npz")
    MLP((3, 2)).save(tmp_path / "model.npz")
    monkeypatch.setitem(sys.modules, "cupy", None)
    _cupy.cache_clear()
    with refused("cupy", kind=BackendUnavailable):
        MLP.load(tmp_path / "model.npz", backend="cupy")


def test_a_file_that_holds_no_such_model_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    MLP((3, 2)).save(path)
    assert MLP.load(path, backend=get_backend("numpy")).backend.name == "numpy"
    with refused(str(path), "LogisticRegression", kind=ValueError):
        LogisticRegression.load(path)
    LogisticRegression(3).save(path)
    with refused(str(path), "MLP", kind=ValueError):
        MLP.load(path)
    contents = {
        "text": lambda: path.write_text("no model"),
        "nothing": lambda: path.write_bytes(b""),
        "part of a file": lambda: path.write_bytes(path.read_bytes()[:100]),
        "other arrays": lambda: np.savez(path, a=np.ones(3)),
        "a pickle": lambda: path.write_bytes(pickle.dumps([1])),
        "theta too short": lambda: np.savez(path, theta=np.ones(2), arguments='{"n_features": 3}'),
        "theta of one": lambda: np.savez(path, theta=np.ones(1), arguments='{"n_features": 3}'),
        "other arguments": lambda: np.savez(path, theta=np.ones(4), arguments="[3]"),
    }
    for name, write in contents.items():
        LogisticRegression(3).save(path)
        write()
        with refused(str(path), kind=ValueError):
            LogisticRegression.load(path)
            pytest.fail(name)


@each_shape
def test_several_threads_may_use_one_model(shape):
    problem = make_problem(m=64, **shape)
    model, X, y = problem.model, problem.X, problem.y
    parts = [np.arange(k, 64, 8) for k in range(8)]

    def all_of_it(rows):
        return model.forward(X[rows]), model.gradient(X[rows], y[rows]), gradient_noise(model, X[rows], y[rows]).trace

    expected = [all_of_it(rows) for rows in parts]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: [all_of_it(rows) for rows in parts], range(40)):
            for one, other in zip(found, expected):
                assert all(np.array_equal(a, b) for a, b in zip(one, other))


def test_the_workspace_holds_nothing_as_large_as_the_batch():
    model, rng = MLP((500, 4, 3)), np.random.default_rng(0)
    X, y = rng.standard_normal((2000, 500)), rng.integers(0, 3, 2000)
    batch = model.batch(X, y)
    tracemalloc.start()
    try:
        model.gradient(batch, out=np.empty_like(model.theta))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 8


def test_a_full_batch_of_many_rows_needs_no_activations_of_all_of_them():
    """Nor does a large shuffled batch: its rows are gathered chunk by chunk."""
    model, rng = MLP((20, 100, 10), dtype="float32"), np.random.default_rng(0)
    batch = model.batch(rng.standard_normal((60_000, 20), dtype=np.float32), rng.integers(0, 10, 60_000))
    for rows in (slice(None), rng.permutation(60_000)):
        tracemalloc.start()
        try:
            model.gradient(batch[rows])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 60_000 * 100 * 4  # the activations of the hidden layer, one of four arrays of that size


@pytest.mark.parametrize("dtype", both)
@each_shape
def test_a_batch_of_indices_is_those_rows(shape, dtype):
    problem = make_problem(**shape, m=50, dtype=dtype)
    model, X, y = problem.model, problem.X, problem.y
    rows = problem.rng.integers(0, 50, 30)
    batch = model.batch(X, y)
    assert len(batch) == 50
    with small_chunks(200):
        for part, index in ((batch[rows], rows), (batch[5:17], slice(5, 17)), (batch[40:99], slice(40, 50))):
            assert len(part) == len(X[index])
            assert_close(
                model.gradient(part), model.gradient(X[index], y[index]), 1e-12 if dtype == "float64" else 1e-5, 9
            )
            assert model.loss(part) == pytest.approx(model.loss(X[index], y[index]), rel=1e-6)
            assert_close(model.sample_gradients(part), model.sample_gradients(X[index], y[index]), 1e-5, 9)
            assert np.array_equal(gradient_noise(model, part).mean, gradient_noise(model, X[index], y[index]).mean)


def test_a_model_tells_what_it_is():
    text = "<MLP 64-32-10 tanh, 2,410 parameters, float64, numpy>"
    assert repr(MLP((64, 32, 10), activation="tanh")) == text
    assert repr(LogisticRegression(3, dtype="float32")) == "<LogisticRegression 3-1, 4 parameters, float32, numpy>"


@pytest.mark.parametrize("base", [LogisticRegression, MLP])
def test_loss_and_gradient_keep_to_a_subclass_that_has_its_own(base):
    class Decaying(base):
        def gradient(self, X, y=None, out=None):
            return super().gradient(X, y, out) + self.theta

    model = Decaying(2) if base is LogisticRegression else Decaying((2, 3, 2))
    model.theta = np.full(model.n_parameters, 1.0)
    X, y = [[1.0, -1.0]], [1]
    loss, gradient = model.loss_and_gradient(X, y)
    assert np.array_equal(gradient, model.gradient(X, y))
    assert loss == model.loss(X, y)


def test_a_model_must_say_how_it_goes():
    class Half(Model):
        pass

    half = Half((2, 1), "float64", "numpy")
    for call in (
        lambda: half.forward([[1, 2]]),
        lambda: half.backward_pass([], [], half.theta, 1),
        lambda: half.gradient_pass([], [], half.theta),
        half.constructor_arguments,
    ):
        with pytest.raises(NotImplementedError, match="Half must"):
            call()


def test_a_step_is_seen_through_views_taken_before_it():
    problem = make_problem(hidden=(4,), outputs=3, m=10)
    W, b = problem.model.layers[0]
    before = W.copy(), b.copy()
    SGD(0.5).step(problem.model, problem.X, problem.y)
    assert not np.array_equal(W, before[0])
    assert not np.array_equal(b, before[1])
    assert_views_are_theta(problem.model)


def test_a_batch_is_for_the_kind_of_model_that_checked_it():
    """Silently taking labels of ten classes for 0 and 1 would be worse than an error."""
    X, y = np.ones((6, 4)), np.arange(6) % 3
    batch = MLP((4, 3)).batch(X, y)
    assert MLP((4, 5, 3)).loss(batch) > 0  # of one form
    for other in (LogisticRegression(4), MLP((4, 4)), MLP((3, 3)), MLP((4, 3), dtype="float32")):
        for call in (
            other.loss,
            other.gradient,
            other.predict,
            other.forward,
            lambda each, m=other: SGD(0.1).step(m, each),
        ):
            with refused("Batch", "expected", kind=ValueError):
                call(batch)
    with refused("no y beside it", kind=ValueError):
        MLP((4, 3)).loss(batch, y)
    assert np.array_equal(MLP((4, 3)).predict(batch), MLP((4, 3)).predict(X))
    assert repr(batch[:2]) == "<Batch of 2 rows of 4 features>"


def test_a_batch_is_cut_as_an_array_is():
    X, y = np.arange(24.0).reshape(12, 2), np.arange(12) % 2
    model = LogisticRegression(2)
    whole, order = model.batch(X, y), np.random.default_rng(0).permutation(12)
    for cut in (slice(3), slice(2, -2), slice(None, None, 2), slice(5, 2), slice(9, None, -3), order, order[:4]):
        for again in (None, slice(1, 3), slice(None, None, 2)):
            batch, expected = whole[cut], (X[cut], y[cut])
            if again is not None:
                batch, expected = batch[again], (X[cut][again], y[cut][again])
            assert len(batch) == len(expected[0])
            assert all(np.array_equal(*pair) for pair in zip(batch.gathered(), expected))


def test_the_activation_is_chosen_when_the_model_is_made():
    with pytest.raises(AttributeError):
        MLP((4, 3, 2)).activation = "tanh"
