"""`train` as experiments call it: a run that diverges is a result, which its row marks, and no reason for a warning."""

import warnings
from typing import Any

import minigrad
from minigrad import DivergenceWarning, History


def train(*arguments: Any, **keywords: Any) -> History:
    """`minigrad.train` without its DivergenceWarning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        return minigrad.train(*arguments, **keywords)
