"""The rule of the verdict on C9: what time is lost by trusting the prediction, at each target."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from ..lab.critical_batch import fit
from ..lab.results import frame
from ..lab.statistics import Interval
from ..lab.text import number, styled
from ..lab.verdicts import Judgement, Question
from .predict import MEDIAN, TWO_RUNS, WEIGHTED, Prediction, cost, predict, step_times

ON_EACH, IN_THE_MEDIAN = 0.25, 0.10  # of the least time, lost
BROKEN = 1.25  # an assumption that is off by more than this factor is named
ESTIMATORS = (WEIGHTED, TWO_RUNS, MEDIAN)


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C9: the answer; and where the sweep was made, the time that is lost by it."""
    aims = dict(result["settings"].get("targets") or ())
    if not aims:
        return {"C9": Judgement("nothing was measured", measured=False)}
    found = {aim: predict(result, aim) for aim in aims}
    answer = list(found.values())[-1]  # at the tight target
    evidence: dict[str, Any] = answer_evidence(result, answer)
    evidence["targets"] = {aim: answer_evidence(result, each) for aim, each in found.items()}
    checked = {aim: swept(result, each.target) for aim, each in found.items()}
    if any(table.empty for table in checked.values()):
        return {"C9": Judgement(sentence(result, answer), evidence=evidence, measured=False)}
    questions, lost = [], {}
    for aim, each in found.items():
        lost[aim] = time_lost(checked[aim], trusted(result, each.target))
        name = f"time lost by trusting batch {each.batch_size:,}, {aim} target"
        questions.append(Question(name, lost[aim], high=ON_EACH, style=".0%"))
        evidence["targets"][aim] |= check_evidence(result, each, checked[aim], lost[aim])
    middle = Interval(*np.median([[x.estimate, x.low, x.high] for x in lost.values()], axis=0).tolist())
    questions.append(Question("time lost, in the median over the targets", middle, high=IN_THE_MEDIAN, style=".0%"))
    evidence["time_lost"] = {name: value for name, value in middle.plain().items() if name != "level"}
    said = " and ".join(f"{styled(each.estimate, '.0%')} % ({aim} target)" for aim, each in lost.items())
    broke = sorted({word for aim in found for word in evidence["targets"][aim]["broken"]})
    because = f"trusting the prediction loses {said} of the least time; best measured: " + ", ".join(
        f"{evidence['targets'][aim]['measured_best']:,}, predicted {each.batch_size:,}" for aim, each in found.items()
    )
    if broke and max(each.estimate for each in lost.values()) > ON_EACH:
        because = f"trusting the prediction loses {said} of the least time, since {' and '.join(broke)}"
    return {"C9": Judgement(because, questions, evidence, each_needed=True)}


def sentence(result: dict[str, Any], answer: Prediction) -> str:
    """The answer in one sentence."""
    n = result["settings"]["rows"]
    low, high = answer.band
    sizes = f"batches of {low:,} to {high:,}" if low < high else f"batches of {low:,}"
    sizes = "all rows in one batch" if low == n else sizes
    here = answer.seconds(answer.batch_size)
    if pays_after(result, answer) > 1:
        took, saves = number(cost(result)["seconds"]), number(saved(result, answer))
        rate = f"learning rate {answer.learning_rate:g}"
        return f"just train once: a probe takes {took} s and saves {saves} s a run; for many runs: {sizes} at {rate}"
    parts = [f"train with {sizes} at learning rate {answer.learning_rate:g}: within 10 % of the fastest"]
    for size, name in ((n, "full batch"), (1, "one sample at a time")):
        if size in answer.microseconds and size != answer.batch_size:
            parts.append(f"{number(answer.seconds(size) / here)} times faster than {name}")
    return ", ".join(parts)


def saved(result: dict[str, Any], answer: Prediction) -> float:
    """Seconds that a training run at the answer saves against one at the probe's batch size."""
    return max(0.0, answer.seconds(result["settings"]["probe"]) - answer.seconds(answer.batch_size))


def pays_after(result: dict[str, Any], answer: Prediction) -> float:
    """After how many training runs the probe has paid; infinite where it saves nothing."""
    gain = saved(result, answer)
    return cost(result)["seconds"] / gain if gain > 0 else math.inf


