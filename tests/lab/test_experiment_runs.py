"""A whole run of an experiment, from the command line to its files: own data, odd data, interruptions."""

import contextlib
import io
import json
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from lab_helpers import SMALL
from strategies import SMALLER, python, status_of

from experiments.compare_gd_sgd import measure
from experiments.compare_gd_sgd.question import EXPERIMENT
from experiments.lab import commands
from experiments.lab.journal import Journal
from minigrad import load_digits

pytestmark = pytest.mark.whole
ROOT = Path(__file__).resolve().parents[2]
UNDRAWN = replace(EXPERIMENT, figures={})
KINDS = {"path", "surface", "identity", "epoch", "sum", "target", "timing", "tuning", "training"}


def strict_json(path):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def assert_drawn(folder):
    """Every figure is there twice; the PNG is no blank sheet, the SVG is XML with text."""
    for name in EXPERIMENT.figures:
        image = matplotlib.image.imread(folder / f"{name}.png")
        height, width, _ = image.shape
        assert height >= 400 * SMALLER
        assert width >= 700 * SMALLER
        packed = (np.round(image[..., :3] * 255).astype(int) @ [65536, 256, 1]).ravel()
        colours, counts = np.unique(packed, return_counts=True)
        assert len(colours) > 50, name
        assert counts.max() < 0.985 * counts.sum(), name
        svg = (folder / f"{name}.svg").read_bytes()
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        paths = root.iter("{http://www.w3.org/2000/svg}path")
        assert sum(1 for _ in paths) > 20
        assert b"<!--" in svg  # matplotlib leaves each text beside the outlines of its letters


