"""The words of the page: what each means, in a sentence; the legends of verdicts and answers."""

import re
from dataclasses import dataclass

MISSING = "no result"
VERDICTS = {  # verdict: (its shape, what it means)
    "holds": ("✓", "every question was answered with yes"),
    "conditional": ("◐", "yes in some cases (a model, a target, a batch size), no in others"),
    "does not hold": ("✕", "no in every case, or in a part that the claim cannot do without"),
    "undecided": ("?", "the intervals are too wide to tell, or there are too few seeds or test rows"),
    "not measured": ("–", "this run did not measure it: it takes a GPU, several processes, or a flag"),
    MISSING: ("∅", "the experiment has not been run, or its result cannot be read"),
}
ANSWERS = {  # answer: (its shape, what it says of the claim)
    "yes": ("✓", "an answer that speaks for the claim"),
    "no": ("✕", "an answer that speaks against the claim"),
    "open": ("?", "the interval is too wide to answer the question"),
}


@dataclass(frozen=True)
class Word:
    """A word, the pattern of its forms in a text, and what it means in one sentence."""

    name: str
    forms: str
    meaning: str

    @property
    def id(self) -> str:
        """Its place on the page."""
        return "word-" + re.sub(r"\W+|_", "-", self.name.lower()).strip("-")


WORDS = (
    Word("a/b", r"a/b|overhead", "An update on B rows takes a + b B seconds: a whatever its size, b for each row."),
    Word("base rate", r"base rate(?= \d|:)", "The accuracy of always answering with the largest class."),
    Word("batch", r"(?:mini-)?batch(?:es)?", "The rows that one update learns from."),
    Word("batch size", r"batch sizes?", "The number of rows in a batch, B."),
    Word("batched kernel", r"batched kernel", "Code that takes all rows of a batch at once, as products of matrices."),
    Word(
        "best rate", r"(?:best|tuned) (?:learning )?rates?|tuned", "The learning rate that did best for a batch size."
    ),
    Word("CG and L-BFGS", r"conjugate gradient|CG|L-BFGS", "Methods that also use how the gradient changes."),
    Word("control", r"controls?", "A question whose answer is known before: where it fails, the claim stays open."),
    Word(
        "critical batch size",
        r"critical batch sizes?|B_c",
        "The size B_c: below it twice the rows save up to half the updates, above it few.",
    ),
    Word(
        "descent alone",
        r"descent alone",
        "Full-batch descent from the start of a run until its gradient is 0, without training before.",
    ),
    Word(
        "digits",
        r"digits(?: odd-even)?",
        "Pictures of handwritten digits, 8 × 8 pixels; odd-even asks whether the digit is odd.",
    ),
    Word("efficiency", r"efficiency", "The share of the work of several ranks that is new, 1 for all of it."),
    Word("epoch", r"epochs?", "One pass through all rows of the training data."),
    Word(
        "equal copies", r"equal copies|even split", "Two hidden units with the same weights, which noise cannot part."
    ),
    Word("excess loss", r"excess loss", "The loss above the least one that there is, or that is known."),
    Word(
        "fast path",
        r"fast (?:per-sample )?path",
        "The updates of the textbook path in its order, with less work between.",
    ),
    Word("first-order method", r"first-order(?: methods?)?", "It uses the gradient alone: SGD, Adagrad and Adam do."),
    Word("full batch", r"full[ -]batch(?:es)?|gradient descent|GD", "All rows in one batch: gradient descent, GD."),
    Word(
        "gradient",
        r"gradients?",
        "For each weight, how fast the loss rises with it; a batch's is the mean of its rows'.",
    ),
    Word("Hessian", r"Hessian", "The matrix of the second derivatives of the loss: how its slopes change."),
    Word("interval", r"intervals?", "The range in which the true number lies, in 95 of 100 repetitions."),
    Word("learning rate", r"learning rates?|η(?!\w)", "The factor η between the gradient and the step of an update."),
    Word("logistic regression", r"logistic regression", "A network without hidden layer."),
    Word("loose target", r"loose(?: target)?", "A training loss that is reached early."),
    Word(
        "loss", r"(?:training )?loss(?:es)?", "How wrong the predictions are, as a mean over rows, in nats; 0 is best."
    ),
    Word("minimum", r"minim(?:um|a)|extrema", "A place from which the loss rises in every direction."),
    Word(
        "MLP",
        r"MLPs?",
        "Multi-layer perceptron, a network with hidden layers; 64-32-10: 64 features, 32 hidden units, 10 outputs.",
    ),
    Word("nats", r"nats", "The unit of the loss, with logarithms to base e: guessing one of K classes costs log K."),
    Word("noise", r"nois[ey]\w*|jitters?", "How far the gradients of batches lie from the gradient of all rows."),
    Word("noise scale", r"noise scales?", "The noise of one row over the gradient of all, both squared: tr Σ/‖G‖²."),
    Word("per-sample path", r"per-sample path", "Code for batch size 1, which takes one row at a time."),
    Word(
        "polished",
        r"polish(?:ed|ing)?|(?:at|to) the bottom",
        "Led on by full-batch descent until the gradient is almost 0.",
    ),
    Word("probe", r"probes?", "A short training run that measures what predicts the fastest batch size."),
    Word("pushed", r"push(?:ed|es)?", "Moved a small step away from the saddle point before training."),
    Word("rank", r"ranks?", "One of several processes that share each batch, with rows of its own."),
    Word(
        "saddle point",
        r"saddles?(?: points?)?",
        "A place without gradient from which the loss falls in some direction.",
    ),
    Word("sample", r"samples?", "One row of the data, with its label."),
    Word("sample gradient", r"sample[- ]gradients?", "The gradient of one row; an update on B rows costs B of them."),
    Word("seed", r"seeds?", "The number that fixes all random draws of a run; another seed is another run."),
    Word("SGD", r"SGD", "Stochastic gradient descent: each update is made from a random batch, or from one row."),
    Word(
        "sharpness",
        r"sharpness",
        "The largest curvature of the loss at a place: the greatest eigenvalue of its Hessian.",
    ),
    Word("target", r"targets?", "The training loss at which a run has arrived."),
    Word("textbook path", r"textbook(?: path)?", "A loop with one update a row, written as a textbook writes it."),
    Word("tight target", r"tight(?: target)?", "A training loss that is reached late, near the least one."),
    Word("trapped", r"trap(?:s|ped)", "At an end from which full-batch descent leaves a tenth or more unlearned."),
    Word(
        "update", r"updates?", "One change of all weights: the learning rate times the batch's gradient is taken off."
    ),
    Word("verdict", r"verdicts?", "The word at a claim, computed from its intervals by a rule fixed before."),
)
BY_ID = {word.id: word for word in WORDS}
# Longer forms first, so that "batch size" is not read as "batch".
_FORMS = sorted(WORDS, key=lambda word: -len(word.name))
_ANY = re.compile(
    "|".join(rf"(?P<w{k}>(?<![\w/.‖-])(?:{word.forms})(?![\w/‖-]))" for k, word in enumerate(_FORMS)), re.IGNORECASE
)


def parted(text: str, seen: set[str]) -> list[tuple[str, str]]:
    """A text as (piece, id of its word): "" for what is no word, or one that is in `seen`, which grows."""
    pieces, end = [], 0
    for found in _ANY.finditer(text):
        word = _FORMS[int((found.lastgroup or "w0")[1:])]
        if word.id in seen:
            continue
        seen.add(word.id)
        pieces += [(text[end : found.start()], ""), (found[0], word.id)]
        end = found.end()
    return [*((piece, id_) for piece, id_ in pieces if piece), (text[end:], "")]
