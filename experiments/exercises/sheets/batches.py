"""An epoch of batches."""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.data import epoch

from ..exercise import Check, Exercise
from ..marker import function_of
from ..place import replace
from ..stopped import Stopped, call, guarded

QUESTION = """\
An epoch uses each of n rows once, batch_size rows at a time. Where batch_size does not divide n, the last batch is
shorter: it is kept, unless drop_last is True. So an epoch holds ⌈n / batch_size⌉ batches, or ⌊n / batch_size⌋ without
the short one.

Return the batches one after the other, as a list or with yield:

    without rng   slices in order, slice(start, stop); the last one must not end after n
    with rng      arrays of row numbers: rng.permutation(n) is all rows in a random order; cut it into batches

rng is a NumPy generator, such as np.random.default_rng(0). Each epoch must be shuffled anew: take your random numbers
from the rng that you are given.

    >>> list(batches(10, 4))
    [slice(0, 4, None), slice(4, 8, None), slice(8, 10, None)]
    >>> list(batches(10, 4, drop_last=True))
    [slice(0, 4, None), slice(4, 8, None)]
    >>> [len(rows) for rows in batches(10, 4, np.random.default_rng(0))]
    [4, 4, 2]
"""

HINTS = (
    "range(0, n, batch_size) gives the start of every batch. Each one ends at min(start + batch_size, n).",
    "drop_last: let the range end at n - n % batch_size, the largest multiple of batch_size in n.",
    "Draw order = rng.permutation(n) once, before the loop. A batch is then order[start:stop].",
)

ANSWER = """\
def batches(n, batch_size, rng=None, drop_last=False):
    order = None if rng is None else rng.permutation(n)
    end = n - n % batch_size if drop_last else n
    for start in range(0, end, batch_size):
        rows = slice(start, min(start + batch_size, n))
        yield rows if rng is None else order[rows]
"""


def epoch_of(answer: Any, n: int, *arguments: Any) -> list[Any]:
    """The student's batches as a list; `Stopped` where they are none, or do not end."""
    result = call(answer.batches, n, *arguments)
    if not isinstance(result, Iterable):
        what = "nothing" if result is None else f"one {type(result).__name__}"
        raise Stopped(f"batches returns {what}; expected all batches: return a list of them, or use yield")

    def listed() -> list[Any]:
        return list(itertools.islice(result, 2 * n + 2))

    listed.__name__ = "batches"
    found = call(listed)
    if len(found) > 2 * n + 1:
        raise Stopped(f"the batches of {n} rows do not end: there are more than {2 * n + 1} of them")
    return found


def in_order(answer: Any) -> str:
    """Without rng."""
    for n, size in ((10, 4), (9, 3), (5, 5), (4, 1), (1, 1)):
        found, expected = epoch_of(answer, n, size), list(epoch.batches(n, size))
        said = f"n = {n}, batch_size = {size}"
        if not all(isinstance(batch, slice) for batch in found):
            kind = next(type(batch).__name__ for batch in found if not isinstance(batch, slice))
            return f"without rng a batch is {kind}; expected slice(start, stop), which copies nothing"
        if found == expected:
            continue
        if found == expected[:-1]:
            return f"the last batch is missing ({said}): it is kept unless drop_last is True"
        if any((batch.stop or 0) > n for batch in found):
            return f"the last batch ends at {max(batch.stop for batch in found)}, after n ({said}): take min(…, n)"
        if len(found) == size and len(found) != len(expected):
            return f"there are batch_size batches ({said}); expected batches of batch_size rows"
        rows = [row for batch in found for row in range(n)[batch]]
        return row_mistake(rows, n, said) or f"the batches are {found} ({said}); expected {expected}"
    return ""


def row_mistake(rows: list[int], n: int, said: str) -> str:
    """A row that is used twice, or never."""
    twice = sorted({row for row in rows if rows.count(row) > 1})
    missing = sorted(set(range(n)) - set(rows))
    if twice:
        return f"row {twice[0]} is used more than once in an epoch ({said})"
    return f"row {missing[0]} is never used in an epoch ({said})" if missing else ""


