"""C4: on one core one sample at a time is fastest; on a GPU a single sample costs as much as tens or hundreds.

    B        batch size
    t(B)     seconds of an update on a batch of B rows at hand
    S(B)     updates to the target, so that S(B) t(B) is the time to it
    a, b     overhead of an update and work of a sample: t(B) = a + b B
    a/b      the batch at which overhead equals work

The article's argument: a core does one multiplication after another, so a batch saves it nothing and the newest
parameters are worth most; a GPU does thousands at once, so a single sample leaves it idle. But a core has overhead,
too: an update passes through an interpreter and a dozen calls, and BLAS keeps a matrix in cache and registers, which a
single row cannot use. If t(B) = a + b B, a sample costs b + a/B: mostly overhead below a/b, mostly work above.

C4a. Seconds to a training loss on one BLAS thread, each size at the best rate of a grid: one sample at a time, on the
batched kernel and on the fast per-sample path, against every larger batch. It holds where one sample is faster than
all of them, and does not where one of them is faster; over pairs of the same seed, by intervals of the ratio so wide
that all are right at once with 95 % (Bonferroni).

C4b. a/b, from a line fitted with errors relative to t to each of some blocks of readings, which lie apart in time;
their spread gives the interval. It holds on a GPU where the interval lies above 10, and does not where it lies below;
without a GPU it is not measured, and what the CPU shows is told beside it. A line is a model, and caches bend it: the
table says how far it misses, and at which batch an update takes twice as long as on one sample, which needs no line.
"Flops alone" is what the arithmetic of a sample costs at the rate of one large matrix product.
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from minigrad import Dataset, get_backend
from minigrad.per_sample import fast_epoch

from .lab import cost_report, experiment, plots, results, sweep, table, timing
from .lab.statistics import Interval, at_target, mean_interval, median, ratio_interval
from .lab.trials import Trials, available_cores

NAME = "throughput"
MODELS = {"logistic": "logistic regression", "mlp": "MLP"}
PATHS = {"batched": "batched kernel", "fast": "fast per-sample path"}
TENS = 10  # samples: where "tens or hundreds" begin
SAMPLES = 256  # of a reading of the per-sample path
SIDE = 512  # of square matrices whose product shows what flops cost; on a device eight times that, to fill it

FLAGS = ("hidden", "activation", "batch-sizes", "epochs", "seeds", "target")
EFFORTS: dict[str, dict[str, Any]] = {
    "default": {"batch_sizes": [1, 8, 64, 512, "all"], "epochs": 60, "seeds": 5, "repeats": 3},
    "quick": {
        "batch_sizes": [1, 64, "all"], "epochs": 20, "seeds": 3, "blocks": 3, "rounds": 2, "widths": (0, 32),
        "timed_sizes": (1, 8, 64, 512, 4096),
    },
    "full": {
        "batch_sizes": [2**k for k in range(11)] + ["all"], "epochs": 200, "seeds": 20, "repeats": 5,
        "timed_sizes": tuple(2**k for k in range(17)), "blocks": 20, "rounds": 7,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Settings(sweep.Settings):
    """`batch_sizes`, `epochs`, `seeds` and `repeats` are those of C4a; the fields below, of C4b."""

    widths: tuple[int, ...] = (0, 8, 32, 128, 512)  # hidden units; 0 is logistic regression
    timed_sizes: tuple[int, ...] = tuple(2**k for k in range(14))  # 1 … 8,192; the rows repeat where there are fewer
    blocks: int = 5
    rounds: int = 3  # readings of each size in a block


# ---- C4a: seconds to the target on one core --------------------------------------------------------------------------


def goal_rows(data: Dataset, settings: Settings) -> list[dict]:
    """The target of a model."""
    return sweep.target_rows(sweep.data_for(settings.model, data), settings)


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
        history = sweep.train_once(
            sweep.data_for(settings.model, data),
            settings,
            batch_size,
            rate,
            seed,
            target_loss=settings.target,
            path=path,
        )
    row = {"kind": "race", "model": settings.model, "path": path, "batch_size": batch_size, "learning_rate": rate,
           "seed": seed, "repeat": repeat, "reached": history.reached_target}  # fmt: skip
    for name in ("updates", "seconds"):
        counts = getattr(history, name)
        row[name] = at_target(history.loss, counts, settings.target) if history.reached_target else float(counts[-1])
    return [row]


def race(trials: Trials, settings: Settings) -> None:
    """A model's target, tuned rates and timed runs."""
    [goal] = trials.run(goal_rows, settings, [{}])
    settings = replace(settings, target=goal["loss"])
    sizes = sorted({1, *settings.batch_sizes})
    tuned = trials.run(rate_rows, settings, [{"batch_size": size} for size in sizes])
    runs = [
        {"path": path, "batch_size": row["batch_size"], "rate": row["learning_rate"], "seed": seed, "repeat": repeat}
        for seed in range(settings.seeds)
        for repeat in range(settings.repeats)  # outside the sizes: a slow second of the machine hits all of them
        for row in tuned
        if row["learning_rate"] is not None
        for path in (PATHS if row["batch_size"] == 1 else ["batched"])
    ]
    trials.run(race_rows, settings, runs, timed=True)


