"""What an experiment leaves on disk: `result.json` and where it was measured."""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from minigrad import Backend

VERDICTS = ("holds", "conditional", "does not hold", "undecided", "not measured")


def claim(statement: str, verdict: str, because: str, evidence: dict[str, Any]) -> dict[str, Any]:
    """One claim's entry in a result; `verdict` is one of VERDICTS, and comes out of the evidence."""
    if verdict not in VERDICTS:
        raise ValueError(f"verdict is {verdict!r}; expected one of {', '.join(VERDICTS)}")
    return {"statement": statement, "verdict": verdict, "because": because, "evidence": evidence}


def decide(tests: dict[str, bool | None]) -> str:
    """The verdict on a claim from its arms: each came out for it (True), against it (False) or is open (None).

    It holds where all arms are for it, is conditional where some are and some are not, and does not hold where none is;
    undecided while an open arm could turn that.
    """
    outcomes = set(tests.values())
    if {True, False} <= outcomes:
        return "conditional"
    if None in outcomes or not outcomes:
        return "undecided"
    return "holds" if outcomes == {True} else "does not hold"


def environment(backend: Backend) -> dict[str, Any]:
    """The machine and the versions that a measurement was made with."""
    pools = threadpoolctl.threadpool_info()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "versions": {name: metadata.version(name) for name in ("numpy", "scipy", "matplotlib")},
        "blas": [f"{pool['internal_api']} {pool['version']}, {pool['num_threads']} threads" for pool in pools],
        "device": _device(backend),
    }


def write_json(path: Path, result: dict[str, Any]) -> Path:
    """Write `result` whole or not at all; NaN and infinity, which JSON lacks, become null."""
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_text(json.dumps(_plain(result), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _plain(value: Any) -> Any:
    """`value` in JSON's own types."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
