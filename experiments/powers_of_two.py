"""C6: on a GPU batch sizes that are powers of two run faster than multiples of ten.

    B        batch size
    t(B)     seconds of an update on a batch of B rows at hand
    r(B)     log t(B) less a smooth curve: by how much a size is slower than its surroundings, 0.01 for 1 %

The article says so of 16 … 128, and that it has not checked. Hardware does like multiples: matrices are worked on in
tiles, and what is left over of a tile is worked on for nothing. NVIDIA asks for multiples of 16 bytes, 8 numbers in
half precision, not for powers of two (Matrix Multiplication Background User's Guide, sections 2.2, 3.1). S. Raschka's
V100 took 9.80, 9.78, 9.92 minutes at 127, 128, 129, and 8.74, 8.71, 8.72 at 511, 512, 513, in one run each
(github.com/rasbt/b3-basic-batchsize-benchmark).

A *repetition* times all sizes in random order, again and again, and keeps the least reading of each: what else a
machine does only adds time, so that the least is some five times as steady as the median (tried; the medians' answer is
told beside it). From each follows the ratio of t at 16, 32, 64, 128 to t at 10 … 100, each over what is usual at such a
size. Two yardsticks say what is usual:

    curve     a cubic in log B through log t at all sizes but the powers. Where t = a + b B exactly this errs by less
              than 0.1 % in the ratio, whatever a and b (tried), but a step in t(B) bends it
    beside    the straight line between the tens on either side of a power: exact for t = a + b B, and local

Steps there are: OpenBLAS leaves its kernels for small matrices where a product exceeds a million multiplications (its
pull request 3335), with 64 features and 512 units between B = 30 and 31, and the figure shows it.

The claim holds where both yardsticks find the powers faster by more than 2 %, does not where both find them not, and is
undecided else; by 90 % intervals over the repetitions, so that each side is a test of 5 %, and sizes whose interval
lies within ± 2 % are equivalent (two one-sided tests: D. Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 657,
1987). Arms are networks, in float64 and in float32. The verdict on C6 is a GPU's; what a CPU shows is a finding of its
own, C6-CPU.

Or is it multiples of 8 or 16 that matter? Means of r over nested classes, each against the class around it: multiples
of 8 against the rest, those of 16 among them, powers among those; and what share of the variance between sizes each of
them explains.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
import threadpoolctl

from minigrad import Dataset, get_backend

from .lab import experiment, plots, results, sweep, table, timing
from .lab.statistics import Interval, mean_interval, ratio_interval
from .lab.trials import Trials

NAME = "powers_of_two"
POWERS = (16, 32, 64, 128)
TENS = tuple(range(10, 101, 10))
MULTIPLES_OF_8 = tuple(range(24, 161, 8))  # of which 96, 120 and 160 are what the article's reader would try first
SIZES = sorted({n + step for n in POWERS for step in (-1, 0, 1)} | {*TENS, *MULTIPLES_OF_8, 110, 130, 140, 150})
MARGIN = 0.02
DEGREE = 3  # of the curve
CLASSES = {  # of sizes, each a part of the one before
    "multiples of 8": "the rest",
    "multiples of 16": "other multiples of 8",
    "powers of two": "other multiples of 16",
}

FLAGS = ("activation", "seeds")
EFFORTS: dict[str, dict[str, Any]] = {
    "default": {"seeds": 20},
    "quick": {"seeds": 4, "rounds": 7, "networks": ((32,),)},
    "full": {"seeds": 40, "rounds": 30, "networks": ((32,), (128,), (512,), (512, 512)), "threads": (1, 2)},
}


@dataclass(frozen=True)
class Settings(sweep.Settings):
    """`seeds` are repetitions. Both dtypes are timed, whatever --dtype says: hardware treats them differently."""

    networks: tuple[tuple[int, ...], ...] = ((32,), (512,))  # units of each hidden layer
    device_networks: tuple[tuple[int, ...], ...] = ((32,), (4096, 4096))  # one that launches fill, one that products do
    dtypes: tuple[str, ...] = ("float64", "float32")
    threads: tuple[int, ...] = (1,)  # of BLAS, on the CPU
    rounds: int = 15  # readings of each size in a repetition


def sweep_rows(
    data: Dataset, settings: Settings, hidden: Sequence[int], dtype: str, threads: int, repetition: int
) -> list[dict[str, Any]]:
    """A repetition: every size timed in random order, again and again."""
    arm = replace(settings, model="mlp", hidden=tuple(hidden), dtype=dtype)
    with threadpoolctl.threadpool_limits(threads):
        model = sweep.make_model(data, arm, seed=repetition)
        rows = timing.rows_for(model, data, max(SIZES))
        works, rng = timing.updates_of(model, rows, SIZES), np.random.default_rng(repetition)
        readings = timing.interleaved(works, model.backend, settings.rounds, rng)
    return [{
        "kind": "sweep", "on_gpu": model.backend.blas is None, "repetition": repetition,
        "arm": f"{'-'.join(map(str, hidden))} hidden units, {dtype}, {timing.place(model.backend, threads)}",
        "batch_sizes": SIZES,
        "least": [min(readings[size]) for size in SIZES],
        "median": [float(np.median(readings[size])) for size in SIZES],
    }]  # fmt: skip


# ---- what a sweep says -----------------------------------------------------------------------------------------------


def arms_of(rows: list[dict], on_gpu: bool) -> dict[str, list[dict]]:
    """The repetitions of each arm (network, dtype, place)."""
    found: dict[str, list[dict]] = {}
    for row in rows:
        if (row["kind"], row.get("on_gpu")) == ("sweep", on_gpu):
            found.setdefault(row["arm"], []).append(row)
    return found


def residuals(B: np.ndarray, log_t: np.ndarray) -> np.ndarray:
    """r (k, n) of log t (k, n): k repetitions, each with its own curve, at n sizes B (n,)."""
    x, others = np.log(B), ~np.isin(B, POWERS)
    curves = np.polynomial.polynomial.polyfit(x[others], log_t[:, others].T, DEGREE)  # through the sizes but the powers
    return log_t - np.polynomial.polynomial.polyval(x, curves)


def by_the_curve(B: np.ndarray, log_t: np.ndarray) -> np.ndarray:
    """log of t at the powers over t at the tens, (k,), both against the smooth curve."""
    r = residuals(B, log_t)
    return r[:, np.isin(B, POWERS)].mean(axis=1) - r[:, np.isin(B, TENS)].mean(axis=1)


def beside(B: np.ndarray, log_t: np.ndarray) -> np.ndarray:
    """log of t at the powers over t at the tens, (k,), each power against the line between the tens beside it."""
    tens, powers = B % 10 == 0, np.isin(B, POWERS)
    lines = [np.interp(POWERS, B[tens], t[tens]) for t in np.exp(log_t)]
    return (log_t[:, powers] - np.log(lines)).mean(axis=1)


def against_neighbours(B: np.ndarray, log_t: np.ndarray) -> np.ndarray:
    """log of t at a power n over that at n − 1 and n + 1, (k,), their mean over the powers."""
    at = np.searchsorted(B, POWERS)
    return (log_t[:, at] - (log_t[:, at - 1] + log_t[:, at + 1]) / 2).mean(axis=1)


def class_of(B: np.ndarray) -> np.ndarray:
    """0 for most sizes, 1 for multiples of 8, 2 for those of 16, 3 for powers of two, (n,)."""
    return (B % 8 == 0).astype(int) + (B % 16 == 0) + np.isin(B, POWERS)


def shares(B: np.ndarray, r: np.ndarray) -> dict[str, float | None]:
    """What each class adds to the variance between sizes that the classes before it explain, from r (k, n).

    Sums of squares of the sizes' means over k repetitions, each less what noise alone would make of it. None where
    noise alone may have made them all: one repetition, or an F test at 5 %.
    """
    (k, n), means = r.shape, r.mean(axis=0)
    squares = ((means - means.mean()) ** 2).sum()
    noise = r.var(axis=0, ddof=1).mean() / k if k > 1 else math.inf  # the variance of such a mean
    if k < 2 or squares <= (n - 1) * noise * scipy.stats.f.ppf(0.95, n - 1, n * (k - 1)):
        return dict.fromkeys(CLASSES)
    explained = [0.0]
    for level in range(1, 4):
        groups = np.minimum(class_of(B), level)
        fitted = np.array([means[groups == group].mean() for group in groups])
        explained.append(((fitted - means.mean()) ** 2).sum())
    return {
        name: float(np.clip((more - less - noise) / (squares - (n - 1) * noise), 0, 1))
        for name, less, more in zip(CLASSES, explained, explained[1:])
    }


def find(repetitions: list[dict]) -> dict[str, Any]:
    """All that an arm has to say: ratios of times with their 90 % intervals, and the shares."""
    B = np.array(repetitions[0]["batch_sizes"])
    log_t, log_median = (np.log([row[name] for row in repetitions]) for name in ("least", "median"))
    r, kinds = residuals(B, log_t), class_of(B)

    def ratio(logs: np.ndarray) -> Interval:
        return ratio_interval(np.exp(logs).tolist(), level=0.9)

    found: dict[str, Any] = {
        "powers over tens, by the curve": ratio(by_the_curve(B, log_t)),
        "powers over tens, beside": ratio(beside(B, log_t)),
        "powers over tens, medians by the curve": ratio(by_the_curve(B, log_median)),
        "powers over n − 1 and n + 1": ratio(against_neighbours(B, log_t)),
    }
    for level, (name, rest) in enumerate(CLASSES.items(), start=1):
        difference = r[:, kinds >= level].mean(axis=1) - r[:, kinds == level - 1].mean(axis=1)
        found[f"{name} over {rest}"] = ratio(difference)
    return found | {"shares": shares(B, r)}


# ---- run, verdict ----------------------------------------------------------------------------------------------------


def run(trials: Trials, settings: Settings) -> dict[str, Any]:
    """Measure everything, and judge it. Returns the result, a plain dict."""
    for backend in timing.backends_here(settings.backend):
        on_host = get_backend(backend).blas is not None
        repetitions = [
            {"hidden": hidden, "dtype": dtype, "threads": threads, "repetition": repetition}
            for repetition in range(settings.seeds)  # outside: the repetitions of an arm lie apart in time
            for hidden in (settings.networks if on_host else settings.device_networks)
            for dtype in settings.dtypes
            for threads in (settings.threads if on_host else (1,))
        ]
        trials.run(sweep_rows, replace(settings, backend=backend), repetitions, timed=True)
    result = experiment.result_of(NAME, trials, settings)
    result["claims"] = verdict(result)
    return result


def verdict(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The claim, judged by the rows of a GPU, and the CPU's finding."""
    return {
        name: judge(arms_of(result["rows"], on_gpu), place)
        for name, place, on_gpu in (("C6", "GPU", True), ("C6-CPU", "CPU", False))
    }


