"""Marks: right answers have them all, planted mistakes are named by their cause."""

import importlib.util
import json

import numpy as np
import pytest
from exercises.answers import RIGHT, changed, compared, source
from exercises.mistakes import MISTAKES

from experiments.exercises import compare, marking, sheet
from experiments.exercises.exercise import FULL_MARKS, NAMES, POINTS_OF_THE_TESTS, Check, load

MOST = FULL_MARKS - POINTS_OF_THE_TESTS
PLANTED = [(name, *mistake) for name in NAMES for mistake in MISTAKES[name]]


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_pass_every_comparison(name):
    assert compared(name, RIGHT[name]) == {"points": MOST, "sentence": "", "printed": ""}


@pytest.mark.parametrize("name", NAMES)
def test_ten_mistakes_are_planted(name):
    assert len({new for _, new, _ in MISTAKES[name]}) >= 10


@pytest.mark.parametrize(("name", "old", "new", "words"), PLANTED, ids=[f"{p[0]}-{p[3]}" for p in PLANTED])
def test_a_planted_mistake_is_named(name, old, new, words):
    mark = compared(name, changed(name, old, new))
    assert words in mark["sentence"]
    assert mark["points"] < MOST
    assert "\n" not in mark["sentence"]
    assert len(mark["sentence"]) <= 260
    json.dumps(mark)


@pytest.mark.parametrize("name", NAMES)
def test_an_unwritten_answer_has_no_point(name, tmp_path):
    mark = marking.marked(load(name), sheet.text(load(name), tmp_path).encode(), "compare")
    assert mark["points"] == 0
    assert mark["sentence"].startswith(
        f"{load(name).functions[0].name} is not written yet: NotImplementedError is raised in"
    )


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("def sigmoid(z):\n    return (1", "line 4 is no Python: '(' was never closed"),
        ("def sigmoid(z):\nreturn 1", "line 4 is no Python: expected an indented block"),
        ("x = 1\0", "the file is no Python"),
        ("def sigmoid(z, k):\n    return z", "sigmoid takes (z, k); expected def sigmoid(z):"),
        ("def sigmoid():\n    return 1", "sigmoid takes (); expected def sigmoid(z):"),
        ("def sigmoid(x):\n    return x", "sigmoid takes (x); expected def sigmoid(z):"),
        ("def Sigmoid(z):\n    return z", "there is no function sigmoid; expected def sigmoid(z):"),
        ("sigmoid = 3", "there is no function sigmoid"),
        ("def sigmoid(z):\n    return 1 / 0", "sigmoid stops with ZeroDivisionError in line 4: division by zero"),
        ("def sigmoid(z):\n    return zz", "sigmoid stops with NameError in line 4: name 'zz' is not defined"),
        ("1 / 0", "the file stops with ZeroDivisionError in line 3"),
        ("def sigmoid(z):\n    return sigmoid(z)", "sigmoid stops with RecursionError in line 4"),
        ("def sigmoid(z):\n    exit(0)", "sigmoid calls exit() in line 4; a function ends with return"),
        ("def sigmoid(z):\n    return 'h'", "sigmoid returns a str for h; expected numbers"),
        ("def sigmoid(z):\n    while True:\n        print(z)", "it prints more than 100,000 letters"),
        ("while True:\n    print(1)", "it prints more than 100,000 letters"),
        ("from minigrad.functions import sigmoid", "line 3 imports minigrad.functions; expected NumPy"),
        ("def sigmoid(z):\n    import scipy.special as s\n    return s.expit(z)", "line 4 imports scipy.special"),
        (
            "def sigmoid(z):\n    return np.exp(z) @ np.ones(3)",
            "the shapes do not fit for @ (size 3 is different from 8)",
        ),
        ("def sigmoid(z):\n    return z + np.ones(3)", "the shapes do not fit: operands could not be broadcast"),
        ("def sigmoid(z):\n    raise ValueError('a\\nb')", "sigmoid stops with ValueError in line 4: a b"),
    ],
)
def test_a_file_that_cannot_be_marked_is_told_in_a_sentence(lines, sentence):
    mark = compared("sigmoid", lines)
    assert mark["sentence"].startswith(sentence) or sentence in mark["sentence"]
    assert "\n" not in mark["sentence"]
    assert mark["points"] == 0


def test_a_file_that_is_not_utf8_is_told():
    mark = marking.marked(load("sigmoid"), b"# \xff\n", "compare")
    assert mark["points"] == 0
    assert "is no Python" in mark["sentence"]


def test_a_further_argument_with_a_default_is_no_mistake():
    assert compared("sigmoid", RIGHT["sigmoid"].replace("(z):", "(z, out=None):"))["points"] == MOST


def test_what_an_answer_prints_is_kept_and_shortened():
    mark = compared("sigmoid", RIGHT["sigmoid"].replace("    return", "    print('look', z.shape)\n    return"))
    assert mark["points"] == MOST
    assert mark["printed"].startswith("look (8,)\n")
    assert len(mark["printed"]) <= 1000


def test_points_are_added_and_the_first_sentence_stays():
    class Three:
        checks = (Check(1, lambda answer: ""), Check(2, lambda answer: "wet"), Check(4, lambda answer: "cold"))

    assert marking.compared(Three, None) == marking.Mark(1, "wet")


