"""The lesson plan names what is there; the notebook runs from top to bottom, with and without its packages."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.exercises.exercise import NAMES
from experiments.lab import commands

FOLDER = Path(commands.__file__).parents[1]
PLAN = (FOLDER / "lesson_plan.md").read_text(encoding="utf-8")
NOTEBOOK = FOLDER / "first_steps.md"
STATIONS = re.split(r"^## (?=\d)", PLAN.partition("## Afterwards")[0], flags=re.MULTILINE)[1:]


def names_in(path):
    """`function` and `Class.method` of a file."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found


def test_six_stations_fill_ninety_minutes():
    minutes = [int(re.search(r"\((\d+) minutes\)", station).group(1)) for station in STATIONS]
    assert (len(STATIONS), sum(minutes)) == (6, 90)


@pytest.mark.parametrize("station", STATIONS, ids=lambda text: text.splitlines()[0])
def test_a_station_names_a_command_a_figure_a_line_of_source_and_a_question(station):
    parts = re.split(r"^- (\w+): ", station, flags=re.MULTILINE)
    assert parts[1::2] == ["Command", "Figure", "Source", "Ask", "Expected"]
    command, figure, source = parts[2:8:2]
    if "exercises" in command:
        assert command.split("answers ")[1].split("`")[0] in NAMES
    else:
        [name] = re.findall(r"experiments\.(\w+) --quick`", command)
        [(of, drawn)] = re.findall(r"`(\w+)/(\w+)\.png`", figure)
        assert of == name and drawn in commands.load(name).figures
    [(function, link)] = re.findall(r"`([\w.]+)` in \[\w+\.py\]\(([\w./]+)\)", source)
    assert function in names_in(FOLDER / link)


def test_the_plan_s_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", PLAN):
        assert (FOLDER / link).exists(), link


@pytest.mark.whole
def test_the_notebook_runs_as_plain_python_without_sliders():
    cells = re.findall(r"^```python\n(.*?)^```", NOTEBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    code = "\n".join(["import sys", "sys.modules['ipywidgets'] = None", *cells])
    done = subprocess.run(
        [sys.executable, "-W", "ignore:FigureCanvasAgg", "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "MPLBACKEND": "agg"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    difference = re.search(r"largest difference: (\S+)", done.stdout).group(1)
    assert 0 <= float(difference) < 1e-12


@pytest.mark.whole
def test_the_notebook_runs_in_a_kernel():
    """As a reader has it: made by jupytext, every cell run, tables and figures among the outputs."""
    cure = 'python -m pip install -e ".[notebook]"'
    jupytext = pytest.importorskip("jupytext", reason=f"needs jupytext: {cure}")
    nbclient = pytest.importorskip("nbclient", reason=f"needs nbclient: {cure}")
    pytest.importorskip("ipykernel", reason=f"needs ipykernel: {cure}")
    notebook = jupytext.read(NOTEBOOK)
    assert notebook.cells[0].source.startswith("# First steps")  # and not the head of the file
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kinds = [kind for cell in code for output in cell.outputs for kind in output.get("data", {})]
    assert kinds.count("image/png") >= 3 and "text/html" in kinds
    assert not [output for cell in code for output in cell.outputs if output.get("name") == "stderr"]
