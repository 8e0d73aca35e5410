"""The rules of the verdicts: C4a by times to the target, C4b by the batch at which overhead equals work."""

import math
from typing import Any

import numpy as np
import pandas as pd

from ..lab.results import frame
from ..lab.statistics import Interval, mean_interval, ratio_interval
from ..lab.text import listed, number
from ..lab.timing import overhead_and_work
from ..lab.verdicts import Judgement, Question, seeds_needed
from .line import crossing
from .measure import MODELS, PATHS, named

TENS = 10  # samples: where "tens or hundreds" begin


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """Both claims."""
    return {"C4a": judge_one_core(result), "C4b": judge_gpu(result)}


# ---- C4a -------------------------------------------------------------------------------------------------------------


def judge_one_core(result: dict[str, Any]) -> Judgement:
    """C4a: is one sample at a time faster than every larger batch? A question a model and path."""
    questions, evidence, takes = [], {}, seeds_needed(result["settings"].get("seeds"))
    for model in MODELS:
        for path, path_name in PATHS.items():
            answer, ratios = compare(result, model, path)
            evidence[f"{model}, {path}"] = {f"time over that of batch {size}": ratios[size].plain() for size in ratios}
            best = max(ratios, key=lambda size: ratios[size].estimate, default=None)
            rivals = f"batch {best:,}" if best else "larger ones"
            name = f"{named(model, result['settings'])}, {path_name}: time over that of {rivals}"
            longest = ratios[best] if best else ratio_interval([])
            by = "below 1 against every batch size"
            questions.append(Question(name, longest, by=by, decided=answer, takes=takes))
    known = [each.interval.estimate for each in questions if not math.isnan(each.interval.estimate)]
    because = "there is nothing to compare"
    if known:
        because = (
            f"on one thread, one sample at a time takes {number(min(known))} to {number(max(known))} times as long to "
            "the target as the best batch, over models and paths"
        )
    return Judgement(because, questions, evidence)


def finishes(result: dict[str, Any], model: str) -> pd.DataFrame:
    """A row a batch size, path and seed of a model: the median of the seconds of all repeats, and the rest."""
    rows = frame(result, "race", model=model).reindex(
        columns=["batch_size", "path", "seed", "seconds", "updates", "reached", "learning_rate"]
    )
    others = {name: (name, "first") for name in ("updates", "reached", "learning_rate")}
    return rows.groupby(["batch_size", "path", "seed"]).agg(seconds=("seconds", "median"), **others)


def compare(result: dict[str, Any], model: str, path: str) -> tuple[bool | None, dict[int, Interval]]:
    """Whether one sample at a time on this path is fastest; and, for each larger batch B, its time over that of B."""
    times = finishes(result, model).reset_index()
    one = times[(times.batch_size == 1) & (times.path == path)]
    larger = sorted(set(times.batch_size) - {1})
    ratios = {}
    for size in larger:
        pairs = one.merge(times[times.batch_size == size], on="seed", suffixes=("", "_other"))
        # Where neither arrived, both times are lower bounds, and their ratio says nothing.
        pairs = pairs[pairs.reached.astype(bool) | pairs.reached_other.astype(bool)]
        if len(pairs):
            known = (pairs.seconds / pairs.seconds_other).tolist()
            ratios[size] = ratio_interval(known, level=1 - 0.05 / len(larger))
    if any(ratio.low > 1 for ratio in ratios.values()):
        return False, ratios
    faster_than_all = bool(larger) and all(size in ratios and ratios[size].high < 1 for size in larger)
    return (True if faster_than_all else None), ratios


# ---- C4b -------------------------------------------------------------------------------------------------------------


def judge_gpu(result: dict[str, Any]) -> Judgement:
    """C4b: does overhead equal work at tens of samples, or more? A question a network on a GPU."""
    found = lines(result)
    evidence: dict[str, dict] = {"GPU": {}, "CPU": {}}
    questions, said = [], []
    for line in found:
        name, a_over_b = f"{line['place']}, {line['network']}", line["evidence"]["a_over_b"]
        evidence["GPU" if line["on_gpu"] else "CPU"][name] = line["evidence"] | {"a_over_b": a_over_b.plain()}
        if line["on_gpu"]:
            questions.append(Question(f"overhead equals work at a batch of, {name}", a_over_b, TENS))
    place = "GPU" if questions else "CPU"
    alike = [line for line in found if line["on_gpu"] == bool(questions) and line["threads"] == 1]
    said = [f"{number(line['evidence']['a_over_b'].estimate)} ({line['network']})" for line in ends(alike)]
    because = f"on the {place} overhead equals work at batches of {listed(said)}" if said else "nothing was timed"
    if not questions:
        because = f"no GPU was timed; {because}" if said else "no GPU was timed"
    return Judgement(because, questions, evidence, measured=bool(questions))


def ends(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of the least and of the largest a/b."""
    in_order = sorted(found, key=lambda line: line["evidence"]["a_over_b"].estimate)
    return in_order[:1] + in_order[1:][-1:]


def lines(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The line t(B) = a + b B, in microseconds, of each network in each place, and what goes with it."""
    rows = frame(result, "cost")
    groups = rows.groupby(["place", "network"], sort=False) if len(rows) else ()
    return [line_of(blocks.to_dict("records")) for _, blocks in groups]


def line_of(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """One line a block; the spread of their a/b is the interval. What is drawn is a line through all readings."""
    B = np.array(blocks[0]["batch_sizes"], dtype=float)
    fits = [overhead_and_work(B, np.median(block["microseconds"], axis=1)) for block in blocks]
    # A line says nothing of batches that lie ten times beyond the largest, nor of a tenth of a sample.
    a_over_b = [float(np.clip(a / b if b > 0 else math.inf, 0.1, 10 * B[-1])) for a, b in fits]
    readings = np.concatenate([block["microseconds"] for block in blocks], axis=1)
    t = np.median(readings, axis=1)
    a, b = overhead_and_work(B, t)
    misses = (a + b * B) / t - 1
    worst = np.abs(misses).argmax()
    return {
        **{key: blocks[0][key] for key in ("place", "network", "on_gpu", "threads")},
        **{"B": B, "quartiles": np.quantile(readings, [0.25, 0.5, 0.75], axis=1), "a": a, "b": b},
        "evidence": {
            "a_microseconds": mean_interval([a for a, _ in fits]).plain(),
            "b_microseconds": mean_interval([b for _, b in fits]).plain(),
            "a_over_b": ratio_interval(a_over_b),
            "line_misses_at_most_by": {"relative": float(misses[worst]), "batch_size": int(B[worst])},
            "twice_one_sample_at": crossing(B, t, 2 * t[0]),
            "fast_path_microseconds": float(np.median([block["fast_path"] for block in blocks])),
            "flops_alone_microseconds": float(np.median([block["flops_alone"] for block in blocks])),
        },
    }
