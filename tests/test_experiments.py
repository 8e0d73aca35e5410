"""What every experiment has in common: its names, its command line, and what that refuses."""

import importlib
import json
import os
from pathlib import Path

import pytest
from strategies import python, status_of

from experiments import __main__ as experiments_main
from experiments.lab import commandline
from minigrad import BackendUnavailable, get_backend

ROOT = Path(__file__).resolve().parents[1]
NAMES = experiments_main.names()
MODULES = [importlib.import_module(f"experiments.{name}") for name in NAMES]


@pytest.fixture(params=MODULES, ids=NAMES)
def module(request):
    return request.param


def test_an_experiment_has_the_names_of_one(module):
    for name in ("run", "verdict", "tables", "plot", "main", "Settings"):
        assert callable(getattr(module, name)), name
    assert module.__name__ == f"experiments.{module.NAME}"
    assert set(module.EFFORTS) == {"default", "quick", "full"}
    assert set(module.FLAGS) <= set(commandline.TRAINING_FLAGS)
    settings = {field for effort in module.EFFORTS.values() for field in effort}
    assert settings <= set(module.Settings.__dataclass_fields__)
    assert (module.__doc__ or "").partition("\n")[0].startswith("C")


def test_help_states_every_default(module, capsys):
    with pytest.raises(SystemExit) as caught:
        module.main(["--help"])
    assert caught.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    for flag in ("dataset", "data", "backend", "dtype", "workers", "out", "quick", "full", "quiet", *module.FLAGS):
        assert f"--{flag} " in out
    assert out.count("default") >= len(module.FLAGS) + 5


def test_no_experiment_judges_what_was_not_measured(module):
    """Without rows no claim is said to hold, or not to."""
    result = {"rows": [], "settings": {}}
    for claim in module.verdict(result).values():
        assert claim["verdict"] in ("undecided", "not measured"), claim


def test_the_experiments_are_listed():
    done = python("-m", "experiments")
    assert (done.returncode, done.stderr) == (0, "")
    assert "compare_gd_sgd" in done.stdout
    names = experiments_main.names()
    assert names == sorted(names)
    assert not {"lab", "__main__"} & set(names)
    assert all(name in done.stdout and experiments_main.title(name) for name in names)


