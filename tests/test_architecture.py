"""Imports run one way: a module imports only from those above it in this list."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad

ORDER = (
    "backend",
    "checks",
    "functions",
    "losses",
    "model",
    "logistic_regression",
    "mlp",
    "noise",
    "optimizers",
    "line_search",
    "second_order",
    "per_sample_blas",
    "per_sample_blocked",
    "per_sample",
    "data",
    "mnist",
    "table",
    "training",
    "gradient_check",
)
FOLDER = Path(minigrad.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
ALLOWED = {"numpy", "scipy", "cupy", "cupyx", "threadpoolctl", "tqdm"}


def imports(source):
    """(modules of this package, top-level names of others) that a source imports, inside functions too."""
    own, others = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            prefix = "minigrad." if node.level else ""
            names = [f"{prefix}{node.module}"] if node.module else [f"{prefix}{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "minigrad":
                own.add(rest.split(".")[0] or "__init__")
            else:
                others.add(package)
    return own, others


def test_every_module_has_its_place_in_the_order():
    assert set(MODULES) <= set(ORDER)
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_those_above_it(module):
    own, others = imports((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    above = set(ORDER[: ORDER.index(module)])
    assert own <= above, f"{module} imports {sorted(own - above)}"
    foreign = others - set(sys.stdlib_module_names) - ALLOWED
    assert not foreign, f"{module} imports {sorted(foreign)}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from . import checks, data", ({"checks", "data"}, set())),
        ("def f():\n    from .model import Model", ({"model"}, set())),
        ("import minigrad.training", ({"training"}, set())),
        ("import minigrad", ({"__init__"}, set())),
        ("from minigrad import per_sample", ({"__init__"}, set())),
        ("import matplotlib.pyplot as plt\nfrom scipy import stats", (set(), {"matplotlib", "scipy"})),
    ],
)
def test_the_reader_of_imports_sees_them_all(source, expected):
    assert imports(source) == expected


def test_import_is_clean_and_loads_neither_matplotlib_nor_cupy():
    """In a fresh process, with every warning an error, and without a word printed."""
    code = """if True:
        import sys
        import minigrad
        unwanted = {"matplotlib", "cupy", "tqdm", "experiments"} & set(sys.modules)
        assert not unwanted, unwanted
        assert set(minigrad.__all__) <= set(dir(minigrad))
    """
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=FOLDER.parent, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_nothing_that_is_public_is_missing_from_all():
    assert sorted(minigrad.__all__) == sorted(set(minigrad.__all__))
    exported = {name for name in vars(minigrad) if not name.startswith("_")} - set(MODULES)
    assert exported <= set(minigrad.__all__)
