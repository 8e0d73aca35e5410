"""What the page says, from results alone: which claims, by which numbers, and how to repeat them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from minigrad.engine import checks

from ..lab.experiment import Experiment, Result
from ..lab.text import data_name, model_name, natural
from ..lab.verdicts import against_first
from .figures import Drawn, figures_of
from .glossary import MISSING
from .words import blocks, machine, repeated, shown


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
    shown_by : list of tuple
        Figures of other claims that show its numbers, too: (claim, title).
    unchecked : str
        The command that would check its prediction, where that was not done.
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
    shown_by: list[tuple[str, str]] = field(default_factory=list)
    unchecked: str = ""


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
        What repeats it, into the folder that all commands take.
    recorded : bool
        Whether the result says so itself.
    about, model : str
        The data, and what was trained; "" where there are several.
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
    model: str
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
        return Part(one.name, one.title, blocks(question), claims, problem, command, True, "", "", [], {}, {}, 0)
    drawn, command = list(figures_of(one, result)), command_of(one, result)
    claims = [claim_of(name, result, drawn, names, one.about) for name in names]
    claims = [replace(claim, unchecked=check_of(claim, command)) for claim in claims]
    return Part(
        name=one.name,
        title=one.title,
        question=blocks(question),
        claims=claims,
        problem="",
        command=command,
        recorded="command" in result,
        about=data_name(result["settings"]),
        model=model_name(result["settings"]) if "model" in result["settings"] else "",
        reading=result.get("data", {}).get("reading", []),
        settings={name: shown(value) for name, value in result["settings"].items()},
        machine=machine(result["environment"]),
        rows=len(result["rows"]),
    )


def command_of(one: Experiment, result: Result) -> str:
    """What repeats a result; with mpirun, where several processes shared its batches."""
    command = repeated(result.get("command", f"python -m experiments.{one.name}"))
    ranks = max((claim["evidence"].get("ranks", 1) for claim in result["claims"].values()), default=1)
    return f"mpirun -n {ranks} {command}" if ranks > 1 and not command.startswith("mpirun") else command


def check_of(claim: Claim, command: str) -> str:
    """The command that checks a claim's prediction; "" where it was checked, or predicts nothing."""
    predicted = claim.verdict == "not measured" and "band" in claim.evidence
    return f"{command} --check" if predicted else ""


def unmeasured(one: Experiment, name: str) -> str:
    """The statement of a claim without a result: {settings} are those of the default effort."""
    return one.claims[name].format(**one.efforts["default"])


def claim_of(
    name: str, result: Result, drawn: Sequence[Drawn], names: Sequence[str], about: Mapping[str, Sequence[str]]
) -> Claim:
    """A claim of a result, with its questions and figures; `about` as of the experiment."""
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
        [(each.claim, each.title) for each in drawn if name in about.get(each.name, ())[1:]],
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
