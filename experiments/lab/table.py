"""Numbers as text: aligned tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .statistics import median


def render(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned to the right, the first to the left."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["─" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths)))
        for line in lines
    )  # fmt: skip


def number(value: float) -> str:
    """Three significant digits, k for thousands, M for millions, G for milliards; ∞ as a dash."""
    if not math.isfinite(value):
        return "–"
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(9_999.5, 0.9995 * unit):  # four digits are still read at a glance
            return f"{value / unit:.3g}{name}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def median_and_range(values: Sequence[float]) -> str:
    """median (least…greatest); a dash stands for a run that never arrived."""
    middle, low, high = number(median(values)), number(min(values)), number(max(values))
    return middle if low == high else f"{middle} ({low}…{high})"
