"""The sigmoid, and why the formula of the book overflows."""

import warnings
from typing import Any

import numpy as np

from minigrad import functions

from ..compare import after, wrong
from ..exercise import Check, Exercise
from ..marker import function_of
from ..place import replace
from ..stopped import call

QUESTION = """\
The sigmoid makes a probability h of any number z:

    h = 1 / (1 + e^−z)        z = −∞ gives 0, z = 0 gives 1/2, z = +∞ gives 1

z is an array of any shape, and h has the same shape: every entry on its own.

The formula has a trap. For z = −800 the computer must take e^800, a number with 348 digits, and float64 ends at about
1e308: NumPy warns of an overflow. Multiply the numerator and the denominator by e^z, and the trap moves to z = +800.
Write it so that no z overflows, without a warning, and so that a small h keeps its digits (h at z = −50 is 1.9e-22,
not 0).

    >>> sigmoid(np.array([0.0, 2.0, -2.0])).round(4)
    array([0.5   , 0.8808, 0.1192])
"""

HINTS = (
    "e^x overflows only where x is large and positive. Which exponents are never positive? −|z| is one.",
    "For z ≥ 0 write 1 / (1 + e^−z). For z < 0 write e^z / (1 + e^z). The denominator is 1 + e^−|z| in both.",
    "The numerator is 1 for z ≥ 0 and e^z for z < 0: that is e^min(z, 0), with np.minimum(z, 0).",
)

ANSWER = """\
def sigmoid(z):
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-abs(z)))
"""

Z = np.linspace(-3, 3, 8)


def values(answer: Any) -> str:
    """Eight moderate z."""
    e, h = np.exp(Z), functions.sigmoid(Z)
    mistakes = {
        "h is 1 − h: the exponent must be −z, not z": 1 - h,
        "this is tanh(z), which runs from −1 to 1; the sigmoid runs from 0 to 1": np.tanh(Z),
        "this is 1 / (1 − e^−z): the denominator is a sum, 1 + e^−z": 1 / (1 - 1 / e),
        "this is h (1 − h), the slope of the sigmoid; the sigmoid itself is asked": h * (1 - h),
        "this is the sigmoid of 2z: tanh(z / 2) belongs in (1 + tanh) / 2, not tanh(z)": functions.sigmoid(2 * Z),
        "h is right for z ≥ 0 only: for z < 0 the numerator is e^z, not 1": 1 / (1 + np.exp(-abs(Z))),
        "h is right for z ≤ 0 only: for z > 0 the numerator is 1, not e^z": np.exp(-abs(Z)) / (1 + np.exp(-abs(Z))),
        "this divides by the sum of all entries, which is softmax; here every entry stands on its own": e / e.sum(),
        "this is only the denominator 1 + e^−z; h is 1 divided by it": 1 + 1 / e,
        "this is e^−z; h is 1 / (1 + e^−z)": 1 / e,
        "this is the step from 0 to 1; the sigmoid rises smoothly": (Z > 0).astype(float),
    }
    finite = {sentence: {"h": value} for sentence, value in mistakes.items()}
    return wrong(answer.sigmoid, {"z": Z}, {"h": h}, finite)


def shapes_and_dtypes(answer: Any) -> str:
    """A table, and float32."""
    table = np.linspace(-2, 2, 6).reshape(2, 3)
    sentence = after(
        "works for a vector and fails for a table (2, 3)",
        wrong(answer.sigmoid, {"z": table}, {"h": functions.sigmoid(table)}),
    )
    if sentence:
        return sentence
    dtype = getattr(call(answer.sigmoid, Z.astype(np.float32)), "dtype", None)
    return "" if dtype == np.float32 else f"float32 comes in and {dtype} comes out; expected float32"


def large(answer: Any) -> str:
    """z = ±800, and infinite."""
    z = np.array([-800.0, 800.0, -np.inf, np.inf])
    h = [0.0, 1.0, 0.0, 1.0]
    names = ("z = −800", "z = +800", "z = −∞", "z = +∞")
    for k, name in enumerate(names):
        found = float(np.asarray(call(answer.sigmoid, z[k : k + 1]), float).ravel()[0])
        if not np.isfinite(found):
            return f"at {name} h is {found:g}, expected {h[k]:g}: e^x overflows to ∞ there, and ∞ / ∞ is nan"
        if abs(found - h[k]) > np.finfo(float).tiny:
            return f"at {name} h is {found:.6g}, expected {h[k]:g}: do not clip z"
    return ""


def digits(answer: Any) -> str:
    """A small h."""
    z = np.array([-50.0, -700.0])
    h = functions.sigmoid(z)
    for k in range(2):
        found = float(np.asarray(call(answer.sigmoid, z[k : k + 1]), float).ravel()[0])
        if np.isfinite(found) and not np.isclose(found, h[k], rtol=1e-8, atol=0):
            return (
                f"a small h loses its digits: at z = {z[k]:g} h is {found:.3g}, expected {h[k]:.3g}; "
                "do not subtract from 1, and do not clip z"
            )
    return ""


def quiet(answer: Any) -> str:
    """No warning for any z."""
    with warnings.catch_warnings(record=True) as caught, np.errstate():
        warnings.simplefilter("always")
        answer.sigmoid(np.array([-800.0, 800.0]))
    if not caught:  # it may be silenced; but float64 holds h at z = −720, 2e-313, and not e^720
        hidden = not np.any(call(answer.sigmoid, np.array([-720.0])))
        return "at z = −720 h is 0, expected 2e-313: e^720 overflows on the way, though no warning is shown" * hidden
    return (
        "the values are right, but e^800 is still computed on the way and NumPy warns of an overflow "
        "(np.where, too, computes both of its branches)"
    )


def exercise() -> Exercise:
    """The stable sigmoid."""
    return Exercise(
        name="sigmoid",
        title="the stable sigmoid",
        question=QUESTION,
        functions=(function_of("sigmoid", "sigmoid", without=("out",)),),
        hints=HINTS,
        answer=ANSWER,
        checks=(
            Check(3, values),
            Check(1, lambda answer: values(answer) or shapes_and_dtypes(answer)),
            Check(1, lambda answer: values(answer) or digits(answer)),
            Check(2, lambda answer: values(answer) or large(answer)),
            Check(1, lambda answer: values(answer) or large(answer) or quiet(answer)),
        ),
        relation="Ours can also write into an array that is given to it, `out`; `xp` is NumPy, or CuPy on a GPU.",
        put_in_place=put_in_place,
        tests=(
            "tests/test_functions.py::test_sigmoid_is_expit_to_the_last_digits_of_the_smallest_value",
            "tests/test_functions.py::test_sigmoid_is_softmax_of_two",
        ),
    )


def put_in_place(answer: Any) -> None:
    """The student's sigmoid, which takes no `out`."""

    def sigmoid(z: Any, out: Any = None) -> Any:
        if out is None:
            return answer.sigmoid(z)
        out[...] = answer.sigmoid(z)
        return out

    replace(functions.sigmoid, sigmoid)
