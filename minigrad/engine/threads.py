"""How many threads BLAS takes: all that it may, or one where other programs use the cores.

BLAS divides a product evenly among the cores. Where another program is on one of them, all wait for the thread that
shares it: an update then takes three to four times as long, and with a single thread about twice. And threads gain
nothing on a small product. The numbers may differ in their last digits: two threads can add up in another order.

    span      time between two looks at the processor's clock
    inside    the part of it spent in products
    cpu       what the processor gave this thread meanwhile; much less than `inside` means that it had to wait
"""

import functools
import threading
import time
from typing import Any, Self

# A batch's work is its rows times the bytes of theta.
SPLIT = 2_600_000  # below, BLAS takes one thread by itself
SMALL = 10_500_000  # up to here one is about as fast as two, which have to copy theta from core to core
LOOK = 0.02  # seconds inside products from look to look
SHARE = 0.8  # of `inside`: what the processor gives on a quiet machine is 0.95 and more
PATIENCE = 0.5, 8.0  # seconds with one thread before all are tried again; twice as long each time it fails


@functools.cache
def libraries() -> list[Any]:
    """The BLAS libraries in this process, NumPy's and SciPy's."""
    import threadpoolctl

    found = threadpoolctl.ThreadpoolController().lib_controllers
    return [library for library in found if library.user_api == "blas"]


class Threads:
    """`with threads.for_work(n):` lets BLAS take as many threads as pay for that much work.

    Blocks may be nested, and used by several threads of the program: the first to come decides for all.
    """

    def __init__(self) -> None:
        self.users = 0
        self.restore: list[tuple[Any, int]] = []
        self.inside = self.started = self.cpu = self.alone_until = 0.0
        self.patience = PATIENCE[0]
        self.was_alone = False
        self.lock = threading.Lock()
        self.work = 0

    def for_work(self, work: int) -> Self:
        """How much is to be done in the block; 0: always one thread."""
        self.work = work
        return self

    def __enter__(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1:
                self.started, work = time.perf_counter(), self.work
                alone = self.started < self.alone_until
                if alone or SPLIT < work <= SMALL or work == 0:
                    for library in libraries():
                        threads = library.get_num_threads()
                        if threads > 1:
                            self.restore.append((library, threads))
                            library.set_num_threads(1)
                elif self.was_alone:  # a new span begins
                    self.cpu, self.inside = time.thread_time(), 0.0
                self.was_alone = alone

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                if self.restore:
                    for library, threads in self.restore:
                        library.set_num_threads(threads)
                    self.restore.clear()
                else:
                    now = time.perf_counter()
                    self.inside += now - self.started
                    if self.inside > LOOK:
                        self.look(now)

    def look(self, now: float) -> None:
        """Did this thread have to wait for the processor? Then one thread must do for a while."""
        cpu = time.thread_time()
        if cpu - self.cpu < SHARE * self.inside:
            self.alone_until = now + self.patience
            self.patience = min(2 * self.patience, PATIENCE[1])
        else:
            self.patience = PATIENCE[0]
        self.cpu, self.inside = cpu, 0.0
