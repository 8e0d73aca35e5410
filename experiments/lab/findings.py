"""The README's table of findings, written from results: `python -m experiments findings`.

Only results of default runs are taken: those that `python -m experiments.NAME` without flags repeats. Their rows are
judged anew. The rows are long, so experiments/findings/NAME.json keeps all but them. The table is made from these files
alone, so whoever reads a row can look up its numbers.
"""

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import experiments

from . import commandline, experiment, results
from .commands import load, names
from .experiment import Experiment
from .prepare import prepare
from .text import listed, natural

Finding = dict[str, Any]
ROOT = Path(experiments.__file__).resolve().parents[1]
BEGIN, END = "<!-- findings -->", "<!-- end of findings -->"
KEPT = ("experiment", "claims", "settings_at_start", "settings", "data", "environment")
MACHINE = ("date", "python", "processor", "cores", "versions", "blas", "device", "gpu")
HEADER = "| | claim | verdict | what decided | NAME |\n| --- | --- | --- | --- | --- |"
REPEATED = """`python -m experiments.NAME` repeats a row, with every interval.
`python -m experiments findings` wrote the table from [these results](experiments/findings)."""


def main(argv: Sequence[str], ones: Iterable[Experiment] | None = None) -> int:
    """Take the results that are there, of these experiments or of all, and write; returns the exit status."""
    parser = commandline.parser_of_results(
        "findings",
        "Write the README's table of findings, and the files behind it, from the results of default runs.",
        "takes",
    )
    arguments = parser.parse_args(argv)
    try:
        said = write(
            [load(name) for name in names()] if ones is None else list(ones), commandline.folder(arguments), ROOT
        )
    except ValueError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{parser.prog}: error: {error.filename!r}: {error.strerror}; nothing was changed", file=sys.stderr)
        return 1
    print(*said, sep="\n")
    return 0


def write(ones: Sequence[Experiment], source: Path, root: Path) -> list[str]:
    """Write the findings of these experiments below `root`, from source/NAME/result.json; returns what to say of it.

    An experiment without a result keeps the finding that is there. ValueError, and nothing is written, where a result
    or a finding is not of a default run, or README.md has no place for the table.
    """
    folder, readme = root / "experiments" / "findings", root / "README.md"
    findings, texts, said = [], {}, []
    for one in ones:
        result, path = source / one.name / "result.json", folder / f"{one.name}.json"
        if result.exists():
            findings.append(judged_anew(one, result))
            texts[path] = results.json_text(findings[-1], ascii_only=False)
            said.append(f"wrote {path.relative_to(root)}")
        else:
            findings.append(kept(one, path))
            date = findings[-1]["environment"]["date"][:10]
            said.append(f"kept {path.relative_to(root)}, measured {date}: there is no {result}")
    if not texts:
        raise ValueError(f"{str(source)!r} holds no result of an experiment; expected one from {_again('NAME')}")
    texts[readme] = with_table(readme.read_text(encoding="utf-8"), section(findings))
    folder.mkdir(exist_ok=True)
    results.write_all(texts)
    return [*sorted(said), f"wrote README.md: {sum(len(finding['claims']) for finding in findings)} claims"]


def judged_anew(one: Experiment, path: Path) -> Finding:
    """What is kept of a result: all but its rows, which today's judge judges once more."""
    result = read_default(one, path)
    try:
        claims = experiment.claims(one, result)
    except Exception as error:  # whatever rows of another kind make a judge raise
        reason = f"{type(error).__name__} {error}"
        raise ValueError(f"{str(path)!r} cannot be judged: {reason}; expected what {_again(one.name)} writes") from None
    environment = {key: result["environment"][key] for key in MACHINE}
    return {key: result[key] for key in KEPT} | {"claims": claims, "environment": environment}


def kept(one: Experiment, path: Path) -> Finding:
    """A finding from an earlier result; ValueError where its claims are not what the experiment claims today."""
    finding = read_default(one, path)
    wanted = {name: statement.format(**finding["settings"]) for name, statement in one.claims.items()}
    _refuse_another(one, path, {name: each["statement"] for name, each in finding["claims"].items()}, wanted)
    return finding


