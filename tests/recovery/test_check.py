"""A check finds nothing in a sound store, and each kind of damage by its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.recovery.stores import DAY_MS, LATER_MS, TestStore, check, filled
from z4tw.model.control import BucketState
from z4tw.model.objects import BlobInfo
from z4tw.model.registers import Kind
from z4tw.objects import records
from z4tw.recovery.check import CheckOptions, check_store
from z4tw.recovery.files import finished
from z4tw.recovery.report import Problem, Report


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TestStore:
    return filled(tmp_path / "data", request.param)


def test_a_sound_store_is_clean(store: TestStore) -> None:
    store.close()
    report = store.check()
    assert report.as_dict()["problems"] == []
    assert report.left == 0
    assert report.examined["verified_files"] == report.examined["blobs"] == 9
    assert report.examined["access_keys"] == 1
    assert report.examined["pages"] == 1


def names(report: Report) -> dict[str, int]:
    """The problems that were found, by name."""
    return dict(report.found)


def only(report: Report) -> Problem:
    """The one problem of a report."""
    assert len(report.problems) == 1, report.as_dict()
    return report.problems[0]


def blob_of(store: TestStore, bucket: str, key: str) -> BlobInfo:
    """The file of the current version of a key."""
    at = store.at(store.buckets()[bucket], key)
    version = finished(store.store.find_version(at, ""))
    info: BlobInfo = finished(store.store.read_blob(version.body.id))
    return info


def test_nothing_is_written_without_repair(store: TestStore) -> None:
    store.close()
    before = Path(store.place.database).read_bytes()
    store.check()
    assert Path(store.place.database).read_bytes() == before


def test_a_quick_check_reads_no_blocks(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    _flip(store.place.inside(blob.path), 1000)
    assert store.check(deep=False).left == 0
    assert names(store.check()) == {"file-damaged": 1}


def test_a_flipped_bit_names_the_file_and_its_objects(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    _flip(store.place.inside(blob.path), 70_000)
    problem = only(store.check())
    assert problem.name == "file-damaged"
    assert problem.where == blob.path
    assert "block 1" in problem.detail
    assert sorted(problem.objects) == ["plain/copy of file (null)", "plain/file (null)"]


def test_a_flipped_bit_in_a_part_names_the_multipart_objects(store: TestStore) -> None:
    at = store.at(store.buckets()["plain"], "multipart")
    version = finished(store.store.find_version(at, ""))
    part = finished(store.store.read_manifest(version.body.id)).parts[1]
    blob = finished(store.store.read_blob(part.body.id))
    store.close()
    _flip(store.place.inside(blob.path), 5)
    problem = only(store.check())
    assert sorted(problem.objects) == [
        "plain/copy of multipart (null)", "plain/multipart (null)",
    ]  # fmt: skip


def test_a_flipped_bit_in_the_footer(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    _flip(store.place.inside(blob.path), -20)
    assert only(store.check()).name == "file-damaged"


def test_a_truncated_file(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    os.truncate(store.place.inside(blob.path), 1000)
    problem = only(store.check())
    assert (problem.name, problem.where) == ("file-size", blob.path)
    assert "1000 bytes" in problem.detail


def test_a_missing_file(store: TestStore) -> None:
    blob = blob_of(store, "versioned", "twice")
    store.close()
    os.unlink(store.place.inside(blob.path))
    problem = only(store.check())
    assert (problem.name, problem.where) == ("file-missing", blob.path)
    assert problem.objects[0].startswith("versioned/twice (")


def test_the_missing_file_of_an_unreferenced_blob_is_no_problem(store: TestStore) -> None:
    with store.damaged() as database:
        info = records.decode_blob(database.execute("SELECT info FROM blobs WHERE refs = 0").get)
    os.unlink(store.place.inside(info.path))
    assert store.check().left == 0


def test_an_orphaned_file_is_a_problem_when_it_is_old(store: TestStore) -> None:
    _, blob = store.write(store.buckets()["plain"], "never committed", b"x" * 100)
    store.close()
    problem = only(store.check())
    assert (problem.name, problem.where) == ("file-orphan", blob.path)
    young = store.check(now_ms=int(os.path.getmtime(store.place.inside(blob.path)) * 1000))
    assert young.left == 0
    assert sum(young.notes.values()) == 2  # And the blob that waits to be removed.


def test_a_second_file_of_a_blob(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    other = "plain/00/00/" + blob.path.rpartition("/")[2]
    os.makedirs(store.place.inside("plain/00/00"))
    os.link(store.place.inside(blob.path), store.place.inside(other))
    problem = only(store.check())
    assert (problem.name, problem.where) == ("file-orphan", other)
    assert blob.path in problem.detail


def test_an_unfinished_file(store: TestStore) -> None:
    store.close()
    name = f"_z4meta/tmp/{'0' * 32}.part"
    Path(store.place.inside(name)).write_bytes(b"half")
    problem = only(store.check())
    assert (problem.name, problem.where) == ("temporary-orphan", name)


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


def test_a_lost_page(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM pages")
    report = store.check()
    assert report.found["page-missing"] == 1
    assert report.problems[0].where == "versioned/often"


def test_a_page_of_nobody(store: TestStore) -> None:
    with store.damaged() as database:
        data = database.execute("SELECT data FROM pages").get
        database.execute("INSERT INTO pages VALUES(?, ?)", (b"p" * 16, data))
    assert only(store.check()).name == "page-orphan"


def test_a_page_that_is_not_what_its_head_says(store: TestStore) -> None:
    with store.damaged() as database:
        data = database.execute("SELECT data FROM pages").get
        versions = records.decode_page(data)
        database.execute("UPDATE pages SET data = ?", (records.encode(versions[1:]),))
    report = store.check()
    assert names(report) == {"object-head": 1, "inline-orphan": 1}


def test_a_value_that_cannot_be_read(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("UPDATE heads SET value = x'ff' WHERE kind = 5 AND key = x'66696c65'")
    report = store.check()
    assert report.found["undecodable"] == 1
    assert report.problems[0].where == "plain/file"
    assert not report.references_known


def test_a_blob_row_that_cannot_be_read(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    with store.damaged() as database:
        database.execute("UPDATE blobs SET info = x'ff' WHERE id = ?", (blob.id,))
    report = store.check()
    assert report.found["undecodable"] == 1
    assert report.found["file-orphan"] == 0


def test_a_version_out_of_order(store: TestStore) -> None:
    at = store.at(store.buckets()["versioned"], "twice")
    head = finished(store.store.read(at))
    wrong = msgspec.structs.replace(head, versions=tuple(reversed(head.versions)))
    with store.damaged() as database:
        database.execute(
            "UPDATE heads SET value = ? WHERE kind = 5 AND key = x'7477696365'",
            (records.encode(wrong),),
        )
    assert store.check().found["object-head"] == 1


@pytest.mark.parametrize(
    "change", ["size = size + 1", "tag = 'x'", "live = 0", "owner = 'x'", "partition = 5000"]
)
def test_a_listing_that_differs_from_its_object(store: TestStore, change: str) -> None:
    with store.damaged() as database:
        database.execute(f"UPDATE heads SET {change} WHERE kind = 5 AND key = x'66696c65'")
    problem = only(store.check())
    assert (problem.name, problem.where) == ("listing-row", "plain/file")


def test_a_part_without_its_upload(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM heads WHERE kind = 6 AND live = 1")
    report = store.check()
    assert names(report) == {"part-orphan": 1, "counter": 1}
    assert report.problems[0].where.startswith("plain/unfinished upload ")
    assert report.problems[0].where.endswith(" part 1")


def test_objects_without_a_bucket(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM heads WHERE kind = 4 AND key = x'706c61696e'")
    problem = only(store.check())
    assert problem.name == "incarnation"
    assert "rows belong to no bucket" in problem.detail


def test_an_active_bucket_that_is_closed(store: TestStore) -> None:
    finished(store.store.close_incarnation(store.buckets()["plain"].incarnation))
    store.close()
    problem = only(store.check())
    assert (problem.name, problem.where) == ("incarnation", "bucket plain")


@pytest.mark.parametrize("kind", [Kind.ACCOUNT, Kind.USER])
def test_a_key_that_belongs_to_nobody(store: TestStore, kind: Kind) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM heads WHERE kind = ?", (int(kind),))
    assert set(names(store.check())) == {"account"}


def test_a_secret_that_the_control_key_does_not_open(store: TestStore) -> None:
    store.close()
    options = CheckOptions(now_ms=store.times.ms, control_key=b"x" * 32)
    report = check_store(store.place, store.blobs, options)
    assert names(report) == {"secret": 1}


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


def test_a_lost_key_file(tmp_path: Path) -> None:
    store = filled(tmp_path / "data", encrypted=True)
    store.close()
    os.unlink(store.place.keyring_file)
    assert only(store.check()).name == "key-missing"


def test_a_deletion_that_was_interrupted_is_only_noted(store: TestStore) -> None:
    bucket = store.bucket("leaving")
    marked = msgspec.structs.replace(bucket, state=BucketState.DELETING, stamp=store.stamp())
    store.replace_bucket(bucket, marked)
    finished(store.store.close_incarnation(bucket.incarnation))
    store.close()
    report = store.check()
    assert report.left == 0
    assert report.notes["buckets whose deletion goes on at the next start"] == 1


def test_what_goes_on_during_a_check_is_not_held_against_the_store(store: TestStore) -> None:
    """A running node removes a blob after the rows were read, and writes another one."""
    blob = blob_of(store, "plain", "file")

    class Removing:
        def __init__(self, blobs: Any) -> None:
            self._blobs = blobs
            self.verify = blobs.verify

        def files(self) -> Any:
            plain = store.buckets()["plain"]
            for key in ("file", "copy of file"):
                store.delete(plain, key)
            finished(store.store.garbage(store.times.ms + DAY_MS, 100))
            os.unlink(store.place.inside(blob.path))
            finished(store.store.forget([blob.id]))
            store.file(plain, "new", b"n" * 9000)
            return self._blobs.files()

    report = check(store.place, Removing(store.blobs), now_ms=LATER_MS)
    store.close()
    assert report.as_dict()["problems"] == []


def test_reading_can_be_held_to_a_rate(store: TestStore) -> None:
    store.close()
    sizes: list[int] = []

    async def pace(size: int) -> None:
        sizes.append(size)

    report = check_store(
        store.place, store.blobs, CheckOptions(now_ms=store.times.ms), pace=pace
    )
    assert report.left == 0
    assert sum(sizes) >= 200_000


def _flip(path: str, offset: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))
