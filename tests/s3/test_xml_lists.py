"""Listings as documents, read back with botocore's parser."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tests.s3.documents import read_document
from z4tw.model.control import Bucket
from z4tw.model.objects import EMPTY_BODY, Checksum, Version
from z4tw.model.registers import ListPage, LiveRow, VersionPage, upload_prefix
from z4tw.model.stamps import pack_stamp, version_id_of
from z4tw.model.uploads import Part, Upload
from z4tw.s3.xml_lists import (
    list_buckets,
    list_objects_v1,
    list_objects_v2,
    list_parts,
    list_uploads,
    list_versions,
)

OWNER = "a" * 64
OWNERS = {OWNER: "Tom & Co"}
MS = 1445412480_123
DATE = datetime(2015, 10, 21, 7, 28, tzinfo=UTC)
STAMP = pack_stamp(MS << 16, bytes(8), 1)
TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\uffff\ufffe")
    | st.sampled_from("\t\n\r&<>"),
    max_size=8,
)  # fmt: skip


def row(key: str, checksum: str = "CRC32/COMPOSITE") -> LiveRow:
    return LiveRow(key.encode(), 5, "0" * 32, MS, "STANDARD", OWNER, checksum)


@given(st.lists(TEXT, max_size=5), st.lists(TEXT, max_size=3), TEXT, TEXT, TEXT, st.booleans())
def test_v2_comes_back_in_boto3(
    keys: list[str], prefixes: list[str], prefix: str, delimiter: str, after: str, url: bool
) -> None:
    page = ListPage([row(key) for key in keys], [p.encode() for p in prefixes], True, b"")
    document = list_objects_v2(
        "bucket", page, prefix=prefix, delimiter=delimiter, max_keys=7, url=url,
        start_after=after, token="t0", next_token="t1",
    )  # fmt: skip
    found = read_document("ListObjectsV2", document)
    decode = unquote_plus if url else str
    assert [decode(item["Key"]) for item in found.get("Contents", [])] == keys
    assert [decode(item["Prefix"]) for item in found.get("CommonPrefixes", [])] == prefixes
    assert decode(found["Prefix"]) == prefix
    assert decode(found.get("Delimiter", "")) == delimiter
    assert decode(found.get("StartAfter", "")) == after
    assert found.get("EncodingType") == ("url" if url else None)
    assert (found["KeyCount"], found["MaxKeys"]) == (len(keys) + len(prefixes), 7)
    assert found["IsTruncated"] is True
    assert (found["ContinuationToken"], found["NextContinuationToken"]) == ("t0", "t1")


def test_v2_rows_have_all_fields_and_owners_only_on_demand() -> None:
    page = ListPage([row("k"), row("l", "")], [], False, b"l")
    plain = list_objects_v2("b", page, prefix="", delimiter="", max_keys=1000, url=False)
    first, second = read_document("ListObjectsV2", plain)["Contents"]
    assert first == {
        "Key": "k",
        "LastModified": DATE,
        "ETag": '"' + "0" * 32 + '"',
        "ChecksumAlgorithm": ["CRC32"],
        "ChecksumType": "COMPOSITE",
        "Size": 5,
        "StorageClass": "STANDARD",
    }
    assert "ChecksumAlgorithm" not in second
    owned = list_objects_v2(
        "b", page, prefix="", delimiter="", max_keys=1000, url=False, owners=OWNERS
    )
    assert read_document("ListObjectsV2", owned)["Contents"][0]["Owner"] == {
        "ID": OWNER,
        "DisplayName": "Tom & Co",
    }


def test_v1_names_the_next_marker_only_with_a_delimiter() -> None:
    page = ListPage([row("a b")], [b"c d/"], True, b"c d/")
    values = {"prefix": "p ", "marker": "m ", "max_keys": 2, "owners": OWNERS}
    found = read_document(
        "ListObjects", list_objects_v1("b", page, delimiter="/", url=True, **values)  # type: ignore[arg-type]
    )  # fmt: skip
    assert found["NextMarker"] == "c%20d/"
    assert (found["Marker"], found["Prefix"], found["Delimiter"]) == ("m%20", "p%20", "/")
    assert found["Contents"][0]["Owner"]["ID"] == OWNER
    found = read_document(
        "ListObjects", list_objects_v1("b", page, delimiter="", url=False, **values)  # type: ignore[arg-type]
    )  # fmt: skip
    assert "NextMarker" not in found
    assert (found["Marker"], found["Name"], found["MaxKeys"]) == ("m ", "b", 2)


def test_versions_and_delete_markers_keep_their_order() -> None:
    first = Version(STAMP, False, 9, "e", EMPTY_BODY, OWNER, checksum=Checksum("SHA1", "F", "v"))
    marker = Version(STAMP, True, 0, "", EMPTY_BODY, OWNER, delete_marker=True)
    page = VersionPage(
        [(b"a<", marker, True), (b"a<", first, False), (b"b", first, True)], [b"c/"], True,
        b"b", first.version_id,
    )  # fmt: skip
    document = list_versions(
        "bucket", page, prefix="", delimiter="/", key_marker="k", version_marker="v", max_keys=4,
        url=False, owners=OWNERS,
    )  # fmt: skip
    tags = [child.tag.rpartition("}")[2] for child in ElementTree.fromstring(document)]
    assert [tag for tag in tags if tag in ("Version", "DeleteMarker", "CommonPrefixes")] == [
        "DeleteMarker",
        "Version",
        "Version",
        "CommonPrefixes",
    ]
    found = read_document("ListObjectVersions", document)
    assert found["DeleteMarkers"] == [
        {
            "Key": "a<",
            "VersionId": "null",
            "IsLatest": True,
            "LastModified": DATE,
            "Owner": {"ID": OWNER, "DisplayName": "Tom & Co"},
        }
    ]
    version = found["Versions"][0]
    assert (version["VersionId"], version["IsLatest"]) == (version_id_of(STAMP), False)
    assert (version["ETag"], version["Size"], version["ChecksumAlgorithm"]) == ('"e"', 9, ["SHA1"])
    assert (found["NextKeyMarker"], found["NextVersionIdMarker"]) == ("b", version_id_of(STAMP))
    assert (found["KeyMarker"], found["VersionIdMarker"]) == ("k", "v")


def test_a_last_page_of_versions_has_no_next_markers() -> None:
    document = list_versions(
        "b", VersionPage([], [], False), prefix="", delimiter="", key_marker="",
        version_marker="", max_keys=0, url=True, owners={},
    )  # fmt: skip
    found = read_document("ListObjectVersions", document)
    assert found["IsTruncated"] is False
    assert "NextKeyMarker" not in found


def test_uploads_show_keys_ids_and_markers() -> None:
    id = version_id_of(STAMP)
    key = upload_prefix(b"a&\x00") + id.encode()
    upload = LiveRow(key, 0, OWNER, MS, "GLACIER", OWNER, "CRC32C/COMPOSITE")
    values = {"prefix": "", "delimiter": "/", "key_marker": "k", "upload_id_marker": "u",
              "max_uploads": 3, "owners": OWNERS}  # fmt: skip
    found = read_document(
        "ListMultipartUploads",
        list_uploads("b", ListPage([upload], [b"z/"], True, key), url=True, **values),  # type: ignore[arg-type]
    )
    who = {"ID": OWNER, "DisplayName": "Tom & Co"}
    assert found["Uploads"] == [
        {
            "Key": "a%26%00",
            "UploadId": id,
            "Initiator": who,
            "Owner": who,
            "StorageClass": "GLACIER",
            "Initiated": DATE,
            "ChecksumAlgorithm": "CRC32C",
            "ChecksumType": "COMPOSITE",
        }
    ]
    assert (found["NextKeyMarker"], found["NextUploadIdMarker"]) == ("a%26%00", id)
    assert (found["KeyMarker"], found["UploadIdMarker"], found["MaxUploads"]) == ("k", "u", 3)
    assert found["CommonPrefixes"] == [{"Prefix": "z/"}]
    stopped = ListPage([], [b"z/"], True, upload_prefix(b"z/") + b"\xff")
    found = read_document(
        "ListMultipartUploads",
        list_uploads("b", stopped, url=False, **values),  # type: ignore[arg-type]
    )
    assert (found["NextKeyMarker"], found["NextUploadIdMarker"]) == ("z/", "")


def test_parts_show_their_checksums_and_the_next_marker() -> None:
    upload = Upload(STAMP, "k<", "id", OWNER, "b" * 64, checksum_algorithm="CRC32",
                    checksum_type="COMPOSITE")  # fmt: skip
    parts = [Part(STAMP, n, 5, "e", EMPTY_BODY, "AAAAAA==") for n in (3, 7)]
    found = read_document(
        "ListParts",
        list_parts("b", upload, parts, marker=2, max_parts=2, truncated=True, owners=OWNERS),
    )
    assert found["Parts"][1] == {
        "PartNumber": 7,
        "LastModified": DATE,
        "ETag": '"e"',
        "Size": 5,
        "ChecksumCRC32": "AAAAAA==",
    }
    assert (found["PartNumberMarker"], found["NextPartNumberMarker"]) == (2, 7)
    assert (found["Key"], found["ChecksumType"], found["IsTruncated"]) == ("k<", "COMPOSITE", True)
    assert found["Initiator"] == {"ID": "b" * 64, "DisplayName": ""}
    plain = Upload(STAMP, "k", "id", OWNER, OWNER)
    found = read_document(
        "ListParts",
        list_parts("b", plain, [], marker=9, max_parts=2, truncated=False, owners=OWNERS),
    )
    assert "ChecksumAlgorithm" not in found
    assert found["NextPartNumberMarker"] == 9


def test_buckets_are_listed_with_their_owner() -> None:
    bucket = Bucket(STAMP, "my.bucket", 1, OWNER, MS, "eu-west-1")
    found = read_document("ListBuckets", list_buckets(OWNER, "Tom & Co", [bucket], "my", "t"))
    assert found == {
        "Owner": {"ID": OWNER, "DisplayName": "Tom & Co"},
        "Buckets": [
            {"Name": "my.bucket", "CreationDate": DATE, "BucketRegion": "eu-west-1"},
        ],
        "Prefix": "my",
        "ContinuationToken": "t",
    }
    assert read_document("ListBuckets", list_buckets(OWNER, "x", []))["Buckets"] == []
