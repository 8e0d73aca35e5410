"""`python -m experiments verify results/NAME`: repeat a result, and compare it with itself.

What reads no clock must come out the same to the last bit, where the BLAS kernel and the versions are the same. What
reads a clock is left out, and what was chosen by a clock may differ: then fewer rows agree, and the line says so.
"""

import argparse
import contextlib
import io
import json
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minigrad.engine import checks

from . import commandline, experiment, results
from .commands import load, names
from .text import listed, natural, wrapped

CLOCK = {  # columns that hold what a clock has read
    *("seconds", "seconds_to_target", "cost_seconds", "microseconds"),
    *("shuffle", "message", "least", "median", "fast_path", "flops_alone"),
}
NOT_AGAIN = ("out", "run", "workers", "scheduler")  # flags that the rows do not depend on
SHAPES = {"experiment": str, "rows": list, "claims": dict, "environment": dict, "data": dict, "command": str}
MACHINE = ("python", "processor", "versions", "blas", "device")


def main(argv: Sequence[str]) -> int:
    """Repeat the results in these folders; 0 where all rows agree, 1 where some do not, 2 where there is no result."""
    parser = commandline.Parser(
        prog="python -m experiments verify",
        description="Repeat results, and compare them bit for bit.",
        allow_abbrev=False,
    )
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=Path, help="such as results/gradient_noise")
    worst = 0
    for folder in parser.parse_args(argv).folders:
        try:
            before = _read(folder)
        except ValueError as error:
            print(f"{parser.prog}: error: {error}", file=sys.stderr)
            return 2
        status, lines = verified(before)
        worst = max(worst, status)
        print(*(wrapped(line, rest="  ") for line in lines), sep="\n")
    return worst


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "result.json"
    try:
        result = results.read(path, SHAPES)
    except (OSError, ValueError) as error:
        reason = f"{str(path)!r}: {error.strerror}" if isinstance(error, OSError) else error
        raise ValueError(f"{reason}; expected the result of an experiment") from None
    if result["experiment"] not in names():
        raise ValueError(
            f"{str(path)!r} is of {checks.shown(result['experiment'])}; expected one of {', '.join(names())}"
        )
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            flags = flags_of(result["command"], result["experiment"])
            commandline.parser(load(result["experiment"])).parse_args(flags)
    except (ValueError, SystemExit):
        raise ValueError(
            f"{str(path)!r}: its command is {checks.shown(result['command'])}; expected python -m "
            f"experiments.{result['experiment']} with flags that it knows"
        ) from None
    return result


def verified(before: dict[str, Any]) -> tuple[int, list[str]]:
    """The status, and what to say: rows that agree, verdicts that turned, and how the machines differ."""
    name = before["experiment"]
    with tempfile.TemporaryDirectory() as folder:
        flags = [*flags_of(before["command"], name), "--out", folder, "--quiet"]
        with contextlib.redirect_stdout(io.StringIO()):  # which would name files that are gone in a moment
            status = experiment.main(load(name), flags)
        path = Path(folder) / name / "result.json"
        if not path.exists():
            return max(status, 1), [f"{name}: it could not be repeated"]
        after = json.loads(path.read_text(encoding="utf-8"))
    same, of = agreeing(before["rows"], after["rows"])
    lines = [f"{name}: {same:,} of {of:,} rows agree to the last bit, what a clock has read left out"]
    here, there = (result.get("data", {}).get("sha256") for result in (after, before))
    if here != there:
        lines.append(f"the data are others: SHA-256 {str(here)[:12]} here, {str(there)[:12]} there")
    if differ := [key for key in MACHINE if before["environment"].get(key) != after["environment"].get(key)]:
        lines.append(f"other than there: {listed(differ)}")
    for claim in sorted(after["claims"], key=natural):
        verdicts = [result["claims"].get(claim, {}).get("verdict", "–") for result in (before, after)]
        turned = "" if verdicts[0] == verdicts[1] else f", and it was {verdicts[0]}"
        lines.append(f"{claim} {verdicts[1]}{turned}")
    return int(same < of), lines


def flags_of(command: str, name: str) -> list[str]:
    """The flags of a result's command that its rows depend on; ValueError where it is no command of that experiment."""
    start, words = (all_words := shlex.split(command))[:3], all_words[3:]
    if start != ["python", "-m", f"experiments.{name}"]:
        raise ValueError(f"the command is {command!r}; expected one of python -m experiments.{name}")
    unwanted = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    unwanted.add_argument("--quiet", action="store_true")
    for flag in NOT_AGAIN:
        unwanted.add_argument(f"--{flag}")
    return unwanted.parse_known_args(words)[1]


def agreeing(before: Sequence[dict], after: Sequence[dict]) -> tuple[int, int]:
    """How many rows are in both, in whatever order; and how many there are, in the longer of the two."""
    counts = [Counter(json.dumps(without_clock(row), sort_keys=True) for row in rows) for rows in (before, after)]
    return (counts[0] & counts[1]).total(), max(len(before), len(after))


def without_clock(value: Any) -> Any:
    """A row without what a clock has read."""
    if isinstance(value, dict):
        return {key: without_clock(entry) for key, entry in value.items() if key not in CLOCK}
    return [without_clock(entry) for entry in value] if isinstance(value, list) else value
