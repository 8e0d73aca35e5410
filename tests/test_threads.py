"""How many threads BLAS takes, with libraries that only write down what they are told, and a clock that is set."""

import threading

import numpy as np
import pytest

from minigrad import MLP, SGD, Backend
from minigrad.engine import threads
from minigrad.engine.threads import LOOK, PATIENCE, SMALL, SPLIT, Threads
from minigrad.per_sample import fast_epoch


class Library:
    def __init__(self, n):
        self.n, self.told = n, []

    def get_num_threads(self):
        return self.n

    def set_num_threads(self, n):
        self.n = n
        self.told.append(n)


class Clock:
    """In the place of the module `time`: the wall clock, and what the processor gave this thread."""

    def __init__(self):
        self.now, self.cpu = 100.0, 5.0

    def perf_counter(self):
        return self.now

    def thread_time(self):
        return self.cpu

    def work(self, seconds, share=1.0):
        self.now += seconds
        self.cpu += share * seconds


@pytest.fixture
def machine(monkeypatch):
    found, clock = [Library(2), Library(4)], Clock()
    monkeypatch.setattr(threads, "libraries", lambda: found)
    monkeypatch.setattr(threads, "time", clock)
    return found, clock


def counts(libraries):
    return [library.n for library in libraries]


@pytest.mark.parametrize(
    ("work", "one"), [(0, True), (SPLIT, False), (SPLIT + 1, True), (SMALL, True), (SMALL + 1, False)]
)
def test_small_work_takes_one_thread_and_gives_the_others_back(machine, work, one):
    libraries, _ = machine
    with Threads().for_work(work):
        assert counts(libraries) == ([1, 1] if one else [2, 4])
    assert counts(libraries) == [2, 4]


def test_where_another_program_takes_the_processor_one_thread_must_do_for_a_while(machine):
    libraries, clock = machine
    fair = Threads()

    def step(share):
        with fair.for_work(10 * SMALL):
            chosen = counts(libraries)
            clock.work(1.1 * LOOK, share)  # so that each step ends in a look
        return chosen

    for _ in range(10):
        assert step(1.0) == [2, 4]
    assert step(0.6) == [2, 4]
    assert step(0.6) == [1, 1]
    clock.now += PATIENCE[0]
    assert step(0.6) == [2, 4]  # tried again, in vain
    assert step(1.0) == [1, 1]
    clock.now += PATIENCE[0]
    assert step(1.0) == [1, 1]  # this time for twice as long
    clock.now += PATIENCE[0]
    for _ in range(20):
        assert step(1.0) == [2, 4]
    assert counts(libraries) == [2, 4]


def test_waiting_between_two_pieces_of_work_is_not_held_against_the_machine(machine):
    libraries, clock = machine
    fair = Threads()
    for _ in range(20):
        with fair.for_work(10 * SMALL):
            assert counts(libraries) == [2, 4]
            clock.work(LOOK / 2)
        clock.now += 1.0  # asleep


def test_the_others_come_back_after_an_error_and_after_nested_use(machine):
    libraries, _ = machine
    fair = Threads()
    with pytest.raises(KeyboardInterrupt), fair.for_work(0):
        with fair.for_work(10 * SMALL):
            assert counts(libraries) == [1, 1]
        assert counts(libraries) == [1, 1]
        raise KeyboardInterrupt
    assert counts(libraries) == [2, 4]


def test_a_limit_that_somebody_else_has_set_stays(machine):
    libraries, _ = machine
    libraries[0].n = 1
    with Threads().for_work(0):
        assert counts(libraries) == [1, 1]
    assert counts(libraries) == [1, 4]


def test_threads_of_the_program_may_overlap(machine):
    libraries, _ = machine
    fair, inside, leave = Threads(), threading.Event(), threading.Event()

    def other():
        with fair.for_work(0):
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=other)
    with fair.for_work(0):
        thread.start()
        assert inside.wait(5)
    assert counts(libraries) == [1, 1]  # the other is still at work
    leave.set()
    thread.join()
    assert counts(libraries) == [2, 4]


def test_the_per_sample_path_and_a_step_ask_for_what_they_need(machine, monkeypatch):
    libraries, _ = machine
    monkeypatch.setattr(Backend, "threads", Threads())
    model = MLP((3, 4, 2))
    X, y = np.ones((6, 3)), np.array([0, 1] * 3)
    fast_epoch(model, X, y, range(6), 0.1)
    assert [library.told for library in libraries] == [[1, 2], [1, 4]]
    SGD(0.1).step(model, X, y)  # so little that BLAS takes one by itself
    assert [library.told for library in libraries] == [[1, 2], [1, 4]]
    monkeypatch.setattr(threads, "SPLIT", 0)
    SGD(0.1).step(model, X, y)
    assert [library.told for library in libraries] == [[1, 2, 1, 2], [1, 4, 1, 4]]


def test_the_libraries_that_are_found_are_those_of_numpy_and_scipy():
    found = threads.libraries.__wrapped__()
    assert all(library.get_num_threads() >= 1 for library in found)
    assert all(library.user_api == "blas" for library in found)


def test_the_first_time_one_thread_must_do_for_the_shortest_while(machine):
    libraries, clock = machine
    fair = Threads()

    def step(share):
        with fair.for_work(10 * SMALL):
            chosen = counts(libraries)
            clock.work(1.1 * LOOK, share)
        return chosen

    step(1.0)  # the first span begins when the process does
    fair.patience = Threads().patience
    step(0.5)
    clock.now += PATIENCE[0]
    assert step(1.0) == [2, 4]
