"""A backup holds everything that its database names, or is recognised as none."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.recovery.looking import blob_of
from tests.recovery.stores import CONTROL_KEY, LATER_MS, TestStore
from z4tw.blobs.disk import OsDisk
from z4tw.blobs.files import FileBlobStore
from z4tw.node.offload import InlineOffload
from z4tw.objects import records
from z4tw.recovery import RecoveryError
from z4tw.recovery.backup import BackupMade, make_backup, read_backup
from z4tw.recovery.check import CheckOptions, check_store
from z4tw.recovery.files import finished
from z4tw.recovery.place import Place
from z4tw.testing.offload import HeldOffload


def backup(store: TestStore, destination: Path, **options: Any) -> BackupMade:
    """Back up an open store at once."""
    made: BackupMade = finished(
        make_backup(
            store.place,
            str(destination),
            snapshot=store.store.snapshot,
            offload=InlineOffload(),
            now_ms=store.times,
            **options,
        )
    )
    return made


def opened(store: TestStore, root: Path) -> TestStore:
    """A copy of a store, opened as one."""
    return TestStore(root, encrypted=store.encrypted)


def test_everything_reads_back_from_a_backup(store: TestStore, tmp_path: Path) -> None:
    before = store.contents()
    made = backup(store, tmp_path / "backup")
    store.close()
    copy = opened(store, tmp_path / "backup")
    assert copy.contents() == before
    copy.close()
    assert (made.linked, made.copied, made.missing) == (9, 0, [])
    assert copy.check().left == 0


def test_the_record_says_what_is_in_it(store: TestStore, tmp_path: Path) -> None:
    store.alias("other", store.buckets()["plain"])
    made = backup(store, tmp_path / "backup")
    record = read_backup(str(tmp_path / "backup"))
    assert record == made.record
    sizes = finished(store.store.sizes())
    assert (record.objects, record.object_bytes) == (sizes.objects, sizes.object_bytes)
    assert (record.blobs, record.buckets, record.uploads) == (9, 2, 1)
    assert record.store_uuid == store.store.facts.store_uuid.hex()
    assert record.encrypted == store.encrypted
    expected = {"meta.db", "control.key", "node.json", "format.json"}
    assert set(record.digests) == expected | ({"keyring.json"} if store.encrypted else set())


def test_nothing_is_left_beside_the_database(store: TestStore, tmp_path: Path) -> None:
    backup(store, tmp_path / "backup")
    names = set(os.listdir(tmp_path / "backup" / "_z4meta"))
    assert not [name for name in names if "meta.db-" in name or name.endswith(".partial")]


def test_nobody_else_may_read_it(store: TestStore, tmp_path: Path) -> None:
    backup(store, tmp_path / "deep" / "backup")
    for path in (tmp_path / "deep" / "backup").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.name == "meta.db", path
    assert (tmp_path / "deep" / "backup").stat().st_mode & 0o777 == 0o700


def test_files_are_copied_where_they_cannot_be_linked(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    before = store.contents()
    snapshot = store.store.snapshot

    async def snapshot_first(path: str) -> None:
        await snapshot(path)
        monkeypatch.setattr(os, "link", refuse)

    store.store.snapshot = snapshot_first  # type: ignore[method-assign]
    made = backup(store, tmp_path / "backup")
    monkeypatch.undo()
    assert (made.linked, made.copied) == (0, 9)
    store.close()
    copy = opened(store, tmp_path / "backup")
    assert copy.contents() == before
    copy.close()


def test_writes_and_deletes_go_on_meanwhile(store: TestStore, tmp_path: Path) -> None:
    """What the snapshot names is in the backup, whatever happens after it."""
    before = store.contents()
    offload = HeldOffload()
    work = Deferred.fromCoroutine(
        make_backup(
            store.place,
            str(tmp_path / "backup"),
            snapshot=store.store.snapshot,
            offload=offload,
            now_ms=store.times,
        )
    )
    plain = store.buckets()["plain"]
    count = 0
    while not work.called:
        offload.step()
        count += 1
        if count > 1:  # The directory was made, then the snapshot was taken.
            store.delete(plain, "file") if count == 2 else store.delete(plain, "replaced")
            store.file(plain, f"new {count}", b"n" * 9000)
    store.close()
    copy = opened(store, tmp_path / "backup")
    assert copy.contents() == before
    copy.close()
    assert copy.check().left == 0


def test_a_node_that_stops_interrupts_it(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("z4tw.recovery.backup._BATCH", 2)
    with pytest.raises(RecoveryError, match=r"the node stops: .* is incomplete"):
        backup(store, tmp_path / "backup", stopping=lambda: True)
    with pytest.raises(RecoveryError, match=r"no complete backup: it has no backup\.json"):
        read_backup(str(tmp_path / "backup"))


def test_an_error_interrupts_it(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", target)

    monkeypatch.setattr("z4tw.recovery.backup.copy_file", full)
    with pytest.raises(RecoveryError, match=r"No space left on device; .* is incomplete"):
        backup(store, tmp_path / "backup")
    with pytest.raises(RecoveryError, match="no complete backup"):
        read_backup(str(tmp_path / "backup"))


def test_a_missing_file_is_told_and_the_rest_is_backed_up(store: TestStore, tmp_path: Path) -> None:
    blob = blob_of(store, "plain", "file")
    os.unlink(store.place.inside(blob.path))
    made = backup(store, tmp_path / "backup")
    assert made.missing == [blob.path]
    assert made.record.missing == 1
    assert made.linked == 8


def test_the_gone_file_of_an_unreferenced_blob_is_not_missed(
    store: TestStore, tmp_path: Path
) -> None:
    finished(store.store.garbage(LATER_MS, 100))
    with store.damaged() as database:
        info = records.decode_blob(database.execute("SELECT info FROM blobs WHERE refs = 0").get)
    os.unlink(store.place.inside(info.path))
    store.open()
    assert backup(store, tmp_path / "backup").missing == []


@pytest.mark.parametrize("where", ["data", "data/inside", "."])
def test_a_destination_inside_or_around_the_store(
    store: TestStore, tmp_path: Path, where: str
) -> None:
    with pytest.raises(RecoveryError, match="must not lie inside each other"):
        backup(store, tmp_path / where)


def test_a_destination_that_is_not_empty(store: TestStore, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "something").touch()
    with pytest.raises(RecoveryError, match="is not empty"):
        backup(store, tmp_path / "backup")


def test_a_destination_that_is_a_file(store: TestStore, tmp_path: Path) -> None:
    (tmp_path / "backup").touch()
    with pytest.raises(RecoveryError, match=r"cannot use .*: Not a directory"):
        backup(store, tmp_path / "backup")


def test_an_empty_destination_is_used(store: TestStore, tmp_path: Path) -> None:
    (tmp_path / "backup" / "lost+found").mkdir(parents=True)
    assert backup(store, tmp_path / "backup").linked == 9


@pytest.mark.parametrize("name", ["meta.db", "control.key"])
def test_a_damaged_backup_is_refused(store: TestStore, tmp_path: Path, name: str) -> None:
    backup(store, tmp_path / "backup")
    path = tmp_path / "backup" / "_z4meta" / name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(RecoveryError, match="is damaged: its digest is a wrong one"):
        read_backup(str(tmp_path / "backup"))
    path.unlink()
    with pytest.raises(RecoveryError, match="cannot be read: No such file"):
        read_backup(str(tmp_path / "backup"))


def test_a_record_of_a_newer_release_is_refused(store: TestStore, tmp_path: Path) -> None:
    backup(store, tmp_path / "backup")
    path = tmp_path / "backup" / "backup.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(RecoveryError, match="newer release"):
        read_backup(str(tmp_path / "backup"))
    path.write_text("{}")
    with pytest.raises(RecoveryError, match="cannot be read"):
        read_backup(str(tmp_path / "backup"))


def test_a_backup_can_be_read_again_without_a_trace(store: TestStore, tmp_path: Path) -> None:
    """What ``--verify`` does."""
    backup(store, tmp_path / "backup")
    place = Place(str(tmp_path / "backup"))
    before = sorted(str(path) for path in (tmp_path / "backup").rglob("*"))
    blobs = _blobs_at(place)
    options = CheckOptions(now_ms=LATER_MS, frozen=True, control_key=CONTROL_KEY)
    report = check_store(place, blobs, options)
    assert report.as_dict()["problems"] == []
    assert report.examined["verified_files"] == 9
    assert sorted(str(path) for path in (tmp_path / "backup").rglob("*")) == before


def _blobs_at(place: Place) -> Any:
    return FileBlobStore(
        OsDisk(place.root, os.urandom), InlineOffload(), None,
        min_free_bytes=0, now_ms=lambda: LATER_MS, random_bytes=os.urandom,
    )  # fmt: skip
