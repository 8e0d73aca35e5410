"""A user's own table: a file, or a pandas frame, with one sample a row.

Such a table comes from a stranger's spreadsheet. `kinds.py` says what a file is, `layout.py` how its text is laid out,
`reading.py` and `arrays.py` make a frame of it, `label.py` finds the label, and `columns.py` turns the others into
features; `leaks.py` says which of them give the label away.
Whatever was decided on the way is told in `Dataset.reading`.
"""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..engine import checks
from .arrays import of_arrays
from .columns import Column, columns_of
from .dataset import Dataset
from .kinds import suffix_of
from .label import Label, label_of
from .leaks import likely_leaks
from .reading import Table, of_frame, of_parquet, of_text
from .scaling import standardise_in_place, stratified

NAMED = 8  # columns or classes, in a line
FEW = 3  # rows of a class that may be a header or a footer


def load_table(
    path_or_frame: str | os.PathLike[str] | Any, label: str | int | None = None, task: str | None = None
) -> Dataset:
    """Read a table, split it 80 : 20, each class alike and always the same way, and standardise it.

    Text of few levels becomes indicators, a missing number the median with an indicator of the gap, missing text a
    level of its own. Constant columns, an index, ids and dates (20261126, too) are dropped. Levels, medians, means and
    deviations are those of the training part. `Dataset.reading` tells what was done.

    Parameters
    ----------
    path_or_frame : path or pandas.DataFrame
        `.csv`, `.tsv`, `.txt`, `.data` (gzip'd too): with or without a header; commas, semicolons, tabs, bars or blanks
        between cells; UTF-8, UTF-16 or Latin-1. `.parquet`, where pyarrow is installed. `.npz`: X (m, n) and y (m,), or
        Keras' x_train, y_train, x_test and y_test, whose split is kept; images are flattened.
    label : str or int, optional
        The label's column: its name, or its index from 0 (or from the end, −1). By default a column that is called
        label, target, class, y (not beside x), species, survived, quality, outcome or diagnosis; without one the last.
        Labels become 0 … K−1 in the order of their sorted values, which `classes` keeps as text.
    task : str, optional
        A binary task, as for `Dataset.binary`. "6-or-more" also makes two classes of a quantity.

    Raises
    ------
    OSError
        No such file, a folder, or a file that cannot be read.
    ValueError
        No table; no label with at least two classes; cells that are neither numbers nor levels, such as 1 234 or $5, or
        80 kg of many sizes; a comma that may stand for thousands. Says where.
    TypeError
        A `label` that is neither str nor int, or neither a path nor a frame.
    """
    if label is not None and (not isinstance(label, (str, int)) or isinstance(label, bool)):
        raise TypeError(f"label is {checks.shown(label)}; expected a column's name or its index")
    if hasattr(path_or_frame, "columns") and hasattr(path_or_frame, "iloc"):
        return _dataset(of_frame(path_or_frame), "frame", label, task)
    if not isinstance(path_or_frame, (str, os.PathLike)):
        raise TypeError(f"a table is {type(path_or_frame).__name__}; expected a path or a pandas.DataFrame")
    path = Path(path_or_frame)
    suffix = suffix_of(path)
    if suffix == ".npz" and label is not None:
        given = f"label is {checks.shown(label)} for {str(path)!r}"
        raise ValueError(f"{given}; expected none, since the labels of an .npz file are y")
    name = path.name[: -len(suffix)] if path.name.lower().endswith(suffix) else path.stem
    try:
        if suffix == ".npz":
            table = of_arrays(path)
        else:
            table = of_parquet(path) if suffix == ".parquet" else of_text(path, label)
        return _dataset(table, name, label, task)
    except ValueError as error:
        raise ValueError(f"{str(path)!r}: {checks.brief(str(error))}") from error


