"""C1: gradient descent makes one update from all samples; SGD makes one after each, from ever newer parameters.

Three questions, on real data of m samples. g_i is the gradient of sample i, H_i its Hessian, G and H are their means,
B is the batch size, η the learning rate.

1. Is the gradient of a batch the mean of its samples' gradients?  ‖G_B − (1/B) Σ g_i‖ must be rounding,
   1e-12 of mean‖g_i‖.
2. How far apart are m updates one after the other, each with a step η/m, and one update with a step η?  Expanding
   each g_i about the old parameters, θ_SGD − θ_GD = (η/m)² Σ_i H_i Σ_{j<i} g_j + O(η³). The mean of that over all
   orders of the samples is ½ η² H G, but for terms 1/m. So the distance falls as η², and is ½ η² ‖H G‖ long.
   The expansion needs a loss with two derivatives: hence tanh for the MLP. With relu a sample that crosses a kink
   jumps, and at --activation relu the slope shows it.
3. What does that do to training?  Gradient descent, mini-batch and SGD against updates, sample gradients and seconds:
   at one learning rate for all, and at the best of a grid for each. This one is shown, and decides nothing.

What would refute the claim: an error above 1e-12 in the first; in the second a slope outside 2 ± 0.05, or a distance
that is less than half or more than twice ½ η² ‖H G‖.

Loss and gradient are means over the batch. The article *sums* the updates instead: then one epoch of SGD and one step
of gradient descent at the same η move about equally far; with means, SGD moves up to m times as far.
"""

from ..lab.arguments import powers_of_two
from ..lab.experiment import Experiment
from . import judge, measure, report

EXPERIMENT = Experiment(
    name="compare_gd_sgd",
    claims={
        "C1": "Gradient descent makes one update from all samples at the old parameters; SGD makes m, each from newer "
        "ones."
    },
    settings=measure.Settings,
    flags=("model", "hidden", "activation", "batch-sizes", "learning-rate", "epochs", "seeds", "target"),
    efforts={
        "default": {"model": "logistic", "batch_sizes": "1 8 64 512 all", "epochs": 60, "seeds": 5, "repeats": 7},
        "quick": {"model": "logistic", "batch_sizes": "1 64 all", "epochs": 20, "seeds": 3, "repeats": 3},
        "full": {"model": "logistic", "batch_sizes": powers_of_two(11), "epochs": 200, "seeds": 20, "repeats": 15},
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={
        "paths": report.draw_paths,
        "training": report.draw_best_rate,
        "same_rate": report.draw_same_rate,
        "distance": report.draw_distance,
        "cost": report.draw_cost,
    },
    about=dict.fromkeys(("paths", "training", "same_rate", "cost"), ()),
)
