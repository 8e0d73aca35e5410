"""C8: what does the batch size alone do to training, from 1 to all samples?

The article trains one network for 200 epochs with batch sizes 1, 2, 4, … and draws five conclusions, judged here one by
one. It keeps the learning rate. That is one row of a map: over learning rate η and batch size B, how many updates does
the network need to a training loss (its target)? The map says which conclusions belong to the batch size, and which to
the rate that was kept.

    claim                                                              what would refute it

    C8   a badly set batch size and rate leave a network below a       it does not end below; or every batch size does
         perceptron (here: logistic regression without hidden layer)   at that rate, so that the rate is to blame
    C8a  too small a batch does not converge in 200 epochs             it arrives, at the one rate and at its own best
    C8b  larger batches pass through the same data faster              an epoch takes as long (to 10 %)
    C8c  larger batches need more epochs to the same loss              the epochs stay the same (to 10 %)
    C8d  so some batch size is the fastest                             one of the ends, 1 or all, is as fast
    C8e  and some batch size ends most accurate, since different       paired seeds, a permutation test: no difference,
         ones end in different extrema                                 also after descent from each end to the bottom

Rules for the rate are compared with the best rate η₀ at a reference size B₀ on the map:

    same          η = η₀
    linear        η = η₀ B/B₀         Goyal et al., arXiv:1706.02677
    square root   η = η₀ √(B/B₀)      Krizhevsky, arXiv:1404.5997
    tuned         the best of the grid for each B; Shallue et al., arXiv:1811.03600, find that no rule replaces it

Accuracies decide nothing where there are too few test rows, or seeds, to tell: see `enough`. Balanced accuracy stands
beside them where classes are uneven.

Rates are chosen on seeds apart from those that are reported, for accuracy on a fifth of the training rows, held out.
Batches are equal: what does not fill one is left out. What happens otherwise is shown once (`ragged_rows`).
"""

from ..lab.arguments import powers_of_two
from ..lab.experiment import Experiment
from . import judge, measure, report

EXPERIMENT = Experiment(
    name="batch_size_sweep",
    claims={
        "C8": "A badly set batch size and rate leave a network below logistic regression on the same data.",
        "C8a": "Too small a batch does not converge in {epochs} epochs.",
        "C8b": "Larger batches pass through the same data faster.",
        "C8c": "Larger batches need more epochs to the same loss.",
        "C8d": "Some batch size between 1 and all is the fastest in time.",
        "C8e": "Some batch size ends most accurate, since different ones end in different extrema.",
    },
    settings=measure.Settings,
    flags=("hidden", "activation", "batch-sizes", "learning-rate", "epochs", "seeds", "target"),
    efforts={
        "default": {"batch_sizes": powers_of_two(11), "epochs": 200, "seeds": 6},
        "quick": {
            "batch_sizes": "1 8 64 all",
            "epochs": 12,
            "map_epochs": 9,
            "seeds": 3,
            "repeats": 6,
            "accuracy_sizes": 3,
            "accuracy_seeds": 3,
            "accuracy_epochs": 8,
        },
        "full": {
            "batch_sizes": powers_of_two(17),
            "epochs": 200,
            "map_epochs": 200,
            "seeds": 20,
            "repeats": 15,
            "accuracy_sizes": 18,
            "accuracy_seeds": 30,
            "accuracy_epochs": 200,
        },
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={
        "rate_map": report.draw_map,
        "rules": report.draw_rules,
        "same_rate": report.draw_same_rate,
        "cost": report.draw_cost,
        "accuracy": report.draw_accuracy,
    },
    about={
        "rate_map": ("C8a",),
        "rules": (),
        "same_rate": ("C8",),
        "cost": ("C8d", "C8b", "C8c"),
        "accuracy": ("C8e",),
    },
)
