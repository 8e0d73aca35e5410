"""What the tests of every experiment ask of it."""

import json

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from experiments.lab import experiment, plots, results
from experiments.lab.text import WIDEST
from experiments.lab.trials import Trials


def run(one, data, settings):
    """The result of an experiment with these settings."""
    return experiment.run(one, Trials(data), settings)


def verdicts(one, result):
    """{claim: verdict} by the rows of a result that may be made up."""
    return {name: claim["verdict"] for name, claim in judged(one, result).items()}


def judged(one, result):
    """The claims of a result that may be made up."""
    return experiment.claims(one, {"settings": {}, **result})


def assert_judged_alike_from_disk(one, result, folder):
    """What JSON does to rows changes no verdict, and no word of it."""
    path = results.write_json(folder / "result.json", result)
    again = json.loads(path.read_text(encoding="utf-8"))
    for name, claim in judged(one, again).items():
        assert {**claim, "evidence": None} == {**result["claims"][name], "evidence": None}


def assert_shown(one, result):
    """Tables no wider than the page, a sentence a verdict, and figures that are not blank.

    Returns the tables, and by each figure's name all that is written in it.
    """
    written = {}
    text = one.tables(result)
    assert max(map(len, text.splitlines())) <= 1.2 * WIDEST, max(text.splitlines(), key=len)
    for name, claim in result["claims"].items():
        assert 0 < len(claim["because"]) <= 160, claim["because"]
        said = experiment.said(name, claim)
        assert all(len(line) <= WIDEST for line in said.splitlines())
    for name, figure in experiment.drawn(one, result):
        figure.set_dpi(plots.STYLE["savefig.dpi"])
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # as for a PNG, once: `plots.save` has tests of its own, and draws each figure four times
        assert np.asarray(canvas.buffer_rgba())[..., :3].std() > 0.03 * 255, name  # no blank sheet
        written[name] = " ".join(each.get_text() for each in figure.findobj(Text)).replace("\n", " ")
        plt.close(figure)
    return text, written