def answer_evidence(result: dict[str, Any], answer: Prediction) -> dict[str, Any]:
    """The numbers of an answer."""
    size = answer.batch_size
    return {
        "target": answer.target,
        "best_batch_size": size,
        "band": list(answer.band),
        "learning_rate": answer.learning_rate,
        "updates": answer.updates(size),
        "seconds": answer.seconds(size),
        "by_the_formula": answer.law.best,
        "critical_batch_size": answer.B_c.plain(),
        "estimates_of_B_c": answer.estimates,
        "a_microseconds": answer.law.a,
        "b_microseconds": answer.law.b,
        "a_over_b": answer.law.a / answer.law.b if answer.law.b else math.inf,
        "misfit_of_the_line": answer.misfit,
        "probe": cost(result) | {"pays_after_runs": pays_after(result, answer)},
        "just_train": pays_after(result, answer) > 1,
    }


# ---- the check -------------------------------------------------------------------------------------------------------


def swept(result: dict[str, Any], target: float, why: str = "sweep", count: str = "seconds") -> pd.DataFrame:
    """What runs to a target took at each size's best rate: a row a seed, a column a size; infinite: never arrived.

    Seconds are the updates of the run times what one takes, by the clock of the check.
    """
    rows = frame(result, "race", never=("updates", "samples"), why=why, target=target)
    if rows.empty:
        return pd.DataFrame()
    updates = rows.pivot(index="seed", columns="batch_size", values="updates")
    if count == "updates":
        return updates
    return updates * 1e-6 * pd.Series(step_times(result, "check")).reindex(updates.columns)


def trusted(result: dict[str, Any], target: float) -> pd.Series:
    """Seconds of the runs at the recommended size and rate, by seed."""
    return swept(result, target, "trusted").iloc[:, 0]


def time_lost(sweep: pd.DataFrame, trusted: pd.Series) -> Interval:
    """The median time at the recommended size and rate over the least of the medians of all sizes, less 1.

    The interval is a bootstrap over the seeds: each resample chooses its own best size.
    """
    times, mine = sweep.to_numpy(), trusted.to_numpy()

    def lost(index: Any) -> float:
        index = np.asarray(index, dtype=int)
        return float(np.median(mine[index]) / np.median(times[index], axis=0).min() - 1)

    everyone = np.arange(len(times))
    estimate = lost(everyone)
    if len(times) < 3:
        return Interval(estimate, -1.0, math.inf)
    with np.errstate(invalid="ignore"):  # runs that never arrived are infinite, and SciPy takes differences
        found = scipy.stats.bootstrap(
            (everyone,), lost, vectorized=False, method="percentile", n_resamples=999, rng=np.random.default_rng(0)
        )
    low, high = np.quantile(found.bootstrap_distribution, (0.025, 0.975), method="closest_observation")
    return Interval(estimate, float(low), float(high))


def check_evidence(result: dict[str, Any], answer: Prediction, sweep: pd.DataFrame, lost: Interval) -> dict[str, Any]:
    """Measured against predicted; what other estimators and three rules of thumb would have cost; what broke."""
    T = sweep.median()
    n, best = result["settings"]["rows"], int(T.idxmin())
    lost_at = {int(size): float(T[size] / T[best] - 1) for size in T.index}
    near = {size: min(lost_at, key=lambda each: abs(math.log(each / size))) for size in answer.microseconds}
    known = {name: min(B_c, n) for name, B_c in answer.estimates.items() if not math.isnan(B_c)}
    predicted = {name: answer.fastest(B_c) for name, B_c in known.items()}
    noise = min(n, max(1.0, answer.B_c.estimate))
    thumb = {"always 32": 32, "B = B_c": noise, "the largest": n}
    nearest = {name: min(lost_at, key=lambda each: abs(math.log(each / size))) for name, size in thumb.items()}
    return {
        "time_lost": lost.plain(),
        "measured_best": best,
        "predicted_over_measured": answer.batch_size / best,
        "measured_seconds": {str(size): float(T[size]) for size in T.index},
        "lost_by_estimator": {name: lost_at[near[size]] for name, size in predicted.items()},
        "lost_by_rule_of_thumb": {name: lost_at[size] for name, size in nearest.items()},
        "broken": broken(result, answer),
    }


def broken(result: dict[str, Any], answer: Prediction) -> list[str]:
    """The assumptions that the sweep finds off by more than a quarter (the noise: by more than a factor of four)."""
    S = swept(result, answer.target, count="updates").median()
    curve = fit({answer.law.w(size): S[size] for size in S.index})
    found = []
    if curve is None or curve.misfit > math.log(BROKEN):
        found.append("S(B) is no hyperbola")
    if answer.misfit > BROKEN - 1:
        found.append("t(B) is no line")
    if curve is not None and not 1 / 4 < curve.B_c.estimate / answer.law.B_c < 4:
        found.append("the noise is not that of the sweep")
    mine, size = swept(result, answer.target, "trusted", "updates").median().iloc[0], answer.batch_size
    if size in S and mine > BROKEN * S[size]:
        found.append("the rate is off")
    return found
