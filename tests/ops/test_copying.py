"""CopyObject and UploadPartCopy."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.harness import Answer, Harness, run
from tests.ops.hooks import SMALL, HookedHarness, Uploading, base64
from z4tw.errors import CorruptBlob
from z4tw.interfaces import Decision, Effect
from z4tw.model.objects import BodyKind
from z4tw.objects.commands import PutPart, PutVersion
from z4tw.ops import copying

SIZES = pytest.mark.parametrize("size", [0, 10, 9_999])
ENABLED = {"x-amz-checksum-mode": "ENABLED"}


def content(size: int) -> bytes:
    return bytes(index * 7 % 251 for index in range(size))


@pytest.fixture
def harness() -> HookedHarness:
    harness = HookedHarness(settings=SMALL)
    harness.bucket()
    return harness


def copy(
    harness: Harness,
    headers: dict[str, str] | None = None,
    source: str = "/bucket/key",
    target: str = "/bucket/copy",
    **arguments: Any,
) -> Answer:
    named = {"x-amz-copy-source": source, **(headers or {})}
    return harness.request("PUT", target, named, **arguments)


def multipart(harness: Harness, path: str = "/bucket/key") -> list[bytes]:
    parts = [b"a" * 150, b"b" * 5]
    uploading = Uploading(harness, path)
    for number, part in enumerate(parts, 1):
        uploading.part(number, part)
    assert uploading.complete().status == 200
    return parts


def files(harness: HookedHarness) -> list[int]:
    """The reference counts of all files."""
    return sorted(one.refs for one in harness.store._shared[BodyKind.FILE].values())


@SIZES
def test_a_copy_has_the_bytes_the_etag_and_the_metadata(harness: HookedHarness, size: int) -> None:
    data = content(size)
    headers = {"x-amz-meta-a": "b", "Content-Type": "text/css", "x-amz-tagging": "t=1"}
    put = harness.put("/bucket/key", data, headers=headers)
    harness.clock.advance(100)
    answer = copy(harness)
    assert answer.status == 200
    assert answer.headers == {"content-type": "application/xml"}
    assert answer.xml.tag == "CopyObjectResult"
    assert answer.text("ETag") == put.headers["etag"]
    assert answer.text("ChecksumCRC64NVME") == put.headers["x-amz-checksum-crc64nvme"]
    read = harness.request("GET", "/bucket/copy", ENABLED)
    assert read.body == data
    assert read.headers["etag"] == put.headers["etag"]
    assert read.headers["x-amz-meta-a"] == "b"
    assert read.headers["content-type"] == "text/css"
    assert read.headers["x-amz-tagging-count"] == "1"
    original = harness.request("HEAD", "/bucket/key")
    assert read.headers["last-modified"] != original.headers["last-modified"]
    listed = harness.request("GET", "/bucket?list-type=2&prefix=copy")
    assert answer.text("LastModified") == listed.text("Contents/LastModified")


def test_files_are_shared_and_small_bodies_are_not(harness: HookedHarness) -> None:
    harness.put("/bucket/key", content(9_999))
    copy(harness)
    assert files(harness) == [2]
    harness.request("DELETE", "/bucket/key")
    assert files(harness) == [1]
    assert harness.request("GET", "/bucket/copy").body == content(9_999)
    harness.put("/bucket/key", b"small")
    copy(harness)
    assert len(harness.store._inline) == 2
    harness.request("DELETE", "/bucket/key")
    assert harness.request("GET", "/bucket/copy").body == b"small"


def test_a_copy_of_a_multipart_object_keeps_its_parts(harness: HookedHarness) -> None:
    parts = multipart(harness)
    answer = copy(harness)
    assert (answer.text("ETag") or "").endswith('-2"')
    harness.request("DELETE", "/bucket/key")
    assert harness.request("GET", "/bucket/copy").body == b"".join(parts)
    assert harness.request("GET", "/bucket/copy?partNumber=2").body == parts[1]
    assert (
        harness.request("GET", "/bucket/copy?partNumber=2").headers["x-amz-mp-parts-count"] == "2"
    )


def test_metadata_may_be_replaced(harness: HookedHarness) -> None:
    headers = {
        "x-amz-meta-a": "b",
        "Content-Type": "text/css",
        "x-amz-website-redirect-location": "/x",
    }
    harness.put("/bucket/key", b"data", headers=headers)
    copy(harness, {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-c": "d"})
    read = harness.request("HEAD", "/bucket/copy").headers
    assert read["x-amz-meta-c"] == "d"
    assert "x-amz-meta-a" not in read
    assert read["content-type"] == "binary/octet-stream"
    # Without the directive the request's metadata is ignored; a redirect is never copied.
    copy(harness, {"x-amz-meta-c": "d", "Content-Type": "text/html"})
    read = harness.request("HEAD", "/bucket/copy").headers
    assert read["x-amz-meta-a"] == "b"
    assert "x-amz-meta-c" not in read
    assert read["content-type"] == "text/css"
    assert "x-amz-website-redirect-location" not in read
    copy(harness, {"x-amz-website-redirect-location": "/y"})
    assert (
        harness.request("HEAD", "/bucket/copy").headers["x-amz-website-redirect-location"] == "/y"
    )


def test_tags_may_be_replaced(harness: HookedHarness) -> None:
    harness.put("/bucket/key", b"data", headers={"x-amz-tagging": "a=1&b=2"})
    copy(harness, {"x-amz-tagging-directive": "REPLACE", "x-amz-tagging": "c=3"})
    tags = harness.request("GET", "/bucket/copy?tagging")
    assert tags.texts("TagSet/Tag/Key") == ["c"]
    copy(harness, {"x-amz-tagging-directive": "REPLACE"})
    assert harness.request("GET", "/bucket/copy?tagging").texts("TagSet/Tag/Key") == []
    copy(harness, {"x-amz-tagging": "c=3"})
    assert harness.request("GET", "/bucket/copy?tagging").texts("TagSet/Tag/Key") == ["a", "b"]


def test_copying_tags_takes_the_right_to_read_them() -> None:
    harness = Harness(evaluators=[NoTags()])
    harness.bucket()
    harness.put("/bucket/key", b"data", headers={"x-amz-tagging": "a=1"})
    assert copy(harness).error == "AccessDenied"
    assert copy(harness, {"x-amz-tagging-directive": "REPLACE"}).status == 200
    harness.put("/bucket/key", b"data")
    assert copy(harness).status == 200


class NoTags:
    """A policy that forbids reading tags."""

    def evaluate(self, request: Any) -> Decision:
        denied = request.action == "s3:GetObjectTagging"
        return Decision(Effect.DENY if denied else Effect.ABSTAIN, "test")


def test_the_storage_class_is_the_requests(harness: HookedHarness) -> None:
    harness.put("/bucket/key", b"data", headers={"x-amz-storage-class": "STANDARD_IA"})
    copy(harness)
    assert "x-amz-storage-class" not in harness.request("HEAD", "/bucket/copy").headers
    copy(harness, {"x-amz-storage-class": "GLACIER_IR"})
    head = harness.request("HEAD", "/bucket/copy").headers
    assert head["x-amz-storage-class"] == "GLACIER_IR"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-metadata-directive": "MERGE"}, "InvalidArgument"),
        ({"x-amz-tagging-directive": "MERGE"}, "InvalidArgument"),
        ({"x-amz-storage-class": "SHINY"}, "InvalidStorageClass"),
        ({"x-amz-tagging": "a=1&a=1"}, "InvalidTag"),
        ({"x-amz-checksum-algorithm": "CRC31"}, "InvalidRequest"),
        ({"x-amz-acl": "everybody"}, "InvalidArgument"),
        ({"x-amz-write-offset-bytes": "0"}, "NotImplemented"),
        ({"If-None-Match": '"x"'}, "NotImplemented"),
    ],
)
def test_copies_that_are_refused(
    harness: HookedHarness, headers: dict[str, str], code: str
) -> None:
    harness.put("/bucket/key", b"data")
    assert copy(harness, headers).error == code
    assert harness.request("HEAD", "/bucket/copy").status == 404


def test_a_copy_onto_itself_must_change_something(harness: HookedHarness) -> None:
    harness.put("/bucket/key", b"data", headers={"x-amz-meta-a": "b"})
    refused = copy(harness, target="/bucket/key")
    assert (refused.status, refused.error) == (400, "InvalidRequest")
    assert "copy an object to itself without changing" in refused.message
    refused = copy(harness, {"x-amz-tagging-directive": "REPLACE"}, target="/bucket/key")
    assert refused.error == "InvalidRequest"
    changes = [
        {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "c"},
        {"x-amz-storage-class": "STANDARD_IA"},
        {"x-amz-website-redirect-location": "/x"},
        {"x-amz-checksum-algorithm": "SHA256"},
    ]
    for headers in changes:
        harness.put("/bucket/key", b"data")
        assert copy(harness, headers, target="/bucket/key").status == 200
        assert harness.request("GET", "/bucket/key").body == b"data"
    head = harness.request("HEAD", "/bucket/key", ENABLED)
    assert head.headers["x-amz-checksum-sha256"] == base64(hashlib.sha256(b"data").digest())


@SIZES
def test_a_copy_onto_itself_keeps_its_body(harness: HookedHarness, size: int) -> None:
    harness.put("/bucket/key", content(size))
    for value in "xyz":
        headers = {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": value}
        assert copy(harness, headers, target="/bucket/key").status == 200
    answer = harness.request("GET", "/bucket/key")
    assert (answer.body, answer.headers["x-amz-meta-a"]) == (content(size), "z")
    assert files(harness) == ([1] if size > 4096 else [])


def test_an_old_version_may_be_copied_over_the_current_one() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    old = harness.put("/bucket/key", b"old").headers["x-amz-version-id"]
    harness.put("/bucket/key", b"new")
    answer = copy(harness, source=f"/bucket/key?versionId={old}", target="/bucket/key")
    assert answer.headers["x-amz-copy-source-version-id"] == old
    head = harness.request("GET", "/bucket/key")
    assert head.body == b"old"
    assert head.headers["x-amz-version-id"] == answer.headers["x-amz-version-id"] != old


def test_conditions_on_the_target(harness: HookedHarness) -> None:
    harness.put("/bucket/key", b"data")
    assert copy(harness, {"If-Match": '"x"'}).error == "NoSuchKey"
    etag = harness.put("/bucket/copy", b"there").headers["etag"]
    assert copy(harness, {"If-None-Match": "*"}).error == "PreconditionFailed"
    assert copy(harness, {"If-Match": '"x"'}).error == "PreconditionFailed"
    assert copy(harness, {"If-Match": etag}).status == 200


@SIZES
def test_another_checksum_is_computed_on_request(harness: HookedHarness, size: int) -> None:
    data = content(size)
    harness.put("/bucket/key", data)
    answer = copy(harness, {"x-amz-checksum-algorithm": "crc32"})
    value = base64(zlib.crc32(data).to_bytes(4, "big"))
    assert (answer.text("ChecksumCRC32"), answer.text("ChecksumType")) == (value, "FULL_OBJECT")
    head = harness.request("HEAD", "/bucket/copy", ENABLED).headers
    assert head["x-amz-checksum-crc32"] == value
    same = copy(harness, {"x-amz-checksum-algorithm": "CRC64NVME"})
    assert same.text("ChecksumCRC64NVME") is not None


def test_another_checksum_of_a_multipart_object(harness: HookedHarness) -> None:
    whole = b"".join(multipart(harness))
    answer = copy(harness, {"x-amz-checksum-algorithm": "SHA256"})
    assert answer.text("ChecksumSHA256") == base64(hashlib.sha256(whole).digest())
    assert answer.text("ChecksumType") == "FULL_OBJECT"


def test_too_large_a_source(harness: HookedHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MAX_COPY_BYTES", 100)
    harness.put("/bucket/key", content(101))
    refused = copy(harness)
    assert refused.error == "InvalidRequest"
    assert "larger than the maximum allowable size for a copy source" in refused.message
    uploading = Uploading(harness)
    assert part_copy(uploading, 1).error == "InvalidRequest"
    assert part_copy(uploading, 1, {"x-amz-copy-source-range": "bytes=1-100"}).status == 200


def test_a_full_store_takes_no_copies(harness: HookedHarness) -> None:
    harness.put("/bucket/key", b"data")
    harness.blobs.read_only = True
    assert copy(harness).error == "ServiceUnavailable"


def test_another_accounts_object_is_the_copiers(harness: HookedHarness) -> None:
    harness.put("/bucket/key", b"data")
    assert copy(harness, key=harness.admin_key).status == 200
    listed = harness.request("GET", "/bucket?list-type=2&fetch-owner=true&prefix=copy")
    assert listed.texts("Contents/Owner/ID") == [harness.admin_key.account_id]


# Sources that change or go away


@pytest.mark.parametrize(
    ("method", "size"), [("change", 9_999), ("read_blob", 9_999), ("read_inline", 10)]
)
def test_a_source_that_is_deleted_and_reaped_meanwhile_is_absent(
    harness: HookedHarness, method: str, size: int
) -> None:
    harness.put("/bucket/key", content(size))

    def delete() -> None:
        harness.request("DELETE", "/bucket/key")
        reap(harness)

    harness.store.before(method, delete, PutVersion)
    # A new checksum makes it read the file.
    headers = {"x-amz-checksum-algorithm": "SHA1"} if method == "read_blob" else {}
    assert copy(harness, headers).error == "NoSuchKey"
    assert harness.request("HEAD", "/bucket/copy").status == 404


def test_a_small_source_that_was_read_before_its_deletion_is_copied(
    harness: HookedHarness,
) -> None:
    harness.put("/bucket/key", b"data")
    harness.store.before("change", lambda: harness.request("DELETE", "/bucket/key"), PutVersion)
    assert copy(harness).status == 200
    assert harness.request("GET", "/bucket/copy").body == b"data"


def reap(harness: HookedHarness) -> None:
    """Two hours later: what nothing names is dying."""
    harness.clock.advance(7200)
    dying = run(harness.store.garbage(harness.clock.ms, 100))
    for blob in dying:
        run(harness.blobs.remove(blob))


def test_a_source_that_is_deleted_in_time_for_the_copy(harness: HookedHarness) -> None:
    """Its file is not reaped yet, so it may be shared still."""
    harness.put("/bucket/key", content(9_999))
    harness.store.before("change", lambda: harness.request("DELETE", "/bucket/key"), PutVersion)
    assert copy(harness).status == 200
    assert harness.request("GET", "/bucket/copy").body == content(9_999)


@pytest.mark.parametrize("size", [10, 9_999])
def test_a_source_that_is_replaced_meanwhile_is_read_anew(
    harness: HookedHarness, size: int
) -> None:
    harness.put("/bucket/key", content(size))

    def replace() -> None:
        harness.put("/bucket/key", b"new")
        reap(harness)

    harness.store.before("read_inline" if size == 10 else "change", replace, PutVersion)
    assert copy(harness).status == 200
    assert harness.request("GET", "/bucket/copy").body == b"new"


def test_a_source_that_is_lost_is_an_error(harness: HookedHarness) -> None:
    harness.put("/bucket/key", content(9_999))
    harness.store._shared[BodyKind.FILE].clear()
    with pytest.raises(CorruptBlob):
        copy(harness)


def test_a_source_that_changes_all_the_time_is_tried_again_later(harness: HookedHarness) -> None:
    harness.put("/bucket/key", b"data")

    def replace() -> None:
        harness.put("/bucket/key", b"data")
        harness.store.before("read_inline", replace)

    harness.store.before("read_inline", replace)
    assert copy(harness).error == "SlowDown"


# UploadPartCopy


def part_copy(
    uploading: Uploading,
    number: int,
    headers: dict[str, str] | None = None,
    source: str = "/bucket/key",
) -> Answer:
    answer = uploading.try_part(number, b"", {"x-amz-copy-source": source, **(headers or {})})
    if answer.status == 200:
        uploading.etags[number] = (answer.text("ETag") or "").strip('"')
    return answer


@SIZES
def test_a_part_may_be_a_copy(harness: HookedHarness, size: int) -> None:
    data = content(size)
    put = harness.put("/bucket/key", data)
    uploading = Uploading(harness, "/bucket/mp")
    answer = part_copy(uploading, 1)
    assert answer.status == 200
    assert answer.xml.tag == "CopyPartResult"
    assert answer.text("ETag") == put.headers["etag"]
    assert answer.text("LastModified") is not None
    assert uploading.complete().status == 200
    read = harness.request("GET", "/bucket/mp", ENABLED)
    assert read.body == data
    assert read.headers["x-amz-checksum-crc64nvme"] == put.headers["x-amz-checksum-crc64nvme"]


def test_a_whole_file_is_shared_and_a_range_is_not(harness: HookedHarness) -> None:
    harness.put("/bucket/key", content(9_999))
    uploading = Uploading(harness, "/bucket/mp")
    part_copy(uploading, 1)
    part_copy(uploading, 2, {"x-amz-copy-source-range": "bytes=0-9998"})
    assert files(harness) == [3]
    part_copy(uploading, 3, {"x-amz-copy-source-range": "bytes=1-9998"})
    assert files(harness) == [1, 3]
    assert uploading.complete().status == 200
    data = content(9_999)
    assert harness.request("GET", "/bucket/mp").body == data + data + data[1:]
    harness.request("DELETE", "/bucket/key")
    assert files(harness) == [1, 2]


def test_a_file_with_another_checksum_is_copied(harness: HookedHarness) -> None:
    harness.put("/bucket/key", content(9_999))
    headers = {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}
    uploading = Uploading(harness, "/bucket/mp", headers)
    answer = part_copy(uploading, 1)
    value = base64(zlib.crc32(content(9_999)).to_bytes(4, "big"))
    assert answer.text("ChecksumCRC32") == value
    assert files(harness) == [1, 1]
    assert uploading.complete().text("ChecksumCRC32") == value


def test_a_multipart_source_becomes_one_part(harness: HookedHarness) -> None:
    whole = b"".join(multipart(harness))
    uploading = Uploading(harness, "/bucket/mp")
    assert part_copy(uploading, 1).text("ETag") == f'"{hashlib.md5(whole).hexdigest()}"'
    assert part_copy(uploading, 2, {"x-amz-copy-source-range": "bytes=140-154"}).status == 200
    assert uploading.complete().status == 200
    assert harness.request("GET", "/bucket/mp").body == whole + whole[140:]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12_000), st.booleans(), st.data())
def test_any_range_of_any_source(size: int, parts: bool, data: st.DataObject) -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket()
    whole = content(size)
    if parts and size > 100:
        uploading = Uploading(harness)
        uploading.part(1, whole[:100])
        uploading.part(2, whole[100:])
        assert uploading.complete().status == 200
    else:
        harness.put("/bucket/key", whole)
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))
    uploading = Uploading(harness, "/bucket/mp")
    answer = part_copy(uploading, 1, {"x-amz-copy-source-range": f"bytes={first}-{last}"})
    assert answer.status == 200
    assert uploading.complete().status == 200
    assert harness.request("GET", "/bucket/mp").body == whole[first : last + 1]


@pytest.mark.parametrize("value", ["0-1", "bytes=0-", "bytes=-1", "bytes=5-2", "bytes=0-10", "x"])
def test_ranges_that_are_refused(harness: HookedHarness, value: str) -> None:
    harness.put("/bucket/key", content(10))
    answer = part_copy(Uploading(harness), 1, {"x-amz-copy-source-range": value})
    assert (answer.error, answer.details["ArgumentName"]) == (
        "InvalidArgument",
        "x-amz-copy-source-range",
    )


def test_part_copies_that_are_refused(harness: HookedHarness) -> None:
    harness.put("/bucket/key", content(10))
    uploading = Uploading(harness)
    assert part_copy(uploading, 10_001).error == "InvalidArgument"
    assert part_copy(uploading, 1, source="/bucket/absent").error == "NoSuchKey"
    assert part_copy(uploading, 1, source="/absent/key").error == "NoSuchBucket"
    condition = {"x-amz-copy-source-if-match": '"x"'}
    assert part_copy(uploading, 1, condition).error == "PreconditionFailed"
    uploading.abort()
    assert part_copy(uploading, 1).error == "NoSuchUpload"


def test_the_sources_version_is_answered() -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket(versioning="Enabled")
    old = harness.put("/bucket/key", b"old").headers["x-amz-version-id"]
    harness.put("/bucket/key", b"new")
    uploading = Uploading(harness, "/bucket/mp")
    answer = part_copy(uploading, 1, source=f"/bucket/key?versionId={old}")
    assert answer.headers["x-amz-copy-source-version-id"] == old
    assert uploading.complete().status == 200
    assert harness.request("GET", "/bucket/mp").body == b"old"


def test_a_part_whose_source_is_replaced_meanwhile(harness: HookedHarness) -> None:
    harness.put("/bucket/key", content(9_999))
    uploading = Uploading(harness, "/bucket/mp")

    def replace() -> None:
        harness.put("/bucket/key", b"new")
        reap(harness)

    harness.store.before("change", replace, PutPart)
    assert part_copy(uploading, 1).status == 200
    assert uploading.complete().status == 200
    assert harness.request("GET", "/bucket/mp").body == b"new"


def test_a_part_whose_source_is_lost_is_an_error(harness: HookedHarness) -> None:
    harness.put("/bucket/key", content(9_999))
    uploading = Uploading(harness)
    harness.blobs.blobs.clear()
    with pytest.raises(CorruptBlob):
        part_copy(uploading, 1, {"x-amz-copy-source-range": "bytes=0-5"})
    harness.store._shared[BodyKind.FILE].clear()
    with pytest.raises(CorruptBlob):
        part_copy(uploading, 1)
    assert not harness.blobs.blobs


def test_no_room_for_a_copied_part(harness: HookedHarness) -> None:
    harness.put("/bucket/key", content(9_999))
    uploading = Uploading(harness)
    harness.blobs.capacity_bytes = 10_000
    answer = part_copy(uploading, 1, {"x-amz-copy-source-range": "bytes=0-99"})
    assert answer.error == "InsufficientStorage"
    assert part_copy(uploading, 1).status == 200
