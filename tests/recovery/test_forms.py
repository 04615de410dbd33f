"""Packed forms of bodies, written after a snapshot in place of others, come back."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from tests.recovery.stores import TestStore
from tests.recovery.test_rebuild import clean, rebuild
from z4tw.model.control import Bucket
from z4tw.model.objects import Version
from z4tw.node.offload import InlineOffload
from z4tw.ops.moving import Mover
from z4tw.packed.action import ZstdAction
from z4tw.recovery.files import finished

TEXT = b"".join(b"line %d\n" % number for number in range(20_000))


def version(store: TestStore, bucket: Bucket, key: str) -> Version:
    found: Version = finished(store.store.read(store.at(bucket, key))).versions[0]
    return found


def move(store: TestStore, bucket: Bucket, key: str) -> None:
    mover = Mover(store.store, store.blobs, InlineOffload(), store.stamp, {"ZSTD": ZstdAction()})
    assert finished(mover.move(bucket, key, version(store, bucket, key), "ZSTD"))


def reap(store: TestStore) -> int:
    """Remove what nothing names any more, at once."""
    count = 0
    for _ in range(3):
        store.times.ms += 1000
        garbage = finished(store.store.garbage(store.times.ms, 100))
        for blob in garbage:
            finished(store.blobs.remove(blob))
        finished(store.store.forget([blob.id for blob in garbage]))
        count += len(garbage)
    return count


def packed(store: TestStore, bucket: Bucket, key: str) -> list[bool]:
    body = version(store, bucket, key).body
    ids = [body.id]
    manifest: Any = finished(store.store.read_manifest(body.id))
    if manifest is not None:
        ids = [part.body.id for part in manifest.parts]
    return [bool(finished(store.store.read_blob(id)).packed_size) for id in ids]


def test_a_body_that_was_packed_after_the_snapshot(store: TestStore) -> None:
    plain = store.buckets()["plain"]
    store.file(plain, "text", TEXT)
    store.times.ms += 3_600_000
    store.snapshot()
    move(store, plain, "text")
    assert reap(store) >= 1
    before = store.contents()
    stored = version(store, plain, "text")
    rebuilt = rebuild(store)
    assert rebuilt.left_out == 0
    assert store.contents() == before
    assert version(store, plain, "text") == stored
    assert packed(store, plain, "text") == [True]
    clean(store)


def test_a_body_that_was_packed_and_no_snapshot(store: TestStore) -> None:
    plain = store.buckets()["plain"]
    store.file(plain, "text", TEXT)
    move(store, plain, "text")
    rebuild(store)
    assert store.contents()["plain/text#0"] == TEXT
    assert packed(store, plain, "text") == [True]


def test_parts_that_were_packed_after_the_snapshot(store: TestStore) -> None:
    plain = store.buckets()["plain"]
    upload = store.upload(plain, "parts")
    parts = [store.part(plain, upload, number, TEXT) for number in (1, 2, 3)]
    store.complete(plain, upload, parts)
    store.times.ms += 3_600_000
    store.snapshot()
    move(store, plain, "parts")
    assert reap(store) >= 3
    before = store.contents()
    rebuilt = rebuild(store)
    assert rebuilt.left_out == 0
    assert store.contents() == before
    assert packed(store, plain, "parts") == [True, True, True]
    reap(store)  # the part list of the snapshot, which names what is gone
    clean(store)


def test_a_packed_form_of_a_version_that_is_gone_is_left_out(store: TestStore) -> None:
    plain = store.buckets()["plain"]
    store.file(plain, "text", TEXT)
    move(store, plain, "text")
    store.delete(plain, "text")
    store.times.ms += 3_600_000
    store.snapshot()
    before = store.contents()
    store.close()
    os.unlink(store.place.database)
    store.open()
    store.close()
    rebuilt = rebuild(store)
    assert store.contents() == before
    assert rebuilt.versions == 0


def test_a_body_that_is_packed_already_stays(store: TestStore) -> None:
    """Two packed forms of one version: of a walk that was interrupted, and of the next."""
    plain = store.buckets()["plain"]
    store.file(plain, "text", TEXT)
    original = version(store, plain, "text")
    move(store, plain, "text")
    first = version(store, plain, "text").body.id
    store.times.ms += 3_600_000
    store.snapshot()
    mover = Mover(store.store, store.blobs, InlineOffload(), store.stamp, {"ZSTD": ZstdAction()})
    assert not finished(mover.move(plain, "text", msgspec.structs.replace(original), "ZSTD")), (
        "the command is refused, and its blob is an orphan"
    )
    rebuilt = rebuild(store)
    assert rebuilt.left_out == 1
    assert version(store, plain, "text").body.id == first
    clean(store)
