"""CreateMultipartUpload, UploadPart, AbortMultipartUpload."""

from __future__ import annotations

import hashlib
import zlib

import pytest

from tests.ops.harness import Harness
from tests.ops.hooks import SMALL, HookedHarness, Uploading, base64
from z4tw.model.rebuild import PART, decode_blob_record
from z4tw.objects.commands import PutPart
from z4tw.ops.multipart import OPERATIONS, checksum_plan

DATA = b"0123456789" * 20
MD5 = hashlib.md5(DATA).hexdigest()
GONE = "0" * 32


@pytest.fixture
def harness() -> Harness:
    harness = Harness(settings=SMALL)
    harness.bucket()
    return harness


def crc32(data: bytes) -> str:
    return base64(zlib.crc32(data).to_bytes(4, "big"))


def test_the_table_has_all_of_multipart() -> None:
    assert set(OPERATIONS) == {
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "CreateMultipartUpload",
        "ListMultipartUploads",
        "ListParts",
        "UploadPart",
    }


def test_an_upload_is_opened(harness: Harness) -> None:
    answer = harness.request("POST", "/bucket/a%20key?uploads")
    assert answer.status == 200
    assert answer.headers == {"content-type": "application/xml"}
    assert answer.xml.tag == "InitiateMultipartUploadResult"
    assert (answer.text("Bucket"), answer.text("Key")) == ("bucket", "a key")
    upload_id = answer.text("UploadId")
    assert upload_id is not None
    assert len(upload_id) == 32
    assert harness.request("POST", "/bucket/a%20key?uploads").text("UploadId") != upload_id


@pytest.mark.parametrize(
    ("algorithm", "type", "expected"),
    [
        ("", "", ("", "")),
        ("CRC32", "", ("CRC32", "COMPOSITE")),
        ("crc32c", "", ("CRC32C", "COMPOSITE")),
        ("SHA1", "", ("SHA1", "COMPOSITE")),
        ("SHA256", "COMPOSITE", ("SHA256", "COMPOSITE")),
        ("CRC64NVME", "", ("CRC64NVME", "FULL_OBJECT")),
        ("CRC32", "FULL_OBJECT", ("CRC32", "FULL_OBJECT")),
        ("CRC32C", "FULL_OBJECT", ("CRC32C", "FULL_OBJECT")),
    ],
)
def test_checksum_plans(
    harness: Harness, algorithm: str, type: str, expected: tuple[str, str]
) -> None:
    headers = {}
    if algorithm:
        headers["x-amz-checksum-algorithm"] = algorithm
    if type:
        headers["x-amz-checksum-type"] = type
    assert checksum_plan(headers) == expected
    answer = harness.request("POST", "/bucket/key?uploads", headers)
    assert answer.headers.get("x-amz-checksum-algorithm", "") == expected[0]
    assert answer.headers.get("x-amz-checksum-type", "") == expected[1]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "COMPOSITE"}, ""),
        ({"x-amz-checksum-algorithm": "SHA1", "x-amz-checksum-type": "FULL_OBJECT"}, ""),
        ({"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-type": "FULL_OBJECT"}, ""),
        ({"x-amz-checksum-type": "FULL_OBJECT"}, ""),
        ({"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "HALF"}, ""),
        ({"x-amz-checksum-algorithm": "CRC31"}, ""),
        ({"x-amz-checksum-algorithm": "SHA512", "x-amz-checksum-type": "FULL_OBJECT"}, ""),
        ({"x-amz-storage-class": "SHINY"}, "InvalidStorageClass"),
        ({"x-amz-tagging": "a=1&a=2"}, "InvalidTag"),
        ({"x-amz-meta-a": "x" * 3000}, "MetadataTooLarge"),
        ({"x-amz-acl": "everybody"}, "InvalidArgument"),
        ({"x-amz-write-offset-bytes": "0"}, "NotImplemented"),
    ],
)
def test_uploads_that_are_refused(harness: Harness, headers: dict[str, str], code: str) -> None:
    answer = harness.request("POST", "/bucket/key?uploads", headers)
    assert answer.error == (code or "InvalidRequest")
    assert harness.request("GET", "/bucket?uploads").texts("Upload/Key") == []


def test_a_full_store_opens_no_upload(harness: Harness) -> None:
    harness.blobs.read_only = True
    assert harness.request("POST", "/bucket/key?uploads").error == "ServiceUnavailable"


def test_a_part_is_stored_and_replaced(harness: Harness) -> None:
    uploading = Uploading(harness)
    answer = uploading.part(1, DATA)
    assert answer.headers == {"etag": f'"{MD5}"'}
    uploading.part(1, b"other")
    listed = harness.request("GET", f"/bucket/key?uploadId={uploading.id}")
    assert listed.texts("Part/Size") == ["5"]
    assert listed.texts("Part/ETag") == [f'"{hashlib.md5(b"other").hexdigest()}"']


@pytest.mark.parametrize("size", [0, 1, SMALL.inline_limit_bytes, 70_000])
def test_a_part_of_any_size_is_a_file(harness: Harness, size: int) -> None:
    uploading = Uploading(harness)
    uploading.part(1, bytes(size))
    assert not harness.store._inline
    assert len(harness.blobs.blobs) == (1 if size else 0)


