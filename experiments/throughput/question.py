"""C4: on one core one sample at a time is fastest; on a GPU a single sample costs as much as tens or hundreds.

    B        batch size
    t(B)     seconds of an update on a batch of B rows at hand
    S(B)     updates to the target, so that S(B) t(B) is the time to it
    a, b     overhead of an update and work of a sample: t(B) = a + b B
    a/b      the batch at which overhead equals work

The article's argument: a core does one multiplication after another, so a batch saves it nothing and the newest
parameters are worth most; a GPU does thousands at once, so a single sample leaves it idle. But a core has overhead,
too: an update passes through an interpreter and a dozen calls, and BLAS keeps a matrix in cache and registers, which a
single row cannot use. If t(B) = a + b B, a sample costs b + a/B: mostly overhead below a/b, mostly work above.

C4a. Seconds to a training loss on one BLAS thread, each size at the best rate of a grid: one sample at a time, on the
batched kernel and on the fast per-sample path, against every larger batch. It holds where one sample is faster than
all of them. What would refute it: one of them is faster. By intervals of the ratio over pairs of the same seed, so wide
that all are right at once with 95 % (Bonferroni).

C4b. a/b, from a line fitted with errors relative to t to each of some blocks of readings, which lie apart in time;
their spread gives the interval. It holds on a GPU where the interval lies above 10. What would refute it: it lies
below. Without a GPU it is not measured, and what the CPU shows is told beside it. A line is a model, and caches bend
it: the table says how far it misses, and at which batch an update takes twice as long as on one sample, which needs no
line. "Flops alone" is what the arithmetic of a sample costs at the rate of one large matrix product.
"""

from ..lab.arguments import powers_of_two
from ..lab.experiment import Experiment
from . import judge, measure, report

EXPERIMENT = Experiment(
    name="throughput",
    claims={
        "C4a": "On one core, one sample at a time is fastest.",
        "C4b": "On a GPU a single sample costs as much as tens or hundreds.",
    },
    settings=measure.Settings,
    flags=("hidden", "activation", "batch-sizes", "epochs", "seeds", "target"),
    efforts={
        "default": {"batch_sizes": "1 8 64 512 all", "epochs": 60, "seeds": 5, "repeats": 3},
        "quick": {
            "batch_sizes": "1 64 all",
            "epochs": 20,
            "seeds": 3,
            "blocks": 3,
            "rounds": 2,
            "widths": (0, 32),
            "timed_sizes": (1, 8, 64, 512, 4096),
        },
        "full": {
            "batch_sizes": powers_of_two(11),
            "epochs": 200,
            "seeds": 20,
            "repeats": 5,
            "timed_sizes": tuple(2**k for k in range(17)),
            "blocks": 20,
            "rounds": 7,
        },
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={"race": report.draw_race, "cost": report.draw_cost, "overhead": report.draw_overhead},
    about={"race": ("C4a",), "cost": ("C4b",), "overhead": ("C4b",)},
)
