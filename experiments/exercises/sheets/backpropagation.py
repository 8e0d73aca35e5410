"""Backpropagation through one hidden layer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import MLP

from .. import compare
from ..compare import after, wrong
from ..exercise import Check, Exercise, Function
from ..place import replace_method

QUESTION = """\
A network with one hidden layer of k units and K outputs goes forward like this:

    a = tanh(X W1 + b1)        h = softmax(a W2 + b2)

    X   (m, n)   samples, one a row       W1  (n, k)   b1  (k,)     a   (m, k)   what the hidden layer gives
    y   (m, K)   labels, a one-hot row    W2  (k, K)   b2  (K,)     h   (m, K)   probabilities of the classes
                 (0 … 1 … 0) a sample

The forward pass is done: X, a, h and y are given. Go backward. J is the mean of the log losses of the m rows, and δ is
the derivative of J by what goes into tanh or softmax:

    δ2 = (h − y) / m                   (m, K)      the 1/m of the mean is inside δ from here on
    δ1 = (δ2 W2ᵀ) ∘ (1 − a²)           (m, k)      ∘ is entry by entry; 1 − a² is the slope of tanh

    ∂J/∂W2 = aᵀ δ2      ∂J/∂b2 = sum of the rows of δ2
    ∂J/∂W1 = Xᵀ δ1      ∂J/∂b1 = sum of the rows of δ1

Write a function that returns the four gradients, each in the shape of what it is the gradient of.

    >>> X, a, W2 = np.array([[1.0, 2.0]]), np.array([[0.5]]), np.array([[1.0, -1.0]])
    >>> h, y = np.array([[0.75, 0.25]]), np.array([[1.0, 0.0]])
    >>> dW1, db1, dW2, db2 = backpropagation(X, a, h, y, W2)
    >>> dW1, db1
    (array([[-0.375],
           [-0.75 ]]), array([-0.375]))
    >>> dW2, db2
    (array([[-0.125,  0.125]]), array([-0.25,  0.25]))
"""

HINTS = (
    "Write the four shapes down first. dW2 has the shape of W2, (k, K): only a.T @ delta2, (k, m) @ (m, K), gives it.",
    "delta2 @ W2.T is (m, K) @ (K, k) -> (m, k): what each hidden unit has to do with the error. Then multiply, entry "
    "by entry (*), with the slope 1 - a**2. a is tanh(z) already: do not take tanh again.",
    "db is a sum over the rows, delta.sum(axis=0), and not a mean: the 1/m is in δ already.",
)

ANSWER = """\
def backpropagation(X, a, h, y, W2):
    delta2 = (h - y) / len(X)
    delta1 = (delta2 @ W2.T) * (1 - a**2)
    return X.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0)
"""

NAMES = ("dW1", "db1", "dW2", "db2")


def network(m: int, n: int, k: int, K: int, seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the student's function is given, and the gradients of the real network."""
    rng = np.random.default_rng(seed)
    model = MLP((n, k, K), activation="tanh", rng=rng)
    model.theta += 0.3 * rng.standard_normal(model.n_parameters)
    X, labels = rng.standard_normal((m, n)), np.arange(m) % K
    activations, _ = model.forward_pass(X)
    (_, _), (W2, _) = model.layers
    given = {"X": X, "a": activations[1].copy(), "h": model.forward(X), "y": np.eye(K)[labels], "W2": W2.copy()}
    (dW1, db1), (dW2, db2) = model.layer_views(model.gradient(X, labels))
    return given, dict(zip(NAMES, (dW1, db1, dW2, db2)))


def gradients(X: Any, a: Any, delta2: Any, delta1: Any) -> dict[str, Any]:
    """The four gradients of given δ, for typical mistakes in them."""
    return dict(zip(NAMES, (X.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0))))


