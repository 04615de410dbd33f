"""UpdateObjectEncryption."""

from __future__ import annotations

import pytest

from tests.ops.encrypted import ARN, BILLS, FILE, EncryptedHarness, customer, kms
from tests.ops.harness import Answer, run
from z4tw.model.objects import Version
from z4tw.model.registers import Kind, Register
from z4tw.s3.encryption import KMS_KEY, SSE
from z4tw.sse.envelope import key_id


def update(harness: EncryptedHarness, key: str, name: str, query: str = "") -> Answer:
    document = (
        f"<ObjectEncryption><SSE-KMS><KMSKeyArn>{ARN}{name}</KMSKeyArn></SSE-KMS>"
        "</ObjectEncryption>"
    )
    return harness.request("PUT", f"/bucket/{key}?encryption{query}", body=document.encode())


def version_of(harness: EncryptedHarness, key: str) -> Version:
    bucket = run(harness.service._directory.bucket("bucket"))
    register = Register(Kind.OBJECT, bucket.incarnation, key.encode())
    found: Version = run(harness.store.find_version(register, ""))
    return found


def multipart(harness: EncryptedHarness, key: str) -> bytes:
    made = harness.request("POST", f"/bucket/{key}?uploads").text("UploadId")
    parts = [FILE, b"end"]
    rows = []
    for number, part in enumerate(parts, 1):
        answer = harness.put(f"/bucket/{key}?uploadId={made}&partNumber={number}", part)
        etag = answer.headers["etag"]
        rows.append(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    document = f"<CompleteMultipartUpload>{''.join(rows)}</CompleteMultipartUpload>"
    answer = harness.request("POST", f"/bucket/{key}?uploadId={made}", body=document.encode())
    assert answer.status == 200
    return b"".join(parts)


@pytest.mark.parametrize("kind", ["file", "inline", "empty", "parts"])
def test_an_object_gets_another_key_and_keeps_its_bytes(kind: str) -> None:
    harness = EncryptedHarness()
    body = {"file": FILE, "inline": b"inline", "empty": b""}.get(kind, b"")
    if kind == "parts":
        body = multipart(harness, "key")
    else:
        harness.put("/bucket/key", body)
    copy = {"x-amz-copy-source": "/bucket/key"}
    assert harness.request("PUT", "/bucket/copy", copy).status == 200
    blobs = dict(harness.blobs.blobs)
    before = harness.request("HEAD", "/bucket/key").headers
    for name in ("orders", "bills"):
        assert update(harness, "key", name).status == 200
        got = harness.request("GET", "/bucket/key")
        assert got.body == body
        assert got.headers[KMS_KEY] == f"{ARN}{name}"
        assert got.headers["etag"] == before["etag"]
        assert got.headers["last-modified"] == before["last-modified"]
    other = harness.request("GET", "/bucket/copy")
    assert (other.body, other.headers[SSE]) == (body, "AES256")
    assert harness.blobs.blobs == blobs


def test_the_data_key_is_under_the_new_key() -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/key", FILE)
    assert update(harness, "key", "bills").status == 200
    encryption = version_of(harness, "key").encryption
    assert encryption is not None
    assert encryption.sealed_key[1:9] == key_id(BILLS)
    keys = harness.blobs.keys
    keys._keks.pop(key_id(BILLS))
    with pytest.raises(Exception, match="not in the store's keyring"):
        harness.request("GET", "/bucket/key")


def test_what_it_refuses() -> None:
    harness = EncryptedHarness(seals_all=False)
    assert update(harness, "key", "orders").error == "NoSuchKey"
    harness.put("/bucket/key", FILE)
    refused = update(harness, "key", "orders")
    assert (refused.status, refused.error) == (400, "InvalidRequest")
    assert "unencrypted" in refused.message
    harness.put("/bucket/key", FILE, headers=customer())
    assert "SSE-C" in update(harness, "key", "orders").message
    harness.put("/bucket/key", FILE, headers=kms())
    assert update(harness, "key", "none").error == "KMS.NotFoundException"
    assert update(harness, "key", "frozen").error == "KMS.DisabledException"


def test_one_version_of_several() -> None:
    harness = EncryptedHarness()
    harness.bucket("versions", versioning="Enabled")
    first = harness.put("/versions/key", FILE).headers["x-amz-version-id"]
    harness.put("/versions/key", FILE)
    document = (
        f"<ObjectEncryption><SSE-KMS><KMSKeyArn>{ARN}orders</KMSKeyArn></SSE-KMS>"
        "</ObjectEncryption>"
    )
    target = f"/versions/key?encryption&versionId={first}"
    assert harness.request("PUT", target, body=document.encode()).status == 200
    assert harness.request("HEAD", f"/versions/key?versionId={first}").headers[SSE] == "aws:kms"
    assert harness.request("HEAD", "/versions/key").headers[SSE] == "AES256"


def test_a_copy_onto_itself_makes_the_key_the_only_one() -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/key", FILE)
    update(harness, "key", "orders")
    copy = {"x-amz-copy-source": "/bucket/key"}
    shared = harness.request("PUT", "/bucket/copy", {**copy, **kms()})
    assert shared.status == 200
    assert harness.request("GET", "/bucket/copy").body == FILE
    copied = version_of(harness, "copy").encryption
    assert copied is not None
    assert copied.sealed_key, "it shares the blob, so it needs the key too"
    again = harness.request("PUT", "/bucket/key", {**copy, SSE: "AES256"})
    assert again.status == 200
    assert harness.request("GET", "/bucket/key").body == FILE
