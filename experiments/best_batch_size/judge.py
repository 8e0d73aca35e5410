"""The rule of the verdict on C9: what time is lost by trusting the prediction, at each target."""

import math
from typing import Any

import numpy as np
import pandas as pd
import scipy

from ..lab.critical_batch import fit
from ..lab.results import frame
from ..lab.statistics import LEAST, Interval
from ..lab.sweep import nearest
from ..lab.text import number, styled
from ..lab.verdicts import Judgement, Question, seeds_needed
from .predict import Prediction, cost, predict, step_times

ON_EACH, IN_THE_MEDIAN = 0.25, 0.10  # of the least time, lost
BROKEN = 1.25  # an assumption that is off by more than this factor is named


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C9: the answer; and where the sweep was made, the time that is lost by it."""
    targets = dict(result["settings"].get("targets") or ())
    if not targets:
        return {"C9": Judgement("nothing was measured", measured=False)}
    found = {aim: predict(result, target) for aim, target in targets.items()}
    answer = list(found.values())[-1]  # at the tight target
    evidence: dict[str, Any] = answer_evidence(result, answer)
    evidence["targets"] = {aim: answer_evidence(result, each) for aim, each in found.items()}
    sweeps = {aim: swept(result, target) for aim, target in targets.items()}
    if any(sweep.empty for sweep in sweeps.values()):
        return {"C9": Judgement(sentence(result, answer), evidence=evidence, measured=False)}
    lost = {aim: time_lost(sweeps[aim], trusted(result, target)) for aim, target in targets.items()}
    for aim, each in found.items():
        evidence["targets"][aim] |= {"time_lost": lost[aim].plain(), **check_evidence(result, each, sweeps[aim])}
    middle = Interval(*np.median([[each.estimate, each.low, each.high] for each in lost.values()], axis=0).tolist())
    takes = seeds_needed(min(map(len, sweeps.values())))
    unsteady = {aim: disagreement(result, each, sweeps[aim]) for aim, each in found.items()}
    questions = [
        Question(name_of(aim, each), lost[aim], high=ON_EACH, style=".0%", by=unsteady[aim], takes=takes)
        for aim, each in found.items()
    ]
    name, by = "time lost, in the median over the targets", next(filter(None, unsteady.values()), "")
    questions.append(Question(name, middle, high=IN_THE_MEDIAN, style=".0%", by=by, takes=takes))
    evidence["time_lost"] = {end: value for end, value in middle.plain().items() if end != "level"}
    return {"C9": Judgement(said(evidence, found, lost), questions, evidence, each_needed=True)}


def name_of(aim: str, answer: Prediction) -> str:
    """The question at one target."""
    return f"time lost by trusting batch {answer.batch_size:,}, {aim} target"


def said(evidence: dict[str, Any], found: dict[str, Prediction], lost: dict[str, Interval]) -> str:
    """What trusting the predictions costs; and what was measured as the fastest or, where much is lost, what broke."""
    shares = " and ".join(f"{styled(each.estimate, '.0%')} % ({aim})" for aim, each in lost.items())
    opening = f"trusting the prediction loses {shares} of the least time"
    broke = sorted({word for aim in found for word in evidence["targets"][aim]["broken"]})
    if broke and max(each.estimate for each in lost.values()) > ON_EACH:
        return f"{opening}; what broke: {', '.join(broke)}"
    best = {aim: evidence["targets"][aim]["measured_best"] for aim in found}
    return f"{opening}; fastest: " + ", ".join(
        f"{each.batch_size:,} predicted, {best[aim]:,} measured" for aim, each in found.items()
    )


def disagreement(result: dict[str, Any], answer: Prediction, sweep: pd.DataFrame) -> str:
    """What leaves a question open: the clock, read twice, differs about the answer, or about the best measured size."""
    first, second = step_times(result), step_times(result, "check")
    ratio = {size: second[size] / first[size] for size in (answer.batch_size, int(sweep.median().idxmin()))}
    worst = max(ratio, key=lambda size: abs(math.log(ratio[size])))
    if 1 / BROKEN < ratio[worst] < BROKEN:
        return ""
    return f"a quieter machine: an update on {worst:,} rows took {number(ratio[worst])} times as long in the check"


def sentence(result: dict[str, Any], answer: Prediction) -> str:
    """The answer in one sentence."""
    n = result["settings"]["rows"]
    low, high = answer.band
    sizes = f"batches of {low:,} to {high:,}" if low < high else f"batches of {low:,}"
    sizes = "all rows in one batch" if low == n else sizes
    here = answer.seconds(answer.batch_size)
    if pays_after(result, answer) > 1:
        took, saves = number(cost(result)["seconds"]), number(saved(result, answer))
        rate, probe_rate = f"{answer.learning_rate:.3g}", f"{frame(result, 'probe').learning_rate.iloc[0]:.3g}"
        opening = f"just train, with batches of {result['settings']['probe']} at learning rate {probe_rate}"
        return f"{opening}: a probe takes {took} s and saves {saves} s a training; for many {sizes} at rate {rate}"
    parts = [f"train with {sizes} at learning rate {answer.learning_rate:.3g}: within 10 % of the fastest"]
    for size, name in ((n, "full batch"), (1, "one sample")):
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
    if len(times) < LEAST:
        return Interval(estimate, -1.0, math.inf)
    with np.errstate(invalid="ignore"):  # runs that never arrived are infinite, and SciPy takes differences
        found = scipy.stats.bootstrap(
            (everyone,), lost, vectorized=False, method="percentile", n_resamples=999, rng=np.random.default_rng(0)
        )
    low, high = np.quantile(found.bootstrap_distribution, (0.025, 0.975), method="closest_observation")
    return Interval(estimate, float(low), float(high))


def check_evidence(result: dict[str, Any], answer: Prediction, sweep: pd.DataFrame) -> dict[str, Any]:
    """Measured against predicted; what other estimators and three rules of thumb would have cost; what broke."""
    T = sweep.median()
    n, best = result["settings"]["rows"], int(T.idxmin())
    lost_at = {int(size): float(T[size] / T[best] - 1) for size in T.index}
    known = {name: min(B_c, n) for name, B_c in answer.estimates.items() if not math.isnan(B_c)}
    predicted = {name: answer.fastest(B_c) for name, B_c in known.items()}
    thumb = {"always 32": 32, "B = B_c": min(n, max(1.0, answer.law.B_c)), "the largest": n}
    return {
        "measured_best": best,
        "predicted_over_measured": answer.batch_size / best,
        "measured_seconds": {str(size): float(T[size]) for size in T.index},
        "lost_by_estimator": {name: lost_at[nearest(lost_at, size)] for name, size in predicted.items()},
        "lost_by_rule_of_thumb": {name: lost_at[nearest(lost_at, size)] for name, size in thumb.items()},
        "broken": broken(result, answer),
    }


def broken(result: dict[str, Any], answer: Prediction) -> list[str]:
    """Which assumptions the sweep finds broken: that S(B) is a hyperbola, t(B) a line, the noise right, the rate right.

    A quarter is allowed each, and of the noise a factor of four: it goes into B* by its root.
    """
    S = swept(result, answer.target, count="updates").median()
    curve = fit({answer.law.w(size): S[size] for size in S.index})
    found = []
    if curve is None or curve.misfit > math.log(BROKEN):
        found.append("S(B)")
    if answer.misfit > BROKEN - 1:
        found.append("t(B)")
    if curve is not None and not 1 / 4 < curve.B_c.estimate / answer.law.B_c < 4:
        found.append("the noise")
    mine, size = swept(result, answer.target, "trusted", "updates").median().iloc[0], answer.batch_size
    if size in S and mine > BROKEN * S[size]:
        found.append("the rate")
    return found
