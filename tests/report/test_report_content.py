"""What the page says of a claim: the numbers that decide it, its figures, its commands."""

import math

import pytest
from markupsafe import Markup

from experiments.lab.statistics import Interval
from experiments.lab.text import natural
from experiments.lab.verdicts import Judgement, Question
from experiments.report import content
from experiments.report.content import Claim
from experiments.report.figures import Drawn


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
    told = content.claim_of("C1", {"claims": {"C1": claim}}, [], ["C1"], {})
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


def test_claims_are_sorted_as_one_counts():
    names = ["C10", "C8", "C2", "C6-CPU", "C8a", "C6"]
    assert sorted(names, key=natural) == ["C2", "C6", "C6-CPU", "C8", "C8a", "C10"]


def claim(name, verdict, **evidence):
    return Claim(name, "", verdict, "it is so", [], [], [], True, evidence)


def test_only_a_prediction_that_was_not_checked_has_a_command_that_checks_it():
    command = "python -m experiments.best_batch_size --data 'my table.csv'"
    assert content.check_of(claim("C9", "not measured", band=[1, 2]), command) == f"{command} --check"
    assert content.check_of(claim("C9", "holds", band=[1, 2]), command) == ""
    assert content.check_of(claim("C4b", "not measured"), command) == ""


def test_a_result_of_several_ranks_is_repeated_on_as_many(experiments):
    [one] = [each for each in experiments if each.name == "data_parallel"]
    result = {"command": "python -m experiments.data_parallel --out x --seeds 3"}
    claims = [{"C10a": {"evidence": evidence}} for evidence in ({}, {"ranks": 4})]
    commands = [content.command_of(one, result | {"claims": each}) for each in claims]
    assert commands[0] == "python -m experiments.data_parallel --seeds 3"
    assert commands[1] == "mpirun -n 4 python -m experiments.data_parallel --seeds 3"


def test_a_claim_without_a_figure_points_to_the_one_that_shows_it():
    claims = {name: Judgement("because", [YES]).plain("It is so.") for name in ("C8b", "C8d")}
    drawn = [Drawn("cost", "C8d", "What it takes", [], "", Markup(), 1)]
    b, d = (
        content.claim_of(name, {"claims": claims}, drawn, ["C8b", "C8d"], {"cost": ("C8d", "C8b")})
        for name in sorted(claims)
    )
    assert (b.figures, b.shown_by) == ([], [("C8d", "What it takes")])
    assert (d.figures, d.shown_by) == (drawn, [])


def test_every_further_claim_of_a_figure_is_one_of_its_experiment(experiments):
    for one in experiments:
        for figure, names in one.about.items():
            assert figure in one.figures
            assert set(names) <= set(one.claims)
