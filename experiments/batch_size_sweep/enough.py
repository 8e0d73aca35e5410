"""How many test rows, and how many seeds, it takes to tell test accuracies apart.

    a    an accuracy, measured on n test rows
    ã    (n a + 2)/(n + 4): with two rows more that are predicted right and two that are not (A. Agresti, B. Coull, The
         American Statistician 52, 1998, 119), so that two rows of two are no certainty
    ρ    the correlation of the errors of two models that are judged by the same rows

By the test rows alone the standard error of a difference of two such accuracies is √(2 ã(1 − ã)(1 − ρ)/n). What is hard
for one model is hard for another: on the digits ρ is 0.57 to 0.60, between runs at batch 16, 128 and 1,437 and between
these and softmax regression (tried). With ρ = ½ it is √(ã(1 − ã)/n), and no more than the margin may be left to chance.
"""

import itertools
import math
from collections.abc import Sequence

from ..lab.statistics import LEAST


def rows_to_tell(accuracies: Sequence[float], test_rows: int, margin: float) -> int:
    """The test rows that it takes to tell such accuracies apart to ± margin: the mean of ã(1 − ã), over margin²."""
    shrunk = [(test_rows * a + 2) / (test_rows + 4) for a in accuracies]
    return math.ceil(sum(a * (1 - a) for a in shrunk) / len(shrunk) / margin**2)


def rows_needed(needed: Sequence[int], test_rows: int) -> list[str]:
    """For questions that each need so many test rows: in words, how many do for all; empty for one that has enough."""
    return [f"{max(needed):,} test rows" if test_rows < least else "" for least in needed]


def seeds_to_differ(batch_sizes: int, significant: float) -> int:
    """The seeds, LEAST at least, that a permutation test takes to call so many batch sizes different.

    Were all equal, each seed's K accuracies could stand in any of K! orders. The most extreme outcome, the same order
    for all n seeds, has K! equals among the (K!)ⁿ outcomes: so p is (K!)^(1 − n) at least.
    """
    orders = math.factorial(batch_sizes)
    return next(n for n in itertools.count(LEAST) if orders ** (1 - n) < significant)
