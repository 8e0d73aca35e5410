"""Whatever a caller may not pass is refused at every door, in one line that names the value."""

import math

import numpy as np
import pytest
from strategies import refused

from minigrad import (
    MLP,
    SGD,
    Adagrad,
    Adam,
    LogisticRegression,
    check_gradient,
    get_backend,
    gradient_noise,
    load_digits,
    per_sample,
    train,
)
from minigrad.engine import checks

X, Y = np.arange(12.0).reshape(4, 3), np.array([0, 1, 1, 0])
RULES = {"optimizer": SGD(0.1), "batch_size": 2, "epochs": 1}
MODELS = {"logistic": LogisticRegression(3), "binary": MLP((3, 2, 1)), "K-class": MLP((3, 2, 2))}

ONE_DOOR = {  # … that takes X
    "forward": lambda model, X: model.forward(X),
    "predict": lambda model, X: model.predict(X),
}
TWO_DOORS = {  # … that takes X and y
    "loss": lambda model, X, y: model.loss(X, y),
    "accuracy": lambda model, X, y: model.accuracy(X, y),
    "gradient": lambda model, X, y: model.gradient(X, y),
    "loss_and_gradient": lambda model, X, y: model.loss_and_gradient(X, y),
    "sample_gradients": lambda model, X, y: model.sample_gradients(X, y),
    "gradient_noise": gradient_noise,
    "check_gradient": check_gradient,
    "SGD.step": lambda model, X, y: SGD(0.1).step(model, X, y),
    "Adam.step": lambda model, X, y: Adam(0.1).step(model, X, y),
    "textbook_epoch": lambda model, X, y: per_sample.textbook_epoch(model, X, y, [0], 0.1),
    "fast_epoch": lambda model, X, y: per_sample.fast_epoch(model, X, y, [0], 0.1),
    "train": lambda model, X, y: train(model, X, y, **RULES),
    "test set": lambda model, X, y: train(model, np.ones((4, 3)), [0, 1, 0, 1], **RULES, test=(X, y)),
}


def with_entry(value, row=1, column=2):
    changed = X.copy()
    changed[row, column] = value
    return changed


BAD_X = {
    "nan": (with_entry(np.nan), "nan", "row 1", "column 2"),
    "inf": (with_entry(np.inf, 3, 0), "inf", "row 3", "column 0"),
    "minus inf": (with_entry(-np.inf, 0, 1), "-inf", "row 0", "column 1"),
    "nan in a strided X": (with_entry(np.nan).repeat(2, axis=1)[:, ::2], "nan", "row 1", "column 2"),
    "inf and minus inf": (with_entry(np.inf) - with_entry(np.inf, 2, 2) * [0, 0, 1], "row 1", "column 2"),
    "no rows": (np.empty((0, 3)), "(0, 3)"),
    "no columns": (np.empty((4, 0)), "(4, 0)"),
    "one dimension": (np.ones(3), "(3,)"),
    "three dimensions": (np.ones((4, 3, 1)), "(4, 3, 1)"),
    "too narrow": (np.ones((4, 2)), "(4, 2)", "3"),
    "too wide": (np.ones((4, 4)), "(4, 4)", "3"),
    "a number": (5.0, "()"),
    "text": ([["1", "2", "3"]] * 4, "<U1"),
    "a name": ("digits", "<U6"),
    "nothing": (None, "object"),
    "complex": (X + 1j, "complex128"),
    "dates": (np.zeros((4, 3), "datetime64[s]"), "datetime64"),
    "ragged": ([[1, 2, 3], [1, 2]], "rectangular"),
}
BAD_Y = {
    "no class": (np.array([0, 1, 2, 0]), "2"),
    "below 0": (np.array([0, 1, -1, 0]), "-1"),
    "a fraction": (np.array([0, 0.25, 1, 0]), "0.25"),
    "nan": (np.array([0, np.nan, 1, 0]), "nan"),
    "inf": (np.array([0, 1, 1, np.inf]), "inf"),
    "uint8 200": (np.array([0, 200, 1, 0], np.uint8), "200"),
    "too few": (np.array([0, 1, 1]), "(3,)", "(4,)"),
    "too many": (np.array([0, 1, 1, 0, 0]), "(5,)", "(4,)"),
    "a column": (Y[:, None], "(4, 1)"),
    "a number": (1, "()"),
    "text": (["0", "1", "1", "0"], "<U1"),
    "nothing": (None, "object"),
    "complex": (Y + 0j, "complex128"),
    "ragged": ([[0, 1], 1, [0]], "rectangular"),
}

