"""The access log is renamed when it has grown, and four old ones are kept."""

from __future__ import annotations

from pathlib import Path

from z4tw.node.offline import drive
from z4tw.node.offload import InlineOffload
from z4tw.node.rotation import LogRotation


def make(path: Path) -> LogRotation:
    return LogRotation(str(path), InlineOffload(), limit_bytes=10, kept=4)


def test_a_short_log_stays(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    path.write_text("x" * 9)
    assert not drive(make(path).check())
    assert path.read_text() == "x" * 9


def test_an_absent_log_is_no_error(tmp_path: Path) -> None:
    assert not drive(make(tmp_path / "access.jsonl").check())


def test_a_long_one_is_renamed_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    for number in range(7):
        path.write_text(f"{number}" * 10)
        assert drive(make(path).check())
    names = sorted(entry.name for entry in tmp_path.iterdir())
    assert names == [f"access.jsonl.{number}" for number in (1, 2, 3, 4)]
    assert (tmp_path / "access.jsonl.1").read_text() == "6" * 10
    assert (tmp_path / "access.jsonl.4").read_text() == "3" * 10
