"""C7 as tables and figures."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import scipy
from matplotlib.figure import Figure

from ..lab import plots
from ..lab.results import frame
from ..lab.statistics import ratio_interval
from ..lab.sweep import nearest
from ..lab.text import headline, listed, logistic_name, model_name, number, styled, table
from .errors import FITS, error_fits
from .judge import ends, noise_costs
from .measure import FIRST_ORDER, GRIDS, LOGISTIC, NETWORK, OPTIMIZERS, PROBLEMS, REFERENCE, RUN, SEARCH, chosen_rates

COUNTS = ["diverged", "skipped", "updates"]
ERRORS = {"two": "two batches", "one": "one batch"}  # columns of the errors
DRAWN = {"problem": NETWORK, "place": "middle", "direction": "along −G"}  # in the figure of the errors


def tables(result: dict[str, Any]) -> str:
    """Where each optimizer ended with each batch size, at which rate, and what noise cost it; and the errors of dG."""
    settings, fits = result["settings"], error_fits(result)
    budget = f"each run has a budget of {settings['epochs'] * settings['rows']:,} sample gradients"
    parts = [f"{headline(settings, both(settings))}\n{budget}"]
    for problem in PROBLEMS:
        parts += problem_tables(result, problem)
    lines = [[name, *(f"{fit[key]:.2f}" for fit in fits.values())] for key, name in FITS.items() if fits]
    return "\n\n".join([*parts, table("Relative error of dG by the length of the step", ["", *fits], lines)])


def named(problem: str, settings: dict[str, Any]) -> str:
    """A problem, and what becomes of more than two classes."""
    if problem != LOGISTIC:
        return problem
    regrouped = settings["classes"] > 2 and not settings.get("own_data")
    return logistic_name(settings) + (", odd or even" if regrouped else "")


def both(settings: dict[str, Any]) -> str:
    """Both problems, in words."""
    return f"{model_name(settings)}, and {logistic_name(settings)}"


def problem_tables(result: dict[str, Any], problem: str) -> list[str]:
    """Where the runs of a problem ended, their rates, and what noise cost."""
    settings, best = result["settings"], chosen_rates(result)
    [least] = frame(result, "minimum", problem=problem).loss
    sums = frame(result, "training", problem=problem).groupby(["arm", "batch_size"])[COUNTS].sum()
    diverged = sums.diverged.map(lambda runs: f" ({runs})" if runs else "")
    ended = pd.Series(ends(result))[problem].map(scipy.stats.gmean).map(number) + diverged
    rates = best[best.problem == problem].set_index(["arm", "batch_size"]).learning_rate.sort_index()
    skipped = (100 * sums.skipped / sums.updates.clip(lower=1)).map(number)
    used = [[f"rate of {name}", *rates[name].map("{:g}".format)] for name in GRIDS]
    used += [[f"% skipped by {name}", *skipped[name]] for name in GRIDS if name not in FIRST_ORDER]
    costs = {name: cost for (each, name), cost in noise_costs(result).items() if each == problem}
    ratios = [
        [name, cost.batch_size or "–"]
        + [number(ratio.estimate) for ratio in (cost.over_all, cost.over_first_order, cost.over_leader)]
        for name, cost in costs.items()
    ]
    where = named(problem, settings)
    header = ["", *(size_name(size, settings["rows"]) for size in settings["batch_sizes"])]
    beside = f"at {costs['SGD'].leader_size or '–'}, over first-order"
    title = f"{where}: J − J* by batch size (J* = {least:.4g}; geometric mean; (k): k runs diverged)"
    costs_title = (
        f"{where}: J − J* as a ratio\n(first-order: the best of the three at that size; all: for each L-BFGS the best "
        "of these on all samples)"
    )
    return [
        table(title, header, [[name, *ended[name]] for name in OPTIMIZERS]),
        table(f"{where}: best rates; pairs that L-BFGS skipped, in % of its steps", header, used),
        table(costs_title, ["", "best size", "at it, over all", "over first-order", beside], ratios),
    ]


def size_name(batch_size: int, n: int) -> str:
    """A batch size, or all; here all samples are not gradient descent alone."""
    return f"all {n:,}" if batch_size == n else f"{batch_size:,}"


def panels(result: dict[str, Any], title: str, spread: str, draw: Callable[[Any, pd.DataFrame], None]) -> Figure:
    """A panel a problem, drawn by draw(axis, its training runs), with J − J* of guessing; a legend for both."""
    settings, runs = result["settings"], frame(result, "training", never=["excess"])
    fig, [axes] = plots.figure(1, 2, 14, 5.8, title, settings, both(settings))
    for axis, problem in zip(axes, PROBLEMS):
        here = runs[runs.problem == problem]
        guessing, least = here.guessing.iloc[0], here.groupby(RUN).excess.agg(scipy.stats.gmean).min()
        axis.axhline(guessing, color=plots.GREY, lw=1, ls=":")
        axis.annotate("guessing", (0.99, guessing), xycoords=("axes fraction", "data"), ha="right", va="bottom")
        axis.set_title(named(problem, settings), loc="left", fontsize=12)
        plots.log_axes(axis, "y")
        if guessing > 100 * least:
            axis.set_yscale("log")  # back to powers of ten: ticks between them would overlap
            axis.minorticks_off()
        axis.set_ylim(min(least, guessing) / 2.5, 2.5 * guessing)
        draw(axis, here)
    axes[0].set_ylabel(f"training loss above its least, J − J* (nats)\n{spread}")
    plots.legend_beside(axes[1])
    return fig


def draw_losses(result: dict[str, Any]) -> Figure:
    """J − J* at the end of the budget against the batch size: a line an optimizer, dashed for CG and L-BFGS."""
    sizes, epochs, ended = result["settings"]["batch_sizes"], result["settings"]["epochs"], ends(result)

    def draw(axis: Any, runs: pd.DataFrame) -> None:
        for index, name in enumerate(OPTIMIZERS):
            intervals = [ratio_interval(ended[runs.problem.iloc[0], name, size]) for size in sizes]
            beside = [size * 1.02 ** (index - 3) for size in sizes]  # so that the bars can be told apart
            line = "-" if name in FIRST_ORDER else "--"
            plots.intervals(axis, beside, intervals, index, name, ls=line, ms=7, capsize=2, elinewidth=1)
        plots.batch_axis(axis, sizes)

    title = f"Loss after equally many sample gradients: {epochs} epochs' worth, line searches included"
    return panels(result, title, "geometric mean, 95 % interval", draw)


def draw_curves(result: dict[str, Any]) -> Figure:
    """J − J* on the way there, of SGD and of L-BFGS, each with a mini-batch and with all samples."""
    epochs, n, sizes = (result["settings"][name] for name in ("epochs", "rows", "batch_sizes"))
    small = nearest([size for size in sizes if size < n] or sizes, REFERENCE)
    styles = {"SGD": "o-", SEARCH: "v--"}

    def draw(axis: Any, runs: pd.DataFrame) -> None:
        runs = runs[runs.arm.isin(list(styles)) & runs.batch_size.isin([small, max(sizes)])]
        for (name, size), group in runs.groupby(["arm", "batch_size"], sort=False):
            # where a run diverged there is no number, or one far above guessing
            ceiling, curves = group.guessing.iloc[0], np.array(group.curve.tolist(), dtype=float)
            curves = np.minimum(np.nan_to_num(curves, nan=ceiling, posinf=ceiling), ceiling)
            x, colour = np.linspace(0, epochs, curves.shape[1]), plots.batch_colour(size, n)
            axis.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.15, lw=0)
            label = f"{name}; {size_name(size, n)}"
            axis.plot(x, np.median(curves, axis=0), styles[name], color=colour, markevery=10, label=label)
        axis.set_xlabel("sample gradients used (epochs' worth)")

    return panels(result, "The way down with a mini-batch and with all samples", "median and range of the seeds", draw)


def draw_errors(result: dict[str, Any]) -> Figure | None:
    """Relative error of dG against the length of the step, with dG on two batches and on one."""
    settings, rows = result["settings"], frame(result, "error", **DRAWN)
    size = nearest(rows.batch_size.unique(), REFERENCE) if len(rows) else 0
    fits = error_fits(result, batch_size=size, **DRAWN)
    if not fits:
        return None
    rows = rows[rows.batch_size == size]
    title = f"Relative error of dG = G(θ + s) − G(θ) by the length of the step, batch size {size:,}"
    symbols = "G: gradient of all rows; s: a step; dG: how G changes along s; B: batch size; tr Σ: variance of one row"
    fig, [[axis]] = plots.figure(1, 1, 9, 5.8, title, settings, symbols=symbols)
    steps, lengths = rows.steps.iloc[0], np.array(rows.length.tolist(), dtype=float)
    for index, (name, batches) in enumerate(ERRORS.items()):
        label = f"dG on {batches}: slope {styled(fits[NETWORK][name].estimate, '.2f')}"
        plots.medians(axis, steps, np.array(rows[name].tolist(), dtype=float).T.tolist(), index, label)
    theory = np.sqrt(2 * rows.trace.to_numpy() / size)[:, None] / lengths
    axis.plot(steps, np.median(theory, axis=0), "k--", lw=1.2, label="theory: √(2 tr Σ/B)/‖dG‖")
    axis.axhline(1, color=plots.GREY, lw=1, label="an error of 100 %")
    axis.set(xscale="log", yscale="log", xlabel="length of a step along −G halfway through training, ‖s‖")
    axis.set_ylabel("relative error of dG (median and range of the seeds)")
    axis.minorticks_off()
    axis.legend()
    shortest = int(np.argmin(steps))
    off = {batches: float(np.median([each[shortest] for each in rows[name]])) for name, batches in ERRORS.items()}
    said = listed([f"{number(each)} on {batches}" for batches, each in off.items()])
    plots.write_below(fig, f"At a step of {number(steps[shortest])} the relative error of dG is {said}.")
    return fig
