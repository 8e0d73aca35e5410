"""C5a: all data rest on a saddle point, the noise of small batches leaves it; the rate should then be small.

`lab/saddle.py` makes a saddle point that can be proved, on real data: the optimum of a network with one hidden unit,
that unit written twice, its outgoing weight v split into s v and (1 − s) v. Descend from there, always in float64:

    η, B, N   learning rate, batch size, samples         λ₋, v₋   the Hessian's least eigenvalue, and its eigenvector
    η₁        the rate 1/(2 λ₊), λ₊ the largest          ρ        1 + η|λ₋|, growth of the projection in an update
    r         the projection on v₋ that counts as left   σ        standard deviation of the sample gradients along v₋
    ε         the projection that grows                  uₖ       the last digit of θₖ

Leaving is exponential growth, whatever makes ε:         updates to leave = ln(r/ε) / ln ρ

    a push      ε is its projection on v₋
    batches     kick by η σ √((N − B)/(N − 1)/B) an update. Random kicks come to that over √(ρ² − 1), of which the
                typical size counts, 0.53 of it. That is for batches drawn anew; those of an epoch cancel in part
    rounding    the same, with kicks of √(Σ v₋ₖ² uₖ²/12). But steps of less than half of every uₖ move nothing at all

The claim has five parts. Do all data stay, (1) on the saddle itself, (2) beside it, after a push? Do batches leave it,
(3) where the copies differ, s = 0.7, (4) where they are the same, s = ½? There every sample gives both the same
gradient, and no noise can part them, only a push: the control. (5) Does it take a small rate to settle below the
saddle's loss, since noise enters as η/B? Were the slope of the updates over ln(1/ε) off by 5 %, that would refute the
prediction, and leave all open.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import scipy.stats

from minigrad import MLP, SGD, Dataset, batches
from minigrad.model import Model

from .lab import curvature, experiment, plots, results, saddle_report, sweep
from .lab import saddle as theory
from .lab.saddle import BATCH, EPOCH, PUSH, RADIUS, RANDOM, RANDOM_PUSH, ROUNDING, SPLITS, STEPS, updates_to_leave
from .lab.saddle_report import mean_of, select, settled_above
from .lab.statistics import Interval
from .lab.training import train
from .lab.trials import Trials

NAME = "saddle_point"
BINARY = True  # classes: the network has one output
ROWS = 5000  # of a large data set, the first so many are "all data"
# With every pixel, many of them blank in almost all images, the optimum lies at infinity. So the network sees leading
# principal components: the first number of these with which an optimum is found.
COMPONENTS = (16, 24, 32, 12, 8, 4)
STARTS = 5  # weights to start from, for each number of components
STRICT = 0.01  # |λ₋|/λ₊ at least: a flatter saddle takes too long to leave
PUSHES = tuple(10.0**-k for k in range(2, 13, 2))
ALL = slice(None)
SLOPE_MARGIN = 0.05

FLAGS = ("batch-sizes", "seeds")
EFFORTS: dict[str, dict[str, Any]] = {
    "default": {"hidden": [2], "batch_sizes": [1, 4, 16, 64, 256, 1024, "all"], "seeds": 5, "repeats": 6},
    "quick": {"hidden": [2], "batch_sizes": [1, 16, 256, "all"], "seeds": 2, "repeats": 3, "settling": 200},
    "full": {
        "hidden": [2], "batch_sizes": [2**k for k in range(17)] + ["all"], "seeds": 20, "repeats": 40,
        "settling": 4000,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Settings(sweep.Settings):
    """As for every experiment, and how many updates at η₁ the loss is given to settle."""

    settling: int = 1000


# ---- the saddle, and a descent from it -------------------------------------------------------------------------------


def saddle_rows(data: Dataset, settings: Settings, seed: int) -> list[dict]:
    """A saddle a split, made from one optimum; or a row that says that none was found."""
    rng = np.random.default_rng(seed)
    for components in dict.fromkeys(min(count, data.X_train.shape[1]) for count in COMPONENTS):
        Z = theory.leading_components(data.X_train[:ROWS], components)
        for _ in range(STARTS):
            small = MLP((Z.shape[1], 1, 1), activation="tanh", backend=settings.backend, rng=rng)
            X, y = map(small.backend.asarray, (Z, data.y_train[:ROWS]))
            if theory.descend_to_optimum(small, X, y):
                rows = [saddle_row(small, X, y, split, seed) for split in SPLITS]
                if all(row["eigenvalues"][0] < -STRICT * row["eigenvalues"][-1] for row in rows):
                    return rows
    return [{"kind": "no saddle", "seed": seed}]


def saddle_row(small: Model, X: Any, y: Any, split: str, seed: int) -> dict:
    """θ at the saddle, the spectrum of its Hessian, and the noise along v₋."""
    model = theory.duplicate(small, SPLITS[split])
    eigenvalues, V = scipy.linalg.eigh(curvature.hessian(model, X, y))
    along = model.sample_gradients(X, y) @ model.backend.asarray(V[:, 0].copy())  # g_i · v₋
    return {
        "kind": "saddle", "seed": seed, "split": split, "N": len(X), "components": small.n_features,
        "loss": model.loss(X, y), "gradient_norm": float(model.xp.linalg.norm(model.gradient(X, y))),
        "eigenvalues": eigenvalues, "theta": model.backend.to_numpy(model.theta), "v_minus": V[:, 0],
        "v_plus": V[:, -1], "sigma": float(along.std()),
    }  # fmt: skip


class Descent:
    """Gradient descent from a saddle at the rate step · η₁: the model, its data, and ρ."""

    def __init__(self, data: Dataset, settings: Settings, saddle: dict, step: float) -> None:
        self.saddle, self.step = saddle, step
        self.model = MLP((saddle["components"], 2, 1), activation="tanh", backend=settings.backend)
        asarray = self.model.backend.asarray
        Z = theory.leading_components(data.X_train[:ROWS], saddle["components"])
        self.X, self.y = asarray(Z), asarray(data.y_train[:ROWS])
        self.rows = self.model.batch(self.X, self.y)
        self.origin, self.v_minus = asarray(saddle["theta"]), asarray(saddle["v_minus"])
        self.rate = step / (2 * saddle["eigenvalues"][-1])  # η
        self.growth = 1 - self.rate * saddle["eigenvalues"][0]  # ρ = 1 + η|λ₋|

    def leave(self, arm: str, batch_size: int, start: np.ndarray, push: float, stream: Iterator, limit: int) -> dict:
        """Descend from `start` on the batches of `stream` until the projection on v₋ is r: a row.

        `updates` is None where it stays for `limit` updates. It `rests` once an update on all data changes no bit of θ.
        """
        model, optimizer = self.model, SGD(self.rate)
        model.theta = model.backend.asarray(start)
        updates, rests = None, False
        for count, rows in enumerate(itertools.islice(stream, limit), start=1):
            before = model.theta.copy()
            optimizer.step(model, self.rows[rows])
            if not abs(float(self.v_minus @ (model.theta - self.origin))) < RADIUS:
                updates = count
                break
            rests = rows is ALL and not bool((model.theta != before).any())
            if rests:
                break
        W1, b1 = model.layers[0]
        apart = float(((W1[:, 0] - W1[:, 1]) ** 2).sum() + (b1[0] - b1[1]) ** 2) ** 0.5  # ‖w₁ − w₂‖
        return {
            "kind": "leaving", "seed": self.saddle["seed"], "split": self.saddle["split"], "step": self.step,
            "arm": arm, "batch_size": batch_size, "learning_rate": self.rate, "growth": self.growth, "push": push,
            "updates": updates, "limit": limit, "rests": rests, "apart": apart,
        }  # fmt: skip


# ---- measurement -----------------------------------------------------------------------------------------------------


def push_rows(data: Dataset, settings: Settings, saddle: dict, step: float) -> list[dict]:
    """All data at each update: pushed along v₋, pushed in a random direction, and not pushed but for the last digit."""
    descent, rng = Descent(data, settings, saddle, step), np.random.default_rng(saddle["seed"])
    N, theta, v = len(descent.X), np.array(saddle["theta"]), np.array(saddle["v_minus"])
    limit = math.ceil(2 * updates_to_leave(float(np.finfo(float).eps), descent.growth))
    starts = [(PUSH, push * v, push) for push in PUSHES]
    for _ in range(settings.repeats):
        u = rng.standard_normal(len(v))
        u *= RANDOM_PUSH / np.linalg.norm(u)
        starts.append((RANDOM, u, abs(float(u @ v))))
    last_digit = np.spacing(abs(theta))
    push = theory.typical_push(float(np.linalg.norm(v * last_digit)) / math.sqrt(12), descent.growth)
    starts.append((ROUNDING, 0 * v, push))  # the saddle itself; and the same with other last digits
    starts += [(ROUNDING, last_digit * rng.integers(-1, 2, len(v)), push) for _ in range(settings.repeats - 1)]
    return [descent.leave(arm, N, theta + move, push, itertools.repeat(ALL), limit) for arm, move, push in starts]


def batch_rows(data: Dataset, settings: Settings, saddle: dict, step: float) -> list[dict]:
    """Batches of each size from the saddle itself, for as long as a push of 1e-8 takes: rounding takes twice that."""
    descent, rows = Descent(data, settings, saddle, step), []
    N, theta = len(descent.X), np.array(saddle["theta"])
    limit = math.ceil(updates_to_leave(1e-8, descent.growth))
    for size in [size for size in settings.batch_sizes if size < N]:
        kick = descent.rate * saddle["sigma"] * math.sqrt((N - size) / (N - 1) / size)
        push = theory.typical_push(kick, descent.growth)
        for arm, repeat in itertools.product((BATCH, EPOCH), range(settings.repeats)):
            stream = batch_stream(N, size, np.random.default_rng([saddle["seed"], repeat]), anew=arm == BATCH)
            rows.append(descent.leave(arm, size, theta, push, stream, limit))
    return rows


def batch_stream(N: int, batch_size: int, rng: np.random.Generator, anew: bool) -> Iterator:
    """Batches without end: one of each shuffled epoch, drawn from all samples anew; or all of each, as in training."""
    while True:
        yield from itertools.islice(batches(N, batch_size, rng, drop_last=True), 1 if anew else None)


def settling_rows(data: Dataset, settings: Settings, saddle: dict, step: float) -> list[dict]:
    """Where the loss settles: its mean over the second half of `settings.settling` updates at η₁, or as far at less."""
    descent, rows = Descent(data, settings, saddle, step), []
    N = len(descent.X)
    for size in sorted({min(size, N) for size in settings.batch_sizes}):
        descent.model.theta = descent.origin + (1e-3 * descent.v_minus if size == N else 0)
        epochs = math.ceil(settings.settling / step * size / N)
        history = train(
            descent.model, descent.X, descent.y, optimizer=SGD(descent.rate), batch_size=size, epochs=epochs,
            rng=np.random.default_rng(saddle["seed"]), evaluate_every=max(size, epochs * N // 50), drop_last=True,
        )  # fmt: skip
        above = float(history.loss[len(history.loss) // 2 :].mean()) - saddle["loss"]
        rows.append({
            "kind": "settling", "seed": saddle["seed"], "step": step, "batch_size": size, "N": N, "above_saddle": above
        })  # fmt: skip
    return rows


def plateau_rows(data: Dataset, settings: Settings, saddle: dict, batch_size: int, push: float) -> list[dict]:
    """Loss and gradient norm at each update of a run that comes to the saddle down its steepest side."""
    descent = Descent(data, settings, saddle, 1.0)
    model, X, y = descent.model, descent.X, descent.y
    model.theta = descent.origin + RADIUS * model.backend.asarray(saddle["v_plus"]) + push * descent.v_minus
    row: dict[str, Any] = {"updates": [], "loss": [], "gradient_norm": []}

    def record(model: Model, at: dict) -> None:
        norm = float(model.xp.linalg.norm(model.gradient(X, y)))
        for name, value in (("updates", at["updates"]), ("loss", at["loss"]), ("gradient_norm", norm)):
            row[name].append(value)

    epochs = math.ceil(2.5 * updates_to_leave(RANDOM_PUSH, descent.growth) * batch_size / len(X))
    train(
        model, X, y, optimizer=SGD(descent.rate), batch_size=batch_size, epochs=epochs, drop_last=True,
        rng=np.random.default_rng(0), evaluate_every=batch_size, callback=record,
    )  # fmt: skip
    return [{"kind": "plateau", "split": saddle["split"], "batch_size": batch_size, "push": push, **row}]


def surface_rows(data: Dataset, settings: Settings) -> list[dict]:
    """A saddle that can be drawn, x²/2 + y⁴/4 − y²/2: sample i adds a_i · (x, y), and the a_i come to zero."""
    N, rate, rows = 64, 0.1, []
    a = np.random.default_rng(1).standard_normal((N, 2))
    a -= a.mean(axis=0)
    for batch_size, push in ((N, 0.0), (N, 1e-3), (4, 0.0)):
        path = [np.array([1.5, push])]
        for batch in itertools.islice(batch_stream(N, batch_size, np.random.default_rng(2), anew=False), 120):
            x, y = path[-1]
            gradient = np.array([x, y**3 - y]) + a[batch].mean(axis=0)
            path.append(path[-1] - rate * gradient)
        rows.append({"kind": "surface", "batch_size": batch_size, "N": N, "push": push, "eta": rate, "path": path})
    return rows


# ---- run, verdict ----------------------------------------------------------------------------------------------------


def run(trials: Trials, settings: Settings) -> dict[str, Any]:
    """Measure everything, and judge it. Returns the result, a plain dict."""
    trials.run(surface_rows, settings, [{}])
    found = trials.run(saddle_rows, settings, [{"seed": seed} for seed in range(settings.seeds)])
    uneven, even = ([row for row in found if row["kind"] == "saddle" and row["split"] == split] for split in SPLITS)
    descents = [{"saddle": saddle, "step": step} for step in STEPS[:2] for saddle in uneven]
    descents += [{"saddle": saddle, "step": STEPS[0]} for saddle in even]
    trials.run(push_rows, settings, descents)
    trials.run(batch_rows, settings, descents)
    trials.run(settling_rows, settings, [{"saddle": saddle, "step": step} for step in STEPS for saddle in uneven])
    N = min(ROWS, len(trials.data.X_train))
    plateaus = [{"saddle": saddle, "batch_size": N, "push": RANDOM_PUSH} for saddle in even[:1]]
    size = min(settings.batch_sizes, key=lambda size: abs(math.log(size / 64)))
    if size < N:
        plateaus += [{"saddle": saddle, "batch_size": size, "push": 0.0} for saddle in even[:1] + uneven[:1]]
    trials.run(plateau_rows, settings, plateaus)
    result = experiment.result_of(NAME, trials, settings)
    result["claims"] = verdict(result)
    return result


def share_that_left(rows: list[dict]) -> Interval:
    """The share of runs that left, and its Clopper-Pearson interval: runs from one saddle count as independent."""
    if not rows:
        return Interval(math.nan, 0.0, 1.0)
    test = scipy.stats.binomtest(sum(row["updates"] is not None for row in rows), len(rows))
    interval = test.proportion_ci()
    return Interval(float(test.statistic), float(interval.low), float(interval.high))


def slope_over_prediction(result: dict[str, Any]) -> Interval:
    """Updates for each e-fold of a push along v₋, over 1/ln ρ: the mean over saddles and rates."""
    slopes = []
    pushed = [row for row in select(result, "leaving", arm=PUSH) if row["updates"] is not None]
    for key in dict.fromkeys((row["seed"], row["split"], row["step"]) for row in pushed):
        rows = [row for row in pushed if (row["seed"], row["split"], row["step"]) == key]
        if len(rows) > 2:
            fit = scipy.stats.linregress([-math.log(row["push"]) for row in rows], [row["updates"] for row in rows])
            slopes.append(fit.slope * math.log(rows[0]["growth"]))
    return mean_of(slopes)


def updates_over_prediction(result: dict[str, Any], arm: str) -> Interval:
    """Updates to leave an uneven saddle over those predicted: a seed's mean, then the mean over the seeds.

    For ε below r/10: what starts near r leaves at once.
    """
    ratios: dict[int, list[float]] = {}
    for row in select(result, "leaving", arm=arm, split="uneven"):
        if row["updates"] is not None and row["push"] < RADIUS / 10:
            ratio = row["updates"] / updates_to_leave(row["push"], row["growth"])
            ratios.setdefault(row["seed"], []).append(ratio)
    return mean_of([float(np.mean(values)) for values in ratios.values()])


def slowdown(result: dict[str, Any]) -> Interval:
    """Updates that batches take to leave an uneven saddle at η₁/4, over those at η₁: the mean over the seeds."""
    ratios = []
    for seed in {row["seed"] for row in select(result, "saddle")}:
        rows = select(result, "leaving", arm=BATCH, split="uneven", seed=seed)
        fast, slow = ([row["updates"] for row in rows if row["step"] == step and row["updates"]] for step in STEPS[:2])
        if fast and slow:
            ratios.append(float(np.mean(slow) / np.mean(fast)))
    return mean_of(ratios)


def measured(result: dict[str, Any]) -> dict[str, Interval]:
    """What the verdict rests on, each with its uncertainty."""

    def leave(split: str, *arms: str, **wanted: Any) -> Interval:
        rows = [select(result, "leaving", split=split, arm=arm, **wanted) for arm in arms]
        return share_that_left(list(itertools.chain(*rows)))

    smallest = smallest_batch(result)
    return {
        "all data leave, at η₁": leave("uneven", ROUNDING, step=STEPS[0]),
        "all data leave, at η₁/4": leave("uneven", ROUNDING, step=STEPS[1]),
        "pushed data leave": leave("uneven", PUSH),
        "batches leave, uneven split": leave("uneven", BATCH, EPOCH),
        "batches leave, even split": leave("even", BATCH, EPOCH),
        "random pushes leave, even split": leave("even", RANDOM),
        "slope over prediction": slope_over_prediction(result),
        **{f"updates over prediction, {arm}": updates_over_prediction(result, arm) for arm in theory.ARMS},
        "updates of batches at η₁/4 over η₁": slowdown(result),
        "settles above the saddle, at η₁": mean_of(settled_above(result, smallest, STEPS[0])),
        "settles above the saddle, at η₁/16": mean_of(settled_above(result, smallest, STEPS[-1])),
    }


def verdict(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Judge claim C5a by its five parts; undecided where what is pushed does not leave as predicted."""
    it = measured(result)
    even, control = it["batches leave, even split"], it["random pushes leave, even split"]
    parts = {
        "(1) on the saddle all data stay, at η₁": it["all data leave, at η₁"].inside(0.0, 0.5),
        "(1) on the saddle all data stay, at η₁/4": it["all data leave, at η₁/4"].inside(0.0, 0.5),
        "(2) beside the saddle all data stay": it["pushed data leave"].inside(0.0, 0.5),
        "(3) batches leave where the copies differ": it["batches leave, uneven split"].inside(0.5, 1.0),
        # where no push leaves either, that batches stay says nothing about noise
        "(4) batches leave where they are the same": even.inside(0.5, 1.0) if control.inside(0.5, 1.0) else None,
        "(5) it takes a small rate to settle below": small_rate_needed(
            it["settles above the saddle, at η₁"], it["settles above the saddle, at η₁/16"]
        ),
    }
    bounds, decision = (1 - SLOPE_MARGIN, 1 + SLOPE_MARGIN), results.decide(parts)
    if it["pushed data leave"].estimate > 0 and not it["slope over prediction"].inside(*bounds):
        decision = "undecided"  # they leave, but not as they would leave a saddle
    evidence = {name: asdict(interval) for name, interval in it.items()} | {
        "parts": parts,
        "bound of the slope": bounds,
        "saddles": len(select(result, "saddle")),
        "seeds without a saddle": len(select(result, "no saddle")),
        "smallest batch": smallest_batch(result),
    }
    statement = "All data rest on a saddle point, the noise of small batches leaves it; the rate should then be small."
    return {"C5a": results.claim(statement, decision, reason(result, it), evidence)}


