"""A user's own table: one sample a row, from a `.csv` or `.npz` file.

Such a file comes from a stranger's spreadsheet, so most lines here say what is wrong with it, and where.
"""

from __future__ import annotations

import io
import itertools
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import Dataset
from .digits import read_bytes
from .scaling import split

SUFFIXES = (".csv", ".csv.gz", ".npz")
KINDS = "a .csv, .csv.gz or .npz file"


def load_table(path: str | os.PathLike[str], label: str | int | None = None) -> Dataset:
    """Read a table, split it 80 : 20 (always the same way) and standardise it by the training part.

    Parameters
    ----------
    path : path
        `.csv` or `.csv.gz`: UTF-8, cells parted by commas, with or without a header. The first row is a header
        if it holds text outside the label's column, or if its label alone among all labels is text.
        `.npz`: arrays X (m, n) of numbers and y (m,) of numbers or text.
    label : str or int, optional
        The label's column in a CSV file: its name, or its index from 0 (or from the end, −1). By default the last.
        Labels become 0 … K−1 in the order of their sorted values, which `classes` keeps as text.

    Raises
    ------
    OSError
        No such file, a folder, or a file that cannot be read.
    ValueError
        No table of finite numbers with at least two rows and two classes; says where.
    TypeError
        A `label` that is neither str nor int.
    """
    path = Path(path)
    if label is not None and (not isinstance(label, (str, int)) or isinstance(label, bool)):
        raise TypeError(f"label is {label!r}; expected a column's name or its index")
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; expected {KINDS}")
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; expected {KINDS}")
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)
    if suffix is None:
        raise ValueError(f"{str(path)!r} ends in {path.suffix!r}; expected {KINDS}")
    if suffix == ".npz" and label is not None:
        raise ValueError(f"label is {label!r} for {str(path)!r}; expected none, since the labels of an .npz file are y")

    content = read_bytes(path)
    try:
        X, labels = parse_npz(content) if suffix == ".npz" else parse_csv(content, label)
        y, classes = number_classes(labels)
        return split(X, y, path.name[: -len(suffix)], classes)
    except ValueError as error:
        raise ValueError(f"{str(path)!r}: {error}") from error


def parse_csv(content: bytes, label: str | int | None) -> tuple[np.ndarray, list[str]]:
    """Features, float64 (m, n), and labels, m texts, from a CSV file's content; see `load_table`."""
    rows = _rows(content)
    first_line, first = next(rows, (1, []))
    if len(first) < 2:
        raise ValueError(f"{len(first)} column(s); expected at least 2, parted by commas")
    column, has_header = _label_column(label, first)
    names = [repr(name) for name in first] if has_header else [str(j) for j in range(len(first))]
    label_name = names.pop(column)
    if not has_header:
        rows = itertools.chain([(first_line, list(first))], rows)

    X: list[np.ndarray] = []
    labels: list[str] = []
    for line, cells in rows:
        if len(cells) != len(first):
            raise ValueError(f"line {line} has {len(cells)} cell(s); expected {len(first)}, as in line {first_line}")
        labels.append(cells.pop(column))
        number = _number(labels[-1])
        if labels[-1] == "" or (number is not None and not math.isfinite(number)):
            raise ValueError(f"line {line}, column {label_name} holds {labels[-1]!r}; expected a label")
        try:
            X.append(np.fromiter(map(float, cells), np.float64, len(cells)))
            good = np.isfinite(X[-1]).all()
        except ValueError:
            good = False
        if not good:
            name, cell = next(pair for pair in zip(names, cells, strict=True) if not _is_finite(pair[1]))
            raise ValueError(f"line {line}, column {name} holds {cell!r}; expected a finite number")

    is_text = [_number(text) is None for text in labels]
    if not has_header and is_text[0] and len(labels) > 1 and not any(is_text[1:]):
        del X[0], labels[0]  # a header after all, with numbers for names: 0, 1, 2, "species"
    if len(X) < 2:
        raise ValueError(f"{len(X)} row(s) of data; expected at least 2")
    return np.array(X), labels


