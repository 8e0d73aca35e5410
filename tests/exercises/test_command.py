"""The commands, and answers that run in a process of their own."""

import json
import os
import re
import time
from pathlib import Path

import pytest
from exercises.answers import RIGHT, changed, source

from experiments.exercises import command, process
from experiments.exercises.exercise import NAMES, load
from experiments.lab import commands


def run(capsys, *words):
    """(exit status, what was printed, lines of errors) of a command."""
    try:
        status = commands.main(["exercises", *map(str, words)])
    except SystemExit as error:
        status = error.code
    out, err = capsys.readouterr()
    return status, out, err.splitlines()


@pytest.fixture
def quick(monkeypatch):
    """Marks without a process, and without the project's tests."""

    def mark(name, path, seconds):
        points = 10 if path.exists() and path.read_bytes() == source(RIGHT[name]) else 3
        return {"points": points, "sentence": "" if points == 10 else "a sentence", "printed": "a\nb\n"}

    monkeypatch.setattr(process, "mark", mark)


@pytest.mark.whole
@pytest.mark.parametrize("name", NAMES)
def test_from_start_to_full_marks(tmp_path, capsys, name):
    """A sheet, answered below what it already says, and marked as a student has it marked, in a process of its own."""
    folder = tmp_path / "my answers"
    assert run(capsys, "start", folder, name)[0] == 0
    path = folder / f"{name}.py"
    path.write_text(path.read_text(encoding="utf-8") + RIGHT[name], encoding="utf-8")
    status, out, errors = run(capsys, "check", folder, "--seconds", 60)
    assert (status, out.split(), errors) == (0, [name, "10", "of", "10", "right"], [])


def test_eight_are_listed(capsys):
    status, out, errors = run(capsys)
    assert (status, errors) == (0, [])
    assert all(f"  {name} " in out and load(name).title in out for name in NAMES)
    assert len(NAMES) == 8
    assert not set(commands.names()) & {"exercises", "lab"}


def test_start_never_overwrites(tmp_path, capsys):
    (tmp_path / "sigmoid.py").write_text("mine", encoding="utf-8")
    status, out, _ = run(capsys, "start", tmp_path, "sigmoid", "sgd")
    assert status == 0
    assert "is there already: left as it is" in out
    assert (tmp_path / "sigmoid.py").read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sgd.py", "sigmoid.py"]


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["start", "{dir}", "sigmod"], ["'sigmod'", "did you mean sigmoid?"]),
        (["check", "{dir}", "backprop"], ["'backprop'", "did you mean backpropagation?"]),
        (["hint", "xyzzy"], ["'xyzzy'", "expected one of sigmoid, "]),
        (["solution", "noize"], ["did you mean noise?"]),
        (["hint", "sgd", "9"], ["K is 9", "at most 3"]),
        (["hint", "sgd", "0"], ["'0'", "at least 1"]),
        (["start", "{dir}/file"], ["/file'", "expected a folder"]),
        (["start", "{dir}/file/below"], ["file"]),
        (["check", "{dir}/none"], ["/none'", "no folder"]),
        (["check", "{dir}"], ["holds no exercise"]),
        (["check", "{dir}", "--seconds", "-1"], ["'-1'", "positive"]),
        (["chek", "{dir}"], ["chek"]),
        (["start"], ["DIR"]),
        (["check", "{dir}", "--jsn"], ["--jsn"]),
    ],
)
def test_what_is_not_understood_is_one_line(tmp_path, capsys, words, fragments):
    (tmp_path / "file").write_text("", encoding="utf-8")
    status, out, errors = run(capsys, *(word.format(dir=tmp_path) for word in words))
    assert (status, out, len(errors)) == (2, "", 1)
    assert all(fragment in errors[0] for fragment in fragments), errors
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_check_adds_up_and_its_status_says_whether_all_is_right(tmp_path, capsys, quick):
    (tmp_path / "sigmoid.py").write_bytes(source(RIGHT["sigmoid"]))
    assert run(capsys, "check", tmp_path)[0] == 0
    (tmp_path / "sgd.py").write_bytes(b"")
    status, out, _ = run(capsys, "check", tmp_path)
    assert status == 1
    assert [line.split()[:4] for line in out.splitlines() if " of 10" in line] == [
        ["sigmoid", "10", "of", "10"],
        ["sgd", "3", "of", "10"],
    ]
    assert "your file printed: b" in out
    assert "13 of 20" in out


