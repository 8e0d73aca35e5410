"""What an exercise is made of. Each file in `sheets/` has a function `exercise()` that returns one."""

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FULL_MARKS = 10
POINTS_OF_THE_TESTS = 2  # for the project's own tests; the checks of an exercise share the other eight
NAMES = ("sigmoid", "log_loss", "logistic_gradient", "backpropagation", "batches", "sgd", "noise", "block")


@dataclass(frozen=True)
class Function:
    """A function that the student writes, such as `Function("std(trace, n)", "√(tr Σ / n).")`."""

    signature: str
    docstring: str

    @property
    def name(self) -> str:
        """What stands before the bracket."""
        return self.signature.partition("(")[0]


@dataclass(frozen=True)
class Check:
    """A comparison that is worth some points. `wrong(answer)` is "" where all is right, else what is wrong.

    `answer` holds the student's functions by name. `function` is the one that is compared, where it calls none of the
    others: then its mistake is its own, and is told beside theirs.
    """

    points: int
    wrong: Callable[[Any], str]
    function: str = ""


@dataclass(frozen=True)
class Exercise:
    """A question, the functions that answer it, and all that is needed to mark them."""

    name: str
    title: str
    question: str
    functions: tuple[Function, ...]
    hints: tuple[str, ...]
    answer: str  # the plainest lines that answer it
    checks: tuple[Check, ...]
    relation: str  # one sentence: how our lines, which the solution shows, relate to the student's function
    put_in_place: Callable[[Any], None]  # makes minigrad use the student's functions in the place of ours
    tests: tuple[str, ...]  # of the project, by pytest's names: they then run on the student's functions


def load(name: str) -> Exercise:
    """The exercise of that name; ValueError, with the nearest name, for another word."""
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.5)
        cure = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(NAMES)}"
        raise ValueError(f"{name!r} is no exercise; {cure}")
    return importlib.import_module(f"experiments.exercises.sheets.{name}").exercise()
