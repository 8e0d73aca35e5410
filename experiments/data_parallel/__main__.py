"""`mpirun -n 2 python -m experiments.data_parallel` runs this experiment on two ranks; --help tells its flags."""

import sys

if __package__:
    from ..lab.start import start
    from .ranks import serve

    serve()  # of the ranks only the first comes back from here
    start("data_parallel")

print("error: run it as a module, from the top folder: python -m experiments.data_parallel", file=sys.stderr)
raise SystemExit(2)
