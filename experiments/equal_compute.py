"""C3: at equal compute small batches converge faster than all the data, whose direction hardly changes.

    N, B       rows of the training set; of a batch. B = N is gradient descent
    S(B)       updates to a training loss, each size at its own best rate; E(B) = B S(B), sample gradients
    G, g_B     gradient of all the data; mean gradient of a batch drawn without replacement
    Σ          covariance of the N sample gradients; tr Σ/‖G‖² is the noise scale
    w(B)       (1/B − 1/N) N/(N − 1), so that E‖g_B − G‖² = w(B) tr Σ. One row: w = 1; all: w = 0

A noisy gradient takes an update less far. How many more updates that costs is told by one number, the critical batch
size B_c (S. McCandlish et al., An empirical model of large-batch training, arXiv:1812.06162, section 2):

    S(B) = S_min (1 + B_c/B)      independent draws: E falls with B, and from B = B_c down by no more than half
    S(B) = S_min (1 + B_c w(B))   drawn without replacement. E(1) = S_min (1 + B_c) and E(N) = S_min N: where
                                  B_c > N − 1, all the data need fewer sample gradients than one row at a time.
                                  Both are a + b/B; only the second lets a be negative, which is that case
    cos(g_B, G) ≈ 1/√(1 + w(B) tr Σ/‖G‖²)    for a batch drawn afresh, see `lab/directions.py`

Two arms: a convex loss (logistic regression) and one that is not (an MLP). Two targets: a loose one, that gradient
descent reaches in some dozens of updates, and a tight one. SGD at a constant rate jitters about the minimum of a loss
that cannot be 0, so close to the convex one its rate must be small, B_c is large, and gradient descent should win. An
MLP that fits every row leaves no jitter: there it should not.

Judged are four questions in each arm at each target. All the data against the smaller size that was best in a run
apart, on a tuning seed: more sample gradients? fewer updates? more seconds? And is the median of cos(G_t, G_t+1) over
the updates of gradient descent, at its best rate, above 0.9 (26 degrees: "hardly changes")? Each is answered by the
median over the seeds and its 95 % interval; a no anywhere makes the claim conditional, a no everywhere refutes it.

At any rate small enough cos(G_t, G_t+1) is 1, as G is continuous: a tenth of the rate is shown beside it, and decides
nothing. Nor does "the smaller the better", which is not the claim; what each size takes over the least is in the table.

Batches are equal: rows that do not fill one are left out, others each epoch. So sizes should nearly divide N: of 1,437
rows 512 leaves out 413, and noise that would cancel over a whole epoch stays. For the same reason a tight target is
looked for at the ends of epochs: halfway through one, SGD is farther from the minimum than at either end.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import Dataset

from .lab import compute_report, experiment, plots, results, sweep, table, tuning
from .lab.compute_report import ARMS, COUNTS, FINITE, LOOSE, PLACES, TIGHT, compared, fits_of, needed, rows_of, seen
from .lab.directions import Witness
from .lab.statistics import at_target, median_interval
from .lab.sweep import EVALUATIONS_AN_EPOCH, TUNING_SEEDS, make_model, train_once
from .lab.training import train
from .lab.trials import Trials

NAME = "equal_compute"
HARDLY = 0.9  # a cosine
TIGHTER = 20  # times the updates of gradient descent
FLOOR = 1e-3  # of log K, the loss of guessing, below which no target lies; the loose one lies above ten times that
SECOND_SEARCH = (1, 0, -1, -2, -3, -4)  # quarters of a decade about the best rate for the loose target
QUESTIONS = {  # each is answered with yes where the interval lies between two bounds
    "samples": (1.0, math.inf, "more sample gradients"),
    "updates": (0.0, 1.0, "fewer updates"),
    "seconds": (1.0, math.inf, "more seconds"),
    "direction": (HARDLY, math.inf, "and a direction that hardly changes, median cos(G_t, G_t+1) > 0.9,"),
}
LEAST_UPDATES = 20  # of gradient descent: a target that it reaches in fewer is no test, and leaves every answer open
MOMENTS = 16  # of a run, at which its directions are looked at
LONGEST = 5000  # updates of a run that is looked at: a witness takes the batched kernel at batch size 1, too

FLAGS = ("hidden", "activation", "batch-sizes", "epochs", "seeds")


@dataclass(frozen=True)
class Settings(sweep.Settings):
    """And the targets; of the sizes low ≤ B < high the runs to the tight one would take minutes, and are left out."""

    aims: tuple[str, ...] = (LOOSE, TIGHT)
    not_to_tight: tuple[int, int] = (0, 0)  # (low, high)
    halvings: int = 2  # of the grid of rates: the best is known to a factor of 10^(1/8) = 1.33


EFFORTS: dict[str, dict[str, Any]] = {
    "default": {
        "batch_sizes": [1, 4, 16, 65, 179, 359, 718, "all"], "epochs": 1200, "seeds": 6, "not_to_tight": (2, 64),
    },
    "quick": {"batch_sizes": [1, 65, "all"], "epochs": 1200, "seeds": 6, "aims": (LOOSE,), "halvings": 0},
    "full": {
        "batch_sizes": [1, 2, 4, 8, 16, 31, 65, 130, 179, 287, 359, 479, 718, "all"], "epochs": 1200, "seeds": 20,
    },
}  # fmt: skip


# ---- sample gradients, updates and seconds to a target ---------------------------------------------------------------


def of_goal(data: Dataset, settings: Settings, goal: dict[str, Any]) -> tuple[Dataset, Settings]:
    """Data and settings for a goal."""
    settings = replace(settings, model=goal["arm"], epochs=goal["epochs"], evaluations=goal["evaluations"])
    return sweep.data_for(settings.model, data), settings


def target_trial(data: Dataset, settings: Settings, arm: str) -> list[dict]:
    """The goals of an arm: what gradient descent reaches in some dozens of updates, and in TIGHTER times as many."""
    goal: dict[str, Any] = {"kind": "target", "arm": arm, "aim": LOOSE, "epochs": max(1, settings.epochs // TIGHTER)}
    goal["evaluations"] = EVALUATIONS_AN_EPOCH
    data, few = of_goal(data, settings, goal)
    goal["loss"] = sweep.choose_target(data, few)
    if TIGHT not in settings.aims:
        return [goal]
    m = len(data.X_train)
    rate, costs = sweep.tune(data, few, m, goal["loss"], halvings=settings.halvings)
    if rate is None:
        return [goal]
    updates = min(settings.epochs, math.ceil(TIGHTER * costs[rate] / m))
    runs = [train_once(data, few, m, rate, seed, epochs=updates, evaluate_every=0) for seed in TUNING_SEEDS]
    loss = max(FLOOR * math.log(data.n_classes), *(float(run.loss[-1]) for run in runs))
    tight = goal | {"aim": TIGHT, "epochs": settings.epochs, "evaluations": 1}
    tight["loss"] = float(f"{1.00005 * loss:.5g}")  # rounded up, so that it is reached
    is_goal = tight["loss"] < goal["loss"] and not any(run.diverged for run in runs)
    return [goal, tight] if is_goal else [goal]


def tuning_trial(data: Dataset, settings: Settings, goals: list[dict], batch_size: int) -> list[dict]:
    """The best rate of a size for each goal of an arm; the search for the second begins about the first."""
    rows: list[dict] = []
    grid: Sequence[float] = tuning.HALF_DECADES
    for goal in goals:
        rate, costs = sweep.tune(
            *of_goal(data, settings, goal), batch_size, goal["loss"], grid=grid, halvings=settings.halvings
        )
        row = {"kind": "tuning", "arm": goal["arm"], "aim": goal["aim"], "batch_size": batch_size}
        row |= {"seeds": TUNING_SEEDS, "learning_rate": rate, "on_edge": rate in (min(costs), max(costs))}
        rows.append(row | {"rates": list(costs), "samples_to_target": list(costs.values())})
        if rate is not None:
            nearest = round(8 * math.log10(rate)) / 4
            grid = [nearest + step / 2 for step in SECOND_SEARCH]
    return rows


def reaching_trial(
    data: Dataset, settings: Settings, goal: dict[str, Any], batch_size: int, rate: float, seed: int
) -> list[dict]:
    """What a run to a target took: one run tells all three."""
    history = train_once(*of_goal(data, settings, goal), batch_size, rate, seed, target_loss=goal["loss"])
    row = {"kind": "reaching", "arm": goal["arm"], "aim": goal["aim"], "batch_size": batch_size, "learning_rate": rate}
    took = {name: at_target(history.loss, getattr(history, name), goal["loss"]) for name in COUNTS}
    return [row | {"seed": seed} | took]


# ---- directions ------------------------------------------------------------------------------------------------------


def direction_trial(
    data: Dataset, settings: Settings, goal: dict[str, Any], batch_size: int, rate: float, share: float, updates: int,
    seed: int,
) -> list[dict]:  # fmt: skip
    """Directions along the updates to a goal; at a share of the rate, along so many times more updates."""
    data, settings = of_goal(data, settings, goal)
    model = make_model(data, settings, seed)
    X, y = model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train)
    updates = max(1, round(updates / share))
    moments = {int(k) for k in np.linspace(1, updates, MOMENTS)}
    witness = Witness(share * rate, model.batch(X, y), moments, np.random.default_rng(seed))
    epochs = math.ceil(updates / (len(X) // batch_size))
    train(
        model, X, y, optimizer=witness, batch_size=batch_size, epochs=epochs, rng=np.random.default_rng(seed),
        evaluate_every=0, drop_last=True,
    )  # fmt: skip
    row = {"kind": "direction", "arm": goal["arm"], "aim": goal["aim"], "batch_size": batch_size, "share": share}
    return [row | {"seed": seed, "updates": updates} | witness.seen]


# ---- run -------------------------------------------------------------------------------------------------------------


def run(trials: Trials, settings: Settings) -> dict[str, Any]:
    """Measure everything, and judge it. Returns the result, a plain dict."""
    n, (low, high) = len(trials.data.X_train), settings.not_to_tight
    goals = {
        (row["arm"], row["aim"]): row for row in trials.run(target_trial, settings, [{"arm": arm} for arm in ARMS])
    }
    searches = []
    for size in settings.batch_sizes:  # the longest first
        aims = [aim for aim in (LOOSE, TIGHT) if aim == LOOSE or not low <= size < high]
        for arm in ARMS:
            wanted = [goals[arm, aim] for aim in aims if (arm, aim) in goals]
            searches.append({"goals": wanted, "batch_size": size})
    tuned = [row for row in trials.run(tuning_trial, settings, searches) if row["learning_rate"] is not None]
    cases, looks = [], []
    for row in tuned:
        size, goal = row["batch_size"], goals[row["arm"], row["aim"]]
        cases.append({"goal": goal, "batch_size": size, "rate": row["learning_rate"]})
        updates = max(1, round(min(row["samples_to_target"]) / size))
        if (row["aim"] == LOOSE and updates <= LONGEST) or size == n:
            looks.append(cases[-1] | {"share": 1.0, "updates": updates})
        if row["aim"] == LOOSE and size == n:
            looks.append(cases[-1] | {"share": 0.1, "updates": updates})
    seeds = range(settings.seeds)
    in_turn = (TUNING_SEEDS[0], *seeds)  # outside, sizes inside: a slow minute of the machine hits all sizes
    trials.run(reaching_trial, settings, [case | {"seed": seed} for seed in in_turn for case in cases], timed=True)
    trials.run(direction_trial, settings, [look | {"seed": seed} for look in looks for seed in seeds])
    result = experiment.result_of(NAME, trials, settings)
    result["claims"] = verdict(result)
    return result


# ---- verdict, and what a reader sees ---------------------------------------------------------------------------------


def verdict(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Judge claim C3: four questions in each arm at each target, by the intervals of ratios and of a cosine."""
    n = result["settings"].get("rows", 0)
    S = {place: median_interval(needed(result, *where, "updates").get(n, [])) for where, place in PLACES.items()}
    enough = {place: S[place].estimate >= LEAST_UPDATES for place in S}
    tests: dict[str, bool | None] = {}
    clauses = []
    for question, (low, high, title) in QUESTIONS.items():
        said: dict[bool | None, list[str]] = {True: [], False: [], None: []}
        for (arm, aim), place in PLACES.items():
            if question == "direction":
                interval = seen(result, arm, aim, n, "cos_next")
            else:
                _, interval = compared(result, arm, aim, question)
            answer = interval.inside(low, high) if enough[place] else None
            tests[f"{question}, {place}"] = answer
            if not math.isnan(interval.estimate):
                times = "" if question == "direction" else " times"
                said[answer].append(f"{place} ({table.number(interval.estimate)}{times})")
        groups = {"in ": said[True], "not in ": said[False], "open in ": said[None]}
        answers = ", ".join(no + ", ".join(places) for no, places in groups.items() if places)
        clauses.append(f"{title} {answers or 'not measured'}")
    because = f"all the data against the best smaller batch, by 95 % intervals: {'; '.join(clauses)}"
    statement = (
        "At equal compute small batches converge faster than all the data; the full batch makes fewer updates but "
        "takes longer in all; its direction hardly changes."
    )
    evidence = {place: evidence_of(result, arm, aim) for (arm, aim), place in PLACES.items()}
    return {"C3": results.claim(statement, results.decide(tests), because, {"tests": tests} | evidence)}


