"""C7: first-order methods live with noisy gradients; conjugate gradient and L-BFGS, which learn the curvature, do not.

The article's reason: errors of the first derivative grow in the second. "Second-order" is its word: the methods here
take gradients only. No second derivative and no product with one is ever computed; what these methods know of the
curvature is how the gradient changes along a step.

    N, B    samples in all, in a batch                  G, g_B    mean gradient of all, of a batch
    s       a step, from θ to θ + s                     J, J*     loss over all samples, and its least value
    dG      G(θ + s) − G(θ), which textbooks call y     H         the second derivative, so that dG ≈ H s
    Σ       covariance of the sample gradients

1. What noise costs. Each optimizer is trained with each batch size until it has used up the same number of sample
   gradients, those of line searches included, at the best rate of a grid for each. J* is that of logistic regression,
   which is convex; for the network it is 0, the only bound known. The claim has it that first-order methods end no
   higher with their best mini-batch than with all samples, and that CG and L-BFGS end higher; and higher than the best
   first-order method with the same batch size, both where that does best and where they do best themselves. Each of
   these can come out against it. On all samples the two L-BFGS without a line search take the same steps, and one of
   them pays two gradients for each: what any L-BFGS loses by noise is measured from the cheapest of them there.
2. The reason. Relative errors, √E‖estimate − truth‖² / ‖truth‖, of g_B and of dG, over the length of the step:

       dG on two batches   g_B'(θ + s) − g_B(θ)    ≈ √(2 tr Σ/B) / ‖H s‖         grows as 1/‖s‖: a slope of −1
       dG on one batch     g_B(θ + s) − g_B(θ)     ≈ √E‖(H_B − H) s‖² / ‖H s‖    the same at any length: a slope of 0

   Where the slope is −1, steps that shrink drown the curvature in noise. A slope of 0 counts against the claim; it is
   why one takes both gradients on one batch: N. Schraudolph, J. Yu, S. Günter, AISTATS 2007; R. Bollapragada et al.,
   A progressive batching L-BFGS method for machine learning, arXiv:1802.05374.

All this holds for one budget. With a short one, such as --quick has, steps on all samples are too few to get far, and
L-BFGS too ends lower with a mini-batch. A run that diverged, or ended above the loss of guessing, counts as guessing:
one would rather keep the start.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigrad import LBFGS, SGD, Adagrad, Adam, ConjugateGradient, Dataset, batches, gradient_noise
from minigrad.model import Model
from minigrad.optimizers import Optimizer

from .lab import experiment, noise_report, plots, results, sweep, table, tuning
from .lab.noise_costs import (
    ARMS,
    CG,
    FIRST_ORDER,
    LOGISTIC,
    NETWORK,
    ONE_BATCH,
    SEARCH,
    TWO_BATCHES,
    Cost,
    costs_of,
    error_fits,
    least_costs,
    noise_costs,
)
from .lab.polish import polish
from .lab.statistics import Interval
from .lab.sweep import TUNING_SEEDS, make_model
from .lab.training import train
from .lab.trials import Trials

NAME = "optimizers_under_noise"
PLACES = {"start": 0.0, "middle": 0.5, "end": 1.0}  # of training, as a share of its epochs
STEPS = [1e-4, 1e-3, 1e-2, 0.1, 0.316, 1.0]  # ‖s‖
SLOPE, SLOPE_MARGIN = -1.0, 0.1
MARGIN = 1.1  # a loss that is higher by less is no worse
ENOUGH = 32  # smaller batches are drawn more often: late in training a few samples make up most of tr Σ
POINTS = 61  # of a curve

# the parts of the claim
LIVES, SUFFERS = "no worse than with all samples", "worse than with all samples"
BEHIND_THERE, BEHIND_HERE = "worse than first-order where that does best", "worse than first-order at its own best"
GROWS = "errors of dG grow as 1/‖s‖"

MAKE: dict[str, Callable[[Any], Optimizer]] = {  # each arm by its learning rate
    "SGD": SGD,
    "Adagrad": Adagrad,
    "Adam": Adam,
    CG: lambda _: ConjugateGradient(),
    SEARCH: lambda _: LBFGS(),
    TWO_BATCHES: lambda rate: LBFGS(learning_rate=rate, curvature_from="next batch"),
    ONE_BATCH: lambda rate: LBFGS(learning_rate=rate, curvature_from="same batch"),
}
GRIDS = {  # the rates to begin with, as the k of 10^(k/2); a line search needs none
    "SGD": range(-1, 3), "Adagrad": range(-2, 1), "Adam": range(-4, 0), TWO_BATCHES: range(-4, 1),
    ONE_BATCH: range(-4, 1),
}  # fmt: skip

FLAGS = ("hidden", "activation", "batch-sizes", "epochs", "seeds")
EFFORTS: dict[str, dict[str, Any]] = {
    "default": {"batch_sizes": [16, 64, 128, 256, 512, "all"], "epochs": 20, "seeds": 8, "draws": 32},
    "quick": {"batch_sizes": [16, 128, "all"], "epochs": 3, "seeds": 3, "draws": 8},
    "full": {"batch_sizes": [2**k for k in range(2, 17)] + ["all"], "epochs": 100, "seeds": 20, "draws": 200},
}


@dataclass(frozen=True)
class Settings(sweep.Settings):
    """As for every experiment, and how many batches the errors are means over."""

    draws: int = 32


# ---- measurement -----------------------------------------------------------------------------------------------------


def problem_of(problem: str, data: Dataset, settings: Settings) -> tuple[Dataset, Settings]:
    """Data and settings of the network, or of logistic regression."""
    settings = settings if problem == NETWORK else replace(settings, model="logistic")
    return sweep.data_for(settings.model, data), settings


def minimum_rows(data: Dataset, settings: Settings, problem: str) -> list[dict]:
    """J*: what descent on all samples reaches; 0 for a network, and where the classes can be told apart."""
    data, settings = problem_of(problem, data, settings)
    loss = 0.0
    if problem == LOGISTIC:
        model = make_model(data, settings, seed=0, dtype="float64")
        X, y = model.backend.asarray(data.X_train), model.backend.asarray(data.y_train)
        polish(model, X, y)
        loss = model.loss(X, y)
    separable = loss < 0.01 * math.log(data.n_classes)
    return [{"kind": "minimum", "problem": problem, "loss": 0.0 if separable else loss}]


class Course(NamedTuple):
    """Sample gradients used by, and loss at, each evaluation; steps; whether it diverged before the budget was used."""

    samples: list[int]
    losses: list[float]
    updates: int
    diverged: bool


def train_on_budget(
    model: Model, data: Dataset, optimizer: Optimizer, batch_size: int, budget: int, seed: int
) -> Course:
    """Train, epoch by epoch, until `budget` sample gradients are used; evaluate twice an epoch, and before it."""
    N, rng = len(data.X_train), np.random.default_rng(seed)
    X, y = model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train)
    samples, losses, updates, diverged, idle = [0], [model.loss(X, y)], 0, False, False
    while samples[-1] < budget and not diverged and not idle:
        history = train(
            model, X, y, optimizer=optimizer, batch_size=batch_size, epochs=1, rng=rng, drop_last=True,
            evaluate_every=max(batch_size, N // 2),
        )  # fmt: skip
        samples += (samples[-1] + history.samples[1:]).tolist()
        losses += history.loss[1:].tolist()
        updates += int(history.updates[-1])
        diverged = history.diverged and samples[-2] < budget
        idle = history.samples[-1] == 0  # at an optimum: no step helps
    return Course(samples, losses, updates, diverged)


def training_rows(
    data: Dataset, settings: Settings, problem: str, arm: str, batch_size: int, rate: float | None, seed: int,
    minimum: float, kind: str = "training",
) -> list[dict]:  # fmt: skip
    """J − J* when the budget is used up, and on the way there; between evaluations its log is interpolated."""
    data, settings = problem_of(problem, data, settings)
    model, optimizer = make_model(data, settings, seed), MAKE[arm](rate)
    budget, guessing = settings.epochs * len(data.X_train), math.log(data.n_classes) - minimum
    course = train_on_budget(model, data, optimizer, batch_size, budget, seed)
    excess = np.maximum(np.array(course.losses) - minimum, 1e-9 * guessing)  # as near as J* is known
    with np.errstate(over="ignore", invalid="ignore"):  # on the way to divergence
        curve = np.exp(np.interp(np.linspace(0, budget, POINTS), course.samples, np.log(excess)))
    row = {
        "kind": kind, "problem": problem, "arm": arm, "batch_size": batch_size, "learning_rate": rate, "seed": seed,
        "excess": math.inf if course.diverged else float(curve[-1]), "guessing": guessing,
        "diverged": course.diverged,
    }  # fmt: skip
    if kind == "tuning":
        return [row]
    pairs = optimizer.pairs if isinstance(optimizer, LBFGS) else ()
    return [row | {
        "updates": course.updates, "curve": curve, "skipped": getattr(optimizer, "skipped", 0),
        "steps": [norm(pair.s) for pair in pairs],
    }]  # fmt: skip


def error_rows(
    data: Dataset, settings: Settings, problem: str, place: str, seed: int, batch_size: int, rate: float
) -> list[dict]:
    """Relative errors of g_B and dG at one place of a run of SGD; in float64, since a small dG is a difference."""
    data, settings = problem_of(problem, data, settings)
    model = make_model(data, settings, seed, dtype="float64")
    X, y, rng = model.backend.asarray(data.X_train), model.backend.asarray(data.y_train), np.random.default_rng(seed)
    if epochs := round(PLACES[place] * settings.epochs):
        train(model, X, y, optimizer=SGD(rate), batch_size=batch_size, epochs=epochs, rng=rng, drop_last=True,
              evaluate_every=0)  # fmt: skip
    theta, G, trace = model.theta.copy(), model.gradient(X, y), gradient_noise(model, X, y).trace
    directions = {"random": model.backend.asarray(rng.standard_normal(len(G))), "along −G": -G}
    points = []  # (direction, θ + s, dG)
    for name, d in directions.items():
        for step in STEPS:
            model.theta = theta + step / (norm(d) or 1.0) * d
            points.append((name, model.theta.copy(), model.gradient(X, y) - G))
    rows: list[dict] = []
    for B in settings.batch_sizes:
        drawn = draw(rng, len(X), B, settings.draws * max(1, ENOUGH // B))
        of_g, one, two = errors_on(model, X, y, drawn, theta, G, points)
        for name in directions:
            here = [k for k, point in enumerate(points) if point[0] == name]
            rows.append({
                "kind": "error", "problem": problem, "place": place, "seed": seed, "batch_size": B, "direction": name,
                "g": of_g, "steps": STEPS, "one": [one[k] for k in here], "two": [two[k] for k in here],
                "length": [norm(points[k][2]) for k in here], "trace": trace,
            })  # fmt: skip
    return rows


def draw(rng: np.random.Generator, N: int, batch_size: int, count: int) -> list[Any]:
    """Batches as training takes them one after the other: epoch after epoch, each a permutation of N rows."""
    drawn: list[Any] = []
    while len(drawn) < count:
        drawn += batches(N, batch_size, rng, drop_last=True)
    return drawn[:count]


def errors_on(
    model: Model, X: Any, y: Any, drawn: Sequence[Any], theta: Any, G: Any, points: Sequence[tuple[str, Any, Any]]
) -> tuple[float, list[float], list[float]]:
    """√(mean ‖estimate − truth‖²) / ‖truth‖ over the batches: of g_B, and a point of dG on one batch and on two.

    Of two batches the one is that which comes before the other; before the first comes the last.
    """

    def gradient(index: Any, theta: Any) -> Any:
        model.theta, rows = theta, model.backend.asarray(index)
        return model.gradient(X[rows], y[rows])

    of_g, one, two = [], [], []
    g_before = gradient(drawn[-1], theta)
    for index in drawn:
        g = gradient(index, theta)
        changes = [gradient(index, there) - dG for _, there, dG in points]
        of_g.append(norm(g - G))
        one.append([norm(change - g) for change in changes])
        two.append([norm(change - g_before) for change in changes])
        g_before = g
    lengths = np.array([norm(dG) for _, _, dG in points])
    with np.errstate(divide="ignore", invalid="ignore"):  # at an optimum there is no direction
        errors = [np.sqrt(np.mean(np.square(each), axis=0)) / length
                  for each, length in ((of_g, np.float64(norm(G))), (one, lengths), (two, lengths))]  # fmt: skip
    return float(errors[0]), errors[1].tolist(), errors[2].tolist()


def norm(vector: Any) -> float:
    """‖vector‖."""
    return math.sqrt(float(vector @ vector))


# ---- run -------------------------------------------------------------------------------------------------------------


def run(trials: Trials, settings: Settings) -> dict[str, Any]:
    """Measure everything, and judge it. Returns the result, a plain dict."""
    sizes, seeds, N = settings.batch_sizes, range(settings.seeds), len(trials.data.X_train)
    found = trials.run(minimum_rows, settings, [{"problem": problem} for problem in (NETWORK, LOGISTIC)])
    minima = {row["problem"]: row["loss"] for row in found}
    for problem, minimum in minima.items():
        for arm in ARMS:
            tune(trials, settings, problem, arm, minimum)
    best = least_costs(trials.rows)
    trials.run(training_rows, settings, [
        {"problem": problem, "arm": arm, "batch_size": size, "rate": best[problem, arm, size][1], "seed": seed,
         "minimum": minimum}
        for problem, minimum in minima.items() for arm in ARMS for size in sizes for seed in seeds
    ])  # fmt: skip
    size = noise_report.reference_size(sizes)
    trials.run(error_rows, replace(settings, batch_sizes=tuple(size for size in sizes if size < N)), [
        {"problem": problem, "place": place, "seed": seed, "batch_size": size, "rate": best[problem, "SGD", size][1]}
        for problem in minima for place in PLACES for seed in seeds
    ])  # fmt: skip
    result = experiment.result_of(NAME, trials, settings)
    result["claims"] = verdict(result)
    return result


def tune(trials: Trials, settings: Settings, problem: str, arm: str, minimum: float) -> None:
    """Leave the tuning rows of an arm: for each batch size a grid of rates, which grows until the best is inside."""

    def measure(cells: list[tuple[int, Any]]) -> list[float]:
        rows = trials.run(training_rows, settings, [
            {"problem": problem, "arm": arm, "batch_size": size, "rate": rate, "seed": seed, "minimum": minimum,
             "kind": "tuning"}
            for size, rate in cells for seed in TUNING_SEEDS
        ])  # fmt: skip
        costs = costs_of(rows)
        return [costs[problem, arm, size, rate] for size, rate in cells]

    if arm in GRIDS:
        tuning.best_rates(measure, dict.fromkeys(settings.batch_sizes, GRIDS[arm]))
    else:
        measure([(size, None) for size in settings.batch_sizes])


# ---- verdict ---------------------------------------------------------------------------------------------------------


def verdict(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Judge claim C7: what noise costs each arm of each problem, and whether errors grow as steps shrink."""
    costs, fits = noise_costs(result), error_fits(result)
    bounds = (SLOPE - SLOPE_MARGIN, SLOPE + SLOPE_MARGIN)
    parts: dict[str, dict[str, bool | None]] = {part: {} for part in (LIVES, SUFFERS, BEHIND_THERE, BEHIND_HERE, GROWS)}
    for problem, arms in costs.items():
        for arm, cost in arms.items():
            name = f"{arm} ({problem})"
            if arm in FIRST_ORDER:
                parts[LIVES][name] = cost.over_all.inside(0.0, MARGIN)
            else:
                parts[SUFFERS][name] = cost.over_all.inside(MARGIN, math.inf)
                parts[BEHIND_THERE][name] = cost.over_leader.inside(MARGIN, math.inf)
                parts[BEHIND_HERE][name] = cost.over_first_order.inside(MARGIN, math.inf)
    for problem, fit in fits.items():
        parts[GROWS][f"on two batches ({problem})"] = fit["two"].inside(*bounds)
        parts[GROWS][f"on one batch ({problem})"] = fit["one"].inside(*bounds)
    decision = results.decide({f"{part}: {name}": x for part, tests in parts.items() for name, x in tests.items()})
    if not all(parts.values()):
        decision = "undecided"  # a part without any evidence
    evidence = {
        "noise_costs": {problem: {arm: asdict(cost) for arm, cost in arms.items()} for problem, arms in costs.items()},
        "errors": {problem: {name: asdict(x) for name, x in fit.items()} for problem, fit in fits.items()},
        "tests": parts,
        "bounds": {"no_worse": MARGIN, "slope": bounds},
    }
    statement = (
        "First-order methods live with noisy gradients; conjugate gradient and L-BFGS do not, since errors of the "
        "first derivative grow in the second."
    )
    return {"C7": results.claim(statement, decision, reason(result, costs, fits, parts), evidence)}


