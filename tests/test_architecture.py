"""Imports run one way: a module imports only from those above it in this list."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad

ORDER = (  # a room is a module, or a folder
    "engine.threads",
    "engine.backend",
    "engine.workspace",
    "engine.batch",
    "engine.checks",
    "engine.archive",
    "engine.files",
    "functions",
    "losses",
    "model",
    "logistic_regression",
    "mlp",
    "noise",
    "gradient_check",
    "optimizers",
    "second_order.line_search",
    "second_order.search",
    "second_order.conjugate_gradient",
    "second_order.lbfgs",
    "per_sample.textbook",
    "per_sample.upper_layers",
    "per_sample.blocked",
    "per_sample.fast",
    "data.dataset",
    "data.epoch",
    "data.scaling",
    "data.digits",
    "data.mnist",
    "data.kinds",
    "data.layout",
    "data.reading",
    "data.arrays",
    "data.label",
    "data.columns",
    "data.leaks",
    "data.table",
    "history",
    "training",
)
FOLDER = Path(minigrad.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in FOLDER.rglob("*.py") if path.stem != "__init__"
)
ROOMS = {name.split(".")[0] for name in ORDER}
OWN_TABLE = {  # where a user's own table is read
    "data.reading": {"pandas", "pyarrow"},
    "data.arrays": {"pandas"},
    "data.label": {"pandas"},
    "data.columns": {"pandas"},
}
ALLOWED = {"numpy", "scipy", "cupy", "cupyx", "threadpoolctl", "tqdm"}


def imports(source, package="minigrad"):
    """(modules of minigrad, top-level names of others) that a module of `package` imports, inside functions too."""
    own, others = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            prefix = ".".join(above[: len(above) - node.level + 1]) + "." if node.level else ""
            whole = prefix + (node.module or "")
            inside = whole.rstrip(".").removeprefix("minigrad").lstrip(".")
            if whole.startswith("minigrad") and inside not in ORDER:  # a folder: what is taken may be a module of it
                names = [f"{whole.rstrip('.')}.{alias.name}" for alias in node.names]
            else:
                names = [whole]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            if first == "minigrad":
                own.add(room_of(rest))
            else:
                others.add(first)
    return own, others


def room_of(name):
    """The module that a dotted name lies in; the last one of its folder, for what a folder hands on."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (module := ".".join(parts[:length])) in ORDER:
            return module
    return [module for module in ORDER if module.startswith(f"{parts[0]}.")][-1] if parts[0] in ROOMS else "__init__"


def test_every_module_has_its_place_in_the_order():
    assert set(MODULES) == set(ORDER)
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_those_above_it(module):
    source = (FOLDER / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    own, others = imports(source, ".".join(["minigrad", *module.split(".")[:-1]]))
    above = set(ORDER[: ORDER.index(module)])
    assert own <= above, f"{module} imports {sorted(own - above)}"
    foreign = others - set(sys.stdlib_module_names) - ALLOWED - OWN_TABLE.get(module, set())
    assert not foreign, f"{module} imports {sorted(foreign)}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from .engine import checks, backend", ({"engine.checks", "engine.backend"}, set())),
        ("def f():\n    from .model import Model", ({"model"}, set())),
        ("from .data import batches", ({"data.table"}, set())),
        ("import minigrad.training", ({"training"}, set())),
        ("import minigrad", ({"__init__"}, set())),
        ("from minigrad import train", ({"__init__"}, set())),
        ("import matplotlib.pyplot as plt\nfrom scipy import stats", (set(), {"matplotlib", "scipy"})),
    ],
)
def test_the_reader_of_imports_sees_them_all(source, expected):
    assert imports(source) == expected


def test_the_reader_of_imports_knows_where_a_module_stands():
    assert imports("from ..model import Model\nfrom .blocked import f", "minigrad.per_sample")[0] == {
        "model",
        "per_sample.blocked",
    }


def test_import_is_clean_and_loads_neither_matplotlib_nor_pandas_nor_cupy():
    """In a fresh process, with every warning an error, and without a word printed."""
    code = """if True:
        import sys
        import minigrad
        unwanted = {"matplotlib", "cupy", "tqdm", "pandas", "experiments"} & set(sys.modules)
        assert not unwanted, unwanted
        assert set(minigrad.__all__) <= set(dir(minigrad))
    """
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=FOLDER.parent, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_nothing_that_is_public_is_missing_from_all():
    assert sorted(minigrad.__all__) == sorted(set(minigrad.__all__))
    exported = {name for name in vars(minigrad) if not name.startswith("_")} - ROOMS
    assert exported <= set(minigrad.__all__)
