"""Made-up repetitions, in which the effect is known."""

import numpy as np

from experiments.powers_of_two.measure import SIZES

B = np.array(SIZES)


def swept(effect=1.0, noise=0.003, repetitions=10, arm="arm", on_gpu=True, a=40.0, b=1.0, seed=0):
    """Repetitions of t = (a + b B) · effect, with noise in every reading."""
    rng = np.random.default_rng(seed)
    t = (a + b * B) * effect * np.exp(rng.normal(0, noise, (repetitions, len(B))))
    row = {"kind": "sweep", "on_gpu": on_gpu, "arm": arm, "batch_sizes": B.tolist()}
    return [row | {"repetition": k, "least": t[k].tolist(), "median": (1.1 * t[k]).tolist()} for k in range(len(t))]
