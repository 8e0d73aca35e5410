"""What every experiment has in common: its declaration, its help, its files."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rooms import verdicts
from strategies import status_of

from experiments.lab import commands, experiment
from experiments.lab.commandline import TRAINING_FLAGS
from experiments.lab.journal import Journal
from experiments.lab.settings import ModelSettings
from experiments.lab.start import start
from experiments.lab.verdicts import Judgement
from minigrad import BackendUnavailable

FOLDER = Path(experiment.__file__).parents[1]


@pytest.fixture(params=commands.names())
def one(request):
    return commands.load(request.param)


def test_an_experiment_is_declared_and_has_its_rooms(one):
    assert {path.name for path in (FOLDER / one.name).glob("*.py")} >= {
        *("__init__.py", "__main__.py", "question.py", "measure.py", "judge.py", "report.py"),
    }
    assert set(one.efforts) == {"default", "quick", "full"}
    assert set(one.flags) <= set(TRAINING_FLAGS)
    fields = set(one.settings.__dataclass_fields__)
    assert {name for effort in one.efforts.values() for name in effort} <= fields
    assert {flag.replace("-", "_") for flag in one.flags} <= fields
    assert one.title.startswith("C")
    assert "\n" not in one.title


def test_help_states_every_default_and_shows_examples(one, capsys):
    assert status_of(one, ["--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for flag in ("dataset", "data", "backend", "out", "run", "quick", "full", "quiet", *one.flags):
        assert f"--{flag} " in out
    for flag in one.fixed:
        assert f"--{flag} " not in out
    assert out.count("default") >= len(one.flags) + 4
    assert f"examples: python -m experiments.{one.name} --quick" in out


def test_no_experiment_judges_what_was_not_measured(one):
    """Without rows no claim is said to hold, or not to."""
    found = verdicts(one, {"rows": [], "settings": {"epochs": 3}})
    assert set(found) == set(one.claims)
    assert set(found.values()) <= {"undecided", "not measured"}


def test_runs_with_names_are_kept_apart(tmp_path):
    for name in ("a", "b"):
        assert status_of(fake(), ["--quick", "--quiet", "--out", str(tmp_path), "--run", name]) == 0
    assert {path.parent.parent.name for path in tmp_path.rglob("result.json")} == {"a", "b"}


# ---- the frame, around an experiment that does next to nothing -------------------------------------------------------


def fake(measure=lambda _, settings: settings, draw=lambda _: None):
    """An experiment that does next to nothing; it borrows a name, whose folder tells its title."""
    return replace(
        commands.load("gradient_noise"),
        claims={"C0": "Nothing in {rows} rows."},
        settings=ModelSettings,
        flags=(),
        efforts={effort: {"seeds": 2} for effort in ("default", "quick", "full")},
        measure=measure,
        judge=lambda _: {"C0": Judgement("nothing was measured")},
        tables=lambda _: "a table",
        figures={"nothing": draw},
    )


def test_what_was_written_is_told(tmp_path, capsys):
    assert experiment.main(fake(), ["--out", str(tmp_path)]) == 0
    path = tmp_path / "gradient_noise" / "result.json"
    told = capsys.readouterr().out
    assert " ".join(experiment.HOW_TO_READ.split()) in " ".join(told.split())
    assert told.startswith("a table\n\n")
    claim = "Nothing in 1437 rows.\nC0 undecided: nothing was measured.\n"
    assert told.endswith(f"\n\n{claim}\nwrote {path}\n")
    read = json.loads(path.read_text(encoding="utf-8"))
    parts = {"experiment", "claims", "rows", "settings", "settings_at_start", "data", "environment", "command"}
    assert set(read) == parts
    assert read["command"] == f"python -m experiments.gradient_noise --out {tmp_path}"
    assert (read["settings"]["seeds"], read["settings"]["rows"]) == (2, 1437)
    assert list((tmp_path / "gradient_noise").iterdir()) == [path]


@pytest.mark.parametrize(
    "error",
    [ValueError("--x is 3; expected\n 4"), FileNotFoundError(2, "No such file", "x.csv"), BackendUnavailable("cupy")],
)
def test_what_cannot_be_prepared_is_the_users_and_leaves_no_folder(tmp_path, capsys, monkeypatch, error):
    monkeypatch.setattr(experiment, "prepare", lambda *_: (_ for _ in ()).throw(error))
    assert experiment.main(fake(), ["--out", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert err.startswith("python -m experiments.gradient_noise: error: ")
    assert not (tmp_path / "out").exists()


def test_what_fails_while_running_is_no_fault_of_the_user(tmp_path):
    """A traceback and exit status 1, by Python itself."""
    with pytest.raises(ZeroDivisionError):
        experiment.main(fake(lambda *_: 1 / 0), ["--out", str(tmp_path)])


def one_row(data, settings):
    return [{"kind": "nothing"}]


def interrupting(*_):
    raise KeyboardInterrupt


def test_interrupted_before_it_began(capsys, monkeypatch):
    """Ctrl-C while the data are read or downloaded."""
    monkeypatch.setattr(experiment, "prepare", interrupting)
    monkeypatch.setattr(sys, "argv", ["gradient_noise"])
    with pytest.raises(SystemExit) as caught:
        start("gradient_noise")
    assert caught.value.code == 130
    assert capsys.readouterr().err.strip() == "python -m experiments.gradient_noise: interrupted before it began"


def test_interrupted_while_it_is_drawn(tmp_path, capsys):
    def measure(trials, settings):
        trials.run(one_row, settings, [{}])
        return settings

    assert experiment.main(fake(measure, draw=interrupting), ["--out", str(tmp_path), "--workers", "1"]) == 130
    [journal] = (tmp_path / "gradient_noise").glob("unfinished-*")
    assert str(journal) in capsys.readouterr().err
    assert list(Journal(journal).finished.values()) == [[{"kind": "nothing"}]]
