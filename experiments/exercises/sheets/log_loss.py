"""The log loss of one output, and the slip of the text."""

from typing import Any

import numpy as np

from minigrad import losses

from ..compare import after, wrong
from ..exercise import Check, Exercise
from ..marker import function_of
from ..place import replace

QUESTION = """\
h (m,) are probabilities of class 1, y (m,) the labels, 0 or 1. The loss of one sample is

    J_i = −[ y_i log h_i + (1 − y_i) log(1 − h_i) ]

with the natural logarithm, np.log. The loss of a batch is the mean of the m losses:

    J = −(1/m) Σ_i [ y_i log h_i + (1 − y_i) log(1 − h_i) ]

The article that this project is about prints the loss of one sample with a slip. The first y_i is missing:

    −[ log h_i + (1 − y_i) log(1 − h_i) ]

Write all three. Two of them return one loss a sample, (m,); `log_loss` returns one number.
A sample that is certain and right (h = 1 and y = 1, or h = 0 and y = 0) has the loss 0: 0 · log 0 counts as 0.
A sample that is certain and wrong has the loss ∞. That is right: do not clip. NumPy's warnings do not count here.

    >>> h, y = np.array([0.5, 0.8, 0.1]), np.array([1, 1, 0])
    >>> one_sample_loss(h, y).round(4)
    array([0.6931, 0.2231, 0.1054])
    >>> one_sample_loss_as_printed(h, y).round(4)
    array([0.6931, 0.2231, 2.4079])
    >>> round(float(log_loss(h, y)), 4)
    0.3406
"""

HINTS = (
    "y is 0 or 1, so one of the two terms is always 0: for y = 1 the loss is −log h, for y = 0 it is −log(1 − h).",
    "For NumPy 0 · log 0 is nan. First take the probability of the true class, np.where(y == 1, h, 1 - h). Then take "
    "the logarithm of it alone.",
    "As printed, a sample with y = 0 gets −log h in addition. One with y = 1 stays as it is.",
)

ANSWER = """\
def one_sample_loss(h, y):
    return -np.log(np.where(y == 1, h, 1 - h))


def one_sample_loss_as_printed(h, y):
    return one_sample_loss(h, y) + np.where(y == 1, 0, -np.log(h))


def log_loss(h, y):
    return one_sample_loss(h, y).mean()
"""

H, Y = np.array([0.5, 0.8, 0.1, 0.3, 0.9, 0.6, 0.25, 0.7]), np.array([1, 1, 0, 1, 0, 0, 0, 1])


def one_sample(answer: Any) -> str:
    """The loss of each of eight samples."""
    log_h, log_rest, J = np.log(H), np.log(1 - H), losses.one_sample_loss(H, Y)
    mistakes = {
        "the minus is missing: a loss is never negative": -J,
        "this is the printed formula with its slip: the first logarithm has the factor y": J - (1 - Y) * log_h,
        "the second term is missing: for y = 0 the loss is −log(1 − h)": -Y * log_h,
        "the first term is missing: for y = 1 the loss is −log h": -(1 - Y) * log_rest,
        "the factor 1 − y is missing before the second logarithm": -(Y * log_h + log_rest),
        "y and 1 − y have changed places": -((1 - Y) * log_h + Y * log_rest),
        "log h is taken for every sample: for y = 0 the probability of the true class is 1 − h": -log_h,
        "the logarithm has base 2; expected the natural one, np.log": J / np.log(2),
        "the logarithm has base 10; expected the natural one, np.log": J / np.log(10),
        "this is the squared error (h − y)²; the log loss is asked": (H - Y) ** 2,
        "this is the distance |h − y|; the log loss is asked": abs(H - Y),
        "the loss of one sample is divided by m: only the loss of the batch is a mean": J / len(H),
        "one_sample_loss returns one number for all rows; expected the loss of each row, (m,)": J.mean(),
        "one_sample_loss returns the sum over the rows; expected the loss of each row, (m,)": J.sum(),
        "the second term has the wrong sign: one minus stands before both, −[ … + … ]": -(
            Y * log_h - (1 - Y) * log_rest
        ),
        "1-y*np.log(…) multiplies first: put 1 − y in brackets": -(Y * log_h + 1 - Y * log_rest),
        "1-y*np.log(…) multiplies first: put 1 − y in brackets, and the sum, too": -Y * log_h + 1 - Y * log_rest,
    }
    named = {sentence: {"one_sample_loss": value} for sentence, value in mistakes.items()}
    return wrong(answer.one_sample_loss, {"h": H, "y": Y}, {"one_sample_loss": J}, named)


