"""The mark of an answer: what its comparisons say, and the project's own tests on it. Runs where the answer runs."""

import ast
import contextlib
import importlib.util
import inspect
import io
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any

from .exercise import FULL_MARKS, POINTS_OF_THE_TESTS, Exercise, Function
from .stopped import NOT_WRITTEN, SOURCE, Stopped, call, reason, shortened

ALLOWED = {*sys.stdlib_module_names, "numpy"}
MOST_PRINTED = 100_000  # letters that an answer may print

IGNORED = [  # OpenBLAS sets this flag now and then without a reason, see tests/conftest.py
    f"-Wignore:invalid value encountered in {product}:RuntimeWarning" for product in ("matmul", "dot")
]
OPTIONS = [
    "-o",
    "addopts=",
    "-s",
    "-p",
    "no:terminal",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:benchmark",
    "--noconftest",
    *IGNORED,
]


@dataclass(frozen=True)
class Mark:
    """Points out of ten, and one sentence on the first thing that is wrong in each function; "" at full marks."""

    points: int
    sentence: str


class Capped(io.StringIO):
    """What an answer prints, up to a limit; past it, printing stops the answer."""

    def write(self, text: str) -> int:
        """Print, or stop."""
        if self.tell() + len(text) > MOST_PRINTED:
            raise Stopped(f"it prints more than {MOST_PRINTED:,} letters: is there a print in an endless loop?")
        return super().write(text)


def functions_of(exercise: Exercise, source: bytes) -> SimpleNamespace:
    """The functions of an answer by name; `Stopped`, with a sentence, where the file cannot be read or run."""
    module: dict[str, Any] = {"__name__": "answer"}

    def run(code: CodeType) -> None:
        exec(code, module)

    run.__name__ = "the file"
    call(run, compiled(source))
    for function in exercise.functions:
        fits(function, module.get(function.name))
    return SimpleNamespace(**{function.name: module[function.name] for function in exercise.functions})


def compiled(source: bytes) -> CodeType:
    """The student's file; `Stopped` where it is no Python, or imports what would answer in its place."""
    try:
        tree = ast.parse(importlib.util.decode_source(source), SOURCE)
        for node in ast.walk(tree):
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            for name in [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or "."]:
                if name.partition(".")[0] not in ALLOWED:
                    raise Stopped(f"line {node.lineno} imports {name}; expected NumPy and Python's own modules alone")
        return compile(tree, SOURCE, "exec")
    except SyntaxError as error:
        where = f"line {error.lineno} is no Python" if error.lineno else "the file is no Python"
        raise Stopped(f"{where}: {shortened(str(error.msg))}") from None
    except (ValueError, MemoryError, RecursionError) as error:  # a zero byte, or brackets nested thousands deep
        raise Stopped(f"the file is no Python: {shortened(str(error))}") from None


def fits(function: Function, found: Any) -> None:
    """`Stopped` where there is no such function, or where it takes other arguments."""
    if not callable(found):
        raise Stopped(f"there is no function {function.name}; expected def {function.signature}:")
    signature = inspect.signature(found)
    words = [word.strip() for word in function.signature.partition("(")[2].rstrip(")").split(",")]
    wanted, required = [word.partition("=")[0] for word in words], [word for word in words if "=" not in word]
    fitting = list(signature.parameters)[: len(words)] == wanted
    try:
        signature.bind(*required)
    except TypeError:
        fitting = False
    if not fitting:
        raise Stopped(f"{function.name} takes {signature}; expected def {function.signature}:")


def compared(exercise: Exercise, answer: Any) -> Mark:
    """The points of the comparisons, without those of the tests; the first that fails is told, a function."""
    points = 0
    first: dict[str, str] = {}  # by function
    for check in exercise.checks:
        sentence = check.wrong(answer)
        if sentence and not any(NOT_WRITTEN in told for told in first.values()):
            first.setdefault(check.function, sentence)
        points += 0 if sentence else check.points
    return Mark(points, "; and ".join(first.values()))


def tested(exercise: Exercise, answer: Any) -> Mark:
    """Full marks if the project's tests pass with the student's functions in the place of ours."""
    points = FULL_MARKS - POINTS_OF_THE_TESTS
    missing = [name for name in ("pytest", "hypothesis") if importlib.util.find_spec(name) is None]
    if missing:
        return Mark(points, f'the project\'s own tests need {missing[0]}: python -m pip install -e ".[test]"')
    import pytest

    if not Path("tests").is_dir():
        return Mark(
            points, "the project's own tests are not here: check it in a clone of minigrad, not in an installed one"
        )
    exercise.put_in_place(answer)
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder  # else it makes a folder here
        status = pytest.main([*OPTIONS, *exercise.tests], plugins=[watch])
    if status == 0 and watch.passed:
        return Mark(FULL_MARKS, "")
    return Mark(points, watch.failure or f"the project's own tests did not run (pytest ended with {int(status)})")


class Watch:
    """A plugin of pytest that counts what passed, and keeps the first failure."""

    passed, failure = 0, ""

    def pytest_configure(self) -> None:
        """The same draws always, and fewer of them than in the project's own run."""
        from hypothesis import settings

        settings.register_profile("exercises", deadline=None, database=None, derandomize=True, max_examples=30)
        settings.load_profile("exercises")

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Called by pytest for each part of each test."""
        self.passed += report.when == "call" and report.passed
        if report.failed and not self.failure:
            why = getattr(getattr(report.longrepr, "reprcrash", None), "message", "it stops")
            name = report.nodeid.rpartition("::")[2].partition("[")[0]
            self.failure = f"the project's own {name} fails: {shortened(' '.join(why.split()), 90)}"


def marked(exercise: Exercise, source: bytes, stage: str) -> dict[str, Any]:
    """The mark of one stage, "compare" or "test", and the start of what the answer printed."""
    printed = Capped()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            answer = functions_of(exercise, source)
            mark = compared(exercise, answer) if stage == "compare" else tested(exercise, answer)
        except Stopped as stopped:
            mark = Mark(0, str(stopped))
        except Exception as error:  # what a check did not foresee in an answer
            mark = Mark(0, reason("the answer", error))
    return {"points": mark.points, "sentence": mark.sentence, "printed": printed.getvalue()[:1000]}
