"""Our own lines, cut out of the source where a comment marks them, so that an exercise cannot drift from it.

The comment stands directly above the function: `# exercise: NAME`. Where the function ends, its syntax says.
"""

import ast
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import minigrad

from .exercise import Function

FOLDER = Path(minigrad.__file__).parent
MARKER = re.compile(r"^ *# exercise: (\w+)$")


@dataclass(frozen=True)
class Piece:
    """A marked function: its exercise, its file, its lines from `first` to `last`, and its syntax."""

    exercise: str
    path: Path
    first: int
    last: int
    node: ast.FunctionDef

    @property
    def text(self) -> str:
        """The lines as they stand in the source, moved to the left margin."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return textwrap.dedent("\n".join(lines[self.first - 1 : self.last]))

    @property
    def place(self) -> str:
        """File and line, such as minigrad/functions.py:27."""
        return f"{self.path.relative_to(FOLDER.parent).as_posix()}:{self.first}"


def pieces(exercise: str | None = None) -> list[Piece]:
    """The marked functions of an exercise, or of all, file by file; ValueError for a marker above anything else."""
    found = []
    for path in sorted(FOLDER.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        marks = {n: match[1] for n, line in enumerate(text.splitlines(), 1) if (match := MARKER.match(line))}
        if not marks:
            continue
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        by_line = {min([node.lineno, *(each.lineno for each in node.decorator_list)]): node for node in nodes}
        for line, name in marks.items():
            if line + 1 not in by_line:
                raise ValueError(f"{path}:{line}: the marker of {name!r} stands above no function")
            if exercise in (None, name):
                node = by_line[line + 1]
                found.append(Piece(name, path, line + 1, node.end_lineno or line + 1, node))
    return found


def function_of(exercise: str, name: str, without: tuple[str, ...] = ()) -> Function:
    """A marked function as a student gets it: without types and some parameters, its docstring's first paragraph."""
    (node,) = [piece.node for piece in pieces(exercise) if piece.node.name == name]
    arguments = node.args
    parameters = arguments.args
    defaults = [None] * (len(parameters) - len(arguments.defaults)) + [ast.unparse(each) for each in arguments.defaults]
    words = [
        each.arg if default is None else f"{each.arg}={default}"
        for each, default in zip(parameters, defaults)
        if each.arg not in without
    ]
    docstring = (ast.get_docstring(node) or "").partition("\n\n")[0]
    return Function(f"{name}({', '.join(words)})", docstring)
