"""`python -m experiments report`: results/index.html, one file that needs no network and holds all that was found."""

import importlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jinja2

from ..lab.experiment import Experiment
from ..lab.results import write_all
from ..lab.text import natural
from . import content, glossary, playground, still, words
from .answer import answer
from .critical import critical_sizes
from .downloads import downloads

HERE = Path(__file__).parent


class NoResults(ValueError):
    """A folder without any result that can be read."""


def write(folder: Path, experiments: Sequence[Experiment]) -> Path:
    """Write folder/index.html, whole or not at all.

    Raises
    ------
    NoResults
        There is no result of any of the experiments in this folder.
    OSError
        The folder cannot be read or written.
    """
    path = folder / "index.html"
    write_all({path: render(folder, experiments)})
    return path


def render(folder: Path, experiments: Sequence[Experiment]) -> str:
    """The page of the results in this folder; NoResults where there are none."""
    results, problems = content.read_results(folder, experiments)
    parts = content.parts_of(experiments, results, problems, [question_of(one) for one in experiments])
    if not results:
        wrong = next((part.problem for part in parts if "cannot" in part.problem), "there is no NAME/result.json")
        reason = " ".join(wrong.rstrip(".").split())
        raise NoResults(f"{str(folder)!r}: {reason}; expected results: python -m experiments all writes them")
    claims = [(claim, part) for part in parts for claim in part.claims]
    claims.sort(key=lambda pair: natural(pair[0].name))
    play = playground.everything(results)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        name: getattr(words, name) for name in ("command", "formulas", "marked", "sentences", "typeset")
    }
    return environment.get_template("page.html.jinja").render(
        answer=answer(parts),
        critical_sizes=critical_sizes(parts),
        claims=claims,
        missing=[part for part in parts if part.problem],
        tally=Counter(claim.verdict for claim, _ in claims),
        glossary=glossary,
        nothing_seen=set,
        downloads=downloads(results),
        play=play,
        still={"run": still.run(play), "curve": still.curve(play), "widths": still.WIDTHS},
        style=(HERE / "style.css").read_text(encoding="utf-8"),
        script=(HERE / "sliders.js").read_text(encoding="utf-8"),
    )


def question_of(one: Experiment) -> str:
    """The docstring of an experiment's question.py."""
    return importlib.import_module(f"experiments.{one.name}.question").__doc__ or ""
