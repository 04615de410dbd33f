"""GetObjectAttributes."""

from __future__ import annotations

import hashlib

import pytest

from tests.ops.harness import Harness
from tests.ops.hooks import SMALL, HookedHarness, Uploading, base64
from z4tw.errors import CorruptBlob
from z4tw.model.objects import BodyKind

ALL = {"x-amz-object-attributes": "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"}
PARTS = [b"a" * 150, b"b" * 120, b"c" * 7]


@pytest.fixture
def harness() -> HookedHarness:
    harness = HookedHarness(settings=SMALL)
    harness.bucket()
    return harness


def uploaded(harness: Harness, algorithm: str = "") -> Uploading:
    headers = {"x-amz-checksum-algorithm": algorithm} if algorithm else None
    uploading = Uploading(harness, "/bucket/mp", headers)
    for number, part in enumerate(PARTS, 1):
        value = base64(hashlib.sha256(part).digest())
        uploading.checksums[number] = value
        uploading.part(number, part, {"x-amz-checksum-sha256": value} if algorithm else {})
    answer = uploading.complete(extra="ChecksumSHA256" if algorithm else "")
    assert answer.status == 200, answer
    return uploading


def test_all_attributes_of_a_plain_object(harness: HookedHarness) -> None:
    put = harness.put("/bucket/key", b"data", headers={"x-amz-storage-class": "STANDARD_IA"})
    answer = harness.request("GET", "/bucket/key?attributes", ALL)
    assert answer.status == 200
    assert answer.xml.tag == "GetObjectAttributesResponse"
    tags = [element.tag for element in answer.xml]
    assert tags == ["ETag", "Checksum", "StorageClass", "ObjectSize"]
    assert answer.text("ETag") == hashlib.md5(b"data").hexdigest()
    assert answer.text("Checksum/ChecksumCRC64NVME") == put.headers["x-amz-checksum-crc64nvme"]
    assert answer.text("Checksum/ChecksumType") == "FULL_OBJECT"
    assert (answer.text("StorageClass"), answer.text("ObjectSize")) == ("STANDARD_IA", "4")
    head = harness.request("HEAD", "/bucket/key")
    assert answer.headers["last-modified"] == head.headers["last-modified"]
    assert "x-amz-version-id" not in answer.headers


def test_only_what_was_asked_for(harness: HookedHarness) -> None:
    harness.put("/bucket/key", b"data")
    wanted = {"x-amz-object-attributes": "ObjectSize , ETag"}
    answer = harness.request("GET", "/bucket/key?attributes", wanted)
    assert [element.tag for element in answer.xml] == ["ETag", "ObjectSize"]


@pytest.mark.parametrize("value", ["", "Nonsense", "ETag,Nonsense", "etag"])
def test_unknown_attributes(harness: HookedHarness, value: str) -> None:
    harness.put("/bucket/key", b"data")
    answer = harness.request("GET", "/bucket/key?attributes", {"x-amz-object-attributes": value})
    assert answer.error == "InvalidArgument"
    assert answer.details["ArgumentName"] == "x-amz-object-attributes"


def test_a_composite_checksum_lists_parts(harness: HookedHarness) -> None:
    uploading = uploaded(harness, "SHA256")
    answer = harness.request("GET", "/bucket/mp?attributes", ALL)
    head = harness.request("HEAD", "/bucket/mp", {"x-amz-checksum-mode": "ENABLED"})
    value = answer.text("Checksum/ChecksumSHA256")
    # AWS writes the number of parts behind the value everywhere but here.
    assert head.headers["x-amz-checksum-sha256"] == f"{value}-3"
    assert answer.text("Checksum/ChecksumType") == "COMPOSITE"
    assert answer.text("ObjectParts/PartsCount") == "3"
    assert answer.texts("ObjectParts/Part/PartNumber") == ["1", "2", "3"]
    assert answer.texts("ObjectParts/Part/Size") == ["150", "120", "7"]
    sums = answer.texts("ObjectParts/Part/ChecksumSHA256")
    assert sums == list(uploading.checksums.values())


def test_parts_come_in_pages(harness: HookedHarness) -> None:
    uploaded(harness, "SHA256")
    first = harness.request("GET", "/bucket/mp?attributes", {**ALL, "x-amz-max-parts": "2"})
    assert first.texts("ObjectParts/Part/PartNumber") == ["1", "2"]
    assert first.text("ObjectParts/IsTruncated") == "true"
    marker = first.text("ObjectParts/NextPartNumberMarker")
    assert marker == "2"
    headers = {**ALL, "x-amz-max-parts": "2", "x-amz-part-number-marker": marker}
    second = harness.request("GET", "/bucket/mp?attributes", headers)
    assert second.texts("ObjectParts/Part/PartNumber") == ["3"]
    assert second.text("ObjectParts/IsTruncated") == "false"
    for name in ("x-amz-max-parts", "x-amz-part-number-marker"):
        answer = harness.request("GET", "/bucket/mp?attributes", {**ALL, name: "x"})
        assert answer.error == "InvalidArgument"


def test_a_full_object_checksum_counts_parts_only(harness: HookedHarness) -> None:
    uploaded(harness)
    answer = harness.request("GET", "/bucket/mp?attributes", ALL)
    assert answer.text("ObjectParts/PartsCount") == "3"
    assert answer.texts("ObjectParts/Part/PartNumber") == []
    assert answer.text("ObjectSize") == "277"


def test_versions_and_delete_markers() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    version_id = harness.put("/bucket/key", b"old").headers["x-amz-version-id"]
    marker = harness.request("DELETE", "/bucket/key").headers["x-amz-version-id"]
    answer = harness.request("GET", f"/bucket/key?attributes&versionId={version_id}", ALL)
    assert answer.headers["x-amz-version-id"] == version_id
    assert answer.text("ObjectSize") == "3"
    absent = harness.request("GET", "/bucket/key?attributes", ALL)
    assert (absent.error, absent.headers["x-amz-delete-marker"]) == ("NoSuchKey", "true")
    refused = harness.request("GET", f"/bucket/key?attributes&versionId={marker}", ALL)
    assert refused.error == "MethodNotAllowed"
    target = f"/bucket/key?attributes&versionId={'0' * 32}"
    assert harness.request("GET", target, ALL).error == "NoSuchVersion"
    assert harness.request("GET", "/bucket/none?attributes", ALL).error == "NoSuchKey"


def test_an_object_that_is_replaced_meanwhile_is_read_anew(harness: HookedHarness) -> None:
    uploaded(harness, "SHA256")

    def replace() -> None:
        harness.put("/bucket/mp", b"new")
        harness.store._shared[BodyKind.MANIFEST].clear()

    harness.store.before("read_manifest", replace)
    answer = harness.request("GET", "/bucket/mp?attributes", ALL)
    assert answer.text("ObjectSize") == "3"
    assert answer.text("ObjectParts") is None


def test_a_lost_manifest_is_an_error(harness: HookedHarness) -> None:
    uploaded(harness)
    harness.store._shared[BodyKind.MANIFEST].clear()
    with pytest.raises(CorruptBlob):
        harness.request("GET", "/bucket/mp?attributes", ALL)


def test_strangers_see_nothing(harness: HookedHarness) -> None:
    harness.put("/bucket/key", b"data")
    stranger = harness.key("stranger")
    answer = harness.request("GET", "/bucket/key?attributes", ALL, key=stranger)
    assert answer.error == "AccessDenied"
