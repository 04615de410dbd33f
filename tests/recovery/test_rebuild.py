"""A lost database comes back from the latest good snapshot and the footers of newer blobs."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from pathlib import Path

from tests.recovery.stores import OWNER, TestStore
from z4tw.model.objects import Lock
from z4tw.model.registers import Kind, ListQuery
from z4tw.objects.commands import DeleteVersion
from z4tw.objects.locks import LOCKED
from z4tw.recovery.files import finished
from z4tw.recovery.rebuild import RebuildOptions, Rebuilt, is_sound, rebuild_store

OPTIONS = RebuildOptions(
    vnodes=150, replicas=3, region="eu-central-1", object_ownership="ObjectWriter"
)


def rebuild(store: TestStore, lose: bool = True) -> Rebuilt:
    """Lose the database and rebuild it; the store is open again."""
    store.close()
    if lose:
        os.unlink(store.place.database)
    rebuilt = rebuild_store(store.place, store.blobs, OPTIONS, store.times, os.urandom)
    store.open()
    return rebuilt


def clean(store: TestStore) -> None:
    """The rebuilt store has no contradiction."""
    store.close()
    assert store.check().as_dict()["problems"] == []
    store.open()


def test_a_snapshot_alone(store: TestStore) -> None:
    before = store.contents()
    path = store.snapshot()
    rebuilt = rebuild(store)
    assert rebuilt.snapshot == path
    assert (rebuilt.versions, rebuilt.parts, rebuilt.left_out) == (0, 0, 0)
    assert store.contents() == before
    clean(store)


def test_what_was_written_after_the_snapshot(store: TestStore) -> None:
    store.snapshot()
    plain, versioned = store.buckets()["plain"], store.buckets()["versioned"]
    store.file(plain, "new", b"n" * 9000)
    store.file(plain, "file", b"changed" * 2000)
    store.file(versioned, "twice", b"3" * 9000)
    upload = store.upload(plain, "later")
    store.part(plain, upload, 1, b"a" * 5000)
    store.part(plain, upload, 2, b"b" * 5000)
    store.part(plain, upload, 2, b"c" * 5000)
    before = store.contents()
    rebuilt = rebuild(store)
    assert (rebuilt.versions, rebuilt.uploads, rebuilt.parts) == (3, 1, 3)
    assert store.contents() == before
    page = finished(store.store.list_live(Kind.UPLOAD, plain.incarnation, ListQuery()))
    assert sorted(row.key.split(b"\x00")[0] for row in page.rows) == [b"later", b"unfinished"]
    parts = finished(store.store.scan(Kind.PART, plain.incarnation, b"later", b"m", 10))
    assert [(part.number, part.etag) for _, part in parts] == [
        (1, _md5(b"a" * 5000)), (2, _md5(b"c" * 5000)),
    ]  # fmt: skip
    clean(store)


def test_locks_come_back_as_they_were_written(store: TestStore) -> None:
    store.snapshot()
    versioned = store.buckets()["versioned"]
    lock = Lock("COMPLIANCE", store.times.ms + 1_000_000, "ON")
    store.file(versioned, "locked", b"l" * 9000, lock)
    ended = Lock("COMPLIANCE", 1)
    store.file(versioned, "ended", b"e" * 9000, ended)
    rebuilt = rebuild(store)
    assert rebuilt.versions == 2
    for key, wanted in (("locked", lock), ("ended", ended)):
        version = finished(store.store.find_version(store.at(versioned, key), ""))
        assert version.lock == wanted
        outcome = finished(
            store.store.change(
                store.at(versioned, key), DeleteVersion(store.stamp(), version.version_id)
            )
        )
        assert (outcome == LOCKED) == (wanted is lock)


def test_an_upload_that_comes_back_can_be_completed(store: TestStore) -> None:
    store.snapshot()
    plain = store.buckets()["plain"]
    upload = store.upload(plain, "later")
    parts = [store.part(plain, upload, number, b"%d" % number * 5000) for number in (1, 2)]
    store.complete(plain, upload, parts)
    rebuilt = rebuild(store)
    # The part list itself was a row: the object is an open upload again.
    assert (rebuilt.versions, rebuilt.uploads, rebuilt.parts) == (0, 1, 2)
    assert "plain/later#0" not in store.contents()
    store.complete(plain, upload, parts)
    assert store.contents()["plain/later#0"] == b"1" * 5000 + b"2" * 5000
    clean(store)


def test_what_cannot_come_back(store: TestStore) -> None:
    """Rows without a blob of their own that are newer than the snapshot."""
    store.snapshot()
    plain = store.buckets()["plain"]
    before = store.contents()
    store.inline(plain, "new inline", b"small")
    store.empty(plain, "new empty")
    store.copy(plain, "replaced", "new copy")
    store.tag(plain, "replaced", {"a": "b"})
    store.delete(plain, "file")
    rebuild(store)
    assert store.contents() == before
    clean(store)


def test_the_newest_snapshot_that_is_good(store: TestStore) -> None:
    old = store.snapshot()
    plain = store.buckets()["plain"]
    store.file(plain, "between", b"b" * 9000)
    damaged = store.snapshot()
    with open(damaged, "r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xa5" * 4096 * 4)
    newest = store.snapshot()
    Path(newest).write_bytes(b"no database")
    before = store.contents()
    rebuilt = rebuild(store)
    assert rebuilt.snapshot == old
    assert [line.split(":")[0] for line in rebuilt.rejected] == [
        os.path.basename(newest), os.path.basename(damaged),
    ]  # fmt: skip
    assert store.contents() == before
    clean(store)


def test_another_stores_snapshot_is_not_taken(store: TestStore, tmp_path: Path) -> None:
    other = TestStore(tmp_path / "other")
    other.fill()
    path = other.snapshot()
    other.close()
    os.rename(path, os.path.join(store.place.meta, "snapshots", os.path.basename(path)))
    rebuilt = rebuild(store)
    assert rebuilt.snapshot == ""
    assert "another store" in rebuilt.rejected[0]


def test_footers_alone(store: TestStore) -> None:
    before = store.contents()
    uuid = store.store.facts.store_uuid
    rebuilt = rebuild(store)
    assert rebuilt.snapshot == ""
    assert rebuilt.buckets == ["plain", "versioned"]
    assert rebuilt.left_out == 0
    assert store.store.facts.store_uuid == uuid
    # The delete marker was a row: what it hid shows again.
    expected = {label: before[label] for label in (
        "plain/file#0", "plain/replaced#0", "versioned/twice#0", "versioned/twice#1",
    )} | {"versioned/hidden#0": b"h" * 10_000}  # fmt: skip
    assert store.contents() == expected
    buckets = store.buckets()
    assert buckets["versioned"].versioning == "Enabled"
    assert buckets["plain"].owner == OWNER
    assert buckets["plain"].region == "eu-central-1"
    incarnation = buckets["plain"].incarnation
    uploads = finished(store.store.list_live(Kind.UPLOAD, incarnation, ListQuery()))
    assert len(uploads.rows) == 2
    clean(store)


def test_the_damaged_database_is_moved_aside(store: TestStore) -> None:
    store.snapshot()
    store.close()
    Path(store.place.database).write_bytes(b"damaged")
    Path(store.place.database + "-wal").write_bytes(b"its log")
    rebuilt = rebuild_store(store.place, store.blobs, OPTIONS, store.times, os.urandom)
    store.open()
    assert Path(rebuilt.damaged, "meta.db").read_bytes() == b"damaged"
    assert Path(rebuilt.damaged, "meta.db-wal").read_bytes() == b"its log"
    clean(store)


def test_an_interrupted_rebuild_is_begun_again(store: TestStore) -> None:
    before = store.contents()
    store.snapshot()
    for suffix in ("", "-wal", "-shm"):
        Path(store.place.meta, f"rebuild.db{suffix}").write_bytes(b"half")
    rebuild(store)
    assert store.contents() == before
    assert not [name for name in os.listdir(store.place.meta) if name.startswith("rebuild")]


def test_the_rebuild_is_recorded(store: TestStore) -> None:
    store.snapshot()
    store.file(store.buckets()["plain"], "new", b"n" * 9000)
    rebuild(store)
    store.close()
    with sqlite3.connect(store.place.database) as database:
        (record,) = database.execute("SELECT value FROM meta WHERE name = 'rebuilt'").fetchone()
    assert json.loads(record)["versions"] == 1
    logs = list(Path(store.place.meta, "log").glob("rebuild-*.json"))
    assert json.loads(logs[0].read_text())["versions"] == 1


def test_a_damaged_footer_is_left_out(store: TestStore) -> None:
    store.snapshot()
    blob = store.file(store.buckets()["plain"], "new", b"n" * 9000)
    with open(store.place.inside(blob.path), "r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"damaged")
    rebuilt = rebuild(store)
    assert rebuilt.reasons == {"unreadable": 1}
    assert os.listdir(store.place.quarantine) == [blob.path.replace("/", "%")]


def test_a_file_under_another_blobs_name_is_left_out(store: TestStore) -> None:
    store.snapshot()
    blob = store.file(store.buckets()["plain"], "new", b"n" * 9000)
    path = store.place.inside(blob.path)
    os.rename(path, path[:-4] + "0000")
    rebuilt = rebuild(store)
    assert rebuilt.reasons == {"unreadable": 1}


def test_a_blob_of_the_snapshot_that_is_gone_is_found_by_the_check(store: TestStore) -> None:
    store.snapshot()
    at = store.at(store.buckets()["plain"], "replaced")
    version = finished(store.store.find_version(at, ""))
    blob = finished(store.store.read_blob(version.body.id))
    os.unlink(store.place.inside(blob.path))
    rebuild(store)
    store.close()
    report = store.check()
    assert report.found == {"file-missing": 1}
    assert report.problems[0].objects == ["plain/replaced (null)"]


def test_soundness(store: TestStore) -> None:
    assert is_sound(store.place)
    store.close()
    os.truncate(store.place.database, 5000)
    assert not is_sound(store.place)
    os.unlink(store.place.database)
    assert not is_sound(store.place)


def _md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def test_annotations_in_files_come_back_and_inline_ones_do_not(store: TestStore) -> None:
    store.annotate_all()
    store.snapshot()
    plain = store.buckets()["plain"]
    before = store.annotations(plain)
    assert set(before) == {"file/large", "file/small"}
    store.file(plain, "new", b"n" * 9000)
    store.annotate(plain, "new", "large", b"a" * 9000)
    store.annotate(plain, "new", "large", b"b" * 9000)
    store.annotate(plain, "new", "small", b"lost")
    store.annotate(plain, "copy of file", "late", b"c" * 9000)
    rebuilt = rebuild(store)
    assert (rebuilt.versions, rebuilt.annotations) == (1, 3)
    later = {"new/large": b"b" * 9000, "copy of file/late": b"c" * 9000}
    assert store.annotations(plain) == {**before, **later}
    clean(store)


def test_an_annotation_without_its_version_is_left_out(store: TestStore) -> None:
    store.snapshot()
    plain = store.buckets()["plain"]
    store.inline(plain, "small", b"small")
    store.annotate(plain, "small", "large", b"a" * 9000)
    rebuilt = rebuild(store)
    assert rebuilt.reasons == {"of a version that is not there": 1}
    clean(store)
