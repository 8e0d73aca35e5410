"""`python -m experiments` lists the experiments; `python -m experiments all` runs them one after the other."""

import sys

if __package__:
    from .lab.start import start

    start("")

print("error: run it as a module, from the top folder: python -m experiments", file=sys.stderr)
raise SystemExit(2)
