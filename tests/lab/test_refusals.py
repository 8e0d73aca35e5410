"""What the command line of every experiment refuses, in one line with the value and the cure."""

import os

import pytest
from strategies import status_of

from experiments.lab import commands, experiment
from experiments.lab.commandline import TRAINING_FLAGS
from minigrad import BackendUnavailable, get_backend


@pytest.fixture(params=commands.names())
def one(request):
    return commands.load(request.param)


def offered(one):
    """The flags of an experiment that another may lack."""
    return [*one.flags, *({"dtype", "workers"} - set(one.fixed))]


TABLES = {
    "malformed.csv": "1,2,a\n3,4,b\n5,b\n",
    "infinite.csv": "1,2,a\n3,inf,b\n5,6,a\n",
    "unlabelled.csv": "x,y,kind\n1,2,a\n3,4,\n5,6,a\n",
    "price.csv": "x,y,price\n1,2,2.5\n3,4,3.5\n5,7,4.5\n",
    "page.csv": "<!DOCTYPE html>\n<html>\n",
    "text.csv": "x,y,kind\n1,2,a\n3,four,b\n5,6,a\n",
    "one-class.csv": "1,2,a\n3,4,a\n5,6,a\n",
    "empty.csv": "",
    "good.csv": "x,y,kind\n1,2,a\n3,4,b\n5,6,a\n7,8,b\n1,1,a\n",
    "table.xlsx": "1,2,a\n3,4,b\n",
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
    *(("--rows", value, f"'{value}'", "whole number of at least 1, or all") for value in ("0", "-1", "1e3", "x", "")),
    ("--rows", "1438", "1438", "1437 training rows (or 'all')"),
    ("--rows", "1", "--rows is 1", "one row of each class"),
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
    ("--run", "../up", "'../up'", "folder's name"),
    ("--run", ".hidden", "'.hidden'", "folder's name"),
    ("--bakend", "numpy", "--bakend", "did you mean --backend?"),
    ("--zigzag", "3", "--zigzag", "--help"),
    ("--dataet", "mnist", "--dataet", "did you mean --dataset?"),
    ("--quik", "", "--quik", "did you mean --quick?"),
]
BAD_FILES = [
    (("--data", "missing.csv"), "missing.csv", "expected a .csv"),
    (("--data", "folder"), "folder", "expected a .csv"),
    (("--data", "table.xlsx"), "table.xlsx", "expected a .csv"),
    (("--data", "page.csv"), "an HTML page", "download the file itself"),
    (("--data", "malformed.csv"), "line 3 has 2 cell(s)", "expected 3"),
    (("--data", "infinite.csv"), "'inf'", "expected a finite number"),
    (("--data", "text.csv"), "'four'", "expected a finite number"),
    (("--data", "unlabelled.csv"), "line 3", "expected a label in every row"),
    (("--data", "price.csv"), "looks like a quantity", "--task '3.5-or-more'"),
    (("--data", "one-class.csv"), "'a'", "expected at least two classes"),
    (("--data", "empty.csv"), "empty.csv", "expected"),
    (("--data", "good.csv", "--label", "colour"), "'colour'", "'kind'"),
    (("--data", "good.csv", "--label", "7"), "'7'", "expected"),
    (("--data", "good.csv", "--task", "c-vs-rest"), "'c'", "expected one of 'a', 'b'"),
    (("--data", "good.csv", "--batch-sizes", "5"), "5", "4 training rows"),
    (("--data", "good.csv", "--dataset", "mnist"), "--dataset", "--data"),
    (("--data", "good.csv", "--data-dir", "folder"), "--data-dir", "--data"),
    (("--dataset", "digits", "--data-dir", "folder"), "--data-dir", "--dataset mnist"),
    (("--data-dir", "missing"), "missing", "expected MNIST's four files"),
    (("--data-dir", "folder"), "folder", "expected MNIST's four files"),
    (("--data-dir", "good.csv"), "good.csv", "expected"),
    (("--out", "good.csv"), "good.csv", "expected a folder"),
    (("--out", "good.csv/under"), "good.csv", "expected a folder"),
    (("--quick", "--full"), "--full", "--quick"),
]


def assert_refused(one, argv, capsys, monkeypatch, place, *fragments):
    """Exit status 2 before anything runs or is written, and one line on standard error with all of the fragments."""

    def ran(*_):
        raise AssertionError("it ran")

    monkeypatch.setattr(experiment, "run", ran)
    monkeypatch.chdir(place)
    before = sorted(place.rglob("*"))
    assert status_of(one, argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"python -m experiments.{one.name}: error: ")
    for fragment in fragments:
        assert fragment in err
    assert sorted(place.rglob("*")) == before


def is_binary(one):
    return one.binary or one.efforts["default"].get("model") == "logistic"


@pytest.mark.parametrize(("flag", "value", "quoted", "expected"), BAD)
def test_a_bad_argument_is_refused(one, capsys, monkeypatch, place, flag, value, quoted, expected):
    if flag[2:] in {*TRAINING_FLAGS, "dtype", "workers"} - set(offered(one)):
        quoted, expected = flag, "has no effect here"
    if value == "classes" and not is_binary(one):
        pytest.skip("nothing to refuse: this experiment's network takes all classes")
    if flag == "--hidden" and one.efforts["default"].get("model") == "logistic":
        value, quoted = ("none", "--hidden") if value == "0" else (value, quoted)  # refused for another reason
    assert_refused(one, [flag, value, "--out", "out"], capsys, monkeypatch, place, quoted, expected)


@pytest.mark.parametrize(("argv", "quoted", "expected"), BAD_FILES)
def test_a_bad_file_is_refused(one, capsys, monkeypatch, place, argv, quoted, expected):
    out = () if "--out" in argv else ("--out", "out")
    if "--batch-sizes" in argv and "batch-sizes" not in one.flags:
        quoted, expected = "--batch-sizes", "has no effect here"
    assert_refused(one, [*argv, *out], capsys, monkeypatch, place, quoted, expected)


@pytest.mark.parametrize(
    ("argv", "quoted"),
    [
        (("--batch-sizes", "1", "8"), 'in quotes: --batch-sizes "1 8"'),
        (("--hidden", "64", "32", "--quick"), 'in quotes: --hidden "64 32"'),
        (("--hidden", "64"), "'64'; expected only with --model mlp"),
        (("--activation", "relu"), "'relu'; expected only with --model mlp"),
        (("--model", "mlp", "--hidden", "none", "--activation", "relu"), "'relu'; expected only with hidden layers"),
        (("--epoch", "3"), "did you mean --epochs?"),
        (("--sedes=3",), "did you mean --seeds?"),
    ],
)
def test_a_flag_that_does_nothing_or_is_not_there_is_refused_with_the_cure(capsys, monkeypatch, place, argv, quoted):
    assert_refused(commands.load("compare_gd_sgd"), [*argv, "--out", "out"], capsys, monkeypatch, place, quoted)


def test_a_backend_that_is_not_there_is_refused(one, capsys, monkeypatch, place):
    try:
        get_backend("cupy")
    except BackendUnavailable as error:
        assert_refused(one, ["--backend", "cupy", "--out", "out"], capsys, monkeypatch, place, "cupy", str(error)[:20])
    else:
        pytest.skip("CuPy and a GPU are here")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(one, capsys, monkeypatch, place):
    (place / "folder").chmod(0o500)
    assert_refused(
        one, ["--out", "folder"], capsys, monkeypatch, place, "folder", "expected a folder that can be written"
    )
