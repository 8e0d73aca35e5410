"""Ours against other libraries on the same work, in one run; see README.md beside this file."""
