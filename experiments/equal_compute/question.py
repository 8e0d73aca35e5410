"""C3: at equal compute, do small batches converge faster than all the data? And does gradient descent hardly turn?

    N, B       rows of the training set; of a batch. B = N is gradient descent
    S(B)       updates to a training loss, each batch size at its own best learning rate
    E(B)       B S(B), the sample gradients that this takes: equal compute means equal E
    G_t        gradient of all the data after t updates

Two models: logistic regression, whose loss is convex, and an MLP, whose loss is not. Two targets: a loose one, which
gradient descent reaches in some dozens of updates, and a tight one. At a constant rate SGD jitters about a minimum
whose loss is not 0. So close to the minimum of logistic regression its rate must be small, and gradient descent should
win. An MLP that fits every row leaves no jitter: there it should not.

Judged are four questions for each model at each target, by the median over the seeds and its 95 % interval. Do all the
data take more sample gradients? Fewer updates? More seconds? Each time they are compared with the smaller batch size
that took the fewest of these in a run of another seed: so with another size for each question. And is the median of
cos(G_t, G_t+1) along the run above 0.9 (26 degrees)?

What would refute the claim: a no to all of them. A no to some makes it conditional. A target that gradient descent
reaches in fewer than 20 updates is no test, and leaves its questions open.

How many more updates a noisy gradient costs is told by one number, the critical batch size B_c: see
lab/critical_batch.py.
It is fitted beside, and decides nothing. Nor does a tenth of the best rate: at any rate small enough cos(G_t, G_t+1)
is 1, as G is continuous.

Batches are equal: rows that do not fill one are left out, others each epoch. So sizes should nearly divide N: of 1,437
rows 512 leaves out 413, and noise that would cancel over a whole epoch stays. For the same reason a tight target is
looked for at the ends of epochs: halfway through one, SGD is farther from the minimum than at either end.
"""

from ..lab.experiment import Experiment
from . import judge, measure, report

EXPERIMENT = Experiment(
    name="equal_compute",
    claims={
        "C3": "At equal compute small batches converge faster than all the data; the full batch makes fewer updates "
        "but takes longer in all; its direction hardly changes."
    },
    settings=measure.Settings,
    flags=("hidden", "activation", "batch-sizes", "epochs", "seeds"),
    efforts={
        "default": {"batch_sizes": "1 4 16 65 179 359 718 all", "epochs": 1200, "seeds": 6, "not_to_tight": (2, 64)},
        "quick": {"batch_sizes": "1 65 all", "epochs": 1200, "seeds": 6, "aims": (measure.LOOSE,), "halvings": 0},
        "full": {"batch_sizes": "1 2 4 8 16 31 65 130 179 287 359 479 718 all", "epochs": 1200, "seeds": 20},
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={
        "sample_gradients": report.draw_sample_gradients,
        "seconds": report.draw_seconds,
        "directions": report.draw_directions,
    },
)
