"""C5b: does full batch end in worse minima, which only the noise of small batches leaves?

Networks that are too narrow for their task do get trapped: XOR with two hidden units, two spirals with four, real data
with two. Every batch size trains from the same starts, so that a difference comes from the batch size and not from the
luck of the start. A start is the weights that a seed draws.

    m     rows of the problem: the size of full batch    J*    the least J that any end point of the problem came to
    J     training loss, mean log loss in nats           J_0   the loss of guessing by the frequencies of the classes
    η     learning rate                                  λ     the largest eigenvalue of J's Hessian

A run that is undertrained, or still noisy, is not trapped. So every end point is polished first: full-batch descent
until no entry of the gradient is above 1e-5 (lab/polish.py). It is *trapped* where even then J > J* + 0.1 (J_0 − J*):
a tenth of what there was to learn is out of its reach. Where polishing did not come to its end, and going on could
take J below that bound, it is *open* and left out.

Full batch is compared with every smaller size on every problem, each at its best learning rate: the rate with the least
training loss, the mean of 12 other starts. For every comparison:

    yes   McNemar's exact test on the starts that end differently: p < 0.05 / comparisons, and full batch is the worse
    no    full batch leaves fewer than 20 of 100 starts more trapped: the whole 95 % interval of the difference lies
          below that (Newcombe's, for paired proportions). 60 starts measure it to about ± 12 of 100, so 20 are
          asked: of 300 starts on the digits 60, drawn at random, answer no six times in 96 of 100 draws, 40 in 76

The division by the number of comparisons keeps chance from answering one of many with yes.

What would refute the claim: no in every comparison. Shown beside, from half of the starts: one rate for all sizes, so
that they differ by their noise alone; descent from the start without any training, the base rate (how often is anyone
trapped?); and the same with four times the units, as practice would take.

Keskar et al. (arXiv:1609.04836) find that large batches end in sharper minima; Shallue et al. (arXiv:1811.03600) and
Geiping et al. (arXiv:2109.14119) that, well tuned, they end in none that are worse. λ where training ended is shown
beside 2/η, above which a step of gradient descent overshoots (Cohen et al., arXiv:2103.00065, see it rise to there).
"""

from ..lab.experiment import Experiment
from . import judge, measure, report

EXPERIMENT = Experiment(
    name="local_minima",
    claims={"C5b": "Full batches end in worse minima, which only the noise of small batches leaves."},
    settings=measure.Settings,
    flags=("hidden", "activation", "batch-sizes", "learning-rate", "seeds"),
    efforts={
        "default": {"batch_sizes": "1 16 all", "epochs": 10, "updates": 1000, "seeds": 60},
        "quick": {"batch_sizes": "8 all", "epochs": 1, "updates": 100, "seeds": 3},
        "full": {"batch_sizes": "1 4 16 64 256 all", "epochs": 50, "updates": 5000, "seeds": 500},
    },
    measure=measure.measure,
    judge=judge.judge,
    tables=report.tables,
    figures={"trapped": report.draw_trapped, "minima": report.draw_minima, "sharpness": report.draw_sharpness},
    binary=True,  # ten classes and two units make valleys so flat that polishing comes to no end
)
