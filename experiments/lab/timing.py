"""What a sample gradient costs, on the batched kernel and on the per-sample paths."""

from __future__ import annotations

import numpy as np

from minigrad import SGD, Backend, Dataset, get_backend, train

from .sweep import Settings, make_model

UPDATES = 20  # to time at the least: one would be at the mercy of the clock


def timing_rows(data: Dataset, settings: Settings) -> list[dict]:
    """Microseconds a sample gradient, shuffled epochs through train(); paths and repeats interleaved."""
    m = len(data.X_train)
    model = make_model(data, settings, seed=0)
    X, y = model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train)
    cases = [(1, "textbook"), (1, "fast"), *((size, "batched") for size in settings.batch_sizes)]
    rows = []
    for repeat in range(settings.repeats + 1):
        for batch_size, path in cases:
            epochs = max(1, UPDATES * batch_size // m)
            history = train(
                make_model(data, settings, seed=0), X, y, optimizer=SGD(1e-3), batch_size=batch_size, epochs=epochs,
                rng=np.random.default_rng(repeat), evaluate_every=0, drop_last=True, path=path,
            )  # fmt: skip
            if repeat > 0:  # the first warms up
                cost = 1e6 * history.seconds[-1] / history.samples[-1]
                rows.append({"kind": "timing", "backend": model.backend.name, "path": path, "batch_size": batch_size,
                             "repeat": repeat, "microseconds": cost})  # fmt: skip
    return rows


def backends_here(chosen: str | Backend = "numpy") -> list[str | Backend]:
    """The backends that answer on this machine, and the chosen one."""
    names = sorted({"numpy", get_backend("auto").name}, reverse=True)
    return [*names, *([] if get_backend(chosen).name in names else [chosen])]
