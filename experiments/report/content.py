"""What the page says, from results alone: which claims, by which numbers, and how to repeat them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigrad.engine import checks

from ..lab.experiment import Experiment, Result
from ..lab.text import begun, data_name, natural, styled
from ..lab.verdicts import against_first
from .figures import Drawn, figures_of
from .words import blocks, machine, shown

MISSING = "no result"


@dataclass(frozen=True)
class Claim:
    """A claim of the page.

    Parameters
    ----------
    name, statement, verdict, because : str
        As in the result; the verdict is "no result" where there is none.
    questions : list of dict
        What it was judged by, those that speak against it first; controls last.
    deciding : list of dict
        Of these the one that decides; two, a yes and a no, where the claim is conditional.
    figures : list of Drawn
        Those that are about it, and for an experiment's first claim those that are about none.
    leads : bool
        Whether it is its experiment's first: question, settings and rows are told there.
    evidence : dict
        The numbers that were measured beside its questions.
    """

    name: str
    statement: str
    verdict: str
    because: str
    questions: list[dict[str, Any]]
    deciding: list[dict[str, Any]]
    figures: list[Drawn]
    leads: bool
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """An experiment on the page: its claims, and what they share.

    Parameters
    ----------
    name, title : str
        Its folder, and its question in a line.
    question : list of tuple
        The docstring of its question.py as `blocks`.
    claims : list of Claim
        In the order of their names.
    problem : str
        Why there is no result; "" where there is one.
    command : str
        What repeats it.
    recorded : bool
        Whether the result says so itself.
    about : str
        The data.
    reading : list of str
        What a user's own table was read as.
    settings, machine : dict of str
        What the rows depend on, and where they were measured.
    rows : int
        How many there are.
    """

    name: str
    title: str
    question: list[tuple[str, str]]
    claims: list[Claim]
    problem: str
    command: str
    recorded: bool
    about: str
    reading: list[str]
    settings: dict[str, str]
    machine: dict[str, str]
    rows: int


def read_results(folder: Path, experiments: Sequence[Experiment]) -> tuple[dict[str, Result], dict[str, str]]:
    """The results that are there, by experiment; and for the others what is wrong."""
    results: dict[str, Result] = {}
    problems: dict[str, str] = {}
    for one in experiments:
        path = folder / one.name / "result.json"
        try:
            results[one.name] = checked(one, json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            problems[one.name] = "It has not been run."
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            problems[one.name] = unreadable(one, error)
    return results, problems


def unreadable(one: Experiment, error: Exception) -> str:
    """What the page says of a result that is damaged."""
    return checks.brief(f"{one.name}/result.json cannot be read as a result ({type(error).__name__}: {error}).", 300)


def parts_of(
    experiments: Sequence[Experiment], results: dict[str, Result], problems: dict[str, str], questions: Sequence[str]
) -> list[Part]:
    """The page's parts. A result that cannot be told is taken from `results`, and its part says why."""
    parts = []
    for one, question in zip(experiments, questions):
        try:
            parts.append(part_of(one, results.get(one.name), problems.get(one.name, ""), question))
        except Exception as error:  # whatever the values of a damaged result make a figure raise
            del results[one.name]
            parts.append(part_of(one, None, unreadable(one, error), question))
    return parts


def checked(one: Experiment, result: Result) -> Result:
    """The result, which holds what every result holds; KeyError or TypeError where it does not."""
    for claim in (result["claims"][name] for name in one.claims):
        words = [claim["statement"], claim["because"], claim["verdict"]]
        _ = "".join(words), claim["evidence"]["questions"]
    _ = len(result["rows"]), result["environment"].items(), data_name(result["settings"])
    return result


