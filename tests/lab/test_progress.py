"""How far an experiment is, and the time left: a bar on a terminal, lines in a pipe, or nothing."""

import io
import re
import sys
import time

import pytest

from experiments.gradient_noise.measure import Settings
from experiments.lab import progress
from experiments.lab.journal import Journal
from experiments.lab.progress import Progress
from experiments.lab.trials import Trials


class Terminal(io.StringIO):
    def isatty(self):
        return True


def slow_rows(data, settings, k):
    time.sleep(0.06)
    return [{"k": k}]


def run_slowly(digits, settings, shown, journal=None):
    with Trials(digits, journal, progress=Progress("made", shown=shown)) as trials:
        trials.run(slow_rows, settings, [{"k": k} for k in range(4)], until=0.8)
        trials.run(slow_rows, settings, [{"k": 9}])
    return trials.progress


@pytest.fixture
def settings():
    return Settings(dataset="digits")


def test_the_share_goes_from_part_to_part_and_never_back():
    done = Progress()
    seen = []
    for until, trials in ((0.2, 4), (0.1, 3), (0.6, 2), (1.0, 1)):
        done.part(until, trials, 0)
        for _ in range(trials):
            done.trial_done()
            seen.append(done.share)
    assert seen == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.2, 0.2, 0.2, 0.4, 0.6, 1.0])
    assert done.trials == 10


def test_the_time_left_is_in_proportion_to_what_this_run_did_itself():
    done = Progress("made")
    done.part(0.5, 10, 0)
    assert done.line(3.0) == "made: 0 trials done, 0 %, after 3 s"  # nothing to go by
    for _ in range(4):
        done.trial_done()
    assert done.line(30.0) == "made: 4 trials done, 20 %, after 30 s; about 120 s left"
    again = Progress("made")  # the journal had 5 of 10: they took no time
    again.part(0.5, 10, 5)
    assert again.line(3.0) == "made: 5 trials done, 25 %, after 3 s"
    for _ in range(5):
        again.trial_done()
    assert again.line(30.0) == "made: 10 trials done, 50 %, after 30 s; about 60 s left"


def test_in_a_pipe_there_are_lines_on_standard_error(digits, settings, monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE", 0.02)
    run_slowly(digits, settings, shown=True)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) >= 5
    assert all(re.fullmatch(r"made: \d trials done, \d+ %, after \d s(; about \d s left)?", line) for line in lines)
    counts = [int(line.split()[1]) for line in lines]
    assert counts == sorted(counts)
    assert counts[-1] in (4, 5)
    time.sleep(0.1)
    assert capsys.readouterr().err == ""  # nobody goes on telling


def test_a_short_run_has_no_line(digits, settings, capsys):
    run_slowly(digits, settings, shown=True)
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_one_bar_with_the_time_left(digits, settings, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "BAR", 0.02)
    run_slowly(digits, settings, shown=True)
    drawn = screen.getvalue()
    assert "made   0%|" in drawn
    assert re.search(r"made +80%\|[█#]+ *\| 00:00, about 00:00 left", drawn)
    assert "\n" not in drawn.strip()  # one line, which is wiped at the end
    assert drawn.split("\r")[-1].strip() == ""


@pytest.mark.parametrize("stream", [io.StringIO, Terminal, None])
def test_nothing_is_told_where_that_is_asked_for(digits, settings, monkeypatch, stream):
    screen = stream() if stream else None
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "LINE", 0.02)
    assert run_slowly(digits, settings, shown=stream is None).trials == 5  # where there is no standard error, neither
    assert screen is None or screen.getvalue() == ""


def test_whoever_reads_may_go_away(digits, settings, monkeypatch):
    class Broken(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Broken())
    monkeypatch.setattr(progress, "LINE", 0.02)
    assert run_slowly(digits, settings, shown=True).share == pytest.approx(1.0)


def test_what_the_journal_had_is_counted_as_found(digits, settings, tmp_path):
    run_slowly(digits, settings, False, Journal(tmp_path / "journal"))
    again = run_slowly(digits, settings, False, Journal(tmp_path / "journal"))
    assert (again.trials, again.share, again.found) == (5, pytest.approx(1.0), pytest.approx(1.0))