def test_an_unknown_experiment_is_refused():
    done = python("-m", "experiments", "nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "'nonsense'" in done.stderr
    assert "expected" in done.stderr


def test_all_runs_all_and_returns_the_worst(monkeypatch):
    statuses = {module.NAME: status for status, module in enumerate(MODULES)}
    ran = []

    def fake_main(module):
        def main(argv):
            assert argv == ["--quick"]
            ran.append(module.NAME)
            return statuses[module.NAME]

        return main

    for module in MODULES:
        monkeypatch.setattr(module, "main", fake_main(module))
    assert experiments_main.main(["all", "--quick"]) == max(statuses.values())
    assert ran == NAMES


def test_all_ends_where_it_is_interrupted(monkeypatch):
    ran = []
    for module in MODULES:
        monkeypatch.setattr(module, "main", lambda _, name=module.NAME: ran.append(name) or 130)
    assert experiments_main.main(["all"]) == 130
    assert ran == NAMES[:1]


def test_all_lists_the_verdicts(monkeypatch, tmp_path, capsys):
    for module in MODULES:
        monkeypatch.setattr(module, "main", lambda _: 0)
    (tmp_path / NAMES[-1]).mkdir()
    claims = {"C77": {"statement": "The moon is cheese.", "verdict": "does not hold"}}
    (tmp_path / NAMES[-1] / "result.json").write_text(json.dumps({"claims": claims}), encoding="utf-8")
    assert experiments_main.main(["all", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "C77    does not hold  The moon is cheese."


def test_all_refuses_before_anything_runs(monkeypatch, capsys):
    for module in MODULES:
        monkeypatch.setattr(module, "main", lambda _: pytest.fail("it ran"))
    with pytest.raises(SystemExit) as caught:
        experiments_main.main(["all", "--epochs", "0"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


# ---- bad input -------------------------------------------------------------------------------------------------------


TABLES = {
    "malformed.csv": "1,2,a\n3,4,b\n5,b\n",
    "nan.csv": "1,2,a\n3,nan,b\n5,6,a\n",
    "text.csv": "x,y,kind\n1,2,a\n3,four,b\n5,6,a\n",
    "one-class.csv": "1,2,a\n3,4,a\n5,6,a\n",
    "empty.csv": "",
    "good.csv": "x,y,kind\n1,2,a\n3,4,b\n5,6,a\n7,8,b\n1,1,a\n",
    "table.txt": "1,2,a\n3,4,b\n",
}


@pytest.fixture
def place(tmp_path):
    """A folder with files to refuse."""
    for name, content in TABLES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    return tmp_path


BAD = [
    *(("--batch-sizes", value, f"'{value}'", "expected a whole number") for value in ("0", "-1", "1.5", "x", "1e2")),
    ("--batch-sizes", "1 8 x", "'x'", "expected a whole number"),
    ("--batch-sizes", "", "''", "expected batch sizes"),
    ("--batch-sizes", "99999", "99999", "1437"),
    ("--batch-sizes", "1 1438", "1438", "1437"),
    *(("--learning-rate", value, f"'{value}'", "positive number") for value in ("0", "-1", "nan", "inf", "x", "")),
    *(("--epochs", value, f"'{value}'", "whole number of at least 1") for value in ("0", "-3", "2.5", "x")),
    *(("--seeds", value, f"'{value}'", "whole number of at least 1") for value in ("0", "-1", "x")),
    *(("--target", value, f"'{value}'", "positive number") for value in ("-1", "0", "nan", "x")),
    *(("--workers", value, f"'{value}'", "whole number of at least 1") for value in ("0", "-1", "x")),
    *(("--hidden", value, f"'{value}'", "expected") for value in ("x", "0", "", "3.5")),
    ("--task", "nonsense", "'nonsense'", "odd-even"),
    ("--task", "11-vs-rest", "'11'", "expected one of"),
    ("--task", "3-vs-", "'3-vs-'", "expected"),
    ("--task", "classes", "'classes'", "--model mlp"),
    ("--backend", "tpu", "'tpu'", "numpy"),
    ("--dataset", "iris", "'iris'", "digits"),
    ("--model", "svm", "'svm'", "logistic"),
    ("--dtype", "float16", "'float16'", "float64"),
    ("--activation", "swish", "'swish'", "tanh"),
    ("--label", "kind", "'kind'", "--data"),
    ("--epo", "3", "--epo", "unrecognized"),
    ("--nonsense", "3", "--nonsense", "unrecognized"),
]
BAD_FILES = [
    (("--data", "missing.csv"), "missing.csv", "expected a .csv"),
    (("--data", "folder"), "folder", "expected a .csv"),
    (("--data", "table.txt"), "table.txt", "expected a .csv"),
    (("--data", "malformed.csv"), "line 3 has 2 cell(s)", "expected 3"),
    (("--data", "nan.csv"), "'nan'", "expected a finite number"),
    (("--data", "text.csv"), "'four'", "expected a finite number"),
    (("--data", "one-class.csv"), "'a'", "expected at least two classes"),
    (("--data", "empty.csv"), "empty.csv", "expected"),
    (("--data", "good.csv", "--label", "colour"), "'colour'", "'kind'"),
    (("--data", "good.csv", "--label", "7"), "'7'", "expected"),
    (("--data", "good.csv", "--task", "c-vs-rest"), "'c'", "expected one of 'a', 'b'"),
    (("--data", "good.csv", "--batch-sizes", "5"), "5", "4 training rows"),
    (("--data", "good.csv", "--dataset", "mnist"), "--dataset", "--data"),
    (("--data", "good.csv", "--data-dir", "folder"), "--data-dir", "--data"),
    (("--data-dir", "missing"), "missing", "expected MNIST's four files"),
    (("--data-dir", "folder"), "folder", "expected MNIST's four files"),
    (("--data-dir", "good.csv"), "good.csv", "expected"),
    (("--out", "good.csv"), "good.csv", "expected a folder"),
    (("--out", "good.csv/under"), "good.csv", "expected a folder"),
    (("--quick", "--full"), "--full", "--quick"),
]


def assert_refused(module, argv, capsys, monkeypatch, place, *fragments):
    """Exit status 2 before anything runs or is written, and one line on standard error with all of the fragments."""

    def ran(*_):
        raise AssertionError("it ran")

    monkeypatch.setattr(module, "run", ran)
    monkeypatch.chdir(place)
    before = sorted(place.rglob("*"))
    assert status_of(module, argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"python -m experiments.{module.NAME}: error: ")
    for fragment in fragments:
        assert fragment in err
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(("flag", "value", "quoted", "expected"), BAD)
def test_a_bad_argument_is_refused(module, capsys, monkeypatch, place, flag, value, quoted, expected):
    if flag[2:] in set(commandline.TRAINING_FLAGS) - set(module.FLAGS):
        quoted, expected = flag, "unrecognized"
    binary = getattr(module, "BINARY", module.EFFORTS["default"].get("model") == "logistic")
    if value == "classes" and not binary:
        pytest.skip("nothing to refuse: this experiment's network takes all classes")
    assert_refused(module, [flag, value, "--out", "out"], capsys, monkeypatch, place, quoted, expected)


@pytest.mark.parametrize(("argv", "quoted", "expected"), BAD_FILES)
def test_a_bad_file_is_refused(module, capsys, monkeypatch, place, argv, quoted, expected):
    out = () if "--out" in argv else ("--out", "out")
    if "--batch-sizes" in argv and "batch-sizes" not in module.FLAGS:
        quoted, expected = "--batch-sizes", "unrecognized"
    assert_refused(module, [*argv, *out], capsys, monkeypatch, place, quoted, expected)


def test_a_backend_that_is_not_there_is_refused(module, capsys, monkeypatch, place):
    try:
        get_backend("cupy")
    except BackendUnavailable as error:
        assert_refused(
            module, ["--backend", "cupy", "--out", "out"], capsys, monkeypatch, place, "cupy", str(error)[:20]
        )
    else:
        pytest.skip("CuPy and a GPU are here")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(module, capsys, monkeypatch, place):
    (place / "folder").chmod(0o500)
    assert_refused(
        module, ["--out", "folder"], capsys, monkeypatch, place, "folder", "expected a folder that can be written"
    )
