"""The probe at one batch size, the clock, the prediction; with --check the sweep that the prediction replaces."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..lab import tuning
from ..lab.experiment import Refused
from ..lab.settings import TrainingSettings
from ..lab.statistics import at_target
from ..lab.sweep import epochs_of
from ..lab.trials import Trials
from .clock import step_rows
from .predict import Prediction, predict, safest, second_size, took_to
from .probe import probe_rows, race_rows, search_rows

LOOSE, TIGHT = "loose", "tight"
FIRST_RATES = {"sgd": range(-4, 3), "momentum": range(-6, 1), "adam": range(-8, -1)}  # k of 10^(k/2), to begin with
LEAST_ROWS = 64  # of a training set: fewer leave no five sizes to time
LEAST_SIZES = 5
LEAST_UPDATES = 10  # of a probe: a target that it reaches in fewer has nothing to tell
MORE = 4  # a run may take so many times the updates that are predicted


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """How to probe, and whether to check."""

    probe: int = 32  # the batch size of the probe
    check: bool = False  # whether to make the sweep, too
    targets: tuple[tuple[str, float], ...] = ()  # losses, found by measuring: loose, which comes earlier, and tight
    rounds: int = 25  # readings of an update at each size
    check_seeds: int = 10  # runs of each size in the sweep


def measure(trials: Trials, settings: Settings) -> Settings:
    """Choose rate and target, probe, time, predict, and try rates at the size that is predicted; then the check."""
    N = len(trials.data.X_train)
    if N < LEAST_ROWS:
        raise Refused(f"{trials.data.name!r} has {N} training rows; expected at least {LEAST_ROWS} to time five sizes")
    probe = min(settings.probe, 2 ** int(math.log2(N / 8)))
    sizes = tuple(sorted({1, probe, N, *settings.batch_sizes}))  # the plain choices are timed in any case
    if len(sizes) < LEAST_SIZES:
        raise Refused(f"--batch-sizes leads to the sizes {sizes}; expected at least {LEAST_SIZES}, to fit a line")
    settings = replace(settings, probe=probe, batch_sizes=sizes)
    given = settings.target is not None
    rate, target = search(trials, settings)
    settings = replace(settings, target=target)
    clock(trials, settings, "answer", 0.5 * done(settings))
    runs = [{"batch_size": settings.probe, "rate": rate, "seed": seed} for seed in settings.each_seed()]
    probes = trials.run(probe_rows, replace(settings, epochs=3 * settings.epochs), runs, until=0.8 * done(settings))
    worst = max(min(row["loss"]) for row in probes)
    if worst > target and given:
        raise Refused(
            f"--target {target:g} is reached by the search, and not by every probe: the worst comes to {worst:.3g}; "
            f"expected --target {rounded_up(worst):g} or more, or more --epochs"
        )
    target = rounded_up(worst) if worst > target else target  # one that all probes reach
    settings = replace(settings, target=target, targets=targets_of(probes, target))
    second = second_size(plain(trials, settings)["settings"])
    for _, loss in settings.targets:
        found = predict(plain(trials, settings), loss)
        tune(trials, settings, "answer", found, {second} - {settings.probe}, rate, done(settings))
        found = predict(plain(trials, settings), loss)  # by the runs at the second size, too
        tune(trials, settings, "answer", found, {found.batch_size} - {settings.probe, second}, rate, done(settings))
    if settings.check:
        check(trials, settings, rate)
    return settings


def done(settings: Settings) -> float:
    """The share of the experiment's time that the answer takes."""
    return 0.2 if settings.check else 1.0


def clock(trials: Trials, settings: Settings, why: str, until: float) -> None:
    """Time an update at every size, alone in this process."""
    timed = {"why": why, "batch_sizes": list(settings.batch_sizes), "rounds": settings.rounds}
    trials.run(step_rows, settings, [timed], timed=True, until=until)


def plain(trials: Trials, settings: Settings) -> dict[str, Any]:
    """What was measured so far, as a result has it."""
    return {"rows": trials.rows, "settings": settings.plain() | {"rows": len(trials.data.X_train)}}


