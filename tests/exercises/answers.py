"""What a student might write: the right answers of the sheets, and how a file is made of them."""

import numpy as np

from experiments.exercises import marking
from experiments.exercises.exercise import NAMES, load

RIGHT = {name: load(name).answer for name in NAMES}


def source(lines):
    """A student's file."""
    return f"import numpy as np\n\n{lines}".encode()


def compared(name, lines):
    """The mark of the comparisons, in this process."""
    return marking.marked(load(name), source(lines), "compare")


def changed(name, old, new):
    """The right answer with one thing changed; the old thing must be there."""
    assert old in RIGHT[name], f"{old!r} is not in the answer to {name}"
    return RIGHT[name].replace(old, new)


def namespace(name):
    """The right functions by name."""
    found = {"np": np}
    exec(RIGHT[name], found)
    return found
