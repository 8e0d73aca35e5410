"""Data as every experiment sees it: a training and a test part.

    X   (m, n)   float64   one sample a row, one feature a column, standardised
    y   (m,)     int64     labels 0 … K−1

Digits come with the package (`digits.py`); `mnist.py` reads MNIST, and `table.py` a user's own table,
with the help of the other modules here.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace

import numpy as np

from ..engine import checks

TASKS = "'odd-even', 'K-vs-rest', 'A-vs-B' or 'K-or-more'"
SHOWN = 20  # classes, in a notebook
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Samples and labels in two parts: one to learn from, one to be judged by.

    Attributes
    ----------
    X_train, X_test : ndarray, float64 (m, n)
        One sample a row.
    y_train, y_test : ndarray, int64 (m,)
        Labels 0 … K−1.
    name : str
    classes : tuple of str
        What the labels 0 … K−1 stand for; without it, the labels themselves as text.
    mean, scale : ndarray (n,), optional
        What was taken off each feature, and what it was then divided by: see `original`.
    features : tuple of str, optional
        What the columns of X are called.
    reading : tuple of str, optional
        What was read from a user's own table, in up to three lines: label, features, gaps.
    is_own : bool
        Whether its classes are a user's own, to be regrouped only where that is asked for.
    drawn_from : int, optional
        How many training rows there were, where only some of them were kept: see `sample`.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    name: str
    classes: tuple[str, ...] = ()
    mean: np.ndarray | None = None
    scale: np.ndarray | None = None
    features: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    is_own: bool = False
    drawn_from: int | None = None

    def __post_init__(self) -> None:
        if not self.classes:
            largest = max(int(y.max(initial=0)) for y in (self.y_train, self.y_test))
            object.__setattr__(self, "classes", tuple(str(k) for k in range(largest + 1)))  # the dataclass is frozen

    @property
    def n_classes(self) -> int:
        """K, the number of classes."""
        return len(self.classes)

    def original(self, X: np.ndarray) -> np.ndarray:
        """Rows of X as they were before they were standardised: data.original(data.X_train[0]).reshape(8, 8).

        ValueError if this data set does not know how it was standardised.
        """
        if self.mean is None or self.scale is None:
            raise ValueError(f"{self.name!r} has no mean and scale; expected data from `split` or a `load_…` function")
        return X * self.scale + self.mean

    def __repr__(self) -> str:
        m, m_test, K = len(self.y_train), len(self.y_test), self.n_classes
        rows = f"{m:,} training and {m_test:,} test rows"
        return f"<Dataset {self.name!r}: {rows} of {self.X_train.shape[1]:,} features, {K} classes>"

    def _repr_html_(self) -> str:
        """A table for notebooks: how many rows each class has in both parts."""
        counts = [np.bincount(y, minlength=self.n_classes) for y in (self.y_train, self.y_test)]
        body = "".join(
            f"<tr><th scope='row'>{html.escape(name)}</th><td>{train:,}</td><td>{test:,}</td></tr>"
            for name, train, test in zip(self.classes[:SHOWN], *counts)
        )
        more = f"<p>… and {self.n_classes - SHOWN} classes more</p>" if self.n_classes > SHOWN else ""
        head = "<tr><th scope='col'>class</th><th scope='col'>training rows</th><th scope='col'>test rows</th></tr>"
        said = "".join(f"<p>{html.escape(line)}</p>" for line in self.reading)
        return f"<p>{html.escape(repr(self)[1:-1])}</p><table>{head}{body}</table>{more}{said}"

    def binary(self, task: str = "odd-even") -> Dataset:
        """The same samples with labels 0 and 1; X is shared, unless rows are dropped.

        Parameters
        ----------
        task : str
            "odd-even" (1 for an odd label), "K-vs-rest" (1 for class K), "A-vs-B" (1 for class A, 0 for B, all
            other rows dropped) or "K-or-more" (1 for a label of at least K). K, A and B are a class's name,
            its number, or an English word from zero to nine: "five-or-more".

        Raises
        ------
        ValueError
            Unknown task or class; a task that leaves fewer than two classes to train on, or no test rows.
        """
        codes, classes = _task(task, self.classes)
        X_train, y_train, X_test, y_test = self.X_train, codes[self.y_train], self.X_test, codes[self.y_test]
        if (codes < 0).any():
            X_train, X_test = X_train[y_train >= 0], X_test[y_test >= 0]
            y_train, y_test = y_train[y_train >= 0], y_test[y_test >= 0]
        if len(np.unique(y_train)) < 2:
            raise ValueError(f"task {task!r} leaves fewer than two classes to train on in {self.name!r}; expected both")
        if len(y_test) == 0:
            raise ValueError(f"task {task!r} leaves no test rows in {self.name!r}; expected at least one")
        parts = {"X_train": X_train, "y_train": y_train, "X_test": X_test, "y_test": y_test}
        return replace(self, **parts, name=f"{self.name} {task}", classes=classes)

    def sample(self, count: int, rng: np.random.Generator | int | None = None) -> Dataset:
        """The same data with `count` of the training rows, drawn by class; the test rows stay, and are shared.

        Each class keeps its share, rounded, and one row at the least. The rows stay in their order, and keep the mean
        and scale of all: nothing is standardised anew. `rng` is a Generator, a seed, or none: then 0 is the seed.
        ValueError for more rows than there are, or fewer than classes.
        """
        m = len(self.y_train)
        order = checks.seed("rng", rng).permutation(m)
        order = order[np.argsort(self.y_train[order], kind="stable")]  # class by class
        firsts = np.unique(self.y_train[order], return_index=True)[1]
        count = checks.whole_number("count", count, len(firsts), m)
        others, left = np.delete(order, firsts), count - len(firsts)
        evenly = (np.arange(left) + 0.5) * (len(others) / max(1, left))  # so each class has its share of them
        kept = np.sort(np.concatenate([order[firsts], others[evenly.astype(int)]]))
        drawn = {"X_train": self.X_train[kept], "y_train": self.y_train[kept]}
        return replace(self, **drawn, drawn_from=self.drawn_from or m)


def _task(task: str, classes: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, str]]:
    """For each class the label it gets, −1 where its rows are dropped, (K,); and the names of the labels 0 and 1."""
    k = np.arange(len(classes))
    if task == "odd-even":
        return k % 2, ("even", "odd")
    one, versus, other = str(task).partition("-vs-")
    if versus:
        a = _class_number(one, task, classes)
        if other == "rest":
            return np.where(k == a, 1, 0), ("rest", classes[a])
        b = _class_number(other, task, classes)
        return np.where(k == a, 1, np.where(k == b, 0, -1)), (classes[b], classes[a])
    one, or_more, rest = str(task).partition("-or-more")
    if or_more and not rest:
        a = _class_number(one, task, classes)
        return np.where(k >= a, 1, 0), (f"below {classes[a]}", f"{classes[a]} or more")
    raise ValueError(f"task {checks.shown(task)} is unknown; expected {TASKS}, where K, A, B are classes")


def _class_number(text: str, task: str, classes: tuple[str, ...]) -> int:
    if text in classes:
        return classes.index(text)
    digits = str(WORDS.index(text)) if text in WORDS else text
    if digits in classes:
        return classes.index(digits)
    # Where names are numbers themselves (1, 2, 5), "3" must not come to mean the class named 5.
    named_by_numbers = any(name.lstrip("-").replace(".", "", 1).isdecimal() for name in classes)
    if digits.isdecimal() and len(digits) < 10 and int(digits) < len(classes) and not named_by_numbers:
        return int(digits)
    known = ", ".join(map(checks.shown, classes[:10])) + (", …" if len(classes) > 10 else "")
    named = f"task {checks.shown(task)} names no class {checks.shown(text)}"
    raise ValueError(f"{named}; expected one of {known} (a task is {TASKS})")
