"""Exercises cut out of the real source, and their marks: `python -m experiments exercises` lists them."""
