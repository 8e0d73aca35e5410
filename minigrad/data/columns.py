"""From a table's columns to features: numbers as they are, text as indicators, gaps filled, the useless dropped.

Levels, medians and what is constant are those of the training part: the test part has no say.
"""

import re
from typing import Any, NamedTuple

import numpy as np

from ..engine.checks import shown
from .layout import MISSING
from .reading import Table

MOST_LEVELS = 50  # of a text column that becomes indicators
SEVERAL = 0.05  # share of text among numbers from which on it is meant, in at least …
AT_LEAST = 10  # … so many cells
LARGEST = np.finfo(np.float64).max  # in size
LONGEST = 40  # letters of a cell that is complained about
CURRENCY = "([$€£¥]|USD|EUR|GBP|CHF|JPY)?"
FORMATTED = re.compile(
    rf"\(?[-+]?{CURRENCY} ?[-+]?(\d{{1,3}}([,.'_ ]\d{{3}})+([.,]\d+)?|\d*,\d+|\d+(\.\d*)?) ?({CURRENCY}|%|°[CF]?)\)?"
    r"|0[xX][0-9a-fA-F]+"
)
WITH_UNIT = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+) ?([A-Za-zµ]{1,5})")  # 80 kg
PRINTED = str.maketrans({"\u2212": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " "})  # signs and blanks of print
MOST_SIZES = 10  # that numbers with a unit may be and still are levels, such as 10 mg, 20 mg and 50 mg
A_WORD = 20  # levels: one word among more numbers than these stands for missing
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}( .*)?|\d{1,2}:\d{2}(:\d{2}.*)?"
    r"|\d{1,2}[ -][A-Za-z]{3,9}[ -,]+\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4}"
)
ID_NAME = re.compile(r"(?i:(.*[ _-])?(id|index|idx|key|uuid|guid))|.*[a-z](Id|ID)")
EMPTY, CONSTANT, INDEX, IDENTITY, DATES = "empty", "constant", "an index", "an id", "a date"


