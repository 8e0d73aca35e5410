"""`mpirun -n 2 python -m experiments.data_parallel` runs this experiment on two ranks; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start

    start("data_parallel", first="ranks.serve")  # from where only the first of the ranks comes back

print("error: run it as a module, from the top folder: python -m experiments.data_parallel", file=sys.stderr)
raise SystemExit(2)
