"""What the rows of an experiment depend on besides the data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from minigrad import Backend, get_backend

EVALUATIONS_AN_EPOCH = 8


@dataclass(frozen=True)
class Settings:
    """What every experiment has; one that needs more derives its own.

    Parameters
    ----------
    dataset : str
        The name of the data.
    backend, dtype : str
        Where numbers are computed, and how long they are.
    seeds : int
        Independent repetitions of what is reported, each with a seed of its own: 0, 1, 2, …
    """

    dataset: str
    backend: str | Backend = "numpy"
    dtype: str = "float64"
    seeds: int = 1

    def plain(self) -> dict[str, Any]:
        """The settings as JSON has them."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "backend": get_backend(self.backend).name
        }


@dataclass(frozen=True)
class ModelSettings(Settings):
    """What to train: logistic regression, or an MLP with these hidden layers; and in batches of which sizes."""

    model: str = "mlp"
    hidden: tuple[int, ...] = (32,)
    activation: str = "tanh"
    batch_sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class TrainingSettings(ModelSettings):
    """How long to train, how often to evaluate, and the loss to reach.

    Parameters
    ----------
    epochs : int
        Passes through the training set, at most.
    target : float or None
        Training loss to reach, in nats; None: the one that suits the data, see `sweep.choose_target`.
    evaluations : int
        How often an epoch is evaluated.
    """

    epochs: int = 1
    target: float | None = None
    evaluations: int = EVALUATIONS_AN_EPOCH
