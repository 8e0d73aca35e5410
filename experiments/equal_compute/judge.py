"""The rule of the verdict on C3: four questions for each model at each target."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ..lab.critical_batch import Fit, fit, without_replacement
from ..lab.results import frame
from ..lab.settings import tuning_seeds
from ..lab.statistics import Interval, median_interval
from ..lab.text import styled
from ..lab.verdicts import Judgement, Question, seeds_needed
from .measure import CASES, COUNTS, MODELS

HARDLY = 0.9  # a cosine: the direction hardly changes above it
LEAST_UPDATES = 20  # of gradient descent: a target that it reaches in fewer is no test
LEAST_SEEDS = 6  # that the interval of a median takes, see `median_interval`
DRAWN = "drawn without replacement"  # how training draws its batches


def independent(batch_size: Any, _: int) -> Any:
    """w(B) of rows drawn independently of each other."""
    return 1 / batch_size


SAMPLINGS = {DRAWN: without_replacement, "independent draws": independent}

Case = tuple[str, str]  # a model and one of its targets


def rows_of(result: dict[str, Any], kind: str, case: Case, **wanted: Any) -> pd.DataFrame:
    """The rows of a kind, of a model at a target."""
    return frame(result, kind, COUNTS if kind == "reaching" else (), arm=case[0], aim=case[1], **wanted)


def needed(result: dict[str, Any], case: Case, count: str, tuning: bool = False) -> pd.DataFrame:
    """What runs took, a row a seed and a column a batch size: infinite where a run never arrived."""
    rows = rows_of(result, "reaching", case)
    if rows.empty:
        return pd.DataFrame()
    for_tuning = rows.seed.isin(tuning_seeds(result["settings"].get("seed", 0)))
    return rows[for_tuning == tuning].pivot(index="seed", columns="batch_size", values=count)


def ratio(runs: pd.DataFrame, above: int, below: int) -> Interval:
    """The median over the seeds of what one size took over another; endless where neither run of a pair arrived."""
    there = {above, below} <= set(runs)
    return median_interval((runs[above] / runs[below]).tolist() if there else [])


def compared(result: dict[str, Any], case: Case, count: str) -> tuple[int | None, Interval]:
    """The smaller size that was best on the tuning seed; and, on the others, what all the data take over that one."""
    n = result["settings"].get("rows", 0)
    smaller = needed(result, case, count, tuning=True).drop(columns=n, errors="ignore").min()
    smaller = smaller[smaller < math.inf]
    if smaller.empty:
        return None, median_interval([])
    rival = int(smaller.idxmin())
    return rival, ratio(needed(result, case, count), n, rival)


def along(result: dict[str, Any], case: Case, size: int, name: str, share: float = 1.0) -> pd.DataFrame:
    """What was seen along runs at a share of the best rate, a row a seed and a column a moment; NaN for no number."""
    rows = rows_of(result, "direction", case, batch_size=size, share=share)
    values = pd.DataFrame([] if rows.empty else rows[name].tolist(), dtype=float)
    return values.where(np.isfinite(values))


def seen(result: dict[str, Any], case: Case, size: int, name: str, share: float = 1.0) -> Interval:
    """The median along a run, and of that the median over the seeds."""
    return median_interval(along(result, case, size, name, share).median(axis=1).dropna().tolist())


def fits_of(result: dict[str, Any], case: Case) -> dict[str, Fit | None]:
    """S(B) for each way to draw batches, fitted to each size's median."""
    n, S = result["settings"].get("rows", 0), needed(result, case, "updates").median()
    return {sampling: fit({w(size, n): S[size] for size in S.index}) for sampling, w in SAMPLINGS.items()}


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C3: what do all the data take over the best smaller batch, and does the direction hardly change?"""
    more, fewer, longer, turns, evidence = [], [], [], [], {}
    takes = seeds_needed(result["settings"].get("seeds"), LEAST_SEEDS)
    for case, name in CASES.items():
        rivals = {count: compared(result, case, count) for count in COUNTS}
        evidence[name] = evidence_of(result, case, rivals)
        samples, updates, seconds = (interval for _, interval in rivals.values())
        n = result["settings"].get("rows", 0)
        cosine = seen(result, case, n, "cos_next")
        took = needed(result, case, "updates").get(n, pd.Series(dtype=float))
        few = f"at least {LEAST_UPDATES} updates" if took.median() < LEAST_UPDATES else ""  # leaves the answer open
        common: Any = {"style": ".2f", "by": few, "takes": takes}
        told = {count: f"{name}{than(*rival)}" for count, rival in rivals.items()}
        more.append(Question(f"more sample gradients, {told['samples']}", samples, low=1, **common))
        fewer.append(Question(f"fewer updates, {told['updates']}", updates, high=1, **common))
        longer.append(Question(f"more seconds, {told['seconds']}", seconds, low=1, **common))
        turns.append(Question(f"direction hardly changes (cosine), {name}", cosine, HARDLY, **common))
    times: dict[str, list[str]] = {}
    for (model, aim), question in zip(CASES, more):
        if not math.isnan(question.interval.estimate):
            times.setdefault(aim, []).append(f"{styled(question.interval.estimate, '.2f')} ({MODELS[model]})")
    because = "no run with all rows could be compared with one of a smaller batch"
    if times:
        (aim, first), *others = ((aim, ", ".join(each)) for aim, each in times.items())
        because = f"to a {aim} target all rows take {first} times the sample gradients of the best smaller batch"
        because += "".join(f"; to a {aim} one {each}" for aim, each in others)
    return {"C3": Judgement(because, [*more, *fewer, *longer, *turns], evidence)}


def than(rival: int | None, ratio: Interval) -> str:
    """The smaller batch that all the data are compared with, and what an end of 0 means, in words."""
    if rival is None:
        return ""
    return f", over batch {rival:,}" + (" (0: that never arrived)" if ratio.low == 0 else "")


def evidence_of(result: dict[str, Any], case: Case, rivals: dict[str, tuple[int | None, Interval]]) -> dict[str, Any]:
    """The numbers of a model at a target, also those that decide nothing; `rivals`: what `compared` found."""
    n, targets = result["settings"].get("rows", 0), rows_of(result, "target", case)
    found: dict[str, Any] = {"target": None if targets.empty else float(targets.loss.iloc[0])}
    for count, (rival, interval) in rivals.items():
        found[f"{count}, all over the best smaller batch"] = {"batch_size": rival} | interval.plain()
    for name, share in (("best rate", 1.0), ("a tenth of it", 0.1)):
        found[f"cos(G_t, G_t+1) of all, {name}"] = seen(result, case, n, "cos_next", share).plain()
    samples, fits = needed(result, case, "samples"), fits_of(result, case)
    E = samples.median()
    found["samples over the least"] = {str(size): over for size, over in (E / E.min()).items()}
    found["fits"] = {name: each and asdict(each) for name, each in fits.items()}
    each = fits[DRAWN]
    predicted = n / (1 + each.B_c.estimate) if each else None
    found["samples, all over one row"] = {"measured": ratio(samples, n, 1).plain(), "N/(1 + B_c)": predicted}
    looks = rows_of(result, "direction", case)
    sizes = [] if looks.empty else sorted(looks.batch_size.unique().tolist())
    found["noise scale along a run"] = {str(size): seen(result, case, size, "noise_scale").plain() for size in sizes}
    return found
