"""σ/√n: how much the gradient of a batch jitters."""

import math
from typing import Any

import numpy as np

from minigrad import LogisticRegression, noise

from ..compare import after, wrong
from ..exercise import Check, Exercise, Function
from ..place import replace, replace_method

QUESTION = """\
Every sample has a gradient of its own, g_i. Their mean is G, the gradient of all rows. The gradient of a batch of n
random rows is a mean of n of them, so it lies near G, but not on it. How far from it?

    g      (m, p)   the gradients of m samples, one a row        G   (p,)   their mean
    tr Σ            (1/m) Σ_i ‖g_i − G‖²: the mean squared distance of a sample's gradient from G, one number

‖v‖² is the sum of the squares of v's entries. The divisor is m, not m − 1: these m samples are all there are.
A mean of n independent draws has a variance that is n times smaller. Its distance from G is typically

    √(tr Σ / n)     the σ/√n of statistics: a batch four times as large jitters half as much

Write both.

    >>> g = np.array([[1.0, 0.0], [3.0, 2.0]])
    >>> float(noise_trace(g))
    2.0
    >>> float(noise_std(2.0, n=8))
    0.5
"""

HINTS = (
    "G is g.mean(axis=0), (p,). Then g - G takes it off every row.",
    "Square all entries, add up each row (axis=1), and take the mean over the rows.",
    "noise_std: n stands under the root, together with tr Σ. It is not √(tr Σ) / n.",
)

ANSWER = """\
def noise_trace(g):
    return ((g - g.mean(axis=0)) ** 2).sum() / len(g)


def noise_std(trace, n):
    return np.sqrt(trace / n)
"""


def gradients_and_trace(m: int) -> tuple[Any, float]:
    """The gradients of m samples, (m, 3), and tr Σ by the real code."""
    rng = np.random.default_rng(1)
    model, X, y = LogisticRegression(2, rng=rng), rng.standard_normal((m, 2)) + 1, (np.arange(m) % 4 == 1).astype(int)
    return model.sample_gradients(X, y), noise.gradient_noise(model, X, y).trace


def trace(answer: Any) -> str:
    """Eight gradients of three entries."""
    g, tr = gradients_and_trace(8)
    (m, p), G = g.shape, g.mean(axis=0)
    mistakes = {
        "the divisor is m − 1; expected m, since these samples are all there are": tr * m / (m - 1),
        "G is not taken off: this is the mean of ‖g_i‖², not of ‖g_i − G‖²": (g**2).sum() / m,
        "this is ‖G‖²; the squared distance of the rows from G is asked": G @ G,
        f"the sum over the samples is not divided by m = {m}: take the mean over the rows": tr * m,
        f"the mean is taken over the p = {p} entries too: add up the squares of a row, and take the mean over rows": tr
        / p,
        "the root is too much: tr Σ is a mean of squares": math.sqrt(tr),
        "this adds up the standard deviations of the entries; expected their variances": g.std(axis=0).sum(),
        "noise_trace returns one number for each entry of the gradient; add them up": g.var(axis=0),
        "noise_trace returns one number for each sample; take the mean over the rows": ((g - G) ** 2).sum(axis=1),
        "this is Σ itself, (p, p); its trace, the sum of the diagonal, is asked": (g - G).T @ (g - G) / m,
        "the mean is taken along the rows (axis=1); G is the mean over the samples, axis=0": (
            (g - g.mean(axis=1, keepdims=True)) ** 2
        ).sum()
        / m,
        "this is the variance of all entries about one mean; G has a mean for each entry, axis=0": g.var(),
        "one mean of all entries is taken off; G has its own mean for each entry: axis=0": ((g - g.mean()) ** 2).sum()
        / m,
        "the distances are not squared: ‖g_i − G‖² is asked": np.linalg.norm(g - G, axis=1).mean(),
        "the deviations are added up before they are squared": ((g - G).sum(axis=1) ** 2).mean(),
        "absolute values are added up; ‖v‖² is the sum of the squares": abs(g - G).sum() / m,
        "this is ‖G‖² − mean ‖g_i‖²: the sign is wrong": -tr,
    }
    named = {sentence: {"noise_trace": value} for sentence, value in mistakes.items()}
    return wrong(answer.noise_trace, {"g": g}, {"noise_trace": tr}, named)


def one_row(answer: Any) -> str:
    """A single sample has no noise."""
    g, tr = gradients_and_trace(1)
    sentence = wrong(answer.noise_trace, {"g": g}, {"noise_trace": round(tr, 12)})
    return after("a single sample has the noise 0", sentence)


def std(answer: Any) -> str:
    """√(tr Σ / n)."""
    tr, n = 2.7, 12
    right = noise.GradientNoise(np.zeros(1), tr).std(n)
    mistakes = {
        "n stands outside the root: √(tr Σ / n), not √(tr Σ) / n": math.sqrt(tr) / n,
        "the root is missing: tr Σ / n is a variance": tr / n,
        "it grows with n: divide by n": math.sqrt(tr * n),
        "tr Σ stands outside the root: √(tr Σ / n), not tr Σ / √n": tr / math.sqrt(n),
        "n is not used: a mean of n draws jitters less": math.sqrt(tr),
        "the divisor is n − 1; a mean of n draws has 1/n of the variance": math.sqrt(tr / (n - 1)),
        "n and tr Σ have changed places": math.sqrt(n / tr),
        "the root of n is taken twice": math.sqrt(tr / math.sqrt(n)),
        "tr Σ is squared: it is a variance already": tr / math.sqrt(n) * math.sqrt(tr),
    }
    named = {sentence: {"noise_std": value} for sentence, value in mistakes.items()}
    return wrong(answer.noise_std, {"trace": tr, "n": n}, {"noise_std": right}, named)


def exercise() -> Exercise:
    """The spread of a mean."""
    return Exercise(
        name="noise",
        title="σ/√n, the jitter of a batch's gradient",
        question=QUESTION,
        functions=(
            Function("noise_trace(g)", "tr Σ = (1/m) Σ_i ‖g_i − G‖², one number, of gradients g (m, p)."),
            Function("noise_std(trace, n)", "√(tr Σ / n): how far the mean of n independent draws lies from G."),
        ),
        hints=HINTS,
        answer=ANSWER,
        checks=(
            Check(4, trace),
            Check(1, lambda answer: trace(answer) or one_row(answer)),
            Check(3, std, "noise_std"),
        ),
        relation="Ours finds tr Σ without the table g: it is mean ‖g_i‖² − ‖G‖², and ‖g_i‖² is a product of norms.",
        put_in_place=put_in_place,
        tests=tuple(
            f"tests/test_noise.py::{name}"
            for name in (
                "test_noise_is_the_spread_of_the_sample_gradients",
                "test_noise_by_hand",
                "test_one_row_has_no_noise",
                "test_a_mean_of_independent_draws_spreads_as_std_says",
            )
        ),
    )


def put_in_place(answer: Any) -> None:
    """The student's two functions behind the real ones."""

    def gradient_noise(model: Any, X: Any, y: Any = None) -> noise.GradientNoise:
        g = model.sample_gradients(X, y)
        return noise.GradientNoise(g.mean(axis=0), float(answer.noise_trace(g.astype(float))))

    def std(self: noise.GradientNoise, n: int) -> float:
        return float(answer.noise_std(self.trace, n))

    replace(noise.gradient_noise, gradient_noise)
    replace_method(noise.GradientNoise, "std", std)
