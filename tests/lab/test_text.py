"""Numbers of three digits, medians with their range, aligned columns, wrapped sentences."""

import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from experiments.lab import text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (0.0123456, "0.0123"),
        (1, "1"),
        (12.345, "12.3"),
        (123.4, "123"),
        (1234.5, "1,234"),
        (9999, "9,999"),
        (10_000, "10k"),
        (86_220, "86.2k"),
        (1_437_000, "1.44M"),
        (12e6, "12M"),
        (-2.5, "−2.5"),
        (math.inf, "–"),
        (999_600, "1M"),
    ],
)
def test_number(value, expected):
    assert text.number(value) == expected


@given(st.floats(1e-4, 9.9e8))
@example(999_500.0)
@example(99.96)
@example(9999.99)
def test_number_has_three_digits_and_no_power_of_ten(value):
    shown = text.number(value)
    scale = {"k": 1e3, "M": 1e6}.get(shown[-1], 1.0)
    assert float(shown.rstrip("kM").replace(",", "")) * scale == pytest.approx(value, rel=5.1e-3)
    assert "e" not in shown


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.0], "2"),
        ([2.0, 2.0004, 2.0], "2"),
        ([3.0, 1.0, 2.0], "2 (1…3)"),
        ([1.0, 2.0, math.inf], "2 (1…–)"),
        ([1.0, math.inf], "– (1…–)"),
        ([math.inf, math.inf], "–"),
        ([], "–"),
        ([1.0, 4.0], "2.5 (1…4)"),
    ],
)
def test_median_and_range(values, expected):
    assert text.median_and_range(values) == expected


words = st.text(st.characters(codec="iso-8859-1", categories=["L", "N"]), min_size=1, max_size=8)


@given(st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(words, min_size=n, max_size=n), min_size=2, max_size=5)))
def test_a_table_aligns(lines):
    header, *rows = lines
    assume(len(set(header)) == len(header))
    title, blank, head, rule, *body = text.table("Title", header, rows).split("\n")
    assert (title, blank, set(rule)) == ("Title", "", {"─"})
    assert len(body) == len(rows)
    widths = [max(map(len, column)) for column in zip(*lines)]
    assert len(rule) == sum(widths) + 2 * (len(widths) - 1)
    for cells, line in zip(lines, [head, *body]):
        start = 0
        for column, (cell, width) in enumerate(zip(cells, widths)):
            part = line[start : start + width]
            assert part == (cell.ljust(width) if column == 0 else cell.rjust(width))
            start += width + 2


def test_a_table_without_lines_says_so():
    assert text.table("What it costs", ["a", "b"], []) == "What it costs: not measured"


@pytest.mark.parametrize(
    ("value", "style", "expected"),
    [
        (-0.5, ".3f", "−0.500"),
        (0.25, ".1%", "25.0"),
        (0.25, "+.0%", "+25"),
        (1234.5, "", "1,234"),
        (-2.5, "", "−2.5"),
        (math.inf, ".1f", "∞"),
        (-math.inf, ".1f", "−∞"),
        (math.nan, ".1f", "–"),
    ],
)
def test_styled(value, style, expected):
    assert text.styled(value, style) == expected


@pytest.mark.parametrize(
    ("words", "expected"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), ("abc", "a, b and c")]
)
def test_listed(words, expected):
    assert text.listed(list(words)) == expected


@pytest.mark.parametrize("columns", [20, 60, 80, 300])
def test_a_sentence_is_wrapped_to_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    sentence = "batch " * 60
    lines = text.wrapped(sentence, "  • ", "    ").splitlines()
    assert max(map(len, lines)) <= min(text.WIDEST, max(40, columns))
    assert lines[0].startswith("  • batch")
    assert all(line.startswith("    batch") for line in lines[1:])
    assert " ".join(lines).split() == ["•", *sentence.split()]


def test_model_and_data_have_names():
    settings = {"dataset": "digits", "rows": 1437, "features": 64, "classes": 10, "hidden": (32,), "activation": "tanh"}
    settings |= {"backend": "numpy", "dtype": "float64", "seeds": 3}
    assert text.model_name(settings) == "MLP 64-32-10, tanh"
    assert text.model_name(settings | {"classes": 2}) == "MLP 64-32-1, tanh"
    assert text.model_name(settings | {"model": "logistic"}) == "logistic regression"
    assert text.model_name(settings | {"model": "logistic", "own_data": True}) == "softmax regression"
    assert text.model_name(settings | {"model": "logistic", "own_data": True, "classes": 2}) == "logistic regression"
    line = "MLP 64-32-10, tanh on digits, 1,437 rows of 64 features; numpy float64, 3 seeds"
    assert text.headline(settings) == line
