"""What several tests of the lab share."""

from experiments.lab.settings import TrainingSettings

SETTINGS = TrainingSettings(
    dataset="d", model="logistic", hidden=(5,), batch_sizes=(1, 16, 120), epochs=4, seeds=2, target=0.3
)
