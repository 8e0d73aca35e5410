"""One command line for every experiment: the same flag means the same everywhere.

Exit status 0: it ran, whatever the verdict. 2: the arguments or the data are wrong, or a backend is not there; one
line on standard error says so. 1: it failed. 130: interrupted. What was finished before it failed or was interrupted is
in `partial.json`.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import minigrad
from minigrad import Dataset, checks

from . import results


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized"):
            message += "; expected the flags that --help lists"
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def parser(name: str, description: str) -> Parser:
    """A parser with the flags that every experiment has: data, backend, output, and how thorough to be."""
    result = Parser(
        prog=f"python -m experiments.{name}",
        description=description,
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
    data.add_argument(
        "--task",
        metavar="TASK",
        help="binary task: odd-even, 3-vs-rest, 3-vs-8, five-or-more; or classes, to keep all classes "
        "(default: odd-even for logistic regression, classes for an MLP; data of two classes are taken as they are)",
    )
    machine = result.add_argument_group("machine")
    machine.add_argument(
        "--backend",
        choices=("numpy", "cupy", "auto"),
        default="numpy",
        help="array library; auto takes a GPU where one answers (default: numpy)",
    )
    machine.add_argument("--dtype", choices=("float64", "float32"), default="float64", help="(default: float64)")
    output = result.add_argument_group("output")
    output.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("results"), help=f"writes DIR/{name}/ (default: results)"
    )
    output.add_argument("--quiet", action="store_true", help="no tables: only the verdict and what was written")
    effort = result.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="a look in seconds: fewer sizes, seeds and epochs")
    effort.add_argument("--full", action="store_true", help="for overnight: every power of two, more seeds and epochs")
    return result


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
        raise ValueError("--task is 'classes'; expected a binary task for logistic regression, or --model mlp")
    if arguments.task not in (None, "classes"):
        return data.binary(arguments.task)
    return data.binary("odd-even") if binary and data.n_classes > 2 else data


def run_experiment(
    name: str,
    arguments: argparse.Namespace,
    prepare: Callable[[argparse.Namespace], Any],
    run: Callable[[Any, list[dict[str, Any]]], dict[str, Any]],
    finish: Callable[[dict[str, Any], Path, bool], list[Path]],
) -> int:
    """Prepare, run, judge, write: the frame around every experiment. Returns the exit status.

    Parameters
    ----------
    prepare : callable
        prepare(arguments) -> inputs; its ValueError, OSError or BackendUnavailable is the user's: exit 2.
    run : callable
        run(inputs, rows) -> result; appends each finished measurement to `rows`.
    finish : callable
        finish(result, folder, quiet) -> paths written: writes and draws, and only then prints.
    """
    prog = f"python -m experiments.{name}"
    folder = arguments.out / name
    rows: list[dict[str, Any]] = []

    def keep_what_is_finished() -> Path:
        return results.write_json(folder / "partial.json", {"experiment": name, "interrupted": True, "rows": rows})

    try:
        inputs = prepare(arguments)
        _check_writable(folder)
    except (ValueError, OSError, MemoryError, minigrad.BackendUnavailable) as error:
        print(f"{prog}: error: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{prog}: interrupted before it began", file=sys.stderr)
        return 130
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Greek letters shows ? for them
    try:
        result = run(inputs, rows)
        for path in finish(result, folder, arguments.quiet):
            print(f"wrote {path}")
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"\n{prog}: interrupted; what was finished is in {keep_what_is_finished()}", file=sys.stderr)
        return 130
    except MemoryError as error:
        print(f"{prog}: error: {_one_line(error)}; what was finished is in {keep_what_is_finished()}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the tables has seen enough; the files are written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException:
        keep_what_is_finished()
        raise
    (folder / "partial.json").unlink(missing_ok=True)
    return 0


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


def _count(text: str) -> int:
    return checks.whole_number("value", int(text))


def _argument(convert: Callable[[str], Any], text: str, expected: str) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}") from None
