"""From questions to a verdict: what decides, the evidence and the words are made of the same objects.

A claim is judged by questions. Each is an interval and the bounds that decide it. The answer is yes where the interval
lies within the bounds, no where it lies outside, and open where it does neither. It is open, too, where there are too
few seeds or test rows to tell; the verdict then says how many it takes.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .statistics import LEAST, Interval
from .text import listed, styled

ANSWERS = {True: "yes", False: "no", None: "open"}
LONGEST = 160  # letters of a verdict's sentence


def seeds_needed(seeds: int | None, least: int = LEAST) -> str:
    """What a question takes that needs `least` seeds, in words; empty where there are as many, or nobody counted."""
    return f"at least {least} seeds (--seeds {least})" if seeds is not None and seeds < least else ""


@dataclass(frozen=True)
class Question:
    """One question to the data.

    Where there are too few seeds or test rows to tell, `takes` says how many it takes, such as "at least 3 seeds". That
    leaves the answer open, whatever the interval.
    """

    name: str  # what is asked, in a few words
    interval: Interval  # what was measured
    low: float = -math.inf  # the bounds
    high: float = math.inf
    style: str = ""  # how the numbers are written, as for `text.styled`
    control: bool = False  # a claim holds only where its controls are answered with yes; they decide nothing else
    by: str = ""  # what decides in the place of the bounds, in words; then `decided` is the answer
    decided: bool | None = None
    takes: str = ""

    @property
    def answer(self) -> bool | None:
        """True for yes, False for no, None where the data leave it open."""
        if self.takes:
            return None
        return self.decided if self.by else self.interval.inside(self.low, self.high)

    def asked(self) -> str:
        """The bounds in words."""
        low, high = styled(self.low, self.style), styled(self.high, self.style)
        if self.by:
            return self.by
        if math.isinf(self.low):
            return f"below {high}"
        return f"above {low}" if math.isinf(self.high) else f"{low} to {high}"

    def text(self) -> str:
        """The answer, the question, what was measured and what was asked, in a line."""
        role = "control: " if self.control else ""
        return f"{ANSWERS[self.answer]}: {role}{self.name}: {self.interval:{self.style}}, asked {self.asked()}"

    def plain(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        bounds = {"asked": self.asked(), "bounds": [self.low, self.high]}
        bounds |= {"answer": ANSWERS[self.answer], "takes": self.takes}
        return {"question": self.name, **asdict(self.interval), **bounds, "control": self.control, "text": self.text()}


def against_first(questions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The questions of a result, what speaks against the claim first; controls last."""
    order = ["no", "open", "yes"]
    return sorted(questions, key=lambda each: (each["control"], order.index(each["answer"])))


def decide(answers: Iterable[bool | None]) -> str:
    """The verdict by the answers: the claim holds where all are yes, and does not hold where all are no.

    It is conditional where some are yes and some no, and undecided while an open answer could change the verdict.
    """
    found = set(answers)
    if {True, False} <= found:
        return "conditional"
    if None in found or not found:
        return "undecided"
    return "holds" if found == {True} else "does not hold"


@dataclass(frozen=True)
class Judgement:
    """What an experiment says about a claim.

    The questions are cases, such as models or data: some yes and some no make the claim conditional. Where they are
    parts of the claim, `each_needed`, a single no refutes it.
    """

    because: str  # one plain sentence, made of what was measured, of at most 160 characters; see `sentence`
    questions: Sequence[Question] = ()  # what the verdict is made of; without any the claim is undecided
    evidence: dict[str, Any] = field(default_factory=dict)  # what else was measured
    each_needed: bool = False
    measured: bool = True  # False where this machine cannot measure it; `because` says why

    @property
    def verdict(self) -> str:
        """Holds, conditional, does not hold, undecided or not measured."""
        if not self.measured:
            return "not measured"
        answers = [question.answer for question in self.questions if not question.control]
        if self.each_needed and False in answers:
            return "does not hold"
        verdict = decide(answers)
        controls_came_out = all(question.answer for question in self.questions if question.control)
        return "undecided" if verdict == "holds" and not controls_came_out else verdict

    @property
    def sentence(self) -> str:
        """`because`; where too few seeds or test rows leave the claim undecided, with how many it takes.

        Where both together are too long, that alone is said: the numbers stand in the questions.
        """
        takes = list(dict.fromkeys(question.takes for question in self.questions if question.takes))
        if not takes or self.verdict != "undecided":
            return self.because
        ending = f"it takes {listed(takes)}"
        whole = f"{self.because}; {ending}"
        return whole if len(whole) <= LONGEST else f"there is too little to tell: {ending}"

    def plain(self, statement: str) -> dict[str, Any]:
        """The claim's entry in a result."""
        evidence = {"questions": [question.plain() for question in self.questions], **self.evidence}
        return {"statement": statement, "verdict": self.verdict, "because": self.sentence, "evidence": evidence}
