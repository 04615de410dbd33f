"""Appends: offsets, parts, checksums, conditions, and others who write at the same time."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.ops.harness import Answer, Harness
from tests.ops.hooks import SMALL, HookedHarness, Uploading, base64
from z4tw.model.objects import Body, BodyKind, Version
from z4tw.model.rebuild import PART, decode_blob_record
from z4tw.objects.commands import PutVersion
from z4tw.ops.appending import appended_checksum
from z4tw.ops.context import Settings
from z4tw.payload import checksum_of

BIG = b"0123456789" * 5_000
SIZES = [b"", b"small", BIG]
IDS = ["empty", "inline", "file"]


@pytest.fixture
def harness() -> HookedHarness:
    harness = HookedHarness(settings=SMALL)
    harness.bucket()
    return harness


def append(
    harness: Harness, offset: int, data: bytes, path: str = "/bucket/k", **headers: str
) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["x-amz-write-offset-bytes"] = str(offset)
    return harness.request("PUT", path, named, data)


def get(harness: Harness, path: str = "/bucket/k", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return harness.request("GET", path, named)


def etag_of(*parts: bytes) -> str:
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'


@pytest.mark.parametrize("first", SIZES[1:], ids=IDS[1:])
@pytest.mark.parametrize("second", SIZES[1:], ids=IDS[1:])
def test_what_is_appended_follows_what_is_there(
    harness: HookedHarness, first: bytes, second: bytes
) -> None:
    headers = {"content-type": "text/x", "x-amz-meta-a": "1", "x-amz-tagging": "t=1"}
    harness.put("/bucket/k", first, headers=headers)
    blobs = len(list(harness.blobs.files()))
    answer = append(harness, len(first), second)
    assert (answer.status, answer.headers["etag"]) == (200, etag_of(first, second))
    assert answer.headers["x-amz-object-size"] == str(len(first + second))
    # The old bytes are written again only if they were in the database.
    assert len(list(harness.blobs.files())) == blobs + (1 if first is BIG else 2)
    answer = append(harness, len(first + second), b"third")
    assert answer.headers["etag"] == etag_of(first, second, b"third")
    whole = first + second + b"third"
    got = get(harness, x_amz_checksum_mode="ENABLED")
    assert got.body == whole
    assert got.headers["content-type"] == "text/x"
    assert (got.headers["x-amz-meta-a"], got.headers["x-amz-tagging-count"]) == ("1", "1")
    assert got.headers["x-amz-checksum-crc64nvme"] == checksum_of("CRC64NVME", whole)
    assert got.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    part = harness.request("GET", "/bucket/k?partNumber=2")
    assert (part.body, part.headers["x-amz-mp-parts-count"]) == (second, "3")
    ranged = get(harness, range=f"bytes={len(first) - 1}-{len(first)}")
    assert ranged.body == whole[len(first) - 1 : len(first) + 1]


@pytest.mark.parametrize("data", SIZES, ids=IDS)
def test_offset_zero_makes_an_object_that_is_not_there(harness: HookedHarness, data: bytes) -> None:
    answer = append(harness, 0, data, x_amz_meta_a="1")
    assert (answer.status, answer.headers["etag"]) == (200, f'"{hashlib.md5(data).hexdigest()}"')
    assert "x-amz-object-size" not in answer.headers
    assert get(harness).headers["x-amz-meta-a"] == "1"
    assert get(harness).body == data


def test_to_nothing_and_of_nothing(harness: HookedHarness) -> None:
    harness.put("/bucket/k", b"")
    assert append(harness, 0, b"one").headers["etag"] == etag_of(b"one")
    before = harness.request("HEAD", "/bucket/k").headers
    answer = append(harness, 3, b"")
    assert (answer.status, answer.headers["x-amz-object-size"]) == (200, "3")
    assert harness.request("HEAD", "/bucket/k").headers == before
    assert get(harness).body == b"one"


@pytest.mark.parametrize(
    ("offset", "headers", "code"),
    [
        ("3", {}, "InvalidWriteOffset"),
        ("5", {}, "InvalidWriteOffset"),
        ("0", {}, "InvalidWriteOffset"),
        ("-1", {}, "InvalidArgument"),
        ("four", {}, "InvalidArgument"),
        ("9" * 30, {}, "InvalidArgument"),
        ("4", {"if-match": '"e"'}, "PreconditionFailed"),
        ("4", {"if-none-match": "*"}, "PreconditionFailed"),
        ("4", {"x-amz-meta-a": "2"}, "InvalidRequest"),
        ("4", {"x-amz-tagging": "a=2"}, "InvalidRequest"),
        ("4", {"cache-control": "no-store"}, "InvalidRequest"),
        ("4", {"x-amz-storage-class": "GLACIER"}, "InvalidRequest"),
        ("4", {"x-amz-object-lock-legal-hold": "ON"}, "InvalidRequest"),
    ],
)
def test_what_is_refused_is_refused_before_the_body(
    harness: HookedHarness, offset: str, headers: dict[str, str], code: str
) -> None:
    harness.put("/bucket/k", b"four", headers={"x-amz-meta-a": "1"})
    answer = harness.request(
        "PUT", "/bucket/k", {**headers, "x-amz-write-offset-bytes": offset}, b"more"
    )
    assert answer.error == code
    assert not answer.exchange.body.touched
    assert get(harness).body == b"four"


def test_metadata_that_the_object_has_may_be_repeated(harness: HookedHarness) -> None:
    harness.put("/bucket/k", b"four", headers={"x-amz-meta-a": "1", "cache-control": "c"})
    answer = append(
        harness, 4, b"!", x_amz_meta_a="1", cache_control="c", content_type="application/x",
        if_match=f'"{hashlib.md5(b"four").hexdigest()}"', x_amz_storage_class="STANDARD",
    )  # fmt: skip
    assert answer.status == 200
    assert get(harness).headers["content-type"] == "binary/octet-stream"


def test_a_body_that_is_not_what_it_should_be_is_not_appended(harness: HookedHarness) -> None:
    harness.put("/bucket/k", b"four")
    files = len(list(harness.blobs.files()))
    assert append(harness, 4, b"!", x_amz_checksum_crc32="AAAAAA==").error == "BadDigest"
    assert append(harness, 4, b"!", content_md5=base64(bytes(16))).error == "BadDigest"
    assert get(harness).body == b"four"
    assert len(list(harness.blobs.files())) == files


def test_there_are_limits() -> None:
    small = Settings(max_parts=3, max_object_bytes=20, max_put_bytes=10, min_part_bytes=1)
    harness = Harness(settings=small)
    harness.bucket()
    harness.put("/bucket/k", b"1")
    for offset in (1, 2):
        assert append(harness, offset, b"+").status == 200
    answer = append(harness, 3, b"+")
    assert (answer.status, answer.error) == (400, "TooManyParts")
    harness.put("/bucket/k", b"1" * 10)
    assert append(harness, 10, b"+" * 11).error == "EntityTooLarge"
    assert append(harness, 10, b"+" * 10).status == 200
    assert append(harness, 20, b"+").error == "EntityTooLarge"


def test_to_a_multipart_object(harness: HookedHarness) -> None:
    upload = Uploading(harness, "/bucket/k")
    upload.part(1, b"a" * 200)
    upload.part(9_000, b"b")
    assert upload.complete().status == 200
    answer = append(harness, 201, b"c")
    assert answer.headers["etag"] == etag_of(b"a" * 200, b"b", b"c")
    assert get(harness).body == b"a" * 200 + b"bc"
    attributes = harness.request(
        "GET", "/bucket/k?attributes", {"x-amz-object-attributes": "ObjectParts"}
    )
    assert attributes.text("ObjectParts/PartsCount") == "3"


def test_with_versioning_each_append_is_a_version_that_shares_the_bytes() -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket(versioning="Enabled")
    first = harness.put("/bucket/k", BIG).headers["x-amz-version-id"]
    second = append(harness, len(BIG), b"2").headers["x-amz-version-id"]
    append(harness, len(BIG) + 1, b"3")
    assert len(list(harness.blobs.files())) == 3
    assert harness.request("GET", f"/bucket/k?versionId={first}").body == BIG
    assert harness.request("GET", f"/bucket/k?versionId={second}").body == BIG + b"2"
    harness.request("DELETE", "/bucket/k")
    assert append(harness, len(BIG) + 2, b"4").error == "InvalidWriteOffset"
    assert append(harness, 0, b"new").status == 200
    assert get(harness).body == b"new"


def test_a_locked_version_stays_and_the_longer_one_has_its_own_lock() -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket(locked=True)
    version = harness.put("/bucket/k", b"1").headers["x-amz-version-id"]
    hold = b"<LegalHold><Status>ON</Status></LegalHold>"
    harness.request("PUT", "/bucket/k?legal-hold", body=hold)
    md5 = base64(hashlib.md5(b"2").digest())
    assert append(harness, 1, b"2", x_amz_object_lock_legal_hold="OFF").error == "InvalidRequest"
    answer = append(harness, 1, b"2", x_amz_object_lock_legal_hold="OFF", content_md5=md5)
    assert answer.status == 200
    assert harness.request("GET", "/bucket/k?legal-hold").text("Status") == "OFF"
    assert harness.request("DELETE", f"/bucket/k?versionId={version}").error == "AccessDenied"


class TestChecksums:
    @pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
    def test_a_crc_is_that_of_the_whole(self, harness: HookedHarness, algorithm: str) -> None:
        header = f"x-amz-checksum-{algorithm.lower()}"
        harness.put("/bucket/k", b"one", headers={header: checksum_of(algorithm, b"one")})
        # The client may check what it sends by another one.
        answer = append(harness, 3, b"two", x_amz_checksum_sha1=checksum_of("SHA1", b"two"))
        assert answer.headers[header] == checksum_of(algorithm, b"onetwo")

    @pytest.mark.parametrize("algorithm", ["SHA256", "SHA512", "MD5", "XXHASH3"])
    def test_another_becomes_that_of_the_parts(
        self, harness: HookedHarness, algorithm: str
    ) -> None:
        header = f"x-amz-checksum-{algorithm.lower()}"
        harness.put("/bucket/k", b"one", headers={header: checksum_of(algorithm, b"one")})
        append(harness, 3, b"two")
        answer = append(harness, 6, b"3")
        assert answer.headers[header].endswith("-3")
        assert answer.headers["x-amz-checksum-type"] == "COMPOSITE"
        attributes = harness.request(
            "GET", "/bucket/k?attributes", {"x-amz-object-attributes": "ObjectParts"}
        )
        found = attributes.texts(f"ObjectParts/Part/Checksum{algorithm}")
        assert found == [checksum_of(algorithm, part) for part in (b"one", b"two", b"3")]

    def test_one_that_a_copy_computed_anew_is_not_known_of_its_parts(
        self, harness: HookedHarness
    ) -> None:
        harness.put("/bucket/k", b"one")
        append(harness, 3, b"two")
        headers = {"x-amz-copy-source": "/bucket/k", "x-amz-checksum-algorithm": "SHA256"}
        harness.request("PUT", "/bucket/copy", headers)
        answer = append(harness, 6, b"!", "/bucket/copy")
        assert answer.status == 200
        assert not [name for name in answer.headers if name.startswith("x-amz-checksum-")]
        assert append(harness, 7, b"!", "/bucket/copy").status == 200
        assert get(harness, "/bucket/copy").body == b"onetwo!!"

    def test_without_one_there_is_none(self) -> None:
        base = Version(b"", False, 1, "", Body(BodyKind.MANIFEST, b"m", 1), "o")
        assert appended_checksum(base, ()) is None


class TestInBetween:
    def test_of_two_appends_at_one_offset_one_is_refused(self, harness: HookedHarness) -> None:
        harness.put("/bucket/k", b"one")
        other: list[Answer] = []
        harness.store.before(
            "change", lambda: other.append(append(harness, 3, b"other")), PutVersion
        )
        assert append(harness, 3, b"two").error == "InvalidWriteOffset"
        assert other[0].status == 200
        assert get(harness).body == b"oneother"

    def test_of_two_that_make_the_object_one_is_refused(self, harness: HookedHarness) -> None:
        harness.store.before("change", lambda: append(harness, 0, b"other"), PutVersion)
        assert append(harness, 0, b"two").error == "ConditionalRequestConflict"
        assert get(harness).body == b"other"

    def test_tags_that_are_set_meanwhile_stay(self, harness: HookedHarness) -> None:
        harness.put("/bucket/k", BIG)
        document = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
        harness.store.before(
            "change",
            lambda: harness.request("PUT", "/bucket/k?tagging", body=document),
            PutVersion,
        )
        assert append(harness, len(BIG), b"!").status == 200
        assert get(harness).body == BIG + b"!"
        assert get(harness).headers["x-amz-tagging-count"] == "1"

    @pytest.mark.parametrize("data", [b"small", BIG], ids=IDS[1:])
    def test_one_of_the_same_size_is_appended_to(self, harness: HookedHarness, data: bytes) -> None:
        harness.put("/bucket/k", data)
        other = bytes(reversed(data))
        harness.store.before("change", lambda: harness.put("/bucket/k", other), PutVersion)
        assert append(harness, len(data), b"!").status == 200
        assert get(harness).body == other + b"!"

    def test_one_with_another_checksum_is_not(self, harness: HookedHarness) -> None:
        harness.put("/bucket/k", b"one")
        headers = {"x-amz-checksum-sha1": checksum_of("SHA1", b"two")}
        harness.store.before(
            "change", lambda: harness.put("/bucket/k", b"two", headers=headers), PutVersion
        )
        assert append(harness, 3, b"!").error == "ConditionalRequestConflict"
        assert get(harness).body == b"two"


def test_the_records_of_the_blobs_are_those_of_parts(harness: HookedHarness) -> None:
    """A lost database takes what was appended for the parts of an open upload, and not for
    objects that would hide the real one."""
    seen: list[Any] = []
    writer = harness.blobs.writer

    def noting(*args: Any) -> Any:
        made = writer(*args)
        commit = made.commit

        async def noted(footer: bytes) -> Any:
            seen.append(decode_blob_record(footer))
            return await commit(footer)

        made.commit = noted
        return made

    harness.blobs.writer = noting
    harness.put("/bucket/k", b"one")
    append(harness, 3, b"two")
    append(harness, 6, b"three")
    assert [(record.kind, record.part.number) for record in seen] == [
        (PART, 2),
        (PART, 1),
        (PART, 3),
    ]
    assert len({record.upload.upload_id for record in seen}) == 1
