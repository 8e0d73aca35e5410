"""One command line for every experiment: the same flag means the same everywhere."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import minigrad
from minigrad import Dataset
from minigrad.engine import checks
from minigrad.functions import ACTIVATIONS

from . import rows

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
        if flag[2:] in (*TRAINING_FLAGS, "dtype", "workers"):
            return f"{flag} has no effect here; expected the flags that --help lists"
        near = difflib.get_close_matches(flag, self._option_string_actions, n=1, cutoff=0.7)
        if near:
            return f"did you mean {near[0]}?"
        return "expected the flags that --help lists"

    def error(self, message: str) -> NoReturn:
        """End with status 2 and one line on standard error."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


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


def parser_of_findings() -> Parser:
    """The parser of `python -m experiments findings`: where the results lie."""
    prog = "python -m experiments findings"
    description = "Write the README's table of findings, and the files behind it, from the results of default runs."
    result = _with_examples(prog, description, [prog, f"{prog} --run rerun"])
    _add_folder(result.add_argument_group("results"), "takes DIR/RUN/NAME/")
    return result


def parser_of_report() -> Parser:
    """The parser of `python -m experiments report`: only where the results are."""
    prog = "python -m experiments report"
    description = "Write index.html, a page of all results that are there, beside them."
    result = _with_examples(prog, description, [prog, f"{prog} --run flowers"])
    _add_folder(result.add_argument_group("results"), "reads DIR/RUN/NAME/")
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
        "--data", metavar="PATH", help="your own table: .csv, .tsv, .txt, .data, .parquet, or .npz with X and y"
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
    task = "odd-even" if binary else "odd-even for logistic regression, classes for an MLP and for your own table"
    data.add_argument(
        "--task",
        metavar="TASK",
        help="binary task: odd-even, 3-vs-rest, 3-vs-8, five-or-more (also of a quantity); or classes, to keep all "
        f"(default: {task}; data of two classes are taken as they are)",
    )
    data.add_argument(
        "--rows",
        metavar="COUNT",
        type=rows_to_keep,
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
        machine.add_argument(
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
    group.add_argument("--out", metavar="DIR", type=Path, default=Path("results"), help="(default: results)")
    group.add_argument("--run", metavar="RUN", type=_run_name, help=run_help)


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


def positive_number(text: str) -> float:
    """An argument that is a finite number above 0."""
    return _argument(lambda text: checks.positive_number("value", float(text)), text, "a positive number")


def count(text: str) -> int:
    """An argument that is a whole number of at least 1."""
    return _argument(_count, text, "a whole number of at least 1")


def first_seed(text: str) -> int:
    """An argument that is a whole number of at least 0, and leaves room for the seeds that count on from it."""
    return _argument(
        lambda text: checks.whole_number("value", int(text), 0, 2**62), text, "a whole number from 0 to 2^62"
    )


def rows_to_keep(text: str) -> int | str:
    """An argument that is a number of rows, or all."""
    return text if text == "all" else _argument(_count, text, "a whole number of at least 1, or all")


def sizes(text: str) -> list[int]:
    """An argument such as "64 32": whole numbers of at least 1; "none" for no number at all."""
    words = [] if text.strip() == "none" else text.replace(",", " ").split()
    if not words and text.strip() != "none":
        raise argparse.ArgumentTypeError(f"{text!r}: expected sizes such as '64 32', or 'none'")
    return [count(word) for word in words]


def batch_sizes(text: str) -> list[int | str]:
    """An argument such as "1 8 64 all": batch sizes, where all is the whole training set."""
    words = text.replace(",", " ").split()
    if not words:
        raise argparse.ArgumentTypeError(f"{text!r}: expected batch sizes such as '1 8 64 all'")
    return [
        word if word == "all" else _argument(_count, word, "a whole number of at least 1, or all") for word in words
    ]


def powers_of_two(count: int) -> str:
    """The batch sizes 1, 2, 4, …, so many of them, and all, as on the command line."""
    return " ".join(str(2**k) for k in range(count)) + " all"


def resolve_batch_sizes(wanted: list[int | str], n: int) -> list[int]:
    """Batch sizes as numbers, ascending, each once; ValueError for one above the number of training rows n."""
    numbers = {n if size == "all" else int(size) for size in wanted}
    for size in numbers:
        if size > n:
            raise ValueError(f"--batch-sizes holds {size}; expected at most the {n} training rows (or 'all')")
    return sorted(numbers)


def load_data(arguments: argparse.Namespace, binary: bool | None, model: str | None) -> Dataset:
    """The data set that the flags name, as a binary task where --task, the experiment or its model wants one.

    `binary`: whether the experiment needs two classes; None: where its model is logistic regression, but a user's own
    classes then stay as they are.

    Raises
    ------
    ValueError, OSError
        There are no such data, or no such task in them.
    """
    task = None if arguments.task == "classes" else arguments.task
    if arguments.data is not None:
        data = minigrad.load_table(arguments.data, arguments.label, task)
        if binary and data.n_classes > 2:
            first, second = data.classes[:2]
            raise ValueError(
                f"{arguments.data!r} has {data.n_classes} classes, and this experiment needs two; expected a task such "
                f"as --task '{first}-vs-rest' or --task '{first}-vs-{second}'"
            )
        return data
    if arguments.dataset == "mnist" or arguments.data_dir is not None:
        data = minigrad.load_mnist(arguments.data_dir)
    else:
        data = minigrad.load_digits()
    needs_two = binary if binary is not None else model == "logistic"
    if arguments.task == "classes" and needs_two and data.n_classes > 2:
        raise ValueError("--task is 'classes'; expected a binary task (or --model mlp, where that is a choice)")
    if task is not None:
        return data.binary(task)
    return data.binary("odd-even") if needs_two and data.n_classes > 2 else data


def _count(text: str) -> int:
    return checks.whole_number("value", int(text))


def _run_name(text: str) -> str:
    if not text or text.startswith(".") or not all(letter.isalnum() or letter in "-_." for letter in text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a folder's name of letters, digits, '-', '_' and '.'")
    return text


def _argument(convert: Callable[[str], Any], text: str, expected: str) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}") from None


def folder(arguments: argparse.Namespace, name: str = "") -> Path:
    """Where the experiment of that name leaves its files; without a name, where all of them leave their folders."""
    return arguments.out / (arguments.run or "") / name


def refuse_without_effect(arguments: argparse.Namespace, chosen: Mapping[str, Any]) -> None:
    """ValueError for a flag that would change nothing; `chosen` are the settings that the flags lead to."""
    given = vars(arguments)
    for name, condition, expected in (
        ("label", arguments.data is None, "together with --data"),
        ("data_dir", arguments.data is not None, "without --data"),
        ("data_dir", arguments.dataset == "digits", "with --dataset mnist"),
        ("hidden", chosen.get("model") == "logistic", "with --model mlp: logistic regression has no hidden layer"),
        ("activation", chosen.get("model") == "logistic", "with --model mlp: logistic regression has no hidden layer"),
        ("activation", "hidden" in chosen and not chosen["hidden"], "with hidden layers"),
    ):
        if given.get(name) is not None and condition:
            shown = " ".join(map(str, given[name])) if isinstance(given[name], list) else given[name]
            raise ValueError(f"--{name.replace('_', '-')} is {shown!r}; expected only {expected}")


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
