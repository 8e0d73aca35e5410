"""A page of two small experiments on a table whose names are HTML, and a browser to read it with."""

import functools
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from evil import EVIL
from reader import Reader
from strategies import status_of

from experiments.lab import commands
from experiments.report import page, playground

FLAGS = ("--quick", "--epochs", "2", "--seeds", "2", "--batch-sizes", "8 all", "--workers", "1", "--quiet")
EXPERIMENTS = ("compare_gd_sgd", "gradient_noise")
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


@pytest.fixture(scope="session")
def few_runs():
    """The sliders with a run a decade, made once for all pages: what is recorded is the same, in less time."""
    recorded, made = playground.recorded, {}

    @functools.wraps(recorded)
    def once(scene, rates):
        if (key := (scene.name, rates)) not in made:
            made[key] = recorded(scene, rates)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(playground, "RATES", playground.RATES[::4])
        patch.setattr(playground, "SADDLE_RATES", playground.SADDLE_RATES[3::2])
        patch.setattr(playground, "recorded", once)
        yield


@pytest.fixture(scope="session")
def folder(tmp_path_factory, few_runs):
    """Results of two experiments on a table of two classes, named <b>rose</b> and iris."""
    here, rng = tmp_path_factory.mktemp("report"), np.random.default_rng(0)
    table = here / "<i>flowers.csv"
    kinds = ("<b>rose</b>", "iris")
    rows = [f"7,{rng.normal(i % 2, 0.7):.3f},{rng.normal():.3f},{kinds[i % 2]}" for i in range(80)]
    table.write_text("\n".join([f"{EVIL},wide,long,kind", *rows]) + "\n", encoding="utf-8")
    for name in EXPERIMENTS:
        assert status_of(commands.load(name), ["--data", table, "--out", here / "results", *FLAGS]) == 0
    return here / "results"


@pytest.fixture(scope="session")
def experiments():
    """Every experiment that is here."""
    return [commands.load(name) for name in commands.names()]


@pytest.fixture(scope="session")
def written(folder, experiments):
    """The page of these results."""
    return page.write(folder, experiments)


@pytest.fixture(scope="session")
def text(written):
    """The same as text."""
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def read(text):
    """The same, read."""
    return Reader(text)


@pytest.fixture(scope="session")
def chromium():
    """A browser; skips where playwright's Python package or a Chromium is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="the extra `test` brings playwright")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no chromium on the PATH: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core; skips where AXE_CORE does not name it."""
    path = os.environ.get("AXE_CORE", "")
    if not Path(path).is_file():
        pytest.skip("AXE_CORE names no axe.min.js: npm pack axe-core, and unpack it")
    return Path(path).read_text(encoding="utf-8")


@pytest.fixture
def opened(chromium, written):
    """open(**context) -> the page in a window of its own; what it logs, fails at and asks for is in page.heard."""
    contexts = []

    def open_page(address="", **options):
        contexts.append(chromium.new_context(**{"viewport": {"width": 1024, "height": 800}} | options))
        tab = contexts[-1].new_page()
        tab.heard = []
        tab.on("console", lambda message: tab.heard.append(message.text))
        tab.on("pageerror", lambda error: tab.heard.append(str(error)))
        tab.on("request", lambda request: tab.heard.append(request.url))
        tab.goto(written.as_uri() + address)
        return tab

    yield open_page
    for context in contexts:
        context.close()
