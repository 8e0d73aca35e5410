"""C3: a verdict that every question can turn, on rows made up."""

import math

import pytest
from rooms import assert_judged_alike_from_disk, judged

from experiments.equal_compute.judge import compared
from experiments.equal_compute.measure import CASES, LOOSE
from experiments.equal_compute.question import EXPERIMENT
from experiments.lab.settings import tuning_seeds

N = 1000
SIZES = (1, 10, 100, N)
TARGET = {"kind": "target", "epochs": 20, "epoch_ends": False, "loss": 0.4}
QUESTIONS = {
    "samples": "more sample gradients",
    "updates": "fewer updates",
    "seconds": "more seconds",
    "cosine": "direction hardly changes (cosine)",
}


def made_up(samples=None, updates=None, seconds=None, cosine=None, seeds=6, spread=0.02, S=30.0):
    """Rows in which all the data take so many times what batch size 10 takes, the best of the smaller ones.

    Each argument is a number for all places, or a dict by case; None: as the claim has it.
    """

    def of(argument, case, usual):
        value = argument.get(case) if isinstance(argument, dict) else argument
        return usual if value is None else value

    rows = []
    for (arm, aim), case in CASES.items():
        times = {"samples": of(samples, case, 3), "updates": of(updates, case, 0.5), "seconds": of(seconds, case, 2)}
        where = {"arm": arm, "aim": aim}
        rows.append(TARGET | where)
        for seed in (tuning_seeds(0)[0], *range(seeds)):
            noise = 1 + spread * (seed % 7 - 3)
            for size in SIZES:
                row = {
                    "kind": "reaching",
                    "arm": arm,
                    "aim": aim,
                    "batch_size": size,
                    "learning_rate": 0.1,
                    "seed": seed,
                }
                for count, base in (("samples", 900.0), ("updates", S), ("seconds", 0.01)):
                    rival = base * noise / times[count]
                    row[count] = {N: base, 10: rival}.get(size, 4 * max(base, rival))
                rows.append(row)
        for seed in range(seeds):
            row = {
                "kind": "direction",
                "arm": arm,
                "aim": aim,
                "batch_size": N,
                "share": 1.0,
                "seed": seed,
                "updates": 3,
            }
            value = of(cosine, case, 0.99) + spread * 0.01 * seed
            names = ("cos_batch", "cos_fresh", "predicted", "noise_scale")
            rows.append(
                row | {"update": [1, 2, 3], "cos_next": [-1.0, value, 1.0]} | {name: [1.0] * 3 for name in names}
            )
    return {"rows": rows, "settings": {"rows": N, "batch_sizes": list(SIZES)}}


def verdict(result):
    return judged(EXPERIMENT, result)["C3"]


def answers(claim):
    """{question, without the batch size that is compared with: its answer}."""
    questions = claim["evidence"]["questions"]
    return {each["question"].partition(", over batch")[0]: each["answer"] for each in questions}


