"""`python -m experiments.throughput` runs this experiment; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("throughput")

print("error: run it as a module, from the top folder: python -m experiments.throughput", file=sys.stderr)
raise SystemExit(2)
