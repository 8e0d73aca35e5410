"""train() against the loops that it stands for, and every column of its History against a second account."""

import contextlib
import copy
import math
import time
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import assert_close, each_shape, make_problem, plain_gradient, plain_loss, problems

from minigrad import SGD, Adagrad, Adam, DivergenceWarning, History, train

COLUMNS = ("epoch", "updates", "samples", "seconds", "loss", "accuracy", "test_loss", "test_accuracy")


class Recorder(SGD):
    """SGD that keeps a copy of each batch that it is given, and the theta that it leaves."""

    def __init__(self, learning_rate=0.1):
        super().__init__(learning_rate)
        self.batches, self.thetas = [], []

    def step(self, model, X, y=None):
        X_batch, y_batch = X.gathered()
        self.batches.append((X_batch.copy(), y_batch.copy()))
        used = super().step(model, X)
        self.thetas.append(model.theta.copy())
        return used


def numbered(m, shape=None, seed=0):
    """A problem whose row i is known by its first entry, i / m."""
    problem = make_problem(**(shape or {"kind": "logistic"}), m=m, seed=seed)
    problem.X[:, 0] = np.arange(m) / m
    problem.model.theta *= 0.3
    return problem


def rows_of(batch, m):
    return np.rint(batch[0][:, 0] * m).astype(int)


# ---- the loops that it stands for --------------------------------------------------------------------------------


@settings(max_examples=25)
@given(problems(), st.integers(1, 4), st.booleans(), st.booleans())
def test_batch_size_m_is_gradient_descent_written_out(problem, epochs, shuffled, drop_last):
    model, X, y, theta = problem.model, problem.X, problem.y, problem.theta
    losses = []
    for _ in range(epochs):
        losses.append(plain_loss(theta, *problem.shape, X, y))
        theta = theta - 0.2 * plain_gradient(theta, *problem.shape, X, y)
    losses.append(plain_loss(theta, *problem.shape, X, y))
    rules = {"batch_size": len(X), "epochs": epochs, "rng": 1, "shuffle": shuffled, "drop_last": drop_last}
    rules["path"] = "batched"  # where m is 1, too
    history = train(model, X, y, optimizer=SGD(0.2), **rules)
    assert_close(model.theta, theta, 1e-10)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-10, atol=1e-12)
    assert history.updates.tolist() == list(range(epochs + 1))


@each_shape
@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize(("batch_size", "drop_last"), [(1, False), (3, False), (3, True), (10, False)])
def test_minibatches_follow_each_other_as_written_out(shape, shuffled, batch_size, drop_last):
    problem = numbered(10, shape)
    theta, optimizer = problem.theta, Recorder(0.2)
    rules = {"batch_size": batch_size, "epochs": 3, "rng": 1, "shuffle": shuffled, "drop_last": drop_last}
    train(problem.model, problem.X, problem.y, optimizer=optimizer, **rules)
    for batch in optimizer.batches:
        rows = rows_of(batch, 10)
        assert np.array_equal(problem.y[rows], batch[1])
        theta = theta - 0.2 * plain_gradient(theta, *problem.shape, problem.X[rows], problem.y[rows])
    assert_close(problem.model.theta, theta, 1e-10)


@pytest.mark.parametrize(("batch_size", "drop_last"), [(1, False), (4, False), (4, True), (12, False)])
def test_shuffling_uses_each_row_once_an_epoch_and_each_epoch_anew(batch_size, drop_last):
    problem, optimizer, epochs = numbered(13), Recorder(), 5
    rules = {"batch_size": batch_size, "epochs": epochs, "drop_last": drop_last, "rng": np.random.default_rng(3)}
    train(problem.model, problem.X, problem.y, optimizer=optimizer, **rules)
    order = np.concatenate([rows_of(batch, 13) for batch in optimizer.batches]).reshape(epochs, -1)
    for epoch in order:
        assert len(np.unique(epoch)) == len(epoch) == (13 - 13 % batch_size if drop_last else 13)
    assert len({tuple(epoch) for epoch in order}) == epochs
    sizes = [len(y) for _, y in optimizer.batches]
    assert set(sizes[:-1]) <= {batch_size, 13 % batch_size}


