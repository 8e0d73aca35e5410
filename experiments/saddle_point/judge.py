"""The rule of the verdict on C5a: its five parts, open where what is pushed does not leave as predicted."""

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import scipy

from ..lab.results import frame
from ..lab.statistics import LEAST, Interval, mean_interval, proportion
from ..lab.text import styled
from ..lab.verdicts import Judgement, Question, seeds_needed
from .theory import ARMS, BATCH, EPOCH, PUSH, RADIUS, RANDOM, ROUNDING, STEPS, updates_to_leave

SLOPE_MARGIN = 0.05


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C5a by its five parts."""
    saddles, it = frame(result, "saddle"), measured(result)
    slope = Question(
        "slope of the updates, measured over predicted",
        it["slope over prediction"],
        1 - SLOPE_MARGIN,
        1 + SLOPE_MARGIN,
        style=".3f",
        control=True,
    )
    takes = seeds_needed(result["settings"].get("seeds"))
    if not takes and 0 < saddles.get("seed", saddles.index).nunique() < LEAST:
        takes = f"at least {LEAST} seeds with a saddle"
    controls = [slope] if it["pushed data leave"].estimate > 0 else []  # who never leaves has no slope
    trusted = all(control.answer for control in controls)
    evidence = {name: interval.plain() for name, interval in it.items()} | {
        "saddles": len(saddles),
        "seeds without a saddle": len(frame(result, "no saddle")),
        "smallest batch": smallest_batch(result),
        "of runs that stay on an uneven saddle rest": resting(result),
    }
    because = "no saddle was found: no network that was tried has an optimum at finite θ that makes a strict one"
    if not saddles.empty:
        because = reason(it, trusted, smallest_batch(result))
    # Runs from one saddle are not independent: what counts are the seeds, each of which has its own.
    questions = [replace(question, takes=takes) for question in (*parts(it, trusted), *controls)]
    return {"C5a": Judgement(because, questions, evidence)}


def reason(it: dict[str, Interval], trusted: bool, smallest: int) -> str:
    """Who leaves, and where the smallest batch settles, as far as measured; how fast, where that is no saddle's."""
    share = {name: f"{styled(interval.estimate, '.0%')} %" for name, interval in it.items()}
    itself, pushed = share["all data leave, at η₁"], share["pushed data leave"]
    told = f"all data leave the saddle in {itself} of runs, pushed {pushed}"
    if it["batches leave, even split"].estimate >= 0:
        uneven, even = share["batches leave, uneven split"], share["batches leave, even split"]
        told += f"; batches {uneven}, of equal units {even}"
    large, small = it["settles above the saddle, at η₁"], it["settles above the saddle, at η₁/16"]
    if not trusted:
        told += f"; pushes take {it['slope over prediction'].estimate:.3f} times the updates predicted"
    elif math.isfinite(large.estimate):
        ends = ["above" if each.estimate > 0 else "below" for each in (large, small)]
        told += f"; batch {smallest:,} ends {ends[0]} its loss at a large rate, {ends[1]} at a small one"
    return told


def parts(it: dict[str, Interval], trusted: bool) -> list[Question]:
    """The five parts of the claim; all open where what leaves is no saddle."""
    even, control = it["batches leave, even split"], it["random pushes leave, even split"]
    large, small = it["settles above the saddle, at η₁"], it["settles above the saddle, at η₁/16"]
    few, most = "that fewer than half leave", "that more than half leave"
    asked = {
        "part 1, all data on the saddle, at a large rate, η₁: runs that leave": (it["all data leave, at η₁"], few),
        "part 1, all data on the saddle, at a rate of η₁/4: runs that leave": (it["all data leave, at η₁/4"], few),
        "part 2, all data beside the saddle: runs that leave": (it["pushed data leave"], few),
        "part 3, batches, the two copies differ: runs that leave": (it["batches leave, uneven split"], most),
        # where no push leaves either, that batches stay says nothing about noise
        "part 4, batches, the two copies are the same: runs that leave": (even, f"{most}; pushed: {control:.0%}"),
    }
    questions = []
    for name, (share, by) in asked.items():
        answer = share.inside(0.0, 0.5) if by == few else share.inside(0.5, 1.0)
        open_ = not trusted or (share is even and not control.inside(0.5, 1.0))
        questions.append(Question(name, share, style=".0%", by=by, decided=None if open_ else answer))
    by = f"above 0 at η₁, and below at η₁/16: {small:+.3f}"
    answer = small_rate_needed(large, small) if trusted else None
    settle = Question(
        "part 5, loss where batches settle, less the saddle's", large, style="+.3f", by=by, decided=answer
    )
    return [*questions, settle]


