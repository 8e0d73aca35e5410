"""The answer at the top of the page, and the sentence that keeps the critical batch sizes apart."""

import math

import pytest

from experiments.report.answer import answer
from experiments.report.content import Claim, Part
from experiments.report.critical import critical_sizes
from experiments.report.glossary import MISSING

BAND = {"band": [64, 1200], "learning_rate": 0.5}
COMMAND = "python -m experiments.x --data my.csv"


def part(name, verdict, because="batch 7 is best", about="digits", unchecked="", settings=None, **evidence):
    claim = Claim(name, "", verdict, because, [], [], [], True, evidence, unchecked=unchecked)
    return Part("x", "", [], [claim], "", COMMAND, True, about, "MLP 64-32-10", [], settings or {}, {}, 0)


def told(*parts):
    return [(each.text, each.command, each.claim) for each in answer(parts) if each.text]


FOR = "A training is here plain SGD on MLP 64-32-10; the data are digits. Other data or another machine: other numbers."


def test_advice_that_was_not_checked_says_so_and_how_to_check_it():
    first, second, third, own = told(
        part("C9", "not measured", unchecked=f"{COMMAND} --check", **BAND), part("C8d", "holds")
    )
    assert first == ("Train with batches of 64 to 1,200 rows, at learning rate 0.5.", "", "C9")
    assert second[0].startswith("This is a prediction, and it has not been checked here.")
    assert second[1] == f"{COMMAND} --check"
    assert third == (FOR, "", "")
    assert own[0].startswith("For your own data")
    assert own[1] == "python -m experiments.best_batch_size --data my.csv"


def test_advice_that_was_checked_says_what_trusting_it_lost():
    lost = {"time_lost": {"estimate": 0.31, "low": 0.2, "high": 0.4}}
    first, second, *_ = told(part("C9", "does not hold", **BAND, **lost))
    assert first[0] == "Train with batches of 64 to 1,200 rows, at learning rate 0.5."
    assert second[0] == (
        "A run of all batch sizes has checked this (C9 does not hold). "
        "Trusting it lost 31 % of the time of the fastest batch size."
    )
    assert "prediction" not in second[0]


PROBE = "the probe, which finds the batch size, took 2 s and saves nothing."
PAID = (
    "The probe, which finds these numbers, took 2 s and saves 0.00799 s a training: "
    "so it has paid after 2/0.00799 = 251."
)


@pytest.mark.parametrize(
    ("runs", "first", "second"),
    [
        (
            250.3,
            "For fewer than 251 trainings just train, with batches of 32.",
            "A few trial runs at that size find its rate. It is not the fastest size, but to search for that does not "
            "pay. For more, train with batches of 64 to 1,200 rows, at learning "
            f"rate 0.5. {PAID}",
        ),
        (math.inf, f"Just train, with batches of 32: {PROBE}", FOR),
        (None, f"Just train, with batches of 32: {PROBE}", FOR),
    ],
)
def test_where_the_probe_costs_more_than_it_saves_it_says_so(runs, first, second):
    probe = {"probe": {"seconds": 2.0, "pays_after_runs": runs}, "just_train": True}
    found = told(part("C9", "not measured", "just train, with batches of 32: and so on", **BAND, **probe))
    assert found[0][0].startswith(first)
    assert found[1][0].startswith(second)
    worth = told(part("C9", "not measured", **BAND, **(probe | {"just_train": False})))
    assert worth[0][0].startswith("Train with batches of 64")
    assert worth[1][0] == FOR


def test_without_advice_it_is_what_was_measured_as_the_fastest_and_without_that_how_to_measure():
    c8d = part("C8d", "holds", "batch 7 is best; it takes 3 s")
    assert told(c8d, part("C9", MISSING)) == [("Batch 7 is best. It takes 3 s.", "", "C8d"), (FOR, "", "")]
    assert told(c8d, part("C9", "undecided", "the noise is not known"))[0] == ("The noise is not known.", "", "C9")
    [(sentence, command, source)] = told(part("C8d", MISSING))
    assert "not been measured" in sentence
    assert (command, source) == ("python -m experiments.batch_size_sweep", "")


@pytest.mark.parametrize("verdict", ["undecided", "does not hold"])
def test_an_answer_that_failed_is_no_advice(verdict):
    sentence = told(part("C8d", verdict))[0][0]
    assert sentence.startswith(f"No single batch size can be named (C8d {verdict}). Batch 7")


def test_each_critical_batch_size_has_its_problem_and_its_estimator():
    fits = {"fits": {"drawn without replacement": {"B_c": {"estimate": 197.2}}}}
    unknown = {"fits": {"drawn without replacement": {"B_c": {"estimate": None}}}}
    c3 = part("C3", "holds", **{"MLP loose": fits, "MLP tight": fits, "logistic": unknown, "other": {"fits": {}}})
    c9 = part("C9", "holds", critical_batch_size={"estimate": 276.0}, target=0.00918)
    c10 = part("C10b", "holds", B_c={"estimate": 235.1}, settings={"target": "0.0231"})
    sizes = critical_sizes([c3, c9, c10])
    assert [(each.claim, each.numbers) for each in sizes] == [
        ("C3", "197 (MLP loose) and 197 (MLP tight)"),
        ("C9", "276"),
        ("C10b", "235"),
    ]
    assert [each.how.rpartition(", at the target ")[2] for each in sizes[1:]] == ["0.00918", "0.0231"]
    assert len({each.how for each in sizes}) == 3
    assert critical_sizes([part("C9", "holds", critical_batch_size={"estimate": math.inf})]) == []
    assert critical_sizes([]) == []
