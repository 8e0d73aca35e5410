"""Made-up end points."""

import math

FREE, CAUGHT = 0.05, 0.5  # polished losses: between the two lies the bound, 0.05 + 0.1 (ln 2 − 0.05)


def end(problem, arm, size, start, loss, **change):
    """An end point as `end_rows` makes it."""
    row = {
        "kind": "end",
        "problem": problem,
        "start": start,
        "m": 200,
        "hidden": [2],
        "guessing": math.log(2),
        "arm": arm,
        "batch_size": size,
        "learning_rate": None if size is None else 0.5,
        "diverged": False,
        "trained_loss": loss + 0.1,
        "sharpness": None if size is None else 3.0,
        "gradient": 1e-6,
        "fall": 1e-9,
        "loss": loss,
        "accuracy": 0.9,
    }
    return row | change


def diverged(problem, arm, size, start):
    """An end point of a run that diverged."""
    nothing = dict.fromkeys(("loss", "gradient", "fall", "sharpness"))
    return end(problem, arm, size, start, 0.3) | nothing | {"diverged": True}
