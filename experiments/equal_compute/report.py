"""C3 as tables and figures."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..lab import plots
from ..lab.results import frame
from ..lab.statistics import median_interval
from ..lab.text import headline, listed, logistic_name, median_and_range, model_name, number, styled, table
from .judge import DRAWN, HARDLY, SAMPLINGS, Case, along, compared, fits_of, needed, ratio, rows_of, seen
from .measure import CASES, COUNTS, LOOSE, MODELS, TIGHT

UNITS = {"samples": "sample gradients", "updates": "updates", "seconds": "seconds"}


def title_of(model: str, result: dict[str, Any]) -> str:
    """What stands above a model's panel."""
    return f"{logistic_name(result['settings'])}: convex" if model == "logistic" else "MLP: not convex"


def models_of(result: dict[str, Any]) -> str:
    """Both models in words."""
    return f"{logistic_name(result['settings'])} and {model_name({**result['settings'], 'model': 'mlp'})}"


# ---- tables ----------------------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """What each size took to each target, the fits, the directions."""
    cases = {case: name for case, name in CASES.items() if len(rows_of(result, "target", case))}
    costs = [cost_table(result, case) for case in cases]
    others = [rival_table(result), *fit_tables(result), *direction_tables(result)]
    return "\n\n".join([headline(result["settings"], models_of(result)), *costs, *others])


def cost_table(result: dict[str, Any], case: Case) -> str:
    """What each size took to a target."""
    n, target = result["settings"]["rows"], rows_of(result, "target", case).iloc[0]
    took = {count: needed(result, case, count) for count in COUNTS}
    E, lines = took["samples"].median(), []
    for _, row in rows_of(result, "tuning", case).iterrows():
        rate = "none arrives" if pd.isna(row.learning_rate) else f"{row.learning_rate:g}"
        S, seconds = (list(took[count].get(row.batch_size, [])) for count in ("updates", "seconds"))
        samples = [number(column.get(row.batch_size, math.nan)) for column in (E, E / E.min())]
        milliseconds = median_and_range([1e3 * each for each in seconds])
        lines.append([plots.batch_label(row.batch_size, n), rate, median_and_range(S), *samples, milliseconds])
    when = "at the ends of epochs" if target.epoch_ends else "along the way"
    title = f"{CASES[case]} target: a training loss of {target.loss:g}, median (least…greatest) of the seeds\n"
    title += f"(evaluated {when}, epochs at most: {target.epochs:,}; –: never so far)"
    return table(title, ["batch size", "best rate", "updates S", "sample gradients E", "E / least", "ms"], lines)


def rival_table(result: dict[str, Any]) -> str:
    """The batch sizes that all the data are compared with."""
    lines = []
    for case, name in CASES.items():
        rivals = [compared(result, case, count)[0] for count in COUNTS]
        if any(rivals):
            lines.append([name, *(f"{rival:,}" if rival else "–" for rival in rivals)])
    title = "The smaller batch size that all the data are compared with: the best in a run of another seed"
    return table(title, ["by", *(UNITS[count] for count in COUNTS)], lines)


def fit_tables(result: dict[str, Any]) -> list[str]:
    """Both fits of S(B); and what one of them makes of all the data against one row at a time."""
    n, lines, over = result["settings"]["rows"], [], []
    for case, name in CASES.items():
        for sampling, fit in fits_of(result, case).items():
            if fit is not None:
                lines.append([f"{name}, {sampling}", f"{fit.S_min:}", f"{fit.B_c:}", f"{100 * fit.misfit:.1f} %"])
                if sampling == DRAWN:
                    measured = ratio(needed(result, case, "samples"), n, 1)
                    over.append([name, number(n / (1 + fit.B_c.estimate)), f"{measured:}"])
    title = "The critical batch size: S(B) = S_min (1 + B_c w(B)), 95 % intervals"
    header = ["sample gradients of all the data / of one row at a time", "N / (1 + B_c)", "measured"]
    return [
        table(title, ["rows of batches", "S_min", "B_c", "misfit"], lines),
        table("What the fit makes of all the data, drawn without replacement", header, over),
    ]


