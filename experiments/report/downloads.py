"""Rows that can be downloaded from the page itself."""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..lab.experiment import Result

ROWS_ROOM = 900_000  # bytes of the page for rows to download: beyond it they lie beside the page


def downloads(results: Mapping[str, Result]) -> dict[str, str]:
    """Rows of each experiment as a data: URI, the smallest first, as long as there is room in the page."""
    packed = {name: f"data:application/gzip;base64,{compressed(result['rows'])}" for name, result in results.items()}
    room, found = ROWS_ROOM, {}
    for name in sorted(packed, key=lambda name: (len(packed[name]), name)):
        room -= len(packed[name])
        if room >= 0:
            found[name] = packed[name]
    return found


def compressed(rows: Any) -> str:
    """Rows as gzip'd JSON in base64, numbers to six digits; the same rows give the same letters."""
    text = json.dumps(list(six_digits(rows)), separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def six_digits(values: Sequence[Any]) -> Iterator[Any]:
    """Rows with every number rounded to six significant digits."""
    for value in values:
        if isinstance(value, float):
            yield float(f"{value:.6g}")
        elif isinstance(value, list):
            yield list(six_digits(value))
        elif isinstance(value, dict):
            yield dict(zip(value, six_digits(list(value.values()))))
        else:
            yield value
