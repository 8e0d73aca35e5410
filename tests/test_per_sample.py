"""SGD in the strict sense: the loop written out here, the textbook's, the fast one and the batched kernel agree."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import assert_close, each_shape, make_problem, plain_gradient, problems, small_chunks

from minigrad import MLP, SGD, LogisticRegression, train
from minigrad.per_sample import fast, fast_epoch, textbook_epoch
from minigrad.per_sample.blocked import blocked_updates

EPOCHS = {"textbook": textbook_epoch, "fast": fast_epoch}
each_epoch = pytest.mark.parametrize("epoch", EPOCHS.values(), ids=EPOCHS.keys())

# ---- the loop in plain formulas, one float at a time -------------------------------------------------------------


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def logistic_epoch(theta, X, y, order, rate):
    w, b = [float(value) for value in theta[:-1]], float(theta[-1])
    for i in order:
        h = sigmoid(sum(w_j * float(x_j) for w_j, x_j in zip(w, X[i])) + b)
        w = [w_j - rate * (h - int(y[i])) * float(x_j) for w_j, x_j in zip(w, X[i])]
        b -= rate * (h - int(y[i]))
    return np.array([*w, b])


def one_hidden_layer_epoch(theta, sizes, activation, X, y, order, rate):
    n, k, K = sizes
    W1, b1 = theta[: n * k].reshape(n, k).copy(), theta[n * k : (n + 1) * k].copy()
    W2, b2 = theta[(n + 1) * k : -K].reshape(k, K).copy(), theta[-K:].copy()
    for i in order:
        x = X[i]
        a = np.tanh(x @ W1 + b1) if activation == "tanh" else np.maximum(x @ W1 + b1, 0)
        z = a @ W2 + b2
        if K == 1:
            delta2 = np.array([sigmoid(float(z[0])) - y[i]])
        else:
            delta2 = np.exp(z) / np.exp(z).sum()
            delta2[y[i]] -= 1
        delta1 = W2 @ delta2 * (1 - a**2 if activation == "tanh" else a > 0)
        W1, b1 = W1 - rate * np.outer(x, delta1), b1 - rate * delta1
        W2, b2 = W2 - rate * np.outer(a, delta2), b2 - rate * delta2
    return np.concatenate([W1.ravel(), b1, W2.ravel(), b2])


@each_epoch
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 9), m=st.integers(1, 40), rate=st.floats(1e-3, 1))
def test_logistic_epoch_is_the_loop_written_out(epoch, seed, n, m, rate):
    problem = make_problem("logistic", n=n, m=m, seed=seed)
    order = problem.rng.permutation(m)
    expected = logistic_epoch(problem.theta, problem.X, problem.y, order, rate)
    epoch(problem.model, problem.X, problem.y, order, rate)
    assert_close(problem.model.theta, expected, 1e-12)


@each_epoch
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("outputs", [1, 3])
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), k=st.integers(1, 5), m=st.integers(1, 20))
def test_mlp_epoch_is_the_loop_written_out(epoch, activation, outputs, seed, n, k, m):
    problem = make_problem("mlp", n=n, hidden=(k,), outputs=outputs, m=m, activation=activation, seed=seed)
    order = problem.rng.permutation(m)
    expected = one_hidden_layer_epoch(problem.theta, (n, k, outputs), activation, problem.X, problem.y, order, 0.1)
    epoch(problem.model, problem.X, problem.y, order, 0.1)
    assert_close(problem.model.theta, expected, 1e-11)


# ---- two readings of the same thing ------------------------------------------------------------------------------


@given(problems(dtypes=("float64", "float32"), max_rows=40), st.data())
def test_fast_epoch_makes_the_updates_of_the_textbook_for_any_order(problem, data):
    model, X, y, start = problem.model, problem.X, problem.y, problem.theta
    order = data.draw(st.lists(st.integers(0, len(X) - 1), max_size=50))
    results = []
    with small_chunks(data.draw(st.integers(1, 2000))):
        for epoch in EPOCHS.values():
            model.theta = start
            epoch(model, X, y, order, 0.05)
            results.append(model.theta.copy())
            assert model.theta.dtype == model.dtype
    tolerance = 1e-11 if model.dtype == np.float64 else 1e-4
    assert_close(*results, tolerance, abs(start).max() + 1)


@pytest.mark.parametrize("empty", [[], np.array([], int), np.array([])], ids=["list", "int", "float"])
@each_epoch
@each_shape
def test_an_empty_order_changes_nothing(shape, epoch, empty):
    problem = make_problem(**shape)
    start = problem.theta
    epoch(problem.model, problem.X, problem.y, empty, 0.1)
    assert np.array_equal(problem.model.theta, start)


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 64, 100])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "sizes", [(7, 1), (7, 5), (7, 6, 1), (1, 1, 1), (7, 6, 3), (5, 1, 2), (7, 33, 2, 4), (3, 4, 5, 6, 1)], ids=str
)
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_networks_of_any_shape_over_orders_around_a_block(length, dtype, sizes, activation):
    shape = {"n": sizes[0], "hidden": sizes[1:-1], "outputs": sizes[-1], "activation": activation}
    problem = make_problem("mlp", **shape, m=29, dtype=dtype)
    model, X, y = problem.model, np.asfortranarray(problem.X), problem.y
    model.theta /= 2
    start, order, live = problem.theta, problem.rng.integers(0, 29, length), model.theta
    textbook_epoch(model, X, y, order, 0.05)
    expected = problem.theta
    model.theta = start
    fast_epoch(model, X, y, order, 0.05)
    assert model.theta is live
    assert not np.array_equal(expected, start)
    assert_close(model.theta, expected, 1e-12 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize("block", [1, 2, 7, 50, 1000])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("updates", "kind", "shape"),
    [
        (blocked_updates, "mlp", {"hidden": (), "outputs": 1}),
        (blocked_updates, "logistic", {}),
        (blocked_updates, "mlp", {"hidden": (6,), "outputs": 3}),
        (blocked_updates, "mlp", {"hidden": (), "outputs": 4}),
        (blocked_updates, "mlp", {"hidden": (6, 5, 4), "outputs": 1, "activation": "tanh"}),
    ],
)
def test_blocks_of_any_length_make_the_same_updates(updates, kind, shape, dtype, block):
    problem = make_problem(kind, n=7, m=29, dtype=dtype, **shape)
    model, X, y = problem.model, problem.X, problem.y
    start, order = problem.theta, problem.rng.integers(0, 29, 50)
    textbook_epoch(model, X, y, order, 0.05)
    expected = problem.theta
    model.theta = start
    updates(model, *model.batch(X, y).gathered(), order, 0.05, block)
    assert not np.array_equal(expected, start)
    assert_close(model.theta, expected, 1e-12 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 31, 129])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_odd_sizes_layouts_and_repeated_rows(n, dtype):
    problem = make_problem("logistic", n=n, m=37, dtype=dtype)
    model, X, y = problem.model, problem.X, problem.y
    model.theta /= np.sqrt(n)
    start = problem.theta
    order = np.concatenate([problem.rng.permutation(37), [5, 5, 5, 0, 36], problem.rng.integers(0, 37, 90)])
    wide = np.zeros((74, 2 * n), dtype)
    wide[::2, ::2] = X
    expected = logistic_epoch(start, X, y, order, 0.05)
    for same_X in (X, np.asfortranarray(X), wide[::2, ::2], X[::-1].copy()[::-1], X.astype(float), X.tolist()):
        for same_order in (order, order.tolist(), order.astype(np.uint8), np.repeat(order, 2)[::2]):
            model.theta = start
            with small_chunks(10 * model.theta.nbytes):
                fast_epoch(model, same_X, y, same_order, 0.05)
            assert_close(model.theta, expected, 1e-12 if dtype == "float64" else 1e-5)


@given(problems(min_rows=2, max_rows=30), st.sampled_from([None, 0, 1, 3, 7, 50]))
def test_all_paths_of_train_at_batch_size_1_agree(problem, evaluate_every):
    model, X, y, start = problem.model, problem.X, problem.y, problem.theta
    runs = {}
    for path in ("textbook", "fast", "auto", "batched"):
        model.theta = start
        rules = {"batch_size": 1, "epochs": 2, "rng": np.random.default_rng(1), "evaluate_every": evaluate_every}
        runs[path] = train(model, X, y, optimizer=SGD(0.05), path=path, **rules), model.theta.copy()
    expected, theta = runs["textbook"]
    for history, other in runs.values():
        assert_close(other, theta, 1e-10, abs(theta).max() + abs(start).max())
        assert history.updates.tolist() == expected.updates.tolist()
        assert history.samples.tolist() == expected.samples.tolist()
        assert history.epoch.tolist() == expected.epoch.tolist()
        np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-9, atol=1e-10)


@each_epoch
def test_logits_of_any_size_neither_warn_nor_spoil_theta(epoch):
    model = LogisticRegression(2)
    X, y = np.array([[1e4, -1e4], [-1e5, 1e3]]), np.array([0, 1])
    epoch(model, X, y, [0, 1, 0, 1], 10.0)
    assert model.theta.tolist() == [-5e4, 5e4, -5]  # h is 1/2 at first, then 1 and 0 for certain, and right


@each_epoch
def test_data_and_order_stay_as_they_are(epoch):
    for shape in ({"kind": "logistic"}, {"outputs": 3}):
        problem = make_problem(**shape)
        order = np.arange(7)
        for array in (problem.X, problem.y, order):
            array.flags.writeable = False
        start = problem.theta
        epoch(problem.model, problem.X, problem.y, order, 0.1)
        assert not np.array_equal(problem.model.theta, start)


def test_auto_takes_the_fast_path_for_plain_sgd_only(monkeypatch):
    taken = []
    monkeypatch.setattr(fast, "logistic_updates", lambda *a: taken.append("fast"))
    problem = make_problem("logistic")
    rules = {"batch_size": 1, "epochs": 1}
    train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules)
    assert taken == ["fast"]
    train(problem.model, problem.X, problem.y, optimizer=SGD(0.1, momentum=0.5), **rules)
    train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules | {"batch_size": 2})
    train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules, path="batched")
    train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules, path="textbook")
    assert taken == ["fast"]


@pytest.mark.parametrize("base", [LogisticRegression, MLP])
def test_a_subclass_of_a_model_is_not_bypassed(base):
    """Its gradient may be another, such as one with weight decay."""

    class Decaying(base):
        def gradient(self, X, y=None, out=None):
            out = super().gradient(X, y, out)
            out += self.theta
            return out

    runs, X, y = [], np.array([[1.0, -1.0]]), np.array([1])
    for path in ("written out", "textbook", "auto", "batched"):
        model = Decaying(2) if base is LogisticRegression else Decaying((2, 3, 2))
        model.theta = np.full(model.n_parameters, 1.0)
        if path == "written out":
            for _ in range(3):
                plain = plain_gradient(model.theta, model.layer_sizes, "relu", X, y)
                model.theta -= 0.1 * (plain + model.theta)
        else:
            train(model, X, y, optimizer=SGD(0.1), batch_size=1, epochs=3, path=path)
        runs.append(model.theta)
    for theta in runs[1:]:
        assert_close(theta, runs[0], 1e-12)


def test_a_subclass_of_sgd_is_not_bypassed():
    """Its `update` may do anything, so "auto" must not replace it by the loop of plain SGD."""

    class Sign(SGD):
        def update(self, theta, gradient):
            theta -= np.sign(gradient)

    model = MLP((2, 1))
    model.theta = np.zeros(3)
    train(model, [[1.0, -1.0]], [1], optimizer=Sign(0.1), batch_size=1, epochs=1)
    assert model.theta.tolist() == [1, -1, 1]
