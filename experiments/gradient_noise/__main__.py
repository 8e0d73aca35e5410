"""`python -m experiments.gradient_noise` runs this experiment; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("gradient_noise")

print("error: run it as a module, from the top folder: python -m experiments.gradient_noise", file=sys.stderr)
raise SystemExit(2)
