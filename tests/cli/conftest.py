"""The command line on a data directory of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Z4


@pytest.fixture
def z4(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Z4:
    """``z4`` with ``--data`` in a temporary directory."""
    return Z4(tmp_path / "d", capsys, monkeypatch)
