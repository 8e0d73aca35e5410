"""C6: on a GPU, do batch sizes that are powers of two run faster than multiples of ten?

    B        batch size
    t(B)     seconds of an update on a batch of B rows at hand
    r(B)     log t(B) less a smooth curve: by how much a size is slower than its surroundings, 0.01 for 1 %

The article says so of 16 … 128, and that it has not checked. Hardware does like multiples: matrices are worked on in
tiles, and what is left over of a tile is worked on for nothing. NVIDIA asks for multiples of 16 bytes, 8 numbers in
half precision, not for powers of two (Matrix Multiplication Background User's Guide, sections 2.2, 3.1). S. Raschka's
V100 took 9.80, 9.78, 9.92 minutes at 127, 128, 129, and 8.74, 8.71, 8.72 at 511, 512, 513, in one run each
(github.com/rasbt/b3-basic-batchsize-benchmark).

A *repetition* times all sizes in random order, again and again, and keeps the least reading of each. What else a
machine does only adds time: so the least is some five times as steady as the median (tried; the medians' answer is in
the table). From each repetition follows the ratio of t at 16, 32, 64, 128 to t at 10 … 100, each over what is usual at
such a size. Two yardsticks say what is usual:

    curve     a cubic in log B through log t at all sizes but the powers. Where t = a + b B exactly this errs by less
              than 0.1 % in the ratio, whatever a and b (tried), but a step in t(B) bends it
    beside    the straight line between the tens on either side of a power: exact for t = a + b B, and local

Steps there are: OpenBLAS leaves its kernels for small matrices where a product exceeds a million multiplications (its
pull request 3335), with 64 features and 512 units between B = 30 and 31, and the figure shows it.

The claim holds where both yardsticks find the powers faster by more than 2 %.

What would refute it: both find them not. It is undecided else; by 90 % intervals over the repetitions, so that each
side is a test of 5 %. Sizes whose interval lies within ± 2 % are equivalent (two one-sided tests: D. Schuirmann, J.
Pharmacokinetics and Biopharmaceutics 15, 657, 1987). Networks are timed in float64 and in float32. The verdict on C6
is a GPU's; what a CPU shows is a finding of its own, C6-CPU.

Or is it multiples of 8 or 16 that matter? Means of r over nested classes, each against the class around it: multiples
of 8 against the rest, those of 16 among them, powers among those; and what share of the variance between sizes each of
them explains.
"""

from ..lab.experiment import Experiment
from . import judge, measure, report

STATEMENT = "On a {} batch sizes that are powers of two (16 … 128) run faster than multiples of ten (10 … 100)."

EXPERIMENT = Experiment(
    name="powers_of_two",
    claims={"C6": STATEMENT.format("GPU"), "C6-CPU": STATEMENT.format("CPU")},
    settings=measure.Settings,
    flags=("activation", "seeds"),
    efforts={
        "default": {"seeds": 20},
        "quick": {"seeds": 4, "rounds": 7, "networks": ((32,),)},
        "full": {"seeds": 40, "rounds": 30, "networks": ((32,), (128,), (512,), (512, 512)), "threads": (1, 2)},
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={"ratios": report.draw_ratios, "sizes": report.draw_sizes},
    fixed=("dtype", "workers", "scheduler"),
)
