"""Which column of a table is the label, and what its classes are."""

import re
from typing import Any, NamedTuple

import numpy as np

from ..engine import checks
from .dataset import WORDS
from .layout import LIKE_A_LABEL, NO_LABEL
from .reading import Table

MOST_CLASSES = 50
FEWEST_ROWS_A_CLASS = 10
SHOWN = 3  # other columns
ALWAYS_FEW = 3  # classes, in however few rows
LEADING_ZERO = re.compile(r"[-+]?0\d+")  # 007
OR_MORE = re.compile(r"(.+)-or-more")


class Label(NamedTuple):
    """y (m,): 0 … K−1, int64; the classes they stand for; the column, and why it is the label."""

    y: np.ndarray
    classes: tuple[str, ...]
    name: str
    why: str
    is_made: bool  # two classes, made of a quantity


def label_column(table: Table, label: str | int | None) -> tuple[int, str]:
    """The label's column, and why it is that one; ValueError where there is none of that name."""
    names, width = table.names, len(table.names)
    if label is None:
        return _guess(table)
    if isinstance(label, str) and table.has_names and names.count(label) == 1:
        return names.index(label), "as told"
    try:
        index = int(label)
    except ValueError:
        index = width
    if -width <= index < width and not (table.has_names and names.count(str(label)) > 1):
        return index % width, "as told"
    shown = ", ".join(map(checks.shown, names[:10])) + (", …" if width > 10 else "")
    near = [name for name in names if name.lower() == str(label).strip().lower()]
    shown = f"{checks.shown(near[0])} (capital letters count)" if len(near) == 1 else f"one of {shown}, once there"
    expected = f"{shown}, or " if table.has_names else ""
    raise ValueError(f"no column {checks.shown(label)}; expected {expected}an index from {-width} to {width - 1}")


def _guess(table: Table) -> tuple[int, str]:
    """A column named like a label; of several the last column, or else the leftmost; without one the last."""
    names, width = table.names, len(table.names)
    lower = [name.lower() for name in names]
    words = set(LIKE_A_LABEL) - ({"y"} if "x" in lower else set())  # x and y are a place
    like = [j for j, name in enumerate(lower) if table.has_names and name in words]
    if not like:
        filled = [j for j in range(width) if table.frame[j].notna().any()] or [width - 1]
        return filled[-1], "the last column"
    best = width - 1 if width - 1 in like else like[0]
    others = ", ".join(repr(names[j]) for j in like if j != best)
    return best, "named like one" + (f", as {others} is, too" if others else "")


def label_of(table: Table, label: str | int | None, task: str | None) -> tuple[Label, int | None]:
    """The label, and its column in the table (none, where labels stand apart).

    A task "K-or-more" makes two classes of a quantity.
    """
    import pandas as pd

    if table.labels is not None:
        column, name, why, values = None, "y", "as the file has it", pd.Series(table.labels)
    else:
        column, why = label_column(table, label)
        name, values = table.names[column] or str(column), _as_written(table, column)
    shown = f"label {checks.shown(name)} ({why})"
    values, is_numeric = _values(table, values, shown)
    y, distinct = pd.factorize(values, sort=True)
    distinct, m = np.asarray(distinct), len(values)
    if len(distinct) < 2:
        only = _names(distinct, is_numeric)[0]
        raise ValueError(
            f"{shown}: all rows have the label {checks.shown(only)}; expected at least two classes{_cure(why)}"
        )
    fault = _fault(distinct, is_numeric, m)
    if fault is None:
        return Label(y.astype(np.int64), _names(distinct, is_numeric), name, why, False), column
    found = OR_MORE.fullmatch(task) if task else None
    if is_numeric and found:
        bound = _bound(found[1], distinct, shown)
        classes = (f"below {found[1]}", f"{found[1]} or more")
        return Label((values >= bound).to_numpy().astype(np.int64), classes, name, why, True), column
    examples = ", ".join(checks.brief(each, 40) for each in _names(distinct[:3], is_numeric))
    cure = f"another column, by --label (label=){_others(table, column)}"
    if is_numeric and fault == "a quantity":
        middle = _names(np.asarray([values.quantile(0.5, interpolation="nearest")]), True)[0]
        cure = f"two classes made of it, --task '{middle}-or-more' (task=), or {cure}"
    raise ValueError(
        f"{shown} has {len(distinct)} different values in {m} rows, such as {examples}: it looks like {fault}; "
        f"expected at most {most_classes(m)} classes: {cure}"
    )


