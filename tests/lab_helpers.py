"""What several tests of the lab share."""

import os
import time

from experiments.lab.settings import TrainingSettings

SETTINGS = TrainingSettings(
    dataset="d", model="logistic", hidden=(5,), batch_sizes=(1, 16, 120), epochs=4, seeds=2, target=0.3
)


def nobody_left(group, seconds=15):
    """Whether every process of that group ends within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
