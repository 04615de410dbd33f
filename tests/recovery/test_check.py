"""A sound store is clean; a database or format file that cannot be used is told."""

from __future__ import annotations

import os
from pathlib import Path

from tests.recovery.looking import blob_of, flip, names, only
from tests.recovery.stores import TestStore


def test_a_sound_store_is_clean(store: TestStore) -> None:
    store.close()
    report = store.check()
    assert report.as_dict()["problems"] == []
    assert report.left == 0
    assert report.examined["verified_files"] == report.examined["blobs"] == 9
    assert report.examined["access_keys"] == 1
    assert report.examined["pages"] == 1


def test_nothing_is_written_without_repair(store: TestStore) -> None:
    store.close()
    before = Path(store.place.database).read_bytes()
    store.check()
    assert Path(store.place.database).read_bytes() == before


def test_a_quick_check_reads_no_blocks(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    flip(store.place.inside(blob.path), 1000)
    assert store.check(deep=False).left == 0
    assert names(store.check()) == {"file-damaged": 1}


def test_a_database_that_is_not_there(store: TestStore) -> None:
    store.close()
    os.unlink(store.place.database)
    assert only(store.check()).name == "database"
    assert not os.path.exists(store.place.database)


def test_a_database_that_is_damaged(store: TestStore) -> None:
    store.close()
    with open(store.place.database, "r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xa5" * 4096 * 4)
    report = store.check()
    assert set(names(report)) == {"database"}
    assert not report.references_known


def test_a_database_that_is_none(store: TestStore) -> None:
    store.close()
    Path(store.place.database).write_bytes(b"no database" * 1000)
    assert set(names(store.check())) == {"database"}


def test_a_format_file_of_another_store(store: TestStore) -> None:
    store.close()
    path = Path(store.place.format_file)
    path.write_text(path.read_text().replace('"store_uuid": "', '"store_uuid": "0')[:-3] + '"}')
    assert only(store.check()).name == "store-uuid"
    path.unlink()
    assert only(store.check()).name == "store-uuid"


def test_a_format_file_of_a_store_that_was_just_made_is_only_noted(store: TestStore) -> None:
    """A node writes the database first, then its uuid into the format file."""
    store.close()
    path = Path(store.place.format_file)
    path.write_text('{"format": 1, "features": [], "store_uuid": ""}')
    report = store.check()
    assert report.left == 0
    assert report.notes["format files that the next start completes"] == 1
