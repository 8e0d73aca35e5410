"""Why the page shows several critical batch sizes: each of them, with its problem, its target and its estimator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..equal_compute.judge import DRAWN
from ..lab.text import listed, number
from .content import Part


@dataclass(frozen=True)
class Size:
    """The numbers that a claim has for B_c, and what they were estimated from."""

    claim: str
    numbers: str
    how: str


def critical_sizes(parts: Sequence[Part]) -> list[Size]:
    """Every B_c that the results hold, by claim."""
    evidence = {claim.name: (claim.evidence, part) for part in parts for claim in part.claims if claim.evidence}
    found = []
    if "C3" in evidence:
        cases = {name: case for name, case in evidence["C3"][0].items() if isinstance(case, dict) and "fits" in case}
        fits = {name: (case["fits"].get(DRAWN) or {}).get("B_c", {}) for name, case in cases.items()}
        told = [f"{number(fit['estimate'])} ({name})" for name, fit in fits.items() if known(fit)]
        if told:
            found.append(
                Size("C3", listed(told), "fitted to the updates of tuned runs, for two models and two targets")
            )
    for name, key, how in (
        ("C9", "critical_batch_size", "predicted from the noise along one run, and from a few runs at a second size"),
        ("C10b", "B_c", "fitted to the updates of tuned runs"),
    ):
        numbers, part = evidence.get(name, ({}, None))
        if part and known(numbers.get(key)):
            target = numbers.get("target") or part.settings.get("target")
            at = f", at the target {number(float(target))}" if target and target != "–" else ""
            found.append(Size(name, number(numbers[key]["estimate"]), f"{how}{at}"))
    return found


def known(estimate: Any) -> bool:
    """Whether an estimate is a number."""
    value = estimate.get("estimate") if isinstance(estimate, dict) else None
    return isinstance(value, (int, float)) and math.isfinite(value)
