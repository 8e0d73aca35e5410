"""What stands behind a flag: words of the command line as numbers, sizes and names.

Each function takes the words; `argparse.ArgumentTypeError` names them and what was expected.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigrad.engine import checks


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


def count_or_all(text: str) -> int | str:
    """An argument that is a whole number of at least 1, or all."""
    return text if text == "all" else _argument(_count, text, "a whole number of at least 1, or all")


def sizes(text: str) -> list[int]:
    """An argument such as "64 32": whole numbers of at least 1; "none" for no number at all."""
    words = [] if text.strip() == "none" else text.replace(",", " ").split()
    if not words and text.strip() != "none":
        raise argparse.ArgumentTypeError(f"{checks.shown(text)}: expected sizes such as '64 32', or 'none'")
    return [count(word) for word in words]


def batch_sizes(text: str) -> list[int | str]:
    """An argument such as "1 8 64 all": batch sizes, where all is the whole training set."""
    words = text.replace(",", " ").split()
    if not words:
        raise argparse.ArgumentTypeError(f"{checks.shown(text)}: expected batch sizes such as '1 8 64 all'")
    return [count_or_all(word) for word in words]


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


def not_empty(text: str) -> str:
    """An argument that says something."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{checks.shown(text)}: expected a value that is not empty")
    return text


def folder_path(text: str) -> Path:
    """An argument that names a folder."""
    return Path(not_empty(text))


def run_name(text: str) -> str:
    """An argument that can name a folder."""
    if not text or text.startswith(".") or not all(letter.isalnum() or letter in "-_." for letter in text):
        expected = "a folder's name of letters, digits, '-', '_' and '.'"
        raise argparse.ArgumentTypeError(f"{checks.shown(text)}: expected {expected}")
    return text


def _count(text: str) -> int:
    return checks.whole_number("value", int(text))


def _argument(convert: Callable[[str], Any], text: str, expected: str) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{checks.shown(text)}: expected {expected}") from None
