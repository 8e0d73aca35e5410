"""The frame around every experiment: arguments → data and settings → trials → result.json, figures and verdicts.

Exit status 0: it ran, whatever the verdict. 2: the arguments or the data are wrong, or a backend is not there; one
line on standard error says so. 1: it failed. 130: interrupted. What was finished before it failed or was interrupted is
kept, and the same command goes on from there.
"""

import argparse
import contextlib
import importlib
import io
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

import minigrad
from minigrad import Dataset, get_backend
from minigrad.engine import checks

from . import commandline, plots, results, rows
from .facts import left_out
from .journal import Journal
from .prepare import prepare
from .progress import Progress
from .settings import Settings
from .start import INTERRUPTED, interrupts
from .text import begun, wrapped
from .trials import Trials, available_cores, journal_path
from .verdicts import Judgement, against_first
from .workers import ClusterWorkers, WorkersLost

Result = dict[str, Any]
HOW_TO_READ = (
    "Below each claim stands its verdict, and why; then its questions: yes speaks for the claim, no against it, open "
    "is not decided. Conditional: yes in some cases, no in others. In brackets 95 % intervals, or the level that is "
    "named; then what the claim asks. A claim can hold only where its controls say yes."
)


class Refused(ValueError):
    """Arguments or data that turn out to be unfit only while something is measured; one line with the cure."""


@dataclass(frozen=True)
class Experiment:
    """An experiment, declared by its question.py.

    Parameters
    ----------
    name : str
        Its folder.
    claims : dict of str
        What is claimed, by the claim's name; {settings} are filled in.
    settings : type
        A dataclass of what its rows depend on.
    flags : sequence of str
        What the command line can change, besides what all experiments have: names in `commandline.TRAINING_FLAGS`.
    efforts : dict of dict
        What "default", "quick" and "full" set; batch sizes as on the command line.
    measure : callable
        measure(trials, settings) -> the settings with what was found out, such as the target. The trials keep the rows.
    judge : callable
        judge(result) -> {claim's name: Judgement}.
    tables : callable
        tables(result) -> what the terminal shows.
    figures : dict of callable
        By file name: figure(result) -> a figure, or None where there is nothing to draw.
    about : dict of tuple
        By file name: the claim that a figure is about, then others that it shows; () for none. Else the first measured.
    binary : bool, optional
        Whether it needs two classes; without it, where its model is logistic regression and the data are built in.
    fixed : sequence of str
        Flags for all experiments that have no effect here.
    automatic : dict of str
        In words, what a setting is where neither a flag nor an effort sets it; else as `commandline.AUTOMATIC` says.
    formula_flags : dict of dict
        Flags that ask for an answer without data: what `add_argument` takes, by flag.
    formula : callable, optional
        formula(arguments) -> that answer; None where it is not asked for. ValueError where it cannot be given.
    """

    name: str
    claims: Mapping[str, str]
    settings: type[Settings]
    flags: tuple[str, ...]
    efforts: Mapping[str, Mapping[str, Any]]
    measure: Callable[[Trials, Any], Settings]
    judge: Callable[[Result], dict[str, Judgement]]
    tables: Callable[[Result], str]
    figures: Mapping[str, Callable[[Result], Figure | None]]
    about: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    binary: bool | None = None
    fixed: tuple[str, ...] = ()
    automatic: Mapping[str, str] = field(default_factory=dict)
    formula_flags: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    formula: Callable[[argparse.Namespace], str | None] | None = None

    @property
    def title(self) -> str:
        """The question in a line: the docstring of its folder."""
        return importlib.import_module(f"experiments.{self.name}").__doc__ or ""


