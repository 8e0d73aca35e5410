"""The critical batch size: one number that tells how many more updates a noisier gradient costs.

    N, B           rows of the training set; of a batch
    S(B), E(B)     updates to a training loss, each size at its own best rate; B S(B), sample gradients
    w(B)           what is left of a sample's variance in the mean of a batch: 1/B for independent draws, and
                   (1/B − 1/N) N/(N − 1) for rows drawn without replacement, which is 1 for one row and 0 for all

    S(B) = S_min (1 + B_c w(B)),   E_min = S_min B_c

With independent draws E grows with B; going down from B = B_c saves no more than half of it. Drawn without replacement
E(1) = S_min (1 + B_c) and E(N) = S_min N: where B_c > N − 1, all the data need fewer sample gradients than one row at a
time. Both are a + b/B; only the second lets a be negative, which is that case.

S. McCandlish et al., An empirical model of large-batch training, arXiv:1812.06162, section 2, for independent draws.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from .statistics import Interval


@dataclass(frozen=True)
class Fit:
    """S_min, B_c and E_min with intervals; `misfit`, the root mean square of what the fit leaves of log S."""

    S_min: Interval
    B_c: Interval
    E_min: Interval
    misfit: float

    def updates(self, w: Any) -> Any:
        """S at a batch size whose batches keep w of the variance."""
        return self.S_min.estimate * (1 + self.B_c.estimate * w)


def without_replacement(batch_size: Any, n: float) -> Any:
    """w(B) of B different rows of n."""
    return (1 / batch_size - 1 / n) * (n / max(1, n - 1))


def fit(updates: Mapping[float, float]) -> Fit | None:
    """S(B) fitted to {w(B): S(B)} by least squares on log S; infinite S are left out.

    Intervals are Student's t from the covariance of log S_min and log B_c, whose scale is the residuals': they include
    what the model misses. None where fewer than three sizes are left, or the fit does not converge.
    """
    points = [(w, S) for w, S in updates.items() if 0 < S < math.inf]
    if len(points) < 3:
        return None
    w, S = np.array(points).T
    log_S = np.log(S)

    def log_model(w: Any, log_S_min: float, log_B_c: float) -> Any:
        return log_S_min + np.logaddexp(0, log_B_c + np.log(w))  # log(1 + B_c w), also where B_c is huge

    start = (log_S.min(), -math.log(np.median(w[w > 0])))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.optimize.OptimizeWarning)  # without a covariance intervals are endless
        try:
            best, covariance = scipy.optimize.curve_fit(log_model, w, log_S, start)
        except RuntimeError:
            return None
        logs = np.array([*best, best.sum()])
        half = scipy.stats.t.ppf(0.975, len(w) - 2) * np.sqrt([*np.diag(covariance), max(0.0, covariance.sum())])
        S_min, B_c, E_min = (Interval(*map(float, ends)) for ends in np.exp([logs, logs - half, logs + half]).T)
        misfit = float(np.sqrt(np.mean((log_S - log_model(w, *best)) ** 2)))
    return Fit(S_min, B_c, E_min, misfit)
