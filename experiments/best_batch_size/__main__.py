"""`python -m experiments.best_batch_size` runs this experiment; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("best_batch_size")

print("error: run it as a module, from the top folder: python -m experiments.best_batch_size", file=sys.stderr)
raise SystemExit(2)
