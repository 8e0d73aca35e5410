"""C6: what a reader sees."""

import json

import matplotlib.pyplot as plt
from powers_of_two_rows import swept
from rooms import assert_shown

from experiments.lab import plots, results
from experiments.powers_of_two.question import EXPERIMENT
from experiments.powers_of_two.report import draw_ratios, draw_sizes


def test_tables_and_figures(result):
    text, _ = assert_shown(EXPERIMENT, result)
    assert text.count("4 hidden units, float32, numpy, 1 thread") == 2
    assert "nan" not in text


def test_the_tables_are_the_same_when_read_back(result, tmp_path):
    path = results.write_json(tmp_path / "result.json", result)
    assert EXPERIMENT.tables(json.loads(path.read_text(encoding="utf-8"))) == EXPERIMENT.tables(result)


def test_one_repetition_is_drawn_without_intervals_and_three_networks_in_three_panels(result, tmp_path):
    one = result | {"rows": swept(repetitions=1, on_gpu=False)}
    assert "–" in EXPERIMENT.tables(one)
    for fig in (draw_sizes(one), draw_ratios(one)):
        plots.save(fig, tmp_path, "one")
    many = result | {"rows": [row for k in range(3) for row in swept(arm=f"arm {k}", repetitions=3)]}
    fig = draw_sizes(many)
    assert [axis.get_title(loc="left") for axis in fig.axes if axis.get_visible()] == ["arm 0", "arm 1", "arm 2"]
    plt.close(fig)