def test_without_shuffling_rows_come_in_order():
    problem, optimizer = numbered(7), Recorder()
    train(problem.model, problem.X, problem.y, optimizer=optimizer, batch_size=3, epochs=2, shuffle=False)
    assert [rows_of(batch, 7).tolist() for batch in optimizer.batches] == [[0, 1, 2], [3, 4, 5], [6]] * 2


@each_shape
@pytest.mark.parametrize("make", [lambda: SGD(0.1, momentum=0.9), Adagrad, Adam])
def test_training_is_the_optimizers_step_batch_by_batch(shape, make):
    problem = numbered(9, shape)
    other, optimizer = copy.deepcopy(problem.model), make()
    train(problem.model, problem.X, problem.y, optimizer=make(), batch_size=4, epochs=3, shuffle=False)
    for _ in range(3):
        for rows in (slice(0, 4), slice(4, 8), slice(8, 9)):
            optimizer.step(other, problem.X[rows], problem.y[rows])
    assert np.array_equal(problem.model.theta, other.theta)


# ---- History -----------------------------------------------------------------------------------------------------


def expected_rows(m, batch_size, epochs, evaluate_every, drop_last, evaluate_at=()):
    """(samples, updates) at each evaluation, found by counting single samples."""
    sizes = [min(batch_size, m - start) for start in range(0, m, batch_size)]
    sizes = [size for size in sizes if size == batch_size or not drop_last]
    rows, samples, updates = [(0, 0)], 0, 0
    for _ in range(epochs):
        for size in sizes:
            completed = range(samples + 1, samples + size + 1)
            samples, updates = samples + size, updates + 1
            due = evaluate_every and any(count % evaluate_every == 0 for count in completed)
            if due or set(completed) & set(evaluate_at):
                rows.append((samples, updates))
        if evaluate_every is None:
            rows.append((samples, updates))
    return rows if rows[-1] == (samples, updates) else [*rows, (samples, updates)]


@pytest.mark.parametrize("evaluate_every", [None, 0, 1, 3, 4, 10, 11, 25, 1000])
@pytest.mark.parametrize(
    ("batch_size", "path"), [(1, "fast"), (1, "textbook"), (1, "batched"), (4, "auto"), (10, "auto")]
)
@pytest.mark.parametrize("drop_last", [False, True])
def test_rows_come_where_they_are_due(evaluate_every, batch_size, path, drop_last):
    problem = numbered(10)
    rules = {"batch_size": batch_size, "epochs": 3, "evaluate_every": evaluate_every, "drop_last": drop_last}
    history = train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), path=path, **rules)
    rows = expected_rows(10, batch_size, 3, evaluate_every, drop_last)
    assert list(zip(history.samples.tolist(), history.updates.tolist())) == rows
    rows_an_epoch = 10 - 10 % batch_size if drop_last else 10
    assert history.epoch == pytest.approx([samples / rows_an_epoch for samples, _ in rows])
    assert all(len(getattr(history, name)) == len(rows) for name in COLUMNS)
    assert 0 <= history.seconds[0] < 0.1  # nothing has been trained yet
    assert (np.diff(history.seconds) >= 0).all()
    assert not history.diverged
    assert not history.reached_target


@pytest.mark.parametrize("at", [[], [1], [3, 4, 5], [2, 2, 9, 21], [10, 30], [29, 31, 500]])
@pytest.mark.parametrize(
    ("batch_size", "path"), [(1, "fast"), (1, "textbook"), (1, "batched"), (4, "auto"), (10, "auto")]
)
@pytest.mark.parametrize("drop_last", [False, True])
def test_rows_come_at_the_moments_that_are_asked_for(at, batch_size, path, drop_last):
    problem = numbered(10)
    rules = {"batch_size": batch_size, "epochs": 3, "evaluate_at": at, "drop_last": drop_last}
    history = train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), path=path, **rules)
    rows = expected_rows(10, batch_size, 3, 0, drop_last, at)
    assert list(zip(history.samples.tolist(), history.updates.tolist())) == rows


def test_history_holds_what_it_says_it_does():
    problem = numbered(6)
    history = train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), batch_size=2, epochs=1)
    assert isinstance(history, History)
    assert {field.name for field in fields(history)} == {*COLUMNS, "diverged", "reached_target"}
    assert history.updates.dtype.kind == history.samples.dtype.kind == "i"
    assert all(getattr(history, name).dtype == np.float64 for name in COLUMNS if name not in ("updates", "samples"))
    assert type(history.diverged) is type(history.reached_target) is bool


