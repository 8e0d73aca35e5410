"""`python -m experiments.compare_gd_sgd` runs this experiment; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("compare_gd_sgd")

print("error: run it as a module, from the top folder: python -m experiments.compare_gd_sgd", file=sys.stderr)
raise SystemExit(2)
