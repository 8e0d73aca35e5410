"""Nonlinear conjugate gradient; the symbols are those of `search.py`."""

import math
import sys
from typing import Any

from ..engine.batch import quiet
from ..model import Model
from .search import LineSearchOptimizer


class ConjugateGradient(LineSearchOptimizer):
    """d ← −G + β d, β = max(0, G·(G − G_before) / ‖G_before‖²), theta ← theta + α d: Polak–Ribière+, N&W (5.45).

    α comes from a line search on the batch of the step, with c2 = 0.4: below 1/2, N&W (5.43). G_before and d are those
    of the step before, whatever its batch was. Every p steps, wherever d does not go down enough, and after a line
    search that found nothing, it starts again from d = −G: N&W section 5.2.
    """

    c2 = 0.4
    vectors = 4  # d, too
    _steps = 0  # since it started from −G
    _gain = _square_norm_before = math.nan  # of the last step: −α φ'(0), ‖G‖²

    @quiet()  # seen by the slope
    def step(self, model: Model, X: Any, y: Any = None) -> int:
        """One direction, and a line search along it; returns the sample gradients that it took."""
        batch = model.batch(X, y)
        used = self.begin(model, batch)
        _, G, G_before, d = self._memory
        square_norm = float(G @ G)
        if not 0 < square_norm < math.inf:  # at an optimum, or diverged
            return used
        beta = 0.0
        if self._steps % len(G):
            beta = max(0.0, float(G @ (G - G_before)) / self._square_norm_before)
        d *= beta
        d -= G
        slope = float(d @ G)
        if not -math.inf < slope <= -0.01 * square_norm:
            self._steps = 0
            model.xp.negative(G, out=d)
            slope = -square_norm
        # To where J, were it straight, would fall as far as in the step before: N&W section 3.5. The first is 1 long.
        alpha = min(self._gain / -slope, sys.float_info.max) if self._steps else 1 / math.sqrt(square_norm)
        steps, self._steps = self._steps + 1, 0  # if it is interrupted, or finds nothing
        alpha, searched = self.search(model, batch, d, slope, alpha)
        if alpha:
            self._steps, self._gain, self._square_norm_before = steps, -alpha * slope, square_norm
        return used + searched
