"""The list of experiments, and running them all."""

import json

import pytest
from strategies import python

from experiments.lab import all, commandline, commands, experiment
from experiments.report import page

NAMES = commands.names()


def test_the_experiments_are_listed():
    done = python("-m", "experiments")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(NAMES) == NAMES
    assert "lab" not in NAMES
    assert all_in(done.stdout, NAMES)
    assert all_in(done.stdout, [commands.load(name).title for name in NAMES])


def all_in(text, words):
    return [word for word in words if word not in text] == []


def test_an_unknown_experiment_is_refused():
    done = python("-m", "experiments", "nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "'nonsense'" in done.stderr
    assert "expected" in done.stderr


def test_all_runs_all_with_the_flags_that_matter_and_returns_the_worst(monkeypatch):
    ran = {}

    def main(one, argv):
        ran[one.name] = argv
        return NAMES.index(one.name)

    monkeypatch.setattr(experiment, "main", main)
    assert commands.main(["all", "--quick", "--dtype", "float32", "--run", "mine"]) == len(NAMES) - 1
    assert list(ran) == NAMES
    for name, argv in ran.items():
        assert {"--quick", "--run=mine"} <= set(argv)
        assert ("--dtype=float32" in argv) == ("dtype" not in commands.load(name).fixed)


def test_all_ends_where_it_is_interrupted(monkeypatch):
    ran = []
    monkeypatch.setattr(experiment, "main", lambda one, _: ran.append(one.name) or 130)
    assert commands.main(["all"]) == 130
    assert ran == NAMES[:1]


def test_all_lists_the_verdicts(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(experiment, "main", lambda *_: 0)
    monkeypatch.setattr(page, "write", lambda folder, _: folder / "index.html")
    (tmp_path / NAMES[-1]).mkdir()
    claims = {"C77": {"statement": "The moon is cheese.", "verdict": "does not hold"}}
    (tmp_path / NAMES[-1] / "result.json").write_text(json.dumps({"claims": claims}), encoding="utf-8")
    assert commands.main(["all", "--out", str(tmp_path)]) == 0
    wrote, _, listed = capsys.readouterr().out.splitlines()
    assert wrote == f"wrote {tmp_path / 'index.html'}"
    assert listed == "C77     does not hold   The moon is cheese."


@pytest.mark.parametrize(
    ("argv", "word"),
    [(["--epochs", "3"], "--epochs has no effect here"), (["--quik"], "--quick"), (["--workers", "0"], "'0'")],
)
def test_all_refuses_before_anything_runs(monkeypatch, capsys, argv, word):
    monkeypatch.setattr(experiment, "main", lambda *_: pytest.fail("it ran"))
    with pytest.raises(SystemExit) as caught:
        commands.main(["all", *argv])
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert word in err


def test_the_help_of_all_is_its_own(capsys):
    with pytest.raises(SystemExit) as caught:
        commands.main(["all", "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "python -m experiments all" in out
    assert "--epochs" not in out


def test_a_cluster_is_handed_to_every_experiment_that_has_trials_for_it():
    arguments = commandline.parser_of_all().parse_args(["--scheduler", "tcp://h:1"])
    without = {name for name in NAMES if "--scheduler=tcp://h:1" not in all.flags_for(commands.load(name), arguments)}
    assert without == {"powers_of_two"}  # all of its trials read a clock
