"""Opening databases: what is created, what is refused, and in which mode connections work."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from z4tw.metadata import schema
from z4tw.metadata.schema import (
    MIGRATIONS,
    StoreFacts,
    StoreFormatError,
    check_sqlite,
    open_reader,
    open_writer,
    partition_of,
    read_facts,
)

FACTS = StoreFacts(b"u" * 16, (1 << 64) - 1, vnodes=7, replicas=2)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "meta.db")


def never() -> StoreFacts:
    raise AssertionError("the store is there already")


def test_facts_are_written_once_and_found_again(path: str) -> None:
    open_writer(path, lambda: FACTS).close()
    connection = open_writer(path, never)
    assert read_facts(connection) == FACTS
    reader = open_reader(path)
    assert read_facts(reader) == FACTS
    reader.close()
    connection.close()


def test_the_writer_is_durable_and_checkpoints_only_when_told(path: str) -> None:
    connection = open_writer(path, lambda: FACTS)
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("wal_autocheckpoint") == 0
    assert connection.pragma("page_size") == schema.PAGE_BYTES
    assert connection.pragma("user_version") == len(MIGRATIONS)
    connection.close()


def test_a_reader_cannot_write(path: str) -> None:
    connection = open_writer(path, lambda: FACTS)
    reader = open_reader(path)
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("DELETE FROM meta")
    reader.close()
    connection.close()


def test_a_newer_format_is_refused_in_one_line(path: str) -> None:
    connection = open_writer(path, lambda: FACTS)
    connection.pragma("user_version", len(MIGRATIONS) + 1)
    connection.close()
    for opened in (lambda: open_writer(path, never), lambda: open_reader(path)):
        with pytest.raises(StoreFormatError, match="newer release") as raised:
            opened()
        assert "\n" not in str(raised.value)


def test_another_program_s_database_is_refused_and_left_alone(path: str) -> None:
    connection = apsw.Connection(path)
    connection.execute("CREATE TABLE theirs(x)")
    connection.close()
    with pytest.raises(StoreFormatError, match="another program"):
        open_writer(path, lambda: FACTS)
    connection = apsw.Connection(path)
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    connection.close()


def test_an_empty_file_is_no_store_to_a_reader(path: str) -> None:
    Path(path).touch()
    with pytest.raises(StoreFormatError, match="no store"):
        open_reader(path)


def test_migrations_run_step_by_step_and_all_or_nothing(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_writer(path, lambda: FACTS).close()
    steps = (*MIGRATIONS, "CREATE TABLE more(x); INSERT INTO more VALUES(1);", "BROKEN")
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    with pytest.raises(apsw.SQLError):
        open_writer(path, never)
    monkeypatch.setattr(schema, "MIGRATIONS", steps[:-1])
    connection = open_writer(path, never)
    assert connection.pragma("user_version") == len(steps) - 1
    assert connection.execute("SELECT x FROM more").fetchall() == [(1,)]
    connection.close()


def test_an_old_sqlite_library_is_refused() -> None:
    check_sqlite()
    check_sqlite("3.51.3")
    check_sqlite("4.0.0")
    for old in ("3.51.2", "3.40.1", "3.9.99"):
        with pytest.raises(StoreFormatError, match="apsw"):
            check_sqlite(old)


def test_partitions_spread_over_their_range_by_incarnation_and_key() -> None:
    found = {
        partition_of(FACTS, incarnation, b"%d" % key)
        for incarnation in (1, 2)
        for key in range(5000)
    }
    assert min(found) == 0
    assert max(found) == 1023
    assert len(found) > 1000
    other = StoreFacts(FACTS.store_uuid, 5)
    assert any(
        partition_of(FACTS, 1, b"%d" % n) != partition_of(other, 1, b"%d" % n) for n in range(10)
    )


def test_listings_and_lookups_use_their_indexes(path: str) -> None:
    connection = open_writer(path, lambda: FACTS)

    def plan(sql: str) -> str:
        rows = connection.execute("EXPLAIN QUERY PLAN " + sql.replace("?", "1")).fetchall()
        return " ".join(str(row[3]) for row in rows)

    from z4tw.metadata import reads, references, writes

    assert "COVERING INDEX live_heads" in plan(reads._LIVE)
    assert "PRIMARY KEY" in plan(reads._READ)
    assert "expiring_heads" in plan(writes._EXPIRED)
    assert "idle_blobs" in plan(references._IDLE_BLOBS)
    assert "idle_manifests" in plan(references._IDLE_MANIFESTS)
    for sql in (
        reads._LIVE,
        reads._HEADS,
        reads._SCAN,
        references._IDLE_BLOBS,
        references._IDLE_MANIFESTS,
        writes._EXPIRED,
    ):
        assert "TEMP B-TREE" not in plan(sql)
    connection.close()


def test_what_the_buckets_of_an_older_store_hold_is_counted(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", MIGRATIONS[:1])
        open_writer(path, lambda: FACTS).close()
    connection = open_writer(path, never)
    assert connection.pragma("user_version") == len(MIGRATIONS)
    assert connection.execute("SELECT count(*) FROM usage").get == 0
    connection.close()