def small_rate_needed(large: Interval, small: Interval) -> bool | None:
    """Whether the loss settles above the saddle's, 0, at a large rate and below at a small one; None: that is open."""
    if large.high < 0 or small.low > 0:
        return False
    return True if large.low > 0 and small.high < 0 else None


def smallest_batch(result: dict[str, Any]) -> int:
    """The smallest batch size; 0 if there is none but all data."""
    return min((row["batch_size"] for row in select(result, "settling") if row["batch_size"] < row["N"]), default=0)


def reason(result: dict[str, Any], it: dict[str, Interval]) -> str:
    """The verdict's reason, made of what was measured."""
    saddles, batch = select(result, "saddle"), smallest_batch(result)
    if not saddles:
        return "no saddle was found: no network that was tried has an optimum at finite θ that makes a strict one"
    share = {name: f"{interval.estimate:.0%}" for name, interval in it.items()}
    stay = [row for row in select(result, "leaving", arm=ROUNDING, split="uneven") if row["updates"] is None]
    slope, ratio = it["slope over prediction"], it[f"updates over prediction, {BATCH}"]
    norm = max(row["gradient_norm"] for row in saddles)
    clauses = [
        f"from {len(saddles)} saddles (‖G‖ at most {norm:.0e}) all data leave in {share['all data leave, at η₁']} of "
        f"the runs at η₁ and {share['all data leave, at η₁/4']} at η₁/4, and in {sum(row['rests'] for row in stay)} of "
        f"the {len(stay)} others no bit of θ changes any more",
        f"pushed by {PUSHES[0]:g} to {PUSHES[-1]:g} they leave in {share['pushed data leave']}, and a smaller push "
        f"costs {slope.estimate:.3f} times the predicted updates ({slope.text(3)}, bound {1 - SLOPE_MARGIN:g} to "
        f"{1 + SLOPE_MARGIN:g})",
    ]
    if batch:
        noisy = [row["apart"] for arm in (BATCH, EPOCH) for row in select(result, "leaving", arm=arm, split="even")]
        slow = it["updates of batches at η₁/4 over η₁"]
        large, small = it["settles above the saddle, at η₁"], it["settles above the saddle, at η₁/16"]
        clauses.append(f"batches leave in {share['batches leave, uneven split']} where the copies differ")
        if ratio.estimate > 0:  # some ε was small enough for the prediction
            clauses[-1] += f", after {ratio.estimate:.2f} times the predicted updates ({ratio.text(2)})"
        if slow.estimate > 0:
            clauses[-1] += f", and {slow.estimate:.1f} times as slowly at η₁/4 ({slow.text(1)})"
        clauses += [
            f"they leave in {share['batches leave, even split']} where the copies are the same (‖w₁ − w₂‖ at most "
            f"{max(noisy):.0e}), while {share['random pushes leave, even split']} of random pushes leave there",
            f"at batch size {batch} the loss settles {large.estimate:+.3f} from the saddle's at η₁ ({large.text(3)}) "
            f"and {small.estimate:+.3f} at η₁/16 ({small.text(3)})",
        ]
    return "; ".join(clauses)


# ---- what a reader sees ----------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """The saddles; who leaves them, and when; and where the loss settles."""
    return saddle_report.tables(result)


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    figures = {"surface": saddle_report.draw_surface(result)}
    if select(result, "saddle"):
        figures["updates"] = saddle_report.draw_updates(result)
        figures["plateau"] = saddle_report.draw_plateau(result)
        figures["settling"] = saddle_report.draw_settling(result)
    return [path for name, figure in figures.items() for path in plots.save(figure, folder, name)]


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return experiment.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    raise SystemExit(main())
