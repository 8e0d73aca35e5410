"""The command line's arguments: what they mean and what is refused."""

import argparse

import pytest
from strategies import refused

from experiments.lab import arguments


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (arguments.count, "7", 7),
        (arguments.first_seed, "0", 0),
        (arguments.positive_number, "1e-3", 1e-3),
        (arguments.positive_number, "2", 2.0),
        (arguments.sizes, "64 32", [64, 32]),
        (arguments.sizes, "64,32", [64, 32]),
        (arguments.sizes, "none", []),
        (arguments.batch_sizes, "1 8 64 all", [1, 8, 64, "all"]),
        (arguments.batch_sizes, "all", ["all"]),
        (arguments.batch_sizes, " 1,8 ", [1, 8]),
    ],
)
def test_arguments(kind, text, expected):
    assert kind(text) == expected


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(arguments.count, text, text) for text in ("0", "-1", "1.5", "x", "", "nan", "1e3")]
    + [(arguments.first_seed, text, text) for text in ("-1", "1.5", "x", "", str(2**62 + 1))]
    + [(arguments.positive_number, text, text) for text in ("0", "-1", "nan", "inf", "-inf", "x", "", "1e999")]
    + [(arguments.sizes, text, text) for text in ("", "0", "x", "1.5")]
    + [(arguments.sizes, "8 0", "0"), (arguments.sizes, "8 none", "none"), (arguments.sizes, " ", " ")]
    + [(arguments.batch_sizes, text, text) for text in ("", "0", "x", "-1", "1.5", "ALL", "1;8")]
    + [(arguments.batch_sizes, "1 8 x", "x"), (arguments.batch_sizes, ",", ",")],
)
def test_arguments_that_are_refused(kind, text, value):
    with refused(repr(value), "expected", kind=argparse.ArgumentTypeError):
        kind(text)


def test_batch_sizes_are_resolved_ascending_and_once():
    assert arguments.resolve_batch_sizes(["all", 8, 1, 120, 8], 120) == [1, 8, 120]
    with refused("121", "120 training rows"):
        arguments.resolve_batch_sizes([1, 121], 120)