def part_of(one: Experiment, result: Result | None, problem: str, question: str) -> Part:
    """An experiment as the page tells it."""
    names = sorted(one.claims, key=natural)
    if result is None:
        claims = [Claim(name, unmeasured(one, name), MISSING, problem, [], [], [], name == names[0]) for name in names]
        command = f"python -m experiments.{one.name}"
        return Part(one.name, one.title, blocks(question), claims, problem, command, True, "", [], {}, {}, 0)
    drawn = list(figures_of(one, result))
    claims = [claim_of(name, result, drawn, names) for name in names]
    return Part(
        name=one.name,
        title=one.title,
        question=blocks(question),
        claims=claims,
        problem="",
        command=result.get("command", f"python -m experiments.{one.name}"),
        recorded="command" in result,
        about=data_name(result["settings"]),
        reading=result.get("data", {}).get("reading", []),
        settings={name: shown(value) for name, value in result["settings"].items()},
        machine=machine(result["environment"]),
        rows=len(result["rows"]),
    )


def unmeasured(one: Experiment, name: str) -> str:
    """The statement of a claim without a result: {settings} are those of the default effort."""
    return one.claims[name].format(**one.efforts["default"])


def claim_of(name: str, result: Result, drawn: Sequence[Drawn], names: Sequence[str]) -> Claim:
    """A claim of a result, with its questions and figures."""
    claim, leads = result["claims"][name], name == names[0]
    questions = [each | {"measured": measured(each)} for each in against_first(claim["evidence"]["questions"])]
    figures = [each for each in drawn if each.claim == name] + [each for each in drawn if leads and not each.claim]
    return Claim(
        name,
        claim["statement"],
        claim["verdict"],
        claim["because"],
        questions,
        deciding(claim["verdict"], questions),
        figures,
        leads,
        claim["evidence"],
    )


def measured(question: Mapping[str, Any]) -> str:
    """The number and its interval, as the question's own sentence writes them."""
    role = "control: " if question["control"] else ""
    before, after = f"{question['answer']}: {role}{question['question']}: ", f", asked {question['asked']}"
    return question["text"].removeprefix(before).removesuffix(after)


def deciding(verdict: str, questions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The questions whose numbers made the verdict: the first of each answer that it takes."""
    wanted = {"holds": ["yes"], "does not hold": ["no"], "conditional": ["no", "yes"], "undecided": ["open", "no"]}
    first = [next((each for each in questions if each["answer"] == answer), None) for answer in wanted.get(verdict, [])]
    found = [each for each in first if each]
    return found[:1] if verdict == "undecided" else found


def answer(parts: Sequence[Part]) -> tuple[str, str]:
    """The answer to the page's question in a sentence, and the claim that it is taken from ("" for none)."""
    claims = {claim.name: claim for part in parts for claim in part.claims}
    data = {claim.name: part.about for part in parts for claim in part.claims}
    advice, fastest = claims.get("C9"), claims.get("C8d")
    if advice and advice.verdict != MISSING:
        doubt = "" if advice.verdict == "holds" else f"C9 {advice.verdict}; "  # it is an answer all the same
        return f"{begun(recommended(advice))} ({doubt}{data['C9']}).", "C9"
    if fastest and fastest.verdict not in (MISSING, "not measured"):
        named = fastest.verdict in ("holds", "conditional")
        doubt = "" if named else f"No single batch size can be named (C8d {fastest.verdict}): "
        return f"{doubt}{fastest.because if doubt else begun(fastest.because)} ({data['C8d']}).", "C8d"
    missing = "Which batch size trains fastest has not been measured yet: python -m experiments.batch_size_sweep does."
    return missing, ""


def recommended(advice: Claim) -> str:
    """What C9 recommends; where a sweep has checked it, with the time that trusting it lost."""
    lost = advice.evidence.get("time_lost")
    if lost is None:
        return advice.because
    (low, high), rate = advice.evidence["band"], advice.evidence["learning_rate"]
    sizes = f"{low:,} to {high:,}" if low < high else f"{low:,}"
    share = styled(lost["estimate"], ".0%")
    return f"train with batches of {sizes} at learning rate {rate:g}; trusting that lost {share} % of the time"
