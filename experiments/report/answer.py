"""The answer at the top of the page, in short sentences: what to do, how sure that is, and what it saves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..lab.text import begun, number, styled
from .content import Claim, Part
from .glossary import MISSING
from .words import sentences

NOWHERE = "Which batch size trains fastest has not been measured yet. This command measures it:"
UNCHECKED = "This is a prediction, and it has not been checked here. This command checks it:"


@dataclass(frozen=True)
class Said:
    """Sentences of the answer, a command that belongs to them, and the claim that they are taken from; "" for none."""

    text: str
    command: str = ""
    claim: str = ""


OWN_DATA = Said(
    "For your own data, a table with a row a sample, this command of minigrad finds all these numbers:",
    "python -m experiments.best_batch_size --data my.csv",
)
MADE_BY = {"sgd": "plain SGD", "momentum": "SGD with momentum", "adam": "Adam"}


def answer(parts: Sequence[Part]) -> list[Said]:
    """What the results say about the fastest batch size: C9's advice, else what C8d measured, else how to measure."""
    claims = {claim.name: (claim, part) for part in parts for claim in part.claims}
    advice, fastest = claims.get("C9"), claims.get("C8d")
    if advice and advice[0].verdict != MISSING:
        return advised(*advice)
    if fastest and fastest[0].verdict not in (MISSING, "not measured"):
        claim, part = fastest
        named = claim.verdict in ("holds", "conditional")
        doubt = "" if named else f"No single batch size can be named (C8d {claim.verdict}). "
        return [Said(f"{doubt}{sentences(claim.because)}.", claim="C8d"), Said(training(claim, part))]
    return [Said(NOWHERE, "python -m experiments.batch_size_sweep")]


def advised(claim: Claim, part: Part) -> list[Said]:
    """C9's advice, and from how many runs on it pays; whether a sweep has checked it, and what trusting it lost."""
    evidence = claim.evidence
    if "band" not in evidence:
        return [Said(f"{sentences(claim.because)}.", claim="C9"), Said(training(claim, part)), OWN_DATA]
    found = [*worth(claim, evidence)]
    lost = evidence.get("time_lost")
    if claim.unchecked:
        found.append(Said(UNCHECKED, claim.unchecked))
    elif lost:
        share = styled(lost["estimate"], ".0%")
        told = f"A run of all batch sizes has checked this (C9 {claim.verdict}). "
        found.append(Said(f"{told}Trusting it lost {share} % of the time of the fastest batch size."))
    return [*found, Said(training(claim, part)), OWN_DATA]


def worth(claim: Claim, evidence: dict[str, Any]) -> list[Said]:
    """The advice; and where the probe costs more than a run saves, first what to do for few runs."""
    low, high = evidence["band"]
    sizes = f"{low:,} to {high:,}" if low < high else f"{low:,}"
    fastest = (
        f" ({evidence['best_batch_size']:,} is the fastest)" if low < high and "best_batch_size" in evidence else ""
    )
    advice = f"train with batches of {sizes} rows{fastest}, at learning rate {evidence['learning_rate']:.3g}."
    probe = evidence.get("probe", {})
    if not evidence.get("just_train") or "seconds" not in probe:
        return [Said(begun(advice), claim="C9")]
    runs, instead = probe.get("pays_after_runs"), claim.because.partition(":")[0]
    cost = number(probe["seconds"])
    if runs is None or not math.isfinite(runs):
        told = f"{begun(instead)}: the probe, which finds the batch size, took {cost} s and saves nothing."
        return [Said(told, claim="C9")]
    few = Said(f"For fewer than {math.ceil(runs):,} trainings {instead}.", claim="C9")
    saves = number(probe["seconds"] / runs)
    paid = f"so it has paid after {cost}/{saves} = {math.ceil(runs):,}"
    why = f"The probe, which finds these numbers, took {cost} s and saves {saves} s a training: {paid}."
    took = f" (a training takes {number(evidence['seconds'])} s)" if "seconds" in evidence else ""
    slower = (
        "A few trial runs at that size find its rate. It is not the fastest size, but to search for that does not pay."
    )
    return [few, Said(f"{slower} For more, {advice[:-1]}{took}. {why}")]


def training(claim: Claim, part: Part) -> str:
    """What was trained, how, to which loss, and that another machine answers otherwise."""
    if not part.about:
        return ""
    target = claim.evidence.get("target", part.settings.get("target"))
    to = f", to a training loss of {target}" if target else ""
    what = f" on {part.model}" if part.model else ""
    by = MADE_BY.get(part.settings.get("optimizer", "sgd"), "")
    return (
        f"A training is here {by}{what}{to}; the data are {part.about}. Other data or another machine: other numbers."
    )
