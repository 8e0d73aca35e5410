"""C9 as tables and figures: the answer, how it grows with the target, the check, and how it moves with the hardware."""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ..lab import plots
from ..lab.text import begun, headline, number, table, wrapped
from .judge import pays_after, sentence, swept
from .predict import ESTIMATORS, Prediction, cost, growth, predict
from .theory import Law

PLAIN_CHOICES = (1, 32)  # and all rows


def tables(result: dict[str, Any]) -> str:
    """What is predicted, how it grows, what the probe cost; and the check."""
    found = {aim: predict(result, target) for aim, target in result["settings"]["targets"]}
    answer = list(found.values())[-1]
    parts = [f"{headline(result['settings'])}\noptimizer: {result['settings']['optimizer']}"]
    parts += [prediction_table(result, found), growth_table(result), cost_line(result, answer)]
    if not swept(result, answer.target).empty:
        parts += [check_table(result, aim, each) for aim, each in found.items()]
        parts.append(rules_table(result))
    return "\n\n".join([*parts, wrapped(f"{begun(sentence(result, answer))}.")])


def prediction_table(result: dict[str, Any], found: dict[str, Prediction]) -> str:
    """An answer a target, and where it comes from."""
    names = {
        "training loss": [f"{each.target:g}" for each in found.values()],
        **{f"B_c: {name}": [number(each.estimates[name]) for each in found.values()] for name in ESTIMATORS},
        "B_c that is used": [f"{each.B_c}" for each in found.values()],
        "overhead over work, a/b, rows": [number(ratio(each)) for each in found.values()],
        "B* = √(B_c a/b), of at most all rows": [number(each.law.best) for each in found.values()],
        "fastest of the timed sizes": [f"{each.batch_size:,}" for each in found.values()],
        "within 10 % of it (all rows: beside the line)": [between(each) for each in found.values()],
        "learning rate there": [f"{each.learning_rate:g}" for each in found.values()],
        "updates expected": [number(each.updates(each.batch_size)) for each in found.values()],
        "seconds expected": [number(each.seconds(each.batch_size)) for each in found.values()],
    }
    off = max(each.misfit for each in found.values())
    size = result["settings"]["probe"]
    title = f"Predicted from batches of {size}; the line a + b B is off by {off:.0%}, root mean square"
    return table(title, ["", *(f"{aim} target" for aim in found)], [[name, *each] for name, each in names.items()])


def between(each: Prediction) -> str:
    """The band as text."""
    low, high = each.band
    return f"{low:,} to {high:,}" if low < high else f"{low:,}"


def ratio(each: Prediction) -> float:
    """a/b."""
    return each.law.a / each.law.b if each.law.b else math.inf


def growth_table(result: dict[str, Any]) -> str:
    """How the answer grows as the target tightens."""
    header = ["training loss", "B_c", "fastest", "band"]
    lines = [
        [f"{each.target:.3g}", number(each.B_c.estimate), f"{each.batch_size:,}", between(each)]
        for each in growth(result)
    ]
    return table("The answer by the noise alone, for looser targets, which the probe passed on its way", header, lines)


def cost_line(result: dict[str, Any], answer: Prediction) -> str:
    """What the probe took, and when it pays."""
    took, runs = cost(result), pays_after(result, answer)
    size = result["settings"]["probe"]
    pays = f"pays from {math.ceil(runs):,} training runs on" if math.isfinite(runs) else "saves nothing"
    seconds, samples = number(took["seconds"]), number(took["sample_gradients"])
    return f"The probe took {seconds} s and {samples} sample gradients; against batches of {size} it {pays}."


def check_table(result: dict[str, Any], aim: str, answer: Prediction) -> str:
    """Seconds and updates at each size, predicted and measured."""
    T, S = swept(result, answer.target).median(), swept(result, answer.target, count="updates").median()
    lines = [
        [
            plots.batch_label(size, result["settings"]["rows"]) + (" ←" if size == answer.batch_size else ""),
            number(answer.updates(size)),
            number(S.get(size, math.inf)),
            number(1e3 * answer.seconds(size)),
            number(1e3 * T.get(size, math.inf)),
        ]
        for size in answer.microseconds
    ]
    title = f"The check, {aim} target {answer.target:g} (← the answer; – : never so far; medians)"
    return table(title, ["batch size", "updates predicted", "measured", "ms predicted", "measured"], lines)


def rules_table(result: dict[str, Any]) -> str:
    """Time lost by the prediction, by other estimators and by rules of thumb."""
    targets = result["claims"]["C9"]["evidence"]["targets"]
    ways = ["lost_by_estimator", "lost_by_rule_of_thumb"]
    names = [name for way in ways for name in next(iter(targets.values()))[way]]
    merged = {aim: each[ways[0]] | each[ways[1]] for aim, each in targets.items()}
    lines = [
        [name, *(f"{100 * each[name]:.0f}" if name in each else "–" for each in merged.values())] for name in names
    ]
    title = "Time lost against the best measured size, in %, each at its best rate"
    return table(title, ["by", *(f"{aim} target" for aim in targets)], lines)