AGAINST = {"samples": 0.5, "updates": 2.0, "seconds": 0.5, "cosine": 0.5}  # each against the claim


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "holds"),
        (AGAINST, "does not hold"),
        *(({name: value}, "conditional") for name, value in AGAINST.items()),
        *(({name: {"MLP tight": value}}, "conditional") for name, value in AGAINST.items()),
        *((AGAINST | {name: None}, "conditional") for name in AGAINST),
        ({"samples": 1.001}, "undecided"),
        ({"updates": 0.999}, "undecided"),
        ({"seconds": {"logistic loose": 1.0}}, "undecided"),
        ({"cosine": 0.8999}, "undecided"),
        ({"seeds": 5}, "undecided"),  # no 95 % interval from fewer than six
        ({"seeds": 1}, "undecided"),
        ({"S": 19.0}, "undecided"),  # too few updates of gradient descent to tell anything
        (AGAINST | {"S": 19.0}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(arguments, expected):
    claim = verdict(made_up(**arguments))
    assert claim["verdict"] == expected, claim["because"]
    assert len(claim["evidence"]["questions"]) == 16


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("case", CASES.values())
def test_each_question_is_answered_in_its_place(name, case):
    found = answers(verdict(made_up(**{name: {case: AGAINST[name]}})))
    assert {question: answer for question, answer in found.items() if answer != "yes"} == {
        f"{QUESTIONS[name]}, {case}": "no"
    }


def test_five_seeds_make_no_interval_of_a_median():
    result = made_up(seeds=5, spread=0)
    claim = verdict(result | {"settings": result["settings"] | {"seeds": 5}})
    assert claim["verdict"] == "undecided"
    assert "at least 6 seeds (--seeds 6)" in claim["because"]


def test_a_target_reached_in_few_updates_is_no_test():
    claim = verdict(made_up(S=19.0))
    assert set(answers(claim).values()) == {"open"}
    assert all(each["asked"] == "at least 20 updates" for each in claim["evidence"]["questions"])


def test_the_numbers_are_those_of_the_rows():
    claim = verdict(made_up(samples={"MLP loose": 5.0}, spread=0.0))
    found = claim["evidence"]["MLP loose"]
    assert found["samples, all over the best smaller batch"] == pytest.approx(
        {"batch_size": 10, "estimate": 5.0, "low": 5.0, "high": 5.0, "level": 0.95}
    )
    assert found["updates, all over the best smaller batch"]["estimate"] == pytest.approx(0.5)
    assert found["cos(G_t, G_t+1) of all, best rate"]["estimate"] == 0.99
    assert found["cos(G_t, G_t+1) of all, a tenth of it"]["low"] == -math.inf
    assert found["samples over the least"] == pytest.approx({"1": 20.0, "10": 1.0, "100": 20.0, str(N): 5.0})
    assert found["samples, all over one row"]["measured"]["estimate"] == pytest.approx(0.25)
    assert claim["because"] == (
        "to a loose target all rows take 3.00 (logistic), 5.00 (MLP) times the sample gradients of the best smaller "
        "batch; to a tight one 3.00 (logistic), 3.00 (MLP)"
    )
    question = next(
        each for each in claim["evidence"]["questions"] if "sample gradients, MLP loose" in each["question"]
    )
    assert question["text"] == "yes: more sample gradients, MLP loose, over batch 10: 5.00, asked above 1.00"


def test_the_rival_is_chosen_on_the_tuning_seed_and_judged_on_the_others():
    result = made_up(spread=0.0)
    for row in result["rows"]:
        if row["kind"] == "reaching" and row["batch_size"] == 100:
            row["samples"] = 100.0 if row["seed"] == tuning_seeds(0)[0] else 450.0
    rival, interval = compared(result, ("mlp", LOOSE), "samples")
    assert (rival, interval.estimate) == (100, 2.0)  # 900 over 450, though batch size 10 takes 300


@pytest.mark.parametrize(("lost", "expected"), [(2, "yes"), (6, "open")])
def test_runs_that_never_arrive_count_as_infinite(lost, expected, tmp_path):
    """All the data need infinitely more where they never arrive; where neither does, nothing can be said."""
    result = made_up()
    for row in result["rows"]:
        if row["kind"] == "reaching" and row["seed"] < lost and row["batch_size"] in ((N,) if lost < 6 else (10, N)):
            row |= {"samples": math.inf, "updates": math.inf, "seconds": math.inf}
    claim = verdict(result)
    assert answers(claim)["more sample gradients, MLP loose"] == expected
    assert answers(claim)["more seconds, MLP loose"] == expected
    assert_judged_alike_from_disk(EXPERIMENT, result | {"claims": {"C3": claim}}, tmp_path)  # infinity is null there


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_a_cosine_of_nothing_is_left_out(nothing):
    result = made_up()
    for row in result["rows"]:
        if row["kind"] == "direction":
            row["cos_next"] = [nothing, *row["cos_next"][1:], nothing]
    assert verdict(result)["verdict"] == "holds"
    for row in result["rows"]:
        if row["kind"] == "direction":
            row["cos_next"] = [nothing]
    claim = verdict(result)
    assert claim["verdict"] == "undecided"
    texts = [each["text"] for each in claim["evidence"]["questions"] if "cosine" in each["question"]]
    assert texts == [f"open: {QUESTIONS['cosine']}, {case}: not measured, asked above 0.90" for case in CASES.values()]


@pytest.mark.parametrize("missing", ["target", "reaching", "direction"])
def test_rows_that_are_missing_are_no_evidence(missing):
    result = made_up()
    result["rows"] = [row for row in result["rows"] if row["kind"] != missing]
    assert verdict(result)["verdict"] == ("holds" if missing == "target" else "undecided")
    assert verdict({"rows": []})["verdict"] == "undecided"


def test_the_fit_tells_where_all_the_data_win():
    """S = S_min (1 + B_c w(B)) with B_c above N: the fit finds it, and E(N)/E(1) is below 1."""
    result = made_up(spread=0.0)
    for row in result["rows"]:
        if row["kind"] == "reaching":
            w = (1 / row["batch_size"] - 1 / N) * N / (N - 1)
            row["updates"] = 50 * (1 + (4 * N - 1) * w)
            row["samples"] = row["batch_size"] * row["updates"]
    found = verdict(result)["evidence"]["logistic tight"]
    assert found["fits"]["drawn without replacement"]["B_c"]["estimate"] == pytest.approx(4 * N - 1, rel=1e-5)
    assert found["fits"]["drawn without replacement"]["S_min"]["estimate"] == pytest.approx(50, rel=1e-5)
    assert found["samples, all over one row"]["N/(1 + B_c)"] == pytest.approx(0.25, rel=1e-5)
    assert found["samples, all over one row"]["measured"]["estimate"] == pytest.approx(0.25)
    assert found["fits"]["independent draws"]["misfit"] > 0.05
