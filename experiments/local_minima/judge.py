"""The rule of the verdict on C5b: full batch against each smaller size, on each problem, at the best rate of each."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..lab.statistics import Interval
from ..lab.text import styled
from ..lab.verdicts import Judgement, Question, seeds_needed
from .measure import ALONE, BEST, WIDE, WIDER
from .paired import Comparison, comparisons
from .trapped import end_points, share

MARGIN = 0.2  # of the starts: 60 of them tell the difference to about 12 in 100
SIGNIFICANT = 0.05
TRAPPED = "starts trapped by full batch less those by a smaller one"  # what is asked of a problem and a batch size


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C5b: does full batch leave more of the same starts trapped than each smaller size?"""
    ends = end_points(result)
    compared = comparisons(ends, BEST)
    level = SIGNIFICANT / max(1, len(compared))
    starts, to_be_for = result["settings"].get("seeds"), math.ceil(1 - math.log2(level))
    questions = [question(name, comparison, level, seeds_needed(starts)) for name, comparison in compared.items()]
    if more := seeds_needed(starts, to_be_for):  # all starts together could not hold the claim
        questions = [each if each.answer is not None else replace(each, takes=f"{more} to hold") for each in questions]
    alone, wide = (
        {name: share(rows) for name, rows in ends[ends.arm == arm].groupby("name", sort=False)} for arm in (ALONE, WIDE)
    )
    trained = ends[~ends.diverged & (ends.batch_size > 0)].groupby(["name", "arm", "batch_size"], observed=True)
    bounds = ends.groupby("name", sort=False)[["bound", "best"]].first()
    evidence = {
        "starts_to_be_for": to_be_for,  # 2 · ½^n is the p of n starts that all say yes
        "full_batch_against": {name: vars(each) | {"p": each.p_value} for name, each in compared.items()},
        "trapped_above": bounds.to_dict("index"),
        "base_rate": {name: each.plain() for name, each in alone.items()},
        "base_rate_wide": {name: each.plain() for name, each in wide.items()},
        "sharpness": {
            f"{name}, {arm}, batch {size:,}": {
                "lambda": rows.sharpness.median(),
                "two_over_eta": 2 / rows.learning_rate.iloc[0],
            }
            for (name, arm, size), rows in trained
        },
    }
    because = (
        f"in % of the starts, full batch traps {fewer_or_more(each.interval for each in questions)} than a smaller "
        f"batch; descent alone traps {span(alone.values())}, with {WIDER} times the units {span(wide.values())}"
    )
    return {"C5b": Judgement(because if compared else "no smaller batch was compared", questions, evidence)}


def question(name: str, comparison: Comparison, level: float, takes: str) -> Question:
    """No where the difference is surely below the margin; yes where p < level, and full batch is the worse."""
    difference = comparison.difference
    worse = comparison.p_value < level and difference.estimate > 0
    answer = False if difference.high < MARGIN else True if worse else None
    by = f"McNemar's p < {level:.2g}; no if all of the interval is below {styled(100 * MARGIN)} %"
    return Question(f"{TRAPPED}, {name}", difference, style="+.1%", by=by, decided=answer, takes=takes)


def span(shares: Iterable[Interval]) -> str:
    """The least and the greatest of some shares, in starts of a hundred."""
    return " to ".join(dict.fromkeys(str(value) for value in ends_of(shares))) or "none known"


def fewer_or_more(differences: Iterable[Interval]) -> str:
    """The same of differences, without a sign: "0 to 45 fewer", "3 more", "5 fewer to 2 more"."""
    ends = ends_of(differences)
    if not ends:
        return "an unknown number more"
    if ends[0] < 0 < ends[-1]:
        return f"{-ends[0]} fewer to {ends[-1]} more"
    sizes = dict.fromkeys(str(value) for value in sorted(map(abs, ends)))  # once where they are the same
    return f"{' to '.join(sizes)} {'fewer' if ends[0] < 0 else 'more'}"


def ends_of(shares: Iterable[Interval]) -> list[int]:
    """The least and the greatest of some shares, in whole starts of a hundred; empty where none is known."""
    known = sorted(round(100 * each.estimate) for each in shares if math.isfinite(each.estimate))
    return known[:1] + known[-1:]
