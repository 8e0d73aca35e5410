"""Which polished end points of training are trapped, and does one batch size get trapped more often than another?

    J      polished loss of an end point
    J*     the least that any end point of its problem came down to
    J_0    the loss of guessing by the frequencies of the classes

Trapped is what could be polished and still has J > J* + TRAPPED (J_0 − J*).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import scipy.stats

from .polish import TOLERANCE
from .statistics import Interval, paired_difference, proportion

ALONE, WIDE = "descent alone", "descent alone, wide"  # the arms: no training, and WIDER times the hidden units
SAME, BEST = "same rate", "best rate"  # training at one learning rate for all sizes, or at the best for each
WIDER = 4
TRAPPED = 0.1  # of what there was to learn is out of reach
MORE_ROUNDS = 10  # of polishing that must not be able to change the answer


@dataclass(frozen=True)
class EndPoints:
    """The end points of a problem, one a row; `best` is J*, and what is above `bound` is trapped.

    A row has: start, arm, batch_size and rate (None where nothing was trained), m, hidden, guessing (J_0), diverged;
    unless it diverged, trained_loss, sharpness, loss (J), and gradient and fall as `polish` returns them.
    """

    rows: list[dict]
    best: float
    bound: float

    @property
    def m(self) -> int:
        """Rows of data: the batch size of full batch."""
        return self.rows[0]["m"]

    @property
    def sizes(self) -> list[int]:
        """The batch sizes, ascending."""
        return sorted({row["batch_size"] for row in self.rows if row["batch_size"] is not None})

    @property
    def network(self) -> str:
        """The hidden layers, in words."""
        return f"{' and '.join(map(str, self.rows[0]['hidden'])) or 'no'} hidden units"

    @property
    def smaller(self) -> list[int]:
        """The batch sizes that full batch was run beside."""
        return [size for size in self.sizes if size < self.m] if self.m in self.sizes else []

    def of(self, arm: str, batch_size: int | None = None) -> dict[int, dict]:
        """{start: row} of an arm and a batch size."""
        return {row["start"]: row for row in self.rows if (row["arm"], row["batch_size"]) == (arm, batch_size)}

    def ended(self, arm: str, batch_size: int | None = None) -> list[dict]:
        """The rows of an arm and a batch size that did not diverge."""
        return [row for row in self.of(arm, batch_size).values() if not row["diverged"]]

    def trapped(self, row: dict) -> bool | None:
        """None where that is open: the run diverged, or more polishing could take it below the bound."""
        if row["diverged"]:
            return None
        above = row["loss"] > self.bound
        unfinished = row["gradient"] > TOLERANCE and row["loss"] - MORE_ROUNDS * row["fall"] <= self.bound
        return None if above and unfinished else above

    def share(self, arm: str, batch_size: int | None = None) -> Interval:
        """The share of the starts that ends trapped, of those of which it can be told."""
        outcomes = [self.trapped(row) for row in self.of(arm, batch_size).values()]
        return proportion(outcomes.count(True), outcomes.count(True) + outcomes.count(False))


def end_points(rows: list[dict]) -> EndPoints | None:
    """The rows of a problem, judged; the wide network has no say in what is the least loss. None without rows."""
    losses = [row["loss"] for row in rows if not row["diverged"] and row["arm"] != WIDE]
    if not losses:
        return None
    best = min(losses)
    return EndPoints(rows, best, best + TRAPPED * max(0.0, rows[0]["guessing"] - best))


@dataclass(frozen=True)
class Comparison:
    """Full batch and a smaller size from the same starts: how many of them end trapped in both, in one, in none."""

    both: int
    full_only: int
    small_only: int
    neither: int
    open: int

    @property
    def difference(self) -> Interval:
        """Share of the starts that full batch leaves trapped, less that of the smaller batch."""
        return paired_difference(self.both, self.full_only, self.small_only, self.neither)

    @property
    def p_value(self) -> float:
        """McNemar's exact test: were both alike, the starts that end differently would fall to either by a coin."""
        differing = self.full_only + self.small_only
        return float(scipy.stats.binomtest(self.full_only, differing).pvalue) if differing else 1.0

    def plain(self) -> dict[str, Any]:
        """Counts, difference and p as JSON has them."""
        return {**vars(self), "difference": asdict(self.difference), "p": self.p_value}


def compare(ends: EndPoints, arm: str, batch_size: int) -> Comparison:
    """Full batch against a smaller batch size, start by start."""
    full, small = ends.of(arm, ends.m), ends.of(arm, batch_size)
    pairs = [(ends.trapped(full[start]), ends.trapped(small[start])) for start in full if start in small]
    both, full_only, small_only, neither = (
        pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    return Comparison(both, full_only, small_only, neither, len(pairs) - both - full_only - small_only - neither)
