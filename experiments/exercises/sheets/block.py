"""The block trick of the fast path: SGD one sample at a time, without touching θ at each."""

from typing import Any

import numpy as np

from minigrad import LogisticRegression
from minigrad.functions import sigmoid
from minigrad.per_sample import textbook_epoch, upper_layers

from ..compare import after, is_close, wrong
from ..exercise import Check, Exercise, Function
from ..place import replace
from ..stopped import call, guarded

QUESTION = """\
SGD one sample at a time reads and writes the whole of θ at every sample. That is slow where θ is large. The trick: take
a block of m samples that follow each other, and find all their δ first; then change θ once for the whole block.

Here for logistic regression. x̃_i = (x_i, 1) is row i with a 1 for the bias, so its logit is x̃_i · θ. When its turn
comes, each sample j before it has changed θ by −η δ_j x̃_j. So its logit is no longer z_i, that of the block's start:

    z_i − η Σ_{j<i} (x̃_i · x̃_j) δ_j          and   δ_i = sigmoid(that) − y_i

All that is needed can be computed before the block begins:

    z     (m,)     the logits of the m samples at the block's start
    gram  (m, m)   gram[i, j] = x̃_i · x̃_j
    y     (m,)     labels, 0 or 1
    learning_rate  η

Write a function that goes through the samples in order and returns δ (m,), and write the sigmoid yourself: the file
imports NumPy alone. θ itself is not needed. After the block θ ← θ − η X̃ᵀ δ is one matrix product; it is not part of
this exercise.

    >>> z, gram, y = np.zeros(2), np.full((2, 2), 2.0), np.array([1, 1])
    >>> block_deltas(z, gram, y, learning_rate=1.0).round(4)
    array([-0.5   , -0.2689])
"""

HINTS = (
    "Make delta = np.zeros(m) and fill it in a loop over i: delta[i] needs delta[0] … delta[i - 1] only.",
    "The sum over j < i is gram[i, :i] @ delta[:i]. For i = 0 it is empty, which gives 0.",
    "As long as delta[i:] is still 0, gram[i] @ delta is the same sum: the zeros add nothing.",
)

ANSWER = """\
def block_deltas(z, gram, y, learning_rate):
    delta = np.zeros(len(z))
    for i in range(len(z)):
        z_i = z[i] - learning_rate * gram[i, :i] @ delta[:i]
        delta[i] = 1 / (1 + np.exp(-z_i)) - y[i]
    return delta
"""
RATE = 0.4


def block(m: int = 7, seed: int = 0) -> dict[str, Any]:
    """What the student's function is given, from rows of a real model."""
    X, y, model = rows_and_model(m, seed)
    X_tilde = np.column_stack([X, np.ones(m)])
    return {"z": X_tilde @ model.theta, "gram": X_tilde @ X_tilde.T, "y": y, "learning_rate": RATE}


def rows_and_model(m: int, seed: int) -> tuple[Any, Any, Any]:
    """Rows, labels, and a model at a random θ."""
    rng = np.random.default_rng(seed)
    model = LogisticRegression(3, rng=rng)
    model.b[:] = 0.5
    return rng.standard_normal((m, 3)), np.arange(m) % 3 % 2, model


def ours(z: Any, gram: Any, y: Any, learning_rate: float) -> Any:
    """δ by the real fast path, which has none above the first layer here."""
    above = upper_layers.UpperLayers(LogisticRegression(1), [], learning_rate)
    return upper_layers.in_sequence(z[:, None], gram, y.tolist(), learning_rate, above)[:, 0]


def error_of(z: float, label: int) -> float:
    """sigmoid(z) − y."""
    return float(sigmoid(np.array([z]))[0]) - label


def looped(z: Any, y: Any, change: Any, error: Any = error_of) -> Any:
    """δ by a loop in which `change(i, delta)` is added to z_i, for typical mistakes in it."""
    delta = np.zeros(len(z))
    for i in range(len(z)):
        delta[i] = error(z[i] + change(i, delta), y[i])
    return delta