each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())


@each_model
@pytest.mark.parametrize("bad", BAD_X.values(), ids=BAD_X.keys())
def test_bad_X_is_refused_at_every_door_and_theta_stays(model, bad):
    bad_X, *fragments = bad
    theta = model.theta.copy()
    for door in ONE_DOOR.values():
        with refused("X", *fragments, kind=ValueError):
            door(model, bad_X)
    for name, door in TWO_DOORS.items():
        with refused("X", *fragments, kind=ValueError):
            door(model, bad_X, Y)
        assert np.array_equal(model.theta, theta), name


@each_model
@pytest.mark.parametrize("bad", BAD_Y.values(), ids=BAD_Y.keys())
def test_bad_y_is_refused_at_every_door_and_theta_stays(model, bad):
    bad_y, *fragments = bad
    if bad_y is None:
        fragments = []  # loss(X, None) and its like must be refused, in whatever words
    theta = model.theta.copy()
    for name, door in TWO_DOORS.items():
        with refused(*fragments):
            door(model, X, bad_y)
        assert np.array_equal(model.theta, theta), name


@pytest.mark.parametrize(("label", "K"), [(3, 3), (10, 4)])
def test_a_label_of_K_is_named_with_the_range(label, K):
    with refused(str(label), f"0 to {K - 1}", kind=ValueError):
        MLP((3, K)).loss(X, [0, 1, label, 2])


@pytest.mark.parametrize(
    ("call", "cure"),
    [
        (lambda: MLP((3, 3)).loss(X, np.eye(4)[:, :3]), "y.argmax(axis=1)"),
        (lambda: MLP((3, 3)).loss(X, ["a", "b", "a", "c"]), "numpy.unique(y, return_inverse=True)[1]"),
        (lambda: MLP((3, 3)).loss(X, [1, 2, 3, 1]), "y - 1"),
        (lambda: MLP((3, 3)).loss(X, Y[:, None]), "y.ravel()"),
        (lambda: MLP((3, 3)).loss(X.reshape(4, 3, 1), Y), "X.reshape(len(X), -1)"),
        (lambda: MLP((3, 3)).predict(X[0]), "X[None, :]"),
        (lambda: LogisticRegression(3).loss(X, [0, 1, 9, 2]), "MLP((n, 10))"),
        (lambda: train(MLP((3, 2)), X, Y, **RULES, test=(X,)), "test"),
        (lambda: train(MLP((3, 2)), X, Y, **RULES, test=X), "test"),
        (lambda: train(MLP((3, 2)), X, Y, **RULES, test=load_digits()), "(data.X_test, data.y_test)"),
        (lambda: train(MLP((3, 2)), X, Y, **RULES, test=(X[:, :2], Y)), "X of test"),
        (lambda: train(MLP((3, 2)), X, Y, **RULES, test=(X, [0, 1, 2, 3])), "y of test"),
    ],
)
def test_a_refusal_names_the_cure(call, cure):
    with refused(cure):
        call()


def test_a_number_too_large_for_float32_is_refused_there_only():
    large = with_entry(1e300)
    assert math.isfinite(LogisticRegression(3).loss(large, Y))
    with refused("row 1", "column 2", kind=ValueError):
        LogisticRegression(3, dtype="float32").loss(large, Y)


