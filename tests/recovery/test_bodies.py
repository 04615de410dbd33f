"""Bodies' rows, reference counts and totals that are wrong are found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.recovery.looking import blob_of, names, only
from tests.recovery.stores import TestStore, filled
from z4tw.objects import records
from z4tw.recovery.files import finished


def test_a_deleted_blob_row(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    with store.damaged() as database:
        database.execute("DELETE FROM blobs WHERE id = ?", (blob.id,))
    report = store.check()
    # Its file is not called an orphan, since versions name it.
    assert names(report) == {"blob-row-missing": 1, "counter": 2}
    assert len(report.problems[0].objects) == 2


def test_a_changed_reference_count(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    with store.damaged() as database:
        database.execute("UPDATE blobs SET refs = 5 WHERE id = ?", (blob.id,))
    problem = only(store.check())
    assert (problem.name, problem.detail) == ("reference-count", "5, should be 2")


def test_a_changed_reference_count_of_a_part_list(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("UPDATE manifests SET refs = 1")
    assert only(store.check()).name == "reference-count"


def test_a_named_blob_that_is_to_be_removed(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    with store.damaged() as database:
        database.execute("UPDATE blobs SET state = 1 WHERE id = ?", (blob.id,))
    assert only(store.check()).name == "reference-count"


def test_a_time_without_references_that_is_wrong(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("UPDATE blobs SET zero_since = 0 WHERE refs = 0")
    assert only(store.check()).name == "reference-count"


@pytest.mark.parametrize("column", ["objects", "object_bytes", "blobs", "blob_bytes", "uploads"])
def test_a_changed_counter(store: TestStore, column: str) -> None:
    with store.damaged() as database:
        database.execute(f"UPDATE counters SET {column} = {column} + 1")
    problem = only(store.check())
    assert (problem.name, problem.where) == ("counter", column)


def test_a_changed_count_of_a_bucket(store: TestStore) -> None:
    with store.damaged() as database:
        inc = database.execute("SELECT min(inc) FROM usage").get
        database.execute("UPDATE usage SET objects = objects + 1 WHERE inc = ?", (inc,))
    problem = only(store.check())
    assert (problem.name, problem.where) == ("counter", f"usage of incarnation {inc}")


def test_a_backup_of_a_release_that_did_not_count_buckets(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("DROP TABLE usage")
    assert not store.check().found


def test_a_lost_inline_body(store: TestStore) -> None:
    with store.damaged() as database:
        id = database.execute("SELECT id FROM inline ORDER BY rowid LIMIT 1").get
        database.execute("DELETE FROM inline WHERE id = ?", (id,))
    problem = only(store.check())
    assert problem.name == "inline-missing"
    assert problem.objects == ["plain/inline (null)"]


def test_a_damaged_inline_body(store: TestStore) -> None:
    with store.damaged() as database:
        id, data = database.execute("SELECT id, data FROM inline ORDER BY rowid").fetchall()[0]
        bad = bytes([*data[:-1], data[-1] ^ 1])
        database.execute("UPDATE inline SET data = ? WHERE id = ?", (bad, id))
    problem = only(store.check())
    assert (problem.name, problem.objects) == ("inline-damaged", ["plain/inline (null)"])


def test_an_inline_body_of_nobody(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("INSERT INTO inline VALUES(?, ?)", (b"i" * 16, b"data"))
    assert only(store.check()).name == "inline-orphan"


def test_an_inline_body_of_two(store: TestStore) -> None:
    at = store.at(store.buckets()["plain"], "inline")
    head = records.encode(finished(store.store.read(at)))
    with store.damaged() as database:
        database.execute("UPDATE heads SET value = ? WHERE kind = 5 AND key = x'66696c65'", (head,))
    problem = next(found for found in store.check().problems if found.name == "inline-shared")
    assert problem.objects == ["plain/file (null)", "plain/inline (null)"]


def test_a_lost_part_list_hides_references(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM manifests")
    report = store.check()
    assert names(report) == {"manifest-missing": 1, "reference-count": 2}
    assert not report.references_known


def test_a_page_of_nobody(store: TestStore) -> None:
    with store.damaged() as database:
        data = database.execute("SELECT data FROM pages").get
        database.execute("INSERT INTO pages VALUES(?, ?)", (b"p" * 16, data))
    assert only(store.check()).name == "page-orphan"


def test_a_blob_row_that_cannot_be_read(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    with store.damaged() as database:
        database.execute("UPDATE blobs SET info = x'ff' WHERE id = ?", (blob.id,))
    report = store.check()
    assert report.found["undecodable"] == 1
    assert report.found["file-orphan"] == 0


def test_a_lost_key_file(tmp_path: Path) -> None:
    store = filled(tmp_path / "data", encrypted=True)
    store.close()
    os.unlink(store.place.keyring_file)
    assert only(store.check()).name == "key-missing"