def _dataset(table: Table, name: str, label: str | int | None, task: str | None) -> Dataset:
    m = len(table.frame)
    if m < 2:
        raise ValueError(f"{m} row(s) of data; expected at least 2")
    found, column = label_of(table, label, task)
    train, test = _parts(table, found.y)
    columns, dropped = columns_of(table, column, train)
    if not columns:
        raise ValueError(f"no feature is left: dropped {_reasons(dropped)}; expected a column that tells something")
    filled = {each.name: each.filled for each in columns if each.filled}
    leaks = likely_leaks(columns, found.y, train)
    reading = (_about_label(found, m), _about_features(table, columns, dropped), *_about_gaps(filled, leaks, found))

    X_train, X_test = _features(columns, train), _features(columns, test)
    mean, deviation = standardise_in_place(X_train, X_test)
    names = tuple(feature for each in columns for feature in _names(each))
    parts = (X_train, found.y[train], X_test, found.y[test])
    full_name = f"{name} {task}" if found.is_made else name
    data = Dataset(*parts, full_name, found.classes, mean, deviation, names, reading, is_own=True)
    return data.binary(task) if task and not found.is_made else data


def _parts(table: Table, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and to test with: the file's own parts, or 80 : 20."""
    if table.first_test_row is None:
        return stratified(y)
    return np.arange(table.first_test_row), np.arange(table.first_test_row, len(y))


def _features(columns: Sequence[Column], rows: np.ndarray) -> np.ndarray:
    X = np.empty((len(rows), sum(column.width for column in columns)))
    start = 0
    for column in columns:
        X[:, start : start + column.width] = column.features(rows)
        start += column.width
    return X


def _names(column: Column) -> list[str]:
    if column.levels:
        return [f"{column.name} = {level or 'missing'}" for level in column.levels]
    return [column.name, f"{column.name} missing"] if column.marked else [column.name]


# ---- what was read, in three lines -----------------------------------------------------------------------------------


def _about_label(label: Label, m: int) -> str:
    counts = Counter(label.y.tolist())
    shares = [f"{name} {_percent(counts[k], m)}" for k, name in enumerate(label.classes)]
    few = [name for k, name in enumerate(label.classes) if counts[k] < FEW <= m / 10]
    doubt = f"; hardly a class, fewer than {FEW} rows: {_listed(few)}" if few else ""
    return f"label {label.name!r} ({label.why}), {len(label.classes)} classes of {m:,} rows: {_listed(shares)}{doubt}"


def _about_features(table: Table, columns: Sequence[Column], dropped: dict[str, list[str]]) -> str:
    total = sum(column.width for column in columns)
    text = [f"{column.name} ({len(column.levels)})" for column in columns if column.levels]
    marks = [column.name for column in columns if column.marked]
    parts = [f"{_counted(total, 'feature')} of {_counted(len(columns), 'column')}"]
    parts += [f"indicators of levels: {_listed(text)}"] if text else []
    parts += [f"indicators of gaps: {_listed(marks)}"] if marks else []
    parts += [f"dropped: {_reasons(dropped)}"] if dropped else []
    return "; ".join([*parts, *table.notes])


def _about_gaps(filled: dict[str, int], leaks: Sequence[str], label: Label) -> list[str]:
    gaps = [f"{name} {count:,}" for name, count in filled.items()]
    parts = [f"missing values filled: {_listed(gaps) if gaps else 'none'}"]
    if leaks:
        verb = "predicts" if len(leaks) == 1 else "predict, each"
        parts.append(f"likely leak: {_listed(leaks)} {verb} {label.name!r} alone without error (kept)")
    return ["; ".join(parts)]


def _reasons(dropped: dict[str, list[str]]) -> str:
    return ", ".join(f"{_listed(names)} ({why})" for why, names in dropped.items())


def _listed(words: Sequence[str]) -> str:
    more = f" … {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(" ".join(word.split()) for word in words[:NAMED]) + more


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def _percent(count: int, m: int) -> str:
    share = 100 * count / m
    return f"{share:.0f} %" if 1 <= share <= 99 else f"{share:.2g} %"
