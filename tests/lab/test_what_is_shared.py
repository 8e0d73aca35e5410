"""`experiments/lab` holds what at least two folders of `experiments` use; what serves one lies in it."""

import ast
from pathlib import Path

import pytest

from experiments.lab import commands

FOLDER = Path(commands.__file__).parents[1]
LAB = {path.stem: path for path in (FOLDER / "lab").glob("*.py") if path.stem != "__init__"}
FRAME = {
    "start",
    "commands",
    "all",
    "findings",
    "verify",
}  # how commands begin, and those about all experiments together
ONE_LESSON = {"curvature"}  # used by three as a whole, though not each of its functions


def words(path):
    """Every name that a file mentions but for those that it defines, with how often."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            found.append(node.id)
        elif isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.alias):
            found.append(node.name.rpartition(".")[2])
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module.rpartition(".")[2])
    return found


def public_names(path):
    """The functions, classes and constants of a module that have no leading underscore."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("_")}


def mentions():
    """{experiment, or the report or the exercises: the names that its files mention}, and the same a module of the lab.

    The lab's own are a list, for how often each is mentioned.
    """
    folders = [*commands.names(), "report", "exercises"]
    by_folder = {name: {w for path in (FOLDER / name).glob("*.py") for w in words(path)} for name in folders}
    return by_folder, {name: words(path) for name, path in LAB.items()}


BY_FOLDER, IN_LAB = mentions()


def users_of(word):
    return {name for name, said in BY_FOLDER.items() if word in said}


@pytest.mark.parametrize("module", sorted(set(LAB) - FRAME))
def test_a_module_of_the_lab_is_used_by_two_experiments(module):
    users, reached = set(), {module}
    while reached:
        found = reached.pop()
        users |= users_of(found)
        reached |= {name for name, said in IN_LAB.items() if found in said and name not in (found, module)} & {"sweep"}
        if any(module in IN_LAB[name] for name in ("experiment", "commandline", "prepare")):
            users |= set(commands.names())  # every experiment runs through these
    assert len(users) >= 2, f"lab/{module}.py serves {sorted(users)} alone"


@pytest.mark.parametrize("module", sorted(set(LAB) - ONE_LESSON))
def test_a_name_of_the_lab_is_used_by_two_experiments_or_by_the_lab(module):
    alone = {}
    for name in public_names(LAB[module]):
        in_lab = sum(said.count(name) for said in IN_LAB.values()) - (name.isupper())  # a constant's own assignment
        if in_lab <= 0 and len(users_of(name)) < 2:
            alone[name] = sorted(users_of(name))
    assert not alone, f"of lab/{module}.py serve one experiment or none: {alone}"
