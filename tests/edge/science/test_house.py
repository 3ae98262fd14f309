"""Rules of the science package: worked numbers hold, everything public is documented, nothing reaches outside."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import edge.science

ROOT = Path(edge.science.__file__).parent
MODULES = [m.name for m in pkgutil.walk_packages(edge.science.__path__, "edge.science.") if not m.ispkg]
OTHERS = ["edge.compute.judge", "edge.flux.table"]
ALLOWED = {"numpy", "gsw", "math", "dataclasses", "collections", "functools", "itertools", "types", "typing", "__future__", "edge"}


@pytest.mark.parametrize("name", MODULES + OTHERS)
def test_worked_numbers_hold(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={})
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_public_functions_state_parameters_and_a_worked_number(name: str) -> None:
    module = importlib.import_module(name)
    if name.rpartition(".")[2] in ("chain", "correct"):
        return  # lists of steps
    plumbing = {"trace_of", "floats", "with_rotated", "shift_by_lag", "why_missing"}
    for public, thing in inspect.getmembers(module, inspect.isfunction):
        if public.startswith("_") or thing.__module__ != name or public in plumbing or public.endswith("step"):
            continue
        text = thing.__doc__ or ""
        assert text, f"{name}.{public} has no docstring"
        if public not in {"count_finite", "window_bounds"}:
            assert ">>>" in text, f"{name}.{public} has no worked number"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_science_imports_nothing_that_reaches_outside(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in names:
            assert name.split(".")[0] in ALLOWED, f"{path.name} imports {name}"
            assert not name.startswith("edge.") or name.startswith("edge.science"), f"{path.name} imports {name}"


def test_the_agents_side_never_loads_numpy() -> None:
    code = "import sys, edge.cli, edge.quality, edge.compute.messages, edge.compute.request; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