def search(trials: Trials, settings: Settings) -> tuple[float, float]:
    """The rate of the probe, and the target: what batches of its size reach in `epochs` epochs at the best rate.

    Rates are first compared by the loss after a quarter of the epochs. Noise that helps at first hurts in the end: so
    the best of them, one above and two below it run all epochs, and there the lowest loss wins; or, where the target
    is given, the fewest sample gradients to it.
    """
    fixed = {"batch_size": settings.probe, "seed": settings.tuning_seeds[0]}

    def ends(cells: list[tuple[int, float]], epochs: int = max(1, settings.epochs // 4)) -> list[float]:
        runs = [fixed | {"rate": rate} for _, rate in cells]
        rows = trials.run(search_rows, replace(settings, epochs=epochs), runs, until=0.1 * done(settings))
        return [math.inf if row["diverged"] else row["loss"][-1] for row in rows]

    [short] = tuning.best_rates(ends, {settings.probe: FIRST_RATES[settings.optimizer]}).values()
    best = min(short, key=lambda rate: short[rate])
    if math.isinf(short[best]):
        raise Refused(f"every learning rate from {min(short):g} to {max(short):g} diverges; expected one that does not")
    k = 2 * math.log10(best)
    runs = [fixed | {"rate": tuning.rate(k + step / 2)} for step in (1, 0, -1, -2)]
    rows = [row for row in trials.run(search_rows, settings, runs, until=0.25 * done(settings)) if not row["diverged"]]
    lowest = min(rows, key=lambda row: row["loss"][-1])
    target = settings.target or rounded_up(lowest["loss"][-1])
    taken = {row["learning_rate"]: at_target(row["loss"], row["samples"], target) for row in rows}
    rate = min(taken, key=lambda rate: taken[rate])
    if math.isinf(taken[rate]):
        raise Refused(
            f"--target {target:g} is not reached in {settings.epochs} epochs of batches of {settings.probe}: the "
            f"nearest came to {min(lowest['loss']):.3g} at learning rate {lowest['learning_rate']:g}; expected "
            f"--target {rounded_up(min(lowest['loss'])):g} or more, or more --epochs"
        )
    return rate, target


def rounded_up(loss: float) -> float:
    """A loss to three digits, upwards, so that it is reached."""
    unit = 10.0 ** (math.floor(math.log10(max(loss, 1e-12))) - 2)
    return float(f"{math.ceil(loss / unit) * unit:.3g}")


def targets_of(probes: list[dict], tight: float) -> tuple[tuple[str, float], ...]:
    """The tight target, and a loose one: what the probes have reached after a quarter of their updates."""
    each = took_to(probes, tight)
    took = float(np.median(each))
    if took < LEAST_UPDATES or min(each) == 0:
        raise Refused(
            f"the target {tight:g} is reached in {took:g} updates of {probes[0]['batch_size']} rows; expected a target "
            f"that takes at least {LEAST_UPDATES}: a smaller --target"
        )
    quarter = [float(np.interp(took / 4, row["updates"], row["loss"])) for row in probes]
    loose = rounded_up(float(np.median(quarter)))
    passed = loose > tight and min(took_to(probes, loose)) > 0  # else it tells nothing, or a probe begins below it
    return ((LOOSE, loose), (TIGHT, tight)) if passed else ((TIGHT, tight),)


def tune(
    trials: Trials,
    settings: Settings,
    why: str,
    found: Prediction,
    sizes: Iterable[int],
    probe_rate: float,
    until: float,
) -> dict[int, float | None]:
    """The safest rate of each size to a target, on the tuning seeds, to a quarter of a decade; None: none arrives.

    The search begins where theory expects it: η(B) ∝ 1/(1 + B_c w(B)).
    """
    N, seeds = len(trials.data.X_train), settings.tuning_seeds

    def samples(cells: list[tuple[int, float]]) -> list[float]:
        runs = [
            race(why, found.target, size, rate, seed, epochs_for(found.updates(size), size, N))
            for size, rate in cells
            for seed in seeds
        ]
        taken = [row["samples"] for row in trials.run(race_rows, settings, runs, until=until)]
        return np.reshape(taken, (-1, len(seeds))).mean(axis=1).tolist()

    grids = {}
    for size in sorted(sizes):
        k = round(2 * math.log10(probe_rate * found.updates(settings.probe) / found.updates(size)))
        grids[size] = (k - 1, k, k + 1) if why == "check" else (k, k + 1)
    costs = tuning.best_rates(samples, grids, limit=4)
    for size, tried in costs.items():
        best = 2 * math.log10(min(tried, key=lambda rate: tried[rate]))
        if math.isfinite(min(tried.values())):
            between = [tuning.rate(best + step) for step in (-0.5, 0.5)]
            tried |= dict(zip(between, samples([(size, each) for each in between])))
    return {size: safest(tried) for size, tried in costs.items()}


def race(why: str, target: float, size: int, rate: float, seed: int, epochs: int) -> dict[str, Any]:
    """The arguments of a race."""
    return {"why": why, "target": target, "batch_size": size, "rate": rate, "seed": seed, "epochs": epochs}


def epochs_for(updates: float, batch_size: int, N: int) -> int:
    """Epochs that hold MORE times so many updates."""
    return max(2, epochs_of(MORE * updates, batch_size, N))


def check(trials: Trials, settings: Settings, probe_rate: float) -> None:
    """Every size at its own best rate, and the answer at the rate that was recommended: updates to each target.

    What an update takes is timed once more, apart from what the answer was made of. Updates read no clock, and run on
    all cores; readings lie next to each other, so that a slow second of the machine hits all sizes alike.
    """
    N = len(trials.data.X_train)
    clock(trials, settings, "check", 0.25)
    for index, (_, target) in enumerate(settings.targets, start=1):
        found = predict(plain(trials, settings), target)
        end = 0.25 + 0.75 * index / len(settings.targets)
        best = tune(trials, settings, "check", found, settings.batch_sizes, probe_rate, end - 0.1)
        wanted: list[tuple[str, int, float]] = [("sweep", size, rate) for size, rate in best.items() if rate]
        wanted.append(("trusted", found.batch_size, found.learning_rate))
        runs = [
            race(why, target, size, rate, seed, 2 * epochs_for(found.updates(size), size, N))
            for seed in settings.each_seed(settings.check_seeds)
            for why, size, rate in wanted
        ]
        trials.run(race_rows, settings, runs, until=end)
