"""The markers in the source, and what is cut out there."""

import doctest
import inspect

import numpy as np
import pytest
from exercises.answers import RIGHT, namespace

import minigrad
from experiments.exercises import marker, sheet
from experiments.exercises.exercise import FULL_MARKS, NAMES, POINTS_OF_THE_TESTS, load
from minigrad import functions, losses, noise, optimizers
from minigrad.data import epoch
from minigrad.per_sample import textbook, upper_layers

OURS = {
    "sigmoid": [functions.sigmoid],
    "log_loss": [losses.log_loss, losses.one_sample_loss, losses.one_sample_loss_as_printed],
    "logistic_gradient": [minigrad.LogisticRegression.backward_pass, minigrad.LogisticRegression.gradient_pass],
    "backpropagation": [minigrad.MLP.backward_pass, minigrad.MLP.gradient_pass],
    "batches": [epoch.batches],
    "sgd": [optimizers.SGD.update, textbook.textbook_epoch],
    "noise": [noise.GradientNoise.std, noise.gradient_noise],
    "block": [upper_layers.in_sequence],
}
each = pytest.mark.parametrize("name", NAMES)


def test_every_marker_has_an_exercise_and_every_exercise_a_marker():
    assert {piece.exercise for piece in marker.pieces()} == set(NAMES) == set(OURS) == set(RIGHT)


@each
def test_what_is_cut_is_the_source_of_the_functions_that_run(name):
    cut = [piece.text for piece in marker.pieces(name)]
    assert cut == [inspect.cleandoc("\n" + inspect.getsource(ours)) for ours in OURS[name]]


@pytest.mark.parametrize("below", ["", "x = 1", "class A:\n    pass", "\ndef f():\n    pass"])
def test_a_marker_above_no_function_is_refused(monkeypatch, tmp_path, below):
    (tmp_path / "lost.py").write_text(f"# exercise: sigmoid\n{below}\n", encoding="utf-8")
    monkeypatch.setattr(marker, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="'sigmoid' stands above no function"):
        marker.pieces()


def test_a_marked_function_with_a_decorator_is_cut_with_it(monkeypatch, tmp_path):
    text = "class A:\n    # exercise: sigmoid\n    @staticmethod\n    def f():\n        return 1\n\n    b = 2\n"
    (tmp_path / "one.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(marker, "FOLDER", tmp_path)
    assert [piece.text for piece in marker.pieces()] == ["@staticmethod\ndef f():\n    return 1"]


@each
def test_an_exercise_is_complete(name):
    one = load(name)
    assert one.name == name
    assert sum(check.points for check in one.checks) == FULL_MARKS - POINTS_OF_THE_TESTS
    assert all(check.points > 0 for check in one.checks)
    assert 2 <= len(one.hints) <= 4
    assert one.tests
    assert ">>> " in one.question
    assert max(map(len, one.question.splitlines())) <= 120


@each
def test_the_examples_of_a_question_are_true(name):
    names = namespace(name) | {"np": np, "minigrad": minigrad}
    test = doctest.DocTestParser().get_doctest(load(name).question, names, name, None, None)
    assert test.examples
    failures = []
    doctest.DocTestRunner(verbose=False).run(test, out=failures.append)
    assert not failures, "".join(failures)


def test_signatures_come_from_the_source_without_what_no_student_needs():
    assert [f.signature for f in load("sigmoid").functions] == ["sigmoid(z)"]
    assert [f.signature for f in load("batches").functions] == ["batches(n, batch_size, rng=None, drop_last=False)"]
    assert load("sgd").functions[0].signature == "textbook_epoch(model, X, y, order, learning_rate)"
    assert "min(z,0)" not in load("sigmoid").functions[0].docstring  # the second paragraph is the answer


@each
def test_a_sheet_is_python_with_the_question_and_no_answer(name, tmp_path):
    text = sheet.text(load(name), tmp_path)
    names = {}
    exec(compile(text, name, "exec"), names)
    assert load(name).question.splitlines()[0] in names["__doc__"]
    for function in load(name).functions:
        assert inspect.getdoc(names[function.name]) == inspect.cleandoc(function.docstring)
        with pytest.raises(NotImplementedError):
            names[function.name](*inspect.signature(names[function.name]).parameters)
