"""ListParts and ListMultipartUploads."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.harness import Harness
from tests.ops.hooks import SMALL, Uploading


@pytest.fixture
def harness() -> Harness:
    harness = Harness(settings=SMALL)
    harness.bucket()
    return harness


def test_parts_are_listed_in_pages(harness: Harness) -> None:
    uploading = Uploading(harness, headers={"x-amz-storage-class": "STANDARD_IA"})
    numbers = [1, 2, 5, 9, 10_000]
    for number in reversed(numbers):
        uploading.part(number, bytes(number % 7))
    target = f"/bucket/key?uploadId={uploading.id}"
    whole = harness.request("GET", target)
    assert whole.xml.tag == "ListPartsResult"
    assert whole.texts("Part/PartNumber") == [str(number) for number in numbers]
    assert whole.texts("Part/Size") == [str(number % 7) for number in numbers]
    assert (whole.text("IsTruncated"), whole.text("MaxParts")) == ("false", "1000")
    assert whole.text("StorageClass") == "STANDARD_IA"
    assert whole.text("Owner/ID") == whole.text("Initiator/ID") == harness.user.account_id
    assert whole.text("Owner/DisplayName") == "user"
    seen: list[str] = []
    marker = "0"
    while True:
        page = harness.request("GET", f"{target}&max-parts=2&part-number-marker={marker}")
        seen += page.texts("Part/PartNumber")
        assert page.text("PartNumberMarker") == marker
        marker = page.text("NextPartNumberMarker") or ""
        if page.text("IsTruncated") == "false":
            break
    assert seen == [str(number) for number in numbers]


def test_pages_at_their_limits(harness: Harness) -> None:
    uploading = Uploading(harness)
    uploading.part(1, b"x")
    target = f"/bucket/key?uploadId={uploading.id}"
    none = harness.request("GET", f"{target}&max-parts=0")
    assert (none.texts("Part/PartNumber"), none.text("IsTruncated")) == ([], "false")
    for marker in ("10000", "99999999"):
        page = harness.request("GET", f"{target}&part-number-marker={marker}")
        assert (page.texts("Part/PartNumber"), page.text("IsTruncated")) == ([], "false")
    assert harness.request("GET", f"{target}&max-parts=5000").text("MaxParts") == "1000"
    for query in ("max-parts=x", "max-parts=-1", "part-number-marker=-1", "part-number-marker=x"):
        assert harness.request("GET", f"{target}&{query}").error == "InvalidArgument"


def test_checksums_are_listed_where_the_upload_has_an_algorithm(harness: Harness) -> None:
    headers = {"x-amz-checksum-algorithm": "CRC64NVME"}
    uploading = Uploading(harness, headers=headers)
    answer = uploading.part(1, b"data")
    listed = harness.request("GET", f"/bucket/key?uploadId={uploading.id}")
    assert listed.text("ChecksumAlgorithm") == "CRC64NVME"
    assert listed.text("ChecksumType") == "FULL_OBJECT"
    assert listed.texts("Part/ChecksumCRC64NVME") == [answer.headers["x-amz-checksum-crc64nvme"]]


def test_a_completed_upload_has_no_parts_to_list(harness: Harness) -> None:
    uploading = Uploading(harness)
    uploading.part(1, b"data")
    assert uploading.complete().status == 200
    target = f"/bucket/key?uploadId={uploading.id}"
    assert harness.request("GET", target).error == "NoSuchUpload"
    assert harness.request("GET", "/bucket?uploads").texts("Upload/Key") == []


def test_uploads_are_listed_by_key_and_age(harness: Harness) -> None:
    keys = ["b", "a", "a", "dir/x", "dir/y", "z"]
    ids = [(key, Uploading(harness, f"/bucket/{key}").id) for key in keys]
    listed = harness.request("GET", "/bucket?uploads")
    assert listed.xml.tag == "ListMultipartUploadsResult"
    expected = sorted(ids, key=lambda item: item[0])
    rows = zip(listed.texts("Upload/Key"), listed.texts("Upload/UploadId"), strict=True)
    assert list(rows) == expected
    assert listed.text("Upload/Owner/DisplayName") == "user"
    assert listed.text("Upload/Initiator/ID") == harness.user.account_id
    folded = harness.request("GET", "/bucket?uploads&delimiter=%2F")
    assert folded.texts("Upload/Key") == ["a", "a", "b", "z"]
    assert folded.texts("CommonPrefixes/Prefix") == ["dir/"]
    inside = harness.request("GET", "/bucket?uploads&delimiter=%2F&prefix=dir%2F")
    assert inside.texts("Upload/Key") == ["dir/x", "dir/y"]


def test_markers(harness: Harness) -> None:
    first = Uploading(harness, "/bucket/a").id
    second = Uploading(harness, "/bucket/a").id
    Uploading(harness, "/bucket/b")
    within = harness.request("GET", f"/bucket?uploads&key-marker=a&upload-id-marker={first}")
    assert within.texts("Upload/UploadId")[0] == second
    assert within.texts("Upload/Key") == ["a", "b"]
    past = harness.request("GET", "/bucket?uploads&key-marker=a")
    assert past.texts("Upload/Key") == ["b"]
    ignored = harness.request("GET", f"/bucket?uploads&upload-id-marker={first}")
    assert ignored.texts("Upload/Key") == ["a", "a", "b"]
    refused = harness.request("GET", "/bucket?uploads&key-marker=a&upload-id-marker=nonsense")
    assert refused.details["ArgumentName"] == "upload-id-marker"
    assert harness.request("GET", "/bucket?uploads&max-uploads=x").error == "InvalidArgument"
    assert harness.request("GET", "/bucket?uploads&encoding-type=x").error == "InvalidArgument"


def test_keys_are_url_encoded_on_request(harness: Harness) -> None:
    Uploading(harness, "/bucket/a%20%0A%C3%A4")
    listed = harness.request("GET", "/bucket?uploads&encoding-type=url")
    assert listed.texts("Upload/Key") == ["a%20%0A%C3%A4"]
    assert listed.text("EncodingType") == "url"


KEYS = st.lists(st.text("ab/\x00é", min_size=1, max_size=4), max_size=6)


@settings(max_examples=40, deadline=None)
@given(KEYS, st.sampled_from(["", "/", "b"]), st.integers(1, 3))
def test_pages_add_up_to_the_whole(keys: list[str], delimiter: str, most: int) -> None:
    harness = Harness(settings=SMALL)
    harness.bucket()
    for key in keys:
        Uploading(harness, "/bucket/" + quote(key, safe=""))
    base = f"/bucket?uploads&encoding-type=url&delimiter={quote(delimiter, safe='')}"

    def items(target: str) -> tuple[list[str], list[str], str, str]:
        page = harness.request("GET", target)
        return (
            page.texts("Upload/UploadId"),
            page.texts("CommonPrefixes/Prefix"),
            page.text("NextKeyMarker") or "",
            page.text("NextUploadIdMarker") or "",
        )

    whole = items(base)
    ids: list[str] = []
    prefixes: list[str] = []
    key_marker = id_marker = ""
    for _ in range(len(keys) + 1):
        page = items(
            f"{base}&max-uploads={most}&key-marker={key_marker}&upload-id-marker={id_marker}"
        )
        assert len(page[0]) + len(page[1]) <= most
        ids += page[0]
        prefixes += page[1]
        key_marker, id_marker = page[2], page[3]
        if not key_marker:
            break
    assert (ids, prefixes) == whole[:2]