def mistakes_of(z: Any, gram: Any, y: Any, learning_rate: float, delta: Any) -> dict[str, Any]:
    """What typical mistakes give."""
    start, rate = sigmoid(z) - y, learning_rate

    def loop(change: Any, error: Any = error_of) -> Any:
        return looped(z, y, change, error)

    def right(i: int, d: Any) -> Any:
        return -rate * gram[i, :i] @ d[:i]

    m = len(z)
    return {
        "every δ is that of the block's start, which is GD: the samples before i have changed z_i": start,
        "the sum is added; each sample before i changes z_i by minus η …": loop(
            lambda i, d: rate * gram[i, :i] @ d[:i]
        ),
        "the learning rate η is missing before the sum": loop(lambda i, d: -gram[i, :i] @ d[:i]),
        "the learning rate η is there twice": loop(lambda i, d: -(rate**2) * gram[i, :i] @ d[:i]),
        "the sum takes the δ of the block's start; expected those that the loop has found": sigmoid(
            z - rate * np.tril(gram, -1) @ start
        )
        - y,
        "the sum runs over all j with the δ of the block's start; expected j < i, and the δ that the loop has found": (
            sigmoid(z - rate * gram @ start) - y
        ),
        "only the sample before i is in the sum; expected all j < i": loop(
            lambda i, d: -rate * gram[i, i - 1] * d[i - 1] if i else 0.0
        ),
        "gram is not used: the sum takes (x̃_i · x̃_j) δ_j": loop(lambda i, d: -rate * d[:i].sum()),
        "x̃_i · x̃_i stands where x̃_i · x̃_j is asked": loop(lambda i, d: -rate * gram[i, i] * d[:i].sum()),
        f"the sum is divided by m = {m}: SGD takes no mean": loop(lambda i, d: -rate * gram[i, :i] @ d[:i] / m),
        "δ has the wrong sign: it is sigmoid(…) − y": loop(right, lambda z, label: -error_of(z, label)),
        "y stands in the sum where δ is asked": loop(lambda i, d: -rate * gram[i, :i] @ y[:i]),
        "this is sigmoid(…) alone: y is not taken off": loop(right, lambda z, label: error_of(z, 0)),
        "the sigmoid is missing: δ_i = sigmoid(…) − y_i": loop(right, lambda z, label: z - label),
        "the first sample before i is missing in the sum: j starts at 0": loop(
            lambda i, d: -rate * gram[i, 1:i] @ d[1:i]
        ),
        "the sample directly before i is missing in the sum: gram[i, :i] ends at i − 1": loop(
            lambda i, d: -rate * gram[i, : max(i - 1, 0)] @ d[: max(i - 1, 0)]
        ),
        "only the first δ is there: does return stand inside the loop?": np.where(np.arange(m) == 0, delta, 0),
        "y is taken off inside the sigmoid: δ_i = sigmoid(…) − y_i": loop(
            right, lambda z, label: error_of(z - label, 0)
        ),
        "δ is multiplied with the learning rate; expected sigmoid(…) − y alone": rate * delta,
    }


def values(answer: Any) -> str:
    """Seven samples."""
    data = block()
    delta = ours(**data)
    named = {sentence: {"delta": value} for sentence, value in mistakes_of(**data, delta=delta).items()}
    return wrong(answer.block_deltas, data, {"delta": delta}, named)


def first_sample(answer: Any) -> str:
    """A point for δ_0, which needs no sum."""
    data = block()
    result = call(answer.block_deltas, *data.values())
    known = np.ndim(result) == 1 and is_close(np.asarray(result, float)[:1], ours(**data)[:1])
    return "" if known else values(answer)


def one_sample(answer: Any) -> str:
    """A block of one."""
    data = block(1, seed=1)
    return after(
        "works for 7 samples and fails for a block of one", wrong(answer.block_deltas, data, {"delta": ours(**data)})
    )


def as_the_loop(answer: Any) -> str:
    """θ − η X̃ᵀ δ is where the textbook's loop ends."""
    X, y, model = rows_and_model(5, seed=2)
    theta, data = model.theta.copy(), block(5, seed=2)
    textbook_epoch(model, X, y, range(5), RATE)

    def theta_of(delta: Any) -> Any:
        return theta - RATE * np.column_stack([X, np.ones(5)]).T @ np.asarray(delta, float)

    def ends(*arguments: Any) -> Any:
        return theta_of(answer.block_deltas(*arguments))

    return after("after the block θ is not where the loop of SGD ends", wrong(ends, data, {"theta": model.theta}))


def exercise() -> Exercise:
    """Row by row, from two matrix products."""
    return Exercise(
        name="block",
        title="the block trick of the fast path",
        question=QUESTION,
        functions=(
            Function(
                "block_deltas(z, gram, y, learning_rate)",
                "δ (m,): δ_i = sigmoid(z_i − η Σ_{j<i} gram[i, j] δ_j) − y_i, for i = 0, 1, … one after the other.",
            ),
        ),
        hints=HINTS,
        answer=ANSWER,
        checks=(
            Check(4, values),
            Check(1, lambda answer: values(answer) or one_sample(answer)),
            Check(2, lambda answer: values(answer) or as_the_loop(answer)),
            Check(1, guarded(first_sample)),
        ),
        relation="Ours does it for a first layer of any width, where δ_i is a row and comes from the layers above "
        "(`update`); here there are none, and `update` is sigmoid(z) − y.",
        put_in_place=put_in_place,
        tests=("tests/test_per_sample.py::test_blocks_of_any_length_make_the_same_updates",),
    )


def put_in_place(answer: Any) -> None:
    """The student's δ where one output is all there is; ours for networks."""
    ours = upper_layers.in_sequence

    def in_sequence(Z: Any, gram: Any, labels: Any, learning_rate: float, above: Any) -> Any:
        if above.layers or Z.shape[1] > 1:
            return ours(Z, gram, labels, learning_rate, above)
        delta = answer.block_deltas(Z[:, 0].copy(), gram.copy(), np.array(labels), learning_rate)
        return np.asarray(delta, Z.dtype).reshape(-1, 1)

    replace(upper_layers.in_sequence, in_sequence)
