"""One epoch: every row once, a batch at a time. The only place where rows are shuffled."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine import checks
from ..engine.backend import Backend, get_backend


# exercise: batches
def batches(
    n: int,
    batch_size: int,
    rng: np.random.Generator | None = None,
    drop_last: bool = False,
    *,
    backend: str | Backend = "numpy",
) -> Iterator[Any]:
    """One epoch: every one of n rows once, `batch_size` at a time, 1 <= batch_size <= n.

    Parameters
    ----------
    n, batch_size : int
    rng : numpy.random.Generator, optional
        Shuffles the rows, anew at each call. Without it they come in order.
    drop_last : bool
        Whether to leave out the shorter last batch that remains where batch_size does not divide n.
    backend : str or Backend
        Where index arrays are to live: on a device an epoch's permutation is moved there at once.

    Returns
    -------
    iterator of ndarray or slice
        With rng, index arrays that cut a permutation of 0 … n−1; without, slices. `X[batch]` is right for both,
        and a slice copies nothing.

    Raises
    ------
    ValueError, TypeError
        At the call, before the first batch is asked for.
    """
    n = checks.whole_number("n", n)
    batch_size = checks.whole_number("batch_size", batch_size, maximum=n)
    checks.generator("rng", rng)
    end = n - n % batch_size if drop_last else n
    cuts = (slice(start, min(start + batch_size, n)) for start in range(0, end, batch_size))
    if rng is None:
        return cuts
    # Drawn here, not in the loop: a call uses up the same randomness however it is read.
    order = get_backend(backend).asarray(rng.permutation(n))
    return (order[cut] for cut in cuts)