def test_a_checksum_of_a_plain_upload_is_verified_and_answered(harness: Harness) -> None:
    uploading = Uploading(harness)
    answer = uploading.part(1, DATA, {"x-amz-checksum-crc32": crc32(DATA)})
    assert answer.headers["x-amz-checksum-crc32"] == crc32(DATA)
    wrong = uploading.try_part(2, DATA, {"x-amz-checksum-crc32": crc32(b"")})
    assert wrong.error == "BadDigest"
    wrong = uploading.try_part(2, DATA, {"content-md5": base64(bytes(16))})
    assert wrong.error == "BadDigest"
    listed = harness.request("GET", f"/bucket/key?uploadId={uploading.id}")
    assert listed.texts("Part/PartNumber") == ["1"]
    assert listed.texts("Part/ChecksumCRC32") == []


def test_a_composite_upload_demands_its_checksum_of_each_part(harness: Harness) -> None:
    uploading = Uploading(harness, headers={"x-amz-checksum-algorithm": "CRC32"})
    answer = uploading.part(1, DATA, {"x-amz-checksum-crc32": crc32(DATA)})
    assert answer.headers["x-amz-checksum-crc32"] == crc32(DATA)
    cases = [({}, "null"), ({"x-amz-checksum-sha1": base64(hashlib.sha1(DATA).digest())}, "sha1")]
    for headers, actual in cases:
        refused = uploading.try_part(2, DATA, headers)
        assert refused.error == "InvalidRequest"
        assert refused.message == (
            "Checksum Type mismatch occurred, expected checksum Type: crc32, actual checksum "
            f"Type: {actual}"
        )
        assert not refused.exchange.body.touched


def test_a_full_object_upload_computes_what_a_part_does_not_say(harness: Harness) -> None:
    headers = {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}
    uploading = Uploading(harness, headers=headers)
    answer = uploading.part(1, DATA)
    assert answer.headers["x-amz-checksum-crc32"] == crc32(DATA)


@pytest.mark.parametrize("number", ["0", "10001", "x", "-1", "", "1" * 20])
def test_part_numbers_go_from_1_to_10000(harness: Harness, number: str) -> None:
    uploading = Uploading(harness)
    target = f"/bucket/key?partNumber={number}&uploadId={uploading.id}"
    answer = harness.request("PUT", target, body=DATA)
    assert (answer.error, answer.details["ArgumentName"]) == ("InvalidArgument", "partNumber")
    assert not answer.exchange.body.touched


@pytest.mark.parametrize("upload_id", [GONE, "nonsense", "%C3%A4", ""])
def test_without_an_upload_nothing_is_read(harness: Harness, upload_id: str) -> None:
    answer = harness.request("PUT", f"/bucket/key?partNumber=1&uploadId={upload_id}", body=DATA)
    assert (answer.status, answer.error) == (404, "NoSuchUpload")
    assert not answer.exchange.body.touched
    for method in ("GET", "DELETE", "POST"):
        answer = harness.request(method, f"/bucket/key?uploadId={upload_id}", body=b"")
        assert answer.error == "NoSuchUpload"


def test_an_upload_belongs_to_its_key(harness: Harness) -> None:
    uploading = Uploading(harness)
    target = f"/bucket/other?partNumber=1&uploadId={uploading.id}"
    assert harness.request("PUT", target, body=DATA).error == "NoSuchUpload"


def test_limits_of_a_part(harness: Harness) -> None:
    uploading = Uploading(harness)
    answer = uploading.try_part(1, bytes(SMALL.max_part_bytes + 1))
    assert answer.error == "EntityTooLarge"
    harness.blobs.capacity_bytes = 100
    assert uploading.try_part(1, bytes(101)).error == "InsufficientStorage"


def test_the_footer_of_a_part_says_what_it_is(harness: Harness) -> None:
    uploading = Uploading(harness, headers={"x-amz-meta-a": "b"})
    uploading.part(7, DATA)
    (path,) = harness.blobs.blobs
    record = decode_blob_record(harness.blobs.record(path))
    assert (record.kind, record.key) == (PART, "key")
    assert record.part is not None
    assert record.upload is not None
    assert (record.part.number, record.part.etag) == (7, MD5)
    assert record.upload.user_metadata == {"a": "b"}


def test_abort_forgets_the_upload_and_its_parts(harness: Harness) -> None:
    uploading = Uploading(harness)
    uploading.part(1, DATA)
    answer = uploading.abort()
    assert (answer.status, answer.body) == (204, b"")
    again = uploading.abort()
    assert (again.error, again.details) == ("NoSuchUpload", {"UploadId": uploading.id})
    assert uploading.try_part(1, DATA).error == "NoSuchUpload"
    assert uploading.complete().error == "NoSuchUpload"
    assert harness.request("GET", "/bucket?uploads").texts("Upload/Key") == []


def test_a_part_whose_upload_is_aborted_meanwhile_is_refused() -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket()
    uploading = Uploading(harness)
    harness.store.before("change", lambda: uploading.abort(), PutPart)
    answer = uploading.try_part(1, DATA)
    assert (answer.error, answer.details) == ("NoSuchUpload", {"UploadId": uploading.id})
    assert answer.exchange.body.touched


def test_strangers_have_no_part_in_it(harness: Harness) -> None:
    uploading = Uploading(harness)
    stranger = harness.key("stranger")
    target = f"/bucket/key?uploadId={uploading.id}"
    for method, query in (("PUT", "&partNumber=1"), ("GET", ""), ("DELETE", ""), ("POST", "")):
        assert harness.request(method, target + query, key=stranger).error == "AccessDenied"
        assert harness.anonymous(method, target + query).error == "AccessDenied"
    assert harness.request("POST", "/bucket/key?uploads", key=stranger).error == "AccessDenied"
    assert harness.request("GET", "/bucket?uploads", key=stranger).error == "AccessDenied"