def test_a_whole_process(tmp_path):
    before = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")}
    flags = ["--quick", "--seeds", "3", "--epochs", "3", "--batch-sizes", "64 all", "--out", str(tmp_path)]
    done = python("-m", "experiments.compare_gd_sgd", *flags)
    assert all(line.startswith("compare_gd_sgd: ") for line in done.stderr.splitlines())  # no bar in a pipe
    assert done.returncode == 0
    folder = tmp_path / "compare_gd_sgd"
    files = [
        folder / "result.json",
        *(folder / f"{name}.{kind}" for name in EXPERIMENT.figures for kind in ("png", "svg")),
    ]
    lines = done.stdout.splitlines()
    assert lines[-len(files) :] == [f"wrote {path}" for path in files]
    assert any(line.startswith("C1 holds: ") for line in lines)
    assert sorted(folder.iterdir()) == sorted(files)
    assert list(tmp_path.iterdir()) == [folder]
    assert {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")} <= before | {"results"}
    result = strict_json(folder / "result.json")
    assert result["settings"]["batch_sizes"] == [64, 1437]
    assert result["claims"]["C1"]["because"] in " ".join(done.stdout.split())
    assert_drawn(folder)


@pytest.mark.parametrize("name", commands.names())
def test_every_figure_is_written_twice_and_is_no_blank_sheet(name, tmp_path):
    one = commands.load(name)
    flags = ["--quick", "--rows", "200", "--seeds", "2", "--quiet", *SMALL.get(name, []), "--out", tmp_path]
    assert status_of(one, [*flags, *([] if "workers" in one.fixed else ["--workers", "1"])]) == 0
    drawn = {path.stem for path in (tmp_path / name).glob("*.png")}
    assert drawn <= set(one.figures)
    assert len(drawn) >= len(one.figures) / 2  # two seeds leave little to show of some
    for each in drawn:
        assert (tmp_path / name / f"{each}.svg").stat().st_size > 10_000
        assert matplotlib.image.imread(tmp_path / name / f"{each}.png").std() > 0.03


# ---- own data, tiny data, interruption -------------------------------------------------------------------------------


def saved_csv(path, X, labels):
    lines = [",".join([*(f"{value:.4g}" for value in row), label]) for row, label in zip(X, labels)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run_main(tmp_path, *argv):
    """main() with few epochs; the exit status, and what result.json holds."""
    status = status_of(
        UNDRAWN, ["--out", tmp_path / "out", "--quick", "--epochs", "3", "--seeds", "2", "--workers", "1", *argv]
    )
    path = tmp_path / "out" / "compare_gd_sgd" / "result.json"
    return status, strict_json(path) if path.exists() else None


def test_a_table_of_two_classes_is_taken_as_it_is(tmp_path, binary, capsys):
    labels = ["да" if label else "no, thanks".replace(",", "") for label in binary.y_train]
    path = saved_csv(tmp_path / "мои данные.csv", binary.X_train[:, :10], labels)
    status, result = run_main(tmp_path, "--data", path, "--batch-sizes", "1 7 all")
    assert status == 0
    settings = result["settings"]
    assert (settings["dataset"], settings["rows"], settings["features"]) == (
        "мои данные",
        96,
        8,
    )  # two of the ten pixels never vary
    assert settings["batch_sizes"] == [1, 7, 96]
    out, err = capsys.readouterr()
    assert "мои данные" in out
    assert err == ""


@pytest.mark.parametrize(
    ("flags", "name", "layer"), [(["--model", "mlp"], "three", 3), (["--task", "2-vs-rest"], "three 2-vs-rest", 1)]
)
def test_an_npz_file_of_three_classes(tmp_path, flags, name, layer, monkeypatch):
    full = load_digits()
    keep = full.y_train < 3
    np.savez(tmp_path / "three.npz", X=full.X_train[keep][:200, 18:22].astype(np.float32), y=full.y_train[keep][:200])
    parameters = []
    right = measure.check_rows

    def remember(data, settings, seed):
        parameters.append(measure.make_model(data, settings, seed).layer_sizes[-1])
        return right(data, settings, seed)

    monkeypatch.setattr(measure, "check_rows", remember)
    status, result = run_main(tmp_path, "--data", tmp_path / "three.npz", "--batch-sizes", "4 all", "--quiet", *flags)
    assert status == 0
    assert result["settings"]["dataset"] == name
    assert set(parameters) == {layer}


def odd_tables():
    rng = np.random.default_rng(0)
    noise, halves = rng.normal(size=(150, 3)), np.arange(150) % 2
    return {
        "five rows": (noise[:5], halves[:5]),
        "thirty rows": (noise[:30], halves[:30]),
        "one feature": (noise[:, :1] + halves[:, None], halves),
        "a constant feature": (np.c_[noise, np.ones(150)], halves),
        "constant features": (np.ones((150, 3)), halves),
        "separable": (noise + 20 * halves[:, None], halves),
        "two samples, repeated": (np.repeat(noise[:2], 75, axis=0), np.repeat([0, 1], 75)),
        "a rare class": (noise, (np.arange(150) == 7).astype(int)),
    }


@pytest.mark.parametrize("model", ["logistic", "mlp"])
@pytest.mark.parametrize("name", odd_tables())
def test_odd_data_are_trained_on_or_refused_in_one_line(tmp_path, capsys, name, model):
    X, y = odd_tables()[name]
    path = saved_csv(tmp_path / "odd.csv", X, [f"class {label}" for label in y])
    status, result = run_main(
        tmp_path, "--data", path, "--model", model, *(["--hidden", "4"] if model == "mlp" else [])
    )
    err = capsys.readouterr().err
    assert (status, err.count("\n")) in ((0, 0), (2, 1)), err
    assert (result is not None) == (status == 0)


@pytest.mark.parametrize("reason", ["the pipe is closed", "the disk is full", "the encoding has no η"])
def test_what_was_measured_is_on_disk_though_it_cannot_be_told(tmp_path, monkeypatch, reason):
    class Pipe(io.BytesIO):
        def write(self, content):
            if reason == "the encoding has no η":
                return super().write(content)
            raise BrokenPipeError(32, reason) if "pipe" in reason else OSError(28, reason)

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(Pipe(), encoding="ascii", write_through=True))
    with contextlib.suppress(OSError, UnicodeError):
        status_of(UNDRAWN, ["--out", tmp_path, "--quick", "--epochs", "2", "--seeds", "3", "--workers", "1"])
    assert strict_json(tmp_path / "compare_gd_sgd" / "result.json")["claims"]["C1"]["verdict"] == "holds"


def test_a_terminal_without_greek_gets_the_table_all_the_same(tmp_path, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", write_through=True))
    assert status_of(UNDRAWN, ["--out", tmp_path, "--quick", "--epochs", "2", "--seeds", "3", "--workers", "1"]) == 0
    assert b"C1 holds" in raw.getvalue()


@pytest.mark.parametrize(
    ("reason", "status"),
    [(KeyboardInterrupt(), 130), (MemoryError("batch_size 64 does not fit into memory: 99 bytes"), 1)],
    ids=["Ctrl-C", "out of memory"],
)
def test_stopped_in_the_middle(tmp_path, capsys, monkeypatch, reason, status):
    folder = tmp_path / "out" / "compare_gd_sgd"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("old", encoding="utf-8")
    right, calls = measure.training_rows, []

    def training_rows(*arguments, **keywords):
        calls.append(keywords)
        if len(calls) == 4:
            raise reason
        return right(*arguments, **keywords)

    monkeypatch.setattr(measure, "training_rows", training_rows)
    argv = ["--out", tmp_path / "out", "--quick", "--epochs", "2", "--target", "0.4", "--batch-sizes", "64 all"]
    argv += ["--workers", "1"]
    assert status_of(UNDRAWN, argv) == status
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert str(reason) in err
    [journal] = folder.glob("unfinished-*.jsonl")
    assert str(journal) in err
    kept = [row["kind"] for rows in Journal(journal).finished.values() for row in rows]
    assert kept.count("training") == 3
    assert set(kept) == KINDS
    assert (folder / "result.json").read_text(encoding="utf-8") == "old"
    assert sorted(folder.iterdir()) == sorted([folder / "result.json", journal])

    def training_rows(*arguments, **keywords):
        calls.append(keywords)
        return right(*arguments, **keywords)

    calls.clear()
    monkeypatch.setattr(measure, "training_rows", training_rows)
    assert status_of(UNDRAWN, argv) == 0
    result = strict_json(folder / "result.json")
    assert len(calls) == 9  # of 2 arms, 3 seeds, 2 batch sizes: those that were missing
    assert [row["kind"] for row in result["rows"]].count("training") == 12
    assert result["environment"]["trials_resumed"] > 3
    assert sorted(folder.iterdir()) == [folder / "result.json"]


def test_the_first_seed_is_the_flag_s_and_the_others_count_on_from_it(tmp_path, monkeypatch, digits):
    monkeypatch.setattr("minigrad.load_digits", lambda: digits)
    argv = ["--quick", "--epochs", "2", "--seeds", "2", "--workers", "1", "--seed", "40", "--out", tmp_path]
    assert status_of(UNDRAWN, argv) == 0
    result = json.loads((tmp_path / "compare_gd_sgd" / "result.json").read_text())
    assert result["settings"]["seed"] == 40
    assert {row["seed"] for row in result["rows"] if row["kind"] == "training"} == {40, 41}
    assert {tuple(row["seeds"]) for row in result["rows"] if row["kind"] == "tuning"} == {(1040, 1041)}
