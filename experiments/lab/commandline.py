"""One command line for every experiment: the same flag means the same everywhere."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from minigrad.engine import checks
from minigrad.engine.archive import MOST_BYTES
from minigrad.functions import ACTIVATIONS

from . import rows
from .arguments import (
    batch_sizes,
    count,
    count_or_all,
    first_seed,
    folder_path,
    not_empty,
    positive_number,
    run_name,
    sizes,
)

if TYPE_CHECKING:
    from .experiment import Experiment


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with a cure."""

    def parse_args(self, argv: Sequence[str] | None = None) -> argparse.Namespace:  # type: ignore[override]
        """The arguments; status 2 and one line on standard error where something is not understood."""
        argv = sys.argv[1:] if argv is None else argv
        arguments, left = self.parse_known_args(argv)
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}; {self._cure(list(argv), left[0])}")
        return arguments

    def _cure(self, argv: list[str], word: str) -> str:
        """What to write in the place of a word that was not understood."""
        before = [each for each in argv[: argv.index(word)] if each.startswith("--")]
        if not word.startswith("-") and before and before[-1] in ("--batch-sizes", "--hidden"):
            several = argv[argv.index(before[-1]) + 1 : argv.index(word) + 1]
            return f'expected several sizes in quotes: {before[-1]} "{" ".join(several)}"'
        flag = word.partition("=")[0]
        if flag[2:] in (*TRAINING_FLAGS, "dtype", "workers", "scheduler"):
            return f"{flag} has no effect here; expected the flags that --help lists"
        near = difflib.get_close_matches(flag, self._option_string_actions, n=1, cutoff=0.7)
        if near:
            return f"did you mean {near[0]}?"
        return "expected the flags that --help lists"

    def error(self, message: str) -> NoReturn:
        """End with status 2 and one line on standard error."""
        self.exit(2, f"{self.prog}: error: {checks.brief(message)}\n")


def parser(experiment: Experiment) -> Parser:
    """The parser of an experiment: the flags that all have, and those of its own."""
    prog = f"python -m experiments.{experiment.name}"
    examples = [f"{prog} --quick", f"{prog} --data flowers.csv --label species --run flowers"]
    if "batch-sizes" in experiment.flags:
        examples.append(f'{prog} --batch-sizes "1 8 64 all" --seeds 3')
    result = _with_examples(prog, experiment.title, examples)
    _add_data(result, binary=experiment.binary)
    _add_machine(result, experiment.fixed)
    if experiment.flags:
        group = result.add_argument_group("training")
        for flag in experiment.flags:
            keywords = dict(TRAINING_FLAGS[flag])
            group.add_argument(f"--{flag}", **keywords | {"help": f"{keywords['help']} {_defaults(experiment, flag)}"})
    if experiment.formula_flags:
        group = result.add_argument_group("an answer without data")
        for flag, own in experiment.formula_flags.items():
            group.add_argument(f"--{flag}", **own)
    _add_output(result, f"{experiment.name}/")
    return result


def parser_of_all() -> Parser:
    """The parser of `python -m experiments all`: the flags that every experiment has."""
    prog = "python -m experiments all"
    examples = [f"{prog} --quick", f"{prog} --data flowers.csv --label species --run flowers"]
    result = _with_examples(prog, "Run every experiment, one after the other, and list the verdicts.", examples)
    _add_data(result, binary=None)
    _add_machine(result, fixed=())
    _add_output(result, "NAME/, a folder an experiment")
    return result


def parser_of_results(command: str, description: str, takes: str) -> Parser:
    """The parser of a command on results that are there: only where they lie; `takes` says what it does with them."""
    prog = f"python -m experiments {command}"
    result = _with_examples(prog, description, [prog, f"{prog} --run flowers"])
    _add_folder(result.add_argument_group("results"), f"{takes} DIR/RUN/NAME/")
    return result


def _with_examples(prog: str, description: str, examples: Sequence[str]) -> Parser:
    return Parser(
        prog=prog,
        description=description,
        epilog="examples:\n  " + "\n  ".join(examples),
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_data(result: Parser, binary: bool | None) -> None:
    data = result.add_argument_group("data")
    source = data.add_mutually_exclusive_group()
    source.add_argument("--dataset", choices=("digits", "mnist"), help="built-in data (default: digits)")
    source.add_argument(
        "--data",
        metavar="PATH",
        type=not_empty,
        help="your own table: .csv, .tsv, .txt, .data, .parquet, or .npz with X and y",
    )
    data.add_argument(
        "--label",
        metavar="COLUMN",
        help="the label's column, by name or by index from 0 (default: one named like a label, else the last)",
    )
    data.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder of four IDX files; implies --dataset mnist (default: $MINIGRAD_DATA, else downloaded once)",
    )
    data.add_argument(
        "--max-bytes",
        metavar="COUNT",
        type=count,
        help=f"refuse a file that unpacks to more (default: $MINIGRAD_MAX_BYTES, else {MOST_BYTES:,})",
    )
    task = "odd-even" if binary else "odd-even for logistic regression, classes for an MLP and for your own table"
    data.add_argument(
        "--task",
        metavar="TASK",
        type=not_empty,
        help="binary task: odd-even, 3-vs-rest, 3-vs-8, five-or-more (also of a quantity); or classes, to keep all "
        f"(default: {task}; data of two classes are taken as they are)",
    )
    data.add_argument(
        "--rows",
        metavar="COUNT",
        type=count_or_all,
        help=f"training rows to keep, drawn by class with the first seed, or all; the test rows stay {rows.RULE}",
    )


