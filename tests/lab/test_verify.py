"""Repeating a result: the same rows, and what differs is told."""

import json
import shutil
from pathlib import Path

import pytest

from experiments.lab import commands, verify

RESULT = {"experiment": "gradient_noise", "rows": [], "claims": {}, "environment": {}, "data": {}}
RESULT["command"] = "python -m experiments.gradient_noise --quick"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a small result."""
    folder, one = tmp_path_factory.mktemp("verify"), commands.load("gradient_noise")
    flags = ["--quick", "--rows", "90", "--batch-sizes", "all", "--epochs", "1", "--seeds", "3"]
    assert verify.experiment.main(one, [*flags, "--workers", "1", "--quiet", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def result(made, tmp_path):
    """The folder of that result, to be changed."""
    return Path(shutil.copytree(made / "gradient_noise", tmp_path / "gradient_noise"))


def changed(folder, change):
    path = folder / "result.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.whole
def test_a_result_repeats_itself_to_the_last_bit(result, capsys):
    before = (result / "result.json").read_bytes()
    assert verify.main([str(result)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    rows = len(json.loads(before)["rows"])
    assert f"{rows} of {rows} rows agree" in out and "C2" in out and "turned" not in out and "others" not in out
    assert (result / "result.json").read_bytes() == before


@pytest.mark.whole
def test_a_row_a_verdict_data_and_versions_that_differ_are_told(result, capsys):
    def change(content):
        next(row for row in content["rows"] if row["kind"] == "spread")["spread"] *= 1 + 1e-15
        content["claims"]["C2"]["verdict"] = "made up"
        content["data"]["sha256"] = "0" * 64
        content["environment"]["python"] = "2.7"

    changed(result, change)
    assert verify.main([str(result)]) == 1
    out = " ".join(capsys.readouterr().out.split())
    rows = len(json.loads((result / "result.json").read_text(encoding="utf-8"))["rows"])
    assert f"{rows - 1} of {rows} rows agree" in out
    assert "and it was made up" in out and "000000000000 there" in out and "other than there: python" in out


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("python -m experiments.x --quick --out a --run=b --workers 2 --seeds 3 --quiet", ["--quick", "--seeds", "3"]),
        ("python -m experiments.x --scheduler tcp://h:1 --batch-sizes '1 8 all'", ["--batch-sizes", "1 8 all"]),
        ("python -m experiments.x --out=a --quiet --quick", ["--quick"]),
        ("python -m experiments.x", []),
    ],
)
def test_flags_that_rows_do_not_depend_on_are_left_out(command, flags):
    assert verify.flags_of(command, "x") == flags


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf /nowhere",
        "",
        "python -c 'print(1)'",
        "python -m experiments.nonexistent --quick",
        "python -m experiments.gradient_noise --help",
        "python -m experiments.gradient_noise --nonsense 3",
        "python -m experiments.gradient_noise 'open",
        "python -m experiments.gradient_noise --quick --out",
        "python -m experiments.gradient_noise --quiet=yes",
    ],
)
def test_a_command_that_is_none_of_the_experiment_is_refused_before_anything_runs(tmp_path, capsys, command):
    (tmp_path / "result.json").write_text(json.dumps(RESULT | {"command": command}), encoding="utf-8")
    assert verify.main([str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "its command is" in err and str(tmp_path) in err


def test_what_a_clock_has_read_is_left_out_at_any_depth():
    row = {"kind": "a", "seconds": 1, "curve": {"seconds": [1], "loss": [2]}, "each": [{"microseconds": 3, "n": 4}]}
    assert verify.without_clock(row) == {"kind": "a", "curve": {"loss": [2]}, "each": [{"n": 4}]}
    assert verify.agreeing([row, row], [row | {"seconds": 2}]) == (1, 2)
    assert verify.without_clock({"kind": "cost", "fast_path": [3.1], "flops_alone": [0.2]}) == {"kind": "cost"}


@pytest.mark.parametrize(
    "content",
    [
        None,
        "no json",
        "[]",
        "{}",
        '{"experiment": "gradient_noise", "rows": []}',
        '{"experiment": "none"}',
        '{"experiment": "all"}',
        "[" * 3000,
        json.dumps(RESULT | {"claims": {"C2": True}}),
    ],
)
def test_a_folder_without_a_result_is_refused_in_a_line(tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "result.json").write_text(content, encoding="utf-8")
    assert verify.main([str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "expected" in err and str(tmp_path) in err
