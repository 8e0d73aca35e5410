"""What `test_precision.py` and `test_precision_training.py` share: 50 digits (mpmath), and how far off a number may be.

Asked is a relative error below 1e-14 in float64 and 1e-6 in float32, wherever the true number is one of that dtype's
normal ones. Three things make it larger by their nature, and a test that allows for one says which:

- a sum of terms that cancel: its rounding is measured by the sum of their absolute values (`Exact` carries it along);
- e^d of a rounded d: a relative rounding of d is one of e^d that is |d| times as large;
- what is squared on the way must be a number, too: see `test_where_a_square_is_no_number_…`.
"""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

mpmath.mp.dps = 50
BOUND = {"float64": 1e-14, "float32": 1e-6}
both = pytest.mark.parametrize("dtype", BOUND)


def hard(dtype):
    """Binary exponents from the least to the greatest, both signs; what saturates, and numbers next to those."""
    limits = np.finfo(dtype)
    exponents = np.arange(limits.minexp, limits.maxexp, 5 if dtype == "float64" else 2)
    spread = np.ldexp(np.linspace(1, 1.999, len(exponents)), exponents)
    steps = np.concatenate([np.linspace(0, 50, 201), np.linspace(50, 800, 151), [9.99, 10.01, 18.4, 36.7, 36.8]])
    z = np.concatenate([spread, steps, np.nextafter(steps, 0)])
    return np.unique(np.concatenate([z, -z]).astype(dtype))


def close(actual, exact, dtype, scale=None):
    """Each number within the bound, times |exact| or times `scale`; what is no normal number of the dtype is left."""
    limits, checked = np.finfo(dtype), 0
    assert np.asarray(actual).dtype in (dtype, float)
    for one, true, size in zip(np.ravel(actual).tolist(), exact, exact if scale is None else scale):
        if true == 0 or float(limits.tiny) <= abs(true) <= float(limits.max):
            least = float(limits.tiny) if size is not true else 0  # the terms of a sum may be subnormal
            off = abs(mpf(one) - true)
            assert off <= BOUND[dtype] * max(abs(size), least), (one, mpmath.nstr(true, 20), mpmath.nstr(off / size, 3))
            checked += 1
    assert checked or len(exact) <= 3  # of a few, all may be too small


class Exact:
    """A number at 50 digits, and the sum of the absolute values of the terms that made it."""

    def __init__(self, value, terms=None):
        self.value = mpf(value)
        self.terms = abs(self.value) if terms is None else terms

    def __add__(self, other):
        return Exact(self.value + other.value, self.terms + other.terms)

    def __mul__(self, other):
        one, two = abs(self.value), abs(other.value)
        return Exact(self.value * other.value, one * other.terms + two * self.terms - one * two)

    def of(self, function, slope):
        """function(self): the rounding of its argument counts by the slope there."""
        value = function(self.value)
        return Exact(value, abs(value) + abs(slope(self.value)) * self.terms)


def sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def sigmoid_slope(z):
    return sigmoid(z) * sigmoid(-z)
