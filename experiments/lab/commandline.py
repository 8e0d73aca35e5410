"""One command line for every experiment: the same flag means the same everywhere."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import minigrad
from minigrad import Dataset
from minigrad.engine import checks
from minigrad.functions import ACTIVATIONS


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """End with status 2 and one line on standard error."""
        if message.startswith("unrecognized"):
            message += "; expected the flags that --help lists"
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def names(flags: Iterable[str]) -> list[str]:
    """Flags as Python's names: batch-sizes is batch_sizes."""
    return [flag.replace("-", "_") for flag in flags]


def parser(module: ModuleType) -> Parser:
    """The parser of an experiment: the flags that all have, and those of its FLAGS."""
    result = Parser(
        prog=f"python -m experiments.{module.NAME}",
        description=(module.__doc__ or "").partition("\n")[0],
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = result.add_argument_group("data")
    source = data.add_mutually_exclusive_group()
    source.add_argument(
        "--dataset", choices=("digits", "mnist"), default="digits", help="built-in data (default: digits)"
    )
    source.add_argument("--data", metavar="PATH", help="your own table: .csv, or .npz with arrays X and y")
    data.add_argument("--label", metavar="COLUMN", help="the label column of a .csv (default: the last)")
    data.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder of four IDX files; implies --dataset mnist (default: $MINIGRAD_DATA, else downloaded once)",
    )
    by_model = "odd-even for logistic regression, classes for an MLP"
    default_task = "odd-even" if getattr(module, "BINARY", False) else by_model
    data.add_argument(
        "--task",
        metavar="TASK",
        help="binary task: odd-even, 3-vs-rest, 3-vs-8, five-or-more; or classes, to keep all classes "
        f"(default: {default_task}; data of two classes are taken as they are)",
    )
    machine = result.add_argument_group("machine")
    machine.add_argument(
        "--backend",
        choices=("numpy", "cupy", "auto"),
        default="numpy",
        help="array library; auto takes a GPU where one answers (default: numpy)",
    )
    machine.add_argument("--dtype", choices=("float64", "float32"), default="float64", help="(default: float64)")
    machine.add_argument(
        "--workers", metavar="COUNT", type=count,
        help="processes for the trials whose time does not matter, one BLAS thread each; the numbers do not depend on "
        "it (default: one a core, or one on a GPU)",
    )  # fmt: skip
    training = result.add_argument_group("training") if module.FLAGS else result
    for flag in module.FLAGS:
        keywords = dict(TRAINING_FLAGS[flag])
        keywords["help"] += f" {_defaults(module, flag)}"
        training.add_argument(f"--{flag}", **keywords)
    output = result.add_argument_group("output")
    output.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("results"), help=f"writes DIR/{module.NAME}/ (default: results)"
    )
    output.add_argument("--quiet", action="store_true", help="no tables: only the verdict and what was written")
    effort = result.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="a look in seconds: fewer sizes, seeds and epochs")
    effort.add_argument("--full", action="store_true", help="for overnight: every power of two, more seeds and epochs")
    return result


def _defaults(module: ModuleType, flag: str) -> str:
    """The default of a flag, and what --quick and --full make of it."""
    (name,) = names([flag])
    preset = {field.name: field.default for field in dataclasses.fields(module.Settings)}[name]
    values = [effort.get(name, preset) for effort in (module.EFFORTS[key] for key in ("default", "quick", "full"))]
    default, quick, full = (
        AUTOMATIC[name] if value is None else " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
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


def resolve_batch_sizes(wanted: list[int | str], n: int) -> list[int]:
    """Batch sizes as numbers, ascending, each once; ValueError for one above the number of training rows n."""
    numbers = {n if size == "all" else int(size) for size in wanted}
    for size in numbers:
        if size > n:
            raise ValueError(f"--batch-sizes holds {size}; expected at most the {n} training rows (or 'all')")
    return sorted(numbers)


def load_data(arguments: argparse.Namespace, binary: bool) -> Dataset:
    """The data set that the flags name, as a binary task where the model or --task wants one.

    Raises
    ------
    ValueError, OSError
        There are no such data, or no such task in them.
    """
    if arguments.label is not None and arguments.data is None:
        raise ValueError(f"--label is {arguments.label!r}; expected only together with --data")
    if arguments.data_dir is not None and arguments.data is not None:
        raise ValueError(f"--data-dir is {arguments.data_dir!r}; expected only without --data")
    if arguments.data is not None:
        data = minigrad.load_table(arguments.data, arguments.label)
    elif arguments.dataset == "mnist" or arguments.data_dir is not None:
        data = minigrad.load_mnist(arguments.data_dir)
    else:
        data = minigrad.load_digits()
    if arguments.task == "classes" and binary and data.n_classes > 2:
        raise ValueError("--task is 'classes'; expected a binary task (or --model mlp, where that is a choice)")
    if arguments.task not in (None, "classes"):
        return data.binary(arguments.task)
    return data.binary("odd-even") if binary and data.n_classes > 2 else data


def _count(text: str) -> int:
    return checks.whole_number("value", int(text))


def _argument(convert: Callable[[str], Any], text: str, expected: str) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}") from None


AUTOMATIC = {  # what a flag is without a number of its own
    "target": "what gradient descent reaches in 2/3 of the epochs",
    "learning_rate": "the best one of the reference batch size",
}
TRAINING_FLAGS: dict[str, dict[str, Any]] = {
    "model": {"choices": ("logistic", "mlp"), "help": "logistic regression, or a network with hidden layers"},
    "hidden": {"metavar": '"32"', "type": sizes, "help": "units of each hidden layer of the MLP, or none"},
    "activation": {"choices": tuple(ACTIVATIONS), "help": "of the hidden units"},
    "batch-sizes": {
        "metavar": '"1 8 64 all"', "type": batch_sizes, "help": "batch sizes in rows; all is the training set"
    },
    "learning-rate": {"type": positive_number, "help": "of the runs in which all batch sizes have the same"},
    "epochs": {"type": count, "help": "passes through the training set, at most"},
    "seeds": {"metavar": "COUNT", "type": count, "help": "runs of each setting"},
    "target": {"type": positive_number, "help": "training loss to reach, in nats"},
}  # fmt: skip
