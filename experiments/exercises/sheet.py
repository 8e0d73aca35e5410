"""The file that a student fills in, written from an exercise."""

import shlex
import textwrap
from pathlib import Path

from ..lab.results import write_all
from ..lab.text import begun
from .exercise import Exercise, Function

PROG = "python -m experiments exercises"
UNWRITTEN = "raise NotImplementedError  # take this line away, and write yours"


def text(exercise: Exercise, folder: Path) -> str:
    """The question as a docstring, NumPy, and each function with its signature and docstring, but without its lines."""
    opening = begun(exercise.title)
    commands = f"    {PROG} check {shlex.quote(str(folder))} {exercise.name}\n    {PROG} hint {exercise.name}"
    head = f'''"""{opening}.

{exercise.question}
Fill in what raises NotImplementedError. Then, in the folder of minigrad:

{commands}
"""

import numpy as np
'''
    return "\n\n".join([head, *(function_text(function) for function in exercise.functions)])


def function_text(function: Function) -> str:
    """A function that is not written yet."""
    docstring = textwrap.indent(f'"""{function.docstring}"""', "    ").replace("\n    \n", "\n\n")
    return f"def {function.signature}:\n{docstring}\n    {UNWRITTEN}\n"


def write(exercise: Exercise, folder: Path) -> bool:
    """Write NAME.py into the folder; False, and nothing changes, where there is one already. Whole or not at all."""
    path = folder / f"{exercise.name}.py"
    if path.exists():
        return False
    write_all({path: text(exercise, folder)})
    return True