def reason(
    result: dict[str, Any], costs: dict[str, dict[str, Cost]], fits: dict[str, dict[str, Interval]], parts: dict
) -> str:
    """The verdict's sentence."""
    if not costs:
        return "no run was made"

    def ratios(part: str, column: str) -> str:
        """From which to which ratio, how many make for the claim, and which do not."""
        values = [getattr(cost, column).estimate for arms in costs.values() for arm, cost in arms.items()
                  if (arm in FIRST_ORDER) == (part == LIVES)]  # fmt: skip
        outcomes, word = parts[part], "no worse" if part == LIVES else "worse"
        text = f"{table.number(min(values))} to {table.number(max(values))} "
        text += f"({word}: {sum(x is True for x in outcomes.values())} of {len(outcomes)}"
        for title, outcome in (("not", False), ("open", None)):
            names = [name for name, x in outcomes.items() if x is outcome]
            text += f"; {title}: {', '.join(names)}" if names else ""
        return text + ")"

    powers = [
        f"{noise_report.signed(fit[which].estimate)} on {name} ({problem})"
        for problem, fit in fits.items() for which, name in (("two", "two batches"), ("one", "one batch"))
    ]  # fmt: skip
    return (
        f"after {result['settings']['epochs']} epochs' worth of sample gradients J − J* with the best mini-batch over "
        f"that with all samples is {ratios(LIVES, 'over_all')} for SGD, Adagrad and Adam, "
        f"{ratios(SUFFERS, 'over_all')} for CG and L-BFGS; that of CG and L-BFGS over that of the best first-order "
        f"method is {ratios(BEHIND_THERE, 'over_leader')} with the batch size that suits first-order methods best, "
        f"{ratios(BEHIND_HERE, 'over_first_order')} with the one that suits themselves best; the relative error of dG "
        f"goes as ‖s‖ to the power of {', '.join(powers) or 'unknown'}"
    )


# ---- what a reader sees ----------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """Where each arm ended, at which rate, what noise cost it; and the errors."""
    return noise_report.tables(result)


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the three figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    return [
        *plots.save(noise_report.draw_losses(result), folder, "loss"),
        *plots.save(noise_report.draw_curves(result), folder, "curves"),
        *plots.save(noise_report.draw_errors(result), folder, "errors"),
    ]


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return experiment.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    raise SystemExit(main())
