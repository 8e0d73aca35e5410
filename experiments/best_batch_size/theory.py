"""From two lines to the fastest batch size.

    B, N       batch size; rows of the training set, math.inf where nobody knows
    w(B)       what a batch keeps of a sample's variance: (1/B − 1/N) N/(N − 1), or 1/B for endless rows
    B_c        critical batch size: S(B) = S_min (1 + B_c w(B)) updates to the target
    a, b       overhead of an update, and work of a sample: t(B) = a + b B seconds an update

    T(B) = S(B) t(B) is least at B* = √(c a / (b (1 − c/N))),  c = B_c N/(N − 1)

With endless rows B* = √(B_c a/b). Where c reaches N no size is better than all rows. T is flat about its least: a size
that is wrong by a factor x costs at most (2 + x + 1/x)/4 times as long, 12.5 % more for a factor of two. So the answer
is a band.

The product is that of A. Qiao et al., Pollux, OSDI 2021, section 3; S(B) is from S. McCandlish et al.,
arXiv:1812.06162, section 2.
"""

import math
from dataclasses import dataclass

from ..lab.critical_batch import without_replacement


@dataclass(frozen=True)
class Law:
    """T(B) but for the factor S_min; ValueError where a + b B is not above 0, or B_c is below 0 or no number."""

    a: float
    b: float
    B_c: float
    N: float = math.inf

    def __post_init__(self) -> None:
        if self.a < 0 or self.b < 0 or self.a + self.b <= 0:
            raise ValueError(f"a is {self.a:g} and b is {self.b:g}; expected times that are not below 0, one above it")
        if not self.B_c >= 0:
            raise ValueError(f"B_c is {self.B_c:g}; expected a number that is not below 0")

    def w(self, batch_size: float) -> float:
        """What a batch keeps of a sample's variance."""
        return 1 / batch_size if math.isinf(self.N) else without_replacement(batch_size, self.N)

    def time(self, batch_size: float) -> float:
        """(1 + B_c w(B)) (a + b B)."""
        return (1 + self.B_c * self.w(batch_size)) * (self.a + self.b * batch_size)

    @property
    def best(self) -> float:
        """B*, from 1 to N."""
        c, left = self._c_and_rest()
        if left <= 0 or self.b == 0:
            return self.N
        return min(max(1.0, math.sqrt(c * self.a / (self.b * left))), self.N)

    def band(self, more: float = 0.1) -> tuple[float, float]:
        """The sizes from 1 to N whose time is at most (1 + more) times the least.

        T(B) = k B + q/B + r, with k = b (1 − c/N), q = c a, r = a (1 − c/N) + b c: a quadratic equation.
        """
        c, left = self._c_and_rest()
        k, q, r = self.b * left, c * self.a, self.a * left + self.b * c
        limit = (1 + more) * self.time(self.best) - r if math.isfinite(self.best) else (1 + more) * r - r
        root = math.sqrt(max(0.0, limit**2 - 4 * k * q))
        if limit < 0:  # only with k < 0; the other form of the same root would subtract numbers that are nearly equal
            low = (limit - root) / (2 * k)
        elif limit + root > 0:
            low = 2 * q / (limit + root)
        else:
            low = 1.0
        high = (limit + root) / (2 * k) if k > 0 else self.N  # else T falls as far as all rows
        return min(max(1.0, low), self.N), min(self.N, high)

    def _c_and_rest(self) -> tuple[float, float]:
        """c, and 1 − c/N."""
        if math.isinf(self.N):
            return self.B_c, 1.0
        c = self.B_c * self.N / max(1.0, self.N - 1)
        return c, 1 - c / self.N


def critical_from_two(updates: tuple[float, float], w: tuple[float, float]) -> float:
    """B_c from the updates that two batch sizes took: S₁/S₂ = (1 + B_c w₁)/(1 + B_c w₂).

    0 where the smaller size took no more updates, infinite where it took more than any B_c explains.
    """
    ratio = updates[0] / updates[1]
    if ratio <= 1:
        return 0.0
    below = w[0] - ratio * w[1]
    return (ratio - 1) / below if below > 0 else math.inf