def mistakes_of(given: dict[str, Any], right: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What typical mistakes give."""
    X, a, h, y, W2 = given.values()
    m = len(X)
    delta2 = (h - y) / m
    back = delta2 @ W2.T
    output = {name: right[name] for name in ("dW2", "db2")}
    return {
        f"all gradients are m = {m} times too large: δ2 = (h − y) / m, and the 1/m is missing": {
            name: m * value for name, value in right.items()
        },
        "all gradients have the wrong sign: δ2 starts with h − y, not y − h": {n: -value for n, value in right.items()},
        f"db1 and db2 are m = {m} times too small: the 1/m is in δ already, so sum its rows, and take no mean": {
            "db1": right["db1"] / m,
            "db2": right["db2"] / m,
        },
        "all gradients are divided by m twice: the 1/m is in δ already": {n: value / m for n, value in right.items()},
        "the slope of tanh is missing in δ1: multiply δ2 W2ᵀ with 1 − a²": output | gradients(X, a, delta2, back),
        "a (1 − a) is the slope of the sigmoid; the slope of tanh is 1 − a²": output
        | gradients(X, a, delta2, back * a * (1 - a)),
        "1 − a stands where 1 − a² is asked": output | gradients(X, a, delta2, back * (1 - a)),
        "tanh is taken a second time: a is tanh(z) already, so its slope is 1 − a²": output
        | gradients(X, a, delta2, back * (1 - np.tanh(a) ** 2)),
        "a > 0 is the slope of relu; the hidden layer here has tanh, with the slope 1 − a²": output
        | gradients(X, a, delta2, back * (a > 0)),
        "δ2 W2ᵀ is multiplied with a, not with the slope 1 − a²": output | gradients(X, a, delta2, back * a),
        "the slope 1 − a² is taken twice": output | gradients(X, a, delta2, back * (1 - a**2) ** 2),
        "the slope is 1 + a²; expected 1 − a²": output | gradients(X, a, delta2, back * (1 + a**2)),
        f"dW1 and db1 are m = {m} times too large: δ1 is made from h − y, and not from δ2, which has the 1/m": output
        | {"dW1": m * right["dW1"], "db1": m * right["db1"]},
        "h (1 − h) is too much in δ2: the log loss cancels the slope of softmax": {
            "dW2": a.T @ (delta2 * h * (1 - h)),
        },
        "the gradients of the biases are missing (db1 and db2 are 0): they are the sums of the rows of δ": {
            "db1": np.zeros_like(right["db1"]),
            "db2": np.zeros_like(right["db2"]),
        },
        "y is missing in δ2 = (h − y) / m": {"dW2": a.T @ h / m},
    }


def all_layers(answer: Any) -> str:
    """All four, of eight rows."""
    given, right = network(8, 3, 5, 4)
    return wrong(answer.backpropagation, given, right, mistakes_of(given, right))


def part(name: str) -> Callable[[Any], str]:
    """A check of one of the four alone; the sentence is about all, since one mistake shows in several."""

    def check(answer: Any) -> str:
        given, right = network(8, 3, 5, 4)
        return "" if compare.alone(name, answer.backpropagation, given, right) else all_layers(answer)

    return check


def square(answer: Any) -> str:
    """All sizes alike, so that a forgotten transpose does not stop the program but is recognised."""
    given, right = network(4, 4, 4, 4, seed=1)
    X, a, h, y, W2 = given.values()
    delta2, slope = (h - y) / 4, 1 - a**2
    delta1 = (delta2 @ W2.T) * slope
    mistakes = {
        "W2 stands where its transpose is asked: δ1 = (δ2 W2ᵀ) ∘ (1 − a²)": gradients(
            X, a, delta2, (delta2 @ W2) * slope
        ),
        "a stands where its transpose is asked: ∂J/∂W2 = aᵀ δ2": {"dW2": a @ delta2},
        "X stands where its transpose is asked: ∂J/∂W1 = Xᵀ δ1": {"dW1": X @ delta1},
        "∂J/∂W1 takes what goes into the first layer, X, and not a": {"dW1": a.T @ delta1},
        "dW2 is transposed: ∂J/∂W2 = aᵀ δ2, not δ2ᵀ a": {"dW2": delta2.T @ a},
        "dW1 is transposed: ∂J/∂W1 = Xᵀ δ1, not δ1ᵀ X": {"dW1": delta1.T @ X},
        "db1 and db2 are summed along each row (axis=1); expected the sum of the rows (axis=0)": {
            "db1": delta1.sum(axis=1),
            "db2": delta2.sum(axis=1),
        },
        "dW1 and dW2 are transposed: ∂J/∂W = aᵀ δ, not δᵀ a": {"dW1": delta1.T @ X, "dW2": delta2.T @ a},
        "* stands where @ is asked: ∂J/∂W1 = Xᵀ δ1 is a product of matrices": {"dW1": X.T * delta1},
        "* stands where @ is asked: ∂J/∂W2 = aᵀ δ2 is a product of matrices": {"dW2": a.T * delta2},
        "db2 is summed along each row (axis=1); expected the sum of the rows (axis=0)": {"db2": delta2.sum(axis=1)},
        "db1 is summed along each row (axis=1); expected the sum of the rows (axis=0)": {"db1": delta1.sum(axis=1)},
        "the hidden error is multiplied with the slope as matrices (@); expected entry by entry (*)": {
            "dW1": X.T @ (delta2 @ W2.T @ slope)
        },
    }
    return wrong(answer.backpropagation, given, right, mistakes_of(given, right) | mistakes)


def one_row(answer: Any) -> str:
    """A batch of one row, and one through a single hidden unit."""
    for sizes in ((1, 3, 5, 4), (1, 2, 1, 2)):
        given, right = network(*sizes, seed=2)
        sentence = wrong(answer.backpropagation, given, right)
        if sentence:
            return after("works for 8 rows and fails for a batch of one row", sentence)
    return ""


def exercise() -> Exercise:
    """Four gradients."""
    docstring = "(dW1, db1, dW2, db2): ∂J/∂W1 (n, k), ∂J/∂b1 (k,), ∂J/∂W2 (k, K), ∂J/∂b2 (K,)."
    return Exercise(
        name="backpropagation",
        title="backpropagation through one hidden layer",
        question=QUESTION,
        functions=(Function("backpropagation(X, a, h, y, W2)", docstring),),
        hints=HINTS,
        answer=ANSWER,
        checks=(
            Check(1, square),
            Check(1, part("dW2")),
            Check(1, part("db2")),
            Check(2, part("dW1")),
            Check(1, part("db1")),
            Check(2, lambda answer: all_layers(answer) or one_row(answer)),
        ),
        relation="Ours go through any number of layers: `backward_pass` makes every δ, `gradient_pass` every aᵀ δ, and "
        "`out=` writes into arrays that are kept from batch to batch.",
        put_in_place=put_in_place,
        tests=(
            "tests/test_per_sample.py::test_mlp_epoch_is_the_loop_written_out[1-tanh-textbook]",
            "tests/test_per_sample.py::test_mlp_epoch_is_the_loop_written_out[3-tanh-textbook]",
            "tests/test_gradients.py::test_gradient_and_loss_agree_with_the_formulas_written_out_and_complex_steps",
        ),
    )


def put_in_place(answer: Any) -> None:
    """The gradient of every network with one hidden layer of tanh is the student's; others keep ours."""
    ours = MLP.gradient

    def gradient(model: Any, X: Any, y: Any = None, out: Any = None) -> Any:
        if len(model.layers) != 2 or model.activation != "tanh":
            return ours(model, X, y, out)
        X, y = model.batch(X, y).gathered()
        out = model.xp.empty_like(model.theta) if out is None else out
        a, _ = model.forward_pass(X)
        h = model.forward(X).reshape(len(X), -1)
        y = y[:, None].astype(model.dtype) if model.n_outputs == 1 else np.eye(model.n_outputs, dtype=model.dtype)[y]
        dW1, db1, dW2, db2 = answer.backpropagation(X, a[1].copy(), h, y, model.layers[1][0].copy())
        out[...] = np.concatenate([np.ravel(dW1), db1, np.ravel(dW2), db2])
        return out

    replace_method(MLP, "gradient", gradient)
