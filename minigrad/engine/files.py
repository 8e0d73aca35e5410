"""Copies, pickles and files of a model: its constructor's arguments and theta make it again, whatever else it holds."""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Self

import numpy as np

from . import checks
from .archive import read_archive
from .backend import Array, Backend, BackendUnavailable


def part_of(path: Path) -> Path:
    """A name beside `path` that nobody else uses: written first and then renamed, a file is whole or not there."""
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")


def _refuse_misfit(arguments: Any, theta: np.ndarray) -> None:
    """ValueError for a theta that is no vector of finite numbers, or of another length than layers of these sizes."""
    if theta.dtype.kind != "f" or theta.ndim != 1 or not np.isfinite(theta).all():
        raise ValueError(f"theta has shape {theta.shape} and dtype {theta.dtype}; expected finite numbers (p,)")
    sizes = arguments["layer_sizes"] if "layer_sizes" in arguments else [arguments["n_features"], 1]
    p = sum((n_in + 1) * n_out for n_in, n_out in zip(sizes, sizes[1:]))
    if p != len(theta):  # before a model of that size is made
        raise ValueError(f"theta has {len(theta)} numbers; expected {p} for layers of {sizes}")


class Storable:
    """What `Model` inherits: it can be copied, pickled, saved and loaded. `theta` and `backend` are the model's."""

    theta: Array
    dtype: Any
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

        ValueError if the file holds no model of this class, or parameters that are not finite, OSError if it cannot be
        read, BackendUnavailable if its backend is not there.
        """
        try:
            arrays, names = read_archive(path, ("arguments", "theta"))
            if len(arrays) < 2:
                raise ValueError(f"the arrays in it are {', '.join(map(repr, names)) or 'none'}")
            arguments, theta = json.loads(str(arrays["arguments"])), arrays["theta"]
            _refuse_misfit(arguments, theta)
            if backend is not None:
                arguments["backend"] = backend
            model = cls(**arguments)
            with np.errstate(over="ignore"):
                model.theta = model.backend.asarray(theta)
            if not bool(model.backend.xp.isfinite(model.theta).all()):
                raise ValueError(f"theta holds numbers that {model.dtype} cannot hold")
        except (BackendUnavailable, OSError, MemoryError):
            raise
        except Exception as error:  # whatever arguments of a stranger make a constructor raise
            reason = checks.brief(str(error))
            raise ValueError(f"{os.fspath(path)!r} holds no saved {cls.__name__}: {reason}") from None
        return model
