"""Optimizers that learn the curvature from gradients: nonlinear conjugate gradient and L-BFGS."""

from .conjugate_gradient import ConjugateGradient
from .lbfgs import LBFGS

__all__ = ["LBFGS", "ConjugateGradient"]
