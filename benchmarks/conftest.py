"""`race`: our code against others on the same work, turn by turn in one run, on top of pytest-benchmark.

pytest-benchmark times ours; each of its rounds first times every peer once, so that a slow minute of the machine hits
all alike. A ratio is ours / theirs within a round; the table holds their median and their quartiles. No timing decides
a test: what a test asserts is that all arrive at the same parameters.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

REST = 0.06  # seconds between two runs: threads that wait for work spin for a while, and would slow the next one down
FOLDER = Path(__file__).parent
RACES: list[dict[str, Any]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write` puts the table into benchmarks/README.md."""
    parser.addoption("--write", action="store_true", help="write the table of ratios into benchmarks/README.md")
    parser.addoption("--rounds", type=int, default=15, help="rounds of each race (default: 15)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The libraries we race against may warn; that is theirs to mend."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture
def race(benchmark: Any, request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function that times ours and its peers in turn, and notes the ratios.

    work : what is done, for the table. ours, peers : callables without arguments, peers by name. calls : how many
    pieces of work one call does.
    """

    def run(work: str, ours: Callable[[], Any], peers: dict[str, Callable[[], Any]], calls: int = 1) -> None:
        times: dict[str, list[float]] = {name: [] for name in peers}

        def peers_first() -> None:
            for name, peer in peers.items():
                time.sleep(REST)
                start = time.perf_counter()
                peer()
                times[name].append(time.perf_counter() - start)
            time.sleep(REST)

        benchmark.pedantic(ours, setup=peers_first, rounds=request.config.getoption("--rounds"), warmup_rounds=1)
        own = np.array(benchmark.stats.stats.data)
        note: dict[str, Any] = {"work": work, "ours": float(np.median(own)) / calls, "peers": {}}
        for name, measured in times.items():
            ratios = own / np.array(measured[-len(own) :])  # the first round warmed up
            note["peers"][name] = [float(q) for q in np.quantile(ratios, [0.25, 0.5, 0.75])]
        benchmark.extra_info.update(note)
        RACES.append(note)

    return run


def table() -> str:
    """The ratios as Markdown: a line per work, a column per peer."""
    peers = list(dict.fromkeys(name for note in RACES for name in note["peers"]))
    lines = ["| work | ours, ms | " + " | ".join(f"ours / {name}" for name in peers) + " |"]
    lines.append("| --- " * (2 + len(peers)) + "|")
    for note in RACES:
        cells = []
        for name in peers:
            low, middle, high = note["peers"].get(name, (0, 0, 0))
            cells.append(f"{middle:.2f} ({low:.2f}…{high:.2f})" if middle else "")
        lines.append(f"| {note['work']} | {1e3 * note['ours']:.3g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Iterator[None] | None:
    """Print the table of ratios; with --write, also put it into the README."""
    if RACES:
        terminalreporter.section("ours / theirs: median (quartiles) of the ratio within a round")
        terminalreporter.write_line(table())
        if config.getoption("--write"):
            readme = FOLDER / "README.md"
            head, _, rest = readme.read_text(encoding="utf-8").partition("<!-- table -->\n")
            tail = rest.partition("<!-- end of table -->\n")[2]
            body = f"<!-- table -->\n{_machine()}\n\n{table()}\n<!-- end of table -->\n"
            readme.write_text(head + body + tail, encoding="utf-8")
            (FOLDER / "results.json").write_text(json.dumps(RACES, indent=1) + "\n", encoding="utf-8")
    return None


def _machine() -> str:
    """Where, when and with what this was measured, in one paragraph."""
    from importlib.metadata import PackageNotFoundError, version

    from experiments.lab.results import environment
    from minigrad import get_backend

    here = environment(get_backend("numpy"))
    versions = []
    for name in ("numpy", "scipy", "scikit-learn", "torch", "jax"):
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"no {name}")
    machine = f"{here['processor']}, {here['cores']} cores, Python {here['python']}"
    return f"Measured on {here['date'][:10]}: {machine}, {', '.join(versions)}."
