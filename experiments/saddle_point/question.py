"""C5a: do all data rest on a saddle point, does the noise of small batches leave it, and must the rate then be small?

`theory.py` makes a saddle point that can be proved, on real data: the optimum of a network with one hidden unit,
that unit written twice, its outgoing weight v split into s v and (1 − s) v. Descend from there, always in float64:

    η, B, N   learning rate, batch size, samples         λ₋, v₋   the Hessian's least eigenvalue, and its eigenvector
    η₁        the rate 1/(2 λ₊), λ₊ the largest          ρ        1 + η|λ₋|, growth of the projection in an update
    r         the projection on v₋ that counts as left   σ        standard deviation of the sample gradients along v₋
    ε         the projection that grows                  uₖ       the last digit of θₖ

Leaving is exponential growth, whatever makes ε:         updates to leave = ln(r/ε) / ln ρ

    a push      ε is its projection on v₋
    batches     kick by η σ √((N − B)/(N − 1)/B) an update. Together random kicks have a standard deviation of one
                kick over √(ρ² − 1); ε is 0.53 of it, the typical size (geometric mean). That is for batches
                drawn anew; those of an epoch cancel in part
    rounding    the same, with kicks of √(Σ v₋ₖ² uₖ²/12). But steps of less than half of every uₖ move nothing at all

The claim has five parts. Do all data stay, (1) on the saddle itself, (2) beside it, after a push? Do batches leave it,
(3) where the copies differ, s = 0.7, (4) where they are the same, s = ½? There every sample gives both the same
gradient, and no noise can part them, only a push: the control. (5) Does it take a small rate to settle below the
saddle's loss, since noise enters as η/B?

What would refute a part: the other answer, by 95 % intervals. Were the slope of the updates over ln(1/ε) off by 5 %,
what is left would be no saddle, and all parts stay open.
"""

from ..lab.arguments import powers_of_two
from ..lab.experiment import Experiment
from . import judge, measure, report

EXPERIMENT = Experiment(
    name="saddle_point",
    claims={
        "C5a": "All data rest on a saddle point, the noise of small batches leaves it; the rate should then be small."
    },
    settings=measure.Settings,
    flags=("batch-sizes", "seeds"),
    efforts={
        "default": {"batch_sizes": "1 4 16 64 256 1024 all", "seeds": 5, "repeats": 6},
        "quick": {"batch_sizes": "1 16 256 all", "seeds": 3, "repeats": 3, "settling": 200},
        "full": {"batch_sizes": powers_of_two(17), "seeds": 20, "repeats": 40, "settling": 4000},
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={
        "surface": report.draw_surface,
        "plateau": report.draw_plateau,
        "updates": report.draw_updates,
        "batches": report.draw_batches,
        "settling": report.draw_settling,
    },
    binary=True,  # classes: the network has one output
    fixed=("dtype",),
)
