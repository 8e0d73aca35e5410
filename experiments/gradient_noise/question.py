"""C2: how far is the gradient of a batch of n samples from the gradient of all N?

Draw many batches of n samples at fixed parameters.

    g_i   gradient of sample i                      n   samples in a batch
    G     mean of all g_i                           N   samples in all (m in minigrad)
    g_B   mean of the g_i of a batch                Σ   covariance of the g_i, with divisor N

    spread(n) = √E‖g_B − G‖² = √(tr Σ / n)                          samples drawn independently, with replacement
                             = √(tr Σ / n) · √((N − n)/(N − 1))     drawn without replacement (Cochran, Sampling
                                                                    Techniques, 3rd edition, theorem 2.2)

Both follow from the variance of a mean alone, D[X̄] = σ²/n. So they must be met at the start, in the middle and at the
end of training: the log of the spread against log n has the slope −1/2, and the level is √tr Σ, which `gradient_noise`
computes in one pass.

What speaks against the claim: a slope outside −0.5 ± 0.02 or a level off by 5 %, with its whole 95 % interval. One such
answer makes the claim conditional; it does not hold where all are such. A control shows that the measurement
can tell: batches cut from data ordered by class are no random samples, so their spread must fall more slowly.

Along a run both tr Σ and ‖G‖² fall. Their ratio, the noise scale tr Σ/‖G‖², is the batch size at which noise and
gradient are equally long. It is shown beside (McCandlish et al., arXiv:1812.06162, find that it grows). That a batch
costs n sample gradients is so by definition; what it costs in seconds is the question of `throughput`.
"""

from ..lab.arguments import powers_of_two
from ..lab.experiment import Experiment
from . import judge, measure, report

EXPERIMENT = Experiment(
    name="gradient_noise",
    claims={"C2": "The gradient of a batch of n samples spreads as 1/√n about the gradient of all."},
    settings=measure.Settings,
    flags=("model", "hidden", "activation", "batch-sizes", "learning-rate", "epochs", "seeds"),
    efforts={
        "default": {"batch_sizes": powers_of_two(17), "epochs": 20, "seeds": 5, "draws": 200},
        "quick": {"batch_sizes": "1 4 16 64 256 1024 4096 16384 65536 all", "epochs": 4, "seeds": 3, "draws": 40},
        "full": {"batch_sizes": powers_of_two(17), "epochs": 200, "seeds": 20, "draws": 1000},
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={"spread": report.draw_spread, "control": report.draw_control, "noise_scale": report.draw_noise_scale},
    about={"noise_scale": ()},
)
