"""C10a, C10b: processes, called ranks, share each batch and average gradients. The same training? How many pay?

    G = (1/m) Σ_r m_r G_r        the size-weighted mean of the ranks' gradients is the batch's, see averaging.py
    S(B) = S_min (1 + B_c w(B))  updates to a training loss, w(B) about 1/B; B_c: critical batch size
    B_local, R                   rows a rank has of each batch, so that B = R B_local; number of ranks

C10a: the averaged gradient must be the one-process gradient but for rounding, for any split of the rows, with an
empty rank, too; and whole runs of SGD, momentum and Adam must end at the same parameters, on every rank.

C10b: the efficiency of R ranks is S(B_local)/(R S(R B_local)), the share of each rank that is not repetition. At
R = B_c/B_local it is about one half, whatever the machine; four times as many ranks keep about a fifth. So B_c/B_local
bounds the ranks that pay. B_c is fitted to S at all sizes but the two that the questions are about.

What the machine takes off comes on top, and is measured: seconds of an update against ranks and batch size, and of it
those of the message; the fit T = a + b B/R + s log₂ R says up to how many ranks a batch pays. What lies past the ranks
that were here is made by that fit, and is marked as simulated.

What would refute the claim: a gradient or a run that is another one; at B_c more than 75 % efficiency, or at 4 B_c more
than 40 %: then more ranks pay than the critical batch size allows.
"""

from ..lab.arguments import powers_of_two
from ..lab.experiment import Experiment
from . import judge, measure, report

EXPERIMENT = Experiment(
    name="data_parallel",
    claims={
        "C10a": "Gradients averaged over processes, each with rows of its own, make the same training.",
        "C10b": "The critical batch size bounds how many processes pay.",
    },
    settings=measure.Settings,
    flags=("model", "hidden", "activation", "batch-sizes", "epochs", "seeds", "target"),
    efforts={
        "default": {"batch_sizes": powers_of_two(17), "epochs": 60, "seeds": 30},
        "quick": {"batch_sizes": "8 16 64 128 512 all", "epochs": 20, "seeds": 3, "rounds": 5},
        "full": {"batch_sizes": powers_of_two(17), "epochs": 200, "seeds": 60},
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={"ranks": report.draw_ranks, "updates": report.draw_updates},
    about={"ranks": ("C10b",), "updates": ()},
)
