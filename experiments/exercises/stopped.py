"""What stops a student's function, or file, in a sentence: an exception, a line not written yet, too much memory."""

import functools
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

NOT_WRITTEN = "is not written yet"
SOURCE = "<answer>"  # what a traceback calls the student's file


class Stopped(Exception):
    """The student's function did not come to its end; the message is a sentence."""


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """The student's result; whatever it raises becomes a sentence."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return function(*arguments)
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:  # exit() in an answer, too
        raise Stopped(reason(function.__name__, error)) from None


def reason(name: str, error: BaseException) -> str:
    """Why a function, or a file, stopped, and in which line of the student's file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == SOURCE]
    where = f" in line {lines[-1]}" if lines else ""
    if isinstance(error, NotImplementedError):
        return f"{name} {NOT_WRITTEN}: NotImplementedError is raised{where}"
    if isinstance(error, SystemExit):
        return f"{name} calls exit(){where}; a function ends with return"
    if isinstance(error, MemoryError):
        return f"{name} takes more memory than an answer may{where}: is an array larger than it should be?"
    words = " ".join(str(error).split())
    if "mismatch in its core dimension" in words:  # of matmul, in words that no beginner reads
        words = f"the shapes do not fit for @ {words[words.rfind('(') :]}"
    elif "Python scalar" in words:  # of a function of the module math
        words = "it takes one number and was given an array; NumPy's functions, such as np.exp and np.log, take arrays"
    elif "truth value of an array" in words:
        words = "an array is asked whether it is true; np.where(y == 1, …, …) chooses entry by entry"
    elif isinstance(error, NameError) and error.name in ("log", "exp", "sqrt", "zeros", "mean"):
        words = f"{words}; write np.{error.name}"
    elif "broadcast" in words:
        words = f"the shapes do not fit: {words}"
    return f"{name} stops with {type(error).__name__}{where}: {shortened(words)}"


def shortened(words: str, length: int = 110) -> str:
    """At most so many letters of a message that somebody else wrote."""
    return words if len(words) <= length else f"{words[: length - 1]}…"


def guarded(check: Callable[[Any], str]) -> Callable[[Any], str]:
    """A check whose `Stopped` is its sentence."""

    @functools.wraps(check)
    def run(answer: Any) -> str:
        try:
            return check(answer)
        except Stopped as stopped:
            return str(stopped)

    return run