def _as_written(table: Table, column: int) -> Any:
    """The labels; as text where one begins with a zero that a number would lose."""
    import pandas as pd

    values = table.frame[column]
    if table.as_text is None or not pd.api.types.is_numeric_dtype(values):
        return values
    written = table.as_text(column)
    return written if written.str.strip().str.fullmatch(LEADING_ZERO).any() else values


def _values(table: Table, values: Any, shown: str) -> tuple[Any, bool]:
    """The labels as numbers, or as text where one of them is none; ValueError for one that is missing or infinite."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        values = values.astype(object).where(values.notna(), "").astype(str).str.strip()
        values = values.where(~values.isin(NO_LABEL))
    missing = np.flatnonzero(values.isna())
    if len(missing) == len(values):
        raise ValueError(f"{shown} is empty; expected a label in every row")
    numbers = pd.to_numeric(values, errors="coerce")
    is_numeric = bool(numbers.notna().sum() == values.notna().sum()) and _keeps_apart(values, numbers)
    if missing.size:
        raise ValueError(
            f"{table.where(missing)}, {shown} is missing in {missing.size:,} of {len(values):,} rows; expected a label "
            "in every row: fill it in, or delete the rows"
        )
    if not is_numeric:
        return values.astype(str), False
    numbers = numbers.astype(np.float64) + 0.0  # −0.0 + 0.0 is 0.0
    infinite = np.flatnonzero(~np.isfinite(numbers))
    if infinite.size:
        raise ValueError(f"{table.where(infinite)}, {shown} is infinite; expected a label")
    return numbers, True


def _keeps_apart(values: Any, numbers: Any) -> bool:
    """Whether different labels are different numbers in float64; not so 007 and 7, 1_0 and 10, 2⁵³ and 2⁵³ + 1."""
    if values.dtype.kind == "f":
        return True
    if values.dtype.kind not in "biu" and values.astype(str).str.fullmatch(LEADING_ZERO).any():
        return False
    return bool(values.nunique() == numbers.astype(np.float64).nunique())


def most_classes(m: int) -> int:
    """How many classes m rows may have: two always, and at least two rows in each of more."""
    return max(2, min(MOST_CLASSES, max(ALWAYS_FEW, m // FEWEST_ROWS_A_CLASS), m // 2))


def _fault(distinct: np.ndarray, is_numeric: bool, m: int) -> str | None:
    """What labels look like that are no classes; None where they are."""
    n_classes = len(distinct)
    if is_numeric and not (distinct == np.floor(distinct)).all():
        return "a quantity"
    if n_classes <= most_classes(m):
        return None
    if is_numeric and not (n_classes == m and distinct[-1] - distinct[0] == m - 1):
        return "a quantity"
    return "an id" if n_classes > 0.9 * m else "a name"


def _others(table: Table, column: int | None) -> str:
    """Columns whose values could be classes, in words."""
    m = len(table.frame)
    found = []
    for j, name in enumerate(table.names):
        n_values = table.frame[j].nunique()
        if j != column and 2 <= n_values <= min(MOST_CLASSES, m / FEWEST_ROWS_A_CLASS):
            found.append(f"{checks.shown(name or str(j))} has {n_values} values")
        if len(found) == SHOWN:
            break
    return f" ({', '.join(found)})" if found else ""


def _names(distinct: np.ndarray, is_numeric: bool) -> tuple[str, ...]:
    if is_numeric:
        return tuple(repr(float(value)).removesuffix(".0") for value in distinct)
    return tuple(str(value) for value in distinct)


def _cure(why: str) -> str:
    return "" if why == "as told" else ": name another column by --label (label=)"


def _bound(text: str, distinct: np.ndarray, shown: str) -> float:
    """The K of a task "K-or-more"; ValueError for one that leaves all rows on one side."""
    try:
        bound = float(WORDS.index(text)) if text in WORDS else float(text)
    except ValueError:
        bound = np.nan
    if not distinct[0] < bound <= distinct[-1]:
        low, high = _names(distinct[[0, -1]], True)
        raise ValueError(
            f"task {checks.shown(f'{text}-or-more')} of {shown}: expected a number above {low}, at most {high}"
        )
    return bound
