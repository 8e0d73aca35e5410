"""SGD as a loop, and why gradient descent is none."""

import copy
from typing import Any

import numpy as np

from minigrad import SGD, LogisticRegression
from minigrad.per_sample import textbook

from ..compare import after, difference, is_close
from ..exercise import Check, Exercise, Function
from ..marker import function_of
from ..place import replace, replace_method
from ..stopped import Stopped, call, guarded

QUESTION = """\
SGD and gradient descent (GD) differ in where the gradient is taken.

    SGD   for i in order:  θ ← θ − η g_i(θ)     one update a row, each at the θ that the update before it left
    GD                     θ ← θ − η G(θ)       one update in all; G is the mean gradient of all m rows, at the old θ

So the m updates of SGD follow each other, and no two of them can be done at the same time. GD takes all m gradients at
one θ. Their mean needs no loop, and their order does not matter.

You are given a model. Two things of it are enough:

    model.theta            the parameters θ, one vector. Change it in place: model.theta -= …
    model.gradient(X, y)   the mean gradient over the rows of X (m, n) and y (m,), at the model's θ: a new vector

`order` holds the row numbers in the order in which SGD uses them; a row may come twice, or never. Take row i as a batch
of one row: X[i : i + 1], y[i : i + 1]. Both functions change model.theta and return nothing.

    >>> import minigrad
    >>> model = minigrad.LogisticRegression(1)
    >>> X, y = np.array([[1.0], [1.0]]), np.array([1, 1])
    >>> textbook_epoch(model, X, y, order=[0, 1], learning_rate=1.0)
    >>> model.theta.round(4)
    array([0.7689, 0.7689])
    >>> model = minigrad.LogisticRegression(1)
    >>> gradient_descent_step(model, X, y, learning_rate=1.0)
    >>> model.theta
    array([0.5, 0.5])
"""

HINTS = (
    "The loop of SGD has two lines: gradient = model.gradient(…) of one row, then model.theta -= …",
    "The gradient must be taken inside the loop: at the second row θ is no longer the old one.",
    "GD has no loop at all: one model.gradient(X, y), which is a mean already, and one model.theta -= …",
)

ANSWER = """\
def textbook_epoch(model, X, y, order, learning_rate):
    for i in order:
        model.theta -= learning_rate * model.gradient(X[i : i + 1], y[i : i + 1])


def gradient_descent_step(model, X, y, learning_rate):
    model.theta -= learning_rate * model.gradient(X, y)
"""
ORDER = [3, 0, 5, 1, 4, 2]
RATE = 0.5


def problem() -> tuple[Any, Any, Any]:
    """A model at a random θ, and six rows."""
    rng = np.random.default_rng(0)
    model = LogisticRegression(3, rng=rng)
    return model, rng.standard_normal((6, 3)), np.array([0, 1, 1, 0, 1, 0])


def theta_after(update: Any, *arguments: Any) -> Any:
    """Where an update of the student's, or of ours, leaves θ; `Stopped` where it left data changed."""
    model, X, y = problem()
    kept, given = (X.copy(), y.copy()), copy.deepcopy(arguments)
    call(update, model, X, y, *given)
    if any(isinstance(each, list) and each != before for each, before in zip(given, arguments)):
        raise Stopped(f"{update.__name__} changes its argument order; expected the rows in the order that is given")
    if not (np.array_equal(X, kept[0]) and np.array_equal(y, kept[1])):
        raise Stopped(f"{update.__name__} changes X or y; expected a change of model.theta alone")
    return model.theta.copy()


def walked(steps: Any) -> Any:
    """θ after steps: each a function of the model, X and y that gives what is taken off θ."""
    model, X, y = problem()
    for step in steps:
        model.theta -= step(model, X, y)
    return model.theta.copy()


def one(i: int, rate: float = RATE) -> Any:
    """What SGD takes off θ for row i."""
    return lambda model, X, y: rate * model.gradient(X[i : i + 1], y[i : i + 1])


def whole(rate: float = RATE) -> Any:
    """What GD takes off θ."""
    return lambda model, X, y: rate * model.gradient(X, y)


def told(name: str, found: Any, expected: Any, mistakes: dict[str, Any]) -> str:
    """What is wrong with θ."""
    if is_close(found, expected):
        return ""
    start = problem()[0].theta
    if is_close(found, start):
        return f"{name} leaves model.theta as it was: write model.theta -= …; theta = theta − … makes another array"
    for sentence, value in mistakes.items():
        if is_close(found, value):
            return sentence
    return after(f"after {name}", difference("theta", found, expected, 1) or "theta is wrong")


