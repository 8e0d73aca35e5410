"""What the page says: deciding numbers, the answer, and a docstring's blocks."""

import math

import pytest

from experiments.lab.statistics import Interval
from experiments.lab.text import begun, natural
from experiments.lab.verdicts import Judgement, Question
from experiments.report import content, words
from experiments.report.content import MISSING, Claim, Part
from experiments.report.page import question_of


def question(name, low, high, **more):
    return Question(name, Interval((low + high) / 2, low, high), low=1, **more)


YES, NO, OPEN = question("a", 2, 3), question("b", 0, 0.5), question("c", 0.5, 2)
CONTROL = question("d", 0, 0.5, control=True)


@pytest.mark.parametrize(
    ("questions", "verdict", "names"),
    [
        ([YES, YES], "holds", ["a"]),
        ([NO, NO], "does not hold", ["b"]),
        ([YES, NO], "conditional", ["b", "a"]),
        ([YES, OPEN], "undecided", ["c"]),
        ([YES, CONTROL], "undecided", ["d"]),
        ([], "undecided", []),
    ],
)
def test_the_numbers_that_decided(questions, verdict, names):
    claim = Judgement("because", questions).plain("It is so.")
    assert claim["verdict"] == verdict
    told = content.claim_of("C1", {"claims": {"C1": claim}}, [], ["C1"])
    assert [each["question"] for each in told.deciding] == names
    answers = [each["answer"] for each in told.questions if not each["control"]]
    assert answers == sorted(answers, key=["no", "open", "yes"].index)


@pytest.mark.parametrize("style", ["", ".1%", "+.2f"])
@pytest.mark.parametrize("control", [True, False])
@pytest.mark.parametrize("ends", [(0.25, 0.5), (-math.inf, math.inf)])
def test_a_number_is_written_as_in_its_sentence(style, control, ends):
    interval = Interval(0.375, *ends)
    plain = Question("x: y, asked z", interval, 0, 1, style=style, control=control).plain()
    assert content.measured(plain) == f"{interval:{style}}"


def part(name, verdict, because="batch 7 is best", about="digits"):
    claim = Claim(name, "", verdict, because, [], [], [], True)
    return Part("x", "", [], [claim], "", "", True, about, [], {}, {}, 0)


def test_the_answer_is_c9s_then_c8ds_then_what_is_missing():
    c9, c8d = part("C9", "holds", "train with batches of 64"), part("C8d", "holds")
    assert content.answer([c8d, c9]) == ("Train with batches of 64 (digits).", "C9")
    assert content.answer([c8d, part("C9", MISSING)]) == ("Batch 7 is best (digits).", "C8d")
    open_question = content.answer([c8d, part("C9", "undecided", "train with batches of 64")])
    assert open_question == ("Train with batches of 64 (C9 undecided; digits).", "C9")
    sentence, source = content.answer([part("C8d", MISSING)])
    assert "not been measured" in sentence
    assert source == ""


def test_advice_that_was_checked_says_what_trusting_it_lost():
    checked = part("C9", "does not hold")
    evidence = {"band": [64, 1200], "learning_rate": 0.5, "time_lost": {"estimate": 0.31, "low": 0.2, "high": 0.4}}
    checked.claims[0].evidence.update(evidence)
    assert content.answer([checked])[0] == (
        "Train with batches of 64 to 1,200 at learning rate 0.5; trusting that lost 31 % of the time "
        "(C9 does not hold; digits)."
    )


@pytest.mark.parametrize("verdict", ["undecided", "does not hold"])
def test_an_answer_that_failed_is_no_advice(verdict):
    sentence, _ = content.answer([part("C8d", verdict)])
    assert sentence.startswith("No single batch size can be named")
    assert verdict in sentence


def test_claims_are_sorted_as_one_counts():
    names = ["C10", "C8", "C2", "C6-CPU", "C8a", "C6"]
    assert sorted(names, key=natural) == ["C2", "C6", "C6-CPU", "C8", "C8a", "C10"]


def test_a_docstring_keeps_the_lines_of_its_formulas():
    text = """Title.

    a = b
      = c

    d = e

A sentence in
two lines.

1. A point
   that goes on.
2. Another.
"""
    assert words.blocks(text) == [
        ("pre", "a = b\n  = c\n\nd = e"),
        ("p", "A sentence in two lines."),
        ("p", "1. A point that goes on."),
        ("p", "2. Another."),
    ]


def test_no_word_of_a_question_is_lost(experiments):
    for one in experiments:
        told = " ".join(text for _, text in words.blocks(question_of(one)))
        assert told.split() == question_of(one).split("\n", 1)[1].split()


def test_code_and_stress_are_marked_and_all_else_escaped():
    assert words.marked("a < b in `x<y`") == "a &lt; b in <code>x&lt;y</code>"
    assert words.marked("it *sums* J − J* and J* * 2") == "it <em>sums</em> J − J* and J* * 2"


def test_a_sentence_begins_with_a_capital_and_a_symbol_stays():
    assert begun("a batch") == "A batch"
    assert begun("η is 3") == "η is 3"
    assert begun("") == ""


def test_settings_as_text():
    assert words.shown([1, 1437]) == "1 1,437"
    assert words.shown([[32], [4096, 4096]]) == "32 4,096 4,096"
    assert [words.shown(value) for value in (None, True, 0.1, "x", [])] == ["–", "yes", "0.1", "x", "none"]
