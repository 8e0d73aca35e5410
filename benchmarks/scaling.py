"""What a sample gradient costs against rows, features, width, batch size and threads: `python -m benchmarks.scaling`.

Every point is the median of interleaved repeats, with their quartiles. Writes scaling.png beside this
file.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from experiments.lab import plots
from minigrad import MLP, SGD, LogisticRegression
from minigrad.engine.batch import Batch
from minigrad.model import Model
from minigrad.per_sample import fast_epoch

FOLDER = Path(__file__).parent
REPEATS = 7
SAMPLES = 4000  # sample gradients a measurement, at the least
THREADS = (1, 2)
Work = tuple[Callable[[], Any], int]  # what to time, and how many sample gradients it takes


def rows_of(model: Model, n: int) -> Batch:
    """n checked samples of noise for a model."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n, model.n_features)), rng.integers(0, model.n_classes, n)
    return model.batch(X, y)


def per_sample(model: Model, n: int) -> Work:
    """An epoch of SGD, one sample at a time."""
    rows = rows_of(model, n)
    return lambda: fast_epoch(model, rows, None, np.arange(n), 1e-4), n


def batched(model: Model, batch_size: int) -> Work:
    """Steps of SGD on a batch at hand."""
    rows = rows_of(model, batch_size)
    optimizer, steps = SGD(1e-4), max(1, SAMPLES // batch_size)
    return lambda: [optimizer.step(model, rows) for _ in range(steps)], steps * batch_size


def panels() -> dict[str, dict[str, dict[int, Work]]]:
    """{what is varied: {series: {its value: work}}}."""
    powers = [2**k for k in range(3, 12)]
    rows = [10**3, 10**4, 10**5]
    return {
        "rows n (64 features)": {
            "logistic, per sample": {n: per_sample(LogisticRegression(64), n) for n in rows},
            "logistic, all rows in a batch": {n: batched(LogisticRegression(64), n) for n in rows},
        },
        "features d": {
            "logistic, per sample": {d: per_sample(LogisticRegression(d), SAMPLES) for d in powers},
            "logistic, batch 64": {d: batched(LogisticRegression(d), 64) for d in powers},
            "MLP d-100-10, batch 64": {d: batched(MLP((d, 100, 10)), 64) for d in powers},
        },
        "hidden units (784 features)": {
            "MLP 784-h-10, per sample": {h: per_sample(MLP((784, h, 10)), SAMPLES) for h in powers[:-1]},
            "MLP 784-h-10, batch 64": {h: batched(MLP((784, h, 10)), 64) for h in powers[:-1]},
        },
        "batch size": {
            "MLP 784-100-10, per sample": {1: per_sample(MLP((784, 100, 10)), SAMPLES)},
            "MLP 784-100-10, batched": {2**k: batched(MLP((784, 100, 10)), 2**k) for k in range(13)},
            "logistic, 784 features, batched": {2**k: batched(LogisticRegression(784), 2**k) for k in range(13)},
        },
    }


def measure() -> list[dict[str, Any]]:
    """Microseconds a sample gradient of every point: repeats outside, so that a slow minute hits all points."""
    points: dict[tuple[str, str, int, int], list[float]] = {}
    everything = panels()
    for repeat in range(REPEATS + 1):
        for threads in THREADS:
            with threadpoolctl.threadpool_limits(threads):
                for panel, series in everything.items():
                    for name, values in series.items():
                        for value, (run, samples) in values.items():
                            start = time.perf_counter()
                            run()
                            cost = 1e6 * (time.perf_counter() - start) / samples
                            if repeat > 0:  # the first warms up
                                points.setdefault((panel, name, threads, value), []).append(cost)
    return [
        {"panel": panel, "series": name, "threads": threads, "value": value, "quartiles": list(np.quantile(costs, q))}
        for (panel, name, threads, value), costs in points.items()
        for q in [(0.25, 0.5, 0.75)]
    ]


def draw(rows: list[dict[str, Any]]) -> Any:
    """A panel a quantity; a colour a kind of work; solid for one thread, dashed for two."""
    names = list(dict.fromkeys(row["panel"] for row in rows))
    fig, axes = plots.panels(2, 2, 13, 9.5)
    for axis, panel in zip(axes.ravel(), names):
        here = [row for row in rows if row["panel"] == panel]
        for index, name in enumerate(dict.fromkeys(row["series"] for row in here)):
            for threads in THREADS:
                line = [row for row in here if (row["series"], row["threads"]) == (name, threads)]
                low, middle, high = np.array([row["quartiles"] for row in line]).T
                style = {"color": f"C{index}", "marker": plots.MARKERS[index], "capsize": 3, "ms": 6}
                style |= {"ls": "-"} if threads == 1 else {"ls": "--", "mfc": "white"}
                label = f"{name}, {threads} thread{'s' * (threads > 1)}"
                x, bars = [row["value"] for row in line], [middle - low, high - middle]
                axis.errorbar(x, middle, yerr=bars, label=label, **style)
        axis.set_xscale("log", base=10 if "rows" in panel else 2)
        axis.set(yscale="log", xlabel=panel, ylabel="µs a sample gradient")
        axis.xaxis.set_major_formatter(plots.plain_number)
        axis.legend(fontsize=8.5)
    return fig


if __name__ == "__main__":
    measured = measure()
    plots.save(draw(measured), FOLDER, "scaling")
    (FOLDER / "scaling.svg").unlink()
