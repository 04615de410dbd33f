"""Transitions of encrypted versions: packed bytes stay under the key that the version names."""

from __future__ import annotations

import pytest

from tests.ops.encrypted import BILLS, ORDERS, EncryptedHarness, customer, kms
from tests.ops.harness import run
from tests.ops.test_moving import LINES
from tests.ops.test_object_encryption import update, version_of
from z4tw.model.objects import Manifest, Version
from z4tw.ops.moving import Mover
from z4tw.packed.action import ZstdAction
from z4tw.s3.encryption import KMS_KEY
from z4tw.sse.envelope import key_id


def move(harness: EncryptedHarness) -> Version:
    bucket = run(harness.service._directory.bucket("bucket"))
    mover = Mover(
        harness.store, harness.blobs, harness.offload, harness.stamps.stamp, {"ZSTD": ZstdAction()}
    )
    assert run(mover.move(bucket, "key", version_of(harness, "key"), "ZSTD"))
    return version_of(harness, "key")


def sealed_with(harness: EncryptedHarness, id: bytes) -> bytes:
    blob = run(harness.store.read_blob(id))
    assert blob.packed_size
    key: bytes = blob.sealed_key[1:9]
    return key


@pytest.mark.parametrize("seals_all", [True, False])
def test_a_named_keys_bytes_stay_under_it(seals_all: bool) -> None:
    harness = EncryptedHarness(seals_all=seals_all)
    harness.put("/bucket/key", LINES, headers=kms("orders"))
    moved = move(harness)
    assert sealed_with(harness, moved.body.id) == key_id(ORDERS)
    answer = harness.request("GET", "/bucket/key", {"range": "bytes=100000-100100"})
    assert answer.body == LINES[100_000:100_101]
    assert LINES[:50] not in harness.stored()


def test_a_key_that_was_changed_is_the_only_one_afterwards() -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/key", LINES)
    assert update(harness, "key", "bills").status == 200
    moved = move(harness)
    assert moved.encryption is not None
    assert (moved.encryption.key, moved.encryption.sealed_key) == ("bills", b"")
    assert sealed_with(harness, moved.body.id) == key_id(BILLS)
    answer = harness.request("GET", "/bucket/key")
    assert answer.body == LINES
    assert answer.headers[KMS_KEY].endswith("/bills")


def test_parts_that_got_another_key() -> None:
    harness = EncryptedHarness()
    made = harness.request("POST", "/bucket/key?uploads").text("UploadId")
    etag = harness.put(f"/bucket/key?uploadId={made}&partNumber=1", LINES).headers["etag"]
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    assert harness.request("POST", f"/bucket/key?uploadId={made}", body=document).status == 200
    assert update(harness, "key", "bills").status == 200
    moved = move(harness)
    manifest: Manifest = run(harness.store.read_manifest(moved.body.id))
    (part,) = manifest.parts
    assert part.sealed_key == b""
    assert sealed_with(harness, part.body.id) == key_id(BILLS)
    assert harness.request("GET", "/bucket/key").body == LINES


def test_what_only_its_customer_opens_gets_the_class_alone() -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/key", LINES, headers=customer())
    before = version_of(harness, "key")
    moved = move(harness)
    assert (moved.storage_class, moved.body) == ("ZSTD", before.body)
    assert harness.request("GET", "/bucket/key", customer()).body == LINES