# ---- what is wrong with a number ---------------------------------------------------------------------------------

EXPECTED = np.array([1.0, -2.0, 3.0])


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (EXPECTED + 1e-12, ""),
        (-EXPECTED, "has the wrong sign"),
        (5 * EXPECTED, "m = 5 times too large"),
        (EXPECTED / 5, "m = 5 times too small"),
        (-5 * EXPECTED, "wrong sign and is m = 5 times too large"),
        (EXPECTED * 5 / 4, "divided by m − 1"),
        (2 * EXPECTED, "2 times what it should be"),
        (0 * EXPECTED, "zero"),
        (np.array([1.0, -2.0, 4.0]), "1 of 3 entries of G are wrong: G[2] is 4, expected 3"),
        (EXPECTED * [1, np.nan, 1], "nan"),
        (EXPECTED * [1, np.inf, 1], "∞"),
        (EXPECTED[:, None], "has the shape (3, 1); expected (3,): it has one axis too many"),
        (EXPECTED[:, None] + EXPECTED, "table of all pairs"),
        (EXPECTED.sum(), "leaves one number"),
    ],
)
def test_a_difference_is_told_by_its_cause(result, words):
    sentence = compare.difference("G", np.asarray(result), EXPECTED, rows=5)
    assert (words in sentence) if words else (sentence == "")


def test_a_transposed_table_is_told():
    table = np.arange(6.0).reshape(2, 3)
    assert "it is transposed" in compare.difference("W", table.T, table, rows=2)


# ---- the project's own tests on an answer --------------------------------------------------------------------------


@pytest.mark.whole
def test_a_wrong_answer_fails_the_projects_tests(tmp_path):
    """It slips through the comparisons, as they look at no z of this size, and not through the tests."""
    from strategies import python

    path, result = tmp_path / "sigmoid.py", tmp_path / "result.json"
    late = changed("sigmoid", "    return", "    if z.size > 4000:\n        return z\n    return")
    path.write_bytes(source(late))
    assert compared("sigmoid", late)["points"] == MOST
    python("-m", "experiments.exercises.child", "sigmoid", str(path), "test", str(result), "60")
    found = json.loads(result.read_text(encoding="utf-8"))
    assert found["points"] == MOST
    assert found["sentence"].startswith("the project's own test_sigmoid_is_expit_to_the_last_digits")


@pytest.mark.parametrize("missing", ["pytest", "hypothesis"])
def test_without_what_the_projects_tests_need_their_points_are_missing(monkeypatch, missing):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else object())
    mark = marking.tested(load("sigmoid"), None)
    assert mark == marking.Mark(MOST, f'the project\'s own tests need {missing}: python -m pip install -e ".[test]"')


@pytest.mark.whole
def test_every_function_of_an_answer_is_in_the_place_of_ours_when_the_projects_tests_run():
    """Right answers that count their calls, all eight in one process."""
    from strategies import python

    script = """if True:
        import sys
        sys.path.insert(0, "tests")
        import json
        from types import SimpleNamespace
        import pytest
        from exercises.answers import namespace
        from experiments.exercises import marking
        from experiments.exercises.exercise import NAMES, load
        calls = {}

        def counting(name, function):
            calls[name] = 0
            def counted(*arguments, **named):
                calls[name] += 1
                return function(*arguments, **named)
            return counted

        for name in NAMES:
            right = namespace(name)
            answer = {f.name: counting(f.name, right[f.name]) for f in load(name).functions}
            load(name).put_in_place(SimpleNamespace(**answer))
        before = dict(calls)
        status = {name: pytest.main([*marking.OPTIONS, *load(name).tests], plugins=[marking.Watch()]) for name in NAMES}
        print(json.dumps([before, calls, status]))
    """
    done = python("-c", script)
    before, calls, status = json.loads(done.stdout.splitlines()[-1])
    assert set(before.values()) == {0}
    assert sorted(calls) == sorted(function.name for name in NAMES for function in load(name).functions)
    assert [name for name, count in calls.items() if count == 0] == []
    assert status == dict.fromkeys(NAMES, 0)


TWICE = {
    "in two functions": (
        [("/ len(g)", "/ (len(g) - 1)"), ("np.sqrt(trace / n)", "trace / n")],
        "m − 1",
        "root is missing",
    ),
    "in one function": ([("(g - g.mean(axis=0))", "g"), (".sum() / len(g)", ".sum()")], "G is not taken off", "m = 8"),
    "in sign and mean": ([("((g - ", "-((g - "), ("g.mean(axis=0)", "g.mean()")], "one mean of all", "wrong sign"),
}


@pytest.mark.parametrize(("changes", "first", "second"), TWICE.values(), ids=TWICE)
def test_two_mistakes_are_both_named(changes, first, second):
    text = RIGHT["noise"]
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    mark = compared("noise", text)
    assert first in mark["sentence"]
    assert second in mark["sentence"]
    assert len(mark["sentence"]) <= 260
    assert mark["points"] < MOST


def test_a_number_that_no_mistake_explains_is_shown_beside_ours():
    mark = compared("noise", RIGHT["noise"].replace("/ len(g)", "/ len(g) * -1.37"))
    assert mark["sentence"].startswith("noise_trace has the wrong sign and is 1.37 times")
    assert "; and" not in mark["sentence"]
