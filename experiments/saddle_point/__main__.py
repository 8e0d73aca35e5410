"""`python -m experiments.saddle_point` runs this experiment; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("saddle_point")

print("error: run it as a module, from the top folder: python -m experiments.saddle_point", file=sys.stderr)
raise SystemExit(2)
