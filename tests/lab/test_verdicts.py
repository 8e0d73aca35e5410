"""Questions, and the verdicts that follow from them."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.lab.statistics import Interval
from experiments.lab.verdicts import LONGEST, Judgement, Question, decide, seeds_needed

INSIDE, OUTSIDE, ACROSS = Interval(2, 1.5, 2.5), Interval(5, 4, 6), Interval(3, 2, 4)
INTERVALS = {True: INSIDE, False: OUTSIDE, None: ACROSS}
answers = st.lists(st.sampled_from([True, False, None]), max_size=5)


def question(answer, **change):
    return Question("size", INTERVALS[answer], 1, 3, **change)


@pytest.mark.parametrize("answer", [True, False, None])
def test_the_bounds_answer(answer):
    assert question(answer).answer is answer


@pytest.mark.parametrize("answer", [True, False, None])
def test_where_bounds_do_not_decide_the_answer_is_given(answer):
    assert Question("size", OUTSIDE, by="p < 0.05", decided=answer).answer is answer


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((True, True), "holds"),
        ((True, False), "conditional"),
        ((False, False), "does not hold"),
        ((), "undecided"),
        ((True, None), "undecided"),
        ((False, None), "undecided"),
        ((None,), "undecided"),
        ((True, None, False), "conditional"),
    ],
)
def test_the_answers_decide(outcomes, expected):
    assert decide(outcomes) == expected
    assert Judgement("b", [question(outcome) for outcome in outcomes]).verdict == expected


@given(answers)
def test_where_each_is_needed_one_no_refutes(found):
    verdict = Judgement("b", [question(answer) for answer in found], each_needed=True).verdict
    if False in found:
        assert verdict == "does not hold"
    else:
        assert verdict == ("holds" if found and None not in found else "undecided")


@given(answers, answers)
def test_a_control_can_only_keep_a_claim_from_holding(found, controls):
    questions = [question(answer) for answer in found]
    without = Judgement("b", questions).verdict
    with_controls = Judgement("b", questions + [question(answer, control=True) for answer in controls]).verdict
    if without == "holds" and not all(controls):
        assert with_controls == "undecided"
    else:
        assert with_controls == without


def test_too_few_seeds_leave_an_answer_open_whatever_the_interval():
    assert seeds_needed(2) == "at least 3 seeds (--seeds 3)"
    assert seeds_needed(5, 6) == "at least 6 seeds (--seeds 6)"
    assert (seeds_needed(3), seeds_needed(None)) == ("", "")
    few = question(True, takes=seeds_needed(2))
    assert few.answer is None
    assert few.plain()["takes"] == "at least 3 seeds (--seeds 3)"
    assert Question("size", INSIDE, by="p < 0.05", decided=True, takes="more").answer is None
    claim = Judgement("it is so", [question(True), few]).plain("Statement.")
    assert (claim["verdict"], claim["because"]) == ("undecided", "it is so; it takes at least 3 seeds (--seeds 3)")
    both = Judgement("it is so", [few, few, question(True, takes="384 test rows")])
    assert both.sentence == "it is so; it takes at least 3 seeds (--seeds 3) and 384 test rows"


def test_what_is_decided_does_not_say_what_it_would_take():
    refuted = Judgement("it is not", [question(False), question(True, takes="3 seeds")], each_needed=True)
    assert (refuted.verdict, refuted.sentence) == ("does not hold", "it is not")
    assert Judgement("wide", [question(None)]).sentence == "wide"


@pytest.mark.parametrize("length", [1, 110, 111, 160])
def test_a_sentence_never_grows_beyond_its_length(length):
    sentence = Judgement("x" * length, [question(None, takes="at least 3 seeds: --seeds 3 and 9,604 rows")]).sentence
    assert len(sentence) <= LONGEST
    assert sentence.endswith("it takes at least 3 seeds: --seeds 3 and 9,604 rows")
    assert sentence.startswith("x") == (length <= 105)


def test_what_cannot_be_measured_is_not():
    assert Judgement("no GPU", [question(True)], measured=False).verdict == "not measured"


@pytest.mark.parametrize(
    ("low", "high", "style", "asked"),
    [
        (1, 3, "", "1 to 3"),
        (1, math.inf, ".1f", "above 1.0"),
        (-math.inf, 3, ".0%", "below 300"),
        (-0.5, 0.5, ".2f", "−0.50 to 0.50"),
    ],
)
def test_the_bounds_in_words(low, high, style, asked):
    assert Question("size", INSIDE, low, high, style).asked() == asked


def test_a_line_says_answer_name_measurement_and_bounds():
    assert question(True).text() == "yes: size: 2 (1.5 to 2.5), asked 1 to 3"
    assert question(None, control=True).text() == "open: control: size: 3 (2 to 4), asked 1 to 3"
    given = Question("size", OUTSIDE, style=".1f", by="p < 0.05", decided=False)
    assert given.text() == "no: size: 5.0 (4.0 to 6.0), asked p < 0.05"


def test_a_claim_has_the_keys_of_a_result():
    claim = Judgement("because", [question(True), question(False, control=True)], {"x": 1}).plain("Statement.")
    assert set(claim) == {"statement", "verdict", "because", "evidence"}
    assert (claim["statement"], claim["because"]) == ("Statement.", "because")
    assert claim["verdict"] == "undecided"  # the control was not answered with yes
    first, second = claim["evidence"]["questions"]
    expected = {"question": "size", "estimate": 2, "low": 1.5, "high": 2.5, "level": 0.95, "bounds": [1, 3]}
    assert expected.items() <= first.items()
    assert (first["answer"], first["control"], second["answer"], second["control"]) == ("yes", False, "no", True)
    assert first["text"] == question(True).text()
    assert claim["evidence"]["x"] == 1
    json.dumps(claim, allow_nan=False)