def test_finite_numbers_whose_sum_is_not_are_fine():
    large = np.full((4, 3), 1.5e308)
    assert LogisticRegression(3).loss(large, Y) == pytest.approx(math.log(2))


@each_model
def test_labels_and_data_of_any_real_kind_are_equal(model):
    for same_y in (Y.astype(bool), Y.astype(np.int8), Y.astype(np.uint64), Y.astype(np.float32), Y.tolist(), tuple(Y)):
        for same_X in (X, X.astype(np.int16), X.astype(np.float32), X.tolist(), [tuple(row) for row in X]):
            assert model.loss(same_X, same_y) == model.loss(X, Y)
            assert np.array_equal(model.gradient(same_X, same_y), model.gradient(X, Y))
    assert model.loss(X > 4, Y) == model.loss((X > 4) * 1.0, Y)


BAD_ARGUMENTS = {
    **{f"batch_size {v!r}": ({"batch_size": v}, repr(v)) for v in (0, -1, 5, 1.5, 2.0, "2", None, True, math.nan)},
    **{f"epochs {v!r}": ({"epochs": v}, repr(v)) for v in (0, -3, 1.5, "many", None, True)},
    **{f"evaluate_every {v!r}": ({"evaluate_every": v}, repr(v)) for v in (-1, 2.5, "each")},
    **{f"evaluate_at {v!r}": ({"evaluate_at": [v]}, repr(v)) for v in (0, -1, 2.5, "each")},
    "evaluate_at descends": ({"evaluate_at": [3, 2]}, "[3, 2]"),
    "both evaluate_every and evaluate_at": ({"evaluate_every": 3, "evaluate_at": [3]}, "expected one of the two"),
    **{f"target_loss {v!r}": ({"target_loss": v}, repr(v)) for v in (0, -0.1, math.nan, math.inf, "low")},
    **{f"rng {v!r}": ({"rng": v}, repr(v)) for v in (-1, 1.5, True, "seed")},
    "RandomState": ({"rng": np.random.RandomState(0)}, "RandomState"),
    **{f"path {v!r}": ({"path": v, "batch_size": 1}, repr(v)) for v in ("slow", "", None, 1)},
    "fast with a batch": ({"path": "fast"}, "'fast'"),
    "textbook with a batch": ({"path": "textbook"}, "'textbook'"),
    "fast with momentum": ({"path": "fast", "batch_size": 1, "optimizer": SGD(0.1, momentum=0.5)}, "'fast'"),
    "textbook with Adam": ({"path": "textbook", "batch_size": 1, "optimizer": Adam()}, "'textbook'"),
    "a rate for an optimizer": ({"optimizer": 0.1}, "0.1"),
    "an optimizer's class": ({"optimizer": SGD}, "SGD"),
    "no test labels": ({"test": (X, None)}, "y"),
}


