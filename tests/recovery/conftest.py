"""The store that most tests of recovery begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recovery.stores import TestStore, filled


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TestStore:
    return filled(tmp_path / "data", request.param)
