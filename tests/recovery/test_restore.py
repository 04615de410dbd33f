"""A restored store has everything, under a new uuid; half a restore is no store."""

from __future__ import annotations

import errno
import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.recovery.looking import blob_of
from tests.recovery.stores import TestStore
from tests.recovery.test_backup import backup
from z4tw.recovery import RecoveryError
from z4tw.recovery.copying import digest_file
from z4tw.recovery.formats import write_json
from z4tw.recovery.restore import Restored, restore_store


def restore(tmp_path: Path, link: bool = False) -> Restored:
    return restore_store(
        str(tmp_path / "backup"),
        str(tmp_path / "restored"),
        link=link,
        now_ms=lambda: 1,
        random_bytes=os.urandom,
    )


@pytest.mark.parametrize("link", [False, True], ids=["copied", "linked"])
def test_everything_is_there_again(store: TestStore, tmp_path: Path, link: bool) -> None:
    before = store.contents()
    backup(store, tmp_path / "backup")
    store.close()
    restored = restore(tmp_path, link)
    assert (restored.copied, restored.linked) == ((0, 9) if link else (9, 0))
    copy = TestStore(tmp_path / "restored", encrypted=store.encrypted)
    assert copy.contents() == before
    copy.close()
    assert copy.check().as_dict()["problems"] == []


def test_a_restored_store_is_another_store(store: TestStore, tmp_path: Path) -> None:
    backup(store, tmp_path / "backup")
    store.close()
    restored = restore(tmp_path)
    copy = TestStore(tmp_path / "restored", encrypted=store.encrypted)
    copy.close()
    assert copy.store.facts.store_uuid != store.store.facts.store_uuid
    format = json.loads(Path(copy.place.format_file).read_text())
    assert format["store_uuid"] == restored.store_uuid
    assert uuid.UUID(restored.store_uuid).bytes == copy.store.facts.store_uuid
    assert copy.store.facts.seed == store.store.facts.seed


def test_a_copy_goes_its_own_way(store: TestStore, tmp_path: Path) -> None:
    """Writes and deletes in the restored store leave backup and source as they are."""
    before = store.contents()
    backup(store, tmp_path / "backup")
    restore(tmp_path, link=True)
    copy = TestStore(tmp_path / "restored", encrypted=store.encrypted)
    plain = copy.buckets()["plain"]
    copy.delete(plain, "file")
    copy.file(plain, "new", b"n" * 9000)
    for blob_id, path, _, _ in list(copy.blobs.files()):
        if blob_id is not None:
            os.unlink(copy.place.inside(path))
    copy.close()
    assert store.contents() == before
    store.close()
    assert restore_store(
        str(tmp_path / "backup"), str(tmp_path / "second"),
        link=False, now_ms=lambda: 1, random_bytes=os.urandom,
    ).copied == 9  # fmt: skip


def test_the_restore_is_recorded(store: TestStore, tmp_path: Path) -> None:
    made = backup(store, tmp_path / "backup")
    restore(tmp_path)
    copy = TestStore(tmp_path / "restored", encrypted=store.encrypted)
    with copy.damaged() as database:
        text: Any = database.execute("SELECT value FROM meta WHERE name = 'restored'").get
    assert json.loads(text) == {
        "ms": 1, "made_ms": made.record.made_ms, "from": made.record.store_uuid,
    }  # fmt: skip


def test_what_is_no_backup_is_refused(store: TestStore, tmp_path: Path) -> None:
    with pytest.raises(RecoveryError, match="no complete backup"):
        restore(tmp_path)
    backup(store, tmp_path / "backup")
    os.unlink(tmp_path / "backup" / "backup.json")
    with pytest.raises(RecoveryError, match="no complete backup"):
        restore(tmp_path)
    assert not (tmp_path / "restored").exists()


def test_a_destination_in_use_is_refused(store: TestStore, tmp_path: Path) -> None:
    backup(store, tmp_path / "backup")
    (tmp_path / "restored").mkdir()
    (tmp_path / "restored" / "mine").touch()
    with pytest.raises(RecoveryError, match="is not empty"):
        restore(tmp_path)
    assert os.listdir(tmp_path / "restored") == ["mine"]


def test_half_a_restore_is_no_store(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``format.json`` beside its database no node starts on it."""
    backup(store, tmp_path / "backup")

    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", target)

    monkeypatch.setattr("z4tw.recovery.copying.copy_file", full)
    with pytest.raises(RecoveryError, match=r"No space left on device; .* is incomplete"):
        restore(tmp_path)
    names = os.listdir(tmp_path / "restored" / "_z4meta")
    assert "meta.db" in names
    assert "format.json" not in names


def test_a_missing_file_is_told(store: TestStore, tmp_path: Path) -> None:
    blob = blob_of(store, "plain", "file")
    backup(store, tmp_path / "backup")
    os.unlink(tmp_path / "backup" / blob.path)
    assert restore(tmp_path).missing == [blob.path]


def test_a_database_of_a_newer_release_is_refused(store: TestStore, tmp_path: Path) -> None:
    with store.damaged() as database:
        database.execute("PRAGMA user_version = 99")
    # Made by hand, as a newer release would have.
    (tmp_path / "backup" / "_z4meta").mkdir(parents=True)
    path = tmp_path / "backup" / "_z4meta" / "meta.db"
    path.write_bytes(Path(store.place.database).read_bytes())
    write_json(
        str(tmp_path / "backup" / "backup.json"),
        {
            "format": 1, "made_ms": 1, "z4tw": "9", "store_uuid": "", "encrypted": False,
            "buckets": 0, "objects": 0, "object_bytes": 0, "uploads": 0, "blobs": 0,
            "blob_bytes": 0, "database_bytes": 0, "digests": {"meta.db": digest_file(str(path))},
        },
    )  # fmt: skip
    with pytest.raises(RecoveryError, match=r"cannot be used: .* newer release"):
        restore(tmp_path)