def read_default(one: Experiment, path: Path) -> dict[str, Any]:
    """A result or a finding; ValueError unless the experiment without flags has these data and these settings."""
    try:
        found = results.read(path, {"experiment": str} | dict.fromkeys(KEPT[1:], dict))
    except FileNotFoundError:
        raise ValueError(f"{one.name} has no result; expected one from {_again(one.name)}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{error}; expected what {_again(one.name)} writes") from None
    if lacks := [key for key in MACHINE if key not in found["environment"]]:
        raise ValueError(f"{str(path)!r} lacks {lacks[0]!r}; expected what {_again(one.name)} writes")
    data, settings = prepare(one, commandline.parser(one).parse_args([]))
    wanted = {"experiment": one.name, **settings.plain(), "data": results.data_read(data)}
    start = {"experiment": found["experiment"], **found["settings_at_start"], "data": found["data"]}
    _refuse_another(one, path, start, json.loads(results.json_text(wanted)))
    return found


def _refuse_another(one: Experiment, path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """ValueError for the first entry that is not as wanted."""
    for name in {**wanted, **found}:
        values = [each.get(name, "not there") for each in (found, wanted)]
        if values[0] != values[1]:
            is_, expected = (textwrap.shorten(repr(value), 160, placeholder=" …") for value in values)
            raise ValueError(f"{str(path)!r}: {name} is {is_}; expected {expected}, as {_again(one.name)} has it")


# ---- the words -------------------------------------------------------------------------------------------------------


def section(findings: Sequence[Finding]) -> str:
    """What stands between the README's markers: data, machine and date in a sentence, and a row a claim."""
    rows = {f"{finding['settings']['rows']:,}" for finding in findings}
    where = f"Data: {listed(sorted(rows))} handwritten digits. Machine: {'; '.join(machines(findings))}."
    claims = {name: (claim, each["experiment"]) for each in findings for name, claim in each["claims"].items()}
    lines = [row(name, *claims[name]) for name in sorted(claims, key=natural)]
    return "\n".join([where, REPEATED, "", HEADER, *lines])


def row(name: str, claim: Mapping[str, Any], experiment: str) -> str:
    """A claim's line of the table."""
    statement, because = claim["statement"].removesuffix("."), claim["because"]
    link = f"[{experiment}](experiments/{experiment}/question.py)"
    cells = [name, escaped(statement), f"**{claim['verdict']}**", escaped(because), link]
    return f"| {' | '.join(cells)} |"


def machines(findings: Sequence[Finding]) -> list[str]:
    """Each machine that was measured on, with its dates; where there are several, with the claims that it answered."""
    by_machine: dict[str, list[Finding]] = {}
    for finding in findings:
        where = finding["environment"]
        cores = f"{where['cores']} core{'s' * (where['cores'] != 1)}"
        words = [where["processor"], cores, where["gpu"] or "no GPU"]
        by_machine.setdefault(", ".join(filter(None, words)), []).append(finding)
    found = []
    for machine, its in by_machine.items():
        dates = sorted({finding["environment"]["date"][:10] for finding in its})
        claims = sorted((name for finding in its for name in finding["claims"]), key=natural)
        only = f" ({listed(claims)})" if len(by_machine) > 1 else ""
        found.append(f"{machine}, {' to '.join(dict.fromkeys([dates[0], dates[-1]]))}{only}")
    return found


def escaped(text: str) -> str:
    r"""Text for a cell of a Markdown table: \| for a bar, and so on; line breaks become blanks."""
    return re.sub(r"([\\|*`<])", r"\\\1", " ".join(text.split()))


def with_table(readme: str, table: str) -> str:
    """The README with this between its markers; ValueError where it has not exactly one pair of them."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"README.md has no place for the table; expected {BEGIN!r} once and, below it, {END!r} once")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _again(name: str) -> str:
    return f"python -m experiments.{name}"