def finishes(rows: list[dict], model: str) -> dict[tuple[int, str], dict[int, dict]]:
    """{(batch size, path): {seed: its row, with the median of the seconds of all repeats}}."""
    found: dict[tuple[int, str], dict[int, list[dict]]] = {}
    for row in rows:
        if (row["kind"], row.get("model")) == ("race", model):
            found.setdefault((row["batch_size"], row["path"]), {}).setdefault(row["seed"], []).append(row)
    return {
        key: {seed: runs[0] | {"seconds": median([run["seconds"] for run in runs])} for seed, runs in seeds.items()}
        for key, seeds in sorted(found.items())
    }


def compare(rows: list[dict], model: str, path: str) -> tuple[bool | None, dict[int, Interval]]:
    """Whether one sample at a time on this path is fastest; and, for each larger batch B, its time over that of B."""
    times = finishes(rows, model)
    one, larger = times.get((1, path), {}), [size for size, _ in times if size > 1]
    ratios = {}
    for size in larger:
        pairs = [(run, times[size, "batched"][seed]) for seed, run in one.items() if seed in times[size, "batched"]]
        # Where neither arrived, both times are lower bounds, and their ratio says nothing.
        known = [mine["seconds"] / other["seconds"] for mine, other in pairs if mine["reached"] or other["reached"]]
        if known:
            ratios[size] = ratio_interval(known, level=1 - 0.05 / len(larger))
    if any(ratio.low > 1 for ratio in ratios.values()):
        return False, ratios
    faster_than_all = bool(larger) and all(size in ratios and ratios[size].high < 1 for size in larger)
    return (True if faster_than_all else None), ratios


# ---- C4b: what an update costs against its batch size ----------------------------------------------------------------


def cost_rows(data: Dataset, settings: Settings, width: int, threads: int, block: int) -> list[dict]:
    """A block of readings: an update at each size, some samples on the per-sample path, and one large product."""
    arm = replace(settings, model="mlp" if width else "logistic", hidden=(width,))
    data, rng, sizes = sweep.data_for(arm.model, data), np.random.default_rng(block), settings.timed_sizes
    with threadpoolctl.threadpool_limits(threads):
        model = sweep.make_model(data, arm, seed=0)
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
    share = timing.flops_a_sample(model.layer_sizes) / (2 * side**3)  # of the flops of the large product
    return [{
        "kind": "cost", "on_gpu": backend.blas is None, "threads": threads, "block": block,
        "place": timing.place(backend, threads),
        "network": f"{width:,} hidden units" if width else "logistic regression",
        "batch_sizes": list(sizes), "microseconds": [readings[size] for size in sizes],
        "fast_path": [reading / SAMPLES for reading in readings["fast path"]],
        "flops_alone": [reading * share for reading in readings["product"]],
    }]  # fmt: skip


def lines(rows: list[dict]) -> list[dict[str, Any]]:
    """The line t(B) = a + b B, in microseconds, of each network in each place, and what goes with it."""
    blocks: dict[tuple, list[dict]] = {}
    for row in rows:
        if row["kind"] == "cost":
            blocks.setdefault((row["place"], row["network"]), []).append(row)
    return [line_of(here) for here in blocks.values()]


