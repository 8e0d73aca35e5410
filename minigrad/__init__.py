"""minigrad: neural networks from scratch in NumPy, to see what the batch size does to training."""

from . import per_sample
from .data import Dataset, batches, load_digits, load_mnist, load_table, split, standardise
from .engine.backend import Backend, BackendUnavailable, get_backend
from .engine.batch import Batch
from .gradient_check import check_gradient
from .history import DivergenceWarning, History
from .logistic_regression import LogisticRegression
from .losses import log_loss, log_loss_from_logits
from .mlp import MLP
from .model import Model
from .noise import GradientNoise, gradient_noise
from .optimizers import SGD, Adagrad, Adam, Optimizer
from .second_order import LBFGS, ConjugateGradient
from .training import train

__all__ = [
    "LBFGS",
    "MLP",
    "SGD",
    "Adagrad",
    "Adam",
    "Backend",
    "BackendUnavailable",
    "Batch",
    "ConjugateGradient",
    "Dataset",
    "DivergenceWarning",
    "GradientNoise",
    "History",
    "LogisticRegression",
    "Model",
    "Optimizer",
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
    "split",
    "standardise",
    "train",
]

__version__ = "0.1.0"
