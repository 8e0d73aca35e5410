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
    """Three significant digits, k for thousands and M for millions; ∞ as a dash."""
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 10_000:
        return f"{value / 1000:.3g}k" if abs(value) < 1e6 else f"{value / 1e6:.3g}M"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def median_and_range(values: Sequence[float]) -> str:
    """median (least…greatest); a dash stands for a run that never arrived."""
    middle, low, high = number(median(values)), number(min(values)), number(max(values))
    return middle if low == high else f"{middle} ({low}…{high})"
