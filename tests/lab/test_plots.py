"""Plots: names, markers and colours of batch sizes, and figures saved whole or not at all."""

import math
import xml.etree.ElementTree as ElementTree

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from strategies import SMALLER

from experiments.lab import plots
from experiments.lab.statistics import Interval


def test_batch_sizes_have_names_and_colours():
    sizes = [1, 8, 64, 512, 1437]
    assert [plots.batch_label(size, 1437) for size in sizes] == ["1 (SGD)", "8", "64", "512", "all 1,437 (GD)"]
    assert plots.batch_label(2048, 60_000) == "2,048"
    colours = [plots.batch_colour(size, 1437) for size in sizes]
    light = [0.3 * r + 0.6 * g + 0.1 * b for r, g, b, _ in colours]
    assert light == sorted(light)
    assert np.diff(light).min() > 0.02
    assert plots.batch_colour(64, 60_000) == plots.batch_colour(64, 60_000)
    assert plots.batch_colour(1, 1) == plots.batch_colour(1, 100)


def contrast_on_white(colour):
    """As WCAG 2 defines it, 1 to 21."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@pytest.mark.parametrize("colour", [*plots.COLOURS, plots.GREY, *(plots.batch_colour(2**k, 1024) for k in range(11))])
def test_every_colour_is_seen_on_a_projector(colour):
    assert contrast_on_white(colour) >= 3


def test_contrast_is_that_of_the_definition():
    assert contrast_on_white("black") == pytest.approx(21)
    assert contrast_on_white("white") == pytest.approx(1)
    assert contrast_on_white("#767676") == pytest.approx(4.54, abs=0.01)


def test_a_figure_names_its_data_and_model():
    fig = simple_figure()
    assert fig.get_suptitle() == "A title"
    assert fig.get_supxlabel() == "a model on digits, 9 rows of 4 features"
    plt.close(fig)


def test_what_stands_below_is_wrapped_where_it_is_saved_and_kept_whole_until_then(tmp_path):
    fig, sentence = simple_figure(), "a sentence of many words " * 5
    plots.write_below(fig, sentence)
    assert fig.get_supxlabel() == f"{sentence}\na model on digits, 9 rows of 4 features"
    plots.save(fig, tmp_path, "line")
    lines = fig.get_supxlabel().splitlines()
    assert all(len(line) <= 42 for line in lines)  # 3 inches
    assert " ".join(lines) == f"{sentence.strip()} a model on digits, 9 rows of 4 features"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.02, "0.02"), (1024, "1,024"), (0.1 + 0.2, "0.3"), (1e5, "100,000"), (2e6, "2,000,000")],
)
def test_plain_number(value, expected):
    assert plots.plain_number(value) == plots.plain_number(value, 3) == expected


def test_error_bars_reach_as_far_as_the_interval_does():
    reach = plots.reach([Interval(2.0, 1.5, 4.0), Interval(3.0, -math.inf, math.inf)])
    assert reach.tolist() == [[0.5, 0.0], [2.0, 0.0]]


def simple_figure():
    settings = {"dataset": "digits", "rows": 9, "features": 4}
    fig, [[axis]] = plots.figure(1, 1, 3, 2, "A title", settings, "a model")
    axis.plot([1, 2, 3], [1, 4, 9])
    axis.set_title("η·m", loc="left")
    return fig


def test_a_figure_is_saved_twice_the_same_and_closed(tmp_path):
    before = plt.get_fignums()
    first = plots.save(simple_figure(), tmp_path, "line")
    contents = [path.read_bytes() for path in first]
    second = plots.save(simple_figure(), tmp_path, "line")
    assert first == second == [tmp_path / "line.png", tmp_path / "line.svg"]
    assert [path.read_bytes() for path in second] == contents
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["line.png", "line.svg"]
    assert plt.get_fignums() == before
    image = matplotlib.image.imread(tmp_path / "line.png")
    assert image.shape[0] >= 200 * SMALLER
    assert image.shape[1] >= 300 * SMALLER
    assert ElementTree.parse(tmp_path / "line.svg").getroot().tag.endswith("svg")


def test_a_figure_that_cannot_be_drawn_leaves_the_old_one_and_is_closed(tmp_path, monkeypatch):
    old = plots.save(simple_figure(), tmp_path, "line")
    contents = [path.read_bytes() for path in old]
    before, fig = plt.get_fignums(), simple_figure()

    def draw_half(path, **_):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(fig, "savefig", draw_half)
    with pytest.raises(OSError, match="no space"):
        plots.save(fig, tmp_path, "line")
    assert [path.read_bytes() for path in old] == contents
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["line.png", "line.svg"]
    assert plt.get_fignums() == before
