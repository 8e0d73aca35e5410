"""C7: which optimizers live with noisy gradients, and which need all samples?

The claim: SGD, Adagrad and Adam live with noise, while conjugate gradient (CG) and L-BFGS, which learn the curvature,
do not, since errors of the first derivative grow in the second. All methods here take gradients only; what CG and
L-BFGS know of the curvature is how the gradient changes along a step. The first three are called first-order methods.

    N, B    samples in all, in a batch                  G, g_B    mean gradient of all, of a batch
    s       a step, from θ to θ + s                     J, J*     loss over all samples, and its least value
    dG      G(θ + s) − G(θ), which textbooks call y     H         the second derivative, so that dG ≈ H s
    Σ       covariance of the sample gradients

1. What noise costs. Each optimizer is trained with each batch size until it has used the same number of sample
   gradients, those of line searches included, at its best rate for each. Compared is the excess loss at the end,
   J − J*. For logistic regression, which is convex, J* is computed; for the network it is 0, the only bound known.
   What would refute the claim:

       a first-order method ends higher with its best mini-batch than with all samples;
       CG or L-BFGS ends no higher with its best mini-batch than with all samples (each L-BFGS
       is compared with the best L-BFGS on all samples: there two take the same steps, but one pays two gradients for
       each);
       CG or L-BFGS ends no higher than the best first-order method at the same batch size, where that size suits
       first-order methods best, or where it suits CG or L-BFGS best.

2. The reason. Relative errors, √E‖estimate − truth‖² / ‖truth‖, of dG over the length of the step:

       on two batches   g_B'(θ + s) − g_B(θ)    ≈ √(2 tr Σ/B) / ‖H s‖         grows as 1/‖s‖: a slope of −1
       on one batch     g_B(θ + s) − g_B(θ)     ≈ √E‖(H_B − H) s‖² / ‖H s‖    the same at any length: a slope of 0

   What would refute the claim: a slope outside −1 ± 0.1. That of 0 is why one takes both gradients on one batch:
   N. Schraudolph, J. Yu, S. Günter, AISTATS 2007; R. Bollapragada et al., arXiv:1802.05374.

Some parts may hold and others not: then the claim is conditional. All this is for one budget. In a short one, such as
that of --quick, all samples allow too few steps to get far. A run that diverged, or ended above the loss of guessing,
counts as guessing: one would rather keep the start.
"""

from ..lab.experiment import Experiment
from . import judge, measure, report

EXPERIMENT = Experiment(
    name="optimizers_under_noise",
    claims={
        "C7": "First-order methods live with noisy gradients; conjugate gradient and L-BFGS do not, "
        "since errors of the first derivative grow in the second."
    },
    settings=measure.Settings,
    flags=("hidden", "activation", "batch-sizes", "epochs", "seeds"),
    efforts={
        "default": {"batch_sizes": "16 64 128 256 512 all", "epochs": 20, "seeds": 8, "draws": 32},
        "quick": {"batch_sizes": "16 128 all", "epochs": 3, "seeds": 3, "draws": 8},
        "full": {
            "batch_sizes": " ".join(str(2**k) for k in range(2, 17)) + " all",
            "epochs": 100,
            "seeds": 20,
            "draws": 200,
        },
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={"loss": report.draw_losses, "curves": report.draw_curves, "errors": report.draw_errors},
)