def line_of(blocks: list[dict]) -> dict[str, Any]:
    """One line a block; the spread of their a/b is the interval. What is drawn is a line through all readings."""
    B = np.array(blocks[0]["batch_sizes"], dtype=float)
    fits = [timing.overhead_and_work(B, np.median(block["microseconds"], axis=1)) for block in blocks]
    # A line says nothing of batches that lie ten times beyond the largest, nor of a tenth of a sample.
    a_over_b = [float(np.clip(a / b if b > 0 else math.inf, 0.1, 10 * B[-1])) for a, b in fits]
    readings = np.concatenate([block["microseconds"] for block in blocks], axis=1)
    t = np.median(readings, axis=1)
    a, b = timing.overhead_and_work(B, t)
    misses = (a + b * B) / t - 1
    worst = np.abs(misses).argmax()
    return {
        **{key: blocks[0][key] for key in ("place", "network", "on_gpu", "threads")},
        **{"B": B, "quartiles": np.quantile(readings, [0.25, 0.5, 0.75], axis=1), "a": a, "b": b},
        "evidence": {
            "a_microseconds": asdict(mean_interval([a for a, _ in fits])),
            "b_microseconds": asdict(mean_interval([b for _, b in fits])),
            "a_over_b": ratio_interval(a_over_b),
            "line_misses_at_most_by": {"relative": float(misses[worst]), "batch_size": int(B[worst])},
            "twice_one_sample_at": timing.crossing(B, t, 2 * t[0]),
            "fast_path_microseconds": float(np.median([block["fast_path"] for block in blocks])),
            "flops_alone_microseconds": float(np.median([block["flops_alone"] for block in blocks])),
        },
    }


# ---- run, verdict ----------------------------------------------------------------------------------------------------


def run(trials: Trials, settings: Settings) -> dict[str, Any]:
    """Measure everything, and judge it. Returns the result, a plain dict."""
    for model in MODELS:
        race(trials, replace(settings, model=model, backend="numpy"))  # the claim is about a core, not a device
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
    result = experiment.result_of(NAME, trials, settings)
    result["claims"] = verdict(result)
    return result


