"""Seconds to a target on one core, and microseconds of an update against its batch size."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import threadpoolctl

from minigrad import Dataset, get_backend
from minigrad.per_sample import fast_epoch

from ..lab import sweep, timing
from ..lab.settings import TrainingSettings
from ..lab.statistics import at_target
from ..lab.text import logistic_name
from ..lab.trials import Trials, available_cores
from .line import flops_a_sample

MODELS = {"logistic": "logistic regression", "mlp": "MLP"}
PATHS = {"batched": "batched kernel", "fast": "fast per-sample path"}
SAMPLES = 256  # of a reading of the per-sample path
SIDE = 512  # of square matrices whose product shows what flops cost; on a device eight times that, to fill it


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """How to train for C4a, and what to time for C4b."""

    repeats: int = 1  # how often a run of C4a is timed
    widths: tuple[int, ...] = (0, 8, 32, 128, 512)  # hidden units of the networks of C4b; 0 is logistic regression
    timed_sizes: tuple[int, ...] = tuple(2**k for k in range(14))  # of C4b; rows repeat where there are fewer
    blocks: int = 5  # of readings
    rounds: int = 3  # readings of each size in a block


def named(model: str, settings: dict[str, Any]) -> str:
    """A model of MODELS in words, by the settings of a result."""
    return logistic_name(settings) if model == "logistic" else MODELS[model]


def measure(trials: Trials, settings: Settings) -> Settings:
    """The race of each model on one core; then what an update costs on every backend that is here."""
    for model, (since, until) in zip(MODELS, ((0.0, 0.25), (0.25, 0.5))):
        race(
            trials, replace(settings, model=model, backend="numpy"), since, until
        )  # the claim is about a core, not a device
    for backend in timing.backends_here(settings.backend):
        arm = replace(settings, backend=backend)
        on_host = get_backend(backend).blas is not None
        blocks = [
            {"width": width, "threads": threads, "block": block}
            for block in range(settings.blocks)
            for width in settings.widths
            for threads in (range(1, min(2, available_cores()) + 1) if on_host else [1])
        ]
        trials.run(cost_rows, arm, blocks, timed=True)
    return settings


# ---- C4a: seconds to the target on one core --------------------------------------------------------------------------


def rate_rows(data: Dataset, settings: Settings, batch_size: int) -> list[dict]:
    """The best rate of a batch size. The path has no say in it: all paths make the same updates."""
    rows = sweep.tuning_rows(sweep.data_for(settings.model, data), settings, batch_size)
    return [row | {"model": settings.model} for row in rows]


def race_rows(
    data: Dataset, settings: Settings, path: str, batch_size: int, rate: float, seed: int, repeat: int
) -> list[dict]:
    """One run to the target on one thread; where it never gets there, all that it took, which is a lower bound."""
    assert settings.target is not None
    with threadpoolctl.threadpool_limits(1):
        its_data = sweep.data_for(settings.model, data)
        until: dict[str, Any] = {"target_loss": settings.target, "path": path}
        history = sweep.train_once(its_data, settings, batch_size, rate, seed, **until)
    row = {"kind": "race", "model": settings.model, "path": path, "batch_size": batch_size, "learning_rate": rate}
    row |= {"seed": seed, "repeat": repeat, "reached": history.reached_target}
    for name in ("updates", "seconds"):
        counts = getattr(history, name)
        row[name] = at_target(history.loss, counts, settings.target) if history.reached_target else float(counts[-1])
    return [row]


def race(trials: Trials, settings: Settings, since: float, until: float) -> None:
    """A model's target, tuned rates and timed runs, from one share of the experiment's time to another."""
    [goal] = trials.run(sweep.target_rows, settings, [{}], until=since + 0.05 * (until - since))
    settings = replace(settings, target=goal["loss"])
    sizes = sorted({1, *settings.batch_sizes})
    middle = since + 0.5 * (until - since)
    tuned = trials.run(rate_rows, settings, [{"batch_size": size} for size in sizes], until=middle)
    runs = [
        {"path": path, "batch_size": row["batch_size"], "rate": row["learning_rate"], "seed": seed, "repeat": repeat}
        for seed in settings.each_seed()
        for repeat in range(settings.repeats)  # outside the sizes: a slow second of the machine hits all of them
        for row in tuned
        if row["learning_rate"] is not None
        for path in (PATHS if row["batch_size"] == 1 else ["batched"])
    ]
    trials.run(race_rows, settings, runs, timed=True, until=until)


# ---- C4b: what an update costs against its batch size ----------------------------------------------------------------


def cost_rows(data: Dataset, settings: Settings, width: int, threads: int, block: int) -> list[dict]:
    """A block of readings: an update at each size, some samples on the per-sample path, and one large product."""
    settings = replace(settings, model="mlp" if width else "logistic", hidden=(width,))
    data, rng, sizes = sweep.data_for(settings.model, data), np.random.default_rng(block), settings.timed_sizes
    with threadpoolctl.threadpool_limits(threads):
        model = sweep.make_model(data, settings, seed=0)
        backend, xp = model.backend, model.xp
        rows = timing.rows_for(model, data, max(*sizes, SAMPLES))
        side = SIDE if backend.blas is not None else 8 * SIDE
        left, right = (backend.asarray(rng.standard_normal((side, side)), model.dtype) for _ in range(2))
        works: dict[Any, Any] = {
            **timing.updates_of(model, rows, sizes),
            "fast path": partial(fast_epoch, model, rows, None, np.arange(SAMPLES), timing.RATE),
            "product": partial(xp.matmul, left, right, out=xp.empty_like(left)),
        }
        readings = timing.interleaved(works, backend, settings.rounds, rng)
    share = flops_a_sample(model.layer_sizes) / (2 * side**3)  # of the flops of the large product
    own = {"own_data": data.is_own, "classes": data.n_classes}
    network = f"{width:,} hidden units" if width else logistic_name(own)
    row = {"kind": "cost", "on_gpu": backend.blas is None, "threads": threads, "block": block, "network": network}
    row |= {"place": timing.place(backend, threads), "batch_sizes": list(sizes)}
    row["microseconds"] = [readings[size] for size in sizes]
    row["fast_path"] = [reading / SAMPLES for reading in readings["fast path"]]
    row["flops_alone"] = [reading * share for reading in readings["product"]]
    return [row]
