"""The finished trials of an experiment on disk, a line each: what was finished before an interruption is not lost."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.engine.files import part_of

Rows = list[dict[str, Any]]


class Journal:
    """A file with a line a trial: a checksum, then JSON's [key, rows]. Without a path, a memory that nothing outlives.

    A line that does not fit its checksum is set aside, into a file of the same name that ends in .damaged; so its trial
    is not among the finished ones, and runs again.

    Attributes
    ----------
    finished : dict of list
        By key, the rows of each trial that is finished.
    damaged : int
        Lines that were set aside.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.finished: dict[str, Rows] = {}
        self.damaged = 0
        if path is not None and path.exists():
            self._read(path)

    @property
    def set_aside(self) -> Path | None:
        """Where damaged lines are."""
        return self.path and self.path.with_suffix(".damaged")

    def _read(self, path: Path) -> None:
        content = path.read_bytes()
        lines = [line for line in content.split(b"\n") if line]
        found = {line: _entry(line) for line in lines}
        self.finished = dict(entry for entry in found.values() if entry)
        damaged = [line for line, entry in found.items() if entry is None]
        self.damaged = len(damaged)
        if damaged and self.set_aside:
            with self.set_aside.open("ab") as file:
                file.write(_joined(damaged))
        whole = _joined([line for line in lines if found[line]])
        if whole != content:  # else another run may add to it right now
            part = part_of(path)
            part.write_bytes(whole)
            part.replace(path)

    def delete(self) -> None:
        """Take the file away: the experiment has written its result."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def keep(self, key: str, rows: Rows) -> None:
        """Remember a finished trial, as JSON has it: a row reads the same before and after an interruption."""
        text = json.dumps([key, rows], default=as_json)
        self.finished[key] = json.loads(text)[1]
        if self.path is not None:
            with self.path.open("ab") as file:
                file.write(_joined([_checksum(text.encode()) + b" " + text.encode()]))


def _entry(line: bytes) -> tuple[str, Rows] | None:
    """Key and rows; None for a line that is damaged."""
    checksum, _, text = line.partition(b" ")
    if checksum != _checksum(text):
        return None
    try:
        key, rows = json.loads(text)
    except (ValueError, TypeError, RecursionError):  # brackets may be nested a thousand deep
        return None
    shape = isinstance(key, str) and isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    return (key, rows) if shape else None


def _checksum(text: bytes) -> bytes:
    return f"{zlib.crc32(text):08x}".encode()


def _joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def as_json(value: Any) -> Any:
    """NumPy's numbers and arrays as JSON's; TypeError for what JSON lacks."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"a row holds {value!r}; expected numbers, texts, lists and dicts")