@each_shape
@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_each_row_is_what_an_independent_run_stopped_there_would_measure(shape, batch_size):
    problem, test = numbered(8, shape), numbered(5, shape, seed=1)
    start, recorder, thetas = problem.theta, Recorder(), []
    rules = {"batch_size": batch_size, "epochs": 3, "evaluate_every": 4}
    history = train(
        problem.model,
        problem.X,
        problem.y,
        optimizer=SGD(0.1),
        **rules,
        rng=np.random.default_rng(2),
        test=(test.X, test.y),
        callback=lambda model, row: thetas.append(model.theta.copy()),
    )
    problem.model.theta = start
    train(
        problem.model, problem.X, problem.y, optimizer=recorder, **rules, rng=np.random.default_rng(2), path="batched"
    )
    stops = [start, *recorder.thetas]
    for k, updates in enumerate(history.updates):
        theta = stops[updates]
        assert_close(thetas[k], theta, 1e-11)
        for loss, accuracy, part in (
            (history.loss, history.accuracy, problem),
            (history.test_loss, history.test_accuracy, test),
        ):
            assert loss[k] == pytest.approx(plain_loss(theta, *problem.shape, part.X, part.y), rel=1e-10)
            part.model.theta = theta
            assert accuracy[k] == np.mean(part.model.predict(part.X) == part.y)


def test_a_shorter_run_is_the_beginning_of_a_longer_one():
    histories = []
    for epochs in (2, 5):
        problem = numbered(9, {"outputs": 3})
        rules = {"batch_size": 2, "epochs": epochs, "rng": np.random.default_rng(0)}
        histories.append(train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules))
    assert np.array_equal(histories[0].loss, histories[1].loss[:3])


def test_without_a_test_set_its_columns_are_nan():
    problem = numbered(6)
    history = train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), batch_size=2, epochs=2)
    assert np.isnan(history.test_loss).all()
    assert np.isnan(history.test_accuracy).all()


def test_the_callback_sees_each_row_at_its_theta():
    problem, seen = numbered(6), []

    def callback(model, row):
        assert model is problem.model
        assert row["loss"] == model.loss(problem.X, problem.y)
        seen.append(dict(row))

    history = train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), batch_size=2, epochs=3, callback=callback)
    for name in COLUMNS:
        assert np.array_equal([row[name] for row in seen], getattr(history, name), equal_nan=True)


def test_the_clock_runs_while_training_and_stands_still_elsewhere():
    class Slow(SGD):
        def step(self, model, X, y=None):
            time.sleep(0.02)
            return super().step(model, X, y)

    problem = numbered(6)
    history = train(
        problem.model,
        problem.X,
        problem.y,
        optimizer=Slow(0.1),
        batch_size=3,
        epochs=3,
        callback=lambda model, row: time.sleep(0.25),
    )
    assert len(history.seconds) == 4
    assert (np.diff(history.seconds) >= 2 * 0.02).all()
    assert history.seconds[-1] < 0.75  # four callbacks slept for a second


# ---- when it stops -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["batched", "fast"])
def test_target_loss_stops_at_the_first_evaluation_that_reaches_it(path):
    problem = numbered(20, seed=3)
    rules = {"batch_size": 1, "epochs": 30, "path": path}
    full = train(copy.deepcopy(problem.model), problem.X, problem.y, optimizer=SGD(0.05), **rules)
    target = (full.loss[4] + full.loss[5]) / 2
    assert full.loss[5] < target < min(full.loss[:5])
    history = train(problem.model, problem.X, problem.y, optimizer=SGD(0.05), **rules, target_loss=target)
    assert history.reached_target
    assert not history.diverged
    assert np.array_equal(history.loss, full.loss[:6])
    assert history.loss[-1] == problem.model.loss(problem.X, problem.y)


def test_a_target_that_is_already_reached_trains_nothing_and_one_out_of_reach_everything():
    problem = numbered(6)
    start, rules = problem.theta, {"batch_size": 2, "epochs": 2}
    history = train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules, target_loss=100)
    assert history.reached_target
    assert history.updates.tolist() == [0]
    assert np.array_equal(problem.model.theta, start)
    history = train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules, target_loss=1e-9)
    assert not history.reached_target
    assert history.updates.tolist() == [0, 3, 6]


