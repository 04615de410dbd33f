"""A PNG needs matplotlib, and says so."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.bench.test_figures import measured, whole
from z4tw.bench import png
from z4tw.bench.target import UsageError


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'z4tw\[bench\]'") as raised:
        png.demand()
    assert "\n" not in str(raised.value)


def test_with_matplotlib(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    png.demand()
    path = tmp_path / "r.png"
    png.write(whole(measured(), measured()), str(path))
    assert path.read_bytes().startswith(b"\x89PNG")