def direction_tables(result: dict[str, Any]) -> list[str]:
    """How far the gradient turns in an update; and how far a batch's gradient points from that of all the data."""
    n, turns, offs = result["settings"]["rows"], [], []
    for case, name in CASES.items():
        looks = rows_of(result, "direction", case)
        for size, share in sorted(set(zip(looks.batch_size, looks.share))) if len(looks) else ():
            label = f"{name}, {plots.batch_label(size, n)}"
            noise, turn = seen(result, case, size, "noise_scale", share), seen(result, case, size, "cos_next", share)
            turns.append([label, "best" if share == 1 else f"best × {share:g}", f"{turn:.3f}", f"{noise:}"])
            if size < n:
                names = ("cos_batch", "cos_fresh", "predicted")
                offs.append([label, *(f"{seen(result, case, size, each, share):.2f}" for each in names)])
    title = "The gradient before and after an update: median along a run, then over the seeds"
    header = ["cos(g_B, G)", "batch of the run", "drawn afresh", "predicted"]
    return [
        table(title, ["batch size", "rate", "cos(G_t, G_t+1)", "tr Σ/‖G‖²"], turns),
        table("A batch's gradient and that of all the data, along the same runs", header, offs),
    ]


# ---- figures ---------------------------------------------------------------------------------------------------------


def draw_sample_gradients(result: dict[str, Any]) -> Figure | None:
    """Sample gradients to each target against the batch size, and both fits."""
    return draw_needed(result, "samples", "Sample gradients to a target, and the critical batch size $B_c$")


def draw_seconds(result: dict[str, Any]) -> Figure | None:
    """Seconds to each target against the batch size."""
    return draw_needed(result, "seconds", "Training time to a target, at the best learning rate of each batch size")


def draw_needed(result: dict[str, Any], count: str, title: str) -> Figure | None:
    """Medians and 95 % intervals of what runs took, a model an axis."""
    if frame(result, "reaching").empty:
        return None
    title += ": medians, 95 % intervals"
    symbols = "B_c: critical batch size, up to which a larger batch costs at most twice the sample gradients"
    symbols = (
        symbols if count == "samples" else "one row at a time takes the per-sample path, larger batches the batched one"
    )
    fig, [axes] = plots.figure(1, 2, 13, 6.6, title, result["settings"], models_of(result), symbols)
    for axis, model in zip(axes, MODELS):
        axis.set(yscale="log", ylabel=f"{UNITS[count]} to the target", title=title_of(model, result))
        axis.yaxis.set_major_formatter(lambda value, _: number(value))
        axis.yaxis.set_minor_formatter(lambda value, _: number(value) if plots.plain_minor(value) else "")
        plots.batch_axis(axis, result["settings"]["batch_sizes"])
        for index, aim in enumerate((LOOSE, TIGHT)):
            draw_case(axis, result, (model, aim), count, index)
        low, high = axis.get_ylim()
        if high < 2 * low:  # values that differ by rounding leave an axis of no length
            axis.set_ylim(low / 2, 2 * high)
        if count == "samples":
            for style, sampling in zip(("-", ":"), SAMPLINGS):
                axis.plot([], [], style, color="black", label=f"fit: {sampling}")
        plots.legend_beside(axis, bbox_to_anchor=(0, -0.14), fontsize=10)
    low, high = result["settings"].get("not_to_tight", (0, 0))
    untried = [f"{size:,}" for size in result["settings"]["batch_sizes"] if low <= size < high]
    if untried:
        plots.write_below(
            fig, f"Not trained to the tight target, which would take minutes: batch sizes {listed(untried)}."
        )
    over = {name: compared(result, case, count)[1].estimate for case, name in CASES.items()}
    said = [f"{number(each)} ({name})" for name, each in over.items() if math.isfinite(each)]
    if said:
        plots.write_below(
            fig, f"All rows over the best smaller batch, {UNITS[count]}, median of the seeds' ratios: {listed(said)}."
        )
    return fig


