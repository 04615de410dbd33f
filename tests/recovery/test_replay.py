"""What footers put back, in which order, and what they must not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.recovery.stores import OWNER, TestStore
from tests.recovery.test_rebuild import OPTIONS, clean, rebuild
from z4tw.model.objects import Body, BodyKind
from z4tw.model.rebuild import OBJECT, BlobRecord, encode_blob_record
from z4tw.model.registers import Kind, Register
from z4tw.objects.commands import PutVersion, Replace
from z4tw.recovery.files import finished
from z4tw.recovery.rebuild import rebuild_store
from z4tw.recovery.replay import UNSETTLED_MS


def test_versions_keep_what_they_were_stored_with(store: TestStore) -> None:
    at = store.at(store.buckets()["versioned"], "twice")
    before = finished(store.store.read(at)).versions
    rebuild(store)
    assert finished(store.store.read(at)).versions == before


def test_an_owner_that_is_known_by_id_only_gets_an_account(store: TestStore) -> None:
    rebuilt = rebuild(store)
    name = f"recovered-{OWNER[:16]}"
    assert rebuilt.accounts == [name]
    rows = finished(store.store.scan(Kind.ACCOUNT, 0, b"", b"", 10))
    assert [(key.decode(), account.id) for key, account in rows] == [(name, OWNER)]
    users = finished(store.store.scan(Kind.USER, 0, b"", b"", 10))
    assert [(user.id, user.account) for _, user in users] == [(OWNER, name)]


def test_a_file_that_never_became_a_version_is_left_out(store: TestStore) -> None:
    """It is older than the snapshot by more than a write takes, so that the snapshot would know
    it."""
    _, blob = store.write(store.buckets()["plain"], "replaced", b"refused" * 2000)
    store.times.ms += 3_600_000
    store.snapshot()
    before = store.contents()
    rebuilt = rebuild(store)
    assert (rebuilt.versions, rebuilt.left_out) == (0, 1)
    assert rebuilt.files[0][0] == blob.path
    assert rebuilt.reasons == {"never stored": 1}
    assert os.listdir(store.place.quarantine) == [blob.path.replace("/", "%")]
    assert store.contents() == before
    clean(store)


def test_a_file_that_the_snapshot_has_a_later_change_of_is_left_out(store: TestStore) -> None:
    plain = store.buckets()["plain"]
    store.write(plain, "replaced", b"refused" * 2000)
    store.file(plain, "replaced", b"third" * 2000)
    store.snapshot()
    before = store.contents()
    rebuilt = rebuild(store)
    assert rebuilt.reasons == {"superseded": 1}
    assert store.contents() == before
    clean(store)


def test_late_parts_are_left_out(store: TestStore) -> None:
    plain = store.buckets()["plain"]
    upload = store.upload(plain, "later")
    first = store.part(plain, upload, 1, b"a" * 5000)
    store.snapshot()
    store.complete(plain, upload, [first])
    store.snapshot()
    before = store.contents()
    # A part that was written while the upload was completed: refused, and left as a file.
    with pytest.raises(AssertionError, match="NoSuchUpload"):
        store.part(plain, upload, 2, b"late" * 5000)
    rebuilt = rebuild(store)
    assert rebuilt.reasons == {"superseded": 1}
    assert store.contents() == before
    clean(store)


def test_a_bucket_that_was_deleted_before_the_snapshot(store: TestStore) -> None:
    bucket = store.bucket("leaving")
    store.write(bucket, "left", b"x" * 9000)
    store.drop_bucket(bucket)
    store.snapshot()
    rebuilt = rebuild(store)
    assert rebuilt.reasons == {"of a bucket that was deleted": 1}
    assert "leaving" not in store.buckets()
    clean(store)


def test_a_bucket_that_was_made_again_after_the_snapshot(store: TestStore) -> None:
    first = store.bucket("again")
    store.file(first, "old", b"o" * 9000)
    store.snapshot()
    store.delete(first, "old")
    store.drop_bucket(first)
    second = store.bucket("again")
    store.file(second, "new", b"n" * 9000)
    rebuilt = rebuild(store)
    kept = f"again-old-{first.incarnation:016x}"
    assert rebuilt.renamed == [f"again: {kept}"]
    assert rebuilt.buckets == ["again"]
    contents = store.contents()
    assert contents["again/new#0"] == b"n" * 9000
    assert contents[f"{kept}/old#0"] == b"o" * 9000
    assert "again/old#0" not in contents
    clean(store)


def test_of_two_buckets_that_only_footers_know_the_later_one_has_the_name(
    store: TestStore,
) -> None:
    first = store.bucket("again")
    store.file(first, "old", b"o" * 9000)
    store.delete(first, "old")
    store.drop_bucket(first)
    second = store.bucket("again")
    store.file(second, "new", b"n" * 9000)
    rebuilt = rebuild(store)
    assert rebuilt.reasons == {"of a bucket that was deleted": 1}
    assert "again/old#0" not in store.contents()
    assert store.contents()["again/new#0"] == b"n" * 9000


def test_versioning_that_was_turned_on_after_the_snapshot(store: TestStore) -> None:
    store.snapshot()
    plain = store.buckets()["plain"]
    changed = msgspec.structs.replace(plain, versioning="Enabled", stamp=store.stamp())
    store.replace_bucket(plain, changed)
    store.file(changed, "file", b"one more" * 2000)
    before = store.contents()
    rebuilt = rebuild(store)
    assert rebuilt.versioning == ["plain: Enabled"]
    assert store.buckets()["plain"].versioning == "Enabled"
    assert store.contents() == before
    clean(store)


def test_two_files_of_one_blob(store: TestStore) -> None:
    store.snapshot()
    blob = store.file(store.buckets()["plain"], "new", b"n" * 9000)
    other = "plain/00/00/" + blob.path.rpartition("/")[2]
    os.makedirs(store.place.inside("plain/00/00"))
    os.link(store.place.inside(blob.path), store.place.inside(other))
    rebuilt = rebuild(store)
    assert (rebuilt.versions, rebuilt.reasons) == (1, {"another file has this blob": 1})
    assert store.contents()["plain/new#0"] == b"n" * 9000
    clean(store)


def test_many_versions_go_in_several_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("z4tw.recovery.replay._BATCH", 2)
    store = TestStore(tmp_path / "data")
    bucket = store.bucket("many", "Enabled")
    for number in range(7):
        store.file(bucket, "key", b"%d" % number * 5000)
    before = store.contents()
    shown: list[tuple[Any, ...]] = []
    store.close()
    os.unlink(store.place.database)
    rebuild_store(
        store.place, store.blobs, OPTIONS, store.times, os.urandom,
        show=lambda *given: shown.append(given),
    )  # fmt: skip
    store.open()
    assert store.contents() == before
    assert ("versions", 6, 0) in shown
    clean(store)


def test_a_blob_as_old_as_a_write_takes_may_be_newer_than_the_snapshot(store: TestStore) -> None:
    """Its version was committed after the snapshot, its footer written before."""
    plain = store.buckets()["plain"]
    version, blob = store.write(plain, "slow", b"s" * 9000)
    store.times.ms += UNSETTLED_MS - 1000
    store.snapshot()
    store.change(store.at(plain, "slow"), PutVersion(version, blob=blob))
    before = store.contents()
    assert rebuild(store).versions == 1
    assert store.contents() == before
    clean(store)


def test_files_of_a_closed_bucket_stay_closed(store: TestStore) -> None:
    plain = store.buckets()["plain"]
    store.write(plain, "late", b"l" * 9000)
    finished(store.store.close_incarnation(plain.incarnation))
    store.snapshot()
    assert rebuild(store).reasons == {"of a bucket that was deleted": 1}


def test_more_versions_than_a_key_may_have_are_left_out(
    store: TestStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    versioned = store.buckets()["versioned"]
    store.snapshot()
    store.file(versioned, "often", b"one more" * 2000)
    monkeypatch.setattr("z4tw.objects.versions.MAX_VERSIONS", 70)
    assert rebuild(store).reasons == {"refused": 1}


def test_a_completed_version_that_is_there_already_is_left_out(store: TestStore) -> None:
    """As a repeated completion, which finds the version of the first one by its origin."""
    versioned = store.buckets()["versioned"]
    version, blob = store.write(versioned, "key", b"k" * 9000)
    first = msgspec.structs.replace(version, origin="upload")
    store.change(store.at(versioned, "key"), PutVersion(first, "Enabled", blob=blob))
    store.snapshot()
    writer = store.blobs.writer("versioned", b"key", 9000)
    finished(writer.write(b"k" * 9000))
    again = msgspec.structs.replace(
        first, stamp=store.stamp(), body=Body(BodyKind.FILE, writer.id, 9000)
    )
    record = BlobRecord(
        OBJECT, "versioned", versioned.incarnation, OWNER, "Enabled", "key", version=again
    )
    finished(writer.commit(encode_blob_record(record)))
    rebuilt = rebuild(store)
    assert (rebuilt.versions, rebuilt.reasons) == (0, {"superseded": 1})
    clean(store)


def test_a_bucket_whose_name_was_an_alias_in_the_snapshot(store: TestStore) -> None:
    store.alias("other", store.buckets()["plain"])
    store.snapshot()
    register = Register(Kind.BUCKET, 0, b"other")
    store.change(register, Replace(store.buckets()["other"].stamp, None))
    store.file(store.bucket("other"), "new", b"n" * 9000)
    before = store.contents()
    rebuilt = rebuild(store)
    assert (rebuilt.buckets, rebuilt.renamed) == (["other"], [])
    assert store.contents() == before
    clean(store)
