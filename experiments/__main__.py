"""`python -m experiments` lists the experiments; `python -m experiments all [flags]` runs them one after the other."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import sys
from pathlib import Path

import experiments

from .lab import commandline

INTERRUPTED = 130


def names() -> list[str]:
    """The experiments that are here, by their module's name."""
    return [
        module.name for module in pkgutil.iter_modules(experiments.__path__) if module.name not in ("lab", "__main__")
    ]


def title(name: str) -> str:
    """The first line of an experiment's docstring, read without running it."""
    source = (Path(experiments.__path__[0]) / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def run_all(argv: list[str]) -> int:
    """Run all experiments with these flags, then list their verdicts; returns the largest exit status."""
    modules = [importlib.import_module(f"experiments.{name}") for name in names()]
    for module in modules:  # a flag that one of them does not take is refused before any of them runs
        arguments = commandline.parser(module).parse_args(argv)
    statuses = {}
    for module in modules:
        statuses[module] = module.main(argv)
        if statuses[module] == INTERRUPTED:
            return INTERRUPTED
    print()
    for module in (module for module, status in statuses.items() if status == 0):
        path = arguments.out / module.NAME / "result.json"
        claims = json.loads(path.read_text(encoding="utf-8"))["claims"] if path.exists() else {}
        for name, claim in claims.items():
            print(f"{name:7}{claim['verdict']:15}{claim['statement']}")
    return max(statuses.values())


def main(argv: list[str]) -> int:
    """List, or run all; returns the largest exit status."""
    if argv[:1] == ["all"]:
        return run_all(argv[1:])
    if argv and argv[0] not in ("-h", "--help"):
        hint = f"; one experiment is python -m experiments.{argv[0]}" if argv[0] in names() else ""
        print(f"python -m experiments: error: {argv[0]!r}: expected nothing, or 'all'{hint}", file=sys.stderr)
        return 2
    print("python -m experiments.NAME runs one (--help tells its flags), python -m experiments all runs them all:\n")
    for name in names():
        print(f"  {name:26}{title(name)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
