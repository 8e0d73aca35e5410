"""The rule of the verdict on C7: what noise costs each optimizer, and how the error of dG goes with the step."""

import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pandas as pd

from ..lab.results import frame
from ..lab.statistics import Interval, paired_ratio
from ..lab.text import number
from ..lab.verdicts import Judgement, Question, seeds_needed
from .errors import error_fits
from .measure import FIRST_ORDER, ONE_BATCH, OPTIMIZERS, PROBLEMS, RUN, SEARCH, TWO_BATCHES, chosen_rates

MARGIN = 1.1  # a loss that is higher by less is no worse
SLOPE, SLOPE_MARGIN = -1.0, 0.1
LBFGS = (SEARCH, TWO_BATCHES, ONE_BATCH)

# the parts of the claim, ratios of the excess loss J − J*
OVER_ALL = "excess loss, best mini-batch over all samples"
AT_THEIR_BEST = "excess loss over first-order's, at the batch size that suits those"
AT_OWN_BEST = "excess loss over first-order's, at its own best batch size"
ERROR_SLOPE = "slope of dG's error"


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C7: one question for each part of the claim, problem and optimizer."""
    costs, fits = noise_costs(result), error_fits(result)
    evidence = {
        "noise_costs": {f"{name}, {problem}": asdict(cost) for (problem, name), cost in costs.items()},
        "errors": {problem: {name: fit.plain() for name, fit in of.items()} for problem, of in fits.items()},
    }
    if not costs or not fits:  # a part of the claim without any evidence: the others decide nothing
        return {"C7": Judgement("there were no runs, or the error of dG was not measured", evidence=evidence)}
    first_order = {key: cost for key, cost in costs.items() if key[1] in FIRST_ORDER}
    others = {key: cost for key, cost in costs.items() if key[1] not in FIRST_ORDER}
    question = partial(Question, takes=seeds_needed(result["settings"].get("seeds")))
    questions = [question(asked(OVER_ALL, key), cost.over_all, high=MARGIN) for key, cost in first_order.items()]
    questions += [question(asked(OVER_ALL, key), cost.over_all, low=MARGIN) for key, cost in others.items()]
    questions += [question(asked(AT_THEIR_BEST, key), cost.over_leader, low=MARGIN) for key, cost in others.items()]
    questions += [question(asked(AT_OWN_BEST, key), cost.over_first_order, low=MARGIN) for key, cost in others.items()]
    low, high = SLOPE - SLOPE_MARGIN, SLOPE + SLOPE_MARGIN
    for problem, fit in fits.items():
        for name, batches in (("two", "two batches"), ("one", "one batch")):
            questions.append(question(asked(ERROR_SLOPE, (problem, batches)), fit[name], low, high, style=".2f"))
    spans = [span([cost.over_all.estimate for cost in some.values()]) for some in (first_order, others)]
    because = (
        f"excess loss with the best mini-batch over that with all samples: {spans[0]} (SGD, Adagrad, Adam), {spans[1]} "
        "(CG and L-BFGS)"
    )
    if any(math.isnan(cost.over_all.estimate) for cost in costs.values()):
        because = "there are no runs both on all samples and on mini-batches, which are to be compared"
    return {"C7": Judgement(because, questions, evidence)}


def asked(part: str, key: tuple[str, str]) -> str:
    """A part of the claim, of a problem and an optimizer, as the name of a question."""
    problem, name = key
    name = name.removesuffix(" on the batch").replace("dG on ", "")
    return f"{name}: {part}, {problem.removesuffix(' regression')}"


def span(values: list[float]) -> str:
    """From the least to the largest."""
    return f"{number(min(values))} to {number(max(values))}"


@dataclass(frozen=True)
class Cost:
    """What noise costs an optimizer: ratios of its J − J* with a mini-batch to what it is compared with."""

    batch_size: int | None  # its best mini-batch
    over_all: Interval  # with that, over all samples with `all_by`: itself or, for each L-BFGS, the best of these
    all_by: str | None
    over_first_order: Interval  # with that, over `first_order`, the best first-order method with the same batch size
    first_order: str | None
    over_leader: Interval  # with `leader_size`, where a first-order method does best, over that method
    leader_size: int | None


def noise_costs(result: dict[str, Any]) -> dict[tuple[str, str], Cost]:
    """{(problem, optimizer): Cost}: what is compared is chosen on the tuning seeds, and compared on the others."""
    tuned, ended, N = chosen_rates(result), ends(result), result["settings"].get("rows")
    costs: dict[tuple[str, str], Cost] = {}
    for problem in PROBLEMS if len(tuned) else ():
        here = tuned[tuned.problem == problem]
        small, everything = here[here.batch_size < N], here[here.batch_size == N]
        first_order = here[here.arm.isin(FIRST_ORDER)]

        def ratio(above: tuple, below: tuple, problem: str = problem) -> Interval:
            return paired_ratio(ended.get((problem, *above), []), ended.get((problem, *below), []))

        leader = best(first_order[first_order.batch_size < N])
        for name in OPTIMIZERS:
            own = best(small[small.arm == name])
            on_all = best(everything[everything.arm.isin(LBFGS if name in LBFGS else [name])])
            rival = best(first_order[first_order.batch_size == own[1]])
            costs[problem, name] = Cost(
                batch_size=own[1],
                over_all=ratio(own, on_all),
                all_by=on_all[0],
                over_first_order=ratio(own, rival),
                first_order=rival[0],
                over_leader=ratio((name, leader[1]), leader),
                leader_size=leader[1],
            )
    return costs


def best(tuned: pd.DataFrame) -> tuple[str | None, int | None]:
    """The optimizer and batch size that end lowest."""
    return (tuned.arm.iloc[0], int(tuned.batch_size.iloc[0])) if len(tuned) else (None, None)


def ends(result: dict[str, Any]) -> dict[tuple[str, str, int], list[float]]:
    """{(problem, optimizer, batch size): J − J* when the budget was used up, by seed}.

    At most that of guessing, which is also what a run counts that diverged.
    """
    rows = frame(result, "training", never=["excess"])
    if rows.empty:
        return {}
    rows["end"] = rows[["excess", "guessing"]].min(axis=1)
    return {key: runs.end.tolist() for key, runs in rows.sort_values("seed").groupby(RUN)}
