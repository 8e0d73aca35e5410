"""`python -m experiments.batch_size_sweep` runs this experiment; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("batch_size_sweep")

print("error: run it as a module, from the top folder: python -m experiments.batch_size_sweep", file=sys.stderr)
raise SystemExit(2)
