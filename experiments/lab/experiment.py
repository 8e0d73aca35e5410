"""The frame around every experiment: arguments → data and settings → trials → result.json, figures and verdicts.

An experiment is a module with these names:

    NAME       its own
    EFFORTS    what "default", "quick" and "full" set: a dict each, whose keys are fields of Settings
    FLAGS      the flags of the command line that it takes besides those that all have
    Settings   what its rows depend on
    BINARY     optional: true where it needs two classes; without it, where its model is logistic regression
    run        run(trials, settings) -> result, a plain dict
    verdict    verdict(result) -> its claims, {"C1": {"statement", "verdict", "because", "evidence"}}
    tables     tables(result) -> what the terminal shows
    plot       plot(result, folder) -> the figures that it has drawn

Exit status 0: it ran, whatever the verdict. 2: the arguments or the data are wrong, or a backend is not there; one
line on standard error says so. 1: it failed. 130: interrupted. What was finished before it failed or was interrupted is
kept, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
import tempfile
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import minigrad
from minigrad import Dataset, get_backend

from . import commandline, results
from .sweep import Settings, make_model
from .trials import Trials, available_cores, journal_path


def main(module: ModuleType, argv: list[str] | None = None) -> int:
    """Run the experiment of that module with these arguments; returns the exit status."""
    parser = commandline.parser(module)
    arguments = parser.parse_args(argv)
    folder = arguments.out / module.NAME
    try:
        data, settings = prepare(module, arguments)
        _check_writable(folder)
        journal = journal_path(folder, data, settings)
        trials = Trials(data, journal, _workers(arguments, settings), not arguments.quiet)
    except (ValueError, OSError, MemoryError, minigrad.BackendUnavailable) as error:
        print(f"{parser.prog}: error: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: interrupted before it began", file=sys.stderr)
        return 130
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Greek letters shows ? for them
    kept = f"what was finished is in {journal}: the same command goes on from there"
    try:
        with trials:
            result = module.run(trials, settings)
        report(module, result, folder, arguments.quiet)
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: interrupted; {kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the tables has seen enough; the files are written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (MemoryError, BrokenProcessPool, OSError) as error:
        print(f"{parser.prog}: error: {_one_line(error)}; {kept}", file=sys.stderr)
        return 1
    journal.unlink(missing_ok=True)
    return 0


def prepare(module: ModuleType, arguments: argparse.Namespace) -> tuple[Dataset, Settings]:
    """Data and settings as the flags want them; ValueError or OSError where that cannot be."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    effort = module.EFFORTS["quick" if arguments.quick else "full" if arguments.full else "default"]
    chosen: dict[str, Any] = effort | {name: given[name] for name in commandline.names(module.FLAGS) if name in given}
    binary = getattr(module, "BINARY", chosen.get("model") == "logistic")
    data = commandline.load_data(arguments, binary)
    n = len(data.X_train)
    if len(np.unique(data.y_train)) < 2 or (data.X_train == data.X_train[0]).all():
        raise ValueError(f"{data.name!r} has one class, or no feature that varies, in training; expected more")
    target, guessing = chosen.get("target"), math.log(data.n_classes)
    if target is not None and target >= guessing:
        raise ValueError(f"--target is {target:g}; expected less than {guessing:.3g}, the loss of guessing")
    if "batch_sizes" in chosen:
        wanted = chosen["batch_sizes"]
        if "batch_sizes" not in given:
            wanted = [size for size in wanted if size == "all" or size <= n]
        chosen["batch_sizes"] = tuple(commandline.resolve_batch_sizes(wanted, n))
    if "hidden" in chosen:
        chosen["hidden"] = tuple(chosen["hidden"])
    backend = get_backend(arguments.backend)
    settings = module.Settings(dataset=data.name, backend=backend.name, dtype=arguments.dtype, **chosen)
    make_model(data, settings, seed=0)  # a network that does not fit into memory is refused here
    return data, settings


def result_of(module_name: str, trials: Trials, settings: Settings) -> dict[str, Any]:
    """A result without its claims: the rows, and what they were measured with."""
    data, backend = trials.data, get_backend(settings.backend)
    m, n = data.X_train.shape
    shape = {"rows": m, "features": n, "classes": data.n_classes, "test_rows": len(data.X_test)}
    environment = results.environment(backend) | {"workers": trials.workers, "trials_resumed": trials.resumed}
    return {
        "experiment": module_name,
        "claims": {},
        "rows": trials.rows,
        "settings": settings.plain() | shape,
        "environment": environment,
    }


def report(module: ModuleType, result: dict[str, Any], folder: Path, quiet: bool) -> None:
    """Write the result, draw it, and only then say it."""
    paths = [results.write_json(folder / "result.json", result), *module.plot(result, folder)]
    if not quiet:
        print(module.tables(result))
    for name, claim in result["claims"].items():
        print(f"\n{claim['statement']}\n{name} {claim['verdict']}: {claim['because']}.")
    print()
    for path in paths:
        print(f"wrote {path}")
    sys.stdout.flush()


def _workers(arguments: argparse.Namespace, settings: Settings) -> int:
    """As the flag wants it; else all cores, or one where the work is a device's."""
    on_host = get_backend(settings.backend).blas is not None
    return arguments.workers or (available_cores() if on_host else 1)


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"--out is {str(folder.parent)!r}; expected a folder that can be written: {reason}") from None


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{os.fspath(error.filename)!r}: {error.strerror}"
    return " ".join(str(error).split())
