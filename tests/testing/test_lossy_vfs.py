"""The disk that loses what was not synced, by itself and under SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import apsw
import pytest

from z4tw.testing.lossy_vfs import SECTOR_BYTES, LossyVfs


@pytest.fixture
def vfs() -> Iterator[LossyVfs]:
    made = LossyVfs("lossy-test")
    yield made
    made.unregister()


def opened(vfs: LossyVfs, name: str = "f") -> object:
    return vfs.xOpen(name, [apsw.SQLITE_OPEN_CREATE, 0])


def test_synced_bytes_survive_and_unsynced_ones_only_by_sectors(vfs: LossyVfs) -> None:
    outcomes = set()
    for seed in range(40):
        vfs.files.clear()
        file = opened(vfs)
        file.xWrite(b"a" * SECTOR_BYTES * 2, 0)  # type: ignore[attr-defined]
        file.xSync(0)  # type: ignore[attr-defined]
        file.xWrite(b"b" * SECTOR_BYTES * 2, 0)  # type: ignore[attr-defined]
        assert file.xRead(3, 0) == b"bbb"  # type: ignore[attr-defined]
        vfs.crash(Random(seed))
        content = opened(vfs).xRead(SECTOR_BYTES * 2, 0)  # type: ignore[attr-defined]
        halves = content[:SECTOR_BYTES], content[SECTOR_BYTES:]
        assert all(len(set(half)) == 1 for half in halves)
        outcomes.add(halves)
    assert len(outcomes) == 4


def test_a_cut_that_was_not_synced_may_be_undone(vfs: LossyVfs) -> None:
    sizes = set()
    for seed in range(20):
        vfs.files.clear()
        file = opened(vfs)
        file.xWrite(b"a" * 100, 0)  # type: ignore[attr-defined]
        file.xSync(0)  # type: ignore[attr-defined]
        file.xTruncate(10)  # type: ignore[attr-defined]
        vfs.crash(Random(seed))
        sizes.add(opened(vfs).xFileSize())  # type: ignore[attr-defined]
    assert sizes == {10, 100}


def test_names_come_and_go_durably_with_the_first_sync_of_a_new_file(vfs: LossyVfs) -> None:
    survived = set()
    for seed in range(20):
        vfs.files.clear()
        opened(vfs, "never-synced").xWrite(b"x", 0)  # type: ignore[attr-defined]
        opened(vfs, "old").xSync(0)  # type: ignore[attr-defined]
        vfs.xDelete("old", False)
        if seed % 2:
            opened(vfs, "new").xSync(0)  # type: ignore[attr-defined]
        vfs.crash(Random(seed))
        assert ("old" in vfs.files) <= (seed % 2 == 0)
        survived |= set(vfs.files)
    assert survived == {"never-synced", "old", "new"}


def test_an_operation_can_be_made_to_fail(vfs: LossyVfs) -> None:
    connection = apsw.Connection("db", vfs="lossy-test")
    connection.execute("CREATE TABLE t(x)")

    def fail(operation: str) -> None:
        if operation == "sync":
            raise apsw.IOError("planned")

    vfs.on_operation = fail
    with pytest.raises(apsw.IOError):
        connection.execute("INSERT INTO t VALUES(1)")
    vfs.on_operation = lambda operation: None
    connection.close()


def test_a_database_keeps_what_it_committed(vfs: LossyVfs) -> None:
    for seed in range(30):
        vfs.files.clear()
        connection = apsw.Connection("db", vfs="lossy-test")
        connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES(1)")
        connection.execute("BEGIN; INSERT INTO t VALUES(2)")
        vfs.crash(Random(seed))
        again = apsw.Connection("db", vfs="lossy-test")
        assert again.execute("SELECT x FROM t").fetchall() == [(1,)]
        again.close()
        connection.close()


def test_a_file_that_is_not_there_is_not_opened(vfs: LossyVfs) -> None:
    with pytest.raises(apsw.CantOpenError):
        vfs.xOpen("absent", [apsw.SQLITE_OPEN_READWRITE, 0])
