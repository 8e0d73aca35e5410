"""Data: the `Dataset` that every experiment sees, epochs of batches, and where data come from."""

from .dataset import Dataset
from .digits import load_digits
from .epoch import batches
from .mnist import load_mnist
from .scaling import split, standardise
from .table import load_table

__all__ = ["Dataset", "batches", "load_digits", "load_mnist", "load_table", "split", "standardise"]