def evidence_of(result: dict[str, Any], arm: str, aim: str) -> dict[str, Any]:
    """The numbers of an arm at a target."""
    n = result["settings"].get("rows", 0)
    found: dict[str, Any] = {"target": next((row["loss"] for row in rows_of(result, "target", arm, aim)), None)}
    for count in COUNTS:
        rival, interval = compared(result, arm, aim, count)
        found[f"{count}, all over the best smaller batch"] = {"batch_size": rival} | asdict(interval)
    for name, share in (("best rate", 1.0), ("a tenth of it", 0.1)):
        found[f"cos(G_t, G_t+1) of all, {name}"] = asdict(seen(result, arm, aim, n, "cos_next", share))
    samples = needed(result, arm, aim, "samples")
    E = {size: median_interval(samples[size]).estimate for size in sorted(samples)}
    found["samples over the least"] = {str(size): E[size] / min(E.values()) for size in E}
    fits = fits_of(result, arm, aim)
    found["fits"] = {name: fit and asdict(fit) for name, fit in fits.items()}
    fit = fits[FINITE]
    found["samples, all over one row"] = {
        "measured": asdict(compute_report.ratio(samples.get(n, []), samples.get(1, []))),
        "N/(1 + B_c)": n / (1 + fit.B_c.estimate) if fit else None,
    }
    sizes = sorted({row["batch_size"] for row in rows_of(result, "direction", arm, aim)})
    found["noise scale along a run"] = {
        str(size): asdict(seen(result, arm, aim, size, "noise_scale")) for size in sizes
    }
    return found


def tables(result: dict[str, Any]) -> str:
    """The result as text: what each size took to each target, the fits, the directions."""
    settings = result["settings"]
    head = f"{settings['dataset']}: {settings['rows']:,} training rows of {settings['features']} features, "
    head += f"{settings['backend']} {settings['dtype']}; seeds: {settings['seeds']}, median (least…greatest)"
    there = [(arm, aim) for arm, aim in PLACES if rows_of(result, "target", arm, aim)]
    costs = [compute_report.cost_table(result, arm, aim) for arm, aim in there]
    others = (compute_report.answer_table, compute_report.fit_table, compute_report.direction_table)
    return "\n\n".join([head, *costs, *(each(result) for each in others)])


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the two figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    return [
        *plots.save(compute_report.draw_compute(result), folder, "compute"),
        *plots.save(compute_report.draw_directions(result, HARDLY), folder, "directions"),
    ]


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return experiment.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    raise SystemExit(main())
