"""``--repair`` mends what follows from the rest, and touches nothing that an object names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.recovery.stores import TestStore, filled
from z4tw.recovery.files import finished
from z4tw.recovery.report import Report


@pytest.fixture
def store(tmp_path: Path) -> TestStore:
    return filled(tmp_path / "data", encrypted=False)


def mend(store: TestStore) -> Report:
    """Repair a closed store, after which it is clean and has all that it had."""
    report = store.check(repair=True)
    again = store.check()
    assert again.as_dict()["problems"] == []
    assert report.left == 0
    assert all(problem.repaired for problem in report.problems)
    return report


def test_a_sound_store_is_left_as_it_is(store: TestStore) -> None:
    before = store.contents()
    store.close()
    assert not mend(store).found
    store.open()
    assert store.contents() == before


@pytest.mark.parametrize("damage", [
    "UPDATE blobs SET refs = refs + 1",
    "UPDATE blobs SET refs = 0, zero_since = 1 WHERE refs > 0",
    "UPDATE blobs SET refs = 0, zero_since = 1, state = 1",
    "UPDATE blobs SET zero_since = 0",
    "UPDATE manifests SET refs = 0, zero_since = 1",
    "UPDATE manifests SET refs = 7",
    "UPDATE counters SET objects = 1, object_bytes = 2, blobs = 3, blob_bytes = 4, uploads = 5",
    "UPDATE usage SET bytes = bytes + 1, objects = 0",
    "DELETE FROM usage",
    "UPDATE heads SET size = 1, tag = 'x' WHERE kind = 5 AND live = 1",
    "UPDATE heads SET live = 0",
    "UPDATE heads SET partition = 0, expires_ms = 1",
])  # fmt: skip
def test_what_follows_from_the_values_is_mended(store: TestStore, damage: str) -> None:
    before = store.contents()
    with store.damaged() as database:
        database.execute(damage)
    mend(store)
    store.open()
    assert store.contents() == before


def test_a_lost_row_is_made_again_from_the_files_footer(store: TestStore) -> None:
    before = store.contents()
    with store.damaged() as database:
        database.execute("DELETE FROM blobs WHERE refs > 0")
    report = mend(store)
    assert report.repaired["blob-row-missing"] == 8
    store.open()
    assert store.contents() == before


def test_a_bucket_that_was_closed_is_open_again(store: TestStore) -> None:
    bucket = store.buckets()["plain"]
    finished(store.store.close_incarnation(bucket.incarnation))
    store.close()
    mend(store)
    store.open()
    store.inline(bucket, "new", b"written")


def test_rows_of_nobody_are_kept_in_the_quarantine(store: TestStore) -> None:
    with store.damaged() as database:
        page = database.execute("SELECT data FROM pages").get
        database.execute("INSERT INTO inline VALUES(?, ?)", (b"i" * 16, b"lonely"))
        database.execute("INSERT INTO pages VALUES(?, ?)", (b"p" * 16, page))
    report = mend(store)
    assert report.repaired == {"inline-orphan": 1, "page-orphan": 1}
    kept = [
        json.loads(line)
        for name in os.listdir(store.place.quarantine)
        for line in Path(store.place.quarantine, name).read_text().splitlines()
    ]
    assert {(row["table"], row["id"]) for row in kept} == {
        ("inline", (b"i" * 16).hex()), ("pages", (b"p" * 16).hex()),
    }  # fmt: skip


def test_files_of_nobody_are_kept_in_the_quarantine(store: TestStore) -> None:
    _, blob = store.write(store.buckets()["plain"], "never committed", b"x" * 100)
    name = f"_z4meta/tmp/{'0' * 32}.part"
    Path(store.place.inside(name)).write_bytes(b"half")
    store.close()
    mend(store)
    kept = os.listdir(store.place.quarantine)
    assert sorted(kept) == sorted([blob.path.replace("/", "%"), name.replace("/", "%")])


def test_young_files_of_nobody_stay_where_they_are(store: TestStore) -> None:
    _, blob = store.write(store.buckets()["plain"], "in the making", b"x" * 100)
    store.close()
    written_ms = int(os.path.getmtime(store.place.inside(blob.path)) * 1000)
    store.check(repair=True, now_ms=written_ms)
    assert os.path.exists(store.place.inside(blob.path))


@pytest.mark.parametrize("damage", [
    "UPDATE heads SET value = x'ff' WHERE kind = 5 AND key = x'66696c65'",
    "DELETE FROM manifests",
    "DELETE FROM pages",
])  # fmt: skip
def test_counts_are_left_alone_when_references_are_hidden(store: TestStore, damage: str) -> None:
    """A count that is lowered because a value cannot be read would remove its data."""
    store.write(store.buckets()["plain"], "orphan", b"x" * 100)
    with store.damaged() as database:
        database.execute(damage)
        before = database.execute("SELECT id, refs FROM blobs").fetchall()
    report = store.check(repair=True)
    assert not report.repaired
    assert report.left
    assert not os.path.exists(store.place.quarantine)
    with store.damaged() as database:
        assert database.execute("SELECT id, refs FROM blobs").fetchall() == before


def test_damaged_data_is_reported_and_left_alone(store: TestStore) -> None:
    at = store.at(store.buckets()["plain"], "file")
    version = finished(store.store.find_version(at, ""))
    path = store.place.inside(finished(store.store.read_blob(version.body.id)).path)
    store.close()
    with open(path, "r+b") as file:
        file.write(b"damage")
    report = store.check(repair=True)
    assert (report.found["file-damaged"], report.left) == (1, 1)
    assert os.path.exists(path)


def test_a_row_whose_file_is_gone_too_stays_a_problem(store: TestStore) -> None:
    at = store.at(store.buckets()["plain"], "file")
    version = finished(store.store.find_version(at, ""))
    blob = finished(store.store.read_blob(version.body.id))
    with store.damaged() as database:
        database.execute("DELETE FROM blobs WHERE id = ?", (blob.id,))
    os.unlink(store.place.inside(blob.path))
    report = store.check(repair=True)
    assert (report.found["blob-row-missing"], report.left) == (1, 1)


def test_repair_makes_no_store_where_there_is_none(store: TestStore) -> None:
    store.close()
    os.unlink(store.place.database)
    assert store.check(repair=True).left == 1
    assert not os.path.exists(store.place.database)
