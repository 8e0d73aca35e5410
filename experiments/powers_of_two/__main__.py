"""`python -m experiments.powers_of_two` runs this experiment; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("powers_of_two")

print("error: run it as a module, from the top folder: python -m experiments.powers_of_two", file=sys.stderr)
raise SystemExit(2)
