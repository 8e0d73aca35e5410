"""Microseconds of an update at each batch size, networks and number types in turn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import threadpoolctl

from minigrad import Dataset, get_backend

from ..lab import sweep, timing
from ..lab.settings import ModelSettings
from ..lab.trials import Trials

POWERS = (16, 32, 64, 128)
TENS = tuple(range(10, 101, 10))
MULTIPLES_OF_8 = tuple(range(24, 161, 8))  # of which 96, 120 and 160 are what the article's reader would try first
SIZES = sorted({n + step for n in POWERS for step in (-1, 0, 1)} | {*TENS, *MULTIPLES_OF_8, 110, 130, 140, 150})


@dataclass(frozen=True)
class Settings(ModelSettings):
    """Which networks are timed, in which number types, on how many threads, and how often in a repetition."""

    networks: tuple[tuple[int, ...], ...] = ((32,), (512,))  # units of each hidden layer
    device_networks: tuple[tuple[int, ...], ...] = ((32,), (4096, 4096))  # one that launches fill, one that products do
    dtypes: tuple[str, ...] = ("float64", "float32")
    threads: tuple[int, ...] = (1,)  # of BLAS, on the CPU
    rounds: int = 15  # readings of each size in a repetition


def measure(trials: Trials, settings: Settings) -> Settings:
    """Repetitions of every network and number type, on every backend that is here."""
    for backend in timing.backends_here(settings.backend):
        on_host = get_backend(backend).blas is not None
        repetitions = [
            {"hidden": hidden, "dtype": dtype, "threads": threads, "repetition": repetition}
            for repetition in settings.each_seed()  # outside: the repetitions of a network lie apart in time
            for hidden in (settings.networks if on_host else settings.device_networks)
            for dtype in settings.dtypes
            for threads in (settings.threads if on_host else (1,))
        ]
        trials.run(sweep_rows, replace(settings, backend=backend), repetitions, timed=True)
    return settings


def sweep_rows(
    data: Dataset, settings: Settings, hidden: Sequence[int], dtype: str, threads: int, repetition: int
) -> list[dict[str, Any]]:
    """A repetition: every size timed in random order, again and again."""
    settings = replace(settings, model="mlp", hidden=tuple(hidden), dtype=dtype)
    with threadpoolctl.threadpool_limits(threads):
        model = sweep.make_model(data, settings, seed=repetition)
        rows = timing.rows_for(model, data, max(SIZES))
        works, rng = timing.updates_of(model, rows, SIZES), np.random.default_rng(repetition)
        readings = timing.interleaved(works, model.backend, settings.rounds, rng)
    least, medians = ([float(pick(readings[size])) for size in SIZES] for pick in (min, np.median))
    place = timing.place(model.backend, threads)
    network = f"{'-'.join(map(str, hidden))} hidden units, {dtype}, {place}"
    row = {"kind": "sweep", "on_gpu": model.backend.blas is None, "repetition": repetition, "arm": network}
    return [row | {"batch_sizes": SIZES, "least": least, "median": medians}]
