"""The rules of C10a, the same gradient and the same run, and of C10b, how much of each rank is left at B_c."""

import math
from typing import Any

import numpy as np
import pandas as pd

from ..lab.critical_batch import Fit, fit, without_replacement
from ..lab.results import frame
from ..lab.statistics import Interval, paired_ratio
from ..lab.sweep import nearest
from ..lab.text import number, styled
from ..lab.timing import overhead_and_work
from ..lab.verdicts import Judgement, Question, seeds_needed

SAME_GRADIENT = {"float64": 1e-12, "float32": 1e-4}  # how far apart, as a share: rounding
SAME_RUN = {"float64": 1e-9, "float32": 1e-2}  # which grows along 200 updates
AT_B_C = (0.25, 0.75)  # efficiency at B_c; theory: about one half
BEYOND = 4  # times B_c
FEWEST = 5  # batch sizes
AT_MOST = 0.40  # efficiency there; theory: about a fifth


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C10a: whether it is the same training; C10b: how many ranks pay."""
    return {"C10a": same_training(result), "C10b": useful_ranks(result)}


def same_training(result: dict[str, Any]) -> Judgement:
    """The averaged gradient, its noise, and whole runs, against one process."""
    agreement, runs = frame(result, "agreement"), frame(result, "run")
    ranks = int(agreement.ranks.max()) if len(agreement) else 1
    if ranks < 2:
        return Judgement("there was one rank; two or more take mpirun -n 2, and mpi4py", measured=False)
    dtype = result["settings"]["dtype"]
    gradient, noise, apart = agreement.gradient.max(), agreement.noise.max(), runs.apart.max()
    share, alike = exactly(runs.alike.mean()), bool(runs.alike.all())
    questions = [
        Question("averaged gradient against one process", exactly(gradient), high=SAME_GRADIENT[dtype], style=".1e"),
        Question("and its noise tr Σ", exactly(noise), high=10 * SAME_GRADIENT[dtype], style=".1e"),
        Question("parameters after SGD, momentum, Adam", exactly(apart), high=SAME_RUN[dtype], style=".1e"),
        Question("runs after which all ranks are alike", share, style=".0%", by="each of them", decided=alike),
    ]
    because = (
        f"on {ranks} ranks with even, uneven and no rows gradients differ from those of one process by "
        f"{styled(gradient, '.0e')}, parameters after a run by {styled(apart, '.0e')}"
    )
    return Judgement(because, questions, {"ranks": ranks, "step": step(result)}, each_needed=True)


def useful_ranks(result: dict[str, Any]) -> Judgement:
    """The efficiency of as many ranks as B_c allows, and of four times as many."""
    settings, curve = result["settings"], updates_curve(result)
    if curve is None:
        few = f"too few batch sizes came to the target: it takes {FEWEST}, B_local and two larger ones among them"
        return Judgement(few, evidence={"ranks_that_pay": ranks_that_pay(result)})
    local, takes = settings["local"], seeds_needed(settings["seeds"])
    at, beyond = sizes_asked(result)
    found = {size: efficiency(result, size) for size in (at, beyond)}
    questions = [
        Question(f"efficiency of {number(at / local)} ranks, B = {at:,}", found[at], *AT_B_C, style=".2f", takes=takes),
        Question(
            f"of {number(beyond / local)} ranks, B = {beyond:,}", found[beyond], high=AT_MOST, style=".2f", takes=takes
        ),
    ]
    B_c = curve.B_c.estimate
    new, new_beyond = (f"{100 * found[size].estimate:.0f} %" for size in (at, beyond))
    because = (
        f"with {local} rows a rank, {new} of the work of {number(at / local)} ranks (B = {at:,}, near B_c = "
        f"{number(B_c)}) is new, and {new_beyond} of that of {number(beyond / local)}"
    )
    evidence = {"B_c": curve.B_c.plain(), "misfit": curve.misfit, "bound": B_c / local}
    evidence |= {"ranks_that_pay": ranks_that_pay(result), "step": step(result)}
    return Judgement(because, questions, evidence, each_needed=True)


def exactly(value: float) -> Interval:
    """A number without an interval."""
    return Interval(float(value), float(value), float(value))


# ---- updates ---------------------------------------------------------------------------------------------------------


def updates(result: dict[str, Any]) -> pd.DataFrame:
    """Updates to the target: a row a seed, a column a batch size; infinite: never arrived."""
    rows = frame(result, "training", never=("updates_to_target",))
    return rows.pivot(index="seed", columns="batch_size", values="updates_to_target") if len(rows) else pd.DataFrame()


def sizes_asked(result: dict[str, Any]) -> tuple[int, int]:
    """The size nearest to B_c, by the fit to all sizes, and the one nearest to four times as many rows."""
    settings, S = result["settings"], updates(result).median()
    whole = fit({without_replacement(size, settings["rows"]): S[size] for size in S.index})
    sizes = [int(size) for size in S.index if size > settings["local"]]
    B_c = whole.B_c.estimate if whole else math.sqrt(sizes[0] * sizes[-1])
    at = nearest(sizes[:-1], min(max(B_c, sizes[0]), sizes[-1]))
    return at, nearest([size for size in sizes if size > at], BEYOND * B_c)


def updates_curve(result: dict[str, Any]) -> Fit | None:
    """S(B) fitted to the median updates of all sizes but the two that are asked about; None where that takes more."""
    S, local = updates(result), result["settings"].get("local")
    if len(S.columns) < FEWEST or local not in S.columns or sum(S.columns > local) < 2:
        return None
    n = result["settings"]["rows"]
    middle = S.median().drop(list(sizes_asked(result)))
    return fit({without_replacement(size, n): middle[size] for size in middle.index})


def efficiency(result: dict[str, Any], batch_size: int) -> Interval:
    """S(B_local) / (R S(B)), R = B/B_local, seed by seed."""
    S, local = updates(result), result["settings"]["local"]
    return paired_ratio((S[local] * local).tolist(), (S[batch_size] * batch_size).tolist())


# ---- the clock -------------------------------------------------------------------------------------------------------


def step(result: dict[str, Any]) -> dict[str, float]:
    """a, b of an update on one rank, t = a + b B, and s of a message among R ranks, s log₂ R; in microseconds."""
    clock = frame(result, "clock")
    if clock.empty:
        return {"a": math.nan, "b": math.nan, "s": 0.0}
    alone = clock[clock.ranks == 1]
    a, b = overhead_and_work(alone.batch_size, [float(np.median(each)) for each in alone.microseconds])
    several = clock[clock.ranks > 1]
    messages = [np.median(each) / math.log2(ranks) for each, ranks in zip(several.message, several.ranks)]
    return {"a": a, "b": b, "s": float(np.median(messages)) if messages else 0.0}


def update_on(fitted: dict[str, float], batch_size: float, ranks: float) -> float:
    """a + b B/R + s log₂ R, microseconds."""
    return fitted["a"] + fitted["b"] * batch_size / ranks + fitted["s"] * math.log2(ranks)


def ranks_that_pay(result: dict[str, Any]) -> dict[str, float]:
    """By batch size, the ranks at which the fitted update is shortest, b B ln 2/s; simulated past this machine.

    There a + b B/R + s log₂ R is least: its derivative is −b B/R² + s/(R ln 2).
    """
    fitted = step(result)
    if not fitted["s"] > 0:
        return {}
    return {
        str(size): max(1.0, fitted["b"] * size * math.log(2) / fitted["s"])
        for size in result["settings"]["batch_sizes"]
    }


def speed_up(settings: dict[str, Any], fitted: dict[str, float], curve: Fit, ranks: float) -> float:
    """How many times faster R ranks of B_local rows each come to the target than one: by the two fits."""
    local, n = settings["local"], settings["rows"]
    size = min(ranks * local, n)
    one = curve.updates(without_replacement(local, n)) * update_on(fitted, local, 1)
    return float(one / (curve.updates(without_replacement(size, n)) * update_on(fitted, size, ranks)))
