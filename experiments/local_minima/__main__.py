"""`python -m experiments.local_minima` runs this experiment; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("local_minima")

print("error: run it as a module, from the top folder: python -m experiments.local_minima", file=sys.stderr)
raise SystemExit(2)