def _add_machine(result: Parser, fixed: Sequence[str]) -> None:
    machine = result.add_argument_group("machine")
    machine.add_argument(
        "--backend",
        choices=("numpy", "cupy", "auto"),
        default="numpy",
        help="array library; auto takes a GPU where one answers (default: numpy)",
    )
    if "dtype" not in fixed:
        machine.add_argument("--dtype", choices=("float64", "float32"), help="(default: float64)")
    if "workers" not in fixed:
        where = machine.add_mutually_exclusive_group()
        where.add_argument(
            "--scheduler",
            metavar="ADDRESS",
            type=not_empty,
            help="of a Dask cluster that runs: its workers run those trials, such as tcp://127.0.0.1:8786",
        )
        where.add_argument(
            "--workers",
            metavar="COUNT",
            type=count,
            help="processes for the trials whose time does not matter, one BLAS thread each; the numbers do not depend "
            "on it (default: one a core, or one on a GPU)",
        )


def _add_output(result: Parser, folder: str) -> None:
    output = result.add_argument_group("output")
    _add_folder(output, f"keeps runs apart: writes DIR/RUN/{folder}")
    output.add_argument("--quiet", action="store_true", help="no tables: only the verdict and what was written")
    result.add_argument(
        "--seed",
        metavar="BASE",
        type=first_seed,
        help="the first seed; repetitions count on from it, and rates are tuned on BASE + 1000 and + 1001 (default: 0)",
    )
    effort = result.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="a look in seconds: fewer sizes, seeds and epochs")
    effort.add_argument("--full", action="store_true", help="for overnight: every power of two, more seeds and epochs")


def _add_folder(group: argparse._ArgumentGroup, run_help: str) -> None:
    group.add_argument("--out", metavar="DIR", type=folder_path, default=Path("results"), help="(default: results)")
    group.add_argument("--run", metavar="RUN", type=run_name, help=run_help)


def _defaults(experiment: Experiment, flag: str) -> str:
    """The default of a flag, and what --quick and --full make of it."""
    name = flag.replace("-", "_")
    preset = {field.name: field.default for field in dataclasses.fields(experiment.settings)}[name]
    values = [experiment.efforts[effort].get(name, preset) for effort in ("default", "quick", "full")]
    automatic = {**AUTOMATIC, **experiment.automatic}
    default, quick, full = (
        automatic[name] if value is None else " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        for value in values
    )
    changes = "" if default == quick == full else f"; with --quick {quick}; with --full {full}"
    return f"(default: {default}{changes})"


def folder(arguments: argparse.Namespace, name: str = "") -> Path:
    """Where the experiment of that name leaves its files; without a name, where all of them leave their folders."""
    return arguments.out / (arguments.run or "") / name


AUTOMATIC = {  # what a flag is without a number of its own
    "target": "what gradient descent reaches in 2/3 of the epochs",
    "learning_rate": "the best one of the reference batch size",
}
TRAINING_FLAGS: dict[str, dict[str, Any]] = {
    "model": {"choices": ("logistic", "mlp"), "help": "logistic regression, or a network with hidden layers"},
    "hidden": {"metavar": '"32"', "type": sizes, "help": "units of each hidden layer of the MLP, in quotes, or none"},
    "activation": {"choices": tuple(ACTIVATIONS), "help": "of the hidden units"},
    "batch-sizes": {
        "metavar": '"1 8 64 all"',
        "type": batch_sizes,
        "help": "batch sizes in rows, in quotes; all is the training set",
    },
    "learning-rate": {"type": positive_number, "help": "of the runs in which all batch sizes have the same"},
    "epochs": {"type": count, "help": "passes through the training set, at most"},
    "seeds": {"metavar": "COUNT", "type": count, "help": "repetitions, each with a seed of its own"},
    "target": {"type": positive_number, "help": "training loss to reach, in nats"},
    "optimizer": {"choices": ("sgd", "momentum", "adam"), "help": "what makes an update of a gradient"},
    "check": {
        "action": "store_true",
        "default": None,
        "help": "make the sweep over all batch sizes, too, and say what trusting the prediction costs",
    },
}