def shuffled(answer: Any) -> str:
    """With rng."""
    n, size = 23, 4
    rng = np.random.default_rng(3)
    both = [epoch_of(answer, n, size, rng) for _ in range(2)]
    again = epoch_of(answer, n, size, np.random.default_rng(3))
    if not all(isinstance(batch, np.ndarray) for found in (*both, again) for batch in found):
        return "with rng a batch must be an array of row numbers, such as order[start:stop]"
    one, other, repeated = (np.concatenate(found).tolist() for found in (*both, again))
    said = f"n = {n}, batch_size = {size}, with rng"
    if len(one) == n - n % size:
        return f"the short last batch is missing ({said}): it is kept unless drop_last is True"
    sentence = row_mistake(one, n, said)
    if sentence:
        return f"{sentence}: draw one permutation for the whole epoch, before the loop"
    if one == list(range(n)):
        return f"the rows come in order ({said}); expected a random order: cut rng.permutation(n)"
    inside = sum(later == earlier + 1 for earlier, later in itertools.pairwise(one))
    if inside >= n - n / size - 2:
        return "only the order of the batches is random, and each holds neighbours; shuffle the rows, then cut"
    if one == other:
        return (
            "two epochs with one rng have the same order: take the random numbers from rng, and make no new generator"
        )
    if one != repeated:
        return "the same seed gives another order: take the random numbers from rng, not from np.random or random"
    if [len(batch) for batch in both[0]] != [4, 4, 4, 4, 4, 3]:
        return f"the batches have the sizes {[len(batch) for batch in both[0]]} ({said}); expected 4, 4, 4, 4, 4, 3"
    if one != np.random.default_rng(3).permutation(n).tolist():
        return (
            "each row comes once, but the order is not that of rng.permutation(n): call it once, and cut what it gives"
        )
    return ""


def dropped(answer: Any) -> str:
    """drop_last."""
    for n, size, rng in ((10, 4, None), (8, 4, None), (10, 4, np.random.default_rng(0))):
        sizes = [len(range(n)[b]) if isinstance(b, slice) else len(b) for b in epoch_of(answer, n, size, rng, True)]
        if sizes != [4, 4]:
            kept = f"n = {n}, batch_size = 4, drop_last = True{', with rng' if rng else ''}"
            return f"the batches have the sizes {sizes} ({kept}); expected [4, 4]: only a short last batch is left out"
    return ""


def exercise() -> Exercise:
    """Cutting a permutation."""
    return Exercise(
        name="batches",
        title="an epoch of batches",
        question=QUESTION,
        functions=(function_of("batches", "batches", without=("backend",)),),
        hints=HINTS,
        answer=ANSWER,
        checks=(
            Check(3, guarded(in_order)),
            Check(3, guarded(shuffled)),
            Check(
                2,
                guarded(lambda answer: in_order(answer) or shuffled(answer) or dropped(answer)),
            ),
        ),
        relation="Ours refuses sizes that make no sense, and can put the row numbers on a GPU (`backend`).",
        put_in_place=put_in_place,
        tests=(
            *(
                f"tests/test_data.py::{name}"
                for name in (
                    "test_shuffled_batches_cut_a_permutation",
                    "test_batches_in_order_are_slices",
                    "test_ragged_last_batch",
                    "test_seed_decides_the_batches",
                )
            ),
            "tests/test_training.py::test_shuffling_uses_each_row_once_an_epoch_and_each_epoch_anew",
        ),
    )


def put_in_place(answer: Any) -> None:
    """The student's batches, on the host."""

    def batches(n: Any, batch_size: Any, rng: Any = None, drop_last: Any = False, *, backend: Any = "numpy") -> Any:
        return answer.batches(n, batch_size, rng, drop_last)

    replace(epoch.batches, batches)
