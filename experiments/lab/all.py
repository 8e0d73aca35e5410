"""`python -m experiments all [flags]` runs all experiments, one after the other, and lists their verdicts."""

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ..report.command import write_report
from . import commandline, experiment
from .commands import load, names
from .experiment import Experiment
from .start import INTERRUPTED
from .text import natural, wrapped


def main(argv: Sequence[str]) -> int:
    """Run all with these flags, write the report and list the verdicts; returns the largest exit status."""
    arguments = commandline.parser_of_all().parse_args(argv)
    ran = []
    worst = 0
    for one in map(load, names()):
        status = experiment.main(one, flags_for(one, arguments))
        if status == INTERRUPTED:
            return INTERRUPTED
        worst = max(worst, status)
        if status == 0:
            ran.append(commandline.folder(arguments, one.name) / "result.json")
    claims: dict[str, dict] = {}
    for path in filter(Path.exists, ran):
        claims |= json.loads(path.read_text(encoding="utf-8"))["claims"]
    if ran:
        worst = max(worst, write_report(commandline.folder(arguments)))
    print()
    for name in sorted(claims, key=natural):
        print(wrapped(claims[name]["statement"], f"{name:8}{claims[name]['verdict']:16}", " " * 24))
    return worst


def flags_for(one: Experiment, arguments: Namespace) -> list[str]:
    """The flags that were given, as words, without those that have no effect on this experiment."""
    given = {name.replace("_", "-"): value for name, value in vars(arguments).items() if value not in (None, False, "")}
    given = {flag: value for flag, value in given.items() if flag not in one.fixed}
    return [f"--{flag}" if value is True else f"--{flag}={value}" for flag, value in given.items()]
