"""A database that nobody writes is read without a trace, and judged."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.recovery.stores import TestStore
from z4tw.metadata.schema import StoreFormatError
from z4tw.recovery.frozen import judge, open_frozen


def test_reading_leaves_no_file(store: TestStore) -> None:
    path = store.snapshot()
    before = os.listdir(os.path.dirname(path))
    connection = open_frozen(path)
    assert connection.execute("SELECT count(*) FROM blobs").get == 9
    connection.close()
    assert os.listdir(os.path.dirname(path)) == before


def test_a_good_one(store: TestStore) -> None:
    facts, wrong = judge(store.snapshot())
    assert (facts, wrong) == (store.store.facts, "")


def test_a_name_with_signs_of_a_url(store: TestStore, tmp_path: Path) -> None:
    path = store.snapshot()
    other = str(tmp_path / "a ?mode=rw#%41.db")
    os.rename(path, other)
    assert judge(other)[0] == store.store.facts


def test_bad_ones(store: TestStore, tmp_path: Path) -> None:
    path = store.snapshot()
    os.truncate(path, os.path.getsize(path) // 2)
    assert judge(path)[0] is None
    Path(path).write_bytes(b"")
    assert "no store's database" in judge(path)[1]
    Path(path).write_bytes(b"x" * 10_000)
    assert judge(path)[1]
    os.unlink(path)
    assert "there is no" in judge(path)[1]
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as database:
        database.execute("CREATE TABLE t(a)")
    assert "no store's database" in judge(str(foreign))[1]


def test_a_newer_one(store: TestStore) -> None:
    path = store.snapshot()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreFormatError, match="newer release"):
        open_frozen(path)
