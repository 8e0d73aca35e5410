"""The README's map of ideas: what it names, and what an experiment runs."""

import cProfile
import re
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXECUTED = defaultdict(set)  # by experiment: (file, name) of every function that ran


def rows():
    """(functions, experiments, tests) of each row: sets of (file, name), and names such as "compare_gd_sgd"."""
    table = README.partition("| idea | formula |")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        _, _, functions, experiments, tests = (cell.strip() for cell in line.strip("| ").split(" | "))
        yield links(functions), {name for _, name in links(experiments)}, links(tests)


def links(text):
    """(file, name) of each link that shows a name."""
    return {(path, name) for name, path in re.findall(r"\[`([^`]+)`\]\(([^)]+)\)", text)}


@contextmanager
def watched(experiment):
    """Write down what runs in the block as run by this experiment."""
    profile = cProfile.Profile(subcalls=False, builtins=False)
    with profile:
        yield
    for code in (entry.code for entry in profile.getstats()):
        path = Path(getattr(code, "co_filename", ""))  # what is built in is named by a text
        if path.is_relative_to(ROOT):
            EXECUTED[experiment].add((str(path.relative_to(ROOT)), code.co_qualname))


def assert_the_map_is_true(experiment, tables, result):
    """What the map says that this experiment runs did run: when `result` was made, and for its tables."""
    with watched(experiment):
        tables(result)
    named = set().union(*(functions for functions, experiments, _ in rows() if experiment in experiments))
    assert named, f"the map does not mention {experiment}"
    assert named <= EXECUTED[experiment], f"{experiment} does not run {named - EXECUTED[experiment]}"
