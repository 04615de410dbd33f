"""GetObject and HeadObject: bytes, ranges, parts, versions, conditions, and replaced objects."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.harness import Answer, Harness
from tests.ops.hooks import SMALL, HookedHarness, Uploading, base64
from z4tw.errors import CorruptBlob
from z4tw.interfaces import Decision, Effect
from z4tw.s3.dates import http_date

DATA = b"0123456789"
MD5 = hashlib.md5(DATA).hexdigest()
ENABLED = {"x-amz-checksum-mode": "ENABLED"}
BOTH = pytest.mark.parametrize("method", ["GET", "HEAD"])


@pytest.fixture
def harness() -> Harness:
    harness = Harness(settings=SMALL)
    harness.bucket()
    harness.put("/bucket/key", DATA)
    return harness


def test_head_says_what_get_says(harness: Harness) -> None:
    harness.put("/bucket/key", DATA, headers={"x-amz-meta-a": "b", "Content-Type": "text/css"})
    got = harness.request("GET", "/bucket/key", ENABLED)
    head = harness.request("HEAD", "/bucket/key", ENABLED)
    assert (got.status, got.body, got.content_length) == (200, DATA, None)
    assert (head.status, head.body, head.content_length) == (200, b"", 10)
    assert head.header_list == got.header_list
    assert got.headers["etag"] == f'"{MD5}"'
    assert got.headers["accept-ranges"] == "bytes"
    assert got.headers["x-amz-meta-a"] == "b"
    assert got.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert "x-amz-checksum-crc64nvme" in got.headers
    assert "x-amz-version-id" not in got.headers
    assert "x-amz-storage-class" not in got.headers


def test_checksums_are_answered_only_when_asked_for(harness: Harness) -> None:
    assert "x-amz-checksum-crc64nvme" not in harness.request("GET", "/bucket/key").headers
    odd = harness.request("GET", "/bucket/key", {"x-amz-checksum-mode": "sometimes"})
    assert "x-amz-checksum-crc64nvme" not in odd.headers


@BOTH
def test_absent_objects_and_versions(harness: Harness, method: str) -> None:
    answer = harness.request(method, "/bucket/absent")
    assert (answer.status, answer.error, answer.details) == (404, "NoSuchKey", {"Key": "absent"})
    version_id = "0" * 32
    answer = harness.request(method, f"/bucket/key?versionId={version_id}")
    assert (answer.status, answer.error) == (404, "NoSuchVersion")
    assert answer.details == {"Key": "key", "VersionId": version_id}
    for text in ("nonsense", "0" * 31 + "z", "0" * 31 + "A"):
        answer = harness.request(method, f"/bucket/key?versionId={text}")
        assert (answer.error, answer.details["ArgumentName"]) == ("InvalidArgument", "versionId")
    assert harness.request(method, "/bucket/key?versionId=").error == "InvalidArgument"


@BOTH
def test_who_may_not_list_is_not_told_what_is_absent(harness: Harness, method: str) -> None:
    stranger = harness.key("stranger")
    for target in ("/bucket/absent", "/bucket/key", f"/bucket/key?versionId={'0' * 32}"):
        assert harness.request(method, target, key=stranger).error == "AccessDenied"
        assert harness.anonymous(method, target).error == "AccessDenied"


@BOTH
def test_delete_markers(method: str) -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    first = harness.put("/bucket/key", DATA).headers["x-amz-version-id"]
    marker = harness.request("DELETE", "/bucket/key").headers["x-amz-version-id"]
    absent = harness.request(method, "/bucket/key")
    assert (absent.status, absent.error) == (404, "NoSuchKey")
    assert absent.headers == {"x-amz-delete-marker": "true", "x-amz-version-id": marker}
    refused = harness.request(method, f"/bucket/key?versionId={marker}")
    assert (refused.status, refused.error) == (405, "MethodNotAllowed")
    assert refused.details == {"Method": method, "ResourceType": "DeleteMarker"}
    assert refused.headers == {
        "x-amz-delete-marker": "true",
        "x-amz-version-id": marker,
        "allow": "DELETE",
        "last-modified": http_date(harness.clock.ms - 2),
    }
    found = harness.request(method, f"/bucket/key?versionId={first}")
    assert (found.status, found.headers["x-amz-version-id"]) == (200, first)


def test_the_null_version_has_its_id() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key", DATA)
    assert harness.request("GET", "/bucket/key?versionId=null").body == DATA
    harness.bucket("other", versioning="Suspended")
    harness.put("/other/key", DATA)
    assert harness.request("GET", "/other/key").headers["x-amz-version-id"] == "null"


RANGES = [
    ("bytes=0-3", b"0123", "bytes 0-3/10"),
    ("bytes=7-", b"789", "bytes 7-9/10"),
    ("bytes=-4", b"6789", "bytes 6-9/10"),
    ("bytes=8-100", b"89", "bytes 8-9/10"),
]


@pytest.mark.parametrize("size", [10, 10_000])
@pytest.mark.parametrize(("value", "expected", "stated"), RANGES)
def test_ranges(size: int, value: str, expected: bytes, stated: str) -> None:
    harness = Harness()
    harness.bucket()
    data = (DATA * (size // 10))[:size]
    harness.put("/bucket/key", data)
    answer = harness.request("GET", "/bucket/key", {"Range": value, **ENABLED})
    head = harness.request("HEAD", "/bucket/key", {"Range": value, **ENABLED})
    if size == 10:
        assert (answer.body, answer.headers["content-range"]) == (expected, stated)
    assert answer.status == head.status == 206
    assert head.content_length == len(answer.body)
    assert head.header_list == answer.header_list
    first, last = map(int, answer.headers["content-range"][6:].split("/")[0].split("-"))
    assert answer.body == data[first : last + 1]
    assert "x-amz-checksum-crc64nvme" not in answer.headers


@BOTH
def test_ranges_that_cannot_be_met(harness: Harness, method: str) -> None:
    for value in ("bytes=10-", "bytes=-0", "bytes=100-200"):
        answer = harness.request(method, "/bucket/key", {"Range": value})
        assert (answer.status, answer.error) == (416, "InvalidRange")
        assert answer.details == {"RangeRequested": value, "ActualObjectSize": "10"}
    harness.put("/bucket/empty", b"")
    assert harness.request(method, "/bucket/empty", {"Range": "bytes=0-0"}).error == "InvalidRange"


def test_a_range_that_is_none_is_ignored(harness: Harness) -> None:
    for value in ("lines=0-1", "bytes=0-1,4-5", "bytes=x-", "bytes=5-2"):
        answer = harness.request("GET", "/bucket/key", {"Range": value})
        assert (answer.status, answer.body) == (200, DATA)


def test_if_range_drops_a_range_of_another_version(harness: Harness) -> None:
    headers = {"Range": "bytes=0-1", "If-Range": f'"{MD5}"'}
    assert harness.request("GET", "/bucket/key", headers).status == 206
    headers["If-Range"] = '"other"'
    answer = harness.request("GET", "/bucket/key", headers)
    assert (answer.status, answer.body) == (200, DATA)


def test_an_empty_object_is_whole(harness: Harness) -> None:
    harness.put("/bucket/empty", b"")
    for target in ("/bucket/empty", "/bucket/empty?partNumber=1"):
        answer = harness.request("GET", target)
        assert (answer.status, answer.body) == (200, b"")
        assert harness.request("HEAD", target).content_length == 0


@BOTH
def test_conditions(harness: Harness, method: str) -> None:
    modified = harness.request("HEAD", "/bucket/key").headers["last-modified"]
    past = "Thu, 01 Dec 1994 16:00:00 GMT"
    cases = [
        ({"If-Match": f'"{MD5}"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": f'"{MD5}"'}, 304),
        ({"If-Modified-Since": past}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Unmodified-Since": modified}, 200),
        ({"If-Unmodified-Since": past}, 412),
        ({"If-Match": f'"{MD5}"', "If-Unmodified-Since": past}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
    ]
    for headers, status in cases:
        answer = harness.request(method, "/bucket/key", headers)
        assert answer.status == status, headers
        if status == 304:
            assert answer.headers["etag"] == f'"{MD5}"'
            assert answer.headers["last-modified"] == modified


@BOTH
def test_overrides_are_for_signed_requests(harness: Harness, method: str) -> None:
    query = "response-content-type=text%2Fhtml&response-expires=never&response-cache-control=x"
    for presign in (False, True):
        answer = harness.request(method, f"/bucket/key?{query}", presign=presign)
        assert answer.headers["content-type"] == "text/html"
        assert answer.headers["expires"] == "never"
        assert answer.headers["cache-control"] == "x"
    answer = harness.request(method, "/bucket/key?response-content-language=a%0Ab")
    assert answer.error == "InvalidArgument"


@BOTH
def test_overrides_are_not_for_anonymous_requests(method: str) -> None:
    harness = Harness(evaluators=[Everything()])
    harness.bucket()
    harness.put("/bucket/key", DATA)
    assert harness.anonymous(method, "/bucket/key").status == 200
    answer = harness.anonymous(method, "/bucket/key?response-content-type=text%2Fhtml")
    assert answer.error == "InvalidRequest"


class Everything:
    """A policy that allows everybody everything."""

    def evaluate(self, request: object) -> object:
        return Decision(Effect.ALLOW, "test")


# Parts


def uploaded(harness: Harness, headers: dict[str, str] | None = None) -> list[bytes]:
    """A multipart object of three parts at /bucket/mp."""
    parts = [b"a" * 150, b"b" * 120, b"c" * 7]
    uploading = Uploading(harness, "/bucket/mp", headers)
    for number, part in enumerate(parts, 1):
        extra = {}
        if headers:
            value = base64(hashlib.sha256(part).digest())
            extra = {"x-amz-checksum-sha256": value}
            uploading.checksums[number] = value
        uploading.part(number, part, extra)
    answer = uploading.complete(extra="ChecksumSHA256" if headers else "")
    assert answer.status == 200, answer
    return parts


def test_parts_by_number(harness: Harness) -> None:
    parts = uploaded(harness)
    offset = 0
    for number, part in enumerate(parts, 1):
        answer = harness.request("GET", f"/bucket/mp?partNumber={number}", ENABLED)
        head = harness.request("HEAD", f"/bucket/mp?partNumber={number}", ENABLED)
        assert (answer.status, answer.body) == (206, part)
        assert (head.status, head.content_length) == (206, len(part))
        assert head.header_list == answer.header_list
        last = offset + len(part) - 1
        assert answer.headers["content-range"] == f"bytes {offset}-{last}/277"
        assert answer.headers["x-amz-mp-parts-count"] == "3"
        assert "x-amz-checksum-crc64nvme" not in answer.headers
        offset += len(part)
    whole = harness.request("GET", "/bucket/mp", ENABLED)
    assert whole.body == b"".join(parts)
    assert "x-amz-mp-parts-count" not in whole.headers
    assert whole.headers["x-amz-checksum-type"] == "FULL_OBJECT"


def test_parts_of_a_composite_checksum_have_their_own(harness: Harness) -> None:
    parts = uploaded(harness, {"x-amz-checksum-algorithm": "SHA256"})
    answer = harness.request("GET", "/bucket/mp?partNumber=2", ENABLED)
    assert answer.headers["x-amz-checksum-sha256"] == base64(hashlib.sha256(parts[1]).digest())
    assert answer.headers["x-amz-checksum-type"] == "COMPOSITE"
    whole = harness.request("HEAD", "/bucket/mp", ENABLED)
    assert whole.headers["x-amz-checksum-sha256"].endswith("-3")


@BOTH
def test_part_numbers_that_are_none(harness: Harness, method: str) -> None:
    uploaded(harness)
    for target, number, count in (("mp", "4", "3"), ("key", "2", "1")):
        answer = harness.request(method, f"/bucket/{target}?partNumber={number}")
        assert (answer.status, answer.error) == (416, "InvalidPartNumber")
        assert answer.details == {"PartNumberRequested": number, "ActualPartCount": count}
    for text in ("0", "10001", "x", "-1", "1.5", "1" * 30, ""):
        answer = harness.request(method, f"/bucket/mp?partNumber={text}")
        assert (answer.error, answer.details["ArgumentName"]) == ("InvalidArgument", "partNumber")
    answer = harness.request(method, "/bucket/mp?partNumber=1", {"Range": "bytes=0-1"})
    assert answer.error == "InvalidRequest"


def test_a_plain_object_is_its_own_first_part(harness: Harness) -> None:
    answer = harness.request("GET", "/bucket/key?partNumber=1", ENABLED)
    assert (answer.status, answer.body) == (206, DATA)
    assert answer.headers["content-range"] == "bytes 0-9/10"
    assert "x-amz-mp-parts-count" not in answer.headers
    assert "x-amz-checksum-crc64nvme" in answer.headers


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(100, 9000), min_size=1, max_size=5), st.data())
def test_any_range_of_any_multipart_object(sizes: list[int], data: st.DataObject) -> None:
    harness = Harness(settings=SMALL)
    harness.bucket()
    uploading = Uploading(harness)
    whole = b""
    for number, size in enumerate(sizes, 1):
        part = bytes((number + index) % 256 for index in range(size))
        uploading.part(number, part)
        whole += part
    assert uploading.complete().status == 200
    first = data.draw(st.integers(0, len(whole) - 1))
    last = data.draw(st.integers(first, len(whole) + 10))
    answer = harness.request("GET", "/bucket/key", {"Range": f"bytes={first}-{last}"})
    assert answer.body == whole[first : last + 1]
    assert harness.request("GET", "/bucket/key").body == whole


# Objects that are replaced while they are read


BY_ID = "/bucket/key?versionId=null"
"""The current version, whose inline body is read with its head unless it is asked for by id."""


def replaced(harness: HookedHarness, method: str, data: bytes) -> Answer:
    """Read /bucket/key while it is replaced by "new", once its head was read."""
    harness.bucket()
    harness.put("/bucket/key", data)

    def replace() -> None:
        harness.put("/bucket/key", b"new")

    harness.store.before(method, replace)
    return harness.request("GET", BY_ID)


def test_an_inline_body_that_was_replaced_is_read_anew() -> None:
    answer = replaced(HookedHarness(), "read_inline", DATA)
    assert (answer.status, answer.body) == (200, b"new")
    assert answer.headers["etag"] == f'"{hashlib.md5(b"new").hexdigest()}"'


def test_a_file_that_was_replaced_is_still_read() -> None:
    assert replaced(HookedHarness(), "read_blob", bytes(9999)).body == bytes(9999)


def test_an_object_that_was_deleted_meanwhile_is_absent() -> None:
    harness = HookedHarness()
    harness.bucket()
    harness.put("/bucket/key", DATA)
    harness.store.before("read_inline", lambda: harness.request("DELETE", "/bucket/key"))
    assert harness.request("GET", BY_ID).error == "NoSuchVersion"


def test_an_object_that_is_replaced_all_the_time_is_tried_again_later() -> None:
    harness = HookedHarness()
    harness.bucket()
    harness.put("/bucket/key", DATA)

    def replace() -> None:
        harness.put("/bucket/key", DATA)
        harness.store.before("read_inline", replace)

    harness.store.before("read_inline", replace)
    assert harness.request("GET", BY_ID).error == "SlowDown"


@pytest.mark.parametrize("size", [10, 9999])
def test_a_body_that_is_lost_is_an_error_and_no_absence(size: int) -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key", bytes(size))
    harness.store._inline.clear()
    harness.blobs.blobs.clear()
    with pytest.raises(CorruptBlob):
        harness.request("GET", "/bucket/key")
    assert harness.request("HEAD", "/bucket/key").status == 200
