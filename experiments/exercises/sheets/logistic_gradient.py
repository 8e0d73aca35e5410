"""The gradient of logistic regression."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import LogisticRegression
from minigrad.functions import sigmoid

from .. import compare
from ..compare import after, wrong
from ..exercise import Check, Exercise, Function
from ..place import replace_method

QUESTION = """\
Logistic regression says for a row x that class 1 has the probability h = sigmoid(x · w + b). For m rows at once:

    X   (m, n)   the samples, one a row          w   (n,)   the weights
    y   (m,)     the labels, 0 or 1              b          the bias, one number
    h   (m,)     h = 1 / (1 + e^−z) with z = X w + b

The loss J is the mean of the log losses of the m rows. Its gradient is

    ∂J/∂w = Xᵀ (h − y) / m     (n,)              ∂J/∂b = mean(h − y)     one number

Write a function that returns both. It must work for a batch of one row, too: that is what SGD uses.

    >>> X, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 0])
    >>> dw, db = gradient(X, y, w=np.zeros(2), b=0.0)
    >>> dw, float(db)
    (array([0.5, 0.5]), 0.0)
"""

HINTS = (
    "Three steps: z = X @ w + b, then h, then h − y, which is (m,).",
    "dw has one entry for each feature. X.T is (n, m), and X.T @ (h - y) is (n,): a sum over the rows.",
    "Divide that sum by len(X), the number of rows. db is (h - y).mean().",
)

ANSWER = """\
def gradient(X, y, w, b):
    h = 1 / (1 + np.exp(-(X @ w + b)))
    return X.T @ (h - y) / len(X), (h - y).mean()
"""


def batch_of(m: int, n: int, seed: int = 0) -> dict[str, Any]:
    """Rows, labels of both kinds, weights and a bias."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((m, n)), np.arange(m) % 2
    return {"X": X, "y": y, "w": rng.standard_normal(n), "b": 0.7}


def ours(X: Any, y: Any, w: Any, b: Any) -> dict[str, Any]:
    """The gradient of the real model."""
    model = LogisticRegression(len(w))
    model.theta = np.append(w, b)
    G = model.gradient(X, y)
    return {"dw": G[:-1], "db": G[-1]}


def mistakes_of(X: Any, y: Any, w: Any, b: Any) -> dict[str, dict[str, Any]]:
    """What typical mistakes give."""
    m, n = X.shape
    z = X @ w + b
    h, dw, db = sigmoid(z), *ours(X, y, w, b).values()

    def of(error: Any) -> dict[str, Any]:
        return {"dw": X.T @ error / m}

    mistakes = {
        f"the gradient is m = {m} times too large: it is a sum over the rows; divide it by the number of rows m": {
            "dw": m * dw,
            "db": m * db,
        },
        f"dw is m = {m} times too large: X.T @ (h − y) is a sum over the rows; divide it by m": {
            "dw": m * dw,
            "db": db,
        },
        f"db is m = {m} times too large: take the mean of h − y, not the sum": {"dw": dw, "db": m * db},
        "the gradient has the wrong sign: it is h − y, not y − h": {"dw": -dw, "db": -db},
        "the gradient is divided by m − 1; expected the number of rows m": {"dw": dw * m / (m - 1)},
        "z − y stands where h − y is asked: the sigmoid of z is missing": of(z - y),
        "the bias b is missing in z = X w + b": of(sigmoid(X @ w) - y),
        "y is missing: the gradient holds h alone, not h − y": of(h),
        "the factor h (1 − h) is too much: the log loss cancels the slope of the sigmoid": of((h - y) * h * (1 - h)),
        "h is turned into 0 or 1 before y is taken off; the gradient takes the probability itself": of((h > 0.5) - y),
        "your gradient of the bias is missing (db is 0): it is the mean of h − y": {"dw": dw, "db": 0.0},
        "w is added to its gradient: the loss here has no penalty on the weights": {"dw": dw + w},
        "this is a step, the new w, not the gradient: return dw and db": {"dw": w - dw},
        "dw is one number, a mean over everything; X.T @ (h − y) gives one entry a feature": {"dw": dw.mean()},
    }
    if m == n:
        mistakes["X stands where its transpose X.T is asked: a gradient sums over the rows"] = {"dw": X @ (h - y) / m}
    else:
        divided = {"dw": dw * m / n}
        mistakes["the gradient is divided by the number of features n; expected the number of rows m"] = divided
    return mistakes


def compared(answer: Any, m: int, n: int) -> str:
    """The student's gradient beside ours and beside typical mistakes."""
    data = batch_of(m, n)
    return wrong(answer.gradient, data, ours(**data), mistakes_of(**data) if m > 1 else {})


def square(answer: Any) -> str:
    """As many rows as features, so that a forgotten transpose does not stop the program but is recognised."""
    return compared(answer, 3, 3)


def values(answer: Any) -> str:
    """Eight rows of three features."""
    return compared(answer, 8, 3)


def part(name: str) -> Callable[[Any], str]:
    """A check of dw or db alone; the sentence is about both, since one mistake may show in both."""

    def check(answer: Any) -> str:
        data = batch_of(8, 3)
        return "" if compare.alone(name, answer.gradient, data, ours(**data)) else values(answer)

    return check


def direction(answer: Any) -> str:
    """A point for the right direction, whatever the length."""
    data = batch_of(8, 3)
    return "" if compare.parallel(answer.gradient, data, ours(**data)) else values(answer)


def one_row(answer: Any) -> str:
    """What SGD uses; also with one feature alone."""
    sentence = compared(answer, 1, 3) or compared(answer, 1, 1)
    return after("works for 8 rows and fails for a batch of one row", sentence)


def exercise() -> Exercise:
    """Two lines of algebra."""
    return Exercise(
        name="logistic_gradient",
        title="the gradient of logistic regression",
        question=QUESTION,
        functions=(
            Function("gradient(X, y, w, b)", "(dw, db): ∂J/∂w = Xᵀ (h − y) / m, (n,), and ∂J/∂b = mean(h − y)."),
        ),
        hints=HINTS,
        answer=ANSWER,
        checks=(
            Check(1, square),
            Check(3, part("dw")),
            Check(1, part("db")),
            Check(2, lambda answer: values(answer) or one_row(answer)),
            Check(1, direction),
        ),
        relation="Ours are the second and third of three passes: `backward_pass` makes δ = (h − y) / m, "
        "`gradient_pass` makes Xᵀ δ and Σ δ of it, into one flat vector `out`: the weights first, the bias last.",
        put_in_place=put_in_place,
        tests=(
            "tests/test_gradients.py::test_one_row_and_one_class_are_fine",
            "tests/test_gradients.py::test_gradient_and_loss_agree_with_the_formulas_written_out_and_complex_steps",
            "tests/test_gradients.py::test_gradient_agrees_with_finite_differences",
        ),
    )


def put_in_place(answer: Any) -> None:
    """The gradient of every LogisticRegression is the student's."""

    def gradient(model: Any, X: Any, y: Any = None, out: Any = None) -> Any:
        X, y = model.batch(X, y).gathered()
        out = model.xp.empty_like(model.theta) if out is None else out
        out[:-1], out[-1] = answer.gradient(X, y, model.w.copy(), float(model.b[0]))
        return out

    replace_method(LogisticRegression, "gradient", gradient)
