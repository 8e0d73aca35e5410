"""The process in which a student's file runs: python -m experiments.exercises.child NAME FILE STAGE RESULT SECONDS."""

import json
import math
import sys
from pathlib import Path

from .process import MEMORY


def limit(seconds: float) -> None:
    """Limits on memory and on the time of the processor, where the system has them."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the only limit
        return
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, math.ceil(seconds))):
        try:
            _, hard = resource.getrlimit(what)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(what, (most, most))
        except (OSError, ValueError):  # macOS has no limit of the address space
            continue


def main(name: str, file: str, stage: str, result: str, seconds: str) -> None:
    """Mark one stage, and leave the result as JSON."""
    limit(float(seconds))
    from . import marking  # after the limits are set, and the arrays that it makes are under them
    from .exercise import load

    found = marking.marked(load(name), Path(file).read_bytes(), stage)
    Path(result).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
