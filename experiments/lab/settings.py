"""What the rows of an experiment depend on besides the data."""

from dataclasses import dataclass, fields
from typing import Any

from minigrad import Backend, get_backend


@dataclass(frozen=True)
class Settings:
    """What every experiment has; one that needs more derives its own."""

    dataset: str  # the name of the data
    backend: str | Backend = "numpy"  # where numbers are computed
    dtype: str = "float64"
    seeds: int = 1  # independent repetitions of what is reported, each with a seed of its own
    seed: int = 0  # the first of them; the others count on from it

    def each_seed(self, count: int | None = None) -> range:
        """The seeds of so many repetitions; without a number, of all."""
        return range(self.seed, self.seed + (self.seeds if count is None else count))

    @property
    def tuning_seeds(self) -> tuple[int, ...]:
        """The seeds that learning rates are chosen on, apart from those that are reported."""
        return tuning_seeds(self.seed)

    @property
    def sizes_of_an_epoch(self) -> tuple[int, ...]:
        """The batch sizes that whole epochs of all training rows are cut into."""
        return ()

    def plain(self) -> dict[str, Any]:
        """The settings as JSON has them."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "backend": get_backend(self.backend).name
        }


def tuning_seeds(first: int, count: int = 2) -> tuple[int, ...]:
    """The seeds to choose rates on, where those that are reported begin with `first`."""
    return tuple(range(first + 1000, first + 1000 + count))


@dataclass(frozen=True)
class ModelSettings(Settings):
    """What to train: logistic regression, or an MLP with these hidden layers; and in batches of which sizes."""

    model: str = "mlp"
    hidden: tuple[int, ...] = (32,)
    activation: str = "tanh"
    batch_sizes: tuple[int, ...] = ()

    @property
    def sizes_of_an_epoch(self) -> tuple[int, ...]:
        """Those of `batch_sizes`, unless an experiment does something else with them."""
        return self.batch_sizes


@dataclass(frozen=True)
class TrainingSettings(ModelSettings):
    """How long to train, where to evaluate, and the loss to reach."""

    epochs: int = 1  # passes through the training set, at most
    target: float | None = None  # training loss to reach, in nats; None: what suits the data, `sweep.choose_target`
    epoch_ends: bool = False  # whether to evaluate at the ends of epochs only; else wherever `sweep.moments` says
    optimizer: str = "sgd"  # one of `sweep.OPTIMIZERS`
