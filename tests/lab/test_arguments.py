"""The command line's arguments: what they mean and what is refused."""

import argparse

import pytest
from strategies import refused

from experiments.lab import (
    commandline,
)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (commandline.count, "7", 7),
        (commandline.first_seed, "0", 0),
        (commandline.positive_number, "1e-3", 1e-3),
        (commandline.positive_number, "2", 2.0),
        (commandline.sizes, "64 32", [64, 32]),
        (commandline.sizes, "64,32", [64, 32]),
        (commandline.sizes, "none", []),
        (commandline.batch_sizes, "1 8 64 all", [1, 8, 64, "all"]),
        (commandline.batch_sizes, "all", ["all"]),
        (commandline.batch_sizes, " 1,8 ", [1, 8]),
    ],
)
def test_arguments(kind, text, expected):
    assert kind(text) == expected


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(commandline.count, text, text) for text in ("0", "-1", "1.5", "x", "", "nan", "1e3")]
    + [(commandline.first_seed, text, text) for text in ("-1", "1.5", "x", "", str(2**62 + 1))]
    + [(commandline.positive_number, text, text) for text in ("0", "-1", "nan", "inf", "-inf", "x", "", "1e999")]
    + [(commandline.sizes, text, text) for text in ("", "0", "x", "1.5")]
    + [(commandline.sizes, "8 0", "0"), (commandline.sizes, "8 none", "none"), (commandline.sizes, " ", " ")]
    + [(commandline.batch_sizes, text, text) for text in ("", "0", "x", "-1", "1.5", "ALL", "1;8")]
    + [(commandline.batch_sizes, "1 8 x", "x"), (commandline.batch_sizes, ",", ",")],
)
def test_arguments_that_are_refused(kind, text, value):
    with refused(repr(value), "expected", kind=argparse.ArgumentTypeError):
        kind(text)


def test_batch_sizes_are_resolved_ascending_and_once():
    assert commandline.resolve_batch_sizes(["all", 8, 1, 120, 8], 120) == [1, 8, 120]
    with refused("121", "120 training rows"):
        commandline.resolve_batch_sizes([1, 121], 120)