def main(experiment: Experiment, argv: list[str] | None = None) -> int:
    """Run an experiment with these arguments; returns the exit status."""
    parser = commandline.parser(experiment)
    arguments = parser.parse_args(argv)
    folder = commandline.folder(arguments, experiment.name)
    try:
        if experiment.formula and (answer := experiment.formula(arguments)) is not None:
            print(*(wrapped(line, rest="  ") for line in answer.splitlines()), sep="\n")
            return 0
        data, settings = prepare(experiment, arguments)
        _check_writable(folder)
        trials = _trials(experiment, arguments, data, settings, folder)
    except (ValueError, OSError, MemoryError, minigrad.BackendUnavailable) as error:
        print(f"{parser.prog}: error: {_one_line(error)}", file=sys.stderr)
        return 2
    words = shlex.join(["python", "-m", f"experiments.{experiment.name}", *(sys.argv[1:] if argv is None else argv)])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Greek letters shows ? for them
    if not arguments.quiet:
        with contextlib.suppress(OSError):  # a pipe that is closed loses no measurement
            said = [*data.reading, *rows.said(data, settings.seed)]
            print(*(wrapped(line, rest="  ") for line in said), sep="\n", end="\n\n" if said else "")
            sys.stdout.flush()
    journal = trials.journal
    if journal.damaged:
        aside = f"damaged lines of {journal.path} ({journal.damaged}) are set aside in {journal.set_aside}"
        print(f"{parser.prog}: {aside}; their trials run again", file=sys.stderr)
    kept = f"what was finished is in {journal.path}: the same command goes on from there"
    try:
        with interrupts():
            result = run(experiment, trials, settings) | {"command": words}
            report(experiment, result, folder, arguments.quiet)
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: interrupted; {kept}", file=sys.stderr)
        return INTERRUPTED
    except Refused as error:
        journal.delete()
        print(f"{parser.prog}: error: {_one_line(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever reads the tables has seen enough; the files are written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (MemoryError, WorkersLost, OSError) as error:
        print(f"{parser.prog}: error: {_one_line(error)}; {kept}", file=sys.stderr)
        return 1
    journal.delete()
    return 0


def run(experiment: Experiment, trials: Trials, settings: Settings) -> Result:
    """Measure and judge: the result, a plain dict, whose "claims" hold the verdicts.

    Its "settings" hold what was found out, too, such as the target; "settings_at_start" only what was asked for.
    """
    at_start = settings.plain()
    with trials:
        settings = experiment.measure(trials, settings)
    data, backend = trials.data, get_backend(settings.backend)
    m, n = data.X_train.shape
    shape: dict[str, Any] = {"rows": m, "features": n, "classes": data.n_classes, "test_rows": len(data.X_test)}
    shape |= {"own_data": data.is_own, "drawn_from": data.drawn_from}
    shape["left_out_an_epoch"] = {size: over for size in settings.sizes_of_an_epoch if (over := left_out(m, size))}
    environment = results.environment(backend) | {"workers": trials.workers, "trials_resumed": trials.resumed}
    environment |= {"cluster": trials.cluster_facts()} if trials.cluster else {}
    result = {
        "experiment": experiment.name,
        "claims": {},
        "rows": trials.rows,
        "settings": settings.plain() | shape,
        "settings_at_start": at_start,
        "data": results.data_read(data),
        "environment": environment,
    }
    return result | {"claims": claims(experiment, result)}


def claims(experiment: Experiment, result: Result) -> dict[str, dict[str, Any]]:
    """The verdicts on a result's rows."""
    judgements = experiment.judge(result)
    return {
        name: judgements[name].plain(statement.format(**result["settings"]))
        for name, statement in experiment.claims.items()
    }


def report(experiment: Experiment, result: Result, folder: Path, quiet: bool) -> None:
    """Write the result, draw it, and only then say it."""
    paths = [results.write_json(folder / "result.json", result)]
    for name, figure in drawn(experiment, result):
        paths += plots.save(figure, folder, name)
    if not quiet:
        print(f"{experiment.tables(result)}\n")
        print(wrapped(HOW_TO_READ), end="\n\n")
    for name, claim in result["claims"].items():
        print(said(name, claim))
    for path in paths:
        print(f"wrote {path}")
    sys.stdout.flush()


def drawn(experiment: Experiment, result: Result) -> Iterator[tuple[str, Figure]]:
    """The figures that there is something to draw for, by name; below each the finding that it is about."""
    for name, draw in experiment.figures.items():
        figure, claim = draw(result), claim_of(experiment, result, name)
        if figure is not None:
            if claim:
                found = result["claims"][claim]
                plots.write_below(figure, f"{begun(found['verdict'])}: {found['because']}.")
                plots.write_below(figure, f"{claim}: {found['statement']}")
            yield name, figure


def claim_of(experiment: Experiment, result: Result, figure: str) -> str:
    """The claim that the figure of that name is about; "" for none."""
    measured = [name for name, claim in result["claims"].items() if claim["verdict"] != "not measured"]
    return next(iter(experiment.about.get(figure, measured)), "")


def said(name: str, claim: dict[str, Any]) -> str:
    """A claim, its verdict in a sentence, and a line a question."""
    verdict = wrapped(f"{name} {claim['verdict']}: {claim['because']}.")
    asked = against_first(claim["evidence"]["questions"])
    questions = [wrapped(each["text"], "  • ", "    ") for each in asked]
    return "\n".join([wrapped(claim["statement"]), verdict, *questions, ""])


def _trials(
    experiment: Experiment, arguments: argparse.Namespace, data: Dataset, settings: Settings, folder: Path
) -> Trials:
    """Trials on workers as the flags want them; else on all cores, or on one where the work is a device's."""
    given = vars(arguments)
    on_host = get_backend(settings.backend).blas is not None
    workers = given.get("workers") or (available_cores() if on_host else 1)
    cluster = ClusterWorkers(given["scheduler"], data) if given.get("scheduler") else None
    progress = Progress(experiment.name, shown=not arguments.quiet)
    return Trials(data, Journal(journal_path(folder, data, settings)), workers, progress, cluster)


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"--out is {str(folder.parent)!r}; expected a folder that can be written: {reason}") from None


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{os.fspath(error.filename)!r}: {error.strerror}"
    return checks.brief(str(error))