def certain(answer: Any) -> str:
    """Probabilities 0 and 1."""
    h, right, other = np.array([1.0, 0.0]), np.array([1, 0]), np.array([0, 1])
    if wrong(answer.one_sample_loss, {"h": h, "y": other}, {"loss": np.full(2, np.inf)}):
        return "a sample that is certain and wrong has the loss ∞: do not clip h, and add nothing to it"
    zero = wrong(answer.one_sample_loss, {"h": h, "y": right}, {"loss": np.zeros(2)}, {NAN: {"loss": [np.nan] * 2}})
    return zero if zero in ("", NAN) else f"a sample that is certain and right has the loss 0: {zero}"


NAN = "where h is exactly 0 or 1 the loss is nan: for NumPy 0 · log 0 is nan, so take only the logarithm that counts"


def as_printed(answer: Any) -> str:
    """The slip."""
    J, printed = losses.one_sample_loss(H, Y), losses.one_sample_loss_as_printed(H, Y)
    name = "one_sample_loss_as_printed"
    mistakes = {
        f"{name} is the right loss; as printed there is no factor y, so a sample with y = 0 gets −log h in addition": J,
        f"{name} has lost its minus": -printed,
        f"{name} has lost the second factor, 1 − y, too; it is only the first, y, that is missing": -np.log(H)
        - np.log(1 - H),
        f"{name} returns one number; expected the loss of each row, (m,)": printed.mean(),
        f"{name} holds only the term that the slip adds": printed - J,
        f"the second term of {name} has the wrong sign: one minus stands before both": -np.log(H)
        + (1 - Y) * np.log(1 - H),
        f"{name} has lost the factor 1 − y; the slip is that the factor y is missing": -(Y * np.log(H) + np.log(1 - H)),
    }
    named = {sentence: {name: value} for sentence, value in mistakes.items()}
    return wrong(answer.one_sample_loss_as_printed, {"h": H, "y": Y}, {name: printed}, named)


def batch(answer: Any) -> str:
    """The mean, of eight rows and of one."""
    J = losses.one_sample_loss(H, Y)
    mistakes = {
        "log_loss is a sum over the rows; J is the mean: divide by the number of rows m": J.sum(),
        "log_loss is the mean of the printed losses; J has the factor y": losses.one_sample_loss_as_printed(
            H, Y
        ).mean(),
        "log_loss returns one value a row; expected one number, the mean": J,
        "log_loss divides by m − 1; expected the mean over the m rows": J.sum() / (len(J) - 1),
        "log_loss has lost its minus": -J.mean(),
        "log_loss takes the mean twice: it is divided by m once too often": J.mean() / len(J),
        "log_loss is the median of the losses; expected the mean": np.median(J),
    }
    named = {sentence: {"log_loss": value} for sentence, value in mistakes.items()}
    sentence = wrong(answer.log_loss, {"h": H, "y": Y}, {"log_loss": J.mean()}, named)
    zero = {"loss": 0.0}
    sentence = sentence or wrong(
        answer.log_loss,
        {"h": np.array([1.0, 0.0]), "y": np.array([1, 0])},
        zero,
        {f"log_loss: {NAN}": {"loss": np.nan}},
    )
    return sentence or after(
        "log_loss works for 8 rows and fails for a batch of one row",
        wrong(answer.log_loss, {"h": H[:1], "y": Y[:1]}, {"log_loss": J[0]}),
    )


def exercise() -> Exercise:
    """The log loss, three times."""
    return Exercise(
        name="log_loss",
        title="the log loss, and the slip of the text",
        question=QUESTION,
        functions=tuple(
            function_of("log_loss", name) for name in ("one_sample_loss", "one_sample_loss_as_printed", "log_loss")
        ),
        hints=HINTS,
        answer=ANSWER,
        checks=(
            Check(3, one_sample),
            Check(1, lambda answer: one_sample(answer) or certain(answer)),
            Check(2, as_printed),
            Check(2, batch),
        ),
        relation="Ours also take K classes, where h is (m, K), and say which values they refuse.",
        put_in_place=put_in_place,
        tests=tuple(
            f"tests/test_losses.py::{name}"
            for name in (
                "test_binary_losses_are_the_formula_written_out",
                "test_the_slip_adds_exactly_minus_log_h_where_y_is_0",
                "test_the_slip_shows_in_numbers",
                "test_0_log_0_is_0",
            )
        ),
    )


def put_in_place(answer: Any) -> None:
    """The student's three functions for one output; ours for K classes, which were not asked."""
    for name in ("one_sample_loss", "one_sample_loss_as_printed", "log_loss"):
        ours = getattr(losses, name)
        replace(ours, for_one_output(ours, getattr(answer, name)))


def for_one_output(ours: Any, theirs: Any) -> Any:
    """A function that asks `theirs` where h is (m,), and `ours` where it is (m, K)."""

    def loss(h: Any, y: Any) -> Any:
        if np.ndim(h) == 2:
            return ours(h, y)
        with np.errstate(all="ignore"):
            return theirs(np.asarray(h, float), np.asarray(y))

    return loss
