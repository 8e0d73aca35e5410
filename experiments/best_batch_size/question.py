"""C9: which batch size is the fastest? Theory knows it from training at one batch size. Trust it?

    S(B) = S_min (1 + B_c w(B))   updates to a training loss; B_c: critical batch size; w(B): about 1/B, see theory.py
    t(B) = a + b B                seconds of an update; a/b is the batch size at which overhead equals work
    B* = √(B_c a/b)               where T(B) = S(B) t(B) is least

The probe trains at one batch size, B₀ (32 rows, fewer where the data are few): a short search for its rate, then runs
to the target with the gradient's noise measured along them. Weighted by progress the noise is an estimate of B_c
(probe.py). A few runs at a second size, 16 times as large, give another. The noise is precise, but it ignores that too
large a rate diverges, and so its B_c is too large at tight targets. Runs at two sizes include that, but they are few.
So B_c is the geometric mean of both: in checks it lost over a quarter less often than either alone. Beside them stands
a third, the median noise.

The clock times an update at every size, as training makes it (clock.py). Of the timed sizes the answer is the one of
the least S(B) t(B), with all rows and one row timed by themselves; a few rates are tried there. The target is what the
probe reaches in all its epochs at its best rate: tight. The loose one is what it passed after a quarter of its updates.

With --check the sweep is made that the prediction replaces: every size at its own best rate, tuned on other seeds; and
the recommended size at the recommended rate beside them, on the same seeds. Seconds are the updates of a run times what
one takes, which is timed once more. Where the two readings of the clock differ by over a quarter at the recommended
size, or at the best measured one, the questions stay open.

What would refute the claim: at one of the targets the recommended size takes over 25 % longer than the best measured
one, or in the median over the targets over 10 % longer. Then the assumption that broke is named (judge.py, `broken`):
S no hyperbola, t no line, another noise, a rate that is off. Without --check nothing is judged, and there is only the
answer.

Every step of the probe really ran, and is counted: where the probe takes longer than one training run can save against
batches of its own size, the answer is to just train.
"""

from ..lab.arguments import powers_of_two
from ..lab.experiment import Experiment
from . import formula, judge, measure, report

EXPERIMENT = Experiment(
    name="best_batch_size",
    claims={
        "C9": "The fastest batch size can be known from training at one batch size and a few runs at a second: "
        "trusting it loses at most a quarter of the time."
    },
    settings=measure.Settings,
    flags=("model", "hidden", "activation", "optimizer", "batch-sizes", "epochs", "seeds", "target", "check"),
    efforts={
        "default": {"batch_sizes": powers_of_two(17), "epochs": 5, "seeds": 5},
        "quick": {"batch_sizes": "1 4 16 64 256 1024 4096 all", "epochs": 3, "seeds": 3, "rounds": 5},
        "full": {"batch_sizes": powers_of_two(17), "epochs": 5, "seeds": 5, "check": True},
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={"answer": report.draw_answer, "hardware": report.draw_hardware},
    about={"answer": (), "hardware": ()},
    automatic={"target": "what the probe reaches in its epochs"},
    formula_flags=formula.FLAGS,
    formula=formula.answer,
)
