"""`python -m experiments.equal_compute` runs this experiment; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("equal_compute")

print("error: run it as a module, from the top folder: python -m experiments.equal_compute", file=sys.stderr)
raise SystemExit(2)