def parse_npz(content: bytes) -> tuple[np.ndarray, list[Any]]:
    """Features, float64 (m, n), and labels, m numbers or texts, from an NPZ file's content; see `load_table`."""
    import zipfile
    import zlib

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:  # a pickle could run a stranger's program
            names = ", ".join(map(repr, archive.files)) or "none"
            found = {name: archive[name] for name in ("X", "y") if name in archive.files}
    # RuntimeError: an archive that is encrypted, or packed in a way that zipfile does not know
    except (ValueError, TypeError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"cannot be read ({reason}); expected an .npz file of arrays of numbers or text") from None
    if len(found) < 2:
        raise ValueError(f"the arrays in it are {names}; expected X (m, n) and y (m,)")
    X, y = found["X"], found["y"]
    if X.ndim != 2 or X.shape[0] < 2 or X.shape[1] == 0 or X.dtype.kind not in "biuf":
        raise ValueError(f"X has shape {X.shape} and dtype {X.dtype}; expected real numbers (m, n), at least 2 rows")
    if y.shape != (len(X),) or y.dtype.kind not in "biufU":
        raise ValueError(f"y has shape {y.shape} and dtype {y.dtype}; expected numbers or text ({len(X)},)")
    for name, values in (("X", X), ("y", y)):
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            at = tuple(map(int, np.argwhere(~np.isfinite(values))[0]))
            raise ValueError(f"{name} holds {values[at]} at {at}; expected finite numbers")
    return X.astype(np.float64), y.tolist()


def number_classes(labels: list[Any]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as 0 … K−1, int64 (m,), in the order of their sorted values; and these values as text.

    Numbers are sorted as numbers, also where they come as text. ValueError for one class only, or for fractions that
    seldom repeat: a quantity to predict, not a class.
    """
    numbers = [number for number in map(_number, labels) if number is not None]
    numeric = len(numbers) == len(labels)
    values: list[Any] = [number + 0.0 for number in numbers] if numeric else labels  # −0.0 + 0.0 is 0.0
    distinct = sorted(set(values))
    names = tuple(repr(value).removesuffix(".0") if numeric else value for value in distinct)
    if len(distinct) < 2:
        raise ValueError(f"all rows have the label {names[0]!r}; expected at least two classes")
    fractions = [value for value in distinct if numeric and not value.is_integer()]
    if fractions and len(distinct) > len(labels) / 2:
        raise ValueError(
            f"{len(distinct)} different labels in {len(labels)} rows, such as {fractions[0]}; "
            "expected classes, each in several rows"
        )
    number_of = {value: k for k, value in enumerate(distinct)}
    return np.array([number_of[value] for value in values], dtype=np.int64), names


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank: the number of the line it ends on, and its cells without blanks around them."""
    import csv

    try:
        text = content.decode("utf-8-sig")  # a spreadsheet may put a byte order mark first
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8 ({error.reason}); expected UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if cells not in ([], [""]):
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}; expected cells parted by commas") from None


def _label_column(label: str | int | None, first: list[str]) -> tuple[int, bool]:
    """The index of the label's column, and whether the first row is a header: see `load_table`."""
    width = len(first)
    try:
        index = -1 if label is None else int(label)
    except ValueError:
        index = None
    column = index % width if index is not None and -width <= index < width else None
    beside = [cell for j, cell in enumerate(first) if j != column]
    has_header = any(cell != "" and _number(cell) is None for cell in beside)  # an empty cell is a missing number
    if has_header and isinstance(label, str) and first.count(label) == 1:
        return first.index(label), True
    if column is not None:
        return column, has_header
    shown = ", ".join(map(repr, first[:10])) + (", …" if width > 10 else "")
    names = f"one of {shown}, once there, or " if has_header else ""
    raise ValueError(f"no column {label!r}; expected {names}an index from {-width} to {width - 1}")


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _is_finite(cell: str) -> bool:
    number = _number(cell)
    return number is not None and math.isfinite(number)
