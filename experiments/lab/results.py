"""What an experiment leaves on disk: `result.json` and where it was measured."""

import datetime
import hashlib
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import threadpoolctl

from minigrad import Backend, Dataset, get_backend
from minigrad.engine.files import part_of

from .facts import base_rate
from .journal import as_json


def frame(result: dict[str, Any], kind: str, never: Sequence[str] = (), **wanted: Any) -> pd.DataFrame:
    """The rows of a kind as a table with a column a field, and of these only the ones whose fields are as wanted.

    `never` names columns of what a run needed to a target: infinite where it never arrived, which JSON writes as null.
    """
    rows = [row for row in result["rows"] if row["kind"] == kind]
    rows = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    columns = {name: [math.inf if row[name] is None else row[name] for row in rows] for name in never}
    return pd.DataFrame(rows).assign(**columns)


def data_read(data: Dataset) -> dict[str, Any]:
    """What was read: the name, the rows of each class, the base rate, and what a user's own table became."""
    counts = [np.bincount(y, minlength=data.n_classes) for y in (data.y_train, data.y_test)]
    classes = {name: {"train": train, "test": test} for name, train, test in zip(data.classes, *counts)}
    found = {"name": data.name, "classes": classes, "base_rate": base_rate(classes).plain()}
    return found | {"reading": data.reading, "sha256": digest(data).hexdigest()}


def digest(data: Dataset) -> Any:
    """The hash of all numbers that a trial can see."""
    found = hashlib.sha256()
    for array in (data.X_train, data.y_train, data.X_test, data.y_test):
        found.update(np.ascontiguousarray(array).data)
    return found


def environment(backend: Backend) -> dict[str, Any]:
    """The machine and the versions that a measurement was made with; "gpu": the one that answers here, or ""."""
    pools, auto = threadpoolctl.threadpool_info(), get_backend("auto")
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "versions": {name: metadata.version(name) for name in ("numpy", "scipy", "pandas", "matplotlib")},
        "blas": [
            f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}, {pool['num_threads']} threads"
            for pool in pools
        ],
        "device": _device(backend),
        "gpu": "" if auto.blas is not None else _device(auto),
    }


def write_json(path: Path, result: dict[str, Any]) -> Path:
    """Write `result` whole or not at all; NaN and infinity, which JSON lacks, become null."""
    write_all({path: json_text(result)})
    return path


def write_all(texts: Mapping[Path, str]) -> None:
    """Write all of these files or, where one cannot be written, none."""
    parts = {path: part_of(path) for path in texts}
    before = {path: path.read_bytes() if path.exists() else None for path in texts}
    replaced = []
    try:
        for path, part in parts.items():
            part.write_text(texts[path], encoding="utf-8")
        for path, part in parts.items():
            part.replace(path)
            replaced.append(path)
    except BaseException:
        for path in replaced:
            _put_back(path, parts[path], before[path])
        raise
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _put_back(path: Path, part: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        part.write_bytes(content)
        part.replace(path)


def read(path: Path, shapes: Mapping[str, type]) -> dict[str, Any]:
    """What `write_json` wrote: an object with at least the entries of `shapes`, a type for each name.

    Raises OSError where the file cannot be read, and ValueError, in a line, where it holds something else, or a claim
    without a statement.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):  # brackets may be nested a thousand deep
        raise ValueError(f"{str(path)!r} is no JSON") from None
    entries = found if isinstance(found, dict) else {}
    lacking = [name for name, shape in shapes.items() if not isinstance(entries.get(name), shape)]
    claims = [] if lacking else found["claims"].values()
    if not all(isinstance(claim, dict) and "statement" in claim for claim in claims):
        lacking = ["statement"]
    if lacking:
        raise ValueError(f"{str(path)!r} lacks {lacking[0]!r}")
    return found


def json_text(result: dict[str, Any], ascii_only: bool = True) -> str:
    """`result` as JSON; NaN and infinity, which JSON lacks, become null."""
    plain = json.loads(json.dumps(result, default=as_json), parse_constant=lambda _: None)
    return json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=ascii_only) + "\n"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _device(backend: Backend) -> str:
    if backend.blas is not None:
        return "cpu"
    return backend.xp.cuda.runtime.getDeviceProperties(backend.xp.cuda.Device().id)["name"].decode()
