"""Copies, pickles and files of a model: its constructor's arguments and theta make it again, whatever else it holds."""

from __future__ import annotations

import json
import os
import secrets
import zipfile
from pathlib import Path
from typing import Any, Self

import numpy as np

from .backend import Array, Backend


def part_of(path: Path) -> Path:
    """A name beside `path` that nobody else uses: written first and then renamed, a file is whole or not there."""
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")


class Storable:
    """What `Model` inherits: it can be copied, pickled, saved and loaded. `theta` and `backend` are the model's."""

    theta: Array
    backend: Backend

    def constructor_arguments(self) -> dict[str, Any]:
        """What makes a model of this shape again: plain values, by name."""
        raise NotImplementedError(f"{type(self).__name__} must name its constructor's arguments")

    def __getstate__(self) -> dict[str, Any]:
        arguments = self.constructor_arguments() | {"backend": self.backend}  # which knows how to be pickled
        return {"arguments": arguments, "theta": self.backend.to_numpy(self.theta)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["arguments"])  # type: ignore[misc]  # so that the views are views of the new theta
        self.theta[...] = self.backend.asarray(state["theta"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to `path`, a NumPy .npz archive, whole or not at all."""
        path = Path(path)
        temporary = part_of(path)
        try:
            with open(temporary, "wb") as file:
                theta = self.backend.to_numpy(self.theta)
                np.savez(file, theta=theta, arguments=json.dumps(self.constructor_arguments()))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str], backend: str | Backend | None = None) -> Self:
        """The model that `save` wrote, on the backend it was on or on another.

        ValueError if the file holds no model of this class, OSError if it cannot be read, BackendUnavailable if its
        backend is not there.
        """
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                arguments, theta = json.loads(str(archive["arguments"])), archive["theta"]
            if backend is not None:
                arguments["backend"] = backend
            model = cls(**arguments)
            model.theta = model.backend.asarray(theta)
        except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{os.fspath(path)!r} holds no saved {cls.__name__}: {error}") from None
        return model
