"""The rules of the verdicts on the article's opening, C8, and its five conclusions, C8a to C8e."""

import math
from typing import Any

import numpy as np

from ..lab.results import frame
from ..lab.statistics import mean_interval, median_interval, paired_ratio, proportion
from ..lab.text import number
from ..lab.verdicts import Judgement, Question, seeds_needed
from .accuracies import most_accurate, opening
from .measure import SAME, TUNED
from .rows import columns, runs
from .rules import map_of, rule_costs

MARGIN = 1.1  # what is not even a tenth longer counts as equally long
SHARE_SEEDS = 4  # of which all or none arrive: from so many on Wilson's interval leaves ½ out


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """The opening and the five conclusions."""
    return {
        "C8": opening(result),
        "C8a": too_small(result),
        "C8b": faster_epochs(result),
        "C8c": more_epochs(result),
        "C8d": fastest(result),
        "C8e": most_accurate(result),
    }


def too_small(result: dict[str, Any]) -> Judgement:
    """C8a: how many runs with the smallest batch arrive, at the one rate and at its best."""
    takes = seeds_needed(result["settings"].get("seeds"), SHARE_SEEDS)
    smallest = min(columns(frame(result, "training"), "seed"), default=1)
    questions, said = [], []
    for rates, called in ((SAME, "the one rate for all"), (TUNED, "its own best rate")):
        trained = runs(result, rates)
        reached = [math.isfinite(x) for x in columns(trained, "updates_to_target").get(smallest, [])]
        used = set(columns(trained, "learning_rate").get(smallest, []))
        at = f", {min(used):g}" if len(used) == 1 else ""
        share = proportion(sum(reached), len(reached))
        name = f"share of runs at batch {smallest:,} that arrive, at {called}"
        questions.append(Question(name, share, 0, 0.5, ".0%", takes=takes))
        said.append(f"{sum(reached)} of {len(reached)} runs at {called}{at}")
    rules = {
        rule: {str(size): mean_interval(ratios).plain() for size, ratios in sizes.items()}
        for rule, sizes in rule_costs(result).items()
    }
    epochs = f"in {result['settings']['epochs']} epochs " if "epochs" in result["settings"] else ""
    target = result["settings"].get("target")
    loss = f"a loss of {target:.3g}" if target else "the target"
    because = f"{epochs}batch size {smallest:,} reaches {loss} in {', and in '.join(said)}"
    return Judgement(because, questions, {"updates_by_a_rule_over_those_at_the_best_rate": rules})


def faster_epochs(result: dict[str, Any]) -> Judgement:
    """C8b: what an epoch costs from the smallest batch to the middle, from there to all; and on the per-sample path."""
    backend = result["settings"].get("backend")
    cost, fast = (
        columns(frame(result, "timing", backend=backend, path=path), "microseconds", "repeat")
        for path in ("batched", "fast")
    )
    if len(cost) < 3:
        return Judgement("fewer than three batch sizes were timed")
    sizes = list(cost)
    first, second, middle, last = sizes[0], sizes[1], sizes[len(sizes) // 2], sizes[-1]
    pairs = [(f"batch {first:,}", cost[first], middle), (f"batch {middle:,}", cost[middle], last)]
    if first == 1 and 1 in fast:
        pairs += [("1 on the per-sample path", fast[1], larger) for larger in (second, last)]
    questions = []
    for name, slower, larger in pairs:  # readings that lie next to each other; one slow second does not move a median
        ratio = median_interval([a / b for a, b in zip(slower, cost[larger])])
        questions.append(Question(f"time of an epoch, {name} over {larger:,}", ratio, MARGIN))
    times = [number(question.interval.estimate) for question in questions]
    because = (
        f"an epoch at batch {first:,} takes {times[0]} times as long as at {middle:,}, and at {middle:,} {times[1]} "
        f"times as long as at {last:,}"
    )
    if len(pairs) > 2:
        because += f"; on the per-sample path batch 1 takes {times[2]} times as long as {second:,}"
    return Judgement(because, questions)


def more_epochs(result: dict[str, Any]) -> Judgement:
    """C8c: epochs to the target at the best rate for each, in the lower and in the upper half of the range."""
    epochs = columns(runs(result, TUNED), "epoch_to_target")
    if len(epochs) < 3:
        return Judgement("fewer than three batch sizes arrive at the target")
    sizes = list(epochs)
    first, middle, last = sizes[0], sizes[len(sizes) // 2], sizes[-1]
    lower, upper = paired_ratio(epochs[middle], epochs[first]), paired_ratio(epochs[last], epochs[middle])
    takes = seeds_needed(result["settings"].get("seeds"))
    questions = [
        Question(f"epochs to the target, batch {middle:,} over {first:,}", lower, MARGIN, takes=takes),
        Question(f"epochs to the target, batch {last:,} over {middle:,}", upper, MARGIN, takes=takes),
    ]
    because = (
        f"at the best rate for each, batch {middle:,} needs {number(lower.estimate)} times the epochs of {first:,}; "
        f"{last:,} needs {number(upper.estimate)} times those of {middle:,}"
    )
    return Judgement(because, questions)


def fastest(result: dict[str, Any]) -> Judgement:
    """C8d: the batch size that is fastest by the tuning seeds against both ends, in seconds on other seeds."""
    predicted, seconds = predicted_seconds(result), columns(runs(result, TUNED), "seconds_to_target")
    sizes = [size for size in seconds if size in predicted]
    if len(sizes) < 3:
        return Judgement("fewer than three batch sizes arrive at the target")
    best = min(predicted, key=lambda size: predicted[size])
    at_an_end = best in (sizes[0], sizes[-1])  # then the best of the others must be slower than that end
    others = [min(sizes[1:-1], key=lambda size: predicted[size])] if at_an_end else [sizes[0], sizes[-1]]
    ratios = {other: paired_ratio(seconds[other], seconds[best]) for other in others}
    low, questions = 1 + 1e-9, []
    for other, ratio in ratios.items():
        # Where the fastest is an end, the claim can only be refuted: by a surely longer time of the best between.
        by = f"not above 1, since batch {best:,} is no size between" if at_an_end else ""
        answer = False if ratio.inside(low, math.inf) else None
        name = f"seconds to the target, batch {other:,} over {best:,}"
        takes = seeds_needed(result["settings"].get("seeds"))
        questions.append(Question(name, ratio, low, by=by, decided=answer, takes=takes))
    because = f"for this model batch size {best:,} was the fastest on other seeds; on these " + " and ".join(
        f"{other:,} takes {number(ratio.estimate)} times as long" for other, ratio in ratios.items()
    )
    return Judgement(because, questions, {"fastest": best}, each_needed=True)


def predicted_seconds(result: dict[str, Any]) -> dict[int, float]:
    """Seconds to the target by the tuning seeds: sample gradients at the best rate, times what one costs."""
    timing = frame(result, "timing", backend=result["settings"].get("backend"))
    samples = map_of(result, "samples_to_target").min()
    if timing.empty or samples.empty:
        return {}
    cost = timing.groupby(["batch_size", "path"]).microseconds.median()
    paths = {int(size): (size, "fast" if size == 1 else "batched") for size in samples.index[np.isfinite(samples)]}
    return {size: samples[size] * cost[path] for size, path in paths.items() if path in cost}
