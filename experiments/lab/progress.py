"""How far an experiment is: a bar on a terminal, a line every ten seconds in a pipe, both on standard error."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from tqdm import tqdm

LINE, BAR = 10.0, 1.0  # seconds between two lines; between two looks at the bar, which moves in a long trial, too


class Progress:
    """The share of an experiment that is done, and what that says about the time left; a context manager.

    Each call of `Trials.run` says which share of the experiment is done after it, as measured on the digits: `part`.
    Within it, trials count alike. What an earlier run had finished took no time in this one, and says nothing of it.

    Parameters
    ----------
    name : str
        Of the experiment.
    shown : bool
        False: nothing is shown.
    """

    def __init__(self, name: str = "", shown: bool = False) -> None:
        self.name = name
        self.share, self.found, self.trials = 0.0, 0.0, 0  # done; of it found in the journal; trials done
        self.shown = shown and sys.stderr is not None
        self._step = 0.0  # the share of a trial
        self._bar = tqdm(disable=True)
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        terminal = self.shown and sys.stderr.isatty()
        shape = "{desc} {percentage:3.0f}%|{bar}| {elapsed}, about {remaining} left"
        self._bar = tqdm(total=1.0, desc=self.name, bar_format=shape, leave=False, smoothing=0, disable=not terminal)
        if self.shown:
            tell = self._bar.refresh if terminal else self._print_line
            self._thread = threading.Thread(target=self._keep_telling, args=(tell, BAR if terminal else LINE))
            self._thread.daemon = True
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        if self.shown:
            self._thread.join()
        self._bar.close()

    def part(self, until: float, trials: int, found: int) -> None:
        """So many trials come next, of which the journal had `found`; after them the share `until` is done, about."""
        self._step = max(0.0, until - self.share) / max(1, trials)
        self.found += found * self._step
        self._bar.initial = self.found
        self._advance(found)

    def trial_done(self) -> None:
        """One trial more is done."""
        self._advance(1)

    def _advance(self, trials: int) -> None:
        self.trials += trials
        self.share += trials * self._step
        self._bar.update(trials * self._step)

    def line(self, seconds: float) -> str:
        """As in "compare_gd_sgd: 120 trials done, 40 %, after 35 s; about 50 s left"."""
        told = f"{self.name}: {self.trials:,} trials done, {100 * self.share:.0f} %, after {seconds:.0f} s"
        timed = self.share - self.found  # what the time so far was for
        return f"{told}; about {seconds * (1 - self.share) / timed:.0f} s left" if timed > 0.01 else told

    def _print_line(self) -> None:
        print(self.line(time.monotonic() - self.started), file=sys.stderr, flush=True)

    def _keep_telling(self, tell: Callable[[], Any], seconds: float) -> None:
        with contextlib.suppress(OSError, ValueError):  # whoever read it is gone
            while not self._stop.wait(seconds):
                tell()