@each_shape
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", [1, 4, 8])
@pytest.mark.parametrize("make", [SGD, lambda rate: SGD(rate, momentum=0.9), Adagrad, Adam])
def test_divergence_is_marked_and_stops_with_one_warning(shape, dtype, batch_size, make):
    problem = numbered(8, shape | {"dtype": dtype})
    rules = {"batch_size": batch_size, "epochs": 50, "rng": np.random.default_rng(0)}
    with pytest.warns(DivergenceWarning, match="learning_rate") as caught:
        history = train(problem.model, problem.X, problem.y, optimizer=make(1e30), **rules)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert history.diverged
    assert "DIVERGED" in repr(history)
    assert not history.reached_target
    assert 2 <= len(history.loss) < 51
    assert np.isfinite(history.loss[:-1]).all()
    assert (history.loss[:-1] <= 1000 * math.log(problem.model.n_classes)).all()
    assert not history.loss[-1] <= 1000 * math.log(problem.model.n_classes)


def test_divergence_unseen_until_the_end_is_marked_too():
    problem = numbered(8, {"outputs": 3, "activation": "relu"})
    rules = {"batch_size": 1, "epochs": 20, "evaluate_every": 0}
    with pytest.warns(DivergenceWarning, match=r"loss (nan|inf) after 160 updates"):
        history = train(problem.model, problem.X, problem.y, optimizer=SGD(1e100), **rules)
    assert history.diverged
    assert len(history.loss) == 2
    assert not np.isfinite(history.loss[1])


# ---- what it leaves alone, and what it keeps ---------------------------------------------------------------------


@each_shape
@pytest.mark.parametrize("batch_size", [1, 4])
def test_same_seed_same_bits_and_another_seed_others(shape, batch_size):
    def run(seed):
        problem = numbered(11, shape)
        rules = {"batch_size": batch_size, "epochs": 3, "rng": np.random.default_rng(seed)}
        history = train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules)
        return problem.model.theta, history.loss

    (theta, loss), (same_theta, same_loss), (other_theta, _) = run(7), run(7), run(8)
    assert np.array_equal(theta, same_theta)
    assert np.array_equal(loss, same_loss)
    assert not np.array_equal(theta, other_theta)


@pytest.mark.parametrize("batch_size", [1, 3, 9])
@pytest.mark.parametrize("path", ["auto", "batched"])
def test_data_is_not_modified(batch_size, path):
    for shape in ({"kind": "logistic"}, {"outputs": 3}, {"hidden": (), "outputs": 1}):
        problem = numbered(9, shape)
        test = problem.X.copy(), problem.y.copy()
        for array in (problem.X, problem.y, *test):
            array.flags.writeable = False
        rules = {"batch_size": batch_size, "epochs": 2, "rng": np.random.default_rng(0), "test": test, "path": path}
        train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules)


@each_shape
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("make", [lambda: SGD(0.1), lambda: SGD(0.1, momentum=0.5), Adagrad, Adam])
def test_float32_stays_float32_throughout(shape, batch_size, make):
    problem, optimizer, dtypes = numbered(10, shape | {"dtype": "float32"}), make(), set()

    def callback(model, row):
        dtypes.update(array.dtype for array in (model.theta, model.forward(problem.X)))
        dtypes.update(buffer.dtype for buffer in model.workspace.buffers.values() if buffer.dtype.kind == "f")

    live, X = problem.model.theta, problem.X.astype(np.float64)
    rules = {"batch_size": batch_size, "epochs": 2, "rng": np.random.default_rng(0), "callback": callback}
    train(problem.model, X, problem.y.astype(float), optimizer=optimizer, **rules)
    assert problem.model.theta is live
    dtypes.update(value.dtype for value in vars(optimizer).values() if isinstance(value, np.ndarray))
    assert dtypes == {np.dtype("float32")}


def test_lists_and_labels_of_any_kind_train_alike():
    def run(X, y):
        problem = numbered(6)
        return train(problem.model, X, y, optimizer=SGD(0.1), batch_size=2, epochs=2, test=(X, y)).test_loss

    problem = numbered(6)
    expected = run(problem.X, problem.y)
    for X in (problem.X.tolist(), np.asfortranarray(problem.X), problem.X.repeat(2, axis=0)[::2]):
        for y in (problem.y.tolist(), problem.y.astype(bool), problem.y.astype(np.int8), problem.y.astype(float)):
            assert_close(run(X, y), expected, 1e-13)


