"""Style is a test: layers, lengths, test modules, and what pure layers may not touch."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("Z4_SOURCE_TREE") or Path(__file__).parents[1])
PACKAGE = ROOT / "z4tw"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400
PURE = ("s3", "sigv4", "payload", "objects", "policy", "sse", "lifecycle", "packed", "sts")
NO_REACTOR = ("ops",)
OUTSIDE = {"twisted", "socket", "time", "random", "secrets", "threading", "subprocess"}
REACTOR_ALLOWED = {"compose.py", "worker.py", "cli", "tap.py", "testing"}
# Modules whose behaviour is tested where it shows, with the test that does it.
TESTED_ELSEWHERE = {
    "model": "tests/objects/test_records.py",
    "interfaces": "tests/test_interfaces.py",
    "errors.py": "tests/test_errors.py",
}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_long_module_says_why(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count("\n") > MAX_LINES:
        docstring = ast.get_docstring(ast.parse(text)) or ""
        assert "Longer than" in docstring, f"{relative(path)} has over {MAX_LINES} lines"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_module_has_its_test_module(path: Path) -> None:
    name = relative(path)
    if path.name in ("__init__.py", "__main__.py"):
        return
    parts = Path(name).parts
    if parts[0] in TESTED_ELSEWHERE:
        assert (ROOT / TESTED_ELSEWHERE[parts[0]]).exists()
        return
    stem = path.stem
    folder = ROOT / "tests" / Path(*parts[:-1]) if len(parts) > 1 else ROOT / "tests"
    candidates = [folder / f"test_{stem}.py", ROOT / "tests" / f"test_{stem}.py"]
    assert any(c.exists() for c in candidates), f"{name} has no test module"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_pure_layers_touch_nothing_outside(path: Path) -> None:
    part = Path(relative(path)).parts[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = imported_names(tree)
    roots = {name.split(".")[0] for name in imported}
    if part in PURE:
        assert not roots & OUTSIDE, f"{relative(path)} imports {roots & OUTSIDE}"
        calls = {
            n.func.id
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert "open" not in calls
    if part in NO_REACTOR:
        assert not roots & OUTSIDE, f"{relative(path)} imports {roots & OUTSIDE}"
    if part not in REACTOR_ALLOWED:
        assert "twisted.internet.reactor" not in imported


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_public_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert path.stat().st_size == 0 or ast.get_docstring(tree), relative(path)
    for node in tree.body:
        defines = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        if defines and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{relative(path)}: {node.name}"


def test_nothing_unfinished() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        for mark in ("TO" + "DO", "FIX" + "ME", "X" + "XX"):
            assert mark not in text.split(), f"{relative(path)} has {mark}"
