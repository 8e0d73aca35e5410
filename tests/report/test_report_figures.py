"""Figures inside the page: their ids are their own, their text is text, and they do not style the page."""

import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import pytest

from experiments.lab import plots
from experiments.report import figures


def simple(label="<b>a & b</b>"):
    settings = {"dataset": "digits", "rows": 9, "features": 4}
    fig, [[axis]] = plots.figure(1, 1, 4, 3, "What is seen", settings, "a model")
    plots.write_below(fig, "A symbol and what it means.")
    axis.plot([1, 2, 3], [1, 4, 9], "o-", label=label)
    axis.set(xlabel="η", ylabel="loss")
    axis.legend()
    return fig


@pytest.fixture
def drawn():
    fig = simple()
    yield figures.inline(fig, "one-line", "C1", "C1 holds: it is so.")
    plt.close(fig)


def test_title_and_notes_are_taken_out_for_the_page(drawn):
    assert (drawn.title, drawn.name, drawn.width) == ("What is seen", "line", 384)
    assert drawn.notes == ["A symbol and what it means.", "a model on digits, 9 rows of 4 features"]
    assert "What is seen" not in "".join(ElementTree.fromstring(drawn.svg).itertext())


def test_the_alternative_text_tells_axes_lines_and_finding(drawn):
    assert drawn.alt == (
        "What is seen. Along the horizontal axis: η. Along the vertical axis: loss. Drawn: <b>a & b</b>. "
        "C1 holds: it is so."
    )
    assert ElementTree.fromstring(drawn.svg).get("aria-label") == drawn.alt


def test_text_is_text_and_escaped(drawn):
    assert "<b>" not in drawn.svg
    assert "<b>a & b</b>" in [text.text for text in ElementTree.fromstring(drawn.svg).iter(f"{figures.SVG}text")]


def test_ids_begin_with_the_figures_own_name_and_are_all_found(drawn):
    root = ElementTree.fromstring(drawn.svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert all(each.startswith("one-line") for each in ids)
    used = [element.get("href")[1:] for element in root.iter() if element.get("href")]
    clips = [element.get("clip-path")[5:-1] for element in root.iter() if element.get("clip-path")]
    assert used
    assert clips
    assert set(used + clips) <= set(ids)


def test_nothing_of_it_styles_the_page(drawn):
    tags = {element.tag.removeprefix(figures.SVG) for element in ElementTree.fromstring(drawn.svg).iter()}
    assert not tags & {"style", "metadata", "script", "image"}
    assert "font-family" not in drawn.svg


def test_it_is_the_same_twice_and_another_beside_it_shares_no_id(drawn):
    again, other = (figures.inline(simple(), name, "C1", "C1 holds: it is so.") for name in ("one-line", "two-line"))
    plt.close("all")
    assert again == drawn
    assert "one-line" not in other.svg


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("d", "M 1.23456 -0.001 L 7 3.5000", "M 1.23 -0 L 7 3.5"),
        ("clip-path", "url(#p1)", "url(#f-p1)"),
        ("style", "fill: url(#h2); opacity: 0.25", "fill: url(#f-h2); opacity: 0.25"),
        (
            "style",
            "font: 11px 'DejaVu Sans', sans-serif; text-anchor: middle",
            "font: 11px var(--figure-font); text-anchor: middle",
        ),
        ("style", "font: bold 9.5px 'DejaVu Sans'", "font: bold 9.5px var(--figure-font)"),
        ("style", "fill: #ff0000", "fill: #ff0000"),
    ],
)
def test_an_attribute_is_made_the_figures_own(name, value, expected):
    assert figures.own(name, value, "f") == expected