def small_rate_needed(large: Interval, small: Interval) -> bool | None:
    """Whether the loss settles above the saddle's, 0, at a large rate and below at a small one; None: that is open."""
    if large.high < 0 or small.low > 0:
        return False
    return True if large.low > 0 and small.high < 0 else None


# ---- numbers from rows -----------------------------------------------------------------------------------------------


def measured(result: dict[str, Any]) -> dict[str, Interval]:
    """What the verdict rests on, each with its uncertainty."""
    rows = leaving(result)

    def leave(split: str, *movers: str, **wanted: Any) -> Interval:
        mine = rows[(rows.split == split) & rows.arm.isin(movers)]
        for name, value in wanted.items():
            mine = mine[mine[name] == value]
        return proportion(int(mine.updates.notna().sum()), len(mine))

    smallest = smallest_batch(result)
    return {
        "all data leave, at η₁": leave("uneven", ROUNDING, step=STEPS[0]),
        "all data leave, at η₁/4": leave("uneven", ROUNDING, step=STEPS[1]),
        "pushed data leave": leave("uneven", PUSH),
        "batches leave, uneven split": leave("uneven", BATCH, EPOCH),
        "batches leave, even split": leave("even", BATCH, EPOCH),
        "random pushes leave, even split": leave("even", RANDOM),
        "slope over prediction": slope_over_prediction(rows),
        **{f"updates over prediction, {mover}": updates_over_prediction(rows, mover) for mover in ARMS},
        "updates of batches at η₁/4 over η₁": slowdown(rows),
        "settles above the saddle, at η₁": mean_interval(settled_above(result, smallest, STEPS[0])),
        "settles above the saddle, at η₁/16": mean_interval(settled_above(result, smallest, STEPS[-1])),
    }


def leaving(result: dict[str, Any], **wanted: Any) -> pd.DataFrame:
    """The descents, each with the updates predicted; `updates` is NaN where one stayed."""
    columns = ["seed", "split", "step", "arm", "batch_size", "growth", "push", "updates", "rests"]
    rows = frame(result, "leaving", **wanted).reindex(columns=columns).astype({"updates": float, "push": float})
    return rows.assign(predicted=[updates_to_leave(*each) for each in zip(rows.push, rows.growth)])


def slope_over_prediction(rows: pd.DataFrame) -> Interval:
    """How measured updates of pushes along v₋ grow with the predicted ones: the mean over saddles and rates."""
    slopes = []
    pushed = rows[(rows.arm == PUSH) & rows.updates.notna()]
    for _, mine in pushed.groupby(["seed", "split", "step"], sort=False):
        if len(mine) > 2:
            slopes.append(scipy.stats.linregress(mine.predicted, mine.updates).slope)
    return mean_interval(slopes)


def updates_over_prediction(rows: pd.DataFrame, mover: str) -> Interval:
    """Updates to leave an uneven saddle over those predicted: a seed's mean, then the mean over the seeds.

    For ε below r/10: what starts near r leaves at once.
    """
    mine = rows[(rows.arm == mover) & (rows.split == "uneven") & rows.updates.notna() & (rows.push < RADIUS / 10)]
    return mean_interval((mine.updates / mine.predicted).groupby(mine.seed, sort=False).mean().tolist())


def slowdown(rows: pd.DataFrame) -> Interval:
    """Updates that batches take to leave an uneven saddle at η₁/4, over those at η₁: the mean over the seeds."""
    mine = rows[(rows.arm == BATCH) & (rows.split == "uneven")]
    means = mine.pivot_table(index="seed", columns="step", values="updates").reindex(columns=STEPS[:2]).dropna()
    return mean_interval((means[STEPS[1]] / means[STEPS[0]]).tolist())


def settled_above(result: dict[str, Any], batch_size: int, step: float) -> list[float]:
    """The loss where it settles, less that of the saddle, a value a seed; without what is no number."""
    rows = frame(result, "settling", batch_size=batch_size, step=step)
    return [] if rows.empty else rows.above_saddle.dropna().tolist()


def smallest_batch(result: dict[str, Any]) -> int:
    """The smallest batch size; 0 if there is none but all data."""
    rows = frame(result, "settling")
    smaller = [] if rows.empty else rows.batch_size[rows.batch_size < rows.N].tolist()
    return min(smaller, default=0)


def resting(result: dict[str, Any]) -> dict[str, int]:
    """Of the runs left to rounding that stay, how many rest: no bit of θ changes any more."""
    stay = leaving(result, arm=ROUNDING, split="uneven")
    stay = stay[stay.updates.isna()]
    return {"rest": int(stay.rests.sum()), "stay": len(stay)}
