"""The README's links lead somewhere, and its map names what exists; each experiment's test says that it runs."""

import ast
import re
from collections import defaultdict

import pytest
import teachers_map
from teachers_map import README, ROOT, assert_the_map_is_true, rows


def definitions(path):
    """Qualified names of the functions that a file defines."""
    found = set()

    def visit(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                found.add(prefix + child.name)
                visit(child, f"{prefix}{child.name}.")

    visit(ast.parse((ROOT / path).read_text(encoding="utf-8")), "")
    return found


def test_every_link_to_a_file_leads_to_one():
    paths = [path for path in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in path]
    assert len(paths) > 50
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_map_names_what_exists():
    found = list(rows())
    assert len(found) >= 15
    for functions, experiments, tests in found:
        assert functions
        assert tests
        for path, name in functions | tests:
            assert name in definitions(path), f"{path} has no {name}"
        for name in experiments:
            assert (ROOT / "experiments" / name.partition(" ")[0] / "question.py").exists()


def test_a_function_that_does_not_run_is_told(monkeypatch):
    def tables(result):
        return None

    monkeypatch.setattr(teachers_map, "EXECUTED", defaultdict(set))
    with pytest.raises(AssertionError, match="compare_gd_sgd does not run"):
        assert_the_map_is_true("compare_gd_sgd", tables, {})
    with pytest.raises(AssertionError, match="does not mention"):
        assert_the_map_is_true("nonsense", tables, {})
