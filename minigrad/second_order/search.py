"""What the optimizers that learn curvature from gradients share: a step found by a line search on one batch.

    theta   (p,)    parameters, changed in place
    J, G            the mean loss over the batch, and its gradient (p,)
    d       (p,)    direction of a step
    α               its length in units of d: theta ← theta + α d
    φ(α)            J(theta + α d), and φ'(α) = G(theta + α d)·d its slope
    s       (p,)    a step that was taken: theta_new − theta
    dG      (p,)    how the gradient changed along it: G_new − G. Textbooks call it y; here y are the labels

Nobody here computes a second derivative: what is known of it comes from differences of gradients, and so does the
noise in it. N&W is J. Nocedal, S. Wright, Numerical Optimization, 2nd edition (2006).

On a GPU the vectors stay there, but the host waits for φ and φ' at each evaluation: they decide where to look next.
"""

import math

import numpy as np

from ..engine.backend import Array
from ..engine.batch import Batch, quiet
from ..model import Model
from ..optimizers import Optimizer
from .line_search import Trial, strong_wolfe


class LineSearchOptimizer(Optimizer):
    """What both share: J and G where a step begins, a line search from there, and what it leaves to the next step."""

    c2 = 0.9
    vectors = 3  # that it remembers, (p,): where the step began, G there, and G before
    _J = math.nan
    _known: tuple[Array, ...] = ()  # theta, y, X of which J and G are at hand

    def update(self, theta: Array, gradient: Array) -> None:
        """Refused with a TypeError: one gradient is not enough."""
        raise TypeError(f"{type(self).__name__} needs more than one gradient; expected step(model, X, y)")

    def begin(self, model: Model, batch: Batch) -> int:
        """J and G of this batch at theta; returns how many sample gradients they took.

        They are 0 if the last line search ended here and on this batch. Only the numbers can tell, since a batch is
        cut anew each time. Comparing reads X once, an evaluation at least twice.
        """
        theta, (start, G, *_) = model.theta, self.remembered(model.theta, self.vectors)
        start[...] = theta
        X, y = batch.gathered()
        here = (theta, y, X)
        if self._known and all(a.shape == b.shape and bool((a == b).all()) for a, b in zip(self._known, here)):
            return 0
        self._known = ()
        self._J, _ = model.loss_and_gradient(batch, out=G)
        self._known = tuple(each.copy() for each in here)
        return batch.m

    def search(self, model: Model, batch: Batch, d: Array, slope: float, alpha: float) -> tuple[float, int]:
        """Go along d, looking first at `alpha`; returns α, 0 if no step helps, and the sample gradients that it took.

        Then theta, J and G are those of the new point, and G_before is the gradient where the step began.
        """
        theta, (start, G, G_new, *others) = model.theta, self._memory  # G_before is overwritten
        alphas = []

        def phi(alpha: float) -> tuple[float, float]:
            alphas.append(alpha)
            with quiet():  # a step that is far too long shows in its J
                model.xp.multiply(d, alpha, out=theta)
                model.xp.add(start, theta, out=theta)
                J, _ = model.loss_and_gradient(batch, out=G_new)
                slope = G_new @ d
            return J, float(slope)

        rounding = 10 * float(np.finfo(model.dtype).eps) * abs(self._J)
        try:
            found = strong_wolfe(phi, Trial(0.0, self._J, slope), alpha, c2=self.c2, rounding=rounding)
            if found.alpha and found.alpha != alphas[-1]:
                phi(found.alpha)
        except BaseException:  # interrupted: not amid a step
            theta[...] = start
            raise
        if found.alpha:
            self._J, self._memory = found.value, (start, G_new, G, *others)
            self._known[0][...] = theta
        else:
            theta[...] = start
        return found.alpha, len(alphas) * batch.m
