"""What a student might write: right answers, each in the plainest form, and how a file is made of them."""

import numpy as np

from experiments.exercises import marking
from experiments.exercises.exercise import load

RIGHT = {
    "sigmoid": """
def sigmoid(z):
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-abs(z)))
""",
    "log_loss": """
def one_sample_loss(h, y):
    return -np.log(np.where(y == 1, h, 1 - h))


def one_sample_loss_as_printed(h, y):
    return one_sample_loss(h, y) + np.where(y == 1, 0, -np.log(h))


def log_loss(h, y):
    return one_sample_loss(h, y).mean()
""",
    "logistic_gradient": """
def gradient(X, y, w, b):
    h = 1 / (1 + np.exp(-(X @ w + b)))
    return X.T @ (h - y) / len(X), (h - y).mean()
""",
    "backpropagation": """
def backpropagation(X, a, h, y, W2):
    delta2 = (h - y) / len(X)
    delta1 = (delta2 @ W2.T) * (1 - a**2)
    return X.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0)
""",
    "batches": """
def batches(n, batch_size, rng=None, drop_last=False):
    order = None if rng is None else rng.permutation(n)
    end = n - n % batch_size if drop_last else n
    for start in range(0, end, batch_size):
        rows = slice(start, min(start + batch_size, n))
        yield rows if rng is None else order[rows]
""",
    "sgd": """
def textbook_epoch(model, X, y, order, learning_rate):
    for i in order:
        model.theta -= learning_rate * model.gradient(X[i : i + 1], y[i : i + 1])


def gradient_descent_step(model, X, y, learning_rate):
    model.theta -= learning_rate * model.gradient(X, y)
""",
    "noise": """
def noise_trace(g):
    return ((g - g.mean(axis=0)) ** 2).sum() / len(g)


def noise_std(trace, n):
    return np.sqrt(trace / n)
""",
    "block": """
def block_deltas(z, gram, y, learning_rate):
    delta = np.zeros(len(z))
    for i in range(len(z)):
        z_i = z[i] - learning_rate * gram[i, :i] @ delta[:i]
        delta[i] = 1 / (1 + np.exp(-z_i)) - y[i]
    return delta
""",
}


def source(lines):
    """A student's file."""
    return f"import numpy as np\n\n{lines}".encode()


def compared(name, lines):
    """The mark of the comparisons, in this process."""
    return marking.marked(load(name), source(lines), "compare")


def changed(name, old, new):
    """The right answer with one thing changed; the old thing must be there."""
    assert old in RIGHT[name], f"{old!r} is not in the answer to {name}"
    return RIGHT[name].replace(old, new)


def namespace(name):
    """The right functions by name."""
    found = {"np": np}
    exec(RIGHT[name], found)
    return found