@pytest.mark.parametrize(("arguments", "fragment"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS.keys())
def test_bad_arguments_of_train_are_refused_before_anything_is_trained(arguments, fragment):
    model = LogisticRegression(3)
    with refused(fragment, *([] if fragment == "y" else [next(iter(arguments))] if len(arguments) == 1 else [])):
        train(model, X, Y, **RULES | arguments)
    assert not model.theta.any()


def test_train_refuses_what_is_no_model():
    with refused("'model'", kind=TypeError):
        train("model", X, Y, **RULES)


BAD_CONSTRUCTORS = {
    **{f"n_features {v!r}": (lambda v=v: LogisticRegression(v), repr(v)) for v in (0, -1, 2.5, "3", None, True)},
    **{f"layer_sizes {v!r}": (lambda v=v: MLP(v), repr(v)) for v in ((), (3,), [], "64", 7, None, {64, 10}, range(1))},
    **{
        f"a size of {v!r}": (lambda v=v: MLP((3, v, 2)), repr(v), "layer_sizes[1]")
        for v in (0, -2, 2.5, "4", None, True, (4,), math.inf)
    },
    **{f"activation {v!r}": (lambda v=v: MLP((3, 2), activation=v), repr(v)) for v in ("swish", "ReLU", None, np.tanh)},
    **{
        f"dtype {v!r}": (lambda v=v: MLP((3, 2), dtype=v), repr(v))
        for v in ("float16", "int64", "f99", "complex128", [1], {}, 64, np.longdouble)
    },
    **{f"rng {v!r}": (lambda v=v: MLP((3, 2), rng=v), repr(v)) for v in (0, 1.5, "seed")},
    "rng of logistic regression": (lambda: LogisticRegression(3, rng=3), "3"),
    "dtype of logistic regression": (lambda: LogisticRegression(3, dtype="half"), "'half'"),
    "backend": (lambda: MLP((3, 2), backend="tpu"), "'tpu'"),
    **{
        f"{optimizer.__name__} at {v!r}": (lambda v=v, optimizer=optimizer: optimizer(v), repr(v), "learning_rate")
        for optimizer in (SGD, Adagrad, Adam)
        for v in (0, -1, -0.0, math.nan, math.inf, "x", None, True, 1j, [0.1])
    },
    "a rate too large for a float": (lambda: SGD(10**400), "1000", "learning_rate", "expected a positive number"),
    "a rate that Python does not write": (lambda: SGD(10**5000), "thousands of digits"),
    "a size that Python does not write": (lambda: LogisticRegression(-(10**5000)), "thousands of digits"),
    **{f"momentum {v!r}": (lambda v=v: SGD(0.1, momentum=v), repr(v)) for v in (-0.1, 1, 1.5, math.nan, "m", None)},
    **{f"beta1 {v!r}": (lambda v=v: Adam(0.1, beta1=v), repr(v), "beta1") for v in (-0.1, 1, math.nan, "b")},
    **{f"beta2 {v!r}": (lambda v=v: Adam(0.1, beta2=v), repr(v), "beta2") for v in (-0.1, 1.0, math.inf, None)},
    **{
        f"order {v!r}": (lambda v=v: per_sample.fast_epoch(LogisticRegression(3), X, Y, v, 0.1), "order", fragment)
        for v, fragment in [
            ((0, 4), "4"),
            ((-1, 0), "-1"),
            ((0.5, 1), "float64"),
            (((0, 1),), "(1, 2)"),
            (3, "()"),
            ("ab", "<U2"),
        ]
    },
    **{
        f"rate of textbook_epoch {v!r}": (
            lambda v=v: per_sample.textbook_epoch(LogisticRegression(3), X, Y, [0], v),
            repr(v),
            "learning_rate",
        )
        for v in (0, -1, math.nan, "x")
    },
    **{f"std of {v!r}": (lambda v=v: gradient_noise(MODELS["logistic"], X, Y).std(v), repr(v)) for v in (0, -1, 1.5)},
}


@pytest.mark.parametrize("case", BAD_CONSTRUCTORS.values(), ids=BAD_CONSTRUCTORS.keys())
def test_a_bad_argument_is_refused_with_its_value(case):
    call, *fragments = case
    with refused(*fragments):
        call()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: SGD(np.float32(0.5)).learning_rate, 0.5),
        (lambda: SGD(1, momentum=0).learning_rate, 1.0),
        (lambda: LogisticRegression(np.int64(3)).n_features, 3),
        (lambda: MLP([np.int8(3), 2]).layer_sizes, (3, 2)),
        (lambda: MLP((3, 2), dtype=np.float32).dtype, np.dtype("float32")),
        (lambda: MLP((3, 2), dtype=float).dtype, np.dtype("float64")),
        (lambda: len(train(LogisticRegression(3), X, Y, **RULES | {"batch_size": np.int32(4)}).loss), 2),
        (lambda: checks.whole_number("n", np.uint8(7), 7, 7), 7),
        (lambda: checks.features(X, 3, get_backend(), "float64").shape, (4, 3)),
    ],
)
def test_numpy_scalars_and_the_ends_of_a_range_are_fine(call, expected):
    assert call() == expected
