"""How a table is laid out in a text file: what parts its cells, where its rows begin, what its columns are called."""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .kinds import encoding_of, text

BLANKS = " "  # as a delimiter: any number of blanks and tabs
DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", BLANKS: "blanks"}
NO_LABEL = (
    *("", "?", "NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "-nan", "-NaN", "null", "NULL", "Null", "<NA>", "#N/A"),
    *("#NA", "NaT"),
)
MISSING = (*NO_LABEL, "-", "--", ".", "*", "None")  # of a feature; a label may well be called + or −, or None
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?|[-+]?(inf|infinity|nan)", re.IGNORECASE)
GROUPED = re.compile(r"[-+]?\d{1,3}(\.\d{3})+,\d+")  # 1.234,5
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")  # 66,171: 66171, or 66.171
DIGITS = re.compile(r"[-+\d.,]*")
QUOTED = re.compile(r'"[^"]*"')
LIKE_A_LABEL = ("label", "target", "class", "y", "species", "survived", "quality", "outcome", "diagnosis")
UNSEEN = dict.fromkeys(map(ord, "\ufeff\u200b"))  # marks that nobody sees
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")
LINES = 500  # looked at


@dataclass(frozen=True)
class Layout:
    """Where a text file has what.

    Attributes
    ----------
    encoding, delimiter, decimal : str
    names : tuple of str
        The columns' names, "" for one without; their numbers from 0 where there is no header.
    has_header : bool
    skipped : int
        Lines above the first row, the header among them.
    first_line : int
        The line of the header, or of the first row.
    notes : tuple of str
        What a user should know.
    """

    encoding: str
    delimiter: str
    decimal: str
    names: tuple[str, ...]
    has_header: bool
    skipped: int
    first_line: int
    notes: tuple[str, ...]


def layout_of(path: Path, label: str | int | None) -> Layout:
    """Look at the first lines of a file; ValueError where they are no table. A label's name helps to find a header."""
    encoding = encoding_of(path)
    with text(path, encoding) as file:
        lines = list(itertools.islice(file, LINES))
    delimiter = max(DELIMITERS, key=lambda each: _clarity(lines, each))
    rows = list(rows_of(lines, delimiter))
    width = _usual_width([cells for _, cells in rows])
    if width < 2:
        raise ValueError(f"{width} column(s); expected at least 2, parted by commas, semicolons, tabs or blanks")
    begin = 0
    while begin < len(rows) - 1 and _is_title(rows[begin][1], rows[begin + 1][1], width):
        begin += 1
    first_line, head = rows[begin]
    body = [cells for _, cells in rows[begin + 1 :] if len(cells) == width]
    if head[0].startswith("#") and len(head) in (width, width + 1):  # "#name,…", or "# name …"
        head = [head[0].lstrip("#").strip(), *head[1:]][-width:]
    elif len(head) == width - 1 and not any(map(is_number, head)):  # R writes no name above its row names
        last_is_empty = not any(cells[-1] for cells in body)
        head = [*head, ""] if last_is_empty else ["", *head]
    if len(head) != width:
        raise ValueError(f"line {first_line} has {len(head)} cell(s); expected {width}, as in the lines below it")
    head = [cell.translate(UNSEEN).strip() for cell in head]
    has_header = _is_header(head, body, label)
    names = tuple(" ".join(name.split()) for name in head) if has_header else tuple(str(j) for j in range(width))
    decimal, as_read = _decimal(delimiter, names, rows[begin + has_header :])
    return Layout(
        encoding,
        delimiter,
        decimal,
        names,
        has_header,
        skipped=first_line if has_header else (rows[begin - 1][0] if begin else 0),
        first_line=first_line,
        notes=(*_notes(encoding, [line for line, _ in rows[:begin]], head if has_header else []), *as_read),
    )


def rows_of(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank: the number of the line it ends on, and its cells without blanks around them."""
    if delimiter == BLANKS:
        lines = (" ".join(line.split()) + "\n" for line in lines)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if len(cells) > 1 or "".join(row).strip(" \t"):  # what pandas takes for blank, too
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}; expected cells with every quote closed") from None


def refuse_open_quote(lines: Iterable[str], delimiter: str) -> None:
    """ValueError where a quote is never closed, or closed too late."""
    if delimiter == BLANKS:
        lines = (line.replace("\t", " ") for line in lines)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for _ in reader:
            pass
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}; expected every quote closed") from None


def is_number(cell: str) -> bool:
    """Whether a cell is a number, written with a point."""
    return NUMBER.fullmatch(cell) is not None


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0] if rows else 0


def _clarity(lines: Sequence[str], delimiter: str) -> float:
    """How clearly a delimiter cuts the lines into a table: rows of one width, numbers in its cells, no other delimiter.

    Blanks are no such other one: a cell may hold several words.
    """
    rows = [cells for _, cells in rows_of(lines, delimiter)]
    width = _usual_width(rows)
    if width < 2:
        return 0.0
    whole = [cells for cells in rows if len(cells) == width]
    cells = list(itertools.chain.from_iterable(whole[:50]))
    is_cell = is_number if delimiter == "," else _is_quantity
    numbers = sum(map(is_cell, cells))
    clear = len(whole) / len(rows) * (0.1 + numbers / len(cells))
    uncut = [_holds_uncut(line, delimiter) for line in lines[:50]]
    if sum(uncut) <= len(uncut) / 2:
        return clear
    return clear * (0.1 if uncut[0] else 0.5)  # the first line may be a header, which is seldom cut by mistake


def _holds_uncut(line: str, delimiter: str) -> bool:
    """Whether another delimiter stands in a cell of the line, outside quotes, and the cell is no number."""
    others = [each for each in DELIMITERS if each not in (delimiter, BLANKS)]
    line = QUOTED.sub("", line.strip())
    if not any(each in line for each in others):
        return False
    cells = line.split(None if delimiter == BLANKS else delimiter)
    return any(any(each in cell for each in others) and not DIGITS.fullmatch(cell) for cell in cells)


def _is_title(cells: Sequence[str], below: Sequence[str], width: int) -> bool:
    """Whether a line at the top is a title or a comment: no row, and no header."""
    if re.fullmatch("sep=.?", cells[0], re.IGNORECASE) and not any(cells[1:]):  # for a spreadsheet
        return True
    if cells[0].startswith(("#", "%")):
        names_below = below[0].startswith(("#", "%")) or not any(map(is_number, below))
        return cells[0].startswith("%") or names_below or len(cells) not in (width, width + 1)
    if any(map(is_number, cells)) and len(cells) > 1:
        return False
    if len(cells) == width:
        return width > 2 and not any(cells[1:])  # a spreadsheet's title stands before empty cells
    without_a_name = len(cells) == width - 1 and any(map(is_number, below))
    return not without_a_name


def _is_header(head: Sequence[str], body: Sequence[Sequence[str]], label: str | int | None) -> bool:
    """Whether the first row holds names: text above numbers, text that does not come again, or 400, 410, 420, …"""
    columns = list(zip(*body)) or [()] * len(head)
    filled = [[cell for cell in column if cell not in MISSING] for column in columns]
    is_name = [cell not in MISSING and not is_number(cell) for cell in head]
    above_numbers = [name and cells and all(map(_is_quantity, cells)) for name, cells in zip(is_name, filled)]
    are_new = not any(cell in cells for cell, name, cells in zip(head, is_name, filled) if name)
    numbers = [float(cell) for cell in head if is_number(cell) and cell not in MISSING]
    given = isinstance(label, str) and label in head and not is_number(label)
    if are_new and (given or any(cell.lower() in LIKE_A_LABEL for cell in head)):
        return True
    if any(above_numbers):
        return _are_counted(numbers) or _counts(head)
    if not numbers:
        return are_new and len(set(head)) == len(head)
    if not any(is_name) and not (numbers[0] in (0, 1) and _are_counted(numbers)):
        return False
    return are_new and _counts(head) and not any(map(_counts, body))


def _counts(cells: Sequence[str]) -> bool:
    """Whether the numbers of a row, three or more, go up by the same step."""
    numbers = [float(cell) for cell in cells if is_number(cell) and cell not in MISSING]
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    return len(steps) > 1 and min(steps) > 0 and max(steps) - min(steps) < 1e-6 * max(steps)


def _are_counted(numbers: Sequence[float]) -> bool:
    return all(number == numbers[0] + k for k, number in enumerate(numbers))


def _is_quantity(cell: str) -> bool:
    """Whether a cell is a number, written with a point or with a comma."""
    return is_number(cell) or DECIMAL_COMMA.fullmatch(cell) is not None or GROUPED.fullmatch(cell) is not None


def _decimal(
    delimiter: str, names: Sequence[str], rows: Sequence[tuple[int, list[str]]]
) -> tuple[str, tuple[str, ...]]:
    """A comma, where numbers have one and none has a point; and a note that says so.

    ValueError, with line and column, where each of them may be a number of thousands.
    """
    if delimiter == ",":
        return ".", ()
    cells = [(line, name, cell) for line, row in rows if len(row) == len(names) for name, cell in zip(names, row)]
    commas = [each for each in cells if DECIMAL_COMMA.fullmatch(each[2])]
    if not commas or any("." in cell and is_number(cell) for _, _, cell in cells):
        return ".", ()
    line, name, first = commas[0]
    plain, decimal = first.replace(",", ""), first.replace(",", ".")
    if all(THOUSANDS.fullmatch(cell) for *_, cell in commas) and not any(GROUPED.fullmatch(cell) for *_, cell in cells):
        where = f"line {line}, column {name!r} holds {first!r}, which may be {plain} or {decimal}"
        raise ValueError(f"{where}; expected numbers that are written as one of the two")
    return ",", (f"decimal commas: {first} is {decimal}",)


def _notes(encoding: str, titles: Sequence[int], head: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if encoding in ("cp1252", "latin-1"):
        notes.append("not UTF-8, read as Latin-1")
    if titles:
        notes.append(f"above the table skipped: line {', '.join(map(str, titles))}")
    if head and all(is_number(cell) for cell in head if cell):
        notes.append(f"the first row, {head[0] or head[1]} … {head[-1]}, taken for names")
    return tuple(notes)