def judge(arms: dict[str, list[dict]], place: str) -> dict[str, Any]:
    """The verdict on one place, an arm a network and dtype."""
    statement = (
        f"On a {place} batch sizes that are powers of two (16 … 128) run faster than multiples of ten (10 … 100)."
    )
    if not arms:
        return results.claim(statement, "not measured", f"no {place} was timed", {})
    tests, evidence, said = {}, {}, []
    for arm, repetitions in arms.items():
        found = find(repetitions)
        ratios = [found["powers over tens, by the curve"], found["powers over tens, beside"]]
        answers = {ratio.inside(0, 1 / (1 + MARGIN)) for ratio in ratios}  # whether the powers are faster
        tests[arm] = answers.pop() if len(answers) == 1 else None
        equivalent = all(ratio.within(1 / (1 + MARGIN), 1 + MARGIN) for ratio in ratios)
        said.append(f"{' and '.join(percent(ratio) for ratio in ratios)} ({arm}{', equivalent' * equivalent})")
        evidence[arm] = {"repetitions": len(repetitions), "equivalent": equivalent} | {
            name: asdict(value) if isinstance(value, Interval) else value for name, value in found.items()
        }
    because = f"time at the powers over that at the tens, by the curve and by the tens beside: {'; '.join(said)}"
    because += f" (90 % intervals; faster means less than −{100 * MARGIN:g} %)"
    return results.claim(statement, results.decide(tests), because, evidence)


