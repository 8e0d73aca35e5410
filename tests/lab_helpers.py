"""What several tests of the lab share."""

import os
import time

from experiments.lab.settings import TrainingSettings

SETTINGS = TrainingSettings(
    dataset="d", model="logistic", hidden=(5,), batch_sizes=(1, 16, 120), epochs=4, seeds=2, target=0.3
)


SMALL = {  # flags that make an experiment a matter of seconds
    "batch_size_sweep": ["--batch-sizes", "16 all", "--epochs", "3"],
    "best_batch_size": ["--batch-sizes", "4 16 64 all", "--epochs", "2"],
    "data_parallel": ["--batch-sizes", "8 32 all", "--epochs", "3"],
    "equal_compute": ["--batch-sizes", "64 all", "--epochs", "20"],
    "local_minima": ["--batch-sizes", "16 all"],
    "throughput": ["--batch-sizes", "1 64"],
}


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
