"""`python -m experiments report`: write the page of the results that are there, and say where."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ..lab import commandline
from ..lab.commands import load, names
from . import page


def main(argv: Sequence[str]) -> int:
    """Write the page; returns the exit status."""
    parser = commandline.parser_of_results(
        "report", "Write index.html, a page of all results that are there, beside them.", "reads"
    )
    return write_report(commandline.folder(parser.parse_args(argv)))


def write_report(folder: Path) -> int:
    """Write the page of all results in this folder, and say where; returns the exit status."""
    try:
        path = page.write(folder, [load(name) for name in names()])
    except page.NoResults as error:
        print(f"python -m experiments report: error: --out: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"python -m experiments report: error: {str(folder)!r}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"wrote {path}")
    return 0
