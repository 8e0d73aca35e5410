"""C8: the map of learning rates, its ridge, and what a rule costs beside it."""

import math

import pytest

from experiments.batch_size_sweep import rules


def a_map(updates):
    """{(batch size, rate): updates} as a result."""
    rows = []
    for (size, rate), value in updates.items():
        row = {"kind": "cell", "batch_size": size, "learning_rate": rate, "seed": 1000, "diverged": False, "loss": 0.1}
        needed = {"updates_to_target": value, "samples_to_target": size * value}
        rows.append(row | {"test_accuracy": 0.5} | {k: None if math.isinf(v) else v for k, v in needed.items()})
    return {"rows": rows, "settings": {"reference": 16}}


def test_the_ridge_and_the_rules():
    updates = {(size, rate): math.inf for size in (4, 16, 64) for rate in (0.1, 1.0, 10.0)}
    updates |= {(4, 0.1): 80.0, (4, 1.0): 40.0, (16, 1.0): 20.0, (64, 1.0): 18.0, (64, 10.0): 6.0}
    result = a_map(updates)
    assert rules.ridge(result) == {4: 1.0, 16: 1.0, 64: 10.0}
    costs = rules.rule_costs(result)
    assert costs["same"] == {4: [1.0], 16: [1.0], 64: [3.0]}
    # linear: η = 0.25 for 4, between 0.1 and 1 on log axes; η = 4 for 64
    share = (math.log(0.25) - math.log(0.1)) / math.log(10)
    assert costs["linear"][4] == [pytest.approx(80 ** (1 - share) * 40**share / 40)]
    share = math.log10(4)
    assert costs["linear"][64] == [pytest.approx(18 ** (1 - share) * 6**share / 6)]
    assert costs["square root"][16] == [1.0]


def test_a_rule_that_leads_to_a_rate_which_never_arrives_costs_without_end():
    updates = {(size, rate): math.inf for size in (4, 16, 64) for rate in (0.1, 1.0, 10.0)}
    updates |= {(4, 1.0): 40.0, (16, 1.0): 20.0, (64, 1.0): 18.0}
    costs = rules.rule_costs(a_map(updates))
    assert costs["linear"][4] == costs["linear"][64] == [math.inf]
    assert rules.rule_costs({"rows": [], "settings": {}}) == {rule: {} for rule in rules.RULES}
