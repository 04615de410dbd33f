"""The file of the expirer's position."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ops.harness import InlineOffload, run
from z4tw.daemons.expirer import Position
from z4tw.node.walked import FILE, FilePositions


def test_a_position_comes_back(tmp_path: Path) -> None:
    positions = FilePositions(str(tmp_path), InlineOffload())
    assert run(positions.load()) == Position()
    for position in (Position("bucket", "objects", bytes(range(256))), Position()):
        run(positions.save(position))
        assert run(FilePositions(str(tmp_path), InlineOffload()).load()) == position
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"bucket":"b","phase":"objects","key":"xy"}'])
def test_what_cannot_be_read_is_the_beginning(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert run(FilePositions(str(tmp_path), InlineOffload()).load()) == Position()
