"""The clock times the updates that training makes."""

import numpy as np
import pytest

from experiments.best_batch_size import clock
from experiments.best_batch_size.measure import Settings
from minigrad import LogisticRegression


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_every_size_has_its_readings_and_its_share_of_the_permutation(digits, optimizer):
    settings = Settings(dataset="digits", hidden=(4,), optimizer=optimizer)
    rows = clock.step_rows(digits, settings, "answer", [1, 8, 120], rounds=3)
    assert [row["batch_size"] for row in rows] == [1, 8, 120]
    assert all(len(row["microseconds"]) == 3 and min(row["microseconds"]) > 0 for row in rows)
    assert rows[1]["shuffle"] == pytest.approx(8 * rows[0]["shuffle"])
    assert rows[2]["shuffle"] == 0  # all rows need no permutation


def test_an_update_takes_the_next_batch_of_an_epoch(binary):
    settings, seen = Settings(dataset="digits", model="logistic"), []

    class Watched(LogisticRegression):
        def gradient(self, X, y=None, out=None):
            seen.append(np.asarray(X.rows).copy())
            return super().gradient(X, y, out=out)

    model = Watched(64)
    rows = model.batch(binary.X_train, binary.y_train)
    step = clock.update(model, settings, rows, 40, np.random.default_rng(0))
    for _ in range(4):
        step()
    assert sorted(np.concatenate(seen[:3]).tolist()) == list(range(120))
    assert seen[3].tolist() == seen[0].tolist()
