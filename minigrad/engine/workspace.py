"""Buffers that only grow, so that a step allocates nothing of the size of its batch or of theta."""

import functools
import threading
from collections.abc import Sequence
from typing import Any

from .backend import Array, Backend


class Workspace(threading.local):
    """Arrays by name. Their content is undefined, and valid until the next call with the same name.

    Each thread has its own: one model may predict in several threads at once.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.buffers: dict[str, Array] = {}
        self.sets: dict[str, tuple[int, list[Array]]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of `shape`: the buffer of that name, which grows where it is too short, or a slice of it."""
        buffer = self.buffers.get(name)
        if buffer is None or len(buffer) < shape[0] or buffer.shape[1:] != shape[1:] or buffer.dtype != dtype:
            buffer = self.buffers[name] = self.backend.xp.empty(shape, dtype)
        return buffer if len(buffer) == shape[0] else buffer[: shape[0]]

    def take_each(self, name: str, m: int, widths: Sequence[int], dtype: Any) -> list[Array]:
        """An array (m, n) for each n of `widths`, the same ones as long as m stays the same."""
        kept = self.sets.get(name)
        if kept is None or kept[0] != m:
            arrays = [self.take(f"{name} {l}", (m, n), dtype) for l, n in enumerate(widths)]
            kept = self.sets[name] = m, arrays
        return kept[1]


@functools.lru_cache(maxsize=32)
def vector_of_ones(xp: Any, n: int, dtype: Any) -> Array:
    """1, (n,): a product with it is a sum, at BLAS speed; not to be changed."""
    return xp.ones(n, dtype)
