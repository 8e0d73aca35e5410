"""What the page says, from results alone: which claims, by which numbers, and how to repeat them."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from ..lab.experiment import Experiment, Result
from ..lab.text import data_name
from .figures import Drawn, figures_of

ROWS_ROOM = 900_000  # bytes of the page for rows to download: beyond it they lie beside the page
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
    """

    name: str
    statement: str
    verdict: str
    because: str
    questions: list[dict[str, Any]]
    deciding: list[dict[str, Any]]
    figures: list[Drawn]
    leads: bool


@dataclass(frozen=True)
class Part:
    """An experiment on the page: its claims, and what they share. `problem` says why there is no result."""

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


# ---- results -----------------------------------------------------------------------------------------------------------


def read_results(folder: Path, experiments: Sequence[Experiment]) -> tuple[dict[str, Result], dict[str, str]]:
    """The results that are there, by experiment; and for the others what is wrong."""
    results, problems = {}, {}
    for one in experiments:
        path = folder / one.name / "result.json"
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            [result[key] for key in ("rows", "settings", "environment")]
            [[claim["because"], claim["verdict"], claim["evidence"]["questions"]] for claim in result["claims"].values()]
        except FileNotFoundError:
            problems[one.name] = "It has not been run."
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problems[one.name] = f"{one.name}/result.json cannot be read as a result ({type(error).__name__}: {error})."
        else:
            results[one.name] = result
    return results, problems


def in_order(name: str) -> list[tuple[int, str]]:
    """A key that sorts claims as one counts: C2 before C10, C8 before C8a."""
    return [(int(digits or 0), letters) for digits, letters in re.findall(r"(\d*)(\D*)", name)]


def part_of(one: Experiment, result: Result | None, problem: str, question: str) -> Part:
    """An experiment as the page tells it."""
    names = sorted(one.claims, key=in_order)
    if result is None:
        claims = [
            Claim(name, unmeasured(one, name), MISSING, problem, [], [], [], name == names[0]) for name in names
        ]
        command = f"python -m experiments.{one.name}"
        return Part(one.name, one.title, blocks(question), claims, problem, command, True, "", [], {}, {}, 0)
    drawn = list(figures_of(one, result))
    claims = [claim_of(name, result, drawn, names) for name in names if name in result["claims"]]
    settings = result["settings"]
    about = data_name(settings)
    return Part(
        name=one.name,
        title=one.title,
        question=blocks(question),
        claims=claims,
        problem="",
        command=result.get("command", f"python -m experiments.{one.name}"),
        recorded="command" in result,
        about=about,
        reading=result.get("data", {}).get("reading", []),
        settings={name: shown(value) for name, value in settings.items()},
        machine=machine(result["environment"]),
        rows=len(result["rows"]),
    )


def unmeasured(one: Experiment, name: str) -> str:
    """The statement of a claim without a result: {settings} are those of the default effort."""
    return one.claims[name].format(**one.efforts["default"])


def claim_of(name: str, result: Result, drawn: Sequence[Drawn], names: Sequence[str]) -> Claim:
    """A claim of a result, with its questions and figures."""
    claim, leads = result["claims"][name], name == names[0]
    order = ["no", "open", "yes"]  # what speaks against the claim first
    asked = sorted(claim["evidence"]["questions"], key=lambda each: (each["control"], order.index(each["answer"])))
    questions = [each | {"measured": measured(each)} for each in asked]
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
    for name, experiment in (("C9", "best_batch_size"), ("C8d", "batch_size_sweep")):
        claim = claims.get(name)
        if claim and claim.verdict not in (MISSING, "not measured"):
            about = next(part.about for part in parts if claim in part.claims)
            sentence = begun(claim.because)
            if claim.verdict in ("undecided", "does not hold"):
                sentence = f"No single batch size can be named ({name} {claim.verdict}): {claim.because}"
            return f"{sentence} ({about})." if about else f"{sentence}.", name
    return (
        "Which batch size trains fastest has not been measured yet: python -m experiments.batch_size_sweep does.",
        "",
    )


# ---- words -------------------------------------------------------------------------------------------------------------


def begun(sentence: str) -> str:
    """A sentence with a capital at its beginning; a symbol keeps its size."""
    return sentence[:1].upper() + sentence[1:] if "a" <= sentence[:1] <= "z" else sentence


def blocks(docstring: str) -> list[tuple[str, str]]:
    """A docstring without its first line as blocks ("p" or "pre", text): what is indented keeps its lines."""
    _, _, body = docstring.strip().partition("\n")
    found: list[tuple[str, str]] = []
    for text in re.split(r"\n\s*\n", body.strip("\n")):
        lines = text.splitlines()
        indents = [len(line) - len(line.lstrip()) for line in lines]
        if max(indents) < 4:
            found.append(("p", " ".join(line.strip() for line in lines)))
            continue
        kept = "\n".join(line[min(indents) :] for line in lines)
        if found and found[-1][0] == "pre":
            kept = f"{found.pop()[1]}\n\n{kept}"
        found.append(("pre", kept))
    return found


def with_code(text: str) -> Markup:
    """A docstring's text as HTML: what stands in `backticks` is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def shown(value: Any) -> str:
    """A setting as text."""
    if isinstance(value, list):
        return " ".join(map(shown, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def machine(environment: Mapping[str, Any]) -> dict[str, str]:
    """The environment of a result as text."""
    versions = ", ".join(f"{name} {version}" for name, version in environment.get("versions", {}).items())
    values = {name: value for name, value in environment.items() if name != "versions"} | {"libraries": versions}
    if isinstance(values.get("blas"), list):
        values["blas"] = "; ".join(sorted(values["blas"]))
    return {name: shown(value) for name, value in values.items()}


# ---- rows to download --------------------------------------------------------------------------------------------------


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