class Column(NamedTuple):
    """A column that is kept.

    Attributes
    ----------
    name : str
    values : pandas.Series or ndarray
        Numbers, NaN where one is missing; or, for text, the codes of its levels, −1 for one unseen in training.
    levels : tuple of str
        Of text, "" where it is missing; () for numbers.
    median : float
        Of the training part's numbers.
    filled : int
        How many cells are missing.
    marked : bool
        Whether numbers are missing in the training part, which a column of its own then says.
    """

    name: str
    values: Any
    levels: tuple[str, ...]
    median: float
    filled: int
    marked: bool

    @property
    def width(self) -> int:
        """How many features it becomes."""
        return len(self.levels) or 1 + self.marked

    def features(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), width): indicators of levels, or numbers and the indicator of a gap."""
        values = np.asarray(self.values)[rows]
        if self.levels:
            return values[:, None] == np.arange(len(self.levels))
        values = values.astype(np.float64)
        gap = np.isnan(values)
        values[gap] = self.median
        return np.column_stack([values, gap]) if self.marked else values[:, None]


def columns_of(table: Table, label: int | None, train: np.ndarray) -> tuple[list[Column], dict[str, list[str]]]:
    """The columns to keep, and by reason the names of those to drop.

    ValueError for cells that are neither numbers nor levels: all bad columns at once.
    """
    kept: list[Column] = []
    dropped: dict[str, list[str]] = {}
    bad: list[str] = []
    for j, given in enumerate(table.names):
        if j == label:
            continue
        name = given or f"column {j}"
        if j == 0 and table.has_names and given in ("", "Unnamed: 0"):
            dropped[INDEX] = [name]
            continue
        complaint, values = _numbers_or_text(table, table.frame[j])
        if complaint:
            bad.append(f"{complaint.place}, column {shown(name)} holds {complaint.cell!r} ({complaint.why})")
            continue
        found = _column(name, values, train, keep_constant=table.are_pictures)
        if isinstance(found, str):
            dropped.setdefault(found, []).append(name)
        else:
            kept.append(found)
    if bad:
        columns = f"{len(bad)} bad columns: " if len(bad) > 1 else ""
        listed = "; ".join(bad[:10]) + (f"; and {len(bad) - 10} more" if len(bad) > 10 else "")
        raise ValueError(
            f"{columns}{listed}; expected a finite number: correct these cells, or write ? for a missing one"
        )
    return kept, dropped


class Complaint(NamedTuple):
    """What is wrong with a column: where, what stands there first, and why that is wrong."""

    place: str
    cell: str
    why: str


def _complaint(table: Table, rows: np.ndarray, cell: str, why: str) -> Complaint:
    count = f"{len(rows):,} cell{'s' if len(rows) > 1 else ''}"
    cell = cell if len(cell) <= LONGEST else f"{cell[:LONGEST]}…"
    return Complaint(table.where(rows), cell, f"{count}: {why}")


def _numbers_or_text(table: Table, values: Any) -> tuple[Complaint | None, Any]:
    """What is wrong with a column, if anything; and its numbers, its text, or its dates, missing where they are."""
    import pandas as pd

    kinds = pd.api.types
    if kinds.is_datetime64_any_dtype(values) or kinds.is_timedelta64_dtype(values):
        return None, values
    if kinds.is_complex_dtype(values):
        return _complaint(table, np.arange(len(values)), str(values.iloc[0]), "complex numbers"), values
    is_category = isinstance(values.dtype, pd.CategoricalDtype)  # as its owner wants it, though of numbers
    if not kinds.is_numeric_dtype(values):
        values = values.astype(object).where(values.notna(), "").astype(str).str.strip()
        values = values.where(~values.isin(MISSING))
        if is_category:
            return None, values
        truth = values.str.lower().map({"true": 1.0, "false": 0.0})
        numbers = truth if truth.notna().sum() == values.notna().sum() else pd.to_numeric(values, errors="coerce")
        is_text = values.notna() & numbers.isna()
        if is_text.any():
            return _mixture(table, values, is_text), values
        values = numbers
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(np.abs(numbers) > LARGEST)
    if wrong.size:
        return _complaint(table, wrong, f"{numbers[wrong[0]]:g}", "infinite, or too large"), values
    return None, values if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf" else numbers


def _mixture(table: Table, values: Any, is_text: Any) -> Complaint | None:
    """What is wrong with a column of text: numbers written in another way, or some text among numbers."""
    texts = values[is_text]
    distinct = texts.unique()
    n_text, n, n_levels = len(texts), int(values.notna().sum()), values.nunique()
    is_meant = n_text > n / 2 or (n_text >= AT_LEAST and n_text >= SEVERAL * n)
    is_a_word_for_missing = len(distinct) == 1 and n_text < n and n_levels > min(A_WORD, n / 10)
    units = {found[1] if (found := WITH_UNIT.fullmatch(each)) else "" for each in distinct}
    if all(FORMATTED.fullmatch(each.translate(PRINTED)) for each in distinct):
        why = "a number with commas or signs, for 1234.5"
    elif len(units) == 1 and "" not in units and len(distinct) > MOST_SIZES:
        why = "a number with its unit, for a number alone"
    elif not is_meant or is_a_word_for_missing:
        why = "text among numbers"
    else:
        return None
    return _complaint(table, np.flatnonzero(is_text), texts.iloc[0], why)


def _column(name: str, values: Any, train: np.ndarray, keep_constant: bool) -> Column | str:
    """A column as features, or why it is dropped."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        return DATES
    if not isinstance(values, np.ndarray) and values.dtype.kind not in "biuf":
        return _text(name, values, train)
    numbers = np.asarray(values)
    gap = np.isnan(numbers) if numbers.dtype.kind == "f" else np.zeros(len(numbers), bool)
    in_training = numbers[train][~gap[train]]
    if not in_training.size:
        return EMPTY
    is_constant = (in_training == in_training[0]).all()
    marked = bool(gap[train].any())
    if is_constant and not marked and not keep_constant:
        return CONSTANT
    if not keep_constant:
        if not gap.any() and _is_index(name, numbers):
            return INDEX
        if _is_date(in_training):
            return DATES
    median = float(np.median(in_training)) if gap.any() else 0.0
    return Column(name, values, (), median, int(gap.sum()), marked)


def _is_index(name: str, numbers: np.ndarray) -> bool:
    """Whether numbers count the rows: 0 … m−1 or 1 … m in any order, k, k + 1, … in this one, or an id by its name."""
    if not (numbers == np.floor(numbers)).all() or len(np.unique(numbers)) < len(numbers):
        return False
    low, high = float(numbers.min()), float(numbers.max())
    counts = high - low == len(numbers) - 1 and (low in (0, 1) or bool((np.diff(numbers) == 1).all()))
    return counts or ID_NAME.fullmatch(name) is not None


def _is_date(numbers: np.ndarray) -> bool:
    """Whether all are whole numbers such as 20261126: a year from 1900 to 2100, a month, a day."""
    if not (numbers == np.floor(numbers)).all() or not ((numbers > 19_000_000) & (numbers < 21_010_000)).all():
        return False
    month, day = numbers // 100 % 100, numbers % 100
    return bool(((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def _text(name: str, values: Any, train: np.ndarray) -> Column | str:
    """Text as indicators of its levels, or why it is dropped."""
    import pandas as pd

    missing = values.isna()
    in_training = values.iloc[train]
    levels = sorted(in_training.dropna().unique())
    if not levels:
        return EMPTY
    if all(DATE.fullmatch(level) for level in levels[:200]):
        return DATES
    n = int(in_training.notna().sum())
    if len(levels) > 0.9 * n and len(levels) > 2:
        return IDENTITY
    if len(levels) > min(MOST_LEVELS, max(2, n / 2)):
        return f"text of more than {MOST_LEVELS} levels" if len(levels) > MOST_LEVELS else "text that seldom repeats"
    levels += [""] if in_training.isna().any() else []
    if len(levels) == 1:
        return CONSTANT
    codes = pd.Index(levels, dtype=object).get_indexer(values.astype(object).where(~missing, ""))
    return Column(name, codes, tuple(levels), 0.0, int(missing.sum()), False)
