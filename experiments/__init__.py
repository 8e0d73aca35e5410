"""The laboratory: one module a claim, each run by `python -m experiments.NAME`; `python -m experiments` lists them."""