def draw_case(axis: Any, result: dict[str, Any], case: Case, count: str, index: int) -> None:
    """One target: what runs took, and a cross at the upper edge where half of them never arrive."""
    intervals = {size: median_interval(runs.tolist()) for size, runs in needed(result, case, count).items()}
    there = {size: each for size, each in intervals.items() if each.estimate < math.inf}
    for loss in rows_of(result, "target", case).loss if there else ():
        line = ":" if count == "seconds" else "none"
        label = f"{case[1]} target, a loss of {loss:.3g}"
        beside = [size * 1.05**index for size in there]  # so that no interval covers another
        plots.intervals(axis, beside, list(there.values()), index, label, ls=line, lw=1, elinewidth=2)
    tuned = rows_of(result, "tuning", case)
    never = [] if tuned.empty else [size for size in tuned.batch_size if size not in there]
    if never:
        place, label = axis.get_xaxis_transform(), f"{case[1]} target: never"
        axis.plot(never, [0.97] * len(never), "x", color=f"C{index}", ms=10, mew=3, transform=place, label=label)
    if count == "samples":
        draw_fits(axis, result, case, index)


def draw_fits(axis: Any, result: dict[str, Any], case: Case, index: int) -> None:
    """The fits as curves, and on the one for rows drawn without replacement B_c with its interval."""
    n, colour = result["settings"]["rows"], f"C{index}"
    sizes = np.geomspace(min(result["settings"]["batch_sizes"]), n, 200)
    for style, (sampling, fit) in zip(("-", ":"), fits_of(result, case).items()):
        if fit is None:
            continue
        w = SAMPLINGS[sampling]
        axis.plot(sizes, sizes * fit.updates(w(sizes, n)), style, color=colour, lw=1.5)
        if sampling == DRAWN:
            B_c = fit.B_c.estimate
            label = f"$B_c$ = {fit.B_c:}, {case[1]} target" + (": more than all the data" if B_c > n else "")
            E = B_c * fit.updates(w(B_c, n)) if B_c <= n else math.nan
            axis.errorbar([B_c], [E], xerr=plots.reach([fit.B_c]), fmt="*", ms=15, color=colour, capsize=5, label=label)


def draw_directions(result: dict[str, Any]) -> Figure | None:
    """The cosine between the gradients of all the data before and after an update, along gradient descent."""
    n = result["settings"]["rows"]
    looks = frame(result, "direction", batch_size=n)
    if looks.empty:
        return None
    title = "How far gradient descent turns in one update: medians over the seeds, and their ranges"
    fig, [axes] = plots.figure(1, 2, 13, 6.2, title, result["settings"], models_of(result))
    for axis, model in zip(axes, MODELS):
        for aim, share in ((LOOSE, 0.1), (LOOSE, 1.0), (TIGHT, 1.0)):
            rows = looks[(looks.arm == model) & (looks.aim == aim) & (looks.share == share)]
            cosines = along(result, (model, aim), n, "cos_next", share).dropna(axis=1, how="all")
            if cosines.empty:
                continue
            x = np.array(max(rows["update"], key=len))[cosines.columns] / rows.updates.iloc[0]
            if share < 1:
                label = f"{aim} target, {share:g} of the best learning rate"
                axis.plot(x, cosines.median(), color=plots.GREY, lw=7, label=label)
            else:
                groups = [cosines[moment].dropna().tolist() for moment in cosines]
                plots.medians(axis, x, groups, (LOOSE, TIGHT).index(aim), f"{aim} target, best learning rate")
        axis.axhspan(HARDLY, 1, color="0.9", lw=0, zorder=0, label=f"hardly changes: above {HARDLY:g}, less than 26°")
        axis.set(ylim=(-1.05, 1.05), xlabel="share of the updates to the target", title=title_of(model, result))
        axis.set_ylabel("cosine of gradients before and after an update")
        plots.legend_beside(axis, bbox_to_anchor=(0, -0.14), fontsize=10)
    medians = {name: seen(result, case, n, "cos_next").estimate for case, name in CASES.items()}
    said = [f"{styled(each, '.3f')} ({name})" for name, each in medians.items() if math.isfinite(each)]
    if said:
        plots.write_below(fig, f"Median cosine along a run at the best rate: {listed(said)}.")
    return fig