# ---- figures ---------------------------------------------------------------------------------------------------------


def draw_answer(result: dict[str, Any]) -> Figure:
    """Time to the target against the batch size, predicted and measured; below it its two factors."""
    _, target = result["settings"]["targets"][-1]
    answer, n = predict(result, target), result["settings"]["rows"]
    sizes = list(answer.microseconds)
    title = f"Time to a training loss of {answer.target:g}: predicted from two batch sizes"
    title += ", and measured" if not swept(result, answer.target).empty else ""
    symbols = (
        "S(B): updates to the target; B_c: critical batch size; w(B): what a batch keeps of a row's variance, about "
        "1/B; a, b: overhead of an update, work of a row. One row, and all rows, are timed by themselves: beside the "
        "line."
    )
    fig, axes = plots.figure(
        3, 1, 10, 10, title, result["settings"], symbols=symbols, sharex=True, height_ratios=[2, 1, 1]
    )
    top, middle, below = axes[:, 0]
    line = np.geomspace(2, max(2, n - 1), 200)
    law = 1e-6 * answer.S_min * np.array([answer.law.time(size) for size in line])
    top.axvspan(answer.band[0] / 1.05, answer.band[1] * 1.05, color="C2", alpha=0.15, lw=0, label="band: within 10 %")
    top.plot(line, law, color="C0", label="predicted: S(B) (a + b B)")
    times = [answer.seconds(size) for size in sizes]
    top.plot(sizes, times, "o", color="C0", ms=6, label="predicted at the timed sizes")
    middle.plot(line, [answer.updates(size) for size in line], color="C0", label="predicted: S_min (1 + B_c w(B))")
    below.plot(line, answer.law.a + answer.law.b * line, color="C0", label="line: a + b B")
    below.plot(sizes, list(answer.microseconds.values()), "s", color="C1", ms=6, label="measured")
    for count, axis in (("seconds", top), ("updates", middle)):
        measured = swept(result, answer.target, count=count)
        if not measured.empty:
            finite = measured.replace(math.inf, np.nan).dropna(axis=1)
            runs = finite.to_numpy().T.tolist()
            plots.medians(axis, finite.columns.tolist(), runs, 1, "measured, best rate for each")
    mark_choices(top, answer, n)
    for axis, unit in ((top, "seconds to the target"), (middle, "updates, S(B)"), (below, "µs an update, t(B)")):
        plots.log_axes(axis, "y")
        axis.set_ylabel(unit)
        plots.legend_beside(axis)
    plots.batch_axis(below, sizes)
    for axis in (top, middle):
        axis.set_xlabel("")
    return fig


def mark_choices(axis: Any, answer: Prediction, n: int) -> None:
    """The answer as a star; the plain choices 1, 32 and all as diamonds."""
    axis.plot(answer.batch_size, answer.seconds(answer.batch_size), "*", color="C2", mec="black", ms=20, label="answer")
    plain = [size for size in (*PLAIN_CHOICES, n) if size in answer.microseconds]
    times = [answer.seconds(size) for size in plain]
    names = ", ".join("all" if size == n else f"{size:,}" for size in plain)
    axis.plot(plain, times, "D", color="none", mec="black", mew=1.8, ms=12, label=f"plain choices: {names}")


def draw_hardware(result: dict[str, Any]) -> Figure:
    """How the fastest size moves with a/b, for the B_c that was measured."""
    title = "The fastest batch size against the hardware"
    symbols = (
        "a/b: the batch size at which an update's overhead equals its work; B_c: critical batch size. "
        "The stars are this machine; no other was measured."
    )
    fig, [[axis]] = plots.figure(1, 1, 10, 5.2, title, result["settings"], symbols=symbols)
    n = result["settings"]["rows"]
    x = np.geomspace(1, 1e5, 200)
    for index, (aim, target) in enumerate(result["settings"]["targets"]):
        answer = predict(result, target)
        laws = [Law(value, 1.0, answer.law.B_c, n) for value in x]
        low, high = np.array([law.band() for law in laws]).T
        axis.fill_between(x, low, high, color=f"C{index}", alpha=0.15, lw=0)
        label = f"{aim} target, B_c = {number(answer.law.B_c)}"
        axis.plot(x, [law.best for law in laws], color=f"C{index}", ls=("-", "--")[index % 2], label=label)
        here = ratio(answer)
        if 1 <= here <= 1e5:
            axis.plot(here, answer.law.best, "*", color=f"C{index}", mec="black", ms=18)
    axis.plot([], [], "*", color="0.5", mec="black", ms=14, label="this machine")
    axis.axhline(n, color=plots.GREY, lw=1, ls=":", label=f"all {n:,} rows")
    plots.log_axes(axis)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set(xlabel="overhead over work, a/b (rows)", ylabel="fastest batch size B* (shaded: within 10 %)")
    plots.legend_beside(axis)
    return fig
