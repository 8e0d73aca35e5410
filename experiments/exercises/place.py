"""The student's function in the place of ours, so that the project's own tests run on it."""

import sys
from collections.abc import Callable
from typing import Any


def replace(ours: Callable[..., Any], theirs: Callable[..., Any]) -> None:
    """Every module of minigrad that has the function `ours` has `theirs` from now on, under the same name.

    Tests that are imported later get it too. It is not undone: it is done in a process of its own.
    """
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] == "minigrad":
            for name, value in list(vars(module).items()):
                if value is ours:
                    setattr(module, name, theirs)


def replace_method(owner: type, name: str, theirs: Callable[..., Any]) -> None:
    """`owner` has `theirs` as its method of that name from now on."""
    setattr(owner, name, theirs)