def percent(ratio: Interval) -> str:
    """A ratio of times as a difference in per cent, with its interval."""
    if not math.isfinite(ratio.high):
        return f"{100 * (ratio.estimate - 1):+.1f} %"
    low, high = (f"{100 * (value - 1):+.1f}" for value in (ratio.low, ratio.high))
    return f"{100 * (ratio.estimate - 1):+.1f} % ({low}…{high})"


# ---- what a reader sees ----------------------------------------------------------------------------------------------


def findings(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each arm has to say, the CPU's first."""
    arms = arms_of(result["rows"], on_gpu=False) | arms_of(result["rows"], on_gpu=True)
    return {arm: find(repetitions) for arm, repetitions in arms.items()}


def tables(result: dict[str, Any]) -> str:
    """The result as text: powers against tens, then multiples of 8 and 16."""
    settings, found = result["settings"], findings(result)
    ratios = ["powers over tens, by the curve", "powers over tens, beside", "powers over tens, medians by the curve",
              "powers over n − 1 and n + 1"]  # fmt: skip
    first = [[arm, *(percent(of[name]) for name in ratios)] for arm, of in found.items()]
    second = [
        [arm, *(percent(of[f"{name} over {rest}"]) for name, rest in CLASSES.items())]
        + ["–" if share is None else f"{100 * share:.0f} %" for share in of["shares"].values()]
        for arm, of in found.items()
    ]  # fmt: skip
    return "\n\n".join([
        f"{settings['dataset']}, {settings['features']} features: time of an update at 16 … 128 over that at 10 … 100, "
        f"repetitions: {settings['seeds']} (90 % interval)",
        table.render(["arm", "by the curve", "tens beside", "medians, by the curve", "over n − 1, n + 1"], first),
        "Or is it multiples of 8 or 16? Time over that of the class around; share of the variance between sizes",
        table.render(["arm", "8 over rest", "16 over other 8", "powers over other 16", "8", "16", "powers"], second),
    ])  # fmt: skip


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the two figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    return [
        *plots.save(draw_sizes(result), folder, "sizes"),
        *plots.save(draw_ratios(result), folder, "ratios"),
    ]


def draw_sizes(result: dict[str, Any]) -> Any:
    """How much slower each size is than its surroundings; a panel an arm."""
    arms = arms_of(result["rows"], on_gpu=False) | arms_of(result["rows"], on_gpu=True)
    rows = math.ceil(len(arms) / 2)
    fig, axes = plots.figure(rows, 2, 14, 0.6 + 3.8 * rows)
    for axis, (arm, repetitions) in zip(axes.ravel(), arms.items()):
        B = np.array(repetitions[0]["batch_sizes"])
        r = 100 * np.expm1(residuals(B, np.log([row["least"] for row in repetitions])))
        means = [mean_interval(values, level=0.9) for values in r.T]
        axis.axhspan(-100 * MARGIN, 100 * MARGIN, color="0.92", lw=0, label=f"± {100 * MARGIN:g} %")
        for chosen, look in (
            (class_of(B) == 0, {"marker": ".", "color": "0.5", "ms": 8, "label": "any other size"}),
            ((class_of(B) > 0) & (class_of(B) < 3), {"marker": "s", "color": "C0", "ms": 7, "label": "multiple of 8"}),
            (class_of(B) == 3, {"marker": "*", "color": "C3", "ms": 15, "label": "power of two"}),
        ):
            here = [mean for mean, mine in zip(means, chosen) if mine]
            middle = [mean.estimate for mean in here]
            axis.errorbar(B[chosen], middle, plots.reach(here), ls="none", capsize=2, elinewidth=1, **look)
        tens = np.isin(B, TENS)
        axis.plot(B[tens], r.mean(axis=0)[tens], "o", ms=13, mfc="none", mec="black", label="multiple of ten")
        plots.batch_axis(axis, B.tolist())
        axis.set_title(arm, loc="left")
        axis.set_ylabel("slower than the curve, %")
    for axis in axes.ravel()[len(arms) :]:
        axis.set_visible(False)
    fig.suptitle(
        "How much longer an update takes than by a smooth curve through all sizes but the powers (90 % intervals)"
    )
    fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside right upper")
    return fig


def draw_ratios(result: dict[str, Any]) -> Any:
    """Every ratio of times, as a difference in per cent with its interval; a colour an arm."""
    found = findings(result)
    names = [name for name in next(iter(found.values())) if name != "shares"]
    fig, [[axis]] = plots.figure(1, 1, 13, 1.5 + 0.2 * len(names) * max(3, len(found)))
    axis.axvspan(-100 * MARGIN, 100 * MARGIN, color="0.92", lw=0, label=f"within {100 * MARGIN:g} %")
    for index, (arm, of) in enumerate(found.items()):
        y = np.arange(len(names)) + 0.7 * ((index + 0.5) / len(found) - 0.5)
        ratios = [of[name] for name in names]
        axis.errorbar([100 * (ratio.estimate - 1) for ratio in ratios], y, xerr=100 * plots.reach(ratios), ls="none",
                      color=f"C{index}", marker=plots.MARKERS[index % 8], capsize=3, label=arm)  # fmt: skip
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set_xlabel("difference in the time of an update, % (90 % interval); to the left: faster")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return fig


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return experiment.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    raise SystemExit(main())