def test_an_interrupt_is_one_line(tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "mark", interrupted)
    (tmp_path / "sgd.py").write_bytes(b"")
    status, _, errors = run(capsys, "check", tmp_path)
    assert status == 130
    assert [line for line in errors if line] == ["python -m experiments exercises: interrupted"]


def test_check_as_json_is_what_the_classroom_reads(tmp_path, capsys, quick):
    (tmp_path / "sigmoid.py").write_bytes(source(RIGHT["sigmoid"]))
    status, out, _ = run(capsys, "check", tmp_path, "sigmoid", "sgd", "--json")
    found = json.loads(out)
    assert status == 1
    assert (found["version"], found["status"], found["max_score"]) == (1, "fail", 20)
    assert [(test["name"], test["status"], test["score"]) for test in found["tests"]] == [
        ("sigmoid", "pass", 10),
        ("sgd", "fail", 3),
    ]


def test_the_workflow_calls_the_command_as_it_is():
    text = (Path(command.__file__).parent / "classroom.yml").read_text(encoding="utf-8")
    names = re.search(r"EXERCISES: (.*)", text)[1]
    words = re.search(r"python -m experiments exercises (check .*) > marks.json", text)[1]
    arguments = command.parser().parse_args(words.replace("$EXERCISES", names).split())
    assert arguments.json
    assert set(arguments.names) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_hints_come_one_by_one_and_the_solution_is_our_lines(capsys, name):
    hints = load(name).hints
    for number in range(1, len(hints) + 1):
        status, out, _ = run(capsys, "hint", name, *([number] if number > 1 else []))
        assert status == 0
        assert f"Hint {number} of {len(hints)}: {hints[number - 1][:20]}" in out
        assert (f"hint {name} {number + 1}" if number < len(hints) else f"solution {name}") in out
    status, out, _ = run(capsys, "solution", name)
    assert status == 0
    assert "def " in out
    assert "# minigrad/" in out


# ---- answers that misbehave --------------------------------------------------------------------------------------

SECONDS = 8  # a busy machine takes some of them to import NumPy


def mark(tmp_path, lines, seconds=60):
    path = tmp_path / "sigmoid.py"
    path.write_bytes(source(lines))
    found = process.mark("sigmoid", path, seconds)
    assert "\n" not in found["sentence"]
    return found["points"], found["sentence"]


def test_a_missing_file_is_told(tmp_path):
    found = process.mark("sigmoid", tmp_path / "sigmoid.py", 1)
    assert found["points"] == 0
    assert "there is no file sigmoid.py" in found["sentence"]


@pytest.mark.whole
@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("import os\nos._exit(0)", "it ends Python itself (os._exit, exit status 0)"),
        ("import os\n\n\ndef sigmoid(z):\n    os._exit(3)", "exit status 3"),
        ("import ctypes\nctypes.string_at(0)", "it crashes Python (signal 11, SIGSEGV)"),
        ("def sigmoid(z):\n    return np.ones((100_000, 100_000))", "more memory than an answer may in line 4"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="signals and limits as POSIX has them")
def test_an_answer_that_ends_python_is_told_by_how_it_ended(tmp_path, lines, words):
    points, sentence = mark(tmp_path, lines)
    assert points == 0
    assert words in sentence


@pytest.mark.whole
def test_an_endless_loop_ends_and_so_does_what_it_started(tmp_path):
    log = tmp_path / "log"
    beat = f"import time\nwhile True:\n    open({str(log)!r}, 'a').write('.')\n    time.sleep(0.05)"
    lines = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {beat!r}])\nwhile True:\n    pass"
    points, sentence = mark(tmp_path, lines, SECONDS)
    assert points == 0
    assert sentence == f"it does not end within {SECONDS} seconds: is there an endless loop?"
    length = log.stat().st_size
    assert length > 0
    time.sleep(0.3)
    assert log.stat().st_size == length


def test_an_answer_with_a_mistake_is_marked_without_the_projects_tests(tmp_path):
    points, sentence = mark(tmp_path, changed("sigmoid", "-abs(z)", "abs(z)"))
    assert points < 8
    assert sentence


def test_the_line_of_a_mark_is_wrapped(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = command.line("sgd", {"points": 3, "sentence": "word " * 60, "printed": ""})
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("  sgd                  3 of 10  word")
