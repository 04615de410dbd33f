"""PutObject: what is stored, what is answered, and what is refused."""

from __future__ import annotations

import hashlib

import pytest

from tests.ops.harness import Harness, run
from tests.ops.hooks import HookedHarness, base64
from z4tw.interfaces import Exchange
from z4tw.model.objects import BodyKind
from z4tw.model.rebuild import OBJECT, decode_blob_record
from z4tw.objects.commands import PutVersion
from z4tw.ops.objects import OPERATIONS, version_footer

DATA = b"some bytes"
MD5 = hashlib.md5(DATA).hexdigest()


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    harness.bucket()
    return harness


def test_the_answer_has_the_etag_and_the_default_checksum(harness: Harness) -> None:
    answer = harness.put("/bucket/key", DATA)
    assert answer.body == b""
    assert answer.headers["etag"] == f'"{MD5}"'
    assert set(answer.headers) == {"etag", "x-amz-checksum-crc64nvme", "x-amz-checksum-type"}
    assert answer.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert OPERATIONS.keys() == {"PutObject"}


def test_the_checksum_of_the_request_is_stored_and_answered(harness: Harness) -> None:
    value = base64(hashlib.sha1(DATA).digest())
    answer = harness.put("/bucket/key", DATA, headers={"x-amz-checksum-sha1": value})
    assert answer.headers["x-amz-checksum-sha1"] == value
    assert "x-amz-checksum-crc64nvme" not in answer.headers
    read = harness.request("HEAD", "/bucket/key", {"x-amz-checksum-mode": "ENABLED"})
    assert read.headers["x-amz-checksum-sha1"] == value


def test_headers_metadata_class_and_tags_come_back(harness: Harness) -> None:
    sent = {
        "Content-Type": "text/plain",
        "Cache-Control": "no-cache",
        "Content-Disposition": 'attachment; filename="a"',
        "Content-Encoding": "gzip,aws-chunked",
        "Content-Language": "de",
        "Expires": "Thu, 01 Dec 1994 16:00:00 GMT",
        "x-amz-website-redirect-location": "/elsewhere",
        "x-amz-meta-Color": "blue",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-tagging": "a=1&b=2",
    }
    harness.put("/bucket/key", DATA, headers=sent)
    answer = harness.request("GET", "/bucket/key").headers
    expected = {name.lower(): value for name, value in sent.items()}
    expected["content-encoding"] = "gzip"
    del expected["x-amz-tagging"]
    expected["x-amz-tagging-count"] = "2"
    assert {name: answer[name] for name in expected} == expected


def test_without_a_content_type_there_is_the_default_one(harness: Harness) -> None:
    harness.put("/bucket/key", DATA)
    assert harness.request("GET", "/bucket/key").headers["content-type"] == "binary/octet-stream"


@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
def test_the_version_id_is_answered_where_there_is_one(versioning: str) -> None:
    harness = Harness()
    harness.bucket(versioning=versioning)
    answer = harness.put("/bucket/key", DATA)
    version_id = answer.headers.get("x-amz-version-id")
    if versioning == "Enabled":
        assert version_id is not None
        assert len(version_id) == 32
        assert answer.exchange.version_id == version_id
    else:
        assert version_id == ("null" if versioning else None)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-storage-class": "SHINY"}, "InvalidStorageClass"),
        ({"x-amz-tagging": "a=1&a=2"}, "InvalidTag"),
        ({"x-amz-meta-big": "x" * 2100}, "MetadataTooLarge"),
        ({"x-amz-acl": "everybody"}, "InvalidArgument"),
        ({"x-amz-grant-read": "id=1"}, "InvalidArgument"),
        ({"x-amz-server-side-encryption": "AES256"}, "NotImplemented"),
        ({"x-amz-object-lock-event-hold": "ON"}, "NotImplemented"),
        ({"x-amz-write-offset-bytes": "1"}, "InvalidWriteOffset"),
        ({"x-amz-write-offset-bytes": "-1"}, "InvalidArgument"),
        ({"If-None-Match": '"abc"'}, "NotImplemented"),
        ({"If-Modified-Since": "Thu, 01 Dec 1994 16:00:00 GMT"}, "NotImplemented"),
        ({"If-Match": f'"{MD5}"'}, "NoSuchKey"),
        ({"x-amz-website-redirect-location": "elsewhere"}, "InvalidRedirectLocation"),
    ],
)
def test_what_is_refused_is_refused_before_the_body(
    harness: Harness, headers: dict[str, str], code: str
) -> None:
    answer = harness.request("PUT", "/bucket/key", headers, DATA)
    assert answer.error == code
    assert not answer.exchange.body.touched
    assert harness.request("HEAD", "/bucket/key").status == 404