def test_a_batch_that_does_not_fit_is_named_with_the_bytes_it_asked_for(monkeypatch):
    problem = numbered(10)

    def full(*_, **__):
        raise MemoryError("Out of memory allocating 1,234 bytes (allocated so far: 99 bytes).")

    monkeypatch.setattr(problem.model, "gradient", full)
    before = problem.model.theta.copy()
    with pytest.raises(MemoryError, match=r"^batch_size 5 does not fit into memory: .* 1,234 bytes"):
        train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), batch_size=5, epochs=1)
    assert np.array_equal(problem.model.theta, before)


def test_an_optimizer_goes_on_where_it_stopped():
    whole, parts = numbered(8), numbered(8)
    train(whole.model, whole.X, whole.y, optimizer=Adam(0.1), batch_size=4, epochs=4, shuffle=False)
    optimizer = Adam(0.1)
    for _ in range(2):
        train(parts.model, parts.X, parts.y, optimizer=optimizer, batch_size=4, epochs=2, shuffle=False)
    assert np.array_equal(whole.model.theta, parts.model.theta)


# ---- what it takes for granted, and what it shows ----------------------------------------------------------------


def test_a_seed_will_do_for_a_generator_and_without_one_0_is_taken():
    def thetas(**rules):
        problem = numbered(11)
        train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), batch_size=2, epochs=2, **rules)
        return problem.model.theta

    assert np.array_equal(thetas(rng=7), thetas(rng=np.random.default_rng(7)))
    assert np.array_equal(thetas(), thetas(rng=0))
    assert not np.array_equal(thetas(), thetas(rng=7))
    assert not np.array_equal(thetas(), thetas(shuffle=False))
    assert np.array_equal(thetas(rng=7, shuffle=False), thetas(shuffle=False))


@pytest.mark.parametrize(("batch_size", "path"), [(3, "auto"), (1, "fast")])
def test_verbose_shows_a_bar_and_changes_nothing(batch_size, path, capsys):
    losses = []
    for verbose in (False, True):
        problem = numbered(10)
        rules = {"batch_size": batch_size, "epochs": 2, "path": path, "verbose": verbose}
        losses.append(train(problem.model, problem.X, problem.y, optimizer=SGD(0.1), **rules).loss)
        shown = capsys.readouterr()
        assert shown.out == ""
        if verbose:
            assert "20/20" in shown.err
            assert f"loss={losses[-1][-1]:.4g}" in shown.err
            assert "accuracy=" in shown.err
        else:
            assert shown.err == ""
    assert np.array_equal(*losses)


def test_a_history_tells_what_happened():
    problem = numbered(10)
    rules = {"optimizer": SGD(0.1), "batch_size": 5, "epochs": 30}
    history = train(problem.model, problem.X, problem.y, test=(problem.X, problem.y), **rules)
    assert repr(history).startswith("<History: 60 updates in 30 epochs and ")
    assert f"loss {history.loss[0]:.3g} -> {history.loss[-1]:.3g}" in repr(history)
    assert f"test accuracy {history.test_accuracy[-1]:.1%}" in repr(history)
    assert "\n" not in repr(history)
    page = history._repr_html_()
    assert page.count("<tr>") == 13
    assert "test accuracy" in page
    assert "reached its target" in repr(train(problem.model, problem.X, problem.y, target_loss=100.0, **rules))
    assert "test" not in train(problem.model, problem.X, problem.y, **rules)._repr_html_()


@pytest.mark.parametrize(("share", "diverged"), [(0.99, False), (1.01, True)])
def test_a_loss_counts_as_diverged_from_a_thousand_times_that_of_guessing(share, diverged):
    problem = make_problem("logistic", n=1, m=1)
    problem.model.theta[:] = 0, share * 1000 * math.log(2) * (1 if problem.y[0] == 0 else -1)  # the loss is |z|
    rules = {"optimizer": SGD(1e-9), "batch_size": 1, "epochs": 1}
    with pytest.warns(DivergenceWarning) if diverged else contextlib.nullcontext():
        history = train(problem.model, problem.X, problem.y, **rules)
    assert history.diverged is diverged