def epoch(answer: Any) -> str:
    """One epoch of SGD."""
    model, X, y = problem()
    m, old = len(X), model.theta.copy()
    gradients = [model.gradient(X[i : i + 1], y[i : i + 1]) for i in ORDER]
    mistakes = {
        "all gradients are taken at the old θ, which is GD: SGD takes each at the θ that the update before it left": old
        - RATE * sum(gradients),
        "this is one step of GD, with the mean gradient; SGD makes an update for each row": old
        - RATE * sum(gradients) / m,
        "`order` is not used: the rows come as 0, 1, 2, …": walked(map(one, range(m))),
        "the rows come in the reverse of `order`": walked(map(one, reversed(ORDER))),
        "the sign is wrong: θ goes up the hill; subtract η times the gradient": walked(one(i, -RATE) for i in ORDER),
        "the learning rate is missing": walked(one(i, 1.0) for i in ORDER),
        f"each step is divided by m = {m}: the gradient of one row is not a sum": walked(
            one(i, RATE / m) for i in ORDER
        ),
        f"each step is m = {m} times too large: the gradient of one row is not multiplied": walked(
            one(i, RATE * m) for i in ORDER
        ),
        "each update takes the gradient of all rows; expected that of row i alone: X[i : i + 1], y[i : i + 1]": walked(
            whole() for _ in ORDER
        ),
        "the last row of `order` is missing": walked(map(one, ORDER[:-1])),
        "the first row of `order` is missing": walked(map(one, ORDER[1:])),
        "there is only one update, for the first row: is return inside the loop?": walked([one(ORDER[0])]),
        "there is only one update, for the last row: model.theta -= … belongs inside the loop": walked(
            [one(ORDER[-1])]
        ),
        "the rows up to i are used, X[: i + 1]; expected row i alone, X[i : i + 1]": walked(prefix(i) for i in ORDER),
    }
    found = theta_after(answer.textbook_epoch, ORDER, RATE)
    return told("the epoch", found, theta_after(textbook.textbook_epoch, ORDER, RATE), mistakes)


def prefix(i: int) -> Any:
    """What a batch of the rows up to i takes off θ."""
    return lambda model, X, y: RATE * model.gradient(X[: i + 1], y[: i + 1])


def orders(answer: Any) -> str:
    """Rows that come twice or never, none at all, and an order that is an array."""
    for order, said in (
        ([2, 2, 0, 2], "a row that comes twice in `order` must be used twice"),
        ([], "an empty `order` must leave θ as it is"),
        (np.array([1, 4]), "`order` may be an array, and hold only some of the rows"),
    ):
        found = theta_after(answer.textbook_epoch, order, RATE)
        if not is_close(found, theta_after(textbook.textbook_epoch, order, RATE)):
            return said
    return ""


def descent(answer: Any) -> str:
    """One step of GD."""
    m = len(ORDER)

    def ours(model: Any, X: Any, y: Any, learning_rate: float) -> None:
        SGD(learning_rate).step(model, X, y)

    mistakes = {
        f"the step of GD is m = {m} times too large: model.gradient is a mean already": walked([whole(m * RATE)]),
        "GD divides by m once more: model.gradient is a mean already": walked([whole(RATE / m)]),
        "GD goes up the hill: subtract η times the gradient": walked([whole(-RATE)]),
        "the learning rate is missing in GD": walked([whole(1.0)]),
        "this is SGD, an update for each row; GD makes one update, from all gradients at the old θ": walked(
            map(one, range(m))
        ),
        f"GD makes m = {m} updates with the gradient of all rows; expected one": walked([whole()] * m),
        "GD takes the gradient of the first row alone; expected that of all rows": walked([one(0)]),
    }
    found = theta_after(answer.gradient_descent_step, RATE)
    return told("the step of GD", found, theta_after(ours, RATE), mistakes)


def exercise() -> Exercise:
    """Two ways to use the same gradients."""
    docstring = "θ ← θ − η G: one update, with the mean gradient of all rows at the old θ. Changes `model.theta`."
    return Exercise(
        name="sgd",
        title="SGD as a loop, and why gradient descent is none",
        question=QUESTION,
        functions=(
            function_of("sgd", "textbook_epoch"),
            Function("gradient_descent_step(model, X, y, learning_rate)", docstring),
        ),
        hints=HINTS,
        answer=ANSWER,
        checks=(
            Check(4, guarded(epoch)),
            Check(1, guarded(lambda answer: epoch(answer) or orders(answer))),
            Check(3, guarded(descent), "gradient_descent_step"),
        ),
        relation="`textbook_epoch` is this loop, with its arguments checked first; a step of GD is "
        "`SGD(learning_rate).step(model, X, y)`, which takes model.gradient(X, y) and hands it to `update`.",
        put_in_place=put_in_place,
        tests=(
            "tests/test_per_sample.py::test_logistic_epoch_is_the_loop_written_out[textbook]",
            "tests/test_per_sample.py::test_fast_epoch_makes_the_updates_of_the_textbook_for_any_order",
            "tests/test_gradients.py::test_gd_update_is_the_mean_of_the_sample_updates_at_the_old_parameters",
        ),
    )


def put_in_place(answer: Any) -> None:
    """The student's loop, and the student's step in every plain SGD."""

    def step(optimizer: Any, model: Any, X: Any, y: Any = None) -> int:
        batch = model.batch(X, y)
        answer.gradient_descent_step(model, *batch.gathered(), optimizer.learning_rate)
        return batch.m

    replace(textbook.textbook_epoch, answer.textbook_epoch)
    replace_method(SGD, "step", step)
