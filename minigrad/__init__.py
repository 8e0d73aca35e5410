"""minigrad: neural networks from scratch in NumPy, to see what the batch size does to training."""

from . import per_sample
from .backend import Backend, BackendUnavailable, get_backend
from .data import Dataset, batches, load_digits
from .gradient_check import check_gradient
from .logistic_regression import LogisticRegression
from .losses import log_loss, log_loss_from_logits
from .mlp import MLP
from .mnist import load_mnist
from .noise import GradientNoise, gradient_noise
from .optimizers import SGD, Adagrad, Adam
from .second_order import LBFGS, ConjugateGradient
from .table import load_table
from .training import History, train

__all__ = [
    "LBFGS",
    "MLP",
    "SGD",
    "Adagrad",
    "Adam",
    "Backend",
    "BackendUnavailable",
    "ConjugateGradient",
    "Dataset",
    "GradientNoise",
    "History",
    "LogisticRegression",
    "batches",
    "check_gradient",
    "get_backend",
    "gradient_noise",
    "load_digits",
    "load_mnist",
    "load_table",
    "log_loss",
    "log_loss_from_logits",
    "per_sample",
    "train",
]

__version__ = "0.1.0"
