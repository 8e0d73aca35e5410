"""From a file to a table: a pandas frame, what its columns are called, and where its rows stand."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.archive import most_bytes, too_large
from .kinds import text
from .layout import BLANKS, DECIMAL_COMMA, NO_LABEL, Layout, layout_of, refuse_open_quote, rows_of

SHOWN = 3  # lines of a complaint


@dataclass(frozen=True)
class Table:
    """What was read.

    Attributes
    ----------
    frame : pandas.DataFrame
        Its columns are 0, 1, 2, …
    names : tuple of str
        What they are called; "" for one without a name.
    has_names : bool
        Whether there is a header.
    lines : callable
        lines(rows): where these rows, counted from 0, stand: "line 3".
    notes : tuple of str
        What a user should know.
    labels : ndarray, optional
        (m,), where they stand apart from the columns.
    first_test_row : int, optional
        From there on the rows are the file's own test part.
    are_pictures : bool
        Whether the features are pixels: then all are kept.
    as_text : callable, optional
        as_text(column): its cells as they are written, where a file is text: 007 is not 7.
    """

    frame: Any
    names: tuple[str, ...]
    has_names: bool
    lines: Callable[[Sequence[int]], list[str]]
    notes: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    first_test_row: int | None = None
    are_pictures: bool = False
    as_text: Callable[[int], Any] | None = None

    def where(self, rows: np.ndarray) -> str:
        """The first of these rows, and how many there are: "lines 3, 9, 12, …"."""
        shown = self.lines(rows[:SHOWN].tolist())
        kind = shown[0].split()[0]
        places = ", ".join(each.split()[-1] for each in shown)
        plural = "s" if len(shown) > 1 else ""
        return f"{kind}{plural} {places}{', …' if len(rows) > SHOWN else ''}"


def of_frame(frame: Any, notes: tuple[str, ...] = ()) -> Table:
    """A table of a pandas frame, whose own index is not looked at."""
    if len(frame.columns) < 2:
        raise ValueError(f"{len(frame.columns)} column(s); expected at least 2")
    names = tuple("" if name is None else " ".join(str(name).split()) for name in frame.columns)
    return Table(frame.set_axis(range(len(names)), axis=1).reset_index(drop=True), names, True, row_numbers, notes)


def row_numbers(rows: Sequence[int]) -> list[str]:
    """Where rows of an array or a frame stand, such as row 3."""
    return [f"row {row}" for row in rows]


def of_parquet(path: Path) -> Table:
    """A table of a .parquet file; ValueError for more than `most_bytes`, or without pyarrow (with the cure)."""
    import pandas as pd

    try:
        from pyarrow import parquet
    except ImportError:
        raise ValueError("a .parquet file needs pyarrow; expected: python -m pip install pyarrow") from None
    try:
        with parquet.ParquetFile(path) as file:
            size = _unpacked(file.metadata)
        frame = pd.read_parquet(path, engine="pyarrow") if size <= most_bytes() else None
    except Exception as error:  # of pyarrow's own kinds, which cannot be named without it
        raise ValueError(f"cannot be read ({' '.join(str(error).split())}); expected a .parquet file") from None
    if frame is None:
        raise too_large(size)
    return of_frame(frame)


def _unpacked(metadata: Any) -> int:
    """How many bytes a .parquet file unpacks to, as its directory says before anything is read.

    A number that is written once for many rows takes 8 bytes in each of them. Nothing is asked of a single column: on
    a damaged file pyarrow (26.0) answers that by ending Python.
    """
    sizes = [metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups)]
    return max(sum(sizes), 8 * metadata.num_rows * metadata.num_columns)


# ---- text ------------------------------------------------------------------------------------------------------------


def of_text(path: Path, label: str | int | None) -> Table:
    """A table of a text file; ValueError, with the line, where its rows are not equally long."""
    import pandas as pd

    layout = layout_of(path, label)
    try:
        frame = _frame(path, layout, None)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        if "EOF inside string" in str(error):
            with text(path, layout.encoding) as file:
                refuse_open_quote(file, layout.delimiter)
        _refuse_uneven_rows(path, layout)
        raise ValueError(f"cannot be read ({' '.join(str(error).split())}); expected rows of one length") from None
    if len(frame) and frame[len(layout.names) - 1].isna().any():  # so may be what a short row lacks
        _refuse_uneven_rows(path, layout)
    mixed = [j for j in frame if _is_mixed(frame[j])]
    if mixed:  # as text, each cell is what was written
        frame[mixed] = _frame(path, layout, mixed)
    if layout.decimal == ",":
        for j in [j for j in frame if not pd.api.types.is_numeric_dtype(frame[j])]:
            frame[j] = _with_points(frame[j])
    empty = frame.isna().all(axis=1)
    numbers = np.flatnonzero(~empty)
    lines = _line_finder(path, layout, numbers)
    if empty.any():  # a spreadsheet's rows of nothing but delimiters
        frame = frame[~empty].reset_index(drop=True)

    def as_text(column: int) -> Any:
        return _frame(path, layout, [column])[column][~empty].reset_index(drop=True)

    return Table(frame, layout.names, layout.has_header, lines, layout.notes, as_text=as_text)


def _frame(path: Path, layout: Layout, as_text: list[int] | None) -> Any:
    """The rows as pandas reads them: all columns, or these columns as text."""
    import pandas as pd

    with text(path, layout.encoding) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)  # a column of mixed types: see `of_text`
        warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the first
        for _ in range(layout.skipped):
            next(file)
        try:
            return pd.read_csv(
                file,
                sep=r"\s+" if layout.delimiter == BLANKS else layout.delimiter,
                decimal=layout.decimal,
                header=None,
                names=range(len(layout.names)),
                usecols=as_text,
                dtype=None if as_text is None else str,
                index_col=False,
                skipinitialspace=True,
                na_values=list(NO_LABEL),
                keep_default_na=False,
                float_precision="round_trip" if pd.__version__ < "3.1" else None,  # since then by itself
            )
        except pd.errors.EmptyDataError:
            return pd.DataFrame({j: [] for j in range(len(layout.names))})


def _with_points(column: Any) -> Any:
    """A column of text with its decimal commas as points, where - stands for a missing number, or the like.

    It stays as it is where a point stands in a number already: beside commas 1.234 may be 1234.
    """
    if column.str.fullmatch(r"[-+]?\d*\.\d.*").any():
        return column
    is_decimal = column.str.fullmatch(DECIMAL_COMMA.pattern).fillna(False).astype(bool)
    return column.mask(is_decimal, column.str.replace(",", "."))


def _is_mixed(column: Any) -> bool:
    """Whether a column holds objects of several types, as where some cells are numbers."""
    import pandas as pd

    return column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) not in ("string", "empty")


def _refuse_uneven_rows(path: Path, layout: Layout) -> None:
    """ValueError for rows that are shorter or longer than the header, or than the first."""
    width = len(layout.names)
    uneven: list[tuple[int, int]] = []
    with text(path, layout.encoding) as file:
        for line, cells in rows_of(file, layout.delimiter):
            if line > layout.skipped and len(cells) != width:
                uneven.append((line, len(cells)))
    if not uneven:
        return
    first, n_cells = uneven[0]
    others = ", ".join(str(other) for other, _ in uneven[1 : SHOWN + 1])
    more = f" (and {len(uneven) - 1} more: line {others}{', …' if len(uneven) > SHOWN + 1 else ''})"
    found = f"line {first} has {n_cells} cell(s); expected {width}, as in line {layout.first_line}"
    raise ValueError(found + (more if len(uneven) > 1 else ""))


def _line_finder(path: Path, layout: Layout, numbers: np.ndarray) -> Callable[[Sequence[int]], list[str]]:
    """Where rows stand in the file, found by reading it again; `numbers` count them among all rows there."""

    def lines(rows: Sequence[int]) -> list[str]:
        wanted = {int(numbers[row]): f"row {row}" for row in rows}
        with text(path, layout.encoding) as file:
            count = 0
            for line, _ in rows_of(file, layout.delimiter):
                if line > layout.skipped:
                    if count in wanted:
                        wanted[count] = f"line {line}"
                    count += 1
        return list(wanted.values())

    return lines