def verdict(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Judge both claims by the rows of a result."""
    return {"C4a": judge_one_core(result["rows"]), "C4b": judge_gpu(result["rows"])}


def judge_one_core(rows: list[dict]) -> dict[str, Any]:
    """C4a, an arm a model and path."""
    tests, evidence, said = {}, {}, []
    for model, model_name in MODELS.items():
        for path, path_name in PATHS.items():
            arm = f"{model}, {path}"
            tests[arm], ratios = compare(rows, model, path)
            evidence[arm] = {f"time over that of batch {size}": asdict(ratios[size]) for size in ratios}
            if ratios:
                size = max(ratios, key=lambda size: ratios[size].estimate)
                said.append(f"{in_words(ratios[size])} times as long as batch {size:,} ({model_name}, {path_name})")
    because = f"on one thread one sample at a time takes {', '.join(said)}" if said else "there is nothing to compare"
    return results.claim("On one core, one sample at a time is fastest.", results.decide(tests), because, evidence)


def judge_gpu(rows: list[dict]) -> dict[str, Any]:
    """C4b, an arm a network on a GPU; the CPU's lines are evidence beside it."""
    evidence: dict[str, dict] = {"GPU": {}, "CPU": {}}
    tests: dict[str, bool | None] = {}
    said: dict[str, list[str]] = {"GPU": [], "CPU": []}
    for line in lines(rows):
        place, name = "GPU" if line["on_gpu"] else "CPU", f"{line['place']}, {line['network']}"
        a_over_b = line["evidence"]["a_over_b"]
        evidence[place][name] = line["evidence"] | {"a_over_b": asdict(a_over_b)}
        if line["on_gpu"]:
            tests[name] = a_over_b.inside(TENS, math.inf)
        if line["threads"] == 1:
            said[place].append(f"{in_words(a_over_b)} for {line['network']}")
    because = "; ".join(
        f"on the {place} overhead equals work at a batch of {', '.join(said[place])}" if said[place]
        else f"no {place} was timed" for place in said
    )  # fmt: skip
    statement = "On a GPU a single sample costs as much as tens or hundreds."
    return results.claim(statement, results.decide(tests) if tests else "not measured", because, evidence)


def in_words(interval: Interval) -> str:
    """An estimate and its interval, to three digits."""
    if not math.isfinite(interval.high - interval.low):
        return f"{table.number(interval.estimate)} (no interval from one)"
    low, high = table.number(interval.low), table.number(interval.high)
    return f"{table.number(interval.estimate)} ({100 * interval.level:.3g} % interval {low} to {high})"


# ---- what a reader sees ----------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """The result as text: the race of each model, then what an update costs."""
    races = [race_table(result, model) for model in MODELS]
    return "\n\n".join([*races, cost_report.cost_table(lines(result["rows"]))])


def race_table(result: dict[str, Any], model: str) -> str:
    """What each batch size of a model needed to the target, on one thread."""
    settings, body = result["settings"], []
    for (size, path), seeds in finishes(result["rows"], model).items():
        runs = list(seeds.values())
        needed = {name: [run[name] if run["reached"] else math.inf for run in runs] for name in ("updates", "seconds")}
        body.append([
            plots.batch_label(size, settings["rows"]), PATHS[path], f"{runs[0]['learning_rate']:g}",
            table.median_and_range(needed["updates"]),
            table.number(median([1e6 * run["seconds"] / run["updates"] for run in runs])),
            table.median_and_range([1e3 * seconds for seconds in needed["seconds"]]),
        ])  # fmt: skip
    [goal] = [row["loss"] for row in result["rows"] if (row["kind"], row.get("model")) == ("target", model)]
    title = f"{MODELS[model]} on {settings['dataset']} ({settings['rows']:,} rows, {settings['dtype']}), one thread:\n"
    title += f"to a training loss of {goal:g}, median (least…greatest) of the seeds"
    return f"{title}\n\n{table.render(['batch size', 'on the', 'rate', 'updates', 'µs each', 'milliseconds'], body)}"


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the three figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    return [
        *plots.save(draw_race(result), folder, "race"),
        *plots.save(cost_report.draw_cost(lines(result["rows"])), folder, "cost"),
        *plots.save(cost_report.draw_overhead(lines(result["rows"]), TENS), folder, "overhead"),
    ]


def draw_race(result: dict[str, Any]) -> Any:
    """Time to the target against the batch size, on one thread; a panel a model."""
    fig, axes = plots.figure(1, 2, 13, 4.8)
    sizes, n = sorted({1, *result["settings"]["batch_sizes"]}), result["settings"]["rows"]
    looks = {"batched": ("o", 9), "fast": ("*", 17)}
    for axis, (model, name) in zip(axes[0], MODELS.items()):
        axis.set_title(f"{name}: one thread, the best rate for each size", loc="left")
        for (size, path), seeds in finishes(result["rows"], model).items():
            marker, ms = looks[path]
            if times := [1e3 * run["seconds"] for run in seeds.values() if run["reached"]]:
                middle = median(times)
                spread = [[middle - min(times)], [max(times) - middle]]
                colour = plots.batch_colour(size, n)
                axis.errorbar(size, middle, spread, marker=marker, ms=ms, color=colour, capsize=4)
                axis.annotate(table.number(middle), (size, middle), (11, 0), textcoords="offset points", va="center")
        if not axis.lines:
            axis.text(0.5, 0.5, "nobody arrives", transform=axis.transAxes, ha="center")
            continue
        for path, (marker, ms) in looks.items():
            axis.plot([], [], marker, color="black", ms=ms, label=PATHS[path])
        plots.batch_axis(axis, sizes)
        axis.set_xlim(right=2.5 * sizes[-1])
        axis.set(yscale="log", ylabel="milliseconds to the target (median, range)")
        axis.yaxis.set_major_formatter(plots.plain_number)
        axis.yaxis.set_minor_formatter(plots.plain_minor)
        axis.legend()
    return fig


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return experiment.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    raise SystemExit(main())