def test_conditions_on_the_current_version(harness: Harness) -> None:
    put = harness.request
    absent = {"If-None-Match": "*"}
    assert put("PUT", "/bucket/key", absent, DATA).status == 200
    refused = put("PUT", "/bucket/key", absent, b"other")
    assert (refused.error, refused.details) == (
        "PreconditionFailed",
        {"Condition": "If-None-Match"},
    )
    assert not refused.exchange.body.touched
    refused = put("PUT", "/bucket/key", {"If-Match": '"0123"'}, b"other")
    assert (refused.error, refused.details) == ("PreconditionFailed", {"Condition": "If-Match"})
    assert put("PUT", "/bucket/key", {"If-Match": f'"{MD5}"'}, b"other").status == 200
    assert put("PUT", "/bucket/key", {"If-Match": "*"}, b"third").status == 200
    assert harness.request("GET", "/bucket/key").body == b"third"


@pytest.mark.parametrize("size", [10, 10_000])
def test_a_condition_is_decided_when_the_version_is_stored(size: int) -> None:
    """Another writer may win while the body is on its way."""
    harness = HookedHarness()
    harness.bucket()

    def other() -> None:
        harness.put("/bucket/key", b"winner", headers={"If-None-Match": "*"})

    harness.store.before("change", other, PutVersion)
    answer = harness.request("PUT", "/bucket/key", {"If-None-Match": "*"}, bytes(size))
    assert answer.error == "PreconditionFailed"
    assert answer.exchange.body.touched
    assert harness.request("GET", "/bucket/key").body == b"winner"


def test_versioning_is_that_of_the_end_of_a_long_body() -> None:
    harness = HookedHarness()
    harness.bucket()
    harness.put("/bucket/key", b"first")
    setting = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"

    class Slow:
        def take_all(self) -> None:
            return None

        def __init__(self) -> None:
            self.left = [bytes(5000), bytes(5000)]

        async def read(self) -> bytes:
            if len(self.left) == 1:
                harness.request("PUT", "/bucket?versioning", body=setting)
            return self.left.pop() if self.left else b""

    head = harness.head_of(
        "PUT", "/bucket/key", {}, bytes(10_000), harness.user, None, "us-east-1", False, False
    )
    response = run(harness.service.respond(Exchange(head, Slow())))
    assert "x-amz-version-id" in dict(response.headers)
    assert harness.request("GET", "/bucket/key?versionId=null").body == b"first"


def test_a_bucket_deleted_during_a_long_body_refuses_it() -> None:
    harness = HookedHarness()
    harness.bucket()
    harness.store.before("change", lambda: harness.request("DELETE", "/bucket"), PutVersion)
    assert harness.request("PUT", "/bucket/key", body=DATA).error == "NoSuchBucket"


def test_the_footer_of_a_blob_says_what_it_is(harness: Harness) -> None:
    harness.put("/bucket/dir/key", bytes(10_000), headers={"x-amz-meta-a": "b"})
    (path,) = harness.blobs.blobs
    record = decode_blob_record(harness.blobs.record(path))
    assert (record.kind, record.bucket, record.key) == (OBJECT, "bucket", "dir/key")
    version = record.version
    assert version is not None
    assert version.body.kind == BodyKind.FILE
    assert version.body.id == harness.blobs.describe(path).id
    assert (version.size, version.user_metadata) == (10_000, {"a": "b"})
    assert version.etag == hashlib.md5(bytes(10_000)).hexdigest()


def test_a_footer_has_the_buckets_facts(harness: Harness) -> None:
    harness.put("/bucket/key", bytes(10_000))
    (path,) = harness.blobs.blobs
    record = decode_blob_record(harness.blobs.record(path))
    assert record.version is not None
    bucket = harness.service._directory.peek_bucket("bucket")
    assert bucket is not None
    assert record.bucket_owner == bucket.owner == harness.user.account_id
    assert record.incarnation == bucket.incarnation
    assert version_footer(bucket, "key", record.version) == harness.blobs.record(path)


def test_a_bucket_that_enforces_ownership_owns_what_others_write() -> None:
    harness = Harness()
    harness.bucket("enforced")
    harness.request(
        "PUT", "/own", {"x-amz-object-ownership": "BucketOwnerEnforced"}, key=harness.user
    )
    for name, owner in (("own", harness.user), ("enforced", harness.admin_key)):
        assert (
            harness.request("PUT", f"/{name}/key", body=DATA, key=harness.admin_key).status == 200
        )
        listed = harness.request("GET", f"/{name}?list-type=2&fetch-owner=true")
        assert listed.texts("Contents/Owner/ID") == [owner.account_id]
